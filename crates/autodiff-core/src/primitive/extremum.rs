//! Largest entries along an axis, and where they are.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use std::panic::Location;

/// Largest entry along an axis, which vanishes, taken as constant: derivatives of a maximum are built around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Maximum {
    /// The axis.
    pub axis: usize,
}

/// Index of the first largest entry along an axis, which vanishes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Argmax {
    /// The axis.
    pub axis: usize,
}

impl Var {
    /// Largest entry along `axis`, which vanishes; where several are largest, the derivative is their mean. NaN if one is.
    #[track_caller]
    pub fn max_axis(self, axis: isize) -> Var {
        let constant = self.peak(axis);
        let (Ok(axis), true) = (self.shape().axis(axis), constant.rank() + 1 == self.rank()) else { return constant };
        let attained = self.equals(constant.expand_axis(axis as isize));
        let axes = [axis as isize];
        attained.select(self, 0.0).sum_axes(&axes) / attained.sum_axes(&axes)
    }

    /// Smallest entry along `axis`, which vanishes; where several are smallest, the derivative is their mean.
    #[track_caller]
    pub fn min_axis(self, axis: isize) -> Var {
        -(-self).max_axis(axis)
    }

    /// Index, a whole number, of the first largest entry along `axis`, which vanishes. Its derivative is zero.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Var {
        match self.shape().axis(axis) {
            Ok(axis) => record(Argmax { axis }, &[self], Location::caller()),
            Err(message) => refuse("argmax", message, Location::caller()),
        }
    }

    /// Index of the first smallest entry along `axis`, which vanishes. Its derivative is zero.
    #[track_caller]
    pub fn argmin(self, axis: isize) -> Var {
        (-self).argmax(axis)
    }

    /// Largest entry along `axis`, taken as constant by derivatives.
    #[track_caller]
    pub(crate) fn peak(self, axis: isize) -> Var {
        match self.shape().axis(axis) {
            Ok(axis) => record(Maximum { axis }, &[self], Location::caller()),
            Err(message) => refuse("max_axis", message, Location::caller()),
        }
    }
}

/// Index of the first largest entry of every line along `axis`; a NaN is larger than anything.
fn first_largest<T: Float>(x: &View<'_, T>, axis: usize, out: &mut [T]) {
    let (before, length, after) = x.shape.around(axis);
    for b in 0..before {
        for a in 0..after {
            let at = |i: usize| x.data[(b * length + i) * after + a];
            let mut best = 0;
            for i in 1..length {
                let (new, old) = (at(i), at(best));
                if new > old || (new.is_not_a_number() && !old.is_not_a_number()) {
                    best = i;
                }
            }
            out[b * after + a] = T::from_index(best);
        }
    }
}

fn infer(axis: usize, operands: &[&Shape]) -> Result<Shape, String> {
    let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
    if axis >= x.rank() {
        return Err(format!("axis {axis} is out of range for shape {x}"));
    }
    if x[axis] == 0 {
        return Err(format!("axis {axis} of shape {x} is empty and has no largest entry"));
    }
    Ok(x.without(axis))
}

macro_rules! extremum {
    ($Type:ident, $name:literal, |$x:ident, $axis:ident, $out:ident| $compute:expr) => {
        impl Structured for $Type {
            const NAME: &'static str = $name;
            const CLASS: Class = Class::Discrete;

            fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
                infer(self.axis, operands)
            }

            fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
                let ($x, $axis, $out) = (&operands[0], self.axis, out);
                $compute;
                Ok(())
            }

            fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
                operands[0].size() as u64
            }

            fn attributes(&self) -> Attributes {
                vec![("axis", vec![self.axis as i64])]
            }

            fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
                Some($Type { axis: super::index(&get("axis")?)? })
            }

            fn transpose(&self, _: usize, _: Var, _: &[Var]) -> Var {
                unreachable!("a constant has no cotangent")
            }

            fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
                Some(record($Type { axis: self.axis + 1 }, operands, Location::caller()))
            }

            fn samples() -> Vec<(Self, Vec<Shape>)> {
                vec![
                    ($Type { axis: 0 }, vec![Shape::of(&[4])]),
                    ($Type { axis: 1 }, vec![Shape::of(&[2, 3])]),
                    ($Type { axis: 0 }, vec![Shape::of(&[3, 2])]),
                ]
            }
        }
    };
}

extremum!(Maximum, "maximum", |x, axis, out| kernels::reduce::maximum(x.data, x.shape.around(axis).into(), out));
extremum!(Argmax, "argmax", |x, axis, out| first_largest(x, axis, out));
