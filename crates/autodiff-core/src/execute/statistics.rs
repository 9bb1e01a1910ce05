//! [`Statistics`]: what a program consists of.

use crate::graph::{Graph, NodeId, Operation};
use crate::shape::Shape;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// What a program consists of, for [`explain`](crate::Function::explain).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Nodes of the graph before it was simplified.
    pub traced: usize,
    /// Nodes that are computed.
    pub nodes: usize,
    /// How many of each operation.
    pub operations: BTreeMap<&'static str, usize>,
    /// Guards that are checked.
    pub guards: usize,
    /// Instructions: regions, single operations and guards.
    pub instructions: usize,
    /// Regions of elementwise nodes that run together.
    pub regions: usize,
    /// Nodes in these regions.
    pub fused: usize,
    /// Floating-point operations of one run: one for an entry of an elementwise result, 2mnk for a product of matrices.
    pub flops: u64,
    /// Of these, the part that a split program runs once for each point.
    pub early_flops: u64,
    /// Entries that instructions read and write: times 4 or 8, the bytes moved through the caches.
    pub moved: usize,
    /// Of these, the part that a split program runs once for each point.
    pub early_moved: usize,
    /// Entries of the arenas: times 4 or 8, the bytes at the peak, beside inputs and results, which are the caller's.
    pub arena: usize,
    /// Of these, what a split program keeps for each point.
    pub kept: usize,
}

impl Statistics {
    /// Floating-point operations of the late phase for each entry that it moves.
    pub(crate) fn late_intensity(&self) -> u64 {
        (self.flops - self.early_flops) / (self.moved - self.early_moved).max(1) as u64
    }

    /// Notes a node that is computed.
    pub(super) fn count(&mut self, graph: &Graph, id: NodeId) {
        let operation = graph.operation(id);
        self.nodes += 1;
        *self.operations.entry(operation.name()).or_default() += 1;
        self.flops += match operation {
            Operation::Primitive(p) => {
                let args = graph.arguments(id);
                let operands: SmallVec<[&Shape; 4]> = args.iter().map(|&a| graph.shape(a)).collect();
                p.flops(&operands, graph.shape(id))
            }
            _ => graph.shape(id).size() as u64,
        };
    }
}
