//! Penalties on the size of parameters.
//!
//! They are added to the loss and bypass its [prediction mark](Var::prediction): a Gauss–Newton product contains their full
//! Hessian.

use autodiff_core::{Traced, Var};

/// ½ · strength · Σ w² over all entries of all leaves: a scalar, not averaged. Its Hessian is strength · I.
///
/// `parameters` is any structure of variables: a whole model, or for weights without biases
/// [`Mlp::weights`](crate::Mlp::weights).
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr1;
/// use nn::l2;
/// let f = Function::new(|w: &Var| l2(w, 0.1));
/// assert_eq!(f.value(&arr1(&[3.0, 4.0])).unwrap(), 1.25);
/// assert_eq!(f.hvp(&arr1(&[3.0, 4.0]), &arr1(&[1.0, -2.0])).unwrap(), arr1(&[0.1, -0.2]));
/// ```
#[track_caller]
pub fn l2(parameters: &impl Traced, strength: f64) -> Var {
    let mut sum = Var::from(0.0);
    for leaf in leaves(parameters) {
        sum += leaf.square().sum();
    }
    0.5 * strength * sum
}

/// strength · Σ |w| over all entries of all leaves: a scalar, not averaged.
///
/// The derivative of |w| at 0 is taken as 0, the least of its subgradients; the Hessian is 0.
///
/// ```
/// use autodiff_core::{Function, Var};
/// use ndarray::arr1;
/// use nn::l1;
/// let f = Function::new(|w: &Var| l1(w, 0.5));
/// assert_eq!(f.value(&arr1(&[3.0, -4.0, 0.0])).unwrap(), 3.5);
/// assert_eq!(f.gradient(&arr1(&[3.0, -4.0, 0.0])).unwrap(), arr1(&[0.5, -0.5, 0.0]));
/// ```
#[track_caller]
pub fn l1(parameters: &impl Traced, strength: f64) -> Var {
    let mut sum = Var::from(0.0);
    for leaf in leaves(parameters) {
        sum += leaf.abs().sum();
    }
    strength * sum
}

fn leaves(parameters: &impl Traced) -> Vec<Var> {
    let mut leaves = Vec::new();
    parameters.variables(&mut leaves);
    leaves
}
