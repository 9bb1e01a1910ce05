//! The second-order test of a point with zero gradient: minimum, or saddle or maximum to be left.
//!
//! A short Lanczos run from a random start shows a negative eigenvalue unless it is tiny against the others or the
//! start happens to be orthogonal to its eigenvectors, which has probability zero. Where one shows, steps of falling
//! length both ways along its Ritz vector are tried: f falls along them by about ½ |θ| r².

use crate::bounds::Bounds;
use crate::descent::{ModelStep, StepEnd};
use crate::error::{Error, require_length};
use crate::krylov::{Expansion, Lanczos};
use crate::objective::{Objective, ObjectiveError};
use crate::operator::LinearOperator;
use crate::radius_search::Judgement;
use crate::scalar::Scalar;
use crate::standing::{Attempt, Standing};
use crate::status::Status;
use crate::vector::{dot, norm, offset, pseudorandom};

/// The test and, at a saddle, the way out.
#[derive(Clone, Debug)]
pub(crate) struct SecondOrder<T> {
    max_products: usize,
    lanczos: Lanczos<T>,
    /// The Ritz vector of the smallest Ritz value; before the test its random start.
    direction: Vec<T>,
    saddle: Option<Saddle<T>>,
}

/// What of the test must be kept for a run to go on as it would have.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(crate) struct Leave<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    direction: Vec<T>,
    saddle: Option<Saddle<T>>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
struct Saddle<T> {
    /// θ < 0.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    ritz: T,
    /// gᵀv, next to nothing.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    slope: T,
    /// ± r of the step to try.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    length: T,
    /// Steps that were rejected: even ones go downhill, odd ones the other way.
    rejections: usize,
}

/// Both ways at 25 lengths: down to 4⁻²⁴ = 4e-15 of the first, where ½ |θ| r² is lost in any rounding.
const MAX_REJECTIONS: usize = 50;

/// A smallest Ritz value above −√ε ‖H‖ may be rounding of an H that is singular.
fn tolerance<T: Scalar>() -> T {
    T::epsilon().sqrt()
}

/// The products before a positive Ritz value is believed: 2 + ⌈log₁₀ n⌉. The share of the random start that lies in one
/// eigenvector is about 1/√n, and the process must first enlarge it to be seen.
fn least_products(n: usize) -> usize {
    2 + n.saturating_sub(1).checked_ilog10().map_or(0, |digits| digits as usize + 1)
}

impl<T: Scalar> SecondOrder<T> {
    /// A test with at most so many products; none with 0.
    pub(crate) fn new(max_products: usize) -> Self {
        Self { max_products, lanczos: Lanczos::new(max_products), direction: Vec::new(), saddle: None }
    }

    /// Reserves what the test needs in a problem of `n` variables.
    pub(crate) fn reserve(&mut self, n: usize) {
        if self.max_products > 0 {
            self.direction.reserve_exact(n.saturating_sub(self.direction.len()));
            self.lanczos.reserve(n);
        }
    }

    pub(crate) fn kept(&self) -> Leave<T> {
        Leave { direction: self.direction.clone(), saddle: self.saddle }
    }

    /// Goes on from what was kept in a problem of `n` variables.
    pub(crate) fn restore(&mut self, method: &'static str, kept: Leave<T>, n: usize) -> Result<(), Error> {
        if kept.saddle.is_some() {
            require_length(method, "direction", n, kept.direction.len())?;
        }
        (self.direction, self.saddle) = (kept.direction, kept.saddle);
        Ok(())
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.saddle.is_some()
    }

    /// Looks for negative curvature at a point with this gradient; if there is some, a step of `length` comes next. Where a
    /// product was not finite before any showed, nothing is known of the point.
    pub(crate) fn examine<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        length: T,
    ) -> Result<Examined, ObjectiveError> {
        let n = gradient.len();
        self.saddle = None;
        if self.max_products == 0 {
            return Ok(Examined { products: 0, finite: true });
        }
        self.direction.clear();
        self.direction.extend(pseudorandom::<T>(7).take(n));
        self.lanczos.start(&self.direction);
        let mut last = T::infinity();
        let mut products = 0;
        let mut finite = loop {
            let expansion = self.lanczos.extend(hessian)?;
            products += 1;
            let finite = expansion != Expansion::NonFinite;
            let Some(&least) = self.lanczos.ritz_values().first() else { break finite };
            // A value well away from zero that falls no more neither changes its sign nor its vector much.
            let settled = last - least <= T::of(0.1) * least.abs();
            last = least;
            if !expansion.is_continuing() || (settled && (least < T::zero() || products >= least_products(n))) {
                break finite;
            }
        };
        if last < -tolerance::<T>() * self.lanczos.scale() {
            self.lanczos.ritz_vector(0, &mut self.direction);
            let slope = dot(gradient, &self.direction);
            // Downhill first.
            let length = if slope > T::zero() { -length } else { length };
            self.saddle = Some(Saddle { ritz: last, slope, length, rejections: 0 });
            finite = true;
        }
        Ok(Examined { products, finite })
    }

    /// Takes what was examined to be the entries at `free` of `n`, all others held where they are.
    pub(crate) fn spread(&mut self, free: &[usize], n: usize) {
        self.direction.resize(n, T::zero());
        // From the last on, entry k goes to free[k] ≥ k, where only a zero is left.
        for (k, &i) in free.iter().enumerate().rev() {
            self.direction.swap(k, i);
        }
    }

    /// Tries the next step away from a saddle, judged by f(x), f(trial) and what was promised; within the bounds, if there
    /// are any.
    pub(crate) fn leave<'o, O: Objective<T>>(
        &mut self,
        now: &mut Standing<T>,
        objective: &'o O,
        bounds: Option<&Bounds<T>>,
        judge: impl FnOnce(T, T, &ModelStep<T>) -> Judgement<T>,
    ) -> Result<Leaving<O::Model<'o>>, Error> {
        now.accepted = false;
        let Some(Saddle { ritz, slope, length: whole, rejections }) = self.saddle else { return Ok(Leaving::Failed) };
        let mut length = whole;
        if let Some(bounds) = bounds {
            now.trial.iter_mut().zip(&self.direction).for_each(|(trial, &d)| *trial = whole * d);
            length *= bounds.reach(&now.x, &now.trial).min(T::one());
        }
        offset(&now.x, length, &self.direction, &mut now.trial);
        if let Some(bounds) = bounds {
            for (i, &d) in self.direction.iter().enumerate() {
                now.trial[i] = bounds.place(i, now.x[i], length * d);
            }
        }
        now.step_norm = length.abs();
        if rejections == MAX_REJECTIONS || now.trial == now.x {
            now.step_norm = T::zero();
            return Ok(Leaving::Ended(self.status().unwrap_or(Status::NoProgress)));
        }
        let decrease = -length * (slope + T::of(0.5) * length * ritz);
        let promised =
            ModelStep { norm: length.abs(), decrease: decrease.max(T::zero()), end: StepEnd::NegativeCurvature };
        let measure = |x: &[T], gradient: &[T]| {
            bounds.map_or_else(|| norm(gradient), |bounds| bounds.projected_gradient_norm(x, gradient))
        };
        Ok(match now.attempt_measured(objective, |value, trial| judge(value, trial, &promised), measure)? {
            Attempt::Unbounded => Leaving::Ended(Status::Unbounded),
            Attempt::Accepted(model, _) => {
                self.saddle = None;
                Leaving::Left(model)
            }
            Attempt::Rejected => {
                self.saddle = Some(Saddle {
                    // The other way, then a quarter of the length.
                    length: whole * if rejections.is_multiple_of(2) { -T::one() } else { T::of(-0.25) },
                    rejections: rejections + 1,
                    ritz,
                    slope,
                });
                Leaving::Failed
            }
        })
    }

    /// That the run ends at the saddle.
    pub(crate) fn status(&self) -> Option<Status> {
        self.saddle.map(|saddle| Status::SecondOrder { smallest_ritz: saddle.ritz.to_f64().unwrap_or(f64::NAN) })
    }
}

/// What the test cost, and whether it could be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Examined {
    pub(crate) products: usize,
    /// Whether curvature was seen: a negative one, or all that was looked for.
    pub(crate) finite: bool,
}

/// What became of a step away from a saddle.
#[derive(Debug)]
pub(crate) enum Leaving<M> {
    /// The saddle is left, for a point with this model.
    Left(M),
    /// The next step will be another.
    Failed,
    /// There is no way out, or no end of it.
    Ended(Status),
}
