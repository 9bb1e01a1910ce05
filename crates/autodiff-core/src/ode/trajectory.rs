//! [`Trajectory`]: a solution of an initial value problem, followed step by step.

use super::switching::Watch;
use crate::error::{Error, Result};
use crate::execute::Coefficients;
use crate::function::{Flat, Function, Path};
use crate::graph::Var;
use crate::real::{Elementary, Float, Precision};
use crate::tree::{Leaves, Traced, Tree};
use kernels::series::{largest, polynomial};
use num_traits::Zero;
use std::borrow::Borrow;

/// How many times the tolerance a step may be off where its series ends in zeros: some roundings for each coefficient that is not.
const ROUNDINGS: f64 = 16.0;

/// A defect below this part of the rates may be what rounding leaves of them.
const CLOSE: f64 = 1e-3;

/// It is rounding if half the step has not less than this part of it: the defect of a series of order K falls by 2ᴷ, and none that ends in
/// zeros has an order below 3.
const FALL: f64 = 8.0;

/// Where within a step a series that ends in zeros is compared with the rates, beside its end: at no parts that a period may have.
const PLACES: [f64; 4] = [0.236, 0.472, 0.618, 0.854];

/// By how much the slope of a series misses the rate, in the largest entry.
struct Defect {
    /// Their difference.
    absolute: f64,
    /// The difference over the larger of the two.
    relative: f64,
    /// What it makes of the step, over what the tolerance allows.
    allowed: f64,
}

impl Defect {
    /// Where there is no rate.
    const NONE_THERE: Defect = Defect { absolute: f64::INFINITY, relative: 1.0, allowed: f64::INFINITY };
}

/// The point of the function that is traced: state and time.
#[derive(Clone)]
pub(super) struct Moment<P: Tree> {
    state: P,
    time: P::Scalar,
}

impl<P: Tree> Tree for Moment<P> {
    type Scalar = P::Scalar;
    type Traced = (P::Traced, Var);

    fn shapes(&self, leaves: &mut Leaves) {
        self.state.shapes(leaves);
        leaves.push_scalars(1);
    }

    fn entries(&self, entries: &mut Vec<P::Scalar>) {
        self.state.entries(entries);
        entries.push(self.time);
    }

    fn trace(&self, leaf: &mut dyn FnMut() -> Var) -> Self::Traced {
        (self.state.trace(leaf), leaf())
    }

    fn rebuild(&self, entries: &mut &[P::Scalar]) -> Self {
        let state = self.state.rebuild(entries);
        let (time, rest) = entries.split_first().expect("the time comes last");
        *entries = rest;
        Moment { state, time: *time }
    }
}

/// The solution of y′ = f(y, t) from a state and a time on.
///
/// `P` is the structure of the state, as that of a point of a [`Function`], and the closure returns the rates in the same
/// structure. Steps are as long as the last two coefficients allow, so that the first
/// term that is left out is below the tolerance; where the later half of the coefficients is zero, as long as the series solves the
/// equation. The state is summed with compensation, so that rounding does not pile up over
/// many steps.
///
/// Rates may jump or bend (`if`, `select`, `abs`, `max`, `floor`): a step ends where the first comparison on which they depend comes
/// out otherwise, found by bisection of its series. Each step is looked at in four places, so what comes out otherwise for a
/// shorter time than a quarter of it may go unseen; [`advance_to`](Trajectory::advance_to) such a place first, if it is known. A
/// solution that slides along a jump, pushed back from both sides, has no series there, which is an error where the time tells its
/// steps apart.
///
/// The coefficients are computed by recurrences over the trace, which are made into a list of instructions at the first step; later
/// ones allocate nothing. Many systems of the same equations are fastest as the entries of arrays: loops over scalars
/// are not rolled here.
pub struct Trajectory<'f, P: Tree, Out> {
    pub(super) rates: Flat<'f, (P::Traced, Var), Moment<P>, Out, ()>,
    order: usize,
    tolerance: f64,
    absolute_tolerance: f64,
    structure: P,
    /// State and time, and what rounding has left out of each; of the time that is nothing.
    pub(super) now: Vec<P::Scalar>,
    left_out: Vec<P::Scalar>,
    /// Where the last step began, and the series from there, order by order; none before the first step.
    before: Vec<P::Scalar>,
    pub(super) series: Vec<P::Scalar>,
    /// How many coefficients that series has.
    known: usize,
    /// The series of the step that is being made.
    pub(super) next: Vec<P::Scalar>,
    memory: Vec<Coefficients<P::Scalar>>,
    /// The path that the closure took in the step that was made last.
    path: Option<Path<Out>>,
    /// The largest entry of each coefficient of the series of that step.
    sizes: Vec<P::Scalar>,
    /// Change of each entry in a step.
    rise: Vec<P::Scalar>,
    /// What the rates jump or bend with.
    pub(super) watch: Watch<P::Scalar>,
    steps: usize,
}

impl<P: Tree, Out> std::fmt::Debug for Trajectory<'_, P, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Trajectory { order, tolerance, absolute_tolerance, steps, .. } = self;
        f.debug_struct("Trajectory")
            .field("order", order)
            .field("tolerance", tolerance)
            .field("absolute_tolerance", absolute_tolerance)
            .field("steps", steps)
            .finish_non_exhaustive()
    }
}

/// A step that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<T> {
    /// Its length in time; negative backwards.
    pub length: T,
    /// The length that the last coefficients allow; infinite where the later half of them is zero. Where rates jump or bend, or a
    /// series that ends in zeros ceases to solve the equation, a step may be much shorter; and longer by half of what the time can
    /// tell, to which a length is rounded.
    pub allowed: f64,
}

impl<'f, P: Tree + Clone, Out: Traced + Send + Sync> Trajectory<'f, P, Out> {
    /// The solution from `state` at `time` on, for rates `f(y, t)`; of order 20, in single precision 10, with the rounding of the
    /// number type as tolerance.
    ///
    /// Nothing is traced before the first step.
    #[track_caller]
    pub fn new<A: ?Sized>(f: impl Fn(&A, Var) -> Out + Send + Sync + 'f, state: &P, time: P::Scalar) -> Self
    where
        P::Traced: Borrow<A>,
    {
        let function: Function<'f, (P::Traced, Var), Out> =
            Function::new(move |(y, t): &(P::Traced, Var)| f(y.borrow(), *t));
        let start = Moment { state: state.clone(), time };
        let now = start.to_vec();
        let order = match P::Scalar::PRECISION {
            Precision::Single => 10,
            Precision::Double => 20,
        };
        Trajectory {
            rates: function.flat(&start),
            order,
            tolerance: P::Scalar::PRECISION.epsilon(),
            absolute_tolerance: 0.0,
            structure: state.clone(),
            left_out: vec![P::Scalar::zero(); now.len()],
            before: now.clone(),
            series: Vec::new(),
            known: 0,
            next: Vec::new(),
            memory: Vec::new(),
            path: None,
            watch: Watch::default(),
            sizes: Vec::new(),
            rise: now.clone(),
            now,
            steps: 0,
        }
    }

    /// With series of this order. High orders pay at high accuracy: about −ln(tolerance)/2 + 2. Forgets the series of the last step:
    /// [`at`](Self::at) has none until the next.
    ///
    /// # Panics
    /// If it is below 2: the step is chosen from two coefficients.
    #[must_use]
    pub fn order(mut self, order: usize) -> Self {
        assert!(order >= 2, "Trajectory::order: expected at least 2, found {order}");
        self.order = order;
        self.series.clear();
        self.known = 0;
        self
    }

    /// With this error a step, relative to the largest entry of the state, or to an early term of the series that outgrows it in the
    /// step. A state that starts from zero, and rates that grow with a high power of the time, ask for an
    /// [absolute tolerance](Self::absolute_tolerance) beside it.
    ///
    /// # Panics
    /// If it is not above 0.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        assert!(tolerance > 0.0, "Trajectory::tolerance: expected a number above 0, found {tolerance}");
        self.tolerance = tolerance;
        self
    }

    /// With this error a step allowed in any case, in the units of the state. Default: 0. What a step leaves out may grow in later
    /// ones, as the solution does.
    ///
    /// ```
    /// use autodiff_core::{Var, ode::Trajectory};
    /// // From zero nothing is small beside the state: without it the first steps would be as short as the numbers allow.
    /// let mut path = Trajectory::new(|_: &Var, t: Var| t.powi(4), &0.0, 0.0).order(3).tolerance(1e-6).absolute_tolerance(1e-6);
    /// path.advance_to(1.0)?;
    /// assert!(f64::abs(path.state() - 0.2) < 1e-6 && path.steps() < 1000);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it is below 0 or not finite.
    #[must_use]
    pub fn absolute_tolerance(mut self, tolerance: f64) -> Self {
        let fits = tolerance >= 0.0 && tolerance.is_finite();
        assert!(fits, "Trajectory::absolute_tolerance: expected a finite number of 0 or more, found {tolerance}");
        self.absolute_tolerance = tolerance;
        self
    }

    /// The time it has come to.
    pub fn time(&self) -> P::Scalar {
        self.now[self.now.len() - 1]
    }

    /// The state at that time.
    pub fn state(&self) -> P {
        self.structure.with_entries(self.entries())
    }

    /// The entries of the state at that time.
    pub fn entries(&self) -> &[P::Scalar] {
        &self.now[..self.now.len() - 1]
    }

    /// Steps made.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Coefficients 1 to the order of the series of the last step, each in the structure of the state, about the time at which it
    /// began: k is that of tᵏ⁺¹, divided by (k + 1)!. None before the first step. Copies them; nothing is computed.
    ///
    /// ```
    /// use autodiff_core::{Var, ode::Trajectory};
    /// let mut path = Trajectory::new(|y: &Var, _: Var| *y, &1.0, 0.0).order(4);
    /// path.step()?;
    /// assert_eq!(path.series(), [1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    pub fn series(&self) -> Vec<P> {
        let n = self.now.len() - 1;
        let coefficient = |k: usize| self.structure.with_entries(&self.series[k * n..][..n]);
        (0..self.known).map(coefficient).collect()
    }

    /// One step forward in time, as long as the tolerance allows.
    ///
    /// # Errors
    /// Those of tracing; [`Error::Structure`] if the closure returns another structure than the state;
    /// [`Error::Unsupported`] if the solution has no finite series here, or the steps have become too short to move the time, as at
    /// the end of a solution.
    pub fn step(&mut self) -> Result<Step<P::Scalar>> {
        self.step_within(f64::INFINITY)
    }

    /// Steps until the time is `end`, which may lie before the present time; the last step is cut to end there.
    ///
    /// # Errors
    /// As [`step`](Trajectory::step).
    pub fn advance_to(&mut self, end: P::Scalar) -> Result<()> {
        if !end.to_f64().is_finite() {
            return Err(stuck(format!("expected a finite time to advance to, found {end}")));
        }
        while self.time() != end {
            let rest = end - self.time();
            if self.step_within(rest.to_f64())?.length == rest {
                // The rest of a long way, and so the sum, may be off by a rounding.
                let last = self.now.len() - 1;
                self.now[last] = end;
            }
        }
        Ok(())
    }

    /// The state at a time within the last step, from its series. Costs a multiplication for each coefficient; the rates are not asked.
    ///
    /// ```
    /// use autodiff_core::{Var, ode::Trajectory};
    /// let mut path = Trajectory::new(|y: &Var, _: Var| *y, &1.0, 0.0);
    /// let step = path.step()?;
    /// let middle = step.length / 2.0;
    /// assert!((path.at(middle)? - f64::exp(middle)).abs() < 1e-14);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] before the first step, or for a time outside the last one.
    pub fn at(&self, time: P::Scalar) -> Result<P> {
        let n = self.now.len() - 1;
        let (from, to) = (self.before[n], self.now[n]);
        if self.known == 0 {
            return Err(stuck(format!(
                "there is no series over {time}, for no step was made since the start or the change of order"
            )));
        }
        let within = (from <= time && time <= to) || (to <= time && time <= from);
        if !within {
            return Err(stuck(format!("the last step leads from {from} to {to}, and not over {time}")));
        }
        let mut state = vec![P::Scalar::zero(); n];
        polynomial(&self.series, time - from, &mut state);
        state.iter_mut().zip(&self.before).for_each(|(rise, &before)| *rise = before + *rise);
        Ok(self.structure.with_entries(&state))
    }

    /// A step no longer than `limit`, in its direction.
    fn step_within(&mut self, limit: f64) -> Result<Step<P::Scalar>> {
        let n = self.now.len() - 1;
        self.next.resize(self.order * n, P::Scalar::zero());
        // The two change places after the step, and later steps are not to allocate.
        self.series.reserve((self.order * n).saturating_sub(self.series.len()));
        self.sizes.resize(self.order, P::Scalar::zero());
        let (known, memory) = (self.path.take(), &mut self.memory);
        let found = self.rates.flow(&self.now, self.order, known, &mut self.next, &mut self.sizes, memory);
        let path = found.map_err(|error| error.of("trajectory"))?;
        let time = self.now[n];
        let allowed = self.allowed();
        if allowed.is_nan() || !time.to_f64().is_finite() {
            return Err(stuck(format!("the series at time {time} is not finite")));
        }
        // A polynomial allows steps of any length; whether it is the solution's is seen below.
        let longest = if allowed.is_finite() { allowed } else { time.to_f64().abs().max(1.0) };
        let within = limit.is_finite() && limit.abs() <= allowed;
        let length = if within { limit } else { longest.copysign(limit) };
        let mut length = <P::Scalar as Elementary>::from_f64(length);
        let (mut whole, mut beside) = (true, false);
        if path.switches() {
            if let Some(behind) = self.until_switch(&path, length)? {
                (length, whole) = (behind, false);
            }
            beside = self.watch.is_beside();
        }
        if !allowed.is_finite() && !beside {
            length = self.while_solves(length, whole)?;
        }
        self.path = Some(path);
        if time + length == time {
            return Err(stuck(format!("at time {time} steps have become too short to move it: {length}")));
        }
        // As long as the time can tell, for the state is to be that of this very time.
        length = (time + length) - time;
        self.before.copy_from_slice(&self.now);
        std::mem::swap(&mut self.series, &mut self.next);
        self.known = self.order;
        polynomial(&self.series, length, &mut self.rise[..n]);
        self.rise[n] = length;
        for ((now, left_out), &rise) in self.now.iter_mut().zip(&mut self.left_out).zip(&self.rise) {
            let wanted = rise - *left_out;
            let sum = *now + wanted;
            (*left_out, *now) = ((sum - *now) - wanted, sum);
        }
        self.steps += 1;
        Ok(Step { length, allowed })
    }

    /// The first of `length`, its half, its quarter, … at the end of which, and at some places before, the series that is being made
    /// solves the equation; only before, if the step is not `whole` but ends behind a place where the rates jump. A series whose
    /// later coefficients are all zero need not be a polynomial's: they may have underflowed, or stand for rates that begin to move
    /// above the order; and a polynomial may solve the equation for a while only, as (1 − t/2)² does y′ = −√y.
    fn while_solves(&mut self, mut length: P::Scalar, whole: bool) -> Result<P::Scalar> {
        let half = <P::Scalar as Elementary>::from_f64(0.5);
        let time = self.now[self.now.len() - 1];
        let mut defect = self.worst_defect(length, whole)?;
        while defect.allowed > 1.0 && time + length != time {
            let shorter = self.worst_defect(length * half, true)?;
            if defect.relative < CLOSE && shorter.absolute > defect.absolute / FALL {
                break;
            }
            (length, defect) = (length * half, shorter);
        }
        Ok(length)
    }

    /// The worst of the defects at some places of a step, and at its end if that is asked for.
    fn worst_defect(&mut self, length: P::Scalar, at_end: bool) -> Result<Defect> {
        let ends = if at_end { &[1.0][..] } else { &[] };
        let mut worst = Defect { absolute: 0.0, relative: 0.0, allowed: 0.0 };
        for &part in ends.iter().chain(&PLACES) {
            let defect = self.defect(length * <P::Scalar as Elementary>::from_f64(part))?;
            if defect.allowed > worst.allowed {
                worst = defect;
            }
        }
        Ok(worst)
    }

    /// By how much the slope of the series that is being made misses the rate, `after` the present time.
    fn defect(&mut self, after: P::Scalar) -> Result<Defect> {
        let n = self.now.len() - 1;
        let number = <P::Scalar as Elementary>::from_f64;
        // Where the time can tell: the rates are those of a time, and the slope is to be that of the same.
        let after = (self.now[n] + after) - self.now[n];
        let Trajectory { next, now, rise, watch, .. } = self;
        let (point, there) = watch.memory();
        point.resize(n + 1, P::Scalar::zero());
        polynomial(next, after, &mut point[..n]);
        point[n] = after;
        point.iter_mut().zip(&*now).for_each(|(change, &now)| *change = now + *change);
        // The slope Σ k c_k hᵏ⁻¹ by Horner's rule, and the largest of what it is made of times h.
        let slope = &mut rise[..n];
        slope.fill(P::Scalar::zero());
        let (mut size, length) = (largest(&now[..n]).to_f64(), after.to_f64().abs());
        for k in (1..=self.order).rev() {
            let times = number(k as f64);
            for (slope, &c) in slope.iter_mut().zip(&next[(k - 1) * n..k * n]) {
                *slope = *slope * after + times * c;
            }
            size = size.max(k as f64 * self.sizes[k - 1].to_f64() * length.powi(k as i32));
        }
        match self.rates.evaluate_into(point, there) {
            Ok(()) => {}
            Err(Error::Index { .. }) => return Ok(Defect::NONE_THERE),
            Err(error) => return Err(error.of("trajectory")),
        }
        // Numbers below the normal ones have no digits to tell anything by.
        let least = P::Scalar::PRECISION.least_normal();
        let (mut absolute, mut largest) = (0.0, 0.0);
        for (slope, rate) in slope.iter().zip(there.iter()) {
            let off = (*slope - *rate).to_f64().abs();
            if off.is_nan() {
                return Ok(Defect::NONE_THERE);
            }
            absolute = f64::max(absolute, off);
            largest = f64::max(largest, f64::max(slope.to_f64().abs(), rate.to_f64().abs()));
        }
        let within = ROUNDINGS * (self.tolerance * size).max(self.absolute_tolerance).max(least);
        Ok(Defect { absolute, relative: absolute / f64::max(largest, least), allowed: absolute * length / within })
    }

    /// The length h at which each of the last two terms that do not vanish is as small as the tolerance ε asks beside the state, or
    /// beside an early term, for a state near zero grows in the step: |c_k| hᵏ = ε max |c_m| hᵐ; by itself, if there is none of
    /// these. Or as small as the absolute tolerance, if that allows more and these terms fall by half for each order. Infinite
    /// where the later half of the coefficients is zero, NaN if a coefficient is not finite.
    fn allowed(&self) -> f64 {
        let n = self.now.len() - 1;
        let state = largest(&self.now[..n]).to_f64();
        if !(state.is_finite() && self.sizes.iter().all(|size| size.to_f64().is_finite())) {
            return f64::NAN;
        }
        let size = |k: usize| if k == 0 { state } else { self.sizes[k - 1].to_f64() };
        let half = self.order / 2;
        let mut last = (half + 1..=self.order).rev().filter(|&k| size(k) > 0.0);
        let Some(end) = last.next() else { return f64::INFINITY };
        let ends = [end, last.next().unwrap_or(end)].map(|k| (k, size(k).ln()));
        let tolerance = self.tolerance.ln();
        let within = |(k, late): (usize, f64)| (self.absolute_tolerance.ln() - late) / k as f64;
        let [(k, late), (before, earlier)] = ends;
        // Terms that grow are no bound for those that are left out, however small they are.
        let falling = if before < k { (earlier - late) / (k - before) as f64 - f64::ln(2.0) } else { f64::INFINITY };
        let in_any_case = ends.map(within).into_iter().fold(falling, f64::min).exp();
        // Beside c_m hᵐ, by the logarithm of c_m.
        let beside = |m: usize, early: f64| {
            ends.map(|(k, late)| (tolerance + early - late) / (k - m) as f64)
                .into_iter()
                .fold(f64::INFINITY, f64::min)
                .exp()
        };
        let Some(mut m) = (0..=half).find(|&m| size(m) > 0.0) else { return beside(0, 0.0).max(in_any_case) };
        // A term that is larger there allows more, and only a later one can be: m grows until there is none.
        loop {
            let h = beside(m, size(m).ln());
            let (mut largest, mut power, mut most) = (m, 1.0, size(m));
            for j in m + 1..=half {
                power *= h;
                if size(j) * power > most {
                    (largest, most) = (j, size(j) * power);
                }
            }
            if largest == m {
                return h.max(in_any_case);
            }
            m = largest;
        }
    }
}

pub(super) fn stuck(message: String) -> Error {
    Error::Unsupported { operator: "trajectory", message }
}

/// Coefficients 1 to `order` of the solution of y′ = f(y, t) through `state` at `time`, each in the structure of the state and
/// divided by k!: what one step is made of, for those who write their own. Traces at every call. Costs
/// O(K²) for order K, and the recording of the closure.
///
/// ```
/// use autodiff_core::{Var, ode::taylor_step};
/// // y′ = y² has the solution 1/(1 − t), whose coefficients are all 1.
/// let series = taylor_step(|y: &Var, _: Var| y.square(), &1.0, 0.0, 5)?;
/// assert_eq!(series, [1.0; 5]);
/// # Ok::<(), autodiff_core::Error>(())
/// ```
///
/// # Errors
/// Those of [`Trajectory::step`], but for series that are not finite.
#[track_caller]
pub fn taylor_step<A: ?Sized, P: Tree + Clone, Out: Traced + Send + Sync>(
    f: impl Fn(&A, Var) -> Out + Send + Sync,
    state: &P,
    time: P::Scalar,
    order: usize,
) -> Result<Vec<P>>
where
    P::Traced: Borrow<A>,
{
    let mut trajectory = Trajectory::new(f, state, time);
    if order == 0 {
        return Ok(Vec::new());
    }
    let n = trajectory.now.len() - 1;
    trajectory.series.resize(order * n, P::Scalar::zero());
    trajectory.sizes.resize(order, P::Scalar::zero());
    let memory = &mut trajectory.memory;
    trajectory.rates.flow(&trajectory.now, order, None, &mut trajectory.series, &mut trajectory.sizes, memory)?;
    trajectory.known = order;
    Ok(trajectory.series())
}
