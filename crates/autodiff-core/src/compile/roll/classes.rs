//! Which scalars are computed alike: structural classes, and the long sums, products and extrema that they are the terms of.

use super::pairs::Pairs;
use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::{Sense, Windows};
use crate::real::Row;
use crate::transform::passes;
use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Terms from which on a chain is one sum or product; shorter ones stay operations on classes.
const LONG: u32 = 6;

/// What the members of a class are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The inputs of a block.
    Input(usize),
    /// Entries of an array.
    Entries(NodeId),
    /// Constants.
    Number,
    /// An elementwise operation on members of these classes. Those that cotangents come back to are a class of their own, as are
    /// chains.
    Row(Row, [u32; 3]),
    /// A sum, product or extremum of terms of these classes, so many of each.
    Chain(Chain, Box<[Group]>),
    /// One node, of any shape, that stays as it is.
    Alone(NodeId),
}

/// What the terms of a chain are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chain {
    Fold(Fold),
    Extremum(Sense),
}

/// Operations on terms whose order does not matter but for rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    Sum,
    Product,
}

impl Chain {
    /// The chain that an operation may be a link of.
    fn of(graph: &Graph, pairs: &Pairs, id: NodeId) -> Option<Chain> {
        match graph.operation(id) {
            _ if graph.shape(id).rank() != 0 || pairs.owner(id).is_some() => None,
            Operation::Row(Row::Add | Row::Sub | Row::Neg) => Some(Chain::Fold(Fold::Sum)),
            Operation::Row(Row::Mul) => Some(Chain::Fold(Fold::Product)),
            _ => pairs.sense(id).map(Chain::Extremum),
        }
    }

    /// What it computes, for a person to read.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Fold(Fold::Sum) => "sum",
            Chain::Fold(Fold::Product) => "product",
            Chain::Extremum(Sense::Largest) => "max",
            Chain::Extremum(Sense::Smallest) => "min",
        }
    }

    /// What a loop starts from, which is no term. An extremum has none, for it may tie with a term.
    fn empty(self) -> Option<f64> {
        match self {
            Chain::Fold(fold) => Some(fold.empty()),
            Chain::Extremum(_) => None,
        }
    }
}

impl Fold {
    /// What puts two terms together.
    pub fn row(self) -> Row {
        match self {
            Fold::Sum => Row::Add,
            Fold::Product => Row::Mul,
        }
    }

    /// What a loop starts from, which is no term.
    pub fn empty(self) -> f64 {
        match self {
            Fold::Sum => 0.0,
            Fold::Product => 1.0,
        }
    }
}

/// The terms of a chain that are of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// Their class.
    pub class: u32,
    /// What becomes of them in a sum.
    pub sign: Sign,
    /// How many.
    pub count: u32,
}

/// Whether terms of a sum are added or subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sign {
    Plus,
    Minus,
    /// Some of them are added and some subtracted, in turns: [`Classes::negative`] says which.
    Both,
}

impl Sign {
    fn of(negative: bool) -> Sign {
        if negative { Sign::Minus } else { Sign::Plus }
    }
}

/// A class of scalars.
#[derive(Debug)]
pub struct Class {
    pub kind: Kind,
    /// Its members, in order of the graph.
    pub members: Vec<NodeId>,
}

/// The classes of a graph. A class comes after those that its members rest on.
#[derive(Debug)]
pub struct Classes {
    pub all: Vec<Class>,
    /// The class of each node; [`NONE`] for parts of chains and for views of arrays, which are no values of their own.
    pub of: Vec<u32>,
    /// For members of [`Kind::Input`] and [`Kind::Entries`]: the place in the block or array.
    pub place: Vec<u32>,
    /// The terms of each member of a [`Kind::Chain`], in the order of its groups.
    pub terms: FxHashMap<NodeId, Vec<NodeId>>,
    /// Which of these are subtracted, of sums with a group of [`Sign::Both`].
    pub negative: FxHashMap<NodeId, Vec<bool>>,
    /// What operations on constants come to.
    folded: FxHashMap<NodeId, f64>,
}

/// No class.
pub const NONE: u32 = u32::MAX;

impl Classes {
    /// Sorts the nodes of a graph, in which all are live, into classes. Blocks are runs of scalar inputs, by their lengths.
    pub fn of(graph: &Graph, blocks: &[usize]) -> Classes {
        let chains = Chains::of(graph);
        let mut classes = Classes {
            all: Vec::new(),
            of: vec![NONE; graph.len()],
            place: vec![0; graph.len()],
            terms: FxHashMap::default(),
            negative: FxHashMap::default(),
            folded: FxHashMap::default(),
        };
        let reached = reached(graph);
        let mut rows: FxHashMap<(Row, [u32; 3], bool), u32> = FxHashMap::default();
        let mut ids: FxHashMap<(Kind, bool), u32> = FxHashMap::default();
        let mut number = NONE;
        let mut windows = Windows::default();
        let (mut inputs, mut input) = (graph.inputs().iter(), 0);
        let mut block_of = vec![(0, 0); graph.inputs().len()];
        for (block, &count) in blocks.iter().enumerate() {
            for place in 0..count {
                inputs.next();
                block_of[input] = (block, place);
                input += 1;
            }
        }
        let mut terms = Vec::new();
        for id in graph.ids() {
            let scalar = graph.shape(id).rank() == 0;
            let kind = match graph.operation(id) {
                Operation::Input(i) if blocks[block_of[i].0] > 1 => {
                    classes.place[id.index()] = block_of[i].1 as u32;
                    Kind::Input(block_of[i].0)
                }
                Operation::Constant(_) => Kind::Number,
                Operation::Row(_) if scalar && chains.is_part(id) => continue,
                Operation::Row(_) if chains.whole(id).is_some() => {
                    let chain = chains.whole(id).expect("just found");
                    chains.terms(graph, id, &mut terms);
                    let empty = |&(term, _): &(NodeId, bool)| {
                        classes.of[term.index()] == number && Some(classes.number(graph, term)) == chain.empty()
                    };
                    if !terms.iter().all(empty) {
                        terms.retain(|term| !empty(term));
                    }
                    // Factors stay in order: the product of one class alone may leave the range of numbers where the
                    // whole does not. So do terms of an extremum, where ties are broken by the order.
                    if chain == Chain::Fold(Fold::Sum) {
                        terms.sort_by_key(|&(term, _)| classes.of[term.index()]);
                    }
                    let groups = groups(&terms, &classes.of);
                    if groups.iter().any(|group| group.sign == Sign::Both) {
                        classes.negative.insert(id, terms.iter().map(|t| t.1).collect());
                    }
                    classes.terms.insert(id, terms.iter().map(|t| t.0).collect());
                    Kind::Chain(chain, groups)
                }
                Operation::Row(row) if scalar => {
                    let (mut of, args) = ([NONE; 3], graph.arguments(id));
                    args.iter().zip(&mut of).for_each(|(a, of)| *of = classes.of[a.index()]);
                    if number != NONE && of[..args.len()].iter().all(|&of| of == number) {
                        let args: SmallVec<[f64; 3]> = args.iter().map(|&a| classes.number(graph, a)).collect();
                        classes.folded.insert(id, row.value(&args));
                        Kind::Number
                    } else {
                        Kind::Row(row, of)
                    }
                }
                Operation::Primitive(_) => match windows.of(graph, id) {
                    Some(window) if scalar => {
                        classes.place[id.index()] = window.start as u32;
                        Kind::Entries(window.array)
                    }
                    // A part of an array that may be read entry by entry; as a whole it stays a node.
                    _ => Kind::Alone(id),
                },
                _ => Kind::Alone(id),
            };
            let class = match &kind {
                Kind::Alone(_) => classes.add(kind),
                Kind::Number if number != NONE => number,
                Kind::Number => {
                    number = classes.add(kind);
                    number
                }
                // Lanes share their derivatives: 0 that comes back to those of which nothing is asked is a factor of theirs.
                Kind::Row(row, of) => *rows
                    .entry((*row, *of, reached.contains(id.index())))
                    .or_insert_with(|| classes.add(Kind::Row(*row, *of))),
                // What is read of arrays has no derivative of its own.
                Kind::Input(_) | Kind::Entries(_) | Kind::Chain(..) => {
                    let is_reached = matches!(kind, Kind::Chain(..)) && reached.contains(id.index());
                    *ids.entry((kind, is_reached)).or_insert_with_key(|(kind, _)| classes.add(kind.clone()))
                }
            };
            classes.of[id.index()] = class;
            classes.all[class as usize].members.push(id);
        }
        classes
    }

    /// The number of a member of [`Kind::Number`].
    pub fn number(&self, graph: &Graph, id: NodeId) -> f64 {
        match graph.operation(id) {
            Operation::Constant(c) => c,
            _ => self.folded[&id],
        }
    }

    fn add(&mut self, kind: Kind) -> u32 {
        self.all.push(Class { kind, members: Vec::new() });
        self.all.len() as u32 - 1
    }
}

/// The nodes that cotangents of the outputs come back to. The others stand for branches alone, or for what has no derivative.
fn reached(graph: &Graph) -> FixedBitSet {
    let mut reached = FixedBitSet::with_capacity(graph.len());
    graph.outputs().iter().for_each(|id| reached.insert(id.index()));
    for id in graph.ids().rev() {
        if reached.contains(id.index()) {
            for (i, a) in graph.arguments(id).iter().enumerate() {
                reached.set(a.index(), reached.contains(a.index()) || passes(graph, id, i));
            }
        }
    }
    reached
}

/// The groups of terms, of which those of one class stand together. Terms that are added and subtracted in turns stay one group,
/// for they may cancel each other; those that are added before others are subtracted are two, as they are two loops.
fn groups(terms: &[(NodeId, bool)], of: &[u32]) -> Box<[Group]> {
    let mut groups: Vec<Group> = Vec::new();
    for class in terms.chunk_by(|a, b| of[a.0.index()] == of[b.0.index()]) {
        let group =
            |terms: &[(NodeId, bool)], sign| Group { class: of[terms[0].0.index()], sign, count: terms.len() as u32 };
        if class.chunk_by(|a, b| a.1 == b.1).nth(2).is_some() {
            groups.push(group(class, Sign::Both));
        } else {
            groups.extend(class.chunk_by(|a, b| a.1 == b.1).map(|run| group(run, Sign::of(run[0].1))));
        }
    }
    groups.into()
}

/// Chains of additions and subtractions of scalars, of multiplications, or of extrema, each read by the next alone.
struct Chains {
    /// The chain that a node is a link of, if it is one.
    links: Vec<Option<Chain>>,
    /// Whether a node is read by another of its chain and nothing else.
    inner: Vec<bool>,
    /// Number of terms of the chain a node belongs to.
    terms: Vec<u32>,
    /// Which links are extrema.
    pairs: Pairs,
}

impl Chains {
    fn of(graph: &Graph) -> Chains {
        let n = graph.len();
        let pairs = Pairs::of(graph);
        let links: Vec<Option<Chain>> = graph.ids().map(|id| Chain::of(graph, &pairs, id)).collect();
        let (mut readers, mut reader) = (vec![0_u32; n], vec![NodeId::from_index(0); n]);
        for id in graph.ids().filter(|&id| pairs.owner(id).is_none()) {
            for a in pairs.arguments(graph, id) {
                readers[a.index()] += 1;
                reader[a.index()] = id;
            }
        }
        for id in graph.outputs().iter().copied().chain(graph.guards().iter().map(|g| g.node)) {
            readers[id.index()] += 2;
        }
        // A chain goes on through one operand, the first if it can: what is added to it in parentheses is a term of its own, so
        // that differences stay differences.
        let mut inner = vec![false; n];
        for id in graph.ids().filter(|id| links[id.index()].is_some()) {
            let args = pairs.arguments(graph, id);
            // What starts from a constant starts there.
            let starts = matches!(graph.operation(args[0]), Operation::Constant(_));
            let chained = args.iter().find(|a| links[a.index()] == links[id.index()] && readers[a.index()] == 1);
            if let Some(a) = chained.filter(|_| !starts) {
                inner[a.index()] = true;
            }
        }
        let mut terms = vec![0_u32; n];
        for id in graph.ids().filter(|id| links[id.index()].is_some()) {
            let of = |a: &NodeId| if inner[a.index()] { terms[a.index()] } else { 1 };
            terms[id.index()] = pairs.arguments(graph, id).iter().map(of).sum();
        }
        for id in graph.ids().rev().filter(|id| inner[id.index()]) {
            terms[id.index()] = terms[reader[id.index()].index()];
        }
        Chains { links, inner, terms, pairs }
    }

    /// Whether a node is a partial result of a long chain, or an operation within one.
    fn is_part(&self, id: NodeId) -> bool {
        match self.pairs.owner(id) {
            Some(owner) => self.terms[owner.index()] >= LONG,
            None => self.inner[id.index()] && self.terms[id.index()] >= LONG,
        }
    }

    /// The long chain that a node is the end of, if it is.
    fn whole(&self, id: NodeId) -> Option<Chain> {
        self.links[id.index()].filter(|_| !self.inner[id.index()] && self.terms[id.index()] >= LONG)
    }

    /// The terms of a chain, in order, and whether they are subtracted.
    fn terms(&self, graph: &Graph, id: NodeId, terms: &mut Vec<(NodeId, bool)>) {
        terms.clear();
        let mut pending = vec![(id, false)];
        while let Some((next, negative)) = pending.pop() {
            if next != id && !self.inner[next.index()] {
                terms.push((next, negative));
                continue;
            }
            let args = self.pairs.arguments(graph, next);
            match (self.links[next.index()], graph.operation(next)) {
                // The rest of the chain comes first, whichever operand it is.
                (Some(Chain::Extremum(_)), _) if self.inner[args[1].index()] => {
                    pending.extend([(args[0], negative), (args[1], negative)]);
                }
                (Some(Chain::Extremum(_)), _) => pending.extend([(args[1], negative), (args[0], negative)]),
                (_, Operation::Row(Row::Neg)) => pending.push((args[0], !negative)),
                (_, Operation::Row(row)) => {
                    pending.extend([(args[1], negative ^ (row == Row::Sub)), (args[0], negative)]);
                }
                _ => unreachable!("a chain consists of additions, multiplications or extrema"),
            }
        }
    }
}
