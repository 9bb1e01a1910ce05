//! What stops a method before it can answer: a wrong option, a wrong length, an objective that failed.
//!
//! A numerical outcome (no convergence, a NaN, an unbounded objective) is no error but a [`Status`](crate::Status).

use crate::objective::ObjectiveError;
use std::fmt::Display;

/// Why a method could not be started or continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value the method cannot work with.
    #[error("{method}: {option} is {found}, expected {expected}")]
    InvalidOption {
        /// The method whose option it is.
        method: &'static str,
        /// The option, as the builder names it.
        option: &'static str,
        /// The value that was found.
        found: String,
        /// Which values would work.
        expected: &'static str,
    },
    /// A vector does not have the length of the problem.
    #[error("{method}: {argument} has length {found}, expected {expected}")]
    Length {
        /// The method that was asked.
        method: &'static str,
        /// Which vector.
        argument: &'static str,
        /// The length of the problem.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// The objective failed.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
}

/// An [`Error::InvalidOption`] unless `holds`.
pub(crate) fn require(
    holds: bool,
    method: &'static str,
    option: &'static str,
    found: impl Display,
    expected: &'static str,
) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    Err(Error::InvalidOption { method, option, found: found.to_string(), expected })
}

/// An [`Error::Length`] unless both lengths agree.
pub(crate) fn require_length(
    method: &'static str,
    argument: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length { method, argument, expected, found })
}

/// An [`Error::Length`] unless all vectors of a state have the length of the problem.
pub(crate) fn require_lengths<T>(
    method: &'static str,
    expected: usize,
    vectors: &[(&'static str, &Vec<T>)],
) -> Result<(), Error> {
    vectors.iter().try_for_each(|(name, vector)| require_length(method, name, expected, vector.len()))
}

/// An [`Error::InvalidOption`] unless the pairs of a state are such as a run leaves.
pub(crate) fn require_pairs(method: &'static str, sound: bool) -> Result<(), Error> {
    require(
        sound,
        method,
        "state",
        "a memory of pairs of other vectors",
        "that of a run on a problem of this dimension",
    )
}
