//! Laying out: from a graph to the instructions of a program, in order, with a place in memory for every value.
//!
//! What does not depend on late inputs comes first, in an arena of its own. Units of fused nodes are one instruction; a value
//! inside a unit that nothing outside reads has no place but a register. A place is given back after the last unit that reads
//! it. Inputs are read where the caller has them, and results written where the caller wants them.

mod region;

use super::memory::{NOWHERE, Operand, Space, Target};
use super::pairs::pair;
use super::plan::{Arena, Piece};
use super::program::{Constant, Instruction, Interface, Kind, Phase, Place, Program, Role};
use super::scalars::gather;
use super::statistics::Statistics;
use super::tiles::{LONG, REACH, tile};
use crate::compile::{AnyProduct, Repeat, Unit, floating, fuse, is_total, late, reduction, repeat, schedule};
use crate::graph::{Graph, NodeId, Operation};
use crate::shape::Shape;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::ops::Range;

/// The program of a graph that meets its caller in this way.
pub(super) fn program(graph: &Graph, interface: &Interface) -> Program {
    let mut late = late(graph, interface.late.map(|_| interface.late_inputs()));
    // What is repeated for one reader is repeated where that runs: the repeated numbers are not kept, their source is.
    let floating = floating(graph);
    for id in graph.ids() {
        if let Some(reader) = floating[id.index()] {
            late[id.index()] = late[reader.index()];
        }
    }
    // A reshape is its argument under another shape: it has no place of its own.
    let mut root: Vec<NodeId> = graph.ids().collect();
    for id in graph.ids().filter(|&id| is_reshape(graph, id)) {
        root[id.index()] = root[graph.arguments(id)[0].index()];
    }
    // What is read by something else than the nodes of its own phase.
    let mut required = vec![false; graph.len()];
    graph.outputs().iter().chain(graph.guards().iter().map(|g| &g.node)).for_each(|id| required[id.index()] = true);
    for id in graph.ids().filter(|id| late[id.index()]) {
        graph.arguments(id).iter().filter(|a| !late[a.index()]).for_each(|a| required[a.index()] = true);
    }
    let (first, rest): (Vec<NodeId>, Vec<NodeId>) = graph.ids().partition(|id| !late[id.index()]);
    let mut units = Vec::new();
    let mut early = 0;
    for (phase, nodes) in [first, rest].into_iter().enumerate() {
        units.extend(fuse(graph, &schedule(graph, &nodes, |id| required[id.index()]), &root, &floating));
        if phase == 0 {
            early = units.len();
        }
    }
    Layout::new(graph, interface, root, units, early).lay_out()
}

/// Where a value is while the program runs.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// In the arena of a phase.
    Arena(Phase, Piece),
    /// In a slice of the caller's.
    Input { slice: usize, offset: usize },
    /// Among the results.
    Out { offset: usize },
}

struct Layout<'g> {
    graph: &'g Graph,
    interface: &'g Interface,
    root: Vec<NodeId>,
    units: Vec<Unit>,
    /// Units before this one do not depend on late inputs.
    early: usize,
    unit_of: Vec<usize>,
    /// The last unit that reads a value from its place; `usize::MAX` for what must stay.
    last: Vec<usize>,
    /// Whether anything outside its unit reads a value.
    read_outside: Vec<bool>,
    /// The value whose memory a node takes over, if it can: what nothing else reads.
    overwrites: Vec<Option<NodeId>>,
    /// Values that are kept longer than they are read, until this unit has run.
    kept_until: FxHashMap<usize, Vec<NodeId>>,
    /// Where a value goes among the results, if it is made there.
    result: FxHashMap<NodeId, usize>,
    arenas: [Arena; 2],
    phase: Phase,
    homes: Vec<Option<Home>>,
    shape_ids: FxHashMap<Shape, usize>,
    program: Program,
}

impl<'g> Layout<'g> {
    fn new(
        graph: &'g Graph,
        interface: &'g Interface,
        root: Vec<NodeId>,
        units: Vec<Unit>,
        early: usize,
    ) -> Layout<'g> {
        let mut unit_of = vec![0; graph.len()];
        for (number, unit) in units.iter().enumerate() {
            for id in unit.nodes() {
                unit_of[id.index()] = number;
            }
        }
        let (mut last, mut read_outside) = (vec![0; graph.len()], vec![false; graph.len()]);
        for (number, unit) in units.iter().enumerate() {
            for id in unit.nodes().iter().filter(|id| root[id.index()] == **id) {
                for source in graph.arguments(*id).iter().map(|a| root[a.index()]) {
                    if unit_of[source.index()] != number {
                        read_outside[source.index()] = true;
                        // What is early and read late stays for the next late run.
                        let kept = number >= early && unit_of[source.index()] < early;
                        let until = if kept { usize::MAX } else { number };
                        last[source.index()] = until.max(last[source.index()]);
                    }
                }
            }
        }
        for guard in graph.guards() {
            let source = root[guard.node.index()].index();
            read_outside[source] = true;
            last[source] = last[source].max(unit_of[guard.node.index()]);
        }
        let overwrites = overwrites(graph, &root, |id| unit_of[id.index()] >= early);
        // What instructions on blocks of rows read and write lies side by side, for they run again on the next block.
        let mut kept_until = FxHashMap::<usize, Vec<NodeId>>::default();
        let ranges = long_ranges(graph, &units, &root, early);
        let overwritten: FxHashSet<NodeId> = overwrites.iter().flatten().copied().collect();
        for id in graph.ids().filter(|id| !overwritten.contains(id)) {
            let last = &mut last[id.index()];
            // They are in order and do not overlap.
            let range = ranges[..ranges.partition_point(|range| range.start <= *last)].last();
            if let Some(range) = range.filter(|range| range.contains(last)) {
                *last = range.end;
                kept_until.entry(range.end).or_default().push(id);
            }
        }
        // A result that is computed late, that nothing else reads and no other output is, is made in its place.
        let mut uses = FxHashMap::<NodeId, usize>::default();
        graph.outputs().iter().for_each(|id| *uses.entry(root[id.index()]).or_default() += 1);
        let (mut result, mut offset) = (FxHashMap::default(), 0);
        for &output in &graph.outputs()[interface.results.clone()] {
            let source = root[output.index()];
            let computed = matches!(graph.operation(source), Operation::Row(_) | Operation::Primitive(_));
            let alone = uses[&source] == 1 && !read_outside[source.index()] && !is_total(graph, source);
            if computed && alone && unit_of[source.index()] >= early {
                // So is what it is computed onto.
                let mut next = Some(source);
                while let Some(id) = next {
                    result.insert(id, offset);
                    next = overwrites[id.index()];
                }
            }
            offset += graph.shape(output).size();
        }
        for source in graph.outputs().iter().map(|id| root[id.index()]) {
            last[source.index()] = usize::MAX;
            read_outside[source.index()] = true;
        }
        let program = Program {
            instructions: Vec::with_capacity(units.len()),
            split: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            copies: Default::default(),
            divides: false,
            results: offset,
            constants: Vec::new(),
            shapes: Vec::new(),
            arenas: [0; 2],
            statistics: Statistics { guards: graph.guards().len(), ..Statistics::default() },
        };
        Layout {
            graph,
            interface,
            root,
            units,
            early,
            unit_of,
            last,
            read_outside,
            overwrites,
            kept_until,
            result,
            arenas: Default::default(),
            phase: Phase::Early,
            homes: vec![None; graph.len()],
            shape_ids: FxHashMap::default(),
            program,
        }
    }

    fn lay_out(mut self) -> Program {
        // A program that runs whole has its constants and data in its only arena.
        let first = if self.interface.is_whole() { Phase::Late } else { Phase::Early };
        self.phase = first;
        self.inputs();
        let mut guards = FxHashMap::<NodeId, SmallVec<[bool; 1]>>::default();
        for guard in self.graph.guards() {
            guards.entry(guard.node).or_default().push(guard.expected);
        }
        let units = std::mem::take(&mut self.units);
        for (number, unit) in units.iter().enumerate() {
            if number == self.early {
                self.program.split = self.program.instructions.len();
                self.end_early();
                self.phase = Phase::Late;
            }
            match unit {
                Unit::Single(id) => {
                    self.single(number, *id, first);
                    for &expected in guards.get(id).into_iter().flatten() {
                        let operands = SmallVec::from_slice(&[self.operand(*id)]);
                        self.program.instructions.push(Instruction {
                            kind: Kind::Guard(expected),
                            operands,
                            out: NOWHERE,
                        });
                    }
                }
                Unit::Region(nodes) => self.region(number, nodes),
            }
            self.give_back(number, unit);
        }
        if self.early >= units.len() {
            self.program.split = self.program.instructions.len();
            self.end_early();
            self.phase = Phase::Late;
        }
        self.outputs();
        self.program.arenas = [self.arenas[0].length(), self.arenas[1].length()];
        self.program.statistics.instructions = self.program.instructions.len();
        self.join();
        let lengths = self.program.arenas;
        self.program.statistics.arena = lengths.iter().sum();
        self.program.statistics.buffers = self.arenas.iter().map(Arena::served).sum();
        self.program.statistics.kept = lengths[Phase::Early as usize];
        self.program
    }

    /// Joins instructions that go through the same rows, those that can run at once, and those on single numbers.
    fn join(&mut self) {
        let program = &mut self.program;
        let late = program.instructions.split_off(program.split);
        let early = std::mem::take(&mut program.instructions);
        for (phase, instructions) in [early, late].into_iter().enumerate() {
            let joined = pair(tile(instructions, &program.shapes), &program.shapes);
            program.instructions.extend(gather(joined, &mut program.arenas[phase]));
            if phase == Phase::Early as usize {
                program.split = program.instructions.len();
            }
        }
    }

    /// Notes what the early phase costs.
    fn end_early(&mut self) {
        let statistics = &mut self.program.statistics;
        (statistics.early_flops, statistics.early_moved) = (statistics.flops, statistics.moved);
        statistics.early_contracted = statistics.contracted;
        statistics.early_instructions = self.program.instructions.len();
    }

    /// Places of the inputs: in the caller's slices, or held in the arena.
    fn inputs(&mut self) {
        let (mut input, mut slice) = (0, 0);
        for group in &self.interface.groups {
            let mut offset = 0;
            for _ in 0..group.count {
                let id = self.graph.inputs()[input];
                let size = self.graph.shape(id).size();
                let home = match group.role {
                    Role::Borrowed => Home::Input { slice, offset },
                    Role::Held => Home::Arena(self.phase, self.arenas[self.phase as usize].place(size)),
                };
                if let Home::Arena(_, piece) = home {
                    self.program.inputs.push(piece.offset..piece.offset + size);
                }
                self.homes[id.index()] = Some(home);
                offset += size;
                input += 1;
            }
            slice += usize::from(group.role == Role::Borrowed);
        }
        assert_eq!(input, self.graph.inputs().len(), "an interface names every input");
    }

    /// Number of the caller's slices that the early phase reads.
    fn early_slices(&self) -> usize {
        let groups = &self.interface.groups[..self.interface.late.unwrap_or(0)];
        groups.iter().filter(|g| g.role == Role::Borrowed).count()
    }

    /// Where outputs are found after a run, and which of them are copied to another place.
    fn outputs(&mut self) {
        let (results, mut result) = (self.interface.results.clone(), 0);
        for (number, &id) in self.graph.outputs().iter().enumerate() {
            let (source, length) = (self.root[id.index()], self.graph.shape(id).size());
            let made_there = self.result.contains_key(&source);
            if results.contains(&number) {
                if !made_there {
                    let from = self.operand(id);
                    let to = Target { space: Space::Out, offset: result, length };
                    self.program.copies[Phase::Late as usize].push((from, to));
                }
                result += length;
                self.program.outputs.push(Place::Result);
                continue;
            }
            debug_assert!(!made_there, "what is made among the results is no other output");
            let place = match self.homes[source.index()] {
                Some(Home::Arena(phase, piece)) => Place::Arena(phase, piece.offset..piece.offset + length),
                Some(Home::Input { slice, .. }) => {
                    // The caller's slice is not ours to show after the run. What is early can be read after the early phase.
                    let phase = if slice < self.early_slices() { Phase::Early } else { Phase::Late };
                    let from = self.operand(id);
                    let piece = self.arenas[phase as usize].place(length);
                    let to = Target { space: Space::Arena, offset: piece.offset, length };
                    self.program.copies[phase as usize].push((from, to));
                    Place::Arena(phase, piece.offset..piece.offset + length)
                }
                Some(Home::Out { .. }) | None => unreachable!("an output stays in its place"),
            };
            self.program.outputs.push(place);
        }
    }

    /// Gives back the places of values that were read for the last time, and of those that nothing reads.
    fn give_back(&mut self, number: usize, unit: &Unit) {
        let kept = self.kept_until.remove(&number).unwrap_or_default();
        for id in unit.nodes().iter().chain(&kept) {
            for dead in self.graph.arguments(*id).iter().map(|a| self.root[a.index()]).chain([*id]) {
                let fixed = !matches!(self.graph.operation(dead), Operation::Row(_) | Operation::Primitive(_));
                if self.last[dead.index()] <= number
                    && !fixed
                    && self.unit_of[dead.index()] <= number
                    && let Some(Home::Arena(phase, piece)) = self.homes[dead.index()]
                {
                    self.homes[dead.index()] = None;
                    self.arenas[phase as usize].give(piece);
                }
            }
        }
    }

    /// A place for a new value: among the results if it belongs there, else a piece of the arena.
    fn take(&mut self, id: NodeId) -> Target {
        let length = self.graph.shape(id).size();
        if let Some(&offset) = self.result.get(&id) {
            self.homes[id.index()] = Some(Home::Out { offset });
            return Target { space: Space::Out, offset, length };
        }
        let piece = self.arenas[self.phase as usize].take(length);
        self.homes[id.index()] = Some(Home::Arena(self.phase, piece));
        Target { space: Space::Arena, offset: piece.offset, length }
    }

    /// Where a value lies for the phase at hand.
    fn find(&self, id: NodeId) -> (Space, usize) {
        match self.homes[self.root[id.index()].index()].expect("a value that is read has a place until its last reader")
        {
            Home::Arena(phase, piece) if phase == self.phase => (Space::Arena, piece.offset),
            Home::Arena(_, piece) => (Space::Kept, piece.offset),
            Home::Input { slice, offset } => (Space::Input(slice), offset),
            Home::Out { offset } => (Space::Out, offset),
        }
    }

    fn operand(&mut self, id: NodeId) -> Operand {
        let shape = self.graph.shape(id);
        let shapes = &mut self.program.shapes;
        let number = *self.shape_ids.entry(shape.clone()).or_insert_with(|| {
            shapes.push(shape.clone());
            shapes.len() - 1
        });
        let (space, offset) = self.find(id);
        Operand { space, offset, length: shape.size(), shape: number }
    }

    fn constant(&mut self, id: NodeId, constant: Constant, phase: Phase) {
        let piece = self.arenas[phase as usize].place(self.graph.shape(id).size());
        self.homes[id.index()] = Some(Home::Arena(phase, piece));
        self.program.constants.push((piece.offset, constant));
    }

    /// The place of operand 0, if the node can be computed there: nothing else reads it. It is the node's from here on.
    fn updated(&mut self, number: usize, id: NodeId) -> Option<Target> {
        let source = self.overwrites[id.index()]?;
        let place = match self.homes[source.index()] {
            Some(Home::Out { offset }) => (Space::Out, offset),
            Some(Home::Arena(phase, piece)) if phase == self.phase && !self.result.contains_key(&id) => {
                (Space::Arena, piece.offset)
            }
            _ => return None,
        };
        debug_assert_eq!(self.last[source.index()], number, "operand 0 dies here");
        self.homes[id.index()] = self.homes[source.index()].take();
        Some(Target { space: place.0, offset: place.1, length: self.graph.shape(id).size() })
    }

    /// Which number of its operand a node is, if it is one.
    fn entry(&self, id: NodeId) -> Option<usize> {
        match repeat(self.graph, id).filter(|_| self.graph.shape(id).size() == 1)? {
            Repeat::Scalar { at } => Some(at),
            Repeat::Cycle { start, .. } | Repeat::Run { start, .. } | Repeat::Part { start, .. } => Some(start),
            Repeat::Loops { .. } | Repeat::Pad { .. } => None,
        }
    }

    fn single(&mut self, number: usize, id: NodeId, first: Phase) {
        let kind = match self.graph.operation(id) {
            Operation::Input(_) | Operation::Hole => return,
            Operation::Constant(c) => return self.constant(id, Constant::Scalar(c), first),
            Operation::Tensor(t) => return self.constant(id, Constant::Tensor(t.clone()), first),
            Operation::Primitive(_) if is_reshape(self.graph, id) => return,
            Operation::Row(row) => Kind::Row(row),
            Operation::Primitive(_) if self.entry(id).is_some() => Kind::Entry,
            Operation::Primitive(p) => Kind::Primitive(p.clone()),
        };
        self.program.statistics.count(self.graph, id);
        let mut operands: SmallVec<[Operand; 3]> = self.graph.arguments(id).iter().map(|&a| self.operand(a)).collect();
        if let Some(at) = self.entry(id) {
            operands[0] = Operand { offset: operands[0].offset + at, length: 1, ..operands[0] };
        }
        let out = match self.updated(number, id) {
            Some(place) => {
                operands[0] = Operand { space: Space::Arena, offset: 0, length: 0, ..operands[0] };
                place
            }
            None => self.take(id),
        };
        self.program.statistics.moved += operands.iter().map(|o| o.length).sum::<usize>() + out.length;
        self.program.instructions.push(Instruction { kind, operands, out });
    }
}

/// For each node that can be computed in the memory of its first operand, that operand: a value of its own phase that nothing
/// else reads.
fn overwrites(graph: &Graph, root: &[NodeId], is_late: impl Fn(NodeId) -> bool) -> Vec<Option<NodeId>> {
    let mut readers = vec![0_u32; graph.len()];
    let args = graph.ids().filter(|&id| root[id.index()] == id).flat_map(|id| graph.arguments(id));
    let ends = graph.outputs().iter().copied().chain(graph.guards().iter().map(|g| g.node));
    args.chain(ends).for_each(|a| readers[root[a.index()].index()] += 1);
    let of = |id: NodeId| {
        let Operation::Primitive(p) = graph.operation(id) else { return None };
        let source = root[graph.arguments(id).first()?.index()];
        let primitive = matches!(graph.operation(source), Operation::Primitive(_));
        let joins = repeat(graph, source).is_some() || is_total(graph, source) || reduction(graph, source).is_some();
        let made_alone = primitive && !joins;
        let fits = made_alone && readers[source.index()] == 1 && is_late(source) == is_late(id);
        (p.updates() && fits).then_some(source)
    };
    graph.ids().map(of).collect()
}

/// Units from a product of many rows to the last product with the same left operand that comes soon: as ranges of all but the last.
fn long_ranges(graph: &Graph, units: &[Unit], root: &[NodeId], early: usize) -> Vec<Range<usize>> {
    let left = |unit: &Unit| {
        let Unit::Single(id) = unit else { return None };
        let a = *graph.arguments(*id).iter().rev().nth(1)?;
        let rows = *graph.shape(a).first()?;
        let product = matches!(graph.operation(*id), Operation::Primitive(p) if AnyProduct::of(&**p).is_some());
        (product && rows >= LONG).then_some(root[a.index()])
    };
    let lefts: Vec<Option<NodeId>> = units.iter().map(left).collect();
    let (mut ranges, mut start) = (Vec::<Range<usize>>::new(), 0);
    for (i, a) in lefts.iter().enumerate().filter(|(_, a)| a.is_some()) {
        let phase = if i < early { early } else { units.len() };
        let end = (i + 1..phase.min(i + 1 + REACH)).rev().find(|&j| lefts[j] == *a);
        if let Some(end) = end.filter(|_| i >= start) {
            ranges.push(i..end);
            start = end;
        }
    }
    ranges
}

fn is_reshape(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.operation(id), Operation::Primitive(p) if p.name() == "reshape")
}
