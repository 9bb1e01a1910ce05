//! When to stop, said by the user: tests of a run that combine with `|` and `&`.
//!
//! ```
//! use optim::{FromParts, Lbfgs, Stop, minimize};
//! use std::time::Duration;
//! let f = FromParts::first_order(1, |x: &[f64]| x[0].cosh(), |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh());
//! let report = minimize(&f, &[3.0])
//!     .method(Lbfgs::new())
//!     .stop(Stop::largest_slope(1e-10) | Stop::gradients(100) | Stop::time(Duration::from_secs(60)))
//!     .run()?;
//! assert!(report.status.is_converged());
//! # Ok::<(), optim::Error>(())
//! ```

use crate::scalar::Scalar;
use crate::standing::reference;
use crate::status::{Cause, Criterion, Progress, Status};
use crate::vector::largest;
use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::time::{Duration, Instant};

/// A test that is asked before the first iteration and after each.
///
/// What it compares with (the first gradient, the last value) comes from the run, whose state keeps it: a run that is gone on
/// with stops where it would have without the interruption. Only [`time`](Self::time) and [`user`](Self::user) know no more
/// than they saw themselves.
///
/// Only tests of the gradient end a run as [`Status::Converged`]; the others say [`Status::Stopped`] and the [`Cause`].
pub struct Stop<T> {
    rule: Rule<T>,
}

/// A test of the user's own.
type UserTest<T> = Box<dyn FnMut(&Progress<'_, T>) -> bool>;

enum Rule<T> {
    Gradient {
        norm: Norm,
        tolerance: T,
    },
    Reduction {
        norm: Norm,
        share: T,
    },
    Step {
        absolute: T,
        relative: T,
    },
    Decrease {
        absolute: T,
        relative: T,
    },
    Target {
        value: T,
    },
    Budget {
        of: Budget,
        limit: usize,
    },
    Time {
        limit: Duration,
        start: Option<Instant>,
    },
    User {
        test: UserTest<T>,
    },
    Any {
        left: Box<Rule<T>>,
        right: Box<Rule<T>>,
    },
    All {
        left: Box<Rule<T>>,
        right: Box<Rule<T>>,
    },
    /// The method tests it.
    Delegated,
}

#[derive(Clone, Copy, Debug)]
enum Norm {
    Two,
    Max,
}

#[derive(Clone, Copy, Debug)]
enum Budget {
    Iterations,
    Values,
    Gradients,
    Products,
}

impl Norm {
    fn of<T: Scalar>(self, now: &Progress<'_, T>) -> T {
        match self {
            Self::Two => now.gradient_norm,
            // The largest entry drops a NaN; the norm keeps it.
            Self::Max if now.gradient_norm.is_nan() => now.gradient_norm,
            Self::Max => largest(now.gradient),
        }
    }
}

impl<T: Scalar> Stop<T> {
    fn new(rule: Rule<T>) -> Self {
        Self { rule }
    }

    /// ‖g‖₂ ≤ `tolerance`: converged. With bounds or a penalty, g is what the method reports as its gradient norm.
    pub fn gradient(tolerance: T) -> Self {
        Self::new(Rule::Gradient { norm: Norm::Two, tolerance })
    }

    /// ‖g‖∞ ≤ `tolerance`: converged. Meant for problems without bounds, where g must vanish.
    pub fn largest_slope(tolerance: T) -> Self {
        Self::new(Rule::Gradient { norm: Norm::Max, tolerance })
    }

    /// ‖g‖₂ ≤ `share` ‖g₀‖₂, g₀ the gradient at the start: converged.
    ///
    /// Where the start is far off and ‖g₀‖ huge this is met far from a minimum (Powell's badly scaled function, Penalty
    /// I), so no method tests it by default. `&` it with another test. Where ‖g₀‖ is nothing beside later norms, as at a
    /// start at a saddle, the largest norm so far stands for it.
    pub fn gradient_reduction(share: T) -> Self {
        Self::new(Rule::Reduction { norm: Norm::Two, share })
    }

    /// ‖g‖∞ ≤ `share` ‖g₀‖∞; see [`gradient_reduction`](Self::gradient_reduction).
    pub fn largest_slope_reduction(share: T) -> Self {
        Self::new(Rule::Reduction { norm: Norm::Max, share })
    }

    /// ‖s‖₂ ≤ `length` for an accepted step s, in the units of x.
    pub fn step(length: T) -> Self {
        Self::new(Rule::Step { absolute: length, relative: T::zero() })
    }

    /// ‖s‖₂ ≤ `share` ‖x‖₂ for an accepted step s to x.
    pub fn relative_step(share: T) -> Self {
        Self::new(Rule::Step { absolute: T::zero(), relative: share })
    }

    /// The value falls by at most `amount` in an accepted step, or rises.
    pub fn decrease(amount: T) -> Self {
        Self::new(Rule::Decrease { absolute: amount, relative: T::zero() })
    }

    /// The value falls by at most `share` of the larger of its sizes before and after an accepted step, or rises.
    pub fn relative_decrease(share: T) -> Self {
        Self::new(Rule::Decrease { absolute: T::zero(), relative: share })
    }

    /// f(x) ≤ `value`.
    pub fn target(value: T) -> Self {
        Self::new(Rule::Target { value })
    }

    /// At least this many iterations. An iteration may cost several evaluations: budgets are looked at between them.
    pub fn iterations(limit: usize) -> Self {
        Self::new(Rule::Budget { of: Budget::Iterations, limit })
    }

    /// At least this many values.
    pub fn values(limit: usize) -> Self {
        Self::new(Rule::Budget { of: Budget::Values, limit })
    }

    /// At least this many gradients.
    pub fn gradients(limit: usize) -> Self {
        Self::new(Rule::Budget { of: Budget::Gradients, limit })
    }

    /// At least this many products with the Hessian.
    pub fn products(limit: usize) -> Self {
        Self::new(Rule::Budget { of: Budget::Products, limit })
    }

    /// At least this long since the test was first asked; where a run is gone on with, since then: no state keeps the time, for
    /// the same run has the same states.
    pub fn time(limit: Duration) -> Self {
        Self::new(Rule::Time { limit, start: None })
    }

    /// Whatever `test` says. It may remember what it saw, which no state of a run keeps.
    ///
    /// ```
    /// use optim::{BarzilaiBorwein, Cause, FromParts, Status, Stop, minimize};
    /// let f = FromParts::first_order(1, |x: &[f64]| x[0] * x[0], |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0]);
    /// let report = minimize(&f, &[8.0]).method(BarzilaiBorwein::new()).stop(Stop::user(|now| now.x[0] < 7.5)).run()?;
    /// assert_eq!(report.status, Status::Stopped(Cause::User));
    /// # Ok::<(), optim::Error>(())
    /// ```
    pub fn user(test: impl FnMut(&Progress<'_, T>) -> bool + 'static) -> Self {
        Self::new(Rule::User { test: Box::new(test) })
    }

    /// Holds if either test does, the first named if both do. As `self | other`.
    pub fn or(self, other: Self) -> Self {
        Self::new(Rule::Any { left: Box::new(self.rule), right: Box::new(other.rule) })
    }

    /// Holds if both tests do, at the same point; the status is that of the first named. As `self & other`.
    pub fn and(self, other: Self) -> Self {
        Self::new(Rule::All { left: Box::new(self.rule), right: Box::new(other.rule) })
    }

    /// Asks the test; the status if it holds.
    pub fn check(&mut self, now: &Progress<'_, T>) -> Option<Status> {
        self.rule.check(now)
    }

    /// Whether the gradient is tested, by itself or together with something else.
    pub(crate) fn tests_gradient(&self) -> bool {
        self.rule.tests_gradient()
    }

    /// The largest ‖g‖₂ that ends the run whatever else holds, for the method to test itself: it is left out here.
    pub(crate) fn take_gradient_tolerance(&mut self) -> Option<T> {
        self.rule.take_gradient_tolerance()
    }
}

impl<T: Scalar> Rule<T> {
    fn check(&mut self, now: &Progress<'_, T>) -> Option<Status> {
        let moved = now.accepted && now.counts.iterations > 0;
        let (holds, status) = match self {
            Self::Gradient { norm, tolerance } => {
                let criterion = match norm {
                    Norm::Two => Criterion::GradientNorm,
                    Norm::Max => Criterion::LargestSlope,
                };
                (now.value.is_finite() && norm.of(now) <= *tolerance, Status::Converged(criterion))
            }
            Self::Reduction { norm, share } => {
                let [first, largest] = match norm {
                    Norm::Two => now.gradient_norms,
                    Norm::Max => now.largest_slopes,
                };
                let holds = now.value.is_finite() && norm.of(now) <= *share * reference(first, largest);
                (holds, Status::Converged(Criterion::GradientReduction))
            }
            Self::Step { absolute, relative } => {
                let scale = if *relative > T::zero() { crate::vector::norm(now.x) } else { T::zero() };
                (moved && now.step_norm <= *absolute + *relative * scale, Status::Stopped(Cause::Step))
            }
            Self::Decrease { absolute, relative } => {
                let scale = now.last_value.abs().max(now.value.abs());
                let holds = moved && now.last_value - now.value <= *absolute + *relative * scale;
                (holds, Status::Stopped(Cause::Decrease))
            }
            Self::Target { value } => (now.value <= *value, Status::Stopped(Cause::Target)),
            Self::Budget { of, limit } => {
                let counts = now.counts;
                let (spent, cause) = match of {
                    Budget::Iterations => (counts.iterations, Cause::Iterations),
                    Budget::Values => (counts.values, Cause::Values),
                    Budget::Gradients => (counts.gradients, Cause::Gradients),
                    Budget::Products => (counts.products, Cause::Products),
                };
                (spent >= *limit, Status::Stopped(cause))
            }
            Self::Time { limit, start } => {
                let start = start.get_or_insert_with(Instant::now);
                (start.elapsed() >= *limit, Status::Stopped(Cause::Time))
            }
            Self::Delegated => return None,
            Self::User { test } => (test(now), Status::Stopped(Cause::User)),
            // Both are asked always: a test of the user's may remember what it saw.
            Self::Any { left, right } => {
                let (left, right) = (left.check(now), right.check(now));
                return left.or(right);
            }
            Self::All { left, right } => {
                let (left, right) = (left.check(now), right.check(now));
                return right.and(left);
            }
        };
        holds.then_some(status)
    }

    fn tests_gradient(&self) -> bool {
        match self {
            Self::Gradient { .. } | Self::Reduction { .. } | Self::Delegated => true,
            Self::Any { left, right } | Self::All { left, right } => left.tests_gradient() || right.tests_gradient(),
            _ => false,
        }
    }

    fn take_gradient_tolerance(&mut self) -> Option<T> {
        match self {
            Self::Gradient { norm: Norm::Two, tolerance } => {
                let tolerance = *tolerance;
                *self = Self::Delegated;
                Some(tolerance)
            }
            Self::Any { left, right } => match (left.take_gradient_tolerance(), right.take_gradient_tolerance()) {
                (Some(left), Some(right)) => Some(left.max(right)),
                (left, right) => left.or(right),
            },
            _ => None,
        }
    }
}

impl<T: Scalar> BitOr for Stop<T> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl<T: Scalar> BitAnd for Stop<T> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<T: fmt::Debug> fmt::Debug for Stop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Rule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient { norm, tolerance } => write!(f, "gradient({norm:?}, {tolerance:?})"),
            Self::Reduction { norm, share, .. } => write!(f, "gradient_reduction({norm:?}, {share:?})"),
            Self::Step { absolute, relative } => write!(f, "step({absolute:?}, {relative:?})"),
            Self::Decrease { absolute, relative, .. } => write!(f, "decrease({absolute:?}, {relative:?})"),
            Self::Target { value } => write!(f, "target({value:?})"),
            Self::Budget { of, limit } => write!(f, "budget({of:?}, {limit})"),
            Self::Time { limit, .. } => write!(f, "time({limit:?})"),
            Self::User { .. } => f.write_str("user(…)"),
            Self::Delegated => f.write_str("gradient of the method"),
            Self::Any { left, right } => write!(f, "({left:?} | {right:?})"),
            Self::All { left, right } => write!(f, "({left:?} & {right:?})"),
        }
    }
}
