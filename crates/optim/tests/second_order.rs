//! A zero gradient is not yet a minimum: saddles and maxima are left, or named.

mod common;

use common::{Counted, scalar};
use optim::{
    Criterion, CubicRegularization, FromParts, History, NewtonCg, NewtonMr, Objective, Place, ProjectedNewton, Report,
    Solver, Status, Stop, TrustRegion, minimize,
};
use std::ops::ControlFlow;

type Method = fn(&dyn Runs) -> Report<f64>;

/// An objective at a start, run by either method.
trait Runs {
    fn trust_region(&self, saddle_products: usize) -> Report<f64>;
    fn cubic(&self, saddle_products: usize) -> Report<f64>;
    fn newton_mr(&self, saddle_products: usize) -> Report<f64>;
    fn newton_cg(&self, saddle_products: usize) -> Report<f64>;
}

struct At<O>(O, Vec<f64>);

impl<O: Objective<f64>> Runs for At<O> {
    fn trust_region(&self, saddle_products: usize) -> Report<f64> {
        TrustRegion::new().saddle_products(saddle_products).minimize(&self.0, &self.1).unwrap()
    }
    fn cubic(&self, saddle_products: usize) -> Report<f64> {
        CubicRegularization::new().saddle_products(saddle_products).minimize(&self.0, &self.1).unwrap()
    }
    fn newton_mr(&self, saddle_products: usize) -> Report<f64> {
        NewtonMr::new().saddle_products(saddle_products).minimize(&self.0, &self.1).unwrap()
    }
    fn newton_cg(&self, saddle_products: usize) -> Report<f64> {
        NewtonCg::new().saddle_products(saddle_products).minimize(&self.0, &self.1).unwrap()
    }
}

const METHODS: [Method; 4] = [|f| f.trust_region(8), |f| f.cubic(8), |f| f.newton_mr(8), |f| f.newton_cg(8)];

/// ½ x² + ¼ y⁴ − ½ y²: a saddle at the origin, minima −1/4 at (0, ±1).
fn double_well() -> impl Objective<f64> {
    FromParts::new(
        2,
        |x: &[f64]| 0.5 * x[0] * x[0] + 0.25 * x[1].powi(4) - 0.5 * x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0], x[1].powi(3) - x[1]]),
        |x: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[v[0], (3.0 * x[1] * x[1] - 1.0) * v[1]]),
    )
}

/// From the saddle itself, and from the line on which Newton's method runs into it.
#[test]
fn saddles_are_left() {
    for start in [[0.0, 0.0], [3.0, 0.0], [-0.5, 0.0]] {
        for method in METHODS {
            let report = method(&At(double_well(), start.to_vec()));
            assert!(report.status.is_converged() && (report.value + 0.25).abs() < 1e-14, "{start:?}: {report}");
        }
        let blind = At(double_well(), start.to_vec());
        for report in [blind.trust_region(0), blind.cubic(0), blind.newton_mr(0), blind.newton_cg(0)] {
            assert!(report.status.is_converged() && report.x[1] == 0.0, "not asked: {report}");
        }
    }
}

#[test]
fn maxima_are_left() {
    for method in METHODS {
        let report = method(&At(scalar(f64::cos, |x| -x.sin(), |x| -x.cos()), vec![0.0]));
        assert!(report.status.is_converged() && (report.value + 1.0).abs() < 1e-15, "{report}");
    }
}

/// The Hessian promises a way down that the function does not have: a status with the curvature, not success.
#[test]
fn a_saddle_that_cannot_be_left_is_named() {
    for method in METHODS {
        let stuck = scalar(|x| x * x, |x| 2.0 * x, |_| -3.0);
        let report = method(&At(stuck, vec![0.0]));
        assert_eq!(report.status, Status::SecondOrder { smallest_ritz: -3.0 }, "{report}");
        assert!(!report.status.is_converged());
        assert!(report.status.to_string().contains("-3e0"), "{}", report.status);
        assert!(report.counts.iterations < 1000, "{report}");
    }
    // No iteration left to leave it.
    let report = TrustRegion::new().max_iterations(0).minimize(&double_well(), &[0.0, 0.0]).unwrap();
    assert!(matches!(report.status, Status::SecondOrder { smallest_ritz } if (smallest_ritz + 1.0).abs() < 1e-12));
}

/// f = Σ (1 − cos xᵢ) with 30 variables, at a point where one is at its maximum: found with 8 products of 30.
#[test]
fn one_negative_eigenvalue_in_thirty_is_found() {
    let f = || {
        FromParts::new(
            30,
            |x: &[f64]| x.iter().map(|x| 1.0 - x.cos()).sum(),
            |x: &[f64], g: &mut [f64]| g.iter_mut().zip(x).for_each(|(g, x)| *g = x.sin()),
            |x: &[f64], v: &[f64], hv: &mut [f64]| {
                hv.iter_mut().zip(x).zip(v).for_each(|((hv, x), v)| *hv = x.cos() * v);
            },
        )
    };
    let mut start = vec![0.0; 30];
    start[17] = std::f64::consts::PI;
    for method in METHODS {
        let report = method(&At(f(), start.clone()));
        assert!(report.status.is_converged() && report.value < 1e-14, "{report}");
    }
}

/// At a minimum the question costs its products once, and a run that is over asks nothing more.
#[test]
fn a_minimum_at_the_start_costs_a_gradient_and_the_question() {
    let f = Counted::new(FromParts::new(
        2,
        |x: &[f64]| x[0] * x[0] + 3.0 * x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 6.0 * x[1]]),
        |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[2.0 * v[0], 6.0 * v[1]]),
    ));
    let report = TrustRegion::new().minimize(&f, &[0.0, 0.0]).unwrap();
    assert!(report.status.is_converged());
    assert_eq!(f.found(), [0, 1, 2]);
    assert_eq!((report.counts.iterations, report.counts.products), (0, 2));
}

/// A driver with a test of its own asks before it takes a small gradient for an end.
#[test]
fn a_small_gradient_can_be_confirmed_from_outside() {
    let f = Counted::new(double_well());
    let mut solver = TrustRegion::new().gradient_tolerance(0.0).start(&f, &[1e-9, 0.0]).unwrap();
    assert!(!solver.confirm().unwrap(), "a saddle passed for a minimum");
    assert!(!solver.confirm().unwrap() && f.found()[2] == 2, "asked twice");
    while solver.progress().gradient_norm > 1e-6 || solver.progress().value > -0.2 {
        assert!(solver.step().unwrap().is_continue());
    }
    assert!(solver.confirm().unwrap() && solver.confirm().unwrap());
    // Confirmed, it can still be stepped.
    let _ = solver.step().unwrap();
    assert!(solver.progress().gradient_norm < 1e-12 && (solver.progress().value + 0.25).abs() < 1e-15);
}

/// f = −½ x² + 5⁄4 x³ − ¼ x⁵: Newton's step from 1 is −1, which decreases f by two thirds of what it promises and ends at
/// 0, exactly at a local maximum.
#[test]
fn no_method_calls_a_maximum_a_success() {
    let curvature = |x: f64| -1.0 + 7.5 * x - 5.0 * x.powi(3);
    let f = || {
        scalar(
            |x| -0.5 * x * x + 1.25 * x.powi(3) - 0.25 * x.powi(5),
            |x| -x + 3.75 * x * x - 1.25 * x.powi(4),
            &curvature,
        )
    };
    for start in [1.0, 0.0, 1e-9, 0.2, 1.7] {
        let reports = [
            At(f(), vec![start]).trust_region(8),
            At(f(), vec![start]).cubic(8),
            At(f(), vec![start]).newton_mr(8),
            NewtonCg::new().minimize(&f(), &[start]).unwrap(),
        ];
        for report in reports {
            let minimum = curvature(report.x[0]) > 0.0;
            assert!(!report.status.is_converged() || minimum, "from {start}: {report} at {}", report.x[0]);
        }
    }
}

/// 1e-17 P(10¹⁰ x) with P′(u) = −1 + u + 2 u² − 2 u³: Newton's step from 0 is u = 1, where P has a maximum. f decreases by
/// two thirds of what the step promises, and both are nothing beside the rounding of a value of 1.
#[test]
fn a_maximum_too_low_for_the_allowance_of_rounding_is_no_success() {
    let (height, width) = (1e-17, 1e-10);
    let f = || {
        scalar(
            move |x| {
                let u = x / width;
                height * (-u + 0.5 * u.powi(2) + 2.0 / 3.0 * u.powi(3) - 0.5 * u.powi(4))
            },
            move |x| {
                let u = x / width;
                height / width * (-1.0 + u + 2.0 * u.powi(2) - 2.0 * u.powi(3))
            },
            move |x| {
                let u = x / width;
                height / (width * width) * (1.0 + 4.0 * u - 6.0 * u.powi(2))
            },
        )
    };
    let reports = [
        At(f(), vec![0.0]).trust_region(8),
        // A weight without effect: Newton's step.
        CubicRegularization::new().weight(1e-6).minimize(&f(), &[0.0]).unwrap(),
        At(f(), vec![0.0]).newton_mr(8),
        NewtonCg::new().minimize(&f(), &[0.0]).unwrap(),
    ];
    for report in reports {
        assert!(!report.status.is_converged(), "{report} at {:e}", report.x[0]);
    }
}

/// The model at a point is spent once its step is known. A driver that then asks gets an answer, not a yes.
#[test]
fn a_saddle_is_not_confirmed_once_the_model_is_spent() {
    // At (0, 0) a saddle whose every step but along y is refused: values are NaN off the line y = 0.
    let f = || {
        Counted::new(FromParts::new(
            2,
            |x: &[f64]| if x[1] == 0.0 { x[0] } else { f64::NAN },
            |_: &[f64], g: &mut [f64]| g.copy_from_slice(&[1e-9, 1e-9]),
            |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[v[0], -v[1]]),
        ))
    };
    fn check<S: Solver<f64>>(mut solver: S, asked: impl Fn() -> [usize; 3]) {
        let _ = solver.step().unwrap();
        assert!(!solver.progress().accepted, "the step should have been refused");
        let before = asked();
        assert!(!solver.confirm().unwrap(), "a saddle passed for a minimum");
        let after = asked();
        assert_eq!([after[0], after[1]], [before[0], before[1] + 1], "one preparation");
        let counts = solver.progress().counts;
        assert_eq!([counts.values, counts.gradients, counts.products], after);
        // The answer is kept.
        assert!(!solver.confirm().unwrap() && asked() == after);
    }
    let (g, x) = (f(), [0.0, 0.0]);
    check(TrustRegion::new().gradient_tolerance(0.0).start(&g, &x).unwrap(), || g.found());
    let g = f();
    check(CubicRegularization::new().gradient_tolerance(0.0).start(&g, &x).unwrap(), || g.found());
    let g = f();
    check(NewtonMr::new().gradient_tolerance(0.0).start(&g, &x).unwrap(), || g.found());
    let g = f();
    check(NewtonCg::new().gradient_tolerance(0.0).start(&g, &x).unwrap(), || g.found());
}

/// Whoever asks at the end of a run whether the point may be a minimum gets an answer, and no run that goes on.
#[test]
fn a_run_that_is_over_stays_over_when_it_is_asked() {
    // A saddle that no step leaves: ended by values that are NaN, or by the saddle itself.
    let lost = FromParts::new(
        2,
        |x: &[f64]| if x == [0.0, 0.0] { 0.0 } else { f64::NAN },
        |_: &[f64], g: &mut [f64]| g.copy_from_slice(&[1e-3, 1e-3]),
        |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[v[0], -v[1]]),
    );
    let stuck = scalar(|x| x * x, |x| 2.0 * x, |_| -3.0);
    fn check<S: Solver<f64>>(mut solver: S) {
        let status = loop {
            if let ControlFlow::Break(status) = solver.step().unwrap() {
                break status;
            }
        };
        assert!(!status.is_converged() && !solver.confirm().unwrap());
        assert_eq!(solver.step().unwrap(), ControlFlow::Break(status));
    }
    check(TrustRegion::new().start(&lost, &[0.0, 0.0]).unwrap());
    check(CubicRegularization::new().start(&lost, &[0.0, 0.0]).unwrap());
    check(NewtonCg::new().start(&lost, &[0.0, 0.0]).unwrap());
    check(TrustRegion::new().start(&stuck, &[0.0]).unwrap());
    check(NewtonMr::new().start(&stuck, &[0.0]).unwrap());
    check(NewtonCg::new().start(&stuck, &[0.0]).unwrap());
}

/// At a minimum the model that was spent on a step is not asked for a second path.
#[test]
fn confirming_a_minimum_leaves_the_run_as_it_was() {
    let f = Counted::new(scalar(|x| if x == 0.5 { 0.0 } else { 1.0 }, |_| 1e-9, |_| 1.0).inner);
    let mut solver = TrustRegion::new().gradient_tolerance(0.0).start(&f, &[0.5]).unwrap();
    let _ = solver.step().unwrap();
    assert!(!solver.progress().accepted && solver.confirm().unwrap() && solver.confirm().unwrap());
    let before = f.found();
    let _ = solver.step().unwrap();
    assert_eq!(f.found(), [before[0] + 1, before[1], before[2]], "a rejected step costs a value alone");
}

/// One negative eigenvalue among ten thousand, the others spread between 1 and 1.05: two products show values that no
/// longer fall by a tenth, and nothing of the negative one.
#[test]
fn one_negative_eigenvalue_in_ten_thousand_is_not_overlooked_early() {
    let n = 10_000;
    let eigenvalue = |i: usize| if i == 77 { -1.0 } else { 1.0 + 0.05 * (i as f64 / 1e4) };
    let f = FromParts::new(
        n,
        |x: &[f64]| x.iter().enumerate().map(|(i, x)| 0.5 * eigenvalue(i) * x * x + 0.25 * x.powi(4)).sum(),
        |x: &[f64], g: &mut [f64]| {
            g.iter_mut().zip(x).enumerate().for_each(|(i, (g, x))| *g = eigenvalue(i) * x + x.powi(3));
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            let rows = hv.iter_mut().zip(x.iter().zip(v)).enumerate();
            rows.for_each(|(i, (hv, (x, v)))| *hv = (eigenvalue(i) + 3.0 * x * x) * v);
        },
    );
    let report = TrustRegion::new().minimize(&f, &vec![0.0; n]).unwrap();
    assert!(report.status.is_converged() && (report.value + 0.25).abs() < 1e-12, "{report}");
}

/// A product that is not finite was a product all the same.
#[test]
fn a_product_that_is_not_finite_is_counted() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| f64::NAN);
    let report = TrustRegion::new().minimize(&f, &[0.0]).unwrap();
    assert_eq!(report.counts.products, f.found()[2]);
    assert_eq!(f.found()[2], 1);
}

/// Where the Hessian is not finite nothing tells a minimum from a maximum: −|x|^1.5 has one at 0, where its slope is zero.
#[test]
fn a_product_that_is_not_finite_is_no_convergence() {
    let cap = scalar(|x| -x.abs().powf(1.5), |x| -1.5 * x.abs().sqrt().copysign(x), |x| -0.75 / x.abs().sqrt());
    let lost = scalar(|x| x * x, |x| 2.0 * x, |_| f64::NAN);
    fn all(f: &impl Objective<f64>, name: &str) {
        let reports = [
            ("trust region", TrustRegion::new().minimize(f, &[0.0]).unwrap()),
            ("cubic regularization", CubicRegularization::new().minimize(f, &[0.0]).unwrap()),
            ("newton-cg", NewtonCg::new().minimize(f, &[0.0]).unwrap()),
            ("newton-mr", NewtonMr::new().minimize(f, &[0.0]).unwrap()),
            ("projected newton", ProjectedNewton::new(&[-1.0], &[1.0]).minimize(f, &[0.0]).unwrap()),
            // A user's test of the gradient is confirmed by the method.
            ("a test", minimize(f, &[0.0]).stop(Stop::largest_slope(1e-6)).run().unwrap()),
        ];
        for (method, report) in reports {
            assert_eq!(report.status, Status::NonFinite(Place::Product), "{method} on {name}: {report}");
        }
    }
    all(&cap, "−|x|^1.5");
    all(&lost, "a Hessian of NaN");
}

/// ‖g₀‖ = 1e-12 beside a saddle, and √n later. Gradients on the way down are compared to the largest of them: a share of
/// ‖g₀‖ would be below all rounding, and no measure for how exactly a step should be solved.
#[test]
fn a_start_at_a_saddle_is_no_measure_for_later_gradients() {
    let n = 50;
    let weight = |i: usize| 1.0 + 99.0 * i as f64 / 49.0;
    // Σ λ (¼ y⁴ − ½ y²) with λ from 1 to 100.
    let f = FromParts::new(
        n,
        |x: &[f64]| x.iter().enumerate().map(|(i, x)| weight(i) * (0.25 * x.powi(4) - 0.5 * x * x)).sum(),
        |x: &[f64], g: &mut [f64]| {
            g.iter_mut().zip(x).enumerate().for_each(|(i, (g, x))| *g = weight(i) * (x.powi(3) - x));
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            let rows = hv.iter_mut().zip(x.iter().zip(v)).enumerate();
            rows.for_each(|(i, (hv, (x, v)))| *hv = weight(i) * (3.0 * x * x - 1.0) * v);
        },
    );
    let start: Vec<f64> = common::random(n, 3).iter().map(|x| 1e-14 * x).collect();
    let report = minimize(&f, &start).stop(Stop::gradient_reduction(1e-6) | Stop::iterations(200)).run().unwrap();
    assert_eq!(report.status, Status::Converged(Criterion::GradientReduction), "{report}");

    let mut history = History::new();
    let method = TrustRegion::new().gradient_tolerance(1e-10);
    let report = minimize(&f, &start).method(method).observe(&mut history).run().unwrap();
    assert!(report.status.is_converged(), "{report}");
    let norms: Vec<f64> = history.records().iter().map(|record| record.gradient_norm).collect();
    let largest = norms.iter().fold(0.0, |a: f64, &b| a.max(b));
    // From the last norm above 1e-3 of the largest to 1e-10: four steps of an order above one, ten of a rate of 1/10.
    let last = norms.iter().rposition(|&norm| norm > 1e-3 * largest).unwrap();
    assert!(norms.len() - 1 - last <= 5, "{norms:?}");
}

/// ARWHEAD sums terms of size 3 that cancel: its value is 0 where the gradient is still 1e-6, and no search along a line
/// finds a lower one. Newton's step halves the gradient.
#[test]
fn newton_cg_takes_a_step_whose_decrease_is_lost_in_cancellation() {
    let problem = testkit::problems::cutest::problem("ARWHEAD", 100).unwrap();
    let f = problem.function();
    let report = NewtonCg::new().minimize(&f.flat(&problem.start), &problem.start).unwrap();
    assert!(report.status.is_converged(), "{report}");
}
