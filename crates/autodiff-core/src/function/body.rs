//! [`Body`]: a trace as the programs are made from it, rolled into arrays where it is scalar code.

use crate::compile::{Rolling, Unrolled, roll, roll_marked};
use crate::graph::Graph;
use crate::shape::Shape;
use crate::tree::Leaves;

/// A trace as programs are made from it.
#[derive(Debug)]
pub(super) struct Body {
    /// Inputs: the point, then the data. Outputs: leaves of the result, then the marked predictions.
    pub graph: Graph,
    /// Shapes of the inputs that are the point: its leaves, or runs of scalar leaves as one vector.
    pub point: Vec<Shape>,
    /// Shapes of the inputs that are the data.
    pub data: Vec<Shape>,
    /// How many leaves of the data each of these inputs holds.
    pub data_blocks: Vec<usize>,
    /// Shapes of the outputs that are results: the leaves of the result, or runs of scalar leaves as one vector.
    pub results: Vec<Shape>,
    /// What became of the scalars, or why the trace was not rolled.
    pub rolling: Result<Rolling, Unrolled>,
}

impl Body {
    /// The body of a traced graph, in which all nodes are live, with these leaves.
    pub fn new(traced: Graph, predictions: usize, point: &Leaves, data: &Leaves, results: &[Shape]) -> Body {
        let (point_blocks, data_blocks) = (blocks(point), blocks(data));
        let all = [&point_blocks[..], &data_blocks].concat();
        // Marked scalars are one output after the results.
        let (rolled, marks) = match predictions {
            0 => (roll(&traced, &all, results.len()), 0),
            _ => (roll_marked(&traced, &all, results.len()), 1),
        };
        let (graph, rolling) = match rolled {
            Ok(rolled) => rolled,
            Err(why) => return Body { rolling: Err(why), ..Body::plain(traced, point, data, results) },
        };
        let (point, data) = (joined(point, &point_blocks), joined(data, &data_blocks));
        let outputs = &graph.outputs()[..graph.outputs().len() - marks];
        let results = outputs.iter().map(|&id| graph.shape(id).clone()).collect();
        Body { graph, point, data, data_blocks, results, rolling: Ok(rolling) }
    }

    /// The body with every leaf as it is.
    pub fn plain(traced: Graph, point: &Leaves, data: &Leaves, results: &[Shape]) -> Body {
        let (point, data) = (point.to_shapes(), data.to_shapes());
        let data_blocks = vec![1; data.len()];
        Body { graph: traced, point, data_blocks, data, results: results.to_vec(), rolling: Err(Unrolled::Leaves) }
    }
}

/// Runs of scalar leaves as blocks, every other leaf for itself.
fn blocks(leaves: &Leaves) -> Vec<usize> {
    let mut blocks = Vec::new();
    for (shape, count) in leaves.runs() {
        if shape.rank() == 0 { blocks.push(count) } else { blocks.extend(std::iter::repeat_n(1, count)) }
    }
    blocks
}

/// Shapes of the leaves with each block of several as one vector.
fn joined(leaves: &Leaves, blocks: &[usize]) -> Vec<Shape> {
    let mut shapes = leaves.iter();
    let shape = |&count: &usize| {
        let first = shapes.by_ref().take(count).last().cloned().unwrap_or_default();
        if count == 1 { first } else { Shape::of(&[count]) }
    };
    blocks.iter().map(shape).collect()
}
