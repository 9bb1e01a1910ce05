//! Where every value lives: offsets in one arena, reused once a value is dead.

use std::collections::BTreeMap;

/// Hands out and takes back pieces of an arena that grows as needed.
///
/// Pieces are rounded up to whole cache lines (scalars excepted) and kept by size, so a freed piece serves the next request of
/// its size or the smallest larger one.
#[derive(Debug, Default)]
pub struct Arena {
    free: BTreeMap<usize, Vec<usize>>,
    length: usize,
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

    /// A new piece, which no freed one serves.
    pub fn place(&mut self, size: usize) -> Piece {
        if size > 1 {
            self.length = self.length.next_multiple_of(LINE);
        }
        let piece = Piece { offset: self.length, capacity: capacity(size) };
        self.length += piece.capacity;
        piece
    }

    /// A piece of at least `size` entries.
    pub fn take(&mut self, size: usize) -> Piece {
        let capacity = capacity(size);
        // A much larger piece is better left for a value of its size.
        if let Some((&found, offsets)) = self.free.range_mut(capacity..=capacity * 2).next() {
            let offset = offsets.pop().expect("empty lists are removed");
            if offsets.is_empty() {
                self.free.remove(&found);
            }
            return Piece { offset, capacity: found };
        }
        self.place(size)
    }

    /// Takes a piece back.
    pub fn give(&mut self, piece: Piece) {
        if piece.capacity > 0 {
            self.free.entry(piece.capacity).or_default().push(piece.offset);
        }
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
}
