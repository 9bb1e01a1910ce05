//! Saddle-free Newton steps in a Krylov space: |H| in place of H, so that saddles repel.
//!
//! In a Lanczos basis H is a small tridiagonal T with eigenpairs (θᵢ, zᵢ). The step minimises cᵀh + ½ Σ |θᵢ| hᵢ² over
//! ‖h‖ ≤ Δ: along directions of positive curvature it is Newton's, along those of negative curvature as long, but
//! downhill.
//!
//! ```
//! use autodiff_core::{Function, Var};
//! use optim::{SaddleFree, TrustRegion};
//! // A saddle at the origin: the step from (1, 0.1) is −|H|⁻¹g = (−1, +0.1).
//! let f = Function::new(|x: &[Var]| 0.5 * (x[0].square() - x[1].square()) + 0.25 * x[1].powi(4));
//! let start = vec![1.0_f64, 0.1];
//! let report = TrustRegion::with_descent(SaddleFree::new(20)).minimize(&f.flat(&start), &start)?;
//! assert!(report.status.is_converged() && (report.value + 0.25).abs() < 1e-14);
//! # Ok::<(), optim::Error>(())
//! ```

use super::hold;
use super::lanczos::{Expansion, Lanczos};
use super::secular::{Bound, Secular};
use super::tridiagonal::Eigen;
use crate::descent::{Descent, ModelStep, StepEnd};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{all_finite, axpy};

/// Steps of a trust region with the absolute value of the Hessian, within a Krylov space that is kept.
///
/// Storage, in vectors of length `n`: two, and one for each product; room for all, up to 2²² numbers, is reserved at the first
/// preparation. Where [`Gltr`](crate::Gltr) goes to the radius wherever curvature is negative, this step has a length of its
/// own there; it promises what the true quadratic does.
///
/// Source: Dauphin, Pascanu, Gulcehre, Cho, Ganguli, Bengio, *Identifying and attacking the saddle point problem in
/// high-dimensional non-convex optimization*, NeurIPS 2014.
#[derive(Clone, Debug)]
pub struct SaddleFree<T> {
    vectors: usize,
    lanczos: Lanczos<T>,
    eigen: Eigen<T>,
    secular: Secular<T>,
    absolute: Vec<T>,
    y: Vec<T>,
    gamma: T,
    radius: T,
    end: StepEnd,
}

impl<T: Scalar> SaddleFree<T> {
    /// Steps in a space of at most `vectors` dimensions, at least 1. Holds no storage until it is first used.
    pub fn new(vectors: usize) -> Self {
        Self {
            vectors: vectors.max(1),
            lanczos: Lanczos::new(vectors),
            eigen: Eigen::new(),
            secular: Secular::new(),
            absolute: Vec::new(),
            y: Vec::new(),
            gamma: T::zero(),
            radius: T::zero(),
            end: StepEnd::Interior,
        }
    }

    /// The step in the eigenbasis of T.
    fn solve(&mut self, radius: T) {
        self.absolute.clear();
        self.absolute.extend(self.eigen.values.iter().map(|theta| theta.abs()));
        let (eigen, gamma) = (&self.eigen, self.gamma);
        self.secular.solve(&self.absolute, |i| gamma * eigen.first(i), Bound::Radius(radius));
    }
}

impl<T: Scalar> Descent<T> for SaddleFree<T> {
    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        radius: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        check_length("saddle-free", "gradient", hessian.dimension(), gradient.len())?;
        let k = self.vectors.min(gradient.len());
        self.eigen.reserve(k);
        for storage in [&mut self.absolute, &mut self.y, &mut self.secular.h] {
            hold(storage, k);
        }
        self.gamma = self.lanczos.start(gradient);
        self.radius = radius;
        self.end = StepEnd::Interior;
        if !all_finite(gradient) {
            self.end = StepEnd::NonFinite;
            return Ok(0);
        }
        let mut products = 0;
        while self.gamma > T::zero() {
            let expansion = self.lanczos.extend(hessian)?;
            products += 1;
            let (alpha, beta) = (self.lanczos.diagonal(), self.lanczos.off_diagonal());
            if expansion == Expansion::NonFinite || !self.eigen.ends(alpha, beta) {
                self.end = StepEnd::NonFinite;
                break;
            }
            self.solve(radius);
            let last = self.secular.h.iter().enumerate().map(|(i, &h)| h * self.eigen.last(i)).sum::<T>();
            let outside = self.lanczos.off_diagonal().last().map_or(T::zero(), |&beta| beta * last.abs());
            if outside <= relative_tolerance * self.gamma || expansion == Expansion::Exhausted {
                break;
            }
            if expansion == Expansion::Full {
                self.end = StepEnd::ProductLimit;
                break;
            }
        }
        if !self.lanczos.is_empty() && !self.eigen.whole(self.lanczos.diagonal(), self.lanczos.off_diagonal()) {
            self.end = StepEnd::NonFinite;
        }
        Ok(products)
    }

    fn step(&mut self, radius: T, out: &mut [T]) -> ModelStep<T> {
        if self.lanczos.is_empty() {
            out.fill(T::zero());
            return ModelStep { norm: T::zero(), decrease: T::zero(), end: self.end };
        }
        self.solve(radius.min(self.radius));
        self.y.clear();
        self.y.resize(self.lanczos.len(), T::zero());
        // −q = −cᵀh − ½ Σ θᵢ hᵢ², with the true θᵢ: at least what |H| promises.
        let mut decrease = T::zero();
        for (i, &h) in self.secular.h.iter().enumerate() {
            axpy(h, self.eigen.vector(i), &mut self.y);
            decrease -= h * (self.gamma * self.eigen.first(i) + T::of(0.5) * self.eigen.values[i] * h);
        }
        self.lanczos.combine(&self.y, out);
        let end = if self.secular.shift > T::zero() { StepEnd::Boundary } else { self.end };
        ModelStep { norm: self.secular.norm, decrease, end }
    }

    fn definite_dimension(&self) -> usize {
        let definite = self.eigen.values.first().is_some_and(|&least| least > T::epsilon() * self.lanczos.scale());
        if definite { self.lanczos.len() } else { 0 }
    }
}
