//! Lanczos' process: an orthonormal basis of the Krylov space of a symmetric matrix, and the matrix within it.
//!
//! From q₁ = b/‖b‖ each product gives one basis vector more, H Qₖ = Qₖ Tₖ + βₖ qₖ₊₁ eₖᵀ with a tridiagonal Tₖ. The
//! eigenvalues of Tₖ (Ritz values) approach those of H from inside, the extreme ones first.
//!
//! ```
//! use optim::{Lanczos, OperatorFn};
//! let mut hessian = OperatorFn::new(3, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[-v[0], 2.0 * v[1], 5.0 * v[2]]);
//!     Ok(())
//! });
//! let mut lanczos = Lanczos::new(10);
//! lanczos.start(&[1.0, 1.0, 1.0]);
//! while lanczos.extend(&mut hessian)?.is_continuing() {}
//! let ritz = lanczos.ritz_values();
//! // Three distinct eigenvalues: after three products the space is exhausted and the Ritz values are the spectrum.
//! assert_eq!(ritz.len(), 3);
//! assert!((ritz[0] + 1.0).abs() < 1e-14 && (ritz[2] - 5.0).abs() < 1e-14);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::tridiagonal::Eigen;
use super::{hold, hold_rows};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// Lanczos' process with every basis vector kept and orthogonalised against all before.
///
/// Storage, in vectors of length `n`: one, and one for each basis vector, up to the capacity and one more. The room for all is
/// reserved at the first start, and kept for the next; of more than 2²² numbers it grows with the process. Besides the product,
/// step k costs 8 n k operations.
///
/// Source: C. Lanczos, J. Res. Nat. Bur. Stand. 45 (1950); full reorthogonalisation: Golub, Van Loan, *Matrix
/// Computations* (2013), §10.3.
#[derive(Clone, Debug)]
pub struct Lanczos<T> {
    capacity: usize,
    n: usize,
    basis: Vec<T>,
    alpha: Vec<T>,
    /// βₖ beside αₖ, one for each α: the last says what remains outside the space.
    beta: Vec<T>,
    w: Vec<T>,
    start_norm: T,
    /// max |αₖ| + βₖ₋₁ + βₖ, an estimate of ‖H‖ from below.
    scale: T,
    eigen: Eigen<T>,
}

/// What a step of [`Lanczos`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expansion {
    /// The space grew; there is more to find.
    Continuing,
    /// The space is invariant: a product leads no further from this start.
    Exhausted,
    /// The capacity is reached.
    Full,
    /// The product was not finite; the space stayed as it was.
    NonFinite,
}

impl Expansion {
    /// Whether another step can be made.
    pub fn is_continuing(self) -> bool {
        self == Self::Continuing
    }
}

impl<T: Scalar> Lanczos<T> {
    /// The process with at most `capacity` basis vectors, at least 1. Holds no storage until it is first used.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            n: 0,
            basis: Vec::new(),
            alpha: Vec::new(),
            beta: Vec::new(),
            w: Vec::new(),
            start_norm: T::zero(),
            scale: T::zero(),
            eigen: Eigen::new(),
        }
    }

    /// Sets the most basis vectors of the next process.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
    }

    /// Reserves what a process on vectors of length `n` needs, Ritz vectors included.
    pub(crate) fn reserve(&mut self, n: usize) {
        self.reserve_basis(n);
        self.eigen.reserve(self.capacity.min(n));
    }

    fn reserve_basis(&mut self, n: usize) {
        let products = self.capacity.min(n);
        hold(&mut self.w, n);
        hold(&mut self.alpha, products);
        hold(&mut self.beta, products);
        hold_rows(&mut self.basis, (self.capacity.saturating_add(1)).min(n), n);
    }

    /// Begins anew from `b`; returns ‖b‖. From zero or a vector that is not finite no step can be made.
    pub fn start(&mut self, b: &[T]) -> T {
        self.n = b.len();
        self.reserve_basis(self.n);
        self.alpha.clear();
        self.beta.clear();
        self.scale = T::zero();
        self.w.clear();
        self.w.extend_from_slice(b);
        self.start_norm = norm(b);
        if self.start_norm > T::zero() && self.start_norm.is_finite() {
            self.push(self.start_norm);
        } else {
            self.start_norm = T::zero();
        }
        self.start_norm
    }

    /// Makes w / `length` the next basis vector.
    fn push(&mut self, length: T) {
        let row = self.alpha.len() * self.n;
        if self.basis.len() < row + self.n {
            if self.basis.capacity() < row + self.n {
                // Doubled, but never to more than the last row needs.
                let wanted = (2 * row).clamp(row + self.n, self.capacity.saturating_add(1).saturating_mul(self.n));
                hold(&mut self.basis, wanted);
            }
            self.basis.resize(row + self.n, T::zero());
        }
        let inverse = T::one() / length;
        for (q, &w) in self.basis[row..row + self.n].iter_mut().zip(&self.w) {
            // 1/length overflows below min_positive.
            *q = if inverse.is_finite() { w * inverse } else { w / length };
        }
    }

    /// One product, and one basis vector more.
    ///
    /// # Errors
    /// What the product reports, or a matrix of another order than the start.
    pub fn extend<A: LinearOperator<T>>(&mut self, matrix: &mut A) -> Result<Expansion, ObjectiveError> {
        check_length("lanczos", "start", matrix.dimension(), self.n)?;
        let (k, n) = (self.alpha.len(), self.n);
        if k >= n || self.start_norm == T::zero() || self.beta.last() == Some(&T::zero()) {
            return Ok(Expansion::Exhausted);
        }
        if k == self.capacity {
            return Ok(Expansion::Full);
        }
        matrix.apply(&self.basis[k * n..(k + 1) * n], &mut self.w)?;
        let alpha = dot(&self.basis[k * n..(k + 1) * n], &self.w);
        if !alpha.is_finite() {
            return Ok(Expansion::NonFinite);
        }
        axpy(-alpha, &self.basis[k * n..(k + 1) * n], &mut self.w);
        if k > 0 {
            axpy(-self.beta[k - 1], &self.basis[(k - 1) * n..k * n], &mut self.w);
        }
        // Twice is enough (Kahan, Parlett): the first pass was the two subtractions above, mostly.
        self.orthogonalise(k + 1);
        self.orthogonalise(k + 1);
        let mut beta = norm(&self.w);
        if !beta.is_finite() {
            return Ok(Expansion::NonFinite);
        }
        let before = if k > 0 { self.beta[k - 1] } else { T::zero() };
        self.scale = self.scale.max(alpha.abs() + before + beta);
        // What is left of H q is the rounding of the product.
        if k + 1 == n || beta <= T::of(16.0) * T::epsilon() * self.scale {
            beta = T::zero();
        }
        self.alpha.push(alpha);
        self.beta.push(beta);
        if beta == T::zero() {
            return Ok(Expansion::Exhausted);
        }
        self.push(beta);
        Ok(if k + 1 == self.capacity { Expansion::Full } else { Expansion::Continuing })
    }

    /// Continues an exhausted space with the part of `b` outside it: T then falls into blocks. False if there is none.
    pub(crate) fn restart(&mut self, b: &[T]) -> bool {
        let k = self.alpha.len();
        if k >= self.n || k >= self.capacity {
            return false;
        }
        self.w.clear();
        self.w.extend_from_slice(b);
        let whole = norm(b);
        for _ in 0..3 {
            self.orthogonalise(k);
        }
        let length = norm(&self.w);
        // Below that only rounding is left.
        if length.is_nan() || length <= T::epsilon().sqrt() * whole {
            return false;
        }
        self.push(length);
        if self.start_norm == T::zero() {
            self.start_norm = T::min_positive_value();
        }
        if let Some(beta) = self.beta.last_mut() {
            // Below every rounding of T, and not the zero that says "exhausted".
            *beta = T::min_positive_value();
        }
        true
    }

    /// Subtracts from w its components along the first `k` basis vectors.
    fn orthogonalise(&mut self, k: usize) {
        for q in self.basis[..k * self.n].chunks_exact(self.n.max(1)) {
            let component = dot(q, &self.w);
            axpy(-component, q, &mut self.w);
        }
    }

    /// ‖b‖ of the vector it started from.
    pub(crate) fn start_norm(&self) -> T {
        self.start_norm
    }

    /// How many products were made: the order of T.
    pub fn len(&self) -> usize {
        self.alpha.len()
    }

    /// Whether no product was made.
    pub fn is_empty(&self) -> bool {
        self.alpha.is_empty()
    }

    /// α₁ … αₖ, the diagonal of T.
    pub fn diagonal(&self) -> &[T] {
        &self.alpha
    }

    /// β₁ … βₖ: the off-diagonal of T, and at the end the distance of H qₖ from the space, zero if it is exhausted.
    pub fn off_diagonal(&self) -> &[T] {
        &self.beta
    }

    /// Basis vector number `i`, of length 1; from 0 to [`len`](Self::len) − 1, and one more unless exhausted.
    pub fn basis_vector(&self, i: usize) -> &[T] {
        &self.basis[i * self.n..(i + 1) * self.n]
    }

    /// Writes Q y, the vector with coordinates `y` in the basis, into `out`.
    pub fn combine(&self, y: &[T], out: &mut [T]) {
        out.fill(T::zero());
        for (&y, q) in y.iter().zip(self.basis.chunks_exact(self.n.max(1))) {
            axpy(y, q, out);
        }
    }

    /// Eigenvalues of T, ascending: no smaller than the smallest of the matrix, no larger than the largest. Empty
    /// before the first product.
    pub fn ritz_values(&mut self) -> &[T] {
        self.eigen.ends(&self.alpha, &self.beta);
        &self.eigen.values
    }

    /// Writes the Ritz vector of Ritz value number `i` into `out` and returns ‖H v − θ v‖ = βₖ |last component|: some
    /// eigenvalue lies that near to the Ritz value θ. Time about 3 k³ + 2 n k.
    ///
    /// # Panics
    /// If there is no Ritz value number `i`, or `out` has not the length of the start.
    pub fn ritz_vector(&mut self, i: usize, out: &mut [T]) -> T {
        assert_eq!(out.len(), self.n, "lanczos: out has the wrong length");
        self.eigen.whole(&self.alpha, &self.beta);
        let y = self.eigen.vector(i);
        out.fill(T::zero());
        for (&y, q) in y.iter().zip(self.basis.chunks_exact(self.n.max(1))) {
            axpy(y, q, out);
        }
        let (Some(&last), Some(&beta)) = (y.last(), self.beta.last()) else { return T::zero() };
        beta * last.abs()
    }

    /// The largest |α| + β + β met, an estimate of ‖H‖ from below within a factor of about 3.
    pub fn scale(&self) -> T {
        self.scale
    }
}
