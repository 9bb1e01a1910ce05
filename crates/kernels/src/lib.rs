//! Numerical kernels: they know slices and shapes, not graphs.
//!
//! This is the only crate of the workspace in which `unsafe` appears: in its products of matrices, for vector instructions and for
//! results that threads share.

pub mod convolution;
#[allow(unsafe_code, reason = "vector instructions, and threads that share a result")]
pub mod gemm;
pub mod layout;
pub mod lu;
pub mod reduce;
pub mod series;
pub mod special;
#[cfg(test)]
mod testing;
pub mod vector;

/// A float that kernels run at: `f32` or `f64`.
pub trait Scalar:
    ndarray::LinalgScalar
    + ndarray::ScalarOperand
    + num_traits::NumAssign
    + convolution::Lanes
    + PartialOrd
    + std::fmt::Debug
    + std::iter::Sum
    + Send
    + Sync
{
    /// Whether the number is NaN.
    fn is_not_a_number(self) -> bool;

    /// |self|.
    fn magnitude(self) -> Self;

    /// The nearest `usize` of a non-negative whole number, `None` of anything else.
    fn to_index(self) -> Option<usize>;

    /// The number nearest to `i`; exact below 2²⁴ (`f32`) or 2⁵³ (`f64`).
    fn from_index(i: usize) -> Self;

    /// The number nearest to `x`.
    fn round_from(x: f64) -> Self;

    /// `self · b + c`, with one rounding where the machine fuses them.
    #[doc(hidden)]
    fn times_plus<F: vector::Contraction>(self, b: Self, c: Self) -> Self;

    /// Kernels of matrix products for the best instruction set of this machine.
    #[doc(hidden)]
    fn engine() -> &'static gemm::Engine<Self>;

    /// The routine for matrix products of the library that is linked.
    #[cfg(feature = "blas")]
    #[doc(hidden)]
    fn blas() -> gemm::blas::Gemm<Self>;
}

macro_rules! scalar {
    ($T:ty, $engines:ident, $blas:ident) => {
        impl Scalar for $T {
            fn is_not_a_number(self) -> bool {
                self.is_nan()
            }
            fn magnitude(self) -> Self {
                self.abs()
            }
            fn to_index(self) -> Option<usize> {
                (self >= 0.0 && self.fract() == 0.0 && self < usize::MAX as $T).then_some(self as usize)
            }
            fn from_index(i: usize) -> Self {
                i as $T
            }
            fn round_from(x: f64) -> Self {
                x as $T
            }
            #[inline(always)]
            fn times_plus<F: vector::Contraction>(self, b: Self, c: Self) -> Self {
                if F::FUSED { self.mul_add(b, c) } else { self * b + c }
            }
            fn engine() -> &'static gemm::Engine<Self> {
                gemm::$engines().next().expect("the portable kernels run everywhere")
            }
            #[cfg(feature = "blas")]
            fn blas() -> gemm::blas::Gemm<Self> {
                cblas_sys::$blas
            }
        }
    };
}
scalar!(f32, engines_f32, cblas_sgemm);
scalar!(f64, engines_f64, cblas_dgemm);
