//! Fusing: which elementwise nodes run together, chunk by chunk, with what is between them in registers of a chunk's length.
//!
//! A region holds elementwise nodes and simple repeats of one length, and sums over all of their entries; or reductions of lines
//! of that length, elementwise nodes of their results, and these spread over the lines again. It runs as a whole, so nothing
//! outside may stand both after one member and before another. Nodes are taken in order, while several regions are open, of one
//! length each: a node joins the first that what it reads allows; any other runs as early as that allows, before, between or
//! behind them.

use super::divide::divide;
use super::lines::reduction;
use super::repeat::{Repeat, SHORTEST, repeat};
use super::verify::verify_units;
use crate::graph::{Graph, NodeId, Operation};
use crate::primitive::Sum;
use std::any::Any;
use std::collections::VecDeque;

/// Entries from which on a single node is a region too, for regions run on several threads.
const LONG: usize = 1 << 17;

/// Nodes that may be passed over before a region is closed: what joins it runs earlier than planned by so much, and so is kept
/// longer. Measured on the products of a network of nine layers: from 8 to 64 the regions fall from 21 to 15, the memory grows by
/// 14 %; a chain that is cut into parts to save memory keeps twice as much.
const REACH: usize = 8;

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
    let units = divide(graph, root, floating, line.units);
    debug_assert_eq!(verify_units(graph, order, root, &units), Ok(()), "{graph}");
    units
}

/// What runs these members of a region.
pub fn unit(graph: &Graph, nodes: Vec<NodeId>) -> Unit {
    match nodes[..] {
        [one] if graph.shape(one).size() < LONG => Unit::Single(one),
        _ => Unit::Region(nodes),
    }
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
        self.units.push(unit(self.graph, open.nodes));
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
}
