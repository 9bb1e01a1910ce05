//! Forcing terms: how exactly an inexact Newton method solves for its step.
//!
//! Source: Eisenstat, Walker, *Choosing the forcing terms in an inexact Newton method*, SIAM J. Sci. Comput. 17 (1996).

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
