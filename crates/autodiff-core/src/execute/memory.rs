//! The memories of a run, and where in them a value lies.

use crate::graph::Executable;
use std::ops::Range;

/// Bytes of a cache line, on which the memories of a program start.
const LINE: usize = 64;

/// Which memory a value lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Space {
    /// What the running phase computes.
    Arena,
    /// What an earlier phase left: read only.
    Kept,
    /// A slice of the caller's, by number: read only.
    Input(usize),
    /// The caller's slice for results: written once, and read by nothing but the instruction that writes.
    Out,
}

/// A value that an instruction reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    pub space: Space,
    pub offset: usize,
    pub length: usize,
    /// Number of its shape in the program's list.
    pub shape: usize,
}

/// A place that an instruction writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub space: Space,
    pub offset: usize,
    pub length: usize,
}

/// The target of an instruction that writes nothing, or names its places itself.
pub(super) const NOWHERE: Target = Target { space: Space::Arena, offset: 0, length: 0 };

/// Numbers that start at a cache line.
#[derive(Debug)]
pub(super) struct Aligned<T> {
    entries: Vec<T>,
    range: Range<usize>,
}

impl<T: Executable> Aligned<T> {
    /// As many of one number.
    pub fn filled(length: usize, number: T) -> Aligned<T> {
        let slack = LINE / size_of::<T>();
        let entries = vec![number; length + slack];
        // The heap block never moves again. Where alignment cannot be told, any start is right.
        let start = entries.as_ptr().align_offset(LINE).min(slack);
        Aligned { entries, range: start..start + length }
    }

    pub fn as_slice(&self) -> &[T] {
        &self.entries[self.range.clone()]
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.entries[self.range.clone()]
    }
}

/// All that instructions read and write, for one run.
pub(super) struct Memories<'a, T> {
    pub arena: &'a mut [T],
    pub kept: &'a [T],
    pub inputs: &'a [&'a [T]],
    pub out: &'a mut [T],
    pub scratch: &'a mut [T],
}

impl<T: Executable> Memories<'_, T> {
    /// One number; nothing reads the results.
    #[inline]
    pub fn number(&self, o: &Operand) -> T {
        match o.space {
            Space::Arena => self.arena[o.offset],
            Space::Kept => self.kept[o.offset],
            Space::Input(i) => self.inputs[i][o.offset],
            Space::Out => self.out[o.offset],
        }
    }

    /// Writes one number.
    #[inline]
    pub fn put(&mut self, to: &Target, number: T) {
        match to.space {
            Space::Out => self.out[to.offset] = number,
            _ => self.arena[to.offset] = number,
        }
    }

    /// The last entries of the working memory, and the memories without them.
    pub fn with_end(&mut self, count: usize) -> (Memories<'_, T>, &mut [T]) {
        let (scratch, end) = self.scratch.split_at_mut(self.scratch.len() - count);
        (Memories { arena: self.arena, kept: self.kept, inputs: self.inputs, out: self.out, scratch }, end)
    }

    /// The place to write, what can be read meanwhile, and working memory.
    #[inline]
    pub fn open(&mut self, target: &Target) -> (&mut [T], Readable<'_, T>, &mut [T]) {
        let (kept, inputs) = (self.kept, self.inputs);
        if target.space == Space::Out {
            let readable = Readable { pieces: [(0, &*self.arena), (usize::MAX, &[]), (usize::MAX, &[])], kept, inputs };
            return (&mut self.out[target.offset..target.offset + target.length], readable, self.scratch);
        }
        let (before, rest) = self.arena.split_at_mut(target.offset);
        let (out, after) = rest.split_at_mut(target.length);
        let pieces = [(0, &*before), (target.offset + target.length, &*after), (usize::MAX, &[])];
        (out, Readable { pieces, kept, inputs }, self.scratch)
    }

    /// The same for two places of the arena at once, the first of which lies before the second.
    pub fn open_both(&mut self, places: [&Target; 2]) -> ([&mut [T]; 2], Readable<'_, T>, &mut [T]) {
        let [first, second] = places.map(|place| (place.offset, place.offset + place.length));
        let (before, rest) = self.arena.split_at_mut(first.0);
        let (out, rest) = rest.split_at_mut(first.1 - first.0);
        let (between, rest) = rest.split_at_mut(second.0 - first.1);
        let (other, after) = rest.split_at_mut(second.1 - second.0);
        let pieces = [(0, &*before), (first.1, &*between), (second.1, &*after)];
        ([out, other], Readable { pieces, kept: self.kept, inputs: self.inputs }, self.scratch)
    }
}

/// What can be read while pieces of the arena are written.
#[derive(Clone, Copy)]
pub(super) struct Readable<'a, T> {
    /// The others, each with its place in the arena.
    pieces: [(usize, &'a [T]); 3],
    kept: &'a [T],
    inputs: &'a [&'a [T]],
}

impl<'a, T> Readable<'a, T> {
    #[inline]
    pub fn slice(&self, o: &Operand) -> &'a [T] {
        let (from, start) = match o.space {
            Space::Arena => {
                let [(_, before), (first, between), (second, after)] = self.pieces;
                match o.offset {
                    at if at >= second => (after, at - second),
                    at if at >= first => (between, at - first),
                    at => (before, at),
                }
            }
            Space::Kept => (self.kept, o.offset),
            Space::Input(i) => (self.inputs[i], o.offset),
            Space::Out => unreachable!("results are read by nothing"),
        };
        &from[start..start + o.length]
    }
}
