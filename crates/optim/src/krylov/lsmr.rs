//! LSMR: least squares by products with a matrix and its transpose.
//!
//! ```
//! use optim::{Lsmr, RectangularFn};
//! // [[1, 0], [0, 2], [0, 0]]
//! let mut a = RectangularFn::new(
//!     3,
//!     2,
//!     |v: &[f64], out: &mut [f64]| Ok(out.copy_from_slice(&[v[0], 2.0 * v[1], 0.0])),
//!     |u: &[f64], out: &mut [f64]| Ok(out.copy_from_slice(&[u[0], 2.0 * u[1]])),
//! );
//! let mut x = [0.0; 2];
//! let solution = Lsmr::new().solve(&mut a, &[3.0, 4.0, 5.0], 0.0, &mut x, 1e-12)?;
//! assert!(solution.end.is_solved());
//! assert!((x[0] - 3.0).abs() < 1e-14 && (x[1] - 2.0).abs() < 1e-14);
//! assert!((solution.residual_norm - 5.0).abs() < 1e-13);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::solution::{KrylovEnd, Solution};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::RectangularOperator;
use crate::scalar::Scalar;
use crate::vector::norm;

/// LSMR with reused storage: minimises ‖A x − b‖² + λ² ‖x‖² over growing Krylov spaces from x = 0.
///
/// Equivalent to MINRES on the normal equations, without squaring the condition number of what it computes with:
/// ‖Aᵀr‖ falls monotonically, and so does ‖r‖. With λ = 0 on a matrix of deficient rank it goes to the shortest solution.
///
/// Storage: four vectors of length `n` and two of length `m`. One product with A and one with Aᵀ a step. Allocates only
/// when a length grows.
///
/// Source: Fong, Saunders, *LSMR: an iterative algorithm for sparse least-squares problems*, SIAM J. Sci. Comput. 33
/// (2011).
#[derive(Clone, Debug)]
pub struct Lsmr<T> {
    max_products: Option<usize>,
    u: Vec<T>,
    au: Vec<T>,
    v: Vec<T>,
    av: Vec<T>,
    h: Vec<T>,
    h_bar: Vec<T>,
    scale: T,
}

impl<T: Scalar> Default for Lsmr<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Lsmr<T> {
    /// The solver with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        Self {
            max_products: None,
            u: Vec::new(),
            au: Vec::new(),
            v: Vec::new(),
            av: Vec::new(),
            h: Vec::new(),
            h_bar: Vec::new(),
            scale: T::zero(),
        }
    }

    /// Limits the products with A and Aᵀ together. Default: `8 min(m, n) + 2`, where exact arithmetic needs at most a
    /// quarter.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// The longest column, and the longest row, of the bidiagonal matrix of the last solve: an estimate of ‖A‖ from below.
    pub(crate) fn scale(&self) -> T {
        self.scale
    }

    /// Solves for `x` with the `damping` λ ≥ 0, to ‖r‖ ≤ `relative_tolerance` ‖b‖ ([`KrylovEnd::Converged`]) or
    /// ‖Aᵀr − λ²x‖ ≤ `relative_tolerance` ‖A‖ ‖r‖ ([`KrylovEnd::LeastSquares`]); r is b − A x, with −λx below it where
    /// λ > 0. What `x` holds before is ignored.
    ///
    /// # Errors
    /// A wrong length, or what a product reports.
    pub fn solve<A: RectangularOperator<T>>(
        &mut self,
        matrix: &mut A,
        b: &[T],
        damping: T,
        x: &mut [T],
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        let (m, n) = (matrix.rows(), matrix.columns());
        check_length("lsmr", "b", m, b.len())?;
        check_length("lsmr", "x", n, x.len())?;
        let (zero, one) = (T::zero(), T::one());
        for (storage, length) in [
            (&mut self.u, m),
            (&mut self.av, m),
            (&mut self.v, n),
            (&mut self.au, n),
            (&mut self.h, n),
            (&mut self.h_bar, n),
        ] {
            storage.clear();
            storage.resize(length, zero);
        }
        x.fill(zero);
        self.scale = zero;
        let limit = self.max_products.unwrap_or(8 * m.min(n) + 2);
        let b_norm = norm(b);
        let ended = |end, products, residual_norm| Ok(Solution { end, products, residual_norm });
        if b_norm == zero {
            return ended(KrylovEnd::Converged, 0, zero);
        }
        for (u, &b) in self.u.iter_mut().zip(b) {
            *u = b / b_norm;
        }
        matrix.apply_transpose(&self.u, &mut self.v)?;
        let mut products = 1;
        let mut alpha = norm(&self.v);
        self.scale = alpha;
        if alpha == zero {
            return ended(KrylovEnd::LeastSquares, products, b_norm);
        }
        self.v.iter_mut().for_each(|v| *v /= alpha);
        self.h.copy_from_slice(&self.v);

        // Rotations of the first and the second QR factorisation; the names are the paper's.
        let (mut alpha_bar, mut zeta_bar, mut rho, mut rho_bar) = (alpha, alpha * b_norm, one, one);
        let (mut c_bar, mut s_bar) = (one, zero);
        // ‖r‖ (§5.1 of the paper).
        let (mut beta_dd, mut beta_d, mut rho_d, mut tau_tilde, mut theta_tilde, mut zeta) =
            (b_norm, zero, one, zero, zero, zero);
        let mut residual_square = zero;
        let mut a_square = alpha * alpha;
        loop {
            if products + 2 > limit {
                let r = (residual_square + (beta_d - tau_tilde).powi(2) + beta_dd.powi(2)).sqrt();
                return ended(KrylovEnd::ProductLimit, products, r);
            }
            // β u = A v − α u, α v = Aᵀu − β v
            matrix.apply(&self.v, &mut self.av)?;
            for (u, &av) in self.u.iter_mut().zip(&self.av) {
                *u = av - alpha * *u;
            }
            let mut beta = norm(&self.u);
            if !beta.is_finite() {
                return ended(KrylovEnd::NonFinite, products + 1, b_norm);
            }
            if beta <= T::epsilon() * a_square.sqrt() {
                beta = zero;
            }
            a_square += beta * beta + damping * damping;
            let mut alpha_next = zero;
            products += 1;
            if beta > zero {
                self.u.iter_mut().for_each(|u| *u /= beta);
                matrix.apply_transpose(&self.u, &mut self.au)?;
                products += 1;
                for (v, &au) in self.v.iter_mut().zip(&self.au) {
                    *v = au - beta * *v;
                }
                alpha_next = norm(&self.v);
                if !alpha_next.is_finite() {
                    return ended(KrylovEnd::NonFinite, products, b_norm);
                }
                if alpha_next <= T::epsilon() * a_square.sqrt() {
                    alpha_next = zero;
                } else {
                    self.v.iter_mut().for_each(|v| *v /= alpha_next);
                }
            }
            self.scale = self.scale.max(alpha.hypot(beta)).max(alpha_next);
            alpha = alpha_next;

            let (c_hat, s_hat, alpha_hat) = rotation(alpha_bar, damping);
            let rho_old = rho;
            let (c, s, rho_new) = rotation(alpha_hat, beta);
            rho = rho_new;
            let theta = s * alpha;
            alpha_bar = c * alpha;
            let (rho_bar_old, zeta_old) = (rho_bar, zeta);
            let theta_bar = s_bar * rho;
            (c_bar, s_bar, rho_bar) = rotation(c_bar * rho, theta);
            zeta = c_bar * zeta_bar;
            zeta_bar = -s_bar * zeta_bar;

            let along_h_bar = -(theta_bar * rho / (rho_old * rho_bar_old));
            let along_x = zeta / (rho * rho_bar);
            let along_h = -(theta / rho);
            for (((h_bar, h), x), &v) in self.h_bar.iter_mut().zip(&mut self.h).zip(x.iter_mut()).zip(&self.v) {
                *h_bar = *h + along_h_bar * *h_bar;
                *x += along_x * *h_bar;
                *h = v + along_h * *h;
            }

            let (beta_acute, beta_check) = (c_hat * beta_dd, -s_hat * beta_dd);
            let beta_hat = c * beta_acute;
            beta_dd = -s * beta_acute;
            let theta_tilde_old = theta_tilde;
            let (c_tilde, s_tilde, rho_tilde) = rotation(rho_d, theta_bar);
            theta_tilde = s_tilde * rho_bar;
            rho_d = c_tilde * rho_bar;
            beta_d = -s_tilde * beta_d + c_tilde * beta_hat;
            tau_tilde = (zeta_old - theta_tilde_old * tau_tilde) / rho_tilde;
            let tau_d = (zeta - theta_tilde * tau_tilde) / rho_d;
            residual_square += beta_check * beta_check;
            let residual_norm = (residual_square + (beta_d - tau_d).powi(2) + beta_dd.powi(2)).sqrt();
            if residual_norm <= relative_tolerance * b_norm {
                return ended(KrylovEnd::Converged, products, residual_norm);
            }
            let normal = zeta_bar.abs(); // ‖Aᵀr − λ²x‖
            if normal <= relative_tolerance.max(T::epsilon()) * a_square.sqrt() * residual_norm || alpha == zero {
                return ended(KrylovEnd::LeastSquares, products, residual_norm);
            }
        }
    }
}

/// (c, s, ρ) with c a + s b = ρ and s a − c b = 0.
fn rotation<T: Scalar>(a: T, b: T) -> (T, T, T) {
    let rho = a.hypot(b);
    if rho == T::zero() { (T::one(), T::zero(), T::zero()) } else { (a / rho, b / rho, rho) }
}
