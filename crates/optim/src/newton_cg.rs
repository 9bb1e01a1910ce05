//! Newton's method along lines, its equations solved by truncated conjugate gradients, negative curvature followed.
//!
//! The inner iteration stops at ‖H d + g‖ ≤ η ‖g‖ with η = min(1/2, √(‖g‖/‖g₀‖)), so that the run converges with order
//! 3/2. Where it meets a direction p with pᵀHp ≤ 10 ε ‖p‖ ‖Hp‖ (a relative test: the scale of H plays no part) the step
//! goes along p, scaled by |gᵀp| / |pᵀHp|, and must decrease f by a share of α gᵀp + ½ α² pᵀHp; it is doubled as long as
//! that pays. Where the gradient is within its tolerance a short Lanczos run looks for negative curvature first: a saddle
//! that it finds is left, or named.
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

use crate::descent_direction::Along;
use crate::error::{Error, require_length};
use crate::limits::{Limits, limit_options};
use crate::line_search::{Backtracking, LineFunction, LineSearch, Ray, SearchEnd};
use crate::objective::{LocalModel, Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Place, Status};
use crate::vector::{axpy, dot, most_halvings, norm};

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
        let state = NewtonCgState {
            now,
            max_products: self.max_products.unwrap_or(2 * n).max(1),
            saddle_products: self.saddle_products,
            direction: vector(),
            trial_gradient: vector(),
            residual: vector(),
            conjugate: vector(),
            product: vector(),
            kind: None,
            examined: false,
            alpha: T::one(),
        };
        let second_order = SecondOrder::new(state.saddle_products);
        Ok(NewtonCgSolver { objective, model: Some(model), second_order, state })
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
    /// Of curvature dᵀHd < 0, at a point where the gradient is within its tolerance.
    Saddle {
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
    now: Standing<T>,
    max_products: usize,
    saddle_products: usize,
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
    /// Whether it is known if x may be a minimum.
    examined: bool,
    /// α of the last step.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
}

/// A run of [`NewtonCg`].
#[derive(Debug)]
pub struct NewtonCgSolver<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    /// The model at `x`, until the direction from there is known.
    model: Option<O::Model<'o>>,
    second_order: SecondOrder<T>,
    state: NewtonCgState<T>,
}

/// The share of the decrease promised that a step must keep.
const SUFFICIENT: f64 = 1e-4;

impl<T: Scalar> NewtonCgState<T> {
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

impl<'o, T: Scalar, O: Objective<T>> NewtonCgSolver<'o, T, O> {
    /// What the run is apart from its objective; [`resume`](Self::resume) goes on with it.
    pub fn state(&self) -> &NewtonCgState<T> {
        &self.state
    }

    /// The run with this state, the bits of all that follows the same as if it had never stopped. It prepares the point
    /// once more, which its counts leave out.
    ///
    /// # Errors
    /// An objective of another dimension.
    pub fn resume(objective: &'o O, state: NewtonCgState<T>) -> Result<Self, Error> {
        require_length(METHOD, "x", objective.dimension(), state.now.x.len())?;
        let second_order = SecondOrder::new(state.saddle_products);
        Ok(Self { objective, model: None, second_order, state })
    }

    fn model(&mut self) -> Result<&mut O::Model<'o>, Error> {
        if self.model.is_none() {
            self.model = Some(self.objective.at(&self.state.now.x)?);
        }
        Ok(self.model.as_mut().expect("the model was made above"))
    }

    /// Asks whether the current point may be a minimum; if not, the next step goes along negative curvature.
    fn examine(&mut self) -> Result<bool, Error> {
        if !self.state.examined {
            self.model()?;
            let Self { model: Some(model), second_order, state, .. } = self else { return Ok(true) };
            let now = &mut state.now;
            now.counts.products += second_order.examine(&mut model.hessian(), &now.gradient, T::one())?;
            state.examined = true;
            if let Some((curvature, direction)) = second_order.way_out() {
                state.kind = Some(Kind::Saddle { curvature });
                for (d, v) in state.direction.iter_mut().zip(direction) {
                    *d = v;
                }
            }
        }
        if let Some(Kind::Saddle { curvature }) = self.state.kind {
            let now = &mut self.state.now;
            let last = now.counts.iterations >= now.limits.max_iterations;
            now.finished = last.then(|| saddle(curvature));
            return Ok(false);
        }
        Ok(true)
    }

    /// Finds the direction at `x`, once.
    fn prepare(&mut self) -> Result<Option<Status>, Error> {
        if self.state.kind.is_none() {
            self.model()?;
            let model = self.model.as_mut().expect("the model is there");
            let (kind, products) = self.state.solve(&mut model.hessian())?;
            self.state.now.counts.products += products;
            match kind {
                Ok(kind) => self.state.kind = Some(kind),
                Err(failure) => return Ok(Some(failure)),
            }
        }
        self.model = None;
        Ok(None)
    }

    /// Searches along the direction at hand: α, or the reason where there is no step.
    fn search(&mut self) -> Result<Result<T, Status>, Error> {
        let NewtonCgState { now, direction, trial_gradient, kind, .. } = &mut self.state;
        let slope = dot(&now.gradient, direction);
        let mut along = Along {
            objective: self.objective,
            x: &now.x,
            direction,
            trial: &mut now.trial,
            gradient: trial_gradient,
            counts: &mut now.counts,
            sampled: None,
            bounds: None,
            finite: false,
            infinite: false,
        };
        let first = match kind {
            Some(Kind::Steepest) => T::one().min(T::one() / now.gradient_norm),
            _ => T::one(),
        };
        let (step, end) = match *kind {
            Some(Kind::Negative { curvature } | Kind::Saddle { curvature }) => {
                curved_search(&mut along, now.value, slope, curvature)?
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
        self.state.now.accepted = false;
        if let Some(failure) = self.prepare()? {
            return Ok(Some(failure));
        }
        loop {
            let found = self.search()?;
            let now = &mut self.state.now;
            let mut failure = Status::NoProgress;
            if let Err(reason) = found {
                if reason == Status::Unbounded {
                    return Ok(Some(reason));
                }
                failure = reason;
            }
            if let Ok(alpha) = found {
                for ((trial, &x), &d) in now.trial.iter_mut().zip(&now.x).zip(&self.state.direction) {
                    *trial = x + alpha * d;
                }
                now.step_norm = alpha * norm(&self.state.direction);
                if now.trial != now.x {
                    let model = self.objective.at(&now.trial)?;
                    now.counts.gradients += 1;
                    let gradient_norm = norm(model.gradient());
                    if gradient_norm.is_finite() && model.value().is_finite() {
                        now.accept(&model, gradient_norm);
                        self.model = Some(model);
                        (self.state.kind, self.state.examined) = (None, false);
                        self.state.alpha = alpha;
                        return Ok(None);
                    }
                    failure = Status::NonFinite(Place::Gradient);
                }
            }
            match self.state.kind {
                Some(Kind::Steepest) => return Ok(Some(failure)),
                Some(Kind::Saddle { curvature }) => return Ok(Some(saddle(curvature))),
                _ => {}
            }
            self.state.kind = Some(Kind::Steepest);
            for (d, &g) in self.state.direction.iter_mut().zip(&self.state.now.gradient) {
                *d = -g;
            }
        }
    }
}

/// The end of a run at a saddle it cannot leave.
fn saddle<T: Scalar>(curvature: T) -> Status {
    Status::SecondOrder { smallest_ritz: curvature.to_f64().unwrap_or(f64::NAN) }
}

/// A step with f(x + α d) ≤ f(x) + c₁ (α slope + ½ α² curvature), twice as long as long as the value falls.
fn curved_search<T: Scalar, P: LineFunction<T>>(
    phi: &mut P,
    value: T,
    slope: T,
    curvature: T,
) -> Result<(T, SearchEnd), P::Error> {
    let half = T::of(0.5);
    let enough = |alpha: T, found: T| {
        let promised = T::of(SUFFICIENT) * alpha * (slope + half * alpha * curvature);
        found.is_finite() && found < value && found <= value + promised
    };
    let mut alpha = T::one();
    let mut best: Option<(T, T)> = None;
    for _ in 0..most_halvings::<T>() {
        let found = phi.value(alpha)?;
        if found == T::neg_infinity() {
            return Ok((alpha, SearchEnd::Unbounded));
        }
        let better = best.is_none_or(|(_, lowest)| found < lowest);
        if enough(alpha, found) && better {
            best = Some((alpha, found));
            alpha *= T::of(2.0);
            continue;
        }
        match best {
            // The last step longer was one too many; a first step too long is halved.
            Some((alpha, _)) => return Ok((alpha, SearchEnd::Armijo)),
            None => alpha *= half,
        }
        if alpha == T::zero() {
            break;
        }
    }
    Ok(match best {
        Some((alpha, _)) => (alpha, SearchEnd::Samples),
        None => (T::zero(), SearchEnd::Samples),
    })
}

solvers! {
    [O: Objective<T>] NewtonCgSolver<'_, T, O>, state.now, |run| run.state.alpha, examine;
}
