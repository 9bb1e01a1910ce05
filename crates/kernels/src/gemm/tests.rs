//! The kernels of every instruction set of this machine beside the definition.

use super::{Engine, Product, Right, Update, dot, engines_f32, engines_f64};
use crate::Scalar;
use crate::testing::{affordable, at_most, thinned};
use quickcheck::quickcheck;

/// The definition, on contiguous matrices.
fn naive(p: &Product, update: Update, a: &[f64], b: &[f64], out: &mut [f64]) {
    for i in 0..p.m {
        for j in 0..p.n {
            let at_a = |q| if p.trans_a { a[q * p.m + i] } else { a[i * p.k + q] };
            let at_b = |q| if p.trans_b { b[j * p.k + q] } else { b[q * p.n + j] };
            let sum: f64 = (0..p.k).map(|q| at_a(q) * at_b(q)).sum();
            let o = &mut out[i * p.n + j];
            *o = match update {
                Update::Replace => sum,
                Update::Add => *o + sum,
                Update::Subtract => *o - sum,
            };
        }
    }
}

/// Whole numbers of at most three binary digits: sums of a few thousand products are exact at both precisions, so that
/// kernel and twin must agree to the last bit in whatever order they sum.
fn numbers<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 7 + seed * 13 + i * i % 11) % 9) as f64 - 4.0)).collect()
}

/// Numbers that sums do round.
fn fractions<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 7919 + seed * 104_729) % 65_537) as f64 / 65_537.0 - 0.5)).collect()
}

const UPDATES: [Update; 3] = [Update::Replace, Update::Add, Update::Subtract];

fn transpositions(p: Product) -> impl Iterator<Item = Product> {
    (0..4).map(move |bits| p.trans_a(bits & 1 == 1).trans_b(bits & 2 == 2))
}

fn run<T: Scalar>(p: &Product, engine: &Engine<T>, update: Update, a: &[T], b: &[T], out: &mut [T]) {
    // What the scratch holds does not matter, nor does where it starts.
    for start in [0, 1] {
        let mut scratch = vec![T::round_from(f64::NAN); start + p.scratch_of(engine, 1)];
        let mut result = out.to_vec();
        p.run_with(engine, update, a, Right::Plain(b), &mut result, &mut scratch[start..], 1);
        if start == 1 {
            out.copy_from_slice(&result);
        }
    }
}

fn engine_agrees<T: Scalar>(engine: &Engine<T>, p: &Product) -> bool {
    let [a, b, before] = [(p.m * p.k, 1), (p.k * p.n, 2), (p.m * p.n, 3)].map(|(length, seed)| numbers(length, seed));
    let (exact_a, exact_b) = (numbers(p.m * p.k, 1), numbers(p.k * p.n, 2));
    UPDATES.into_iter().all(|update| {
        let mut slow = numbers(p.m * p.n, 3);
        naive(p, update, &exact_a, &exact_b, &mut slow);
        let slow: Vec<T> = slow.into_iter().map(T::round_from).collect();
        let mut fast = before.clone();
        if update == Update::Replace {
            fast.fill(T::round_from(f64::NAN));
        }
        run(p, engine, update, &a, &b, &mut fast);
        let mut packed = vec![T::zero(); p.packed_len_of(engine)];
        p.pack_b_with(engine, &b, &mut packed);
        let (mut again, mut scratch) = (before.clone(), vec![T::zero(); p.scratch_of(engine, 1)]);
        p.run_with(engine, update, &a, Right::Packed(&packed), &mut again, &mut scratch, 1);
        fast == slow && again == slow
    })
}

fn agrees(m: usize, n: usize, k: usize) -> bool {
    transpositions(Product::new(m, n, k))
        .all(|p| engines_f32().all(|e| engine_agrees(e, &p)) && engines_f64().all(|e| engine_agrees(e, &p)))
}

quickcheck! {
    fn product_is_that_of_the_definition(m: u8, n: u8, k: u8) -> bool {
        agrees(usize::from(m) % at_most(70, 8), usize::from(n) % at_most(80, 9), usize::from(k) % at_most(40, 8))
    }

    fn vectors_and_outer_products_are_too(long: u8, wide: u8) -> bool {
        let (p, q) = (usize::from(long) % at_most(256, 40), usize::from(wide) % at_most(70, 8));
        [(1, p, q), (p, 1, q), (p, q, 1), (1, 1, p)].into_iter().all(|(m, n, k)| agrees(m, n, k))
    }
}

#[test]
fn every_small_size_agrees_with_the_definition() {
    for size in thinned(0..6_usize.pow(3), 43) {
        let (m, n, k) = (size % 6, size / 6 % 6, size / 36);
        assert!(agrees(m, n, k), "m, n, k = {m}, {n}, {k}");
    }
}

/// Every height and width of a tile, and what is left over of vectors and of steps.
#[test]
fn every_tile_agrees_with_the_definition() {
    let tiles = (2..=15).flat_map(|m| (1..=5).map(move |vectors| (m, vectors)));
    let cases = tiles.flat_map(|tile| [(-1, 5), (0, 4), (1, 7), (0, 9)].map(|ends| (tile, ends)));
    for ((m, vectors), (more, k)) in thinned(cases, 67) {
        let n = |lanes: usize| (vectors * lanes).saturating_add_signed(more);
        for p in [false, true].map(|trans_a| Product::new(m, 0, k).trans_a(trans_a)) {
            engines_f32().for_each(|e| assert!(engine_agrees(e, &Product { n: n(e.lanes), ..p }), "{p:?}"));
            engines_f64().for_each(|e| assert!(engine_agrees(e, &Product { n: n(e.lanes), ..p }), "{p:?}"));
        }
    }
}

#[test]
fn sizes_beyond_a_block_agree_with_the_definition() {
    let sizes = [
        (2, 3, 270),
        (175, 3, 4),
        (2, 250, 5),
        (3, 70, 600),
        (300, 40, 10),
        (70, 200, 400),
        (1, 300, 700),
        (300, 1, 700),
        (5, 4200, 3),
        (30, 400, 300),
        (300, 300, 20),
        (20, 30, 403),
    ];
    for (m, n, k) in affordable(sizes, |(m, n, k)| 2 * m * n * k) {
        assert!(agrees(m, n, k), "m, n, k = {m}, {n}, {k}");
    }
}

fn bits_agree<T: Scalar>(engine: &Engine<T>, p: &Product) {
    let (a, b, before) = (fractions(p.m * p.k, 1), fractions(p.k * p.n, 2), fractions::<T>(p.m * p.n, 3));
    let mut packed = vec![T::zero(); p.packed_len_of(engine)];
    p.pack_b_with(engine, &b, &mut packed);
    for threads in thinned([3, 1, 2, 8], 4) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        for update in thinned(UPDATES, 3) {
            let mut one = before.clone();
            run(p, engine, update, &a, &b, &mut one);
            // Room for all threads, or for one left block only.
            for room in [threads, 1] {
                let mut scratch = vec![T::zero(); p.scratch_of(engine, room)];
                for right in [Right::Plain(&b), Right::Packed(&packed)] {
                    let mut all = before.clone();
                    pool.install(|| p.run_with(engine, update, &a, right, &mut all, &mut scratch, threads));
                    assert!(all == one, "{p:?} {update:?} on {threads} threads");
                }
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_threads_nor_on_packing() {
    let sizes = [
        (60, 5, 8),
        (2, 180, 6),
        (1, 40, 30),
        (40, 1, 30),
        (1, 1000, 500),
        (1000, 1, 500),
        (100, 90, 1),
        (70, 300, 400),
        (300, 9, 40),
        (9, 300, 40),
        (30, 400, 300),
        (300, 300, 20),
        (20, 30, 403),
        (64, 64, 520),
        (2, 3, 4),
    ];
    for (m, n, k) in affordable(sizes, |(m, n, k)| 2 * m * n * k) {
        for p in transpositions(Product::new(m, n, k)) {
            engines_f32().for_each(|e| bits_agree(e, &p));
            engines_f64().for_each(|e| bits_agree(e, &p));
        }
    }
}

#[test]
fn rows_apart_leave_what_is_between_them() {
    let sizes =
        [(1, 1, 1), (3, 2, 4), (20, 40, 5), (60, 1, 5), (1, 30, 5), (60, 5, 1), (70, 70, 9), (3, 4, 0), (5, 200, 30)];
    for (m, n, k) in affordable(sizes, |(m, n, k)| m * n * k / 2) {
        for p in transpositions(Product::new(m, n, k)) {
            let [stored_a, stored_b] =
                [if p.trans_a { (k, m) } else { (m, k) }, if p.trans_b { (n, k) } else { (k, n) }];
            let spread = |x: &[f64], (rows, columns): (usize, usize), between: usize| {
                let mut wide = vec![f64::NAN; rows * (columns + between)];
                for i in 0..rows {
                    wide[i * (columns + between)..][..columns].copy_from_slice(&x[i * columns..][..columns]);
                }
                wide
            };
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let (wide_a, wide_b) = (spread(&a, stored_a, 3), spread(&b, stored_b, 2));
            let (mut wide, mut slow) = (vec![7.0; m * (n + 1)], vec![7.0; m * n]);
            let apart = p.rows_apart(stored_a.1 + 3, stored_b.1 + 2, n + 1);
            apart.run(Update::Subtract, &wide_a, &wide_b, &mut wide, &mut vec![0.0; apart.scratch::<f64>()]);
            naive(&p, Update::Subtract, &a, &b, &mut slow);
            for (row, expected) in wide.chunks(n + 1).zip(slow.chunks(n)) {
                assert!(row[..n] == *expected && row[n] == 7.0, "{apart:?}");
            }
            apart.run(Update::Replace, &wide_a, &wide_b, &mut wide, &mut vec![0.0; apart.scratch::<f64>()]);
            naive(&p, Update::Replace, &a, &b, &mut slow);
            for (row, expected) in wide.chunks(n + 1).zip(slow.chunks(n)) {
                assert!(row[..n] == *expected && row[n] == 7.0, "{apart:?}");
            }
        }
    }
}

#[test]
fn zero_times_infinity_is_not_skipped() {
    let sizes = [(1, 1, 1), (2, 2, 2), (3, 3, 1), (1, 9, 9), (9, 1, 9), (70, 20, 20), (20, 70, 300)];
    for (m, n, k) in affordable(sizes, |(m, n, k)| m * n * k / 2) {
        for special in [f64::INFINITY, f64::NAN] {
            for p in transpositions(Product::new(m, n, k)) {
                let (zero, mut b, mut out) = (vec![0.0; m * k], vec![1.0; k * n], vec![0.0; m * n]);
                b[0] = special;
                p.run(Update::Replace, &zero, &b, &mut out, &mut vec![0.0; p.scratch::<f64>()]);
                // Entry (0, 0) of the right operand meets the first column of the result, and no other.
                for (i, x) in out.iter().enumerate() {
                    assert!(x.is_nan() == (i % n == 0) && (x.is_nan() || *x == 0.0), "{p:?}: {x} at {i}");
                }
            }
        }
    }
}

#[test]
fn inner_product_of_every_length() {
    for length in thinned(0..300, 23) {
        let (a, b) = (numbers::<f32>(length, 1), numbers::<f32>(length, 2));
        assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(x, y)| x * y).sum::<f32>());
    }
}

#[test]
#[should_panic(expected = "gemm: b has 5 entries for 2 × 3")]
fn wrong_length_is_named() {
    Product::new(2, 3, 2).run(Update::Replace, &[0.0; 4], &[0.0; 5], &mut [0.0; 6], &mut []);
}

#[test]
#[should_panic(expected = "entries of scratch")]
fn missing_scratch_is_named() {
    Product::new(2, 3, 2).trans_b(true).run(Update::Replace, &[0.0; 4], &[0.0; 6], &mut [0.0; 6], &mut []);
}
