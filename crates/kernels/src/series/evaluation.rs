//! What is asked of series that are there: the size of coefficients, and the value of the polynomials.

use crate::Scalar;
use crate::vector::{Contraction, Kernel, dispatch};

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
    if x.len() < PARTS { of::<T, 1>(x) } else { dispatch(Largest(x)) }
}

/// Entries that are compared side by side.
const PARTS: usize = 16;

struct Largest<'a, T>(&'a [T]);

impl<T: Scalar> Kernel for Largest<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<F: Contraction>(self) -> T {
        of::<T, PARTS>(self.0)
    }
}

#[inline(always)]
fn of<T: Scalar, const N: usize>(x: &[T]) -> T {
    let (blocks, rest) = x.as_chunks::<N>();
    let mut sizes = [T::zero(); N];
    // Comparisons pass over NaN; 0·x is 0 of finite numbers alone.
    let mut alarms = [T::zero(); N];
    for block in blocks {
        for e in 0..N {
            let size = block[e].magnitude();
            sizes[e] = if size > sizes[e] { size } else { sizes[e] };
            alarms[e] += size * T::zero();
        }
    }
    let (mut size, mut alarm) = (T::zero(), T::zero());
    for &x in rest.iter().chain(&sizes) {
        size = if x.magnitude() > size { x.magnitude() } else { size };
        alarm += x * T::zero();
    }
    for x in alarms {
        alarm += x;
    }
    size + alarm
}

/// out\[i\] = Σ cₖ\[i\]·hᵏ for k from 1 on, of coefficients that follow one another, each with as many entries as `out`.
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
            *block = horner::<T, BLOCK>(coefficients, n, BLOCK * number, h);
        }
        for (i, y) in rest.iter_mut().enumerate() {
            [*y] = horner::<T, 1>(coefficients, n, whole + i, h);
        }
    }
}

/// Horner's rule for some entries.
#[inline(always)]
fn horner<T: Scalar, const N: usize>(coefficients: &[T], n: usize, entry: usize, h: T) -> [T; N] {
    let mut sum = [T::zero(); N];
    let mut end = coefficients.len();
    while end >= n {
        let c: &[T; N] = coefficients[end - n + entry..].first_chunk().expect("a coefficient has all entries");
        for e in 0..N {
            sum[e] = (sum[e] + c[e]) * h;
        }
        end -= n;
    }
    sum
}
