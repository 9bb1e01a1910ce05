//! Where every value lives: offsets in one arena, reused once a value is dead.

use std::collections::BTreeMap;

/// Hands out and takes back pieces of an arena that grows as needed.
///
/// Pieces are rounded up to whole cache lines of eight `f64` (scalars excepted) and kept by size, so a freed piece serves
/// the next request of its size or the smallest larger one.
#[derive(Debug, Default)]
pub struct Arena {
    free: BTreeMap<usize, Vec<usize>>,
    length: usize,
}

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

    /// A piece of the next entries exactly, never freed: what has a fixed place.
    pub fn place(&mut self, size: usize) -> usize {
        let offset = self.length;
        self.length += size;
        offset
    }

    /// A piece of at least `size` entries.
    pub fn take(&mut self, size: usize) -> Piece {
        let capacity = if size <= 1 { size } else { size.next_multiple_of(8) };
        // A much larger piece is better left for a value of its size.
        if let Some((&found, offsets)) = self.free.range_mut(capacity..=capacity * 2).next() {
            let offset = offsets.pop().expect("empty lists are removed");
            if offsets.is_empty() {
                self.free.remove(&found);
            }
            return Piece { offset, capacity: found };
        }
        Piece { offset: self.place(capacity), capacity }
    }

    /// Takes a piece back.
    pub fn give(&mut self, piece: Piece) {
        if piece.capacity > 0 {
            self.free.entry(piece.capacity).or_default().push(piece.offset);
        }
    }
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
