//! Problems of higher order: Taylor coefficients and Laplacians.

use super::{Network, Problem, dense, dense_parameters};
use crate::counter::{symmetrics, uniforms};
use autodiff_core::{Elementary, Function, Var};
use ndarray::{Array1, Array2};

/// T1: a network 10-64-64-1 with tanh, as a function of its input, along a line for each of 256 samples.
///
/// Returns the problem and the directions V = S(7); both they and the point X = S(1) are [256, 10]. Data: the arrays W₁, b₁,
/// W₂, b₂, W₃, b₃. The reference numbers are derivatives dᵏ/dtᵏ of net(X + t V) at t = 0, not divided by k!.
pub fn network_along_lines() -> (Problem<Var, Array2<f64>, [Var]>, Array2<f64>) {
    let parameters = dense_parameters(&[10, 64, 64, 1]);
    let problem = Problem {
        name: "T1",
        point: symmetrics(1, (256, 10)),
        function: Function::with_data(|x: &Var, p: &[Var]| dense(*x, p, |h, _| h.tanh()), &parameters),
    };
    (problem, symmetrics(7, (256, 10)))
}

/// A loss on the derivatives of [`network_along_lines`]: Σ_b (dᵏ/dtᵏ net(X_b + t V_b) at t = 0)² for k = `order`, not divided
/// by k!.
///
/// Point: W₁, b₁, W₂, b₂, W₃, b₃. Data: X and V.
pub fn network_along_lines_loss(order: usize) -> Network<(Var, Var)> {
    let factorial: f64 = (1..=order).map(|k| k as f64).product();
    let loss = move |p: &[Var], (x, v): &(Var, Var)| {
        let coefficients = dense(*x, p, |h, _| h.tanh()).taylor(*x, *v, order);
        (factorial * coefficients[order]).square().sum()
    };
    Problem {
        name: "T1",
        point: dense_parameters(&[10, 64, 64, 1]),
        function: Function::with_data(loss, &(symmetrics(1, (256, 10)), symmetrics(7, (256, 10)))),
    }
}

/// T2a (`inputs` = 10) and T2b (`inputs` = 100): a network inputs-128-128-128-128-1 with tanh and its Laplacian in the input.
///
/// Point: X = S(1) of shape [128, inputs]. Data: the arrays W₁, b₁, …, W₅, b₅. The function returns the output u, and
/// Σᵢ ∂²u/∂xᵢ² for each sample, both of shape [128, 1].
pub fn network_laplacian(inputs: usize) -> Problem<Var, Array2<f64>, [Var], (Var, Var)> {
    let parameters = dense_parameters(&[inputs, 128, 128, 128, 128, 1]);
    let function = |x: &Var, p: &[Var]| {
        let u = dense(*x, p, |h, _| h.tanh());
        (u, u.laplacian_rows(*x))
    };
    Problem {
        name: if inputs == 10 { "T2a" } else { "T2b" },
        point: symmetrics(1, (128, inputs)),
        function: Function::with_data(function, &parameters),
    }
}

/// The output alone of the network of [`network_laplacian`]: what Taylor coefficients along single directions are taken of.
pub fn network_of_inputs(inputs: usize) -> Problem<Var, Array2<f64>, [Var]> {
    let parameters = dense_parameters(&[inputs, 128, 128, 128, 128, 1]);
    Problem {
        name: if inputs == 10 { "T2a" } else { "T2b" },
        point: symmetrics(1, (128, inputs)),
        function: Function::with_data(|x: &Var, p: &[Var]| dense(*x, p, |h, _| h.tanh()), &parameters),
    }
}

/// A loss on the Laplacians of [`network_laplacian`]: the mean of their squares over the 128 samples.
///
/// Point: W₁, b₁, …, W₅, b₅. Data: X.
pub fn network_laplacian_loss(inputs: usize) -> Network<Var> {
    let loss = |p: &[Var], x: &Var| dense(*x, p, |h, _| h.tanh()).laplacian_rows(*x).square().mean();
    Problem {
        name: if inputs == 10 { "T2a" } else { "T2b" },
        point: dense_parameters(&[inputs, 128, 128, 128, 128, 1]),
        function: Function::with_data(loss, &symmetrics(1, (128, inputs))),
    }
}

/// T3: exp(sin x)/(1 + x²), entry by entry, at the points −1 + 2 U(1, i) for i < 100 000.
///
/// The reference numbers are Taylor coefficients in the direction of ones, divided by k!.
pub fn composed_elementary() -> Problem<Var, Array1<f64>> {
    Problem {
        name: "T3",
        point: uniforms(1, 100_000).mapv(|u| 2.0 * u - 1.0),
        function: Function::new(|x: &Var| elementary(*x)),
    }
}

/// exp(sin x)/(1 + x²), of a number or of every entry of an array.
pub fn elementary<S: Elementary>(x: S) -> S {
    x.clone().sin().exp() / x.square().offset(1.0)
}
