//! Differential operators of a [`Function`]: Laplacian and its kin, exact and estimated from random directions.
//!
//! Inside a closure, per sample of a batch, and differentiable again, they are methods of [`Var`](crate::Var).

use super::operator::Operator;
use super::operators::{CHUNK, direction, unit_rows};
use super::variant::{Call, Results};
use super::{Estimate, Function, Probe};
use crate::error::{Error, Result};
use crate::graph::Executable;
use crate::real::Elementary;
use crate::tree::{Traced, Tree};
use ndarray::{ArrayView2, Axis};
use num_traits::Zero;
use rand::Rng;
use std::borrow::Borrow;

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// The Laplacian Σᵢ ∂²f/∂xᵢ² of a scalar function, by collapsed Taylor mode: the first coefficients along the axes one by
    /// one, the second as their sum. Costs about n + 2 values for n entries of `x`. What is swept, scalar code in its first calls,
    /// is summed direction by direction, at about 2n values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &Var| x.powi(3).sum());
    /// assert_eq!(f.laplacian(&ndarray::arr1(&[1.0, 2.0]))?, 6.0 * (1.0 + 2.0));
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn laplacian<P: Tree + Sync>(&self, x: &P) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        self.sum_in_blocks(x, n, |start, k, part| {
            let unit = unit_rows(n, start, k);
            self.run_at(x, &Operator::SecondSum(k), &mut Call { extras: &[&unit], results: Results::Into(part) })
        })
    }

    /// Σ vᵀ∇²f v over the given directions, each of the structure of `x`: the Laplacian on the plane that they span if they are
    /// orthonormal, and an estimate of the whole one if they are random. Collapsed: costs about k + 2 values for k directions.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1]);
    /// // ∂²f/∂x² = 6xy, and along (1, 1) that and 2 ∂²f/∂x∂y = 6x².
    /// let sum = f.sum_of_second_derivatives(&[2.0_f64, 5.0], &[[1.0, 0.0], [1.0, 1.0]])?;
    /// assert_eq!(sum, 144.0); // 60, and 60 + 24
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Structure`] if a direction has not the shapes of `x`; [`Error::NotScalar`] if the result is not one scalar.
    pub fn sum_of_second_derivatives<P: Tree + Sync>(&self, x: &P, directions: &[P]) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        const NAME: &str = "sum_of_second_derivatives";
        let n = x.leaves().size();
        let mut rows = Vec::with_capacity(directions.len() * n);
        for v in directions {
            rows.extend(direction(NAME, "a direction", x, v)?);
        }
        if directions.is_empty() {
            return self.value(x).map(|_| P::Scalar::zero()).map_err(|error| error.of(NAME));
        }
        self.sum_in_blocks(x, directions.len(), |start, k, part| {
            let rows = &rows[start * n..(start + k) * n];
            self.run_at(x, &Operator::SecondSum(k), &mut Call { extras: &[rows], results: Results::Into(part) })
        })
        .map_err(|error| error.of(NAME))
    }

    /// Σᵢⱼ wᵢⱼ ∂²f/∂xᵢ∂xⱼ over the flattened entries of `x`, for a matrix of weights of order n. Costs about 2n + 2 values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() * x[1]);
    /// // 2 ∂²f/∂x∂y, for both of its places
    /// let mixed = f.weighted_second_derivatives(&[3.0, 5.0], ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0]]).view())?;
    /// assert_eq!(mixed, 12.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the matrix has another order; [`Error::NotScalar`] if the result is not one scalar.
    pub fn weighted_second_derivatives<P: Tree + Sync>(
        &self,
        x: &P,
        weights: ArrayView2<'_, P::Scalar>,
    ) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        check_weights("weighted_second_derivatives", weights, n)?;
        self.sum_in_blocks(x, n, |start, k, part| {
            let unit = unit_rows(n, start, k);
            let rows: Vec<P::Scalar> = weights.slice_axis(Axis(0), (start..start + k).into()).iter().copied().collect();
            let mut call = Call { extras: &[&unit, &rows], results: Results::Into(part) };
            self.run_at(x, &Operator::MixedSum(k), &mut call)
        })
    }

    /// The second derivatives ∂²f/∂xᵢ², in the structure of `x`: the diagonal of the Hessian, without it. Costs about 2n + 1
    /// values for n entries of `x`.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].powi(3) * x[1].square());
    /// assert_eq!(f.hessian_diagonal(&[1.0, 2.0])?, [24.0, 2.0]); // 6 x y², 2 x³
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn hessian_diagonal<P: Tree + Sync>(&self, x: &P) -> Result<P>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        let halves = self.rows_of(x, |rows| Operator::Coefficients { order: 2, rows }, n, 1)?;
        // Coefficients are divided by 2!.
        Ok(x.with_entries(&halves.iter().map(|c| c.scale(2.0)).collect::<Vec<_>>()))
    }

    /// The biharmonic ΔΔf = Σᵢⱼ ∂⁴f/∂xᵢ²∂xⱼ² of a scalar function. Costs about n² + 3n values for n entries of `x`, at once: memory
    /// for n² directions.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].powi(4) + (x[0] * x[1]).square());
    /// assert_eq!(f.biharmonic(&[1.0_f64, 2.0])?, 32.0); // ∂⁴f/∂x⁴ = 24, and ∂⁴f/∂x²∂y² = 4 twice
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the result is not one scalar.
    pub fn biharmonic<P: Tree>(&self, x: &P) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let mut value = [P::Scalar::zero()];
        self.run_at(x, &Operator::Biharmonic, &mut Call { extras: &[], results: Results::Into(&mut value) })?;
        Ok(value[0])
    }

    /// The divergence Σᵢ ∂fᵢ/∂xᵢ of a function with as many results as `x` has entries: the trace of its
    /// [`jacobian`](Function::jacobian), without it. Costs about n + 1 values for n entries of `x`, in blocks of 32 directions of
    /// which each holds 32 n numbers.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let field = Function::new(|x: &[Var]| vec![x[0].square(), x[0] * x[1]]);
    /// assert_eq!(field.divergence(&vec![3.0_f64, 5.0])?, 9.0); // 2x + x
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there are more or fewer results.
    pub fn divergence<P: Tree + Sync>(&self, x: &P) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let n = self.field_size("divergence", x)?;
        self.sum_in_blocks(x, n, |start, k, part| {
            let unit = unit_rows(n, start, k);
            let pushed = self.pushed(x, &unit, k)?;
            // Entry start + i of row i.
            part[0] = (0..k).map(|i| pushed[i * n + start + i]).sum();
            Ok(())
        })
    }

    /// The curl (∂₂f₃ − ∂₃f₂, ∂₃f₁ − ∂₁f₃, ∂₁f₂ − ∂₂f₁) of a function with three results in three variables. Costs about as much
    /// as three gradients.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let rotation = Function::new(|x: &[Var]| vec![-x[1], x[0], x[2]]);
    /// assert_eq!(rotation.curl(&vec![0.1, 0.2, 0.3])?, [0.0, 0.0, 2.0]);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other numbers of results or entries.
    pub fn curl<P: Tree + Sync>(&self, x: &P) -> Result<[P::Scalar; 3]>
    where
        P::Traced: Borrow<A>,
    {
        let (results, entries) = (self.result_size(x)?, x.leaves().size());
        if (results, entries) != (3, 3) {
            return Err(field("curl", "three results in three variables", results, entries));
        }
        let d = self.jacobian(x)?;
        Ok([d[[2, 1]] - d[[1, 2]], d[[0, 2]] - d[[2, 0]], d[[1, 0]] - d[[0, 1]]])
    }

    /// The derivative of order k along k directions, D^k f(x) [v₁, …, v_k]; of order 3 for three directions. Costs up to
    /// 2^k values.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// let f = Function::new(|x: &[Var]| x[0].square() * x[1]);
    /// let (e, d) = (vec![1.0, 0.0], vec![0.0, 1.0]);
    /// let third = f.mixed_derivative(&vec![3.0, 5.0], &[e.clone(), e, d])?;
    /// assert_eq!(third[[]], 2.0);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Structure`] if a direction has not the shapes of `x`.
    pub fn mixed_derivative<P: Tree>(&self, x: &P, directions: &[P]) -> Result<Out::Numbers<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let all = directions
            .iter()
            .map(|v| direction("mixed_derivative", "a direction", x, v))
            .collect::<Result<Vec<_>>>()?;
        let extras: Vec<&[P::Scalar]> = all.iter().map(|v| &v[..]).collect();
        let ran = self.at(x, &Operator::Mixed(directions.len()), &extras, Results::Nowhere)?;
        Ok(self.results(&ran, 0))
    }

    /// An unbiased estimate of the Laplacian from `samples` random directions, with its standard error: for dimensions in
    /// which [`laplacian`](Function::laplacian) costs too much. Costs about 2 values a sample.
    ///
    /// Source: Hutchinson 1989; Hu, Shi, Karniadakis, Kawaguchi, *Stochastic Taylor Derivative Estimator*, NeurIPS 2024. For an
    /// estimate inside a closure, as in the loss of a network, hand random directions over as data and use
    /// [`Var::sum_of_second_derivatives`](crate::Var::sum_of_second_derivatives). Generators are those of rand 0.9.
    ///
    /// ```
    /// use autodiff_core::{Function, Probe, Var};
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// let f = Function::new(|x: &Var| x.sin().sum().square());
    /// let x = ndarray::Array1::<f64>::linspace(0.0, 1.0, 50);
    /// let estimate = f.laplacian_estimate(&x, Probe::Rademacher, 200, &mut SmallRng::seed_from_u64(1))?;
    /// assert!((estimate.mean - f.laplacian(&x)?).abs() < 4.0 * estimate.standard_error);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for fewer than 2 samples, which have no standard error, or for more coordinates than `x` has
    /// entries; [`Error::NotScalar`] if the result is not one scalar.
    pub fn laplacian_estimate<P: Tree + Sync>(
        &self,
        x: &P,
        probe: Probe,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Estimate<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        let rows = probe.directions("laplacian_estimate", n, samples, rng)?;
        // Coefficients are divided by 2!.
        let population = probe.finite_population(n, samples);
        self.estimate(x, 2, &rows, samples, 2.0, population).map_err(|error| error.of("laplacian_estimate"))
    }

    /// An unbiased estimate of the biharmonic ΔΔf from fourth derivatives along `samples` random directions with normally
    /// distributed entries, whose mean is 3 ΔΔf, with its standard error. Costs about 4 values a sample.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// let f = Function::new(|x: &Var| x.square().sum().square()); // ΔΔ|x|⁴ = 8 n (n + 2)
    /// let x = ndarray::Array1::<f64>::linspace(0.0, 1.0, 10);
    /// let estimate = f.biharmonic_estimate(&x, 500, &mut SmallRng::seed_from_u64(1))?;
    /// assert!((estimate.mean - 960.0).abs() < 4.0 * estimate.standard_error);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`laplacian_estimate`](Function::laplacian_estimate).
    pub fn biharmonic_estimate<P: Tree + Sync>(
        &self,
        x: &P,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Estimate<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let rows = Probe::Normal.directions("biharmonic_estimate", x.leaves().size(), samples, rng)?;
        // 4!/3
        self.estimate(x, 4, &rows, samples, 8.0, 1.0).map_err(|error| error.of("biharmonic_estimate"))
    }

    /// An unbiased estimate of Σᵢⱼ wᵢⱼ ∂²f/∂xᵢ∂xⱼ, from D²f[v, Wv] along `samples` random directions v, with its standard error:
    /// where [`weighted_second_derivatives`](Function::weighted_second_derivatives) costs too much. Costs about 4 values and n²
    /// multiplications a sample.
    ///
    /// ```
    /// use autodiff_core::{Function, Probe, Var};
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// let f = Function::new(|x: &Var| x.sin().sum().square());
    /// let x = ndarray::Array1::<f64>::linspace(0.0, 1.0, 50);
    /// let weights = ndarray::Array2::from_shape_fn((50, 50), |(i, j)| 1.0 / (1 + i + 2 * j) as f64);
    /// let rng = &mut SmallRng::seed_from_u64(1);
    /// let estimate = f.weighted_second_derivatives_estimate(&x, weights.view(), Probe::Rademacher, 200, rng)?;
    /// let exact = f.weighted_second_derivatives(&x, weights.view())?;
    /// assert!((estimate.mean - exact).abs() < 4.0 * estimate.standard_error);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`weighted_second_derivatives`](Function::weighted_second_derivatives) and
    /// [`laplacian_estimate`](Function::laplacian_estimate).
    pub fn weighted_second_derivatives_estimate<P: Tree + Sync>(
        &self,
        x: &P,
        weights: ArrayView2<'_, P::Scalar>,
        probe: Probe,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Estimate<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        const NAME: &str = "weighted_second_derivatives_estimate";
        let n = x.leaves().size();
        check_weights(NAME, weights, n)?;
        let rows = probe.directions(NAME, n, samples, rng)?;
        let mut found = vec![P::Scalar::zero(); samples];
        self.in_blocks(x, samples, CHUNK, &mut found, |start, k, part| {
            let v = &rows[start * n..(start + k) * n];
            // vᵀ∇²f W v, whose mean is the trace of ∇²f W.
            let mut moved = Vec::with_capacity(k * n);
            for v in v.chunks_exact(n.max(1)) {
                moved.extend(weights.rows().into_iter().map(|w| dot(w.iter(), v)));
            }
            let mut call = Call { extras: &[v, &moved], results: Results::Into(part) };
            self.run_at(x, &Operator::MixedEach(k), &mut call)
        })
        .map_err(|error| error.of(NAME))?;
        Ok(Estimate::of(&found, 1.0, probe.finite_population(n, samples)))
    }

    /// An unbiased estimate of the divergence, from vᵀJ v along `samples` random directions v, with its standard error: where
    /// [`divergence`](Function::divergence) costs too much. Costs about a value a sample.
    ///
    /// ```
    /// use autodiff_core::{Function, Probe, Var};
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// let f = Function::new(|x: &Var| x.sin() * x.sum());
    /// let x = ndarray::Array1::<f64>::linspace(0.0, 1.0, 50);
    /// let estimate = f.divergence_estimate(&x, Probe::Rademacher, 200, &mut SmallRng::seed_from_u64(1))?;
    /// assert!((estimate.mean - f.divergence(&x)?).abs() < 4.0 * estimate.standard_error);
    /// # Ok::<(), autodiff_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there are not as many results as entries; as
    /// [`laplacian_estimate`](Function::laplacian_estimate) for the samples.
    pub fn divergence_estimate<P: Tree + Sync>(
        &self,
        x: &P,
        probe: Probe,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Estimate<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = self.field_size("divergence_estimate", x)?;
        let rows = probe.directions("divergence_estimate", n, samples, rng)?;
        let mut found = vec![P::Scalar::zero(); samples];
        self.in_blocks(x, samples, CHUNK, &mut found, |start, k, part| {
            let v = &rows[start * n..(start + k) * n];
            let pushed = self.pushed(x, v, k)?;
            for (i, part) in part.iter_mut().enumerate() {
                let row = i * n..(i + 1) * n;
                *part = dot(v[row.clone()].iter(), &pushed[row]);
            }
            Ok(())
        })
        .map_err(|error| error.of("divergence_estimate"))?;
        Ok(Estimate::of(&found, 1.0, probe.finite_population(n, samples)))
    }

    /// `factor` times the mean of the coefficients of an order along the rows; the variance of the mean is that of independent
    /// samples times `population`.
    fn estimate<P: Tree + Sync>(
        &self,
        x: &P,
        order: usize,
        rows: &[P::Scalar],
        samples: usize,
        factor: f64,
        population: f64,
    ) -> Result<Estimate<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        let n = x.leaves().size();
        let mut found = vec![P::Scalar::zero(); samples];
        self.in_blocks(x, samples, CHUNK, &mut found, |start, k, part| {
            let mut call = Call { extras: &[&rows[start * n..(start + k) * n]], results: Results::Into(part) };
            self.run_at(x, &Operator::Coefficients { order, rows: k }, &mut call)
        })?;
        Ok(Estimate::of(&found, factor, population))
    }

    /// J v for the k rows v, as rows.
    fn pushed<P: Tree + Sync>(&self, x: &P, rows: &[P::Scalar], k: usize) -> Result<Vec<P::Scalar>>
    where
        P::Traced: Borrow<A>,
    {
        // As many results as entries.
        let mut pushed = vec![P::Scalar::zero(); rows.len()];
        let mut call = Call { extras: &[rows], results: Results::Into(&mut pushed) };
        self.run_at(x, &Operator::Jvps(k), &mut call)?;
        Ok(pushed)
    }

    /// How many entries `x` has, which must be how many results there are.
    fn field_size<P: Tree + Sync>(&self, operator: &'static str, x: &P) -> Result<usize>
    where
        P::Traced: Borrow<A>,
    {
        match (self.result_size(x)?, x.leaves().size()) {
            (results, entries) if results == entries => Ok(entries),
            (results, entries) => Err(field(operator, "as many results as entries", results, entries)),
        }
    }

    /// How many numbers the results have.
    fn result_size<P: Tree>(&self, x: &P) -> Result<usize>
    where
        P::Traced: Borrow<A>,
    {
        let ran = self.at(x, &Operator::Value, &[], Results::Nowhere)?;
        Ok(ran.variant.results.iter().map(|shape| shape.size()).sum())
    }

    /// The sum of what `block` writes for every block of directions.
    fn sum_in_blocks<P: Tree + Sync>(
        &self,
        x: &P,
        directions: usize,
        block: impl Fn(usize, usize, &mut [P::Scalar]) -> Result<()> + Sync,
    ) -> Result<P::Scalar>
    where
        P::Traced: Borrow<A>,
    {
        let mut sums = vec![P::Scalar::zero(); directions.div_ceil(CHUNK)];
        self.in_blocks(x, directions, 1, &mut sums, block)?;
        Ok(sums.into_iter().fold(P::Scalar::zero(), |sum, part| sum + part))
    }
}

fn dot<'a, T: Executable>(a: impl Iterator<Item = &'a T>, b: &[T]) -> T {
    a.zip(b).map(|(&a, &b)| a * b).sum()
}

fn check_weights<T>(operator: &'static str, weights: ArrayView2<'_, T>, n: usize) -> Result<()> {
    if weights.dim() == (n, n) {
        return Ok(());
    }
    let message = format!("expected weights of shape [{n}, {n}], found {:?}", weights.shape());
    Err(Error::Unsupported { operator, message })
}

fn field(operator: &'static str, expected: &str, results: usize, entries: usize) -> Error {
    Error::Unsupported { operator, message: format!("expected {expected}, found {results} results in {entries}") }
}
