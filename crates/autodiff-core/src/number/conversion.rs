//! Conversions between [`Taylor`] and [`Series`]: the order as a constant of the type, and as a number.

use super::{Series, Taylor};
use crate::real::Elementary;

/// The same coefficients; of a `Taylor<T, 0>` a constant, which takes any order.
///
/// ```
/// use autodiff_core::{Elementary, Series, Taylor};
///
/// let y = Taylor::<f64, 2>::variable(0.0).exp();
/// assert_eq!(Series::from(y).coefficients(), [1.0, 1.0, 0.5]);
/// ```
impl<T, const K: usize> From<Taylor<T, K>> for Series<T> {
    fn from(y: Taylor<T, K>) -> Self {
        Series::from(y.into_coefficients().collect::<Vec<T>>())
    }
}

/// The same coefficients; of a constant, 0 beyond its value.
///
/// # Errors
/// [`OrderMismatch`] if the order is not K: what is missing is not known, and what is too much would be lost silently.
///
/// ```
/// use autodiff_core::number::OrderMismatch;
/// use autodiff_core::{Elementary, Series, Taylor};
///
/// let y = Series::variable(0.0, 5).exp();
/// assert_eq!(Taylor::<f64, 4>::try_from(y.clone()).unwrap_err(), OrderMismatch { expected: 4, found: 5 });
/// let lower = Taylor::<f64, 2>::try_from(y.truncated(2))?;
/// assert_eq!((lower.value, lower.rest), (1.0, [1.0, 0.5]));
/// # Ok::<(), OrderMismatch>(())
/// ```
impl<T: Elementary, const K: usize> TryFrom<Series<T>> for Taylor<T, K> {
    type Error = OrderMismatch;

    fn try_from(y: Series<T>) -> Result<Self, OrderMismatch> {
        match y.order() {
            _ if y.is_constant() => Ok(Taylor::constant(y.value().clone())),
            found if found == K => Ok(Taylor::from_known(y.coefficients().iter().cloned())),
            found => Err(OrderMismatch { expected: K, found }),
        }
    }
}

/// A [`Series`] of another order than the [`Taylor`] it was to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a series of order {expected} or a constant, found order {found}{}", self.remedy())]
pub struct OrderMismatch {
    /// The order K of the type.
    pub expected: usize,
    /// The order of the series.
    pub found: usize,
}

impl OrderMismatch {
    fn remedy(&self) -> String {
        match self.expected {
            0 => " (take the value?)".into(),
            expected if expected < self.found => format!(" (truncated({expected})?)"),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_becomes_a_polynomial_of_its_own_order_only() {
        let y = Series::from(vec![1.0, 2.0, 3.0]);
        let same = Taylor::<f64, 2>::try_from(y.clone()).unwrap();
        assert_eq!(Series::from(same).coefficients(), y.coefficients());
        let message = |error: OrderMismatch| error.to_string();
        let too_short = Taylor::<f64, 3>::try_from(y.clone()).map_err(message).unwrap_err();
        assert_eq!(too_short, "expected a series of order 3 or a constant, found order 2");
        let too_long = Taylor::<f64, 1>::try_from(y.clone()).map_err(message).unwrap_err();
        assert_eq!(too_long, "expected a series of order 1 or a constant, found order 2 (truncated(1)?)");
        let no_value = Taylor::<f64, 0>::try_from(y).map_err(message).unwrap_err();
        assert_eq!(no_value, "expected a series of order 0 or a constant, found order 2 (take the value?)");
    }

    #[test]
    fn constants_take_any_order() {
        let c = Taylor::<f64, 3>::try_from(Series::constant(2.0)).unwrap();
        assert_eq!((c.value, c.rest), (2.0, [0.0; 3]));
        assert_eq!(Series::from(Taylor::<f64, 0>::constant(2.0)).order(), 0);
    }
}
