//! How a learning rate changes over a run: a factor of the base rate for each iteration.

use crate::error::{Error, require};
use crate::scalar::Scalar;

/// The factor by which iteration t (from 0) multiplies the learning rate.
///
/// ```
/// use optim::Schedule;
/// let cosine = Schedule::Cosine { iterations: 100, last: 0.1_f64 };
/// assert_eq!(cosine.factor(0), 1.0);
/// assert!((cosine.factor(50) - 0.55).abs() < 1e-15);
/// assert!((cosine.factor(500) - 0.1).abs() < 1e-15);
/// let halving = Schedule::Exponential { iterations: 10, factor: 0.5_f64 };
/// assert_eq!(halving.factor(20), 0.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
#[non_exhaustive]
pub enum Schedule<T> {
    /// Always 1.
    Constant,
    /// Half a cosine from 1 at iteration 0 down to `last` at `iterations`, then `last`
    /// (Loshchilov, Hutter, *SGDR*, ICLR 2017, without restarts).
    Cosine {
        /// The length of the half wave, above 0.
        iterations: usize,
        /// The factor at its end, from 0 to 1.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        last: T,
    },
    /// `factor`^(t / `iterations`), smooth in t.
    Exponential {
        /// In how many iterations the rate falls by `factor`, above 0.
        iterations: usize,
        /// Above 0, at most 1.
        #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
        factor: T,
    },
}

impl<T: Scalar> Schedule<T> {
    /// The factor of iteration `t`, the first being 0.
    pub fn factor(&self, t: usize) -> T {
        let share = |iterations: usize| T::of(t as f64 / iterations as f64);
        match *self {
            Self::Constant => T::one(),
            Self::Cosine { iterations, last } => {
                let phase = share(iterations).min(T::one()) * T::of(std::f64::consts::PI);
                last + (T::one() - last) * T::of(0.5) * (T::one() + phase.cos())
            }
            Self::Exponential { iterations, factor } => factor.powf(share(iterations)),
        }
    }

    /// An error unless every number makes sense.
    pub(crate) fn check(&self, method: &'static str) -> Result<(), Error> {
        let (iterations, number, holds, expected) = match *self {
            Self::Constant => return Ok(()),
            Self::Cosine { iterations, last } => {
                (iterations, last, last >= T::zero() && last <= T::one(), "a number from 0 to 1")
            }
            Self::Exponential { iterations, factor } => {
                (iterations, factor, factor > T::zero() && factor <= T::one(), "a number above 0 and at most 1")
            }
        };
        require(iterations > 0, method, "schedule iterations", iterations, "at least 1")?;
        require(holds, method, "schedule factor", number, expected)
    }
}
