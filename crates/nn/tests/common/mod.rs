//! Models, batches and small dense algebra that the tests share.
#![allow(dead_code)] // each test file uses a part

use autodiff_core::{Function, Tree, Var};
use ndarray::{Array1, Array2, ArrayD, array};
use nn::{Activation, Init, Mlp};

/// The activations without a kink.
pub const SMOOTH: [Activation; 9] = [
    Activation::Identity,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Mish,
    Activation::Sin,
];

/// The others.
pub const KINKED: [Activation; 4] = [Activation::Relu, Activation::LeakyRelu(0.1), Activation::Elu, Activation::Selu];

/// A model from 3 entries over two hidden layers to 4 classes.
pub fn classifier(activation: Activation) -> Mlp<ArrayD<f64>> {
    Mlp::new(&[3, 5, 4, 4], activation, Init::XavierNormal, 11)
}

/// Six rows with labels.
pub fn batch() -> (Array2<f64>, Array1<usize>) {
    let x = Array2::from_shape_fn((6, 3), |(i, j)| ((i * 3 + j) as f64 * 0.7).sin());
    (x, array![0, 1, 2, 3, 1, 0])
}

/// The dense Gauss–Newton matrix, column by column.
pub fn dense_ggn<P: Tree<Scalar = f64, Traced: 'static>>(
    f: &Function<'_, P::Traced, Var, (Var, Var)>,
    x: &P,
) -> Array2<f64> {
    let n = x.leaves().size();
    let mut matrix = Array2::zeros((n, n));
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        let column = f.ggn_product(x, &x.with_entries(&unit)).unwrap();
        matrix.column_mut(j).assign(&Array1::from(column.to_vec()));
    }
    matrix
}

/// Largest difference of two matrices, relative to the largest entry.
pub fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let largest = |m: &Array2<f64>| m.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    largest(&(a - b)) / largest(a).max(largest(b)).max(f64::MIN_POSITIVE)
}

/// Whether A + shift · I has a Cholesky factor: all eigenvalues of the symmetric A lie above −shift.
pub fn is_definite(a: &Array2<f64>, shift: f64) -> bool {
    let n = a.nrows();
    let mut l = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            if i == j {
                let pivot = a[[i, i]] + shift - sum;
                if pivot <= 0.0 {
                    return false;
                }
                l[[i, i]] = pivot.sqrt();
            } else {
                l[[i, j]] = (a[[i, j]] - sum) / l[[j, j]];
            }
        }
    }
    true
}
