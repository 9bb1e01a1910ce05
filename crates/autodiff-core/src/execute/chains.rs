//! Which nodes of a region are one sum of products: their parts are read by nothing else, so the running sum needs no register.

use super::region::LINKS;
use crate::graph::{Arguments, Graph, NodeId, Operation};
use crate::real::Row;
use rustc_hash::{FxHashMap, FxHashSet};

/// ± a, or ± a·b.
type Term = (bool, NodeId, Option<NodeId>);

/// The chains of a region.
#[derive(Default)]
pub(super) struct Chains {
    /// The terms of each chain, by the last of its additions.
    pub links: FxHashMap<NodeId, Vec<Term>>,
    /// Products and additions that are computed within a chain.
    pub within: FxHashSet<NodeId>,
}

impl Chains {
    /// Finds the sums among `nodes`; `alone` names the member that stands behind an argument, if nothing outside reads it.
    pub fn new(graph: &Graph, nodes: &[NodeId], alone: impl Fn(NodeId) -> Option<NodeId>) -> Chains {
        let mut readers: FxHashMap<NodeId, u32> = FxHashMap::default();
        for source in nodes.iter().flat_map(|&id| graph.arguments(id)).filter_map(&alone) {
            *readers.entry(source).or_default() += 1;
        }
        let mut chains = Chains::default();
        for &id in nodes {
            let minus = match graph.operation(id) {
                Operation::Row(Row::Add) => false,
                Operation::Row(Row::Sub) => true,
                _ => continue,
            };
            // Only what is read here alone, and is computed under its own shape.
            let own = |a: NodeId| (alone(a) == Some(a) && readers.get(&a) == Some(&1)).then_some(a);
            let product = |a: NodeId| match graph.operation(own(a)?) {
                Operation::Row(Row::Mul) => Some((graph.arguments(a)[0], graph.arguments(a)[1])),
                _ => None,
            };
            let sum = |a: NodeId| own(a).is_some_and(|a| chains.links.get(&a).is_some_and(|links| links.len() < LINKS));
            let args = graph.arguments(id);
            let (mut first, mut second) = (args[0], args[1]);
            // x + y has the bits of y + x.
            if !minus && !sum(first) && sum(second) {
                (first, second) = (second, first);
            }
            if !sum(first) && product(first).is_none() && product(second).is_none() {
                continue;
            }
            let mut links = if sum(first) {
                chains.within.insert(first);
                chains.links.remove(&first).expect("a sum has its terms")
            } else {
                vec![match product(first) {
                    Some((a, b)) => {
                        chains.within.insert(first);
                        (false, a, Some(b))
                    }
                    None => (false, first, None),
                }]
            };
            links.push(match product(second) {
                Some((a, b)) => {
                    chains.within.insert(second);
                    (minus, a, Some(b))
                }
                None => (minus, second, None),
            });
            chains.links.insert(id, links);
        }
        chains
    }

    /// What the step of a node reads.
    pub fn reads(&self, graph: &Graph, id: NodeId) -> Arguments {
        match self.links.get(&id) {
            Some(links) => links.iter().flat_map(|&(_, a, b)| std::iter::once(a).chain(b)).collect(),
            None => graph.arguments(id),
        }
    }
}
