//! Reductions of lines, the last axes of an array, which a fused region takes on its way: whole lines are in the cache then, so
//! what is made of their sums or largest entries, and spread over them again, runs along. A softmax is one such region.

use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::{Maximum, Sum};
use std::any::Any;

/// Longest line: with some registers of this length a region still fits the second-level cache.
const LONGEST: usize = 1024;

/// What is made of each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The sum of its entries.
    Sum,
    /// The largest.
    Maximum,
}

/// A node that reduces lines of such a length to one number each, if it is one, of several lines.
pub fn reduction(graph: &Graph, id: NodeId) -> Option<(Reduction, usize)> {
    let Operation::Primitive(p) = graph.operation(id) else { return None };
    let (p, count) = (&**p as &dyn Any, graph.shape(id).size());
    let from = graph.shape(*graph.arguments(id).first()?);
    let (kind, first, axes) = if let Some(sum) = p.downcast_ref::<Sum>() {
        (Reduction::Sum, *sum.axes.first()?, sum.axes.len())
    } else {
        (Reduction::Maximum, p.downcast_ref::<Maximum>()?.axis, 1)
    };
    let last = first + axes == from.rank();
    let length = if last { from[first..].iter().product() } else { 0 };
    (count > 1 && (2..=LONGEST).contains(&length)).then_some((kind, length))
}
