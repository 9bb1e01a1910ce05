//! Laws of the truncated conjugate-gradient step.

mod common;

use common::{Spectral, descents, distance, norm, random};
use optim::{Damped, Descent, LinearOperator, Steihaug, StepEnd};

const N: usize = 40;

#[test]
fn as_many_products_as_distinct_eigenvalues() {
    for distinct in 1..=6 {
        let spectrum = (0..N).map(|i| 1.0 + (i % distinct) as f64).collect();
        let mut h = Spectral::new(spectrum, 3);
        let g = random(N, 4);
        let mut cg = Steihaug::new();
        // After that many products only rounding is left of the residual, about ε times the condition number 6 and the
        // number of products; 1e-12 is a hundred times that.
        let products = cg.prepare(&mut h, &g, 1e6, 1e-12).unwrap();
        assert_eq!(products, distinct);
        assert_eq!(h.products, distinct);
        let mut s = vec![0.0; N];
        let step = cg.step(1e6, &mut s);
        assert_eq!(step.end, StepEnd::Interior);
        // −H⁻¹g from the known spectrum; the error is the residual over the smallest eigenvalue 1.
        let newton: Vec<f64> = h.function(|l| -1.0 / l, &g);
        assert!(distance(&s, &newton) <= 1e-12 * norm(&g));
        assert!((step.norm - norm(&newton)).abs() <= 1e-12 * norm(&g));
    }
}

#[test]
fn shorter_radii_cost_nothing_and_keep_the_laws() {
    for rows in [64, 5, 2] {
        let make = || Steihaug::new().path_rows(rows);
        descents::keeps_the_laws_for_shorter_radii(N, &format!("{rows} rows"), 1e6, make);
    }
}

/// A step cut from a stored path is the step that a fresh run with the shorter radius finds.
#[test]
fn a_cut_path_equals_a_fresh_one() {
    for (name, spectrum) in descents::spectra(N) {
        let mut h = Spectral::new(spectrum, 5);
        let g = random(N, 6);
        let (mut long, mut short) = (Steihaug::new(), Steihaug::new());
        long.prepare(&mut h, &g, 100.0, 1e-10).unwrap();
        for radius in [1e-6, 0.01, 0.3, 1.0, 3.0, 10.0, 99.0] {
            short.prepare(&mut h, &g, radius, 1e-10).unwrap();
            let (mut a, mut b) = (vec![0.0; N], vec![0.0; N]);
            long.step(radius, &mut a);
            short.step(radius, &mut b);
            // The same path in the same order: only the crossing is rounded differently, and it amplifies by the
            // grazing angle of the path, at most 1e3 here.
            assert!(distance(&a, &b) <= 1e-12 * radius, "{name}, radius {radius}: {:e}", distance(&a, &b));
        }
    }
}

#[test]
fn each_end_is_named() {
    let end = |a, b, radius, limit| descents::end(Steihaug::new().max_products(limit), [a, b], radius);
    assert_eq!(end(1.0, 2.0, 10.0, 5), (StepEnd::Interior, 2));
    assert_eq!(end(1.0, 2.0, 0.1, 5), (StepEnd::Boundary, 1));
    assert_eq!(end(-1.0, 0.0, 10.0, 5), (StepEnd::NegativeCurvature, 1));
    assert_eq!(end(1.0, 2.0, 10.0, 1), (StepEnd::ProductLimit, 1));
    assert_eq!(end(1.0, 2.0, 10.0, 0), (StepEnd::ProductLimit, 0));
    assert_eq!(end(f64::NAN, 2.0, 10.0, 5), (StepEnd::NonFinite, 1));
    assert_eq!(end(f64::INFINITY, 2.0, 10.0, 5), (StepEnd::NonFinite, 1));
}

#[test]
fn a_zero_gradient_gives_a_zero_step_and_no_product() {
    let mut h = Spectral::new(vec![1.0; N], 1);
    let mut cg = Steihaug::new();
    assert_eq!(cg.prepare(&mut h, &[0.0; N], 1.0, 0.1).unwrap(), 0);
    let mut s = vec![1.0; N];
    let step = cg.step(1.0, &mut s);
    assert_eq!((step.norm, step.decrease, step.end), (0.0, 0.0, StepEnd::Interior));
    assert_eq!(s, vec![0.0; N]);
}

#[test]
fn extreme_scales_stay_finite() {
    descents::stays_finite_at_extreme_scales(N, Steihaug::new);
}

#[test]
fn damping_shifts_the_spectrum() {
    let g = random(N, 2);
    let (h, shifted) = (Spectral::new(vec![-1.0; N], 1), 3.0);
    let mut damped = Damped::new(h, shifted);
    let mut out = vec![0.0; N];
    damped.apply(&g, &mut out).unwrap();
    let expected: Vec<f64> = g.iter().map(|g| 2.0 * g).collect();
    // Two reflections of a vector: a few ε of its norm.
    assert!(distance(&out, &expected) <= 1e-14 * norm(&g));
}
