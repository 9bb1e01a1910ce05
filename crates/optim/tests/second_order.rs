//! A zero gradient is not yet a minimum: saddles and maxima are left, or named.

mod common;

use common::{Counted, scalar};
use optim::{CubicRegularization, FromParts, NewtonMr, Objective, Report, Solver, Status, TrustRegion};

type Method = fn(&dyn Runs) -> Report<f64>;

/// An objective at a start, run by either method.
trait Runs {
    fn trust_region(&self, saddle_products: usize) -> Report<f64>;
    fn cubic(&self, saddle_products: usize) -> Report<f64>;
    fn newton_mr(&self, saddle_products: usize) -> Report<f64>;
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
}

const METHODS: [Method; 3] = [|f| f.trust_region(8), |f| f.cubic(8), |f| f.newton_mr(8)];

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
        for report in [blind.trust_region(0), blind.cubic(0), blind.newton_mr(0)] {
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
