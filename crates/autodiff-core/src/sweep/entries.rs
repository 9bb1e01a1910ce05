//! Closures that read arrays entry by entry, as graphs of scalars.

use crate::graph::{Graph, Guard, NodeId, Operation, Step};
use crate::primitive::Windows;
use crate::real::Row;

/// Entries of the inputs for each node, at most: where a few of many entries are read, a program is better.
const SPARSE: usize = 4;

/// What a node of the graph is there.
#[derive(Clone, Copy)]
enum New {
    Scalar(NodeId),
    /// An array whose entries are inputs from this one on.
    Inputs(usize),
    /// A constant array.
    Tensor(NodeId),
    /// What cannot be swept.
    Other,
}

/// The same outputs and guards by scalars alone, with an input for every entry of every input; `None` if anything but single
/// entries of inputs and constants is read out of arrays, if an output is an array, or if there are far more entries than nodes.
///
/// Linear in nodes and entries.
pub fn by_entries(graph: &Graph) -> Option<Graph> {
    let entries: usize = graph.inputs().iter().map(|&id| graph.shape(id).size()).sum();
    if entries > SPARSE * graph.len() {
        return None;
    }
    let mut out = Graph::new();
    out.scalar_inputs(entries);
    let mut new = Vec::with_capacity(graph.len());
    let (mut windows, mut first) = (Windows::default(), 0);
    for id in graph.ids() {
        let scalar = |id: NodeId| match new[id.index()] {
            New::Scalar(id) => Some(id),
            _ => None,
        };
        let is_scalar = graph.shape(id).rank() == 0;
        let one = match graph.operation(id) {
            Operation::Input(_) => {
                let at = first;
                first += graph.shape(id).size();
                if is_scalar { New::Scalar(out.inputs()[at]) } else { New::Inputs(at) }
            }
            Operation::Tensor(_) if !is_scalar => New::Tensor(id),
            _ if is_scalar => match graph.step(id) {
                Step::Constant(c) => New::Scalar(out.constant(c)),
                Step::Row(row, args) | Step::ByConstant(row, args) => {
                    let args = args.map(scalar);
                    match args[..row.arity()].iter().copied().collect::<Option<Vec<_>>>() {
                        Some(args) => New::Scalar(out.row(row, &args).ok()?),
                        None => New::Other,
                    }
                }
                Step::Select(mask, a, b) => match [mask, a, b].map(scalar) {
                    [Some(mask), Some(a), Some(b)] => New::Scalar(out.row(Row::Select, &[mask, a, b]).ok()?),
                    _ => New::Other,
                },
                _ => match windows.of(graph, id).map(|window| (new[window.array.index()], window.start)) {
                    Some((New::Inputs(at), start)) => New::Scalar(out.inputs()[at + start]),
                    Some((New::Tensor(tensor), start)) => match graph.operation(tensor) {
                        Operation::Tensor(tensor) => New::Scalar(out.constant(tensor.data()[start])),
                        _ => New::Other,
                    },
                    _ => New::Other,
                },
            },
            _ => {
                windows.of(graph, id);
                New::Other
            }
        };
        new.push(one);
    }
    let scalar = |id: &NodeId| match new[id.index()] {
        New::Scalar(id) => Some(id),
        _ => None,
    };
    for guard in graph.guards() {
        out.add_guard(Guard { node: scalar(&guard.node)?, ..*guard });
    }
    out.set_outputs(graph.outputs().iter().map(scalar).collect::<Option<_>>()?);
    Some(out)
}
