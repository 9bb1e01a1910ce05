//! Symmetric tridiagonal matrices: what Lanczos' process makes of a large matrix.
//!
//! T has the diagonal α₁ … α_k and beside it β₁ … β_{k−1}. The eigenvalues come from the implicit QL iteration, which
//! carries along as many rows of the eigenvector matrix as the caller needs: two for a residual, all for a step.

use super::{hold, hold_rows};
use crate::scalar::Scalar;

/// Eigenvalues of T, ascending, and for each the chosen components of its eigenvector of length 1. Reused storage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eigen<T> {
    pub(crate) values: Vec<T>,
    /// `width` components for each eigenvalue.
    components: Vec<T>,
    width: usize,
    off: Vec<T>,
    order: Vec<usize>,
    sorted: Vec<T>,
}

/// QL takes about 1.7 sweeps an eigenvalue; 50 is LAPACK's doubled limit, and only NaN ever reaches it.
const MAX_SWEEPS: usize = 50;

impl<T: Scalar> Eigen<T> {
    pub(crate) fn new() -> Self {
        Self {
            values: Vec::new(),
            components: Vec::new(),
            width: 0,
            off: Vec::new(),
            order: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// Reserves what matrices of order `k` need, all components included.
    pub(crate) fn reserve(&mut self, k: usize) {
        hold(&mut self.values, k);
        hold(&mut self.off, k);
        hold(&mut self.order, k);
        hold_rows(&mut self.components, k, k.max(2));
        hold_rows(&mut self.sorted, k, k.max(2));
    }

    /// All components of each eigenvector. Time about 3 k³; false if the iteration met a NaN.
    pub(crate) fn whole(&mut self, alpha: &[T], beta: &[T]) -> bool {
        let k = alpha.len();
        self.compute(alpha, beta, k, |row, component| row == component)
    }

    /// The first and the last component of each eigenvector. Time about 15 k²; false if the iteration met a NaN.
    pub(crate) fn ends(&mut self, alpha: &[T], beta: &[T]) -> bool {
        let last = alpha.len().saturating_sub(1);
        self.compute(alpha, beta, 2, |row, component| row == if component == 0 { 0 } else { last })
    }

    /// The chosen components of the eigenvector of eigenvalue number `i`.
    pub(crate) fn vector(&self, i: usize) -> &[T] {
        &self.components[i * self.width..(i + 1) * self.width]
    }

    /// The first component of the eigenvector of eigenvalue number `i`.
    pub(crate) fn first(&self, i: usize) -> T {
        self.components[i * self.width]
    }

    /// The last component of the eigenvector of eigenvalue number `i`.
    pub(crate) fn last(&self, i: usize) -> T {
        self.components[(i + 1) * self.width - 1]
    }

    fn compute(&mut self, alpha: &[T], beta: &[T], width: usize, picks: impl Fn(usize, usize) -> bool) -> bool {
        let k = alpha.len();
        self.width = width;
        self.values.clear();
        self.off.clear();
        self.components.clear();
        self.components.resize(k * width, T::zero());
        // QL loses the small eigenvalues of a graded matrix unless its large entries are at the end (Wilkinson,
        // Reinsch 1971, II/3); Lanczos from a gradient mostly has them at the beginning.
        let flipped = k > 0 && alpha[0].abs() > alpha[k - 1].abs();
        let place = |row: usize| if flipped { k - 1 - row } else { row };
        self.values.extend((0..k).map(|i| alpha[place(i)]));
        self.off.extend((0..k.saturating_sub(1)).map(|i| beta[if flipped { k - 2 - i } else { i }]));
        self.off.push(T::zero());
        for i in 0..k {
            for component in 0..width {
                if picks(place(i), component) {
                    self.components[i * width + component] = T::one();
                }
            }
        }
        if !self.iterate() {
            return false;
        }
        self.sort();
        true
    }

    /// Implicit QL with Wilkinson's shift. Source: Wilkinson, Reinsch, *Linear Algebra* (1971), II/4 (imtql2); Golub,
    /// Van Loan, *Matrix Computations* (2013), §8.3.
    fn iterate(&mut self) -> bool {
        let k = self.values.len();
        let (d, e) = (&mut self.values, &mut self.off);
        for l in 0..k {
            let mut sweeps = 0;
            loop {
                let mut m = l;
                while m + 1 < k && e[m].abs() > T::epsilon() * (d[m].abs() * d[m + 1].abs()).sqrt() {
                    // Beside a zero the product says nothing.
                    let beside = T::epsilon() * T::epsilon() * (d[m].abs() + d[m + 1].abs());
                    if e[m].abs() <= beside.max(T::min_positive_value()) {
                        break;
                    }
                    m += 1;
                }
                if m == l {
                    break;
                }
                sweeps += 1;
                if sweeps > MAX_SWEEPS {
                    return false;
                }
                let two = T::of(2.0);
                let ratio = (d[l + 1] - d[l]) / (two * e[l]);
                let root = ratio.hypot(T::one());
                let mut g = d[m] - d[l] + e[l] / (ratio + root.copysign(ratio));
                let (mut s, mut c, mut p) = (T::one(), T::one(), T::zero());
                let mut split = false;
                for i in (l..m).rev() {
                    let f = s * e[i];
                    let b = c * e[i];
                    let r = f.hypot(g);
                    e[i + 1] = r;
                    if r == T::zero() {
                        d[i + 1] -= p;
                        e[m] = T::zero();
                        split = true;
                        break;
                    }
                    s = f / r;
                    c = g / r;
                    g = d[i + 1] - p;
                    let r = (d[i] - g) * s + two * c * b;
                    p = s * r;
                    d[i + 1] = g + p;
                    g = c * r - b;
                    let (head, tail) = self.components.split_at_mut((i + 1) * self.width);
                    for (a, b) in head[i * self.width..].iter_mut().zip(&mut tail[..self.width]) {
                        let rotated = s * *a + c * *b;
                        *a = c * *a - s * *b;
                        *b = rotated;
                    }
                }
                if !split {
                    d[l] -= p;
                    e[l] = g;
                    e[m] = T::zero();
                }
            }
        }
        d.iter().all(|value| value.is_finite())
    }

    fn sort(&mut self) {
        let (k, width) = (self.values.len(), self.width);
        self.order.clear();
        self.order.extend(0..k);
        let values = &self.values;
        // Finite numbers are ordered; equal ones stay in place, so two runs agree.
        self.order.sort_unstable_by(|&a, &b| {
            values[a].partial_cmp(&values[b]).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(&b))
        });
        self.sorted.clear();
        for &i in &self.order {
            self.sorted.extend_from_slice(&self.components[i * width..(i + 1) * width]);
        }
        std::mem::swap(&mut self.sorted, &mut self.components);
        self.sorted.clear();
        self.sorted.extend(self.order.iter().map(|&i| self.values[i]));
        self.values.copy_from_slice(&self.sorted);
    }
}

/// T = L D Lᵀ while T is positive definite, extended by one row at a time, and the solution of T h = −γ e₁.
#[derive(Clone, Debug)]
pub(crate) struct Pivots<T> {
    /// dᵢ, all above zero.
    pivots: Vec<T>,
    /// h.
    pub(crate) solution: Vec<T>,
}

impl<T: Scalar> Pivots<T> {
    pub(crate) fn new() -> Self {
        Self { pivots: Vec::new(), solution: Vec::new() }
    }

    /// Reserves what matrices of order `k` need.
    pub(crate) fn reserve(&mut self, k: usize) {
        hold(&mut self.pivots, k);
        hold(&mut self.solution, k);
    }

    pub(crate) fn clear(&mut self) {
        self.pivots.clear();
        self.solution.clear();
    }

    /// Whether T is still positive definite with row `alpha.len()`; each dᵢ is the curvature dᵀHd of a direction of
    /// conjugate gradients over the square of its newest component, and must stand out of its rounding.
    pub(crate) fn extend(&mut self, alpha: &[T], beta: &[T]) -> bool {
        let i = self.pivots.len();
        debug_assert_eq!(i + 1, alpha.len());
        let eliminated = if i == 0 { T::zero() } else { beta[i - 1] * (beta[i - 1] / self.pivots[i - 1]) };
        let pivot = alpha[i] - eliminated;
        let definite = pivot > T::of(4.0) * T::epsilon() * alpha[i].abs() && pivot.is_finite();
        if definite {
            self.pivots.push(pivot);
        }
        definite
    }

    /// h with T h = −γ e₁; returns its norm.
    pub(crate) fn solve(&mut self, beta: &[T], gamma: T) -> T {
        let k = self.pivots.len();
        self.solution.clear();
        let mut y = -gamma;
        for i in 0..k {
            if i > 0 {
                y = -(beta[i - 1] / self.pivots[i - 1]) * y;
            }
            self.solution.push(y);
        }
        for i in (0..k).rev() {
            let above = if i + 1 < k { beta[i] * self.solution[i + 1] } else { T::zero() };
            self.solution[i] = (self.solution[i] - above) / self.pivots[i];
        }
        crate::vector::norm(&self.solution)
    }

    /// Writes p = L⁻ᵀ eₖ into `out`, which ends in 1, and returns pᵀTp = dₖ.
    pub(crate) fn last_direction(&self, beta: &[T], out: &mut Vec<T>) -> T {
        let k = self.pivots.len();
        out.clear();
        out.resize(k, T::one());
        for i in (1..k).rev() {
            out[i - 1] = -(beta[i - 1] / self.pivots[i - 1]) * out[i];
        }
        self.pivots[k - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::{Eigen, Pivots};

    /// A pseudo-random number in [−1, 1).
    fn number(i: usize) -> f64 {
        ((i as f64 * 12.9898).sin() * 43758.5453).fract()
    }

    fn matrix(k: usize, grade: f64) -> (Vec<f64>, Vec<f64>) {
        let scale = |i: usize| grade.powi(i as i32);
        let alpha = (0..k).map(|i| scale(i) * (3.0 + number(i))).collect();
        let beta = (1..k).map(|i| (scale(i - 1) * scale(i)).sqrt() * number(100 + i)).collect();
        (alpha, beta)
    }

    #[test]
    fn eigenpairs_satisfy_their_equation() {
        let mut eigen = Eigen::new();
        for k in 1..40 {
            let (alpha, beta) = matrix(k, 1.0);
            assert!(eigen.whole(&alpha, &beta));
            for i in 0..k {
                let z = eigen.vector(i);
                assert!(i == 0 || eigen.values[i - 1] <= eigen.values[i]);
                for row in 0..k {
                    let mut tz = alpha[row] * z[row];
                    if row > 0 {
                        tz += beta[row - 1] * z[row - 1];
                    }
                    if row + 1 < k {
                        tz += beta[row] * z[row + 1];
                    }
                    // Backward stable: a modest multiple of ε ‖T‖, ‖T‖ ≤ 6.
                    assert!((tz - eigen.values[i] * z[row]).abs() < 1e-14, "k = {k}, pair {i}, row {row}");
                }
            }
            let vectors: Vec<(f64, f64)> = (0..k).map(|i| (eigen.first(i), eigen.last(i))).collect();
            assert!(eigen.ends(&alpha, &beta));
            for (i, (first, last)) in vectors.into_iter().enumerate() {
                assert!((eigen.first(i) - first).abs() < 1e-13 && (eigen.last(i) - last).abs() < 1e-13);
            }
        }
        assert!(!eigen.whole(&[1.0, f64::NAN], &[1.0]));
    }

    /// Graded either way, the smallest eigenvalue keeps its digits: it is the last pivot, up to the grade.
    #[test]
    fn graded_matrices_keep_their_small_eigenvalues() {
        for grade in [1e-4, 1e4] {
            let (alpha, beta) = matrix(4, grade);
            let mut eigen = Eigen::new();
            assert!(eigen.whole(&alpha, &beta));
            let small = if grade < 1.0 { 3.0 * grade.powi(3) } else { 3.0 };
            assert!(eigen.values[0] > 0.3 * small && eigen.values[0] < 2.0 * small, "{grade}: {:?}", eigen.values);
        }
    }

    #[test]
    fn the_pivots_solve_and_notice_indefiniteness() {
        let (alpha, beta) = matrix(12, 1.0);
        let mut pivots = Pivots::new();
        for k in 1..=12 {
            assert!(pivots.extend(&alpha[..k], &beta[..k - 1]));
        }
        pivots.solve(&beta, 2.0);
        let h = &pivots.solution;
        for row in 0..12 {
            let mut th = alpha[row] * h[row] + if row == 0 { 2.0 } else { beta[row - 1] * h[row - 1] };
            if row < 11 {
                th += beta[row] * h[row + 1];
            }
            assert!(th.abs() < 1e-14, "row {row}: {th:e}");
        }
        pivots.clear();
        assert!(pivots.extend(&[1.0], &[]) && !pivots.extend(&[1.0, 1.0], &[1.0]), "singular is not definite");
    }
}
