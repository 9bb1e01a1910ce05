//! Convolution by unfolding: blocks of patches become the rows of a matrix, and a matrix product does the rest.
//!
//! (Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.)

use super::Geometry;
use crate::Scalar;
use crate::gemm::{Product, Update};
use std::ops::Range;

/// Entries of unfolded patches that are multiplied at once: a quarter of a megabyte of `f64`, which any second-level cache
/// holds. The speed measured for 2¹⁴ to 2¹⁷ entries differs by less than the noise of the machine.
const BLOCK: usize = 1 << 15;

impl Geometry {
    /// Patches in a block. At least 64, because a product of fewer rows does not repay packing the kernel.
    fn block(&self) -> usize {
        (BLOCK / self.columns().max(1)).max(64).min(self.patches())
    }

    /// All patches in blocks.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (step, end) = (self.block().max(1), self.patches());
        (0..end).step_by(step).map(move |start| start..(start + step).min(end))
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

/// Entries of working memory that each of the three contractions needs.
pub fn scratch_len<T: Scalar>(geometry: &Geometry) -> usize {
    let of = |patches: Range<usize>| {
        let all = [geometry.results(patches.len()), geometry.rows(patches.len()), geometry.kernels(patches.len())];
        all.iter().map(Product::scratch::<T>).max().unwrap_or(0)
    };
    geometry.block() * geometry.columns() + geometry.blocks().map(of).max().unwrap_or(0)
}

/// Writes to `y` the convolution of the images `x` with the kernel `w`, ∂τ/∂y.
///
/// `y` is [n, output height, output width, channels out]; `scratch` has at least [`scratch_len`] entries, whatever they
/// hold. Costs 2 · [`multiplications`](Geometry::multiplications) operations, at the speed of a matrix product where a group
/// has several channels; one channel a group ("depthwise") runs at a fiftieth of it.
///
/// # Panics
/// If the lengths of the slices are not those of the geometry.
///
/// ```
/// use kernels::convolution::{Geometry, forward, scratch_len};
/// // Differences of neighbours: a 1 × 4 image, a 1 × 2 kernel.
/// let geometry = Geometry {
///     images: 1,
///     size: [1, 4],
///     channels_in: 1,
///     channels_out: 1,
///     kernel: [1, 2],
///     stride: [1, 1],
///     padding: [(0, 0); 2],
///     dilation: [1, 1],
///     groups: 1,
/// };
/// let (mut y, mut scratch) = ([0.0; 3], vec![0.0; scratch_len(&geometry)]);
/// forward(&geometry, &[1.0, 4.0, 9.0, 16.0], &[-1.0, 1.0], &mut y, &mut scratch);
/// assert_eq!(y, [3.0, 5.0, 7.0]);
/// ```
pub fn forward<T: Scalar>(geometry: &Geometry, x: &[T], w: &[T], y: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let channels = geometry.channels_out;
    let (rows, scratch) = scratch.split_at_mut(geometry.block() * geometry.columns());
    for patches in geometry.blocks() {
        let rows = &mut rows[..patches.len() * geometry.columns()];
        let block = &mut y[patches.start * channels..patches.end * channels];
        for group in 0..geometry.groups {
            geometry.unfold(group, patches.clone(), x, rows);
            let start = geometry.outputs(group).start;
            let product = geometry.results(patches.len());
            product.run(
                Update::Replace,
                rows,
                w.get(start..).unwrap_or_default(),
                block.get_mut(start..).unwrap_or_default(),
                scratch,
            );
        }
    }
}

/// Writes to `x` the transpose of the convolution with respect to its images, ∂τ/∂x: every entry of `y` spreads over the
/// patch it came from. Also known as transposed convolution.
///
/// Working memory, cost and panics are those of [`forward`]. Entries of `x` that no patch covers become 0.
pub fn input<T: Scalar>(geometry: &Geometry, y: &[T], w: &[T], x: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let channels = geometry.channels_out;
    let (rows, scratch) = scratch.split_at_mut(geometry.block() * geometry.columns());
    x.fill(T::zero());
    for patches in geometry.blocks() {
        let rows = &mut rows[..patches.len() * geometry.columns()];
        let block = &y[patches.start * channels..patches.end * channels];
        for group in 0..geometry.groups {
            let start = geometry.outputs(group).start;
            geometry.rows(patches.len()).run(
                Update::Replace,
                block.get(start..).unwrap_or_default(),
                w.get(start..).unwrap_or_default(),
                rows,
                scratch,
            );
            geometry.fold(group, patches.clone(), rows, x);
        }
    }
}

/// Writes to `w` the transpose of the convolution with respect to its kernel, ∂τ/∂w: the correlation of images and result.
///
/// Working memory, cost and panics are those of [`forward`].
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
            geometry.kernels(patches.len()).run(
                Update::Add,
                rows,
                block.get(start..).unwrap_or_default(),
                w.get_mut(start..).unwrap_or_default(),
                scratch,
            );
        }
    }
}
