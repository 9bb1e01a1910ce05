//! Moré and Thuente's search: a step with sufficient decrease and a small slope, by safeguarded cubics.
//!
//! The strong Wolfe conditions φ(α) ≤ φ(0) + c₁ α φ′(0) and |φ′(α)| ≤ c₂ |φ′(0)|. An interval that contains such a
//! step is kept and shrinks by a third at least every two samples.
//!
//! Source: Moré, Thuente, *Line search algorithms with guaranteed sufficient decrease*, ACM TOMS 20 (1994). The
//! acceptance of steps below the rounding of φ is that of Hager and Zhang (2005), eq. 4.1.

use super::{Found, LineFunction, LineSearch, Ray, Sample, SearchEnd, not_descent, rounding};
use crate::error::{Error, require};
use crate::scalar::Scalar;

const METHOD: &str = "Moré-Thuente";

/// The search; see the [module](super) for an example. One value and slope a sample; holds nothing between searches.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct MoreThuente<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    sufficient: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    curvature: T,
    max_samples: usize,
}

impl<T: Scalar> Default for MoreThuente<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> MoreThuente<T> {
    /// The search with its defaults, those for quasi-Newton directions.
    pub fn new() -> Self {
        Self { sufficient: T::of(1e-4), curvature: T::of(0.9), max_samples: 40 }
    }

    /// c₁, above 0 and below c₂. Default: 1e-4.
    pub fn sufficient_decrease(mut self, share: T) -> Self {
        self.sufficient = share;
        self
    }

    /// c₂, above c₁ and below 1. Default: 0.9; about 0.1 makes the search nearly exact, as conjugate gradients like.
    pub fn curvature(mut self, share: T) -> Self {
        self.curvature = share;
        self
    }

    /// The most samples of a search, at least 1. Default: 40.
    pub fn max_samples(mut self, limit: usize) -> Self {
        self.max_samples = limit;
        self
    }

    /// The condition that holds at `at`, if one does.
    fn verdict(&self, ray: &Ray<T>, at: &Sample<T>) -> Option<SearchEnd> {
        let test = self.sufficient * ray.slope;
        let decreased = at.value <= ray.value + at.step * test && at.value < ray.value;
        if decreased && at.slope.abs() <= -self.curvature * ray.slope {
            return Some(SearchEnd::Wolfe);
        }
        if decreased && at.step >= ray.longest && at.slope <= test {
            return Some(SearchEnd::Longest);
        }
        let two = T::of(2.0);
        let flat = at.slope >= self.curvature * ray.slope && at.slope <= (two * self.sufficient - T::one()) * ray.slope;
        (flat && (at.value - ray.value).abs() <= rounding(ray.value)).then_some(SearchEnd::ApproximateWolfe)
    }
}

/// The interval of uncertainty: between the best point and the other end.
struct Interval<T> {
    best: Sample<T>,
    other: Sample<T>,
    bracketed: bool,
}

impl<T: Scalar> LineSearch<T> for MoreThuente<T> {
    fn search<P: LineFunction<T>>(&mut self, phi: &mut P, ray: Ray<T>) -> Result<Found<T>, P::Error> {
        if !ray.descends() {
            return Ok(not_descent(&ray));
        }
        let zero = T::zero();
        let test = self.sufficient * ray.slope;
        let origin = Sample::origin(&ray);
        let mut lowest = origin;
        let mut interval = Interval { best: origin, other: origin, bracketed: false };
        let mut widths = (ray.longest, T::of(2.0) * ray.longest);
        let mut step = ray.first.min(ray.longest);
        let (mut least, mut most) = (zero, T::of(5.0) * step);
        let mut first_stage = true;
        let mut any_finite = false;
        // A step that was not finite, and how often in a row.
        let mut wall: Option<T> = None;
        let mut outside = 0;
        for samples in 1..=self.max_samples {
            let (value, slope) = phi.sample(step)?;
            let at = Sample { step, value, slope };
            if value == T::neg_infinity() {
                return Ok(at.found(samples, SearchEnd::Unbounded));
            }
            if !value.is_finite() || !slope.is_finite() {
                outside += 1;
                wall = Some(step);
                let shrink = if outside == 1 { T::of(0.5) } else { T::of(0.1) };
                let next = interval.best.step + shrink * (step - interval.best.step);
                if next == step || next == interval.best.step {
                    let end = if any_finite { SearchEnd::Interval } else { SearchEnd::NonFinite };
                    return Ok(lowest.found(samples, end));
                }
                step = next;
                continue;
            }
            (outside, any_finite) = (0, true);
            if let Some(end) = self.verdict(&ray, &at) {
                return Ok(at.found(samples, end));
            }
            if value < lowest.value {
                lowest = at;
            }
            let line = ray.value + step * test;
            if first_stage && value <= line && slope >= zero {
                first_stage = false;
            }
            // In the first stage the interval is that of ψ(α) = φ(α) − φ(0) − c₁ α φ′(0).
            let next = if first_stage && value <= interval.best.value && value > line {
                let lower = |s: Sample<T>| Sample { value: s.value - s.step * test, slope: s.slope - test, ..s };
                let raise = |s: Sample<T>| Sample { value: s.value + s.step * test, slope: s.slope + test, ..s };
                (interval.best, interval.other) = (lower(interval.best), lower(interval.other));
                let next = interval.narrow(lower(at), least, most);
                (interval.best, interval.other) = (raise(interval.best), raise(interval.other));
                next
            } else {
                interval.narrow(at, least, most)
            };
            let (x, y) = (interval.best.step, interval.other.step);
            step = next;
            if interval.bracketed {
                let width = (y - x).abs();
                if width >= T::of(0.66) * widths.1 {
                    step = x + T::of(0.5) * (y - x);
                }
                widths = (width, widths.0);
                (least, most) = (x.min(y), x.max(y));
            }
            if !step.is_finite() {
                step = if interval.bracketed { x + T::of(0.5) * (y - x) } else { most };
            }
            step = step.max(zero).min(ray.longest);
            if let Some(wall) = wall {
                let (to_wall, ahead) = (wall - x, step - x);
                if to_wall * ahead > zero && ahead.abs() >= to_wall.abs() {
                    step = x + T::of(0.5) * to_wall;
                }
            }
            if !interval.bracketed {
                least = step + T::of(1.1) * (step - x);
                most = step + T::of(4.0) * (step - x);
            }
            let lost = interval.bracketed && (step <= least || step >= most || most - least <= T::epsilon() * most);
            if lost || step == at.step || step == x {
                return Ok(lowest.found(samples, SearchEnd::Interval));
            }
        }
        let end = if any_finite { SearchEnd::Samples } else { SearchEnd::NonFinite };
        Ok(lowest.found(self.max_samples, end))
    }

    fn check(&self) -> Result<(), Error> {
        let Self { sufficient, curvature, max_samples } = *self;
        let ordered = sufficient > T::zero() && sufficient < curvature;
        require(ordered, METHOD, "sufficient_decrease", sufficient, "a number above 0 and below the curvature share")?;
        require(curvature < T::one(), METHOD, "curvature", curvature, "a number below 1")?;
        require(max_samples >= 1, METHOD, "max_samples", max_samples, "at least 1")
    }
}

impl<T: Scalar> Interval<T> {
    /// Takes a sample in, and returns the next step to try: the four cases of section 4 of the paper.
    fn narrow(&mut self, at: Sample<T>, least: T, most: T) -> T {
        let (x, y) = (self.best, self.other);
        let (half, two_thirds) = (T::of(0.5), T::of(0.66));
        let opposite = at.slope * x.slope.signum() < T::zero();
        let to_x = x.step - at.step;
        let quadratic = || at.step + at.slope / (at.slope - x.slope) * to_x; // by the two slopes
        let next = if at.value > x.value {
            // Case 1: the minimum lies between; the cubic through both, or its mean with the quadratic.
            self.bracketed = true;
            let cubic = cubic_minimum(x, at);
            let by_values =
                x.step + half * (x.slope / ((x.value - at.value) / (at.step - x.step) + x.slope)) * (at.step - x.step);
            if (cubic - x.step).abs() < (by_values - x.step).abs() { cubic } else { cubic + half * (by_values - cubic) }
        } else if opposite {
            // Case 2: the slopes differ in sign; whichever is farther from the new point.
            self.bracketed = true;
            let (cubic, secant) = (cubic_minimum(at, x), quadratic());
            if (cubic - at.step).abs() > (secant - at.step).abs() { cubic } else { secant }
        } else if at.slope.abs() < x.slope.abs() {
            // Case 3: the slope falls in size; the cubic may have its minimum beyond, or none.
            let cubic = match cubic_beyond(at, x) {
                Some(step) => step,
                None if at.step > x.step => most,
                None => least,
            };
            let secant = quadratic();
            let cubic_is_closer = (cubic - at.step).abs() < (secant - at.step).abs();
            if self.bracketed {
                let next = if cubic_is_closer { cubic } else { secant };
                let limit = at.step + two_thirds * (y.step - at.step);
                if at.step > x.step { next.min(limit) } else { next.max(limit) }
            } else {
                let next = if cubic_is_closer { secant } else { cubic };
                next.max(least).min(most)
            }
        } else if self.bracketed {
            // Case 4: the slope does not fall.
            cubic_minimum(at, y)
        } else if at.step > x.step {
            most
        } else {
            least
        };
        if at.value > x.value {
            self.other = at;
        } else {
            if opposite {
                self.other = x;
            }
            self.best = at;
        }
        next
    }
}

/// θ and γ of the cubic through two samples, γ ≥ 0 for `to` after `from`.
fn cubic<T: Scalar>(from: Sample<T>, to: Sample<T>) -> (T, T) {
    let theta = T::of(3.0) * (from.value - to.value) / (to.step - from.step) + from.slope + to.slope;
    let scale = theta.abs().max(from.slope.abs()).max(to.slope.abs());
    let square = (theta / scale).powi(2) - (from.slope / scale) * (to.slope / scale);
    let gamma = scale * square.max(T::zero()).sqrt();
    (theta, if to.step < from.step { -gamma } else { gamma })
}

/// The minimum of the cubic through two samples, seen from the first.
fn cubic_minimum<T: Scalar>(from: Sample<T>, to: Sample<T>) -> T {
    let (theta, gamma) = cubic(from, to);
    let p = gamma - from.slope + theta;
    let q = gamma - from.slope + gamma + to.slope;
    from.step + p / q * (to.step - from.step)
}

/// The minimum of the cubic through `at` and `x` where it lies beyond `at`, away from `x`.
fn cubic_beyond<T: Scalar>(at: Sample<T>, x: Sample<T>) -> Option<T> {
    let (theta, gamma) = cubic(at, x);
    let p = gamma - at.slope + theta;
    let q = gamma + (x.slope - at.slope) + gamma;
    let r = p / q;
    (r < T::zero() && gamma != T::zero()).then(|| at.step + r * (x.step - at.step))
}
