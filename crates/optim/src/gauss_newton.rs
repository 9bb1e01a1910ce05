//! Gauss–Newton: least squares by solving linear ones, with a line search.
//!
//! Each step solves min ‖J s + r‖ by [`Lsmr`], then shortens s until ½ ‖r‖² falls enough. Fast where the residuals are
//! small or nearly linear, and the leanest: the only storage that grows with the data is two vectors. Where J is badly
//! conditioned far from the solution, [`LevenbergMarquardt`](crate::LevenbergMarquardt) is the safe choice.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::GaussNewton;
//! let r = Function::new(|x: &[Var]| vec![10.0 * (x[1] - x[0].square()), 1.0 - x[0]]);
//! let start = vec![-1.2_f64, 1.0];
//! let report = GaussNewton::new().minimize(&r.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-8 && (report.x[1] - 1.0).abs() < 1e-8);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::{Error, require, require_length};
use crate::krylov::{KrylovEnd, Lsmr};
use crate::least_squares::{LeastSquares, ResidualModel, half_square};
use crate::limits::{Limits, limit_options};
use crate::radius_search::rounding_allowance;
use crate::scalar::Scalar;
use crate::solver::{Solver, minimize_methods};
use crate::standing::Standing;
use crate::status::{Criterion, Place, Progress, Report, Status};
use crate::vector::{dot, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "gauss-newton";

/// The share of the first-order decrease a step must keep (c₁ of Nocedal and Wright).
const SUFFICIENT: f64 = 1e-4;

/// Down to 1e-18 of the step: only at x = 0 are there shorter ones that change anything.
const MAX_HALVINGS: usize = 60;

/// The options of the method, and the ways to run it.
///
/// A step s that [`Lsmr`] ends early is still one of descent: LSMR's iterates from 0 have gᵀs < 0. The step is halved
/// until f falls by 10⁻⁴ of gᵀs (Armijo). An iteration costs one preparation of J, its products, and one evaluation of r
/// for each length tried; it holds nine vectors of length `n` and four of length `m`.
///
/// Source: Nocedal, Wright, *Numerical Optimization* (2006), §10.3.
#[derive(Clone, Debug)]
pub struct GaussNewton<T> {
    limits: Limits<T>,
    damping: T,
    step_tolerance: T,
    linear_tolerance: T,
    lsmr: Lsmr<T>,
}

impl<T: Scalar> Default for GaussNewton<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> GaussNewton<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        Self {
            limits: Limits::new(1000),
            damping: T::zero(),
            step_tolerance: T::of(1e4) * T::epsilon(),
            linear_tolerance: T::of(1e-6),
            lsmr: Lsmr::new(),
        }
    }

    limit_options!(1000);

    /// δ ≥ 0 of the step: it solves min ‖J s + r‖² + δ² ‖s‖². Default: 0.
    pub fn damping(mut self, damping: T) -> Self {
        self.damping = damping;
        self
    }

    /// ‖s‖/‖x‖ at which a full step is as good as none: the run has converged. Default: 1e4 ε (2e-12 in `f64`).
    pub fn step_tolerance(mut self, tolerance: T) -> Self {
        self.step_tolerance = tolerance;
        self
    }

    /// The tolerance of [`Lsmr`] for a step. Default: 1e-6.
    pub fn linear_tolerance(mut self, tolerance: T) -> Self {
        self.linear_tolerance = tolerance;
        self
    }

    /// The solver of a step, for its own options.
    pub fn lsmr(mut self, lsmr: Lsmr<T>) -> Self {
        self.lsmr = lsmr;
        self
    }

    minimize_methods!(crate::least_squares::LeastSquares, residuals, "½ ‖r‖²", "the residuals report");

    /// A run at its starting point `x`, to be stepped. Costs one evaluation of r and a product with Jᵀ.
    ///
    /// In the [counts](crate::Counts), values are evaluations of r, gradients are preparations of J with a product with
    /// Jᵀ, and products are all others with J or Jᵀ.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        x: &[T],
    ) -> Result<GaussNewtonSolver<'o, T, L>, Error> {
        let fraction = |a: T| a >= T::zero() && a < T::one();
        let damping = self.damping;
        require(
            damping.is_finite() && damping >= T::zero(),
            METHOD,
            "damping",
            damping,
            "a finite number, at least 0",
        )?;
        require(fraction(self.step_tolerance), METHOD, "step_tolerance", self.step_tolerance, "from 0 to below 1")?;
        let linear = self.linear_tolerance;
        require(fraction(linear), METHOD, "linear_tolerance", linear, "from 0 to below 1")?;
        let now = Standing::unevaluated(METHOD, self.limits, x)?;
        require_length(METHOD, "x", residuals.dimension(), x.len())?;
        let mut solver = GaussNewtonSolver {
            residuals,
            options: self,
            now,
            model: None,
            step: vec![T::zero(); x.len()],
            trial_gradient: vec![T::zero(); x.len()],
            trial_residual: Vec::new(),
            minus_residual: Vec::new(),
        };
        solver.now.trial.copy_from_slice(x);
        let (value, gradient_norm) = solver.look()?;
        solver.settle(value, gradient_norm);
        solver.now.finished = solver.now.limits.start_verdict(x, value, gradient_norm);
        Ok(solver)
    }
}

/// A run of [`GaussNewton`].
#[derive(Debug)]
pub struct GaussNewtonSolver<'o, T: Scalar, L: LeastSquares<T>> {
    residuals: &'o L,
    options: GaussNewton<T>,
    now: Standing<T>,
    /// J at `x`, until the step from there is known.
    model: Option<L::Model<'o>>,
    step: Vec<T>,
    trial_gradient: Vec<T>,
    trial_residual: Vec<T>,
    minus_residual: Vec<T>,
}

impl<T: Scalar, L: LeastSquares<T>> GaussNewtonSolver<'_, T, L> {
    /// Prepares J at the trial point; the value there and the norm of the gradient.
    fn look(&mut self) -> Result<(T, T), Error> {
        self.model = None;
        let mut model = self.residuals.model_at(&self.now.trial)?;
        self.trial_residual.clear();
        self.trial_residual.extend_from_slice(model.residual());
        model.vjp(&self.trial_residual, &mut self.trial_gradient)?;
        self.now.counts.gradients += 1;
        self.model = Some(model);
        Ok((half_square(&self.trial_residual), norm(&self.trial_gradient)))
    }

    /// Makes the trial point, at which was looked, the current one.
    fn settle(&mut self, value: T, gradient_norm: T) {
        (self.now.value, self.now.gradient_norm) = (value, gradient_norm);
        self.now.gradient.copy_from_slice(&self.trial_gradient);
        self.minus_residual.clear();
        self.minus_residual.extend(self.trial_residual.iter().map(|&r| -r));
        std::mem::swap(&mut self.now.x, &mut self.now.trial);
        self.now.accepted = true;
    }

    /// Solves for the step, once for each point; the status if there is none.
    fn solve(&mut self) -> Result<Option<Status>, Error> {
        let Some(mut model) = self.model.take() else { return Ok(None) };
        let GaussNewton { lsmr, damping, linear_tolerance, .. } = &mut self.options;
        let mut jacobian = model.jacobian(self.step.len());
        let solved = lsmr.solve(&mut jacobian, &self.minus_residual, *damping, &mut self.step, *linear_tolerance);
        let solution = match solved {
            Ok(solution) => solution,
            Err(error) => {
                // The step may be tried again.
                self.model = Some(model);
                return Err(error.into());
            }
        };
        self.now.counts.products += solution.products;
        let useless = dot(&self.now.gradient, &self.step) >= T::zero();
        let failed = solution.end == KrylovEnd::NonFinite && useless || !norm(&self.step).is_finite();
        Ok(failed.then_some(Status::NonFinite(Place::Product)))
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.now.accepted = false;
        if let Some(failed) = self.solve()? {
            return Ok(Some(failed));
        }
        let length = norm(&self.step);
        self.now.step_norm = length;
        if length <= self.options.step_tolerance * norm(&self.now.x) {
            return Ok(Some(Status::Converged(Criterion::Step)));
        }
        let slope = dot(&self.now.gradient, &self.step);
        // What cancels in f is about ‖J s‖ ‖r‖ ≥ |gᵀs|, for lack of a better scale.
        let allowance = rounding_allowance(self.now.value, slope.abs());
        let mut alpha = T::one();
        for _ in 0..MAX_HALVINGS {
            offset(&self.now.x, alpha, &self.step, &mut self.now.trial);
            if self.now.trial == self.now.x {
                return Ok(Some(Status::NoProgress));
            }
            self.now.step_norm = alpha * length;
            self.residuals.residual(&self.now.trial, &mut self.trial_residual)?;
            self.now.counts.values += 1;
            let decrease = self.now.value - half_square(&self.trial_residual);
            let promised = -alpha * slope;
            let enough = decrease > T::zero() && decrease >= T::of(SUFFICIENT) * promised;
            // Where rounding hides what is promised, the gradient judges, as in the trust-region method.
            let hidden = promised <= allowance && decrease.abs() <= allowance;
            if enough || hidden {
                let (value, gradient_norm) = self.look()?;
                let finite = value.is_finite() && gradient_norm.is_finite();
                if finite && (enough || gradient_norm < self.now.gradient_norm) {
                    self.settle(value, gradient_norm);
                    return Ok(None);
                }
                self.model = None;
            }
            alpha *= T::of(0.5);
        }
        Ok(Some(Status::NoProgress))
    }
}

impl<T: Scalar, L: LeastSquares<T>> Solver<T> for GaussNewtonSolver<'_, T, L> {
    fn step(&mut self) -> Result<ControlFlow<Status>, Error> {
        if self.now.finished.is_none() {
            let failed = self.advance()?;
            self.now.end_iteration(failed);
        }
        Ok(self.now.outcome())
    }

    fn progress(&self) -> Progress<'_, T> {
        self.now.progress(self.options.damping)
    }

    fn into_report(self, status: Status) -> Report<T> {
        self.now.into_report(status)
    }
}
