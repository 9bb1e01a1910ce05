//! [`Workload`]: the problems of `testkit` by name, with the precision each is timed at and the operators it has.

use crate::operator::Operator::{self, *};
use clap::ValueEnum;
use std::fmt;
use std::str::FromStr;

/// A problem. Definitions and reference numbers are in `testkit::workloads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are explained in testkit")]
pub enum Workload {
    N1,
    N1s,
    N2,
    N3,
    N4,
    N5,
    S1,
    S1b,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    T1,
    T2a,
    T2b,
    T3,
    T3a,
    T3b,
    T4,
}

use Workload::{N1, N1s, N2, N3, N4, N5, S1, S1b, S2, S3, S4, S5, S6, S7, T1, T2a, T2b, T3, T3a, T3b, T4};

/// Every workload, in the order of reports.
pub const ALL: [Workload; 21] =
    [N1, N1s, N2, N3, N4, N5, S1, S1b, S2, S3, S4, S5, S6, S7, T1, T2a, T2b, T3, T3a, T3b, T4];

/// Precision of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        })
    }
}

/// How a function is written: with arrays, or as a loop over scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Form {
    /// Operations on whole arrays.
    Array,
    /// A loop over single variables.
    Scalar,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::Array => "array",
            Form::Scalar => "scalar",
        })
    }
}

const STANDARD: [Operator; 6] = [Value, Gradient, Hvp, Linearize, HvpLinearized, Hvps16];

/// Of functions in plain loops, which are dear to record beside their cost in native code.
const LOOPS: [Operator; 9] = [Native, Record, Value, Gradient, GradientOneShot, Hvp, Linearize, HvpLinearized, Hvps16];

impl Workload {
    /// The precision it is timed at unless another is asked for.
    pub fn precision(self) -> Precision {
        if matches!(self, N1 | N2 | N3 | N4) { Precision::F32 } else { Precision::F64 }
    }

    /// The ways in which it is written, the usual one first.
    pub fn forms(self) -> &'static [Form] {
        match self {
            S1 | S1b | S3 => &[Form::Array, Form::Scalar],
            S2 | S4 | S5 | S6 | S7 | T3a | T3b => &[Form::Scalar],
            _ => &[Form::Array],
        }
    }

    /// Whether `all` includes it in this form: making programs of some 10⁷ operations takes minutes.
    pub fn is_quick(self, form: Form) -> bool {
        !matches!((self, form), (S2 | S4, _) | (S1b, Form::Scalar))
    }

    /// The operators it has in a form, in the order of reports.
    pub fn operators(self, form: Form) -> Vec<Operator> {
        match self {
            S4 => vec![Native, Record, Value, Jacobian],
            T3a | T3b => [&LOOPS[..], &[Taylor(10), Taylor(30)]].concat(),
            _ if form == Form::Scalar => LOOPS.to_vec(),
            T1 => vec![Taylor(2), Taylor(4), Taylor(6), Taylor(10), TaylorGradient(2), TaylorGradient(4)],
            T2a | T2b => vec![Laplacian, LaplacianPerDirection, LaplacianGradient],
            T3 => vec![Native, Record, Taylor(5), Taylor(10), Taylor(30)],
            T4 => vec![VanDerPol, VanDerPolLanes, SixBody],
            N1s | N5 => [&[Native], &STANDARD[..], &[Ggn]].concat(),
            N1 | N2 | N3 | N4 => [&STANDARD[..], &[Ggn]].concat(),
            S1 | S1b | S2 | S3 | S5 | S6 | S7 => [&[Native], &STANDARD[..]].concat(),
        }
    }

    /// The name under which `testkit::golden` has its reference numbers, if it has.
    pub fn golden(self) -> Option<&'static str> {
        match self {
            S1 => Some("S1a"),
            N1 => Some("N1"),
            N1s => Some("N1s"),
            N2 => Some("N2"),
            N3 => Some("N3"),
            N4 => Some("N4"),
            N5 => Some("N5"),
            S1b => Some("S1b"),
            S2 => Some("S2"),
            S3 => Some("S3"),
            S4 | S5 | S6 | S7 | T1 | T2a | T2b | T3 | T3a | T3b | T4 => None,
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

impl FromStr for Workload {
    type Err = String;
    fn from_str(name: &str) -> Result<Workload, String> {
        ALL.into_iter().find(|w| w.to_string() == name).ok_or_else(|| {
            let names: Vec<String> = ALL.iter().map(Workload::to_string).collect();
            format!("no workload `{name}`; there are {}, `T2` for T2a and T2b, or `all`", names.join(", "))
        })
    }
}
