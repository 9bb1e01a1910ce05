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
    /// Of these, the part that a split program runs once for each point.
    pub early_instructions: usize,
    /// Regions of elementwise nodes that run together.
    pub regions: usize,
    /// Nodes in these regions.
    pub fused: usize,
    /// Floating-point operations of one run: one for an entry of an elementwise result, 2mnk for a product of matrices.
    pub flops: u64,
    /// Of these, the part that a split program runs once for each point.
    pub early_flops: u64,
    /// Of all operations, those of products and other sums over an axis: more than one for an entry of a result.
    pub contracted: u64,
    /// Of these, the part that a split program runs once for each point.
    pub early_contracted: u64,
    /// Entries that instructions read and write: times 4 or 8, the bytes moved through the caches.
    pub moved: usize,
    /// Of these, the part that a split program runs once for each point.
    pub early_moved: usize,
    /// Entries of the arenas: times 4 or 8, the bytes of all values that are there at the peak, beside inputs and results,
    /// which are the caller's.
    pub arena: usize,
    /// Values that are given a place in the arenas, one after the other in the same memory where that is free again.
    pub buffers: usize,
    /// Entries of working memory that one instruction uses at a time: packed operands, registers of regions. On one thread; on
    /// several, products of matrices have more.
    pub scratch: usize,
    /// Of the entries of the arenas, what a split program keeps for each point.
    pub kept: usize,
}

/// Operations for each entry moved from which on a product is bound by computing, not by what is read from memory. Logistic
/// regression has 2, and gains six times; a small convolutional network has 15, and loses half.
const COMPUTE_BOUND: u64 = 8;

/// Entries kept from which on they come from beyond the second-level cache: a megabyte in double precision.
const FAR: usize = 1 << 17;

/// Entries that an instruction moves below which calling it is most of its time. Sixteen products with the Hessian of
/// Rosenbrock's function at n = 100, 450 entries an instruction, take two fifths of the time side by side, as long at n = 250, and half
/// as long again at n = 1000.
const SHORT: usize = 1024;

impl Statistics {
    /// Entries that a run holds at its peak, beside inputs and results, which are the caller's.
    pub fn peak(&self) -> usize {
        self.arena + self.scratch
    }

    /// Whether several products of a linearisation gain from running side by side: because each would multiply much that is
    /// kept with a single vector, or because its instructions are so short that calling them takes longer than they do.
    pub(crate) fn gains_side_by_side(&self) -> bool {
        let (flops, moved) = (self.flops - self.early_flops, self.moved - self.early_moved);
        let multiplies = 2 * (self.contracted - self.early_contracted) >= flops && self.kept >= FAR;
        let short = moved < SHORT * (self.instructions - self.early_instructions);
        short || multiplies && flops / (moved.max(1) as u64) < COMPUTE_BOUND
    }

    /// Notes a node that is computed.
    pub(super) fn count(&mut self, graph: &Graph, id: NodeId) {
        let operation = graph.operation(id);
        self.nodes += 1;
        *self.operations.entry(operation.name()).or_default() += 1;
        let size = graph.shape(id).size() as u64;
        let flops = match operation {
            Operation::Primitive(p) => {
                let args = graph.arguments(id);
                let operands: SmallVec<[&Shape; 4]> = args.iter().map(|&a| graph.shape(a)).collect();
                p.flops(&operands, graph.shape(id))
            }
            _ => size,
        };
        self.flops += flops;
        self.contracted += if flops > size { flops } else { 0 };
    }
}
