//! Quasi-Newton methods along lines: the problems, the laws of the pairs, and what happens when things go wrong.

mod common;

use common::{Asked, Counted, LeastSquares, distance, dot, fails_once, norm, problems, random, scalar};
use optim::line_search::{Backtracking, HagerZhang};
use optim::quasi_newton::{InitialScale, PairFate, PairUpdate, Step};
use optim::{
    Bfgs, Error, FromParts, Lbfgs, LbfgsInverse, LinearOperator, LocalModel, Lsr1, Lsr1Operator, Objective, Place,
    Report, Solver, Status,
};
use std::cell::Cell;
use std::ops::ControlFlow;

fn check(name: &str, problem: &Counted<LeastSquares>, report: &Report<f64>) {
    assert!(report.status.is_converged(), "{name}: {report}");
    // As in problems.rs: Powell's singular function is the worst, with f ~ ‖g‖^(4/3).
    let off = problem.inner.minima.iter().map(|m| (report.value - m).abs()).fold(f64::INFINITY, f64::min);
    assert!(off <= 1e-10, "{name}: off by {off:e}, {report}");
    let counts = report.counts;
    assert_eq!(problem.found(), [counts.values, counts.gradients, counts.products], "{name}");
    assert_eq!(counts.products, 0, "{name}");
    // A few times what is measured, 38 to 160 iterations, and 528 along the chained valley of 100 variables, where ten
    // pairs of L-SR1 take 6700.
    let chained = if name.ends_with("lsr1") { 100 } else { 8 };
    assert!(counts.iterations <= 200 + chained * report.x.len(), "{name}: {report}");
}

#[test]
fn every_problem_is_solved_with_every_search() {
    for index in 0..problems().len() {
        let run = |method: &str, run: &dyn Fn(&Counted<LeastSquares>, &[f64]) -> Result<Report<f64>, Error>| {
            let problem = Counted::new(problems().swap_remove(index));
            let report = run(&problem, &problem.inner.start).unwrap();
            check(&format!("{}, {method}", problem.inner.name), &problem, &report);
            assert_eq!(report.value, problem.inner.value(&report.x).unwrap());
        };
        let lbfgs = || Lbfgs::new().gradient_tolerance(1e-8);
        run("Moré-Thuente", &|f, x| lbfgs().minimize(f, x));
        run("Hager-Zhang", &|f, x| lbfgs().line_search(HagerZhang::new()).minimize(f, x));
        run("backtracking", &|f, x| lbfgs().line_search(Backtracking::new()).minimize(f, x));
        run("damped", &|f, x| lbfgs().pair_update(PairUpdate::Damp, 1e-10).minimize(f, x));
        run("bfgs", &|f, x| Bfgs::new().gradient_tolerance(1e-8).minimize(f, x));
        run("lsr1", &|f, x| Lsr1::new().gradient_tolerance(1e-8).minimize(f, x));
    }
}

/// H₊ = V H Vᵀ + s sᵀ/sᵀy with V = I − s yᵀ/sᵀy, written out.
fn dense_update(h: &[Vec<f64>], s: &[f64], y: &[f64]) -> Vec<Vec<f64>> {
    let n = s.len();
    let sy = dot(s, y);
    let v = |i: usize, j: usize| f64::from(u8::from(i == j)) - s[i] * y[j] / sy;
    let mut next = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..n {
            let middle: f64 =
                (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).map(|(a, b)| v(i, a) * h[a][b] * v(j, b)).sum();
            next[i][j] = middle + s[i] * s[j] / sy;
        }
    }
    next
}

#[test]
fn the_recursion_is_the_dense_inverse_of_bfgs() {
    let n = 6;
    for seed in 0..50 {
        for (memory, scale) in [(3, InitialScale::Newest), (usize::MAX, InitialScale::First)] {
            let mut inverse = LbfgsInverse::new(n, memory).initial_scale(scale);
            let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
            for k in 0..8 {
                let (s, noise) = (random(n, 100 * seed + k), random(n, 7000 + 100 * seed + k));
                let y: Vec<f64> = s.iter().zip(&noise).map(|(s, e)| 2.0 * s + e).collect();
                let zero = vec![0.0; n];
                let fate = inverse.learn(&Step { from: &zero, to: &s, gradient_from: &zero, gradient_to: &y });
                // Nearly orthogonal pairs would ask for more digits of the dense form than it has.
                assert_eq!(fate, if dot(&s, &y) > 0.0 { PairFate::Stored } else { PairFate::Skipped });
                if fate == PairFate::Stored {
                    pairs.push((s, y));
                }
            }
            let kept = &pairs[pairs.len().saturating_sub(memory)..];
            assert_eq!(inverse.pairs().len(), kept.len());
            let (s, y) = if scale == InitialScale::First { &pairs[0] } else { &kept[kept.len() - 1] };
            let gamma = dot(s, y) / dot(y, y);
            let mut h: Vec<Vec<f64>> =
                (0..n).map(|i| (0..n).map(|j| if i == j { gamma } else { 0.0 }).collect()).collect();
            for (s, y) in kept {
                h = dense_update(&h, s, y);
            }
            let v = random(n, seed);
            let expected: Vec<f64> = h.iter().map(|row| dot(row, &v)).collect();
            let mut found = vec![0.0; n];
            inverse.apply(&v, &mut found).unwrap();
            let size = h.iter().map(|row| norm(row)).fold(0.0, f64::max);
            assert!(distance(&found, &expected) <= 1e-12 * size, "{seed}: {found:?} {expected:?}");
        }
    }
}

/// B₊ = B + r rᵀ/rᵀs with r = y − B s, written out; σ fixed by pairs of the same scale, sᵀy < 0 for most.
#[test]
fn the_compact_form_is_the_dense_matrix_of_symmetric_rank_one() {
    let n = 6;
    for seed in 0..50 {
        let mut b = Lsr1Operator::new(n, 4);
        let mut dense: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        for k in 0..4 {
            let (s, noise) = (random(n, 100 * seed + k), random(n, 7000 + 100 * seed + k));
            let mut y: Vec<f64> = s.iter().zip(&noise).map(|(s, e)| e - 0.5 * s).collect();
            if dot(&s, &y) > 0.0 {
                y.iter_mut().for_each(|y| *y = -*y); // sᵀy < 0 keeps σ = 1
            }
            let zero = vec![0.0; n];
            let step = Step { from: &zero, to: &s, gradient_from: &zero, gradient_to: &y };
            assert!(b.learn(&step));
            let bs: Vec<f64> = dense.iter().map(|row| dot(row, &s)).collect();
            let r: Vec<f64> = y.iter().zip(&bs).map(|(y, bs)| y - bs).collect();
            let rs = dot(&r, &s);
            for i in 0..n {
                for j in 0..n {
                    dense[i][j] += r[i] * r[j] / rs;
                }
            }
            let mut bs = vec![0.0; n];
            b.apply(&s, &mut bs).unwrap();
            assert!(distance(&bs, &y) <= 1e-9 * norm(&y), "the secant equation");
        }
        let v = random(n, seed);
        let expected: Vec<f64> = dense.iter().map(|row| dot(row, &v)).collect();
        let mut found = vec![0.0; n];
        b.apply(&v, &mut found).unwrap();
        let size = dense.iter().map(|row| norm(row)).fold(0.0, f64::max);
        assert!(distance(&found, &expected) <= 1e-9 * size, "{seed}: {found:?} {expected:?}");
        // A pair the matrix predicts has nothing to teach.
        let zero = vec![0.0; n];
        assert!(!b.learn(&Step { from: &zero, to: &v, gradient_from: &zero, gradient_to: &found }));
    }
}

#[test]
fn pairs_without_curvature_are_skipped_or_damped() {
    let zero = [0.0; 2];
    let step = |s: &'static [f64; 2], y: &'static [f64; 2]| Step {
        from: &[0.0; 2],
        to: s,
        gradient_from: &[0.0; 2],
        gradient_to: y,
    };
    let good = step(&[1.0, 0.0], &[2.0, 0.5]);
    let bad: [(&'static [f64; 2], &'static [f64; 2]); 6] = [
        (&[1.0, 1.0], &[-1.0, 0.0]),
        (&[1.0, 0.0], &[0.0, 1.0]),
        (&[1e-3, 1e3], &[1e3, -0.999_999_999_999e-3]),
        (&[0.0, 0.0], &[1.0, 0.0]),
        (&[1.0, 0.0], &[f64::NAN, 0.0]),
        (&[1.0, 0.0], &[1.0, f64::INFINITY]),
    ];
    for (s, y) in bad {
        let mut skip = LbfgsInverse::new(2, 5);
        assert_eq!(skip.learn(&good), PairFate::Stored);
        assert_eq!(skip.learn(&step(s, y)), PairFate::Skipped, "{s:?} {y:?}");
        let mut damp = LbfgsInverse::new(2, 5).pair_update(PairUpdate::Damp, 1e-10);
        damp.learn(&good);
        let expected = if y.iter().all(|y| y.is_finite()) { PairFate::Damped } else { PairFate::Skipped };
        assert_eq!(damp.learn(&step(s, y)), expected, "{s:?} {y:?}");
        for inverse in [&mut skip, &mut damp] {
            // H stays positive definite.
            for v in [[1.0, 0.0], [0.0, 1.0], [1.0, -1.0], [0.3, 2.0]] {
                let mut hv = zero;
                inverse.apply(&v, &mut hv).unwrap();
                assert!(dot(&v, &hv) > 0.0, "{s:?} {y:?} {v:?}");
            }
        }
    }
}

/// f(x, y) = (x − 1)² + (y − 1)², wrong by its answer to the `n`th gradient: a quarter turn.
struct Misled {
    calls: Cell<usize>,
    wrong: usize,
}

struct MisledModel([f64; 2], f64);

impl LocalModel<f64> for MisledModel {
    fn value(&self) -> f64 {
        self.1
    }
    fn gradient(&self) -> &[f64] {
        &self.0
    }
    fn hvp(&mut self, _: &[f64], _: &mut [f64]) -> Result<(), optim::ObjectiveError> {
        unreachable!("a method of the gradient asks for no products")
    }
}

impl Objective<f64> for Misled {
    type Model<'a> = MisledModel;
    fn dimension(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64]) -> Result<f64, optim::ObjectiveError> {
        Ok(x[0].powi(4) + 10.0 * x[1] * x[1])
    }
    fn at(&self, x: &[f64]) -> Result<MisledModel, optim::ObjectiveError> {
        self.calls.set(self.calls.get() + 1);
        let g = [4.0 * x[0].powi(3), 20.0 * x[1]];
        let g = if self.calls.get() == self.wrong { [-g[1], g[0]] } else { g };
        Ok(MisledModel(g, self.value(x)?))
    }
}

/// One wrong gradient spoils the pairs and the direction; the memory is dropped and the run recovers, whichever it was.
#[test]
fn a_failed_search_drops_the_memory_and_tries_the_gradient_once() {
    for wrong in 2..9 {
        let f = Misled { calls: Cell::new(0), wrong };
        let mut solver = Lbfgs::new().gradient_tolerance(1e-6).start(&f, &[1.5, 1.0]).unwrap();
        let status = loop {
            if let ControlFlow::Break(status) = solver.step().unwrap() {
                break status;
            }
        };
        let report = solver.into_report(status);
        // A wrong gradient at the current point cannot be told from a wrong function: the run may end there.
        let value = f.value(&report.x).unwrap();
        assert!(report.status.is_converged() || report.status == Status::NoProgress, "{wrong}: {report}");
        assert!(report.counts.gradients < 250, "{wrong}: {report}");
        assert_eq!(report.value, value);
    }
    // Ascent for a gradient: two searches fail, and that is all.
    let lies = scalar(|x| x, |_| -1.0, |_| 0.0);
    let report = Lbfgs::new().minimize(&lies, &[1.0]).unwrap();
    assert_eq!(report.status, Status::NoProgress);
    assert!(report.counts.gradients <= 1 + 40, "{report}");
}

/// Once a wall stands around the point that is open along −g alone, the pairs lead into it: their search fails, the memory
/// is dropped, and every later trial of the iteration lies on −g.
#[test]
fn after_a_failed_search_the_next_goes_along_the_gradient_with_an_empty_memory() {
    use std::cell::RefCell;
    let gradient_at = |x: &[f64]| [x[0], 100.0 * x[1], 7.0 * x[2]];
    let wall: RefCell<Option<[Vec<f64>; 2]>> = RefCell::default();
    let trials = RefCell::new(Vec::new());
    let is_open = |y: &[f64]| {
        wall.borrow().as_ref().is_none_or(|[x, g]| {
            let d: Vec<f64> = y.iter().zip(x).map(|(y, x)| y - x).collect();
            let along = -dot(&d, g) >= (1.0 - 1e-9) * norm(&d) * norm(g);
            // Nearer to x the direction of y − x is rounding.
            if norm(&d) > 1e-9 {
                trials.borrow_mut().push(along);
            }
            along
        })
    };
    let f = FromParts::first_order(
        3,
        |x: &[f64]| 0.5 * dot(x, &gradient_at(x)) + if is_open(x) { 0.0 } else { 1e6 },
        |x: &[f64], g: &mut [f64]| g.copy_from_slice(&gradient_at(x)),
    );
    let mut solver = Lbfgs::new().start(&f, &[3.0, 1.0, -2.0]).unwrap();
    for _ in 0..3 {
        assert!(solver.step().unwrap().is_continue());
    }
    let now = solver.progress();
    let before = now.value;
    *wall.borrow_mut() = Some([now.x.to_vec(), now.gradient.to_vec()]);
    assert!(solver.step().unwrap().is_continue());
    let after = solver.progress();
    assert!(after.accepted && after.value < before);
    let trials = trials.borrow();
    let first = trials.iter().position(|&along| along).unwrap();
    assert!(first >= 1 && trials[first..].iter().all(|&along| along), "{trials:?}");
    // Both searches are short.
    assert!(first <= 40 && trials.len() - first <= 40, "{trials:?}");
}

/// log(x) − 1/x … the function is NaN for x ≤ 0 and steep beside it: no trial there is accepted.
#[test]
fn trial_points_that_are_not_finite_shorten_the_step() {
    let f = Counted::new(FromParts::first_order(
        2,
        |x: &[f64]| x[0] - x[0].ln() + (x[1] - 2.0).powi(2) * x[0].sqrt(),
        |x: &[f64], g: &mut [f64]| {
            g[0] = 1.0 - 1.0 / x[0] + 0.5 * (x[1] - 2.0).powi(2) / x[0].sqrt();
            g[1] = 2.0 * (x[1] - 2.0) * x[0].sqrt();
        },
    ));
    for start in [[1e-3, -5.0], [40.0, 12.0], [1e-9, 2.0]] {
        let methods: [Report<f64>; 5] = [
            Lbfgs::new().minimize(&f, &start).unwrap(),
            Lbfgs::new().line_search(HagerZhang::new()).minimize(&f, &start).unwrap(),
            Lbfgs::new().line_search(Backtracking::new()).minimize(&f, &start).unwrap(),
            Bfgs::new().minimize(&f, &start).unwrap(),
            Lsr1::new().minimize(&f, &start).unwrap(),
        ];
        for report in methods {
            assert!(report.status.is_converged(), "{start:?}: {report}");
            assert!(distance(&report.x, &[1.0, 2.0]) < 1e-6, "{start:?}: {report}");
        }
    }
}

#[test]
fn what_is_not_finite_is_named() {
    let status = |f: &dyn Fn(f64) -> f64, d: &dyn Fn(f64) -> f64, x: f64| {
        let f = scalar(f, d, |_| 0.0);
        let lbfgs = Lbfgs::new().minimize(&f, &[x]).unwrap();
        assert!(lbfgs.counts.gradients < 200, "{lbfgs}");
        assert_eq!(lbfgs.status, Bfgs::new().minimize(&f, &[x]).unwrap().status);
        lbfgs.status
    };
    assert_eq!(status(&|_| f64::NAN, &|_| 1.0, 1.0), Status::NonFinite(Place::StartValue));
    assert_eq!(status(&|x| x, &|_| f64::INFINITY, 1.0), Status::NonFinite(Place::StartGradient));
    assert_eq!(status(&|x| x, &|_| 1.0, f64::NAN), Status::NonFinite(Place::Point));
    let island = |x: f64| if x == 1.0 { 1.0 } else { f64::NAN };
    assert_eq!(status(&island, &|_| 1.0, 1.0), Status::NonFinite(Place::Value));
    assert_eq!(status(&|x| -x.exp(), &|x| -x.exp(), 0.0), Status::Unbounded);
    assert_eq!(status(&|x| -x, &|_| -1.0, 0.0), Status::Unbounded);
}

/// Penalty I and Powell's badly scaled function have huge gradients at the start: a test relative to them would stop at
/// once, far from the minimum. The default is absolute.
#[test]
fn a_huge_first_gradient_makes_no_false_convergence() {
    let penalty = FromParts::first_order(
        10,
        |x: &[f64]| {
            let sum: f64 = x.iter().map(|x| x * x).sum::<f64>() - 0.25;
            1e-5 * x.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>() + sum * sum
        },
        |x: &[f64], g: &mut [f64]| {
            let sum: f64 = x.iter().map(|x| x * x).sum::<f64>() - 0.25;
            for (g, x) in g.iter_mut().zip(x) {
                *g = 2e-5 * (x - 1.0) + 4.0 * sum * x;
            }
        },
    );
    let start: Vec<f64> = (1..=10).map(f64::from).collect();
    let report = Lbfgs::new().minimize(&penalty, &start).unwrap();
    // Its minimum to ten digits (Moré, Garbow, Hillstrom, problem 23).
    assert!((report.value - 7.087_651_467_090_37e-5).abs() < 1e-12, "{report}");
    assert!(report.status.is_converged(), "{report}");

    let powell = FromParts::first_order(
        2,
        |x: &[f64]| (1e4 * x[0] * x[1] - 1.0).powi(2) + ((-x[0]).exp() + (-x[1]).exp() - 1.0001).powi(2),
        |x: &[f64], g: &mut [f64]| {
            let (a, b) = (1e4 * x[0] * x[1] - 1.0, (-x[0]).exp() + (-x[1]).exp() - 1.0001);
            g[0] = 2e4 * a * x[1] - 2.0 * b * (-x[0]).exp();
            g[1] = 2e4 * a * x[0] - 2.0 * b * (-x[1]).exp();
        },
    );
    let report = Lbfgs::new().minimize(&powell, &[0.0, 1.0]).unwrap();
    assert!(report.value < 1e-12 && (report.x[1] - 9.106).abs() < 1e-2, "{report}");
}

#[test]
fn two_runs_give_the_same_bits() {
    for problem in problems() {
        let run = || Lbfgs::new().minimize(&problem, &problem.start).unwrap();
        let (a, b) = (run(), run());
        assert!(a.x.iter().zip(&b.x).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", problem.name);
        assert_eq!(a, b);
    }
}

#[test]
fn a_failed_gradient_can_be_repeated() {
    for problem in problems() {
        let start = problem.start.clone();
        let smooth = Lbfgs::new().minimize(&problem, &start).unwrap();
        let failing = fails_once(problem, Asked::Gradient);
        let mut solver = Lbfgs::new().start(&failing, &start).unwrap();
        let mut errors = 0;
        let report = loop {
            match solver.step() {
                Ok(ControlFlow::Break(status)) => break solver.into_report(status),
                Ok(ControlFlow::Continue(())) => {}
                Err(_) => errors += 1,
            }
        };
        assert_eq!(errors, 1);
        assert_eq!((report.x, report.status), (smooth.x, smooth.status));
    }
}

#[test]
fn options_without_sense_are_named() {
    let f = scalar(|x| x * x, |x| 2.0 * x, |_| 2.0);
    let message = |method: Lbfgs<f64>| method.minimize(&f, &[1.0]).unwrap_err().to_string();
    assert_eq!(message(Lbfgs::new().memory(0)), "lbfgs: memory is 0, expected at least 1");
    assert!(message(Lbfgs::new().pair_update(PairUpdate::Skip, 1.0)).contains("threshold is 1"));
    let error = Lbfgs::new().minimize(&f, &[]).unwrap_err();
    assert!(matches!(error, Error::Length { expected: 1, found: 0, .. }));
    assert_eq!(f.found(), [0, 0, 0]);
}

/// Every constant of the searches and the pairs is in units of the precision.
#[test]
fn single_precision_converges_too() {
    let f = FromParts::first_order(
        2,
        |x: &[f32]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
        |x: &[f32], g: &mut [f32]| {
            let b = x[1] - x[0] * x[0];
            g.copy_from_slice(&[-2.0 * (1.0 - x[0]) - 400.0 * x[0] * b, 200.0 * b]);
        },
    );
    let start = [-1.2_f32, 1.0];
    for report in [
        Lbfgs::new().minimize(&f, &start).unwrap(),
        Lbfgs::new().line_search(HagerZhang::new()).minimize(&f, &start).unwrap(),
        Bfgs::new().minimize(&f, &start).unwrap(),
        Lsr1::new().minimize(&f, &start).unwrap(),
    ] {
        // ‖g‖ ≤ √ε = 3.5e-4, over the smallest eigenvalue 0.4.
        assert!(report.status.is_converged(), "{report}");
        assert!((report.x[0] - 1.0).abs() < 1e-3 && (report.x[1] - 1.0).abs() < 2e-3, "{report}");
    }
}
