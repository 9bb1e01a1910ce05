//! Running a fused region: all its steps on one chunk after the other, with what is between them in registers that stay in
//! the nearest cache.

use crate::compile::Repeat;
use crate::graph::Executable;
use crate::real::Row;
use smallvec::SmallVec;

/// Entries of a register: sixteen of them in double precision fill half of a first-level cache of 64 KiB.
pub const CHUNK: usize = 256;

/// A region: steps over registers, of `length` entries in all.
#[derive(Debug, Default)]
pub struct Region {
    pub length: usize,
    pub steps: Vec<Step>,
    pub registers: usize,
}

/// One node of a region.
#[derive(Debug)]
pub struct Step {
    pub compute: Compute,
    pub register: usize,
    /// Where the whole result goes, if something outside reads it.
    pub store: Option<usize>,
}

#[derive(Debug)]
pub enum Compute {
    Row(Row, SmallVec<[Source; 3]>),
    /// Repeats numbers at an offset of the arena; `size` of them.
    Repeat(Repeat, usize),
}

/// Where a step reads.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Entries of an array of the arena that starts here.
    Array(usize),
    /// The chunk in a register.
    Register(usize),
}

impl Region {
    /// Runs over the whole length; `registers` has room for all of them.
    pub fn run<T: Executable>(&self, arena: &mut [T], registers: &mut [T]) {
        for start in (0..self.length).step_by(CHUNK) {
            let count = CHUNK.min(self.length - start);
            for step in &self.steps {
                let (before, rest) = registers.split_at_mut(step.register * CHUNK);
                let (out, after) = rest.split_at_mut(CHUNK);
                let (out, before, after) = (&mut out[..count], &*before, &*after);
                let read = |source: &Source| -> &[T] {
                    match *source {
                        Source::Array(offset) => &arena[offset + start..offset + start + count],
                        Source::Register(r) if r < step.register => &before[r * CHUNK..r * CHUNK + count],
                        Source::Register(r) => &after[(r - step.register - 1) * CHUNK..][..count],
                    }
                };
                match &step.compute {
                    Compute::Row(row, sources) => {
                        let operands: SmallVec<[&[T]; 3]> = sources.iter().map(read).collect();
                        row.map(&operands, out);
                    }
                    Compute::Repeat(repeat, offset) => fill(*repeat, &arena[*offset..], start, out),
                }
                if let Some(offset) = step.store {
                    arena[offset + start..offset + start + count].copy_from_slice(out);
                }
            }
        }
    }
}

/// Entries `start..` of a repeat of `source`.
fn fill<T: Copy>(repeat: Repeat, source: &[T], start: usize, out: &mut [T]) {
    match repeat {
        Repeat::Scalar => out.fill(source[0]),
        Repeat::Cycle { period } => {
            let (mut at, mut done) = (start % period, 0);
            while done < out.len() {
                let count = (period - at).min(out.len() - done);
                out[done..done + count].copy_from_slice(&source[at..at + count]);
                (at, done) = (0, done + count);
            }
        }
        Repeat::Run { run } => {
            let mut done = 0;
            while done < out.len() {
                let at = start + done;
                let count = (run - at % run).min(out.len() - done);
                out[done..done + count].fill(source[at / run]);
                done += count;
            }
        }
    }
}
