//! The second-order test of a point with zero gradient: minimum, or saddle or maximum to be left.
//!
//! A short Lanczos run from a random start shows a negative eigenvalue unless it is tiny against the others or the
//! start happens to be orthogonal to its eigenvectors, which has probability zero. Where one shows, steps of falling
//! length both ways along its Ritz vector are tried: f falls along them by about ½ |θ| r².

use crate::descent::{ModelStep, StepEnd};
use crate::krylov::Lanczos;
use crate::objective::ObjectiveError;
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::status::Status;
use crate::vector::{dot, offset, pseudorandom};

/// The test and, at a saddle, the way out.
#[derive(Clone, Debug)]
pub(crate) struct SecondOrder<T> {
    max_products: usize,
    lanczos: Lanczos<T>,
    /// The Ritz vector of the smallest Ritz value; before the test its random start.
    direction: Vec<T>,
    saddle: Option<Saddle<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Saddle<T> {
    /// θ < 0.
    ritz: T,
    /// gᵀv, next to nothing.
    slope: T,
    /// ± r of the step to try.
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

impl<T: Scalar> SecondOrder<T> {
    /// A test with at most so many products; none with 0.
    pub(crate) fn new(max_products: usize) -> Self {
        Self { max_products, lanczos: Lanczos::new(max_products), direction: Vec::new(), saddle: None }
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.saddle.is_some()
    }

    /// Looks for negative curvature at a point with this gradient; if there is some, a step of `length` comes next.
    /// Returns the number of products.
    pub(crate) fn examine<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        length: T,
    ) -> Result<usize, ObjectiveError> {
        let n = gradient.len();
        self.saddle = None;
        if self.max_products == 0 {
            return Ok(0);
        }
        self.direction.clear();
        self.direction.extend(pseudorandom::<T>(7).take(n));
        self.lanczos.start(&self.direction);
        let mut last = T::infinity();
        loop {
            let goes_on = self.lanczos.extend(hessian)?.is_continuing();
            let Some(&least) = self.lanczos.ritz_values().first() else {
                return Ok(self.lanczos.len());
            };
            // A value well away from zero that falls no more neither changes its sign nor its vector much.
            let settled = last - least <= T::of(0.1) * least.abs();
            last = least;
            if settled || !goes_on {
                break;
            }
        }
        if last < -tolerance::<T>() * self.lanczos.scale() {
            let products = self.lanczos.len();
            self.lanczos.ritz_vector(0, &mut self.direction);
            let slope = dot(gradient, &self.direction);
            // Downhill first.
            let length = if slope > T::zero() { -length } else { length };
            self.saddle = Some(Saddle { ritz: last, slope, length, rejections: 0 });
            return Ok(products);
        }
        Ok(self.lanczos.len())
    }

    /// Writes x plus the step to try into `trial` and says what it promises; none if there is nothing more to try.
    pub(crate) fn step(&self, x: &[T], trial: &mut [T]) -> Option<ModelStep<T>> {
        let Saddle { ritz, slope, length, rejections } = self.saddle?;
        if rejections == MAX_REJECTIONS {
            return None;
        }
        offset(x, length, &self.direction, trial);
        let decrease = -length * (slope + T::of(0.5) * length * ritz);
        Some(ModelStep { norm: length.abs(), decrease: decrease.max(T::zero()), end: StepEnd::NegativeCurvature })
    }

    /// The step was taken: the saddle is left.
    pub(crate) fn taken(&mut self) {
        self.saddle = None;
    }

    /// The step was rejected: the other way, then a quarter of the length.
    pub(crate) fn rejected(&mut self) {
        if let Some(saddle) = &mut self.saddle {
            saddle.length *= if saddle.rejections.is_multiple_of(2) { -T::one() } else { T::of(-0.25) };
            saddle.rejections += 1;
        }
    }

    /// That the run ends at the saddle.
    pub(crate) fn status(&self) -> Option<Status> {
        self.saddle.map(|saddle| Status::SecondOrder { smallest_ritz: saddle.ritz.to_f64().unwrap_or(f64::NAN) })
    }
}
