//! Neural networks on `autodiff-core`: models are plain structs, and all derivatives of their losses are at hand.
//!
//! # A network in a few lines
//!
//! ```
//! use autodiff_core::{Function, Tree, Var};
//! use ndarray::{ArrayD, arr2};
//! use nn::{Activation, Init, Mlp, l2, mse};
//!
//! // The exclusive or.
//! let x = arr2(&[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
//! let y = arr2(&[[0.0], [1.0], [1.0], [0.0]]);
//! let loss = Function::with_data(
//!     |model: &Mlp<Var>, (x, y): &(Var, Var)| mse(model.forward(*x), *y) + l2(&model.weights(), 1e-4),
//!     &(x, y),
//! );
//! let mut model = Mlp::<ArrayD<f64>>::new(&[2, 8, 1], Activation::Tanh, Init::XavierUniform, 1);
//!
//! // Gradients and products have the type of the model; flattened they are vectors.
//! let dot = |a: &Mlp<ArrayD<f64>>, b: &Mlp<ArrayD<f64>>| -> f64 {
//!     a.to_vec().iter().zip(b.to_vec()).map(|(a, b)| a * b).sum()
//! };
//! // Down the gradient g by gᵀg / gᵀGg: the step that the model of Gauss and Newton, with matrix G, asks for.
//! for _ in 0..200 {
//!     let g = loss.gradient(&model)?;
//!     let step = dot(&g, &g) / dot(&g, &loss.ggn_product(&model, &g)?);
//!     let next: Vec<f64> = model.to_vec().iter().zip(g.to_vec()).map(|(w, g)| w - step * g).collect();
//!     model = model.with_entries(&next);
//! }
//! assert!(loss.value(&model)? < 0.002); // from about 0.5
//!
//! // The Hessian H is G and the curvature of the network times its residuals, which are small by now.
//! let g = loss.gradient(&model)?;
//! let (h, g_n) = (dot(&g, &loss.hvp(&model, &g)?), dot(&g, &loss.ggn_product(&model, &g)?));
//! assert!(g_n > 0.0 && (h - g_n).abs() < 0.01 * g_n);
//! # Ok::<(), autodiff_core::Error>(())
//! ```
//!
//! # How it is put together
//!
//! * **A model is a struct generic over its leaf** with `#[derive(Tree)]`: `Mlp<ArrayD<f64>>` holds numbers, and in the
//!   closure of a [`Function`](autodiff_core::Function) the same struct is `Mlp<Var>` and has `forward(&self, x: Var) -> Var`.
//!   Gradients, directions and products have the type of the model. Your own models are structs of these layers, or of bare
//!   leaves, with a `forward` of your own.
//! * **Activations and other settings are values** ([`Activation`], `Copy`), not leaves: they are carried along unchanged.
//!   A model with another activation is traced anew.
//! * **Losses are means** ([`mse`], [`huber`], [`cross_entropy`], [`soft_cross_entropy`], [`binary_cross_entropy`],
//!   [`kl_divergence`]): over all entries, or over the rows of the batch for classes. **Penalties are sums** ([`l2`],
//!   [`l1`]).
//! * **Gauss–Newton products split at the output of the network**, because losses mark it
//!   ([`Var::prediction`](autodiff_core::Var::prediction)); penalties enter in full.
//! * **Randomness is the caller's**: a seed for [`Mlp::new`], a generator for [`Linear::new`] and [`Init::sample`].
//! * **Errors come from the trace**, with the line of the closure: a wrong width is reported as
//!   `matmul: inner axes differ: [4, 3] · [2, 8] at src/model.rs:41:9`.
//!
//! # Which activation
//!
//! Second-order methods want a smooth one: [`Activation::Tanh`], [`Activation::Gelu`], [`Activation::Silu`] or
//! [`Activation::Softplus`]. With [`Activation::Relu`] a Hessian leaves out the curvature that sits in the kinks.
//!
//! # Your own model
//!
//! ```
//! use autodiff_core::{Function, Tree, Var};
//! use ndarray::{ArrayD, arr1};
//! use nn::rand::{SeedableRng, rngs::SmallRng};
//! use nn::{Activation, Init, Linear};
//!
//! /// A layer beside a shortcut.
//! #[derive(Tree, Clone)]
//! struct Residual<L> {
//!     layer: Linear<L>,
//!     gain: L,
//! }
//!
//! impl Residual<Var> {
//!     fn forward(&self, x: Var) -> Var {
//!         x + self.gain * Activation::Silu.apply(self.layer.forward(x))
//!     }
//! }
//!
//! let mut rng = SmallRng::seed_from_u64(3);
//! let block = Residual {
//!     layer: Linear::new(2, 2, Init::LecunNormal, &mut rng),
//!     gain: ArrayD::from_elem(vec![], 0.0),
//! };
//! let f = Function::with_data(|block: &Residual<Var>, x: &Var| block.forward(*x), &arr1(&[1.0, 2.0]));
//! assert_eq!(f.evaluate(&block)?, arr1(&[1.0, 2.0]).into_dyn()); // with gain 0 only the shortcut is left
//! # Ok::<(), autodiff_core::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod activation;
pub mod init;
pub mod linear;
pub mod loss;
pub mod metric;
pub mod mlp;
pub mod penalty;

pub use activation::Activation;
pub use init::{Init, fans};
pub use linear::Linear;
pub use loss::{binary_cross_entropy, cross_entropy, huber, kl_divergence, mse, soft_cross_entropy};
pub use metric::{accuracy, confusion_matrix};
pub use mlp::Mlp;
pub use penalty::{l1, l2};
pub use rand;
