//! Hager and Zhang's search: Wolfe's conditions, or their approximate form where values can no longer tell.
//!
//! Ends at φ(α) ≤ φ(0) + δ α φ′(0) with φ′(α) ≥ σ φ′(0) (Wolfe), or at φ(α) ≤ φ(0) + ε |φ(0)| with
//! (2δ − 1) φ′(0) ≥ φ′(α) ≥ σ φ′(0) (approximate Wolfe). The second form is Armijo's condition for the parabola
//! through φ(0), φ′(0), φ′(α), and keeps all digits of the slopes where the difference of the values has none.
//!
//! Source: Hager, Zhang, *A new conjugate gradient method with guaranteed descent and an efficient line search*,
//! SIAM J. Optim. 16 (2005), section 4: the secant² interval updates, with its defaults.

use super::{Found, LineFunction, LineSearch, Ray, Sample, SearchEnd, not_descent, rounding};
use crate::error::{Error, require};
use crate::scalar::Scalar;

const METHOD: &str = "Hager-Zhang";

/// The search. One value and slope a sample; holds nothing between searches.
///
/// ```
/// use optim::line_search::{HagerZhang, LineSearch, Ray};
/// // 1 + 1e-20 (α − 1)²: every value rounds to 1, the slopes say where the minimum is.
/// let mut phi = |a: f64| Ok::<_, std::convert::Infallible>((1.0, 2e-20 * (a - 1.0)));
/// let found = HagerZhang::new().search(&mut phi, Ray::new(1.0, -2e-20, 0.01))?;
/// assert!(found.end.is_satisfied() && (found.step - 1.0).abs() < 0.9);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct HagerZhang<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    delta: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    sigma: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    epsilon: T,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    psi: T,
    max_samples: usize,
}

impl<T: Scalar> Default for HagerZhang<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> HagerZhang<T> {
    /// The search with its defaults.
    pub fn new() -> Self {
        // The paper's ε = 1e-6 is for f64: about ε_machine^0.4.
        let epsilon = T::of(1e-6).max(T::of(10.0) * T::epsilon());
        Self { delta: T::of(0.1), sigma: T::of(0.9), epsilon, psi: T::zero(), max_samples: 50 }
    }

    /// δ, above 0 and below 1/2. Default: 0.1.
    pub fn sufficient_decrease(mut self, delta: T) -> Self {
        self.delta = delta;
        self
    }

    /// σ, at least δ and below 1. Default: 0.9.
    pub fn curvature(mut self, sigma: T) -> Self {
        self.sigma = sigma;
        self
    }

    /// By how much of |φ(0)| a step may increase the value if its slope is right. Default: 1e-6, or ten roundings if that is
    /// more.
    pub fn value_error(mut self, epsilon: T) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Starts each search at the minimum of the parabola through φ(0), φ′(0) and φ(ψ α), α the first step of the ray and ψ
    /// above 0 and at most 1: one value more a search, and mostly one gradient less (QuadStep of CG_DESCENT, steps I1 and I2
    /// of the paper, where ψ is 0.1). Default: none, the search starts at α.
    pub fn quadratic_step(mut self, psi: T) -> Self {
        self.psi = psi;
        self
    }

    /// The most samples of a search, at least 1. Default: 50.
    pub fn max_samples(mut self, limit: usize) -> Self {
        self.max_samples = limit;
        self
    }
}

/// Why the samples stop.
enum Stop<T, E> {
    Found(Found<T>),
    Failed(E),
}

/// What a sample means for an interval.
#[derive(Clone, Copy)]
enum Probe<T> {
    /// φ′ ≥ 0: an upper end.
    Rising(Sample<T>),
    /// φ′ < 0 and φ ≤ φ(0) + ε: a lower end.
    Low(Sample<T>),
    /// φ′ < 0 and φ > φ(0) + ε: beyond a hill.
    High(T),
    /// Not finite.
    Outside(T),
}

/// A search under way.
struct Run<'a, T, P> {
    options: HagerZhang<T>,
    phi: &'a mut P,
    ray: Ray<T>,
    /// φ(0) + ε |φ(0)|.
    ceiling: T,
    /// The best point so far; its slope where it was sampled.
    lowest: Found<T>,
    any_finite: bool,
    samples: usize,
}

type Ends<T> = (Sample<T>, Sample<T>);

impl<T: Scalar, P: LineFunction<T>> Run<'_, T, P> {
    fn stop<R>(&self, end: SearchEnd) -> Result<R, Stop<T, P::Error>> {
        let end = if self.any_finite { end } else { SearchEnd::NonFinite };
        Err(Stop::Found(Found { samples: self.samples, end, ..self.lowest }))
    }

    /// Samples at `step`; stops the search where a condition holds or the samples are used up.
    fn probe(&mut self, step: T) -> Result<Probe<T>, Stop<T, P::Error>> {
        if self.samples == self.options.max_samples {
            return self.stop(SearchEnd::Samples);
        }
        let (value, slope) = self.phi.sample(step).map_err(Stop::Failed)?;
        self.samples += 1;
        let at = Sample { step, value, slope };
        if value == T::neg_infinity() {
            return Err(Stop::Found(at.found(self.samples, SearchEnd::Unbounded)));
        }
        if !value.is_finite() || !slope.is_finite() {
            return Ok(Probe::Outside(step));
        }
        self.any_finite = true;
        if let Some(end) = self.verdict(&at) {
            return Err(Stop::Found(at.found(self.samples, end)));
        }
        if value < self.lowest.value {
            self.lowest = at.found(self.samples, SearchEnd::Samples);
        }
        Ok(if slope >= T::zero() {
            Probe::Rising(at)
        } else if value <= self.ceiling {
            Probe::Low(at)
        } else {
            Probe::High(step)
        })
    }

    fn verdict(&self, at: &Sample<T>) -> Option<SearchEnd> {
        let HagerZhang { delta, sigma, .. } = self.options;
        let (two, slope) = (T::of(2.0), self.ray.slope);
        let decreased = at.value <= self.ray.value + delta * at.step * slope && at.value < self.ray.value;
        if decreased && at.slope >= sigma * slope {
            return Some(SearchEnd::Wolfe);
        }
        if at.value <= self.ceiling && at.slope >= sigma * slope && at.slope <= (two * delta - T::one()) * slope {
            return Some(SearchEnd::ApproximateWolfe);
        }
        (decreased && at.step >= self.ray.longest).then_some(SearchEnd::Longest)
    }

    /// Step U3: bisects between the low `a` and `b`, which is high or not finite, until an upper end is found.
    fn below_hill(&mut self, mut a: Sample<T>, mut b: T) -> Result<Ends<T>, Stop<T, P::Error>> {
        loop {
            let middle = a.step + T::of(0.5) * (b - a.step);
            if middle <= a.step || middle >= b {
                return self.stop(SearchEnd::Interval);
            }
            match self.probe(middle)? {
                Probe::Rising(at) => return Ok((a, at)),
                Probe::Low(at) => a = at,
                Probe::High(step) | Probe::Outside(step) => b = step,
            }
        }
    }

    /// Steps B0 to B3: grows the step until it is an upper end.
    fn bracket(&mut self) -> Result<Ends<T>, Stop<T, P::Error>> {
        let mut a = Sample::origin(&self.ray);
        let mut step = self.ray.first.min(self.ray.longest);
        loop {
            match self.probe(step)? {
                Probe::Rising(at) => return Ok((a, at)),
                Probe::High(step) => return self.below_hill(Sample::origin(&self.ray), step),
                Probe::Outside(step) => return self.below_hill(a, step),
                Probe::Low(at) => {
                    if step >= self.ray.longest {
                        return self.stop(SearchEnd::Interval);
                    }
                    a = at;
                    step = (T::of(5.0) * step).min(self.ray.longest);
                }
            }
        }
    }

    /// Steps U0 to U3: the interval with `step` taken in.
    fn update(&mut self, a: Sample<T>, b: Sample<T>, step: T) -> Result<Ends<T>, Stop<T, P::Error>> {
        if !(step > a.step && step < b.step) {
            return Ok((a, b));
        }
        match self.probe(step)? {
            Probe::Rising(at) => Ok((a, at)),
            Probe::Low(at) => Ok((at, b)),
            Probe::High(step) | Probe::Outside(step) => self.below_hill(a, step),
        }
    }

    /// The double secant step.
    fn secant_squared(&mut self, a: Sample<T>, b: Sample<T>) -> Result<Ends<T>, Stop<T, P::Error>> {
        let c = secant(a, b);
        let (next_a, next_b) = self.update(a, b, c)?;
        let again = if c == next_b.step {
            secant(b, next_b)
        } else if c == next_a.step {
            secant(a, next_a)
        } else {
            return Ok((next_a, next_b));
        };
        self.update(next_a, next_b, again)
    }

    /// Steps I1 and I2: the first step from a parabola, where that is convex beyond all rounding.
    fn set_first(&mut self) -> Result<(), Stop<T, P::Error>> {
        let Ray { value: origin, slope, first, longest } = self.ray;
        let near = (self.options.psi * first).min(longest);
        // A search that may take one sample takes it at a step.
        if near == T::zero() || self.options.max_samples == 1 {
            return Ok(());
        }
        let value = self.phi.value(near).map_err(Stop::Failed)?;
        self.samples += 1;
        self.any_finite |= value.is_finite();
        if value == T::neg_infinity() {
            let found = Found { step: near, value, slope: None, samples: self.samples, end: SearchEnd::Unbounded };
            return Err(Stop::Found(found));
        }
        if value < self.lowest.value {
            self.lowest = Found { step: near, value, slope: None, samples: self.samples, end: SearchEnd::Samples };
        }
        // ½ q″ t², q the parabola.
        let excess = value - (origin + near * slope);
        let step = T::of(-0.5) * slope * near / excess * near;
        if excess > rounding(origin) && step.is_finite() && step > T::zero() {
            self.ray.first = step;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Found<T>, Stop<T, P::Error>> {
        self.set_first()?;
        let (mut a, mut b) = self.bracket()?;
        loop {
            let width = b.step - a.step;
            (a, b) = self.secant_squared(a, b)?;
            if b.step - a.step > T::of(0.66) * width {
                let middle = a.step + T::of(0.5) * (b.step - a.step);
                (a, b) = self.update(a, b, middle)?;
            }
            if b.step - a.step >= width || b.step - a.step <= T::epsilon() * b.step {
                return self.stop(SearchEnd::Interval);
            }
        }
    }
}

/// Where the line through two slopes is zero.
fn secant<T: Scalar>(a: Sample<T>, b: Sample<T>) -> T {
    (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope)
}

impl<T: Scalar> LineSearch<T> for HagerZhang<T> {
    fn search<P: LineFunction<T>>(&mut self, phi: &mut P, ray: Ray<T>) -> Result<Found<T>, P::Error> {
        if !ray.descends() {
            return Ok(not_descent(&ray));
        }
        let ceiling = ray.value + self.epsilon * ray.value.abs();
        let lowest = Sample::origin(&ray).found(0, SearchEnd::NonFinite);
        let mut run = Run { options: *self, phi, ray, ceiling, lowest, any_finite: false, samples: 0 };
        match run.run() {
            Ok(found) | Err(Stop::Found(found)) => Ok(found),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let Self { delta, sigma, epsilon, psi, max_samples } = *self;
        let share = psi >= T::zero() && psi <= T::one();
        require(share, METHOD, "quadratic_step", psi, "a number from 0 to 1")?;
        let below_half = delta > T::zero() && delta < T::of(0.5);
        require(below_half, METHOD, "sufficient_decrease", delta, "a number above 0 and below 1/2")?;
        let ordered = sigma >= delta && sigma < T::one();
        require(ordered, METHOD, "curvature", sigma, "a number from the sufficient decrease to below 1")?;
        require(
            epsilon >= T::zero() && epsilon.is_finite(),
            METHOD,
            "value_error",
            epsilon,
            "a finite number, at least 0",
        )?;
        require(max_samples >= 1, METHOD, "max_samples", max_samples, "at least 1")
    }
}
