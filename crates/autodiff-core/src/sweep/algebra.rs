//! [`Algebra`]: what a number must offer to be swept.

use crate::number::{Dual, HyperDual, Jet, Tangents, Taylor};
use crate::real::{Elementary, Float, Row};

/// A number that sweeps compute with.
pub trait Algebra: Elementary + Copy + 'static {
    /// What a sum of cotangents starts from: −0, to which adding x gives exactly x, and which marks that nothing came back.
    ///
    /// Told apart from a cotangent 0, because 0 times an infinite partial is NaN, and what nothing came back to stays 0.
    fn absent() -> Self;

    /// Whether nothing was added.
    fn is_absent(&self) -> bool;

    /// This times or over a constant: value and derivatives alike.
    fn by_constant(self, row: Row, c: Self) -> Self;

    /// Of a product or quotient, whether zeros among the derivatives of one operand may have met what is not finite in the other.
    /// Every part of both is a factor in the derivatives of highest order, which then are not finite either.
    fn may_have_lost(&self) -> bool;

    /// Whether the value is not 0: a comparison holds, a `select` takes its first branch.
    fn holds(&self) -> bool;
}

impl<T: Float> Algebra for T {
    #[inline]
    fn absent() -> T {
        -T::zero()
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.to_f64().to_bits() == (-0.0_f64).to_bits()
    }

    #[inline]
    fn by_constant(self, row: Row, c: T) -> T {
        row.apply(&[self, c])
    }

    #[inline]
    fn may_have_lost(&self) -> bool {
        false
    }

    #[inline]
    fn holds(&self) -> bool {
        *self != T::zero()
    }
}

/// An algebra of value and derivatives over a float.
macro_rules! derivatives {
    ([$($G:tt)*] $N:ty, $absent:expr, |$x:ident| $every:expr, $highest:expr) => {
        impl<T: Float, $($G)*> Algebra for $N {
            #[inline]
            fn absent() -> Self {
                $absent
            }

            #[inline]
            fn is_absent(&self) -> bool {
                let $x = self;
                self.value.is_absent() && $every
            }

            #[inline]
            fn by_constant(self, row: Row, c: Self) -> Self {
                match row {
                    Row::Mul => self.map(|part| part * c.value),
                    Row::Div => self.map(|part| part / c.value),
                    _ => row.apply(&[self, c]),
                }
            }

            #[inline]
            fn may_have_lost(&self) -> bool {
                let $x = self;
                $highest.iter().any(|part| !part.to_f64().is_finite())
            }

            #[inline]
            fn holds(&self) -> bool {
                self.value.holds()
            }
        }
    };
}

derivatives!([] Dual<T>, Dual::new(T::absent(), T::absent()), |x| x.tangent.is_absent(), [x.tangent]);
derivatives!([] HyperDual<T>, HyperDual::new(T::absent(), T::absent(), T::absent(), T::absent()),
    |x| [x.first, x.second, x.cross].iter().all(T::is_absent), [x.cross]);
derivatives!([const N: usize] Tangents<T, N>, Tangents::new(T::absent(), [T::absent(); N]),
    |x| x.tangents.iter().all(T::is_absent), x.tangents);
derivatives!([const K: usize] Taylor<T, K>, Taylor::new(T::absent(), [T::absent(); K]),
    |x| x.rest.iter().all(T::is_absent), x.rest[K - 1..]);
