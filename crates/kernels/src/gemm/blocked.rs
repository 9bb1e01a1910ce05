//! The product as loops over blocks that stay in the caches, around the tiles that stay in registers.
//!
//! The order is that of BLIS (Van Zee and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality",
//! 2015): blocks of columns, blocks of the inner axis, blocks of rows, strips of columns, tiles. A block of the right operand
//! stays in the third level cache, a strip of it and a block of the left one in the second, rows of a tile in the first.

use super::engine::Engine;
use super::tile::Tile;
use super::{Update, path::Operands};
use crate::Scalar;
use std::ops::Range;

/// Length of the blocks of the inner axis, each of which is summed from zero before it joins the result: the widest strip of the
/// right operand is then 64 KB. On Sapphire Rapids blocks of 384 and 512 made no difference that repeated, at 128 × 784 · 784 × 256
/// as at 1024³, in either precision.
pub(super) const K_BLOCK: usize = 256;

/// What the length of such a block is a multiple of, but for the last.
pub(super) const K_UNIT: usize = 8;

/// Rows of the left operand that stay in the second level cache over all strips of columns: half a megabyte of `f64`.
pub(super) const M_BLOCK: usize = 168;

/// Columns of the right operand that are packed at once, at most.
pub(super) const N_BLOCK: usize = 4096;

/// Rows of an operand that are copied at once. With all rows of a block at once the product of 1024³ in `f32` took 39 %
/// longer than that of crate `gemm`; so it takes 14 to 26 % longer, over several runs (x86-64 with AVX-512, a busy machine).
const COPIED: usize = 8;

/// Bytes of a line of the cache, to which packed blocks are aligned.
pub(super) const LINE: usize = 64;

/// Which operands are copied before they are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    pub a: bool,
    pub b: bool,
}

/// Entries of the buffers of a product.
pub(super) struct Buffers {
    /// For a block of the right operand.
    pub panel: usize,
    /// For a block of the left operand; one for each task at work.
    pub left: usize,
}

/// Entries by which the start of a buffer moves to a line of the cache, at most.
pub(super) const fn slack<T>() -> usize {
    LINE / size_of::<T>()
}

/// Length of the longest block of an axis.
fn longest(length: usize, block: usize, unit: usize) -> usize {
    blocks(length, block, unit).next().map_or(0, |(start, end)| end - start)
}

/// Blocks of nearly equal length, at most `block`, a multiple of `unit`, and multiples of it themselves but the last.
pub(super) fn blocks(length: usize, block: usize, unit: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = length.div_ceil(length.div_ceil(block).max(1)).next_multiple_of(unit).max(1);
    (0..length).step_by(step).map(move |start| (start, (start + step).min(length)))
}

impl Update {
    /// The update by one of several blocks of the inner axis.
    pub(super) fn of_block(self, first: bool) -> Update {
        if self == Update::Replace && !first { Update::Add } else { self }
    }
}

impl Buffers {
    pub(super) fn of<T>(engine: &Engine<T>, x: &Operands<T>, packing: Packing) -> Buffers {
        let k = longest(x.k, K_BLOCK, K_UNIT);
        let panel = k * x.n.min(N_BLOCK).next_multiple_of(engine.lanes);
        let left = x.m.min(M_BLOCK).div_ceil(engine.strip()) * engine.step() * k;
        Buffers {
            panel: if packing.b { panel.next_multiple_of(slack::<T>()) } else { 0 },
            left: if packing.a { left } else { 0 },
        }
    }
}

/// The right operand of one block of columns and of the inner axis.
#[derive(Clone, Copy)]
enum Right<T> {
    /// Rows of the caller's matrix.
    Plain(*const T, usize),
    /// Strips, one after the other.
    Packed(*const T),
}

/// A pointer that may be handed to other threads, which write to disjoint entries.
#[derive(Clone, Copy)]
pub(super) struct Shared<P>(pub P);

// SAFETY: the tasks among which a product is divided read what none writes, and write to disjoint entries.
unsafe impl<P> Sync for Shared<P> {}
// SAFETY: as above.
unsafe impl<P> Send for Shared<P> {}

impl<P: Copy> Shared<P> {
    pub(super) fn get(&self) -> P {
        self.0
    }
}

/// Calls `work` for every task, in parallel if there are several.
pub(super) fn each(tasks: Range<usize>, work: &(impl Fn(usize) + Sync)) {
    match tasks.len() {
        0 => {}
        1 => work(tasks.start),
        n => {
            let middle = tasks.start + n / 2;
            rayon::join(|| each(tasks.start..middle, work), || each(middle..tasks.end, work));
        }
    }
}

/// Part `i` of `parts` nearly equal ones of 0..length.
pub(super) fn part(length: usize, parts: usize, i: usize) -> Range<usize> {
    length * i / parts..length * (i + 1) / parts
}

/// A block of columns, cut into strips of nearly equal numbers of vectors: a lone vector at the end would be multiplied at half
/// the rate.
#[derive(Clone, Copy)]
struct Columns {
    start: usize,
    end: usize,
    lanes: usize,
    strips: usize,
}

/// Columns within the block: where they start, how many vectors they take, and how many of the last one's entries are there.
struct Strip {
    start: usize,
    vectors: usize,
    last: usize,
}

impl Columns {
    fn of<T>(engine: &Engine<T>, n: usize) -> impl Iterator<Item = Columns> {
        blocks(n, N_BLOCK, engine.columns()).map(|(start, end)| Columns {
            start,
            end,
            lanes: engine.lanes,
            strips: (end - start).div_ceil(engine.columns()),
        })
    }

    fn vectors(&self) -> usize {
        (self.end - self.start).div_ceil(self.lanes)
    }

    /// Entries of a packed row: whole vectors.
    fn stored(&self) -> usize {
        self.vectors() * self.lanes
    }

    fn strip(&self, i: usize) -> Strip {
        let vectors = part(self.vectors(), self.strips, i);
        let start = vectors.start * self.lanes;
        let end = (vectors.end * self.lanes).min(self.end - self.start);
        Strip { start, vectors: vectors.len(), last: end - (vectors.end - 1) * self.lanes }
    }
}

/// Packs rows `start..end` and some strips of these columns of the right operand.
///
/// # Safety
/// `to` has room for all strips of these columns, of which only the named ones are written.
unsafe fn pack_strips<T: Scalar>(
    engine: &Engine<T>,
    x: &Operands<T>,
    (start, end): (usize, usize),
    columns: Columns,
    strips: Range<usize>,
    to: *mut T,
) {
    let k = end - start;
    // Rows are copied a few at a time through all strips: down a strip, every row would be on another page.
    let step = if x.b_column == 1 { COPIED } else { k };
    for p in (0..k).step_by(step) {
        let rows = step.min(k - p);
        for strip in strips.clone().map(|i| columns.strip(i)) {
            let stored = strip.vectors * engine.lanes;
            let width = stored - engine.lanes + strip.last;
            // SAFETY: the entries are within the operand; a strip follows the whole ones before it.
            unsafe {
                let from = x.b.add((start + p) * x.b_row + (columns.start + strip.start) * x.b_column);
                let to = to.add(strip.start * k + p * stored);
                if x.b_column == 1 {
                    (engine.copy_rows)(rows, width, from, x.b_row, to, stored);
                } else {
                    (engine.pack_transposed)(rows, width, from, x.b_column, to, stored);
                }
            }
        }
    }
}

/// Packs the right operand for [`product`].
///
/// # Safety
/// The operand is valid; `to` has room for k rows of n entries rounded up to whole vectors.
pub(super) unsafe fn pack_all<T: Scalar>(engine: &Engine<T>, x: &Operands<T>, to: *mut T) {
    for columns in Columns::of(engine, x.n) {
        for (start, end) in blocks(x.k, K_BLOCK, K_UNIT) {
            let to = to.wrapping_add(columns.start * x.k + start * columns.stored());
            // SAFETY: the caller vouches for operand and room; see `product` for the place of a block.
            unsafe { pack_strips(engine, x, (start, end), columns, 0..columns.strips, to) }
        }
    }
}

/// Computes the product with buffers from `scratch`, as several tasks that may run at once.
///
/// # Safety
/// The operands are valid; `scratch` has room for the panel and for `tasks` left blocks.
pub(super) unsafe fn product<T: Scalar>(
    engine: &Engine<T>,
    x: &Operands<T>,
    packing: Packing,
    packed: Option<*const T>,
    scratch: *mut T,
    tasks: usize,
) {
    let buffers = Buffers::of(engine, x, packing);
    let (panel, left) = (Shared(scratch), Shared(scratch.wrapping_add(buffers.panel)));
    let operands = Shared(*x);
    for columns in Columns::of(engine, x.n) {
        let strips = columns.strips;
        let (row_parts, column_parts) = grid(engine, x.m, strips, tasks);
        for (start, end) in blocks(x.k, K_BLOCK, K_UNIT) {
            let k = end - start;
            let right = if let Some(packed) = packed {
                // Blocks of columns but the last are whole vectors, so all before this one are k rows of `columns.start`
                // entries; within it, all blocks of the inner axis before are of the stored width of this one.
                Right::Packed(packed.wrapping_add(columns.start * x.k + start * columns.stored()))
            } else if packing.b {
                each(0..tasks.min(strips), &|task| {
                    let strips = part(strips, tasks.min(strips), task);
                    // SAFETY: the panel has room for a block of columns; tasks write to disjoint strips.
                    unsafe { pack_strips(engine, &operands.get(), (start, end), columns, strips, panel.get()) }
                });
                Right::Packed(panel.get().cast_const())
            } else {
                Right::Plain(x.b.wrapping_add(start * x.b_row + columns.start), x.b_row)
            };
            let right = Shared(right);
            each(0..row_parts * column_parts, &|task| {
                let block = Block {
                    rows: part(operands.get().m, row_parts, task / column_parts),
                    strips: part(strips, column_parts, task % column_parts),
                    inner: (start, k),
                    columns,
                    update: operands.get().update.of_block(start == 0),
                };
                let buffer = packing.a.then(|| left.get().wrapping_add(task * buffers.left));
                // SAFETY: each task has a part of the result and a buffer of its own.
                unsafe { block.run(engine, &operands.get(), right.get(), buffer) }
            });
        }
    }
}

/// Tiles one above the other in a part of the rows at least: each part reads all of the right operand.
const LEAST: usize = 2;

/// Numbers of parts into which rows and strips are divided.
fn grid<T>(engine: &Engine<T>, m: usize, strips: usize, tasks: usize) -> (usize, usize) {
    let (mut rows, mut columns) = (tasks, 1);
    while rows > 1 && m < rows * LEAST * engine.rows() && columns < strips {
        rows = rows.div_ceil(2);
        columns = (tasks / rows).min(strips);
    }
    (rows.min(m), columns)
}

/// The share of one task in a block of the inner axis and of columns.
struct Block {
    rows: Range<usize>,
    strips: Range<usize>,
    /// Start and length of the block of the inner axis.
    inner: (usize, usize),
    columns: Columns,
    update: Update,
}

/// The left operand of one block of rows and of the inner axis.
#[derive(Clone, Copy)]
struct Left<T> {
    start: *const T,
    row: usize,
    step: usize,
    strips: RowStrips,
}

/// How rows of the left operand are stored: so many together, each such strip so far after the one before.
#[derive(Clone, Copy)]
struct RowStrips {
    rows: usize,
    apart: usize,
}

impl Block {
    /// # Safety
    /// The operands are valid, the packed ones hold this block, and the buffer has room for a block of the left operand.
    unsafe fn run<T: Scalar>(&self, engine: &Engine<T>, x: &Operands<T>, right: Right<T>, buffer: Option<*mut T>) {
        let (start, k) = self.inner;
        for (above, end) in blocks(self.rows.len(), M_BLOCK, 1) {
            let (top, m) = (self.rows.start + above, end - above);
            let a = x.a.wrapping_add(top * x.a_row + start * x.a_step);
            let mut left = Left { start: a, row: x.a_row, step: x.a_step, strips: RowStrips { rows: m, apart: 0 } };
            if let Some(buffer) = buffer {
                let step = engine.step();
                let strips = RowStrips { rows: engine.strip(), apart: step * k };
                left = Left { start: buffer.cast_const(), row: 1, step, strips };
                // SAFETY: the rows are within the operand, and the buffer has room for all strips of a block.
                unsafe { pack_left(engine, x, a, (m, k), strips, buffer) }
            }
            for strip in self.strips.clone().map(|i| self.columns.strip(i)) {
                let (b, b_row) = match right {
                    Right::Plain(b, row) => (b.wrapping_add(strip.start), row),
                    Right::Packed(b) => (b.wrapping_add(strip.start * k), strip.vectors * engine.lanes),
                };
                let tiles = if left.row == 1 { &engine.over_columns } else { &engine.over_rows };
                let tiles = if strip.last == engine.lanes { tiles.whole } else { tiles.edge }[strip.vectors - 1];
                let out = x.out.wrapping_add(top * x.out_row + self.columns.start + strip.start);
                let sign = if self.update == Update::Subtract { T::zero() - T::one() } else { T::one() };
                let mut tile = Tile {
                    k,
                    a: left.start,
                    a_row: left.row,
                    a_step: left.step,
                    b,
                    b_row,
                    out,
                    out_row: x.out_row,
                    last: strip.last,
                    update: self.update,
                    sign,
                };
                for (i, first) in (0..m).step_by(left.strips.rows).enumerate() {
                    tile.a = left.start.wrapping_add(i * left.strips.apart);
                    let stored = left.strips.rows.min(m - first);
                    let count = stored.div_ceil(tiles.len());
                    for i in 0..count {
                        let rows = part(stored, count, i).len();
                        // SAFETY: these rows and columns are within the operands.
                        unsafe { tiles[rows - 1](&tile) };
                        tile.a = tile.a.wrapping_add(rows * left.row);
                        tile.out = tile.out.wrapping_add(rows * x.out_row);
                    }
                }
            }
        }
    }
}

/// Packs m rows and k columns of the left operand from `from` on, as strips.
///
/// # Safety
/// The left operand lies column after column (`a_row` is 1). The rows are within the operand; `to` has room for the strips.
unsafe fn pack_left<T: Scalar>(
    engine: &Engine<T>,
    x: &Operands<T>,
    from: *const T,
    (m, k): (usize, usize),
    strips: RowStrips,
    to: *mut T,
) {
    let width = engine.step();
    for p in (0..k).step_by(COPIED) {
        let columns = COPIED.min(k - p);
        for (i, first) in (0..m).step_by(strips.rows).enumerate() {
            let rows = strips.rows.min(m - first);
            let from = from.wrapping_add(p * x.a_step + first * x.a_row);
            let to = to.wrapping_add(i * strips.apart + p * width);
            // SAFETY: the caller vouches for rows and room.
            unsafe { (engine.copy_rows)(columns, rows, from, x.a_step, to, width) }
        }
    }
}
