//! Limited-memory SR1 in a trust region: a quasi-Newton method whose matrix may be indefinite, as the Hessian may.
//!
//! The trust-region step is that of any [`Descent`] for the model with B, the matrix of symmetric rank-one updates of the
//! last pairs; its products cost 4 m n multiplications and ask the objective nothing. B learns from every trial, accepted
//! or not: each costs one value and gradient.
//!
//! Sources: Nocedal, Wright, *Numerical Optimization* (2006), algorithm 6.2; Byrd, Khalfan, Schnabel, *Analysis of a
//! symmetric rank-one trust region method*, SIAM J. Optim. 6 (1996).
//!
//! ```
//! use optim::{FromParts, Lsr1};
//! // Rosenbrock's function: a = 1 − x, b = y − x².
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
//!     |x: &[f64], g: &mut [f64]| {
//!         let b = x[1] - x[0] * x[0];
//!         g.copy_from_slice(&[-2.0 * (1.0 - x[0]) - 400.0 * x[0] * b, 200.0 * b]);
//!     },
//! );
//! let report = Lsr1::new().minimize(&f, &[-1.2, 1.0])?;
//! assert!(report.status.is_converged() && report.value < 1e-12);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent::{Descent, StepEnd};
use crate::error::{Error, require};
use crate::krylov::Steihaug;
use crate::limits::{Limits, limit_options};
use crate::objective::Objective;
use crate::quasi_newton::{Lsr1Operator, Step};
use crate::radius_search::{RadiusSearch, Verdict};
use crate::scalar::Scalar;
use crate::solver::{Solver, minimize_methods};
use crate::standing::Standing;
use crate::status::{Place, Progress, Report, Status};
use crate::vector::{all_finite, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "lsr1";

/// The options of the method, and the ways to run it. The run holds 2 m + 7 vectors and those of its descent.
#[derive(Clone, Debug)]
pub struct Lsr1<T, D = Steihaug<T>> {
    memory: usize,
    radius: T,
    limits: Limits<T>,
    descent: D,
}

impl<T: Scalar> Default for Lsr1<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Lsr1<T> {
    /// The method with its defaults, its steps from [`Steihaug`].
    pub fn new() -> Self {
        Self::with_descent(Steihaug::new())
    }
}

impl<T: Scalar, D: Descent<T>> Lsr1<T, D> {
    /// The method with its defaults, its steps from `descent`.
    pub fn with_descent(descent: D) -> Self {
        Self { memory: 10, radius: T::one(), limits: Limits::new(10_000), descent }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// How many pairs are kept, at least 1. Default: 10.
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// The first radius, in the units of `x`. Default: 1.
    pub fn radius(mut self, radius: T) -> Self {
        self.radius = radius;
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<Lsr1Solver<'o, T, O, D>, Error> {
        require(self.memory >= 1, METHOD, "memory", self.memory, "at least 1")?;
        let finite = self.radius.is_finite() && self.radius > T::zero();
        require(finite, METHOD, "radius", self.radius, "a finite number above 0")?;
        let now = Standing::start_first_order(METHOD, self.limits, objective, x)?;
        Ok(Lsr1Solver {
            objective,
            now,
            hessian: Lsr1Operator::new(x.len(), self.memory),
            search: RadiusSearch::new(self.radius),
            descent: self.descent,
            step: vec![T::zero(); x.len()],
            trial_gradient: vec![T::zero(); x.len()],
            forgot: false,
        })
    }
}

/// A run of [`Lsr1`].
#[derive(Clone, Debug)]
pub struct Lsr1Solver<'o, T, O, D> {
    objective: &'o O,
    now: Standing<T>,
    hessian: Lsr1Operator<T>,
    search: RadiusSearch<T>,
    descent: D,
    step: Vec<T>,
    trial_gradient: Vec<T>,
    /// Whether the pairs were dropped at the current point.
    forgot: bool,
}

impl<T: Scalar, O: Objective<T>, D: Descent<T>> Lsr1Solver<'_, T, O, D> {
    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        let now = &mut self.now;
        now.accepted = false;
        // B changes with every trial, so nothing of the last path can be kept; products are cheap, and solved exactly.
        let tolerance = T::epsilon().sqrt();
        let radius = self.search.radius();
        self.descent.prepare(&mut self.hessian, &now.gradient, radius, tolerance)?;
        let promised = self.descent.step(radius, &mut self.step);
        now.step_norm = promised.norm;
        offset(&now.x, T::one(), &self.step, &mut now.trial);
        let lost = promised.norm == T::zero() && promised.end == StepEnd::NonFinite;
        if lost || now.trial == now.x {
            if self.hessian.pairs().is_empty() || self.forgot {
                let held_back = promised.end.is_on_boundary();
                return Ok(Some(if held_back { Status::RadiusTooSmall } else { Status::NoProgress }));
            }
            // The pairs may be to blame: the identity, once a point.
            self.hessian.forget();
            self.forgot = true;
            return Ok(None);
        }
        let mut value = T::nan();
        if all_finite(&now.trial) {
            value = self.objective.value_and_gradient(&now.trial, &mut self.trial_gradient)?;
            now.counts.gradients += 1;
        }
        if value == T::neg_infinity() {
            return Ok(Some(Status::Unbounded));
        }
        let finite = value.is_finite() && all_finite(&self.trial_gradient);
        let judgement = self.search.judge(now.value, value, &promised);
        if finite {
            self.hessian.learn(&Step {
                from: &now.x,
                to: &now.trial,
                gradient_from: &now.gradient,
                gradient_to: &self.trial_gradient,
            });
        }
        let falls_below = |share: T| norm(&self.trial_gradient) < share * now.gradient_norm;
        let accept = match judgement.verdict {
            Verdict::Accept => true,
            Verdict::AcceptIfGradientFalls => falls_below(T::one()),
            Verdict::AcceptIfGradientHalves => falls_below(T::of(0.5)),
            Verdict::Reject => false,
        };
        if finite && accept {
            now.accept_trial(value, &mut self.trial_gradient);
            self.forgot = false;
            self.search.accepted(judgement, &promised);
            return Ok(None);
        }
        self.search.rejected(&promised);
        if !self.search.is_exhausted() {
            return Ok(None);
        }
        Ok(Some(if value.is_finite() { Status::RadiusTooSmall } else { Status::NonFinite(Place::Value) }))
    }
}

impl<T: Scalar, O: Objective<T>, D: Descent<T>> Solver<T> for Lsr1Solver<'_, T, O, D> {
    fn step(&mut self) -> Result<ControlFlow<Status>, Error> {
        if self.now.finished.is_none() {
            let failed = self.advance()?;
            self.now.end_iteration(failed);
        }
        Ok(self.now.outcome())
    }

    fn progress(&self) -> Progress<'_, T> {
        self.now.progress(self.search.radius())
    }

    fn into_report(self, status: Status) -> Report<T> {
        self.now.into_report(status)
    }
}
