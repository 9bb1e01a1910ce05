//! The cubic model in a Krylov space: the step of adaptive cubic regularisation.
//!
//! Minimises m(s) = gᵀs + ½ sᵀHs + ⅓ σ ‖s‖³ over the space spanned by g, Hg, H²g, …. In Lanczos' basis H is a
//! tridiagonal T, and the global minimum there solves (T + λI) h = −‖g‖ e₁ with λ = σ ‖h‖ and T + λI ⪰ 0.
//!
//! ```
//! use optim::{CubicModel, OperatorFn};
//! let mut hessian = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[v[0], -2.0 * v[1]]);
//!     Ok(())
//! });
//! let mut cubic = CubicModel::new();
//! let mut s = [0.0; 2];
//! assert_eq!(cubic.prepare(&mut hessian, &[12.0, 4.0], 0.6, 1e-12)?, 2);
//! cubic.step(0.6, &mut s);
//! // λ = 0.6 · 5 = 3: (H + 3I) s = −g with H + 3I = diag(4, 1).
//! assert!((s[0] + 3.0).abs() < 1e-13 && (s[1] + 4.0).abs() < 1e-13);
//! // A larger weight needs no product.
//! assert!(cubic.step(60.0, &mut s).norm < 1.0);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::lanczos::{Expansion, Lanczos};
use super::secular::{Bound, Secular};
use super::shifted::ShiftedLanczos;
use super::solution::KrylovEnd;
use super::tridiagonal::Eigen;
use super::{default_basis, hold};
use crate::descent::{ModelStep, StepEnd};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{all_finite, axpy, dot, norm};

/// The minimum of the cubic model from a Krylov space that is kept, so that other weights are solved without products.
///
/// Storage, in vectors of length `n`: one, and one for each product, up to [`basis_vectors`](Self::basis_vectors) and
/// one more; room for all of them, up to 2²² numbers, is reserved at the first preparation. A step costs the product, 8 n k
/// operations of orthogonalisation and about 15 k² for the eigenvalues of T, k being its number.
///
/// # Beyond the basis
/// Where the basis is full and the step not yet exact enough, Lanczos' process goes on without it, for a grid of twelve
/// shifts λ at once ([`ShiftedLanczos`]), needing 27 vectors more, allocated when it first gets there. (H + λI) s = −g makes s
/// the minimum of the model with weight λ/‖s‖, so the answer to a weight is the step of the least λ whose own weight is no
/// smaller. The grid begins at λ of the step within the basis, from which λ only grows with the space, and is finest there.
///
/// Sources: Cartis, Gould, Toint, *Adaptive cubic regularisation methods for unconstrained optimization I*, Math.
/// Program. 127 (2011), §6; Dussault, Migot, Orban, *Scalable adaptive cubic regularization methods*, Math. Program.
/// 207 (2024) (ARCqK), for solving every weight from one Lanczos run over a grid of shifts.
#[derive(Clone, Debug)]
pub struct CubicModel<T> {
    max_products: Option<usize>,
    basis_vectors: Option<usize>,
    lanczos: Lanczos<T>,
    eigen: Eigen<T>,
    secular: Secular<T>,
    y: Vec<T>,
    /// ‖g‖.
    gamma: T,
    /// ‖(H + λI) s + g‖ at which a step is exact enough.
    tolerance: T,
    end: StepEnd,
    /// The systems of the grid, beyond the basis.
    beyond: ShiftedLanczos<T>,
    is_beyond: bool,
}

/// The shifts of the grid, in units of the λ within the basis.
const GRID: [f64; 12] = [1.0, 1.5, 2.25, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 4096.0, 65536.0];

impl<T: Scalar> Default for CubicModel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> CubicModel<T> {
    /// The method with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        Self {
            max_products: None,
            basis_vectors: None,
            lanczos: Lanczos::new(1),
            eigen: Eigen::new(),
            secular: Secular::new(),
            y: Vec::new(),
            gamma: T::zero(),
            tolerance: T::zero(),
            end: StepEnd::Interior,
            beyond: ShiftedLanczos::new(&GRID.map(T::of)),
            is_beyond: false,
        }
    }

    /// Limits the products of one preparation. Default: `2 n`. With no product allowed there is no step.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// How many basis vectors are kept, at least 1. Default: `n` for up to 512 variables, so that every step can be exact,
    /// and 64 for more.
    pub fn basis_vectors(mut self, count: usize) -> Self {
        self.basis_vectors = Some(count);
        self
    }

    /// λ of the last step: (H + λI) s = −g within the space.
    pub fn shift(&self) -> T {
        self.secular.shift
    }

    /// Studies the model with gradient g, Hessian H and weight σ = `weight` until ‖(H + λI) s + g‖ is at most
    /// `relative_tolerance` times ‖g‖; returns the number of products it took.
    ///
    /// # Errors
    /// What a product reports.
    pub fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        weight: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        let n = hessian.dimension();
        check_length("cubic model", "gradient", n, gradient.len())?;
        let capacity = self.basis_vectors.unwrap_or(default_basis(n)).max(1);
        self.lanczos.set_capacity(capacity);
        self.eigen.reserve(capacity.min(n));
        hold(&mut self.secular.h, capacity.min(n));
        hold(&mut self.y, capacity.min(n));
        self.gamma = self.lanczos.start(gradient);
        self.end = StepEnd::Interior;
        self.is_beyond = false;
        if !all_finite(gradient) {
            self.end = StepEnd::NonFinite;
            return Ok(0);
        }
        let limit = self.max_products.unwrap_or(2 * n);
        self.tolerance = relative_tolerance * self.gamma;
        let mut products = 0;
        while self.gamma > T::zero() {
            if products == limit {
                self.end = StepEnd::ProductLimit;
                break;
            }
            let expansion = self.lanczos.extend(hessian)?;
            products += 1;
            let (alpha, beta) = (self.lanczos.diagonal(), self.lanczos.off_diagonal());
            if expansion == Expansion::NonFinite || !self.eigen.ends(alpha, beta) {
                self.end = StepEnd::NonFinite;
                break;
            }
            self.solve(Bound::Cubic(weight));
            if self.is_exact() || expansion == Expansion::Exhausted {
                break;
            }
            if expansion == Expansion::Full {
                self.end = StepEnd::ProductLimit;
                products += self.go_on(hessian, weight, limit - products)?;
                break;
            }
        }
        if !self.lanczos.is_empty() && !self.eigen.whole(self.lanczos.diagonal(), self.lanczos.off_diagonal()) {
            self.end = StepEnd::NonFinite;
        }
        Ok(products)
    }

    /// The systems of the grid above λ of the step within the basis; returns the number of products.
    fn go_on<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        weight: T,
        limit: usize,
    ) -> Result<usize, ObjectiveError> {
        // A shift below the rounding of H is none.
        let least = self.secular.shift.max(T::epsilon() * self.lanczos.scale());
        let largest = T::of(GRID[GRID.len() - 1]) * least;
        // While conjugate gradients go on ‖s‖ grows, so that too small a λ stays too small.
        let is_wanted = |shift: T, s: &[T]| shift >= weight * norm(s) || shift == largest;
        let shifts = GRID.iter().map(|&factor| T::of(factor) * least);
        let products = self.beyond.go_on(hessian, &self.lanczos, shifts, self.tolerance, limit, is_wanted)?;
        self.is_beyond = true;
        Ok(products)
    }

    /// The first system of the grid that is solved and whose λ and ‖s‖ satisfy the condition.
    fn of_grid(&self, satisfies: impl Fn(T, T) -> bool) -> Option<(usize, T)> {
        let solved = |i: &usize| self.is_beyond && self.beyond.ends()[*i] == KrylovEnd::Converged;
        let with_norm = |i| (i, norm(self.beyond.solution(i)));
        (0..GRID.len()).filter(solved).map(with_norm).find(|&(i, norm)| satisfies(self.beyond.shift(i), norm))
    }

    /// Writes the step for σ = `weight` into `out` and says what the quadratic part of the model promises. Takes no
    /// products. A weight below the prepared one gets a step that is less exact than was asked for.
    ///
    /// # Panics
    /// If `out` does not have the length of the prepared gradient.
    pub fn step(&mut self, weight: T, out: &mut [T]) -> ModelStep<T> {
        self.solve(Bound::Cubic(weight));
        if self.is_beyond
            && !self.is_exact()
            && let Some((i, norm)) = self.of_grid(|shift, norm| shift >= weight * norm)
        {
            out.copy_from_slice(self.beyond.solution(i));
            let (shift, half) = (self.beyond.shift(i), T::of(0.5));
            self.secular.shift = shift;
            // sᵀ((H + λI) s + g) = 0, the residual being orthogonal to the space of s: −q = ½ (λ ‖s‖² − gᵀs).
            let slope = self.gamma * dot(self.lanczos.basis_vector(0), out);
            let decrease = half * (shift * norm * norm - slope);
            return ModelStep { norm, decrease, end: self.named(StepEnd::Interior) };
        }
        self.y.clear();
        self.y.resize(self.lanczos.len(), T::zero());
        for (i, &h) in self.secular.h.iter().enumerate() {
            axpy(h, self.eigen.vector(i), &mut self.y);
        }
        self.lanczos.combine(&self.y, out);
        let end = if self.is_beyond && self.is_exact() { StepEnd::Interior } else { self.end };
        ModelStep { norm: self.secular.norm, decrease: self.secular.decrease, end: self.named(end) }
    }

    /// The end of a step, named after the negative curvature that was seen, if any was.
    fn named(&self, end: StepEnd) -> StepEnd {
        let negative = self.eigen.values.first().is_some_and(|&least| least < T::zero()) && !self.lanczos.is_empty();
        if negative { StepEnd::NegativeCurvature } else { end }
    }

    /// The weight whose step has length `norm`, which must be shorter than the last step; beyond the basis perhaps that of the
    /// next shorter step that is known, or of the shortest. Takes no products.
    pub fn weight_for(&mut self, norm: T) -> T {
        self.solve(Bound::Radius(norm));
        if self.secular.shift > T::zero() {
            return self.secular.shift / norm;
        }
        // Within the basis every step is shorter.
        let shortest = || self.of_grid(|shift, _| shift == self.beyond.shift(GRID.len() - 1));
        let found = self.of_grid(|_, found| found <= norm).or_else(shortest);
        found.map_or(T::zero(), |(i, found)| self.beyond.shift(i) / found)
    }

    /// Whether the cubic term has shortened the last step s, with gᵀs = `slope`: λ ‖s‖² is at least a hundredth of sᵀHs.
    pub(crate) fn is_held_back(&self, slope: T, promised: &ModelStep<T>) -> bool {
        // −q = −gᵀs − ½ sᵀHs.
        let curvature = -T::of(2.0) * (promised.decrease + slope);
        let cubic = self.secular.shift * promised.norm * promised.norm;
        T::of(100.0) * cubic >= curvature
    }

    /// The dimension of the Krylov space if H is positive definite in it, else 0.
    pub(crate) fn definite_dimension(&self) -> usize {
        let definite = self.eigen.values.first().is_some_and(|&least| least > T::epsilon() * self.lanczos.scale());
        if definite { self.lanczos.len() } else { 0 }
    }

    /// Whether ‖(H + λI) s + g‖ of the step that was last solved for, βₖ times its last coordinate, is small enough.
    fn is_exact(&self) -> bool {
        let last = self.secular.h.iter().enumerate().map(|(i, &h)| h * self.eigen.last(i)).sum::<T>();
        self.lanczos.off_diagonal().last().map_or(T::zero(), |&beta| beta * last.abs()) <= self.tolerance
    }

    fn solve(&mut self, bound: Bound<T>) {
        let (eigen, gamma) = (&self.eigen, self.gamma);
        let theta = if self.lanczos.is_empty() { &[] } else { &eigen.values[..] };
        self.secular.solve(theta, |i| gamma * eigen.first(i), bound);
    }
}
