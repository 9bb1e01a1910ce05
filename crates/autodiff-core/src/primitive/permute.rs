//! Axes in another order.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use smallvec::SmallVec;
use std::panic::Location;

/// Axis i of the result is axis `axes[i]` of the operand. Its transpose is the inverse permutation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permute {
    /// A permutation of the axes.
    pub axes: SmallVec<[usize; 4]>,
}

impl Var {
    /// This array with its axes in another order: axis i of the result is axis `axes[i]` of this one.
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Var {
        if axes.len() == self.rank() && axes.iter().enumerate().all(|(i, &a)| i == a) {
            return self;
        }
        record(Permute { axes: SmallVec::from_slice(axes) }, &[self], Location::caller())
    }

    /// The transposed matrix: the last two axes exchanged.
    #[doc(alias = "transpose")]
    #[track_caller]
    pub fn t(self) -> Var {
        let rank = self.rank();
        if rank < 2 {
            return refuse("t", format!("a matrix has at least 2 axes, found shape {}", self.shape()), Location::caller());
        }
        let mut axes: SmallVec<[usize; 4]> = (0..rank).collect();
        axes.swap(rank - 1, rank - 2);
        self.permute(&axes)
    }

    /// This array with axis `from` moved to position `to`, the others in order.
    #[track_caller]
    pub(crate) fn move_axis(self, from: usize, to: usize) -> Var {
        let mut axes: SmallVec<[usize; 4]> = (0..self.rank()).filter(|&a| a != from).collect();
        axes.insert(to, from);
        self.permute(&axes)
    }
}

impl Permute {
    /// Whether it exchanges the last two axes and leaves the others.
    pub(crate) fn is_transpose(&self) -> bool {
        let r = self.axes.len();
        r >= 2 && self.axes[..r - 2].iter().enumerate().all(|(i, &a)| i == a) && self.axes[r - 2..] == [r - 1, r - 2]
    }
}

impl Structured for Permute {
    const NAME: &'static str = "permute";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if sorted.len() != x.rank() || sorted.iter().enumerate().any(|(i, &a)| i != a) {
            return Err(format!("{:?} is not a permutation of the axes of shape {x}", self.axes));
        }
        Ok(self.axes.iter().map(|&a| x[a]).collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let x = &operands[0];
        kernels::layout::permute(x.data, x.shape, &self.axes, out);
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("axes", self.axes.iter().map(|&a| a as i64).collect())]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Permute { axes: super::indices(&get("axes")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        let mut inverse = self.axes.clone();
        for (i, &a) in self.axes.iter().enumerate() {
            inverse[a] = i;
        }
        cotangent.permute(&inverse)
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        let axes: SmallVec<[usize; 4]> = std::iter::once(0).chain(self.axes.iter().map(|a| a + 1)).collect();
        Some(operands[0].permute(&axes))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |axes: &[usize], shape: &[usize]| (Permute { axes: SmallVec::from_slice(axes) }, vec![Shape::of(shape)]);
        vec![of(&[1, 0], &[2, 3]), of(&[2, 0, 1], &[2, 3, 4]), of(&[0, 2, 1], &[2, 3, 4]), of(&[3, 1, 0, 2], &[2, 3, 2, 2])]
    }
}
