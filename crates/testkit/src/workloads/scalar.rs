//! Functions of many scalars, written as plain loops over any number type; two of them also with arrays.

use super::{Problem, ScalarProblem};
use crate::counter::{symmetric, symmetrics, uniform, uniforms};
use autodiff_core::{Elementary, Function, Real, Var, constant};
use ndarray::{Array1, Array2};
use std::f64::consts::{LN_2, PI, SQRT_2};

/// Rosenbrock's function along a chain: Σ_{i=0}^{n−2} 100 (x_{i+1} − x_i²)² + (1 − x_i)².
pub fn rosenbrock<S: Real + Copy>(x: &[S]) -> S {
    let mut sum = S::from_f64(0.0);
    for i in 0..x.len() - 1 {
        let (a, b) = (x[i + 1] - x[i] * x[i], x[i] - 1.0);
        sum += a * a * 100.0 + b * b;
    }
    sum
}

/// S1a (`n` = 1000) and S1b (`n` = 100 000): [`rosenbrock`] at x_i = −1.2 for even i, 1 for odd i.
pub fn chained_rosenbrock(n: usize) -> ScalarProblem {
    Problem { name: chain_name(n), point: chain(n), function: Function::new(|x: &[Var]| rosenbrock(x)) }
}

/// [`chained_rosenbrock`] written with arrays.
pub fn chained_rosenbrock_of_arrays(n: usize) -> Problem<Var, Array1<f64>> {
    let function = Function::new(move |x: &Var| {
        let (head, tail) = (x.slice(0, ..n - 1), x.slice(0, 1..));
        (100.0 * (tail - head.square()).square() + (1.0 - head).square()).sum()
    });
    Problem { name: chain_name(n), point: chain(n).into(), function }
}

fn chain_name(n: usize) -> &'static str {
    if n == 1000 { "S1a" } else { "S1b" }
}

fn chain(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect()
}

/// Log-likelihood of samples under a mixture of `k` Gaussians in `d` dimensions, with a Wishart prior; the objective "GMM"
/// of ADBench (Šrajer, Kukelova, Fitzgibbon, "A benchmark of selected algorithmic differentiation tools", 2018).
///
/// Parameters, one vector θ: α \[k\]; μ [k, d]; L [k, d(d+1)/2]. Component c has the matrix Q_c, lower triangular: its
/// diagonal is exp of the first d entries q_c of L_c, and the other entries fill its strict lower part by columns, in the
/// order (1,0), (2,0), …, (d−1,0), (2,1), …. For n samples x_i,
///
/// ```text
/// f(θ) = − n d/2 · ln 2π − n · lse(α) − k C
///        + Σ_i lse_c(α_c + Σ q_c − ½ ‖Q_c (x_i − μ_c)‖²)
///        + ½ Σ_c (‖exp q_c‖² + ‖lower part of L_c‖²)
/// ```
///
/// where lse is ln Σ exp, with the largest entry subtracted first, and C = − m d/2 · ln 2 − ln Γ_d(m/2) with m = d + 1 and
/// ln Γ_d(a) = d(d−1)/4 · ln π + Σ_{j=1}^d ln Γ(a + (1 − j)/2). (This is γ = 1 and m = 0 in the notation of ADBench.)
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    /// Dimension of a sample.
    pub d: usize,
    /// Number of Gaussians.
    pub k: usize,
    /// The samples, row-major [n, d].
    pub x: Vec<f64>,
}

impl GaussianMixture {
    /// Length of θ.
    pub fn dimension(&self) -> usize {
        self.k * (1 + self.d + self.d * (self.d + 1) / 2)
    }

    /// f(θ).
    pub fn log_likelihood<S: Real + Copy>(&self, theta: &[S]) -> S {
        let (d, k) = (self.d, self.k);
        let triangle = d * (d + 1) / 2;
        let (alpha, rest) = theta.split_at(k);
        let (mu, l) = rest.split_at(k * d);
        let components: Vec<(&[S], &[S])> = l.chunks(triangle).map(|l| l.split_at(d)).collect();
        let diagonals: Vec<Vec<S>> = components.iter().map(|(q, _)| q.iter().map(|q| q.exp()).collect()).collect();
        let logs: Vec<S> = components.iter().map(|(q, _)| q.iter().copied().sum()).collect();

        let n = self.x.len() / d;
        let mut f = log_sum_exp(alpha) * -(n as f64);
        let mut terms = alpha.to_vec();
        let mut centred = vec![S::from_f64(0.0); d];
        for x in self.x.chunks(d) {
            for c in 0..k {
                for j in 0..d {
                    centred[j] = -mu[c * d + j] + x[j];
                }
                let lower = components[c].1;
                let mut square = S::from_f64(0.0);
                for row in 0..d {
                    let mut y = diagonals[c][row] * centred[row];
                    for column in 0..row {
                        // Columns before this one hold d − 1, d − 2, … entries.
                        let before = column * (2 * d - column - 1) / 2;
                        y += lower[before + row - column - 1] * centred[column];
                    }
                    square += y * y;
                }
                terms[c] = alpha[c] + logs[c] - square * 0.5;
            }
            f += log_sum_exp(&terms);
        }
        for ((_, lower), diagonal) in components.iter().zip(&diagonals) {
            for &entry in diagonal.iter().chain(lower.iter()) {
                f += entry * entry * 0.5;
            }
        }
        f - self.constant(n)
    }

    /// n d/2 · ln 2π + k C.
    fn constant(&self, n: usize) -> f64 {
        let (d, m) = (self.d as f64, self.d as f64 + 1.0);
        let ln_gamma_d: f64 = d * (d - 1.0) / 4.0 * PI.ln()
            + (1..=self.d).map(|j| Elementary::ln_gamma(m / 2.0 + (1.0 - j as f64) / 2.0)).sum::<f64>();
        let c = -0.5 * m * d * LN_2 - ln_gamma_d;
        n as f64 * d / 2.0 * (2.0 * PI).ln() + self.k as f64 * c
    }
}

/// S2: [`GaussianMixture`] with d = 10, k = 25 and 1000 samples X = S(1), at θ = S(2).
pub fn gaussian_mixture() -> ScalarProblem {
    let mixture = GaussianMixture { d: 10, k: 25, x: symmetrics(1, 10_000).to_vec() };
    let n = mixture.dimension() as u64;
    Problem {
        name: "S2",
        point: (0..n).map(|i| symmetric(2, i)).collect(),
        function: Function::new(move |theta: &[Var]| mixture.log_likelihood(theta)),
    }
}

/// ln Σ eˣ; the largest entry, found by comparisons, is subtracted first.
fn log_sum_exp<S: Real + Copy>(x: &[S]) -> S {
    let mut largest = x[0];
    for &x in &x[1..] {
        if x > largest {
            largest = x;
        }
    }
    x.iter().map(|&x| (x - largest).exp()).sum::<S>().ln() + largest
}

/// Helmholtz's free energy of a mixture at R T = 1 (Griewank's example): for B = b·x,
///
/// f(x) = Σ_i x_i ln(x_i/(1 − B)) − xᵀA x/(√8 B) · ln((1 + (1 + √2) B)/(1 + (1 − √2) B)).
#[derive(Clone, Debug)]
pub struct HelmholtzEnergy {
    /// Volumes b, of the dimension n of x.
    pub b: Vec<f64>,
    /// Attractions A, row-major [n, n].
    pub a: Vec<f64>,
}

impl HelmholtzEnergy {
    /// f(x), the quadratic form by a dense double loop.
    pub fn energy<S: Real + Copy>(&self, x: &[S]) -> S {
        let n = x.len();
        let mut volume = S::from_f64(0.0);
        for (&x, &b) in x.iter().zip(&self.b) {
            volume += x * b;
        }
        let free = -volume + 1.0;
        let mut entropy = S::from_f64(0.0);
        for &x in x {
            entropy += x * (x / free).ln();
        }
        let mut attraction = S::from_f64(0.0);
        for i in 0..n {
            let mut row = S::from_f64(0.0);
            for j in 0..n {
                row += x[j] * self.a[i * n + j];
            }
            attraction += x[i] * row;
        }
        let ratio = (volume * (1.0 + SQRT_2) + 1.0) / (volume * (1.0 - SQRT_2) + 1.0);
        entropy - attraction / (volume * 8.0_f64.sqrt()) * ratio.ln()
    }
}

/// S3: [`HelmholtzEnergy`] with n = 200, b_i = ½ (1 + U(3, i))/n and A_ij = U(4, min(i, j) n + max(i, j)), at
/// x_i = 0.1 + ½ U(2, i).
pub fn helmholtz_energy() -> ScalarProblem {
    let (energy, point) = mixture_of_200();
    Problem { name: "S3", point, function: Function::new(move |x: &[Var]| energy.energy(x)) }
}

/// [`helmholtz_energy`] written with arrays.
pub fn helmholtz_energy_of_arrays() -> Problem<Var, Array1<f64>> {
    let (energy, point) = mixture_of_200();
    let n = point.len();
    let b = Array1::from_vec(energy.b);
    let a = Array2::from_shape_vec((n, n), energy.a).expect("n rows of n");
    let function = Function::new(move |x: &Var| {
        let volume = constant(&b).dot(*x);
        let entropy = (x * (x / (1.0 - volume)).ln()).sum();
        let attraction = x.dot(constant(&a).matmul(*x)) / (8.0_f64.sqrt() * volume);
        let ratio = (1.0 + (1.0 + SQRT_2) * volume) / (1.0 + (1.0 - SQRT_2) * volume);
        entropy - attraction * ratio.ln()
    });
    Problem { name: "S3", point: point.into(), function }
}

/// The energy of S3 and its point.
pub fn mixture_of_200() -> (HelmholtzEnergy, Vec<f64>) {
    let n = 200;
    let count = n as f64;
    let energy = HelmholtzEnergy {
        b: uniforms(3, n).mapv(|u| 0.5 * (1.0 + u) / count).to_vec(),
        a: (0..n * n).map(|q| (q / n, q % n)).map(|(i, j)| uniform(4, (i.min(j) * n + i.max(j)) as u64)).collect(),
    };
    (energy, uniforms(2, n).mapv(|u| 0.1 + 0.5 * u).to_vec())
}
