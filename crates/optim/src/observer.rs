//! Who looks on while a run goes on: closures, and a history for plotting.

use crate::scalar::Scalar;
use crate::status::{Counts, Progress};
use std::fmt::Write;
use std::ops::ControlFlow;

/// Sees a run before its first iteration and after each, and may stop it. Every closure of a [`Progress`] is one.
pub trait Observer<T: Scalar> {
    /// What the run shows now; breaks to stop it.
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()>;
}

impl<T: Scalar, F: FnMut(&Progress<'_, T>) -> ControlFlow<()>> Observer<T> for F {
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()> {
        self(now)
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl<T: Scalar> Observer<T> for Unobserved {
    fn observe(&mut self, _: &Progress<'_, T>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Two observers; both see everything, and either may stop the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Both<A, B> {
    first: A,
    second: B,
}

impl<A, B> Both<A, B> {
    /// `first`, then `second`.
    pub fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<T: Scalar, A: Observer<T>, B: Observer<T>> Observer<T> for Both<A, B> {
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()> {
        let (first, second) = (self.first.observe(now), self.second.observe(now));
        if first.is_break() { first } else { second }
    }
}

/// A run for plotting: one [`Record`] at the start and one for each iteration.
///
/// ```
/// use optim::{FromParts, History, Lbfgs, minimize};
/// let f = FromParts::first_order(1, |x: &[f64]| x[0].powi(4), |x: &[f64], g: &mut [f64]| g[0] = 4.0 * x[0].powi(3));
/// let mut history = History::new();
/// minimize(&f, &[1.0]).method(Lbfgs::new()).observe(&mut history).run()?;
/// assert_eq!(history.records()[0].value, 1.0);
/// assert!(history.csv().starts_with("iteration,value,gradient_norm,step_norm,control,accepted,values,gradients,products,expansions\n0,1"));
/// # Ok::<(), optim::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct History<T> {
    records: Vec<Record<T>>,
}

/// What a [`History`] keeps of an iteration; the fields are those of [`Progress`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Record<T> {
    /// The value at the current point.
    pub value: T,
    /// ‖g‖₂ at the current point.
    pub gradient_norm: T,
    /// ‖s‖₂ of the last step tried.
    pub step_norm: T,
    /// The radius, the step length or the learning rate.
    pub control: T,
    /// Whether the last step tried was taken.
    pub accepted: bool,
    /// What the run cost so far.
    pub counts: Counts,
}

impl<T: Scalar> History<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { records: Vec::new() }
    }

    /// The records, in order.
    pub fn records(&self) -> &[Record<T>] {
        &self.records
    }

    /// The records as a table of comma-separated values with a header; numbers with all their digits.
    pub fn csv(&self) -> String {
        let mut table = String::from(
            "iteration,value,gradient_norm,step_norm,control,accepted,values,gradients,products,expansions\n",
        );
        for r in &self.records {
            let Counts { values, gradients, products, expansions, iterations } = r.counts;
            writeln!(
                table,
                "{iterations},{},{},{},{},{},{values},{gradients},{products},{expansions}",
                r.value, r.gradient_norm, r.step_norm, r.control, r.accepted
            )
            .expect("a string takes all that is written");
        }
        table
    }
}

impl<T: Scalar> Observer<T> for History<T> {
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()> {
        self.records.push(Record {
            value: now.value,
            gradient_norm: now.gradient_norm,
            step_norm: now.step_norm,
            control: now.control,
            accepted: now.accepted,
            counts: now.counts,
        });
        ControlFlow::Continue(())
    }
}

impl<T: Scalar> Observer<T> for &mut History<T> {
    fn observe(&mut self, now: &Progress<'_, T>) -> ControlFlow<()> {
        (**self).observe(now)
    }
}
