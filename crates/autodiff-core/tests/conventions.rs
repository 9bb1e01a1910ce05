//! Conventions at kinks, at singular points and around zeros: each with a test that bears its name
//! (docs/mathematics.md, "Conventions").

use autodiff_core::{Dual, Elementary, Function, Precision, Series, Var, gradient, hessian, hvp};
use ndarray::{arr1, arr2};

/// f′ and f″ of a function of one variable.
fn slopes(f: impl Fn(Var) -> Var + Send + Sync, x: f64) -> (f64, f64) {
    let f = Function::new(move |x: &Var| f(*x));
    (f.gradient(&x).unwrap(), f.hvp(&x, &1.0).unwrap())
}

#[test]
fn abs_has_derivative_zero_at_zero() {
    assert_eq!(slopes(|x| x.abs(), 0.0), (0.0, 0.0));
    assert_eq!(slopes(|x| x.abs(), -2.0), (-1.0, 0.0));
    assert_eq!(Dual::variable(0.0).abs().tangent, 0.0);
}

#[test]
fn relu_has_derivative_zero_at_zero() {
    assert_eq!(slopes(|x| x.relu(), 0.0), (0.0, 0.0));
    assert_eq!(slopes(|x| x.relu(), 1.0), (1.0, 0.0));
    assert!(Function::new(|x: &Var| x.relu()).value(&f64::NAN).unwrap().is_nan());
}

#[test]
fn max_and_min_share_the_derivative_at_a_tie() {
    assert_eq!(gradient(|x: &[Var]| x[0].max(x[1]), &vec![2.0, 2.0]).unwrap(), [0.5, 0.5]);
    assert_eq!(gradient(|x: &[Var]| x[0].min(x[1]), &vec![2.0, 2.0]).unwrap(), [0.5, 0.5]);
    assert_eq!(gradient(|x: &[Var]| x[0].max(x[1]), &vec![3.0, 2.0]).unwrap(), [1.0, 0.0]);
    assert_eq!(gradient(|x: &Var| x.max_axis(0), &arr1(&[1.0, 3.0, 3.0])).unwrap(), arr1(&[0.0, 0.5, 0.5]));
    assert!(Function::new(|x: &[Var]| x[0].max(x[1])).value(&[1.0, f64::NAN]).unwrap().is_nan());
}

#[test]
fn clamp_has_derivative_one_at_its_ends() {
    assert_eq!(slopes(|x| x.clamp(-1.0, 1.0), 1.0), (1.0, 0.0));
    assert_eq!(slopes(|x| x.clamp(-1.0, 1.0), 1.5), (0.0, 0.0));
}

#[test]
fn norm_has_derivative_zero_at_zero() {
    let f = Function::new(|x: &Var| x.norm());
    assert_eq!(f.gradient(&arr1(&[0.0, 0.0])).unwrap(), arr1(&[0.0, 0.0]));
    assert_eq!(f.hvp(&arr1(&[0.0, 0.0]), &arr1(&[1.0, 0.0])).unwrap(), arr1(&[0.0, 0.0]));
    // 3/5 up to the rounding of the reciprocal.
    assert!((f.gradient(&arr1(&[3.0, 4.0])).unwrap()[0] - 0.6_f64).abs() < 1e-15);
}

#[test]
fn hypot_has_derivative_zero_at_the_origin() {
    assert_eq!(gradient(|x: &[Var]| x[0].hypot(x[1]), &vec![0.0, 0.0]).unwrap(), [0.0, 0.0]);
}

#[test]
fn pow_at_zero_follows_the_power_below() {
    // A variable exponent that happens to be 2: x² has derivative 0 and second derivative 2 at 0.
    let f = |x: &[Var]| x[0].pow(x[1]);
    assert_eq!(gradient(f, &vec![0.0, 2.0]).unwrap(), [0.0, 0.0]);
    assert_eq!(hessian(f, &vec![0.0, 2.0]).unwrap()[[0, 0]], 2.0);
    assert_eq!(gradient(f, &vec![0.0, 1.0]).unwrap(), [1.0, 0.0]);
    assert_eq!(gradient(f, &vec![0.0, 0.0]).unwrap()[0], 0.0);
}

#[test]
fn integer_powers_are_exact_at_zero() {
    assert_eq!(slopes(|x| x.powi(2), 0.0), (0.0, 2.0));
    assert_eq!(slopes(|x| x.powf(2.0), 0.0), (0.0, 2.0));
    assert_eq!(slopes(|x| x.powi(0), 0.0), (0.0, 0.0));
    assert_eq!(slopes(|x| x.powi(1), 0.0), (1.0, 0.0));
}

#[test]
fn rounding_and_signs_have_derivative_zero() {
    for f in [Var::floor, Var::ceil, Var::round, Var::trunc, Var::sign] {
        assert_eq!(slopes(f, 0.0), (0.0, 0.0));
        assert_eq!(slopes(f, 1.5), (0.0, 0.0));
    }
    assert_eq!(gradient(|x: &[Var]| x[0].less(x[1]), &vec![1.0, 1.0]).unwrap(), [0.0, 0.0]);
    assert_eq!(gradient(|x: &Var| x.argmax(0), &arr1(&[1.0, 2.0])).unwrap(), arr1(&[0.0, 0.0]));
}

#[test]
fn tanh_has_slope_zero_where_it_rounds_to_one() {
    assert_eq!(slopes(|x| x.tanh(), 20.0).0, 0.0);
    assert!(slopes(|x| x.tanh(), 18.0).0 > 0.0);
}

#[test]
fn singular_points_on_a_curve_have_no_coefficients() {
    // √t⁴ = t² is not made out, neither in programs nor in numbers.
    let traced = Function::new(|x: &Var| x.sqrt()).taylor_series(&0.0, &[0.0, 0.0, 0.0, 1.0]).unwrap();
    let series = Series::from(vec![0.0, 0.0, 0.0, 0.0, 1.0]).sqrt();
    for k in 1..=4 {
        assert!(f64::is_nan(traced[k][[]]) && f64::is_nan(series.coefficients()[k]));
    }
    // A derivative of 0 stays 0 in numbers, as long as all are.
    assert_eq!(Dual::constant(0.0).sqrt().tangent, 0.0);
    assert_eq!(Series::from(vec![0.0; 5]).sqrt().coefficients(), [0.0; 5]);
}

#[test]
fn strong_zero_inside_a_select() {
    // The classical trap: the branch not taken has an infinite derivative, and 0·∞ must be 0 at every order.
    let safe_ln = |x: Var| x.greater(0.0).select(x.ln(), x * 2.0);
    assert_eq!(slopes(safe_ln, 0.0), (2.0, 0.0));
    assert_eq!(slopes(safe_ln, 2.0), (0.5, -0.25));
    let safe_root = |x: Var| x.greater(0.0).select(x.sqrt(), 0.0);
    assert_eq!(slopes(safe_root, 0.0), (0.0, 0.0));
    let sinc = |x: Var| x.equals(0.0).select(1.0, x.sin() / x);
    assert_eq!(slopes(sinc, 0.0), (0.0, 0.0));
    let overflow = |x: Var| x.less(10.0).select(x.exp() * x, 0.0);
    assert_eq!(slopes(overflow, 800.0), (0.0, 0.0));
    // Both modes, and a third derivative.
    let f = Function::new(move |x: &Var| safe_ln(*x));
    assert_eq!(f.hvp_by(autodiff_core::function::Mode::ForwardOverReverse, &0.0, &1.0).unwrap(), 0.0);
    let coefficients = f.taylor(&0.0, &1.0, 3).unwrap();
    let coefficients: Vec<f64> = coefficients.iter().map(|c| c[[]]).collect();
    assert_eq!(coefficients, [0.0, 2.0, 0.0, 0.0]);
    assert_eq!(f.taylor_gradients(&0.0, &1.0, 2).unwrap(), [2.0, 0.0, 0.0]);
}

#[test]
fn strong_zero_only_where_a_select_discards() {
    // Without a select, an infinite derivative is an infinite derivative.
    assert_eq!(slopes(|x| x.sqrt(), 0.0).0, f64::INFINITY);
    assert!(hvp(|x: &Var| x.ln(), &0.0_f64, &0.0).unwrap().is_nan());
}

#[test]
fn cast_rounds_values_and_derivatives() {
    let f = Function::new(|x: &Var| (x.cast(Precision::Single) * 0.1).sum());
    let third = f64::from((1.0_f64 / 3.0) as f32);
    assert_eq!(f.value(&arr1(&[1.0 / 3.0])).unwrap(), third * 0.1);
    assert_eq!(f.gradient(&arr1(&[1.0 / 3.0])).unwrap(), arr1(&[f64::from(0.1_f64 as f32)]));
}

#[test]
fn detached_values_are_constant() {
    assert_eq!(slopes(|x| x * x.detach(), 3.0), (3.0, 0.0));
}

#[test]
fn logsumexp_takes_infinities() {
    let f = Function::new(|x: &Var| x.logsumexp(0));
    let inf = f64::INFINITY;
    assert_eq!(f.value(&arr1(&[-inf, -inf])).unwrap(), -inf);
    assert_eq!(f.gradient(&arr1(&[-inf, 0.0])).unwrap(), arr1(&[0.0, 1.0]));
    assert_eq!(f.value(&arr1(&[1000.0, 1000.0])).unwrap(), 1000.0 + 2.0_f64.ln());
    assert_eq!(f.value(&arr1(&[inf, 0.0])).unwrap(), inf);
}

#[test]
fn perturbations_are_not_confused() {
    // d/dx [x · d/dy (x + y)] = 1, where confused perturbations give 2 (Siskind & Pearlmutter 2005).
    let f = Function::new(|x: &Var| {
        let y = *x * 1.0;
        x * (x + y).tangent(y, autodiff_core::constant(&1.0_f64))
    });
    assert_eq!(f.gradient(&1.0).unwrap(), 1.0);
    assert_eq!(f.taylor(&1.0, &1.0, 2).unwrap().iter().map(|c| c[[]]).collect::<Vec<f64>>(), [1.0, 1.0, 0.0]);
}

#[test]
fn taylor_coefficients_are_divided_by_factorials() {
    let c = Function::new(|x: &Var| x.exp()).taylor(&0.0, &1.0, 4).unwrap();
    assert_eq!(c.iter().map(|c| c[[]]).collect::<Vec<f64>>(), [1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0]);
}

#[test]
fn broadcasts_are_undone_by_sums() {
    let f = Function::new(|(m, v): &(Var, Var)| (m * v).sum());
    let (_, v) = f.gradient(&(arr2(&[[1.0, 2.0], [3.0, 4.0]]), arr1(&[1.0, 1.0]))).unwrap();
    assert_eq!(v, arr1(&[4.0, 6.0]));
}

#[test]
fn a_derivative_by_the_users_own_negation_sees_it() {
    // σ″ is 0 at 0; the slope σ(v) σ(−v) is no function of the x behind v = −x.
    let second = |x: &Var| {
        let v = -*x;
        v.sigmoid().gradient(v).gradient(v)
    };
    assert_eq!(Function::new(second).value(&0.0).unwrap(), 0.0);
    // The tangent −d of −x along d = −w is w, and varies with d.
    let along = |(x, w): &(Var, Var)| {
        let d = -*w;
        (-*x).tangent(*x, d).gradient(d)
    };
    assert_eq!(Function::new(along).value(&(1.0, 2.0)).unwrap(), -1.0);
}

/// Slopes of 1/xⁿ are there wherever they are normal numbers, and vanish at infinity.
#[test]
fn slopes_of_negative_powers_neither_overflow_nor_vanish_early() {
    for (x, n) in [(100_f32, 12), (0.01, 12), (1e5, 6), (1e-5, 6), (3.0, 1), (3.0, 4)] {
        let f = Function::new(move |x: &Var| x.powi(-n));
        let expected = -f64::from(n) * f64::from(x).powi(-n - 1);
        for found in [f.gradient(&x).unwrap(), f.jvp(&x, &1.0).unwrap()[[]]] {
            assert!((f64::from(found) / expected - 1.0).abs() < 1e-5, "{found} of {expected} at {x}");
        }
        let dual = Dual::new(x, 1.0).powi(-n).tangent;
        assert!((f64::from(dual) / expected - 1.0).abs() < 1e-5, "{dual} of {expected} at {x}");
    }
    let f = Function::new(|x: &Var| x.powi(-12));
    assert_eq!((f.gradient(&5000_f32).unwrap(), f.jvp(&5000_f32, &1.0).unwrap()[[]]), (0.0, 0.0));
    assert_eq!(f.gradient(&f64::INFINITY).unwrap(), 0.0);
    assert!((f.gradient(&1e14_f64).unwrap() / -1.2e-181 - 1.0).abs() < 1e-13);
    // Small exponents are exact where the power is.
    for (x, n) in [(10.0_f64, 2), (10.0, 4), (7.0, 3)] {
        assert_eq!(Function::new(move |x: &Var| x.powi(-n)).value(&x).unwrap(), 1.0 / x.powi(n));
    }
}

/// y + 1 is 0 where y rounds to −1.
#[test]
fn the_slope_of_exp_m1_has_its_digits_in_the_tail() {
    let f = Function::new(|x: &Var| x.exp_m1());
    for x in [-1.0_f64, -30.0, -38.0, -700.0] {
        assert_eq!(f.gradient(&x).unwrap(), f.jvp(&x, &1.0).unwrap()[[]]);
        assert!((f.gradient(&x).unwrap() / x.exp() - 1.0).abs() < 1e-14, "at {x}");
        assert!((f.hvp(&x, &1.0).unwrap() / x.exp() - 1.0).abs() < 1e-14, "at {x}");
    }
}
