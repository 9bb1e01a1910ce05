#![doc = include_str!("../README.md")]

pub use autodiff_core as core;
pub use autodiff_core::*;
pub use nn;
pub use optim;
