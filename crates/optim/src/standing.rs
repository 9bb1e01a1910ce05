//! Where a run stands: what every solver keeps, however it chooses its steps.

use crate::error::{Error, require_length, require_lengths};
use crate::limits::Limits;
use crate::objective::{LocalModel, Objective};
use crate::radius_search::{Judgement, Verdict};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::status::{Counts, Criterion, Place, Progress, Report, Status};
use crate::vector::{all_finite, largest, norm};
use std::ops::ControlFlow;

/// The current point and what is known there, the point under trial, and whether the run is over. Three vectors.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(crate) struct Standing<T> {
    pub(crate) limits: Limits<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    pub(crate) x: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    pub(crate) trial: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    pub(crate) gradient: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) value: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) gradient_norm: T,
    /// The value before the last iteration; NaN before the first.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) last_value: T,
    /// ‖g‖ at the start, and the largest so far; NaN before a gradient is known.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::two"))]
    gradient_norms: [T; 2],
    /// The same of ‖g‖∞.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::two"))]
    largest_slopes: [T; 2],
    /// ‖s‖₂ of the last step tried.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) step_norm: T,
    /// Whether the last step tried was taken.
    pub(crate) accepted: bool,
    /// What was not finite at the last point tried, if anything.
    pub(crate) lost: Option<Place>,
    pub(crate) counts: Counts,
    pub(crate) finished: Option<Status>,
}

/// What became of a trial point.
#[derive(Debug)]
pub(crate) enum Attempt<M, T> {
    /// The point is the current one now; its model and the judgement that let it.
    Accepted(M, Judgement<T>),
    /// The point is not better, or something there is not finite.
    Rejected,
    /// The value is minus infinity.
    Unbounded,
}

impl<T: Scalar> Standing<T> {
    /// A run of `method` at `x`, where nothing has been evaluated: value and gradient norm are NaN.
    pub(crate) fn unevaluated(method: &'static str, limits: Limits<T>, x: &[T]) -> Result<Self, Error> {
        limits.check(method)?;
        Ok(Self {
            limits,
            x: x.to_vec(),
            trial: vec![T::zero(); x.len()],
            gradient: vec![T::zero(); x.len()],
            value: T::nan(),
            gradient_norm: T::nan(),
            last_value: T::nan(),
            gradient_norms: [T::nan(); 2],
            largest_slopes: [T::nan(); 2],
            step_norm: T::zero(),
            accepted: true,
            lost: None,
            counts: Counts::default(),
            finished: None,
        })
    }

    /// A run of `method` at `x`, judged there, and the model that told; costs one gradient.
    pub(crate) fn start<'o, O: Objective<T>>(
        method: &'static str,
        limits: Limits<T>,
        objective: &'o O,
        x: &[T],
    ) -> Result<(Self, O::Model<'o>), Error> {
        let mut now = Self::unevaluated(method, limits, x)?;
        require_length(method, "x", objective.dimension(), x.len())?;
        let model = objective.at(x)?;
        now.counts.gradients = 1;
        now.learn(&model, norm(model.gradient()));
        now.begin();
        Ok((now, model))
    }

    /// Judges the starting point, where value and gradient norm are known now.
    pub(crate) fn begin(&mut self) {
        self.gradient_norms = [self.gradient_norm; 2];
        self.largest_slopes = [largest(&self.gradient); 2];
        self.finished = self.limits.start_verdict(&self.x, self.value, self.gradient_norm);
    }

    /// The run goes on under these limits, in a problem of `n` variables; where it was over by others, only if it is over by
    /// these, too.
    ///
    /// The limits of the builder are asked: a run that reached its last iteration goes on where there are more now, and one
    /// that had converged where the gradient is to be smaller.
    pub(crate) fn resumed(mut self, method: &'static str, limits: Limits<T>, n: usize) -> Result<Self, Error> {
        limits.check(method)?;
        require_lengths(method, n, &[("x", &self.x), ("trial", &self.trial), ("gradient", &self.gradient)])?;
        let spent = self.counts.iterations >= self.limits.max_iterations;
        let low = self.value < self.limits.lower_bound;
        self.limits = limits;
        let verdict = limits.verdict(self.value, self.gradient_norm, self.counts.iterations);
        self.finished = match self.finished {
            // At a saddle that is being left the gradient says nothing.
            None => verdict.filter(|&status| status == Status::MaxIterations),
            Some(Status::Converged(Criterion::GradientNorm) | Status::MaxIterations) => verdict,
            Some(Status::Unbounded) if low => verdict,
            Some(Status::SecondOrder { .. }) if spent && self.counts.iterations < limits.max_iterations => None,
            over => over,
        };
        Ok(self)
    }

    /// ‖g‖/‖g₀‖, g₀ the gradient at the start; where that is nothing beside later ones, as at a saddle, the largest so far
    /// stands for it.
    pub(crate) fn reduction(&self) -> T {
        let [first, largest] = self.gradient_norms;
        self.gradient_norm / reference(first, largest)
    }

    /// Evaluates the trial point, and moves there if the judge of f(x) and f(trial) lets it. Costs a value, and a
    /// gradient unless the value alone is refused.
    pub(crate) fn attempt<'o, O: Objective<T>>(
        &mut self,
        objective: &'o O,
        judge: impl FnOnce(T, T) -> Judgement<T>,
    ) -> Result<Attempt<O::Model<'o>, T>, Error> {
        self.attempt_measured(objective, judge, |_, gradient| norm(gradient))
    }

    /// As [`attempt`](Self::attempt), with another measure of point and gradient than the norm of the gradient.
    pub(crate) fn attempt_measured<'o, O: Objective<T>>(
        &mut self,
        objective: &'o O,
        judge: impl FnOnce(T, T) -> Judgement<T>,
        measure: impl FnOnce(&[T], &[T]) -> T,
    ) -> Result<Attempt<O::Model<'o>, T>, Error> {
        let trial_value = objective.value(&self.trial)?;
        self.counts.values += 1;
        if trial_value == T::neg_infinity() {
            return Ok(Attempt::Unbounded);
        }
        self.saw(trial_value);
        let judgement = judge(self.value, trial_value);
        if judgement.verdict == Verdict::Reject {
            return Ok(Attempt::Rejected);
        }
        let limit = judgement.verdict.limit(self.gradient_norm);
        let model = objective.at(&self.trial)?;
        self.counts.gradients += 1;
        let gradient_norm = measure(&self.trial, model.gradient());
        if !gradient_norm.is_finite() {
            self.lost = Some(Place::Gradient);
        }
        if gradient_norm < limit && model.value().is_finite() {
            self.accept(&model, gradient_norm);
            return Ok(Attempt::Accepted(model, judgement));
        }
        Ok(Attempt::Rejected)
    }

    /// As [`start`](Self::start), for methods that need no products.
    pub(crate) fn start_first_order<O: Objective<T>>(
        method: &'static str,
        limits: Limits<T>,
        objective: &O,
        x: &[T],
    ) -> Result<Self, Error> {
        let mut now = Self::unevaluated(method, limits, x)?;
        require_length(method, "x", objective.dimension(), x.len())?;
        now.value = objective.value_and_gradient(x, &mut now.gradient)?;
        now.counts.gradients = 1;
        now.gradient_norm = norm(&now.gradient);
        now.begin();
        Ok(now)
    }

    /// Makes the trial point, where value and `gradient` are these, the current one; `gradient` becomes the last.
    pub(crate) fn accept_trial(&mut self, value: T, gradient: &mut Vec<T>) {
        self.value = value;
        std::mem::swap(&mut self.gradient, gradient);
        self.gradient_norm = norm(&self.gradient);
        std::mem::swap(&mut self.x, &mut self.trial);
        self.accepted = true;
    }

    fn learn(&mut self, model: &impl LocalModel<T>, gradient_norm: T) {
        self.value = model.value();
        self.gradient.copy_from_slice(model.gradient());
        self.gradient_norm = gradient_norm;
    }

    /// Makes the trial point, where `model` was prepared, the current one.
    pub(crate) fn accept(&mut self, model: &impl LocalModel<T>, gradient_norm: T) {
        self.learn(model, gradient_norm);
        std::mem::swap(&mut self.x, &mut self.trial);
        self.accepted = true;
    }

    /// Takes note of whether the trial point and the value there are finite.
    pub(crate) fn saw(&mut self, trial_value: T) {
        self.lost = if trial_value.is_finite() {
            None
        } else if all_finite(&self.trial) {
            Some(Place::Value)
        } else {
            Some(Place::Point)
        };
    }

    /// Convergence of a sum of squares that is the least it can be: below the least normal number, where its digits are lost, with a
    /// gradient that is as good as none beside the first. (Residuals may be that small in their own units.)
    pub(crate) fn vanished(&self) -> Option<Status> {
        let flat = self.gradient_norm <= self.limits.gradient_tolerance;
        let fell = self.gradient_norm <= T::epsilon() * T::epsilon() * self.gradient_norms[0];
        (self.value < T::min_positive_value() && fell && !flat).then_some(Status::Converged(Criterion::Value))
    }

    /// The status of a run that has no shorter step to try: what was not finite at the last one, else `status`.
    pub(crate) fn failed(&self, status: Status) -> Status {
        self.lost.map_or(status, Status::NonFinite)
    }

    /// Counts an iteration that ended with `failed`, and judges the current point if it did not fail.
    pub(crate) fn end_iteration(&mut self, failed: Option<Status>) {
        self.counts.iterations += 1;
        self.remember();
        self.finished = failed.or_else(|| self.limits.verdict(self.value, self.gradient_norm, self.counts.iterations));
    }

    /// Takes note of the size of the gradient.
    pub(crate) fn remember(&mut self) {
        let (norm, slope) = (self.gradient_norm, largest(&self.gradient));
        for ([first, largest], size) in [(&mut self.gradient_norms, norm), (&mut self.largest_slopes, slope)] {
            *first = if first.is_nan() { size } else { *first };
            *largest = largest.max(size);
        }
    }

    /// Takes a zero gradient for no convergence while the saddle there is being left, until the iterations run out. A run
    /// that is over for another reason stays over.
    pub(crate) fn go_on_from(&mut self, second_order: &SecondOrder<T>) {
        let open = self.finished.is_none_or(|status| status.is_converged() || status == Status::MaxIterations);
        if open && second_order.is_leaving() {
            let last = self.counts.iterations >= self.limits.max_iterations;
            self.finished = if last { second_order.status() } else { None };
        }
    }

    /// Ends a run that has converged, or goes on, with what was not finite: nothing tells a minimum from a maximum there.
    pub(crate) fn lose(&mut self, place: Place) {
        if self.finished.is_none_or(Status::is_converged) {
            self.finished = Some(Status::NonFinite(place));
        }
    }

    /// Whether the run is over as something was not finite.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.finished, Some(Status::NonFinite(_)))
    }

    pub(crate) fn has_converged(&self) -> bool {
        self.finished.is_some_and(Status::is_converged)
    }

    pub(crate) fn outcome(&self) -> ControlFlow<Status> {
        self.finished.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    pub(crate) fn progress(&self, control: T) -> Progress<'_, T> {
        Progress {
            x: &self.x,
            value: self.value,
            gradient: &self.gradient,
            gradient_norm: self.gradient_norm,
            last_value: self.last_value,
            gradient_norms: self.gradient_norms,
            largest_slopes: self.largest_slopes,
            step_norm: self.step_norm,
            control,
            accepted: self.accepted,
            counts: self.counts,
        }
    }

    pub(crate) fn into_report(self, status: Status) -> Report<T> {
        Report { x: self.x, value: self.value, gradient_norm: self.gradient_norm, status, counts: self.counts }
    }
}

/// The gradient norm that others are compared to: the first, or the largest where the first is nothing beside it (√ε).
pub(crate) fn reference<T: Scalar>(first: T, largest: T) -> T {
    if first <= T::epsilon().sqrt() * largest { largest } else { first }
}
