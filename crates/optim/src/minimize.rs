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
    Minimize { objective, x: x.to_vec(), method: TrustRegion::new(), stop: None, observer: Unobserved }
}

/// A minimisation about to be run.
#[derive(Debug)]
pub struct Minimize<'o, T, O, M = TrustRegion<T>, W = Unobserved> {
    objective: &'o O,
    x: Vec<T>,
    method: M,
    stop: Option<Stop<T>>,
    observer: W,
}

impl<'o, T, O, M, W> Minimize<'o, T, O, M, W>
where
    T: Scalar,
    O: Objective<T>,
    M: Method<T>,
    W: Observer<T>,
{
    /// With this method.
    pub fn method<N: Method<T>>(self, method: N) -> Minimize<'o, T, O, N, W> {
        let Self { objective, x, stop, observer, .. } = self;
        Minimize { objective, x, method, stop, observer }
    }

    /// Until this test holds; asked again it is one more test, of which either ends the run.
    ///
    /// A stop takes the place of the method's own gradient tolerance; its other limits (iterations, lower bound) remain. A
    /// test [`Stop::gradient`] that alone suffices is left to the method, with all it does there: second-order methods
    /// look for saddles.
    pub fn stop(mut self, stop: Stop<T>) -> Self {
        self.stop = Some(match self.stop {
            Some(first) => first | stop,
            None => stop,
        });
        self
    }

    /// Before the eyes of this observer, too: a closure, a [`History`](crate::History), …
    pub fn observe<V: Observer<T>>(self, observer: V) -> Minimize<'o, T, O, M, Both<W, V>> {
        let Self { objective, x, method, stop, observer: first } = self;
        Minimize { objective, x, method, stop, observer: Both::new(first, observer) }
    }

    /// Runs to the end.
    ///
    /// A status that the method found itself wins over that of a test, and that over an observer's wish to stop.
    ///
    /// # Errors
    /// An option that makes no sense, an `x` of the wrong length, or what the objective reports.
    pub fn run(self) -> Result<Report<T>, Error> {
        let Self { objective, x, method, mut stop, observer } = self;
        let method = match &mut stop {
            Some(stop) => method.with_gradient_tolerance(stop.take_gradient_tolerance().unwrap_or(T::zero())),
            None => method,
        };
        drive(method.start(objective, &x)?, stop, observer)
    }
}

/// Steps `solver` until it, `stop` or `observer` ends the run: the way to go on with a solver that was resumed, and to
/// run those of least squares.
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
