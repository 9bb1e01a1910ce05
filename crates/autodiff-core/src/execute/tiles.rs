//! Tiling over rows: instructions that go through the rows of the same long matrices, one after the other, run on a block of rows
//! at a time instead.
//!
//! The gradient of a regression reads its data twice, once for predictions and once for what is made of their errors. Of more data
//! than the caches hold, each reading comes from memory; a block of rows is still there when it is read again, and what was
//! computed of it as well.
//!
//! Blocks are those in which a product sums over its inner axis, so that no bit changes. Several threads share each instruction
//! instead.

use super::memory::{Memories, NOWHERE, Operand, Target};
use super::program::{Instruction, Kind};
use super::region::{Per, Region};
use super::touched::{Place, Touched, overlap, read, written};
use crate::compile::AnyProduct;
use crate::graph::Executable;
use crate::shape::Shape;
use kernels::gemm::{Product, Update, inner_block};
use kernels::reduce::BLOCK;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::ops::Range;

/// Rows from which on it may pay: four blocks.
pub(super) const LONG: usize = 1024;

/// Entries that are gone through again by a later instruction, from which on they do not stay in the second-level cache until
/// then: a megabyte of `f64`.
const FAR: usize = 1 << 17;

/// Entries that an instruction goes through in a block of rows, on average, below which calling it costs more than is gained.
const SHORT: usize = 1 << 12;

/// Instructions that run together at most, so that looking for them takes time in proportion to their number.
const MOST: usize = 64;

/// Instructions in between that are looked past.
pub(super) const REACH: usize = 16;

/// Instructions that run on one block of rows after the other.
#[derive(Debug)]
pub(super) struct Tiled {
    /// As they would run alone.
    pub instructions: Vec<Instruction>,
    parts: Vec<Part>,
    /// All rows.
    pub rows: usize,
    /// Those that run at once.
    pub block: usize,
    /// Entries for the sums over blocks of all regions.
    sums: usize,
}

/// What an instruction does with the rows.
#[derive(Clone, Debug)]
enum Part {
    /// out ± A · B, a row of it for each row of A of k entries.
    Rows { n: usize, k: usize, trans_b: bool, packed: bool, update: Update },
    /// Elementwise steps, so many entries for each row, and the place of the sums over blocks.
    Region { entries: usize, sums: Range<usize> },
    /// out ± Aᵀ · B, m × n entries, a sum over the rows.
    Sum { m: usize, n: usize, update: Update },
}

/// When an instruction that follows the first member runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Before,
    Member,
    After,
}

/// Joins instructions that gain.
pub(super) fn tile(instructions: Vec<Instruction>, shapes: &[Shape]) -> Vec<Instruction> {
    let mut done = Vec::with_capacity(instructions.len());
    let mut rest: VecDeque<Instruction> = instructions.into();
    while let Some(first) = rest.pop_front() {
        let Some(mut group) = Group::start(&first, shapes) else {
            done.push(first);
            continue;
        };
        let turns = group.grow(rest.make_contiguous(), shapes);
        if !group.pays() {
            done.push(first);
            continue;
        }
        // What lies between two members runs before all of them if it waits for none, else after.
        let (mut members, mut after) = (vec![first], Vec::new());
        for (turn, instruction) in turns.iter().zip(rest.drain(..turns.len())) {
            match turn {
                Turn::Before => done.push(instruction),
                Turn::Member => members.push(instruction),
                Turn::After => after.push(instruction),
            }
        }
        let Group { parts, rows, block, sums, .. } = group;
        let tiled = Tiled { instructions: members, parts, rows, block, sums };
        done.push(Instruction { kind: Kind::Tiled(Box::new(tiled)), operands: SmallVec::new(), out: NOWHERE });
        done.extend(after);
    }
    done
}

/// What an instruction does with the rows, and where.
struct Way {
    part: Part,
    /// What it goes through row by row, read or written.
    tall: Vec<Place>,
    /// What of that it makes.
    made: Vec<Place>,
    /// What it reads as a whole for every block.
    whole: Vec<Place>,
}

/// Instructions that may run together.
struct Group {
    rows: usize,
    block: usize,
    parts: Vec<Part>,
    sums: usize,
    touched: Touched,
    /// What has a row for each row: what is read, and what members write.
    tall: Vec<Place>,
    /// Entries of it that members go through, counted again for each.
    moved: usize,
}

impl Group {
    /// A group that begins with this instruction, a product of each row.
    fn start(first: &Instruction, shapes: &[Shape]) -> Option<Group> {
        let Kind::Primitive(_) = &first.kind else { return None };
        let rows = shapes[first.operands.iter().rev().nth(1)?.shape].first().copied()?;
        let block = inner_block(rows);
        // A single row at the end would be multiplied in another way.
        if rows < LONG || rows % block == 1 {
            return None;
        }
        let touched = Touched::default();
        let mut group = Group { rows, block, parts: Vec::new(), sums: 0, touched, tall: Vec::new(), moved: 0 };
        (group.take(first, &Touched::by(first), shapes) && matches!(group.parts[0], Part::Rows { .. })).then_some(group)
    }

    /// Takes of the instructions that follow those that fit; where each goes, up to the last that was taken.
    fn grow(&mut self, rest: &[Instruction], shapes: &[Shape]) -> Vec<Turn> {
        let (mut turns, mut end, mut later) = (Vec::new(), 0, Touched::default());
        for instruction in rest {
            let touched = Touched::by(instruction);
            if self.parts.len() == MOST {
                break;
            }
            if !touched.collides(&later) && self.take(instruction, &touched, shapes) {
                turns.push(Turn::Member);
                end = turns.len();
                continue;
            }
            if matches!(instruction.kind, Kind::Guard(_)) || turns.len() - end == REACH {
                break;
            }
            if touched.collides(&self.touched) || touched.collides(&later) {
                later.add(touched);
                turns.push(Turn::After);
            } else {
                turns.push(Turn::Before);
            }
        }
        turns.truncate(end);
        turns
    }

    /// Takes an instruction if it goes through the same rows and finds there what it reads.
    fn take(&mut self, instruction: &Instruction, touched: &Touched, shapes: &[Shape]) -> bool {
        let Some(Way { part, tall, made, whole }) = self.way(instruction, shapes) else { return false };
        let Touched { reads, writes } = touched;
        let mine = &self.touched;
        // What members write is read row by row only, and nothing is written twice, but rows that are added to where they are.
        let known = |place: &Place| tall.contains(place) && self.tall.contains(place);
        let onto = instruction.operands.first().is_some_and(|o| o.length == 0);
        let in_place = matches!(part, Part::Rows { update: Update::Add | Update::Subtract, .. }) && onto;
        let fits = whole.iter().all(|r| !mine.writes.iter().any(|w| overlap(r, w)))
            && reads.iter().all(|r| known(r) || !mine.writes.iter().any(|w| overlap(r, w)))
            && writes.iter().all(|w| {
                let others = || mine.reads.iter().chain(&mine.writes).any(|other| overlap(w, other));
                (in_place && known(w)) || !others()
            });
        if !fits {
            return false;
        }
        if let Part::Region { sums, .. } = &part {
            self.sums = sums.end;
        }
        self.moved += tall.iter().map(|(_, range)| range.len()).sum::<usize>();
        self.tall.extend(tall.iter().filter(|p| reads.contains(p) || made.contains(p)).cloned());
        self.touched.add(touched.clone());
        self.parts.push(part);
        true
    }

    /// What an instruction does with the rows, if it does.
    fn way(&self, instruction: &Instruction, shapes: &[Shape]) -> Option<Way> {
        let out = written(&instruction.out);
        match &instruction.kind {
            Kind::Region(region) => self.region(region),
            Kind::Primitive(p) => {
                let one = AnyProduct::of(&**p)?;
                let (product, update) = (one.matmul, one.update);
                let [a, b] = instruction.operands[one.before()..] else { return None };
                let (shape_a, shape_b) = (&shapes[a.shape], &shapes[b.shape]);
                if shape_a.rank() != 2 || shape_a[0] != self.rows {
                    return None;
                }
                // What it is computed onto, where that is not in its place already.
                let start = instruction.operands[..one.before()].iter().find(|c| c.length > 0).map(read);
                if product.trans_a {
                    let tall = shape_b.rank() == 2 && shape_b[0] == self.rows && !product.trans_b;
                    let plain = one.packed.is_none();
                    let (m, n) = (shape_a[1], *shape_b.last()?);
                    // An inner product is not summed in blocks.
                    let blocks = m > 1 || n > 1;
                    let (tall_ones, whole) = (vec![read(&a), read(&b)], start.into_iter().collect());
                    let part = Part::Sum { m, n, update };
                    return (tall && plain && blocks).then_some(Way { part, tall: tall_ones, made: vec![], whole });
                }
                if shape_b.rank() > 2 {
                    return None;
                }
                let n = one.packed.map_or_else(|| shape_b[usize::from(!product.trans_b)], |(_, n)| n);
                let mut tall = vec![read(&a), out.clone()];
                tall.extend(start);
                let (trans_b, packed) = (product.trans_b, one.packed.is_some());
                let part = Part::Rows { n, k: shape_a[1], trans_b, packed, update };
                Some(Way { part, tall, made: vec![out], whole: vec![read(&b)] })
            }
            _ => None,
        }
    }

    fn region(&self, region: &Region) -> Option<Way> {
        let entries = region.length / self.rows;
        // Lines and blocks of sums end where blocks of rows do.
        let summed = region.totals.is_empty() || (self.block * entries).is_multiple_of(BLOCK);
        if entries * self.rows != region.length || !entries.is_multiple_of(region.line) || !summed {
            return None;
        }
        let as_a_whole = region.read_as_a_whole();
        let (mut tall, mut whole) = (Vec::new(), Vec::new());
        for (array, as_a_whole) in region.arrays.iter().zip(as_a_whole) {
            let by_rows = !as_a_whole && array.length == region.length;
            let place = (array.space, array.offset..array.offset + array.length);
            if by_rows { tall.push(place) } else { whole.push(place) }
        }
        let made: Vec<Place> = region
            .stores
            .iter()
            .filter(|s| s.per == Per::Entry)
            .map(|s| (s.space, s.offset..s.offset + region.length))
            .collect();
        tall.extend(made.iter().cloned());
        let sums = self.sums..self.sums + region.totals.len() * region.length.div_ceil(BLOCK);
        Some(Way { part: Part::Region { entries, sums }, tall, made, whole })
    }

    /// Whether a block of rows that stays in the cache from one member to the next is worth the calls.
    fn pays(&self) -> bool {
        let mut distinct: Vec<&Place> = Vec::new();
        for place in &self.tall {
            if !distinct.contains(&place) {
                distinct.push(place);
            }
        }
        let again = self.moved - distinct.iter().map(|(_, range)| range.len()).sum::<usize>();
        self.parts.len() > 1 && again >= FAR && self.moved / self.parts.len() >= SHORT * self.rows / self.block
    }
}

impl Tiled {
    /// Entries of working memory to run on blocks, the sums over these at their end.
    pub fn scratch(&self) -> usize {
        let part = |(part, instruction): (&Part, &Instruction)| match (part, &instruction.kind) {
            (Part::Region { .. }, Kind::Region(region)) => region.scratch(),
            _ => [self.block, self.rows % self.block]
                .map(|rows| part.product(rows).map_or(0, |p| p.scratch::<f32>().max(p.scratch::<f64>())))
                .into_iter()
                .max()
                .unwrap_or(0),
        };
        self.parts.iter().zip(&self.instructions).map(part).max().unwrap_or(0) + self.sums
    }

    /// Whether a product of all rows is left to the library of the feature `blas`, which sums in an order of its own.
    pub fn goes_to_library(&self) -> bool {
        let plain = self.parts.iter().filter(|part| !matches!(part, Part::Rows { packed: true, .. }));
        plain.filter_map(|part| part.product(self.rows)).any(|product| product.goes_to_library())
    }

    /// Runs all instructions on one block of rows after the other.
    pub fn run<T: Executable>(&self, memories: &mut Memories<'_, T>) {
        let (mut memories, sums) = memories.with_end(self.sums);
        for start in (0..self.rows).step_by(self.block) {
            let rows = start..(start + self.block).min(self.rows);
            for (part, instruction) in self.parts.iter().zip(&self.instructions) {
                part.run(instruction, self.rows, rows.clone(), &mut memories, sums);
            }
        }
        for (part, instruction) in self.parts.iter().zip(&self.instructions) {
            if let (Part::Region { sums: range, .. }, Kind::Region(region)) = (part, &instruction.kind) {
                region.finish(memories.arena, &sums[range.clone()]);
            }
        }
    }
}

impl Part {
    /// The product of so many rows.
    fn product(&self, rows: usize) -> Option<Product> {
        match *self {
            Part::Rows { n, k, trans_b, .. } => Some(Product::new(rows, n, k).trans_b(trans_b)),
            Part::Sum { m, n, .. } => Some(Product::new(m, n, rows).trans_a(true)),
            Part::Region { .. } => None,
        }
    }

    fn run<T: Executable>(
        &self,
        instruction: &Instruction,
        all: usize,
        rows: Range<usize>,
        memories: &mut Memories<'_, T>,
        sums: &mut [T],
    ) {
        let rows_of = |o: &Operand| {
            let row = o.length / all;
            Operand { offset: o.offset + rows.start * row, length: rows.len() * row, ..*o }
        };
        let operands = &instruction.operands;
        match (self, &instruction.kind) {
            (Part::Region { entries, sums: range }, Kind::Region(region)) => {
                region.run_some(memories, rows.start * entries..rows.end * entries, &mut sums[range.clone()]);
            }
            (Part::Rows { n, packed, update, .. }, _) => {
                let product = self.product(rows.len()).expect("a product");
                let out = Target {
                    offset: instruction.out.offset + rows.start * n,
                    length: rows.len() * n,
                    ..instruction.out
                };
                let (out, readable, scratch) = memories.open(&out);
                let onto = usize::from(*update != Update::Replace);
                if onto == 1 && operands[0].length > 0 {
                    out.copy_from_slice(readable.slice(&rows_of(&operands[0])));
                }
                let (a, b) = (readable.slice(&rows_of(&operands[onto])), readable.slice(&operands[onto + 1]));
                if *packed {
                    product.run_packed(*update, a, b, out, scratch);
                } else {
                    product.run(*update, a, b, out, scratch);
                }
            }
            (Part::Sum { update, .. }, _) => {
                let product = self.product(rows.len()).expect("a product");
                let (out, readable, scratch) = memories.open(&instruction.out);
                let onto = usize::from(*update != Update::Replace);
                if onto == 1 && operands[0].length > 0 && rows.start == 0 {
                    out.copy_from_slice(readable.slice(&operands[0]));
                }
                let update = if *update == Update::Replace && rows.start > 0 { Update::Add } else { *update };
                let (a, b) = (readable.slice(&rows_of(&operands[onto])), readable.slice(&rows_of(&operands[onto + 1])));
                product.run(update, a, b, out, scratch);
            }
            (Part::Region { .. }, _) => unreachable!("a region is one"),
        }
    }
}
