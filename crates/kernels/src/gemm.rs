//! Products of dense matrices on contiguous row-major slices.
//!
//! Large products go to the blocked kernel behind ndarray. What that kernel serves badly (a vector on either side, an
//! outer product, a handful of entries) is a plain loop here, because packing the operands would cost more than the product.

use crate::Scalar;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Products of up to this many multiplications are plain loops. Measured on x86-64 with AVX-512 for square `f64` matrices:
/// the two ways cost the same from 8³ to 12³; below, the packed one takes 200 ns however few entries there are.
const SMALL: usize = 512;

/// Writes op(a) · op(b) to `out`, an m × n matrix, with inner length k; op transposes or not.
///
/// `a` holds m × k entries, or k × m if `trans_a`; `b` holds k × n entries, or n × k if `trans_b`. What `out` held before is
/// not read. With k = 0 the product is zero. NaN and infinity propagate as in the definition: no zero is skipped.
///
/// Costs 2mnk operations. Products beyond a small size allocate a packing buffer of a few hundred kilobytes at most.
///
/// # Panics
/// If the length of a slice is not the size of its matrix.
///
/// ```
/// // [1 2; 3 4] · [5; 6] = [17; 39], and with the first matrix transposed [23; 34].
/// let (a, b, mut out) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0], [0.0; 2]);
/// kernels::gemm::gemm(2, 1, 2, &a, false, &b, false, &mut out);
/// assert_eq!(out, [17.0, 39.0]);
/// kernels::gemm::gemm(2, 1, 2, &a, true, &b, false, &mut out);
/// assert_eq!(out, [23.0, 34.0]);
/// ```
#[allow(clippy::too_many_arguments, reason = "the argument list of BLAS")]
pub fn gemm<T: Scalar>(m: usize, n: usize, k: usize, a: &[T], trans_a: bool, b: &[T], trans_b: bool, out: &mut [T]) {
    assert_eq!(
        (a.len(), b.len(), out.len()),
        (m * k, k * n, m * n),
        "gemm: operands and result of {m} × {k} · {k} × {n}"
    );
    if m == 0 || n == 0 {
        return;
    }
    match (m, n, k) {
        (_, _, 0) => out.fill(T::zero()),
        (_, _, 1) => outer(a, b, out),
        (_, 1, _) if trans_a => combine_rows(a, b, out),
        (_, 1, _) => dot_rows(a, b, out),
        (1, _, _) if trans_b => dot_rows(b, a, out),
        (1, _, _) => combine_rows(b, a, out),
        _ if m * n * k <= SMALL => small(n, k, a, trans_a, b, trans_b, out),
        _ => {
            let a = matrix(m, k, a, trans_a);
            let b = matrix(k, n, b, trans_b);
            let mut out = ArrayViewMut2::from_shape((m, n), out).expect("length was checked above");
            general_mat_mul(T::one(), &a, &b, T::zero(), &mut out);
        }
    }
}

/// Inner product of two slices of equal length.
///
/// The terms are summed in eight interleaved partial sums, so the result may differ from that of a loop in the last digits.
///
/// ```
/// assert_eq!(kernels::gemm::dot(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
/// ```
pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    debug_assert_eq!(a.len(), b.len(), "dot: slices of equal length");
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_blocks.remainder().iter().zip(b_blocks.remainder()).fold(T::zero(), |sum, (&x, &y)| sum + x * y);
    let mut sums = [T::zero(); 8];
    for (x, y) in a_blocks.zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7)) + rest
}

/// The rows × columns matrix whose entries are stored row by row, or column by column if `transposed`.
fn matrix<T>(rows: usize, columns: usize, data: &[T], transposed: bool) -> ArrayView2<'_, T> {
    ArrayView2::from_shape((rows, columns).set_f(transposed), data).expect("length was checked by the caller")
}

/// out[i] = ⟨row i of a, x⟩.
fn dot_rows<T: Scalar>(a: &[T], x: &[T], out: &mut [T]) {
    for (row, o) in a.chunks_exact(x.len()).zip(out) {
        *o = dot(row, x);
    }
}

/// out = Σ x[i] · row i of a, four rows in one pass over `out`.
fn combine_rows<T: Scalar>(a: &[T], x: &[T], out: &mut [T]) {
    let n = out.len();
    out.fill(T::zero());
    let (blocks, factors) = (a.chunks_exact(4 * n), x.chunks_exact(4));
    for (row, &f) in blocks.remainder().chunks_exact(n).zip(factors.remainder()) {
        for (o, &r) in out.iter_mut().zip(row) {
            *o += f * r;
        }
    }
    for (block, f) in blocks.zip(factors) {
        let (r0, rest) = block.split_at(n);
        let (r1, rest) = rest.split_at(n);
        let (r2, r3) = rest.split_at(n);
        for ((((o, &r0), &r1), &r2), &r3) in out.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
            *o += (f[0] * r0 + f[1] * r1) + (f[2] * r2 + f[3] * r3);
        }
    }
}

/// out[i, j] = a[i] · b[j].
fn outer<T: Scalar>(a: &[T], b: &[T], out: &mut [T]) {
    for (row, &x) in out.chunks_exact_mut(b.len()).zip(a) {
        for (o, &y) in row.iter_mut().zip(b) {
            *o = x * y;
        }
    }
}

/// The product as a loop over rows of the result.
fn small<T: Scalar>(n: usize, k: usize, a: &[T], trans_a: bool, b: &[T], trans_b: bool, out: &mut [T]) {
    let m = out.len() / n;
    let (a_row, a_column) = if trans_a { (1, m) } else { (k, 1) };
    for (i, row) in out.chunks_exact_mut(n).enumerate() {
        row.fill(T::zero());
        for p in 0..k {
            let factor = a[i * a_row + p * a_column];
            if trans_b {
                for (o, &y) in row.iter_mut().zip(b[p..].iter().step_by(k)) {
                    *o += factor * y;
                }
            } else {
                for (o, &y) in row.iter_mut().zip(&b[p * n..]) {
                    *o += factor * y;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    /// The definition.
    #[allow(clippy::too_many_arguments, reason = "the arguments of its twin")]
    fn naive(m: usize, n: usize, k: usize, a: &[f64], trans_a: bool, b: &[f64], trans_b: bool, out: &mut [f64]) {
        for i in 0..m {
            for j in 0..n {
                let at_a = |p| if trans_a { a[p * m + i] } else { a[i * k + p] };
                let at_b = |p| if trans_b { b[j * k + p] } else { b[p * n + j] };
                out[i * n + j] = (0..k).map(|p| at_a(p) * at_b(p)).sum();
            }
        }
    }

    /// Whole numbers of at most three binary digits: sums of a few thousand products are exact at both precisions, so that
    /// kernel and twin must agree to the last bit in whatever order they sum.
    fn numbers(length: usize, seed: usize) -> Vec<f64> {
        (0..length).map(|i| ((i * 7 + seed * 13 + i * i % 11) % 9) as f64 - 4.0).collect()
    }

    fn agrees(m: usize, n: usize, k: usize) -> bool {
        [(false, false), (true, false), (false, true), (true, true)].into_iter().all(|(trans_a, trans_b)| {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let (mut fast, mut slow) = (vec![f64::NAN; m * n], vec![f64::NAN; m * n]);
            gemm(m, n, k, &a, trans_a, &b, trans_b, &mut fast);
            naive(m, n, k, &a, trans_a, &b, trans_b, &mut slow);
            let single = |v: &[f64]| v.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let mut fast_single = vec![f32::NAN; m * n];
            gemm(m, n, k, &single(&a), trans_a, &single(&b), trans_b, &mut fast_single);
            fast == slow && fast_single == single(&slow)
        })
    }

    quickcheck! {
        fn product_is_that_of_the_definition(m: u8, n: u8, k: u8) -> bool {
            agrees(usize::from(m % 40), usize::from(n % 40), usize::from(k % 40))
        }

        fn vectors_and_outer_products_are_too(long: u8, wide: u8) -> bool {
            let (p, q) = (usize::from(long), usize::from(wide % 70));
            [(1, p, q), (p, 1, q), (p, q, 1), (1, 1, p)].into_iter().all(|(m, n, k)| agrees(m, n, k))
        }
    }

    #[test]
    fn every_small_size_agrees_with_the_definition() {
        for size in 0..6_usize.pow(3) {
            assert!(
                agrees(size % 6, size / 6 % 6, size / 36),
                "m, n, k = {}, {}, {}",
                size % 6,
                size / 6 % 6,
                size / 36
            );
        }
    }

    #[test]
    fn zero_times_infinity_is_not_skipped() {
        for size in [1, 2, 3, 20] {
            let (zero, mut infinite, mut out) =
                (vec![0.0; size * size], vec![1.0; size * size], vec![0.0; size * size]);
            infinite[0] = f64::INFINITY;
            gemm(size, size, size, &zero, false, &infinite, false, &mut out);
            assert!(out[0].is_nan(), "at size {size}");
        }
    }
}
