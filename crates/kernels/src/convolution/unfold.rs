//! Convolution by unfolding: blocks of patches become the rows of a matrix, and a matrix product does the rest.
//!
//! (Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.)
//!
//! Blocks follow one after the other; threads share the unfolding and the product of each.

use super::Geometry;
use crate::Scalar;
use crate::gemm::{Product, Update};
use rayon::prelude::*;
use std::ops::Range;

/// Entries of unfolded patches that are multiplied at once: a megabyte of `f64`, which second-level caches hold. The speed
/// measured for 2¹⁴ to 2¹⁷ entries differs by less than the noise of the machine, and the product of so many is worth dividing among
/// threads from [`WIDE`] channels on.
const BLOCK: usize = 1 << 17;

/// Entries of a group's kernel from which on the tiles of the other way, which read the kernel again for every few rows of an
/// image, no longer find it in the second-level cache. With 128 channels in and out and 3 × 3 entries, 2¹⁷, tiles take 0.92 of the
/// time, with 256, 2¹⁹, 1.1 to 1.7, with 512 3.7.
const LARGE: usize = 1 << 18;

/// The same for the sum over pixels that makes a kernel, of which tiles write every entry for every few rows of an image, if a group
/// has [`WIDE`] channels. Of kernels with 2¹² entries tiles take 0.9 of the time, with 2¹⁴ 1.2 in `f32` and 1.4 in `f64`.
const LARGE_SUM: usize = 1 << 14;

/// Output channels of a group from which on several threads share the product of a block, and copies of patches are small beside it.
const WIDE: usize = 64;

/// Entries that a thread unfolds at once, in some five microseconds.
const SHARE: usize = 1 << 14;

impl Geometry {
    /// Whether results, and images from them, are computed faster by unfolding.
    pub(super) fn gains_by_unfolding(&self) -> bool {
        self.is_wide() && self.kernel_len() / self.groups >= LARGE
    }

    /// Whether kernels are.
    pub(super) fn gains_as_sum(&self) -> bool {
        self.is_wide() && self.kernel_len() / self.groups >= LARGE_SUM
    }

    fn is_wide(&self) -> bool {
        self.channels_out / self.groups >= WIDE
    }

    /// Patches in a block. At least 64, because a product of fewer rows does not repay reading the kernel.
    fn block(&self) -> usize {
        (BLOCK / self.columns().max(1)).max(64).min(self.patches())
    }

    /// All patches in blocks.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (step, end) = (self.block().max(1), self.patches());
        (0..end).step_by(step).map(move |start| start..(start + step).min(end))
    }

    /// Entries of the kernel once packed, where it is: a block of one patch is multiplied in another way.
    fn packed_len<T: Scalar>(&self, product: impl Fn(&Geometry, usize) -> Product) -> usize {
        let (block, patches) = (self.block(), self.patches());
        let several = patches > block && patches % block != 1 && self.groups == 1;
        let product = product(self, block);
        if several && product.packs_b::<T>() { product.packed_len::<T>() } else { 0 }
    }

    /// Output channels of a group.
    fn outputs(&self, group: usize) -> Range<usize> {
        let n = self.channels_out / self.groups;
        group * n..(group + 1) * n
    }

    /// Unfolded patches times the kernel of a group.
    fn results(&self, patches: usize) -> Product {
        let (columns, channels) = (self.columns(), self.channels_out);
        Product::new(patches, channels / self.groups, columns).rows_apart(columns, channels, channels)
    }

    /// Results of a group times its transposed kernel.
    fn rows(&self, patches: usize) -> Product {
        let (columns, channels) = (self.columns(), self.channels_out);
        Product::new(patches, columns, channels / self.groups).trans_b(true).rows_apart(channels, channels, columns)
    }

    /// Transposed unfolded patches times results of a group.
    fn kernels(&self, patches: usize) -> Product {
        let (columns, channels) = (self.columns(), self.channels_out);
        Product::new(columns, channels / self.groups, patches).trans_a(true).rows_apart(columns, channels, channels)
    }

    /// Indices into the kernel along `axis` that meet the image, not its padding, at place `o` of the result.
    fn inside(&self, axis: usize, o: usize) -> Range<usize> {
        let (low, offset, dilation) = (self.padding[axis].0, o * self.stride[axis], self.dilation[axis]);
        let end = (self.size[axis] + low).saturating_sub(offset).div_ceil(dilation).min(self.kernel[axis]);
        low.saturating_sub(offset).div_ceil(dilation).min(end)..end
    }

    /// Calls `visit(p, x, length)` for every run of entries that the unfolded patches have at p.. and the images at x...
    #[inline]
    fn for_each_run(&self, group: usize, patches: Range<usize>, mut visit: impl FnMut(usize, usize, usize)) {
        let [out_height, out_width] = self.output();
        let channels = self.channels_in / self.groups;
        // Along a row of the kernel entries follow each other in the image where nothing is left out between them.
        let joined = self.groups == 1 && self.dilation[1] == 1;
        for (row, patch) in patches.enumerate() {
            let (image, p, q) = (patch / (out_height * out_width), patch / out_width % out_height, patch % out_width);
            let across = self.inside(1, q);
            if across.is_empty() {
                continue;
            }
            for i in self.inside(0, p) {
                let y = p * self.stride[0] + i * self.dilation[0] - self.padding[0].0;
                let pixel = (image * self.size[0] + y) * self.size[1];
                let column = (row * self.kernel[0] + i) * self.kernel[1];
                let x = |j: usize| pixel + q * self.stride[1] + j * self.dilation[1] - self.padding[1].0;
                if joined {
                    visit((column + across.start) * channels, x(across.start) * channels, across.len() * channels);
                } else {
                    for j in across.clone() {
                        visit((column + j) * channels, x(j) * self.channels_in + group * channels, channels);
                    }
                }
            }
        }
    }

    /// Writes patches of the images to the rows of a matrix, zeros where they reach into the padding.
    fn unfold<T: Scalar>(&self, group: usize, patches: Range<usize>, images: &[T], rows: &mut [T]) {
        if rayon::current_num_threads() == 1 || rows.len() < 2 * SHARE {
            return self.unfold_some(group, patches, images, rows);
        }
        let some = SHARE.div_ceil(self.columns());
        rows.par_chunks_mut(some * self.columns()).enumerate().for_each(|(i, rows)| {
            let start = patches.start + i * some;
            self.unfold_some(group, start..(start + some).min(patches.end), images, rows);
        });
    }

    fn unfold_some<T: Scalar>(&self, group: usize, patches: Range<usize>, images: &[T], rows: &mut [T]) {
        if self.padding != [(0, 0); 2] {
            rows.fill(T::zero());
        }
        self.for_each_run(group, patches, |p, x, length| {
            // A loop, because most runs are too short to repay a call of memcpy.
            for (to, &from) in rows[p..p + length].iter_mut().zip(&images[x..x + length]) {
                *to = from;
            }
        });
    }

    /// Adds the rows of a matrix to the images at the places of their patches: the transpose of unfolding.
    fn fold<T: Scalar>(&self, group: usize, patches: Range<usize>, rows: &[T], images: &mut [T]) {
        self.for_each_run(group, patches, |p, x, length| {
            for (to, &from) in images[x..x + length].iter_mut().zip(&rows[p..p + length]) {
                *to += from;
            }
        });
    }
}

/// Entries of working memory that each of the three contractions needs, and with which it keeps a pool of so many threads at work.
pub fn scratch_len<T: Scalar>(geometry: &Geometry, threads: usize) -> usize {
    let products: [fn(&Geometry, usize) -> Product; 3] = [Geometry::results, Geometry::rows, Geometry::kernels];
    let of = |patches: usize| {
        products.iter().map(|product| product(geometry, patches).scratch_parallel::<T>(threads)).max().unwrap_or(0)
    };
    let packed = products[..2].iter().map(|product| geometry.packed_len::<T>(product)).max().unwrap_or(0);
    let lengths = [geometry.block(), geometry.patches() % geometry.block().max(1)];
    geometry.block() * geometry.columns() + packed + lengths.into_iter().map(of).max().unwrap_or(0)
}

/// Products of blocks of rows with the kernel of a group, packed once where that gains.
struct Kernel<'a, T> {
    w: &'a [T],
    packed: Option<&'a [T]>,
}

impl<'a, T: Scalar> Kernel<'a, T> {
    /// With its packed form at the beginning of `scratch`, of which it returns the rest.
    fn new(
        geometry: &Geometry,
        product: fn(&Geometry, usize) -> Product,
        w: &'a [T],
        scratch: &'a mut [T],
    ) -> (Kernel<'a, T>, &'a mut [T]) {
        let length = geometry.packed_len::<T>(product);
        let (packed, scratch) = scratch.split_at_mut(length);
        if length == 0 {
            return (Kernel { w, packed: None }, scratch);
        }
        product(geometry, geometry.block()).pack_b(w, packed);
        (Kernel { w, packed: Some(packed) }, scratch)
    }

    /// out = a · op(kernel), of the channels from `start` on.
    fn multiply(&self, product: Product, a: &[T], start: usize, out: &mut [T], scratch: &mut [T]) {
        match self.packed {
            Some(packed) => product.run_packed_parallel(Update::Replace, a, packed, out, scratch),
            None => product.run_parallel(Update::Replace, a, self.w.get(start..).unwrap_or_default(), out, scratch),
        }
    }
}

/// As [`forward`](super::forward), with [`scratch_len`] entries of working memory; a copy of every patch, and the products of matrices.
///
/// # Panics
/// If the lengths of the slices are not those of the geometry.
pub fn forward<T: Scalar>(geometry: &Geometry, x: &[T], w: &[T], y: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let channels = geometry.channels_out;
    let (rows, scratch) = scratch.split_at_mut(geometry.block() * geometry.columns());
    let (kernel, scratch) = Kernel::new(geometry, Geometry::results, w, scratch);
    for patches in geometry.blocks() {
        let rows = &mut rows[..patches.len() * geometry.columns()];
        let block = &mut y[patches.start * channels..patches.end * channels];
        for group in 0..geometry.groups {
            geometry.unfold(group, patches.clone(), x, rows);
            let start = geometry.outputs(group).start;
            let block = block.get_mut(start..).unwrap_or_default();
            kernel.multiply(geometry.results(patches.len()), rows, start, block, scratch);
        }
    }
}

/// As [`input`](super::input), with [`scratch_len`] entries of working memory. Padding is left out, not multiplied.
///
/// # Panics
/// Those of [`forward`].
pub fn input<T: Scalar>(geometry: &Geometry, y: &[T], w: &[T], x: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let channels = geometry.channels_out;
    let (rows, scratch) = scratch.split_at_mut(geometry.block() * geometry.columns());
    let (kernel, scratch) = Kernel::new(geometry, Geometry::rows, w, scratch);
    x.fill(T::zero());
    for patches in geometry.blocks() {
        let rows = &mut rows[..patches.len() * geometry.columns()];
        let block = &y[patches.start * channels..patches.end * channels];
        for group in 0..geometry.groups {
            let start = geometry.outputs(group).start;
            let block = block.get(start..).unwrap_or_default();
            kernel.multiply(geometry.rows(patches.len()), block, start, rows, scratch);
            geometry.fold(group, patches.clone(), rows, x);
        }
    }
}

/// As [`kernel`](super::kernel), with [`scratch_len`] entries of working memory.
///
/// # Panics
/// Those of [`forward`].
pub fn kernel<T: Scalar>(geometry: &Geometry, x: &[T], y: &[T], w: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let channels = geometry.channels_out;
    let (rows, scratch) = scratch.split_at_mut(geometry.block() * geometry.columns());
    w.fill(T::zero());
    for patches in geometry.blocks() {
        let rows = &mut rows[..patches.len() * geometry.columns()];
        let block = &y[patches.start * channels..patches.end * channels];
        for group in 0..geometry.groups {
            geometry.unfold(group, patches.clone(), x, rows);
            let start = geometry.outputs(group).start;
            geometry.kernels(patches.len()).run_parallel(
                Update::Add,
                rows,
                block.get(start..).unwrap_or_default(),
                w.get_mut(start..).unwrap_or_default(),
                scratch,
            );
        }
    }
}
