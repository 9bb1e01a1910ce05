//! Krylov methods: what can be learned of a matrix from a few products. One file a method.

mod cubic;
mod gltr;
mod lanczos;
mod secular;
mod steihaug;
mod tridiagonal;

pub use cubic::CubicModel;
pub use gltr::Gltr;
pub use lanczos::{Expansion, Lanczos};
pub use steihaug::Steihaug;
