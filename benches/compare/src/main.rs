//! Times jetgrad's operators, and those of other systems in turns with them, on the workloads of `testkit`: JAX and PyTorch,
//! and for functions in plain loops the function itself as native code, CppAD, ADOL-C, echidna and num-dual; heyoka for series.
//!
//! ```sh
//! cargo run --release -p compare -- N1,N5 --op gradient,hvp --json
//! cargo run --release -p compare -- S1 --form scalar --op native,gradient,gradient_one_shot,hvp,record --json
//! sh benches/compare/peers/setup.sh ~/peers
//! JETGRAD_PEERS=~/peers cargo run --release -p compare -- all --peers --write
//! cargo run --release -p compare -- optim --json
//! ```
//!
//! A result is compared with reference numbers and between the systems before it is timed; a disagreement is an error, and
//! the exit code tells. The process is pinned to as many cores as there are threads, and the peers inherit that.

mod affinity;
mod arguments;
mod chart;
mod check;
mod document;
mod error;
mod flops;
mod machine;
mod measure;
mod minimization;
mod motion;
mod native;
mod operator;
mod ours;
mod peak;
mod peer;
mod report;
mod row;
mod run;
mod scalar;
mod statistics;
mod subject;
mod workload;

use arguments::{Arguments, Task};
use clap::{CommandFactory, Parser};
use error::{Error, Result};
use measure::Sampling;
use peer::Peer;
use row::Row;
use run::Run;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "optim") {
        return minimization::main(std::env::args_os().skip(1));
    }
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    let tasks = match arguments.tasks() {
        Ok(tasks) => tasks,
        Err(message) => Arguments::command().error(clap::error::ErrorKind::InvalidValue, message).exit(),
    };
    match compare(&arguments, &tasks) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("compare: {failures} failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything on a pool of as many threads as are asked for; the number of failures.
fn compare(arguments: &Arguments, tasks: &[Task]) -> Result<usize> {
    let threads = usize::from(arguments.threads);
    let machine = machine::description();
    let cores = affinity::pin(threads)?;
    if cores < threads {
        eprintln!("compare: {threads} threads share {cores} cores");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| Error::Threads(e.to_string()))?;
    pool.install(|| {
        let peers = started(arguments, threads)?;
        let systems = peers.iter().map(|peer| format!("{} {}", peer.name, peer.version)).collect();
        let mut failures = 0;
        let mut run = Run {
            threads,
            sampling: Sampling::new(arguments.seconds, threads),
            peers,
            row: &mut |row: &Row| tell(row, arguments.json),
            failure: &mut |error: &Error| {
                failures += 1;
                eprintln!("compare: {error}");
            },
            rows: Vec::new(),
        };
        run.all(tasks, !arguments.no_peak);
        let rows = run.rows;
        if !arguments.json {
            print!("{}", report::table(&rows));
        }
        if arguments.write {
            let context = document::Context {
                date: arguments.date.clone().unwrap_or_else(machine::today),
                machine,
                threads,
                systems,
                command: command(arguments),
            };
            write(&rows, &context)?;
        }
        Ok(failures)
    })
}

/// The peers that were asked for, without those that are not set up; these are told.
fn started(arguments: &Arguments, threads: usize) -> Result<Vec<Peer>> {
    let places = arguments.places();
    let mut peers = Vec::new();
    for &kind in &arguments.peers {
        match Peer::start(kind, &places, threads) {
            Ok(peer) => peers.push(peer),
            Err(error @ (Error::NoInterpreter { .. } | Error::NoDriver { .. })) => {
                eprintln!("compare: left out: {error}")
            }
            Err(error) => return Err(error),
        }
    }
    if peers.is_empty() && !arguments.peers.is_empty() { Err(Error::NoPeer) } else { Ok(peers) }
}

/// A row as it is measured: its line of JSON, or a sign of progress.
fn tell(row: &Row, json: bool) {
    if json {
        // Whoever closes the pipe has seen enough.
        if writeln!(std::io::stdout(), "{}", row.json()).is_err() {
            std::process::exit(0);
        }
    } else {
        let Row { workload, op, peer, .. } = row;
        eprintln!("{workload:<5} {op:<18} {peer:<8} {}", report::seconds(row.summary.median));
    }
}

/// Writes the document and the plot.
fn write(rows: &[Row], context: &document::Context) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = document::markdown(rows, context, "comparison.svg");
    let path = folder.join("comparison.md");
    std::fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
    let threads = if context.threads == 1 { "one thread".into() } else { format!("{} threads", context.threads) };
    let title = format!("Time of jetgrad over that of the fastest other system ({threads}, {})", context.date);
    chart::write(rows, &title, &folder.join("comparison.svg"))
}

/// The arguments that choose what is measured, as they were given.
fn command(arguments: &Arguments) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = std::env::args().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            // Where interpreters lie concerns one machine only.
            "--python" => drop(rest.next()),
            word if word.starts_with("--python=") => {}
            word => words.push(word.into()),
        }
    }
    if words.is_empty() { arguments.workloads.join(",") } else { words.join(" ") }
}

/// The operators of every workload in each of its forms.
fn list() {
    for workload in workload::ALL {
        for &form in workload.forms() {
            let operators: Vec<String> = workload.operators(form).iter().map(ToString::to_string).collect();
            println!("{workload:<4} {} {form:<7} {}", workload.precision(), operators.join(" "));
        }
    }
}
