//! eˣ, eˣ − 1, sinh, cosh, tanh and the logistic sigmoid: one reduction x = n ln 2 + r with |r| ≤ ½ ln 2.

use super::arithmetic::{choose, fma, polynomial};
use super::word::{Contraction, Whole, Word};

/// (n, r, s) with x = n ln 2 + r + s, s a correction of r.
#[inline(always)]
fn reduce<T: Word, F: Contraction>(x: T) -> (Whole<T>, T, T) {
    let (whole, n) = (x * T::of(std::f64::consts::LOG2_E)).round();
    let [high, low] = T::LN_2;
    let near = fma::<T, F>(-n, high, x);
    let rest = n * low;
    let r = near - rest;
    (whole, r, (near - r) - rest)
}

/// (n, r) with x = n ln 2 + r, where the rounding of r, below ½ ln 2, is of no matter.
#[inline(always)]
fn reduce_without_correction<T: Word, F: Contraction>(x: T) -> (Whole<T>, T) {
    let (whole, n) = x.round_of_product::<F>(T::of(std::f64::consts::LOG2_E));
    let [high, low] = T::LN_2;
    (whole, fma::<T, F>(-n, low, fma::<T, F>(-n, high, x)))
}

/// eʳ − 1.
#[inline(always)]
fn exp_m1_of_reduced<T: Word, F: Contraction>(r: T) -> T {
    fma::<T, F>(r * r, polynomial::<T, F>(r, T::EXP), r)
}

/// eʳ − 1 − r + s, which together with r is e^{r+s} − 1.
#[inline(always)]
fn tail<T: Word, F: Contraction>(r: T, s: T) -> T {
    fma::<T, F>(r * r, polynomial::<T, F>(r, T::EXP), fma::<T, F>(s, r, s))
}

/// x limited to where e to its power is neither 0 nor infinite for certain; NaN stays.
#[inline(always)]
fn limited<T: Word>(x: T) -> T {
    let [low, high] = T::EXP_RANGE;
    let x = choose(x < low, low, x);
    choose(x > high, high, x)
}

/// e^{x + s} for a correction s far below 1.
#[inline(always)]
pub fn exp_of_sum<T: Word, F: Contraction>(x: T, s: T) -> T {
    let (n, near, rest) = reduce::<T, F>(limited(x));
    let rest = rest + s;
    let r = near + rest;
    (T::of(1.0) + (r + tail::<T, F>(r, (near - r) + rest))).scale(n, 0)
}

#[inline(always)]
pub fn exp<T: Word, F: Contraction>(x: T) -> T {
    let (n, r) = reduce_without_correction::<T, F>(limited(x));
    T::scale_of_one_plus::<F>(exp_m1_of_reduced::<T, F>(r), n)
}

#[inline(always)]
pub fn exp_m1<T: Word, F: Contraction>(x: T) -> T {
    let high = T::EXP_RANGE[1];
    let inside = choose(x < -T::SATURATED, -T::SATURATED, x);
    let inside = choose(inside > high, high, inside);
    let (n, r, s) = reduce::<T, F>(inside);
    // Half of 2ⁿ, for that may overflow: ½·2ⁿ(1 + r + tail) − ½.
    let half = T::power_of_two(n, -1);
    let y = fma::<T, F>(half, r, half - T::of(0.5));
    let y = fma::<T, F>(half, tail::<T, F>(r, s), y);
    choose(x.abs() < T::TINY, x, y + y)
}

#[inline(always)]
pub fn tanh<T: Word, F: Contraction>(x: T) -> T {
    let size = x.abs();
    let size = choose(size > T::SATURATED, T::SATURATED, size);
    // e = e^{2|x|} − 1. With n = 0 its leading term is r, which is exact. From n = 1 on e is no smaller than |r|, and the rounding
    // of r takes the largest error from 2.14 to 2.23 ulp.
    let (n, r) = reduce_without_correction::<T, F>(size + size);
    let power = T::power_of_two(n, 0);
    let e = fma::<T, F>(power, exp_m1_of_reduced::<T, F>(r), power - T::of(1.0));
    (e / (e + T::of(2.0))).copysign(x)
}

#[inline(always)]
pub fn sigmoid<T: Word, F: Contraction>(x: T) -> T {
    // e ≤ 1, so nothing overflows; for x < 0 the small number e itself is the leading factor.
    let e = exp::<T, F>(-x.abs());
    choose(x < T::of(0.0), e, T::of(1.0)) / (T::of(1.0) + e)
}

/// (2ⁿ/4, 2⁻ⁿ/4, cosh r, sinh r) for |x| = n ln 2 + r.
#[inline(always)]
fn hyperbolic<T: Word, F: Contraction>(x: T) -> (T, T, T, T) {
    let size = x.abs();
    // Where sinh is infinite for certain, and a quarter of 2ⁿ is not.
    let high = T::EXP_RANGE[1] + T::of(0.5);
    let size = choose(size > high, high, size);
    let (n, r, s) = reduce::<T, F>(size);
    let z = r * r;
    let odd = fma::<T, F>(r * z, polynomial::<T, F>(z, T::SINH), s) + r;
    let even = fma::<T, F>(z, polynomial::<T, F>(z, T::COSH), T::of(1.0));
    let down = choose(size > T::SATURATED, T::of(0.0), T::inverse_power_of_two(n, -2));
    (T::power_of_two(n, -2), down, even, odd)
}

#[inline(always)]
pub fn sinh<T: Word, F: Contraction>(x: T) -> T {
    let (up, down, even, odd) = hyperbolic::<T, F>(x);
    let half = fma::<T, F>(up - down, even, (up + down) * odd);
    choose(x.abs() < T::TINY, x, (half + half).copysign(x))
}

#[inline(always)]
pub fn cosh<T: Word, F: Contraction>(x: T) -> T {
    let (up, down, even, odd) = hyperbolic::<T, F>(x);
    let half = fma::<T, F>(up + down, even, (up - down) * odd);
    half + half
}
