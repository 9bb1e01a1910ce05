//! [`Step`]: a node of a scalar graph with its arguments, as a sweep reads it.

use super::{CONSTANT, Graph, HOLE, INPUT, Node, NodeId, ROWS, SCALAR, SELECT};
use crate::real::Row;

const NEG: u32 = Row::Neg as u32;
const ADD: u32 = Row::Add as u32;
const SUB: u32 = Row::Sub as u32;
const MUL: u32 = Row::Mul as u32;
const DIV: u32 = Row::Div as u32;

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
        let row = |row: Row| Step::Row(row, [NodeId(a), NodeId(b)]);
        match node.op {
            // Named, so that what is done with arithmetic is one jump from the number of the operation.
            NEG => row(Row::Neg),
            ADD => row(Row::Add),
            SUB => row(Row::Sub),
            MUL => row(Row::Mul),
            DIV => row(Row::Div),
            SELECT => match self.pool[a as usize..][..b as usize] {
                [mask, if_true, if_false] => Step::Select(mask, if_true, if_false),
                _ => Step::Other,
            },
            op if op < ROWS => row(Row::ALL[op as usize]),
            INPUT => Step::Input(a as usize),
            CONSTANT => Step::Constant(f64::from_bits(u64::from(a) << 32 | u64::from(b))),
            HOLE => Step::Hole,
            _ => Step::Other,
        }
    }
}
