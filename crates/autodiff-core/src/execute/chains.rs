//! Which nodes of a region are one sum of products, or one product of several factors: their parts are read by nothing else, so
//! what is summed or multiplied so far needs no register.

use super::region::FACTORS;
use crate::compile::LINKS;
use crate::graph::{Arguments, Graph, NodeId, Operation};
use crate::real::Row;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// ± a, or ± a·b.
type Term = (bool, NodeId, Option<NodeId>);

/// A sum of terms, times some factors.
pub(super) struct Chain {
    pub terms: Vec<Term>,
    pub factors: SmallVec<[NodeId; FACTORS]>,
}

impl Chain {
    /// The same as a single addition, subtraction or multiplication.
    pub fn of_one(graph: &Graph, id: NodeId) -> Option<Chain> {
        let Operation::Row(row) = graph.operation(id) else { return None };
        let terms = match (row, &graph.arguments(id)[..]) {
            (Row::Add, &[a, b]) => vec![(false, a, None), (false, b, None)],
            (Row::Sub, &[a, b]) => vec![(false, a, None), (true, b, None)],
            (Row::Mul, &[a, b]) => vec![(false, a, Some(b))],
            _ => return None,
        };
        Some(Chain { terms, factors: SmallVec::new() })
    }
}

/// The chains of a region.
#[derive(Default)]
pub(super) struct Chains {
    /// Each chain, by the last of its operations.
    pub links: FxHashMap<NodeId, Chain>,
    /// Products and additions that are computed within a chain.
    pub within: FxHashSet<NodeId>,
}

impl Chains {
    /// Finds the chains among `nodes`; `alone` names the member that stands behind an argument, if nothing outside reads it.
    pub fn new(graph: &Graph, nodes: &[NodeId], alone: impl Fn(NodeId) -> Option<NodeId>) -> Chains {
        let mut readers: FxHashMap<NodeId, u32> = FxHashMap::default();
        for source in nodes.iter().flat_map(|&id| graph.arguments(id)).filter_map(&alone) {
            *readers.entry(source).or_default() += 1;
        }
        // Only what is read here alone, and is computed under its own shape.
        let own = |a: NodeId| (alone(a) == Some(a) && readers.get(&a) == Some(&1)).then_some(a);
        let mut chains = Chains::default();
        chains.sum(graph, nodes, own);
        chains.multiply(graph, nodes, own);
        chains
    }

    /// Finds sums of products.
    fn sum(&mut self, graph: &Graph, nodes: &[NodeId], own: impl Fn(NodeId) -> Option<NodeId>) {
        let chains = self;
        for &id in nodes {
            let minus = match graph.operation(id) {
                Operation::Row(Row::Add) => false,
                Operation::Row(Row::Sub) => true,
                _ => continue,
            };
            let product = |a: NodeId| match graph.operation(own(a)?) {
                Operation::Row(Row::Mul) => Some((graph.arguments(a)[0], graph.arguments(a)[1])),
                _ => None,
            };
            let sum =
                |a: NodeId| own(a).is_some_and(|a| chains.links.get(&a).is_some_and(|chain| chain.terms.len() < LINKS));
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
                chains.links.remove(&first).expect("a sum has its terms").terms
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
            chains.links.insert(id, Chain { terms: links, factors: SmallVec::new() });
        }
    }

    /// Finds products with a sum or with another product.
    fn multiply(&mut self, graph: &Graph, nodes: &[NodeId], own: impl Fn(NodeId) -> Option<NodeId>) {
        let is_product = |id: NodeId| matches!(graph.operation(id), Operation::Row(Row::Mul));
        for &id in nodes.iter().filter(|&&id| is_product(id)) {
            if self.within.contains(&id) {
                continue;
            }
            let args = graph.arguments(id);
            let extends = |a: NodeId| match self.links.get(&a) {
                Some(chain) => chain.factors.len() < FACTORS,
                None => is_product(a) && !self.within.contains(&a),
            };
            // x · y has the bits of y · x.
            let Some(i) = args.iter().position(|&a| own(a).is_some_and(extends)) else { continue };
            let mut chain = self.links.remove(&args[i]).unwrap_or_else(|| {
                let factors = graph.arguments(args[i]);
                Chain { terms: vec![(false, factors[0], Some(factors[1]))], factors: SmallVec::new() }
            });
            self.within.insert(args[i]);
            chain.factors.push(args[1 - i]);
            self.links.insert(id, chain);
        }
    }

    /// Whether a node's step is a chain, or can be one of a single operation: then it reads a number as all entries of its
    /// shape, and what stands between zeros where it is.
    pub fn sums(&self, graph: &Graph, id: NodeId) -> bool {
        self.links.contains_key(&id) || Chain::of_one(graph, id).is_some()
    }

    /// What the step of a node reads.
    pub fn reads(&self, graph: &Graph, id: NodeId) -> Arguments {
        match self.links.get(&id) {
            Some(Chain { terms, factors }) => {
                let terms = terms.iter().flat_map(|&(_, a, b)| std::iter::once(a).chain(b));
                terms.chain(factors.iter().copied()).collect()
            }
            None => graph.arguments(id),
        }
    }
}
