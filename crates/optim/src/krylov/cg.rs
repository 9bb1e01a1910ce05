//! Conjugate gradients: A x = b for a positive definite A, one product a step.
//!
//! ```
//! use optim::{ConjugateGradients, OperatorFn};
//! let mut a = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[4.0 * v[0] + v[1], v[0] + 3.0 * v[1]]);
//!     Ok(())
//! });
//! let mut x = [0.0; 2];
//! let solution = ConjugateGradients::new().solve(&mut a, &[1.0, 2.0], &mut x, 1e-12)?;
//! assert!(solution.end.is_solved() && solution.products == 2);
//! assert!((x[0] - 1.0 / 11.0).abs() < 1e-15 && (x[1] - 7.0 / 11.0).abs() < 1e-15);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::solution::{KrylovEnd, Solution};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::{Identity, LinearOperator};
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// Conjugate gradients, plain or preconditioned, with reused storage.
///
/// Minimises ½ xᵀAx − bᵀx over growing Krylov spaces. The error falls by about (√κ − 1)/(√κ + 1) a step, κ being the
/// condition number of A, or of M⁻¹A with a preconditioner M. In exact arithmetic it ends after as many steps as there
/// are distinct eigenvalues.
///
/// Storage, in vectors of length `n`: three, and one more with a preconditioner. Allocates only when `n` grows.
///
/// A direction d with dᵀAd ≤ ε ‖d‖ ‖Ad‖ ends the run with [`KrylovEnd::NegativeCurvature`]: x is then the last good
/// iterate and [`direction`](Self::direction) is d. A residual r with rᵀM⁻¹r ≤ 0 ends it with
/// [`KrylovEnd::IndefinitePreconditioner`], x the last iterate; of A that says nothing.
///
/// Sources: Hestenes, Stiefel, J. Res. Nat. Bur. Stand. 49 (1952); Golub, Van Loan, *Matrix Computations* (2013), §11.5.
#[derive(Clone, Debug)]
pub struct ConjugateGradients<T> {
    max_products: Option<usize>,
    r: Vec<T>,
    z: Vec<T>,
    d: Vec<T>,
    ad: Vec<T>,
}

impl<T: Scalar> Default for ConjugateGradients<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> ConjugateGradients<T> {
    /// The solver with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        Self { max_products: None, r: Vec::new(), z: Vec::new(), d: Vec::new(), ad: Vec::new() }
    }

    /// Limits the products of one solve. Default: `2 n`, where exact arithmetic needs at most `n`.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// Solves A x = `b` from the guess in `x` to ‖b − A x‖ ≤ `relative_tolerance` ‖b‖. A guess other than zero costs a
    /// product.
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
        self.run(matrix, None::<&mut Identity>, b, x, relative_tolerance)
    }

    /// As [`solve`](Self::solve), with a `preconditioner` whose product is M⁻¹ v for some positive definite M near A.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn solve_preconditioned<A: LinearOperator<T>, M: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        preconditioner: &mut M,
        b: &[T],
        x: &mut [T],
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        self.run(matrix, Some(preconditioner), b, x, relative_tolerance)
    }

    /// The last direction: after [`KrylovEnd::NegativeCurvature`] one along which A is not positive.
    pub fn direction(&self) -> &[T] {
        &self.d
    }

    fn run<A: LinearOperator<T>, M: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        mut preconditioner: Option<&mut M>,
        b: &[T],
        x: &mut [T],
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        let n = matrix.dimension();
        check_length("conjugate gradients", "b", n, b.len())?;
        check_length("conjugate gradients", "x", n, x.len())?;
        let limit = self.max_products.unwrap_or(2 * n);
        for storage in [&mut self.r, &mut self.d, &mut self.ad] {
            storage.resize(n, T::zero());
        }
        self.r.copy_from_slice(b);
        let mut products = 0;
        if x.iter().any(|&x| x != T::zero()) {
            matrix.apply(x, &mut self.ad)?;
            products += 1;
            axpy(-T::one(), &self.ad, &mut self.r);
        }
        if let Some(m) = &mut preconditioner {
            self.z.resize(n, T::zero());
            m.apply(&self.r, &mut self.z)?;
        }
        let enough = relative_tolerance * norm(b);
        // rᵀM⁻¹r
        let mut rz = dot(&self.r, if preconditioner.is_some() { &self.z } else { &self.r });
        self.d.copy_from_slice(if preconditioner.is_some() { &self.z } else { &self.r });
        loop {
            let residual_norm = norm(&self.r);
            let ended = |end| Ok(Solution { end, products, residual_norm });
            if residual_norm <= enough {
                return ended(KrylovEnd::Converged);
            }
            if !residual_norm.is_finite() || !rz.is_finite() {
                return ended(KrylovEnd::NonFinite);
            }
            if rz <= T::zero() {
                // An rᵀM⁻¹r that underflowed is converged: its largest terms are at most ‖r‖ ‖M⁻¹r‖.
                let underflowed = preconditioner.is_none() || residual_norm * norm(&self.z) < T::min_positive_value();
                return ended(if underflowed { KrylovEnd::Converged } else { KrylovEnd::IndefinitePreconditioner });
            }
            if products >= limit {
                return ended(KrylovEnd::ProductLimit);
            }
            matrix.apply(&self.d, &mut self.ad)?;
            products += 1;
            let curvature = dot(&self.d, &self.ad);
            let ended = |end| Ok(Solution { end, products, residual_norm });
            if !curvature.is_finite() {
                return ended(KrylovEnd::NonFinite);
            }
            if curvature <= T::epsilon() * norm(&self.d) * norm(&self.ad) {
                return ended(KrylovEnd::NegativeCurvature);
            }
            let alpha = rz / curvature;
            axpy(alpha, &self.d, x);
            axpy(-alpha, &self.ad, &mut self.r);
            let z = match &mut preconditioner {
                Some(m) => {
                    m.apply(&self.r, &mut self.z)?;
                    &self.z
                }
                None => &self.r,
            };
            let next = dot(&self.r, z);
            let beta = next / rz;
            for (d, &z) in self.d.iter_mut().zip(z) {
                *d = z + beta * *d;
            }
            rz = next;
        }
    }
}
