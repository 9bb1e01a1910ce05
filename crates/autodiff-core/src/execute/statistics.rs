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
    /// The passes over the graph that ran, in order, each with the number of nodes that it left.
    pub passes: Vec<(&'static str, usize)>,
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
    /// Entries of the arenas: times 4 or 8, the bytes of all values that are there at the peak, beside inputs and results,
    /// which are the caller's.
    pub arena: usize,
    /// Values that are given a place in the arenas, one after the other in the same memory where that is free again.
    pub buffers: usize,
    /// Entries of working memory that one instruction uses at a time: packed operands, registers of regions.
    pub scratch: usize,
    /// Of these, what a split program keeps for each point.
    pub kept: usize,
}

/// Operations for each entry moved from which on a product is bound by computing: networks of a few hundred units have more.
const COMPUTE_BOUND: u64 = 32;

/// Entries kept from which on they come from beyond the second-level cache: a megabyte in double precision.
const FAR: usize = 1 << 17;

/// Entries that an instruction moves below which calling it is most of its time.
const SHORT: usize = 64;

impl Statistics {
    /// Entries that a run holds at its peak, beside inputs and results, which are the caller's.
    pub fn peak(&self) -> usize {
        self.arena + self.scratch
    }

    /// Whether several products of a linearisation gain from running side by side: because each would read much that is kept
    /// for few operations, or because its instructions are so short that calling them takes longer than they do.
    pub(crate) fn gains_side_by_side(&self) -> bool {
        let intensity = (self.flops - self.early_flops) / (self.moved - self.early_moved).max(1) as u64;
        let (reads_much, short) = (self.kept >= FAR, self.moved < SHORT * self.instructions);
        intensity < COMPUTE_BOUND && (reads_much || short)
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
