//! Problems of known answer, from a network of a thousand parameters to loops over millions of scalars.
//!
//! Each is a [`Problem`]: a point, a function of it, and a name under which [`golden`](crate::golden) has reference numbers.
//! All data come from the [counter](crate::counter), U(k, i) and S(k, i) below, and are made in double precision; at single
//! precision they are rounded once. In formulas, b counts samples and lists of arrays are in the order of the point.
//!
//! | name | function | problem | parameters |
//! |---|---|---|---|
//! | N1 | [`classifier`] | dense network 784-256-128-10, batch of 128 | 235 146 |
//! | N1s | [`small_network`] | dense network 2-32-32-1, batch of 100 | 1 185 |
//! | – | [`small_network_with_ridge`] | N1s with a ridge | 1 185 |
//! | – | [`digits_network`] | dense network of one hidden layer, handwritten digits | chosen |
//! | – | [`poisson_residual`] | residual of a differential equation, network 2-20-20-1 | 501 |
//! | N2 | [`autoencoder`] | dense network of 8 layers, batch of 200 | 2 837 314 |
//! | N3 | [`convolutional_network`] | two convolutions and a dense layer, batch of 64 | 32 618 |
//! | N4 | [`transformer_block`] | attention and two dense layers, 8 sequences of 32 | 49 984 |
//! | N5 | [`logistic_regression`] | 10 000 samples of 100 features | 100 |
//! | S1a, S1b | [`chained_rosenbrock`], [`chained_rosenbrock_of_arrays`] | a chain of quartics | 1 000, 100 000 |
//! | S2 | [`gaussian_mixture`] | log-likelihood of 25 Gaussians in 10 dimensions | 1 650 |
//! | S3 | [`helmholtz_energy`], [`helmholtz_energy_of_arrays`] | a dense quadratic form beside logarithms | 200 |
//! | S4 | [`bundle`] | reprojection errors of bundle adjustment, with the Jacobian of each | 150 000 |
//! | T1 | [`network_along_lines`], [`network_along_lines_loss`] | a network along a line for each sample | – |
//! | T2a, T2b | [`network_laplacian`], [`network_laplacian_loss`] | Laplacian of a network in 10 or 100 inputs | – |
//! | T3 | [`composed_elementary`] | exp(sin x)/(1 + x²) at 100 000 points | – |
//!
//! The arrays of a network are drawn from one stream: entry number i of the whole point uses s = S(2, i), which is scaled
//! by what the array is:
//!
//! | array | entry |
//! |---|---|
//! | weights W of a dense layer \[in, out\], which is h W + b for rows h | s √(6 / (in + out)) |
//! | kernel K \[h, w, in, out\] of a convolution | s √(6 / (h w in + h w out)) |
//! | offsets b, c | 0.1 s |
//! | gains g of a normalisation | 1 + 0.1 s |

pub mod bundle;
mod fits;
pub mod loops;
mod networks;
mod rounded;
mod scalar;
mod series;

pub use fits::{digits, digits_network, poisson_residual, small_network_with_ridge};
pub use networks::{
    autoencoder, classifier, convolutional_network, logistic_regression, small_network, transformer_block,
};
pub use rounded::{Entry, Rounded};
pub use scalar::{
    GaussianMixture, HelmholtzEnergy, chained_rosenbrock, chained_rosenbrock_of_arrays, gaussian_mixture,
    helmholtz_energy, helmholtz_energy_of_arrays, mixture_of_200, rosenbrock,
};
pub use series::{
    composed_elementary, elementary, network_along_lines, network_along_lines_loss, network_laplacian,
    network_laplacian_loss, network_of_inputs,
};

use crate::counter::{direction, symmetric};
use autodiff_core::{Function, Tree, Var};
use ndarray::{ArrayD, IxDyn};

/// A function with the point that its reference numbers belong to.
///
/// Type parameters: what the closure borrows of the point, the point, what the closure borrows of its data, and what it
/// returns.
#[derive(Debug)]
pub struct Problem<A: ?Sized + 'static, P, B: ?Sized + 'static = (), Out: 'static = Var> {
    /// The name that [`golden`](crate::golden) knows it by.
    pub name: &'static str,
    /// Where it is evaluated.
    pub point: P,
    /// The function, with its data bound.
    pub function: Function<'static, A, Out, B>,
}

/// A function of a list of arrays.
pub type Network<B> = Problem<[Var], Vec<ArrayD<f64>>, B>;

/// A function of a list of scalars, written in plain loops.
pub type ScalarProblem = Problem<[Var], Vec<f64>>;

impl<A: ?Sized, P: Tree<Scalar = f64>, B: ?Sized, Out> Problem<A, P, B, Out> {
    /// Direction number `j` of [`direction`], in the structure of the point.
    pub fn direction(&self, j: u64) -> P {
        let n = self.point.leaves().size();
        self.point.with_entries(&direction(n, j))
    }
}

/// What an array of a network is, which sets the scale of its entries.
#[derive(Clone, Copy)]
enum Kind {
    Weight,
    Kernel,
    Offset,
    Gain,
}

/// The arrays of a network, drawn as the [module](self) says.
fn parameters(layout: &[(Kind, &[usize])]) -> Vec<ArrayD<f64>> {
    let mut next = 0;
    let mut array = |&(kind, shape): &(Kind, &[usize])| {
        let entries = (next..).take(shape.iter().product()).map(|i| {
            let s = symmetric(2, i);
            match kind {
                Kind::Weight | Kind::Kernel => s * (6.0 / fans(shape)).sqrt(),
                Kind::Offset => 0.1 * s,
                Kind::Gain => 1.0 + 0.1 * s,
            }
        });
        let entries: Vec<f64> = entries.collect();
        next += entries.len() as u64;
        ArrayD::from_shape_vec(IxDyn(shape), entries).expect("as many entries as the shape has")
    };
    layout.iter().map(&mut array).collect()
}

/// Fan-in plus fan-out: the last two axes, times the patch before them.
fn fans(shape: &[usize]) -> f64 {
    let (patch, channels) = shape.split_at(shape.len() - 2);
    (patch.iter().product::<usize>() * (channels[0] + channels[1])) as f64
}

/// W₁, b₁, W₂, b₂, … of dense layers between these sizes.
fn dense_parameters(sizes: &[usize]) -> Vec<ArrayD<f64>> {
    let layers: Vec<[usize; 2]> = sizes.windows(2).map(|w| [w[0], w[1]]).collect();
    let layout: Vec<(Kind, &[usize])> =
        layers.iter().flat_map(|shape| [(Kind::Weight, &shape[..]), (Kind::Offset, &shape[1..])]).collect();
    parameters(&layout)
}

/// Dense layers W₁, b₁, W₂, b₂, … with `activation(h, layer)` after each but the last; layers count from 0.
fn dense(x: Var, parameters: &[Var], activation: impl Fn(Var, usize) -> Var) -> Var {
    let last = parameters.len() / 2 - 1;
    let layers = parameters.chunks_exact(2).enumerate();
    layers.fold(x, |h, (layer, wb)| {
        let z = h.matmul(wb[0]) + wb[1];
        if layer < last { activation(z, layer) } else { z }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_share_one_stream_and_are_scaled_by_kind() {
        let arrays = parameters(&[(Kind::Kernel, &[3, 3, 1, 2]), (Kind::Offset, &[2]), (Kind::Gain, &[2])]);
        let scale = (6.0_f64 / (9.0 + 18.0)).sqrt();
        assert_eq!(arrays[0][[0, 1, 0, 1]], scale * symmetric(2, 3));
        assert_eq!(arrays[1][1], 0.1 * symmetric(2, 19));
        assert_eq!(arrays[2][0], 1.0 + 0.1 * symmetric(2, 20));
    }
}
