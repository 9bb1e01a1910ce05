//! Forcing terms: how exactly an inexact Newton method solves for its step.
//!
//! Sources: Dembo, Eisenstat, Steihaug, *Inexact Newton methods*, SIAM J. Numer. Anal. 19 (1982), for the order of
//! convergence; Dembo, Steihaug, *Truncated-Newton algorithms for large-scale unconstrained optimization*, Math. Program. 26
//! (1983), for the rule min(c, ‖g‖ᵗ), here relative to the first gradient so that units play no part.

use crate::error::{Error, require};
use crate::scalar::Scalar;
use crate::standing::Standing;

/// How exactly the Newton equations are solved: the ‖Hs + g‖/‖g‖ at which an interior step is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Forcing<T> {
    /// The same at every point: linear convergence at this rate. From 0 to below 1.
    Constant(T),
    /// min(`largest`, (‖g‖/‖g₀‖)^`power`), g₀ the gradient at the start, or the largest so far where the start was a
    /// saddle: convergence of order 1 + `power`.
    Superlinear {
        /// The bound far from the solution, from 0 to below 1.
        largest: T,
        /// Above 0, at most 1.
        power: T,
    },
}

impl<T: Scalar> Forcing<T> {
    /// The relative tolerance at the current point, never below a tenth of what the gradient tolerance needs.
    pub(crate) fn at(self, now: &Standing<T>) -> T {
        let enough = T::of(0.1) * now.limits.gradient_tolerance / now.gradient_norm;
        self.tolerance(now.reduction()).max(enough)
    }

    /// The relative tolerance where ‖g‖/‖g₀‖ is `reduction`.
    fn tolerance(self, reduction: T) -> T {
        match self {
            Self::Constant(tolerance) => tolerance,
            Self::Superlinear { largest, power } => largest.min(reduction.powf(power)),
        }
    }

    pub(crate) fn check(self, method: &'static str) -> Result<(), Error> {
        let below_one = |a: T| a >= T::zero() && a < T::one();
        let (tolerance, power) = match self {
            Self::Constant(tolerance) => (tolerance, T::one()),
            Self::Superlinear { largest, power } => (largest, power),
        };
        require(below_one(tolerance), method, "forcing tolerance", tolerance, "a number from 0 to below 1")?;
        require(
            power > T::zero() && power <= T::one(),
            method,
            "forcing power",
            power,
            "a number above 0 and at most 1",
        )
    }
}

/// The options of a builder with fields `forcing` and `second_order`: how exactly its products solve Newton's equations, and
/// what they are asked where the gradient is zero.
macro_rules! forcing_options {
    () => {
        /// How exactly Newton's equations are solved. Default: superlinear, `largest` 1/10, `power` 1: quadratic
        /// convergence. Never more exactly than the gradient tolerance needs: a tenth of it.
        pub fn forcing(mut self, forcing: Forcing<T>) -> Self {
            self.forcing = forcing;
            self
        }

        /// The most products spent on the question whether a point with zero gradient is a minimum. Default: 8; with 0 it
        /// is not asked.
        ///
        /// A negative eigenvalue is left along its direction, or reported as
        /// [`Status::SecondOrder`](crate::Status::SecondOrder). Nothing is spent where the last step was computed in the
        /// whole space and found it convex.
        pub fn saddle_products(mut self, limit: usize) -> Self {
            self.second_order = SecondOrder::new(limit);
            self
        }
    };
}
pub(crate) use forcing_options;
