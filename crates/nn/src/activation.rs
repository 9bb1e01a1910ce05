//! Activation functions: the nonlinearity between two layers, as a setting of a model.
//!
//! Gelu: Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016. Silu: Elfwing, Uchibe, Doya, 2017. Mish: Misra, 2019.
//! Elu: Clevert, Unterthiner, Hochreiter, 2015. Selu: Klambauer et al., 2017.

use autodiff_core::Var;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// A function applied to every entry between two layers.
///
/// The first group is smooth: derivatives of every order exist everywhere, so Hessian products and Taylor coefficients
/// mean what they say. Those of the second group have a kink or a jump of a derivative at 0, where a convention stands in
/// ([`is_smooth`](Activation::is_smooth) tells the groups apart). With the piecewise linear ones the Hessian of a network is
/// blind to the curvature that sits in the kinks.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use nn::Activation;
/// let gelu = Function::new(|x: &Var| Activation::Gelu.apply(*x));
/// assert!((gelu.value(&1.0_f64).unwrap() - 0.841_344_746_068_542_9).abs() < 1e-15); // Φ(1)
/// assert_eq!(gelu.gradient(&0.0).unwrap(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// x. For the output of a regression, and wherever the loss expects logits.
    #[default]
    Identity,
    /// tanh x, in (−1, 1).
    Tanh,
    /// 1 / (1 + e^{−x}), in (0, 1).
    Sigmoid,
    /// ln(1 + eˣ), a smooth [`Relu`](Activation::Relu), without overflow.
    Softplus,
    /// x Φ(x) with the normal distribution function Φ, exactly, by the complementary error function: also the left tail
    /// keeps its digits.
    Gelu,
    /// The approximation of [`Gelu`](Activation::Gelu) by ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), which is off by at
    /// most 5e-4 (largest difference on a grid of step 1e-4 over [−10, 10]: 4.73e-4).
    GeluTanh,
    /// x / (1 + e^{−x}), also called swish.
    Silu,
    /// x tanh(ln(1 + eˣ)).
    Mish,
    /// sin x, as for implicit representations of signals and differential equations.
    Sin,

    /// max(x, 0), with derivative 0 at 0. Piecewise linear: all higher derivatives are 0.
    Relu,
    /// x for x > 0, else the slope times x; the derivative at 0 is the slope. Piecewise linear.
    LeakyRelu(f64),
    /// x for x ≥ 0, else eˣ − 1. Once continuously differentiable: the second derivative jumps from 1 to 0 at 0, where it
    /// is taken as 0.
    Elu,
    /// λ x for x ≥ 0, else λ α (eˣ − 1), with λ = 1.0507… and α = 1.6732… such that mean 0 and variance 1 are a stable
    /// fixed point over layers initialised with [`Init::LecunNormal`](crate::Init::LecunNormal). The derivative jumps from
    /// λ α to λ at 0, where it is taken as λ.
    Selu,
}

/// The fixed point of the moments, from the paper.
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

impl Activation {
    /// This function of every entry of `x`, in its shape. Costs one to three elementary functions an entry.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use nn::Activation;
    /// use ndarray::arr1;
    /// let f = Function::new(|x: &Var| Activation::LeakyRelu(0.1).apply(*x));
    /// let y = f.evaluate(&arr1(&[-2.0, 0.0, 3.0])).unwrap();
    /// assert_eq!(y.as_slice().unwrap(), [-0.2, 0.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn apply(self, x: Var) -> Var {
        match self {
            Activation::Identity => x,
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Softplus => x.softplus(),
            // Φ(x) = ½ erfc(−x/√2).
            Activation::Gelu => 0.5 * x * (-FRAC_1_SQRT_2 * x).erfc(),
            // ½ (1 + tanh u) = σ(2u), which does not cancel for negative u; √(2/π) = (2/√π)/√2.
            Activation::GeluTanh => {
                let u = FRAC_2_SQRT_PI / SQRT_2 * (x + 0.044715 * x.powi(3));
                x * (2.0 * u).sigmoid()
            }
            Activation::Silu => x * x.sigmoid(),
            Activation::Mish => x * x.softplus().tanh(),
            Activation::Sin => x.sin(),
            Activation::Relu => x.relu(),
            Activation::LeakyRelu(slope) => x.less_equal(0.0).select(slope * x, x),
            Activation::Elu => x.less(0.0).select(x.exp_m1(), x),
            Activation::Selu => SELU_SCALE * x.less(0.0).select(SELU_ALPHA * x.exp_m1(), x),
        }
    }

    /// Whether derivatives of every order exist everywhere.
    ///
    /// ```
    /// use nn::Activation;
    /// assert!(Activation::Gelu.is_smooth() && !Activation::Elu.is_smooth());
    /// ```
    pub fn is_smooth(self) -> bool {
        use Activation::{Elu, LeakyRelu, Relu, Selu};
        !matches!(self, Relu | LeakyRelu(_) | Elu | Selu)
    }
}
