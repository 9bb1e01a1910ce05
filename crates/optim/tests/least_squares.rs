//! Least squares: the products of residual functions, damped problems in a kept space, and the two methods.

mod common;

use autodiff_core::{Function, Var};
use common::{distance, dot, norm, random};
use optim::{
    Acceleration, Bidiagonal, Criterion, Error, Expansion, GaussNewton, HalfSquares, LeastSquares, LevenbergMarquardt,
    LocalModel, Lsmr, Objective, ObjectiveError, Place, RectangularFn, Report, ResidualModel, Scaling, Solver, Status,
};
use std::cell::Cell;
use testkit::problems::mgh;

fn residuals() -> Function<'static, [Var], Vec<Var>> {
    Function::new(|x: &[Var]| {
        vec![x[0] * x[1].exp(), x[2].sin() - x[0], x[1] * x[2], (x[0] + x[2]).square(), x[1] * 2.0]
    })
}

#[test]
fn products_of_a_function_are_those_of_its_jacobian() {
    let f = residuals();
    let x = vec![0.3, -0.7, 1.2];
    let flat = f.flat(&x);
    let mut model = flat.model_at(&x).unwrap();
    let j = f.jacobian(&x).unwrap();
    let (v, u) = (random(3, 1), random(5, 2));
    let (mut jv, mut ju, mut second) = (vec![0.0; 5], vec![0.0; 3], vec![0.0; 5]);
    model.jvp(&v, &mut jv).unwrap();
    model.vjp(&u, &mut ju).unwrap();
    let expected: Vec<f64> = j.rows().into_iter().map(|row| dot(row.as_slice().unwrap(), &v)).collect();
    assert!(distance(&jv, &expected) < 1e-14);
    assert!((dot(&jv, &u) - dot(&v, &ju)).abs() < 1e-14);
    model.second_derivative(&v, &mut second).unwrap();
    // Central second difference at h = ε^¼: truncation and rounding both about 1e-8.
    let h = f64::EPSILON.powf(0.25);
    let at = |t: f64| {
        let mut r = Vec::new();
        flat.residual(&x.iter().zip(&v).map(|(x, v)| x + t * v).collect::<Vec<_>>(), &mut r).unwrap();
        r
    };
    let (before, here, after) = (at(-h), at(0.0), at(h));
    assert_eq!(here, model.residual());
    for i in 0..5 {
        let difference = (before[i] - 2.0 * here[i] + after[i]) / (h * h);
        assert!((difference - second[i]).abs() < 1e-6, "{i}: {difference} {}", second[i]);
    }
    assert!(model.jvp(&v[..2], &mut jv).is_err() && model.vjp(&u[..3], &mut ju).is_err());
    assert!(flat.model_at(&x[..2]).is_err());

    let half = HalfSquares::new(f.flat(&x));
    let mut model = half.at(&x).unwrap();
    assert_eq!(model.value(), half.value(&x).unwrap());
    let mut ggn = vec![0.0; 3];
    model.ggn(&v, &mut ggn).unwrap();
    assert!(distance(&ggn, &j.t().dot(&ndarray::arr1(&expected)).to_vec()) < 1e-13);
    assert!(distance(model.gradient(), &j.t().dot(&ndarray::arr1(&here)).to_vec()) < 1e-14);
    assert!(matches!(model.hvp(&v, &mut ggn), Err(ObjectiveError::Unsupported { operation: "hvp" })));
}

/// Rows of A times v.
fn times(a: &[f64], v: &[f64]) -> Vec<f64> {
    a.chunks(v.len()).map(|row| dot(row, v)).collect()
}

fn transpose_times(a: &[f64], n: usize, u: &[f64]) -> Vec<f64> {
    (0..n).map(|j| a.chunks(n).zip(u).map(|(row, u)| row[j] * u).sum()).collect()
}

/// Normal equations of every damping and of a second right-hand side, from one run of products.
#[test]
fn a_kept_space_solves_every_damping_without_products() {
    for (m, n, grade) in [(12, 5, 1.0), (5, 5, 1.0), (4, 9, 1.0), (30, 6, 1e3), (7, 1, 1.0)] {
        let mut a = random(m * n, (10 * m + n) as u64);
        a.chunks_mut(n)
            .for_each(|row| row.iter_mut().enumerate().for_each(|(j, a)| *a *= f64::powi(grade, j as i32 % 3)));
        let products = Cell::new(0);
        let mut operator = RectangularFn::new(
            m,
            n,
            |v: &[f64], out: &mut [f64]| {
                products.set(products.get() + 1);
                out.copy_from_slice(&times(&a, v));
                Ok(())
            },
            |u: &[f64], out: &mut [f64]| {
                products.set(products.get() + 1);
                out.copy_from_slice(&transpose_times(&a, n, u));
                Ok(())
            },
        );
        let b = random(m, 5);
        let mut space = Bidiagonal::new(64);
        space.start(&mut operator, &b).unwrap();
        while space.extend(&mut operator).unwrap().is_continuing() {}
        let spent = products.get();
        assert!(spent <= 2 * m.min(n) + 1, "{m} × {n}: {spent} products");
        let mut x = vec![0.0; n];
        let scale = norm(&a);
        let mut check = |space: &mut Bidiagonal<f64>, b: &[f64], damping: f64, label: &str| {
            let length = space.solve(damping);
            space.solution(&mut x);
            assert!((norm(&x) - length).abs() <= 1e-13 * length, "{label}");
            let ax = times(&a, &x);
            assert!((dot(&ax, &ax) - space.image_square()).abs() <= 1e-12 * dot(b, b), "{label}");
            let r: Vec<f64> = b.iter().zip(&ax).map(|(b, ax)| b - ax).collect();
            let mut normal = transpose_times(&a, n, &r);
            normal.iter_mut().zip(&x).for_each(|(g, x)| *g -= damping * damping * x);
            // Backward stable: in the units of ‖A‖ (‖A‖ ‖x‖ + ‖b‖).
            let units = scale * (scale * norm(&x) + norm(b));
            assert!(norm(&normal) <= 1e-14 * units, "{label}: {:e} of {units:e}", norm(&normal));
        };
        for damping in [0.0, 1e-6, 0.1, 3.0, 1e6] {
            check(&mut space, &b, damping, &format!("{m} × {n}, damping {damping}"));
        }
        let full = space.solve(0.0);
        for share in [0.9, 0.1, 1e-4] {
            let (damping, length) = space.solve_within(share * full);
            assert!(damping > 0.0 && (length - share * full).abs() <= 1.1e-3 * share * full, "{length} of {full}");
        }
        assert_eq!(space.solve_within(2.0 * full).0, 0.0);
        if m <= n || n == 1 {
            // Another right-hand side, in the span of U where that is everything.
            let other = if m <= n { random(m, 8) } else { times(&a, &[2.0]) };
            space.set_right_hand_side(&other);
            if m <= n || space.len() == n {
                check(&mut space, &other, 0.5, &format!("{m} × {n}, another right-hand side"));
            }
        }
        assert_eq!(products.get(), spent, "a solve took products");
    }
}

/// What residuals are asked for; a product is one with J or with its transpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Residual,
    Model,
    Product,
    Second,
}

/// Residuals that tell a closure what they are asked for, and fail if that does.
struct Watched<L, F> {
    inner: L,
    watch: F,
}

struct WatchedModel<'a, M, F> {
    inner: M,
    watch: &'a F,
}

fn add(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl<L: LeastSquares<f64>, F: Fn(Asked) -> Result<(), ObjectiveError>> LeastSquares<f64> for Watched<L, F> {
    type Model<'a>
        = WatchedModel<'a, L::Model<'a>, F>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn residual(&self, x: &[f64], out: &mut Vec<f64>) -> Result<(), ObjectiveError> {
        (self.watch)(Asked::Residual)?;
        self.inner.residual(x, out)
    }

    fn model_at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        (self.watch)(Asked::Model)?;
        Ok(WatchedModel { inner: self.inner.model_at(x)?, watch: &self.watch })
    }
}

impl<M: ResidualModel<f64>, F: Fn(Asked) -> Result<(), ObjectiveError>> ResidualModel<f64> for WatchedModel<'_, M, F> {
    fn residual(&self) -> &[f64] {
        self.inner.residual()
    }

    fn jvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        (self.watch)(Asked::Product)?;
        self.inner.jvp(v, out)
    }

    fn vjp(&mut self, u: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        (self.watch)(Asked::Product)?;
        self.inner.vjp(u, out)
    }

    fn second_derivative(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        (self.watch)(Asked::Second)?;
        self.inner.second_derivative(v, out)
    }
}

#[test]
fn a_rejected_step_costs_no_product_with_the_jacobian() {
    let mut rejections = 0;
    for number in [1, 7, 10, 12, 14, 16, 17, 19] {
        let problem = mgh::problem(number);
        let f = problem.formula.residual_function().unwrap();
        let asked: [Cell<usize>; 4] = Default::default();
        let found = || asked.each_ref().map(Cell::get);
        let count = |what: Asked| {
            add(&asked[what as usize]);
            Ok(())
        };
        let counted = Watched { inner: f.flat(&problem.start), watch: count };
        let mut solver = LevenbergMarquardt::new().radius_factor(10.0).start(&counted, &problem.start).unwrap();
        let mut rejected = false;
        loop {
            let before = found();
            let outcome = solver.step().unwrap();
            let after = found();
            if rejected {
                rejections += 1;
                // One with Jᵀ for the gradient where the step was taken at last, or the gradient had to judge it.
                assert!(after[2] <= before[2] + (after[1] - before[1]), "{}", problem.name);
                assert!(after[1] <= before[1] + 1, "{}", problem.name);
                assert!(after[0] <= before[0] + 1 && after[3] <= before[3] + 1, "{}", problem.name);
            }
            // A step that is too short to be tried may have the columns measured anew at the same point.
            rejected = !solver.progress().accepted && after[0] > before[0];
            if outcome.is_break() {
                break;
            }
        }
        let counts = solver.progress().counts;
        let [residuals, jacobians, products, seconds] = found();
        assert_eq!((counts.values, counts.gradients), (residuals, jacobians), "{}", problem.name);
        // Each preparation has a product for its gradient, which counts as part of it.
        assert_eq!(counts.products, products - jacobians + seconds, "{}", problem.name);
    }
    assert!(rejections > 20, "only {rejections} rejections: the law was hardly tested");
}

#[test]
fn a_linear_problem_takes_one_step() {
    let f = Function::new(|x: &[Var]| vec![x[0] + x[1] - 3.0, x[0] - x[1] - 1.0, 2.0 * x[0] - 3.0]);
    let start = vec![10.0, -4.0];
    // Normal equations [[6, 0], [0, 2]] x = (10, 2).
    let expected = [5.0 / 3.0, 1.0];
    let check = |report: Report<f64>| {
        assert!(report.status.is_converged() && distance(&report.x, &expected) < 1e-13, "{report}");
        assert_eq!(report.counts.gradients, 2, "{report}");
    };
    check(GaussNewton::new().minimize(&f.flat(&start), &start).unwrap());
    check(LevenbergMarquardt::new().radius_factor(100.0).minimize(&f.flat(&start), &start).unwrap());
    check(
        LevenbergMarquardt::new()
            .scaling(Scaling::None)
            .radius_factor(100.0)
            .minimize(&f.flat(&start), &start)
            .unwrap(),
    );
}

/// All 35 problems of Moré, Garbow and Hillstrom are sums of squares: to a listed minimum of ‖r‖² each.
#[test]
fn levenberg_marquardt_solves_the_problems_of_more_garbow_hillstrom() {
    let mut solved = 0;
    for problem in mgh::all() {
        let f = problem.formula.residual_function().unwrap();
        let report = LevenbergMarquardt::new().minimize(&f.flat(&problem.start), &problem.start).unwrap();
        let found = report.status.is_converged() && problem.is_solved(&report.x, 0.0);
        solved += usize::from(found);
        println!("{} {}: {report}", if found { "solved" } else { "missed" }, problem.name);
    }
    assert!(solved >= 34, "{solved}");
}

/// On the way to Meyer's minimum, and in Gulf, J is so badly conditioned that a system solved to six digits has a step of no
/// length.
#[test]
fn gauss_newton_claims_no_minimum_where_there_is_none() {
    for problem in mgh::all() {
        let f = problem.formula.residual_function().unwrap();
        let report = GaussNewton::new().minimize(&f.flat(&problem.start), &problem.start).unwrap();
        let at_minimum = problem.nearest_minimum(2.0 * report.value).is_some();
        assert!(at_minimum || !report.status.is_converged(), "{}: {report}", problem.name);
        assert!(at_minimum || problem.name == "Gulf", "{}: {report}", problem.name);
    }
}

/// The valley of Rosenbrock's function bends: with the acceleration it takes fewer iterations.
#[test]
fn acceleration_saves_iterations_in_a_bent_valley() {
    let problem = mgh::problem(17);
    let f = problem.formula.residual_function().unwrap();
    let run = |acceleration| {
        let method = LevenbergMarquardt::new().acceleration(acceleration);
        method.minimize(&f.flat(&problem.start), &problem.start).unwrap()
    };
    let (bent, straight) = (run(Acceleration::Geodesic), run(Acceleration::None));
    assert!(bent.status.is_converged() && straight.status.is_converged());
    assert!(bent.counts.iterations < straight.counts.iterations, "{bent}; {straight}");
}

#[test]
fn what_goes_wrong_has_a_status() {
    let f = |g: fn(Var) -> Var| Function::new(move |x: &[Var]| vec![g(x[0])]);
    let both = |f: &Function<'static, [Var], Vec<Var>>, x: f64| {
        let start = vec![x];
        let flat = f.flat(&start);
        [
            GaussNewton::new().minimize(&flat, &start).unwrap(),
            LevenbergMarquardt::new().minimize(&flat, &start).unwrap(),
        ]
    };
    for report in both(&f(|x| x.ln()), -1.0) {
        assert_eq!(report.status, Status::NonFinite(Place::StartValue), "{report}");
    }
    for report in both(&f(|x| x.sqrt() - 1.0), f64::NAN) {
        assert_eq!(report.status, Status::NonFinite(Place::Point), "{report}");
    }
    // From 1e-3 the Newton step of ln x − 1 from 50 would go below zero; NaN there shortens it.
    for report in both(&f(|x| x.ln() - 1.0), 50.0) {
        assert!(report.status.is_converged() && (report.x[0] - std::f64::consts::E).abs() < 1e-9, "{report}");
    }
    // A residual without a root: the minimum of ½ (x² + 1)² is ½ at 0, where J is zero.
    for report in both(&f(|x| x.square() + 1.0), 3.0) {
        assert!((report.value - 0.5).abs() < 1e-6 && report.counts.iterations < 500, "{report}");
    }
    // A variable without effect.
    let blind = Function::new(|x: &[Var]| vec![x[0] - 2.0, 0.0 * x[1]]);
    let start = vec![0.0, 7.0];
    for report in [
        GaussNewton::new().minimize(&blind.flat(&start), &start).unwrap(),
        LevenbergMarquardt::new().minimize(&blind.flat(&start), &start).unwrap(),
    ] {
        assert!(report.status.is_converged() && report.x == [2.0, 7.0], "{report}");
    }
    let step = LevenbergMarquardt::new().minimize(&f(|x| x - 1.0).flat(&vec![3.0]), &[3.0]).unwrap();
    assert!(matches!(step.status, Status::Converged(Criterion::Step | Criterion::GradientNorm)), "{step}");
    let flat = f(|x| x);
    let flat = flat.flat(&vec![0.0]);
    let error = LevenbergMarquardt::new().radius_factor(-1.0).minimize(&flat, &[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "levenberg-marquardt: radius_factor is -1, expected a finite number above 0");
    let error = GaussNewton::new().damping(f64::NAN).minimize(&flat, &[1.0]).unwrap_err();
    assert!(error.to_string().contains("damping is NaN"));
    assert!(matches!(GaussNewton::new().minimize(&flat, &[1.0, 2.0]).unwrap_err(), Error::Length { .. }));
}

/// Residuals that stay large add to the curvature what JᵀJ does not know. Steps that do not know it either overshoot from
/// side to side: they took 699 and 161 iterations on the first two problems, and more than 5000 on Brown and Dennis'. And a
/// region that grows where such steps were shortened, and forgets its shape, follows a valley slowly: 3426 iterations on
/// Brown and Dennis' problem, 2739 on Penalty II.
#[test]
fn steps_know_what_large_residuals_add_to_the_curvature() {
    for (number, most) in [(2, 150), (6, 130), (16, 700), (24, 200)] {
        let problem = mgh::problem(number);
        let f = problem.formula.residual_function().unwrap();
        let report = LevenbergMarquardt::new().minimize(&f.flat(&problem.start), &problem.start).unwrap();
        println!("{}: {report}", problem.name);
        assert!(report.status.is_converged() && report.counts.iterations <= most, "{}: {report}", problem.name);
        assert!(problem.is_solved(&report.x, 0.0), "{}: {report}", problem.name);
    }
}

/// Along the step the second residual bends so much that the step is shortened to nothing: that is no convergence. At the
/// minimum, where x₁ = 0, the second column vanishes, and the method is slow.
#[test]
fn a_step_that_curvature_shortens_is_no_convergence() {
    let f = Function::new(|x: &[Var]| vec![x[0] - 1.0, x[1].square() * 0.5 + 1.0]);
    let start = vec![10.0, 1e-7];
    let report: Report<f64> = LevenbergMarquardt::new().minimize(&f.flat(&start), &start).unwrap();
    assert_eq!(report.status, Status::Converged(Criterion::Orthogonality), "{report}");
    assert!(report.counts.iterations > 10 && report.value < 0.5 + 1e-12, "{report}");
}

/// The second column shrinks by fifty powers of e on the way: it still tells that the residuals are not orthogonal to it.
#[test]
fn a_column_that_shrinks_still_counts() {
    let f = Function::new(|x: &[Var]| vec![x[0] * 0.3 - 0.1, x[1].exp_m1()]);
    for far in [10.0, 50.0, 60.0, 80.0] {
        let start = vec![2.0, far];
        let report: Report<f64> =
            LevenbergMarquardt::new().max_iterations(2000).minimize(&f.flat(&start), &start).unwrap();
        assert_eq!(report.status, Status::Converged(Criterion::Step), "{far}: {report}");
        assert!(report.value < 1e-30, "{far}: {report}");
    }
}

/// A Jacobian of the wrong sign: the radius shrinks to nothing at a point that is not stationary, which is no success.
#[test]
fn a_radius_that_shrinks_away_from_a_minimum_is_no_convergence() {
    struct Wrong;
    struct WrongModel([f64; 2]);
    impl LeastSquares<f64> for Wrong {
        type Model<'a> = WrongModel;
        fn dimension(&self) -> usize {
            2
        }
        fn residual(&self, x: &[f64], out: &mut Vec<f64>) -> Result<(), ObjectiveError> {
            *out = x.to_vec();
            Ok(())
        }
        fn model_at(&self, x: &[f64]) -> Result<WrongModel, ObjectiveError> {
            Ok(WrongModel([x[0], x[1]]))
        }
    }
    impl ResidualModel<f64> for WrongModel {
        fn residual(&self) -> &[f64] {
            &self.0
        }
        fn jvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
            out.iter_mut().zip(v).for_each(|(out, v)| *out = -v);
            Ok(())
        }
        fn vjp(&mut self, u: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
            out.iter_mut().zip(u).for_each(|(out, u)| *out = -u);
            Ok(())
        }
    }
    let report = LevenbergMarquardt::new().minimize(&Wrong, &[1.0, -2.0]).unwrap();
    assert_eq!(report.status, Status::RadiusTooSmall, "{report}");
}

/// What a product says the `at`-th time, for the products with A and with Aᵀ together.
fn space_that_meets(odd: f64, at: usize) -> (Vec<Expansion>, Bidiagonal<f64>) {
    let (a, products) = (random(20, 3), Cell::new(0));
    let spoil = |out: &mut [f64]| {
        add(&products);
        if products.get() == at {
            out[1] = odd;
        }
    };
    let mut operator = RectangularFn::new(
        5,
        4,
        |v: &[f64], out: &mut [f64]| {
            out.copy_from_slice(&times(&a, v));
            spoil(out);
            Ok(())
        },
        |u: &[f64], out: &mut [f64]| {
            out.copy_from_slice(&transpose_times(&a, 4, u));
            spoil(out);
            Ok(())
        },
    );
    let mut space = Bidiagonal::new(10);
    space.start(&mut operator, &random(5, 4)).unwrap();
    let mut ends = Vec::new();
    for _ in 0..6 {
        ends.push(space.extend(&mut operator).unwrap());
    }
    (ends, space)
}

/// In whichever product it comes, and for good; what was learnt before remains.
#[test]
fn a_space_says_where_a_product_is_not_finite() {
    for odd in [f64::NAN, f64::INFINITY] {
        for at in 1..=8 {
            let (ends, mut space) = space_that_meets(odd, at);
            let first = ends.iter().position(|&end| end == Expansion::NonFinite);
            // The start takes one product, and a step two.
            assert_eq!(first, Some((at.max(2) - 2) / 2), "{odd} at {at}: {ends:?}");
            assert!(ends[first.unwrap()..].iter().all(|&end| end == Expansion::NonFinite), "{ends:?}");
            space.solve(0.0);
            assert!(space.coordinates().iter().all(|y| y.is_finite()), "{odd} at {at}");
        }
    }
    let mut space = Bidiagonal::new(3);
    let mut operator = RectangularFn::new(2, 2, |_: &[f64], _: &mut [f64]| Ok(()), |_: &[f64], _: &mut [f64]| Ok(()));
    space.start(&mut operator, &[1.0, f64::NAN]).unwrap();
    assert_eq!(space.extend(&mut operator).unwrap(), Expansion::NonFinite);
}

/// Whichever product fails, the step that is tried again is the same to the bit.
#[test]
fn a_step_that_failed_is_tried_again_from_the_same_state() {
    let problem = mgh::problem(17);
    let f = problem.formula.residual_function().unwrap();
    // The first evaluations would be swept, later ones compiled, and rounded in other last places.
    f.prepare(&problem.start).unwrap();
    let smooth =
        LevenbergMarquardt::new().max_iterations(12).minimize(&f.flat(&problem.start), &problem.start).unwrap();
    for at in 2..100 {
        let products = Cell::new(0);
        let fail = |what: Asked| {
            if matches!(what, Asked::Product | Asked::Second) {
                add(&products);
                if products.get() == at {
                    return Err(ObjectiveError::new(std::io::Error::other("the disk is gone")));
                }
            }
            Ok(())
        };
        let failing = Watched { inner: f.flat(&problem.start), watch: fail };
        let mut solver = LevenbergMarquardt::new().max_iterations(12).start(&failing, &problem.start).unwrap();
        let mut errors = 0;
        while solver.progress().counts.iterations < 12 {
            match solver.step() {
                Ok(outcome) if outcome.is_break() => break,
                Ok(_) => {}
                Err(_) => errors += 1,
            }
        }
        assert_eq!(errors, 1, "at {at}");
        assert_eq!(solver.progress().x, smooth.x, "at {at}");
    }
}

/// A second column of 1e-310: its inverse overflows, and the variable counts as one without effect.
#[test]
fn a_subnormal_column_does_no_harm() {
    let f = Function::new(|x: &[Var]| vec![x[0].square() - 2.0, 1e-310 * x[1]]);
    let start = vec![1.0, 1.0];
    let report: Report<f64> = LevenbergMarquardt::new().minimize(&f.flat(&start), &start).unwrap();
    assert!(report.status.is_converged() && (report.x[0] - 2.0_f64.sqrt()).abs() < 1e-12, "{report} at {:?}", report.x);
    assert!(report.x[1].is_finite(), "{:?}", report.x);
}

/// Residuals of which no trial point has any.
struct Nowhere<L>(L);

impl<L: LeastSquares<f64>> LeastSquares<f64> for Nowhere<L> {
    type Model<'a>
        = L::Model<'a>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn residual(&self, x: &[f64], out: &mut Vec<f64>) -> Result<(), ObjectiveError> {
        self.0.residual(x, out)?;
        out.fill(f64::NAN);
        Ok(())
    }

    fn model_at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        self.0.model_at(x)
    }
}

/// The second residual bends so much along the step, 9 long in units of the columns, that 1e-11 of it is left. Where not
/// even that is to be had the region shrinks to the mean of both lengths, and not at once to what was left.
#[test]
fn a_step_that_curvature_shortened_does_not_collapse_the_region() {
    let f = Function::new(|x: &[Var]| vec![x[0] - 1.0, x[1].square() * 0.5 + 1.0]);
    let start = vec![10.0, 1e-7];
    let nowhere = Nowhere(f.flat(&start));
    let mut solver = LevenbergMarquardt::new().start(&nowhere, &start).unwrap();
    assert!(solver.step().unwrap().is_continue() && !solver.progress().accepted);
    let (step, radius) = (solver.progress().step_norm, solver.progress().control);
    assert!(step < 1e-10, "{step:e}");
    assert!(radius > 1e-7 && radius < 1e-2, "{radius:e}");
    // And it does end.
    let report = solver.run(|_| std::ops::ControlFlow::Continue(())).unwrap();
    assert!(!report.status.is_converged() && report.counts.iterations < 100, "{report}");
}

/// x − 5 from 1. Damped by 10⁷, or cut by LSMR after two products, a step is short for another reason than that it is at the
/// minimum.
#[test]
fn a_step_that_is_short_for_its_damping_is_no_convergence() {
    let f = Function::new(|x: &[Var]| vec![x[0] - 5.0]);
    let start = vec![1.0_f64];
    let report = GaussNewton::new().damping(1e7).minimize(&f.flat(&start), &start).unwrap();
    assert_eq!(report.status, Status::MaxIterations, "{report}");
    let report = GaussNewton::new().lsmr(Lsmr::new().max_products(2)).minimize(&f.flat(&start), &start).unwrap();
    assert_eq!(report.status, Status::NoProgress, "{report}");
    // At the minimum the residuals are orthogonal to the derivative, whatever shortens the step.
    let f = Function::new(|x: &[Var]| vec![x[0] - 2.0, x[0] * 0.0 + 3.0]);
    let method = GaussNewton::new().gradient_tolerance(0.0);
    let products = Lsmr::new().max_products(3);
    for method in [method.clone().damping(1e-3), method.lsmr(products)] {
        let report = method.minimize(&f.flat(&start), &start).unwrap();
        assert!(report.status.is_converged() && (report.x[0] - 2.0).abs() < 1e-8, "{report}");
    }
}

/// Powers of x and of y: J vanishes with r, and Gauss–Newton steps take a fixed share of the way to 0 for ever.
#[test]
fn residuals_that_vanish_with_their_derivatives_are_solved() {
    let square = Function::new(|x: &[Var]| vec![x[0].square()]);
    let both = Function::new(|x: &[Var]| vec![x[0].powi(3), x[1].square()]);
    for scaling in [Scaling::Columns, Scaling::None] {
        for acceleration in [Acceleration::Geodesic, Acceleration::None] {
            let method = LevenbergMarquardt::new().scaling(scaling).acceleration(acceleration);
            let report = method.clone().minimize(&square.flat(&vec![1.0]), &[1.0]).unwrap();
            assert_eq!(report.status, Status::Converged(Criterion::Value), "{scaling:?} {acceleration:?}: {report}");
            let report = method.minimize(&both.flat(&vec![1.0, 1.0]), &[1.0, 1.0]).unwrap();
            let solved = report.status.is_converged() && report.value < 1e-200;
            assert!(solved, "{scaling:?} {acceleration:?}: {report}");
        }
    }
    let single = square.flat(&vec![1.0_f32]);
    let report: Report<f32> = LevenbergMarquardt::new().minimize(&single, &[1.0]).unwrap();
    assert_eq!(report.status, Status::Converged(Criterion::Value), "{report}");
    let method = GaussNewton::new().gradient_tolerance(0.0);
    let report = method.minimize(&square.flat(&vec![1.0]), &[1.0]).unwrap();
    assert_eq!(report.status, Status::Converged(Criterion::Value), "{report}");
}

/// The region is measured in the units of the residuals: no number of them is too small, or too large, for it.
#[test]
fn the_smallest_radius_has_no_units() {
    for unit in [1e-60, 1e-33, 1.0, 1e33, 1e60] {
        let f = Function::new(move |x: &[Var]| vec![x[0].atan() * unit]);
        let start = vec![2.0_f64];
        let method = LevenbergMarquardt::new().radius_factor(10.0);
        let report = method.minimize(&f.flat(&start), &start).unwrap();
        assert!(report.status.is_converged() && report.x[0].abs() < 1e-9, "{unit:e}: {report}");
        assert!(report.counts.values >= report.counts.gradients, "no step was rejected: {report}");
        // At 0 there is no ‖D x‖ to measure it by.
        let f = Function::new(move |x: &[Var]| vec![(5.0 * x[0] - 10.0).atan() * unit]);
        let start = vec![0.0_f64];
        let report = LevenbergMarquardt::new().minimize(&f.flat(&start), &start).unwrap();
        assert!(report.status.is_converged() && (report.x[0] - 2.0).abs() < 1e-9, "{unit:e}: {report}");
    }
}
