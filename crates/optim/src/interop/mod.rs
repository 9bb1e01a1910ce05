//! Problems of this crate for the solvers of others, and theirs for ours. Each module is behind the feature of its name.

#[cfg(feature = "argmin")]
pub mod argmin;
#[cfg(feature = "basin")]
pub mod basin;
