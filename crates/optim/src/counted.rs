//! An objective, or residuals, with a count of how often they are asked.

use crate::least_squares::{LeastSquares, ResidualModel};
use crate::objective::{LocalModel, Objective, ObjectiveError};
use crate::scalar::Scalar;
use crate::status::Counts;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Another objective, with every call counted: by whatever method, of this crate or not, and from any thread.
///
/// ```
/// use optim::{Counted, FromParts, TrustRegion};
/// let f = Counted::new(FromParts::new(
///     1,
///     |x: &[f64]| x[0] * x[0],
///     |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0],
///     |_: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 2.0 * v[0],
/// ));
/// let report = TrustRegion::new().minimize(&f, &[3.0])?;
/// assert_eq!(f.counts().gradients, report.counts.gradients);
/// assert_eq!(f.counts().products, report.counts.products);
/// # Ok::<(), optim::Error>(())
/// ```
///
/// Of [`LeastSquares`] it counts, as the methods do, residuals as values, preparations of J as gradients, and products with J
/// or Jᵀ and second derivatives as products; the first product with Jᵀ at a point belongs to its gradient.
#[derive(Debug, Default)]
pub struct Counted<O> {
    inner: O,
    values: AtomicUsize,
    gradients: AtomicUsize,
    products: AtomicUsize,
    expansions: AtomicUsize,
}

impl<O> Counted<O> {
    /// `inner`, asked for nothing yet.
    pub fn new(inner: O) -> Self {
        let zero = AtomicUsize::default;
        Self { inner, values: zero(), gradients: zero(), products: zero(), expansions: zero() }
    }

    /// The objective that is counted.
    pub fn inner(&self) -> &O {
        &self.inner
    }

    /// How often it was asked, failures included; iterations are none of its business and stay 0.
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Counts {
            values: of(&self.values),
            gradients: of(&self.gradients),
            products: of(&self.products),
            expansions: of(&self.expansions),
            ..Counts::default()
        }
    }

    /// Counts from zero again.
    pub fn reset(&self) {
        for count in [&self.values, &self.gradients, &self.products, &self.expansions] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

fn add(count: &AtomicUsize, n: usize) {
    count.fetch_add(n, Ordering::Relaxed);
}

impl<T: Scalar, O: Objective<T>> Objective<T> for Counted<O> {
    type Model<'a>
        = CountedModel<'a, O::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        add(&self.values, 1);
        self.inner.value(x)
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        add(&self.gradients, 1);
        Ok(CountedModel { inner: self.inner.at(x)?, products: &self.products, pulled: true })
    }

    fn value_and_gradient(&self, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        add(&self.gradients, 1);
        self.inner.value_and_gradient(x, gradient)
    }

    fn along(&self, x: &[T], v: &[T], order: usize, coefficients: &mut Vec<T>) -> Result<(), ObjectiveError> {
        add(&self.expansions, 1);
        self.inner.along(x, v, order, coefficients)
    }
}

/// A [`Counted`] objective near a point.
#[derive(Debug)]
pub struct CountedModel<'a, M> {
    inner: M,
    products: &'a AtomicUsize,
    /// Whether the product with Jᵀ that is a gradient was made.
    pulled: bool,
}

impl<T: Scalar, M: LocalModel<T>> LocalModel<T> for CountedModel<'_, M> {
    fn value(&self) -> T {
        self.inner.value()
    }

    fn gradient(&self) -> &[T] {
        self.inner.gradient()
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, 1);
        self.inner.hvp(v, out)
    }

    fn hvp_block(&mut self, directions: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, directions.len() / self.inner.gradient().len().max(1));
        self.inner.hvp_block(directions, out)
    }

    fn ggn(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, 1);
        self.inner.ggn(v, out)
    }
}

impl<T: Scalar, L: LeastSquares<T>> LeastSquares<T> for Counted<L> {
    type Model<'a>
        = CountedModel<'a, L::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn residual(&self, x: &[T], out: &mut Vec<T>) -> Result<(), ObjectiveError> {
        add(&self.values, 1);
        self.inner.residual(x, out)
    }

    fn model_at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        add(&self.gradients, 1);
        Ok(CountedModel { inner: self.inner.model_at(x)?, products: &self.products, pulled: false })
    }
}

impl<T: Scalar, M: ResidualModel<T>> ResidualModel<T> for CountedModel<'_, M> {
    fn residual(&self) -> &[T] {
        self.inner.residual()
    }

    fn jvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, 1);
        self.inner.jvp(v, out)
    }

    fn vjp(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, usize::from(self.pulled));
        self.pulled = true;
        self.inner.vjp(u, out)
    }

    fn second_derivative(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, 1);
        self.inner.second_derivative(v, out)
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        add(self.products, 1);
        self.inner.hvp(v, out)
    }
}
