//! [`Pattern`]: which entries of a vector, in order, found in a list of indices.

use smallvec::SmallVec;
use std::sync::Arc;

/// An axis of a pattern: how many steps, and how far apart in the vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stride {
    /// Number of steps.
    pub count: usize,
    /// Distance of the entries; zero repeats one.
    pub step: isize,
}

/// Which entries of a vector, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Nested loops: the entry at `start` + Σ digit · step, the last axis running fastest.
    Affine {
        /// The first entry.
        start: usize,
        /// The loops, outermost first.
        axes: SmallVec<[Stride; 4]>,
    },
    /// Pieces one after the other, each an arithmetic progression.
    Runs(Arc<[Run]>),
    /// Any entries.
    List(Arc<[u32]>),
}

/// Entries `start`, `start + step`, …: `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first.
    pub start: u32,
    /// How many.
    pub count: u32,
    /// Their distance.
    pub step: u32,
}

/// Loops nested deeper are pieces or a list.
const DEEPEST: usize = 5;

/// Mean length from which on pieces are worth more than a list.
const RUN: usize = 6;

impl Pattern {
    /// The pattern of a list of indices.
    ///
    /// Loops are found from the inside: the longest progression at the start is the innermost one, if the list consists of
    /// such progressions and their first entries are a pattern again. Costs a few passes over the list.
    pub fn of(indices: &[u32]) -> Pattern {
        affine(indices).or_else(|| runs(indices)).unwrap_or_else(|| Pattern::List(indices.into()))
    }

    /// All entries of a vector of this length in order.
    pub fn whole(length: usize) -> Pattern {
        Pattern::Affine { start: 0, axes: SmallVec::from_slice(&[Stride { count: length, step: 1 }]) }
    }

    /// Number of entries named.
    pub fn len(&self) -> usize {
        match self {
            Pattern::Affine { axes, .. } => axes.iter().map(|a| a.count).product(),
            Pattern::Runs(runs) => runs.iter().map(|r| r.count as usize).sum(),
            Pattern::List(list) => list.len(),
        }
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are all entries of a vector of this length in order.
    pub fn is_whole(&self, length: usize) -> bool {
        *self == Pattern::whole(length) || (length == 1 && self.len() == 1)
    }

    /// One past the largest index named.
    pub fn end(&self) -> usize {
        match self {
            _ if self.is_empty() => 0,
            Pattern::Affine { start, axes } => {
                axes.iter().fold(*start, |end, a| end.saturating_add_signed((a.count as isize - 1) * a.step.max(0))) + 1
            }
            Pattern::Runs(runs) => {
                runs.iter().map(|r| (r.start + r.count.saturating_sub(1) * r.step) as usize + 1).max().unwrap_or(0)
            }
            Pattern::List(list) => list.iter().max().map_or(0, |&i| i as usize + 1),
        }
    }

    /// Calls `visit` with every piece: where it starts in the pattern and in the vector, how many entries it has, and their
    /// distance in the vector.
    pub fn pieces(&self, mut visit: impl FnMut(usize, usize, usize, isize)) {
        match self {
            Pattern::Affine { start, axes } => {
                let Some((inner, outer)) = axes.split_last() else { return visit(0, *start, 1, 1) };
                if self.is_empty() {
                    return;
                }
                let mut digits: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
                let (mut at, mut from) = (0, *start);
                loop {
                    visit(at, from, inner.count, inner.step);
                    at += inner.count;
                    if !advance(outer, &mut digits, &mut from) {
                        return;
                    }
                }
            }
            Pattern::Runs(runs) => {
                let mut at = 0;
                for run in runs.iter() {
                    visit(at, run.start as usize, run.count as usize, run.step as isize);
                    at += run.count as usize;
                }
            }
            Pattern::List(list) => list.iter().enumerate().for_each(|(at, &from)| visit(at, from as usize, 1, 1)),
        }
    }
}

/// Counts nested loops on by one, with the entry that they stand at; false after the last, when all start again.
pub fn advance(loops: &[Stride], digits: &mut [usize], at: &mut usize) -> bool {
    for (axis, digit) in loops.iter().zip(digits).rev() {
        *digit += 1;
        *at = at.wrapping_add_signed(axis.step);
        if *digit < axis.count {
            return true;
        }
        *digit = 0;
        *at = at.wrapping_add_signed(-(axis.count as isize) * axis.step);
    }
    false
}

/// Reads one piece: every entry of `source` a `step` apart from `from` on, as many as `out` holds.
#[inline]
pub fn read_piece<T: Copy>(source: &[T], from: usize, step: isize, out: &mut [T]) {
    match step {
        1 => out.copy_from_slice(&source[from..from + out.len()]),
        0 => out.fill(source[from]),
        _ if step > 0 => out.iter_mut().zip(source[from..].iter().step_by(step as usize)).for_each(|(y, &x)| *y = x),
        _ => out.iter_mut().enumerate().for_each(|(i, y)| *y = source[from.wrapping_add_signed(i as isize * step)]),
    }
}

fn affine(indices: &[u32]) -> Option<Pattern> {
    let start = *indices.first()? as usize;
    let mut axes: SmallVec<[Stride; 4]> = SmallVec::new();
    // What is left are the first entries of the progressions found so far, `spacing` apart in the list.
    let (mut left, mut spacing) = (indices.len(), 1);
    let entry = |i: usize, spacing: usize| indices[i * spacing] as isize;
    while left > 1 {
        if axes.len() == DEEPEST {
            return None;
        }
        let step = entry(1, spacing) - entry(0, spacing);
        let count = 1 + (1..left).take_while(|&i| entry(i, spacing) - entry(i - 1, spacing) == step).count();
        let count = (2..=count).rev().find(|&c| left % c == 0)?;
        axes.push(Stride { count, step });
        left /= count;
        spacing *= count;
    }
    axes.reverse();
    let pattern = Pattern::Affine { start, axes };
    let mut same = true;
    pattern.pieces(|at, from, count, step| {
        same &= (0..count).all(|i| indices[at + i] as isize == from as isize + i as isize * step);
    });
    same.then_some(pattern)
}

fn runs(indices: &[u32]) -> Option<Pattern> {
    let mut runs: Vec<Run> = Vec::new();
    for &index in indices {
        match runs.last_mut() {
            Some(run) if run.count == 1 && index >= run.start => {
                (run.step, run.count) = (index - run.start, 2);
            }
            Some(run) if run.count > 1 && index == run.start + run.count * run.step => run.count += 1,
            _ => runs.push(Run { start: index, count: 1, step: 1 }),
        }
        if runs.len() * RUN > indices.len() + RUN {
            return None;
        }
    }
    Some(Pattern::Runs(runs.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn indices(pattern: &Pattern) -> Vec<u32> {
        let mut all = Vec::new();
        pattern.pieces(|at, from, count, step| {
            assert_eq!(at, all.len());
            all.extend((0..count).map(|i| (from as isize + i as isize * step) as u32));
        });
        all
    }

    fn nested(start: usize, axes: &[(usize, isize)]) -> Pattern {
        Pattern::Affine { start, axes: axes.iter().map(|&(count, step)| Stride { count, step }).collect() }
    }

    #[test]
    fn loops_are_found() {
        for pattern in [
            nested(3, &[(7, 1)]),
            nested(0, &[(4, 0), (5, 1)]),
            nested(2, &[(4, 1), (5, 0)]),
            nested(9, &[(5, -2)]),
            nested(0, &[(3, 20), (4, 0), (5, 1)]),
            nested(1, &[(3, 0), (4, 5), (2, 0), (5, 1)]),
        ] {
            assert_eq!(Pattern::of(&indices(&pattern)), pattern);
        }
    }

    #[test]
    fn a_triangle_is_pieces_and_disorder_a_list() {
        let triangle: Vec<u32> = (0..30).flat_map(|i| i + 1..30).collect();
        assert!(matches!(Pattern::of(&triangle), Pattern::Runs(_)));
        let rows: Vec<u32> = (0..30).flat_map(|i| std::iter::repeat_n(i, 29 - i as usize)).collect();
        assert!(matches!(Pattern::of(&rows), Pattern::Runs(_)));
        assert!(matches!(Pattern::of(&[5, 0, 7, 1, 2, 9, 4]), Pattern::List(_)));
    }

    quickcheck! {
        fn a_pattern_names_the_indices_it_was_found_in(list: Vec<u8>) -> bool {
            let list: Vec<u32> = list.into_iter().map(u32::from).collect();
            let pattern = Pattern::of(&list);
            indices(&pattern) == list && pattern.len() == list.len()
                && pattern.end() == list.iter().max().map_or(0, |&i| i as usize + 1)
        }
    }
}
