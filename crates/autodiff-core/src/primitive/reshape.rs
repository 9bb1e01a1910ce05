//! The same entries under another shape.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use std::panic::Location;

/// Reinterpretation of the row-major entries under another shape of the same size. Its transpose reshapes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    /// Shape of the result.
    pub shape: Shape,
}

impl Var {
    /// The same entries, in row-major order, under another shape of the same size.
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Var {
        if *self.shape() == *shape { self } else { record(Reshape { shape: Shape::of(shape) }, &[self], Location::caller()) }
    }

    /// All entries in row-major order, as a vector.
    #[track_caller]
    pub fn flatten(self) -> Var {
        self.reshape(&[self.size()])
    }

    /// This array with a new axis of length 1 at `axis`, which may be the rank; negative axes count from the end of the
    /// result.
    #[track_caller]
    pub fn expand_axis(self, axis: isize) -> Var {
        let shape = self.shape();
        match shape.with_leading(1).axis(axis) {
            Ok(at) => self.reshape(&[&shape[..at], &[1], &shape[at..]].concat()),
            Err(message) => crate::trace::refuse("expand_axis", message, Location::caller()),
        }
    }
}

impl Structured for Reshape {
    const NAME: &'static str = "reshape";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if x.size() == self.shape.size() {
            Ok(self.shape.clone())
        } else {
            Err(format!("shape {x} has {} entries, {} has {}", x.size(), self.shape, self.shape.size()))
        }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        out.copy_from_slice(operands[0].data);
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("shape", self.shape.iter().map(|&n| n as i64).collect())]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Reshape { shape: super::indices(&get("shape")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        cotangent.reshape(&operands[0].shape())
    }

    fn batch(&self, operands: &[Var], _: &[bool], k: usize) -> Option<Var> {
        Some(operands[0].reshape(&self.shape.with_leading(k)))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |to: &[usize], from: &[usize]| (Reshape { shape: Shape::of(to) }, vec![Shape::of(from)]);
        vec![of(&[6], &[2, 3]), of(&[3, 2], &[2, 3]), of(&[], &[1]), of(&[1, 1], &[])]
    }
}
