//! Sums of products, entry by entry, and products of several factors: what a Taylor coefficient of a product is.
//!
//! What is summed or multiplied so far stays in registers, so a term or a factor costs what reading it costs.

use super::{Contraction, Kernel, dispatch};
use crate::Scalar;

/// One term of a chain: ± a, or ± a·b.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a, T> {
    /// Whether it is subtracted; the first term is not.
    pub negative: bool,
    /// The first factor.
    pub a: &'a [T],
    /// The second factor, if there is one.
    pub b: Option<&'a [T]>,
}

/// Entries whose running sums are kept at once: eight vectors of the widest in double precision.
const WIDE: usize = 64;

/// The same for what is left over.
const NARROW: usize = 16;

/// `out[i]` = (t₀\[i\] ± t₁\[i\] ± …) · f₀\[i\] · f₁\[i\] · …, in this order, each product and each sum rounded: the bits of
/// single additions and multiplications. A slice of one number stands for that number at every entry.
///
/// ```
/// use kernels::vector::{Term, chain};
/// let (a, b) = ([1.0, 2.0], [3.0, 4.0]);
/// let terms = [Term { negative: false, a: &a, b: Some(&b) }, Term { negative: true, a: &b, b: None }];
/// let mut out = [0.0; 2];
/// chain(&terms, &[], &mut out);
/// assert_eq!(out, [0.0, 4.0]);
/// chain(&terms, &[&b], &mut out);
/// assert_eq!(out, [0.0, 16.0]);
/// chain(&terms[..1], &[&[2.0]], &mut out);
/// assert_eq!(out, [6.0, 16.0]);
/// ```
///
/// # Panics
/// If there is no term, or a term or factor of more than one number is shorter than `out`.
pub fn chain<T: Scalar>(terms: &[Term<'_, T>], factors: &[&[T]], out: &mut [T]) {
    assert!(!terms.is_empty(), "a sum of no terms has no length");
    dispatch(Chain { terms, factors, out });
}

struct Chain<'a, T> {
    terms: &'a [Term<'a, T>],
    factors: &'a [&'a [T]],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Chain<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        // Where there is no single number, none is asked for again and again.
        let one = |x: &[T]| x.len() == 1;
        let numbers = self.terms.iter().any(|term| one(term.a) || term.b.is_some_and(one));
        if numbers || self.factors.iter().any(|factor| one(factor)) {
            self.blocks::<true>();
        } else {
            self.blocks::<false>();
        }
    }
}

impl<T: Scalar> Chain<'_, T> {
    #[inline(always)]
    fn blocks<const NUMBERS: bool>(self) {
        let n = self.out.len();
        let mut start = 0;
        while start + WIDE <= n {
            block::<T, WIDE, NUMBERS>(self.terms, self.factors, start, self.out);
            start += WIDE;
        }
        while start + NARROW <= n {
            block::<T, NARROW, NUMBERS>(self.terms, self.factors, start, self.out);
            start += NARROW;
        }
        if start < n && n >= NARROW {
            // The last ones once more, with some before them.
            block::<T, NARROW, NUMBERS>(self.terms, self.factors, n - NARROW, self.out);
        } else {
            (start..n).for_each(|i| block::<T, 1, NUMBERS>(self.terms, self.factors, i, self.out));
        }
    }
}

/// Entries `start..start + N`, with or without `NUMBERS` that stand for all entries.
#[inline(always)]
fn block<T: Scalar, const N: usize, const NUMBERS: bool>(
    terms: &[Term<'_, T>],
    factors: &[&[T]],
    start: usize,
    out: &mut [T],
) {
    let part = |x: &[T]| -> [T; N] { *x[start..].first_chunk().expect("a term has the entries of the result") };
    let load = |x: &[T]| match *x {
        [one] if NUMBERS => [one; N],
        _ => part(x),
    };
    // One number is no vector first: it would take registers that the entries need.
    macro_rules! multiply {
        ($x:ident, $y:expr) => {
            match *$y {
                [one] if NUMBERS => (0..N).for_each(|k| $x[k] *= one),
                _ => {
                    let y = part($y);
                    (0..N).for_each(|k| $x[k] *= y[k]);
                }
            }
        };
    }
    let [first, rest @ ..] = terms else { return };
    let mut sum = load(first.a);
    if let Some(b) = first.b {
        multiply!(sum, b);
    }
    for term in rest {
        let mut a = load(term.a);
        if let Some(b) = term.b {
            multiply!(a, b);
        }
        if term.negative {
            (0..N).for_each(|k| sum[k] -= a[k]);
        } else {
            (0..N).for_each(|k| sum[k] += a[k]);
        }
    }
    for factor in factors {
        multiply!(sum, *factor);
    }
    out[start..start + N].copy_from_slice(&sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::thinned;

    fn naive(terms: &[Term<'_, f64>], factors: &[&[f64]], i: usize) -> f64 {
        let at = |x: &[f64]| if x.len() == 1 { x[0] } else { x[i] };
        let value = |t: &Term<'_, f64>| t.b.map_or(at(t.a), |b| at(t.a) * at(b));
        let rest = terms[1..].iter();
        let sum = rest.fold(value(&terms[0]), |sum, t| if t.negative { sum - value(t) } else { sum + value(t) });
        factors.iter().fold(sum, |product, factor| product * at(factor))
    }

    #[test]
    fn every_length_has_the_bits_of_single_operations() {
        let numbers: Vec<f64> = (0..1000).map(|i| f64::from(i * i).sin()).collect();
        for n in thinned(0..200, 13) {
            for count in 1..6 {
                // Every fifth is one number for all entries.
                let from = |start: usize| if start % 5 == 3 { &numbers[start..=start] } else { &numbers[start..] };
                let terms: Vec<Term<'_, f64>> = (0..count)
                    .map(|k| Term { negative: k % 3 == 1, a: from(13 * k), b: (k % 2 == 0).then(|| from(301 + 7 * k)) })
                    .collect();
                let factors: Vec<&[f64]> = (0..count / 2).map(|k| from(502 + 11 * k)).collect();
                let mut out = vec![f64::NAN; n];
                chain(&terms, &factors, &mut out);
                for (i, found) in out.iter().enumerate() {
                    assert_eq!(
                        found.to_bits(),
                        naive(&terms, &factors, i).to_bits(),
                        "entry {i} of {n}, {count} terms"
                    );
                }
            }
        }
    }
}
