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
use crate::error::{Error, require, require_pairs};
use crate::krylov::Steihaug;
use crate::limits::{Limits, limit_options};
use crate::objective::Objective;
use crate::quasi_newton::{Lsr1Operator, Step};
use crate::radius_search::RadiusSearch;
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Place, Status};
use crate::vector::{all_finite, norm, offset};

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
        self.check()?;
        let state = Lsr1State {
            now: Standing::start_first_order(METHOD, self.limits, objective, x)?,
            hessian: Lsr1Operator::new(x.len(), self.memory),
            search: RadiusSearch::new(self.radius),
            forgot: false,
        };
        Ok(Lsr1Solver::new(objective, self.descent, state))
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: Lsr1State<T>,
    ) -> Result<Lsr1Solver<'o, T, O, D>, Error> {
        self.check()?;
        let n = objective.dimension();
        let mut state = Lsr1State { now: state.now.resumed(METHOD, self.limits, n)?, ..state };
        require_pairs(METHOD, state.hessian.restore(n))?;
        Ok(Lsr1Solver::new(objective, self.descent, state))
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        require(self.memory >= 1, METHOD, "memory", self.memory, "at least 1")?;
        let sensible = self.radius.is_finite() && self.radius > T::zero();
        require(sensible, METHOD, "radius", self.radius, "a finite number above 0")
    }
}

/// What a run is apart from its objective and its descent: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct Lsr1State<T> {
    now: Standing<T>,
    hessian: Lsr1Operator<T>,
    search: RadiusSearch<T>,
    /// Whether the pairs were dropped at the current point.
    forgot: bool,
}

/// A run of [`Lsr1`].
#[derive(Clone, Debug)]
pub struct Lsr1Solver<'o, T, O, D> {
    objective: &'o O,
    descent: D,
    step: Vec<T>,
    trial_gradient: Vec<T>,
    state: Lsr1State<T>,
}

impl<'o, T: Scalar, O: Objective<T>, D: Descent<T>> Lsr1Solver<'o, T, O, D> {
    fn new(objective: &'o O, descent: D, state: Lsr1State<T>) -> Self {
        let vector = || vec![T::zero(); state.now.x.len()];
        Self { objective, descent, step: vector(), trial_gradient: vector(), state }
    }

    /// What the run is apart from its objective and its descent; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &Lsr1State<T> {
        &self.state
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        let Lsr1State { now, hessian, search, forgot } = &mut self.state;
        now.accepted = false;
        // B changes with every trial, so nothing of the last path can be kept; products are cheap, and solved exactly.
        let tolerance = T::epsilon().sqrt();
        let radius = search.radius();
        self.descent.prepare(hessian, &now.gradient, radius, tolerance)?;
        let promised = self.descent.step(radius, &mut self.step);
        now.step_norm = promised.norm;
        offset(&now.x, T::one(), &self.step, &mut now.trial);
        let lost = promised.norm == T::zero() && promised.end == StepEnd::NonFinite;
        if lost || now.trial == now.x {
            if hessian.pairs().is_empty() || *forgot {
                let held_back = promised.end.is_on_boundary();
                return Ok(Some(now.failed(if held_back { Status::RadiusTooSmall } else { Status::NoProgress })));
            }
            // The pairs may be to blame: the identity, once a point.
            hessian.forget();
            *forgot = true;
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
        now.saw(value);
        let finite = value.is_finite() && all_finite(&self.trial_gradient);
        if value.is_finite() && !finite {
            now.lost = Some(Place::Gradient);
        }
        let judgement = search.judge(now.value, value, &promised);
        if finite {
            hessian.learn(&Step {
                from: &now.x,
                to: &now.trial,
                gradient_from: &now.gradient,
                gradient_to: &self.trial_gradient,
            });
        }
        if finite && norm(&self.trial_gradient) < judgement.verdict.limit(now.gradient_norm) {
            now.accept_trial(value, &mut self.trial_gradient);
            *forgot = false;
            search.accepted(judgement, &promised);
            return Ok(None);
        }
        search.rejected(&promised);
        Ok(search.is_exhausted().then(|| now.failed(Status::RadiusTooSmall)))
    }
}

solvers! {
    [O: Objective<T>, D: Descent<T>] Lsr1Solver<'_, T, O, D>, state.now, |run| run.state.search.radius();
}
