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

use crate::descent::{Descent, StepEnd};
use crate::error::{Error, require_length};
use crate::forcing::Forcing;
use crate::krylov::Gltr;
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::radius_search::RadiusSearch;
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::{minimize_methods, solvers};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::offset;

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
    /// The method with its defaults, its steps from [`Gltr`].
    pub fn new() -> Self {
        Self::with_descent(Gltr::new())
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

    /// The magnitude of the terms the function sums, in its units. Default: 1.
    ///
    /// Changes of the value below 10 ε times this are taken for rounding, and steps that small are judged by the
    /// gradient unless the value falls. With 0 only |f| itself counts: for a tiny function that sums no large terms.
    pub fn value_scale(mut self, scale: T) -> Self {
        self.search.set_value_scale(scale);
        self
    }

    /// How exactly Newton's equations are solved. Default: superlinear, `largest` 1/10, `power` 1: quadratic
    /// convergence. Never more exactly than the gradient tolerance needs: a tenth of it.
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
    /// workspace of the descent.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<TrustRegionSolver<'o, T, O, D>, Error> {
        self.check()?;
        let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
        Ok(TrustRegionSolver {
            site: Site::new(objective, model, self.second_order),
            search: self.search,
            forcing: self.forcing,
            descent: self.descent,
            step: vec![T::zero(); x.len()],
            prepared: None,
            now,
        })
    }

    /// The run with the options of this builder and this state, the bits of all that follows the same as if it had never
    /// stopped. It prepares the point, and its path if that was known, once more; its counts leave that out.
    ///
    /// Radius and limits are those of the state.
    ///
    /// # Errors
    /// An option that makes no sense, an objective of another dimension, or what it reports.
    pub fn resume<'o, O: Objective<T>>(
        mut self,
        objective: &'o O,
        state: TrustRegionState<T>,
    ) -> Result<TrustRegionSolver<'o, T, O, D>, Error> {
        self.check()?;
        let TrustRegionState { search, now, prepared, site } = state;
        require_length(METHOD, "x", objective.dimension(), now.x.len())?;
        if let Some([radius, tolerance]) = prepared {
            self.descent.prepare(&mut objective.at(&now.x)?.hessian(), &now.gradient, radius, tolerance)?;
        }
        Ok(TrustRegionSolver {
            site: Site::resume(objective, &now.x, self.second_order, site)?,
            search,
            forcing: self.forcing,
            descent: self.descent,
            step: vec![T::zero(); now.x.len()],
            prepared,
            now,
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        self.search.check()?;
        self.forcing.check(METHOD)
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct TrustRegionState<T> {
    search: RadiusSearch<T>,
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::maybe_two"))]
    prepared: Option<[T; 2]>,
    site: SiteState<T>,
}

/// A run of [`TrustRegion`].
#[derive(Debug)]
pub struct TrustRegionSolver<'o, T: Scalar, O: Objective<T>, D = Gltr<T>> {
    site: Site<'o, T, O>,
    search: RadiusSearch<T>,
    forcing: Forcing<T>,
    descent: D,
    now: Standing<T>,
    step: Vec<T>,
    /// Radius and tolerance of the path at `x`, once it is known.
    prepared: Option<[T; 2]>,
}

impl<T: Scalar, O: Objective<T>, D: Descent<T>> TrustRegionSolver<'_, T, O, D> {
    /// What the run is apart from its objective and its options; [`TrustRegion::resume`] goes on with it.
    pub fn state(&self) -> TrustRegionState<T> {
        TrustRegionState {
            search: self.search,
            now: self.now.clone(),
            prepared: self.prepared,
            site: self.site.state(),
        }
    }

    /// Learns the path at `x`, once.
    fn prepare(&mut self) -> Result<(), Error> {
        let Some(mut model) = self.site.take() else {
            return Ok(());
        };
        let tolerance = self.forcing.at(&self.now);
        let radius = self.search.radius();
        match self.descent.prepare(&mut model.hessian(), &self.now.gradient, radius, tolerance) {
            Ok(products) => {
                self.now.counts.products += products;
                self.prepared = Some([radius, tolerance]);
                Ok(())
            }
            Err(error) => {
                self.site.put_back(model);
                self.prepared = None;
                Err(error.into())
            }
        }
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        self.site.examine(&mut self.now, self.search.radius())
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        if self.site.is_leaving() {
            self.prepared = None;
            let search = &self.search;
            return self.site.leave(&mut self.now, |value, trial, promised| search.judge(value, trial, promised));
        }
        self.prepare()?;
        let promised = self.descent.step(self.search.radius(), &mut self.step);
        self.now.step_norm = promised.norm;
        self.now.accepted = false;
        if promised.norm == T::zero() && promised.end == StepEnd::NonFinite {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        offset(&self.now.x, T::one(), &self.step, &mut self.now.trial);
        if self.now.trial == self.now.x {
            let held_back = promised.end.is_on_boundary();
            return Ok(Some(self.now.failed(if held_back { Status::RadiusTooSmall } else { Status::NoProgress })));
        }

        let search = &self.search;
        let attempt = self.now.attempt(self.site.objective(), |value, trial| search.judge(value, trial, &promised))?;
        match attempt {
            Attempt::Unbounded => return Ok(Some(Status::Unbounded)),
            Attempt::Accepted(model, judgement) => {
                // Newton's step in the whole space, where the Hessian was positive definite.
                let convex = promised.end == StepEnd::Interior
                    && judgement.is_as_promised()
                    && self.descent.definite_dimension() == self.step.len();
                self.site.arrive(model, convex);
                self.prepared = None;
                self.search.accepted(judgement, &promised);
                return Ok(None);
            }
            Attempt::Rejected => {}
        }
        self.search.rejected(&promised);
        Ok(self.search.is_exhausted().then(|| self.now.failed(Status::RadiusTooSmall)))
    }
}

solvers! {
    [O: Objective<T>, D: Descent<T>] TrustRegionSolver<'_, T, O, D>, now, |run| run.search.radius(), examine;
}
