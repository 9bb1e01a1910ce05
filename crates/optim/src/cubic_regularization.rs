//! Adaptive cubic regularisation: Newton's step under a cubic penalty, whose weight adapts.
//!
//! Each step minimises f + gᵀs + ½ sᵀHs + ⅓ σ ‖s‖³ in a Krylov space. Where σ exceeds half the Lipschitz constant of the
//! Hessian the model lies above the function, so no step goes wrong; near a minimum σ falls and the step is Newton's.
//! An accepted point costs one value, one gradient and the products of one Krylov space; a rejected step one value and
//! **zero** products. Among methods of products its worst case is the best known: ‖g‖ ≤ ε after O(ε^(−3/2)) iterations.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::CubicRegularization;
//! let rosenbrock = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
//! let start = vec![-1.2_f64, 1.0];
//! let report = CubicRegularization::new().minimize(&rosenbrock.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-7 && (report.x[1] - 1.0).abs() < 1e-7);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent::StepEnd;
use crate::error::{Error, require, require_length};
use crate::forcing::Forcing;
use crate::krylov::CubicModel;
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::radius_search::{Verdict, check_ratio_options, judge};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::{minimize_methods, solvers};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::{dot, offset};

const METHOD: &str = "cubic regularization";

/// The options of the method, and the ways to run it.
///
/// A step is judged by ρ = (f(x) − f(x + s)) / (−q(s)), q without the cubic term, with the same allowances for rounding
/// as [`TrustRegion`](crate::TrustRegion). After ρ > 9/10 of a step that the weight has
/// shortened it falls to three tenths; after ρ < 1/4 or a rejected step it is set so that the same model would have given a step of a quarter of the length.
///
/// Sources: Cartis, Gould, Toint, *Adaptive cubic regularisation methods for unconstrained optimization*, I and II,
/// Math. Program. 127 and 130 (2011); Dussault, Migot, Orban, Math. Program. 207 (2024) (ARCqK).
#[derive(Clone, Debug)]
pub struct CubicRegularization<T> {
    weight: Option<T>,
    min_weight: T,
    accept: T,
    value_scale: T,
    forcing: Forcing<T>,
    limits: Limits<T>,
    second_order: SecondOrder<T>,
    model: CubicModel<T>,
}

/// By how much the weight falls at a time. A tenth lets steps grow so fast that they jump out of the basin of the minimum
/// (the CUTEst problem COSINE ends in a valley without end); slower than a half costs products.
const FALL: f64 = 0.3;

impl<T: Scalar> Default for CubicRegularization<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> CubicRegularization<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        Self::with_model(CubicModel::new())
    }

    /// The method with its defaults, its steps from `model`.
    pub fn with_model(model: CubicModel<T>) -> Self {
        Self {
            weight: None,
            min_weight: T::min_positive_value(),
            accept: T::of(1e-4),
            value_scale: T::one(),
            forcing: Forcing::Superlinear { largest: T::of(0.1), power: T::one() },
            limits: Limits::new(1000),
            second_order: SecondOrder::new(8),
            model,
        }
    }

    limit_options!(1000);
    minimize_methods!();

    /// The first weight σ, in units of the value over those of x³. Default: ‖g₀‖, and at least 1: the first step is of
    /// length 1 where curvature plays no part, and not longer.
    pub fn weight(mut self, weight: T) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The least weight. Default: the least positive normal number, which stands for none.
    pub fn min_weight(mut self, weight: T) -> Self {
        self.min_weight = weight;
        self
    }

    /// The least share of the promised decrease a step must keep. Default: 1e-4; below 1/4.
    pub fn accept(mut self, ratio: T) -> Self {
        self.accept = ratio;
        self
    }

    /// The magnitude of the terms the function sums, in its units, as in
    /// [`TrustRegion::value_scale`](crate::TrustRegion::value_scale). Default: 1.
    pub fn value_scale(mut self, scale: T) -> Self {
        self.value_scale = scale;
        self
    }

    /// How exactly the model is minimised. Default: superlinear, `largest` 1/10, `power` 1: quadratic convergence.
    pub fn forcing(mut self, forcing: Forcing<T>) -> Self {
        self.forcing = forcing;
        self
    }

    /// The most products spent on the question whether a point with zero gradient is a minimum. Default: 8; with 0 it is
    /// not asked.
    ///
    /// A negative eigenvalue is left along its direction, or reported as [`Status::SecondOrder`]. Nothing is spent where
    /// the last step was computed in the whole space and found it convex.
    pub fn saddle_products(mut self, limit: usize) -> Self {
        self.second_order = SecondOrder::new(limit);
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient, and holds five vectors besides the
    /// workspace of the [`CubicModel`].
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<CubicRegularizationSolver<'o, T, O>, Error> {
        self.check()?;
        let (now, local) = Standing::start(METHOD, self.limits, objective, x)?;
        Ok(CubicRegularizationSolver {
            site: Site::new(objective, local, self.second_order.clone()),
            step: vec![T::zero(); x.len()],
            prepared: None,
            // A norm that is not finite has ended the run already.
            weight: self.weight.unwrap_or(now.gradient_norm.max(T::one())),
            options: self,
            now,
        })
    }

    /// The run with the options of this builder and this state, the bits of all that follows the same as if it had never
    /// stopped. It prepares the point, and its Krylov space if that was known, once more; its counts leave that out.
    ///
    /// Weight and limits are those of the state.
    ///
    /// # Errors
    /// An option that makes no sense, an objective of another dimension, or what it reports.
    pub fn resume<'o, O: Objective<T>>(
        mut self,
        objective: &'o O,
        state: CubicRegularizationState<T>,
    ) -> Result<CubicRegularizationSolver<'o, T, O>, Error> {
        self.check()?;
        let CubicRegularizationState { weight, now, prepared, site } = state;
        require_length(METHOD, "x", objective.dimension(), now.x.len())?;
        if let Some([weight, tolerance]) = prepared {
            self.model.prepare(&mut objective.at(&now.x)?.hessian(), &now.gradient, weight, tolerance)?;
        }
        Ok(CubicRegularizationSolver {
            site: Site::resume(objective, &now.x, self.second_order.clone(), site)?,
            step: vec![T::zero(); now.x.len()],
            prepared,
            weight,
            options: self,
            now,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        let positive = |a: T| a.is_finite() && a > T::zero();
        let weight = self.weight.unwrap_or(T::one());
        require(positive(weight), METHOD, "weight", weight, "a finite number above 0")?;
        require(
            positive(self.min_weight) && self.min_weight <= weight,
            METHOD,
            "min_weight",
            self.min_weight,
            "a number above 0, at most the weight",
        )?;
        check_ratio_options(METHOD, self.accept, self.value_scale)?;
        self.forcing.check(METHOD)
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct CubicRegularizationState<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    weight: T,
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::maybe_two"))]
    prepared: Option<[T; 2]>,
    site: SiteState<T>,
}

/// A run of [`CubicRegularization`].
#[derive(Debug)]
pub struct CubicRegularizationSolver<'o, T: Scalar, O: Objective<T>> {
    site: Site<'o, T, O>,
    options: CubicRegularization<T>,
    now: Standing<T>,
    step: Vec<T>,
    /// σ.
    weight: T,
    /// Weight and tolerance of the Krylov space at `x`, once it is known.
    prepared: Option<[T; 2]>,
}

impl<T: Scalar, O: Objective<T>> CubicRegularizationSolver<'_, T, O> {
    /// What the run is apart from its objective and its options; [`CubicRegularization::resume`] goes on with it.
    pub fn state(&self) -> CubicRegularizationState<T> {
        CubicRegularizationState {
            weight: self.weight,
            now: self.now.clone(),
            prepared: self.prepared,
            site: self.site.state(),
        }
    }

    /// Learns the Krylov space at `x`, once.
    fn prepare(&mut self) -> Result<(), Error> {
        let Some(mut local) = self.site.take() else {
            return Ok(());
        };
        let CubicRegularization { model, forcing, .. } = &mut self.options;
        let tolerance = forcing.at(&self.now);
        match model.prepare(&mut local.hessian(), &self.now.gradient, self.weight, tolerance) {
            Ok(products) => {
                self.now.counts.products += products;
                self.prepared = Some([self.weight, tolerance]);
                Ok(())
            }
            Err(error) => {
                self.site.put_back(local);
                self.prepared = None;
                Err(error.into())
            }
        }
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        // Along an eigenvector with θ = −1 the cubic model is least at 1/σ.
        let length = (T::one() / self.weight).min(T::of(1e3));
        self.site.examine(&mut self.now, length)
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        let CubicRegularization { accept, value_scale: scale, .. } = self.options;
        if self.site.is_leaving() {
            self.prepared = None;
            let judge = |value, trial, promised: &_| judge(value, trial, promised, accept, scale);
            return self.site.leave(&mut self.now, judge);
        }
        self.prepare()?;
        let weight = &mut self.weight;
        let CubicRegularization { model, min_weight, .. } = &mut self.options;
        let promised = model.step(*weight, &mut self.step);
        self.now.step_norm = promised.norm;
        self.now.accepted = false;
        if promised.norm == T::zero() && promised.end == StepEnd::NonFinite {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        offset(&self.now.x, T::one(), &self.step, &mut self.now.trial);
        if self.now.trial == self.now.x {
            return Ok(Some(self.now.failed(Status::NoProgress)));
        }
        let gradient_slope = dot(&self.now.gradient, &self.step);
        let judge = |value, trial| judge(value, trial, &promised, accept, scale);
        let attempt = self.now.attempt(self.site.objective(), judge)?;
        let too_long = match attempt {
            Attempt::Unbounded => return Ok(Some(Status::Unbounded)),
            Attempt::Accepted(local, judgement) => {
                // Computed in the whole space, where the Hessian was positive definite.
                let convex = promised.end == StepEnd::Interior
                    && judgement.is_as_promised()
                    && model.definite_dimension() == self.step.len();
                self.site.arrive(local, convex);
                self.prepared = None;
                let told = judgement.verdict != Verdict::AcceptIfGradientHalves;
                if told && judgement.ratio > T::of(0.9) && model.is_held_back(gradient_slope, &promised) {
                    *weight = (*weight * T::of(FALL)).max(*min_weight);
                }
                judgement.ratio < T::of(0.25)
            }
            Attempt::Rejected => true,
        };
        if too_long {
            let shorter = model.weight_for(T::of(0.25) * promised.norm);
            // At least twice: where the weight was without effect its first effect may be less.
            *weight = shorter.max(*weight * T::of(2.0));
        }
        Ok((!weight.is_finite()).then(|| self.now.failed(Status::RadiusTooSmall)))
    }
}

solvers! {
    [O: Objective<T>] CubicRegularizationSolver<'_, T, O>, now, |run| run.weight, examine;
}
