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
use crate::error::{Error, require, require_lengths};
use crate::forcing::{Forcing, forcing_options};
use crate::halving::halve;
use crate::krylov::{KrylovEnd, Minres};
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::radius_search::{SUFFICIENT, judge};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::{minimize_methods, solvers};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::{dot, most_halvings, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "newton-mr";

/// The options of the method, and the ways to run it.
///
/// A step costs the products of one MINRES run, a value for each length tried, and a gradient. It holds 11 vectors.
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

    forcing_options!();

    /// The magnitude of the terms the function sums, in its units, as in
    /// [`TrustRegion::value_scale`](crate::TrustRegion::value_scale). Default: 1.
    pub fn value_scale(mut self, scale: T) -> Self {
        self.value_scale = scale;
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
        self.check()?;
        let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
        Ok(NewtonMrSolver {
            site: Site::new(objective, model, self.second_order.clone()),
            step: vec![T::zero(); x.len()],
            right: vec![T::zero(); x.len()],
            curves_down: false,
            alpha: T::one(),
            options: self,
            now,
        })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: NewtonMrState<T>,
    ) -> Result<NewtonMrSolver<'o, T, O>, Error> {
        self.check()?;
        let NewtonMrState { now, step, curves_down, alpha, site } = state;
        let n = objective.dimension();
        let now = now.resumed(METHOD, self.limits, n)?;
        require_lengths(METHOD, n, &[("step", &step)])?;
        Ok(NewtonMrSolver {
            site: Site::resume(METHOD, objective, &now.x, self.second_order.clone(), site)?,
            right: vec![T::zero(); n],
            step,
            curves_down,
            alpha,
            options: self,
            now,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        self.forcing.check(METHOD)?;
        let scale = self.value_scale;
        require(scale.is_finite() && scale >= T::zero(), METHOD, "value_scale", scale, "a finite number, at least 0")
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct NewtonMrState<T> {
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    step: Vec<T>,
    curves_down: bool,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    site: SiteState<T>,
}

/// A run of [`NewtonMr`].
#[derive(Debug)]
pub struct NewtonMrSolver<'o, T: Scalar, O: Objective<T>> {
    site: Site<'o, T, O>,
    options: NewtonMr<T>,
    now: Standing<T>,
    step: Vec<T>,
    /// −g.
    right: Vec<T>,
    /// Whether `step` is a residual with rᵀHr ≤ 0.
    curves_down: bool,
    /// The length of the last step along its direction.
    alpha: T,
}

impl<T: Scalar, O: Objective<T>> NewtonMrSolver<'_, T, O> {
    /// What the run is apart from its objective and its options;
    /// [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> NewtonMrState<T> {
        NewtonMrState {
            now: self.now.clone(),
            step: self.step.clone(),
            curves_down: self.curves_down,
            alpha: self.alpha,
            site: self.site.state(),
        }
    }

    /// Finds the direction at `x`, once; the status if there is none.
    fn prepare(&mut self) -> Result<Option<Status>, Error> {
        let Self { site, options, now, step, right, .. } = self;
        let NewtonMr { forcing, minres, .. } = options;
        let tolerance = forcing.at(now);
        for (right, &g) in right.iter_mut().zip(&now.gradient) {
            *right = -g;
        }
        let solution = site.spend(|model| minres.solve_definite(&mut model.hessian(), right, step, tolerance))?;
        let Some(solution) = solution else { return Ok(None) };
        self.now.counts.products += solution.products;
        self.curves_down = solution.end == KrylovEnd::NegativeCurvature;
        if self.curves_down {
            self.step.copy_from_slice(self.options.minres.residual());
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
        let value = self.site.objective().value(&self.now.trial)?;
        self.now.counts.values += 1;
        Ok(if value.is_nan() { T::infinity() } else { value })
    }

    /// The longest of α, 2 α, 4 α, … up to which f keeps falling, sufficiently for each.
    fn stretch(&mut self, slope: T) -> Result<T, Error> {
        let sufficient = T::of(SUFFICIENT);
        let (mut alpha, mut best) = (self.alpha.max(T::of(1e-10)), self.now.value);
        let mut accepted = None;
        for _ in 0..most_halvings::<T>() {
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
        let scale = self.options.value_scale;
        // What f must keep is stated as a model: the promise −α gᵀs, of which 10⁻⁴ is enough.
        let judge = |value, trial, promised: &_| judge(value, trial, promised, T::of(SUFFICIENT), scale);
        if self.site.is_leaving() {
            return self.site.leave(&mut self.now, judge);
        }
        self.now.accepted = false;
        if let Some(failed) = self.prepare()? {
            return Ok(Some(failed));
        }
        let (slope, length) = (dot(&self.now.gradient, &self.step), norm(&self.step));
        let first = if self.curves_down { self.stretch(slope)? } else { T::one() };
        let end = if self.curves_down { StepEnd::NegativeCurvature } else { StepEnd::Interior };
        let found = halve(first, most_halvings::<T>(), |alpha| {
            offset(&self.now.x, alpha, &self.step, &mut self.now.trial);
            self.now.step_norm = alpha * length;
            if self.now.trial == self.now.x {
                return Ok::<_, Error>(ControlFlow::Break(Some(self.now.failed(Status::NoProgress))));
            }
            let promised = ModelStep { norm: alpha * length, decrease: -alpha * slope, end };
            let attempt = self.now.attempt(self.site.objective(), |value, trial| judge(value, trial, &promised))?;
            Ok(match attempt {
                Attempt::Unbounded => ControlFlow::Break(Some(Status::Unbounded)),
                Attempt::Accepted(model, _) => {
                    self.site.arrive(model, false);
                    if self.curves_down {
                        self.alpha = alpha;
                    }
                    ControlFlow::Break(None)
                }
                Attempt::Rejected => ControlFlow::Continue(alpha),
            })
        })?;
        Ok(found.unwrap_or_else(|| Some(self.now.failed(Status::NoProgress))))
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        self.site.examine(&mut self.now, T::one())
    }
}

solvers! {
    [O: Objective<T>] NewtonMrSolver<'_, T, O>, now, |run| run.alpha, examine;
}
