//! Projected trust-region Newton: the conditions of Karush, Kuhn and Tucker, the box never left, rejections for free.

mod common;

use common::{Counted, Spectral, Watched, norm, problems, random, scalar};
use optim::{Error, FromParts, LocalModel, Objective, Place, ProjectedNewton, Solver, Status, TrustRegion};
use testkit::problems::mgh;

/// An objective that refuses points outside a box.
fn guarded<O: Objective<f64>>(inner: O, lower: Vec<f64>, upper: Vec<f64>) -> impl Objective<f64> {
    Watched::new(inner, move |_, x: &[f64]| {
        let inside = x.iter().zip(&lower).zip(&upper).all(|((x, l), u)| l <= x && x <= u);
        assert!(inside, "{x:?} is outside the box");
        Ok(())
    })
}

/// The largest violation: |gᵢ| inside, and the wrong sign of gᵢ at a bound.
fn violation(x: &[f64], g: &[f64], lower: &[f64], upper: &[f64]) -> f64 {
    let one = |i: usize| {
        if lower[i] == upper[i] {
            0.0
        } else if x[i] == lower[i] {
            (-g[i]).max(0.0)
        } else if x[i] == upper[i] {
            g[i].max(0.0)
        } else {
            g[i].abs()
        }
    };
    (0..x.len()).map(one).fold(0.0, f64::max)
}

/// ½ xᵀHx − bᵀx with a random H in a random box.
#[test]
fn random_quadratics_end_at_a_point_of_karush_kuhn_and_tucker() {
    let (mut at_bounds, mut inside) = (0, 0);
    for seed in 0..300 {
        let n = 1 + seed as usize % 12;
        let indefinite = seed % 3 == 0;
        let spectrum: Vec<f64> =
            random(n, seed).iter().map(|l| if indefinite { 3.0 * l } else { 0.05 + l.abs() }).collect();
        let h = Spectral::new(spectrum, 1000 + seed);
        let b = random(n, 2000 + seed);
        let mut lower: Vec<f64> = random(n, 3000 + seed).iter().map(|l| l - 0.6).collect();
        let upper: Vec<f64> = random(n, 4000 + seed).iter().zip(&lower).map(|(u, l)| l + 1.0 + u).collect();
        if seed % 5 == 1 && !indefinite {
            lower.fill(f64::NEG_INFINITY);
        }
        let f = FromParts::new(
            n,
            |x: &[f64]| h.model(&b.iter().map(|b| -b).collect::<Vec<_>>(), x),
            |x: &[f64], g: &mut [f64]| {
                g.iter_mut().zip(h.function(|l| l, x)).zip(&b).for_each(|((g, hx), b)| *g = hx - b);
            },
            |_: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&h.function(|l| l, v)),
        );
        let f = Counted::new(guarded(f, lower.clone(), upper.clone()));
        let report = ProjectedNewton::new(&lower, &upper).minimize(&f, &random(n, 5000 + seed)).unwrap();
        assert!(report.status.is_converged(), "quadratic {seed}: {report}");
        assert_eq!(f.found(), [report.counts.values, report.counts.gradients, report.counts.products]);
        let model = f.inner.at(&report.x).unwrap();
        let wrong = violation(&report.x, model.gradient(), &lower, &upper);
        assert!(wrong <= 1.5e-8, "quadratic {seed}: {wrong:e}, {report}");
        let bound = (0..n).filter(|&i| report.x[i] == lower[i] || report.x[i] == upper[i]).count();
        at_bounds += bound;
        inside += n - bound;
    }
    assert!(at_bounds > 300 && inside > 300, "{at_bounds} at bounds, {inside} inside");
}

#[test]
fn problems_in_boxes_end_where_the_conditions_hold() {
    for problem in mgh::all() {
        // A box around the start: the minimum is mostly on a face of it.
        let lower: Vec<f64> = problem.start.iter().map(|x| x - 0.3 * x.abs() - 0.01).collect();
        let upper: Vec<f64> = problem.start.iter().map(|x| x + 0.2 * x.abs() + 0.02).collect();
        let f = problem.function();
        let flat = guarded(f.flat(&problem.start), lower.clone(), upper.clone());
        let method = ProjectedNewton::new(&lower, &upper).gradient_tolerance(1e-7).max_iterations(3000);
        let report = method.minimize(&flat, &problem.start).unwrap();
        let label = format!("{}: {report}", problem.name);
        println!("{label}");
        let gradient = f.gradient(&report.x).unwrap();
        let scale = norm(&f.gradient(&problem.start).unwrap()).max(1.0);
        let wrong = violation(&report.x, &gradient, &lower, &upper);
        assert!(wrong <= 1e-6 * scale, "{label}: {wrong:e}");
        assert!(report.status.is_converged() || report.status == Status::NoProgress, "{label}");
        assert!(report.counts.iterations < 500, "{label}");
    }
}

/// Without bounds it is a trust-region method: the same minima.
#[test]
fn without_bounds_the_minima_are_those_of_the_trust_region() {
    for problem in problems() {
        let n = problem.start.len();
        let free = ProjectedNewton::new(&vec![f64::NEG_INFINITY; n], &vec![f64::INFINITY; n]);
        let report = free.minimize(&problem, &problem.start).unwrap();
        assert!(report.status.is_converged(), "{}: {report}", problem.name);
        assert!(problem.minima.iter().any(|m| (report.value - m).abs() < 1e-8), "{}: {report}", problem.name);
        let region = TrustRegion::new().minimize(&problem, &problem.start).unwrap();
        assert!(report.counts.iterations <= 3 * region.counts.iterations + 10, "{report}; {region}");
    }
}

#[test]
fn a_rejected_step_costs_no_products() {
    let mut rejections = 0;
    for problem in problems() {
        let n = problem.start.len();
        let (lower, upper) = (vec![-5.0; n], vec![2.0; n]);
        let problem = Counted::new(problem);
        let method = ProjectedNewton::new(&lower, &upper).radius(100.0);
        let mut solver = method.start(&problem, &problem.inner.start.clone()).unwrap();
        let mut accepted = true;
        loop {
            let before = problem.found();
            let outcome = solver.step().unwrap();
            if !accepted {
                rejections += 1;
                assert_eq!(problem.found()[2], before[2], "{}", problem.inner.name);
            }
            accepted = solver.progress().accepted;
            if outcome.is_break() {
                break;
            }
        }
    }
    assert!(rejections > 10, "only {rejections} rejections: the law was hardly tested");
}

/// ¼ x⁴ − ½ x² + y² + z between bounds that hold z: at x = y = 0 the gradient in the free variables is zero, and the
/// second derivative along x is −1.
fn saddle() -> impl Objective<f64> {
    FromParts::new(
        3,
        |p: &[f64]| 0.25 * p[0].powi(4) - 0.5 * p[0] * p[0] + p[1] * p[1] + p[2],
        |p: &[f64], g: &mut [f64]| g.copy_from_slice(&[p[0].powi(3) - p[0], 2.0 * p[1], 1.0]),
        |p: &[f64], v: &[f64], hv: &mut [f64]| {
            hv.copy_from_slice(&[(3.0 * p[0] * p[0] - 1.0) * v[0], 2.0 * v[1], 0.0]);
        },
    )
}

#[test]
fn a_saddle_among_the_free_variables_is_left() {
    // The second box ends before the minimum, the third holds x, so that what is left is a minimum.
    for (upper, value) in [(3.0, -0.25 - 4.0), (0.5, 0.25 * 0.5_f64.powi(4) - 0.125 - 4.0), (0.0, -4.0)] {
        let (lower, upper) = ([-upper, -3.0, -4.0], [upper, 3.0, 4.0]);
        for start in [[0.0, 1.0, 2.0], [0.0, 0.0, -4.0]] {
            let f = Counted::new(guarded(saddle(), lower.to_vec(), upper.to_vec()));
            let report = ProjectedNewton::new(&lower, &upper).minimize(&f, &start).unwrap();
            assert!(report.status.is_converged() && (report.value - value).abs() < 1e-12, "{upper:?}: {report}");
            assert_eq!(f.found(), [report.counts.values, report.counts.gradients, report.counts.products]);
        }
    }
    // Not asked, it believes the gradient.
    let method = ProjectedNewton::new(&[-3.0, -3.0, -4.0], &[3.0, 3.0, 4.0]).saddle_products(0);
    let report = method.minimize(&saddle(), &[0.0, 1.0, 2.0]).unwrap();
    assert!(report.status.is_converged() && report.x[0] == 0.0 && report.value >= -4.0, "{report}");
}

/// Negative curvature that no step can use: the value does not fall, by a wrong Hessian.
#[test]
fn a_saddle_that_cannot_be_left_is_named() {
    let f = scalar(|x| 0.5 * x * x, |x| x, |_| -3.0);
    let report = ProjectedNewton::new(&[-2.0], &[5.0]).minimize(&f, &[0.0]).unwrap();
    assert_eq!(report.status, Status::SecondOrder { smallest_ritz: -3.0 });
}

#[test]
fn what_goes_wrong_has_a_status() {
    let run = |f: &dyn Fn(f64) -> f64, d: &dyn Fn(f64) -> f64, dd: &dyn Fn(f64) -> f64, x: f64| {
        ProjectedNewton::new(&[-1e3], &[2.0]).minimize(&scalar(f, d, dd), &[x]).unwrap()
    };
    let nan = |_| f64::NAN;
    assert_eq!(run(&nan, &|_| 1.0, &|_| 1.0, 1.0).status, Status::NonFinite(Place::StartValue));
    assert_eq!(run(&|x| x, &nan, &|_| 1.0, 1.0).status, Status::NonFinite(Place::StartGradient));
    assert_eq!(run(&|x| x, &|_| 1.0, &nan, 1.0).status, Status::NonFinite(Place::Product));
    assert_eq!(run(&|x| x * x, &|x| 2.0 * x, &|_| 2.0, f64::NAN).status, Status::NonFinite(Place::Point));
    // Down to the bound, where a start outside is put at once.
    let report = run(&|x| -x, &|_| -1.0, &|_| 0.0, 7.0);
    assert!(report.status.is_converged() && report.x == [2.0] && report.counts.iterations == 0, "{report}");
    let report = run(&|x| x, &|_| 1.0, &|_| 0.0, 1.0);
    assert!(report.status.is_converged() && report.x == [-1e3], "{report}");
    // A box that is a point.
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    let report = ProjectedNewton::new(&[3.0], &[3.0]).minimize(&f, &[0.0]).unwrap();
    assert!(report.status.is_converged() && report.x == [3.0], "{report}");
    let error = ProjectedNewton::new(&[3.0], &[1.0]).minimize(&f, &[0.0]).unwrap_err();
    assert!(error.to_string().contains("lower is 3"), "{error}");
    let error = ProjectedNewton::new(&[3.0, 4.0], &[5.0]).minimize(&f, &[0.0]).unwrap_err();
    assert!(matches!(error, Error::Length { argument: "lower", .. }), "{error}");
}
