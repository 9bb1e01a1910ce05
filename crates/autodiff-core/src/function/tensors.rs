//! Derivative tensors and single partial derivatives of any order, from Taylor coefficients along lines.
//!
//! A mixed partial derivative of order d is a combination of the d-th Taylor coefficients along the directions Σ jᵣ eᵣ with whole
//! numbers jᵣ ≥ 0 that sum to d. One coefficient along a line costs O(d²) where nested tangents cost 2ᵈ.
//!
//! Source: Griewank, Utke and Walther, *Evaluating higher derivative tensors by forward propagation of univariate Taylor series*,
//! Mathematics of Computation 69 (2000).

use super::Function;
use super::operator::Operator;
use super::operators::CHUNK;
use super::variant::{Call, Results};
use crate::error::{Error, Result};
use crate::real::{Elementary, Float, times_factorial};
use crate::tree::{Traced, Tree};
use ndarray::{ArrayD, IxDyn};
use num_traits::Zero;
use rustc_hash::FxHashMap;
use std::borrow::Borrow;

/// How often a function is differentiated by each entry of a point.
type MultiIndex = Vec<usize>;

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// All partial derivatives of this order of a scalar function, as a symmetric array of n entries along each of `order` axes:
    /// the gradient for order 1, the Hessian for order 2.
    ///
    /// Costs a Taylor coefficient of this order along C(n + order − 1, order) directions, in blocks on the threads of the current
    /// rayon pool. Interpolation loses digits with the order: some two at order 4, four at order 8, ten at order 20; entries with one
    /// index alone, ∂ᵏf/∂xᵢᵏ, are coefficients themselves and lose none.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() * x[1]);
    /// let third = f.derivative_tensor(&vec![3.0_f64, 5.0], 3)?;
    /// assert!((third[[0, 0, 1]] - 2.0).abs() < 1e-14 && third[[0, 0, 1]] == third[[1, 0, 0]]);
    /// assert_eq!(third[[0, 0, 0]], 0.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar; [`Error::Unsupported`] for order 0, which is the value.
    pub fn derivative_tensor<P: Tree + Sync>(&self, x: &P, order: usize) -> Result<ArrayD<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        let all = multi_indices(n, order);
        let partials = self.partials(x, order, &all).map_err(|error| error.of("derivative_tensor"))?;
        let of: FxHashMap<&MultiIndex, P::Scalar> = all.iter().zip(partials).collect();
        Ok(ArrayD::from_shape_fn(IxDyn(&vec![n; order]), |at| {
            let mut index = vec![0; n];
            (0..order).for_each(|axis| index[at[axis]] += 1);
            of[&index]
        }))
    }

    /// The partial derivative ∂^|i| f/∂x₁^i₁ ⋯ ∂xₙ^iₙ of a scalar function, for one whole number i for every entry of `x`.
    ///
    /// By one entry it is a Taylor coefficient times |i|!. A mixed one is interpolated, with the loss of digits that
    /// [`derivative_tensor`](Function::derivative_tensor) tells.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| (x[0] * x[1]).exp());
    /// // ∂³/∂x²∂y of exp(xy) is (2y + x y²) exp(xy).
    /// let found = f.partial_derivative(&vec![0.5_f64, 2.0], &[2, 1])?;
    /// assert!((found - 6.0 * 1.0_f64.exp()).abs() < 1e-13);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer numbers; those of [`derivative_tensor`](Function::derivative_tensor).
    pub fn partial_derivative<P: Tree + Sync>(&self, x: &P, index: &[usize]) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        if index.len() != n {
            let (operator, found) = ("partial_derivative", index.len());
            return Err(Error::Length { operator, argument: "index", expected: n, found });
        }
        let found = self.partials(x, index.iter().sum(), &[index.to_vec()]);
        let partial = found.map_err(|error| error.of("partial_derivative"))?;
        Ok(partial[0])
    }

    /// Partial derivatives of one order.
    fn partials<P: Tree + Sync>(&self, x: &P, order: usize, wanted: &[MultiIndex]) -> Result<Vec<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        if order == 0 {
            let message = "order 0 is the value: expected at least 1".into();
            return Err(Error::Unsupported { operator: "derivative_tensor", message });
        }
        let n = x.leaves().size();
        let weights: Vec<Vec<(MultiIndex, f64)>> = wanted.iter().map(|i| interpolation(i, order)).collect();
        // Each direction once, in the order in which it is met.
        let (mut number, mut rows) = (FxHashMap::default(), Vec::new());
        for (j, _) in weights.iter().flatten() {
            number.entry(j.clone()).or_insert_with(|| {
                rows.extend(j.iter().map(|&j| <P::Scalar as Elementary>::from_f64(j as f64)));
                rows.len() / n - 1
            });
        }
        let mut found = vec![P::Scalar::zero(); number.len()];
        let count = number.len();
        self.in_blocks(x, count, CHUNK, &mut found, |start, k, part| {
            let mut call = Call { extras: &[&rows[start * n..(start + k) * n]], results: Results::Into(part) };
            self.run_at(x, &Operator::Coefficients { order, rows: k }, &mut call)
        })?;
        let sum = |terms: &Vec<(MultiIndex, f64)>| terms.iter().map(|(j, w)| w * found[number[j]].to_f64()).sum();
        Ok(weights.iter().map(|terms| <P::Scalar as Elementary>::from_f64(sum(terms))).collect())
    }
}

/// All multi-indices of n entries that sum to `order`.
fn multi_indices(n: usize, order: usize) -> Vec<MultiIndex> {
    match n {
        0 => Vec::new(),
        1 => vec![vec![order]],
        _ => (0..=order)
            .rev()
            .flat_map(|first| {
                multi_indices(n - 1, order - first).into_iter().map(move |rest| [&[first][..], &rest].concat())
            })
            .collect(),
    }
}

/// The directions j with |j| = d = |i|, or eᵣ for d eᵣ, and the weights with which their d-th coefficients sum to the partial derivative i:
/// Σ over 0 < m ≤ i of (−1)^|i−m| C(i, m) C(d m/|m|, j) (|m|/d)ᵈ, with products of binomials over the entries.
fn interpolation(i: &MultiIndex, d: usize) -> Vec<(MultiIndex, f64)> {
    // Entries that are not differentiated by do not move.
    let support: Vec<usize> = (0..i.len()).filter(|&r| i[r] > 0).collect();
    let weight = |j: &MultiIndex| -> f64 {
        let mut sum = 0.0;
        let mut m = vec![0; support.len()];
        // Counts through all m with the digits of i.
        'next: loop {
            let mut at = 0;
            loop {
                if at == m.len() {
                    break 'next;
                }
                m[at] += 1;
                if m[at] <= i[support[at]] {
                    break;
                }
                m[at] = 0;
                at += 1;
            }
            let size: usize = m.iter().sum();
            let share = d as f64 / size as f64;
            let mut term = if (d - size).is_multiple_of(2) { 1.0 } else { -1.0 };
            for (at, &r) in support.iter().enumerate() {
                term *= binomial(i[r] as f64, m[at]) * binomial(m[at] as f64 * share, j[at]);
            }
            sum += term / share.powi(d as i32);
        }
        sum
    };
    // The coefficient along d eᵣ is dᵈ times that along eᵣ, and d! times the latter is the partial derivative by xᵣ alone.
    let along = |j: &MultiIndex| -> (MultiIndex, f64) {
        let mut whole = vec![0; i.len()];
        support.iter().zip(j).for_each(|(&r, &j)| whole[r] = j);
        match whole.iter_mut().find(|entry| **entry == d && d > 0) {
            Some(entry) => {
                *entry = 1;
                (
                    whole,
                    if support.len() == 1 { times_factorial(1.0, d) } else { weight(j) * (d as f64).powi(d as i32) },
                )
            }
            None => (whole, weight(j)),
        }
    };
    let directions = multi_indices(support.len(), d);
    directions.iter().map(along).filter(|(_, weight)| *weight != 0.0).collect()
}

/// z (z − 1) ⋯ (z − k + 1)/k!
fn binomial(z: f64, k: usize) -> f64 {
    (0..k).map(|i| (z - i as f64) / (i + 1) as f64).product()
}
