//! The innermost kernel: a small tile of the result in registers, over one block of the inner axis.
//!
//! The law on which everything else rests: an entry of the tile is Σ a[i, p] · b[p, j] summed by one accumulator in the order
//! of p, from zero, and only then put to or added to the result. So it does not depend on the size of the tile, on its place,
//! on which operand was packed, nor on how the result is divided between threads.

use super::Update;
use super::simd::Vector;

/// One tile: `m` rows (fixed by the function it is passed to) and some columns of the result.
pub(super) struct Tile<T> {
    /// Length of the block of the inner axis.
    pub k: usize,
    /// Entry (i, p) of the left operand is `a[i · a_row + p · a_step]`.
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    /// Entry (p, j) of the right operand is `b[p · b_row + j]`.
    pub b: *const T,
    pub b_row: usize,
    /// Entry (i, j) of the result is `out[i · out_row + j]`.
    pub out: *mut T,
    pub out_row: usize,
    /// Columns in the last vector, from 1 to all of its lanes.
    pub last: usize,
    pub update: Update,
}

/// A tile of fixed size.
pub(super) type TileFn<T> = unsafe fn(&Tile<T>);

/// Computes a tile of M rows and N vectors of columns, the last of them `last` entries wide if `EDGE`, else full.
///
/// # Safety
/// The machine has the instructions of V, and all entries named by the tile are valid.
#[inline(always)]
pub(super) unsafe fn tile<V: Vector, const M: usize, const N: usize, const EDGE: bool>(t: &Tile<V::Scalar>) {
    // SAFETY: the caller vouches for the instructions and for m rows of a, k rows of b and m rows of out, of which only the
    // columns in the tile are accessed. Pointers advance past the last row by wrapping arithmetic and are not read there.
    unsafe {
        let mask = V::mask(t.last);
        let mut sums = [[V::zero(); N]; M];
        let (mut a, mut b) = (t.a, t.b);
        for _ in 0..t.k {
            let mut row = [V::zero(); N];
            for j in 0..N {
                let at = b.add(j * V::LANES);
                row[j] = if EDGE && j == N - 1 { V::load_some(mask, at) } else { V::load(at) };
            }
            for i in 0..M {
                let x = V::splat(*a.add(i * t.a_row));
                for j in 0..N {
                    sums[i][j] = x.mul_add(row[j], sums[i][j]);
                }
            }
            a = a.wrapping_add(t.a_step);
            b = b.wrapping_add(t.b_row);
        }
        for i in 0..M {
            for j in 0..N {
                let to = t.out.add(i * t.out_row + j * V::LANES);
                let edge = EDGE && j == N - 1;
                let old = || if edge { V::load_some(mask, to) } else { V::load(to) };
                let new = match t.update {
                    Update::Replace => sums[i][j],
                    Update::Add => old().add(sums[i][j]),
                    Update::Subtract => old().sub(sums[i][j]),
                };
                if edge { new.store_some(mask, to) } else { new.store(to) }
            }
        }
    }
}
