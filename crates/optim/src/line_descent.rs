//! A method from its two parts: any direction of descent × any line search.
//!
//! ```
//! use optim::descent_direction::Outlook;
//! use optim::line_search::Backtracking;
//! use optim::quasi_newton::Step;
//! use optim::{Direction, FromParts, LineDescent};
//!
//! /// −g, scaled by a diagonal that is known beforehand.
//! struct Scaled([f64; 2]);
//!
//! impl Direction<f64> for Scaled {
//!     fn direction(&mut self, gradient: &[f64], out: &mut [f64]) {
//!         for ((out, g), d) in out.iter_mut().zip(gradient).zip(&self.0) {
//!             *out = -g / d;
//!         }
//!     }
//!     fn first_step(&self, _: &Outlook<f64>) -> f64 {
//!         1.0
//!     }
//!     fn learn(&mut self, _: &Step<'_, f64>, _: &[f64]) {}
//!     fn forget(&mut self) {
//!         self.0 = [1.0; 2];
//!     }
//!     fn is_steepest(&self) -> bool {
//!         self.0 == [1.0; 2]
//!     }
//! }
//!
//! // x² + 1000 y²: in one step with the right diagonal.
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| x[0] * x[0] + 1000.0 * x[1] * x[1],
//!     |x: &[f64], g: &mut [f64]| g.copy_from_slice(&[2.0 * x[0], 2000.0 * x[1]]),
//! );
//! let report = LineDescent::new(Scaled([2.0, 2000.0]), Backtracking::new()).minimize(&f, &[3.0, 4.0])?;
//! assert!(report.status.is_converged() && report.counts.iterations == 1);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent_direction::{DescentSolver, DescentState, Direction};
use crate::error::Error;
use crate::limits::{Limits, limit_options};
use crate::line_search::LineSearch;
use crate::objective::Objective;
use crate::scalar::Scalar;
use crate::solver::minimize_methods;

const METHOD: &str = "line descent";

/// The options of the method, and the ways to run it. An iteration costs what the search samples; the run holds five
/// vectors, and what its direction holds.
#[derive(Clone, Debug)]
pub struct LineDescent<T, D, L> {
    direction: D,
    search: L,
    limits: Limits<T>,
}

impl<T: Scalar, D: Direction<T>, L: LineSearch<T>> LineDescent<T, D, L> {
    /// Along the directions of `direction`, as far as `search` says.
    pub fn new(direction: D, search: L) -> Self {
        Self { direction, search, limits: Limits::new(10_000) }
    }

    limit_options!(10_000);
    minimize_methods!();

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<DescentSolver<'o, T, O, D, L>, Error> {
        DescentSolver::start(METHOD, self.limits, objective, x, self.direction, self.search)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        state: DescentState<T, D, L>,
    ) -> Result<DescentSolver<'o, T, O, D, L>, Error> {
        self.search.check()?;
        DescentSolver::resume(METHOD, self.limits, objective, state)
    }
}
