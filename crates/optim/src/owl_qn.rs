//! OWL-QN: L-BFGS for f(x) + λ ‖x‖₁, the smooth part f differentiable and the minimum sparse.
//!
//! An iteration stays in one orthant, where ‖x‖₁ is linear: the direction is that of L-BFGS for the *pseudogradient*
//! (the element of least norm of the subdifferential), cut to its signs; every trial point is projected to the orthant.
//! The search is Armijo's alone: along the projected path slopes mean nothing, so no Wolfe condition is asked for. Pairs
//! are made of the gradients of f.
//!
//! Source: Andrew, Gao, *Scalable training of L₁-regularized log-linear models*, ICML 2007.
//!
//! ```
//! use optim::{FromParts, OwlQn};
//! // ½ (x − 3)² + ½ (y − 0.5)² + |x| + |y|: the minimum is (2, 0), soft thresholding.
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| 0.5 * ((x[0] - 3.0).powi(2) + (x[1] - 0.5).powi(2)),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0] - 3.0, x[1] - 0.5]),
//! );
//! let report = OwlQn::new(1.0).minimize(&f, &[1.0, 1.0])?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 2.0).abs() < 1e-7 && report.x[1] == 0.0);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent_direction::Learnt;
use crate::error::{Error, require, require_lengths, require_pairs};
use crate::halving::halve;
use crate::limits::{Limits, limit_options};
use crate::objective::Objective;
use crate::quasi_newton::{LbfgsInverse, Step};
use crate::radius_search::{Verdict, judge_armijo, rounding_allowance};
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Place, Status};
use crate::vector::{all_finite, dot, norm};
use std::ops::ControlFlow;

const METHOD: &str = "owl-qn";

/// How many lengths of a step are tried, at most; down from the longest that a double holds they would be 2100.
const MAX_SAMPLES: usize = 2200;

/// The options of the method, and the ways to run it.
///
/// An iteration costs about a value, a gradient and 4 m n multiplications; the run holds 2 m + 7 vectors. Value and
/// gradient norm of its reports are those of f + λ ‖·‖₁ and of its pseudogradient.
#[derive(Clone, Debug)]
pub struct OwlQn<T> {
    lambda: T,
    memory: usize,
    limits: Limits<T>,
}

impl<T: Scalar> OwlQn<T> {
    /// The method with the weight λ ≥ 0 of ‖x‖₁ and defaults for all else.
    pub fn new(lambda: T) -> Self {
        Self { lambda, memory: 10, limits: Limits::new(10_000) }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// How many pairs are kept, at least 1. Default: 10.
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<OwlQnSolver<'o, T, O>, Error> {
        self.check()?;
        let Self { lambda, memory, limits } = self;
        let mut now = Standing::start_first_order(METHOD, limits, objective, x)?;
        let mut smooth = vec![T::zero(); x.len()];
        std::mem::swap(&mut smooth, &mut now.gradient);
        now.value += lambda * norm_1(&now.x);
        pseudogradient(&now.x, &smooth, lambda, &mut now.gradient);
        now.gradient_norm = norm(&now.gradient);
        now.begin();
        let inverse = LbfgsInverse::new(x.len(), memory);
        let state = OwlQnState {
            now,
            lambda,
            inverse,
            smooth,
            trial_smooth: vec![T::zero(); x.len()],
            direction: vec![T::zero(); x.len()],
            alpha: T::zero(),
            steepest: false,
        };
        Ok(OwlQnSolver { objective, state })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: OwlQnState<T>,
    ) -> Result<OwlQnSolver<'o, T, O>, Error> {
        self.check()?;
        let n = objective.dimension();
        let now = state.now.resumed(METHOD, self.limits, n)?;
        require(self.lambda == state.lambda, METHOD, "lambda", self.lambda, "that of the state")?;
        let OwlQnState { ref smooth, ref trial_smooth, ref direction, .. } = state;
        require_lengths(METHOD, n, &[("smooth", smooth), ("trial_smooth", trial_smooth), ("direction", direction)])?;
        require_pairs(METHOD, state.inverse.fits(n))?;
        Ok(OwlQnSolver { objective, state: OwlQnState { now, ..state } })
    }

    fn check(&self) -> Result<(), Error> {
        let Self { lambda, memory, .. } = *self;
        require(lambda.is_finite() && lambda >= T::zero(), METHOD, "lambda", lambda, "a finite number, at least 0")?;
        require(memory >= 1, METHOD, "memory", memory, "at least 1")
    }
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct OwlQnState<T> {
    /// Its gradient is the pseudogradient.
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    lambda: T,
    inverse: LbfgsInverse<T>,
    /// The gradients of f at x and at the trial point.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    smooth: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    trial_smooth: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    direction: Vec<T>,
    /// α of the last step, and whether it went along the pseudogradient.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    steepest: bool,
}

/// A run of [`OwlQn`].
#[derive(Clone, Debug)]
pub struct OwlQnSolver<'o, T, O> {
    objective: &'o O,
    state: OwlQnState<T>,
}

/// Σ |xᵢ|.
fn norm_1<T: Scalar>(x: &[T]) -> T {
    x.iter().map(|x| x.abs()).sum()
}

/// The element of least norm of the subdifferential of f + λ ‖·‖₁ at x, g the gradient of f.
fn pseudogradient<T: Scalar>(x: &[T], g: &[T], lambda: T, out: &mut [T]) {
    let zero = T::zero();
    for ((out, &x), &g) in out.iter_mut().zip(x).zip(g) {
        *out = if x > zero {
            g + lambda
        } else if x < zero {
            g - lambda
        } else if g + lambda < zero {
            g + lambda
        } else if g - lambda > zero {
            g - lambda
        } else if g.is_nan() {
            g
        } else {
            zero
        };
    }
}

impl<T: Scalar, O: Objective<T>> OwlQnSolver<'_, T, O> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &OwlQnState<T> {
        &self.state
    }

    /// −H ◇f, cut to the signs of −◇f, ◇f the pseudogradient; its slope.
    fn set_direction(&mut self) -> T {
        let OwlQnState { now, lambda, inverse, direction, .. } = &mut self.state;
        for (d, &g) in direction.iter_mut().zip(&now.gradient) {
            *d = -g;
        }
        inverse.apply_in_place(direction);
        for (d, &g) in direction.iter_mut().zip(&now.gradient) {
            if *lambda > T::zero() && *d * g >= T::zero() {
                *d = T::zero();
            }
        }
        dot(direction, &now.gradient)
    }

    /// The projection of x + α d to the orthant of x, or of −◇f where x is zero, as the trial point.
    fn set_trial(&mut self, alpha: T) -> bool {
        let zero = T::zero();
        let OwlQnState { now, lambda, direction, .. } = &mut self.state;
        let free = *lambda == zero;
        for (((trial, &x), &d), &g) in now.trial.iter_mut().zip(&now.x).zip(&*direction).zip(&now.gradient) {
            let orthant = if x == zero { -g } else { x };
            let point = x + alpha * d;
            *trial = if free || point * orthant > zero || point.is_nan() { point } else { zero };
        }
        all_finite(&now.trial)
    }

    /// Moves to the trial point if the value there is low enough; else why not, where it is no matter of the value.
    fn try_trial(&mut self) -> Result<ControlFlow<Option<Status>, Option<Status>>, Error> {
        let OwlQnState { now, lambda, inverse, smooth, trial_smooth, .. } = &mut self.state;
        let penalty = *lambda * norm_1(&now.trial);
        let value = self.objective.value(&now.trial)? + penalty;
        now.counts.values += 1;
        if value == T::neg_infinity() {
            return Ok(ControlFlow::Break(Some(Status::Unbounded)));
        }
        if !value.is_finite() {
            return Ok(ControlFlow::Continue(Some(Status::NonFinite(Place::Value))));
        }
        // Armijo along the projected path: the change promised is that of ◇fᵀ (trial − x).
        let path = now.trial.iter().zip(&now.x).zip(&now.gradient);
        let promised = -path.map(|((&trial, &x), &g)| g * (trial - x)).sum::<T>();
        let verdict = judge_armijo(now.value - value, promised, rounding_allowance(now.value, T::zero()));
        if verdict == Verdict::Reject {
            return Ok(ControlFlow::Continue(None));
        }
        self.objective.value_and_gradient(&now.trial, trial_smooth)?;
        now.counts.gradients += 1;
        if !all_finite(trial_smooth) {
            return Ok(ControlFlow::Continue(Some(Status::NonFinite(Place::Gradient))));
        }
        if verdict != Verdict::Accept {
            // Where rounding hides the decrease, the pseudogradient judges.
            let mut pseudo = vec![T::zero(); trial_smooth.len()];
            pseudogradient(&now.trial, trial_smooth, *lambda, &mut pseudo);
            if norm(&pseudo) >= verdict.limit(now.gradient_norm) {
                return Ok(ControlFlow::Continue(None));
            }
        }
        let step = Step { from: &now.x, to: &now.trial, gradient_from: smooth, gradient_to: trial_smooth };
        now.step_norm = step.products().ss.sqrt();
        inverse.learn(&step);
        std::mem::swap(smooth, trial_smooth);
        std::mem::swap(&mut now.x, &mut now.trial);
        now.value = value;
        pseudogradient(&now.x, smooth, *lambda, &mut now.gradient);
        now.gradient_norm = norm(&now.gradient);
        now.accepted = true;
        Ok(ControlFlow::Break(None))
    }
}

impl<T: Scalar, O: Objective<T>> Learnt<T> for OwlQnSolver<'_, T, O> {
    fn now(&mut self) -> &mut Standing<T> {
        &mut self.state.now
    }

    fn is_steepest(&self) -> bool {
        self.state.inverse.pairs().is_empty()
    }

    fn forget(&mut self) {
        self.state.inverse.forget();
    }

    fn search(&mut self) -> Result<ControlFlow<Option<Status>, Status>, Error> {
        let slope = self.set_direction();
        // A direction that overflowed is none.
        if !(slope < T::zero() && slope.is_finite()) {
            return Ok(ControlFlow::Continue(Status::NoProgress));
        }
        let steepest = self.state.inverse.pairs().is_empty();
        let unit = T::one().min(T::one() / self.state.now.gradient_norm);
        let first = match self.state.alpha {
            last if steepest && self.state.steepest => (T::of(2.0) * last).min(T::max_value().sqrt()),
            _ if steepest => unit,
            _ => T::one(),
        };
        let mut failure = Status::NoProgress;
        let found = halve(first, MAX_SAMPLES, |alpha| {
            let finite = self.set_trial(alpha);
            if self.state.now.trial == self.state.now.x {
                return Ok::<_, Error>(ControlFlow::Break(ControlFlow::Continue(failure)));
            }
            if finite {
                match self.try_trial()? {
                    ControlFlow::Break(over) => {
                        self.state.alpha = alpha;
                        self.state.steepest = steepest;
                        return Ok(ControlFlow::Break(ControlFlow::Break(over)));
                    }
                    ControlFlow::Continue(reason) => failure = reason.unwrap_or(Status::NoProgress),
                }
            }
            Ok(ControlFlow::Continue(alpha))
        })?;
        Ok(found.unwrap_or(ControlFlow::Continue(failure)))
    }
}

solvers! {
    [O: Objective<T>] OwlQnSolver<'_, T, O>, state.now, |run| run.state.alpha;
}
