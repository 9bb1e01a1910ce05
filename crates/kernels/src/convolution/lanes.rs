//! Which instructions run, and the few operations on registers that the contractions are made of.
//!
//! Registers are named one by one: a tile written as loops over arrays of numbers is left to the optimizer, which kept the
//! sums in memory and was a hundred times slower for some sizes.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Runs `op` compiled for the widest instructions of this processor.
pub(super) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    match Arch::new() {
        // Without a choice at run time: arrays of 128 bits, which any of today's processors has.
        Arch::Scalar => op.with_simd(Scalar128b),
        #[allow(unreachable_patterns, reason = "some processors have no other")]
        arch => arch.dispatch(op),
    }
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

    /// The first numbers, then zeros.
    fn load<S: Simd>(simd: S, x: &[Self]) -> Self::Register<S>;

    /// Writes the first numbers.
    fn store<S: Simd>(simd: S, to: &mut [Self], x: Self::Register<S>);

    /// x + y.
    fn add<S: Simd>(simd: S, x: Self::Register<S>, y: Self::Register<S>) -> Self::Register<S>;

    /// x · y + sum, in one rounding where there is an instruction for it.
    fn multiply_add<S: Simd>(
        simd: S,
        x: Self::Register<S>,
        y: Self::Register<S>,
        sum: Self::Register<S>,
    ) -> Self::Register<S>;

    /// Sum of the numbers of a register.
    fn total<S: Simd>(simd: S, x: Self::Register<S>) -> Self;
}

macro_rules! lanes {
    ($T:ty, $Register:ident, $LANES:ident, $splat:ident, $registers:ident, $load:ident, $store:ident, $add:ident, $mul:ident, $mul_add:ident, $total:ident) => {
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
            fn load<S: Simd>(simd: S, x: &[Self]) -> Self::Register<S> {
                simd.$load(x)
            }

            #[inline(always)]
            fn store<S: Simd>(simd: S, to: &mut [Self], x: Self::Register<S>) {
                simd.$store(to, x)
            }

            #[inline(always)]
            fn add<S: Simd>(simd: S, x: Self::Register<S>, y: Self::Register<S>) -> Self::Register<S> {
                simd.$add(x, y)
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

            #[inline(always)]
            fn total<S: Simd>(simd: S, x: Self::Register<S>) -> Self {
                simd.$total(x)
            }
        }
    };
}
lanes!(
    f32,
    f32s,
    F32_LANES,
    splat_f32s,
    as_simd_f32s,
    partial_load_f32s,
    partial_store_f32s,
    add_f32s,
    mul_f32s,
    mul_add_f32s,
    reduce_sum_f32s
);
lanes!(
    f64,
    f64s,
    F64_LANES,
    splat_f64s,
    as_simd_f64s,
    partial_load_f64s,
    partial_store_f64s,
    add_f64s,
    mul_f64s,
    mul_add_f64s,
    reduce_sum_f64s
);

/// The channels of a group in blocks of one or two registers, as (start, width); the last one may reach beyond the channels.
#[inline(always)]
pub(super) fn blocks(channels: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..channels).step_by(2 * lanes).map(move |start| (start, if channels - start > lanes { 2 * lanes } else { lanes }))
}

/// The most entries that [`blocks`] cover, whatever the width of a register: at most 16 numbers.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(16)
}
