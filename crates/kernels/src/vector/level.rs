//! Run-time choice of the instruction set: a kernel is compiled once for each [`Level`] and run at the best there is.

use super::word::{Contraction, Fused, Separate};

/// A set of instructions that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every machine of the target has, 128-bit vectors or none; no fused products.
    Portable,
    /// 128-bit vectors of AArch64, which always has them.
    Neon,
    /// 256-bit vectors and fused products: AVX2 and FMA.
    Avx2,
    /// 512-bit vectors: AVX-512 F, BW, CD, DQ and VL.
    Avx512,
}

/// A computation that is compiled once for each level.
pub trait Kernel {
    /// What it returns.
    type Output;

    /// Runs it; loops inside are vectorised for the level, if this and what it calls is `#[inline(always)]`.
    fn run<F: Contraction>(self) -> Self::Output;
}

impl Level {
    /// The levels this machine has, the best last.
    ///
    /// ```
    /// use kernels::vector::Level;
    /// assert_eq!(Level::available().last(), Some(&Level::best()));
    /// ```
    pub fn available() -> Vec<Level> {
        [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512].into_iter().filter(|l| l.is_available()).collect()
    }

    /// The best level of this machine.
    pub fn best() -> Level {
        *Level::available().last().expect("portable code runs anywhere")
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            Level::Neon => false,
            Level::Avx2 => pulp::x86::V3::is_available(),
            Level::Avx512 => pulp::x86::V4::is_available(),
        }
    }

    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    fn is_available(self) -> bool {
        self == Level::Portable || (self == Level::Neon && cfg!(all(target_arch = "aarch64", not(miri))))
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
struct WithFused<K>(K);

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl<K: Kernel> pulp::WithSimd for WithFused<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> K::Output {
        self.0.run::<Fused>()
    }
}

/// Runs the kernel at the best level of this machine; choosing costs a nanosecond or two.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    use pulp::{Arch, Simd};
    match Arch::new() {
        Arch::V4(simd) => Simd::vectorize(simd, WithFused(kernel)),
        Arch::V3(simd) => Simd::vectorize(simd, WithFused(kernel)),
        _ => kernel.run::<Separate>(),
    }
}

/// Runs the kernel at a level; at the portable one where this machine lacks it.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    use pulp::Simd;
    use pulp::x86::{V3, V4};
    match (level, V3::try_new(), V4::try_new()) {
        (Level::Avx512, _, Some(simd)) => Simd::vectorize(simd, WithFused(kernel)),
        (Level::Avx2, Some(simd), _) => Simd::vectorize(simd, WithFused(kernel)),
        _ => kernel.run::<Separate>(),
    }
}

/// Runs the kernel at the best level of this machine, which is known when compiling.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    if cfg!(all(target_arch = "aarch64", not(miri))) { kernel.run::<Fused>() } else { kernel.run::<Separate>() }
}

/// Runs the kernel at a level; at the portable one where this machine lacks it.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        Level::Portable => kernel.run::<Separate>(),
        _ => dispatch(kernel),
    }
}
