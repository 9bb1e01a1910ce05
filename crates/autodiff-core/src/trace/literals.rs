//! [`Literals`]: the constants that operators made of plain numbers.

use crate::graph::NodeId;

/// Numbers that are looked for before one is recorded.
const PLACES: usize = 64;

/// Nodes of numbers in the text of a closure, each in the one place that its bits tell; the last one of a place is known.
pub struct Literals([(u64, NodeId); PLACES]);

impl Literals {
    /// No numbers: every place holds the bits of one that is looked for elsewhere, so that they alone tell whether a number is
    /// there.
    pub const NONE: Literals = {
        let elsewhere = 1;
        assert!(place_of(0) == 0 && place_of(elsewhere) != 0);
        let mut places = [(0, NodeId::NOWHERE); PLACES];
        places[0].0 = elsewhere;
        Literals(places)
    };

    /// The constant of a number, if it is known.
    #[inline(always)]
    pub fn get(&self, value: f64) -> Option<NodeId> {
        let (known, node) = self.0[place_of(value.to_bits())];
        (known == value.to_bits()).then_some(node)
    }

    /// Makes the constant of a number known.
    #[inline(always)]
    pub fn put(&mut self, value: f64, node: NodeId) {
        self.0[place_of(value.to_bits())] = (value.to_bits(), node);
    }
}

/// Where a number is looked for, by its bits.
#[inline(always)]
const fn place_of(bits: u64) -> usize {
    // The leading bits of the product depend on all bits of the number (Fibonacci hashing).
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_at_first_and_then_what_was_put_last() {
        let mut literals = Literals::NONE;
        let numbers = [0.0, -0.0, 1.0, f64::from_bits(1), 0.5, f64::NAN, f64::INFINITY];
        assert!(numbers.iter().all(|&number| literals.get(number).is_none()));
        for (i, &number) in numbers.iter().enumerate() {
            literals.put(number, NodeId::from_index(i));
            assert_eq!(literals.get(number), Some(NodeId::from_index(i)));
        }
    }
}
