//! Residuals of problems 21 to 35, of any number of variables that the formula allows.

use autodiff_core::Real;

pub fn extended_rosenbrock<S: Real + Copy>(x: &[S]) -> Vec<S> {
    x.chunks_exact(2).flat_map(|x| [(x[1] - x[0].square()) * 10.0, -x[0] + 1.0]).collect()
}

pub fn extended_powell_singular<S: Real + Copy>(x: &[S]) -> Vec<S> {
    x.chunks_exact(4)
        .flat_map(|x| {
            [
                x[0] + x[1] * 10.0,
                (x[2] - x[3]) * 5.0_f64.sqrt(),
                (x[1] - x[2] * 2.0).square(),
                (x[0] - x[3]).square() * 10.0_f64.sqrt(),
            ]
        })
        .collect()
}

/// √a of both penalty functions, a = 1e-5.
fn root_a() -> f64 {
    1e-5_f64.sqrt()
}

pub fn penalty_1<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let mut r: Vec<S> = x.iter().map(|&x| (x - 1.0) * root_a()).collect();
    r.push(x.iter().map(|&x| x * x).sum::<S>() - 0.25);
    r
}

pub fn penalty_2<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let n = x.len();
    let grown: Vec<S> = x.iter().map(|&x| (x / 10.0).exp()).collect();
    let y = |i: usize| (i as f64 / 10.0).exp() + ((i as f64 - 1.0) / 10.0).exp();
    let mut r = vec![x[0] - 0.2];
    r.extend((1..n).map(|i| (grown[i] + grown[i - 1] - y(i + 1)) * root_a()));
    r.extend(grown[1..].iter().map(|&e| (e - (-0.1_f64).exp()) * root_a()));
    r.push(x.iter().enumerate().map(|(j, &x)| x * x * (n - j) as f64).sum::<S>() - 1.0);
    r
}

pub fn variably_dimensioned<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let mut r: Vec<S> = x.iter().map(|&x| x - 1.0).collect();
    let weighted: S = r.iter().enumerate().map(|(j, &r)| r * (j + 1) as f64).sum();
    r.extend([weighted, weighted.square()]);
    r
}

pub fn trigonometric<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let sum: S = x.iter().map(|x| x.cos()).sum();
    let n = x.len() as f64;
    x.iter().enumerate().map(|(i, &x)| -sum + n + (-x.cos() + 1.0) * (i + 1) as f64 - x.sin()).collect()
}

pub fn brown_almost_linear<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let (n, sum) = (x.len(), x.iter().copied().sum::<S>());
    let mut r: Vec<S> = x[..n - 1].iter().map(|&x| x + sum - (n as f64 + 1.0)).collect();
    r.push(x.iter().copied().product::<S>() - 1.0);
    r
}

/// x_i with x_0 = x_{n+1} = 0, i from 0 to n + 1 as in the formulas.
fn padded<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let zero = S::from_f64(0.0);
    std::iter::once(zero).chain(x.iter().copied()).chain([zero]).collect()
}

pub fn discrete_boundary_value<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let h = 1.0 / (x.len() as f64 + 1.0);
    let x = padded(x);
    (1..x.len() - 1)
        .map(|i| x[i] * 2.0 - x[i - 1] - x[i + 1] + (x[i] + (i as f64 * h + 1.0)).powi(3) * (h * h / 2.0))
        .collect()
}

pub fn discrete_integral<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let n = x.len();
    let h = 1.0 / (n as f64 + 1.0);
    let t = |i: usize| (i + 1) as f64 * h;
    let cube: Vec<S> = x.iter().enumerate().map(|(j, &x)| (x + (t(j) + 1.0)).powi(3)).collect();
    (0..n)
        .map(|i| {
            let before: S = (0..=i).map(|j| cube[j] * t(j)).sum();
            let after: S = (i + 1..n).map(|j| cube[j] * (1.0 - t(j))).sum();
            x[i] + (before * (1.0 - t(i)) + after * t(i)) * (h / 2.0)
        })
        .collect()
}

pub fn broyden_tridiagonal<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let x = padded(x);
    (1..x.len() - 1).map(|i| (x[i] * -2.0 + 3.0) * x[i] - x[i - 1] - x[i + 1] * 2.0 + 1.0).collect()
}

pub fn broyden_banded<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let n = x.len();
    (0..n)
        .map(|i| {
            let others = (i.saturating_sub(5)..=(i + 1).min(n - 1)).filter(|&j| j != i);
            let sum: S = others.map(|j| x[j] * (x[j] + 1.0)).sum();
            x[i] * (x[i].square() * 5.0 + 2.0) + 1.0 - sum
        })
        .collect()
}

pub fn linear_full_rank<S: Real + Copy>(x: &[S], m: usize) -> Vec<S> {
    let all = x.iter().copied().sum::<S>() * (2.0 / m as f64) + 1.0;
    (0..m).map(|i| x.get(i).map_or(-all, |&x| x - all)).collect()
}

pub fn linear_rank_1<S: Real + Copy>(x: &[S], m: usize) -> Vec<S> {
    let sum: S = x.iter().enumerate().map(|(j, &x)| x * (j + 1) as f64).sum();
    (1..=m).map(|i| sum * i as f64 - 1.0).collect()
}

pub fn linear_rank_1_with_zeros<S: Real + Copy>(x: &[S], m: usize) -> Vec<S> {
    let inner = 1..x.len() - 1;
    let sum: S = inner.map(|j| x[j] * (j + 1) as f64).sum();
    (1..=m).map(|i| if i == 1 || i == m { S::from_f64(-1.0) } else { sum * (i - 1) as f64 - 1.0 }).collect()
}

/// T_i on [0, 1] is computed by its recurrence; its integral is −1/(i² − 1) for even i, else 0.
pub fn chebyquad<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let n = x.len();
    let z: Vec<S> = x.iter().map(|&x| x * 2.0 - 1.0).collect();
    let mut before = vec![S::from_f64(1.0); n];
    let mut now = z.clone();
    (1..=n)
        .map(|i| {
            let mean = now.iter().copied().sum::<S>() / n as f64;
            let next = (0..n).map(|j| z[j] * now[j] * 2.0 - before[j]).collect();
            before = std::mem::replace(&mut now, next);
            if i % 2 == 0 { mean + 1.0 / (i * i - 1) as f64 } else { mean }
        })
        .collect()
}
