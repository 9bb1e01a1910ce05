//! Where every value lives: offsets in one arena, reused once a value is dead.

use std::collections::{BTreeMap, BTreeSet};

/// Hands out and takes back pieces of an arena that grows as needed.
///
/// Pieces are rounded up to whole cache lines, scalars excepted, which are kept apart. A freed piece joins its free neighbours; a
/// request is cut from the smallest free stretch that holds it.
#[derive(Debug, Default)]
pub struct Arena {
    /// Length of every free stretch by its offset; no two touch.
    free: BTreeMap<usize, usize>,
    /// The same as (length, offset).
    by_length: BTreeSet<(usize, usize)>,
    /// Places of freed scalars.
    scalars: Vec<usize>,
    length: usize,
    served: usize,
}

/// Entries of a cache line of 64 bytes in single precision.
const LINE: usize = 16;

/// A piece of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub offset: usize,
    pub capacity: usize,
}

impl Arena {
    /// Entries the arena needs in all.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Pieces that were handed out.
    pub fn served(&self) -> usize {
        self.served
    }

    /// A new piece, which no freed one serves.
    pub fn place(&mut self, size: usize) -> Piece {
        self.served += 1;
        self.extend(size)
    }

    fn extend(&mut self, size: usize) -> Piece {
        if size == 0 {
            // Nothing lies at the start, where nothing can come to lie across it.
            return Piece { offset: 0, capacity: 0 };
        }
        if size > 1 {
            self.length = self.length.next_multiple_of(LINE);
        }
        let piece = Piece { offset: self.length, capacity: capacity(size) };
        self.length += piece.capacity;
        piece
    }

    /// A piece of at least `size` entries.
    pub fn take(&mut self, size: usize) -> Piece {
        self.served += 1;
        let capacity = capacity(size);
        if capacity <= 1 {
            let freed = if capacity == 1 { self.scalars.pop() } else { None };
            return freed.map_or_else(|| self.extend(size), |offset| Piece { offset, capacity });
        }
        if let Some(&(length, offset)) = self.by_length.range((capacity, 0)..).next() {
            self.remove(offset, length);
            if length > capacity {
                self.insert(offset + capacity, length - capacity);
            }
            return Piece { offset, capacity };
        }
        // A free stretch at the end needs only the rest.
        if let Some((&offset, &length)) = self.free.last_key_value()
            && offset + length == self.length
        {
            self.remove(offset, length);
            self.length = offset + capacity;
            return Piece { offset, capacity };
        }
        self.extend(size)
    }

    /// Takes a piece back.
    pub fn give(&mut self, piece: Piece) {
        let Piece { mut offset, capacity: mut length } = piece;
        if length <= 1 {
            self.scalars.extend((length == 1).then_some(offset));
            return;
        }
        if let Some((&before, &extent)) = self.free.range(..offset).next_back()
            && before + extent == offset
        {
            self.remove(before, extent);
            (offset, length) = (before, extent + length);
        }
        if let Some(&extent) = self.free.get(&(offset + length)) {
            self.remove(offset + length, extent);
            length += extent;
        }
        self.insert(offset, length);
    }

    fn insert(&mut self, offset: usize, length: usize) {
        self.free.insert(offset, length);
        self.by_length.insert((length, offset));
    }

    fn remove(&mut self, offset: usize, length: usize) {
        self.free.remove(&offset);
        self.by_length.remove(&(length, offset));
    }
}

fn capacity(size: usize) -> usize {
    if size <= 1 { size } else { size.next_multiple_of(LINE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_pieces_are_reused_and_never_overlap() {
        let mut arena = Arena::default();
        let a = arena.take(10);
        let b = arena.take(10);
        assert!(a.offset + a.capacity <= b.offset);
        arena.give(a);
        assert_eq!(arena.take(9), a);
        assert_ne!(arena.take(9).offset, b.offset);
    }

    #[test]
    fn freed_neighbours_join_and_are_cut_again() {
        let mut arena = Arena::default();
        let pieces: Vec<Piece> = (0..4).map(|_| arena.take(32)).collect();
        // Out of order, with one still there.
        [2, 0, 1].iter().for_each(|&i| arena.give(pieces[i]));
        assert_eq!(arena.take(64).offset, 0);
        assert_eq!(arena.take(20).offset, 64);
        assert_eq!(arena.length(), 128);
        // The end grows by what is missing.
        arena.give(pieces[3]);
        assert_eq!(arena.take(100).offset, 96);
        assert_eq!(arena.length(), 96 + 112);
    }

    #[test]
    fn what_is_empty_lies_in_nothing_else() {
        let mut arena = Arena::default();
        let a = arena.take(16);
        let empty = arena.take(0);
        arena.give(a);
        let b = arena.take(64);
        assert!(empty.offset <= b.offset || b.offset + b.capacity <= empty.offset);
    }

    #[test]
    fn scalars_are_kept_apart() {
        let mut arena = Arena::default();
        let (a, b) = (arena.take(1), arena.take(16));
        arena.give(a);
        arena.give(b);
        assert_eq!(arena.take(16), b);
        assert_eq!(arena.take(1), a);
    }
}
