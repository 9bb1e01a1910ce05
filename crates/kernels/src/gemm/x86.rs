//! Vectors of x86-64: AVX2 with fused multiply-add, and AVX-512.
//!
//! Every `unsafe` block here calls instructions whose presence the caller of a [`Vector`] method vouches for, on pointers
//! the caller vouches for.
//!
//! No intrinsic may stand in a closure: a closure that the compiler does not inline is compiled without the instruction set,
//! and every intrinsic in it becomes a call that passes registers through memory. One such call in the transposition of
//! `f64` made packing twelve times slower than that of `f32`.

use super::simd::Vector;
use std::arch::x86_64::*;

macro_rules! vector {
    ($(#[$doc:meta])* $Name:ident($Register:ty): [$T:ty; $lanes:literal], $registers:literal, $Mask:ty, $set1:ident, $loadu:ident, $storeu:ident,
     $fmadd:ident, $mul:ident, $add:ident, $sub:ident, $($rest:item)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $Name($Register);

        impl Vector for $Name {
            type Scalar = $T;
            type Mask = $Mask;
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            fn prefetch(at: *const $T) {
                // SAFETY: a prefetch of any address has no effect but on the cache, and all of x86-64 has it.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
            }
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $set1(0.0) })
            }
            #[inline(always)]
            unsafe fn splat(x: $T) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $set1(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $T) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $loadu(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $T) {
                // SAFETY: see the head of this file.
                unsafe { $storeu(to, self.0) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, y: Self, z: Self) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $fmadd(self.0, y.0, z.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, y: Self) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $mul(self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn add(self, y: Self) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $add(self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn sub(self, y: Self) -> Self {
                // SAFETY: see the head of this file.
                Self(unsafe { $sub(self.0, y.0) })
            }
            $($rest)*
        }
    };
}

/// Sixteen bytes from each of four rows, one above the other.
#[inline(always)]
unsafe fn four_rows_f32(row: [*const f32; 4]) -> __m512 {
    // SAFETY: see the head of this file.
    unsafe {
        let x = _mm512_castps128_ps512(_mm_loadu_ps(row[0]));
        let x = _mm512_insertf32x4::<1>(x, _mm_loadu_ps(row[1]));
        let x = _mm512_insertf32x4::<2>(x, _mm_loadu_ps(row[2]));
        _mm512_insertf32x4::<3>(x, _mm_loadu_ps(row[3]))
    }
}

/// Sixteen bytes from each of four rows, one above the other.
#[inline(always)]
unsafe fn four_rows_f64(row: [*const f64; 4]) -> __m512d {
    // SAFETY: see the head of this file.
    unsafe {
        let x = _mm512_castpd128_pd512(_mm_loadu_pd(row[0]));
        let x = _mm512_insertf64x2::<1>(x, _mm_loadu_pd(row[1]));
        let x = _mm512_insertf64x2::<2>(x, _mm_loadu_pd(row[2]));
        _mm512_insertf64x2::<3>(x, _mm_loadu_pd(row[3]))
    }
}

/// Sixteen bytes from each of two rows, one above the other.
#[inline(always)]
unsafe fn two_rows_f32(low: *const f32, high: *const f32) -> __m256 {
    // SAFETY: see the head of this file.
    unsafe { _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high)) }
}

/// Sixteen bytes from each of two rows, one above the other.
#[inline(always)]
unsafe fn two_rows_f64(low: *const f64, high: *const f64) -> __m256d {
    // SAFETY: see the head of this file.
    unsafe { _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(high)) }
}

vector! {
    /// Sixteen `f32` in an AVX-512 register.
    F32x16(__m512): [f32; 16], 32, __mmask16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_fmadd_ps, _mm512_mul_ps, _mm512_add_ps, _mm512_sub_ps,

    const FREE_MASKS: bool = true;
    #[inline(always)]
    unsafe fn mask(n: usize) -> __mmask16 {
        (u32::MAX >> (32 - n.min(16))) as __mmask16
    }
    #[inline(always)]
    unsafe fn load_some(mask: __mmask16, from: *const f32) -> Self {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        Self(unsafe { _mm512_maskz_loadu_ps(mask, from) })
    }
    #[inline(always)]
    unsafe fn store_some(self, mask: __mmask16, to: *mut f32) {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        unsafe { _mm512_mask_storeu_ps(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the head of this file.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, row: usize, rows: usize, to: *mut f32, width: usize) {
        // Lane l of the four registers holds rows 4l.., four entries each: a 4 × 4 transposition within each lane.
        // SAFETY: see the head of this file.
        unsafe {
            let at = |j: usize| from.add(j.min(rows - 1) * row);
            let x = four_rows_f32([at(0), at(4), at(8), at(12)]);
            let y = four_rows_f32([at(1), at(5), at(9), at(13)]);
            let z = four_rows_f32([at(2), at(6), at(10), at(14)]);
            let w = four_rows_f32([at(3), at(7), at(11), at(15)]);
            let (a, b) = (_mm512_unpacklo_ps(x, y), _mm512_unpackhi_ps(x, y));
            let (c, d) = (_mm512_unpacklo_ps(z, w), _mm512_unpackhi_ps(z, w));
            _mm512_storeu_ps(to, _mm512_shuffle_ps::<0b01_00_01_00>(a, c));
            _mm512_storeu_ps(to.add(width), _mm512_shuffle_ps::<0b11_10_11_10>(a, c));
            _mm512_storeu_ps(to.add(2 * width), _mm512_shuffle_ps::<0b01_00_01_00>(b, d));
            _mm512_storeu_ps(to.add(3 * width), _mm512_shuffle_ps::<0b11_10_11_10>(b, d));
        }
    }
}

vector! {
    /// Eight `f64` in an AVX-512 register.
    F64x8(__m512d): [f64; 8], 32, __mmask8, _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd,
    _mm512_fmadd_pd, _mm512_mul_pd, _mm512_add_pd, _mm512_sub_pd,

    const FREE_MASKS: bool = true;
    #[inline(always)]
    unsafe fn mask(n: usize) -> __mmask8 {
        (u32::MAX >> (32 - n.min(8))) as __mmask8
    }
    #[inline(always)]
    unsafe fn load_some(mask: __mmask8, from: *const f64) -> Self {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        Self(unsafe { _mm512_maskz_loadu_pd(mask, from) })
    }
    #[inline(always)]
    unsafe fn store_some(self, mask: __mmask8, to: *mut f64) {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        unsafe { _mm512_mask_storeu_pd(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: see the head of this file.
        unsafe { _mm512_reduce_add_pd(self.0) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f64, row: usize, rows: usize, to: *mut f64, width: usize) {
        // Lane l of the two registers holds rows 2l and 2l + 1, two entries each.
        // SAFETY: see the head of this file.
        unsafe {
            let at = |j: usize| from.add(j.min(rows - 1) * row);
            let x = four_rows_f64([at(0), at(2), at(4), at(6)]);
            let y = four_rows_f64([at(1), at(3), at(5), at(7)]);
            _mm512_storeu_pd(to, _mm512_unpacklo_pd(x, y));
            _mm512_storeu_pd(to.add(width), _mm512_unpackhi_pd(x, y));
        }
    }
}

/// Masks of AVX2 are vectors with all bits set in the chosen lanes: windows into this row of them.
static LEADING_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static LEADING_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

vector! {
    /// Eight `f32` in an AVX register.
    F32x8(__m256): [f32; 8], 16, __m256i, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_fmadd_ps, _mm256_mul_ps, _mm256_add_ps, _mm256_sub_ps,

    #[inline(always)]
    unsafe fn mask(n: usize) -> __m256i {
        // SAFETY: see the head of this file; eight entries follow every place up to the eighth.
        unsafe { _mm256_loadu_si256(LEADING_32.as_ptr().add(8 - n.min(8)).cast()) }
    }
    #[inline(always)]
    unsafe fn load_some(mask: __m256i, from: *const f32) -> Self {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        Self(unsafe { _mm256_maskload_ps(from, mask) })
    }
    #[inline(always)]
    unsafe fn store_some(self, mask: __m256i, to: *mut f32) {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        unsafe { _mm256_maskstore_ps(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: see the head of this file.
        unsafe {
            let x = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
        }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, row: usize, rows: usize, to: *mut f32, width: usize) {
        // As with AVX-512, with rows j and 4 + j in a register.
        // SAFETY: see the head of this file.
        unsafe {
            let at = |j: usize| from.add(j.min(rows - 1) * row);
            let x = two_rows_f32(at(0), at(4));
            let y = two_rows_f32(at(1), at(5));
            let z = two_rows_f32(at(2), at(6));
            let w = two_rows_f32(at(3), at(7));
            let (a, b) = (_mm256_unpacklo_ps(x, y), _mm256_unpackhi_ps(x, y));
            let (c, d) = (_mm256_unpacklo_ps(z, w), _mm256_unpackhi_ps(z, w));
            _mm256_storeu_ps(to, _mm256_shuffle_ps::<0b01_00_01_00>(a, c));
            _mm256_storeu_ps(to.add(width), _mm256_shuffle_ps::<0b11_10_11_10>(a, c));
            _mm256_storeu_ps(to.add(2 * width), _mm256_shuffle_ps::<0b01_00_01_00>(b, d));
            _mm256_storeu_ps(to.add(3 * width), _mm256_shuffle_ps::<0b11_10_11_10>(b, d));
        }
    }
}

vector! {
    /// Four `f64` in an AVX register.
    F64x4(__m256d): [f64; 4], 16, __m256i, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd,
    _mm256_fmadd_pd, _mm256_mul_pd, _mm256_add_pd, _mm256_sub_pd,

    #[inline(always)]
    unsafe fn mask(n: usize) -> __m256i {
        // SAFETY: see the head of this file; four entries follow every place up to the fourth.
        unsafe { _mm256_loadu_si256(LEADING_64.as_ptr().add(4 - n.min(4)).cast()) }
    }
    #[inline(always)]
    unsafe fn load_some(mask: __m256i, from: *const f64) -> Self {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        Self(unsafe { _mm256_maskload_pd(from, mask) })
    }
    #[inline(always)]
    unsafe fn store_some(self, mask: __m256i, to: *mut f64) {
        // SAFETY: see the head of this file; lanes outside the mask are not accessed.
        unsafe { _mm256_maskstore_pd(to, mask, self.0) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: see the head of this file.
        unsafe {
            let x = _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
            _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
        }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f64, row: usize, rows: usize, to: *mut f64, width: usize) {
        // SAFETY: see the head of this file.
        unsafe {
            let at = |j: usize| from.add(j.min(rows - 1) * row);
            let (x, y) = (two_rows_f64(at(0), at(2)), two_rows_f64(at(1), at(3)));
            _mm256_storeu_pd(to, _mm256_unpacklo_pd(x, y));
            _mm256_storeu_pd(to.add(width), _mm256_unpackhi_pd(x, y));
        }
    }
}
