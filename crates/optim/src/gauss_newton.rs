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

use crate::error::{Error, require, require_length, require_lengths};
use crate::halving::halve;
use crate::krylov::{KrylovEnd, Lsmr};
use crate::least_squares::{LeastSquares, ResidualModel, half_square};
use crate::limits::{Limits, limit_options};
use crate::radius_search::{Verdict, judge_armijo, rounding_allowance};
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Criterion, Place, Status};
use crate::vector::{dot, most_halvings, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "gauss-newton";

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
    ///
    /// A short step is solved for once more, to 10 ε. Of one that is damped, or that [`Lsmr`] gave up, its length says nothing: then
    /// ‖Jᵀr‖ must be at most √ε ‖J‖ ‖r‖, too, which a badly conditioned J may allow far from a minimum.
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
        let now = Standing::unevaluated(METHOD, self.limits, x)?;
        let (solved, exact, cosine, alpha) = (false, false, T::nan(), T::zero());
        let state = GaussNewtonState { now, step: vec![T::zero(); x.len()], solved, exact, cosine, alpha };
        let mut solver = self.solver(residuals, state)?;
        solver.state.now.trial.copy_from_slice(x);
        let (value, gradient_norm) = solver.look()?;
        solver.settle(value, gradient_norm);
        solver.state.now.begin();
        solver.state.now.finished = solver.state.now.finished.or(solver.state.now.vanished());
        Ok(solver)
    }

    pub(crate) fn resumed<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        state: GaussNewtonState<T>,
    ) -> Result<GaussNewtonSolver<'o, T, L>, Error> {
        let n = residuals.dimension();
        let state = GaussNewtonState { now: state.now.resumed(METHOD, self.limits, n)?, ..state };
        require_lengths(METHOD, n, &[("step", &state.step)])?;
        let mut solver = self.solver(residuals, state)?;
        let model = residuals.model_at(&solver.state.now.x)?;
        solver.minus_residual.extend(model.residual().iter().map(|&r| -r));
        solver.model = (!solver.state.solved).then_some(model);
        Ok(solver)
    }

    /// A run in this state, J not prepared.
    fn solver<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        state: GaussNewtonState<T>,
    ) -> Result<GaussNewtonSolver<'o, T, L>, Error> {
        self.check()?;
        let n = state.now.x.len();
        require_length(METHOD, "x", residuals.dimension(), n)?;
        let (trial_residual, minus_residual) = (Vec::new(), Vec::new());
        let trial_gradient = vec![T::zero(); n];
        let (options, model) = (self, None);
        Ok(GaussNewtonSolver { residuals, options, model, trial_gradient, trial_residual, minus_residual, state })
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        let fraction = |a: T| a >= T::zero() && a < T::one();
        let Self { damping, step_tolerance: step, linear_tolerance: linear, .. } = *self;
        let sensible = damping.is_finite() && damping >= T::zero();
        require(sensible, METHOD, "damping", damping, "a finite number, at least 0")?;
        require(fraction(step), METHOD, "step_tolerance", step, "from 0 to below 1")?;
        require(fraction(linear), METHOD, "linear_tolerance", linear, "from 0 to below 1")
    }
}

/// What a run is apart from its residuals and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct GaussNewtonState<T> {
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    step: Vec<T>,
    /// Whether `step` is that from `x`.
    solved: bool,
    /// Whether it is the undamped step, solved to the tolerance.
    exact: bool,
    /// ‖Jᵀr‖/(‖J‖ ‖r‖), with an estimate of ‖J‖ from below: the cosine of the angle between r and the range of J, if J is well
    /// conditioned.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    cosine: T,
    /// The share of the last step that was taken.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
}

/// A run of [`GaussNewton`].
#[derive(Debug)]
pub struct GaussNewtonSolver<'o, T: Scalar, L: LeastSquares<T>> {
    residuals: &'o L,
    options: GaussNewton<T>,
    state: GaussNewtonState<T>,
    /// J at `x`, until the step from there is known.
    model: Option<L::Model<'o>>,
    trial_gradient: Vec<T>,
    trial_residual: Vec<T>,
    minus_residual: Vec<T>,
}

impl<T: Scalar, L: LeastSquares<T>> GaussNewtonSolver<'_, T, L> {
    /// What the run is apart from its residuals and its options;
    /// [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &GaussNewtonState<T> {
        &self.state
    }

    /// Prepares J at the trial point; the value there and the norm of the gradient.
    fn look(&mut self) -> Result<(T, T), Error> {
        self.model = None;
        let mut model = self.residuals.model_at(&self.state.now.trial)?;
        self.trial_residual.clear();
        self.trial_residual.extend_from_slice(model.residual());
        model.vjp(&self.trial_residual, &mut self.trial_gradient)?;
        self.state.now.counts.gradients += 1;
        self.model = Some(model);
        Ok((half_square(&self.trial_residual), norm(&self.trial_gradient)))
    }

    /// Makes the trial point, at which was looked, the current one.
    fn settle(&mut self, value: T, gradient_norm: T) {
        (self.state.now.value, self.state.now.gradient_norm) = (value, gradient_norm);
        self.state.now.gradient.copy_from_slice(&self.trial_gradient);
        self.minus_residual.clear();
        self.minus_residual.extend(self.trial_residual.iter().map(|&r| -r));
        std::mem::swap(&mut self.state.now.x, &mut self.state.now.trial);
        self.state.now.accepted = true;
        self.state.solved = false;
    }

    /// Solves for the step, once for each point; the status if there is none.
    fn solve(&mut self) -> Result<Option<Status>, Error> {
        let Some(mut model) = self.model.take() else { return Ok(None) };
        let GaussNewton { lsmr, damping, linear_tolerance, step_tolerance, .. } = &mut self.options;
        let (step, right) = (&mut self.state.step, &self.minus_residual);
        let short = *step_tolerance * norm(&self.state.now.x);
        let finest = T::of(10.0) * T::epsilon();
        let mut jacobian = model.jacobian(step.len());
        let mut solved = lsmr.solve(&mut jacobian, right, *damping, step, *linear_tolerance);
        if let Ok(first) = solved
            && (*damping == T::zero() && first.end.is_solved())
            && (norm(step) <= short && *linear_tolerance > finest)
        {
            // Where J is badly conditioned a few digits of the system may be right with a step that is not: all of them.
            self.state.now.counts.products += first.products;
            solved = lsmr.solve(&mut jacobian, right, T::zero(), step, finest);
        }
        let solution = match solved {
            Ok(solution) => solution,
            Err(error) => {
                // The step may be tried again.
                self.model = Some(model);
                return Err(error.into());
            }
        };
        self.state.now.counts.products += solution.products;
        self.state.solved = true;
        self.state.exact = *damping == T::zero() && solution.end.is_solved();
        self.state.cosine = self.state.now.gradient_norm / (lsmr.scale() * norm(&self.minus_residual));
        let useless = dot(&self.state.now.gradient, &self.state.step) >= T::zero();
        let failed = solution.end == KrylovEnd::NonFinite && useless || !norm(&self.state.step).is_finite();
        Ok(failed.then_some(Status::NonFinite(Place::Product)))
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.state.now.accepted = false;
        if let Some(failed) = self.solve()? {
            return Ok(Some(failed));
        }
        let length = norm(&self.state.step);
        self.state.now.step_norm = length;
        let short = length <= self.options.step_tolerance * norm(&self.state.now.x);
        if short && (self.state.exact || self.state.cosine <= T::epsilon().sqrt()) {
            return Ok(Some(Status::Converged(Criterion::Step)));
        }
        let slope = dot(&self.state.now.gradient, &self.state.step);
        // What cancels in f is about ‖J s‖ ‖r‖ ≥ |gᵀs|, for lack of a better scale.
        let allowance = rounding_allowance(self.state.now.value, slope.abs());
        let found = halve(T::one(), most_halvings::<T>(), |alpha| {
            offset(&self.state.now.x, alpha, &self.state.step, &mut self.state.now.trial);
            if self.state.now.trial == self.state.now.x {
                return Ok::<_, Error>(ControlFlow::Break(Some(self.state.now.failed(Status::NoProgress))));
            }
            self.state.now.step_norm = alpha * length;
            self.residuals.residual(&self.state.now.trial, &mut self.trial_residual)?;
            self.state.now.counts.values += 1;
            let trial_value = half_square(&self.trial_residual);
            self.state.now.saw(trial_value);
            let verdict = judge_armijo(self.state.now.value - trial_value, -alpha * slope, allowance);
            if verdict != Verdict::Reject {
                let (value, gradient_norm) = self.look()?;
                if !gradient_norm.is_finite() {
                    self.state.now.lost = Some(Place::Gradient);
                }
                if value.is_finite() && gradient_norm < verdict.limit(self.state.now.gradient_norm) {
                    self.settle(value, gradient_norm);
                    self.state.alpha = alpha;
                    return Ok(ControlFlow::Break(self.state.now.vanished()));
                }
                self.model = None;
            }
            Ok(ControlFlow::Continue(alpha))
        })?;
        Ok(found.unwrap_or_else(|| Some(self.state.now.failed(Status::NoProgress))))
    }
}

solvers! {
    [L: LeastSquares<T>] GaussNewtonSolver<'_, T, L>, state.now, |run| run.state.alpha;
}
