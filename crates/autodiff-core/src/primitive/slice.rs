//! Slices with a stride, and their transpose.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::primitive::concat;
use crate::trace::{constant, record, refuse};
use std::ops::{Bound, RangeBounds};
use std::panic::Location;

/// Entries `start, start + step, …` along one axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The axis.
    pub axis: usize,
    /// First index.
    pub start: usize,
    /// Distance of indices, at least 1.
    pub step: usize,
    /// Number of indices.
    pub count: usize,
}

/// The transpose of a slice: its entries put into an axis of zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unslice {
    /// What is undone.
    pub slice: Slice,
    /// Length of the axis of the result.
    pub length: usize,
}

impl Var {
    /// The entries of `axis` with indices in `range`; negative axes count from the end.
    #[track_caller]
    pub fn slice(self, axis: isize, range: impl RangeBounds<usize>) -> Var {
        self.slice_step(axis, range, 1)
    }

    /// Every `step`-th entry of `axis` with index in `range`.
    #[track_caller]
    pub fn slice_step(self, axis: isize, range: impl RangeBounds<usize>, step: usize) -> Var {
        let place = Location::caller();
        let shape = self.shape();
        let axis = match shape.axis(axis) {
            Ok(axis) => axis,
            Err(message) => return refuse("slice", message, place),
        };
        let start = match range.start_bound() {
            Bound::Included(&s) => s,
            Bound::Excluded(&s) => s.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&e) => e.saturating_add(1),
            Bound::Excluded(&e) => e,
            Bound::Unbounded => shape[axis],
        };
        if step == 0 || start > end || end > shape[axis] {
            let message = format!("range {start}..{end} with step {step} does not fit axis {axis} of shape {shape}");
            return refuse("slice", message, place);
        }
        if (start, end, step) == (0, shape[axis], 1) {
            return self;
        }
        record(Slice { axis, start, step, count: (end - start).div_ceil(step) }, &[self], place)
    }

    /// Entry `index` of the first axis, which vanishes: an entry of a vector, a row of a matrix.
    #[track_caller]
    pub fn at(self, index: usize) -> Var {
        let shape = self.shape();
        if shape.rank() == 0 || index >= shape[0] {
            return refuse("at", format!("index {index} is outside the first axis of shape {shape}"), Location::caller());
        }
        record(Slice { axis: 0, start: index, step: 1, count: 1 }, &[self], Location::caller()).reshape(&shape[1..])
    }
}

/// Sum of the transposes of several slices of an array of this shape. Slices that do not overlap are joined, with zeros
/// between them, so that the cost is that of the array and not of the array times the slices.
pub(crate) fn transpose_slices(shape: &Shape, mut slices: Vec<(Slice, Var)>) -> Var {
    slices.sort_by_key(|(slice, _)| (slice.axis, slice.step != 1, slice.start));
    // Each layer holds slices along one axis, in order and apart from each other; strided ones stand alone.
    let mut layers: Vec<(usize, Vec<(Slice, Var)>)> = Vec::new();
    for (slice, cotangent) in slices {
        let end = slice.start + slice.count;
        let fits = |(until, layer): &&mut (usize, Vec<(Slice, Var)>)| {
            slice.step == 1 && layer[0].0.step == 1 && layer[0].0.axis == slice.axis && *until <= slice.start
        };
        match layers.iter_mut().find(fits) {
            Some((until, layer)) => {
                *until = end;
                layer.push((slice, cotangent));
            }
            None => layers.push((end, vec![(slice, cotangent)])),
        }
    }
    let joined = layers.into_iter().map(|(_, layer)| match &layer[..] {
        [(slice, cotangent)] => slice.transpose_to(*cotangent, shape),
        _ => {
            let (axis, mut at, mut pieces) = (layer[0].0.axis, 0, Vec::with_capacity(2 * layer.len() + 1));
            let zeros = |length| constant(0.0).broadcast_to(&shape.with_axis(axis, length));
            for (slice, cotangent) in layer {
                if slice.start > at {
                    pieces.push(zeros(slice.start - at));
                }
                at = slice.start + slice.count;
                pieces.push(cotangent);
            }
            if at < shape[axis] {
                pieces.push(zeros(shape[axis] - at));
            }
            concat(&pieces, axis as isize)
        }
    });
    joined.reduce(|a, b| a + b).expect("there is at least one slice")
}

impl Slice {
    /// The cotangent of an array of this shape from that of the slice.
    fn transpose_to(&self, cotangent: Var, shape: &Shape) -> Var {
        record(Unslice { slice: self.clone(), length: shape[self.axis] }, &[cotangent], Location::caller())
    }

    fn sizes(&self, shape: &Shape) -> (usize, usize, usize) {
        shape.around(self.axis)
    }
}

impl Structured for Slice {
    const NAME: &'static str = "slice";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        let fits = self.axis < x.rank()
            && self.step > 0
            && (self.count == 0
                || (self.count - 1)
                    .checked_mul(self.step)
                    .and_then(|span| span.checked_add(self.start))
                    .is_some_and(|last| last < x[self.axis]));
        if fits { Ok(x.with_axis(self.axis, self.count)) } else { Err(format!("{self:?} does not fit shape {x}")) }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (before, length, after) = self.sizes(operands[0].shape);
        if self.step == 1 {
            let (start, width) = (self.start * after, self.count * after);
            let blocks = operands[0].data.chunks_exact((length * after).max(1)).zip(out.chunks_exact_mut(width.max(1)));
            blocks.for_each(|(x, out)| out.copy_from_slice(&x[start..start + width]));
            return Ok(());
        }
        for (b, block) in out.chunks_exact_mut((self.count * after).max(1)).enumerate().take(before) {
            for (i, row) in block.chunks_exact_mut(after).enumerate() {
                let from = (b * length + self.start + i * self.step) * after;
                row.copy_from_slice(&operands[0].data[from..from + after]);
            }
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![
            ("axis", vec![self.axis as i64]),
            ("start", vec![self.start as i64]),
            ("step", vec![self.step as i64]),
            ("count", vec![self.count as i64]),
        ]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let one = |name| super::index(&get(name)?);
        Some(Slice { axis: one("axis")?, start: one("start")?, step: one("step")?, count: one("count")? })
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        self.transpose_to(cotangent, &operands[0].shape())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(Slice { axis: self.axis + 1, ..self.clone() }, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, start, step, count, shape: &[usize]| (Slice { axis, start, step, count }, vec![Shape::of(shape)]);
        vec![of(0, 1, 1, 3, &[5]), of(1, 0, 2, 2, &[2, 4]), of(0, 2, 1, 1, &[3, 2]), of(1, 1, 3, 2, &[2, 6, 2])]
    }
}

impl Structured for Unslice {
    const NAME: &'static str = "unslice";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if self.slice.axis >= x.rank() || x[self.slice.axis] != self.slice.count {
            return Err(format!("{self:?} does not fit shape {x}"));
        }
        let shape = x.with_axis(self.slice.axis, self.length);
        Structured::infer(&self.slice, &[&shape])?;
        Ok(shape)
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        out.fill(T::zero());
        let (_, count, after) = self.slice.sizes(operands[0].shape);
        if self.slice.step == 1 {
            let (start, width) = (self.slice.start * after, count * after);
            let blocks = operands[0].data.chunks_exact(width.max(1)).zip(out.chunks_exact_mut((self.length * after).max(1)));
            blocks.for_each(|(x, out)| out[start..start + width].copy_from_slice(x));
            return Ok(());
        }
        for (b, block) in operands[0].data.chunks_exact((count * after).max(1)).enumerate() {
            for (i, row) in block.chunks_exact(after).enumerate() {
                let to = (b * self.length + self.slice.start + i * self.slice.step) * after;
                out[to..to + after].copy_from_slice(row);
            }
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Structured::attributes(&self.slice);
        attributes.push(("length", vec![self.length as i64]));
        attributes
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Unslice { slice: Slice::from_attributes(get)?, length: super::index(&get("length")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        record(self.slice.clone(), &[cotangent], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        let slice = Slice { axis: self.slice.axis + 1, ..self.slice.clone() };
        Some(record(Unslice { slice, length: self.length }, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, start, step, count, length, shape: &[usize]| {
            (Unslice { slice: Slice { axis, start, step, count }, length }, vec![Shape::of(shape)])
        };
        vec![of(0, 1, 1, 3, 5, &[3]), of(1, 0, 2, 2, 4, &[2, 2])]
    }
}
