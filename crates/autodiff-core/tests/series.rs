//! Taylor coefficients of every row of the table to order 20 against mpmath, by every way to compute them; identities between
//! series; gradients of coefficients.
//!
//! Errors are counted against the scale that the golden file gives with each coefficient: Cauchy's bound in the mean square, which
//! stays near the coefficients themselves and does not vanish where a single one does. `fixtures/series.py` defines it.

use autodiff_core::number::Lanes;
use autodiff_core::real::Row;
use autodiff_core::{Dual, Elementary, Function, Real, Series, Taylor, Var};

/// The order of the golden coefficients.
const ORDER: usize = 20;

/// A row along a curve.
struct Case {
    row: Row,
    /// Coefficients of each input; those that are not listed are 0.
    inputs: Vec<Vec<f64>>,
    coefficients: Vec<f64>,
    scales: Vec<f64>,
}

fn golden() -> Vec<Case> {
    let numbers = |list: &str| -> Vec<f64> { list.split_whitespace().map(|x| x.parse().expect("a number")).collect() };
    let cases = include_str!("fixtures/series.txt").lines().map(|line| {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let row = *Row::ALL.iter().find(|row| row.name() == fields[0]).expect("the name of a row");
        let case = Case {
            row,
            inputs: fields[1].split(',').map(numbers).collect(),
            coefficients: numbers(fields[2]),
            scales: numbers(fields[3]),
        };
        assert_eq!((case.inputs.len(), case.coefficients.len()), (row.arity(), ORDER + 1), "{line}");
        assert_eq!(case.scales.len(), ORDER + 1, "{line}");
        case
    });
    cases.collect()
}

impl Case {
    /// Coefficient `k` of an input.
    fn input(&self, i: usize, k: usize) -> f64 {
        self.inputs[i].get(k).copied().unwrap_or(0.0)
    }

    fn is_line(&self) -> bool {
        self.inputs.iter().all(|c| c.len() <= 2)
    }

    /// The largest error over the coefficients, in units of ε times their scale.
    fn error(&self, found: &[f64]) -> f64 {
        let errors = self.coefficients.iter().zip(&self.scales).enumerate().map(|(k, (expected, scale))| {
            // A series that is constant has no more than its value.
            let off = (found.get(k).unwrap_or(&0.0) - expected).abs();
            if off == 0.0 { 0.0 } else { off / (scale * f64::EPSILON) }
        });
        // Not `max`, which would drop a NaN.
        errors.fold(0.0, |worst, e| if e > worst || e.is_nan() { e } else { worst })
    }
}

/// The largest error that is accepted, in units of ε times the scale of the coefficient. Measured: 4.3, mostly below 2.
fn bound(case: &Case) -> f64 {
    let value = case.coefficients[0].abs();
    match case.row {
        // Its slope, 1 − y², has the digits of 1 − y only, where it saturates few and at last none: a loss that the table states
        // beside the row and docs/accuracy.md in numbers, for the exact slope costs more in every layer of a network.
        Row::Tanh => 6.0 + 1.0 / (1.0 - value),
        // At its zero the value is a sum of numbers near 1.
        Row::Digamma if value < f64::EPSILON => 400.0,
        _ => 6.0,
    }
}

/// Compares all golden cases with what `compute` makes of them.
fn assert_golden(what: &str, compute: impl Fn(&Case) -> Option<Vec<f64>>) {
    let mut missed = Vec::new();
    for case in golden() {
        let Some(found) = compute(&case) else { continue };
        let error = case.error(&found);
        if error.is_nan() || error > bound(&case) {
            missed.push(format!("{what}: {} along {:?} is off by {error:.1} ε", case.row.name(), case.inputs));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_row_has_golden_coefficients() {
    let cases = golden();
    for &row in Row::ALL {
        let of_row: Vec<&Case> = cases.iter().filter(|case| case.row == row).collect();
        let within = |case: &&&Case| {
            row.samples().iter().zip(&case.inputs).all(|([low, high], c)| (*low..=*high).contains(&c[0]))
        };
        assert!(of_row.iter().filter(within).count() >= 2, "{}: too few golden cases in its interval", row.name());
        assert!(
            of_row.iter().any(|case| !case.is_line()) || row == Row::HurwitzZeta,
            "{}: only straight lines",
            row.name()
        );
    }
}

#[test]
fn series_have_golden_coefficients() {
    assert_golden("Series", |case| {
        let inputs: Vec<Series> = (0..case.inputs.len())
            .map(|i| match case.inputs[i].len() {
                1 => Series::constant(case.input(i, 0)),
                _ => Series::from((0..=ORDER).map(|k| case.input(i, k)).collect::<Vec<_>>()),
            })
            .collect();
        Some(case.row.apply(&inputs).coefficients().to_vec())
    });
}

#[test]
fn polynomials_of_fixed_order_have_golden_coefficients() {
    assert_golden("Taylor", |case| {
        let input = |i| Taylor::<f64, ORDER>::new(case.input(i, 0), std::array::from_fn(|k| case.input(i, k + 1)));
        let inputs: Vec<_> = (0..case.inputs.len()).map(input).collect();
        Some(case.row.apply(&inputs).coefficients().copied().collect())
    });
}

/// The row as a traced function of its inputs; those that are constant along the curve are constants of the closure.
fn traced(case: &Case) -> Function<'static, [Var]> {
    let (row, inputs) = (case.row, case.inputs.clone());
    Function::new(move |x: &[Var]| {
        let at = |(c, &x): (&Vec<f64>, &Var)| if c.len() == 1 { Elementary::from_f64(c[0]) } else { x };
        row.apply(&inputs.iter().zip(x).map(at).collect::<Vec<Var>>())
    })
}

#[test]
fn traced_curves_have_golden_coefficients() {
    assert_golden("Function::taylor_series", |case| {
        let at = |k| (0..case.inputs.len()).map(|i| case.input(i, k)).collect::<Vec<f64>>();
        let curve: Vec<Vec<f64>> = (1..=ORDER).map(at).collect();
        let found = traced(case).taylor_series(&at(0), &curve).unwrap();
        Some(found.iter().map(|c| c[[]]).collect())
    });
}

#[test]
fn traced_lines_have_golden_coefficients() {
    assert_golden("Function::taylor", |case| {
        let at = |k| (0..case.inputs.len()).map(|i| case.input(i, k)).collect::<Vec<f64>>();
        let found = case.is_line().then(|| traced(case).taylor(&at(0), &at(1), ORDER).unwrap());
        Some(found?.iter().map(|c| c[[]]).collect())
    });
}

/// Coefficients of (1 + x + y + z)ⁿ: the multinomials n!/(i! j! k! (n − i − j − k)!), exact up to 2⁵³.
fn multinomial(n: usize, powers: [usize; 3]) -> f64 {
    let choose = |n: usize, k: usize| (1..=k).fold(1.0, |c, i| c * (n - k + i) as f64 / i as f64);
    let mut rest = n;
    let mut product = 1.0;
    for power in powers {
        if power > rest {
            return 0.0;
        }
        product *= choose(rest, power);
        rest -= power;
    }
    product
}

#[test]
fn the_polynomial_of_fateman_is_exact() {
    // f (f + 1) for f = (1 + x + y + z)⁸, as a series in t by x = t, y = t¹⁷, z = t²⁸⁹: powers up to 16 do not meet.
    let (n, base) = (8, 17);
    let order = 2 * n * base * base;
    let mut sum = vec![0.0; order + 1];
    for power in [0, 1, base, base * base] {
        sum[power] = 1.0;
    }
    let f = Series::from(sum).powi(n as i32);
    let product = f.clone() * (f + 1.0);
    for (power, &found) in product.coefficients().iter().enumerate() {
        let powers = [power % base, power / base % base, power / base / base];
        // All of them are whole numbers below 4¹⁶.
        assert_eq!(found, multinomial(2 * n, powers) + multinomial(n, powers), "x, y, z to the {powers:?}");
    }
}

#[test]
fn powers_by_squaring_by_their_slope_and_by_logarithms_are_the_same() {
    // (1 + x + y + z)²⁰ along the curve (t, t², t³), which has degree 60.
    let s = || Series::from([vec![1.0; 4], vec![0.0; 57]].concat());
    let expected = s().powi(20);
    for found in [s().pow(Series::constant(20.0)), s().ln().scale(20.0).exp()] {
        for (k, (a, b)) in found.coefficients().iter().zip(expected.coefficients()).enumerate() {
            // The largest coefficients are 10¹¹ in the middle. 1 + t + t² + t³ vanishes on the unit circle: there is its radius,
            // and errors of lower orders persist.
            assert!((a - b).abs() <= 1e-13 * 1e11, "coefficient {k}: {a:e} against {b:e}");
        }
    }
}

#[test]
fn logarithm_and_exponential_undo_each_other_in_both_orders() {
    let x = || Series::from((0..=40).map(|k| 0.4 * (-0.6_f64).powi(k)).collect::<Vec<_>>());
    for back in [x().exp().ln(), x().offset(1.0).ln().exp().offset(-1.0)] {
        for (k, (a, b)) in back.coefficients().iter().zip(x().coefficients()).enumerate() {
            // Rounding of sums of 40 products. All radii are 1/0.6, at which coefficients of exp grow by a factor of some 10 more.
            let tolerance = 10.0 * 40.0 * f64::EPSILON * 0.6_f64.powi(k as i32);
            assert!((a - b).abs() <= tolerance, "coefficient {k}: {a:e} against {b:e}");
        }
    }
}

#[test]
fn whole_powers_near_zero_are_the_polynomials_that_they_are() {
    // (x₀ + t − t²/2 + t³/8)ⁿ is a polynomial of degree 3n; dividing by x₀ at each order, its coefficients would grow with x₀⁻ᵏ.
    let curve = |order: usize| -> Vec<f64> {
        [0.001, 1.0, -0.5, 0.125].into_iter().chain(std::iter::repeat(0.0)).take(order + 1).collect()
    };
    for n in [2, 3, 5] {
        let expected = Series::from(curve(20)).powi(n);
        let power = f64::from(n);
        let taylor = Taylor::<f64, 20>::try_from(Series::from(curve(20))).unwrap();
        let function = Function::new(move |x: &Var| x.pow(power));
        let higher = curve(20)[1..].to_vec();
        let runtime = Function::with_data(|x: &Var, p: &Var| x.pow(*p), &power);
        let entries = |found: Vec<ndarray::ArrayD<f64>>| -> Vec<f64> { found.iter().map(|c| c[[]]).collect() };
        let found: Vec<(&str, Vec<f64>)> = vec![
            ("Series::pow", Series::from(curve(20)).pow(Series::constant(power)).coefficients().to_vec()),
            ("Taylor::pow", taylor.pow(Taylor::constant(power)).coefficients().copied().collect()),
            ("num_traits", num_traits::Float::powf(taylor, Taylor::constant(power)).coefficients().copied().collect()),
            ("Lanes", {
                let lanes = Taylor::<Lanes<f64, 2>, 20>::new(
                    Lanes([0.001, 2.0]),
                    std::array::from_fn(|k| Lanes([higher[k]; 2])),
                );
                lanes.pow(Taylor::constant(Lanes([power, 1.5]))).coefficients().map(|c| c.0[0]).collect()
            }),
            ("Var::pow", entries(function.taylor_series(&0.001, &higher).unwrap())),
            ("a power that is data", entries(runtime.taylor_series(&0.001, &higher).unwrap())),
        ];
        for (what, found) in found {
            for (k, (a, b)) in found.iter().zip(expected.coefficients()).enumerate() {
                // A few roundings of products that stay below 10.
                assert!((a - b).abs() <= 1e-14, "{what}, power {n}, coefficient {k}: {a:e} against {b:e}");
            }
        }
    }
}

#[test]
fn powers_at_zero_follow_the_powers_below() {
    // t^2.5 has a second derivative at 0 and no third.
    let (x, line) = (0.0, [1.0, 0.0, 0.0, 0.0]);
    let function = Function::new(|x: &Var| x.powf(2.5));
    let traced: Vec<f64> = function.taylor_series(&x, &line).unwrap().iter().map(|c| c[[]]).collect();
    let series = Series::from([vec![x], line.to_vec()].concat()).powf(2.5).coefficients().to_vec();
    for found in [traced, series] {
        assert_eq!(found[..3], [0.0; 3]);
        assert!(!found[3].is_finite() && !found[4].is_finite(), "{found:?}");
    }
    assert_eq!(function.taylor_gradients(&0.0, &1.0, 1).unwrap(), [0.0, 0.0]);
    // Where the power has vanished and those below have not: (1e-140)^2.5, of which the third coefficient is 0.3125e70.
    let series = Series::variable(1e-140, 3).powf(2.5).coefficients()[3];
    let traced: f64 = function.taylor(&1e-140, &1.0, 3).unwrap()[3][[]];
    for found in [series, traced] {
        assert!((found / 0.3125e70 - 1.0).abs() < 1e-14, "{found:e}");
    }
}

#[test]
fn roots_at_a_zero_of_higher_order_have_no_coefficients() {
    // √t⁴ is t²: that the first coefficients of t⁴ are 0 does not make those of the root 0.
    let fourth = vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    type Root<S> = fn(S) -> S;
    let roots: [(Root<Var>, Root<Series>); 3] =
        [(|x| x.sqrt(), |x| x.sqrt()), (|x| x.cbrt(), |x| x.cbrt()), (|x| x.powf(0.75), |x| x.powf(0.75))];
    for (traced, plain) in roots {
        let series = plain(Series::from(fourth.clone()));
        let curve = Function::new(move |x: &Var| traced(*x)).taylor_series(&fourth[0], &fourth[1..]).unwrap();
        for (k, (a, b)) in series.coefficients().iter().zip(&curve).enumerate() {
            assert!(
                if k == 0 { (*a, b[[]]) == (0.0, 0.0) } else { !a.is_finite() && !b[[]].is_finite() },
                "{k}: {a}, {b}"
            );
        }
        // What stands still has none that are not 0.
        assert_eq!(plain(Series::from(vec![0.0; 4])).coefficients(), [0.0; 4]);
    }
    // In lanes, each for itself.
    let lanes =
        Taylor::<_, 2>::new(Lanes([0.0_f64, 0.0, 4.0]), [Lanes([0.0, 0.0, 4.0]), Lanes([0.0, 1.0, 0.0])]).sqrt();
    assert_eq!([lanes.rest[0].0[0], lanes.rest[1].0[0]], [0.0, 0.0]);
    assert!(lanes.rest[0].0[1].is_nan());
    assert_eq!([lanes.rest[0].0[2], lanes.rest[1].0[2]], [1.0, -0.25]);
}

#[test]
fn series_and_polynomials_divide_alike() {
    // 0·∞ is NaN in every product and quotient, whichever type keeps the coefficients.
    let (a, b) = (vec![0.0, 1.0, 0.0], vec![1.0, f64::INFINITY, 0.0]);
    let series = Series::from(a.clone()) / Series::from(b.clone());
    let taylor = Taylor::<f64, 2>::new(a[0], [a[1], a[2]]) / Taylor::new(b[0], [b[1], b[2]]);
    assert!(series.coefficients().iter().zip(taylor.coefficients()).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())));
    assert!(series.coefficients()[1].is_nan());
}

#[test]
fn series_of_digamma_do_not_end_where_factorials_do() {
    // ψ(1 + t) = −γ + Σ (−1)ᵏ⁺¹ ζ(k + 1) tᵏ, and ζ(k + 1) is 1 up to 2⁻ᵏ⁻¹.
    let double = Series::variable(1.0, 300).digamma();
    let single = Series::variable(1.0_f32, 100).digamma();
    for k in 60..=300 {
        let sign = if k % 2 == 0 { -1.0 } else { 1.0 };
        // One rounding for each order.
        assert!(
            (double.coefficients()[k] - sign).abs() <= k as f64 * f64::EPSILON,
            "{k}: {}",
            double.coefficients()[k]
        );
        let found = single.coefficients().get(k).map_or(sign, |&c| f64::from(c));
        assert!((found - sign).abs() <= k as f64 * f64::from(f32::EPSILON), "{k}: {found}");
    }
    assert!(Series::variable(1.0_f64, 300).ln_gamma().coefficients().iter().all(|c| c.is_finite()));
}

#[test]
fn derivatives_of_high_orders_are_finite_as_long_as_they_can_be() {
    // 200! is not finite.
    let line = Series::variable(1.0, 200);
    assert_eq!((line.derivative_at_zero(200), Taylor::<f64, 200>::variable(1.0).derivative(200)), (0.0, 0.0));
    // eᵗ from its coefficients 1/k!, which end in single precision before their derivatives do.
    let exp = Series::variable(0.0_f32, 34).exp();
    assert!((exp.derivative_at_zero(34) - 1.0).abs() < 34.0 * f32::EPSILON);
}

/// Of three variables, with every class of primitive that numbers have.
fn mixed<S: Real>(x: &[S]) -> S {
    let [a, b, c] = [x[0].clone(), x[1].clone(), x[2].clone()];
    (a.clone() * &b).sin().exp() / (c.clone().square() + 1.5) + a.hypot(c.clone()).ln() * b.tanh() + c.powf(1.7)
}

#[test]
fn gradients_of_coefficients_are_those_of_nested_duals() {
    const K: usize = 4;
    let (x, v) = (vec![0.7, -0.4, 1.2], vec![0.5, 1.0, -0.8]);
    let function = Function::new(|x: &[Var]| mixed(x));
    let reverse = function.taylor_gradients(&x, &v, K).unwrap();
    for i in 0..3 {
        // A tangent in variable i, of coefficients along the line.
        let inputs: Vec<Dual<Taylor<f64, K>>> = (0..3)
            .map(|j| {
                let line = Taylor::new(x[j], std::array::from_fn(|k| if k == 0 { v[j] } else { 0.0 }));
                Dual::new(line, Taylor::constant(if i == j { 1.0 } else { 0.0 }))
            })
            .collect();
        let nested = mixed(&inputs).tangent;
        for (k, expected) in nested.coefficients().enumerate() {
            let found = reverse[k][i];
            // Two orders of the same sums, of some hundred terms that stay below 10.
            assert!((found - expected).abs() <= 1e-13, "∂c_{k}/∂x_{i}: {found:e} against {expected:e}");
        }
    }
    // The first order is the product with the Hessian: one sweep is one product.
    for (a, b) in reverse[1].iter().zip(function.hvp(&x, &v).unwrap()) {
        assert!((a - b).abs() <= 1e-14, "{a:e} against {b:e}");
    }
}

/// Of several results, of which one is a variable, one a number, one part of another, and one there twice: by programs and by sweeps.
#[test]
fn coefficients_in_the_memory_of_the_caller_are_the_same() {
    let (x, v) = (vec![0.7, -0.4, 1.2], vec![0.5, 1.0, -0.8]);
    let numbers = |x: &[Var]| vec![mixed(x), x[1], autodiff_core::constant(&3.0), x[0].exp(), x[0].exp().sin()];
    let arrays = |x: &Var| {
        let y = x.tanh();
        vec![y, *x, x.square().sum(), y * 2.0, y]
    };
    for order in [1, 3, 4, 6] {
        for prepared in [false, true] {
            let f = Function::new(numbers);
            if prepared {
                f.prepare(&x).unwrap();
            }
            check(&f.taylor(&x, &v, order).unwrap(), |out| f.flat(&x).series_into(&x, &v, order, out));
        }
        let f = Function::new(arrays);
        let (point, direction) = (ndarray::arr1(&x), ndarray::arr1(&v));
        let expected = f.taylor(&point, &direction, order).unwrap();
        check(&expected, |out| f.flat(&point).series_into(&x, &v, order, out));
    }

    fn check(expected: &[Vec<ndarray::ArrayD<f64>>], series: impl Fn(&mut Vec<f64>) -> autodiff_core::Result<()>) {
        let bits = |x: &f64| x.to_bits();
        let expected: Vec<u64> = expected.iter().flatten().flatten().map(bits).collect();
        // What stands there before is of no matter.
        for mut out in [Vec::new(), vec![f64::NAN; 1000]] {
            series(&mut out).unwrap();
            assert_eq!(out.iter().map(bits).collect::<Vec<u64>>(), expected);
        }
    }
}
