//! Functions in which variables far apart meet, and separable ones.

use autodiff_core::Real;

/// Coefficients α, β, γ, δ and the powers of i/n before each of the four sums.
#[derive(Clone, Copy)]
pub struct Dixmaan {
    pub coefficients: [f64; 4],
    pub powers: [i32; 4],
}

impl Dixmaan {
    /// Variants A to P.
    pub fn variant(letter: char) -> Option<Dixmaan> {
        let index = "ABCDEFGHIJKLMNOP".find(letter)?;
        let powers = [[0, 0, 0, 0], [1, 0, 0, 1], [2, 0, 0, 2], [2, 1, 1, 2]][index / 4];
        let coefficients = [
            [1.0, 0.0, 0.125, 0.125],
            [1.0, 0.0625, 0.0625, 0.0625],
            [1.0, 0.125, 0.125, 0.125],
            [1.0, 0.26, 0.26, 0.26],
        ][index % 4];
        Some(Dixmaan { coefficients, powers })
    }

    pub fn value<S: Real + Copy>(self, x: &[S]) -> S {
        let n = x.len();
        let m = n / 3;
        let [alpha, beta, gamma, delta] = self.coefficients;
        let weight = |i: usize, k: usize| ((i + 1) as f64 / n as f64).powi(self.powers[k]);
        let squares: S = (0..n).map(|i| x[i].square() * (alpha * weight(i, 0))).sum();
        let steps: S =
            (0..n - 1).map(|i| x[i].square() * (x[i + 1] + x[i + 1].square()).square() * (beta * weight(i, 1))).sum();
        let thirds: S = (0..2 * m).map(|i| x[i].square() * x[i + m].powi(4) * (gamma * weight(i, 2))).sum();
        let products: S = (0..m).map(|i| x[i] * x[i + 2 * m] * (delta * weight(i, 3))).sum();
        squares + steps + thirds + products + 1.0
    }
}

pub fn curly<S: Real + Copy>(x: &[S], width: usize) -> S {
    let n = x.len();
    let terms = (0..n).map(|i| {
        let q: S = x[i..(i + width + 1).min(n)].iter().copied().sum();
        q * (q * (q.square() - 20.0) - 0.1)
    });
    terms.sum()
}

pub fn dqrtic<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| (x - (i + 1) as f64).powi(4)).sum()
}

/// A surface over a square grid: its area, and the square of its mean height.
pub fn fminsurf<S: Real + Copy>(x: &[S]) -> S {
    let p = x.len().isqrt();
    let cells = (p - 1) as f64;
    let mut area = S::from_f64(0.0);
    for i in 0..p - 1 {
        for j in 0..p - 1 {
            let at = |di: usize, dj: usize| x[(i + di) * p + j + dj];
            let slopes = (at(0, 0) - at(1, 1)).square() + (at(1, 0) - at(0, 1)).square();
            area += (slopes * (0.5 * cells * cells) + 1.0).sqrt();
        }
    }
    area / (cells * cells) + (x.iter().copied().sum::<S>() / x.len() as f64).square()
}

/// The start of [`fminsurf`]: heights at the border that rise along it, 0 inside.
pub fn fminsurf_start(n: usize) -> Vec<f64> {
    let p = n.isqrt();
    let along = |k: usize| k as f64 / (p - 1) as f64;
    let height = |i: usize, j: usize| {
        if i == 0 {
            1.0 + 4.0 * along(j)
        } else if i == p - 1 {
            9.0 + 4.0 * along(j)
        } else if j == 0 {
            1.0 + 8.0 * along(i)
        } else if j == p - 1 {
            5.0 + 8.0 * along(i)
        } else {
            0.0
        }
    };
    (0..p * p).map(|k| height(k / p, k % p)).collect()
}

/// xᵀ(H + dI)x for Hilbert's matrix H.
pub fn hilbert<S: Real + Copy>(x: &[S], d: f64) -> S {
    let n = x.len();
    let row = |i: usize| -> S { (0..n).map(|j| x[j] / (i + j + 1) as f64).sum() };
    (0..n).map(|i| x[i] * (row(i) + x[i] * d)).sum()
}

/// ‖X² − B²‖² over square matrices X, with B_k = sin k² for entry number k from 1.
pub fn msqrtbls<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let p = x.len().isqrt();
    let b = matrix_root(x.len());
    let mut residuals = Vec::with_capacity(x.len());
    for i in 0..p {
        for j in 0..p {
            let found: S = (0..p).map(|k| x[i * p + k] * x[k * p + j]).sum();
            let wanted: f64 = (0..p).map(|k| b[i * p + k] * b[k * p + j]).sum();
            residuals.push(found - wanted);
        }
    }
    residuals
}

/// The root that [`msqrtbls`] knows.
pub fn matrix_root(n: usize) -> Vec<f64> {
    (1..=n).map(|k| ((k * k) as f64).sin()).collect()
}

pub fn noncvxu2<S: Real + Copy>(x: &[S]) -> S {
    let n = x.len();
    let term = |i: usize| {
        let u = x[i - 1] + x[(3 * i - 2) % n] + x[(7 * i - 3) % n];
        u.square() + u.cos() * 4.0
    };
    (1..=n).map(term).sum()
}

pub fn power<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| x.square() * (i + 1) as f64).sum::<S>().square()
}

pub fn sensors<S: Real + Copy>(x: &[S]) -> S {
    let sines: Vec<S> = x.iter().map(|x| x.sin()).collect();
    let mut f = S::from_f64(0.0);
    for i in 0..x.len() {
        for j in 0..x.len() {
            f -= (sines[i] * sines[j] * (x[i] - x[j]).sin()).square();
        }
    }
    f
}

/// Σ i/2 (Σ_k sin x at five places that i leads to)².
pub fn sparsine<S: Real + Copy>(x: &[S]) -> S {
    let sines: Vec<S> = x.iter().map(|x| x.sin()).collect();
    sparse(&sines, [2, 3, 5, 7, 11], 0.5)
}

/// Σ i/8 (Σ_k x² at five places that i leads to)².
pub fn sparsqur<S: Real + Copy>(x: &[S]) -> S {
    let squares: Vec<S> = x.iter().map(|x| x.square()).collect();
    sparse(&squares, [2, 3, 5, 7, 11], 0.125)
}

fn sparse<S: Real + Copy>(y: &[S], strides: [usize; 5], scale: f64) -> S {
    let n = y.len();
    let term = |i: usize| {
        let far: S = strides.iter().map(|k| y[(k * i - 1) % n]).sum();
        (y[i - 1] + far).square() * (scale * i as f64)
    };
    (1..=n).map(term).sum()
}

pub fn testquad<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| x.square() * (i + 1) as f64).sum()
}

pub fn hager<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| x.exp() - x * ((i + 1) as f64).sqrt()).sum()
}

pub fn raydan_1<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| (x.exp() - x) * ((i + 1) as f64 / 10.0)).sum()
}

pub fn diagonal_1<S: Real + Copy>(x: &[S]) -> S {
    x.iter().enumerate().map(|(i, &x)| x.exp() - x * (i + 1) as f64).sum()
}
