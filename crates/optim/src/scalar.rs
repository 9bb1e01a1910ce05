//! The number type of every method in this crate: `f32` or `f64`.

use num_traits::{Float, NumAssign};
use std::fmt::{Debug, Display};
use std::iter::Sum;

/// A real floating-point number: `f32` or `f64`.
///
/// Algorithms are written once against this trait; their tolerances are stated in units of
/// [`Float::epsilon`] wherever they depend on the precision.
///
/// ```
/// use optim::Scalar;
/// assert_eq!(f32::of(0.25), 0.25_f32);
/// ```
pub trait Scalar: Float + NumAssign + Sum + Debug + Display + Default + Send + Sync + 'static {
    /// The nearest number of this type to a constant written in `f64`.
    fn of(constant: f64) -> Self;

    /// The bits of the number, in the low half for `f32`.
    fn bits(self) -> u64;

    /// The number of these [`bits`](Self::bits).
    fn from_bits(bits: u64) -> Self;
}

impl Scalar for f64 {
    fn of(constant: f64) -> Self {
        constant
    }

    fn bits(self) -> u64 {
        self.to_bits()
    }

    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

impl Scalar for f32 {
    fn of(constant: f64) -> Self {
        constant as f32
    }

    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }

    fn from_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
}
