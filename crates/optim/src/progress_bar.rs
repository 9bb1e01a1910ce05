//! A bar in the terminal that shows a run: iterations, value and gradient norm.

use crate::observer::Observer;
use crate::scalar::Scalar;
use crate::status::Progress;
use indicatif::{ProgressDrawTarget, ProgressStyle};
use std::ops::ControlFlow;

/// An observer that draws a progress bar to the standard error, at most twenty times a second; nothing where that is no
/// terminal.
///
/// ```
/// use optim::{FromParts, Lbfgs, ProgressBar, minimize};
/// let f = FromParts::first_order(1, |x: &[f64]| x[0].cosh(), |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh());
/// let report = minimize(&f, &[3.0]).method(Lbfgs::new()).observe(ProgressBar::new(Some(10_000))).run()?;
/// assert!(report.status.is_converged());
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProgressBar {
    bar: indicatif::ProgressBar,
}

impl ProgressBar {
    /// A bar that is full at `limit` iterations; a spinner where there is no limit.
    pub fn new(limit: Option<u64>) -> Self {
        Self::drawn_to(limit, ProgressDrawTarget::stderr())
    }

    /// As [`new`](Self::new), drawn elsewhere.
    pub fn drawn_to(limit: Option<u64>, target: ProgressDrawTarget) -> Self {
        let template = match limit {
            Some(_) => "{bar:30} {pos}/{len} {elapsed} {msg}",
            None => "{spinner} {pos} {elapsed} {msg}",
        };
        let bar = indicatif::ProgressBar::with_draw_target(limit, target);
        bar.set_style(ProgressStyle::with_template(template).expect("the template names known fields"));
        Self { bar }
    }

    /// The bar itself, for what this type does not offer.
    pub fn inner(&self) -> &indicatif::ProgressBar {
        &self.bar
    }
}

impl<T: Scalar> Observer<T> for ProgressBar {
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()> {
        let number = |a: T| a.to_f64().unwrap_or(f64::NAN);
        self.bar.set_position(now.counts.iterations as u64);
        self.bar.set_message(format!("f = {:.6e}  ‖g‖ = {:.2e}", number(now.value), number(now.gradient_norm)));
        ControlFlow::Continue(())
    }
}

impl Drop for ProgressBar {
    /// The last state stays on the screen.
    fn drop(&mut self) {
        self.bar.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::ProgressBar;
    use crate::{FromParts, Lbfgs, minimize};
    use indicatif::ProgressDrawTarget;

    #[test]
    fn the_bar_shows_the_last_iteration() {
        let f = FromParts::first_order(1, |x: &[f64]| x[0].cosh(), |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh());
        let bar = ProgressBar::drawn_to(None, ProgressDrawTarget::hidden());
        let shown = bar.inner().clone();
        let report = minimize(&f, &[3.0]).method(Lbfgs::new()).observe(bar).run().unwrap();
        assert_eq!(shown.position(), report.counts.iterations as u64);
        assert!(shown.message().starts_with("f = 1.000000e0"), "{}", shown.message());
    }
}
