//! Sums and largest entries over axes, on the vector units.
//!
//! Sums are pairwise, so that the rounding error grows with the logarithm of the length: a line is cut into blocks of
//! [`BLOCK`] entries, which are summed in 32 running sums; columns are summed row by row up to 128 rows and
//! pairwise above, where rows of up to 32 columns are taken several at once. Axes with others between them are summed one after
//! the other. The order of additions depends on the shape only, not on the machine.

use crate::Scalar;
use crate::vector::{Contraction, Kernel, dispatch};
use smallvec::SmallVec;

/// Rows up to which columns are summed straight.
const STRAIGHT: usize = 128;

/// Length of the blocks that a long line is cut into: each is summed in lanes, of which each adds 8 entries.
pub const BLOCK: usize = 256;

/// Running sums of a block: four vectors of the widest.
const LANES: usize = 32;

/// Neighbouring axes of one kind, which act as one: whether they are summed, and their length.
type Runs = SmallVec<[(bool, usize); 8]>;

fn join(runs: impl IntoIterator<Item = (bool, usize)>) -> Runs {
    let mut joined = Runs::new();
    for (summed, length) in runs {
        match joined.last_mut() {
            Some((kind, n)) if *kind == summed => *n *= length,
            _ => joined.push((summed, length)),
        }
    }
    joined
}

fn runs(shape: &[usize], axes: &[usize]) -> Runs {
    join(shape.iter().enumerate().map(|(axis, &length)| (axes.contains(&axis), length)))
}

/// The innermost run that is summed.
struct Inner {
    before: usize,
    length: usize,
    after: usize,
    /// The runs without it, if these are summed too.
    rest: Option<Runs>,
}

impl Inner {
    fn of(runs: &Runs) -> Option<Inner> {
        let at = runs.iter().rposition(|&(summed, _)| summed)?;
        let size = |runs: &[(bool, usize)]| runs.iter().map(|&(_, n)| n).product();
        let rest = join(runs[..at].iter().chain(&runs[at + 1..]).copied());
        Some(Inner {
            before: size(&runs[..at]),
            length: runs[at].1,
            after: size(&runs[at + 1..]),
            rest: rest.iter().any(|&(summed, _)| summed).then_some(rest),
        })
    }
}

/// Entries of working memory that [`sum`] needs: none, unless axes that are kept lie between axes that are summed.
pub fn sum_scratch(shape: &[usize], axes: &[usize]) -> usize {
    let (mut runs, mut entries) = (runs(shape, axes), 0);
    while let Some(Inner { before, after, rest: Some(rest), .. }) = Inner::of(&runs) {
        entries += before * after;
        runs = rest;
    }
    entries
}

/// Sums `x`, row-major of `shape`, over `axes` (ascending) into `out`.
///
/// Neighbouring axes at once, the innermost first; `scratch` has at least [`sum_scratch`] entries, whatever they hold. The order of
/// additions depends on the shape only.
///
/// ```
/// use kernels::reduce::{sum, sum_scratch};
/// let mut out = [0.0; 2];
/// let mut scratch = vec![0.0; sum_scratch(&[2, 2, 2], &[0, 2])];
/// sum(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &[2, 2, 2], &[0, 2], &mut out, &mut scratch);
/// assert_eq!(out, [14.0, 22.0]);
/// ```
///
/// # Panics
/// If the scratch is too short.
pub fn sum<T: Scalar>(x: &[T], shape: &[usize], axes: &[usize], out: &mut [T], scratch: &mut [T]) {
    if x.is_empty() {
        return out.fill(T::zero());
    }
    sum_runs(x, runs(shape, axes), out, scratch);
}

fn sum_runs<T: Scalar>(x: &[T], runs: Runs, out: &mut [T], scratch: &mut [T]) {
    match Inner::of(&runs) {
        None => out.copy_from_slice(x),
        Some(Inner { length, after, rest: None, .. }) => sum_middle(x, length, after, out),
        Some(Inner { before, length, after, rest: Some(rest) }) => {
            let (sums, scratch) = scratch.split_at_mut(before * after);
            sum_middle(x, length, after, sums);
            sum_runs(sums, rest, out, scratch);
        }
    }
}

/// Sums over the middle one of three axes, the last two of these lengths.
fn sum_middle<T: Scalar>(x: &[T], n: usize, after: usize, out: &mut [T]) {
    match after {
        1 => lines(x, n, out),
        _ => x.chunks_exact(n * after).zip(out.chunks_exact_mut(after)).for_each(|(x, out)| rows(x, n, after, out)),
    }
}

/// Sum of all entries: of blocks of [`BLOCK`] entries, and pairwise of their sums as by [`combine`].
pub fn total<T: Scalar>(x: &[T]) -> T {
    if x.len() > BLOCK {
        let half = x.len().div_ceil(BLOCK) / 2 * BLOCK;
        return total(&x[..half]) + total(&x[half..]);
    }
    let mut out = [T::zero()];
    lines(x, x.len(), &mut out);
    out[0]
}

/// Sums of lines of length `n`.
fn lines<T: Scalar>(x: &[T], n: usize, out: &mut [T]) {
    match n {
        0 => out.fill(T::zero()),
        1..=BLOCK => dispatch(Lines { x, n, out, start: T::zero(), add: |a: T, b: T| a + b }),
        _ => out.iter_mut().zip(x.chunks_exact(n)).for_each(|(y, line)| *y = total(line)),
    }
}

/// The larger of two, and NaN if one is.
#[inline(always)]
fn larger<T: Scalar>(a: T, b: T) -> T {
    if b > a || b.is_not_a_number() { b } else { a }
}

/// Largest entries along the middle of three axes; NaN where one is NaN.
///
/// ```
/// use kernels::reduce::maximum;
/// let mut out = [0.0; 2];
/// maximum(&[1.0, 5.0, 3.0, 4.0, -1.0, 0.0], [2, 3, 1], &mut out);
/// assert_eq!(out, [5.0, 4.0]);
/// maximum(&[1.0, 5.0, 3.0, 4.0, -1.0, 0.0], [1, 3, 2], &mut out);
/// assert_eq!(out, [3.0, 5.0]);
/// ```
///
/// # Panics
/// If the middle axis is empty.
pub fn maximum<T: Scalar>(x: &[T], [before, n, after]: [usize; 3], out: &mut [T]) {
    assert!(n > 0, "an empty axis has no largest entry");
    if before * after == 0 {
        return;
    }
    if after == 1 {
        return dispatch(Lines { x, n, out, start: T::round_from(f64::NEG_INFINITY), add: larger });
    }
    dispatch(Columns { x, n, out, m: after, add: larger });
}

/// Lines of length `n`, each combined by [`line`].
struct Lines<'a, T, A> {
    x: &'a [T],
    n: usize,
    out: &'a mut [T],
    start: T,
    add: A,
}

impl<T: Scalar, A: Fn(T, T) -> T + Copy> Kernel for Lines<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        for (y, x) in self.out.iter_mut().zip(self.x.chunks_exact(self.n)) {
            *y = line(x, self.start, self.add);
        }
    }
}

/// Entries combined by an associative operation, of which `start` is neutral: lanes first, then the rest.
#[inline(always)]
fn line<T: Scalar>(x: &[T], start: T, add: impl Fn(T, T) -> T) -> T {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut sum = start;
    if let [first, chunks @ ..] = chunks {
        let mut lanes = *first;
        for chunk in chunks {
            for k in 0..LANES {
                lanes[k] = add(lanes[k], chunk[k]);
            }
        }
        let mut width = LANES / 2;
        while width > 0 {
            for k in 0..width {
                lanes[k] = add(lanes[k], lanes[k + width]);
            }
            width /= 2;
        }
        sum = lanes[0];
    }
    for &a in rest {
        sum = add(sum, a);
    }
    sum
}

/// Blocks of `n` rows of length `m`, combined row by row.
struct Columns<'a, T, A> {
    x: &'a [T],
    n: usize,
    m: usize,
    out: &'a mut [T],
    add: A,
}

impl<T: Scalar, A: Fn(T, T) -> T + Copy> Kernel for Columns<'_, T, A> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        let (n, m, add) = (self.n, self.m, self.add);
        for (block, out) in self.x.chunks_exact(n * m).zip(self.out.chunks_exact_mut(m)) {
            out.copy_from_slice(&block[..m]);
            for row in block.chunks_exact(m).skip(1) {
                for (y, &a) in out.iter_mut().zip(row) {
                    *y = add(*y, a);
                }
            }
        }
    }
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

/// Sum of `n` rows of length `m`, pairwise over rows, a strip of columns at a time. Several rows that fit a strip side by side are
/// added as one, and its parts at the end: otherwise a row would wait for the one before it.
fn rows<T: Scalar>(x: &[T], n: usize, m: usize, out: &mut [T]) {
    let group = (STRIP / m.max(1)).clamp(1, n.max(1));
    let (wide, width) = (n / group, group * m);
    for (strip, ys) in out.chunks_mut(STRIP).enumerate() {
        // One strip only, if rows are grouped.
        let columns = strip * STRIP..(strip * STRIP + ys.len() * group).min(width);
        let mut sums = strip_of_rows(&x[..wide * width], wide, width, columns);
        // The parts of a row, pairwise too, and the rows that are left over.
        let mut parts = group;
        while parts > 1 {
            let half = parts.div_ceil(2);
            let (left, right) = sums[..parts * ys.len()].split_at_mut(half * ys.len());
            left.iter_mut().zip(right).for_each(|(s, a)| *s += *a);
            parts = half;
        }
        ys.copy_from_slice(&sums[..ys.len()]);
        if wide * group < n {
            let rest = strip_of_rows(&x[wide * width..], n - wide * group, m, 0..m);
            ys.iter_mut().zip(rest).for_each(|(y, a)| *y += a);
        }
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
    dispatch(Strip { x, m, columns, sum: &mut sum });
    sum
}

/// Adds rows of length `m` to the sums of some columns.
struct Strip<'a, T> {
    x: &'a [T],
    m: usize,
    columns: std::ops::Range<usize>,
    sum: &'a mut [T; STRIP],
}

impl<T: Scalar> Kernel for Strip<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        match self.columns.len() {
            0..=16 => self.add::<16>(),
            17..=32 => self.add::<32>(),
            33..=48 => self.add::<48>(),
            _ => self.add::<STRIP>(),
        }
    }
}

impl<T: Scalar> Strip<'_, T> {
    /// Adds `W` entries of each row, in registers: those beyond the strip are of no use, and no harm.
    #[inline(always)]
    fn add<const W: usize>(self) {
        let mut sum: [T; W] = *self.sum.first_chunk().expect("no strip is wider");
        let mut rest = self.x.get(self.columns.start..).unwrap_or(&[]);
        while let Some(row) = rest.first_chunk::<W>() {
            (0..W).for_each(|k| sum[k] += row[k]);
            rest = rest.get(self.m..).unwrap_or(&[]);
        }
        // The last rows, behind which fewer entries follow.
        while !rest.is_empty() {
            for (s, &a) in sum.iter_mut().zip(&rest[..self.columns.len()]) {
                *s += a;
            }
            rest = rest.get(self.m..).unwrap_or(&[]);
        }
        self.sum[..W].copy_from_slice(&sum);
    }
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
    use crate::testing::affordable;

    #[test]
    fn sums_agree_with_the_naive_twin() {
        let shapes = [
            &[7][..],
            &[300],
            &[5, 200],
            &[200, 5],
            &[3, 130, 2],
            &[2, 3000],
            &[300, 100],
            // Several rows side by side, with rows left over.
            &[1000, 8],
            &[77, 16],
            &[50, 21],
            &[2, 3, 4, 5],
            &[3, 2, 70, 2, 3],
            &[0, 3],
            &[3, 0],
        ];
        for shape in affordable(shapes, |shape| shape.iter().product::<usize>()) {
            let size: usize = shape.iter().product();
            let x: Vec<f64> = (0..size).map(|i| (i as f64 * 0.7).sin()).collect();
            for mask in 0..1_usize << shape.len() {
                let axes: Vec<usize> = (0..shape.len()).filter(|a| mask >> a & 1 == 1).collect();
                let kept: usize = (0..shape.len()).filter(|a| mask >> a & 1 == 0).map(|a| shape[a]).product();
                let (mut fast, mut naive) = (vec![9.0; kept], vec![9.0; kept]);
                let mut scratch = vec![f64::NAN; sum_scratch(shape, &axes)];
                sum(&x, shape, &axes, &mut fast, &mut scratch);
                sum_naive(&x, shape, &axes, &mut naive);
                for (a, b) in fast.iter().zip(&naive) {
                    // Terms are below 1: the naive sum of n of them is off by at most n·n·2⁻⁵³.
                    assert!((a - b).abs() <= (size * size) as f64 * f64::EPSILON, "{shape:?} {axes:?}");
                }
            }
        }
    }

    #[test]
    fn maxima_agree_with_the_fold() {
        for shape in [[1, 1, 1], [3, 5, 1], [2, 40, 1], [2, 1100, 1], [2, 3, 70], [2, 90, 3], [0, 3, 2]] {
            let [before, n, after] = shape;
            let mut x: Vec<f64> = (0..before * n * after).map(|i| (i as f64 * 0.7).sin()).collect();
            for nan in [false, true] {
                if let (true, Some(last)) = (nan, x.last_mut()) {
                    *last = f64::NAN;
                }
                let mut out = vec![9.0; before * after];
                maximum(&x, shape, &mut out);
                for (i, &y) in out.iter().enumerate() {
                    let line = (0..n).map(|k| x[(i / after * n + k) * after + i % after]);
                    let naive =
                        line.fold(f64::NEG_INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) });
                    assert!(y == naive || (y.is_nan() && naive.is_nan()), "{shape:?} at {i}: {y} {naive}");
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "so many entries take hours")]
    fn long_sums_are_pairwise() {
        // 2²⁴ times 0.1 in single precision: a running sum is off by several percent, a pairwise one is not.
        let x = vec![0.1_f32; 1 << 24];
        let exact = f64::from(0.1_f32) * f64::from(1 << 24);
        assert!((f64::from(total(&x)) - exact).abs() / exact < 1e-6);
        let (mut middle, quarter) = ([0.0; 4], exact / 4.0);
        sum(&x, &[2, 1 << 22, 2], &[1], &mut middle, &mut []);
        assert!(middle.iter().all(|&y| (f64::from(y) - quarter).abs() / quarter < 1e-6), "{middle:?} {quarter}");
        // With an axis between, and three sums one after the other.
        for (shape, axes) in [(&[1 << 11, 4, 1 << 11][..], &[0, 2][..]), (&[1 << 7, 2, 1 << 8, 2, 1 << 7], &[0, 2, 4])]
        {
            let mut scratch = vec![0.0; sum_scratch(shape, axes)];
            sum(&x, shape, axes, &mut middle, &mut scratch);
            assert!(middle.iter().all(|&y| (f64::from(y) - quarter).abs() / quarter < 1e-6), "{middle:?} {quarter}");
        }
    }
}
