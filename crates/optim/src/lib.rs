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
//!   ([`LocalModel::hvp`]). [`FromParts`] makes one from hand-written closures, [`DataSum`] one from terms.
//! * Curvature is a [`LinearOperator`]; no dense Hessian is formed anywhere in this crate.
//! * A second-order method is search × descent ([`bounded_steps`]): a [`Descent`] says which step a radius allows, the
//!   search accepts it and sets the next radius. A rejected step costs zero further products.
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
//! | [`Lbfgs`] | a gradient | when there are no products, or a product costs much more than a gradient |
//! | [`Bfgs`] | a gradient | for few variables |
//! | [`NewtonCg`] | a value, a gradient, some products | as the trust region, where a line search fits better |
//! | [`Lsr1`] | a gradient | as [`Lbfgs`], where the Hessian is indefinite |
//! | [`NonlinearCg`] | one to three gradients | when memory holds a handful of vectors |
//! | [`BarzilaiBorwein`] | a value, a gradient | as above, for functions close to quadratic |
//! | [`Lbfgsb`] | a gradient | when variables have bounds |
//! | [`OwlQn`] | a value, a gradient | for f + λ ‖x‖₁: when the answer is to be sparse |
//! | [`GradientDescent`] | a gradient, some values, one product or one expansion | as the baseline, or when a step must be simple |
//! | [`Adam`] | a gradient | when gradients come from mini-batches |
//! | [`LineDescent`] | what its parts ask | with a direction or a line search of your own |
//!
//! [`minimize()`] and, for least squares, [`fit`] are the front end: method, stopping tests ([`Stop`]) and observers
//! ([`History`]) in one line.
//! [`MultiStart`] runs any of these from many points. The parts can be used alone: [`line_search`], [`krylov`],
//! [`quasi_newton`], [`RadiusSearch`]. Formulas, safeguards and sources side by side: `docs/optimizers.md`.
//!
//! # Features
//!
//! None is on by default. `serde`: solver states that are written down and read back to the same bits; `progress`: a
//! progress bar; `argmin`, `basin`: their problems as ours and ours as theirs.
//!
//! # Numbers that are not finite
//!
//! A NaN or an infinity never spins: at the starting point it is [`Status::NonFinite`]; at a trial point it is a
//! rejected step where the method can shorten its steps, and a status where it cannot.

#![forbid(unsafe_code)]

pub mod adam;
pub mod barzilai_borwein;
#[cfg(feature = "serde")]
mod bits;
pub mod bounded_steps;
mod bounds;
mod counted;
pub mod cubic_regularization;
pub mod data_sum;
pub mod descent;
pub mod descent_direction;
mod error;
mod forcing;
mod function;
pub mod gauss_newton;
pub mod gradient_descent;
mod halving;
pub mod interop;
pub mod krylov;
pub mod lbfgs;
pub mod lbfgsb;
pub mod least_squares;
pub mod levenberg_marquardt;
mod limits;
pub mod line_descent;
pub mod line_search;
pub mod lsr1;
pub mod method;
pub mod minimize;
pub mod multi_start;
pub mod newton_cg;
pub mod newton_mr;
pub mod nonlinear_cg;
pub mod objective;
pub mod observer;
pub mod operator;
pub mod owl_qn;
#[cfg(feature = "progress")]
mod progress_bar;
pub mod projected_newton;
pub mod quasi_newton;
pub mod radius_search;
mod scalar;
pub mod schedule;
mod second_order;
mod site;
mod small_matrix;
pub mod solver;
mod standing;
pub mod status;
pub mod stop;
pub mod trust_region;
mod vector;

pub use adam::{Adam, AdamRun, AdamSolver, AdamState, FullBatch, GradientSource};
pub use barzilai_borwein::{BarzilaiBorwein, BarzilaiBorweinSolver};
pub use counted::{Counted, CountedModel};
pub use cubic_regularization::{CubicRegularization, CubicRegularizationSolver};
pub use data_sum::{DataSum, DataSumModel};
pub use descent::{Descent, ModelStep, StepEnd};
pub use descent_direction::{DescentSolver, DescentState, Direction};
pub use error::Error;
pub use forcing::Forcing;
pub use function::FunctionModel;
pub use gauss_newton::{GaussNewton, GaussNewtonSolver};
pub use gradient_descent::{GradientDescent, GradientDescentSolver, GradientDescentState, StepRule};
pub use krylov::{
    Bidiagonal, ConjugateGradients, CubicModel, Expansion, Gltr, KrylovEnd, Lanczos, Lobpcg, Lsmr, Minres, SaddleFree,
    ShiftedLanczos, Solution, Steihaug,
};
pub use lbfgs::{Bfgs, Lbfgs, LbfgsSolver, LbfgsState};
pub use lbfgsb::{Lbfgsb, LbfgsbSolver};
pub use least_squares::{
    FunctionResidual, HalfSquares, HalfSquaresModel, JacobianOperator, LeastSquares, ResidualModel, half_squares,
};
pub use levenberg_marquardt::{Acceleration, LevenbergMarquardt, LevenbergMarquardtSolver, Scaling};
pub use line_descent::LineDescent;
pub use line_search::{Backtracking, HagerZhang, LineFunction, LineSearch, MoreThuente};
pub use lsr1::{Lsr1, Lsr1Solver};
pub use method::Method;
pub use minimize::{Minimize, drive, fit, minimize};
pub use multi_start::MultiStart;
pub use newton_cg::{NewtonCg, NewtonCgSolver};
pub use newton_mr::{NewtonMr, NewtonMrSolver};
pub use nonlinear_cg::{Conjugacy, NonlinearCg, NonlinearCgSolver};
pub use objective::{FromParts, LocalModel, NoProduct, Objective, ObjectiveError, PartsModel};
pub use observer::{History, Observer};
pub use operator::{
    Composed, Damped, Diagonal, GaussNewtonOperator, HessianOperator, Identity, LinearOperator, OperatorFn,
    RectangularFn, RectangularOperator, Restricted, Scaled, Sum,
};
pub use owl_qn::{OwlQn, OwlQnSolver};
#[cfg(feature = "progress")]
pub use progress_bar::ProgressBar;
pub use projected_newton::{ProjectedNewton, ProjectedNewtonSolver};
pub use quasi_newton::{LbfgsInverse, Lsr1Operator};
pub use radius_search::{Judgement, RadiusSearch, Verdict};
pub use scalar::Scalar;
pub use schedule::Schedule;
pub use solver::Solver;
pub use status::{Cause, Counts, Criterion, Place, Progress, Report, Status};
pub use stop::Stop;
pub use trust_region::{TrustRegion, TrustRegionSolver, TrustRegionState};

/// The code of the guide, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/optimizers.md")]
struct Guide;
