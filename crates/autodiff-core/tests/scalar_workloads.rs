//! Functions in plain loops, generic over their number, as traced variables, floats, dual and hyper-dual numbers.
//!
//! The table holds for each function reference values of f, ⟨∇f, w⟩ and ⟨∇²f v, w⟩ for the weights w of
//! `testkit::workloads::loops::check_vector` and the direction v of the same module, to 15 digits. Every way to compute them
//! must agree to 1e-9 relative, which leaves room for sums in another order.

use autodiff_core::{Dual, Function, HyperDual, Var};
use testkit::workloads::{bundle, loops, rosenbrock};

const TOLERANCE: f64 = 1e-9;

struct Expected {
    value: f64,
    gradient: f64,
    product: f64,
}

const S1_1000: Expected = Expected { value: 88743.0558633612, gradient: -4627.5241251179, product: -951.47345582016 };
const S2: Expected = Expected { value: -19288.0602525877, gradient: -631.330097483895, product: 4671.7393986228 };
const S3_100: Expected = Expected { value: -3.24050223583418, gradient: -21.9571810142129, product: 419.27314456635 };
const S3_100_HESSIAN: f64 = -1400.76638497356;
const S3_200: Expected = Expected { value: -3.76356426300274, gradient: -65.6908878786644, product: -156.835272678658 };
const S3_200_HESSIAN: f64 = 416.034275968195;
const S5: Expected = Expected { value: 0.767469298104111, gradient: -2.26825537304513, product: 0.41664751876507 };
const S6: Expected = Expected { value: -286.281112389338, gradient: -37.2412119727735, product: -47.2641532683831 };
const S7: Expected = Expected { value: 772.415085143062, gradient: -5.58564925498285, product: 0.403241607302207 };

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= TOLERANCE, "{what}: {found:e}, expected {expected:e}, off by {error:.1e}");
}

/// The weights of `check_vector`, so that ⟨∇f, w⟩ is one directional derivative.
fn weights(n: usize) -> Vec<f64> {
    (0..n).map(|i| (0.11 * i as f64 + 0.2).sin()).collect()
}

/// Value, gradient and product by graph transforms.
fn check_traced(f: &Function<'_, [Var]>, x: &Vec<f64>, expected: &Expected) {
    assert_close("value", f.value(x).unwrap(), expected.value);
    let (value, gradient) = f.value_and_gradient(x).unwrap();
    assert_close("value beside the gradient", value, expected.value);
    assert_close("gradient", loops::check_vector(&gradient), expected.gradient);
    let product = f.hvp(x, &loops::direction(x.len())).unwrap();
    assert_close("product", loops::check_vector(&product), expected.product);
}

/// The same by numbers that carry derivatives along w, and along v and w.
fn check_numbers(
    plain: impl Fn(&[f64]) -> f64,
    dual: impl Fn(&[Dual]) -> Dual,
    hyper_dual: impl Fn(&[HyperDual]) -> HyperDual,
    x: &[f64],
    expected: &Expected,
) {
    let (v, w) = (loops::direction(x.len()), weights(x.len()));
    assert_close("value at floats", plain(x), expected.value);
    let x1: Vec<Dual> = x.iter().zip(&w).map(|(&x, &w)| Dual::new(x, w)).collect();
    assert_close("tangent of dual numbers", dual(&x1).tangent, expected.gradient);
    let x2: Vec<HyperDual> = (0..x.len()).map(|i| HyperDual::new(x[i], v[i], w[i], 0.0)).collect();
    assert_close("mixed derivative of hyper-dual numbers", hyper_dual(&x2).cross, expected.product);
}

/// Every check of a generic function: `check!(function, point, expected)`.
macro_rules! check {
    ($f:expr, $x:expr, $expected:expr) => {{
        check_traced(&Function::new(|x: &[Var]| $f(x)), &$x, &$expected);
        check_numbers(|x| $f(x), |x| $f(x), |x| $f(x), &$x, &$expected);
    }};
}

#[test]
fn s1_rosenbrock() {
    check!(rosenbrock, loops::sines(1000), S1_1000);
}

#[test]
fn s2_gaussian_mixture_of_numbers() {
    let (mixture, x) = loops::gaussian_mixture();
    let (plain, dual) = (|x: &[f64]| mixture.log_likelihood(x), |x: &[Dual]| mixture.log_likelihood(x));
    check_numbers(plain, dual, |x| mixture.log_likelihood(x), &x, &S2);
}

#[cfg(feature = "slow-tests")]
#[test]
fn s2_gaussian_mixture_traced() {
    let (mixture, x) = loops::gaussian_mixture();
    check_traced(&Function::new(|x: &[Var]| mixture.log_likelihood(x)), &x, &S2);
}

#[test]
fn s3_helmholtz_energy() {
    for (n, expected, expected_hessian) in [(100, S3_100, S3_100_HESSIAN), (200, S3_200, S3_200_HESSIAN)] {
        let (energy, x) = loops::helmholtz_energy(n);
        check!(|x| energy.energy(x), x, expected);
        let f = Function::new(|x: &[Var]| energy.energy(x));
        assert_close("Hessian", loops::check_hessian(&f.hessian(&x).unwrap()), expected_hessian);
    }
}

#[test]
fn s5_network_in_loops() {
    check!(loops::network_loss, loops::network_point(), S5);
}

#[test]
fn s6_lennard_jones() {
    check!(loops::lennard_jones, loops::grid(), S6);
}

/// Rows of the Jacobians of all observations, by one product for the first errors and one for the second.
fn jacobians(f: &Function<'_, [Var], Vec<Var>>, x: &Vec<f64>) -> [Vec<f64>; 2] {
    let at = f.linearize(x).unwrap();
    [0, 1].map(|chosen| {
        let w: Vec<f64> = (0..x.len() / bundle::INPUTS * 2).map(|i| f64::from(u8::from(i % 2 == chosen))).collect();
        let mut rows = vec![0.0; x.len()];
        at.vjp(&w, &mut rows).unwrap();
        rows
    })
}

#[test]
fn s4_jacobians_of_bundle_adjustment() {
    let f = Function::new(|x: &[Var]| bundle::reprojections(x));
    let x = bundle::observations(bundle::OBSERVATIONS);
    let [first, second] = jacobians(&f, &x);
    assert_close("rolled", bundle::check_jacobians(&first, &second), bundle::CHECK);
    // One observation after the other, by sweeps and by dual numbers.
    for o in [0, 17, 9999] {
        let p = bundle::observation(o).to_vec();
        let one = Function::new(move |p: &[Var]| bundle::reprojection(p, bundle::feature(o)).to_vec());
        let swept = one.jacobian(&p).unwrap();
        for j in 0..bundle::INPUTS {
            let dual: Vec<Dual> = (0..p.len()).map(|i| Dual::new(p[i], f64::from(u8::from(i == j)))).collect();
            let slopes = bundle::reprojection(&dual, bundle::feature(o)).map(|y| y.tangent);
            for (k, rows) in [&first, &second].into_iter().enumerate() {
                // Slopes are of order 1; some vanish.
                assert!((rows[o * bundle::INPUTS + j] - slopes[k]).abs() <= TOLERANCE, "{o} {j} {k}");
                assert!((swept[[k, j]] - slopes[k]).abs() <= TOLERANCE, "{o} {j} {k}");
            }
        }
    }
}

#[test]
fn s4_is_a_handful_of_arrays() {
    let f = Function::new(|x: &[Var]| bundle::reprojections(x));
    let large = f.explain(&bundle::observations(400)).unwrap().graph;
    assert!(large.len() < 120, "{large}");
    assert_eq!(large.outputs().len(), 1);
}

#[test]
fn s7_branches_on_values() {
    check!(loops::branches, loops::sines(1000), S7);
}

#[test]
fn s7_takes_other_branches_at_another_point() {
    let n = 200;
    let f = Function::new(|x: &[Var]| loops::branches(x));
    let first = loops::sines(n);
    // The mirror image: each comparison of neighbours, and most of those with ½ and −0.3, come out otherwise.
    let second: Vec<f64> = first.iter().map(|x| -x).collect();
    let v = loops::direction(n);
    for (point, variants) in [(&first, 1), (&second, 2), (&first, 2), (&second, 2)] {
        let value = loops::branches(point);
        assert_close("value", f.value(point).unwrap(), value);
        let (gradient, product) = (f.gradient(point).unwrap(), f.hvp(point, &v).unwrap());
        let at = f.linearize(point).unwrap();
        let mut linearised = vec![0.0; n];
        at.hvp(&v, &mut linearised).unwrap();
        for i in 0..n {
            // Component i of ∇f and ∇²f v: derivatives along the unit vector i, and along v.
            let x: Vec<HyperDual> =
                (0..n).map(|j| HyperDual::new(point[j], if i == j { 1.0 } else { 0.0 }, v[j], 0.0)).collect();
            let y = loops::branches(&x);
            for (found, expected) in [(gradient[i], y.first), (product[i], y.cross), (linearised[i], y.cross)] {
                // Components are of order 1; some vanish by cancellation.
                assert!((found - expected).abs() <= TOLERANCE, "component {i}: {found:e}, expected {expected:e}");
            }
        }
        assert_eq!(f.variant_count(), variants);
    }
}
