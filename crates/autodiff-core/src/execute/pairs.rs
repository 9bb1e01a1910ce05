//! Products at once: two products of matrices in a row, neither of which reads what the other writes, are shared by two threads if
//! there are several. Each is too small to be divided itself.

use super::memory::{Memories, NOWHERE, Readable, Space};
use super::program::{Instruction, Kind, evaluate};
use super::touched::Touched;
use crate::compile::AnyProduct;
use crate::error::Result;
use crate::graph::Executable;
use crate::shape::Shape;
use smallvec::SmallVec;
use std::ops::Range;

/// Floating-point operations of each from which on it pays: 15 to 30 µs on one core, where waking a thread takes 8 to 14.
/// From the upper bound on the kernel divides the product.
const WORTH: Range<u64> = 1 << 21..1 << 23;

/// Two instructions that wait for nothing of each other.
#[derive(Debug)]
pub(super) struct Pair {
    /// In the order of their places in the arena.
    pub instructions: [Instruction; 2],
    /// Working memory of each.
    scratch: [usize; 2],
}

/// Joins such instructions.
pub(super) fn pair(instructions: Vec<Instruction>, shapes: &[Shape]) -> Vec<Instruction> {
    let mut done = Vec::<Instruction>::with_capacity(instructions.len());
    for second in instructions {
        let joins = done.last().is_some_and(|first| {
            let both = [first, &second];
            both.iter().all(|one| is_worth_a_thread(one, shapes)) && !Touched::by(first).collides(&Touched::by(&second))
        });
        if !joins {
            done.push(second);
            continue;
        }
        let first = done.pop().expect("just seen");
        let mut instructions = [first, second];
        instructions.sort_by_key(|one| one.out.offset);
        // Neither is divided.
        let scratch = [&instructions[0], &instructions[1]].map(|one| one.scratch(shapes, 1));
        let pair = Pair { instructions, scratch };
        done.push(Instruction { kind: Kind::Pair(Box::new(pair)), operands: SmallVec::new(), out: NOWHERE });
    }
    done
}

fn is_worth_a_thread(instruction: &Instruction, shapes: &[Shape]) -> bool {
    let Kind::Primitive(p) = &instruction.kind else { return false };
    let operands = instruction.shapes(shapes);
    let flops = || p.infer(&operands).is_ok_and(|out| WORTH.contains(&p.flops(&operands, &out)));
    AnyProduct::of(&**p).is_some() && instruction.out.space == Space::Arena && flops()
}

impl Pair {
    /// Entries of working memory to run both at once.
    pub fn scratch(&self) -> usize {
        self.scratch.iter().sum()
    }

    /// Runs both, each on a thread.
    pub fn run<T: Executable>(&self, shapes: &[Shape], memories: &mut Memories<'_, T>) -> Result<()> {
        let [first, second] = &self.instructions;
        let ([out, other], readable, scratch) = memories.open_both([&first.out, &second.out]);
        let (scratch, rest) = scratch.split_at_mut(self.scratch[0]);
        let one = |instruction: &Instruction, out: &mut [T], readable: Readable<'_, T>, scratch: &mut [T]| {
            let Kind::Primitive(p) = &instruction.kind else { unreachable!("products are primitives") };
            evaluate::<T, 8>(&**p, &instruction.operands, shapes, out, &readable, scratch)
        };
        let (a, b) = rayon::join(|| one(first, out, readable, scratch), || one(second, other, readable, rest));
        a.and(b)
    }
}
