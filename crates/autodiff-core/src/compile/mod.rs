//! Compiling: passes that make a graph cheaper without changing its numbers, each in a file of its own.
//!
//! * [`roll`], which turns scalar code back into arrays before it is differentiated;
//! * [`simplify`] and [`accumulate`], from graph to graph, verified after they ran in debug builds;
//! * [`rematerialize`], which has marked parts computed again instead of kept;
//! * [`schedule`], which decides what runs when;
//! * [`fuse`], which decides what runs together.

mod accumulate;
mod fuse;
mod rematerialize;
mod roll;
mod schedule;
mod simplify;

pub use accumulate::accumulate;
pub use fuse::{Repeat, Unit, fuse, is_total, repeat};
pub use rematerialize::rematerialize;
pub use roll::{Rolling, roll};
pub use schedule::schedule;
pub use simplify::simplify;

use crate::graph::Graph;

/// All passes, in order.
pub fn optimize(graph: &Graph) -> Graph {
    let simplified = simplify(&graph.without_dead_nodes()).without_dead_nodes();
    debug_assert!(simplified.verify().is_ok(), "{:?}\n{simplified}", simplified.verify());
    let accumulated = accumulate(&simplified);
    debug_assert!(accumulated.verify().is_ok(), "{:?}\n{accumulated}", accumulated.verify());
    accumulated
}
