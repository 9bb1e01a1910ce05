//! The suites: which problems, from which starts, when to stop, and what counts as solved.

use super::large;
use super::watched::Target;
use autodiff_core::Var;
use autodiff_core::function::Flat;
use optim::Objective;
use std::fmt;
use std::str::FromStr;
use testkit::problems::nist::{self, DataSet};
use testkit::problems::{Problem, cutest, mgh};

/// A set of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// The problems of Moré, Garbow and Hillstrom from their standard starts.
    Mgh,
    /// The same from ten times those starts.
    Mgh10x,
    /// The same at other sizes.
    MghSizes,
    /// NIST's certified fits, from both starts.
    Nist,
    /// The twelve problems that all methods of SciPy solve, to ‖g‖∞ ≤ 1e-8 max(1, ‖g₀‖∞).
    Scipy12,
    /// Scalable problems.
    Cutest,
    /// Two regressions and a chain of a thousand variables, to ‖g‖∞ < 1e-8, timed.
    Large,
}

/// Every suite.
pub const ALL: [Suite; 7] =
    [Suite::Mgh, Suite::Mgh10x, Suite::MghSizes, Suite::Nist, Suite::Scipy12, Suite::Cutest, Suite::Large];

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Suite::Mgh => "mgh",
            Suite::Mgh10x => "mgh10x",
            Suite::MghSizes => "mgh-sizes",
            Suite::Nist => "nist",
            Suite::Scipy12 => "scipy12",
            Suite::Cutest => "cutest",
            Suite::Large => "large",
        })
    }
}

impl FromStr for Suite {
    type Err = String;

    fn from_str(name: &str) -> Result<Suite, String> {
        ALL.into_iter().find(|suite| suite.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = ALL.iter().map(ToString::to_string).collect();
            format!("no suite `{name}`; there are {}", names.join(", "))
        })
    }
}

/// A problem from one start.
pub struct Case {
    /// Its name.
    pub name: String,
    /// The start.
    pub start: Vec<f64>,
    /// The function.
    pub target: Box<dyn Target>,
    /// The problem of `testkit`, with its minima, if it is one.
    pub problem: Option<Problem>,
    /// Its residuals, if it is a sum of squares.
    pub residuals: Option<Residuals>,
    /// When to stop.
    pub stop: Stop,
    /// What counts as solved.
    pub gate: Gate,
}

/// Residuals as a function of a flat vector.
pub type Residuals = Flat<'static, [Var], Vec<f64>, Vec<Var>, ()>;

/// When a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// By the method's own defaults.
    Defaults,
    /// ‖g‖∞ ≤ this.
    Gradient(f64),
}

/// What counts as solved.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// Gradient and value are those of a listed minimum.
    Minimum,
    /// Four digits of the certified parameters.
    Digits(&'static DataSet),
    /// ‖g‖∞ below this, and no more.
    Gradient(f64),
}

impl Case {
    fn of(problem: Problem, start: Vec<f64>) -> Case {
        let target = Box::new(problem.function().flat(&start));
        let residuals = problem.residual_function().map(|residuals| residuals.flat(&start));
        let name = problem.name.clone();
        Case { name, start, target, problem: Some(problem), residuals, stop: Stop::Defaults, gate: Gate::Minimum }
    }

    fn standard(problem: Problem) -> Case {
        let start = problem.start.clone();
        Case::of(problem, start)
    }
}

impl Suite {
    /// Its problems.
    pub fn cases(self) -> Vec<Case> {
        match self {
            Suite::Mgh => mgh::all().into_iter().map(Case::standard).collect(),
            Suite::MghSizes => mgh::other_sizes().into_iter().map(Case::standard).collect(),
            Suite::Mgh10x => {
                let far = |problem: Problem| {
                    let start = problem.start_times(10.0);
                    Case::of(problem, start)
                };
                mgh::all().into_iter().map(far).collect()
            }
            Suite::Nist => {
                let fits = nist::all().iter().flat_map(|set| [0, 1].map(|start| (set, set.problem(start))));
                fits.map(|(set, problem)| Case { gate: Gate::Digits(set), ..Case::standard(problem) }).collect()
            }
            Suite::Scipy12 => {
                // The numbers of the paper; their sizes there are those of `mgh::all`.
                let numbers = [1, 2, 5, 7, 8, 9, 16, 25, 26, 27, 29, 30];
                let relative = |number: usize| {
                    let case = Case::standard(mgh::problem(number));
                    let gradient = case.gradient(&case.start);
                    Case { stop: Stop::Gradient(1e-8 * gradient.max(1.0)), ..case }
                };
                numbers.into_iter().map(relative).collect()
            }
            Suite::Cutest => cutest::all().into_iter().map(Case::standard).collect(),
            Suite::Large => large::cases(),
        }
    }
}

/// How near the end of a run is to what is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether it counts as solved.
    pub solved: bool,
    /// The value at the end.
    pub value: f64,
    /// The largest entry of the gradient at the end.
    pub gradient: f64,
    /// Correct digits of the parameters, where they are certified.
    pub digits: Option<f64>,
}

impl Case {
    /// The largest entry of the gradient at `x`; NaN if it cannot be evaluated.
    fn gradient(&self, x: &[f64]) -> f64 {
        self.target.at(x).map_or(f64::NAN, |model| super::watched::largest(model.gradient()))
    }

    /// What is reached at `x`.
    ///
    /// For [`Gate::Minimum`] the two gates of [`Problem::is_solved`] must be passed.
    pub fn judge(&self, x: &[f64]) -> Verdict {
        let value = self.target.value(x).unwrap_or(f64::NAN);
        let gradient = self.gradient(x);
        let digits = match self.gate {
            Gate::Digits(set) => Some(set.digits(x)),
            _ => None,
        };
        let solved = match self.gate {
            Gate::Digits(_) => digits.is_some_and(|digits| digits >= 4.0),
            Gate::Gradient(bound) => gradient < bound,
            Gate::Minimum => {
                let bound = match self.stop {
                    Stop::Defaults => 0.0,
                    Stop::Gradient(bound) => bound,
                };
                self.problem.as_ref().is_some_and(|problem| problem.is_solved(x, bound))
            }
        };
        Verdict { solved, value, gradient, digits }
    }
}

/// A function with a name, a start and nothing known but that its gradient vanishes somewhere.
pub fn unlisted(name: &str, objective: impl Objective<f64> + 'static, start: Vec<f64>, gradient: f64) -> Case {
    let (stop, gate) = (Stop::Gradient(gradient), Gate::Gradient(gradient));
    Case { name: name.into(), start, target: Box::new(objective), problem: None, residuals: None, stop, gate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for suite in ALL {
            assert_eq!(suite.to_string().parse::<Suite>(), Ok(suite));
        }
        assert!("mgh11".parse::<Suite>().unwrap_err().contains("mgh, mgh10x"));
    }

    #[test]
    fn both_gates_are_needed() {
        let cases = Suite::Mgh.cases();
        assert_eq!(cases.len(), 35);
        let rosenbrock = &cases[0];
        assert!(rosenbrock.judge(&[1.0, 1.0]).solved);
        assert!(!rosenbrock.judge(&[-1.2, 1.0]).solved);
        // The value is within 1e-6, the gradient is not.
        let near = rosenbrock.judge(&[1.0 + 4e-5, 1.0]);
        assert!(near.value < 1e-6 && near.gradient > 1e-6 && !near.solved);
        // The gradient is small on the way to infinity, the value is that of no minimum.
        let bard = &cases[7];
        assert!(!bard.judge(&[1.0, 1e9, 1e9]).solved);
        assert!(!rosenbrock.judge(&[f64::NAN, 1.0]).solved);
    }

    #[test]
    fn rounding_excuses_a_gradient_that_no_point_can_have_smaller() {
        let meyer = &Suite::Mgh.cases()[9];
        let x = meyer.problem.as_ref().unwrap().minima[0].at.clone().unwrap();
        let verdict = meyer.judge(&x);
        assert!(verdict.gradient > 1e-4 && verdict.solved, "{verdict:?}");
        let off = meyer.judge(&[x[0] * (1.0 + 1e-6), x[1], x[2]]);
        assert!(!off.solved, "{off:?}");
    }

    #[test]
    fn digits_decide_of_fits() {
        let cases = Suite::Nist.cases();
        assert_eq!(cases.len(), 54);
        let Gate::Digits(set) = cases[0].gate else { unreachable!("fits are judged by digits") };
        assert!(cases[0].judge(&set.certified).solved && !cases[0].judge(&set.starts[0]).solved);
    }
}
