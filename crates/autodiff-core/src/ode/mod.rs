//! Ordinary differential equations y′ = f(y, t) by Taylor's method: the solution as a series of high order, step by step.
//!
//! The closure for f is all that is asked for. Coefficients of the solution follow from one another: yₖ₊₁ = fₖ/(k + 1), where fₖ is the
//! coefficient of f along the series so far; so a step of order K costs about K²/2 evaluations of the products in f. At order 20
//! steps are long, and each is as exact as its numbers.
//!
//! ```
//! use autodiff_core::ode::Trajectory;
//! use autodiff_core::Var;
//! // A pendulum of length 1, let go at 1 radian.
//! let pendulum = |y: &[Var], _time: Var| vec![y[1], -9.81 * y[0].sin()];
//! let mut swing = Trajectory::new(pendulum, &vec![1.0, 0.0], 0.0);
//! let energy = |y: &[f64]| y[1] * y[1] / 2.0 - 9.81 * y[0].cos();
//! let before = energy(swing.entries());
//! swing.advance_to(10.0)?;
//! assert!((energy(swing.entries()) / before - 1.0).abs() < 1e-14);
//! # Ok::<(), autodiff_core::Error>(())
//! ```
//!
//! Source: Jorba and Zou, *A software package for the numerical integration of ODEs by means of high-order Taylor methods*,
//! Experimental Mathematics 14 (2005); Griewank and Walther, *Evaluating Derivatives*, chapter 13.

mod switching;
mod trajectory;

pub use trajectory::{Step, Trajectory, taylor_step};
