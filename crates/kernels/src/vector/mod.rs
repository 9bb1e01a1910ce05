//! Elementary functions of many numbers at once, at the speed of the vector units.
//!
//! ```
//! use kernels::vector::Function;
//!
//! let exp = Function::<f64, 1>::named("exp").unwrap();
//! let mut y = [0.0; 3];
//! exp.map([&[0.0, 1.0, f64::NEG_INFINITY]], &mut y);
//! assert_eq!(y[0], 1.0);
//! assert!((y[1] - std::f64::consts::E).abs() < 1e-15);
//! assert_eq!(y[2], 0.0);
//! ```
//!
//! Every function is written once, without branches, for a number of either precision; [`Lane`] has them as methods. A loop
//! over a slice that calls it is vectorised by the compiler, once for each [`Level`] of instructions, of which
//! [`dispatch`] chooses at run time. There are no intrinsics: the portable level is the same code compiled for the
//! baseline.
//!
//! What results keep to, at every level: special values (±0, ±∞, NaN, subnormal numbers, overflow, underflow) are those of
//! the standard library; errors are below 1.3 ulp for exp, ln, sin, cos, powers and their like, 1.6 for softplus and erf, 2.4 for
//! tanh, the sigmoid and inverse functions, 4.6 for the rest (measured: `docs/accuracy.md`); a result depends on its input alone, not on its place in the
//! slice or on the slice's length. Levels differ from each other in last places, for some fuse products and sums.

mod arithmetic;
mod chain;
mod coefficients;
mod error_function;
mod exponential;
mod inverse;
mod level;
mod logarithm;
mod map;
mod power;
mod trigonometric;
mod word;

pub use chain::{Term, chain};
pub use level::{Kernel, Level, dispatch, dispatch_at};
pub use map::{Elementwise, map, map_light};
pub use word::{Contraction, Fused, Separate};

use crate::special::Special;
use std::marker::PhantomData;

/// A number in a vectorised loop, with the elementary functions as methods that have no branches.
///
/// `F` says whether products and sums are fused; it is chosen by [`dispatch`].
#[derive(Clone, Copy, Debug)]
pub struct Lane<T, F> {
    /// The number.
    pub value: T,
    far: bool,
    contraction: PhantomData<F>,
}

impl<T, F> Lane<T, F> {
    /// A lane with this number.
    #[inline(always)]
    pub fn new(value: T) -> Self {
        Lane { value, far: false, contraction: PhantomData }
    }

    /// Whether the number is no result, for the argument was out of range of the vectorised function: an angle above 10⁵.
    #[inline(always)]
    pub fn is_far(&self) -> bool {
        self.far
    }
}

/// A function of `N` numbers that lanes have, for use by name.
#[derive(Clone, Copy, Debug)]
pub struct Function<T: 'static, const N: usize> {
    /// Name of the method of [`Lane`].
    pub name: &'static str,
    /// The function at one number as the standard library or [`special`](crate::special) computes it.
    pub scalar: fn([T; N]) -> T,
    best: fn([&[T]; N], &mut [T]),
    at: fn(Level, [&[T]; N], &mut [T]),
}

impl<T, const N: usize> Function<T, N> {
    /// `out[i] = f(inputs[..][i])`.
    ///
    /// # Panics
    /// If an input is shorter than `out`.
    pub fn map(&self, inputs: [&[T]; N], out: &mut [T]) {
        (self.best)(inputs, out);
    }

    /// The same at a level of instructions; at the portable one where this machine lacks it.
    pub fn map_at(&self, level: Level, inputs: [&[T]; N], out: &mut [T]) {
        (self.at)(level, inputs, out);
    }
}

/// A map over slices, to be run at a level.
struct Map<'a, T, E, const N: usize> {
    inputs: [&'a [T]; N],
    out: &'a mut [T],
    function: PhantomData<E>,
}

impl<T: Copy + Default, E: Elementwise<T, N>, const N: usize> Kernel for Map<'_, T, E, N> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        map::<T, F, E, N>(self.inputs, self.out);
    }
}

impl<T: Copy + Default, const N: usize> Function<T, N> {
    const fn of<E: Elementwise<T, N>>(name: &'static str) -> Self {
        Function {
            name,
            scalar: E::scalar,
            best: |inputs, out| dispatch(Map::<T, E, N> { inputs, out, function: PhantomData }),
            at: |level, inputs, out| dispatch_at(level, Map::<T, E, N> { inputs, out, function: PhantomData }),
        }
    }
}

macro_rules! lanes {
    (
        $T:ident
        one { $($(#[$doc1:meta])* $name1:ident($x:ident) { $lane1:expr } $(far { $far:expr })? scalar { $scalar1:expr })* }
        two { $($(#[$doc2:meta])* $name2:ident($a:ident, $b:ident) { $lane2:expr } scalar { $scalar2:expr })* }
    ) => {
        impl<F: Contraction> Lane<$T, F> {
            $(
                $(#[$doc1])*
                #[inline(always)]
                pub fn $name1(self) -> Self {
                    let $x = self.value;
                    Lane { value: $lane1, far: self.far $(| $far)?, contraction: PhantomData }
                }
            )*
            $(
                $(#[$doc2])*
                #[inline(always)]
                pub fn $name2(self, other: Self) -> Self {
                    let ($a, $b) = (self.value, other.value);
                    Lane { value: $lane2, far: self.far | other.far, contraction: PhantomData }
                }
            )*
        }

        impl Function<$T, 1> {
            /// Every function of one number, the more frequent first.
            pub const ALL: &'static [Self] = &[$({
                struct Of;
                impl Elementwise<$T, 1> for Of {
                    #[inline(always)]
                    fn lane<F: Contraction>([a]: [Lane<$T, F>; 1]) -> Lane<$T, F> {
                        a.$name1()
                    }
                    fn scalar([$x]: [$T; 1]) -> $T {
                        $scalar1
                    }
                }
                Function::of::<Of>(stringify!($name1))
            }),*];

            /// The function of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|f| f.name == name).copied()
            }
        }

        impl Function<$T, 2> {
            /// Every function of two numbers.
            pub const ALL: &'static [Self] = &[$({
                struct Of;
                impl Elementwise<$T, 2> for Of {
                    #[inline(always)]
                    fn lane<F: Contraction>([a, b]: [Lane<$T, F>; 2]) -> Lane<$T, F> {
                        a.$name2(b)
                    }
                    fn scalar([$a, $b]: [$T; 2]) -> $T {
                        $scalar2
                    }
                }
                Function::of::<Of>(stringify!($name2))
            }),*];

            /// The function of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|f| f.name == name).copied()
            }
        }
    };
}

/// The functions of a precision; those that differ are handed in.
macro_rules! functions {
    ($T:ident, $pow:ident, $hypot:ident) => {
        lanes! {
            $T
            one {
                /// eˣ.
                exp(x) { exponential::exp::<$T, F>(x) } scalar { x.exp() }
                /// eˣ − 1, exact near 0.
                exp_m1(x) { exponential::exp_m1::<$T, F>(x) } scalar { x.exp_m1() }
                /// Natural logarithm.
                ln(x) { logarithm::ln::<$T, F>(x) } scalar { x.ln() }
                /// ln(1 + x), exact near 0.
                ln_1p(x) { logarithm::ln_1p::<$T, F>(x) } scalar { x.ln_1p() }
                /// Sine of an angle in radians.
                sin(x) { trigonometric::sin::<$T, F>(x) } far { trigonometric::is_far(x) } scalar { x.sin() }
                /// Cosine of an angle in radians.
                cos(x) { trigonometric::cos::<$T, F>(x) } far { trigonometric::is_far(x) } scalar { x.cos() }
                /// Tangent of an angle in radians.
                tan(x) { trigonometric::tan::<$T, F>(x) } far { trigonometric::is_far(x) } scalar { x.tan() }
                /// Hyperbolic tangent.
                tanh(x) { exponential::tanh::<$T, F>(x) } scalar { x.tanh() }
                /// Hyperbolic sine.
                sinh(x) { exponential::sinh::<$T, F>(x) } scalar { x.sinh() }
                /// Hyperbolic cosine.
                cosh(x) { exponential::cosh::<$T, F>(x) } scalar { x.cosh() }
                /// Logistic sigmoid 1/(1 + e^{−x}).
                sigmoid(x) { exponential::sigmoid::<$T, F>(x) } scalar { x.special_sigmoid() }
                /// ln(1 + eˣ), without overflow.
                softplus(x) { logarithm::softplus::<$T, F>(x) } scalar { x.max(0.0) + (-x.abs()).exp().ln_1p() }
                /// Error function.
                erf(x) { error_function::erf::<$T, F>(x) } scalar { x.special_erf() }
                /// Complementary error function, exact in the right tail.
                erfc(x) { error_function::erfc::<$T, F>(x) } scalar { x.special_erfc() }
                /// Square root, correctly rounded.
                sqrt(x) { x.sqrt() } scalar { x.sqrt() }
                /// 1/x, correctly rounded.
                recip(x) { 1.0 / x } scalar { 1.0 / x }
                /// Inverse tangent, in [−π/2, π/2].
                atan(x) { inverse::atan::<$T, F>(x) } scalar { x.atan() }
                /// Inverse sine, in [−π/2, π/2].
                asin(x) { inverse::asin::<$T, F>(x) } scalar { x.asin() }
                /// Inverse cosine, in [0, π].
                acos(x) { inverse::acos::<$T, F>(x) } scalar { x.acos() }
                /// Real cube root, of any sign.
                cbrt(x) { power::cbrt::<$T, F>(x) } scalar { x.cbrt() }
                /// Inverse hyperbolic sine.
                asinh(x) { logarithm::asinh::<$T, F>(x) } scalar { x.asinh() }
                /// Inverse hyperbolic cosine, of x ≥ 1.
                acosh(x) { logarithm::acosh::<$T, F>(x) } scalar { x.acosh() }
                /// Inverse hyperbolic tangent, of |x| < 1.
                atanh(x) { logarithm::atanh::<$T, F>(x) } scalar { x.atanh() }
            }
            two {
                /// `self` raised to the power of `other`.
                pow(x, p) { power::$pow::<F>(x, p) } scalar { x.powf(p) }
                /// Angle of the point (x, y), for `y.atan2(x)`, in [−π, π].
                atan2(y, x) { inverse::atan2::<$T, F>(y, x) } scalar { y.atan2(x) }
                /// √(x² + y²) without overflow.
                hypot(x, y) { power::$hypot::<F>(x, y) } scalar { x.hypot(y) }
            }
        }
    };
}

functions!(f64, pow, hypot);
functions!(f32, pow_single, hypot_single);
