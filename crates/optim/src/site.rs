//! Where a run of a second-order method stands: the model there while products are due, and whether it may be a minimum.

use crate::bounds::Bounds;
use crate::descent::ModelStep;
use crate::error::Error;
use crate::objective::{LocalModel, Objective};
use crate::operator::Restricted;
use crate::radius_search::Judgement;
use crate::scalar::Scalar;
use crate::second_order::{Examined, Leave, Leaving, SecondOrder};
use crate::standing::Standing;
use crate::status::{Place, Status};
use std::fmt;

/// The model at the current point, and the second-order test there.
pub(crate) struct Site<'o, T: Scalar, O: Objective<T>> {
    objective: &'o O,
    /// The model until its products are spent on a step, then nothing: a rejected step needs none.
    model: Option<O::Model<'o>>,
    second_order: SecondOrder<T>,
    /// Whether the point needs no (more) examination.
    examined: bool,
}

/// What of a [`Site`] must be kept for a run to go on as it would have.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(crate) struct SiteState<T> {
    /// Whether the step from here is not yet known.
    fresh: bool,
    examined: bool,
    leave: Leave<T>,
}

impl<T: Scalar, O: Objective<T>> fmt::Debug for Site<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second_order, examined, .. } = self;
        f.debug_struct("Site").field("second_order", second_order).field("examined", examined).finish_non_exhaustive()
    }
}

impl<'o, T: Scalar, O: Objective<T>> Site<'o, T, O> {
    /// The start of a run.
    pub(crate) fn new(objective: &'o O, model: O::Model<'o>, mut second_order: SecondOrder<T>) -> Self {
        second_order.reserve(model.gradient().len());
        Self { objective, model: Some(model), second_order, examined: false }
    }

    pub(crate) fn state(&self) -> SiteState<T> {
        SiteState { fresh: self.model.is_some(), examined: self.examined, leave: self.second_order.kept() }
    }

    /// The site of this state at `x`. Prepares the point where the run had, which the counts of the run leave out.
    pub(crate) fn resume(
        method: &'static str,
        objective: &'o O,
        x: &[T],
        mut second_order: SecondOrder<T>,
        state: SiteState<T>,
    ) -> Result<Self, Error> {
        second_order.reserve(x.len());
        second_order.restore(method, state.leave, x.len())?;
        let model = if state.fresh { Some(objective.at(x)?) } else { None };
        Ok(Self { objective, model, second_order, examined: state.examined })
    }

    pub(crate) fn objective(&self) -> &'o O {
        self.objective
    }

    /// Spends products of the model at the current point, once a point: `None` where they were spent before. After a product
    /// that failed the model is kept, and the step may be tried again.
    pub(crate) fn spend<R, E>(
        &mut self,
        multiply: impl FnOnce(&mut O::Model<'o>) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        let Some(mut model) = self.model.take() else { return Ok(None) };
        let spent = multiply(&mut model);
        if spent.is_err() {
            self.model = Some(model);
        }
        spent.map(Some)
    }

    /// Moves to the point of `model`; with `convex` the last step has shown that it needs no examination.
    pub(crate) fn arrive(&mut self, model: O::Model<'o>, convex: bool) {
        self.model = Some(model);
        self.examined = convex;
    }

    /// Whether the point is a saddle that the next step tries to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        self.second_order.is_leaving()
    }

    /// Whether the current point may be a minimum, asked once a point; where it is a saddle the run goes on, with a step
    /// of `length` along its negative curvature, and where a product is not finite it is over. Costs a gradient where the
    /// model is spent.
    pub(crate) fn examine(&mut self, now: &mut Standing<T>, length: T) -> Result<bool, Error> {
        self.examine_within(now, None, length)
    }

    /// As [`examine`](Self::examine), in the variables that are off their bounds.
    pub(crate) fn examine_within(
        &mut self,
        now: &mut Standing<T>,
        bounds: Option<&Bounds<T>>,
        length: T,
    ) -> Result<bool, Error> {
        if !self.examined && !self.is_leaving() {
            let fresh = self.model.is_some();
            let mut model = match self.model.take() {
                Some(model) => model,
                None => {
                    let model = self.objective.at(&now.x)?;
                    now.counts.gradients += 1;
                    model
                }
            };
            let asked = self.look(&mut model, now, bounds, length);
            if fresh && !self.is_leaving() {
                self.model = Some(model);
            }
            let Examined { products, finite } = asked?;
            now.counts.products += products;
            self.examined = !self.is_leaving();
            if !finite {
                now.lose(Place::Product);
            }
        }
        now.go_on_from(&self.second_order);
        Ok(!self.is_leaving() && !now.is_lost())
    }

    /// Asks the Hessian at the current point.
    fn look(
        &mut self,
        model: &mut O::Model<'o>,
        now: &Standing<T>,
        bounds: Option<&Bounds<T>>,
        length: T,
    ) -> Result<Examined, Error> {
        let Some(bounds) = bounds else {
            return Ok(self.second_order.examine(&mut model.hessian(), &now.gradient, length)?);
        };
        let n = now.x.len();
        let free: Vec<usize> = (0..n).filter(|&i| bounds.is_free(i, now.x[i])).collect();
        if free.is_empty() {
            return Ok(Examined { products: 0, finite: true });
        }
        let gradient: Vec<T> = free.iter().map(|&i| now.gradient[i]).collect();
        let mut restricted = Restricted::new(model.hessian(), free)?;
        let examined = self.second_order.examine(&mut restricted, &gradient, length)?;
        self.second_order.spread(&restricted.into_indices(), n);
        Ok(examined)
    }

    /// Tries to leave a saddle, by a step that `judge` lets pass; the status if the run is over.
    pub(crate) fn leave(
        &mut self,
        now: &mut Standing<T>,
        judge: impl FnOnce(T, T, &ModelStep<T>) -> Judgement<T>,
    ) -> Result<Option<Status>, Error> {
        self.leave_within(now, None, judge)
    }

    /// As [`leave`](Self::leave), by a step within the bounds.
    pub(crate) fn leave_within(
        &mut self,
        now: &mut Standing<T>,
        bounds: Option<&Bounds<T>>,
        judge: impl FnOnce(T, T, &ModelStep<T>) -> Judgement<T>,
    ) -> Result<Option<Status>, Error> {
        Ok(match self.second_order.leave(now, self.objective, bounds, judge)? {
            Leaving::Left(model) => {
                self.arrive(model, false);
                None
            }
            Leaving::Failed => None,
            Leaving::Ended(status) => Some(status),
        })
    }
}
