//! Repeating: which nodes only move or repeat numbers in so regular a way that a fused region does it as it reads its source.

use super::lines::reduction;
use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::{Broadcast, Pad, Pattern, Pick, Place, Slice, Stride, Unslice};
use crate::shape::Shape;
use smallvec::SmallVec;
use std::any::Any;

/// Entries below which a region costs more than it saves: measured with blocks of 16 directions of a scalar loop, which ran
/// 17 % slower in regions.
pub const SHORTEST: usize = 32;

/// Longest piece that is repeated beforehand along a region: of a longer one, what a chunk reads is one piece of memory or two, and
/// copying it for each chunk costs little.
const LONGEST: usize = 1024;

/// Times that a number is repeated in a row from which on a region reads it as the number that it is, run by run: a call of some
/// 12 ns for each run, where reading as many entries from the second-level cache takes as long.
const LONG_RUN: usize = 128;

/// How a node reads its source that only moves or repeats numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        if missing == 0 && to.starts_with(head) {
            return Some(Repeat::Run { start: 0, run: to[head.len()..].iter().product() });
        }
        Repeat::loops(from, to)
    }

    /// The first number and the length of what is repeated along all of `length` entries, twice at least: repeating it costs little
    /// beside writing it out and reading it again.
    fn piece(self, length: usize) -> Option<(usize, usize)> {
        let (start, period) = match self {
            Repeat::Scalar { at } => (at, 1),
            Repeat::Cycle { start, period } => (start, period),
            _ => return None,
        };
        (period == 1 || 2 * period <= length).then_some((start, period))
    }

    /// The same, if it is repeated beforehand along a region.
    pub fn cycle(self, length: usize) -> Option<(usize, usize)> {
        self.piece(length).filter(|&(_, period)| period <= LONGEST)
    }

    /// The first number and how often each is repeated in a row, if that is often.
    pub fn long_run(self) -> Option<(usize, usize)> {
        match self {
            Repeat::Run { start, run } if run >= LONG_RUN => Some((start, run)),
            _ => None,
        }
    }

    /// Nested loops over `from` that repeat it to `to`, if they are no more than four.
    fn loops(from: &Shape, to: &Shape) -> Option<Repeat> {
        let missing = to.rank() - from.rank();
        let (mut axes, mut stride) = (SmallVec::<[Stride; 4]>::new(), 1);
        // Innermost first.
        for (axis, &count) in to.iter().enumerate().rev() {
            let own = axis.checked_sub(missing).map_or(1, |i| from[i]);
            let step = if own == 1 { 0 } else { stride };
            stride *= own as isize;
            match axes.last_mut() {
                _ if count == 1 => {}
                // Neighbours that go on where the inner one ends are one loop.
                Some(inner) if step == inner.step * inner.count as isize => inner.count *= count,
                _ => axes.push(Stride { count, step }),
            }
        }
        let mut all = [Stride { count: 1, step: 0 }; 4];
        let free = 4_usize.checked_sub(axes.len())?;
        all[free..].iter_mut().zip(axes.into_iter().rev()).for_each(|(place, axis)| *place = axis);
        Some(Repeat::Loops { start: 0, axes: all })
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
    // Zeros around the outermost axis.
    if let Some(Pad { low, high }) = any.downcast_ref::<Pad>() {
        let inner = low.iter().zip(high).skip(1).all(|widths| widths == (&0, &0));
        return inner
            .then(|| Repeat::Pad { start: low.first().map_or(0, |low| low * from[1..].iter().product::<usize>()) });
    }
    let unslice = any.downcast_ref::<Unslice>()?;
    let (before, _, after) = from.around(unslice.slice.axis);
    (before == 1 && unslice.slice.step == 1).then_some(Repeat::Pad { start: unslice.slice.start * after })
}

/// For each node whether it repeats one piece of memory again and again along a region, or each number many times, which costs
/// little there. Numbers that a region makes of its lines, and spreads over these again, are not there before it runs.
pub fn cheap_repeats(graph: &Graph) -> Vec<bool> {
    // The length of the lines that each node has a number of.
    let mut line = vec![0; graph.len()];
    let cheap = |id: NodeId, line: &[usize]| {
        let length = graph.shape(id).size();
        length >= SHORTEST
            && repeat(graph, id).is_some_and(|repeat| {
                let run = repeat.long_run().map(|(_, run)| run);
                repeat.piece(length).is_some() || run.is_some_and(|run| line[graph.arguments(id)[0].index()] != run)
            })
    };
    graph
        .ids()
        .map(|id| {
            let is_reshape = matches!(graph.operation(id), Operation::Primitive(p) if p.name() == "reshape");
            line[id.index()] = match (reduction(graph, id), graph.operation(id)) {
                (Some((_, length)), _) => length,
                (_, Operation::Row(_)) => graph.arguments(id).iter().map(|a| line[a.index()]).max().unwrap_or(0),
                _ if is_reshape => line[graph.arguments(id)[0].index()],
                _ => 0,
            };
            cheap(id, &line)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_recognised() {
        let between = |a: &[usize], b: &[usize]| Repeat::between(&Shape::of(a), &Shape::of(b));
        assert_eq!(between(&[], &[3]), Some(Repeat::Scalar { at: 0 }));
        assert_eq!(between(&[3], &[2, 3]), Some(Repeat::Cycle { start: 0, period: 3 }));
        assert_eq!(between(&[1, 3], &[2, 3]), Some(Repeat::Cycle { start: 0, period: 3 }));
        assert_eq!(between(&[2, 1], &[2, 3]), Some(Repeat::Run { start: 0, run: 3 }));
        let loops = |axes: &[(usize, isize)]| {
            let mut all = [Stride { count: 1, step: 0 }; 4];
            let free = 4 - axes.len();
            all[free..].iter_mut().zip(axes).for_each(|(place, &(count, step))| *place = Stride { count, step });
            Some(Repeat::Loops { start: 0, axes: all })
        };
        assert_eq!(between(&[2, 1, 3], &[2, 4, 3]), loops(&[(2, 3), (4, 0), (3, 1)]));
        assert_eq!(between(&[3, 1], &[2, 3, 4]), loops(&[(2, 0), (3, 1), (4, 0)]));
        assert_eq!(between(&[2, 1, 5, 3], &[2, 4, 5, 3]), loops(&[(2, 15), (4, 0), (15, 1)]));
        assert_eq!(between(&[2, 1, 2, 1, 2], &[2, 2, 2, 2, 2]), None);
    }
}
