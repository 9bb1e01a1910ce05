//! Exact gradients, Hessian-vector products and Taylor series of ordinary Rust closures.

pub use autodiff_core as core;
pub use autodiff_core::*;
pub use nn;
pub use optim;
