//! The sweep: tiles of several pixels × a block of channels, which stay in registers while the kernel passes.

use super::Geometry;
use super::lanes::{Blocks, WIDEST, copy_few, dispatch, padded};
use super::parts::for_each_part;
use super::sweep::{Class, Strip, Sweep};
use crate::Scalar;
use pulp::{Simd, WithSimd};

/// Cost of adding up the entries of a register, in products of registers.
const TOTAL: usize = 8;

/// Entries of working memory of a sweep: the kernel in the order of its use, and a strip for every part.
pub(super) fn scratch_len(g: &Geometry, sweep: &Sweep) -> usize {
    packed_len(g, sweep) + sweep.region() * sweep.parts
}

fn packed_len(g: &Geometry, sweep: &Sweep) -> usize {
    sweep.groups * g.kernel[0] * g.kernel[1] * sweep.inner * padded(sweep.outer)
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
                for (start, width) in channel_blocks(sweep, &a, &b, T::lanes::<S>()) {
                    let valid = width.min(sweep.outer - start);
                    for m in 0..a.count {
                        for n in 0..b.count {
                            let entry = (a.tap(m) * g.kernel[1] + b.tap(n)) * inputs;
                            for k in 0..sweep.inner {
                                let (to, rest) = packed[at..at + width].split_at_mut(valid);
                                rest.fill(T::zero());
                                if transposed {
                                    let from = &w[(entry + start) * all + outputs + k..];
                                    for (to, &from) in to.iter_mut().zip(from.iter().step_by(all)) {
                                        *to = from;
                                    }
                                } else {
                                    to.copy_from_slice(&w[(entry + k) * all + outputs + start..][..valid]);
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

/// Blocks of channels as (start, width): one or two registers, or single channels where most of a register would be empty.
#[inline(always)]
fn channel_blocks(sweep: &Sweep, a: &Class, b: &Class, lanes: usize) -> Blocks {
    let ([n, m], length) = runs(sweep, a, b);
    let wide = n * m * length * sweep.outer.div_ceil(lanes);
    let single = sweep.outer * (n * m * length.div_ceil(lanes) + TOTAL);
    if single < wide { Blocks::single(sweep.outer) } else { Blocks::wide(sweep.outer, lanes) }
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
                    let grid = Grid {
                        rows: rows.len(),
                        columns: columns.len(),
                        from,
                        from_steps: [sweep.rows.stride * strip.pitch, sweep.columns.stride * strip.pixel],
                        to: (pixel * channels + group * sweep.outer).wrapping_sub(origin),
                        to_steps: [sweep.rows.scale * sweep.columns.target * channels, sweep.columns.scale * channels],
                    };
                    for (start, width) in channel_blocks(sweep, &a, &b, T::lanes::<S>()) {
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
        _ if width == 1 => dots(simd, strip, grid, runs, kernel, out),
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
    // Short runs of known length are unrolled: lines of kernels 3 and 5 wide over one channel.
    match runs.length {
        3 => tiles_of::<S, T, P, N, 3>(simd, strip, grid, runs, kernel, out),
        5 => tiles_of::<S, T, P, N, 5>(simd, strip, grid, runs, kernel, out),
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
            let lines = from.map(|start| &source[start + offset..][..length]);
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

/// Pixels of a single channel, four at a time: registers hold consecutive entries of a run instead of channels.
#[inline(always)]
fn dots<S: Simd, T: Scalar>(simd: S, strip: &Strip<'_, T>, grid: &Grid, runs: &Runs, kernel: &[T], out: Out<'_, T>) {
    let mut walk = Walk::new(grid, 0);
    let pixels = grid.rows * grid.columns;
    for _ in 0..pixels / 4 {
        dot::<S, T, 4>(simd, strip.entries, &mut walk, runs, kernel, out.target);
    }
    for _ in 0..pixels % 4 {
        dot::<S, T, 1>(simd, strip.entries, &mut walk, runs, kernel, out.target);
    }
}

/// The next P pixels of a walk, one channel.
#[inline(always)]
fn dot<S: Simd, T: Scalar, const P: usize>(
    simd: S,
    source: &[T],
    walk: &mut Walk<'_>,
    runs: &Runs,
    kernel: &[T],
    target: &mut [T],
) {
    let (mut from, mut to) = ([0; P], [0; P]);
    for p in 0..P {
        (from[p], to[p]) = walk.next();
    }
    let mut sums = [T::splat(simd, T::zero()); P];
    let mut rest = kernel;
    let full = runs.length / T::lanes::<S>() * T::lanes::<S>();
    for i in 0..runs.counts[0] {
        for j in 0..runs.counts[1] {
            let offset = i * runs.steps[0] + j * runs.steps[1];
            let w;
            (w, rest) = rest.split_at(runs.length);
            let lines = from.map(|start| &source[start + offset..][..runs.length]);
            let registers = T::registers::<S>(w);
            let line_registers = lines.map(|line| &T::registers::<S>(line)[..registers.len()]);
            for (k, &w) in registers.iter().enumerate() {
                for p in 0..P {
                    sums[p] = T::multiply_add(simd, line_registers[p][k], w, sums[p]);
                }
            }
            if full < runs.length {
                // Beyond the run stand other numbers, possibly infinite, so that zeros in the kernel would not do.
                let count = runs.length - full;
                let w = T::first(simd, &w[full..], count);
                for p in 0..P {
                    let line = T::first(simd, &source[from[p] + offset + full..], count);
                    sums[p] = T::multiply_add(simd, line, w, sums[p]);
                }
            }
        }
    }
    for p in 0..P {
        target[to[p]] = T::total(simd, sums[p]);
    }
}
