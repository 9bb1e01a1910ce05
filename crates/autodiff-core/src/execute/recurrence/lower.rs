//! From rules to instructions: all coefficients up to an order, one after the other.
//!
//! Coefficients beyond the degree of a node are known to be zero, so they have no instruction, and are never read. A sum takes up the
//! products that are made for it alone, and so does the solution, whose coefficients are those of the rates over their order. Where
//! a rate is a state, as in x′ = v of equations of second order, a coefficient is written once more, as the next one of the other.

use super::{Recurrences, Rule, Step};
use crate::graph::{Executable, NodeId, Operation};
use crate::real::Row;
use kernels::series::{Instruction, NOWHERE, PADDED, Rule as Sum};
use smallvec::SmallVec;
use std::ops::{Range, RangeInclusive};

/// What is done for one order, or for the values.
#[derive(Debug)]
pub(super) enum Item {
    /// These instructions.
    Run(Range<usize>),
    /// A row, of entries at these places.
    Row { row: Row, args: SmallVec<[u32; 3]>, out: u32, length: usize },
    /// The entries of a constant array that belong to the chunk.
    Constant { node: NodeId, out: u32 },
    /// The primitive of a node, of entries at these places; its result may be added to what is there.
    Primitive { node: NodeId, args: SmallVec<[(NodeId, u32); 2]>, out: u32, added: bool },
}

/// Where the series of a node is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub start: u32,
    pub stride: u32,
}

impl Place {
    /// Where a coefficient is.
    pub fn at(self, k: usize) -> u32 {
        self.start + self.stride * u32::try_from(k).expect("orders are small")
    }
}

/// All that is done, and where.
#[derive(Debug)]
pub(super) struct Stream<T> {
    pub instructions: Vec<Instruction<T>>,
    /// Entries that [`Sum::Gathered`] reads.
    pub table: Vec<u32>,
    /// For the values of all nodes, and for the coefficients.
    pub values: Vec<Item>,
    pub coefficients: Vec<Item>,
    /// Of all nodes, the same for those that hold the same entries.
    pub places: Vec<Place>,
    /// Of the inputs: where they are, which entries of all these are, and whether chunks are taken of them.
    pub inputs: Vec<(Place, Range<usize>, bool)>,
    /// Numbers that never change, by place.
    pub constants: Vec<(u32, T)>,
    /// Entries of memory.
    pub size: usize,
    /// Entries of the largest node.
    pub widest: usize,
    /// Entries of a plane that run through all orders together.
    pub chunk: usize,
}

/// The beginning of the memory stays zero: what reads a coefficient that is zero reads it there.
const ZEROS: u32 = 0;

/// The instruction or the item of a node at the present order.
enum Entry<T> {
    Instruction(Instruction<T>),
    Item(Item),
}

struct Lowering<'a, T> {
    recurrences: &'a Recurrences,
    order: usize,
    stream: Stream<T>,
    /// Series of coefficients times their order.
    weighted: Vec<Option<Place>>,
    /// 1/x of nodes that are divided by.
    inverses: Vec<Option<Place>>,
    /// 1/(2y) of roots.
    halves: Vec<Option<Place>>,
    /// For each state, the one whose rate it is and whose coefficients are written with its own.
    followers: Vec<Option<NodeId>>,
    /// How often the coefficients of a node are read.
    reads: Vec<usize>,
    /// The present order; an instruction that was merged with a later one is none.
    level: Vec<Option<Entry<T>>>,
    /// Where in it the instruction of a node is.
    made: Vec<Option<usize>>,
}

/// The stream of these recurrences up to an order; `None` if there are too many numbers for the places of instructions.
pub(super) fn lower<T: Executable>(recurrences: &Recurrences, order: usize) -> Option<Stream<T>> {
    let mut lowering = Lowering::new(recurrences, order)?;
    recurrences.graph.ids().for_each(|id| lowering.value(id));
    lowering.stream.values = lowering.close();
    for k in 0..order {
        if k > 0 {
            recurrences
                .steps
                .iter()
                .filter(|s| k <= recurrences.degrees[s.node.index()])
                .for_each(|s| lowering.step(s, k));
        }
        lowering.advance(k);
        let items = lowering.close();
        lowering.stream.coefficients.extend(items);
    }
    // Runs of neighbouring orders are one.
    let mut joined: Vec<Item> = Vec::new();
    for item in lowering.stream.coefficients.drain(..) {
        match (joined.last_mut(), item) {
            (Some(Item::Run(last)), Item::Run(next)) => last.end = next.end,
            (_, item) => joined.push(item),
        }
    }
    lowering.stream.coefficients = joined;
    Some(lowering.stream)
}

impl<'a, T: Executable> Lowering<'a, T> {
    fn new(recurrences: &'a Recurrences, order: usize) -> Option<Self> {
        let r = recurrences;
        let n = r.graph.len();
        let holds = |id: &NodeId| r.holder(*id) == id.index();
        let mut reads = vec![0; n];
        let (mut inverted, mut rooted) = (vec![false; n], vec![false; n]);
        for step in &r.steps {
            step.args.iter().for_each(|&a| reads[r.holder(a)] += 1);
            match &step.rule {
                Rule::Quotient => {
                    inverted[r.holder(step.args[1])] = true;
                    reads[step.node.index()] += 1;
                }
                Rule::Inverse(_, q) => {
                    inverted[r.holder(*q)] = true;
                    reads[r.holder(*q)] += 1;
                }
                Rule::Root => {
                    rooted[step.node.index()] = true;
                    reads[step.node.index()] += 1;
                }
                Rule::Smooth(partials) => partials.iter().for_each(|(_, d)| reads[r.holder(*d)] += 1),
                _ => {}
            }
        }
        r.graph.outputs().iter().for_each(|&id| reads[r.holder(id)] += 1);
        r.graph.ids().filter(|id| r.weighted[id.index()]).for_each(|id| reads[id.index()] += 1);
        // A chunk is as long as its series fit into the first-level cache.
        let levels = |id: NodeId| r.levels(id, order) * (1 + usize::from(r.weighted[id.index()]));
        let planes = r.graph.ids().filter(|id| holds(id) && r.planes[id.index()]);
        let bytes = size_of::<T>() * planes.map(levels).sum::<usize>();
        let chunk = CHUNKS.into_iter().find(|chunk| chunk * bytes <= CACHE).unwrap_or(CHUNKS[CHUNKS.len() - 1]);
        let length = |id: NodeId| r.length(id, chunk);
        let widest = r.graph.ids().map(length).max().unwrap_or(0);
        let mut size = padded(widest);
        let mut place = |length: usize, levels: usize| {
            // Places that do not fit are told apart by the size in the end.
            let place = Place { start: size as u32, stride: padded(length) as u32 };
            size = size.saturating_add(padded(length).saturating_mul(levels));
            // Series of several entries begin at the begin of a line.
            size = size.checked_next_multiple_of(PADDED).unwrap_or(usize::MAX);
            place
        };
        let mut places: Vec<Place> = Vec::with_capacity(n);
        for id in r.graph.ids() {
            places.push(if holds(&id) { place(length(id), r.levels(id, order)) } else { places[r.holder(id)] });
        }
        let ids = || r.graph.ids();
        let weighted =
            ids().map(|id| (r.weighted[id.index()] && holds(&id)).then(|| place(length(id), order + 1))).collect();
        let inverses = ids().map(|id| inverted[id.index()].then(|| place(length(id), 1))).collect();
        let halves = ids().map(|id| rooted[id.index()].then(|| place(length(id), 1))).collect();
        if size >= NOWHERE as usize {
            return None;
        }
        let mut given = 0;
        let input = |&id: &NodeId| {
            let start = given;
            given += r.graph.shape(id).size();
            (places[id.index()], start..given, r.planes[id.index()])
        };
        let inputs = r.graph.inputs().iter().map(input).collect();
        let stream = Stream {
            inputs,
            instructions: Vec::new(),
            table: Vec::new(),
            values: Vec::new(),
            coefficients: Vec::new(),
            places,
            constants: Vec::new(),
            size,
            widest,
            chunk,
        };
        let (level, made) = (Vec::new(), vec![None; n]);
        let followers = followers(r);
        Some(Lowering { recurrences, order, stream, weighted, inverses, halves, followers, reads, level, made })
    }

    /// The place of a coefficient, if it is not zero.
    fn of(&self, id: NodeId, k: usize) -> Option<u32> {
        (k <= self.recurrences.degrees[id.index()]).then(|| self.stream.places[id.index()].at(k))
    }

    /// An instruction for coefficient k of a node.
    fn new_instruction(&self, rule: Sum, id: NodeId, k: usize) -> Instruction<T> {
        let place = self.stream.places[id.index()];
        let length = padded(self.recurrences.length(id, self.stream.chunk));
        Instruction::new(rule, place.at(k), number(length), place.stride)
    }

    /// An instruction for a node whose result may yet be merged.
    fn make(&mut self, id: NodeId, instruction: Instruction<T>) {
        self.made[id.index()] = Some(self.level.len());
        self.push(instruction);
    }

    fn push(&mut self, instruction: Instruction<T>) {
        self.level.push(Some(Entry::Instruction(instruction)));
    }

    fn item(&mut self, item: Item) {
        self.level.push(Some(Entry::Item(item)));
    }

    /// Ends an order.
    fn close(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        for entry in self.level.drain(..).flatten() {
            match entry {
                Entry::Item(item) => items.push(item),
                Entry::Instruction(instruction) => {
                    let at = self.stream.instructions.len();
                    self.stream.instructions.push(instruction);
                    match items.last_mut() {
                        Some(Item::Run(range)) => range.end = at + 1,
                        _ => items.push(Item::Run(at..at + 1)),
                    }
                }
            }
        }
        self.made.fill(None);
        items
    }

    /// The value of a node.
    fn value(&mut self, id: NodeId) {
        let r = self.recurrences;
        if r.holder(id) != id.index() {
            return;
        }
        let args = r.graph.arguments(id);
        let place = |a: NodeId| self.stream.places[a.index()].start;
        let out = place(id);
        let length = r.length(id, self.stream.chunk);
        match r.graph.operation(id) {
            Operation::Input(_) | Operation::Hole => {}
            Operation::Constant(c) => self.stream.constants.push((out, T::from_f64(c))),
            Operation::Tensor(_) if r.planes[id.index()] => self.item(Item::Constant { node: id, out }),
            Operation::Tensor(t) => {
                let entries = t.data().iter().zip(out..).map(|(&c, at)| (at, T::from_f64(c)));
                self.stream.constants.extend(entries);
            }
            Operation::Row(row) => {
                let new = |rule| self.new_instruction(rule, id, 0);
                let one = -T::one();
                match row {
                    Row::Neg => self.push(Instruction { a: place(args[0]), weight: one, ..new(Sum::One) }),
                    Row::Add => self.push(Instruction { a: place(args[1]), base: place(args[0]), ..new(Sum::One) }),
                    Row::Sub => {
                        self.push(Instruction {
                            a: place(args[1]),
                            base: place(args[0]),
                            weight: one,
                            ..new(Sum::One)
                        });
                    }
                    Row::Mul => {
                        self.push(Instruction { a: place(args[0]), b: place(args[1]), terms: 1, ..new(Sum::Products) });
                    }
                    _ => {
                        let args = args.iter().map(|&a| place(a)).collect();
                        self.item(Item::Row { row, args, out, length });
                    }
                }
            }
            Operation::Primitive(_) => {
                let rule = r.steps.binary_search_by_key(&id, |s| s.node).ok().map(|at| &r.steps[at].rule);
                match rule {
                    Some(Rule::Spread | Rule::Gathered(..)) => self.moved(id, args[0], 0, rule),
                    _ if r.planes[id.index()] => {
                        self.push(Instruction { a: place(args[0]), ..self.new_instruction(Sum::Spread, id, 0) });
                    }
                    _ => {
                        let args = args.iter().map(|&a| (a, place(a))).collect();
                        self.item(Item::Primitive { node: id, args, out, added: false });
                    }
                }
            }
        }
        for (inverse, weight) in [(self.inverses[id.index()], 1.0), (self.halves[id.index()], 0.5)] {
            if let Some(Place { start, .. }) = inverse {
                let new = self.new_instruction(Sum::Inverse, id, 0);
                self.push(Instruction { a: out, weight: T::from_f64(weight), out: start, ..new });
            }
        }
        // The time moves on by 1.
        if r.graph.inputs().last() == Some(&id) {
            let places = [Some(self.stream.places[id.index()]), self.weighted[id.index()]];
            self.stream.constants.extend(places.into_iter().flatten().map(|place| (place.at(1), T::one())));
        }
    }

    /// Entries of a coefficient that go elsewhere.
    fn moved(&mut self, id: NodeId, from: NodeId, k: usize, rule: Option<&Rule>) {
        let a = self.stream.places[from.index()].at(k);
        let Some(Rule::Gathered(terms, rows)) = rule else {
            self.push(Instruction { a, ..self.new_instruction(Sum::Spread, id, k) });
            return;
        };
        let new = self.new_instruction(Sum::Gathered, id, k);
        // One table serves all orders.
        let before =
            self.stream.instructions.iter().chain(self.level.iter().flatten().filter_map(|entry| match entry {
                Entry::Instruction(i) => Some(i),
                Entry::Item(_) => None,
            }));
        let value = self.stream.places[id.index()].start;
        let known = before.into_iter().find(|i| i.rule == Sum::Gathered && i.out == value).map(|i| i.b);
        let b = known.unwrap_or_else(|| {
            let b = number(self.stream.table.len());
            for term in rows.chunks_exact(rows.len() / terms) {
                self.stream.table.extend(term);
                self.stream.table.resize(self.stream.table.len() + new.length as usize - term.len(), 0);
            }
            b
        });
        self.push(Instruction { a, b, terms: number(*terms), ..new });
    }

    /// Σ xⱼ d_{k−j} for these j where neither is zero; `None` for no j. `from` is the series of x, plain or weighted.
    fn products(
        &self,
        id: NodeId,
        from: Place,
        (x, d): (NodeId, NodeId),
        orders: RangeInclusive<usize>,
        k: usize,
    ) -> Option<Instruction<T>> {
        let r = self.recurrences;
        let low = (*orders.start()).max(k.saturating_sub(r.degrees[d.index()]));
        let high = (*orders.end()).min(r.degrees[x.index()]);
        if low > high {
            return None;
        }
        let terms = high + 1 - low;
        let other = self.stream.places[d.index()];
        let square = from.start == other.start && low == k - high;
        let (rule, terms) = match (square, terms % 2) {
            (false, _) => (Sum::Products, terms),
            (true, 0) => (Sum::Pairs, terms / 2),
            (true, _) => (Sum::PairsAndMiddle, terms / 2),
        };
        Some(Instruction {
            a: from.at(low),
            b: other.at(k - low),
            terms: number(terms),
            ..self.new_instruction(rule, id, k)
        })
    }

    /// Coefficient k ≥ 1 of a node.
    fn step(&mut self, step: &Step, k: usize) {
        let (args, y) = (&step.args, step.node);
        let plain = |id: NodeId| self.stream.places[id.index()];
        let heavy =
            |id: NodeId| self.weighted[self.recurrences.holder(id)].expect("what a smooth row reads is weighted");
        let inverse =
            |id: NodeId| self.inverses[self.recurrences.holder(id)].expect("what divides has an inverse").start;
        let zero = || self.new_instruction(Sum::Products, y, k);
        let base = |x: NodeId| self.of(x, k).unwrap_or(NOWHERE);
        let (share, one) = (T::from_f64(1.0 / k as f64), T::one());
        match &step.rule {
            Rule::Sum(signs) => self.sum(y, args, signs, k),
            Rule::Product => {
                let product = self.products(y, plain(args[0]), (args[0], args[1]), 0..=k, k).unwrap_or_else(zero);
                self.make(y, product);
            }
            Rule::Quotient => {
                let known = self.products(y, plain(args[1]), (args[1], y), 1..=k, k).unwrap_or_else(zero);
                self.make(y, Instruction { base: base(args[0]), weight: -one, scale: inverse(args[1]), ..known });
            }
            Rule::Root => {
                let half = self.halves[y.index()].expect("a root has half its inverse").start;
                let known = self.products(y, plain(y), (y, y), 1..=k - 1, k).unwrap_or_else(zero);
                self.make(y, Instruction { base: base(args[0]), weight: -one, scale: half, ..known });
            }
            Rule::Smooth(partials) => {
                let parts = partials.iter().filter_map(|&(x, d)| self.products(y, heavy(x), (x, d), 1..=k, k));
                let mut parts: SmallVec<[Instruction<T>; 2]> = parts.collect();
                if parts.is_empty() {
                    parts.push(zero());
                }
                for (number, part) in parts.into_iter().enumerate() {
                    let base = if number > 0 { part.out } else { NOWHERE };
                    self.make(y, Instruction { base, weight: share, ..part });
                }
            }
            Rule::Inverse(x, q) => {
                let known = self.products(y, heavy(y), (y, *q), 1..=k - 1, k).unwrap_or_else(zero);
                self.make(y, Instruction { base: base(*x), weight: -share, scale: inverse(*q), ..known });
            }
            Rule::Select => {
                let mask = plain(args[0]).start;
                let branch = |a: NodeId| self.of(a, k).unwrap_or(ZEROS);
                let args = [mask, branch(args[1]), branch(args[2])].into_iter().collect();
                let length = self.recurrences.length(y, self.stream.chunk);
                self.item(Item::Row { row: Row::Select, args, out: plain(y).at(k), length });
            }
            rule @ (Rule::Spread | Rule::Gathered(..)) => self.moved(y, args[0], k, Some(rule)),
            Rule::Linear(p) => {
                let part = |(i, &a): (usize, &NodeId)| {
                    (a, if p.is_linear_in(i) { self.of(a, k).unwrap_or(ZEROS) } else { plain(a).start })
                };
                let args = args.iter().enumerate().map(part).collect();
                self.item(Item::Primitive { node: y, args, out: plain(y).at(k), added: false });
            }
            Rule::Bilinear => {
                let (a, b, out) = (args[0], args[1], plain(y).at(k));
                let (left, right) = (plain(a), plain(b));
                let degrees = &self.recurrences.degrees;
                let low = k.saturating_sub(degrees[b.index()]);
                for j in low..=k.min(degrees[a.index()]) {
                    let args = [(a, left.at(j)), (b, right.at(k - j))].into_iter().collect();
                    self.item(Item::Primitive { node: y, args, out, added: j > low });
                }
            }
        }
        self.weigh(y, k);
    }

    /// Coefficient k of ± a ± b; products that are made for it alone are summed with it.
    fn sum(&mut self, y: NodeId, args: &[NodeId], signs: &[bool], k: usize) {
        let sign = |negative: bool| if negative { -T::one() } else { T::one() };
        let terms = args.iter().zip(signs).filter_map(|(&a, &negative)| Some((a, self.of(a, k)?, sign(negative))));
        let mut terms: SmallVec<[(NodeId, u32, T); 2]> = terms.collect();
        let new = self.new_instruction(Sum::Products, y, k);
        let taken = terms.iter().position(|&(a, _, _)| self.is_free(a));
        let taken = taken.map(|at| terms.remove(at)).and_then(|(a, _, factor)| Some((self.take(a)?, factor)));
        let mut sum = match taken {
            Some((part, factor)) => {
                Instruction { out: new.out, weight: part.weight * factor, shift: part.shift * factor, ..part }
            }
            None => new,
        };
        for (_, at, factor) in terms {
            if sum.base == NOWHERE {
                (sum.base, sum.shift) = (at, factor);
            } else {
                (sum.rule, sum.a, sum.weight) = (Sum::One, at, factor);
            }
        }
        self.make(y, sum);
    }

    /// Whether the present coefficient of a node is a sum of products that nothing but the one who asks will read.
    fn is_free(&self, id: NodeId) -> bool {
        let holder = self.recurrences.holder(id);
        let simple = |i: &Instruction<T>| {
            i.base == NOWHERE
                && i.scale == NOWHERE
                && matches!(i.rule, Sum::Products | Sum::Pairs | Sum::PairsAndMiddle)
        };
        self.reads[holder] == 1
            && self.made[holder].is_some_and(|at| matches!(&self.level[at], Some(Entry::Instruction(i)) if simple(i)))
    }

    /// The instruction of a node, which is then no longer carried out where it was.
    fn take(&mut self, id: NodeId) -> Option<Instruction<T>> {
        match self.level[self.made[self.recurrences.holder(id)]?].take()? {
            Entry::Instruction(instruction) => Some(instruction),
            Entry::Item(_) => None,
        }
    }

    /// Keeps a coefficient times its order, if that is read.
    fn weigh(&mut self, id: NodeId, k: usize) {
        if let Some(weighted) = self.weighted[id.index()] {
            let from = self.stream.places[id.index()].at(k);
            let new = Instruction { out: weighted.at(k), base: from, ..self.new_instruction(Sum::Products, id, k) };
            self.push(Instruction { shift: T::from_f64(k as f64), ..new });
        }
    }

    /// yₖ₊₁ = fₖ/(k + 1)
    fn advance(&mut self, k: usize) {
        let graph = &self.recurrences.graph;
        let order_of = |k: usize| T::from_f64(1.0 / k as f64);
        let factor = order_of(k + 1);
        for (&state, &rate) in graph.inputs().iter().zip(graph.outputs()) {
            // What is beyond the degree of the rate is zero from the beginning.
            let Some(from) = self.of(rate, k) else { continue };
            let last = self.recurrences.holder(rate);
            // What follows was written with the last coefficient of its rate, but for the first, which is of a value.
            if k == 0 || self.followers[last] != Some(state) {
                let new = self.new_instruction(Sum::Products, state, k + 1);
                let alone = self.reads[last] == 1 && self.made[last].is_some() && k > 0;
                let mut next = match if alone { self.take(rate) } else { None } {
                    Some(i) => Instruction { out: new.out, shift: i.shift * factor, weight: i.weight * factor, ..i },
                    None => Instruction { base: from, shift: factor, ..new },
                };
                if let Some(follower) = self.followers[state.index()].filter(|_| k + 2 <= self.order) {
                    next.also = self.stream.places[follower.index()].at(k + 2);
                    next.factor = order_of(k + 2);
                }
                self.push(next);
            }
            self.weigh(state, k + 1);
        }
    }
}

/// For each state, the first whose rate it is; none if its own rate is a state as well, whose coefficients may themselves be written
/// with those of another.
fn followers(recurrences: &Recurrences) -> Vec<Option<NodeId>> {
    let graph = &recurrences.graph;
    let states = || graph.inputs().iter().zip(graph.outputs()).map(|(&state, &rate)| (state, recurrences.holder(rate)));
    let (mut is_state, mut first) = (vec![false; graph.len()], vec![None; graph.len()]);
    for (state, rate) in states() {
        is_state[state.index()] = true;
        first[rate].get_or_insert(state);
    }
    let mut followers = vec![None; graph.len()];
    for (leader, _) in states().filter(|&(_, rate)| !is_state[rate]) {
        followers[leader.index()] = first[leader.index()];
    }
    followers
}

/// Entries that run through all orders together: as many as the cache holds.
const CHUNKS: [usize; 3] = [128, 64, 32];

/// Bytes of the series of a chunk that stay in the first-level cache.
const CACHE: usize = 40 << 10;

/// The distance between coefficients of so many entries.
fn padded(length: usize) -> usize {
    if length == 1 { 1 } else { length.next_multiple_of(PADDED) }
}

/// A place in memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).expect("there is a stream for less than 2³² entries only")
}
