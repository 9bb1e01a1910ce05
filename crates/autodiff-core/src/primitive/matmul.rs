//! Products of matrices, one for every entry of the leading axes.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use kernels::gemm::{Product, Update};
use std::panic::Location;

/// op(A) · op(B) for every entry of the leading axes, where op transposes or not. An operand that is one matrix, without leading
/// axes, serves all entries. Closed under transposition: each derivative is a `Matmul` again (summed over the leading axes for
/// an operand that served all), so no transposed or repeated copy is ever made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matmul {
    /// Whether A is stored transposed: [..., k, m] instead of [..., m, k].
    pub trans_a: bool,
    /// Whether B is stored transposed: [..., n, k] instead of [..., k, n].
    pub trans_b: bool,
}

impl Var {
    /// Matrix product over the last axis of `self` and the last but one of `other`, as in NumPy: leading axes broadcast, a
    /// vector is a row on the left and a column on the right, and that axis vanishes from the result.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    /// // f(x) = ½ xᵀ A x has the gradient A x for a symmetric A.
    /// let f = Function::with_data(
    ///     |x: &Var, a: &Var| 0.5 * x.dot(a.matmul(*x)),
    ///     &arr2(&[[2.0, 1.0], [1.0, 3.0]]),
    /// );
    /// assert_eq!(f.gradient(&arr1(&[1.0, -1.0])).unwrap(), arr1(&[1.0, -2.0]));
    /// ```
    #[track_caller]
    pub fn matmul(self, other: Var) -> Var {
        let place = Location::caller();
        if !crate::trace::all_here("matmul", &[self, other], place) {
            return record(Matmul { trans_a: false, trans_b: false }, &[self, other], place);
        }
        let (a, b) = (self.shape(), other.shape());
        if a.rank() == 0 || b.rank() == 0 || a[a.rank() - 1] != b[b.rank().saturating_sub(2)] {
            let transposed_fits = a.rank() >= 1 && b.rank() >= 2 && a[a.rank() - 1] == b[b.rank() - 1];
            let hint = if transposed_fits { " (transpose the second operand?)" } else { "" };
            return refuse("matmul", format!("inner axes differ: {a} · {b}{hint}"), place);
        }
        if b.rank() == 1 {
            // A · b: b becomes a column, and the column axis vanishes.
            let left = if a.rank() == 1 { self.reshape(&[1, a[0]]) } else { self };
            return left.matmul_matrix(other.reshape(&[b[0], 1]), place).reshape(&a[..a.rank() - 1]);
        }
        if a.rank() == 1 {
            let shape = b.without(b.rank() - 2);
            return self.reshape(&[1, a[0]]).matmul_matrix(other, place).reshape(&shape);
        }
        self.matmul_matrix(other, place)
    }

    /// Inner product of two arrays of one shape, over all entries: a scalar.
    #[track_caller]
    pub fn dot(self, other: Var) -> Var {
        let (a, b) = (self.shape(), other.shape());
        if a != b {
            return refuse("dot", format!("shapes differ: {a} and {b}"), Location::caller());
        }
        // By entries and not as a matrix product, so that a `select` around it may discard infinite entries.
        (self * other).sum()
    }

    /// Outer product: entry [i, j] is `self[i] · other[j]`, for the flattened entries of both.
    #[track_caller]
    pub fn outer(self, other: Var) -> Var {
        self.reshape(&[self.size(), 1]).matmul_matrix(other.reshape(&[1, other.size()]), Location::caller())
    }

    /// Product of arrays of rank at least 2.
    fn matmul_matrix(self, other: Var, place: &'static Location<'static>) -> Var {
        let plain = Matmul { trans_a: false, trans_b: false };
        let (a, b) = (self.shape(), other.shape());
        let (ra, rb) = (a.rank(), b.rank());
        if rb == 2 && ra > 2 {
            // One matrix for all: the leading axes are rows, and the whole is one product.
            let rows: usize = a[..ra - 1].iter().product();
            let flat = record(plain, &[self.reshape(&[rows, a[ra - 1]]), other], place);
            return flat.reshape(&a.with_axis(ra - 1, b[1]));
        }
        let (lead_a, lead_b) = (Shape::of(&a[..ra - 2]), Shape::of(&b[..rb - 2]));
        let Some(lead) = lead_a.broadcast(&lead_b) else {
            return refuse("matmul", format!("leading axes of {a} and {b} do not broadcast"), place);
        };
        let spread = |v: Var, s: &Shape| {
            if s.rank() == 2 {
                return v;
            }
            let shape: Shape = lead.iter().chain(&s[s.rank() - 2..]).copied().collect();
            v.broadcast_at(&shape, place)
        };
        record(plain, &[spread(self, &a), spread(other, &b)], place)
    }
}

impl Matmul {
    /// Sizes of a product, whose operands fit.
    fn sizes(&self, a: &Shape, b: &Shape) -> Sizes {
        let (ra, rb) = (a.rank(), b.rank());
        let (m, k) = if self.trans_a { (a[ra - 1], a[ra - 2]) } else { (a[ra - 2], a[ra - 1]) };
        let n = if self.trans_b { b[rb - 2] } else { b[rb - 1] };
        let count = |s: &Shape| -> usize { s[..s.rank() - 2].iter().product() };
        Sizes { count: if ra > 2 { count(a) } else { count(b) }, m, n, k, a_serves_all: ra == 2, b_serves_all: rb == 2 }
    }

    fn product(&self, sizes: &Sizes) -> Product {
        Product::new(sizes.m, sizes.n, sizes.k).trans_a(self.trans_a).trans_b(self.trans_b)
    }

    /// Replaces or updates `out` by the product.
    pub(crate) fn update<T: Float>(&self, update: Update, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) {
        let (a, b) = (&operands[0], &operands[1]);
        let sizes = self.sizes(a.shape, b.shape);
        let Sizes { count, m, n, k, a_serves_all, b_serves_all } = sizes;
        let product = self.product(&sizes);
        // What serves several products is put in order for the kernel once.
        let packed = if sizes.packs_b() { product.packed_len::<T>() } else { 0 };
        let (packed, scratch) = scratch.split_at_mut(packed);
        if sizes.packs_b() {
            product.pack_b(b.data, packed);
        }
        for i in 0..count {
            let (at_a, at_b) = (if a_serves_all { 0 } else { i * m * k }, if b_serves_all { 0 } else { i * k * n });
            let (a, out) = (&a.data[at_a..at_a + m * k], &mut out[i * m * n..(i + 1) * m * n]);
            if sizes.packs_b() {
                product.run_packed_parallel(update, a, packed, out, scratch);
            } else {
                product.run_parallel(update, a, &b.data[at_b..at_b + k * n], out, scratch);
            }
        }
    }
}

/// How many products of m × k and k × n, and whether an operand is the same for all.
struct Sizes {
    count: usize,
    m: usize,
    n: usize,
    k: usize,
    a_serves_all: bool,
    b_serves_all: bool,
}

impl Sizes {
    /// Whether the right operand serves several products, none of which is one with a vector.
    fn packs_b(&self) -> bool {
        self.count > 1 && self.b_serves_all && self.m > 1 && self.n > 1 && self.k > 1
    }
}

impl Structured for Matmul {
    const NAME: &'static str = "matmul";
    const CLASS: Class = Class::Bilinear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let (ra, rb) = (a.rank(), b.rank());
        if ra < 2 || rb < 2 || (ra > 2 && rb > 2 && a[..ra - 2] != b[..rb - 2]) {
            return Err(format!("{a} and {b} are not matrices under equal leading axes"));
        }
        let inner = if self.trans_b { b[rb - 1] } else { b[rb - 2] };
        let Sizes { m, n, k, .. } = self.sizes(a, b);
        if inner != k {
            return Err(format!("inner axes differ: {a} · {b} (transposed: {}, {})", self.trans_a, self.trans_b));
        }
        let lead = if ra > 2 { &a[..ra - 2] } else { &b[..rb - 2] };
        Ok(lead.iter().copied().chain([m, n]).collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        self.update(Update::Replace, operands, out, scratch);
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize {
        let sizes = self.sizes(operands[0], operands[1]);
        let product = self.product(&sizes);
        let packed = |length: usize| if sizes.packs_b() { length } else { 0 };
        // The same program may run at either precision.
        (product.scratch_parallel::<f32>(threads) + packed(product.packed_len::<f32>()))
            .max(product.scratch_parallel::<f64>(threads) + packed(product.packed_len::<f64>()))
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let Sizes { count, m, n, k, .. } = self.sizes(operands[0], operands[1]);
        2 * (count * m * n * k) as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("transposed", vec![i64::from(self.trans_a), i64::from(self.trans_b)])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        match get("transposed")?.as_slice() {
            [a, b] => Some(Matmul { trans_a: *a != 0, trans_b: *b != 0 }),
            _ => None,
        }
    }

    // With C = op(A) op(B) and c the cotangent of C:
    //   A plain:      a = c op(B)ᵀ        A transposed: a = op(B) cᵀ
    //   B plain:      b = op(A)ᵀ c        B transposed: b = cᵀ op(A)
    fn transpose(&self, operand: usize, c: Var, operands: &[Var]) -> Var {
        let of = |trans_a, trans_b, x: Var, y: Var| record(Matmul { trans_a, trans_b }, &[x, y], Location::caller());
        let all = match (operand, self.trans_a, self.trans_b) {
            (0, false, tb) => of(false, !tb, c, operands[1]),
            (0, true, tb) => of(tb, true, operands[1], c),
            (_, ta, false) => of(!ta, false, operands[0], c),
            (_, ta, true) => of(true, ta, c, operands[0]),
        };
        // What served all entries of the leading axes receives from all of them.
        let lead = all.rank() - operands[operand].rank();
        if lead == 0 { all } else { all.sum_axes(&(0..lead as isize).collect::<Vec<_>>()) }
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        let of = |trans_a, trans_b, x: Var, y: Var| record(Matmul { trans_a, trans_b }, &[x, y], Location::caller());
        let (a, b) = (operands[0].shape(), operands[1].shape());
        let batched = (batched[0], batched[1]);
        let plain = a.rank() <= 3 && b.rank() <= 3 && (batched.0 || a.rank() == 2) && (batched.1 || b.rank() == 2);
        if plain && batched == (true, false) {
            // Directions on the left of one matrix are further rows of one product: stored as rows, or single columns.
            if !self.trans_a || a[2] == 1 {
                let (rows, inner) = if self.trans_a { (1, a[1]) } else { (a[1], a[2]) };
                let product = of(false, self.trans_b, operands[0].reshape(&[k * rows, inner]), operands[1]);
                return Some(product.reshape(&[k, rows, product.shape()[1]]));
            }
            return Some(of(self.trans_a, self.trans_b, operands[0], operands[1]));
        }
        if plain && batched == (false, true) {
            // Columns on the right of one matrix are rows on the left of its transpose.
            let columns = if self.trans_b { b[1] } else { b[2] };
            if columns == 1 {
                let rows = operands[1].reshape(&[k, b[1] * b[2]]);
                let product = of(false, !self.trans_a, rows, operands[0]);
                return Some(product.reshape(&[k, product.shape()[1], 1]));
            }
            return Some(of(self.trans_a, self.trans_b, operands[0], operands[1]));
        }
        // Otherwise each direction has products of its own, under the leading axes there were.
        let single = [a.rank() - usize::from(batched.0), b.rank() - usize::from(batched.1)];
        let long = usize::from(single[1] > single[0]);
        let skip = usize::from([batched.0, batched.1][long]);
        let lead = Shape::of(&[&a, &b][long][skip..skip + single[long] - 2]);
        let full = |i: usize, has: bool| {
            let (v, s) = (operands[i], operands[i].shape());
            match has {
                true if single[i] == 2 && lead.rank() > 0 => {
                    let with = |lead: &[usize]| -> Shape { [&s[..1], lead, &s[1..]].concat().into_iter().collect() };
                    v.reshape(&with(&vec![1; lead.rank()])).broadcast_to(&with(&lead))
                }
                // One matrix serves all directions too.
                false if single[i] > 2 => v.broadcast_to(&s.with_leading(k)),
                _ => v,
            }
        };
        Some(of(self.trans_a, self.trans_b, full(0, batched.0), full(1, batched.1)))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let mut all = Vec::new();
        for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
            let shape = |lead: &[usize], m, n, transposed| -> Shape {
                let (m, n) = if transposed { (n, m) } else { (m, n) };
                lead.iter().copied().chain([m, n]).collect()
            };
            // Equal leading axes, and one matrix for all.
            let leads: [[&[usize]; 2]; 7] =
                [[&[], &[]], [&[2], &[2]], [&[2, 2], &[2, 2]], [&[], &[3]], [&[3], &[]], [&[], &[2, 2]], [&[2, 2], &[]]];
            for [lead_a, lead_b] in leads {
                let shapes = vec![shape(lead_a, 2, 3, trans_a), shape(lead_b, 3, 4, trans_b)];
                all.push((Matmul { trans_a, trans_b }, shapes));
            }
            // Single columns and rows.
            for (m, n) in [(2, 1), (1, 2)] {
                all.push((Matmul { trans_a, trans_b }, vec![shape(&[], m, 3, trans_a), shape(&[], 3, n, trans_b)]));
            }
        }
        all
    }
}
