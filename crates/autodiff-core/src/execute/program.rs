//! [`Program`]: a graph laid out for running many times: a list of instructions over one arena.
//!
//! Planned once (`layout`): simplified, ordered, elementwise nodes fused, reshapes made free, every value given a place
//! that is reused when the value is dead. Inputs are read where the caller has them and results written where the caller
//! wants them. Running allocates nothing. The layout is in entries, so one program serves `f32` and `f64`.
//!
//! A program may be split: everything that does not depend on its *late* inputs comes first, is kept, and need not run again
//! when only late inputs change. That is what a linearisation is. The kept part is only read from then on, so several threads
//! can run the late part at once, each with a workspace of its own.

use super::interpret::fault_error;
use super::layout;
use super::memory::{Aligned, Memories, Operand, Readable, Target};
use super::pairs::Pair;
use super::region::Region;
use super::scalars::Scalars;
use super::statistics::Statistics;
use super::tiles::Tiled;
use crate::compile::optimize;
use crate::error::Result;
use crate::graph::{Executable, Graph, Primitive};
use crate::real::Row;
use crate::shape::Shape;
use crate::tensor::View;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// How a program meets its caller.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// The inputs, in groups.
    pub groups: Vec<Group>,
    /// The groups from this one on are late; `None` for a program that always runs whole.
    pub late: Option<usize>,
    /// Outputs that are written one after the other into the caller's slice of results.
    pub results: Range<usize>,
}

/// Inputs that the caller gives together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// How many inputs.
    pub count: usize,
    /// Who has their numbers.
    pub role: Role,
}

/// Who has the numbers of an input during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The caller, in one slice for the whole group.
    Borrowed,
    /// The workspace, into which the caller has copied them.
    Held,
}

impl Interface {
    /// Every input held, nothing split, no results.
    pub fn plain(graph: &Graph) -> Interface {
        let groups = vec![Group { count: graph.inputs().len(), role: Role::Held }];
        Interface { groups, late: None, results: 0..0 }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.late.is_none()
    }

    /// Number of the first late input.
    pub(super) fn late_inputs(&self) -> usize {
        self.groups[..self.late.unwrap_or(0)].iter().map(|g| g.count).sum()
    }
}

/// Which part of a split program: one that runs whole has a late part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What does not depend on late inputs.
    Early,
    /// The rest.
    Late,
}

/// A graph laid out for running many times: instructions over an arena for each phase, and where inputs and outputs lie.
#[derive(Debug)]
pub struct Program {
    pub(super) instructions: Vec<Instruction>,
    /// Instructions before this one are early.
    pub(super) split: usize,
    /// Places of the held inputs, in order.
    pub(super) inputs: Vec<Range<usize>>,
    /// Where outputs are found.
    pub(super) outputs: Vec<Place>,
    /// What is copied to its place at the end of each phase.
    pub(super) copies: [Vec<(Operand, Target)>; 2],
    /// Whether an instruction has use for more working memory on several threads.
    pub(super) divides: bool,
    /// Entries of the results.
    pub(super) results: usize,
    pub(super) constants: Vec<(usize, Constant)>,
    pub(super) shapes: Vec<Shape>,
    pub(super) arenas: [usize; 2],
    pub(super) statistics: Statistics,
}

#[derive(Debug)]
pub(super) enum Constant {
    Scalar(f64),
    Tensor(crate::tensor::Tensor),
}

/// Where an output is found after a run.
#[derive(Debug)]
pub(super) enum Place {
    /// In the arena of a phase.
    Arena(Phase, Range<usize>),
    /// In the caller's slice.
    Result,
}

#[derive(Debug)]
pub(super) enum Kind {
    Row(Row),
    Primitive(Arc<dyn Primitive>),
    /// Stops the run unless the operand, 0 or 1, is as expected.
    Guard(bool),
    /// Several elementwise nodes at once; they name their own operands.
    Region(Box<Region>),
    /// One number of the operand, which names its place.
    Entry,
    /// Operations on single numbers, one after the other; they name their own operands.
    Scalars(Box<Scalars>),
    /// Several instructions on a block of rows at a time.
    Tiled(Box<Tiled>),
    /// Two instructions at once.
    Pair(Box<Pair>),
}

#[derive(Debug)]
pub(super) struct Instruction {
    pub kind: Kind,
    pub operands: SmallVec<[Operand; 3]>,
    pub out: Target,
}

impl Instruction {
    /// The shapes of its operands, of those of the program.
    pub fn shapes<'s>(&self, shapes: &'s [Shape]) -> SmallVec<[&'s Shape; 4]> {
        self.operands.iter().map(|o| &shapes[o.shape]).collect()
    }

    /// Entries of working memory with which it keeps so many threads at work.
    pub fn scratch(&self, shapes: &[Shape], threads: usize) -> usize {
        let most = |instructions: &[Instruction]| {
            instructions.iter().map(|one| one.scratch(shapes, threads)).max().unwrap_or(0)
        };
        match &self.kind {
            Kind::Row(_) | Kind::Guard(_) | Kind::Entry | Kind::Scalars(_) => 0,
            Kind::Primitive(p) => p.scratch(&self.shapes(shapes), threads),
            Kind::Region(region) => region.scratch(),
            // They may run one by one as well.
            Kind::Tiled(tiled) => tiled.scratch().max(most(&tiled.instructions)),
            Kind::Pair(pair) => pair.scratch().max(most(&pair.instructions)),
        }
    }
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

/// The memory of one phase of one run at a time.
#[derive(Debug)]
pub struct Workspace<T> {
    arena: Aligned<T>,
    scratch: Aligned<T>,
    /// The threads for which the scratch is large enough.
    threads: usize,
}

impl Program {
    /// Lays out a graph that meets its caller in this way.
    ///
    /// # Panics
    /// If the interface does not name every input.
    pub fn new(graph: &Graph, interface: &Interface) -> Program {
        debug_assert!(graph.verify().is_ok(), "{:?}", graph.verify());
        let optimized = optimize(graph, interface.late.map(|_| interface.late_inputs()));
        let mut program = layout::program(&optimized.graph, interface);
        program.statistics.traced = graph.len();
        program.statistics.passes = optimized.passes;
        program.statistics.scratch = program.scratch(1);
        let divides = |one: &Instruction| one.scratch(&program.shapes, 2) > one.scratch(&program.shapes, 1);
        program.divides = program.instructions.iter().any(divides);
        program
    }

    /// What it consists of.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Entries of the caller's slice of results.
    pub fn results(&self) -> usize {
        self.results
    }

    /// Memory for one phase to run in, with the constants in place.
    pub fn workspace<T: Executable>(&self, phase: Phase) -> Workspace<T> {
        self.workspace_of(phase, T::zero())
    }

    /// The same with `number` wherever nothing is written yet: no run depends on it, which NaN puts to the test.
    pub fn workspace_of<T: Executable>(&self, phase: Phase, number: T) -> Workspace<T> {
        let mut arena = Aligned::filled(self.arenas[phase as usize], number);
        if phase == self.first() {
            for (offset, constant) in &self.constants {
                match constant {
                    Constant::Scalar(c) => arena.as_mut_slice()[*offset] = T::from_f64(*c),
                    Constant::Tensor(t) => {
                        for (y, &c) in arena.as_mut_slice()[*offset..].iter_mut().zip(t.data()) {
                            *y = T::from_f64(c);
                        }
                    }
                }
            }
        }
        let threads = self.threads();
        Workspace { arena, scratch: Aligned::filled(self.scratch(threads), number), threads }
    }

    /// Entries of working memory with which instructions keep so many threads at work.
    fn scratch(&self, threads: usize) -> usize {
        self.instructions.iter().map(|one| one.scratch(&self.shapes, threads)).max().unwrap_or(0)
    }

    /// The threads that are asked for working memory: those of the current pool, if an instruction has use for them.
    fn threads(&self) -> usize {
        if self.divides { rayon::current_num_threads() } else { 1 }
    }

    /// Makes room in a workspace that was made in a smaller pool.
    fn fit<T: Executable>(&self, workspace: &mut Workspace<T>) {
        let threads = self.threads();
        if threads > workspace.threads {
            workspace.scratch = Aligned::filled(self.scratch(threads), T::zero());
            workspace.threads = threads;
        }
    }

    /// The phase that holds constants and held inputs.
    fn first(&self) -> Phase {
        if self.arenas[Phase::Early as usize] == 0 && self.split == 0 { Phase::Late } else { Phase::Early }
    }

    /// Place of the held input `number`, in the workspace of the first phase, for the caller to fill.
    pub fn held<'w, T: Executable>(&self, number: usize, workspace: &'w mut Workspace<T>) -> &'w mut [T] {
        &mut workspace.arena.as_mut_slice()[self.inputs[number].clone()]
    }

    /// The numbers of output `i`, which is no result, after a run of its phase in `workspace`.
    ///
    /// # Panics
    /// If it is a result, which the caller has, or `phase` is not the one that computes it.
    pub fn output<'w, T: Executable>(&self, i: usize, phase: Phase, workspace: &'w Workspace<T>) -> &'w [T] {
        match &self.outputs[i] {
            Place::Arena(found, range) if *found == phase => &workspace.arena.as_slice()[range.clone()],
            place => panic!("output {i} is not in the memory of the {phase:?} phase: {place:?}"),
        }
    }

    /// Number of outputs.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Runs a program that is not split. `inputs` are the borrowed groups in order, `results` has [`results`](Program::results)
    /// entries.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run<T: Executable>(
        &self,
        workspace: &mut Workspace<T>,
        inputs: &[&[T]],
        results: &mut [T],
        guards: Guards,
    ) -> Result<Outcome> {
        self.late(None, workspace, inputs, results, guards)
    }

    /// Runs the early phase; `inputs` are the borrowed groups before the late ones.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run_early<T: Executable>(
        &self,
        workspace: &mut Workspace<T>,
        inputs: &[&[T]],
        guards: Guards,
    ) -> Result<Outcome> {
        self.fit(workspace);
        let Workspace { arena, scratch, .. } = workspace;
        let mut memories =
            Memories { arena: arena.as_mut_slice(), kept: &[], inputs, out: &mut [], scratch: scratch.as_mut_slice() };
        self.execute(Phase::Early, &mut memories, guards)
    }

    /// Runs the late phase over what [`run_early`](Program::run_early) left; `inputs` are all borrowed groups.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run_late<T: Executable>(
        &self,
        kept: &Workspace<T>,
        workspace: &mut Workspace<T>,
        inputs: &[&[T]],
        results: &mut [T],
    ) -> Result<()> {
        self.late(Some(kept), workspace, inputs, results, Guards::Trust).map(|_| ())
    }

    fn late<T: Executable>(
        &self,
        kept: Option<&Workspace<T>>,
        workspace: &mut Workspace<T>,
        inputs: &[&[T]],
        results: &mut [T],
        guards: Guards,
    ) -> Result<Outcome> {
        debug_assert_eq!(results.len(), self.results);
        self.fit(workspace);
        let Workspace { arena, scratch, .. } = workspace;
        let mut memories = Memories {
            arena: arena.as_mut_slice(),
            kept: kept.map_or(&[], |kept| kept.arena.as_slice()),
            inputs,
            out: results,
            scratch: scratch.as_mut_slice(),
        };
        self.execute(Phase::Late, &mut memories, guards)
    }

    fn execute<T: Executable>(&self, phase: Phase, memories: &mut Memories<'_, T>, guards: Guards) -> Result<Outcome> {
        let (early, late) = self.instructions.split_at(self.split);
        for instruction in if phase == Phase::Early { early } else { late } {
            if self.instruction(instruction, memories, guards)? == Outcome::Diverged {
                return Ok(Outcome::Diverged);
            }
        }
        for (operand, to) in &self.copies[phase as usize] {
            let (out, readable, _) = memories.open(to);
            out.copy_from_slice(readable.slice(operand));
        }
        Ok(Outcome::Done)
    }

    fn all<T: Executable>(
        &self,
        instructions: &[Instruction],
        memories: &mut Memories<'_, T>,
        guards: Guards,
    ) -> Result<()> {
        instructions.iter().try_for_each(|one| self.instruction(one, memories, guards).map(|_| ()))
    }

    fn instruction<T: Executable>(
        &self,
        instruction: &Instruction,
        memories: &mut Memories<'_, T>,
        guards: Guards,
    ) -> Result<Outcome> {
        let operands = &instruction.operands;
        match &instruction.kind {
            Kind::Guard(expected) => {
                if guards == Guards::Check && (memories.number(&operands[0]) != T::zero()) != *expected {
                    return Ok(Outcome::Diverged);
                }
            }
            Kind::Scalars(scalars) => return Ok(scalars.run(memories, guards)),
            Kind::Row(row) if instruction.out.length == 1 => {
                let read = |i: usize| operands.get(i).map_or_else(T::zero, |o| memories.number(o));
                memories.put(&instruction.out, row.value(&[read(0), read(1), read(2)]));
            }
            Kind::Entry => memories.put(&instruction.out, memories.number(&operands[0])),
            Kind::Row(row) => {
                let (out, readable, _) = memories.open(&instruction.out);
                let operands: SmallVec<[&[T]; 3]> = operands.iter().map(|o| readable.slice(o)).collect();
                row.map(&operands, out);
            }
            Kind::Primitive(p) => {
                let (out, readable, scratch) = memories.open(&instruction.out);
                // A join may have many operands: no list of them is made on the heap.
                let compute = match operands.len() {
                    0..=8 => evaluate::<T, 8>,
                    9..=64 => evaluate::<T, 64>,
                    _ => evaluate::<T, 512>,
                };
                compute(&**p, operands, &self.shapes, out, &readable, scratch)?;
            }
            Kind::Region(region) => region.run(memories),
            Kind::Tiled(tiled) if rayon::current_num_threads() == 1 && !tiled.goes_to_library() => tiled.run(memories),
            // Threads, or the library, have each instruction as a whole.
            Kind::Tiled(tiled) => self.all(&tiled.instructions, memories, guards)?,
            Kind::Pair(pair) if rayon::current_num_threads() == 1 => self.all(&pair.instructions, memories, guards)?,
            Kind::Pair(pair) => pair.run(&self.shapes, memories)?,
        }
        Ok(Outcome::Done)
    }
}

/// Computes a primitive; up to `N` operands need no memory from the heap.
pub(super) fn evaluate<T: Executable, const N: usize>(
    primitive: &dyn Primitive,
    operands: &[Operand],
    shapes: &[Shape],
    out: &mut [T],
    readable: &Readable<'_, T>,
    scratch: &mut [T],
) -> Result<()> {
    let view = |o: &Operand| View { shape: &shapes[o.shape], data: readable.slice(o) };
    let operands: SmallVec<[View<'_, T>; N]> = operands.iter().map(view).collect();
    T::evaluate(primitive, &operands, out, scratch).map_err(|fault| fault_error(primitive.name(), fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_memory_follows_the_pool() {
        let text = "%0 = input : [300, 300]\n%1 = matmul{transposed=[1, 0]} %0 %0 : [300, 300]\nreturn %1";
        let graph: Graph = text.parse().expect("the test's own text");
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let of = |threads| pool(threads).install(|| Program::new(&graph, &Interface::plain(&graph)));
        let program = of(1);
        assert_eq!(program.statistics().scratch, of(8).statistics().scratch, "what is told depends on the graph alone");
        let mut workspace = pool(1).install(|| program.workspace::<f64>(Phase::Late));
        let run = |workspace: &mut Workspace<f64>| {
            program.held(0, workspace).iter_mut().enumerate().for_each(|(i, x)| *x = (i as f64).sin());
            program.run(workspace, &[], &mut [], Guards::Check).expect("no index is out of bounds");
            program.output(0, Phase::Late, workspace).to_vec()
        };
        let alone = pool(1).install(|| run(&mut workspace));
        let small = workspace.scratch.as_slice().len();
        let shared = pool(8).install(|| run(&mut workspace));
        assert!(workspace.scratch.as_slice().len() > small, "a packed block for each task");
        assert_eq!(alone, shared);
    }
}
