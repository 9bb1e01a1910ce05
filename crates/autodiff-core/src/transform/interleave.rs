//! Interleaving: tangents beside the values that they belong to.

use crate::graph::{Arguments, Graph, NodeId};

/// The same program with each node from number `appended` on moved to right behind the last of the nodes before that it rests on.
///
/// A tangent is recorded when all values are. Run backwards in that order, the sweep over the tangents leaves a cotangent at
/// every value before the one over the values begins. Beside each other they run backwards at once, step by step, and what a
/// [checkpoint](crate::checkpoint) marks is computed again for both.
pub fn interleave(graph: &Graph, appended: usize) -> Graph {
    // The number of the node that each runs behind: its own, of those that were there.
    let mut behind: Vec<usize> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let last = graph.arguments(id).iter().map(|a| behind[a.index()]).max();
        behind.push(if id.index() < appended { id.index() } else { last.unwrap_or(0) });
    }
    let mut order: Vec<NodeId> = graph.ids().collect();
    order.sort_by_key(|id| behind[id.index()]);
    let (mut out, mut moved) = (Graph::new(), vec![NodeId::NOWHERE; graph.len()]);
    for id in order {
        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        out.enter(graph.scope(id));
        moved[id.index()] = out.carry(graph, id, &args);
    }
    out.end_as(graph, &moved);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tangent_follows_its_value() {
        let text = "%0 = input : [3]\n%1 = input : [3]\n%2 = sin %0 : [3]\n%3 = exp %2 : [3]\n%4 = cos %0 : [3]\n\
                    %5 = mul %4 %1 : [3]\n%6 = mul %3 %5 : [3]\nreturn %3, %6";
        let graph: Graph = text.parse().expect("the test's own text");
        let found = interleave(&graph, 4);
        found.verify().unwrap();
        // The cosine rests on the input alone.
        let expected = "%0 = input : [3]\n%1 = cos %0 : [3]\n%2 = input : [3]\n%3 = mul %1 %2 : [3]\n%4 = sin %0 : [3]\n\
                        %5 = exp %4 : [3]\n%6 = mul %5 %3 : [3]\nreturn %5, %6";
        let expected: Graph = expected.parse().expect("the test's own text");
        assert_eq!(found.to_string(), expected.to_string());
    }
}
