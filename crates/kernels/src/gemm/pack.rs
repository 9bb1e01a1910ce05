//! Copies of operands in the order in which the kernels read them.
//!
//! The right operand is cut into strips as wide as a tile, each stored row after row, so that a tile reads one stretch of
//! memory; the last strip ends with zeros up to a whole vector. The left operand, of which single entries are read, keeps
//! its order; copying it only brings far rows together.

use super::simd::Vector;

/// Writes the transpose of `from`, n rows of k entries, to k rows of `width` entries: the first n of each, zeros up to a whole
/// number of vectors.
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
            let mut p = 0;
            if columns == V::LANES {
                while p + V::DEPTH <= k {
                    V::transpose(from.add(p), row, to.add(p * width), width);
                    p += V::DEPTH;
                }
            }
            while p < k {
                let to = to.add(p * width);
                if columns < V::LANES {
                    V::zero().store(to);
                }
                for column in 0..columns {
                    *to.add(column) = *from.add(column * row + p);
                }
                p += 1;
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
