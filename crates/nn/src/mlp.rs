//! The multilayer perceptron: affine layers with an activation between.

use crate::{Activation, Init, Linear};
use autodiff_core::{Float, Tree, Var};
use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::SmallRng;

/// Affine layers, each but the last followed by [`activation`](Mlp::activation), the last by [`output`](Mlp::output).
///
/// Over arrays it is a point, `Mlp<ArrayD<f64>>`; in a closure it is `Mlp<Var>` and has [`forward`](Mlp::forward). A
/// gradient with respect to it is an `Mlp` again.
///
/// ```
/// use autodiff_core::{Function, Tree, Var};
/// use ndarray::{ArrayD, arr2};
/// use nn::{Activation, Init, Mlp};
///
/// let model = Mlp::<ArrayD<f64>>::new(&[2, 8, 3], Activation::Tanh, Init::XavierUniform, 1);
/// assert_eq!(model.leaves().size(), 2 * 8 + 8 + 8 * 3 + 3);
/// let f = Function::with_data(|model: &Mlp<Var>, x: &Var| model.forward(*x), &arr2(&[[0.0, 0.0], [1.0, 2.0]]));
/// let y = f.evaluate(&model).unwrap();
/// assert_eq!(y.shape(), [2, 3]);
/// assert_eq!(y[[0, 0]], 0.0); // biases start at 0, and tanh 0 = 0
/// ```
#[derive(Tree, Clone, Debug, PartialEq)]
pub struct Mlp<L> {
    /// The affine layers in order.
    pub layers: Vec<Linear<L>>,
    /// Follows every layer but the last.
    pub activation: Activation,
    /// Follows the last layer.
    pub output: Activation,
}

impl<T: Float> Mlp<ArrayD<T>> {
    /// A perceptron from `sizes[0]` entries over hidden layers to the last of `sizes`, without an activation at the output.
    ///
    /// Weights are drawn by `init`, layer by layer, from a [`SmallRng`] of this seed; biases are 0. One seed gives one model,
    /// and at either precision the same up to rounding; but `SmallRng` promises no more between 32- and 64-bit machines or
    /// releases of `rand`, so keep weights that matter. Fewer than two sizes give no layer: the model is its output
    /// activation.
    ///
    /// ```
    /// use ndarray::ArrayD;
    /// use nn::{Activation, Init, Mlp};
    /// let of = |seed| Mlp::<ArrayD<f64>>::new(&[4, 3, 2], Activation::Relu, Init::HeNormal, seed);
    /// assert_eq!(of(5), of(5));
    /// assert_ne!(of(5), of(6));
    /// ```
    pub fn new(sizes: &[usize], activation: Activation, init: Init, seed: u64) -> Mlp<ArrayD<T>> {
        let mut rng = SmallRng::seed_from_u64(seed);
        Mlp {
            layers: sizes.windows(2).map(|size| Linear::new(size[0], size[1], init, &mut rng)).collect(),
            activation,
            output: Activation::Identity,
        }
    }
}

impl<L> Mlp<L> {
    /// The same with this activation at the output. The losses from logits want none.
    ///
    /// ```
    /// use ndarray::ArrayD;
    /// use nn::{Activation, Init, Mlp};
    /// let model = Mlp::<ArrayD<f64>>::new(&[2, 4, 1], Activation::Silu, Init::LecunNormal, 0);
    /// assert_eq!(model.with_output(Activation::Sigmoid).output, Activation::Sigmoid);
    /// ```
    #[must_use]
    pub fn with_output(self, output: Activation) -> Mlp<L> {
        Mlp { output, ..self }
    }
}

impl Mlp<Var> {
    /// The output of the network, of shape `[.., last size]`, for `x` of shape `[.., first size]`.
    ///
    /// Costs twice as many operations for each row of `x` as there are weights, and the activations.
    ///
    /// # Errors
    /// As for [`Linear::forward`]; the line is that of the caller.
    #[track_caller]
    pub fn forward(&self, x: Var) -> Var {
        // Loops rather than folds: a closure would hide the caller's line.
        let Some((last, hidden)) = self.layers.split_last() else {
            return self.output.apply(x);
        };
        let mut x = x;
        for layer in hidden {
            x = self.activation.apply(layer.forward(x));
        }
        self.output.apply(last.forward(x))
    }

    /// The weight matrices without the biases, first layer first: what is usually penalised.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::ArrayD;
    /// use nn::{Activation, Init, Mlp, l2};
    /// let model = Mlp::<ArrayD<f64>>::new(&[2, 3, 1], Activation::Tanh, Init::Constant(2.0), 0);
    /// let penalty = Function::new(|model: &Mlp<Var>| l2(&model.weights(), 0.5));
    /// assert_eq!(penalty.value(&model).unwrap(), 0.5 * 0.5 * 9.0 * 4.0); // nine weights of 2
    /// ```
    pub fn weights(&self) -> Vec<Var> {
        self.layers.iter().map(|layer| layer.weight).collect()
    }
}
