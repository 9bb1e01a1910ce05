//! What is asked of series that are there: the size of coefficients, and the value of the polynomials.

use crate::Scalar;
use crate::vector::{Contraction, Kernel, dispatch};
use std::ops::Range;

/// Entries that are taken together.
const BLOCK: usize = 32;

/// The largest |xᵢ|, 0 of none; not finite if an entry is not.
///
/// ```
/// use kernels::series::largest;
/// assert_eq!(largest(&[1.0, -3.0, 2.0]), 3.0);
/// assert!(!largest(&[1.0, f64::NAN, 2.0]).is_finite());
/// ```
pub fn largest<T: Scalar>(x: &[T]) -> T {
    // For a few entries a call of the vector units is not worth it.
    if x.len() < PARTS { x.iter().fold(T::zero(), |size, &x| larger(size, x)) } else { dispatch(Largest(x)) }
}

/// sizes\[i\] = max(sizes\[i\], |x\[i\]|); not finite if one of both is not.
///
/// ```
/// use kernels::series::enlarge;
/// let mut sizes = [1.0, 2.0, 0.0];
/// enlarge(&mut sizes, &[-3.0, 1.0, f64::NAN]);
/// assert_eq!(sizes[..2], [3.0, 2.0]);
/// assert!(!sizes[2].is_finite());
/// ```
pub fn enlarge<T: Scalar>(sizes: &mut [T], x: &[T]) {
    sizes.iter_mut().zip(x).for_each(|(size, &x)| *size = larger(*size, x));
}

/// The larger of a size and |x|, not finite if one of both is not.
#[inline(always)]
fn larger<T: Scalar>(size: T, x: T) -> T {
    let found = x.magnitude();
    // Comparisons pass over NaN; 0·x is 0 of finite numbers alone.
    (if found > size { found } else { size }) + found * T::zero()
}

/// Entries that are compared side by side.
const PARTS: usize = 16;

struct Largest<'a, T>(&'a [T]);

impl<T: Scalar> Kernel for Largest<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<F: Contraction>(self) -> T {
        let (blocks, rest) = self.0.as_chunks::<PARTS>();
        let mut sizes = [T::zero(); PARTS];
        for block in blocks {
            for e in 0..PARTS {
                sizes[e] = larger(sizes[e], block[e]);
            }
        }
        rest.iter().chain(&sizes).fold(T::zero(), |size, &x| larger(size, x))
    }
}

/// out\[i\] = Σ cₖ\[i\]·hᵏ for k from 1 on, of coefficients that follow one another, each with as many entries as `out`.
///
/// Products may be fused into sums; the bits of an entry depend neither on its place nor on how many there are beside it.
///
/// ```
/// use kernels::series::polynomial;
/// let mut out = [0.0; 2];
/// polynomial(&[1.0, 2.0, 3.0, 4.0], 0.5, &mut out);
/// assert_eq!(out, [0.5 + 3.0 / 4.0, 1.0 + 1.0]);
/// ```
pub fn polynomial<T: Scalar>(coefficients: &[T], h: T, out: &mut [T]) {
    dispatch(Polynomial { coefficients, h, out });
}

struct Polynomial<'a, T> {
    coefficients: &'a [T],
    h: T,
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Polynomial<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        let Polynomial { coefficients, h, out } = self;
        let n = out.len();
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        let whole = BLOCK * blocks.len();
        for (number, block) in blocks.iter_mut().enumerate() {
            *block = horner::<T, F, BLOCK>(coefficients, n, BLOCK * number, h);
        }
        for (i, y) in rest.iter_mut().enumerate() {
            [*y] = horner::<T, F, 1>(coefficients, n, whole + i, h);
        }
    }
}

/// Sizes of h whose square is a normal number at either precision.
const SQUARED: Range<f64> = 1e-15..1e15;

/// Horner's rule for some entries, in h² for odd and for even powers: two chains of half the length; one chain in h where h² may be
/// beyond what numbers reach.
#[inline(always)]
fn horner<T: Scalar, F: Contraction, const N: usize>(coefficients: &[T], n: usize, entry: usize, h: T) -> [T; N] {
    let part = |end: usize| -> &[T; N] {
        coefficients[end - n + entry..].first_chunk().expect("a coefficient has all entries")
    };
    let square = h * h;
    if !(T::round_from(SQUARED.start)..T::round_from(SQUARED.end)).contains(&h.magnitude()) {
        let mut sum = [T::zero(); N];
        for end in (1..=coefficients.len() / n).rev() {
            let coefficient = part(end * n);
            for e in 0..N {
                sum[e] = (sum[e] + coefficient[e]) * h;
            }
        }
        return sum;
    }
    let (mut odd, mut even) = ([T::zero(); N], [T::zero(); N]);
    let mut end = coefficients.len();
    if end / n % 2 == 1 {
        odd = *part(end);
        end -= n;
    }
    while end >= 2 * n {
        let (high, low) = (part(end), part(end - n));
        for e in 0..N {
            even[e] = even[e].times_plus::<F>(square, high[e]);
            odd[e] = odd[e].times_plus::<F>(square, low[e]);
        }
        end -= 2 * n;
    }
    for e in 0..N {
        odd[e] = even[e].times_plus::<F>(h, odd[e]) * h;
    }
    odd
}
