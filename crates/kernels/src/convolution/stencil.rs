//! The sweep: tiles of several pixels × a block of channels, which stay in registers while the kernel passes.

use super::Geometry;
use super::lanes::{Blocks, WIDEST, copy_few, dispatch, padded};
use super::parts::for_each_part;
use super::sweep::{Class, Strip, Sweep};
use crate::Scalar;
use pulp::{Simd, WithSimd};

/// Relative time of a step of a tile with one register of channels, and with two.
///
/// Two to one would be the arithmetic. 9, 10, 12, 14 and 16 to 8, and places never taken together, were run in turns in one
/// process over the shapes of the benchmark with AVX-512: 10 was the best or within the noise of it for most of the results
/// and images it decides in `f32`. Against 9 it gains 7 % where places are 2 apart (8 to 16 channels) and 30 % for the images of
/// 3 to 16 channels; from 12 on, the result of 1 to 8 channels loses 22 %, while the images of 6 to 16 channels gain 20 %.
const ONE_REGISTER: usize = 8;
const TWO_REGISTERS: usize = 10;

/// Entries of working memory of a sweep: the kernel in the order of its use, and a strip for every part.
pub(super) fn scratch_len(g: &Geometry, sweep: &Sweep) -> usize {
    packed_len(g, sweep) + sweep.region() * sweep.parts
}

fn packed_len(g: &Geometry, sweep: &Sweep) -> usize {
    let plain = sweep.groups * g.kernel[0] * g.kernel[1] * sweep.inner * padded(sweep.outer);
    // Places together, at the widest registers.
    let most = (2 * WIDEST / sweep.outer.max(1)).min(sweep.columns.places);
    let joint = g.kernel[0] * (most.max(1) * sweep.columns.stride + g.kernel[1]) * sweep.inner * 2 * WIDEST;
    plain + if most > 1 { joint } else { 0 }
}

/// Writes to `target` the sweep of kernel `w` over `source`; `transposed` as the sweep is.
pub(super) fn run<T: Scalar>(
    g: &Geometry,
    sweep: &Sweep,
    transposed: bool,
    source: &[T],
    w: &[T],
    target: &mut [T],
    scratch: &mut [T],
) {
    let (packed, regions) = scratch.split_at_mut(packed_len(g, sweep));
    dispatch(Pack { g, sweep, transposed, w, packed });
    let start = |part: usize| sweep.target_start(sweep.units_of(part).start);
    let packed = &*packed;
    for_each_part(sweep.parts, &start, target, sweep.region(), regions, &|part, target, region| {
        dispatch(Part { sweep, part, source, packed, target, region });
    });
}

/// Writes the kernel in the order of its use: group, class, block of channels, entry, channel summed over, channel of the
/// block, with zeros where a block reaches beyond the channels.
struct Pack<'a, T> {
    g: &'a Geometry,
    sweep: &'a Sweep,
    transposed: bool,
    w: &'a [T],
    packed: &'a mut [T],
}

impl<T: Scalar> WithSimd for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Pack { g, sweep, transposed, w, packed } = self;
        let (all, inputs) = (g.channels_out, g.channels_in / g.groups);
        let mut at = 0;
        for group in 0..sweep.groups {
            let outputs = group * (g.channels_out / g.groups);
            for (a, b) in classes(sweep) {
                let number = |m: usize, n: usize, k: usize, o: usize| {
                    let entry = (a.tap(m) * g.kernel[1] + b.tap(n)) * inputs;
                    let (c, o) = if transposed { (o, k) } else { (k, o) };
                    w[(entry + c) * all + outputs + o]
                };
                let together = places_together(sweep, &b, T::lanes::<S>());
                if together > 1 {
                    let width = register_block(together * sweep.outer, T::lanes::<S>());
                    let span = (together - 1) * sweep.columns.stride + b.count;
                    for m in 0..a.count {
                        for n in 0..span {
                            for k in 0..sweep.inner {
                                let to = &mut packed[at..at + width];
                                to.fill(T::zero());
                                for (place, to) in to.chunks_exact_mut(sweep.outer).take(together).enumerate() {
                                    let n = n.wrapping_sub(place * sweep.columns.stride);
                                    if n < b.count {
                                        (0..sweep.outer).zip(to).for_each(|(o, to)| *to = number(m, n, k, o));
                                    }
                                }
                                at += width;
                            }
                        }
                    }
                }
                for (start, width) in Blocks::wide(sweep.outer, T::lanes::<S>()) {
                    for m in 0..a.count {
                        for n in 0..b.count {
                            for k in 0..sweep.inner {
                                for (o, to) in (start..start + width).zip(&mut packed[at..at + width]) {
                                    *to = if o < sweep.outer { number(m, n, k, o) } else { T::zero() };
                                }
                                at += width;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All pairs of classes, in the order in which the kernel is packed.
fn classes(sweep: &Sweep) -> impl Iterator<Item = (Class, Class)> {
    let (rows, columns) = (sweep.rows, sweep.columns);
    (0..rows.scale * columns.scale).map(move |r| (rows.class(r / columns.scale), columns.class(r % columns.scale)))
}

/// Number of runs of consecutive source entries along both axes that a pixel sums over, and their length.
fn runs(sweep: &Sweep, a: &Class, b: &Class) -> ([usize; 2], usize) {
    // Neighbouring pixels of a strip follow each other without a gap.
    if b.dilation == 1 { ([a.count, b.count.min(1)], b.count * sweep.inner) } else { ([a.count, b.count], sweep.inner) }
}

/// How many neighbouring places of a row a tile takes as if they were channels of one.
///
/// They share most of what they read. Taken together, n of them pass over (n − 1) · stride + kernel entries of the source
/// instead of n · kernel, at the price of zeros in the kernel, and fill registers that few channels would leave empty.
fn places_together(sweep: &Sweep, b: &Class, lanes: usize) -> usize {
    let possible = sweep.outer > 0 && sweep.groups == 1 && sweep.columns.scale == 1 && b.dilation == 1 && b.count > 0;
    let places = sweep.columns.places;
    let most = if possible { (2 * lanes / sweep.outer.max(1)).min(places) } else { 1 };
    let pass = |n: usize| {
        let weight = if n * sweep.outer > lanes { TWO_REGISTERS } else { ONE_REGISTER };
        weight * ((n - 1) * sweep.columns.stride + b.count)
    };
    // A row of places, of which those that remain are taken one by one.
    let row = |n: usize| places / n * pass(n) + places % n * pass(1);
    (2..=most).fold(1, |best, n| if row(n) < row(best) { n } else { best })
}

/// One or two registers, as hold so many numbers.
fn register_block(channels: usize, lanes: usize) -> usize {
    if channels > lanes { 2 * lanes } else { lanes }
}

/// Some strips, one after the other.
struct Part<'a, T> {
    sweep: &'a Sweep,
    part: usize,
    source: &'a [T],
    packed: &'a [T],
    target: &'a mut [T],
    region: &'a mut [T],
}

impl<T: Scalar> WithSimd for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Part { sweep, part, source, packed, target, region } = self;
        let units = sweep.units_of(part);
        let origin = sweep.target_start(units.start);
        let channels = sweep.groups * sweep.outer;
        for unit in units {
            let (image, places) = sweep.unit(unit);
            let mut packed = packed;
            for group in 0..sweep.groups {
                let strip = sweep.source(source, image, &places, group, region);
                let mut finite = None;
                for (a, b) in classes(sweep) {
                    let (rows, columns) =
                        (sweep.rows.within(&a, places.clone()), sweep.columns.within(&b, 0..sweep.columns.places));
                    let (counts, length) = runs(sweep, &a, &b);
                    let runs = Runs { steps: [a.dilation * strip.pitch, b.dilation * strip.pixel], counts, length };
                    let from = strip.base
                        + ((rows.start - places.start) * sweep.rows.stride + a.offset) * strip.pitch
                        + (columns.start * sweep.columns.stride + b.offset) * strip.pixel;
                    let row = (rows.start * sweep.rows.scale).wrapping_add_signed(a.shift);
                    let column = (columns.start * sweep.columns.scale).wrapping_add_signed(b.shift);
                    let pixel = (image * sweep.rows.target + row) * sweep.columns.target + column;
                    let mut grid = Grid {
                        rows: rows.len(),
                        columns: columns.len(),
                        from,
                        from_steps: [sweep.rows.stride * strip.pitch, sweep.columns.stride * strip.pixel],
                        to: (pixel * channels + group * sweep.outer).wrapping_sub(origin),
                        to_steps: [sweep.rows.scale * sweep.columns.target * channels, sweep.columns.scale * channels],
                    };
                    let together = places_together(sweep, &b, T::lanes::<S>());
                    if together > 1 {
                        let width = register_block(together * sweep.outer, T::lanes::<S>());
                        let length = ((together - 1) * sweep.columns.stride + b.count) * sweep.inner;
                        let kernel;
                        (kernel, packed) = packed.split_at(a.count * length * width);
                        // Zeros stand between the places in this kernel, and 0 · ∞ is none: then each place is taken by itself.
                        let (high, wide) =
                            (sweep.rows.window(places.len()), sweep.columns.window(sweep.columns.places));
                        if *finite.get_or_insert_with(|| strip.is_finite(high, wide)) {
                            let joint = Grid {
                                columns: grid.columns / together,
                                from_steps: [grid.from_steps[0], together * grid.from_steps[1]],
                                to_steps: [grid.to_steps[0], together * grid.to_steps[1]],
                                ..grid
                            };
                            let runs = Runs { counts: [a.count, 1], length, ..runs };
                            block(simd, &strip, &joint, &runs, kernel, width, target, together * sweep.outer);
                            let done = joint.columns * together;
                            grid.columns -= done;
                            grid.from += done * grid.from_steps[1];
                            grid.to = grid.to.wrapping_add(done * grid.to_steps[1]);
                        }
                    }
                    for (start, width) in Blocks::wide(sweep.outer, T::lanes::<S>()) {
                        let kernel;
                        (kernel, packed) = packed.split_at(a.count * b.count * sweep.inner * width);
                        let valid = width.min(sweep.outer - start);
                        let grid = Grid { to: grid.to.wrapping_add(start), ..grid };
                        block(simd, &strip, &grid, &runs, kernel, width, target, valid);
                    }
                }
            }
        }
    }
}

/// What one pixel of a class sums over: counts[0] × counts[1] runs of `length` consecutive entries.
struct Runs {
    steps: [usize; 2],
    counts: [usize; 2],
    length: usize,
}

/// The pixels of a class in a strip: where they start in the source and in the target.
#[derive(Clone, Copy)]
struct Grid {
    rows: usize,
    columns: usize,
    from: usize,
    from_steps: [usize; 2],
    to: usize,
    to_steps: [usize; 2],
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "all of them are the block")]
fn block<S: Simd, T: Scalar>(
    simd: S,
    strip: &Strip<'_, T>,
    grid: &Grid,
    runs: &Runs,
    kernel: &[T],
    width: usize,
    target: &mut [T],
    valid: usize,
) {
    let out = Out { target, valid };
    // Two registers of channels by eight pixels are sixteen sums, more than some processors have.
    match width > T::lanes::<S>() {
        true if S::REGISTER_COUNT < 32 => tiles::<S, T, 6, 2>(simd, strip, grid, runs, kernel, out),
        true => tiles::<S, T, 8, 2>(simd, strip, grid, runs, kernel, out),
        false => tiles::<S, T, 8, 1>(simd, strip, grid, runs, kernel, out),
    }
}

/// What is written to, and how many channels of a block exist.
struct Out<'a, T> {
    target: &'a mut [T],
    valid: usize,
}

/// All pixels, P at a time. The last tile repeats pixels of the one before where they are not a multiple of P.
#[inline(always)]
fn tiles<S: Simd, T: Scalar, const P: usize, const N: usize>(
    simd: S,
    strip: &Strip<'_, T>,
    grid: &Grid,
    runs: &Runs,
    kernel: &[T],
    out: Out<'_, T>,
) {
    // Short runs of known length are unrolled: lines of small kernels over one channel, of one place or two.
    match runs.length {
        3 => tiles_of::<S, T, P, N, 3>(simd, strip, grid, runs, kernel, out),
        4 => tiles_of::<S, T, P, N, 4>(simd, strip, grid, runs, kernel, out),
        6 => tiles_of::<S, T, P, N, 6>(simd, strip, grid, runs, kernel, out),
        _ => tiles_of::<S, T, P, N, 0>(simd, strip, grid, runs, kernel, out),
    }
}

/// The same for runs of length L, 0 for any.
#[inline(always)]
fn tiles_of<S: Simd, T: Scalar, const P: usize, const N: usize, const L: usize>(
    simd: S,
    strip: &Strip<'_, T>,
    grid: &Grid,
    runs: &Runs,
    kernel: &[T],
    mut out: Out<'_, T>,
) {
    let pixels = grid.rows * grid.columns;
    let kernel = T::registers::<S>(kernel).as_chunks::<N>().0;
    let mut walk = Walk::new(grid, 0);
    let mut done = 0;
    while done + P <= pixels {
        tile::<S, T, P, N, L>(simd, strip.entries, &mut walk, runs, kernel, &mut out);
        done += P;
    }
    if done < pixels && pixels >= P {
        walk = Walk::new(grid, pixels - P);
        tile::<S, T, P, N, L>(simd, strip.entries, &mut walk, runs, kernel, &mut out);
    } else {
        for _ in done..pixels {
            tile::<S, T, 1, N, L>(simd, strip.entries, &mut walk, runs, kernel, &mut out);
        }
    }
}

/// A walk over the pixels of a grid, row by row.
struct Walk<'a> {
    grid: &'a Grid,
    left: usize,
    from: usize,
    to: usize,
}

impl Walk<'_> {
    #[inline(always)]
    fn new(grid: &Grid, pixel: usize) -> Walk<'_> {
        let (row, column) = (pixel / grid.columns.max(1), pixel % grid.columns.max(1));
        Walk {
            grid,
            left: grid.columns - column,
            from: grid.from + row * grid.from_steps[0] + column * grid.from_steps[1],
            to: grid.to.wrapping_add(row * grid.to_steps[0] + column * grid.to_steps[1]),
        }
    }

    /// Source and target of the next pixel.
    #[inline(always)]
    fn next(&mut self) -> (usize, usize) {
        let found = (self.from, self.to);
        self.left -= 1;
        let (g, across) = (self.grid, self.grid.columns - 1);
        if self.left == 0 {
            self.left = g.columns;
            self.from += g.from_steps[0] - across * g.from_steps[1];
            self.to = self.to.wrapping_add(g.to_steps[0]).wrapping_sub(across * g.to_steps[1]);
        } else {
            self.from += g.from_steps[1];
            self.to += g.to_steps[1];
        }
        found
    }
}

/// The next P pixels of a walk × N registers of channels.
#[inline(always)]
fn tile<S: Simd, T: Scalar, const P: usize, const N: usize, const L: usize>(
    simd: S,
    source: &[T],
    walk: &mut Walk<'_>,
    runs: &Runs,
    kernel: &[[T::Register<S>; N]],
    out: &mut Out<'_, T>,
) {
    let (mut from, mut to) = ([0; P], [0; P]);
    for p in 0..P {
        (from[p], to[p]) = walk.next();
    }
    let mut sums = [[T::splat(simd, T::zero()); N]; P];
    let mut rest = kernel;
    let length = if L == 0 { runs.length } else { L };
    for i in 0..runs.counts[0] {
        for j in 0..runs.counts[1] {
            let offset = i * runs.steps[0] + j * runs.steps[1];
            let entries;
            (entries, rest) = rest.split_at(length);
            // A loop, for `map` over an array of this size is a call, after which the lengths are not known.
            let mut lines: [&[T]; P] = [&[]; P];
            for p in 0..P {
                lines[p] = &source[from[p] + offset..][..length];
            }
            for (k, w) in entries.iter().enumerate() {
                for p in 0..P {
                    let x = T::splat(simd, lines[p][k]);
                    for n in 0..N {
                        sums[p][n] = T::multiply_add(simd, x, w[n], sums[p][n]);
                    }
                }
            }
        }
    }
    let lanes = T::lanes::<S>();
    if out.valid == N * lanes {
        for p in 0..P {
            let to = &mut out.target[to[p]..][..N * lanes];
            for n in 0..N {
                T::store::<S>(&mut to[n * lanes..], sums[p][n]);
            }
        }
        return;
    }
    // Loops over registers must be so short that they are unrolled: one index that is not a constant, and the sums would be
    // kept in memory from the start. Hence the detour.
    let mut numbers = [[[T::zero(); WIDEST]; N]; P];
    for p in 0..P {
        for n in 0..N {
            T::store::<S>(&mut numbers[p][n], sums[p][n]);
        }
    }
    for p in 0..P {
        for (to, from) in out.target[to[p]..][..out.valid].chunks_mut(lanes).zip(&numbers[p]) {
            copy_few(to, from);
        }
    }
}
