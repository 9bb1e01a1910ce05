//! sin, cos and tan of angles up to [`Word::ANGLE_LIMIT`]; beyond it, and of infinities, the result is to be replaced.

use super::arithmetic::{choose, fma, polynomial};
use super::word::{Contraction, Whole, Word};

/// (n, sin r, cos r) with x = n·π/2 + r.
#[inline(always)]
fn parts<T: Word, F: Contraction>(x: T) -> (Whole<T>, T, T) {
    let (n, r, s) = x.quadrant::<F>();
    let z = r * r;
    // sin(r + s) = sin r + s cos r, cos(r + s) = cos r − s sin r, to the first order in s and r.
    let half = T::of(0.5) * z;
    let sine = r + fma::<T, F>(r * z, polynomial::<T, F>(z, T::SIN), fma::<T, F>(-s, half, s));
    let near = T::of(1.0) - half;
    let lost = (T::of(1.0) - near) - half;
    let cosine = near + fma::<T, F>(z * z, polynomial::<T, F>(z, T::COS), fma::<T, F>(-s, r, lost));
    (n, sine, cosine)
}

#[inline(always)]
pub fn sin<T: Word, F: Contraction>(x: T) -> T {
    let (n, sine, cosine) = parts::<T, F>(x);
    let y = choose(T::is_odd(n), cosine, sine).negated_by_quadrant(n, 0);
    choose(x == T::of(0.0), x, y)
}

#[inline(always)]
pub fn cos<T: Word, F: Contraction>(x: T) -> T {
    let (n, sine, cosine) = parts::<T, F>(x);
    choose(T::is_odd(n), sine, cosine).negated_by_quadrant(n, 1)
}

#[inline(always)]
pub fn tan<T: Word, F: Contraction>(x: T) -> T {
    let (n, sine, cosine) = parts::<T, F>(x);
    let odd = T::is_odd(n);
    let y = choose(odd, -cosine, sine) / choose(odd, sine, cosine);
    choose(x == T::of(0.0), x, y)
}

/// Whether the angle is out of the range of this file.
#[inline(always)]
pub fn is_far<T: Word>(x: T) -> bool {
    x.abs() > T::ANGLE_LIMIT
}
