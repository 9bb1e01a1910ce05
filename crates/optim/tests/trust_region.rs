//! The trust-region method where things go wrong: rejections, NaN, unbounded functions, rounding, wrong options.

mod common;

use common::{Asked, Counted, fails_once, norm, problems, scalar};
use optim::{
    Counts, Error, FromParts, LocalModel, Objective, ObjectiveError, Place, Report, Solver, Status, TrustRegion,
};
use std::ops::ControlFlow;

fn minimize(f: &impl Objective<f64>, x: &[f64]) -> Report<f64> {
    TrustRegion::new().minimize(f, x).unwrap()
}

fn as_array(counts: Counts) -> [usize; 3] {
    [counts.values, counts.gradients, counts.products]
}

#[test]
fn a_rejected_step_costs_no_products() {
    let mut rejections = 0;
    for problem in problems() {
        let problem = Counted::new(problem);
        let start = problem.inner.start.clone();
        let mut solver = TrustRegion::new().radius(100.0).start(&problem, &start).unwrap();
        let mut accepted = true;
        loop {
            let (before, last_norm) = (problem.found(), solver.progress().step_norm);
            let outcome = solver.step().unwrap();
            let [values, _, products] = problem.found();
            if !accepted {
                rejections += 1;
                assert_eq!(products, before[2], "{}", problem.inner.name);
                assert_eq!(values, before[0] + 1, "{}", problem.inner.name);
                // A quarter of the rejected step or less, also where that step was inside the radius.
                let now = solver.progress().step_norm;
                assert!(now <= 0.25 * last_norm * (1.0 + 1e-15), "{}", problem.inner.name);
            }
            accepted = solver.progress().accepted;
            if outcome.is_break() {
                break;
            }
        }
    }
    assert!(rejections > 20, "only {rejections} rejections: the law was hardly tested");
}

/// A quadratic: radius 1 doubles until the Newton step fits, and every count follows.
#[test]
fn exact_counts_on_a_quadratic() {
    let f = scalar(|x| 0.5 * x * x, |x| x, |_| 1.0);
    let report = minimize(&f, &[6.0]);
    // 6 → 5 → 3 → 0 with radii 1, 2, 4: one value, gradient and product each, and the first gradient.
    assert_eq!(report.x, [0.0]);
    assert!(report.status.is_converged());
    let Counts { values, gradients, products, iterations, .. } = report.counts;
    assert_eq!([values, gradients, products, iterations], [3, 4, 3, 3]);
    assert_eq!(f.found(), [3, 4, 3]);
}

/// ½ xᵀ diag(1, …, 1000) x from far within the radius: a point costs the products of the Krylov space in which ‖Hs + g‖ falls
/// to the forcing term, so a smaller term costs more of them and fewer points.
#[test]
fn the_forcing_term_says_what_a_point_costs() {
    const N: usize = 60;
    let scale = |i: usize| 1e3_f64.powf(i as f64 / (N - 1) as f64);
    let f = optim::FromParts::new(
        N,
        |x: &[f64]| x.iter().enumerate().map(|(i, x)| 0.5 * scale(i) * x * x).sum(),
        |x: &[f64], g: &mut [f64]| g.iter_mut().zip(x).enumerate().for_each(|(i, (g, x))| *g = scale(i) * x),
        |_: &[f64], v: &[f64], hv: &mut [f64]| {
            hv.iter_mut().zip(v).enumerate().for_each(|(i, (hv, v))| *hv = scale(i) * v);
        },
    );
    let start = vec![1.0; N];
    let run = |forcing| {
        let method = TrustRegion::new().radius(1e3).saddle_products(0).gradient_tolerance(1e-6).forcing(forcing);
        let mut solver = method.start(&f, &start).unwrap();
        let mut costs = Vec::new();
        let (mut norms, mut spent) = (vec![solver.progress().gradient_norm], 0);
        while solver.step().unwrap().is_continue() {
            let now = solver.progress();
            costs.push(now.counts.products - spent);
            (spent, norms) = (now.counts.products, [norms, vec![now.gradient_norm]].concat());
        }
        (costs, norms)
    };
    let mut last = 0;
    for term in [0.5, 0.1, 1e-2, 1e-4] {
        let (costs, norms) = run(optim::Forcing::Constant(term));
        // What is asked for is reached, and not much more: conjugate gradients gain less than a factor of ten a product here.
        assert!(norms.windows(2).all(|pair| pair[1] <= 1.01 * term * pair[0]), "{term}: {norms:?}");
        assert!(costs[0] > last, "{term}: {costs:?} after {last}");
        last = costs[0];
    }
    // Superlinear: each point is solved more exactly than the one before, by the fall of the gradient.
    let (costs, norms) = run(optim::Forcing::Superlinear { largest: 0.1, power: 1.0 });
    assert!(costs.len() >= 3 && costs[1] >= costs[0] && norms.len() <= 6, "{costs:?}, {norms:?}");
    for pair in norms.windows(2) {
        let enough = (0.1_f64.min(pair[0] / norms[0]) * pair[0]).max(1e-7);
        assert!(pair[1] <= 1.01 * enough, "{norms:?}");
    }
}

#[test]
fn a_start_that_is_a_minimum_costs_one_gradient() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    let report = minimize(&f, &[0.0]);
    assert!(report.status.is_converged());
    assert_eq!(f.found(), [0, 1, 1], "the product asks whether it is one");
}

#[test]
fn a_nan_at_the_start_has_a_status() {
    let value = scalar(|_| f64::NAN, |_| 1.0, |_| 1.0);
    assert_eq!(minimize(&value, &[1.0]).status, Status::NonFinite(Place::StartValue));
    let gradient = scalar(|x| x, |_| f64::NAN, |_| 1.0);
    assert_eq!(minimize(&gradient, &[1.0]).status, Status::NonFinite(Place::StartGradient));
    let product = scalar(|x| x, |_| 1.0, |_| f64::NAN);
    assert_eq!(minimize(&product, &[1.0]).status, Status::NonFinite(Place::Product));
    let fine = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    assert_eq!(minimize(&fine, &[f64::NAN]).status, Status::NonFinite(Place::Point));
}

/// x − ln x is NaN for x < 0, where the first steps from 1e-3 would not go, but those from 3 do.
#[test]
fn a_nan_at_a_trial_point_is_a_rejected_step() {
    let f = scalar(|x| x - x.ln(), |x| 1.0 - 1.0 / x, |x| 1.0 / (x * x));
    for start in [1e-3, 3.0, 50.0] {
        let report = TrustRegion::new().radius(100.0).minimize(&f, &[start]).unwrap();
        assert!(report.status.is_converged(), "{report}");
        // f″(1) = 1: the distance is about the gradient norm, 1.5e-8 at most.
        assert!((report.x[0] - 1.0).abs() < 2e-8);
    }
}

#[test]
fn nan_everywhere_but_at_the_start_does_not_spin() {
    let f = scalar(|x| if x == 1.0 { 1.0 } else { f64::NAN }, |_| 1.0, |_| 1.0);
    let report = minimize(&f, &[1.0]);
    assert_eq!(report.status, Status::NonFinite(Place::Value));
    assert_eq!(report.x, [1.0]);
    // From 1 to ε by quarters: 26 steps, all from one product.
    assert!(report.counts.iterations <= 30 && report.counts.products == 1, "{report}");
    // At the origin ‖x‖ gives no scale: down to ε², 52 quarters.
    let f = scalar(|x| if x == 0.0 { 1.0 } else { f64::NAN }, |_| 1.0, |_| 1.0);
    let report = minimize(&f, &[0.0]);
    assert_eq!(report.status, Status::NonFinite(Place::Value));
    assert!(report.counts.iterations <= 60, "{report}");
}

/// The value of the trial point is fine, its gradient is not: the step is rejected and a shorter one taken.
#[test]
fn a_gradient_that_is_not_finite_is_a_rejected_step() {
    let f = scalar(|x| x * x, |x| if x.abs() < 0.5 { f64::NAN } else { 2.0 * x }, |_| 2.0);
    let report = minimize(&f, &[3.0]);
    assert_eq!(report.status, Status::NonFinite(Place::Gradient));
    assert!(report.x[0] >= 0.5 && report.x[0] < 0.6, "{report}");
    assert!(report.gradient_norm.is_finite());
}

#[test]
fn unbounded_functions_have_a_status() {
    let linear = scalar(|x| -x, |_| -1.0, |_| 0.0);
    assert_eq!(minimize(&linear, &[0.0]).status, Status::Unbounded);
    let concave = scalar(|x| -x * x, |x| -2.0 * x, |_| -2.0);
    assert_eq!(minimize(&concave, &[1e-3]).status, Status::Unbounded);
    let exponential = scalar(|x| -x.exp(), |x| -x.exp(), |x| -x.exp());
    assert_eq!(minimize(&exponential, &[0.0]).status, Status::Unbounded);
    let pole = scalar(|x| if x < 0.5 { f64::NEG_INFINITY } else { x }, |_| 1.0, |_| 0.0);
    let report = minimize(&pole, &[2.0]);
    assert_eq!(report.status, Status::Unbounded);
    assert!(report.value.is_finite());
    let bounded = TrustRegion::new().lower_bound(-100.0).minimize(&linear, &[0.0]).unwrap();
    assert_eq!(bounded.status, Status::Unbounded);
    assert!(bounded.value < -100.0 && bounded.counts.iterations < 10);
}

/// 1e6 + ½ k x²: near the minimum every change of f is below its rounding, 1e-10, and only the safeguard converges.
#[test]
fn rounding_of_the_value_does_not_stop_the_last_steps() {
    for offset in [1e3, 1e6, -1e9] {
        let f = scalar(move |x| offset + x.cosh(), f64::sinh, f64::cosh);
        let report = TrustRegion::new().gradient_tolerance(1e-12).minimize(&f, &[2.5]).unwrap();
        assert!(report.status.is_converged(), "{offset}: {report}");
        // The gradient of cosh is its distance to the minimum.
        assert!(report.x[0].abs() <= 1e-12);
    }
}

/// With gradients that are wrong the model never agrees with the function: a status, not a loop.
#[test]
fn a_wrong_gradient_ends_with_a_status() {
    let f = scalar(|x| x * x, |x| -2.0 * x - 1.0, |_| 2.0);
    let report = minimize(&f, &[1.0]);
    assert!(!report.status.is_converged(), "{report}");
    assert!(report.counts.iterations < 200, "{report}");
}

/// Powell's function is left out: its gradient goes to zero without bound, at a linear rate, as its Hessian does.
#[test]
fn a_tolerance_of_zero_ends() {
    for problem in problems().into_iter().filter(|problem| problem.name != "Powell singular") {
        let report =
            TrustRegion::new().gradient_tolerance(0.0).max_iterations(5000).minimize(&problem, &problem.start).unwrap();
        assert_ne!(report.status, Status::MaxIterations, "{}: {report}", problem.name);
    }
}

#[test]
fn the_limit_of_iterations_is_exact() {
    let problem = &problems()[0];
    for limit in [0, 1, 7] {
        let mut seen = Vec::new();
        let report = TrustRegion::new()
            .max_iterations(limit)
            .minimize_observed(problem, &problem.start, |now| {
                seen.push(now.counts.iterations);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(report.status, Status::MaxIterations);
        assert_eq!(report.counts.iterations, limit);
        assert_eq!(seen, (0..=limit).collect::<Vec<_>>());
    }
}

#[test]
fn the_observer_can_stop_at_any_iteration() {
    let problem = &problems()[0];
    for stop in [0, 1, 5] {
        let report = TrustRegion::new()
            .minimize_observed(problem, &problem.start, |now| {
                assert_eq!(now.x.len(), 2);
                if now.counts.iterations == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(report.status, Status::StoppedByObserver);
        assert_eq!(report.counts.iterations, stop);
    }
}

#[test]
fn stepping_is_minimizing_and_a_finished_run_asks_nothing() {
    let problem = Counted::new(problems().remove(6));
    let start = problem.inner.start.clone();
    let whole = minimize(&problem, &start);
    let mut solver = TrustRegion::new().start(&problem, &start).unwrap();
    let status = loop {
        if let ControlFlow::Break(status) = solver.step().unwrap() {
            break status;
        }
    };
    let asked = problem.found();
    assert_eq!(solver.step().unwrap(), ControlFlow::Break(status));
    assert_eq!(problem.found(), asked);
    assert_eq!(solver.into_report(status), whole);
    assert_eq!(asked, as_array(whole.counts).map(|count| 2 * count));
}

/// Wood's function has a saddle; so has this one, at the origin, and the start lies almost on its stable manifold.
#[test]
fn negative_curvature_leads_away_from_a_saddle() {
    // f = ½ x² + ¼ y⁴ − ½ y², minima at (0, ±1) with value −1/4.
    let f = FromParts::new(
        2,
        |x: &[f64]| 0.5 * x[0] * x[0] + 0.25 * x[1].powi(4) - 0.5 * x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0], x[1].powi(3) - x[1]]),
        |x: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[v[0], (3.0 * x[1] * x[1] - 1.0) * v[1]]),
    );
    let report = minimize(&f, &[1.0, 1e-5]);
    assert!(report.status.is_converged());
    // ‖g‖ ≤ 1.5e-8 and curvatures 1 and 2: f is within ‖g‖²/2 = 1e-16 and rounding of its minimum.
    assert!((report.value + 0.25).abs() < 1e-15, "{report}");
}

#[test]
fn single_precision_works() {
    let f = FromParts::new(
        2,
        |x: &[f32]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
        |x: &[f32], g: &mut [f32]| {
            let b = x[1] - x[0] * x[0];
            g.copy_from_slice(&[-2.0 * (1.0 - x[0]) - 400.0 * x[0] * b, 200.0 * b]);
        },
        |x: &[f32], v: &[f32], hv: &mut [f32]| {
            let b = x[1] - x[0] * x[0];
            hv[0] = (2.0 - 400.0 * b + 800.0 * x[0] * x[0]) * v[0] - 400.0 * x[0] * v[1];
            hv[1] = -400.0 * x[0] * v[0] + 200.0 * v[1];
        },
    );
    let report = TrustRegion::new().minimize(&f, &[-1.2_f32, 1.0]).unwrap();
    assert!(report.status.is_converged(), "{report}");
    // ‖g‖ ≤ √ε = 3.5e-4 over the smallest eigenvalue 0.4.
    assert!((report.x[0] - 1.0).abs() < 1e-3 && (report.x[1] - 1.0).abs() < 2e-3);
}

#[test]
fn options_without_sense_are_named() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    let error = |method: TrustRegion<f64>| method.minimize(&f, &[1.0]).unwrap_err().to_string();
    assert_eq!(
        error(TrustRegion::new().radius(f64::NAN)),
        "trust region: radius is NaN, expected a finite number above 0"
    );
    assert_eq!(
        error(TrustRegion::new().gradient_tolerance(-1.0)),
        "trust region: gradient_tolerance is -1, expected a finite number, at least 0"
    );
    assert!(error(TrustRegion::new().max_radius(0.5)).contains("max_radius is 0.5"));
    assert!(error(TrustRegion::new().min_radius(2.0)).contains("min_radius is 2"));
    assert!(error(TrustRegion::new().accept(0.25)).contains("accept is 0.25"));
    assert!(error(TrustRegion::new().value_scale(-1.0)).contains("value_scale is -1"));
    assert!(error(TrustRegion::new().lower_bound(f64::NAN)).contains("lower_bound is NaN"));
    assert!(error(TrustRegion::new().forcing(optim::Forcing::Constant(1.0))).contains("forcing tolerance is 1"));
    let length = TrustRegion::new().minimize(&f, &[1.0, 2.0]).unwrap_err();
    assert!(matches!(length, Error::Length { expected: 1, found: 2, .. }), "{length}");
    assert_eq!(f.found(), [0, 0, 0], "a wrong option was noticed too late");
}

#[test]
fn an_error_of_the_objective_comes_out_and_the_step_can_be_repeated() {
    let problem = problems().remove(0);
    let start = problem.start.clone();
    let smooth = minimize(&problem, &start);
    let failing = fails_once(problem, Asked::Value);
    let mut solver = TrustRegion::new().start(&failing, &start).unwrap();
    let mut errors = Vec::new();
    let status = loop {
        match solver.step() {
            Ok(ControlFlow::Break(status)) => break status,
            Ok(ControlFlow::Continue(())) => {}
            Err(error) => errors.push(error.to_string()),
        }
    };
    assert_eq!(errors, ["the objective failed: the disk is gone"]);
    assert_eq!(solver.into_report(status), smooth);
}

#[test]
fn an_objective_without_products_says_so() {
    let f = FromParts::first_order(1, |x: &[f64]| x[0] * x[0], |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0]);
    let error = TrustRegion::new().minimize(&f, &[1.0]).unwrap_err();
    assert!(matches!(error, Error::Objective(ObjectiveError::Unsupported { operation: "hvp" })), "{error}");
    let mut model = f.at(&[1.0]).unwrap();
    assert!(matches!(model.ggn(&[1.0], &mut [0.0]), Err(ObjectiveError::Unsupported { operation: "ggn" })));
}

#[test]
fn a_block_of_products_is_the_products() {
    let problem = problems().remove(6);
    let mut model = problem.at(&problem.start).unwrap();
    let directions = common::random(12, 9);
    let mut block = vec![0.0; 12];
    model.hvp_block(&directions, &mut block).unwrap();
    for (v, hv) in directions.chunks(4).zip(block.chunks(4)) {
        let mut one = vec![0.0; 4];
        model.hvp(v, &mut one).unwrap();
        assert_eq!(one, hv);
        assert!(norm(&one) > 0.0);
    }
    let error = model.hvp_block(&directions[..11], &mut block[..11]).unwrap_err();
    assert_eq!(error.to_string(), "hvp_block: directions has length 11, expected 8");
}
