//! A run of search × descent: steps from a model of the function, and the rule by which they are bounded.
//!
//! [`TrustRegion`](crate::TrustRegion) bounds its steps by a radius, [`CubicRegularization`](crate::CubicRegularization) by
//! the weight of a cubic term; the run is one and the same. Its law: the products at a point are all spent before the first
//! step from there, so that a rejected step costs one value and **zero** products.

use crate::descent::{ModelStep, StepEnd};
use crate::error::Error;
use crate::forcing::Forcing;
use crate::limits::Limits;
use crate::objective::{LocalModel, Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::radius_search::Judgement;
use crate::scalar::Scalar;
use crate::second_order::SecondOrder;
use crate::site::{Site, SiteState};
use crate::solver::solvers;
use crate::standing::{Attempt, Standing};
use crate::status::{Place, Status};
use crate::vector::{dot, offset};

/// A descent with its search: a radius or a weight says how long steps may be, and moves by what became of them.
pub trait BoundedSteps<T: Scalar> {
    /// The radius or weight of the next step.
    fn control(&self) -> T;

    /// Sets the radius or weight.
    fn set_control(&mut self, control: T);

    /// Studies the model with gradient g and Hessian H for steps as long as `control` allows, to ‖Hs + g‖ of
    /// `relative_tolerance` ‖g‖; returns the number of products.
    ///
    /// # Errors
    /// What a product reports.
    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        control: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError>;

    /// Writes the next step into `out` and says what it promises. Takes no products.
    fn step(&mut self, out: &mut [T]) -> ModelStep<T>;

    /// Judges a step from `value` to `trial_value` by what it promised.
    fn judge(&self, value: T, trial_value: T, promised: &ModelStep<T>) -> Judgement<T>;

    /// Moves the radius or weight after an accepted step s with gᵀs = `slope`.
    fn accepted(&mut self, judgement: Judgement<T>, promised: &ModelStep<T>, slope: T);

    /// Bounds the next step more tightly than one that was rejected.
    fn rejected(&mut self, promised: &ModelStep<T>);

    /// Whether no shorter step is worth trying.
    fn is_exhausted(&self) -> bool;

    /// The dimension of the space in which the prepared Hessian was seen to be positive definite; 0 where it was not.
    fn definite_dimension(&self) -> usize;

    /// The length of a first step along negative curvature, where the gradient is zero.
    fn length_off_saddle(&self) -> T;
}

/// What a run is apart from its objective and its options: it can be kept, and gone on with.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct BoundedState<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    control: T,
    now: Standing<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::maybe_two"))]
    prepared: Option<[T; 2]>,
    site: SiteState<T>,
}

/// A run of search × descent. Holds five vectors besides the workspace of its steps.
#[derive(Debug)]
pub struct BoundedSolver<'o, T: Scalar, O: Objective<T>, S> {
    site: Site<'o, T, O>,
    steps: S,
    forcing: Forcing<T>,
    pub(crate) now: Standing<T>,
    step: Vec<T>,
    /// Radius or weight, and tolerance, of what is known of the model at `x`, once it is.
    prepared: Option<[T; 2]>,
}

/// The options of a run that its steps do not hold.
pub(crate) struct Frame<T> {
    pub(crate) method: &'static str,
    pub(crate) limits: Limits<T>,
    pub(crate) forcing: Forcing<T>,
    pub(crate) second_order: SecondOrder<T>,
}

impl<'o, T: Scalar, O: Objective<T>, S: BoundedSteps<T>> BoundedSolver<'o, T, O, S> {
    pub(crate) fn start(frame: Frame<T>, steps: S, objective: &'o O, x: &[T]) -> Result<Self, Error> {
        let Frame { method, limits, forcing, second_order } = frame;
        forcing.check(method)?;
        let (now, model) = Standing::start(method, limits, objective, x)?;
        let site = Site::new(objective, model, second_order);
        Ok(Self { site, steps, forcing, step: vec![T::zero(); x.len()], prepared: None, now })
    }

    pub(crate) fn resume(
        frame: Frame<T>,
        mut steps: S,
        objective: &'o O,
        state: BoundedState<T>,
    ) -> Result<Self, Error> {
        let Frame { method, limits, forcing, second_order } = frame;
        forcing.check(method)?;
        let now = state.now.resumed(method, limits, objective.dimension())?;
        let site = Site::resume(method, objective, &now.x, second_order, state.site)?;
        if let Some([control, tolerance]) = state.prepared {
            steps.prepare(&mut objective.at(&now.x)?.hessian(), &now.gradient, control, tolerance)?;
        }
        steps.set_control(state.control);
        let step = vec![T::zero(); now.x.len()];
        Ok(Self { site, steps, forcing, step, prepared: state.prepared, now })
    }

    /// What the run is apart from its objective and its options; [`Method::resume`](crate::Method::resume) goes on with it.
    pub fn state(&self) -> BoundedState<T> {
        let (control, now, site) = (self.steps.control(), self.now.clone(), self.site.state());
        BoundedState { control, now, prepared: self.prepared, site }
    }

    pub(crate) fn steps_mut(&mut self) -> &mut S {
        &mut self.steps
    }

    /// Learns the model at `x`, once.
    fn prepare(&mut self) -> Result<(), Error> {
        let Self { steps, now, .. } = self;
        let (control, tolerance) = (steps.control(), self.forcing.at(now));
        let products =
            self.site.spend(|model| steps.prepare(&mut model.hessian(), &now.gradient, control, tolerance))?;
        if let Some(products) = products {
            self.now.counts.products += products;
            self.prepared = Some([control, tolerance]);
        }
        Ok(())
    }

    /// Asks whether the current point may be a minimum; the run goes on if it is not.
    fn examine(&mut self) -> Result<bool, Error> {
        self.site.examine(&mut self.now, self.steps.length_off_saddle())
    }

    /// Tries one step; the status if the run is over.
    fn advance(&mut self) -> Result<Option<Status>, Error> {
        let steps = &self.steps;
        if self.site.is_leaving() {
            self.prepared = None;
            return self.site.leave(&mut self.now, |value, trial, promised| steps.judge(value, trial, promised));
        }
        self.prepare()?;
        let promised = self.steps.step(&mut self.step);
        self.now.step_norm = promised.norm;
        self.now.accepted = false;
        if promised.norm == T::zero() && promised.end == StepEnd::NonFinite {
            return Ok(Some(Status::NonFinite(Place::Product)));
        }
        offset(&self.now.x, T::one(), &self.step, &mut self.now.trial);
        if self.now.trial == self.now.x {
            let held_back = promised.end.is_on_boundary();
            return Ok(Some(self.now.failed(if held_back { Status::RadiusTooSmall } else { Status::NoProgress })));
        }

        let slope = dot(&self.now.gradient, &self.step);
        let steps = &self.steps;
        let attempt = self.now.attempt(self.site.objective(), |value, trial| steps.judge(value, trial, &promised))?;
        match attempt {
            Attempt::Unbounded => return Ok(Some(Status::Unbounded)),
            Attempt::Accepted(model, judgement) => {
                // Newton's step in the whole space, where the Hessian was positive definite.
                let convex = promised.end == StepEnd::Interior
                    && judgement.is_as_promised()
                    && self.steps.definite_dimension() == self.step.len();
                self.site.arrive(model, convex);
                self.prepared = None;
                self.steps.accepted(judgement, &promised, slope);
                return Ok(None);
            }
            Attempt::Rejected => {}
        }
        self.steps.rejected(&promised);
        Ok(self.steps.is_exhausted().then(|| self.now.failed(Status::RadiusTooSmall)))
    }
}

solvers! {
    [O: Objective<T>, S: BoundedSteps<T>] BoundedSolver<'_, T, O, S>, now, |run| run.steps.control(), examine;
}
