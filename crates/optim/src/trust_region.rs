//! Trust-region Newton method: Newton's step where the model can be trusted, a shorter one where it cannot.
//!
//! Minimises with second derivatives seen only through products. Each accepted point costs one value, one gradient
//! and the products of one Krylov space; each rejected step costs one value and **zero**
//! products. Directions of negative curvature are followed, and a point with zero gradient counts as
//! a minimum only after a short Lanczos run found no negative eigenvalue there: the run leaves saddles.
//!
//! ```
//! use optim::{FromParts, TrustRegion};
//! // Rosenbrock's function: a = 1 − x, b = y − x².
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
//!     |x: &[f64], g: &mut [f64]| {
//!         let b = x[1] - x[0] * x[0];
//!         g.copy_from_slice(&[-2.0 * (1.0 - x[0]) - 400.0 * x[0] * b, 200.0 * b]);
//!     },
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| {
//!         let b = x[1] - x[0] * x[0];
//!         hv[0] = (2.0 - 400.0 * b + 800.0 * x[0] * x[0]) * v[0] - 400.0 * x[0] * v[1];
//!         hv[1] = -400.0 * x[0] * v[0] + 200.0 * v[1];
//!     },
//! );
//! let report = TrustRegion::new().minimize(&f, &[-1.2, 1.0])?;
//! assert!(report.status.is_converged());
//! // ‖g‖ ≤ 1.5e-8 and the smallest eigenvalue of the Hessian is 0.4, so the distance is below 1e-7.
//! assert!((report.x[0] - 1.0).abs() < 1e-7 && (report.x[1] - 1.0).abs() < 1e-7);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::bounded_steps::{BoundedSolver, BoundedState, BoundedSteps, Frame};
use crate::descent::{Descent, ModelStep};
use crate::error::Error;
use crate::forcing::{Forcing, forcing_options};
use crate::krylov::Gltr;
use crate::limits::{Limits, limit_options};
use crate::objective::{Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::radius_search::{Judgement, RadiusSearch, value_scale_option};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::solver::minimize_methods;

const METHOD: &str = "trust region";

/// The options of the method, and the ways to run it.
///
/// Source: Conn, Gould, Toint, *Trust-Region Methods* (2000), algorithm 6.1.1; Nocedal, Wright, *Numerical
/// Optimization* (2006), algorithms 4.1 and 7.2.
#[derive(Clone, Debug)]
pub struct TrustRegion<T, D = Gltr<T>> {
    search: RadiusSearch<T>,
    forcing: Forcing<T>,
    limits: Limits<T>,
    second_order: SecondOrder<T>,
    descent: D,
}

impl<T: Scalar> Default for TrustRegion<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> TrustRegion<T> {
    /// The method with its defaults, its steps from [`Gltr`] with a
    /// [`boundary_tolerance`](Gltr::boundary_tolerance) of 0.3.
    pub fn new() -> Self {
        Self::with_descent(Gltr::of_a_search())
    }
}

impl<T: Scalar, D: Descent<T>> TrustRegion<T, D> {
    /// The method with its defaults, its steps from `descent`.
    pub fn with_descent(descent: D) -> Self {
        Self {
            search: RadiusSearch::new(T::one()),
            forcing: Forcing::Superlinear { largest: T::of(0.1), power: T::one() },
            limits: Limits::new(1000),
            second_order: SecondOrder::new(8),
            descent,
        }
    }

    limit_options!(1000);
    minimize_methods!();

    /// The first radius, in the units of `x`. Default: 1.
    pub fn radius(mut self, radius: T) -> Self {
        self.search.set_radius(radius);
        self
    }

    /// The largest radius, in the units of `x`. Default: 1e18, which stands for none.
    pub fn max_radius(mut self, radius: T) -> Self {
        self.search.set_max_radius(radius);
        self
    }

    /// The radius below which the run gives up, in the units of `x`. Default: ε². It also gives up, and mostly does,
    /// when a step on the boundary no longer changes any entry of `x`.
    pub fn min_radius(mut self, radius: T) -> Self {
        self.search.set_min_radius(radius);
        self
    }

    /// The least share of the promised decrease a step must keep. Default: 1e-4; below 1/4.
    pub fn accept(mut self, ratio: T) -> Self {
        self.search.set_accept(ratio);
        self
    }

    value_scale_option!();
    forcing_options!();

    /// A run at its starting point `x`, to be stepped. Costs one gradient, and holds five vectors besides the
    /// workspace of the descent.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<TrustRegionSolver<'o, T, O, D>, Error> {
        let (frame, steps) = self.parts()?;
        BoundedSolver::start(frame, steps, objective, x)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: TrustRegionState<T>,
    ) -> Result<TrustRegionSolver<'o, T, O, D>, Error> {
        let (frame, steps) = self.parts()?;
        BoundedSolver::resume(frame, steps, objective, state)
    }

    fn parts(self) -> Result<(Frame<T>, RadiusSteps<T, D>), Error> {
        let Self { search, forcing, limits, second_order, descent } = self;
        search.check()?;
        Ok((Frame { method: METHOD, limits, forcing, second_order }, RadiusSteps { search, descent }))
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
pub type TrustRegionState<T> = BoundedState<T>;

/// A run of [`TrustRegion`].
pub type TrustRegionSolver<'o, T, O, D = Gltr<T>> = BoundedSolver<'o, T, O, RadiusSteps<T, D>>;

/// Steps of a descent within a radius.
#[derive(Clone, Debug)]
pub struct RadiusSteps<T, D> {
    search: RadiusSearch<T>,
    descent: D,
}

impl<T: Scalar, D: Descent<T>> BoundedSteps<T> for RadiusSteps<T, D> {
    fn control(&self) -> T {
        self.search.radius()
    }

    fn set_control(&mut self, radius: T) {
        self.search.set_radius(radius);
    }

    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        radius: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        self.descent.prepare(hessian, gradient, radius, relative_tolerance)
    }

    fn step(&mut self, out: &mut [T]) -> ModelStep<T> {
        self.descent.step(self.search.radius(), out)
    }

    fn judge(&self, value: T, trial_value: T, promised: &ModelStep<T>) -> Judgement<T> {
        self.search.judge(value, trial_value, promised)
    }

    fn accepted(&mut self, judgement: Judgement<T>, promised: &ModelStep<T>, _: T) {
        self.search.accepted(judgement, promised);
    }

    fn rejected(&mut self, promised: &ModelStep<T>) {
        self.search.rejected(promised);
    }

    fn is_exhausted(&self) -> bool {
        self.search.is_exhausted()
    }

    fn definite_dimension(&self) -> usize {
        self.descent.definite_dimension()
    }

    fn length_off_saddle(&self) -> T {
        self.search.radius()
    }
}
