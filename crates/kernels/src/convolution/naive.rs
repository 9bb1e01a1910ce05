//! The definition, term by term: what the fast contractions are tested against.

use super::Geometry;
use crate::Scalar;

/// Calls `visit` with the indices into x, w and y of every term of τ.
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
                        let (Some(y), Some(x)) = (pixel(0, p, i), pixel(1, q, j)) else {
                            continue;
                        };
                        for c in 0..inputs {
                            for o in 0..g.channels_out {
                                visit(
                                    ((n * g.size[0] + y) * g.size[1] + x) * g.channels_in + o / outputs * inputs + c,
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

/// [`forward`](super::forward) by its definition, term by term; some hundred times slower.
pub fn forward<T: Scalar>(geometry: &Geometry, x: &[T], w: &[T], y: &mut [T]) {
    y.fill(T::zero());
    for_each_term(geometry, |i, j, k| y[k] += x[i] * w[j]);
}

/// [`input`](super::input) by its definition.
pub fn input<T: Scalar>(geometry: &Geometry, y: &[T], w: &[T], x: &mut [T]) {
    x.fill(T::zero());
    for_each_term(geometry, |i, j, k| x[i] += w[j] * y[k]);
}

/// [`kernel`](super::kernel) by its definition.
pub fn kernel<T: Scalar>(geometry: &Geometry, x: &[T], y: &[T], w: &mut [T]) {
    w.fill(T::zero());
    for_each_term(geometry, |i, j, k| w[j] += x[i] * y[k]);
}
