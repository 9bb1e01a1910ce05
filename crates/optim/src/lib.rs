//! First- and second-order optimizers that see curvature only through Hessian-vector products.
//!
//! ```
//! use optim::{FromParts, TrustRegion};
//! let f = FromParts::new(
//!     1,
//!     |x: &[f64]| x[0].exp() - 2.0 * x[0],
//!     |x: &[f64], g: &mut [f64]| g[0] = x[0].exp() - 2.0,
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = x[0].exp() * v[0],
//! );
//! let report = TrustRegion::new().minimize(&f, &[0.0])?;
//! assert!(report.status.is_converged());
//! assert!((report.x[0] - 2.0_f64.ln()).abs() < 1e-8); // ‖g‖ ≤ 1.5e-8 over the curvature 2
//! # Ok::<(), optim::Error>(())
//! ```
//!
//! # The picture
//!
//! * A problem is an [`Objective`] on flat vectors: *prepare a point once* ([`Objective::at`]), *multiply many times*
//!   ([`LocalModel::hvp`]). [`FromParts`] makes one from hand-written closures.
//! * Curvature is a [`LinearOperator`]; no dense Hessian is formed anywhere in this crate.
//! * A second-order method is search × descent: a [`Descent`] says which step a radius allows, the search accepts it
//!   and sets the next radius. A rejected step costs zero further products.
//! * Every method is a builder with documented defaults, a [`Solver`] that can be stepped or observed, and a
//!   [`Report`] with a typed [`Status`] and exact [`Counts`].
//!
//! # Which method
//!
//! | method | an iteration costs | use it |
//! |---|---|---|
//! | [`TrustRegion`] | a value, a gradient, some products | when the objective is deterministic and smooth: the default |
//! | [`CubicRegularization`] | a value, a gradient, some products | as the trust region; where a worst case must be bounded |
//! | [`NewtonMr`] | some values, a gradient, some products | where the Hessian is singular or indefinite far from a minimum |
//! | [`ProjectedNewton`] | a value, a gradient, some products | as the trust region, for variables between bounds |
//! | [`LevenbergMarquardt`] | residuals, products with J and Jᵀ | when the objective is ½ ‖r‖²: fits, nonlinear systems |
//! | [`GaussNewton`] | residuals, products with J and Jᵀ | as above, for large problems with small residuals |
//! | [`GradientDescent`] | a gradient, some values or one product | as the baseline, or when a step must be simple |
//! | [`Adam`] | a gradient | when gradients come from mini-batches |
//!
//! # Numbers that are not finite
//!
//! A NaN or an infinity never spins: at the starting point it is [`Status::NonFinite`]; at a trial point it is a
//! rejected step where the method can shorten its steps, and a status where it cannot.

#![forbid(unsafe_code)]

pub mod adam;
pub mod cubic_regularization;
pub mod descent;
mod error;
mod forcing;
mod function;
pub mod gauss_newton;
pub mod gradient_descent;
pub mod krylov;
pub mod least_squares;
pub mod levenberg_marquardt;
mod limits;
pub mod newton_mr;
pub mod objective;
pub mod operator;
pub mod projected_newton;
pub mod radius_search;
mod scalar;
pub mod schedule;
mod second_order;
pub mod solver;
mod standing;
pub mod status;
pub mod trust_region;
mod vector;

pub use adam::{Adam, AdamSolver, AdamState, FullBatch, GradientSource};
pub use cubic_regularization::{CubicRegularization, CubicRegularizationSolver};
pub use descent::{Descent, ModelStep, StepEnd};
pub use error::Error;
pub use forcing::Forcing;
pub use function::FunctionModel;
pub use gauss_newton::{GaussNewton, GaussNewtonSolver};
pub use gradient_descent::{GradientDescent, GradientDescentSolver, StepRule};
pub use krylov::{
    Bidiagonal, ConjugateGradients, CubicModel, Expansion, Gltr, KrylovEnd, Lanczos, Lobpcg, Lsmr, Minres, SaddleFree,
    ShiftedLanczos, Solution, Steihaug,
};
pub use least_squares::{
    FunctionResidual, HalfSquares, HalfSquaresModel, JacobianOperator, LeastSquares, ResidualModel,
};
pub use levenberg_marquardt::{Acceleration, LevenbergMarquardt, LevenbergMarquardtSolver, Scaling};
pub use newton_mr::{NewtonMr, NewtonMrSolver};
pub use objective::{FromParts, LocalModel, NoProduct, Objective, ObjectiveError, PartsModel};
pub use operator::{
    Composed, Damped, Diagonal, GaussNewtonOperator, HessianOperator, Identity, LinearOperator, OperatorFn,
    RectangularFn, RectangularOperator, Restricted, Scaled, Sum,
};
pub use projected_newton::{ProjectedNewton, ProjectedNewtonSolver};
pub use radius_search::{Judgement, RadiusSearch, Verdict};
pub use scalar::Scalar;
pub use schedule::Schedule;
pub use solver::Solver;
pub use status::{Counts, Criterion, Place, Progress, Report, Status};
pub use trust_region::{TrustRegion, TrustRegionSolver};
