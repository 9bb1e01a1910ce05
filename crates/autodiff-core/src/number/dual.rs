//! [`Dual`]: a value with one directional derivative.

use super::chain::Jet;
use crate::real::{Class, Elementary, Row, Slope};

/// The number a + ȧε with ε² = 0: a value, and its derivative in one direction.
///
/// For a differentiable f, f(x + ẋε) = f(x) + f′(x)·ẋ ε. Seed the inputs with the direction, read the directional
/// derivative from the output; it costs about twice the plain function.
///
/// Equality and order compare values only.
///
/// ```
/// use autodiff_core::Elementary;
/// use autodiff_core::number::Dual;
///
/// let x = Dual::variable(3.0);
/// let y = x * x + 2.0 * x;
/// assert_eq!((y.value, y.tangent), (15.0, 8.0));
/// assert_eq!(y.to_string(), "15 + 8·ε");
///
/// // Nested, it gives higher derivatives: (x·eˣ)″ at 0 is 2.
/// let x = Dual::new(Dual::variable(0.0), Dual::constant(1.0));
/// assert_eq!((x * x.exp()).tangent.tangent, 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<T = f64> {
    /// The value a.
    pub value: T,
    /// The derivative ȧ.
    pub tangent: T,
}

impl<T> Dual<T> {
    /// `value + tangent·ε`.
    #[inline]
    pub const fn new(value: T, tangent: T) -> Self {
        Dual { value, tangent }
    }
}

impl<T: Elementary> Dual<T> {
    /// The variable to differentiate in: tangent 1.
    #[inline]
    pub fn variable(value: T) -> Self {
        Dual::new(value, T::from_f64(1.0))
    }

    /// A number that does not vary: tangent 0.
    #[inline]
    pub fn constant(value: T) -> Self {
        Dual::new(value, T::from_f64(0.0))
    }

    /// ẏ of a row from the slope in one input and that input's tangent: d·ẋ or ẋ/q, a zero ẋ being strong.
    #[inline]
    fn push(slope: Slope<T>, tangent: T) -> T {
        match slope {
            Slope::Partial(d) => tangent.strong_mul(d),
            Slope::Inverse(q) => tangent.strong_div(q),
        }
    }
}

impl<T: Elementary> Jet for Dual<T> {
    type Base = T;

    #[inline]
    fn lift(value: T) -> Self {
        Dual::constant(value)
    }

    #[inline]
    fn base(&self) -> &T {
        &self.value
    }

    #[inline]
    fn with_base(self, value: T) -> Self {
        Dual { value, ..self }
    }

    #[inline]
    fn every(&self, holds: impl Fn(&T) -> bool) -> bool {
        holds(&self.value) && holds(&self.tangent)
    }

    #[inline]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Dual::new(f(self.value), f(self.tangent))
    }

    #[inline]
    fn choose(mask: &T, a: Self, b: Self) -> Self {
        Dual::new(mask.clone().select(a.value, b.value), mask.clone().select(a.tangent, b.tangent))
    }

    #[inline]
    fn unary(row: Row, x: Self) -> Self {
        debug_assert_eq!(row.class(), Class::Smooth);
        let input = [x.value];
        let y = row.apply(&input);
        let tangent = Self::push(row.slope(0, &input, &y), x.tangent);
        Dual::new(y, tangent)
    }

    #[inline]
    fn binary(row: Row, a: Self, b: Self) -> Self {
        let inputs = [a.value, b.value];
        let y = row.apply(&inputs);
        // The slope in an input that does not vary is not even evaluated: a constant exponent is common.
        let along = |i: usize, tangent: T| match tangent.is_exact_zero() {
            true => None,
            false => Some(Self::push(row.slope(i, &inputs, &y), tangent)),
        };
        let tangent = match (along(0, a.tangent), along(1, b.tangent)) {
            (Some(s), Some(t)) => s + t,
            (Some(s), None) | (None, Some(s)) => s,
            (None, None) => T::from_f64(0.0),
        };
        Dual::new(y, tangent)
    }

    #[inline]
    fn squared(x: Self) -> Self {
        let tangent = (x.value.clone() * x.tangent).scale(2.0);
        Dual::new(x.value.square(), tangent)
    }
}

impl<T: Elementary> Elementary for Dual<T> {
    elementary_by_rows!();
}

impl<T: Elementary> Dual<T> {
    #[inline]
    pub(super) fn plus(self, other: &Self) -> Self {
        Dual::new(self.value + other.value.clone(), self.tangent + other.tangent.clone())
    }

    #[inline]
    pub(super) fn minus(self, other: &Self) -> Self {
        Dual::new(self.value - other.value.clone(), self.tangent - other.tangent.clone())
    }

    #[inline]
    pub(super) fn times(self, other: &Self) -> Self {
        // y = a b  ⇒  ẏ = ȧ b + a ḃ
        let tangent = self.tangent * other.value.clone() + self.value.clone() * other.tangent.clone();
        Dual::new(self.value * other.value.clone(), tangent)
    }

    #[inline]
    pub(super) fn over(self, other: &Self) -> Self {
        // b y = a  ⇒  b ẏ = ȧ − y ḃ
        let y = self.value / other.value.clone();
        let tangent = (self.tangent - y.clone() * other.tangent.clone()) / other.value.clone();
        Dual::new(y, tangent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tangent(f: impl Fn(Dual) -> Dual, x: f64) -> f64 {
        f(Dual::variable(x)).tangent
    }

    #[test]
    fn absolute_value_has_slope_zero_at_zero() {
        assert_eq!(tangent(Dual::abs, 0.0), 0.0);
        assert_eq!(tangent(Dual::abs, -2.0), -1.0);
    }

    #[test]
    fn relu_has_slope_zero_at_zero() {
        assert_eq!(tangent(Dual::relu, 0.0), 0.0);
        assert_eq!(tangent(Dual::relu, 1e-300), 1.0);
    }

    #[test]
    fn tied_maximum_has_the_mean_slope() {
        assert_eq!(tangent(|x| x.max(Dual::constant(1.0)), 1.0), 0.5);
        assert_eq!(tangent(|x| x.min(x.scale(3.0)), 0.0), 2.0);
    }

    #[test]
    fn hypot_has_slopes_zero_at_the_origin() {
        let h = Dual::new(0.0, 1.0).hypot(Dual::new(0.0, 1.0));
        assert_eq!((h.value, h.tangent), (0.0, 0.0));
    }

    #[test]
    fn power_at_zero_takes_the_power_below() {
        let powers = [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (2.5, 0.0), (0.5, f64::INFINITY)];
        for (p, slope) in powers {
            assert_eq!(tangent(|x| x.pow(Dual::constant(p)), 0.0), slope, "exponent {p}");
        }
        // Second derivatives, nested: of x², x and 1.
        for (p, second) in [(2.0, 2.0), (1.0, 0.0), (0.0, 0.0)] {
            let x = Dual::new(Dual::variable(0.0), Dual::constant(1.0));
            assert_eq!(x.pow(Elementary::from_f64(p)).tangent.tangent, second, "exponent {p}");
        }
        // In the exponent: 0ᵖ does not vary.
        assert_eq!(Dual::constant(0.0).pow(Dual::variable(2.0)).tangent, 0.0);
    }

    #[test]
    fn power_of_a_negative_number_needs_no_logarithm() {
        let y = Dual::variable(-2.0).pow(Dual::constant(3.0));
        assert_eq!((y.value, y.tangent), (-8.0, 12.0));
    }

    #[test]
    fn square_root_of_a_constant_zero_is_constant() {
        assert_eq!(Dual::constant(0.0).sqrt().tangent, 0.0);
        assert_eq!(Dual::variable(0.0).sqrt().tangent, f64::INFINITY);
    }

    #[test]
    fn select_discards_the_other_branch() {
        // x > 0 ? ln x : 0, at −1 where ln is NaN.
        let x = Dual::variable(-1.0);
        let y = Dual::from_f64(0.0).less(x).select(x.ln(), Dual::constant(0.0));
        assert_eq!((y.value, y.tangent), (0.0, 0.0));
    }

    #[test]
    fn steps_do_not_vary() {
        for step in [Dual::floor, Dual::ceil, Dual::round, Dual::trunc, Dual::sign] {
            assert_eq!(tangent(step, 1.5), 0.0);
        }
    }

    #[test]
    fn perturbations_are_not_confused() {
        // d/dx [x · d/dy (x + y)] = 1: the inner derivative is 1, not 2.
        let outer = |x: Dual| {
            let inner = Dual::new(x, Dual::constant(0.0)) + Dual::variable(Dual::constant(1.0));
            x * inner.tangent
        };
        assert_eq!(tangent(outer, 1.0), 1.0);
    }
}
