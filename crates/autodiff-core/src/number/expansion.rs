//! What can be done with truncated power series by their coefficients alone: products and quotients, derivative and integral,
//! composition and reversion.
//!
//! [`Series`](super::Series) and [`Taylor`](super::Taylor) keep their coefficients differently and have the same operations; the
//! sums stand here, over coefficients c₀, c₁, … divided by k!. They follow IEEE arithmetic, as `+ − × ÷` of all numbers do: 0·∞ is NaN.

use super::propagate::Coefficients;
use crate::real::Elementary;

/// A series as its value and its coefficients from order 1 on.
pub(super) type Parts<'a, T> = (&'a T, &'a [T]);

/// The parts of a list of coefficients.
#[inline]
pub(super) fn parts<T>(c: &[T]) -> Parts<'_, T> {
    c.split_first().expect("a series has a value")
}

/// Coefficient `k` ≥ 1 of a·b: y_k = Σ_{j=0..k} a_j b_{k−j}.
#[inline]
pub(super) fn product<T: Elementary>((a_0, a): Parts<'_, T>, (b_0, b): Parts<'_, T>, k: usize) -> T {
    let ends = a_0.clone() * b[k - 1].clone() + a[k - 1].clone() * b_0.clone();
    (1..k).fold(ends, |sum, j| sum + a[j - 1].clone() * b[k - j - 1].clone())
}

/// Coefficient `k` ≥ 1 of x², from half the products: those with j and with k − j are the same.
#[inline]
pub(super) fn square<T: Elementary>((x_0, x): Parts<'_, T>, k: usize) -> T {
    let ends = x_0.clone() * x[k - 1].clone();
    let pairs = (1..k.div_ceil(2)).fold(ends, |sum, j| sum + x[j - 1].clone() * x[k - j - 1].clone());
    let twice = pairs.scale(2.0);
    if k.is_multiple_of(2) { twice + x[k / 2 - 1].clone().square() } else { twice }
}

/// Coefficient `k` ≥ 1 of y = a/b, of which those below are known: b y = a  ⇒  b_0 y_k = a_k − Σ_{j=0..k−1} y_j b_{k−j}.
#[inline]
pub(super) fn quotient<T: Elementary>(a_k: T, (y_0, y): Parts<'_, T>, (b_0, b): Parts<'_, T>, k: usize) -> T {
    let first = a_k - y_0.clone() * b[k - 1].clone();
    let rest = (1..k).fold(first, |sum, j| sum - y[j - 1].clone() * b[k - j - 1].clone());
    rest / b_0.clone()
}

/// Coefficients of the derivative in t, one fewer.
pub(super) fn derivative<T: Elementary>(c: &[T]) -> impl Iterator<Item = T> {
    c.iter().enumerate().skip(1).map(|(k, c)| c.clone().scale(k as f64))
}

/// Coefficients of the antiderivative in t whose value is `value`, one more.
pub(super) fn integral<T: Elementary>(c: &[T], value: T) -> impl Iterator<Item = T> {
    let higher = c.iter().enumerate().map(|(k, c)| c.clone() / T::from_f64((k + 1) as f64));
    std::iter::once(value).chain(higher)
}

/// Coefficients 0 to `order` of Σ f_k (g − g₀)ᵏ, for f = `outer` and g = `inner`, which is known up to `order`. By Horner's rule.
pub(super) fn compose<T: Elementary>(outer: &[T], inner: &[T], order: usize) -> Coefficients<T> {
    // (g − g₀)ᵏ begins with tᵏ: higher coefficients of f do not enter.
    let outer = &outer[..outer.len().min(order + 1)];
    let (last, lower) = outer.split_last().expect("a series has a value");
    let mut composed: Coefficients<T> = (0..=order).map(|_| T::from_f64(0.0)).collect();
    composed[0] = last.clone();
    for c in lower.iter().rev() {
        // Times g − g₀, from the highest order down, for coefficient k needs those below it.
        for k in (1..=order).rev() {
            composed[k] = (2..=k).fold(inner[1].clone() * composed[k - 1].clone(), |sum, j| {
                sum + inner[j].clone() * composed[k - j].clone()
            });
        }
        composed[0] = c.clone();
    }
    composed
}

/// Coefficients of t in s, where s = y(t) − y₀, for y of order 1 at least. By Lagrange's formula t_k = (1/k) [tᵏ⁻¹] (t/(y − y₀))ᵏ.
pub(super) fn reversion<T: Elementary>(y: &[T]) -> Coefficients<T> {
    let n = y.len() - 1;
    // The reciprocal of (y − y₀)/t.
    let slope = &y[1..];
    let mut base = Coefficients::from_iter([T::from_f64(1.0) / slope[0].clone()]);
    for k in 1..n {
        base.push(quotient(T::from_f64(0.0), parts(&base), parts(slope), k));
    }
    let mut coefficients = Coefficients::from_iter([T::from_f64(0.0), base[0].clone()]);
    let mut power = base.clone();
    for k in 2..=n {
        let value = power[0].clone() * base[0].clone();
        power = std::iter::once(value).chain((1..n).map(|i| product(parts(&power), parts(&base), i))).collect();
        coefficients.push(power[k - 1].clone() / T::from_f64(k as f64));
    }
    coefficients
}
