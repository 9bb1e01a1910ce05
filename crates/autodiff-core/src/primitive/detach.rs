//! A value taken as constant by every derivative.

use crate::graph::{Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use std::panic::Location;

/// Identity with derivative zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Detach;

impl Var {
    /// The same numbers, taken as constant by every derivative.
    #[track_caller]
    pub fn detach(self) -> Var {
        record(Detach, &[self], Location::caller())
    }
}

impl Structured for Detach {
    const NAME: &'static str = "detach";
    const CLASS: Class = Class::Discrete;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        Ok((*x).clone())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        out.copy_from_slice(operands[0].data);
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn from_attributes(_: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Detach)
    }

    fn transpose(&self, _: usize, _: Var, _: &[Var]) -> Var {
        unreachable!("a constant has no cotangent")
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(Detach, operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![(Detach, vec![Shape::of(&[3])])]
    }
}
