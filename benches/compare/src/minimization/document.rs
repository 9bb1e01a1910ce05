//! docs/optimizers-comparison.md: what was measured, where and when.

use super::record::{self, Record, Tally};
use super::suite::Suite;
use std::fmt::Write;

/// Where and when.
#[derive(Clone, Debug)]
pub struct Context {
    /// The day.
    pub date: String,
    /// The machine.
    pub machine: String,
    /// Other systems with their versions.
    pub systems: Vec<String>,
    /// The arguments.
    pub command: String,
}

/// The document.
pub fn markdown(records: &[Record], context: &Context, plot: &str) -> String {
    let mut text = format!(
        "# Optimizers on problems with known minima\n\n{}, {}, one thread. Other systems: {}. Made by\n\n```sh\n\
         cargo run --release -p compare -- {}\n```\n\n",
        context.date,
        context.machine,
        if context.systems.is_empty() { "none".into() } else { context.systems.join(", ") },
        context.command
    );
    text += INTRODUCTION;
    text += &format!("\n![Profiles of performance on mgh and cutest]({plot})\n\n## Sums\n\n");
    text += &record::markdown(records);
    text += "\n## Wall time\n\n";
    text += &times(records);
    text += "\n## What is not solved\n\n";
    text += &unsolved(records);
    text
}

const INTRODUCTION: &str = "\
A problem counts as solved if value *and* gradient at the end are those of a listed minimum f\\*: |f − f\\*| and ‖g‖∞ are at most
1e-6 max(1, |f\\*|), or no entry of the gradient is larger than rounding of x makes it. What a method says of itself does not
count. Evaluations are counted outside the methods: values alone, values with gradients, and products with the Hessian (for
least squares: residuals, residuals with a Jacobian, and products with the Jacobian or its transpose). Our methods run with
their defaults but for the limit of iterations; the others until ‖g‖∞ ≤ 1e-8, on the same functions, and argmin and basin do not tell their iterations where
they are stopped by that. A run is broken off after the limit of the command line, ten times that in `large`; counts of such runs
depend on the machine. In `nist`, of the others only MINPACK (`lm`) runs, which knows the residuals.

| suite | problems |
|---|---|
| mgh | the 35 of Moré, Garbow and Hillstrom from their standard starts |
| mgh10x | the same from ten times those starts |
| nist | NIST's 27 certified fits, from both starts; solved: four digits of every parameter; digits: the mean, 11 at most |
| scipy12 | the 12 of them that all methods of SciPy solve, to ‖g‖∞ ≤ 1e-8 max(1, ‖g₀‖∞) |
| cutest | 65 scalable problems, most of them with 50 to 121 variables |
| large | logistic regression, a network of 1185 parameters with a ridge, Rosenbrock's chain of 1000 variables; to ‖g‖∞ < 1e-8 |
";

/// Wall time of the suite `large`: one row for each method.
fn times(records: &[Record]) -> String {
    let large: Vec<Tally<'_>> = Tally::all(records).into_iter().filter(|tally| tally.suite == Suite::Large).collect();
    let Some(first) = large.first() else { return "Not measured.\n".into() };
    let names: Vec<&str> = first.runs.iter().map(|run| run.problem.as_str()).collect();
    let mut text = "Milliseconds, the fastest of five runs; compiling is not counted.".to_owned();
    text += " Not solved: in brackets.\n\n";
    writeln!(text, "| method | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len())).expect("a string grows");
    for tally in large {
        let cell = |name: &&str| {
            let run = tally.runs.iter().find(|run| run.problem == *name);
            run.map_or_else(String::new, |run| {
                let time = format!("{:.1}", 1e3 * run.seconds);
                if run.verdict.solved { time } else { format!("({time})") }
            })
        };
        let cells: Vec<String> = names.iter().map(cell).collect();
        writeln!(text, "| {} | {} |", tally.method, cells.join(" | ")).expect("a string grows");
    }
    text
}

/// The problems that each method leaves.
fn unsolved(records: &[Record]) -> String {
    let mut text = String::from("| suite | method | problems |\n|---|---|---|\n");
    for tally in Tally::all(records) {
        let left: Vec<&str> = tally.runs.iter().filter(|r| !r.verdict.solved).map(|r| r.problem.as_str()).collect();
        if !left.is_empty() {
            writeln!(text, "| {} | {} | {} |", tally.suite, tally.method, left.join(", ")).expect("a string grows");
        }
    }
    text
}
