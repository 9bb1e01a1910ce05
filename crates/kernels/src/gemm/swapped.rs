//! The product with the operands in each other's place: for few rows and a transposed right operand.
//!
//! The right operand of a tile is read along its rows, so a transposed one is packed first, which for few rows takes as long as
//! the product. In the transposed product it is the left operand, of which rows are read where they are. The result comes out
//! transposed, a block of rows at a time, and is turned in the cache. Entries are summed as by the other way: the bits are equal.

use super::Update;
use super::blocked::{self, K_BLOCK, K_UNIT, Packing, Shared, blocks, each, part, slack};
use super::engine::Engine;
use super::path::Operands;
use crate::Scalar;

/// Rows of the transposed result that are computed before they are turned.
const ROWS: usize = 168;

/// Rows of the left operand at most.
const FEW: usize = 56;

/// Entries of the buffers.
pub(super) struct Buffers {
    /// For a packed block of the left operand.
    panel: usize,
    /// For rows of the transposed result, and for them turned; both for each task.
    rows: usize,
    turned: usize,
}

/// Whether a product that is not a vector's is computed this way: the turning of m × n sums costs less than packing k × n entries.
pub(super) fn pays<T>(x: &Operands<T>) -> bool {
    x.b_row == 1 && x.b_column != 1 && x.m <= FEW && x.m < x.k && x.n >= ROWS
}

impl Buffers {
    pub(super) fn of<T>(engine: &Engine<T>, x: &Operands<T>) -> Buffers {
        Buffers {
            panel: (x.k.min(K_BLOCK) * x.m.next_multiple_of(engine.lanes)).next_multiple_of(slack::<T>()),
            rows: (ROWS * x.m).next_multiple_of(slack::<T>()),
            turned: (ROWS.next_multiple_of(engine.lanes) * x.m).next_multiple_of(slack::<T>()),
        }
    }

    /// Entries with which so many tasks can be at work.
    pub(super) fn total(&self, tasks: usize) -> usize {
        self.panel + tasks * (self.rows + self.turned)
    }
}

/// Computes the product with buffers from `scratch`, as several tasks that may run at once.
///
/// # Safety
/// The operands are valid, and `scratch` has room for the [`Buffers`] of the tasks.
pub(super) unsafe fn product<T: Scalar>(engine: &Engine<T>, x: &Operands<T>, scratch: *mut T, tasks: usize) {
    let buffers = Buffers::of(engine, x);
    let (panel, rest) = (Shared(scratch), Shared(scratch.wrapping_add(buffers.panel)));
    for (start, end) in blocks(x.k, K_BLOCK, K_UNIT) {
        let block = Shared(Operands {
            m: x.n,
            n: x.m,
            k: end - start,
            a: x.b.wrapping_add(start),
            a_row: x.b_column,
            a_step: 1,
            b: x.a.wrapping_add(start * x.a_step),
            b_row: x.a_step,
            b_column: x.a_row,
            out: std::ptr::null_mut(),
            out_row: x.m,
            update: Update::Replace,
        });
        // SAFETY: the caller vouches for operand and room.
        unsafe { blocked::pack_all(engine, &block.get(), panel.get()) }
        let (whole, update) = (Shared(*x), x.update.of_block(start == 0));
        each(0..tasks, &|task| {
            let rows = rest.get().wrapping_add(task * (buffers.rows + buffers.turned));
            let turned = rows.wrapping_add(buffers.rows);
            let columns = part(whole.get().n, tasks, task);
            for first in columns.clone().step_by(ROWS) {
                let some = Operands {
                    m: ROWS.min(columns.end - first),
                    a: block.get().a.wrapping_add(first * block.get().a_row),
                    out: rows,
                    ..block.get()
                };
                let packing = Packing { a: false, b: false };
                // SAFETY: the rows are within the operand, tasks have buffers and columns of the result of their own.
                unsafe {
                    blocked::product(engine, &some, packing, Some(panel.get().cast_const()), rows, 1);
                    turn(engine, &some, turned, whole.get().out.wrapping_add(first), whole.get().out_row, update);
                }
            }
        });
    }
}

/// Updates `out` by the transpose of the rows at `sums.out`, over `turned`.
///
/// # Safety
/// `out` has `sums.n` rows of `sums.m` entries, `turned` room for as many in whole vectors.
unsafe fn turn<T: Scalar>(
    engine: &Engine<T>,
    sums: &Operands<T>,
    turned: *mut T,
    out: *mut T,
    out_row: usize,
    update: Update,
) {
    let (rows, columns, width) = (sums.n, sums.m, sums.m.next_multiple_of(engine.lanes));
    // SAFETY: the caller vouches for both; the slices of buffer and result do not overlap.
    unsafe {
        (engine.pack_transposed)(rows, columns, sums.out.cast_const(), sums.out_row, turned, width);
        for i in 0..rows {
            let from = std::slice::from_raw_parts(turned.add(i * width).cast_const(), columns);
            let to = std::slice::from_raw_parts_mut(out.add(i * out_row), columns);
            match update {
                Update::Replace => to.copy_from_slice(from),
                Update::Add => to.iter_mut().zip(from).for_each(|(y, &s)| *y += s),
                Update::Subtract => to.iter_mut().zip(from).for_each(|(y, &s)| *y -= s),
            }
        }
    }
}
