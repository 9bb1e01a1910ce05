//! Differentiated closures as objectives: every method on a [`Function`] with many variables.

mod common;

use autodiff_core::{Function, Var};
use common::Counted;
use optim::{
    Adam, Error, FromParts, GradientDescent, Objective, ObjectiveError, Solver, Status, StepRule, TrustRegion,
};

const N: usize = 100;

/// The chained function of Rosenbrock, its minimum 0 at (1, …, 1).
fn rosenbrock(x: &[Var]) -> Var {
    let mut sum = (1.0 - x[0]).square() + 100.0 * (x[1] - x[0].square()).square();
    for pair in x[1..].windows(2) {
        sum = sum + (1.0 - pair[0]).square() + 100.0 * (pair[1] - pair[0].square()).square();
    }
    sum
}

/// −1.2, 1, −1.2, 1, …
fn start() -> Vec<f64> {
    (0..N).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect()
}

#[test]
fn the_trust_region_follows_a_closure_of_many_variables_to_its_minimum() {
    let f = Function::new(rosenbrock);
    let start = start();
    let flat = Counted::new(f.flat(&start));
    let report = TrustRegion::new().gradient_tolerance(1e-8).minimize(&flat, &start).unwrap();
    assert!(report.status.is_converged(), "{report}");
    let worst = report.x.iter().map(|x| (x - 1.0).abs()).fold(0.0, f64::max);
    // ‖g‖ ≤ 1e-8 over the smallest eigenvalue there, about 1/2: along (…, 1/4, 1/2, 1).
    assert!(worst < 1e-7, "off by {worst:e}: {report}");
    let counts = report.counts;
    assert_eq!(flat.found(), [counts.values, counts.gradients, counts.products]);
}

#[test]
fn methods_of_the_gradient_never_ask_for_products() {
    let f = Function::new(rosenbrock);
    let start = start();
    let flat = Counted::new(f.flat(&start));
    let limit = 50;
    let descent = |rule| GradientDescent::new(rule).max_iterations(limit);
    for report in [
        descent(StepRule::Fixed { step: 1e-4 }).minimize(&flat, &start).unwrap(),
        descent(StepRule::Armijo { initial: 1.0 }).minimize(&flat, &start).unwrap(),
        Adam::new(0.01).max_iterations(limit).minimize(&flat, &start).unwrap(),
    ] {
        assert_eq!(report.status, Status::MaxIterations, "{report}");
        assert_eq!((report.counts.iterations, report.counts.products), (limit, 0), "{report}");
        assert!(report.value < f.value(&start).unwrap(), "{report}");
    }
    assert_eq!(flat.products.get(), 0);
}

/// The α = gᵀg/gᵀHg of curvature-adaptive descent is the minimum of the second-order model along −g.
#[test]
fn the_curvature_step_is_that_of_the_local_model() {
    let f = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
    for x in [vec![-1.2, 1.0], vec![0.3, -0.4], vec![1.1, 1.3]] {
        let downhill: Vec<f64> = f.gradient(&x).unwrap().iter().map(|g| -g).collect();
        let model = f.local_model(&x, &downhill, 3).unwrap();
        let alpha = model.quadratic_step().unwrap();
        let flat = f.flat(&x);
        let mut solver = GradientDescent::new(StepRule::Curvature { fallback: 7.0 }).start(&flat, &x).unwrap();
        let _ = solver.step().unwrap();
        let now = solver.progress();
        assert!(now.accepted && now.counts.values == 1, "the first α should do");
        for ((new, old), d) in now.x.iter().zip(&x).zip(&downhill) {
            assert!((new - (old + alpha * d)).abs() <= 1e-14 * old.abs().max(1.0), "{new} from {old}");
        }
        // The Taylor flow of a time η.
        let eta = 1e-4;
        let mut solver = GradientDescent::new(StepRule::TaylorFlow { step: eta }).start(&flat, &x).unwrap();
        let _ = solver.step().unwrap();
        // gᵀ(x₊ − x) = −η gᵀg + ½ η² gᵀHg: slope and curvature of the same model.
        let gained: f64 =
            solver.progress().x.iter().zip(&x).zip(&downhill).map(|((new, old), d)| -d * (new - old)).sum();
        let expected = eta * model.slope() + 0.5 * eta * eta * model.curvature();
        assert!((gained - expected).abs() <= 1e-10 * expected.abs(), "{gained} {expected}");
    }
}

#[test]
fn the_step_of_third_order_is_that_of_the_local_model() {
    let f = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
    let mut cubic = 0;
    for x in [vec![-1.2, 1.0], vec![0.3, -0.4], vec![1.1, 1.3]] {
        let downhill: Vec<f64> = f.gradient(&x).unwrap().iter().map(|g| -g).collect();
        let model = f.local_model(&x, &downhill, 3).unwrap();
        // Where the polynomial of third order falls for ever, that of second order has a minimum.
        cubic += usize::from(model.cubic_step().is_some());
        let alpha = model.cubic_step().or(model.quadratic_step()).unwrap();
        let flat = optim::Counted::new(f.flat(&x));
        let mut solver = GradientDescent::new(StepRule::ThirdOrder { fallback: 7.0 }).start(&flat, &x).unwrap();
        let _ = solver.step().unwrap();
        let now = solver.progress();
        assert!(now.accepted, "the first α should do");
        for ((new, old), d) in now.x.iter().zip(&x).zip(&downhill) {
            assert!((new - (old + alpha * d)).abs() <= 1e-13 * old.abs().max(1.0), "{new} from {old}");
        }
        let counts = now.counts;
        assert_eq!([counts.values, counts.gradients, counts.products, counts.expansions], [1, 2, 0, 1]);
        let asked = flat.counts();
        assert_eq!([asked.values, asked.gradients, asked.products, asked.expansions], [1, 2, 0, 1]);
    }
    assert!(cubic > 0, "the third order was never asked");
}

/// x³ − 3x from 3 falls to its minimum at 1, which the model of second order passes; along −g of a concave function neither model
/// has a minimum, and the fallback stands.
#[test]
fn cubics_take_one_step_of_third_order() {
    let rule = StepRule::ThirdOrder { fallback: 0.25 };
    let f = Function::new(|x: &[Var]| x[0].powi(3) - 3.0 * x[0]);
    let start = vec![3.0_f64];
    let report = GradientDescent::new(rule).minimize(&f.flat(&start), &start).unwrap();
    assert!(report.status.is_converged() && (report.x[0] - 1.0).abs() < 1e-14, "{report}");
    assert_eq!((report.counts.iterations, report.counts.expansions), (1, 1), "{report}");
    assert!(report.to_string().ends_with("1 expansions"), "{report}");
    let concave = Function::new(|x: &[Var]| -x[0].square());
    let (flat, start) = (concave.flat(&start), [1.0]);
    let mut solver = GradientDescent::new(rule).start(&flat, &start).unwrap();
    let _ = solver.step().unwrap();
    assert_eq!(solver.progress().x, [1.5]);
}

#[test]
fn steps_of_third_order_need_an_objective_with_coefficients() {
    let f = FromParts::new(
        1,
        |x: &[f64]| x[0] * x[0],
        |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0],
        |_: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 2.0 * v[0],
    );
    let found = GradientDescent::new(StepRule::ThirdOrder { fallback: 1.0 }).minimize(&f, &[1.0]);
    assert!(matches!(found, Err(Error::Objective(ObjectiveError::Unsupported { operation: "along" }))), "{found:?}");
}

/// The square of such a gradient overflows.
#[test]
fn large_gradients_do_not_end_a_search() {
    let f = Function::new(|x: &[Var]| (x[0].square() + 4.0 * x[1].square()) * 1e30);
    let x = vec![4.0_f32, 1.0];
    for rule in [
        StepRule::Armijo { initial: 1e-31 },
        StepRule::Curvature { fallback: 1e-31 },
        StepRule::ThirdOrder { fallback: 1e-31 },
    ] {
        let report = GradientDescent::new(rule).gradient_tolerance(1e24).minimize(&f.flat(&x), &x).unwrap();
        assert!(report.status.is_converged(), "{rule:?}: {report}");
    }
}

/// Coefficients along a line are added term by term, with their weights.
#[test]
fn a_sum_over_data_has_the_coefficients_of_its_terms() {
    let terms = [0.5, -1.0, 2.0].map(|c| Function::new(move |x: &[Var]| (x[0] * c - x[1]).exp() + x[1].square() * c));
    let (x, v) = (vec![0.3, -0.2], [1.0, 0.5]);
    let sum = optim::DataSum::new(terms.iter().map(|f| f.flat(&x))).unwrap();
    // As many as all, so that nothing is scaled; one of them twice.
    let batch = sum.batch(&[0, 2, 2]).unwrap();
    let (mut found, mut of_batch) = (Vec::new(), Vec::new());
    sum.along(&x, &v, 3, &mut found).unwrap();
    batch.along(&x, &v, 3, &mut of_batch).unwrap();
    for k in 0..=3 {
        let [a, b, c] = terms.each_ref().map(|f| -> f64 { f.taylor(&x, &v.to_vec(), 3).unwrap()[k][[]] });
        let scale = sum.value(&x).unwrap() / terms.iter().map(|f| f.value(&x).unwrap()).sum::<f64>();
        assert!((found[k] - scale * (a + b + c)).abs() < 1e-13, "{found:?} at {k}");
        assert!((of_batch[k] - scale * (a + 2.0 * c)).abs() < 1e-13, "{of_batch:?} at {k}");
    }
}
