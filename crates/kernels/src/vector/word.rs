//! [`Word`]: a float with the bit patterns that branch-free functions are made of.

use super::arithmetic::fma;
use super::coefficients::Coefficients;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Whether a product and a sum may be one instruction with one rounding.
///
/// Without such an instruction `mul_add` is a slow call, so the two are written apart; the functions of this module are
/// accurate either way, but their last bits differ.
pub trait Contraction: Copy + Debug + 'static {
    /// Whether there is such an instruction.
    const FUSED: bool;
}

/// Products and sums are fused: AVX2 with FMA, AVX-512, NEON.
#[derive(Clone, Copy, Debug)]
pub struct Fused;

/// Products and sums are rounded apart: any machine.
#[derive(Clone, Copy, Debug)]
pub struct Separate;

impl Contraction for Fused {
    const FUSED: bool = true;
}

impl Contraction for Separate {
    const FUSED: bool = false;
}

/// `f32` or `f64`, with constants of its precision.
pub trait Word:
    Copy
    + Debug
    + PartialOrd
    + Coefficients
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Largest finite number.
    const MAX: Self;
    /// Smallest positive normal number.
    const MIN_POSITIVE: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// Below it, x² is lost beside 1: half of the distance from 1 to the next number, or less.
    const TINY: Self;

    /// ln 2 in two parts; products of the first with exponents are exact.
    const LN_2: [Self; 2];
    /// π/2 in two parts.
    const HALF_PI: [Self; 2];
    /// Larger angles are not brought to a quadrant exactly enough.
    const ANGLE_LIMIT: Self;
    /// Below the first eˣ is 0; above the second it is infinite.
    const EXP_RANGE: [Self; 2];
    /// From here on tanh x is 1, and −x on eˣ − 1 is −1.
    const SATURATED: Self;
    /// From here on √(x² ± 1) is |x|.
    const LARGE: Self;
    /// A power of two p such that squares of numbers in [1/p, p] neither overflow nor lose digits.
    const SQUARABLE: Self;

    /// The constant `c`, rounded.
    fn of(c: f64) -> Self;

    /// `self · b + c`, one rounding.
    fn mul_add(self, b: Self, c: Self) -> Self;

    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;

    /// Whether the number is NaN.
    fn is_nan(self) -> bool;

    /// |self|.
    fn abs(self) -> Self;

    /// |self| with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self;

    /// The number with the lower half of its significand cleared; its square is exact.
    fn upper_half(self) -> Self;

    /// (whole, n): the nearest whole number n to a number below 2²⁰, in the low bits of `whole` and as a number.
    fn round(self) -> (Whole<Self>, Self);

    /// [`round`](Word::round) of `self · factor`; in one instruction less if the machine fuses.
    fn round_of_product<F: Contraction>(self, factor: Self) -> (Whole<Self>, Self);

    /// (1 + q)·2ⁿ for any whole n, as `scale` of 1 + q.
    fn scale_of_one_plus<F: Contraction>(q: Self, n: Whole<Self>) -> Self;

    /// p·2ⁿ⁺ᵒᶠᶠˢᵉᵗ for any whole n and a small offset, rounded once, also where 2ⁿ overflows or is subnormal.
    fn scale(self, n: Whole<Self>, offset: i32) -> Self;

    /// 2ⁿ⁺ᵒᶠᶠˢᵉᵗ where that is normal.
    fn power_of_two(n: Whole<Self>, offset: i32) -> Self;

    /// 2⁻ⁿ⁺ᵒᶠᶠˢᵉᵗ where that is normal.
    fn inverse_power_of_two(n: Whole<Self>, offset: i32) -> Self;

    /// Whether n is odd.
    fn is_odd(n: Whole<Self>) -> bool;

    /// `self`, negated where bit 1 of n + `offset` is set.
    fn negated_by_quadrant(self, n: Whole<Self>, offset: i32) -> Self;

    /// (n, r, s) with angle = n·π/2 + r + s, |r| ≤ π/4 and s a correction of r, of angles up to the limit.
    fn quadrant<F: Contraction>(self) -> (Whole<Self>, Self, Self);

    /// (k, m, 2⁻ᵏ) with `self` = 2ᵏ·m and m in [√½, √2), of a positive finite normal number; of 2⁻ᵏ, a normal one or 0.
    fn exponent_and_significand(self) -> (Self, Self, Self);

    /// (k, m) with `self` = 2ᵏ·m and m in [1, 2), of a positive finite normal number.
    fn exponent_and_mantissa(self) -> (Self, Self);

    /// Whether the number is whole, and whether it is odd.
    fn whole_and_odd(self) -> (bool, bool);
}

/// A whole number, in the low bits of the number that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Whole<T>(T);

macro_rules! word {
    ($T:ident, $Bits:ident, $($constants:tt)*) => {
        impl Word for $T {
            const MAX: $T = $T::MAX;
            const MIN_POSITIVE: $T = $T::MIN_POSITIVE;
            const INFINITY: $T = $T::INFINITY;
            const NAN: $T = $T::NAN;
            const TINY: $T = $T::EPSILON / 4.0;
            $($constants)*

            #[inline(always)]
            fn of(c: f64) -> $T {
                c as $T
            }
            #[inline(always)]
            fn mul_add(self, b: $T, c: $T) -> $T {
                $T::mul_add(self, b, c)
            }
            #[inline(always)]
            fn sqrt(self) -> $T {
                $T::sqrt(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $T::is_nan(self)
            }
            #[inline(always)]
            fn abs(self) -> $T {
                $T::abs(self)
            }
            #[inline(always)]
            fn copysign(self, sign: $T) -> $T {
                $T::copysign(self, sign)
            }
            #[inline(always)]
            fn upper_half(self) -> $T {
                $T::from_bits(self.to_bits() & !((1 << ($T::MANTISSA_DIGITS / 2 + 1)) - 1))
            }
            #[inline(always)]
            fn round(self) -> (Whole<$T>, $T) {
                let whole = self + Self::SHIFT;
                (Whole(whole), whole - Self::SHIFT)
            }
            #[inline(always)]
            fn round_of_product<F: Contraction>(self, factor: $T) -> (Whole<$T>, $T) {
                let whole = fma::<$T, F>(self, factor, Self::SHIFT);
                (Whole(whole), whole - Self::SHIFT)
            }
            #[inline(always)]
            fn scale_of_one_plus<F: Contraction>(q: $T, n: Whole<$T>) -> $T {
                // Products with the first factor, a normal power of two, are exact: the sum is rounded as 1 + q is.
                let (first, second) = halves(n.0.to_bits());
                fma::<$T, F>(q, first, first) * second
            }
            #[inline(always)]
            fn scale(self, n: Whole<$T>, offset: i32) -> $T {
                let (first, second) = halves(n.0.to_bits().wrapping_add(offset as $Bits));
                self * first * second
            }
            #[inline(always)]
            fn power_of_two(n: Whole<$T>, offset: i32) -> $T {
                $T::from_bits(n.0.to_bits().wrapping_add(offset as $Bits).wrapping_sub(BIAS) << MANTISSA)
            }
            #[inline(always)]
            fn inverse_power_of_two(n: Whole<$T>, offset: i32) -> $T {
                $T::from_bits((3 * BIAS).wrapping_add(offset as $Bits).wrapping_sub(n.0.to_bits()) << MANTISSA)
            }
            #[inline(always)]
            fn is_odd(n: Whole<$T>) -> bool {
                n.0.to_bits() & 1 == 1
            }
            #[inline(always)]
            fn negated_by_quadrant(self, n: Whole<$T>, offset: i32) -> $T {
                // Twice the bias is 2 modulo 4.
                let flip = (n.0.to_bits().wrapping_add((offset + 2) as $Bits) & 2) << ($Bits::BITS - 2);
                $T::from_bits(self.to_bits() ^ flip)
            }
            #[inline(always)]
            fn quadrant<F: Contraction>(self) -> (Whole<$T>, $T, $T) {
                $T::quadrant_of::<F>(self)
            }
            #[inline(always)]
            fn exponent_and_significand(self) -> ($T, $T, $T) {
                split(self, std::$T::consts::FRAC_1_SQRT_2)
            }
            #[inline(always)]
            fn exponent_and_mantissa(self) -> ($T, $T) {
                let (k, m, _) = split(self, 1.0);
                (k, m)
            }
            #[inline(always)]
            fn whole_and_odd(self) -> (bool, bool) {
                // From 2ᵐᵃⁿᵗⁱˢˢᵃ on all numbers are whole and the last bit is worth 1; from twice that on, all are even.
                const WHOLE_FROM: $T = (1_u64 << MANTISSA) as $T;
                let size = self.abs();
                let lifted = if size < WHOLE_FROM { size + WHOLE_FROM } else { size };
                let whole = (size >= WHOLE_FROM) | (lifted - WHOLE_FROM == size);
                (whole, whole & (lifted.to_bits() & 1 == 1) & (size < 2.0 * WHOLE_FROM))
            }
        }
    };
}

macro_rules! bits {
    ($T:ident, $Bits:ident, $name:ident, $($constants:tt)*) => {
        mod $name {
            use super::{Contraction, Quadrant, Whole, Word, fma};

            /// Bits of a significand that are stored.
            const MANTISSA: u32 = $T::MANTISSA_DIGITS - 1;
            /// Exponent field of 1.
            const BIAS: $Bits = $T::MAX_EXP as $Bits - 1;
            /// 1.5·2ᵐᵃⁿᵗⁱˢˢᵃ, beside which the last bit of a sum is worth 1.
            const WHOLE: $T = 1.5 * (1_u64 << MANTISSA) as $T;

            impl Shift for $T {
                /// The bias on top keeps exponents positive in the low bits.
                const SHIFT: $T = WHOLE + 2.0 * BIAS as $T;
            }
            trait Shift {
                const SHIFT: Self;
            }

            /// 2ⁿ as two factors: the halves of n + 2·bias are their exponent fields.
            #[inline(always)]
            fn halves(n: $Bits) -> ($T, $T) {
                let half = n >> 1;
                ($T::from_bits(half << MANTISSA), $T::from_bits(n.wrapping_sub(half) << MANTISSA))
            }

            /// (k, m, 2⁻ᵏ) with x = 2ᵏ·m and m from `base` to 2·`base`.
            #[inline(always)]
            fn split(x: $T, base: $T) -> ($T, $T, $T) {
                let field = x.to_bits().wrapping_add((BIAS << MANTISSA).wrapping_sub(base.to_bits())) >> MANTISSA;
                let m = x.to_bits().wrapping_sub(field.wrapping_sub(BIAS) << MANTISSA);
                let k = $T::from_bits(WHOLE.to_bits() + field) - (WHOLE + BIAS as $T);
                (k, $T::from_bits(m), $T::from_bits((2 * BIAS).wrapping_sub(field) << MANTISSA))
            }

            word! { $T, $Bits, $($constants)* }
        }
    };
}

bits! { f64, u64, double,
    const LN_2: [f64; 2] = [0.6931471804855391, 7.440617110012397e-11];
    const HALF_PI: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17];
    const ANGLE_LIMIT: f64 = 1e6;
    const EXP_RANGE: [f64; 2] = [-746.0, 710.0];
    const SATURATED: f64 = 40.0;
    const LARGE: f64 = (1_u64 << 54) as f64;
    const SQUARABLE: f64 = (1_u128 << 120) as f64 * (1_u128 << 120) as f64 * (1_u128 << 120) as f64;
}

bits! { f32, u32, single,
    const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
    const HALF_PI: [f32; 2] = [std::f32::consts::FRAC_PI_2, -4.371_139e-8];
    const ANGLE_LIMIT: f32 = 1e5;
    const EXP_RANGE: [f32; 2] = [-105.0, 89.0];
    const SATURATED: f32 = 18.0;
    const LARGE: f32 = (1_u32 << 25) as f32;
    const SQUARABLE: f32 = (1_u64 << 48) as f32;
}

/// (n, r, s) with r + s = `near` − `second` − `third`, r rounded.
#[inline(always)]
fn corrected<T: Word>(whole: Whole<T>, near: T, second: (T, T), third: T) -> (Whole<T>, T, T) {
    let r = near - second.0;
    let s = (((near - r) - second.0) - second.1) - third;
    // Next to a multiple of π/2 the correction is no longer below a last place of r.
    let sum = r + s;
    (whole, sum, (r - sum) + s)
}

/// An angle brought to its quadrant, with π/2 in parts (Cody and Waite).
trait Quadrant: Sized {
    fn quadrant_of<F: Contraction>(self) -> (Whole<Self>, Self, Self);
}

impl Quadrant for f64 {
    #[inline(always)]
    fn quadrant_of<F: Contraction>(self) -> (Whole<f64>, f64, f64) {
        let (whole, n) = Word::round(self * std::f64::consts::FRAC_2_PI);
        if F::FUSED {
            // π/2 in three parts, each the nearest to what is left. x − n·a is exact: it is below 1, and a multiple of
            // the last places of a and of x.
            let [a, b, c] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33];
            let near = (-n).mul_add(a, self);
            corrected(whole, near, (n * b, n.mul_add(b, -(n * b))), n * c)
        } else {
            // Parts of 33 bits: their products with n, below 2²⁰, are exact.
            let [a, b, c, d] = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32];
            let near = self - n * a;
            let middle = near - n * b;
            let lost = (near - middle) - n * b;
            let rest = n * c;
            let r = middle - rest;
            let s = ((middle - r) - rest) + (lost - n * d);
            // Added in, for `lost` may be more than a last place of r.
            let sum = r + s;
            (whole, sum, (r - sum) + s)
        }
    }
}

impl Quadrant for f32 {
    #[inline(always)]
    fn quadrant_of<F: Contraction>(self) -> (Whole<f32>, f32, f32) {
        if F::FUSED {
            let (whole, n) = Word::round(self * std::f32::consts::FRAC_2_PI);
            let [a, b, c] = [std::f32::consts::FRAC_PI_2, -4.371_139e-8, -1.715_124_5e-15];
            let near = (-n).mul_add(a, self);
            corrected(whole, near, (n * b, n.mul_add(b, -(n * b))), n * c)
        } else {
            // Parts of so few bits that products are exact would be many: double precision is shorter.
            let wide = f64::from(self);
            let (_, n) = Word::round(wide * std::f64::consts::FRAC_2_PI);
            let r = (wide - n * 1.5707963267341256) - n * 6.077100506506192e-11;
            let near = r as f32;
            ((Word::round(n as f32)).0, near, (r - f64::from(near)) as f32)
        }
    }
}
