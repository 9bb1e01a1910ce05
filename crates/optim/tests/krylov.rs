//! Laws of the Krylov solvers: equations hold, curvature is noticed, spectra come out.

mod common;

use common::{Spectral, distance, dot, norm, random};
use optim::{
    Composed, ConjugateGradients, Damped, Diagonal, Expansion, Identity, KrylovEnd, Lanczos, LinearOperator, Lobpcg,
    Lsmr, Minres, OperatorFn, RectangularFn, Restricted, Scaled, ShiftedLanczos, Sum,
};

const N: usize = 40;

fn power(condition: f64) -> Vec<f64> {
    (0..N).map(|i| condition.powf(i as f64 / (N - 1) as f64)).collect()
}

#[test]
fn conjugate_gradients_solve_definite_systems() {
    for (condition, seed) in [(1.0, 1), (10.0, 2), (1e4, 3)] {
        let mut a = Spectral::new(power(condition), seed);
        let b = random(N, 10 + seed);
        let mut cg = ConjugateGradients::new().max_products(400);
        let mut x = vec![0.0; N];
        let solution = cg.solve(&mut a, &b, &mut x, 1e-10).unwrap();
        assert_eq!(solution.end, KrylovEnd::Converged, "condition {condition}");
        assert_eq!(solution.products, a.products);
        // The residual over the smallest eigenvalue 1, and what the recurrence loses: ε κ per product.
        assert!(distance(&x, &a.function(|l| 1.0 / l, &b)) <= 2e-10 * norm(&b), "condition {condition}");
        // From the answer one product sees that there is nothing to do.
        let again = cg.solve(&mut a, &b, &mut x, 1e-8).unwrap();
        assert_eq!((again.end, again.products), (KrylovEnd::Converged, 1));
    }
    let mut x = [5.0; 3];
    let solution = ConjugateGradients::new().solve(&mut Identity::new(3), &[0.0; 3], &mut x, 1e-10).unwrap();
    assert!(solution.end.is_solved() && norm(&x) < 1e-14);
}

/// Curvature is judged relative to ‖A‖: in units of 1e±30 the same systems are solved, in as many products.
#[test]
fn the_scale_of_a_matrix_is_no_curvature() {
    let b = random(N, 11);
    let run = |scale: f64, preconditioned: bool| {
        let mut a = Spectral::new(power(1e3).iter().map(|l| scale * l).collect(), 5);
        let mut mass = Diagonal::new(vec![1.0 / scale; N]);
        let mut cg = ConjugateGradients::new().max_products(400);
        let mut x = vec![0.0; N];
        let solution = if preconditioned {
            cg.solve_preconditioned(&mut a, &mut mass, &b, &mut x, 1e-9).unwrap()
        } else {
            cg.solve(&mut a, &b, &mut x, 1e-9).unwrap()
        };
        assert_eq!(solution.end, KrylovEnd::Converged, "{scale:e}");
        let exact = a.function(|l| 1.0 / l, &b);
        assert!(distance(&x, &exact) <= 2e-9 * norm(&b) / scale, "{scale:e}");
        solution.products
    };
    for preconditioned in [false, true] {
        let products = run(1.0, preconditioned);
        for scale in [1e-30, 1e30] {
            assert!(run(scale, preconditioned).abs_diff(products) <= 2, "{scale:e}");
        }
    }
}

#[test]
fn a_good_preconditioner_saves_products() {
    let diagonal: Vec<f64> = power(1e8);
    let matrix = |v: &[f64], out: &mut [f64]| {
        let mean = v.iter().sum::<f64>() / N as f64;
        for i in 0..N {
            out[i] = diagonal[i] * v[i] + mean;
        }
        Ok(())
    };
    let b = random(N, 3);
    let (mut plain, mut x) = (vec![0.0; N], vec![0.0; N]);
    let mut cg = ConjugateGradients::new().max_products(1000);
    let without = cg.solve(&mut OperatorFn::new(N, matrix), &b, &mut plain, 1e-10).unwrap();
    let mut jacobi = Diagonal::inverse_of(&diagonal);
    let with = cg.solve_preconditioned(&mut OperatorFn::new(N, matrix), &mut jacobi, &b, &mut x, 1e-10).unwrap();
    assert!(with.end.is_solved());
    // The identity plus a matrix of rank one: two or three distinct eigenvalues, up to the rounding of ten digits.
    assert!(with.products <= 8 && without.products > 3 * with.products, "{with:?} {without:?}");
    let mut ax = vec![0.0; N];
    matrix(&x, &mut ax).unwrap();
    assert!(distance(&ax, &b) <= 1.1e-10 * norm(&b));
}

/// −δ is negative curvature for every δ that stands out of the rounding of the other eigenvalues.
#[test]
fn negative_curvature_is_noticed_and_shown() {
    for delta in [1.0, 1e-3, 1e-8, 1e3] {
        let mut spectrum = power(10.0);
        spectrum[0] = -delta;
        let mut a = Spectral::new(spectrum, 4);
        let b = random(N, 5);
        let mut x = vec![0.0; N];
        let mut cg = ConjugateGradients::new();
        let solution = cg.solve(&mut a, &b, &mut x, 1e-13).unwrap();
        assert_eq!(solution.end, KrylovEnd::NegativeCurvature, "{delta}");
        let d = cg.direction();
        let curvature = dot(d, &a.function(|l| l, d)) / dot(d, d);
        assert!(curvature <= 1e-14, "{delta}: {curvature:e}");
        let mut minres = Minres::new();
        let solution = minres.solve_definite(&mut a, &b, &mut x, 1e-13).unwrap();
        assert_eq!(solution.end, KrylovEnd::NegativeCurvature, "{delta}");
        let r = minres.residual();
        let curvature = dot(r, &a.function(|l| l, r)) / dot(r, r);
        assert!(curvature <= 1e-12, "{delta}: {curvature:e}");
        // The residual that is shown is that of x.
        let ax = a.function(|l| l, &x);
        let expected: Vec<f64> = b.iter().zip(&ax).map(|(b, ax)| b - ax).collect();
        assert!(distance(r, &expected) <= 1e-11 * norm(&b), "{delta}");
    }
    let mut x = [0.0; 2];
    let nan = OperatorFn::new(2, |_: &[f64], out: &mut [f64]| {
        out.fill(f64::NAN);
        Ok(())
    });
    let solution = ConjugateGradients::new().solve(&mut { nan }, &[1.0, 2.0], &mut x, 1e-9).unwrap();
    assert_eq!((solution.end, x), (KrylovEnd::NonFinite, [0.0; 2]));
}

#[test]
fn minres_solves_indefinite_systems() {
    for seed in 0..20 {
        let spectrum: Vec<f64> = random(N, seed).iter().map(|l| l.signum() * (0.1 + l.abs())).collect();
        let mut a = Spectral::new(spectrum, seed);
        let b = random(N, 100 + seed);
        let mut x = vec![9.0; N];
        let mut minres = Minres::new();
        let solution = minres.solve(&mut a, &b, &mut x, 1e-10).unwrap();
        assert_eq!(solution.end, KrylovEnd::Converged, "seed {seed}: {solution:?}");
        assert_eq!(solution.products, a.products);
        // The residual over the smallest |λ| = 0.1.
        assert!(distance(&x, &a.function(|l| 1.0 / l, &b)) <= 1.1e-9 * norm(&b), "seed {seed}");
    }
}

#[test]
fn minres_finds_a_least_squares_solution_of_a_singular_system() {
    let spectrum: Vec<f64> = (0..N).map(|i| if i % 4 == 0 { 0.0 } else { (i % 4) as f64 - 2.5 }).collect();
    let mut a = Spectral::new(spectrum, 8);
    let b = random(N, 9);
    let mut x = vec![0.0; N];
    let mut minres = Minres::new().least_squares_tolerance(1e-10);
    let solution = minres.solve(&mut a, &b, &mut x, 1e-10).unwrap();
    assert_eq!(solution.end, KrylovEnd::LeastSquares, "{solution:?}");
    let pseudo_inverse = a.function(|l| if l == 0.0 { 0.0 } else { 1.0 / l }, &b);
    // Equal but for a part in the null space.
    assert!(distance(&a.function(|l| f64::from(l != 0.0), &x), &pseudo_inverse) <= 1e-8 * norm(&b));
    let left = a.function(|l| f64::from(l == 0.0), &b);
    assert!((solution.residual_norm - norm(&left)).abs() <= 1e-9 * norm(&b));
}

#[test]
fn all_shifts_are_solved_by_the_products_of_the_hardest() {
    let shifts = [-2.0, 0.5, 1.0, 10.0, 1e4];
    let mut a = Spectral::new(power(100.0), 6);
    let b = random(N, 7);
    let mut solver = ShiftedLanczos::new(&shifts).max_products(300);
    let products = solver.solve(&mut a, &b, 1e-10).unwrap();
    assert_eq!(a.products, products);
    // λ₁ = 1: the shift −2 leaves a negative eigenvalue.
    assert_eq!(solver.ends()[0], KrylovEnd::NegativeCurvature);
    for (i, &shift) in shifts.iter().enumerate().skip(1) {
        assert_eq!(solver.ends()[i], KrylovEnd::Converged, "shift {shift}");
        let expected = a.function(|l| 1.0 / (l + shift), &b);
        assert!(distance(solver.solution(i), &expected) <= 1.1e-10 * norm(&b), "shift {shift}");
    }
    let mut alone = ShiftedLanczos::new(&[0.5]).max_products(300);
    assert_eq!(alone.solve(&mut a, &b, 1e-10).unwrap(), products);
    assert_eq!(alone.solution(0), solver.solution(1), "a system does not notice the others");
}

/// A dense random matrix with columns of very different lengths.
struct Dense {
    rows: usize,
    columns: usize,
    entries: Vec<f64>,
}

impl Dense {
    fn new(rows: usize, columns: usize, seed: u64) -> Self {
        Self { rows, columns, entries: random(rows * columns, seed) }
    }

    fn times(&self, v: &[f64]) -> Vec<f64> {
        self.entries.chunks(self.columns).map(|row| dot(row, v)).collect()
    }

    fn transpose_times(&self, u: &[f64]) -> Vec<f64> {
        (0..self.columns).map(|j| (0..self.rows).map(|i| self.entries[i * self.columns + j] * u[i]).sum()).collect()
    }
}

#[test]
fn lsmr_satisfies_the_normal_equations() {
    for (m, n, damping) in [(30, 8, 0.0), (30, 8, 0.7), (8, 8, 0.0), (6, 20, 0.0), (6, 20, 3.0), (25, 1, 0.0)] {
        let a = Dense::new(m, n, (m * n) as u64);
        let b = random(m, 77);
        let mut operator = RectangularFn::new(
            m,
            n,
            |v: &[f64], out: &mut [f64]| {
                out.copy_from_slice(&a.times(v));
                Ok(())
            },
            |u: &[f64], out: &mut [f64]| {
                out.copy_from_slice(&a.transpose_times(u));
                Ok(())
            },
        );
        let mut x = vec![3.0; n];
        let solution = Lsmr::new().max_products(1000).solve(&mut operator, &b, damping, &mut x, 1e-13).unwrap();
        let label = format!("{m} × {n}, damping {damping}: {solution:?}");
        assert!(solution.end.is_solved(), "{label}");
        let r: Vec<f64> = b.iter().zip(a.times(&x)).map(|(b, ax)| b - ax).collect();
        let mut normal = a.transpose_times(&r);
        normal.iter_mut().zip(&x).for_each(|(g, x)| *g -= damping * damping * x);
        assert!(norm(&normal) <= 1e-10 * norm(&b), "{label}: {:e}", norm(&normal));
        let residual = norm(&r).hypot(damping * norm(&x));
        assert!((solution.residual_norm - residual).abs() <= 1e-10 * norm(&b), "{label}: {residual}");
        // Of many solutions the shortest: no component in the null space, whose projector is I − Aᵀ(AAᵀ)⁻¹A.
        if n > m && damping == 0.0 {
            let mut y = vec![0.0; m];
            let mut gram = OperatorFn::new(m, |v: &[f64], out: &mut [f64]| {
                out.copy_from_slice(&a.times(&a.transpose_times(v)));
                Ok(())
            });
            ConjugateGradients::new().max_products(200).solve(&mut gram, &a.times(&x), &mut y, 1e-14).unwrap();
            assert!(distance(&a.transpose_times(&y), &x) <= 1e-9 * norm(&x), "{label}");
        }
    }
}

#[test]
fn ritz_values_approach_the_spectrum_from_inside() {
    let spectrum: Vec<f64> = random(N, 12).iter().map(|l| 10.0 * l).collect();
    let (least, largest) = spectrum.iter().fold((f64::INFINITY, -f64::INFINITY), |(a, b), &l| (a.min(l), b.max(l)));
    let mut a = Spectral::new(spectrum.clone(), 13);
    let mut lanczos = Lanczos::new(N);
    lanczos.start(&random(N, 14));
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut v = vec![0.0; N];
    while lanczos.extend(&mut a).unwrap().is_continuing() {
        let ritz = lanczos.ritz_values();
        let k = ritz.len();
        assert!(ritz[0] <= low + 1e-13 && ritz[k - 1] >= high - 1e-13, "Ritz values moved inwards");
        (low, high) = (ritz[0], ritz[k - 1]);
        assert!(low >= least - 1e-13 && high <= largest + 1e-13, "outside the spectrum");
        for i in [0, k - 1] {
            let theta = lanczos.ritz_values()[i];
            let bound = lanczos.ritz_vector(i, &mut v);
            let av = a.function(|l| l, &v);
            let found = av.iter().zip(&v).map(|(av, v)| (av - theta * v).powi(2)).sum::<f64>().sqrt();
            assert!((found - bound).abs() <= 1e-12, "{found} {bound}");
        }
    }
    let mut sorted = spectrum;
    sorted.sort_by(f64::total_cmp);
    for (ritz, l) in lanczos.ritz_values().iter().zip(sorted) {
        assert!((ritz - l).abs() < 1e-12, "{ritz} {l}");
    }
    // Orthonormal, which is what the reorthogonalisation is for.
    for i in 0..N {
        for j in 0..=i {
            let product = dot(lanczos.basis_vector(i), lanczos.basis_vector(j));
            assert!((product - f64::from(i == j)).abs() < 1e-14, "{i}, {j}: {product}");
        }
    }
}

#[test]
fn lobpcg_finds_the_lowest_pairs_also_multiple_ones() {
    let mut spectrum: Vec<f64> = (0..N).map(|i| (i as f64).sqrt() - 2.0).collect();
    spectrum[1] = spectrum[0];
    for k in [1, 2, 4] {
        let mut a = Spectral::new(spectrum.clone(), 20);
        let mut lobpcg = Lobpcg::new(k);
        let solution = lobpcg.solve(&mut a, 1e-9).unwrap();
        assert_eq!(solution.end, KrylovEnd::Converged, "{k} pairs: {solution:?}");
        assert_eq!(solution.products, a.products);
        for i in 0..k {
            // The error of a Rayleigh quotient is at most the residual.
            assert!((lobpcg.values()[i] - spectrum[i]).abs() <= 2e-8, "pair {i} of {k}: {:?}", lobpcg.values());
            let v = lobpcg.vector(i);
            assert!((norm(v) - 1.0).abs() < 1e-13);
            let av = a.function(|l| l, v);
            let residual = av.iter().zip(v).map(|(av, v)| (av - lobpcg.values()[i] * v).powi(2)).sum::<f64>().sqrt();
            assert!(residual <= 1e-8, "pair {i} of {k}: {residual:e}");
        }
        // The last answer is the next guess.
        let before = a.products;
        assert!(lobpcg.solve(&mut a, 1e-9).unwrap().end.is_solved());
        assert!(a.products - before <= 2 * k, "{k} pairs: {} products for nothing", a.products - before);
    }
    // The whole spectrum of a small matrix.
    let mut small = Lobpcg::new(3);
    assert!(small.solve(&mut Diagonal::new(vec![3.0, 1.0, 2.0]), 1e-12).unwrap().end.is_solved());
    assert!(distance(small.values(), &[1.0, 2.0, 3.0]) < 1e-12);
    assert!(Lobpcg::new(4).solve(&mut Diagonal::new(vec![3.0]), 1e-12).is_err());
    // A preconditioner that knows the diagonal saves products on a badly conditioned matrix.
    let diagonal: Vec<f64> = (0..200).map(|i| 1.1_f64.powi(i)).collect();
    let (mut plain, mut preconditioned) = (Lobpcg::new(1), Lobpcg::new(1));
    let without = plain.solve(&mut Diagonal::new(diagonal.clone()), 1e-14).unwrap();
    let mut m = Diagonal::inverse_of(&diagonal);
    let with = preconditioned.solve_preconditioned(&mut Diagonal::new(diagonal), &mut m, 1e-14).unwrap();
    assert!((preconditioned.values()[0] - 1.0).abs() < 1e-5, "{:?}", preconditioned.values());
    assert!(3 * with.products < without.products, "{with:?} {without:?}");
}

/// (2 A + D)(A + 3 I), restricted, against the same on entries.
#[test]
fn the_algebra_of_operators_is_that_of_matrices() {
    let a = || Diagonal::new(vec![1.0, -2.0, 5.0]);
    let sum = Sum::new(Scaled::new(a(), 2.0), Diagonal::new(vec![10.0, 20.0, 30.0])).unwrap();
    let composed = Composed::new(sum, Damped::new(a(), 3.0)).unwrap();
    let mut restricted = Restricted::new(composed, vec![2, 0]).unwrap();
    let mut out = [0.0; 2];
    restricted.apply(&[1.0, 1.0], &mut out).unwrap();
    assert_eq!(out, [(10.0 + 30.0) * 8.0, (2.0 + 10.0) * 4.0]);
    assert!(Sum::<_, _, f64>::new(a(), Diagonal::new(vec![1.0])).is_err());
    assert!(Composed::<_, _, f64>::new(a(), Diagonal::new(vec![1.0])).is_err());
    assert!(Restricted::<_, f64>::new(a(), vec![3]).is_err());
}

/// A product whose entries are finite, but not its length: no solver takes what it cannot measure for rounding.
#[test]
fn a_product_too_long_to_measure_is_not_finite() {
    let product = [1.7e308, -1.7e308, 1.7e308, -1.7e308];
    let mut long = OperatorFn::new(4, |_: &[f64], out: &mut [f64]| {
        out.copy_from_slice(&product);
        Ok(())
    });
    let (b, mut x) = ([1.0; 4], [0.0; 4]);
    assert_eq!(Minres::new().solve(&mut long, &b, &mut x, 1e-8).unwrap().end, KrylovEnd::NonFinite);
    let mut shifted = ShiftedLanczos::new(&[1.0, 2.0]);
    assert_eq!(shifted.solve(&mut long, &b, 1e-8).unwrap(), 1);
    assert_eq!(shifted.ends(), [KrylovEnd::NonFinite; 2]);
    let mut lanczos = Lanczos::new(4);
    lanczos.start(&b);
    assert_eq!(lanczos.extend(&mut long).unwrap(), Expansion::NonFinite);
}

/// A preconditioner with a negative eigenvalue says nothing of A, which has none.
#[test]
fn an_indefinite_preconditioner_is_named() {
    let mut a = Identity::new(2);
    for b in [[1.0, 0.0], [1.0, 1.0], [1.0, -2.0]] {
        let mut cg = ConjugateGradients::new();
        let mut x = [0.0; 2];
        let mut m = Diagonal::new(vec![-1.0, 1.0]);
        let solution = cg.solve_preconditioned(&mut a, &mut m, &b, &mut x, 1e-12).unwrap();
        assert_eq!(solution.end, KrylovEnd::IndefinitePreconditioner, "{b:?}");
        assert!(!solution.end.is_solved() && x.iter().all(|x: &f64| x.is_finite()));
    }
    // An rᵀM⁻¹r that only underflows is none of that.
    let mut x = [0.0; 2];
    let b = [1e-200, 1e-200];
    let solution = ConjugateGradients::new()
        .solve_preconditioned(&mut a, &mut Diagonal::new(vec![1.0; 2]), &b, &mut x, 0.0)
        .unwrap();
    assert_eq!(solution.end, KrylovEnd::Converged);
}
