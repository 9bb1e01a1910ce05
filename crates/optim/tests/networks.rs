//! Networks as problems of optimisation: logistic regression, handwritten digits, and the residual of a differential equation.

use autodiff_core::Tree;
use optim::{Lbfgs, Method, Report, Stop, TrustRegion, minimize};
use testkit::workloads::{Problem, digits_network, logistic_regression, poisson_residual};

/// Runs `method` on a workload from its point, to a gradient or a number of iterations; the value at the start, and the end.
macro_rules! run {
    ($problem:expr, $method:expr, $tolerance:expr, $iterations:expr) => {{
        let Problem { point, function, .. } = $problem;
        let flat = function.flat(&point);
        let start = point.to_vec();
        let stop = Stop::largest_slope($tolerance) | Stop::iterations($iterations);
        let report = end(minimize(&flat, &start).method($method).stop(stop));
        (optim::Objective::value(&flat, &start).unwrap(), report)
    }};
}

fn end<O, M: Method<f64, O>>(run: optim::Minimize<'_, f64, O, M>) -> Report<f64> {
    run.run().unwrap()
}

/// With 30 samples and 5 hidden units: a minimum by second order and by first, each well below where it began.
#[test]
fn a_network_learns_digits() {
    for report in [
        run!(digits_network(30, 5), TrustRegion::new(), 1e-7, 300),
        run!(digits_network(30, 5), Lbfgs::new(), 1e-5, 3000),
    ] {
        let (before, report) = report;
        assert!(report.status.is_converged(), "{report}");
        // ln 10 = 2.30 at the start; the ridge keeps it above zero.
        assert!(before > 2.0 && report.value < 0.25, "{before}: {report}");
    }
}

/// Convex: both methods end at the one minimum.
#[test]
fn logistic_regression_has_one_minimum() {
    let (before, newton) = run!(logistic_regression(), TrustRegion::new(), 1e-9, 100);
    let (_, quasi) = run!(logistic_regression(), Lbfgs::new(), 1e-7, 1000);
    assert!(newton.status.is_converged() && quasi.status.is_converged(), "{newton}; {quasi}");
    assert!(
        (newton.value - quasi.value).abs() < 1e-10 * newton.value && newton.value < 0.99 * before,
        "{newton}; {quasi}"
    );
}

/// The mean square of −Δu − f falls from that of u ≈ 0, about π⁴, by three orders.
#[test]
fn a_network_comes_to_satisfy_a_differential_equation() {
    let (before, report) = run!(poisson_residual(), TrustRegion::new(), 1e-6, 60);
    assert!(report.value < 1e-3 * before, "{before}: {report}");
}
