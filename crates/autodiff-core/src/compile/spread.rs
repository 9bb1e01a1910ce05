//! Spreading: what is repeated often and costs little to repeat is repeated anew for every elementwise node that reads it.
//!
//! A number, a row of biases or longer piece that fills an array, or numbers that fill long lines of one, are then read where they lie, along with the rest of a fused region, and
//! never written out: neither for a second region, nor for products to come.

use super::repeat::cheap_repeats;
use crate::graph::{Arguments, Graph, NodeId, Operation};

/// The same program with a copy of each such repeat for each of its elementwise readers; `None` if there is nothing to copy.
pub fn spread(graph: &Graph) -> Option<Graph> {
    let (alone, cheap) = (floating(graph), cheap_repeats(graph));
    let spreads = |id: NodeId| cheap[id.index()] && alone[id.index()].is_none();
    let is_row = |id: &NodeId| matches!(graph.operation(*id), Operation::Row(_));
    if !graph.ids().filter(is_row).any(|id| graph.arguments(id).into_iter().any(spreads)) {
        return None;
    }
    let (mut out, mut moved) = (Graph::new(), Vec::<NodeId>::with_capacity(graph.len()));
    for id in graph.ids() {
        let mut args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        if is_row(&id) {
            let own = graph.arguments(id);
            for (i, &a) in own.iter().enumerate().filter(|(_, a)| spreads(**a)) {
                // A node that reads the same twice has one copy.
                args[i] = match own[..i].iter().position(|&b| b == a) {
                    Some(before) => args[before],
                    None => {
                        out.enter(graph.scope(id));
                        let source = moved[graph.arguments(a)[0].index()];
                        out.copy_node(graph, a, &[source]).expect("shapes as in the original")
                    }
                };
            }
        }
        out.enter(graph.scope(id));
        moved.push(out.carry(graph, id, &args));
    }
    out.end_as(graph, &moved);
    Some(out)
}

/// For each such repeat that one elementwise node alone reads, that node: the repeat runs wherever its reader does.
pub fn floating(graph: &Graph) -> Vec<Option<NodeId>> {
    let mut reader: Vec<Option<NodeId>> = vec![None; graph.len()];
    let mut shared = vec![false; graph.len()];
    for id in graph.ids() {
        let row = matches!(graph.operation(id), Operation::Row(_));
        for a in graph.arguments(id) {
            shared[a.index()] |= !row || reader[a.index()].is_some_and(|other| other != id);
            reader[a.index()] = Some(id);
        }
    }
    for id in graph.outputs().iter().copied().chain(graph.guards().iter().map(|g| g.node)) {
        shared[id.index()] = true;
    }
    let one = |((reader, shared), cheap): ((Option<NodeId>, bool), bool)| reader.filter(|_| cheap && !shared);
    reader.into_iter().zip(shared).zip(cheap_repeats(graph)).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(text: &str) -> Graph {
        text.parse().expect("the test's own text")
    }

    const BIASES: &str = "%0 = input : [64]\n%1 = input : [40, 64]\n%2 = broadcast{shape=[40, 64]} %0 : [40, 64]\n\
                          %3 = add %1 %2 : [40, 64]\n";

    #[test]
    fn every_elementwise_reader_has_its_own() {
        let text = format!("{BIASES}%4 = mul %2 %2 : [40, 64]\n%5 = sub %4 %3 : [40, 64]\nreturn %5");
        let spread = spread(&graph(&text)).expect("two read the biases").without_dead_nodes();
        spread.verify().unwrap();
        assert_eq!(spread.to_string().matches("broadcast").count(), 2, "{spread}");
        let count = floating(&spread).iter().flatten().count();
        assert_eq!(count, 2, "{spread}");
    }

    #[test]
    fn what_one_reads_or_is_returned_stays() {
        assert!(spread(&graph(&format!("{BIASES}return %3"))).is_none());
        let returned = graph(&format!("{BIASES}return %2, %3"));
        let spread = spread(&returned).expect("the sum has its own").without_dead_nodes();
        assert_eq!(spread.to_string().matches("broadcast").count(), 2, "{spread}");
        assert_eq!(floating(&spread).iter().flatten().count(), 1, "{spread}");
    }

    #[test]
    fn what_is_short_or_read_by_another_operation_stays() {
        let short = "%0 = input : []\n%1 = input : [9]\n%2 = broadcast{shape=[9]} %0 : [9]\n%3 = add %1 %2 : [9]\n\
                     %4 = mul %1 %2 : [9]\nreturn %3, %4";
        assert!(spread(&graph(short)).is_none());
        let product = format!("{BIASES}%4 = matmul{{transposed=[0, 1]}} %2 %2 : [40, 40]\nreturn %4");
        assert_eq!(floating(&graph(&product)).iter().flatten().count(), 0);
    }
}
