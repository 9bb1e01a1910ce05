//! atan, atan2, asin and acos: polynomials on |t| ≤ tan π/8 and |s| ≤ ½, to which the rest is brought.

use super::arithmetic::{choose, fma, polynomial};
use super::word::{Contraction, Word};

/// The angle in [0, π/2] of a point with a, b ≥ 0, for arctan(a/b).
#[inline(always)]
fn angle<T: Word, F: Contraction>(a: T, b: T) -> T {
    // arctan t = π/4 + arctan((t − 1)/(t + 1)) = π/2 − arctan(1/t); tan π/8 = √2 − 1.
    let low = a < b * T::of(std::f64::consts::SQRT_2 - 1.0);
    let high = b < a * T::of(std::f64::consts::SQRT_2 - 1.0);
    let above = choose(low, a, choose(high, -b, a - b));
    let below = choose(low, b, choose(high, a, a + b));
    let t = above / below;
    let z = t * t;
    let [half, rest] = T::HALF_PI;
    let share = choose(low, T::of(0.0), choose(high, T::of(1.0), T::of(0.5)));
    let y = fma::<T, F>(t * z, polynomial::<T, F>(z, T::ATAN), share * rest);
    share * half + (t + y)
}

#[inline(always)]
pub fn atan<T: Word, F: Contraction>(x: T) -> T {
    // Beyond it the angle is π/2, and the sum of t and 1 may overflow.
    let size = choose(x.abs() > T::SQUARABLE, T::SQUARABLE, x.abs());
    angle::<T, F>(size, T::of(1.0)).copysign(x)
}

#[inline(always)]
pub fn atan2<T: Word, F: Contraction>(y: T, x: T) -> T {
    let one = T::of(1.0);
    let (a, b) = (y.abs(), x.abs());
    // Two infinities are in the proportion 1 : 1, and so is an infinite number to a finite one as 1 : 0.
    let infinite = (a > T::MAX) | (b > T::MAX);
    let number = |c: T| choose(infinite & (c <= T::MAX), T::of(0.0), choose(c > T::MAX, one, c));
    let (a, b) = (number(a), number(b));
    // Neither the sum nor the quotient of large or of small numbers leaves the range after scaling.
    let larger = choose(a > b, a, b);
    let down = choose(larger > T::SQUARABLE, one / T::SQUARABLE, one);
    let scale = choose(larger < one / T::SQUARABLE, T::SQUARABLE, down);
    let acute = choose(a == T::of(0.0), T::of(0.0), angle::<T, F>(a * scale, b * scale));
    let [half, rest] = T::HALF_PI;
    let left = one.copysign(x) < T::of(0.0);
    let wide = (half + half) - (acute - (rest + rest));
    let angle = choose(left, wide, acute).copysign(y);
    choose(x.is_nan() | y.is_nan(), x + y, angle)
}

/// arcsin s for s² = z ≤ ¼.
#[inline(always)]
fn arcsine<T: Word, F: Contraction>(s: T, z: T) -> T {
    fma::<T, F>(s * z, polynomial::<T, F>(z, T::ASIN), s)
}

/// (whether |x| ≤ ½, arcsin of |x| if so, and else of the sine √((1 − |x|)/2) of half the angle from x to the pole).
#[inline(always)]
fn half_angle<T: Word, F: Contraction>(x: T) -> (bool, T) {
    let size = x.abs();
    let low = size <= T::of(0.5);
    let z = choose(low, size * size, (T::of(1.0) - size) * T::of(0.5));
    (low, arcsine::<T, F>(choose(low, size, z.sqrt()), z))
}

#[inline(always)]
pub fn asin<T: Word, F: Contraction>(x: T) -> T {
    let [half, rest] = T::HALF_PI;
    let (low, y) = half_angle::<T, F>(x);
    choose(low, y, half - (y + y - rest)).copysign(x)
}

#[inline(always)]
pub fn acos<T: Word, F: Contraction>(x: T) -> T {
    let [half, rest] = T::HALF_PI;
    let (low, y) = half_angle::<T, F>(x);
    let signed = y.copysign(x);
    let outer = y + y;
    let high = choose(x < T::of(0.0), (half + half) - (outer - (rest + rest)), outer);
    choose(low, half - (signed - rest), high)
}
