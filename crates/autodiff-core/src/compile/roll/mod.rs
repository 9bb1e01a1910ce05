//! Rolling: scalar code from loops turned back into arrays, before it is differentiated.
//!
//! * [`classes`]: scalars that are computed alike (the same operations on members of the same classes) are one class, and long
//!   chains of additions, or of multiplications, are sums or products of terms by class; so are those of [`pairs`], which are
//!   the larger or the smaller of two.
//! * [`order`]: the members of a class lie in the order in which they are read, in one or several arrays.
//! * [`emit`]: a class of many members is an array or a few; what it reads of another class is a
//!   [pattern](crate::primitive::Pattern) of that: loops, pieces, or a list. Sums of products become products of matrices.
//! * [`extrema`]: a chain of `max` or `min` is a reduction with the derivatives of the chain, also at ties.
//!
//! The time is linear in the nodes. A loop that carries a value from step to step stays a chain of its steps, each of which is
//! rolled for itself. Sums are reassociated: terms of a class are summed pairwise, which is more accurate than in sequence, and the
//! sums of the classes added; what stands in parentheses stays together. Factors that follow each other in a class are multiplied
//! by neighbours, then by neighbours of these; partial products other than those of the loop may over- or underflow. Factors of
//! different classes are multiplied in the order of the loop.

mod classes;
mod emit;
mod extrema;
mod order;
mod pairs;

use crate::graph::{Graph, NodeId, Operation};
use classes::{Classes, Kind};
use emit::{Emitter, LANES};
use order::Order;

/// Scalar operations below which a graph stays as it is.
const SMALLEST: usize = 64;

/// What became of the scalars of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rolling {
    /// Scalar operations before.
    pub scalars: usize,
    /// Of these, the ones that are now lanes of an array, or terms of a sum or product.
    pub lanes: usize,
    /// Arrays that they are lanes of.
    pub arrays: usize,
}

/// The same program in arrays, with inputs joined in blocks of these numbers of scalars, and runs of scalar outputs joined to one
/// vector each; `None` if less than half of it would be arrays. All nodes of the graph are live.
///
/// An input that is no scalar is a block of its own.
pub fn roll(graph: &Graph, blocks: &[usize]) -> Option<(Graph, Rolling)> {
    let is_scalar = |id: &NodeId| matches!(graph.operation(*id), Operation::Row(_)) && graph.shape(*id).rank() == 0;
    let scalars = graph.ids().filter(is_scalar).count();
    if graph.is_marked() || scalars < SMALLEST {
        return None;
    }
    let classes = Classes::of(graph, blocks);
    let many = |c: &&classes::Class| c.members.len() >= LANES && matches!(c.kind, Kind::Row(..) | Kind::Chain(..));
    let arrays = classes.all.iter().filter(many);
    let alone = classes.all.iter().filter(|c| !many(c) && matches!(c.kind, Kind::Row(..) | Kind::Chain(..)));
    let alone: usize = alone.map(|c| c.members.len()).sum();
    let rolling = Rolling { scalars, lanes: scalars.saturating_sub(alone), arrays: arrays.count() };
    if rolling.lanes * 2 < scalars || rolling.arrays == 0 {
        return None;
    }
    let order = Order::of(graph, &classes);
    let rolled = Emitter::new(graph, &classes, &order, blocks).emit();
    debug_assert!(rolled.verify().is_ok(), "{:?}\n{rolled}", rolled.verify());
    Some((rolled, rolling))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// A graph of so many scalar inputs; `body` writes further lines, given a counter of nodes, and returns the last.
    fn rolled(inputs: usize, body: impl Fn(&mut String, &mut usize) -> usize) -> Option<(Graph, Rolling)> {
        let mut text: String = (0..inputs).fold(String::new(), |text, i| text + &format!("%{i} = input : []\n"));
        let mut next = inputs;
        let last = body(&mut text, &mut next);
        let _ = write!(text, "return %{last}");
        let graph: Graph = text.parse().expect("the test's own text");
        roll(&graph, &[inputs])
    }

    fn node(text: &mut String, next: &mut usize, operation: &str) -> usize {
        let _ = writeln!(text, "%{next} = {operation} : []");
        *next += 1;
        *next - 1
    }

    #[test]
    fn a_sum_of_squares_is_one_array() {
        let (graph, rolling) = rolled(100, |text, next| {
            let first = node(text, next, "mul %0 %0");
            (1..100).fold(first, |sum, i| {
                let square = node(text, next, &format!("mul %{i} %{i}"));
                node(text, next, &format!("add %{sum} %{square}"))
            })
        })
        .expect("a loop");
        assert_eq!(rolling, Rolling { scalars: 199, lanes: 198, arrays: 1 });
        let text = graph.to_string();
        assert_eq!(text.matches(" : [100]").count(), 2, "{text}");
        assert!(graph.len() <= 4, "{text}");
    }

    #[test]
    fn neighbours_are_pieces_of_one_array() {
        let (graph, _) = rolled(100, |text, next| {
            let mut terms = (0..99).map(|i| {
                let difference = node(text, next, &format!("sub %{} %{i}", i + 1));
                node(text, next, &format!("sin %{difference}"))
            });
            let terms: Vec<usize> = terms.by_ref().collect();
            terms[1..].iter().fold(terms[0], |sum, term| node(text, next, &format!("add %{sum} %{term}")))
        })
        .expect("a loop");
        let text = graph.to_string();
        assert_eq!(text.matches("= sub").count(), 1, "{text}");
        assert!(!text.contains("gather"), "reads at a stride are no list of indices: {text}");
    }

    #[test]
    fn what_is_short_or_does_not_repeat_stays() {
        let chain = |text: &mut String, next: &mut usize, count: usize| {
            (0..count).fold(0, |x, i| node(text, next, &format!("{} %{x}", ["sin", "exp", "tanh"][i % 3])))
        };
        assert_eq!(rolled(1, |text, next| chain(text, next, 20)).map(|r| r.1), None);
        assert_eq!(rolled(1, |text, next| chain(text, next, 200)).map(|r| r.1), None);
    }
}
