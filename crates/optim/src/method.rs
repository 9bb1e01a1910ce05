//! A method as a value: what the front end, the multi-start driver and other drivers ask of a builder.

use crate::adam::{Adam, AdamRun, AdamSolver, FullBatch};
use crate::barzilai_borwein::{BarzilaiBorwein, SecantSteps};
use crate::bounded_steps::BoundedState;
use crate::cubic_regularization::{CubicRegularization, CubicRegularizationSolver};
use crate::descent::Descent;
use crate::descent_direction::{DescentSolver, DescentState, Direction};
use crate::error::Error;
use crate::gauss_newton::{GaussNewton, GaussNewtonSolver, GaussNewtonState};
use crate::gradient_descent::{GradientDescent, GradientDescentSolver, GradientDescentState};
use crate::lbfgs::{Bfgs, Lbfgs, LbfgsSolver, QuasiNewtonDirection};
use crate::lbfgsb::{Lbfgsb, LbfgsbSolver, LbfgsbState};
use crate::least_squares::LeastSquares;
use crate::levenberg_marquardt::{LevenbergMarquardt, LevenbergMarquardtSolver, LevenbergMarquardtState};
use crate::line_descent::LineDescent;
use crate::line_search::{Backtracking, LineSearch};
use crate::lsr1::{Lsr1, Lsr1Solver, Lsr1State};
use crate::newton_cg::{NewtonCg, NewtonCgSolver, NewtonCgState};
use crate::newton_mr::{NewtonMr, NewtonMrSolver, NewtonMrState};
use crate::nonlinear_cg::{ConjugateDirection, NonlinearCg, NonlinearCgSolver};
use crate::objective::Objective;
use crate::owl_qn::{OwlQn, OwlQnSolver, OwlQnState};
use crate::projected_newton::{ProjectedNewton, ProjectedNewtonSolver, ProjectedNewtonState};
use crate::scalar::Scalar;
use crate::solver::Solver;
use crate::trust_region::{TrustRegion, TrustRegionSolver};

/// The options of a method, ready to be started on any problem of its kind: an [`Objective`], or [`LeastSquares`].
///
/// ```
/// use optim::{Error, Lbfgs, LevenbergMarquardt, Method, Solver, TrustRegion};
/// use std::ops::ControlFlow;
///
/// /// One function for every method and problem.
/// fn value_after<P, M: Method<f64, P>>(method: M, problem: &P, iterations: usize) -> Result<f64, Error> {
///     let mut solver = method.start(problem, &[2.0])?;
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
///
/// use autodiff_core::{Function, Var};
/// let r = Function::new(|x: &[Var]| vec![x[0].exp() - 1.0]);
/// assert!(value_after(LevenbergMarquardt::new(), &r.flat(&vec![0.0]), 20)? < 1e-20);
/// # Ok::<(), Error>(())
/// ```
pub trait Method<T: Scalar, P> {
    /// What a run is apart from its problem and its options. It comes from the method `state` of the solver, and can be
    /// copied, kept as text with the feature `serde`, and gone on with.
    type State;

    /// A run of the method.
    type Solver<'o>: Solver<T>
    where
        P: 'o;

    /// A run at its starting point `x`, to be stepped.
    ///
    /// # Errors
    /// An option that makes no sense, an `x` of the wrong length, or what the problem reports.
    fn start<'o>(self, problem: &'o P, x: &[T]) -> Result<Self::Solver<'o>, Error>;

    /// The run of this state, the bits of all that follows the same as if it had never stopped. A model at the point, and a
    /// Krylov space there, that were known are made once more; the counts of the run leave that out.
    ///
    /// What the run has learnt is that of the state: its radius, weight or α, its pairs and how many there may be, its
    /// direction and line search. Everything else is that of this builder, the limits included: a run that has ended at its
    /// last iteration goes on where there are now more, and one that has converged where the gradient is to be smaller.
    /// The weight of an L1 penalty, the bounds and a rule for steps must be those the state was made with.
    ///
    /// ```
    /// use optim::{Counted, FromParts, Lbfgs, Method, Solver, Status};
    /// use std::ops::ControlFlow;
    /// let f = FromParts::first_order(1, |x: &[f64]| x[0].cosh(), |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh());
    /// let mut solver = Lbfgs::new().max_iterations(2).start(&f, &[3.0])?;
    /// while solver.step()?.is_continue() {}
    /// let mut solver = Lbfgs::new().max_iterations(50).resume(&f, solver.state().clone())?;
    /// let status = loop {
    ///     if let ControlFlow::Break(status) = solver.step()? {
    ///         break status;
    ///     }
    /// };
    /// assert!(status.is_converged() && solver.progress().counts.iterations > 2);
    /// # Ok::<(), optim::Error>(())
    /// ```
    ///
    /// # Errors
    /// An option that makes no sense, a state that fits neither the problem nor this builder, or what the problem reports.
    fn resume<'o>(self, problem: &'o P, state: Self::State) -> Result<Self::Solver<'o>, Error>;

    /// The method with this ‖g‖₂ for convergence; at 0 its own test is met by a gradient of zero alone.
    fn with_gradient_tolerance(self, tolerance: T) -> Self;
}

/// [`Method`] of a builder by its inherent methods.
macro_rules! methods {
    ($Problem:ident: $([$($generics:tt)*] $builder:ty => $solver:ty, $state:ty;)*) => {$(
        impl<T: Scalar, P: $Problem<T>, $($generics)*> Method<T, P> for $builder {
            type State = $state;

            type Solver<'o> = $solver where P: 'o;

            fn start<'o>(self, problem: &'o P, x: &[T]) -> Result<Self::Solver<'o>, Error> {
                <$builder>::start(self, problem, x)
            }

            fn resume<'o>(self, problem: &'o P, state: $state) -> Result<Self::Solver<'o>, Error> {
                <$builder>::resumed(self, problem, state)
            }

            fn with_gradient_tolerance(self, tolerance: T) -> Self {
                self.gradient_tolerance(tolerance)
            }
        }
    )*};
}

methods! { Objective:
    [] Adam<T> => AdamSolver<T, FullBatch<'o, P>>, AdamRun<T>;
    [] BarzilaiBorwein<T> => DescentSolver<'o, T, P, SecantSteps<T>, Backtracking<T>>, DescentState<T, SecantSteps<T>, Backtracking<T>>;
    [L: LineSearch<T>] Bfgs<T, L> => LbfgsSolver<'o, T, P, L>, DescentState<T, QuasiNewtonDirection<T>, L>;
    [] CubicRegularization<T> => CubicRegularizationSolver<'o, T, P>, BoundedState<T>;
    [] GradientDescent<T> => GradientDescentSolver<'o, T, P>, GradientDescentState<T>;
    [L: LineSearch<T>] Lbfgs<T, L> => LbfgsSolver<'o, T, P, L>, DescentState<T, QuasiNewtonDirection<T>, L>;
    [] Lbfgsb<T> => LbfgsbSolver<'o, T, P>, LbfgsbState<T>;
    [D: Direction<T>, L: LineSearch<T>] LineDescent<T, D, L> => DescentSolver<'o, T, P, D, L>, DescentState<T, D, L>;
    [D: Descent<T>] Lsr1<T, D> => Lsr1Solver<'o, T, P, D>, Lsr1State<T>;
    [] NewtonCg<T> => NewtonCgSolver<'o, T, P>, NewtonCgState<T>;
    [] NewtonMr<T> => NewtonMrSolver<'o, T, P>, NewtonMrState<T>;
    [L: LineSearch<T>] NonlinearCg<T, L> => NonlinearCgSolver<'o, T, P, L>, DescentState<T, ConjugateDirection<T>, L>;
    [] OwlQn<T> => OwlQnSolver<'o, T, P>, OwlQnState<T>;
    [] ProjectedNewton<T> => ProjectedNewtonSolver<'o, T, P>, ProjectedNewtonState<T>;
    [D: Descent<T>] TrustRegion<T, D> => TrustRegionSolver<'o, T, P, D>, BoundedState<T>;
}

methods! { LeastSquares:
    [] GaussNewton<T> => GaussNewtonSolver<'o, T, P>, GaussNewtonState<T>;
    [] LevenbergMarquardt<T> => LevenbergMarquardtSolver<'o, T, P>, LevenbergMarquardtState<T>;
}
