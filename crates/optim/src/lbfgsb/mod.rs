//! L-BFGS-B: limited-memory BFGS for variables between bounds.
//!
//! An iteration follows the projected gradient path to the first minimum of a quadratic model (the Cauchy point), which
//! says which bounds are active; minimises the model over the variables left free; and searches along the line to that
//! point with Moré and Thuente's rule. Where the minimum of the model lies inside the box it is taken at once, and the
//! method is L-BFGS. Every point asked for lies in the box.
//!
//! Sources: Byrd, Lu, Nocedal, Zhu, *A limited memory algorithm for bound constrained optimization*, SIAM J. Sci. Comput.
//! 16 (1995); Morales, Nocedal, *Remark on algorithm 778*, ACM TOMS 38 (2011).
//!
//! ```
//! use optim::{FromParts, Lbfgsb};
//! // (x − 3)² + (y + 1)² in the box [0, 2] × [0, 2]: the nearest point is (2, 0).
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| (x[0] - 3.0).powi(2) + (x[1] + 1.0).powi(2),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * (x[0] - 3.0), 2.0 * (x[1] + 1.0)]),
//! );
//! let report = Lbfgsb::new(&[0.0, 0.0], &[2.0, 2.0]).minimize(&f, &[1.0, 1.0])?;
//! assert!(report.status.is_converged());
//! assert_eq!(report.x, [2.0, 0.0]);
//! # Ok::<(), optim::Error>(())
//! ```

mod model;

use crate::bounds::Bounds;
use crate::descent_direction::{Along, Learnt};
use crate::error::{Error, require, require_length, require_lengths, require_pairs};
use crate::limits::{Limits, limit_options};
use crate::line_search::{LineFunction, LineSearch, MoreThuente, Ray, SearchEnd};
use crate::objective::Objective;
use crate::quasi_newton::Step;
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Place, Status};
use crate::vector::{all_finite, dot, norm};
use model::CompactModel;
use std::ops::ControlFlow;

const METHOD: &str = "l-bfgs-b";

/// The options of the method, and the ways to run it.
///
/// An iteration costs about one gradient, (2 m² + 16 m) n multiplications, and O(m²) for each bound met on the way; the
/// run holds 2 m + 8 vectors. The gradient norm of its reports is ‖P(x − g) − x‖₂, P the projection to the box.
#[derive(Clone, Debug)]
pub struct Lbfgsb<T> {
    bounds: Bounds<T>,
    memory: usize,
    limits: Limits<T>,
}

impl<T: Scalar> Lbfgsb<T> {
    /// The method in the box `lower` ≤ x ≤ `upper`; infinite entries stand for no bound.
    pub fn new(lower: &[T], upper: &[T]) -> Self {
        Self { bounds: Bounds::new(lower, upper), memory: 10, limits: Limits::new(10_000) }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// How many pairs are kept, at least 1. Default: 10.
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// A run at the point of the box nearest to `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize); bounds of the wrong length, or a lower one above the upper one.
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<LbfgsbSolver<'o, T, O>, Error> {
        require_length(METHOD, "x", objective.dimension(), x.len())?;
        self.check(x.len())?;
        let Self { bounds, memory, limits } = self;
        let x = bounds.nearest(x);
        let mut now = Standing::start_first_order(METHOD, limits, objective, &x)?;
        now.gradient_norm = bounds.projected_gradient_norm(&now.x, &now.gradient);
        now.begin();
        let vector = || vec![T::zero(); x.len()];
        let state = LbfgsbState {
            now,
            bounds,
            model: CompactModel::new(x.len(), memory),
            direction: vector(),
            target: vector(),
            trial_gradient: vector(),
            alpha: T::zero(),
        };
        Ok(LbfgsbSolver { objective, state })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: LbfgsbState<T>,
    ) -> Result<LbfgsbSolver<'o, T, O>, Error> {
        let n = objective.dimension();
        self.check(n)?;
        let now = state.now.resumed(METHOD, self.limits, n)?;
        require(self.bounds == state.bounds, METHOD, "lower and upper", "another box", "that of the state")?;
        let LbfgsbState { ref direction, ref target, ref trial_gradient, .. } = state;
        let vectors = [("direction", direction), ("target", target), ("trial_gradient", trial_gradient)];
        require_lengths(METHOD, n, &vectors)?;
        require_pairs(METHOD, state.model.fits(n))?;
        Ok(LbfgsbSolver { objective, state: LbfgsbState { now, ..state } })
    }

    fn check(&self, n: usize) -> Result<(), Error> {
        require(self.memory >= 1, METHOD, "memory", self.memory, "at least 1")?;
        self.bounds.check(METHOD, n)
    }
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct LbfgsbState<T> {
    /// Its gradient norm is that of the projected gradient.
    now: Standing<T>,
    bounds: Bounds<T>,
    model: CompactModel<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    direction: Vec<T>,
    /// The minimum of the model in the box.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    target: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    trial_gradient: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
}

/// A run of [`Lbfgsb`].
#[derive(Clone, Debug)]
pub struct LbfgsbSolver<'o, T, O> {
    objective: &'o O,
    state: LbfgsbState<T>,
}

impl<T: Scalar, O: Objective<T>> LbfgsbSolver<'_, T, O> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &LbfgsbState<T> {
        &self.state
    }

    /// The direction to the minimum of the model in the box, and the largest α that stays there.
    fn set_direction(&mut self) -> T {
        let LbfgsbState { now, bounds, model, direction, target, .. } = &mut self.state;
        if model.is_empty() || !model.interior_minimum(bounds, &now.x, &now.gradient, target) {
            model.refresh();
            let c = model.cauchy_point(bounds, &now.x, &now.gradient, direction, target);
            if !model.is_empty() {
                model.minimise_free(bounds, &now.x, &now.gradient, &c, direction, target);
            }
        }
        for ((d, &target), &x) in direction.iter_mut().zip(&*target).zip(&now.x) {
            *d = target - x;
        }
        let longest = bounds.reach(&now.x, direction);
        // The target lies in the box: rounding alone says less than 1.
        longest.max(T::one())
    }
}

impl<T: Scalar, O: Objective<T>> Learnt<T> for LbfgsbSolver<'_, T, O> {
    fn now(&mut self) -> &mut Standing<T> {
        &mut self.state.now
    }

    fn is_steepest(&self) -> bool {
        self.state.model.is_empty()
    }

    fn forget(&mut self) {
        self.state.model.forget();
    }

    fn search(&mut self) -> Result<ControlFlow<Option<Status>, Status>, Error> {
        let longest = self.set_direction();
        let LbfgsbState { now, bounds, model, direction, trial_gradient, alpha, .. } = &mut self.state;
        let slope = dot(&now.gradient, direction);
        let length = norm(direction);
        let first = if model.is_empty() { T::one().min(T::one() / length) } else { T::one() };
        let ray = Ray::new(now.value, slope, first);
        let ray = if longest < ray.longest { ray.up_to(longest) } else { ray };
        let mut along = Along {
            bounds: Some(bounds),
            ..Along::new(self.objective, &now.x, direction, &mut now.trial, trial_gradient, &mut now.counts)
        };
        let found = MoreThuente::new().search(&mut along, ray)?;
        match found.end {
            SearchEnd::Unbounded => return Ok(ControlFlow::Break(Some(Status::Unbounded))),
            _ if found.step == T::zero() => return Ok(ControlFlow::Continue(along.failure())),
            _ => {}
        }
        let mut value = found.value;
        if along.sampled != Some(found.step) {
            value = along.sample(found.step)?.0;
        }
        let failure = along.failure();
        now.step_norm = found.step * length;
        if now.trial == now.x {
            return Ok(ControlFlow::Continue(failure));
        }
        if !value.is_finite() || !all_finite(trial_gradient) {
            return Ok(ControlFlow::Continue(Status::NonFinite(Place::Gradient)));
        }
        let step = Step { from: &now.x, to: &now.trial, gradient_from: &now.gradient, gradient_to: trial_gradient };
        model.learn(&step);
        *alpha = found.step;
        now.accept_trial(value, trial_gradient);
        now.gradient_norm = bounds.projected_gradient_norm(&now.x, &now.gradient);
        Ok(ControlFlow::Break(None))
    }
}

solvers! {
    [O: Objective<T>] LbfgsbSolver<'_, T, O>, state.now, |run| run.state.alpha;
}
