//! [`Step`]: a node of a scalar graph with its arguments, as a sweep reads it.

use super::nodes::{Node, OTHER, Word};
use super::{CONSTANT, Graph, HOLE, INPUT, NodeId, ROWS, SCALAR, SELECT, by_constant};
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
    words: &'g [Word],
}

impl Steps<'_> {
    /// Node `i` as a step; one whose arguments have no short numbers is told as [`Step::Other`], and is what [`Graph::step`] says.
    /// Read where it is matched, what the node is leads to what is done in one jump.
    #[inline(always)]
    pub fn read(self, i: usize) -> Step {
        self.graph.short_step(self.words[i])
    }
}

impl Graph {
    /// The first `count` nodes.
    #[inline]
    pub fn steps(&self, count: usize) -> Steps<'_> {
        Steps { graph: self, words: &self.nodes.words()[..count] }
    }

    /// A node as a step.
    #[inline]
    pub fn step(&self, id: NodeId) -> Step {
        let word = self.nodes.word(id.index());
        if word.code() == OTHER { self.listed_step(&self.nodes.other(word)) } else { self.short_step(word) }
    }

    #[inline(always)]
    fn short_step(&self, word: Word) -> Step {
        let [a, b] = word.args();
        let row = |row: Row| Step::Row(row, [NodeId(a), NodeId(b)]);
        let by = |row: Row| Step::ByConstant(row, [NodeId(a), NodeId(b)]);
        match word.code() {
            // Named, so that what is done with arithmetic is one jump from the number of the operation.
            NEG => row(Row::Neg),
            ADD => row(Row::Add),
            SUB => row(Row::Sub),
            MUL => row(Row::Mul),
            DIV => row(Row::Div),
            SELECT => self.select([a, b]),
            ADD_BY => by(Row::Add),
            SUB_BY => by(Row::Sub),
            MUL_BY => by(Row::Mul),
            DIV_BY => by(Row::Div),
            code @ 0..=LAST_ROW => row(Row::ALL[code as usize]),
            INPUT => Step::Input(a as usize),
            CONSTANT => Step::Constant(self.nodes.constant(word)),
            HOLE => Step::Hole,
            _ => Step::Other,
        }
    }

    /// A node that stands in the list of other nodes: few scalars do.
    fn listed_step(&self, node: &Node) -> Step {
        let args = node.args.map(NodeId);
        match (node.shape, node.op, node.row()) {
            (SCALAR, SELECT, _) => self.select(node.args),
            (SCALAR, 0..=LAST_ROW, Some(row)) => Step::Row(row, args),
            (SCALAR, _, Some(row)) => Step::ByConstant(row, args),
            (SCALAR, INPUT, _) => Step::Input(node.args[0] as usize),
            _ => Step::Other,
        }
    }

    /// A `select`, whose arguments stand in the pool. Inlined, for a step that a call returns is put in memory.
    #[inline(always)]
    fn select(&self, [start, count]: [u32; 2]) -> Step {
        match self.pool[start as usize..][..count as usize] {
            [mask, if_true, if_false] => Step::Select(mask, if_true, if_false),
            _ => Step::Other,
        }
    }
}
