//! Rounding to a lower precision.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::{Float, Precision};
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use std::panic::Location;

/// Rounding of every entry to the numbers of a precision; linear in the sense that its tangent is rounded alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    /// Whether to round to single precision; to double leaves every number as it is.
    pub precision: Precision,
}

impl Var {
    /// Every entry rounded to the nearest number of a precision, as a mixed-precision program would; the program goes on at
    /// its own precision. Tangents and cotangents are rounded in the same way.
    #[track_caller]
    pub fn cast(self, precision: Precision) -> Var {
        record(Cast { precision }, &[self], Location::caller())
    }
}

impl Structured for Cast {
    const NAME: &'static str = "cast";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        Ok((*x).clone())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        for (y, &x) in out.iter_mut().zip(operands[0].data) {
            *y = match self.precision {
                Precision::Single => T::from_f64(f64::from(x.to_f64() as f32)),
                Precision::Double => x,
            };
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        let bits = match self.precision {
            Precision::Single => 32,
            Precision::Double => 64,
        };
        vec![("bits", vec![bits])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        match get("bits")?.as_slice() {
            [32] => Some(Cast { precision: Precision::Single }),
            [64] => Some(Cast { precision: Precision::Double }),
            _ => None,
        }
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        record(self.clone(), &[cotangent], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(self.clone(), operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        // Rounding to single would hide behind the tolerances of the laws; a test of its own shows it.
        vec![(Cast { precision: Precision::Double }, vec![Shape::of(&[3])])]
    }
}
