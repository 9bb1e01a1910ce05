//! Large products by CBLAS, with the feature `blas`.
//!
//! The crate declares `cblas_sgemm` and `cblas_dgemm` and names no library: the program that is built links one, such as by a
//! dependency on `openblas-src`, `blis-src` or `intel-mkl-src` and `use openblas_src as _;`. Sizes are of 32 bits.

use super::{Product, Update};
use crate::Scalar;
use cblas_sys::{CBLAS_LAYOUT, CBLAS_TRANSPOSE};
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Multiplications from which a product goes to the library. On Sapphire Rapids, one thread, OpenBLAS took 1.1 to 1.4 of the time of
/// our kernels at 128³ to 256³, and from 512³ on 1.1 in `f32` and 0.9 to 1.1 in `f64`.
static LEAST: AtomicUsize = AtomicUsize::new(1 << 27);

/// From now on products of at least so many multiplications go to the library, at first of 2²⁷, for all threads.
///
/// Where it pays depends on the library and the machine; `usize::MAX` keeps all products with our kernels.
pub fn blas_from(multiplications: usize) {
    LEAST.store(multiplications, Ordering::Relaxed);
}

/// `cblas_sgemm` or `cblas_dgemm`.
pub type Gemm<T> = unsafe extern "C" fn(
    CBLAS_LAYOUT,
    CBLAS_TRANSPOSE,
    CBLAS_TRANSPOSE,
    c_int,
    c_int,
    c_int,
    T,
    *const T,
    c_int,
    *const T,
    c_int,
    T,
    *mut T,
    c_int,
);

impl Product {
    /// Whether the product is large. Products with a vector are bound by the memory, and stay.
    pub(super) fn is_for_blas(&self) -> bool {
        let work = self.m.saturating_mul(self.n).saturating_mul(self.k);
        work >= LEAST.load(Ordering::Relaxed) && self.m.min(self.n).min(self.k) >= 2
    }

    /// Computes the product by the library if it [is for it](Product::is_for_blas), and says whether it did.
    pub(super) fn run_by_blas<T: Scalar>(&self, update: Update, a: &[T], b: &[T], out: &mut [T]) -> bool {
        if !self.is_for_blas() {
            return false;
        }
        let stored = self.stored().map(|(_, columns)| columns);
        let sizes = [self.m, self.n, self.k].map(c_int::try_from);
        let rows = self.rows.unwrap_or(stored).map(c_int::try_from);
        let ([Ok(m), Ok(n), Ok(k)], [Ok(a_row), Ok(b_row), Ok(out_row)]) = (sizes, rows) else { return false };
        self.check([Some(a.len()), Some(b.len()), Some(out.len())]);
        let (zero, one) = (T::zero(), T::one());
        let (alpha, beta) = match update {
            Update::Replace => (one, zero),
            Update::Add => (one, one),
            Update::Subtract => (zero - one, one),
        };
        let transposition =
            |transposed| if transposed { CBLAS_TRANSPOSE::CblasTrans } else { CBLAS_TRANSPOSE::CblasNoTrans };
        // SAFETY: the slices hold matrices of these sizes and distances of rows, as was just checked; with two rows at least of
        // each, the check has found the distances no shorter than the rows.
        unsafe {
            (T::blas())(
                CBLAS_LAYOUT::CblasRowMajor,
                transposition(self.trans_a),
                transposition(self.trans_b),
                m,
                n,
                k,
                alpha,
                a.as_ptr(),
                a_row,
                b.as_ptr(),
                b_row,
                beta,
                out.as_mut_ptr(),
                out_row,
            );
        }
        true
    }
}
