//! A ring of pairs (s, y): the newest in, the oldest out, no allocation once it is full.

use crate::scalar::Scalar;
use crate::vector::{LONG, dot, offset};
use std::ops::Range;

/// A step between two points and the gradients there: what a pair is made of. All four have the same length.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a, T> {
    /// x.
    pub from: &'a [T],
    /// x₊.
    pub to: &'a [T],
    /// The gradient at x.
    pub gradient_from: &'a [T],
    /// The gradient at x₊.
    pub gradient_to: &'a [T],
}

/// sᵀs, sᵀy and yᵀy of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Products<T> {
    pub(crate) ss: T,
    pub(crate) sy: T,
    pub(crate) yy: T,
}

impl<T: Scalar> Step<'_, T> {
    /// The pairs (sᵢ, yᵢ).
    pub(crate) fn entries(&self) -> impl Iterator<Item = (T, T)> {
        let s = self.to.iter().zip(self.from).map(|(&to, &from)| to - from);
        let y = self.gradient_to.iter().zip(self.gradient_from).map(|(&to, &from)| to - from);
        s.zip(y)
    }

    /// In one pass, storing no more than a piece.
    pub(crate) fn products(&self) -> Products<T> {
        let zero = T::zero();
        let none = Products { ss: zero, sy: zero, yy: zero };
        if self.from.len() < LONG {
            let sum =
                |p: Products<T>, (s, y): (T, T)| Products { ss: p.ss + s * s, sy: p.sy + s * y, yy: p.yy + y * y };
            return self.entries().fold(none, sum);
        }
        let mut s = [zero; LONG];
        let mut sums = none;
        self.for_each_piece(|range, y| {
            let s = &mut s[..y.len()];
            offset(&self.to[range.clone()], -T::one(), &self.from[range], s);
            sums.ss += dot(s, s);
            sums.sy += dot(s, y);
            sums.yy += dot(y, y);
        });
        sums
    }

    /// Calls `visit` with one piece of y after the other, and the variables that it is of.
    pub(crate) fn for_each_piece(&self, mut visit: impl FnMut(Range<usize>, &mut [T])) {
        let mut piece = [T::zero(); LONG];
        for start in (0..self.from.len()).step_by(LONG) {
            let range = start..(start + LONG).min(self.from.len());
            let y = &mut piece[..range.len()];
            offset(&self.gradient_to[range.clone()], -T::one(), &self.gradient_from[range.clone()], y);
            visit(range, y);
        }
    }

    /// s and y.
    fn write(&self, s: &mut [T], y: &mut [T]) {
        offset(self.to, -T::one(), self.from, s);
        offset(self.gradient_to, -T::one(), self.gradient_from, y);
    }
}

/// The last pairs of a run, two vectors each.
///
/// The rows of a bounded memory are allocated with the first pair; an unbounded one grows by doubling.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub struct PairMemory<T> {
    dimension: usize,
    capacity: usize,
    /// Row i of `s` and of `y` is the pair in slot i.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    s: Vec<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    y: Vec<T>,
    /// sᵀy of each slot.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    sy: Vec<T>,
    /// The slot of the oldest pair.
    first: usize,
    len: usize,
}

/// Memories up to this many pairs are allocated at once.
const AT_ONCE: usize = 256;

impl<T: Scalar> PairMemory<T> {
    /// An empty memory of at most `capacity` pairs of vectors of length `dimension`; `usize::MAX` keeps them all.
    pub fn new(dimension: usize, capacity: usize) -> Self {
        Self { dimension, capacity, s: Vec::new(), y: Vec::new(), sy: Vec::new(), first: 0, len: 0 }
    }

    /// The length of the vectors.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many pairs are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no pair is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the memory is one of vectors of length `n`, with a row for each pair it says to hold.
    pub(crate) fn fits(&self, n: usize) -> bool {
        let Self { dimension, capacity, ref s, ref y, ref sy, first, len } = *self;
        let rows = sy.len();
        let is_row = |i: usize| first.checked_add(i).is_some_and(|slot| slot % capacity < rows);
        let sound = len <= rows.min(capacity) && first < capacity.max(1) && (0..len).all(is_row);
        dimension == n && sound && Some(s.len()) == rows.checked_mul(n) && y.len() == s.len()
    }

    /// How many rows the first pair allocates.
    pub(crate) fn rows_at_once(&self) -> usize {
        if self.capacity <= AT_ONCE { self.capacity } else { 0 }
    }

    /// Drops all pairs and keeps the storage.
    pub fn clear(&mut self) {
        (self.first, self.len) = (0, 0);
    }

    /// Drops the oldest pair.
    pub(crate) fn drop_oldest(&mut self) {
        if self.len > 0 {
            self.first = (self.first + 1) % self.capacity;
            self.len -= 1;
        }
    }

    /// Stores the pair of entries `(sᵢ, yᵢ)`, in the place of the oldest if the memory is full.
    ///
    /// # Panics
    /// If there are not as many entries as the vectors are long.
    pub fn push(&mut self, entries: impl Iterator<Item = (T, T)>) {
        let mut entries = entries;
        self.push_written(|s, y| {
            for (s, y) in s.iter_mut().zip(y) {
                (*s, *y) = entries.next().expect("an entry for each component");
            }
            assert!(entries.next().is_none(), "pair memory: more entries than components");
        });
    }

    /// Stores the pair of a step likewise.
    ///
    /// # Panics
    /// If the vectors of the step have not the length of those held.
    pub(crate) fn push_step(&mut self, step: &Step<'_, T>) {
        let lengths = [step.from, step.to, step.gradient_from, step.gradient_to].map(<[T]>::len);
        assert_eq!(lengths, [self.dimension; 4], "pair memory: a step of other length");
        self.push_written(|s, y| step.write(s, y));
    }

    fn push_written(&mut self, write: impl FnOnce(&mut [T], &mut [T])) {
        if self.capacity == 0 {
            return;
        }
        if self.len == self.capacity {
            self.drop_oldest();
        }
        let n = self.dimension;
        let slot = (self.first + self.len) % self.capacity;
        if self.sy.len() <= slot {
            let missing = self.rows_at_once().saturating_sub(self.sy.len());
            self.s.reserve(missing * n);
            self.y.reserve(missing * n);
            self.sy.reserve(missing);
            self.s.resize((slot + 1) * n, T::zero());
            self.y.resize((slot + 1) * n, T::zero());
            self.sy.resize(slot + 1, T::zero());
        }
        let row = slot * n..(slot + 1) * n;
        let (s, y) = (&mut self.s[row.clone()], &mut self.y[row]);
        write(s, y);
        self.sy[slot] = dot(s, y);
        self.len += 1;
    }

    /// (s, y, sᵀy) of pair `i`, the oldest being 0.
    ///
    /// # Panics
    /// If there are not that many pairs.
    pub fn pair(&self, i: usize) -> (&[T], &[T], T) {
        assert!(i < self.len, "pair memory: pair {i} of {}", self.len);
        let slot = (self.first + i) % self.capacity;
        let row = slot * self.dimension..(slot + 1) * self.dimension;
        (&self.s[row.clone()], &self.y[row], self.sy[slot])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four vectors of whole numbers, so that every order of summation is exact.
    fn vectors(n: usize) -> [Vec<f64>; 4] {
        [3, 5, 7, 11].map(|k| (0..n).map(|i| (i * k % 13) as f64).collect())
    }

    fn step(vectors: &[Vec<f64>; 4]) -> Step<'_, f64> {
        let [from, to, gradient_from, gradient_to] = vectors;
        Step { from, to, gradient_from, gradient_to }
    }

    #[test]
    fn pieces_of_a_step_are_the_step() {
        for n in [1, 40, LONG - 1, LONG, LONG + 1, 600] {
            let vectors = vectors(n);
            let step = step(&vectors);
            let naive = |f: fn(f64, f64) -> f64| step.entries().map(|(s, y)| f(s, y)).sum::<f64>();
            let products = Products { ss: naive(|s, _| s * s), sy: naive(|s, y| s * y), yy: naive(|_, y| y * y) };
            assert_eq!(step.products(), products, "{n} variables");
            let mut seen = Vec::new();
            step.for_each_piece(|range, y| {
                assert_eq!(range, seen.len()..seen.len() + y.len());
                seen.extend_from_slice(y);
            });
            assert_eq!(seen, step.entries().map(|(_, y)| y).collect::<Vec<f64>>());
            let (mut one, mut other) = (PairMemory::new(n, 2), PairMemory::new(n, 2));
            for _ in 0..3 {
                one.push_step(&step);
                other.push(step.entries());
            }
            assert_eq!(one.pair(1), other.pair(1));
            assert_eq!(one.pair(1).2, products.sy);
        }
    }

    #[test]
    #[should_panic(expected = "a step of other length")]
    fn a_step_of_other_length_is_refused() {
        PairMemory::new(5, 2).push_step(&step(&vectors(4)));
    }
}
