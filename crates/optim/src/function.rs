//! A differentiated closure as an objective: [`Flat`] from `autodiff_core`, and its linearisation as the local model.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::TrustRegion;
//! let rosenbrock = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
//! let start = vec![-1.2_f64, 1.0];
//! let report = TrustRegion::new().minimize(&rosenbrock.flat(&start), &start)?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-6 && (report.x[1] - 1.0).abs() < 1e-6);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::objective::{LocalModel, Objective, ObjectiveError};
use crate::scalar::Scalar;
use autodiff_core::function::{Flat, Linearized};
use autodiff_core::{Error, Traced, Tree};
use std::borrow::Borrow;
use std::fmt;

impl<'f, A: ?Sized, P, Out, B: ?Sized> Objective<P::Scalar> for Flat<'f, A, P, Out, B>
where
    P: Tree + Clone,
    P::Traced: Borrow<A>,
    P::Scalar: Scalar,
    Out: Traced + Send + Sync,
{
    type Model<'a>
        = FunctionModel<'f, A, P, Out, B>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        Flat::dimension(self)
    }

    fn value(&self, x: &[P::Scalar]) -> Result<P::Scalar, ObjectiveError> {
        Flat::value(self, x).map_err(objective_error)
    }

    fn at(&self, x: &[P::Scalar]) -> Result<Self::Model<'_>, ObjectiveError> {
        let linearized = self.linearize(x).map_err(objective_error)?;
        let mut gradient = vec![P::Scalar::of(0.0); x.len()];
        linearized.gradient_into(&mut gradient).map_err(objective_error)?;
        let value = linearized.value().map_err(objective_error)?;
        Ok(FunctionModel { linearized, value, gradient })
    }

    fn value_and_gradient(&self, x: &[P::Scalar], gradient: &mut [P::Scalar]) -> Result<P::Scalar, ObjectiveError> {
        Flat::value_and_gradient(self, x, gradient).map_err(objective_error)
    }

    fn along(
        &self,
        x: &[P::Scalar],
        v: &[P::Scalar],
        order: usize,
        coefficients: &mut Vec<P::Scalar>,
    ) -> Result<(), ObjectiveError> {
        self.series_into(x, v, order, coefficients).map_err(objective_error)
    }
}

/// A differentiated closure near a point: products cost only what depends on the direction.
pub struct FunctionModel<'f, A: ?Sized, P: Tree, Out, B: ?Sized> {
    linearized: Linearized<'f, A, P, Out, B>,
    value: P::Scalar,
    gradient: Vec<P::Scalar>,
}

impl<A: ?Sized, P: Tree, Out, B: ?Sized> fmt::Debug for FunctionModel<'_, A, P, Out, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionModel").field("linearized", &self.linearized).finish_non_exhaustive()
    }
}

impl<A: ?Sized, P, Out, B: ?Sized> LocalModel<P::Scalar> for FunctionModel<'_, A, P, Out, B>
where
    P: Tree,
    P::Traced: Borrow<A>,
    P::Scalar: Scalar,
    Out: Traced + Send + Sync,
{
    fn value(&self) -> P::Scalar {
        self.value
    }

    fn gradient(&self) -> &[P::Scalar] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.linearized.hvp(v, out).map_err(objective_error)
    }

    fn hvp_block(&mut self, directions: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.linearized.hvps(directions, out).map_err(objective_error)
    }

    fn ggn(&mut self, v: &[P::Scalar], out: &mut [P::Scalar]) -> Result<(), ObjectiveError> {
        self.linearized.ggn(v, out).map_err(objective_error)
    }
}

pub(crate) fn objective_error(error: Error) -> ObjectiveError {
    match error {
        Error::Unsupported { operator, .. } => ObjectiveError::Unsupported { operation: operator },
        error => ObjectiveError::new(error),
    }
}
