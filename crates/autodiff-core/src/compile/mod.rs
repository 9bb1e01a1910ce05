//! Compiling: passes that make a graph cheaper without changing its numbers, each in a file of its own.
//!
//! * [`roll`], which turns scalar code back into arrays before it is differentiated;
//! * [`simplify`], [`accumulate`], [`rematerialize`] and [`spread`], from graph to graph, verified after they ran in debug
//!   builds;
//! * [`schedule`], which decides what runs when;
//! * [`fuse`], which decides what runs together.

mod accumulate;
mod fuse;
mod rematerialize;
mod roll;
mod schedule;
mod simplify;
mod spread;

pub use accumulate::accumulate;
pub use fuse::{Repeat, Unit, fuse, is_total, repeat};
pub use rematerialize::rematerialize;
pub use roll::{Rolling, roll};
pub use schedule::schedule;
pub use simplify::simplify;
pub use spread::{floating, spread};

use crate::graph::Graph;

/// A graph after the passes.
#[derive(Clone, Debug)]
pub struct Optimized {
    /// The graph.
    pub graph: Graph,
    /// The passes that ran, in order, each with the number of nodes that it left.
    pub passes: Vec<(&'static str, usize)>,
}

/// Whether marked parts are computed again instead of kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// Kept like everything else: what is kept for many products is not computed again.
    Keep,
    /// Computed again.
    Recompute,
}

/// All passes from graph to graph, in order.
pub fn optimize(graph: &Graph, marked: Marked) -> Optimized {
    let mut optimized = Optimized { graph: graph.without_dead_nodes(), passes: Vec::new() };
    optimized.note("live");
    optimized.pass("simplify", |graph| Some(simplify(graph)));
    optimized.pass("accumulate", |graph| Some(accumulate(graph)));
    if marked == Marked::Recompute {
        optimized.pass("rematerialize", rematerialize);
    }
    optimized.pass("spread", spread);
    optimized
}

impl Optimized {
    /// Runs a pass; it returns `None` where there is nothing to do.
    fn pass(&mut self, name: &'static str, pass: impl FnOnce(&Graph) -> Option<Graph>) {
        if let Some(graph) = pass(&self.graph) {
            self.graph = graph.without_dead_nodes();
            self.note(name);
        }
    }

    fn note(&mut self, name: &'static str) {
        debug_assert!(self.graph.verify().is_ok(), "after {name}: {:?}\n{}", self.graph.verify(), self.graph);
        self.passes.push((name, self.graph.len()));
    }
}
