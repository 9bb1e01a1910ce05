//! Unstacking: Σᵢ aᵢ·bᵢ over a short leading axis, as a sum of products of slices.
//!
//! A fused region computes such a sum as one chain, entry by entry, from factors that it reads where they lie. As a product and a
//! sum over the axis the products are written out and read again: an array with the axis, of which the result has none. The sums
//! over directions of a Laplacian are of this kind. The order of additions stays, but for a zero that they begin with: where all
//! products are −0, so is the sum.

use crate::graph::{Arguments, Graph, NodeId, Operation};
use crate::primitive::{Broadcast, Reshape, Slice, Sum};
use crate::real::Row;
use crate::shape::Shape;
use std::any::Any;
use std::sync::Arc;

/// Terms of a chain at most, so that their slices stand on the stack when it runs: longer axes stay.
pub const LINKS: usize = 32;

/// Entries of a slice from which on a region of its own is worth its call.
const SHORTEST: usize = 1 << 10;

/// The same program with such sums unstacked; `None` if there are none. `late` tells of each node whether it depends on late inputs:
/// slices of what is early would be kept beside it for a late sum.
pub fn unstack(graph: &Graph, late: &[bool]) -> Option<Graph> {
    let mut readers = vec![0_u32; graph.len()];
    // A reshape is its argument under another shape.
    let mut root: Vec<NodeId> = graph.ids().collect();
    // What is written out anyway, whatever reads it in a region.
    let mut stored = vec![false; graph.len()];
    for id in graph.ids() {
        let args = graph.arguments(id);
        args.iter().for_each(|a| readers[a.index()] += 1);
        match graph.operation(id) {
            Operation::Row(_) => {}
            Operation::Primitive(p) if (&**p as &dyn Any).is::<Reshape>() => root[id.index()] = root[args[0].index()],
            _ => args.iter().for_each(|a| stored[root[a.index()].index()] = true),
        }
    }
    for id in graph.outputs().iter().copied().chain(graph.guards().iter().map(|g| g.node)) {
        readers[id.index()] += 1;
        stored[root[id.index()].index()] = true;
    }
    let lies = |id: NodeId| {
        let id = root[id.index()];
        !matches!(graph.operation(id), Operation::Row(_)) || stored[id.index()]
    };
    let product = |id: NodeId| {
        let source = summed(graph, id)?;
        let (factors, alone) = (graph.arguments(source), readers[source.index()] == 1);
        let here = |f: NodeId| lies(f) && late[f.index()] == late[id.index()];
        (alone && graph.scope(source) == graph.scope(id) && factors.iter().all(|&f| here(f))).then_some(factors)
    };
    graph.ids().find_map(product)?;
    let (mut out, mut moved) = (Graph::new(), Vec::<NodeId>::with_capacity(graph.len()));
    for id in graph.ids() {
        out.enter(graph.scope(id));
        moved.push(match product(id) {
            Some(factors) => sum_of_slices(graph, &mut out, [factors[0], factors[1]], &moved),
            None => {
                let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
                out.carry(graph, id, &args)
            }
        });
    }
    out.end_as(graph, &moved);
    Some(out)
}

/// The elementwise product that a node sums over a short leading axis.
fn summed(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let Operation::Primitive(p) = graph.operation(id) else { return None };
    let sum = (&**p as &dyn Any).downcast_ref::<Sum>()?;
    let source = graph.arguments(id)[0];
    let count = *graph.shape(source).first()?;
    let fits = sum.axes[..] == [0] && (2..=LINKS).contains(&count) && graph.shape(id).size() >= SHORTEST;
    (fits && matches!(graph.operation(source), Operation::Row(Row::Mul))).then_some(source)
}

/// Σᵢ aᵢ·bᵢ without the leading axis.
fn sum_of_slices(graph: &Graph, out: &mut Graph, [a, b]: [NodeId; 2], moved: &[NodeId]) -> NodeId {
    let shape = graph.shape(a);
    let mut sum = None;
    for i in 0..shape[0] {
        let x = slice(graph, out, a, i, moved);
        let y = if a == b { x } else { slice(graph, out, b, i, moved) };
        let product = out.row(Row::Mul, &[x, y]).expect("slices have one shape");
        sum = Some(match sum {
            Some(sum) => out.row(Row::Add, &[sum, product]).expect("slices have one shape"),
            None => product,
        });
    }
    let shape = Shape::of(&shape[1..]);
    out.primitive(Arc::new(Reshape { shape }), &[sum.expect("there are two slices at least")])
        .expect("the same entries")
}

/// Entries i of the leading axis, which stays, with length 1; of an array that is repeated along other axes, the repeated slice.
fn slice(graph: &Graph, out: &mut Graph, id: NodeId, i: usize, moved: &[NodeId]) -> NodeId {
    let shape = graph.shape(id);
    let entry = |out: &mut Graph, id: NodeId| {
        let slice = Slice { axis: 0, start: i, step: 1, count: 1 };
        out.primitive(Arc::new(slice), &[moved[id.index()]]).expect("an entry of the axis")
    };
    if let Operation::Primitive(p) = graph.operation(id)
        && (&**p as &dyn Any).is::<Broadcast>()
    {
        let from = graph.arguments(id)[0];
        let source = graph.shape(from);
        let repeats = source.rank() < shape.rank() || source[0] == 1;
        let one = if repeats { moved[from.index()] } else { entry(out, from) };
        let mut to = shape.to_vec();
        to[0] = 1;
        let repeated = Broadcast { shape: Shape::of(&to) };
        return out.primitive(Arc::new(repeated), &[one]).expect("axes repeat as before");
    }
    entry(out, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unstacked(text: &str) -> Option<String> {
        let graph: Graph = text.parse().expect("the test's own text");
        let graph = unstack(&graph, &vec![true; graph.len()])?.without_dead_nodes();
        graph.verify().unwrap();
        Some(graph.to_string())
    }

    #[test]
    fn a_sum_of_products_has_one_product_for_each_entry_of_the_axis() {
        let text = "%0 = input : [3, 2000]\n%1 = input : [3, 2000]\n%2 = mul %0 %1 : [3, 2000]\n\
                    %3 = sum{axes=[0]} %2 : [2000]\nreturn %3";
        let unstacked = unstacked(text).expect("it is one");
        assert_eq!(["= slice{", "= mul ", "= add ", "= sum{"].map(|s| unstacked.matches(s).count()), [6, 3, 2, 0]);
    }

    #[test]
    fn what_is_repeated_is_repeated_as_a_slice() {
        let text = "%0 = input : [3, 1, 50]\n%1 = broadcast{shape=[3, 40, 50]} %0 : [3, 40, 50]\n\
                    %2 = mul %1 %1 : [3, 40, 50]\n%3 = sum{axes=[0]} %2 : [40, 50]\nreturn %3";
        let unstacked = unstacked(text).expect("it is one");
        assert!(unstacked.contains("slice{axis=[0], start=[2], step=[1], count=[1]} %0 : [1, 1, 50]"), "{unstacked}");
        assert!(!unstacked.contains("[3, 40, 50]"), "{unstacked}");
    }

    #[test]
    fn what_is_repeated_along_the_axis_is_no_array_with_it() {
        for shape in ["[]", "[2000]", "[1, 2000]"] {
            let text = format!(
                "%0 = input : [3, 2000]\n%1 = input : {shape}\n%2 = broadcast{{shape=[3, 2000]}} %1 : [3, 2000]\n\
                 %3 = mul %0 %2 : [3, 2000]\n%4 = sum{{axes=[0]}} %3 : [2000]\nreturn %4"
            );
            let unstacked = unstacked(&text).expect("it is one");
            assert_eq!(unstacked.matches("= slice{").count(), 3, "{unstacked}");
            assert!(!unstacked.contains("broadcast{shape=[3, 2000]}"), "{unstacked}");
        }
    }

    #[test]
    fn what_is_elementwise_under_another_shape_stays() {
        let text = "%0 = input : [6000]\n%1 = exp %0 : [6000]\n%2 = reshape{shape=[3, 2000]} %1 : [3, 2000]\n\
                    %3 = mul %2 %2 : [3, 2000]\n%4 = sum{axes=[0]} %3 : [2000]\nreturn %4";
        assert_eq!(unstacked(text), None);
    }

    #[test]
    fn factors_of_another_phase_stay_whole() {
        let text = "%0 = input : [3, 2000]\n%1 = input : [3, 2000]\n%2 = mul %0 %1 : [3, 2000]\n\
                    %3 = sum{axes=[0]} %2 : [2000]\nreturn %3";
        let graph: Graph = text.parse().expect("the test's own text");
        assert!(unstack(&graph, &[false, true, true, true]).is_none());
    }

    #[test]
    fn other_sums_stay() {
        let of = |axis: usize, head: &str, product: &str, end: &str| {
            let to = if axis == 0 { "[2000]" } else { "[3]" };
            let [from, n] = if head.is_empty() { ["[3, 2000]", ""] } else { ["[300, 2000]", head] };
            unstacked(&format!(
                "%0 = input : {from}\n%1 = exp %0 : {from}\n%2 = {product} : {from}\n%3 = sum{{axes=[{axis}]}} %2 : {to}\n\
                 return %3{end}{n}"
            ))
        };
        // Over another axis, over many entries, of no product, of a product that is wanted itself, of what lies nowhere.
        assert_eq!(of(1, "", "mul %0 %0", ""), None);
        assert_eq!(of(0, " ", "mul %0 %0", ""), None);
        assert_eq!(of(0, "", "add %0 %0", ""), None);
        assert_eq!(of(0, "", "mul %0 %0", ", %2"), None);
        assert_eq!(of(0, "", "mul %1 %1", ""), None);
    }
}
