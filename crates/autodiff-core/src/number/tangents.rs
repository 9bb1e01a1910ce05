//! [`Tangents`]: a value with derivatives in several directions side by side.

use super::chain::Jet;
use crate::real::{Elementary, Row, Slope};

/// The number a + Σ ȧᵢεᵢ with εᵢεⱼ = 0: a value, and its derivatives in N directions.
///
/// As N [`Dual`](super::Dual)s, but value and slope of every function are computed once, and the tangents stand side by side
/// in the lanes of a vector register.
///
/// Equality and order compare values only.
///
/// ```
/// use autodiff_core::Elementary;
/// use autodiff_core::number::Tangents;
///
/// let (x, y) = (Tangents::new(3.0, [1.0, 0.0]), Tangents::new(0.5, [0.0, 1.0]));
/// let z = x * y.exp();
/// assert_eq!(z.tangents, [0.5_f64.exp(), 3.0 * 0.5_f64.exp()]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tangents<T = f64, const N: usize = 4> {
    /// The value a.
    pub value: T,
    /// The derivatives ȧᵢ.
    pub tangents: [T; N],
}

impl<T, const N: usize> Tangents<T, N> {
    /// `value + Σ tangents[i]·εᵢ`.
    #[inline]
    pub const fn new(value: T, tangents: [T; N]) -> Self {
        Tangents { value, tangents }
    }
}

impl<T: Elementary, const N: usize> Tangents<T, N> {
    /// A number that does not vary: tangents 0.
    #[inline]
    pub fn constant(value: T) -> Self {
        Tangents::new(value, std::array::from_fn(|_| T::from_f64(0.0)))
    }

    /// Tangents of both in turn, combined.
    #[inline]
    fn zip(a: &[T; N], b: &[T; N], f: impl Fn(T, T) -> T) -> [T; N] {
        std::array::from_fn(|i| f(a[i].clone(), b[i].clone()))
    }

    /// ẏ of a row from the slope in one input and that input's tangents: d·ẋ or ẋ/q, a zero ẋ being strong.
    #[inline]
    fn push(slope: &Slope<T>, tangents: [T; N]) -> [T; N] {
        match slope {
            Slope::Partial(d) => tangents.map(|t| t.strong_mul(d.clone())),
            Slope::Inverse(q) => tangents.map(|t| t.strong_div(q.clone())),
        }
    }
}

impl<T: Elementary, const N: usize> Jet for Tangents<T, N> {
    type Base = T;

    #[inline]
    fn lift(value: T) -> Self {
        Tangents::constant(value)
    }

    #[inline]
    fn base(&self) -> &T {
        &self.value
    }

    #[inline]
    fn with_base(self, value: T) -> Self {
        Tangents { value, ..self }
    }

    #[inline]
    fn every(&self, holds: impl Fn(&T) -> bool) -> bool {
        holds(&self.value) && self.tangents.iter().all(holds)
    }

    #[inline]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Tangents::new(f(self.value), self.tangents.map(f))
    }

    #[inline]
    fn choose(mask: &T, a: Self, b: Self) -> Self {
        let tangents = Self::zip(&a.tangents, &b.tangents, |a, b| mask.clone().select(a, b));
        Tangents::new(mask.clone().select(a.value, b.value), tangents)
    }

    #[inline]
    fn unary(row: Row, x: Self) -> Self {
        let input = [x.value];
        let y = row.apply(&input);
        let tangents = Self::push(&row.slope(0, &input, &y), x.tangents);
        Tangents::new(y, tangents)
    }

    #[inline]
    fn binary(row: Row, a: Self, b: Self) -> Self {
        let inputs = [a.value, b.value];
        let y = row.apply(&inputs);
        // The slope in an input that does not vary is not even evaluated: a constant exponent is common.
        let along = |i: usize, tangents: [T; N]| match tangents.iter().all(T::is_exact_zero) {
            true => None,
            false => Some(Self::push(&row.slope(i, &inputs, &y), tangents)),
        };
        let tangents = match (along(0, a.tangents), along(1, b.tangents)) {
            (Some(s), Some(t)) => Self::zip(&s, &t, |s, t| s + t),
            (Some(s), None) | (None, Some(s)) => s,
            (None, None) => return Tangents::constant(y),
        };
        Tangents::new(y, tangents)
    }

    #[inline]
    fn squared(x: Self) -> Self {
        let tangents = x.tangents.map(|t| (x.value.clone() * t).scale(2.0));
        Tangents::new(x.value.square(), tangents)
    }
}

impl<T: Elementary, const N: usize> Elementary for Tangents<T, N> {
    elementary_by_rows!();
}

impl<T: Elementary, const N: usize> Tangents<T, N> {
    #[inline]
    pub(super) fn plus(self, other: &Self) -> Self {
        let tangents = Self::zip(&self.tangents, &other.tangents, |a, b| a + b);
        Tangents::new(self.value + other.value.clone(), tangents)
    }

    #[inline]
    pub(super) fn minus(self, other: &Self) -> Self {
        let tangents = Self::zip(&self.tangents, &other.tangents, |a, b| a - b);
        Tangents::new(self.value - other.value.clone(), tangents)
    }

    #[inline]
    pub(super) fn times(self, other: &Self) -> Self {
        // y = a b  ⇒  ẏ = ȧ b + a ḃ
        let (a, b) = (self.value, other.value.clone());
        let tangents = Self::zip(&self.tangents, &other.tangents, |s, t| s * b.clone() + a.clone() * t);
        Tangents::new(a * b, tangents)
    }

    #[inline]
    pub(super) fn over(self, other: &Self) -> Self {
        // b y = a  ⇒  b ẏ = ȧ − y ḃ
        let b = other.value.clone();
        let y = self.value / b.clone();
        let tangents = Self::zip(&self.tangents, &other.tangents, |s, t| (s - y.clone() * t) / b.clone());
        Tangents::new(y, tangents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Dual;

    #[test]
    fn every_direction_is_that_of_a_dual_number() {
        for &row in Row::ALL.iter().filter(|row| row.arity() < 3) {
            let points: Vec<f64> = row.samples().iter().map(|[low, high]| low + 0.3 * (high - low)).collect();
            let along = |i: usize, k: usize| [0.5 - i as f64, 0.3, 0.0][k];
            let number = |(i, &x): (usize, &f64)| Tangents::<f64, 3>::new(x, std::array::from_fn(|k| along(i, k)));
            let inputs: Vec<_> = points.iter().enumerate().map(number).collect();
            let y = row.apply(&inputs);
            for k in 0..3 {
                let dual = |(i, &x): (usize, &f64)| Dual::new(x, along(i, k));
                let expected = row.apply(&points.iter().enumerate().map(dual).collect::<Vec<_>>());
                assert_eq!((y.value, y.tangents[k]), (expected.value, expected.tangent), "{row:?}, direction {k}");
            }
        }
    }
}
