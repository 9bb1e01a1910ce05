//! The traits of the `num-traits` crate, so that functions written against them can be differentiated.
//!
//! Numbers convert by their value. [`num_traits::Float`] is there for the `Copy` types; its elementary functions are
//! those of [`Elementary`], so `max` and `min` give NaN if either is NaN, and `rem` has the derivative of
//! a − trunc(a/b)·b. With both traits in scope, a call of `x.exp()` is ambiguous: import one of them.

use std::num::FpCategory;
use std::ops::{Add, Rem};

use num_traits::{Float, FloatConst, FromPrimitive, Num, NumCast, Signed, ToPrimitive, Zero};

use super::chain::Jet;
use super::{Dual, HyperDual, Series, Taylor};
use crate::real::Elementary;

macro_rules! through_value {
    ($($method:ident -> $R:ty;)*) => {
        $(#[inline] fn $method(&self) -> $R { self.base().$method() })*
    };
}

macro_rules! lifted {
    ($T:ident: $($method:ident($($arg:ident: $A:ty),*);)*) => {
        $(#[inline] fn $method($($arg: $A),*) -> Option<Self> { Some(Self::lift(<$T as FromPrimitive>::$method($($arg),*)?)) })*
    };
}

macro_rules! constants {
    ($T:ident: $($c:ident)*) => {
        $(#[inline] #[allow(non_snake_case, reason = "names of num-traits")] fn $c() -> Self { Self::lift($T::$c()) })*
    };
}

macro_rules! elementary {
    ($($method:ident($($arg:ident),*);)*) => {
        $(#[inline] fn $method(self $(, $arg: Self)*) -> Self { Elementary::$method(self $(, $arg)*) })*
    };
}

macro_rules! basic_traits {
    ([$($G:tt)*] $N:ty) => {
        impl<T: Elementary + Num, $($G)*> Rem for $N {
            type Output = Self;
            /// a − trunc(a/b)·b; the value is that of the base type, exact.
            fn rem(self, other: Self) -> Self {
                let (a, b) = (self.base().clone(), other.base().clone());
                let remainder = a.clone() % b.clone();
                let quotient = Self::lift(Elementary::round((a - remainder.clone()) / b));
                (self - quotient * other).with_base(remainder)
            }
        }

        impl<T: Elementary + Num, $($G)*> Num for $N {
            type FromStrRadixErr = T::FromStrRadixErr;
            fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
                T::from_str_radix(text, radix).map(Self::lift)
            }
        }

        impl<T: Elementary + ToPrimitive, $($G)*> ToPrimitive for $N {
            through_value! {
                to_isize -> Option<isize>; to_i8 -> Option<i8>; to_i16 -> Option<i16>; to_i32 -> Option<i32>;
                to_i64 -> Option<i64>; to_i128 -> Option<i128>;
                to_usize -> Option<usize>; to_u8 -> Option<u8>; to_u16 -> Option<u16>; to_u32 -> Option<u32>;
                to_u64 -> Option<u64>; to_u128 -> Option<u128>;
                to_f32 -> Option<f32>; to_f64 -> Option<f64>;
            }
        }

        impl<T: Elementary + FromPrimitive, $($G)*> FromPrimitive for $N {
            lifted! { T:
                from_isize(n: isize); from_i8(n: i8); from_i16(n: i16); from_i32(n: i32); from_i64(n: i64);
                from_i128(n: i128); from_usize(n: usize); from_u8(n: u8); from_u16(n: u16); from_u32(n: u32);
                from_u64(n: u64); from_u128(n: u128); from_f32(x: f32); from_f64(x: f64);
            }
        }

        impl<T: Elementary + NumCast, $($G)*> NumCast for $N {
            fn from<P: ToPrimitive>(number: P) -> Option<Self> {
                <T as NumCast>::from(number).map(Self::lift)
            }
        }

        impl<T: Elementary + Signed + PartialOrd, $($G)*> Signed for $N {
            fn abs(&self) -> Self {
                Elementary::abs(self.clone())
            }
            fn abs_sub(&self, other: &Self) -> Self {
                if self.base() <= other.base() { Self::zero() } else { self - other }
            }
            fn signum(&self) -> Self {
                Self::lift(self.base().signum())
            }
            through_value! { is_positive -> bool; is_negative -> bool; }
        }

        impl<T: Elementary + FloatConst, $($G)*> FloatConst for $N {
            constants! { T:
                E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6 FRAC_PI_8
                LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2
            }
            fn TAU() -> Self
            where
                Self: Sized + Add<Self, Output = Self>,
            {
                Self::PI().scale(2.0)
            }
            fn LOG10_2() -> Self
            where
                Self: Sized + std::ops::Div<Self, Output = Self>,
            {
                Self::LN_2() / Self::LN_10()
            }
            fn LOG2_10() -> Self
            where
                Self: Sized + std::ops::Div<Self, Output = Self>,
            {
                Self::LN_10() / Self::LN_2()
            }
        }
    };
}
basic_traits!([] Dual<T>);
basic_traits!([] HyperDual<T>);
basic_traits!([const K: usize] Taylor<T, K>);
basic_traits!([] Series<T>);

macro_rules! float {
    ([$($G:tt)*] $N:ty) => {
        impl<T: Elementary + Float, $($G)*> Float for $N {
            constants! { T:
                nan infinity neg_infinity neg_zero min_value min_positive_value max_value epsilon
            }
            elementary! {
                floor(); ceil(); round(); trunc(); abs(); recip(); sqrt(); cbrt(); exp(); exp_m1(); ln(); ln_1p();
                sin(); cos(); tan(); asin(); acos(); atan(); sinh(); cosh(); tanh(); asinh(); acosh(); atanh();
                max(other); min(other); hypot(other); atan2(other);
            }
            fn is_nan(self) -> bool {
                self.base().is_nan()
            }
            fn is_infinite(self) -> bool {
                self.base().is_infinite()
            }
            fn is_finite(self) -> bool {
                self.base().is_finite()
            }
            fn is_normal(self) -> bool {
                self.base().is_normal()
            }
            fn classify(self) -> FpCategory {
                self.base().classify()
            }
            fn is_sign_positive(self) -> bool {
                self.base().is_sign_positive()
            }
            fn is_sign_negative(self) -> bool {
                self.base().is_sign_negative()
            }
            fn integer_decode(self) -> (u64, i16, i8) {
                self.base().integer_decode()
            }
            fn fract(self) -> Self {
                let value = self.base().fract();
                self.with_base(value)
            }
            fn signum(self) -> Self {
                Self::lift(self.base().signum())
            }
            fn copysign(self, sign: Self) -> Self {
                if self.base().is_sign_negative() == sign.base().is_sign_negative() { self } else { -self }
            }
            fn mul_add(self, factor: Self, term: Self) -> Self {
                let value = self.base().mul_add(*factor.base(), *term.base());
                (self * factor + term).with_base(value)
            }
            fn powi(self, n: i32) -> Self {
                Elementary::powi(self, n)
            }
            fn powf(self, p: Self) -> Self {
                Elementary::pow(self, p)
            }
            fn exp2(self) -> Self {
                let value = self.base().exp2();
                Elementary::exp(self.scale(std::f64::consts::LN_2)).with_base(value)
            }
            fn log(self, base: Self) -> Self {
                let value = self.base().log(*base.base());
                (Elementary::ln(self) / Elementary::ln(base)).with_base(value)
            }
            fn log2(self) -> Self {
                let value = self.base().log2();
                Elementary::ln(self).scale(std::f64::consts::LOG2_E).with_base(value)
            }
            fn log10(self) -> Self {
                let value = self.base().log10();
                Elementary::ln(self).scale(std::f64::consts::LOG10_E).with_base(value)
            }
            fn abs_sub(self, other: Self) -> Self {
                if self <= other { Self::zero() } else { self - other }
            }
            fn sin_cos(self) -> (Self, Self) {
                (Elementary::sin(self), Elementary::cos(self))
            }
            fn to_degrees(self) -> Self {
                self.scale(180.0 / std::f64::consts::PI)
            }
            fn to_radians(self) -> Self {
                self.scale(std::f64::consts::PI / 180.0)
            }
        }
    };
}
float!([] Dual<T>);
float!([] HyperDual<T>);
float!([const K: usize] Taylor<T, K>);

#[cfg(test)]
mod tests {
    use num_traits::One;

    use super::*;

    /// Written for plain floats, by somebody who never heard of derivatives.
    fn cubic_root_of<F: Float>(a: F) -> F {
        let three = F::from(3).expect("3 is a number of any float type");
        (0..60).fold(F::one(), |x, _| x - (x * x * x - a) / (three * x * x))
    }

    #[test]
    fn a_function_of_num_traits_float_is_differentiated() {
        // The derivative of a^{1/3} at 8 is 1/12; Newton's iteration converges for the tangent too, to rounding.
        let root = cubic_root_of(Dual::variable(8.0));
        let off = |a: f64, b: f64| Float::abs(a - b);
        assert!(off(root.value, 2.0) < 4.0 * f64::EPSILON);
        assert!(off(root.tangent, 1.0 / 12.0) < f64::EPSILON);
        let series = cubic_root_of(Taylor::<f64, 3>::variable(8.0));
        let exact = Elementary::cbrt(Taylor::<f64, 3>::variable(8.0));
        for k in 0..=3 {
            assert!(off(*series.coefficient(k), *exact.coefficient(k)) < 8.0 * f64::EPSILON);
        }
        assert!(off(cubic_root_of(Dual::variable(8.0_f32)).tangent.into(), 1.0 / 12.0) < f32::EPSILON.into());
    }

    #[test]
    fn remainder_is_exact_and_follows_its_branch() {
        // fmod(0.3, 0.1) is just below 0.1, though 0.3/0.1 rounds to 3: two whole steps, not three.
        let r = Dual::new(0.3, 1.0) % Dual::new(0.1, 1.0);
        assert_eq!(r.value, 0.3 % 0.1);
        assert_eq!(r.tangent, 1.0 - 2.0);
        assert_eq!((Dual::variable(-7.5) % Dual::constant(2.0)).value, -1.5);
    }

    #[test]
    fn numbers_convert_by_value() {
        let x: HyperDual = NumCast::from(3_i32).expect("3 is a float");
        assert!(x.to_i64() == Some(3) && x.cross == 0.0);
        assert_eq!(Dual::<f64>::from_str_radix("1.5", 10).map(|x| x.value).ok(), Some(1.5));
        assert_eq!(<Taylor<f64, 2> as FloatConst>::PI().value, std::f64::consts::PI);
        assert_eq!(Signed::signum(&Series::variable(-2.0, 3)).coefficients(), [-1.0]);
        assert!(Float::log2(Dual::variable(8.0)).value == 3.0 && Float::log10(Dual::variable(1000.0)).value == 3.0);
        assert_eq!(Float::fract(Dual::variable(2.25)).tangent, 1.0);
        assert_eq!(<Dual as One>::one().value, 1.0);
    }
}
