//! Which instructions run, and the few operations on registers that the contractions are made of.
//!
//! Registers are named one by one: a tile written as loops over arrays of numbers is left to the optimizer, which kept the
//! sums in memory and was a hundred times slower for some sizes.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Runs `op` compiled for the widest instructions of this processor.
pub(super) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(test)]
    match LEVEL.get() {
        Level::Best => {}
        Level::Portable => return op.with_simd(Scalar128b),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Level::Avx2 => {
            if let Some(simd) = pulp::x86::V3::try_new() {
                return Simd::vectorize(simd, op);
            }
        }
    }
    match Arch::new() {
        // Without a choice at run time: arrays of 128 bits, which any of today's processors has.
        Arch::Scalar => op.with_simd(Scalar128b),
        #[allow(unreachable_patterns, reason = "some processors have no other")]
        arch => arch.dispatch(op),
    }
}

/// Which instructions a test runs with on its thread.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    Best,
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2,
    Portable,
}

#[cfg(test)]
thread_local! {
    pub(super) static LEVEL: std::cell::Cell<Level> = const { std::cell::Cell::new(Level::Best) };
}

/// Whether x · y + s is one instruction; elsewhere its single rounding would be a call of a library function.
const fn fused<S: Simd>() -> bool {
    S::F32_LANES > 4 || cfg!(target_arch = "aarch64")
}

/// Numbers that registers are made of.
pub trait Lanes: Copy + Send + Sync {
    /// A register.
    type Register<S: Simd>: Copy;

    /// Numbers in a register.
    fn lanes<S: Simd>() -> usize;

    /// A register of equal numbers.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Register<S>;

    /// Consecutive numbers, without a last register that is not full.
    fn registers<S: Simd>(x: &[Self]) -> &[Self::Register<S>];

    /// Fewer numbers than a register holds, then zeros.
    fn few<S: Simd>(x: &[Self]) -> Self::Register<S>;

    /// Writes the numbers of a register to the first entries.
    fn store<S: Simd>(to: &mut [Self], x: Self::Register<S>);

    /// x · y + sum, in one rounding where there is an instruction for it.
    fn multiply_add<S: Simd>(
        simd: S,
        x: Self::Register<S>,
        y: Self::Register<S>,
        sum: Self::Register<S>,
    ) -> Self::Register<S>;
}

/// Numbers in the widest register.
pub(super) const WIDEST: usize = 16;

/// Copies at most 16 numbers without a call. (The masked loads and stores of the library are calls through a table, which
/// spill all registers.)
#[inline(always)]
pub(super) fn copy_few<T: Copy>(to: &mut [T], from: &[T]) {
    let length = to.len();
    let from = &from[..length];
    if length == WIDEST {
        return to.copy_from_slice(from);
    }
    let mut at = 0;
    if length & 8 != 0 {
        to[..8].copy_from_slice(&from[..8]);
        at = 8;
    }
    if length & 4 != 0 {
        to[at..at + 4].copy_from_slice(&from[at..at + 4]);
        at += 4;
    }
    if length & 2 != 0 {
        to[at..at + 2].copy_from_slice(&from[at..at + 2]);
        at += 2;
    }
    if length & 1 != 0 {
        to[at] = from[at];
    }
}

macro_rules! lanes {
    ($T:ty, $Register:ident, $LANES:ident, $splat:ident, $registers:ident, $registers_mut:ident, $add:ident, $mul:ident, $mul_add:ident) => {
        impl Lanes for $T {
            type Register<S: Simd> = S::$Register;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$LANES
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> Self::Register<S> {
                simd.$splat(x)
            }

            #[inline(always)]
            fn registers<S: Simd>(x: &[Self]) -> &[Self::Register<S>] {
                S::$registers(x).0
            }

            #[inline(always)]
            fn few<S: Simd>(x: &[Self]) -> Self::Register<S> {
                let mut numbers = [0.0; WIDEST];
                copy_few(&mut numbers[..x.len()], x);
                S::$registers(&numbers).0[0]
            }

            #[inline(always)]
            fn store<S: Simd>(to: &mut [Self], x: Self::Register<S>) {
                S::$registers_mut(&mut to[..S::$LANES]).0[0] = x;
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                x: Self::Register<S>,
                y: Self::Register<S>,
                sum: Self::Register<S>,
            ) -> Self::Register<S> {
                if fused::<S>() { simd.$mul_add(x, y, sum) } else { simd.$add(simd.$mul(x, y), sum) }
            }
        }
    };
}
lanes!(f32, f32s, F32_LANES, splat_f32s, as_simd_f32s, as_mut_simd_f32s, add_f32s, mul_f32s, mul_add_f32s);
lanes!(f64, f64s, F64_LANES, splat_f64s, as_simd_f64s, as_mut_simd_f64s, add_f64s, mul_f64s, mul_add_f64s);

/// The channels of a group in blocks of one or two registers, as (start, width); the last one may reach beyond the channels.
pub(super) struct Blocks {
    start: usize,
    channels: usize,
    lanes: usize,
}

impl Blocks {
    /// Blocks of two registers, the last one perhaps of one.
    pub(super) fn wide(channels: usize, lanes: usize) -> Blocks {
        Blocks { start: 0, channels, lanes }
    }
}

impl Iterator for Blocks {
    type Item = (usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        let rest = self.channels - self.start;
        if rest == 0 {
            return None;
        }
        let block = (self.start, if rest > self.lanes { 2 * self.lanes } else { self.lanes });
        self.start += rest.min(2 * self.lanes);
        Some(block)
    }
}

/// The most entries that [`Blocks`] cover, whatever the width of a register: at most 16 numbers.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(16)
}
