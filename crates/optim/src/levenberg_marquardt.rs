//! Levenberg–Marquardt: least squares by Gauss–Newton steps within a trust region, with geodesic acceleration.
//!
//! Minimises ½ ‖r(x)‖². Each step solves min ‖J s + r‖ over ‖D s‖ ≤ Δ, J seen through products only, D the column
//! norms of J. The Krylov space of an accepted point is kept, so a rejected step costs one evaluation of r and **zero**
//! products with J. Along the step the second derivative of r tells how the path bends, and the step bends with it; and
//! what the residuals add to the curvature of f along the step, so that steps have the right length where residuals stay
//! large.
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
use crate::error::{Error, require, require_length, require_lengths};
use crate::krylov::{Bidiagonal, Expansion, default_basis};
use crate::least_squares::{LeastSquares, ResidualModel, half_square};
use crate::limits::{Limits, limit_options};
use crate::objective::ObjectiveError;
use crate::operator::RectangularOperator;
use crate::radius_search::{RadiusSearch, Verdict, check_ratio_options, judge};
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Criterion, Place, Status};
use crate::vector::{all_finite, axpy, dot, norm, offset};

const METHOD: &str = "levenberg-marquardt";

/// How much of a column norm is kept where the column gets shorter. With 1, as in MINPACK, one wild point distorts the
/// region for good; where less is kept the region changes its shape from step to step, and valleys are followed slowly: of
/// the problems of Moré, Garbow and Hillstrom a minimum was found for as many either way, in 1540 iterations with any share
/// from 0.997 to 0.9995, and in 4050 and 7450 with 0.99 and 0.9.
const MEMORY: f64 = 0.999;

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
    cosine_tolerance: T,
    linear_tolerance: T,
    scaling: Scaling,
    acceleration: Acceleration,
    basis_vectors: Option<usize>,
}

/// In which norm a step is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scaling {
    /// D = I: for variables of similar units, or too many for a product each.
    None,
    /// Dⱼ = the norm of column j of J, or 0.999 of the last Dⱼ if that is more. Costs `n` products with J an accepted
    /// step, and makes the method independent of the units of the variables.
    Columns,
    /// [`Columns`](Self::Columns) for up to so many variables, [`None`](Self::None) for more.
    ColumnsUpTo(usize),
}

/// Whether steps bend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acceleration {
    /// Straight steps, as MINPACK's: no second derivative is asked for. What residuals that stay large add to the curvature
    /// is then not known either, and steps may overshoot there.
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
            cosine_tolerance: T::of(10.0) * T::epsilon(),
            linear_tolerance: T::of(1e-8),
            scaling: Scaling::ColumnsUpTo(64),
            acceleration: Acceleration::Geodesic,
            basis_vectors: None,
        }
    }

    limit_options!(5000, "0, for steps tell more");

    /// ‖D s‖/‖D x‖ at which an unbounded Gauss–Newton step s is as good as none: the run has converged. Default: 1e4 ε
    /// (2e-12 in `f64`).
    pub fn step_tolerance(mut self, tolerance: T) -> Self {
        self.step_tolerance = tolerance;
        self
    }

    /// The cosine of the angle between r and the range of J, ‖D⁻¹Jᵀr‖/(‖J D⁻¹‖ ‖r‖), at which they count as orthogonal: the
    /// run has converged. Default: 10 ε (2e-15 in `f64`), the rounding of the product.
    pub fn cosine_tolerance(mut self, tolerance: T) -> Self {
        self.cosine_tolerance = tolerance;
        self
    }

    /// The first radius, in units of ‖D x‖ at the start, or where that is zero with 1 for every entry of x. Default: 1.
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

    /// How many vectors of each basis are kept: one of length `n` and one of length `m` each. Default: `n` for up to 512
    /// variables, so that every step can be exact, and 64 for more, or where `n` would hold more than 2²⁵ numbers as many as
    /// do not, but at least 64.
    pub fn basis_vectors(mut self, count: usize) -> Self {
        self.basis_vectors = Some(count);
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
        let now = Standing::unevaluated(METHOD, self.limits, x)?;
        let (scale, search) = (vec![T::zero(); x.len()], RadiusSearch::new(T::one()));
        let state = LevenbergMarquardtState {
            now,
            scale,
            search,
            scaled_gradient_norm: T::nan(),
            cosine: T::nan(),
            inflated: false,
            prepared: false,
        };
        let mut solver = self.solver(residuals, state)?;
        let LevenbergMarquardtSolver { model: Some(model), pushed, state: LevenbergMarquardtState { now, .. }, .. } =
            &mut solver
        else {
            return Ok(solver);
        };
        pushed.extend_from_slice(model.residual());
        model.vjp(pushed, &mut now.gradient)?;
        now.counts.gradients += 1;
        (now.value, now.gradient_norm) = (half_square(pushed), norm(&now.gradient));
        now.begin();
        now.finished = now.finished.or(now.vanished());
        Ok(solver)
    }

    pub(crate) fn resumed<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        state: LevenbergMarquardtState<T>,
    ) -> Result<LevenbergMarquardtSolver<'o, T, L>, Error> {
        let n = residuals.dimension();
        let state = LevenbergMarquardtState { now: state.now.resumed(METHOD, self.limits, n)?, ..state };
        require_lengths(METHOD, n, &[("scale", &state.scale)])?;
        let mut solver = self.solver(residuals, state)?;
        if solver.state.prepared {
            solver.expand()?;
        }
        Ok(solver)
    }

    /// A run in this state, J prepared.
    fn solver<'o, L: LeastSquares<T>>(
        self,
        residuals: &'o L,
        state: LevenbergMarquardtState<T>,
    ) -> Result<LevenbergMarquardtSolver<'o, T, L>, Error> {
        self.check()?;
        let n = state.now.x.len();
        require_length(METHOD, "x", residuals.dimension(), n)?;
        let vector = || vec![T::zero(); n];
        let model = residuals.model_at(&state.now.x)?;
        Ok(LevenbergMarquardtSolver {
            residuals,
            columns: match self.scaling {
                Scaling::None => false,
                Scaling::Columns => true,
                Scaling::ColumnsUpTo(limit) => n <= limit,
            },
            bends: self.acceleration == Acceleration::Geodesic,
            inverse: state.scale.iter().map(|&d| inverse(d)).collect(),
            measured: Vec::new(),
            step: vector(),
            bend: vector(),
            trial_residual: Vec::new(),
            pushed: Vec::new(),
            space: Bidiagonal::new(self.basis_vectors.unwrap_or(kept_vectors(n, model.residual().len()))),
            model: Some(model),
            options: self,
            state,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        let fraction = |a: T| a >= T::zero() && a < T::one();
        let factor = self.factor;
        let sensible = factor.is_finite() && factor > T::zero();
        require(sensible, METHOD, "radius_factor", factor, "a finite number above 0")?;
        let Self { step_tolerance: step, cosine_tolerance: cosine, linear_tolerance: linear, .. } = *self;
        require(fraction(step), METHOD, "step_tolerance", step, "from 0 to below 1")?;
        require(fraction(cosine), METHOD, "cosine_tolerance", cosine, "from 0 to below 1")?;
        require(fraction(linear), METHOD, "linear_tolerance", linear, "from 0 to below 1")?;
        check_ratio_options(METHOD, self.accept, T::zero())
    }
}

/// How many vectors of each basis are kept by default: those of [`default_basis`], but for many residuals no more than fit
/// into 2²⁵ numbers (256 MiB of `f64`), and at least 64.
fn kept_vectors(n: usize, m: usize) -> usize {
    default_basis(n).min(((1 << 25) / (n + m).max(1)).max(64))
}

/// 1/d; 1 for a column of zeros so far, or one whose inverse overflows: the variable has no effect, and no scale.
fn inverse<T: Scalar>(d: T) -> T {
    if d >= T::min_positive_value() { T::one() / d } else { T::one() }
}

/// The share of the first radius, and of ‖D x‖, below which no radius is worth trying.
fn tiny<T: Scalar>() -> T {
    T::epsilon() * T::epsilon()
}

/// What a run is apart from its residuals and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct LevenbergMarquardtState<T> {
    now: Standing<T>,
    /// D.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    scale: Vec<T>,
    search: RadiusSearch<T>,
    /// ‖D⁻¹g‖.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    scaled_gradient_norm: T,
    /// The largest cosine of r and a column of J; of a column of J D⁻¹ at most, where columns are not measured.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    cosine: T,
    /// Whether D remembers a column as longer than twice what it is.
    inflated: bool,
    /// Whether the space of the current J is known.
    prepared: bool,
}

/// A run of [`LevenbergMarquardt`].
#[derive(Debug)]
pub struct LevenbergMarquardtSolver<'o, T: Scalar, L: LeastSquares<T>> {
    residuals: &'o L,
    options: LevenbergMarquardt<T>,
    state: LevenbergMarquardtState<T>,
    /// J at `x`, which second derivatives ask until the step is taken.
    model: Option<L::Model<'o>>,
    space: Bidiagonal<T>,
    columns: bool,
    /// Whether steps bend; no more once the residuals have no second derivatives.
    bends: bool,
    /// 1/D.
    inverse: Vec<T>,
    /// D while columns are being measured.
    measured: Vec<T>,
    step: Vec<T>,
    bend: Vec<T>,
    trial_residual: Vec<T>,
    /// A vector of length m.
    pushed: Vec<T>,
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

/// The norm of the lengths, in the units of r: of D x, and where `scale` is that of columns, of the variables with an effect alone.
fn norm_of<T: Scalar>(lengths: impl Iterator<Item = T>, scale: Option<&[T]>) -> T {
    let counts = |j: usize| scale.is_none_or(|scale| scale[j] >= T::min_positive_value());
    lengths.enumerate().filter(|&(j, _)| counts(j)).fold(T::zero(), |norm, (_, length)| norm.hypot(length))
}

/// ‖D x‖.
fn scaled_norm<T: Scalar>(x: &[T], inverse: &[T], scale: Option<&[T]>) -> T {
    norm_of(x.iter().zip(inverse).map(|(&x, &d)| x / d), scale)
}

impl<T: Scalar, L: LeastSquares<T>> LevenbergMarquardtSolver<'_, T, L> {
    /// What the run is apart from its residuals and its options;
    /// [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &LevenbergMarquardtState<T> {
        &self.state
    }

    /// Column norms and Krylov space at `x`, once; false if a product was not finite.
    fn prepare(&mut self) -> Result<bool, Error> {
        if self.state.prepared {
            return Ok(true);
        }
        let Some(model) = self.model.as_mut() else { return Ok(true) };
        let LevenbergMarquardtState { now, scale, search, .. } = &mut self.state;
        // The scale becomes that of the state at the end: what fails halfway is tried again from the last one.
        self.measured.clone_from(scale);
        let scale = &mut self.measured;
        self.pushed.resize(model.residual().len(), T::zero());
        let residual_norm = (T::of(2.0) * now.value).sqrt();
        let (mut cosine, mut inflated) = (T::zero(), false);
        if self.columns {
            for j in 0..scale.len() {
                self.bend.fill(T::zero());
                self.bend[j] = T::one();
                model.jvp(&self.bend, &mut self.pushed)?;
                now.counts.products += 1;
                let length = norm(&self.pushed);
                if length >= T::min_positive_value() {
                    cosine = cosine.max(now.gradient[j].abs() / (length * residual_norm));
                }
                if length.is_finite() {
                    scale[j] = (T::of(MEMORY) * scale[j]).max(length);
                }
                inflated |= scale[j] > T::of(2.0) * length;
                self.inverse[j] = inverse(scale[j]);
            }
        }
        let scale = self.columns.then_some(&scale[..]);
        let size = scaled_norm(&now.x, &self.inverse, scale);
        let has_size = size > T::zero() && size.is_finite();
        // A radius has the units of D x, which are those of r: only beside another is it small or large.
        if now.counts.iterations == 0 {
            let ones = || match norm_of(self.inverse.iter().map(|&d| T::one() / d), scale) {
                none if none == T::zero() => T::one(),
                ones => ones,
            };
            let radius = self.options.factor * if has_size { size } else { ones() };
            search.set_radius(radius);
            search.set_max_radius(T::max_value());
            search.set_min_radius(tiny::<T>() * radius);
        } else if has_size {
            search.set_min_radius(search.min_radius().min(tiny::<T>() * size));
        }
        let finite = self.expand()?;
        self.state.now.counts.products += self.space.products();
        self.state.scaled_gradient_norm = self.space.gradient_norm();
        if !self.columns {
            cosine = self.state.scaled_gradient_norm / (self.space.scale() * residual_norm);
        }
        (self.state.cosine, self.state.inflated) = (cosine, inflated);
        std::mem::swap(&mut self.state.scale, &mut self.measured);
        self.state.prepared = true;
        Ok(finite || !self.space.is_empty())
    }

    /// The Krylov space of J D⁻¹ at `x`; false if a product was not finite.
    fn expand(&mut self) -> Result<bool, Error> {
        let Some(model) = self.model.as_mut() else { return Ok(true) };
        self.pushed.clear();
        self.pushed.extend(model.residual().iter().map(|&r| -r));
        let mut jacobian = ScaledJacobian { model, inverse: &self.inverse, buffer: &mut self.bend };
        self.space.start(&mut jacobian, &self.pushed)?;
        let enough = self.options.linear_tolerance * self.space.gradient_norm();
        loop {
            match self.space.extend(&mut jacobian)? {
                Expansion::Exhausted => return Ok(true),
                Expansion::NonFinite => return Ok(false),
                expansion => {
                    self.space.solve(T::zero());
                    if expansion == Expansion::Full || self.space.outside() <= enough {
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The step for the radius into `step`, in the units of x; what it promises, its length before it was shortened for the
    /// curvature of r, and whether r bends little enough.
    fn choose(&mut self) -> Result<(ModelStep<T>, T, bool), Error> {
        let radius = self.state.search.radius();
        self.space.set_right_hand_side(&self.pushed);
        let (damping, length) = self.space.solve_within(radius);
        self.space.solution(&mut self.step);
        self.step.iter_mut().zip(&self.inverse).for_each(|(s, &d)| *s *= d);
        // With (BᵀB + λI) y = Bᵀc: −gᵀs = ‖J s‖² + λ ‖D s‖².
        let (pushed, held) = (self.space.image_square(), (damping * length).powi(2));
        let slope = pushed + held;
        let end = if damping > T::zero() { StepEnd::Boundary } else { StepEnd::Interior };
        let (mut share, mut curvature, mut believed) = (T::one(), pushed, true);
        if let Some(bent) = self.second_derivative()? {
            let small = self.accelerate(damping, length);
            believed = small || end == StepEnd::Interior;
            curvature += bent;
            if small {
                // Along x + τ s + ½ τ² a; what of r″ lies in the range of J is no curvature of that path.
                curvature += dot(&self.state.now.gradient, &self.bend);
            }
            if curvature > T::zero() {
                share = (slope / curvature).min(T::one());
            }
            self.step.iter_mut().for_each(|s| *s *= share);
            if small {
                axpy(T::of(0.5) * share * share, &self.bend, &mut self.step);
            }
        }
        let decrease = share * (slope - T::of(0.5) * share * curvature);
        Ok((ModelStep { norm: share * length, decrease, end }, length, believed))
    }

    /// r″ along the step into `trial_residual`, and rᵀr″: what the curvature of f along the step has more than ‖J s‖². None
    /// without second derivatives, or where they are not finite.
    fn second_derivative(&mut self) -> Result<Option<T>, Error> {
        let Some(model) = self.model.as_mut().filter(|_| self.bends) else { return Ok(None) };
        self.trial_residual.resize(self.pushed.len(), T::zero());
        match model.second_derivative(&self.step, &mut self.trial_residual) {
            Ok(()) => self.state.now.counts.products += 1,
            Err(ObjectiveError::Unsupported { .. }) => self.bends = false,
            Err(error) => return Err(error.into()),
        }
        let usable = self.bends && all_finite(&self.trial_residual);
        Ok(usable.then(|| -dot(&self.pushed, &self.trial_residual)))
    }

    /// The acceleration a along the step, (JᵀJ + λD²) a = −Jᵀ r″, into `bend`; false if it is not small beside the step.
    fn accelerate(&mut self, damping: T, length: T) -> bool {
        self.trial_residual.iter_mut().for_each(|s| *s = -*s);
        self.space.set_right_hand_side(&self.trial_residual);
        let acceleration = self.space.solve(damping);
        self.space.solution(&mut self.bend);
        self.bend.iter_mut().zip(&self.inverse).for_each(|(a, &d)| *a *= d);
        // A NaN is not believed either.
        T::of(2.0) * acceleration <= T::of(MOST_BEND) * length
    }

    /// Whether the gradient is next to nothing, and the residuals could be computed at the last trial point.
    fn is_nearly_orthogonal(&self) -> bool {
        self.state.now.lost.is_none() && self.state.cosine <= T::epsilon().sqrt()
    }

    /// The status where no shorter step is worth trying: convergence if the gradient is next to nothing there.
    fn exhausted(&self, status: Status) -> Status {
        if self.is_nearly_orthogonal() { Status::Converged(Criterion::Step) } else { self.state.now.failed(status) }
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.state.now.accepted = false;
        if !self.prepare()? {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        let (promised, length, believed) = self.choose()?;
        self.state.now.step_norm = promised.norm;
        let scale = self.columns.then_some(&self.state.scale[..]);
        let size = scaled_norm(&self.state.now.x, &self.inverse, scale);
        let short = self.options.step_tolerance * size;
        if promised.end == StepEnd::Interior && length <= short {
            if !self.state.inflated {
                return Ok(Some(Status::Converged(Criterion::Step)));
            }
            // In units of what D remembers a column may be lost in rounding: the same point again with what it is now.
            self.state.scale.fill(T::zero());
            self.state.prepared = false;
            return Ok(None);
        }
        if self.state.cosine <= self.options.cosine_tolerance {
            return Ok(Some(Status::Converged(Criterion::Orthogonality)));
        }
        if self.state.search.radius() <= short && self.is_nearly_orthogonal() {
            return Ok(Some(Status::Converged(Criterion::Step)));
        }
        offset(&self.state.now.x, T::one(), &self.step, &mut self.state.now.trial);
        if self.state.now.trial == self.state.now.x {
            let held_back = promised.end.is_on_boundary();
            return Ok(Some(self.exhausted(if held_back { Status::RadiusTooSmall } else { Status::NoProgress })));
        }
        // For the radius a step that curvature has shortened has a length between that and the radius it was made for: the
        // same step may come again from any radius between, but a quarter of the shortest would be no region for another.
        let mut tried = ModelStep { norm: (promised.norm * length).sqrt(), ..promised };
        if !believed {
            self.state.search.rejected(&tried);
            return Ok(self.state.search.is_exhausted().then(|| self.exhausted(Status::RadiusTooSmall)));
        }
        self.residuals.residual(&self.state.now.trial, &mut self.trial_residual)?;
        self.state.now.counts.values += 1;
        let trial_value = half_square(&self.trial_residual);
        self.state.now.saw(trial_value);
        let residual_norm = (T::of(2.0) * self.state.now.value).sqrt();
        let scale = size * residual_norm;
        let judgement = judge(self.state.now.value, trial_value, &promised, self.options.accept, scale);
        let limit = judgement.verdict.limit(self.state.scaled_gradient_norm);
        if judgement.verdict != Verdict::Reject && self.take(limit)? {
            let search = &mut self.state.search;
            if promised.norm < T::of(0.5) * length {
                // Good as it was shortened, which says nothing for a radius that allows more.
                tried.end = StepEnd::Interior;
                search.set_radius(T::of(0.5) * length.min(search.radius()));
            }
            search.accepted(judgement, &tried);
            return Ok(self.state.now.vanished());
        }
        self.state.search.rejected(&tried);
        Ok(self.state.search.is_exhausted().then(|| self.exhausted(Status::RadiusTooSmall)))
    }

    /// Moves to the trial point if all is finite there and ‖D⁻¹g‖ below `limit`.
    fn take(&mut self, limit: T) -> Result<bool, Error> {
        let mut model = self.residuals.model_at(&self.state.now.trial)?;
        self.trial_residual.clear();
        self.trial_residual.extend_from_slice(model.residual());
        model.vjp(&self.trial_residual, &mut self.bend)?;
        self.state.now.counts.gradients += 1;
        let scaled = self.bend.iter().zip(&self.inverse).map(|(&g, &d)| (g * d).powi(2)).sum::<T>().sqrt();
        let (value, gradient_norm) = (half_square(&self.trial_residual), norm(&self.bend));
        if !gradient_norm.is_finite() {
            self.state.now.lost = Some(Place::Gradient);
        }
        if !(value.is_finite() && gradient_norm.is_finite() && scaled < limit) {
            return Ok(false);
        }
        self.state.now.value = value;
        self.state.now.gradient_norm = gradient_norm;
        self.state.now.gradient.copy_from_slice(&self.bend);
        std::mem::swap(&mut self.state.now.x, &mut self.state.now.trial);
        self.state.now.accepted = true;
        self.model = Some(model);
        self.state.prepared = false;
        Ok(true)
    }
}

solvers! {
    [L: LeastSquares<T>] LevenbergMarquardtSolver<'_, T, L>, state.now, |run| run.state.search.radius();
}

#[cfg(test)]
mod tests {
    use super::kept_vectors;

    #[test]
    fn the_basis_of_many_residuals_stays_small() {
        assert_eq!([kept_vectors(5, 100), kept_vectors(512, 1000), kept_vectors(600, 1000)], [5, 512, 64]);
        // A whole basis would be 512 vectors of a million numbers.
        assert_eq!([kept_vectors(512, 1_000_000), kept_vectors(512, 200_000)], [64, 167]);
        assert_eq!(kept_vectors(0, 0), 1);
    }
}
