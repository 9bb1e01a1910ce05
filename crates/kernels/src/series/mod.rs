//! Taylor coefficients by recurrence: instructions over memory that holds the series of many numbers.
//!
//! A series of n entries has its coefficients one after the other, each with its entries side by side and padded to a multiple of
//! [`PADDED`]; the series of a single number has no padding. An instruction computes one coefficient of all entries. Whoever makes the
//! instructions has settled ranges, zeros and signs, so that running them is loads, products and sums.
//!
//! ```
//! use kernels::series::{Instruction, Rule, run};
//! // The coefficient of order 2 of the product of 1 + 2t + 3t² and 4 + 5t + 6t².
//! let mut memory = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0];
//! let product = Instruction { a: 0, b: 5, terms: 3, ..Instruction::new(Rule::Products, 6, 1, 1) };
//! run(&[product], &[], &mut memory);
//! assert_eq!(memory[6], 6.0 + 10.0 + 12.0);
//! ```
//!
//! Source: Jorba and Zou, *A software package for the numerical integration of ODEs by means of high-order Taylor methods* (2005).

mod evaluation;

pub use evaluation::{enlarge, largest, polynomial};

use crate::Scalar;
use crate::vector::{Contraction, Kernel, dispatch};

/// Entries of which each coefficient of a series of several numbers has a multiple.
pub const PADDED: usize = 8;

/// No place.
pub const NOWHERE: u32 = u32::MAX;

/// What the entries of a result are the sums Σ of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// aⱼ·bⱼ for j below `terms`, where aⱼ lies j strides after a, and bⱼ j strides before b. Nothing for no terms.
    Products,
    /// The same, each twice: half of a square.
    Pairs,
    /// And the square of a with the number `terms`, in the middle between them.
    PairsAndMiddle,
    /// a alone.
    One,
    /// The single number at a, for all entries.
    Spread,
    /// 1/a.
    Inverse,
    /// As many entries of a as `terms`; the table says from its place `b` on which these are: the first of all entries of the result,
    /// then the second of all.
    Gathered,
}

/// result = (shift·base + weight·Σ)·scale, entry by entry; and factor·result, if there is a place for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction<T> {
    /// What is summed.
    pub rule: Rule,
    /// Where the result goes.
    pub out: u32,
    /// Its entries, a multiple of [`PADDED`] if there are several.
    pub length: u32,
    /// From one coefficient to the next.
    pub stride: u32,
    /// Where the first factor is.
    pub a: u32,
    /// Where the second factor is.
    pub b: u32,
    /// Number of terms.
    pub terms: u32,
    /// Where the term that is no product is, or [`NOWHERE`].
    pub base: u32,
    /// Where the last factor is, or [`NOWHERE`].
    pub scale: u32,
    /// Factor of the base.
    pub shift: T,
    /// Factor of the sum.
    pub weight: T,
    /// Where the result goes once more, times a factor, or [`NOWHERE`].
    pub also: u32,
    /// That factor.
    pub factor: T,
}

impl<T: Scalar> Instruction<T> {
    /// The sum of nothing, with weight 1.
    pub fn new(rule: Rule, out: u32, length: u32, stride: u32) -> Self {
        let [base, scale, also] = [NOWHERE; 3];
        let [shift, weight, factor] = [T::one(); 3];
        Instruction { rule, out, length, stride, a: 0, b: 0, terms: 0, base, scale, shift, weight, also, factor }
    }
}

/// Carries out instructions one after the other; `table` is what [`Rule::Gathered`] reads.
///
/// Sums may be taken in any order and products fused into them; the bits of a result depend neither on its place nor on how
/// many entries there are beside it, if there are several.
///
/// # Panics
/// If an instruction reads or writes outside of the memory.
pub fn run<T: Scalar>(instructions: &[Instruction<T>], table: &[u32], memory: &mut [T]) {
    run_of(usize::MAX, instructions, table, memory);
}

/// [`run`] of the first so many entries of each result, and of those beside them up to a multiple of [`PADDED`].
///
/// # Panics
/// As `run`.
pub fn run_of<T: Scalar>(entries: usize, instructions: &[Instruction<T>], table: &[u32], memory: &mut [T]) {
    dispatch(Run { most: entries.checked_next_multiple_of(PADDED).unwrap_or(usize::MAX), instructions, table, memory });
}

struct Run<'a, T> {
    most: usize,
    instructions: &'a [Instruction<T>],
    table: &'a [u32],
    memory: &'a mut [T],
}

impl<T: Scalar> Kernel for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<F: Contraction>(self) {
        for i in self.instructions {
            let length = self.most.min(i.length as usize);
            if length == 1 {
                let sum = single::<T, F>(i, self.table, self.memory);
                finish::<T, F, 1>(i, 0, [sum], self.memory);
                continue;
            }
            let mut entry = 0;
            while entry + 32 <= length {
                entries::<T, F, 32>(i, entry, self.table, self.memory);
                entry += 32;
            }
            if entry + 16 <= length {
                entries::<T, F, 16>(i, entry, self.table, self.memory);
                entry += 16;
            }
            if entry < length {
                entries::<T, F, PADDED>(i, entry, self.table, self.memory);
            }
        }
    }
}

/// `N` entries from one on.
#[inline(always)]
fn entries<T: Scalar, F: Contraction, const N: usize>(
    i: &Instruction<T>,
    entry: usize,
    table: &[u32],
    memory: &mut [T],
) {
    let sum = match i.rule {
        Rule::Products => products::<T, F, N>(i, entry, memory),
        Rule::Pairs => {
            let mut pairs = products::<T, F, N>(i, entry, memory);
            for e in 0..N {
                pairs[e] += pairs[e];
            }
            pairs
        }
        Rule::PairsAndMiddle => {
            let middle: [T; N] = part(memory, (i.a + i.terms * i.stride) as usize + entry);
            let mut pairs = products::<T, F, N>(i, entry, memory);
            for e in 0..N {
                pairs[e] = middle[e].times_plus::<F>(middle[e], pairs[e] + pairs[e]);
            }
            pairs
        }
        Rule::One => part(memory, i.a as usize + entry),
        Rule::Spread => [memory[i.a as usize]; N],
        Rule::Inverse => {
            let mut x: [T; N] = part(memory, i.a as usize + entry);
            for e in 0..N {
                x[e] = T::one() / x[e];
            }
            x
        }
        Rule::Gathered => {
            let from = &memory[i.a as usize..];
            let mut sums = [T::zero(); N];
            let mut row = i.b as usize + entry;
            for _ in 0..i.terms {
                let places: [u32; N] = part(table, row);
                for e in 0..N {
                    sums[e] += from[places[e] as usize];
                }
                row += i.length as usize;
            }
            sums
        }
    };
    finish::<T, F, N>(i, entry, sum, memory);
}

/// Writes the result of `N` entries.
#[inline(always)]
fn finish<T: Scalar, F: Contraction, const N: usize>(
    i: &Instruction<T>,
    entry: usize,
    mut y: [T; N],
    memory: &mut [T],
) {
    // The sum is what comes last, and waits for one operation more.
    if i.base == NOWHERE {
        for e in 0..N {
            y[e] *= i.weight;
        }
    } else {
        let base: [T; N] = part(memory, i.base as usize + entry);
        for e in 0..N {
            y[e] = y[e].times_plus::<F>(i.weight, base[e] * i.shift);
        }
    }
    if i.scale != NOWHERE {
        let scale: [T; N] = part(memory, i.scale as usize + entry);
        for e in 0..N {
            y[e] *= scale[e];
        }
    }
    memory[i.out as usize + entry..][..N].copy_from_slice(&y);
    if i.also != NOWHERE {
        for e in 0..N {
            y[e] *= i.factor;
        }
        memory[i.also as usize + entry..][..N].copy_from_slice(&y);
    }
}

/// Σ aⱼ bⱼ of `N` entries.
#[inline(always)]
fn products<T: Scalar, F: Contraction, const N: usize>(i: &Instruction<T>, entry: usize, memory: &[T]) -> [T; N] {
    let (mut a, mut b) = (i.a as usize + entry, i.b as usize + entry);
    // A sum of products that are −0 is −0, as for single numbers.
    let mut sum = [if i.terms > 0 { T::round_from(-0.0) } else { T::zero() }; N];
    for _ in 0..i.terms {
        let (x, y): ([T; N], [T; N]) = (part(memory, a), part(memory, b));
        for e in 0..N {
            sum[e] = x[e].times_plus::<F>(y[e], sum[e]);
        }
        a += i.stride as usize;
        b = b.wrapping_sub(i.stride as usize);
    }
    sum
}

/// Σ of a single number.
#[inline(always)]
fn single<T: Scalar, F: Contraction>(i: &Instruction<T>, table: &[u32], memory: &[T]) -> T {
    let (a, terms) = (i.a as usize, i.terms as usize);
    match i.rule {
        Rule::Products => dot::<T, F>(i, memory),
        Rule::Pairs => {
            let pairs = dot::<T, F>(i, memory);
            pairs + pairs
        }
        Rule::PairsAndMiddle => {
            let (pairs, middle) = (dot::<T, F>(i, memory), memory[a + terms]);
            middle.times_plus::<F>(middle, pairs + pairs)
        }
        Rule::One | Rule::Spread => memory[a],
        Rule::Inverse => T::one() / memory[a],
        Rule::Gathered => {
            let mut sum = T::zero();
            for &at in &table[i.b as usize..][..terms] {
                sum += memory[a + at as usize];
            }
            sum
        }
    }
}

/// Σ aⱼ bⱼ of single numbers, whose series are contiguous.
///
/// Instructions of single numbers are short, and differ in the number of their terms from order to order: a loop over these costs
/// more than the products. So sums of up to 24 terms, those of coefficients up to number 23, have code of their own.
#[inline(always)]
fn dot<T: Scalar, F: Contraction>(i: &Instruction<T>, memory: &[T]) -> T {
    let terms = i.terms as usize;
    if terms == 0 {
        return T::zero();
    }
    let a = &memory[i.a as usize..][..terms];
    let b = &memory[i.b as usize + 1 - terms..][..terms];
    macro_rules! of_length {
        ($($n:literal)*) => {
            match terms {
                $($n => short::<T, F, $n>(a, b),)*
                _ => long::<T, F>(a, b),
            }
        };
    }
    of_length!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24)
}

/// The same of `N` terms, from the middle outwards: the outermost are the newest, for which the others need not wait.
#[inline(always)]
fn short<T: Scalar, F: Contraction, const N: usize>(a: &[T], b: &[T]) -> T {
    let a: &[T; N] = a.first_chunk().expect("there are as many terms");
    let b: &[T; N] = b.first_chunk().expect("there are as many terms");
    let middle = (N - 1) / 2;
    let mut sum = a[middle] * b[N - 1 - middle];
    for n in 1..N {
        let j = if n % 2 == 0 { middle - n / 2 } else { middle + n.div_ceil(2) };
        sum = a[j].times_plus::<F>(b[N - 1 - j], sum);
    }
    sum
}

/// Terms of a longer sum that are in one vector.
const BLOCK: usize = 8;

/// The same of at least two terms, side by side but for the outermost.
#[inline(always)]
fn long<T: Scalar, F: Contraction>(a: &[T], b: &[T]) -> T {
    let terms = a.len();
    let (first, last) = (a[0] * b[terms - 1], a[terms - 1] * b[0]);
    let (a, b) = (&a[1..terms - 1], &b[1..terms - 1]);
    let (blocks, rest) = a.as_chunks::<BLOCK>();
    let (other, backwards) = b.as_rchunks::<BLOCK>();
    let mut wide = [T::zero(); BLOCK];
    for (x, y) in blocks.iter().zip(backwards.iter().rev()) {
        for e in 0..BLOCK {
            wide[e] = x[e].times_plus::<F>(y[BLOCK - 1 - e], wide[e]);
        }
    }
    let even = (wide[0] + wide[4]) + (wide[2] + wide[6]);
    let mut sum = even + ((wide[1] + wide[5]) + (wide[3] + wide[7]));
    for (&x, &y) in rest.iter().zip(other.iter().rev()) {
        sum = x.times_plus::<F>(y, sum);
    }
    sum + (first + last)
}

/// `N` numbers from a place on.
#[inline(always)]
fn part<T: Copy, const N: usize>(memory: &[T], at: usize) -> [T; N] {
    *memory[at..].first_chunk().expect("a coefficient has as many entries as its length says")
}

#[cfg(test)]
mod tests;
