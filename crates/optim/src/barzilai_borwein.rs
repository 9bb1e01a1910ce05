//! Barzilai and Borwein's gradient method: −g with the step of the secant equation, values allowed to rise now and then.
//!
//! With s = x₊ − x and y = g₊ − g the first step tried is sᵀs / sᵀy or sᵀy / yᵀy, in turn; on a quadratic an inverse
//! Rayleigh quotient of the last gradient. Backtracking asks for a decrease from the largest of the last ten values.
//!
//! Sources: Barzilai, Borwein, *Two-point step size gradient methods*, IMA J. Numer. Anal. 8 (1988); Raydan, *The Barzilai
//! and Borwein gradient method for the large scale unconstrained minimization problem*, SIAM J. Optim. 7 (1997); the
//! alternation from Dai, Fletcher, *Projected Barzilai–Borwein methods*, Numer. Math. 100 (2005).
//!
//! ```
//! use optim::{BarzilaiBorwein, FromParts};
//! // Condition number 100: steepest descent with exact steps needs about 500 iterations.
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| 0.5 * (x[0] * x[0] + 100.0 * x[1] * x[1]),
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[x[0], 100.0 * x[1]]),
//! );
//! let report = BarzilaiBorwein::new().minimize(&f, &[100.0, 1.0])?;
//! assert!(report.status.is_converged() && report.counts.iterations < 60);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent_direction::{DescentSolver, DescentState, Direction, Outlook};
use crate::error::Error;
use crate::limits::{Limits, limit_options};
use crate::line_search::{Backtracking, LineSearch};
use crate::objective::Objective;
use crate::quasi_newton::Step;
use crate::scalar::Scalar;
use crate::solver::minimize_methods;

const METHOD: &str = "barzilai-borwein";

/// −g, with the first step of the secant equation.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct SecantSteps<T> {
    /// The next first step; 0 if nothing is known.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    alpha: T,
    steps: usize,
}

impl<T: Scalar> Direction<T> for SecantSteps<T> {
    fn direction(&mut self, gradient: &[T], out: &mut [T]) {
        for (out, &g) in out.iter_mut().zip(gradient) {
            *out = -g;
        }
    }

    fn first_step(&self, outlook: &Outlook<T>) -> T {
        if self.is_steepest() { outlook.unit() } else { self.alpha }
    }

    fn learn(&mut self, step: &Step<'_, T>, _: &[T]) {
        let p = step.products();
        self.steps += 1;
        let alpha = if self.steps % 2 == 1 { p.ss / p.sy } else { p.sy / p.yy };
        // Without positive curvature the step was too short to see any: twice as long.
        self.alpha = if alpha.is_finite() && alpha > T::zero() {
            alpha
        } else {
            // On −g the last α is ‖s‖ / ‖g‖.
            let gg = step.gradient_from.iter().map(|&g| g * g).sum::<T>();
            let doubled = T::of(2.0) * (p.ss / gg).sqrt();
            if doubled.is_finite() { doubled } else { T::zero() }
        };
    }

    fn forget(&mut self) {
        self.alpha = T::zero();
    }

    fn is_steepest(&self) -> bool {
        self.alpha == T::zero()
    }
}

/// A run of [`BarzilaiBorwein`].
pub type BarzilaiBorweinSolver<'o, T, O> = DescentSolver<'o, T, O, SecantSteps<T>, Backtracking<T>>;

/// The options of the method, and the ways to run it. An iteration costs a value and a gradient; the run holds five vectors.
#[derive(Clone, Debug)]
pub struct BarzilaiBorwein<T> {
    memory: usize,
    limits: Limits<T>,
}

impl<T: Scalar> Default for BarzilaiBorwein<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> BarzilaiBorwein<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        Self { memory: 10, limits: Limits::new(20_000) }
    }

    limit_options!(20_000);
    minimize_methods!();

    /// From the largest of how many values a step must descend, at least 1. Default: 10; 1 makes the values monotone.
    pub fn nonmonotone(mut self, memory: usize) -> Self {
        self.memory = memory;
        self
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        x: &[T],
    ) -> Result<BarzilaiBorweinSolver<'o, T, O>, Error> {
        let rule = SecantSteps { alpha: T::zero(), steps: 0 };
        let search = Backtracking::new().nonmonotone(self.memory);
        DescentSolver::start(METHOD, self.limits, objective, x, rule, search)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: DescentState<T, SecantSteps<T>, Backtracking<T>>,
    ) -> Result<BarzilaiBorweinSolver<'o, T, O>, Error> {
        Backtracking::<T>::new().nonmonotone(self.memory).check()?;
        DescentSolver::resume(METHOD, self.limits, objective, state)
    }
}
