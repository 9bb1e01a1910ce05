//! Products of matrices, one for every entry of the leading axes.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{record, refuse};
use kernels::gemm::{Product, Update};
use std::panic::Location;

/// op(A) · op(B) over equal leading axes, where op transposes or not. Closed under transposition: each derivative is a
/// `Matmul` again, so no transposed copy is ever made.
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
            let shape: Shape = lead.iter().chain(&s[s.rank() - 2..]).copied().collect();
            v.broadcast_at(&shape, place)
        };
        record(plain, &[spread(self, &a), spread(other, &b)], place)
    }
}

impl Matmul {
    /// (batch, m, n, k) of a product.
    fn sizes(&self, a: &Shape, b: &Shape) -> (usize, usize, usize, usize) {
        let r = a.rank();
        let (m, k) = if self.trans_a { (a[r - 1], a[r - 2]) } else { (a[r - 2], a[r - 1]) };
        let n = if self.trans_b { b[r - 2] } else { b[r - 1] };
        (a[..r - 2].iter().product(), m, n, k)
    }
}

impl Structured for Matmul {
    const NAME: &'static str = "matmul";
    const CLASS: Class = Class::Bilinear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let r = a.rank();
        if r < 2 || b.rank() != r || a[..r - 2] != b[..r - 2] {
            return Err(format!("{a} and {b} are not matrices under equal leading axes"));
        }
        let inner = if self.trans_b { b[r - 1] } else { b[r - 2] };
        let (_, m, n, k) = self.sizes(a, b);
        if inner != k {
            return Err(format!("inner axes differ: {a} · {b} (transposed: {}, {})", self.trans_a, self.trans_b));
        }
        Ok(a[..r - 2].iter().copied().chain([m, n]).collect())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let (a, b) = (&operands[0], &operands[1]);
        let (batch, m, n, k) = self.sizes(a.shape, b.shape);
        let product = Product::new(m, n, k).trans_a(self.trans_a).trans_b(self.trans_b);
        for i in 0..batch {
            product.run(
                Update::Replace,
                &a.data[i * m * k..(i + 1) * m * k],
                &b.data[i * k * n..(i + 1) * k * n],
                &mut out[i * m * n..(i + 1) * m * n],
                scratch,
            );
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape]) -> usize {
        let (_, m, n, k) = self.sizes(operands[0], operands[1]);
        let product = Product::new(m, n, k).trans_a(self.trans_a).trans_b(self.trans_b);
        // The same program may run at either precision.
        product.scratch::<f32>().max(product.scratch::<f64>())
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let (batch, m, n, k) = self.sizes(operands[0], operands[1]);
        2 * (batch * m * n * k) as u64
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
        match (operand, self.trans_a, self.trans_b) {
            (0, false, tb) => of(false, !tb, c, operands[1]),
            (0, true, tb) => of(tb, true, operands[1], c),
            (_, ta, false) => of(!ta, false, operands[0], c),
            (_, ta, true) => of(true, ta, c, operands[0]),
        }
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        // Directions on the left of a plain matrix are further rows of one product.
        if batched == [true, false] && !self.trans_a && operands[1].rank() == 2 {
            let a = operands[0].shape();
            let rows = operands[0].reshape(&[k * a[1], a[2]]);
            let product = record(self.clone(), &[rows, operands[1]], Location::caller());
            let n = product.shape()[1];
            return Some(product.reshape(&[k, a[1], n]));
        }
        let all = super::all_batched(operands, batched, k);
        Some(record(self.clone(), &all, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let mut all = Vec::new();
        for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
            for lead in [&[][..], &[2], &[2, 2]] {
                let shape = |m, n, transposed| -> Shape {
                    let (m, n) = if transposed { (n, m) } else { (m, n) };
                    lead.iter().copied().chain([m, n]).collect()
                };
                all.push((Matmul { trans_a, trans_b }, vec![shape(2, 3, trans_a), shape(3, 4, trans_b)]));
            }
        }
        all
    }
}
