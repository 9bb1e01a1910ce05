//! The kernels of one instruction set as a table of functions, and the choice of the table at run time.

use super::simd::{Portable, Vector};
use super::tile::{Tile, TileFn, tile};
use super::{pack, vector};

/// All that differs between instruction sets.
pub struct Engine<T: 'static> {
    /// Entries of a register.
    pub(super) lanes: usize,
    /// Tiles for a left operand of which rows lie in one piece.
    pub(super) over_rows: Tiles<T>,
    /// Tiles for a left operand of which columns do.
    pub(super) over_columns: Tiles<T>,
    pub(super) pack_transposed: unsafe fn(usize, usize, *const T, usize, *mut T, usize),
    pub(super) copy_rows: unsafe fn(usize, usize, *const T, usize, *mut T, usize),
    pub(super) dot_rows: unsafe fn(&vector::DotRows<T>),
    pub(super) combine_rows: unsafe fn(&vector::CombineRows<T>),
    pub(super) outer: unsafe fn(&vector::Outer<T>),
}

/// Tiles by width and height, from 1 on without gaps: `whole[vectors - 1][m - 1]`. Of each width the tallest has as many sums
/// as registers allow. The wider, the fewer instructions: of AVX-512 a tile of 14 × 2 vectors takes 16 loads for 28
/// multiplications, one of 8 × 3 11 for 24, one of 6 × 4 10 for 24.
pub(super) struct Tiles<T: 'static> {
    /// For whole vectors of columns.
    pub whole: &'static [&'static [TileFn<T>]],
    /// Where the last vector is cut short; the same ones, if masks cost nothing.
    pub edge: &'static [&'static [TileFn<T>]],
}

impl<T> Engine<T> {
    /// Vectors in a row of the widest tile.
    pub(super) fn vectors(&self) -> usize {
        self.over_rows.whole.len()
    }

    /// Rows of the widest tile.
    pub(super) fn rows(&self) -> usize {
        self.over_rows.whole[self.vectors() - 1].len()
    }

    /// Columns of the widest tile.
    pub(super) fn columns(&self) -> usize {
        self.vectors() * self.lanes
    }

    /// Distance of the columns of a packed strip of the left operand: whole vectors with room for a tile.
    pub(super) fn step(&self) -> usize {
        self.rows().next_multiple_of(self.lanes)
    }

    /// Rows of a packed strip of the left operand: as many whole tiles as there is room for.
    pub(super) fn strip(&self) -> usize {
        self.step() / self.rows() * self.rows()
    }
}

/// The table of one vector type, inside functions that enable its instructions: for each number of vectors in a row the heights
/// of the tiles.
macro_rules! engine {
    ($module:ident, $V:ty, $T:ty, $(#[$enable:meta])? $($n:literal: [$($m:literal)*])*) => {
        pub(super) mod $module {
            use super::*;

            $(#[$enable])?
            unsafe fn tile_of<const M: usize, const N: usize, const EDGE: bool, const COLUMNS: bool>(t: &Tile<$T>) {
                // SAFETY: passed on to the caller, who has chosen this table for this machine.
                unsafe { tile::<$V, M, N, EDGE, COLUMNS>(t) }
            }
            $(#[$enable])?
            unsafe fn pack_transposed(k: usize, n: usize, from: *const $T, row: usize, to: *mut $T, width: usize) {
                // SAFETY: as above.
                unsafe { pack::transposed::<$V>(k, n, from, row, to, width) }
            }
            $(#[$enable])?
            unsafe fn copy_rows(k: usize, n: usize, from: *const $T, row: usize, to: *mut $T, width: usize) {
                // SAFETY: as above.
                unsafe { pack::copy_rows::<$V>(k, n, from, row, to, width) }
            }
            $(#[$enable])?
            unsafe fn dot_rows(x: &vector::DotRows<$T>) {
                // SAFETY: as above.
                unsafe { vector::dot_rows::<$V>(x) }
            }
            $(#[$enable])?
            unsafe fn combine_rows(x: &vector::CombineRows<$T>) {
                // SAFETY: as above.
                unsafe { vector::combine_rows::<$V>(x) }
            }
            $(#[$enable])?
            unsafe fn outer(x: &vector::Outer<$T>) {
                // SAFETY: as above.
                unsafe { vector::outer::<$V>(x) }
            }

            pub(in crate::gemm) static ENGINE: Engine<$T> = Engine {
                lanes: <$V>::LANES,
                over_rows: Tiles {
                    whole: &[$(&[$(tile_of::<$m, $n, { <$V>::FREE_MASKS }, false>),*]),*],
                    edge: &[$(&[$(tile_of::<$m, $n, true, false>),*]),*],
                },
                over_columns: Tiles {
                    whole: &[$(&[$(tile_of::<$m, $n, { <$V>::FREE_MASKS }, true>),*]),*],
                    edge: &[$(&[$(tile_of::<$m, $n, true, true>),*]),*],
                },
                pack_transposed,
                copy_rows,
                dot_rows,
                combine_rows,
                outer,
            };
        }
    };
}

engine!(portable_f32, Portable<f32>, f32, 1: [1 2 3 4] 2: [1 2 3 4]);
engine!(portable_f64, Portable<f64>, f64, 1: [1 2 3 4] 2: [1 2 3 4]);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::x86::{F32x8, F32x16, F64x4, F64x8};
    use super::*;

    engine!(avx512_f32, F32x16, f32, #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
        1: [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
        2: [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
        3: [1 2 3 4 5 6 7 8]
        4: [1 2 3 4 5 6]);
    engine!(avx512_f64, F64x8, f64, #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
        1: [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
        2: [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
        3: [1 2 3 4 5 6 7 8]
        4: [1 2 3 4 5 6]);
    engine!(avx2_f32, F32x8, f32, #[target_feature(enable = "avx2,fma")] 1: [1 2 3 4 5 6] 2: [1 2 3 4 5 6]);
    engine!(avx2_f64, F64x4, f64, #[target_feature(enable = "avx2,fma")] 1: [1 2 3 4 5 6] 2: [1 2 3 4 5 6]);
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::super::neon::{F32x4, F64x2};
    use super::*;

    engine!(neon_f32, F32x4, f32, 1: [1 2 3 4 5 6 7 8 9 10 11 12] 2: [1 2 3 4 5 6 7 8 9 10 11 12]);
    engine!(neon_f64, F64x2, f64, 1: [1 2 3 4 5 6 7 8 9 10 11 12] 2: [1 2 3 4 5 6 7 8 9 10 11 12]);
}

/// Every table that runs on this machine, the fastest first.
macro_rules! engines {
    ($name:ident, $T:ty, $avx512:ident, $avx2:ident, $neon:ident, $portable:ident) => {
        pub(crate) fn $name() -> impl Iterator<Item = &'static Engine<$T>> {
            #[cfg(target_arch = "x86_64")]
            let native = {
                let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                let avx512 = avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
                [avx512.then_some(&x86::$avx512::ENGINE), avx2.then_some(&x86::$avx2::ENGINE)]
            };
            #[cfg(target_arch = "aarch64")]
            let native = [Some(&arm::$neon::ENGINE)];
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            let native = [None];
            native.into_iter().flatten().chain([&$portable::ENGINE])
        }
    };
}
engines!(engines_f32, f32, avx512_f32, avx2_f32, neon_f32, portable_f32);
engines!(engines_f64, f64, avx512_f64, avx2_f64, neon_f64, portable_f64);
