//! Operators by sweeps over the trace: which there are, when they are taken, and where their numbers go.
//!
//! Making programs costs as much as some dozens of sweeps, and saves most of each. Nearly all of it is rolling the trace into
//! arrays, which all programs share; where a trace cannot be rolled, making a program costs hundreds, and saves half of each. When
//! the sweeps of all operators together have cost as much, it is rolled, and when those of one operator have cost as much as its
//! program will by then, that is made. So sweeping has cost no more than making, and the two
//! no more than twice the best choice in hindsight, as far as the costs below are right. The count, not the clock, decides, so that
//! a sequence of calls always gives the same bits.

use super::operator::{Form, Mode, Operator};
use super::variant::{Call, Results, Variant};
use crate::execute::Guards;
use crate::graph::{Executable, Graph, NodeId};
use crate::number::{Dual, HyperDual, Tangents, Taylor};
use crate::sweep::{Algebra, Spare, forward, reverse};
use crate::tree::DataLeaf;
use std::any::Any;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

/// Nanoseconds: so many, and for each node so many.
pub(super) struct Cost {
    fixed: u64,
    node: u64,
}

impl Cost {
    pub fn of(&self, nodes: usize) -> u64 {
        self.fixed + self.node * nodes as u64
    }
}

/// Rolling a trace and making its first program, nearly all of it rolling: 160 ns for each operation of S1b and 270 of S2, measured
/// in November 2026.
const ROLLING: Cost = Cost { fixed: 40_000, node: 200 };

/// Making a program of a trace that is rolled, by the nodes of the program; estimated by those of N1, a network of two layers.
const PROGRAM: Cost = Cost { fixed: 40_000, node: 5_000 };

/// Making a program of a trace that cannot be rolled: 480 ms for value, gradient and product of one of 21 260 nodes, measured
/// likewise.
const UNROLLED_PROGRAM: Cost = Cost { fixed: 40_000, node: 2_500 };

/// Nodes of a trace that cannot be rolled beyond which it is always swept: making a program of its products takes more than a second, which
/// whoever calls it then waits for, and it is little faster.
const LARGEST_UNROLLED: usize = 1 << 16;

/// A sweep of a value, measured likewise; other operators cost [`Kind::weight`] times that.
const SWEEP: Cost = Cost { fixed: 100, node: 3 };

/// Recording the closure once more, with some sines and exponentials, measured likewise.
pub(super) const RECORDING: Cost = Cost { fixed: 2_000, node: 6 };

/// Highest order of Taylor coefficients that are swept.
const ORDER: usize = 4;

/// Bytes before the first cotangent. Memory of some length starts at the same place of a page: without them, what is read of a
/// node would agree in its place of the page with the cotangent that was just written, which some processors take for the same place
/// at first, and wait. S3 was 10 % slower.
const APART: usize = 2048;

/// Directions that are swept side by side.
const LANES: usize = 4;

/// Operators that are swept, by what they cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Guards,
    Value,
    Tangent,
    Gradient,
    Product,
    Taylor,
    /// Several directions or cotangents at once.
    Rows,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Guards, Kind::Value, Kind::Tangent, Kind::Gradient, Kind::Product, Kind::Taylor, Kind::Rows];

    fn of(operator: &Operator) -> Option<Kind> {
        match operator {
            Operator::Guards => Some(Kind::Guards),
            Operator::Value => Some(Kind::Value),
            Operator::Jvp => Some(Kind::Tangent),
            Operator::Gradient | Operator::Vjp => Some(Kind::Gradient),
            // A mode that is asked for by name is a program of that mode.
            Operator::Hvp(mode) if *mode == Mode::default() => Some(Kind::Product),
            Operator::Taylor(order) | Operator::TaylorInto(order) | Operator::TaylorSeries(order)
                if (1..=ORDER).contains(order) =>
            {
                Some(Kind::Taylor)
            }
            Operator::Hvps(mode, _) if *mode == Mode::default() => Some(Kind::Rows),
            Operator::Jvps(_)
            | Operator::Vjps(_)
            | Operator::Coefficients { order: 2, .. }
            | Operator::SecondSum(_) => Some(Kind::Rows),
            _ => None,
        }
    }

    /// Nodes of the program for each node of the trace, about; a sweep grows in the same measure.
    fn weight(self) -> u64 {
        match self {
            Kind::Guards | Kind::Value => 1,
            Kind::Tangent => 2,
            Kind::Gradient => 3,
            Kind::Product | Kind::Rows => 6,
            Kind::Taylor => 8,
        }
    }
}

/// How often a trace was swept, by kind of operator.
#[derive(Debug, Default)]
pub(super) struct Sweeps([AtomicU32; Kind::ALL.len()]);

/// What is swept of a trace.
#[derive(Debug)]
pub(super) enum Scalars {
    /// The trace itself: all its nodes are scalars.
    All,
    /// The same by entries of the arrays that it reads.
    Entries(Box<Graph>),
    /// Nothing.
    None,
}

impl<Out> Variant<Out> {
    /// The graph that is swept, if there is one.
    pub(super) fn scalars(&self) -> Option<&Graph> {
        match &self.scalars {
            Scalars::All => Some(&self.recorded),
            Scalars::Entries(graph) => Some(graph),
            Scalars::None => None,
        }
    }

    /// Whether an operator is to be swept over this trace, once more.
    pub(super) fn is_swept(&self, operator: &Operator, form: Form) -> bool {
        let applies = self.scalars().is_some() && !self.results.is_empty();
        let (Some(kind), Form::Whole, true) = (Kind::of(operator), form, applies) else { return false };
        if self.point_specific {
            return true;
        }
        self.spent() < self.cost_of_rolling()
            || self.is_always_swept()
            || self.swept(kind) * self.cost_of_sweep(kind) < self.cost_of_program(kind)
    }

    /// Whether no program is made unasked, of a trace that holds at other points too.
    fn is_always_swept(&self) -> bool {
        self.body().rolling.is_err() && self.body().graph.len() > LARGEST_UNROLLED
    }

    /// How often operators of a kind were swept.
    fn swept(&self, kind: Kind) -> u64 {
        u64::from(self.sweeps.0[kind as usize].load(Ordering::Relaxed))
    }

    /// What all sweeps have cost, about, in nanoseconds.
    fn spent(&self) -> u64 {
        Kind::ALL.iter().map(|&kind| self.swept(kind) * kind.weight()).sum::<u64>() * self.cost_of_sweep(Kind::Value)
    }

    /// Notes sweeps that were made, or rows of a matrix that were swept: these are counted when the matrix is done, so that
    /// all of it is computed in one way, whichever thread computes which part.
    pub(super) fn count(&self, kind: Kind, sweeps: usize) {
        self.sweeps.0[kind as usize].fetch_add(u32::try_from(sweeps).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Takes back the note of a sweep that was made to look at the trace alone.
    pub(super) fn uncount(&self, kind: Kind) {
        self.sweeps.0[kind as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// What rolling the trace costs, about, in nanoseconds.
    fn cost_of_rolling(&self) -> u64 {
        ROLLING.of(self.scalars().map_or(0, Graph::len))
    }

    /// What a program costs once the trace is rolled, about, in nanoseconds.
    fn cost_of_program(&self, kind: Kind) -> u64 {
        let cost = if self.body().rolling.is_ok() { PROGRAM } else { UNROLLED_PROGRAM };
        cost.of(kind.weight() as usize * self.body().graph.len())
    }

    /// Sweeps of a kind after which a program is made, if nothing else is swept any more.
    fn sweeps_of(&self, kind: Kind) -> u64 {
        let sweep = self.cost_of_sweep(kind);
        let until_rolled = self.cost_of_rolling().saturating_sub(self.spent()).div_ceil(sweep);
        self.cost_of_program(kind).div_ceil(sweep).max(self.swept(kind) + until_rolled)
    }

    /// What a sweep costs, about, in nanoseconds.
    pub(super) fn cost_of_sweep(&self, kind: Kind) -> u64 {
        kind.weight() * SWEEP.of(self.scalars().map_or(0, Graph::len))
    }

    /// What is swept, for a person to read; `None` if nothing is.
    pub(super) fn describe_sweeps(&self) -> Option<String> {
        self.scalars()?;
        if self.point_specific {
            return Some("every call, for the trace holds at one point only".into());
        }
        let kinds = [
            ("value", Kind::Value),
            ("tangent", Kind::Tangent),
            ("gradient", Kind::Gradient),
            ("product", Kind::Product),
            ("Taylor coefficients", Kind::Taylor),
            ("rows of a matrix", Kind::Rows),
        ];
        let always = self.is_always_swept();
        let one = |(name, kind): (&str, Kind)| {
            let done = self.swept(kind);
            let all = if always { "any number of".into() } else { self.sweeps_of(kind).to_string() };
            format!("{name} {done} of {all} times")
        };
        let until = if always {
            "for a program of so many single scalars takes long to make"
        } else {
            "before a program is made"
        };
        Some(format!("{}, {until}", kinds.map(one).join(", ")))
    }
}

/// What a sweep starts from.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// The numbers of all nodes at the point, from tracing there.
    Traced(&'a Vec<f64>),
    /// The point alone.
    Point(Guards),
}

/// A trace with the numbers of its inputs.
struct Swept<'a, T> {
    graph: &'a Graph,
    /// How many outputs are results; marked predictions follow them.
    results: usize,
    point: &'a [T],
    data: &'a [T],
    start: Start<'a>,
}

/// Sweeps an operator over a trace of scalars; `None` if a guard diverged. Returns what is no result of the program: as
/// numbers, output by output.
pub(super) fn sweep<Out, T: Executable>(
    variant: &Variant<Out>,
    operator: &Operator,
    point: &[T],
    data: &[DataLeaf],
    start: Start<'_>,
    call: &mut Call<'_, T>,
) -> Option<Spare<T>> {
    if let Some(kind) = Kind::of(operator).filter(|kind| *kind != Kind::Rows) {
        variant.count(kind, 1);
    }
    let graph = variant.scalars().expect("what has no scalars is not swept");
    let mut entries = if data.is_empty() { none() } else { Spare::with_capacity(graph.inputs().len() - point.len()) };
    entries.extend(data.iter().flat_map(|leaf| leaf.entries.iter().map(|&c| T::from_f64(c))));
    let swept = Swept { graph, results: variant.results.len(), point, data: &entries, start };
    let extras = call.extras;
    let results = &mut call.results;
    match operator {
        Operator::Guards => swept.values().map(|_| none()),
        Operator::Value => swept.value(),
        Operator::Gradient => swept.gradient(results),
        Operator::Vjp | Operator::Vjps(_) => swept.pull(extras[0], results),
        Operator::Jvp => swept.push(extras[0], results),
        Operator::Jvps(_) => swept.push_rows(extras[0], results),
        Operator::Hvp(_) => swept.product(extras[0], results),
        Operator::Hvps(..) => swept.product_rows(extras[0], results),
        Operator::Coefficients { rows, .. } => {
            swept.second_coefficients(extras[0], results.slice(*rows)).map(|()| none())
        }
        Operator::SecondSum(k) => {
            let mut second = vec![T::zero(); *k];
            swept.second_coefficients(extras[0], &mut second)?;
            // Coefficients are divided by 2!.
            results.slice(1).fill(second.into_iter().sum::<T>().scale(2.0));
            Some(none())
        }
        Operator::Taylor(order) | Operator::TaylorSeries(order) => swept.series(*order, extras),
        Operator::TaylorInto(order) => {
            let coefficients = swept.series(*order, extras)?;
            results.slice(coefficients.len()).copy_from_slice(&coefficients);
            Some(none())
        }
        other => unreachable!("{other:?} is of no kind that is swept"),
    }
}

/// Cotangents of all nodes, [apart](APART) from the start of their memory.
struct Cotangents<R: 'static>(Spare<R>);

impl<R: Algebra> Cotangents<R> {
    const FIRST: usize = APART.div_ceil(size_of::<R>());

    fn absent(count: usize) -> Cotangents<R> {
        let mut memory = Spare::with_capacity(Self::FIRST + count);
        memory.resize(Self::FIRST + count, R::absent());
        Cotangents(memory)
    }
}

impl<R: Algebra> Deref for Cotangents<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        &self.0[Self::FIRST..]
    }
}

impl<R: Algebra> DerefMut for Cotangents<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        &mut self.0[Self::FIRST..]
    }
}

/// No numbers beside the results.
fn none<T>() -> Spare<T> {
    Spare::from(Vec::new())
}

impl<T: Executable> Swept<'_, T> {
    /// The number of an input.
    fn input(&self, i: usize) -> T {
        match self.point.get(i) {
            Some(&x) => x,
            None => self.data[i - self.point.len()],
        }
    }

    /// Values of all nodes.
    fn values(&self) -> Option<Spare<T>> {
        let mut values = Spare::with_capacity(self.graph.len());
        match self.start {
            Start::Traced(numbers) => values.extend(numbers.iter().map(|&number| T::from_f64(number))),
            Start::Point(guards) => {
                if !forward(self.graph, |i| self.input(i), guards, &mut values) {
                    return None;
                }
            }
        }
        Some(values)
    }

    /// Values of all nodes in an algebra; `seed` makes the number of an entry of the point.
    fn values_in<R: Algebra>(&self, seed: impl Fn(usize, T) -> R, constant: impl Fn(T) -> R) -> Option<Spare<R>> {
        let guards = match self.start {
            Start::Traced(_) => Guards::Trust,
            Start::Point(guards) => guards,
        };
        let mut values = Spare::with_capacity(self.graph.len());
        let input = |i: usize| match i < self.point.len() {
            true => seed(i, self.input(i)),
            false => constant(self.input(i)),
        };
        forward(self.graph, input, guards, &mut values).then_some(values)
    }

    fn value(&self) -> Option<Spare<T>> {
        let values = self.values()?;
        let mut outputs = Spare::with_capacity(self.results);
        outputs.extend(self.outputs().map(|y| values[y.index()]));
        Some(outputs)
    }

    /// f, and ∇f as result.
    fn gradient(&self, results: &mut Results<'_, T>) -> Option<Spare<T>> {
        // At the precision of the trace its numbers are read where they are.
        let traced = match self.start {
            Start::Traced(numbers) => (numbers as &dyn Any).downcast_ref::<Vec<T>>(),
            Start::Point(_) => None,
        };
        let own = if traced.is_some() { none() } else { self.values()? };
        let values: &[T] = match traced {
            Some(traced) => traced,
            None => &own,
        };
        let cotangents = self.cotangents(values, |_| T::one());
        self.write(&cotangents, |c| c, results.slice(self.point.len()));
        let mut outputs = Spare::with_capacity(1);
        outputs.push(values[self.graph.outputs()[0].index()]);
        Some(outputs)
    }

    /// Cotangents of the point for rows of cotangents of the results.
    fn pull(&self, rows: &[T], results: &mut Results<'_, T>) -> Option<Spare<T>> {
        let values = self.values()?;
        let (m, n) = (self.results.max(1), self.point.len().max(1));
        let out = results.slice(rows.len() / m * self.point.len());
        for (w, out) in rows.chunks_exact(m).zip(out.chunks_exact_mut(n)) {
            let cotangents = self.cotangents(&values, |i| w[i]);
            self.write(&cotangents, |c| c, out);
        }
        Some(none())
    }

    fn push(&self, v: &[T], results: &mut Results<'_, T>) -> Option<Spare<T>> {
        let values = self.values_in(|i, x| Dual::new(x, v[i]), Dual::constant)?;
        let tangents = self.outputs().map(|y| values[y.index()].tangent);
        results.slice(self.results).iter_mut().zip(tangents).for_each(|(out, t)| *out = t);
        Some(none())
    }

    /// Tangents of the results along each row.
    fn push_rows(&self, rows: &[T], results: &mut Results<'_, T>) -> Option<Spare<T>> {
        let (m, n) = (self.results.max(1), self.point.len().max(1));
        let out = results.slice(rows.len() / n * self.results);
        for (rows, out) in rows.chunks(LANES * n).zip(out.chunks_mut(LANES * m)) {
            let values = self.values_in(|i, x| self.along(rows, i, x), Tangents::constant)?;
            for (lane, out) in out.chunks_exact_mut(m).enumerate() {
                out.iter_mut().zip(self.outputs()).for_each(|(out, y)| *out = values[y.index()].tangents[lane]);
            }
        }
        Some(none())
    }

    /// Over dual numbers along v the cotangents of the inputs are ∇f + ∇²f v ε.
    fn product(&self, v: &[T], results: &mut Results<'_, T>) -> Option<Spare<T>> {
        let values = self.values_in(|i, x| Dual::new(x, v[i]), Dual::constant)?;
        let cotangents = self.cotangents(&values, |_| Dual::constant(T::one()));
        self.write(&cotangents, |c| c.tangent, results.slice(self.point.len()));
        Some(none())
    }

    /// ∇²f v for each row v.
    fn product_rows(&self, rows: &[T], results: &mut Results<'_, T>) -> Option<Spare<T>> {
        let n = self.point.len().max(1);
        let out = results.slice(rows.len());
        for (rows, out) in rows.chunks(LANES * n).zip(out.chunks_mut(LANES * n)) {
            let values = self.values_in(|i, x| self.along(rows, i, x), Tangents::constant)?;
            let cotangents = self.cotangents(&values, |_| Tangents::constant(T::one()));
            for (lane, out) in out.chunks_exact_mut(n).enumerate() {
                self.write(&cotangents, |c| c.tangents[lane], out);
            }
        }
        Some(none())
    }

    /// Entry i of the point with its tangents along up to [`LANES`] rows.
    fn along(&self, rows: &[T], i: usize, x: T) -> Tangents<T, LANES> {
        let entry = |lane: usize| rows.get(lane * self.point.len() + i).copied();
        Tangents::new(x, std::array::from_fn(|lane| entry(lane).unwrap_or_else(T::zero)))
    }

    /// ½ vᵀ∇²f v for each row v.
    fn second_coefficients(&self, rows: &[T], results: &mut [T]) -> Option<()> {
        let n = self.point.len().max(1);
        let y = self.graph.outputs()[0];
        for (v, out) in rows.chunks_exact(n).zip(results) {
            let values = self.values_in(|i, x| HyperDual::new(x, v[i], v[i], T::zero()), HyperDual::constant)?;
            *out = values[y.index()].cross.scale(0.5);
        }
        Some(())
    }

    /// Coefficients 0 to `order` of the results, all of order 0 first; `curve` holds those of the point from order 1 on.
    fn series(&self, order: usize, curve: &[&[T]]) -> Option<Spare<T>> {
        match order {
            1 => self.series_to::<1>(curve),
            2 => self.series_to::<2>(curve),
            3 => self.series_to::<3>(curve),
            _ => self.series_to::<ORDER>(curve),
        }
    }

    fn series_to<const K: usize>(&self, curve: &[&[T]]) -> Option<Spare<T>> {
        let seed = |i: usize, x: T| Taylor::new(x, std::array::from_fn(|k| curve.get(k).map_or(T::zero(), |c| c[i])));
        let values = self.values_in::<Taylor<T, K>>(seed, Taylor::constant)?;
        let mut outputs = Spare::with_capacity((K + 1) * self.results);
        for k in 0..=K {
            outputs.extend(self.outputs().map(|y| *values[y.index()].coefficient(k)));
        }
        Some(outputs)
    }

    /// The outputs that are results.
    fn outputs(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.graph.outputs()[..self.results].iter().copied()
    }

    /// Cotangents of all nodes for those of the results.
    fn cotangents<R: Algebra>(&self, values: &[R], result: impl Fn(usize) -> R) -> Cotangents<R> {
        let mut cotangents = Cotangents::absent(values.len());
        for (i, y) in self.outputs().enumerate() {
            // One of −0 is there, and does not pass for absent.
            cotangents[y.index()] = cotangents[y.index()] + R::from_f64(0.0) + result(i);
        }
        reverse(self.graph, values, &mut cotangents);
        cotangents
    }

    /// A part of the cotangents of the entries of the point.
    fn write<R: Algebra>(&self, cotangents: &[R], part: impl Fn(R) -> T, out: &mut [T]) {
        // What nothing came back to is −0.
        let parts = self.graph.inputs().iter().map(|x| part(cotangents[x.index()]) + T::zero());
        out.iter_mut().zip(parts).for_each(|(out, part)| *out = part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Function;
    use crate::graph::Var;

    #[test]
    fn sweeps_cost_no_more_than_the_programs_that_follow() {
        sweep_until_none_is(|x| x.windows(2).map(|x| (x[1] - x[0].square()).square()).sum::<Var>(), true);
        // A number that is carried from step to step.
        sweep_until_none_is(|x| x.iter().fold(x[0], |y, &x| (y * x).sin() + y), false);
    }

    #[test]
    fn a_long_trace_that_cannot_be_rolled_is_always_swept() {
        // Two inputs, and two operations a step.
        let steps = LARGEST_UNROLLED / 2 - 1;
        let f = Function::new(|x: &[Var]| (0..steps).fold(x[0], |y, _| (y * x[1]).sin()));
        f.gradient(&[0.3, 0.8].to_vec()).unwrap();
        let variant = f.lock()[0].clone();
        assert!(!variant.is_always_swept(), "{} nodes", variant.body().graph.len());
        let f = Function::new(|x: &[Var]| (0..=steps).fold(x[0], |y, _| (y * x[1]).sin()));
        f.gradient(&[0.3, 0.8].to_vec()).unwrap();
        let variant = f.lock()[0].clone();
        assert!(variant.is_always_swept(), "{} nodes", variant.body().graph.len());
        variant.count(Kind::Gradient, 1_000_000);
        assert!(variant.is_swept(&Operator::Gradient, Form::Whole));
        assert!(variant.describe_sweeps().unwrap().contains("of any number of times"));
    }

    /// Kinds of one result in turns, until none is swept any more.
    fn sweep_until_none_is(closure: impl Fn(&[Var]) -> Var + Copy + Send + Sync, rolls: bool) {
        let f = Function::new(closure);
        let x: Vec<f64> = (0..300).map(|i| f64::from(i) * 0.01).collect();
        let mut calls = 0;
        let spent = |f: &Function<'_, [Var]>| f.lock().first().map_or(0, |variant| variant.spent());
        let mut before = None;
        while before != Some(spent(&f)) {
            before = Some(spent(&f));
            f.value(&x).unwrap();
            f.jvp(&x, &x).unwrap();
            f.gradient(&x).unwrap();
            f.hvp(&x, &x).unwrap();
            f.taylor(&x, &x, 2).unwrap();
            calls += 1;
            assert!(calls < 100_000, "sweeps go on");
        }
        let variant = f.lock()[0].clone();
        assert_eq!(variant.body().rolling.is_ok(), rolls);
        let kinds = [Kind::Value, Kind::Tangent, Kind::Gradient, Kind::Product, Kind::Taylor];
        let programs: u64 = kinds.iter().map(|&kind| variant.cost_of_program(kind)).sum();
        // The last sweep of each kind may go beyond.
        let last: u64 = kinds.iter().map(|&kind| variant.cost_of_sweep(kind)).sum();
        let bound = variant.cost_of_rolling() + programs + last;
        assert!(variant.spent() <= bound, "{} of {bound}", variant.spent());
        assert!(variant.spent() >= variant.cost_of_rolling());
    }
}
