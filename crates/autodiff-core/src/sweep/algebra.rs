//! [`Algebra`]: what a number must offer to be swept.

use crate::number::{Dual, Taylor};
use crate::real::{Elementary, Float};

/// A number that sweeps compute with.
pub trait Algebra: Elementary + Copy + 'static {
    /// What a sum of cotangents starts from: −0, to which adding x gives exactly x, and which marks that nothing came back.
    ///
    /// Told apart from a cotangent 0, because 0 times an infinite partial is NaN, and what nothing came back to stays 0.
    fn absent() -> Self;

    /// Whether nothing was added.
    fn is_absent(&self) -> bool;

    /// Whether the value is not 0: a comparison holds, a `select` takes its first branch.
    fn holds(&self) -> bool;
}

impl<T: Float> Algebra for T {
    #[inline]
    fn absent() -> T {
        -T::zero()
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.to_f64().to_bits() == (-0.0_f64).to_bits()
    }

    #[inline]
    fn holds(&self) -> bool {
        *self != T::zero()
    }
}

impl<T: Float> Algebra for Dual<T> {
    #[inline]
    fn absent() -> Self {
        Dual::new(T::absent(), T::absent())
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.value.is_absent() && self.tangent.is_absent()
    }

    #[inline]
    fn holds(&self) -> bool {
        self.value.holds()
    }
}

impl<T: Float, const K: usize> Algebra for Taylor<T, K> {
    #[inline]
    fn absent() -> Self {
        Taylor::new(T::absent(), [T::absent(); K])
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.coefficients().all(T::is_absent)
    }

    #[inline]
    fn holds(&self) -> bool {
        self.value.holds()
    }
}
