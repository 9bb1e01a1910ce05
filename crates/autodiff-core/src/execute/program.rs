//! [`Program`]: a graph laid out for running many times: a list of instructions over one arena.
//!
//! Planned once (`layout.rs`): simplified, elementwise nodes fused, reshapes made free, every value given a place that is
//! reused when the value is dead.
//! Running allocates nothing. The layout is in entries, so one program serves `f32` and `f64`.
//!
//! A program may be split: given the *late* inputs, everything that does not depend on them comes first, is kept, and need
//! not run again when only late inputs change. That is what a linearisation is.

use super::interpret::fault_error;
use super::layout;
use super::region::Region;
use crate::compile::optimize;
use crate::error::Result;
use crate::graph::{Executable, Graph, Primitive};
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
    pub(super) instructions: Vec<Instruction>,
    /// Instructions before this one do not depend on late inputs.
    pub(super) split: usize,
    pub(super) inputs: Vec<Range<usize>>,
    pub(super) outputs: Vec<Range<usize>>,
    pub(super) constants: Vec<(usize, Constant)>,
    pub(super) shapes: Vec<Shape>,
    pub(super) arena: usize,
    pub(super) scratch: usize,
    pub(super) statistics: Statistics,
}

#[derive(Debug)]
pub(super) enum Constant {
    Scalar(f64),
    Tensor(crate::tensor::Tensor),
}

#[derive(Debug)]
pub(super) enum Kind {
    Row(Row),
    Primitive(Arc<dyn Primitive>),
    /// Stops the run unless the first operand, 0 or 1, is as expected.
    Guard(bool),
    /// Several elementwise nodes at once; they name their own operands.
    Region(Box<Region>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub offset: usize,
    pub length: usize,
    pub shape: usize,
}

#[derive(Debug)]
pub(super) struct Instruction {
    pub kind: Kind,
    pub operands: SmallVec<[Operand; 3]>,
    pub out: Range<usize>,
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
    /// Regions of elementwise nodes that run together.
    pub regions: usize,
    /// Nodes in these regions.
    pub fused: usize,
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
        layout::program(graph, late)
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
            if let Kind::Region(region) = &instruction.kind {
                region.run(arena, scratch);
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
                Kind::Guard(_) | Kind::Region(_) => unreachable!("handled above"),
            }
        }
        Ok(Outcome::Done)
    }
}
