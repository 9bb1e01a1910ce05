//! Scheduling: in which order nodes run, so that little is alive at once.
//!
//! The order of the trace is kept but for nodes that can wait: a node runs just before the first that reads it, if that keeps
//! no more alive meanwhile than its own result would have. So a factor that only the reverse sweep reads is computed where the
//! sweep arrives, is fused with its product there, and is not kept from the forward sweep on; and what is computed again
//! instead of kept is computed when it is needed.

use super::verify::verify_order;
use crate::graph::{Graph, NodeId, Operation};
use smallvec::SmallVec;

/// Some of the nodes, given in order of the trace, in an order to run them. `required` says which of them are read by
/// something else than the others: outputs, guards, what a later phase reads. They do not wait.
pub fn schedule(graph: &Graph, nodes: &[NodeId], required: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
    // When a node runs: with which node of the trace. When it is read first, and last.
    let mut time: Vec<u32> = (0..graph.len() as u32).collect();
    let (mut first, mut last) = (vec![u32::MAX; graph.len()], vec![0; graph.len()]);
    for &id in nodes.iter().rev() {
        let computed = matches!(graph.operation(id), Operation::Row(_) | Operation::Primitive(_));
        let until = first[id.index()];
        if computed && until != u32::MAX && !required(id) {
            let mut kept = SmallVec::new();
            graph.arguments(id).iter().for_each(|&a| sources(graph, a, &|a| last[a.index()] < until, 0, &mut kept));
            if entries_of(graph, &mut kept) <= graph.shape(id).size() {
                time[id.index()] = until;
            }
        }
        let now = time[id.index()];
        for a in graph.arguments(id) {
            first[a.index()] = first[a.index()].min(now);
            last[a.index()] = last[a.index()].max(now);
        }
    }
    let mut order = nodes.to_vec();
    // A node runs no later than what reads it, and of those with one time it comes first in the trace.
    order.sort_unstable_by_key(|id| (time[id.index()], *id));
    debug_assert_eq!(verify_order(graph, nodes, &order), Ok(()), "{graph}");
    order
}

/// Elementwise nodes between a node that waits and the values that it keeps alive meanwhile, at most.
const NEST: usize = 4;

/// What must be kept for a value to be computed later: the value itself, or what it is computed from in a few elementwise steps,
/// which can wait as well. The same node may be named several times.
fn sources(graph: &Graph, id: NodeId, dies: &dyn Fn(NodeId) -> bool, nest: usize, kept: &mut SmallVec<[NodeId; 8]>) {
    match graph.operation(id) {
        // What is read later anyway costs nothing.
        Operation::Row(_) | Operation::Primitive(_) if !dies(id) => {}
        Operation::Row(_) if nest < NEST => {
            let mut below = SmallVec::new();
            graph.arguments(id).iter().for_each(|&a| sources(graph, a, dies, nest + 1, &mut below));
            // A node that would keep more alive than its own result does not wait, and is kept itself.
            if entries_of(graph, &mut below) <= graph.shape(id).size() {
                kept.extend(below);
            } else {
                kept.push(id);
            }
        }
        Operation::Primitive(p) if p.name() == "broadcast" => sources(graph, graph.arguments(id)[0], dies, nest, kept),
        Operation::Row(_) | Operation::Primitive(_) => kept.push(id),
        // Inputs and constants are there all the time.
        _ => {}
    }
}

/// Entries of some nodes, which are left with each of them once.
fn entries_of(graph: &Graph, nodes: &mut SmallVec<[NodeId; 8]>) -> usize {
    nodes.sort_unstable();
    nodes.dedup();
    nodes.iter().map(|id| graph.shape(*id).size()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Vec<usize> {
        let graph: Graph = text.parse().expect("the test's own text");
        let all: Vec<NodeId> = graph.ids().collect();
        let order = schedule(&graph, &all, |id| graph.outputs().contains(&id));
        order.iter().map(|id| id.index()).collect()
    }

    #[test]
    fn a_factor_waits_for_what_it_multiplies() {
        // Factors %3 and %6 of a reverse sweep that starts from %7 and takes %6 first.
        let text = "%0 = input : [3, 3]\n%1 = matmul{transposed=[0, 0]} %0 %0 : [3, 3]\n%2 = sin %1 : [3, 3]\n\
                    %3 = cos %1 : [3, 3]\n%4 = matmul{transposed=[0, 0]} %2 %0 : [3, 3]\n%5 = sin %4 : [3, 3]\n\
                    %6 = cos %4 : [3, 3]\n%7 = matmul{transposed=[0, 0]} %5 %0 : [3, 3]\n%8 = mul %7 %6 : [3, 3]\n\
                    %9 = matmul{transposed=[0, 0]} %8 %0 : [3, 3]\n%10 = mul %9 %3 : [3, 3]\nreturn %10";
        // %9, which is as large as what it reads, waits as well.
        assert_eq!(order(text), [0, 1, 2, 4, 5, 6, 7, 8, 3, 9, 10]);
    }

    #[test]
    fn what_would_keep_more_alive_does_not_wait() {
        // The sum %2 is small, and is taken while its large argument is there.
        let text = "%0 = input : [9]\n%1 = sin %0 : [9]\n%2 = sum{axes=[0]} %1 : []\n%3 = exp %0 : [9]\n\
                    %4 = sum{axes=[0]} %3 : []\n%5 = mul %4 %2 : []\nreturn %5";
        assert_eq!(order(text), [0, 1, 2, 3, 4, 5]);
    }
}
