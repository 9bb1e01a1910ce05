//! Gradient descent: steps −α g, with α fixed, searched for, or read off the curvature or the Taylor polynomial along g.
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

use crate::error::{Error, require, require_lengths};
use crate::halving::halve;
use crate::limits::{Limits, limit_options};
use crate::objective::{LocalModel, Objective, check_length};
use crate::radius_search::{Verdict, judge_armijo, rounding_allowance};
use crate::scalar::Scalar;
use crate::solver::{minimize_methods, solvers};
use crate::standing::Standing;
use crate::status::{Place, Status};
use crate::vector::{all_finite, norm, offset};
use autodiff_core::Series;
use autodiff_core::function::LineModel;
use std::ops::ControlFlow;

const METHOD: &str = "gradient descent";

/// How α is chosen. Its unit is that of x² over that of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
#[non_exhaustive]
pub enum StepRule<T> {
    /// The same α always, one gradient an iteration and nothing else. Converges on a function whose curvature is
    /// below 2/α; diverges, with a typed status, where it is not.
    Fixed {
        /// α, above 0.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        step: T,
    },
    /// Backtracking: the first of α, α/2, α/4, … with f(x − α g) ≤ f(x) − 10⁻⁴ α gᵀg (Armijo's rule; Nocedal,
    /// Wright (2006), algorithm 3.1). The next iteration starts from twice the α found.
    Armijo {
        /// The first α, above 0.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        initial: T,
    },
    /// α = gᵀg / gᵀHg, the minimum along −g of the quadratic model, from one product an iteration; then Armijo's rule
    /// from there. On a quadratic it is exact line search.
    ///
    /// Of a differentiated closure it is the `quadratic_step` of its `local_model` along −g.
    Curvature {
        /// α where gᵀHg ≤ 0, above 0; doubled from the last α once there is one.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        fallback: T,
    },
    /// α at the minimum along −g of the Taylor polynomial of third order, from one [expansion](Objective::along) an iteration and
    /// no product; then Armijo's rule from there. Where that polynomial has no minimum ahead, α = gᵀg / gᵀHg. Exact line search on
    /// what is cubic along a line, and one order closer to it than [`Curvature`](Self::Curvature) elsewhere.
    ///
    /// For objectives that know their Taylor coefficients, such as differentiated closures; of others the run ends with
    /// [`ObjectiveError::Unsupported`](crate::ObjectiveError::Unsupported). It is their `local_model` along −g,
    /// whose `cubic_step` it takes.
    ThirdOrder {
        /// α where neither polynomial has a minimum ahead, above 0; doubled from the last α once there is one.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        fallback: T,
    },
    /// x − η g + ½ η² H g: the flow ẋ = −g followed for a time η, to second order of its Taylor series (ẍ = H g, hence
    /// the sign). One product and one gradient an iteration, no search. The error of the path is O(η³) where that of
    /// [`Fixed`](Self::Fixed) is O(η²); the values fall where η times the curvature is below 2, as there.
    TaylorFlow {
        /// η, above 0.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        step: T,
    },
}

impl<T> StepRule<T> {
    /// Whether a step takes a product with the Hessian.
    fn multiplies(&self) -> bool {
        matches!(self, Self::Curvature { .. } | Self::TaylorFlow { .. })
    }
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

    /// A run at its starting point `x`, to be stepped. Costs one gradient, and holds four vectors, or five for the rules that
    /// multiply. The others prepare no point for products.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<GradientDescentSolver<'o, T, O>, Error> {
        let step = self.step()?;
        let (now, model) = if self.rule.multiplies() {
            let (now, model) = Standing::start(METHOD, self.limits, objective, x)?;
            (now, Some(model))
        } else {
            (Standing::start_first_order(METHOD, self.limits, objective, x)?, None)
        };
        let state = GradientDescentState { rule: self.rule, now, product: Vec::new(), alpha: step, measured: false };
        Ok(GradientDescentSolver::new(objective, model, state))
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: GradientDescentState<T>,
    ) -> Result<GradientDescentSolver<'o, T, O>, Error> {
        self.step()?;
        let n = objective.dimension();
        let now = state.now.resumed(METHOD, self.limits, n)?;
        require(self.rule == state.rule, METHOD, "rule", format_args!("{:?}", self.rule), "that of the state")?;
        if state.measured && self.rule.multiplies() {
            require_lengths(METHOD, n, &[("product", &state.product)])?;
        }
        Ok(GradientDescentSolver::new(objective, None, GradientDescentState { now, ..state }))
    }

    /// The length that the rule begins with, if it makes sense.
    fn step(&self) -> Result<T, Error> {
        let (option, step) = match self.rule {
            StepRule::Fixed { step } | StepRule::TaylorFlow { step } => ("step", step),
            StepRule::Armijo { initial } => ("initial", initial),
            StepRule::Curvature { fallback } | StepRule::ThirdOrder { fallback } => ("fallback", fallback),
        };
        require(step.is_finite() && step > T::zero(), METHOD, option, step, "a finite number above 0")?;
        Ok(step)
    }
}

/// What a run is apart from its objective: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct GradientDescentState<T> {
    rule: StepRule<T>,
    now: Standing<T>,
    /// H g, for the rules that need it.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    product: Vec<T>,
    /// The α the next iteration starts from.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    /// Whether `product` is that at x, and α chosen for x: true only while an iteration that failed is tried again.
    #[cfg_attr(feature = "serde", serde(alias = "multiplied"))]
    measured: bool,
}

/// A run of [`GradientDescent`].
#[derive(Debug)]
pub struct GradientDescentSolver<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    /// The model at `x`, until the step from there has been chosen, for the rules that multiply.
    model: Option<O::Model<'o>>,
    trial_gradient: Vec<T>,
    /// Taylor coefficients along −g/‖g‖, for the rule of third order.
    coefficients: Vec<T>,
    state: GradientDescentState<T>,
}

impl<'o, T: Scalar, O: Objective<T>> GradientDescentSolver<'o, T, O> {
    fn new(objective: &'o O, model: Option<O::Model<'o>>, state: GradientDescentState<T>) -> Self {
        let trial_gradient = vec![T::zero(); state.now.x.len()];
        Self { objective, model, trial_gradient, coefficients: Vec::new(), state }
    }
}

impl<T: Scalar, O: Objective<T>> GradientDescentSolver<'_, T, O> {
    /// What the run is apart from its objective; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> &GradientDescentState<T> {
        &self.state
    }

    /// H g, once.
    fn multiply(&mut self) -> Result<(), Error> {
        let state = &mut self.state;
        if self.model.is_none() {
            self.model = Some(self.objective.at(&state.now.x)?);
        }
        let model = self.model.as_mut().expect("the model was made above");
        state.product.resize(state.now.x.len(), T::zero());
        model.hvp(&state.now.gradient, &mut state.product)?;
        state.now.counts.products += 1;
        state.measured = true;
        Ok(())
    }

    /// α = gᵀg / gᵀHg, or `alpha` as it is where the curvature is not positive.
    fn curvature_step(&mut self) -> Result<(), Error> {
        if self.state.measured {
            return Ok(());
        }
        self.multiply()?;
        let state = &mut self.state;
        // In units of ‖g‖, whose square may underflow.
        let unit = T::one() / state.now.gradient_norm;
        let curvature =
            state.now.gradient.iter().zip(&state.product).map(|(&g, &hg)| (g * unit) * (hg * unit)).sum::<T>();
        let alpha = T::one() / curvature;
        if alpha.is_finite() && alpha > T::zero() {
            state.alpha = alpha;
        }
        Ok(())
    }

    /// α at the minimum of the third-order model along −g, else of the second-order one, else `alpha` as it is.
    fn third_order_step(&mut self) -> Result<(), Error> {
        if self.state.measured {
            return Ok(());
        }
        let now = &mut self.state.now;
        // In units of ‖g‖, whose powers may underflow. The memory of the next gradient holds the direction.
        let unit = T::one() / now.gradient_norm;
        self.trial_gradient.iter_mut().zip(&now.gradient).for_each(|(v, &g)| *v = -g * unit);
        self.objective.along(&now.x, &self.trial_gradient, 3, &mut self.coefficients)?;
        now.counts.expansions += 1;
        check_length("along", "coefficients", 4, self.coefficients.len())?;
        let coefficients: [f64; 4] = std::array::from_fn(|k| self.coefficients[k].to_f64().unwrap_or(f64::NAN));
        let model = LineModel::from(Series::from(coefficients.to_vec()));
        let ahead = |step: Option<f64>| step.map(|t| T::of(t) * unit).filter(|a| a.is_finite() && *a > T::zero());
        if let Some(alpha) = ahead(model.cubic_step()).or_else(|| ahead(model.quadratic_step())) {
            self.state.alpha = alpha;
        }
        self.state.measured = true;
        Ok(())
    }

    /// x − η g + ½ η² H g as the trial point.
    fn set_flow(&mut self) -> Result<(), Error> {
        if !self.state.measured {
            self.multiply()?;
        }
        let GradientDescentState { now, product, alpha: eta, .. } = &mut self.state;
        let mut square = T::zero();
        for (((trial, &x), &g), &hg) in now.trial.iter_mut().zip(&now.x).zip(&now.gradient).zip(&*product) {
            let step = *eta * (T::of(0.5) * *eta * hg - g);
            *trial = x + step;
            square += step * step;
        }
        now.step_norm = square.sqrt();
        Ok(())
    }

    /// Moves to the trial point as it is, or says why not.
    fn jump(&mut self) -> Result<Option<Status>, Error> {
        if self.state.now.trial == self.state.now.x {
            return Ok(Some(Status::NoProgress));
        }
        if !all_finite(&self.state.now.trial) {
            let lost = self.state.measured && !all_finite(&self.state.product);
            return Ok(Some(Status::NonFinite(if lost { Place::Product } else { Place::Point })));
        }
        Ok(match self.probe()? {
            ControlFlow::Continue((value, _)) => {
                self.accept(value);
                None
            }
            ControlFlow::Break(failure) => Some(failure),
        })
    }

    /// Value and gradient norm at the trial point; the reason if something there is not finite.
    fn probe(&mut self) -> Result<ControlFlow<Status, (T, T)>, Error> {
        self.model = None;
        let value = if self.state.rule.multiplies() {
            let model = self.objective.at(&self.state.now.trial)?;
            self.trial_gradient.copy_from_slice(model.gradient());
            let value = model.value();
            self.model = Some(model);
            value
        } else {
            self.objective.value_and_gradient(&self.state.now.trial, &mut self.trial_gradient)?
        };
        self.state.now.counts.gradients += 1;
        let gradient_norm = norm(&self.trial_gradient);
        Ok(if value == T::neg_infinity() {
            ControlFlow::Break(Status::Unbounded)
        } else if !value.is_finite() {
            ControlFlow::Break(Status::NonFinite(Place::Value))
        } else if !gradient_norm.is_finite() {
            ControlFlow::Break(Status::NonFinite(Place::Gradient))
        } else {
            ControlFlow::Continue((value, gradient_norm))
        })
    }

    /// Makes the trial point, which was probed, the current one.
    fn accept(&mut self, value: T) {
        self.state.now.accept_trial(value, &mut self.trial_gradient);
        self.state.measured = false;
    }

    /// x − α g as the trial point; the reason if it cannot be one.
    fn set_trial(&mut self) -> Option<Status> {
        offset(&self.state.now.x, -self.state.alpha, &self.state.now.gradient, &mut self.state.now.trial);
        self.state.now.step_norm = self.state.alpha * self.state.now.gradient_norm;
        (self.state.now.trial == self.state.now.x).then_some(Status::NoProgress)
    }

    /// Halves α until the trial point decreases the value enough, and moves there.
    fn backtrack(&mut self) -> Result<Option<Status>, Error> {
        self.model = None;
        let allowance = rounding_allowance(self.state.now.value, T::one());
        let mut last_failure = None;
        let found = halve(self.state.alpha, usize::MAX, |alpha| {
            self.state.alpha = alpha;
            if let Some(stuck) = self.set_trial() {
                return Ok::<_, Error>(ControlFlow::Break(Some(last_failure.unwrap_or(stuck))));
            }
            // An infinite step from a finite α leaves nothing to ask the objective.
            if all_finite(&self.state.now.trial) {
                let trial_value = self.objective.value(&self.state.now.trial)?;
                self.state.now.counts.values += 1;
                if trial_value == T::neg_infinity() {
                    return Ok(ControlFlow::Break(Some(Status::Unbounded)));
                }
                last_failure = (!trial_value.is_finite()).then_some(Status::NonFinite(Place::Value));
                // α gᵀg; the square alone may overflow.
                let promised = self.state.now.step_norm * self.state.now.gradient_norm;
                let verdict = judge_armijo(self.state.now.value - trial_value, promised, allowance);
                if verdict != Verdict::Reject {
                    match self.probe()? {
                        ControlFlow::Continue((value, gradient_norm)) => {
                            if gradient_norm < verdict.limit(self.state.now.gradient_norm) {
                                self.accept(value);
                                self.state.alpha = (T::of(2.0) * alpha).min(T::max_value().sqrt());
                                return Ok(ControlFlow::Break(None));
                            }
                        }
                        ControlFlow::Break(failure) => last_failure = Some(failure),
                    }
                    self.model = None;
                }
            }
            Ok(ControlFlow::Continue(alpha))
        })?;
        Ok(found.unwrap_or(Some(Status::NoProgress)))
    }

    /// Takes one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        self.state.now.accepted = false;
        match self.state.rule {
            StepRule::Fixed { .. } => {
                self.set_trial();
                self.jump()
            }
            StepRule::TaylorFlow { .. } => {
                self.set_flow()?;
                self.jump()
            }
            StepRule::Armijo { .. } => self.backtrack(),
            StepRule::Curvature { .. } => {
                self.curvature_step()?;
                self.backtrack()
            }
            StepRule::ThirdOrder { .. } => {
                self.third_order_step()?;
                self.backtrack()
            }
        }
    }
}

solvers! {
    [O: Objective<T>] GradientDescentSolver<'_, T, O>, state.now, |run| run.state.alpha;
}
