//! The front end: an objective, a start, and then what is special.
//!
//! ```
//! use optim::{FromParts, History, Lbfgs, Stop, minimize};
//! let f = FromParts::new(
//!     1,
//!     |x: &[f64]| x[0].exp() - 2.0 * x[0],
//!     |x: &[f64], g: &mut [f64]| g[0] = x[0].exp() - 2.0,
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = x[0].exp() * v[0],
//! );
//! // A trust region, with its own tolerance, is the default.
//! assert!(minimize(&f, &[0.0]).run()?.status.is_converged());
//!
//! let mut history = History::new();
//! let report = minimize(&f, &[0.0])
//!     .method(Lbfgs::new())
//!     .stop(Stop::gradient(1e-10) | Stop::gradients(50))
//!     .observe(&mut history)
//!     .run()?;
//! assert!(report.status.is_converged());
//! assert_eq!(history.records().len(), 1 + report.counts.iterations);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::Error;
use crate::least_squares::LeastSquares;
use crate::levenberg_marquardt::LevenbergMarquardt;
use crate::method::Method;
use crate::objective::Objective;
use crate::observer::{Both, Observer, Unobserved};
use crate::scalar::Scalar;
use crate::solver::Solver;
use crate::status::{Report, Status};
use crate::stop::Stop;
use crate::trust_region::TrustRegion;
use std::ops::ControlFlow;

/// A minimisation of `objective` from `x`, by default with [`TrustRegion`].
pub fn minimize<'o, T: Scalar, O: Objective<T>>(objective: &'o O, x: &[T]) -> Minimize<'o, T, O> {
    Minimize::of(objective, x, TrustRegion::new())
}

/// A minimisation of ½ ‖r‖² from `x`, by default with [`LevenbergMarquardt`].
///
/// ```
/// use autodiff_core::{Function, Var};
/// use optim::{GaussNewton, Stop, fit};
/// let r = Function::new(|x: &[Var]| vec![10.0 * (x[1] - x[0].square()), 1.0 - x[0]]);
/// let start = vec![-1.2_f64, 1.0];
/// let report = fit(&r.flat(&start), &start).run()?;
/// assert!(report.status.is_converged() && report.value < 1e-20);
/// let report = fit(&r.flat(&start), &start).method(GaussNewton::new()).stop(Stop::target(1.0)).run()?;
/// assert!(report.value <= 1.0);
/// # Ok::<(), optim::Error>(())
/// ```
pub fn fit<'o, T: Scalar, L: LeastSquares<T>>(residuals: &'o L, x: &[T]) -> Minimize<'o, T, L, LevenbergMarquardt<T>> {
    Minimize::of(residuals, x, LevenbergMarquardt::new())
}

/// A minimisation about to be run.
#[derive(Debug)]
pub struct Minimize<'o, T, P, M = TrustRegion<T>, W = Unobserved> {
    problem: &'o P,
    x: Vec<T>,
    method: M,
    stop: Option<Stop<T>>,
    observer: W,
}

impl<'o, T: Scalar, P, M> Minimize<'o, T, P, M> {
    pub(crate) fn of(problem: &'o P, x: &[T], method: M) -> Self {
        Self { problem, x: x.to_vec(), method, stop: None, observer: Unobserved }
    }
}

impl<'o, T, P, M, W> Minimize<'o, T, P, M, W>
where
    T: Scalar,
    M: Method<T, P>,
    W: Observer<T>,
{
    /// With this method.
    pub fn method<N: Method<T, P>>(self, method: N) -> Minimize<'o, T, P, N, W> {
        let Self { problem, x, stop, observer, .. } = self;
        Minimize { problem, x, method, stop, observer }
    }

    /// Until this test holds; asked again it is one more test, of which either ends the run.
    ///
    /// A stop that tests the gradient, by itself or together with something else, takes the place of the method's own
    /// gradient tolerance; budgets and all other tests come beside it, and so do the method's other limits (iterations, lower
    /// bound). A test [`Stop::gradient`] that alone suffices is left to the method, with all it does there: second-order
    /// methods look for saddles.
    pub fn stop(mut self, stop: Stop<T>) -> Self {
        self.stop = Some(match self.stop {
            Some(first) => first | stop,
            None => stop,
        });
        self
    }

    /// Before the eyes of this observer, too: a closure, a [`History`](crate::History), …
    pub fn observe<V: Observer<T>>(self, observer: V) -> Minimize<'o, T, P, M, Both<W, V>> {
        let Self { problem, x, method, stop, observer: first } = self;
        Minimize { problem, x, method, stop, observer: Both::new(first, observer) }
    }

    /// Runs to the end.
    ///
    /// A status that the method found itself wins over that of a test, and that over an observer's wish to stop.
    ///
    /// # Errors
    /// An option that makes no sense, an `x` of the wrong length, or what the problem reports.
    pub fn run(self) -> Result<Report<T>, Error> {
        let Self { problem, x, method, mut stop, observer } = self;
        let method = match &mut stop {
            Some(stop) if stop.tests_gradient() => {
                method.with_gradient_tolerance(stop.take_gradient_tolerance().unwrap_or(T::zero()))
            }
            _ => method,
        };
        drive(method.start(problem, &x)?, stop, observer)
    }
}

/// Steps `solver` until it, `stop` or `observer` ends the run: the way to go on with a solver that was resumed.
///
/// A test that takes a small gradient for convergence is believed only where the method
/// [confirms](Solver::confirm) it; at a saddle that it can tell from a minimum the run goes on.
///
/// # Errors
/// What the objective reports.
pub fn drive<T: Scalar, S: Solver<T>>(
    mut solver: S,
    mut stop: Option<Stop<T>>,
    mut observer: impl Observer<T>,
) -> Result<Report<T>, Error> {
    let mut seen = None;
    loop {
        let now = solver.progress();
        if seen != Some(now.counts.iterations) {
            seen = Some(now.counts.iterations);
            let wish = observer.observe(&now).is_break();
            let ended = stop.as_mut().and_then(|stop| stop.check(&now));
            match ended {
                Some(status) if !status.is_converged() || solver.confirm()? => return Ok(solver.into_report(status)),
                _ if wish => return Ok(solver.into_report(Status::StoppedByObserver)),
                _ => {}
            }
        }
        if let ControlFlow::Break(status) = solver.step()? {
            // The observer sees the last iteration, too, but can no longer stop it.
            let now = solver.progress();
            if seen != Some(now.counts.iterations) {
                let _ = observer.observe(&now);
            }
            return Ok(solver.into_report(status));
        }
    }
}
