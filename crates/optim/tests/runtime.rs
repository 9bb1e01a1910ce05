//! The front end: stopping tests and their causes, observers, histories, counts, many starts.

mod common;

use common::problems;
use optim::observer::Record;
use optim::{
    Adam, BarzilaiBorwein, Bfgs, Cause, Counted, Criterion, CubicRegularization, FromParts, GradientDescent, History,
    Lbfgs, Lbfgsb, Lsr1, Method, MultiStart, NewtonCg, NewtonMr, NonlinearCg, Objective, OwlQn, Report, Status,
    StepRule, Stop, TrustRegion, minimize,
};
use std::ops::ControlFlow;
use std::time::Duration;

fn rosenbrock() -> common::LeastSquares {
    problems().swap_remove(0)
}

fn stopped(stop: Stop<f64>) -> Report<f64> {
    let f = rosenbrock();
    minimize(&f, &f.start).method(Lbfgs::new()).stop(stop).run().unwrap()
}

#[test]
fn every_test_stops_with_its_cause() {
    let converged = |criterion| Status::Converged(criterion);
    let report = stopped(Stop::gradient(1e-3));
    assert_eq!(report.status, converged(Criterion::GradientNorm));
    assert!(report.gradient_norm <= 1e-3);
    let report = stopped(Stop::largest_slope(1e-3));
    assert_eq!(report.status, converged(Criterion::LargestSlope));
    assert!(report.gradient_norm <= 1e-3 * 2.0_f64.sqrt() && report.gradient_norm > 1e-12);
    // ‖g₀‖ = 232.9.
    let report = stopped(Stop::gradient_reduction(1e-3));
    assert_eq!(report.status, converged(Criterion::GradientReduction));
    assert!(report.gradient_norm <= 0.2329 && report.gradient_norm > 1e-8);
    assert_eq!(stopped(Stop::largest_slope_reduction(1e-3)).status, converged(Criterion::GradientReduction));

    let cause = |stop| match stopped(stop).status {
        Status::Stopped(cause) => cause,
        other => panic!("{other}"),
    };
    assert_eq!(cause(Stop::step(1e-2)), Cause::Step);
    assert_eq!(cause(Stop::relative_step(1e-2)), Cause::Step);
    assert_eq!(cause(Stop::decrease(1e-2)), Cause::Decrease);
    assert_eq!(cause(Stop::relative_decrease(1e-2)), Cause::Decrease);
    assert_eq!(cause(Stop::target(0.5)), Cause::Target);
    assert_eq!(cause(Stop::iterations(3)), Cause::Iterations);
    assert_eq!(cause(Stop::gradients(3)), Cause::Gradients);
    assert_eq!(cause(Stop::values(0)), Cause::Values);
    assert_eq!(cause(Stop::products(0)), Cause::Products);
    assert_eq!(cause(Stop::time(Duration::ZERO)), Cause::Time);
    assert_eq!(cause(Stop::user(|now| now.value < 1.0)), Cause::User);
    assert!(stopped(Stop::target(0.5)).value <= 0.5);
    assert_eq!(stopped(Stop::iterations(3)).counts.iterations, 3);
}

#[test]
fn tests_combine() {
    let status = |stop| stopped(stop).status;
    // The first that holds; the first named where both do.
    assert_eq!(status(Stop::iterations(5) | Stop::target(20.0)), Status::Stopped(Cause::Target));
    assert_eq!(status(Stop::iterations(0) | Stop::target(1e9)), Status::Stopped(Cause::Iterations));
    assert_eq!(status(Stop::target(1e9).or(Stop::iterations(0))), Status::Stopped(Cause::Target));
    // Both at the same point.
    let report = stopped(Stop::iterations(5) & Stop::target(1.0));
    assert_eq!(report.status, Status::Stopped(Cause::Iterations));
    assert!(report.counts.iterations > 5 && report.value <= 1.0, "{report}");
    let report = stopped((Stop::gradient_reduction(0.5).and(Stop::step(1e-3))) | Stop::gradients(1000));
    assert_eq!(report.status, Status::Converged(Criterion::GradientReduction));
    // Stops add up.
    let f = rosenbrock();
    let report = minimize(&f, &f.start).stop(Stop::iterations(9)).stop(Stop::iterations(2)).run().unwrap();
    assert_eq!(report.counts.iterations, 2);
    let text = format!("{:?}", Stop::gradient(1e-3) | Stop::values(7) & Stop::user(|_| true));
    assert_eq!(text, "(gradient(Two, 0.001) | (budget(Values, 7) & user(…)))");
}

#[test]
fn a_stop_takes_the_place_of_the_default_tolerance() {
    let f = rosenbrock();
    let run = |stop| minimize(&f, &f.start).method(Lbfgs::new()).stop(stop).run().unwrap();
    // The default would end the run at 1.5e-8 already.
    let report = run(Stop::gradient(1e-12) | Stop::gradients(500));
    assert!(report.gradient_norm <= 1e-12, "{report}");
    // So it does beside tests that say nothing of the gradient.
    let report = run(Stop::target(-1.0) | Stop::iterations(200));
    assert_eq!(report.status, Status::Converged(Criterion::GradientNorm), "{report}");
    assert_eq!(report, run(Stop::values(usize::MAX) & Stop::iterations(200)));
    // A test of the gradient that holds only together with another one: the method's own would hold alone.
    let report = run((Stop::largest_slope(1e-3) & Stop::target(-1.0)) | Stop::iterations(200));
    assert!(report.gradient_norm < 1e-12, "{report}");
    let plain = minimize(&f, &f.start).run().unwrap();
    assert_eq!(plain, TrustRegion::new().minimize(&f, &f.start).unwrap());
}

/// A budget is no other idea of convergence: the minima of runs that keep within it are found.
#[test]
fn a_budget_leaves_convergence_to_the_method() {
    let f = FromParts::first_order(
        1,
        |x: &[f64]| x[0].powi(4) - 2.0 * x[0] * x[0] + 0.25 * x[0],
        |x: &[f64], g: &mut [f64]| g[0] = 4.0 * x[0].powi(3) - 4.0 * x[0] + 0.25,
    );
    let starts = MultiStart::in_box(&[-2.0], &[2.0], 20, 1).unwrap();
    let found = starts.stop(|| Stop::gradients(1000)).run(&f, Lbfgs::new());
    assert_eq!(found.minima().len(), 2);
    assert!(found.runs().iter().all(|run| run.as_ref().is_ok_and(|report| report.status.is_converged())));
}

/// A test relative to a huge first gradient is met far from the minimum; no method has it by default, and `&` mends it.
#[test]
fn reductions_of_a_huge_gradient_are_not_convergence_by_default() {
    // Penalty I, n = 10, whose minimum is 7.0877e-5.
    let f = FromParts::first_order(
        10,
        |x: &[f64]| {
            let sum: f64 = x.iter().map(|x| x * x).sum::<f64>() - 0.25;
            1e-5 * x.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>() + sum * sum
        },
        |x: &[f64], g: &mut [f64]| {
            let sum: f64 = x.iter().map(|x| x * x).sum::<f64>() - 0.25;
            g.iter_mut().zip(x).for_each(|(g, x)| *g = 2e-5 * (x - 1.0) + 4.0 * sum * x);
        },
    );
    let start: Vec<f64> = (1..=10).map(f64::from).collect();
    let run = |stop: Option<Stop<f64>>| {
        let run = minimize(&f, &start).method(Lbfgs::new());
        match stop {
            Some(stop) => run.stop(stop).run().unwrap(),
            None => run.run().unwrap(),
        }
    };
    let off = |report: &Report<f64>| (report.value - 7.087_651_467_09e-5).abs() / 7.087_651_467_09e-5;
    let fooled = run(Some(Stop::gradient_reduction(1e-8)));
    assert!(fooled.status.is_converged() && off(&fooled) > 1e-3, "{fooled}");
    let default = run(None);
    assert!(default.status.is_converged() && off(&default) < 1e-7, "{default}");
    let both = run(Some(Stop::gradient_reduction(1e-8) & Stop::gradient(1e-8)));
    assert!(both.status.is_converged() && off(&both) < 1e-7, "{both}");
}

#[test]
fn observers_see_every_iteration_and_may_stop_it() {
    let f = rosenbrock();
    let mut history = History::new();
    let mut seen = 0;
    let report = minimize(&f, &f.start)
        .method(TrustRegion::new().radius(50.0))
        .observe(&mut history)
        .observe(|now: &optim::Progress<'_, f64>| {
            seen += 1;
            if now.counts.iterations == 12 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .run()
        .unwrap();
    assert_eq!(report.status, Status::StoppedByObserver);
    assert_eq!((seen, history.records().len(), report.counts.iterations), (13, 13, 12));
    let records: &[Record<f64>] = history.records();
    assert_eq!(records[12].value, report.value);
    assert_eq!(records[12].counts, report.counts);
    assert!(records.iter().any(|r| !r.accepted) && records.iter().any(|r| r.accepted));
    assert!(records.windows(2).all(|pair| pair[1].value <= pair[0].value));
    // The table holds the same numbers, to the bit.
    let table = history.csv();
    assert_eq!(table.lines().count(), 14);
    for (line, record) in table.lines().skip(1).zip(records) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[1].parse::<f64>().unwrap(), record.value);
        assert_eq!(fields[6].parse::<usize>().unwrap(), record.counts.values);
    }
}

#[test]
fn the_counting_objective_agrees_with_every_method() {
    let f = Counted::new(rosenbrock());
    let start = f.inner().start.clone();
    fn check<M: Method<f64, Counted<common::LeastSquares>>>(f: &Counted<common::LeastSquares>, x: &[f64], method: M) {
        f.reset();
        let report = minimize(f, x).method(method).run().unwrap();
        let (found, counts) = (f.counts(), report.counts);
        assert_eq!(
            [found.values, found.gradients, found.products],
            [counts.values, counts.gradients, counts.products],
            "{report}"
        );
        assert!(counts.gradients > 1);
    }
    check(&f, &start, TrustRegion::new());
    check(&f, &start, CubicRegularization::new());
    check(&f, &start, NewtonMr::new());
    check(&f, &start, NewtonCg::new());
    check(&f, &start, Lbfgs::new());
    check(&f, &start, Bfgs::new());
    check(&f, &start, Lsr1::new());
    check(&f, &start, NonlinearCg::hager_zhang());
    check(&f, &start, NonlinearCg::polak_ribiere());
    check(&f, &start, BarzilaiBorwein::new());
    check(&f, &start, OwlQn::new(0.1));
    check(&f, &start, Lbfgsb::new(&[-9.0, -9.0], &[0.5, 9.0]));
    check(&f, &start, Adam::new(0.01).max_iterations(50));
    check(&f, &start, GradientDescent::new(StepRule::TaylorFlow { step: 1e-4 }).max_iterations(50));
    // A block of products counts each.
    let mut out = [0.0; 6];
    f.reset();
    optim::LocalModel::hvp_block(&mut f.at(&start).unwrap(), &[1.0; 6], &mut out).unwrap();
    assert_eq!(f.counts().products, 3);
}

#[test]
fn the_counting_residuals_agree_with_the_methods_of_least_squares() {
    let problem = testkit::problems::mgh::problem(14);
    let f = Counted::new(problem.residual_function().unwrap().flat(&problem.start));
    for gauss_newton in [true, false] {
        f.reset();
        let run = optim::fit(&f, &problem.start);
        let report = if gauss_newton { run.method(optim::GaussNewton::new()).run() } else { run.run() }.unwrap();
        let (found, counts) = (f.counts(), report.counts);
        assert!(report.status.is_converged(), "{report}");
        assert_eq!(
            [found.values, found.gradients, found.products],
            [counts.values, counts.gradients, counts.products],
            "{report}"
        );
    }
}

/// (x² − 1, x − y): two minima of ½ ‖r‖², found from many starts by a method of least squares.
#[test]
fn many_starts_serve_least_squares_too() {
    use autodiff_core::{Function, Var};
    let r = Function::new(|x: &[Var]| vec![x[0].square() - 1.0, x[0] - x[1]]);
    let starts = MultiStart::in_box(&[-3.0, -3.0], &[3.0, 3.0], 12, 5).unwrap();
    let found = starts.run_with(|| r.flat(&vec![0.0; 2]), optim::LevenbergMarquardt::new());
    assert_eq!(found.minima().len(), 2, "{found:?}");
}

/// x⁴/4 − x²/2 + y²: the gradient vanishes at the saddle 0, whatever the test of it; methods of products go on to ±1.
#[test]
fn a_test_of_the_gradient_is_not_believed_at_a_saddle() {
    let f = FromParts::new(
        2,
        |x: &[f64]| 0.25 * x[0].powi(4) - 0.5 * x[0] * x[0] + x[1] * x[1],
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0].powi(3) - x[0], 2.0 * x[1]]),
        |x: &[f64], v: &[f64], hv: &mut [f64]| hv.copy_from_slice(&[(3.0 * x[0] * x[0] - 1.0) * v[0], 2.0 * v[1]]),
    );
    let tests: [fn() -> Stop<f64>; 4] = [
        || Stop::gradient(1e-8),
        || Stop::largest_slope(1e-8),
        || Stop::gradient(1e-8) & Stop::step(1.0),
        || Stop::largest_slope(1e-8) | Stop::iterations(100),
    ];
    for stop in tests {
        // The last starts at the saddle itself, the first is led into it along y.
        for start in [[0.0, 1.0], [0.0, 0.0]] {
            let reports = [
                minimize(&f, &start).stop(stop()).run().unwrap(),
                minimize(&f, &start).method(CubicRegularization::new()).stop(stop()).run().unwrap(),
                minimize(&f, &start).method(NewtonCg::new()).stop(stop()).run().unwrap(),
            ];
            for report in reports {
                assert!(report.status.is_converged(), "{:?}: {report}", stop());
                assert!((report.value + 0.25).abs() < 1e-12, "{:?}: {report}", stop());
            }
        }
    }
}

/// Himmelblau's function has four minima, all of value 0.
#[test]
fn many_starts_find_every_minimum_and_do_not_depend_on_the_threads() {
    let f = FromParts::first_order(
        2,
        |x: &[f64]| (x[0] * x[0] + x[1] - 11.0).powi(2) + (x[0] + x[1] * x[1] - 7.0).powi(2),
        |x: &[f64], g: &mut [f64]| {
            let (a, b) = (x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0);
            g.copy_from_slice(&[4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]]);
        },
    );
    let starts = MultiStart::in_box(&[-5.0, -5.0], &[5.0, 5.0], 40, 3).unwrap();
    // One point in each of 40 intervals, for each variable.
    for variable in 0..2 {
        let mut cells: Vec<usize> =
            starts.starts().iter().map(|x| ((x[variable] + 5.0) / 10.0 * 40.0) as usize).collect();
        cells.sort_unstable();
        assert_eq!(cells, (0..40).collect::<Vec<_>>());
    }
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| starts.run(&f, Lbfgs::new()))
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(one.minima().len(), 4, "{one:?}");
    for (a, b) in one.runs().iter().zip(three.runs()) {
        assert_eq!(a.as_ref().unwrap(), b.as_ref().unwrap());
    }
    assert_eq!(one.minima(), three.minima());
    let all: usize = one.minima().iter().map(|m| m.runs.len()).sum();
    assert_eq!(all, 40);
    for minimum in one.minima() {
        assert!(one.report(minimum).value < 1e-12);
        assert!(minimum.runs.iter().all(|&i| one.runs()[i].as_ref().unwrap().value >= one.report(minimum).value));
    }
    // Objectives of one thread each: a cell cannot be shared.
    let made = starts.run_with(
        || {
            let calls = std::cell::Cell::new(0);
            FromParts::first_order(
                2,
                move |x: &[f64]| {
                    calls.set(calls.get() + 1);
                    x[0] * x[0] + x[1] * x[1]
                },
                |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 2.0 * x[1]]),
            )
        },
        Lbfgs::new(),
    );
    assert_eq!(made.minima().len(), 1);
    // What does not converge is no minimum, but is reported.
    let down = FromParts::first_order(1, |x: &[f64]| -x[0], |_: &[f64], g: &mut [f64]| g[0] = -1.0);
    let none = MultiStart::from_points([vec![0.0], vec![1.0]]).run(&down, Lbfgs::new());
    assert!(none.minima().is_empty() && none.best().is_none() && none.runs().len() == 2);
    assert_eq!(none.runs()[0].as_ref().unwrap().status, Status::Unbounded);
    assert!(MultiStart::in_box(&[0.0], &[f64::INFINITY], 3, 1).is_err());
    // A test of the user's, one for each run: by gradients, where each run counts its own, and by the gradient.
    let short = starts.clone().stop(|| Stop::gradients(5)).run(&f, Lbfgs::new());
    for run in short.runs() {
        let report = run.as_ref().unwrap();
        assert!(report.status == Status::Stopped(Cause::Gradients) && report.counts.gradients < 12, "{report}");
    }
    assert!(short.minima().is_empty());
    let rough = starts.stop(|| Stop::largest_slope(1e-3)).run(&f, Lbfgs::new());
    assert!(rough.runs().iter().all(|r| r.as_ref().unwrap().status == Status::Converged(Criterion::LargestSlope)));
}
