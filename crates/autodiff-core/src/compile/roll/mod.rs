//! Rolling: scalar code from loops turned back into arrays, before it is differentiated.
//!
//! * [`classes`]: scalars that are computed alike (the same operations on members of the same classes) are one class, and long
//!   chains of additions, or of multiplications, are sums or products of terms by class; so are those of [`pairs`], which are
//!   the larger or the smaller of two.
//! * [`order`]: the members of a class lie in the order in which they are read, in one or several arrays.
//! * [`emit`]: a class of many members is an array or a few; what it reads of another class is a
//!   [pattern](crate::primitive::Pattern) of that: loops, pieces, or a list. Sums of products become products of matrices.
//! * [`cut`]: outputs of a model that are marked stay nodes of the graph, as one array.
//! * [`extrema`]: a chain of `max` or `min` is a reduction with the derivatives of the chain, also at ties.
//!
//! The time is linear in the nodes. A loop that carries a value from step to step stays a chain of its steps, each of which is
//! rolled for itself. Sums are reassociated: terms of a class are summed pairwise, those that are subtracted one by one
//! from those that are added, and the sums of the classes added; what stands in parentheses stays together. The bound on the rounding, relative to
//! the sum of the magnitudes of all terms, is smaller than in sequence; but where terms of different classes cancel each other step by
//! step, their sums may be far larger than any partial sum of the loop, and lose digits or overflow where the loop does not. Factors that follow each other in a class are multiplied
//! by neighbours, then by neighbours of these; partial products other than those of the loop may over- or underflow. Factors of
//! different classes are multiplied in the order of the loop.

mod classes;
mod cut;
mod emit;
mod extrema;
mod order;
mod pairs;

use crate::graph::{Graph, NodeId, Operation};
use crate::real::Row;
use classes::{Class, Classes, Kind};
use emit::{Emitter, LANES};
use order::Order;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

pub use cut::roll_marked;

/// Scalar operations below which a graph stays as it is.
const SMALLEST: usize = 64;

/// Groups of operations that are printed.
const SHOWN: usize = 5;

/// What became of the scalars of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rolling {
    /// Scalar operations before.
    pub scalars: usize,
    /// Of these, the ones that are now lanes of an array, or terms of a sum or product.
    pub lanes: usize,
    /// Arrays that they are lanes of.
    pub arrays: usize,
    /// What the others are that stay alone, for fewer than 8 are computed alike: operations and how many of each, the largest groups
    /// first.
    pub alone: Vec<(&'static str, usize)>,
    /// How many of these rest on another one of the same operation: mostly what a loop carries from step to step.
    pub carried: usize,
}

/// Why the scalars of a graph stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unrolled {
    /// There are too few for arrays to pay.
    Few {
        /// Scalar operations.
        scalars: usize,
        /// How many it takes.
        needed: usize,
    },
    /// A part of the closure is to be computed again rather than kept, by [`checkpoint`](crate::checkpoint); in arrays, operations
    /// of the part would be together with others.
    Checkpoint,
    /// Of the outputs of a model that are marked by [`Var::prediction`](crate::Var::prediction), one is an entry of the point or an
    /// array, or rests on another one.
    Predictions,
    /// The leaves of the point are told apart, as in the series of a differential equation.
    Leaves,
    /// Less than half of the operations would be lanes: this is what would become of them.
    Scattered(Rolling),
}

impl fmt::Display for Rolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rolling { scalars, lanes, arrays, alone, carried } = self;
        write!(f, "{scalars} scalar operations, {lanes} of them into {arrays} arrays, {} alone", scalars - lanes)?;
        for (i, (name, count)) in alone.iter().take(SHOWN).enumerate() {
            write!(f, "{} {count} {name}", if i == 0 { ":" } else { "," })?;
        }
        if alone.len() > SHOWN {
            write!(f, ", …")?;
        }
        match (alone.is_empty(), carried) {
            (true, _) => Ok(()),
            (false, 0) => write!(f, " (fewer than {LANES} alike)"),
            (false, carried) => write!(f, " (fewer than {LANES} alike; {carried} rest on another of their operation)"),
        }
    }
}

impl fmt::Display for Unrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unrolled::Few { scalars, needed } => write!(f, "{scalars} scalar operations are fewer than {needed}"),
            Unrolled::Checkpoint => write!(f, "a part is to be computed again (checkpoint)"),
            Unrolled::Predictions => {
                write!(f, "a marked prediction is an entry of the point or an array, or rests on another one")
            }
            Unrolled::Leaves => write!(f, "the leaves of the point are told apart"),
            Unrolled::Scattered(rolling) => write!(f, "under half would be in arrays; of {rolling}"),
        }
    }
}

/// The same program in arrays, with inputs joined in blocks of these numbers of scalars, and runs of scalar outputs joined to one
/// vector each, the first `results` of them apart from the others. All nodes of the graph are live.
///
/// An input that is no scalar is a block of its own.
///
/// # Errors
/// Why it is better left as it is.
pub fn roll(graph: &Graph, blocks: &[usize], results: usize) -> Result<(Graph, Rolling), Unrolled> {
    let scalars = scalars(graph)?;
    let classes = Classes::of(graph, blocks);
    let many = |c: &&Class| c.members.len() >= LANES && matches!(c.kind, Kind::Row(..) | Kind::Chain(..));
    let arrays = classes.all.iter().filter(many);
    let alone = groups(classes.all.iter().filter(|c| !many(c)));
    let lanes = scalars.saturating_sub(alone.iter().map(|(_, count)| count).sum());
    let rolling = Rolling { scalars, lanes, arrays: arrays.count(), alone, carried: carried(&classes.all) };
    if rolling.lanes * 2 < scalars || rolling.arrays == 0 {
        return Err(Unrolled::Scattered(rolling));
    }
    let order = Order::of(graph, &classes);
    let rolled = Emitter::new(graph, &classes, &order, blocks).emit(results);
    debug_assert!(rolled.verify().is_ok(), "{:?}\n{rolled}", rolled.verify());
    Ok((rolled, rolling))
}

/// How many scalar operations a graph has, if that is enough and none is to be computed again.
fn scalars(graph: &Graph) -> Result<usize, Unrolled> {
    let is_scalar = |id: &NodeId| matches!(graph.operation(*id), Operation::Row(_)) && graph.shape(*id).rank() == 0;
    match graph.ids().filter(is_scalar).count() {
        scalars if scalars < SMALLEST => Err(Unrolled::Few { scalars, needed: SMALLEST }),
        _ if graph.is_marked() => Err(Unrolled::Checkpoint),
        scalars => Ok(scalars),
    }
}

/// The operations of some classes and how many there are of each, the largest number first.
fn groups<'c>(classes: impl Iterator<Item = &'c Class>) -> Vec<(&'static str, usize)> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for class in classes {
        let name = match class.kind {
            Kind::Row(row, _) => row.name(),
            Kind::Chain(chain, _) => chain.name(),
            _ => continue,
        };
        *counts.entry(name).or_default() += class.members.len();
    }
    let mut groups: Vec<(&'static str, usize)> = counts.into_iter().collect();
    groups.sort_by_key(|&(_, count)| Reverse(count));
    groups
}

/// How many members of small classes rest on members of other small classes with the same operation.
fn carried(classes: &[Class]) -> usize {
    // By class, the operations among the small classes that it rests on, itself included; a bit for each.
    let mut operations: Vec<u128> = vec![0; classes.len()];
    let mut carried = 0;
    for (i, class) in classes.iter().enumerate() {
        let (of, own): (u128, u128) = match &class.kind {
            // Lists of operands end where the row has no more.
            Kind::Row(row, of) => {
                let of = of.iter().take(row.arity()).map(|&of| operations[of as usize]);
                (of.fold(0, |all, some| all | some), 1 << *row as u32)
            }
            Kind::Chain(_, groups) => {
                (groups.iter().fold(0, |all, group| all | operations[group.class as usize]), 1 << (u128::BITS - 1))
            }
            _ => (0, 0),
        };
        let alone = class.members.len() < LANES;
        if alone && of & own != 0 {
            carried += class.members.len();
        }
        operations[i] = if alone { of | own } else { of };
    }
    carried
}

// A bit for each row, and one for chains.
const _: () = assert!(Row::ALL.len() < u128::BITS as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// A graph of so many scalar inputs; `body` writes further lines, given a counter of nodes, and returns the last.
    fn rolled(inputs: usize, body: impl Fn(&mut String, &mut usize) -> usize) -> Result<(Graph, Rolling), Unrolled> {
        let mut text: String = (0..inputs).fold(String::new(), |text, i| text + &format!("%{i} = input : []\n"));
        let mut next = inputs;
        let last = body(&mut text, &mut next);
        let _ = write!(text, "return %{last}");
        let graph: Graph = text.parse().expect("the test's own text");
        roll(&graph, &[inputs], 1)
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
        assert_eq!(rolling, Rolling { scalars: 199, lanes: 198, arrays: 1, alone: vec![("sum", 1)], carried: 0 });
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
        let why = |count: usize| rolled(1, |text, next| chain(text, next, count)).expect_err("no loop");
        assert_eq!(why(20), Unrolled::Few { scalars: 20, needed: 64 });
        let alone = vec![("exp", 67), ("sin", 67), ("tanh", 66)];
        // All but the first three.
        assert_eq!(why(200), Unrolled::Scattered(Rolling { scalars: 200, lanes: 0, arrays: 0, alone, carried: 197 }));
    }
}
