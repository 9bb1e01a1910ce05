//! Sums over data: an objective from its terms, the losses of samples or of chunks of a data set.
//!
//! All terms together are the full sum; some of them, by their numbers, a mini-batch, scaled to estimate the full sum
//! without bias. Both are objectives, with products.
//!
//! A data set too large for one program is cut into chunks of one shape, which share one trace:
//!
//! ```
//! use autodiff_core::{Function, Var, sum_over};
//! use ndarray::{Array2, Axis, arr1, arr2};
//! use optim::{Adam, DataSum, Objective, Solver, TrustRegion};
//!
//! // Rows (t, y) of a line y = 2 t − 1, in chunks of two.
//! let data = arr2(&[[0.0, -1.0], [1.0, 1.0], [2.0, 3.0], [3.0, 5.0], [4.0, 7.0], [5.0, 9.0]]);
//! let chunks: Vec<Array2<f64>> = data.axis_chunks_iter(Axis(0), 2).map(|rows| rows.to_owned()).collect();
//! let loss = Function::with_data(
//!     |w: &[Var], rows: &Var| sum_over(&[*rows], |row| (w[0] * row[0].at(0) + w[1] - row[0].at(1)).square()),
//!     &chunks[0],
//! );
//! let start = vec![0.0_f64; 2];
//! let sum = DataSum::new(chunks.iter().map(|chunk| loss.with(chunk).flat(&start)))?;
//! let report = TrustRegion::new().minimize(&sum, &start)?;
//! assert!((report.x[0] - 2.0).abs() < 1e-9 && (report.x[1] + 1.0).abs() < 1e-9);
//!
//! // Mini-batches: one chunk an iteration, in turn. Three times its loss estimates that of all.
//! assert_eq!(sum.batch(&[1])?.value(&start)?, 3.0 * (3.0 * 3.0 + 5.0 * 5.0));
//! let one = |i: usize, x: &[f64], gradient: &mut [f64]| {
//!     sum.batch(&[i % 3]).map_err(optim::ObjectiveError::new)?.value_and_gradient(x, gradient)
//! };
//! let report = Adam::new(0.1).max_iterations(600).start_batches(&start, one)?.run(|_| std::ops::ControlFlow::Continue(()))?;
//! assert!((report.x[0] - 2.0).abs() < 1e-2 && (report.x[1] + 1.0).abs() < 1e-2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::error::{Error, require, require_length};
use crate::objective::{LocalModel, Objective, ObjectiveError, check_length};
use crate::scalar::Scalar;
use std::collections::BTreeMap;

const METHOD: &str = "sum over data";

/// f(x) = Σ wᵢ fᵢ(x), the terms fᵢ objectives of one dimension.
///
/// A value, a gradient or a product costs one of every term, added in the order of the terms. A model of the sum holds the
/// models of all its terms.
#[derive(Clone, Debug)]
pub struct DataSum<T, O> {
    terms: Vec<(T, O)>,
    dimension: usize,
}

impl<T: Scalar, O: Objective<T>> DataSum<T, O> {
    /// The sum of these terms, at least one, each with the weight 1.
    ///
    /// # Errors
    /// No term, or terms of different dimensions.
    pub fn new(terms: impl IntoIterator<Item = O>) -> Result<Self, Error> {
        Self::weighted(terms.into_iter().map(|term| (T::one(), term)).collect())
    }

    fn weighted(terms: Vec<(T, O)>) -> Result<Self, Error> {
        require(!terms.is_empty(), METHOD, "terms", terms.len(), "at least 1")?;
        let dimension = terms[0].1.dimension();
        for (_, term) in &terms {
            require_length(METHOD, "x of a term", dimension, term.dimension())?;
        }
        Ok(Self { terms, dimension })
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Always false: a sum has at least one term.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms with these numbers, from 0, times N/k for k of N terms: over random numbers its mean is the full sum. A
    /// number that comes twice counts twice, and is evaluated once.
    ///
    /// The batch has its terms in the order of this sum, each once, however `numbers` are ordered: the same numbers give
    /// the same bits, and a batch of the batch counts its terms so.
    ///
    /// # Errors
    /// No number, or one that is no term.
    pub fn batch(&self, numbers: &[usize]) -> Result<DataSum<T, &O>, Error> {
        let mut times = BTreeMap::new();
        for &i in numbers {
            require(i < self.len(), METHOD, "number of a term", i, "a number below that of the terms")?;
            *times.entry(i).or_insert(0_usize) += 1;
        }
        let scale = T::of(self.len() as f64) / T::of(numbers.len() as f64);
        let term = |(i, times): (usize, usize)| {
            let (weight, term) = &self.terms[i];
            (*weight * scale * T::of(times as f64), term)
        };
        DataSum::weighted(times.into_iter().map(term).collect())
    }
}

impl<T: Scalar, O: Objective<T>> Objective<T> for DataSum<T, O> {
    type Model<'a>
        = DataSumModel<T, O::Model<'a>>
    where
        Self: 'a;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value(&self, x: &[T]) -> Result<T, ObjectiveError> {
        let mut sum = T::zero();
        for (weight, term) in &self.terms {
            sum += *weight * term.value(x)?;
        }
        Ok(sum)
    }

    fn at(&self, x: &[T]) -> Result<Self::Model<'_>, ObjectiveError> {
        let mut model = DataSumModel {
            value: T::zero(),
            gradient: vec![T::zero(); self.dimension],
            terms: Vec::with_capacity(self.terms.len()),
            product: Vec::new(),
        };
        for (weight, term) in &self.terms {
            let term = term.at(x)?;
            model.value += *weight * term.value();
            add(*weight, term.gradient(), &mut model.gradient);
            model.terms.push((*weight, term));
        }
        Ok(model)
    }

    fn value_and_gradient(&self, x: &[T], gradient: &mut [T]) -> Result<T, ObjectiveError> {
        check_length("value_and_gradient", "gradient", self.dimension, gradient.len())?;
        let mut part = vec![T::zero(); self.dimension];
        let mut sum = T::zero();
        gradient.fill(T::zero());
        for (weight, term) in &self.terms {
            sum += *weight * term.value_and_gradient(x, &mut part)?;
            add(*weight, &part, gradient);
        }
        Ok(sum)
    }

    fn along(&self, x: &[T], v: &[T], order: usize, coefficients: &mut Vec<T>) -> Result<(), ObjectiveError> {
        let mut part = Vec::new();
        coefficients.clear();
        coefficients.resize(order + 1, T::zero());
        for (weight, term) in &self.terms {
            term.along(x, v, order, &mut part)?;
            check_length("along", "coefficients", order + 1, part.len())?;
            add(*weight, &part, coefficients);
        }
        Ok(())
    }
}

/// A [`DataSum`] near one point.
#[derive(Clone, Debug)]
pub struct DataSumModel<T, M> {
    value: T,
    gradient: Vec<T>,
    terms: Vec<(T, M)>,
    product: Vec<T>,
}

/// `sum` += w v.
fn add<T: Scalar>(weight: T, v: &[T], sum: &mut [T]) {
    sum.iter_mut().zip(v).for_each(|(sum, &v)| *sum += weight * v);
}

impl<T: Scalar, M: LocalModel<T>> DataSumModel<T, M> {
    /// The sum of what `product` of each term writes, of the length of `out`.
    fn sum(
        &mut self,
        out: &mut [T],
        mut product: impl FnMut(&mut M, &mut [T]) -> Result<(), ObjectiveError>,
    ) -> Result<(), ObjectiveError> {
        self.product.resize(out.len(), T::zero());
        out.fill(T::zero());
        for (weight, term) in &mut self.terms {
            product(term, &mut self.product)?;
            add(*weight, &self.product, out);
        }
        Ok(())
    }
}

impl<T: Scalar, M: LocalModel<T>> LocalModel<T> for DataSumModel<T, M> {
    fn value(&self) -> T {
        self.value
    }

    fn gradient(&self) -> &[T] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("hvp", "out", self.gradient.len(), out.len())?;
        self.sum(out, |term, out| term.hvp(v, out))
    }

    fn hvp_block(&mut self, directions: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("hvp_block", "out", directions.len(), out.len())?;
        self.sum(out, |term, out| term.hvp_block(directions, out))
    }

    fn ggn(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        check_length("ggn", "out", self.gradient.len(), out.len())?;
        self.sum(out, |term, out| term.ggn(v, out))
    }
}
