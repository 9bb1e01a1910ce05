//! Vectors of AArch64, where NEON is always present.

use super::simd::Vector;
use std::arch::aarch64::*;

macro_rules! vector {
    ($(#[$doc:meta])* $Name:ident($Register:ty): [$T:ty; $lanes:literal], $dup:ident, $load:ident, $store:ident, $fma:ident,
     $mul:ident, $add:ident, $sub:ident, $sum:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $Name($Register);

        impl Vector for $Name {
            type Scalar = $T;
            type Mask = usize;
            const LANES: usize = $lanes;
            const REGISTERS: usize = 32;

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: every AArch64 processor that Rust runs on has NEON.
                Self(unsafe { $dup(0.0) })
            }
            #[inline(always)]
            unsafe fn splat(x: $T) -> Self {
                // SAFETY: as above.
                Self(unsafe { $dup(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $T) -> Self {
                // SAFETY: as above; the caller vouches for all lanes.
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $T) {
                // SAFETY: as above; the caller vouches for all lanes.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn mask(n: usize) -> usize {
                n
            }
            #[inline(always)]
            unsafe fn load_some(mask: usize, from: *const $T) -> Self {
                let mut x = [0.0; $lanes];
                for (lane, x) in x.iter_mut().enumerate().take(mask) {
                    // SAFETY: the caller vouches for the first `mask` entries.
                    *x = unsafe { *from.add(lane) };
                }
                // SAFETY: the array has all lanes.
                unsafe { Self::load(x.as_ptr()) }
            }
            #[inline(always)]
            unsafe fn store_some(self, mask: usize, to: *mut $T) {
                let mut x = [0.0; $lanes];
                // SAFETY: the array has all lanes.
                unsafe { self.store(x.as_mut_ptr()) };
                for (lane, &x) in x.iter().enumerate().take(mask) {
                    // SAFETY: the caller vouches for the first `mask` entries.
                    unsafe { *to.add(lane) = x };
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, y: Self, z: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $fma(z.0, self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, y: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $mul(self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn add(self, y: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $add(self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn sub(self, y: Self) -> Self {
                // SAFETY: as above.
                Self(unsafe { $sub(self.0, y.0) })
            }
            #[inline(always)]
            unsafe fn sum(self) -> $T {
                // SAFETY: as above.
                unsafe { $sum(self.0) }
            }
        }
    };
}

vector! {
    /// Four `f32`.
    F32x4(float32x4_t): [f32; 4], vdupq_n_f32, vld1q_f32, vst1q_f32, vfmaq_f32, vmulq_f32, vaddq_f32, vsubq_f32, vaddvq_f32
}
vector! {
    /// Two `f64`.
    F64x2(float64x2_t): [f64; 2], vdupq_n_f64, vld1q_f64, vst1q_f64, vfmaq_f64, vmulq_f64, vaddq_f64, vsubq_f64, vaddvq_f64
}
