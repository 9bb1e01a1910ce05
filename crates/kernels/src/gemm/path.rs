//! From slices to kernels: lengths are checked, and the shape decides on the way a product is computed.

use super::blocked::{self, Buffers, LINE, Packing, Shared, each, part};
use super::engine::Engine;
use super::vector::{CombineRows, DotRows, Outer};
use super::{Product, Right, Update, swapped};
use crate::Scalar;

/// Multiplications below which a product stays on one thread: it takes less than some 50 µs in `f32` with AVX-512. Dividing a
/// product of 128³ to 160³ between two threads made the best of many runs 14 µs longer on two cores that others kept busy, so
/// half of a product has to take longer than that. How much is gained on free cores was not measured.
const PARALLEL: usize = 1 << 22;

/// Entries of a matrix below which its product with a vector stays on one thread: it takes less than some 40 µs, where
/// dividing it costs 8 to 14.
const PARALLEL_VECTOR: usize = 1 << 19;

/// Vectors of columns of the result from which a left operand is read often enough to be worth a copy.
const OFTEN_A: usize = 14;

/// Rows of the result from which a right operand is.
const OFTEN_B: usize = 56;

/// Parts of the work for each thread, so that one that is held up does not keep the others waiting for all of its share.
const PARTS: usize = 2;

/// Operands of a product, checked, as the kernels read them.
#[derive(Clone, Copy)]
pub(super) struct Operands<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    /// Entry (i, p) of the left one is `a[i · a_row + p · a_step]`, where one of the distances is 1.
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    /// Entry (p, j) of the right one is `b[p · b_row + j · b_column]`, where one of the distances is 1.
    pub b: *const T,
    pub b_row: usize,
    pub b_column: usize,
    /// Entry (i, j) of the result is `out[i · out_row + j]`.
    pub out: *mut T,
    pub out_row: usize,
    pub update: Update,
}

/// The way a product is computed; it depends on shape and distances alone.
pub(super) enum Path<T> {
    Nothing,
    Zero,
    Outer(Outer<T>),
    Dot(DotRows<T>),
    Combine(CombineRows<T>),
    Tiles(Packing),
}

impl<T> Operands<T> {
    pub(super) fn path(&self, engine: &Engine<T>) -> Path<T> {
        let Operands { m, n, k, a, a_row, a_step, b, b_row, b_column, out, out_row, update } = *self;
        match (m, n, k) {
            (0, _, _) | (_, 0, _) => Path::Nothing,
            (_, _, 0) if update == Update::Replace => Path::Zero,
            (_, _, 0) => Path::Nothing,
            (_, 1, _) if a_step == 1 && b_row == 1 => {
                Path::Dot(DotRows { m, k, a, a_row, x: b, out, out_step: out_row, update })
            }
            (_, 1, _) if a_row == 1 && b_row == 1 && out_row == 1 => {
                Path::Combine(CombineRows { k, n: m, a, a_row: a_step, x: b, out, update })
            }
            (1, _, _) if a_step == 1 && b_column == 1 => {
                Path::Combine(CombineRows { k, n, a: b, a_row: b_row, x: a, out, update })
            }
            (1, _, _) if a_step == 1 && b_row == 1 => {
                Path::Dot(DotRows { m: n, k, a: b, a_row: b_column, x: a, out, out_step: 1, update })
            }
            (_, _, 1) if b_column == 1 => Path::Outer(Outer { m, n, a, a_step: a_row, b, out, out_row, update }),
            _ => Path::Tiles(self.packing(engine)),
        }
    }

    /// Which operands are worth a copy. Measured on x86-64 with AVX-512 in `f32`, with tiles of 14 × 2 vectors: a left operand
    /// that is read along its rows gains nothing from a copy at 1024³ and loses a tenth at 200 × 784 · 784 × 1000. Read across
    /// its rows it gains where it is read often (784 × 200 · 200 × 1000: 108 against 97 GFLOP/s), and loses below
    /// (256 × 128 · 128 × 128: 125 against 139). A right operand gains where it is read often, too
    /// (200 × 784 · 784 × 1000: 140 against 117).
    fn packing(&self, engine: &Engine<T>) -> Packing {
        Packing { a: self.a_step != 1 && self.n > OFTEN_A * engine.lanes, b: self.b_column != 1 || self.m > OFTEN_B }
    }
}

/// Entries from the first to the last of a matrix.
fn extent(rows: usize, columns: usize, row: usize) -> usize {
    if rows == 0 || columns == 0 {
        return 0;
    }
    let last = (rows - 1).checked_mul(row).and_then(|start| start.checked_add(columns));
    last.expect("gemm: a matrix of more entries than memory can have")
}

impl Product {
    /// Rows and columns of a, b and the result as they are stored.
    pub(super) fn stored(&self) -> [(usize, usize); 3] {
        let (m, n, k) = (self.m, self.n, self.k);
        [if self.trans_a { (k, m) } else { (m, k) }, if self.trans_b { (n, k) } else { (k, n) }, (m, n)]
    }

    fn operands<T>(&self, a: *const T, b: *const T, out: *mut T, update: Update) -> Operands<T> {
        let [a_row, b_row, out_row] = self.rows.unwrap_or(self.stored().map(|(_, columns)| columns));
        let (a_row, a_step) = if self.trans_a { (1, a_row) } else { (a_row, 1) };
        let (b_row, b_column) = if self.trans_b { (1, b_row) } else { (b_row, 1) };
        Operands { m: self.m, n: self.n, k: self.k, a, a_row, a_step, b, b_row, b_column, out, out_row, update }
    }

    /// Operands at no place, for questions about the shape.
    fn shape<T>(&self) -> Operands<T> {
        self.operands(std::ptr::null(), std::ptr::null(), std::ptr::null_mut(), Update::Replace)
    }

    /// Panics unless slices of these lengths hold the matrices; `None` is not looked at.
    pub(super) fn check(&self, lengths: [Option<usize>; 3]) {
        for (i, (rows, columns)) in self.stored().into_iter().enumerate() {
            let row = self.rows.map_or(columns, |rows| rows[i]);
            let (needed, name) = (extent(rows, columns, row), ["a", "b", "out"][i]);
            assert!(row >= columns || rows < 2, "gemm: rows of {columns} entries of {name} lie {row} apart");
            if let Some(length) = lengths[i] {
                let fits = if self.rows.is_some() { length >= needed } else { length == needed };
                assert!(fits, "gemm: {name} has {length} entries for {rows} × {columns} with rows {row} apart");
            }
        }
    }

    /// Whether the product is large enough to be divided among threads.
    pub(super) fn is_divided(&self) -> bool {
        let vector = self.m.min(self.n) <= 1;
        let least = if vector { PARALLEL_VECTOR } else { PARALLEL };
        self.m.saturating_mul(self.n).saturating_mul(self.k) >= least
    }

    pub(super) fn threads(&self) -> usize {
        if self.is_divided() { rayon::current_num_threads() } else { 1 }
    }

    pub(super) fn scratch_of<T: Scalar>(&self, engine: &Engine<T>, threads: usize) -> usize {
        let x = self.shape::<T>();
        match x.path(engine) {
            Path::Tiles(packing) => {
                let tasks = if threads > 1 { threads * PARTS } else { 1 };
                let tiles = Buffers::of(engine, &x, packing);
                let swapped = if swapped::pays(&x) { swapped::Buffers::of(engine, &x).total(tasks) } else { 0 };
                match (tiles.panel + tiles.left * tasks).max(swapped) {
                    0 => 0,
                    entries => entries + blocked::slack::<T>(),
                }
            }
            _ => 0,
        }
    }

    pub(super) fn packs_b_with<T: Scalar>(&self, engine: &Engine<T>) -> bool {
        let x = self.shape::<T>();
        matches!(x.path(engine), Path::Tiles(packing) if packing.b && !swapped::pays(&x))
    }

    pub(super) fn packed_len_of<T>(&self, engine: &Engine<T>) -> usize {
        let x = self.shape::<T>();
        match x.path(engine) {
            Path::Tiles(_) => self.k * self.n.next_multiple_of(engine.lanes),
            _ => {
                let (rows, columns) = self.stored()[1];
                extent(rows, columns, x.b_row.max(x.b_column))
            }
        }
    }

    pub(super) fn pack_b_with<T: Scalar>(&self, engine: &Engine<T>, b: &[T], packed: &mut [T]) {
        self.check([None, Some(b.len()), None]);
        let packed = &mut packed[..self.packed_len_of(engine)];
        let x = self.operands(std::ptr::null(), b.as_ptr(), std::ptr::null_mut(), Update::Replace);
        match x.path(engine) {
            // SAFETY: lengths were checked.
            Path::Tiles(_) => unsafe { blocked::pack_all(engine, &x, packed.as_mut_ptr()) },
            _ => packed.copy_from_slice(&b[..packed.len()]),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "those of the public functions, which differ in the last two")]
    pub(super) fn run_with<T: Scalar>(
        &self,
        engine: &Engine<T>,
        update: Update,
        a: &[T],
        b: Right<'_, T>,
        out: &mut [T],
        scratch: &mut [T],
        threads: usize,
    ) {
        let (b, packed) = match b {
            Right::Plain(b) => (b, false),
            Right::Packed(b) => (&b[..self.packed_len_of(engine)], true),
        };
        self.check([Some(a.len()), (!packed).then_some(b.len()), Some(out.len())]);
        let x = self.operands(a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), update);
        let tasks = if threads > 1 { threads * PARTS } else { 1 };
        match x.path(engine) {
            Path::Nothing => {}
            Path::Zero => {
                let row = self.rows.map_or(self.n, |rows| rows[2]);
                out.chunks_mut(row.max(1)).take(self.m).for_each(|row| row[..self.n].fill(T::zero()));
            }
            Path::Outer(x) => {
                let x = Shared(x);
                let tasks = tasks.min(x.get().m);
                each(0..tasks, &|task| {
                    // SAFETY: lengths were checked; tasks have disjoint rows of the result.
                    unsafe { (engine.outer)(&x.get().part(part(x.get().m, tasks, task))) }
                });
            }
            Path::Dot(x) => {
                let x = Shared(x);
                let tasks = tasks.min(x.get().m);
                each(0..tasks, &|task| {
                    // SAFETY: lengths were checked; tasks have disjoint entries of the result.
                    unsafe { (engine.dot_rows)(&x.get().part(part(x.get().m, tasks, task))) }
                });
            }
            Path::Combine(x) => {
                let x = Shared(x);
                let vectors = x.get().n.div_ceil(engine.lanes);
                let tasks = tasks.min(vectors);
                each(0..tasks, &|task| {
                    let part = part(vectors, tasks, task);
                    let columns = part.start * engine.lanes..(part.end * engine.lanes).min(x.get().n);
                    // SAFETY: lengths were checked; tasks have disjoint entries of the result.
                    unsafe { (engine.combine_rows)(&x.get().part(columns)) }
                });
            }
            Path::Tiles(packing) => {
                let packing = if packed { Packing { b: false, ..packing } } else { packing };
                if !packed && swapped::pays(&x) {
                    let buffers = swapped::Buffers::of(engine, &x);
                    let scratch = aligned(scratch, buffers.total(1));
                    let room = (scratch.len() - buffers.total(0)) / (buffers.total(1) - buffers.total(0));
                    // SAFETY: lengths were checked, and the number of tasks is that for which there are buffers.
                    return unsafe { swapped::product(engine, &x, scratch.as_mut_ptr(), tasks.min(room)) };
                }
                let buffers = Buffers::of(engine, &x, packing);
                let (scratch, tasks) = if buffers.panel + buffers.left == 0 {
                    (&mut [][..], tasks)
                } else {
                    let scratch = aligned(scratch, buffers.panel + buffers.left);
                    let room = (scratch.len() - buffers.panel).checked_div(buffers.left).unwrap_or(usize::MAX);
                    (scratch, tasks.min(room))
                };
                let packed = packed.then_some(b.as_ptr());
                // SAFETY: lengths were checked, and the number of tasks is that for which there are buffers.
                unsafe { blocked::product(engine, &x, packing, packed, scratch.as_mut_ptr(), tasks) }
            }
        }
    }
}

/// The scratch from a line of the cache on.
///
/// # Panics
/// If fewer entries are left than needed.
fn aligned<T>(scratch: &mut [T], needed: usize) -> &mut [T] {
    let offset = match scratch.as_ptr().align_offset(LINE) {
        offset if offset <= blocked::slack::<T>() => offset,
        // No such place, as in an interpreter that does not know addresses.
        _ => 0,
    };
    let length = scratch.len();
    let scratch = scratch.get_mut(offset..).filter(|rest| rest.len() >= needed);
    scratch.unwrap_or_else(|| panic!("gemm: {length} entries of scratch, see Product::scratch"))
}
