//! Running graphs: the interpreter, which is the oracle, and programs, which run without allocating.

mod interpret;
mod layout;
mod plan;
mod program;
mod region;

pub use interpret::interpret;
pub use program::{Guards, Outcome, Program, Statistics, Workspace};
