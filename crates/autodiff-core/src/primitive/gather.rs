//! Entries by index along an axis, and their transpose.

use super::{PutAlong, TakeAlong};
use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use std::panic::Location;

/// `out[…, i, …] = x[…, index[i], …]`: the axis is replaced by the axes of the index array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// The axis indexed into.
    pub axis: usize,
}

/// The transpose of a gather: entries added into an axis of zeros, those with the same index summed in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScatterAdd {
    /// The axis indexed into.
    pub axis: usize,
    /// Length of that axis in the result.
    pub length: usize,
}

impl Var {
    /// The entries of `axis` named by `index`, an array of whole numbers; the axis is replaced by the axes of `index`.
    ///
    /// `x` of shape [9, 4], `index` of shape [2, 3], axis 0: a result of shape [2, 3, 4]. An index outside the axis is an
    /// error when the program runs. The derivative with respect to indices is zero. Reads and writes each entry of the result once.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::arr1;
    /// let picked = Function::with_data(|x: &Var, index: &Var| x.gather(0, *index), &arr1(&[2_usize, 0]));
    /// assert_eq!(picked.evaluate(&arr1(&[5.0, 6.0, 7.0])).unwrap(), arr1(&[7.0, 5.0]).into_dyn());
    /// ```
    #[track_caller]
    pub fn gather(self, axis: isize, index: Var) -> Var {
        match self.shape().axis(axis) {
            Ok(axis) => record(Gather { axis }, &[self, index], Location::caller()),
            Err(message) => refuse("gather", message, Location::caller()),
        }
    }

    /// An array of `length` zeros along `axis` with the entries of this one added at the places named by `index`; entries
    /// with the same index add up. The axes of `index` stand in this array from `axis` on.
    ///
    /// The transpose of [`gather`](Var::gather), at the same cost. An index outside `length` is an error when the program runs.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::arr1;
    /// let added = Function::with_data(|x: &Var, index: &Var| x.scatter_add(0, *index, 2), &arr1(&[1_usize, 1, 0]));
    /// assert_eq!(added.evaluate(&arr1(&[5.0, 6.0, 7.0])).unwrap(), arr1(&[7.0, 11.0]).into_dyn());
    /// ```
    #[track_caller]
    pub fn scatter_add(self, axis: usize, index: Var, length: usize) -> Var {
        record(ScatterAdd { axis, length }, &[self, index], Location::caller())
    }
}

/// The index of each of `k` directions, for every line of its array: of shape [k, before, entries, after].
fn lines_of(index: Var, k: usize, before: usize, after: usize) -> Var {
    let entries = Shape::of(&index.shape()[1..]).size();
    index.reshape(&[k, 1, entries, 1]).broadcast_to(&[k, before, entries, after])
}

impl Structured for Gather {
    const NAME: &'static str = "gather";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x, index] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        if self.axis >= x.rank() {
            return Err(format!("axis {} is out of range for shape {x}", self.axis));
        }
        Ok(x[..self.axis].iter().chain(index.iter()).chain(&x[self.axis + 1..]).copied().collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (x, index) = (&operands[0], &operands[1]);
        let (before, length, after) = x.shape.around(self.axis);
        let count = index.data.len();
        for (i, &number) in index.data.iter().enumerate() {
            let j = super::checked_index(number, i, length)?;
            for b in 0..before {
                let (from, to) = ((b * length + j) * after, (b * count + i) * after);
                out[to..to + after].copy_from_slice(&x.data[from..from + after]);
            }
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("axis", vec![self.axis as i64])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Gather { axis: super::index(&get("axis")?)? })
    }

    fn is_linear_in(&self, operand: usize) -> bool {
        operand == 0
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        cotangent.scatter_add(self.axis, operands[1], operands[0].shape()[self.axis])
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        match batched {
            [true, false] => Some(record(Gather { axis: self.axis + 1 }, operands, Location::caller())),
            // The axes of the index, directions first, stand at `axis`: move the directions to the front.
            [false, true] => Some(record(self.clone(), operands, Location::caller()).move_axis(self.axis, 0)),
            // Each direction has an index and an array of its own: lines along the axis, and the index for each line.
            _ => {
                let (x, index) = (operands[0], operands[1]);
                let shape = x.shape();
                let (before, length, after) = Shape::of(&shape[1..]).around(self.axis);
                let lines = x.reshape(&[k, before, length, after]);
                let index_shape = Shape::of(&index.shape()[1..]);
                let each = lines_of(index, k, before, after);
                let taken = record(TakeAlong { axis: 2 }, &[lines, each], Location::caller());
                let result = self.infer(&[&Shape::of(&shape[1..]), &index_shape]).expect("it stood in a graph");
                Some(taken.reshape(&result.with_leading(k)))
            }
        }
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, x: &[usize], index: &[usize]| (Gather { axis }, vec![Shape::of(x), Shape::of(index)]);
        vec![of(0, &[4], &[6]), of(1, &[2, 3], &[2]), of(0, &[3, 2], &[2, 2]), of(1, &[2, 3, 2], &[])]
    }
}

impl Structured for ScatterAdd {
    const NAME: &'static str = "scatter_add";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x, index] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let end = self.axis + index.rank();
        if end > x.rank() || x[self.axis..end] != index[..] {
            return Err(format!("entries of shape {x} do not have the axes of the index {index} at axis {}", self.axis));
        }
        Ok(x[..self.axis].iter().chain(&[self.length]).chain(&x[end..]).copied().collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (x, index) = (&operands[0], &operands[1]);
        out.fill(T::zero());
        let before: usize = x.shape[..self.axis].iter().product();
        let after: usize = x.shape[self.axis + index.shape.rank()..].iter().product();
        let count = index.data.len();
        for (i, &number) in index.data.iter().enumerate() {
            let j = super::checked_index(number, i, self.length)?;
            for b in 0..before {
                let (from, to) = ((b * count + i) * after, (b * self.length + j) * after);
                for (y, &a) in out[to..to + after].iter_mut().zip(&x.data[from..from + after]) {
                    *y += a;
                }
            }
        }
        Ok(())
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        operands[0].size() as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("axis", vec![self.axis as i64]), ("length", vec![self.length as i64])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(ScatterAdd { axis: super::index(&get("axis")?)?, length: super::index(&get("length")?)? })
    }

    fn is_linear_in(&self, operand: usize) -> bool {
        operand == 0
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        record(Gather { axis: self.axis }, &[cotangent, operands[1]], Location::caller())
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        if let [true, false] = batched {
            return Some(record(ScatterAdd { axis: self.axis + 1, length: self.length }, operands, Location::caller()));
        }
        // Each direction has an index of its own: lines along the axis, and the index for each line.
        let (x, index) = (super::all_batched(operands, batched, k)[0], operands[1]);
        let (shape, axes) = (Shape::of(&x.shape()[1..]), Shape::of(&index.shape()[1..]));
        let before: usize = shape[..self.axis].iter().product();
        let after: usize = shape[self.axis + axes.rank()..].iter().product();
        let lines = x.reshape(&[k, before, axes.size(), after]);
        let each = lines_of(index, k, before, after);
        let put = record(PutAlong { axis: 2, length: self.length }, &[lines, each], Location::caller());
        let result = self.infer(&[&shape, &axes]).expect("it stood in a graph");
        Some(put.reshape(&result.with_leading(k)))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, length, x: &[usize], index: &[usize]| {
            (ScatterAdd { axis, length }, vec![Shape::of(x), Shape::of(index)])
        };
        vec![of(0, 4, &[6], &[6]), of(1, 3, &[2, 2], &[2]), of(0, 3, &[2, 2, 2], &[2, 2])]
    }
}
