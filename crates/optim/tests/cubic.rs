//! Laws of the cubic step, and of the method that takes it.

mod common;

use common::{Counted, Spectral, distance, norm, problems, random};
use optim::{CubicModel, CubicRegularization, Gltr, Solver, TrustRegion};
use std::ops::ControlFlow;

fn cubic(h: &Spectral, g: &[f64], weight: f64, s: &[f64]) -> f64 {
    h.model(g, s) + weight / 3.0 * norm(s).powi(3)
}

/// (H + λI) s = −g, λ = σ ‖s‖, H + λI ⪰ 0: what makes a point the global minimum of the cubic model.
#[test]
fn two_thousand_cubic_models_are_minimised_globally() {
    for seed in 0..2000 {
        let r = random(3, 500 + seed);
        let n = 1 + (seed % 9) as usize;
        let spread = 10_f64.powf(3.0 * r[0]);
        let spectrum: Vec<f64> = random(n, 600 + seed).iter().map(|l| spread * (l + 0.4 * r[1])).collect();
        let least = spectrum.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = spectrum.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
        let mut h = Spectral::new(spectrum, seed);
        let g = random(n, 700 + seed);
        let weight = 10_f64.powf(3.0 * r[2]);
        let mut model = CubicModel::new();
        let products = model.prepare(&mut h, &g, weight, 0.0).unwrap();
        assert!(products <= n && products == h.products);
        let mut s = vec![0.0; n];
        // The prepared weight, and others without a product.
        for factor in [1.0, 10.0, 1e4, 0.1] {
            let weight = factor * weight;
            let step = model.step(weight, &mut s);
            let shift = model.shift();
            let label = format!("model {seed}, weight {weight}: {step:?}, shift {shift}");
            assert!((weight * norm(&s) - shift).abs() <= 1e-11 * shift, "{label}");
            assert!(least + shift >= -1e-12 * largest, "{label}");
            let residual: Vec<f64> = h.function(|l| l + shift, &s).iter().zip(&g).map(|(hs, g)| hs + g).collect();
            let units = (largest + shift) * norm(&s) + norm(&g);
            assert!(norm(&residual) <= 1e-11 * units, "{label}: {:e} of {units:e}", norm(&residual));
            assert!((h.model(&g, &s) + step.decrease).abs() <= 1e-11 * units * norm(&s), "{label}");
            let found = cubic(&h, &g, weight, &s);
            for k in 0..10 {
                let mut point = random(n, 9_000_000 + 10 * seed + k);
                let length = norm(&s) * 3.0 * (k as f64 + 1.0) / 10.0 / norm(&point);
                point.iter_mut().for_each(|p| *p *= length);
                let slack = 1e-11 * units * (norm(&s) + norm(&point));
                assert!(found <= cubic(&h, &g, weight, &point) + slack, "{label}");
            }
        }
        assert_eq!(h.products, products, "another weight asked for products");
        let long = model.step(weight, &mut s).norm;
        let heavier = model.weight_for(0.25 * long);
        let short = model.step(heavier, &mut s).norm;
        assert!((short - 0.25 * long).abs() <= 1e-10 * long && heavier > weight, "model {seed}: {short} of {long}");
    }
}

/// Beyond its basis the model is minimised all the same: by λ and s with (H + λI) s = −g for a weight λ/‖s‖ that is not
/// below the one asked for, and above it by no more than the grid is coarse.
#[test]
fn a_small_basis_goes_on_to_a_minimum_of_the_model() {
    const N: usize = 120;
    for (shift, weight) in [(0.0, 1e-6), (0.0, 1e-2), (0.0, 1.0), (-1.5, 1e-2), (-1.5, 1.0)] {
        let spectrum: Vec<f64> = (0..N).map(|i| 1e3_f64.powf(i as f64 / N as f64) + shift).collect();
        let mut h = Spectral::new(spectrum, 7);
        let g = random(N, 8);
        let mut whole = CubicModel::new();
        whole.prepare(&mut h, &g, weight, 1e-10).unwrap();
        let mut s = vec![0.0; N];
        let best = whole.step(weight, &mut s);
        let best_value = cubic(&h, &g, weight, &s);
        for vectors in [1, 2, 12, 40] {
            h.products = 0;
            let mut model = CubicModel::new().basis_vectors(vectors).max_products(10 * N);
            let products = model.prepare(&mut h, &g, weight, 1e-8).unwrap();
            assert!(products == h.products && products < 3 * N, "{products} products");
            let step = model.step(weight, &mut s);
            let lambda = model.shift();
            let label = format!("shift {shift}, weight {weight}, {vectors} vectors: {step:?}, {best:?}, λ {lambda}");
            assert!((norm(&s) - step.norm).abs() <= 1e-13 * step.norm, "{label}");
            assert!((h.model(&g, &s) + step.decrease).abs() <= 1e-6 * step.decrease, "{label}");
            let residual: Vec<f64> = h.function(|l| l + lambda, &s).iter().zip(&g).map(|(hs, g)| hs + g).collect();
            assert!(norm(&residual) <= 1.1e-8 * norm(&g), "{label}: {:e}", norm(&residual));
            assert!(lambda >= weight * norm(&s) * (1.0 - 1e-12), "{label}");
            if vectors >= 12 {
                assert!(lambda <= 4.0 * weight * best.norm, "{label}");
                // Where H + λI is nearly singular ‖s‖ changes much with λ.
                let enough = if shift < 0.0 { 0.0 } else { 0.9 * best_value };
                assert!(cubic(&h, &g, weight, &s) <= enough, "{label}: {best_value}");
            }
            // Larger weights and shorter lengths cost no product.
            let mut last = step.norm;
            for factor in [3.0, 100.0, 1e4] {
                let shorter = model.step(factor * weight, &mut s).norm;
                assert!(shorter <= last * (1.0 + 1e-12), "{label}: {shorter} after {last}");
                last = shorter;
            }
            let long = model.step(weight, &mut s).norm;
            let heavier = model.weight_for(0.25 * long);
            assert!(heavier > weight && model.step(heavier, &mut s).norm < 0.9999 * long, "{label}: {heavier}");
            assert_eq!(h.products, products, "{label}");
        }
    }
}

/// Σ ½ cᵢ xᵢ² + ¼ xᵢ⁴ − xᵢ with cᵢ from 1 to 10⁴: a step within 64 vectors leaves most of the gradient, so that some
/// hundred of them were needed where now ten steps are.
#[test]
fn two_thousand_badly_scaled_variables_take_few_iterations() {
    const N: usize = 2000;
    let scale = |i: usize| 1e4_f64.powf(i as f64 / N as f64);
    let f = Counted::new(optim::FromParts::new(
        N,
        |x: &[f64]| x.iter().enumerate().map(|(i, x)| 0.5 * scale(i) * x * x + 0.25 * x.powi(4) - x).sum(),
        |x: &[f64], g: &mut [f64]| {
            g.iter_mut().zip(x).enumerate().for_each(|(i, (g, x))| *g = scale(i) * x + x.powi(3) - 1.0)
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            hv.iter_mut().zip(x).zip(v).enumerate().for_each(|(i, ((hv, x), v))| *hv = (scale(i) + 3.0 * x * x) * v);
        },
    ));
    let start = vec![1.0; N];
    let report = CubicRegularization::new().minimize(&f, &start).unwrap();
    assert!(report.status.is_converged() && report.gradient_norm <= 1.5e-8, "{report}");
    assert!(report.counts.iterations <= 25, "{report}");
    assert_eq!(f.found()[2], report.counts.products);
    // Conjugate gradients need no more than a trust region's.
    let region = TrustRegion::new().minimize(&f, &start).unwrap();
    assert!(report.counts.products <= 2 * region.counts.products, "{report}; {region}");
}

#[test]
fn a_rejected_step_costs_no_products() {
    let mut rejections = 0;
    for problem in problems() {
        let problem = Counted::new(problem);
        let start = problem.inner.start.clone();
        let mut solver = CubicRegularization::new().weight(1e-6).start(&problem, &start).unwrap();
        let mut accepted = true;
        loop {
            let (before, last_norm) = (problem.found(), solver.progress().step_norm);
            let outcome = solver.step().unwrap();
            let [values, _, products] = problem.found();
            if !accepted && outcome.is_continue() {
                rejections += 1;
                assert_eq!(products, before[2], "{}", problem.inner.name);
                assert_eq!(values, before[0] + 1, "{}", problem.inner.name);
                let now = solver.progress().step_norm;
                assert!(now <= 0.51 * last_norm, "{}: {now} after {last_norm}", problem.inner.name);
            }
            accepted = solver.progress().accepted;
            if outcome.is_break() {
                break;
            }
        }
    }
    assert!(rejections > 20, "only {rejections} rejections: the law was hardly tested");
}

#[test]
fn two_runs_give_the_same_bits() {
    for problem in problems() {
        let cubic = || CubicRegularization::new().minimize(&problem, &problem.start).unwrap();
        assert_eq!(cubic(), cubic(), "{}", problem.name);
        let region = || TrustRegion::new().minimize(&problem, &problem.start).unwrap();
        assert_eq!(region(), region(), "{}", problem.name);
        // A workspace that has seen another problem makes no difference.
        let mut gltr = Gltr::new();
        let mut fresh = vec![0.0; 3];
        let mut used = vec![0.0; 3];
        let mut h = Spectral::new(vec![1.0, -2.0, 3.0], 1);
        let g = random(3, 2);
        use optim::Descent;
        gltr.prepare(&mut h, &g, 2.0, 1e-9).unwrap();
        gltr.step(1.0, &mut fresh);
        gltr.prepare(&mut Spectral::new(vec![5.0; 40], 3), &random(40, 4), 1.0, 0.1).unwrap();
        gltr.prepare(&mut h, &g, 2.0, 1e-9).unwrap();
        gltr.step(1.0, &mut used);
        assert!(distance(&fresh, &used) == 0.0);
    }
}

#[test]
fn options_without_sense_are_named() {
    let problem = &problems()[0];
    let error = |m: CubicRegularization<f64>| m.minimize(problem, &problem.start).unwrap_err().to_string();
    assert_eq!(
        error(CubicRegularization::new().weight(0.0)),
        "cubic regularization: weight is 0, expected a finite number above 0"
    );
    assert!(error(CubicRegularization::new().min_weight(2.0)).contains("min_weight is 2"));
    assert!(error(CubicRegularization::new().accept(0.3)).contains("accept is 0.3"));
    assert!(error(CubicRegularization::new().value_scale(f64::NAN)).contains("value_scale is NaN"));
    let stop = CubicRegularization::new()
        .minimize_observed(problem, &problem.start, |now| {
            if now.counts.iterations == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(stop.counts.iterations, 2);
}

/// Σ cos(xᵢ² − ½ xᵢ₊₁) from (1, …, 1). Where the weight falls too fast the steps jump to a valley in which x₁₀₀ goes to
/// 10⁴ and on, and a thousand iterations are not enough; so they did with one tenth an iteration from a first weight of 1.
#[test]
fn steps_do_not_jump_out_of_the_basin_of_the_minimum() {
    let problem = testkit::problems::cutest::problem("COSINE", 100).unwrap();
    let f = problem.function();
    let report = CubicRegularization::new().minimize(&f.flat(&problem.start), &problem.start).unwrap();
    assert!(report.status.is_converged() && (report.value + 99.0).abs() < 1e-9, "{report}");
    assert!(report.counts.iterations <= 30, "{report}");
}

/// The first step goes by the gradient: the same problem in other units of the value takes the same steps.
#[test]
fn the_first_weight_is_in_units_of_the_value() {
    let steps = |scale: f64| {
        let f = optim::FromParts::new(
            2,
            move |x: &[f64]| scale * (x[0].cosh() + x[1].powi(2)),
            move |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[scale * x[0].sinh(), scale * 2.0 * x[1]]),
            move |x: &[f64], v: &[f64], hv: &mut [f64]| {
                hv.copy_from_slice(&[scale * x[0].cosh() * v[0], scale * 2.0 * v[1]]);
            },
        );
        let mut solver = CubicRegularization::new().gradient_tolerance(0.0).start(&f, &[3.0, 1.0]).unwrap();
        let mut norms = Vec::new();
        for _ in 0..4 {
            let _ = solver.step().unwrap();
            norms.push(solver.progress().step_norm);
        }
        norms
    };
    // Powers of two scale exactly, but for the allowance for rounding.
    assert!(distance(&steps(1.0), &steps(1024.0)) < 1e-12, "{:?} {:?}", steps(1.0), steps(1024.0));
    assert!(steps(1024.0)[0] <= 1.0);
}

/// At the minimum of this fit the decrease of a step is lost in the sum of 151 squares. Steps that the gradient lets pass there
/// raise the weight; where they left it alone the run circled until its iterations ran out.
#[test]
fn a_run_ends_where_rounding_hides_every_decrease() {
    let set = testkit::problems::nist::all().iter().find(|set| set.name == "Kirby2").unwrap();
    for start in 0..2 {
        let problem = set.problem(start);
        let method = CubicRegularization::new().max_iterations(10_000);
        let report = method.minimize(&problem.function().flat(&problem.start), &problem.start).unwrap();
        assert!(report.counts.iterations < 100 && set.digits(&report.x) > 10.0, "start {}: {report}", start + 1);
    }
}
