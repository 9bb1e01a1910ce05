//! ln Σ eˣ and softmax along an axis, without overflow.
//!
//! x is read once while it is in the first-level cache: the largest entry m of a row, e^{x − m}, their sum and, for the softmax,
//! the division follow one another over chunks of 2048 entries, whole rows where they fit. Only rows longer than a chunk are
//! read twice.
//!
//! The laws:
//!
//! * The sum is [`reduce::sum`](crate::reduce::sum) of the exponentials, of shape [before, n] if the last axis has length 1, bit
//!   for bit, but where the last axis has 2 to 32 entries, of which that sum takes several rows at once. Its order depends on the
//!   shape only, and a row's results on nothing but the row.
//! * Relative to the sum, its error is that of the exponentials, 1 ulp beside the rounding of x − m, and of log₂ n additions or, up to
//!   32 entries and down columns, as many as 32 and 128.
//! * Rows of −∞ give −∞ and NaN; of a row with +∞ the first is +∞, and the softmax 0 at finite entries and NaN at +∞. NaN gives NaN.

use crate::Scalar;
use crate::reduce::{BLOCK, STRAIGHT, STRIP, combine, larger, line};
use crate::vector::{Contraction, Kernel, dispatch};
use std::ops::Range;

#[cfg(test)]
mod tests;

/// Entries that stay in the first-level cache from one step to the next: 16 KB of `f64`.
const CHUNK: usize = 2048;

/// Rows in a chunk at most.
const ROWS: usize = 128;

/// Entries below which the work stays on one thread: some 60 µs in `f64`, where dividing costs 8 to 14.
const PARALLEL: usize = 1 << 16;

/// ln Σ eˣ along the middle of three axes: x is row-major of shape [before, n, after], `out` of shape [before, after].
///
/// With n = 0 it is −∞. Costs n exponentials for each result, and a buffer of 16 KB on the stack.
///
/// # Panics
/// If the length of a slice is not that of its shape.
///
/// ```
/// use kernels::softmax::logsumexp;
/// let mut out = [0.0; 2];
/// logsumexp(&[0.0, 0.0, 1000.0, f64::NEG_INFINITY], [2, 2, 1], &mut out);
/// assert_eq!(out, [std::f64::consts::LN_2, 1000.0]);
/// ```
pub fn logsumexp<T: Scalar>(x: &[T], shape: [usize; 3], out: &mut [T]) {
    let [before, n, after] = shape;
    check(shape, x.len(), out.len(), before * after);
    if n == 0 {
        return out.fill(T::round_from(f64::NEG_INFINITY));
    }
    let buffer = &mut [T::zero(); CHUNK];
    match after {
        0 => {}
        1 if n <= CHUNK => {
            let rows = (CHUNK / n).min(ROWS);
            for (x, out) in x.chunks(rows * n).zip(out.chunks_mut(rows)) {
                dispatch(Logarithms { x, n, buffer: &mut buffer[..x.len()], out });
            }
        }
        1 => {
            for (x, y) in x.chunks_exact(n).zip(out) {
                let shift = largest(x);
                *y = logarithm(sum_of_long(x, shift, None, buffer), shift);
            }
        }
        _ => {
            for (x, out) in x.chunks_exact(n * after).zip(out.chunks_exact_mut(after)) {
                for columns in strips(after) {
                    let shift = largest_of_columns(x, after, columns.clone());
                    let sum = sum_of_columns(x, after, columns.clone(), &shift, None, buffer);
                    for (k, y) in out[columns].iter_mut().enumerate() {
                        *y = logarithm(sum[k], shift[k]);
                    }
                }
            }
        }
    }
}

/// eˣ / Σ eˣ along the middle of three axes: x and `out` are row-major of shape [before, n, after].
///
/// Costs an exponential and a product for each entry. The entries of a row add up to 1 but for rounding.
///
/// # Panics
/// If the length of a slice is not that of the shape.
///
/// ```
/// use kernels::softmax::softmax;
/// let mut out = [0.0; 4];
/// softmax(&[3.0, 0.0, 3.0, -1e5], [1, 2, 2], &mut out);
/// assert_eq!(out, [0.5, 1.0, 0.5, 0.0]);
/// ```
pub fn softmax<T: Scalar>(x: &[T], shape: [usize; 3], out: &mut [T]) {
    let [_, n, after] = shape;
    check(shape, x.len(), out.len(), x.len());
    if x.is_empty() {
        return;
    }
    if after == 1 && n <= CHUNK {
        let rows = (CHUNK / n).min(ROWS);
        for (x, out) in x.chunks(rows * n).zip(out.chunks_mut(rows * n)) {
            dispatch(Quotients { x, n, out });
        }
        return;
    }
    let buffer = &mut [T::zero(); CHUNK];
    for (x, out) in x.chunks_exact(n * after).zip(out.chunks_exact_mut(n * after)) {
        if after == 1 {
            let factor = T::one() / sum_of_long(x, largest(x), Some(out), buffer);
            dispatch(Scale { out, m: CHUNK, columns: 0..CHUNK, factors: &[factor; CHUNK] });
            continue;
        }
        for columns in strips(after) {
            let shift = largest_of_columns(x, after, columns.clone());
            let sum = sum_of_columns(x, after, columns.clone(), &shift, Some(out), buffer);
            dispatch(Scale { out, m: after, columns, factors: &sum.map(|s| T::one() / s) });
        }
    }
}

/// As [`logsumexp`], by the threads of the current rayon pool; the result is the same to the last bit.
///
/// The first axis is divided; below 2¹⁶ entries nothing is.
///
/// # Panics
/// As [`logsumexp`].
pub fn logsumexp_parallel<T: Scalar>(x: &[T], shape: [usize; 3], out: &mut [T]) {
    check(shape, x.len(), out.len(), shape[0] * shape[2]);
    divided(x, shape, out, parts(x), logsumexp);
}

/// As [`softmax`], by the threads of the current rayon pool; the result is the same to the last bit.
///
/// The first axis is divided; below 2¹⁶ entries nothing is.
///
/// # Panics
/// As [`softmax`].
pub fn softmax_parallel<T: Scalar>(x: &[T], shape: [usize; 3], out: &mut [T]) {
    check(shape, x.len(), out.len(), x.len());
    divided(x, shape, out, parts(x), softmax);
}

fn check([before, n, after]: [usize; 3], x: usize, out: usize, expected: usize) {
    assert!(x == before * n * after, "softmax: x has {x} entries for shape [{before}, {n}, {after}]");
    assert!(out == expected, "softmax: out has {out} entries instead of {expected}");
}

/// Parts of the work: two for each thread.
fn parts<T>(x: &[T]) -> usize {
    if x.len() < PARALLEL { 1 } else { 2 * rayon::current_num_threads() }
}

/// Divides the first axis into so many parts at most.
fn divided<T: Scalar>(x: &[T], shape: [usize; 3], out: &mut [T], parts: usize, work: fn(&[T], [usize; 3], &mut [T])) {
    let [before, n, after] = shape;
    if parts < 2 || before < 2 {
        return work(x, shape, out);
    }
    let (half, each) = (before / 2, out.len() / before);
    let (x0, x1) = x.split_at(half * n * after);
    let (out0, out1) = out.split_at_mut(half * each);
    rayon::join(
        || divided(x0, [half, n, after], out0, parts / 2, work),
        || divided(x1, [before - half, n, after], out1, parts - parts / 2, work),
    );
}

fn strips(m: usize) -> impl Iterator<Item = Range<usize>> {
    (0..m).step_by(STRIP).map(move |start| start..(start + STRIP).min(m))
}

/// ln Σ e^{x − shift} + shift.
fn logarithm<T: Scalar>(sum: T, shift: T) -> T {
    struct Sum<T>(T, T);
    impl<T: Scalar> Kernel for Sum<T> {
        type Output = T;

        #[inline(always)]
        fn run<F: Contraction>(self) -> T {
            self.0.logarithm::<F>() + self.1
        }
    }
    dispatch(Sum(sum, shift))
}

/// Of numbers that all are limited to finite ones, the largest: x − m is then −∞, finite or +∞ as x is.
fn largest<T: Scalar>(x: &[T]) -> T {
    let mut out = [T::zero()];
    crate::reduce::maximum(x, [1, x.len(), 1], &mut out);
    out[0].limited()
}

/// Sum of one row that is at most a chunk, as [`crate::reduce::total`] adds.
#[inline(always)]
fn sum_of<T: Scalar>(row: &[T]) -> T {
    let add = |a: T, b: T| a + b;
    if row.len() <= BLOCK {
        return line(row, T::zero(), add);
    }
    let mut sums = [T::zero(); CHUNK / BLOCK];
    for (sum, block) in sums.iter_mut().zip(row.chunks(BLOCK)) {
        *sum = line(block, T::zero(), add);
    }
    combine(&sums[..row.len().div_ceil(BLOCK)])
}

/// `to` = e^{x − m} for the limited largest entry m of each row, which goes to `shift`.
#[inline(always)]
fn exponentials<T: Scalar, F: Contraction>(x: &[T], n: usize, shift: &mut [T], to: &mut [T]) {
    for ((x, y), m) in x.chunks_exact(n).zip(to.chunks_exact_mut(n)).zip(shift) {
        *m = line(x, T::round_from(f64::NEG_INFINITY), larger).limited();
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x - *m;
        }
    }
    // Rows of few entries in one loop, so that vectors are full.
    for y in to {
        *y = y.exponential::<F>();
    }
}

/// ln Σ eˣ of some rows.
struct Logarithms<'a, T> {
    x: &'a [T],
    n: usize,
    buffer: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Logarithms<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        let mut shift = [T::zero(); ROWS];
        exponentials::<T, F>(self.x, self.n, &mut shift, self.buffer);
        for (y, row) in self.out.iter_mut().zip(self.buffer.chunks_exact(self.n)) {
            *y = sum_of(row);
        }
        for (y, &m) in self.out.iter_mut().zip(&shift) {
            *y = y.logarithm::<F>() + m;
        }
    }
}

/// The softmax of some rows.
struct Quotients<'a, T> {
    x: &'a [T],
    n: usize,
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Quotients<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        exponentials::<T, F>(self.x, self.n, &mut [T::zero(); ROWS], self.out);
        for row in self.out.chunks_exact_mut(self.n) {
            let factor = T::one() / sum_of(row);
            for y in row {
                *y *= factor;
            }
        }
    }
}

/// Σ e^{x − shift} of a row of any length, and the exponentials to `out`.
fn sum_of_long<T: Scalar>(x: &[T], shift: T, out: Option<&mut [T]>, buffer: &mut [T; CHUNK]) -> T {
    if x.len() > CHUNK {
        let half = x.len().div_ceil(BLOCK) / 2 * BLOCK;
        let (first, second) = out.map(|out| out.split_at_mut(half)).unzip();
        return sum_of_long(&x[..half], shift, first, buffer) + sum_of_long(&x[half..], shift, second, buffer);
    }
    dispatch(Piece { x, shift, to: out.unwrap_or(&mut buffer[..x.len()]) })
}

/// Part of a long row; returns the sum of its exponentials.
struct Piece<'a, T> {
    x: &'a [T],
    shift: T,
    to: &'a mut [T],
}

impl<T: Scalar> Kernel for Piece<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<F: Contraction>(self) -> T {
        for (y, &x) in self.to.iter_mut().zip(self.x) {
            *y = (x - self.shift).exponential::<F>();
        }
        sum_of(self.to)
    }
}

/// Limited largest entries of some columns; the first entries of the result.
fn largest_of_columns<T: Scalar>(x: &[T], m: usize, columns: Range<usize>) -> [T; STRIP] {
    let mut all = [T::round_from(f64::NEG_INFINITY); STRIP];
    dispatch(Largest { x, m, columns, all: &mut all });
    all.map(T::limited)
}

struct Largest<'a, T> {
    x: &'a [T],
    m: usize,
    columns: Range<usize>,
    all: &'a mut [T; STRIP],
}

impl<T: Scalar> Kernel for Largest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        let mut all = *self.all;
        for row in self.x.chunks_exact(self.m) {
            let row = &row[self.columns.clone()];
            if let Some(row) = row.first_chunk::<STRIP>() {
                for k in 0..STRIP {
                    all[k] = larger(all[k], row[k]);
                }
            } else {
                for (y, &x) in all.iter_mut().zip(row) {
                    *y = larger(*y, x);
                }
            }
        }
        *self.all = all;
    }
}

/// Σ e^{x − shift} of some columns over rows of length `m`, and the exponentials to `out`; the first entries of the result.
fn sum_of_columns<T: Scalar>(
    x: &[T],
    m: usize,
    columns: Range<usize>,
    shift: &[T; STRIP],
    out: Option<&mut [T]>,
    buffer: &mut [T; CHUNK],
) -> [T; STRIP] {
    let n = x.len() / m;
    if n > STRAIGHT {
        let half = n / 2 * m;
        let (first, second) = out.map(|out| out.split_at_mut(half)).unzip();
        let mut sum = sum_of_columns(&x[..half], m, columns.clone(), shift, first, buffer);
        for (s, a) in sum.iter_mut().zip(sum_of_columns(&x[half..], m, columns, shift, second, buffer)) {
            *s += a;
        }
        return sum;
    }
    let mut sum = [T::zero(); STRIP];
    dispatch(Columns { x, m, columns, shift, out, buffer, sum: &mut sum });
    sum
}

/// A strip of some rows.
struct Columns<'a, T> {
    x: &'a [T],
    m: usize,
    columns: Range<usize>,
    shift: &'a [T; STRIP],
    out: Option<&'a mut [T]>,
    buffer: &'a mut [T; CHUNK],
    sum: &'a mut [T; STRIP],
}

impl<T: Scalar> Kernel for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(mut self) {
        let (m, columns) = (self.m, self.columns);
        let width = columns.len();
        let rows = CHUNK / width;
        for (group, x) in self.x.chunks(rows * m).enumerate() {
            // Narrow strips side by side in the buffer, so that vectors are full.
            let buffer = &mut self.buffer[..x.len() / m * width];
            for (to, row) in buffer.chunks_exact_mut(width).zip(x.chunks_exact(m)) {
                for ((y, &x), &shift) in to.iter_mut().zip(&row[columns.clone()]).zip(self.shift) {
                    *y = x - shift;
                }
            }
            for y in buffer.iter_mut() {
                *y = y.exponential::<F>();
            }
            for row in buffer.chunks_exact(width) {
                for (sum, &y) in self.sum.iter_mut().zip(row) {
                    *sum += y;
                }
            }
            if let Some(out) = &mut self.out {
                let out = &mut out[group * rows * m..][..x.len()];
                for (to, row) in out.chunks_exact_mut(m).zip(buffer.chunks_exact(width)) {
                    to[columns.clone()].copy_from_slice(row);
                }
            }
        }
    }
}

/// Multiplies some columns of rows of length `m`, of which the last may be short, by a factor each.
struct Scale<'a, T> {
    out: &'a mut [T],
    m: usize,
    columns: Range<usize>,
    factors: &'a [T],
}

impl<T: Scalar> Kernel for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        for row in self.out.chunks_mut(self.m) {
            let columns = self.columns.start..self.columns.end.min(row.len());
            for (y, &factor) in row[columns].iter_mut().zip(self.factors) {
                *y *= factor;
            }
        }
    }
}
