//! Copies that change the layout: broadcasting and permuting axes.

use crate::Scalar;
use smallvec::SmallVec;

/// Repeats `x` of shape `from` to shape `to`; axes are aligned at the end, axes of length 1 and missing ones repeat.
///
/// # Panics
/// If the slices do not have the lengths that the shapes say, except that a single entry fills `out` whatever its length.
///
/// ```
/// let mut out = [0.0; 6];
/// kernels::layout::broadcast(&[1.0, 2.0], &[2, 1], &mut out, &[2, 3]);
/// assert_eq!(out, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
/// ```
pub fn broadcast<T: Scalar>(x: &[T], from: &[usize], out: &mut [T], to: &[usize]) {
    if x.len() == 1 {
        out.fill(x[0]);
        return;
    }
    if out.is_empty() {
        return;
    }
    // Source stride of every axis of the result; 0 repeats.
    let missing = to.len() - from.len();
    let stride = |axis: usize| -> usize {
        match axis.checked_sub(missing) {
            Some(a) if from[a] != 1 => from[a + 1..].iter().product(),
            _ => 0,
        }
    };
    strided(x, to, stride, out);
}

/// Axis i of `out` is axis `axes[i]` of `x`, which has this shape.
///
/// # Panics
/// If a slice is shorter than its shape says, or `axes` names no axis of it.
///
/// ```
/// let mut out = [0.0; 6];
/// kernels::layout::permute(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], &[1, 0], &mut out);
/// assert_eq!(out, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// ```
pub fn permute<T: Scalar>(x: &[T], shape: &[usize], axes: &[usize], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    if let [.., a, b] = axes
        && *a + 1 == shape.len()
        && *b + 2 == shape.len()
        && axes[..axes.len() - 2].iter().enumerate().all(|(i, &axis)| i == axis)
    {
        let (n, m) = (shape[*b], shape[*a]);
        for (from, to) in x.chunks_exact(n * m).zip(out.chunks_exact_mut(n * m)) {
            transpose(from, n, m, to);
        }
        return;
    }
    let lengths: SmallVec<[usize; 8]> = axes.iter().map(|&a| shape[a]).collect();
    strided(x, &lengths, |axis| shape[axes[axis] + 1..].iter().product(), out);
}

/// Transposes an n × m matrix in tiles that fit the cache.
fn transpose<T: Scalar>(x: &[T], n: usize, m: usize, out: &mut [T]) {
    const TILE: usize = 16;
    for i0 in (0..n).step_by(TILE) {
        for j0 in (0..m).step_by(TILE) {
            for j in j0..(j0 + TILE).min(m) {
                for i in i0..(i0 + TILE).min(n) {
                    out[j * n + i] = x[i * m + j];
                }
            }
        }
    }
}

/// Fills `out`, row-major of `shape`, from `x` read with the given stride for each axis.
fn strided<T: Scalar>(x: &[T], shape: &[usize], stride: impl Fn(usize) -> usize, out: &mut [T]) {
    // A single number has no axis.
    let Some(inner) = shape.len().checked_sub(1) else { return out.copy_from_slice(&x[..1]) };
    let (length, step) = (shape[inner], stride(inner));
    for (r, row) in out.chunks_exact_mut(length).enumerate() {
        let (mut rest, mut from) = (r, 0);
        for axis in (0..inner).rev() {
            from += rest % shape[axis] * stride(axis);
            rest /= shape[axis];
        }
        match step {
            0 => row.fill(x[from]),
            1 => row.copy_from_slice(&x[from..from + length]),
            _ => {
                for (i, y) in row.iter_mut().enumerate() {
                    *y = x[from + i * step];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(shape: &[usize], mut flat: usize) -> Vec<usize> {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = flat % shape[axis];
            flat /= shape[axis];
        }
        index
    }

    fn flat(shape: &[usize], index: &[usize]) -> usize {
        index.iter().zip(shape).fold(0, |f, (i, n)| f * n + i)
    }

    #[test]
    fn permutations_move_every_entry() {
        let shape = [2, 3, 20, 5];
        let x: Vec<f64> = (0..600).map(f64::from).collect();
        for axes in [[0, 1, 2, 3], [0, 1, 3, 2], [3, 2, 1, 0], [1, 0, 2, 3], [2, 3, 0, 1]] {
            let to: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
            let mut out = vec![0.0; 600];
            permute(&x, &shape, &axes, &mut out);
            for (i, &y) in out.iter().enumerate() {
                let at = index(&to, i);
                let mut from = [0; 4];
                for (k, &a) in axes.iter().enumerate() {
                    from[a] = at[k];
                }
                assert_eq!(y, x[flat(&shape, &from)]);
            }
        }
    }

    #[test]
    fn broadcasts_repeat_every_entry() {
        for (from, to) in
            [(&[3][..], &[2, 3][..]), (&[2, 1], &[2, 3]), (&[1], &[4]), (&[2, 1, 3], &[5, 2, 4, 3]), (&[], &[2])]
        {
            let x: Vec<f64> = (0..from.iter().product::<usize>()).map(|i| i as f64).collect();
            let mut out = vec![-1.0; to.iter().product()];
            broadcast(&x, from, &mut out, to);
            for (i, &y) in out.iter().enumerate() {
                let at = index(to, i);
                let at: Vec<usize> =
                    at[to.len() - from.len()..].iter().zip(from).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
                assert_eq!(y, x[flat(from, &at)]);
            }
        }
    }
}
