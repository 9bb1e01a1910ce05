//! `compare optim`: optimizers on problems with known minima, with evaluations counted and every end judged.
//!
//! ```sh
//! cargo run --release -p compare -- optim mgh,scipy12
//! JETGRAD_PEERS=~/peers cargo run --release -p compare -- optim --peers --json
//! ```

mod arguments;
mod document;
mod large;
mod method;
mod profile;
mod record;
#[cfg(feature = "rivals")]
mod rivals;
mod scipy;
mod suite;
mod watched;

use crate::affinity;
use crate::error::{Error, Result};
use crate::machine;
use arguments::Arguments;
use clap::Parser;
use method::{End, Method};
use record::{Record, Tally};
use scipy::Scipy;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use suite::{Case, Suite};
use watched::Watch;

/// Runs the subcommand with the words after `compare`.
pub fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(words);
    match compare(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    // Before the process is restricted to one core.
    let machine = machine::description();
    affinity::pin(1)?;
    // What was measured is told; that SciPy is missing, or broke off, comes last.
    let mut broken = None;
    let started = arguments.peers.then(|| Scipy::start(&arguments.interpreters()));
    let mut scipy = started.and_then(|scipy| scipy.map_err(|error| broken = Some(error)).ok());
    let version = scipy.as_ref().map(|scipy| format!("SciPy {}", scipy.version));
    if arguments.peers && !cfg!(feature = "rivals") {
        eprintln!("compare: argmin and basin do not run: this program was built without its feature `rivals`");
    }
    let limit = Duration::from_secs_f64(arguments.limit.max(0.0));
    let mut records = Vec::new();
    for suite in arguments.chosen_suites() {
        // Where time is compared, slow methods get more of it.
        let limit = if suite == Suite::Large { 10 * limit } else { limit };
        let mut cases = suite.cases();
        cases.retain(|case| arguments.problem.as_ref().is_none_or(|part| case.name.contains(part)));
        for method in method::ALL.iter().filter(|method| arguments.wants(method.name)) {
            let runs: Vec<Record> = cases.iter().filter_map(|case| run(suite, method, case, limit)).collect();
            tell(&runs, arguments.json);
            records.extend(runs);
        }
        #[cfg(feature = "rivals")]
        if arguments.peers && suite != Suite::Nist {
            for rival in &rivals::ALL {
                let runs = cases.iter().map(|case| {
                    let name = rival.name.to_owned();
                    timed(suite, &name, case, limit, |watch| Some(Ok(rival.run(case, watch))))
                });
                let runs: Vec<Record> = runs.flatten().collect();
                tell(&runs, arguments.json);
                records.extend(runs);
            }
        }
        if let Some(peer) = &mut scipy {
            // Fits are for a method that knows the residuals.
            let general = scipy::METHODS.into_iter().filter(|_| suite != Suite::Nist);
            for method in general.chain([scipy::FIT]) {
                let runs = cases.iter().filter_map(|case| peer.run(suite, method, case, limit).transpose());
                match runs.collect::<Result<Vec<Record>>>() {
                    Ok(runs) => {
                        tell(&runs, arguments.json);
                        records.extend(runs);
                    }
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
        }
        if broken.is_some() {
            scipy = None;
        }
    }
    if !arguments.json {
        print!("{}", record::table(&records));
    }
    if arguments.write {
        let rivals = if cfg!(feature = "rivals") { &["argmin 0.11", "basin 3.2"][..] } else { &[] };
        let systems =
            version.into_iter().chain(rivals.iter().map(ToString::to_string)).filter(|_| arguments.peers).collect();
        write(&records, arguments, machine, systems)?;
    }
    broken.map_or(Ok(()), Err)
}

/// Writes the document and the plot.
fn write(records: &[Record], arguments: &Arguments, machine: String, systems: Vec<String>) -> Result<()> {
    let context = document::Context {
        date: arguments.date.clone().unwrap_or_else(machine::today),
        machine,
        systems,
        command: command(),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let path = folder.join("optimizers-comparison.md");
    let text = document::markdown(records, &context, "optimizers-comparison.svg");
    std::fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
    let smooth = |run: &&Record| matches!(run.suite, Suite::Mgh | Suite::Cutest);
    let smooth: Vec<Record> = records.iter().filter(smooth).cloned().collect();
    let title = format!("Share of the problems of mgh and cutest that are solved ({})", context.date);
    profile::write(&smooth, &title, &folder.join("optimizers-comparison.svg"))
}

/// The arguments as they were given, without where an interpreter lies.
fn command() -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = std::env::args().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--python" | "--date" => drop(rest.next()),
            word if word.starts_with("--python=") || word.starts_with("--date=") => {}
            word => words.push(word.into()),
        }
    }
    words.join(" ")
}

/// The line of the runs of one method on one suite.
fn tell(runs: &[Record], json: bool) {
    for tally in Tally::all(runs) {
        if json {
            println!("{}", tally.json());
        } else {
            eprintln!("{:<9} {:<26} {}/{}", tally.suite, tally.method, tally.solved(), tally.runs.len());
        }
    }
}

/// How often a timed run is made; the fastest counts. The first of them also traces and compiles the function.
const REPEATS: usize = 5;

fn run(suite: Suite, method: &Method, case: &Case, limit: Duration) -> Option<Record> {
    timed(suite, method.name, case, limit, |watch| method.run(case, watch))
}

/// The fastest of some runs, or one where time is not what is compared.
fn timed(
    suite: Suite,
    method: &str,
    case: &Case,
    limit: Duration,
    run: impl Fn(&Watch) -> Option<std::result::Result<End, optim::Error>>,
) -> Option<Record> {
    let repeats = if suite == Suite::Large { REPEATS } else { 1 };
    let mut best: Option<Record> = None;
    for _ in 0..repeats {
        let watch = Watch::until(Instant::now() + limit);
        let begun = Instant::now();
        let end = run(&watch)?;
        let seconds = begun.elapsed().as_secs_f64();
        let end = end.unwrap_or_else(|error| End {
            x: watch.last_point().unwrap_or_else(|| case.start.clone()),
            iterations: watch.iterations(),
            message: error.to_string(),
            claimed: false,
        });
        let record = recorded(suite, method.into(), case, end, &watch, seconds);
        let slow = seconds > 2.0;
        if best.as_ref().is_none_or(|best| record.seconds < best.seconds) {
            best = Some(record);
        }
        if slow {
            break;
        }
    }
    best
}

fn recorded(suite: Suite, method: String, case: &Case, end: End, watch: &Watch, seconds: f64) -> Record {
    Record {
        suite,
        method,
        problem: case.name.clone(),
        dimension: case.start.len(),
        iterations: end.iterations,
        asked: watch.asked(),
        seconds,
        verdict: case.judge(&end.x),
        message: end.message,
        claimed: end.claimed,
    }
}
