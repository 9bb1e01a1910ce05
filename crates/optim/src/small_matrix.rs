//! Dense systems of the order of a memory, not of the problem: a factorisation with row exchanges.

use crate::scalar::Scalar;

/// P A = L U of a square matrix of small order, row-major.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmallLu<T> {
    order: usize,
    factors: Vec<T>,
    rows: Vec<usize>,
}

impl<T: Scalar> SmallLu<T> {
    /// Room for a matrix of this order, to be filled with zeros.
    pub(crate) fn reset(&mut self, order: usize) -> &mut [T] {
        self.order = order;
        self.factors.clear();
        self.factors.resize(order * order, T::zero());
        &mut self.factors
    }

    /// Factors the matrix in place; false where it is singular to working precision, relative to its largest entry
    /// in each row.
    pub(crate) fn factor(&mut self) -> bool {
        let (k, a) = (self.order, &mut self.factors);
        self.rows.clear();
        self.rows.extend(0..k);
        // Rows are weighed by their largest entry: the pairs of a run differ in size by many orders.
        let largest = |row: &[T]| row.iter().fold(T::zero(), |m, a| m.max(a.abs()));
        let mut weights: Vec<T> = a.chunks_exact(k.max(1)).map(largest).collect();
        let tolerance = T::of(k as f64) * T::epsilon();
        for column in 0..k {
            let score = |row: usize, a: &[T]| a[row * k + column].abs() / weights[row];
            let mut pivot = column;
            for row in column + 1..k {
                if score(row, a) > score(pivot, a) {
                    pivot = row;
                }
            }
            let best = score(pivot, a);
            if best.is_nan() || best <= tolerance {
                return false;
            }
            if pivot != column {
                for j in 0..k {
                    a.swap(pivot * k + j, column * k + j);
                }
                self.rows.swap(pivot, column);
                weights.swap(pivot, column);
            }
            for row in column + 1..k {
                let factor = a[row * k + column] / a[column * k + column];
                a[row * k + column] = factor;
                for j in column + 1..k {
                    let upper = a[column * k + j];
                    a[row * k + j] -= factor * upper;
                }
            }
        }
        true
    }

    /// b ← A⁻¹ b, with `work` of any length as workspace.
    pub(crate) fn solve(&self, b: &mut [T], work: &mut Vec<T>) {
        let (k, a) = (self.order, &self.factors);
        work.clear();
        work.extend(self.rows.iter().map(|&row| b[row]));
        for i in 0..k {
            for j in 0..i {
                let w = work[j];
                work[i] -= a[i * k + j] * w;
            }
        }
        for i in (0..k).rev() {
            for j in i + 1..k {
                let w = work[j];
                work[i] -= a[i * k + j] * w;
            }
            work[i] /= a[i * k + i];
        }
        b.copy_from_slice(work);
    }
}

#[cfg(test)]
mod tests {
    use super::SmallLu;

    #[test]
    fn systems_are_solved_and_singular_ones_found() {
        let mut lu = SmallLu::default();
        // The first pivot is zero: rows must be exchanged.
        lu.reset(3).copy_from_slice(&[0.0, 2.0, 1.0, 4.0, 1.0, 0.0, 8.0, 3.0, 5.0]);
        assert!(lu.factor());
        let mut b = [7.0, 6.0, 29.0]; // A (1, 2, 3)
        lu.solve(&mut b, &mut Vec::new());
        for (found, expected) in b.into_iter().zip([1.0_f64, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-14);
        }
        lu.reset(2).copy_from_slice(&[1.0, 2.0, 2.0, 4.0]);
        assert!(!lu.factor());
        lu.reset(1).copy_from_slice(&[f64::NAN]);
        assert!(!lu.factor());
    }
}
