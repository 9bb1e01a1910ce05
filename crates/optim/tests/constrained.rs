//! L-BFGS-B and OWL-QN: the conditions of a minimum on random problems, and every point in the box or the orthant.

mod common;

use common::{Counted, Spectral, dot, norm, problems, random, scalar};
use optim::{Error, FromParts, Lbfgs, Lbfgsb, Objective, OwlQn, Place, Status};
use std::ops::ControlFlow;

/// ½ (x − c)ᵀ H (x − c) with a known spectrum.
fn quadratic(n: usize, condition: f64, seed: u64) -> (impl Objective<f64>, Vec<f64>) {
    let spectrum = (0..n).map(|i| condition.powf(i as f64 / n as f64)).collect();
    let h = Spectral::new(spectrum, seed);
    let center: Vec<f64> = random(n, seed + 1).iter().map(|c| 2.0 * c).collect();
    let (c, h2) = (center.clone(), Spectral::new(h.spectrum.clone(), seed));
    let (c2, off) =
        (center.clone(), |x: &[f64], c: &[f64]| -> Vec<f64> { x.iter().zip(c).map(|(x, c)| x - c).collect() });
    let f = FromParts::first_order(
        n,
        move |x: &[f64]| h.model(&vec![0.0; x.len()], &off(x, &c)),
        move |x: &[f64], g: &mut [f64]| g.copy_from_slice(&h2.function(|l| l, &off(x, &c2))),
    );
    (f, center)
}

/// 5e-7 x from 1e10: x − g is x in double precision, and P(x − g) − x would be zero.
#[test]
fn a_small_slope_at_a_large_x_is_no_convergence() {
    let slope = |_: &[f64], g: &mut [f64]| g[0] = 5e-7;
    let f = FromParts::new(1, |x: &[f64]| 5e-7 * x[0], slope, |_: &[f64], _: &[f64], hv: &mut [f64]| hv[0] = 0.0);
    let report = Lbfgsb::new(&[0.0], &[2e10]).minimize(&f, &[1e10]).unwrap();
    assert!(!report.status.is_converged() && report.gradient_norm == 5e-7, "{report}");
    let report = optim::ProjectedNewton::new(&[0.0], &[2e10]).minimize(&f, &[1e10]).unwrap();
    assert!(!report.status.is_converged() && report.gradient_norm == 5e-7, "{report}");
}

#[test]
fn bounds_hold_and_the_conditions_of_a_minimum_with_them() {
    for seed in 0..60_u64 {
        let n = 3 + seed as usize % 20;
        let (f, _) = quadratic(n, if seed.is_multiple_of(2) { 10.0 } else { 1e4 }, seed);
        let r = random(2 * n, seed + 2);
        let bound = |i: usize| {
            let (a, b) = (r[2 * i], r[2 * i + 1]);
            match i % 4 {
                0 => (f64::NEG_INFINITY, f64::INFINITY),
                1 => (a, f64::INFINITY),
                2 => (a.min(b), a.max(b)),
                _ => (a, a), // fixed
            }
        };
        let lower: Vec<f64> = (0..n).map(|i| bound(i).0).collect();
        let upper: Vec<f64> = (0..n).map(|i| bound(i).1).collect();
        // Every point that is asked for lies in the box.
        let inside = FromParts::first_order(
            n,
            |x: &[f64]| {
                assert!((0..n).all(|i| lower[i] <= x[i] && x[i] <= upper[i]), "{x:?}");
                f.value(x).unwrap()
            },
            |x: &[f64], g: &mut [f64]| {
                f.value_and_gradient(x, g).unwrap();
            },
        );
        let start = random(n, seed + 3);
        let report = Lbfgsb::new(&lower, &upper).gradient_tolerance(1e-7).minimize(&inside, &start).unwrap();
        assert!(report.status.is_converged(), "{seed}: {report}");
        let mut g = vec![0.0; n];
        f.value_and_gradient(&report.x, &mut g).unwrap();
        for i in 0..n {
            let x = report.x[i];
            // A variable strictly inside has no slope; one at a bound is held there.
            if x > lower[i] && x < upper[i] {
                assert!(g[i].abs() <= 1e-6, "{seed}, {i}: {}", g[i]);
            } else if lower[i] < upper[i] {
                assert!(if x == lower[i] { g[i] >= -1e-6 } else { g[i] <= 1e-6 }, "{seed}, {i}: {}", g[i]);
            }
        }
        // Convex: no feasible point is better.
        for k in 0..50 {
            let p = random(n, 1000 * seed + k);
            let q: Vec<f64> = (0..n).map(|i| (report.x[i] + p[i]).clamp(lower[i], upper[i])).collect();
            assert!(f.value(&q).unwrap() >= report.value - 1e-9, "{seed}");
        }
    }
}

#[test]
fn without_bounds_every_problem_is_solved() {
    for problem in problems() {
        let problem = Counted::new(problem);
        let n = problem.inner.start.len();
        let (l, u) = (vec![f64::NEG_INFINITY; n], vec![f64::INFINITY; n]);
        let report = Lbfgsb::new(&l, &u).gradient_tolerance(1e-7).minimize(&problem, &problem.inner.start).unwrap();
        let name = problem.inner.name;
        assert!(report.status.is_converged(), "{name}: {report}");
        let off = problem.inner.minima.iter().map(|m| (report.value - m).abs()).fold(f64::INFINITY, f64::min);
        assert!(off <= 2e-9, "{name}: {report}");
        assert_eq!(problem.found(), [0, report.counts.gradients, 0]);
        // As many gradients as without bounds, give or take: the same model.
        let free = Lbfgs::new().gradient_tolerance(1e-7).minimize(&problem, &problem.inner.start).unwrap();
        let bound = 2 * free.counts.gradients + 20;
        assert!(report.counts.gradients <= bound, "{name}: {report} against {free}");
    }
}

#[test]
fn active_bounds_on_rosenbrock() {
    // With x ≤ 1/2 the valley ends at the bound: y = 1/4 there, and f = 1/4.
    let rosenbrock = &problems()[0];
    let report =
        Lbfgsb::new(&[f64::NEG_INFINITY; 2], &[0.5, f64::INFINITY]).minimize(rosenbrock, &[-1.2, 1.0]).unwrap();
    assert!(report.status.is_converged(), "{report}");
    assert_eq!(report.x[0], 0.5);
    assert!((report.x[1] - 0.25).abs() < 1e-8 && (report.value - 0.25).abs() < 1e-12, "{report}");
}

#[test]
fn bounds_that_make_no_sense_are_named() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    let message = |l: &[f64], u: &[f64]| Lbfgsb::new(l, u).minimize(&f, &[1.0]).unwrap_err().to_string();
    assert!(message(&[2.0], &[1.0]).contains("lower is 2"));
    assert!(message(&[f64::NAN], &[1.0]).contains("lower is NaN"));
    assert!(message(&[f64::INFINITY], &[f64::INFINITY]).contains("lower is inf"));
    let error = Lbfgsb::new(&[0.0, 0.0], &[1.0]).minimize(&f, &[1.0]).unwrap_err();
    assert!(matches!(error, Error::Length { argument: "lower", expected: 1, found: 2, .. }));
    assert_eq!(f.found(), [0, 0, 0]);
}

#[test]
fn what_is_not_finite_is_named() {
    let bounds = || Lbfgsb::new(&[-100.0], &[100.0]);
    let status = |f: &dyn Fn(f64) -> f64, d: &dyn Fn(f64) -> f64, x: f64| {
        let f = scalar(f, d, |_| 0.0);
        (bounds().minimize(&f, &[x]).unwrap().status, OwlQn::new(0.1).minimize(&f, &[x]).unwrap().status)
    };
    let both = |status: Status| (status, status);
    assert_eq!(status(&|_| f64::NAN, &|_| 1.0, 1.0), both(Status::NonFinite(Place::StartValue)));
    assert_eq!(status(&|x| x, &|_| f64::NAN, 1.0), both(Status::NonFinite(Place::StartGradient)));
    assert_eq!(status(&|x| x, &|_| 1.0, f64::NAN), both(Status::NonFinite(Place::Point)));
    let island = |x: f64| if x == 1.0 { 1.0 } else { f64::NAN };
    assert_eq!(status(&island, &|_| 1.0, 1.0), both(Status::NonFinite(Place::Value)));
    assert_eq!(status(&|x| 0.5 * x, &|_| -1.0, 1.0), both(Status::NoProgress));
    // Down for ever: the box ends it, the penalty does not.
    let f = scalar(|x| -x * x, |x| -2.0 * x, |_| -2.0);
    let report = bounds().minimize(&f, &[1.0]).unwrap();
    assert!(report.status.is_converged() && report.x == [100.0], "{report}");
    assert_eq!(OwlQn::new(0.1).minimize(&f, &[1.0]).unwrap().status, Status::Unbounded);
}

/// The conditions of a minimum of f + λ ‖·‖₁: gᵢ = −λ sign xᵢ, or |gᵢ| ≤ λ where xᵢ is zero, exactly zero.
#[test]
fn owl_qn_finds_sparse_minima() {
    let mut zeros = 0;
    for seed in 0..40 {
        let n = 5 + seed as usize % 30;
        let (f, center) = quadratic(n, 100.0, seed);
        let lambda = 3.0;
        let f = Counted::new(f);
        let report = OwlQn::new(lambda).gradient_tolerance(1e-7).minimize(&f, &random(n, seed + 9)).unwrap();
        assert!(report.status.is_converged(), "{seed}: {report}");
        let counts = report.counts;
        assert_eq!(f.found(), [counts.values, counts.gradients, 0]);
        let mut g = vec![0.0; n];
        let smooth = f.inner.value_and_gradient(&report.x, &mut g).unwrap();
        let total = smooth + lambda * report.x.iter().map(|x| x.abs()).sum::<f64>();
        assert!((report.value - total).abs() <= 1e-12 * total);
        for (&x, &g) in report.x.iter().zip(&g) {
            let broken = if x == 0.0 { g.abs() - lambda } else { (g + lambda * x.signum()).abs() };
            assert!(broken <= 1e-7, "{seed}: x = {x}, g = {g}");
            zeros += usize::from(x == 0.0);
        }
        assert!(norm(&center) > 0.0 && dot(&center, &report.x) >= 0.0);
    }
    assert!(zeros > 100, "only {zeros} zeros: the penalty did nothing");
}

#[test]
fn without_a_penalty_owl_qn_is_lbfgs_with_armijo() {
    for problem in problems() {
        let report = OwlQn::new(0.0).gradient_tolerance(1e-7).minimize(&problem, &problem.start).unwrap();
        assert!(report.status.is_converged(), "{}: {report}", problem.name);
    }
}

/// Armijo along the projected path: the value of f + λ ‖·‖₁ falls at every step, also where the path turns at an axis.
#[test]
fn owl_qn_asks_for_armijo_only_and_descends() {
    let (f, _) = quadratic(20, 1e3, 5);
    let (mut last, mut accepted) = (f64::INFINITY, 0);
    // Nearer to the minimum the decrease is lost in rounding, and the gradient judges.
    let report = OwlQn::new(1.0)
        .gradient_tolerance(1e-3)
        .minimize_observed(&f, &[1.5; 20], |now| {
            assert!(now.value <= last * (1.0 + 1e-14));
            last = now.value;
            accepted += usize::from(now.accepted && now.counts.iterations > 0);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(report.status.is_converged(), "{report}");
    // A trial point is judged by its value alone: a gradient is asked for where it is taken, and nowhere else.
    assert_eq!(report.counts.gradients, 1 + accepted, "{report}");
    assert!(report.counts.values > accepted + 5, "no trial point was refused: {report}");
}

/// yᵀy of gradients of 1e-170 is zero where sᵀy is not: no γ comes of it, and the run ends.
#[test]
fn gradients_whose_squares_underflow_do_not_spin() {
    let f = FromParts::first_order(
        2,
        |x: &[f64]| 1e-170 * (x[0] * x[0] + 2.0 * x[1] * x[1]),
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2e-170 * x[0], 4e-170 * x[1]]),
    );
    for lambda in [0.0, 1e-172] {
        let method = OwlQn::new(lambda).gradient_tolerance(0.0).max_iterations(50);
        let report = method.minimize(&f, &[3.0, -1.0]).unwrap();
        assert!(report.value.is_finite() && report.counts.values < 50 * 100, "{lambda:e}: {report}");
    }
    let report = Lbfgs::new().gradient_tolerance(0.0).max_iterations(50).minimize(&f, &[3.0, -1.0]).unwrap();
    assert!(report.value.is_finite() && report.x.iter().all(|x| x.is_finite()), "{report}");
}
