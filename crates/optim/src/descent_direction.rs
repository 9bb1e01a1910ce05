//! Methods that go down along lines: a direction from the gradients seen so far × a line search.
//!
//! [`Lbfgs`](crate::Lbfgs), [`Bfgs`](crate::Bfgs), [`NonlinearCg`](crate::NonlinearCg) and
//! [`BarzilaiBorwein`](crate::BarzilaiBorwein) differ only in their [`Direction`]; the run is one and the same, and
//! [`LineDescent`](crate::LineDescent) makes it with any direction and search:
//!
//! * a direction that does not descend, or a search that fails, makes the direction forget all it learnt; the iteration
//!   then tries −g, once;
//! * a trial point that is not finite shortens the step and is never accepted.

use crate::bounds::Bounds;
use crate::error::{Error, require, require_lengths, require_pairs};
use crate::halving::halve;
use crate::limits::Limits;
use crate::line_search::{LineFunction, LineSearch, Ray, SearchEnd};
use crate::objective::{Objective, ObjectiveError};
use crate::quasi_newton::Step;
use crate::scalar::Scalar;
use crate::solver::solvers;
use crate::standing::Standing;
use crate::status::{Counts, Place, Status};
use crate::vector::{all_finite, dot, most_halvings, norm, offset};
use std::ops::ControlFlow;

/// What a direction may base the first trial step on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outlook<T> {
    /// f(x).
    pub value: T,
    /// ‖g‖₂.
    pub gradient_norm: T,
    /// gᵀd.
    pub slope: T,
    /// α and gᵀd of the last accepted step, if there is one.
    pub last: Option<(T, T)>,
}

impl<T: Scalar> Outlook<T> {
    /// The first step along −g where nothing else is known: of length 1, or shorter where the gradient is.
    pub fn unit(&self) -> T {
        let inverse = T::one() / self.gradient_norm;
        if inverse.is_finite() { inverse.min(T::one()) } else { T::one() }
    }
}

/// A direction of descent from the gradients seen so far.
pub trait Direction<T: Scalar> {
    /// Writes the direction for `gradient` into `out`. The answer depends on nothing but what was learnt.
    fn direction(&mut self, gradient: &[T], out: &mut [T]);

    /// The first α to try along it.
    fn first_step(&self, outlook: &Outlook<T>) -> T;

    /// Learns from an accepted step α d.
    fn learn(&mut self, step: &Step<'_, T>, direction: &[T]);

    /// Forgets all: the next direction is −g.
    fn forget(&mut self);

    /// Whether the next direction is −g, as nothing was learnt.
    fn is_steepest(&self) -> bool;

    /// Whether what was learnt is of vectors of length `n`: asked of a state that is gone on with. Default: yes.
    fn fits(&self, n: usize) -> bool {
        let _ = n;
        true
    }
}

/// f along a ray, with the trial point and the gradient there kept.
pub(crate) struct Along<'a, T, O> {
    pub(crate) objective: &'a O,
    pub(crate) x: &'a [T],
    pub(crate) direction: &'a [T],
    pub(crate) trial: &'a mut [T],
    pub(crate) gradient: &'a mut [T],
    pub(crate) counts: &'a mut Counts,
    /// The α whose gradient is kept.
    pub(crate) sampled: Option<T>,
    /// The box the trial points are brought back to, where rounding leads out of it.
    pub(crate) bounds: Option<&'a Bounds<T>>,
    /// Whether all was finite at any point other than x, and what was not at the last point where something was not.
    pub(crate) finite: bool,
    pub(crate) lost: Option<Place>,
}

impl<'a, T: Scalar, O: Objective<T>> Along<'a, T, O> {
    /// f on the ray from `x` along `direction`, before anything was asked; `trial` and `gradient` are written to.
    pub(crate) fn new(
        objective: &'a O,
        x: &'a [T],
        direction: &'a [T],
        trial: &'a mut [T],
        gradient: &'a mut [T],
        counts: &'a mut Counts,
    ) -> Self {
        Self {
            objective,
            x,
            direction,
            trial,
            gradient,
            counts,
            sampled: None,
            bounds: None,
            finite: false,
            lost: None,
        }
    }

    /// Why there is no step: nothing was finite, or no value lower.
    pub(crate) fn failure(&self) -> Status {
        self.lost.filter(|_| !self.finite).map_or(Status::NoProgress, Status::NonFinite)
    }

    fn saw(&mut self, value: T, slope: T) {
        if self.trial == self.x {
            return;
        }
        if value.is_finite() && slope.is_finite() {
            self.finite = true;
        } else {
            self.lost = Some(if value.is_finite() { Place::Gradient } else { Place::Value });
        }
    }

    /// Moves the trial point to α; whether it is finite.
    fn go(&mut self, step: T) -> bool {
        offset(self.x, step, self.direction, self.trial);
        if let Some(bounds) = self.bounds {
            for (i, trial) in self.trial.iter_mut().enumerate() {
                *trial = bounds.clip(i, *trial);
            }
        }
        all_finite(self.trial)
    }
}

impl<T: Scalar, O: Objective<T>> LineFunction<T> for Along<'_, T, O> {
    type Error = ObjectiveError;

    fn value(&mut self, step: T) -> Result<T, ObjectiveError> {
        self.sampled = None;
        // A point that is not finite leaves nothing to ask.
        if !self.go(step) {
            self.lost = Some(Place::Value);
            return Ok(T::nan());
        }
        let value = self.objective.value(self.trial)?;
        self.counts.values += 1;
        self.saw(value, T::zero());
        Ok(value)
    }

    fn sample(&mut self, step: T) -> Result<(T, T), ObjectiveError> {
        self.sampled = None;
        if !self.go(step) {
            self.lost = Some(Place::Value);
            return Ok((T::nan(), T::nan()));
        }
        let value = self.objective.value_and_gradient(self.trial, self.gradient)?;
        self.counts.gradients += 1;
        let slope = dot(self.gradient, self.direction);
        self.saw(value, slope);
        self.sampled = Some(step);
        Ok((value, slope))
    }
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(bound(
        serialize = "T: Scalar, D: serde::Serialize, L: serde::Serialize",
        deserialize = "T: Scalar, D: serde::Deserialize<'de>, L: serde::Deserialize<'de>"
    ))
)]
pub struct DescentState<T, D, L> {
    now: Standing<T>,
    rule: D,
    search: L,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    direction: Vec<T>,
    /// The gradient at the trial point.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    trial_gradient: Vec<T>,
    /// α of the last accepted step, 0 before the first, and the gᵀd it was taken with.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    slope: T,
}

impl<T, D, L> DescentState<T, D, L> {
    pub(crate) fn rule_mut(&mut self) -> &mut D {
        &mut self.rule
    }
}

/// A run along lines. Holds five vectors, and what its direction holds.
#[derive(Clone, Debug)]
pub struct DescentSolver<'o, T, O, D, L> {
    objective: &'o O,
    state: DescentState<T, D, L>,
}

impl<'o, T, O, D, L> DescentSolver<'o, T, O, D, L>
where
    T: Scalar,
    O: Objective<T>,
    D: Direction<T>,
    L: LineSearch<T>,
{
    pub(crate) fn start(
        method: &'static str,
        limits: Limits<T>,
        objective: &'o O,
        x: &[T],
        rule: D,
        search: L,
    ) -> Result<Self, Error> {
        search.check()?;
        let now = Standing::start_first_order(method, limits, objective, x)?;
        let (direction, trial_gradient) = (vec![T::zero(); x.len()], vec![T::zero(); x.len()]);
        let zero = T::zero();
        let state = DescentState { now, rule, search, direction, trial_gradient, alpha: zero, slope: zero };
        Ok(Self { objective, state })
    }

    pub(crate) fn resume(
        method: &'static str,
        limits: Limits<T>,
        objective: &'o O,
        state: DescentState<T, D, L>,
    ) -> Result<Self, Error> {
        let n = objective.dimension();
        let now = state.now.resumed(method, limits, n)?;
        let vectors = [("direction", &state.direction), ("trial_gradient", &state.trial_gradient)];
        require_lengths(method, n, &vectors)?;
        require_pairs(method, state.rule.fits(n))?;
        state.search.check()?;
        Ok(Self { objective, state: DescentState { now, ..state } })
    }
}

impl<T, O, D, L> DescentSolver<'_, T, O, D, L> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &DescentState<T, D, L> {
        &self.state
    }
}

impl<T, O, D, L> Learnt<T> for DescentSolver<'_, T, O, D, L>
where
    T: Scalar,
    O: Objective<T>,
    D: Direction<T>,
    L: LineSearch<T>,
{
    fn now(&mut self) -> &mut Standing<T> {
        &mut self.state.now
    }

    fn is_steepest(&self) -> bool {
        self.state.rule.is_steepest()
    }

    fn forget(&mut self) {
        self.state.rule.forget();
        self.state.search.forget();
        self.state.alpha = T::zero();
    }

    fn search(&mut self) -> Result<ControlFlow<Option<Status>, Status>, Error> {
        let DescentState { now, rule, search, direction, trial_gradient, alpha, slope } = &mut self.state;
        rule.direction(&now.gradient, direction);
        let mut descent = dot(&now.gradient, direction);
        if rule.is_steepest() && descent == T::zero() {
            // The square underflowed: any negative number says that −g descends.
            descent = -T::min_positive_value();
        }
        let last = (*alpha > T::zero()).then_some((*alpha, *slope));
        let outlook = Outlook { value: now.value, gradient_norm: now.gradient_norm, slope: descent, last };
        let mut ray = Ray::new(now.value, descent, rule.first_step(&outlook));
        let length = norm(direction);
        let first = ray.first;
        let mut lost = None;
        // Each turn is one search; a second is due only where values were finite but the gradient was not.
        let found = halve(first, most_halvings::<T>(), |first| {
            ray.first = first;
            let mut along =
                Along::new(self.objective, &now.x, direction, &mut now.trial, trial_gradient, &mut now.counts);
            let found = search.search(&mut along, ray)?;
            now.step_norm = found.step * length;
            match found.end {
                SearchEnd::Unbounded => {
                    return Ok::<_, Error>(ControlFlow::Break(ControlFlow::Break(Some(Status::Unbounded))));
                }
                _ if found.step == T::zero() => {
                    return Ok(ControlFlow::Break(ControlFlow::Continue(lost.unwrap_or(along.failure()))));
                }
                _ => {}
            }
            let mut value = found.value;
            if along.sampled != Some(found.step) {
                value = along.sample(found.step)?.0;
            }
            let failure = along.failure();
            if now.trial == now.x {
                return Ok(ControlFlow::Break(ControlFlow::Continue(lost.unwrap_or(failure))));
            }
            if value.is_finite() && all_finite(trial_gradient) {
                let step =
                    Step { from: &now.x, to: &now.trial, gradient_from: &now.gradient, gradient_to: trial_gradient };
                rule.learn(&step, direction);
                (*alpha, *slope) = (found.step, descent);
                now.accept_trial(value, trial_gradient);
                return Ok(ControlFlow::Break(ControlFlow::Break(None)));
            }
            lost = Some(Status::NonFinite(Place::Gradient));
            Ok(ControlFlow::Continue(found.step))
        })?;
        Ok(found.unwrap_or(ControlFlow::Continue(Status::NonFinite(Place::Gradient))))
    }
}

/// A run whose directions are learnt: where one fails it forgets all, and tries −g, once.
pub(crate) trait Learnt<T: Scalar> {
    fn now(&mut self) -> &mut Standing<T>;

    /// Whether nothing was learnt, so that the direction is that of steepest descent.
    fn is_steepest(&self) -> bool;

    fn forget(&mut self);

    /// Searches along the direction at hand: breaks where a step was taken, or with the status if the run is over; else
    /// continues with the reason why there is no step.
    fn search(&mut self) -> Result<ControlFlow<Option<Status>, Status>, Error>;

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.now().accepted = false;
        let was_steepest = self.is_steepest();
        match self.search()? {
            ControlFlow::Break(over) => return Ok(over),
            ControlFlow::Continue(failure) if was_steepest => return Ok(Some(failure)),
            ControlFlow::Continue(_) => self.forget(),
        }
        Ok(match self.search()? {
            ControlFlow::Break(over) => over,
            ControlFlow::Continue(failure) => Some(failure),
        })
    }
}

solvers! {
    [O: Objective<T>, D: Direction<T>, L: LineSearch<T>] DescentSolver<'_, T, O, D, L>, state.now, |run| run.state.alpha;
}

/// An error unless a threshold of curvature makes sense.
pub(crate) fn require_threshold<T: Scalar>(method: &'static str, threshold: T) -> Result<(), Error> {
    let inside = threshold >= T::zero() && threshold < T::one();
    require(inside, method, "pair_update threshold", threshold, "a number from 0 to below 1")
}
