//! Activations: values, smoothness, conventions at kinks, and large arguments.

mod common;

use autodiff_core::{Function, Var};
use common::{KINKED, SMOOTH};
use ndarray::Array1;
use nn::Activation;

fn function(activation: Activation) -> Function<'static, Var> {
    Function::new(move |x: &Var| activation.apply(*x))
}

#[test]
fn values_are_those_of_the_definitions() {
    for x in [-3.0_f64, -0.7, -1e-3, 0.0, 1e-3, 0.7, 3.0] {
        let phi = 0.5 * libm::erfc(-x / 2.0_f64.sqrt());
        let softplus = (1.0 + x.exp()).ln();
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        let elu = |scale: f64, alpha: f64| scale * if x < 0.0 { alpha * (x.exp() - 1.0) } else { x };
        let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
        let table = [
            (Activation::Identity, x),
            (Activation::Tanh, x.tanh()),
            (Activation::Sigmoid, sigmoid),
            (Activation::Softplus, softplus),
            (Activation::Gelu, x * phi),
            (Activation::GeluTanh, 0.5 * x * (1.0 + u.tanh())),
            (Activation::Silu, x * sigmoid),
            (Activation::Mish, x * softplus.tanh()),
            (Activation::Sin, x.sin()),
            (Activation::Relu, x.max(0.0)),
            (Activation::LeakyRelu(0.2), if x < 0.0 { 0.2 * x } else { x }),
            (Activation::Elu, elu(1.0, 1.0)),
            (Activation::Selu, elu(1.0507009873554805, 1.6732632423543772)),
        ];
        for (activation, expected) in table {
            let found = function(activation).value(&x).unwrap();
            // Both sides round a few times at the size of their terms, which is up to 4.
            assert!((found - expected).abs() < 4e-15, "{activation:?} at {x}: {found}, expected {expected}");
        }
    }
}

#[test]
fn certificates_pass_at_ordinary_points() {
    let x = Array1::from(vec![-2.1, -0.4, 0.3, 1.7]);
    for activation in SMOOTH {
        let f = Function::new(move |x: &Var| activation.apply(*x).sum());
        let certificate = f.check(&x).unwrap();
        assert!(certificate.passed(), "{activation:?}\n{certificate}");
    }
}

/// Value, first and second derivative at `x`.
fn jet(activation: Activation, x: f64) -> [f64; 3] {
    let f = function(activation);
    [f.value(&x).unwrap(), f.gradient(&x).unwrap(), f.hvp(&x, &1.0).unwrap()]
}

#[test]
fn smooth_means_that_second_derivatives_meet_at_zero() {
    let jump = |activation, k: usize| (jet(activation, 1e-9)[k] - jet(activation, -1e-9)[k]).abs();
    // A smooth one of these moves by its next derivative, at most 2, times the distance 2e-9.
    for activation in SMOOTH {
        assert!(activation.is_smooth());
        assert!((0..3).all(|k| jump(activation, k) < 1e-8), "{activation:?}");
    }
    for activation in KINKED {
        assert!(!activation.is_smooth());
        assert!(jump(activation, 1).max(jump(activation, 2)) > 0.5, "{activation:?}");
    }
}

#[test]
fn conventions_at_the_kink() {
    assert_eq!(jet(Activation::Relu, 0.0), [0.0, 0.0, 0.0]);
    assert_eq!(jet(Activation::LeakyRelu(0.1), 0.0), [0.0, 0.1, 0.0]);
    assert_eq!(jet(Activation::Elu, 0.0), [0.0, 1.0, 0.0]);
    assert_eq!(jet(Activation::Selu, 0.0), [0.0, 1.0507009873554805, 0.0]);
}

#[test]
fn derivatives_stay_finite_far_out_at_either_precision() {
    for activation in SMOOTH.into_iter().chain(KINKED) {
        for x in [-1e3_f64, -100.0, 100.0, 1e3] {
            assert!(jet(activation, x).iter().all(|y| y.is_finite()), "{activation:?} at {x}");
            let (f, x) = (function(activation), x as f32);
            let single = [f.value(&x).unwrap(), f.gradient(&x).unwrap(), f.hvp(&x, &1.0).unwrap()];
            assert!(single.iter().all(|y| y.is_finite()), "{activation:?} at {x} in single precision: {single:?}");
        }
    }
    // What acts as relu far out has its slopes there, and no curvature.
    use Activation::{Elu, Gelu, GeluTanh, Mish, Silu, Softplus};
    for activation in [Softplus, Gelu, GeluTanh, Silu, Mish, Elu] {
        assert_eq!(jet(activation, 800.0)[1..], [1.0, 0.0], "{activation:?}");
        assert_eq!(jet(activation, -800.0)[1..], [0.0, 0.0], "{activation:?}");
    }
}

#[test]
fn exact_gelu_keeps_its_digits_in_the_left_tail() {
    // −10 Φ(−10) to 30 digits by mpmath. e^{−50} magnifies a rounding of its exponent 50 times, to 1.1e-14.
    let found = jet(Activation::Gelu, -10.0)[0];
    assert!((found / -7.619_853_024_160_526e-23 - 1.0).abs() < 2e-14, "{found}");
}

#[test]
fn the_tanh_form_of_gelu_is_off_by_less_than_a_thousandth() {
    let both = Function::new(|x: &Var| (Activation::Gelu.apply(*x), Activation::GeluTanh.apply(*x)));
    let grid = Array1::from_iter((-100_000..=100_000).map(|i| f64::from(i) * 1e-4));
    let (exact, approximate) = both.evaluate(&grid).unwrap();
    let largest = (exact - approximate).iter().fold(0.0_f64, |m, d| m.max(d.abs()));
    assert!(largest > 4e-4 && largest < 5e-4, "{largest}");
}
