//! Values and derivatives of the workloads of `testkit`, against the numbers that other systems compute for them.
//!
//! Each Hessian-vector product is made in three ways: reverse over forward, forward over reverse, and at a linearised point.
//! Numbers must agree to 1e-9 relative to the largest entry compared: the references are good to 1e-13, and sums over up to
//! 10⁶ terms in another order stay far below the rest. Graphs of 10⁶ operations and more are tested with the feature
//! `slow-tests`, in release mode.

use autodiff_core::Tree;
use autodiff_core::function::Mode;
use ndarray::Array1;
use std::borrow::Borrow;
use testkit::golden::{number, numbers};
use testkit::workloads::{self, Problem};

const TOLERANCE: f64 = 1e-9;

/// Compares lists, relative to the largest expected entry.
#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = (f - e).abs() / scale;
        assert!(error <= TOLERANCE, "{what}[{i}]: {f:e}, expected {e:e}, off by {error:.1e}");
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Value and gradient, and the product of the Hessian with direction 0, in three ways.
fn check<A: ?Sized, P, B: ?Sized>(problem: &Problem<A, P, B>)
where
    P: Tree<Scalar = f64> + Clone,
    P::Traced: Borrow<A>,
{
    check_value(problem);
    check_gradient("", problem, problem.function.value_and_gradient(&problem.point).unwrap());
    check_products(problem, Mode::ReverseOverForward);
    check_products(problem, Mode::ForwardOverReverse);
}

fn check_value<A: ?Sized, P, B: ?Sized>(problem: &Problem<A, P, B>)
where
    P: Tree<Scalar = f64>,
    P::Traced: Borrow<A>,
{
    let Problem { name, point, function } = problem;
    assert_eq!(point.leaves().size() as f64, number(name, "n_params"), "{name}: n_params");
    assert_one(problem, "value", function.value(point).unwrap(), "loss");
}

fn check_gradient<A: ?Sized, P, B: ?Sized>(way: &str, problem: &Problem<A, P, B>, (loss, gradient): (f64, P))
where
    P: Tree<Scalar = f64>,
{
    let gradient = gradient.to_vec();
    assert_one(problem, way, loss, "loss");
    assert_one(problem, way, norm(&gradient), "grad_norm");
    assert_first(problem, way, &gradient, "grad_first3");
}

/// The product made by a mode at once; and value, gradient and product at a point linearised in that mode.
fn check_products<A: ?Sized, P, B: ?Sized>(problem: &Problem<A, P, B>, mode: Mode)
where
    P: Tree<Scalar = f64> + Clone,
    P::Traced: Borrow<A>,
{
    let Problem { point, function, .. } = problem;
    let v = problem.direction(0);
    let flat = v.to_vec();
    let check_product = |way: &str, product: &[f64]| {
        assert_one(problem, way, norm(product), "Hv_norm");
        assert_one(problem, way, dot(&flat, product), "vHv");
        assert_first(problem, way, product, "Hv_first3");
    };
    let way = format!("{mode:?}");
    check_product(&way, &function.hvp_by(mode, point, &v).unwrap().to_vec());

    let way = format!("linearised, {mode:?}");
    let at = function.linearize(point).unwrap().with_mode(mode);
    let mut product = vec![0.0; flat.len()];
    at.hvp(&flat, &mut product).unwrap();
    check_product(&way, &product);
    check_gradient(&way, problem, (at.value().unwrap(), at.gradient().unwrap()));
}

#[track_caller]
fn assert_one<A: ?Sized, P, B: ?Sized>(problem: &Problem<A, P, B>, way: &str, found: f64, entry: &str) {
    let name = problem.name;
    assert_close(&format!("{name}: {entry} {way}"), &[found], &[number(name, entry)]);
}

#[track_caller]
fn assert_first<A: ?Sized, P, B: ?Sized>(problem: &Problem<A, P, B>, way: &str, found: &[f64], entry: &str) {
    let name = problem.name;
    assert_close(&format!("{name}: {entry} {way}"), &found[..3], &numbers(name, entry));
}

#[test]
fn n1s_small_network() {
    check(&workloads::small_network());
}

#[test]
fn n1_classifier() {
    check(&workloads::classifier());
}

#[test]
fn n2_autoencoder() {
    check(&workloads::autoencoder());
}

#[test]
fn n3_convolutional_network() {
    check(&workloads::convolutional_network());
}

#[test]
fn n4_transformer_block() {
    check(&workloads::transformer_block());
}

#[test]
fn n5_logistic_regression() {
    check(&workloads::logistic_regression());
}

#[test]
fn s1a_rosenbrock_of_1000() {
    check(&workloads::chained_rosenbrock(1000));
}

#[test]
fn s1_rosenbrock_of_arrays() {
    check(&workloads::chained_rosenbrock_of_arrays(1000));
    check(&workloads::chained_rosenbrock_of_arrays(100_000));
}

#[cfg(feature = "slow-tests")]
#[test]
fn s1b_rosenbrock_of_100000() {
    check(&workloads::chained_rosenbrock(100_000));
}

// Two tests, which run side by side: nearly all their time and memory goes into making programs of 10⁷ operations.
#[cfg(feature = "slow-tests")]
#[test]
fn s2_gaussian_mixture_by_reverse_over_forward() {
    let problem = workloads::gaussian_mixture();
    check_value(&problem);
    check_products(&problem, Mode::ReverseOverForward);
}

#[cfg(feature = "slow-tests")]
#[test]
fn s2_gaussian_mixture_by_forward_over_reverse() {
    check_products(&workloads::gaussian_mixture(), Mode::ForwardOverReverse);
}

#[test]
fn s3_helmholtz_energy() {
    let problem = workloads::helmholtz_energy();
    check(&problem);
    let h = problem.function.hessian(&problem.point).unwrap();
    let frobenius = h.iter().map(|h| h * h).sum::<f64>().sqrt();
    assert_close("S3: hess_fro", &[frobenius], &[number("S3", "hess_fro")]);
    assert_close("S3: hess_trace", &[h.diag().sum()], &[number("S3", "hess_trace")]);
    assert_close("S3: hess_row0_first3", &h.row(0).to_vec()[..3], &numbers("S3", "hess_row0_first3"));
}

#[test]
fn s3_helmholtz_energy_of_arrays() {
    check(&workloads::helmholtz_energy_of_arrays());
}

/// Derivatives of order 0 to `order` of the network along the lines.
fn check_lines(order: usize) {
    let (problem, v) = workloads::network_along_lines();
    let mut factorial = 1.0;
    let (mut sums, mut of_sample_0) = (Vec::new(), Vec::new());
    for (k, c) in problem.function.taylor(&problem.point, &v, order).unwrap().iter().enumerate() {
        factorial *= (k as f64).max(1.0);
        sums.push(c.sum() * factorial);
        of_sample_0.push(c[[0, 0]] * factorial);
    }
    // Derivatives grow by orders of magnitude with k, so each is compared by itself.
    for (entry, found) in [("deriv_sum_over_batch", sums), ("deriv_sample0", of_sample_0)] {
        for (k, (found, expected)) in found.iter().zip(numbers("T1", entry)).enumerate() {
            assert_close(&format!("T1 to order {order}: {entry}, derivative {k}"), &[*found], &[expected]);
        }
    }
}

#[test]
fn t1_network_along_lines() {
    for order in [2, 4, 6] {
        check_lines(order);
    }
}

#[test]
fn t1_network_along_lines_to_order_10() {
    check_lines(10);
}

fn check_laplacian(inputs: usize) {
    let problem = workloads::network_laplacian(inputs);
    let name = problem.name;
    let (values, laplacians) = problem.function.evaluate(&problem.point).unwrap();
    let (values, laplacians): (Vec<f64>, Vec<f64>) =
        (values.iter().copied().collect(), laplacians.iter().copied().collect());
    assert_close(&format!("{name}: value_first3"), &values[..3], &numbers(name, "value_first3"));
    assert_close(&format!("{name}: lap_first3"), &laplacians[..3], &numbers(name, "lap_first3"));
    assert_close(&format!("{name}: lap_sum"), &[laplacians.iter().sum()], &[number(name, "lap_sum")]);
}

#[test]
fn t2a_laplacian_in_10_inputs() {
    check_laplacian(10);
}

#[test]
fn t2b_laplacian_in_100_inputs() {
    check_laplacian(100);
}

#[test]
fn t3_coefficients_of_composed_elementary_functions() {
    let problem = workloads::composed_elementary();
    let ones = Array1::ones(problem.point.len());
    let c = problem.function.taylor(&problem.point, &ones, 30).unwrap();
    let at_point_0: Vec<f64> = c.iter().map(|c| c[0]).collect();
    assert_close("T3: coeff_point0_first6", &at_point_0[..6], &numbers("T3", "coeff_point0_first6"));
    assert_close("T3: coeff_point0_order30", &at_point_0[30..], &[number("T3", "coeff_point0_order30")]);
    for k in [10, 30] {
        let entry = format!("coeff_abs_sum_order{k}");
        let sum = c[k].iter().map(|c| c.abs()).sum();
        assert_close(&format!("T3: {entry}"), &[sum], &[number("T3", &entry)]);
    }
}
