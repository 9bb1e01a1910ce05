//! Derivatives inside a closure, on its own tape: methods of [`Var`].
//!
//! Differentiation is with respect to nodes, so derivatives nest without confusion: the gradient of a tangent is two calls.

use super::{Seed, adjoint, jet, tangent};
use crate::graph::Var;
use crate::trace::{all_here, constant, refuse};
use std::panic::Location;

impl Var {
    /// Gradient of this scalar with respect to `x`, of the shape of `x`; zeros if it does not depend on `x`.
    ///
    /// `x` may be any variable of the same closure; the derivative is with respect to that node, also if it was computed.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // g(x) = ‖∇ Σ x³‖² = Σ 9 x⁴
    /// let g = Function::new(|x: &Var| x.powi(3).sum().gradient(*x).square().sum());
    /// assert_eq!(g.value(&ndarray::arr1(&[1.0, 2.0])).unwrap(), 9.0 * 17.0);
    /// ```
    #[track_caller]
    pub fn gradient(self, x: Var) -> Var {
        if self.rank() != 0 {
            return refuse("gradient", format!("expected a scalar, found shape {}", self.shape()), Location::caller());
        }
        self.pullback(x, constant(1.0))
    }

    /// (∂self/∂x)ᵀ `cotangent`, of the shape of `x`, for a cotangent of the shape of `self`.
    #[track_caller]
    pub fn pullback(self, x: Var, cotangent: Var) -> Var {
        let place = Location::caller();
        if !all_here("pullback", &[self, x, cotangent], place) {
            return refuse("pullback", "a variable of another trace".into(), place);
        }
        if cotangent.shape() != self.shape() {
            let message = format!("a cotangent of shape {} for a result of shape {}", cotangent.shape(), self.shape());
            return refuse("pullback", message, place);
        }
        or_zeros(adjoint(&[(self, cotangent)], &[x])[0], x)
    }

    /// Tangent of this variable when `x` moves along `direction`, which has the shape of `x`; of the shape of `self`. Costs about a
    /// value more.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // x × the slope of x³: 3 x³
    /// let f = Function::new(|x: &Var| *x * x.powi(3).tangent(*x, autodiff_core::constant(&1.0_f64)));
    /// let slope = f.value(&2.0_f64)?;
    /// assert_eq!(slope, 24.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn tangent(self, x: Var, direction: Var) -> Var {
        let place = Location::caller();
        if !all_here("tangent", &[self, x, direction], place) {
            return refuse("tangent", "a variable of another trace".into(), place);
        }
        if direction.shape() != x.shape() {
            let message = format!("a direction of shape {} for a variable of shape {}", direction.shape(), x.shape());
            return refuse("tangent", message, place);
        }
        or_zeros(tangent(&[self], &[(x, Some(direction))])[0], self)
    }

    /// Taylor coefficients 0 to `order` of this variable along x + t·direction, divided by k!; the direction has the shape of `x`, each
    /// coefficient that of `self`. Costs what [`Function::taylor`](crate::Function::taylor) costs.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// // (x + t)³ = x³ + 3 x² t + 3 x t² + t³
    /// let f = Function::new(|x: &Var| x.powi(3).taylor(*x, autodiff_core::constant(&1.0_f64), 3));
    /// assert_eq!(f.evaluate(&2.0)?.iter().map(|c| c[[]]).collect::<Vec<f64>>(), [8.0, 12.0, 6.0, 1.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    #[track_caller]
    pub fn taylor(self, x: Var, direction: Var, order: usize) -> Vec<Var> {
        let place = Location::caller();
        if !all_here("taylor", &[self, x, direction], place) {
            return vec![refuse("taylor", "a variable of another trace".into(), place); order + 1];
        }
        if direction.shape() != x.shape() {
            let message = format!("a direction of shape {} for a variable of shape {}", direction.shape(), x.shape());
            return vec![refuse("taylor", message, place); order + 1];
        }
        let seed = Seed { variable: x, coefficients: vec![Some(direction)] };
        let coefficients = jet(&[self], &[seed], order).remove(0);
        std::iter::once(self).chain(coefficients.into_iter().map(|c| or_zeros(c, self))).collect()
    }
}

/// The variable, or zeros of the shape of `like`.
pub(crate) fn or_zeros(var: Option<Var>, like: Var) -> Var {
    var.unwrap_or_else(|| constant(0.0).broadcast_to(&like.shape()))
}
