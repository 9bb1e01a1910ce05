//! The product as loops over blocks that stay in the caches, around the tiles that stay in registers.
//!
//! The order is that of BLIS (Van Zee and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality",
//! 2015): blocks of columns, blocks of the inner axis, blocks of rows, strips of columns, tiles. A block of the right operand
//! stays in the second or third level cache, a block of the left one in the second, a strip of the right one in the first.

use super::engine::Engine;
use super::tile::Tile;
use super::{K_BLOCK, Operands, Update, blocks};
use std::ops::Range;

/// Rows of the left operand that stay in the second level cache over all strips of columns.
pub(super) const M_BLOCK: usize = 252;

/// Columns of the right operand that are packed at once, at most.
pub(super) const N_BLOCK: usize = 4096;

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

/// Distance of the rows of a copy: whole lines, an odd number of them, so that equal columns of neighbouring rows do not
/// compete for one place of the cache.
fn copied_row<T>(length: usize) -> usize {
    (length.div_ceil(slack::<T>()) | 1) * slack::<T>()
}

impl Buffers {
    pub(super) fn of<T>(engine: &Engine<T>, x: &Operands<T>, packing: Packing) -> Buffers {
        let k = longest(x.k, K_BLOCK, 8);
        let m = x.m.min(M_BLOCK);
        let panel = k * x.n.min(N_BLOCK).next_multiple_of(engine.lanes);
        let left = if x.a_step == 1 { m * copied_row::<T>(k) } else { k * copied_row::<T>(m) };
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

/// Packs rows `start..end` and strips `strips` of the columns from `column` to `last` of the right operand.
///
/// # Safety
/// `to` has room for all strips of these columns, of which only the named ones are written.
pub(super) unsafe fn pack_strips<T: Copy>(
    engine: &Engine<T>,
    x: &Operands<T>,
    (start, end): (usize, usize),
    (column, last): (usize, usize),
    strips: Range<usize>,
    to: *mut T,
) {
    let (k, width) = (end - start, engine.columns());
    for strip in strips {
        let first = column + strip * width;
        let columns = (last - first).min(width);
        let stored = columns.next_multiple_of(engine.lanes);
        // SAFETY: the entries are within the operand; a strip follows the whole ones before it.
        unsafe {
            let from = x.b.add(start * x.b_row + first * x.b_column);
            let to = to.add(strip * width * k);
            if x.b_column == 1 {
                (engine.copy_rows)(k, columns, from, x.b_row, to, stored);
            } else {
                (engine.pack_transposed)(k, columns, from, x.b_column, to, stored);
            }
        }
    }
}

/// Computes the product with buffers from `scratch`, as several tasks that may run at once.
///
/// # Safety
/// The operands are valid; `scratch` has room for the panel and for `tasks` left blocks.
pub(super) unsafe fn product<T: Copy>(
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
    let width = engine.columns();
    for (column, last) in blocks(x.n, N_BLOCK, width) {
        let strips = (last - column).div_ceil(width);
        let (row_parts, column_parts) = grid(engine, x.m, strips, tasks);
        for (start, end) in blocks(x.k, K_BLOCK, 8) {
            let k = end - start;
            let right = if let Some(packed) = packed {
                // Blocks of columns are whole strips, so all before this one are k rows of `column` entries; within it, all
                // blocks of rows before are of the stored width of this one.
                let stored = (last - column).next_multiple_of(engine.lanes);
                Right::Packed(packed.wrapping_add(column * x.k + start * stored))
            } else if packing.b {
                each(0..tasks.min(strips), &|task| {
                    let strips = part(strips, tasks.min(strips), task);
                    // SAFETY: the panel has room for a block of columns; tasks write to disjoint strips.
                    unsafe { pack_strips(engine, &operands.get(), (start, end), (column, last), strips, panel.get()) }
                });
                Right::Packed(panel.get().cast_const())
            } else {
                Right::Plain(x.b.wrapping_add(start * x.b_row + column), x.b_row)
            };
            let right = Shared(right);
            each(0..row_parts * column_parts, &|task| {
                let block = Block {
                    rows: part(x_rows(engine, operands.get().m), row_parts, task / column_parts),
                    strips: part(strips, column_parts, task % column_parts),
                    inner: (start, k),
                    columns: (column, last - column),
                    update: operands.get().update.of_block(start == 0),
                };
                let buffer = packing.a.then(|| left.get().wrapping_add(task * buffers.left));
                // SAFETY: each task has a part of the result and a buffer of its own.
                unsafe { block.run(engine, &operands.get(), right.get(), buffer) }
            });
        }
    }
}

/// Units in which rows are divided between tasks: single rows for a small matrix.
fn x_rows<T>(_: &Engine<T>, m: usize) -> usize {
    m
}

/// Numbers of parts into which rows and strips are divided.
fn grid<T>(engine: &Engine<T>, m: usize, strips: usize, tasks: usize) -> (usize, usize) {
    let (mut rows, mut columns) = (tasks, 1);
    while rows > 1 && m < rows * engine.rows() && columns < strips {
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
    /// Start and length of the block of columns.
    columns: (usize, usize),
    update: Update,
}

impl Block {
    /// # Safety
    /// The operands are valid, the packed ones hold this block, and the buffer has room for a block of the left operand.
    unsafe fn run<T: Copy>(&self, engine: &Engine<T>, x: &Operands<T>, right: Right<T>, buffer: Option<*mut T>) {
        let (start, k) = self.inner;
        let width = engine.columns();
        for (first, end) in blocks(self.rows.len(), M_BLOCK, 1) {
            let (first, m) = (self.rows.start + first, end - first);
            let mut a = x.a.wrapping_add(first * x.a_row + start * x.a_step);
            let (mut a_row, mut a_step) = (x.a_row, x.a_step);
            if let Some(buffer) = buffer {
                // SAFETY: the block is within the operand, and the buffer has room for it.
                unsafe {
                    if x.a_step == 1 {
                        a_row = copied_row::<T>(k);
                        (engine.copy_rows)(m, k, a, x.a_row, buffer, a_row);
                    } else {
                        a_step = copied_row::<T>(m);
                        (engine.copy_rows)(k, m, a, x.a_step, buffer, a_step);
                    }
                }
                a = buffer.cast_const();
            }
            let tiles = m.div_ceil(engine.rows());
            let (height, higher) = (m / tiles, m % tiles);
            for strip in self.strips.clone() {
                let columns = (self.columns.1 - strip * width).min(width);
                let vectors = columns.div_ceil(engine.lanes);
                let last = columns - (vectors - 1) * engine.lanes;
                let (b, b_row) = match right {
                    Right::Plain(b, row) => (b.wrapping_add(strip * width), row),
                    Right::Packed(b) => (b.wrapping_add(strip * width * k), vectors * engine.lanes),
                };
                let kernels = if last == engine.lanes { engine.tiles } else { engine.edges };
                let out = x.out.wrapping_add(first * x.out_row + self.columns.0 + strip * width);
                let mut tile = Tile { k, a, a_row, a_step, b, b_row, out, out_row: x.out_row, last, update: self.update };
                for i in 0..tiles {
                    let rows = height + usize::from(i < higher);
                    // SAFETY: these rows and columns are within the operands.
                    unsafe { kernels[rows - 1][vectors - 1](&tile) };
                    tile.a = tile.a.wrapping_add(rows * a_row);
                    tile.out = tile.out.wrapping_add(rows * x.out_row);
                }
            }
        }
    }
}
