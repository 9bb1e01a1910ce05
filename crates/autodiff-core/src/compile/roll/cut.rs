//! Rolling around marked scalars: what reads one reads it out of one array of all of them, so that a derivative with respect to
//! that array is one with respect to the marks.
//!
//! The marks are made inputs, the graph is rolled with what they are computed by as outputs, and the two are put together again:
//!
//! > (x, z) ↦ (results, z̃) with z̃ = z̃(x) alone  ⇒  x ↦ (results at z = z̃, z̃).

use super::{Rolling, Unrolled, roll, scalars};
use crate::graph::{Arguments, Graph, NodeId, Operation};
use rustc_hash::FxHashMap;

/// [`roll`] of a graph whose outputs after the first `results` are marked: all marks together are one output, the last.
///
/// # Errors
/// Those of `roll`; [`Unrolled::Predictions`] if a mark is an array or an input, or rests on another.
pub fn roll_marked(graph: &Graph, blocks: &[usize], results: usize) -> Result<(Graph, Rolling), Unrolled> {
    scalars(graph)?;
    let (cut, marks) = cut(graph, results).ok_or(Unrolled::Predictions)?;
    let (rolled, rolling) = roll(&cut, &[blocks, &[marks]].concat(), results)?;
    Ok((join(&rolled).ok_or(Unrolled::Predictions)?, rolling))
}

/// The graph with the marks as further inputs, how many these are, and with what they are computed by as last outputs.
fn cut(graph: &Graph, results: usize) -> Option<(Graph, usize)> {
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.len());
    let given: Vec<NodeId> = graph.inputs().iter().map(|&id| out.input(graph.shape(id).clone())).collect();
    // In the order of the marks.
    let mut marks: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    let mut order = Vec::new();
    for &mark in &graph.outputs()[results..] {
        if graph.shape(mark).rank() != 0 || matches!(graph.operation(mark), Operation::Input(_)) {
            return None;
        }
        marks.entry(mark).or_insert_with(|| {
            order.push(mark);
            out.input(graph.shape(mark).clone())
        });
    }
    let mut computed: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    let mut rests = vec![false; graph.len()];
    for id in graph.ids() {
        let args = graph.arguments(id);
        let rest = args.iter().any(|a| rests[a.index()]);
        let args: Arguments = args.iter().map(|a| moved[a.index()]).collect();
        let new = match graph.operation(id) {
            Operation::Input(i) => given[i],
            _ => out.carry(graph, id, &args),
        };
        let mark = marks.get(&id);
        if mark.is_some() {
            if rest {
                return None;
            }
            computed.insert(id, new);
        }
        rests[id.index()] = rest || mark.is_some();
        moved.push(mark.copied().unwrap_or(new));
    }
    out.end_as(graph, &moved);
    let mut outputs = out.outputs()[..results].to_vec();
    outputs.extend(order.iter().map(|mark| computed[mark]));
    out.set_outputs(outputs);
    Some((out, order.len()))
}

/// The graph with its last output in place of its last input; `None` if that output rests on it.
fn join(graph: &Graph) -> Option<Graph> {
    let (&input, inputs) = graph.inputs().split_last()?;
    let &output = graph.outputs().last()?;
    let mut first = vec![false; graph.len()];
    first[output.index()] = true;
    for id in graph.ids().rev().filter(|id| id.index() <= output.index()) {
        if first[id.index()] {
            graph.arguments(id).iter().for_each(|a| first[a.index()] = true);
        }
    }
    if first[input.index()] {
        return None;
    }
    let mut out = Graph::new();
    let mut moved = vec![NodeId::NOWHERE; graph.len()];
    for &id in inputs {
        moved[id.index()] = out.input(graph.shape(id).clone());
    }
    for before in [true, false] {
        for id in graph.ids().filter(|id| first[id.index()] == before) {
            if let Operation::Input(_) = graph.operation(id) {
                continue;
            }
            let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
            moved[id.index()] = out.carry(graph, id, &args);
        }
        moved[input.index()] = moved[output.index()];
    }
    out.end_as(graph, &moved);
    Some(out)
}
