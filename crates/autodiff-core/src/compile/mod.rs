//! Compiling: passes that make a graph cheaper without changing its numbers. Each is a function from graph to graph, in a
//! file of its own, verified after it ran in debug builds.

mod simplify;

pub use simplify::simplify;

use crate::graph::Graph;

/// All passes, in order.
pub fn optimize(graph: &Graph) -> Graph {
    let simplified = simplify(&graph.without_dead_nodes()).without_dead_nodes();
    debug_assert!(simplified.verify().is_ok(), "{:?}\n{simplified}", simplified.verify());
    simplified
}
