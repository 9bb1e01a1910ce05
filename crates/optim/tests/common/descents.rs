//! Laws that every [`Descent`] keeps, checked on spectra of all kinds.

use super::{Spectral, norm, random};
use optim::{Descent, OperatorFn, StepEnd};

/// Spectra of order `n` that the laws are checked on: definite, ill-conditioned, indefinite, negative, and zero.
pub fn spectra(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let power = |base: f64| (0..n).map(|i| base.powf(i as f64 / n as f64)).collect::<Vec<_>>();
    vec![
        ("condition 10", power(10.0)),
        ("condition 1e6", power(1e6)),
        ("indefinite", power(100.0).iter().map(|l| l - 3.0).collect()),
        ("negative", power(10.0).iter().map(|l| -l).collect()),
        ("zero", vec![0.0; n]),
    ]
}

/// Radii up to the prepared one cost no product, bound the step, and decrease the model as promised: the more the larger,
/// and at least as the Cauchy point does. `loss` is what rounding of the promise is multiplied by on condition 1e6.
pub fn keeps_the_laws_for_shorter_radii<D: Descent<f64>>(n: usize, what: &str, loss: f64, make: impl Fn() -> D) {
    for (name, spectrum) in spectra(n) {
        let mut h = Spectral::new(spectrum, 1);
        let g = random(n, 2);
        let largest = 50.0;
        let mut descent = make();
        descent.prepare(&mut h, &g, largest, 1e-10).unwrap();
        let products = h.products;
        let mut s = vec![0.0; n];
        let mut last = 0.0;
        let whole = descent.step(largest, &mut s);
        for k in 1..=200 {
            let radius = largest * (k as f64 / 200.0).powi(3);
            let step = descent.step(radius, &mut s);
            let label = format!("{name}, {what}, radius {radius}: {step:?}");

            // Clipped to the radius; the division and n products by the factor round by ε each.
            assert!(norm(&s) <= radius * (1.0 + 4.0 * f64::EPSILON), "{label}: {}", norm(&s));
            // Two sums of n terms, in different orders.
            assert!((norm(&s) - step.norm).abs() <= 1e-13 * step.norm, "{label}: {}", norm(&s));

            // −q(s) is off by rounding of gᵀs and sᵀHs, and by the conjugacy that a path loses, about √n ε κ.
            let decrease = -h.model(&g, &s);
            let h_norm = h.spectrum.iter().fold(1e-300, |m: f64, l| m.max(l.abs()));
            let condition = if name == "condition 1e6" { loss } else { 1e2 };
            let units = norm(&g) * norm(&s) + (h_norm * norm(&s).powi(2)).min(1e4 * decrease.abs());
            let bound = 10.0 * condition * f64::EPSILON * units;
            assert!((decrease - step.decrease).abs() <= bound, "{label}: {decrease}");

            // Monotone, up to the rounding of one sum.
            assert!(step.decrease >= last * (1.0 - 1e-12), "{label}: before {last}");
            last = step.decrease;
            // At least the Cauchy decrease ½ ‖g‖ min(Δ, ‖g‖/‖H‖), the bound convergence rests on.
            let cauchy = 0.5 * norm(&g) * radius.min(norm(&g) / h_norm);
            assert!(step.decrease >= cauchy * (1.0 - 1e-12), "{label}: below Cauchy");
        }
        assert_eq!(h.products, products, "{name}: a shorter radius asked for products");
        assert_eq!(descent.step(1e9, &mut s), whole, "a larger radius is answered as the prepared one");
    }
}

/// Gradients and radii near the ends of the numbers.
pub fn stays_finite_at_extreme_scales<D: Descent<f64>>(n: usize, make: impl Fn() -> D) {
    for scale in [1e-140, 1e-30, 1e30, 1e140] {
        for radius in [1e-100, 1.0, 1e18] {
            for (name, spectrum) in spectra(n) {
                let mut h = Spectral::new(spectrum, 1);
                let g: Vec<f64> = random(n, 2).iter().map(|g| g * scale).collect();
                let mut descent = make();
                descent.prepare(&mut h, &g, radius, 1e-6).unwrap();
                let mut s = vec![0.0; n];
                let step = descent.step(radius, &mut s);
                assert!(step.norm > 0.0 && step.norm <= radius, "{name}, {scale:e}, {radius:e}: {step:?}");
                assert!(step.decrease > 0.0, "{name}, {scale:e}, {radius:e}: {step:?}");
            }
        }
    }
}

/// How the step for g = (1, 1) and a diagonal Hessian of order 2 ends, and after how many products.
pub fn end<D: Descent<f64>>(mut descent: D, [a, b]: [f64; 2], radius: f64) -> (StepEnd, usize) {
    let mut h = OperatorFn::new(2, move |v: &[f64], out: &mut [f64]| {
        out.copy_from_slice(&[a * v[0], b * v[1]]);
        Ok(())
    });
    let products = descent.prepare(&mut h, &[1.0, 1.0], radius, 1e-10).unwrap();
    (descent.step(radius, &mut [0.0; 2]).end, products)
}
