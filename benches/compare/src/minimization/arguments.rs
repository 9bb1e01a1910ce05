//! The command line of `compare optim`.

use super::method;
use super::suite::{self, Suite};
use clap::Parser;
use std::path::PathBuf;

/// Runs our optimizers, and those of SciPy, argmin and basin, on problems with known minima, and counts evaluations.
///
/// A problem is solved if gradient and value are those of a listed minimum, to 1e-6 relative to max(1, |minimum|); a certified
/// fit, if four digits of its parameters are right. The exit code is 1 if something could not be run, not if a problem is not
/// solved.
#[derive(Debug, Parser)]
#[command(name = "compare optim")]
pub struct Arguments {
    /// Suites: mgh, mgh10x, mgh-sizes, nist, scipy12, cutest, large; all but mgh-sizes if absent
    #[arg(value_delimiter = ',')]
    pub suites: Vec<Suite>,
    /// Our methods, with commas between; all if absent
    #[arg(long = "method", value_delimiter = ',', value_parser = method_name)]
    pub methods: Vec<String>,
    /// Only problems whose name contains this
    #[arg(long)]
    pub problem: Option<String>,
    /// One line of JSON for each suite and method instead of tables
    #[arg(long)]
    pub json: bool,
    /// Run SciPy too, and argmin and basin unless built without the feature `rivals`
    #[arg(long)]
    pub peers: bool,
    /// A Python interpreter with scipy and jax; else JETGRAD_PEERS/jax/bin/python
    #[arg(long)]
    pub python: Option<String>,
    /// Seconds after which a run is broken off; ten times as many for the suite `large`
    #[arg(long, default_value_t = 2.0)]
    pub limit: f64,
    /// Write the table to docs/optimizers-comparison.md and the profiles to docs/optimizers-comparison.svg
    #[arg(long)]
    pub write: bool,
    /// The day to write there; this one if absent
    #[arg(long)]
    pub date: Option<String>,
}

fn method_name(name: &str) -> Result<String, String> {
    let names: Vec<&str> = method::ALL.iter().map(|method| method.name).collect();
    if names.contains(&name) {
        return Ok(name.into());
    }
    Err(format!("no method `{name}`; there are {}", names.join(", ")))
}

impl Arguments {
    /// The suites to run.
    pub fn chosen_suites(&self) -> Vec<Suite> {
        if self.suites.is_empty() {
            return suite::ALL.into_iter().filter(|&suite| suite != Suite::MghSizes).collect();
        }
        self.suites.clone()
    }

    /// Where to look for SciPy.
    pub fn interpreters(&self) -> Vec<PathBuf> {
        match &self.python {
            Some(paths) => std::env::split_paths(paths).collect(),
            None => {
                let folder = std::env::var_os("JETGRAD_PEERS").map(PathBuf::from);
                folder.into_iter().map(|folder| folder.join("jax/bin/python")).collect()
            }
        }
    }

    /// Whether a method of ours is to run.
    pub fn wants(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|name| name == method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_methods_are_named() {
        let arguments = Arguments::try_parse_from(["optim", "mgh,nist", "--method", "trust-gltr", "--json"]).unwrap();
        assert_eq!(arguments.chosen_suites(), [Suite::Mgh, Suite::Nist]);
        assert!(arguments.wants("trust-gltr") && !arguments.wants("trust-steihaug"));
        assert_eq!(Arguments::try_parse_from(["optim"]).unwrap().chosen_suites().len(), 6);
        let error = Arguments::try_parse_from(["optim", "--method", "newton"]).unwrap_err().to_string();
        assert!(error.contains("no method `newton`; there are trust-gltr"), "{error}");
    }
}
