//! A comparison from the first peak to the last row.

use crate::arguments::Task;
use crate::check::{self, Check};
use crate::error::{Error, Result};
use crate::flops::flops;
use crate::measure::Sampling;
use crate::operator::Operator;
use crate::peer::Peer;
use crate::row::Row;
use crate::subject::Subject;
use crate::workload::Precision;
use crate::{native, ours, peak};
use std::collections::BTreeMap;

/// Seconds for the product of matrices of one size.
const PEAK_SECONDS: f64 = 0.3;

/// What a comparison is made of, and what is told while it runs.
pub struct Run<'a> {
    /// Cores and threads.
    pub threads: usize,
    /// How long, and in what turns.
    pub sampling: Sampling,
    /// The other systems.
    pub peers: Vec<Peer>,
    /// Takes every row when it is measured.
    pub row: &'a mut dyn FnMut(&Row),
    /// Takes every failure, after which the run goes on.
    pub failure: &'a mut dyn FnMut(&Error),
    /// Rows so far.
    pub rows: Vec<Row>,
}

impl Run<'_> {
    /// The peaks of the precisions that the tasks need, unless `measured` is false; then the tasks.
    pub fn all(&mut self, tasks: &[Task], measured: bool) {
        let mut peaks = BTreeMap::new();
        if measured {
            for task in tasks {
                let used = task.operators.iter().any(|&op| flops(task.workload, op).is_some());
                if used && !peaks.contains_key(&task.precision) {
                    peaks.insert(task.precision, self.peak(task.precision));
                }
            }
        }
        for task in tasks {
            self.task(task, peaks.get(&task.precision).copied().flatten());
        }
    }

    fn peak(&mut self, precision: Precision) -> Option<f64> {
        match peak::rows(precision, self.threads, &self.peers, self.sampling.at_most(PEAK_SECONDS)) {
            Ok(rows) => {
                rows.iter().for_each(|row| (self.row)(row));
                let peak = peak::of(&rows);
                self.rows.extend(rows);
                peak
            }
            Err(error) => {
                (self.failure)(&error);
                None
            }
        }
    }

    fn task(&mut self, task: &Task, peak: Option<f64>) {
        let operators = ours::operators(task.workload, task.form, task.precision);
        let operators = operators.expect("a workload has the operators of its forms");
        let name = task.workload.to_string();
        let loaded: Vec<bool> = self
            .peers
            .iter()
            .map(|peer| {
                peer.load(&name, task.precision, task.form).unwrap_or_else(|error| {
                    (self.failure)(&error);
                    false
                })
            })
            .collect();
        let plain = task.operators.contains(&Operator::Native);
        for &op in &task.operators {
            let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
            let beside = if plain && op != Operator::Native { native::subject(task.workload) } else { None };
            let mut take = |found: Result<Option<Box<dyn Subject>>>| match found {
                Ok(found) => subjects.extend(found),
                Err(error) => (self.failure)(&error),
            };
            if op == Operator::Native {
                take(Ok(native::subject(task.workload)));
            } else {
                take(operators.subject(op));
                for (peer, _) in self.peers.iter().zip(&loaded).filter(|(_, loaded)| **loaded) {
                    take(peer.subject(op));
                }
            }
            match measured(task, op, subjects, beside, self.sampling, &mut *self.failure) {
                Ok(rows) => {
                    for row in rows {
                        let row = Row { threads: self.threads, peak, ..row };
                        (self.row)(&row);
                        self.rows.push(row);
                    }
                }
                Err(error) => (self.failure)(&error),
            }
        }
    }
}

/// Rows of the subjects whose numbers are those of the reference, as far as it goes, and of the first of them. What stands
/// `beside` is sampled in turns with them, for their ratios to it.
fn measured(
    task: &Task,
    op: Operator,
    subjects: Vec<Box<dyn Subject>>,
    beside: Option<Box<dyn Subject>>,
    sampling: Sampling,
    failure: &mut dyn FnMut(&Error),
) -> Result<Vec<Row>> {
    let Task { workload, form, precision, .. } = *task;
    let what = format!("{workload} {op} {precision}");
    let reference = check::reference(workload, op);
    let (mut right, mut checks): (Vec<Box<dyn Subject>>, Vec<Check>) = (Vec::new(), Vec::new());
    for mut subject in subjects {
        let found = subject.check().and_then(|check| {
            let known = reference.iter().map(|check| ("the reference", check));
            let first = right.iter().map(|subject| subject.peer()).zip(&checks).take(1);
            for known in known.chain(first) {
                check::agree(&what, precision, known, (subject.peer(), &check))?;
            }
            Ok(check)
        });
        match found {
            Ok(check) => {
                right.push(subject);
                checks.push(check);
            }
            Err(error) => failure(&error),
        }
    }
    right.extend(beside);
    let summaries = sampling.in_turns(&mut right)?;
    let summaries: Vec<_> = right.iter().zip(summaries).map(|(subject, s)| s.part(subject.parts())).collect();
    let native =
        right.iter().zip(&summaries).find(|(subject, _)| subject.peer() == native::NAME).map(|(_, s)| s.median);
    let rows = right.iter().zip(checks).zip(summaries).map(|((subject, check), summary)| Row {
        workload: workload.to_string(),
        op: op.to_string(),
        peer: subject.peer().into(),
        variant: subject.variant().into(),
        threads: 0,
        precision,
        form: form.to_string(),
        summary,
        check,
        flops: flops(workload, op),
        native,
        peak: None,
    });
    Ok(rows.collect())
}
