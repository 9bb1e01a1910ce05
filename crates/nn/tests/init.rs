//! Initial weights: their laws, at a fixed seed, and determinism.

use ndarray::{Array2, ArrayD, Ix2};
use nn::rand::{SeedableRng, rngs::SmallRng};
use nn::{Init, fans};

const SEED: u64 = 20;

fn draw(init: Init, shape: &[usize]) -> ArrayD<f64> {
    init.sample(shape, &mut SmallRng::seed_from_u64(SEED))
}

/// Largest distance of the empirical distribution function from `cdf`.
fn kolmogorov(sample: &ArrayD<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted: Vec<f64> = sample.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    sorted.iter().enumerate().fold(0.0, |m: f64, (i, &x)| {
        let p = cdf(x);
        m.max((p - i as f64 / n).abs()).max((p - (i + 1) as f64 / n).abs())
    })
}

#[test]
fn every_law_has_its_distribution() {
    // Fans of the matrix: 200 and 100. Of the kernel: 9 · 20 = 180 and 9 · 40 = 360.
    let (matrix, kernel) = (&[200, 100][..], &[3, 3, 20, 40][..]);
    let uniform = [
        (Init::Uniform(0.3), matrix, 0.3),
        (Init::XavierUniform, matrix, (6.0_f64 / 300.0).sqrt()),
        (Init::XavierUniform, kernel, (6.0_f64 / 540.0).sqrt()),
        (Init::HeUniform, matrix, (6.0_f64 / 200.0).sqrt()),
        (Init::HeUniform, kernel, (6.0_f64 / 180.0).sqrt()),
        (Init::LecunUniform, matrix, (3.0_f64 / 200.0).sqrt()),
    ];
    let normal = [
        (Init::Normal(0.3), matrix, 0.3),
        (Init::XavierNormal, matrix, (2.0_f64 / 300.0).sqrt()),
        (Init::XavierNormal, kernel, (2.0_f64 / 540.0).sqrt()),
        (Init::HeNormal, matrix, (2.0_f64 / 200.0).sqrt()),
        (Init::HeNormal, kernel, (2.0_f64 / 180.0).sqrt()),
        (Init::LecunNormal, matrix, (1.0_f64 / 200.0).sqrt()),
    ];
    // By chance alone Kolmogorov's distance exceeds 1.95/√n once in a thousand samples.
    let check = |init: Init, sample: &ArrayD<f64>, cdf: &dyn Fn(f64) -> f64, deviation: f64| {
        let n = sample.len() as f64;
        let distance = kolmogorov(sample, cdf);
        assert!(distance < 1.95 / n.sqrt(), "{init:?}, seed {SEED}: distance {distance}");
        // Five standard errors: of the mean σ/√n, of the mean square at most σ² √(2/n), the normal one.
        let mean = sample.sum() / n;
        assert!(mean.abs() < 5.0 * deviation / n.sqrt(), "{init:?}, seed {SEED}: mean {mean}");
        let square = sample.iter().map(|x| x * x).sum::<f64>() / n;
        let error = (square / (deviation * deviation) - 1.0).abs();
        assert!(error < 5.0 * (2.0 / n).sqrt(), "{init:?}, seed {SEED}: variance off by {error}");
    };
    for (init, shape, bound) in uniform {
        let sample = draw(init, shape);
        assert!(sample.iter().all(|x| (-bound..bound).contains(x)));
        check(init, &sample, &|x| 0.5 + 0.5 * x / bound, bound / 3.0_f64.sqrt());
    }
    for (init, shape, deviation) in normal {
        let cdf = |x: f64| 0.5 * libm::erfc(-x / (deviation * 2.0_f64.sqrt()));
        check(init, &draw(init, shape), &cdf, deviation);
    }
}

#[test]
fn entries_are_uncorrelated_with_their_neighbours() {
    for init in [Init::XavierUniform, Init::HeNormal] {
        let sample: Vec<f64> = draw(init, &[200, 100]).into_iter().collect();
        let square: f64 = sample.iter().map(|x| x * x).sum();
        for lag in [1, 2, 100] {
            let correlation = sample.iter().zip(&sample[lag..]).map(|(a, b)| a * b).sum::<f64>() / square;
            // Five standard errors of 1/√n.
            assert!(correlation.abs() < 5.0 / (sample.len() as f64).sqrt(), "{init:?}, lag {lag}: {correlation}");
        }
    }
}

#[test]
fn orthogonal_matrices_are() {
    for (rows, columns) in [(5, 5), (8, 3), (3, 8), (64, 64), (1, 4), (4, 1)] {
        let q: Array2<f64> = draw(Init::Orthogonal(2.0), &[rows, columns]).into_dimensionality::<Ix2>().unwrap();
        let product = if rows < columns { q.dot(&q.t()) } else { q.t().dot(&q) };
        let error = product - 4.0 * Array2::<f64>::eye(rows.min(columns));
        // Inner products of 64 entries of unit vectors round at a few ε, times 4.
        assert!(error.iter().all(|e| e.abs() < 1e-14), "{rows} × {columns}");
    }
    // Leading axes are rows.
    let kernel = draw(Init::Orthogonal(1.0), &[3, 3, 2, 4]).into_shape_with_order((18, 4)).unwrap();
    let error = kernel.t().dot(&kernel) - Array2::<f64>::eye(4);
    assert!(error.iter().all(|e| e.abs() < 1e-14));
}

#[test]
fn orthogonal_matrices_have_no_preferred_sign() {
    // Of 1 × 1 matrices half are −1: 5 standard errors of √(n/4) in 1000.
    let mut rng = SmallRng::seed_from_u64(SEED);
    let negative = (0..1000).filter(|_| Init::Orthogonal(1.0).sample::<f64>(&[1, 1], &mut rng)[[0, 0]] < 0.0).count();
    assert!(negative.abs_diff(500) < 80, "{negative}");
}

#[test]
fn one_seed_gives_one_weight_at_either_precision() {
    for init in [Init::Constant(0.1), Init::XavierUniform, Init::HeNormal, Init::Orthogonal(1.0)] {
        let (double, again) = (draw(init, &[4, 6]), draw(init, &[4, 6]));
        assert_eq!(double, again);
        let single: ArrayD<f32> = init.sample(&[4, 6], &mut SmallRng::seed_from_u64(SEED));
        assert_eq!(single, double.mapv(|x| x as f32));
    }
}

#[test]
fn shapes_of_every_rank_have_fans_and_a_sample() {
    assert_eq!(fans(&[]), (1, 1));
    assert_eq!(fans(&[7]), (7, 7));
    assert_eq!(fans(&[7, 2]), (7, 2));
    assert_eq!(fans(&[3, 4, 5]), (12, 15));
    assert_eq!(fans(&[3, 3, 16, 32]), (144, 288));
    for shape in [&[][..], &[3], &[0], &[0, 4], &[4, 0], &[2, 3, 4]] {
        for init in [Init::Constant(1.0), Init::XavierUniform, Init::HeNormal, Init::Orthogonal(1.0)] {
            let sample = draw(init, shape);
            assert_eq!(sample.shape(), shape);
            assert!(sample.iter().all(|x| x.is_finite()));
        }
    }
}
