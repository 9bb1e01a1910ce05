//! The Hessian of limited-memory SR1, as an operator. It may be indefinite, which is what a trust region wants to know.
//!
//! With S and Y the pairs as columns, B = σ I + Ψ M⁻¹ Ψᵀ, Ψ = Y − σ S, and M the symmetric matrix of order m with the
//! lower triangle of SᵀY − σ SᵀS.
//!
//! Source: Byrd, Nocedal, Schnabel, *Representations of quasi-Newton matrices and their use in limited memory methods*,
//! Math. Program. 63 (1994), theorem 5.1.

use super::pairs::{PairMemory, Products, Step};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::small_matrix::SmallLu;
use crate::vector::{axpy, dot, norm};

/// B, the Hessian of SR1 from σ I and the last pairs.
///
/// A product costs 4 m n multiplications, learning a pair m² n more. Holds 2 m vectors. Without pairs it is the identity.
///
/// ```
/// use optim::{LinearOperator, Lsr1Operator, quasi_newton::Step};
/// // diag(1, −4): two steps tell it, sign included.
/// let mut b = Lsr1Operator::new(2, 5);
/// for s in [[1.0, 1.0], [1.0, 0.0]] {
///     b.learn(&Step { from: &[0.0; 2], to: &s, gradient_from: &[0.0; 2], gradient_to: &[s[0], -4.0 * s[1]] });
/// }
/// let mut out = [0.0_f64; 2];
/// b.apply(&[0.0, 1.0], &mut out)?;
/// assert!(out[0].abs() < 1e-14 && (out[1] + 4.0).abs() < 1e-14);
/// # Ok::<(), optim::ObjectiveError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct Lsr1Operator<T> {
    pairs: PairMemory<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    sigma: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    threshold: T,
    /// The factors of M, which the pairs determine.
    #[cfg_attr(feature = "serde", serde(skip))]
    middle: SmallLu<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    coefficients: Vec<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    work: Vec<T>,
    /// s and y − B s of the pair being learnt.
    #[cfg_attr(feature = "serde", serde(skip))]
    s: Vec<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    residual: Vec<T>,
}

impl<T: Scalar> Lsr1Operator<T> {
    /// The identity of order `dimension`, to learn from the last `memory` pairs.
    pub fn new(dimension: usize, memory: usize) -> Self {
        Self {
            pairs: PairMemory::new(dimension, memory),
            sigma: T::one(),
            // r of Nocedal, Wright, *Numerical Optimization* (2006), eq. 6.26.
            threshold: T::of(1e-8).max(T::epsilon()),
            middle: SmallLu::default(),
            coefficients: Vec::new(),
            work: Vec::new(),
            s: vec![T::zero(); dimension],
            residual: vec![T::zero(); dimension],
        }
    }

    /// Makes the operator of order `n` of its pairs whole again; false if they are not pairs of such vectors.
    pub(crate) fn restore(&mut self, n: usize) -> bool {
        if !self.pairs.fits(n) {
            return false;
        }
        self.s.resize(n, T::zero());
        self.residual.resize(n, T::zero());
        self.refresh();
        true
    }

    /// The pairs held.
    pub fn pairs(&self) -> &PairMemory<T> {
        &self.pairs
    }

    /// σ.
    pub fn sigma(&self) -> T {
        self.sigma
    }

    /// Drops all pairs: the identity again.
    pub fn forget(&mut self) {
        self.pairs.clear();
        self.sigma = T::one();
        self.middle.reset(0);
        self.middle.factor();
    }

    /// Learns from a step, accepted or not; false if it was left out, as |sᵀ(y − B s)| ≤ 1e-8 ‖s‖ ‖y − B s‖ says that
    /// the formula has no answer.
    ///
    /// # Panics
    /// If the vectors of the step do not have the length of the operator.
    pub fn learn(&mut self, step: &Step<'_, T>) -> bool {
        let Products { ss, sy, yy } = step.products();
        let mut s = std::mem::take(&mut self.s);
        let mut residual = std::mem::take(&mut self.residual);
        for (out, (s, _)) in s.iter_mut().zip(step.entries()) {
            *out = s;
        }
        self.product(&s, &mut residual);
        for (r, (_, y)) in residual.iter_mut().zip(step.entries()) {
            *r = y - *r;
        }
        let sr = dot(&s, &residual);
        let good = sr.abs() > self.threshold * norm(&s) * norm(&residual) && yy.is_finite();
        (self.s, self.residual) = (s, residual);
        if good {
            if sy > T::zero() {
                // Between the two Rayleigh quotients of the newest pair.
                self.sigma = (yy / ss).sqrt();
            }
            self.pairs.push_step(step);
            self.refresh();
        }
        good
    }

    /// Factors M; pairs that make it singular are dropped, the oldest first.
    fn refresh(&mut self) {
        loop {
            let (pairs, m) = (&self.pairs, self.pairs.len());
            let middle = self.middle.reset(m);
            for i in 0..m {
                let (s_i, _, _) = pairs.pair(i);
                for j in 0..=i {
                    let (s_j, y_j, _) = pairs.pair(j);
                    let entry = dot(s_i, y_j) - self.sigma * dot(s_i, s_j);
                    (middle[i * m + j], middle[j * m + i]) = (entry, entry);
                }
            }
            if self.middle.factor() {
                return;
            }
            self.pairs.drop_oldest();
        }
    }

    /// out ← B v.
    fn product(&mut self, v: &[T], out: &mut [T]) {
        let (pairs, sigma) = (&self.pairs, self.sigma);
        for (out, &v) in out.iter_mut().zip(v) {
            *out = sigma * v;
        }
        // Ψᵀ v, M⁻¹ of it, Ψ of that.
        self.coefficients.clear();
        self.coefficients.extend((0..pairs.len()).map(|i| {
            let (s, y, _) = pairs.pair(i);
            dot(y, v) - sigma * dot(s, v)
        }));
        self.middle.solve(&mut self.coefficients, &mut self.work);
        for (i, &c) in self.coefficients.iter().enumerate() {
            let (s, y, _) = pairs.pair(i);
            axpy(c, y, out);
            axpy(-c * sigma, s, out);
        }
    }
}

impl<T: Scalar> LinearOperator<T> for Lsr1Operator<T> {
    fn dimension(&self) -> usize {
        self.pairs.dimension()
    }

    fn apply(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("lsr1", "v", self.pairs.dimension(), v.len())?;
        check_length("lsr1", "out", self.pairs.dimension(), out.len())?;
        self.product(v, out);
        Ok(())
    }
}
