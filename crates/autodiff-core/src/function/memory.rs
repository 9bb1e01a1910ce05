//! Compiled programs with the memory they run in, which rests between runs.

use super::Bound;
use crate::error::Result;
use crate::execute::{Phase, Program, Workspace};
use crate::graph::Executable;
use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The program of one operator, with memory to run it in.
pub(super) struct Compiled {
    pub program: Program,
    /// Why the mode was chosen, where there was a choice.
    pub choice: Option<String>,
    /// Whether it is for running, not to be looked at alone.
    runs: AtomicBool,
    /// Memory at rest for the phase that reads the data.
    seats: Pool,
    /// Memory at rest for the late phase of a split program.
    late: Pool,
}

/// Memory at rest, for each precision.
type Pool = [Mutex<Vec<Box<dyn Any + Send>>>; 2];

/// A workspace with a note of the data in it.
pub(super) struct Seat<T> {
    pub workspace: Workspace<T>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Compiled {
    pub(super) fn new(program: Program, choice: Option<String>) -> Compiled {
        Compiled { program, choice, runs: AtomicBool::new(false), seats: Default::default(), late: Default::default() }
    }

    /// Notes that it is for running, not to be looked at alone.
    pub(super) fn start_running(&self) {
        self.runs.store(true, Ordering::Relaxed);
    }

    /// Whether it is for running.
    pub(super) fn is_running(&self) -> bool {
        self.runs.load(Ordering::Relaxed)
    }

    /// A workspace at rest, or a new one, for the phase that reads the data.
    pub(super) fn take<T: Executable>(&self, phase: Phase) -> Box<Seat<T>> {
        rest::<T, _>(&self.seats)
            .unwrap_or_else(|| Box::new(Seat { workspace: self.program.workspace(phase), data: None }))
    }

    /// Runs the late phase with a workspace at rest, or a new one.
    pub(super) fn run_late<T: Executable>(
        &self,
        kept: &Workspace<T>,
        inputs: &[&[T]],
        results: &mut [T],
    ) -> Result<()> {
        let mut workspace =
            rest::<T, Workspace<T>>(&self.late).unwrap_or_else(|| Box::new(self.program.workspace(Phase::Late)));
        let outcome = self.program.run_late(kept, &mut workspace, inputs, results);
        give::<T, _>(&self.late, workspace);
        outcome
    }
}

fn rest<T: Executable, S: Any>(pool: &Pool) -> Option<Box<S>> {
    let resting = pool[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).pop();
    resting.and_then(|memory| memory.downcast().ok())
}

fn give<T: Executable, S: Any + Send>(pool: &Pool, memory: Box<S>) {
    pool[T::PRECISION as usize].lock().unwrap_or_else(PoisonError::into_inner).push(memory);
}

/// A program that ran, with its memory.
pub(super) struct Seated<T: Executable> {
    pub compiled: Arc<Compiled>,
    phase: Phase,
    seat: Option<Box<Seat<T>>>,
}

impl<T: Executable> Seated<T> {
    pub(super) fn new(compiled: Arc<Compiled>, phase: Phase, seat: Box<Seat<T>>) -> Self {
        Seated { compiled, phase, seat: Some(seat) }
    }

    /// Numbers of output `i`, which is no result.
    pub fn output(&self, i: usize) -> &[T] {
        self.compiled.program.output(i, self.phase, self.workspace())
    }

    /// What the phase left.
    pub fn workspace(&self) -> &Workspace<T> {
        &self.seat.as_ref().expect("the seat is given back when this is dropped").workspace
    }
}

impl<T: Executable> Drop for Seated<T> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            give::<T, _>(&self.compiled.seats, seat);
        }
    }
}

impl<B: ?Sized> Bound<'_, B> {
    /// Copies the data into a workspace, unless it is there. `blocks` are the numbers of leaves that share an input.
    pub(super) fn load<T: Executable>(&self, program: &Program, blocks: &[usize], seat: &mut Seat<T>) {
        let same = |held: &Arc<dyn Any + Send + Sync>| {
            held.downcast_ref::<Vec<Arc<[f64]>>>().is_some_and(|held| {
                held.len() == self.leaves.len()
                    && held.iter().zip(&self.leaves).all(|(a, b)| Arc::ptr_eq(a, &b.entries))
            })
        };
        if self.leaves.is_empty() || seat.data.as_ref().is_some_and(same) {
            return;
        }
        let mut leaves = self.leaves.iter();
        for (i, &count) in blocks.iter().enumerate() {
            let entries = leaves.by_ref().take(count).flat_map(|leaf| leaf.entries.iter());
            for (to, &from) in program.held(i, &mut seat.workspace).iter_mut().zip(entries) {
                *to = T::from_f64(from);
            }
        }
        let held: Vec<Arc<[f64]>> = self.leaves.iter().map(|leaf| leaf.entries.clone()).collect();
        seat.data = Some(Arc::new(held));
    }
}
