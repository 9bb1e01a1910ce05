//! Copies of operands in the order in which the kernels read them.
//!
//! The right operand is cut into strips at most as wide as a tile, of nearly equal numbers of vectors, each stored row after row,
//! so that a tile reads one stretch of memory; the last vector is filled up with numbers that do not reach the result. The left
//! operand is cut into strips of one or several tiles' rows, as many as a column of whole vectors holds, each stored column after
//! column.

use super::simd::Vector;

/// Writes the transpose of `from`, n rows of k entries, to k rows of `width` entries: the first n of each, any numbers up
/// to a whole number of vectors.
///
/// # Safety
/// The machine has the instructions of V; the entries named are valid, where n rounds up to at most `width`.
#[inline(always)]
pub(super) unsafe fn transposed<V: Vector>(
    k: usize,
    n: usize,
    from: *const V::Scalar,
    row: usize,
    to: *mut V::Scalar,
    width: usize,
) {
    // SAFETY: j stays below n and p below k in `from`; j below n rounded up to whole vectors in `to`.
    unsafe {
        for j in (0..n).step_by(V::LANES) {
            let (from, to) = (from.add(j * row), to.add(j));
            let columns = (n - j).min(V::LANES);
            let whole = k / V::DEPTH * V::DEPTH;
            for p in (0..whole).step_by(V::DEPTH) {
                V::transpose(from.add(p), row, columns, to.add(p * width), width);
            }
            for p in whole..k {
                for column in 0..V::LANES {
                    *to.add(p * width + column) = *from.add(column.min(columns - 1) * row + p);
                }
            }
        }
    }
}

/// Copies k rows of n entries, `row` apart, to rows that are `width` apart, with zeros up to a whole number of vectors.
///
/// # Safety
/// The machine has the instructions of V; the entries named are valid, where n rounds up to at most `width`.
#[inline(always)]
pub(super) unsafe fn copy_rows<V: Vector>(
    k: usize,
    n: usize,
    from: *const V::Scalar,
    row: usize,
    to: *mut V::Scalar,
    width: usize,
) {
    let whole = n / V::LANES * V::LANES;
    // SAFETY: columns stay below n in `from`, below n rounded up to whole vectors in `to`.
    unsafe {
        for p in 0..k {
            let (from, to) = (from.add(p * row), to.add(p * width));
            for j in (0..whole).step_by(V::LANES) {
                V::load(from.add(j)).store(to.add(j));
            }
            if whole < n {
                V::load_some(V::mask(n - whole), from.add(whole)).store(to.add(whole));
            }
        }
    }
}
