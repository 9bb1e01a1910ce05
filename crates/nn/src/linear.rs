//! The affine layer x W + b.

use crate::Init;
use autodiff_core::{Float, Tree, Var};
use ndarray::{ArrayD, IxDyn};
use rand::Rng;

/// The affine map x ↦ x W + b of the last axis.
///
/// Over arrays it is a point, `Linear<ArrayD<f64>>`; in a closure it is `Linear<Var>` and has
/// [`forward`](Linear::forward).
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::{arr1, arr2};
/// use nn::Linear;
///
/// let layer = Linear {
///     weight: arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).into_dyn(),
///     bias: Some(arr1(&[0.5, 0.0, 0.0]).into_dyn()),
/// };
/// let f = Function::with_data(|layer: &Linear<Var>, x: &Var| layer.forward(*x), &arr1(&[1.0, -1.0]));
/// assert_eq!(f.evaluate(&layer).unwrap(), arr1(&[-2.5, -3.0, -3.0]).into_dyn());
/// ```
#[derive(Tree, Clone, Debug, PartialEq)]
pub struct Linear<L> {
    /// W, of shape `[in, out]`.
    pub weight: L,
    /// b, of shape `[out]`, if there is one.
    pub bias: Option<L>,
}

impl<T: Float> Linear<ArrayD<T>> {
    /// A layer from `inputs` to `outputs` entries: the weight drawn by `init`, the bias 0.
    ///
    /// ```
    /// use ndarray::ArrayD;
    /// use nn::rand::{SeedableRng, rngs::SmallRng};
    /// use nn::{Init, Linear};
    /// let mut rng = SmallRng::seed_from_u64(0);
    /// let layer = Linear::<ArrayD<f32>>::new(3, 2, Init::Constant(0.5), &mut rng);
    /// assert_eq!(layer.weight, ArrayD::from_elem(vec![3, 2], 0.5));
    /// assert_eq!(layer.bias, Some(ArrayD::zeros(vec![2])));
    /// ```
    pub fn new(inputs: usize, outputs: usize, init: Init, rng: &mut (impl Rng + ?Sized)) -> Linear<ArrayD<T>> {
        Linear {
            bias: Some(ArrayD::from_elem(IxDyn(&[outputs]), T::zero())),
            ..Linear::without_bias(inputs, outputs, init, rng)
        }
    }

    /// The linear map x ↦ x W from `inputs` to `outputs` entries, the weight drawn by `init`.
    ///
    /// ```
    /// use autodiff_core::Tree;
    /// use ndarray::ArrayD;
    /// use nn::rand::{SeedableRng, rngs::SmallRng};
    /// use nn::{Init, Linear};
    /// let mut rng = SmallRng::seed_from_u64(0);
    /// let layer = Linear::<ArrayD<f64>>::without_bias(3, 2, Init::HeNormal, &mut rng);
    /// assert_eq!(layer.leaves().size(), 6);
    /// ```
    pub fn without_bias(inputs: usize, outputs: usize, init: Init, rng: &mut (impl Rng + ?Sized)) -> Linear<ArrayD<T>> {
        Linear { weight: init.sample(&[inputs, outputs], rng), bias: None }
    }
}

impl Linear<Var> {
    /// x W + b, of shape `[.., out]`, for `x` of shape `[.., in]`. Costs 2 · in · out operations for each row of `x`.
    ///
    /// # Errors
    /// An `x` whose last axis is not as long as the first of W ends the trace with an
    /// [`Error::Operation`](autodiff_core::Error::Operation) that names `matmul`, both shapes and the caller's line.
    #[track_caller]
    pub fn forward(&self, x: Var) -> Var {
        let y = x.matmul(self.weight);
        match self.bias {
            Some(bias) => y + bias,
            None => y,
        }
    }
}
