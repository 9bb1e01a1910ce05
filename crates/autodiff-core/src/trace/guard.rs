//! Comparisons of variables: a branch of the closure becomes a guard of the trace.
//!
//! `if a < b` asks for the numbers of `a` and `b` at the point of tracing, records the comparison as a node and its outcome
//! as a guard. A replay evaluates the guards with everything else; one that comes out otherwise makes the function trace
//! again. Reading a number out ([`Var::value`]) cannot be guarded: such a trace holds at its point only.
//!
//! Where there is no number, because the trace went wrong before or goes wrong here, the closure is left by unwinding, without a
//! message, and the session reports the error: with any number to go on with, a loop might never end. Only what asks for a number
//! does that; operators record nothing and go on.

use super::{Operand, Tape, at_hand, innermost};
use crate::error::{Error, Place};
use crate::graph::{Guard, NodeId, Var};
use crate::real::Row;
use std::cmp::Ordering;
use std::panic::{Location, resume_unwind};

impl Tape {
    /// Outcome of a comparison of scalars, guarded, if nothing is in the way.
    #[inline(always)]
    fn decide_quickly(&mut self, row: Row, a: impl Operand, b: impl Operand) -> Option<bool> {
        let a = a.quick(self)?;
        let (var, outcome) = b.quick_second(self, row, a)?;
        let expected = outcome != 0.0;
        self.graph.add_new_guard(Guard { node: var.node, expected });
        Some(expected)
    }

    /// Outcome of a scalar comparison, guarded; `None` where there are no numbers or the operands do not fit, and the tape is
    /// poisoned.
    fn decide(&mut self, row: Row, a: Var, b: Var, place: Place) -> Option<bool> {
        if self.numbers.are_complete(&self.graph)
            && let Some(var) = self.plain(row, [a, b])
            && let Some(outcome) = self.numbers.scalar(var.node)
        {
            let expected = outcome != 0.0;
            self.graph.add_guard(Guard { node: var.node, expected });
            return Some(expected);
        }
        if !self.owns("comparison", &[a, b], place) {
            return None;
        }
        for var in [a, b] {
            let shape = self.graph.shape(var.node);
            if shape.rank() != 0 {
                let message = format!(
                    "a branch needs scalars, found an array of shape {shape} (for a mask use less, less_equal or equals with select)"
                );
                self.poison(|| Error::Operation { operation: "comparison".into(), message, location: place });
                return None;
            }
        }
        let node = self.graph.row(row, &[a.node, b.node]).expect("two scalars fit a comparison");
        self.numbers.follow(&self.graph);
        let expected = self.number("comparison", node, place)? != 0.0;
        self.graph.add_guard(Guard { node, expected });
        Some(expected)
    }

    /// The number of a scalar node at the point of tracing; without one the tape is poisoned.
    fn number(&mut self, operation: &str, node: NodeId, place: Place) -> Option<f64> {
        match self.numbers.of(&self.graph, node, place) {
            Ok(Some(number)) => Some(number),
            Ok(None) => {
                let message = match self.has_rows {
                    true => {
                        "a row of map_rows or sum_over stands for all rows, and has no number of its own while tracing \
                             (instead of a branch use select, with a mask by less, less_equal or equals)"
                    }
                    false => "a variable has no number while tracing",
                };
                let operation = operation.into();
                self.poison(|| Error::Operation { operation, message: message.into(), location: place });
                None
            }
            Err(error) => {
                self.poison(|| error);
                None
            }
        }
    }
}

/// Outcome of the comparison at a place of the table.
#[inline(always)]
#[track_caller]
fn decide<const ROW: usize>(a: impl Operand, b: impl Operand) -> bool {
    let place = Location::caller();
    match at_hand(|tape| tape.decide_quickly(const { Row::ALL[ROW] }, a, b)) {
        Some(outcome) => outcome,
        None => decide_slowly(Row::ALL[ROW], a, b, Place(place)),
    }
}

#[cold]
#[inline(never)]
fn decide_slowly(row: Row, a: impl Operand, b: impl Operand, place: Place) -> bool {
    let (a, b) = (a.variable(), b.variable());
    ask("comparison", &[a, b], place, |tape| tape.decide(row, a, b, place)).unwrap_or(false)
}

/// The error for which a closure is left.
pub(super) struct Left(pub Error);

/// What the innermost tape knows of variables of its own. `None`, with which the tape is poisoned, leaves the closure; so do
/// variables of another tape, with which this one has nothing to do: a thread that waits may have taken up the work of another.
///
/// # Panics
/// If nothing is traced on this thread.
fn ask<R>(operation: &str, vars: &[Var], place: Place, question: impl FnOnce(&mut Tape) -> Option<R>) -> Option<R> {
    let can_leave = cfg!(panic = "unwind") && !std::thread::panicking();
    let asked = innermost(|tape| {
        if can_leave && tape.poison.is_none() && vars.iter().any(|v| v.trace != tape.serial) {
            return Err(Error::ForeignVariable { operation: operation.into(), location: place });
        }
        match (question(tape), &tape.poison) {
            (None, Some(error)) => Err(error.clone()),
            (answer, _) => Ok(answer),
        }
    });
    match asked {
        Some(Ok(answer)) => answer,
        Some(Err(error)) if can_leave => resume_unwind(Box::new(Left(error))),
        None if !std::thread::panicking() => panic!(
            "{operation}: a variable has no number outside of its closure, or on another thread than that which runs the \
             closure, at {place}"
        ),
        _ => None,
    }
}

/// Equality and order of scalars at this point, recorded as guards; unordered if either is NaN.
macro_rules! comparisons {
    ($Other:ty) => {
        impl PartialEq<$Other> for Var {
            #[inline]
            #[track_caller]
            fn eq(&self, other: &$Other) -> bool {
                decide::<{ Row::Equal as usize }>(*self, *other)
            }
        }

        impl PartialOrd<$Other> for Var {
            #[track_caller]
            fn partial_cmp(&self, other: &$Other) -> Option<Ordering> {
                if decide::<{ Row::Less as usize }>(*self, *other) {
                    Some(Ordering::Less)
                } else if decide::<{ Row::Less as usize }>(*other, *self) {
                    Some(Ordering::Greater)
                } else if decide::<{ Row::Equal as usize }>(*self, *other) {
                    Some(Ordering::Equal)
                } else {
                    None
                }
            }
            #[inline]
            #[track_caller]
            fn lt(&self, other: &$Other) -> bool {
                decide::<{ Row::Less as usize }>(*self, *other)
            }
            #[inline]
            #[track_caller]
            fn le(&self, other: &$Other) -> bool {
                decide::<{ Row::LessEqual as usize }>(*self, *other)
            }
            #[inline]
            #[track_caller]
            fn gt(&self, other: &$Other) -> bool {
                decide::<{ Row::Less as usize }>(*other, *self)
            }
            #[inline]
            #[track_caller]
            fn ge(&self, other: &$Other) -> bool {
                decide::<{ Row::LessEqual as usize }>(*other, *self)
            }
        }
    };
}

comparisons!(Var);
comparisons!(f64);

impl Var {
    /// The number of a scalar at the point of tracing.
    ///
    /// What the closure does with it cannot be followed, so the trace is used at this point only and made anew at every
    /// other one. A variable that is no scalar or went wrong has none: the closure is left there, and the trace reports why.
    ///
    /// # Panics
    /// Outside of the closure, and on another thread than that which runs it; so do comparisons.
    #[track_caller]
    pub fn value(self) -> f64 {
        let place = Place(Location::caller());
        let number = ask("value", &[self], place, |tape| {
            if !tape.owns("value", &[self], place) {
                return None;
            }
            let shape = tape.graph.shape(self.node).clone();
            if shape.rank() != 0 {
                let message = format!("a number can be read out of a scalar, found an array of shape {shape}");
                tape.poison(|| Error::Operation { operation: "value".into(), message, location: place });
                return None;
            }
            tape.point_specific = true;
            tape.number("value", self.node, place)
        });
        number.unwrap_or(f64::NAN)
    }
}
