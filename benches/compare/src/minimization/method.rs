//! Our methods by name.

use super::suite::{Case, Stop};
use super::watched::{Watch, Watched, WatchedResiduals};
use optim::krylov::Steihaug;
use optim::{
    BarzilaiBorwein, Bfgs, CubicRegularization, Error, GaussNewton, Lbfgs, LevenbergMarquardt, Lsr1, NewtonCg,
    NewtonMr, NonlinearCg, Progress, Report, SaddleFree, Status, TrustRegion,
};
use std::ops::ControlFlow;

/// The most iterations of a run; the time limit mostly comes first.
const ITERATIONS: usize = 100_000;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The last point.
    pub x: Vec<f64>,
    /// Trial steps.
    pub iterations: usize,
    /// What the method says of it.
    pub message: String,
    /// Whether it says that it converged.
    pub claimed: bool,
}

/// A method of ours.
pub struct Method {
    /// Its name in rows.
    pub name: &'static str,
    run: fn(&Case, &Watch) -> Option<Result<End, Error>>,
}

impl Method {
    /// Minimises under the watch; `None` if the method is none for such a problem.
    pub fn run(&self, case: &Case, watch: &Watch) -> Option<Result<End, Error>> {
        (self.run)(case, watch)
    }
}

/// The end of a builder's run on a case, stopped as the case says.
macro_rules! minimized {
    ($case:ident, $watch:ident, $builder:expr) => {{
        let builder = $builder.max_iterations(ITERATIONS);
        let builder = match $case.stop {
            Stop::Defaults => builder,
            // The observer stops it.
            Stop::Gradient(_) => builder.gradient_tolerance(0.0),
        };
        let watched = Watched::new(&*$case.target, $watch);
        let mut reached = false;
        let observer = |now: &Progress<'_, f64>| observed($case.stop, $watch, now, &mut reached);
        let report = builder.minimize_observed(&watched, &$case.start, observer);
        report.map(|report| end(report, reached))
    }};
}

/// As [`minimized`], on the residuals; `None` if there are none.
macro_rules! fit {
    ($case:ident, $watch:ident, $builder:expr) => {
        $case.residuals.as_ref().map(|residuals| {
            let builder = $builder.max_iterations(ITERATIONS);
            let (builder, stop) = match $case.stop {
                Stop::Defaults => (builder, Stop::Defaults),
                // It minimises ½ ‖r‖², so its gradients are halves.
                Stop::Gradient(bound) => (builder.gradient_tolerance(0.0), Stop::Gradient(0.5 * bound)),
            };
            let mut reached = false;
            let observer = |now: &Progress<'_, f64>| observed(stop, $watch, now, &mut reached);
            let watched = WatchedResiduals::new(residuals, $watch);
            builder.minimize_observed(&watched, &$case.start, observer).map(|report| end(report, reached))
        })
    };
}

/// Every method, the default first.
pub const ALL: &[Method] = &[
    Method { name: "trust-gltr", run: |case, watch| Some(minimized!(case, watch, TrustRegion::new())) },
    Method {
        name: "trust-steihaug",
        run: |case, watch| Some(minimized!(case, watch, TrustRegion::with_descent(Steihaug::new()))),
    },
    Method { name: "arc", run: |case, watch| Some(minimized!(case, watch, CubicRegularization::new())) },
    Method { name: "levenberg-marquardt", run: |case, watch| fit!(case, watch, LevenbergMarquardt::new()) },
    Method { name: "gauss-newton", run: |case, watch| fit!(case, watch, GaussNewton::new()) },
    Method { name: "newton-cg", run: |case, watch| Some(minimized!(case, watch, NewtonCg::new())) },
    Method { name: "newton-mr", run: |case, watch| Some(minimized!(case, watch, NewtonMr::new())) },
    Method {
        name: "saddle-free",
        run: |case, watch| Some(minimized!(case, watch, TrustRegion::with_descent(SaddleFree::new(20)))),
    },
    Method { name: "lbfgs", run: |case, watch| Some(minimized!(case, watch, Lbfgs::new())) },
    Method { name: "bfgs", run: |case, watch| Some(minimized!(case, watch, Bfgs::new())) },
    Method { name: "lsr1", run: |case, watch| Some(minimized!(case, watch, Lsr1::new())) },
    Method { name: "ncg", run: |case, watch| Some(minimized!(case, watch, NonlinearCg::hager_zhang())) },
    Method { name: "ncg-pr", run: |case, watch| Some(minimized!(case, watch, NonlinearCg::polak_ribiere())) },
    Method { name: "barzilai-borwein", run: |case, watch| Some(minimized!(case, watch, BarzilaiBorwein::new())) },
];

fn observed(stop: Stop, watch: &Watch, now: &Progress<'_, f64>, reached: &mut bool) -> ControlFlow<()> {
    watch.observe(now.counts.iterations);
    if let Stop::Gradient(tolerance) = stop {
        // The inf norm is below the 2-norm, which is known; where it is not known, 2-norm is the safe bound.
        let gradient = watch.gradient_at(now.x).unwrap_or(now.gradient_norm);
        *reached = gradient <= tolerance;
    }
    if *reached || watch.is_late() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn end(report: Report<f64>, reached: bool) -> End {
    let message = match report.status {
        Status::StoppedByObserver if reached => "converged: the gradient is within the bound of the suite".into(),
        Status::StoppedByObserver => super::watched::TIME_IS_OVER.into(),
        status => status.to_string(),
    };
    let claimed = reached || report.status.is_converged();
    End { x: report.x, iterations: report.counts.iterations, message, claimed }
}
