//! The method of minimal residuals: A x = b for a symmetric A of any definiteness.
//!
//! ```
//! use optim::{Minres, OperatorFn};
//! let mut a = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[2.0 * v[0], -3.0 * v[1]]);
//!     Ok(())
//! });
//! let mut x = [0.0; 2];
//! let solution = Minres::new().solve(&mut a, &[1.0, 1.0], &mut x, 1e-12)?;
//! assert!(solution.end.is_solved() && solution.products == 2);
//! assert!((x[0] - 0.5).abs() < 1e-14 && (x[1] + 1.0 / 3.0).abs() < 1e-14);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::solution::{KrylovEnd, Solution};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// MINRES with reused storage: minimises ‖b − A x‖ over growing Krylov spaces from x = 0.
///
/// On a system without a solution it goes to a point of least squares, not in general the shortest. Before any direction of
/// nonpositive curvature ‖x‖ grows and ½ xᵀAx − bᵀx falls monotonically.
///
/// Storage, in vectors of length `n`: six. One product and 9 n operations a step. Allocates only when `n` grows.
///
/// Sources: Paige, Saunders, SIAM J. Numer. Anal. 12 (1975); detection of nonpositive curvature: Liu, Roosta, *MINRES:
/// from negative curvature detection to monotonicity properties*, SIAM J. Optim. 32 (2022), algorithm 1.
#[derive(Clone, Debug)]
pub struct Minres<T> {
    max_products: Option<usize>,
    least_squares_tolerance: T,
    v: Vec<T>,
    v_before: Vec<T>,
    q: Vec<T>,
    d: Vec<T>,
    d_before: Vec<T>,
    r: Vec<T>,
}

/// Whether a run may pass directions of nonpositive curvature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Curvature {
    Any,
    Positive,
}

impl<T: Scalar> Default for Minres<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Minres<T> {
    /// The solver with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        Self {
            max_products: None,
            least_squares_tolerance: T::epsilon(),
            v: Vec::new(),
            v_before: Vec::new(),
            q: Vec::new(),
            d: Vec::new(),
            d_before: Vec::new(),
            r: Vec::new(),
        }
    }

    /// Limits the products of one solve. Default: `4 n`, where exact arithmetic needs at most `n`.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// ‖A r‖/(‖A‖ ‖r‖) at which a residual r passes for what no x can reduce, so that the system has no solution.
    /// Default: ε, which is also the least.
    ///
    /// Where a small eigenvalue λ is all that is left to be solved for, the ratio is λ/‖A‖: with √ε every system of a
    /// condition above 10⁸ passes for one without a solution. Larger values save products where none is known to exist.
    pub fn least_squares_tolerance(mut self, tolerance: T) -> Self {
        self.least_squares_tolerance = tolerance;
        self
    }

    /// Solves A x = `b` to ‖b − A x‖ ≤ `relative_tolerance` ‖b‖, or in the sense of least squares where that has no
    /// solution. What `x` holds before is ignored.
    ///
    /// # Errors
    /// A wrong length, or what a product reports.
    pub fn solve<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        b: &[T],
        x: &mut [T],
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        self.run(matrix, b, x, relative_tolerance, Curvature::Any)
    }

    /// As [`solve`](Self::solve), ended with [`KrylovEnd::NegativeCurvature`] by the first residual r with rᵀAr ≤ 0:
    /// [`residual`](Self::residual) is then that r and x the iterate that left it.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn solve_definite<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        b: &[T],
        x: &mut [T],
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        self.run(matrix, b, x, relative_tolerance, Curvature::Positive)
    }

    /// r = b − A x of the last solve, from its recurrence.
    pub fn residual(&self) -> &[T] {
        &self.r
    }

    fn run<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        b: &[T],
        x: &mut [T],
        relative_tolerance: T,
        allowed: Curvature,
    ) -> Result<Solution<T>, ObjectiveError> {
        let n = matrix.dimension();
        check_length("minres", "b", n, b.len())?;
        check_length("minres", "x", n, x.len())?;
        let (zero, one) = (T::zero(), T::one());
        let limit = self.max_products.unwrap_or(4 * n);
        for storage in [&mut self.v, &mut self.v_before, &mut self.q, &mut self.d, &mut self.d_before, &mut self.r] {
            storage.clear();
            storage.resize(n, zero);
        }
        x.fill(zero);
        self.r.copy_from_slice(b);
        let b_norm = norm(b);
        if !b_norm.is_finite() {
            return Ok(Solution { end: KrylovEnd::NonFinite, products: 0, residual_norm: b_norm });
        }
        // φ = ‖r‖; c and s of the last rotation; δ⁽¹⁾, ε of the column to come; β beside it.
        let (mut phi, mut c, mut s) = (b_norm, -one, zero);
        let (mut delta, mut epsilon, mut beta) = (zero, zero, zero);
        let mut scale = zero;
        let mut products = 0;
        if b_norm > zero {
            for (v, &b) in self.v.iter_mut().zip(b) {
                *v = b / b_norm;
            }
        }
        loop {
            let ended = |end, products| Ok(Solution { end, products, residual_norm: phi });
            if phi <= relative_tolerance * b_norm {
                return ended(KrylovEnd::Converged, products);
            }
            if products >= limit {
                return ended(KrylovEnd::ProductLimit, products);
            }
            matrix.apply(&self.v, &mut self.q)?;
            products += 1;
            let alpha = dot(&self.v, &self.q);
            if !alpha.is_finite() {
                return ended(KrylovEnd::NonFinite, products);
            }
            axpy(-beta, &self.v_before, &mut self.q);
            axpy(-alpha, &self.v, &mut self.q);
            let mut beta_next = norm(&self.q);
            // An infinite scale would take everything for rounding.
            if !beta_next.is_finite() {
                return ended(KrylovEnd::NonFinite, products);
            }
            scale = scale.max(alpha.abs() + beta + beta_next);
            if beta_next <= T::epsilon() * scale {
                beta_next = zero;
            }
            // The last rotation on the new column, the new one on what is left.
            let above = c * delta + s * alpha;
            let gamma = s * delta - c * alpha;
            let (epsilon_next, delta_next) = (s * beta_next, -c * beta_next);
            // rᵀAr = −φ² c γ, and ‖A r‖ = φ ‖(γ, δ′)‖ judges a system without a solution.
            if allowed == Curvature::Positive && -c * gamma <= T::epsilon() * scale {
                return ended(KrylovEnd::NegativeCurvature, products);
            }
            if gamma.hypot(delta_next) <= self.least_squares_tolerance.max(T::epsilon()) * scale {
                return ended(KrylovEnd::LeastSquares, products);
            }
            let length = gamma.hypot(beta_next);
            (c, s) = (gamma / length, beta_next / length);
            let tau = c * phi;
            phi *= s;
            std::mem::swap(&mut self.d, &mut self.d_before);
            for ((d, &d_last), &v) in self.d.iter_mut().zip(&self.d_before).zip(&self.v) {
                // d still holds the direction before last.
                *d = (v - above * d_last - epsilon * *d) / length;
            }
            axpy(tau, &self.d, x);
            std::mem::swap(&mut self.v, &mut self.v_before);
            if beta_next > zero {
                for (v, &q) in self.v.iter_mut().zip(&self.q) {
                    *v = q / beta_next;
                }
            } else {
                self.v.fill(zero);
            }
            for (r, &v) in self.r.iter_mut().zip(&self.v) {
                *r = s * s * *r - phi * c * v;
            }
            if beta_next == zero {
                // Invariant space: the residual is what it will be.
                let end = if phi <= relative_tolerance.max(T::epsilon()) * b_norm {
                    KrylovEnd::Converged
                } else {
                    KrylovEnd::LeastSquares
                };
                return Ok(Solution { end, products, residual_norm: phi });
            }
            (delta, epsilon, beta) = (delta_next, epsilon_next, beta_next);
        }
    }
}
