//! Other systems as subjects: a process for each, in Python or native, asked over its standard input and output.
//!
//! A peer compiles and keeps what it is asked for, then runs a turn whenever it is told to and sleeps otherwise, on the same
//! cores as this process. `peers/serve.py` describes requests and answers.

use crate::check::Check;
use crate::error::{Error, Result};
use crate::operator::Operator;
use crate::subject::{Subject, Turn};
use crate::workload::{Form, Precision};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

/// A system to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// JAX, compiled by `jit`.
    Jax,
    /// PyTorch, eager.
    Torch,
    /// CppAD, tapes in C++.
    Cppad,
    /// ADOL-C, tapes in C++.
    Adolc,
    /// echidna, tapes in Rust.
    Echidna,
    /// num-dual, dual numbers in Rust.
    NumDual,
    /// heyoka, series of differential equations compiled by LLVM.
    Heyoka,
}

impl Kind {
    /// Its name in rows.
    fn name(self) -> &'static str {
        match self {
            Kind::Jax => "jax",
            Kind::Torch => "torch",
            Kind::Cppad => "cppad",
            Kind::Adolc => "adolc",
            Kind::Echidna => "echidna",
            Kind::NumDual => "num-dual",
            Kind::Heyoka => "heyoka",
        }
    }

    /// What a driver in native code is built with; `None` if it is a script.
    fn needs(self) -> Option<&'static str> {
        match self {
            Kind::Jax | Kind::Torch | Kind::Heyoka => None,
            Kind::Cppad => Some("g++ and the Debian package libcppad-dev (or cppad)"),
            Kind::Adolc => Some("g++ and the Debian package libadolc-dev"),
            Kind::Echidna | Kind::NumDual => Some("cargo and the registry"),
        }
    }
}

/// Where peers are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Python interpreters.
    pub interpreters: Vec<PathBuf>,
    /// The folder of the native drivers.
    pub native: Option<PathBuf>,
}

impl Places {
    /// The command that starts a peer.
    fn command(&self, kind: Kind) -> Result<Command> {
        let name = kind.name();
        let Some(needs) = kind.needs() else {
            let python = self.interpreters.iter().find(|python| has_package(python, name)).ok_or_else(|| {
                let paths: Vec<String> = self.interpreters.iter().map(|p| p.display().to_string()).collect();
                let tried = if paths.is_empty() { "none given".into() } else { paths.join(", ") };
                Error::NoInterpreter { package: name, tried }
            })?;
            let mut command = Command::new(python);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(format!("{name}_peer.py")));
            return Ok(command);
        };
        let driver = self.native.as_ref().map(|folder| folder.join(format!("{name}_peer")));
        match driver {
            Some(driver) if driver.is_file() => Ok(Command::new(driver)),
            _ => Err(Error::NoDriver {
                peer: name,
                tried: driver.map_or_else(|| "no folder given".into(), |driver| driver.display().to_string()),
                needs,
            }),
        }
    }
}

/// A running peer.
pub struct Peer {
    /// Its name in rows.
    pub name: String,
    /// Its version.
    pub version: String,
    channel: Rc<RefCell<Channel>>,
}

/// The process and the pipes to it.
struct Channel {
    name: String,
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts the peer with `threads` threads.
    ///
    /// # Errors
    /// [`Error::NoInterpreter`] or [`Error::NoDriver`] if it is in none of the places; [`Error::Peer`] if the process breaks off.
    pub fn start(kind: Kind, places: &Places, threads: usize) -> Result<Peer> {
        let name = kind.name();
        let mut command = places.command(kind)?;
        let many = threads > 1;
        let mut process = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("JAX_PLATFORMS", "cpu")
            .env("XLA_FLAGS", format!("--xla_cpu_multi_thread_eigen={many} intra_op_parallelism_threads={threads}"))
            .env("OMP_NUM_THREADS", threads.to_string())
            .env("MKL_NUM_THREADS", threads.to_string())
            .env("OPENBLAS_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log(name)?)
            .spawn()
            .map_err(|source| Error::Io { path: command.get_program().into(), source })?;
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("the output is piped"));
        let channel = Channel { name: name.into(), process, requests, answers };
        let channel = Rc::new(RefCell::new(channel));
        let hello = channel.borrow_mut().ask(&json!({ "do": "hello" }))?;
        let version = hello["version"].as_str().unwrap_or("?").to_owned();
        Ok(Peer { name: name.into(), version, channel })
    }

    /// Makes a workload; `false` if the peer has it not.
    ///
    /// # Errors
    /// [`Error::Peer`].
    pub fn load(&self, workload: &str, precision: Precision, form: Form) -> Result<bool> {
        let (dtype, form) = (precision.to_string(), form.to_string());
        let request = json!({ "do": "load", "workload": workload, "dtype": dtype, "form": form });
        Ok(self.channel.borrow_mut().ask(&request)?["unsupported"].is_null())
    }

    /// An operator of the workload that was made last, compiled and checked; `None` if the peer has it not.
    ///
    /// # Errors
    /// [`Error::Peer`].
    pub fn subject(&self, op: Operator) -> Result<Option<Box<dyn Subject>>> {
        self.prepare(&op.to_string())
    }

    /// The product of two square matrices of this size.
    ///
    /// # Errors
    /// [`Error::Peer`].
    pub fn product_of_matrices(&self, size: usize, precision: Precision) -> Result<Option<Box<dyn Subject>>> {
        if self.load("gemm", precision, Form::Array)? { self.prepare(&size.to_string()) } else { Ok(None) }
    }

    fn prepare(&self, op: &str) -> Result<Option<Box<dyn Subject>>> {
        let answer = self.channel.borrow_mut().ask(&json!({ "do": "prepare", "op": op }))?;
        if !answer["unsupported"].is_null() {
            return Ok(None);
        }
        let check = answer["check"].as_object().into_iter().flatten();
        Ok(Some(Box::new(Remote {
            name: self.name.clone(),
            variant: answer["variant"].as_str().unwrap_or_default().to_owned(),
            // JSON has no NaN: what is no number agrees with nothing.
            check: check.map(|(key, x)| (key.clone(), x.as_f64().unwrap_or(f64::NAN))).collect(),
            channel: self.channel.clone(),
        })))
    }
}

/// Where warnings of a peer go: a file, whose place is told if the process breaks off.
pub fn log(peer: &str) -> Result<Stdio> {
    let path = log_path(peer);
    let file = std::fs::File::create(&path).map_err(|source| Error::Io { path, source })?;
    Ok(file.into())
}

/// The file that warnings of a peer go to.
pub fn log_path(peer: &str) -> PathBuf {
    std::env::temp_dir().join(format!("jetgrad-compare-{}-{peer}.log", std::process::id()))
}

/// Whether the interpreter has the package.
pub fn has_package(python: &Path, package: &str) -> bool {
    let code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
    let status = Command::new(python).args(["-c", code, package]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Channel {
    fn ask(&mut self, request: &Value) -> Result<Value> {
        let name = self.name.clone();
        let broken = |message: String| Error::Peer {
            peer: name.clone(),
            message: format!("{message} (its messages are in {})", log_path(&name).display()),
        };
        let requests = self.requests.as_mut().expect("the pipe is open until this is dropped");
        writeln!(requests, "{request}").and_then(|()| requests.flush()).map_err(|e| broken(e.to_string()))?;
        let mut line = String::new();
        let length = self.answers.read_line(&mut line).map_err(|e| broken(e.to_string()))?;
        if length == 0 {
            return Err(broken(format!("the process ended at the request {request}")));
        }
        let answer: Value =
            serde_json::from_str(&line).map_err(|e| broken(format!("{e} in the answer {}", line.trim())))?;
        match answer["error"].as_str() {
            Some(message) => Err(broken(format!("{message}, at the request {request}"))),
            None => Ok(answer),
        }
    }
}

impl Drop for Channel {
    /// Closes the pipe, at which the process ends, and waits for it.
    fn drop(&mut self) {
        self.requests = None;
        if self.process.wait().is_ok_and(|status| status.success()) {
            // The messages of a process that ended well are of no use any more; if they stay, they do no harm.
            let _ = std::fs::remove_file(log_path(&self.name));
        }
    }
}

/// An operator of a peer.
struct Remote {
    name: String,
    variant: String,
    check: Check,
    channel: Rc<RefCell<Channel>>,
}

impl Subject for Remote {
    fn peer(&self) -> &str {
        &self.name
    }

    fn variant(&self) -> &str {
        &self.variant
    }

    fn check(&mut self) -> Result<Check> {
        Ok(self.check.clone())
    }

    fn time(&mut self, turn: Turn) -> Result<Vec<f64>> {
        let Turn { warm_up, calls, samples } = turn;
        let request = json!({ "do": "time", "warm_up": warm_up, "calls": calls, "samples": samples });
        let answer = self.channel.borrow_mut().ask(&request)?;
        let seconds: Option<Vec<f64>> =
            answer["seconds"].as_array().map(|s| s.iter().filter_map(Value::as_f64).collect());
        match seconds {
            Some(seconds) if seconds.len() == samples as usize => Ok(seconds),
            _ => Err(Error::Peer { peer: self.name.clone(), message: format!("no {samples} times in {answer}") }),
        }
    }
}
