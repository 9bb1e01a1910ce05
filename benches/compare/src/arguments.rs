//! The command line.

use crate::operator::Operator;
use crate::peer::{Kind, Places};
use crate::workload::{self, Form, Precision, Workload};
use clap::Parser;
use std::path::PathBuf;

/// Times jetgrad's operators, and those of other systems in turns with them, on workloads with known answers.
///
/// Every result is compared with reference numbers and with the other systems before it is timed. The exit code is 1 if
/// numbers disagree or a measurement fails, 2 for arguments that make no sense.
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub struct Arguments {
    /// Workloads: names with commas or spaces between (N1,N1s,N2,…), or `all`
    #[arg(required_unless_present = "list", value_delimiter = ',')]
    pub workloads: Vec<String>,
    /// Operators, with commas between; those of the workload if absent
    ///
    /// For functions in plain loops (`--form scalar`) and T3, `native` is the plain function over f64, compiled by rustc; every
    /// other operator is then sampled in turns with it, and its ratio to it is told. `record` makes a new function of the
    /// closure and asks for its first value: the closure is recorded, and whatever a first value takes is done.
    /// `gradient_one_shot` makes a new function, asks for value and gradient once, and drops it. `value`, `gradient` and
    /// `hvp` use one function again and again. Of systems with tapes, `gradient_one_shot` records and sweeps back once,
    /// and the others replay one tape.
    ///
    /// T4 times one step of Taylor's method at order 20: series, choice of the step, new state. `van_der_pol_lanes` steps 100000
    /// oscillators at once (heyoka 8, each with its own step) and tells the time of one.
    #[arg(long = "op", value_delimiter = ',')]
    pub operators: Vec<Operator>,
    /// Cores to pin the process to, and threads of every system
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
    /// Precision; that of the workload if absent
    #[arg(long)]
    pub dtype: Option<Precision>,
    /// How the function is written; the usual way of the workload if absent
    #[arg(long)]
    pub form: Option<Form>,
    /// Time for the samples of one measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// One line of JSON for each measurement instead of a table
    #[arg(long)]
    pub json: bool,
    /// Other systems to run in turns with ours: `--peers` for all, `--peers=jax`
    ///
    /// Those that are not set up are told and left out. cppad, adolc, echidna and num-dual have the loops of `--form scalar`
    /// alone; their drivers are in JETGRAD_PEERS/native, where setup.sh puts them. heyoka has T3 and T4.
    #[arg(long, num_args = 0..=1, require_equals = true, value_delimiter = ',')]
    #[arg(default_missing_value = "jax,torch,cppad,adolc,echidna,num-dual,heyoka")]
    pub peers: Vec<Kind>,
    /// Python interpreters with the peers' packages, with colons between; else JETGRAD_PEERS/jax/bin/python, …/torch/…, …/heyoka/…
    #[arg(long)]
    pub python: Option<String>,
    /// Write docs/comparison.md and docs/comparison.svg
    #[arg(long)]
    pub write: bool,
    /// The day to write there, as year-month-day; today if absent
    #[arg(long)]
    pub date: Option<String>,
    /// Leave out the products of square matrices that tell the peak
    #[arg(long)]
    pub no_peak: bool,
    /// Tell the workloads with their operators, and stop
    #[arg(long)]
    pub list: bool,
}

/// What to measure at one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The workload.
    pub workload: Workload,
    /// The form.
    pub form: Form,
    /// The precision.
    pub precision: Precision,
    /// The operators.
    pub operators: Vec<Operator>,
}

impl Arguments {
    /// What to measure, in order. Of several workloads, those that have none of the operators, or not the form, are left out.
    ///
    /// # Errors
    /// A message if a name is unknown or nothing is left.
    pub fn tasks(&self) -> Result<Vec<Task>, String> {
        if self.seconds.is_nan() || self.seconds < 0.0 {
            return Err(format!("--seconds {}: not a duration", self.seconds));
        }
        let all = self.workloads.iter().any(|name| name == "all");
        let named: Vec<Workload> = if all {
            workload::ALL.to_vec()
        } else {
            let of = |name: &String| match name.as_str() {
                "T2" => Ok(vec![Workload::T2a, Workload::T2b]),
                one => one.parse().map(|workload| vec![workload]),
            };
            self.workloads.iter().map(of).collect::<Result<Vec<_>, String>>()?.concat()
        };
        let tasks: Vec<Task> = named.into_iter().filter_map(|w| self.task(w, all)).collect();
        if tasks.is_empty() {
            let names = self.workloads.join(",");
            return Err(format!(
                "{names}: no such operator in that `--form`; `--list` tells operators and forms of every workload"
            ));
        }
        Ok(tasks)
    }

    fn task(&self, workload: Workload, quick: bool) -> Option<Task> {
        let form = self.form.unwrap_or(workload.forms()[0]);
        let mut operators = workload.operators(form);
        operators.retain(|op| self.operators.is_empty() || self.operators.contains(op));
        let precision = self.dtype.unwrap_or(workload.precision());
        if precision == Precision::F32 {
            let double_only = |op| matches!(op, Operator::Native) || workload == Workload::T4;
            operators.retain(|&op| !double_only(op));
        }
        let wanted = workload.forms().contains(&form) && !operators.is_empty() && (!quick || workload.is_quick(form));
        wanted.then_some(Task { workload, form, precision, operators })
    }

    /// Where to look for the peers.
    pub fn places(&self) -> Places {
        let folder = std::env::var_os("JETGRAD_PEERS").map(PathBuf::from);
        let interpreters = match &self.python {
            Some(paths) => std::env::split_paths(paths).collect(),
            None => {
                folder.iter().flat_map(|d| ["jax", "torch", "heyoka"].map(|p| d.join(p).join("bin/python"))).collect()
            }
        };
        Places { interpreters, native: folder.map(|d| d.join("native")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn lists_are_split_and_defaults_are_those_of_the_workload() {
        let tasks = parse("compare N1,S1 --op hvp,gradient").tasks().unwrap();
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[0].operators, [Operator::Gradient, Operator::Hvp]);
        assert_eq!((tasks[0].precision, tasks[1].precision), (Precision::F32, Precision::F64));
        assert_eq!(parse("compare N1 N2").tasks().unwrap().len(), 2);
        let both: Vec<Workload> = parse("compare T2").tasks().unwrap().iter().map(|t| t.workload).collect();
        assert_eq!(both, [Workload::T2a, Workload::T2b]);
    }

    #[test]
    fn all_leaves_out_what_does_not_apply() {
        let tasks = parse("compare all --op native --form scalar").tasks().unwrap();
        let names: Vec<Workload> = tasks.iter().map(|t| t.workload).collect();
        use Workload::{S1, S3, S5, S6, S7, T3a, T3b};
        assert_eq!(names, [S1, S3, S5, S6, S7, T3a, T3b]);
    }

    #[test]
    fn recording_belongs_to_the_scalar_form() {
        let line = "compare S1 --op native,gradient,gradient_one_shot,hvp,record";
        use Operator::{Gradient, GradientOneShot, Hvp, Native, Record};
        let scalar = parse(&format!("{line} --form scalar")).tasks().unwrap();
        assert_eq!(scalar[0].operators, [Native, Record, Gradient, GradientOneShot, Hvp]);
        assert_eq!(parse(line).tasks().unwrap()[0].operators, [Native, Gradient, Hvp]);
        assert_eq!(parse("compare T3 --op native,record").tasks().unwrap()[0].operators, [Native, Record]);
    }

    #[test]
    fn unknown_names_are_told_with_those_there_are() {
        assert!(parse("compare N9").tasks().unwrap_err().contains("no workload `N9`; there are N1"));
        let error = Arguments::try_parse_from(["compare", "N1", "--op", "grad"]).unwrap_err().to_string();
        assert!(error.contains("no operator `grad`"), "{error}");
        assert!(parse("compare T1 --op hvp").tasks().unwrap_err().contains("--list"));
        assert!(Arguments::try_parse_from(["compare"]).is_err());
        assert!(Arguments::try_parse_from(["compare", "N1", "--threads", "0"]).is_err());
    }

    #[test]
    fn peers_are_all_or_some() {
        assert!(parse("compare N1").peers.is_empty());
        assert_eq!(parse("compare --peers N1").peers, Kind::value_variants());
        assert_eq!(parse("compare S1 --peers=adolc,num-dual").peers, [Kind::Adolc, Kind::NumDual]);
        assert_eq!(parse("compare N1 --peers=torch").peers, [Kind::Torch]);
    }
}
