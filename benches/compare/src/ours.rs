//! Our own operators as subjects.

use crate::check::{self, Check};
use crate::error::Result;
use crate::operator::Operator;
use crate::subject::{Local, Subject};
use crate::workload::{Form, Precision, Workload};
use autodiff_core::{Float, Function, Tree};
use ndarray::{Array, ArrayD, Dimension};
use std::borrow::Borrow;
use testkit::counter::direction;
use testkit::workloads::{self, Entry, Problem, Rounded, loops};

/// The name of our rows.
pub const NAME: &str = "jetgrad";

/// Directions of a block.
const BLOCK: usize = 16;

/// A workload at one precision: hands out its operators, each of which keeps what it needs.
pub trait Operators {
    /// The operator ready to run; `None` if the workload has it not.
    ///
    /// # Errors
    /// Those of tracing.
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>>;
}

/// The operators of a workload in a form, at a precision; `None` if it is not written in that form.
pub fn operators(workload: Workload, form: Form, precision: Precision) -> Option<Box<dyn Operators>> {
    match precision {
        Precision::F32 => at::<f32>(workload, form),
        Precision::F64 => at::<f64>(workload, form),
    }
}

fn at<T: Entry>(workload: Workload, form: Form) -> Option<Box<dyn Operators>> {
    use Workload::{N1, N1s, N2, N3, N4, N5, S1, S1b, S2, S3, S5, S6, S7, T1, T2a, T2b, T3};
    Some(match (workload, form) {
        (N1, Form::Array) => Box::new(Loss(workloads::classifier().rounded::<T>())),
        (N1s, Form::Array) => Box::new(Loss(workloads::small_network().rounded::<T>())),
        (N2, Form::Array) => Box::new(Loss(workloads::autoencoder().rounded::<T>())),
        (N3, Form::Array) => Box::new(Loss(workloads::convolutional_network().rounded::<T>())),
        (N4, Form::Array) => Box::new(Loss(workloads::transformer_block().rounded::<T>())),
        (N5, Form::Array) => Box::new(Loss(workloads::logistic_regression().rounded::<T>())),
        (S1, Form::Array) => Box::new(Loss(workloads::chained_rosenbrock_of_arrays(1000).rounded::<T>())),
        (S1, Form::Scalar) => Box::new(Loss(workloads::chained_rosenbrock(1000).rounded::<T>())),
        (S1b, Form::Array) => Box::new(Loss(workloads::chained_rosenbrock_of_arrays(100_000).rounded::<T>())),
        (S1b, Form::Scalar) => Box::new(Loss(workloads::chained_rosenbrock(100_000).rounded::<T>())),
        (S2, Form::Scalar) => Box::new(Loss(workloads::gaussian_mixture().rounded::<T>())),
        (S3, Form::Array) => Box::new(Loss(workloads::helmholtz_energy_of_arrays().rounded::<T>())),
        (S3, Form::Scalar) => Box::new(Loss(workloads::helmholtz_energy().rounded::<T>())),
        (S5, Form::Scalar) => {
            scalars::<T>("S5", loops::network_point(), Function::new(|x: &[_]| loops::network_loss(x)))
        }
        (S6, Form::Scalar) => scalars::<T>("S6", loops::grid(), Function::new(|x: &[_]| loops::lennard_jones(x))),
        (S7, Form::Scalar) => scalars::<T>("S7", loops::sines(1000), Function::new(|x: &[_]| loops::branches(x))),
        (T1, Form::Array) => {
            let (problem, v) = workloads::network_along_lines();
            let loss = |order| Loss(workloads::network_along_lines_loss(order).rounded::<T>());
            Box::new(Line { problem: problem.rounded::<T>(), v: v.rounded::<T>(), loss: Some(loss) })
        }
        (T2a, Form::Array) => Box::new(Laplacian::<T> { inputs: 10, at: std::marker::PhantomData }),
        (T2b, Form::Array) => Box::new(Laplacian::<T> { inputs: 100, at: std::marker::PhantomData }),
        (T3, Form::Array) => {
            let problem = workloads::composed_elementary().rounded::<T>();
            let v = problem.point.mapv(|_| T::one());
            Box::new(Line { problem, v, loss: None::<fn(usize) -> Unused> })
        }
        _ => return None,
    })
}

fn scalars<T: Entry>(
    name: &'static str,
    point: Vec<f64>,
    function: Function<'static, [autodiff_core::Var]>,
) -> Box<dyn Operators> {
    Box::new(Loss(Problem { name, point, function }.rounded::<T>()))
}

/// A scalar function and its first and second derivatives.
struct Loss<A: ?Sized + 'static, P, B: ?Sized + 'static>(Problem<A, P, B>);

impl<A: ?Sized + 'static, P: Tree + Clone + 'static, B: ?Sized + 'static> Operators for Loss<A, P, B>
where
    P::Traced: Borrow<A>,
    P::Scalar: Entry,
{
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        let flat = self.0.function.flat(&self.0.point);
        let x = self.0.point.to_vec();
        let n = x.len();
        let count = if op == Operator::Hvps16 { BLOCK } else { 1 };
        let directions: Vec<f64> = (0..count as u64).flat_map(|j| direction(n, j)).collect();
        let v: Vec<P::Scalar> = directions.rounded();
        let zero = <P::Scalar as autodiff_core::Elementary>::from_f64(0.0);
        // Every operator writes a value, or a vector, or both.
        let result = (zero, vec![zero; count * n]);
        let gradient = |(value, g): &(P::Scalar, Vec<P::Scalar>)| check::of_gradient(value.to_f64(), doubles(g));
        let products = move |(_, p): &(P::Scalar, Vec<P::Scalar>)| check::of_products(&directions, doubles(p));
        Ok(Some(match op {
            Operator::Value => {
                subject(result, move |r| flat.value(&x).map(|value| r.0 = value), |r| check::of_value(r.0.to_f64()))
            }
            Operator::Gradient => {
                subject(result, move |r| flat.value_and_gradient(&x, &mut r.1).map(|value| r.0 = value), gradient)
            }
            Operator::Hvp => subject(result, move |r| flat.hvp(&x, &v, &mut r.1), products),
            Operator::Linearize => subject(
                result,
                move |r| {
                    // Prepared when first asked: value and gradient are a by-product.
                    let at = flat.linearize(&x)?;
                    r.0 = at.value()?;
                    at.gradient_into(&mut r.1)
                },
                gradient,
            ),
            Operator::HvpLinearized => {
                let at = flat.linearize(&x)?;
                subject(result, move |r| at.hvp(&v, &mut r.1), products)
            }
            Operator::Hvps16 => {
                let at = flat.linearize(&x)?;
                subject(result, move |r| at.hvps(&v, &mut r.1), products)
            }
            Operator::Ggn => {
                let at = flat.linearize(&x)?;
                subject(result, move |r| at.ggn(&v, &mut r.1), products)
            }
            _ => return Ok(None),
        }))
    }
}

/// Taylor coefficients of a function along a line, and a loss on one of them.
struct Line<A: ?Sized + 'static, P, B: ?Sized + 'static, L> {
    problem: Problem<A, P, B>,
    v: P,
    loss: Option<L>,
}

impl<A, T: Entry, D: Dimension + 'static, B, O, L> Operators for Line<A, Array<T, D>, B, L>
where
    A: ?Sized + 'static,
    autodiff_core::Var: Borrow<A>,
    B: ?Sized + 'static,
    O: Operators,
    L: Fn(usize) -> O,
{
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        let (function, x, v) = (self.problem.function.clone(), self.problem.point.clone(), self.v.clone());
        Ok(match (op, &self.loss) {
            (Operator::Taylor(order), _) => Some(subject(
                Vec::new(),
                move |r: &mut Vec<ArrayD<T>>| function.taylor(&x, &v, order).map(|coefficients| *r = coefficients),
                move |r| check::of_array("coefficient", r[order].iter().map(|x| x.to_f64())),
            )),
            (Operator::TaylorGradient(order), Some(loss)) => loss(order).subject(Operator::Gradient)?,
            _ => None,
        })
    }
}

/// Stands for the loss where there is none.
struct Unused;

impl Operators for Unused {
    fn subject(&self, _: Operator) -> Result<Option<Box<dyn Subject>>> {
        Ok(None)
    }
}

/// The Laplacian of a network in its input, and a loss on it.
struct Laplacian<T> {
    inputs: usize,
    at: std::marker::PhantomData<T>,
}

impl<T: Entry> Operators for Laplacian<T> {
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        Ok(match op {
            Operator::Laplacian => {
                let Problem { point, function, .. } = workloads::network_laplacian(self.inputs).rounded::<T>();
                let evaluate = move |r: &mut Option<ArrayD<T>>| function.evaluate(&point).map(|(_, l)| *r = Some(l));
                Some(subject(None, evaluate, |r| check::of_array("laplacian", r.iter().flatten().map(|x| x.to_f64()))))
            }
            Operator::LaplacianGradient => {
                Loss(workloads::network_laplacian_loss(self.inputs).rounded::<T>()).subject(Operator::Gradient)?
            }
            _ => None,
        })
    }
}

fn subject<R: 'static>(
    result: R,
    mut call: impl FnMut(&mut R) -> autodiff_core::Result<()> + 'static,
    digest: impl Fn(&R) -> Check + 'static,
) -> Box<dyn Subject> {
    Box::new(Local { peer: NAME, result, call: move |result: &mut R| Ok(call(result)?), digest })
}

fn doubles<T: Entry>(numbers: &[T]) -> impl Iterator<Item = f64> + Clone {
    numbers.iter().map(|x| x.to_f64())
}
