//! Adam: steps scaled by running averages of the gradient and of its square, for gradients that are noisy.
//!
//! With g the gradient of iteration t = 1, 2, …:
//!
//! ```text
//! m ← β₁ m + (1 − β₁) g        m̂ = m / (1 − β₁ᵗ)
//! v ← β₂ v + (1 − β₂) g²       v̂ = v / (1 − β₂ᵗ)
//! x ← x − η (m̂ / (√v̂ + ε) + λ x)
//! ```
//!
//! Sources: Kingma, Ba, *Adam: a method for stochastic optimization*, ICLR 2015, algorithm 1; the decay λ, decoupled
//! from the averages, from Loshchilov, Hutter, *Decoupled weight decay regularization*, ICLR 2019.
//!
//! ```
//! use optim::{Adam, Schedule};
//! // The mean of 1, 2, 3, 6 as the minimum of Σ (x − aᵢ)²/2, one term an iteration.
//! let data = [1.0, 2.0, 3.0, 6.0];
//! let report = Adam::new(0.1)
//!     .schedule(Schedule::Cosine { iterations: 4000, last: 0.0 })
//!     .max_iterations(4000)
//!     .minimize_batches(&[0.0], |i, x: &[f64], g: &mut [f64]| {
//!         let a = data[i % 4];
//!         g[0] = x[0] - a;
//!         Ok(0.5 * (x[0] - a).powi(2))
//!     })?;
//! assert!((report.x[0] - 3.0).abs() < 0.01);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::{Error, require, require_lengths};
use crate::limits::{Limits, limit_options};
use crate::objective::{Objective, ObjectiveError};
use crate::scalar::Scalar;
use crate::schedule::Schedule;
use crate::solver::{Solver, minimize_methods, unobserved};
use crate::standing::Standing;
use crate::status::{Place, Progress, Report, Status};
use crate::vector::{all_finite, norm};
use std::ops::ControlFlow;

const METHOD: &str = "adam";

/// The options of the method, and the ways to run it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct Adam<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    learning_rate: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    beta_1: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    beta_2: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    epsilon: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    weight_decay: T,
    schedule: Schedule<T>,
    limits: Limits<T>,
}

impl<T: Scalar> Adam<T> {
    /// The method with learning rate η, about the length of a step in each variable, and defaults for all else.
    pub fn new(learning_rate: T) -> Self {
        Self {
            learning_rate,
            beta_1: T::of(0.9),
            beta_2: T::of(0.999),
            epsilon: T::of(1e-8),
            weight_decay: T::zero(),
            schedule: Schedule::Constant,
            limits: Limits::new(10_000),
        }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// The decay rates β₁ and β₂ of the averages, from 0 to below 1. Default: 0.9 and 0.999.
    pub fn betas(mut self, beta_1: T, beta_2: T) -> Self {
        (self.beta_1, self.beta_2) = (beta_1, beta_2);
        self
    }

    /// What keeps the division finite, in the units of the gradient, above 0. Default: 1e-8.
    pub fn epsilon(mut self, epsilon: T) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The decoupled decay λ, at least 0. Default: 0. The minimum found is then not that of the objective.
    pub fn weight_decay(mut self, weight_decay: T) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// How the learning rate changes. Default: not at all.
    pub fn schedule(mut self, schedule: Schedule<T>) -> Self {
        self.schedule = schedule;
        self
    }

    /// Runs [`max_iterations`](Self::max_iterations) iterations on the gradients of mini-batches.
    ///
    /// `batch(i, x, gradient)` writes the gradient for iteration `i` (from 0) at `x` and returns the value; it is called
    /// once an iteration. Neither the gradient tolerance nor the lower bound is tested, as one batch tells neither.
    /// Value and gradient norm of the report are those of the last batch, at the point before the last step.
    ///
    /// # Errors
    /// An option that makes no sense, or what the closure reports.
    pub fn minimize_batches(
        self,
        x: &[T],
        batch: impl FnMut(usize, &[T], &mut [T]) -> Result<T, ObjectiveError>,
    ) -> Result<Report<T>, Error> {
        self.start_batches(x, batch)?.run(unobserved)
    }

    /// A run on `objective` at its starting point `x`, to be stepped. Costs one gradient, and one an iteration; holds
    /// five vectors.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<AdamSolver<T, FullBatch<'o, O>>, Error> {
        let state = AdamState::new(self, x.len())?;
        let now = Standing::start_first_order(METHOD, self.limits, objective, x)?;
        let run = AdamRun { sampling: Sampling::Full, state, now, moved: false };
        Ok(AdamSolver { source: FullBatch { objective }, run })
    }

    /// A run on mini-batches at its starting point `x`, to be stepped; see
    /// [`minimize_batches`](Self::minimize_batches). Nothing is evaluated before the first step.
    ///
    /// # Errors
    /// An option that makes no sense.
    pub fn start_batches<F>(self, x: &[T], batch: F) -> Result<AdamSolver<T, F>, Error>
    where
        F: FnMut(usize, &[T], &mut [T]) -> Result<T, ObjectiveError>,
    {
        let state = AdamState::new(self, x.len())?;
        let mut now = Standing::unevaluated(METHOD, self.limits, x)?;
        if !all_finite(x) {
            now.finished = Some(Status::NonFinite(Place::Point));
        } else if self.limits.max_iterations == 0 {
            now.finished = Some(Status::MaxIterations);
        }
        let run = AdamRun { sampling: Sampling::Batches, state, now, moved: false };
        Ok(AdamSolver { source: batch, run })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        run: AdamRun<T>,
    ) -> Result<AdamSolver<T, FullBatch<'o, O>>, Error> {
        let full = run.sampling == Sampling::Full;
        require(full, METHOD, "resume", "a run on mini-batches", "a run on the whole objective")?;
        let run = run.resumed(self, objective.dimension())?;
        Ok(AdamSolver { source: FullBatch { objective }, run })
    }

    /// As [`Method::resume`](crate::Method::resume), of a run on mini-batches, which goes on with the number of the next.
    ///
    /// # Errors
    /// An option that makes no sense, or a state of another kind or with vectors of different lengths.
    pub fn resume_batches<F>(self, batch: F, run: AdamRun<T>) -> Result<AdamSolver<T, F>, Error>
    where
        F: FnMut(usize, &[T], &mut [T]) -> Result<T, ObjectiveError>,
    {
        let batches = run.sampling == Sampling::Batches;
        require(batches, METHOD, "resume", "a run on the whole objective", "a run on mini-batches")?;
        let n = run.now.x.len();
        Ok(AdamSolver { source: batch, run: run.resumed(self, n)? })
    }

    fn check(&self) -> Result<(), Error> {
        let zero = T::zero();
        let below_one = |a: T| a >= zero && a < T::one();
        let Self { learning_rate, beta_1, beta_2, epsilon, weight_decay, .. } = *self;
        require(
            learning_rate.is_finite() && learning_rate > zero,
            METHOD,
            "learning_rate",
            learning_rate,
            "a finite number above 0",
        )?;
        require(below_one(beta_1), METHOD, "beta_1", beta_1, "a number from 0 to below 1")?;
        require(below_one(beta_2), METHOD, "beta_2", beta_2, "a number from 0 to below 1")?;
        require(epsilon.is_finite() && epsilon > zero, METHOD, "epsilon", epsilon, "a finite number above 0")?;
        require(
            weight_decay.is_finite() && weight_decay >= zero,
            METHOD,
            "weight_decay",
            weight_decay,
            "a finite number, at least 0",
        )?;
        self.schedule.check(METHOD)
    }
}

/// The averages of Adam, apart from any loop: for a training loop that keeps its own.
///
/// ```
/// use optim::{Adam, AdamState};
/// let mut state = AdamState::new(Adam::new(0.1), 2)?;
/// let mut x = [1.0, 1.0];
/// state.update(&mut x, &[5.0, -0.01]);
/// // The first step is η in each variable, whatever the scale of the gradient.
/// assert!((x[0] - 0.9_f64).abs() < 1e-6 && (x[1] - 1.1).abs() < 1e-6);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct AdamState<T> {
    options: Adam<T>,
    /// The average of the gradient.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    m: Vec<T>,
    /// The average of its square.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    v: Vec<T>,
    /// Updates so far.
    t: usize,
    /// β₁ᵗ and β₂ᵗ.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::two"))]
    powers: [T; 2],
}

impl<T: Scalar> AdamState<T> {
    /// The state before the first update of `dimension` variables: two vectors.
    ///
    /// # Errors
    /// An option of the update that makes no sense; those that end a run play no part here.
    pub fn new(options: Adam<T>, dimension: usize) -> Result<Self, Error> {
        options.check()?;
        Ok(Self { options, m: vec![T::zero(); dimension], v: vec![T::zero(); dimension], t: 0, powers: [T::one(); 2] })
    }

    /// The learning rate of the next update.
    pub fn learning_rate(&self) -> T {
        self.options.learning_rate * self.options.schedule.factor(self.t)
    }

    /// Takes the gradient at `x` into the averages and moves `x`. One pass over the vectors, no allocation.
    ///
    /// # Panics
    /// If `x` or `gradient` does not have the dimension of the state.
    pub fn update(&mut self, x: &mut [T], gradient: &[T]) {
        assert_eq!(x.len(), self.m.len(), "adam: x has the wrong length");
        assert_eq!(gradient.len(), self.m.len(), "adam: gradient has the wrong length");
        let Adam { beta_1, beta_2, epsilon, weight_decay, .. } = self.options;
        let one = T::one();
        let eta = self.learning_rate();
        self.t += 1;
        self.powers[0] *= beta_1;
        self.powers[1] *= beta_2;
        let correct_m = one / (one - self.powers[0]);
        let correct_v = one / (one - self.powers[1]);
        for (((x, &g), m), v) in x.iter_mut().zip(gradient).zip(&mut self.m).zip(&mut self.v) {
            *m = beta_1 * *m + (one - beta_1) * g;
            *v = beta_2 * *v + (one - beta_2) * g * g;
            let direction = *m * correct_m / ((*v * correct_v).sqrt() + epsilon);
            *x -= eta * (direction + weight_decay * *x);
        }
    }
}

/// Where the gradients of an [`AdamSolver`] come from: a closure over mini-batches, or a whole objective.
pub trait GradientSource<T: Scalar> {
    /// Writes the gradient for iteration `i` (from 0) at `x` and returns the value.
    ///
    /// # Errors
    /// Whatever keeps the gradient from being evaluated.
    fn evaluate(&mut self, i: usize, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError>;
}

impl<T, F> GradientSource<T> for F
where
    T: Scalar,
    F: FnMut(usize, &[T], &mut [T]) -> Result<T, ObjectiveError>,
{
    fn evaluate(&mut self, i: usize, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        self(i, x, gradient)
    }
}

/// The objective itself as a source of gradients, the same in every iteration.
#[derive(Clone, Copy, Debug)]
pub struct FullBatch<'o, O> {
    objective: &'o O,
}

impl<T: Scalar, O: Objective<T>> GradientSource<T> for FullBatch<'_, O> {
    fn evaluate(&mut self, _: usize, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        self.objective.value_and_gradient(x, gradient)
    }
}

/// What the source of a run returns the gradient of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Sampling {
    /// The objective: every new point is evaluated before it is kept.
    Full,
    /// A part of it: a point is evaluated when the next step is due.
    Batches,
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct AdamRun<T> {
    sampling: Sampling,
    state: AdamState<T>,
    now: Standing<T>,
    /// Whether the trial point is already the next one: true only while its evaluation, having failed, is retried.
    moved: bool,
}

impl<T: Scalar> AdamRun<T> {
    fn resumed(self, options: Adam<T>, n: usize) -> Result<Self, Error> {
        options.check()?;
        let ended = self.now.finished;
        let mut now = self.now.resumed(METHOD, options.limits, n)?;
        if self.sampling == Sampling::Batches {
            // As at the start: one batch says neither that the gradient vanishes nor that the value has no bound.
            let spent = now.counts.iterations >= options.limits.max_iterations;
            now.finished = match ended {
                None | Some(Status::MaxIterations) => spent.then_some(Status::MaxIterations),
                over => over,
            };
        }
        require_lengths(METHOD, n, &[("m", &self.state.m), ("v", &self.state.v)])?;
        Ok(Self { now, state: AdamState { options, ..self.state }, ..self })
    }
}

/// A run of [`Adam`].
#[derive(Clone, Debug)]
pub struct AdamSolver<T, S> {
    source: S,
    run: AdamRun<T>,
}

impl<T, S> AdamSolver<T, S> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) or
    /// [`Adam::resume_batches`] goes on with it.
    pub fn state(&self) -> &AdamRun<T> {
        &self.run
    }
}

impl<T: Scalar, S: GradientSource<T>> AdamSolver<T, S> {
    /// Value and gradient at the trial point; the place of what is not finite.
    fn evaluate(&mut self) -> Result<Option<Place>, Error> {
        self.run.now.value =
            self.source.evaluate(self.run.now.counts.iterations, &self.run.now.trial, &mut self.run.now.gradient)?;
        self.run.now.counts.gradients += 1;
        self.run.now.gradient_norm = norm(&self.run.now.gradient);
        Ok(if !self.run.now.value.is_finite() {
            Some(Place::Value)
        } else if !self.run.now.gradient_norm.is_finite() {
            Some(Place::Gradient)
        } else {
            None
        })
    }

    /// Moves the trial point one step away from `x`, or says that it would not be finite.
    fn update(&mut self) -> Option<Status> {
        self.run.now.trial.copy_from_slice(&self.run.now.x);
        self.run.state.update(&mut self.run.now.trial, &self.run.now.gradient);
        self.run.now.step_norm =
            self.run.now.x.iter().zip(&self.run.now.trial).map(|(&x, &y)| (y - x) * (y - x)).sum::<T>().sqrt();
        (!all_finite(&self.run.now.trial)).then_some(Status::NonFinite(Place::Point))
    }

    fn advance_full(&mut self) -> Result<Option<Status>, Error> {
        if !self.run.moved {
            if let Some(failure) = self.update() {
                return Ok(Some(failure));
            }
            self.run.moved = true;
        }
        let (value, gradient_norm) = (self.run.now.value, self.run.now.gradient_norm);
        let failure = self.evaluate()?;
        self.run.moved = false;
        if let Some(place) = failure {
            let unbounded = self.run.now.value == T::neg_infinity();
            (self.run.now.value, self.run.now.gradient_norm) = (value, gradient_norm);
            return Ok(Some(if unbounded { Status::Unbounded } else { Status::NonFinite(place) }));
        }
        std::mem::swap(&mut self.run.now.x, &mut self.run.now.trial);
        self.run.now.accepted = true;
        Ok(self.run.now.limits.verdict(
            self.run.now.value,
            self.run.now.gradient_norm,
            self.run.now.counts.iterations + 1,
        ))
    }

    fn advance_batch(&mut self) -> Result<Option<Status>, Error> {
        self.run.now.trial.copy_from_slice(&self.run.now.x);
        if let Some(place) = self.evaluate()? {
            return Ok(Some(Status::NonFinite(place)));
        }
        if let Some(failure) = self.update() {
            return Ok(Some(failure));
        }
        std::mem::swap(&mut self.run.now.x, &mut self.run.now.trial);
        self.run.now.accepted = true;
        let last = self.run.now.counts.iterations + 1 >= self.run.now.limits.max_iterations;
        Ok(last.then_some(Status::MaxIterations))
    }
}

impl<T: Scalar, S: GradientSource<T>> Solver<T> for AdamSolver<T, S> {
    fn step(&mut self) -> Result<ControlFlow<Status>, Error> {
        if self.run.now.finished.is_none() {
            self.run.now.accepted = false;
            self.run.now.last_value = self.run.now.value;
            self.run.now.finished = match self.run.sampling {
                Sampling::Full => self.advance_full()?,
                Sampling::Batches => self.advance_batch()?,
            };
            self.run.now.counts.iterations += 1;
            self.run.now.remember();
        }
        Ok(self.run.now.outcome())
    }

    fn progress(&self) -> Progress<'_, T> {
        self.run.now.progress(self.run.state.learning_rate())
    }

    fn into_report(self, status: Status) -> Report<T> {
        self.run.now.into_report(status)
    }
}
