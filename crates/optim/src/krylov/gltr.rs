//! The generalised Lanczos trust-region method (GLTR): the exact trust-region step within a Krylov space.
//!
//! Minimises q(s) = gᵀs + ½ sᵀHs over ‖s‖ ≤ Δ in the space spanned by g, Hg, H²g, …. While H looks positive definite
//! and the step is inside, this is conjugate gradients. Where Steihaug's method stops at the radius, Lanczos' basis
//! goes on: in it q has a tridiagonal matrix T, and the step solves (T + λI) h = −‖g‖ e₁, ‖h‖ = Δ.
//!
//! ```
//! use optim::{Descent, Gltr, OperatorFn, StepEnd};
//! let mut hessian = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[v[0], -2.0 * v[1]]);
//!     Ok(())
//! });
//! let mut gltr = Gltr::new();
//! let mut s = [0.0; 2];
//! // λ = 3: (H + 3I) s = −g with H + 3I = diag(4, 1), and ‖s‖ = 5 is the radius.
//! assert_eq!(gltr.prepare(&mut hessian, &[12.0, 4.0], 5.0, 1e-12)?, 2);
//! assert_eq!(gltr.step(5.0, &mut s).end, StepEnd::NegativeCurvature);
//! assert!((s[0] + 3.0).abs() < 1e-14 && (s[1] + 4.0).abs() < 1e-14);
//! assert!((gltr.shift() - 3.0).abs() < 1e-14);
//! // A smaller radius needs no product.
//! assert!((gltr.step(0.5, &mut s).norm - 0.5).abs() < 1e-15);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::hold;
use super::lanczos::{Expansion, Lanczos};
use super::secular::{Bound, Secular};
use super::steihaug::{Steihaug, within};
use super::tridiagonal::{Eigen, Pivots};
use crate::descent::{Descent, ModelStep, StepEnd};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{all_finite, axpy};

/// The trust-region step from a Krylov space that is kept, so that smaller radii are solved without products.
///
/// Storage, in vectors of length `n`: two, and one for each product, up to [`basis_vectors`](Self::basis_vectors) and
/// one more; room for all of them, up to 2²² numbers, is reserved at the first preparation, and later ones of vectors no longer
/// allocate nothing. A step costs the product and 8 n k operations of orthogonalisation, k being its number.
///
/// Where the basis is full and the step still inside the radius, conjugate gradients go on without it from the step
/// found, needing six vectors more; they stop as Steihaug's method does. Where the basis is full and the step on the
/// radius, the best step of the space is the answer.
///
/// # The hard case
/// Within the Krylov space of g the tridiagonal problem is solved completely, also where g has next to nothing along
/// the leftmost eigenvector. An eigenvector exactly orthogonal to g is not in the space: if it is exhausted,
/// [`restarts`](Self::restarts) search the rest from random vectors, at the price of their products.
///
/// Sources: Gould, Lucidi, Roma, Toint, *Solving the trust-region subproblem using the Lanczos method*, SIAM J. Optim.
/// 9 (1999); Conn, Gould, Toint, *Trust-Region Methods* (2000), §7.5.4.
#[derive(Clone, Debug)]
pub struct Gltr<T> {
    max_products: Option<usize>,
    basis_vectors: usize,
    restarts: usize,
    boundary_tolerance: T,
    lanczos: Lanczos<T>,
    pivots: Pivots<T>,
    eigen: Eigen<T>,
    secular: Secular<T>,
    /// Coordinates in the basis of a step.
    y: Vec<T>,
    /// ‖g‖.
    gamma: T,
    radius: T,
    /// ‖h‖ of the interior step, while T is positive definite.
    interior: Option<T>,
    interior_decrease: T,
    interior_end: StepEnd,
    /// Conjugate gradients beyond the basis.
    beyond: Steihaug<T>,
    is_beyond: bool,
    /// Whether `eigen` has all components.
    has_vectors: bool,
    seed: Vec<T>,
}

impl<T: Scalar> Default for Gltr<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Gltr<T> {
    /// The method with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        let basis_vectors = 64;
        Self {
            max_products: None,
            basis_vectors,
            restarts: 0,
            boundary_tolerance: T::zero(),
            lanczos: Lanczos::new(basis_vectors),
            pivots: Pivots::new(),
            eigen: Eigen::new(),
            secular: Secular::new(),
            y: Vec::new(),
            gamma: T::zero(),
            radius: T::zero(),
            interior: None,
            interior_decrease: T::zero(),
            interior_end: StepEnd::Interior,
            beyond: Steihaug::new().path_rows(2),
            is_beyond: false,
            has_vectors: false,
            seed: Vec::new(),
        }
    }

    /// Limits the products of one preparation. Default: `2 n`. With no product allowed there is no step.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// How many basis vectors are kept. Default: 64; at least 2.
    pub fn basis_vectors(mut self, count: usize) -> Self {
        self.basis_vectors = count.max(2);
        self.lanczos = Lanczos::new(self.basis_vectors);
        self
    }

    /// How often the search goes on from a random vector where the Krylov space of g is exhausted with part of the
    /// space unseen. Default: 0. As many as `n` make the step the global minimum also where g is orthogonal to
    /// eigenvectors of negative curvature, or zero; each restart costs at least one product. The vectors come from a
    /// fixed seed.
    pub fn restarts(mut self, limit: usize) -> Self {
        self.restarts = limit;
        self
    }

    /// ‖(H + λI) s + g‖/‖g‖ at which a step on the radius is good enough, if that is more than the tolerance asked for.
    /// Default: 0, so that what is asked for holds everywhere. Far from a minimum the model is not trusted to that many
    /// digits: [`TrustRegion::new`](crate::TrustRegion::new) takes 0.3.
    pub fn boundary_tolerance(mut self, tolerance: T) -> Self {
        self.boundary_tolerance = tolerance;
        self
    }

    /// The steps that a trust-region method asks for by default. On twelve problems of Moré, Garbow and Hillstrom 0.3 on
    /// the radius saves a tenth of the products and costs no iteration.
    pub(crate) fn of_a_search() -> Self {
        Self::new().boundary_tolerance(T::of(0.3))
    }

    /// Reserves what steps of length `n` from so many products may need.
    fn reserve(&mut self, n: usize, limit: usize) {
        let k = self.basis_vectors.min(n);
        self.pivots.reserve(k);
        self.eigen.reserve(k);
        hold(&mut self.secular.h, k);
        hold(&mut self.y, k);
        if limit > self.basis_vectors && n > self.basis_vectors {
            self.beyond.reserve(n, 2);
        }
    }

    /// λ of the last step: (H + λI) s = −g within the space. Zero for an interior step.
    pub fn shift(&self) -> T {
        self.secular.shift
    }

    /// The smallest Ritz value: an upper bound of the smallest eigenvalue of H. None before any product.
    pub fn smallest_ritz(&mut self) -> Option<T> {
        self.lanczos.ritz_values().first().copied()
    }

    /// βₖ |last coordinate|, the part of H s + g outside the space.
    fn residual(&self, last: T) -> T {
        self.lanczos.off_diagonal().last().map_or(T::zero(), |&beta| beta * last.abs())
    }

    /// The step at the prepared radius within the space so far: its residual, and whether it is inside.
    fn study(&mut self) -> (T, bool) {
        let (alpha, beta) = (self.lanczos.diagonal(), self.lanczos.off_diagonal());
        let k = alpha.len();
        if self.interior.is_some() || k == 1 {
            self.interior = self.pivots.extend(alpha, beta).then(|| self.pivots.solve(beta, self.gamma));
        }
        if let Some(length) = self.interior
            && length <= self.radius
        {
            return (self.residual(self.pivots.solution[k - 1]), true);
        }
        if !self.eigen.ends(alpha, beta) {
            return (T::zero(), false);
        }
        let (eigen, gamma) = (&self.eigen, self.gamma);
        self.secular.solve(&eigen.values, |i| gamma * eigen.first(i), Bound::Radius(self.radius));
        let last = self.secular.h.iter().enumerate().map(|(i, &h)| h * eigen.last(i)).sum::<T>();
        (self.residual(last), false)
    }

    /// Conjugate gradients from the interior step of a full basis on.
    fn go_on<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        tolerance: T,
        limit: usize,
    ) -> Result<usize, ObjectiveError> {
        let k = self.lanczos.len();
        let beta = self.lanczos.off_diagonal();
        let h = &self.pivots.solution;
        // r = −(H s + g) = −βₖ hₖ qₖ₊₁. The last direction of conjugate gradients was p = Q L⁻ᵀ eₖ with pᵀHp = dₖ and
        // last coordinate 1, so d = r − (rᵀHp / pᵀHp) p is the next.
        let along_q = -beta[k - 1] * h[k - 1];
        let along_p = -along_q * beta[k - 1] / self.pivots.last_direction(beta, &mut self.y);
        let [s, r, d] = self.beyond.buffers(self.lanczos.basis_vector(k).len());
        self.lanczos.combine(h, s);
        self.lanczos.combine(&self.y, d);
        for ((r, d), &q) in r.iter_mut().zip(d).zip(self.lanczos.basis_vector(k)) {
            *r = along_q * q;
            *d = *r + along_p * *d;
        }
        self.is_beyond = true;
        self.beyond.resume(hessian, self.radius, self.interior_decrease, tolerance, limit)
    }

    /// A vector from a fixed seed into `seed`, different each time.
    fn reseed(&mut self, n: usize, round: usize) {
        self.seed.clear();
        self.seed.extend(crate::vector::pseudorandom::<T>(round as u64).take(n));
    }

    /// One product after the other, until the step at the radius is good enough.
    fn explore<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        tolerance: T,
        limit: usize,
    ) -> Result<usize, ObjectiveError> {
        let n = hessian.dimension();
        let (mut products, mut restarts) = (0, 0);
        if self.gamma == T::zero() {
            if self.restarts == 0 || n == 0 {
                return Ok(0);
            }
            restarts = 1;
            self.reseed(n, 0);
            self.lanczos.restart(&self.seed);
        }
        loop {
            if products == limit {
                self.interior_end = StepEnd::ProductLimit;
                return Ok(products);
            }
            let expansion = self.lanczos.extend(hessian)?;
            products += 1;
            if expansion == Expansion::NonFinite {
                self.interior_end = StepEnd::NonFinite;
                return Ok(products);
            }
            let (residual, inside) = self.study();
            let enough = if inside { tolerance } else { tolerance.max(self.boundary_tolerance * self.gamma) };
            if expansion == Expansion::Exhausted {
                if restarts == self.restarts {
                    return Ok(products);
                }
                self.reseed(n, restarts);
                restarts += 1;
                if !self.lanczos.restart(&self.seed) {
                    return Ok(products);
                }
            } else if residual <= enough && self.restarts == 0 {
                return Ok(products);
            } else if expansion == Expansion::Full {
                return Ok(if inside {
                    self.interior_decrease = self.newton_decrease();
                    products + self.go_on(hessian, tolerance, limit - products)?
                } else {
                    products
                });
            }
        }
    }

    /// −q of the interior step: with T h = −γ e₁ it is −½ γ h₁.
    fn newton_decrease(&self) -> T {
        self.pivots.solution.first().map_or(T::zero(), |&first| T::of(-0.5) * self.gamma * first)
    }
}

impl<T: Scalar> Descent<T> for Gltr<T> {
    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        radius: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        let n = hessian.dimension();
        check_length("gltr", "gradient", n, gradient.len())?;
        self.pivots.clear();
        self.radius = radius;
        self.interior = None;
        self.interior_end = StepEnd::Interior;
        self.is_beyond = false;
        self.has_vectors = false;
        let limit = self.max_products.unwrap_or(2 * n);
        self.reserve(n, limit);
        self.gamma = self.lanczos.start(gradient);
        if !all_finite(gradient) {
            self.interior_end = StepEnd::NonFinite;
            return Ok(0);
        }
        let products = self.explore(hessian, relative_tolerance * self.gamma, limit)?;
        self.interior_decrease = self.newton_decrease();
        Ok(products)
    }

    fn definite_dimension(&self) -> usize {
        if self.interior.is_some() { self.lanczos.len() } else { 0 }
    }

    fn step(&mut self, radius: T, out: &mut [T]) -> ModelStep<T> {
        let radius = radius.min(self.radius);
        if let Some(length) = self.interior
            && length <= radius
        {
            self.secular.shift = T::zero();
            if self.is_beyond {
                return self.beyond.step(radius, out);
            }
            self.lanczos.combine(&self.pivots.solution, out);
            return ModelStep { norm: length, decrease: self.interior_decrease, end: self.interior_end };
        }
        let (alpha, beta) = (self.lanczos.diagonal(), self.lanczos.off_diagonal());
        if alpha.is_empty() {
            out.fill(T::zero());
            return ModelStep { norm: T::zero(), decrease: T::zero(), end: self.interior_end };
        }
        if !self.has_vectors {
            self.has_vectors = self.eigen.whole(alpha, beta);
        }
        if !self.has_vectors {
            out.fill(T::zero());
            return ModelStep { norm: T::zero(), decrease: T::zero(), end: StepEnd::NonFinite };
        }
        let (eigen, gamma) = (&self.eigen, self.gamma);
        self.secular.solve(&eigen.values, |i| gamma * eigen.first(i), Bound::Radius(radius));
        self.y.clear();
        self.y.resize(alpha.len(), T::zero());
        for (i, &h) in self.secular.h.iter().enumerate() {
            axpy(h, eigen.vector(i), &mut self.y);
        }
        self.lanczos.combine(&self.y, out);
        let end = match (self.secular.shift > T::zero(), eigen.values[0] <= T::zero()) {
            (_, true) => StepEnd::NegativeCurvature,
            (true, false) => StepEnd::Boundary,
            (false, false) => self.interior_end,
        };
        within(radius, self.secular.decrease, end, out)
    }
}
