//! A peer as a server: requests and answers are lines of JSON, as `peers/serve.py` describes them.

use crate::problems::Problem;
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

/// The check of a value and a gradient.
pub fn check_of_gradient(value: f64, gradient: &[f64]) -> Value {
    json!({ "loss": value, "gradient_norm": norm(gradient) })
}

/// The check of the product with a direction.
pub fn check_of_product(direction: &[f64], product: &[f64]) -> Value {
    let curvature: f64 = direction.iter().zip(product).map(|(v, p)| v * p).sum();
    json!({ "product_norm": norm(product), "curvature": curvature })
}

fn norm(entries: &[f64]) -> f64 {
    entries.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// One way to compute an operator.
pub trait Way {
    /// What it is called.
    fn name(&self) -> &str;

    /// Computes.
    fn call(&mut self);

    /// Digests what is computed.
    fn check(&mut self) -> Value;
}

/// The way whose `call` returns a result that `check` digests.
pub fn way<R: 'static>(
    name: &'static str,
    call: impl FnMut() -> R + 'static,
    check: impl Fn(R) -> Value + 'static,
) -> Box<dyn Way> {
    Box::new(Closures { name, call, check })
}

struct Closures<F, C> {
    name: &'static str,
    call: F,
    check: C,
}

impl<R, F: FnMut() -> R, C: Fn(R) -> Value> Way for Closures<F, C> {
    fn name(&self) -> &str {
        self.name
    }

    fn call(&mut self) {
        black_box((self.call)());
    }

    fn check(&mut self) -> Value {
        (self.check)((self.call)())
    }
}

/// A system: its name, its version, and the ways it has for an operator of a problem.
pub trait System {
    /// Its name in rows.
    const NAME: &'static str;

    /// Its version.
    const VERSION: &'static str;

    /// Ways to compute an operator, none where the system has it not.
    fn ways(problem: &Problem, op: &str) -> Vec<Box<dyn Way>>;
}

/// Answers requests until there are no more.
pub fn run<S: System>() {
    let mut state = State::default();
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = line
            .map_err(|e| e.to_string())
            .and_then(|line| serde_json::from_str(&line).map_err(|e| e.to_string()))
            .and_then(|request: Value| state.answer::<S>(&request))
            .unwrap_or_else(|message| json!({ "error": message }));
        // Whoever closes the pipe has heard enough.
        if writeln!(answers, "{answer}").and_then(|()| answers.flush()).is_err() {
            return;
        }
    }
}

/// What was made last.
#[derive(Default)]
struct State {
    problem: Option<Problem>,
    way: Option<Box<dyn Way>>,
}

impl State {
    fn answer<S: System>(&mut self, request: &Value) -> Result<Value, String> {
        let text = |key: &str| request[key].as_str().ok_or_else(|| format!("no {key} in the request"));
        let count = |key: &str| request[key].as_u64().ok_or_else(|| format!("no {key} in the request"));
        let unsupported = || Ok(json!({ "unsupported": true }));
        match text("do")? {
            "hello" => Ok(json!({ "peer": S::NAME, "version": S::VERSION })),
            "load" => {
                self.way = None;
                let wanted = text("form")? == "scalar" && text("dtype")? == "f64";
                self.problem = if wanted { Problem::named(text("workload")?) } else { None };
                if self.problem.is_some() { Ok(json!({})) } else { unsupported() }
            }
            "prepare" => {
                self.way = None;
                let problem = self.problem.as_ref().ok_or("no workload is loaded")?;
                let Some(mut way) = fastest(S::ways(problem, text("op")?)) else { return unsupported() };
                let answer = json!({ "variant": way.name(), "check": way.check() });
                self.way = Some(way);
                Ok(answer)
            }
            "time" => {
                let way = self.way.as_mut().ok_or("nothing is prepared")?;
                Ok(json!({ "seconds": measure(way.as_mut(), count("warm_up")?, count("calls")?, count("samples")?) }))
            }
            other => Err(format!("no request `{other}`")),
        }
    }
}

/// The way whose fastest of three calls is the fastest.
fn fastest(mut ways: Vec<Box<dyn Way>>) -> Option<Box<dyn Way>> {
    if ways.len() > 1 {
        let least = |way: &mut Box<dyn Way>| measure(way.as_mut(), 1, 1, 3).into_iter().fold(f64::INFINITY, f64::min);
        let mut timed: Vec<(f64, Box<dyn Way>)> = ways.into_iter().map(|mut way| (least(&mut way), way)).collect();
        timed.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ways = timed.into_iter().map(|(_, way)| way).collect();
    }
    ways.pop()
}

/// Seconds a call, for each sample.
fn measure(way: &mut dyn Way, warm_up: u64, calls: u64, samples: u64) -> Vec<f64> {
    (0..warm_up).for_each(|_| way.call());
    let sample = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| way.call());
        start.elapsed().as_secs_f64() / calls as f64
    };
    (0..samples).map(sample).collect()
}
