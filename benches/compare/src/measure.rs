//! Sampling of several subjects in turns, so that whatever disturbs the machine disturbs all of them alike.

use crate::error::Result;
use crate::statistics::Summary;
use crate::subject::{Subject, Turn};

/// What a sample lasts at least, in seconds: far above the resolution of clocks.
const SAMPLE: f64 = 2e-4;

/// What a turn lasts about, in seconds: long against the switch from one process to the other, short against disturbances.
const TURN: f64 = 1e-2;

/// Samples of one measurement at most, and at least.
const SAMPLES: std::ops::RangeInclusive<usize> = 3..=400;

/// Samples each subject until it has 400 samples or has run for `seconds`; at least three samples.
///
/// # Errors
/// That of the first subject that fails.
pub fn in_turns(subjects: &mut [Box<dyn Subject>], seconds: f64) -> Result<Vec<Summary>> {
    let turns = subjects.iter_mut().map(|s| plan(s.as_mut())).collect::<Result<Vec<Turn>>>()?;
    let mut samples = vec![Vec::new(); subjects.len()];
    let mut spent = vec![0.0; subjects.len()];
    loop {
        let mut waiting = false;
        for (i, subject) in subjects.iter_mut().enumerate() {
            let count = samples[i].len();
            if count >= *SAMPLES.end() || (spent[i] >= seconds && count >= *SAMPLES.start()) {
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
fn plan(subject: &mut dyn Subject) -> Result<Turn> {
    let times = subject.time(Turn { warm_up: 2, calls: 1, samples: 2 })?;
    Ok(turn(times.iter().copied().fold(f64::INFINITY, f64::min)))
}

/// The turn for calls that take this long.
fn turn(call: f64) -> Turn {
    let calls = (SAMPLE / call.max(1e-9)).ceil().max(1.0);
    let samples = (TURN / (calls * call)).round().clamp(1.0, 20.0);
    // A call that outlasts the turn brings back its own data in a small part of its time.
    Turn { warm_up: u32::from(call < TURN), calls: calls as u32, samples: samples as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::of_value;
    use crate::subject::Local;

    #[test]
    fn short_calls_share_a_sample_and_long_ones_stand_alone() {
        assert_eq!(turn(3e-6), Turn { warm_up: 1, calls: 67, samples: 20 });
        assert_eq!(turn(5e-3), Turn { warm_up: 1, calls: 1, samples: 2 });
        assert_eq!(turn(1.0), Turn { warm_up: 0, calls: 1, samples: 1 });
    }

    #[test]
    fn every_subject_is_sampled() {
        let count = |result: &mut u64| -> Result<()> {
            *result += 1;
            Ok(())
        };
        let subject = || Box::new(Local { peer: "a", result: 0, call: count, digest: |_: &u64| of_value(0.0) });
        let mut subjects: Vec<Box<dyn Subject>> = vec![subject(), subject()];
        let summaries = in_turns(&mut subjects, 0.0).unwrap();
        assert!(summaries.iter().all(|s| s.samples >= 3 && s.p10 <= s.median && s.median <= s.p90));
    }
}
