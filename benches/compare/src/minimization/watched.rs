//! [`Watched`]: an objective whose evaluations are counted by us, not by the method, and stop at a deadline.

use optim::{LeastSquares, LocalModel, Objective, ObjectiveError, ResidualModel};
use std::cell::{Cell, RefCell};
use std::time::Instant;

/// An objective without its type.
pub trait Target {
    /// Length of its vectors.
    fn dimension(&self) -> usize;
    /// The value at `x`.
    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError>;
    /// The value at `x`, and the gradient written into `gradient`.
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError>;
    /// The function near `x`.
    fn at(&self, x: &[f64]) -> Result<Box<dyn LocalModel<f64> + '_>, ObjectiveError>;
}

impl<O: Objective<f64>> Target for O {
    fn dimension(&self) -> usize {
        Objective::dimension(self)
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        Objective::value(self, x)
    }

    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        Objective::value_and_gradient(self, x, gradient)
    }

    fn at(&self, x: &[f64]) -> Result<Box<dyn LocalModel<f64> + '_>, ObjectiveError> {
        Ok(Box::new(Objective::at(self, x)?))
    }
}

/// How often the function was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Values alone.
    pub values: usize,
    /// Values with gradients, or residuals with their derivative.
    pub gradients: usize,
    /// Products with the Hessian, or with the Jacobian or its transpose.
    pub products: usize,
}

/// What is seen of a run from the side of the function.
#[derive(Debug)]
pub struct Watch {
    asked: Cell<Asked>,
    iterations: Cell<usize>,
    deadline: Instant,
    /// The last point with a gradient, and that; copies, which cost less than looking through them at every call.
    seen: RefCell<(Vec<f64>, Vec<f64>)>,
}

impl Watch {
    /// A watch that has seen nothing.
    pub fn until(deadline: Instant) -> Self {
        Self { asked: Cell::default(), iterations: Cell::new(0), deadline, seen: RefCell::default() }
    }

    /// The evaluations so far.
    pub fn asked(&self) -> Asked {
        self.asked.get()
    }

    /// The iterations that the method had made when it was last observed: those of a run that is cut off.
    pub fn iterations(&self) -> usize {
        self.iterations.get()
    }

    /// Takes note of the method's own count.
    pub fn observe(&self, iterations: usize) {
        self.iterations.set(iterations);
    }

    /// Whether the time is over.
    pub fn is_late(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// The largest entry of the gradient at `x`, if that is where the last gradient was asked for.
    pub fn gradient_at(&self, x: &[f64]) -> Option<f64> {
        let seen = self.seen.borrow();
        (!seen.1.is_empty() && seen.0 == x).then(|| largest(&seen.1))
    }

    /// The last point that a gradient was asked for at.
    pub fn last_point(&self) -> Option<Vec<f64>> {
        let seen = self.seen.borrow();
        (!seen.0.is_empty()).then(|| seen.0.clone())
    }

    /// Keeps the point and what its gradient says.
    fn see(&self, x: &[f64], gradient: &[f64]) {
        let mut seen = self.seen.borrow_mut();
        seen.0.clear();
        seen.0.extend_from_slice(x);
        seen.1.clear();
        seen.1.extend_from_slice(gradient);
    }

    /// Counts, or ends the run.
    pub fn count(&self, change: impl FnOnce(&mut Asked)) -> Result<(), ObjectiveError> {
        let mut asked = self.asked.get();
        change(&mut asked);
        self.asked.set(asked);
        if self.is_late() { Err(ObjectiveError::new(TIME_IS_OVER)) } else { Ok(()) }
    }
}

/// What the function answers after the deadline.
pub const TIME_IS_OVER: &str = "the time of the run is over";

/// A target under a watch.
pub struct Watched<'t> {
    target: &'t dyn Target,
    /// What is seen of the run.
    pub watch: &'t Watch,
}

impl<'t> Watched<'t> {
    /// `target` under `watch`.
    pub fn new(target: &'t dyn Target, watch: &'t Watch) -> Self {
        Self { target, watch }
    }
}

/// A [`Watched`] near a point.
pub struct WatchedModel<'a> {
    model: Box<dyn LocalModel<f64> + 'a>,
    watch: &'a Watch,
}

impl Objective<f64> for Watched<'_> {
    type Model<'a>
        = WatchedModel<'a>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.target.dimension()
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        self.watch.count(|asked| asked.values += 1)?;
        self.target.value(x)
    }

    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        self.watch.count(|asked| asked.gradients += 1)?;
        let value = self.target.value_and_gradient(x, gradient)?;
        self.watch.see(x, gradient);
        Ok(value)
    }

    fn at(&self, x: &[f64]) -> Result<WatchedModel<'_>, ObjectiveError> {
        self.watch.count(|asked| asked.gradients += 1)?;
        let model = self.target.at(x)?;
        self.watch.see(x, model.gradient());
        Ok(WatchedModel { model, watch: self.watch })
    }
}

impl LocalModel<f64> for WatchedModel<'_> {
    fn value(&self) -> f64 {
        self.model.value()
    }

    fn gradient(&self) -> &[f64] {
        self.model.gradient()
    }

    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.products += 1)?;
        self.model.hvp(v, out)
    }

    fn hvp_block(&mut self, directions: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        let n = self.model.gradient().len().max(1);
        self.watch.count(|asked| asked.products += directions.len() / n)?;
        self.model.hvp_block(directions, out)
    }
}

/// Residuals under a watch: values are residuals alone, products those with the Jacobian or its transpose.
pub struct WatchedResiduals<'t, R> {
    residuals: &'t R,
    watch: &'t Watch,
}

impl<'t, R: LeastSquares<f64>> WatchedResiduals<'t, R> {
    /// `residuals` under `watch`.
    pub fn new(residuals: &'t R, watch: &'t Watch) -> Self {
        Self { residuals, watch }
    }
}

/// A [`WatchedResiduals`] near a point.
pub struct WatchedResidualModel<'a, M> {
    model: M,
    watch: &'a Watch,
}

impl<R: LeastSquares<f64>> LeastSquares<f64> for WatchedResiduals<'_, R> {
    type Model<'a>
        = WatchedResidualModel<'a, R::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.residuals.dimension()
    }

    fn residual(&self, x: &[f64], out: &mut Vec<f64>) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.values += 1)?;
        self.residuals.residual(x, out)
    }

    fn model_at(&self, x: &[f64]) -> Result<Self::Model<'_>, ObjectiveError> {
        self.watch.count(|asked| asked.gradients += 1)?;
        Ok(WatchedResidualModel { model: self.residuals.model_at(x)?, watch: self.watch })
    }
}

impl<M: ResidualModel<f64>> ResidualModel<f64> for WatchedResidualModel<'_, M> {
    fn residual(&self) -> &[f64] {
        self.model.residual()
    }

    fn jvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.products += 1)?;
        self.model.jvp(v, out)
    }

    fn vjp(&mut self, u: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.products += 1)?;
        self.model.vjp(u, out)
    }

    fn second_derivative(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.products += 1)?;
        self.model.second_derivative(v, out)
    }

    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        self.watch.count(|asked| asked.products += 1)?;
        self.model.hvp(v, out)
    }
}

/// The largest entry in magnitude; NaN if there is one.
pub fn largest(x: &[f64]) -> f64 {
    let (mut lanes, mut is_nan) = ([0.0_f64; 8], false);
    for some in x.chunks(lanes.len()) {
        for (lane, entry) in lanes.iter_mut().zip(some) {
            is_nan |= entry.is_nan();
            *lane = lane.max(entry.abs());
        }
    }
    if is_nan { f64::NAN } else { lanes.into_iter().fold(0.0, f64::max) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use optim::TrustRegion;
    use std::time::Duration;
    use testkit::problems::mgh;

    #[test]
    fn what_a_method_counts_is_what_is_seen() {
        let problem = mgh::problem(1);
        let flat = problem.function().flat(&problem.start);
        let watch = Watch::until(Instant::now() + Duration::from_secs(60));
        let report = TrustRegion::new().minimize(&Watched::new(&flat, &watch), &problem.start).unwrap();
        let Asked { values, gradients, products } = watch.asked();
        let counts = report.counts;
        assert_eq!((values, gradients, products), (counts.values, counts.gradients, counts.products));
        assert!(products > 0 && watch.gradient_at(&report.x).is_some_and(|g| g < 1e-7));
    }

    #[test]
    fn a_run_ends_at_its_deadline() {
        let problem = mgh::problem(1);
        let flat = problem.function().flat(&problem.start);
        let watch = Watch::until(Instant::now() - Duration::from_secs(1));
        let error = TrustRegion::new().minimize(&Watched::new(&flat, &watch), &problem.start).unwrap_err();
        assert!(error.to_string().contains(TIME_IS_OVER), "{error}");
    }

    #[test]
    fn a_run_that_is_cut_off_has_made_iterations() {
        let problem = mgh::problem(1);
        let flat = problem.function().flat(&problem.start);
        let watch = Watch::until(Instant::now() + Duration::from_millis(20));
        let observer = |now: &optim::Progress<'_, f64>| {
            watch.observe(now.counts.iterations);
            if now.counts.iterations == 3 {
                std::thread::sleep(Duration::from_millis(30));
            }
            std::ops::ControlFlow::Continue(())
        };
        let run = TrustRegion::new().minimize_observed(&Watched::new(&flat, &watch), &problem.start, observer);
        assert!(run.unwrap_err().to_string().contains(TIME_IS_OVER));
        assert_eq!(watch.iterations(), 3);
    }

    #[test]
    fn the_largest_entry_of_nan_is_nan() {
        assert_eq!(largest(&[1.0, -3.0]), 3.0);
        assert!(largest(&[f64::NAN, 1.0]).is_nan() && largest(&[1.0, f64::NAN]).is_nan());
    }
}
