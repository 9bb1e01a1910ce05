//! Laying out a region: its steps, what each reads and writes, and the registers in between.

use super::Layout;
use crate::compile::{Repeat, is_total, reduction, repeat};
use crate::execute::chains::{Chain, Chains};
use crate::execute::memory::{NOWHERE, Space, Target};
use crate::execute::program::{Instruction, Kind};
use crate::execute::region::{self, Array, Compute, Goal, Link, Motif, Per, Piece, Region, Run, Source, Step, Stored};
use crate::graph::{Graph, NodeId, Operation};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

impl Layout<'_> {
    /// The member of a unit that stands behind a node, if it is one.
    fn member(&self, number: usize, id: NodeId) -> Option<NodeId> {
        let source = self.root[id.index()];
        (self.unit_of[source.index()] == number).then_some(source)
    }

    /// Members that repeat the numbers of one before them, which stands for them: each reader brought a repeat of its own.
    fn repeated_again(&self, number: usize, nodes: &[NodeId]) -> FxHashMap<NodeId, NodeId> {
        let (mut first, mut same) = (FxHashMap::default(), FxHashMap::default());
        for &id in nodes.iter().filter(|id| !self.read_outside[id.index()]) {
            let Some(way) = repeat(self.graph, id) else { continue };
            let source = self.graph.arguments(id)[0];
            if self.member(number, source).is_none() {
                let stands = *first.entry((way, self.root[source.index()])).or_insert(id);
                if stands != id {
                    same.insert(id, stands);
                }
            }
        }
        same
    }

    pub(super) fn region(&mut self, number: usize, nodes: &[NodeId]) {
        let mut region = RegionBuilder::new(self.graph, nodes);
        let same = self.repeated_again(number, nodes);
        let inside = |layout: &Self, id: NodeId| {
            let member = layout.member(number, id)?;
            Some(same.get(&member).copied().unwrap_or(member))
        };
        let chains = Chains::new(self.graph, nodes, |id| inside(self, id).filter(|&m| !self.read_outside[m.index()]));
        // What a step reads, and the last step that reads each member from its register.
        let reads = |id: NodeId| chains.reads(self.graph, id);
        let mut until: FxHashMap<NodeId, usize> = FxHashMap::default();
        // What a step other than a chain reads.
        let mut mapped: FxHashSet<NodeId> = FxHashSet::default();
        for (step, &id) in nodes.iter().enumerate().filter(|(_, id)| !chains.within.contains(id)) {
            until.insert(id, step);
            let sums = chains.sums(self.graph, id);
            for source in reads(id).iter().filter_map(|&a| inside(self, a)) {
                until.insert(source, step);
                if !sums {
                    mapped.insert(source);
                }
            }
        }
        // Places are taken first: the numbers of stores follow their order in memory.
        for &id in nodes {
            if self.read_outside[id.index()] && !is_total(self.graph, id) {
                region.stores.push((self.take(id), id));
            }
        }
        region.stores.sort_by_key(|(place, _)| (place.space, place.offset));
        let store_of: FxHashMap<NodeId, usize> = region.stores.iter().enumerate().map(|(i, s)| (s.1, i)).collect();
        let (mut register, mut free): (FxHashMap<NodeId, usize>, Vec<usize>) = (FxHashMap::default(), Vec::new());
        // Members that are no step: they are read in an array, or where they were repeated.
        let mut in_places: FxHashMap<NodeId, Source> = FxHashMap::default();
        for (step, &id) in nodes.iter().enumerate() {
            if chains.within.contains(&id) || same.contains_key(&id) {
                self.program.statistics.count(self.graph, id);
                region.weight += usize::from(chains.within.contains(&id));
                continue;
            }
            let args = reads(id);
            let source = |region: &mut RegionBuilder, a: NodeId| match inside(self, a) {
                Some(member) => match (store_of.get(&member), in_places.get(&member)) {
                    (Some(&store), _) => Source::Store(store),
                    (None, Some(&place)) => place,
                    (None, None) => Source::Register(register[&member]),
                },
                None => Source::Array(region.array(self.find(a), self.graph.shape(a).size())),
            };
            let compute = match self.graph.operation(id) {
                Operation::Row(_) if chains.links.contains_key(&id) => {
                    region.weight += 1;
                    chain_step(&chains.links[&id], |a| source(&mut region, a))
                }
                Operation::Row(row) => {
                    region.weight += if row.class() == crate::real::Class::Smooth { 8 } else { 1 };
                    let sources: SmallVec<[Source; 3]> = args.iter().map(|&a| source(&mut region, a)).collect();
                    let in_chains_alone =
                        |s: &Source| matches!(s, Source::Number(..) | Source::Run(_) | Source::Between(..));
                    let chained = sources.iter().any(in_chains_alone);
                    match Chain::of_one(self.graph, id).filter(|_| chained) {
                        Some(chain) => chain_step(&chain, |a| source(&mut region, a)),
                        None => Compute::Row(row, sources),
                    }
                }
                _ if is_total(self.graph, id) => {
                    let from = source(&mut region, args[0]);
                    let total = region.built.totals.len();
                    let place = self.take(id);
                    debug_assert_eq!(place.space, Space::Arena, "a total is no result by itself");
                    region.built.totals.push(place.offset);
                    region.weight += 1;
                    Compute::Total(total, from)
                }
                _ if reduction(self.graph, id).is_some() => {
                    let (kind, _) = reduction(self.graph, id).expect("just found");
                    region.weight += 1;
                    Compute::Reduce(kind, source(&mut region, args[0]))
                }
                _ if inside(self, args[0]).is_some() => {
                    region.weight += 1;
                    Compute::Spread(source(&mut region, args[0]))
                }
                _ => {
                    let way = repeat(self.graph, id).expect("a member is elementwise, a repeat or a total");
                    let array = region.array(self.find(args[0]), self.graph.shape(args[0]).size());
                    // Consecutive entries are read where they are, and what repeats where it was repeated.
                    let in_place = match way {
                        _ if store_of.contains_key(&id) => None,
                        Repeat::Part { start, step: 1 } => Some(Source::Window(array, start)),
                        Repeat::Pad { start } if !mapped.contains(&id) => Some(Source::Between(array, start)),
                        way if way.long_run().is_some() && !mapped.contains(&id) => {
                            way.long_run().map(|(start, run)| region.run(Run { array, start, run }))
                        }
                        way => way.cycle(region.built.length).map(|(start, period)| match period {
                            1 if !mapped.contains(&id) => Source::Number(array, start),
                            _ => region.motif(Motif { array, start, period }),
                        }),
                    };
                    if let Some(source) = in_place {
                        in_places.insert(id, source);
                        self.program.statistics.count(self.graph, id);
                        continue;
                    }
                    region.weight += 1;
                    Compute::Repeat(way, array)
                }
            };
            self.program.statistics.count(self.graph, id);
            let to = match (&compute, store_of.get(&id)) {
                (Compute::Total(..), _) => Goal::Sum,
                (_, Some(&store)) => Goal::Store(store),
                (_, None) => {
                    let r = free.pop().unwrap_or_else(|| {
                        region.built.registers += 1;
                        region.built.registers - 1
                    });
                    register.insert(id, r);
                    Goal::Register(r)
                }
            };
            let per = region.per(self.graph, id);
            region.built.steps.push(Step { compute, to, per });
            let mut done: SmallVec<[NodeId; 8]> = args.iter().filter_map(|&a| inside(self, a)).chain([id]).collect();
            done.sort_unstable();
            done.dedup();
            let free_now = done.into_iter().filter(|member| until[member] == step);
            free.extend(free_now.filter_map(|m| register.get(&m).copied()));
        }
        let region = region.finish(self.graph);
        let statistics = &mut self.program.statistics;
        statistics.regions += 1;
        statistics.fused += nodes.len();
        let stored = region.stores.iter().map(|s| region.count(s.per, region.length));
        statistics.moved += region.arrays.iter().map(|a| a.length).sum::<usize>() + stored.sum::<usize>();
        let kind = Kind::Region(Box::new(region));
        self.program.instructions.push(Instruction { kind, operands: SmallVec::new(), out: NOWHERE });
    }
}

/// The step of a chain, whose nodes are read where `source` says.
fn chain_step(chain: &Chain, mut source: impl FnMut(NodeId) -> Source) -> Compute {
    let links =
        chain.terms.iter().map(|&(negative, a, b)| Link { negative, a: source(a), b: b.map(&mut source) }).collect();
    Compute::Chain(region::Chain::new(links, chain.factors.iter().map(|&f| source(f)).collect()))
}

/// A region being made.
struct RegionBuilder {
    built: Region,
    stores: Vec<(Target, NodeId)>,
    weight: usize,
}

impl RegionBuilder {
    fn new(graph: &Graph, nodes: &[NodeId]) -> RegionBuilder {
        let line = nodes.iter().find_map(|&id| reduction(graph, id)).map_or(1, |(_, line)| line);
        let entries = |&id: &NodeId| graph.shape(id).size() * reduction(graph, id).map_or(1, |(_, line)| line);
        let length = nodes.iter().map(entries).max().expect("a region has nodes");
        RegionBuilder { built: Region { length, line, ..Region::default() }, stores: Vec::new(), weight: 0 }
    }

    /// What a member has one number for.
    fn per(&self, graph: &Graph, id: NodeId) -> Per {
        let size = graph.shape(id).size();
        let lines = self.built.line > 1 && size < self.built.length;
        debug_assert!(size == 1 || size * if lines { self.built.line } else { 1 } == self.built.length);
        if lines { Per::Line } else { Per::Entry }
    }

    /// Number of the array at a place.
    fn array(&mut self, (space, offset): (Space, usize), length: usize) -> usize {
        let array = Array { space, offset, length };
        let arrays = &mut self.built.arrays;
        arrays.iter().position(|a| *a == array).unwrap_or_else(|| {
            arrays.push(array);
            arrays.len() - 1
        })
    }

    /// Where to read a motif, which is written once.
    fn motif(&mut self, motif: Motif) -> Source {
        let motifs = &mut self.built.motifs;
        Source::Motif(motifs.iter().position(|c| *c == motif).unwrap_or_else(|| {
            motifs.push(motif);
            motifs.len() - 1
        }))
    }

    /// Where to read numbers that each stand for many entries.
    fn run(&mut self, run: Run) -> Source {
        let runs = &mut self.built.runs;
        Source::Run(runs.iter().position(|r| *r == run).unwrap_or_else(|| {
            runs.push(run);
            runs.len() - 1
        }))
    }

    fn finish(mut self, graph: &Graph) -> Region {
        let stored = |(place, id): &(Target, NodeId)| Stored {
            space: place.space,
            offset: place.offset,
            per: self.per(graph, *id),
        };
        self.built.stores = self.stores.iter().map(stored).collect();
        let built = &mut self.built;
        let arrays = built.arrays.iter().enumerate().filter(|(_, a)| a.space == Space::Arena);
        built.pieces = arrays.map(|(i, a)| Piece { offset: a.offset, length: a.length, array: Some(i) }).collect();
        let written = self.stores.iter().filter(|(place, _)| place.space == Space::Arena);
        built.pieces.extend(written.map(|(p, _)| Piece { offset: p.offset, length: p.length, array: None }));
        // An empty piece may begin where another does: it comes first.
        built.pieces.sort_by_key(|piece| (piece.offset, piece.length));
        built.weight = self.weight;
        debug_assert!(
            built.pieces.windows(2).all(|w| w[0].offset + w[0].length <= w[1].offset),
            "pieces that live at once do not overlap: {:?}",
            built.pieces
        );
        self.built
    }
}
