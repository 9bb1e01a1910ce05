//! [`Span`]: the part of a tape between some variables and what is computed from them.
//!
//! Everything a transform asks of the tape is asked of this interval, so a derivative of a few nodes costs a few nodes
//! however long the tape is.

use crate::graph::{Graph, NodeId};

/// The nodes from the first source to the last target, marked by what they depend on and by what needs them.
pub(super) struct Span {
    first: usize,
    varies: Vec<bool>,
    needed: Vec<bool>,
}

impl Span {
    /// Marks the nodes that vary with `sources` and that `targets` need, not looking past sources and `fixed` nodes.
    ///
    /// `through(id, i)` says whether a derivative passes through argument i of a node.
    pub fn new(
        graph: &Graph,
        sources: &[NodeId],
        fixed: &[NodeId],
        targets: &[NodeId],
        through: impl Fn(NodeId, usize) -> bool,
    ) -> Span {
        let index = |id: &NodeId| id.index();
        let first = sources.iter().chain(fixed).map(index).min().unwrap_or(usize::MAX);
        let end = targets.iter().map(index).max().map_or(0, |last| last + 1);
        if first >= end {
            return Span { first, varies: Vec::new(), needed: Vec::new() };
        }
        let (mut varies, mut needed, mut cut) =
            (vec![false; end - first], vec![false; end - first], vec![false; end - first]);
        for id in sources.iter().chain(fixed).filter(|id| id.index() < end) {
            cut[id.index() - first] = true;
        }
        for id in sources.iter().filter(|id| id.index() < end) {
            varies[id.index() - first] = true;
        }
        for id in targets.iter().filter(|id| id.index() >= first) {
            needed[id.index() - first] = true;
        }
        for i in 0..end - first {
            if !cut[i] {
                let id = NodeId::from_index(first + i);
                let depends = |a: &NodeId| a.index() >= first && varies[a.index() - first];
                varies[i] = graph.arguments(id).iter().enumerate().any(|(j, a)| depends(a) && through(id, j));
            }
        }
        for i in (0..end - first).rev() {
            if needed[i] && !cut[i] {
                for arg in graph.arguments(NodeId::from_index(first + i)) {
                    if arg.index() >= first {
                        needed[arg.index() - first] = true;
                    }
                }
            }
        }
        Span { first, varies, needed }
    }

    /// Index of the first node.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Index after the last node; 0 of an empty span.
    pub fn end(&self) -> usize {
        if self.varies.is_empty() { 0 } else { self.first + self.varies.len() }
    }

    /// Whether a node of the span varies with the sources; `false` outside of it.
    pub fn varies(&self, id: NodeId) -> bool {
        id.index().checked_sub(self.first).is_some_and(|i| self.varies.get(i) == Some(&true))
    }

    /// The nodes that vary and are needed, in order.
    pub fn between(&self) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
        (0..self.varies.len()).filter(|&i| self.varies[i] && self.needed[i]).map(|i| NodeId::from_index(self.first + i))
    }
}
