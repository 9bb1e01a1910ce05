//! The half of a method that says which step a radius allows.
//!
//! A method is search × descent: the descent answers "the step for this radius" from a quadratic model
//! q(s) = gᵀs + ½ sᵀHs, the [search](crate::RadiusSearch) accepts that step or not and sets the next radius.
//! The law of a descent: all products are spent in [`prepare`](Descent::prepare), so a rejected step is answered by
//! [`step`](Descent::step) with a smaller radius and **zero** further products.

use crate::objective::ObjectiveError;
use crate::operator::LinearOperator;
use crate::scalar::Scalar;

/// Steps of bounded length that decrease a quadratic model.
pub trait Descent<T: Scalar> {
    /// Studies the model with gradient g and Hessian H up to `radius`; returns the number of products it took.
    ///
    /// `relative_tolerance` is the ‖Hs + g‖/‖g‖ at which an interior step is good enough (the forcing term of an
    /// inexact Newton method).
    ///
    /// # Errors
    /// What a product reports.
    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        radius: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError>;

    /// Writes the step for `radius` into `out` and says what it promises. Takes no products.
    ///
    /// A radius above the prepared one is answered as the prepared one.
    ///
    /// # Panics
    /// If `out` does not have the length of the prepared gradient.
    fn step(&mut self, radius: T, out: &mut [T]) -> ModelStep<T>;

    /// The dimension of the space in which the prepared Hessian was seen to be positive definite; 0 where it was not,
    /// or where the descent does not know.
    fn definite_dimension(&self) -> usize {
        0
    }
}

/// What a step s promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelStep<T> {
    /// ‖s‖₂.
    pub norm: T,
    /// −q(s) ≥ 0, by how much the model decreases.
    pub decrease: T,
    /// Where the step ends.
    pub end: StepEnd,
}

/// Where a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepEnd {
    /// Inside the radius, with ‖Hs + g‖ within the tolerance: an inexact Newton step.
    Interior,
    /// On the radius.
    Boundary,
    /// On the radius, reached along a direction d with dᵀHd ≤ 0.
    NegativeCurvature,
    /// Inside the radius, the limit of products reached first.
    ProductLimit,
    /// Inside the radius, before a product that was not finite.
    NonFinite,
}

impl StepEnd {
    /// Whether the radius, and not the model, ended the step.
    pub fn is_on_boundary(self) -> bool {
        matches!(self, Self::Boundary | Self::NegativeCurvature)
    }
}
