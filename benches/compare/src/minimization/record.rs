//! What a run came to, and the sums over a suite.

use super::suite::{Suite, Verdict};
use super::watched::Asked;
use serde_json::{Value, json};

/// One run.
#[derive(Clone, Debug)]
pub struct Record {
    /// The suite.
    pub suite: Suite,
    /// The method, with the name of the system before it if it is not ours.
    pub method: String,
    /// The problem.
    pub problem: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// Steps, as the method counts them.
    pub iterations: usize,
    /// Evaluations, as we count them.
    pub asked: Asked,
    /// Wall time.
    pub seconds: f64,
    /// How near it came.
    pub verdict: Verdict,
    /// What the method said.
    pub message: String,
    /// Whether it said that it converged.
    pub claimed: bool,
}

impl Record {
    /// What the run cost, in values: a value with its gradient counts as three, and so does a product.
    ///
    /// That is what they take on graphs: the reverse sweep costs about two values, and a product at a prepared point about
    /// as much as a gradient.
    pub fn cost(&self) -> f64 {
        (self.asked.values + 3 * (self.asked.gradients + self.asked.products)) as f64
    }
}

/// The runs of one method on one suite.
#[derive(Clone, Debug)]
pub struct Tally<'r> {
    /// The suite.
    pub suite: Suite,
    /// The method.
    pub method: &'r str,
    /// Its runs.
    pub runs: Vec<&'r Record>,
}

impl<'r> Tally<'r> {
    /// The runs of `records`, by suite and method in the order in which they first come.
    pub fn all(records: &'r [Record]) -> Vec<Tally<'r>> {
        let mut tallies: Vec<Tally<'r>> = Vec::new();
        for record in records {
            let key = (record.suite, record.method.as_str());
            match tallies.iter_mut().find(|tally| (tally.suite, tally.method) == key) {
                Some(tally) => tally.runs.push(record),
                None => tallies.push(Tally { suite: key.0, method: key.1, runs: vec![record] }),
            }
        }
        tallies
    }

    /// How many runs count as solved.
    pub fn solved(&self) -> usize {
        self.runs.iter().filter(|run| run.verdict.solved).count()
    }

    /// The sum of a count.
    pub fn sum(&self, count: impl Fn(&Record) -> usize) -> usize {
        self.runs.iter().map(|run| count(run)).sum()
    }

    /// Wall time of all runs.
    pub fn seconds(&self) -> f64 {
        self.runs.iter().map(|run| run.seconds).sum()
    }

    /// The mean of the correct digits, if the suite certifies them.
    pub fn digits(&self) -> Option<f64> {
        let digits: Option<Vec<f64>> = self.runs.iter().map(|run| run.verdict.digits).collect();
        digits.map(|digits| digits.iter().sum::<f64>() / digits.len() as f64)
    }

    /// The line of JSON.
    pub fn json(&self) -> Value {
        let mut line = json!({
            "suite": self.suite.to_string(),
            "method": self.method,
            "problems": self.runs.len(),
            "solved": self.solved(),
            "iterations": self.sum(|run| run.iterations),
            "values": self.sum(|run| run.asked.values),
            "gradients": self.sum(|run| run.asked.gradients),
            "products": self.sum(|run| run.asked.products),
            "seconds": self.seconds(),
        });
        if let Some(digits) = self.digits() {
            line["average_lre"] = digits.into();
        }
        let failures: Vec<&str> = self.runs.iter().filter(|r| !r.verdict.solved).map(|r| r.problem.as_str()).collect();
        line["unsolved"] = failures.into();
        if self.suite == Suite::Large {
            // What these are compared by, one by one.
            let times = self.runs.iter().map(|run| (run.problem.clone(), run.seconds.into()));
            line["times"] = Value::Object(times.collect());
        }
        line
    }
}

/// The runs as a table, one line each, and the sums under them.
pub fn table(records: &[Record]) -> String {
    let mut text = String::new();
    for tally in Tally::all(records) {
        text += &format!("\n{} by {}\n", tally.suite, tally.method);
        text += &format!(
            "{:<30} {:>5} {:<6} {:>6} {:>7} {:>9} {:>9} {:>9} {:>17} {:>9} {:>5}  end\n",
            "problem", "n", "solved", "iter", "values", "gradients", "products", "seconds", "f", "|g|", "LRE"
        );
        for run in &tally.runs {
            let solved = match (run.verdict.solved, run.claimed) {
                (true, _) => "yes",
                (false, false) => "no",
                // It says that it converged, and where it is is nothing known.
                (false, true) => "no (!)",
            };
            let Asked { values, gradients, products } = run.asked;
            let digits = run.verdict.digits.map_or_else(String::new, |digits| format!("{digits:.1}"));
            text += &format!(
                "{:<30} {:>5} {solved:<6} {:>6} {values:>7} {gradients:>9} {products:>9} {:>9.4} {:>17.10e} {:>9.1e} \
                 {digits:>5}  {}\n",
                run.problem,
                run.dimension,
                run.iterations,
                run.seconds,
                run.verdict.value,
                run.verdict.gradient,
                run.message
            );
        }
    }
    text + "\n" + &sums(records)
}

/// One line for each suite and method.
fn sums(records: &[Record]) -> String {
    let mut text = format!(
        "{:<9} {:<26} {:>9} {:>8} {:>8} {:>9} {:>9} {:>9} {:>5}\n",
        "suite", "method", "solved", "iter", "values", "gradients", "products", "seconds", "LRE"
    );
    for tally in Tally::all(records) {
        let solved = format!("{}/{}", tally.solved(), tally.runs.len());
        let digits = tally.digits().map_or_else(String::new, |digits| format!("{digits:.2}"));
        text += &format!(
            "{:<9} {:<26} {solved:>9} {:>8} {:>8} {:>9} {:>9} {:>9.3} {digits:>5}\n",
            tally.suite,
            tally.method,
            tally.sum(|run| run.iterations),
            tally.sum(|run| run.asked.values),
            tally.sum(|run| run.asked.gradients),
            tally.sum(|run| run.asked.products),
            tally.seconds(),
        );
    }
    text
}

/// The sums as a table in Markdown.
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::from(
        "| suite | method | solved | iterations | values | gradients | products | seconds | digits |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for tally in Tally::all(records) {
        text += &format!(
            "| {} | {} | {}/{} | {} | {} | {} | {} | {:.3} | {} |\n",
            tally.suite,
            tally.method,
            tally.solved(),
            tally.runs.len(),
            tally.sum(|run| run.iterations),
            tally.sum(|run| run.asked.values),
            tally.sum(|run| run.asked.gradients),
            tally.sum(|run| run.asked.products),
            tally.seconds(),
            tally.digits().map_or_else(String::new, |digits| format!("{digits:.2}")),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(method: &str, solved: bool, gradients: usize, digits: Option<f64>) -> Record {
        let asked = Asked { values: 1, gradients, products: 2 };
        let verdict = Verdict { solved, value: 0.0, gradient: 0.0, digits };
        Record {
            suite: Suite::Nist,
            method: method.into(),
            problem: format!("{method} {gradients}"),
            dimension: 2,
            iterations: 3,
            asked,
            seconds: 0.5,
            verdict,
            message: String::new(),
            claimed: true,
        }
    }

    #[test]
    fn runs_are_summed_by_method() {
        let records = [record("a", true, 4, Some(9.0)), record("b", true, 1, None), record("a", false, 5, Some(10.0))];
        let tallies = Tally::all(&records);
        assert_eq!(tallies.len(), 2);
        let line = tallies[0].json();
        assert_eq!((&line["problems"], &line["solved"], &line["gradients"]), (&2.into(), &1.into(), &9.into()));
        assert_eq!((&line["average_lre"], &line["seconds"]), (&9.5.into(), &1.0.into()));
        assert_eq!(line["unsolved"], serde_json::json!(["a 5"]));
        assert!(tallies[1].json()["average_lre"].is_null());
        assert_eq!(records[0].cost(), 19.0);
        assert!(table(&records).contains("no (!)") && markdown(&records).contains("| nist | a | 1/2 | 6 |"));
    }
}
