//! docs/comparison.md: the table of a run with what is needed to make it again.

use crate::report::{Line, seconds};
use crate::row::Row;
use std::fmt::Write;

/// What stands above the table.
pub struct Context {
    /// The day.
    pub date: String,
    /// The machine.
    pub machine: String,
    /// Cores and threads.
    pub threads: usize,
    /// The other systems with their versions.
    pub systems: Vec<String>,
    /// The arguments of the run.
    pub command: String,
}

/// The document in Markdown; `plot` is the path of the plot from there.
pub fn markdown(rows: &[Row], context: &Context, plot: &str) -> String {
    let Context { date, machine, threads, systems, command } = context;
    let systems = if systems.is_empty() { "none".into() } else { systems.join(", ") };
    let mut text = format!(
        "# Comparison\n\n\
         Measured on {date}, {threads} thread{}: {machine}. Other systems: {systems}.\n\
         Made by `cargo run --release -p compare -- {command}`; workloads are defined in `crates/testkit/src/workloads.rs`.\n\n\
         Every number that is timed here was compared before: with reference values, and between the systems. Systems take\n\
         turns on the same cores; times are medians. Peers are compiled beforehand (JAX), run eagerly (PyTorch) or\n\
         replay tapes (those in C++ and Rust), each in the fastest of several ways, which the table names. *Ratio* is our time\n\
         over that of the fastest other system: below 1 we are faster. *Target* tells what the time is to keep: the unit, the limit, and what was reached; a bound that\n\
         is missed is bold.\n\n\
         ![Our time over that of the fastest other system]({plot})\n\n\
         | workload | op | ours | fastest peer | ratio | target | GFLOP/s | of peak |\n|---|---|---|---|---|---|---|---|\n",
        if *threads == 1 { "" } else { "s" },
    );
    for line in Line::all(rows).iter().filter(|line| line.ours.is_some() && line.first().workload != "gemm") {
        let Row { workload, op, precision, form, .. } = line.first();
        let peer = line
            .fastest()
            .map_or_else(|| "–".into(), |p| format!("{}, {} ({})", seconds(p.summary.median), p.peer, p.variant));
        let ratio = line.ratio().map_or_else(|| "–".into(), |r| format!("{r:.2}"));
        let ours = line.ours.map_or_else(String::new, |row| seconds(row.summary.median));
        let speed = line.ours.and_then(Row::flops_per_second).map_or_else(String::new, |f| format!("{:.1}", f / 1e9));
        let part =
            line.ours.and_then(Row::fraction_of_peak).map_or_else(String::new, |p| format!("{:.0} %", 100.0 * p));
        writeln!(
            text,
            "| {workload} {precision}, {form} | {op} | {ours} | {peer} | {ratio} | {} | {speed} | {part} |",
            targets(line)
        )
        .expect("a string takes all that is written");
    }
    text + &peaks(rows)
}

/// The targets of a line: unit, limit and what was reached.
fn targets(line: &Line<'_>) -> String {
    let one = |found: f64, text: String, limit: f64| if found <= limit { text } else { format!("**{text}**") };
    let all: Vec<String> = line
        .targets()
        .into_iter()
        .map(|t| one(t.found, format!("≤ {} × {}: {:.2}", t.limit, t.unit, t.found), t.limit))
        .collect();
    all.join("; ")
}

/// The products of square matrices that the peak was taken from.
fn peaks(rows: &[Row]) -> String {
    let products: Vec<&Row> = rows.iter().filter(|row| row.workload == "gemm").collect();
    if products.is_empty() {
        return String::new();
    }
    let mut text = "\n## Products of square matrices\n\nGFLOP/s; the largest at a precision is the peak above.\n\n\
                    | precision | size | system | GFLOP/s |\n|---|---|---|---|\n"
        .to_owned();
    for row in products {
        let speed = row.flops_per_second().unwrap_or(f64::NAN) / 1e9;
        writeln!(text, "| {} | {} | {} | {speed:.1} |", row.precision, row.form, row.peer)
            .expect("a string takes all that is written");
    }
    text
}
