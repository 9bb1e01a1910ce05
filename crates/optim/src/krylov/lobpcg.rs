//! LOBPCG: the lowest eigenpairs of a symmetric matrix, a block at a time.
//!
//! ```
//! use optim::{Diagonal, Lobpcg};
//! let mut a = Diagonal::new((0..100).map(|i| (i as f64 - 3.0) * 0.5).collect());
//! let mut lobpcg = Lobpcg::new(2);
//! let solution = lobpcg.solve(&mut a, 1e-9)?;
//! assert!(solution.end.is_solved());
//! assert!((lobpcg.values()[0] + 1.5).abs() < 1e-9 && (lobpcg.values()[1] + 1.0).abs() < 1e-9);
//! assert!(lobpcg.vector(0)[0].abs() > 1.0 - 1e-9);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::rayleigh::Rayleigh;
use super::solution::{KrylovEnd, Solution};
use crate::objective::ObjectiveError;
use crate::operator::{Identity, LinearOperator};
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm, pseudorandom};

/// The locally optimal block preconditioned conjugate gradient method, with reused storage.
///
/// Each iteration minimises the Rayleigh quotients over the span of the current vectors X, their (preconditioned)
/// residuals W and the last steps P, for which an orthonormal basis is made: the most robust of its variants. Unlike
/// [`Lanczos`](crate::Lanczos) it needs no growing basis, finds multiple eigenvalues, and gains from a preconditioner
/// and from a start near the answer. For the highest eigenpairs apply it to −A ([`Scaled`](crate::Scaled)).
///
/// Storage, in vectors of length `n`: 6 k + 1 for k eigenpairs. An iteration costs at most 2 k products and 50 k² n
/// operations. Allocates only when `n` grows.
///
/// Sources: A. Knyazev, *Toward the optimal preconditioned eigensolver*, SIAM J. Sci. Comput. 23 (2001); Hetmaniuk,
/// Lehoucq, *Basis selection in LOBPCG*, J. Comput. Phys. 218 (2006).
#[derive(Clone, Debug)]
pub struct Lobpcg<T> {
    k: usize,
    n: usize,
    max_iterations: usize,
    /// Up to 3 k orthonormal rows: X, then P, then W.
    basis: Vec<T>,
    /// A times the rows of the basis.
    image: Vec<T>,
    /// A residual.
    w: Vec<T>,
    /// Rows of coordinates in the basis: of the next X, then of the next P.
    coordinates: Vec<T>,
    /// A few columns of the basis, while they are replaced.
    columns: Vec<T>,
    values: Vec<T>,
    residuals: Vec<T>,
    rayleigh: Rayleigh<T>,
}

impl<T: Scalar> Lobpcg<T> {
    /// The solver for the `count` lowest eigenpairs, at least 1. Holds no storage until it is first used.
    pub fn new(count: usize) -> Self {
        Self {
            k: count.max(1),
            n: 0,
            max_iterations: 1000,
            basis: Vec::new(),
            image: Vec::new(),
            w: Vec::new(),
            coordinates: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            residuals: Vec::new(),
            rayleigh: Rayleigh::new(),
        }
    }

    /// The most iterations. Default: 1000.
    pub fn max_iterations(mut self, limit: usize) -> Self {
        self.max_iterations = limit;
        self
    }

    /// Finds the pairs to ‖A v − θ v‖ ≤ `relative_tolerance` ‖A‖ each, ‖A‖ being estimated from the products met.
    /// Starts from random vectors of a fixed seed, or from the last answer if it had the same length.
    ///
    /// # Errors
    /// An order below the number of pairs, or what a product reports.
    pub fn solve<A: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        self.run(matrix, None::<&mut Identity>, relative_tolerance)
    }

    /// As [`solve`](Self::solve), with a `preconditioner` whose product approximates (A − θ I)⁻¹ near the wanted end.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    pub fn solve_preconditioned<A: LinearOperator<T>, M: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        preconditioner: &mut M,
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        self.run(matrix, Some(preconditioner), relative_tolerance)
    }

    /// The eigenvalues found, ascending: Rayleigh quotients, so never below the true ones in their order.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The eigenvector of eigenvalue number `i`, of length 1.
    pub fn vector(&self, i: usize) -> &[T] {
        &self.basis[i * self.n..(i + 1) * self.n]
    }

    fn run<A: LinearOperator<T>, M: LinearOperator<T>>(
        &mut self,
        matrix: &mut A,
        mut preconditioner: Option<&mut M>,
        relative_tolerance: T,
    ) -> Result<Solution<T>, ObjectiveError> {
        let (n, k) = (matrix.dimension(), self.k);
        if n < k {
            return Err(ObjectiveError::Length { operation: "lobpcg", argument: "matrix", expected: k, found: n });
        }
        self.start(n);
        let (mut products, mut size) = (0, k);
        for row in 0..k {
            let mut stream = (row + k) as u64;
            while !self.orthonormalise(row) {
                // A guess that depends on those before: almost any vector will do.
                stream += 1;
                let fresh = pseudorandom(stream);
                self.basis[row * n..(row + 1) * n].iter_mut().zip(fresh).for_each(|(x, r)| *x = r);
            }
            self.multiply(matrix, row)?;
            products += 1;
        }
        let mut iteration = 0;
        loop {
            let (basis, image) = (&self.basis, &self.image);
            self.rayleigh.solve(size, |i, j| dot(&basis[i * n..(i + 1) * n], &image[j * n..(j + 1) * n]));
            let scale = self.rayleigh.value(0).abs().max(self.rayleigh.value(size - 1).abs());
            let steps = self.move_to_ritz_vectors(size);
            let enough = relative_tolerance.max(T::epsilon()) * self.scale(scale);
            let mut worst = T::zero();
            for i in 0..k {
                self.residual(i);
                self.residuals[i] = norm(&self.w);
                worst = if self.residuals[i] > worst || self.residuals[i].is_nan() { self.residuals[i] } else { worst };
            }
            let ended = move |end| Ok(Solution { end, products, residual_norm: worst });
            if !worst.is_finite() {
                return ended(KrylovEnd::NonFinite);
            }
            if worst <= enough {
                return ended(KrylovEnd::Converged);
            }
            if iteration == self.max_iterations {
                return ended(KrylovEnd::ProductLimit);
            }
            iteration += 1;
            size = k + steps;
            for i in 0..k {
                // A pair that has converged needs no directions of its own.
                if self.residuals[i] <= enough || size == n {
                    continue;
                }
                self.residual(i);
                let row = &mut self.basis[size * n..(size + 1) * n];
                match &mut preconditioner {
                    Some(m) => m.apply(&self.w, row)?,
                    None => row.copy_from_slice(&self.w),
                }
                if self.orthonormalise(size) {
                    self.multiply(matrix, size)?;
                    products += 1;
                    size += 1;
                }
            }
            if size == k + steps && steps == 0 {
                // Every residual lies in the space up to rounding: nothing is left to gain.
                let end = if size == n { KrylovEnd::LeastSquares } else { KrylovEnd::ProductLimit };
                return Ok(Solution { end, products, residual_norm: worst });
            }
        }
    }

    /// ‖A‖ as far as it was seen: the Ritz values, or the images of X.
    fn scale(&self, ritz: T) -> T {
        self.image[..self.k * self.n].chunks_exact(self.n).fold(ritz, |scale, ax| scale.max(norm(ax)))
    }

    /// w = A xᵢ − θᵢ xᵢ.
    fn residual(&mut self, i: usize) {
        let n = self.n;
        let (x, ax) = (&self.basis[i * n..(i + 1) * n], &self.image[i * n..(i + 1) * n]);
        for ((w, &ax), &x) in self.w.iter_mut().zip(ax).zip(x) {
            *w = ax - self.values[i] * x;
        }
    }

    /// Storage for order `n`, and random first vectors unless the last answer has that length.
    fn start(&mut self, n: usize) {
        let k = self.k;
        if self.n == n && self.values.len() == k {
            return;
        }
        self.n = n;
        self.basis.clear();
        self.basis.extend((0..k).flat_map(|row| pseudorandom::<T>(row as u64).take(n)));
        self.basis.resize(3 * k * n, T::zero());
        for (storage, length) in [
            (&mut self.image, 3 * k * n),
            (&mut self.w, n),
            (&mut self.coordinates, 6 * k * k),
            (&mut self.columns, 3 * k * COLUMNS),
            (&mut self.values, k),
            (&mut self.residuals, k),
        ] {
            storage.clear();
            storage.resize(length, T::zero());
        }
    }

    fn multiply<A: LinearOperator<T>>(&mut self, matrix: &mut A, row: usize) -> Result<(), ObjectiveError> {
        let n = self.n;
        matrix.apply(&self.basis[row * n..(row + 1) * n], &mut self.image[row * n..(row + 1) * n])
    }

    /// Makes a row orthogonal to those before it and of length 1; false if nothing but rounding is left of it.
    fn orthonormalise(&mut self, row: usize) -> bool {
        let n = self.n;
        let (before, rest) = self.basis.split_at_mut(row * n);
        let w = &mut rest[..n];
        for _ in 0..3 {
            let length = norm(w);
            if !(length > T::zero() && length.is_finite()) {
                return false;
            }
            w.iter_mut().for_each(|w| *w /= length);
            for q in before.chunks_exact(n) {
                let component = dot(q, w);
                axpy(-component, q, w);
            }
            let left = norm(w);
            if left < T::epsilon() * T::of(10.0) {
                return false;
            }
            if left > T::of(0.5) {
                w.iter_mut().for_each(|w| *w /= left);
                return true;
            }
        }
        false
    }

    /// The rows of the basis become the k lowest Ritz vectors X and behind them the directions P in which they moved;
    /// returns how many of those there are.
    fn move_to_ritz_vectors(&mut self, size: usize) -> usize {
        let k = self.k;
        for i in 0..k {
            self.values[i] = self.rayleigh.value(i);
            self.coordinates[i * size..(i + 1) * size].copy_from_slice(self.rayleigh.vector(i));
        }
        // P is the part of the new X outside the old, made orthonormal in coordinates: its image needs no product.
        let mut steps = 0;
        for i in 0..k {
            if size == k {
                break;
            }
            let (before, rest) = self.coordinates.split_at_mut((k + steps) * size);
            let p = &mut rest[..size];
            p.copy_from_slice(self.rayleigh.vector(i));
            p[..k].fill(T::zero());
            for _ in 0..2 {
                for q in before.chunks_exact(size) {
                    let component = dot(q, p);
                    axpy(-component, q, p);
                }
            }
            let length = norm(p);
            // Less is mostly rounding, and not worth a direction.
            if length > T::epsilon().sqrt() {
                p.iter_mut().for_each(|p| *p /= length);
                steps += 1;
            }
        }
        for rows in [&mut self.basis, &mut self.image] {
            combine(rows, self.n, &self.coordinates[..(k + steps) * size], size, &mut self.columns);
        }
        steps
    }
}

/// How many columns are replaced at once: enough to run in vector registers, few enough to stay in the cache.
const COLUMNS: usize = 64;

/// Replaces the first rows of a matrix of `n` columns by combinations of its first `size` rows: one for each row of
/// `coordinates`.
fn combine<T: Scalar>(rows: &mut [T], n: usize, coordinates: &[T], size: usize, columns: &mut [T]) {
    for start in (0..n).step_by(COLUMNS) {
        let width = COLUMNS.min(n - start);
        for j in 0..size {
            columns[j * COLUMNS..j * COLUMNS + width].copy_from_slice(&rows[j * n + start..j * n + start + width]);
        }
        for (i, y) in coordinates.chunks_exact(size).enumerate() {
            let out = &mut rows[i * n + start..i * n + start + width];
            out.fill(T::zero());
            for (j, &y) in y.iter().enumerate() {
                axpy(y, &columns[j * COLUMNS..j * COLUMNS + width], out);
            }
        }
    }
}
