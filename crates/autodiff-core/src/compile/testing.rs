//! What tests of passes share.

use crate::execute::interpret;
use crate::graph::{Executable, Graph};

/// That both graphs give the same bits, for inputs in [-1, 1].
pub fn same_bits<T: Executable>(graph: &Graph, other: &Graph) {
    let number = |i: usize| T::from_f64(((i * 37 + 11) % 101) as f64 / 50.0 - 1.0);
    let sizes = graph.inputs().iter().map(|&id| graph.shape(id).size());
    let inputs: Vec<Vec<T>> = sizes.enumerate().map(|(k, n)| (0..n).map(|i| number(i + 7 * k)).collect()).collect();
    let inputs: Vec<&[T]> = inputs.iter().map(Vec::as_slice).collect();
    let run = |graph: &Graph| -> Vec<u64> {
        interpret(graph, &inputs).unwrap().concat().iter().map(|x| x.to_f64().to_bits()).collect()
    };
    assert!(run(graph) == run(other), "{other}");
}

/// How often an operation stands in a graph, by the beginning of its line.
pub fn count(graph: &Graph, name: &str) -> usize {
    graph.to_string().matches(name).count()
}
