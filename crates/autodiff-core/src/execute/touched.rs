//! What instructions read and write, by which the order of two of them may be changed or not.

use super::memory::{Operand, Space, Target};
use super::program::{Instruction, Kind};
use std::ops::Range;

/// A stretch of a memory.
pub(super) type Place = (Space, Range<usize>);

/// Whether two have an entry in common.
pub(super) fn overlap(a: &Place, b: &Place) -> bool {
    a.0 == b.0 && a.1.start < b.1.end && b.1.start < a.1.end
}

pub(super) fn read(o: &Operand) -> Place {
    (o.space, o.offset..o.offset + o.length)
}

pub(super) fn written(t: &Target) -> Place {
    (t.space, t.offset..t.offset + t.length)
}

/// All that instructions read and write.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    pub reads: Vec<Place>,
    pub writes: Vec<Place>,
}

impl Touched {
    pub fn by(instruction: &Instruction) -> Touched {
        let region = match &instruction.kind {
            Kind::Region(region) => region,
            Kind::Tiled(tiled) => return Touched::by_all(&tiled.instructions),
            Kind::Pair(pair) => return Touched::by_all(&pair.instructions),
            Kind::Scalars(scalars) => return scalars.touched(),
            kind => {
                let mut reads: Vec<Place> = instruction.operands.iter().map(read).collect();
                let out = written(&instruction.out);
                // What is computed in the memory of its first operand reads it there.
                if let (Kind::Primitive(p), [first, ..]) = (kind, &mut reads[..])
                    && p.updates()
                    && first.1.is_empty()
                {
                    *first = out.clone();
                }
                return Touched { reads, writes: vec![out] };
            }
        };
        let reads = region.arrays.iter().map(|a| (a.space, a.offset..a.offset + a.length)).collect();
        let stored = region.stores.iter().map(|s| {
            let length = region.count(s.per, region.length);
            (s.space, s.offset..s.offset + length)
        });
        let totals = region.totals.iter().map(|&at| (Space::Arena, at..at + 1));
        Touched { reads, writes: stored.chain(totals).collect() }
    }

    fn by_all(instructions: &[Instruction]) -> Touched {
        let mut all = Touched::default();
        instructions.iter().for_each(|one| all.add(Touched::by(one)));
        all
    }

    pub fn add(&mut self, other: Touched) {
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
    }

    /// Whether the order of the two matters.
    pub fn collides(&self, other: &Touched) -> bool {
        let any = |a: &[Place], b: &[Place]| a.iter().any(|a| b.iter().any(|b| overlap(a, b)));
        any(&self.writes, &other.reads) || any(&self.reads, &other.writes) || any(&self.writes, &other.writes)
    }
}
