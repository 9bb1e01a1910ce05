//! Levenberg–Marquardt: least squares by Gauss–Newton steps within a trust region, with geodesic acceleration.
//!
//! Minimises ½ ‖r(x)‖². Each step solves min ‖J s + r‖ over ‖D s‖ ≤ Δ, J seen through products only, D the column
//! norms of J. The Krylov space of an accepted point is kept, so a rejected step costs one evaluation of r and **zero**
//! products with J. Along the step the second derivative of r tells how the path bends, and the step bends with it.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::LevenbergMarquardt;
//! // y = a e^(b t) through (0, 2), (1, 1), (2, 1/2): a = 2, b = −ln 2.
//! let data = [(0.0, 2.0), (1.0, 1.0), (2.0, 0.5)];
//! let r = Function::new(move |p: &[Var]| data.map(|(t, y)| p[0] * (p[1] * t).exp() - y).to_vec());
//! let start = vec![1.0_f64, 0.0];
//! let report = LevenbergMarquardt::new().minimize(&r.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 2.0).abs() < 1e-12 && (report.x[1] + 2.0_f64.ln()).abs() < 1e-12);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent::{ModelStep, StepEnd};
use crate::error::{Error, require, require_length};
use crate::krylov::{Bidiagonal, Expansion};
use crate::least_squares::{LeastSquares, ResidualModel, half_square};
use crate::limits::{Limits, limit_options};
use crate::objective::ObjectiveError;
use crate::operator::RectangularOperator;
use crate::radius_search::{RadiusSearch, Verdict, judge};
use crate::scalar::Scalar;
use crate::solver::{Solver, minimize_methods};
use crate::standing::Standing;
use crate::status::{Criterion, Place, Progress, Report, Status};
use crate::vector::{all_finite, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "levenberg-marquardt";

/// How much of a column norm is kept where the column gets shorter. With 1, as in MINPACK, one wild point distorts the
/// region for good; with 0 the region jumps. Of NIST's 54 fits all are found with 0.9, 53 with 1 and at most 52 with 0.
const MEMORY: f64 = 0.9;

/// 2 ‖D a‖/‖D s‖ up to which the acceleration a is believed; the value of Transtrum and Sethna.
const MOST_BEND: f64 = 0.75;

/// The options of the method, and the ways to run it.
///
/// The rules for the radius and for what rounding hides are those of [`TrustRegion`](crate::TrustRegion); the scale of
/// the terms that cancel in f is taken to be ‖D x‖ ‖r‖.
///
/// Sources: J. Moré, *The Levenberg–Marquardt algorithm: implementation and theory* (1978); geodesic acceleration:
/// Transtrum, Sethna, *Improvements to the Levenberg–Marquardt algorithm for nonlinear least-squares minimization*,
/// arXiv:1201.5885 (2012).
#[derive(Clone, Debug)]
pub struct LevenbergMarquardt<T> {
    limits: Limits<T>,
    factor: T,
    accept: T,
    step_tolerance: T,
    linear_tolerance: T,
    scaling: Scaling,
    acceleration: Acceleration,
    basis_vectors: usize,
}

/// In which norm a step is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scaling {
    /// D = I: for variables of similar units, or too many for a product each.
    None,
    /// Dⱼ = the norm of column j of J, or 9/10 of the last Dⱼ if that is more. Costs `n` products with J an accepted
    /// step, and makes the method independent of the units of the variables.
    Columns,
    /// [`Columns`](Self::Columns) for up to so many variables, [`None`](Self::None) for more.
    ColumnsUpTo(usize),
}

/// Whether steps bend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acceleration {
    /// Straight steps.
    None,
    /// A correction of second order where the residuals offer second derivatives. Where it is too large to be believed a
    /// step on the radius is rejected, and one inside it stays straight. Costs one second derivative a trial step.
    Geodesic,
}

impl<T: Scalar> Default for LevenbergMarquardt<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> LevenbergMarquardt<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        let mut limits = Limits::new(5000);
        limits.gradient_tolerance = T::zero();
        Self {
            limits,
            factor: T::one(),
            accept: T::of(1e-4),
            step_tolerance: T::of(1e4) * T::epsilon(),
            linear_tolerance: T::of(1e-8),
            scaling: Scaling::ColumnsUpTo(64),
            acceleration: Acceleration::Geodesic,
            basis_vectors: 64,
        }
    }

    limit_options!(5000, "0, for steps tell more");

    /// ‖D s‖/‖D x‖ at which an unbounded Gauss–Newton step s is as good as none: the run has converged. Default: 1e4 ε
    /// (2e-12 in `f64`).
    pub fn step_tolerance(mut self, tolerance: T) -> Self {
        self.step_tolerance = tolerance;
        self
    }

    /// The first radius, in units of ‖D x‖ at the start (of 1 where that is zero). Default: 1.
    pub fn radius_factor(mut self, factor: T) -> Self {
        self.factor = factor;
        self
    }

    /// The least share of the promised decrease a step must keep. Default: 1e-4; below 1/4.
    pub fn accept(mut self, ratio: T) -> Self {
        self.accept = ratio;
        self
    }

    /// ‖Jᵀ(J s + r) + λD²s‖/‖Jᵀr‖, in the norm of D⁻¹, at which a step is exact enough. Default: 1e-8, for a few
    /// variables; 1e-2 saves products where there are many.
    pub fn linear_tolerance(mut self, tolerance: T) -> Self {
        self.linear_tolerance = tolerance;
        self
    }

    /// In which norm a step is bounded. Default: column norms for up to 64 variables, else none.
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.scaling = scaling;
        self
    }

    /// Whether steps bend. Default: [`Acceleration::Geodesic`].
    pub fn acceleration(mut self, acceleration: Acceleration) -> Self {
        self.acceleration = acceleration;
        self
    }

    /// How many vectors of each basis are kept: one of length `n` and one of length `m` each. Default: 64.
    pub fn basis_vectors(mut self, count: usize) -> Self {
        self.basis_vectors = count;
        self
    }

    minimize_methods!(crate::least_squares::LeastSquares, residuals, "½ ‖r‖²", "the residuals report");

    /// A run at its starting point `x`, to be stepped. Costs one evaluation of r and a product with Jᵀ.
    ///
    /// In the [counts](crate::Counts), values are evaluations of r, gradients are preparations of J with a product with
    /// Jᵀ, and products are all others with J or Jᵀ, and second derivatives.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        x: &[T],
    ) -> Result<LevenbergMarquardtSolver<'o, T, L>, Error> {
        let positive = |a: T| a.is_finite() && a > T::zero();
        let fraction = |a: T| a >= T::zero() && a < T::one();
        require(positive(self.factor), METHOD, "radius_factor", self.factor, "a finite number above 0")?;
        require(fraction(self.step_tolerance), METHOD, "step_tolerance", self.step_tolerance, "from 0 to below 1")?;
        let linear = self.linear_tolerance;
        require(fraction(linear), METHOD, "linear_tolerance", linear, "from 0 to below 1")?;
        crate::radius_search::check_ratio_options(METHOD, self.accept, T::zero())?;
        let mut now = Standing::unevaluated(METHOD, self.limits, x)?;
        require_length(METHOD, "x", residuals.dimension(), x.len())?;
        let n = x.len();
        let mut solver = LevenbergMarquardtSolver {
            residuals,
            columns: match self.scaling {
                Scaling::None => false,
                Scaling::Columns => true,
                Scaling::ColumnsUpTo(limit) => n <= limit,
            },
            scale: vec![T::zero(); n],
            inverse: vec![T::one(); n],
            step: vec![T::zero(); n],
            bend: vec![T::zero(); n],
            trial_residual: Vec::new(),
            pushed: Vec::new(),
            search: RadiusSearch::new(T::one()),
            space: Bidiagonal::new(self.basis_vectors),
            model: None,
            prepared: false,
            scaled_gradient_norm: T::nan(),
            bends: self.acceleration == Acceleration::Geodesic,
            now: Standing::unevaluated(METHOD, self.limits, x)?,
            options: self,
        };
        let model = residuals.model_at(x)?;
        let (value, gradient) = solver.look(model, &mut now)?;
        now.value = value;
        now.gradient_norm = gradient;
        now.finished = now.limits.start_verdict(x, value, gradient);
        solver.now = now;
        Ok(solver)
    }
}

/// A run of [`LevenbergMarquardt`].
#[derive(Debug)]
pub struct LevenbergMarquardtSolver<'o, T: Scalar, L: LeastSquares<T>> {
    residuals: &'o L,
    options: LevenbergMarquardt<T>,
    now: Standing<T>,
    /// J at `x`, which second derivatives ask until the step is taken.
    model: Option<L::Model<'o>>,
    /// Whether the space of the current J is known.
    prepared: bool,
    space: Bidiagonal<T>,
    search: RadiusSearch<T>,
    columns: bool,
    /// D, and 1/D.
    scale: Vec<T>,
    inverse: Vec<T>,
    step: Vec<T>,
    bend: Vec<T>,
    trial_residual: Vec<T>,
    /// A vector of length m.
    pushed: Vec<T>,
    /// ‖D⁻¹g‖.
    scaled_gradient_norm: T,
    bends: bool,
}

/// J D⁻¹.
struct ScaledJacobian<'a, T, M> {
    model: &'a mut M,
    inverse: &'a [T],
    buffer: &'a mut [T],
}

impl<T: Scalar, M: ResidualModel<T>> RectangularOperator<T> for ScaledJacobian<'_, T, M> {
    fn rows(&self) -> usize {
        self.model.residual().len()
    }

    fn columns(&self) -> usize {
        self.inverse.len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        for ((b, &v), &d) in self.buffer.iter_mut().zip(v).zip(self.inverse) {
            *b = v * d;
        }
        self.model.jvp(self.buffer, out)
    }

    fn apply_transpose(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.vjp(u, out)?;
        out.iter_mut().zip(self.inverse).for_each(|(out, &d)| *out *= d);
        Ok(())
    }
}

impl<'o, T: Scalar, L: LeastSquares<T>> LevenbergMarquardtSolver<'o, T, L> {
    /// Keeps `model` and writes its gradient into `now`; returns value and gradient norm.
    fn look(&mut self, mut model: L::Model<'o>, now: &mut Standing<T>) -> Result<(T, T), Error> {
        self.pushed.clear();
        self.pushed.extend_from_slice(model.residual());
        model.vjp(&self.pushed, &mut self.bend)?;
        now.counts.gradients += 1;
        now.gradient.copy_from_slice(&self.bend);
        let value = half_square(&self.pushed);
        self.model = Some(model);
        self.prepared = false;
        Ok((value, norm(&self.bend)))
    }

    /// ‖D x‖.
    fn scaled_norm(&self) -> T {
        let scaled = self.now.x.iter().zip(&self.inverse).map(|(&x, &d)| (x / d).powi(2)).sum::<T>();
        scaled.sqrt()
    }

    /// Column norms and Krylov space at `x`, once; false if a product was not finite.
    fn prepare(&mut self) -> Result<bool, Error> {
        if self.prepared {
            return Ok(true);
        }
        let Some(model) = self.model.as_mut() else { return Ok(true) };
        let first = self.now.counts.iterations == 0;
        let n = self.now.x.len();
        self.pushed.resize(model.residual().len(), T::zero());
        if self.columns {
            for j in 0..n {
                self.bend.fill(T::zero());
                self.bend[j] = T::one();
                model.jvp(&self.bend, &mut self.pushed)?;
                self.now.counts.products += 1;
                let length = norm(&self.pushed);
                if length.is_finite() {
                    self.scale[j] = (T::of(MEMORY) * self.scale[j]).max(length);
                }
                // A column of zeros so far: the variable has no effect, and no scale.
                self.inverse[j] = if self.scale[j] > T::zero() { T::one() / self.scale[j] } else { T::one() };
            }
        }
        let mut jacobian = ScaledJacobian { model, inverse: &self.inverse, buffer: &mut self.bend };
        self.pushed.copy_from_slice(jacobian.model.residual());
        self.pushed.iter_mut().for_each(|r| *r = -*r);
        self.space.start(&mut jacobian, &self.pushed)?;
        let enough = self.options.linear_tolerance * self.space.gradient_norm();
        self.scaled_gradient_norm = self.space.gradient_norm();
        let mut finite = true;
        loop {
            match self.space.extend(&mut jacobian)? {
                Expansion::Exhausted => break,
                Expansion::NonFinite => {
                    finite = false;
                    break;
                }
                expansion => {
                    self.space.solve(T::zero());
                    if expansion == Expansion::Full || self.space.outside() <= enough {
                        break;
                    }
                }
            }
        }
        self.now.counts.products += self.space.products();
        if first {
            let unit = self.scaled_norm();
            let unit = if unit > T::zero() && unit.is_finite() { unit } else { T::one() };
            self.search.set_radius(self.options.factor * unit);
        }
        self.prepared = true;
        Ok(finite || !self.space.is_empty())
    }

    /// The step for the radius into `step`, in the units of x; what it promises, and whether r bends little enough.
    fn choose(&mut self) -> Result<(ModelStep<T>, bool), Error> {
        let radius = self.search.radius();
        self.space.set_right_hand_side(&self.pushed);
        let (damping, length) = self.space.solve_within(radius);
        self.space.solution(&mut self.step);
        self.step.iter_mut().zip(&self.inverse).for_each(|(s, &d)| *s *= d);
        // With (BᵀB + λI) y = Bᵀc: −q = ½ ‖B y‖² + λ ‖y‖².
        let decrease = T::of(0.5) * self.space.image_square() + (damping * length).powi(2);
        let end = if damping > T::zero() { StepEnd::Boundary } else { StepEnd::Interior };
        let promised = ModelStep { norm: length, decrease, end };
        let believed = !self.bends || self.accelerate(damping, length)? || end == StepEnd::Interior;
        Ok((promised, believed))
    }

    /// Adds half the acceleration a along the step, (JᵀJ + λD²) a = −Jᵀ r″; false if it is not small beside the step.
    fn accelerate(&mut self, damping: T, length: T) -> Result<bool, Error> {
        let Some(model) = self.model.as_mut() else { return Ok(true) };
        let mut second = std::mem::take(&mut self.trial_residual);
        second.resize(self.pushed.len(), T::zero());
        match model.second_derivative(&self.step, &mut second) {
            Ok(()) => self.now.counts.products += 1,
            Err(ObjectiveError::Unsupported { .. }) => self.bends = false,
            Err(error) => return Err(error.into()),
        }
        let mut believed = true;
        if self.bends && !all_finite(&second) {
            // The step stays straight.
            self.trial_residual = second;
            return Ok(true);
        }
        if self.bends {
            second.iter_mut().for_each(|s| *s = -*s);
            self.space.set_right_hand_side(&second);
            let acceleration = self.space.solve(damping);
            // A NaN is not believed either.
            believed = T::of(2.0) * acceleration <= T::of(MOST_BEND) * length;
            if believed {
                self.space.solution(&mut self.bend);
                for ((s, &a), &d) in self.step.iter_mut().zip(&self.bend).zip(&self.inverse) {
                    *s += T::of(0.5) * a * d;
                }
            }
        }
        self.trial_residual = second;
        Ok(believed)
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.now.accepted = false;
        if !self.prepare()? {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        let (promised, believed) = self.choose()?;
        self.now.step_norm = promised.norm;
        let size = self.scaled_norm();
        if promised.end == StepEnd::Interior && promised.norm <= self.options.step_tolerance * size {
            return Ok(Some(Status::Converged(Criterion::Step)));
        }
        offset(&self.now.x, T::one(), &self.step, &mut self.now.trial);
        if self.now.trial == self.now.x {
            let held_back = promised.end.is_on_boundary();
            return Ok(Some(if held_back { Status::RadiusTooSmall } else { Status::NoProgress }));
        }
        if !believed {
            self.search.rejected(&promised);
            return Ok(self.search.is_exhausted().then_some(Status::RadiusTooSmall));
        }
        self.residuals.residual(&self.now.trial, &mut self.trial_residual)?;
        self.now.counts.values += 1;
        let trial_value = half_square(&self.trial_residual);
        let residual_norm = (T::of(2.0) * self.now.value).sqrt();
        let scale = size * residual_norm;
        let judgement = judge(self.now.value, trial_value, &promised, self.options.accept, scale);
        let limit = match judgement.verdict {
            Verdict::Accept => T::infinity(),
            Verdict::AcceptIfGradientFalls => self.scaled_gradient_norm,
            Verdict::AcceptIfGradientHalves => T::of(0.5) * self.scaled_gradient_norm,
            Verdict::Reject => T::zero(),
        };
        if judgement.verdict != Verdict::Reject && self.take(limit)? {
            self.search.accepted(judgement, &promised);
            return Ok(None);
        }
        self.search.rejected(&promised);
        Ok(self.search.is_exhausted().then_some(Status::RadiusTooSmall))
    }

    /// Moves to the trial point if all is finite there and ‖D⁻¹g‖ below `limit`.
    fn take(&mut self, limit: T) -> Result<bool, Error> {
        let mut model = self.residuals.model_at(&self.now.trial)?;
        self.trial_residual.clear();
        self.trial_residual.extend_from_slice(model.residual());
        model.vjp(&self.trial_residual, &mut self.bend)?;
        self.now.counts.gradients += 1;
        let scaled = self.bend.iter().zip(&self.inverse).map(|(&g, &d)| (g * d).powi(2)).sum::<T>().sqrt();
        let (value, gradient_norm) = (half_square(&self.trial_residual), norm(&self.bend));
        if !(value.is_finite() && gradient_norm.is_finite() && scaled < limit) {
            return Ok(false);
        }
        self.now.value = value;
        self.now.gradient_norm = gradient_norm;
        self.now.gradient.copy_from_slice(&self.bend);
        std::mem::swap(&mut self.now.x, &mut self.now.trial);
        self.now.accepted = true;
        self.model = Some(model);
        self.prepared = false;
        Ok(true)
    }
}

impl<T: Scalar, L: LeastSquares<T>> Solver<T> for LevenbergMarquardtSolver<'_, T, L> {
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
