//! Newton's method along lines, its equations solved by truncated conjugate gradients, negative curvature followed.
//!
//! The inner iteration stops at ‖H d + g‖ ≤ η ‖g‖ with η = min(1/2, √(‖g‖/‖g₀‖)), so that the run converges with order
//! 3/2. Where it meets a direction p with pᵀHp ≤ 10 ε ‖p‖ ‖Hp‖ (a relative test: the scale of H plays no part) the step
//! goes along p, scaled by |gᵀp| / |pᵀHp|, and must decrease f by a share of α gᵀp + ½ α² pᵀHp; it is doubled as long as
//! that pays. A step to a gradient that is not finite is halved. Where the gradient is within its tolerance a short Lanczos
//! run looks for negative curvature first: a saddle that it finds is left, or named.
//!
//! Sources: Nocedal, Wright, *Numerical Optimization* (2006), algorithm 7.1; negative curvature as in Royer, O'Neill,
//! Wright, *A Newton-CG algorithm with complexity guarantees*, Math. Program. 180 (2020), with a length that keeps its
//! units; the decrease along p from Goldfarb, *Curvilinear path steplength algorithms*, Math. Program. 18 (1980).
//!
//! ```
//! use optim::{FromParts, NewtonCg};
//! // x⁴ − x² + y²: two minima at x = ±1/√2, and a saddle at 0 the start is close to.
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| x[0].powi(4) - x[0] * x[0] + x[1] * x[1],
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[4.0 * x[0].powi(3) - 2.0 * x[0], 2.0 * x[1]]),
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| {
//!         hv.copy_from_slice(&[(12.0 * x[0] * x[0] - 2.0) * v[0], 2.0 * v[1]])
//!     },
//! );
//! let report = NewtonCg::new().minimize(&f, &[1e-4, 1.0])?;
//! assert!(report.status.is_converged());
//! assert!((report.value + 0.25).abs() < 1e-12);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent::{ModelStep, StepEnd};
use crate::descent_direction::Along;
use crate::error::{Error, require_lengths};
use crate::halving::halve;
use crate::limits::{Limits, limit_options};
use crate::line_search::{Backtracking, LineFunction, LineSearch, Ray, SearchEnd};
use crate::objective::{LocalModel, Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::radius_search::{SUFFICIENT, judge};
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::{minimize_methods, solvers};
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::{axpy, dot, most_halvings, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "newton-cg";

/// The options of the method, and the ways to run it.
///
/// An iteration costs about a value, a gradient and the products of the inner iteration; a trial that is rejected costs
/// one value. The run holds eight vectors.
#[derive(Clone, Debug)]
pub struct NewtonCg<T> {
    max_products: Option<usize>,
    saddle_products: usize,
    limits: Limits<T>,
}

impl<T: Scalar> Default for NewtonCg<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> NewtonCg<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        Self { max_products: None, saddle_products: 8, limits: Limits::new(1000) }
    }

    limit_options!(1000);
    minimize_methods!();

    /// The most products of an iteration. Default: 2 n.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// The most products for the question whether a point with zero gradient is a minimum; 0 does not ask. Default: 8.
    pub fn saddle_products(mut self, limit: usize) -> Self {
        self.saddle_products = limit;
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<NewtonCgSolver<'o, T, O>, Error> {
        let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
        let n = x.len();
        let vector = || vec![T::zero(); n];
        let run = Run {
            now,
            max_products: self.most_products(n),
            direction: vector(),
            trial_gradient: vector(),
            residual: vector(),
            conjugate: vector(),
            product: vector(),
            kind: None,
            alpha: T::one(),
        };
        Ok(NewtonCgSolver { site: Site::new(objective, model, SecondOrder::new(self.saddle_products)), run })
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: NewtonCgState<T>,
    ) -> Result<NewtonCgSolver<'o, T, O>, Error> {
        let NewtonCgState { run, site } = state;
        let n = objective.dimension();
        let now = run.now.resumed(METHOD, self.limits, n)?;
        let run = Run { now, max_products: self.most_products(n), ..run };
        let vectors = [
            ("direction", &run.direction),
            ("trial_gradient", &run.trial_gradient),
            ("residual", &run.residual),
            ("conjugate", &run.conjugate),
            ("product", &run.product),
        ];
        require_lengths(METHOD, n, &vectors)?;
        let second_order = SecondOrder::new(self.saddle_products);
        Ok(NewtonCgSolver { site: Site::resume(METHOD, objective, &run.now.x, second_order, site)?, run })
    }

    fn most_products(&self, n: usize) -> usize {
        self.max_products.unwrap_or(2 * n).max(1)
    }
}

/// What the direction at hand is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
enum Kind<T> {
    /// An inexact Newton step.
    Newton,
    /// Of curvature dᵀHd ≤ 0.
    Negative {
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        curvature: T,
    },
    /// −g, after all else failed.
    Steepest,
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct NewtonCgState<T> {
    run: Run<T>,
    site: SiteState<T>,
}

/// All of a run but the model at its point and the second-order test there.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
struct Run<T> {
    now: Standing<T>,
    max_products: usize,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    direction: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    trial_gradient: Vec<T>,
    /// r = −(g + H d), p and H p of the inner iteration.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    residual: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    conjugate: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    product: Vec<T>,
    /// The direction at x, once it is known.
    kind: Option<Kind<T>>,
    /// α of the last step.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
}

/// A run of [`NewtonCg`].
#[derive(Debug)]
pub struct NewtonCgSolver<'o, T: Scalar, O: Objective<T>> {
    site: Site<'o, T, O>,
    run: Run<T>,
}

impl<T: Scalar> Run<T> {
    /// Solves H d = −g as far as it goes; the direction and what it is, and the products it took.
    fn solve<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
    ) -> Result<(Result<Kind<T>, Status>, usize), ObjectiveError> {
        let Self { now, direction: d, residual: r, conjugate: p, product: hp, .. } = self;
        let tolerance = T::of(0.5).min(now.reduction().sqrt()) * now.gradient_norm;
        d.fill(T::zero());
        for ((r, p), &g) in r.iter_mut().zip(&mut *p).zip(&now.gradient) {
            (*r, *p) = (-g, -g);
        }
        let mut rr = dot(r, r);
        for products in 0..self.max_products {
            if norm(r) <= tolerance || rr == T::zero() {
                return Ok((Ok(Kind::Newton), products));
            }
            hessian.apply(p, hp)?;
            let curvature = dot(p, hp);
            if !curvature.is_finite() {
                let nothing = products == 0;
                let end = if nothing { Err(Status::NonFinite(Place::Product)) } else { Ok(Kind::Newton) };
                return Ok((end, products + 1));
            }
            if curvature <= T::of(10.0) * T::epsilon() * norm(p) * norm(hp) {
                // p descends, gᵀp = −rᵀr. With the Newton length |gᵀp| / |pᵀHp|, or as it is where that is infinite.
                let newton = rr / curvature.abs();
                let scale = if curvature < T::zero() && newton.is_finite() { newton } else { T::one() };
                for (d, &p) in d.iter_mut().zip(&*p) {
                    *d = scale * p;
                }
                return Ok((Ok(Kind::Negative { curvature: curvature.min(T::zero()) * scale * scale }), products + 1));
            }
            let alpha = rr / curvature;
            axpy(alpha, p, d);
            axpy(-alpha, hp, r);
            let next = dot(r, r);
            let beta = next / rr;
            for (p, &r) in p.iter_mut().zip(&*r) {
                *p = r + beta * *p;
            }
            rr = next;
        }
        Ok((Ok(Kind::Newton), self.max_products))
    }
}

impl<T: Scalar, O: Objective<T>> NewtonCgSolver<'_, T, O> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> NewtonCgState<T> {
        NewtonCgState { run: self.run.clone(), site: self.site.state() }
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        self.site.examine(&mut self.run.now, T::one())
    }

    /// Finds the direction at `x`, once; the status if there is none.
    fn prepare(&mut self) -> Result<Option<Status>, Error> {
        let Self { site, run } = self;
        let Some((kind, products)) = site.spend(|model| run.solve(&mut model.hessian()))? else { return Ok(None) };
        self.run.now.counts.products += products;
        match kind {
            Ok(kind) => self.run.kind = Some(kind),
            Err(failure) => return Ok(Some(failure)),
        }
        Ok(None)
    }

    /// Moves along the direction at hand, less far where the gradient is not finite; the reason where there is no step.
    fn go(&mut self) -> Result<Option<Status>, Error> {
        let first = match self.run.kind {
            Some(Kind::Steepest) => T::one().min(T::one() / self.run.now.gradient_norm),
            _ => T::one(),
        };
        let (mut lost, mut longest) = (None, T::infinity());
        let found = halve(first, most_halvings::<T>(), |first| {
            let alpha = match self.search(first, longest)? {
                Ok(alpha) => alpha,
                Err(Status::Unbounded) => return Ok::<_, Error>(ControlFlow::Break(Some(Status::Unbounded))),
                Err(reason) => return Ok(ControlFlow::Break(Some(lost.unwrap_or(reason)))),
            };
            Ok(match self.take(alpha)? {
                None => ControlFlow::Break(None),
                Some(reason @ Status::NonFinite(_)) => {
                    (lost, longest) = (Some(reason), T::of(0.5) * alpha);
                    ControlFlow::Continue(alpha)
                }
                Some(reason) => ControlFlow::Break(Some(lost.unwrap_or(reason))),
            })
        })?;
        Ok(found.unwrap_or(lost))
    }

    /// Searches along the direction at hand from α = `first`, and no further than `longest`: α, or the reason where there is
    /// no step.
    fn search(&mut self, first: T, longest: T) -> Result<Result<T, Status>, Error> {
        let Run { now, direction, trial_gradient, kind, .. } = &mut self.run;
        let slope = dot(&now.gradient, direction);
        let mut along =
            Along::new(self.site.objective(), &now.x, direction, &mut now.trial, trial_gradient, &mut now.counts);
        let (step, end) = match *kind {
            Some(Kind::Negative { curvature }) => {
                let down = Curved { value: now.value, slope, curvature };
                down.search(&mut along, first, longest)?
            }
            _ => {
                let found = Backtracking::new().search(&mut along, Ray::new(now.value, slope, first))?;
                (found.step, found.end)
            }
        };
        Ok(match end {
            SearchEnd::Unbounded => Err(Status::Unbounded),
            _ if step == T::zero() => Err(along.failure()),
            _ => Ok(step),
        })
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        if self.site.is_leaving() {
            self.run.kind = None;
            let judge = |value, trial, promised: &_| judge(value, trial, promised, T::of(SUFFICIENT), T::one());
            return self.site.leave(&mut self.run.now, judge);
        }
        self.run.now.accepted = false;
        if let Some(failure) = self.prepare()? {
            return Ok(Some(failure));
        }
        loop {
            let Some(failure) = self.go()? else { return Ok(None) };
            if failure == Status::Unbounded || self.run.kind == Some(Kind::Steepest) {
                return Ok(Some(failure));
            }
            if self.run.kind == Some(Kind::Newton) && failure == Status::NoProgress && self.trust()? {
                return Ok(None);
            }
            self.run.kind = Some(Kind::Steepest);
            for (d, &g) in self.run.direction.iter_mut().zip(&self.run.now.gradient) {
                *d = -g;
            }
        }
    }

    /// Takes Newton's step as a trust-region method would, where the search found no lower value: what the step promises may
    /// be hidden by terms that cancel in f, and the gradient then decides. False if it does not.
    fn trust(&mut self) -> Result<bool, Error> {
        let Run { now, direction, .. } = &mut self.run;
        let one = T::one();
        offset(&now.x, one, direction, &mut now.trial);
        now.step_norm = norm(direction);
        if now.trial == now.x {
            return Ok(false);
        }
        let decrease = T::of(-0.5) * dot(&now.gradient, direction);
        let promised = ModelStep { norm: now.step_norm, decrease, end: StepEnd::Interior };
        let judge = |value, trial| judge(value, trial, &promised, T::of(SUFFICIENT), one);
        let Attempt::Accepted(model, _) = now.attempt(self.site.objective(), judge)? else { return Ok(false) };
        self.site.arrive(model, false);
        (self.run.kind, self.run.alpha) = (None, one);
        Ok(true)
    }

    /// Moves to x + α d, or says why not.
    fn take(&mut self, alpha: T) -> Result<Option<Status>, Error> {
        let Run { now, direction, .. } = &mut self.run;
        offset(&now.x, alpha, direction, &mut now.trial);
        now.step_norm = alpha * norm(direction);
        if now.trial == now.x {
            return Ok(Some(Status::NoProgress));
        }
        let model = self.site.objective().at(&now.trial)?;
        now.counts.gradients += 1;
        let gradient_norm = norm(model.gradient());
        if !(gradient_norm.is_finite() && model.value().is_finite()) {
            return Ok(Some(Status::NonFinite(Place::Gradient)));
        }
        now.accept(&model, gradient_norm);
        self.site.arrive(model, false);
        (self.run.kind, self.run.alpha) = (None, alpha);
        Ok(None)
    }
}

/// f along a direction of negative curvature, as its quadratic model has it.
#[derive(Clone, Copy, Debug)]
struct Curved<T> {
    value: T,
    slope: T,
    curvature: T,
}

impl<T: Scalar> Curved<T> {
    /// Whether f(x + α d) ≤ f(x) + c₁ (α slope + ½ α² curvature).
    fn is_enough(&self, alpha: T, found: T) -> bool {
        let promised = T::of(SUFFICIENT) * alpha * (self.slope + T::of(0.5) * alpha * self.curvature);
        found.is_finite() && found < self.value && found <= self.value + promised
    }

    /// A step that is enough: from `first` on twice as long while the value falls, up to `longest`, else half as long.
    fn search<P: LineFunction<T>>(&self, phi: &mut P, first: T, longest: T) -> Result<(T, SearchEnd), P::Error> {
        let mut alpha = first;
        let mut best: Option<(T, T)> = None;
        for _ in 0..most_halvings::<T>() {
            let found = phi.value(alpha)?;
            if found == T::neg_infinity() {
                return Ok((alpha, SearchEnd::Unbounded));
            }
            let better = best.is_none_or(|(_, lowest)| found < lowest);
            if self.is_enough(alpha, found) && better {
                best = Some((alpha, found));
                alpha *= T::of(2.0);
                if alpha <= longest {
                    continue;
                }
            }
            match best {
                // The last step longer was one too many; a first step too long is halved.
                Some((alpha, _)) => return Ok((alpha, SearchEnd::Armijo)),
                None => alpha *= T::of(0.5),
            }
            if alpha == T::zero() {
                break;
            }
        }
        Ok((best.map_or(T::zero(), |(alpha, _)| alpha), SearchEnd::Samples))
    }
}

solvers! {
    [O: Objective<T>] NewtonCgSolver<'_, T, O>, run.now, |run| run.run.alpha, examine;
}
