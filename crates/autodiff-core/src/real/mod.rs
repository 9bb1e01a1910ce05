//! Real algebra: what a number must offer so that one generic function serves floats, dual numbers, Taylor series
//! and traced variables, and the table of elementwise primitives that all of them are generated from.

mod row;
mod table;
mod vectorized;

use std::fmt::{Debug, Display};
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

pub use row::{Class, Row, Slope};

use kernels::special::Special;

macro_rules! elementary_trait {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        /// The elementary functions over a commutative algebra of numbers.
        ///
        /// Implemented by `f32`, `f64`, the number types of [`number`](crate::number) over each other, and the traced
        /// [`Var`](crate::Var). Rules are written against this trait; user functions usually want [`Real`].
        pub trait Elementary:
            Clone
            + Debug
            + Neg<Output = Self>
            + Add<Output = Self>
            + Sub<Output = Self>
            + Mul<Output = Self>
            + Div<Output = Self>
        {
            /// The constant `c`.
            fn from_f64(c: f64) -> Self;

            /// The constant `c` in the shape of `self`, where numbers have shapes.
            fn constant_like(&self, c: f64) -> Self {
                Self::from_f64(c)
            }

            /// `if_true` where `self` is not 0, else `if_false`; the branch not taken is discarded, NaN or not.
            fn select(self, if_true: Self, if_false: Self) -> Self;

            $($(#[$udoc])* fn $u(self) -> Self;)*
            $($(#[$bdoc])* fn $b(self, other: Self) -> Self;)*
            $($(#[$ddoc])* fn $d(self) -> Self;)*
            $($(#[$cdoc])* fn $c(self, other: Self) -> Self;)*

            /// `c · self`.
            #[track_caller]
            fn scale(self, c: f64) -> Self {
                self * Self::from_f64(c)
            }

            /// `self + c`.
            #[track_caller]
            fn offset(self, c: f64) -> Self {
                self + Self::from_f64(c)
            }

            /// `self²`.
            #[track_caller]
            fn square(self) -> Self {
                self.clone() * self
            }

            /// Whether every component is known to be 0: value, tangents and coefficients.
            ///
            /// `false` promises nothing, so a traced variable may always say `false`.
            fn is_exact_zero(&self) -> bool {
                false
            }

            /// `self · other`, but 0 where `self` is exactly 0, whatever `other` is: a strong zero.
            #[track_caller]
            fn strong_mul(self, other: Self) -> Self {
                if self.is_exact_zero() { self } else { self * other }
            }

            /// `self / other`, but 0 where `self` is exactly 0, whatever `other` is.
            #[track_caller]
            fn strong_div(self, other: Self) -> Self {
                if self.is_exact_zero() { self } else { self / other }
            }

            /// `selfⁿ` by repeated squaring; exact derivatives of every order, also at 0. Each product and quotient rounds: to some |n| ε/2.
            ///
            /// From −5 on it is (1/self)⁻ⁿ, to |n| ε: the slope of 1/selfⁿ goes through 1/self²ⁿ, which overflows long before it does.
            /// Down to −4 it is 1/selfⁿ, exact where selfⁿ is.
            #[track_caller]
            fn powi(self, n: i32) -> Self {
                let of_inverse = n < -4;
                let mut base = if of_inverse { self.recip() } else { self };
                let mut rest = n.unsigned_abs();
                let mut power: Option<Self> = None;
                while rest > 0 {
                    if rest & 1 == 1 {
                        power = Some(match power {
                            None => base.clone(),
                            Some(p) => p * base.clone(),
                        });
                    }
                    rest >>= 1;
                    if rest > 0 {
                        base = base.square();
                    }
                }
                let power = power.unwrap_or_else(|| base.constant_like(1.0));
                if n < 0 && !of_inverse { power.recip() } else { power }
            }

            /// `self` raised to the constant power `p`; small integers and ½ take their exact short forms.
            #[track_caller]
            fn powf(self, p: f64) -> Self {
                match whole_exponent(p) {
                    Some(n) => self.powi(n),
                    None if p == 0.5 => self.sqrt(),
                    None => self.pow(Self::from_f64(p)),
                }
            }

            /// Polygamma function ψ⁽ⁿ⁾ = (−1)ⁿ⁺¹ n! ζ(n + 1, ·), the n-th derivative of [`digamma`](Elementary::digamma).
            ///
            /// Costs n products beside the zeta function. Where that is below the normal numbers of the precision, as ζ(35, 20) is in
            /// `f32`, digits are lost.
            #[track_caller]
            fn polygamma(self, n: u32) -> Self {
                if n == 0 {
                    return self.digamma();
                }
                let size = times_factorial(self.hurwitz_zeta(Self::from_f64(f64::from(n) + 1.0)), n as usize);
                if n % 2 == 1 { size } else { -size }
            }

            /// The whole number from −64 to 64 that this is known to be, without derivatives: an exponent that
            /// [`powi`](Elementary::powi) serves.
            #[doc(hidden)]
            fn known_exponent(&self) -> Option<i32> {
                None
            }

            /// |self|, with derivative 0 at 0.
            #[track_caller]
            fn abs(self) -> Self {
                self.clone().sign() * self
            }

            /// The larger of two; where they are equal, the derivative is the mean of both. NaN if either is.
            #[track_caller]
            fn max(self, other: Self) -> Self {
                let tie = self.clone().scale(0.5) + other.clone().scale(0.5);
                let above = other.clone().less(self.clone());
                let below = self.clone().less(other.clone());
                above.select(self, below.select(other, tie))
            }

            /// The smaller of two; where they are equal, the derivative is the mean of both. NaN if either is.
            #[track_caller]
            fn min(self, other: Self) -> Self {
                let tie = self.clone().scale(0.5) + other.clone().scale(0.5);
                let below = self.clone().less(other.clone());
                let above = other.clone().less(self.clone());
                below.select(self, above.select(other, tie))
            }

            /// `self` limited to [low, high]; derivative 1 inside and at the ends, 0 outside.
            #[track_caller]
            fn clamp(self, low: f64, high: f64) -> Self {
                let (low, high) = (Self::from_f64(low), Self::from_f64(high));
                let under = self.clone().less(low.clone());
                let over = high.clone().less(self.clone());
                under.select(low, over.select(high, self))
            }

            /// max(self, 0) with derivative 0 at 0. NaN of NaN.
            #[track_caller]
            fn relu(self) -> Self {
                let zero = Self::from_f64(0.0);
                self.clone().less_equal(zero.clone()).select(zero, self)
            }

            /// ln of the logistic sigmoid, without overflow.
            #[track_caller]
            fn log_sigmoid(self) -> Self {
                -(-self).softplus()
            }
        }

        macro_rules! elementary_float {
            ($T:ty) => {
                impl Elementary for $T {
                    #[inline]
                    fn from_f64(c: f64) -> Self {
                        c as $T
                    }
                    #[inline]
                    fn select(self, if_true: Self, if_false: Self) -> Self {
                        if self != 0.0 { if_true } else { if_false }
                    }
                    #[inline]
                    fn is_exact_zero(&self) -> bool {
                        *self == 0.0
                    }
                    fn known_exponent(&self) -> Option<i32> {
                        whole_exponent((*self).into())
                    }
                    #[inline]
                    fn polygamma(self, n: u32) -> Self {
                        self.special_polygamma(n as $T)
                    }
                    $(#[inline] fn $u(self) -> Self { let $ux: $T = self; $uv })*
                    $(#[inline] fn $b(self, other: Self) -> Self { let ($ba, $bc): ($T, $T) = (self, other); $bv })*
                    $(#[inline] fn $d(self) -> Self { let $dx: $T = self; $dv })*
                    $(#[inline] fn $c(self, other: Self) -> Self {
                        let ($ca, $cb): ($T, $T) = (self, other);
                        if $cv { 1.0 } else { 0.0 }
                    })*
                }
            };
        }
        elementary_float!(f64);
        elementary_float!(f32);
    };
}

crate::for_each_row!(elementary_trait);

/// The exponent as a whole number, if it is one and small: its power then is a product, which is exact near 0 too.
pub(crate) fn whole_exponent(p: f64) -> Option<i32> {
    (p.fract() == 0.0 && p.abs() <= 64.0).then_some(p as i32)
}

/// n! · y. Its factors are multiplied in turn: so it is 0 where y is, and finite as long as the product is, though n! be not.
pub(crate) fn times_factorial<S: Elementary>(y: S, n: usize) -> S {
    let (y, factor) = (2..=n).fold((y, 1.0), |(y, factor), k| {
        let next = factor * k as f64;
        // Also of single precision: 3·10³⁸ is its largest number.
        if next > 1e30 { (y.scale(factor), k as f64) } else { (y, next) }
    });
    if factor == 1.0 { y } else { y.scale(factor) }
}

/// A number that a user's generic function computes with: the elementary functions, order by value, and arithmetic
/// with `f64`.
///
/// ```
/// use autodiff_core::{Dual, Real};
///
/// fn f<S: Real>(x: &[S]) -> S {
///     (x[0].clone() * &x[1]).sin() * 2.0
/// }
///
/// assert_eq!(f(&[0.5, 3.0]), 2.0 * 1.5_f64.sin());
/// let slope = f(&[Dual::variable(0.5), Dual::constant(3.0)]).tangent;
/// assert!((slope - 6.0 * 1.5_f64.cos()).abs() < 1e-15);
/// ```
///
/// Write `S: Real + Copy` to leave out the `clone`s; all but [`Series`](crate::Series) are `Copy`.
pub trait Real:
    Elementary
    + PartialOrd
    + PartialOrd<f64>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + for<'a> Add<&'a Self, Output = Self>
    + for<'a> Sub<&'a Self, Output = Self>
    + for<'a> Mul<&'a Self, Output = Self>
    + for<'a> Div<&'a Self, Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + Product
    + num_traits::Zero
    + num_traits::One
{
}

impl<S> Real for S where
    S: Elementary
        + PartialOrd
        + PartialOrd<f64>
        + Add<f64, Output = S>
        + Sub<f64, Output = S>
        + Mul<f64, Output = S>
        + Div<f64, Output = S>
        + for<'a> Add<&'a S, Output = S>
        + for<'a> Sub<&'a S, Output = S>
        + for<'a> Mul<&'a S, Output = S>
        + for<'a> Div<&'a S, Output = S>
        + AddAssign
        + SubAssign
        + MulAssign
        + DivAssign
        + Sum
        + Product
        + num_traits::Zero
        + num_traits::One
{
}

/// A machine float that programs run at: `f32` or `f64`.
pub trait Float:
    Elementary
    + Copy
    + PartialOrd
    + Display
    + Default
    + Send
    + Sync
    + Sum
    + kernels::Scalar
    + num_traits::Zero
    + num_traits::One
    + 'static
{
    /// Which of the two it is.
    const PRECISION: Precision;

    /// The same number in double precision.
    fn to_f64(self) -> f64;

    /// Values of a row at many points; see [`Row::map`].
    #[doc(hidden)]
    fn map_row(row: Row, inputs: &[&[Self]], out: &mut [Self]);
}

impl Float for f32 {
    const PRECISION: Precision = Precision::Single;
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn map_row(row: Row, inputs: &[&[f32]], out: &mut [f32]) {
        vectorized::map_single(row, inputs, out);
    }
}

impl Float for f64 {
    const PRECISION: Precision = Precision::Double;
    fn to_f64(self) -> f64 {
        self
    }
    fn map_row(row: Row, inputs: &[&[f64]], out: &mut [f64]) {
        vectorized::map_double(row, inputs, out);
    }
}

/// Precision of floating-point numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit IEEE numbers, unit roundoff 2⁻²⁴.
    Single,
    /// 64-bit IEEE numbers, unit roundoff 2⁻⁵³.
    Double,
}

impl Precision {
    /// The distance from 1 to the next larger number.
    pub(crate) fn epsilon(self) -> f64 {
        match self {
            Precision::Single => f64::from(f32::EPSILON),
            Precision::Double => f64::EPSILON,
        }
    }

    /// The least number above 0 that has all digits.
    pub(crate) fn least_normal(self) -> f64 {
        match self {
            Precision::Single => f64::from(f32::MIN_POSITIVE),
            Precision::Double => f64::MIN_POSITIVE,
        }
    }
}
