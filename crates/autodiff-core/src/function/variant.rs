//! Traces of a closure, their programs, and the search for the one that holds at a point.

use super::operator::{Operator, build};
use super::{Bound, Function, VARIANTS};
use crate::error::{Error, Place, Result};
use crate::execute::{Guards, Outcome, Program, Workspace};
use crate::graph::{Executable, Graph};
use crate::real::{Float, Precision};
use crate::shape::Shape;
use crate::trace::{Recording, Session};
use crate::tree::{Leaves, Traced, Tree};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// One trace of the closure: a path through its branches for one structure of the input.
pub(super) struct Variant<Out> {
    /// Shapes of the leaves of the point.
    pub point: Leaves,
    /// Shapes of the leaves of the data, and how they nest.
    pub data: Leaves,
    /// Inputs: leaves of the point, then of the data. Outputs: leaves of the result, then the marked predictions.
    pub graph: Graph,
    /// What the closure returned, as a template.
    pub result: Out,
    /// Shapes of the leaves of the result.
    pub results: Vec<Shape>,
    /// How many of the outputs are marked predictions.
    pub predictions: usize,
    point_specific: bool,
    programs: Mutex<FxHashMap<Operator, Arc<Compiled>>>,
}

/// The program of one operator, with memory to run it in.
pub(super) struct Compiled {
    pub program: Program,
    /// Why the mode was chosen, where there was a choice.
    pub choice: Option<String>,
    /// Workspaces at rest, for each precision.
    seats: [Mutex<Vec<Box<dyn Any + Send>>>; 2],
}

/// A workspace with a note of the data in it.
pub(super) struct Seat<T> {
    pub workspace: Workspace<T>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Compiled {
    pub(super) fn new(program: Program, choice: Option<String>) -> Compiled {
        Compiled { program, choice, seats: Default::default() }
    }

    /// A workspace at rest, or a new one.
    pub(super) fn take<T: Executable>(&self) -> Box<Seat<T>> {
        let resting = self.seats[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).pop();
        resting
            .and_then(|seat| seat.downcast().ok())
            .unwrap_or_else(|| Box::new(Seat { workspace: self.program.workspace(), data: None }))
    }

    /// Puts a workspace to rest.
    pub(super) fn give<T: Executable>(&self, seat: Box<Seat<T>>) {
        self.seats[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).push(seat);
    }
}

impl<Out: Traced> Variant<Out> {
    fn fits(&self, point: &Leaves, data: &Leaves) -> bool {
        self.point == *point && self.data == *data
    }

    /// The program of an operator, made at its first use.
    pub(super) fn compiled(&self, operator: &Operator) -> Result<Arc<Compiled>> {
        if let Some(compiled) = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(operator) {
            return Ok(compiled.clone());
        }
        // Made without holding the lock: another thread may make it too, and one of the two is dropped.
        let compiled = Arc::new(build(self, operator)?);
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(programs.entry(operator.clone()).or_insert(compiled).clone())
    }

    fn has(&self, operator: &Operator) -> bool {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(operator)
    }
}

/// A point in flat form: the structure it came from, the shapes of its leaves and its entries.
pub(super) struct Point<'a, P: Tree> {
    pub structure: &'a P,
    pub leaves: &'a Leaves,
    pub entries: &'a [P::Scalar],
}

/// What a run reads beside point and data: flat vectors, each with the number of inputs that it fills.
pub(super) type Extras<'a, T> = &'a [(usize, &'a [T])];

/// A program that ran at a point, with its numbers.
pub(super) struct Ran<Out, T: Executable> {
    pub variant: Arc<Variant<Out>>,
    pub compiled: Arc<Compiled>,
    seat: Option<Box<Seat<T>>>,
}

impl<Out, T: Executable> Ran<Out, T> {
    /// Numbers of output `i`.
    pub fn output(&self, i: usize) -> &[T] {
        self.compiled.program.output(i, &self.seat().workspace)
    }

    pub fn seat(&self) -> &Seat<T> {
        self.seat.as_ref().expect("the seat is given back when this is dropped")
    }

    pub fn seat_mut(&mut self) -> &mut Seat<T> {
        self.seat.as_mut().expect("the seat is given back when this is dropped")
    }

    /// The numbers of some outputs, one after the other.
    pub fn outputs(&self, numbers: std::ops::Range<usize>, out: &mut [T]) {
        let mut at = 0;
        for i in numbers {
            let part = self.output(i);
            out[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        debug_assert_eq!(at, out.len());
    }
}

impl<Out, T: Executable> Drop for Ran<Out, T> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            self.compiled.give(seat);
        }
    }
}

/// How much of a program to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Early,
}

impl<'f, A: ?Sized, Out: Traced, B: ?Sized> Function<'f, A, Out, B>
where
    Out: Send + Sync,
{
    /// Runs an operator at a point: with a kept trace whose guards hold there, else with a new one.
    pub(super) fn run<P: Tree>(
        &self,
        operator: &Operator,
        point: &Point<'_, P>,
        extras: Extras<'_, P::Scalar>,
        extent: Extent,
    ) -> Result<Ran<Out, P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        if P::Scalar::PRECISION == Precision::Single {
            // 2²⁴ is the last whole number before gaps.
            if let Some(index) = self.data.leaves.iter().filter_map(|leaf| leaf.largest_index).find(|&i| i > 1 << 24) {
                return Err(Error::InexactIndex { index });
            }
        }
        // The trace used last most likely holds: its program runs at once, guards and all.
        let (latest, alone) = {
            let variants = self.lock();
            let mut fitting = variants.iter().filter(|v| v.fits(point.leaves, &self.data.structure));
            (fitting.next().cloned(), fitting.next().is_none())
        };
        if let Some(variant) = &latest
            && (alone || variant.has(operator))
            && let Some(ran) = self.attempt(variant, operator, point, extras, extent, Guards::Check)?
        {
            return Ok(ran);
        }
        if !alone && let Some(variant) = self.search(point)? {
            // Its guards hold: they need not be looked at again.
            let ran = self.attempt(&variant, operator, point, extras, extent, Guards::Trust)?;
            self.use_first(&variant);
            return Ok(ran.expect("a run that trusts its guards does not diverge"));
        }
        let variant = self.keep(self.trace(point)?);
        let ran = self.attempt(&variant, operator, point, extras, extent, Guards::Trust)?;
        Ok(ran.expect("a run that trusts its guards does not diverge"))
    }

    /// Traces the closure at a point unless a trace for that structure is kept.
    pub(super) fn trace_if_new<P: Tree>(&self, point: &Point<'_, P>) -> Result<()>
    where
        P::Traced: Borrow<A>,
    {
        if !self.lock().iter().any(|v| v.fits(point.leaves, &self.data.structure)) {
            self.keep(self.trace(point)?);
        }
        Ok(())
    }

    /// Keeps a trace, unless it holds at its point only. If another thread has kept one of the same path meanwhile, that one is
    /// returned, with the programs that it has by now.
    fn keep(&self, variant: Variant<Out>) -> Arc<Variant<Out>> {
        if variant.point_specific {
            return Arc::new(variant);
        }
        let mut variants = self.lock();
        let same_path = |v: &Arc<Variant<Out>>| {
            v.fits(&variant.point, &variant.data)
                && v.graph.guards() == variant.graph.guards()
                && v.graph.len() == variant.graph.len()
        };
        if let Some(kept) = variants.iter().find(|v| same_path(v)) {
            return kept.clone();
        }
        let variant = Arc::new(variant);
        variants.insert(0, variant.clone());
        variants.truncate(VARIANTS);
        variant
    }

    fn use_first(&self, variant: &Arc<Variant<Out>>) {
        let mut variants = self.lock();
        if let Some(at) = variants.iter().position(|v| Arc::ptr_eq(v, variant)) {
            variants[..=at].rotate_right(1);
        }
    }

    /// A kept trace whose guards hold at a point. Asks them alone, so that no other program is made for the rest.
    fn search<P: Tree>(&self, point: &Point<'_, P>) -> Result<Option<Arc<Variant<Out>>>> {
        let kept: Vec<Arc<Variant<Out>>> = self.lock().clone();
        for variant in kept.into_iter().filter(|v| v.fits(point.leaves, &self.data.structure)) {
            if self.attempt(&variant, &Operator::Guards, point, &[], Extent::Whole, Guards::Check)?.is_some() {
                return Ok(Some(variant));
            }
        }
        Ok(None)
    }

    /// Runs one trace's program; `None` if a guard diverged.
    fn attempt<P: Tree>(
        &self,
        variant: &Arc<Variant<Out>>,
        operator: &Operator,
        point: &Point<'_, P>,
        extras: Extras<'_, P::Scalar>,
        extent: Extent,
        guards: Guards,
    ) -> Result<Option<Ran<Out, P::Scalar>>> {
        let compiled = variant.compiled(operator)?;
        let program = &compiled.program;
        let seat = compiled.take::<P::Scalar>();
        let mut ran = Ran { variant: variant.clone(), compiled: compiled.clone(), seat: Some(seat) };
        let seat = ran.seat_mut();
        let points = variant.point.count();
        program.inputs(0..points, &mut seat.workspace).copy_from_slice(point.entries);
        self.data.load(program, points, seat);
        let mut input = points + variant.data.count();
        for &(count, numbers) in extras {
            program.inputs(input..input + count, &mut seat.workspace).copy_from_slice(numbers);
            input += count;
        }
        let outcome = match extent {
            Extent::Whole => program.run(&mut seat.workspace, guards),
            Extent::Early => program.run_early(&mut seat.workspace, guards),
        };
        match outcome {
            Ok(outcome) => Ok((outcome == Outcome::Done).then_some(ran)),
            // On another path than the closure would take here, an index may lie outside its axis before a guard is met.
            Err(Error::Index { .. }) if guards == Guards::Check && !variant.graph.guards().is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Traces the closure at a point.
    pub(super) fn trace<P: Tree>(&self, point: &Point<'_, P>) -> Result<Variant<Out>>
    where
        P::Traced: Borrow<A>,
    {
        let (recording, result) = self.record(point, Places::Forgotten)?;
        let mut variables = Vec::new();
        result.variables(&mut variables);
        let mut graph = recording.graph;
        let mut outputs = graph.outputs().to_vec();
        let results = outputs.iter().map(|&id| graph.shape(id).clone()).collect();
        outputs.extend(&recording.predictions);
        graph.set_outputs(outputs);
        Ok(Variant {
            point: point.leaves.clone(),
            data: self.data.structure.clone(),
            graph: graph.without_dead_nodes(),
            result,
            results,
            predictions: recording.predictions.len(),
            point_specific: recording.point_specific,
            programs: Mutex::default(),
        })
    }

    /// Records the closure at a point, with the numbers that branches are decided by.
    pub(super) fn record<P: Tree>(&self, point: &Point<'_, P>, places: Places) -> Result<(Recording, Out)>
    where
        P::Traced: Borrow<A>,
    {
        let session = Session::open(P::Scalar::PRECISION);
        if places == Places::Kept {
            session.keep_places();
        }
        let mut rest = point.entries;
        let mut inputs = Vec::with_capacity(point.leaves.count());
        for shape in point.leaves.iter() {
            let (entries, after) = rest.split_at(shape.size());
            rest = after;
            inputs.push(session.input_at(shape.clone(), entries.iter().map(|&x| x.to_f64()).collect()));
        }
        let data: Vec<_> =
            self.data.leaves.iter().map(|leaf| session.input_at(leaf.shape.clone(), leaf.entries.clone())).collect();
        let (mut inputs, mut data) = (inputs.into_iter(), data.into_iter());
        let traced = point.structure.trace(&mut || inputs.next().expect("a tree has as many leaves as shapes"));
        let mut result = None;
        let call = || {
            (self.data.give)(&mut || data.next().expect("data has as many leaves as shapes"), &mut |b| {
                result = Some((self.closure)(traced.borrow(), b));
            })
        };
        // After the first operation that does not fit, variables have no shapes, which may make the closure panic: then the
        // operation is what to report. Any other panic is the closure's own, and goes on.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            session.close_at(&[], Place(self.place))?;
            resume_unwind(panic);
        }
        let result = result.expect("the data calls the closure once");
        let mut outputs = Vec::new();
        result.variables(&mut outputs);
        Ok((session.close_at(&outputs, Place(self.place))?, result))
    }
}

/// Whether a recording notes the line of every node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    Kept,
    Forgotten,
}

impl<B: ?Sized> Bound<'_, B> {
    /// Copies the data into a workspace, unless it is there.
    fn load<T: Executable>(&self, program: &Program, first: usize, seat: &mut Seat<T>) {
        let same = |held: &Arc<dyn Any + Send + Sync>| {
            held.downcast_ref::<Vec<Arc<[f64]>>>().is_some_and(|held| {
                held.len() == self.leaves.len()
                    && held.iter().zip(&self.leaves).all(|(a, b)| Arc::ptr_eq(a, &b.entries))
            })
        };
        if self.leaves.is_empty() || seat.data.as_ref().is_some_and(same) {
            return;
        }
        for (i, leaf) in self.leaves.iter().enumerate() {
            let input = program.inputs(first + i..first + i + 1, &mut seat.workspace);
            for (to, &from) in input.iter_mut().zip(&*leaf.entries) {
                *to = T::from_f64(from);
            }
        }
        let held: Vec<Arc<[f64]>> = self.leaves.iter().map(|leaf| leaf.entries.clone()).collect();
        seat.data = Some(Arc::new(held));
    }
}
