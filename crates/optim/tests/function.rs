//! Differentiated closures as objectives: every method on a [`Function`] with many variables.

mod common;

use autodiff_core::{Function, Var};
use common::Counted;
use optim::{Adam, GradientDescent, Status, StepRule, TrustRegion};

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
