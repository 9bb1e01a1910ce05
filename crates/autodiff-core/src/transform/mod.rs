//! Transforms of programs into programs: every mode of differentiation is one of these, or a composition.
//!
//! * [`jet`]: truncated Taylor series of chosen variables through the tape, of any order; order 1 is the tangent.
//! * [`flow`]: the series of the solution of an ordinary differential equation.
//! * [`transpose`]: the linear map from some placeholders to some variables, run backwards.
//! * [`adjoint`] = transpose ∘ tangent: reverse mode.
//! * [`interleave`]: the same program with tangents beside values, for reverse over forward.
//! * [`batch`]: a leading axis of directions; [`batch_sum`]: the sum over them, taken as early as it can be.
//!
//! All act on the tape of the current thread: they read the nodes that are there and append the result, so they compose in
//! any order, and a derivative taken inside a closure is nothing special. A graph is transformed by inlining it on a fresh
//! tape ([`Session::inline`](crate::trace::Session::inline)) and transforming there.

mod adjoint;
mod batch;
mod collapse;
mod differentiate;
mod fields;
mod interleave;
mod jet;
mod span;
mod transpose;

pub use adjoint::adjoint;
pub use batch::{batch, batch_marked};
pub use collapse::batch_sum;
pub(crate) use differentiate::or_zeros;
pub(crate) use fields::second_sum;
pub use interleave::interleave;
pub(crate) use jet::repeated_number;
pub use jet::{Seed, flow, jet, tangent};
pub use transpose::transpose;

use crate::graph::{Class, Graph, NodeId, Operation, Var};
use crate::real::{Class as RowClass, Row};
use crate::trace::peek;

/// A node of the tape, copied out so that rules can record while they look at it.
#[derive(Clone)]
enum Step {
    Leaf,
    Row(Row),
    Primitive(std::sync::Arc<dyn crate::graph::Primitive>),
}

/// What a node of the current tape computes, and from what.
fn step(var: Var) -> (Step, Vec<Var>) {
    peek(|graph| {
        let args = graph.arguments(var.node).iter().map(|&node| Var { trace: var.trace, node }).collect();
        let step = match graph.operation(var.node) {
            Operation::Row(row) => Step::Row(row),
            Operation::Primitive(p) => Step::Primitive(p.clone()),
            _ => Step::Leaf,
        };
        (step, args)
    })
    .unwrap_or((Step::Leaf, Vec::new()))
}

/// Whether a derivative passes through argument `i` of the node.
pub(crate) fn passes(graph: &Graph, id: NodeId, i: usize) -> bool {
    match graph.operation(id) {
        Operation::Row(row) => match row.class() {
            RowClass::Discrete => false,
            RowClass::Select => i > 0,
            _ => true,
        },
        Operation::Primitive(p) => match p.class() {
            Class::Discrete => false,
            Class::Implicit => true,
            Class::Linear | Class::Bilinear => p.is_linear_in(i),
        },
        _ => false,
    }
}

/// Sum of two things that may be zero.
pub(crate) fn add(a: Option<Var>, b: Option<Var>) -> Option<Var> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, None) => a,
        (None, b) => b,
    }
}
