//! The half of a trust-region method that judges steps and sets the radius.
//!
//! A step s is judged by ρ = (f(x) − f(x + s)) / (−q(s)), the decrease found over the decrease promised. Near a
//! minimum both are lost in the rounding of f; following Conn, Gould and Toint, *Trust-Region Methods* (2000),
//! §17.4.2, both get the allowance δ = 10 ε max(scale, |f|) added, so that ρ → 1 where f can no longer tell. A step
//! that only passes thanks to δ must then also reduce the gradient norm, which keeps the run from wandering in noise.
//! Where f is a small difference of large terms its rounding exceeds δ; a step that fails and promised less than 10⁵ δ
//! is therefore still taken if it halves the gradient norm.

use crate::descent::ModelStep;
use crate::error::{Error, require};
use crate::scalar::Scalar;

const METHOD: &str = "trust region";

/// The radius, and the rules by which it moves.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct RadiusSearch<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    radius: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    max_radius: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    min_radius: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    accept: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    value_scale: T,
}

/// Whether a step is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The function decreases as much as it should.
    Accept,
    /// The function does not decrease, but by no more than its rounding: accept if the gradient norm falls.
    AcceptIfGradientFalls,
    /// The function disagrees with a promise that large terms cancelling in it may hide: accept if the gradient norm
    /// halves.
    AcceptIfGradientHalves,
    /// The function decreases too little, or is not finite.
    Reject,
}

/// ρ and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement<T> {
    /// Decrease found over decrease promised, both with the allowance for rounding; NaN for a value that is.
    pub ratio: T,
    /// Whether to take the step.
    pub verdict: Verdict,
    /// See [`is_as_promised`](Self::is_as_promised).
    as_promised: bool,
}

impl<T: Scalar> Judgement<T> {
    /// Whether the function was seen to do what the model promised, so that what the model showed of the curvature holds at
    /// the new point: the decrease is the promised one within a tenth, the rounding of both values included.
    ///
    /// No allowance helps here. Where rounding hides the decrease nothing was seen, and a maximum next to the last point
    /// would pass for the minimum that was promised.
    pub fn is_as_promised(&self) -> bool {
        self.as_promised
    }
}

impl Verdict {
    /// What the gradient norm at the trial point must stay below for the step to be taken, where that at the current point
    /// is `current`: infinity where it plays no part, 0 where the step is refused.
    pub(crate) fn limit<T: Scalar>(self, current: T) -> T {
        match self {
            Self::Accept => T::infinity(),
            Self::AcceptIfGradientFalls => current,
            Self::AcceptIfGradientHalves => T::of(0.5) * current,
            Self::Reject => T::zero(),
        }
    }
}

impl<T: Scalar> RadiusSearch<T> {
    /// Starts at `radius`, with the defaults of [`TrustRegion`](crate::TrustRegion) for all else.
    pub fn new(radius: T) -> Self {
        Self {
            radius,
            max_radius: T::of(1e18),
            min_radius: T::epsilon() * T::epsilon(),
            accept: T::of(1e-4),
            value_scale: T::one(),
        }
    }

    /// Sets the radius, in the units of the step.
    pub fn set_radius(&mut self, radius: T) {
        self.radius = radius;
    }

    /// Sets the radius above which it does not grow. Default: 1e18, which stands for none.
    pub fn set_max_radius(&mut self, max_radius: T) {
        self.max_radius = max_radius;
    }

    /// Sets the radius below which the search gives up. Default: ε².
    pub fn set_min_radius(&mut self, min_radius: T) {
        self.min_radius = min_radius;
    }

    pub(crate) fn min_radius(&self) -> T {
        self.min_radius
    }

    /// Sets the least ρ of an accepted step. Default: 1e-4; below 1/4.
    pub fn set_accept(&mut self, accept: T) {
        self.accept = accept;
    }

    /// Sets the magnitude of what f sums. Default: 1.
    pub fn set_value_scale(&mut self, value_scale: T) {
        self.value_scale = value_scale;
    }

    /// An error unless every number makes sense; for whoever sets them.
    ///
    /// # Errors
    /// The number that makes none.
    pub fn check(&self) -> Result<(), Error> {
        let Self { radius, max_radius, min_radius, accept, value_scale } = *self;
        let zero = T::zero();
        let finite_positive = |a: T| a.is_finite() && a > zero;
        require(finite_positive(radius), METHOD, "radius", radius, "a finite number above 0")?;
        require(
            max_radius.is_finite() && max_radius >= radius,
            METHOD,
            "max_radius",
            max_radius,
            "a finite number, at least the radius",
        )?;
        require(
            min_radius >= zero && min_radius < radius,
            METHOD,
            "min_radius",
            min_radius,
            "a number from 0 to below the radius",
        )?;
        check_ratio_options(METHOD, accept, value_scale)
    }

    /// The radius for the next step.
    pub fn radius(&self) -> T {
        self.radius
    }

    /// Whether no smaller radius is worth trying.
    pub fn is_exhausted(&self) -> bool {
        // Not `<`: a radius that became NaN is exhausted too.
        !(self.radius >= self.min_radius && self.radius > T::zero())
    }

    /// Judges a step from `value` to `trial_value` by what it `promised`.
    pub fn judge(&self, value: T, trial_value: T, promised: &ModelStep<T>) -> Judgement<T> {
        judge(value, trial_value, promised, self.accept, self.value_scale)
    }

    /// Sets the radius after an accepted step: a quarter of the step if ρ < 1/4; twice the radius if ρ > 3/4 and the
    /// radius held the step back (Nocedal, Wright, *Numerical Optimization* (2006), algorithm 4.1), 5/2 times it if even
    /// ρ > 9/10.
    /// A step that the gradient let pass says nothing about the radius.
    pub fn accepted(&mut self, judgement: Judgement<T>, step: &ModelStep<T>) {
        let ratio = judgement.ratio;
        if judgement.verdict == Verdict::AcceptIfGradientHalves {
            return;
        }
        if ratio < T::of(0.25) {
            self.rejected(step);
        } else if ratio > T::of(0.75) && step.end.is_on_boundary() {
            let growth = if ratio > T::of(0.9) { 2.5 } else { 2.0 };
            self.radius = (T::of(growth) * self.radius).min(self.max_radius);
        }
    }

    /// Sets the radius after a rejected step: a quarter of the step, since any radius above the step repeats it.
    pub fn rejected(&mut self, step: &ModelStep<T>) {
        self.radius = T::of(0.25) * step.norm.min(self.radius);
    }
}

/// Judges a step from `value` to `trial_value` by what it `promised`: it must keep `accept` of that.
pub(crate) fn judge<T: Scalar>(
    value: T,
    trial_value: T,
    promised: &ModelStep<T>,
    accept: T,
    value_scale: T,
) -> Judgement<T> {
    let delta = rounding_allowance(value, value_scale);
    let decrease = value - trial_value;
    let ratio = (decrease + delta) / (promised.decrease + delta);
    // The scale of what cancels in f is not known: up to 1e5 times |f| or the scale given, the gradient may decide.
    let hidden = T::of(1e5) * delta;
    let verdict = if !trial_value.is_finite() || ratio.is_nan() {
        Verdict::Reject
    } else if ratio <= accept {
        let may_be_rounding = promised.decrease <= hidden && decrease.abs() <= hidden;
        if may_be_rounding { Verdict::AcceptIfGradientHalves } else { Verdict::Reject }
    } else if decrease > T::zero() {
        Verdict::Accept
    } else {
        Verdict::AcceptIfGradientFalls
    };
    // The scale of f plays no part: what the values themselves can tell apart is compared.
    let blur = rounding_allowance(value.abs().max(trial_value.abs()), T::zero());
    let as_promised = (decrease - promised.decrease).abs() + blur <= T::of(0.1) * promised.decrease;
    Judgement { ratio, verdict, as_promised }
}

/// The share of the first-order decrease a step must keep (c₁ of Nocedal and Wright). Exact line search on a quadratic
/// keeps 1/2.
pub(crate) const SUFFICIENT: f64 = 1e-4;

/// Judges a step along a line by Armijo's condition on its `decrease` of what the slope `promised`. Where both are within
/// the `allowance` for rounding, the gradient decides, as in the trust-region method.
pub(crate) fn judge_armijo<T: Scalar>(decrease: T, promised: T, allowance: T) -> Verdict {
    if decrease > T::zero() && decrease >= T::of(SUFFICIENT) * promised {
        Verdict::Accept
    } else if promised <= allowance && decrease.abs() <= allowance {
        Verdict::AcceptIfGradientFalls
    } else {
        Verdict::Reject
    }
}

/// Errors unless the options of [`judge`] make sense.
pub(crate) fn check_ratio_options<T: Scalar>(method: &'static str, accept: T, value_scale: T) -> Result<(), Error> {
    require(accept >= T::zero() && accept < T::of(0.25), method, "accept", accept, "a number from 0 to below 1/4")?;
    require(
        value_scale.is_finite() && value_scale >= T::zero(),
        method,
        "value_scale",
        value_scale,
        "a finite number, at least 0",
    )
}

/// δ = 10 ε max(scale, |f|): how much of a change in f may be rounding.
pub(crate) fn rounding_allowance<T: Scalar>(value: T, scale: T) -> T {
    T::of(10.0) * T::epsilon() * value.abs().max(scale)
}

/// The option of [`judge`] of a builder with a field `search`.
macro_rules! value_scale_option {
    () => {
        /// The magnitude of the terms the function sums, in its units. Default: 1.
        ///
        /// Changes of the value below 10 ε times this are taken for rounding, and steps that small are judged by the
        /// gradient unless the value falls. With 0 only |f| itself counts: for a tiny function that sums no large terms.
        pub fn value_scale(mut self, scale: T) -> Self {
            self.search.set_value_scale(scale);
            self
        }
    };
}
pub(crate) use value_scale_option;
