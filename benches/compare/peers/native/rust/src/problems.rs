//! The workloads in plain loops over any number type: the functions, points and bits of data of `crates/testkit`, whose
//! documentation defines everything here.

use std::f64::consts::{LN_2, PI, SQRT_2};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::rc::Rc;

/// What the functions compute with.
pub trait Number:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign
{
    /// The constant c.
    fn constant(c: f64) -> Self;
    /// Whether its value is larger than c.
    fn exceeds(&self, c: f64) -> bool;
    /// sin.
    fn sin(self) -> Self;
    /// exp.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// tanh.
    fn tanh(self) -> Self;
}

/// A function with the point it is evaluated at.
#[derive(Clone)]
pub struct Problem {
    /// The point.
    pub point: Vec<f64>,
    function: Rc<Function>,
}

enum Function {
    Rosenbrock,
    Mixture { data: Vec<f64> },
    Energy { b: Vec<f64>, a: Vec<f64> },
    Network,
    Atoms,
    Branches,
    Elementary,
    Cycle,
}

impl Problem {
    /// The problem of this name, if there is one.
    pub fn named(name: &str) -> Option<Problem> {
        let (function, point) = match name {
            "S1" => (Function::Rosenbrock, chain(1000)),
            "S1b" => (Function::Rosenbrock, chain(100_000)),
            "S2" => {
                let data = (0..SAMPLES * D).map(|i| symmetric(1, i)).collect();
                (Function::Mixture { data }, (0..K * (1 + D + TRIANGLE)).map(|i| symmetric(2, i)).collect())
            }
            "S3" => {
                let n = 200;
                let b = (0..n).map(|i| 0.5 * (1.0 + uniform(3, i)) / n as f64).collect();
                let place = |q: usize| (q / n).min(q % n) * n + (q / n).max(q % n);
                let a = (0..n * n).map(|q| uniform(4, place(q))).collect();
                (Function::Energy { b, a }, (0..n).map(|i| 0.1 + 0.5 * uniform(2, i)).collect())
            }
            "S5" => (Function::Network, (0..1441).map(|i| 0.3 * phi(i)).collect()),
            "S6" => {
                let place = |q: usize| [q / 60, q / 12 % 5, q / 3 % 4][q % 3] as f64;
                (Function::Atoms, (0..300).map(|q| 1.2 * place(q) + 0.05 * phi(q)).collect())
            }
            "S7" => (Function::Branches, (0..1000).map(phi).collect()),
            "T3a" => (Function::Elementary, vec![0.7]),
            "T3b" => (Function::Cycle, (0..10).map(phi).collect()),
            _ => return None,
        };
        Some(Problem { point, function: Rc::new(function) })
    }

    /// Direction number 0.
    pub fn direction(&self) -> Vec<f64> {
        (0..self.point.len()).map(|i| symmetric(99, i)).collect()
    }

    /// f(x).
    pub fn at<S: Number>(&self, x: &[S]) -> S {
        match &*self.function {
            Function::Rosenbrock => rosenbrock(x),
            Function::Mixture { data } => log_likelihood(data, x),
            Function::Energy { b, a } => energy(b, a, x),
            Function::Network => network_loss(x),
            Function::Atoms => lennard_jones(x),
            Function::Branches => branches(x),
            Function::Elementary => x[0].sin().exp() / (x[0] * x[0] + 1.0),
            Function::Cycle => cycle(x),
        }
    }
}

/// U(stream, i), in [0, 1): integer arithmetic, the same bits in every language.
fn uniform(stream: u64, i: usize) -> f64 {
    let offset = (stream + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    let z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(offset);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let z = z ^ (z >> 31);
    (z >> 11) as f64 * (-53_f64).exp2()
}

/// S(stream, i) = 2 U − 1, in [−1, 1).
fn symmetric(stream: u64, i: usize) -> f64 {
    2.0 * uniform(stream, i) - 1.0
}

/// φ(i) = sin(0.7 i + 0.3).
fn phi(i: usize) -> f64 {
    (0.7 * i as f64 + 0.3).sin()
}

fn chain(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect()
}

fn zero<S: Number>() -> S {
    S::constant(0.0)
}

/// S1, S1b.
fn rosenbrock<S: Number>(x: &[S]) -> S {
    let mut sum = zero::<S>();
    for i in 0..x.len() - 1 {
        let (a, b) = (x[i + 1] - x[i] * x[i], x[i] - 1.0);
        sum += a * a * 100.0 + b * b;
    }
    sum
}

/// Dimension of the mixture's samples.
const D: usize = 10;
/// Its Gaussians.
const K: usize = 25;
/// Its samples.
const SAMPLES: usize = 1000;
/// Entries of a lower triangular matrix.
const TRIANGLE: usize = D * (D + 1) / 2;

/// S2: log-likelihood of samples under a mixture of Gaussians. Parameters α [K], μ [K, D], L [K, TRIANGLE]: logarithms of the diagonal of a lower triangular matrix, then its strict
/// lower part by columns.
fn log_likelihood<S: Number>(data: &[f64], theta: &[S]) -> S {
    let (alpha, rest) = theta.split_at(K);
    let (mu, l) = rest.split_at(K * D);
    let mut diagonals = [zero::<S>(); K * D];
    let mut logs = [zero::<S>(); K];
    for c in 0..K {
        for j in 0..D {
            diagonals[c * D + j] = l[c * TRIANGLE + j].exp();
            logs[c] += l[c * TRIANGLE + j];
        }
    }
    let mut f = log_sum_exp(alpha) * -(SAMPLES as f64);
    let (mut terms, mut centred) = ([zero::<S>(); K], [zero::<S>(); D]);
    for sample in data.chunks_exact(D) {
        for c in 0..K {
            for j in 0..D {
                centred[j] = -mu[c * D + j] + sample[j];
            }
            let lower = &l[c * TRIANGLE + D..(c + 1) * TRIANGLE];
            let mut square = zero::<S>();
            for row in 0..D {
                let mut y = diagonals[c * D + row] * centred[row];
                for column in 0..row {
                    // Columns before this one hold D − 1, D − 2, … entries.
                    let before = column * (2 * D - column - 1) / 2;
                    y += lower[before + row - column - 1] * centred[column];
                }
                square += y * y;
            }
            terms[c] = alpha[c] + logs[c] - square * 0.5;
        }
        f += log_sum_exp(&terms);
    }
    for c in 0..K {
        for &entry in diagonals[c * D..(c + 1) * D].iter().chain(&l[c * TRIANGLE + D..(c + 1) * TRIANGLE]) {
            f += entry * entry * 0.5;
        }
    }
    f - mixture_constant()
}

/// n d/2 · ln 2π + k C with C = −m d/2 · ln 2 − ln Γ_d(m/2), m = d + 1.
fn mixture_constant() -> f64 {
    let (d, m) = (D as f64, D as f64 + 1.0);
    let ln_gamma_d: f64 = d * (d - 1.0) / 4.0 * PI.ln() + (1..=D).map(|j| ln_gamma_of_half(D + 2 - j)).sum::<f64>();
    SAMPLES as f64 * d / 2.0 * (2.0 * PI).ln() + K as f64 * (-0.5 * m * d * LN_2 - ln_gamma_d)
}

/// ln Γ(a/2) for a = 1, 2, 3, …, by Γ(z + 1) = z Γ(z) from Γ(½) = √π or Γ(1) = 1.
fn ln_gamma_of_half(a: usize) -> f64 {
    let start = if a % 2 == 1 { PI.sqrt().ln() } else { 0.0 };
    (1..a).filter(|z| z % 2 == a % 2).fold(start, |sum, z| sum + (z as f64 / 2.0).ln())
}

/// ln Σ eˣ; the largest entry, found by comparisons, is subtracted first.
fn log_sum_exp<S: Number>(x: &[S]) -> S {
    let mut largest = x[0];
    for &x in &x[1..] {
        if x > largest {
            largest = x;
        }
    }
    let mut sum = zero::<S>();
    for &x in x {
        sum += (x - largest).exp();
    }
    sum.ln() + largest
}

/// S3: Helmholtz's free energy of a mixture.
fn energy<S: Number>(b: &[f64], a: &[f64], x: &[S]) -> S {
    let n = x.len();
    let (mut volume, mut entropy, mut attraction) = (zero::<S>(), zero::<S>(), zero::<S>());
    for i in 0..n {
        volume += x[i] * b[i];
    }
    let free = -volume + 1.0;
    for &x in x {
        entropy += x * (x / free).ln();
    }
    for i in 0..n {
        let mut row = zero::<S>();
        for j in 0..n {
            row += x[j] * a[i * n + j];
        }
        attraction += x[i] * row;
    }
    let ratio = (volume * (1.0 + SQRT_2) + 1.0) / (volume * (1.0 - SQRT_2) + 1.0);
    entropy - attraction / (volume * 8.0_f64.sqrt()) * ratio.ln()
}

/// S5: mean squared error of a network 10-32-32-1 with tanh on 100 samples.
fn network_loss<S: Number>(p: &[S]) -> S {
    let (samples, inputs, hidden) = (100, 10, 32);
    let (w1, p) = p.split_at(hidden * inputs);
    let (b1, p) = p.split_at(hidden);
    let (w2, p) = p.split_at(hidden * hidden);
    let (b2, p) = p.split_at(hidden);
    let (w3, b3) = p.split_at(hidden);
    let (mut first, mut second) = (vec![zero::<S>(); hidden], vec![zero::<S>(); hidden]);
    let mut sum = zero::<S>();
    for s in 0..samples {
        let x: [f64; 10] = std::array::from_fn(|j| (1.3 * (inputs * s + j) as f64 + 0.5).sin());
        for o in 0..hidden {
            first[o] = (0..inputs).fold(b1[o], |z, j| z + w1[o * inputs + j] * x[j]).tanh();
        }
        for o in 0..hidden {
            second[o] = (0..hidden).fold(b2[o], |z, j| z + w2[o * hidden + j] * first[j]).tanh();
        }
        let y = (0..hidden).fold(b3[0], |z, j| z + w3[j] * second[j]);
        let residual = y - (0.9 * s as f64).cos();
        sum += residual * residual;
    }
    sum / samples as f64
}

/// S6: energy of atoms.
fn lennard_jones<S: Number>(x: &[S]) -> S {
    let mut sum = zero::<S>();
    for a in (0..x.len()).step_by(3) {
        for b in (a + 3..x.len()).step_by(3) {
            let mut square = zero::<S>();
            for q in 0..3 {
                let d = x[a + q] - x[b + q];
                square += d * d;
            }
            let inverse = S::constant(1.0) / square;
            let s = inverse * inverse * inverse;
            sum += (s * s - s) * 4.0;
        }
    }
    sum
}

/// S7: branches on values. A replayed tape holds at points that take the same branches.
fn branches<S: Number>(x: &[S]) -> S {
    let mut sum = zero::<S>();
    for i in 0..x.len() - 1 {
        let a = x[i] * 1.5;
        sum += if a.exceeds(0.5) {
            a * a.sin()
        } else if a.exceeds(-0.3) {
            a * a * a - a * 2.0
        } else {
            a.exp() / (a * a + 1.0)
        };
        let d = x[i] - x[i + 1];
        sum += if d.exceeds(0.0) { d * d } else { (-d + 1.0).ln() };
    }
    sum
}

/// T3b: Σ exp(sin x_i) x_{i+1} / (1 + x_{i+2}²), indices modulo the number of variables.
fn cycle<S: Number>(x: &[S]) -> S {
    let n = x.len();
    let mut sum = zero::<S>();
    for i in 0..n {
        let last = x[(i + 2) % n];
        sum += x[i].sin().exp() * x[(i + 1) % n] / (last * last + 1.0);
    }
    sum
}
