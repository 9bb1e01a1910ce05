//! [`Step`]: a node of a scalar graph with its arguments, as a sweep reads it.

use super::{CONSTANT, Graph, HOLE, INPUT, Node, NodeId, ROWS, SCALAR, SELECT};
use crate::real::Row;

/// What a scalar node computes and from which nodes, in one small value; its cost is that of reading the node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Input number i of the program.
    Input(usize),
    /// A constant.
    Constant(f64),
    /// A placeholder, which nothing live depends on.
    Hole,
    /// A row of two arguments, or of one, which then comes first.
    Row(Row, [NodeId; 2]),
    /// The second argument where the first is not 0, else the third.
    Select(NodeId, NodeId, NodeId),
    /// An array, or a structured primitive.
    Other,
}

/// A node before it is looked at.
#[derive(Clone, Copy)]
pub struct Unread<'g> {
    graph: &'g Graph,
    node: &'g Node,
}

impl Unread<'_> {
    /// The node as a step. Read where it is matched, what the node is leads to what is done in one jump.
    #[inline(always)]
    pub fn read(self) -> Step {
        self.graph.step_of(self.node)
    }
}

impl Graph {
    /// The nodes of a range, in order of evaluation.
    #[inline]
    pub fn steps(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl DoubleEndedIterator<Item = Unread<'_>> + ExactSizeIterator {
        self.nodes[range].iter().map(|node| Unread { graph: self, node })
    }

    /// A node as a step.
    #[inline]
    pub fn step(&self, id: NodeId) -> Step {
        self.step_of(&self.nodes[id.index()])
    }

    #[inline(always)]
    fn step_of(&self, node: &Node) -> Step {
        let [a, b] = node.args;
        if node.shape != SCALAR {
            return Step::Other;
        }
        match node.op {
            SELECT => match self.pool[a as usize..][..b as usize] {
                [mask, if_true, if_false] => Step::Select(mask, if_true, if_false),
                _ => Step::Other,
            },
            op if op < ROWS => Step::Row(Row::ALL[op as usize], [NodeId(a), NodeId(b)]),
            INPUT => Step::Input(a as usize),
            CONSTANT => Step::Constant(f64::from_bits(u64::from(a) << 32 | u64::from(b))),
            HOLE => Step::Hole,
            _ => Step::Other,
        }
    }
}
