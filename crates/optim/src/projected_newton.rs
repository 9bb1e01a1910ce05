//! Projected trust-region Newton: minima between bounds, with second derivatives.
//!
//! A step starts with the projected gradient, which says which bounds are active (the Cauchy point), and goes on with
//! trust-region Newton steps in the variables left free, each projected to the box. The path so found is kept, so a
//! rejected step costs one value and **zero** products. Every point asked for lies in the box.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::ProjectedNewton;
//! // Rosenbrock's function for x ≤ ½: the minimum is at (½, ¼).
//! let rosenbrock = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
//! let start = vec![-1.2_f64, 1.0];
//! let method = ProjectedNewton::new(&[-2.0, -2.0], &[0.5, 2.0]);
//! let report = method.minimize(&rosenbrock.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!(report.x[0] == 0.5 && (report.x[1] - 0.25).abs() < 1e-9);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::bounds::Bounds;
use crate::descent::{Descent, ModelStep, StepEnd};
use crate::error::{Error, require_length};
use crate::forcing::{Forcing, forcing_options};
use crate::krylov::{Gltr, crossing};
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::operator::{LinearOperator, Restricted};
use crate::radius_search::{RadiusSearch, value_scale_option};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::{minimize_methods, solvers};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::{all_finite, axpy, dot, norm};

const METHOD: &str = "projected newton";

/// The share of the first-order decrease that a projected step of the model must keep (μ₀ of Lin and Moré).
const SUFFICIENT: f64 = 1e-2;

/// How many times the model is minimised in the variables left free, each time with more of them at their bounds.
const MAX_FACES: usize = 8;

/// How many lengths of a projected step are tried; each after the first mostly costs a product.
const MAX_TRIALS: usize = 40;

/// The options of the method, and the ways to run it.
///
/// The gradient norm of its reports is ‖P(x − g) − x‖₂, P the projection to the box. An accepted point costs a value, a
/// gradient, two or three products more than [`Gltr`] in the free variables, and one for each bound met on the way. It
/// holds 16 vectors and up to nine segments of a path, besides the workspace of [`Gltr`].
///
/// A point where the projected gradient is zero counts as a minimum only after a short Lanczos run in the variables off
/// their bounds found no negative eigenvalue there. A variable on a bound whose slope there is zero is taken as held.
///
/// Source: Lin, Moré, *Newton's method for large bound-constrained optimization problems*, SIAM J. Optim. 9 (1999).
#[derive(Clone, Debug)]
pub struct ProjectedNewton<T> {
    bounds: Bounds<T>,
    search: RadiusSearch<T>,
    forcing: Forcing<T>,
    limits: Limits<T>,
    second_order: SecondOrder<T>,
    descent: Gltr<T>,
}

impl<T: Scalar> ProjectedNewton<T> {
    /// The method in the box `lower` ≤ x ≤ `upper`; infinite entries stand for no bound.
    pub fn new(lower: &[T], upper: &[T]) -> Self {
        Self {
            bounds: Bounds::new(lower, upper),
            search: RadiusSearch::new(T::one()),
            forcing: Forcing::Superlinear { largest: T::of(0.1), power: T::one() },
            limits: Limits::new(1000),
            second_order: SecondOrder::new(8),
            descent: Gltr::of_a_search(),
        }
    }

    limit_options!(1000);
    minimize_methods!();

    /// The first radius, in the units of `x`. Default: 1.
    pub fn radius(mut self, radius: T) -> Self {
        self.search.set_radius(radius);
        self
    }

    value_scale_option!();
    forcing_options!();

    /// A run at the point of the box nearest to `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize); bounds of the wrong length, or a lower one above the upper one.
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<ProjectedNewtonSolver<'o, T, O>, Error> {
        require_length(METHOD, "x", objective.dimension(), x.len())?;
        self.check(x.len())?;
        let x = self.bounds.nearest(x);
        let (mut now, model) = Standing::start(METHOD, self.limits, objective, &x)?;
        now.gradient_norm = self.bounds.projected_gradient_norm(&now.x, &now.gradient);
        now.begin();
        let n = x.len();
        Ok(ProjectedNewtonSolver {
            site: Site::new(objective, model, self.second_order.clone()),
            path: Path::new(n),
            prepared: None,
            alpha: T::one(),
            step: vec![T::zero(); n],
            options: self,
            now,
        })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        mut self,
        objective: &'o O,
        state: ProjectedNewtonState<T>,
    ) -> Result<ProjectedNewtonSolver<'o, T, O>, Error> {
        let ProjectedNewtonState { now, radius, prepared, alpha, site } = state;
        let n = objective.dimension();
        self.check(n)?;
        self.search.set_radius(radius);
        let now = now.resumed(METHOD, self.limits, n)?;
        let site = Site::resume(METHOD, objective, &now.x, self.second_order.clone(), site)?;
        let mut path = Path::new(n);
        path.alpha = alpha;
        let step = vec![T::zero(); n];
        let mut solver = ProjectedNewtonSolver { site, path, prepared: None, alpha, step, options: self, now };
        if let Some([radius, tolerance]) = prepared {
            let mut model = objective.at(&solver.now.x)?;
            let ProjectedNewtonSolver { options, now, path, .. } = &mut solver;
            path.learn(&mut model.hessian(), options, now, radius, tolerance)?;
            solver.prepared = prepared;
        }
        Ok(solver)
    }

    fn check(&self, n: usize) -> Result<(), Error> {
        self.limits.check(METHOD)?;
        self.search.check()?;
        self.forcing.check(METHOD)?;
        self.bounds.check(METHOD, n)
    }
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct ProjectedNewtonState<T> {
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    radius: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::maybe_two"))]
    prepared: Option<[T; 2]>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    site: SiteState<T>,
}

/// A run of [`ProjectedNewton`].
#[derive(Debug)]
pub struct ProjectedNewtonSolver<'o, T: Scalar, O: Objective<T>> {
    site: Site<'o, T, O>,
    options: ProjectedNewton<T>,
    now: Standing<T>,
    path: Path<T>,
    /// Radius and tolerance of the path at `x`, once it is known, and the α that its search for the Cauchy point began with.
    prepared: Option<[T; 2]>,
    alpha: T,
    step: Vec<T>,
}

/// A path of straight segments from x, along each of which the quadratic model is a known parabola that falls at first.
#[derive(Clone, Debug)]
struct Path<T> {
    n: usize,
    /// Row j is segment number j.
    rows: Vec<T>,
    segments: Vec<Parabola<T>>,
    end: StepEnd,
    /// The α at which the next projected gradient path is first cut.
    alpha: T,
    /// s, ∇q(s), a segment to be, and H times it.
    s: Vec<T>,
    slope: Vec<T>,
    d: Vec<T>,
    hd: Vec<T>,
    free: Vec<usize>,
    free_slope: Vec<T>,
    free_step: Vec<T>,
    products: usize,
}

/// q(s + τ d) − q(s) = τ `slope` + ½ τ² `curvature`.
#[derive(Clone, Copy, Debug)]
struct Parabola<T> {
    slope: T,
    curvature: T,
}

impl<T: Scalar> Parabola<T> {
    fn at(self, tau: T) -> T {
        tau * (self.slope + T::of(0.5) * tau * self.curvature)
    }

    fn is_sufficient(self) -> bool {
        self.slope < T::zero() && self.at(T::one()) <= T::of(SUFFICIENT) * self.slope
    }
}

/// What a path is made from.
struct Setting<'a, T> {
    bounds: &'a Bounds<T>,
    x: &'a [T],
    gradient: &'a [T],
    radius: T,
    /// ‖∇q‖ in the free variables at which the model is minimised well enough, as a share of the projected gradient.
    tolerance: T,
    gradient_norm: T,
}

impl<T: Scalar> Path<T> {
    fn new(n: usize) -> Self {
        let vector = || vec![T::zero(); n];
        Self {
            n,
            rows: Vec::new(),
            segments: Vec::new(),
            end: StepEnd::Interior,
            alpha: T::one(),
            s: vector(),
            slope: vector(),
            d: vector(),
            hd: vector(),
            free: Vec::new(),
            free_slope: Vec::new(),
            free_step: Vec::new(),
            products: 0,
        }
    }

    /// Adds segment d; with its image if the path may go on from its end.
    fn push(&mut self, parabola: Parabola<T>) {
        self.rows.truncate(self.segments.len() * self.n);
        self.rows.extend_from_slice(&self.d);
        self.segments.push(parabola);
        axpy(T::one(), &self.d, &mut self.s);
    }

    /// The parabola along d, from one product.
    fn measure<A: LinearOperator<T>>(&mut self, hessian: &mut A) -> Result<Option<Parabola<T>>, Error> {
        hessian.apply(&self.d, &mut self.hd)?;
        self.products += 1;
        let parabola = Parabola { slope: dot(&self.slope, &self.d), curvature: dot(&self.d, &self.hd) };
        let finite = parabola.slope.is_finite() && parabola.curvature.is_finite();
        Ok(finite.then_some(parabola))
    }

    /// The Cauchy point: a cut of the path P(x − α g) that decreases the model sufficiently. False if there is none.
    fn cauchy<A: LinearOperator<T>>(&mut self, hessian: &mut A, setting: &Setting<'_, T>) -> Result<bool, Error> {
        let Setting { bounds, x, gradient, radius, .. } = *setting;
        let mut alpha = self.alpha;
        for _ in 0..MAX_TRIALS {
            for i in 0..self.n {
                self.d[i] = bounds.clip(i, x[i] - alpha * gradient[i]) - x[i];
            }
            let length = norm(&self.d);
            if length > radius {
                // No product: the path is cut shorter until it fits, or near enough for the radius to cut it.
                if length > T::of(2.0) * radius {
                    alpha *= (radius / length).max(T::of(0.1)).min(T::of(0.5));
                    continue;
                }
            }
            let Some(parabola) = self.measure(hessian)? else {
                self.end = StepEnd::NonFinite;
                return Ok(false);
            };
            // Where the parabola along d is least, in units of d.
            let least = -parabola.slope / parabola.curvature;
            if parabola.is_sufficient() {
                let next =
                    if parabola.curvature > T::zero() { least.max(T::of(0.1)).min(T::of(10.0)) } else { T::of(10.0) };
                self.alpha = (alpha * next).max(T::min_positive_value()).min(T::max_value().sqrt());
                self.push(parabola);
                axpy(T::one(), &self.hd, &mut self.slope);
                return Ok(true);
            }
            alpha *= if least > T::zero() { least.max(T::of(0.1)).min(T::of(0.5)) } else { T::of(0.1) };
        }
        Ok(false)
    }

    /// A Newton step in the free variables, projected to the box; true if the path may go on from its end.
    fn face<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        setting: &Setting<'_, T>,
        descent: &mut Gltr<T>,
    ) -> Result<bool, Error> {
        let Setting { bounds, x, radius, tolerance, gradient_norm, .. } = *setting;
        self.free.clear();
        for i in 0..self.n {
            if bounds.is_free(i, bounds.place(i, x[i], self.s[i])) {
                self.free.push(i);
            }
        }
        self.free_slope.clear();
        self.free_slope.extend(self.free.iter().map(|&i| self.slope[i]));
        let left = norm(&self.free_slope);
        if left <= tolerance * gradient_norm {
            return Ok(false);
        }
        let share = (tolerance * gradient_norm / left).min(T::of(0.5));
        let mut restricted = Restricted::new(&mut *hessian, std::mem::take(&mut self.free))?;
        self.products += descent.prepare(&mut restricted, &self.free_slope, radius, share)?;
        self.free = restricted.into_indices();
        self.free_step.clear();
        self.free_step.resize(self.free.len(), T::zero());
        let promised = descent.step(radius, &mut self.free_step);
        if promised.norm == T::zero() {
            self.end = promised.end;
            return Ok(false);
        }
        // The first bound on the way.
        let mut room = T::infinity();
        for (&i, &w) in self.free.iter().zip(&self.free_step) {
            let bound = if w > T::zero() { bounds.upper[i] } else { bounds.lower[i] };
            let here = (bound - (x[i] + self.s[i])) / w;
            if w != T::zero() {
                room = room.min(here);
            }
        }
        if room >= T::one() {
            self.d.fill(T::zero());
            for (&i, &w) in self.free.iter().zip(&self.free_step) {
                self.d[i] = w;
            }
            let slope = dot(&self.free_slope, &self.free_step);
            // q(w) = slope + ½ curvature is promised.
            self.push(Parabola { slope, curvature: -T::of(2.0) * (promised.decrease + slope) });
            self.end = promised.end;
            return Ok(false);
        }
        let mut beta = T::one();
        for _ in 0..MAX_TRIALS {
            let last = beta <= room;
            beta = if last { room } else { beta };
            self.d.fill(T::zero());
            for (&i, &w) in self.free.iter().zip(&self.free_step) {
                let here = x[i] + self.s[i];
                self.d[i] = bounds.clip(i, here + beta * w) - here;
            }
            let Some(parabola) = self.measure(hessian)? else {
                self.end = StepEnd::NonFinite;
                return Ok(false);
            };
            if parabola.is_sufficient() || (last && parabola.slope < T::zero() && parabola.at(T::one()) < T::zero()) {
                self.push(parabola);
                axpy(T::one(), &self.hd, &mut self.slope);
                return Ok(true);
            }
            if last {
                break;
            }
            beta *= T::of(0.5);
        }
        Ok(false)
    }

    /// The whole path for the radius; returns the number of products.
    fn explore<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        setting: &Setting<'_, T>,
        descent: &mut Gltr<T>,
    ) -> Result<usize, Error> {
        self.segments.clear();
        self.end = StepEnd::Interior;
        self.products = 0;
        self.s.fill(T::zero());
        self.slope.copy_from_slice(setting.gradient);
        if self.cauchy(hessian, setting)? {
            for _ in 0..MAX_FACES {
                if norm(&self.s) >= setting.radius || !self.face(hessian, setting, descent)? {
                    break;
                }
            }
        }
        Ok(self.products)
    }

    /// The whole path from where the run stands; returns the number of products.
    fn learn<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        options: &mut ProjectedNewton<T>,
        now: &Standing<T>,
        radius: T,
        tolerance: T,
    ) -> Result<usize, Error> {
        let ProjectedNewton { bounds, descent, .. } = options;
        let Standing { x, gradient, gradient_norm, .. } = now;
        let setting = Setting { bounds, x, gradient, radius, tolerance, gradient_norm: *gradient_norm };
        self.explore(hessian, &setting, descent)
    }

    /// Writes the point of the path at the radius into `out`: its end if that comes first. Takes no products.
    fn step(&self, radius: T, out: &mut [T]) -> ModelStep<T> {
        out.fill(T::zero());
        let mut decrease = T::zero();
        for (d, &parabola) in self.rows.chunks_exact(self.n.max(1)).zip(&self.segments) {
            let reaches = out.iter().zip(d).map(|(&s, &d)| (s + d) / radius).map(|s| s * s).sum::<T>() > T::one();
            let tau = if reaches { crossing(out, d, radius).min(T::one()) } else { T::one() };
            axpy(tau, d, out);
            decrease -= parabola.at(tau);
            if reaches {
                return ModelStep { norm: norm(out), decrease, end: StepEnd::Boundary };
            }
        }
        // A step in the free variables may end on its own radius, inside that of the whole.
        let end = if self.end.is_on_boundary() { StepEnd::Boundary } else { self.end };
        ModelStep { norm: norm(out), decrease, end }
    }
}

impl<T: Scalar, O: Objective<T>> ProjectedNewtonSolver<'_, T, O> {
    /// What the run is apart from its objective and its options; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> ProjectedNewtonState<T> {
        ProjectedNewtonState {
            now: self.now.clone(),
            radius: self.options.search.radius(),
            prepared: self.prepared,
            alpha: if self.prepared.is_some() { self.alpha } else { self.path.alpha },
            site: self.site.state(),
        }
    }

    /// Learns the path at `x`, once.
    fn prepare(&mut self) -> Result<(), Error> {
        let Self { site, options, now, path, .. } = self;
        let (radius, tolerance, alpha) = (options.search.radius(), options.forcing.at(now), path.alpha);
        let products = site.spend(|model| path.learn(&mut model.hessian(), options, now, radius, tolerance))?;
        if let Some(products) = products {
            self.now.counts.products += products;
            (self.prepared, self.alpha) = (Some([radius, tolerance]), alpha);
        }
        Ok(())
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        let ProjectedNewton { bounds, search, .. } = &self.options;
        self.site.examine_within(&mut self.now, Some(bounds), search.radius())
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        if self.site.is_leaving() {
            self.prepared = None;
            let ProjectedNewton { bounds, search, .. } = &self.options;
            let judge = |value, trial, promised: &_| search.judge(value, trial, promised);
            return self.site.leave_within(&mut self.now, Some(bounds), judge);
        }
        self.prepare()?;
        let ProjectedNewton { bounds, search, .. } = &mut self.options;
        let promised = self.path.step(search.radius(), &mut self.step);
        self.now.step_norm = promised.norm;
        self.now.accepted = false;
        if promised.norm == T::zero() && promised.end == StepEnd::NonFinite {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        for (i, (&x, &s)) in self.now.x.iter().zip(&self.step).enumerate() {
            self.now.trial[i] = bounds.place(i, x, s);
        }
        if self.now.trial == self.now.x || !all_finite(&self.now.trial) {
            let held_back = promised.end.is_on_boundary();
            return Ok(Some(self.now.failed(if held_back { Status::RadiusTooSmall } else { Status::NoProgress })));
        }
        let judge = |value, trial| search.judge(value, trial, &promised);
        let measure = |x: &[T], gradient: &[T]| bounds.projected_gradient_norm(x, gradient);
        match self.now.attempt_measured(self.site.objective(), judge, measure)? {
            Attempt::Unbounded => return Ok(Some(Status::Unbounded)),
            Attempt::Accepted(model, judgement) => {
                self.site.arrive(model, false);
                self.prepared = None;
                search.accepted(judgement, &promised);
                return Ok(None);
            }
            Attempt::Rejected => search.rejected(&promised),
        }
        Ok(search.is_exhausted().then(|| self.now.failed(Status::RadiusTooSmall)))
    }
}

solvers! {
    [O: Objective<T>] ProjectedNewtonSolver<'_, T, O>, now, |run| run.options.search.radius(), examine;
}
