#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use autodiff_core;
pub use autodiff_core::*;
pub use nn;
pub use optim;
