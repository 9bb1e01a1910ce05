//! Matrices known only through their products with vectors, and their algebra: sum, multiple, shift, product,
//! restriction. A preconditioner is such a matrix too: its product is M⁻¹ v for a positive definite M.
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

/// A matrix of any shape, seen through products with it and with its transpose.
pub trait RectangularOperator<T: Scalar> {
    /// The number `m` of rows.
    fn rows(&self) -> usize;

    /// The number `n` of columns.
    fn columns(&self) -> usize;

    /// Writes the product of the matrix with `v`, of length `n`, into `out`, of length `m`.
    ///
    /// # Errors
    /// A wrong length, or what the matrix itself reports.
    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;

    /// Writes the product of the transpose with `u`, of length `m`, into `out`, of length `n`.
    ///
    /// # Errors
    /// A wrong length, or what the matrix itself reports.
    fn apply_transpose(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;
}

impl<T: Scalar, A: RectangularOperator<T> + ?Sized> RectangularOperator<T> for &mut A {
    fn rows(&self) -> usize {
        (**self).rows()
    }

    fn columns(&self) -> usize {
        (**self).columns()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        (**self).apply(v, out)
    }

    fn apply_transpose(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        (**self).apply_transpose(u, out)
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

/// A + B. Costs one product with each.
#[derive(Clone, Debug)]
pub struct Sum<A, B, T> {
    first: A,
    second: B,
    product: Vec<T>,
}

impl<A, B, T: Scalar> Sum<A, B, T> {
    /// `first` + `second`. Holds one vector.
    ///
    /// # Errors
    /// Two orders that differ.
    pub fn new(first: A, second: B) -> Result<Self, ObjectiveError>
    where
        A: LinearOperator<T>,
        B: LinearOperator<T>,
    {
        check_length("sum", "second", first.dimension(), second.dimension())?;
        Ok(Self { product: vec![T::zero(); first.dimension()], first, second })
    }
}

impl<T: Scalar, A: LinearOperator<T>, B: LinearOperator<T>> LinearOperator<T> for Sum<A, B, T> {
    fn dimension(&self) -> usize {
        self.first.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.first.apply(v, out)?;
        self.second.apply(v, &mut self.product)?;
        axpy(T::one(), &self.product, out);
        Ok(())
    }
}

/// c A: a multiple of another operator. Costs one product with A.
#[derive(Clone, Debug)]
pub struct Scaled<A, T> {
    operator: A,
    /// c, of any sign.
    pub factor: T,
}

impl<A, T> Scaled<A, T> {
    /// `factor` · `operator`.
    pub fn new(operator: A, factor: T) -> Self {
        Self { operator, factor }
    }
}

impl<T: Scalar, A: LinearOperator<T>> LinearOperator<T> for Scaled<A, T> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.operator.apply(v, out)?;
        out.iter_mut().for_each(|out| *out *= self.factor);
        Ok(())
    }
}

/// A B: the product of two operators, B first. Symmetric only if they commute.
#[derive(Clone, Debug)]
pub struct Composed<A, B, T> {
    outer: A,
    inner: B,
    between: Vec<T>,
}

impl<A, B, T: Scalar> Composed<A, B, T> {
    /// `outer` after `inner`. Holds one vector.
    ///
    /// # Errors
    /// Two orders that differ.
    pub fn new(outer: A, inner: B) -> Result<Self, ObjectiveError>
    where
        A: LinearOperator<T>,
        B: LinearOperator<T>,
    {
        check_length("composed", "inner", outer.dimension(), inner.dimension())?;
        Ok(Self { between: vec![T::zero(); outer.dimension()], outer, inner })
    }
}

impl<T: Scalar, A: LinearOperator<T>, B: LinearOperator<T>> LinearOperator<T> for Composed<A, B, T> {
    fn dimension(&self) -> usize {
        self.outer.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.inner.apply(v, &mut self.between)?;
        self.outer.apply(&self.between, out)
    }
}

/// The rows and columns of A with some indices: PᵀA P. Costs one product with A.
///
/// ```
/// use optim::{Diagonal, LinearOperator, Restricted};
/// let mut free = Restricted::new(Diagonal::new(vec![1.0, 2.0, 3.0]), vec![0, 2])?;
/// let mut out = [0.0; 2];
/// free.apply(&[10.0, 10.0], &mut out)?;
/// assert_eq!(out, [10.0, 30.0]);
/// # Ok::<(), optim::ObjectiveError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Restricted<A, T> {
    operator: A,
    indices: Vec<usize>,
    whole: Vec<T>,
    product: Vec<T>,
}

impl<A, T: Scalar> Restricted<A, T> {
    /// `operator` on the entries at `indices`, in their order. Holds two vectors of the length of the operator.
    ///
    /// # Errors
    /// An index that the operator does not have.
    pub fn new(operator: A, indices: Vec<usize>) -> Result<Self, ObjectiveError>
    where
        A: LinearOperator<T>,
    {
        let n = operator.dimension();
        if let Some(&index) = indices.iter().find(|&&index| index >= n) {
            return Err(ObjectiveError::Length {
                operation: "restricted",
                argument: "index",
                expected: n,
                found: index,
            });
        }
        Ok(Self { operator, indices, whole: vec![T::zero(); n], product: vec![T::zero(); n] })
    }

    /// The indices, given back.
    pub fn into_indices(self) -> Vec<usize> {
        self.indices
    }
}

impl<T: Scalar, A: LinearOperator<T>> LinearOperator<T> for Restricted<A, T> {
    fn dimension(&self) -> usize {
        self.indices.len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply", "v", self.indices.len(), v.len())?;
        check_length("apply", "out", self.indices.len(), out.len())?;
        // All other entries stay zero.
        for (&i, &v) in self.indices.iter().zip(v) {
            self.whole[i] = v;
        }
        self.operator.apply(&self.whole, &mut self.product)?;
        for (&i, out) in self.indices.iter().zip(out) {
            *out = self.product[i];
        }
        Ok(())
    }
}

/// A diagonal matrix. As a preconditioner it holds the inverses of the diagonal that it approximates.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagonal<T> {
    entries: Vec<T>,
}

impl<T: Scalar> Diagonal<T> {
    /// The matrix with these entries.
    pub fn new(entries: Vec<T>) -> Self {
        Self { entries }
    }

    /// Jacobi's preconditioner of a matrix with this diagonal: 1/|dᵢ|, and 1 where dᵢ is zero or not finite.
    pub fn inverse_of(diagonal: &[T]) -> Self {
        let inverse = |&d: &T| {
            let inverse = T::one() / d.abs();
            if inverse.is_finite() && inverse > T::zero() { inverse } else { T::one() }
        };
        Self { entries: diagonal.iter().map(inverse).collect() }
    }
}

impl<T: Scalar> LinearOperator<T> for Diagonal<T> {
    fn dimension(&self) -> usize {
        self.entries.len()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply", "v", self.entries.len(), v.len())?;
        check_length("apply", "out", self.entries.len(), out.len())?;
        for ((out, &v), &d) in out.iter_mut().zip(v).zip(&self.entries) {
            *out = d * v;
        }
        Ok(())
    }
}

/// The identity of any order: the preconditioner that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    dimension: usize,
}

impl Identity {
    /// The identity of order `dimension`.
    pub fn new(dimension: usize) -> Self {
        Self { dimension }
    }
}

impl<T: Scalar> LinearOperator<T> for Identity {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply", "v", self.dimension, v.len())?;
        check_length("apply", "out", self.dimension, out.len())?;
        out.copy_from_slice(v);
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

/// A rectangular operator from closures for the product and that of the transpose.
#[derive(Clone, Debug)]
pub struct RectangularFn<F, G> {
    rows: usize,
    columns: usize,
    apply: F,
    apply_transpose: G,
}

impl<F, G> RectangularFn<F, G> {
    /// The operator of `rows` × `columns` with these products, `apply(v, out)` and `apply_transpose(u, out)`.
    pub fn new<T>(rows: usize, columns: usize, apply: F, apply_transpose: G) -> Self
    where
        F: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
        G: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
    {
        Self { rows, columns, apply, apply_transpose }
    }
}

impl<T: Scalar, F, G> RectangularOperator<T> for RectangularFn<F, G>
where
    F: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
    G: FnMut(&[T], &mut [T]) -> Result<(), ObjectiveError>,
{
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply", "v", self.columns, v.len())?;
        check_length("apply", "out", self.rows, out.len())?;
        (self.apply)(v, out)
    }

    fn apply_transpose(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("apply_transpose", "u", self.rows, u.len())?;
        check_length("apply_transpose", "out", self.columns, out.len())?;
        (self.apply_transpose)(u, out)
    }
}
