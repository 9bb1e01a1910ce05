//! Line searches: how far to go along a direction of descent, from φ(α) = f(x + α d) and φ′(α) alone.
//!
//! Each search can be used alone on any function of one variable:
//!
//! ```
//! use optim::line_search::{LineSearch, MoreThuente, Ray, SearchEnd};
//! // φ(α) = (α − 2)² − 1: φ(0) = 3, φ′(0) = −4.
//! let mut phi = |a: f64| Ok::<_, std::convert::Infallible>(((a - 2.0).powi(2) - 1.0, 2.0 * (a - 2.0)));
//! let found = MoreThuente::new().search(&mut phi, Ray::new(3.0, -4.0, 0.1))?;
//! assert_eq!(found.end, SearchEnd::Wolfe);
//! assert!(found.value <= 3.0 - 1e-4 * 4.0 * found.step && found.slope.unwrap().abs() <= 0.9 * 4.0);
//! # Ok::<(), std::convert::Infallible>(())
//! ```
//!
//! The laws of every search: it ends after a bounded number of samples; a sample that is not finite bounds the step
//! from above and is never the answer; where its conditions cannot be met the answer is the best point seen, with
//! the reason; it never panics.

mod backtracking;
mod hager_zhang;
mod more_thuente;

pub use backtracking::Backtracking;
pub use hager_zhang::HagerZhang;
pub use more_thuente::MoreThuente;

use crate::error::Error;
use crate::scalar::Scalar;

/// φ along a ray. A closure `α ↦ Ok((φ(α), φ′(α)))` is one.
pub trait LineFunction<T> {
    /// What keeps φ from being evaluated.
    type Error;

    /// φ(α).
    ///
    /// # Errors
    /// Whatever keeps it from being evaluated; a value that is not finite is none.
    fn value(&mut self, step: T) -> Result<T, Self::Error>;

    /// φ(α) and φ′(α).
    ///
    /// # Errors
    /// As [`value`](Self::value).
    fn sample(&mut self, step: T) -> Result<(T, T), Self::Error>;
}

impl<T, E, F: FnMut(T) -> Result<(T, T), E>> LineFunction<T> for F {
    type Error = E;

    fn value(&mut self, step: T) -> Result<T, E> {
        Ok(self(step)?.0)
    }

    fn sample(&mut self, step: T) -> Result<(T, T), E> {
        self(step)
    }
}

/// A ray as a search sees it at its origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray<T> {
    /// φ(0).
    pub value: T,
    /// φ′(0), negative along a direction of descent.
    pub slope: T,
    /// The first α to try, above 0.
    pub first: T,
    /// The largest α allowed, at least `first`.
    pub longest: T,
}

impl<T: Scalar> Ray<T> {
    /// A ray of any length with φ(0) = `value`, φ′(0) = `slope`, to be tried at `first`.
    pub fn new(value: T, slope: T, first: T) -> Self {
        Self { value, slope, first, longest: T::max_value().sqrt() }
    }

    /// The ray up to α = `longest`.
    pub fn up_to(self, longest: T) -> Self {
        Self { longest, ..self }
    }

    /// Whether the ray goes down and its numbers make sense.
    fn descends(&self) -> bool {
        self.value.is_finite()
            && self.slope.is_finite()
            && self.slope < T::zero()
            && self.first > T::zero()
            && self.first.is_finite()
            && self.longest > T::zero()
    }
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SearchEnd {
    /// The Wolfe conditions of the search hold: sufficient decrease and a flat enough slope.
    Wolfe,
    /// The slope is flat enough, and the values differ by no more than their rounding.
    ApproximateWolfe,
    /// Sufficient decrease, of a search that asks no more.
    Armijo,
    /// The longest step allowed still descends, with sufficient decrease.
    Longest,
    /// The value is minus infinity.
    Unbounded,
    /// The interval of uncertainty shrank to the rounding of α: the best point seen.
    Interval,
    /// The limit of samples was reached: the best point seen.
    Samples,
    /// No sample was finite.
    NonFinite,
    /// φ′(0) is not negative, or not a number: nothing was sampled.
    NotDescent,
}

impl SearchEnd {
    /// Whether the conditions of the search hold at its answer.
    pub fn is_satisfied(self) -> bool {
        matches!(self, Self::Wolfe | Self::ApproximateWolfe | Self::Armijo | Self::Longest)
    }
}

/// The answer of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found<T> {
    /// α; 0 where nothing better than the origin was seen.
    pub step: T,
    /// φ(α).
    pub value: T,
    /// φ′(α), if the search sampled it.
    pub slope: Option<T>,
    /// How often φ was asked.
    pub samples: usize,
    /// Why the search ended.
    pub end: SearchEnd,
}

/// A rule for the step along a ray.
pub trait LineSearch<T: Scalar> {
    /// A step along `ray`.
    ///
    /// # Errors
    /// What φ reports.
    fn search<P: LineFunction<T>>(&mut self, phi: &mut P, ray: Ray<T>) -> Result<Found<T>, P::Error>;

    /// Forgets what was kept from earlier searches of the same run.
    fn forget(&mut self) {}

    /// An error unless every option makes sense.
    ///
    /// # Errors
    /// The option that makes none.
    fn check(&self) -> Result<(), Error>;
}

/// A finite sample of φ.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample<T> {
    step: T,
    value: T,
    slope: T,
}

impl<T: Scalar> Sample<T> {
    fn origin(ray: &Ray<T>) -> Self {
        Self { step: T::zero(), value: ray.value, slope: ray.slope }
    }

    fn found(self, samples: usize, end: SearchEnd) -> Found<T> {
        Found { step: self.step, value: self.value, slope: Some(self.slope), samples, end }
    }
}

fn not_descent<T: Scalar>(ray: &Ray<T>) -> Found<T> {
    Sample::origin(ray).found(0, SearchEnd::NotDescent)
}

/// How much of a change of φ may be rounding: 10 ε |φ(0)|. A handful of roundings of the last sum; f itself may lose
/// more, but then its slope does not agree either.
fn rounding<T: Scalar>(value: T) -> T {
    T::of(10.0) * T::epsilon() * value.abs()
}
