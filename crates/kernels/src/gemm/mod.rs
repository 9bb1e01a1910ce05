//! Products of dense row-major matrices.

mod blocked;
mod engine;
mod pack;
mod simd;
mod tile;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::Scalar;
use blocked::{Buffers, Packing};
pub use engine::Engine;
pub(crate) use engine::{engines_f32, engines_f64};
use vector::{CombineRows, DotRows, Outer};

/// Length of the blocks of the inner axis, each of which is summed from zero before it joins the result.
const K_BLOCK: usize = 256;

#[doc(hidden)]
pub static TUNE: [std::sync::atomic::AtomicUsize; 4] = [const { std::sync::atomic::AtomicUsize::new(9) }; 4];

/// What becomes of the numbers that the result held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// out = a · b; the old numbers are not read.
    Replace,
    /// out += a · b.
    Add,
    /// out −= a · b.
    Subtract,
}

impl Update {
    /// The update by one of several blocks of the inner axis.
    fn of_block(self, first: bool) -> Update {
        if self == Update::Replace && !first { Update::Add } else { self }
    }
}

/// Shape of a product op(a) · op(b).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Rows of the result.
    m: usize,
    /// Columns of the result.
    n: usize,
    /// Length of the inner axis.
    k: usize,
    /// Whether `a` holds k × m entries instead of m × k.
    trans_a: bool,
    /// Whether `b` holds n × k entries instead of k × n.
    trans_b: bool,
    rows: [Option<usize>; 3],
}

/// Operands of a product, checked, as the kernels read them.
#[derive(Clone, Copy)]
struct Operands<T> {
    m: usize,
    n: usize,
    k: usize,
    /// Entry (i, p) is `a[i · a_row + p · a_step]`.
    a: *const T,
    a_row: usize,
    a_step: usize,
    /// Entry (p, j) is `b[p · b_row + j · b_column]`.
    b: *const T,
    b_row: usize,
    b_column: usize,
    out: *mut T,
    out_row: usize,
    update: Update,
}

/// The way a product is computed; chosen by its shape alone.
enum Path<T> {
    Nothing,
    Zero,
    Outer(Outer<T>),
    Dot(DotRows<T>),
    Combine(CombineRows<T>),
    Tiles(Packing),
}

/// Blocks of nearly equal length, at most `block`, a multiple of `unit`, and multiples of it themselves but the last.
fn blocks(length: usize, block: usize, unit: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = length.div_ceil(length.div_ceil(block).max(1)).next_multiple_of(unit).max(1);
    (0..length).step_by(step).map(move |start| (start, (start + step).min(length)))
}

impl Product {
    /// A product of an m × k and a k × n matrix, neither transposed.
    pub fn new(m: usize, n: usize, k: usize) -> Product {
        Product { m, n, k, trans_a: false, trans_b: false, rows: [None; 3] }
    }

    /// The same with `a` stored transposed, k × m, if so.
    pub fn trans_a(self, trans_a: bool) -> Product {
        Product { trans_a, ..self }
    }

    /// The same with `b` stored transposed, n × k, if so.
    pub fn trans_b(self, trans_b: bool) -> Product {
        Product { trans_b, ..self }
    }

    /// Entries of scratch.
    pub fn scratch<T: Scalar>(&self) -> usize {
        let x = self.operands::<T>(std::ptr::null(), std::ptr::null(), std::ptr::null_mut(), Update::Replace);
        match path(T::engine(), &x) {
            Path::Tiles(packing) => {
                let buffers = Buffers::of(T::engine(), &x, packing);
                buffers.panel + buffers.left + blocked::slack::<T>()
            }
            _ => 0,
        }
    }

    /// Computes.
    pub fn run<T: Scalar>(&self, update: Update, a: &[T], b: &[T], out: &mut [T], scratch: &mut [T]) {
        let x = self.operands(a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), update);
        let engine = T::engine();
        match path(engine, &x) {
            Path::Nothing => {}
            Path::Zero => out.fill(T::zero()),
            // SAFETY:
            Path::Outer(x) => unsafe { (engine.outer)(&x) },
            // SAFETY:
            Path::Dot(x) => unsafe { (engine.dot_rows)(&x) },
            // SAFETY:
            Path::Combine(x) => unsafe { (engine.combine_rows)(&x) },
            Path::Tiles(packing) => {
                let offset = scratch.as_ptr().align_offset(blocked::LINE).min(scratch.len());
                // SAFETY:
                unsafe { blocked::product(engine, &x, packing, None, scratch[offset..].as_mut_ptr(), 1) }
            }
        }
    }

    fn operands<T>(&self, a: *const T, b: *const T, out: *mut T, update: Update) -> Operands<T> {
        let [a_row, b_row, out_row] = self.rows;
        let (a_row, a_step) =
            if self.trans_a { (1, a_row.unwrap_or(self.m)) } else { (a_row.unwrap_or(self.k), 1) };
        let (b_row, b_column) =
            if self.trans_b { (1, b_row.unwrap_or(self.k)) } else { (b_row.unwrap_or(self.n), 1) };
        Operands {
            m: self.m,
            n: self.n,
            k: self.k,
            a,
            a_row,
            a_step,
            b,
            b_row,
            b_column,
            out,
            out_row: out_row.unwrap_or(self.n),
            update,
        }
    }
}

fn path<T>(engine: &Engine<T>, x: &Operands<T>) -> Path<T> {
    let Operands { m, n, k, a, a_row, a_step, b, b_row, b_column, out, out_row, update } = *x;
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
        (1, _, _) if b_column == 1 && a_step == 1 => {
            Path::Combine(CombineRows { k, n, a: b, a_row: b_row, x: a, out, update })
        }
        (1, _, _) if b_row == 1 && a_step == 1 => {
            Path::Dot(DotRows { m: n, k, a: b, a_row: b_column, x: a, out, out_step: 1, update })
        }
        (_, _, 1) if b_column == 1 => Path::Outer(Outer { m, n, a, a_step: a_row, b, out, out_row, update }),
        _ => {
            let t = |i: usize| TUNE[i].load(std::sync::atomic::Ordering::Relaxed);
            let pa = match t(0) { 9 => n > 4 * engine.columns(), x => x != 0 };
            let pb = match t(1) { 9 => m > 4 * engine.rows(), x => x != 0 };
            Path::Tiles(Packing { a: pa, b: b_column != 1 || pb })
        }
    }
}

/// Inner product of two slices of equal length.
///
/// The terms are summed in interleaved partial sums, so the result may differ from that of a loop in the last digits.
///
/// ```
/// assert_eq!(kernels::gemm::dot(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
/// ```
pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    assert_eq!(a.len(), b.len(), "dot: slices of equal length");
    let mut out = T::zero();
    let (k, update) = (a.len(), Update::Replace);
    let x = DotRows { m: 1, k, a: a.as_ptr(), a_row: k, x: b.as_ptr(), out: &mut out, out_step: 1, update };
    // SAFETY: the engine is that of this machine, and both operands have k entries.
    unsafe { (T::engine().dot_rows)(&x) };
    out
}
