//! Laying out: from a graph to the instructions of a program, in order, with a place in the arena for every value.
//!
//! What does not depend on late inputs comes first. Units of fused nodes are one instruction; a value inside a unit that
//! nothing outside reads has no place but a register. A place is given back after the last unit that reads it.

use super::plan::{Arena, Piece};
use super::program::{Constant, Instruction, Kind, Operand, Program, Statistics};
use super::region::{CHUNK, Compute, Region, Source, Step};
use crate::compile::{Unit, fuse, repeat};
use crate::graph::{Graph, NodeId, Operation};
use crate::shape::Shape;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// The program of a graph, split at the late inputs.
pub(super) fn program(graph: &Graph, late_inputs: &[usize]) -> Program {
    let mut late = vec![false; graph.len()];
    for &input in late_inputs {
        late[graph.inputs()[input].index()] = true;
    }
    for id in graph.ids() {
        if graph.arguments(id).iter().any(|a| late[a.index()]) {
            late[id.index()] = true;
        }
    }
    // A reshape is its argument under another shape: it has no place of its own.
    let mut root: Vec<NodeId> = graph.ids().collect();
    for id in graph.ids().filter(|&id| is_reshape(graph, id)) {
        root[id.index()] = root[graph.arguments(id)[0].index()];
    }
    let (first, rest): (Vec<NodeId>, Vec<NodeId>) = graph.ids().partition(|id| !late[id.index()]);
    let mut units = fuse(graph, &first, &root);
    let early = units.len();
    units.extend(fuse(graph, &rest, &root));
    Layout::new(graph, root, units, early).lay_out()
}

struct Layout<'g> {
    graph: &'g Graph,
    root: Vec<NodeId>,
    units: Vec<Unit>,
    /// Units before this one do not depend on late inputs.
    early: usize,
    unit_of: Vec<usize>,
    /// The last unit that reads a value from its place; `usize::MAX` for what must stay.
    last: Vec<usize>,
    /// Whether anything outside its unit reads a value.
    read_outside: Vec<bool>,
    arena: Arena,
    pieces: Vec<Option<Piece>>,
    shape_ids: FxHashMap<Shape, usize>,
    program: Program,
}

impl<'g> Layout<'g> {
    fn new(graph: &'g Graph, root: Vec<NodeId>, units: Vec<Unit>, early: usize) -> Layout<'g> {
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
        for source in graph.outputs().iter().map(|id| root[id.index()]) {
            last[source.index()] = usize::MAX;
            read_outside[source.index()] = true;
        }
        let statistics = Statistics { guards: graph.guards().len(), ..Statistics::default() };
        let program = Program {
            instructions: Vec::with_capacity(units.len()),
            split: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            constants: Vec::new(),
            shapes: Vec::new(),
            arena: 0,
            scratch: 0,
            statistics,
        };
        Layout {
            graph,
            root,
            units,
            early,
            unit_of,
            last,
            read_outside,
            arena: Arena::default(),
            pieces: vec![None; graph.len()],
            shape_ids: FxHashMap::default(),
            program,
        }
    }

    fn lay_out(mut self) -> Program {
        for &id in self.graph.inputs() {
            let size = self.graph.shape(id).size();
            let offset = self.place(id, size);
            self.program.inputs.push(offset..offset + size);
        }
        let mut guards = FxHashMap::<NodeId, SmallVec<[bool; 1]>>::default();
        for guard in self.graph.guards() {
            guards.entry(guard.node).or_default().push(guard.expected);
        }
        for (number, unit) in std::mem::take(&mut self.units).into_iter().enumerate() {
            if number == self.early {
                self.program.split = self.program.instructions.len();
                self.program.statistics.early_flops = self.program.statistics.flops;
            }
            match &unit {
                Unit::Single(id) => {
                    self.single(*id);
                    for &expected in guards.get(id).into_iter().flatten() {
                        let operands = SmallVec::from_slice(&[self.operand(*id)]);
                        self.program.instructions.push(Instruction {
                            kind: Kind::Guard(expected),
                            operands,
                            out: 0..0,
                        });
                    }
                }
                Unit::Region(nodes) => self.region(number, nodes),
            }
            for id in unit.nodes() {
                // Values that were read for the last time, and those that nothing reads.
                let arguments = self.graph.arguments(*id);
                for dead in arguments.iter().map(|a| self.root[a.index()]).chain([*id]) {
                    let fixed = !matches!(self.graph.operation(dead), Operation::Row(_) | Operation::Primitive(_));
                    if self.last[dead.index()] <= number
                        && !fixed
                        && self.unit_of[dead.index()] <= number
                        && let Some(piece) = self.pieces[dead.index()].take()
                    {
                        self.arena.give(piece);
                    }
                }
            }
        }
        if self.program.split == 0 && self.early >= self.unit_count() {
            self.program.split = self.program.instructions.len();
            self.program.statistics.early_flops = self.program.statistics.flops;
        }
        let outputs = self.graph.outputs().iter().map(|&id| {
            let offset = self.offset(id);
            offset..offset + self.graph.shape(id).size()
        });
        self.program.outputs = outputs.collect();
        self.program.arena = self.arena.length();
        self.program.statistics.arena = self.program.arena;
        self.program
    }

    fn unit_count(&self) -> usize {
        self.unit_of.iter().max().map_or(0, |last| last + 1)
    }

    /// A place that is never given back.
    fn place(&mut self, id: NodeId, size: usize) -> usize {
        let offset = self.arena.place(size);
        self.pieces[id.index()] = Some(Piece { offset, capacity: size });
        offset
    }

    fn take(&mut self, id: NodeId) -> usize {
        let piece = self.arena.take(self.graph.shape(id).size());
        self.pieces[id.index()] = Some(piece);
        piece.offset
    }

    fn offset(&self, id: NodeId) -> usize {
        self.pieces[self.root[id.index()].index()]
            .expect("a value that is read has a place until its last reader")
            .offset
    }

    fn operand(&mut self, id: NodeId) -> Operand {
        let shape = self.graph.shape(id);
        let shapes = &mut self.program.shapes;
        let number = *self.shape_ids.entry(shape.clone()).or_insert_with(|| {
            shapes.push(shape.clone());
            shapes.len() - 1
        });
        Operand { offset: self.offset(id), length: shape.size(), shape: number }
    }

    fn single(&mut self, id: NodeId) {
        let size = self.graph.shape(id).size();
        let kind = match self.graph.operation(id) {
            Operation::Input(_) | Operation::Hole => return,
            Operation::Constant(c) => {
                let offset = self.place(id, 1);
                self.program.constants.push((offset, Constant::Scalar(c)));
                return;
            }
            Operation::Tensor(t) => {
                let offset = self.place(id, size);
                self.program.constants.push((offset, Constant::Tensor(t.clone())));
                return;
            }
            Operation::Primitive(_) if is_reshape(self.graph, id) => return,
            Operation::Row(row) => Kind::Row(row),
            Operation::Primitive(p) => {
                let args = self.graph.arguments(id);
                let operands: SmallVec<[&Shape; 4]> = args.iter().map(|&a| self.graph.shape(a)).collect();
                self.program.scratch = self.program.scratch.max(p.scratch(&operands));
                Kind::Primitive(p.clone())
            }
        };
        self.count(id);
        let operands = self.graph.arguments(id).iter().map(|&a| self.operand(a)).collect();
        let offset = self.take(id);
        self.program.instructions.push(Instruction { kind, operands, out: offset..offset + size });
    }

    fn region(&mut self, number: usize, nodes: &[NodeId]) {
        let mut region = Region { length: self.graph.shape(nodes[0]).size(), ..Region::default() };
        let inside = |layout: &Self, id: NodeId| {
            let source = layout.root[id.index()];
            (layout.unit_of[source.index()] == number).then_some(source)
        };
        // The last step that reads each member from its register.
        let mut until: FxHashMap<NodeId, usize> = FxHashMap::default();
        for (step, &id) in nodes.iter().enumerate() {
            until.insert(id, step);
            for source in self.graph.arguments(id).iter().filter_map(|&a| inside(self, a)) {
                until.insert(source, step);
            }
        }
        let (mut register, mut free): (FxHashMap<NodeId, usize>, Vec<usize>) = (FxHashMap::default(), Vec::new());
        for (step, &id) in nodes.iter().enumerate() {
            let args = self.graph.arguments(id);
            let compute = match self.graph.operation(id) {
                Operation::Row(row) => {
                    let source = |&a: &NodeId| match inside(self, a) {
                        Some(member) => Source::Register(register[&member]),
                        None => Source::Array(self.offset(a)),
                    };
                    Compute::Row(row, args.iter().map(source).collect())
                }
                _ => {
                    let way = repeat(self.graph, id).expect("a member is elementwise or a repeat");
                    Compute::Repeat(way, self.offset(args[0]))
                }
            };
            let out = free.pop().unwrap_or_else(|| {
                region.registers += 1;
                region.registers - 1
            });
            register.insert(id, out);
            let store = self.read_outside[id.index()].then(|| self.take(id));
            region.steps.push(Step { compute, register: out, store });
            self.count(id);
            let mut done: SmallVec<[NodeId; 4]> = args.iter().filter_map(|&a| inside(self, a)).chain([id]).collect();
            done.sort_unstable();
            done.dedup();
            free.extend(done.into_iter().filter(|member| until[member] == step).map(|member| register[&member]));
        }
        self.program.scratch = self.program.scratch.max(region.registers * CHUNK);
        self.program.statistics.regions += 1;
        self.program.statistics.fused += nodes.len();
        self.program.instructions.push(Instruction {
            kind: Kind::Region(Box::new(region)),
            operands: SmallVec::new(),
            out: 0..0,
        });
    }

    /// Notes an operation in the statistics.
    fn count(&mut self, id: NodeId) {
        let statistics = &mut self.program.statistics;
        let operation = self.graph.operation(id);
        statistics.nodes += 1;
        *statistics.operations.entry(operation.name()).or_default() += 1;
        statistics.flops += match operation {
            Operation::Primitive(p) => {
                let args = self.graph.arguments(id);
                let operands: SmallVec<[&Shape; 4]> = args.iter().map(|&a| self.graph.shape(a)).collect();
                p.flops(&operands, self.graph.shape(id))
            }
            _ => self.graph.shape(id).size() as u64,
        };
    }
}

fn is_reshape(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.operation(id), Operation::Primitive(p) if p.name() == "reshape")
}
