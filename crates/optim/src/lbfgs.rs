//! Quasi-Newton methods along lines: limited-memory BFGS, and BFGS with all its pairs.
//!
//! The direction is −H g, H the inverse Hessian that BFGS makes of the last m steps and the changes of the gradient
//! along them; the step is that of a line search, Moré and Thuente's unless another is asked for.
//!
//! Sources: Nocedal, *Updating quasi-Newton matrices with limited storage*, Math. Comp. 35 (1980); Liu, Nocedal, *On the
//! limited memory BFGS method for large scale optimization*, Math. Program. 45 (1989).
//!
//! ```
//! use optim::{FromParts, Lbfgs};
//! // Rosenbrock's function: a = 1 − x, b = y − x².
//! let f = FromParts::first_order(
//!     2,
//!     |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2),
//!     |x: &[f64], g: &mut [f64]| {
//!         let b = x[1] - x[0] * x[0];
//!         g.copy_from_slice(&[-2.0 * (1.0 - x[0]) - 400.0 * x[0] * b, 200.0 * b]);
//!     },
//! );
//! let report = Lbfgs::new().minimize(&f, &[-1.2, 1.0])?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 1.0).abs() < 1e-7 && (report.x[1] - 1.0).abs() < 1e-7);
//! assert!(report.counts.gradients < 60 && report.counts.products == 0);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::descent_direction::{DescentSolver, DescentState, Direction, Outlook, require_threshold};
use crate::error::{Error, require};
use crate::limits::{Limits, limit_options};
use crate::line_search::{LineSearch, MoreThuente};
use crate::objective::Objective;
use crate::quasi_newton::{InitialScale, LbfgsInverse, PairUpdate, Step, default_threshold};
use crate::scalar::Scalar;
use crate::solver::minimize_methods;

const METHOD: &str = "lbfgs";

/// −H g of a limited memory.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct QuasiNewtonDirection<T> {
    inverse: LbfgsInverse<T>,
}

impl<T: Scalar> Direction<T> for QuasiNewtonDirection<T> {
    fn direction(&mut self, gradient: &[T], out: &mut [T]) {
        for (out, &g) in out.iter_mut().zip(gradient) {
            *out = -g;
        }
        self.inverse.apply_in_place(out);
    }

    fn first_step(&self, outlook: &Outlook<T>) -> T {
        if self.is_steepest() { outlook.unit() } else { T::one() }
    }

    fn learn(&mut self, step: &Step<'_, T>, _: &[T]) {
        self.inverse.learn(step);
    }

    fn forget(&mut self) {
        self.inverse.forget();
    }

    fn is_steepest(&self) -> bool {
        self.inverse.pairs().is_empty()
    }

    fn fits(&self, n: usize) -> bool {
        self.inverse.fits(n)
    }
}

/// What a run of [`Lbfgs`] or [`Bfgs`] is apart from its objective.
pub type LbfgsState<T, L = MoreThuente<T>> = DescentState<T, QuasiNewtonDirection<T>, L>;

/// A run of [`Lbfgs`] or [`Bfgs`]. An iteration allocates nothing once the first has been made.
pub type LbfgsSolver<'o, T, O, L = MoreThuente<T>> = DescentSolver<'o, T, O, QuasiNewtonDirection<T>, L>;

/// Limited-memory BFGS: the options of the method, and the ways to run it.
///
/// An iteration costs about one gradient and 4 m n multiplications; the run holds 2 m + 5 vectors. A pair with
/// sᵀy ≤ θ ‖s‖ ‖y‖ is left out or damped; after a search that failed the memory is dropped and −g is tried, once.
#[derive(Clone, Debug)]
pub struct Lbfgs<T, L = MoreThuente<T>> {
    memory: usize,
    update: PairUpdate,
    threshold: T,
    search: L,
    limits: Limits<T>,
}

impl<T: Scalar> Default for Lbfgs<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Lbfgs<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        let (update, threshold) = (PairUpdate::Skip, default_threshold());
        Self { memory: 10, update, threshold, search: MoreThuente::new(), limits: Limits::new(10_000) }
    }
}

impl<T: Scalar, L: LineSearch<T>> Lbfgs<T, L> {
    limit_options!(10_000);
    minimize_methods!();

    /// How many pairs are kept, at least 1. Default: 10.
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// What becomes of pairs with too little curvature, and the θ, from 0 to below 1, below which it is too little.
    /// Default: [`PairUpdate::Skip`] and 1e-10.
    pub fn pair_update(mut self, update: PairUpdate, threshold: T) -> Self {
        (self.update, self.threshold) = (update, threshold);
        self
    }

    /// The search along each direction. Default: [`MoreThuente`] with its defaults.
    pub fn line_search<M: LineSearch<T>>(self, search: M) -> Lbfgs<T, M> {
        let Self { memory, update, threshold, limits, .. } = self;
        Lbfgs { memory, update, threshold, search, limits }
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<LbfgsSolver<'o, T, O, L>, Error> {
        self.check()?;
        let inverse = LbfgsInverse::new(x.len(), self.memory).pair_update(self.update, self.threshold);
        DescentSolver::start(METHOD, self.limits, objective, x, QuasiNewtonDirection { inverse }, self.search)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        mut state: LbfgsState<T, L>,
    ) -> Result<LbfgsSolver<'o, T, O, L>, Error> {
        self.check()?;
        state.rule_mut().inverse.set_pair_update(self.update, self.threshold);
        DescentSolver::resume(METHOD, self.limits, objective, state)
    }

    fn check(&self) -> Result<(), Error> {
        require(self.memory >= 1, METHOD, "memory", self.memory, "at least 1")?;
        require_threshold(METHOD, self.threshold)?;
        self.search.check()
    }
}

/// BFGS: the inverse Hessian of *all* pairs of the run, as pairs and not as a matrix.
///
/// Iteration k costs about one gradient and 4 k n multiplications; the run holds 2 k + 5 vectors. For few variables or
/// short runs; else [`Lbfgs`].
///
/// Source: Nocedal, Wright, *Numerical Optimization* (2006), algorithm 6.1, with γ of eq. 6.20.
///
/// ```
/// use optim::{Bfgs, FromParts};
/// let f = FromParts::first_order(
///     2,
///     |x: &[f64]| x[0].cosh() + (x[0] + 2.0 * x[1]).cosh(),
///     |x: &[f64], g: &mut [f64]| {
///         let b = (x[0] + 2.0 * x[1]).sinh();
///         g.copy_from_slice(&[x[0].sinh() + b, 2.0 * b]);
///     },
/// );
/// let report = Bfgs::new().minimize(&f, &[1.0, 1.0])?;
/// assert!(report.status.is_converged() && report.counts.iterations < 20);
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bfgs<T, L = MoreThuente<T>> {
    update: PairUpdate,
    threshold: T,
    search: L,
    limits: Limits<T>,
}

impl<T: Scalar> Default for Bfgs<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Bfgs<T> {
    /// The method with its defaults.
    pub fn new() -> Self {
        let (update, threshold) = (PairUpdate::Skip, default_threshold());
        Self { update, threshold, search: MoreThuente::new(), limits: Limits::new(1000) }
    }
}

impl<T: Scalar, L: LineSearch<T>> Bfgs<T, L> {
    limit_options!(1000);
    minimize_methods!();

    /// What becomes of pairs with too little curvature, as in [`Lbfgs::pair_update`].
    pub fn pair_update(mut self, update: PairUpdate, threshold: T) -> Self {
        (self.update, self.threshold) = (update, threshold);
        self
    }

    /// The search along each direction. Default: [`MoreThuente`] with its defaults.
    pub fn line_search<M: LineSearch<T>>(self, search: M) -> Bfgs<T, M> {
        let Self { update, threshold, limits, .. } = self;
        Bfgs { update, threshold, search, limits }
    }

    /// A run at its starting point `x`, to be stepped. Costs one gradient.
    ///
    /// # Errors
    /// As [`minimize`](Self::minimize).
    pub fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<LbfgsSolver<'o, T, O, L>, Error> {
        require_threshold("bfgs", self.threshold)?;
        let inverse = LbfgsInverse::new(x.len(), usize::MAX)
            .initial_scale(InitialScale::First)
            .pair_update(self.update, self.threshold);
        DescentSolver::start("bfgs", self.limits, objective, x, QuasiNewtonDirection { inverse }, self.search)
    }

    pub(crate) fn resumed<'o, O: Objective<T>>(
        self,
        objective: &'o O,
        mut state: LbfgsState<T, L>,
    ) -> Result<LbfgsSolver<'o, T, O, L>, Error> {
        require_threshold("bfgs", self.threshold)?;
        self.search.check()?;
        state.rule_mut().inverse.set_pair_update(self.update, self.threshold);
        DescentSolver::resume("bfgs", self.limits, objective, state)
    }
}
