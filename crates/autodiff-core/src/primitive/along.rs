//! One entry by index in every line along an axis, and its transpose.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use std::panic::Location;

/// `out[…, i, …] = x[…, index[…, i, …], …]`: index array and result differ from `x` in the length of one axis only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TakeAlong {
    /// The axis indexed into.
    pub axis: usize,
}

/// The transpose of [`TakeAlong`]: entries added into lines of zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PutAlong {
    /// The axis indexed into.
    pub axis: usize,
    /// Length of that axis in the result.
    pub length: usize,
}

impl Var {
    /// In every line along `axis` the entries named by the same line of `index`, an array of whole numbers that differs in
    /// shape from this one along `axis` only. An index outside the axis is an error when the program runs.
    ///
    /// `z` of shape [batch, classes] and labels of shape [batch, 1], axis 1: the entry of each row's label.
    #[track_caller]
    pub fn take_along(self, axis: isize, index: Var) -> Var {
        match self.shape().axis(axis) {
            Ok(axis) => record(TakeAlong { axis }, &[self, index], Location::caller()),
            Err(message) => refuse("take_along", message, Location::caller()),
        }
    }
}

/// Calls `visit(place in the indexed array, place in the array of the index's shape)` for every index.
fn each<T: Float>(
    index: &View<'_, T>,
    axis: usize,
    length: usize,
    mut visit: impl FnMut(usize, usize),
) -> Result<(), Fault> {
    let (before, count, after) = index.shape.around(axis);
    for b in 0..before {
        for i in 0..count {
            for a in 0..after {
                let at = (b * count + i) * after + a;
                let j = super::checked_index(index.data[at], at, length)?;
                visit((b * length + j) * after + a, at);
            }
        }
    }
    Ok(())
}

impl Structured for TakeAlong {
    const NAME: &'static str = "take_along";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x, index] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let fits = self.axis < x.rank()
            && index.rank() == x.rank()
            && index.with_axis(self.axis, 0) == x.with_axis(self.axis, 0);
        if fits {
            Ok((*index).clone())
        } else {
            Err(format!("an index of shape {index} does not fit lines along axis {} of shape {x}", self.axis))
        }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (x, index) = (&operands[0], &operands[1]);
        each(index, self.axis, x.shape[self.axis], |from, to| out[to] = x.data[from])
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("axis", vec![self.axis as i64])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(TakeAlong { axis: super::index(&get("axis")?)? })
    }

    fn is_linear_in(&self, operand: usize) -> bool {
        operand == 0
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        let length = operands[0].shape()[self.axis];
        record(PutAlong { axis: self.axis, length }, &[cotangent, operands[1]], Location::caller())
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        let all = super::all_batched(operands, batched, k);
        Some(record(TakeAlong { axis: self.axis + 1 }, &all, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, x: &[usize], index: &[usize]| (TakeAlong { axis }, vec![Shape::of(x), Shape::of(index)]);
        vec![of(0, &[4], &[6]), of(1, &[3, 4], &[3, 1]), of(0, &[2, 3], &[3, 3])]
    }
}

impl Structured for PutAlong {
    const NAME: &'static str = "put_along";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x, index] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        if x == index && self.axis < x.rank() {
            Ok(x.with_axis(self.axis, self.length))
        } else {
            Err(format!("entries of shape {x} and an index of shape {index} differ, or lack axis {}", self.axis))
        }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (x, index) = (&operands[0], &operands[1]);
        out.fill(T::zero());
        each(index, self.axis, self.length, |to, from| out[to] += x.data[from])
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        operands[0].size() as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("axis", vec![self.axis as i64]), ("length", vec![self.length as i64])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(PutAlong { axis: super::index(&get("axis")?)?, length: super::index(&get("length")?)? })
    }

    fn is_linear_in(&self, operand: usize) -> bool {
        operand == 0
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        record(TakeAlong { axis: self.axis }, &[cotangent, operands[1]], Location::caller())
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        let all = super::all_batched(operands, batched, k);
        Some(record(PutAlong { axis: self.axis + 1, length: self.length }, &all, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, length, shape: &[usize]| (PutAlong { axis, length }, vec![Shape::of(shape), Shape::of(shape)]);
        vec![of(0, 4, &[6]), of(1, 4, &[3, 1]), of(0, 3, &[2, 3])]
    }
}
