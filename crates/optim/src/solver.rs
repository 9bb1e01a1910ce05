//! A run in progress: one step at a time, or to its end under the eye of an observer.
//!
//! ```
//! use optim::{FromParts, Solver, Status, TrustRegion};
//! use std::ops::ControlFlow;
//! let f = FromParts::new(
//!     1,
//!     |x: &[f64]| x[0].cosh(),
//!     |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh(),
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = x[0].cosh() * v[0],
//! );
//! let mut solver = TrustRegion::new().start(&f, &[2.0])?;
//! let status = loop {
//!     if let ControlFlow::Break(status) = solver.step()? {
//!         break status;
//!     }
//! };
//! assert!(status.is_converged());
//!
//! let solver = TrustRegion::new().start(&f, &[2.0])?;
//! let report = solver.run(|now| if now.counts.iterations == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })?;
//! assert_eq!(report.status, Status::StoppedByObserver);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::Error;
use crate::scalar::Scalar;
use crate::status::{Progress, Report, Status};
use std::ops::ControlFlow;

/// A minimisation that can be advanced one iteration at a time.
pub trait Solver<T: Scalar>: Sized {
    /// Tries one step; breaks with the status when the run is over.
    ///
    /// A run that is over stays over: further calls break with the same status and ask the objective nothing.
    ///
    /// # Errors
    /// What the objective reports. The solver keeps its last accepted point, and the step may be tried again.
    fn step(&mut self) -> Result<ControlFlow<Status>, Error>;

    /// Whether the current point may be a minimum as far as the method can tell of its curvature; for whoever takes a
    /// small gradient for an end. Methods of products ask a short Lanczos run, once a point, and go on to leave a saddle
    /// if they are stepped on, or end where a product is not finite; all others believe it.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn confirm(&mut self) -> Result<bool, Error> {
        Ok(true)
    }

    /// The current point and what is known about it.
    fn progress(&self) -> Progress<'_, T>;

    /// Ends the run: the current point as an answer that carries `status`.
    fn into_report(self, status: Status) -> Report<T>;

    /// Steps until the run is over or `observer` breaks it.
    ///
    /// The observer is called before the first step and after each; a status the method found itself wins over the
    /// observer's wish to stop.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn run(mut self, mut observer: impl FnMut(&Progress<'_, T>) -> ControlFlow<()>) -> Result<Report<T>, Error> {
        let mut stop = observer(&self.progress()).is_break();
        let mut seen = self.progress().counts.iterations;
        loop {
            if stop {
                return Ok(self.into_report(Status::StoppedByObserver));
            }
            let outcome = self.step()?;
            let now = self.progress();
            if now.counts.iterations > seen {
                seen = now.counts.iterations;
                stop = observer(&now).is_break();
            }
            if let ControlFlow::Break(status) = outcome {
                return Ok(self.into_report(status));
            }
        }
    }
}

/// The observer that only lets the run go on.
pub(crate) fn unobserved<T>(_: &Progress<'_, T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// [`Solver`] of runs that keep a [`Standing`](crate::standing::Standing) and take their steps by a method `advance`, which
/// returns the status if the run is over.
///
/// A row has the type, where its standing is and what it steers by; at last the method, if there is one, that asks
/// whether the current point may be a minimum, and lets a run that has converged go on where it is not.
macro_rules! solvers {
    ($([$($generics:tt)*] $Solver:ty, $($now:ident).+, |$run:ident| $control:expr $(, $examine:ident)?;)*) => {$(
        impl<T: $crate::scalar::Scalar, $($generics)*> $crate::solver::Solver<T> for $Solver {
            fn step(&mut self) -> Result<std::ops::ControlFlow<$crate::status::Status>, $crate::error::Error> {
                if self.$($now).+.finished.is_none() {
                    self.$($now).+.last_value = self.$($now).+.value;
                    let failed = self.advance()?;
                    self.$($now).+.end_iteration(failed);
                }
                if self.$($now).+.has_converged() {
                    $(self.$examine()?;)?
                }
                Ok(self.$($now).+.outcome())
            }

            $(
                fn confirm(&mut self) -> Result<bool, $crate::error::Error> {
                    self.$examine()
                }
            )?

            fn progress(&self) -> $crate::status::Progress<'_, T> {
                let $run = self;
                self.$($now).+.progress($control)
            }

            fn into_report(self, status: $crate::status::Status) -> $crate::status::Report<T> {
                self.$($now).+.into_report(status)
            }
        }
    )*};
}
pub(crate) use solvers;

/// The ways to run a builder with a method `start(self, objective, x)` to its end.
///
/// Inherent methods, so that a method is called with no trait in scope.
macro_rules! minimize_methods {
    () => {
        minimize_methods!(crate::objective::Objective, objective, "`objective`", "the objective reports");
    };
    ($($Problem:ident)::+, $problem:ident, $minimised:literal, $reports:literal) => {
        #[doc = concat!("A minimum of ", $minimised, " near `x`: [`start`](Self::start), and steps until the run is over.")]
        ///
        /// # Errors
        #[doc = concat!("An option that makes no sense, an `x` of the wrong length, or what ", $reports, ".")]
        pub fn minimize<O: $($Problem)::+<T>>(
            self,
            $problem: &O,
            x: &[T],
        ) -> Result<$crate::status::Report<T>, $crate::error::Error> {
            self.minimize_observed($problem, x, $crate::solver::unobserved)
        }

        /// As [`minimize`](Self::minimize), with `observer` called before the first step and after each.
        ///
        /// # Errors
        /// As [`minimize`](Self::minimize).
        pub fn minimize_observed<O: $($Problem)::+<T>>(
            self,
            $problem: &O,
            x: &[T],
            observer: impl FnMut(&$crate::status::Progress<'_, T>) -> std::ops::ControlFlow<()>,
        ) -> Result<$crate::status::Report<T>, $crate::error::Error> {
            $crate::solver::Solver::run(self.start($problem, x)?, observer)
        }
    };
}
pub(crate) use minimize_methods;
