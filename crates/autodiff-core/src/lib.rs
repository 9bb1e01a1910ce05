//! Exact gradients, Hessian-vector products and Taylor series of ordinary closures, by transforms of graphs.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! let f = Function::new(|x: &[Var]| x[0].exp() * x[1].sin());
//! let (x, v) = (vec![0.0, 0.0], vec![1.0, 2.0]);
//! assert_eq!(f.gradient(&x)?, [0.0, 1.0]);
//! assert_eq!(f.hvp(&x, &v)?, [2.0, 1.0]); // the Hessian there is [[0, 1], [1, 0]]
//! # Ok::<(), autodiff_core::Error>(())
//! ```
//!
//! # The picture
//!
//! * [`Function`] is made from a closure, traces it at the first call, and offers every derivative as a method; the functions
//!   [`gradient`], [`hvp`], [`hessian`], [`taylor`] … do so once. [`Function::linearize`] prepares a point for many products, and
//!   [`Function::flat`] is the form that solvers take.
//! * [`Var`] is what the closure computes with: a scalar or an array, `Copy`, with operators, broadcasting, and methods from
//!   `sin` to [`conv2d`](Var::conv2d). Derivatives inside the closure are methods too: [`Var::gradient`], [`Var::tangent`],
//!   [`Var::taylor`], [`Var::laplacian`].
//! * A point is a [`Tree`]: floats, `ndarray` arrays, lists, tuples, structs with `#[derive(Tree)]`. [`Data`] stands beside it.
//! * [`Dual`], [`HyperDual`], [`Taylor`] and [`Series`] differentiate generic functions over [`Real`] without a tape, over
//!   [`Lanes`] at several points at once.
//!
//! # Which one, and why not the other
//!
//! | you have | use | because |
//! |---|---|---|
//! | a loss that is evaluated many times | [`Function`] | it is traced once, replays without allocating, and knows arrays |
//! | a small formula, once | [`gradient`], [`hvp`], … | one line; traces at every call |
//! | a generic function of few variables | [`Dual`], [`HyperDual`], [`Taylor`] | no tape at all; cost grows with the number of variables |
//! | a derivative inside a loss | [`Var::gradient`] and its kin | same tape, so it can be differentiated again |
//!
//! # Errors and branches
//!
//! Operators on [`Var`] need no `?`: the first operation that does not fit is kept with its shapes and its line, and the call of
//! the function returns it as an [`Error`]. A branch on variables (`if a < b`) is guarded: where it comes out otherwise, the
//! closure is traced again.
//!
//! # Inside
//!
//! The modules, from left to right: [`real`] and [`number`]; [`shape`], [`tensor`], [`error`]; [`graph`], [`trace`],
//! [`primitive`], [`text`]; [`transform`]; [`tree`]; [`compile`], [`execute`], [`sweep`]; [`function`]; [`ode`]. Each imports only what stands before
//! it.

#![forbid(unsafe_code)]

pub mod compile;
pub mod error;
pub mod execute;
pub mod function;
pub mod graph;
pub mod number;
pub mod ode;
pub mod primitive;
pub mod real;
pub mod shape;
pub mod sweep;
pub mod tensor;
pub mod text;
pub mod trace;
pub mod transform;
pub mod tree;

pub use derive::Tree;
pub use error::{Error, Result};
pub use function::{
    Estimate, Function, Probe, checkpoint, gradient, hessian, hvp, jacobian, laplacian, map_rows, sum_over, taylor,
    value, value_and_gradient,
};
pub use graph::{Executable, Var};
pub use ndarray;
pub use number::{Dual, HyperDual, Lanes, Series, Taylor};
pub use primitive::{Conv1d, Conv2d, Padding, concat, stack};
pub use real::{Elementary, Float, Precision, Real};
pub use shape::Shape;
pub use tree::{Data, Leaves, Traced, Tree, constant};
