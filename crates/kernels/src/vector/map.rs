//! Loops over slices, written so that the compiler vectorises them.
//!
//! A result depends on the entries it is of alone, not on where they stand: every operation of a lane is correctly rounded,
//! so a vector and a single number give the same bits, and what is left over beside full vectors may be computed either way.

use super::Lane;
use super::word::Contraction;

/// A function of `N` numbers as a lane computes it.
pub trait Elementwise<T, const N: usize> {
    /// The function, without branches; mark it `#[inline(always)]`.
    fn lane<F: Contraction>(inputs: [Lane<T, F>; N]) -> Lane<T, F>;

    /// The function where the lane says that it is [far](Lane::is_far) out of its range.
    fn scalar(inputs: [T; N]) -> T;
}

/// Bytes of the widest vector.
const WIDEST: usize = 64;

/// Entries of it in single precision.
const BLOCK: usize = WIDEST / size_of::<f32>();

/// Up to here entries are computed one by one: as fast as a vector that is not full.
const FEW: usize = 2;

/// `out[i] = f(inputs[..][i])` for a function of many operations, of which no more than two numbers are computed one by one.
///
/// # Panics
/// If an input is shorter than `out`.
#[inline(always)]
pub fn map<T: Copy + Default, F: Contraction, E: Elementwise<T, N>, const N: usize>(inputs: [&[T]; N], out: &mut [T]) {
    let n = out.len();
    let inputs = inputs.map(|x| &x[..n]);
    let block = WIDEST / size_of::<T>();
    let short = FEW < n && n < block;
    let mut padded = [[T::default(); BLOCK]; N];
    let mut buffer = [T::default(); BLOCK];
    let mut sources = inputs;
    let mut target = &mut *out;
    if short {
        for (padded, x) in padded.iter_mut().zip(inputs) {
            padded[..n].copy_from_slice(x);
            padded[n..].fill(x[n - 1]);
        }
        sources = std::array::from_fn(|k| &padded[k][..block]);
        target = &mut buffer[..block];
    }
    // At most two sweeps through one loop: over full blocks, then over the last block, which may overlap them.
    let count = target.len();
    let (mut start, mut end) = (0, if count < block { count } else { count - count % block });
    let mut far = false;
    loop {
        far |= sweep::<T, F, E, N>(sources.map(|x| &x[start..end]), &mut target[start..end]);
        if end == count {
            break;
        }
        (start, end) = (count - block, count);
    }
    if short {
        out.copy_from_slice(&buffer[..n]);
    }
    if far {
        replace_far::<T, F, E, N>(inputs, out);
    }
}

/// `out[i] = f(inputs[..][i])` for a function of few operations, whatever is left over beside full vectors one by one.
///
/// # Panics
/// If an input is shorter than `out`.
#[inline(always)]
pub fn map_light<T: Copy, F: Contraction, E: Elementwise<T, N>, const N: usize>(inputs: [&[T]; N], out: &mut [T]) {
    sweep::<T, F, E, N>(inputs, out);
}

/// One pass; whether a number was far.
#[inline(always)]
fn sweep<T: Copy, F: Contraction, E: Elementwise<T, N>, const N: usize>(inputs: [&[T]; N], out: &mut [T]) -> bool {
    let n = out.len();
    let inputs = inputs.map(|x| &x[..n]);
    let mut far = false;
    for i in 0..n {
        let lane = E::lane(inputs.map(|x| Lane::<T, F>::new(x[i])));
        out[i] = lane.value;
        far |= lane.far;
    }
    far
}

/// Computes the entries again that the lane cannot.
#[cold]
#[inline(never)]
fn replace_far<T: Copy, F: Contraction, E: Elementwise<T, N>, const N: usize>(inputs: [&[T]; N], out: &mut [T]) {
    for (i, y) in out.iter_mut().enumerate() {
        let numbers = inputs.map(|x| x[i]);
        if E::lane(numbers.map(Lane::<T, F>::new)).far {
            *y = E::scalar(numbers);
        }
    }
}
