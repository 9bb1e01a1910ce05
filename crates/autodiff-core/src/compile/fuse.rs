//! Fusing: which elementwise nodes run together, chunk by chunk, with what is between them in registers of a chunk's length.
//!
//! A region holds elementwise nodes and simple repeats of one length, and sums over all of their entries; or reductions of lines
//! of that length, elementwise nodes of their results, and these spread over the lines again. It runs as a whole, so nothing
//! outside may stand both after one member and before another. Nodes are taken in order, while several regions are open, of one
//! length each: a node joins the first that what it reads allows; any other runs as early as that allows, before, between or
//! behind them.

use super::lines::reduction;
use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::{Broadcast, Pad, Pattern, Pick, Place, Slice, Stride, Sum, Unslice};
use crate::shape::Shape;
use smallvec::SmallVec;
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

/// Longest piece that is repeated beforehand along a region: of a longer one, what a chunk reads is one piece of memory or two, and
/// copying it for each chunk costs little.
const LONGEST: usize = 1024;

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

/// Whether a node repeats one piece of memory again and again along a region, which costs little there.
pub fn cycles(graph: &Graph, id: NodeId) -> bool {
    let length = graph.shape(id).size();
    length >= SHORTEST && repeat(graph, id).is_some_and(|repeat| repeat.piece(length).is_some())
}

/// Whether a node is the sum over all entries: a region can take it on its way.
pub fn is_total(graph: &Graph, id: NodeId) -> bool {
    let Operation::Primitive(p) = graph.operation(id) else { return false };
    (&**p as &dyn Any).is::<Sum>() && graph.shape(id).size() == 1
}

/// Orders nodes into units. `order` is an order of evaluation; `root` names for each node the one whose value it is, and
/// `floating` the reader that a node runs with.
pub fn fuse(graph: &Graph, order: &[NodeId], root: &[NodeId], floating: &[Option<NodeId>]) -> Vec<Unit> {
    let mut line =
        Line { graph, floating, root, units: Vec::new(), open: VecDeque::new(), slots: vec![0; graph.len()], first: 0 };
    for &id in order {
        let need = graph.arguments(id).iter().map(|a| line.slot(*a)).max().unwrap_or(0).max(2 * line.first);
        if floating[id.index()].is_some() {
            // Its reader takes it along, to where its source is there as a whole.
            line.slots[id.index()] = need.next_multiple_of(2);
        } else {
            line.take(id, need, root[id.index()] != id);
        }
    }
    while !line.open.is_empty() {
        line.close();
    }
    line.units
}

/// Regions that are open at once, in the order in which they will run.
///
/// Slot 2i + 1 is region i; slot 2i + 2 what runs between it and the next. What has run stands in a slot up to twice the
/// number of closed regions.
struct Line<'g> {
    graph: &'g Graph,
    floating: &'g [Option<NodeId>],
    root: &'g [NodeId],
    units: Vec<Unit>,
    open: VecDeque<Open>,
    /// The slot of each node.
    slots: Vec<usize>,
    /// How many regions are closed.
    first: usize,
}

/// A region that nodes may join.
struct Open {
    length: usize,
    /// Length of the lines that a member reduces.
    lines: Option<usize>,
    /// Whether a member is the sum over all entries.
    totals: bool,
    nodes: Vec<NodeId>,
    /// Single nodes that run after it and before the next region.
    after: Vec<NodeId>,
    /// Nodes that were passed over.
    passed: usize,
}

impl Line<'_> {
    fn length(&self, id: NodeId) -> usize {
        self.graph.shape(id).size()
    }

    /// Gives a node its slot, no earlier than `need`; `renamed` if it is another node under another shape.
    fn take(&mut self, id: NodeId, need: usize, renamed: bool) {
        let operation = self.graph.operation(id);
        let row = matches!(operation, Operation::Row(_));
        let long = self.length(id) >= SHORTEST;
        let number = if is_total(self.graph, id) {
            self.total(id, need)
        } else if let Some(line) = reduction(self.graph, id) {
            self.reduces(id, line.1, need)
        } else if let Some(i) = self.follows(id, need) {
            Some(i)
        } else if long && (row || repeat(self.graph, id).is_some()) {
            // A repeat reads its source as a whole: the source must be there before the region runs.
            let joins = |(i, open): (usize, &Open)| {
                let slot = 2 * (self.first + i) + 1;
                open.length == self.length(id) && need <= slot - usize::from(!row)
            };
            Some(self.open.iter().enumerate().position(joins).unwrap_or_else(|| self.begin(self.length(id))))
        } else {
            None
        };
        match number {
            Some(i) => {
                let args = self.graph.arguments(id);
                for (n, &a) in args.iter().enumerate() {
                    if self.floating[a.index()] == Some(id) && !args[..n].contains(&a) {
                        self.open[i].nodes.push(a);
                    }
                }
                self.open[i].nodes.push(id);
                // A total is there when its region has run.
                self.slots[id.index()] = 2 * (self.first + i) + 1 + usize::from(is_total(self.graph, id));
            }
            None => {
                // A member under another shape: its readers may still join the region.
                self.slots[id.index()] = if renamed { need } else { need.next_multiple_of(2) };
                match need.div_ceil(2).checked_sub(self.first + 1) {
                    Some(i) => self.open[i].after.push(id),
                    None => self.units.push(Unit::Single(id)),
                }
            }
        }
        // What is short or has its place anyway is passed over for nothing.
        if long && matches!(operation, Operation::Row(_) | Operation::Primitive(_)) {
            let others = self.open.iter_mut().enumerate().filter(|(i, _)| Some(*i) != number);
            others.for_each(|(_, open)| open.passed += 1);
            while self.open.front().is_some_and(|open| open.passed > REACH) {
                self.close();
            }
        }
    }

    /// The slot from which on a node can be read.
    fn slot(&self, id: NodeId) -> usize {
        self.slots[id.index()].max(self.slots[self.root[id.index()].index()])
    }

    /// Opens a region behind the others; its number among them.
    fn begin(&mut self, length: usize) -> usize {
        let open = Open { length, lines: None, totals: false, nodes: Vec::new(), after: Vec::new(), passed: 0 };
        self.open.push_back(open);
        self.open.len() - 1
    }

    /// The open region on whose way a sum over all entries is taken: none of lines, whose chunks are no whole blocks.
    fn total(&mut self, id: NodeId, need: usize) -> Option<usize> {
        let source = self.graph.arguments(id)[0];
        let i = (need % 2 == 1).then(|| need / 2 - self.first)?;
        let open = &mut self.open[i];
        let takes = self.graph.shape(source).size() == open.length && !is_total(self.graph, source);
        let takes = takes && open.lines.is_none();
        open.totals |= takes;
        takes.then_some(i)
    }

    /// The open region on whose way lines of such a length are reduced; a new one if there is none.
    fn reduces(&mut self, id: NodeId, line: usize, need: usize) -> Option<usize> {
        let length = self.length(id) * line;
        if length < SHORTEST {
            return None;
        }
        let joins = |(i, open): (usize, &Open)| {
            let fits = open.length == length && !open.totals && open.lines.is_none_or(|lines| lines == line);
            fits && need <= 2 * (self.first + i) + 1
        };
        let number = self.open.iter().enumerate().position(joins).unwrap_or_else(|| self.begin(length));
        self.open[number].lines = Some(line);
        Some(number)
    }

    /// The open region that has reduced lines to what a node reads, if the node computes with that, one number for each line, or
    /// spreads it over the lines.
    fn follows(&self, id: NodeId, need: usize) -> Option<usize> {
        let i = (need % 2 == 1).then(|| need / 2 - self.first)?;
        let open = &self.open[i];
        let (line, count) = (open.lines?, open.length / open.lines?);
        let args = self.graph.arguments(id);
        let of_lines = |a: &NodeId| self.slot(*a) == need && self.length(*a) == count;
        match self.graph.operation(id) {
            Operation::Row(_) => self.length(id) == count && args.iter().any(of_lines),
            _ => {
                let spread = repeat(self.graph, id) == Some(Repeat::Run { start: 0, run: line });
                spread && self.length(id) == open.length && args.iter().all(of_lines)
            }
        }
        .then_some(i)
    }

    /// Runs the first open region, and what comes between it and the next.
    fn close(&mut self) {
        let open = self.open.pop_front().expect("a region is open");
        self.units.push(match open.nodes[..] {
            [one] if open.length < LONG => Unit::Single(one),
            _ => Unit::Region(open.nodes),
        });
        self.units.extend(open.after.into_iter().map(Unit::Single));
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::floating;

    fn units(text: &str) -> Vec<Vec<usize>> {
        let graph: Graph = text.parse().expect("the test's own text");
        let (order, root): (Vec<NodeId>, Vec<NodeId>) = (graph.ids().collect(), graph.ids().collect());
        let inputs = graph.inputs().len();
        let units = fuse(&graph, &order, &root, &floating(&graph));
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
        assert_eq!(units(text), [vec![2, 4], vec![3, 5]]);
    }

    #[test]
    fn what_lies_between_two_regions_runs_between_them() {
        let text = "%0 = input : [40]\n%1 = input : [50]\n%2 = sin %0 : [40]\n%3 = sin %1 : [50]\n%4 = cos %2 : [40]\n\
                    %5 = cumsum{axis=[0], reversed=[0]} %4 : [40]\n%6 = cos %3 : [50]\n%7 = mul %5 %0 : [40]\n%8 = exp %7 : [40]\n\
                    return %8, %6";
        assert_eq!(units(text), [vec![2, 4], vec![5], vec![3, 6], vec![7, 8]]);
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
