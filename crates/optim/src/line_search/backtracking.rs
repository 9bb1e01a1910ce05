//! Backtracking: shorter and shorter steps until the value decreases enough.
//!
//! Armijo's condition φ(α) ≤ R + c₁ α φ′(0), with R = φ(0), or the largest of the last values for a nonmonotone
//! search. The next α minimises the parabola through φ(0), φ′(0), φ(α), and lies between α/10 and α/2.
//!
//! Sources: Nocedal, Wright, *Numerical Optimization* (2006), §3.5; Grippo, Lampariello, Lucidi, *A nonmonotone line
//! search technique for Newton's method*, SIAM J. Numer. Anal. 23 (1986).

use super::{Found, LineFunction, LineSearch, Ray, Sample, SearchEnd, not_descent, rounding};
use crate::error::{Error, require};
use crate::scalar::Scalar;
use std::collections::VecDeque;

const METHOD: &str = "backtracking";

/// Backtracking by values alone. One value a trial; holds as many numbers as its memory.
///
/// Where the decrease asked for is below the rounding of the value, the slope judges instead: one sample more.
///
/// ```
/// use optim::line_search::{Backtracking, LineSearch, Ray};
/// // log is not defined above 1: NaN shortens the step.
/// let mut phi = |a: f64| Ok::<_, std::convert::Infallible>((-(1.0 - a).ln() - 2.0 * a, 1.0 / (1.0 - a) - 2.0));
/// let found = Backtracking::new().search(&mut phi, Ray::new(0.0, -1.0, 8.0))?;
/// assert!(found.step < 1.0 && found.value < 0.0);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct Backtracking<T> {
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    sufficient: T,
    memory: usize,
    max_samples: usize,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    values: VecDeque<T>,
}

impl<T: Scalar> Default for Backtracking<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Backtracking<T> {
    /// The monotone search with its defaults.
    pub fn new() -> Self {
        Self { sufficient: T::of(1e-4), memory: 1, max_samples: 60, values: VecDeque::new() }
    }

    /// The share c₁ of the first-order decrease a step must keep, above 0 and below 1. Default: 1e-4.
    pub fn sufficient_decrease(mut self, share: T) -> Self {
        self.sufficient = share;
        self
    }

    /// R as the largest of φ(0) in the last `memory` searches, at least 1. Default: 1, the monotone search.
    pub fn nonmonotone(mut self, memory: usize) -> Self {
        self.memory = memory;
        self
    }

    /// The most samples of a search, at least 1. Default: 60.
    pub fn max_samples(mut self, limit: usize) -> Self {
        self.max_samples = limit;
        self
    }

    /// R.
    fn reference(&self, value: T) -> T {
        self.values.iter().fold(value, |largest, &value| largest.max(value))
    }

    /// Takes φ(0) of a search that found its step into the memory.
    fn keep(&mut self, value: T) {
        self.values.push_back(value);
        while self.values.len() >= self.memory.max(1) {
            self.values.pop_front();
        }
    }
}

impl<T: Scalar> LineSearch<T> for Backtracking<T> {
    fn search<P: LineFunction<T>>(&mut self, phi: &mut P, ray: Ray<T>) -> Result<Found<T>, P::Error> {
        if !ray.descends() {
            return Ok(not_descent(&ray));
        }
        let (tenth, half) = (T::of(0.1), T::of(0.5));
        let reference = self.reference(ray.value);
        let allowance = rounding(ray.value);
        let origin = Sample::origin(&ray);
        let mut best = Found { slope: None, ..origin.found(0, SearchEnd::NonFinite) };
        let mut step = ray.first.min(ray.longest);
        let mut samples = 0;
        while samples < self.max_samples {
            let value = phi.value(step)?;
            samples += 1;
            if value == T::neg_infinity() {
                return Ok(Found { step, value, slope: None, samples, end: SearchEnd::Unbounded });
            }
            let mut next = half * step;
            if value.is_finite() {
                if best.end == SearchEnd::NonFinite {
                    best.end = SearchEnd::Samples;
                }
                if value < best.value {
                    best = Found { step, value, slope: None, samples, end: SearchEnd::Samples };
                }
                let promised = -step * ray.slope;
                let change = value - ray.value;
                // Not `≤ reference` alone: a decrease that rounds away would let the search accept anything flat.
                let hidden = promised <= allowance && change.abs() <= allowance;
                if !hidden && value <= reference - self.sufficient * promised {
                    self.keep(ray.value);
                    return Ok(Found { step, value, slope: None, samples, end: SearchEnd::Armijo });
                }
                if hidden && samples < self.max_samples {
                    let (value, slope) = phi.sample(step)?;
                    samples += 1;
                    if slope.abs() < ray.slope.abs() {
                        let end = SearchEnd::ApproximateWolfe;
                        self.keep(ray.value);
                        return Ok(Found { step, value, slope: Some(slope), samples, end });
                    }
                }
                // The minimum of the parabola: α² |φ′(0)| / (2 (φ(α) − φ(0) − α φ′(0))).
                let parabola = half * step * promised / (change + promised);
                if parabola.is_finite() {
                    next = parabola.max(tenth * step).min(half * step);
                }
            }
            if next == T::zero() {
                best.end = SearchEnd::Interval;
                break;
            }
            step = next;
        }
        best.samples = samples;
        Ok(best)
    }

    fn forget(&mut self) {
        self.values.clear();
    }

    fn check(&self) -> Result<(), Error> {
        let Self { sufficient, memory, max_samples, .. } = *self;
        let inside = sufficient > T::zero() && sufficient < T::one();
        require(inside, METHOD, "sufficient_decrease", sufficient, "a number above 0 and below 1")?;
        require(memory >= 1, METHOD, "nonmonotone", memory, "at least 1")?;
        require(max_samples >= 1, METHOD, "max_samples", max_samples, "at least 1")
    }
}
