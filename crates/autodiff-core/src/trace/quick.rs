//! Operations of scalars in a hurry: what nearly every operation of a closure in plain loops is.
//!
//! As long as all nodes are scalars with a number, and nothing but a node and its number is to be noted of an operation, it is
//! recorded in some forty instructions, which are inlined where the closure applies an operator. Law: either all is done that
//! the long way does, or nothing but that a number is made known, which the long way finds then.

use super::{INNERMOST, NEVER, Tape, literal};
use crate::graph::{NodeId, Var};
use crate::real::Row;

impl Tape {
    /// Records a row of scalars of this tape if nothing else is asked: what nearly every operation of a closure is. Its variable
    /// and its number; `None` if anything is in the way, which [`record`](Tape::record) looks into.
    #[inline(always)]
    fn quick<const N: usize>(&mut self, row: Row, operands: [Var; N]) -> Option<(Var, f64)> {
        // Not `map`, which the compiler calls rather than inlines here.
        let mut args = [NodeId::from_index(0); N];
        for i in 0..N {
            if operands[i].trace != self.quick {
                return None;
            }
            args[i] = operands[i].node;
        }
        let next = self.graph.room()?;
        let number = self.numbers.value_of(next, row, args)?;
        let node = self.graph.scalar_row(row, args);
        self.numbers.put(next, number);
        Some((Var { trace: operands[0].trace, node }, number))
    }

    /// [`quick`](Tape::quick) of a variable and a number in the text of the closure, or in data that it names.
    #[inline(always)]
    fn quick_by(&mut self, row: Row, a: Var, c: f64) -> Option<(Var, f64)> {
        if a.trace != self.quick {
            return None;
        }
        let constant = self.literal_node(c)?;
        let next = self.graph.room()?;
        let number = self.numbers.value_by(next, row, a.node, c)?;
        let node = self.graph.scalar_row_by(row, [a.node, constant]);
        self.numbers.put(next, number);
        Some((Var { trace: a.trace, node }, number))
    }

    /// [`quick`](Tape::quick) of a `select`.
    #[inline]
    fn quick_select(&mut self, operands: [Var; 3]) -> Option<Var> {
        if operands.iter().any(|v| v.trace != self.quick) {
            return None;
        }
        let args = operands.map(|v| v.node);
        let next = self.graph.room()?;
        let number = self.numbers.value_of(next, Row::Select, args)?;
        let node = self.graph.scalar_select(args)?;
        self.numbers.put(next, number);
        Some(Var { trace: operands[0].trace, node })
    }

    /// The variable of a number in the text of the closure, if there it is [quick](Tape::quick).
    #[inline(always)]
    pub(super) fn quick_literal(&mut self, value: f64) -> Option<Var> {
        if self.quick == NEVER {
            return None;
        }
        let node = self.literal_node(value)?;
        Some(Var { trace: self.quick, node })
    }

    /// The constant of a number, on a tape that is quick.
    #[inline(always)]
    fn literal_node(&mut self, value: f64) -> Option<NodeId> {
        match self.literals.get(value) {
            Some(node) => Some(node),
            None => self.new_literal(value),
        }
    }

    /// Records a number that is not among the [literals](super::literals::Literals), on a tape that is quick.
    #[inline(never)]
    fn new_literal(&mut self, value: f64) -> Option<NodeId> {
        let node = self.quick_constant(value)?;
        self.literals.put(value, node);
        Some(node)
    }

    /// A constant on a tape that is quick, if there is room for it.
    #[inline]
    pub(super) fn quick_constant(&mut self, value: f64) -> Option<NodeId> {
        let next = self.graph.room().filter(|&next| self.numbers.has_place(next))?;
        let node = self.graph.scalar_constant(value);
        self.numbers.put(next, self.numbers.rounded(value));
        Some(node)
    }
}

/// What an operator is applied to: a variable, or a number in the text of the closure.
pub(crate) trait Operand: Copy {
    /// Its variable, if that is at hand.
    fn quick(self, tape: &mut Tape) -> Option<Var>;

    /// [Records](Tape::quick) a row of which it is the second operand; its variable and its number.
    fn quick_second(self, tape: &mut Tape, row: Row, first: Var) -> Option<(Var, f64)>;

    /// Its variable.
    fn variable(self) -> Var;
}

impl Operand for Var {
    #[inline(always)]
    fn quick(self, _: &mut Tape) -> Option<Var> {
        Some(self)
    }

    #[inline(always)]
    fn quick_second(self, tape: &mut Tape, row: Row, first: Var) -> Option<(Var, f64)> {
        tape.quick(row, [first, self])
    }

    #[inline(always)]
    fn variable(self) -> Var {
        self
    }
}

impl Operand for f64 {
    #[inline(always)]
    fn quick(self, tape: &mut Tape) -> Option<Var> {
        tape.quick_literal(self)
    }

    #[inline(always)]
    fn quick_second(self, tape: &mut Tape, row: Row, first: Var) -> Option<(Var, f64)> {
        tape.quick_by(row, first, self)
    }

    fn variable(self) -> Var {
        literal(self)
    }
}

/// Records an elementwise node of one operand if nothing is in the way, as [`record_row`](super::record_row) would. `ROW` is the place of the row
/// in the table: one short function for each, with the value of the row in it.
#[inline(always)]
pub(crate) fn record_quickly<const ROW: usize>(operand: Var) -> Option<Var> {
    at_hand(|tape| tape.quick(const { Row::ALL[ROW] }, [operand]).map(|(var, _)| var))
}

/// The same of two operands.
#[inline(always)]
pub(crate) fn record_two_quickly<const ROW: usize>(a: impl Operand, b: impl Operand) -> Option<Var> {
    at_hand(|tape| {
        let a = a.quick(tape)?;
        b.quick_second(tape, const { Row::ALL[ROW] }, a).map(|(var, _)| var)
    })
}

/// The same of a `select`.
#[inline]
pub(crate) fn record_select_quickly(mask: Var, if_true: Var, if_false: Var) -> Option<Var> {
    at_hand(|tape| tape.quick_select([mask, if_true, if_false]))
}

/// Whether variables are [quick](Tape::quick), and so scalars of the tape that is recorded.
#[inline]
pub(crate) fn are_quick(vars: &[Var]) -> bool {
    at_hand(|tape| vars.iter().all(|v| v.trace == tape.quick).then_some(())).is_some()
}

/// Runs `act`, which leaves the tape as [settled](Tape::settled) as it is, on the innermost one.
#[inline(always)]
pub(super) fn at_hand<R>(act: impl FnOnce(&mut Tape) -> Option<R>) -> Option<R> {
    // `try_with` is marked for inlining where `with` is not.
    INNERMOST.try_with(|innermost| act(innermost.try_borrow_mut().ok()?.as_deref_mut()?)).ok()?
}
