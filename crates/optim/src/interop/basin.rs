//! [basin](https://docs.rs/basin) 3.2: our objectives as its problems, and its problems as our objectives.
//!
//! ```
//! use basin::{Executor, FirstOrderState, TrustRegion};
//! use optim::FromParts;
//! use optim::interop::basin::ToBasin;
//! // x² + 10 (y − 1)², by products alone.
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| x[0] * x[0] + 10.0 * (x[1] - 1.0).powi(2),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 20.0 * (x[1] - 1.0)]),
//!     |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[2.0 * v[0], 20.0 * v[1]]),
//! );
//! let method = TrustRegion::matrix_free().with_absolute_gradient_tolerance(1e-10);
//! let result = Executor::new(ToBasin::new(&f), method, FirstOrderState::new(vec![3.0, -2.0])).max_iter(50).run()?;
//! assert!(result.cost() < 1e-16);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```
//!
//! And the other way:
//!
//! ```
//! use basin::{CostFunction, Gradient, HessianProduct};
//! use optim::TrustRegion;
//! use optim::interop::basin::FromBasin;
//! use std::convert::Infallible;
//! struct Cosh;
//! impl CostFunction for Cosh {
//!     type Param = Vec<f64>;
//!     type Output = f64;
//!     type Error = Infallible;
//!     fn cost(&self, x: &Vec<f64>) -> Result<f64, Infallible> {
//!         Ok(x[0].cosh())
//!     }
//! }
//! impl Gradient for Cosh {
//!     type Gradient = Vec<f64>;
//!     fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Infallible> {
//!         Ok(vec![x[0].sinh()])
//!     }
//! }
//! impl HessianProduct for Cosh {
//!     fn hessian_product(&self, x: &Vec<f64>, v: &Vec<f64>) -> Result<Vec<f64>, Infallible> {
//!         Ok(vec![x[0].cosh() * v[0]])
//!     }
//! }
//! let report = TrustRegion::new().minimize(&FromBasin::new(Cosh, 1), &[2.0])?;
//! assert!(report.status.is_converged());
//! # Ok::<(), optim::Error>(())
//! ```

use crate::objective::{LocalModel, Objective, ObjectiveError, check_length};
use crate::scalar::Scalar;
use ::basin::{CostFunction, Gradient, HessianProduct};
use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;

/// An objective as a problem of basin.
///
/// basin multiplies at a point it names each time; the point of the last product stays prepared, so that the products of
/// one inner iteration prepare it once.
pub struct ToBasin<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    prepared: RefCell<Option<(Vec<T>, O::Model<'o>)>>,
}

impl<'o, T: Scalar, O: Objective<T>> ToBasin<'o, T, O> {
    /// `objective` as a problem of basin.
    pub fn new(objective: &'o O) -> Self {
        Self { objective, prepared: RefCell::new(None) }
    }

    fn product(&self, x: &[T], v: &[T], out: &mut Vec<T>) -> Result<(), ObjectiveError> {
        let mut prepared = self.prepared.borrow_mut();
        if prepared.as_ref().is_none_or(|(at, _)| at != x) {
            // No two models at once.
            *prepared = None;
            *prepared = Some((x.to_vec(), self.objective.at(x)?));
        }
        let (_, model) = prepared.as_mut().expect("the point was prepared above");
        out.clear();
        out.resize(v.len(), T::zero());
        model.hvp(v, out)
    }
}

impl<T: Scalar, O: Objective<T>> fmt::Debug for ToBasin<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToBasin").field("dimension", &self.objective.dimension()).finish_non_exhaustive()
    }
}

impl<T: Scalar, O: Objective<T>> CostFunction for ToBasin<'_, T, O> {
    type Param = Vec<T>;
    type Output = T;
    type Error = ObjectiveError;

    fn cost(&self, x: &Vec<T>) -> Result<T, ObjectiveError> {
        // No model during a value.
        *self.prepared.borrow_mut() = None;
        self.objective.value(x)
    }
}

impl<T: Scalar, O: Objective<T>> Gradient for ToBasin<'_, T, O> {
    type Gradient = Vec<T>;

    fn gradient(&self, x: &Vec<T>) -> Result<Vec<T>, ObjectiveError> {
        Ok(self.cost_and_gradient(x)?.1)
    }

    fn gradient_into(&self, x: &Vec<T>, out: &mut Vec<T>) -> Result<(), ObjectiveError> {
        self.cost_and_gradient_into(x, out)?;
        Ok(())
    }

    fn cost_and_gradient(&self, x: &Vec<T>) -> Result<(T, Vec<T>), ObjectiveError> {
        let mut gradient = Vec::new();
        Ok((self.cost_and_gradient_into(x, &mut gradient)?, gradient))
    }

    fn cost_and_gradient_into(&self, x: &Vec<T>, gradient: &mut Vec<T>) -> Result<T, ObjectiveError> {
        *self.prepared.borrow_mut() = None;
        gradient.resize(x.len(), T::zero());
        self.objective.value_and_gradient(x, gradient)
    }
}

impl<T: Scalar, O: Objective<T>> HessianProduct for ToBasin<'_, T, O> {
    fn hessian_product(&self, x: &Vec<T>, v: &Vec<T>) -> Result<Vec<T>, ObjectiveError> {
        let mut out = Vec::new();
        self.product(x, v, &mut out)?;
        Ok(out)
    }

    fn hessian_product_into(&self, x: &Vec<T>, v: &Vec<T>, out: &mut Vec<T>) -> Result<(), ObjectiveError> {
        self.product(x, v, out)
    }
}

/// A problem of basin with products as an objective.
#[derive(Clone, Debug)]
pub struct FromBasin<P> {
    problem: P,
    dimension: usize,
}

impl<P> FromBasin<P> {
    /// `problem` in `dimension` variables.
    pub fn new(problem: P, dimension: usize) -> Self {
        Self { problem, dimension }
    }
}

/// A problem of basin near a point.
#[derive(Debug)]
pub struct FromBasinModel<'a, P, T> {
    problem: &'a P,
    x: Vec<T>,
    value: T,
    gradient: Vec<T>,
    /// The direction and its product, as basin takes them.
    v: Vec<T>,
    product: Vec<T>,
}

fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> ObjectiveError {
    ObjectiveError::new(error)
}

impl<T, P> Objective<T> for FromBasin<P>
where
    T: Scalar,
    P: HessianProduct + Gradient<Gradient = Vec<T>> + CostFunction<Param = Vec<T>, Output = T>,
    <P as CostFunction>::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Model<'a>
        = FromBasinModel<'a, P, T>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        check_length("value", "x", self.dimension, x.len())?;
        self.problem.cost(&x.to_vec()).map_err(failed)
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        check_length("at", "x", self.dimension, x.len())?;
        let x = x.to_vec();
        let (value, gradient) = self.problem.cost_and_gradient(&x).map_err(failed)?;
        check_length("at", "gradient", self.dimension, gradient.len())?;
        Ok(FromBasinModel { problem: &self.problem, x, value, gradient, v: Vec::new(), product: Vec::new() })
    }
}

impl<T, P> LocalModel<T> for FromBasinModel<'_, P, T>
where
    T: Scalar,
    P: HessianProduct + Gradient<Gradient = Vec<T>> + CostFunction<Param = Vec<T>, Output = T>,
    <P as CostFunction>::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("hvp", "v", self.x.len(), v.len())?;
        self.v.clear();
        self.v.extend_from_slice(v);
        self.problem.hessian_product_into(&self.x, &self.v, &mut self.product).map_err(failed)?;
        check_length("hvp", "out", self.product.len(), out.len())?;
        out.copy_from_slice(&self.product);
        Ok(())
    }
}
