//! Sampling of several subjects in turns, so that whatever disturbs the machine disturbs all of them alike.

use crate::error::Result;
use crate::statistics::Summary;
use crate::subject::{Subject, Turn};

/// What a sample lasts at least, in seconds: far above the resolution of clocks.
const SAMPLE: f64 = 2e-4;

/// What a turn lasts about, in seconds: long against the switch from one process to the other, short against disturbances.
const TURN: f64 = 1e-2;

/// The same with several threads, of calls above some milliseconds, and what is called before the samples: workers wake on the core
/// that wakes them, are moved to a free one some milliseconds later, and those of others (OpenMP's) spin as long before they sleep.
/// In turns of 10 ms without it two threads were as fast as one, whosesoever they were.
const TURN_OF_THREADS: f64 = 1e-1;
const WARM_UP_OF_THREADS: f64 = 3e-2;

/// Samples of one measurement at most, and at least.
const SAMPLES: std::ops::RangeInclusive<usize> = 3..=400;

/// How long, and in what turns, subjects are sampled.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Seconds of samples for one measurement.
    pub seconds: f64,
    turn: f64,
    warm_up: f64,
}

impl Sampling {
    /// Samples for so many seconds of subjects with so many threads each.
    pub fn new(seconds: f64, threads: usize) -> Sampling {
        let (turn, warm_up) = if threads > 1 { (TURN_OF_THREADS, WARM_UP_OF_THREADS) } else { (TURN, 0.0) };
        Sampling { seconds, turn, warm_up }
    }

    /// The same for at most so many seconds.
    #[must_use]
    pub fn at_most(self, seconds: f64) -> Sampling {
        Sampling { seconds: self.seconds.min(seconds), ..self }
    }

    /// Samples each subject until it has 400 samples or has run for the seconds; at least three samples.
    ///
    /// # Errors
    /// That of the first subject that fails.
    pub fn in_turns(self, subjects: &mut [Box<dyn Subject>]) -> Result<Vec<Summary>> {
        let turns = subjects.iter_mut().map(|s| self.plan(s.as_mut())).collect::<Result<Vec<Turn>>>()?;
        let mut samples = vec![Vec::new(); subjects.len()];
        let mut spent = vec![0.0; subjects.len()];
        loop {
            let mut waiting = false;
            for (i, subject) in subjects.iter_mut().enumerate() {
                let count = samples[i].len();
                if count >= *SAMPLES.end() || (spent[i] >= self.seconds && count >= *SAMPLES.start()) {
                    continue;
                }
                waiting = true;
                let missing = (SAMPLES.end() - count) as u32;
                let turn = Turn { samples: turns[i].samples.min(missing), ..turns[i] };
                let times = subject.time(turn)?;
                spent[i] += times.iter().sum::<f64>() * f64::from(turn.calls);
                samples[i].extend(times);
            }
            if !waiting {
                return Ok(samples.iter().map(|s| Summary::of(s)).collect());
            }
        }
    }

    /// Warms up with two calls and tells from the faster of two more how to sample.
    fn plan(self, subject: &mut dyn Subject) -> Result<Turn> {
        let times = subject.time(Turn { warm_up: 2, calls: 1, samples: 2 })?;
        Ok(self.turn(times.iter().copied().fold(f64::INFINITY, f64::min)))
    }

    /// The turn for calls that take this long.
    fn turn(self, call: f64) -> Turn {
        let call = call.max(1e-9);
        let calls = (SAMPLE / call).ceil().max(1.0);
        let samples = (self.turn / (calls * call)).round().clamp(1.0, 20.0);
        // A call that outlasts the turn brings back its own data in a small part of its time.
        let warm_up = if call < self.turn { (self.warm_up / call).ceil().max(1.0) } else { 0.0 };
        Turn { warm_up: warm_up as u32, calls: calls as u32, samples: samples as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::of_value;
    use crate::subject::Local;

    #[test]
    fn short_calls_share_a_sample_and_long_ones_stand_alone() {
        let one = Sampling::new(3.0, 1);
        assert_eq!(one.turn(3e-6), Turn { warm_up: 1, calls: 67, samples: 20 });
        assert_eq!(one.turn(5e-3), Turn { warm_up: 1, calls: 1, samples: 2 });
        assert_eq!(one.turn(1.0), Turn { warm_up: 0, calls: 1, samples: 1 });
    }

    #[test]
    fn turns_of_threads_wait_for_them() {
        let two = Sampling::new(3.0, 2);
        assert_eq!(two.turn(3e-6), Turn { warm_up: 10_000, calls: 67, samples: 20 });
        assert_eq!(two.turn(5e-3), Turn { warm_up: 6, calls: 1, samples: 20 });
        assert_eq!(two.turn(1.0), Turn { warm_up: 0, calls: 1, samples: 1 });
    }

    #[test]
    fn every_subject_is_sampled() {
        let count = |result: &mut u64| -> Result<()> {
            *result += 1;
            Ok(())
        };
        let subject = || Box::new(Local { peer: "a", result: 0, call: count, digest: |_: &u64| of_value(0.0) });
        let mut subjects: Vec<Box<dyn Subject>> = vec![subject(), subject()];
        let summaries = Sampling::new(0.0, 1).in_turns(&mut subjects).unwrap();
        assert!(summaries.iter().all(|s| s.samples >= 3 && s.p10 <= s.median && s.median <= s.p90));
    }
}
