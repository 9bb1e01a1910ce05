//! The primitives on arrays, a file each: struct, method of [`Var`], shape rule, kernel, transpose.
//!
//! Adding a structured primitive is a file and a line in the list below (docs/adding-a-primitive.md).

mod composed;
mod pattern;
pub(crate) mod pointwise;
mod window;

use crate::graph::{Fault, Primitive, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use std::sync::Arc;

pub use concat::{concat, stack};
pub use convolution::{Conv, Conv1d, Conv2d, Padding, Role};
pub use leaning::Sense;
pub use pattern::{Pattern, Run, Stride};
pub(crate) use pattern::{advance, read_piece};
pub use pointwise::IntoVar;
pub(crate) use slice::transpose_slices;
pub(crate) use window::Windows;

/// The list: module and type of every structured primitive.
macro_rules! primitives {
    ($($module:ident :: { $($Type:ident),* };)*) => {
        $(mod $module; pub use $module::{$($Type),*};)*

        /// The primitive of this name with these attributes.
        pub fn from_text(name: &str, attributes: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Arc<dyn Primitive>> {
            match name {
                $($($Type::NAME => $Type::from_attributes(attributes).map(|p| Arc::new(p) as Arc<dyn Primitive>),)*)*
                _ => None,
            }
        }

        /// Every structured primitive in instances with shapes of their operands; tests run each through every mode.
        pub fn samples() -> Vec<(Arc<dyn Primitive>, Vec<Shape>)> {
            let mut all: Vec<(Arc<dyn Primitive>, Vec<Shape>)> = Vec::new();
            $($(all.extend($Type::samples().into_iter().map(|(p, shapes)| (Arc::new(p) as Arc<dyn Primitive>, shapes)));)*)*
            all
        }

        /// Names of all structured primitives.
        pub const NAMES: &[&str] = &[$($($Type::NAME),*),*];
    };
}

primitives! {
    sum::{Sum};
    broadcast::{Broadcast};
    reshape::{Reshape};
    permute::{Permute};
    slice::{Slice, Unslice};
    pad::{Pad};
    pick::{Pick, Place};
    concat::{Concat};
    gather::{Gather, ScatterAdd};
    along::{TakeAlong, PutAlong};
    cumsum::{Cumsum};
    cast::{Cast};
    matmul::{Matmul};
    convolution::{Convolution};
    solve::{Solve};
    extremum::{Maximum, Argmax};
    leaning::{Leading, Shares};
}

/// Non-negative integers of an attribute.
fn indices<C: FromIterator<usize>>(list: &[i64]) -> Option<C> {
    list.iter().map(|&i| usize::try_from(i).ok()).collect()
}

/// The one non-negative integer of an attribute.
fn index(list: &[i64]) -> Option<usize> {
    match list {
        [i] => usize::try_from(*i).ok(),
        _ => None,
    }
}

/// The operands with a leading axis of `k` directions on each; those without one are repeated.
fn all_batched(operands: &[Var], batched: &[bool], k: usize) -> Vec<Var> {
    let repeat = |(&v, &has): (&Var, &bool)| {
        if has { v } else { v.broadcast_to(&v.shape().with_leading(k)) }
    };
    operands.iter().zip(batched).map(repeat).collect()
}

/// An index read from numbers, or why it is none.
fn checked_index<T: Float>(number: T, position: usize, length: usize) -> Result<usize, Fault> {
    match number.to_index() {
        Some(index) if index < length => Ok(index),
        _ => Err(Fault { index: number.to_f64(), position, length }),
    }
}
