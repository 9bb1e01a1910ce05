//! What a number type must say for its elementary functions to follow from the row table.
//!
//! A type answers the few questions of [`Jet`]; [`elementary_by_rows!`] then writes its whole
//! [`Elementary`](crate::Elementary) implementation, one line for each row, with no derivative in sight.

use crate::real::{Elementary, Row};

/// A value with derivatives over numbers of type `Base`.
pub(crate) trait Jet: Elementary {
    /// Type of value and derivatives.
    type Base: Elementary;

    /// `value` with all derivatives 0.
    fn lift(value: Self::Base) -> Self;

    /// The value, without derivatives.
    fn base(&self) -> &Self::Base;

    /// The same derivatives at another value.
    fn with_base(self, value: Self::Base) -> Self;

    /// Whether all derivatives are known to be 0.
    fn is_still(&self) -> bool {
        self.clone().with_base(Self::Base::from_f64(0.0)).is_exact_zero()
    }

    /// Whether `holds` of value and of every derivative.
    fn every(&self, holds: impl Fn(&Self::Base) -> bool) -> bool;

    /// `f`, which must be linear, applied to value and every derivative.
    fn map(self, f: impl Fn(Self::Base) -> Self::Base) -> Self;

    /// `mask` not 0 ? `if_true` : `if_false`, component by component.
    fn choose(mask: &Self::Base, if_true: Self, if_false: Self) -> Self;

    /// A smooth row of one input.
    fn unary(row: Row, x: Self) -> Self;

    /// A smooth row of two inputs.
    fn binary(row: Row, a: Self, b: Self) -> Self;

    /// `x · x`.
    fn squared(x: Self) -> Self;
}

/// A smooth row of two inputs; whole powers as the products that they are.
///
/// Their recurrence divides by the base at every order. A product does not, so that x² is a polynomial also near 0.
#[inline]
pub(super) fn binary<J: Jet>(row: Row, a: J, b: J) -> J {
    if row == Row::Pow
        && let Some(n) = b.known_exponent()
    {
        let value = a.base().clone().pow(b.base().clone());
        return a.powi(n).with_base(value);
    }
    J::binary(row, a, b)
}

macro_rules! define_elementary_by_rows {
    (
        unary { $($(#[$udoc:meta])* $U:ident $u:ident value($ux:ident) $uv:block
            $ukind:ident($upx:ident, $upy:ident) $up:block sample $us:tt;)* }
        binary { $($(#[$bdoc:meta])* $B:ident $b:ident value($ba:ident, $bc:ident) $bv:block
            partials($bpa:ident, $bpb:ident, $bpy:ident) { $bd0:expr, $bd1:expr } sample $bs0:tt $bs1:tt;)* }
        discrete { $($(#[$ddoc:meta])* $D:ident $d:ident value($dx:ident) $dv:block;)* }
        comparison { $($(#[$cdoc:meta])* $C:ident $c:ident value($ca:ident, $cb:ident) $cv:block;)* }
    ) => {
        /// The body of `impl Elementary` for a [`Jet`].
        macro_rules! elementary_by_rows {
            () => {
                #[inline]
                fn from_f64(c: f64) -> Self {
                    Self::lift(Elementary::from_f64(c))
                }
                #[inline]
                fn select(self, if_true: Self, if_false: Self) -> Self {
                    Self::choose(self.base(), if_true, if_false)
                }
                #[inline]
                fn scale(self, c: f64) -> Self {
                    self.map(|part| part.scale(c))
                }
                #[inline]
                fn offset(self, c: f64) -> Self {
                    let value = self.base().clone().offset(c);
                    self.with_base(value)
                }
                #[inline]
                fn square(self) -> Self {
                    Self::squared(self)
                }
                #[inline]
                fn is_exact_zero(&self) -> bool {
                    self.every(Elementary::is_exact_zero)
                }
                $(#[inline] fn $u(self) -> Self { Self::unary(Row::$U, self) })*
                #[inline]
                fn known_exponent(&self) -> Option<i32> {
                    if self.is_still() { self.base().known_exponent() } else { None }
                }
                $(#[inline] fn $b(self, other: Self) -> Self { super::chain::binary(Row::$B, self, other) })*
                $(#[inline] fn $d(self) -> Self { Self::lift(self.base().clone().$d()) })*
                $(#[inline] fn $c(self, other: Self) -> Self {
                    Self::lift(self.base().clone().$c(other.base().clone()))
                })*
            };
        }
    };
}

crate::for_each_row!(define_elementary_by_rows);
