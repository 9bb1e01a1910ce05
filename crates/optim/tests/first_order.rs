//! Gradient descent and Adam: minima, exact counts, and every way to stop.

mod common;

use common::{Asked, Counted, fails_once, problems, scalar};
use optim::{
    Adam, AdamState, Error, FromParts, GradientDescent, Objective, ObjectiveError, Place, Schedule, Solver, Status,
    StepRule,
};
use std::ops::ControlFlow;

/// ½ Σ λᵢ (xᵢ − 1)² with λ = 1, …, n: minimum at (1, …, 1).
fn quadratic(n: usize) -> Counted<impl Objective<f64>> {
    let lambda = |i: usize| (i + 1) as f64;
    Counted::new(FromParts::new(
        n,
        move |x: &[f64]| x.iter().enumerate().map(|(i, x)| 0.5 * lambda(i) * (x - 1.0).powi(2)).sum(),
        move |x: &[f64], g: &mut [f64]| {
            for (i, g) in g.iter_mut().enumerate() {
                *g = lambda(i) * (x[i] - 1.0);
            }
        },
        move |_: &[f64], v: &[f64], hv: &mut [f64]| {
            for (i, hv) in hv.iter_mut().enumerate() {
                *hv = lambda(i) * v[i];
            }
        },
    ))
}

fn rules() -> [StepRule<f64>; 3] {
    [StepRule::Fixed { step: 0.2 }, StepRule::Armijo { initial: 1.0 }, StepRule::Curvature { fallback: 1.0 }]
}

#[test]
fn every_rule_finds_the_minimum_of_a_quadratic() {
    for rule in rules() {
        let f = quadratic(5);
        let report = GradientDescent::new(rule).minimize(&f, &[3.0, -1.0, 0.0, 2.0, 8.0]).unwrap();
        assert!(report.status.is_converged(), "{rule:?}: {report}");
        // ‖g‖ ≤ 1.5e-8 over the smallest eigenvalue 1.
        assert!(report.x.iter().all(|x| (x - 1.0).abs() < 2e-8), "{rule:?}: {report}");
        let counts = report.counts;
        assert_eq!(f.found(), [counts.values, counts.gradients, counts.products], "{rule:?}");
        match rule {
            StepRule::Fixed { .. } => assert_eq!(f.found(), [0, counts.iterations + 1, 0]),
            StepRule::Curvature { .. } => assert_eq!(counts.products, counts.iterations),
            _ => assert_eq!(counts.products, 0),
        }
    }
}

/// On one eigenvector gᵀg / gᵀHg is the inverse eigenvalue: one step ends at the minimum.
#[test]
fn the_curvature_step_is_exact_on_an_eigenvector() {
    let f = quadratic(5);
    let report =
        GradientDescent::new(StepRule::Curvature { fallback: 1.0 }).minimize(&f, &[1.0, 1.0, 1.0, 5.0, 1.0]).unwrap();
    assert_eq!(report.x, [1.0; 5]);
    assert_eq!(f.found(), [1, 2, 1]);
    assert_eq!(report.counts.iterations, 1);
}

#[test]
fn gradient_descent_names_what_went_wrong() {
    for rule in rules() {
        let status = |f: &dyn Fn(f64) -> f64, d: &dyn Fn(f64) -> f64, x: f64| {
            let f = scalar(f, d, |_| 0.0);
            GradientDescent::new(rule).minimize(&f, &[x]).unwrap().status
        };
        assert_eq!(status(&|_| f64::NAN, &|_| 1.0, 1.0), Status::NonFinite(Place::StartValue));
        assert_eq!(status(&|x| x, &|_| f64::INFINITY, 1.0), Status::NonFinite(Place::StartGradient));
        assert_eq!(status(&|x| x, &|_| 1.0, f64::INFINITY), Status::NonFinite(Place::Point));
        // NaN at all but the start: a fixed step meets it at once, backtracking until x no longer moves.
        let island = |x: f64| if x == 1.0 { 1.0 } else { f64::NAN };
        assert_eq!(status(&island, &|_| 1.0, 1.0), Status::NonFinite(Place::Value), "{rule:?}");
        let unbounded = status(&|x| -x.exp(), &|x| -x.exp(), 0.0);
        // The fixed step may jump over all finite values.
        assert!(matches!(unbounded, Status::Unbounded | Status::NonFinite(_)), "{rule:?}: {unbounded}");
    }
    // Fixed steps above 2/λ diverge, with a status and a finite point.
    let f = quadratic(5);
    let report = GradientDescent::new(StepRule::Fixed { step: 1.0 }).minimize(&f, &[2.0; 5]).unwrap();
    assert!(matches!(report.status, Status::NonFinite(_)), "{report}");
    assert!(report.value.is_finite() && report.x.iter().all(|x| x.is_finite()));
    // An ascent direction for a gradient: backtracking ends where x no longer moves.
    let wrong = scalar(|x| x, |_| -1.0, |_| 0.0);
    let report = GradientDescent::new(StepRule::Armijo { initial: 1.0 }).minimize(&wrong, &[1.0]).unwrap();
    assert_eq!(report.status, Status::NoProgress);
    assert!(report.counts.values < 60, "{report}");
}

/// 1e6 + cosh: the value cannot tell the last steps apart, the gradient can.
#[test]
fn rounding_of_the_value_does_not_stop_the_last_steps() {
    for rule in [StepRule::Armijo { initial: 1.0 }, StepRule::Curvature { fallback: 1.0 }] {
        let f = scalar(|x| 1e6 + x.cosh(), f64::sinh, f64::cosh);
        let report = GradientDescent::new(rule).gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap();
        assert!(report.status.is_converged(), "{rule:?}: {report}");
    }
}

#[test]
fn observers_and_limits_stop_every_method() {
    let f = quadratic(3);
    let stop_at_2 = |now: &optim::Progress<'_, f64>| {
        if now.counts.iterations == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let x = [5.0; 3];
    let fixed = || GradientDescent::new(StepRule::Fixed { step: 0.01 });
    for report in [
        fixed().minimize_observed(&f, &x, stop_at_2).unwrap(),
        Adam::new(0.01).minimize_observed(&f, &x, stop_at_2).unwrap(),
    ] {
        assert_eq!(report.status, Status::StoppedByObserver);
        assert_eq!(report.counts.iterations, 2);
        assert_eq!(report.counts.gradients, 3);
    }
    for report in [
        fixed().max_iterations(4).minimize(&f, &x).unwrap(),
        Adam::new(0.01).max_iterations(4).minimize(&f, &x).unwrap(),
    ] {
        assert_eq!(report.status, Status::MaxIterations);
        assert_eq!(report.counts.iterations, 4);
        assert_eq!(report.counts.gradients, 5);
        assert_eq!(report.value, f.inner.value(&report.x).unwrap());
    }
}

#[test]
fn adam_reaches_the_minimum_of_a_quadratic() {
    let f = quadratic(5);
    let report = Adam::new(0.1)
        .schedule(Schedule::Exponential { iterations: 200, factor: 0.5 })
        .gradient_tolerance(1e-6)
        .minimize(&f, &[3.0, -1.0, 0.0, 2.0, 4.0])
        .unwrap();
    assert!(report.status.is_converged(), "{report}");
    // The smallest eigenvalue is 1.
    assert!(report.x.iter().all(|x| (x - 1.0).abs() <= 1e-6), "{report}");
    assert_eq!(f.found(), [0, report.counts.iterations + 1, 0]);
    assert_eq!(report.counts.gradients, report.counts.iterations + 1);
}

#[test]
fn adam_goes_down_the_valley() {
    let problem = &problems()[0];
    let report = Adam::new(0.01).max_iterations(20_000).minimize(problem, &problem.start).unwrap();
    // 20 000 steps of about 0.01 along a valley of length 3, its curvature 0.4: Adam comes near, not to 1e-8 of course.
    assert!(report.value < 1e-6, "{report}");
}

/// Algorithm 1 of Kingma and Ba, in the plainest form, for three steps.
#[test]
fn updates_follow_the_paper() {
    let (eta, b1, b2, eps, decay) = (0.1_f64, 0.9_f64, 0.99_f64, 1e-3_f64, 0.2_f64);
    let options = Adam::new(eta).betas(b1, b2).epsilon(eps).weight_decay(decay);
    let mut state = AdamState::new(options, 1).unwrap();
    let (mut x, mut expected, mut m, mut v) = ([2.0], 2.0, 0.0, 0.0);
    for (t, g) in (1..).zip([0.3_f64, -0.7, 1.1]) {
        state.update(&mut x, &[g]);
        m = b1 * m + (1.0 - b1) * g;
        v = b2 * v + (1.0 - b2) * g * g;
        let m_hat = m / (1.0 - b1.powi(t));
        let v_hat = v / (1.0 - b2.powi(t));
        expected -= eta * (m_hat / (v_hat.sqrt() + eps) + decay * expected);
        // Reciprocals instead of quotients: a few ε.
        assert!((x[0] - expected).abs() <= 1e-14, "t = {t}: {} {expected}", x[0]);
    }
}

/// With no gradient at all only the decay moves x: by the factor 1 − ηλ a step.
#[test]
fn weight_decay_is_decoupled() {
    let report =
        Adam::new(0.1).weight_decay(0.5).max_iterations(10).minimize_batches(&[1.0], |_, _, _| Ok(0.0)).unwrap();
    assert!((report.x[0] - 0.95_f64.powi(10)).abs() < 1e-15); // ten roundings of 1e-16
}

#[test]
fn batches_come_in_order_once_an_iteration() {
    let mut seen = Vec::new();
    let report = Adam::new(0.1)
        .max_iterations(6)
        .minimize_batches(&[1.0, 2.0], |i, x, g| {
            seen.push(i);
            g.copy_from_slice(x);
            Ok(0.5 * x.iter().map(|x| x * x).sum::<f64>())
        })
        .unwrap();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    assert_eq!(report.status, Status::MaxIterations);
    assert_eq!((report.counts.iterations, report.counts.gradients), (6, 6));
}

#[test]
fn batches_that_fail_are_named() {
    let report = Adam::new(0.1)
        .minimize_batches(&[1.0], |i, _, g| {
            g[0] = if i == 3 { f64::NAN } else { 1.0 };
            Ok(1.0)
        })
        .unwrap();
    assert_eq!(report.status, Status::NonFinite(Place::Gradient));
    assert!(report.x[0].is_finite());
    // Iterations 0, 1, 2 moved by η each: a constant gradient has m̂/√v̂ = 1, up to ε = 1e-8.
    assert!((report.x[0] - 0.7).abs() < 1e-7);
    let error = Adam::new(0.1).minimize_batches(&[1.0], |_, _, _| Err(ObjectiveError::new("row 7"))).unwrap_err();
    assert_eq!(error.to_string(), "the objective failed: row 7");
}

#[test]
fn a_failed_evaluation_of_adam_can_be_repeated() {
    let run = |fail_at: usize| {
        let mut calls = 0;
        let mut solver = Adam::new(0.1)
            .max_iterations(9)
            .start_batches(&[1.0], move |_, x: &[f64], g: &mut [f64]| {
                calls += 1;
                if calls == fail_at {
                    return Err(ObjectiveError::new("busy"));
                }
                g[0] = x[0];
                Ok(0.5 * x[0] * x[0])
            })
            .unwrap();
        loop {
            if let Ok(ControlFlow::Break(status)) = solver.step() {
                return solver.into_report(status);
            }
        }
    };
    assert_eq!(run(4), run(usize::MAX));
}

fn insist<S: Solver<f64>>(mut solver: S) -> (optim::Report<f64>, usize) {
    let mut errors = 0;
    loop {
        match solver.step() {
            Ok(ControlFlow::Break(status)) => return (solver.into_report(status), errors),
            Ok(ControlFlow::Continue(())) => {}
            Err(_) => errors += 1,
        }
    }
}

#[test]
fn a_failed_gradient_can_be_repeated() {
    let x = [3.0, 2.0];
    let good = quadratic(2);
    let failing = || fails_once(quadratic(2), Asked::Gradient);
    let adam = Adam::new(0.1).max_iterations(50);
    let f = failing();
    let (report, errors) = insist(adam.start(&f, &x).unwrap());
    assert_eq!(errors, 1);
    assert_eq!(report, adam.minimize(&good, &x).unwrap());
    for rule in rules() {
        let f = failing();
        let (report, errors) = insist(GradientDescent::new(rule).start(&f, &x).unwrap());
        assert_eq!(errors, 1);
        // Counts differ by the value that was asked again.
        let smooth = GradientDescent::new(rule).minimize(&good, &x).unwrap();
        assert_eq!((report.x, report.status), (smooth.x, smooth.status), "{rule:?}");
    }
}

#[test]
fn options_without_sense_are_named() {
    let f = quadratic(1);
    let adam = |method: Adam<f64>| method.minimize(&f, &[1.0]).unwrap_err().to_string();
    assert_eq!(adam(Adam::new(-0.1)), "adam: learning_rate is -0.1, expected a finite number above 0");
    assert!(adam(Adam::new(0.1).betas(1.0, 0.5)).contains("beta_1 is 1"));
    assert!(adam(Adam::new(0.1).betas(0.5, f64::NAN)).contains("beta_2 is NaN"));
    assert!(adam(Adam::new(0.1).epsilon(0.0)).contains("epsilon is 0"));
    assert!(adam(Adam::new(0.1).weight_decay(-1.0)).contains("weight_decay is -1"));
    let schedule = Schedule::Cosine { iterations: 0, last: 0.0 };
    assert!(adam(Adam::new(0.1).schedule(schedule)).contains("schedule iterations is 0"));
    let schedule = Schedule::Exponential { iterations: 5, factor: 2.0 };
    assert!(adam(Adam::new(0.1).schedule(schedule)).contains("schedule factor is 2"));
    let error = GradientDescent::new(StepRule::Armijo { initial: 0.0 }).minimize(&f, &[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "gradient descent: initial is 0, expected a finite number above 0");
    let error = Adam::new(0.1).minimize(&f, &[]).unwrap_err();
    assert!(matches!(error, Error::Length { expected: 1, found: 0, .. }));
    assert_eq!(f.found(), [0, 0, 0]);
}
