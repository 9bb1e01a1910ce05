//! SciPy's methods, in a process of their own: on our functions through a pipe, or on functions in JAX for wall time.
//!
//! `peers/scipy_peer.py` describes requests, answers and what it asks back.

use super::method::End;
use super::record::Record;
use super::suite::{Case, Stop, Suite};
use super::watched::{Asked, Target, Watch, Watched};
use crate::error::{Error, Result};
use crate::peer::{has_package, log, log_path};
use optim::{LocalModel, Objective, ObjectiveError};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Its methods for smooth functions without bounds, by its names.
pub const METHODS: [&str; 4] = ["L-BFGS-B", "Newton-CG", "trust-ncg", "trust-krylov"];

/// MINPACK's lmder, which SciPy calls `lm`.
pub const FIT: &str = "lm";

/// The process and the pipes to it.
pub struct Scipy {
    /// Its version.
    pub version: String,
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Scipy {
    /// Starts it with the first of these interpreters that has scipy and jax, on one thread.
    ///
    /// # Errors
    /// [`Error::NoInterpreter`], or [`Error::Peer`] if the process breaks off.
    pub fn start(interpreters: &[PathBuf]) -> Result<Scipy> {
        let has_both = |python: &&PathBuf| has_package(python, "scipy") && has_package(python, "jax");
        let python = interpreters.iter().find(has_both).ok_or_else(|| {
            let paths: Vec<String> = interpreters.iter().map(|p| p.display().to_string()).collect();
            let tried = if paths.is_empty() { "none given".into() } else { paths.join(", ") };
            Error::NoInterpreter { package: "scipy and jax", tried }
        })?;
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/scipy_peer.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("JAX_PLATFORMS", "cpu")
            .env("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
            .env("OMP_NUM_THREADS", "1")
            .env("OPENBLAS_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log("scipy")?)
            .spawn()
            .map_err(|source| Error::Io { path: python.clone(), source })?;
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("the output is piped"));
        let mut scipy = Scipy { version: String::new(), process, requests, answers };
        let hello = scipy.ask(&json!({ "do": "hello" }))?;
        scipy.version = hello["version"].as_str().unwrap_or("?").to_owned();
        Ok(scipy)
    }

    /// A run of `method` on `case`; `None` if the method is none for it.
    ///
    /// # Errors
    /// [`Error::Peer`] if the process breaks off; a method that fails is a run that is not solved.
    pub fn run(&mut self, suite: Suite, method: &str, case: &Case, limit: Duration) -> Result<Option<Record>> {
        let name = format!("scipy {method}");
        let is_fit = method == FIT;
        if is_fit && (suite == Suite::Scipy12 || case.residuals.is_none()) {
            return Ok(None);
        }
        let watch = Watch::until(Instant::now() + limit);
        let begun = Instant::now();
        let answer = match suite {
            Suite::Large => {
                let Stop::Gradient(gradient) = case.stop else { return Ok(None) };
                self.ask(&json!({
                    "do": "timed", "method": method, "problem": case.name, "gradient": gradient,
                    "limit": limit.as_secs_f64(),
                }))?
            }
            _ if is_fit => self.converse(json!({ "do": "fit", "x": case.start }), case, &watch)?,
            _ => self.converse(json!({ "do": "minimize", "method": method, "x": case.start }), case, &watch)?,
        };
        let seconds = begun.elapsed().as_secs_f64();
        let count = |key: &str| answer[key].as_u64().unwrap_or(0) as usize;
        let end = End {
            x: numbers(&answer["x"]),
            iterations: count("iterations"),
            message: answer["message"].as_str().unwrap_or_default().to_owned(),
            claimed: false,
        };
        let mut record = super::recorded(suite, name, case, end, &watch, seconds);
        if suite == Suite::Large {
            record.asked =
                Asked { values: count("values"), gradients: count("gradients"), products: count("products") };
            record.seconds = answer["seconds"].as_f64().unwrap_or(f64::NAN);
        }
        Ok(Some(record))
    }

    /// A request whose run asks back; the answer at its end.
    fn converse(&mut self, request: Value, case: &Case, watch: &Watch) -> Result<Value> {
        let watched = Watched::new(&*case.target, watch);
        let bound = match case.stop {
            // About what our methods stop at by default.
            Stop::Defaults => 1e-8,
            Stop::Gradient(bound) => bound,
        };
        let mut reply = self.ask(&request)?;
        let mut model: Option<(Vec<f64>, Box<dyn LocalModel<f64> + '_>)> = None;
        while let Some(what) = reply["ask"].as_str() {
            let x = numbers(&reply["x"]);
            let answered = answer(what, &x, &reply["v"], case, &watched, bound, &mut model);
            let answer = answered.unwrap_or_else(|_| json!({ "stop": true }));
            reply = self.ask(&answer)?;
        }
        Ok(reply)
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let broken = |message: String| Error::Peer {
            peer: "scipy".into(),
            message: format!("{message} (its messages are in {})", log_path("scipy").display()),
        };
        let requests = self.requests.as_mut().expect("the pipe is open until this is dropped");
        writeln!(requests, "{request}").and_then(|()| requests.flush()).map_err(|e| broken(e.to_string()))?;
        let mut line = String::new();
        if self.answers.read_line(&mut line).map_err(|e| broken(e.to_string()))? == 0 {
            return Err(broken("the process ended".into()));
        }
        let answer: Value = serde_json::from_str(&line).map_err(|e| broken(e.to_string()))?;
        match answer["error"].as_str() {
            Some(message) => Err(broken(message.into())),
            None => Ok(answer),
        }
    }
}

/// What is asked back, answered; numbers that are not finite become `null`.
fn answer<'a>(
    what: &str,
    x: &[f64],
    v: &Value,
    case: &Case,
    watched: &'a Watched<'_>,
    bound: f64,
    kept: &mut Option<(Vec<f64>, Box<dyn LocalModel<f64> + 'a>)>,
) -> std::result::Result<Value, ObjectiveError> {
    let unsupported = || ObjectiveError::Unsupported { operation: "residuals" };
    match what {
        "value" => Ok(json!({ "value": Objective::value(watched, x)? })),
        "gradient" => {
            let model = Objective::at(watched, x)?;
            let answer = json!({ "value": model.value(), "gradient": model.gradient() });
            *kept = Some((x.to_vec(), Box::new(model)));
            Ok(answer)
        }
        "product" => {
            if kept.as_ref().is_none_or(|(at, _)| at != x) {
                // The point was another in between: it is prepared, and counted, once more.
                *kept = Some((x.to_vec(), Target::at(watched, x)?));
            }
            let Some((_, model)) = kept else { return Err(unsupported()) };
            let v = numbers(v);
            let mut product = vec![0.0; v.len()];
            model.hvp(&v, &mut product)?;
            Ok(json!({ "product": product }))
        }
        "residuals" => {
            watched.watch.count(|asked| asked.values += 1)?;
            let residuals = case.problem.as_ref().and_then(|p| p.residuals(x)).ok_or_else(unsupported)?;
            Ok(json!({ "residuals": residuals }))
        }
        "jacobian" => {
            watched.watch.count(|asked| asked.gradients += 1)?;
            let function = case.problem.as_ref().and_then(|p| p.residual_function()).ok_or_else(unsupported)?;
            let jacobian = function.jacobian(&x.to_vec()).map_err(ObjectiveError::new)?;
            let rows: Vec<Vec<f64>> = jacobian.rows().into_iter().map(|row| row.to_vec()).collect();
            Ok(json!({ "jacobian": rows }))
        }
        _ => {
            let known = watched.watch.gradient_at(x);
            let gradient = match known {
                Some(gradient) => gradient,
                None => case.judge(x).gradient,
            };
            if watched.watch.is_late() {
                return Err(ObjectiveError::new(super::watched::TIME_IS_OVER));
            }
            Ok(json!({ "reached": gradient <= bound }))
        }
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

impl Drop for Scipy {
    /// Closes the pipe, at which the process ends, and waits for it.
    fn drop(&mut self) {
        self.requests = None;
        if self.process.wait().is_ok_and(|status| status.success()) {
            // The messages of a process that ended well are of no use any more; if they stay, they do no harm.
            let _ = std::fs::remove_file(log_path("scipy"));
        }
    }
}
