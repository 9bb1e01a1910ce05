//! A method as a value: what the front end, the multi-start driver and other drivers ask of a builder.

use crate::adam::{Adam, AdamSolver, FullBatch};
use crate::barzilai_borwein::{BarzilaiBorwein, BarzilaiBorweinSolver};
use crate::cubic_regularization::{CubicRegularization, CubicRegularizationSolver};
use crate::descent::Descent;
use crate::descent_direction::{DescentSolver, Direction};
use crate::error::Error;
use crate::gradient_descent::{GradientDescent, GradientDescentSolver};
use crate::lbfgs::{Bfgs, Lbfgs, LbfgsSolver};
use crate::lbfgsb::{Lbfgsb, LbfgsbSolver};
use crate::line_descent::LineDescent;
use crate::line_search::LineSearch;
use crate::lsr1::{Lsr1, Lsr1Solver};
use crate::newton_cg::{NewtonCg, NewtonCgSolver};
use crate::newton_mr::{NewtonMr, NewtonMrSolver};
use crate::nonlinear_cg::{NonlinearCg, NonlinearCgSolver};
use crate::objective::Objective;
use crate::owl_qn::{OwlQn, OwlQnSolver};
use crate::projected_newton::{ProjectedNewton, ProjectedNewtonSolver};
use crate::scalar::Scalar;
use crate::solver::Solver;
use crate::trust_region::{TrustRegion, TrustRegionSolver};

/// The options of a method, ready to be started on any objective.
///
/// ```
/// use optim::{Error, Lbfgs, Method, Objective, Report, Solver, TrustRegion};
/// use std::ops::ControlFlow;
///
/// /// One function for every method.
/// fn value_after<M: Method<f64>>(method: M, f: &impl Objective<f64>, iterations: usize) -> Result<f64, Error> {
///     let mut solver = method.start(f, &[2.0])?;
///     for _ in 0..iterations {
///         if solver.step()?.is_break() {
///             break;
///         }
///     }
///     Ok(solver.progress().value)
/// }
///
/// let f = optim::FromParts::new(
///     1,
///     |x: &[f64]| x[0] * x[0],
///     |x: &[f64], g: &mut [f64]| g[0] = 2.0 * x[0],
///     |_: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 2.0 * v[0],
/// );
/// assert!(value_after(Lbfgs::new(), &f, 2)? < 1e-20);
/// assert!(value_after(TrustRegion::new(), &f, 2)? < 1e-20);
/// # Ok::<(), Error>(())
/// ```
pub trait Method<T: Scalar> {
    /// A run of the method.
    type Solver<'o, O: Objective<T> + 'o>: Solver<T>;

    /// A run at its starting point `x`, to be stepped.
    ///
    /// # Errors
    /// An option that makes no sense, an `x` of the wrong length, or what the objective reports.
    fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<Self::Solver<'o, O>, Error>;

    /// The method with this ‖g‖₂ for convergence; at 0 its own test is met by a gradient of zero alone.
    fn with_gradient_tolerance(self, tolerance: T) -> Self;
}

/// [`Method`] of a builder by its inherent methods.
macro_rules! methods {
    ($([$($generics:tt)*] $builder:ty => $solver:ty;)*) => {$(
        impl<T: Scalar, $($generics)*> Method<T> for $builder {
            type Solver<'o, O: Objective<T> + 'o> = $solver;

            fn start<'o, O: Objective<T>>(self, objective: &'o O, x: &[T]) -> Result<Self::Solver<'o, O>, Error> {
                <$builder>::start(self, objective, x)
            }

            fn with_gradient_tolerance(self, tolerance: T) -> Self {
                self.gradient_tolerance(tolerance)
            }
        }
    )*};
}

methods! {
    [] Adam<T> => AdamSolver<T, FullBatch<'o, O>>;
    [] BarzilaiBorwein<T> => BarzilaiBorweinSolver<'o, T, O>;
    [L: LineSearch<T>] Bfgs<T, L> => LbfgsSolver<'o, T, O, L>;
    [] CubicRegularization<T> => CubicRegularizationSolver<'o, T, O>;
    [] GradientDescent<T> => GradientDescentSolver<'o, T, O>;
    [L: LineSearch<T>] Lbfgs<T, L> => LbfgsSolver<'o, T, O, L>;
    [] Lbfgsb<T> => LbfgsbSolver<'o, T, O>;
    [D: Direction<T>, L: LineSearch<T>] LineDescent<T, D, L> => DescentSolver<'o, T, O, D, L>;
    [D: Descent<T>] Lsr1<T, D> => Lsr1Solver<'o, T, O, D>;
    [] NewtonCg<T> => NewtonCgSolver<'o, T, O>;
    [] NewtonMr<T> => NewtonMrSolver<'o, T, O>;
    [L: LineSearch<T>] NonlinearCg<T, L> => NonlinearCgSolver<'o, T, O, L>;
    [] OwlQn<T> => OwlQnSolver<'o, T, O>;
    [] ProjectedNewton<T> => ProjectedNewtonSolver<'o, T, O>;
    [D: Descent<T>] TrustRegion<T, D> => TrustRegionSolver<'o, T, O, D>;
}
