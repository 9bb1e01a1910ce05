//! The contraction of images with a result: tiles of kernel entries × a block of channels, which stay in registers while all
//! pixels of a strip pass.

use super::Geometry;
use super::lanes::{Blocks, WIDEST, dispatch};
use super::parts::{for_each_part, sum_pairwise};
use super::sweep::{Class, Strip, Sweep};
use crate::Scalar;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Bound on the entries of the partial sums of all parts, one or two megabytes, for they are added up in the end. A larger
/// kernel has fewer parts, from 2¹⁷ entries on a single one. Chosen by that size, not measured.
const PARTIAL: usize = 1 << 18;

/// Parts of the sum over strips, each with its own kernel.
fn parts(g: &Geometry, sweep: &Sweep) -> usize {
    sweep.parts.min(PARTIAL / g.kernel_len().max(1)).max(1)
}

/// Entries of working memory of the contraction: a kernel and the region for every part.
pub(super) fn scratch_len(g: &Geometry, sweep: &Sweep) -> usize {
    (g.kernel_len() + sweep.region()) * parts(g, sweep)
}

/// Writes to `w` the sum of x · y over all pixels. `sweep` is the forward one.
pub(super) fn run<T: Scalar>(g: &Geometry, sweep: &Sweep, x: &[T], y: &[T], w: &mut [T], scratch: &mut [T]) {
    let mut sweep = *sweep;
    sweep.parts = parts(g, &sweep);
    let length = g.kernel_len();
    let (partial, regions) = scratch.split_at_mut(length * sweep.parts);
    let sum = |part: usize, partial: &mut [T], region: &mut [T]| {
        dispatch(Part { g, sweep: &sweep, part, x, y, w: partial, region });
    };
    if sweep.parts == 1 {
        return sum(0, w, regions);
    }
    for_each_part(sweep.parts, &|part| part * length, partial, sweep.region(), regions, &sum);
    sum_pairwise(partial, length);
    w.copy_from_slice(&partial[..length]);
}

/// The sum over some strips.
struct Part<'a, T> {
    g: &'a Geometry,
    sweep: &'a Sweep,
    part: usize,
    x: &'a [T],
    y: &'a [T],
    w: &'a mut [T],
    region: &'a mut [T],
}

impl<T: Scalar> WithSimd for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part { g, sweep, part, x, y, w, region } = self;
        w.fill(T::zero());
        if g.patches() == 0 {
            return;
        }
        let (a, b) = (sweep.rows.class(0), sweep.columns.class(0));
        for unit in sweep.units_of(part) {
            let (image, places) = sweep.unit(unit);
            for group in 0..sweep.groups {
                let strip = sweep.source(x, image, &places, group, region);
                for (start, width) in Blocks::wide(sweep.outer, T::lanes::<S>()) {
                    let first = group * sweep.outer + start;
                    let valid = width.min(sweep.outer - start);
                    let pixels = (image * sweep.rows.target + places.start) * sweep.columns.target;
                    let channels = g.channels_out;
                    let out = Out { w, first, valid, channels };
                    let y = Pixels { entries: &y[pixels * channels + first..], step: channels, valid };
                    let job = Job { sweep, a: &a, b: &b, strip: &strip, y, places: places.clone() };
                    if width > T::lanes::<S>() {
                        kernel_entries::<S, T, 2>(simd, &job, out);
                    } else {
                        kernel_entries::<S, T, 1>(simd, &job, out);
                    }
                }
            }
        }
    }
}

/// A block of channels of the result, pixel by pixel.
struct Pixels<'a, T> {
    entries: &'a [T],
    step: usize,
    valid: usize,
}

/// A block of channels of the kernel, to which is added.
struct Out<'a, T> {
    w: &'a mut [T],
    first: usize,
    valid: usize,
    channels: usize,
}

/// One strip with one block of channels.
struct Job<'a, T> {
    sweep: &'a Sweep,
    a: &'a Class,
    b: &'a Class,
    strip: &'a Strip<'a, T>,
    y: Pixels<'a, T>,
    places: Range<usize>,
}

/// All entries of a block of channels, a tile at a time.
#[inline(always)]
fn kernel_entries<S: Simd, T: Scalar, const N: usize>(simd: S, job: &Job<'_, T>, mut out: Out<'_, T>) {
    let (sweep, strip) = (job.sweep, job.strip);
    let joined = job.b.dilation == 1 && strip.pixel == sweep.inner;
    let (runs, length) = if joined { (1, job.b.count * sweep.inner) } else { (job.b.count, sweep.inner) };
    let steps = [job.a.dilation * strip.pitch, job.b.dilation * strip.pixel];
    if length == 3 && runs == 1 && job.a.count == 3 {
        // A 3 × 3 kernel of one channel: a line is too short to be a tile.
        tile::<S, T, 3, 3, N>(simd, job, 0, steps[0], 0, 3, &mut out);
        return;
    }
    if length == 5 && runs == 1 && job.a.count == 5 && N == 1 && S::REGISTER_COUNT >= 32 {
        tile::<S, T, 5, 5, N>(simd, job, 0, steps[0], 0, 5, &mut out);
        return;
    }
    for i in 0..job.a.count {
        for j in 0..runs {
            let (offset, row) = (i * steps[0] + j * steps[1], (i * runs + j) * length);
            let mut done = 0;
            while done < length {
                let (offset, row) = (offset + done, row + done);
                done += match length - done {
                    9 => tile::<S, T, 1, 9, N>(simd, job, offset, 0, row, 0, &mut out),
                    8.. => tile::<S, T, 1, 8, N>(simd, job, offset, 0, row, 0, &mut out),
                    6.. => tile::<S, T, 1, 6, N>(simd, job, offset, 0, row, 0, &mut out),
                    4.. => tile::<S, T, 1, 4, N>(simd, job, offset, 0, row, 0, &mut out),
                    2.. => tile::<S, T, 1, 2, N>(simd, job, offset, 0, row, 0, &mut out),
                    _ => tile::<S, T, 1, 1, N>(simd, job, offset, 0, row, 0, &mut out),
                };
            }
        }
    }
}

/// Adds R lines, `line` apart in the source and `rows` in the kernel, of K entries each; K.
#[inline(always)]
fn tile<S: Simd, T: Scalar, const R: usize, const K: usize, const N: usize>(
    simd: S,
    job: &Job<'_, T>,
    offset: usize,
    line: usize,
    row: usize,
    rows: usize,
    out: &mut Out<'_, T>,
) -> usize {
    let (sweep, strip, lanes) = (job.sweep, job.strip, T::lanes::<S>());
    let step = sweep.columns.stride * strip.pixel;
    let mut sums = [[[T::splat(simd, T::zero()); N]; K]; R];
    for p in 0..job.places.len() {
        let start = strip.base + offset + p * sweep.rows.stride * strip.pitch;
        let y = &job.y.entries[p * sweep.columns.target * job.y.step..];
        for q in 0..sweep.columns.target {
            let y = &y[q * job.y.step..];
            // A block that reaches beyond the channels reads those of the next pixel, and drops what becomes of them.
            let y: [T::Register<S>; N] = if let Some(y) = y.get(..N * lanes) {
                *T::registers::<S>(y).first_chunk().expect("N registers were cut off")
            } else {
                let mut registers = [T::splat(simd, T::zero()); N];
                for (register, y) in registers.iter_mut().zip(y[..job.y.valid].chunks(lanes)) {
                    *register = T::few::<S>(y);
                }
                registers
            };
            for r in 0..R {
                let x: &[T; K] =
                    strip.entries[start + r * line + q * step..].first_chunk().expect("a strip holds every patch");
                for k in 0..K {
                    let x = T::splat(simd, x[k]);
                    for n in 0..N {
                        sums[r][k][n] = T::multiply_add(simd, x, y[n], sums[r][k][n]);
                    }
                }
            }
        }
    }
    // By way of an array, because a loop over registers that is not unrolled would keep them in memory from the start.
    let mut numbers = [[[[T::zero(); WIDEST]; N]; K]; R];
    for r in 0..R {
        for k in 0..K {
            for n in 0..N {
                T::store::<S>(&mut numbers[r][k][n], sums[r][k][n]);
            }
        }
    }
    for r in 0..R {
        for k in 0..K {
            let to = (row + r * rows + k) * out.channels + out.first;
            for (to, sums) in out.w[to..to + out.valid].chunks_mut(lanes).zip(&numbers[r][k]) {
                for (to, &sum) in to.iter_mut().zip(sums) {
                    *to += sum;
                }
            }
        }
    }
    K
}
