//! Running a fused region: all its steps on one chunk after the other, with what is between them in registers that stay in
//! the nearest cache. Short pieces that repeat along the region are written side by side before the first chunk. Where lines are
//! reduced, a chunk is a number of whole lines, and some steps compute one number for each line.
//!
//! Chunks are independent, so long regions run on several threads; sums are taken block by block and then pairwise over the
//! blocks, so that their bits depend neither on the number of threads nor on the size of chunks, and are those of a sum outside.

use super::memory::{Memories, Space};
use super::repeat::fill;
use crate::compile::{LINKS, READ, REPEATED, Reduction, Repeat, SUMMED, WRITTEN};
use crate::graph::Executable;
use crate::real::Row;
use kernels::reduce::BLOCK;
use kernels::vector::{Term, chain};
use smallvec::SmallVec;
use std::ops::Range;

/// Bytes of all registers together: they fill a first-level cache of 32 KiB.
const REGISTERS: usize = 1 << 15;

/// Blocks of a chunk at most. Each step of a chunk is a call of some 12 ns, as long as 100 entries take.
const BLOCKS: usize = 4;

/// Entries of a line of the cache, in single precision.
const LINE: usize = 16;

/// Parts into which a region is cut for threads at most.
pub const PARTS: usize = 16;

/// Work below which a region stays on one thread, in entries of a plain step: about 100 µs, ten times what waking a
/// thread costs.
const PARALLEL: usize = 1 << 20;

/// A region: steps over registers, of `length` entries in all.
#[derive(Debug, Default)]
pub struct Region {
    pub length: usize,
    /// Length of the lines that are reduced, 1 if none are.
    pub line: usize,
    pub steps: Vec<Step>,
    /// What repeats along the whole region.
    pub motifs: Vec<Motif>,
    /// Numbers that each stand for many entries in a row.
    pub runs: Vec<Run>,
    pub registers: usize,
    /// Cost of one entry, in plain steps.
    pub weight: usize,
    /// What is read: arrays of the arena and elsewhere.
    pub arrays: Vec<Array>,
    /// What is written: first places of the arena by offset, then places of the results by offset.
    pub stores: Vec<Stored>,
    /// Pieces of the arena that are touched, by offset: each is an array or a store, by number.
    pub pieces: Vec<Piece>,
    /// Where each sum over all entries goes in the arena.
    pub totals: Vec<usize>,
}

/// An array that a region reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    pub space: Space,
    pub offset: usize,
    pub length: usize,
}

/// An array that a region writes.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    pub space: Space,
    pub offset: usize,
    pub per: Per,
}

/// What an array of a region has one number for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each entry of the region.
    Entry,
    /// Each line.
    Line,
}

/// Numbers of an array that repeat along the whole region, one of them or several. They are written side by side before the
/// first chunk, so often that every chunk finds its entries in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motif {
    pub array: usize,
    /// The first of them in the array.
    pub start: usize,
    pub period: usize,
}

impl Motif {
    /// Which of the numbers is entry `start` of the region.
    fn phase(&self, start: usize) -> usize {
        if self.period == 1 { 0 } else { start % self.period }
    }
}

/// Numbers of an array, each of which stands for many entries in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub array: usize,
    /// The first of them in the array.
    pub start: usize,
    /// For how many entries.
    pub run: usize,
}

/// A piece of the arena that a region touches.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub offset: usize,
    pub length: usize,
    /// The array's number, `None` for the next store.
    pub array: Option<usize>,
}

/// One node of a region.
#[derive(Debug)]
pub struct Step {
    pub compute: Compute,
    pub to: Goal,
    /// What the step computes a number for.
    pub per: Per,
}

#[derive(Debug)]
pub enum Compute {
    Row(Row, SmallVec<[Source; 3]>),
    /// A sum of terms and products, in their order.
    Chain(Chain),
    /// Repeats the numbers of an array.
    Repeat(Repeat, usize),
    /// The sums over the blocks of the chunk, for the total of this number.
    Total(usize, Source),
    /// A number for each line.
    Reduce(Reduction, Source),
    /// The number of each line for each of its entries.
    Spread(Source),
}

/// At most [`LINKS`] terms, and at most [`FACTORS`] that their sum is multiplied by.
#[derive(Debug)]
pub struct Chain {
    pub links: SmallVec<[Link; 2]>,
    pub factors: SmallVec<[Source; FACTORS]>,
    /// Whether it reads what stands between zeros or is one number for a while, and so goes through a chunk in pieces.
    pub in_pieces: bool,
}

/// A term of a chain: ± a, or ± a·b.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub negative: bool,
    pub a: Source,
    pub b: Option<Source>,
}

/// Factors of a chain at most.
pub const FACTORS: usize = 4;

/// Terms of a chain of usual length.
const FEW: usize = 6;

/// Where a step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The chunk's entries of an array.
    Array(usize),
    /// The chunk's entries of a part of an array that begins at this place.
    Window(usize, usize),
    /// The chunk's entries of what an earlier step stored.
    Store(usize),
    /// The chunk in a register.
    Register(usize),
    /// The chunk's entries of what repeats along the region.
    Motif(usize),
    /// One number of an array, at this place, for all entries; only a chain reads it.
    Number(usize, usize),
    /// Numbers for many entries in a row each; only a chain reads them.
    Run(usize),
    /// The chunk's entries of an array between zeros, of which this one is the first of the array; only a chain reads it.
    Between(usize, usize),
}

/// Where a step writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Register(usize),
    Store(usize),
    /// A total: nothing but the sum is kept.
    Sum,
}

// Slices of arrays, motifs, stores and sums; a region of lines with more of them takes memory from the heap at each run.
type Arrays<'a, T> = SmallVec<[&'a [T]; READ]>;
type Motifs<'a, T> = SmallVec<[(Motif, &'a [T]); REPEATED]>;
type Stores<'a, T> = SmallVec<[&'a mut [T]; WRITTEN]>;
type Sums<'a, T> = SmallVec<[&'a mut [T]; SUMMED]>;

/// What a region reads, by number.
struct Given<'a, T> {
    arrays: Arrays<'a, T>,
    motifs: Motifs<'a, T>,
}

/// What a part of a region works on.
struct Part<'a, T> {
    /// First entry.
    start: usize,
    length: usize,
    /// From the first entry of the part on.
    stores: Stores<'a, T>,
    /// One number a block, from the first block of the part on.
    sums: Sums<'a, T>,
    registers: &'a mut [T],
}

impl Region {
    /// Entries of working memory: motifs, registers for every part, and the sums over blocks.
    pub fn scratch(&self) -> usize {
        // In single precision, which has the longer chunks.
        let chunk = self.chunk::<f32>();
        let parts = if self.work() >= PARALLEL { PARTS } else { 1 };
        let motifs: usize = self.motifs.iter().map(|motif| self.written(motif, chunk)).sum();
        motifs + parts * self.registers * chunk + self.sums()
    }

    /// Entries of a register: whole blocks or whole lines, the more the fewer registers and motifs there are.
    fn chunk<T>(&self) -> usize {
        let blocks = REGISTERS / (BLOCK * size_of::<T>()) / (self.registers + self.motifs.len()).max(1);
        let entries = BLOCK * blocks.clamp(1, BLOCKS);
        if self.line == 1 { entries } else { (entries / self.line).max(1) * self.line }
    }

    /// How many numbers of an array belong to so many entries, whole lines.
    pub fn count(&self, per: Per, entries: usize) -> usize {
        match per {
            Per::Entry => entries,
            Per::Line => entries / self.line,
        }
    }

    /// Entries for which a motif is written: a chunk from any of its numbers on, in whole lines of the cache.
    fn written(&self, motif: &Motif, chunk: usize) -> usize {
        let more = if motif.period == 1 { 0 } else { motif.period };
        (chunk + more).min(self.length).next_multiple_of(LINE)
    }

    fn work(&self) -> usize {
        self.length * self.weight
    }

    /// Into how many parts to cut the region for the threads there are.
    fn parts(&self) -> usize {
        if self.work() < PARALLEL {
            return 1;
        }
        match rayon::current_num_threads() {
            1 => 1,
            // More parts than threads, so that one that is late to start leaves little to wait for.
            threads => (4 * threads).next_power_of_two().min(PARTS),
        }
    }

    /// Entries for the sums over blocks.
    fn sums(&self) -> usize {
        self.totals.len() * self.length.div_ceil(BLOCK)
    }

    /// Runs over the whole length.
    pub fn run<T: Executable>(&self, memories: &mut Memories<'_, T>) {
        let (mut memories, sums) = memories.with_end(self.sums());
        self.cover(&mut memories, 0..self.length, sums, self.parts());
        self.finish(memories.arena, sums);
    }

    /// Runs over some entries, whole lines and blocks of sums, on this thread. `sums` are those over blocks of all entries, for
    /// [`finish`](Region::finish).
    pub fn run_some<T: Executable>(&self, memories: &mut Memories<'_, T>, entries: Range<usize>, sums: &mut [T]) {
        self.cover(memories, entries, sums, 1);
    }

    /// Adds the sums over blocks to the totals.
    pub fn finish<T: Executable>(&self, arena: &mut [T], sums: &[T]) {
        let blocks = self.length.div_ceil(BLOCK).max(1);
        for (sums, &to) in sums.chunks_exact(blocks).zip(&self.totals) {
            arena[to] = kernels::reduce::combine(sums);
        }
    }

    fn cover<T: Executable>(
        &self,
        memories: &mut Memories<'_, T>,
        entries: Range<usize>,
        sums: &mut [T],
        parts: usize,
    ) {
        let (mut scratch, chunk) = (&mut *memories.scratch, self.chunk::<T>());
        let mut motifs: SmallVec<[&mut [T]; REPEATED]> = SmallVec::new();
        for motif in &self.motifs {
            let (piece, rest) = std::mem::take(&mut scratch).split_at_mut(self.written(motif, chunk));
            motifs.push(piece);
            scratch = rest;
        }
        let registers = &mut scratch[..parts * self.registers * chunk];
        // Lists are filled where they stand: moving ones of this size takes longer than a short region.
        let mut given = Given { arrays: Arrays::new(), motifs: Motifs::new() };
        let mut part =
            Part { start: entries.start, length: entries.len(), stores: Stores::new(), sums: Sums::new(), registers };
        self.gather(memories.arena, memories.kept, memories.inputs, memories.out, &mut given.arrays, &mut part.stores);
        for (store, stored) in part.stores.iter_mut().zip(&self.stores) {
            let some = self.count(stored.per, entries.start)..self.count(stored.per, entries.end);
            *store = &mut std::mem::take(store)[some];
        }
        let blocks = self.length.div_ceil(BLOCK).max(1);
        part.sums.extend(sums.chunks_exact_mut(blocks).map(|sums| &mut sums[entries.start / BLOCK..]));
        for (&motif, to) in self.motifs.iter().zip(motifs) {
            let Motif { array, start, period } = motif;
            fill(Repeat::Cycle { start, period }, given.arrays[array], 0, to);
            given.motifs.push((motif, to));
        }
        if parts == 1 {
            self.part(&given, &mut part);
        } else {
            self.split(&given, part, parts);
        }
    }

    /// For each array whether an entry of the region reads others of it than its own.
    pub fn read_as_a_whole(&self) -> Vec<bool> {
        let mut whole = vec![false; self.arrays.len()];
        self.motifs.iter().for_each(|motif| whole[motif.array] = true);
        self.runs.iter().for_each(|run| whole[run.array] = true);
        for step in &self.steps {
            let sources: SmallVec<[Source; 8]> = match &step.compute {
                Compute::Row(_, sources) => sources.iter().copied().collect(),
                Compute::Chain(chain) => chain.sources().collect(),
                Compute::Repeat(_, array) => SmallVec::from_slice(&[Source::Window(*array, 0)]),
                Compute::Total(_, source) | Compute::Reduce(_, source) | Compute::Spread(source) => {
                    SmallVec::from_slice(&[*source])
                }
            };
            for source in sources {
                if let Source::Window(array, _) | Source::Number(array, _) | Source::Between(array, _) = source {
                    whole[array] = true;
                }
            }
        }
        whole
    }

    /// Finds the slices that are read, and those that are written, by number.
    fn gather<'a, T>(
        &self,
        mut arena: &'a mut [T],
        kept: &'a [T],
        inputs: &[&'a [T]],
        mut out: &'a mut [T],
        arrays: &mut Arrays<'a, T>,
        stores: &mut Stores<'a, T>,
    ) {
        for array in &self.arrays {
            arrays.push(match array.space {
                Space::Kept => &kept[array.offset..array.offset + array.length],
                Space::Input(i) => &inputs[i][array.offset..array.offset + array.length],
                Space::Arena | Space::Out => &[],
            });
        }
        let mut at = 0;
        for piece in &self.pieces {
            let (_, from) = std::mem::take(&mut arena).split_at_mut(piece.offset - at);
            let (slice, after) = from.split_at_mut(piece.length);
            (arena, at) = (after, piece.offset + piece.length);
            match piece.array {
                Some(i) => arrays[i] = slice,
                None => stores.push(slice),
            }
        }
        at = 0;
        for store in self.stores.iter().filter(|store| store.space == Space::Out) {
            let length = self.count(store.per, self.length);
            let (_, from) = std::mem::take(&mut out).split_at_mut(store.offset - at);
            let (slice, after) = from.split_at_mut(length);
            (out, at) = (after, store.offset + length);
            stores.push(slice);
        }
    }

    /// Halves a part until there are as many as wanted, and runs them.
    fn split<T: Executable>(&self, given: &Given<'_, T>, mut part: Part<'_, T>, parts: usize) {
        let chunk = self.chunk::<T>();
        let chunks = part.length.div_ceil(chunk);
        if parts <= 1 || chunks < 2 {
            return self.part(given, &mut part);
        }
        let middle = chunks / 2 * chunk;
        let first = middle / BLOCK;
        let (mut left, mut right) = (SmallVec::new(), SmallVec::new());
        for (store, stored) in part.stores.into_iter().zip(&self.stores) {
            let (a, b) = store.split_at_mut(self.count(stored.per, middle));
            left.push(a);
            right.push(b);
        }
        let (mut left_sums, mut right_sums) = (SmallVec::new(), SmallVec::new());
        for sums in part.sums {
            let (a, b) = sums.split_at_mut(first);
            left_sums.push(a);
            right_sums.push(b);
        }
        let (left_registers, right_registers) = part.registers.split_at_mut(part.registers.len() / 2);
        let left = Part { start: part.start, length: middle, stores: left, sums: left_sums, registers: left_registers };
        let right = Part {
            start: part.start + middle,
            length: part.length - middle,
            stores: right,
            sums: right_sums,
            registers: right_registers,
        };
        rayon::join(|| self.split(given, left, parts / 2), || self.split(given, right, parts / 2));
    }

    /// One part, chunk after chunk.
    fn part<T: Executable>(&self, given: &Given<'_, T>, part: &mut Part<'_, T>) {
        let chunk = self.chunk::<T>();
        for from in (0..part.length).step_by(chunk) {
            let count = chunk.min(part.length - from);
            for step in &self.steps {
                self.step(step, given, part, Chunk { length: chunk, from, count });
            }
        }
    }
}

/// The entries at work.
#[derive(Clone, Copy)]
struct Chunk {
    /// Entries of a register.
    length: usize,
    /// The first, counted from the start of the part.
    from: usize,
    count: usize,
}

impl Region {
    /// Runs a step on a chunk of a part.
    #[inline]
    fn step<T: Executable>(&self, step: &Step, given: &Given<'_, T>, part: &mut Part<'_, T>, chunk: Chunk) {
        // The first number and how many, of what the step reads; from the start of the region, and of the part.
        let reads = match step.compute {
            Compute::Reduce(..) => Per::Entry,
            Compute::Spread(_) => Per::Line,
            _ => step.per,
        };
        let (start, from, count) = match reads {
            Per::Entry => (part.start + chunk.from, chunk.from, chunk.count),
            Per::Line => ((part.start + chunk.from) / self.line, chunk.from / self.line, chunk.count / self.line),
        };
        if let Compute::Total(number, source) = step.compute {
            let numbers = match source {
                Source::Register(r) => &part.registers[r * chunk.length..][..count],
                Source::Store(s) => &part.stores[s][from..from + count],
                other => given.entries(other, start, count),
            };
            let sums = &mut part.sums[number][from / BLOCK..];
            sums.iter_mut().zip(numbers.chunks(BLOCK)).for_each(|(sum, block)| *sum = kernels::reduce::total(block));
            return;
        }
        // The place that is written, and what lies before and after it among its like.
        let (mut left, mut right): (&[T], &[T]) = (&*part.registers, &[]);
        let (stored, later): (&[&mut [T]], &[&mut [T]]);
        let (mut register, mut store) = (usize::MAX, usize::MAX);
        let out = match step.to {
            Goal::Register(r) => {
                let (before, rest) = part.registers.split_at_mut(r * chunk.length);
                let (out, after) = rest.split_at_mut(chunk.length);
                (left, right, stored, later, register) = (before, after, &part.stores, &[], r);
                &mut out[..self.count(step.per, chunk.count)]
            }
            Goal::Store(s) => {
                let (before, rest) = part.stores.split_at_mut(s);
                let (out, after) = rest.split_first_mut().expect("a store has a place");
                (stored, later, store) = (before, after, s);
                &mut out[self.count(step.per, chunk.from)..][..self.count(step.per, chunk.count)]
            }
            Goal::Sum => unreachable!("sums were taken above"),
        };
        let read = |source: &Source| -> &[T] {
            match *source {
                Source::Register(r) if r < register => &left[r * chunk.length..][..count],
                Source::Register(r) => &right[(r - register - 1) * chunk.length..][..count],
                Source::Store(s) if s < store => &stored[s][from..from + count],
                Source::Store(s) => &later[s - store - 1][from..from + count],
                other => given.entries(other, start, count),
            }
        };
        match &step.compute {
            Compute::Row(row, sources) => match &sources[..] {
                [a] => row.map(&[read(a)], out),
                [a, b] => row.map(&[read(a), read(b)], out),
                [a, b, c] => row.map(&[read(a), read(b), read(c)], out),
                _ => unreachable!("a row has one to three inputs"),
            },
            Compute::Chain(chain) => {
                let Chain { links, factors, in_pieces } = chain;
                // Pieces of the chunk in which what stands between zeros is either there or zero, and a run is one number.
                let zero = [T::zero()];
                let mut done = 0;
                while done < count {
                    let end = match in_pieces {
                        true => given.border(chain, &self.runs, start + done, start + count) - start,
                        false => count,
                    };
                    let piece = |source: &Source| match *source {
                        Source::Between(i, first) => given.between(i, first, start + done..start + end, &zero),
                        Source::Number(i, at) => &given.arrays[i][at..=at],
                        Source::Run(i) => {
                            let Run { array, start: first, run } = self.runs[i];
                            let at = first + (start + done) / run;
                            &given.arrays[array][at..=at]
                        }
                        _ => &read(source)[done..end],
                    };
                    if links.len() <= FEW {
                        chain_of::<T, FEW>(links, factors, piece, &mut out[done..end]);
                    } else {
                        chain_of::<T, LINKS>(links, factors, piece, &mut out[done..end]);
                    }
                    done = end;
                }
            }
            Compute::Repeat(repeat, array) => fill(*repeat, given.arrays[*array], start, out),
            Compute::Reduce(Reduction::Sum, a) => {
                kernels::reduce::sum(read(a), &[out.len(), self.line], &[1], out, &mut []);
            }
            Compute::Reduce(Reduction::Maximum, a) => {
                kernels::reduce::maximum(read(a), [out.len(), self.line, 1], out);
            }
            Compute::Spread(a) => fill(Repeat::Run { start: 0, run: self.line }, read(a), 0, out),
            Compute::Total(..) => unreachable!("sums were taken above"),
        }
    }
}

/// A chain of at most `N` terms.
#[inline(always)]
fn chain_of<'a, T: Executable, const N: usize>(
    links: &[Link],
    multipliers: &[Source],
    read: impl Fn(&Source) -> &'a [T],
    out: &mut [T],
) {
    let mut terms = [Term { negative: false, a: &[][..], b: None }; N];
    for (term, link) in terms.iter_mut().zip(links) {
        *term = Term { negative: link.negative, a: read(&link.a), b: link.b.as_ref().map(&read) };
    }
    let mut factors: [&[T]; FACTORS] = [&[]; FACTORS];
    factors.iter_mut().zip(multipliers).for_each(|(factor, source)| *factor = read(source));
    chain(&terms[..links.len()], &factors[..multipliers.len()], out);
}

impl Chain {
    pub fn new(links: SmallVec<[Link; 2]>, factors: SmallVec<[Source; FACTORS]>) -> Chain {
        let chain = Chain { links, factors, in_pieces: false };
        let in_pieces = chain.sources().any(|source| matches!(source, Source::Between(..) | Source::Run(_)));
        Chain { in_pieces, ..chain }
    }

    /// What it reads.
    fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        let links = self.links.iter().flat_map(|l| [Some(l.a), l.b]).flatten();
        links.chain(self.factors.iter().copied())
    }
}

impl<'a, T> Given<'a, T> {
    /// Entries `start..` of what the region does not compute itself.
    #[inline]
    fn entries(&self, source: Source, start: usize, count: usize) -> &'a [T] {
        match source {
            Source::Array(i) => &self.arrays[i][start..start + count],
            Source::Window(i, first) => &self.arrays[i][first + start..][..count],
            Source::Motif(i) => {
                let (motif, numbers) = self.motifs[i];
                &numbers[motif.phase(start)..][..count]
            }
            Source::Number(..) | Source::Run(_) | Source::Between(..) => {
                unreachable!("only a chain reads it, in pieces")
            }
            Source::Register(_) | Source::Store(_) => unreachable!("what the region computes is no array"),
        }
    }

    /// The first place after `start`, up to `end`, where an array between zeros that a chain reads begins or ends, or another number
    /// of a run begins.
    #[inline]
    fn border(&self, chain: &Chain, runs: &[Run], start: usize, end: usize) -> usize {
        let mut border = end;
        for source in chain.sources() {
            match source {
                Source::Between(i, first) => {
                    let places = [first, first + self.arrays[i].len()];
                    border = places.into_iter().filter(|&place| place > start).fold(border, usize::min);
                }
                Source::Run(i) => border = border.min((start / runs[i].run + 1) * runs[i].run),
                _ => {}
            }
        }
        border
    }

    /// Entries of an array between zeros, all of them of the array, or a zero that stands for all.
    #[inline]
    fn between<'z>(&self, array: usize, first: usize, entries: Range<usize>, zero: &'z [T]) -> &'z [T]
    where
        'a: 'z,
    {
        let numbers = self.arrays[array];
        let there = entries.start >= first && entries.end <= first + numbers.len();
        if there { &numbers[entries.start - first..entries.end - first] } else { zero }
    }
}
