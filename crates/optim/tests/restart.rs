//! Runs that are kept as text and gone on with: the same bits, the limits of the builder, and errors for states that do not fit.

#![cfg(feature = "serde")]

mod common;

use autodiff_core::{Function, Var};
use common::{problems, scalar};
use optim::line_search::HagerZhang;
use optim::observer::{Record, Unobserved};
use optim::quasi_newton::PairUpdate;
use optim::{
    Acceleration, Adam, BarzilaiBorwein, Bfgs, CubicRegularization, FromParts, GaussNewton, GradientDescent, History,
    Lbfgs, Lbfgsb, LevenbergMarquardt, Lsr1, Method, NewtonCg, NewtonMr, NonlinearCg, OwlQn, ProjectedNewton, Report,
    Solver, Status, StepRule, Stop, TrustRegion, drive,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn rosenbrock() -> common::LeastSquares {
    problems().swap_remove(0)
}

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

/// A run that ended at its seventh iteration goes on to what it would have come to with the limits of the builder.
fn extends<S: Solver<f64>>(first: impl Fn() -> S, resume: impl Fn(&S) -> S, whole: Report<f64>) {
    let mut solver = first();
    while solver.step().unwrap().is_continue() {}
    assert_eq!(solver.progress().counts.iterations, 7);
    assert_eq!(history(resume(&solver)).0, whole);
}

/// The copies of a state with one vector shorter or longer, or one number of a memory of pairs another.
fn damaged(state: &Value) -> Vec<(String, Value)> {
    let mut copies = Vec::new();
    match state {
        Value::Array(entries) => {
            copies.extend(entries.split_last().map(|(_, rest)| (String::new(), rest.to_vec().into())));
            copies.push((String::new(), entries.iter().cloned().chain([7.into()]).collect()));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let numbers: &[u64] = match name.as_str() {
                    "first" | "len" | "capacity" | "dimension" | "order" => &[0, 1, 5, 1000, u64::MAX],
                    _ => &[],
                };
                let changed = numbers.iter().map(|&number| (String::new(), number.into()));
                for (path, copy) in damaged(field).into_iter().chain(changed) {
                    let mut whole = fields.clone();
                    whole.insert(name.clone(), copy);
                    copies.push((format!("{name}.{path}"), whole.into()));
                }
            }
        }
        _ => {}
    }
    copies
}

/// A state that does not fit is an error, and never a panic; where x, the trial point or the gradient is meant, it says so.
fn damages<S, R>(solver: &S, state: impl Fn(&S) -> R, resume: impl Fn(R) -> Result<S, optim::Error>)
where
    S: Solver<f64>,
    R: Serialize + DeserializeOwned,
{
    let whole = serde_json::to_value(state(solver)).unwrap();
    let mut refused = 0;
    for (path, copy) in damaged(&whole) {
        let Ok(state) = serde_json::from_value::<R>(copy) else { continue };
        match resume(state) {
            Ok(mut solver) => {
                assert!(
                    !["now.x.", "now.trial.", "now.gradient."].contains(&path.as_str()),
                    "{path} was not looked at"
                );
                for _ in 0..20 {
                    if !solver.step().is_ok_and(|outcome| outcome.is_continue()) {
                        break;
                    }
                }
            }
            Err(error) => {
                let told = error.to_string();
                assert!(told.contains("has length") || told.contains("state"), "{path}: {told}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 6, "{refused} were refused");
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

/// Also in the middle of rejections.
macro_rules! restarts {
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
            let first = || $method.max_iterations(7).start(&f, &start).unwrap();
            extends(first, |solver| $method.resume(&f, solver.state().clone()).unwrap(), history($method.start(&f, &start).unwrap()).0);
            // Pairs and Krylov spaces are known after some iterations.
            let mut solver = $method.start(&f, &start).unwrap();
            (0..9).for_each(|_| assert!(solver.step().unwrap().is_continue()));
            damages(&solver, |solver| solver.state().clone(), |state| $method.resume(&f, state));
        }
    )*};
}

/// Rosenbrock's function as a closure, whose Taylor coefficients are known; compiled before the first call.
fn quartic() -> impl optim::Objective<f64> {
    let f = Function::new(|x: &[Var]| 100.0 * (x[1] - x[0].square()).square() + (1.0 - x[0]).square());
    f.prepare(&vec![0.0, 0.0]).unwrap();
    f.flat(&vec![0.0, 0.0])
}

/// The residuals of a problem of Moré, Garbow and Hillstrom.
fn residuals(number: usize) -> (impl optim::LeastSquares<f64>, Vec<f64>) {
    let problem = testkit::problems::mgh::problem(number);
    (problem.residual_function().unwrap().flat(&problem.start), problem.start)
}

restarts! {
    lbfgs: Lbfgs::new(), rosenbrock(), rosenbrock().start;
    lbfgs_with_another_search: Lbfgs::new().line_search(HagerZhang::new()).memory(3), rosenbrock(), rosenbrock().start;
    bfgs: Bfgs::new(), rosenbrock(), rosenbrock().start;
    conjugate_gradients: NonlinearCg::hager_zhang(), rosenbrock(), rosenbrock().start;
    polak_ribiere: NonlinearCg::polak_ribiere(), rosenbrock(), rosenbrock().start;
    barzilai_borwein: BarzilaiBorwein::new(), rosenbrock(), rosenbrock().start;
    newton_cg: NewtonCg::new(), rosenbrock(), rosenbrock().start;
    orthants: OwlQn::new(1e-3), rosenbrock(), rosenbrock().start;
    bounds: Lbfgsb::new(&[-3.0, -3.0], &[3.0, 3.0]), rosenbrock(), rosenbrock().start;
    armijo: GradientDescent::new(StepRule::Armijo { initial: 1.0 }).max_iterations(200), rosenbrock(), rosenbrock().start;
    curvature: GradientDescent::new(StepRule::Curvature { fallback: 1.0 }).max_iterations(200), rosenbrock(), rosenbrock().start;
    taylor_flow: GradientDescent::new(StepRule::TaylorFlow { step: 1e-3 }).max_iterations(200), rosenbrock(), rosenbrock().start;
    third_order: GradientDescent::new(StepRule::ThirdOrder { fallback: 1.0 }).max_iterations(200), quartic(), vec![-1.2, 1.0];
    adam: Adam::new(0.02).max_iterations(200), rosenbrock(), rosenbrock().start;
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

/// Tests that compare with what was before: the run remembers it, so that it ends where it would have.
#[test]
fn tests_that_look_back_hold_where_they_would_have() {
    let f = rosenbrock();
    type MakeStop = fn() -> Stop<f64>;
    let stops: [(&str, MakeStop); 5] = [
        ("reduction", || Stop::gradient_reduction(1e-6)),
        ("reduction of slopes", || Stop::largest_slope_reduction(1e-6)),
        ("decrease", || Stop::decrease(1e-6)),
        ("relative decrease", || Stop::relative_decrease(0.2)),
        ("step", || Stop::step(1e-3)),
    ];
    macro_rules! check {
        ($method:expr) => {
            for (name, stop) in stops {
                let run = |solver| drive(solver, Some(stop()), Unobserved).unwrap();
                let whole = run($method.start(&f, &f.start).unwrap());
                for k in 1..whole.counts.iterations {
                    let mut solver = $method.start(&f, &f.start).unwrap();
                    for _ in 0..k {
                        assert!(solver.step().unwrap().is_continue());
                    }
                    let text = serde_json::to_string(&solver.state()).unwrap();
                    let rest = run($method.resume(&f, serde_json::from_str(&text).unwrap()).unwrap());
                    assert_eq!(rest, whole, "{name} at {k}");
                }
            }
        };
    }
    check!(TrustRegion::new().gradient_tolerance(0.0));
    check!(Lbfgs::new().gradient_tolerance(0.0));
    check!(Adam::new(0.02).gradient_tolerance(0.0).max_iterations(300));
}

/// What is neither learnt nor said to be of the state is that of the builder.
#[test]
fn options_are_those_of_the_builder() {
    let f = rosenbrock();
    macro_rules! check {
        ($f:expr, $start:expr, $first:expr, $second:expr) => {{
            let state = $first.start($f, $start).unwrap().state().clone();
            let whole = history($second.start($f, $start).unwrap()).0;
            assert_ne!(whole, history($first.start($f, $start).unwrap()).0, "the options make no difference");
            assert_eq!(history($second.resume($f, state).unwrap()).0, whole);
        }};
    }
    let damped = (PairUpdate::Damp, 0.9);
    check!(&f, &f.start, Lbfgs::new(), Lbfgs::new().pair_update(damped.0, damped.1));
    check!(&f, &f.start, Bfgs::new(), Bfgs::new().pair_update(damped.0, damped.1));
    let (r, x) = residuals(14);
    let straight = LevenbergMarquardt::new().acceleration(Acceleration::None);
    check!(&r, &x, LevenbergMarquardt::new(), straight.clone());
    check!(&r, &x, straight.clone(), LevenbergMarquardt::new());
}

/// The last batch had no gradient, which says nothing of the others: the run goes on where more iterations are allowed.
#[test]
fn a_batch_without_gradient_does_not_end_a_run_that_goes_on() {
    let batch = |i: usize, x: &[f64], g: &mut [f64]| {
        g[0] = if i == 4 { 0.0 } else { x[0] };
        Ok(0.5 * g[0] * g[0])
    };
    let start = |limit| Adam::new(0.1).max_iterations(limit).start_batches(&[3.0], batch).unwrap();
    let mut solver = start(5);
    while solver.step().unwrap().is_continue() {}
    let state = solver.state().clone();
    let resume = |limit| Adam::new(0.1).max_iterations(limit).resume_batches(batch, state.clone()).unwrap();
    assert_eq!(history(resume(40)).0, history(start(40)).0);
    assert_eq!(history(resume(5)).0.status, Status::MaxIterations);
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
        |state| Adam::new(0.1).max_iterations(40).resume_batches(batch, state).unwrap(),
        // Before the first step value and gradient are NaN, which compares to nothing.
        |solver| (history(solver).0, Vec::new()),
    );
}

/// What ended a run by the limits of its first builder is judged by those of the second.
#[test]
fn limits_are_those_of_the_builder() {
    let f = rosenbrock();
    let ended = |method: TrustRegion<f64>| {
        let mut solver = method.start(&f, &f.start).unwrap();
        while solver.step().unwrap().is_continue() {}
        solver.state()
    };
    let rough = ended(TrustRegion::new().gradient_tolerance(1.0));
    let report = history(TrustRegion::new().resume(&f, rough.clone()).unwrap()).0;
    assert!(report.status.is_converged() && report.gradient_norm <= 1.5e-8, "{report}");
    // Fewer iterations than were made, and as rough a gradient.
    let report = history(TrustRegion::new().max_iterations(2).resume(&f, rough.clone()).unwrap()).0;
    assert_eq!(report.status, Status::MaxIterations);
    let same = TrustRegion::new().gradient_tolerance(1.0).resume(&f, rough).unwrap();
    assert!(history(same).0.gradient_norm > 1e-3);
    let low = ended(TrustRegion::new().lower_bound(1.0));
    let report = history(TrustRegion::new().resume(&f, low).unwrap()).0;
    assert!(report.status.is_converged() && report.value < 1e-12, "{report}");
}

/// What the state was made for must be asked for again.
#[test]
fn penalty_bounds_and_rule_are_those_of_the_state() {
    let f = rosenbrock();
    let state = OwlQn::new(0.1).start(&f, &f.start).unwrap().state().clone();
    let error = OwlQn::new(0.2).resume(&f, state).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "owl-qn: lambda is 0.2, expected that of the state");
    let state = Lbfgsb::new(&[-3.0; 2], &[3.0; 2]).start(&f, &f.start).unwrap().state().clone();
    let error = Lbfgsb::new(&[-3.0; 2], &[4.0; 2]).resume(&f, state).map(drop).unwrap_err();
    assert!(error.to_string().contains("lower and upper is another box, expected that of the state"), "{error}");
    let rule = |step| GradientDescent::new(StepRule::Fixed { step });
    let state = rule(1e-3).start(&f, &f.start).unwrap().state().clone();
    let error = rule(1e-4).resume(&f, state).map(drop).unwrap_err();
    assert!(error.to_string().contains("rule is Fixed { step: 0.0001 }"), "{error}");
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
    let error = Lbfgs::new().resume(&other, solver.state().clone()).map(drop).unwrap_err();
    assert!(matches!(error, optim::Error::Length { expected: 1, found: 2, .. }));
}
