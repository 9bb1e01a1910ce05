//! Running graphs: the interpreter, which is the oracle, and programs, which run without allocating.

mod chains;
mod interpret;
mod layout;
mod listing;
mod memory;
mod pairs;
mod plan;
mod program;
mod recurrence;
mod region;
mod repeat;
mod scalars;
mod statistics;
mod tiles;
mod touched;

pub use interpret::interpret;
pub use program::{Group, Guards, Interface, Outcome, Phase, Program, Role, Workspace};
pub(crate) use recurrence::{Coefficients, Recurrences, Slopes};
pub use statistics::Statistics;
