//! Derivative tensors against nested numbers and dense Hessians; models along lines against what they approximate.

use autodiff_core::{Dual, Elementary, Error, Function, Real, Var};
use ndarray::{Array1, arr1};

fn f<S: Real + Copy>(x: &[S]) -> S {
    (x[0] * x[1]).sin() * x[2].exp() + (x[0] - x[2]).powi(3) / (x[1].square() + 1.0)
}

const X: [f64; 3] = [0.4, -0.7, 1.1];

type Second = Dual<Dual<f64>>;
type Fourth = Dual<Dual<Second>>;

/// x with the four units i, j, k, l in the four levels of nesting.
fn nested(at: usize, units: [usize; 4]) -> Fourth {
    let one = |unit: usize| f64::from(u8::from(unit == at));
    let first = Dual::new(X[at], one(units[0]));
    let second = Dual::new(first, Dual::new(one(units[1]), 0.0));
    let third = Dual::new(second, Dual::new(Dual::new(one(units[2]), 0.0), Dual::new(0.0, 0.0)));
    let zero = || Dual::new(Dual::new(0.0, 0.0), Dual::new(0.0, 0.0));
    let constant = Dual::new(Dual::new(one(units[3]), 0.0), Dual::new(0.0, 0.0));
    Dual::new(third, Dual::new(constant, zero()))
}

#[test]
fn tensors_of_every_order_are_nested_derivatives() {
    let function = Function::new(|x: &[Var]| f(x));
    let (x, n) = (X.to_vec(), 3);
    let gradient = function.gradient(&x).unwrap();
    let first = function.derivative_tensor(&x, 1).unwrap();
    let hessian = function.hessian(&x).unwrap();
    let second = function.derivative_tensor(&x, 2).unwrap();
    let third = function.derivative_tensor(&x, 3).unwrap();
    let fourth = function.derivative_tensor(&x, 4).unwrap();
    // Interpolation with weights up to some tens, of coefficients of the order of ten.
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-11 * b.abs().max(1.0), "{a} against {b}");
    for i in 0..n {
        close(first[[i]], gradient[i]);
        for j in 0..n {
            close(second[[i, j]], hessian[[i, j]]);
            for k in 0..n {
                for l in 0..n {
                    let y = f(&[0, 1, 2].map(|at| nested(at, [i, j, k, l])));
                    close(third[[i, j, k]], y.value.tangent.tangent.tangent);
                    close(fourth[[i, j, k, l]], y.tangent.tangent.tangent.tangent);
                }
            }
        }
    }
    let mut index = vec![0; 3];
    for (i, j) in [(0, 0), (0, 2), (2, 1)] {
        index.fill(0);
        index[i] += 1;
        index[j] += 2;
        close(function.partial_derivative(&x, &index).unwrap(), third[[i, j, j]]);
    }
}

#[test]
fn high_orders_lose_few_digits() {
    // ∂⁸/∂x⁴∂y⁴ of exp(xy) at (1, 1): Σ over k of C(4, k)² 4!/… = 209 e.
    let f = Function::new(|x: &[Var]| (x[0] * x[1]).exp());
    let found: f64 = f.partial_derivative(&vec![1.0, 1.0], &[4, 4]).unwrap();
    assert!((found / (209.0 * 1.0_f64.exp()) - 1.0).abs() < 1e-10, "{found}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let function = Function::new(|x: &[Var]| f(x));
    let x = X.to_vec();
    assert!(matches!(function.derivative_tensor(&x, 0), Err(Error::Unsupported { .. })));
    assert!(matches!(function.partial_derivative(&x, &[1, 2]), Err(Error::Length { expected: 3, found: 2, .. })));
    let pair = Function::new(|x: &[Var]| vec![x[0], x[1]]);
    assert!(matches!(pair.derivative_tensor(&x, 2), Err(Error::NotScalar { operator: "derivative_tensor", .. })));
    assert!(matches!(
        pair.partial_derivative(&x, &[1, 1, 0]),
        Err(Error::NotScalar { operator: "partial_derivative", .. })
    ));
    assert!(matches!(pair.local_model(&x, &x, 2), Err(Error::NotScalar { .. })));
    assert!(matches!(function.local_model(&x, &x, 0), Err(Error::Unsupported { .. })));
}

#[test]
fn models_along_a_line_are_what_the_function_does_there() {
    let function = Function::new(|x: &Var| (x.sin() * x.square()).sum().exp());
    let (x, v) = (arr1(&[0.4, -0.7, 0.3]), arr1(&[0.3, 0.9, -0.2]));
    let model = function.local_model(&x, &v, 12).unwrap();
    let gradient = function.gradient(&x).unwrap();
    let product = function.hvp(&x, &v).unwrap();
    assert!((model.slope() - gradient.dot(&v)).abs() < 1e-14);
    assert!((model.curvature() - product.dot(&v)).abs() < 1e-13);
    for t in [0.1, -0.2, 0.3] {
        let moved: Array1<f64> = &x + &(&v * t);
        let error = (model.at(t) - function.value(&moved).unwrap()).abs();
        let estimate = model.remainder_estimate(t).unwrap();
        // The first term left out is the largest; rounding of values near 1 hides an estimate below it.
        assert!(estimate.is_finite() && error <= 20.0 * estimate.max(1e-16), "{error:e} against {estimate:e}");
        assert!(estimate <= 20.0 * error.max(1e-15), "{error:e} against {estimate:e}");
    }
}

#[test]
fn recommended_steps_are_minima_of_their_models() {
    // t³/3 − t²/2 − 2t has its minimum at 2; seen from 0 the second-order model has none.
    let f = Function::new(|x: &Var| x.powi(3) / 3.0 - x.square() / 2.0 - *x * 2.0);
    let model = f.local_model(&0.0, &1.0, 3).unwrap();
    assert_eq!(model.quadratic_step(), None);
    assert_eq!(model.cubic_step(), Some(2.0));
    let model = f.local_model(&1.0, &1.0, 3).unwrap();
    assert_eq!(model.cubic_step(), Some(1.0));
    assert_eq!(model.quadratic_step(), Some(2.0));
    // Without a third order both are one.
    let model = f.local_model(&1.0, &1.0, 2).unwrap();
    assert_eq!(model.cubic_step(), Some(2.0));
    // It falls for ever.
    let model = Function::new(|x: &Var| -x.powi(3) - *x).local_model(&0.0, &1.0, 3).unwrap();
    assert_eq!(model.cubic_step(), None);
    // A tiny third order, where the root would cancel.
    let model = Function::new(|x: &Var| x.powi(3) * 1e-14 + x.square() - *x).local_model(&0.0, &1.0, 3).unwrap();
    let step: f64 = model.cubic_step().unwrap();
    assert!((step - 0.5).abs() < 1e-13);
}

/// Derivatives by one entry are coefficients: no digits are lost at any order.
#[test]
fn derivatives_by_one_entry_are_exact_at_high_orders() {
    let f = Function::new(|x: &[Var]| x[0].exp() + x[1].sin());
    for order in [1, 16, 30, 40, 150] {
        let found: f64 = f.partial_derivative(&vec![0.0_f64, 2.0], &[order, 0]).unwrap();
        assert!((found - 1.0).abs() < 1e-13, "{found} at order {order}");
    }
    let found: f64 = f.partial_derivative(&vec![0.0_f64, 2.0], &[0, 40]).unwrap();
    assert!((found - 2.0_f64.sin()).abs() < 1e-12, "{found}");
    let tensor = f.derivative_tensor(&vec![0.0_f64, 2.0], 6).unwrap();
    assert!((tensor[[0; 6]] - 1.0).abs() < 1e-14 && (tensor[[1; 6]] + 2.0_f64.sin()).abs() < 1e-14);
}
