//! Solutions of systems of linear equations.

use super::Matmul;
use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::{all_here, record, refuse};
use std::panic::Location;

/// The solution X of op(A) · X = B for every entry of equal leading axes, where op transposes or not.
///
/// Defined by the relation op(A) · X, which all derivatives follow from: A x = b gives A ẋ = ḃ − Ȧ x.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Solve {
    /// Whether the matrices are transposed first.
    pub transposed: bool,
}

impl Var {
    /// The solution X of A · X = B, where A is `self` and B is `rhs`.
    ///
    /// A is [..., n, n]. B is a list of columns [..., n, m], and X is too; or, if it has one axis less than A or only one
    /// axis at all, a vector [..., n], and X is too. Leading axes broadcast. To solve with several right-hand sides per
    /// matrix, pass them as columns of one B.
    ///
    /// Each run factors each matrix by LU with partial pivoting, 2n³/3 + 2n²m operations; one matrix for many leading
    /// entries of B is factored once. A derivative is one more solve with the same matrix, of 2n²m operations: what several
    /// solves of a program share is factored once, and at a [linearised](crate::Function::linearize) point once for all products.
    ///
    /// A singular matrix is no error: it gives NaN if elimination meets a pivot that is exactly 0, and huge numbers if
    /// rounding makes it differ from 0. The trace is refused, with this line, if the shapes do not fit.
    ///
    /// ```
    /// use autodiff_core::{Function, Var};
    /// use ndarray::{arr1, arr2};
    /// // f(b) = ½ bᵀ A⁻¹ b has the gradient A⁻¹ b for a symmetric A: 2x + y = 5, x + 3y = 10 at x = 1, y = 3.
    /// let f = Function::with_data(|b: &Var, a: &Var| 0.5 * b.dot(a.solve(*b)), &arr2(&[[2.0, 1.0], [1.0, 3.0]]));
    /// let gradient = f.gradient(&arr1(&[5.0, 10.0])).unwrap();
    /// assert!((gradient - arr1(&[1.0, 3.0])).iter().all(|e: &f64| e.abs() < 1e-14));
    /// ```
    #[track_caller]
    pub fn solve(self, rhs: Var) -> Var {
        let place = Location::caller();
        let plain = Solve { transposed: false };
        if !all_here("solve", &[self, rhs], place) {
            return record(plain, &[self, rhs], place);
        }
        let (a, b) = (self.shape(), rhs.shape());
        let fail = |message: String| refuse("solve", message, place);
        if a.rank() < 2 || a[a.rank() - 1] != a[a.rank() - 2] {
            return fail(format!("expected square matrices [..., n, n], found {a}"));
        }
        let n = a[a.rank() - 1];
        let is_vector = b.rank() == 1 || b.rank() + 1 == a.rank();
        let columns: Shape = if is_vector { b.iter().copied().chain([1]).collect() } else { b.clone() };
        let Some(lead_b) = columns.len().checked_sub(2).filter(|&row| columns[row] == n) else {
            let form = if is_vector { "vectors: one axis, or one less than the matrices" } else { "matrices" };
            return fail(format!("matrices {a} need {n} rows on the right, found {b} (read as {form})"));
        };
        let (lead_a, lead_b) = (Shape::of(&a[..a.rank() - 2]), Shape::of(&columns[..lead_b]));
        let Some(lead) = lead_a.broadcast(&lead_b) else {
            return fail(format!("leading axes of {a} and {b} do not broadcast"));
        };
        let with = |axes: [usize; 2]| -> Shape { lead.iter().copied().chain(axes).collect() };
        let m = columns[columns.rank() - 1];
        let right = rhs.reshape(&columns).broadcast_at(&with([n, m]), place);
        let solution = if lead_a.rank() == 0 && lead.rank() > 0 {
            // One matrix for all: their right-hand sides are columns of one system.
            let count = lead.size();
            side_by_side(&plain, self, right.reshape(&[count, n, m]), count)
        } else {
            record(plain, &[self.broadcast_at(&with([n, n]), place), right], place)
        };
        if is_vector { solution.reshape(&with([n, m])[..lead.rank() + 1]) } else { solution.reshape(&with([n, m])) }
    }
}

/// The solutions [k, ..., n, m] of systems with the matrices `a` [..., n, n] and right-hand sides `b` [k, ..., n, m]: one
/// factorisation for all k.
#[track_caller]
fn side_by_side(solve: &Solve, a: Var, b: Var, k: usize) -> Var {
    let shape = b.shape();
    let last = shape.rank() - 1;
    let (lead, m) = (&shape[1..last], shape[last]);
    let columns = b.move_axis(0, last - 1).reshape(&[lead, &[k * m]].concat());
    let solution = record(solve.clone(), &[a, columns], Location::caller());
    solution.reshape(&[lead, &[k, m]].concat()).move_axis(last - 1, 0)
}

/// (number of systems, unknowns, right-hand sides) of operands that fit.
fn sizes(b: &Shape) -> (usize, usize, usize) {
    let rank = b.rank();
    (b[..rank - 2].iter().product(), b[rank - 2], b[rank - 1])
}

impl Structured for Solve {
    const NAME: &'static str = "solve";
    const CLASS: Class = Class::Implicit;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let rank = a.rank();
        if rank < 2 || b.rank() != rank || a[rank - 1] != a[rank - 2] || a[..rank - 1] != b[..rank - 1] {
            return Err(format!(
                "expected matrices [..., n, n] and [..., n, m] under equal leading axes, found {a} and {b}"
            ));
        }
        Ok((*b).clone())
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let (a, b) = (&operands[0], &operands[1]);
        let (systems, n, m) = sizes(b.shape);
        out.copy_from_slice(b.data);
        for i in 0..systems {
            let (matrix, right) = (&a.data[i * n * n..(i + 1) * n * n], &mut out[i * n * m..(i + 1) * n * m]);
            kernels::lu::solve(matrix, right, n, m, self.transposed, scratch);
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], _: usize) -> usize {
        let (_, n, m) = sizes(operands[1]);
        kernels::lu::scratch_len::<f32>(n, m).max(kernels::lu::scratch_len::<f64>(n, m))
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let (systems, n, m) = sizes(operands[1]);
        (systems * (2 * n * n * n / 3 + 2 * n * n * m)) as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("transposed", vec![i64::from(self.transposed)])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        match get("transposed")?.as_slice() {
            [transposed] => Some(Solve { transposed: *transposed != 0 }),
            _ => None,
        }
    }

    fn is_linear_in(&self, operand: usize) -> bool {
        operand == 1
    }

    // X = op(A)⁻¹ B, so b = op(A)⁻ᵀ x: one more solve, with the other transposition.
    fn transpose(&self, _: usize, x: Var, operands: &[Var]) -> Var {
        record(Solve { transposed: !self.transposed }, &[operands[0], x], Location::caller())
    }

    fn relation(&self, coefficient: Var, y: Var) -> Var {
        record(Matmul { trans_a: self.transposed, trans_b: false }, &[coefficient, y], Location::caller())
    }

    fn batch(&self, operands: &[Var], batched: &[bool], k: usize) -> Option<Var> {
        if batched == [false, true] {
            return Some(side_by_side(self, operands[0], operands[1], k));
        }
        let all = super::all_batched(operands, batched, k);
        Some(record(self.clone(), &all, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |transposed, lead: &[usize], n, m| {
            let with = |axes: [usize; 2]| -> Shape { lead.iter().copied().chain(axes).collect() };
            (Solve { transposed }, vec![with([n, n]), with([n, m])])
        };
        vec![of(false, &[], 3, 1), of(true, &[], 3, 2), of(false, &[2], 2, 2), of(true, &[2, 1], 2, 3), of(false, &[], 1, 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Precision;
    use crate::trace::Session;

    struct Solved {
        shape: Vec<usize>,
        a: Vec<f64>,
        x: Vec<f64>,
    }

    /// A.solve(B) on generic numbers, with a dominant diagonal in A; or the error.
    fn solution(a: &[usize], b: &[usize]) -> Result<Solved, String> {
        let session = Session::open(Precision::Double);
        let (a, b) = (Shape::of(a), Shape::of(b));
        let result = session.input(a.clone()).solve(session.input(b.clone()));
        let shape = result.shape().to_vec();
        let recording = session.close(&[result]).map_err(|error| error.to_string())?;
        let n = a[a.rank() - 1];
        let matrix = |i: usize| (i * i % 7) as f64 / 7.0 + if (i % (n * n)).is_multiple_of(n + 1) { n as f64 } else { 0.0 };
        let (a, b): (Vec<f64>, Vec<f64>) =
            ((0..a.size()).map(matrix).collect(), (0..b.size()).map(|i| 1.0 + i as f64).collect());
        let x = crate::execute::interpret(&recording.graph, &[&a, &b]).unwrap().remove(0);
        Ok(Solved { shape, a, x })
    }

    #[test]
    fn vectors_and_leading_axes_have_the_shapes_of_their_documentation() {
        let cases: [(&[usize], &[usize], &[usize]); 7] = [
            (&[3, 3], &[3], &[3]),
            (&[3, 3], &[3, 2], &[3, 2]),
            (&[3, 3], &[4, 3, 2], &[4, 3, 2]),
            (&[3, 3], &[2, 4, 3, 2], &[2, 4, 3, 2]),
            (&[4, 3, 3], &[3], &[4, 3]),
            (&[4, 3, 3], &[4, 3], &[4, 3]),
            (&[4, 3, 3], &[1, 3, 2], &[4, 3, 2]),
        ];
        for (a, b, expected) in cases {
            assert_eq!(solution(a, b).unwrap().shape, expected, "{a:?} solve {b:?}");
        }
        // One axis less than A is read as vectors, also where a list of columns could be meant.
        let message = solution(&[4, 1, 3, 3], &[2, 3, 2]).err().expect("the shapes do not fit");
        assert!(message.contains("need 3 rows") && message.contains("read as vectors"), "{message}");
    }

    #[test]
    fn solving_in_a_refused_trace_keeps_the_first_refusal() {
        let session = Session::open(Precision::Double);
        let (a, b) = (session.input(Shape::of(&[3, 3])), session.input(Shape::of(&[4, 3, 2])));
        let _ = b.reshape(&[5]);
        let solved = a.solve(b);
        assert!(session.close(&[solved]).unwrap_err().to_string().starts_with("reshape: "));
    }

    #[test]
    fn one_matrix_for_many_right_hand_sides_solves_each() {
        let Solved { a, x, .. } = solution(&[3, 3], &[4, 3, 2]).unwrap();
        for (batch, x) in x.chunks(6).enumerate() {
            for row in 0..3 {
                for column in 0..2 {
                    let b: f64 = (0..3).map(|j| a[3 * row + j] * x[2 * j + column]).sum();
                    let expected = 1.0 + (6 * batch + 2 * row + column) as f64;
                    // Entries below 24 and a condition number below 4: some tens of ε times 24.
                    assert!((b - expected).abs() < 1e-13, "{b} against {expected}");
                }
            }
        }
    }

    #[test]
    fn refusals_say_what_does_not_fit() {
        let cases: [(&[usize], &[usize], &str); 4] = [
            (&[3, 4], &[3], "solve: expected square matrices [..., n, n], found [3, 4]"),
            (&[3], &[3], "solve: expected square matrices"),
            (&[3, 3], &[4, 2], "solve: matrices [3, 3] need 3 rows on the right, found [4, 2] (read as matrices)"),
            (&[4, 3, 3], &[2, 3, 1], "solve: leading axes of [4, 3, 3] and [2, 3, 1] do not broadcast"),
        ];
        for (a, b, expected) in cases {
            let message = solution(a, b).err().expect("the shapes do not fit");
            assert!(message.starts_with(expected) && message.contains(file!()), "{message}");
        }
    }
}
