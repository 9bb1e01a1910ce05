//! The optimizers of argmin and basin on our functions, in this process.
//!
//! Both are stopped where ‖g‖∞ is within the bound of the suite, or 1e-8 where there is none, at any point at which they ask
//! for a gradient.

use super::method::End;
use super::suite::{Case, Stop};
use super::watched::{Watch, Watched};
use argmin::core::State;
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin_math::ArgminDot;
use optim::{LocalModel, Objective, ObjectiveError};
use std::cell::{Cell, RefCell};
use std::fmt;

/// The most iterations; the time limit mostly comes first.
const ITERATIONS: u64 = 100_000;

/// A method of another crate.
pub struct Rival {
    /// Its name in rows.
    pub name: &'static str,
    run: fn(&Asked<'_>, &[f64]) -> Result<Ended, String>,
}

/// The last point, the iterations, and what the method says.
type Ended = (Vec<f64>, usize, String);

/// Every method.
pub const ALL: [Rival; 4] = [
    Rival { name: "argmin L-BFGS", run: argmin_lbfgs },
    Rival { name: "argmin trust region", run: argmin_trust_region },
    Rival { name: "basin L-BFGS", run: basin_lbfgs },
    Rival { name: "basin trust region", run: basin_trust_region },
];

impl Rival {
    /// Minimises under the watch.
    pub fn run(&self, case: &Case, watch: &Watch) -> End {
        let bound = match case.stop {
            Stop::Defaults => 1e-8,
            Stop::Gradient(bound) => bound,
        };
        let watched = Watched::new(&*case.target, watch);
        let asked = Asked { watched: &watched, bound, kept: RefCell::new(None), reached: Cell::new(false) };
        let ended = (self.run)(&asked, &case.start);
        let reached = asked.reached.get();
        // A run that was ended by the function ends at the last point with a gradient.
        let (x, iterations, message) = match ended {
            Ok(ended) if !reached => ended,
            ended => {
                let message = ended.err().unwrap_or_default();
                (watch.last_point().unwrap_or_else(|| case.start.clone()), 0, message)
            }
        };
        End { x, iterations, message, claimed: false }
    }
}

/// The function as both crates ask for it: gradients and products at a point apart, which are prepared once for a point.
struct Asked<'w> {
    watched: &'w Watched<'w>,
    bound: f64,
    kept: RefCell<Option<Kept<'w>>>,
    reached: Cell<bool>,
}

/// A point and the function near it.
type Kept<'w> = (Vec<f64>, Box<dyn LocalModel<f64> + 'w>);

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Asked<'_> {
    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        // Also where nothing is evaluated: a method that asks again and again at one point ends.
        self.watched.watch.count(|_| ())?;
        if let Some((_, model)) = self.kept.borrow().as_ref().filter(|(at, _)| at == x) {
            return Ok(model.value());
        }
        Objective::value(self.watched, x)
    }

    fn prepare(&self, x: &[f64]) -> Result<(), ObjectiveError> {
        self.watched.watch.count(|_| ())?;
        if self.kept.borrow().as_ref().is_some_and(|(at, _)| at == x) {
            return Ok(());
        }
        let model = Objective::at(self.watched, x)?;
        *self.kept.borrow_mut() = Some((x.to_vec(), Box::new(model)));
        Ok(())
    }

    fn gradient(&self, x: &[f64]) -> Result<Vec<f64>, ObjectiveError> {
        self.prepare(x)?;
        if self.watched.watch.gradient_at(x).is_some_and(|gradient| gradient <= self.bound) {
            self.reached.set(true);
            return Err(ObjectiveError::new("the gradient is within the bound"));
        }
        let kept = self.kept.borrow();
        Ok(kept.as_ref().map(|(_, model)| model.gradient().to_vec()).unwrap_or_default())
    }

    fn product(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, ObjectiveError> {
        self.prepare(x)?;
        let mut product = vec![0.0; v.len()];
        match self.kept.borrow_mut().as_mut() {
            Some((_, model)) => model.hvp(v, &mut product)?,
            None => return Err(ObjectiveError::Unsupported { operation: "hvp" }),
        }
        Ok(product)
    }
}

/// The function for argmin.
struct ForArgmin<'a, 'w>(&'a Asked<'w>);

impl argmin::core::CostFunction for ForArgmin<'_, '_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.0.value(x)?)
    }
}

impl argmin::core::Gradient for ForArgmin<'_, '_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.0.gradient(x)?)
    }
}

/// argmin has no products: the Hessian it asks for is the operator that multiplies.
#[derive(Clone)]
struct Operator<'a, 'w> {
    asked: &'a Asked<'w>,
    x: Vec<f64>,
}

impl<'a, 'w> argmin::core::Hessian for ForArgmin<'a, 'w> {
    type Param = Vec<f64>;
    type Hessian = Operator<'a, 'w>;

    fn hessian(&self, x: &Vec<f64>) -> Result<Operator<'a, 'w>, argmin::core::Error> {
        Ok(Operator { asked: self.0, x: x.clone() })
    }
}

impl ArgminDot<Vec<f64>, Vec<f64>> for Operator<'_, '_> {
    /// NaN where the function fails, since this cannot.
    fn dot(&self, v: &Vec<f64>) -> Vec<f64> {
        self.asked.product(&self.x, v).unwrap_or_else(|_| vec![f64::NAN; v.len()])
    }
}

fn argmin_lbfgs(asked: &Asked<'_>, start: &[f64]) -> Result<Ended, String> {
    let solver = argmin::solver::quasinewton::LBFGS::new(MoreThuenteLineSearch::new(), 10);
    let solver = solver.with_tolerance_grad(0.0).and_then(|solver| solver.with_tolerance_cost(0.0));
    let executor = argmin::core::Executor::new(ForArgmin(asked), solver.map_err(|e| e.to_string())?);
    let run = executor.configure(|state| state.param(start.to_vec()).max_iters(ITERATIONS)).run();
    let state = run.map_err(|e| e.to_string())?.state;
    let x = state.get_best_param().cloned().ok_or("no point")?;
    Ok((x, state.get_iter() as usize, state.get_termination_status().to_string()))
}

fn argmin_trust_region(asked: &Asked<'_>, start: &[f64]) -> Result<Ended, String> {
    use argmin::solver::trustregion::{Steihaug, TrustRegion};
    let inner: Steihaug<Vec<f64>, f64> = Steihaug::new().with_max_iters(10 * start.len() as u64);
    let solver = TrustRegion::new(inner);
    let executor = argmin::core::Executor::new(ForArgmin(asked), solver);
    let run = executor.configure(|state| state.param(start.to_vec()).max_iters(ITERATIONS)).run();
    let state = run.map_err(|e| e.to_string())?.state;
    let x = state.get_best_param().cloned().ok_or("no point")?;
    Ok((x, state.get_iter() as usize, state.get_termination_status().to_string()))
}

/// The function for basin.
struct ForBasin<'a, 'w>(&'a Asked<'w>);

impl basin::CostFunction for ForBasin<'_, '_> {
    type Param = Vec<f64>;
    type Output = f64;
    type Error = ObjectiveError;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, ObjectiveError> {
        self.0.value(x)
    }
}

impl basin::Gradient for ForBasin<'_, '_> {
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, ObjectiveError> {
        self.0.gradient(x)
    }
}

impl basin::HessianProduct for ForBasin<'_, '_> {
    fn hessian_product(&self, x: &Vec<f64>, v: &Vec<f64>) -> Result<Vec<f64>, ObjectiveError> {
        self.0.product(x, v)
    }
}

fn basin_lbfgs(asked: &Asked<'_>, start: &[f64]) -> Result<Ended, String> {
    let solver = basin::Lbfgs::<Vec<f64>>::new().unbounded();
    let state = basin::FirstOrderState::new(start.to_vec());
    let run = basin::Executor::new(ForBasin(asked), solver, state).max_iter(ITERATIONS).run();
    let result = run.map_err(|e| e.to_string())?;
    Ok((result.param().clone(), result.iter() as usize, format!("{:?}", result.report.termination)))
}

fn basin_trust_region(asked: &Asked<'_>, start: &[f64]) -> Result<Ended, String> {
    let solver = basin::TrustRegion::matrix_free();
    let state = basin::FirstOrderState::new(start.to_vec());
    let run = basin::Executor::new(ForBasin(asked), solver, state).max_iter(ITERATIONS).run();
    let result = run.map_err(|e| e.to_string())?;
    Ok((result.param().clone(), result.iter() as usize, format!("{:?}", result.report.termination)))
}
