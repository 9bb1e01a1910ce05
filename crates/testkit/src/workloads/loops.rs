//! A second set of functions in plain loops, at points made of sines, with one number that checks each derivative.
//!
//! Points are made of φ(i) = sin(0.7 i + 0.3), directions of cos(0.3 i + 0.1). A vector g is checked by
//! Σ_i g_i sin(0.11 i + 0.2), a Hessian H by Σ_{j ≤ i} H_ij sin(0.1 i) cos(0.2 j); indices count from 0. The functions of
//! [`rosenbrock`](super::rosenbrock), [`GaussianMixture`] and [`HelmholtzEnergy`] occur here at other points.

use super::{GaussianMixture, HelmholtzEnergy};
use autodiff_core::Real;
use ndarray::Array2;

/// φ(i) = sin(0.7 i + 0.3).
pub fn phi(i: usize) -> f64 {
    (0.7 * i as f64 + 0.3).sin()
}

/// φ(0), …, φ(n − 1).
pub fn sines(n: usize) -> Vec<f64> {
    (0..n).map(phi).collect()
}

/// The direction of Hessian-vector products: cos(0.3 i + 0.1).
pub fn direction(n: usize) -> Vec<f64> {
    (0..n).map(|i| (0.3 * i as f64 + 0.1).cos()).collect()
}

/// Σ_i g_i sin(0.11 i + 0.2).
pub fn check_vector(g: &[f64]) -> f64 {
    let weights = (0..).map(|i| (0.11 * f64::from(i) + 0.2).sin());
    g.iter().zip(weights).map(|(g, w)| g * w).sum()
}

/// Σ_{j ≤ i} H_ij sin(0.1 i) cos(0.2 j).
pub fn check_hessian(h: &Array2<f64>) -> f64 {
    h.indexed_iter()
        .filter(|((i, j), _)| j <= i)
        .map(|((i, j), h)| h * (0.1 * i as f64).sin() * (0.2 * j as f64).cos())
        .sum()
}

/// S2: d = 10, k = 25 and 1000 samples, number q of their entries being 2 sin(1.3 q + 0.5); θ_o = c φ(o) with c = ½ for α,
/// 1 for μ and 0.3 for L.
pub fn gaussian_mixture() -> (GaussianMixture, Vec<f64>) {
    let (d, k) = (10, 25);
    let mixture = GaussianMixture { d, k, x: (0..10_000).map(|q| 2.0 * (1.3 * f64::from(q) + 0.5).sin()).collect() };
    let scale = |o| match o {
        o if o < k => 0.5,
        o if o < k + k * d => 1.0,
        _ => 0.3,
    };
    let point = (0..mixture.dimension()).map(|o| scale(o) * phi(o)).collect();
    (mixture, point)
}

/// S3: b_i = 0.5 + 0.25 φ(2i), A_ij = 1/(i + j + 1), at x_i = (1.5 + φ(i))/(2n).
pub fn helmholtz_energy(n: usize) -> (HelmholtzEnergy, Vec<f64>) {
    let energy = HelmholtzEnergy {
        b: (0..n).map(|i| 0.5 + 0.25 * phi(2 * i)).collect(),
        a: (0..n * n).map(|q| 1.0 / ((q / n + q % n + 1) as f64)).collect(),
    };
    let point = (0..n).map(|i| (1.5 + phi(i)) / (2.0 * n as f64)).collect();
    (energy, point)
}

/// S5: mean squared error of a network 10-32-32-1 with tanh on 100 samples, all in loops.
///
/// Parameters (1441): W₁ [32, 10], b₁ \[32\], W₂ [32, 32], b₂ \[32\], w₃ \[32\], b₃; rows of a W belong to its outputs. Sample s
/// has the inputs sin(1.3 (10 s + j) + 0.5) and the target cos(0.9 s). Its point is [`network_point`].
pub fn network_loss<S: Real + Copy>(p: &[S]) -> S {
    let (samples, inputs, hidden) = (100, 10, 32);
    let (w1, p) = p.split_at(hidden * inputs);
    let (b1, p) = p.split_at(hidden);
    let (w2, p) = p.split_at(hidden * hidden);
    let (b2, p) = p.split_at(hidden);
    let (w3, b3) = p.split_at(hidden);
    let mut sum = S::from_f64(0.0);
    for s in 0..samples {
        let x = |j: usize| (1.3 * (inputs * s + j) as f64 + 0.5).sin();
        let h: Vec<S> =
            (0..hidden).map(|o| (0..inputs).fold(b1[o], |z, j| z + w1[o * inputs + j] * x(j))).map(S::tanh).collect();
        let h: Vec<S> =
            (0..hidden).map(|o| (0..hidden).fold(b2[o], |z, j| z + w2[o * hidden + j] * h[j])).map(S::tanh).collect();
        let y = (0..hidden).fold(b3[0], |z, j| z + w3[j] * h[j]);
        let residual = y - (0.9 * s as f64).cos();
        sum += residual * residual;
    }
    sum / samples as f64
}

/// T3b: Σ_i exp(sin x_i) x_{i+1} / (1 + x_{i+2}²), indices modulo the number of variables. T3a, with one variable and without
/// the factor x_{i+1}, is [`elementary`](super::elementary).
pub fn cycle<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let mut sum = S::from_f64(0.0);
    for i in 0..n {
        let last = x[(i + 2) % n];
        sum += x[i].sin().exp() * x[(i + 1) % n] / (last * last + 1.0);
    }
    sum
}

/// 0.3 φ(i) for the 1441 parameters of [`network_loss`].
pub fn network_point() -> Vec<f64> {
    (0..1441).map(|i| 0.3 * phi(i)).collect()
}

/// S6: Lennard-Jones energy Σ_{a<b} 4 (s² − s) with s = (1/r²)³, r the distance of the atoms a and b. Atom a has the
/// coordinates 3a, 3a + 1, 3a + 2 of x. Its point is [`grid`].
pub fn lennard_jones<S: Real + Copy>(x: &[S]) -> S {
    let mut sum = S::from_f64(0.0);
    for a in (0..x.len()).step_by(3) {
        for b in (a + 3..x.len()).step_by(3) {
            let mut square = S::from_f64(0.0);
            for q in 0..3 {
                let d = x[a + q] - x[b + q];
                square += d * d;
            }
            let inverse = S::from_f64(1.0) / square;
            let s = inverse * inverse * inverse;
            sum += (s * s - s) * 4.0;
        }
    }
    sum
}

/// 100 atoms near a grid of 5 × 5 × 4, the last axis fastest: coordinate q of atom a is 1.2 c_q + 0.05 φ(3a + q) for the
/// grid indices c.
pub fn grid() -> Vec<f64> {
    let indices = (0..100).flat_map(|a| [a / 20, a / 4 % 5, a % 4]);
    let places = indices.enumerate();
    places.map(|(i, c)| 1.2 * f64::from(c) + 0.05 * phi(i)).collect()
}

/// S7: a function with branches on values. For a = 1.5 x_i and d = x_i − x_{i+1}, i = 0, …, n − 2, it adds
/// * a sin a if a > 0.5, else a³ − 2a if a > −0.3, else eᵃ/(1 + a²);
/// * d² if d > 0, else ln(1 − d).
pub fn branches<S: Real + Copy>(x: &[S]) -> S {
    let mut sum = S::from_f64(0.0);
    for i in 0..x.len() - 1 {
        let a = x[i] * 1.5;
        sum += if a > 0.5 {
            a * a.sin()
        } else if a > -0.3 {
            a * a * a - a * 2.0
        } else {
            a.exp() / (a * a + 1.0)
        };
        let d = x[i] - x[i + 1];
        sum += if d > 0.0 { d * d } else { (-d + 1.0).ln() };
    }
    sum
}
