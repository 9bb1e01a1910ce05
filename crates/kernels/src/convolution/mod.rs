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
//! How each runs, unless the kernel is large: a strip of rows of an image is copied with zeros around it, small enough to stay in the cache, so that no
//! loop asks where the image ends. Result and images are swept by a tile of several pixels × one or two registers of channels
//! (`stencil`), the kernel is summed in a tile of several of its entries × one or two registers of channels (`correlate`). A
//! tile stays in registers and every number read from the strip serves a whole register of channels; with few channels,
//! neighbouring pixels are taken together as channels of one. The images that a strided convolution came from are swept
//! class by class of their position modulo the stride (`sweep`), so that no zero is inserted anywhere.
//!
//! Tiles go through the whole kernel for every strip. One that the caches do not hold, of some hundred channels in and out, is better
//! multiplied as a matrix by blocks of unfolded patches ([`unfold`]): which way is taken depends on the geometry alone.
//!
//! Work above some 2¹⁹ multiplications runs on the threads of the current rayon pool, images and strips apart; of a kernel that is
//! multiplied as a matrix, the products of blocks above 2²². Results do not depend on the number of threads: the sum over images, for
//! the kernel, is cut into parts by the geometry alone, which are added in pairs, and blocks follow one after the other. (With the
//! feature `blas` large products are the library's.)
//!
//! An infinite or NaN entry of the images spoils the entries of the result that read it and no others, and likewise backwards.
//! Padding is zeros that may be multiplied: where it meets an entry of the kernel or the result that is not finite, that is NaN or left
//! out.
//!
//! [`naive`] is the definition. `cargo bench -p jetgrad-kernels --bench convolution` measures both ways and what is taken.

mod correlate;
mod geometry;
mod lanes;
pub mod naive;
mod parts;
mod stencil;
mod sweep;
#[cfg(test)]
mod tests;
pub mod unfold;

pub use geometry::Geometry;
pub use lanes::Lanes;

use crate::Scalar;
use sweep::Sweep;

/// Entries of working memory that each of the three contractions needs, and with which it keeps a pool of so many threads at work.
pub fn scratch_len<T: Scalar>(geometry: &Geometry, threads: usize) -> usize {
    let (forward, input) = (Sweep::forward(geometry), Sweep::input(geometry));
    let (unfolds, sums_unfolded) = (geometry.gains_by_unfolding(), geometry.gains_as_sum());
    let tiles = stencil::scratch_len(geometry, &forward).max(stencil::scratch_len(geometry, &input));
    [
        if unfolds { 0 } else { tiles },
        if sums_unfolded { 0 } else { correlate::scratch_len(geometry, &forward) },
        if unfolds || sums_unfolded { unfold::scratch_len::<T>(geometry, threads) } else { 0 },
    ]
    .into_iter()
    .max()
    .unwrap_or(0)
}

/// Writes to `y` the convolution of the images `x` with the kernel `w`, ∂τ/∂y.
///
/// `y` is [n, output height, output width, channels out]; `scratch` has at least [`scratch_len`] entries, whatever they
/// hold. Costs 2 · [`multiplications`](Geometry::multiplications) operations, at the speed of a matrix product where a group
/// has as many channels as a register holds numbers; one channel a group ("depthwise") leaves all but one of them unused.
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
/// let (mut y, mut scratch) = ([0.0; 3], vec![0.0; scratch_len::<f64>(&geometry, 1)]);
/// forward(&geometry, &[1.0, 4.0, 9.0, 16.0], &[-1.0, 1.0], &mut y, &mut scratch);
/// assert_eq!(y, [3.0, 5.0, 7.0]);
/// ```
pub fn forward<T: Scalar>(geometry: &Geometry, x: &[T], w: &[T], y: &mut [T], scratch: &mut [T]) {
    if geometry.gains_by_unfolding() {
        return unfold::forward(geometry, x, w, y, scratch);
    }
    geometry.check(x, w, y);
    stencil::run(geometry, &Sweep::forward(geometry), false, x, w, y, scratch);
}

/// Writes to `x` the transpose of the convolution with respect to its images, ∂τ/∂x: every entry of `y` spreads over the
/// patch it came from. Also known as transposed convolution.
///
/// Working memory, cost and panics are those of [`forward`]. Entries of `x` that no patch covers become 0.
pub fn input<T: Scalar>(geometry: &Geometry, y: &[T], w: &[T], x: &mut [T], scratch: &mut [T]) {
    if geometry.gains_by_unfolding() {
        return unfold::input(geometry, y, w, x, scratch);
    }
    geometry.check(x, w, y);
    stencil::run(geometry, &Sweep::input(geometry), true, y, w, x, scratch);
}

/// Writes to `w` the transpose of the convolution with respect to its kernel, ∂τ/∂w: the correlation of images and result.
///
/// Working memory, cost and panics are those of [`forward`].
pub fn kernel<T: Scalar>(geometry: &Geometry, x: &[T], y: &[T], w: &mut [T], scratch: &mut [T]) {
    if geometry.gains_as_sum() {
        return unfold::kernel(geometry, x, y, w, scratch);
    }
    geometry.check(x, w, y);
    correlate::run(geometry, &Sweep::forward(geometry), x, y, w, scratch);
}
