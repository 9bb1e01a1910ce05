//! The front end: stopping tests and their causes, observers, histories, counts, many starts, and restarts to the bit.

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
    let report = run(Stop::target(-1.0) | Stop::iterations(200));
    assert!(report.gradient_norm < 1e-12, "{report}");
    // Only the other tests are left: what the method cannot do any more ends the run.
    assert_ne!(report.status, Status::Converged(Criterion::LargestSlope));
    let plain = minimize(&f, &f.start).run().unwrap();
    assert_eq!(plain, TrustRegion::new().minimize(&f, &f.start).unwrap());
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
    fn check<M: Method<f64>>(f: &Counted<common::LeastSquares>, x: &[f64], method: M) {
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

#[cfg(feature = "serde")]
mod restart {
    use super::*;
    use common::scalar;
    use optim::line_search::HagerZhang;
    use optim::{GaussNewton, LevenbergMarquardt, ProjectedNewton, Solver, drive};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    /// Runs to the end; and to iteration `k`, through text, and from there to the end: the same bits.
    fn check<'f, S, R>(
        name: &str,
        start: impl Fn() -> S,
        state: impl Fn(&S) -> R,
        resume: impl Fn(R) -> S,
        history: impl Fn(S) -> (Report<f64>, Vec<Record<f64>>),
    ) where
        S: Solver<f64> + 'f,
        R: Serialize + DeserializeOwned,
    {
        let (whole, records) = history(start());
        assert!(whole.counts.iterations > 15, "{name}: {whole}");
        for k in [0, 1, 2, 7, 15] {
            let mut solver = start();
            for _ in 0..k {
                assert!(solver.step().unwrap().is_continue());
            }
            let text = serde_json::to_string(&state(&solver)).unwrap();
            drop(solver);
            let (rest, later) = history(resume(serde_json::from_str(&text).unwrap()));
            assert_eq!(rest, whole, "{name} at {k}");
            assert!(rest.x.iter().zip(&whole.x).all(|(a, b)| a.to_bits() == b.to_bits()), "{name} at {k}");
            assert_eq!(later, records[k.min(records.len())..], "{name} at {k}");
        }
    }

    fn history<S: Solver<f64>>(solver: S) -> (Report<f64>, Vec<Record<f64>>) {
        let mut history = History::new();
        let report = drive(solver, None, &mut history).unwrap();
        (report, history.records().to_vec())
    }

    macro_rules! restarts {
        ($($name:ident: $method:expr;)*) => {$(
            #[test]
            fn $name() {
                let f = rosenbrock();
                check(
                    stringify!($name),
                    || $method.start(&f, &f.start).unwrap(),
                    |solver| solver.state().clone(),
                    |state| resume(&f, &$method, state),
                    history,
                );
            }
        )*};
    }

    /// The solver of the method the state came from.
    trait Resumes<'o, O>: Sized {
        type State;
        fn resume(objective: &'o O, state: Self::State) -> Self;
    }

    macro_rules! resumes {
        ($([$($g:tt)*] $solver:ty, $state:ty;)*) => {$(
            impl<'o, O: Objective<f64>, $($g)*> Resumes<'o, O> for $solver {
                type State = $state;
                fn resume(objective: &'o O, state: $state) -> Self {
                    <$solver>::resume(objective, state).unwrap()
                }
            }
        )*};
    }

    resumes! {
        [D: optim::Direction<f64>, L: optim::LineSearch<f64>] optim::DescentSolver<'o, f64, O, D, L>, optim::DescentState<f64, D, L>;
        [] optim::GradientDescentSolver<'o, f64, O>, optim::GradientDescentState<f64>;
        [] optim::NewtonCgSolver<'o, f64, O>, optim::newton_cg::NewtonCgState<f64>;
        [] optim::LbfgsbSolver<'o, f64, O>, optim::lbfgsb::LbfgsbState<f64>;
        [] optim::OwlQnSolver<'o, f64, O>, optim::owl_qn::OwlQnState<f64>;
        [] optim::AdamSolver<f64, optim::FullBatch<'o, O>>, optim::AdamRun<f64>;
    }

    fn resume<'o, M, S, O>(objective: &'o O, _: &M, state: S::State) -> S
    where
        M: Method<f64, Solver<'o, O> = S>,
        O: Objective<f64>,
        S: Resumes<'o, O> + Solver<f64> + 'o,
    {
        S::resume(objective, state)
    }

    restarts! {
        lbfgs: Lbfgs::new();
        lbfgs_with_another_search: Lbfgs::new().line_search(HagerZhang::new()).memory(3);
        bfgs: Bfgs::new();
        conjugate_gradients: NonlinearCg::hager_zhang();
        polak_ribiere: NonlinearCg::polak_ribiere();
        barzilai_borwein: BarzilaiBorwein::new();
        newton_cg: NewtonCg::new();
        orthants: OwlQn::new(1e-3);
        bounds: Lbfgsb::new(&[-3.0, -3.0], &[3.0, 3.0]);
        armijo: GradientDescent::new(StepRule::Armijo { initial: 1.0 }).max_iterations(200);
        curvature: GradientDescent::new(StepRule::Curvature { fallback: 1.0 }).max_iterations(200);
        taylor_flow: GradientDescent::new(StepRule::TaylorFlow { step: 1e-3 }).max_iterations(200);
        adam: Adam::new(0.02).max_iterations(200);
    }

    /// Also in the middle of rejections, and of leaving a saddle.
    #[test]
    fn trust_region() {
        let f = rosenbrock();
        for method in [TrustRegion::new(), TrustRegion::new().radius(100.0)] {
            check(
                "trust region",
                || method.clone().start(&f, &f.start).unwrap(),
                |solver| solver.state(),
                |state| method.clone().resume(&f, state).unwrap(),
                history,
            );
        }
        let saddle = FromParts::new(
            2,
            |x: &[f64]| 0.25 * x[0].powi(4) - 0.5 * x[0] * x[0] + x[1].cosh(),
            |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0].powi(3) - x[0], x[1].sinh()]),
            |x: &[f64], v: &[f64], hv: &mut [f64]| {
                hv.copy_from_slice(&[(3.0 * x[0] * x[0] - 1.0) * v[0], x[1].cosh() * v[1]]);
            },
        );
        let start = || TrustRegion::new().radius(1e-3).start(&saddle, &[0.0, 3.0]).unwrap();
        let (whole, records) = history(start());
        assert!(whole.status.is_converged() && whole.value < 0.8, "{whole}");
        for k in 0..whole.counts.iterations {
            let mut solver = start();
            for _ in 0..k {
                assert!(solver.step().unwrap().is_continue());
            }
            let text = serde_json::to_string(&solver.state()).unwrap();
            let state = serde_json::from_str(&text).unwrap();
            let (rest, later) = history(TrustRegion::new().resume(&saddle, state).unwrap());
            assert_eq!((&rest, &later[..]), (&whole, &records[k..]), "at {k}");
        }
    }

    /// Methods whose options are no part of their states: the builder goes on with them. Also in the middle of rejections.
    macro_rules! resumes_by_builder {
        ($($name:ident: $method:expr, $f:expr, $start:expr;)*) => {$(
            #[test]
            fn $name() {
                let (f, start) = ($f, $start);
                check(
                    stringify!($name),
                    || $method.start(&f, &start).unwrap(),
                    |solver| solver.state().clone(),
                    |state| $method.resume(&f, state).unwrap(),
                    history,
                );
            }
        )*};
    }

    /// The residuals of a problem of Moré, Garbow and Hillstrom.
    fn residuals(number: usize) -> (impl optim::LeastSquares<f64>, Vec<f64>) {
        let problem = testkit::problems::mgh::problem(number);
        (problem.residual_function().unwrap().flat(&problem.start), problem.start)
    }

    resumes_by_builder! {
        cubic_regularization: CubicRegularization::new(), rosenbrock(), rosenbrock().start;
        cubic_regularization_of_long_steps: CubicRegularization::new().weight(1e-4), rosenbrock(), rosenbrock().start;
        newton_mr: NewtonMr::new(), rosenbrock(), rosenbrock().start;
        symmetric_rank_one: Lsr1::new(), rosenbrock(), rosenbrock().start;
        symmetric_rank_one_of_two_pairs: Lsr1::new().memory(2), rosenbrock(), rosenbrock().start;
        projected_newton: ProjectedNewton::new(&[-3.0; 2], &[3.0; 2]), rosenbrock(), rosenbrock().start;
        projected_newton_of_long_steps:
            ProjectedNewton::new(&[-3.0; 2], &[3.0; 2]).radius(100.0), rosenbrock(), rosenbrock().start;
        levenberg_marquardt: LevenbergMarquardt::new(), residuals(14).0, residuals(14).1;
        levenberg_marquardt_of_long_steps: LevenbergMarquardt::new().radius_factor(10.0), residuals(23).0, residuals(23).1;
        gauss_newton: GaussNewton::new().gradient_tolerance(0.0).max_iterations(30), residuals(13).0, residuals(13).1;
    }

    /// Mini-batches go on with the number of the next.
    #[test]
    fn adam_on_batches() {
        let batch = |i: usize, x: &[f64], g: &mut [f64]| {
            g[0] = x[0] - (i as f64).sin();
            Ok(0.5 * g[0] * g[0])
        };
        let start = || Adam::new(0.1).max_iterations(40).start_batches(&[3.0], batch).unwrap();
        check(
            "batches",
            start,
            |solver| solver.state().clone(),
            |state| optim::AdamSolver::resume_batches(batch, state).unwrap(),
            // Before the first step value and gradient are NaN, which compares to nothing.
            |solver| (history(solver).0, Vec::new()),
        );
    }

    /// A builder that goes on with a state is asked what one that starts is.
    #[test]
    fn options_without_sense_are_named_at_a_restart() {
        let (f, (r, x)) = (rosenbrock(), residuals(14));
        macro_rules! refuses {
            ($problem:expr, $start:expr, $sound:expr, $($wrong:expr => $named:literal,)*) => {$(
                let state = $sound.start(&$problem, &$start).unwrap().state().clone();
                let error = $wrong.resume(&$problem, state).map(drop).unwrap_err().to_string();
                assert!(error.contains($named), "{error}");
            )*};
        }
        refuses! { f, f.start, TrustRegion::new(),
            TrustRegion::new().accept(0.25) => "accept is 0.25",
            TrustRegion::new().forcing(optim::Forcing::Constant(1.0)) => "forcing tolerance is 1",
            TrustRegion::new().gradient_tolerance(-1.0) => "gradient_tolerance is -1",
        }
        refuses! { f, f.start, CubicRegularization::new(),
            CubicRegularization::new().weight(0.0) => "weight is 0",
            CubicRegularization::new().min_weight(f64::NAN) => "min_weight is NaN",
        }
        refuses! { f, f.start, NewtonMr::new(), NewtonMr::new().value_scale(-1.0) => "value_scale is -1", }
        refuses! { f, f.start, Lsr1::new(), Lsr1::new().radius(f64::NAN) => "radius is NaN", }
        let (low, high) = ([-3.0; 2], [3.0; 2]);
        refuses! { f, f.start, ProjectedNewton::new(&low, &high),
            ProjectedNewton::new(&high, &low) => "lower is 3",
            ProjectedNewton::new(&low[..1], &high) => "lower has length 1",
        }
        refuses! { r, x, LevenbergMarquardt::new(),
            LevenbergMarquardt::new().radius_factor(-1.0) => "radius_factor is -1",
            LevenbergMarquardt::new().linear_tolerance(f64::NAN) => "linear_tolerance is NaN",
        }
        refuses! { r, x, GaussNewton::new(), GaussNewton::new().damping(-1.0) => "damping is -1", }
    }

    #[test]
    fn a_state_goes_only_with_an_objective_of_its_dimension() {
        let f = rosenbrock();
        let solver = Lbfgs::new().start(&f, &f.start).unwrap();
        let other = scalar(|x| x, |_| 1.0, |_| 0.0);
        let error = optim::LbfgsSolver::resume(&other, solver.state().clone()).map(drop).unwrap_err();
        assert!(matches!(error, optim::Error::Length { expected: 1, found: 2, .. }));
    }
}
