//! Scheduling: in which order nodes run, so that little is alive at once.
//!
//! Outputs are computed one after the other, in the order in which they were traced; a node runs for the first output that
//! needs it, and what two nodes of one output have to wait for decides between them as it did in the trace. So a factor that
//! only the reverse sweep reads is computed there, where it is fused with its product, and not kept from the forward sweep on.

use crate::graph::{Graph, NodeId};

/// Some of the nodes, given in order of the trace, in an order to run them. `required` says which of them are read by
/// something else than the others: outputs, guards, what a later phase reads.
pub fn schedule(graph: &Graph, nodes: &[NodeId], required: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
    // The first required node that needs each node.
    let mut wanted = vec![u32::MAX; graph.len()];
    for &id in nodes.iter().rev() {
        let by = &mut wanted[id.index()];
        if required(id) || *by == u32::MAX {
            *by = (*by).min(id.index() as u32);
        }
        let by = *by;
        for a in graph.arguments(id) {
            wanted[a.index()] = wanted[a.index()].min(by);
        }
    }
    let mut order = nodes.to_vec();
    // A node is wanted no later than what reads it, and ties are broken by the trace: the order is one of evaluation.
    order.sort_unstable_by_key(|id| (wanted[id.index()], *id));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_later_output_needs_runs_later() {
        let text = "%0 = input : [4]\n%1 = tanh %0 : [4]\n%2 = mul %1 %1 : [4]\n%3 = sin %1 : [4]\n%4 = cos %2 : [4]\n\
                    return %3, %4";
        let graph: Graph = text.parse().expect("the test's own text");
        let all: Vec<NodeId> = graph.ids().collect();
        let order = schedule(&graph, &all, |id| graph.outputs().contains(&id));
        let order: Vec<usize> = order.iter().map(|id| id.index()).collect();
        assert_eq!(order, [0, 1, 3, 2, 4]);
    }
}
