//! What is handed to CBLAS: `cargo test -p jetgrad-kernels --features blas --test blas`.
//!
//! The routines are defined here, as loops over the definition, so the test needs no library and sees every argument. They
//! count their calls, which tells which products reach them.

#![allow(unsafe_code, reason = "routines of another language's library, defined here")]

use cblas_sys::{CBLAS_LAYOUT, CBLAS_TRANSPOSE};
use kernels::Scalar;
use kernels::gemm::{Product, Update, blas_from};
use std::cell::Cell;
use std::ffi::c_int;

/// Multiplications from which the products of this test go to the library.
const FROM: usize = 1 << 13;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

macro_rules! routine {
    ($name:ident, $T:ty) => {
        /// C ← α op(A) op(B) + β C as in the reference implementation: with β = 0 the old C is not read.
        ///
        /// # Safety
        /// The pointers are to matrices of these sizes and distances of rows.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            layout: CBLAS_LAYOUT,
            trans_a: CBLAS_TRANSPOSE,
            trans_b: CBLAS_TRANSPOSE,
            m: c_int,
            n: c_int,
            k: c_int,
            alpha: $T,
            a: *const $T,
            lda: c_int,
            b: *const $T,
            ldb: c_int,
            beta: $T,
            c: *mut $T,
            ldc: c_int,
        ) {
            assert!(matches!(layout, CBLAS_LAYOUT::CblasRowMajor));
            let transposed = |t| match t {
                CBLAS_TRANSPOSE::CblasNoTrans => false,
                CBLAS_TRANSPOSE::CblasTrans => true,
                CBLAS_TRANSPOSE::CblasConjTrans => panic!("real matrices have no conjugates"),
            };
            let (trans_a, trans_b) = (transposed(trans_a), transposed(trans_b));
            // What the library refuses, with a message and the end of the program.
            assert!(lda >= if trans_a { m } else { k } && ldb >= if trans_b { k } else { n } && ldc >= n);
            let [m, n, k, lda, ldb, ldc] =
                [m, n, k, lda, ldb, ldc].map(|x| usize::try_from(x).expect("no negative size"));
            for i in 0..m {
                for j in 0..n {
                    let at_a = |p| if trans_a { p * lda + i } else { i * lda + p };
                    let at_b = |p| if trans_b { j * ldb + p } else { p * ldb + j };
                    // SAFETY: the entries are within matrices of these sizes and distances of rows.
                    unsafe {
                        let sum: $T = (0..k).map(|p| *a.add(at_a(p)) * *b.add(at_b(p))).sum();
                        let c = c.add(i * ldc + j);
                        *c = alpha * sum + if beta == 0.0 { 0.0 } else { beta * *c };
                    }
                }
            }
            CALLS.set(CALLS.get() + 1);
        }
    };
}
routine!(cblas_sgemm, f32);
routine!(cblas_dgemm, f64);

/// Whole numbers of three binary digits: sums of a few thousand products are exact, whoever sums them.
fn numbers<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 7 + seed * 13 + i * i % 11) % 9) as f64 - 4.0)).collect()
}

/// Rows of `columns` entries, each followed by `between` more that are no numbers; without those after the last row.
fn spread<T: Scalar>(x: &[T], columns: usize, between: usize) -> Vec<T> {
    let filler = vec![T::round_from(f64::NAN); between];
    let mut wide: Vec<T> = x.chunks(columns).flat_map(|row| [row, &filler[..]].concat()).collect();
    wide.truncate(wide.len() - between);
    wide
}

/// The product of contiguous matrices by the definition.
fn naive<T: Scalar>(
    (m, n, k): (usize, usize, usize),
    (ta, tb): (bool, bool),
    update: Update,
    a: &[T],
    b: &[T],
    out: &mut [T],
) {
    for i in 0..m {
        for j in 0..n {
            let at_a = |p| if ta { a[p * m + i] } else { a[i * k + p] };
            let at_b = |p| if tb { b[j * k + p] } else { b[p * n + j] };
            let sum: T = (0..k).map(|p| at_a(p) * at_b(p)).sum();
            let y = &mut out[i * n + j];
            *y = match update {
                Update::Replace => sum,
                Update::Add => *y + sum,
                Update::Subtract => *y - sum,
            };
        }
    }
}

/// Runs every transposition, update and distance of rows of a shape; says how many products reached the routine.
fn calls_of<T: Scalar>(m: usize, n: usize, k: usize) -> usize {
    blas_from(FROM);
    let before = CALLS.get();
    for bits in 0..4 {
        let (ta, tb) = (bits & 1 == 1, bits & 2 == 2);
        let (columns_a, columns_b) = (if ta { m } else { k }, if tb { k } else { n });
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        for update in [Update::Replace, Update::Add, Update::Subtract] {
            let mut expected = numbers::<T>(m * n, 3);
            naive((m, n, k), (ta, tb), update, &a, &b, &mut expected);
            for (between, parallel) in [([0; 3], false), ([0; 3], true), ([3, 2, 5], false)] {
                let mut product = Product::new(m, n, k).trans_a(ta).trans_b(tb);
                let mut out = spread(&numbers::<T>(m * n, 3), n, between[2]);
                if between != [0; 3] {
                    product = product.rows_apart(columns_a + between[0], columns_b + between[1], n + between[2]);
                }
                let (a, b) = (spread(&a, columns_a, between[0]), spread(&b, columns_b, between[1]));
                let mut scratch = vec![T::zero(); product.scratch::<T>()];
                if update == Update::Replace {
                    out.iter_mut().for_each(|y| *y = T::round_from(f64::NAN));
                }
                if parallel {
                    product.run_parallel(update, &a, &b, &mut out, &mut scratch);
                } else {
                    product.run(update, &a, &b, &mut out, &mut scratch);
                }
                for (i, (row, expected)) in out.chunks(n + between[2]).zip(expected.chunks(n)).enumerate() {
                    assert!(row[..n] == *expected, "{product:?} {update:?}: row {i}");
                    assert!(
                        row[n..].iter().all(|y| y.is_not_a_number()),
                        "{product:?} {update:?}: written after row {i}"
                    );
                }
            }
        }
    }
    CALLS.get() - before
}

#[test]
fn large_products_reach_the_library_and_are_those_of_the_definition() {
    for (m, n, k) in [(24, 21, 20), (50, 2, 90), (2, 70, 60), (70, 60, 2)] {
        assert_eq!(calls_of::<f32>(m, n, k), 36, "{m} × {k} · {k} × {n}");
        assert_eq!(calls_of::<f64>(m, n, k), 36, "{m} × {k} · {k} × {n}");
    }
}

#[test]
fn small_products_and_those_with_a_vector_do_not() {
    for (m, n, k) in [(20, 20, 20), (1, 150, 80), (150, 1, 80), (110, 100, 1)] {
        assert_eq!(calls_of::<f64>(m, n, k), 0, "{m} × {k} · {k} × {n}");
    }
}

#[test]
fn none_do_where_that_is_asked_for() {
    // The setting is the process's, so this is a process of its own.
    if std::env::var_os("NO_BLAS").is_none() {
        let this = std::env::current_exe().expect("the path of the test");
        let again = std::process::Command::new(this).arg("none_do").env("NO_BLAS", "1").output().expect("a process");
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        return;
    }
    blas_from(usize::MAX);
    let (m, n, k) = (24, 21, 20);
    Product::new(m, n, k).run(
        Update::Replace,
        &vec![0.0; m * k],
        &vec![0.0; k * n],
        &mut vec![0.0; m * n],
        &mut [0.0; 9000],
    );
    assert_eq!(CALLS.get(), 0);
}

#[test]
fn packed_operands_stay_with_our_kernels() {
    blas_from(FROM);
    let (m, n, k) = (24, 21, 20);
    let product = Product::new(m, n, k);
    let (a, b) = (numbers::<f64>(m * k, 1), numbers::<f64>(k * n, 2));
    let (mut packed, mut scratch) = (vec![0.0; product.packed_len::<f64>()], vec![0.0; product.scratch::<f64>()]);
    product.pack_b(&b, &mut packed);
    let (mut out, mut expected) = (vec![f64::NAN; m * n], vec![f64::NAN; m * n]);
    let before = CALLS.get();
    product.run_packed(Update::Replace, &a, &packed, &mut out, &mut scratch);
    assert_eq!(CALLS.get(), before);
    naive((m, n, k), (false, false), Update::Replace, &a, &b, &mut expected);
    assert_eq!(out, expected);
}

#[test]
#[should_panic(expected = "gemm: b has 5 entries")]
fn wrong_length_is_named() {
    blas_from(FROM);
    let (m, n, k) = (24, 21, 20);
    Product::new(m, n, k).run(Update::Replace, &vec![0.0; m * k], &[0.0; 5], &mut vec![0.0; m * n], &mut []);
}

#[test]
#[should_panic(expected = "lie 20 apart")]
fn overlapping_rows_are_refused() {
    blas_from(FROM);
    let (m, n, k) = (24, 21, 20);
    let product = Product::new(m, n, k).rows_apart(k, n, n - 1);
    product.run(Update::Replace, &vec![0.0; m * k], &vec![0.0; k * n], &mut vec![0.0; m * n], &mut []);
}
