//! Traces of a closure, their programs, and the search for the one that holds at a point.

use super::body::Body;
pub(super) use super::memory::Compiled;
use super::memory::Seated;
use super::operator::{Form, Operator, build, check, switches};
pub(super) use super::recording::Places;
use super::recurrences::recurrences;
use super::swept::{Kind, RECORDING, Scalars, Start, Sweeps, sweep};
use super::{Function, NODES, VARIANTS};
use crate::compile::{is_of_one_precision, settled};
use crate::error::{Error, Result};
use crate::execute::{Guards, Outcome, Phase, Recurrences};
use crate::graph::{Executable, Graph};
use crate::real::{Float, Precision};
use crate::shape::Shape;
use crate::sweep::{Spare, by_entries};
use crate::trace::{Recording, recycle};
use crate::tree::{Leaves, Traced, Tree};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::sync::atomic::Ordering;
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
    /// The precision that it was recorded in.
    precision: Precision,
    /// Whether its path through the branches is that of this precision alone, once that is asked for.
    one_precision: OnceLock<bool>,
    programs: Mutex<FxHashMap<(Operator, Form), Arc<Compiled>>>,
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
            let traced = self.settled();
            Body::new(traced, self.predictions, &self.point, &self.data, &self.results)
        };
        self.body.get_or_init(make)
    }

    /// The trace without dead nodes and comparisons of constants.
    fn settled(&self) -> Graph {
        settled(self.recorded.without_dead_nodes(), self.is_of_one_precision().then_some(self.precision))
    }

    /// Whether its path through the branches is that of its precision alone.
    fn is_of_one_precision(&self) -> bool {
        *self.one_precision.get_or_init(|| is_of_one_precision(&self.recorded))
    }

    /// The body that an operator starts from: with the leaves of the point one by one where it tells them apart.
    pub(super) fn body_of(&self, operator: &Operator) -> &Body {
        let plain = || Body::plain(self.settled(), &self.point, &self.data, &self.results);
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
    /// A recorded trace, with the numbers of all nodes at its point if they are scalars.
    pub(super) fn new(
        point: &Leaves,
        data: &Leaves,
        precision: Precision,
        recording: Recording,
        result: Out,
    ) -> (Variant<Out>, Option<Spare<f64>>) {
        let mut graph = recording.graph;
        let mut outputs = graph.outputs().to_vec();
        let results = outputs.iter().map(|&id| graph.shape(id).clone()).collect();
        let scalars = match recording.numbers {
            Some(_) => Scalars::All,
            None => by_entries(&graph).map_or(Scalars::None, |graph| Scalars::Entries(Box::new(graph))),
        };
        outputs.extend(&recording.predictions);
        graph.set_outputs(outputs);
        let variant = Variant {
            point: point.clone(),
            data: data.clone(),
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
            precision,
            one_precision: OnceLock::new(),
            programs: Mutex::default(),
        };
        (variant, recording.numbers.map(Spare::from))
    }

    /// Whether it is a trace for points and data of this structure, in this precision.
    fn fits(&self, point: &Leaves, data: &Leaves, precision: Precision) -> bool {
        self.point == *point && self.data == *data && (self.precision == precision || !self.is_of_one_precision())
    }

    /// The program of an operator, which it runs as from now on; made at its first use.
    pub(super) fn compiled(&self, operator: &Operator, form: Form) -> Result<Arc<Compiled>> {
        let compiled = self.program(operator, form)?;
        compiled.start_running();
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
        programs.get(&(operator.clone(), form)).is_some_and(|compiled| compiled.is_running())
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

impl<Out, T: Executable> Ran<Out, T> {
    /// Numbers of output `i`, which is no result.
    pub fn output(&self, i: usize) -> &[T] {
        match &self.by {
            By::Program(ran) => ran.output(i),
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
            let mut fitting =
                variants.iter().filter(|v| v.fits(point.leaves, &self.data.structure, P::Scalar::PRECISION));
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
        match self.latest(point) {
            Some(kept) => Ok(kept),
            None => Ok(self.keep(self.trace(point)?.0)),
        }
    }

    /// The latest trace for the structure of a point.
    fn latest<P: Tree>(&self, point: &Point<'_, P>) -> Option<Arc<Variant<Out>>> {
        let fits = |v: &&Arc<Variant<Out>>| v.fits(point.leaves, &self.data.structure, P::Scalar::PRECISION);
        self.lock().iter().find(fits).cloned()
    }

    /// The trace that holds at a point, first among the kept ones from now on; traced there if there is none.
    pub(super) fn trace_at<P: Tree>(&self, point: &Point<'_, P>) -> Result<Arc<Variant<Out>>>
    where
        P::Traced: Borrow<A>,
    {
        match self.latest(point) {
            Some(kept) if kept.recorded.guards().is_empty() => Ok(kept),
            Some(_) => {
                let mut guards = Call { extras: &[], results: Results::Nowhere };
                Ok(self.run(&Operator::Guards, point, &mut guards)?.variant)
            }
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
            v.fits(&variant.point, &variant.data, variant.precision)
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
        for variant in others.filter(|v| v.fits(point.leaves, &self.data.structure, P::Scalar::PRECISION)) {
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
        // A program of a trace that holds at one point only would be made anew at every call.
        variant.is_swept(operator, form)
            && (variant.point_specific || !self.prepared.load(Ordering::Relaxed) && !variant.has(operator, form))
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
        let by = By::Program(Seated::new(compiled.clone(), phase, seat));
        let ran = Ran { variant: variant.clone(), by };
        match outcome {
            Ok(outcome) => Ok((outcome == Outcome::Done).then_some(ran)),
            // On another path than the closure would take here, an index may lie outside its axis before a guard is met.
            Err(Error::Index { .. }) if guards == Guards::Check && !variant.recorded.guards().is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Var;

    #[test]
    fn a_trace_that_holds_at_one_point_is_swept_when_programs_are_asked_for() {
        let f = Function::new(|x: &[Var]| x[0] * x[0].value());
        f.prepare(&[2.0]).unwrap();
        for _ in 0..2 {
            let mut gradient = Vec::new();
            let ran = f.at(&[2.0], &Operator::Gradient, &[], Results::Collect(&mut gradient)).unwrap();
            assert!(ran.is_swept());
            assert_eq!(gradient, [2.0]);
        }
        assert_eq!(f.linearize(&[3.0]).unwrap().gradient().unwrap(), [3.0]);
    }
}
