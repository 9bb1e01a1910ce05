//! The inverse Hessian of limited-memory BFGS, as an operator.
//!
//! ```
//! use optim::{LbfgsInverse, LinearOperator, quasi_newton::Step};
//! // Steps on ½ xᵀ diag(1, 4) x: y = diag(1, 4) s.
//! let mut inverse = LbfgsInverse::new(2, 5);
//! for s in [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]] {
//!     inverse.learn(&Step { from: &[0.0; 2], to: &s, gradient_from: &[0.0; 2], gradient_to: &[s[0], 4.0 * s[1]] });
//! }
//! let mut v = [1.0, 4.0];
//! inverse.apply_in_place(&mut v);
//! assert!((v[0] - 1.0_f64).abs() < 1e-14 && (v[1] - 1.0).abs() < 1e-14);
//! ```

use super::pairs::{PairMemory, Products, Step};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot};

/// What becomes of a pair with too little curvature: sᵀy ≤ θ ‖s‖ ‖y‖.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PairUpdate {
    /// It is left out.
    Skip,
    /// It is damped: s ← t s + (1 − t) H y with the t for which sᵀy = 0.2 yᵀH y. Powell's rule for H in the place of B
    /// (Goldfarb, Ren, Bahamou, *Practical quasi-Newton methods for training deep neural networks*, NeurIPS 2020, §3).
    /// Holds one vector more.
    Damp,
}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairFate {
    /// It was stored as it is.
    Stored,
    /// It was stored damped.
    Damped,
    /// It was left out.
    Skipped,
}

/// The γ of the initial matrix γ I.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum InitialScale {
    /// sᵀy / yᵀy of the newest pair.
    Newest,
    /// sᵀy / yᵀy of the first pair after the memory was empty: with an unbounded memory, BFGS itself.
    First,
}

/// H, the inverse Hessian of BFGS from γ I and the last pairs, always positive definite.
///
/// A product costs 4 m n multiplications for m pairs: the two-loop recursion of Nocedal, *Updating quasi-Newton matrices
/// with limited storage*, Math. Comp. 35 (1980). Holds 2 m vectors, and m numbers of workspace. Without pairs it is the
/// identity. As a [`LinearOperator`] it is a preconditioner.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct LbfgsInverse<T> {
    pairs: PairMemory<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    gamma: T,
    scale: InitialScale,
    update: PairUpdate,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    threshold: T,
    /// The coefficients of the first loop.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    coefficients: Vec<T>,
    /// H y of a pair being damped.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    hy: Vec<T>,
}

/// θ: a pair with less curvature than that would give H an eigenvalue 1/θ times the others.
pub(crate) fn default_threshold<T: Scalar>() -> T {
    T::of(1e-10).max(T::epsilon())
}

impl<T: Scalar> LbfgsInverse<T> {
    /// The identity of order `dimension`, to learn from the last `memory` pairs.
    pub fn new(dimension: usize, memory: usize) -> Self {
        Self {
            pairs: PairMemory::new(dimension, memory),
            gamma: T::one(),
            scale: InitialScale::Newest,
            update: PairUpdate::Skip,
            threshold: default_threshold(),
            coefficients: Vec::new(),
            hy: Vec::new(),
        }
    }

    /// How γ is chosen. Default: [`InitialScale::Newest`].
    pub fn initial_scale(mut self, scale: InitialScale) -> Self {
        self.scale = scale;
        self
    }

    /// What becomes of pairs with too little curvature, and the θ below which it is too little. Default:
    /// [`PairUpdate::Skip`] and 1e-10 (ε for `f32`).
    pub fn pair_update(mut self, update: PairUpdate, threshold: T) -> Self {
        self.set_pair_update(update, threshold);
        self
    }

    pub(crate) fn set_pair_update(&mut self, update: PairUpdate, threshold: T) {
        (self.update, self.threshold) = (update, threshold);
    }

    /// The pairs held.
    pub fn pairs(&self) -> &PairMemory<T> {
        &self.pairs
    }

    /// γ.
    pub fn gamma(&self) -> T {
        self.gamma
    }

    /// Whether the operator is one of order `n` that can be gone on with.
    pub(crate) fn fits(&self, n: usize) -> bool {
        self.pairs.fits(n)
    }

    /// Drops all pairs: the identity again.
    pub fn forget(&mut self) {
        self.pairs.clear();
        self.gamma = T::one();
    }

    /// Drops the oldest pair.
    pub(crate) fn drop_oldest(&mut self) {
        self.pairs.drop_oldest();
    }

    /// Learns from a step, unless it shows too little curvature. No allocation once the memory is full.
    ///
    /// # Panics
    /// If the vectors of the step do not have the length of the operator.
    pub fn learn(&mut self, step: &Step<'_, T>) -> PairFate {
        let Products { ss, sy, yy } = step.products();
        let enough = sy > self.threshold * ss.sqrt() * yy.sqrt() && sy.is_finite() && yy.is_finite();
        if !enough && self.update == PairUpdate::Damp && sy.is_finite() && yy.is_finite() {
            return self.learn_damped(step, sy);
        }
        let gamma = sy / yy;
        // yᵀy may underflow where sᵀy does not.
        if !enough || !gamma.is_finite() {
            return PairFate::Skipped;
        }
        if self.scale == InitialScale::Newest || self.pairs.is_empty() {
            self.gamma = gamma;
        }
        self.pairs.push_step(step);
        PairFate::Stored
    }

    fn learn_damped(&mut self, step: &Step<'_, T>, sy: T) -> PairFate {
        let mut hy = std::mem::take(&mut self.hy);
        hy.clear();
        hy.extend(step.entries().map(|(_, y)| y));
        self.apply_in_place(&mut hy);
        let yhy = hy.iter().zip(step.entries()).map(|(&hy, (_, y))| hy * y).sum::<T>();
        let t = T::of(0.8) * yhy / (yhy - sy);
        // Above 0.2 yᵀH y the rule has nothing to damp; a y of zero has no curvature to speak of.
        let damps = t > T::zero() && t < T::one();
        if damps {
            self.pairs.push(step.entries().zip(&hy).map(|((s, y), &hy)| (t * s + (T::one() - t) * hy, y)));
        }
        self.hy = hy;
        if damps { PairFate::Damped } else { PairFate::Skipped }
    }

    /// v ← H v.
    ///
    /// # Panics
    /// If `v` does not have the length of the operator.
    pub fn apply_in_place(&mut self, v: &mut [T]) {
        assert_eq!(v.len(), self.pairs.dimension(), "lbfgs inverse: v has the wrong length");
        let m = self.pairs.len();
        let room = m.max(self.pairs.rows_at_once());
        if self.coefficients.len() < room {
            self.coefficients.resize(room, T::zero());
        }
        // H = γ Vᵀ…V + Σ …, with V = I − y sᵀ / sᵀy: from the newest pair to the oldest, and back.
        for i in (0..m).rev() {
            let (s, y, sy) = self.pairs.pair(i);
            let a = dot(s, v) / sy;
            self.coefficients[i] = a;
            axpy(-a, y, v);
        }
        for v in v.iter_mut() {
            *v *= self.gamma;
        }
        for i in 0..m {
            let (s, y, sy) = self.pairs.pair(i);
            let b = dot(y, v) / sy;
            axpy(self.coefficients[i] - b, s, v);
        }
    }
}

impl<T: Scalar> LinearOperator<T> for LbfgsInverse<T> {
    fn dimension(&self) -> usize {
        self.pairs.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("lbfgs inverse", "v", self.pairs.dimension(), v.len())?;
        check_length("lbfgs inverse", "out", self.pairs.dimension(), out.len())?;
        out.copy_from_slice(v);
        self.apply_in_place(out);
        Ok(())
    }
}
