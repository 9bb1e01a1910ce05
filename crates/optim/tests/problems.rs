//! Every classic problem × every method that should solve it, and the derivatives of the problems themselves.

mod common;

use common::{Counted, distance, dot, norm, problems, random};
use optim::{Forcing, GradientDescent, LocalModel, Objective, StepRule, TrustRegion};

/// Central differences in a random direction agree with what the problems state.
#[test]
fn the_derivatives_of_the_problems_are_right() {
    // Central differences at step h lose ε/h to rounding and h² to truncation; h = ε^⅓ balances them at about 1e-10
    // relative, and the third derivatives of these problems are up to 1e3 times the values.
    let h = f64::EPSILON.cbrt();
    let bound = 1e-6;
    for problem in problems() {
        let x = &problem.start;
        let n = x.len();
        let v = random(n, 7);
        let at = |t: f64| -> Vec<f64> { x.iter().zip(&v).map(|(x, v)| x + t * v).collect() };
        let mut model = problem.at(x).unwrap();

        let difference = (problem.value(&at(h)).unwrap() - problem.value(&at(-h)).unwrap()) / (2.0 * h);
        let slope = dot(model.gradient(), &v);
        let scale = norm(model.gradient()) * norm(&v) + model.value();
        assert!((difference - slope).abs() <= bound * scale, "{}: gradient", problem.name);

        let mut hv = vec![0.0; n];
        model.hvp(&v, &mut hv).unwrap();
        let (plus, minus) = (problem.at(&at(h)).unwrap(), problem.at(&at(-h)).unwrap());
        let difference: Vec<f64> =
            plus.gradient().iter().zip(minus.gradient()).map(|(p, m)| (p - m) / (2.0 * h)).collect();
        let scale = norm(&hv) + norm(model.gradient());
        assert!(distance(&difference, &hv) <= bound * scale, "{}: product", problem.name);
    }
}

#[test]
fn the_trust_region_method_solves_every_problem() {
    for forcing in [Forcing::Superlinear { largest: 0.5, power: 0.5 }, Forcing::Constant(0.1)] {
        for problem in problems() {
            let problem = Counted::new(problem);
            let tolerance = 1e-8;
            let report = TrustRegion::new()
                .forcing(forcing)
                .gradient_tolerance(tolerance)
                .minimize(&problem, &problem.inner.start)
                .unwrap();
            let name = problem.inner.name;
            assert!(report.status.is_converged(), "{name}: {report}");
            assert!(report.gradient_norm <= tolerance, "{name}: {report}");
            // All Hessians at the minima but Powell's have eigenvalues above 1e-4, so f is off by at most
            // ‖g‖²/1e-4 = 1e-12. Powell's f is a fourth power: ‖g‖ ~ d³ and f ~ d⁴ ~ ‖g‖^(4/3) = 1e-10.7.
            let off = problem.inner.minima.iter().map(|m| (report.value - m).abs()).fold(f64::INFINITY, f64::min);
            assert!(off <= 1e-10, "{name}: off by {off:e}, {report}");
            let counts = report.counts;
            assert_eq!(problem.found(), [counts.values, counts.gradients, counts.products], "{name}");
            // About a hundred for the small ones; along the chained valley a few for each variable in turn.
            let bound = 100 + 4 * report.x.len();
            assert!(counts.iterations <= bound, "{name}: {report}");
            assert_eq!(report.value, problem.inner.at(&report.x).unwrap().value(), "{name}");
        }
    }
}

#[test]
fn gradient_descent_makes_every_problem_smaller() {
    for rule in [StepRule::Armijo { initial: 1.0 }, StepRule::Curvature { fallback: 1.0 }] {
        for problem in problems() {
            let problem = Counted::new(problem);
            let limit = 200;
            let start_value = problem.inner.value(&problem.inner.start).unwrap();
            let mut last = f64::INFINITY;
            let report = GradientDescent::new(rule)
                .max_iterations(limit)
                .minimize_observed(&problem, &problem.inner.start, |now| {
                    // Away from rounding Armijo's rule is a strict decrease; 10 ε of the value is the allowance.
                    assert!(now.value <= last + 10.0 * f64::EPSILON * last.max(1.0));
                    last = now.value;
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            let name = problem.inner.name;
            let counts = report.counts;
            assert_eq!(problem.found(), [counts.values, counts.gradients, counts.products], "{name}");
            // Steepest descent is slow on these; half the value is what it surely gets in 200 iterations.
            assert!(report.value < 0.5 * start_value, "{name}: {report}");
        }
    }
}
