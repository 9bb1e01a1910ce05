//! Shifted systems: (A + λᵢ I) xᵢ = b for many λᵢ from one Krylov space.
//!
//! Shifts do not change the Krylov space of b, so one run of Lanczos' process serves them all: one product a step,
//! however many shifts.
//!
//! ```
//! use optim::{OperatorFn, ShiftedLanczos};
//! let mut a = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[v[0], 3.0 * v[1]]);
//!     Ok(())
//! });
//! let mut solver = ShiftedLanczos::new(&[0.0, 1.0]);
//! assert_eq!(solver.solve(&mut a, &[4.0, 12.0], 1e-12)?, 2);
//! assert!(solver.ends().iter().all(|end| end.is_solved()));
//! let (x0, x1) = (solver.solution(0), solver.solution(1));
//! assert!((x0[0] - 4.0).abs() < 1e-14 && (x0[1] - 4.0).abs() < 1e-14);
//! assert!((x1[0] - 2.0).abs() < 1e-14 && (x1[1] - 3.0).abs() < 1e-14);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::lanczos::Lanczos;
use super::solution::KrylovEnd;
use super::tridiagonal::Pivots;
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// Conjugate gradients for many shifts at once, in Lanczos' form, with reused storage.
///
/// A shift for which A + λI shows a direction of nonpositive curvature is given up
/// ([`KrylovEnd::NegativeCurvature`]), the others go on. Its solution is then the last good iterate.
///
/// Storage, in vectors of length `n`: three, and two for each shift. Allocates only when `n` grows.
///
/// Sources: Frommer, Maass, *Fast CG-based methods for Tikhonov–Phillips regularization*, SIAM J. Sci. Comput. 20
/// (1999); Dussault, Migot, Orban, *Scalable adaptive cubic regularization methods*, Math. Program. 207 (2024), §4.
#[derive(Clone, Debug)]
pub struct ShiftedLanczos<T> {
    max_products: Option<usize>,
    v: Vec<T>,
    v_before: Vec<T>,
    w: Vec<T>,
    systems: Vec<System<T>>,
    ends: Vec<KrylovEnd>,
    factors: Pivots<T>,
    diagonal: Vec<T>,
    direction: Vec<T>,
}

/// One shift: T + λI = L D Lᵀ, extended by one row a step.
#[derive(Clone, Debug)]
struct System<T> {
    shift: T,
    x: Vec<T>,
    /// Conjugate direction.
    p: Vec<T>,
    /// dₖ.
    pivot: T,
    /// Last coordinate of L⁻¹ ‖b‖ e₁.
    coordinate: T,
    residual_norm: T,
    running: bool,
}

/// Where Lanczos' process stands: βₖ₋₁, and the largest |αₖ| + βₖ₋₁ + βₖ so far.
#[derive(Clone, Copy, Debug)]
struct Process<T> {
    beta: T,
    scale: T,
}

impl<T: Scalar> ShiftedLanczos<T> {
    /// The solver for these λᵢ; it holds no vectors until it is first used.
    pub fn new(shifts: &[T]) -> Self {
        let system = |&shift: &T| System {
            shift,
            x: Vec::new(),
            p: Vec::new(),
            pivot: T::zero(),
            coordinate: T::zero(),
            residual_norm: T::zero(),
            running: true,
        };
        Self {
            max_products: None,
            v: Vec::new(),
            v_before: Vec::new(),
            w: Vec::new(),
            systems: shifts.iter().map(system).collect(),
            ends: vec![KrylovEnd::ProductLimit; shifts.len()],
            factors: Pivots::new(),
            diagonal: Vec::new(),
            direction: Vec::new(),
        }
    }

    /// Limits the products of one solve. Default: `2 n`, where exact arithmetic needs at most `n`.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// Solves all systems to ‖b − (A + λᵢ I) xᵢ‖ ≤ `relative_tolerance` ‖b‖; returns the number of products.
    ///
    /// # Errors
    /// A wrong length, or what a product reports.
    pub fn solve<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        b: &[T],
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        let n = matrix.dimension();
        check_length("shifted lanczos", "b", n, b.len())?;
        let zero = T::zero();
        for storage in [&mut self.v, &mut self.v_before, &mut self.w] {
            storage.clear();
            storage.resize(n, zero);
        }
        let b_norm = norm(b);
        let enough = relative_tolerance * b_norm;
        for (system, end) in self.systems.iter_mut().zip(&mut self.ends) {
            for storage in [&mut system.x, &mut system.p] {
                storage.clear();
                storage.resize(n, zero);
            }
            (system.pivot, system.coordinate) = (T::one(), b_norm);
            system.residual_norm = b_norm;
            system.running = b_norm > enough;
            *end = if system.running { KrylovEnd::ProductLimit } else { KrylovEnd::Converged };
        }
        if !b_norm.is_finite() {
            self.ends.fill(KrylovEnd::NonFinite);
            return Ok(0);
        }
        if b_norm > zero {
            for (v, &b) in self.v.iter_mut().zip(b) {
                *v = b / b_norm;
            }
        }
        let limit = self.max_products.unwrap_or(2 * n);
        let process = Process { beta: zero, scale: zero };
        self.run(matrix, process, enough, limit, |_, _| true)
    }

    /// Solves (A + λᵢ I) xᵢ = −b for these λᵢ, in the order of the old ones, from the basis that `lanczos` has of the
    /// Krylov space of b on, so that no product is made twice; returns the number of products, at most `limit`.
    ///
    /// A system is given up, as by the limit, when it is no longer wanted, of which λᵢ and xᵢ tell.
    pub(crate) fn go_on<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        lanczos: &Lanczos<T>,
        shifts: impl Iterator<Item = T>,
        enough: T,
        limit: usize,
        is_wanted: impl FnMut(T, &[T]) -> bool,
    ) -> Result<usize, ObjectiveError> {
        let (k, n, beta) = (lanczos.len(), matrix.dimension(), lanczos.off_diagonal());
        self.v.clear();
        self.v.extend_from_slice(lanczos.basis_vector(k));
        self.v_before.clear();
        self.v_before.extend_from_slice(lanczos.basis_vector(k - 1));
        self.w.resize(n, T::zero());
        let Self { factors, diagonal, direction, .. } = self;
        for ((system, end), shift) in self.systems.iter_mut().zip(&mut self.ends).zip(shifts) {
            system.shift = shift;
            system.x.resize(n, T::zero());
            system.p.resize(n, T::zero());
            factors.clear();
            diagonal.clear();
            system.running = lanczos.diagonal().iter().all(|&alpha| {
                diagonal.push(alpha + shift);
                factors.extend(diagonal, beta)
            });
            *end = KrylovEnd::NegativeCurvature;
            if !system.running {
                system.x.fill(T::zero());
                continue;
            }
            factors.solve(beta, lanczos.start_norm());
            let last = factors.solution[k - 1];
            system.pivot = factors.last_direction(beta, direction);
            system.coordinate = last * system.pivot;
            system.residual_norm = beta[k - 1] * last.abs();
            lanczos.combine(&factors.solution, &mut system.x);
            lanczos.combine(direction, &mut system.p);
            system.running = system.residual_norm > enough;
            *end = if system.running { KrylovEnd::ProductLimit } else { KrylovEnd::Converged };
        }
        let process = Process { beta: beta[k - 1], scale: lanczos.scale() };
        self.run(matrix, process, enough, limit, is_wanted)
    }

    /// Lanczos' process from where it stands, v being the newest vector of its basis.
    fn run<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        process: Process<T>,
        enough: T,
        limit: usize,
        mut is_wanted: impl FnMut(T, &[T]) -> bool,
    ) -> Result<usize, ObjectiveError> {
        let Process { mut beta, mut scale } = process;
        let mut products = 0;
        while products < limit && self.systems.iter().any(|system| system.running) {
            matrix.apply(&self.v, &mut self.w)?;
            products += 1;
            let alpha = dot(&self.v, &self.w);
            axpy(-beta, &self.v_before, &mut self.w);
            axpy(-alpha, &self.v, &mut self.w);
            let mut beta_next = norm(&self.w);
            let finite = alpha.is_finite() && beta_next.is_finite();
            scale = scale.max(alpha.abs() + beta + beta_next);
            if beta_next <= T::epsilon() * scale {
                beta_next = T::zero();
            }
            for (system, end) in self.systems.iter_mut().zip(&mut self.ends).filter(|(system, _)| system.running) {
                if !finite {
                    (system.running, *end) = (false, KrylovEnd::NonFinite);
                } else if let Some(found) = system.extend(&self.v, alpha, beta, beta_next, enough) {
                    (system.running, *end) = (false, found);
                } else {
                    system.running = is_wanted(system.shift, &system.x);
                }
            }
            std::mem::swap(&mut self.v, &mut self.v_before);
            if beta_next > T::zero() {
                for (v, &w) in self.v.iter_mut().zip(&self.w) {
                    *v = w / beta_next;
                }
            }
            beta = beta_next;
        }
        Ok(products)
    }

    /// The shift of number `i`.
    pub(crate) fn shift(&self, i: usize) -> T {
        self.systems[i].shift
    }

    /// xᵢ of shift number `i`.
    pub fn solution(&self, i: usize) -> &[T] {
        &self.systems[i].x
    }

    /// ‖b − (A + λᵢ I) xᵢ‖ of shift number `i`, from its recurrence.
    pub fn residual_norm(&self, i: usize) -> T {
        self.systems[i].residual_norm
    }

    /// How each system ended, in the order of the shifts.
    pub fn ends(&self) -> &[KrylovEnd] {
        &self.ends
    }
}

impl<T: Scalar> System<T> {
    /// The next row of L D Lᵀ and what it adds to x; how the system ended, if it did.
    fn extend(&mut self, v: &[T], alpha: T, beta: T, beta_next: T, enough: T) -> Option<KrylovEnd> {
        // l = βₖ₋₁/dₖ₋₁, dₖ = αₖ + λ − l βₖ₋₁; β₀ is zero.
        let l = beta / self.pivot;
        let diagonal = alpha + self.shift;
        let pivot = diagonal - l * beta;
        if !pivot.is_finite() {
            return Some(KrylovEnd::NonFinite);
        }
        if pivot <= T::epsilon() * (diagonal.abs() + (l * beta).abs()) {
            return Some(KrylovEnd::NegativeCurvature);
        }
        if beta > T::zero() {
            self.coordinate *= -l;
        }
        for (p, &v) in self.p.iter_mut().zip(v) {
            *p = v - l * *p;
        }
        self.pivot = pivot;
        let h = self.coordinate / pivot;
        axpy(h, &self.p, &mut self.x);
        self.residual_norm = beta_next * h.abs();
        (self.residual_norm <= enough).then_some(KrylovEnd::Converged)
    }
}
