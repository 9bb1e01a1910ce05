//! echidna on the workloads in plain loops: the pooled tape of `grad`, and recorded tapes replayed as they are and optimised.

mod problems;
mod serve;

use crate::problems::{Number, Problem};
use crate::serve::{System, Way, check_of_gradient, check_of_product, run, way};
use echidna::{BReverse, BytecodeTape, Reverse, Scalar, Taylor};
use num_traits::Float;
use serde_json::{Value, json};

macro_rules! number {
    ($T:ty $(, $K:ident)?) => {
        impl$(<const $K: usize>)? Number for $T {
            #[inline]
            fn constant(c: f64) -> Self {
                Scalar::from_f(c)
            }
            #[inline]
            fn exceeds(&self, c: f64) -> bool {
                Scalar::value(self) > c
            }
            #[inline]
            fn sin(self) -> Self {
                Float::sin(self)
            }
            #[inline]
            fn exp(self) -> Self {
                Float::exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                Float::ln(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                Float::tanh(self)
            }
        }
    };
}
number!(Reverse<f64>);
number!(BReverse<f64>);
number!(Taylor<f64, K>, K);

struct Echidna;

impl System for Echidna {
    const NAME: &'static str = "echidna";
    const VERSION: &'static str = "0.15.0";

    fn ways(problem: &Problem, op: &str) -> Vec<Box<dyn Way>> {
        let (problem, x, v) = (problem.clone(), problem.point.clone(), problem.direction());
        match op {
            "record" => vec![way("record", move || tape(&problem).1, of_value)],
            "gradient_one_shot" => {
                let again = problem.clone();
                let pooled = move || {
                    let mut value = 0.0;
                    let f = |x: &[Reverse<f64>]| {
                        let y = again.at(x);
                        value = Scalar::value(&y);
                        y
                    };
                    let gradient = echidna::grad(f, &x);
                    (value, gradient)
                };
                let recorded = move || {
                    let (mut tape, value) = tape(&problem);
                    let gradient = tape.gradient(&problem.point);
                    (value, gradient)
                };
                vec![way("grad", pooled, of_gradient), way("record, gradient", recorded, of_gradient)]
            }
            "value" => {
                let call = move |tape: &mut Tape| {
                    tape.forward(&x);
                    tape.output_value()
                };
                replayed(&problem, call, of_value)
            }
            "gradient" => {
                let mut adjoints = Vec::new();
                let call = move |tape: &mut Tape| {
                    let gradient = tape.gradient_with_buf(&x, &mut adjoints);
                    (tape.output_value(), gradient)
                };
                replayed(&problem, call, of_gradient)
            }
            "hvp" => {
                let (mut duals, mut adjoints, direction) = (Vec::new(), Vec::new(), v.clone());
                let call = move |tape: &mut Tape| tape.hvp_with_buf(&x, &v, &mut duals, &mut adjoints).1;
                replayed(&problem, call, move |product: Vec<f64>| check_of_product(&direction, &product))
            }
            "taylor10" => vec![series::<11>(&problem)],
            "taylor30" => vec![series::<31>(&problem)],
            _ => Vec::new(),
        }
    }
}

/// The highest of K Taylor coefficients, by numbers that are series; nothing is recorded.
fn series<const K: usize>(problem: &Problem) -> Box<dyn Way> {
    let problem = problem.clone();
    let along = |(&x, v): (&f64, f64)| {
        let mut coefficients = [0.0; K];
        coefficients[..2].copy_from_slice(&[x, v]);
        Taylor::new(coefficients)
    };
    let x: Vec<Taylor<f64, K>> = problem.point.iter().zip(line(problem.point.len())).map(along).collect();
    let call = move || problem.at(std::hint::black_box(&x)).coeff(K - 1);
    way("Taylor", call, |c| json!({ "coefficient_norm": c.abs(), "coefficient_sum": c }))
}

/// The direction of Taylor coefficients: cos(0.3 i + 0.1), or 1 for a single variable.
fn line(n: usize) -> Vec<f64> {
    if n == 1 { vec![1.0] } else { (0..n).map(|i| (0.3 * i as f64 + 0.1).cos()).collect() }
}

type Tape = BytecodeTape<f64>;

/// A tape of the function, and its value.
fn tape(problem: &Problem) -> (Tape, f64) {
    echidna::record(|x: &[BReverse<f64>]| problem.at(x), &problem.point)
}

/// The same call on the tape as it was recorded, and on the optimised one.
fn replayed<R: 'static>(
    problem: &Problem,
    call: impl FnMut(&mut Tape) -> R + Clone + 'static,
    check: impl Fn(R) -> Value + Clone + 'static,
) -> Vec<Box<dyn Way>> {
    let (mut plain, mut optimized) = (tape(problem).0, tape(problem).0);
    optimized.optimize();
    let (mut first, mut second) = (call.clone(), call);
    vec![
        way("replayed", move || first(&mut plain), check.clone()),
        way("replayed, optimised", move || second(&mut optimized), check),
    ]
}

fn of_value(value: f64) -> Value {
    json!({ "loss": value })
}

fn of_gradient((value, gradient): (f64, Vec<f64>)) -> Value {
    check_of_gradient(value, &gradient)
}

fn main() {
    run::<Echidna>();
}
