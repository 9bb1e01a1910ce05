//! The problems of Moré, Garbow and Hillstrom: each is brought to a listed minimum, at a bounded price.

mod common;

use autodiff_core::Function;
use optim::{Counts, CubicRegularization, Lanczos, LocalModel, Objective, Report, Solver, Status, TrustRegion};
use std::ops::ControlFlow;
use testkit::problems::{Problem, mgh};

fn max_norm(g: &[f64]) -> f64 {
    g.iter().fold(0.0, |m: f64, g| m.max(g.abs()))
}

/// A method as the tests know it: a problem and a start to a report, with ‖g‖₂ at most the number given.
type Method = fn(&Problem, &[f64], f64) -> Report<f64>;

fn trust_region(problem: &Problem, start: &[f64], tolerance: f64) -> Report<f64> {
    let f = problem.function();
    TrustRegion::new()
        .max_iterations(10_000)
        .gradient_tolerance(tolerance)
        .minimize(&f.flat(&start.to_vec()), start)
        .unwrap()
}

fn cubic_regularization(problem: &Problem, start: &[f64], tolerance: f64) -> Report<f64> {
    let f = problem.function();
    let method = CubicRegularization::new().max_iterations(10_000).gradient_tolerance(tolerance);
    method.minimize(&f.flat(&start.to_vec()), start).unwrap()
}

const METHODS: [(&str, Method); 2] = [("trust region", trust_region), ("cubic regularization", cubic_regularization)];

#[test]
fn all_35_reach_a_listed_minimum() {
    for (name, method) in METHODS {
        for problem in mgh::all() {
            let report = method(&problem, &problem.start, 1e-9);
            let label = format!("{name}, {}: {report}", problem.name);
            println!("{label}");
            assert!(problem.is_solved(&report.x, 0.0), "{label}: {:?}", problem.minima);
            // Meyer's problem is so badly scaled that an ulp of x moves the gradient by 1e-4.
            assert!(report.status.is_converged() || problem.name == "Meyer", "{label}");
        }
    }
}

/// The smallest eigenvalue of the Hessian at `x`: Lanczos from a random start, to the end.
fn smallest_eigenvalue(problem: &Problem, x: &[f64]) -> f64 {
    let f = problem.function();
    let flat = f.flat(&problem.start);
    let mut model = flat.at(x).unwrap();
    let mut lanczos = Lanczos::new(x.len());
    lanczos.start(&common::random(x.len(), 5));
    while lanczos.extend(&mut model.hessian()).unwrap().is_continuing() {}
    lanczos.ritz_values()[0]
}

/// Ten times the standard start. Trigonometric and Osborne 2 have local minima that are not listed, and ending in one
/// of those is all that a local method promises; a gradient of zero elsewhere is not.
#[test]
fn nine_in_ten_are_solved_from_ten_times_the_start() {
    for (name, method) in METHODS {
        let (mut listed, mut local) = (0, 0);
        for problem in mgh::all() {
            let start = problem.start_times(10.0);
            let report = method(&problem, &start, 1e-8);
            let label = format!("{name}, {}: {report}", problem.name);
            let gradient = problem.function().gradient(&report.x).unwrap();
            assert!(!report.status.is_converged() || max_norm(&gradient) <= 1e-8, "{label}");
            if problem.is_solved(&report.x, 0.0) {
                listed += 1;
            } else if report.status.is_converged() && smallest_eigenvalue(&problem, &report.x) > 0.0 {
                println!("another minimum: {label}");
                local += 1;
            } else {
                println!("missed: {label}");
            }
        }
        assert!(listed >= 32, "{name}: {listed} listed minima, {local} others");
    }
}

/// The problems that every method of SciPy 1.17 solves. Its best there: 144 iterations, 156 gradients, 434 products.
const TWELVE: [(usize, usize); 12] =
    [(1, 2), (2, 2), (5, 2), (7, 3), (8, 3), (9, 3), (16, 4), (25, 10), (26, 10), (27, 10), (29, 12), (30, 50)];

/// To ‖g‖∞ ≤ 1e-8 max(1, ‖g₀‖∞), by an observer whose gradients are not counted.
fn counts<S: Solver<f64>>(problem: &Problem, solver: S) -> Counts {
    let f: Function<'static, [autodiff_core::Var]> = problem.function();
    let gradient = |x: &[f64]| max_norm(&f.gradient(&x.to_vec()).unwrap());
    let enough = 1e-8 * gradient(&problem.start).max(1.0);
    let report = solver
        .run(|now| if gradient(now.x) <= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        .unwrap();
    assert_eq!(report.status, Status::StoppedByObserver, "{}: {report}", problem.name);
    println!("{}: {report}", problem.name);
    report.counts
}

/// Iterations, gradients and products of the twelve problems together.
fn total(mut run: impl FnMut(&Problem) -> Counts) -> [usize; 3] {
    let mut total = [0; 3];
    for (number, n) in TWELVE {
        let used = run(&mgh::sized(number, n));
        total[0] += used.iterations;
        total[1] += used.gradients;
        total[2] += used.products;
    }
    println!("{total:?}");
    total
}

#[test]
fn twelve_problems_keep_their_budget() {
    let [iterations, gradients, products] = total(|problem| {
        let f = problem.function();
        counts(
            problem,
            TrustRegion::new().gradient_tolerance(0.0).start(&f.flat(&problem.start), &problem.start).unwrap(),
        )
    });
    assert!(iterations <= 120 && gradients <= 130 && products <= 300, "{iterations}, {gradients}, {products}");
    let [iterations, gradients, products] = total(|problem| {
        let f = problem.function();
        let method = CubicRegularization::new().gradient_tolerance(0.0);
        counts(problem, method.start(&f.flat(&problem.start), &problem.start).unwrap())
    });
    assert!(iterations <= 144 && gradients <= 156 && products <= 434, "{iterations}, {gradients}, {products}");
}
