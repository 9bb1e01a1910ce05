//! Which consecutive entries of an array a slice or reshape of it stands for.

use super::{Reshape, Slice};
use crate::graph::{Graph, NodeId, Operation};
use rustc_hash::FxHashMap;
use std::any::Any;

/// Consecutive entries of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The array.
    pub array: NodeId,
    /// The first of them.
    pub start: usize,
}

/// The windows of a graph that were met so far.
#[derive(Debug, Default)]
pub(crate) struct Windows(FxHashMap<NodeId, Window>);

impl Windows {
    /// The entries that a node stands for: a slice or reshape of an array, or of a window of it. Nodes are asked in order.
    pub fn of(&mut self, graph: &Graph, id: NodeId) -> Option<Window> {
        let Operation::Primitive(p) = graph.operation(id) else { return None };
        let source = graph.arguments(id)[0];
        // A scalar is no array to read from.
        if graph.shape(source).rank() == 0 {
            return None;
        }
        let from = self.0.get(&source).copied().unwrap_or(Window { array: source, start: 0 });
        let any = &**p as &dyn Any;
        let window = if any.is::<Reshape>() {
            from
        } else {
            let slice = any.downcast_ref::<Slice>()?;
            let (before, _, after) = graph.shape(source).around(slice.axis);
            if before != 1 || (slice.step != 1 && slice.count != 1) {
                return None;
            }
            Window { start: from.start + slice.start * after, ..from }
        };
        self.0.insert(id, window);
        Some(window)
    }
}
