//! What can be done with a truncated power series by its coefficients alone: derivative, integral, composition and reversion.
//!
//! [`Series`](super::Series) and [`Taylor`](super::Taylor) keep their coefficients differently and have the same operations; the
//! sums stand here, over slices of coefficients c₀, c₁, … divided by k!.

use super::propagate::{Coefficients, cauchy, sum};
use crate::real::Elementary;

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
            composed[k] = sum((1..=k).map(|j| inner[j].clone() * composed[k - j].clone()));
        }
        composed[0] = c.clone();
    }
    composed
}

/// Coefficients of t in s, where s = y(t) − y₀, for y of order 1 at least. By Lagrange's formula t_k = (1/k) [tᵏ⁻¹] (t/(y − y₀))ᵏ.
pub(super) fn reversion<T: Elementary>(y: &[T]) -> Coefficients<T> {
    let n = y.len() - 1;
    // (y − y₀)/t and its reciprocal.
    let quotient = &y[1..];
    let mut base: Coefficients<T> = Coefficients::with_capacity(n);
    for k in 0..n {
        let known = sum((0..k).map(|j| base[j].clone() * quotient[k - j].clone()));
        let unit = T::from_f64(if k == 0 { 1.0 } else { 0.0 });
        base.push((unit - known) / quotient[0].clone());
    }
    let mut coefficients = Coefficients::from_iter([T::from_f64(0.0), base[0].clone()]);
    let mut power = base.clone();
    for k in 2..=n {
        power = (0..n).map(|i| cauchy(&power, &base, i)).collect();
        coefficients.push(power[k - 1].clone() / T::from_f64(k as f64));
    }
    coefficients
}
