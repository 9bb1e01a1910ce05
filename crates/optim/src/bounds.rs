//! The box l ≤ x ≤ u of the methods for variables between bounds.

use crate::error::{Error, require, require_length};
use crate::scalar::Scalar;

/// Infinite entries stand for no bound.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(crate) struct Bounds<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    pub(crate) lower: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    pub(crate) upper: Vec<T>,
}

impl<T: Scalar> Bounds<T> {
    pub(crate) fn new(lower: &[T], upper: &[T]) -> Self {
        Self { lower: lower.to_vec(), upper: upper.to_vec() }
    }

    /// An error unless there is a bound for each of `n` variables, and a number between any two.
    pub(crate) fn check(&self, method: &'static str, n: usize) -> Result<(), Error> {
        require_length(method, "lower", n, self.lower.len())?;
        require_length(method, "upper", n, self.upper.len())?;
        for (&l, &u) in self.lower.iter().zip(&self.upper) {
            let ordered = l <= u && l < T::infinity() && u > T::neg_infinity();
            require(ordered, method, "lower", l, "a number at most the upper bound, and below infinity")?;
        }
        Ok(())
    }

    /// The number between the bounds of variable `i` that is nearest to `x`.
    pub(crate) fn clip(&self, i: usize, x: T) -> T {
        // Not `clamp`: a NaN stays one.
        if x < self.lower[i] {
            self.lower[i]
        } else if x > self.upper[i] {
            self.upper[i]
        } else {
            x
        }
    }

    /// The point of the box nearest to `x`.
    pub(crate) fn nearest(&self, x: &[T]) -> Vec<T> {
        x.iter().enumerate().map(|(i, &x)| self.clip(i, x)).collect()
    }

    /// Whether `x` is off both bounds of variable `i`.
    pub(crate) fn is_free(&self, i: usize, x: T) -> bool {
        x > self.lower[i] && x < self.upper[i]
    }

    /// x + s in the box, on a bound where only rounding keeps it off: s comes from a difference of bound and x.
    pub(crate) fn place(&self, i: usize, x: T, s: T) -> T {
        let (point, slack) = (x + s, T::of(4.0) * T::epsilon() * (x.abs() + s.abs()));
        if point <= self.lower[i] + slack {
            self.lower[i]
        } else if point >= self.upper[i] - slack {
            self.upper[i]
        } else {
            point
        }
    }

    /// The longest α for which x + α d is in the box.
    pub(crate) fn reach(&self, x: &[T], d: &[T]) -> T {
        let mut longest = T::infinity();
        for (i, (&x, &d)) in x.iter().zip(d).enumerate() {
            if d != T::zero() {
                let bound = if d > T::zero() { self.upper[i] } else { self.lower[i] };
                longest = longest.min((bound - x) / d);
            }
        }
        longest
    }

    /// ‖P(x − g) − x‖₂, P the projection to the box: zero exactly where the conditions of Karush, Kuhn and Tucker hold. Not
    /// finite where any entry of g is not: no bound makes an infinite slope a finite one.
    pub(crate) fn projected_gradient_norm(&self, x: &[T], gradient: &[T]) -> T {
        let entry = |(i, (&x, &g)): (usize, (&T, &T))| {
            if !g.is_finite() {
                return g.abs();
            }
            // Not a difference of x − g and x, which is lost in the rounding of a large x.
            let to_bound = if g > T::zero() { x - self.lower[i] } else { self.upper[i] - x };
            g.abs().min(to_bound)
        };
        let entries = || x.iter().zip(gradient).enumerate().map(entry);
        let largest = entries().fold(T::zero(), |m, e| if e > m || e.is_nan() { e } else { m });
        if largest == T::zero() || !largest.is_finite() {
            return largest;
        }
        largest * entries().map(|e| (e / largest).powi(2)).sum::<T>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn the_projected_gradient_is_exact_far_from_the_origin() {
        let bounds = Bounds::new(&[0.0, 0.0, 1.0], &[2e10, 3.0, 1.0]);
        // 1e10 − 5e-7 is 1e10; the second is cut by its bound, the third is fixed.
        let found = bounds.projected_gradient_norm(&[1e10, 4.0e-7, 1.0], &[5e-7, 1.0, -8.0]);
        assert!((found - 5e-7_f64.hypot(4e-7)).abs() < 1e-21, "{found:e}");
        let lost = bounds.projected_gradient_norm(&[1e10, 1.0, 1.0], &[f64::NAN, 0.0, 0.0]);
        assert!(lost.is_nan());
        for slope in [f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(bounds.projected_gradient_norm(&[0.0, 1.0, 1.0], &[1.0, slope, 0.0]), f64::INFINITY);
            assert_eq!(bounds.projected_gradient_norm(&[0.0, 1.0, 1.0], &[slope, 1.0, 0.0]), f64::INFINITY);
        }
        assert_eq!(bounds.projected_gradient_norm(&[0.0, 3.0, 1.0], &[1.0, -1.0, 2.0]), 0.0);
    }

    #[test]
    fn a_point_that_is_no_number_stays_one() {
        let bounds = Bounds::new(&[0.0; 3], &[1.0; 3]);
        let point = bounds.nearest(&[-1.0, f64::NAN, 7.0]);
        assert!(point[0] == 0.0 && point[1].is_nan() && point[2] == 1.0);
        assert_eq!(bounds.reach(&[0.5, 0.5, 0.0], &[1.0, -0.25, 0.0]), 0.5);
    }
}
