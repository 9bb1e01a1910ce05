//! What the Krylov solvers allocate: as many vectors as their documentation says at first, then nothing.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use optim::{
    ConjugateGradients, CubicModel, Descent, Diagonal, Gltr, Lanczos, Lobpcg, Lsmr, Minres, OperatorFn, RectangularFn,
    ShiftedLanczos, Steihaug,
};
use testkit::allocation::{self, Counting};

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Long beside what does not grow with it, short enough that 73 vectors are reserved at once.
const N: usize = 50_000;

/// The first run of a solver holds `vectors` of length N and besides at most 80 kB, a fifth of one, mostly twice the square of 64 numbers; later
/// runs allocate nothing.
fn check(name: &str, vectors: usize, mut run: impl FnMut()) {
    let before = allocation::bytes();
    run();
    let held = allocation::bytes() - before;
    let stated = vectors * N * 8;
    assert!(held <= stated + 80_000, "{name} holds {:.2} vectors, not {vectors}", held as f64 / (N * 8) as f64);
    let before = allocation::allocations();
    run();
    run();
    assert_eq!(allocation::allocations() - before, 0, "{name} allocates when it is used again");
}

#[test]
fn storage_is_as_stated_and_reused() {
    let spectrum: Vec<f64> = (0..N).map(|i| 1.0 + (i % 7) as f64).collect();
    let indefinite: Vec<f64> = spectrum.iter().map(|l| l - 2.5).collect();
    let (mut a, mut h) = (Diagonal::new(spectrum.clone()), Diagonal::new(indefinite));
    let b: Vec<f64> = (0..N).map(|i| (i as f64).sin()).collect();
    let mut x = vec![0.0; N];
    let mut jacobi = Diagonal::inverse_of(&vec![2.0; N]);

    let mut cg = ConjugateGradients::new();
    check("conjugate gradients", 3, || {
        x.fill(0.0);
        assert!(cg.solve(&mut a, &b, &mut x, 1e-10).unwrap().end.is_solved());
    });
    let mut cg = ConjugateGradients::new();
    check("preconditioned conjugate gradients", 4, || {
        x.fill(0.0);
        assert!(cg.solve_preconditioned(&mut a, &mut jacobi, &b, &mut x, 1e-10).unwrap().end.is_solved());
    });
    let mut minres = Minres::new();
    check("minres", 6, || assert!(minres.solve(&mut h, &b, &mut x, 1e-10).unwrap().end.is_solved()));
    let mut shifted = ShiftedLanczos::new(&[0.5, 1.0, 5.0]);
    check("shifted lanczos", 9, || assert!(shifted.solve(&mut a, &b, 1e-10).unwrap() <= 9));
    let mut lsmr = Lsmr::new();
    let mut square = RectangularFn::new(
        N,
        N,
        |v: &[f64], out: &mut [f64]| {
            out.iter_mut().zip(v).zip(&spectrum).for_each(|((out, v), l)| *out = l * v);
            Ok(())
        },
        |u: &[f64], out: &mut [f64]| {
            out.iter_mut().zip(u).zip(&spectrum).for_each(|((out, u), l)| *out = l * u);
            Ok(())
        },
    );
    check("lsmr", 6, || assert!(lsmr.solve(&mut square, &b, 0.1, &mut x, 1e-10).unwrap().end.is_solved()));
    let mut lanczos = Lanczos::new(5);
    // One, five basis vectors and one more.
    check("lanczos", 1 + 6, || {
        lanczos.start(&b);
        while lanczos.extend(&mut h).unwrap().is_continuing() {}
        assert_eq!(lanczos.ritz_values().len(), 5);
    });
    let mut lobpcg = Lobpcg::new(2);
    check("lobpcg", 13, || assert!(lobpcg.solve(&mut h, 1e-8).unwrap().products > 0));

    let mut descents = (Gltr::new(), Steihaug::new(), CubicModel::new());
    let mut counted = OperatorFn::new(N, |v: &[f64], out: &mut [f64]| {
        out.iter_mut().zip(v).zip(&b).for_each(|((out, v), b)| *out = (3.0 * b + 1.0) * v);
        Ok(())
    });
    // Enough products on an indefinite operator of many eigenvalues to fill the basis, then steps at many radii.
    let radii = [10.0, 1.0, 0.3, 1e-2];
    // Six are reserved for what goes on beyond the basis.
    check("gltr", 2 + 65 + 6, || {
        descents.0.prepare(&mut counted, &b, 10.0, 1e-10).unwrap();
        radii.iter().for_each(|&radius| assert!(descents.0.step(radius, &mut x).norm <= radius));
    });
    let mut small = Gltr::new().basis_vectors(4);
    check("gltr beyond its basis", 2 + 5 + 6, || {
        small.prepare(&mut a, &b, 1e3, 1e-10).unwrap();
        radii.iter().for_each(|&radius| assert!(small.step(radius, &mut x).norm <= radius));
    });
    check("steihaug", 4 + 64, || {
        descents.1.prepare(&mut a, &b, 1e3, 1e-10).unwrap();
        radii.iter().for_each(|&radius| assert!(descents.1.step(radius, &mut x).norm <= radius));
    });
    check("cubic model", 1 + 65, || {
        descents.2.prepare(&mut counted, &b, 1.0, 1e-10).unwrap();
        radii.iter().for_each(|&weight| assert!(descents.2.step(weight, &mut x).norm > 0.0));
    });
}
