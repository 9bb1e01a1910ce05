//! What a method sees of a problem: values, and at a prepared point the gradient and products with the Hessian.
//!
//! The law: *prepare a point once, multiply many times*. [`Objective::at`] does all work that depends on the point
//! alone; each [`LocalModel::hvp`] then costs one product. No Hessian is ever formed.
//!
//! ```
//! use optim::{FromParts, LocalModel, Objective};
//! // f(x, y) = x² y
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| x[0] * x[0] * x[1],
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0] * x[1], x[0] * x[0]]),
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| {
//!         hv.copy_from_slice(&[2.0 * (x[1] * v[0] + x[0] * v[1]), 2.0 * x[0] * v[0]])
//!     },
//! );
//! let mut model = f.at(&[3.0, 5.0])?;
//! assert_eq!(model.value(), 45.0);
//! assert_eq!(model.gradient(), [30.0, 9.0]);
//! let mut hv = [0.0; 2];
//! model.hvp(&[1.0, 0.0], &mut hv)?;
//! assert_eq!(hv, [10.0, 6.0]);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use crate::operator::{GaussNewtonOperator, HessianOperator};
use crate::scalar::Scalar;
use std::error::Error as StdError;
use std::marker::PhantomData;

/// A twice differentiable function from a flat vector of length `n` to a number, to be minimised.
///
/// A value that is not finite is an answer, not an error: every method treats it as a point to stay away from.
/// The methods of this crate keep at most one [`LocalModel`] of an objective alive, and none while they call
/// [`value`](Self::value) or [`at`](Self::at), so an implementation may hand out its one workspace.
pub trait Objective<T: Scalar> {
    /// The function near one point.
    type Model<'a>: LocalModel<T>
    where
        Self: 'a;

    /// The length `n` of the vectors the function takes.
    fn dimension(&self) -> usize;

    /// The value at `x`, of length `n`.
    ///
    /// # Errors
    /// A wrong length, or whatever keeps the function from being evaluated.
    fn value(&self, x: &[T]) -> Result<T, ObjectiveError>;

    /// The function near `x`, of length `n`: value and gradient at once, products on demand.
    ///
    /// # Errors
    /// A wrong length, or whatever keeps the function from being evaluated.
    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError>;

    /// The value at `x`, with the gradient written into `gradient`; both vectors have length `n`.
    ///
    /// For methods that need no products. As [`at`](Self::at) unless the objective has a way that prepares nothing
    /// for products, or that allocates nothing.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    fn value_and_gradient(&self, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        check_length("value_and_gradient", "gradient", self.dimension(), gradient.len())?;
        let model = self.at(x)?;
        gradient.copy_from_slice(model.gradient());
        Ok(model.value())
    }

    /// Taylor coefficients 0 to `order` of t ↦ f(x + t v), coefficient k divided by k!, into `coefficients`, which become
    /// `order + 1`; `x` and `v` have length `n`.
    ///
    /// For steps by models of third and higher order. Differentiated closures have them, and sums of these over data.
    ///
    /// # Errors
    /// [`ObjectiveError::Unsupported`] for an objective that does not say them, a wrong length, or whatever keeps the function from
    /// being evaluated.
    fn along(&self, x: &[T], v: &[T], order: usize, coefficients: &mut Vec<T>) -> Result<(), ObjectiveError> {
        let _ = (x, v, order, coefficients);
        Err(ObjectiveError::Unsupported { operation: "along" })
    }
}

/// An objective near the point it was prepared at.
pub trait LocalModel<T: Scalar> {
    /// The value at the point.
    fn value(&self) -> T;

    /// The gradient at the point, of length `n`.
    fn gradient(&self) -> &[T];

    /// Writes the product of the Hessian at the point with `v` into `out`; both have length `n`.
    ///
    /// # Errors
    /// [`ObjectiveError::Unsupported`] for an objective without second derivatives, a wrong length, or what the
    /// objective itself reports.
    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;

    /// Writes the products of the Hessian with `k` directions: `directions` and `out` hold `k` rows of length `n`.
    ///
    /// As `k` calls of [`hvp`](Self::hvp) unless the objective shares work between the directions.
    ///
    /// # Errors
    /// As [`hvp`](Self::hvp); a length of `directions` that is no multiple of `n`, or of `out` that differs from it.
    fn hvp_block(&mut self, directions: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        let n = self.gradient().len();
        check_length("hvp_block", "out", directions.len(), out.len())?;
        if n == 0 {
            return check_length("hvp_block", "directions", 0, directions.len());
        }
        let whole_rows = directions.len() / n * n;
        check_length("hvp_block", "directions", whole_rows, directions.len())?;
        for (v, out) in directions.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
            self.hvp(v, out)?;
        }
        Ok(())
    }

    /// Writes the product of the generalised Gauss–Newton matrix at the point with `v` into `out`.
    ///
    /// The matrix is Jᵀ H_ℓ J for an objective ℓ ∘ r with r's Jacobian J and ℓ's Hessian H_ℓ.
    ///
    /// # Errors
    /// [`ObjectiveError::Unsupported`] unless the objective says how it is composed.
    fn ggn(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        let _ = (v, out);
        Err(ObjectiveError::Unsupported { operation: "ggn" })
    }

    /// The Hessian at the point as a linear operator.
    fn hessian(&mut self) -> HessianOperator<'_, Self>
    where
        Self: Sized,
    {
        HessianOperator::new(self)
    }

    /// The generalised Gauss–Newton matrix at the point as a linear operator.
    fn gauss_newton(&mut self) -> GaussNewtonOperator<'_, Self>
    where
        Self: Sized,
    {
        GaussNewtonOperator::new(self)
    }
}

impl<T: Scalar, O: Objective<T> + ?Sized> Objective<T> for &O {
    type Model<'a>
        = O::Model<'a>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        (**self).value(x)
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        (**self).at(x)
    }

    fn value_and_gradient(&self, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        (**self).value_and_gradient(x, gradient)
    }

    fn along(&self, x: &[T], v: &[T], order: usize, coefficients: &mut Vec<T>) -> Result<(), ObjectiveError> {
        (**self).along(x, v, order, coefficients)
    }
}

/// Why an objective could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// A vector does not have the length of the problem.
    #[error("{operation}: {argument} has length {found}, expected {expected}")]
    Length {
        /// What was asked for.
        operation: &'static str,
        /// Which vector.
        argument: &'static str,
        /// The length that was expected.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// The objective does not offer this product.
    #[error("{operation}: this objective does not offer it (use a method that does not need it, or implement it)")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
    },
    /// The function failed while being evaluated.
    #[error("the objective failed: {0}")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

impl ObjectiveError {
    /// The error of a function that failed with `source`, any error or a message.
    ///
    /// ```
    /// let error = optim::ObjectiveError::new("the file ended at row 7");
    /// assert_eq!(error.to_string(), "the objective failed: the file ended at row 7");
    /// ```
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}

/// An [`ObjectiveError::Length`] unless both lengths agree.
pub(crate) fn check_length(
    operation: &'static str,
    argument: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), ObjectiveError> {
    if expected == found {
        return Ok(());
    }
    Err(ObjectiveError::Length { operation, argument, expected, found })
}

/// The type of the product in an objective that has none.
pub type NoProduct<T> = fn(&[T], &[T], &mut [T]);

/// An objective from hand-written closures for value, gradient and Hessian-vector product.
///
/// The closures are `f(x)`, `gradient(x, out)` and `product(x, v, out)`; `out` comes filled with zeros.
/// For closures that can fail, implement [`Objective`] directly.
#[derive(Clone, Debug)]
pub struct FromParts<T, F, G, P = NoProduct<T>> {
    dimension: usize,
    f: F,
    gradient: G,
    product: Option<P>,
    scalar: PhantomData<fn() -> T>,
}

impl<T, F, G, P> FromParts<T, F, G, P>
where
    T: Scalar,
    F: Fn(&[T]) -> T,
    G: Fn(&[T], &mut [T]),
    P: Fn(&[T], &[T], &mut [T]),
{
    /// The objective of `dimension` variables with these parts; see the [module](self) for an example.
    pub fn new(dimension: usize, f: F, gradient: G, product: P) -> Self {
        Self { dimension, f, gradient, product: Some(product), scalar: PhantomData }
    }
}

impl<T, F, G> FromParts<T, F, G>
where
    T: Scalar,
    F: Fn(&[T]) -> T,
    G: Fn(&[T], &mut [T]),
{
    /// The objective with these parts and no second derivatives: products are [`ObjectiveError::Unsupported`].
    ///
    /// ```
    /// use optim::{FromParts, GradientDescent, StepRule};
    /// let f = FromParts::first_order(1, |x: &[f64]| x[0] * x[0], |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0]);
    /// // The step 1/2 is the inverse of the curvature 2, so one step lands on the minimum.
    /// let report = GradientDescent::new(StepRule::Fixed { step: 0.5 }).minimize(&f, &[3.0])?;
    /// assert_eq!(report.x, [0.0]);
    /// # Ok::<(), optim::Error>(())
    /// ```
    pub fn first_order(dimension: usize, f: F, gradient: G) -> Self {
        Self { dimension, f, gradient, product: None, scalar: PhantomData }
    }
}

impl<T, F, G, P> Objective<T> for FromParts<T, F, G, P>
where
    T: Scalar,
    F: Fn(&[T]) -> T,
    G: Fn(&[T], &mut [T]),
    P: Fn(&[T], &[T], &mut [T]),
{
    type Model<'a>
        = PartsModel<'a, T, P>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        check_length("value", "x", self.dimension, x.len())?;
        Ok((self.f)(x))
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        check_length("at", "x", self.dimension, x.len())?;
        let mut gradient = vec![T::zero(); self.dimension];
        (self.gradient)(x, &mut gradient);
        Ok(PartsModel { x: x.to_vec(), value: (self.f)(x), gradient, product: self.product.as_ref() })
    }

    fn value_and_gradient(&self, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        check_length("value_and_gradient", "x", self.dimension, x.len())?;
        check_length("value_and_gradient", "gradient", self.dimension, gradient.len())?;
        gradient.fill(T::zero());
        (self.gradient)(x, gradient);
        Ok((self.f)(x))
    }
}

/// A [`FromParts`] near one point.
#[derive(Debug)]
pub struct PartsModel<'a, T, P> {
    x: Vec<T>,
    value: T,
    gradient: Vec<T>,
    product: Option<&'a P>,
}

impl<T: Scalar, P: Fn(&[T], &[T], &mut [T])> LocalModel<T> for PartsModel<'_, T, P> {
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("hvp", "v", self.x.len(), v.len())?;
        check_length("hvp", "out", self.x.len(), out.len())?;
        let product = self.product.ok_or(ObjectiveError::Unsupported { operation: "hvp" })?;
        out.fill(T::zero());
        product(&self.x, v, out);
        Ok(())
    }
}
