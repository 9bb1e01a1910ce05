//! Traces of a closure, their programs, and the search for the one that holds at a point.

use super::body::Body;
use super::operator::{Form, Operator, build, check, switches};
use super::recurrences::recurrences;
use super::swept::{Kind, RECORDING, Scalars, Start, Sweeps, sweep};
use super::{Bound, Function, NODES, VARIANTS};
use crate::error::{Error, Place, Result};
use crate::execute::{Guards, Outcome, Phase, Program, Recurrences, Workspace};
use crate::graph::{Executable, Graph};
use crate::real::{Float, Precision};
use crate::shape::Shape;
use crate::sweep::{Spare, by_entries};
use crate::trace::{Recording, Session, recycle};
use crate::tree::{Leaves, Traced, Tree};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::any::Any;
use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One trace of the closure: a path through its branches for one structure of the input.
pub(super) struct Variant<Out> {
    /// Shapes of the leaves of the point.
    pub point: Leaves,
    /// Shapes of the leaves of the data, and how they nest.
    pub data: Leaves,
    /// The trace as it was recorded. Inputs: leaves of the point, then of the data. Outputs: leaves of the result, then the
    /// marked predictions.
    pub recorded: Graph,
    /// The same as programs are made from it, once the first is.
    body: OnceLock<Body>,
    /// The same with scalars as they are, once it is asked for.
    plain: OnceLock<Body>,
    /// Its recurrences as rates of a differential equation, once they are asked for, if it has them.
    recurrences: OnceLock<Option<Recurrences>>,
    /// Whether it has comparisons and the like, once that is asked for.
    switches: OnceLock<bool>,
    /// What can be swept of it.
    pub scalars: Scalars,
    /// How often that was done.
    pub sweeps: Sweeps,
    /// What the closure returned, as a template.
    pub result: Out,
    /// Shapes of the leaves of the result.
    pub results: Vec<Shape>,
    /// How many of the outputs are marked predictions.
    pub predictions: usize,
    /// Whether it holds at the point where it was recorded only.
    pub point_specific: bool,
    programs: Mutex<FxHashMap<(Operator, Form), Arc<Compiled>>>,
}

/// The program of one operator, with memory to run it in.
pub(super) struct Compiled {
    pub program: Program,
    /// Why the mode was chosen, where there was a choice.
    pub choice: Option<String>,
    /// Whether it is for running, not to be looked at alone.
    runs: AtomicBool,
    /// Memory at rest for the phase that reads the data.
    seats: Pool,
    /// Memory at rest for the late phase of a split program.
    late: Pool,
}

/// Memory at rest, for each precision.
type Pool = [Mutex<Vec<Box<dyn Any + Send>>>; 2];

/// A workspace with a note of the data in it.
pub(super) struct Seat<T> {
    pub workspace: Workspace<T>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Compiled {
    pub(super) fn new(program: Program, choice: Option<String>) -> Compiled {
        Compiled { program, choice, runs: AtomicBool::new(false), seats: Default::default(), late: Default::default() }
    }

    /// A workspace at rest, or a new one, for the phase that reads the data.
    fn take<T: Executable>(&self, phase: Phase) -> Box<Seat<T>> {
        rest::<T, _>(&self.seats)
            .unwrap_or_else(|| Box::new(Seat { workspace: self.program.workspace(phase), data: None }))
    }

    /// Runs the late phase with a workspace at rest, or a new one.
    pub(super) fn run_late<T: Executable>(
        &self,
        kept: &Workspace<T>,
        inputs: &[&[T]],
        results: &mut [T],
    ) -> Result<()> {
        let mut workspace =
            rest::<T, Workspace<T>>(&self.late).unwrap_or_else(|| Box::new(self.program.workspace(Phase::Late)));
        let outcome = self.program.run_late(kept, &mut workspace, inputs, results);
        give::<T, _>(&self.late, workspace);
        outcome
    }
}

fn rest<T: Executable, S: Any>(pool: &Pool) -> Option<Box<S>> {
    let resting = pool[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).pop();
    resting.and_then(|memory| memory.downcast().ok())
}

fn give<T: Executable, S: Any + Send>(pool: &Pool, memory: Box<S>) {
    pool[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).push(memory);
}

impl<Out> Drop for Variant<Out> {
    fn drop(&mut self) {
        recycle(std::mem::take(&mut self.recorded));
    }
}

impl<Out> Variant<Out> {
    /// The trace as programs are made from it.
    pub(super) fn body(&self) -> &Body {
        let make = || {
            let traced = self.recorded.without_dead_nodes();
            Body::new(traced, self.predictions, &self.point, &self.data, &self.results)
        };
        self.body.get_or_init(make)
    }

    /// The body that an operator starts from: with the leaves of the point one by one where it tells them apart.
    pub(super) fn body_of(&self, operator: &Operator) -> &Body {
        let plain = || Body::plain(self.recorded.without_dead_nodes(), &self.point, &self.data, &self.results);
        if let Operator::Flow(_) | Operator::Switches = operator { self.plain.get_or_init(plain) } else { self.body() }
    }

    /// The recurrences of the trace as rates of a differential equation, if it has them.
    pub(super) fn recurrences(&self) -> Option<&Recurrences> {
        let holds = !self.point_specific && self.predictions == 0;
        let make = || if holds { recurrences(self.body_of(&Operator::Flow(1))) } else { None };
        self.recurrences.get_or_init(make).as_ref()
    }

    /// Whether its results jump or bend anywhere.
    pub(super) fn switches(&self) -> bool {
        *self.switches.get_or_init(|| !switches(&self.body_of(&Operator::Switches).graph).is_empty())
    }
}

impl<Out: Traced> Variant<Out> {
    fn fits(&self, point: &Leaves, data: &Leaves) -> bool {
        self.point == *point && self.data == *data
    }

    /// The program of an operator, which it runs as from now on; made at its first use.
    pub(super) fn compiled(&self, operator: &Operator, form: Form) -> Result<Arc<Compiled>> {
        let compiled = self.program(operator, form)?;
        compiled.runs.store(true, Ordering::Relaxed);
        Ok(compiled)
    }

    /// The program of an operator, to be looked at: whether the operator is swept stays as it is.
    pub(super) fn program(&self, operator: &Operator, form: Form) -> Result<Arc<Compiled>> {
        let key = (operator.clone(), form);
        if let Some(compiled) = self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(compiled.clone());
        }
        // Made without holding the lock: another thread may make it too, and one of the two is dropped.
        let compiled = Arc::new(build(self, operator, form)?);
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(programs.entry(key).or_insert(compiled).clone())
    }

    /// Whether an operator runs as a program.
    pub(super) fn has(&self, operator: &Operator, form: Form) -> bool {
        let programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        programs.get(&(operator.clone(), form)).is_some_and(|compiled| compiled.runs.load(Ordering::Relaxed))
    }
}

/// A point in flat form: the structure it came from, the shapes of its leaves and its entries.
pub(super) struct Point<'a, P: Tree> {
    pub structure: &'a P,
    pub leaves: &'a Leaves,
    pub entries: &'a [P::Scalar],
}

/// What a run reads beside point and data, and where its results go.
pub(super) struct Call<'a, T> {
    /// Flat vectors, as many as the operator has after point and data.
    pub extras: &'a [&'a [T]],
    pub results: Results<'a, T>,
}

/// Where results go.
pub(super) enum Results<'a, T> {
    /// Into a slice of the right length.
    Into(&'a mut [T]),
    /// Into a vector, which is made as long as needed.
    Collect(&'a mut Vec<T>),
    /// Nowhere: the operator has none, its outputs are read from the run.
    Nowhere,
    /// Nowhere: only the early phase of a split program runs.
    Early,
}

impl<T: Executable> Results<'_, T> {
    /// The memory of so many results, of none if they go nowhere.
    pub fn slice(&mut self, count: usize) -> &mut [T] {
        match self {
            Results::Into(slice) => slice,
            Results::Collect(vector) => {
                vector.resize(count, T::zero());
                vector
            }
            Results::Nowhere | Results::Early => &mut [],
        }
    }
}

impl<T> Call<'_, T> {
    fn form(&self) -> Form {
        if matches!(self.results, Results::Early) { Form::Split } else { Form::Whole }
    }
}

/// An operator that ran at a point, with its numbers.
pub(super) struct Ran<Out, T: Executable> {
    pub variant: Arc<Variant<Out>>,
    by: By<T>,
}

enum By<T: Executable> {
    Program(Seated<T>),
    /// With the numbers of scalar outputs that are no results.
    Sweep(Spare<T>),
}

/// A program that ran, with its memory.
pub(super) struct Seated<T: Executable> {
    pub compiled: Arc<Compiled>,
    phase: Phase,
    seat: Option<Box<Seat<T>>>,
}

impl<Out, T: Executable> Ran<Out, T> {
    /// Numbers of output `i`, which is no result.
    pub fn output(&self, i: usize) -> &[T] {
        match &self.by {
            By::Program(ran) => ran.compiled.program.output(i, ran.phase, ran.workspace()),
            By::Sweep(outputs) => std::slice::from_ref(&outputs[i]),
        }
    }

    /// Whether the operator was swept.
    pub fn is_swept(&self) -> bool {
        matches!(self.by, By::Sweep(_))
    }

    /// The program, of an operator whose early phase alone ran.
    pub fn early(&self) -> &Seated<T> {
        match &self.by {
            By::Program(ran) => ran,
            By::Sweep(_) => unreachable!("a sweep has no phases"),
        }
    }

    /// Of an operator whose outputs are several sets of numbers of all results: set number `set`, one result after the other.
    pub fn flattened(&self, set: usize, out: &mut Vec<T>) {
        out.clear();
        let count = match &self.by {
            // Scalar results may be joined.
            By::Program(_) => self.variant.body().results.len(),
            By::Sweep(_) => self.variant.results.len(),
        };
        for i in set * count..(set + 1) * count {
            out.extend_from_slice(self.output(i));
        }
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

impl<T: Executable> Seated<T> {
    /// What the phase left.
    pub fn workspace(&self) -> &Workspace<T> {
        &self.seat.as_ref().expect("the seat is given back when this is dropped").workspace
    }
}

impl<T: Executable> Drop for Seated<T> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            give::<T, _>(&self.compiled.seats, seat);
        }
    }
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
        call: &mut Call<'_, P::Scalar>,
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
        let mut diverged = None;
        if let Some(variant) = &latest
            && (alone || variant.has(operator, call.form()) || self.sweeps(variant, operator, call.form()))
        {
            if let Some(ran) = self.attempt(variant, operator, point, call, Start::Point(Guards::Check))? {
                return Ok(ran);
            }
            diverged = Some(variant);
        }
        if !alone && let Some(variant) = self.search(point, diverged)? {
            // Its guards hold: they need not be looked at again.
            let ran = self.attempt(&variant, operator, point, call, Start::Point(Guards::Trust))?;
            self.use_first(&variant);
            return Ok(ran.expect("a run that trusts its guards does not diverge"));
        }
        let (variant, numbers) = self.trace(point)?;
        let traced = variant.recorded.len();
        let variant = self.keep(variant);
        // A trace of the same path that another thread has kept meanwhile has the same nodes.
        let start = match &numbers {
            Some(numbers) if variant.recorded.len() == traced => Start::Traced(numbers),
            _ => Start::Point(Guards::Trust),
        };
        let ran = self.attempt(&variant, operator, point, call, start)?;
        Ok(ran.expect("a run that trusts its guards does not diverge"))
    }

    /// The latest trace for the structure of a point; traced there if there is none.
    pub(super) fn trace_if_new<P: Tree>(&self, point: &Point<'_, P>) -> Result<Arc<Variant<Out>>>
    where
        P::Traced: Borrow<A>,
    {
        let kept = self.lock().iter().find(|v| v.fits(point.leaves, &self.data.structure)).cloned();
        match kept {
            Some(kept) => Ok(kept),
            None => Ok(self.keep(self.trace(point)?.0)),
        }
    }

    /// A trace whose guards hold at a point, where those of one do not: a kept one, else a new one.
    pub(super) fn trace_instead<P: Tree>(
        &self,
        diverged: &Arc<Variant<Out>>,
        point: &Point<'_, P>,
    ) -> Result<Arc<Variant<Out>>>
    where
        P::Traced: Borrow<A>,
    {
        match self.search(point, Some(diverged))? {
            Some(kept) => {
                self.use_first(&kept);
                Ok(kept)
            }
            None => Ok(self.keep(self.trace(point)?.0)),
        }
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
                && v.recorded.guards() == variant.recorded.guards()
                && v.recorded.len() == variant.recorded.len()
        };
        match variants.iter().position(same_path) {
            Some(at) => variants[..=at].rotate_right(1),
            None => variants.insert(0, Arc::new(variant)),
        }
        let mut nodes = 0;
        let within = variants.iter().take_while(|v| {
            nodes += v.recorded.len();
            nodes <= NODES
        });
        let kept = within.count().clamp(1, VARIANTS);
        variants.truncate(kept);
        variants[0].clone()
    }

    fn use_first(&self, variant: &Arc<Variant<Out>>) {
        let mut variants = self.lock();
        if let Some(at) = variants.iter().position(|v| Arc::ptr_eq(v, variant)) {
            variants[..=at].rotate_right(1);
        }
    }

    /// A kept trace whose guards hold at a point, other than one whose guards do not. Asks them alone, so that no other program is
    /// made for the rest.
    ///
    /// Gives up when that has cost as much as recording the closure: a trace of the same path is found then by its guards.
    fn search<P: Tree>(
        &self,
        point: &Point<'_, P>,
        diverged: Option<&Arc<Variant<Out>>>,
    ) -> Result<Option<Arc<Variant<Out>>>> {
        let kept: Vec<Arc<Variant<Out>>> = self.lock().clone();
        let mut guards = Call { extras: &[], results: Results::Nowhere };
        let others = kept.into_iter().filter(|v| diverged.is_none_or(|diverged| !Arc::ptr_eq(v, diverged)));
        let mut spent = 0;
        for variant in others.filter(|v| v.fits(point.leaves, &self.data.structure)) {
            let start = Start::Point(Guards::Check);
            if self.sweeps(&variant, &Operator::Guards, Form::Whole) {
                spent += variant.cost_of_sweep(Kind::Guards);
                if spent > RECORDING.of(variant.recorded.len()) {
                    return Ok(None);
                }
            }
            if self.attempt(&variant, &Operator::Guards, point, &mut guards, start)?.is_some() {
                return Ok(Some(variant));
            }
        }
        Ok(None)
    }

    /// Whether an operator is swept over a trace rather than run as a program.
    fn sweeps(&self, variant: &Variant<Out>, operator: &Operator, form: Form) -> bool {
        variant.is_swept(operator, form) && !self.prepared.load(Ordering::Relaxed) && !variant.has(operator, form)
    }

    /// Runs an operator on one trace, by a sweep or a program; `None` if a guard diverged.
    pub(super) fn attempt<P: Tree>(
        &self,
        variant: &Arc<Variant<Out>>,
        operator: &Operator,
        point: &Point<'_, P>,
        call: &mut Call<'_, P::Scalar>,
        start: Start<'_>,
    ) -> Result<Option<Ran<Out, P::Scalar>>> {
        if self.sweeps(variant, operator, call.form()) {
            check(variant, operator)?;
            let swept = sweep(variant, operator, point.entries, &self.data.leaves, start, call);
            return Ok(swept.map(|outputs| Ran { variant: variant.clone(), by: By::Sweep(outputs) }));
        }
        let guards = match start {
            Start::Traced(_) => Guards::Trust,
            Start::Point(guards) => guards,
        };
        let compiled = variant.compiled(operator, call.form())?;
        let program = &compiled.program;
        let phase = if call.form() == Form::Split { Phase::Early } else { Phase::Late };
        let mut seat = compiled.take::<P::Scalar>(phase);
        self.data.load(program, &variant.body_of(operator).data_blocks, &mut seat);
        let mut inputs: SmallVec<[&[P::Scalar]; 4]> = SmallVec::new();
        inputs.push(point.entries);
        inputs.extend(call.extras.iter().copied());
        let results = call.results.slice(program.results());
        let outcome = match phase {
            Phase::Early => program.run_early(&mut seat.workspace, &inputs, guards),
            Phase::Late => program.run(&mut seat.workspace, &inputs, results, guards),
        };
        let by = By::Program(Seated { compiled: compiled.clone(), phase, seat: Some(seat) });
        let ran = Ran { variant: variant.clone(), by };
        match outcome {
            Ok(outcome) => Ok((outcome == Outcome::Done).then_some(ran)),
            // On another path than the closure would take here, an index may lie outside its axis before a guard is met.
            Err(Error::Index { .. }) if guards == Guards::Check && !variant.recorded.guards().is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Traces the closure at a point. With the numbers of all nodes there, if they are scalars.
    fn trace<P: Tree>(&self, point: &Point<'_, P>) -> Result<(Variant<Out>, Option<Spare<f64>>)>
    where
        P::Traced: Borrow<A>,
    {
        let (recording, result) = self.record(point, Places::Forgotten)?;
        let mut variables = Vec::new();
        result.variables(&mut variables);
        let mut graph = recording.graph;
        let mut outputs = graph.outputs().to_vec();
        let results = outputs.iter().map(|&id| graph.shape(id).clone()).collect();
        let scalars = match recording.numbers {
            Some(_) => Scalars::All,
            None => by_entries(&graph).map_or(Scalars::None, |graph| Scalars::Entries(Box::new(graph))),
        };
        outputs.extend(&recording.predictions);
        graph.set_outputs(outputs);
        let numbers = recording.numbers.map(Spare::from);
        let variant = Variant {
            point: point.leaves.clone(),
            data: self.data.structure.clone(),
            recorded: graph,
            body: OnceLock::new(),
            plain: OnceLock::new(),
            recurrences: OnceLock::new(),
            switches: OnceLock::new(),
            scalars,
            sweeps: Sweeps::default(),
            result,
            results,
            predictions: recording.predictions.len(),
            point_specific: recording.point_specific,
            programs: Mutex::default(),
        };
        Ok((variant, numbers))
    }

    /// Records the closure at a point, with the numbers that branches are decided by.
    pub(super) fn record<P: Tree>(&self, point: &Point<'_, P>, places: Places) -> Result<(Recording, Out)>
    where
        P::Traced: Borrow<A>,
    {
        let session = Session::open(P::Scalar::PRECISION);
        session.lend(Spare::largest().into_inner());
        if places == Places::Kept {
            session.keep_places();
        }
        let mut rest = point.entries;
        let mut inputs = Vec::with_capacity(point.leaves.count());
        for (shape, count) in point.leaves.runs() {
            let (entries, after) = rest.split_at(shape.size() * count);
            rest = after;
            if shape.rank() == 0 {
                session.scalars_at(entries.iter().map(|x| x.to_f64()), &mut inputs);
                continue;
            }
            for i in 0..count {
                let leaf = &entries[i * shape.size()..][..shape.size()];
                inputs.push(session.input_at(shape.clone(), leaf.iter().map(|x| x.to_f64()).collect()));
            }
        }
        let mut data = Vec::with_capacity(self.data.leaves.len());
        for leaf in &self.data.leaves {
            match leaf.shape.rank() {
                0 => session.scalars_at(leaf.entries.iter().copied(), &mut data),
                _ => data.push(session.input_at(leaf.shape.clone(), leaf.entries.clone())),
            }
        }
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
    /// Copies the data into a workspace, unless it is there. `blocks` are the numbers of leaves that share an input.
    fn load<T: Executable>(&self, program: &Program, blocks: &[usize], seat: &mut Seat<T>) {
        let same = |held: &Arc<dyn Any + Send + Sync>| {
            held.downcast_ref::<Vec<Arc<[f64]>>>().is_some_and(|held| {
                held.len() == self.leaves.len()
                    && held.iter().zip(&self.leaves).all(|(a, b)| Arc::ptr_eq(a, &b.entries))
            })
        };
        if self.leaves.is_empty() || seat.data.as_ref().is_some_and(same) {
            return;
        }
        let mut leaves = self.leaves.iter();
        for (i, &count) in blocks.iter().enumerate() {
            let entries = leaves.by_ref().take(count).flat_map(|leaf| leaf.entries.iter());
            for (to, &from) in program.held(i, &mut seat.workspace).iter_mut().zip(entries) {
                *to = T::from_f64(from);
            }
        }
        let held: Vec<Arc<[f64]>> = self.leaves.iter().map(|leaf| leaf.entries.clone()).collect();
        seat.data = Some(Arc::new(held));
    }
}
