//! Many starts, in parallel: which minima there are, and which starts lead to which.
//!
//! ```
//! use optim::{FromParts, Lbfgs, MultiStart};
//! // x⁴ − 2x² + x/4: a deep minimum near −1 and a shallow one near 1.
//! let f = FromParts::first_order(
//!     1,
//!     |x: &[f64]| x[0].powi(4) - 2.0 * x[0] * x[0] + 0.25 * x[0],
//!     |x: &[f64], g: &mut [f64]| g[0] = 4.0 * x[0].powi(3) - 4.0 * x[0] + 0.25,
//! );
//! let found = MultiStart::in_box(&[-2.0], &[2.0], 20, 1)?.run(&f, Lbfgs::new());
//! assert_eq!(found.minima().len(), 2);
//! assert!(found.best().is_some_and(|best| best.x[0] < -1.0));
//! assert_eq!(found.minima().iter().map(|m| m.runs.len()).sum::<usize>(), 20);
//! # Ok::<(), optim::Error>(())
//! ```

use crate::error::{Error, require, require_length};
use crate::method::Method;
use crate::minimize::Minimize;
use crate::scalar::Scalar;
use crate::status::Report;
use crate::stop::Stop;
use crate::vector::{Splitmix, norm};
use rayon::prelude::*;
use std::fmt;
use std::sync::Arc;

const METHOD: &str = "multi-start";

/// Starting points, and what makes two minima one.
#[derive(Clone)]
pub struct MultiStart<T> {
    starts: Vec<Vec<T>>,
    value_tolerance: T,
    point_tolerance: T,
    stop: Option<MakeStop<T>>,
}

/// What makes the test of each run.
type MakeStop<T> = Arc<dyn Fn() -> Stop<T> + Send + Sync>;

impl<T: fmt::Debug> fmt::Debug for MultiStart<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { starts, value_tolerance, point_tolerance, stop } = self;
        f.debug_struct("MultiStart")
            .field("starts", starts)
            .field("value_tolerance", value_tolerance)
            .field("point_tolerance", point_tolerance)
            .field("stop", &stop.as_ref().map(|_| "…"))
            .finish()
    }
}

impl<T: Scalar> MultiStart<T> {
    /// From these points.
    pub fn from_points(starts: impl IntoIterator<Item = Vec<T>>) -> Self {
        // A gradient of √ε leaves x uncertain by √ε over the curvature: two digits for that, and half of the digits of f.
        let (value_tolerance, point_tolerance) = (T::epsilon().sqrt(), T::epsilon().powf(T::of(0.25)));
        Self { starts: starts.into_iter().collect(), value_tolerance, point_tolerance, stop: None }
    }

    /// From `count` points of a box, random but even: each variable has one point in each of `count` equal intervals (a
    /// Latin hypercube; McKay, Beckman, Conover, Technometrics 21 (1979)). The same `seed` gives the same points.
    ///
    /// # Errors
    /// Bounds of different lengths, or that are not finite and in order.
    pub fn in_box(lower: &[T], upper: &[T], count: usize, seed: u64) -> Result<Self, Error> {
        require_length(METHOD, "upper", lower.len(), upper.len())?;
        for (&l, &u) in lower.iter().zip(upper) {
            let ordered = l.is_finite() && u.is_finite() && l <= u;
            require(ordered, METHOD, "lower", l, "a finite number at most the upper bound")?;
        }
        let mut random = Splitmix::new(seed);
        let mut starts = vec![Vec::with_capacity(lower.len()); count];
        for (&l, &u) in lower.iter().zip(upper) {
            let mut cells: Vec<usize> = (0..count).collect();
            for i in (1..count).rev() {
                cells.swap(i, (random.next() % (i as u64 + 1)) as usize);
            }
            for (start, cell) in starts.iter_mut().zip(cells) {
                let share = T::of((cell as f64 + random.unit()) / count as f64);
                start.push((l + share * (u - l)).min(u));
            }
        }
        Ok(Self::from_points(starts))
    }

    /// The starting points.
    pub fn starts(&self) -> &[Vec<T>] {
        &self.starts
    }

    /// Two minima are one if their values differ by at most `value` max(1, |f|) and their points by at most `point`
    /// max(1, ‖x‖). Default: √ε and ⁴√ε (1.5e-8 and 1.2e-4 in `f64`).
    pub fn tolerances(mut self, value: T, point: T) -> Self {
        (self.value_tolerance, self.point_tolerance) = (value, point);
        self
    }

    /// Until the test that `stop` makes holds, made anew for each run since tests may remember what they saw. One of the
    /// gradient takes the place of the method's own tolerance, as in [`Minimize::stop`](crate::Minimize::stop); only runs that
    /// converge count as minima.
    ///
    /// ```
    /// use optim::{FromParts, Lbfgs, MultiStart, Status, Stop};
    /// let f = FromParts::first_order(1, |x: &[f64]| x[0].cosh(), |x: &[f64], g: &mut [f64]| g[0] = x[0].sinh());
    /// let found = MultiStart::in_box(&[-9.0], &[9.0], 8, 1)?
    ///     .stop(|| Stop::largest_slope(1e-4) | Stop::gradients(50))
    ///     .run(&f, Lbfgs::new());
    /// assert_eq!(found.minima().len(), 1);
    /// # Ok::<(), optim::Error>(())
    /// ```
    pub fn stop(mut self, stop: impl Fn() -> Stop<T> + Send + Sync + 'static) -> Self {
        self.stop = Some(Arc::new(stop));
        self
    }

    /// Runs `method` from every start, in rayon's current pool. The answer does not depend on the number of threads.
    pub fn run<P, M>(&self, problem: &P, method: M) -> Minima<T>
    where
        P: Sync,
        M: Method<T, P> + Clone + Sync,
    {
        self.run_each(|x| self.run_one(problem, x, method.clone()))
    }

    /// As [`run`](Self::run), for problems that cannot be shared: each run makes its own.
    pub fn run_with<P, M, F>(&self, problem: F, method: M) -> Minima<T>
    where
        M: Method<T, P> + Clone + Sync,
        F: Fn() -> P + Sync,
    {
        self.run_each(|x| self.run_one(&problem(), x, method.clone()))
    }

    fn run_one<P, M: Method<T, P>>(&self, problem: &P, x: &[T], method: M) -> Result<Report<T>, Error> {
        let run = Minimize::of(problem, x, method);
        match &self.stop {
            Some(stop) => run.stop(stop()).run(),
            None => run.run(),
        }
    }

    fn run_each(&self, run: impl Fn(&[T]) -> Result<Report<T>, Error> + Sync) -> Minima<T> {
        let runs: Vec<_> = self.starts.par_iter().map(|x| run(x)).collect();
        let converged = |i: usize| runs[i].as_ref().ok().filter(|report| report.status.is_converged());
        let mut order: Vec<(usize, &Report<T>)> = (0..runs.len()).filter_map(|i| Some((i, converged(i)?))).collect();
        order.sort_by(|(_, a), (_, b)| a.value.partial_cmp(&b.value).expect("a converged value is a number"));
        let mut minima: Vec<Minimum> = Vec::new();
        for (i, report) in order {
            let same = |m: &&mut Minimum| converged(m.best).is_some_and(|best| self.is_same(best, report));
            match minima.iter_mut().find(same) {
                Some(minimum) => minimum.runs.push(i),
                None => minima.push(Minimum { best: i, runs: vec![i] }),
            }
        }
        for minimum in &mut minima {
            minimum.runs.sort_unstable();
        }
        Minima { minima, runs }
    }

    fn is_same(&self, a: &Report<T>, b: &Report<T>) -> bool {
        let one = T::one();
        let off: Vec<T> = a.x.iter().zip(&b.x).map(|(&a, &b)| a - b).collect();
        (a.value - b.value).abs() <= self.value_tolerance * a.value.abs().max(one)
            && norm(&off) <= self.point_tolerance * norm(&a.x).max(one)
    }
}

/// What the runs of a [`MultiStart`] found.
#[derive(Debug)]
pub struct Minima<T> {
    minima: Vec<Minimum>,
    runs: Vec<Result<Report<T>, Error>>,
}

/// A minimum, by the numbers of the runs that ended there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Minimum {
    /// The run with the lowest value.
    pub best: usize,
    /// All that ended there, in ascending order.
    pub runs: Vec<usize>,
}

impl<T: Scalar> Minima<T> {
    /// The distinct minima, the lowest first. Runs that did not converge have none.
    pub fn minima(&self) -> &[Minimum] {
        &self.minima
    }

    /// How every run ended, in the order of the starts.
    pub fn runs(&self) -> &[Result<Report<T>, Error>] {
        &self.runs
    }

    /// The report of the best run of `minimum`.
    ///
    /// # Panics
    /// If `minimum` is not one of [`minima`](Self::minima).
    pub fn report(&self, minimum: &Minimum) -> &Report<T> {
        self.runs[minimum.best].as_ref().expect("a minimum is made of runs that converged")
    }

    /// The report with the lowest minimum, if any run converged.
    pub fn best(&self) -> Option<&Report<T>> {
        self.minima.first().map(|minimum| self.report(minimum))
    }
}
