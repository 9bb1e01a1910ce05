//! Sum over axes.

use super::Broadcast;
use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use smallvec::SmallVec;
use std::panic::Location;

/// Sum over some axes, which vanish from the shape. Its transpose broadcasts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sum {
    /// The axes, ascending.
    pub axes: SmallVec<[usize; 4]>,
}

impl Var {
    /// Sum of all entries, a scalar. Partial sums are pairwise, so the error grows with the logarithm of the size.
    #[track_caller]
    pub fn sum(self) -> Var {
        let axes = (0..self.rank()).collect();
        self.sum_indices(axes, Location::caller())
    }

    /// Sum over `axes`, which vanish from the shape; negative axes count from the end.
    #[track_caller]
    pub fn sum_axes(self, axes: &[isize]) -> Var {
        match self.shape().axes(axes) {
            Ok(axes) => self.sum_indices(axes, Location::caller()),
            Err(message) => refuse("sum_axes", message, Location::caller()),
        }
    }

    fn sum_indices(self, axes: SmallVec<[usize; 4]>, place: &'static Location<'static>) -> Var {
        if axes.is_empty() { self } else { record(Sum { axes }, &[self], place) }
    }

    /// Mean of all entries, a scalar; NaN of an empty array.
    #[track_caller]
    pub fn mean(self) -> Var {
        self.sum() / self.size() as f64
    }

    /// Mean over `axes`, which vanish from the shape; negative axes count from the end.
    #[track_caller]
    pub fn mean_axes(self, axes: &[isize]) -> Var {
        let sum = self.sum_axes(axes);
        sum / (self.size() as f64 / sum.size().max(1) as f64)
    }
}

impl Sum {
    /// Shape in which the summed axes have length 1.
    fn kept(&self, shape: &Shape) -> Shape {
        shape.iter().enumerate().map(|(axis, &n)| if self.axes.contains(&axis) { 1 } else { n }).collect()
    }
}

impl Structured for Sum {
    const NAME: &'static str = "sum";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if let Some(axis) = self.axes.iter().find(|&&axis| axis >= x.rank()) {
            return Err(format!("axis {axis} is out of range for shape {x}"));
        }
        Ok(x.iter().enumerate().filter(|(axis, _)| !self.axes.contains(axis)).map(|(_, &n)| n).collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let x = &operands[0];
        match out {
            // Axes of length 1 may be left: the sum over all entries is one, with the bits that a fused region gives it.
            [all] => *all = kernels::reduce::total(x.data),
            _ => kernels::reduce::sum(x.data, x.shape, &self.axes, out, scratch),
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], _: usize) -> usize {
        kernels::reduce::sum_scratch(operands[0], &self.axes)
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        operands[0].size() as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("axes", self.axes.iter().map(|&a| a as i64).collect())]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Sum { axes: super::indices(&get("axes")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        let shape = operands[0].shape();
        record(Broadcast { shape: shape.clone() }, &[cotangent.reshape(&self.kept(&shape))], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        let axes = self.axes.iter().map(|a| a + 1).collect();
        Some(record(Sum { axes }, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axes: &[usize], shape: &[usize]| (Sum { axes: SmallVec::from_slice(axes) }, vec![Shape::of(shape)]);
        vec![of(&[0], &[5]), of(&[0], &[3, 4]), of(&[1], &[3, 4]), of(&[0, 2], &[2, 3, 4]), of(&[1], &[2, 3, 4])]
    }
}
