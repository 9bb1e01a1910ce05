//! Conjugate gradients, Barzilai–Borwein, Newton-CG and Taylor flow: the problems, their own laws, and what is not finite.

mod common;

use common::{Asked, Counted, LeastSquares, fails_once, norm, problems, scalar};
use optim::{
    BarzilaiBorwein, Error, FromParts, GradientDescent, Lsr1, NewtonCg, NonlinearCg, Objective, Place, Report, Solver,
    Status, StepRule,
};
use std::ops::ControlFlow;

type Run = fn(&Counted<LeastSquares>, &[f64]) -> Result<Report<f64>, Error>;

const METHODS: [(&str, Run); 4] = [
    ("Polak-Ribière+", |f, x| NonlinearCg::polak_ribiere().gradient_tolerance(1e-7).minimize(f, x)),
    ("Hager-Zhang", |f, x| NonlinearCg::hager_zhang().gradient_tolerance(1e-7).minimize(f, x)),
    ("Barzilai-Borwein", |f, x| BarzilaiBorwein::new().gradient_tolerance(1e-7).minimize(f, x)),
    ("Newton-CG", |f, x| NewtonCg::new().gradient_tolerance(1e-7).minimize(f, x)),
];

#[test]
fn every_problem_is_solved() {
    for (method, run) in METHODS {
        for problem in problems() {
            let problem = Counted::new(problem);
            let report = run(&problem, &problem.inner.start).unwrap();
            let name = format!("{}, {method}", problem.inner.name);
            assert!(report.status.is_converged(), "{name}: {report}");
            // Powell's singular function: f ~ ‖g‖^(4/3) = 1e-9.3; the others ‖g‖²/1e-4.
            let off = problem.inner.minima.iter().map(|m| (report.value - m).abs()).fold(f64::INFINITY, f64::min);
            assert!(off <= 2e-9, "{name}: off by {off:e}, {report}");
            let counts = report.counts;
            assert_eq!(problem.found(), [counts.values, counts.gradients, counts.products], "{name}");
            assert_eq!(counts.products > 0, method == "Newton-CG", "{name}");
            println!("{name}: {report}");
        }
    }
}

/// Exact line searches on a quadratic make nonlinear conjugate gradients the linear ones: n steps for n variables.
#[test]
fn conjugate_gradients_end_a_quadratic_in_as_many_steps_as_eigenvalues() {
    let n = 8;
    let lambda = |i: usize| if i.is_multiple_of(2) { 1.0 } else { 10.0 };
    let f = FromParts::first_order(
        n,
        move |x: &[f64]| x.iter().enumerate().map(|(i, x)| 0.5 * lambda(i) * x * x).sum(),
        move |x: &[f64], g: &mut [f64]| g.iter_mut().enumerate().for_each(|(i, g)| *g = lambda(i) * x[i]),
    );
    let x: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
    let nearly_exact = optim::MoreThuente::new().curvature(1e-8).sufficient_decrease(1e-9);
    for method in
        [NonlinearCg::polak_ribiere().line_search(nearly_exact), NonlinearCg::hager_zhang().line_search(nearly_exact)]
    {
        let report = method.gradient_tolerance(1e-6).minimize(&f, &x).unwrap();
        // Two distinct eigenvalues; a third step for the rounding of the searches.
        assert!(report.status.is_converged() && report.counts.iterations <= 3, "{report}");
    }
}

/// Between two eigenvalues the values of Barzilai and Borwein's steps rise on the way down.
#[test]
fn values_may_rise_with_secant_steps_unless_told_otherwise() {
    let f = FromParts::first_order(
        3,
        |x: &[f64]| 0.5 * (x[0] * x[0] + 30.0 * x[1] * x[1] + 1000.0 * x[2] * x[2]),
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0], 30.0 * x[1], 1000.0 * x[2]]),
    );
    let rises = |memory: usize| {
        let (mut last, mut rises) = (f64::INFINITY, 0);
        let method = BarzilaiBorwein::new().nonmonotone(memory);
        let report = method
            .minimize_observed(&f, &[1.0, 1.0, 1.0], |now| {
                rises += usize::from(now.value > last);
                last = now.value;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(report.status.is_converged(), "{report}");
        (rises, report.counts.iterations)
    };
    assert!(rises(10).0 > 0);
    assert_eq!(rises(1).0, 0);
    // Steepest descent with exact steps would need about κ ln(1e8)/2 = 9000.
    assert!(rises(10).1 < 150);
}

/// A saddle at 0: the start has a gradient that leads into it, and curvature −2 across.
#[test]
fn newton_cg_follows_negative_curvature() {
    let f = Counted::new(FromParts::new(
        2,
        |x: &[f64]| x[0] * x[0] + 0.25 * x[1].powi(4) - x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], x[1].powi(3) - 2.0 * x[1]]),
        |x: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[2.0 * v[0], (3.0 * x[1] * x[1] - 2.0) * v[1]]),
    ));
    let report = NewtonCg::new().minimize(&f, &[1.0, 1e-6]).unwrap();
    assert!(report.status.is_converged() && (report.value + 1.0).abs() < 1e-12, "{report}");
    let counts = report.counts;
    assert_eq!(f.found(), [counts.values, counts.gradients, counts.products]);
    assert!(counts.iterations < 20, "{report}");
    // A concave function of any scale has no minimum: steps along −g double until it is plain.
    for scale in [1e-9, 1.0, 1e9] {
        let f = scalar(move |x| -scale * x * x, move |x| -2.0 * scale * x, move |_| -2.0 * scale);
        let report = NewtonCg::new().gradient_tolerance(0.0).minimize(&f, &[1.0]).unwrap();
        assert_eq!(report.status, Status::Unbounded, "{scale}: {report}");
    }
}

/// At the top of −x⁴ there is nothing to see of a second derivative; at that of −x² there is, whatever the gradient says.
#[test]
fn newton_cg_never_calls_a_maximum_a_minimum() {
    let f = Counted::new(FromParts::new(
        2,
        |x: &[f64]| x[0].cos() + x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[-x[0].sin(), 2.0 * x[1]]),
        |x: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[-x[0].cos() * v[0], 2.0 * v[1]]),
    ));
    let report = NewtonCg::new().minimize(&f, &[0.0, 0.0]).unwrap();
    assert!(report.status.is_converged() && (report.value + 1.0).abs() < 1e-12, "{report}");
    let counts = report.counts;
    assert_eq!(f.found(), [counts.values, counts.gradients, counts.products]);
    // Without an iteration to leave it the saddle is named.
    let report = NewtonCg::new().max_iterations(0).minimize(&f, &[0.0, 0.0]).unwrap();
    assert!(matches!(report.status, Status::SecondOrder { smallest_ritz } if (smallest_ritz + 1.0).abs() < 1e-12));
    // Values that lie: no step down the curvature makes the value smaller.
    let flat = scalar(|_| 1.0, |_| 0.0, |_| -1.0);
    assert!(matches!(NewtonCg::new().minimize(&flat, &[0.0]).unwrap().status, Status::SecondOrder { .. }));
}

/// The test of curvature is relative: H and its multiple by 1e-30 give the same steps.
#[test]
fn newton_cg_does_not_mistake_small_curvature_for_none() {
    for scale in [1e-30, 1.0, 1e30] {
        let f = FromParts::new(
            2,
            move |x: &[f64]| 0.5 * scale * (x[0] * x[0] + 1e6 * x[1] * x[1]),
            move |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[scale * x[0], 1e6 * scale * x[1]]),
            move |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[scale * v[0], 1e6 * scale * v[1]]),
        );
        let report = NewtonCg::new().gradient_tolerance(1e-8 * scale).minimize(&f, &[1.0, 1.0]).unwrap();
        assert!(report.status.is_converged() && report.counts.iterations <= 6, "{scale}: {report}");
    }
}

/// x − η g + ½ η² H g: on ½ λ x² one step multiplies x by 1 − ηλ + ½(ηλ)², the Taylor series of e^(−ηλ).
#[test]
fn taylor_flow_has_the_sign_of_the_flow() {
    let lambda = 3.0;
    let f = scalar(move |x| 0.5 * lambda * x * x, move |x| lambda * x, move |_| lambda);
    let eta = 0.1;
    let rule = StepRule::TaylorFlow { step: eta };
    let report = GradientDescent::new(rule).max_iterations(1).minimize(&f, &[1.0]).unwrap();
    let factor = 1.0 - eta * lambda + 0.5 * (eta * lambda).powi(2);
    assert!((report.x[0] - factor).abs() < 1e-15, "{report}");
    // The other sign misses e^(−0.3) by ten times as much.
    assert!((report.x[0] - (-0.3_f64).exp()).abs() < 5e-3);
    assert_eq!(f.found(), [0, 2, 1]);
    let report = GradientDescent::new(rule).minimize(&f, &[1.0]).unwrap();
    assert!(report.status.is_converged(), "{report}");
    assert_eq!(report.counts.products, report.counts.iterations);

    let no_product = scalar(|x| x * x, |x| 2.0 * x, |_| f64::NAN);
    let report = GradientDescent::new(rule).minimize(&no_product, &[1.0]).unwrap();
    assert_eq!(report.status, Status::NonFinite(Place::Product));
}

#[test]
fn what_is_not_finite_is_named() {
    let statuses = |f: &dyn Fn(f64) -> f64, d: &dyn Fn(f64) -> f64, x: f64| {
        let f = scalar(f, d, |_| 1.0);
        let reports = [
            NonlinearCg::polak_ribiere().minimize(&f, &[x]).unwrap(),
            NonlinearCg::hager_zhang().minimize(&f, &[x]).unwrap(),
            BarzilaiBorwein::new().minimize(&f, &[x]).unwrap(),
            NewtonCg::new().minimize(&f, &[x]).unwrap(),
        ];
        assert!(reports.iter().all(|r| r.counts.values + r.counts.gradients < 2000), "{reports:?}");
        reports.map(|report| report.status)
    };
    let all = |status: Status| [status; 4];
    assert_eq!(statuses(&|_| f64::NAN, &|_| 1.0, 1.0), all(Status::NonFinite(Place::StartValue)));
    assert_eq!(statuses(&|x| x, &|_| f64::NAN, 1.0), all(Status::NonFinite(Place::StartGradient)));
    assert_eq!(statuses(&|x| x, &|_| 1.0, f64::INFINITY), all(Status::NonFinite(Place::Point)));
    let island = |x: f64| if x == 1.0 { 1.0 } else { f64::NAN };
    assert_eq!(statuses(&island, &|_| 1.0, 1.0), all(Status::NonFinite(Place::Value)));
    assert_eq!(statuses(&|x| -x.exp(), &|x| -x.exp(), 0.0), all(Status::Unbounded));
    // An ascent direction for a gradient.
    assert_eq!(statuses(&|x| x, &|_| -1.0, 1.0), all(Status::NoProgress));
    let product = scalar(|x| x, |_| 1.0, |_| f64::NAN);
    assert_eq!(NewtonCg::new().minimize(&product, &[1.0]).unwrap().status, Status::NonFinite(Place::Product));
}

fn insist<S: Solver<f64>>(mut solver: S) -> Report<f64> {
    let mut errors = 0;
    loop {
        match solver.step() {
            Ok(ControlFlow::Break(status)) => {
                assert_eq!(errors, 1);
                return solver.into_report(status);
            }
            Ok(ControlFlow::Continue(())) => {}
            Err(_) => errors += 1,
        }
    }
}

#[test]
fn a_failed_evaluation_can_be_repeated() {
    for index in [0, 2, 6] {
        let problem = || problems().swap_remove(index);
        let (good, x) = (problem(), problem().start);
        let failing = || fails_once(problem(), Asked::Gradient);
        let same = |a: Report<f64>, b: Report<f64>| assert_eq!((a.x, a.status), (b.x, b.status), "{index}");
        same(
            insist(NonlinearCg::hager_zhang().start(&failing(), &x).unwrap()),
            NonlinearCg::hager_zhang().minimize(&good, &x).unwrap(),
        );
        same(insist(NewtonCg::new().start(&failing(), &x).unwrap()), NewtonCg::new().minimize(&good, &x).unwrap());
        same(insist(Lsr1::new().start(&failing(), &x).unwrap()), Lsr1::new().minimize(&good, &x).unwrap());
        let failing = fails_once(problem(), Asked::Value);
        same(
            insist(BarzilaiBorwein::new().start(&failing, &x).unwrap()),
            BarzilaiBorwein::new().minimize(&good, &x).unwrap(),
        );
    }
}

/// 1e6 + cosh: the value cannot tell the last steps apart, the slopes can.
#[test]
fn rounding_of_the_value_does_not_stop_the_last_steps() {
    let f = scalar(|x| 1e6 + x.cosh(), f64::sinh, f64::cosh);
    for report in [
        optim::Lbfgs::new().gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap(),
        NonlinearCg::polak_ribiere().gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap(),
        NonlinearCg::hager_zhang().gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap(),
        BarzilaiBorwein::new().gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap(),
        NewtonCg::new().gradient_tolerance(1e-11).minimize(&f, &[2.5]).unwrap(),
    ] {
        assert!(report.status.is_converged(), "{report}");
        assert!(norm(&report.x) <= 1e-11);
    }
}

#[test]
fn a_value_alone_never_moves_the_point_to_a_gradient_that_is_not_finite() {
    // Values everywhere, slopes only up to 2; the minimum is at 1.
    let f = scalar(|x| (x - 1.0).powi(2), |x| if x < 2.0 { 2.0 * (x - 1.0) } else { f64::NAN }, |_| 2.0);
    for report in [
        BarzilaiBorwein::new().minimize(&f, &[-40.0]).unwrap(),
        optim::Lbfgs::new().line_search(optim::Backtracking::new()).minimize(&f, &[-40.0]).unwrap(),
        NewtonCg::new().minimize(&f, &[-40.0]).unwrap(),
    ] {
        assert!(report.status.is_converged() && (report.x[0] - 1.0).abs() < 1e-7, "{report}");
    }
}

fn objective_is_object(_: &impl Objective<f64>) {}

#[test]
fn references_are_objectives() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    objective_is_object(&&f);
    let mut g = [0.0];
    assert_eq!((&&f).value_and_gradient(&[3.0], &mut g).unwrap(), 9.0);
    assert_eq!(g, [6.0]);
}
