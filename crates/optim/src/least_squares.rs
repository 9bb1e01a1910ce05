//! Least squares: a problem given by its residuals r(x), to be minimised in ½ ‖r(x)‖².
//!
//! The Jacobian J of r is seen through the products J v and Jᵀ u only. A closure that returns a vector is such a
//! problem as it is:
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::LevenbergMarquardt;
//! // Rosenbrock's function is ‖r‖² with r = (10 (x₁ − x₀²), 1 − x₀).
//! let r = Function::new(|x: &[Var]| vec![10.0 * (x[1] - x[0].square()), 1.0 - x[0]]);
//! let start = vec![-1.2_f64, 1.0];
//! let report = LevenbergMarquardt::new().minimize(&r.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-10 && (report.x[1] - 1.0).abs() < 1e-10);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::function::objective_error;
use crate::objective::{LocalModel, Objective, ObjectiveError, check_length};
use crate::operator::RectangularOperator;
use crate::scalar::Scalar;
use crate::vector::{dot, norm};
use autodiff_core::function::{Flat, Linearized};
use autodiff_core::{Function, Traced, Tree, Var};
use std::borrow::Borrow;
use std::fmt;

/// Residuals r: ℝⁿ → ℝᵐ, to be made small in ½ ‖r‖².
///
/// A residual that is not finite is an answer, not an error: methods treat it as a point to stay away from.
pub trait LeastSquares<T: Scalar> {
    /// The residuals near one point.
    type Model<'a>: ResidualModel<T>
    where
        Self: 'a;

    /// The length `n` of the vectors that r takes.
    fn dimension(&self) -> usize;

    /// Writes r(x) into `out`, which becomes as long as there are residuals.
    ///
    /// # Errors
    /// A wrong length, or whatever keeps the residuals from being evaluated.
    fn residual(&self, x: &[T], out: &mut Vec<T>) -> Result<(), ObjectiveError>;

    /// The residuals near `x`: prepared once, for many products.
    ///
    /// # Errors
    /// As [`residual`](Self::residual).
    fn model_at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError>;
}

/// Residuals near the point they were prepared at.
pub trait ResidualModel<T: Scalar> {
    /// r at the point, of length `m`.
    fn residual(&self) -> &[T];

    /// Writes J v, of length `m`, into `out`, for `v` of length `n`.
    ///
    /// # Errors
    /// A wrong length, or what the residuals themselves report.
    fn jvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;

    /// Writes Jᵀ u, of length `n`, into `out`, for `u` of length `m`.
    ///
    /// # Errors
    /// A wrong length, or what the residuals themselves report.
    fn vjp(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError>;

    /// Writes d²/dt² r(x + t v) at t = 0, of length `m`, into `out`.
    ///
    /// # Errors
    /// [`ObjectiveError::Unsupported`] unless the residuals offer it; methods then do without.
    fn second_derivative(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        let _ = (v, out);
        Err(ObjectiveError::Unsupported { operation: "second_derivative" })
    }

    /// Writes the product of the Hessian of ½ ‖r‖², JᵀJ + Σ rᵢ ∇²rᵢ, with `v` into `out`.
    ///
    /// # Errors
    /// [`ObjectiveError::Unsupported`] unless the residuals offer it.
    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        let _ = (v, out);
        Err(ObjectiveError::Unsupported { operation: "hvp" })
    }

    /// The Jacobian, for `n` variables, as an operator.
    fn jacobian(&mut self, columns: usize) -> JacobianOperator<'_, Self>
    where
        Self: Sized,
    {
        JacobianOperator { model: self, columns }
    }
}

impl<T: Scalar, L: LeastSquares<T> + ?Sized> LeastSquares<T> for &L {
    type Model<'a>
        = L::Model<'a>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        (**self).dimension()
    }

    fn residual(&self, x: &[T], out: &mut Vec<T>) -> Result<(), ObjectiveError> {
        (**self).residual(x, out)
    }

    fn model_at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        (**self).model_at(x)
    }
}

/// The Jacobian of a [`ResidualModel`], for [`Lsmr`](crate::Lsmr) and the like.
#[derive(Debug)]
pub struct JacobianOperator<'m, M> {
    model: &'m mut M,
    columns: usize,
}

impl<T: Scalar, M: ResidualModel<T>> RectangularOperator<T> for JacobianOperator<'_, M> {
    fn rows(&self) -> usize {
        self.model.residual().len()
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.jvp(v, out)
    }

    fn apply_transpose(&mut self, u: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.vjp(u, out)
    }
}

/// ½ ‖r(x)‖² as an [`Objective`], for the methods that know nothing of residuals.
///
/// Its Gauss–Newton product is JᵀJ v, a product with J and one with Jᵀ. Products with the Hessian are
/// [`ObjectiveError::Unsupported`] unless the residuals offer them ([`ResidualModel::hvp`]); a traced function that returns
/// residuals does not, for of many results it has no second derivative but along a line. For methods that need them, make
/// [`half_squares`] of the closure itself.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use optim::{HalfSquares, LocalModel, Objective};
/// let r = Function::new(|x: &[Var]| vec![x[0] * x[1], x[0] - 1.0]);
/// let half = HalfSquares::new(r.flat(&vec![0.0, 0.0]));
/// let mut model = half.at(&[2.0, 3.0])?; // r = (6, 1), J = [[3, 2], [1, 0]]
/// assert_eq!((model.value(), model.gradient()), (18.5, &[19.0, 12.0][..]));
/// let mut out = [0.0; 2];
/// model.ggn(&[1.0, 0.0], &mut out)?;
/// assert_eq!(out, [10.0, 6.0]);
/// # Ok::<(), optim::ObjectiveError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HalfSquares<L> {
    residuals: L,
}

impl<L> HalfSquares<L> {
    /// ½ ‖r‖² of these residuals.
    pub fn new(residuals: L) -> Self {
        Self { residuals }
    }
}

impl<T: Scalar, L: LeastSquares<T>> Objective<T> for HalfSquares<L> {
    type Model<'a>
        = HalfSquaresModel<T, L::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.residuals.dimension()
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        let mut r = Vec::new();
        self.residuals.residual(x, &mut r)?;
        Ok(half_square(&r))
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        let mut model = self.residuals.model_at(x)?;
        let r = model.residual().to_vec();
        let mut gradient = vec![T::zero(); x.len()];
        model.vjp(&r, &mut gradient)?;
        Ok(HalfSquaresModel { value: half_square(&r), gradient, pushed: r, model })
    }
}

/// A [`HalfSquares`] near one point.
#[derive(Debug)]
pub struct HalfSquaresModel<T, M> {
    value: T,
    gradient: Vec<T>,
    /// J v.
    pushed: Vec<T>,
    model: M,
}

impl<T: Scalar, M: ResidualModel<T>> LocalModel<T> for HalfSquaresModel<T, M> {
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.hvp(v, out)
    }

    fn ggn(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.model.jvp(v, &mut self.pushed)?;
        self.model.vjp(&self.pushed, out)
    }
}

/// ½ ‖r(x)‖² of residuals that `closure` computes, as a function of its own: with products with the Hessian
/// JᵀJ + Σ rᵢ ∇²rᵢ, about the cost of two gradients each, for the methods that need them.
///
/// ```
/// use autodiff_core::Var;
/// use optim::{LocalModel, Objective, TrustRegion, half_squares};
/// let f = half_squares(|x: &[Var]| vec![x[0] * x[1], x[0] - 1.0]);
/// let start = vec![2.0, 3.0];
/// let flat = f.flat(&start);
/// let mut model = flat.at(&start)?; // r = (6, 1), J = [[3, 2], [1, 0]], ∇²r₁ = [[0, 1], [1, 0]]
/// assert_eq!((model.value(), model.gradient()), (18.5, &[19.0, 12.0][..]));
/// let mut out = [0.0; 2];
/// model.hvp(&[1.0, 0.0], &mut out)?;
/// assert_eq!(out, [10.0, 6.0 + 6.0]);
/// drop(model);
/// let report = TrustRegion::new().minimize(&flat, &start)?;
/// assert!(report.status.is_converged() && report.value < 1e-15);
/// # Ok::<(), optim::Error>(())
/// ```
#[track_caller]
pub fn half_squares<'f, A: ?Sized, Out: Traced>(
    closure: impl Fn(&A) -> Out + Send + Sync + 'f,
) -> Function<'f, A, Var> {
    Function::new(move |x: &A| {
        let mut residuals = Vec::new();
        closure(x).variables(&mut residuals);
        0.5 * residuals.into_iter().map(|r| r.square().sum()).sum::<Var>()
    })
}

/// ½ ‖r‖², infinite rather than overflowing early, NaN if an entry is.
pub(crate) fn half_square<T: Scalar>(r: &[T]) -> T {
    let square = dot(r, r);
    if square.is_nan() && !norm(r).is_nan() { T::infinity() } else { T::of(0.5) * square }
}

impl<'f, A: ?Sized, P, Out, B: ?Sized> LeastSquares<P::Scalar> for Flat<'f, A, P, Out, B>
where
    P: Tree + Clone,
    P::Traced: Borrow<A>,
    P::Scalar: Scalar,
    Out: Traced + Send + Sync,
{
    type Model<'a>
        = FunctionResidual<'a, 'f, A, P, Out, B>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        Flat::dimension(self)
    }

    fn residual(&self, x: &[P::Scalar], out: &mut Vec<P::Scalar>) -> Result<(), ObjectiveError> {
        self.evaluate_into(x, out).map_err(objective_error)
    }

    fn model_at(&self, x: &[P::Scalar]) -> Result<Self::Model<'_>, ObjectiveError> {
        let mut residual = Vec::new();
        self.evaluate_into(x, &mut residual).map_err(objective_error)?;
        let linearized = self.linearize(x).map_err(objective_error)?;
        Ok(FunctionResidual { flat: self, linearized, x: x.to_vec(), residual, second: Vec::new() })
    }
}

/// A closure that returns residuals, near one point: products from [`Linearized`], second derivatives from a Taylor
/// coefficient.
pub struct FunctionResidual<'a, 'f, A: ?Sized, P: Tree, Out, B: ?Sized> {
    flat: &'a Flat<'f, A, P, Out, B>,
    linearized: Linearized<'f, A, P, Out, B>,
    x: Vec<P::Scalar>,
    residual: Vec<P::Scalar>,
    second: Vec<P::Scalar>,
}

impl<A: ?Sized, P: Tree, Out, B: ?Sized> fmt::Debug for FunctionResidual<'_, '_, A, P, Out, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionResidual").field("linearized", &self.linearized).finish_non_exhaustive()
    }
}

impl<A: ?Sized, P, Out, B: ?Sized> ResidualModel<P::Scalar> for FunctionResidual<'_, '_, A, P, Out, B>
where
    P: Tree + Clone,
    P::Traced: Borrow<A>,
    P::Scalar: Scalar,
    Out: Traced + Send + Sync,
{
    fn residual(&self) -> &[P::Scalar] {
        &self.residual
    }

    fn jvp(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.linearized.jvp(v, out).map_err(objective_error)
    }

    fn vjp(&mut self, u: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.linearized.vjp(u, out).map_err(objective_error)
    }

    fn second_derivative(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.flat.taylor_into(&self.x, v, 2, &mut self.second).map_err(objective_error)?;
        check_length("second_derivative", "out", self.second.len(), out.len())?;
        let two = P::Scalar::of(2.0); // the coefficient is divided by 2!
        for (out, &second) in out.iter_mut().zip(&self.second) {
            *out = two * second;
        }
        Ok(())
    }
}
