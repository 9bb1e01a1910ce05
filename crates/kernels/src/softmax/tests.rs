//! The kernels beside the definition, and beside the kernels that they stand for.

use super::{CHUNK, divided, logsumexp, logsumexp_parallel, softmax, softmax_parallel};
use crate::Scalar;
use crate::reduce::{maximum, sum};
use crate::testing::{affordable, thinned};
use crate::vector::Function;

/// Rows below, at and above vectors, lanes, blocks and chunks; columns below, at and above strips.
const SHAPES: &[[usize; 3]] = &[
    [1, 1, 1],
    [300, 1, 1],
    [0, 3, 1],
    [2, 0, 1],
    [2, 3, 0],
    [7, 10, 1],
    [400, 10, 1],
    [5, 33, 1],
    [3, 257, 1],
    [2, CHUNK, 1],
    [2, CHUNK + 1, 1],
    [1, 3 * CHUNK + 700, 1],
    [1, 1, 3],
    [4, 5, 2],
    [2, 700, 3],
    [2, 130, 64],
    [1, 40, 65],
    [1, 300, 100],
];

fn shapes() -> impl Iterator<Item = [usize; 3]> {
    affordable(SHAPES.iter().copied(), |&shape| size(shape))
}

/// Numbers in [−10, 10).
fn numbers<T: Scalar>(length: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from((i as f64 * 0.618_033_988_749_894_8).fract() * 20.0 - 10.0)).collect()
}

fn size(shape: [usize; 3]) -> usize {
    shape.iter().product()
}

fn both<T: Scalar>(x: &[T], shape: [usize; 3]) -> (Vec<T>, Vec<T>) {
    let (mut small, mut large) = (vec![T::round_from(9.0); shape[0] * shape[2]], vec![T::round_from(9.0); x.len()]);
    logsumexp(x, shape, &mut small);
    softmax(x, shape, &mut large);
    (small, large)
}

/// Largest entry and Σ e^{x − m} by the definition: the difference in the precision of T, the rest in double precision, with a
/// compensated sum.
fn naive<T: Scalar + Into<f64>>(row: &[T]) -> (T, f64) {
    let largest = |a: T, &b: &T| if b > a { b } else { a };
    let m = row.iter().fold(T::round_from(f64::NEG_INFINITY), largest);
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for &x in row {
        // Kahan: what the sum has lost comes with the next term.
        let term = (x - m).into().exp() - lost;
        let next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    (m, sum)
}

fn agrees_with_the_definition<T: Scalar + Into<f64>>(shape: [usize; 3], eps: f64) {
    let [before, n, after] = shape;
    let x = numbers::<T>(size(shape));
    let (small, large) = both(&x, shape);
    // Halves of an ulp by which a sum of positive terms may be off: one for each addition that a term goes through, up to 31
    // one after the other and the lanes of a block, or 128 down a column, and the tree above.
    let additions = if after == 1 { n.min(32) + 13 } else { n.min(128) } + n.max(1).ilog2() as usize;
    // Exponentials here and there, the reciprocal and the product: 4 more.
    let bound = eps * (4.0 + additions as f64 / 2.0);
    for i in 0..before {
        for j in 0..after {
            let at = |k: usize| (i * n + k) * after + j;
            let row: Vec<T> = (0..n).map(|k| x[at(k)]).collect();
            let (m, sum) = naive(&row);
            let (expected, found) = (sum.ln() + m.into(), small[i * after + j].into());
            if n == 0 {
                assert_eq!(found, f64::NEG_INFINITY, "{shape:?}");
                continue;
            }
            // The logarithm and the last addition round as well.
            let room = bound + eps * (2.0 + sum.ln().abs() + expected.abs());
            assert!((found - expected).abs() <= room, "{shape:?} row {i}, {j}: {found} for {expected}");
            for k in 0..n {
                let expected = (row[k] - m).into().exp() / sum;
                let found: f64 = large[at(k)].into();
                assert!((found - expected).abs() <= bound * expected, "{shape:?} at {}: {found}, {expected}", at(k));
            }
        }
    }
}

#[test]
fn every_shape_agrees_with_the_definition() {
    for shape in shapes() {
        agrees_with_the_definition::<f64>(shape, f64::EPSILON);
        agrees_with_the_definition::<f32>(shape, f32::EPSILON.into());
    }
}

fn has_the_bits_of_single_kernels<T: Scalar>(shape: [usize; 3], exp: Function<T, 1>, ln: Function<T, 1>) {
    let [before, n, after] = shape;
    let x = numbers::<T>(size(shape));
    let (small, large) = both(&x, shape);
    let (mut m, mut sums) = (vec![T::zero(); before * after], vec![T::zero(); before * after]);
    maximum(&x, shape, &mut m);
    let of = |i: usize| i / (n * after) * after + i % after;
    let rest: Vec<T> = x.iter().enumerate().map(|(i, &x)| x - m[of(i)]).collect();
    let mut e = vec![T::zero(); x.len()];
    exp.map([&rest], &mut e);
    // Rows are summed as such: without an axis of length 1 after them.
    let rows = if after == 1 { &shape[..2] } else { &shape };
    sum(&e, rows, &[1], &mut sums);
    for (i, &y) in large.iter().enumerate() {
        assert!(y == e[i] * (T::one() / sums[of(i)]), "{shape:?}: softmax at {i}");
    }
    let mut logarithms = vec![T::zero(); sums.len()];
    ln.map([&sums], &mut logarithms);
    for (i, &y) in small.iter().enumerate() {
        assert!(y == logarithms[i] + m[i], "{shape:?}: logsumexp at {i}");
    }
}

#[test]
fn every_shape_has_the_bits_of_single_kernels() {
    // Few columns are summed in another order.
    for shape in shapes().filter(|&shape| size(shape) > 0 && !(2..=32).contains(&shape[2])) {
        let [exp, ln] = ["exp", "ln"].map(|name| Function::<f64, 1>::named(name).expect("a function"));
        has_the_bits_of_single_kernels(shape, exp, ln);
        let [exp, ln] = ["exp", "ln"].map(|name| Function::<f32, 1>::named(name).expect("a function"));
        has_the_bits_of_single_kernels(shape, exp, ln);
    }
}

fn results_on_special_values<T: Scalar + Into<f64>>() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let cases: &[(&[f64], f64, &[f64])] = &[
        (&[-inf, -inf], -inf, &[nan, nan]),
        (&[0.0, -inf], 0.0, &[1.0, 0.0]),
        (&[-inf, 3e38, inf], inf, &[0.0, 0.0, nan]),
        (&[inf, inf], inf, &[nan, nan]),
        (&[0.0, nan, inf], nan, &[nan, nan, nan]),
        (&[nan, -inf], nan, &[nan, nan]),
        (&[3e38, -3e38], f64::from(3e38_f32), &[1.0, 0.0]),
        (&[-3e38, -3e38], f64::from(-3e38_f32), &[0.5, 0.5]),
    ];
    let same = |a: f64, b: f64| a as f32 == b as f32 || (a.is_nan() && b.is_nan());
    for &(row, small, large) in cases {
        // As a row, as columns side by side, and as a row longer than a chunk, of which the rest is −∞.
        for (length, after) in [(row.len(), 1), (row.len(), 3), (row.len(), 70), (2 * CHUNK, 1), (CHUNK, 3)] {
            let at = |k: usize| row.get(k).copied().unwrap_or(-inf);
            let x: Vec<T> = (0..length * after).map(|i| T::round_from(at(i / after))).collect();
            let (found_small, found_large) = both(&x, [1, length, after]);
            assert!(found_small.iter().all(|&y| same(y.into(), small)), "{row:?} × {after}: {:?}", found_small[0]);
            for (i, &y) in found_large.iter().enumerate() {
                let rest = if large[0].is_nan() && !large.contains(&0.0) { nan } else { 0.0 };
                let expected = large.get(i / after).copied().unwrap_or(if small == inf { 0.0 } else { rest });
                assert!(same(y.into(), expected), "{row:?} × {after} at {i}: {y:?} for {expected}");
            }
        }
    }
}

#[test]
fn special_values_are_those_of_the_limit() {
    results_on_special_values::<f64>();
    results_on_special_values::<f32>();
}

#[test]
fn results_do_not_depend_on_threads() {
    for shape in affordable([[700, 100, 1], [40, 60, 40]], |&shape| size(shape)).chain(shapes()) {
        let x = numbers::<f64>(size(shape));
        let (small, large) = both(&x, shape);
        let (mut again_small, mut again_large) = (vec![9.0; small.len()], vec![9.0; large.len()]);
        for threads in thinned([3, 1, 2, 8], 4) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
            pool.install(|| {
                logsumexp_parallel(&x, shape, &mut again_small);
                softmax_parallel(&x, shape, &mut again_large);
            });
            assert!(small == again_small && large == again_large, "{shape:?} on {threads} threads");
            // Also where there is too little to divide.
            pool.install(|| {
                divided(&x, shape, &mut again_small, threads, logsumexp);
                divided(&x, shape, &mut again_large, threads, softmax);
            });
            assert!(small == again_small && large == again_large, "{shape:?} in {threads} parts");
        }
    }
}

#[test]
#[should_panic(expected = "softmax: out has 3 entries instead of 6")]
fn wrong_length_is_named() {
    softmax(&[0.0; 6], [2, 3, 1], &mut [0.0; 3]);
}
