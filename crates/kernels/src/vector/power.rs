//! Powers and roots: xᵖ, ∛x and √(x² + y²).

use super::arithmetic::{choose, fma, polynomial, product, sum, sum_of_ordered};
use super::exponential::{exp, exp_of_sum};
use super::logarithm::ln;
use super::word::{Contraction, Word};

/// ln x as a sum of two numbers with an error below 2⁻⁶² of it, for positive finite x.
#[inline(always)]
fn ln_in_two_parts<F: Contraction>(x: f64) -> (f64, f64) {
    const LIFT: f64 = (1_u64 << 54) as f64;
    let subnormal = x < f64::MIN_POSITIVE;
    let (k, m, _) = choose(subnormal, x * LIFT, x).exponent_and_significand();
    let k = choose(subnormal, k - 54.0, k);
    // s = (m − 1)/(m + 1) and its error.
    let f = m - 1.0;
    let (below, below_lost) = sum_of_ordered(2.0, f);
    let inverse = 1.0 / below;
    let s = f * inverse;
    let (back, back_lost) = product::<f64, F>(s, below);
    let s_lost = (((f - back) - back_lost) - s * below_lost) * inverse;
    // 2 artanh s = 2s + ⅔s³ + s·z²·tail(z), the first two terms in two parts.
    let (z, z_lost) = product::<f64, F>(s, s);
    let z_lost = fma::<f64, F>(2.0 * s, s_lost, z_lost);
    let [third, third_lost] = [0.6666666666666666, 3.700743415417188e-17];
    let (t, t_lost) = product::<f64, F>(third, z);
    let t_lost = fma::<f64, F>(third, z_lost, fma::<f64, F>(third_lost, z, t_lost));
    let (u, u_lost) = product::<f64, F>(s, t);
    let u_lost = fma::<f64, F>(s, t_lost, fma::<f64, F>(s_lost, t, u_lost));
    let tail = s * (z * z) * polynomial::<f64, F>(z, <f64 as super::coefficients::Coefficients>::LN_TAIL);
    let [high, low] = f64::LN_2;
    let (first, first_lost) = sum(k * high, 2.0 * s);
    let (second, second_lost) = sum(first, u);
    let rest = fma::<f64, F>(k, low, fma::<f64, F>(2.0, s_lost, u_lost + tail));
    sum_of_ordered(second, (first_lost + second_lost) + rest)
}

/// `size` = |x|ᵖ of positive finite x, with the sign and the special values of xᵖ.
#[inline(always)]
fn with_special_values<T: Word>(x: T, p: T, size: T) -> T {
    let (zero, one) = (T::of(0.0), T::of(1.0));
    let a = x.abs();
    let rising = p > zero;
    let size = choose(a == zero, choose(rising, zero, T::INFINITY), size);
    let size = choose(a > T::MAX, choose(rising, T::INFINITY, zero), size);
    let size = choose(a == one, one, size);
    let (whole, odd) = p.whole_and_odd();
    let negative = one.copysign(x) < zero;
    let y = choose(negative & odd, -size, size);
    let y = choose((x < zero) & (a <= T::MAX) & !whole, T::NAN, y);
    let y = choose(x.is_nan() | p.is_nan(), T::NAN, y);
    choose((p == zero) | (x == one), one, y)
}

#[inline(always)]
pub fn pow<F: Contraction>(x: f64, p: f64) -> f64 {
    let (l, l_lost) = ln_in_two_parts::<F>(x.abs());
    let (y, y_lost) = product::<f64, F>(p, l);
    // Beyond, the power overflows or vanishes whatever the rest is, and the rest may be NaN.
    let y_lost = choose(y.abs() < 1e4, fma::<f64, F>(p, l_lost, y_lost), 0.0);
    with_special_values(x, p, exp_of_sum::<f64, F>(y, y_lost))
}

/// xᵖ through double precision, whose plain logarithm is exact enough.
#[inline(always)]
pub fn pow_single<F: Contraction>(x: f32, p: f32) -> f32 {
    let (x, p) = (f64::from(x), f64::from(p));
    with_special_values(x, p, exp::<f64, F>(p * ln::<f64, F>(x.abs()))) as f32
}

#[inline(always)]
pub fn cbrt<T: Word, F: Contraction>(x: T) -> T {
    const LIFT: f64 = (1_u64 << 54) as f64;
    let size = x.abs();
    let subnormal = size < T::MIN_POSITIVE;
    let (k, m) = choose(subnormal, size * T::of(LIFT), size).exponent_and_mantissa();
    let k = choose(subnormal, k - T::of(54.0), k);
    // k = 3q + r with r = −1, 0 or 1.
    let (whole, q) = (k * T::of(1.0 / 3.0)).round();
    let r = k - T::of(3.0) * q;
    let (up, down) = (r > T::of(0.5), r < T::of(-0.5));
    let factor = choose(up, T::of(2.0), choose(down, T::of(0.5), T::of(1.0)));
    let root = choose(up, T::of(1.259_921_049_894_873_2), choose(down, T::of(0.793_700_525_984_099_7), T::of(1.0)));
    // Halley's step triples the digits of the polynomial's guess.
    let y = polynomial::<T, F>(m, T::CBRT) * root;
    let m = m * factor;
    let cube = y * y * y;
    let y = y - y * ((cube - m) / (cube + cube + m));
    let y = (y * T::power_of_two(whole, 0)).copysign(x);
    // 0, infinities and NaN are their own roots.
    choose((x == T::of(0.0)) | (size > T::MAX) | x.is_nan(), x, y)
}

#[inline(always)]
pub fn hypot<F: Contraction>(x: f64, y: f64) -> f64 {
    let one = 1.0;
    let (a, b) = (x.abs(), y.abs());
    let (a, b) = (choose(a < b, b, a), choose(a < b, a, b));
    let square = f64::SQUARABLE * f64::SQUARABLE;
    let (high, low) = (a > f64::SQUARABLE, a < one / f64::SQUARABLE);
    let scale = choose(high, one / square, choose(low, square, one));
    let back = choose(high, square, choose(low, one / square, one));
    let (a, b) = (a * scale, b * scale);
    let h = fma::<f64, F>(a, a, b * b).sqrt() * back;
    choose((x.abs() > f64::MAX) | (y.abs() > f64::MAX), f64::INFINITY, h)
}

/// √(x² + y²) through double precision, where squares neither overflow nor lose digits.
#[inline(always)]
pub fn hypot_single<F: Contraction>(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    let h = fma::<f64, F>(a, a, b * b).sqrt() as f32;
    choose((x.abs() > f32::MAX) | (y.abs() > f32::MAX), f32::INFINITY, h)
}
