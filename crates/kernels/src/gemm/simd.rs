//! What the kernels ask of a vector register, and the portable answer.
//!
//! Kernels are written once, generic over [`Vector`], and compiled once for each instruction set inside a function that
//! enables it. The law: an operation acts on every lane alone, so that a lane's result does not depend on its neighbours.

use super::Update;
use std::ops::{Add, Sub};

/// A register of several floats.
///
/// # Safety
/// Every method may be called only on a machine that has the instruction set of the implementing type, inside a function
/// that enables it (else each call is slow). Pointers are to be valid for the lanes that are read or written; they need
/// only the alignment of the scalar.
pub(super) trait Vector: Copy {
    type Scalar: Copy + Add<Output = Self::Scalar> + Sub<Output = Self::Scalar>;
    /// A choice of leading lanes.
    type Mask: Copy;
    const LANES: usize;
    /// Whether masked loads and stores are as fast as others.
    const FREE_MASKS: bool = false;
    /// Registers of the instruction set.
    const REGISTERS: usize;
    /// Columns' worth of entries that [`transpose`](Vector::transpose) reads from each row: 16 bytes.
    const DEPTH: usize = 16 / size_of::<Self::Scalar>();

    /// Asks for the line of the cache at this place, which need not be valid.
    #[inline(always)]
    fn prefetch(_at: *const Self::Scalar) {}
    unsafe fn zero() -> Self;
    unsafe fn splat(x: Self::Scalar) -> Self;
    unsafe fn load(from: *const Self::Scalar) -> Self;
    unsafe fn store(self, to: *mut Self::Scalar);
    /// The first `n` lanes, at most all.
    unsafe fn mask(n: usize) -> Self::Mask;
    /// Reads the chosen lanes and puts zero into the others.
    unsafe fn load_some(mask: Self::Mask, from: *const Self::Scalar) -> Self;
    /// Writes the chosen lanes only.
    unsafe fn store_some(self, mask: Self::Mask, to: *mut Self::Scalar);
    /// self · y + z, rounded once where the instruction set can.
    unsafe fn mul_add(self, y: Self, z: Self) -> Self;
    unsafe fn mul(self, y: Self) -> Self;
    unsafe fn add(self, y: Self) -> Self;
    unsafe fn sub(self, y: Self) -> Self;
    /// Sum of all lanes, as a tree.
    unsafe fn sum(self) -> Self::Scalar;
    /// What an entry becomes.
    #[inline(always)]
    fn update(old: Self::Scalar, new: Self::Scalar, update: Update) -> Self::Scalar {
        match update {
            Update::Replace => new,
            Update::Add => old + new,
            Update::Subtract => old - new,
        }
    }
    /// Writes `from[j · row + p]` to `to[p · width + j]` for all j below `rows` and p below `DEPTH`, and any numbers for j from
    /// `rows`, which is at least 1, to `LANES`.
    #[inline(always)]
    unsafe fn transpose(from: *const Self::Scalar, row: usize, rows: usize, to: *mut Self::Scalar, width: usize) {
        for j in 0..Self::LANES {
            for p in 0..Self::DEPTH {
                // SAFETY: the caller vouches for all these entries.
                unsafe { *to.add(p * width + j) = *from.add(j.min(rows - 1) * row + p) };
            }
        }
    }
}

/// Four lanes in plain Rust, for machines without a better answer, and for the interpreter that checks `unsafe` code.
#[derive(Clone, Copy)]
pub(super) struct Portable<T>([T; 4]);

macro_rules! portable {
    ($T:ty) => {
        impl Vector for Portable<$T> {
            type Scalar = $T;
            type Mask = usize;
            const LANES: usize = 4;
            const REGISTERS: usize = 16;

            #[inline(always)]
            unsafe fn zero() -> Self {
                Portable([0.0; 4])
            }
            #[inline(always)]
            unsafe fn splat(x: $T) -> Self {
                Portable([x; 4])
            }
            #[inline(always)]
            unsafe fn load(from: *const $T) -> Self {
                // SAFETY: the caller vouches for four entries; an array of floats has their alignment.
                Portable(unsafe { *from.cast() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $T) {
                // SAFETY: as for `load`.
                unsafe { *to.cast() = self.0 };
            }
            #[inline(always)]
            unsafe fn mask(n: usize) -> usize {
                n
            }
            #[inline(always)]
            unsafe fn load_some(mask: usize, from: *const $T) -> Self {
                let mut x = [0.0; 4];
                for (lane, x) in x.iter_mut().enumerate().take(mask) {
                    // SAFETY: the caller vouches for the first `mask` entries.
                    *x = unsafe { *from.add(lane) };
                }
                Portable(x)
            }
            #[inline(always)]
            unsafe fn store_some(self, mask: usize, to: *mut $T) {
                for (lane, &x) in self.0.iter().enumerate().take(mask) {
                    // SAFETY: the caller vouches for the first `mask` entries.
                    unsafe { *to.add(lane) = x };
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, y: Self, z: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] * y.0[i] + z.0[i]))
            }
            #[inline(always)]
            unsafe fn mul(self, y: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] * y.0[i]))
            }
            #[inline(always)]
            unsafe fn add(self, y: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] + y.0[i]))
            }
            #[inline(always)]
            unsafe fn sub(self, y: Self) -> Self {
                Portable(std::array::from_fn(|i| self.0[i] - y.0[i]))
            }
            #[inline(always)]
            unsafe fn sum(self) -> $T {
                let [a, b, c, d] = self.0;
                (a + c) + (b + d)
            }
        }
    };
}
portable!(f32);
portable!(f64);
