//! ln x, ln(1 + x), softplus and the inverse hyperbolic functions: one reduction x = 2ᵏ·m with m in [√½, √2).

use super::arithmetic::{choose, fma, polynomial, sum};
use super::exponential::exp;
use super::word::{Contraction, Word};

/// ln(2ᵏ(m + c)) for m in [√½, √2) and a correction c of it.
///
/// With f = m − 1 it is ln(1 + f) = 2 artanh s, s = f/(2 + f), written as f − (½f² − s(½f² + R(s²))), in which f is exact.
#[inline(always)]
fn ln_of_parts<T: Word, F: Contraction>(k: T, m: T, c: T) -> T {
    let one = T::of(1.0);
    let f = m - one;
    let s = f / (T::of(2.0) + f);
    let z = s * s;
    let half_square = T::of(0.5) * f * f;
    let rest = z * polynomial::<T, F>(z, T::LN);
    let [high, low] = T::LN_2;
    // c/m to three digits: 1/m = (1 − s)/(1 + s).
    let c = c * fma::<T, F>(s + s, fma::<T, F>(s, one - s, -one), one);
    let small = fma::<T, F>(s, half_square + rest, fma::<T, F>(k, low, c));
    fma::<T, F>(k, high, f - (half_square - small))
}

/// Lifts subnormal numbers to normal ones: 2⁵⁴.
const LIFT: f64 = (1_u64 << 54) as f64;
/// Its exponent.
const LIFTED: f64 = 54.0;

/// ln x for x > 0, and its limits at 0 and ∞; NaN of NaN and of x < 0.
#[inline(always)]
pub fn ln<T: Word, F: Contraction>(x: T) -> T {
    let subnormal = x < T::MIN_POSITIVE;
    let (k, m, _) = choose(subnormal, x * T::of(LIFT), x).exponent_and_significand();
    let k = choose(subnormal, k - T::of(LIFTED), k);
    with_limits(x, ln_of_parts::<T, F>(k, m, T::of(0.0)))
}

/// `y`, except where x is no positive finite number.
#[inline(always)]
fn with_limits<T: Word>(x: T, y: T) -> T {
    let y = choose(x > T::MAX, x, y);
    let y = choose(x >= T::of(0.0), y, T::NAN);
    choose(x == T::of(0.0), -T::INFINITY, y)
}

/// ln(x + c) for normal x and a correction c of it.
#[inline(always)]
fn ln_of_sum<T: Word, F: Contraction>(x: T, c: T) -> T {
    let (k, m, inverse) = x.exponent_and_significand();
    // Above, the correction is lost, and 2⁻ᵏ need not be normal.
    ln_of_parts::<T, F>(k, m, choose(x > T::LARGE, T::of(0.0), c * inverse))
}

#[inline(always)]
pub fn ln_1p<T: Word, F: Contraction>(x: T) -> T {
    let (u, c) = sum(T::of(1.0), x);
    let y = with_limits(u, ln_of_sum::<T, F>(u, c));
    choose(x.abs() < T::TINY, x, y)
}

/// ln(1 + x) for 0 ≤ x ≤ 1, where the reduction is known: 1 + x, or half of it from √2 on.
///
/// As in [`ln_of_parts`], with f = x or (x − 1)/2, of which the rounding error c is not 0 between √2 − 1 and ½ only.
#[inline(always)]
fn ln_1p_of_fraction<T: Word, F: Contraction>(x: T) -> T {
    let (zero, half) = (T::of(0.0), T::of(0.5));
    let upper = x > T::of(std::f64::consts::SQRT_2 - 1.0);
    let scaled = choose(upper, half * x, x);
    let shift = choose(upper, half, zero);
    let f = scaled - shift;
    let c = scaled - (f + shift);
    let s = f / (T::of(2.0) + f);
    let z = s * s;
    let half_square = half * f * f;
    let rest = z * polynomial::<T, F>(z, T::LN);
    let [high, low] = T::LN_2.map(|part| choose(upper, part, zero));
    // Where c is not 0, 1/(1 + f) is between 1.33 and 1.42.
    let small = fma::<T, F>(s, half_square + rest, fma::<T, F>(c, T::of(1.375), low));
    high + (f - (half_square - small))
}

#[inline(always)]
pub fn softplus<T: Word, F: Contraction>(x: T) -> T {
    let linear = choose(x < T::of(0.0), T::of(0.0), x);
    linear + ln_1p_of_fraction::<T, F>(exp::<T, F>(-x.abs()))
}

#[inline(always)]
pub fn asinh<T: Word, F: Contraction>(x: T) -> T {
    // ln(a + √(a² + 1)) = ln(1 + a + a²/(1 + √(a² + 1))); for large a it is ln a + ln 2.
    let a = x.abs();
    let large = a > T::LARGE;
    let b = choose(large, T::of(0.0), a);
    let square = b * b;
    let near = ln_1p::<T, F>(choose(large, a, b + square / (T::of(1.0) + (square + T::of(1.0)).sqrt())));
    let y = choose(large, near + T::of(std::f64::consts::LN_2), near);
    choose(a < T::TINY, x, y.copysign(x))
}

#[inline(always)]
pub fn acosh<T: Word, F: Contraction>(x: T) -> T {
    // With t = x − 1: ln(x + √(x² − 1)) = ln(1 + t + √(t(t + 2))).
    let t = x - T::of(1.0);
    let large = x > T::LARGE;
    let root = choose(large, T::of(0.0), (t * (t + T::of(2.0))).sqrt());
    let y = ln_1p::<T, F>(t + root);
    let y = choose(large, y + T::of(std::f64::consts::LN_2), y);
    choose(x < T::of(1.0), T::NAN, y)
}

#[inline(always)]
pub fn atanh<T: Word, F: Contraction>(x: T) -> T {
    let a = x.abs();
    let y = T::of(0.5) * ln_1p::<T, F>((a + a) / (T::of(1.0) - a));
    choose(a < T::TINY, x, y.copysign(x))
}
