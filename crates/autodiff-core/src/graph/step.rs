//! [`Step`]: a node of a scalar graph with its arguments, as a sweep reads it.

use super::{CONSTANT, Graph, HOLE, INPUT, Node, NodeId, ROWS, SCALAR, SELECT, by_constant};
use crate::real::Row;

const NEG: u32 = Row::Neg as u32;
const ADD: u32 = Row::Add as u32;
const SUB: u32 = Row::Sub as u32;
const MUL: u32 = Row::Mul as u32;
const DIV: u32 = Row::Div as u32;
const ADD_BY: u32 = by_constant(Row::Add);
const SUB_BY: u32 = by_constant(Row::Sub);
const MUL_BY: u32 = by_constant(Row::Mul);
const DIV_BY: u32 = by_constant(Row::Div);
const LAST_ROW: u32 = ROWS - 1;

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
    /// A row of arithmetic of two arguments, where the second was known to be a constant when it was recorded.
    ByConstant(Row, [NodeId; 2]),
    /// The second argument where the first is not 0, else the third.
    Select(NodeId, NodeId, NodeId),
    /// An array, or a structured primitive.
    Other,
}

/// The first nodes of a graph, in order of evaluation.
#[derive(Clone, Copy)]
pub struct Steps<'g> {
    graph: &'g Graph,
    nodes: &'g [Node],
}

impl Steps<'_> {
    /// Node `i` as a step. Read where it is matched, what the node is leads to what is done in one jump.
    #[inline(always)]
    pub fn read(self, i: usize) -> Step {
        self.graph.step_of(&self.nodes[i])
    }
}

impl Graph {
    /// The first `count` nodes.
    #[inline]
    pub fn steps(&self, count: usize) -> Steps<'_> {
        Steps { graph: self, nodes: &self.nodes[..count] }
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
        let by = |row: Row| Step::ByConstant(row, [NodeId(a), NodeId(b)]);
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
            ADD_BY => by(Row::Add),
            SUB_BY => by(Row::Sub),
            MUL_BY => by(Row::Mul),
            DIV_BY => by(Row::Div),
            op @ 0..=LAST_ROW => row(Row::ALL[op as usize]),
            INPUT => Step::Input(a as usize),
            CONSTANT => Step::Constant(f64::from_bits(u64::from(a) << 32 | u64::from(b))),
            HOLE => Step::Hole,
            _ => Step::Other,
        }
    }
}
