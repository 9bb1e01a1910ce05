//! How a run ended and what it cost.

use crate::scalar::Scalar;
use std::fmt;

/// Why a method stopped. Only [`Converged`](Self::Converged) says that the answer is what was looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Status {
    /// A stopping criterion was met.
    Converged(Criterion),
    /// The gradient is within its tolerance, but this is a saddle or a maximum: the Hessian has a negative eigenvalue,
    /// and no step along its eigenvector was found that makes the function smaller, or none was allowed any more.
    SecondOrder {
        /// The smallest Ritz value: the smallest eigenvalue of the Hessian is at most this.
        smallest_ritz: f64,
    },
    /// The limit of iterations was reached.
    MaxIterations,
    /// The trust region shrank until no step inside it can change the point: model and function disagree at every
    /// scale. Most often the derivatives are wrong, or noise or a kink dominates.
    RadiusTooSmall,
    /// A number was not finite and no smaller step could avoid it.
    NonFinite(Place),
    /// No step makes the function smaller in this precision although the gradient is above its tolerance.
    NoProgress,
    /// The value fell below the lower bound: the function has no minimum where the method looks.
    Unbounded,
    /// The observer asked to stop.
    StoppedByObserver,
    /// A test of the user's ended the run: of [`Stop`](crate::Stop), and no test of the gradient.
    Stopped(Cause),
}

impl Status {
    /// Whether a stopping criterion was met.
    pub fn is_converged(self) -> bool {
        matches!(self, Self::Converged(_))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Converged(Criterion::GradientNorm) => f.write_str("converged: the gradient is within its tolerance"),
            Self::Converged(Criterion::Step) => f.write_str("converged: the step is within its tolerance"),
            Self::Converged(Criterion::Orthogonality) => {
                f.write_str("converged: the residuals are orthogonal to their derivatives")
            }
            Self::SecondOrder { smallest_ritz } => {
                write!(
                    f,
                    "not converged: the gradient is zero, but the Hessian has an eigenvalue of {smallest_ritz:e} or less"
                )
            }
            Self::Converged(Criterion::LargestSlope) => {
                f.write_str("converged: every entry of the gradient is within the tolerance")
            }
            Self::Converged(Criterion::GradientReduction) => {
                f.write_str("converged: the gradient has fallen to its share of the first")
            }
            Self::Converged(Criterion::Value) => f.write_str("converged: the sum of squares is zero"),
            Self::Stopped(cause) => write!(f, "stopped: {cause}"),
            Self::MaxIterations => f.write_str("not converged: the limit of iterations was reached"),
            Self::RadiusTooSmall => f.write_str("not converged: the trust region shrank to nothing"),
            Self::NonFinite(place) => write!(f, "stopped: {place} is not finite"),
            Self::NoProgress => f.write_str("not converged: no step makes the function smaller in this precision"),
            Self::Unbounded => f.write_str("stopped: the value fell below its lower bound"),
            Self::StoppedByObserver => f.write_str("stopped by the observer"),
        }
    }
}

/// Which stopping criterion was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Criterion {
    /// ‖g‖₂ ≤ the gradient tolerance.
    GradientNorm,
    /// The step that solves the model is within the step tolerance.
    Step,
    /// The residuals are orthogonal to the columns of their Jacobian, within a tolerance of the cosine.
    Orthogonality,
    /// ‖g‖∞ ≤ a tolerance.
    LargestSlope,
    /// The norm of the gradient fell to a share of what it was at the start.
    GradientReduction,
    /// The value is the least there can be: a sum of squares is zero, or below the least normal number.
    Value,
}

/// Which test of the user's ended a run. None says that the point is a minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Cause {
    /// The last step was short.
    Step,
    /// The value fell little in the last step.
    Decrease,
    /// The value reached its target.
    Target,
    /// The budget of iterations is spent.
    Iterations,
    /// The budget of values is spent.
    Values,
    /// The budget of gradients is spent.
    Gradients,
    /// The budget of products is spent.
    Products,
    /// The time is over.
    Time,
    /// The user's own test held.
    User,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Step => "the last step was short",
            Self::Decrease => "the value fell little in the last step",
            Self::Target => "the value reached its target",
            Self::Iterations => "the budget of iterations is spent",
            Self::Values => "the budget of values is spent",
            Self::Gradients => "the budget of gradients is spent",
            Self::Products => "the budget of products is spent",
            Self::Time => "the time is over",
            Self::User => "the user's test held",
        })
    }
}

/// Where a number was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Place {
    /// The value at the starting point.
    StartValue,
    /// The gradient at the starting point.
    StartGradient,
    /// The value at a later point.
    Value,
    /// The gradient at a later point.
    Gradient,
    /// The product of the Hessian with the gradient.
    Product,
    /// The point a step leads to.
    Point,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartValue => "the value at the starting point",
            Self::StartGradient => "the gradient at the starting point",
            Self::Value => "the value",
            Self::Gradient => "the gradient",
            Self::Product => "the Hessian-vector product",
            Self::Point => "the point itself",
        })
    }
}

/// How often the objective was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counts {
    /// Calls of [`Objective::value`](crate::Objective::value): trial points, tried by value alone.
    pub values: usize,
    /// Calls of [`Objective::at`](crate::Objective::at) and
    /// [`Objective::value_and_gradient`](crate::Objective::value_and_gradient), each one value and one gradient.
    pub gradients: usize,
    /// Products with the Hessian, a block of `k` directions counted `k` times.
    pub products: usize,
    /// Calls of [`Objective::along`](crate::Objective::along): Taylor polynomials along a line.
    #[cfg_attr(feature = "serde", serde(default))]
    pub expansions: usize,
    /// Trial steps, accepted or not.
    pub iterations: usize,
}

/// The answer of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<T> {
    /// The last point accepted.
    pub x: Vec<T>,
    /// The value at [`x`](Self::x).
    pub value: T,
    /// ‖g‖₂ at [`x`](Self::x).
    pub gradient_norm: T,
    /// Why the method stopped.
    pub status: Status,
    /// What it cost.
    pub counts: Counts,
}

impl<T: Scalar> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { values, gradients, products, expansions, iterations } = self.counts;
        write!(
            f,
            "{}; value {:e}, gradient norm {:e}; {iterations} iterations, {values} values, {gradients} gradients, \
             {products} products",
            self.status,
            self.value.to_f64().unwrap_or(f64::NAN),
            self.gradient_norm.to_f64().unwrap_or(f64::NAN),
        )?;
        if expansions > 0 { write!(f, ", {expansions} expansions") } else { Ok(()) }
    }
}

/// What an observer sees: before the first iteration, and after each.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a, T> {
    /// The current point.
    pub x: &'a [T],
    /// The value at the current point.
    pub value: T,
    /// The gradient g at the current point; for a method of mini-batches that of the last batch.
    pub gradient: &'a [T],
    /// ‖g‖₂ at the current point.
    pub gradient_norm: T,
    /// The value before the last step was tried; NaN before the first.
    pub last_value: T,
    /// ‖g‖₂ at the start of the run, and the largest so far. Kept in the state of a run, as what was seen before: a run that
    /// is gone on with remembers it.
    pub gradient_norms: [T; 2],
    /// The same of ‖g‖∞.
    pub largest_slopes: [T; 2],
    /// ‖s‖₂ of the last step tried, zero before the first.
    pub step_norm: T,
    /// What the method steers its steps by: the radius, the step length or the learning rate of the next step.
    pub control: T,
    /// Whether the last step tried was taken; true before the first.
    pub accepted: bool,
    /// What the run cost so far.
    pub counts: Counts,
}
