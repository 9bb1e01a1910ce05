//! Gradient descent: steps −α g, with α fixed, searched for, or read off the curvature along g.
//!
//! The baseline of every other method. On a quadratic of condition number κ the error of the value falls by about
//! ((κ − 1)/(κ + 1))² an iteration with the best α (Nocedal, Wright, *Numerical Optimization* (2006), theorem 3.3).
//!
//! ```
//! use optim::{FromParts, GradientDescent, StepRule};
//! // x² + 4 y²: condition number 4.
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| x[0] * x[0] + 4.0 * x[1] * x[1],
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 8.0 * x[1]]),
//!     |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[2.0 * v[0], 8.0 * v[1]]),
//! );
//! let report = GradientDescent::new(StepRule::Curvature { fallback: 1.0 }).minimize(&f, &[4.0, 1.0])?;
//! assert!(report.status.is_converged());
//! // The starting point is the worst case: the value falls by (3/5)² an iteration, from 20 to below 1e-16.
//! assert!(report.counts.iterations < 60 && report.counts.products == report.counts.iterations);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::{Error, require};
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective};
use crate::radius_search::rounding_allowance;
use crate::scalar::Scalar;
use crate::solver::{Solver, minimize_methods};
use crate::standing::Standing;
use crate::status::{Place, Progress, Report, Status};
use crate::vector::{all_finite, dot, norm, offset};
use std::ops::ControlFlow;

const METHOD: &str = "gradient descent";

/// How α is chosen. Its unit is that of x² over that of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepRule<T> {
    /// The same α always, one gradient an iteration and nothing else. Converges on a function whose curvature is
    /// below 2/α; diverges, with a typed status, where it is not.
    Fixed {
        /// α, above 0.
        step: T,
    },
    /// Backtracking: the first of α, α/2, α/4, … with f(x − α g) ≤ f(x) − 10⁻⁴ α gᵀg (Armijo's rule; Nocedal,
    /// Wright (2006), algorithm 3.1). The next iteration starts from twice the α found.
    Armijo {
        /// The first α, above 0.
        initial: T,
    },
    /// α = gᵀg / gᵀHg, the minimum along −g of the quadratic model, from one product an iteration; then Armijo's rule
    /// from there. On a quadratic it is exact line search.
    Curvature {
        /// α where gᵀHg ≤ 0, above 0; doubled from the last α once there is one.
        fallback: T,
    },
}

/// The options of the method, and the ways to run it.
#[derive(Clone, Debug)]
pub struct GradientDescent<T> {
    rule: StepRule<T>,
    limits: Limits<T>,
}

impl<T: Scalar> GradientDescent<T> {
    /// The method with this rule for the step and defaults for all else.
    pub fn new(rule: StepRule<T>) -> Self {
        Self { rule, limits: Limits::new(10_000) }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// A run at its starting point `x`, to be stepped. Costs one gradient, and holds four vectors.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<GradientDescentSolver<'o, T, O>, Error> {
        let (option, step) = match self.rule {
            StepRule::Fixed { step } => ("step", step),
            StepRule::Armijo { initial } => ("initial", initial),
            StepRule::Curvature { fallback } => ("fallback", fallback),
        };
        require(step.is_finite() && step > T::zero(), METHOD, option, step, "a finite number above 0")?;
        let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
        Ok(GradientDescentSolver {
            objective,
            model: Some(model),
            rule: self.rule,
            now,
            product: Vec::new(),
            alpha: step,
        })
    }
}

/// A run of [`GradientDescent`].
#[derive(Debug)]
pub struct GradientDescentSolver<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    /// The model at `x`, until the step from there has been chosen.
    model: Option<O::Model<'o>>,
    rule: StepRule<T>,
    now: Standing<T>,
    /// H g, for the rule that needs it.
    product: Vec<T>,
    /// The α the next iteration starts from.
    alpha: T,
}

/// The share of the first-order decrease a step must keep (c₁ of Nocedal and Wright). Exact line search on a quadratic
/// keeps 1/2, so every value below that lets the curvature rule through.
const SUFFICIENT: f64 = 1e-4;

impl<'o, T: Scalar, O: Objective<T>> GradientDescentSolver<'o, T, O> {
    /// α = gᵀg / gᵀHg, or `alpha` as it is where the curvature is not positive.
    fn curvature_step(&mut self) -> Result<(), Error> {
        // The model is gone only when an iteration is tried again after an error; then α is already chosen.
        let Some(model) = self.model.as_mut() else {
            return Ok(());
        };
        self.product.resize(self.now.x.len(), T::zero());
        model.hvp(&self.now.gradient, &mut self.product)?;
        self.now.counts.products += 1;
        // In units of ‖g‖, whose square may underflow.
        let unit = T::one() / self.now.gradient_norm;
        let curvature =
            self.now.gradient.iter().zip(&self.product).map(|(&g, &hg)| (g * unit) * (hg * unit)).sum::<T>();
        let alpha = T::one() / curvature;
        if alpha.is_finite() && alpha > T::zero() {
            self.alpha = alpha;
        }
        Ok(())
    }

    /// The model at the trial point and its gradient norm; the reason if something there is not finite.
    fn probe(&mut self) -> Result<ControlFlow<Status, (O::Model<'o>, T)>, Error> {
        self.model = None;
        let model = self.objective.at(&self.now.trial)?;
        self.now.counts.gradients += 1;
        let gradient_norm = norm(model.gradient());
        Ok(if model.value() == T::neg_infinity() {
            ControlFlow::Break(Status::Unbounded)
        } else if !model.value().is_finite() {
            ControlFlow::Break(Status::NonFinite(Place::Value))
        } else if !gradient_norm.is_finite() {
            ControlFlow::Break(Status::NonFinite(Place::Gradient))
        } else {
            ControlFlow::Continue((model, gradient_norm))
        })
    }

    /// Makes the trial point, where `model` was prepared, the current one.
    fn accept(&mut self, model: O::Model<'o>, gradient_norm: T) {
        self.now.accept(&model, gradient_norm);
        self.model = Some(model);
    }

    /// x − α g as the trial point; the reason if it cannot be one.
    fn set_trial(&mut self) -> Option<Status> {
        offset(&self.now.x, -self.alpha, &self.now.gradient, &mut self.now.trial);
        self.now.step_norm = self.alpha * self.now.gradient_norm;
        (self.now.trial == self.now.x).then_some(Status::NoProgress)
    }

    /// Halves α until the trial point decreases the value enough, and moves there.
    fn backtrack(&mut self) -> Result<Option<Status>, Error> {
        self.model = None;
        let slope = dot(&self.now.gradient, &self.now.gradient);
        let allowance = rounding_allowance(self.now.value, T::one());
        let mut last_failure = None;
        loop {
            if let Some(stuck) = self.set_trial() {
                return Ok(Some(last_failure.unwrap_or(stuck)));
            }
            // An infinite step from a finite α leaves nothing to ask the objective.
            if all_finite(&self.now.trial) {
                let trial_value = self.objective.value(&self.now.trial)?;
                self.now.counts.values += 1;
                if trial_value == T::neg_infinity() {
                    return Ok(Some(Status::Unbounded));
                }
                last_failure = (!trial_value.is_finite()).then_some(Status::NonFinite(Place::Value));
                let promised = self.alpha * slope;
                let decrease = self.now.value - trial_value;
                let enough = decrease > T::zero() && decrease >= T::of(SUFFICIENT) * promised;
                // Where rounding hides what is promised, the gradient judges, as in the trust-region method.
                let hidden = promised <= allowance && decrease.abs() <= allowance;
                if enough || hidden {
                    match self.probe()? {
                        ControlFlow::Continue((model, gradient_norm)) => {
                            if enough || gradient_norm < self.now.gradient_norm {
                                self.accept(model, gradient_norm);
                                self.alpha *= T::of(2.0);
                                return Ok(None);
                            }
                        }
                        ControlFlow::Break(failure) => last_failure = Some(failure),
                    }
                }
            }
            self.alpha *= T::of(0.5);
        }
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.now.accepted = false;
        match self.rule {
            StepRule::Fixed { .. } => {
                if let Some(stuck) = self.set_trial() {
                    return Ok(Some(stuck));
                }
                if !all_finite(&self.now.trial) {
                    return Ok(Some(Status::NonFinite(Place::Point)));
                }
                Ok(match self.probe()? {
                    ControlFlow::Continue((model, gradient_norm)) => {
                        self.accept(model, gradient_norm);
                        None
                    }
                    ControlFlow::Break(failure) => Some(failure),
                })
            }
            StepRule::Armijo { .. } => self.backtrack(),
            StepRule::Curvature { .. } => {
                self.curvature_step()?;
                self.backtrack()
            }
        }
    }
}

impl<T: Scalar, O: Objective<T>> Solver<T> for GradientDescentSolver<'_, T, O> {
    fn step(&mut self) -> Result<ControlFlow<Status>, Error> {
        if self.now.finished.is_none() {
            let failed = self.advance()?;
            self.now.end_iteration(failed);
        }
        Ok(self.now.outcome())
    }

    fn progress(&self) -> Progress<'_, T> {
        self.now.progress(self.alpha)
    }

    fn into_report(self, status: Status) -> Report<T> {
        self.now.into_report(status)
    }
}
