//! The kernels of one instruction set as a table of functions, and the choice of the table at run time.

use super::simd::{Portable, Vector};
use super::tile::{Tile, TileFn, tile};
use super::{pack, vector};

/// All that differs between instruction sets.
pub struct Engine<T: 'static> {
    /// Entries of a register.
    pub(super) lanes: usize,
    /// `tiles[m - 1][vectors - 1]` for whole vectors of columns.
    pub(super) tiles: &'static [[TileFn<T>; VECTORS]],
    /// The same where the last vector is cut short.
    pub(super) edges: &'static [[TileFn<T>; VECTORS]],
    /// The same two for a packed left operand.
    pub(super) packed_tiles: &'static [[TileFn<T>; VECTORS]],
    pub(super) packed_edges: &'static [[TileFn<T>; VECTORS]],
    /// Distance of the columns of a packed strip of the left operand.
    pub(super) step: usize,
    pub(super) pack_transposed: unsafe fn(usize, usize, *const T, usize, *mut T, usize),
    pub(super) copy_rows: unsafe fn(usize, usize, *const T, usize, *mut T, usize),
    pub(super) dot_rows: unsafe fn(&vector::DotRows<T>),
    pub(super) combine_rows: unsafe fn(&vector::CombineRows<T>),
    pub(super) outer: unsafe fn(&vector::Outer<T>),
}

/// Vectors in a row of the widest tile. Two, so that fourteen rows of them fill 28 of the 32 registers of AVX-512 and six rows
/// 12 of the 16 of AVX2: each broadcast entry of the left operand is then used twice, and loads stay below one in two
/// multiplications, which is what the processors sustain.
pub(super) const VECTORS: usize = 2;

impl<T> Engine<T> {
    /// Rows of the tallest tile.
    pub(super) fn rows(&self) -> usize {
        self.tiles.len()
    }

    /// Columns of the widest tile.
    pub(super) fn columns(&self) -> usize {
        VECTORS * self.lanes
    }
}

/// The table of one vector type; `$rows` counts the rows of the tiles, each inside functions that enable `$features`.
macro_rules! engine {
    ($module:ident, $V:ty, $T:ty, $(#[$enable:meta])? [$($m:literal)*]) => {
        pub(super) mod $module {
            use super::*;

            $(#[$enable])?
            unsafe fn tile_of<const M: usize, const N: usize, const EDGE: bool, const STEP: usize>(t: &Tile<$T>) {
                // SAFETY: passed on to the caller, who has chosen this table for this machine.
                unsafe { tile::<$V, M, N, EDGE, STEP>(t) }
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

            const STEP: usize = [$($m),*].len().next_multiple_of(<$V>::LANES);

            pub(in crate::gemm) static ENGINE: Engine<$T> = Engine {
                lanes: <$V>::LANES,
                tiles: &[$([tile_of::<$m, 1, false, 0>, tile_of::<$m, 2, false, 0>]),*],
                edges: &[$([tile_of::<$m, 1, true, 0>, tile_of::<$m, 2, true, 0>]),*],
                packed_tiles: &[$([tile_of::<$m, 1, false, STEP>, tile_of::<$m, 2, false, STEP>]),*],
                packed_edges: &[$([tile_of::<$m, 1, true, STEP>, tile_of::<$m, 2, true, STEP>]),*],
                step: STEP,
                pack_transposed,
                copy_rows,
                dot_rows,
                combine_rows,
                outer,
            };
        }
    };
}

engine!(portable_f32, Portable<f32>, f32, [1 2 3 4]);
engine!(portable_f64, Portable<f64>, f64, [1 2 3 4]);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::x86::{F32x8, F32x16, F64x4, F64x8};
    use super::*;

    engine!(avx512_f32, F32x16, f32, #[target_feature(enable = "avx512f,avx512dq,avx2,fma")] [1 2 3 4 5 6 7 8 9 10 11 12 13 14]);
    engine!(avx512_f64, F64x8, f64, #[target_feature(enable = "avx512f,avx512dq,avx2,fma")] [1 2 3 4 5 6 7 8 9 10 11 12 13 14]);
    engine!(avx2_f32, F32x8, f32, #[target_feature(enable = "avx2,fma")] [1 2 3 4 5 6]);
    engine!(avx2_f64, F64x4, f64, #[target_feature(enable = "avx2,fma")] [1 2 3 4 5 6]);
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::super::neon::{F32x4, F64x2};
    use super::*;

    engine!(neon_f32, F32x4, f32, [1 2 3 4 5 6 7 8 9 10 11 12]);
    engine!(neon_f64, F64x2, f64, [1 2 3 4 5 6 7 8 9 10 11 12]);
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
