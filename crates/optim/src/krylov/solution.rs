//! What a Krylov solver found, and why it stopped.

/// The outcome of a Krylov solver.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solution<T> {
    /// Why it stopped.
    pub end: KrylovEnd,
    /// Products with the matrix; those with a transpose count as well.
    pub products: usize,
    /// ‖b − A x‖₂ as the recurrence has it.
    pub residual_norm: T,
}

/// Why a Krylov solver stopped. A numerical outcome is a value, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KrylovEnd {
    /// The residual is within the tolerance.
    Converged,
    /// The system has no solution, and the residual is as small as it can be, within the tolerance.
    LeastSquares,
    /// A direction d with dᵀAd ≤ 0, up to rounding, was met: A is not positive definite.
    NegativeCurvature,
    /// A residual r with rᵀM⁻¹r ≤ 0 was met: the preconditioner is not positive definite, which says nothing of A.
    IndefinitePreconditioner,
    /// The limit of products came first.
    ProductLimit,
    /// A product was not finite.
    NonFinite,
}

impl KrylovEnd {
    /// Whether the system was solved, in the sense of least squares where it has no solution.
    pub fn is_solved(self) -> bool {
        matches!(self, Self::Converged | Self::LeastSquares)
    }
}
