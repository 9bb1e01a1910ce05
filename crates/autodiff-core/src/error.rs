//! What can go wrong, said with the operation, the shapes and the user's line.

use crate::shape::Shape;
use std::panic::Location;

/// Why a function could not be traced or run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation in the closure does not fit its operands.
    #[error("{operation}: {message} at {location}")]
    Operation {
        /// The operation that does not fit.
        operation: String,
        /// What was asked and what was found.
        message: String,
        /// The line of the closure.
        location: Place,
    },
    /// A variable of another trace, or of one that has ended, was used.
    #[error(
        "{operation}: a variable belongs to another trace at {location} (to differentiate inside a closure use Var::gradient and its kin, which stay on the same tape)"
    )]
    ForeignVariable {
        /// The operation that met the variable.
        operation: String,
        /// The line of the closure.
        location: Place,
    },
    /// The closure of a scalar operator returned something else than one scalar.
    #[error("{operator} needs a closure that returns one scalar, found outputs of shapes {found:?}")]
    NotScalar {
        /// The operator asked for.
        operator: &'static str,
        /// Shapes of what the closure returned.
        found: Vec<Shape>,
    },
    /// An argument has another structure than the point.
    #[error("{operator}: {argument} has leaves of shapes {}, expected {}", abridged(found), abridged(expected))]
    Structure {
        /// The operator asked for.
        operator: &'static str,
        /// Which argument.
        argument: &'static str,
        /// Shapes that were expected.
        expected: Vec<Shape>,
        /// Shapes that were found.
        found: Vec<Shape>,
    },
    /// A flat argument has another length than the point or output.
    #[error("{operator}: {argument} has length {found}, expected {expected}")]
    Length {
        /// The operator asked for.
        operator: &'static str,
        /// Which argument.
        argument: &'static str,
        /// Length that was expected.
        expected: usize,
        /// Length that was found.
        found: usize,
    },
    /// An index met at run time lies outside its axis.
    #[error("{operation}: index {index} at position {position} is not below the length {length} of the axis")]
    Index {
        /// The operation that met the index.
        operation: &'static str,
        /// The offending number.
        index: f64,
        /// Its place in the index array.
        position: usize,
        /// Length of the axis.
        length: usize,
    },
    /// A whole number in the data is too large to be represented at the precision of the point.
    #[error("index {index} in the data is not exact in single precision (above 2^24): use a point of f64")]
    InexactIndex {
        /// The offending number.
        index: usize,
    },
    /// The operator is not defined for this function.
    #[error("{operator}: {message}")]
    Unsupported {
        /// The operator asked for.
        operator: &'static str,
        /// What is missing, and what would work.
        message: String,
    },
    /// Text that is not a graph.
    #[error("graph text, line {line}: {message}")]
    Parse {
        /// Line, from 1.
        line: usize,
        /// What was expected and found.
        message: String,
    },
    /// A graph that breaks an invariant.
    #[error("invalid graph at node %{node}: {message}")]
    Invalid {
        /// The node.
        node: usize,
        /// The invariant that is broken.
        message: String,
    },
}

impl Error {
    /// The same error of an operator that another stands behind.
    pub(crate) fn of(mut self, name: &'static str) -> Error {
        if let Error::NotScalar { operator, .. }
        | Error::Structure { operator, .. }
        | Error::Length { operator, .. }
        | Error::Unsupported { operator, .. } = &mut self
        {
            *operator = name;
        }
        self
    }
}

/// A list of shapes, cut where it is long.
fn abridged(shapes: &[Shape]) -> String {
    const SHOWN: usize = 6;
    let mut text = format!("{:?}", &shapes[..shapes.len().min(SHOWN)]);
    if shapes.len() > SHOWN {
        text.truncate(text.len() - 1);
        text.push_str(&format!(", … {} in all]", shapes.len()));
    }
    text
}

/// Result of tracing or running.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A line of the user's source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place(pub &'static Location<'static>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.0.file(), self.0.line(), self.0.column())
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
