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
    /// Entry (i, p) of the left operand is `a[i · a_row + p · a_step]`, where one of the distances is 1: `a_row` for a kernel
    /// over columns, else `a_step`.
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
    /// 1, or −1 to subtract.
    pub sign: T,
}

/// Length of the inner axis from which the result is fetched into the cache before the sums: a large result has left the
/// first caches since the block before, and its lines would arrive one after the other at the end of every tile.
const PREFETCH: usize = 64;

/// A tile of fixed size.
pub(super) type TileFn<T> = unsafe fn(&Tile<T>);

/// Steps along the inner axis between two looks at the counter, and between two moves of the pointers to rows of the left
/// operand. A tile of 6 × 4 vectors then takes 36 instructions a step, of which 24 multiply. While the other thread of a core
/// is at work, decoding binds: in `f32` on Sapphire Rapids 168 × 256 · 256 × 768 went from 106 to 120 GFLOP/s.
const UNROLL: usize = 4;

/// Sums of a tile from which its steps are unrolled: smaller ones are those of small products.
const UNROLLED: usize = 10;

/// Rows of the tallest tile that [`rows!`] knows.
const TALLEST: usize = 14;

/// Repeats statements for the rows below M. Written out rather than a loop, because the compiler unrolls a loop of more than
/// ten rows only after it has put the sums into memory.
macro_rules! rows {
    ($M:ident, $i:ident => $body:block) => {
        rows!(@ $M, $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $M:ident, $i:ident, $body:block, $($row:literal)*) => {
        $(if $row < $M {
            const $i: usize = $row;
            $body
        })*
    };
}

/// The same pointer, about which the compiler knows nothing.
#[inline(always)]
#[cfg_attr(
    any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))),
    expect(unused_mut, reason = "only asm writes to it")
)]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is read or written through the pointer")]
fn opaque<T>(mut p: *const T) -> *const T {
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    // SAFETY: a comment is no instruction, so the register keeps the pointer.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) p, options(pure, nomem, nostack, preserves_flags));
    }
    p
}

/// Computes a tile of M rows and N vectors of columns, the last of them `last` entries wide if `EDGE`, else full.
///
/// With `COLUMNS` the entries of a column of the left operand lie side by side (`a_row` is 1), else those of a row.
///
/// # Safety
/// The machine has the instructions of V, and all entries named by the tile are valid.
#[inline(always)]
pub(super) unsafe fn tile<V: Vector, const M: usize, const N: usize, const EDGE: bool, const COLUMNS: bool>(
    t: &Tile<V::Scalar>,
) {
    // SAFETY: the caller vouches for the instructions and for m rows of a, k rows of b and m rows of out, of which only the
    // columns in the tile are accessed. Pointers advance past the last row by wrapping arithmetic and are not read there.
    unsafe {
        const { assert!(M <= TALLEST) }
        let mask = V::mask(t.last);
        let mut sums = [[V::zero(); N]; M];
        // Every third row has a pointer of its own; those between are reached by adding the distance once or twice, as the
        // instruction does for nothing. The pointers are hidden from the compiler, which would otherwise keep one for each row,
        // and those that find no register in memory: for fourteen rows five more loads at each step than the sixteen needed.
        let mut a: [*const V::Scalar; 5] = std::array::from_fn(|group| t.a.wrapping_add(3 * group * t.a_row));
        let mut b = t.b;
        if t.k >= PREFETCH {
            rows!(M, I => {
                for j in 0..N {
                    V::prefetch(t.out.wrapping_add(I * t.out_row + j * V::LANES));
                }
            });
        }
        // One step along the inner axis, at this distance from the pointers to rows.
        macro_rules! step {
            ($p:expr) => {{
                let mut row = [V::zero(); N];
                for j in 0..N {
                    let at = b.add(j * V::LANES);
                    row[j] = if EDGE && j == N - 1 { V::load_some(mask, at) } else { V::load(at) };
                }
                rows!(M, I => {
                    let x = V::splat(if COLUMNS { *a[0].add(I) } else { *a[I / 3].add(I % 3 * t.a_row + $p) });
                    for j in 0..N {
                        sums[I][j] = x.mul_add(row[j], sums[I][j]);
                    }
                });
                b = opaque(b.wrapping_add(t.b_row));
                if COLUMNS {
                    a[0] = opaque(a[0].wrapping_add(t.a_step));
                }
            }};
        }
        macro_rules! advance {
            ($by:expr) => {
                for (group, a) in a.iter_mut().enumerate() {
                    if !COLUMNS && 3 * group < M {
                        *a = opaque(a.wrapping_add($by));
                    }
                }
            };
        }
        let mut rest = t.k;
        if M * N >= UNROLLED {
            const { assert!(UNROLL == 4) }
            for _ in 0..t.k / UNROLL {
                step!(0);
                step!(1);
                step!(2);
                step!(3);
                advance!(UNROLL);
            }
            rest %= UNROLL;
        }
        for _ in 0..rest {
            step!(0);
            advance!(1);
        }
        if t.update == Update::Replace {
            rows!(M, I => {
                for j in 0..N {
                    let to = t.out.add(I * t.out_row + j * V::LANES);
                    if EDGE && j == N - 1 { sums[I][j].store_some(mask, to) } else { sums[I][j].store(to) }
                }
            });
        } else {
            // ±1 · sum + old is rounded once, as old ± sum is.
            let sign = V::splat(t.sign);
            rows!(M, I => {
                for j in 0..N {
                    let to = t.out.add(I * t.out_row + j * V::LANES);
                    if EDGE && j == N - 1 {
                        sign.mul_add(sums[I][j], V::load_some(mask, to)).store_some(mask, to);
                    } else {
                        sign.mul_add(sums[I][j], V::load(to)).store(to);
                    }
                }
            });
        }
    }
}
