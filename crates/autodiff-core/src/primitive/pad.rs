//! Zeros around an array.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use smallvec::SmallVec;
use std::panic::Location;

/// Zeros before and after the entries of every axis. Its transpose cuts them off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Zeros before the first entry, for every axis.
    pub low: SmallVec<[usize; 4]>,
    /// Zeros after the last entry, for every axis.
    pub high: SmallVec<[usize; 4]>,
}

impl Var {
    /// This array with (before, after) zeros around each axis.
    #[track_caller]
    pub fn pad(self, widths: &[(usize, usize)]) -> Var {
        let (low, high) = widths.iter().copied().unzip::<_, _, Vec<_>, Vec<_>>();
        record(Pad { low: low.into(), high: high.into() }, &[self], Location::caller())
    }
}

impl Structured for Pad {
    const NAME: &'static str = "pad";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if self.low.len() != x.rank() || self.high.len() != x.rank() {
            return Err(format!("{} widths for the {} axes of shape {x}", self.low.len(), x.rank()));
        }
        Ok(x.iter().zip(&self.low).zip(&self.high).map(|((n, l), h)| n + l + h).collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let x = &operands[0];
        out.fill(T::zero());
        let shape: Shape = Structured::infer(self, &[x.shape]).expect("the shapes were inferred when it was recorded");
        let strides = shape.strides();
        let row = x.shape.last().copied().unwrap_or(1);
        for (r, line) in x.data.chunks_exact(row.max(1)).enumerate() {
            let (mut rest, mut to) = (r, 0);
            for axis in (0..x.shape.rank()).rev() {
                let i = if axis + 1 == x.shape.rank() {
                    0
                } else {
                    let i = rest % x.shape[axis];
                    rest /= x.shape[axis];
                    i
                };
                to += (i + self.low[axis]) * strides[axis];
            }
            out[to..to + row].copy_from_slice(line);
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        let list = |widths: &[usize]| widths.iter().map(|&w| w as i64).collect();
        vec![("low", list(&self.low)), ("high", list(&self.high))]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Pad { low: super::indices(&get("low")?)?, high: super::indices(&get("high")?)? })
    }

    fn transpose(&self, _: usize, cotangent: Var, operands: &[Var]) -> Var {
        let shape = operands[0].shape();
        (0..shape.rank()).fold(cotangent, |c, axis| {
            c.slice(axis as isize, self.low[axis]..self.low[axis] + shape[axis])
        })
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        let leading = |widths: &[usize]| std::iter::once(0).chain(widths.iter().copied()).collect();
        Some(record(Pad { low: leading(&self.low), high: leading(&self.high) }, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |low: &[usize], high: &[usize], shape: &[usize]| {
            (Pad { low: SmallVec::from_slice(low), high: SmallVec::from_slice(high) }, vec![Shape::of(shape)])
        };
        vec![of(&[1], &[2], &[3]), of(&[0, 2], &[1, 0], &[2, 3]), of(&[1, 0, 1], &[0, 1, 1], &[2, 2, 2])]
    }
}
