//! [`Subject`]: something that can be timed, in this process or another.

use crate::check::Check;
use crate::error::Result;
use std::hint::black_box;
use std::time::Instant;

/// How to take a few samples without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Calls before the first sample, which bring the data back into the caches.
    pub warm_up: u32,
    /// Calls in one sample.
    pub calls: u32,
    /// Samples.
    pub samples: u32,
}

/// An operator of one system at one workload, ready to run.
pub trait Subject {
    /// The system.
    fn peer(&self) -> &str;

    /// The way it took, where it has several.
    fn variant(&self) -> &str;

    /// Equal parts that a call does, where rows tell the time of one.
    fn parts(&self) -> usize {
        1
    }

    /// Numbers of its result.
    ///
    /// # Errors
    /// Those of the operator.
    fn check(&mut self) -> Result<Check>;

    /// Seconds a call, one number for each sample.
    ///
    /// # Errors
    /// Those of the operator.
    fn time(&mut self, turn: Turn) -> Result<Vec<f64>>;
}

/// A subject of this process: `call` writes its result into memory that is made once, and `digest` makes the check of it.
pub struct Local<R, F, D> {
    /// The system.
    pub peer: &'static str,
    /// What `call` writes.
    pub result: R,
    /// One call.
    pub call: F,
    /// The check of a result.
    pub digest: D,
}

impl<R, F: FnMut(&mut R) -> Result<()>, D: Fn(&R) -> Check> Subject for Local<R, F, D> {
    fn peer(&self) -> &str {
        self.peer
    }

    fn variant(&self) -> &str {
        ""
    }

    fn check(&mut self) -> Result<Check> {
        (self.call)(&mut self.result)?;
        Ok((self.digest)(&self.result))
    }

    fn time(&mut self, turn: Turn) -> Result<Vec<f64>> {
        let mut run = |calls| -> Result<()> {
            for _ in 0..calls {
                (self.call)(black_box(&mut self.result))?;
            }
            Ok(())
        };
        run(turn.warm_up)?;
        let mut seconds = Vec::with_capacity(turn.samples as usize);
        for _ in 0..turn.samples {
            let start = Instant::now();
            run(turn.calls)?;
            seconds.push(start.elapsed().as_secs_f64() / f64::from(turn.calls));
        }
        Ok(seconds)
    }
}
