//! Derivatives of a closure in one call, for one-off use: each traces anew. For more than one call make a [`Function`].

use super::Function;
use crate::error::Result;
use crate::tree::{Traced, Tree};
use ndarray::Array2;
use std::borrow::Borrow;

macro_rules! free {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $Arg:ty),*) -> $Result:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of the method of [`Function`] with the same name.
        pub fn $name<A: ?Sized, Out, P>(f: impl Fn(&A) -> Out + Send + Sync, $($arg: $Arg),*) -> Result<$Result>
        where
            Out: Traced + Send + Sync,
            P: Tree + Sync,
            P::Traced: Borrow<A>,
        {
            Function::new(f).$name($($arg),*)
        }
    };
}

free! {
    /// f(x).
    value(x: &P) -> P::Scalar
}
free! {
    /// ∇f(x), in the structure of `x`.
    ///
    /// ```
    /// use autodiff_core::{Var, gradient};
    /// let g = gradient(|x: &[Var]| x[0] * x[1].sin(), &vec![2.0, 0.0]).unwrap();
    /// assert_eq!(g, [0.0, 2.0]);
    /// ```
    gradient(x: &P) -> P
}
free! {
    /// f(x) and ∇f(x).
    value_and_gradient(x: &P) -> (P::Scalar, P)
}
free! {
    /// ∇²f(x) v without forming the Hessian, in the structure of `x`.
    ///
    /// ```
    /// use autodiff_core::{Var, hvp};
    /// let product = hvp(|x: &[Var]| x[0].powi(2) * x[1], &vec![1.0, 3.0], &vec![1.0, 0.0]).unwrap();
    /// assert_eq!(product, [6.0, 2.0]);
    /// ```
    hvp(x: &P, v: &P) -> P
}
free! {
    /// The dense Hessian ∇²f(x) over the flattened entries of `x`.
    hessian(x: &P) -> Array2<P::Scalar>
}
free! {
    /// The dense Jacobian over the flattened entries of result and `x`.
    jacobian(x: &P) -> Array2<P::Scalar>
}
free! {
    /// The Laplacian Σᵢ ∂²f/∂xᵢ².
    laplacian(x: &P) -> P::Scalar
}
free! {
    /// Taylor coefficients 0 to `order` of t ↦ f(x + t v), coefficient k divided by k!.
    ///
    /// ```
    /// use autodiff_core::{Var, taylor};
    /// let c = taylor(|x: &Var| x.exp(), &0.0, &1.0, 3).unwrap();
    /// let c: Vec<f64> = c.iter().map(|c| c[[]]).collect();
    /// assert_eq!(c, [1.0, 1.0, 0.5, 1.0 / 6.0]);
    /// ```
    taylor(x: &P, v: &P, order: usize) -> Vec<Out::Numbers<P::Scalar>>
}
