//! When to stop: the options every method shares, and how a run ends.

use crate::error::{Error, require};
use crate::scalar::Scalar;
use crate::status::{Criterion, Place, Status};
use crate::vector::all_finite;

/// The stopping options; their defaults are stated at each builder.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(crate) struct Limits<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) gradient_tolerance: T,
    pub(crate) max_iterations: usize,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    pub(crate) lower_bound: T,
}

impl<T: Scalar> Limits<T> {
    pub(crate) fn new(max_iterations: usize) -> Self {
        // √ε: about half the digits of a gradient survive the rounding of a well-scaled f.
        let gradient_tolerance = T::epsilon().sqrt();
        Self { gradient_tolerance, max_iterations, lower_bound: T::of(-1e18) }
    }

    pub(crate) fn check(&self, method: &'static str) -> Result<(), Error> {
        require(
            self.gradient_tolerance.is_finite() && self.gradient_tolerance >= T::zero(),
            method,
            "gradient_tolerance",
            self.gradient_tolerance,
            "a finite number, at least 0",
        )?;
        require(
            self.lower_bound < T::infinity(),
            method,
            "lower_bound",
            self.lower_bound,
            "a number below infinity, or minus infinity",
        )
    }

    /// The status of a run that has not yet moved from `x`, if it is already over.
    pub(crate) fn start_verdict(&self, x: &[T], value: T, gradient_norm: T) -> Option<Status> {
        if !all_finite(x) {
            Some(Status::NonFinite(Place::Point))
        } else if !value.is_finite() {
            Some(Status::NonFinite(Place::StartValue))
        } else if !gradient_norm.is_finite() {
            Some(Status::NonFinite(Place::StartGradient))
        } else {
            self.verdict(value, gradient_norm, 0)
        }
    }

    /// The status of a run that stands at a finite point with this value and gradient norm, if it is over.
    pub(crate) fn verdict(&self, value: T, gradient_norm: T, iterations: usize) -> Option<Status> {
        if gradient_norm <= self.gradient_tolerance {
            Some(Status::Converged(Criterion::GradientNorm))
        } else if value < self.lower_bound {
            Some(Status::Unbounded)
        } else if iterations >= self.max_iterations {
            Some(Status::MaxIterations)
        } else {
            None
        }
    }
}

/// The stopping options of a builder with a field `limits`.
macro_rules! limit_options {
    ($max_iterations:literal) => {
        limit_options!($max_iterations, "√ε (1.5e-8 in `f64`)");
    };
    ($max_iterations:literal, $tolerance:literal) => {
        #[doc = concat!("‖g‖₂ at which the run has converged, in the units of the gradient. Default: ", $tolerance, ".")]
        pub fn gradient_tolerance(mut self, tolerance: T) -> Self {
            self.limits.gradient_tolerance = tolerance;
            self
        }

        #[doc = concat!("The most iterations, each one trial step. Default: ", $max_iterations, ".")]
        pub fn max_iterations(mut self, limit: usize) -> Self {
            self.limits.max_iterations = limit;
            self
        }

        /// The value below which the function counts as unbounded, in the units of the function. Default: −1e18.
        pub fn lower_bound(mut self, bound: T) -> Self {
            self.limits.lower_bound = bound;
            self
        }
    };
}
pub(crate) use limit_options;
