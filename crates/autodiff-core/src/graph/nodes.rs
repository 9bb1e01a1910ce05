//! [`Nodes`]: what each node computes, in eight bytes where it is a scalar.

use super::{CONSTANT, INPUT, PRIMITIVES, SCALAR};
use std::ops::Range;

/// An operation by its code, the number of its shape, and arguments by node, or what else the operation keeps there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub op: u32,
    pub shape: u32,
    pub args: [u32; 2],
}

impl Node {
    /// A constant, whose bits stand in the place of arguments.
    pub fn constant(value: f64) -> Node {
        let bits = value.to_bits();
        Node { op: CONSTANT, shape: SCALAR, args: [(bits >> 32) as u32, bits as u32] }
    }

    /// The number of a constant, if it is one.
    pub fn value(&self) -> Option<f64> {
        let [high, low] = self.args.map(u64::from);
        (self.op == CONSTANT).then(|| f64::from_bits(high << 32 | low))
    }
}

/// Nodes in order. A scalar whose arguments have short numbers is one word: the code of its operation in the leading byte, and two
/// arguments below; the number of a constant, or of any other node, stands in a list beside.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    words: Vec<Word>,
    constants: Vec<f64>,
    others: Vec<Node>,
}

/// Bits of an argument in a word.
const BITS: u32 = 28;

/// Arguments before this one fit into a word.
pub const SHORT_IDS: usize = 1 << BITS;

/// Bits below the code.
const CODE: u32 = 2 * BITS;

/// The code of what stands in the list of other nodes.
pub(super) const OTHER: u32 = PRIMITIVES;

const _: () = assert!(OTHER < 1 << (u64::BITS - CODE), "codes fit into the leading bits");
const _: () = assert!(size_of::<u64>() + size_of::<f64>() == 16, "what a recorded operation takes, with its number");

/// What a word says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word(u64);

impl Word {
    #[inline(always)]
    pub fn code(self) -> u32 {
        (self.0 >> CODE) as u32
    }

    #[inline(always)]
    pub fn args(self) -> [u32; 2] {
        let mask = SHORT_IDS as u64 - 1;
        [(self.0 & mask) as u32, (self.0 >> BITS & mask) as u32]
    }

    /// The place in a list, of what has one.
    #[inline(always)]
    fn place(self) -> usize {
        (self.0 & ((1 << CODE) - 1)) as usize
    }
}

impl Nodes {
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn clear(&mut self) {
        self.words.clear();
        self.constants.clear();
        self.others.clear();
    }

    /// Whether there is memory for one more.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        self.words.len() < self.words.capacity()
    }

    #[inline]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    #[inline(always)]
    pub fn word(&self, i: usize) -> Word {
        self.words[i]
    }

    /// The number of a word that is a constant.
    #[inline(always)]
    pub fn constant(&self, word: Word) -> f64 {
        self.constants[word.place()]
    }

    /// The node of a word that stands in the list.
    #[inline]
    pub fn other(&self, word: Word) -> Node {
        self.others[word.place()]
    }

    /// Node `i`.
    #[inline]
    pub fn at(&self, i: usize) -> Node {
        let word = self.word(i);
        match word.code() {
            OTHER => self.other(word),
            CONSTANT => Node::constant(self.constant(word)),
            op => Node { op, shape: SCALAR, args: word.args() },
        }
    }

    /// The number of the shape of node `i`.
    #[inline]
    pub fn shape(&self, i: usize) -> u32 {
        let word = self.word(i);
        if word.code() == OTHER { self.other(word).shape } else { SCALAR }
    }

    /// Appends a node.
    pub fn push(&mut self, node: Node) {
        let Node { op, shape, args: [a, b] } = node;
        if let Some(value) = node.value() {
            self.push_constant(value);
        } else if op < OTHER && shape == SCALAR && ((a | b) as usize) < SHORT_IDS {
            self.push_short(op, [a, b]);
        } else {
            self.words.push(Word(u64::from(OTHER) << CODE | self.others.len() as u64));
            self.others.push(node);
        }
    }

    /// Appends a scalar, no constant, whose arguments are [`SHORT_IDS`].
    #[inline(always)]
    pub fn push_short(&mut self, op: u32, [a, b]: [u32; 2]) {
        debug_assert!(op < OTHER && op != CONSTANT && ((a | b) as usize) < SHORT_IDS);
        self.words.push(Word(u64::from(op) << CODE | u64::from(b) << BITS | u64::from(a)));
    }

    /// Appends scalar inputs of these numbers.
    pub fn push_inputs(&mut self, numbers: Range<u32>) {
        if numbers.end as usize <= SHORT_IDS {
            self.words.extend(numbers.map(|i| Word(u64::from(INPUT) << CODE | u64::from(i))));
        } else {
            numbers.for_each(|i| self.push(Node { op: INPUT, shape: SCALAR, args: [i, 0] }));
        }
    }

    /// Puts every node that is one word into the list of other nodes, as if its arguments had no short numbers.
    #[cfg(test)]
    pub fn list_all(&mut self) {
        for i in 0..self.len() {
            if !matches!(self.word(i).code(), OTHER | CONSTANT) {
                let node = self.at(i);
                self.words[i] = Word(u64::from(OTHER) << CODE | self.others.len() as u64);
                self.others.push(node);
            }
        }
    }

    #[inline]
    pub fn push_constant(&mut self, value: f64) {
        self.words.push(Word(u64::from(CONSTANT) << CODE | self.constants.len() as u64));
        self.constants.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_what_was_appended_however_it_is_kept() {
        let short = SHORT_IDS as u32 - 1;
        let list =
            [[7, 9], [short, short], [short + 1, 0], [0, u32::MAX]].map(|args| Node { op: 3, shape: SCALAR, args });
        let array = Node { op: 3, shape: 2, args: [1, 2] };
        let primitive = Node { op: PRIMITIVES + 5, shape: SCALAR, args: [0, 1] };
        let mut nodes = Nodes::default();
        list.iter().chain([&array, &primitive]).for_each(|&node| nodes.push(node));
        nodes.push(Node::constant(0.1));
        assert_eq!((0..4).map(|i| nodes.at(i)).collect::<Vec<_>>(), list);
        assert_eq!([nodes.at(4), nodes.at(5)], [array, primitive]);
        assert_eq!([nodes.shape(0), nodes.shape(4)], [SCALAR, 2]);
        assert_eq!((nodes.at(6).value(), nodes.constant(nodes.word(6))), (Some(0.1), 0.1));
        assert_eq!((nodes.len(), nodes.others.len()), (7, 4));
    }
}
