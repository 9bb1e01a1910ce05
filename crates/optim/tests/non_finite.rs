//! NaN around the start: every method that shortens its steps ends, and says what was not finite.

mod common;

use common::scalar;
use optim::{
    CubicRegularization, GaussNewton, GradientDescent, Lbfgs, Lbfgsb, LeastSquares, LevenbergMarquardt, Lsr1, NewtonCg,
    NewtonMr, Objective, ObjectiveError, OwlQn, Place, ProjectedNewton, Report, ResidualModel, Status, StepRule, Stop,
    TrustRegion, minimize,
};

/// Every method with a radius, a weight or a damped step.
fn all(f: &impl Objective<f64>, x: f64) -> [Report<f64>; 5] {
    [
        TrustRegion::new().minimize(f, &[x]).unwrap(),
        CubicRegularization::new().minimize(f, &[x]).unwrap(),
        NewtonMr::new().minimize(f, &[x]).unwrap(),
        Lsr1::new().minimize(f, &[x]).unwrap(),
        ProjectedNewton::new(&[-9.0], &[9.0]).minimize(f, &[x]).unwrap(),
    ]
}

#[test]
fn nan_at_every_trial_point_is_named() {
    for x in [1.0, 0.0, -3.5] {
        let values = scalar(|t| if t == x { 1.0 } else { f64::NAN }, |_| 1.0, |_| 1.0);
        for report in all(&values, x) {
            assert_eq!((report.status, report.x[0]), (Status::NonFinite(Place::Value), x), "{report}");
        }
        let gradients = scalar(|t| t, |t| if t == x { 1.0 } else { f64::NAN }, |_| 0.5);
        for report in all(&gradients, x) {
            assert_eq!((report.status, report.x[0]), (Status::NonFinite(Place::Gradient), x), "{report}");
        }
    }
}

/// No gradient where there is no value: a test of the gradient takes neither NaN nor infinity for a minimum.
#[test]
fn a_start_that_is_not_finite_is_no_convergence() {
    for lost in [f64::NAN, f64::INFINITY] {
        let f = scalar(|x| if x < 0.0 { lost } else { x * x }, |x| if x < 0.0 { 0.0 } else { 2.0 * x }, |_| 2.0);
        for stop in [Stop::largest_slope(1e-6), Stop::gradient_reduction(0.5)] {
            let report = minimize(&f, &[-1.0]).method(Lbfgs::new()).stop(stop).run().unwrap();
            assert_eq!(report.status, Status::NonFinite(Place::StartValue), "{report}");
        }
    }
}

/// A slope that never ends: the step grows to the largest that can be taken, and no further.
#[test]
fn steps_down_an_endless_slope_stay_finite() {
    let f = scalar(|x| -1e-7 * x, |_| -1e-7, |_| 0.0);
    let endless = f64::NEG_INFINITY;
    let rule = StepRule::Armijo { initial: 1.0 };
    let reports = [
        GradientDescent::new(rule).lower_bound(endless).max_iterations(3000).minimize(&f, &[0.0]).unwrap(),
        OwlQn::new(0.0).lower_bound(endless).max_iterations(3000).minimize(&f, &[0.0]).unwrap(),
    ];
    for report in reports {
        assert!(!report.status.is_converged() && report.x[0].is_finite(), "{report}");
    }
}

/// A wrong gradient, with values that are numbers everywhere: nothing is not finite, and nothing is said to be.
#[test]
fn a_wrong_gradient_is_not_taken_for_nan() {
    let f = scalar(|x| x, |_| -1.0, |_| 1.0);
    for report in all(&f, 1.0) {
        assert!(matches!(report.status, Status::RadiusTooSmall | Status::NoProgress), "{report}");
    }
}

/// Infinite only far off: the last, short steps are refused for another reason.
#[test]
fn what_was_not_finite_far_away_does_not_count() {
    let f = scalar(|x| if (x - 1.0).abs() > 1e-3 { f64::NAN } else { x }, |_| -1.0, |_| 1.0);
    for report in all(&f, 1.0) {
        assert!(matches!(report.status, Status::RadiusTooSmall | Status::NoProgress), "{report}");
    }
}

/// r(x) = x at 2, and NaN elsewhere; or with a Jacobian that is NaN elsewhere.
struct Lonely {
    value_is_lost: bool,
}

struct LonelyModel {
    residual: [f64; 1],
    slope: f64,
}

impl LeastSquares<f64> for Lonely {
    type Model<'a> = LonelyModel;

    fn dimension(&self) -> usize {
        1
    }

    fn residual(&self, x: &[f64], out: &mut Vec<f64>) -> Result<(), ObjectiveError> {
        out.clear();
        out.push(if self.value_is_lost && x[0] != 2.0 { f64::NAN } else { x[0] });
        Ok(())
    }

    fn model_at(&self, x: &[f64]) -> Result<LonelyModel, ObjectiveError> {
        Ok(LonelyModel { residual: [x[0]], slope: if x[0] == 2.0 { 1.0 } else { f64::NAN } })
    }
}

impl ResidualModel<f64> for LonelyModel {
    fn residual(&self) -> &[f64] {
        &self.residual
    }

    fn jvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out[0] = self.slope * v[0];
        Ok(())
    }

    fn vjp(&mut self, u: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out[0] = self.slope * u[0];
        Ok(())
    }
}

#[test]
fn least_squares_name_it_too() {
    for (value_is_lost, place) in [(true, Place::Value), (false, Place::Gradient)] {
        let r = Lonely { value_is_lost };
        for report in
            [LevenbergMarquardt::new().minimize(&r, &[2.0]).unwrap(), GaussNewton::new().minimize(&r, &[2.0]).unwrap()]
        {
            assert_eq!((report.status, report.x[0]), (Status::NonFinite(place), 2.0), "{report}");
        }
    }
}

/// 10 x − √x falls to −1/40 at x = 1/400, and its slope at the bound 0 is −∞: a point to be refused, for no bound makes an
/// infinite slope a finite one.
#[test]
fn an_infinite_slope_at_a_bound_refuses_the_point() {
    let f = scalar(|x| 10.0 * x - x.sqrt(), |x| 10.0 - 0.5 / x.sqrt(), |x| 0.25 * x.powf(-1.5));
    let report = ProjectedNewton::new(&[0.0], &[2.0]).minimize(&f, &[1.0]).unwrap();
    assert!(report.status.is_converged() && (report.x[0] - 0.0025).abs() < 1e-9, "{report}");
    let report = Lbfgsb::new(&[0.0], &[2.0]).minimize(&f, &[1.0]).unwrap();
    assert!(report.status.is_converged() && (report.x[0] - 0.0025).abs() < 1e-9, "{report}");
    for slope in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let f = scalar(|x| x, |_| slope, |_| 1.0);
        let reports = [
            ProjectedNewton::new(&[0.0], &[2.0]).minimize(&f, &[1.0]).unwrap(),
            Lbfgsb::new(&[0.0], &[2.0]).minimize(&f, &[1.0]).unwrap(),
        ];
        for report in reports {
            assert_eq!(report.status, Status::NonFinite(Place::StartGradient), "{slope}: {report}");
        }
    }
}

/// x² with a gradient that is NaN below ½: whatever the method, a step that ends there is halved until it does not.
#[test]
fn a_step_to_a_gradient_that_is_not_finite_is_shortened() {
    let f = scalar(|x| x * x, |x| if x < 0.5 { f64::NAN } else { 2.0 * x }, |_| 2.0);
    let reports = [
        ("trust region", TrustRegion::new().minimize(&f, &[1.0]).unwrap()),
        ("newton-cg", NewtonCg::new().minimize(&f, &[1.0]).unwrap()),
        ("newton-mr", NewtonMr::new().minimize(&f, &[1.0]).unwrap()),
        ("lbfgs", Lbfgs::new().minimize(&f, &[1.0]).unwrap()),
        ("l-bfgs-b", Lbfgsb::new(&[-9.0], &[9.0]).minimize(&f, &[1.0]).unwrap()),
        ("owl-qn", OwlQn::new(0.0).minimize(&f, &[1.0]).unwrap()),
        ("gradient descent", GradientDescent::new(StepRule::Armijo { initial: 0.5 }).minimize(&f, &[1.0]).unwrap()),
    ];
    for (name, report) in reports {
        assert_eq!(report.status, Status::NonFinite(Place::Gradient), "{name}: {report}");
        assert!((0.5..0.6).contains(&report.x[0]), "{name}: {report}");
    }
    // Down a cap of negative curvature, where steps are doubled.
    let slope = |x: f64| if x > 3.0 { f64::NAN } else { -x };
    let f = scalar(|x| -0.5 * x * x, slope, |_| -1.0);
    let report = NewtonCg::new().minimize(&f, &[1.0]).unwrap();
    assert_eq!(report.status, Status::NonFinite(Place::Gradient), "{report}");
    assert!(report.x[0] > 2.5 && report.x[0] <= 3.0, "{report}");
}
