//! Rolling: scalar code from loops turned back into arrays, before it is differentiated.
//!
//! * [`classes`]: scalars that are computed alike (the same operations on members of the same classes) are one class, and long
//!   chains of additions are sums of terms by class.
//! * [`order`]: the members of a class lie in the order in which they are read, in one or several arrays.
//! * [`emit`]: a class of many members is an array or a few; what it reads of another class is a
//!   [pattern](crate::primitive::Pattern) of that: loops, pieces, or a list. Sums of products become products of matrices.
//!
//! The time is linear in the nodes. A loop that carries a value from step to step stays a chain of its steps, each of which is
//! rolled for itself. Sums are reassociated: taken by class, pairwise, and so at least as accurate as in sequence.

mod classes;
mod emit;
mod order;

use super::simplify;
use crate::graph::{Graph, Operation};
use classes::{Classes, Kind};
use emit::{Emitter, LANES};
use order::Order;

/// Scalar operations below which a graph stays as it is.
const SMALLEST: usize = 64;

/// What became of the scalars of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rolling {
    /// Scalar operations before.
    pub scalars: usize,
    /// Of these, the ones that are now lanes of an array, or terms of a sum.
    pub lanes: usize,
    /// Arrays that they are lanes of.
    pub arrays: usize,
}

/// The same program in arrays, with inputs joined in blocks of these numbers of scalars; `None` if less than half of it would
/// be arrays.
///
/// An input that is no scalar is a block of its own.
pub fn roll(graph: &Graph, blocks: &[usize]) -> Option<(Graph, Rolling)> {
    let scalar = |graph: &Graph| {
        graph
            .ids()
            .filter(|&id| matches!(graph.operation(id), Operation::Row(_)) && graph.shape(id).rank() == 0)
            .count()
    };
    if graph.is_marked() || scalar(graph) < SMALLEST {
        return None;
    }
    let simple = simplify(&graph.without_dead_nodes()).without_dead_nodes();
    let scalars = scalar(&simple);
    let classes = Classes::of(&simple, blocks);
    let many = |c: &&classes::Class| c.members.len() >= LANES && matches!(c.kind, Kind::Row(..) | Kind::Sum(_));
    let arrays = classes.all.iter().filter(many);
    let alone = classes.all.iter().filter(|c| !many(c) && matches!(c.kind, Kind::Row(..) | Kind::Sum(_)));
    let alone: usize = alone.map(|c| c.members.len()).sum();
    let rolling = Rolling { scalars, lanes: scalars.saturating_sub(alone), arrays: arrays.count() };
    if scalars < SMALLEST || rolling.lanes * 2 < scalars || rolling.arrays == 0 {
        return None;
    }
    let order = Order::of(&simple, &classes);
    let rolled = Emitter::new(&simple, &classes, &order, blocks).emit();
    debug_assert!(rolled.verify().is_ok(), "{:?}\n{rolled}", rolled.verify());
    Some((rolled, rolling))
}
