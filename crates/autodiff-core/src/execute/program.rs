//! [`Program`]: a graph laid out for running many times: a list of instructions over one arena.
//!
//! Planned once: dead nodes dropped, reshapes made free, every value given a place that is reused when the value is dead.
//! Running allocates nothing. The layout is in entries, so one program serves `f32` and `f64`.
//!
//! A program may be split: given the *late* inputs, everything that does not depend on them comes first, is kept, and need
//! not run again when only late inputs change. That is what a linearisation is.

use super::interpret::fault_error;
use super::plan::{Arena, Piece};
use crate::compile::optimize;
use crate::error::Result;
use crate::graph::{Executable, Graph, NodeId, Operation, Primitive};
use crate::real::Row;
use crate::shape::Shape;
use crate::tensor::View;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A graph laid out for running many times: instructions over one arena, and where inputs and outputs lie.
#[derive(Debug)]
pub struct Program {
    instructions: Vec<Instruction>,
    /// Instructions before this one do not depend on late inputs.
    split: usize,
    inputs: Vec<Range<usize>>,
    outputs: Vec<Range<usize>>,
    constants: Vec<(usize, Constant)>,
    shapes: Vec<Shape>,
    arena: usize,
    scratch: usize,
    statistics: Statistics,
}

#[derive(Debug)]
enum Constant {
    Scalar(f64),
    Tensor(crate::tensor::Tensor),
}

#[derive(Debug)]
enum Kind {
    Row(Row),
    Primitive(Arc<dyn Primitive>),
    /// Stops the run unless the first operand, 0 or 1, is as expected.
    Guard(bool),
}

#[derive(Clone, Copy, Debug)]
struct Operand {
    offset: usize,
    length: usize,
    shape: usize,
}

#[derive(Debug)]
struct Instruction {
    kind: Kind,
    operands: SmallVec<[Operand; 3]>,
    out: Range<usize>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The outputs hold the numbers.
    Done,
    /// A guard came out otherwise: the graph does not stand for its closure at this point, and the outputs mean nothing.
    Diverged,
}

/// Whether a run heeds the guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guards {
    /// Stop at a guard that comes out otherwise.
    Check,
    /// Pass over them: the trace was made at this very point.
    Trust,
}

/// What a program consists of, for [`explain`](crate::Function::explain).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Nodes of the graph that are computed.
    pub nodes: usize,
    /// How many of each operation.
    pub operations: BTreeMap<&'static str, usize>,
    /// Guards that are checked.
    pub guards: usize,
    /// Floating-point operations of one run: one for an entry of an elementwise result, 2mnk for a product of matrices.
    pub flops: u64,
    /// Of these, the part that a split program runs once for each point.
    pub early_flops: u64,
    /// Entries of the arena: times 4 or 8, the bytes of a workspace.
    pub arena: usize,
}

/// The memory of one run at a time: numbers of all values.
#[derive(Clone, Debug)]
pub struct Workspace<T> {
    arena: Vec<T>,
    scratch: Vec<T>,
}

impl Program {
    /// Lays out a graph, split at `late` inputs (numbers of inputs; none for a program that always runs whole).
    pub fn new(graph: &Graph, late: &[usize]) -> Program {
        debug_assert!(graph.verify().is_ok(), "{:?}", graph.verify());
        let graph = &optimize(graph);
        Layout::of(graph, late).program(graph)
    }

    /// What it consists of.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Memory to run in, with the constants in place.
    pub fn workspace<T: Executable>(&self) -> Workspace<T> {
        let mut arena = vec![T::zero(); self.arena];
        for (offset, constant) in &self.constants {
            match constant {
                Constant::Scalar(c) => arena[*offset] = T::from_f64(*c),
                Constant::Tensor(t) => {
                    for (y, &c) in arena[*offset..].iter_mut().zip(t.data()) {
                        *y = T::from_f64(c);
                    }
                }
            }
        }
        Workspace { arena, scratch: vec![T::zero(); self.scratch] }
    }

    /// Place of the inputs `numbers`, which lie one after the other, for the caller to fill.
    pub fn inputs<'w, T>(&self, numbers: Range<usize>, workspace: &'w mut Workspace<T>) -> &'w mut [T] {
        match (self.inputs.get(numbers.start), self.inputs[..numbers.end].last()) {
            (Some(first), Some(last)) if !numbers.is_empty() => &mut workspace.arena[first.start..last.end],
            _ => &mut [],
        }
    }

    /// The numbers of output `i` after a run.
    pub fn output<'w, T>(&self, i: usize, workspace: &'w Workspace<T>) -> &'w [T] {
        &workspace.arena[self.outputs[i].clone()]
    }

    /// Number of outputs.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Runs everything.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run<T: Executable>(&self, workspace: &mut Workspace<T>, guards: Guards) -> Result<Outcome> {
        self.execute(&self.instructions, workspace, guards)
    }

    /// Runs what does not depend on late inputs.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run_early<T: Executable>(&self, workspace: &mut Workspace<T>, guards: Guards) -> Result<Outcome> {
        self.execute(&self.instructions[..self.split], workspace, guards)
    }

    /// Runs what depends on late inputs, after [`run_early`](Program::run_early) on the same workspace.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run_late<T: Executable>(&self, workspace: &mut Workspace<T>) -> Result<Outcome> {
        self.execute(&self.instructions[self.split..], workspace, Guards::Trust)
    }

    fn execute<T: Executable>(
        &self,
        instructions: &[Instruction],
        workspace: &mut Workspace<T>,
        guards: Guards,
    ) -> Result<Outcome> {
        let Workspace { arena, scratch } = workspace;
        for instruction in instructions {
            if let Kind::Guard(expected) = instruction.kind {
                let outcome = arena[instruction.operands[0].offset] != T::zero();
                if guards == Guards::Check && outcome != expected {
                    return Ok(Outcome::Diverged);
                }
                continue;
            }
            if let (Kind::Row(row), 1) = (&instruction.kind, instruction.out.len()) {
                let operands = &instruction.operands;
                let read = |i: usize| operands.get(i).map_or_else(T::zero, |o| arena[o.offset]);
                arena[instruction.out.start] = row.value(&[read(0), read(1), read(2)]);
                continue;
            }
            let (before, rest) = arena.split_at_mut(instruction.out.start);
            let (out, after) = rest.split_at_mut(instruction.out.len());
            let (before, after) = (&*before, &*after);
            let read = |o: &Operand| -> &[T] {
                if o.offset + o.length <= instruction.out.start {
                    &before[o.offset..o.offset + o.length]
                } else {
                    let start = o.offset - instruction.out.end;
                    &after[start..start + o.length]
                }
            };
            match &instruction.kind {
                Kind::Row(row) => {
                    let operands: SmallVec<[&[T]; 3]> = instruction.operands.iter().map(read).collect();
                    row.map(&operands, out);
                }
                Kind::Primitive(p) => {
                    let view = |o: &Operand| View { shape: &self.shapes[o.shape], data: read(o) };
                    let operands: SmallVec<[View<'_, T>; 8]> = instruction.operands.iter().map(view).collect();
                    T::evaluate(&**p, &operands, out, scratch).map_err(|fault| fault_error(p.name(), fault))?;
                }
                Kind::Guard(_) => unreachable!("handled above"),
            }
        }
        Ok(Outcome::Done)
    }
}

/// Order of evaluation and places of values, while a program is being made.
struct Layout {
    /// Nodes in order of evaluation.
    order: Vec<NodeId>,
    /// How many of them do not depend on late inputs.
    early: usize,
    late: Vec<bool>,
}

impl Layout {
    fn of(graph: &Graph, late_inputs: &[usize]) -> Layout {
        let mut late = vec![false; graph.len()];
        for &input in late_inputs {
            late[graph.inputs()[input].index()] = true;
        }
        for id in graph.ids() {
            if graph.arguments(id).iter().any(|a| late[a.index()]) {
                late[id.index()] = true;
            }
        }
        let (early, rest): (Vec<NodeId>, Vec<NodeId>) = graph.ids().partition(|id| !late[id.index()]);
        Layout { early: early.len(), order: early.into_iter().chain(rest).collect(), late }
    }

    fn program(self, graph: &Graph) -> Program {
        // A reshape is its argument under another shape: it has no place of its own.
        let mut root: Vec<NodeId> = graph.ids().collect();
        for id in graph.ids() {
            if is_reshape(graph, id) {
                root[id.index()] = root[graph.arguments(id)[0].index()];
            }
        }
        // The position in the order of the last use of each value; what must stay has none.
        let mut last: Vec<usize> = vec![0; graph.len()];
        for (position, &id) in self.order.iter().enumerate() {
            for arg in graph.arguments(id) {
                let source = root[arg.index()];
                last[source.index()] = last[source.index()].max(position);
                if self.late[id.index()] && !self.late[source.index()] {
                    last[source.index()] = usize::MAX;
                }
            }
        }
        for id in graph.outputs() {
            last[root[id.index()].index()] = usize::MAX;
        }

        let mut arena = Arena::default();
        let mut pieces: Vec<Option<Piece>> = vec![None; graph.len()];
        let mut shapes: Vec<Shape> = Vec::new();
        let mut shape_ids = rustc_hash::FxHashMap::default();
        let mut program = Program {
            instructions: Vec::with_capacity(graph.len()),
            split: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            constants: Vec::new(),
            shapes: Vec::new(),
            arena: 0,
            scratch: 0,
            statistics: Statistics { guards: graph.guards().len(), ..Statistics::default() },
        };
        for &id in graph.inputs() {
            let size = graph.shape(id).size();
            let offset = arena.place(size);
            pieces[id.index()] = Some(Piece { offset, capacity: size });
            program.inputs.push(offset..offset + size);
        }
        let mut guards = rustc_hash::FxHashMap::<NodeId, SmallVec<[bool; 1]>>::default();
        for guard in graph.guards() {
            guards.entry(guard.node).or_default().push(guard.expected);
        }
        for (position, &id) in self.order.iter().enumerate() {
            if position == self.early {
                program.split = program.instructions.len();
            }
            let size = graph.shape(id).size();
            let mut operand = |node: NodeId, pieces: &[Option<Piece>]| Operand {
                offset: pieces[root[node.index()].index()].expect("an argument is placed before its use").offset,
                length: graph.shape(node).size(),
                shape: *shape_ids.entry(graph.shape(node).clone()).or_insert_with(|| {
                    shapes.push(graph.shape(node).clone());
                    shapes.len() - 1
                }),
            };
            let kind = match graph.operation(id) {
                Operation::Input(_) | Operation::Hole => None,
                Operation::Constant(c) => {
                    let offset = arena.place(1);
                    pieces[id.index()] = Some(Piece { offset, capacity: 1 });
                    program.constants.push((offset, Constant::Scalar(c)));
                    None
                }
                Operation::Tensor(t) => {
                    let offset = arena.place(size);
                    pieces[id.index()] = Some(Piece { offset, capacity: size });
                    program.constants.push((offset, Constant::Tensor(t.clone())));
                    None
                }
                Operation::Row(row) => {
                    program.statistics.flops += size as u64;
                    Some(Kind::Row(row))
                }
                Operation::Primitive(_) if is_reshape(graph, id) => None,
                Operation::Primitive(p) => {
                    let args = graph.arguments(id);
                    let operands: SmallVec<[&Shape; 4]> = args.iter().map(|&a| graph.shape(a)).collect();
                    program.scratch = program.scratch.max(p.scratch(&operands));
                    program.statistics.flops += p.flops(&operands, graph.shape(id));
                    Some(Kind::Primitive(p.clone()))
                }
            };
            if let Some(kind) = kind {
                let operands = graph.arguments(id).iter().map(|&a| operand(a, &pieces)).collect();
                let piece = arena.take(size);
                pieces[id.index()] = Some(piece);
                program.instructions.push(Instruction { kind, operands, out: piece.offset..piece.offset + size });
                program.statistics.nodes += 1;
                *program.statistics.operations.entry(graph.operation(id).name()).or_default() += 1;
            }
            for &expected in guards.get(&id).into_iter().flatten() {
                let operands = SmallVec::from_slice(&[operand(id, &pieces)]);
                program.instructions.push(Instruction { kind: Kind::Guard(expected), operands, out: 0..0 });
            }
            if position < self.early {
                program.statistics.early_flops = program.statistics.flops;
            }
            // Values that were used for the last time, and those that nothing uses.
            let done = graph.arguments(id).into_iter().map(|a| root[a.index()]).chain([id]);
            for dead in done {
                let fixed = matches!(
                    graph.operation(dead),
                    Operation::Input(_) | Operation::Constant(_) | Operation::Tensor(_)
                );
                if last[dead.index()] <= position
                    && !fixed
                    && root[dead.index()] == dead
                    && let Some(piece) = pieces[dead.index()].take()
                {
                    arena.give(piece);
                }
            }
        }
        if self.early == self.order.len() {
            program.split = program.instructions.len();
        }
        program.outputs = graph
            .outputs()
            .iter()
            .map(|id| {
                let offset = pieces[root[id.index()].index()].expect("an output is never freed").offset;
                offset..offset + graph.shape(*id).size()
            })
            .collect();
        program.shapes = shapes;
        program.arena = arena.length();
        program.statistics.arena = program.arena;
        program
    }
}

fn is_reshape(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.operation(id), Operation::Primitive(p) if p.name() == "reshape")
}
