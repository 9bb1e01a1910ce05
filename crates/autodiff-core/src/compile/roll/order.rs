//! In which order the members of a class lie, and in how many arrays.

use super::classes::{Classes, Kind};
use super::emit::UNROLLED;
use crate::graph::{Graph, NodeId};
use fixedbitset::FixedBitSet;

/// Members from which on what one operand reads is an array of its own: a chunk of a fused region.
const SPLIT: usize = 256;

/// The members of the classes in the order in which they are read. The operand that reads most of a class comes first: its
/// members lie as it reads them, whatever the order of the loops was; then come those that the next operand adds, and so on.
///
/// Where operands read many members each, each has an array of its own, as long as what reads it: the two can be fused.
pub struct Order {
    /// For each class, its members; none for a class that nothing reads.
    pub members: Vec<Vec<NodeId>>,
    /// For each class, where its arrays end.
    pub ends: Vec<Vec<usize>>,
    /// For each class of a row, what each operand reads, member after member: looked up in the graph once, for a graph is larger
    /// than the caches and members do not lie in its order.
    pub operands: Vec<Vec<Vec<NodeId>>>,
}

/// What one operand of all members of a class reads.
#[derive(Clone, Copy)]
struct Reading {
    /// The class that reads.
    reader: u32,
    /// The operand, or the first term of a group.
    operand: u32,
    /// How many terms.
    terms: u32,
    /// How many members are read, each counted once.
    distinct: u32,
}

impl Order {
    pub fn of(graph: &Graph, classes: &Classes) -> Order {
        let n = classes.all.len();
        let mut order =
            Order { members: vec![Vec::new(); n], ends: vec![Vec::new(); n], operands: vec![Vec::new(); n] };
        let mut readings: Vec<Vec<Reading>> = vec![Vec::new(); n];
        // Which nodes have their place, and were counted in a reading: a bit each, for they are looked up in no order.
        let none = || FixedBitSet::with_capacity(graph.len());
        let (mut placed, mut counted, mut read) = (none(), none(), Vec::new());
        let ends = graph.outputs().iter().chain(graph.guards().iter().map(|g| &g.node));
        let mut ended: Vec<Vec<NodeId>> = vec![Vec::new(); n];
        ends.for_each(|&id| ended[classes.of[id.index()] as usize].push(id));
        for class in (0..n).rev() {
            let kind = &classes.all[class].kind;
            // All readers have their places: so have those that they read.
            readings[class].sort_by_key(|reading| std::cmp::Reverse(reading.distinct));
            let mut members = Vec::new();
            let mut pieces = Vec::new();
            for reading in &readings[class] {
                order.read(graph, classes, reading, |ids| {
                    let before = members.len();
                    members.extend(ids.filter(|id| !placed.put(id.index())));
                    if members.len() > before {
                        pieces.push(members.len());
                    }
                });
            }
            members.extend(ended[class].iter().copied().filter(|id| !placed.put(id.index())));
            let splits = matches!(kind, Kind::Row(..) | Kind::Chain(..));
            order.ends[class] = if splits { blocks(&pieces, members.len()) } else { vec![members.len()] };
            order.members[class] = members;
            if order.members[class].is_empty() {
                continue;
            }
            let mut reading = |operand: usize, terms: usize, reads: &mut dyn Iterator<Item = NodeId>| {
                read.clear();
                read.extend(reads.filter(|id| !counted.put(id.index())));
                if let Some(id) = read.last() {
                    let (operand, terms, distinct) = (operand as u32, terms as u32, read.len() as u32);
                    let reading = Reading { reader: class as u32, operand, terms, distinct };
                    readings[classes.of[id.index()] as usize].push(reading);
                }
                read.drain(..).for_each(|id| counted.remove(id.index()));
            };
            let members = &order.members[class];
            match kind {
                Kind::Row(row, _) => {
                    let room = || Vec::with_capacity(members.len());
                    let mut operands: Vec<Vec<NodeId>> = (0..row.arity()).map(|_| room()).collect();
                    for &id in members {
                        let args = graph.arguments(id);
                        operands.iter_mut().zip(args).for_each(|(operand, a)| operand.push(a));
                    }
                    for (i, operand) in operands.iter().enumerate() {
                        reading(i, 1, &mut operand.iter().copied());
                    }
                    order.operands[class] = operands;
                }
                Kind::Chain(_, groups) => {
                    let mut first = 0;
                    for group in groups {
                        let terms = first..first + group.count as usize;
                        let reads = members.iter().flat_map(|id| &classes.terms[id][terms.clone()]);
                        reading(first, terms.len(), &mut reads.copied());
                        first = terms.end;
                    }
                }
                Kind::Alone(id) => {
                    for (operand, &a) in graph.arguments(*id).iter().enumerate() {
                        reading(operand, 1, &mut std::iter::once(a));
                    }
                }
                // Entries of an array need the array, which is alone in its class, or an input.
                Kind::Entries(array) => reading(0, 1, &mut std::iter::once(*array)),
                Kind::Input(_) | Kind::Number => {}
            }
        }
        order
    }

    /// Calls `take` with what is read, in pieces that may be arrays of their own.
    fn read(
        &self,
        graph: &Graph,
        classes: &Classes,
        reading: &Reading,
        mut take: impl FnMut(&mut dyn Iterator<Item = NodeId>),
    ) {
        let reader = reading.reader as usize;
        let (first, terms) = (reading.operand as usize, reading.terms as usize);
        let mut start = 0;
        for &end in &self.ends[reader] {
            let block = &self.members[reader][start..end];
            match &classes.all[reader].kind {
                Kind::Row(..) => take(&mut self.operands[reader][first][start..end].iter().copied()),
                Kind::Chain(..) => {
                    let of = |term: usize| block.iter().map(move |id| classes.terms[id][term]);
                    if block.len() >= SPLIT && terms <= UNROLLED {
                        (first..first + terms).for_each(|term| take(&mut of(term)));
                    } else {
                        take(&mut (first..first + terms).flat_map(of));
                    }
                }
                Kind::Entries(array) => take(&mut std::iter::once(*array)),
                _ => take(&mut block.iter().map(|&id| graph.arguments(id)[first])),
            }
            start = end;
        }
    }
}

/// Ends of arrays, none of them short, from the ends of the pieces that are read.
fn blocks(ends: &[usize], length: usize) -> Vec<usize> {
    let (mut blocks, mut start) = (Vec::new(), 0);
    for &end in ends {
        if end - start >= SPLIT && length - end >= SPLIT {
            blocks.push(end);
            start = end;
        }
    }
    blocks.push(length);
    blocks
}
