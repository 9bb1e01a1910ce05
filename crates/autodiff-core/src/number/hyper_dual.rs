//! [`HyperDual`]: exact second derivatives in two directions.

use super::Dual;
use super::chain::Jet;
use crate::real::{Elementary, Row};

/// The number a + b·ε₁ + c·ε₂ + d·ε₁ε₂ with ε₁² = ε₂² = 0: a value, two directional derivatives, and the mixed
/// second derivative, without truncation or cancellation error.
///
/// f(x + u·ε₁ + v·ε₂) has `value` f(x), `first` ∇f·u, `second` ∇f·v and `cross` uᵀ∇²f v. Costs about four times the
/// plain function. It is [`Dual<Dual<T>>`](Dual) under better names, and computes as that.
///
/// Equality and order compare values only.
///
/// ```
/// use autodiff_core::Elementary;
/// use autodiff_core::number::HyperDual;
///
/// // ∂²/∂x∂y of x²·y³ at (2, 1) is 6·x·y² = 12.
/// let x = HyperDual::first_variable(2.0);
/// let y = HyperDual::second_variable(1.0);
/// let f = x.powi(2) * y.powi(3);
/// assert_eq!((f.value, f.first, f.second, f.cross), (4.0, 4.0, 12.0, 12.0));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperDual<T = f64> {
    /// The value a.
    pub value: T,
    /// The derivative b along ε₁.
    pub first: T,
    /// The derivative c along ε₂.
    pub second: T,
    /// The mixed second derivative d.
    pub cross: T,
}

impl<T> HyperDual<T> {
    /// `value + first·ε₁ + second·ε₂ + cross·ε₁ε₂`; for an input of f, `cross` is 0.
    #[inline]
    pub const fn new(value: T, first: T, second: T, cross: T) -> Self {
        HyperDual { value, first, second, cross }
    }

    #[inline]
    fn nested(self) -> Dual<Dual<T>> {
        Dual::new(Dual::new(self.value, self.first), Dual::new(self.second, self.cross))
    }

    #[inline]
    fn from_nested(x: Dual<Dual<T>>) -> Self {
        HyperDual::new(x.value.value, x.value.tangent, x.tangent.value, x.tangent.tangent)
    }
}

impl<T: Elementary> HyperDual<T> {
    /// The only variable of a function: it varies along both directions, so `cross` is the second derivative.
    #[inline]
    pub fn variable(value: T) -> Self {
        Self::along(value, T::from_f64(1.0), T::from_f64(1.0))
    }

    /// A variable that varies along ε₁ alone.
    #[inline]
    pub fn first_variable(value: T) -> Self {
        Self::along(value, T::from_f64(1.0), T::from_f64(0.0))
    }

    /// A variable that varies along ε₂ alone.
    #[inline]
    pub fn second_variable(value: T) -> Self {
        Self::along(value, T::from_f64(0.0), T::from_f64(1.0))
    }

    /// An input of f with its entries `u` and `v` of the two directions.
    #[inline]
    pub fn along(value: T, u: T, v: T) -> Self {
        HyperDual::new(value, u, v, T::from_f64(0.0))
    }

    /// A number that does not vary.
    #[inline]
    pub fn constant(value: T) -> Self {
        Self::along(value, T::from_f64(0.0), T::from_f64(0.0))
    }

    #[inline]
    pub(super) fn plus(self, other: &Self) -> Self {
        Self::from_nested(self.nested().plus(&other.clone().nested()))
    }

    #[inline]
    pub(super) fn minus(self, other: &Self) -> Self {
        Self::from_nested(self.nested().minus(&other.clone().nested()))
    }

    #[inline]
    pub(super) fn times(self, other: &Self) -> Self {
        Self::from_nested(self.nested().times(&other.clone().nested()))
    }

    #[inline]
    pub(super) fn over(self, other: &Self) -> Self {
        Self::from_nested(self.nested().over(&other.clone().nested()))
    }
}

impl<T: Elementary> Jet for HyperDual<T> {
    type Base = T;

    #[inline]
    fn lift(value: T) -> Self {
        HyperDual::constant(value)
    }

    #[inline]
    fn base(&self) -> &T {
        &self.value
    }

    #[inline]
    fn with_base(self, value: T) -> Self {
        HyperDual { value, ..self }
    }

    #[inline]
    fn every(&self, holds: impl Fn(&T) -> bool) -> bool {
        holds(&self.value) && holds(&self.first) && holds(&self.second) && holds(&self.cross)
    }

    #[inline]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        HyperDual::new(f(self.value), f(self.first), f(self.second), f(self.cross))
    }

    #[inline]
    fn choose(mask: &T, a: Self, b: Self) -> Self {
        HyperDual::new(
            mask.clone().select(a.value, b.value),
            mask.clone().select(a.first, b.first),
            mask.clone().select(a.second, b.second),
            mask.clone().select(a.cross, b.cross),
        )
    }

    #[inline]
    fn unary(row: Row, x: Self) -> Self {
        Self::from_nested(Jet::unary(row, x.nested()))
    }

    #[inline]
    fn binary(row: Row, a: Self, b: Self) -> Self {
        Self::from_nested(Jet::binary(row, a.nested(), b.nested()))
    }

    #[inline]
    fn squared(x: Self) -> Self {
        Self::from_nested(Jet::squared(x.nested()))
    }
}

impl<T: Elementary> Elementary for HyperDual<T> {
    elementary_by_rows!();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of two variables with a full Hessian.
    fn f<R: Elementary>([x, y]: [R; 2]) -> R {
        (x.clone() * y.clone()).sin() + x.exp() / y.square().offset(1.0)
    }

    #[test]
    fn cross_is_symmetric_and_bilinear_in_the_directions() {
        let form =
            |u: [f64; 2], v: [f64; 2]| f([HyperDual::along(0.7, u[0], v[0]), HyperDual::along(-0.4, u[1], v[1])]).cross;
        let (u, v, w) = ([1.0, 2.0], [-0.5, 3.0], [0.25, 0.5]);
        // Exact derivatives, so only rounding of a few dozen operations on numbers below 10.
        let tolerance = 100.0 * f64::EPSILON;
        assert!((form(u, v) - form(v, u)).abs() < tolerance);
        let sum = [v[0] + w[0], v[1] + w[1]];
        assert!((form(u, sum) - form(u, v) - form(u, w)).abs() < tolerance);
    }

    #[test]
    fn one_variable_gives_its_second_derivative() {
        let x = HyperDual::variable(0.3);
        // (x⁴)″ = 12x²: three roundings in powi, one in the constant.
        assert!((x.powi(4).cross - 12.0 * 0.3 * 0.3).abs() < 8.0 * f64::EPSILON);
        assert_eq!(x.first, x.second);
        assert_eq!(HyperDual::constant(0.3).exp().cross, 0.0);
    }
}
