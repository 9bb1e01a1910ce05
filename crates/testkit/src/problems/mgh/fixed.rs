//! Residuals of problems 1 to 20, whose number of variables is given (Watson's from 2 to 31).

use autodiff_core::Real;
use std::f64::consts::PI;

pub fn rosenbrock<S: Real + Copy>(x: &[S]) -> Vec<S> {
    vec![(x[1] - x[0].square()) * 10.0, -x[0] + 1.0]
}

pub fn freudenstein_roth<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = x[1];
    vec![x[0] - 13.0 + ((-y + 5.0) * y - 2.0) * y, x[0] - 29.0 + ((y + 1.0) * y - 14.0) * y]
}

pub fn powell_badly_scaled<S: Real + Copy>(x: &[S]) -> Vec<S> {
    vec![x[0] * x[1] * 1e4 - 1.0, (-x[0]).exp() + (-x[1]).exp() - 1.0001]
}

pub fn brown_badly_scaled<S: Real + Copy>(x: &[S]) -> Vec<S> {
    vec![x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0]
}

pub fn beale<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [1.5, 2.25, 2.625];
    (1..=3).zip(y).map(|(i, y)| x[0] * (x[1].powi(i) - 1.0) + y).collect()
}

pub fn jennrich_sampson<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let i = (1..=10).map(f64::from);
    i.map(|i| -((x[0] * i).exp() + (x[1] * i).exp()) + (2.0 + 2.0 * i)).collect()
}

pub fn helical_valley<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let turn = (x[1] / x[0]).atan() / (2.0 * PI);
    let turn = if x[0] > 0.0 { turn } else { turn + 0.5 };
    vec![(x[2] - turn * 10.0) * 10.0, ((x[0].square() + x[1].square()).sqrt() - 1.0) * 10.0, x[2]]
}

pub fn bard<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
    let u = (1..=15).map(f64::from);
    u.zip(y).map(|(u, y)| -x[0] - (x[1] * (16.0 - u) + x[2] * u.min(16.0 - u)).recip() * u + y).collect()
}

pub fn gaussian<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521];
    let y = half.into_iter().chain([0.3989]).chain(half.into_iter().rev());
    let t = (1..=15).map(|i| (8.0 - f64::from(i)) / 2.0);
    t.zip(y).map(|(t, y)| x[0] * (-x[1] * (-x[2] + t).square() * 0.5).exp() - y).collect()
}

pub fn meyer<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [
        34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0, 5147.0, 4427.0,
        3820.0, 3307.0, 2872.0,
    ];
    let t = (1..=16).map(|i| 45.0 + 5.0 * f64::from(i));
    t.zip(y).map(|(t, y)| x[0] * (x[1] / (x[2] + t)).exp() - y).collect()
}

/// With |y_i − x₂| in place of the paper's |y_i m i x₂|, a misprint for which its minimiser would be none.
pub fn gulf<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let t = (1..=99).map(|i| f64::from(i) / 100.0);
    t.map(|t| {
        let y = 25.0 + (-50.0 * t.ln()).powf(2.0 / 3.0);
        (-(-x[1] + y).abs().pow(x[2]) / x[0]).exp() - t
    })
    .collect()
}

pub fn box_3d<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let t = (1..=10).map(|i| 0.1 * f64::from(i));
    t.map(|t| (x[0] * -t).exp() - (x[1] * -t).exp() - x[2] * ((-t).exp() - (-10.0 * t).exp())).collect()
}

pub fn powell_singular<S: Real + Copy>(x: &[S]) -> Vec<S> {
    super::scalable::extended_powell_singular(x)
}

pub fn wood<S: Real + Copy>(x: &[S]) -> Vec<S> {
    vec![
        (x[1] - x[0].square()) * 10.0,
        -x[0] + 1.0,
        (x[3] - x[2].square()) * 90.0_f64.sqrt(),
        -x[2] + 1.0,
        (x[1] + x[3] - 2.0) * 10.0_f64.sqrt(),
        (x[1] - x[3]) / 10.0_f64.sqrt(),
    ]
}

pub fn kowalik_osborne<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246];
    let u = [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625_f64];
    u.into_iter().zip(y).map(|(u, y)| -x[0] * (x[1] * u + u * u) / (x[2] * u + x[3] + u * u) + y).collect()
}

pub fn brown_dennis<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let t = (1..=20).map(|i| f64::from(i) / 5.0);
    t.map(|t| (x[0] + x[1] * t - t.exp()).square() + (x[2] + x[3] * t.sin() - t.cos()).square()).collect()
}

pub fn osborne_1<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [
        0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
        0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
        0.406,
    ];
    let t = (0..33).map(|i| 10.0 * f64::from(i));
    t.zip(y).map(|(t, y)| -(x[0] + x[1] * (x[3] * -t).exp() + x[2] * (x[4] * -t).exp()) + y).collect()
}

pub fn biggs_exp6<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let t = (1..=13).map(|i| 0.1 * f64::from(i));
    t.map(|t| {
        let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
        x[2] * (x[0] * -t).exp() - x[3] * (x[1] * -t).exp() + x[5] * (x[4] * -t).exp() - y
    })
    .collect()
}

pub fn osborne_2<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let y = [
        1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616, 0.606,
        0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423,
        0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668,
        0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098,
        0.054,
    ];
    let t = (0..65).map(|i| f64::from(i) / 10.0);
    t.zip(y)
        .map(|(t, y)| {
            let peak = |k: usize| x[1 + k] * (-(-x[8 + k] + t).square() * x[5 + k]).exp();
            -(x[0] * (x[4] * -t).exp() + peak(0) + peak(1) + peak(2)) + y
        })
        .collect()
}

pub fn watson<S: Real + Copy>(x: &[S]) -> Vec<S> {
    let mut r: Vec<S> = (1..=29)
        .map(|i| {
            let t = f64::from(i) / 29.0;
            let (mut power, mut value, mut slope) = (1.0, x[0], S::from_f64(0.0));
            for (j, &x) in x.iter().enumerate().skip(1) {
                slope += x * (j as f64 * power);
                power *= t;
                value += x * power;
            }
            slope - value.square() - 1.0
        })
        .collect();
    r.extend([x[0], x[1] - x[0].square() - 1.0]);
    r
}
