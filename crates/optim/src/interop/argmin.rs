//! [argmin](https://docs.rs/argmin) 0.11: our objectives as its problems, and its problems as our objectives.
//!
//! argmin's Hessian is any type with a product, so that [`ArgminHessian`], a prepared point, is one: no matrix is formed.
//!
//! ```
//! use argmin::core::{Executor, State};
//! use argmin::solver::trustregion::{Steihaug, TrustRegion};
//! use optim::FromParts;
//! use optim::interop::argmin::ToArgmin;
//! // x² + 10 (y − 1)², by products alone.
//! let f = FromParts::new(
//!     2,
//!     |x: &[f64]| x[0] * x[0] + 10.0 * (x[1] - 1.0).powi(2),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 20.0 * (x[1] - 1.0)]),
//!     |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[2.0 * v[0], 20.0 * v[1]]),
//! );
//! let result = Executor::new(ToArgmin::new(&f), TrustRegion::new(Steihaug::<Vec<f64>, f64>::new()))
//!     .configure(|state| state.param(vec![3.0, -2.0]).max_iters(20))
//!     .run()?;
//! assert!(result.state().get_best_cost() < 1e-12);
//! # Ok::<(), argmin::core::Error>(())
//! ```
//!
//! And the other way:
//!
//! ```
//! use argmin::core::{CostFunction, Error, Gradient, Hessian};
//! use optim::TrustRegion;
//! use optim::interop::argmin::FromArgmin;
//! struct Cosh;
//! impl CostFunction for Cosh {
//!     type Param = Vec<f64>;
//!     type Output = f64;
//!     fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
//!         Ok(x[0].cosh())
//!     }
//! }
//! impl Gradient for Cosh {
//!     type Param = Vec<f64>;
//!     type Gradient = Vec<f64>;
//!     fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
//!         Ok(vec![x[0].sinh()])
//!     }
//! }
//! impl Hessian for Cosh {
//!     type Param = Vec<f64>;
//!     type Hessian = Vec<Vec<f64>>;
//!     fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
//!         Ok(vec![vec![x[0].cosh()]])
//!     }
//! }
//! let report = TrustRegion::new().minimize(&FromArgmin::new(Cosh, 1), &[2.0])?;
//! assert!(report.status.is_converged());
//! # Ok::<(), optim::Error>(())
//! ```

use crate::objective::{LocalModel, Objective, ObjectiveError, check_length};
use crate::scalar::Scalar;
use ::argmin::core::{CostFunction, Error, Gradient, Hessian};
use argmin_math::ArgminDot;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

/// An objective as a problem of argmin, with cost, gradient and Hessian.
///
/// argmin keeps a Hessian while it asks for costs, so the objective must allow a model to live meanwhile; those with one
/// workspace for all do not.
#[derive(Debug)]
pub struct ToArgmin<'o, T, O> {
    objective: &'o O,
    scalar: PhantomData<fn() -> T>,
}

impl<'o, T: Scalar, O: Objective<T>> ToArgmin<'o, T, O> {
    /// `objective` as a problem of argmin.
    pub fn new(objective: &'o O) -> Self {
        Self { objective, scalar: PhantomData }
    }
}

impl<T: Scalar, O: Objective<T>> CostFunction for ToArgmin<'_, T, O> {
    type Param = Vec<T>;
    type Output = T;

    fn cost(&self, x: &Vec<T>) -> Result<T, Error> {
        Ok(self.objective.value(x)?)
    }
}

impl<T: Scalar, O: Objective<T>> Gradient for ToArgmin<'_, T, O> {
    type Param = Vec<T>;
    type Gradient = Vec<T>;

    fn gradient(&self, x: &Vec<T>) -> Result<Vec<T>, Error> {
        let mut gradient = vec![T::zero(); x.len()];
        self.objective.value_and_gradient(x, &mut gradient)?;
        Ok(gradient)
    }
}

impl<'o, T: Scalar, O: Objective<T>> Hessian for ToArgmin<'o, T, O> {
    type Param = Vec<T>;
    type Hessian = ArgminHessian<O::Model<'o>>;

    fn hessian(&self, x: &Vec<T>) -> Result<Self::Hessian, Error> {
        Ok(ArgminHessian { model: Rc::new(RefCell::new(self.objective.at(x)?)) })
    }
}

/// The Hessian at a prepared point, for argmin: it multiplies and is no matrix. Clones share the point.
pub struct ArgminHessian<M> {
    model: Rc<RefCell<M>>,
}

impl<M> Clone for ArgminHessian<M> {
    fn clone(&self) -> Self {
        Self { model: Rc::clone(&self.model) }
    }
}

impl<M> fmt::Debug for ArgminHessian<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgminHessian").finish_non_exhaustive()
    }
}

impl<T: Scalar, M: LocalModel<T>> ArgminDot<Vec<T>, Vec<T>> for ArgminHessian<M> {
    /// The product; NaN in every entry where it fails, as this trait knows no errors.
    fn dot(&self, v: &Vec<T>) -> Vec<T> {
        let mut out = vec![T::zero(); v.len()];
        if self.model.borrow_mut().hvp(v, &mut out).is_err() {
            out.fill(T::nan());
        }
        out
    }
}

/// A problem of argmin with a Hessian as an objective.
#[derive(Clone, Debug)]
pub struct FromArgmin<P> {
    problem: P,
    dimension: usize,
}

impl<P> FromArgmin<P> {
    /// `problem` in `dimension` variables.
    pub fn new(problem: P, dimension: usize) -> Self {
        Self { problem, dimension }
    }
}

/// A problem of argmin without a Hessian as an objective: products are [`ObjectiveError::Unsupported`].
#[derive(Clone, Debug)]
pub struct FromArgminGradient<P> {
    problem: P,
    dimension: usize,
}

impl<P> FromArgminGradient<P> {
    /// `problem` in `dimension` variables.
    pub fn new(problem: P, dimension: usize) -> Self {
        Self { problem, dimension }
    }
}

/// A problem of argmin near a point; its Hessian is asked for with the first product.
#[derive(Debug)]
pub struct FromArgminModel<'a, P, T, H> {
    problem: &'a P,
    x: Vec<T>,
    value: T,
    gradient: Vec<T>,
    hessian: Option<H>,
}

fn failed(error: Error) -> ObjectiveError {
    ObjectiveError::new(error)
}

fn cost<T, P>(problem: &P, dimension: usize, x: &[T]) -> Result<T, ObjectiveError>
where
    T: Scalar,
    P: CostFunction<Param = Vec<T>, Output = T>,
{
    check_length("value", "x", dimension, x.len())?;
    problem.cost(&x.to_vec()).map_err(failed)
}

fn cost_and_gradient<T, P>(problem: &P, dimension: usize, x: &Vec<T>) -> Result<(T, Vec<T>), ObjectiveError>
where
    T: Scalar,
    P: CostFunction<Param = Vec<T>, Output = T> + Gradient<Param = Vec<T>, Gradient = Vec<T>>,
{
    check_length("at", "x", dimension, x.len())?;
    let (value, gradient) = (problem.cost(x).map_err(failed)?, problem.gradient(x).map_err(failed)?);
    check_length("at", "gradient", dimension, gradient.len())?;
    Ok((value, gradient))
}

impl<T, P> Objective<T> for FromArgmin<P>
where
    T: Scalar,
    P: CostFunction<Param = Vec<T>, Output = T> + Gradient<Param = Vec<T>, Gradient = Vec<T>> + Hessian<Param = Vec<T>>,
    P::Hessian: ArgminDot<Vec<T>, Vec<T>>,
{
    type Model<'a>
        = FromArgminModel<'a, P, T, P::Hessian>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        cost(&self.problem, self.dimension, x)
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        let x = x.to_vec();
        let (value, gradient) = cost_and_gradient(&self.problem, self.dimension, &x)?;
        Ok(FromArgminModel { problem: &self.problem, x, value, gradient, hessian: None })
    }
}

impl<T, P> LocalModel<T> for FromArgminModel<'_, P, T, P::Hessian>
where
    T: Scalar,
    P: Hessian<Param = Vec<T>>,
    P::Hessian: ArgminDot<Vec<T>, Vec<T>>,
{
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("hvp", "v", self.x.len(), v.len())?;
        let hessian = match &mut self.hessian {
            Some(hessian) => hessian,
            empty => empty.insert(self.problem.hessian(&self.x).map_err(failed)?),
        };
        let product = hessian.dot(&v.to_vec());
        check_length("hvp", "out", product.len(), out.len())?;
        out.copy_from_slice(&product);
        Ok(())
    }
}

impl<T, P> Objective<T> for FromArgminGradient<P>
where
    T: Scalar,
    P: CostFunction<Param = Vec<T>, Output = T> + Gradient<Param = Vec<T>, Gradient = Vec<T>>,
{
    type Model<'a>
        = GradientOnly<T>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        cost(&self.problem, self.dimension, x)
    }

    fn at(&self, x: &[T]) -> Result<GradientOnly<T>, ObjectiveError> {
        let (value, gradient) = cost_and_gradient(&self.problem, self.dimension, &x.to_vec())?;
        Ok(GradientOnly { value, gradient })
    }
}

/// A problem near a point, without second derivatives.
#[derive(Clone, Debug)]
pub struct GradientOnly<T> {
    value: T,
    gradient: Vec<T>,
}

impl<T: Scalar> LocalModel<T> for GradientOnly<T> {
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, _: &[T], _: &mut [T]) -> Result<(), ObjectiveError> {
        Err(ObjectiveError::Unsupported { operation: "hvp" })
    }
}
