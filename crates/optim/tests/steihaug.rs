//! Laws of the truncated conjugate-gradient step.

mod common;

use common::{Spectral, distance, norm, random};
use optim::{Damped, Descent, LinearOperator, OperatorFn, Steihaug, StepEnd};

const N: usize = 40;

/// Spectra the laws are checked on: definite, ill-conditioned, indefinite, and negative.
fn spectra() -> Vec<(&'static str, Vec<f64>)> {
    let power = |base: f64| (0..N).map(|i| base.powf(i as f64 / N as f64)).collect::<Vec<_>>();
    let shifted = power(100.0).iter().map(|l| l - 3.0).collect();
    let negative = power(10.0).iter().map(|l| -l).collect();
    vec![
        ("condition 10", power(10.0)),
        ("condition 1e6", power(1e6)),
        ("indefinite", shifted),
        ("negative", negative),
        ("zero", vec![0.0; N]),
    ]
}

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
        for (name, spectrum) in spectra() {
            let mut h = Spectral::new(spectrum, 1);
            let g = random(N, 2);
            let largest = 50.0;
            let mut cg = Steihaug::new().path_rows(rows);
            cg.prepare(&mut h, &g, largest, 1e-10).unwrap();
            let products = h.products;
            let mut s = vec![0.0; N];
            let mut last = 0.0;
            let whole = cg.step(largest, &mut s);
            for k in 1..=200 {
                let radius = largest * (k as f64 / 200.0).powi(3);
                let step = cg.step(radius, &mut s);
                let label = format!("{name}, {rows} rows, radius {radius}");

                // Clipped to the radius; the division and N products by the factor round by ε each.
                assert!(norm(&s) <= radius * (1.0 + 4.0 * f64::EPSILON), "{label}: {}", norm(&s));
                // Two sums of N terms, in different orders.
                assert!((norm(&s) - step.norm).abs() <= 1e-14 * step.norm, "{label}");

                // The promise is summed from positive terms; −q(s) is off by rounding of gᵀs and sᵀHs, and by the
                // conjugacy that the path loses, which on condition 1e6 is about √N ε κ.
                let decrease = -h.model(&g, &s);
                let condition = if name == "condition 1e6" { 1e6 } else { 1e2 };
                let bound = 10.0 * condition * f64::EPSILON * (norm(&g) * norm(&s) + decrease.abs());
                assert!((decrease - step.decrease).abs() <= bound, "{label}: {decrease} {}", step.decrease);

                // Monotone, up to the rounding of one sum.
                assert!(step.decrease >= last * (1.0 - 1e-14), "{label}");
                last = step.decrease;
                // At least the Cauchy decrease ½ ‖g‖ min(Δ, ‖g‖/‖H‖), the bound convergence rests on.
                let h_norm = h.spectrum.iter().fold(1e-300, |m: f64, l| m.max(l.abs()));
                let cauchy = 0.5 * norm(&g) * radius.min(norm(&g) / h_norm);
                assert!(step.decrease >= cauchy * (1.0 - 1e-12), "{label}: below Cauchy");
            }
            assert_eq!(h.products, products, "{name}: a shorter radius asked for products");
            assert_eq!(cg.step(1e9, &mut s), whole, "a larger radius is answered as the prepared one");
        }
    }
}

/// A step cut from a stored path is the step that a fresh run with the shorter radius finds.
#[test]
fn a_cut_path_equals_a_fresh_one() {
    for (name, spectrum) in spectra() {
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
    let mut s = vec![0.0; 2];
    let diagonal = |a: f64, b: f64| {
        OperatorFn::new(2, move |v: &[f64], out: &mut [f64]| {
            out.copy_from_slice(&[a * v[0], b * v[1]]);
            Ok(())
        })
    };
    let g = [1.0, 1.0];
    let mut end = |a, b, radius, limit| {
        let mut cg = Steihaug::new().max_products(limit);
        let products = cg.prepare(&mut diagonal(a, b), &g, radius, 1e-10).unwrap();
        (cg.step(radius, &mut s).end, products)
    };
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
    for scale in [1e-140, 1e-30, 1e30, 1e140] {
        for radius in [1e-100, 1.0, 1e18] {
            for (name, spectrum) in spectra() {
                let mut h = Spectral::new(spectrum, 1);
                let g: Vec<f64> = random(N, 2).iter().map(|g| g * scale).collect();
                let mut cg = Steihaug::new();
                cg.prepare(&mut h, &g, radius, 1e-6).unwrap();
                let mut s = vec![0.0; N];
                let step = cg.step(radius, &mut s);
                assert!(step.norm > 0.0 && step.norm <= radius, "{name}, {scale:e}, {radius:e}: {step:?}");
                assert!(step.decrease > 0.0, "{name}, {scale:e}, {radius:e}: {step:?}");
            }
        }
    }
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
