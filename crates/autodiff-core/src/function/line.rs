//! [`LineModel`]: a function along a line through a point, as its Taylor polynomial, and the steps that it recommends.

use super::Function;
use crate::error::{Error, Result};
use crate::number::Series;
use crate::real::Float;
use crate::tree::{Traced, Tree};
use std::borrow::Borrow;

/// m(t) = Σ c_k tᵏ, the Taylor polynomial of f(x + t v) in t, from [`Function::local_model`].
///
/// The second-order model of a descent direction has its minimum at −c₁/(2c₂), which is gᵀg/gᵀHg along v = −g: the
/// curvature-adaptive step length. The third-order model bends it.
///
/// Gradient descent in `optim` steps by the model of third order. The length by that of second order it takes from a product with
/// the Hessian, which objectives of any kind have.
#[derive(Clone, Debug)]
pub struct LineModel<T> {
    series: Series<T>,
}

impl<T> From<Series<T>> for LineModel<T> {
    /// The model of these coefficients, which are divided by k!; what is missing is 0.
    fn from(series: Series<T>) -> LineModel<T> {
        LineModel { series }
    }
}

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// The Taylor polynomial of a scalar function along `x + t v`, to this order, at least 1. Costs what
    /// [`taylor`](Function::taylor) does.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() + 4.0 * x[1].square());
    /// let x = vec![4.0, 1.0];
    /// let downhill: Vec<f64> = f.gradient(&x)?.iter().map(|g| -g).collect();
    /// let model = f.local_model(&x, &downhill, 3)?;
    /// // gᵀg / gᵀHg = 128/640, and what it lowers the function by.
    /// assert_eq!(model.quadratic_step(), Some(0.2));
    /// assert!((model.value() - model.at(0.2) - 12.8).abs() < 1e-14);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar; [`Error::Unsupported`] for order 0; those of
    /// [`taylor`](Function::taylor).
    pub fn local_model<P: Tree>(&self, x: &P, v: &P, order: usize) -> Result<LineModel<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        if order == 0 {
            let message = "order 0 has no slope: expected at least 1".into();
            return Err(Error::Unsupported { operator: "local_model", message });
        }
        let mut coefficients = Vec::with_capacity(order + 1);
        let mut other = None;
        for numbers in self.taylor(x, v, order)? {
            let mut leaves = Vec::new();
            Out::flatten(&numbers, &mut |leaf| {
                leaves.push((crate::shape::Shape::of(leaf.shape()), leaf.iter().copied().next()))
            });
            match leaves[..] {
                [(ref shape, Some(c))] if shape.rank() == 0 => coefficients.push(c),
                _ => other = Some(leaves.into_iter().map(|(shape, _)| shape).collect()),
            }
        }
        match other {
            Some(found) => Err(Error::NotScalar { operator: "local_model", found }),
            None => Ok(Series::from(coefficients).into()),
        }
    }
}

impl<T: Float> LineModel<T> {
    /// The polynomial, with coefficients divided by k!.
    pub fn series(&self) -> &Series<T> {
        &self.series
    }

    fn coefficient(&self, k: usize) -> T {
        self.series.coefficients().get(k).copied().unwrap_or_else(T::zero)
    }

    /// f at the point.
    pub fn value(&self) -> T {
        self.coefficient(0)
    }

    /// vᵀ∇f, the first derivative along the line.
    pub fn slope(&self) -> T {
        self.coefficient(1)
    }

    /// vᵀ∇²f v, the second derivative along the line; 0 of a model of order 1.
    pub fn curvature(&self) -> T {
        self.coefficient(2).scale(2.0)
    }

    /// The model at t.
    pub fn at(&self, t: T) -> T {
        self.series.eval(t)
    }

    /// The minimum −slope/curvature of the second-order model; `None` where it has none.
    pub fn quadratic_step(&self) -> Option<T> {
        let step = -self.slope() / self.curvature();
        (self.curvature() > T::zero() && step.to_f64().is_finite()).then_some(step)
    }

    /// The minimum of the third-order model: where c₁ + 2c₂t + 3c₃t² = 0 and the model bends upwards. `None` where it has none,
    /// as along a line on which it falls for ever; the second-order step if there is no third order.
    ///
    /// The root is taken in the form without cancellation, and tends to the second-order step as c₃ does to 0.
    pub fn cubic_step(&self) -> Option<T> {
        let (slope, half, third) = (self.slope(), self.coefficient(2), self.coefficient(3).scale(3.0));
        if third == T::zero() {
            return self.quadratic_step();
        }
        // The root depends on ratios alone; squares of small numbers would vanish.
        let largest = [slope, half, third]
            .into_iter()
            .fold(T::zero(), |most, c| if c.magnitude() > most { c.magnitude() } else { most });
        let (slope, half, third) = (slope / largest, half / largest, third / largest);
        // half² − slope·third, whose root is the bend of the model at its minimum, halved.
        let discriminant = half * half - slope * third;
        // NaN has no minimum either.
        if discriminant <= T::zero() || discriminant.is_not_a_number() {
            return None;
        }
        let root = discriminant.sqrt();
        let step = if half >= T::zero() { -slope / (half + root) } else { (root - half) / third };
        step.to_f64().is_finite().then_some(step)
    }

    /// An estimate of |f(x + t v) − m(t)|, from the decay of the coefficients; see [`Series::remainder_estimate`].
    pub fn remainder_estimate(&self, t: f64) -> Option<f64> {
        self.series.remainder_estimate(t)
    }
}
