//! Our own operators as subjects.

use crate::check::{self, Check};
use crate::error::Result;
use crate::motion;
use crate::operator::Operator;
use crate::scalar::{self, ScalarFunction};
use crate::subject::{Local, Subject};
use crate::workload::{Form, Precision, Workload};
use autodiff_core::{Elementary, Float, Function, Tree, Var};
use ndarray::{Array, Array1, Array2, ArrayD, Dimension, IxDyn};
use std::borrow::Borrow;
use std::sync::Arc;
use testkit::counter::direction;
use testkit::workloads::{self, Entry, Problem, Rounded, bundle};

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
    use Workload::{N1, N1s, N2, N3, N4, N5, S1, S1b, S3, S4, T1, T2a, T2b, T3, T4};
    Some(match (workload, form) {
        (N1, Form::Array) => Box::new(Loss(workloads::classifier().rounded::<T>())),
        (N1s, Form::Array) => Box::new(Loss(workloads::small_network().rounded::<T>())),
        (N2, Form::Array) => Box::new(Loss(workloads::autoencoder().rounded::<T>())),
        (N3, Form::Array) => Box::new(Loss(workloads::convolutional_network().rounded::<T>())),
        (N4, Form::Array) => Box::new(Loss(workloads::transformer_block().rounded::<T>())),
        (N5, Form::Array) => Box::new(Loss(workloads::logistic_regression().rounded::<T>())),
        (S1, Form::Array) => Box::new(Loss(workloads::chained_rosenbrock_of_arrays(1000).rounded::<T>())),
        (S1b, Form::Array) => Box::new(Loss(workloads::chained_rosenbrock_of_arrays(100_000).rounded::<T>())),
        (S3, Form::Array) => Box::new(Loss(workloads::helmholtz_energy_of_arrays().rounded::<T>())),
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
            Box::new(Pointwise(Line { problem, v, loss: None }))
        }
        (S4, Form::Scalar) if T::PRECISION == autodiff_core::Precision::Double => Box::new(Adjustment),
        (S4, Form::Scalar) => return None,
        (T4, Form::Array) if T::PRECISION == autodiff_core::Precision::Double => Box::new(motion::Motion),
        (_, Form::Scalar) => {
            let (function, point) = scalar::function(workload)?;
            Box::new(Loop::<T>::new(function, &point))
        }
        _ => return None,
    })
}

/// A function in plain loops. Beside what every [`Loss`] has, it is recorded anew at each call.
struct Loop<T> {
    scalar: Arc<ScalarFunction>,
    loss: Loss<[Var], Vec<T>, ()>,
}

impl<T: Entry> Loop<T> {
    fn new(scalar: ScalarFunction, point: &Vec<f64>) -> Loop<T> {
        let scalar = Arc::new(scalar);
        let function = recordable(&scalar);
        Loop { scalar, loss: Loss(Problem { name: "loops", point: point.rounded::<T>(), function }) }
    }
}

/// A function that has not recorded the loops yet.
fn recordable(scalar: &Arc<ScalarFunction>) -> Function<'static, [Var]> {
    let scalar = scalar.clone();
    Function::new(move |x: &[Var]| scalar.at(x))
}

impl<T: Entry> Operators for Loop<T> {
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        let (scalar, point) = (self.scalar.clone(), self.loss.0.point.clone());
        let zero = <T as Elementary>::from_f64(0.0);
        Ok(match op {
            Operator::Record => Some(subject(
                zero,
                move |value| recordable(&scalar).value(&point).map(|found| *value = found),
                |value| check::of_value(value.to_f64()),
            )),
            Operator::GradientOneShot => Some(subject(
                (zero, Vec::new()),
                move |r: &mut (T, Vec<T>)| recordable(&scalar).value_and_gradient(&point).map(|found| *r = found),
                |(value, gradient)| check::of_gradient(value.to_f64(), doubles(gradient)),
            )),
            Operator::Taylor(order) => {
                let function = self.loss.0.function.clone();
                let v: Vec<T> = self.scalar.line(point.len()).rounded();
                Some(subject(
                    Vec::new(),
                    move |r: &mut Vec<ArrayD<T>>| {
                        function.taylor(&point, &v, order).map(|coefficients| *r = coefficients)
                    },
                    move |r| check::of_array("coefficient", r[order].iter().map(|x| x.to_f64())),
                ))
            }
            _ => {
                // Programs, not the sweeps that come before them.
                self.loss.0.function.prepare(&point)?;
                self.loss.subject(op)?
            }
        })
    }
}

/// S4: the errors of all observations as one function of all variables. No two observations share one, so that all Jacobians
/// are two products: one with a 1 for every first error, and one for the second.
struct Adjustment;

impl Operators for Adjustment {
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        let make = || Function::new(|x: &[Var]| bundle::reprojections(x));
        let point = bundle::observations(bundle::OBSERVATIONS);
        let errors = 2 * bundle::OBSERVATIONS;
        let of_errors = |errors: &Vec<f64>| check::of_array("error", errors.iter().copied());
        Ok(match op {
            Operator::Record => Some(subject(
                Vec::new(),
                move |out: &mut Vec<f64>| make().flat(&point).evaluate_into(&point, out),
                of_errors,
            )),
            Operator::Value => {
                let function = make();
                function.prepare(&point)?;
                let flat = function.flat(&point);
                Some(subject(Vec::new(), move |out: &mut Vec<f64>| flat.evaluate_into(&point, out), of_errors))
            }
            Operator::Jacobian => {
                let function = make();
                function.prepare(&point)?;
                let flat = function.flat(&point);
                let chosen =
                    [0, 1].map(|k| (0..errors).map(|i| if i % 2 == k { 1.0 } else { 0.0 }).collect::<Vec<_>>());
                let rows = [vec![0.0; point.len()], vec![0.0; point.len()]];
                Some(subject(
                    rows,
                    move |rows: &mut [Vec<f64>; 2]| {
                        let at = flat.linearize(&point)?;
                        chosen.iter().zip(rows).try_for_each(|(w, rows)| at.vjp(w, rows))
                    },
                    |[first, second]| check::of_jacobians(first, second),
                ))
            }
            _ => None,
        })
    }
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
        Ok(match (op, &self.loss) {
            (Operator::Taylor(order), _) => {
                let flat = self.problem.function.flat(&self.problem.point);
                let entries = |x: &Array<T, D>| x.iter().copied().collect::<Vec<T>>();
                let (x, v) = (entries(&self.problem.point), entries(&self.v));
                let last = move |r: &Vec<T>| r.len() / (order + 1) * order;
                Some(subject(
                    Vec::new(),
                    move |r: &mut Vec<T>| flat.series_into(&x, &v, order, r),
                    move |r| check::of_array("coefficient", r[last(r)..].iter().map(|x| x.to_f64())),
                ))
            }
            (Operator::TaylorGradient(order), Some(loss)) => loss(order).subject(Operator::Gradient)?,
            _ => None,
        })
    }
}

/// A function of every entry of one array along a line, which is also recorded anew at each call.
struct Pointwise<T: Entry>(Line<Var, Array1<T>, (), fn(usize) -> Unused>);

impl<T: Entry> Operators for Pointwise<T> {
    fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        let point = self.0.problem.point.clone();
        Ok(match op {
            Operator::Record => Some(subject(
                ArrayD::zeros(IxDyn(&[])),
                move |values: &mut ArrayD<T>| {
                    let function = Function::new(|x: &Var| workloads::elementary(*x));
                    function.evaluate(&point).map(|found| *values = found)
                },
                |values| check::of_array("value", values.iter().map(|x| x.to_f64())),
            )),
            _ => self.0.subject(op)?,
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
            Operator::LaplacianPerDirection => {
                let Problem { point, function, .. } = workloads::network_of_inputs(self.inputs).rounded::<T>();
                let along = |i| Array2::from_shape_fn(point.dim(), |(_, j)| if i == j { T::one() } else { T::zero() });
                let directions: Vec<Array2<T>> = (0..self.inputs).map(along).collect();
                let evaluate = move |sum: &mut ArrayD<T>| {
                    *sum = ArrayD::zeros(IxDyn(&[point.nrows(), 1]));
                    for v in &directions {
                        let coefficients = function.taylor(&point, v, 2)?;
                        // Coefficients are divided by 2!.
                        sum.zip_mut_with(&coefficients[2], |sum, &c| *sum = *sum + c + c);
                    }
                    Ok(())
                };
                let empty = ArrayD::zeros(IxDyn(&[]));
                Some(subject(empty, evaluate, |r| check::of_array("laplacian", r.iter().map(|x| x.to_f64()))))
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
