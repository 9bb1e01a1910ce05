//! Operators, order and conversions, the same for every number type.
//!
//! A type has `plus`, `minus`, `times`, `over` and is a [`Jet`]; everything here follows, so that the blanket
//! implementation of [`Real`](crate::Real) applies. [`Lanes`] have no derivatives: they take the operators, and an order of their own.

use std::cmp::Ordering;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use super::chain::Jet;
use super::{Dual, HyperDual, Lanes, Series, Tangents, Taylor};
use crate::real::{Elementary, Float};

/// Calls `$callback!([further generics] bound type)` for every number type with derivatives.
macro_rules! for_each_number {
    ($callback:ident) => {
        $callback!([] Elementary Dual<T>);
        $callback!([] Elementary HyperDual<T>);
        $callback!([const N: usize] Elementary Tangents<T, N>);
        $callback!([const K: usize] Elementary Taylor<T, K>);
        $callback!([] Elementary Series<T>);
    };
}

macro_rules! binary_operator {
    ([$($G:tt)*] $Bound:ident $N:ty, $Op:ident $op:ident $Assign:ident $assign:ident $combine:ident,
        $x:ident $c:ident, $right:expr, $left:expr) => {
        impl<T: $Bound, $($G)*> $Op for $N {
            type Output = Self;
            #[inline]
            fn $op(self, other: Self) -> Self {
                self.$combine(&other)
            }
        }
        impl<'a, T: $Bound, $($G)*> $Op<&'a $N> for $N {
            type Output = $N;
            #[inline]
            fn $op(self, other: &'a Self) -> $N {
                self.$combine(other)
            }
        }
        impl<T: $Bound, $($G)*> $Op<$N> for &$N {
            type Output = $N;
            #[inline]
            fn $op(self, other: $N) -> $N {
                self.clone().$combine(&other)
            }
        }
        impl<'a, T: $Bound, $($G)*> $Op<&'a $N> for &$N {
            type Output = $N;
            #[inline]
            fn $op(self, other: &'a $N) -> $N {
                self.clone().$combine(other)
            }
        }
        impl<T: $Bound, $($G)*> $Op<f64> for $N {
            type Output = Self;
            #[inline]
            fn $op(self, $c: f64) -> Self {
                let $x = self;
                $right
            }
        }
        impl<T: $Bound, $($G)*> $Op<f64> for &$N {
            type Output = $N;
            #[inline]
            fn $op(self, c: f64) -> $N {
                self.clone().$op(c)
            }
        }
        impl<T: $Bound, $($G)*> $Op<$N> for f64 {
            type Output = $N;
            #[inline]
            fn $op(self, $x: $N) -> $N {
                let $c = self;
                $left
            }
        }
        impl<T: $Bound, $($G)*> $Op<&$N> for f64 {
            type Output = $N;
            #[inline]
            fn $op(self, x: &$N) -> $N {
                self.$op(x.clone())
            }
        }
        impl<T: $Bound, $($G)*> $Assign for $N {
            #[inline]
            fn $assign(&mut self, other: Self) {
                *self = self.clone().$combine(&other);
            }
        }
        impl<'a, T: $Bound, $($G)*> $Assign<&'a $N> for $N {
            #[inline]
            fn $assign(&mut self, other: &'a Self) {
                *self = self.clone().$combine(other);
            }
        }
        impl<T: $Bound, $($G)*> $Assign<f64> for $N {
            #[inline]
            fn $assign(&mut self, c: f64) {
                *self = self.clone().$op(c);
            }
        }
    };
}

macro_rules! arithmetic {
    ([$($G:tt)*] $Bound:ident $N:ty) => {
        binary_operator!([$($G)*] $Bound $N, Add add AddAssign add_assign plus, x c, x.offset(c), x.offset(c));
        binary_operator!([$($G)*] $Bound $N, Sub sub SubAssign sub_assign minus, x c, x.offset(-c), (-x).offset(c));
        binary_operator!([$($G)*] $Bound $N, Mul mul MulAssign mul_assign times, x c, x.scale(c), x.scale(c));
        binary_operator!([$($G)*] $Bound $N, Div div DivAssign div_assign over, x c,
            x.map(|part| part / <T as Elementary>::from_f64(c)), <$N>::from_f64(c).over(&x));

        impl<T: $Bound, $($G)*> Neg for $N {
            type Output = Self;
            #[inline]
            fn neg(self) -> Self {
                self.map(Neg::neg)
            }
        }
        impl<T: $Bound, $($G)*> Neg for &$N {
            type Output = $N;
            #[inline]
            fn neg(self) -> $N {
                -self.clone()
            }
        }

        impl<T: $Bound, $($G)*> Sum for $N {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.reduce(Add::add).unwrap_or_else(|| <$N>::from_f64(0.0))
            }
        }
        impl<'a, T: $Bound + 'a, $($G)*> Sum<&'a $N> for $N {
            fn sum<I: Iterator<Item = &'a $N>>(terms: I) -> Self {
                terms.cloned().sum()
            }
        }
        impl<T: $Bound, $($G)*> Product for $N {
            fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
                factors.reduce(Mul::mul).unwrap_or_else(|| <$N>::from_f64(1.0))
            }
        }
        impl<'a, T: $Bound + 'a, $($G)*> Product<&'a $N> for $N {
            fn product<I: Iterator<Item = &'a $N>>(factors: I) -> Self {
                factors.cloned().product()
            }
        }

        /// A constant.
        impl<T: $Bound, $($G)*> From<f64> for $N {
            #[inline]
            fn from(c: f64) -> Self {
                Self::from_f64(c)
            }
        }

        impl<T: $Bound, $($G)*> Zero for $N {
            #[inline]
            fn zero() -> Self {
                Self::from_f64(0.0)
            }
            /// Whether value and derivatives are all 0.
            #[inline]
            fn is_zero(&self) -> bool {
                self.is_exact_zero()
            }
        }
        impl<T: $Bound, $($G)*> One for $N {
            #[inline]
            fn one() -> Self {
                Self::from_f64(1.0)
            }
            /// Whether the value is 1 and the derivatives are all 0.
            #[inline]
            fn is_one(&self) -> bool
            where
                Self: PartialEq,
            {
                self.clone().offset(-1.0).is_exact_zero()
            }
        }
    };
}
for_each_number!(arithmetic);
arithmetic!([const N: usize] Float Lanes<T, N>);

/// Comparisons by themselves, not through `partial_cmp`: lanes may agree that a ≤ b and not on which of the two it is.
macro_rules! by_value {
    ($Other:ty, $other:ident => $base:expr; $($method:ident)*) => {
        $(#[inline]
        #[track_caller]
        fn $method(&self, $other: &$Other) -> bool {
            self.base().$method($base)
        })*
    };
}

macro_rules! order {
    ([$($G:tt)*] $Bound:ident $N:ty) => {
        /// Equality of values; derivatives are ignored.
        impl<T: Elementary + PartialEq, $($G)*> PartialEq for $N {
            #[inline]
            #[track_caller]
            fn eq(&self, other: &Self) -> bool {
                self.base() == other.base()
            }
        }
        /// Order of values; derivatives are ignored.
        impl<T: Elementary + PartialOrd, $($G)*> PartialOrd for $N {
            #[inline]
            #[track_caller]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                self.base().partial_cmp(other.base())
            }
            by_value! { Self, other => other.base(); lt le gt ge }
        }
        /// Equality of the value.
        impl<T: Elementary + PartialEq, $($G)*> PartialEq<f64> for $N {
            #[inline]
            #[track_caller]
            fn eq(&self, other: &f64) -> bool {
                *self.base() == T::from_f64(*other)
            }
        }
        /// Order of the value.
        impl<T: Elementary + PartialOrd, $($G)*> PartialOrd<f64> for $N {
            #[inline]
            #[track_caller]
            fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
                self.base().partial_cmp(&T::from_f64(*other))
            }
            by_value! { f64, other => &T::from_f64(*other); lt le gt ge }
        }
    };
}
for_each_number!(order);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Real;

    /// x ↦ ((x·2 + 1)/x − x²)·3 − 2/x with every operator form; the expected value is that of `f64`.
    fn every_form<S: Real>(x: S) -> S {
        let mut y = x.clone() * 2.0 + 1.0;
        y /= x.clone();
        y -= x.clone() * &x;
        y *= S::from_f64(3.0);
        y += -(S::from_f64(2.0) / &x);
        [y, S::zero()].into_iter().sum::<S>() * [S::one()].into_iter().product::<S>()
    }

    #[test]
    fn every_number_type_is_real() {
        let expected = every_form(1.25_f64);
        // (6x + 3)/x − 3x² − 2/x = 6 + 1/x − 3x², in the same order of operations: values agree exactly.
        assert_eq!(every_form(Dual::variable(1.25)).value, expected);
        assert_eq!(every_form(HyperDual::variable(1.25)).value, expected);
        assert_eq!(every_form(Taylor::<f64, 3>::variable(1.25)).value, expected);
        assert_eq!(every_form(Series::variable(1.25, 3)).value(), &expected);
        assert_eq!(every_form(Dual::new(Taylor::<f64, 2>::variable(1.25), 1.0.into())).value.value, expected);
        assert_eq!(every_form(Taylor::<_, 2>::variable(Dual::variable(1.25))).value.value, expected);
        assert_eq!(every_form(Series::variable(Dual::variable(1.25), 2)).value().value, expected);
        // f32: a dozen roundings of numbers below 10.
        assert!((f64::from(every_form(Dual::variable(1.25_f32)).value) - expected).abs() < 12.0 * 10.0 * 6e-8);
    }

    #[test]
    fn scalars_stand_on_either_side() {
        let x = Dual::new(2.0, 1.0);
        assert_eq!((1.0 - x).tangent, -1.0);
        assert_eq!((1.0 / x).tangent, -0.25);
        assert_eq!((2.0 * x + 1.0).sin().tangent, 2.0 * 5.0_f64.cos());
        assert_eq!((x / 2.0).tangent, 0.5);
        let y = Dual::new(2.0_f32, 1.0);
        assert_eq!((3.0 * y).sin().value, 6.0_f32.sin());
        assert_eq!((y * 2.0).sin().value, 4.0_f32.sin());
        let t = Series::variable(2.0, 2);
        assert_eq!((&t - &t).coefficients(), [0.0; 3]);
        assert_eq!((2.0 * &t + &(&t / 2.0)).coefficients(), [5.0, 2.5, 0.0]);
    }

    #[test]
    fn comparison_ignores_derivatives_but_is_zero_does_not() {
        let (x, y) = (Dual::new(1.0, 5.0), Dual::new(1.0, 7.0));
        assert!(x == y && x == 1.0 && x < 2.0 && x <= y);
        assert!(!Dual::new(0.0, 1.0).is_zero() && Dual::constant(0.0).is_zero());
        assert!(!Dual::new(1.0, 1.0).is_one() && Dual::constant(1.0).is_one());
    }
}
