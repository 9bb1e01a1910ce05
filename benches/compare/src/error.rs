//! What can go wrong in a comparison.

use std::path::PathBuf;

/// A measurement that could not be made, or whose numbers cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of our own operators failed.
    #[error("jetgrad: {0}")]
    Ours(#[from] autodiff_core::Error),
    /// Two systems computed different numbers.
    #[error("{0}")]
    Disagreement(String),
    /// No interpreter with a peer's package.
    #[error(
        "no Python with {package} found: {tried}. Make environments with benches/compare/peers/setup.sh DIR and set \
         JETGRAD_PEERS=DIR, or pass --python PATH[:PATH]"
    )]
    NoInterpreter {
        /// The package.
        package: &'static str,
        /// Where it was looked for.
        tried: String,
    },
    /// No driver of a peer in native code.
    #[error(
        "no driver of {peer}: {tried}. Build it with benches/compare/peers/setup.sh DIR {peer} (it needs {needs}) and set \
         JETGRAD_PEERS=DIR"
    )]
    NoDriver {
        /// The peer.
        peer: &'static str,
        /// Where it was looked for.
        tried: String,
        /// What it is built with.
        needs: &'static str,
    },
    /// None of the peers that were asked for could be started.
    #[error("none of the other systems can be run")]
    NoPeer,
    /// A peer's process reported an error or broke off.
    #[error("{peer}: {message}")]
    Peer {
        /// Its name.
        peer: String,
        /// What it said.
        message: String,
    },
    /// A file or pipe.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The plot.
    #[error("plot: {0}")]
    Plot(String),
    /// The pool or the pinning of threads.
    #[error("threads: {0}")]
    Threads(String),
}

/// The result of a step of a comparison.
pub type Result<T> = std::result::Result<T, Error>;
