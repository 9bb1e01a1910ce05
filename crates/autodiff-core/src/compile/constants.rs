//! What a trace computes of constants alone, and the branches that rest on it.
//!
//! Programs compute that once, in double precision, whatever they run in. A branch may come out otherwise by that: ten steps of
//! 0.1 are more than 1 in single precision and less in double. A trace with such a branch is of the precision that it was
//! recorded in, and its constants are [settled] there. Of other traces, comparisons of constants have one outcome.

use crate::graph::{Arguments, Graph, NodeId, Operation};
use crate::primitive::Broadcast;
use crate::real::Precision;
use smallvec::SmallVec;
use std::sync::Arc;

/// The number that every entry of a node is, computed in each precision.
#[derive(Clone, Copy, Debug)]
struct Number {
    double: f64,
    single: f32,
}

impl Number {
    fn of(c: f64) -> Number {
        Number { double: c, single: c as f32 }
    }

    /// Whether single precision has what it would have of the number computed in double precision.
    fn is_same(self) -> bool {
        let rounded = self.double as f32;
        rounded.to_bits() == self.single.to_bits() || rounded.is_nan() && self.single.is_nan()
    }

    fn at(self, precision: Precision) -> f64 {
        match precision {
            Precision::Double => self.double,
            Precision::Single => f64::from(self.single),
        }
    }
}

/// The numbers of the nodes that rest on constants alone.
fn numbers(graph: &Graph) -> Vec<Option<Number>> {
    let mut numbers: Vec<Option<Number>> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let args = graph.arguments(id);
        let number = match graph.operation(id) {
            Operation::Constant(c) => Some(Number::of(c)),
            Operation::Row(row) => {
                let known: Option<SmallVec<[Number; 3]>> = args.iter().map(|a| numbers[a.index()]).collect();
                known.map(|args| {
                    let double: SmallVec<[f64; 3]> = args.iter().map(|a| a.double).collect();
                    let single: SmallVec<[f32; 3]> = args.iter().map(|a| a.single).collect();
                    Number { double: row.value(&double), single: row.value(&single) }
                })
            }
            Operation::Primitive(p) if matches!(p.name(), "broadcast" | "reshape") => numbers[args[0].index()],
            _ => None,
        };
        numbers.push(number);
    }
    numbers
}

/// Whether a branch of a trace rests on constants that come to other numbers in the other precision.
pub fn is_of_one_precision(graph: &Graph) -> bool {
    if graph.guards().is_empty() {
        return false;
    }
    let numbers = numbers(graph);
    let mut decides = vec![false; graph.len()];
    graph.guards().iter().for_each(|guard| decides[guard.node.index()] = true);
    graph.ids().rev().any(|id| match numbers[id.index()] {
        _ if !decides[id.index()] => false,
        Some(number) => !number.is_same(),
        None => {
            graph.arguments(id).iter().for_each(|a| decides[a.index()] = true);
            false
        }
    })
}

/// The same trace without comparisons of constants as guards; if it [is of one precision](is_of_one_precision), which is given
/// then, what rests on constants alone is a constant, computed there.
pub fn settled(graph: Graph, precision: Option<Precision>) -> Graph {
    if graph.guards().is_empty() {
        return graph;
    }
    let numbers = numbers(&graph);
    if precision.is_none() && graph.guards().iter().all(|guard| numbers[guard.node.index()].is_none()) {
        return graph;
    }
    let mut graph = graph;
    graph.retain_guards(|guard| numbers[guard.node.index()].is_none());
    let Some(precision) = precision else { return graph };
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        out.enter(graph.scope(id));
        let new = match (graph.operation(id), numbers[id.index()]) {
            (Operation::Row(_), Some(number)) => {
                let constant = out.constant(number.at(precision));
                match graph.shape(id) {
                    scalar if scalar.rank() == 0 => constant,
                    shape => {
                        let repeat = Arc::new(Broadcast { shape: shape.clone() });
                        out.primitive(repeat, &[constant]).expect("a scalar fills any shape")
                    }
                }
            }
            _ => {
                let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
                out.carry(&graph, id, &args)
            }
        };
        moved.push(new);
    }
    out.end_as(&graph, &moved);
    out
}
