//! Adaptive cubic regularisation: Newton's step under a cubic penalty, whose weight adapts.
//!
//! Each step minimises f + gᵀs + ½ sᵀHs + ⅓ σ ‖s‖³ in a Krylov space. Where σ exceeds half the Lipschitz constant of the
//! Hessian the model lies above the function, so no step goes wrong; near a minimum σ falls and the step is Newton's.
//! An accepted point costs one value, one gradient and the products of one Krylov space; a rejected step one value and
//! **zero** products. Where each model is minimised to ‖∇m(s)‖ ≤ θ ‖s‖² it takes O(ε^(−3/2)) iterations to ‖g‖ ≤ ε at worst,
//! as some other methods do; the steps here are solved to a share of ‖g‖, for which that is not proved.
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

use crate::bounded_steps::{BoundedSolver, BoundedState, BoundedSteps, Frame};
use crate::descent::ModelStep;
use crate::error::{Error, require};
use crate::forcing::{Forcing, forcing_options};
use crate::krylov::CubicModel;
use crate::limits::{Limits, limit_options};
use crate::objective::{Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::radius_search::{Judgement, check_ratio_options, judge, value_scale_option};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::solver::minimize_methods;

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
    search: WeightSearch<T>,
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
            search: WeightSearch {
                weight: T::one(),
                min_weight: T::min_positive_value(),
                accept: T::of(1e-4),
                value_scale: T::one(),
            },
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
        self.search.min_weight = weight;
        self
    }

    /// The least share of the promised decrease a step must keep. Default: 1e-4; below 1/4.
    pub fn accept(mut self, ratio: T) -> Self {
        self.search.accept = ratio;
        self
    }

    value_scale_option!();
    forcing_options!();

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
        let weight = self.weight;
        let (frame, steps) = self.parts()?;
        let mut solver = BoundedSolver::start(frame, steps, objective, x)?;
        if weight.is_none() {
            // A norm that is not finite has ended the run already.
            let weight = solver.now.gradient_norm.max(T::one());
            solver.steps_mut().set_control(weight);
        }
        Ok(solver)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: CubicRegularizationState<T>,
    ) -> Result<CubicRegularizationSolver<'o, T, O>, Error> {
        let (frame, steps) = self.parts()?;
        BoundedSolver::resume(frame, steps, objective, state)
    }

    fn parts(self) -> Result<(Frame<T>, WeightSteps<T>), Error> {
        let Self { weight, mut search, forcing, limits, second_order, model } = self;
        search.weight = weight.unwrap_or(T::one());
        search.check()?;
        Ok((Frame { method: METHOD, limits, forcing, second_order }, WeightSteps { search, model }))
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
pub type CubicRegularizationState<T> = BoundedState<T>;

/// A run of [`CubicRegularization`].
pub type CubicRegularizationSolver<'o, T, O> = BoundedSolver<'o, T, O, WeightSteps<T>>;

/// The weight σ, and the rules by which it moves.
#[derive(Clone, Copy, Debug)]
struct WeightSearch<T> {
    weight: T,
    min_weight: T,
    accept: T,
    value_scale: T,
}

impl<T: Scalar> WeightSearch<T> {
    fn set_value_scale(&mut self, value_scale: T) {
        self.value_scale = value_scale;
    }

    fn check(&self) -> Result<(), Error> {
        let positive = |a: T| a.is_finite() && a > T::zero();
        let Self { weight, min_weight, accept, value_scale } = *self;
        require(positive(weight), METHOD, "weight", weight, "a finite number above 0")?;
        require(
            positive(min_weight) && min_weight <= weight,
            METHOD,
            "min_weight",
            min_weight,
            "a number above 0, at most the weight",
        )?;
        check_ratio_options(METHOD, accept, value_scale)
    }
}

/// Minima of a cubic model.
#[derive(Clone, Debug)]
pub struct WeightSteps<T> {
    search: WeightSearch<T>,
    model: CubicModel<T>,
}

impl<T: Scalar> BoundedSteps<T> for WeightSteps<T> {
    fn control(&self) -> T {
        self.search.weight
    }

    fn set_control(&mut self, weight: T) {
        self.search.weight = weight;
    }

    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        weight: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        self.model.prepare(hessian, gradient, weight, relative_tolerance)
    }

    fn step(&mut self, out: &mut [T]) -> ModelStep<T> {
        self.model.step(self.search.weight, out)
    }

    fn judge(&self, value: T, trial_value: T, promised: &ModelStep<T>) -> Judgement<T> {
        judge(value, trial_value, promised, self.search.accept, self.search.value_scale)
    }

    fn accepted(&mut self, judgement: Judgement<T>, promised: &ModelStep<T>, slope: T) {
        // Also after a step that only the gradient let pass, whose ρ is below: where the weight stayed as it was, the fit Kirby2
        // of NIST circled in the rounding of f until the iterations ran out, which ends after 36 of them.
        if judgement.ratio < T::of(0.25) {
            self.rejected(promised);
        } else if judgement.ratio > T::of(0.9) && self.model.is_held_back(slope, promised) {
            self.search.weight = (self.search.weight * T::of(FALL)).max(self.search.min_weight);
        }
    }

    fn rejected(&mut self, promised: &ModelStep<T>) {
        let shorter = self.model.weight_for(T::of(0.25) * promised.norm);
        // At least twice: where the weight was without effect its first effect may be less.
        self.search.weight = shorter.max(self.search.weight * T::of(2.0));
    }

    fn is_exhausted(&self) -> bool {
        !self.search.weight.is_finite()
    }

    fn definite_dimension(&self) -> usize {
        self.model.definite_dimension()
    }

    fn length_off_saddle(&self) -> T {
        // Along an eigenvector with θ = −1 the cubic model is least at 1/σ.
        (T::one() / self.search.weight).min(T::of(1e3))
    }
}
