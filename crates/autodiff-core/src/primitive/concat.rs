//! Arrays joined along an axis.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use std::panic::Location;

/// Arrays one after the other along an existing axis. Its transpose slices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Concat {
    /// The axis along which lengths add up.
    pub axis: usize,
}

/// Joins arrays along an existing axis; all other lengths agree. Negative axes count from the end.
#[track_caller]
pub fn concat(arrays: &[Var], axis: isize) -> Var {
    let Some(first) = arrays.first() else {
        return refuse("concat", "expected at least one array".into(), Location::caller());
    };
    match first.shape().axis(axis) {
        Ok(axis) => record(Concat { axis }, arrays, Location::caller()),
        Err(message) => refuse("concat", message, Location::caller()),
    }
}

/// Joins arrays of one shape along a new axis; scalars become a vector. Negative axes count from the end of the result.
///
/// ```
/// use autodiff_core::{Function, Var, stack};
/// // f(x) = ‖(x₀, x₀ x₁)‖²
/// let f = Function::new(|x: &[Var]| stack(&[x[0], x[0] * x[1]], 0).square().sum());
/// assert_eq!(f.value(&[1.0, 2.0]).unwrap(), 5.0);
/// ```
#[track_caller]
pub fn stack(arrays: &[Var], axis: isize) -> Var {
    let expanded: Vec<Var> = arrays.iter().map(|v| v.expand_axis(axis)).collect();
    concat(&expanded, axis)
}

impl Structured for Concat {
    const NAME: &'static str = "concat";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let first = operands.first().ok_or("expected at least one operand")?;
        let fits = |x: &Shape| {
            self.axis < first.rank() && x.rank() == first.rank() && x.without(self.axis) == first.without(self.axis)
        };
        if let Some(other) = operands.iter().find(|x| !fits(x)) {
            return Err(format!("shapes {first} and {other} do not join along axis {}", self.axis));
        }
        Ok(first.with_axis(self.axis, operands.iter().map(|x| x[self.axis]).sum()))
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let total: usize = operands.iter().map(|x| x.shape[self.axis]).sum();
        let mut start = 0;
        for x in operands {
            let (before, length, after) = x.shape.around(self.axis);
            for b in 0..before {
                let to = (b * total + start) * after;
                out[to..to + length * after].copy_from_slice(&x.data[b * length * after..(b + 1) * length * after]);
            }
            start += length;
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
        Some(Concat { axis: super::index(&get("axis")?)? })
    }

    fn transpose(&self, operand: usize, cotangent: Var, operands: &[Var]) -> Var {
        let length = |v: &Var| v.shape()[self.axis];
        let start: usize = operands[..operand].iter().map(length).sum();
        cotangent.slice(self.axis as isize, start..start + length(&operands[operand]))
    }

    fn transpose_all(&self, cotangent: Var, operands: &[Var]) -> Option<Vec<Var>> {
        let mut start = 0;
        let mut piece = |v: &Var| {
            let from = start;
            start += v.shape()[self.axis];
            cotangent.slice(self.axis as isize, from..start)
        };
        Some(operands.iter().map(&mut piece).collect())
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        let all = super::all_batched(operands, batched, k);
        Some(record(Concat { axis: self.axis + 1 }, &all, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axis, shapes: &[&[usize]]| (Concat { axis }, shapes.iter().map(|s| Shape::of(s)).collect());
        vec![of(0, &[&[2], &[3]]), of(1, &[&[2, 1], &[2, 3], &[2, 2]]), of(0, &[&[1, 2], &[2, 2]])]
    }
}
