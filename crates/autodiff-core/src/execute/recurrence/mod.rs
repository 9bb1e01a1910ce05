//! Taylor coefficients of the solution of y′ = f(y, t), order by order, instead of as a program that has each of them as a node.
//!
//! Every node of f is visited once for each order, and a coefficient of a product is one sum of products over all lower orders,
//! which in a program would be a node each. The rules are those of [`flow`](crate::transform::flow): linear, bilinear, quotient, and
//! smooth by the partials that the rows state, which are nodes. `lower` turns them into instructions for the kernels of
//! series once for each order; `run` carries these out.

mod lower;
mod run;

pub(crate) use run::Coefficients;

use crate::graph::{Arguments, Class, Graph, NodeId, Operation, Primitive};
use crate::primitive::{Broadcast, Reshape};
use crate::real::{Class as RowClass, Row, Slope};
use crate::shape::Shape;
use crate::tensor::View;
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries from which on a state is taken apart into chunks, each of which runs through all orders, where all that moves is
/// elementwise and of one shape.
const PLANE: usize = 128;

/// Entries of the matrix of a linear primitive up to which it is looked at.
const MATRIX: usize = 1 << 16;

/// Entries that are summed one after the other; for more, sums are taken in pairs by their primitive.
const TERMS: usize = 64;

/// The recurrences of a graph of rates.
#[derive(Debug)]
pub(crate) struct Recurrences {
    graph: Graph,
    /// Which recurrences these are, so that memory of others is not taken for theirs.
    serial: u64,
    steps: Vec<Step>,
    /// Up to which order a node has coefficients: 0 for what does not move.
    degrees: Vec<usize>,
    /// Nodes whose coefficients j are also kept times j, as the rules of smooth rows read them.
    weighted: Vec<bool>,
    /// The node that has the entries of each: itself, but for reshapes.
    holders: Vec<NodeId>,
    /// The number of entries, if all that moves is elementwise and has so many, or is one number.
    plane: Option<usize>,
    /// Which nodes are a plane.
    planes: Vec<bool>,
}

/// A node that moves, by its rule.
#[derive(Debug)]
struct Step {
    node: NodeId,
    args: Arguments,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    /// The sum of the operands; which of them are subtracted.
    Sum(SmallVec<[bool; 2]>),
    Product,
    Quotient,
    /// y² = x.
    Root,
    /// y′ = Σ d·x′, over operands x that move, each with its partial d.
    Smooth(SmallVec<[(NodeId, NodeId); 2]>),
    /// q·y′ = x′, of the operand x and q.
    Inverse(NodeId, NodeId),
    Select,
    /// One number for all entries.
    Spread,
    /// Each entry is the sum of as many entries as the number says; the list has the first of each, then the second.
    Gathered(usize, Vec<u32>),
    Linear(Arc<dyn Primitive>),
    Bilinear,
}

/// The slopes of smooth nodes, by operand.
pub(crate) type Slopes = Vec<(NodeId, usize, Slope<NodeId>)>;

impl Recurrences {
    /// The recurrences of `graph`, whose inputs are the states and the time and whose outputs are the rates, with the slopes of
    /// its smooth nodes; `None` if it holds an operation that has no rule here.
    pub fn new(graph: Graph, slopes: &Slopes) -> Option<Recurrences> {
        let (&time, states) = graph.inputs().split_last()?;
        let mut degrees = vec![0; graph.len()];
        let mut weighted = vec![false; graph.len()];
        let mut holders: Vec<NodeId> = Vec::with_capacity(graph.len());
        let mut steps = Vec::new();
        states.iter().for_each(|x| degrees[x.index()] = usize::MAX);
        degrees[time.index()] = 1;
        for id in graph.ids() {
            let args = graph.arguments(id);
            holders.push(match graph.operation(id) {
                Operation::Primitive(p) if is::<Reshape>(&**p) => holders[args[0].index()],
                _ => id,
            });
            let moves = |i: usize| degrees[args[i].index()] > 0;
            let moving: SmallVec<[usize; 3]> = (0..args.len()).filter(|&i| moves(i)).collect();
            let highest = || args.iter().map(|a| degrees[a.index()]).max().unwrap_or(0);
            let (rule, degree) = match graph.operation(id) {
                Operation::Hole => return None,
                Operation::Input(_) | Operation::Constant(_) | Operation::Tensor(_) => continue,
                _ if moving.is_empty() => continue,
                Operation::Row(_) if args.iter().any(|&a| graph.shape(a).size() != graph.shape(id).size()) => {
                    return None;
                }
                Operation::Row(Row::Sqrt) => (Rule::Root, usize::MAX),
                Operation::Row(row) => match row.class() {
                    RowClass::Discrete => continue,
                    RowClass::Linear => (
                        Rule::Sum((0..args.len()).map(|i| row == Row::Neg || (row == Row::Sub && i == 1)).collect()),
                        highest(),
                    ),
                    RowClass::Bilinear if row == Row::Mul => {
                        (Rule::Product, degrees[args[0].index()].saturating_add(degrees[args[1].index()]))
                    }
                    RowClass::Implicit if row == Row::Div && !moves(1) => (Rule::Quotient, highest()),
                    RowClass::Implicit if row == Row::Div => (Rule::Quotient, usize::MAX),
                    RowClass::Select if !moves(0) => (Rule::Select, highest()),
                    RowClass::Smooth => (smooth(id, &args, &moving, slopes, &mut weighted)?, usize::MAX),
                    _ => return None,
                },
                Operation::Primitive(p) => match p.class() {
                    Class::Discrete => continue,
                    Class::Linear if is::<Reshape>(&**p) => {
                        degrees[id.index()] = highest();
                        continue;
                    }
                    Class::Linear if moving.iter().all(|&i| p.is_linear_in(i)) => (linear(p, &graph, id), highest()),
                    Class::Bilinear => {
                        let sum = args.iter().fold(0_usize, |sum, a| sum.saturating_add(degrees[a.index()]));
                        (Rule::Bilinear, sum)
                    }
                    _ => return None,
                },
            };
            degrees[id.index()] = degree;
            steps.push(Step { node: id, args, rule });
        }
        graph
            .ids()
            .filter(|id| weighted[id.index()])
            .collect::<Vec<_>>()
            .iter()
            .for_each(|id| weighted[holders[id.index()].index()] = true);
        let plane = plane(&graph, states);
        let planes = graph.ids().map(|id| plane == Some(graph.shape(id).size())).collect();
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Some(Recurrences { serial, graph, steps, degrees, weighted, holders, plane, planes })
    }

    /// The node that has the entries of this one, as a place in lists.
    fn holder(&self, id: NodeId) -> usize {
        self.holders[id.index()].index()
    }

    /// Coefficients of a node, the value among them.
    fn levels(&self, id: NodeId, order: usize) -> usize {
        if self.degrees[id.index()] > 0 { order + 1 } else { 1 }
    }

    /// Entries of a node that are in memory at once, for chunks of this length.
    fn length(&self, id: NodeId, chunk: usize) -> usize {
        if self.planes[id.index()] { chunk } else { self.graph.shape(id).size() }
    }
}

/// The rule of a smooth row, and what it reads weighted.
fn smooth(id: NodeId, args: &[NodeId], moving: &[usize], slopes: &Slopes, weighted: &mut [bool]) -> Option<Rule> {
    let slope = |i: usize| slopes.iter().find(|(node, at, _)| (*node, *at) == (id, i)).map(|(_, _, slope)| slope);
    if let [i] = *moving
        && let Slope::Inverse(q) = slope(i)?
    {
        weighted[id.index()] = true;
        return Some(Rule::Inverse(args[i], *q));
    }
    let mut partials = SmallVec::new();
    for &i in moving {
        let Slope::Partial(d) = slope(i)? else { return None };
        weighted[args[i].index()] = true;
        partials.push((args[i], *d));
    }
    Some(Rule::Smooth(partials))
}

/// The number of entries, if all nodes are elementwise and have so many, or are one number.
fn plane(graph: &Graph, states: &[NodeId]) -> Option<usize> {
    let n = graph.shape(*states.first()?).size();
    let fits = |id: NodeId| {
        let size = graph.shape(id).size();
        let simple = match graph.operation(id) {
            Operation::Primitive(p) => {
                let from = graph.arguments(id)[0];
                is::<Reshape>(&**p) || (is::<Broadcast>(&**p) && graph.shape(from).size() == 1)
            }
            _ => true,
        };
        // What is one number is made of the time and of constants, for a state becomes one number by no elementwise node.
        simple && (size == n || size == 1)
    };
    let all = graph.ids().all(fits) && graph.outputs().iter().chain(states).all(|&id| graph.shape(id).size() == n);
    (n >= PLANE && all && graph.guards().is_empty()).then_some(n)
}

/// Whether a primitive is of this type.
fn is<P: Primitive>(primitive: &dyn Primitive) -> bool {
    (primitive as &dyn Any).is::<P>()
}

/// The rule of a linear primitive.
fn linear(primitive: &Arc<dyn Primitive>, graph: &Graph, id: NodeId) -> Rule {
    let args = graph.arguments(id);
    let shape = graph.shape(args[0]);
    if is::<Broadcast>(&**primitive) && shape.size() == 1 {
        return Rule::Spread;
    }
    let table = if args.len() == 1 { gathered(&**primitive, shape, graph.shape(id).size()) } else { None };
    match table {
        Some((terms, table)) => Rule::Gathered(terms, table),
        None => Rule::Linear(primitive.clone()),
    }
}

/// The entries that each entry of the result is the sum of, if all are sums of as many, and of few: what broadcasts, slices,
/// permutations and sums over short axes are. Seen from the results for unit vectors.
fn gathered(primitive: &dyn Primitive, shape: &Shape, size: usize) -> Option<(usize, Vec<u32>)> {
    let n = shape.size();
    if n * size > MATRIX {
        return None;
    }
    let (mut unit, mut column) = (vec![0.0; n], vec![0.0; size]);
    let mut scratch = vec![0.0; primitive.scratch(&[shape], 1)];
    let mut rows = vec![Vec::new(); size];
    // A number that no rounding to single precision leaves as it is.
    let one = std::f64::consts::PI;
    for i in 0..n {
        unit[i] = one;
        primitive.evaluate_f64(&[View { shape, data: &unit }], &mut column, &mut scratch).ok()?;
        unit[i] = 0.0;
        for (row, &y) in rows.iter_mut().zip(&column) {
            if y == one {
                if row.len() == TERMS {
                    return None;
                }
                row.push(u32::try_from(i).ok()?);
            } else if y != 0.0 {
                return None;
            }
        }
    }
    let terms = rows.first()?.len();
    let fits = terms > 0 && rows.iter().all(|row| row.len() == terms);
    fits.then(|| (terms, (0..terms).flat_map(|term| rows.iter().map(move |row| row[term])).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recurrences(text: &str) -> Recurrences {
        Recurrences::new(text.parse().expect("the test's own text"), &Vec::new()).expect("all of it has rules")
    }

    #[test]
    fn states_from_so_many_entries_on_are_taken_in_chunks() {
        let of =
            |n: usize| recurrences(&format!("%0 = input : [{n}]\n%1 = input : []\n%2 = mul %0 %0 : [{n}]\nreturn %2"));
        assert_eq!(of(PLANE - 1).plane, None);
        assert_eq!(of(PLANE).plane, Some(PLANE));
    }

    #[test]
    fn arithmetic_of_the_time_alone_leaves_the_chunks() {
        let text = "%0 = input : [200]\n%1 = input : []\n%2 = mul %1 %1 : []\n%3 = broadcast{shape=[200]} %2 : [200]\n\
                    %4 = mul %0 %3 : [200]\nreturn %4";
        assert_eq!(recurrences(text).plane, Some(200));
    }

    #[test]
    fn series_of_too_many_numbers_are_refused() {
        // 2²² entries that are no plane, to order 2000.
        let n = 1 << 22;
        let text = format!(
            "%0 = input : [{n}]\n%1 = input : [3]\n%2 = input : []\n%3 = mul %0 %0 : [{n}]\n%4 = mul %1 %1 : [3]\nreturn %3, %4"
        );
        let of = recurrences(&text);
        assert_eq!(of.plane, None);
        let mut memory: Vec<Coefficients<f64>> = Vec::new();
        let error = of.memory_among(&mut memory, 2000).expect_err("2³³ numbers").to_string();
        assert!(error.contains("order 2000"), "{error}");
    }
}
