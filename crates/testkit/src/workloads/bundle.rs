//! S4: the reprojection errors of bundle adjustment, as in ADBench: many small functions of their own variables.
//!
//! Source: Srajer, Kukelova and Fitzgibbon, *A benchmark of selected algorithmic differentiation tools on some problems in computer
//! vision and machine learning*, Optimization Methods and Software 33 (2018).

use super::loops::phi;
use autodiff_core::Real;

/// Variables of an observation: rotation vector (3), centre (3), focal length, principal point (2), radial distortion (2) of the
/// camera; the point (3); the weight.
pub const INPUTS: usize = 15;

/// Observations.
pub const OBSERVATIONS: usize = 10_000;

/// The variables of observation `o`: 0.1 φ(15 o + j), moved to where the camera sees the point.
pub fn observation(o: usize) -> [f64; INPUTS] {
    let mut p = std::array::from_fn(|j| 0.1 * phi(INPUTS * o + j));
    p[5] -= 5.0;
    p[6] += 1.0;
    p[14] += 1.0;
    p[11..14].iter_mut().for_each(|x| *x *= 5.0);
    p
}

/// The variables of the first observations, one after the other.
pub fn observations(count: usize) -> Vec<f64> {
    (0..count).flat_map(observation).collect()
}

/// Where observation `o` was seen.
pub fn feature(o: usize) -> [f64; 2] {
    let angle = 0.3 * o as f64;
    [0.1 * angle.sin(), 0.1 * angle.cos()]
}

/// The weighted difference between where the camera sees a point and where it was seen.
pub fn reprojection<S: Real + Copy>(p: &[S], [seen_u, seen_v]: [f64; 2]) -> [S; 2] {
    let r = [p[0], p[1], p[2]];
    let x = [p[11] - p[3], p[12] - p[4], p[13] - p[5]];
    let y = rotated(r, x);
    let (u, v) = (y[0] / y[2], y[1] / y[2]);
    let square = u * u + v * v;
    let distortion = p[9] * square + 1.0 + p[10] * square * square;
    let (u, v) = (u * distortion * p[6] + p[7], v * distortion * p[6] + p[8]);
    [(u - seen_u) * p[14], (v - seen_v) * p[14]]
}

/// x rotated about r by |r|: with w = r/|r|, x cos|r| + (w × x) sin|r| + w (w·x)(1 − cos|r|) (Rodrigues).
fn rotated<S: Real + Copy>(r: [S; 3], x: [S; 3]) -> [S; 3] {
    let cross =
        |a: [S; 3], b: [S; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    if square > 0.0 {
        let angle = square.sqrt();
        let (cos, sin, inverse) = (angle.cos(), angle.sin(), angle.recip());
        let w = r.map(|r| r * inverse);
        let turned = cross(w, x);
        let along = (w[0] * x[0] + w[1] * x[1] + w[2] * x[2]) * (-cos + 1.0);
        std::array::from_fn(|i| x[i] * cos + turned[i] * sin + w[i] * along)
    } else {
        let turned = cross(r, x);
        std::array::from_fn(|i| x[i] + turned[i])
    }
}

/// The errors of all observations in `x`, two for each.
pub fn reprojections<S: Real + Copy>(x: &[S]) -> Vec<S> {
    x.chunks_exact(INPUTS).enumerate().flat_map(|(o, p)| reprojection(p, feature(o))).collect()
}

/// Σ (J₀ⱼ + 2 J₁ⱼ) sin(0.11 j + 0.2) over all observations, of which `first` and `second` hold the slopes of the two errors.
pub fn check_jacobians(first: &[f64], second: &[f64]) -> f64 {
    let weight = |i: usize| (0.11 * (i % INPUTS) as f64 + 0.2).sin();
    first.iter().zip(second).enumerate().map(|(i, (a, b))| (a + 2.0 * b) * weight(i)).sum()
}

/// What [`check_jacobians`] comes to for all observations, in double precision by CppAD, ADOL-C and others.
pub const CHECK: f64 = 27371.5216544135;
