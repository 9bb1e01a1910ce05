//! Elementwise operations on [`Var`]: arithmetic operators and the rows of the table, with NumPy's broadcasting.
//!
//! Broadcasting happens here and only here: elementwise nodes have operands of one shape, and an operand of another shape
//! gets a `broadcast` node first, whose transpose sums. No derivative rule ever meets a broadcast.

use crate::graph::Var;
use crate::real::{Elementary, Row, whole_exponent};
use crate::trace::{
    Operand, are_quick, constant, known_number, literal, record_plainly, record_quickly, record_row,
    record_select_quickly, record_two_quickly, refuse,
};
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use std::panic::Location;

/// Records a row, broadcasting its operands to one shape.
pub(crate) fn pointwise(row: Row, operands: &[Var], place: &'static Location<'static>) -> Var {
    let shapes: smallvec::SmallVec<[_; 3]> = operands.iter().map(|v| v.shape()).collect();
    if shapes.windows(2).all(|w| w[0] == w[1]) {
        return record_row(row, operands, place);
    }
    let mut common = shapes[0].clone();
    for shape in &shapes[1..] {
        match common.broadcast(shape) {
            Some(shape) => common = shape,
            None => {
                if !crate::trace::all_here(row.name(), operands, place) {
                    return record_row(row, operands, place);
                }
                let message = format!("shapes {shapes:?} do not broadcast to one shape");
                return refuse(row.name(), message, place);
            }
        }
    }
    let operands: smallvec::SmallVec<[Var; 3]> = operands.iter().map(|&v| v.broadcast_at(&common, place)).collect();
    record_row(row, &operands, place)
}

/// Records the row at a place of the table, of one operand.
#[inline]
fn one<const ROW: usize>(a: Var, place: &'static Location<'static>) -> Var {
    // Not by a closure, which would have its operands put in memory for it each time.
    match record_quickly::<ROW>(a) {
        Some(var) => var,
        None => slow_one(Row::ALL[ROW], a, place),
    }
}

/// Records the row at a place of the table, of two operands, broadcasting them to one shape.
#[inline(always)]
fn two<const ROW: usize>(a: impl Operand, b: impl Operand, place: &'static Location<'static>) -> Var {
    match record_two_quickly::<ROW>(a, b) {
        Some(var) => var,
        None => slow_two(Row::ALL[ROW], a, b, place),
    }
}

/// Records the smooth row at a place of the table, of two operands; whole powers as the products that they are.
///
/// The slope of a power divides by the base at every order. A product does not, so that x² is a polynomial also near 0.
#[inline(always)]
#[track_caller]
fn smooth_two<const ROW: usize>(a: Var, b: Var) -> Var {
    if const { ROW == Row::Pow as usize }
        && let Some(n) = b.known_exponent()
    {
        return Elementary::powi(a, n);
    }
    two::<ROW>(a, b, Location::caller())
}

/// Records a `select`, broadcasting its operands to one shape.
#[inline]
fn select(mask: Var, if_true: Var, if_false: Var, place: &'static Location<'static>) -> Var {
    match record_select_quickly(mask, if_true, if_false) {
        Some(var) => var,
        None => pointwise(Row::Select, &[mask, if_true, if_false], place),
    }
}

#[cold]
#[inline(never)]
fn slow_one(row: Row, a: Var, place: &'static Location<'static>) -> Var {
    record_plainly(row, [a]).unwrap_or_else(|| record_row(row, &[a], place))
}

#[cold]
#[inline(never)]
fn slow_two(row: Row, a: impl Operand, b: impl Operand, place: &'static Location<'static>) -> Var {
    let (a, b) = (a.variable(), b.variable());
    record_plainly(row, [a, b]).unwrap_or_else(|| pointwise(row, &[a, b], place))
}

macro_rules! elementary_var {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        impl Elementary for Var {
            fn from_f64(c: f64) -> Var {
                constant(c)
            }
            #[track_caller]
            fn constant_like(&self, c: f64) -> Var {
                constant(c).broadcast_at(&self.shape(), Location::caller())
            }
            #[track_caller]
            fn strong_mul(self, factor: Var) -> Var {
                pointwise(Row::StrongMul, &[self, factor], Location::caller())
            }
            #[track_caller]
            fn strong_div(self, divisor: Var) -> Var {
                pointwise(Row::StrongDiv, &[self, divisor], Location::caller())
            }
            #[track_caller]
            fn select(self, if_true: Var, if_false: Var) -> Var {
                select(self, if_true, if_false, Location::caller())
            }
            #[track_caller]
            fn scale(self, c: f64) -> Var {
                self * c
            }
            #[track_caller]
            fn offset(self, c: f64) -> Var {
                self + c
            }
            $(#[track_caller] fn $u(self) -> Var { one::<{ Row::$U as usize }>(self, Location::caller()) })*
            fn known_exponent(&self) -> Option<i32> {
                known_number(*self).and_then(whole_exponent)
            }
            $(#[track_caller] fn $b(self, other: Var) -> Var { smooth_two::<{ Row::$B as usize }>(self, other) })*
            $(#[track_caller] fn $d(self) -> Var { one::<{ Row::$D as usize }>(self, Location::caller()) })*
            $(#[track_caller] fn $c(self, other: Var) -> Var { two::<{ Row::$C as usize }>(self, other, Location::caller()) })*
        }

        /// The elementary functions, entry by entry, so that they are at hand without importing a trait.
        impl Var {
            $($(#[$udoc])* #[track_caller] pub fn $u(self) -> Var { one::<{ Row::$U as usize }>(self, Location::caller()) })*
            $($(#[$bdoc])* #[track_caller] pub fn $b(self, other: impl IntoVar) -> Var {
                smooth_two::<{ Row::$B as usize }>(self, other.into_operand())
            })*
            $($(#[$ddoc])* #[track_caller] pub fn $d(self) -> Var { one::<{ Row::$D as usize }>(self, Location::caller()) })*
            $($(#[$cdoc])* #[track_caller] pub fn $c(self, other: impl IntoVar) -> Var {
                two::<{ Row::$C as usize }>(self, other.into_operand(), Location::caller())
            })*
        }
    };
}

crate::for_each_row!(elementary_var);

/// What stands for a variable in an operand: a [`Var`], a reference to one, or an `f64`.
///
/// Not an `f32`: with both, the type of a literal as in `(2.0 * x).sin()` would be ambiguous.
pub trait IntoVar {
    /// The variable; a number becomes a scalar constant of the current trace.
    fn into_var(self) -> Var;

    /// The variable as an operand, which nothing else will name: equal numbers may be one constant.
    #[doc(hidden)]
    fn into_operand(self) -> Var
    where
        Self: Sized,
    {
        self.into_var()
    }
}

impl IntoVar for Var {
    #[inline]
    fn into_var(self) -> Var {
        self
    }
}

impl IntoVar for &Var {
    #[inline]
    fn into_var(self) -> Var {
        *self
    }
}

impl IntoVar for f64 {
    fn into_var(self) -> Var {
        constant(self)
    }

    fn into_operand(self) -> Var {
        literal(self)
    }
}

/// Composed functions, forwarded from [`Elementary`] so that no trait need be imported.
impl Var {
    /// `mask.select(a, b)` is `a` where the mask is not 0, else `b`.
    ///
    /// The branch not taken is discarded in the value and in every derivative, also where it is infinite or NaN.
    #[track_caller]
    pub fn select(self, if_true: impl IntoVar, if_false: impl IntoVar) -> Var {
        select(self, if_true.into_operand(), if_false.into_operand(), Location::caller())
    }

    /// self².
    #[inline]
    #[track_caller]
    pub fn square(self) -> Var {
        self * self
    }

    /// `selfⁿ`, exact in every derivative also at 0.
    #[track_caller]
    pub fn powi(self, n: i32) -> Var {
        Elementary::powi(self, n)
    }

    /// `self` raised to a constant power.
    #[track_caller]
    pub fn powf(self, p: f64) -> Var {
        Elementary::powf(self, p)
    }

    /// Polygamma function ψ⁽ⁿ⁾ = (−1)ⁿ⁺¹ n! ζ(n + 1, ·).
    #[track_caller]
    pub fn polygamma(self, n: u32) -> Var {
        Elementary::polygamma(self, n)
    }

    /// |self|, with derivative 0 at 0.
    #[track_caller]
    pub fn abs(self) -> Var {
        Elementary::abs(self)
    }

    /// The larger of two; at a tie the derivative is the mean of both.
    #[track_caller]
    pub fn max(self, other: impl IntoVar) -> Var {
        let (a, b) = paired("max", self, other.into_operand(), Location::caller());
        Elementary::max(a, b)
    }

    /// The smaller of two; at a tie the derivative is the mean of both.
    #[track_caller]
    pub fn min(self, other: impl IntoVar) -> Var {
        let (a, b) = paired("min", self, other.into_operand(), Location::caller());
        Elementary::min(a, b)
    }

    /// Limited to [low, high]; derivative 1 inside and at the ends, 0 outside.
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Var {
        Elementary::clamp(self, low, high)
    }

    /// max(self, 0), with derivative 0 at 0.
    #[track_caller]
    pub fn relu(self) -> Var {
        Elementary::relu(self)
    }

    /// ln of the logistic sigmoid, without overflow.
    #[track_caller]
    pub fn log_sigmoid(self) -> Var {
        Elementary::log_sigmoid(self)
    }

    /// 1 where `self > other`, else 0.
    #[track_caller]
    pub fn greater(self, other: impl IntoVar) -> Var {
        other.into_operand().less(self)
    }

    /// 1 where `self ≥ other`, else 0.
    #[track_caller]
    pub fn greater_equal(self, other: impl IntoVar) -> Var {
        other.into_operand().less_equal(self)
    }
}

/// Both operands of a composed function in their common shape; the trace is refused in its name if there is none.
#[inline]
fn paired(operation: &str, a: Var, b: Var, place: &'static Location<'static>) -> (Var, Var) {
    if are_quick(&[a, b]) { (a, b) } else { paired_arrays(operation, a, b, place) }
}

/// The same of what may be arrays.
#[inline(never)]
fn paired_arrays(operation: &str, a: Var, b: Var, place: &'static Location<'static>) -> (Var, Var) {
    if !crate::trace::all_here(operation, &[a, b], place) {
        return (a, b);
    }
    match a.shape().broadcast(&b.shape()) {
        Some(shape) => (a.broadcast_at(&shape, place), b.broadcast_at(&shape, place)),
        None => {
            let message = format!("shapes {} and {} do not broadcast to one shape", a.shape(), b.shape());
            let refused = refuse(operation, message, place);
            (refused, refused)
        }
    }
}

impl Neg for Var {
    type Output = Var;
    #[inline]
    #[track_caller]
    fn neg(self) -> Var {
        one::<{ Row::Neg as usize }>(self, Location::caller())
    }
}

impl Neg for &Var {
    type Output = Var;
    #[track_caller]
    fn neg(self) -> Var {
        -*self
    }
}

macro_rules! operator {
    ($Trait:ident $method:ident $TraitAssign:ident $assign:ident $row:expr) => {
        operator!(@pair inline, $Trait $method $row, a: Var => a, b: Var => b);
        operator!(@pair inline, $Trait $method $row, a: &Var => *a, b: Var => b);
        operator!(@pair inline, $Trait $method $row, a: Var => a, b: &Var => *b);
        operator!(@pair inline, $Trait $method $row, a: &Var => *a, b: &Var => *b);
        // Inlined in any case: where the number is in the text, so is the place where it is looked for.
        operator!(@pair inline(always), $Trait $method $row, a: Var => a, b: f64 => b);
        operator!(@pair inline(always), $Trait $method $row, a: &Var => *a, b: f64 => b);
        operator!(@pair inline(always), $Trait $method $row, a: f64 => a, b: Var => b);
        operator!(@pair inline(always), $Trait $method $row, a: f64 => a, b: &Var => *b);

        operator!(@assign $TraitAssign $assign $row, b: Var => b);
        operator!(@assign $TraitAssign $assign $row, b: &Var => *b);
        operator!(@assign $TraitAssign $assign $row, b: f64 => b);
    };
    (@assign $TraitAssign:ident $assign:ident $row:expr, $b:ident: $B:ty => $y:expr) => {
        impl $TraitAssign<$B> for Var {
            #[inline]
            #[track_caller]
            fn $assign(&mut self, $b: $B) {
                *self = two::<{ $row as usize }>(*self, $y, Location::caller());
            }
        }
    };
    (@pair $inline:meta, $Trait:ident $method:ident $row:expr, $a:ident: $A:ty => $x:expr, $b:ident: $B:ty => $y:expr) => {
        impl $Trait<$B> for $A {
            type Output = Var;
            #[$inline]
            #[track_caller]
            fn $method(self, $b: $B) -> Var {
                let $a = self;
                two::<{ $row as usize }>($x, $y, Location::caller())
            }
        }
    };
}

operator!(Add add AddAssign add_assign Row::Add);
operator!(Sub sub SubAssign sub_assign Row::Sub);
operator!(Mul mul MulAssign mul_assign Row::Mul);
operator!(Div div DivAssign div_assign Row::Div);

/// Combines variables in order; of none it is `empty`.
fn fold<const ROW: usize>(empty: f64, vars: impl Iterator<Item = Var>, place: &'static Location<'static>) -> Var {
    let mut whole = None;
    for var in vars {
        whole = Some(whole.map_or(var, |whole| two::<ROW>(whole, var, place)));
    }
    whole.unwrap_or_else(|| constant(empty))
}

impl Sum for Var {
    /// Sum in order; of nothing it is 0. An error names the iterator's line in the standard library, not the user's.
    #[track_caller]
    fn sum<I: Iterator<Item = Var>>(vars: I) -> Var {
        fold::<{ Row::Add as usize }>(0.0, vars, Location::caller())
    }
}

impl<'a> Sum<&'a Var> for Var {
    #[track_caller]
    fn sum<I: Iterator<Item = &'a Var>>(vars: I) -> Var {
        vars.copied().sum()
    }
}

impl Product for Var {
    /// Product in order; of nothing it is 1.
    #[track_caller]
    fn product<I: Iterator<Item = Var>>(vars: I) -> Var {
        fold::<{ Row::Mul as usize }>(1.0, vars, Location::caller())
    }
}

impl<'a> Product<&'a Var> for Var {
    #[track_caller]
    fn product<I: Iterator<Item = &'a Var>>(vars: I) -> Var {
        vars.copied().product()
    }
}

impl From<f64> for Var {
    fn from(c: f64) -> Var {
        constant(c)
    }
}

impl num_traits::Zero for Var {
    fn zero() -> Var {
        constant(0.0)
    }
    /// Compares with 0, which guards the trace.
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl num_traits::One for Var {
    fn one() -> Var {
        constant(1.0)
    }
}
