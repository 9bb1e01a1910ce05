//! Recomputing what was marked by [`checkpoint`](crate::checkpoint): nodes after a marked part that read what is inside it read
//! a copy instead, which is computed when the first of them needs it. So the inside need not be kept until then.
//!
//! What a marked part returns is kept, and so is what it reads. Inside are the recorded nodes and their tangents; a reverse
//! sweep is outside.

use crate::graph::{Arguments, Graph, NodeId, Operation};
use std::collections::BTreeSet;

/// The same program with copies of marked nodes, `None` if nothing is marked.
pub fn rematerialize(graph: &Graph) -> Option<Graph> {
    if !graph.is_marked() {
        return None;
    }
    let (mut out, mut moved) = (Graph::new(), vec![NodeId::from_index(0); graph.len()]);
    let mut copies: Vec<Option<NodeId>> = vec![None; graph.len()];
    for id in graph.ids() {
        let inside = graph.scope(id).map(|scope| scope.number);
        let mut args = Arguments::new();
        for a in graph.arguments(id) {
            let leaves = recomputed(graph, a).is_some_and(|number| inside != Some(number));
            args.push(if leaves { copy(graph, a, &mut out, &moved, &mut copies) } else { moved[a.index()] });
        }
        moved[id.index()] = out.carry(graph, id, &args);
    }
    out.end_as(graph, &moved);
    Some(out)
}

/// The marked part whose inside a node belongs to.
fn recomputed(graph: &Graph, id: NodeId) -> Option<u32> {
    let computed = matches!(graph.operation(id), Operation::Row(_) | Operation::Primitive(_));
    graph.scope(id).filter(|scope| computed && !scope.exit).map(|scope| scope.number)
}

/// The copy of a node, with the copies that it rests on.
fn copy(graph: &Graph, id: NodeId, out: &mut Graph, moved: &[NodeId], copies: &mut [Option<NodeId>]) -> NodeId {
    let number = recomputed(graph, id);
    // All of the part below the node that has no copy yet, in order of evaluation.
    let (mut found, mut pending) = (BTreeSet::from([id]), vec![id]);
    while let Some(next) = pending.pop() {
        for a in graph.arguments(next) {
            if recomputed(graph, a) == number && copies[a.index()].is_none() && found.insert(a) {
                pending.push(a);
            }
        }
    }
    for node in found {
        if copies[node.index()].is_none() {
            let source = |a: &NodeId| if recomputed(graph, *a) == number { copies[a.index()] } else { None };
            let args: Arguments = graph.arguments(node).iter().map(|a| source(a).unwrap_or(moved[a.index()])).collect();
            copies[node.index()] = Some(out.copy_node(graph, node, &args).expect("shapes as in the original"));
        }
    }
    copies[id.index()].expect("just made")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rematerialized(text: &str) -> Option<String> {
        let graph: Graph = text.parse().expect("the test's own text");
        let graph = rematerialize(&graph)?;
        graph.verify().unwrap();
        let graph = graph.without_dead_nodes();
        Some(graph.to_string())
    }

    #[test]
    fn what_is_not_marked_stays() {
        assert_eq!(rematerialized("%0 = input : [2]\n%1 = sin %0 : [2]\nreturn %1"), None);
    }

    #[test]
    fn a_reader_outside_reads_a_copy_and_what_the_part_returns_is_kept() {
        let text = "%0 = input : [2]\n%1 = sin %0 : [2] in 0\n%2 = exp %1 : [2] in 0\n%3 = neg %2 : [2] out of 0\n\
                    %4 = mul %3 %2 : [2]\n%5 = mul %4 %1 : [2]\nreturn %5";
        let expected = "graph {\n  %0 = input : [2]\n  %1 = sin %0 : [2]\n  %2 = exp %1 : [2]\n  %3 = neg %2 : [2]\n  \
                        %4 = sin %0 : [2]\n  %5 = exp %4 : [2]\n  %6 = mul %3 %5 : [2]\n  %7 = mul %6 %4 : [2]\n  \
                        return %7\n}\n";
        assert_eq!(rematerialized(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_copy_of_one_part_reads_what_another_returns() {
        let text = "%0 = input : [2]\n%1 = sin %0 : [2] out of 0\n%2 = exp %1 : [2] in 1\n%3 = neg %2 : [2] out of 1\n\
                    %4 = mul %3 %2 : [2]\nreturn %4";
        let rematerialized = rematerialized(text).expect("parts are marked");
        assert_eq!(rematerialized.matches("= sin").count(), 1, "{rematerialized}");
        assert_eq!(rematerialized.matches("= exp %1").count(), 2, "{rematerialized}");
    }
}
