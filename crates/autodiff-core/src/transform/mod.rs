//! Transforms of programs into programs: every mode of differentiation is one of these, or a composition.
//!
//! * [`jet`]: truncated Taylor series of chosen variables through the tape, of any order; order 1 is the tangent.
//! * [`transpose`]: the linear map from some placeholders to some variables, run backwards.
//! * [`adjoint`] = transpose ∘ tangent: reverse mode.
//! * [`batch`]: a leading axis of directions.
//!
//! All act on the tape of the current thread: they read the nodes that are there and append the result, so they compose in
//! any order, and a derivative taken inside a closure is nothing special. A graph is transformed by inlining it on a fresh
//! tape ([`Session::inline`](crate::trace::Session::inline)) and transforming there.

mod adjoint;
mod batch;
mod differentiate;
mod jet;
mod transpose;

pub use adjoint::adjoint;
pub use batch::batch;
pub(crate) use differentiate::or_zeros;
pub use jet::{Seed, jet, tangent};
pub use transpose::transpose;

use crate::graph::{Arguments, Class, Graph, NodeId, Operation, Var};
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
fn passes(graph: &Graph, id: NodeId, i: usize) -> bool {
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

/// For every node whether it varies with `sources`, in the sense that a derivative can pass; sources themselves do, and what
/// lies before them does not matter.
fn varying(graph: &Graph, sources: &[NodeId], through: impl Fn(&Graph, NodeId, usize) -> bool) -> Vec<bool> {
    let mut varies = vec![false; graph.len()];
    let first = sources.iter().map(|id| id.index()).min().unwrap_or(0);
    for id in sources {
        varies[id.index()] = true;
    }
    for id in graph.ids().skip(first) {
        if !varies[id.index()] {
            let args: Arguments = graph.arguments(id);
            varies[id.index()] = args.iter().enumerate().any(|(i, a)| varies[a.index()] && through(graph, id, i));
        }
    }
    varies
}

/// For every node whether one of `targets` needs it, not looking past `stops`.
fn needed(graph: &Graph, targets: &[NodeId], stops: &[NodeId]) -> Vec<bool> {
    let mut stop = vec![false; graph.len()];
    for id in stops {
        stop[id.index()] = true;
    }
    let mut needed = vec![false; graph.len()];
    for id in targets {
        needed[id.index()] = true;
    }
    for id in graph.ids().rev() {
        if needed[id.index()] && !stop[id.index()] {
            for arg in graph.arguments(id) {
                needed[arg.index()] = true;
            }
        }
    }
    needed
}

/// Sum of two things that may be zero.
pub(crate) fn add(a: Option<Var>, b: Option<Var>) -> Option<Var> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, None) => a,
        (None, b) => b,
    }
}
