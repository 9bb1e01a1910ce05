//! Slopes where a function has nearly reached its limit, or a value is about to vanish, to their full digits.

use autodiff_core::{Dual, Elementary, Function, Series, Taylor, Var};

/// Asserts a few units of rounding.
#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    let off = (found / expected - 1.0).abs() / f64::EPSILON;
    assert!(off <= 8.0, "{what}: {found:e}, expected {expected:e}, off by {off:.1} ε");
}

/// x and coefficients 1 to 3 of the logistic sigmoid there: mpmath 1.3.0 with 60 digits, `taylor(lambda x: 1/(1 + exp(-x)), x, 3)`.
const SIGMOID: [(f64, [f64; 3]); 4] = [
    (20.0, [2.061153613941849e-09, -1.0305768027225705e-09, 3.4352559807528735e-10]),
    (-20.0, [2.061153613941849e-09, 1.0305768027225705e-09, 3.4352559807528735e-10]),
    (30.0, [9.357622968838423e-14, -4.678811484418336e-14, 1.5596038281388614e-14]),
    (-30.0, [9.357622968838423e-14, 4.678811484418336e-14, 1.5596038281388614e-14]),
];

#[test]
fn a_saturated_sigmoid_has_its_slopes() {
    let f = Function::new(|x: &Var| x.sigmoid());
    for (x, [first, second, third]) in SIGMOID {
        close("Dual", Dual::variable(x).sigmoid().tangent, first);
        close("gradient", f.gradient(&x).unwrap(), first);
        close("hvp", f.hvp(&x, &1.0).unwrap(), 2.0 * second);
        let nested = Dual::new(Dual::variable(x), Dual::constant(1.0)).sigmoid();
        close("nested Dual", nested.tangent.tangent, 2.0 * second);
        let taylor = Taylor::<f64, 3>::variable(x).sigmoid();
        let series = Series::from(vec![x, 1.0, 0.0, 0.0]).sigmoid();
        let traced = f.taylor(&x, &1.0, 3).unwrap();
        for (k, expected) in [first, second, third].into_iter().enumerate() {
            close("Taylor", *taylor.coefficients().nth(k + 1).unwrap(), expected);
            close("Series", series.coefficients()[k + 1], expected);
            close("Function::taylor", traced[k + 1][[]], expected);
        }
        let single = Function::new(|x: &Var| x.sigmoid()).gradient(&(x as f32)).unwrap();
        assert!((f64::from(single) / first - 1.0).abs() < 1e-6, "{single:e}");
    }
    for x in [800.0, -800.0, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(f.gradient(&x).unwrap(), 0.0, "{x}");
    }
}

#[test]
fn a_softplus_that_is_nearly_straight_has_its_curvature() {
    let f = Function::new(|x: &Var| x.softplus());
    for (x, [second, ..]) in SIGMOID {
        close("hvp", f.hvp(&x, &1.0).unwrap(), second);
        close("taylor", f.taylor(&x, &1.0, 2).unwrap()[2][[]], second / 2.0);
    }
}

#[test]
fn the_slope_of_a_power_outlives_its_value() {
    // x^1.5 at 1e-220 is below the smallest number, 1.5·1e-110 is not; at 1e-210 few digits of the value are left.
    let f = Function::new(|x: &Var| x.powf(1.5));
    for x in [1e-220_f64, 1e-210, 1e-100] {
        let slope = 1.5 * x.sqrt();
        close("gradient", f.gradient(&x).unwrap(), slope);
        close("Dual", Dual::variable(x).powf(1.5).tangent, slope);
        close("taylor", f.taylor(&x, &1.0, 1).unwrap()[1][[]], slope);
    }
    let x = 1e-31_f32;
    let slope = 1.5 * f64::from(x).sqrt();
    assert!((f64::from(f.gradient(&x).unwrap()) / slope - 1.0).abs() < 1e-6);
}

#[test]
fn series_of_the_sigmoid_agree_to_a_high_order() {
    // Each order must not ask for the sigmoid of one more −(−x).
    let f = Function::new(|x: &Var| x.sigmoid());
    let x = ndarray::Array1::linspace(-2.0, 2.0, 5);
    let curve: Vec<_> = (0..40).map(|k| x.mapv(|x| (x * f64::from(k)).cos())).collect();
    let series = f.taylor_series(&x, &curve).unwrap();
    for (i, &x) in x.iter().enumerate() {
        let input: Vec<f64> = std::iter::once(x).chain(curve.iter().map(|c| c[i])).collect();
        let expected = Series::from(input).sigmoid();
        for (found, expected) in series.iter().zip(expected.coefficients()) {
            let scale = expected.abs().max(1.0);
            assert!((found[i] - expected).abs() <= 1e-11 * scale, "{} against {expected}", found[i]);
        }
    }
}

/// ζ(s, x) = x^{1−s}/(s − 1) + ½x^{−s} + …, also where x^{−s} is below the numbers.
#[test]
fn zeta_far_out_does_not_vanish_early() {
    close("ζ(2, 1e155)", 1e155_f64.hurwitz_zeta(2.0), 1e-155);
    close("ζ(3, 1e110)", 1e110_f64.hurwitz_zeta(3.0), 0.5e-220);
    close("ψ′", Dual::variable(1e200).digamma().tangent, 1e-200);
}
