//! Problems whose minimum is sought, not only their derivatives at a point.

use super::{Network, Problem, dense, dense_parameters};
use crate::counter::{symmetrics, uniforms};
use autodiff_core::{Function, Var};
use ndarray::{Array1, Array2, Axis};
use std::f64::consts::PI;
use std::io::Read;

/// N1s with a ridge: its loss + 0.0005 ‖θ‖² over all weights and offsets, which makes its minima isolated.
///
/// Point and data are those of [`small_network`](super::small_network).
pub fn small_network_with_ridge() -> Network<(Var, Var)> {
    let x = symmetrics(1, (100, 2));
    let t = x.map_axis(Axis(1), |x| (3.0 * x[0]).sin() + 0.5 * (2.0 * x[1]).cos());
    let loss = |p: &[Var], (x, t): &(Var, Var)| {
        let z = dense(*x, p, |h, _| h.tanh()).prediction();
        let ridge = p.iter().map(|p| p.square().sum()).sum::<Var>();
        (z - *t).square().mean() + 0.0005 * ridge
    };
    Problem {
        name: "N1s ridge",
        point: dense_parameters(&[2, 32, 32, 1]),
        function: Function::with_data(loss, &(x, t.insert_axis(Axis(1)))),
    }
}

/// A physics-informed network 2-20-20-1 with tanh for Poisson's equation −Δu = 2π² sin πx sin πy on the unit square, u = 0 at
/// its border; the solution is sin πx sin πy.
///
/// The mean of (Δu + 2π² sin πx sin πy)² over 100 points U(1) inside, plus ten times the mean of u² over 40 points at the
/// border, ten on each side. Point: W₁, b₁, W₂, b₂, W₃, b₃. Data: the points inside [100, 2], the forces [100, 1], the points
/// at the border [40, 2]. Source of the method: Raissi, Perdikaris, Karniadakis, "Physics-informed neural networks", Journal of
/// Computational Physics 378 (2019).
pub fn poisson_residual() -> Network<(Var, Var, Var)> {
    let inside = uniforms(1, (100, 2));
    let forces = inside.map_axis(Axis(1), |x| 2.0 * PI * PI * (PI * x[0]).sin() * (PI * x[1]).sin());
    let side = Array1::from_iter((0..10).map(|i| (f64::from(i) + 0.5) / 10.0));
    let border = Array2::from_shape_fn((40, 2), |(k, axis)| {
        let (moving, fixed) = (side[k % 10], if k / 10 % 2 == 0 { 0.0 } else { 1.0 });
        if (k / 20 == 0) == (axis == 0) { moving } else { fixed }
    });
    let loss = |p: &[Var], (inside, forces, border): &(Var, Var, Var)| {
        let u = |x: Var| dense(x, p, |h, _| h.tanh());
        let residual = u(*inside).laplacian_rows(*inside) + *forces;
        residual.square().mean() + 10.0 * u(*border).square().mean()
    };
    Problem {
        name: "Poisson",
        point: dense_parameters(&[2, 20, 20, 1]),
        function: Function::with_data(loss, &(inside, forces.insert_axis(Axis(1)), border)),
    }
}

/// The first `samples` of 1797 handwritten digits: images of shape \[samples, 64\] with pixels in \[0, 1\], and labels 0 to 9.
///
/// Source: Alpaydin, Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998), DOI
/// 10.24432/C50P49, CC BY 4.0; see `examples/data/README.md`.
///
/// # Panics
/// If `samples` exceeds 1797.
pub fn digits(samples: usize) -> (Array2<f64>, Array1<usize>) {
    let bytes = include_bytes!("../../../../examples/data/digits.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("the file is a compressed text");
    let number = |field: &str| field.parse::<usize>().expect("every field is an integer");
    let rows: Vec<Vec<usize>> = text.lines().take(samples).map(|line| line.split(',').map(number).collect()).collect();
    assert_eq!(rows.len(), samples, "digits: there are {} samples", rows.len());
    let images = Array2::from_shape_fn((samples, 64), |(row, pixel)| rows[row][pixel] as f64 / 16.0);
    (images, rows.iter().map(|row| row[64]).collect())
}

/// A network 64-`hidden`-10 with tanh that classifies the first `samples` handwritten [`digits`], with a ridge.
///
/// Point: W₁, b₁, W₂, b₂. Data: the images and the labels. Loss, for the output z: the mean over the samples of
/// ln Σ_c e^{z_c} − z\[label\], plus 0.0005 ‖θ‖² over all weights and offsets.
pub fn digits_network(samples: usize, hidden: usize) -> Network<(Var, Var)> {
    let loss = |p: &[Var], (x, labels): &(Var, Var)| {
        let z = dense(*x, p, |h, _| h.tanh()).prediction();
        let ridge = p.iter().map(|p| p.square().sum()).sum::<Var>();
        z.softmax_cross_entropy(*labels).mean() + 0.0005 * ridge
    };
    Problem {
        name: "digits",
        point: dense_parameters(&[64, hidden, 10]),
        function: Function::with_data(loss, &digits(samples)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::small_network;

    #[test]
    fn the_digits_are_those_of_their_description() {
        let (images, labels) = digits(1797);
        assert_eq!((images.sum() * 16.0) as usize, 561_718);
        let counts: Vec<usize> = (0..10).map(|digit| labels.iter().filter(|&&label| label == digit).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let network = digits_network(20, 4);
        // ln 10 of a guess, within what small random weights change.
        let loss = network.function.value(&network.point).unwrap();
        assert!((loss - 10.0_f64.ln()).abs() < 0.7, "{loss}");
    }
    use autodiff_core::Tree;

    #[test]
    fn the_ridge_adds_to_the_loss_of_the_small_network() {
        let (plain, ridge) = (small_network(), small_network_with_ridge());
        let squares: f64 = ridge.point.iter().flatten().map(|w| w * w).sum();
        let (a, b) = (plain.function.value(&plain.point).unwrap(), ridge.function.value(&ridge.point).unwrap());
        assert!((a + 0.0005 * squares - b).abs() < 1e-14 * b, "{a} and {b}");
    }

    #[test]
    fn the_residual_of_the_zero_network_is_that_of_the_forces() {
        let problem = poisson_residual();
        let zero = problem.point.with_entries(&vec![0.0; problem.point.leaves().size()]);
        let inside = uniforms(1, (100, 2));
        let force = |x: f64, y: f64| 2.0 * PI * PI * (PI * x).sin() * (PI * y).sin();
        let expected = inside.rows().into_iter().map(|x| force(x[0], x[1]).powi(2)).sum::<f64>() / 100.0;
        let found = problem.function.value(&zero).unwrap();
        assert!((found - expected).abs() < 1e-12 * expected, "{found} and {expected}");
    }

    #[test]
    fn losses_pass_their_own_check() {
        let (ridge, poisson) = (small_network_with_ridge(), poisson_residual());
        let certificate = ridge.function.check(&ridge.point).unwrap();
        assert!(certificate.passed(), "{certificate}");
        let certificate = poisson.function.check(&poisson.point).unwrap();
        assert!(certificate.passed(), "{certificate}");
    }
}
