//! Matrices known only through their products with vectors.
//!
//! ```
//! use optim::{Damped, LinearOperator, OperatorFn};
//! let diagonal = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[2.0 * v[0], 3.0 * v[1]]);
//!     Ok(())
//! });
//! let mut damped = Damped::new(diagonal, 10.0);
//! let mut out = [0.0; 2];
//! damped.apply(&[1.0, 1.0], &mut out)?;
//! assert_eq!(out, [12.0, 13.0]);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use crate::objective::{LocalModel, ObjectiveError, check_length};
use crate::scalar::Scalar;
use crate::vector::axpy;

/// A square matrix of order [`dimension`](Self::dimension), seen through products only.
///
/// `apply` takes `&mut self` because an operator may own the workspace of its products.
pub trait LinearOperator<T: Scalar> {
    /// The order `n` of the matrix.
    fn dimension(&self) -> usize;

    /// Writes the product of the matrix with `v` into `out`; both have length `n`.
    ///
    /// # Errors
    /// A wrong length, or what the matrix itself reports.
    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;
}

impl<T: Scalar, A: LinearOperator<T> + ?Sized> LinearOperator<T> for &mut A {
    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        (**self).apply(v, out)
    }
}

/// The Hessian of a local model; from [`LocalModel::hessian`].
#[derive(Debug)]
pub struct HessianOperator<'m, M> {
    model: &'m mut M,
}

impl<'m, M> HessianOperator<'m, M> {
    /// The Hessian of `model`.
    pub fn new(model: &'m mut M) -> Self {
        Self { model }
    }
}

impl<T: Scalar, M: LocalModel<T>> LinearOperator<T> for HessianOperator<'_, M> {
    fn dimension(&self) -> usize {
        self.model.gradient().len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.hvp(v, out)
    }
}

/// The generalised Gauss–Newton matrix of a local model; from [`LocalModel::gauss_newton`].
#[derive(Debug)]
pub struct GaussNewtonOperator<'m, M> {
    model: &'m mut M,
}

impl<'m, M> GaussNewtonOperator<'m, M> {
    /// The generalised Gauss–Newton matrix of `model`.
    pub fn new(model: &'m mut M) -> Self {
        Self { model }
    }
}

impl<T: Scalar, M: LocalModel<T>> LinearOperator<T> for GaussNewtonOperator<'_, M> {
    fn dimension(&self) -> usize {
        self.model.gradient().len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.ggn(v, out)
    }
}

/// A + λI: another operator plus a multiple of the identity. Costs one product with A.
#[derive(Clone, Debug)]
pub struct Damped<A, T> {
    operator: A,
    /// λ, of any sign.
    pub damping: T,
}

impl<A, T> Damped<A, T> {
    /// `operator` + `damping` · I.
    pub fn new(operator: A, damping: T) -> Self {
        Self { operator, damping }
    }
}

impl<T: Scalar, A: LinearOperator<T>> LinearOperator<T> for Damped<A, T> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.operator.apply(v, out)?;
        axpy(self.damping, v, out);
        Ok(())
    }
}

/// An operator from a closure `apply(v, out)`.
#[derive(Clone, Debug)]
pub struct OperatorFn<F> {
    dimension: usize,
    apply: F,
}

impl<F> OperatorFn<F> {
    /// The operator of order `dimension` whose product is `apply(v, out)`.
    pub fn new<T>(dimension: usize, apply: F) -> Self
    where
        F: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
    {
        Self { dimension, apply }
    }
}

impl<T: Scalar, F> LinearOperator<T> for OperatorFn<F>
where
    F: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
{
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply", "v", self.dimension, v.len())?;
        check_length("apply", "out", self.dimension, out.len())?;
        (self.apply)(v, out)
    }
}
