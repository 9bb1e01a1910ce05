//! Comparisons of variables: a branch of the closure becomes a guard of the trace.
//!
//! `if a < b` asks for the numbers of `a` and `b` at the point of tracing, records the comparison as a node and its outcome
//! as a guard. A replay evaluates the guards with everything else; one that comes out otherwise makes the function trace
//! again. Reading a number out ([`Var::value`]) cannot be guarded: such a trace holds at its point only.

use super::{NOWHERE, Tape, innermost};
use crate::error::{Error, Place};
use crate::graph::{Guard, NodeId, Var};
use crate::real::Row;
use std::cmp::Ordering;
use std::panic::Location;

impl Tape {
    /// Outcome of a scalar comparison, guarded; `false` where there are no numbers or the operands do not fit.
    fn decide(&mut self, row: Row, a: Var, b: Var, place: Place) -> bool {
        if let Some(var) = self.quick(row, [a, b]).or_else(|| self.plain(row, [a, b]))
            && let Some(outcome) = self.numbers.scalar(var.node)
        {
            let expected = outcome != 0.0;
            self.graph.add_guard(Guard { node: var.node, expected });
            return expected;
        }
        if !self.owns("comparison", &[a, b], place) {
            return false;
        }
        for var in [a, b] {
            let shape = self.graph.shape(var.node);
            if shape.rank() != 0 {
                let message = format!(
                    "a branch needs scalars, found an array of shape {shape} (for a mask use less, less_equal or equals with select)"
                );
                self.poison(|| Error::Operation { operation: "comparison".into(), message, location: place });
                return false;
            }
        }
        let node = self.graph.row(row, &[a.node, b.node]).expect("two scalars fit a comparison");
        self.numbers.follow(&self.graph);
        match self.number(node, place) {
            Some(outcome) => {
                let expected = outcome != 0.0;
                self.graph.add_guard(Guard { node, expected });
                expected
            }
            None => false,
        }
    }

    /// The number of a scalar node at the point of tracing; without one the tape is poisoned.
    fn number(&mut self, node: NodeId, place: Place) -> Option<f64> {
        match self.numbers.of(&self.graph, node, place) {
            Ok(Some(number)) => Some(number),
            Ok(None) => {
                let message = "a branch depends on a variable that has no number while tracing".to_string();
                self.poison(|| Error::Operation { operation: "comparison".into(), message, location: place });
                None
            }
            Err(error) => {
                self.poison(|| error);
                None
            }
        }
    }
}

#[track_caller]
fn decide(row: Row, a: Var, b: Var) -> bool {
    let place = Place(Location::caller());
    innermost(|tape| tape.decide(row, a, b, place)).unwrap_or(false)
}

impl PartialEq for Var {
    /// Equality of two scalars at this point, recorded as a guard.
    #[track_caller]
    fn eq(&self, other: &Var) -> bool {
        decide(Row::Equal, *self, *other)
    }
}

impl PartialOrd for Var {
    /// Order of two scalars at this point, recorded as guards; `None` if either is NaN.
    #[track_caller]
    fn partial_cmp(&self, other: &Var) -> Option<Ordering> {
        if decide(Row::Less, *self, *other) {
            Some(Ordering::Less)
        } else if decide(Row::Less, *other, *self) {
            Some(Ordering::Greater)
        } else if decide(Row::Equal, *self, *other) {
            Some(Ordering::Equal)
        } else {
            None
        }
    }
    #[track_caller]
    fn lt(&self, other: &Var) -> bool {
        decide(Row::Less, *self, *other)
    }
    #[track_caller]
    fn le(&self, other: &Var) -> bool {
        decide(Row::LessEqual, *self, *other)
    }
    #[track_caller]
    fn gt(&self, other: &Var) -> bool {
        decide(Row::Less, *other, *self)
    }
    #[track_caller]
    fn ge(&self, other: &Var) -> bool {
        decide(Row::LessEqual, *other, *self)
    }
}

impl PartialEq<f64> for Var {
    #[track_caller]
    fn eq(&self, other: &f64) -> bool {
        *self == super::literal(*other)
    }
}

impl PartialOrd<f64> for Var {
    #[track_caller]
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.partial_cmp(&super::literal(*other))
    }
    #[track_caller]
    fn lt(&self, other: &f64) -> bool {
        *self < super::literal(*other)
    }
    #[track_caller]
    fn le(&self, other: &f64) -> bool {
        *self <= super::literal(*other)
    }
    #[track_caller]
    fn gt(&self, other: &f64) -> bool {
        *self > super::literal(*other)
    }
    #[track_caller]
    fn ge(&self, other: &f64) -> bool {
        *self >= super::literal(*other)
    }
}

impl Var {
    /// The number of a scalar at the point of tracing.
    ///
    /// What the closure does with it cannot be followed, so the trace is used at this point only and made anew at every
    /// other one. NaN if the variable is not a scalar or went wrong, which the trace then says.
    #[track_caller]
    pub fn value(self) -> f64 {
        let place = Place(Location::caller());
        innermost(|tape| {
            if !tape.owns("value", &[self], place) || self.node.index() == NOWHERE {
                return f64::NAN;
            }
            let shape = tape.graph.shape(self.node).clone();
            if shape.rank() != 0 {
                let message = format!("a number can be read out of a scalar, found an array of shape {shape}");
                tape.poison(|| Error::Operation { operation: "value".into(), message, location: place });
                return f64::NAN;
            }
            tape.point_specific = true;
            tape.number(self.node, place).unwrap_or(f64::NAN)
        })
        .unwrap_or(f64::NAN)
    }
}
