//! Automatic differentiation by graph transforms.

pub mod compile;
pub mod error;
pub mod execute;
pub mod function;
pub mod graph;
pub mod number;
pub mod primitive;
pub mod real;
pub mod shape;
pub mod tensor;
pub mod text;
pub mod trace;
pub mod transform;
pub mod tree;

pub use derive::Tree;
pub use error::{Error, Result};
pub use function::{Function, gradient, hessian, hvp, jacobian, laplacian, taylor, value, value_and_gradient};
pub use graph::{Executable, Var};
pub use ndarray;
pub use number::{Dual, HyperDual, Series, Taylor};
pub use primitive::{Conv1d, Conv2d, Padding, concat, stack};
pub use real::{Elementary, Float, Precision, Real};
pub use shape::Shape;
pub use tree::{Data, Leaves, Traced, Tree, constant};
