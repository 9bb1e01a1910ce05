//! Arithmetic that the functions share: sums of products, polynomials, and pairs of numbers that carry their rounding error.

use super::word::{Contraction, Word};

/// a·b + c; one rounding if the machine fuses, two if not.
#[inline(always)]
pub fn fma<T: Word, F: Contraction>(a: T, b: T, c: T) -> T {
    if F::FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Σ cₖxᵏ, even and odd powers side by side. There are at least two coefficients.
#[inline(always)]
pub fn polynomial<T: Word, F: Contraction>(x: T, c: &'static [T]) -> T {
    let square = x * x;
    let last = c.len() - 1;
    let (mut upper, mut lower) = (c[last], c[last - 1]);
    let mut k = last - 1;
    while k >= 2 {
        upper = fma::<T, F>(upper, square, c[k - 1]);
        lower = fma::<T, F>(lower, square, c[k - 2]);
        k -= 2;
    }
    if k == 1 {
        // The constant is still to come, of the parity of the last.
        upper = fma::<T, F>(upper, square, c[0]);
        fma::<T, F>(lower, x, upper)
    } else {
        fma::<T, F>(upper, x, lower)
    }
}

/// Σ cₖxᵏ by Horner's rule: slower to begin with, and with the smaller error.
#[inline(always)]
pub fn horner<T: Word, F: Contraction>(x: T, c: &'static [T]) -> T {
    let mut sum = c[c.len() - 1];
    for k in (0..c.len() - 1).rev() {
        sum = fma::<T, F>(sum, x, c[k]);
    }
    sum
}

/// a·b as a rounded product and its error.
#[inline(always)]
pub fn product<T: Word, F: Contraction>(a: T, b: T) -> (T, T) {
    let high = a * b;
    if F::FUSED {
        return (high, a.mul_add(b, -high));
    }
    // Dekker, with halves cut instead of rounded: three of the four products are exact, the last is below an ulp of the
    // error by its own half.
    let (a1, b1) = (a.upper_half(), b.upper_half());
    let (a2, b2) = (a - a1, b - b1);
    (high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
}

/// a + b as a rounded sum and its error, of |a| ≥ |b|.
#[inline(always)]
pub fn sum_of_ordered<T: Word>(a: T, b: T) -> (T, T) {
    let high = a + b;
    (high, (a - high) + b)
}

/// a + b as a rounded sum and its error.
#[inline(always)]
pub fn sum<T: Word>(a: T, b: T) -> (T, T) {
    let high = a + b;
    let part = high - a;
    (high, (a - (high - part)) + (b - part))
}

/// `if_true` or `if_false`, both of which are at hand: no branch.
#[inline(always)]
pub fn choose<T>(condition: bool, if_true: T, if_false: T) -> T {
    if condition { if_true } else { if_false }
}
