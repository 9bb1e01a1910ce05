//! Linear systems with one matrix and several right-hand sides, by LU factorisation with partial pivoting.
//!
//! P A = L U is computed once ([`factor`]) and serves any number of systems with A or its transpose ([`solve_with`]); [`solve`] does
//! both, to the same bits. Source: Golub and Van Loan, Matrix Computations, 4th edition, section 3.4; the blocked order, which
//! leaves most of the work to matrix products, is that of its section 3.2.11.

use crate::Scalar;
use crate::gemm::{Product, Update};

/// Columns that are eliminated one by one before a matrix product updates all the others. Measured on x86-64 with AVX-512:
/// 16 and 32 are equally fast, 64 takes 1.7 times as long at n = 500 (7 ms against 4 ms).
const BLOCK: usize = 32;

/// Blocks of unknowns that are eliminated together: first and last, excluded.
fn blocks(n: usize) -> impl DoubleEndedIterator<Item = [usize; 2]> {
    (0..n).step_by(BLOCK).map(move |start| [start, (start + BLOCK).min(n)])
}

/// The product that updates the rest of an n × n matrix when the unknowns `start..end` are eliminated.
fn rest_of_matrix([start, end]: [usize; 2], n: usize) -> Product {
    Product::new(n - end, n - end, end - start).rows_apart(end - start, n, n)
}

/// The product that updates m right-hand sides below the unknowns `start..end` once these are known.
fn right_below([start, end]: [usize; 2], n: usize, m: usize, transposed: bool) -> Product {
    Product::new(n - end, m, end - start).trans_a(transposed).rows_apart(n, m, m)
}

/// The one for those above.
fn right_above([start, end]: [usize; 2], n: usize, m: usize, transposed: bool) -> Product {
    Product::new(start, m, end - start).trans_a(transposed).rows_apart(n, m, m)
}

/// Entries of the factors of an n × n matrix: as many as the matrix has, and a row of exchanges.
pub fn factors_len(n: usize) -> usize {
    n * (n + 1)
}

/// Entries of working memory that [`factor`] needs for an n × n matrix: none up to 32 unknowns, else 32 n and what matrix products
/// need.
pub fn factor_scratch_len<T: Scalar>(n: usize) -> usize {
    let products = blocks(n).map(|block| rest_of_matrix(block, n).scratch::<T>()).max().unwrap_or(0);
    if n > BLOCK { n * BLOCK + products } else { 0 }
}

/// Entries of working memory that [`solve_with`] needs for n unknowns and m right-hand sides: what matrix products need.
pub fn solve_with_scratch_len<T: Scalar>(n: usize, m: usize) -> usize {
    let of = |block| {
        let both = [false, true].map(|t| [right_below(block, n, m, t), right_above(block, n, m, t)]);
        both.iter().flatten().map(Product::scratch::<T>).max().unwrap_or(0)
    };
    if n > BLOCK { blocks(n).map(of).max().unwrap_or(0) } else { 0 }
}

/// Entries of working memory that [`solve`] needs for an n × n matrix and m right-hand sides: the factors, and what making or using
/// them needs.
pub fn scratch_len<T: Scalar>(n: usize, m: usize) -> usize {
    factors_len(n) + factor_scratch_len::<T>(n).max(solve_with_scratch_len::<T>(n, m))
}

/// Replaces `b`, an n × m matrix, by the solution x of op(a) · x = b, where op transposes the n × n matrix `a` or not.
///
/// Both are row-major; `scratch` has at least [`scratch_len`] entries, whatever they hold. Costs 2n³/3 + 2n²m operations.
///
/// The computed x solves a system whose matrix differs from `a` by rounding: the residual is of the order of
/// n · ε · |a| · |x|, while the error of x grows with the condition number. A matrix that is singular in exact arithmetic
/// gives numbers that are not finite if elimination meets a pivot that is exactly 0 (all of x is then NaN), and huge numbers
/// if rounding makes the pivot differ from 0. A NaN in `a` makes x NaN. None of this panics.
///
/// # Panics
/// If a slice is too short for its matrix.
///
/// ```
/// // 2x + y = 5, x + 3y = 10 has the solution x = 1, y = 3.
/// let (a, mut b) = ([2.0, 1.0, 1.0, 3.0], [5.0, 10.0]);
/// kernels::lu::solve(&a, &mut b, 2, 1, false, &mut vec![0.0; kernels::lu::scratch_len::<f64>(2, 1)]);
/// assert!((b[0] - 1.0_f64).abs() < 1e-15 && (b[1] - 3.0_f64).abs() < 1e-15);
/// ```
pub fn solve<T: Scalar>(a: &[T], b: &mut [T], n: usize, m: usize, transposed: bool, scratch: &mut [T]) {
    if n == 0 || m == 0 {
        return;
    }
    let (factors, scratch) = scratch.split_at_mut(factors_len(n));
    factor(a, factors, n, scratch);
    solve_with(factors, b, n, m, transposed, scratch);
}

/// Writes the factors of the n × n matrix `a`: L without its diagonal of ones and U in the place of the matrix, then for each column
/// the row that was exchanged with that of its number, as a number.
///
/// `factors` has [`factors_len`] entries, `scratch` at least [`factor_scratch_len`]. Costs 2n³/3 operations. If elimination meets a
/// pivot that is exactly 0, L and U are NaN, and so is what is solved with them.
///
/// # Panics
/// If a slice is too short for its matrix.
pub fn factor<T: Scalar>(a: &[T], factors: &mut [T], n: usize, scratch: &mut [T]) {
    let (lu, exchanges) = factors.split_at_mut(n * n);
    lu.copy_from_slice(&a[..n * n]);
    for block in blocks(n) {
        if !eliminate(lu, exchanges, n, block, scratch) {
            lu.fill(T::round_from(f64::NAN));
            exchanges.fill(T::zero());
            return;
        }
    }
}

/// Replaces `b`, an n × m matrix, by the solution x of op(a) · x = b, where op transposes a or not, from the [factors](factor) of a.
///
/// `scratch` has at least [`solve_with_scratch_len`] entries. Costs 2n²m operations; accuracy as [`solve`].
///
/// # Panics
/// If a slice is too short for its matrix, or `factors` are none.
///
/// ```
/// use kernels::lu::{factor, factors_len, solve_with};
/// let mut factors = vec![0.0; factors_len(2)];
/// factor(&[0.0, 1.0, 4.0, 2.0], &mut factors, 2, &mut []);
/// // y = 1, 4x + 2y = 4; and with the transposed matrix 4y = 8, x + 2y = 5.
/// let (mut b, mut c) = ([1.0, 4.0], [8.0, 5.0]);
/// solve_with(&factors, &mut b, 2, 1, false, &mut []);
/// solve_with(&factors, &mut c, 2, 1, true, &mut []);
/// assert_eq!((b, c), ([0.5, 1.0], [1.0, 2.0]));
/// ```
pub fn solve_with<T: Scalar>(factors: &[T], b: &mut [T], n: usize, m: usize, transposed: bool, scratch: &mut [T]) {
    if n == 0 || m == 0 {
        return;
    }
    let ((lu, exchanges), b) = (factors[..factors_len(n)].split_at(n * n), &mut b[..n * m]);
    if transposed {
        // Aᵀ = Uᵀ Lᵀ P.
        blocks(n).for_each(|block| forward::<T, true>(lu, b, n, m, block, scratch));
        blocks(n).rev().for_each(|block| backward::<T, true>(lu, b, n, m, block, scratch));
        (0..n).rev().for_each(|k| exchange(b, exchanges, m, k));
    } else {
        (0..n).for_each(|k| exchange(b, exchanges, m, k));
        blocks(n).for_each(|block| forward::<T, false>(lu, b, n, m, block, scratch));
        blocks(n).rev().for_each(|block| backward::<T, false>(lu, b, n, m, block, scratch));
    }
}

/// Eliminates the unknowns `start..end` from the rows below; `false` if their pivots include 0.
fn eliminate<T: Scalar>(
    lu: &mut [T],
    exchanges: &mut [T],
    n: usize,
    block @ [start, end]: [usize; 2],
    scratch: &mut [T],
) -> bool {
    // The panel: rows start.., columns start..end, one column at a time.
    for k in start..end {
        let pivot_row = largest(lu, n, k);
        exchanges[k] = T::from_index(pivot_row);
        if pivot_row != k {
            let (upper, lower) = rows(lu, n, k, pivot_row);
            upper.swap_with_slice(lower);
        }
        let pivot = lu[k * n + k];
        if pivot == T::zero() {
            return false;
        }
        for i in k + 1..n {
            let (upper, lower) = rows(lu, n, k, i);
            let factor = lower[k] / pivot;
            lower[k] = factor;
            subtract(factor, &upper[k + 1..end], &mut lower[k + 1..end]);
        }
    }
    // The rows of the block right of the panel.
    for k in start..end {
        for i in k + 1..end {
            let (upper, lower) = rows(lu, n, k, i);
            subtract(lower[k], &upper[end..], &mut lower[end..]);
        }
    }
    if end == n {
        return true;
    }
    // Everything below: A₂₂ −= L₂₁ U₁₂. L₂₁ stands in the rows that are updated, so that it is copied.
    let (above, below) = lu.split_at_mut(end * n);
    let (l, scratch) = scratch.split_at_mut((n - end) * (end - start));
    for (to, row) in l.chunks_exact_mut(end - start).zip(below.chunks_exact(n)) {
        to.copy_from_slice(&row[start..end]);
    }
    rest_of_matrix(block, n).run(Update::Subtract, l, &above[start * n + end..], &mut below[end..], scratch);
    true
}

/// Solves L x = b for the unknowns `start..end`, those before being known, and takes them out of the rows below; or Uᵀ x = b.
fn forward<T: Scalar, const TRANSPOSED: bool>(
    lu: &[T],
    b: &mut [T],
    n: usize,
    m: usize,
    block @ [start, end]: [usize; 2],
    scratch: &mut [T],
) {
    for k in start..end {
        if TRANSPOSED {
            divide(&mut b[k * m..(k + 1) * m], lu[k * n + k]);
        }
        for i in k + 1..end {
            let (upper, lower) = rows(b, m, k, i);
            subtract(if TRANSPOSED { lu[k * n + i] } else { lu[i * n + k] }, upper, lower);
        }
    }
    if end < n {
        // B₂ −= L₂₁ X₁, or B₂ −= U₁₂ᵀ X₁.
        let (known, below) = b.split_at_mut(end * m);
        let part = if TRANSPOSED { &lu[start * n + end..end * n] } else { &lu[end * n + start..] };
        right_below(block, n, m, TRANSPOSED).run(Update::Subtract, part, &known[start * m..], below, scratch);
    }
}

/// Solves U x = b for the unknowns `start..end`, those after being known, and takes them out of the rows above; or Lᵀ x = b.
fn backward<T: Scalar, const TRANSPOSED: bool>(
    lu: &[T],
    b: &mut [T],
    n: usize,
    m: usize,
    block @ [start, end]: [usize; 2],
    scratch: &mut [T],
) {
    for k in (start..end).rev() {
        if !TRANSPOSED {
            divide(&mut b[k * m..(k + 1) * m], lu[k * n + k]);
        }
        for i in start..k {
            let (upper, lower) = rows(b, m, i, k);
            subtract(if TRANSPOSED { lu[k * n + i] } else { lu[i * n + k] }, lower, upper);
        }
    }
    if start > 0 {
        // B₀ −= U₀₁ X₁, or B₀ −= L₁₀ᵀ X₁.
        let (above, known) = b.split_at_mut(start * m);
        let known = &known[..(end - start) * m];
        let part = if TRANSPOSED { &lu[start * n..end * n] } else { &lu[start..start * n] };
        right_above(block, n, m, TRANSPOSED).run(Update::Subtract, part, known, above, scratch);
    }
}

fn divide<T: Scalar>(b: &mut [T], pivot: T) {
    b.iter_mut().for_each(|x| *x /= pivot);
}

/// Exchanges row k of b with that of its number.
fn exchange<T: Scalar>(b: &mut [T], exchanges: &[T], m: usize, k: usize) {
    let row = exchanges[k].to_index().expect("factors end with numbers of rows");
    if row > k {
        let (upper, lower) = rows(b, m, k, row);
        upper.swap_with_slice(lower);
    }
}

/// Row, k or below, with the largest entry of column k in magnitude.
fn largest<T: Scalar>(lu: &[T], n: usize, k: usize) -> usize {
    // A NaN in row k compares as the largest, one further down never does; either way the solution becomes NaN.
    let mut best = (k, lu[k * n + k].magnitude());
    for i in k + 1..n {
        let magnitude = lu[i * n + k].magnitude();
        if magnitude > best.1 {
            best = (i, magnitude);
        }
    }
    best.0
}

/// Rows i and j of a matrix with rows of this width, for i < j.
fn rows<T>(matrix: &mut [T], width: usize, i: usize, j: usize) -> (&mut [T], &mut [T]) {
    let (upper, lower) = matrix.split_at_mut(j * width);
    (&mut upper[i * width..(i + 1) * width], &mut lower[..width])
}

/// y −= factor · x.
fn subtract<T: Scalar>(factor: T, x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y -= factor * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at_most;
    use quickcheck::quickcheck;

    /// Numbers in [−1, 1) from a linear congruential generator (Knuth's MMIX constants).
    fn numbers(length: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        (0..length).map(|_| next()).collect()
    }

    fn at(a: &[f64], n: usize, transposed: bool, i: usize, j: usize) -> f64 {
        if transposed { a[j * n + i] } else { a[i * n + j] }
    }

    /// Gauss–Jordan elimination on the augmented matrix, a column of b at a time.
    fn naive(a: &[f64], b: &[f64], n: usize, m: usize, transposed: bool) -> Vec<f64> {
        let mut x = vec![0.0; n * m];
        for column in 0..m {
            let mut rows: Vec<Vec<f64>> = (0..n)
                .map(|i| (0..n).map(|j| at(a, n, transposed, i, j)).chain([b[i * m + column]]).collect())
                .collect();
            for k in 0..n {
                let pivot = (k..n).max_by(|&i, &j| rows[i][k].abs().total_cmp(&rows[j][k].abs())).expect("k < n");
                rows.swap(k, pivot);
                let scaled: Vec<f64> = rows[k].iter().map(|v| v / rows[k][k]).collect();
                for (i, row) in rows.iter_mut().enumerate() {
                    let factor = if i == k { 0.0 } else { row[k] };
                    row.iter_mut().zip(&scaled).for_each(|(v, s)| *v = if i == k { *s } else { *v - factor * s });
                }
            }
            (0..n).for_each(|i| x[i * m + column] = rows[i][n]);
        }
        x
    }

    fn solution(a: &[f64], b: &[f64], n: usize, m: usize, transposed: bool) -> Vec<f64> {
        let mut x = b.to_vec();
        solve(a, &mut x, n, m, transposed, &mut vec![f64::NAN; scratch_len::<f64>(n, m)]);
        x
    }

    quickcheck! {
        fn residual_is_that_of_rounding(n: u8, m: u8, seed: u64, transposed: bool) -> bool {
            let (n, m) = (usize::from(n) % at_most(80, 20), usize::from(m % 5));
            let (a, b) = (numbers(n * n, seed), numbers(n * m, !seed));
            let x = solution(&a, &b, n, m, transposed);
            (0..n).all(|i| (0..m).all(|c| {
                let row = |j: usize| at(&a, n, transposed, i, j) * x[j * m + c];
                let residual = (0..n).map(row).sum::<f64>() - b[i * m + c];
                let largest = (0..n).map(|j| x[j * m + c].abs()).fold(1.0, f64::max);
                // Higham, Accuracy and Stability, theorem 9.5: n² · growth · ε · |a| · |x|; the growth of such matrices stays below n.
                residual.abs() <= (n * n) as f64 * f64::EPSILON * largest * n as f64
            }))
        }

        fn solution_is_that_of_gauss_and_jordan(n: u8, m: u8, seed: u64, transposed: bool) -> bool {
            let (n, m) = (usize::from(n) % at_most(70, 20), usize::from(m % 4));
            let (mut a, b) = (numbers(n * n, seed), numbers(n * m, !seed));
            // A dominant diagonal bounds the condition number by a small constant, and with it the difference of the two.
            (0..n).for_each(|i| a[i * n + i] += 2.0 * n as f64);
            let (x, y) = (solution(&a, &b, n, m, transposed), naive(&a, &b, n, m, transposed));
            x.iter().zip(&y).all(|(x, y)| (x - y).abs() <= 64.0 * f64::EPSILON)
        }
    }

    #[test]
    fn rows_are_exchanged_where_the_diagonal_is_zero() {
        // A cyclic shift: every pivot stands off the diagonal, over several blocks.
        let n = 75;
        let mut a = vec![0.0; n * n];
        (0..n).for_each(|i| a[i * n + (i + 1) % n] = 2.0);
        let b: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let x = solution(&a, &b, n, 1, false);
        (0..n).for_each(|i| assert_eq!(x[(i + 1) % n], i as f64 / 2.0));
        let x = solution(&a, &b, n, 1, true);
        (0..n).for_each(|i| assert_eq!(x[i], ((i + 1) % n) as f64 / 2.0));
    }

    #[test]
    fn singular_matrix_gives_nan_and_no_panic() {
        for n in [1, 2, 40, 70] {
            assert!(solution(&vec![0.0; n * n], &vec![1.0; n], n, 1, false).iter().all(|x| x.is_nan()));
            // Rank 1: elimination is exact, so the second pivot is 0.
            let x = solution(&vec![1.0; n * n], &vec![1.0; n], n, 1, false);
            assert!(n == 1 || x.iter().all(|x| x.is_nan()));
        }
    }

    #[test]
    fn nan_in_the_matrix_reaches_every_unknown() {
        let n = 50;
        for place in [0, 3 * n + 40, n * n - 1] {
            let mut a = numbers(n * n, 3);
            a[place] = f64::NAN;
            let x = solution(&a, &vec![1.0; n], n, 1, false);
            assert!(x.iter().all(|x| x.is_nan()), "NaN at {place}");
        }
    }

    #[test]
    fn single_precision_solves_too() {
        let mut b = [5.0_f32, 10.0];
        solve(&[2.0, 1.0, 1.0, 3.0], &mut b, 2, 1, false, &mut vec![0.0; scratch_len::<f32>(2, 1)]);
        assert!((b[0] - 1.0).abs() <= 4.0 * f32::EPSILON && (b[1] - 3.0).abs() <= 8.0 * f32::EPSILON);
    }
}
