//! Compiling: passes that make a graph cheaper without changing its numbers, each in a file of its own.
//!
//! * [`settled`], which takes comparisons of constants out of a trace;
//! * [`roll`], which turns scalar code back into arrays before it is differentiated;
//! * [`simplify`], [`accumulate`], [`rematerialize`], [`unstack`], [`pack`], [`factor`] and [`spread`], from graph to graph,
//!   verified after they ran in debug builds;
//! * [`schedule`], which decides what runs when, and [`fuse`], which decides what runs together, within bounds (`divide`); both verified likewise (`verify`).

/// Methods of a primitive that is made after all derivatives are taken, and so has none.
macro_rules! compiled_only {
    () => {
        fn transpose(&self, _: usize, _: Var, _: &[Var]) -> Var {
            unreachable!("{} stands in compiled programs only", Self::NAME)
        }

        fn batch(&self, _: &[Var], _: &[bool], _: usize) -> Option<Var> {
            unreachable!("{} stands in compiled programs only", Self::NAME)
        }

        fn samples() -> Vec<(Self, Vec<Shape>)> {
            Vec::new()
        }
    };
}

mod accumulate;
mod constants;
mod divide;
mod factor;
mod fuse;
mod lines;
mod pack;
mod product;
mod rematerialize;
mod repeat;
mod roll;
mod schedule;
mod simplify;
mod spread;
mod unstack;
mod verify;

pub use accumulate::{MatmulOnto, accumulate};
pub use constants::{is_of_one_precision, settled};
pub use divide::{READ, REPEATED, SUMMED, WRITTEN};
pub use factor::{Factor, SolveWith, factor};
pub use fuse::{Unit, fuse, is_total};
pub use lines::{Reduction, reduction};
pub use pack::{Pack, Packed, pack};
pub use product::AnyProduct;
pub use rematerialize::rematerialize;
pub use repeat::{Repeat, repeat};
pub use roll::{Rolling, Unrolled, roll, roll_marked};
pub use schedule::schedule;
pub use simplify::simplify;
pub use spread::{floating, spread};
pub use unstack::{LINKS, unstack};

use crate::graph::Graph;

/// A graph after the passes.
#[derive(Clone, Debug)]
pub struct Optimized {
    /// The graph.
    pub graph: Graph,
    /// The passes that ran, in order, each with the number of nodes that it left.
    pub passes: Vec<(&'static str, usize)>,
}

/// All passes from graph to graph, in order. Of a program that is split, `late` is the number of the first late input: what it
/// keeps for many runs is not computed again, be it marked.
pub fn optimize(graph: &Graph, late: Option<usize>) -> Optimized {
    let mut optimized = Optimized { graph: graph.without_dead_nodes(), passes: Vec::new() };
    optimized.note("live");
    optimized.pass("simplify", |graph| Some(simplify(graph)));
    optimized.pass("accumulate", |graph| Some(accumulate(graph)));
    if late.is_none() {
        optimized.pass("rematerialize", rematerialize);
    }
    optimized.pass("unstack", |graph| unstack(graph, &self::late(graph, late)));
    optimized.pass("pack", |graph| pack(graph, &self::late(graph, late)));
    optimized.pass("factor", |graph| factor(graph, &self::late(graph, late)));
    optimized.pass("spread", spread);
    optimized
}

/// Which nodes depend on inputs from number `first` on; all of a program that is not split.
pub fn late(graph: &Graph, first: Option<usize>) -> Vec<bool> {
    let mut late = vec![first.is_none(); graph.len()];
    for &input in &graph.inputs()[first.unwrap_or(0)..] {
        late[input.index()] = true;
    }
    for id in graph.ids() {
        if graph.arguments(id).iter().any(|a| late[a.index()]) {
            late[id.index()] = true;
        }
    }
    late
}

impl Optimized {
    /// Runs a pass; it returns `None` where there is nothing to do.
    fn pass(&mut self, name: &'static str, pass: impl FnOnce(&Graph) -> Option<Graph>) {
        if let Some(graph) = pass(&self.graph) {
            self.graph = graph.without_dead_nodes();
            self.note(name);
        }
    }

    fn note(&mut self, name: &'static str) {
        debug_assert!(self.graph.verify().is_ok(), "after {name}: {:?}\n{}", self.graph.verify(), self.graph);
        self.passes.push((name, self.graph.len()));
    }
}

/// What tests of passes share.
#[cfg(test)]
mod testing {
    use crate::execute::interpret;
    use crate::graph::{Executable, Graph};

    /// That both graphs give the same bits, for inputs in [-1, 1].
    pub fn same_bits<T: Executable>(graph: &Graph, other: &Graph) {
        let number = |i: usize| T::from_f64(((i * 37 + 11) % 101) as f64 / 50.0 - 1.0);
        let sizes = graph.inputs().iter().map(|&id| graph.shape(id).size());
        let inputs: Vec<Vec<T>> = sizes.enumerate().map(|(k, n)| (0..n).map(|i| number(i + 7 * k)).collect()).collect();
        let inputs: Vec<&[T]> = inputs.iter().map(Vec::as_slice).collect();
        let run = |graph: &Graph| -> Vec<u64> {
            interpret(graph, &inputs).unwrap().concat().iter().map(|x| x.to_f64().to_bits()).collect()
        };
        assert!(run(graph) == run(other), "{other}");
    }

    /// How often an operation stands in a graph, by the beginning of its line.
    pub fn count(graph: &Graph, name: &str) -> usize {
        graph.to_string().matches(name).count()
    }
}
