//! Nonlinear conjugate gradients: each direction is −g plus a multiple of the last one. Two vectors more than descent.
//!
//! With y = g₊ − g:
//!
//! ```text
//! Polak–Ribière+   β = max(0, g₊ᵀy / gᵀg)
//! Hager–Zhang      β = max((y − 2 d yᵀy / dᵀy)ᵀ g₊ / dᵀy, −1 / (‖d‖ min(0.01, ‖g‖)))
//! d₊ = −g₊ + β d
//! ```
//!
//! Hager and Zhang's directions descend whatever the search: g₊ᵀd₊ ≤ −⅞ g₊ᵀg₊.
//!
//! Sources: Gilbert, Nocedal, *Global convergence properties of conjugate gradient methods*, SIAM J. Optim. 2 (1992);
//! Hager, Zhang, *A new conjugate gradient method with guaranteed descent and an efficient line search*, SIAM J. Optim.
//! 16 (2005).
//!
//! ```
//! use optim::{FromParts, NonlinearCg};
//! // A quadratic with two distinct eigenvalues, 1 and 25.
//! let f = FromParts::first_order(
//!     3,
//!     |x: &[f64]| 0.5 * (x[0] * x[0] + x[1] * x[1] + 25.0 * x[2] * x[2]),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0], x[1], 25.0 * x[2]]),
//! );
//! let report = NonlinearCg::hager_zhang().minimize(&f, &[1.0, 2.0, 3.0])?;
//! assert!(report.status.is_converged() && report.counts.iterations < 30);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent_direction::{DescentSolver, DescentState, Direction, Outlook};
use crate::error::Error;
use crate::limits::{Limits, limit_options};
use crate::line_search::{HagerZhang, LineSearch, MoreThuente};
use crate::objective::Objective;
use crate::quasi_newton::Step;
use crate::scalar::Scalar;
use crate::solver::minimize_methods;
use crate::vector::{dot, norm};

const METHOD: &str = "nonlinear cg";

/// How the multiple β of the last direction is chosen; formulas in the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Conjugacy {
    /// Polak–Ribière, cut off at zero: a β below means that the method should start afresh.
    PolakRibierePlus,
    /// Hager–Zhang, the rule of CG_DESCENT.
    HagerZhang,
}

/// −g + β d.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct ConjugateDirection<T> {
    conjugacy: Conjugacy,
    /// The next direction; empty if it is −g.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    next: Vec<T>,
}

impl<T: Scalar> ConjugateDirection<T> {
    fn beta(&self, step: &Step<'_, T>, d: &[T]) -> T {
        let zero = T::zero();
        let g = step.gradient_to;
        let gradient_norm = norm(step.gradient_from);
        match self.conjugacy {
            Conjugacy::PolakRibierePlus => {
                // Of y over the norm, for squares of the norm may overflow.
                let mut gy = zero;
                step.for_each_piece(|range, y| {
                    y.iter_mut().for_each(|y| *y /= gradient_norm);
                    gy += dot(&g[range], y);
                });
                (gy / gradient_norm).max(zero)
            }
            Conjugacy::HagerZhang => {
                let (mut dy, mut yy, mut yg) = (zero, zero, zero);
                step.for_each_piece(|range, y| {
                    dy += dot(&d[range.clone()], y);
                    yy += dot(y, y);
                    yg += dot(&g[range], y);
                });
                let beta = (yg - T::of(2.0) * dot(d, g) * (yy / dy)) / dy;
                let floor = -T::one() / (norm(d) * T::of(0.01).min(gradient_norm));
                // `max` drops a NaN, which stands for a y of zero: no curvature was seen.
                if beta.is_nan() { beta } else { beta.max(floor) }
            }
        }
    }
}

impl<T: Scalar> Direction<T> for ConjugateDirection<T> {
    fn direction(&mut self, gradient: &[T], out: &mut [T]) {
        if self.is_steepest() {
            for (out, &g) in out.iter_mut().zip(gradient) {
                *out = -g;
            }
        } else {
            out.copy_from_slice(&self.next);
        }
    }

    /// The step whose first-order change is that of the last one (Nocedal, Wright (2006), §3.5).
    fn first_step(&self, outlook: &Outlook<T>) -> T {
        let (small, large) = (T::of(0.01), T::of(100.0));
        match outlook.last {
            Some((alpha, slope)) => {
                let ratio = slope / outlook.slope;
                if ratio.is_finite() { alpha * ratio.max(small).min(large) } else { alpha }
            }
            None => outlook.unit(),
        }
    }

    fn learn(&mut self, step: &Step<'_, T>, direction: &[T]) {
        let beta = self.beta(step, direction);
        if !beta.is_finite() || beta == T::zero() {
            self.next.clear();
            return;
        }
        self.next.resize(direction.len(), T::zero());
        for ((next, &g), &d) in self.next.iter_mut().zip(step.gradient_to).zip(direction) {
            *next = beta * d - g;
        }
    }

    fn forget(&mut self) {
        self.next.clear();
    }

    fn is_steepest(&self) -> bool {
        self.next.is_empty()
    }

    fn fits(&self, n: usize) -> bool {
        self.next.is_empty() || self.next.len() == n
    }
}

/// A run of [`NonlinearCg`].
pub type NonlinearCgSolver<'o, T, O, L> = DescentSolver<'o, T, O, ConjugateDirection<T>, L>;

/// The options of the method, and the ways to run it.
///
/// An iteration costs two or three gradients, with Hager and Zhang's search a value and one or two gradients, and 10 n
/// multiplications; the run holds six vectors. A direction that does not descend, or a search that fails, starts the method
/// afresh from −g.
#[derive(Clone, Debug)]
pub struct NonlinearCg<T, L> {
    conjugacy: Conjugacy,
    search: L,
    limits: Limits<T>,
}

impl<T: Scalar> NonlinearCg<T, HagerZhang<T>> {
    /// CG_DESCENT: Hager and Zhang's directions and their search, with the quadratic first step. On the problems of Moré,
    /// Garbow and Hillstrom and those of CUTEst's kind that step saves half of the gradients for a value each iteration;
    /// σ = 0.4 solves one problem more than 0.9, at the same cost.
    pub fn hager_zhang() -> Self {
        let search = HagerZhang::new().curvature(T::of(0.4)).quadratic_step(T::of(0.1));
        Self { conjugacy: Conjugacy::HagerZhang, search, limits: Limits::new(20_000) }
    }
}

impl<T: Scalar> NonlinearCg<T, MoreThuente<T>> {
    /// Polak and Ribière's directions, with [`MoreThuente`] at c₂ = 0.1.
    pub fn polak_ribiere() -> Self {
        let search = MoreThuente::new().curvature(T::of(0.1));
        Self { conjugacy: Conjugacy::PolakRibierePlus, search, limits: Limits::new(20_000) }
    }
}

impl<T: Scalar, L: LineSearch<T>> NonlinearCg<T, L> {
    limit_options!(20_000);
    minimize_methods!();

    /// The search along each direction.
    pub fn line_search<M: LineSearch<T>>(self, search: M) -> NonlinearCg<T, M> {
        NonlinearCg { conjugacy: self.conjugacy, search, limits: self.limits }
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<NonlinearCgSolver<'o, T, O, L>, Error> {
        let rule = ConjugateDirection { conjugacy: self.conjugacy, next: Vec::new() };
        DescentSolver::start(METHOD, self.limits, objective, x, rule, self.search)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: DescentState<T, ConjugateDirection<T>, L>,
    ) -> Result<NonlinearCgSolver<'o, T, O, L>, Error> {
        self.search.check()?;
        DescentSolver::resume(METHOD, self.limits, objective, state)
    }
}

#[cfg(test)]
mod tests {
    use super::{Conjugacy, ConjugateDirection};
    use crate::descent_direction::Direction;
    use crate::quasi_newton::Step;

    /// On a straight piece of f the gradient does not change, and y = 0 says nothing of a β.
    #[test]
    fn a_step_without_curvature_starts_afresh() {
        for conjugacy in [Conjugacy::HagerZhang, Conjugacy::PolakRibierePlus] {
            let mut rule = ConjugateDirection { conjugacy, next: Vec::new() };
            let (g, from, to) = ([1.0, -2.0], [0.0, 0.0], [-1.0, 2.0]);
            rule.learn(&Step { from: &from, to: &to, gradient_from: &g, gradient_to: &g }, &[-1.0, 2.0]);
            assert!(rule.is_steepest());
        }
    }
}
