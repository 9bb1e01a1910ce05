//! Numbers that carry their derivatives: [`Dual`], [`HyperDual`], [`Taylor`] and [`Series`]; at several points at once: [`Lanes`].
//!
//! ```
//! use autodiff_core::Elementary;
//! use autodiff_core::number::{Dual, HyperDual, Series, Taylor};
//!
//! // First derivative: sin′ 0 = 1.
//! assert_eq!(Dual::variable(0.0).sin().tangent, 1.0);
//! // Second derivative, exact: (x³)″ = 6x.
//! assert_eq!(HyperDual::variable(2.0).powi(3).cross, 12.0);
//! // Coefficients of 1/(1 − t) to third order, the order a constant of the type.
//! assert_eq!((1.0 - Taylor::<f64, 3>::variable(0.0)).recip().rest, [1.0, 1.0, 1.0]);
//! // The same with the order chosen at run time.
//! assert_eq!((1.0 - Series::variable(0.0, 4)).recip().coefficients(), [1.0; 5]);
//! ```
//!
//! Which one:
//!
//! | type | carries | use it for |
//! |---|---|---|
//! | [`Dual<T>`] | value, one directional derivative | a tangent, a derivative in one variable |
//! | [`Tangents<T, N>`] | value, N directional derivatives | several directions at once |
//! | [`HyperDual<T>`] | value, two tangents, their mixed second derivative | one entry uᵀHv of a Hessian |
//! | [`Taylor<T, K>`] | value and K coefficients | all derivatives up to a small fixed order; `Copy` |
//! | [`Series<T>`] | value and a run-time number of coefficients | high orders; composition and reversion of series |
//!
//! They nest over each other and over `f32` and `f64`: `Dual<Taylor<f64, 3>>` is a Taylor series with its tangent. Over
//! [`Lanes<f64, N>`](Lanes) they do the same at N points at once, on the vector units.
//!
//! # Where the derivatives come from
//!
//! Not one derivative is written in this module. Every elementary function of every type is generated from the row
//! table of [`real`](crate::real), see [`Row::slope`](crate::real::Row::slope).
//!
//! # Conventions
//!
//! * *Order is by value.* `==` and `<` compare values and ignore derivatives, so that a branch goes the way it goes for
//!   plain floats. [`is_zero`](::num_traits::Zero::is_zero) and `is_one` look at every component: code that skips
//!   zeros must not drop a derivative.
//! * *Selecting is by value.* The mask of [`select`](crate::Elementary::select) is its value; comparisons, `floor`,
//!   `round`, `sign` and their like return constants.
//! * *Strong zeros.* A derivative that is exactly 0 stays 0 however singular the function is there:
//!   `constant(0.0).sqrt()` has tangent 0, not 0·∞. A derivative that is not 0 becomes infinite. Of series this holds as long as
//!   all coefficients beyond the value are 0: those of √t⁴ = t² are not known from the zeros of t⁴, and are NaN. It holds for
//!   functions; `+ − × ÷` follow IEEE arithmetic, so `constant(∞) * constant(2.0)` has the tangent 0·2 + ∞·0 = NaN.
//! * *Kinks.* |·|′(0) = 0, relu′(0) = 0, both partials of `hypot` at the origin are 0.
//! * *Plain numbers.* Operators take `f64` on either side, for any `T`. They do not take `f32`, not even over `f32`:
//!   a literal could then be either, and `(2.0 * x).sin()` would not compile. Use `constant(c)` for an `f32`.

#[macro_use]
mod chain;
mod arithmetic;
mod convergence;
mod conversion;
mod display;
mod dual;
mod expansion;
mod hyper_dual;
mod lanes;
mod num_traits;
mod propagate;
mod series;
mod tangents;
mod taylor;

#[cfg(test)]
mod laws;

pub(crate) use chain::Jet;
pub use conversion::OrderMismatch;
pub use dual::Dual;
pub use hyper_dual::HyperDual;
pub use lanes::Lanes;
pub use series::Series;
pub use tangents::Tangents;
pub use taylor::Taylor;
