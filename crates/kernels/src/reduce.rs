//! Sums over axes, pairwise, so that the rounding error grows with the logarithm of the length.

use crate::Scalar;
use smallvec::SmallVec;

/// Rows up to which a sum over rows runs straight.
const STRAIGHT: usize = 128;

/// Length of the blocks that a long sum is cut into: each runs straight, in eight lanes.
pub const BLOCK: usize = 256;

/// Sums `x`, row-major of `shape`, over `axes` (ascending) into `out`.
///
/// The order of additions depends on the shape only.
pub fn sum<T: Scalar>(x: &[T], shape: &[usize], axes: &[usize], out: &mut [T]) {
    // Neighbouring axes of one kind act as one.
    let mut runs: SmallVec<[(bool, usize); 8]> = SmallVec::new();
    for (axis, &length) in shape.iter().enumerate() {
        let summed = axes.contains(&axis);
        match runs.last_mut() {
            Some((kind, n)) if *kind == summed => *n *= length,
            _ => runs.push((summed, length)),
        }
    }
    match runs[..] {
        [] => out.copy_from_slice(x),
        [(true, _)] => out[0] = total(x),
        [(false, _), (true, n)] => {
            for (y, row) in out.iter_mut().zip(x.chunks(n.max(1))) {
                *y = total(row);
            }
            if n == 0 {
                out.fill(T::zero());
            }
        }
        [(true, n), (false, m)] => rows(x, n, m, out),
        [(false, _), (true, n), (false, m)] if n * m > 0 => {
            for (block, out) in x.chunks_exact(n * m).zip(out.chunks_exact_mut(m)) {
                rows(block, n, m, out);
            }
        }
        _ => sum_naive(x, shape, axes, out),
    }
}

/// Sum of all entries: of blocks of [`BLOCK`] entries, and pairwise of their sums as by [`combine`].
pub fn total<T: Scalar>(x: &[T]) -> T {
    if x.len() > BLOCK {
        let half = x.len().div_ceil(BLOCK) / 2 * BLOCK;
        return total(&x[..half]) + total(&x[half..]);
    }
    let mut lanes = [T::zero(); 8];
    let chunks = x.chunks_exact(8);
    let mut rest = T::zero();
    for &a in chunks.remainder() {
        rest += a;
    }
    for chunk in chunks {
        for (lane, &a) in lanes.iter_mut().zip(chunk) {
            *lane += a;
        }
    }
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])) + rest
}

/// The [`total`] of an array from the totals of its blocks, bit for bit.
///
/// ```
/// use kernels::reduce::{BLOCK, combine, total};
/// let x: Vec<f64> = (0..1000).map(|i| f64::from(i).sin()).collect();
/// let blocks: Vec<f64> = x.chunks(BLOCK).map(total).collect();
/// assert_eq!(combine(&blocks), total(&x));
/// ```
pub fn combine<T: Scalar>(blocks: &[T]) -> T {
    match blocks {
        [] => T::zero(),
        [one] => *one,
        _ => {
            let (left, right) = blocks.split_at(blocks.len() / 2);
            combine(left) + combine(right)
        }
    }
}

/// Columns that are summed together, on the stack.
const STRIP: usize = 64;

/// Sum of `n` rows of length `m`, pairwise over rows, a strip of columns at a time.
fn rows<T: Scalar>(x: &[T], n: usize, m: usize, out: &mut [T]) {
    for (strip, ys) in out.chunks_mut(STRIP).enumerate() {
        let columns = strip * STRIP..strip * STRIP + ys.len();
        ys.copy_from_slice(&strip_of_rows(x, n, m, columns)[..ys.len()]);
    }
}

/// Sums of some columns over `n` rows of length `m`; the first entries of the result.
fn strip_of_rows<T: Scalar>(x: &[T], n: usize, m: usize, columns: std::ops::Range<usize>) -> [T; STRIP] {
    let mut sum = [T::zero(); STRIP];
    if n > STRAIGHT {
        let half = n / 2;
        sum = strip_of_rows(&x[..half * m], half, m, columns.clone());
        for (s, a) in sum.iter_mut().zip(strip_of_rows(&x[half * m..], n - half, m, columns)) {
            *s += a;
        }
        return sum;
    }
    for row in x.chunks_exact(m) {
        for (s, &a) in sum.iter_mut().zip(&row[columns.clone()]) {
            *s += a;
        }
    }
    sum
}

/// The obvious sum, entry by entry.
pub fn sum_naive<T: Scalar>(x: &[T], shape: &[usize], axes: &[usize], out: &mut [T]) {
    out.fill(T::zero());
    for (i, &a) in x.iter().enumerate() {
        let (mut rest, mut to, mut stride) = (i, 0, 1);
        for axis in (0..shape.len()).rev() {
            let at = rest % shape[axis];
            rest /= shape[axis];
            if !axes.contains(&axis) {
                to += at * stride;
                stride *= shape[axis];
            }
        }
        out[to] += a;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_the_naive_twin() {
        for shape in [&[7][..], &[300], &[5, 200], &[200, 5], &[3, 130, 2], &[2, 3, 4, 5], &[0, 3], &[3, 0]] {
            let size: usize = shape.iter().product();
            let x: Vec<f64> = (0..size).map(|i| (i as f64 * 0.7).sin()).collect();
            for mask in 0..1_usize << shape.len() {
                let axes: Vec<usize> = (0..shape.len()).filter(|a| mask >> a & 1 == 1).collect();
                let kept: usize = (0..shape.len()).filter(|a| mask >> a & 1 == 0).map(|a| shape[a]).product();
                let (mut fast, mut naive) = (vec![9.0; kept], vec![9.0; kept]);
                sum(&x, shape, &axes, &mut fast);
                sum_naive(&x, shape, &axes, &mut naive);
                for (a, b) in fast.iter().zip(&naive) {
                    // Terms are below 1: the naive sum of n of them is off by at most n·n·2⁻⁵³.
                    assert!((a - b).abs() <= (size * size) as f64 * f64::EPSILON, "{shape:?} {axes:?}");
                }
            }
        }
    }

    #[test]
    fn long_sums_are_pairwise() {
        // 2²⁴ times 0.1 in single precision: a running sum is off by several percent, a pairwise one is not.
        let x = vec![0.1_f32; 1 << 24];
        let exact = f64::from(0.1_f32) * f64::from(1 << 24);
        assert!((f64::from(total(&x)) - exact).abs() / exact < 1e-6);
        let (mut middle, quarter) = ([0.0; 4], exact / 4.0);
        sum(&x, &[2, 1 << 22, 2], &[1], &mut middle);
        assert!(middle.iter().all(|&y| (f64::from(y) - quarter).abs() / quarter < 1e-6), "{middle:?} {quarter}");
    }
}
