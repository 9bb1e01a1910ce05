//! Random directions that operators are estimated from.

use crate::error::{Error, Result};
use crate::graph::Executable;
use rand::Rng;
use rand::seq::index;

/// How random directions v are drawn, all with mean of v vᵀ the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Entries ±1: the diagonal of the Hessian adds no variance, entries off it do. Hutchinson's estimator.
    Rademacher,
    /// Axes, scaled by √n and without repetition: entries off the diagonal add no variance, and all n axes give the exact
    /// result.
    Coordinates,
    /// Normally distributed entries.
    Normal,
}

/// A mean over random samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate<T> {
    /// The mean, without bias.
    pub mean: T,
    /// The standard deviation of the mean, estimated from the samples.
    pub standard_error: T,
    /// How many samples there are.
    pub samples: usize,
}

impl<T: Executable> Estimate<T> {
    /// `factor` times the mean of at least two samples; the variance of the mean is that of independent ones times `population`.
    pub(super) fn of(found: &[T], factor: f64, population: f64) -> Self {
        let count = T::from_f64(found.len() as f64);
        let mean = found.iter().copied().sum::<T>() / count;
        let squares: T = found.iter().map(|&c| (c - mean) * (c - mean)).sum();
        let variance = squares / (count - T::one()) / count;
        Estimate {
            mean: mean.scale(factor),
            standard_error: variance.scale(population).sqrt().scale(factor),
            samples: found.len(),
        }
    }
}

impl Probe {
    /// `samples` rows of length n.
    pub(super) fn directions<T: Executable>(
        self,
        operator: &'static str,
        n: usize,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<T>> {
        let refuse = |message| Err(Error::Unsupported { operator, message });
        if samples < 2 {
            return refuse(format!("a standard error needs 2 samples, found {samples}"));
        }
        let mut rows = vec![T::zero(); samples * n];
        match self {
            Probe::Rademacher => {
                rows.iter_mut().for_each(|v| *v = if rng.random() { T::one() } else { -T::one() });
            }
            Probe::Normal => {
                // Box and Muller: two normal numbers from two uniform ones.
                for pair in rows.chunks_mut(2) {
                    let (u, angle) = (1.0 - rng.random::<f64>(), std::f64::consts::TAU * rng.random::<f64>());
                    let radius = (-2.0 * u.ln()).sqrt();
                    for (v, number) in pair.iter_mut().zip([radius * angle.cos(), radius * angle.sin()]) {
                        *v = T::from_f64(number);
                    }
                }
            }
            Probe::Coordinates if samples > n => {
                return refuse(format!("{samples} axes without repetition of a point of {n} entries"));
            }
            Probe::Coordinates => {
                let length = T::from_f64((n as f64).sqrt());
                index::sample(rng, n, samples).into_iter().enumerate().for_each(|(row, i)| rows[row * n + i] = length);
            }
        }
        Ok(rows)
    }

    /// Variance of the mean over that of independent samples: axes without repetition tell more.
    pub(super) fn finite_population(self, n: usize, samples: usize) -> f64 {
        match self {
            Probe::Coordinates => (n - samples) as f64 / n as f64,
            Probe::Rademacher | Probe::Normal => 1.0,
        }
    }
}
