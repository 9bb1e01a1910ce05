//! Golub–Kahan bidiagonalisation: orthonormal bases in which a rectangular matrix is bidiagonal.
//!
//! From u₁ = b/‖b‖ a product with A and one with Aᵀ give the next pair: A V = U B with a lower bidiagonal B. In these
//! bases damped least squares problems of every damping and every right-hand side in the span of U are solved in O(k),
//! without another product.
//!
//! ```
//! use optim::{Bidiagonal, RectangularFn};
//! // A = [[3, 0], [0, 4], [0, 0]], b = (3, 8, 1): least squares solution (1, 2).
//! let mut a = RectangularFn::new(
//!     3,
//!     2,
//!     |v: &[f64], out: &mut [f64]| Ok(out.copy_from_slice(&[3.0 * v[0], 4.0 * v[1], 0.0])),
//!     |u: &[f64], out: &mut [f64]| Ok(out.copy_from_slice(&[3.0 * u[0], 4.0 * u[1]])),
//! );
//! let mut space = Bidiagonal::new(10);
//! space.start(&mut a, &[3.0, 8.0, 1.0])?;
//! while space.extend(&mut a)?.is_continuing() {}
//! let mut x = [0.0; 2];
//! space.solve(0.0);
//! space.solution(&mut x);
//! assert!((x[0] - 1.0).abs() < 1e-14 && (x[1] - 2.0).abs() < 1e-14);
//! // (9 + 4) x₀ = 9 and (16 + 4) x₁ = 32 with the damping 2² on the diagonal of AᵀA.
//! space.solve(2.0);
//! space.solution(&mut x);
//! assert!((x[0] - 9.0 / 13.0).abs() < 1e-14 && (x[1] - 1.6).abs() < 1e-14);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::lanczos::Expansion;
use super::{hold, hold_rows};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::RectangularOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// The process with every basis vector kept and orthogonalised against all before.
///
/// Storage: for each step a vector of length `n` and one of length `m`, up to the capacity, and two of each besides. Room for
/// all, up to 2²² numbers in either basis, is reserved at the first start.
///
/// Sources: Golub, Kahan, SIAM J. Numer. Anal. 2 (1965); Paige, Saunders, *LSQR*, ACM TOMS 8 (1982).
#[derive(Clone, Debug)]
pub struct Bidiagonal<T> {
    capacity: usize,
    m: usize,
    n: usize,
    u: Vec<T>,
    v: Vec<T>,
    /// α₁, α₂, …: one for each vector in V, and at the end what is left outside V.
    alpha: Vec<T>,
    /// β₂, β₃, …: one for each vector in V.
    beta: Vec<T>,
    b_norm: T,
    products: usize,
    scale: T,
    /// Whether a product, or b, was not finite.
    lost: bool,
    w: Vec<T>,
    z: Vec<T>,
    /// Upper bidiagonal factor of the damped problem.
    rho: Vec<T>,
    theta: Vec<T>,
    y: Vec<T>,
    rhs: Vec<T>,
    right: Vec<T>,
}

impl<T: Scalar> Bidiagonal<T> {
    /// The process with at most `capacity` steps, at least 1. Holds no storage until it is first used.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            m: 0,
            n: 0,
            u: Vec::new(),
            v: Vec::new(),
            alpha: Vec::new(),
            beta: Vec::new(),
            b_norm: T::zero(),
            products: 0,
            scale: T::zero(),
            lost: false,
            w: Vec::new(),
            z: Vec::new(),
            rho: Vec::new(),
            theta: Vec::new(),
            y: Vec::new(),
            rhs: Vec::new(),
            right: Vec::new(),
        }
    }

    /// Begins anew from `b`, of length `m`; one product with Aᵀ unless b is zero. The right-hand side is b. Where b or Aᵀb
    /// is not finite, the first [`extend`](Self::extend) says so.
    ///
    /// # Errors
    /// A wrong length, or what the product reports.
    pub fn start<A: RectangularOperator<T>>(&mut self, matrix: &mut A, b: &[T]) -> Result<(), ObjectiveError> {
        (self.m, self.n) = (matrix.rows(), matrix.columns());
        check_length("bidiagonal", "b", self.m, b.len())?;
        let capacity = self.capacity.min(self.n);
        hold_rows(&mut self.u, capacity + 1, self.m);
        hold_rows(&mut self.v, capacity, self.n);
        let of_steps = [
            &mut self.alpha,
            &mut self.beta,
            &mut self.rho,
            &mut self.theta,
            &mut self.y,
            &mut self.rhs,
            &mut self.right,
        ];
        of_steps.into_iter().for_each(|storage| hold(storage, capacity + 1));
        for (storage, length) in [(&mut self.w, self.m), (&mut self.z, self.n)] {
            storage.clear();
            storage.resize(length, T::zero());
        }
        self.alpha.clear();
        self.beta.clear();
        self.u.clear();
        self.v.clear();
        self.scale = T::zero();
        self.products = 0;
        self.b_norm = norm(b);
        self.lost = !self.b_norm.is_finite();
        self.right.clear();
        self.right.push(self.b_norm);
        if self.b_norm > T::zero() && !self.lost {
            reserve(&mut self.u, self.m, capacity + 1);
            self.u.extend(b.iter().map(|&b| b / self.b_norm));
            matrix.apply_transpose(&self.u, &mut self.z)?;
            self.products += 1;
            self.next_v();
        }
        Ok(())
    }

    /// What is left of z becomes the next vector of V, unless it is rounding.
    fn next_v(&mut self) {
        let n = self.n;
        for _ in 0..2 {
            for q in self.v.chunks_exact(n.max(1)) {
                let component = dot(q, &self.z);
                axpy(-component, q, &mut self.z);
            }
        }
        let mut alpha = norm(&self.z);
        self.lost = !alpha.is_finite();
        if self.lost {
            alpha = T::zero();
        }
        self.scale = self.scale.max(alpha);
        if alpha <= T::of(8.0) * T::epsilon() * self.scale || self.alpha.len() == n {
            alpha = T::zero();
        }
        self.alpha.push(alpha);
        if alpha > T::zero() {
            reserve(&mut self.v, n, self.capacity.min(n));
            if self.v.len() < self.capacity.min(n) * n {
                self.v.extend(self.z.iter().map(|&z| z / alpha));
            }
        }
    }

    /// One product with A and one with Aᵀ, and one vector more in either basis.
    ///
    /// # Errors
    /// What a product reports, or a matrix of other shape than the start.
    pub fn extend<A: RectangularOperator<T>>(&mut self, matrix: &mut A) -> Result<Expansion, ObjectiveError> {
        check_length("bidiagonal", "rows", self.m, matrix.rows())?;
        check_length("bidiagonal", "columns", self.n, matrix.columns())?;
        let (k, m, n) = (self.beta.len(), self.m, self.n);
        if self.lost {
            return Ok(Expansion::NonFinite);
        }
        if self.alpha.len() == k || self.alpha[k] == T::zero() {
            return Ok(Expansion::Exhausted);
        }
        if k == self.capacity {
            return Ok(Expansion::Full);
        }
        // β u′ = A v − α u
        matrix.apply(&self.v[k * n..(k + 1) * n], &mut self.w)?;
        self.products += 1;
        axpy(-self.alpha[k], &self.u[k * m..(k + 1) * m], &mut self.w);
        for _ in 0..2 {
            for q in self.u.chunks_exact(m.max(1)) {
                let component = dot(q, &self.w);
                axpy(-component, q, &mut self.w);
            }
        }
        let mut beta = norm(&self.w);
        if !beta.is_finite() {
            self.lost = true;
            return Ok(Expansion::NonFinite);
        }
        self.scale = self.scale.max(beta);
        if beta <= T::of(8.0) * T::epsilon() * self.scale || k + 1 >= m {
            beta = T::zero();
        }
        self.beta.push(beta);
        self.right.push(T::zero());
        if beta == T::zero() {
            self.alpha.push(T::zero());
            // A direction that B never reaches.
            self.u.resize((k + 2) * m, T::zero());
            return Ok(Expansion::Exhausted);
        }
        self.u.extend(self.w.iter().map(|&w| w / beta));
        // α′ v′ = Aᵀu′ − β v
        matrix.apply_transpose(&self.u[(k + 1) * m..], &mut self.z)?;
        self.products += 1;
        axpy(-beta, &self.v[k * n..(k + 1) * n], &mut self.z);
        self.next_v();
        let outside = self.alpha[k + 1];
        Ok(if self.lost {
            Expansion::NonFinite
        } else if outside == T::zero() {
            Expansion::Exhausted
        } else if k + 1 == self.capacity {
            Expansion::Full
        } else {
            Expansion::Continuing
        })
    }

    /// How many vectors V has that A was multiplied with: the order of B.
    pub fn len(&self) -> usize {
        self.beta.len()
    }

    /// Whether no step was made.
    pub fn is_empty(&self) -> bool {
        self.beta.is_empty()
    }

    /// Products with A and Aᵀ since the start.
    pub fn products(&self) -> usize {
        self.products
    }

    /// The largest entry of B, an estimate of ‖A‖ from below.
    pub(crate) fn scale(&self) -> T {
        self.scale
    }

    /// ‖Aᵀb‖ of the start.
    pub fn gradient_norm(&self) -> T {
        self.alpha.first().map_or(T::zero(), |&alpha| alpha * self.b_norm)
    }

    /// Makes the component of `b` in the span of U the right-hand side, instead of the b of the start.
    pub fn set_right_hand_side(&mut self, b: &[T]) {
        for (right, u) in self.right.iter_mut().zip(self.u.chunks_exact(self.m.max(1))) {
            *right = dot(u, b);
        }
    }

    /// Solves min ‖B y − c‖² + δ² ‖y‖² for the damping δ = `damping` and the right-hand side c, in O(k); returns ‖y‖.
    ///
    /// With δ = 0 and a B without full rank the coordinates that B does not determine are zero.
    ///
    /// # Panics
    /// Before [`start`](Self::start).
    pub fn solve(&mut self, damping: T) -> T {
        let k = self.len();
        self.rho.clear();
        self.theta.clear();
        self.y.clear();
        self.rhs.clear();
        let mut rho_bar = self.alpha.first().copied().unwrap_or(T::zero());
        let mut phi_bar = self.right[0];
        for i in 0..k {
            // The damping row (δ, 0) on row i, whose column i is all it has; then β on what came out.
            let damped = rho_bar.hypot(damping);
            if damped > T::zero() {
                phi_bar *= rho_bar / damped;
            }
            let rho = damped.hypot(self.beta[i]);
            let (c, s) = if rho > T::zero() { (damped / rho, self.beta[i] / rho) } else { (T::one(), T::zero()) };
            self.rho.push(rho);
            self.rhs.push(c * phi_bar + s * self.right[i + 1]);
            phi_bar = s * phi_bar - c * self.right[i + 1];
            let alpha = if i + 1 < k { self.alpha[i + 1] } else { T::zero() };
            self.theta.push(s * alpha);
            rho_bar = -c * alpha;
        }
        self.y.resize(k, T::zero());
        for i in (0..k).rev() {
            let above = if i + 1 < k { self.theta[i] * self.y[i + 1] } else { T::zero() };
            let small = T::epsilon() * self.scale;
            self.y[i] = if self.rho[i] > small { (self.rhs[i] - above) / self.rho[i] } else { T::zero() };
        }
        norm(&self.y)
    }

    /// ‖R⁻ᵀ y‖² with RᵀR = BᵀB + δ²I of the last solve: −½ d‖y‖²/dδ² .
    fn slope(&mut self) -> T {
        let mut square = T::zero();
        let mut before = T::zero();
        for i in 0..self.y.len() {
            let beside = if i > 0 { self.theta[i - 1] * before } else { T::zero() };
            before = (self.y[i] - beside) / self.rho[i];
            square += before * before;
        }
        square
    }

    /// Solves with the least damping for which ‖y‖ ≤ `radius`, up to a thousandth; returns damping and ‖y‖.
    ///
    /// Source: J. Moré, *The Levenberg–Marquardt algorithm: implementation and theory* (1978), §5.
    ///
    /// # Panics
    /// Before [`start`](Self::start).
    pub fn solve_within(&mut self, radius: T) -> (T, T) {
        let mut length = self.solve(T::zero());
        if length <= radius {
            return (T::zero(), length);
        }
        // In λ = δ²: ‖y‖ ≤ ‖Bᵀc‖/λ bounds it from above.
        let (mut low, mut high) = (T::zero(), self.normal_norm() / radius);
        let mut lambda = low;
        for _ in 0..100 {
            let slope = self.slope();
            // Newton on 1/‖y‖ − 1/Δ, which climbs monotonically from below.
            let mut next = lambda + (length * length / slope) * ((length - radius) / radius);
            if !(next > low && next < high) {
                next = if low > T::zero() { (low * high).sqrt() } else { T::of(1e-3) * high };
            }
            lambda = next;
            length = self.solve(lambda.sqrt());
            if (length - radius).abs() <= T::of(1e-3) * radius {
                break;
            }
            if length > radius {
                low = lambda;
            } else {
                high = lambda;
            }
        }
        (lambda.sqrt(), length)
    }

    /// ‖Bᵀc‖.
    fn normal_norm(&self) -> T {
        let term = |i: usize| self.alpha[i] * self.right[i] + self.beta[i] * self.right[i + 1];
        (0..self.len()).map(term).map(|a| a * a).sum::<T>().sqrt()
    }

    /// y of the last solve.
    pub fn coordinates(&self) -> &[T] {
        &self.y
    }

    /// ‖A x‖² = ‖B y‖² of the last solve.
    pub fn image_square(&self) -> T {
        let k = self.len();
        let mut square = T::zero();
        for i in 0..=k {
            let above = if i > 0 { self.beta[i - 1] * self.y[i - 1] } else { T::zero() };
            let beside = if i < k { self.alpha[i] * self.y[i] } else { T::zero() };
            square += (above + beside) * (above + beside);
        }
        square
    }

    /// The part of Aᵀ(b − A x) − δ² x outside the space, for the last solve.
    pub fn outside(&self) -> T {
        match (self.y.last(), self.beta.last(), self.alpha.last()) {
            (Some(&y), Some(&beta), Some(&alpha)) => alpha * beta * y.abs(),
            _ => T::zero(),
        }
    }

    /// Writes x = V y of the last solve into `out`.
    pub fn solution(&self, out: &mut [T]) {
        out.fill(T::zero());
        for (&y, v) in self.y.iter().zip(self.v.chunks_exact(self.n.max(1))) {
            axpy(y, v, out);
        }
    }
}

/// Room for one more row of `width`: doubled, but never beyond `rows`.
fn reserve<T>(storage: &mut Vec<T>, width: usize, rows: usize) {
    let (used, all) = (storage.len(), rows * width);
    if storage.capacity() < used + width {
        let wanted = (2 * used).clamp(used + width, all.max(used + width));
        storage.reserve_exact(wanted - used);
    }
}
