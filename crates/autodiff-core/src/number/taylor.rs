//! [`Taylor`]: truncated power series whose order is a constant of the type.

use super::chain::Jet;
use super::expansion;
use super::propagate::{Coefficients, Input, propagate};
use crate::real::{Elementary, Row, times_factorial};

/// The polynomial c₀ + c₁t + … + c_K tᴷ modulo tᴷ⁺¹.
///
/// For x(t) = x₀ + t, f(x(t)) has c_k = f⁽ᵏ⁾(x₀)/k!: coefficients are divided by k!. In general they are those of f
/// along the curve x(t). A product costs (K + 1)(K + 2)/2 multiplications, an elementary function O(K²) operations, but
/// `ln_gamma`, `digamma`, and `pow` with an exponent that varies O(K³).
/// `Copy`, and kept on the stack up to order 5; for higher orders see also [`Series`](super::Series). The recurrence of
/// an elementary function is interpreted, at any order: for first and second derivatives alone, take [`Dual`](super::Dual)
/// and [`HyperDual`](super::HyperDual), which compile to straight code.
///
/// Equality and order compare values, c₀, only.
///
/// ```
/// use autodiff_core::Elementary;
/// use autodiff_core::number::Taylor;
///
/// let y = Taylor::<f64, 3>::variable(0.0).exp();
/// assert_eq!(y.to_string(), "1 + 1·t + 0.5·t² + 0.16666666666666666·t³ + O(t⁴)");
/// assert_eq!(y.derivative(3), 1.0);
/// assert!((y.eval(0.1) - 0.1_f64.exp()).abs() < 0.1_f64.powi(4) / 20.0); // next term: h⁴/24, and a little
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Taylor<T = f64, const K: usize = 2> {
    /// The value c₀.
    pub value: T,
    /// The coefficients c₁ to c_K, divided by k!.
    pub rest: [T; K],
}

impl<T, const K: usize> Taylor<T, K> {
    /// `value + rest[0]·t + rest[1]·t² + …`.
    #[inline]
    pub const fn new(value: T, rest: [T; K]) -> Self {
        Taylor { value, rest }
    }

    /// Coefficient c_k of tᵏ, that is the k-th derivative over k!.
    ///
    /// # Panics
    /// If `k` exceeds K.
    #[inline]
    pub fn coefficient(&self, k: usize) -> &T {
        match k {
            0 => &self.value,
            _ => &self.rest[k - 1],
        }
    }

    /// Coefficients c₀ to c_K.
    pub fn coefficients(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.value).chain(&self.rest)
    }

    pub(super) fn into_coefficients(self) -> impl Iterator<Item = T> {
        std::iter::once(self.value).chain(self.rest)
    }

    /// From coefficients c₀ to c_K, and more that are left out.
    pub(super) fn from_known(coefficients: impl IntoIterator<Item = T>) -> Self {
        let mut coefficients = coefficients.into_iter();
        let mut next = || coefficients.next().expect("one coefficient for every order");
        Taylor { value: next(), rest: std::array::from_fn(|_| next()) }
    }
}

impl<T: Elementary, const K: usize> Taylor<T, K> {
    /// `value + t`.
    #[inline]
    pub fn variable(value: T) -> Self {
        Taylor::new(value, std::array::from_fn(|i| T::from_f64(if i == 0 { 1.0 } else { 0.0 })))
    }

    /// `value`, with all other coefficients 0.
    #[inline]
    pub fn constant(value: T) -> Self {
        Taylor::new(value, std::array::from_fn(|_| T::from_f64(0.0)))
    }

    /// The k-th derivative in t at 0, k! · c_k: 0 where c_k is, also for k beyond 170, where k! is not finite.
    ///
    /// # Panics
    /// If `k` exceeds K.
    #[inline]
    pub fn derivative(&self, k: usize) -> T {
        times_factorial(self.coefficient(k).clone(), k)
    }

    /// The polynomial at t = h, by Horner's rule.
    #[inline]
    pub fn eval(&self, h: T) -> T {
        match self.rest.split_last() {
            None => self.value.clone(),
            Some((last, lower)) => {
                let horner = |sum: T, c: &T| sum * h.clone() + c.clone();
                horner(lower.iter().rev().fold(last.clone(), horner), &self.value)
            }
        }
    }

    /// The derivative in t as a polynomial of order L, which is below K: of a polynomial to order K it is known to order K − 1.
    ///
    /// The type says the order: `y.derivative_series::<2>()` of a `Taylor<T, 3>`. Another than a lower one does not compile.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Taylor};
    ///
    /// let sin = Taylor::<f64, 4>::variable(0.5).sin();
    /// let cos = sin.derivative_series::<3>();
    /// assert_eq!(cos.value, 0.5_f64.cos());
    /// assert!((cos.rest[2] - 0.5_f64.sin() / 6.0).abs() < 1e-16);
    /// ```
    pub fn derivative_series<const L: usize>(&self) -> Taylor<T, L> {
        const { assert!(L < K, "Taylor::derivative_series: a derivative is known to a lower order only") };
        Taylor::from_known(expansion::derivative(&self.to_coefficients()))
    }

    /// The antiderivative in t whose value is `c`, as a polynomial of order L, which is K + 1 at most.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Taylor};
    ///
    /// // The logarithm of 1 + t from its derivative.
    /// let ln = (Taylor::<f64, 3>::variable(1.0)).recip().integral::<4>(0.0);
    /// assert_eq!(ln.rest, [1.0, -0.5, 1.0 / 3.0, -0.25]);
    /// ```
    pub fn integral<const L: usize>(&self, c: T) -> Taylor<T, L> {
        const { assert!(L <= K + 1, "Taylor::integral: an antiderivative is known to one more order only") };
        Taylor::from_known(expansion::integral(&self.to_coefficients(), c))
    }

    /// f(g(t)) for `self` = Σ f_k (x − g₀)ᵏ, a polynomial around the value g₀ of `inner` = g(t).
    ///
    /// The value of `inner` is thus where `self` was expanded, and only its higher coefficients enter. Costs O(K³), by
    /// Horner's rule.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Taylor};
    ///
    /// let g = Taylor::<f64, 4>::variable(2.0).square(); // 4 + 4t + t²
    /// let outer = Taylor::<f64, 4>::variable(4.0).ln(); // ln around 4
    /// let (found, direct) = (outer.compose(&g), g.ln());
    /// assert!((0..=4).all(|k| (found.coefficient(k) - direct.coefficient(k)).abs() < 1e-15));
    /// ```
    pub fn compose(&self, inner: &Self) -> Self {
        Self::from_known(expansion::compose(&self.to_coefficients(), &inner.to_coefficients(), K))
    }

    /// The inverse function's polynomial: t as a polynomial in s, where s = y(t) − y₀ and y is `self`.
    ///
    /// Its value is 0, and `y.reversion().reversion()` is y − y₀. Costs O(K³), by Lagrange's formula. Where y₁ = 0 there is no
    /// such polynomial; coefficients are then not finite. It does not compile for K = 0.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Taylor};
    ///
    /// let tan = Taylor::<f64, 5>::variable(0.0).atan().reversion();
    /// assert!((tan.coefficient(5) - 2.0 / 15.0).abs() < 1e-15);
    /// ```
    pub fn reversion(&self) -> Self {
        const { assert!(K > 0, "Taylor::reversion: a constant has no inverse function") };
        Self::from_known(expansion::reversion(&self.to_coefficients()))
    }

    fn to_coefficients(&self) -> Coefficients<T> {
        self.coefficients().cloned().collect()
    }

    /// Coefficients by a recurrence: `next(value, rest, k)` is c_k, where `rest` is known below c_k.
    #[inline]
    fn by_recurrence(value: T, next: impl Fn(&T, &[T; K], usize) -> T) -> Self {
        let mut y = Taylor::constant(value);
        for k in 1..=K {
            y.rest[k - 1] = next(&y.value, &y.rest, k);
        }
        y
    }

    #[inline]
    pub(super) fn plus(self, other: &Self) -> Self {
        let mut y = self;
        y.value = y.value + other.value.clone();
        for (y, b) in y.rest.iter_mut().zip(&other.rest) {
            *y = y.clone() + b.clone();
        }
        y
    }

    #[inline]
    pub(super) fn minus(self, other: &Self) -> Self {
        let mut y = self;
        y.value = y.value - other.value.clone();
        for (y, b) in y.rest.iter_mut().zip(&other.rest) {
            *y = y.clone() - b.clone();
        }
        y
    }

    #[inline]
    pub(super) fn times(self, other: &Self) -> Self {
        let (a, b) = (&self, other);
        Self::by_recurrence(a.value.clone() * b.value.clone(), |_, _, k| expansion::product(a.parts(), b.parts(), k))
    }

    #[inline]
    pub(super) fn over(self, other: &Self) -> Self {
        let (a, b) = (&self, other);
        Self::by_recurrence(a.value.clone() / b.value.clone(), |y_0, y, k| {
            expansion::quotient(a.rest[k - 1].clone(), (y_0, y), b.parts(), k)
        })
    }

    #[inline]
    fn parts(&self) -> expansion::Parts<'_, T> {
        (&self.value, &self.rest)
    }

    fn propagated(row: Row, inputs: [Option<Self>; 2]) -> Self {
        let inputs = inputs.map(|x| Some(Input::Series(Coefficients::from_iter(x?.into_coefficients()))));
        Self::from_known(propagate(row, inputs, K))
    }
}

impl<T: Elementary, const K: usize> Jet for Taylor<T, K> {
    type Base = T;

    #[inline]
    fn lift(value: T) -> Self {
        Taylor::constant(value)
    }

    #[inline]
    fn base(&self) -> &T {
        &self.value
    }

    #[inline]
    fn with_base(self, value: T) -> Self {
        Taylor { value, ..self }
    }

    #[inline]
    fn every(&self, holds: impl Fn(&T) -> bool) -> bool {
        self.coefficients().all(holds)
    }

    #[inline]
    fn map(self, f: impl Fn(T) -> T) -> Self {
        Taylor { value: f(self.value), rest: self.rest.map(f) }
    }

    #[inline]
    fn choose(mask: &T, if_true: Self, if_false: Self) -> Self {
        let mut no = if_false.rest.into_iter();
        Taylor {
            value: mask.clone().select(if_true.value, if_false.value),
            rest: if_true.rest.map(|yes| mask.clone().select(yes, no.next().expect("as many in both"))),
        }
    }

    fn unary(row: Row, x: Self) -> Self {
        Self::propagated(row, [Some(x), None])
    }

    fn binary(row: Row, a: Self, b: Self) -> Self {
        Self::propagated(row, [Some(a), Some(b)])
    }

    #[inline]
    fn squared(x: Self) -> Self {
        Self::by_recurrence(x.value.clone().square(), |_, _, k| expansion::square(x.parts(), k))
    }
}

impl<T: Elementary, const K: usize> Elementary for Taylor<T, K> {
    elementary_by_rows!();
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;
    use crate::number::Series;

    type Five = Taylor<f64, 5>;

    fn small(x: [i8; 6]) -> Five {
        let [value, rest @ ..] = x.map(|x| f64::from(x) / 64.0);
        Taylor::new(value, rest)
    }

    fn largest_difference(a: &Five, b: &Five) -> f64 {
        a.coefficients().zip(b.coefficients()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    quickcheck! {
        // Coefficients are at most 2 and the sums short, so that products of them are exact: multiples of 2⁻¹² below 2⁷.
        fn square_is_product(x: (i8, i8, i8, i8, i8, i8)) -> bool {
            let x = small(x.into());
            largest_difference(&x.square(), &(x * x)) == 0.0
        }

        fn quotient_undoes_product(x: (i8, i8, i8, i8, i8, i8), y: (i8, i8, i8, i8, i8, i8)) -> bool {
            let (x, y) = (small(x.into()), small(y.into()).offset(4.0));
            // The divisor is at least 2, its other coefficients at most 2: errors grow at most like 2⁵.
            largest_difference(&(x * y / y), &x) < 64.0 * 2.0 * f64::EPSILON * 8.0
        }

        fn logarithm_undoes_exponential(x: (i8, i8, i8, i8, i8, i8)) -> bool {
            let x = small(x.into());
            // Partial sums of the recurrences reach eˣ·2⁵/e^x: some hundreds of roundings of numbers below 10.
            largest_difference(&x.exp().ln(), &x) < 1e-12
        }

        fn sine_and_cosine_lie_on_the_circle(x: (i8, i8, i8, i8, i8, i8)) -> bool {
            let x = small(x.into());
            // As above.
            largest_difference(&(x.sin().square() + x.cos().square()), &Taylor::constant(1.0)) < 1e-12
        }
    }

    #[test]
    fn power_at_zero_has_all_its_derivatives() {
        let y = Five::variable(0.0).pow(Taylor::constant(3.0));
        assert_eq!(y.coefficients().copied().collect::<Vec<_>>(), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn kinks_keep_their_conventions() {
        let x = Five::variable(0.0);
        assert_eq!(x.abs().rest, [0.0; 5]);
        assert_eq!(x.relu().rest, [0.0; 5]);
        assert_eq!(x.hypot(x).rest, [0.0; 5]);
        assert_eq!(x.floor().rest, [0.0; 5]);
    }

    quickcheck! {
        fn derivative_undoes_integral(x: (i8, i8, i8, i8, i8, i8), c: i8) -> bool {
            let x = small(x.into());
            let higher = x.integral::<6>(f64::from(c));
            // A division and a multiplication by the same small integer: one rounding each.
            higher.value == f64::from(c) && largest_difference(&higher.derivative_series::<5>(), &x) <= 4.0 * f64::EPSILON
        }

        fn reversion_twice_is_the_identity(x: (i8, i8, i8, i8, i8, i8)) -> bool {
            // A slope of 4 at least, for the sums grow like powers of the other coefficients over it: 5ᵏ/4ᵏ here.
            let mut y = small(x.into());
            y.rest[0] += 6.0;
            let twice = y.reversion().reversion().offset(y.value);
            largest_difference(&twice, &y) < 1e-12
        }

        fn composition_with_the_reversion_is_the_identity(x: (i8, i8, i8, i8, i8, i8)) -> bool {
            let mut y = small(x.into());
            y.rest[0] += 6.0;
            // As above. y(t(s)) is y₀ + s, and t(y(s)) is s.
            let inverse = y.reversion();
            let (outside, inside) = (y.compose(&inverse), inverse.compose(&y));
            largest_difference(&outside, &Five::variable(y.value)) < 1e-12
                && largest_difference(&inside, &Five::variable(0.0)) < 1e-12
        }
    }

    #[test]
    fn operations_on_series_are_those_of_the_type_without_a_fixed_order() {
        let y = Taylor::<f64, 12>::variable(0.3).exp().sin();
        let inner = Taylor::<f64, 12>::variable(0.3).square().offset(0.21); // 0.3 + …
        let (s, t) = (Series::from(y), Series::from(inner));
        assert_eq!(Series::from(y.compose(&inner)).coefficients(), s.compose(&t).coefficients());
        assert_eq!(Series::from(y.reversion()).coefficients(), s.reversion().coefficients());
        assert_eq!(Series::from(y.integral::<13>(2.0)).coefficients(), s.integral(2.0).coefficients());
        assert_eq!(Series::from(y.integral::<7>(2.0)).coefficients(), &s.integral(2.0).coefficients()[..8]);
        assert_eq!(Series::from(y.derivative_series::<11>()).coefficients(), s.derivative().coefficients());
        assert_eq!(y.radius_of_convergence(), s.radius_of_convergence());
        assert_eq!(y.remainder_estimate(0.1), s.remainder_estimate(0.1));
        assert!(y.radius_of_convergence().is_some());
    }

    #[test]
    fn order_zero_is_the_plain_number() {
        let x = Taylor::<f64, 0>::variable(0.5);
        assert_eq!((x * x.sin() / x).value, 0.5 * 0.5_f64.sin() / 0.5);
        assert_eq!(x.eval(7.0), 0.5);
    }
}
