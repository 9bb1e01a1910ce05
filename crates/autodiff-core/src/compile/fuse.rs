//! Fusing: which elementwise nodes run together, chunk by chunk, with what is between them in registers of a chunk's length.
//!
//! A region holds elementwise nodes and simple repeats of one length, and sums over all of their entries. It runs as a whole, so nothing outside may stand both
//! after one member and before another. Nodes are taken in order: one that can join the open region does; one that rests on
//! the region and cannot join waits until it is closed; any other runs before it.

use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::{Broadcast, Pattern, Pick, Place, Slice, Stride, Sum, Unslice};
use crate::shape::Shape;
use std::any::Any;
use std::collections::VecDeque;

/// Entries from which on a single node is a region too, for regions run on several threads.
const LONG: usize = 1 << 17;

/// Nodes that may be passed over before a region is closed: what joins it runs earlier than planned by so much, and so is kept
/// longer. Measured on the products of a network of nine layers: from 8 to 64 the regions fall from 21 to 15, the memory grows by
/// 14 %; a chain that is cut into parts to save memory keeps twice as much.
const REACH: usize = 8;

/// Entries below which a region costs more than it saves: measured with blocks of 16 directions of a scalar loop, which ran
/// 17 % slower in regions.
const SHORTEST: usize = 32;

/// What runs at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One node.
    Single(NodeId),
    /// Several nodes of one length, in order.
    Region(Vec<NodeId>),
}

impl Unit {
    /// Its nodes, in order.
    pub fn nodes(&self) -> &[NodeId] {
        match self {
            Unit::Single(id) => std::slice::from_ref(id),
            Unit::Region(ids) => ids,
        }
    }
}

/// How a node reads its source that only moves or repeats numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// One number for all entries.
    Scalar {
        /// Its place in the source.
        at: usize,
    },
    /// A piece of the source again and again: entry i reads start + i mod period.
    Cycle {
        /// The first.
        start: usize,
        /// Length of the piece.
        period: usize,
    },
    /// Each number several times in a row: entry i reads start + i / run.
    Run {
        /// The first.
        start: usize,
        /// How often each number is repeated.
        run: usize,
    },
    /// Part of the source: entry i reads start + i · step.
    Part {
        /// The first.
        start: usize,
        /// Distance of what is read.
        step: usize,
    },
    /// Nested loops over the source.
    Loops {
        /// The first.
        start: usize,
        /// The loops, outermost first; those that are not needed run once.
        axes: [Stride; 4],
    },
    /// The source between zeros: entry start + i reads i.
    Pad {
        /// Zeros before the source.
        start: usize,
    },
}

impl Repeat {
    /// How `from` is repeated to `to`, if in one of the simple ways.
    pub fn between(from: &Shape, to: &Shape) -> Option<Repeat> {
        let size = from.size();
        if size == 1 {
            return Some(Repeat::Scalar { at: 0 });
        }
        let trimmed: &[usize] = &from[from.iter().take_while(|&&n| n == 1).count()..];
        if to.ends_with(trimmed) {
            return Some(Repeat::Cycle { start: 0, period: size });
        }
        let ones = from.iter().rev().take_while(|&&n| n == 1).count();
        let (head, missing) = (&from[..from.rank() - ones], to.rank() - from.rank());
        (missing == 0 && to.starts_with(head)).then(|| Repeat::Run { start: 0, run: to[head.len()..].iter().product() })
    }

    /// The same reading as a pattern of a vector, if it is one of loops.
    fn of(pattern: &Pattern) -> Option<Repeat> {
        let Pattern::Affine { start, axes } = pattern else { return None };
        let start = *start;
        let step = |axis: &Stride| usize::try_from(axis.step).ok().filter(|&step| step > 0);
        Some(match &axes[..] {
            axes if axes.iter().all(|axis| axis.step == 0) => Repeat::Scalar { at: start },
            [one] if step(one).is_some() => Repeat::Part { start, step: step(one)? },
            [Stride { step: 0, .. }, Stride { step: 1, count }] => Repeat::Cycle { start, period: *count },
            [Stride { step: 1, .. }, Stride { step: 0, count }] => Repeat::Run { start, run: *count },
            axes if axes.len() <= 4 => {
                let mut all = [Stride { count: 1, step: 0 }; 4];
                all[4 - axes.len()..].copy_from_slice(axes);
                Repeat::Loops { start, axes: all }
            }
            _ => return None,
        })
    }
}

/// The way a node repeats or moves its argument, if that can stand in a region.
pub fn repeat(graph: &Graph, id: NodeId) -> Option<Repeat> {
    let Operation::Primitive(p) = graph.operation(id) else { return None };
    let (any, from) = (&**p as &dyn Any, graph.shape(*graph.arguments(id).first()?));
    if let Some(broadcast) = any.downcast_ref::<Broadcast>() {
        return Repeat::between(from, &broadcast.shape);
    }
    // Slices of the outermost axis are one piece of memory, or every so many entries of it.
    if let Some(slice) = any.downcast_ref::<Slice>() {
        let (before, _, after) = from.around(slice.axis);
        let simple = before == 1 && (slice.step == 1 || after == 1);
        return simple.then_some(Repeat::Part { start: slice.start * after, step: slice.step });
    }
    if let Some(pick) = any.downcast_ref::<Pick>() {
        return if from.rank() == 1 { Repeat::of(&pick.pattern) } else { None };
    }
    if let Some(Place { pattern: Pattern::Affine { start, axes }, .. }) = any.downcast_ref::<Place>() {
        let piece = from.rank() == 1 && matches!(axes[..], [Stride { step: 1, .. }]);
        return piece.then_some(Repeat::Pad { start: *start });
    }
    let unslice = any.downcast_ref::<Unslice>()?;
    let (before, _, after) = from.around(unslice.slice.axis);
    (before == 1 && unslice.slice.step == 1).then_some(Repeat::Pad { start: unslice.slice.start * after })
}

/// Whether a node is the sum over all entries: a region can take it on its way.
pub fn is_total(graph: &Graph, id: NodeId) -> bool {
    let Operation::Primitive(p) = graph.operation(id) else { return false };
    (&**p as &dyn Any).is::<Sum>() && graph.shape(id).size() == 1
}

/// Orders nodes into units. `order` is an order of evaluation; `root` names for each node the one whose value it is.
pub fn fuse(graph: &Graph, order: &[NodeId], root: &[NodeId]) -> Vec<Unit> {
    let length = |id: NodeId| graph.shape(id).size();
    let fusable = |id: NodeId| {
        length(id) >= SHORTEST && (matches!(graph.operation(id), Operation::Row(_)) || repeat(graph, id).is_some())
    };
    // What is short or has its place anyway is passed over for nothing.
    let weighs = |id: NodeId| {
        length(id) >= SHORTEST && matches!(graph.operation(id), Operation::Row(_) | Operation::Primitive(_))
    };
    let mut units = Vec::new();
    let mut pending: VecDeque<NodeId> = order.iter().copied().collect();
    let mut state = vec![Standing::Before; graph.len()];
    while let Some(first) = pending.pop_front() {
        if !fusable(first) {
            units.push(Unit::Single(first));
            continue;
        }
        let (mut region, mut waiting, mut passed) = (vec![first], Vec::new(), 0);
        state[first.index()] = Standing::Inside;
        while let Some(id) = pending.pop_front() {
            let places =
                || graph.arguments(id).into_iter().map(|a| state[a.index()].max(state[root[a.index()].index()]));
            let worst = places().max().unwrap_or(Standing::Before);
            // A repeat reads its source as a whole: the source must be there before the region runs.
            let latest =
                if matches!(graph.operation(id), Operation::Row(_)) { Standing::Inside } else { Standing::Before };
            let joins = fusable(id) && length(id) == length(first) && worst <= latest;
            // A sum over what the region computes is taken on the way, and is there when the region has run.
            let sums = is_total(graph, id)
                && worst == Standing::Inside
                && length(graph.arguments(id)[0]) == length(first)
                && !is_total(graph, graph.arguments(id)[0]);
            if sums {
                state[id.index()] = Standing::Behind;
                region.push(id);
            } else if joins {
                state[id.index()] = Standing::Inside;
                region.push(id);
            } else if worst == Standing::Before {
                passed += usize::from(weighs(id));
                units.push(Unit::Single(id));
            } else if root[id.index()] != id && worst == Standing::Inside {
                // A member under another shape: its readers may still join.
                state[id.index()] = Standing::Inside;
                waiting.push(id);
            } else {
                state[id.index()] = Standing::Behind;
                passed += usize::from(weighs(id));
                waiting.push(id);
            }
            if passed > REACH {
                break;
            }
        }
        region.iter().chain(&waiting).for_each(|id| state[id.index()] = Standing::Before);
        units.push(match region[..] {
            [one] if length(one) < LONG => Unit::Single(one),
            _ => Unit::Region(region),
        });
        waiting.into_iter().rev().for_each(|id| pending.push_front(id));
    }
    units
}

/// Where a node stands with respect to the open region.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Before,
    Inside,
    Behind,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<Vec<usize>> {
        let graph: Graph = text.parse().expect("the test's own text");
        let (order, root): (Vec<NodeId>, Vec<NodeId>) = (graph.ids().collect(), graph.ids().collect());
        let inputs = graph.inputs().len();
        let units = fuse(&graph, &order, &root);
        units[inputs..].iter().map(|u| u.nodes().iter().map(|id| id.index()).collect()).collect()
    }

    #[test]
    fn a_chain_is_one_region_with_its_sum_and_what_rests_on_it_comes_after() {
        let text = "%0 = input : [40]\n%1 = sin %0 : [40]\n%2 = sum{axes=[0]} %1 : []\n%3 = cos %0 : [40]\n\
                    %4 = mul %1 %3 : [40]\n%5 = broadcast{shape=[40]} %2 : [40]\n%6 = mul %4 %5 : [40]\nreturn %6";
        assert_eq!(units(text), [vec![1, 2, 3, 4], vec![5, 6]]);
    }

    #[test]
    fn other_lengths_do_not_join() {
        let text = "%0 = input : [40]\n%1 = input : [50]\n%2 = sin %0 : [40]\n%3 = sin %1 : [50]\n%4 = exp %2 : [40]\n\
                    %5 = exp %3 : [50]\nreturn %4, %5";
        assert_eq!(units(text), [vec![3], vec![5], vec![2, 4]]);
    }

    #[test]
    fn short_arrays_stay_alone() {
        assert_eq!(units("%0 = input : [4]\n%1 = sin %0 : [4]\n%2 = cos %1 : [4]\nreturn %2"), [vec![1], vec![2]]);
    }

    #[test]
    fn repeats_are_recognised() {
        let between = |a: &[usize], b: &[usize]| Repeat::between(&Shape::of(a), &Shape::of(b));
        assert_eq!(between(&[], &[3]), Some(Repeat::Scalar { at: 0 }));
        assert_eq!(between(&[3], &[2, 3]), Some(Repeat::Cycle { start: 0, period: 3 }));
        assert_eq!(between(&[1, 3], &[2, 3]), Some(Repeat::Cycle { start: 0, period: 3 }));
        assert_eq!(between(&[2, 1], &[2, 3]), Some(Repeat::Run { start: 0, run: 3 }));
        assert_eq!(between(&[2, 1, 3], &[2, 4, 3]), None);
        assert_eq!(between(&[3, 1], &[2, 3, 4]), None);
    }
}
