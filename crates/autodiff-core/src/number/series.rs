//! [`Series`]: truncated power series whose order is chosen at run time.

use super::chain::Jet;
use super::expansion::{self, parts};
use super::propagate::{Coefficients, Input, propagate};
use crate::real::{Elementary, Row, times_factorial};

/// The polynomial c₀ + c₁t + … + c_n tⁿ modulo tⁿ⁺¹, of any order n; or an exact constant.
///
/// Coefficients are divided by k!, as in [`Taylor`](super::Taylor). A product costs O(n²), an elementary
/// function too, but O(n³) `ln_gamma`, `digamma`, and `pow` with an exponent that varies.
///
/// **Orders.** Two series combine to the smaller of their orders: nothing is known beyond. A [constant](Series::constant), whose
/// higher coefficients are all exactly 0, takes any order: so numbers mix with series of any order. Of order 0 are constants, and
/// what is left of a series of order 1 by its [`derivative`](Series::derivative): a value of which nothing more is known.
///
/// Equality and order compare values, c₀, only.
///
/// ```
/// use autodiff_core::Elementary;
/// use autodiff_core::number::Series;
///
/// let t = Series::variable(0.0, 5);
/// assert_eq!(t.clone().sin().to_string(), "0 + 1·t − 0.16666666666666666·t³ + 0.008333333333333333·t⁵ + O(t⁶)");
///
/// // tan is the inverse function of atan: revert one series, get the other.
/// let tan = t.clone().atan().reversion();
/// assert!((tan.coefficients()[5] - 2.0 / 15.0).abs() < 1e-15);
/// ```
#[derive(Clone, Debug)]
pub struct Series<T = f64> {
    /// At least the value.
    coefficients: Vec<T>,
    /// Whether all coefficients beyond the value are exactly 0; then there is no more than the value here.
    constant: bool,
}

impl<T> Series<T> {
    /// Known to the order of the coefficients.
    fn known(coefficients: Vec<T>) -> Self {
        Series { coefficients, constant: false }
    }

    /// Whether all coefficients beyond the value are exactly 0.
    pub fn is_constant(&self) -> bool {
        self.constant
    }

    /// The order n; 0 of a constant.
    pub fn order(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// Coefficients c₀ to c_n, divided by k!.
    pub fn coefficients(&self) -> &[T] {
        &self.coefficients
    }

    /// The value c₀.
    pub fn value(&self) -> &T {
        &self.coefficients[0]
    }

    /// The number c that no coefficient beyond follows.
    pub fn constant(value: T) -> Self {
        Series { coefficients: vec![value], constant: true }
    }

    /// The order at which two series combine.
    fn common_order(&self, other: &Self) -> usize {
        match (self.constant, other.constant) {
            (true, _) => other.order(),
            (_, true) => self.order(),
            _ => self.order().min(other.order()),
        }
    }

    /// The series of these coefficients, which was made of two.
    fn of_both(&self, other: &Self, coefficients: Vec<T>) -> Self {
        Series { coefficients, constant: self.constant && other.constant }
    }
}

impl<T: Elementary> Series<T> {
    /// `value + t` modulo tᵒʳᵈᵉʳ⁺¹.
    ///
    /// # Panics
    /// If `order` is 0: that would be a constant.
    pub fn variable(value: T, order: usize) -> Self {
        assert!(order > 0, "Series::variable: order 0 stands for constants (use Series::constant, or order 1)");
        let mut coefficients = vec![T::from_f64(0.0); order + 1];
        coefficients[0] = value;
        coefficients[1] = T::from_f64(1.0);
        Series::known(coefficients)
    }

    /// The k-th derivative in t at 0, k! · c_k; 0 of a constant, and where c_k is 0, also for k beyond 170, where k! is not finite.
    ///
    /// # Panics
    /// If `k` exceeds the order of a series that is not a constant.
    pub fn derivative_at_zero(&self, k: usize) -> T {
        times_factorial(self.at(k), k)
    }

    /// The polynomial at t = h, by Horner's rule.
    pub fn eval(&self, h: T) -> T {
        let (last, lower) = self.coefficients.split_last().expect("a series has a value");
        lower.iter().rev().fold(last.clone(), |sum, c| sum * h.clone() + c.clone())
    }

    /// The same series to a lower order; an order that is not lower changes nothing.
    ///
    /// # Panics
    /// If `order` is 0: that would be a constant. Take the [`value`](Series::value).
    pub fn truncated(mut self, order: usize) -> Self {
        assert!(order > 0, "Series::truncated: order 0 stands for constants (take the value)");
        self.coefficients.truncate(order + 1);
        self
    }

    /// Derivative in t, of one order less; of a constant, 0.
    ///
    /// Of a series of order 1 only the value of the derivative is known, which then is no constant: what it is combined with is
    /// known to order 0 too.
    ///
    /// # Panics
    /// Of such a value, of whose derivative nothing is known.
    pub fn derivative(&self) -> Self {
        if self.constant {
            return Series::constant(T::from_f64(0.0));
        }
        assert!(self.order() > 0, "Series::derivative: known to order 0, of whose derivative nothing is known");
        Series::known(expansion::derivative(&self.coefficients).collect())
    }

    /// The antiderivative in t whose value is `c`, of one order more.
    pub fn integral(&self, c: T) -> Self {
        Series::known(expansion::integral(&self.coefficients, c).collect())
    }

    /// f(g(t)) for `self` = Σ f_k (x − g₀)ᵏ, a series around the value g₀ of `inner` = g(t).
    ///
    /// The value of `inner` is thus where `self` was expanded, and only its higher coefficients enter. Costs O(n³), by
    /// Horner's rule.
    ///
    /// ```
    /// use autodiff_core::Elementary;
    /// use autodiff_core::number::Series;
    ///
    /// let g = Series::variable(2.0, 4).square(); // 4 + 4t + t²
    /// let outer = Series::variable(4.0, 4).ln(); // ln around 4
    /// let direct = g.clone().ln();
    /// for (a, b) in outer.compose(&g).coefficients().iter().zip(direct.coefficients()) {
    ///     assert!((a - b).abs() < 1e-15);
    /// }
    /// ```
    pub fn compose(&self, inner: &Self) -> Self {
        // A constant `inner` leaves f at its value.
        if self.constant || inner.constant {
            return Series::constant(self.value().clone());
        }
        let order = self.common_order(inner);
        Series::known(expansion::compose(&self.coefficients, &inner.coefficients, order).into_vec())
    }

    /// The inverse function's series: t as a series in s, where s = y(t) − y₀ and y is `self`.
    ///
    /// Its value is 0, and `y.reversion().reversion()` is y − y₀. Costs O(n³), by Lagrange's formula
    /// t_k = (1/k) [tᵏ⁻¹] (t/(y − y₀))ᵏ. Where y₁ = 0 there is no such series; coefficients are then not finite.
    ///
    /// # Panics
    /// If `self` is a constant, or known to order 0 only.
    pub fn reversion(&self) -> Self {
        assert!(self.order() > 0, "Series::reversion: a constant has no inverse function");
        Series::known(expansion::reversion(&self.coefficients).into_vec())
    }

    /// Coefficient `k`; of a constant, 0 beyond its value.
    fn at(&self, k: usize) -> T {
        if self.constant && k > 0 { T::from_f64(0.0) } else { self.coefficients[k].clone() }
    }

    fn scale_by(self, factor: &T) -> Self {
        self.map(|c| c * factor.clone())
    }

    pub(super) fn plus(self, other: &Self) -> Self {
        let order = self.common_order(other);
        self.of_both(other, (0..=order).map(|k| self.at(k) + other.at(k)).collect())
    }

    pub(super) fn minus(self, other: &Self) -> Self {
        let order = self.common_order(other);
        self.of_both(other, (0..=order).map(|k| self.at(k) - other.at(k)).collect())
    }

    pub(super) fn times(self, other: &Self) -> Self {
        match (self.constant, other.constant) {
            (true, _) => other.clone().map(|c| self.value().clone() * c),
            (_, true) => self.scale_by(other.value()),
            _ => {
                let (a, b) = (parts(&self.coefficients), parts(&other.coefficients));
                let value = self.value().clone() * other.value().clone();
                let higher = (1..=self.common_order(other)).map(|k| expansion::product(a, b, k));
                Series::known(std::iter::once(value).chain(higher).collect())
            }
        }
    }

    pub(super) fn over(self, other: &Self) -> Self {
        if other.constant {
            return self.map(|c| c / other.value().clone());
        }
        let order = self.common_order(other);
        let mut y: Vec<T> = Vec::with_capacity(order + 1);
        y.push(self.at(0) / other.at(0));
        for k in 1..=order {
            y.push(expansion::quotient(self.at(k), parts(&y), parts(&other.coefficients), k));
        }
        Series::known(y)
    }

    fn input(self) -> Option<Input<T>> {
        Some(match self.constant {
            true => Input::Constant(self.coefficients.into_iter().next().expect("a series has a value")),
            false => Input::Series(Coefficients::from_vec(self.coefficients)),
        })
    }
}

/// Coefficients from order 0 up; a single one is a constant.
///
/// # Panics
/// If there are none.
impl<T> From<Vec<T>> for Series<T> {
    fn from(coefficients: Vec<T>) -> Self {
        assert!(!coefficients.is_empty(), "Series: no coefficients (a series has at least a value)");
        Series { constant: coefficients.len() == 1, coefficients }
    }
}

impl<T: Elementary> Jet for Series<T> {
    type Base = T;

    fn lift(value: T) -> Self {
        Series::constant(value)
    }

    fn base(&self) -> &T {
        self.value()
    }

    fn with_base(mut self, value: T) -> Self {
        self.coefficients[0] = value;
        self
    }

    fn is_still(&self) -> bool {
        self.constant
    }

    fn every(&self, holds: impl Fn(&T) -> bool) -> bool {
        self.coefficients.iter().all(holds)
    }

    fn map(self, f: impl Fn(T) -> T) -> Self {
        Series { coefficients: self.coefficients.into_iter().map(f).collect(), ..self }
    }

    fn choose(mask: &T, if_true: Self, if_false: Self) -> Self {
        let order = if_true.common_order(&if_false);
        let select = |k| mask.clone().select(if_true.at(k), if_false.at(k));
        if_true.of_both(&if_false, (0..=order).map(select).collect())
    }

    fn unary(row: Row, x: Self) -> Self {
        let (order, constant) = (x.order(), x.constant);
        Series { coefficients: propagate(row, [x.input(), None], order).into_vec(), constant }
    }

    fn binary(row: Row, a: Self, b: Self) -> Self {
        let (order, constant) = (a.common_order(&b), a.constant && b.constant);
        Series { coefficients: propagate(row, [a.input(), b.input()], order).into_vec(), constant }
    }

    fn squared(x: Self) -> Self {
        let value = x.value().clone().square();
        let higher = (1..=x.order()).map(|k| expansion::square(parts(&x.coefficients), k));
        Series { coefficients: std::iter::once(value).chain(higher).collect(), constant: x.constant }
    }
}

impl<T: Elementary> Elementary for Series<T> {
    elementary_by_rows!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Taylor;

    #[track_caller]
    fn assert_close(a: &Series, b: &[f64], tolerance: f64) {
        assert_eq!(a.coefficients().len(), b.len());
        for (k, (a, b)) in a.coefficients().iter().zip(b).enumerate() {
            assert!((a - b).abs() <= tolerance, "coefficient {k}: {a:e} against {b:e}");
        }
    }

    /// 0.4 + t − t²/2 + t³/4 − …, a series with all its coefficients.
    fn generic(order: usize) -> Series {
        let rest = (0..order).map(|k| (-0.5_f64).powi(k as i32));
        Series::from(std::iter::once(0.4).chain(rest).collect::<Vec<_>>())
    }

    #[test]
    fn identities_of_elementary_functions_hold_as_series() {
        let n = 20;
        let (x, zero) = (generic(n), vec![0.0; n + 1]);
        // Square roots, powers and reciprocals are expanded away from their singularity.
        let far = x.clone().offset(4.0);
        // Rounding of sums of up to n products of coefficients that stay below 10.
        let tolerance = 20.0 * 10.0 * f64::EPSILON;
        let (x, far) = (|| x.clone(), || far.clone());
        assert_close(&(x().exp().ln() - x()), &zero, tolerance);
        assert_close(&(x().sin().square() + x().cos().square() - 1.0), &zero, tolerance);
        assert_close(&(x().cosh().square() - x().sinh().square() - 1.0), &zero, tolerance);
        assert_close(&(x().sin() / x().cos() - x().tan()), &zero, tolerance);
        assert_close(&(x().tan().atan() - x()), &zero, tolerance);
        assert_close(&(x().erf() + x().erfc() - 1.0), &zero, tolerance);
        assert_close(&(far().sqrt().square() - far()), &zero, tolerance);
        assert_close(&(far().cbrt().powi(3) - far()), &zero, tolerance);
        assert_close(&(far().recip() - 1.0 / far()), &zero, tolerance);
        assert_close(&(far().pow(Series::constant(-1.5)) - far().ln().scale(-1.5).exp()), &zero, tolerance);
        assert_close(&(far().pow(x()) - (far().ln() * x()).exp()), &zero, tolerance);
        // ψ(x + 1) = ψ(x) + 1/x; the last coefficients are values of polygamma at orders up to 20.
        assert_close(&(far().offset(1.0).digamma() - far().digamma() - far().recip()), &zero, tolerance);
    }

    #[test]
    fn sine_costs_no_more_than_quadratic_work() {
        // sin and cos are each other's slope; without sharing nodes, work would double with every order.
        let y = Series::variable(0.0, 400).sin();
        assert_eq!(y.coefficients()[3], -1.0 / 6.0);
        assert_eq!(y.coefficients()[400], 0.0);
    }

    #[test]
    fn orders_combine_to_the_smaller_and_constants_to_any() {
        let (a, b, c) = (Series::variable(1.0, 3), Series::variable(1.0, 5), Series::constant(2.0));
        assert_eq!((a.clone() * &b).order(), 3);
        assert_eq!((b.clone() + &a).order(), 3);
        assert_eq!((b.clone() / &c).order(), 5);
        assert_eq!((&c / &b).order(), 5);
        assert_eq!((&c - &b).order(), 5);
        assert_eq!(b.clone().atan2(c.clone()).order(), 5);
        assert_eq!(b.clone().hypot(a).order(), 3);
        assert_eq!((c.clone() * &c).exp().order(), 0);
        assert_eq!(c.clone().less(b.clone()).select(b.clone(), c).order(), 5);
    }

    #[test]
    fn derivative_undoes_integral() {
        let x = generic(8);
        let back = x.integral(3.0).derivative();
        // A multiplication after a division by the same small integer: one rounding each.
        assert_close(&back, x.coefficients(), 2.0 * f64::EPSILON);
        assert_eq!(x.integral(3.0).coefficients()[0], 3.0);
        assert_eq!(x.integral(3.0).order(), 9);
        assert_eq!(Series::constant(2.0).integral(1.0).coefficients(), [1.0, 2.0]);
        assert_eq!(Series::constant(2.0).derivative().coefficients(), [0.0]);
    }

    #[test]
    fn the_slope_of_a_series_of_order_one_is_no_constant() {
        let slope = Series::variable(0.0, 1).sin().derivative();
        assert!(slope.order() == 0 && !slope.is_constant() && slope.to_string() == "1 + O(t)");
        let t = || Series::variable(0.5, 5);
        for product in
            [slope.clone() * t(), t() / &slope, t() + &slope, t().pow(slope.clone()), slope.clone().exp() - t()]
        {
            assert_eq!((product.order(), product.is_constant()), (0, false), "{product}");
        }
        assert_eq!((slope.clone() * 2.0).order(), 0);
        assert_eq!(slope.integral(3.0).coefficients(), [3.0, 1.0]);
        assert!(Taylor::<f64, 1>::try_from(slope).is_err());
    }

    #[test]
    fn composition_with_the_reversion_is_the_identity() {
        let y = generic(12);
        let t = y.reversion();
        let mut identity = vec![0.0; 13];
        identity[1] = 1.0;
        // Coefficients of the reversion reach 1e3 here; Lagrange's powers cost two more digits.
        assert_close(&y.compose(&t).offset(-0.4), &identity, 1e-11);
        let twice = t.reversion();
        assert_close(&twice.offset(0.4), y.coefficients(), 1e-11);
    }

    #[test]
    fn composition_is_evaluation_of_the_composed_function() {
        let inner = generic(10);
        let outer = Series::variable(0.4, 10).exp().sin();
        let direct = inner.clone().exp().sin();
        // Sums of some hundred products of numbers below 10.
        assert_close(&outer.compose(&inner), direct.coefficients(), 1000.0 * f64::EPSILON);
        assert_eq!(Series::constant(2.0).compose(&inner).value(), &2.0);
        assert_eq!(outer.compose(&Series::constant(0.4)).value(), &0.4_f64.exp().sin());
        assert_eq!(outer.compose(&Series::variable(0.4, 4)).order(), 4);
    }

    #[test]
    fn evaluation_sums_the_polynomial() {
        let y = Series::variable(0.0, 18).exp();
        // The remainder is below 1/19! < 1e-17.
        assert!((y.eval(1.0) - std::f64::consts::E).abs() < 4.0 * f64::EPSILON);
        // e^{2t}: the 10th derivative is 2¹⁰, up to a rounding for each factor of 10!.
        let y = Series::variable(0.0, 10).scale(2.0).exp();
        assert!((y.derivative_at_zero(10) - 1024.0).abs() < 1024.0 * 20.0 * f64::EPSILON);
    }

    #[test]
    #[should_panic(expected = "order 0 stands for constants")]
    fn a_variable_has_an_order() {
        Series::variable(1.0, 0);
    }
}
