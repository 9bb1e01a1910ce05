//! Newton-MR: Newton's method on MINRES, which tells and uses nonpositive curvature on the way.
//!
//! MINRES on H s = −g either solves to the forcing tolerance, giving a direction of descent, or meets a residual r with
//! rᵀHr ≤ 0, which is one too: gᵀr = −‖r‖². The first is searched backwards from the full step, the second also
//! forwards, as far as f falls. No radius is needed, and an indefinite or singular H does no harm.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::NewtonMr;
//! let rosenbrock = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
//! let start = vec![-1.2_f64, 1.0];
//! let report = NewtonMr::new().minimize(&rosenbrock.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-7 && (report.x[1] - 1.0).abs() < 1e-7);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent::{ModelStep, StepEnd};
use crate::error::{Error, require};
use crate::forcing::Forcing;
use crate::krylov::{KrylovEnd, Minres};
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::radius_search::judge;
use crate::scalar::Scalar;
use crate::second_order::{Leaving, SecondOrder};
use crate::solver::{Solver, minimize_methods};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Progress, Report, Status};
use crate::vector::{dot, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "newton-mr";

/// Lengths that are tried either way: 2⁶⁰ apart from the first there is nothing more to find.
const MAX_TRIALS: usize = 60;

/// The options of the method, and the ways to run it.
///
/// A step costs the products of one MINRES run, a value for each length tried, and a gradient. It holds ten vectors.
///
/// A step must keep 10⁻⁴ of gᵀs (Armijo), with the allowances for rounding of [`TrustRegion`](crate::TrustRegion).
///
/// Sources: Roosta, Liu, Xu, Mahoney, *Newton-MR: inexact Newton method with minimum residual sub-problem solver*, EURO
/// J. Comput. Optim. 10 (2022); Liu, Roosta, *A Newton-MR algorithm with complexity guarantees for nonconvex smooth
/// unconstrained optimization*, arXiv:2208.07095 (2022).
#[derive(Clone, Debug)]
pub struct NewtonMr<T> {
    forcing: Forcing<T>,
    value_scale: T,
    limits: Limits<T>,
    second_order: SecondOrder<T>,
    minres: Minres<T>,
}

impl<T: Scalar> Default for NewtonMr<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> NewtonMr<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        Self {
            forcing: Forcing::Superlinear { largest: T::of(0.1), power: T::one() },
            value_scale: T::one(),
            limits: Limits::new(1000),
            second_order: SecondOrder::new(8),
            minres: Minres::new(),
        }
    }

    limit_options!(1000);
    minimize_methods!();

    /// How exactly Newton's equations are solved. Default: superlinear, `largest` 1/10, `power` 1: quadratic
    /// convergence.
    pub fn forcing(mut self, forcing: Forcing<T>) -> Self {
        self.forcing = forcing;
        self
    }

    /// The magnitude of the terms the function sums, in its units, as in
    /// [`TrustRegion::value_scale`](crate::TrustRegion::value_scale). Default: 1.
    pub fn value_scale(mut self, scale: T) -> Self {
        self.value_scale = scale;
        self
    }

    /// The most products spent on the question whether a point with zero gradient is a minimum, as in
    /// [`TrustRegion::saddle_products`](crate::TrustRegion::saddle_products). Default: 8.
    pub fn saddle_products(mut self, limit: usize) -> Self {
        self.second_order = SecondOrder::new(limit);
        self
    }

    /// The solver of Newton's equations, for its own options.
    pub fn minres(mut self, minres: Minres<T>) -> Self {
        self.minres = minres;
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<NewtonMrSolver<'o, T, O>, Error> {
        self.forcing.check(METHOD)?;
        let scale = self.value_scale;
        require(scale.is_finite() && scale >= T::zero(), METHOD, "value_scale", scale, "a finite number, at least 0")?;
        let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
        Ok(NewtonMrSolver {
            objective,
            model: Some(model),
            step: vec![T::zero(); x.len()],
            right: vec![T::zero(); x.len()],
            start_gradient_norm: now.gradient_norm,
            curves_down: false,
            examined: false,
            alpha: T::one(),
            options: self,
            now,
        })
    }
}

/// A run of [`NewtonMr`].
#[derive(Debug)]
pub struct NewtonMrSolver<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    /// The model at `x`, until the direction from there is known.
    model: Option<O::Model<'o>>,
    options: NewtonMr<T>,
    now: Standing<T>,
    step: Vec<T>,
    /// −g.
    right: Vec<T>,
    start_gradient_norm: T,
    /// Whether `step` is a residual with rᵀHr ≤ 0.
    curves_down: bool,
    /// Whether the current point was examined and may be a minimum.
    examined: bool,
    /// The length of the last step along its direction.
    alpha: T,
}

impl<T: Scalar, O: Objective<T>> NewtonMrSolver<'_, T, O> {
    /// Finds the direction at `x`, once; the status if there is none.
    fn prepare(&mut self) -> Result<Option<Status>, Error> {
        let Some(mut model) = self.model.take() else { return Ok(None) };
        let NewtonMr { forcing, minres, .. } = &mut self.options;
        let tolerance = forcing.at(&self.now, self.start_gradient_norm);
        for (right, &g) in self.right.iter_mut().zip(&self.now.gradient) {
            *right = -g;
        }
        let solution = match minres.solve_definite(&mut model.hessian(), &self.right, &mut self.step, tolerance) {
            Ok(solution) => solution,
            Err(error) => {
                self.model = Some(model);
                return Err(error.into());
            }
        };
        self.now.counts.products += solution.products;
        self.curves_down = solution.end == KrylovEnd::NegativeCurvature;
        if self.curves_down {
            self.step.copy_from_slice(minres.residual());
        }
        let slope = dot(&self.now.gradient, &self.step);
        if slope < T::zero() && norm(&self.step).is_finite() {
            return Ok(None);
        }
        if solution.end == KrylovEnd::NonFinite {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        // Only rounding turns the direction uphill.
        self.step.copy_from_slice(&self.right);
        Ok(None)
    }

    /// f at x + α s; infinite where it is not a number.
    fn sample(&mut self, alpha: T) -> Result<T, Error> {
        offset(&self.now.x, alpha, &self.step, &mut self.now.trial);
        let value = self.objective.value(&self.now.trial)?;
        self.now.counts.values += 1;
        Ok(if value.is_nan() { T::infinity() } else { value })
    }

    /// The longest of α, 2 α, 4 α, … up to which f keeps falling, sufficiently for each.
    fn stretch(&mut self, slope: T) -> Result<T, Error> {
        let sufficient = T::of(1e-4);
        let (mut alpha, mut best) = (self.alpha.max(T::of(1e-10)), self.now.value);
        let mut accepted = None;
        for _ in 0..MAX_TRIALS {
            let value = self.sample(alpha)?;
            if value == T::neg_infinity() {
                return Ok(alpha);
            }
            if !(value < best && value <= self.now.value + sufficient * alpha * slope) {
                break;
            }
            best = value;
            accepted = Some(alpha);
            alpha *= T::of(2.0);
        }
        Ok(accepted.unwrap_or(T::of(0.5) * alpha))
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        if self.options.second_order.is_leaving() {
            return self.leave();
        }
        self.now.accepted = false;
        if let Some(failed) = self.prepare()? {
            return Ok(Some(failed));
        }
        let (slope, length) = (dot(&self.now.gradient, &self.step), norm(&self.step));
        let mut alpha = if self.curves_down { self.stretch(slope)? } else { T::one() };
        // What f must keep is stated as a model: the promise −α gᵀs, of which 10⁻⁴ is enough.
        let end = if self.curves_down { StepEnd::NegativeCurvature } else { StepEnd::Interior };
        for _ in 0..MAX_TRIALS {
            offset(&self.now.x, alpha, &self.step, &mut self.now.trial);
            self.now.step_norm = alpha * length;
            if self.now.trial == self.now.x {
                break;
            }
            let promised = ModelStep { norm: alpha * length, decrease: -alpha * slope, end };
            let scale = self.options.value_scale;
            let sufficient = T::of(1e-4);
            let attempt =
                self.now.attempt(self.objective, |value, trial| judge(value, trial, &promised, sufficient, scale))?;
            match attempt {
                Attempt::Unbounded => return Ok(Some(Status::Unbounded)),
                Attempt::Accepted(model, _) => {
                    self.model = Some(model);
                    self.examined = false;
                    if self.curves_down {
                        self.alpha = alpha;
                    }
                    return Ok(None);
                }
                Attempt::Rejected => alpha *= T::of(0.5),
            }
        }
        Ok(Some(Status::NoProgress))
    }

    /// Asks whether the current point is a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<(), Error> {
        let second_order = &mut self.options.second_order;
        if let Some(model) = self.model.as_mut().filter(|_| !self.examined) {
            self.now.counts.products += second_order.examine(&mut model.hessian(), &self.now.gradient, T::one())?;
            self.examined = !second_order.is_leaving();
            if !self.examined {
                self.model = None;
            }
        }
        self.now.go_on_from(second_order);
        Ok(())
    }

    /// Tries to leave a saddle.
    fn leave(&mut self) -> Result<Option<Status>, Error> {
        let NewtonMr { second_order, value_scale, .. } = &mut self.options;
        let judge = |value, trial, promised: &ModelStep<T>| judge(value, trial, promised, T::of(1e-4), *value_scale);
        Ok(match second_order.leave(&mut self.now, self.objective, judge)? {
            Leaving::Left(model) => {
                self.model = Some(model);
                self.examined = false;
                None
            }
            Leaving::Failed => None,
            Leaving::Ended(status) => Some(status),
        })
    }
}

impl<T: Scalar, O: Objective<T>> Solver<T> for NewtonMrSolver<'_, T, O> {
    fn step(&mut self) -> Result<ControlFlow<Status>, Error> {
        if self.now.finished.is_none() {
            let failed = self.advance()?;
            self.now.end_iteration(failed);
        }
        if self.now.finished.is_some_and(Status::is_converged) {
            self.examine()?;
        }
        Ok(self.now.outcome())
    }

    fn confirm(&mut self) -> Result<bool, Error> {
        self.examine()?;
        Ok(!self.options.second_order.is_leaving())
    }

    fn progress(&self) -> Progress<'_, T> {
        self.now.progress(self.alpha)
    }

    fn into_report(self, status: Status) -> Report<T> {
        self.now.into_report(status)
    }
}
