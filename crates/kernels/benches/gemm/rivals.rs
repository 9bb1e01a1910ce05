//! Products of other crates behind one call.

use crate::ours::{Entry, Way};
use crate::shapes::Shape;
use faer::linalg::matmul::matmul;
pub use faer::traits::ComplexField as Foreign;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// All ways to compute a · b on this thread, by name.
pub fn rivals<'a, T: Entry>(shape: Shape, a: &'a [T], b: &'a [T]) -> Vec<(&'static str, Way<'a, T>)> {
    vec![("matrixmultiply", matrixmultiply(shape, a, b)), ("gemm", gemm(shape, a, b)), ("faer", faer(shape, a, b))]
}

fn matrixmultiply<'a, T: Entry>((m, n, k, trans_a, trans_b): Shape, a: &'a [T], b: &'a [T]) -> Way<'a, T> {
    let (zero, one) = (<T as num_traits::Zero>::zero(), <T as num_traits::One>::one());
    let a = ArrayView2::from_shape((m, k).set_f(trans_a), a).expect("m · k entries");
    let b = ArrayView2::from_shape((k, n).set_f(trans_b), b).expect("k · n entries");
    Box::new(move |out| {
        let mut out = ArrayViewMut2::from_shape((m, n), out).expect("m · n entries");
        general_mat_mul(one, &a, &b, zero, &mut out);
    })
}

#[allow(unsafe_code, reason = "the interface of the crate compared with")]
fn gemm<'a, T: Entry>((m, n, k, trans_a, trans_b): Shape, a: &'a [T], b: &'a [T]) -> Way<'a, T> {
    let strides =
        |transposed, row: usize, column: usize| if transposed { (1, column as isize) } else { (row as isize, 1) };
    let ((a_row, a_column), (b_row, b_column)) = (strides(trans_a, k, m), strides(trans_b, n, k));
    let (zero, one) = (<T as num_traits::Zero>::zero(), <T as num_traits::One>::one());
    Box::new(move |out| {
        assert_eq!([a.len(), b.len(), out.len()], [m * k, k * n, m * n]);
        let (out, a, b, seq) = (out.as_mut_ptr(), a.as_ptr(), b.as_ptr(), gemm::Parallelism::None);
        // SAFETY: the slices have the entries of matrices of these sizes and strides, as was just checked.
        unsafe {
            gemm::gemm(
                m, n, k, out, 1, n as isize, false, a, a_column, a_row, b, b_column, b_row, zero, one, false, false,
                false, seq,
            );
        }
    })
}

fn faer<'a, T: Entry>((m, n, k, trans_a, trans_b): Shape, a: &'a [T], b: &'a [T]) -> Way<'a, T> {
    let matrix = |x: &'a [T], rows, columns, transposed| {
        if transposed {
            MatRef::from_column_major_slice(x, rows, columns)
        } else {
            MatRef::from_row_major_slice(x, rows, columns)
        }
    };
    let (a, b) = (matrix(a, m, k, trans_a), matrix(b, k, n, trans_b));
    Box::new(move |out| {
        let one = <T as num_traits::One>::one();
        matmul(MatMut::from_row_major_slice_mut(out, m, n), Accum::Replace, a, b, one, Par::Seq);
    })
}
