//! Broadcasting to a larger shape.

use super::Sum;
use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use smallvec::SmallVec;
use std::panic::Location;

/// Repetition along new leading axes and along axes of length 1. Its transpose sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broadcast {
    /// Shape of the result.
    pub shape: Shape,
}

impl Var {
    /// This array repeated to `shape`, by NumPy's rule: axes are aligned at the end, axes of length 1 are repeated.
    #[track_caller]
    pub fn broadcast_to(self, shape: &[usize]) -> Var {
        self.broadcast_at(&Shape::of(shape), Location::caller())
    }

    pub(crate) fn broadcast_at(self, shape: &Shape, place: &'static Location<'static>) -> Var {
        if self.shape() == *shape { self } else { record(Broadcast { shape: shape.clone() }, &[self], place) }
    }
}

impl Structured for Broadcast {
    const NAME: &'static str = "broadcast";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        match x.broadcast(&self.shape) {
            Some(shape) if shape == self.shape => Ok(shape),
            _ => Err(format!("shape {x} does not broadcast to {}", self.shape)),
        }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let x = &operands[0];
        kernels::layout::broadcast(x.data, x.shape, out, &self.shape);
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("shape", self.shape.iter().map(|&n| n as i64).collect())]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Broadcast { shape: super::indices(&get("shape")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        let from = operands[0].shape();
        let new = self.shape.rank() - from.rank();
        let axes: SmallVec<[usize; 4]> =
            (0..self.shape.rank()).filter(|&i| i < new || (from[i - new] == 1 && self.shape[i] != 1)).collect();
        let sum = if axes.is_empty() { cotangent } else { record(Sum { axes }, &[cotangent], Location::caller()) };
        sum.reshape(&from)
    }

    fn batch(&self, operands: &[Var], _: &[bool], k: usize) -> Option<Var> {
        let mut aligned = operands[0].shape();
        while aligned.rank() < self.shape.rank() + 1 {
            aligned = aligned[1..].iter().copied().collect::<Shape>().with_leading(1).with_leading(aligned[0]);
        }
        Some(operands[0].reshape(&aligned).broadcast_to(&self.shape.with_leading(k)))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |to: &[usize], from: &[usize]| (Broadcast { shape: Shape::of(to) }, vec![Shape::of(from)]);
        vec![of(&[4], &[]), of(&[2, 3], &[3]), of(&[2, 3], &[2, 1]), of(&[2, 3, 4], &[3, 1]), of(&[2, 2, 3], &[2, 1, 3])]
    }
}
