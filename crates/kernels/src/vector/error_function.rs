//! erf and erfc: a polynomial near 0, and e^{−x²} times one in (x − 3)/(x + 3) beyond.

use super::arithmetic::{choose, fma, horner, polynomial, product};
use super::exponential::exp_of_sum;
use super::word::{Contraction, Word};

/// erf x for |x| ≤ 1.
#[inline(always)]
fn erf_of_small<T: Word, F: Contraction>(x: T) -> T {
    fma::<T, F>(x, polynomial::<T, F>(x * x, T::ERF), x)
}

/// erfc x for x ≥ 0; accurate from about ½ on.
#[inline(always)]
fn erfc_of_large<T: Word, F: Contraction>(x: T) -> T {
    // Beyond 30 it is 0 in either precision.
    let x = choose(x > T::of(30.0), T::of(30.0), x);
    let (square, lost) = product::<T, F>(x, x);
    let decay = exp_of_sum::<T, F>(-square, -lost);
    let (far, near, size) = (x + T::of(3.0), x - T::of(3.0), T::of(1.0) + (x + x));
    // One division for both quotients.
    let inverse = T::of(1.0) / (far * size);
    let t = near * (size * inverse);
    decay * (horner::<T, F>(t, T::ERFC) * (far * inverse))
}

#[inline(always)]
pub fn erf<T: Word, F: Contraction>(x: T) -> T {
    let size = x.abs();
    let large = (T::of(1.0) - erfc_of_large::<T, F>(size)).copysign(x);
    choose(size < T::of(1.0), erf_of_small::<T, F>(x), large)
}

#[inline(always)]
pub fn erfc<T: Word, F: Contraction>(x: T) -> T {
    let size = x.abs();
    let right = erfc_of_large::<T, F>(size);
    let large = choose(x < T::of(0.0), T::of(2.0) - right, right);
    choose(size < T::of(0.5), T::of(1.0) - erf_of_small::<T, F>(x), large)
}
