//! The array graph of classes: one node for a class of many members, the members themselves of a class of few.

use super::classes::{Chain, Classes, Fold, Group, Kind, NONE, Sign};
use super::order::Order;
use crate::graph::{Arguments, Graph, Guard, NodeId, Structured};
use crate::primitive::{Broadcast, Concat, Matmul, Pattern, Pick, Reshape, Sense, Slice, Stride, Sum};
use crate::real::Row;
use crate::shape::Shape;
use crate::tensor::Tensor;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::Arc;

/// Members from which on a class is an array.
pub const LANES: usize = 8;

/// Terms up to which a sum or product in every lane is operations on arrays, which can be fused.
pub const UNROLLED: usize = 16;

/// The graph being made.
pub struct Emitter<'g> {
    graph: &'g Graph,
    classes: &'g Classes,
    order: &'g Order,
    /// The place of each member in its class.
    place: Vec<u32>,
    out: Graph,
    /// The new inputs.
    inputs: Vec<NodeId>,
    /// The arrays of each class of many members, in order, each with the place of its first.
    arrays: Vec<Vec<(usize, NodeId)>>,
    /// New nodes of members of small classes, of nodes that stay, and of entries read out of arrays.
    moved: FxHashMap<NodeId, NodeId>,
}

impl<'g> Emitter<'g> {
    pub fn new(graph: &'g Graph, classes: &'g Classes, order: &'g Order, blocks: &[usize]) -> Emitter<'g> {
        let mut place = classes.place.clone();
        for (class, members) in classes.all.iter().zip(&order.members) {
            if !matches!(class.kind, Kind::Input(_) | Kind::Entries(_)) {
                members.iter().enumerate().for_each(|(at, id)| place[id.index()] = at as u32);
            }
        }
        let mut out = Graph::new();
        let (mut inputs, mut moved, mut first) = (Vec::new(), FxHashMap::default(), 0);
        for &count in blocks {
            let id = graph.inputs()[first];
            let input = out.input(if count == 1 { graph.shape(id).clone() } else { Shape::of(&[count]) });
            if count == 1 {
                moved.insert(id, input);
            }
            inputs.push(input);
            first += count;
        }
        out.share();
        Emitter { graph, classes, order, place, out, inputs, arrays: vec![Vec::new(); classes.all.len()], moved }
    }

    /// The whole graph; scalar outputs are joined up to number `results`, and those after it.
    pub fn emit(mut self, results: usize) -> Graph {
        let classes = self.classes;
        for class in 0..self.classes.all.len() {
            let members = &self.order.members[class];
            if members.is_empty() {
                continue;
            }
            match &self.classes.all[class].kind {
                Kind::Input(block) => self.arrays[class] = vec![(0, self.inputs[*block])],
                Kind::Entries(array) => {
                    let whole = self.scalar(*array);
                    let size = self.out.shape(whole).size();
                    let flat = self.push(Reshape { shape: Shape::of(&[size]) }, &[whole]);
                    self.arrays[class] = vec![(0, flat)];
                }
                Kind::Number => {}
                Kind::Alone(id) => {
                    if !self.moved.contains_key(id) {
                        let args: Arguments = self.graph.arguments(*id).iter().map(|&a| self.scalar(a)).collect();
                        let new = self.out.copy_node(self.graph, *id, &args).expect("the arguments have their shapes");
                        self.moved.insert(*id, new);
                    }
                }
                kind if members.len() >= LANES => {
                    let mut start = 0;
                    for &end in &self.order.ends[class] {
                        let block = &members[start..end];
                        let array = match kind {
                            Kind::Row(row, _) => self.lanes(*row, class, start..end),
                            Kind::Chain(Chain::Extremum(sense), _) => self.extrema(*sense, block),
                            Kind::Chain(Chain::Fold(fold), groups) => self.chains(*fold, block, groups),
                            _ => unreachable!("matched above"),
                        };
                        self.arrays[class].push((start, array));
                        start = end;
                    }
                }
                kind => {
                    for &id in members {
                        let new = match kind {
                            Kind::Row(row, _) => {
                                let args: Arguments =
                                    self.graph.arguments(id).iter().map(|&a| self.scalar(a)).collect();
                                self.row(*row, &args)
                            }
                            Kind::Chain(Chain::Extremum(sense), _) => self.extremum(*sense, &classes.terms[&id], None),
                            Kind::Chain(Chain::Fold(fold), groups) => self.chain(*fold, id, groups),
                            _ => unreachable!("matched above"),
                        };
                        self.moved.insert(id, new);
                    }
                }
            }
        }
        self.guards();
        let outputs = self.outputs(results);
        self.out.stop_sharing();
        self.out.set_outputs(outputs);
        self.out.without_dead_nodes()
    }

    /// The outputs: runs of several scalars as one vector, which is a part of an array where they are lanes of one.
    fn outputs(&mut self, results: usize) -> Vec<NodeId> {
        let graph = self.graph;
        let is_scalar = |id: &NodeId| graph.shape(*id).rank() == 0;
        let parts: [&[NodeId]; 2] = graph.outputs().split_at(results).into();
        let runs = parts.into_iter().flat_map(|part| part.chunk_by(|a, b| is_scalar(a) && is_scalar(b)));
        runs.map(|run| if let [one] = run { self.scalar(*one) } else { self.vector(run) }).collect()
    }

    pub(super) fn push<P: Structured>(&mut self, primitive: P, args: &[NodeId]) -> NodeId {
        self.out.primitive(Arc::new(primitive), args).expect("made to fit")
    }

    pub(super) fn row(&mut self, row: Row, args: &[NodeId]) -> NodeId {
        self.out.row(row, args).expect("lanes of one length")
    }

    pub(super) fn constant(&mut self, number: f64) -> NodeId {
        self.out.constant(number)
    }

    /// The shape of a new node.
    pub(super) fn shape(&self, new: NodeId) -> &Shape {
        self.out.shape(new)
    }

    /// The class of a scalar.
    pub(super) fn class(&self, id: NodeId) -> u32 {
        self.classes.of[id.index()]
    }

    /// An operation in every lane.
    fn lanes(&mut self, row: Row, class: usize, members: Range<usize>) -> NodeId {
        let operands = &self.order.operands[class];
        let args: Arguments = operands.iter().map(|read| self.view(&read[members.clone()])).collect();
        self.row(row, &args)
    }

    /// The number of a constant.
    fn number(&self, id: NodeId) -> f64 {
        self.classes.number(self.graph, id)
    }

    /// The new node of a scalar, or of a node of any shape that stays.
    fn scalar(&mut self, id: NodeId) -> NodeId {
        if let Some(&new) = self.moved.get(&id) {
            return new;
        }
        let class = self.classes.of[id.index()];
        debug_assert_ne!(class, NONE, "partial sums are read by their chains alone");
        let new = if self.arrays[class as usize].is_empty() {
            let number = self.number(id);
            self.out.constant(number)
        } else {
            let place = self.place[id.index()] as usize;
            let (first, array) = self.block(class as usize, place);
            let entry = self.push(Slice { axis: 0, start: place - first, step: 1, count: 1 }, &[array]);
            self.push(Reshape { shape: Shape::scalar() }, &[entry])
        };
        self.moved.insert(id, new);
        new
    }

    /// The array of a class that holds this place, and its first place.
    fn block(&self, class: usize, place: usize) -> (usize, NodeId) {
        let blocks = &self.arrays[class];
        blocks[blocks.partition_point(|(start, _)| *start <= place) - 1]
    }

    /// All arrays of a class, one after the other.
    fn whole(&mut self, class: usize) -> NodeId {
        match self.arrays[class][..] {
            [(_, one)] => one,
            _ => {
                let parts: Vec<NodeId> = self.arrays[class].iter().map(|block| block.1).collect();
                self.push(Concat { axis: 0 }, &parts)
            }
        }
    }

    /// A scalar in every lane.
    fn repeated(&mut self, scalar: NodeId, lanes: usize) -> NodeId {
        self.push(Broadcast { shape: Shape::of(&[lanes]) }, &[scalar])
    }

    /// The vector of some scalars of one class.
    pub(super) fn view(&mut self, read: &[NodeId]) -> NodeId {
        let class = self.classes.of[read[0].index()] as usize;
        if self.classes.all[class].kind == Kind::Number {
            let numbers: Vec<f64> = read.iter().map(|&id| self.number(id)).collect();
            return self.numbers(numbers);
        }
        if !self.arrays[class].is_empty() {
            let mut places: Vec<u32> = read.iter().map(|id| self.place[id.index()]).collect();
            let (first, mut array) = self.block(class, places[0] as usize);
            let length = self.out.shape(array).size();
            if places.iter().all(|&p| (first..first + length).contains(&(p as usize))) {
                places.iter_mut().for_each(|p| *p -= first as u32);
            } else {
                array = self.whole(class);
            }
            return self.pick(array, &places);
        }
        if read.iter().all(|id| *id == read[0]) {
            let scalar = self.scalar(read[0]);
            return self.repeated(scalar, read.len());
        }
        // Few scalars, each alone: side by side, and picked from there.
        let mut few: Vec<NodeId> = read.to_vec();
        few.sort_unstable();
        few.dedup();
        let columns: Vec<NodeId> = few
            .iter()
            .map(|&id| {
                let scalar = self.scalar(id);
                self.push(Reshape { shape: Shape::of(&[1]) }, &[scalar])
            })
            .collect();
        let joined = self.push(Concat { axis: 0 }, &columns);
        let places: Vec<u32> =
            read.iter().map(|id| few.binary_search(id).expect("collected from the same list") as u32).collect();
        self.pick(joined, &places)
    }

    /// A vector of constants; those that repeat are kept once.
    fn numbers(&mut self, numbers: Vec<f64>) -> NodeId {
        let mut at: FxHashMap<u64, u32> = FxHashMap::default();
        let mut distinct = Vec::new();
        let places: Vec<u32> = numbers
            .iter()
            .map(|c| {
                *at.entry(c.to_bits()).or_insert_with(|| {
                    distinct.push(*c);
                    distinct.len() as u32 - 1
                })
            })
            .collect();
        if let [one] = distinct[..] {
            let constant = self.out.constant(one);
            return self.repeated(constant, numbers.len());
        }
        let length = distinct.len();
        if 2 * length <= numbers.len()
            && let pattern @ Pattern::Affine { .. } = Pattern::of(&places)
        {
            let tensor = self.out.tensor(Tensor::new(Shape::of(&[length]), distinct));
            return self.push(Pick { pattern, length }, &[tensor]);
        }
        self.out.tensor(Tensor::new(Shape::of(&[numbers.len()]), numbers))
    }

    /// The entries at these places. Where they lie in steps and are read again and again, what is read is brought together
    /// first, so that pieces of it are read in a row.
    pub(super) fn pick(&mut self, array: NodeId, places: &[u32]) -> NodeId {
        let length = self.out.shape(array).size();
        let (Some(&first), Some(&last)) = (places.iter().min(), places.iter().max()) else { return array };
        let step = places.iter().fold(0, |step, &place| gcd(step, place - first));
        let count = (last - first).checked_div(step).map_or(1, |steps| steps as usize + 1);
        if step > 1 && places.len() >= 2 * count && count >= LANES {
            let axis = Stride { count, step: step as isize };
            let pattern = Pattern::Affine { start: first as usize, axes: smallvec::smallvec![axis] };
            let together = self.push(Pick { pattern, length }, &[array]);
            let places: Vec<u32> = places.iter().map(|place| (place - first) / step).collect();
            return self.pick(together, &places);
        }
        let pattern = Pattern::of(places);
        if pattern.is_whole(length) { array } else { self.push(Pick { pattern, length }, &[array]) }
    }

    /// Extrema of the terms of every lane.
    fn extrema(&mut self, sense: Sense, members: &[NodeId]) -> NodeId {
        let terms: Vec<&[NodeId]> = members.iter().map(|id| &self.classes.terms[id][..]).collect();
        let all: Vec<NodeId> = (0..terms[0].len()).flat_map(|k| terms.iter().map(move |terms| terms[k])).collect();
        self.extremum(sense, &all, Some(members.len()))
    }

    /// A sum or product that is a scalar.
    fn chain(&mut self, fold: Fold, id: NodeId, groups: &[Group]) -> NodeId {
        let classes = self.classes;
        let (terms, mut start) = (&classes.terms[&id], 0);
        let mut whole: Option<NodeId> = None;
        for group in groups {
            let range = start..start + group.count as usize;
            start = range.end;
            let terms = &terms[range.clone()];
            let negative = match group.sign {
                Sign::Both => Some(&classes.negative[&id][range]),
                _ => None,
            };
            let is_array = !self.arrays[group.class as usize].is_empty() && terms.len() >= LANES;
            let part = if let (true, Some(negative)) = (is_array, negative) {
                self.difference(terms, negative, group.class as usize)
            } else if is_array {
                self.total(fold, terms, group.class as usize)
            } else if let Some(negative) = negative {
                for (&term, &negative) in terms.iter().zip(negative) {
                    let term = self.scalar(term);
                    whole = Some(self.joined(fold, whole, term, negative));
                }
                continue;
            } else {
                let scalars: Vec<NodeId> = terms.iter().map(|&t| self.scalar(t)).collect();
                self.together(fold, &scalars)
            };
            whole = Some(self.joined(fold, whole, part, group.sign == Sign::Minus));
        }
        whole.expect("a chain has terms")
    }

    /// The sum of members of a class of many, some of which are subtracted: those from the others, one from one, in the order of the
    /// loop, and the sum of that. A sum of each kind alone may leave the range of numbers where the loop does not.
    fn difference(&mut self, terms: &[NodeId], negative: &[bool], class: usize) -> NodeId {
        let of = |sign: bool| -> Vec<NodeId> {
            terms.iter().zip(negative).filter(|(_, negative)| **negative == sign).map(|(&id, _)| id).collect()
        };
        let (added, subtracted) = (of(false), of(true));
        let pairs = added.len().min(subtracted.len());
        let (a, b) = (self.view(&added[..pairs]), self.view(&subtracted[..pairs]));
        let differences = self.row(Row::Sub, &[a, b]);
        let whole = self.reduced(Fold::Sum, differences);
        let rest = [&added[pairs..], &subtracted[pairs..]].concat();
        if rest.is_empty() {
            return whole;
        }
        let rest = self.total(Fold::Sum, &rest, class);
        self.joined(Fold::Sum, Some(whole), rest, subtracted.len() > pairs)
    }

    /// The sum or product of members of a class of many: of its arrays, if these are all of them in any order.
    fn total(&mut self, fold: Fold, terms: &[NodeId], class: usize) -> NodeId {
        let blocks = self.arrays[class].clone();
        let length = blocks.iter().map(|block| self.out.shape(block.1).size()).sum();
        let all = |place: &[u32]| {
            let mut met = vec![false; length];
            terms.iter().for_each(|id| met[place[id.index()] as usize] = true);
            met.iter().all(|&m| m)
        };
        let arrays: Vec<NodeId> = if terms.len() == length && all(&self.place) {
            blocks.iter().map(|block| block.1).collect()
        } else {
            vec![self.view(terms)]
        };
        let parts: Vec<NodeId> = arrays.iter().map(|&array| self.reduced(fold, array)).collect();
        self.together(fold, &parts)
    }

    /// An array with these entries negated.
    fn signed(&mut self, array: NodeId, negative: &[bool]) -> NodeId {
        if negative.iter().all(|&n| n) {
            return self.row(Row::Neg, &[array]);
        }
        if negative.iter().all(|&n| !n) {
            return array;
        }
        let signs = self.numbers(negative.iter().map(|&n| if n { -1.0 } else { 1.0 }).collect());
        let shape = self.out.shape(array).clone();
        let signs = if shape.rank() == 1 { signs } else { self.push(Reshape { shape }, &[signs]) };
        self.row(Row::Mul, &[array, signs])
    }

    /// The sum or product along the first axis.
    fn reduced(&mut self, fold: Fold, mut array: NodeId) -> NodeId {
        if fold == Fold::Sum {
            return self.push(Sum { axes: smallvec::smallvec![0] }, &[array]);
        }
        // Neighbours are multiplied until one row is left; the last row of an odd number waits.
        let mut rows = self.out.shape(array)[0];
        let rest = Shape::of(&self.out.shape(array)[1..]);
        let mut waiting = Vec::new();
        while rows > 1 {
            if rows % 2 == 1 {
                waiting.push(self.push(Slice { axis: 0, start: rows - 1, step: 1, count: 1 }, &[array]));
            }
            rows /= 2;
            let even = self.push(Slice { axis: 0, start: 0, step: 2, count: rows }, &[array]);
            let odd = self.push(Slice { axis: 0, start: 1, step: 2, count: rows }, &[array]);
            array = self.row(Row::Mul, &[even, odd]);
        }
        waiting.push(array);
        let product = self.together(fold, &waiting);
        self.push(Reshape { shape: rest }, &[product])
    }

    fn together(&mut self, fold: Fold, parts: &[NodeId]) -> NodeId {
        let (&first, rest) = parts.split_first().expect("a group has terms");
        rest.iter().fold(first, |whole, &part| self.row(fold.row(), &[whole, part]))
    }

    fn joined(&mut self, fold: Fold, whole: Option<NodeId>, part: NodeId, negative: bool) -> NodeId {
        match (whole, negative) {
            (None, false) => part,
            (None, true) => self.row(Row::Neg, &[part]),
            (Some(whole), false) => self.row(fold.row(), &[whole, part]),
            (Some(whole), true) => self.row(Row::Sub, &[whole, part]),
        }
    }

    /// Sums or products of the same terms in every lane.
    fn chains(&mut self, fold: Fold, members: &[NodeId], groups: &[Group]) -> NodeId {
        let classes = self.classes;
        let terms: Vec<&[NodeId]> = members.iter().map(|id| &classes.terms[id][..]).collect();
        let (lanes, mut start) = (members.len(), 0);
        let mut whole: Option<NodeId> = None;
        for group in groups {
            let count = group.count as usize;
            // Row k holds the k-th term of every lane.
            let row = |k: usize| -> Vec<NodeId> { terms.iter().map(|terms| terms[start + k]).collect() };
            let both = group.sign == Sign::Both;
            let is_negative = |id: &NodeId, k: usize| both && classes.negative[id][start + k];
            let negative = |k: usize| -> Vec<bool> { members.iter().map(|id| is_negative(id, k)).collect() };
            let part = if classes.all[group.class as usize].kind == Kind::Number {
                let folded = |(id, terms): (&NodeId, &&[NodeId])| {
                    let numbers = terms[start..start + count].iter().map(|&id| self.number(id));
                    let signed = numbers.enumerate().map(|(k, c)| if is_negative(id, k) { -c } else { c });
                    signed.fold(fold.empty(), |whole, number| fold.row().value(&[whole, number]))
                };
                let numbers: Vec<f64> = members.iter().zip(&terms).map(folded).collect();
                self.numbers(numbers)
            } else if fold == Fold::Sum
                && let Some(product) = self.contraction(&terms, start, count, group.class as usize, negative)
            {
                product
            } else if count <= UNROLLED {
                let rows: Vec<NodeId> = (0..count)
                    .map(|k| {
                        let view = self.view(&row(k));
                        if both { self.signed(view, &negative(k)) } else { view }
                    })
                    .collect();
                self.together(fold, &rows)
            } else {
                let all: Vec<NodeId> = (0..count).flat_map(row).collect();
                let view = self.view(&all);
                let mut table = self.push(Reshape { shape: Shape::of(&[count, lanes]) }, &[view]);
                if both {
                    table = self.signed(table, &(0..count).flat_map(negative).collect::<Vec<bool>>());
                }
                self.reduced(fold, table)
            };
            start += count;
            whole = Some(self.joined(fold, whole, part, group.sign == Sign::Minus));
        }
        whole.expect("a chain has terms")
    }

    /// The product of matrices that sums of products are, if they are one: every term is u · w, where u depends on the term
    /// and on some of the loops over lanes, w on the term and on the others.
    fn contraction(
        &mut self,
        terms: &[&[NodeId]],
        start: usize,
        count: usize,
        class: usize,
        negative: impl Fn(usize) -> Vec<bool>,
    ) -> Option<NodeId> {
        if !matches!(self.classes.all[class].kind, Kind::Row(Row::Mul, _)) || count < 3 {
            return None;
        }
        let lanes = terms.len();
        let factor = |operand: usize, lane: usize, k: usize| self.graph.arguments(terms[lane][start + k])[operand];
        // The inner loop over lanes is as long as one of the factors stays the same.
        let same = |operand: usize| {
            (1..lanes).take_while(|&lane| factor(operand, lane, 0) == factor(operand, 0, 0)).count() + 1
        };
        let (slow, inner) = (0..2).map(|operand| (operand, same(operand))).max_by_key(|(_, n)| *n)?;
        let outer = lanes / inner;
        if inner == 1 || outer * inner != lanes {
            return None;
        }
        let fast = 1 - slow;
        let fits = |lane: usize| {
            (0..count).all(|k| {
                factor(slow, lane, k) == factor(slow, lane / inner * inner, k)
                    && factor(fast, lane, k) == factor(fast, lane % inner, k)
            })
        };
        if !(0..lanes).all(fits) {
            return None;
        }
        // What is subtracted is so in every lane.
        let signs: Vec<Vec<bool>> = (0..count).map(negative).collect();
        if signs.iter().any(|lanes| lanes.iter().any(|&sign| sign != lanes[0])) {
            return None;
        }
        // out[o, i] = Σ_k slow[o, k] · ± fast[i, k]
        let rows = |operand: usize, count_of: usize, apart: usize| -> Vec<NodeId> {
            (0..count_of)
                .flat_map(|r| (0..count).map(move |k| (r * apart, k)))
                .map(|(lane, k)| factor(operand, lane, k))
                .collect()
        };
        let (slow, fast) = (rows(slow, outer, inner), rows(fast, inner, 1));
        let matrix = |emitter: &mut Self, read: &[NodeId], rows: usize| {
            let view = emitter.view(read);
            emitter.push(Reshape { shape: Shape::of(&[rows, count]) }, &[view])
        };
        let (slow, fast) = (matrix(self, &slow, outer), matrix(self, &fast, inner));
        let fast =
            self.signed(fast, &(0..inner).flat_map(|_| signs.iter().map(|lanes| lanes[0])).collect::<Vec<bool>>());
        let product = self.push(Matmul { trans_a: false, trans_b: true }, &[slow, fast]);
        Some(self.push(Reshape { shape: Shape::of(&[lanes]) }, &[product]))
    }

    /// Guards of lanes become one: as many comparisons hold as held.
    fn guards(&mut self) {
        let mut lanes: FxHashMap<(u32, bool), Vec<NodeId>> = FxHashMap::default();
        let mut found = Vec::new();
        for guard in self.graph.guards() {
            let class = self.classes.of[guard.node.index()];
            // A comparison of constants cannot come out otherwise: the trace is settled.
            if self.classes.all[class as usize].kind == Kind::Number {
                continue;
            }
            if !self.arrays[class as usize].is_empty() {
                let list = lanes.entry((class, guard.expected)).or_default();
                if list.is_empty() {
                    found.push((class, guard.expected));
                }
                list.push(guard.node);
            } else {
                let node = self.scalar(guard.node);
                self.out.add_guard(Guard { node, ..*guard });
            }
        }
        for key in found {
            let mut list = lanes.remove(&key).expect("noted when it was made");
            list.sort_unstable_by_key(|id| self.place[id.index()]);
            list.dedup();
            let held = self.total(Fold::Sum, &list, key.0 as usize);
            let expected = self.out.constant(if key.1 { list.len() as f64 } else { 0.0 });
            let node = self.row(Row::Equal, &[held, expected]);
            self.out.add_guard(Guard { node, expected: true });
        }
    }
}

/// Greatest common divisor; of 0 and n it is n.
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
