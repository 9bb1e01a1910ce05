//! Kernels on flat vectors: inner product, norm, scaled sum.
//!
//! Sums run in lanes: the compiler vectorises them, and the rounding error of a sum of n terms grows like n over their number. Long
//! vectors take the widest instructions of the machine, to the same bits as by any others.

use crate::scalar::Scalar;
use kernels::vector::{Contraction, Kernel, Separate, dispatch};

/// Lanes of a short sum.
const LANES: usize = 8;

/// Lanes of a long sum: four of the widest vectors in double precision, for an addition takes as long as four begin.
const MANY_LANES: usize = 32;

/// The length from which on a vector is long. Choosing the instructions takes a few nanoseconds.
pub(crate) const LONG: usize = 256;

/// aᵀb.
pub(crate) fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    debug_assert_eq!(a.len(), b.len());
    if a.len() < LONG { dot_in_lanes::<T, LANES>(a, b) } else { dispatch(Dot { a, b }) }
}

struct Dot<'a, T> {
    a: &'a [T],
    b: &'a [T],
}

impl<T: Scalar> Kernel for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<F: Contraction>(self) -> T {
        dot_in_lanes::<T, MANY_LANES>(self.a, self.b)
    }
}

#[inline(always)]
fn dot_in_lanes<T: Scalar, const N: usize>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::zero(); N];
    let (heads_a, heads_b) = (a.chunks_exact(N), b.chunks_exact(N));
    let mut sum = T::zero();
    for (&p, &q) in heads_a.remainder().iter().zip(heads_b.remainder()) {
        sum += p * q;
    }
    for (p, q) in heads_a.zip(heads_b) {
        for lane in 0..N {
            lanes[lane] += p[lane] * q[lane];
        }
    }
    total(sum, lanes)
}

/// The sum of the lanes: those above eight join the lower half until eight are left.
#[inline(always)]
fn total<T: Scalar, const N: usize>(rest: T, mut lanes: [T; N]) -> T {
    let mut width = N;
    while width > LANES {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[..width].iter().fold(rest, |sum, &lane| sum + lane)
}

/// ‖a‖₂, without overflow or underflow of the squares; NaN if any entry is NaN.
pub(crate) fn norm<T: Scalar>(a: &[T]) -> T {
    let square = dot(a, a);
    // Below min_positive/ε the squares have lost digits to underflow.
    if square.is_finite() && square > T::min_positive_value() / T::epsilon() {
        return square.sqrt();
    }
    let mut largest = T::zero();
    for &entry in a {
        if entry.is_nan() {
            return T::nan();
        }
        largest = largest.max(entry.abs());
    }
    if largest == T::zero() || largest.is_infinite() {
        return largest;
    }
    let scaled: T = a.iter().map(|&entry| (entry / largest).powi(2)).sum();
    largest * scaled.sqrt()
}

/// ‖a‖∞; an entry that is NaN is left out.
pub(crate) fn largest<T: Scalar>(a: &[T]) -> T {
    if a.len() < LONG { largest_in_lanes::<T, LANES>(a) } else { dispatch(Largest(a)) }
}

struct Largest<'a, T>(&'a [T]);

impl<T: Scalar> Kernel for Largest<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<F: Contraction>(self) -> T {
        largest_in_lanes::<T, MANY_LANES>(self.0)
    }
}

#[inline(always)]
fn largest_in_lanes<T: Scalar, const N: usize>(a: &[T]) -> T {
    let mut lanes = [T::zero(); N];
    let larger = |m: T, entry: T| if entry.abs() > m { entry.abs() } else { m };
    let heads = a.chunks_exact(N);
    let rest = heads.remainder().iter().fold(T::zero(), |m, &entry| larger(m, entry));
    for head in heads {
        for lane in 0..N {
            lanes[lane] = larger(lanes[lane], head[lane]);
        }
    }
    lanes.into_iter().fold(rest, larger)
}

/// Runs a kernel whose bits are the same by any instructions, by the widest ones if the vectors are long.
#[inline(always)]
fn by_length<K: Kernel>(length: usize, kernel: K) -> K::Output {
    if length < LONG { kernel.run::<Separate>() } else { dispatch(kernel) }
}

/// y ← y + a x.
pub(crate) fn axpy<T: Scalar>(a: T, x: &[T], y: &mut [T]) {
    debug_assert_eq!(x.len(), y.len());
    by_length(x.len(), Axpy { a, x, y });
}

struct Axpy<'a, T> {
    a: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for Axpy<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += self.a * x;
        }
    }
}

/// out ← x + a d.
pub(crate) fn offset<T: Scalar>(x: &[T], a: T, d: &[T], out: &mut [T]) {
    debug_assert!(x.len() == d.len() && d.len() == out.len());
    by_length(x.len(), Offset { x, a, d, out });
}

struct Offset<'a, T> {
    x: &'a [T],
    a: T,
    d: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Offset<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        for ((out, &x), &d) in self.out.iter_mut().zip(self.x).zip(self.d) {
            *out = x + self.a * d;
        }
    }
}

/// Whether every entry is finite.
pub(crate) fn all_finite<T: Scalar>(a: &[T]) -> bool {
    // By pieces without a way out, which the compiler vectorises.
    a.chunks(LONG).all(|piece| piece.iter().fold(true, |finite, entry| finite & entry.is_finite()))
}

/// Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014: the same bits in every run.
pub(crate) struct Splitmix(u64);

impl Splitmix {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Numbers in [−1, 1) from a fixed seed and a stream.
pub(crate) fn pseudorandom<T: Scalar>(stream: u64) -> impl Iterator<Item = T> {
    let seed = 0x6a09_e667_f3bc_c908_u64.wrapping_add(stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let mut random = Splitmix::new(seed);
    std::iter::repeat_with(move || T::of(2.0 * random.unit() - 1.0))
}

/// How often a step is halved before it is given up: down to ε² of it, 104 times in `f64` and 46 times in `f32`. No first
/// step that came from numbers of this precision is that wrong, and shorter ones change values by no more than rounding.
pub(crate) fn most_halvings<T: Scalar>() -> usize {
    (T::of(-2.0) * T::epsilon().log2()).to_usize().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{LONG, all_finite, axpy, dot, largest, norm, offset};

    #[test]
    fn the_sum_in_lanes_is_the_sum() {
        for n in (0..40).chain(LONG as i32 - 3..LONG as i32 + 40) {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let naive: f64 = a.iter().map(|a| a * a).sum();
            // Small integers: every order of summation is exact.
            assert_eq!(dot(&a, &a), naive, "n = {n}");
        }
    }

    #[test]
    fn the_largest_entry_is_found_in_every_lane() {
        for n in (1..40).chain(LONG..LONG + 35) {
            for at in 0..n {
                let a: Vec<f64> = (0..n).map(|i| if i == at { -9.0 } else { (i % 5) as f64 }).collect();
                assert_eq!(largest(&a), 9.0, "{at} of {n}");
            }
        }
        assert_eq!(largest::<f64>(&[]), 0.0);
        assert_eq!(largest(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
    }

    #[test]
    fn every_entry_of_long_and_short_vectors_is_reached() {
        for n in [0, 1, 7, 40, LONG - 1, LONG, LONG + 37] {
            let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let (mut y, mut out) = (vec![1.0; n], vec![f64::NAN; n]);
            axpy(2.0, &x, &mut y);
            offset(&y, -1.0, &x, &mut out);
            let along = |i: usize, c: f64| c.mul_add(i as f64, 1.0);
            assert!(y.iter().enumerate().all(|(i, &y)| y == along(i, 2.0)));
            assert!(out.iter().enumerate().all(|(i, &out)| out == along(i, 1.0)));
            assert!(all_finite(&y));
            for at in 0..n {
                let before = std::mem::replace(&mut y[at], f64::INFINITY);
                assert!(!all_finite(&y));
                y[at] = before;
            }
        }
    }

    #[test]
    fn the_norm_neither_overflows_nor_underflows() {
        for scale in [1e-320_f64, 1e-200, 1.0, 1e200] {
            let found = norm(&[3.0 * scale, 4.0 * scale]);
            // Subnormals carry few digits: 1e-320 has about three.
            assert!((found / (5.0 * scale) - 1.0).abs() < 1e-3, "{scale}: {found}");
        }
        assert!(norm(&[f64::NAN, 1.0]).is_nan());
        assert_eq!(norm(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!(norm::<f64>(&[]), 0.0);
    }
}
