//! Running sums.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use std::panic::Location;

/// Sums of all entries up to each (or, reversed, from each) along an axis. The transpose runs the other way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cumsum {
    /// The axis.
    pub axis: usize,
    /// Whether it sums from the end.
    pub reversed: bool,
}

impl Var {
    /// Running sum along `axis`: entry i is the sum of entries 0 to i. Negative axes count from the end.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Var {
        match self.shape().axis(axis) {
            Ok(axis) => record(Cumsum { axis, reversed: false }, &[self], Location::caller()),
            Err(message) => refuse("cumsum", message, Location::caller()),
        }
    }
}

impl Structured for Cumsum {
    const NAME: &'static str = "cumsum";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if self.axis < x.rank() { Ok((*x).clone()) } else { Err(format!("axis {} is out of range for shape {x}", self.axis)) }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (before, length, after) = operands[0].shape.around(self.axis);
        for b in 0..before {
            for a in 0..after {
                let mut sum = T::zero();
                for i in 0..length {
                    let i = if self.reversed { length - 1 - i } else { i };
                    let at = (b * length + i) * after + a;
                    sum += operands[0].data[at];
                    out[at] = sum;
                }
            }
        }
        Ok(())
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        operands[0].size() as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("axis", vec![self.axis as i64]), ("reversed", vec![i64::from(self.reversed)])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Cumsum { axis: super::index(&get("axis")?)?, reversed: super::index(&get("reversed")?)? != 0 })
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        record(Cumsum { axis: self.axis, reversed: !self.reversed }, &[cotangent], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(Cumsum { axis: self.axis + 1, reversed: self.reversed }, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, reversed, shape: &[usize]| (Cumsum { axis, reversed }, vec![Shape::of(shape)]);
        vec![of(0, false, &[5]), of(0, true, &[3, 2]), of(1, false, &[2, 3, 2])]
    }
}
