//! Products with a vector, which read every entry of the matrix once: they run at the speed of the memory.

use super::Update;
use super::blocked::{K_BLOCK, K_UNIT, blocks};
use super::engine::Engine;
use super::simd::Vector;
use std::ops::Range;

/// Partial sums of vectors that an inner product keeps, to hide the latency of the addition.
const SUMS: usize = 4;

/// out[i · out_step] = Σ a[i · a_row + p] · x[p] for i below m.
#[derive(Clone, Copy)]
pub(super) struct DotRows<T> {
    pub m: usize,
    pub k: usize,
    pub a: *const T,
    pub a_row: usize,
    pub x: *const T,
    pub out: *mut T,
    pub out_step: usize,
    pub update: Update,
}

/// out[j] = Σ x[p] · a[p · a_row + j] for j below n.
#[derive(Clone, Copy)]
pub(super) struct CombineRows<T> {
    pub k: usize,
    pub n: usize,
    pub a: *const T,
    pub a_row: usize,
    pub x: *const T,
    pub out: *mut T,
    pub update: Update,
}

/// out[i · out_row + j] = a[i · a_step] · b[j] for i below m and j below n.
#[derive(Clone, Copy)]
pub(super) struct Outer<T> {
    pub m: usize,
    pub n: usize,
    pub a: *const T,
    pub a_step: usize,
    pub b: *const T,
    pub out: *mut T,
    pub out_row: usize,
    pub update: Update,
}

impl<T> DotRows<T> {
    /// The part for some rows.
    pub(super) fn part(&self, rows: Range<usize>) -> DotRows<T> {
        let (a, out) =
            (self.a.wrapping_add(rows.start * self.a_row), self.out.wrapping_add(rows.start * self.out_step));
        DotRows { m: rows.len(), a, out, ..*self }
    }
}

impl<T> CombineRows<T> {
    /// The part for some columns.
    pub(super) fn part(&self, columns: Range<usize>) -> CombineRows<T> {
        let (a, out) = (self.a.wrapping_add(columns.start), self.out.wrapping_add(columns.start));
        CombineRows { n: columns.len(), a, out, ..*self }
    }
}

impl<T> Outer<T> {
    /// The part for some rows.
    pub(super) fn part(&self, rows: Range<usize>) -> Outer<T> {
        let (a, out) =
            (self.a.wrapping_add(rows.start * self.a_step), self.out.wrapping_add(rows.start * self.out_row));
        Outer { m: rows.len(), a, out, ..*self }
    }
}

/// Writes to `out` the inner product of slices of equal length.
pub(super) fn dot<T>(engine: &Engine<T>, a: &[T], b: &[T], out: &mut T) {
    let (k, update) = (a.len().min(b.len()), Update::Replace);
    let x = DotRows { m: 1, k, a: a.as_ptr(), a_row: k, x: b.as_ptr(), out, out_step: 1, update };
    // SAFETY: an engine is only handed out on a machine that has its instructions, and both operands have k entries.
    unsafe { (engine.dot_rows)(&x) }
}

/// Puts `new` to the chosen lanes of `to` in the way of `update`.
#[inline(always)]
unsafe fn put<V: Vector>(new: V, mask: Option<V::Mask>, to: *mut V::Scalar, update: Update) {
    // SAFETY: the caller vouches for the instructions, and for the chosen lanes of `to`.
    unsafe {
        let old = || mask.map_or_else(|| V::load(to), |mask| V::load_some(mask, to));
        let new = match update {
            Update::Replace => new,
            Update::Add => old().add(new),
            Update::Subtract => old().sub(new),
        };
        match mask {
            Some(mask) => new.store_some(mask, to),
            None => new.store(to),
        }
    }
}

/// Inner products with the rows of a matrix, several rows at once, each in the same order whichever rows share a pass.
///
/// # Safety
/// The machine has the instructions of V; the entries named are valid.
#[inline(always)]
pub(super) unsafe fn dot_rows<V: Vector>(x: &DotRows<V::Scalar>) {
    let mut i = 0;
    // SAFETY: rows i.. of the same operands, as many as are left.
    unsafe {
        if V::REGISTERS >= 32 {
            while i + 4 <= x.m {
                some_rows::<V, 4>(x, i);
                i += 4;
            }
        }
        while i + 2 <= x.m {
            some_rows::<V, 2>(x, i);
            i += 2;
        }
        if i < x.m {
            some_rows::<V, 1>(x, i);
        }
    }
}

#[inline(always)]
unsafe fn some_rows<V: Vector, const R: usize>(t: &DotRows<V::Scalar>, first: usize) {
    // SAFETY: rows first..first + R are among the m of the caller; columns stay below k.
    unsafe {
        let a = t.a.add(first * t.a_row);
        let mut sums = [[V::zero(); SUMS]; R];
        let mut p = 0;
        while p + SUMS * V::LANES <= t.k {
            for s in 0..SUMS {
                let x = V::load(t.x.add(p + s * V::LANES));
                for r in 0..R {
                    sums[r][s] = V::load(a.add(r * t.a_row + p + s * V::LANES)).mul_add(x, sums[r][s]);
                }
            }
            p += SUMS * V::LANES;
        }
        for s in 0..SUMS {
            if p >= t.k {
                break;
            }
            let mask = V::mask((t.k - p).min(V::LANES));
            let x = V::load_some(mask, t.x.add(p));
            for r in 0..R {
                sums[r][s] = V::load_some(mask, a.add(r * t.a_row + p)).mul_add(x, sums[r][s]);
            }
            p += V::LANES;
        }
        for r in 0..R {
            let [s0, s1, s2, s3] = sums[r];
            let to = t.out.add((first + r) * t.out_step);
            *to = V::update(*to, s0.add(s2).add(s1.add(s3)).sum(), t.update);
        }
    }
}

/// Linear combination of the rows of a matrix, for as many columns at once as fit into registers. Each entry is summed as in
/// a tile of the matrix product.
///
/// # Safety
/// The machine has the instructions of V; the entries named are valid.
#[inline(always)]
pub(super) unsafe fn combine_rows<V: Vector>(x: &CombineRows<V::Scalar>) {
    let widest = V::REGISTERS / 2;
    let vectors = x.n.div_ceil(V::LANES);
    let strips = vectors.div_ceil(widest);
    for (start, end) in blocks(x.k, K_BLOCK, K_UNIT) {
        let update = x.update.of_block(start == 0);
        let mut from = 0;
        for strip in 0..strips {
            let width = vectors / strips + usize::from(strip < vectors % strips);
            macro_rules! of_width {
                ($($w:literal)*) => {
                    match width {
                        // SAFETY: vectors from.. of the same operands, within n columns; rows start..end within k.
                        $($w => unsafe { columns::<V, $w>(x, from * V::LANES, start, end, update) },)*
                        _ => unreachable!("no strip is wider than {widest} vectors"),
                    }
                };
            }
            of_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
            from += width;
        }
    }
}

#[inline(always)]
unsafe fn columns<V: Vector, const W: usize>(
    t: &CombineRows<V::Scalar>,
    first: usize,
    start: usize,
    end: usize,
    update: Update,
) {
    // SAFETY: columns first.. below n, of which the last vector may be cut short; rows below k.
    unsafe {
        let mask = V::mask((t.n - first - (W - 1) * V::LANES).min(V::LANES));
        let mut sums = [V::zero(); W];
        for p in start..end {
            let x = V::splat(*t.x.add(p));
            let row = t.a.add(p * t.a_row + first);
            for w in 0..W {
                let at = row.add(w * V::LANES);
                let entries = if w == W - 1 { V::load_some(mask, at) } else { V::load(at) };
                sums[w] = x.mul_add(entries, sums[w]);
            }
        }
        for w in 0..W {
            put(sums[w], (w == W - 1).then_some(mask), t.out.add(first + w * V::LANES), update);
        }
    }
}

/// Outer product of two vectors.
///
/// # Safety
/// The machine has the instructions of V; the entries named are valid.
#[inline(always)]
pub(super) unsafe fn outer<V: Vector>(t: &Outer<V::Scalar>) {
    let whole = t.n / V::LANES * V::LANES;
    // SAFETY: rows below m and columns below n.
    unsafe {
        let mask = V::mask((t.n - whole).max(1));
        for i in 0..t.m {
            let x = V::splat(*t.a.add(i * t.a_step));
            let to = t.out.add(i * t.out_row);
            for j in (0..whole).step_by(V::LANES) {
                put(x.mul(V::load(t.b.add(j))), None, to.add(j), t.update);
            }
            if whole < t.n {
                put(x.mul(V::load_some(mask, t.b.add(whole))), Some(mask), to.add(whole), t.update);
            }
        }
    }
}
