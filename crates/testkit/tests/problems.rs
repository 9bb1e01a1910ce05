//! The problems of optimisation: derivatives of every kind agree, and listed minima are minima.

use testkit::counter::direction;
use testkit::problems::{Problem, cutest, mgh, nist};

fn every_problem() -> Vec<Problem> {
    let fits = nist::all().iter().flat_map(|set| [set.problem(0), set.problem(1)]);
    mgh::all().into_iter().chain(mgh::other_sizes()).chain(cutest::all()).chain(fits).collect()
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()))
}

/// A direction whose entries are of the size of those of `x`.
fn scaled_direction(x: &[f64]) -> Vec<f64> {
    let size = |x: f64| if x == 0.0 { 1.0 } else { x.abs() };
    direction(x.len(), 0).into_iter().zip(x).map(|(v, &x)| v * size(x)).collect()
}

#[test]
fn gradients_agree_with_dual_numbers_and_with_differences() {
    for problem in every_problem() {
        let (x, name) = (&problem.start, &problem.name);
        let v = scaled_direction(x);
        let (value, slope) = problem.formula.slope(x, &v);
        let (traced, gradient) = problem.function().value_and_gradient(x).unwrap();
        assert!((traced - value).abs() <= 1e-12 * value.abs().max(1e-8), "{name}: {traced:e} and {value:e}");
        assert_eq!(value, problem.value(x), "{name}");
        let product: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
        let terms: f64 = gradient.iter().zip(&v).map(|(g, v)| (g * v).abs()).sum();
        assert!((product - slope).abs() <= 1e-10 * terms.max(1e-8), "{name}: {product:e} and {slope:e}");
        // Central differences err by ε |f|/h by rounding and by h² |f'''| by truncation; h is where they are of one size for
        // a function that changes by itself over the length of v.
        let h = 1e-6;
        let at = |t: f64| problem.value(&x.iter().zip(&v).map(|(x, v)| x + t * v).collect::<Vec<f64>>());
        let difference = (at(h) - at(-h)) / (2.0 * h);
        let bound = 1e-5 * terms.max(value.abs()).max(1e-8);
        assert!((difference - slope).abs() <= bound, "{name}: {difference:e} and {slope:e}");
    }
}

#[test]
fn residuals_are_those_whose_squares_are_summed() {
    for problem in every_problem() {
        let Some(residuals) = problem.residuals(&problem.start) else { continue };
        let traced = problem.residual_function().unwrap().evaluate(&problem.start).unwrap();
        assert_eq!(traced.len(), residuals.len(), "{}", problem.name);
        let scale = largest(&residuals).max(1e-8);
        for (a, b) in traced.iter().zip(&residuals) {
            let a = a.sum();
            assert!((a - b).abs() <= 1e-12 * scale, "{}: {a:e} and {b:e}", problem.name);
        }
    }
}

#[test]
fn listed_minimisers_are_stationary_and_have_the_listed_value() {
    let mut known = 0;
    for problem in mgh::all() {
        for minimum in &problem.minima {
            let Some(x) = &minimum.at else { continue };
            known += 1;
            let (value, gradient) = problem.function().value_and_gradient(x).unwrap();
            let (name, expected) = (&problem.name, minimum.value);
            let bound = 10.0_f64.powi(-minimum.digits) * expected.abs().max(1.0);
            assert!((value - expected).abs() <= bound, "{name}: {value:e}, listed {expected:e}");
            // A gradient cannot be smaller than what moving every xⱼ by its rounding does to it.
            let hessian = problem.function().hessian(x).unwrap();
            let rows = hessian.rows().into_iter();
            let moved = rows.map(|row| row.iter().zip(x).map(|(h, x)| (h * x).abs()).sum::<f64>());
            let floor = moved.fold(1e-8_f64, f64::max) * 1e-8;
            assert!(largest(&gradient) <= floor.max(1e-8), "{name}: {gradient:?} over {floor:e}");
        }
    }
    assert!(known >= 27, "{known}");
}

#[test]
fn functions_pass_their_own_check() {
    for number in [1, 7, 16, 29, 35] {
        let problem = mgh::problem(number);
        let certificate = problem.function().check(&problem.start).unwrap();
        assert!(certificate.passed(), "{}: {certificate}", problem.name);
    }
    let problem = nist::data_set("Gauss1").unwrap().problem(1);
    let certificate = problem.function().check(&problem.start).unwrap();
    assert!(certificate.passed(), "{certificate}");
}

/// Value and gradient norm at the start, by a second implementation; see fixtures/README.md.
fn check_start(problem: &Problem, entry: &serde_json::Value) {
    let number = |key: &str| entry[key].as_f64().unwrap();
    let (value, gradient) = problem.function().value_and_gradient(&problem.start).unwrap();
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    for (found, expected) in [(value, number("value")), (norm, number("gradient_norm"))] {
        // An absolute part for values that are sums of terms of both signs.
        let bound = 1e-10 * expected.abs().max(1e-5);
        assert!((found - expected).abs() <= bound, "{}: {found:e}, expected {expected:e}", problem.name);
    }
}

#[test]
fn small_problems_agree_with_a_second_implementation() {
    let expected: serde_json::Value = serde_json::from_str(include_str!("fixtures/problems.json")).unwrap();
    let problems: Vec<Problem> = mgh::all().into_iter().chain(mgh::other_sizes()).collect();
    for (name, entry) in expected.as_object().unwrap() {
        let problem = problems.iter().find(|p| &p.name == name).unwrap_or_else(|| panic!("no problem {name}"));
        check_start(problem, entry);
    }
    assert!(expected.as_object().unwrap().len() >= 35);
}

#[test]
fn scalable_problems_agree_with_a_second_implementation() {
    let expected: serde_json::Value = serde_json::from_str(include_str!("fixtures/cutest.json")).unwrap();
    for &(name, n) in cutest::SIZES {
        let entry = &expected[name];
        assert_eq!(entry["n"], n, "{name}");
        check_start(&cutest::problem(name, n).unwrap(), entry);
    }
    assert!(cutest::SIZES.len() >= 40);
}

#[test]
fn scalable_problems_have_a_minimum_at_their_size_and_are_made_at_others() {
    for &(name, n) in cutest::SIZES {
        let problem = cutest::problem(name, n).unwrap();
        assert!(!problem.minima.is_empty(), "{name}");
        assert!(problem.value(&problem.start) > problem.minima[0].value, "{name}");
        // 4, 3 and 1 divide 36, which is a square; NCB20B takes more than 20 variables.
        let other = cutest::problem(name, 36).unwrap();
        assert!(other.dimension() == 36 && other.value(&other.start).is_finite(), "{name}");
    }
    assert!(cutest::problem("NOTHING", 10).is_none() && cutest::problem("DIXMAANZ", 12).is_none());
}
