//! In which order the members of a class lie, and in how many arrays.

use super::classes::{Classes, Kind};
use crate::graph::{Graph, NodeId};

/// Members from which on what one operand reads is an array of its own: a chunk of a fused region.
const SPLIT: usize = 256;

/// The members of the classes, in the order in which they are read: those of the first operand of the first reader, then those
/// of its second, and so on. So what reads them finds pieces in a row, whatever the order of the loops was.
///
/// Where operands read many members each, each has an array of its own, as long as what reads it: the two can be fused.
pub struct Order {
    /// For each class, its members; none for a class that nothing reads.
    pub members: Vec<Vec<NodeId>>,
    /// For each class, where its arrays end.
    pub ends: Vec<Vec<usize>>,
}

impl Order {
    pub fn of(graph: &Graph, classes: &Classes) -> Order {
        let n = classes.all.len();
        let mut order = Order { members: vec![Vec::new(); n], ends: vec![Vec::new(); n] };
        let mut seen = vec![false; graph.len()];
        let mut read = |order: &mut Order, ids: &mut dyn Iterator<Item = NodeId>| {
            let mut last = None;
            for id in ids {
                let class = classes.of[id.index()] as usize;
                if !std::mem::replace(&mut seen[id.index()], true) {
                    order.members[class].push(id);
                    last = Some(class);
                }
            }
            if let Some(class) = last {
                let end = order.members[class].len();
                order.ends[class].push(end);
            }
        };
        read(&mut order, &mut graph.outputs().iter().chain(graph.guards().iter().map(|g| &g.node)).copied());
        for class in (0..n).rev() {
            let members = std::mem::take(&mut order.members[class]);
            let kind = &classes.all[class].kind;
            let splits = matches!(kind, Kind::Row(..) | Kind::Sum(_));
            order.ends[class] = if splits { blocks(&order.ends[class], members.len()) } else { vec![members.len()] };
            let mut start = 0;
            for end in order.ends[class].clone() {
                let block = &members[start..end];
                start = end;
                match kind {
                    Kind::Row(row, _) => {
                        for operand in 0..row.arity() {
                            read(&mut order, &mut block.iter().map(|&id| graph.arguments(id)[operand]));
                        }
                    }
                    Kind::Sum(groups) => {
                        let mut first = 0;
                        for group in groups {
                            let terms = first..first + group.count as usize;
                            first = terms.end;
                            let of = |term: usize| block.iter().map(move |id| classes.terms[id][term]);
                            if block.len() >= SPLIT {
                                terms.for_each(|term| read(&mut order, &mut of(term)));
                            } else {
                                read(&mut order, &mut terms.flat_map(of));
                            }
                        }
                    }
                    Kind::Alone(id) => read(&mut order, &mut graph.arguments(*id).into_iter()),
                    // Entries of an array need the array, which is alone in its class, or an input.
                    Kind::Entries(array) => read(&mut order, &mut std::iter::once(*array)),
                    Kind::Input(_) | Kind::Number => {}
                }
            }
            order.members[class] = members;
        }
        order
    }
}

/// Ends of arrays, none of them short, from the ends of what operands read.
fn blocks(ends: &[usize], length: usize) -> Vec<usize> {
    let (mut blocks, mut start) = (Vec::new(), 0);
    for &end in ends {
        if end - start >= SPLIT && length - end >= SPLIT {
            blocks.push(end);
            start = end;
        }
    }
    blocks.push(length);
    blocks
}
