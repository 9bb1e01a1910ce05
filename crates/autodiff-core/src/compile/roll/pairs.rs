//! The larger or the smaller of two scalars, found in the operations that [`max`](crate::Elementary::max) and `min` record.
//!
//! > max(a, b) = select(b < a, a, select(a < b, b, ½a + ½b)), and min with the comparisons the other way round.

use super::classes::NONE;
use crate::graph::{Arguments, Graph, NodeId, Operation};
use crate::primitive::Sense;
use crate::real::Row;
use rustc_hash::FxHashMap;

/// The extrema of two in a graph, each known by its last operation.
pub struct Pairs {
    all: FxHashMap<NodeId, Pair>,
    /// For each node, the last operation of the extremum that it is an inner operation of; [`NONE`] for all others.
    owner: Vec<u32>,
}

struct Pair {
    sense: Sense,
    operands: [NodeId; 2],
}

impl Pairs {
    /// Those whose inner operations nothing else reads.
    pub fn of(graph: &Graph) -> Pairs {
        let mut pairs = Pairs { all: FxHashMap::default(), owner: Vec::new() };
        let scalar = |id: &NodeId| graph.shape(*id).rank() == 0;
        let selects = |id: &NodeId| matches!(graph.operation(*id), Operation::Row(Row::Select));
        let mut found: Vec<(NodeId, Pair, [NodeId; 6])> = Vec::new();
        for id in graph.ids().filter(|id| selects(id) && scalar(id)) {
            found.extend(pair(graph, id).map(|(pair, inner)| (id, pair, inner)));
        }
        if found.is_empty() {
            return pairs;
        }
        let mut readers = vec![0_u32; graph.len()];
        let ends = graph.outputs().iter().chain(graph.guards().iter().map(|guard| &guard.node));
        ends.for_each(|id| readers[id.index()] += 1);
        graph.ids().for_each(|id| graph.arguments(id).iter().for_each(|a| readers[a.index()] += 1));
        pairs.owner = vec![NONE; graph.len()];
        for (id, pair, inner) in found {
            if inner.iter().all(|part| readers[part.index()] == 1) {
                inner.iter().for_each(|part| pairs.owner[part.index()] = id.index() as u32);
                pairs.all.insert(id, pair);
            }
        }
        pairs
    }

    /// Which extremum a node is.
    pub fn sense(&self, id: NodeId) -> Option<Sense> {
        self.all.get(&id).map(|pair| pair.sense)
    }

    /// The extremum that a node is an inner operation of.
    pub fn owner(&self, id: NodeId) -> Option<NodeId> {
        let owner = self.owner.get(id.index()).copied().filter(|&owner| owner != NONE)?;
        Some(NodeId::from_index(owner as usize))
    }

    /// What a node reads: an extremum its two operands.
    pub fn arguments(&self, graph: &Graph, id: NodeId) -> Arguments {
        match self.all.get(&id) {
            Some(pair) => Arguments::from_slice(&pair.operands),
            None => graph.arguments(id),
        }
    }
}

/// The extremum that ends with a `select`, if it is one, and its inner operations.
fn pair(graph: &Graph, id: NodeId) -> Option<(Pair, [NodeId; 6])> {
    let of = |id: NodeId, row: Row| {
        (matches!(graph.operation(id), Operation::Row(r) if r == row)).then(|| graph.arguments(id))
    };
    let [first, a, rest] = of(id, Row::Select)?[..] else { return None };
    let [second, b, tie] = of(rest, Row::Select)?[..] else { return None };
    let (one, other) = (of(first, Row::Less)?, of(second, Row::Less)?);
    let sense = match (&one[..], &other[..]) {
        _ if a == b => return None,
        (x, y) if x == [b, a] && y == [a, b] => Sense::Largest,
        (x, y) if x == [a, b] && y == [b, a] => Sense::Smallest,
        _ => return None,
    };
    let [half_a, half_b] = of(tie, Row::Add)?[..] else { return None };
    let halves = |half: NodeId, x: NodeId| {
        of(half, Row::Mul)
            .is_some_and(|args| args[0] == x && matches!(graph.operation(args[1]), Operation::Constant(c) if c == 0.5))
    };
    let inner = [first, rest, second, tie, half_a, half_b];
    (halves(half_a, a) && halves(half_b, b)).then_some((Pair { sense, operands: [a, b] }, inner))
}
