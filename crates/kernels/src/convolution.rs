//! Two-dimensional convolution and its two transposes, which are the same three-index sum read in three directions.
//!
//! A convolution is the trilinear form
//!
//! τ(x, w, y) = Σ x[n, p·s + i·d − low, q·s + j·d − low, c] · w[i, j, c, o] · y[n, p, q, o]
//!
//! summed over all places inside the image, with stride s and dilation d for each axis, and c, o running within a group.
//! [`forward`], [`input`] and [`kernel`] are its gradients with respect to y, x and w. There is no flip of the kernel
//! ("cross-correlation", as in all libraries for neural networks). Images are [n, height, width, channels], kernels are
//! [height, width, channels in / groups, channels out].
//!
//! Each contraction unfolds a block of patches into the rows of a matrix and multiplies (Chellapilla, Puri and Simard,
//! "High performance convolutional neural networks for document processing", 2006). The block is bounded, so that working
//! memory does not grow with the number of images.

use crate::Scalar;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, s};
use std::ops::Range;

/// Entries of unfolded patches that are multiplied at once: a quarter of a megabyte of `f64`, which any second-level cache
/// holds. The speed measured for 2¹⁴ to 2¹⁷ entries differs by less than the noise of the machine.
const BLOCK: usize = 1 << 15;

/// Sizes of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Number of images.
    pub images: usize,
    /// Height and width of an image.
    pub size: [usize; 2],
    /// Channels of an image; a multiple of the groups.
    pub channels_in: usize,
    /// Channels of the result; a multiple of the groups.
    pub channels_out: usize,
    /// Height and width of the kernel, at least 1.
    pub kernel: [usize; 2],
    /// Distance of neighbouring patches along each axis, at least 1.
    pub stride: [usize; 2],
    /// Zeros put before and after the image along each axis.
    pub padding: [(usize, usize); 2],
    /// Distance of neighbouring kernel entries along each axis, at least 1.
    pub dilation: [usize; 2],
    /// Number of groups of channels that do not mix, at least 1.
    pub groups: usize,
}

impl Geometry {
    /// Height and width of the result: ⌊(size + padding − span) / stride⌋ + 1, where the kernel spans
    /// dilation · (kernel − 1) + 1 entries; 0 if it spans more than the padded image has.
    ///
    /// ```
    /// # use kernels::convolution::Geometry;
    /// let geometry = Geometry {
    ///     images: 1,
    ///     size: [28, 27],
    ///     channels_in: 1,
    ///     channels_out: 8,
    ///     kernel: [5, 3],
    ///     stride: [2, 2],
    ///     padding: [(2, 2), (0, 0)],
    ///     dilation: [1, 1],
    ///     groups: 1,
    /// };
    /// assert_eq!(geometry.output(), [14, 13]);
    /// ```
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let padded = self.size[axis] + self.padding[axis].0 + self.padding[axis].1;
            let span = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            if span > padded { 0 } else { (padded - span) / self.stride[axis] + 1 }
        })
    }

    /// Entries of the images.
    pub fn image_len(&self) -> usize {
        self.images * self.size[0] * self.size[1] * self.channels_in
    }

    /// Entries of the kernel.
    pub fn kernel_len(&self) -> usize {
        self.columns() * self.channels_out
    }

    /// Entries of the result.
    pub fn output_len(&self) -> usize {
        self.patches() * self.channels_out
    }

    /// Multiplications of one contraction, those with padding included.
    pub fn multiplications(&self) -> usize {
        self.output_len() * self.columns()
    }

    /// Number of patches: places of the kernel over all images.
    fn patches(&self) -> usize {
        let [height, width] = self.output();
        self.images * height * width
    }

    /// Entries of a patch within one group.
    fn columns(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.channels_in / self.groups)
    }

    /// Patches in a block. At least 64, because a product of fewer rows does not repay packing the kernel.
    fn block(&self) -> usize {
        (BLOCK / self.columns().max(1)).max(64).min(self.patches())
    }

    /// All patches in blocks.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (step, end) = (self.block().max(1), self.patches());
        (0..end).step_by(step).map(move |start| start..(start + step).min(end))
    }

    /// Output channels of a group.
    fn outputs(&self, group: usize) -> Range<usize> {
        let n = self.channels_out / self.groups;
        group * n..(group + 1) * n
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

    fn check<T>(&self, x: &[T], w: &[T], y: &[T]) {
        let lengths = (self.image_len(), self.kernel_len(), self.output_len());
        assert_eq!((x.len(), w.len(), y.len()), lengths, "lengths of images, kernel and result of {self:?}");
    }
}

/// Entries of working memory that each of the three contractions needs.
pub fn scratch_len(geometry: &Geometry) -> usize {
    geometry.block() * geometry.columns()
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
    let (columns, channels) = (geometry.columns(), geometry.channels_out);
    let w = ArrayView2::from_shape((columns, channels), w).expect("length was checked");
    for patches in geometry.blocks() {
        let rows = &mut scratch[..patches.len() * columns];
        let block = &mut y[patches.start * channels..patches.end * channels];
        let mut block = ArrayViewMut2::from_shape((patches.len(), channels), block).expect("a row for each patch");
        for group in 0..geometry.groups {
            geometry.unfold(group, patches.clone(), x, rows);
            let rows = ArrayView2::from_shape((patches.len(), columns), &*rows).expect("a row for each patch");
            let outputs = geometry.outputs(group);
            let mut block = block.slice_mut(s![.., outputs.clone()]);
            general_mat_mul(T::one(), &rows, &w.slice(s![.., outputs]), T::zero(), &mut block);
        }
    }
}

/// Writes to `x` the transpose of the convolution with respect to its images, ∂τ/∂x: every entry of `y` spreads over the
/// patch it came from. Also known as transposed convolution.
///
/// Working memory, cost and panics are those of [`forward`]. Entries of `x` that no patch covers become 0.
pub fn input<T: Scalar>(geometry: &Geometry, y: &[T], w: &[T], x: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let (columns, channels) = (geometry.columns(), geometry.channels_out);
    let w = ArrayView2::from_shape((columns, channels), w).expect("length was checked");
    x.fill(T::zero());
    for patches in geometry.blocks() {
        let rows = &mut scratch[..patches.len() * columns];
        let block = &y[patches.start * channels..patches.end * channels];
        let block = ArrayView2::from_shape((patches.len(), channels), block).expect("a row for each patch");
        for group in 0..geometry.groups {
            let outputs = geometry.outputs(group);
            let (block, w) = (block.slice(s![.., outputs.clone()]), w.slice(s![.., outputs]));
            let mut matrix =
                ArrayViewMut2::from_shape((patches.len(), columns), &mut *rows).expect("a row for each patch");
            general_mat_mul(T::one(), &block, &w.t(), T::zero(), &mut matrix);
            geometry.fold(group, patches.clone(), rows, x);
        }
    }
}

/// Writes to `w` the transpose of the convolution with respect to its kernel, ∂τ/∂w: the correlation of images and result.
///
/// Working memory, cost and panics are those of [`forward`].
pub fn kernel<T: Scalar>(geometry: &Geometry, x: &[T], y: &[T], w: &mut [T], scratch: &mut [T]) {
    geometry.check(x, w, y);
    let (columns, channels) = (geometry.columns(), geometry.channels_out);
    w.fill(T::zero());
    let mut w = ArrayViewMut2::from_shape((columns, channels), w).expect("length was checked");
    for patches in geometry.blocks() {
        let rows = &mut scratch[..patches.len() * columns];
        let block = &y[patches.start * channels..patches.end * channels];
        let block = ArrayView2::from_shape((patches.len(), channels), block).expect("a row for each patch");
        for group in 0..geometry.groups {
            geometry.unfold(group, patches.clone(), x, rows);
            let rows = ArrayView2::from_shape((patches.len(), columns), &*rows).expect("a row for each patch");
            let outputs = geometry.outputs(group);
            let block = block.slice(s![.., outputs.clone()]);
            general_mat_mul(T::one(), &rows.t(), &block, T::one(), &mut w.slice_mut(s![.., outputs]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::{Arbitrary, Gen, quickcheck};

    /// The definition: calls `visit` with the indices into x, w and y of every term of τ.
    fn for_each_term(g: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
        let ([height, width], [kernel_height, kernel_width]) = (g.output(), g.kernel);
        let (inputs, outputs) = (g.channels_in / g.groups, g.channels_out / g.groups);
        let pixel = |axis: usize, p: usize, i: usize| {
            (p * g.stride[axis] + i * g.dilation[axis]).checked_sub(g.padding[axis].0).filter(|&y| y < g.size[axis])
        };
        for n in 0..g.images {
            for p in 0..height {
                for q in 0..width {
                    for i in 0..kernel_height {
                        for j in 0..kernel_width {
                            for c in 0..inputs {
                                for o in 0..g.channels_out {
                                    let (Some(y), Some(x)) = (pixel(0, p, i), pixel(1, q, j)) else {
                                        continue;
                                    };
                                    visit(
                                        ((n * g.size[0] + y) * g.size[1] + x) * g.channels_in
                                            + o / outputs * inputs
                                            + c,
                                        ((i * kernel_width + j) * inputs + c) * g.channels_out + o,
                                        ((n * height + p) * width + q) * g.channels_out + o,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    impl Arbitrary for Geometry {
        fn arbitrary(source: &mut Gen) -> Geometry {
            let mut below = |n: usize| usize::arbitrary(source) % n;
            let groups = 1 + below(3);
            let mut geometry = Geometry {
                images: below(4),
                size: [1 + below(9), 1 + below(9)],
                channels_in: groups * below(4),
                channels_out: groups * below(4),
                kernel: [1 + below(4), 1 + below(4)],
                stride: [1 + below(3), 1 + below(3)],
                padding: [(below(4), below(4)), (below(4), below(4))],
                dilation: [1 + below(3), 1 + below(3)],
                groups,
            };
            if below(3) == 0 {
                // The joined runs need both; leave the chance of that not to luck.
                (geometry.groups, geometry.dilation[1]) = (1, 1);
            }
            geometry
        }
    }

    /// Small whole numbers: all sums are exact, so kernel and twin agree to the last bit.
    fn numbers(length: usize, seed: usize) -> Vec<f64> {
        (0..length).map(|i| ((i * 5 + seed * 17 + i * i % 13) % 11) as f64 - 5.0).collect()
    }

    fn agrees(g: &Geometry) -> bool {
        let (x, w, y) = (numbers(g.image_len(), 1), numbers(g.kernel_len(), 2), numbers(g.output_len(), 3));
        let (mut dx, mut dw, mut dy) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; y.len()]);
        for_each_term(g, |i, j, k| {
            dx[i] += w[j] * y[k];
            dw[j] += x[i] * y[k];
            dy[k] += x[i] * w[j];
        });
        // What result and working memory held before must not matter.
        let stale = |length: usize| vec![f64::NAN; length];
        let mut scratch = stale(scratch_len(g));
        let (mut fast_x, mut fast_w, mut fast_y) = (stale(x.len()), stale(w.len()), stale(y.len()));
        forward(g, &x, &w, &mut fast_y, &mut scratch);
        scratch.fill(f64::NAN);
        input(g, &y, &w, &mut fast_x, &mut scratch);
        scratch.fill(f64::NAN);
        kernel(g, &x, &y, &mut fast_w, &mut scratch);
        (fast_x, fast_w, fast_y) == (dx, dw, dy)
    }

    quickcheck! {
        fn contractions_are_those_of_the_definition(geometry: Geometry) -> bool {
            agrees(&geometry)
        }
    }

    #[test]
    fn several_blocks_agree_with_the_definition() {
        // 3 · 30 · 29 patches of 5 · 5 · 6 entries: a dozen blocks, which begin and end within images.
        let geometry = Geometry {
            images: 3,
            size: [30, 29],
            channels_in: 6,
            channels_out: 2,
            kernel: [5, 5],
            stride: [1, 1],
            padding: [(2, 2); 2],
            dilation: [1, 1],
            groups: 1,
        };
        assert!(geometry.blocks().count() > 3);
        assert!(agrees(&geometry));
        assert!(agrees(&Geometry { groups: 2, ..geometry }));
    }

    #[test]
    fn stride_that_does_not_divide_leaves_the_last_pixels_out() {
        let geometry = Geometry {
            images: 1,
            size: [6, 7],
            channels_in: 1,
            channels_out: 1,
            kernel: [2, 2],
            stride: [3, 4],
            padding: [(0, 0); 2],
            dilation: [1, 1],
            groups: 1,
        };
        assert_eq!(geometry.output(), [2, 2]);
        assert!(agrees(&geometry));
        let mut x = vec![f64::NAN; 42];
        input(&geometry, &[1.0; 4], &[1.0; 4], &mut x, &mut vec![0.0; scratch_len(&geometry)]);
        assert_eq!(x.iter().sum::<f64>(), 16.0);
        assert!((0..7).all(|column| x[5 * 7 + column] == 0.0));
    }

    #[test]
    fn kernel_beyond_the_padded_image_gives_an_empty_result() {
        let geometry = Geometry {
            images: 2,
            size: [3, 3],
            channels_in: 1,
            channels_out: 2,
            kernel: [3, 2],
            stride: [1, 1],
            padding: [(0, 1), (0, 0)],
            dilation: [2, 1],
            groups: 1,
        };
        assert_eq!(geometry.output(), [0, 2]);
        assert!(agrees(&geometry));
    }
}
