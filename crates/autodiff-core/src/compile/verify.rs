//! Verifying an order: that every node runs, once, and after what it reads. For debug builds, behind scheduling and fusing.

use super::fuse::{Unit, is_total};
use super::lines::reduction;
use super::repeat::{Repeat, repeat};
use crate::graph::{Graph, NodeId, Operation};

/// That `order` has the nodes of `nodes`, each once, behind those of its arguments that are among them; else what is wrong.
pub fn verify_order(graph: &Graph, nodes: &[NodeId], order: &[NodeId]) -> Result<(), String> {
    let place = places(graph, nodes, order)?;
    for &id in order {
        for a in graph.arguments(id) {
            let (own, of_argument) = (place[id.index()], place[a.index()]);
            if of_argument.is_some() && of_argument >= own {
                return Err(format!("%{} runs before %{}, which it reads", id.index(), a.index()));
            }
        }
    }
    Ok(())
}

/// That `units` have the nodes of `order`, each once, behind what they read; else what is wrong. `root` names for each node the
/// one whose value it is. What a unit reads as a whole, and sums over all entries, come from units before it.
pub fn verify_units(graph: &Graph, order: &[NodeId], root: &[NodeId], units: &[Unit]) -> Result<(), String> {
    let flat: Vec<NodeId> = units.iter().flat_map(Unit::nodes).copied().collect();
    let place = places(graph, order, &flat)?;
    let mut unit_of = vec![None; graph.len()];
    for (number, unit) in units.iter().enumerate() {
        unit.nodes().iter().for_each(|id| unit_of[id.index()] = Some(number));
    }
    for &id in flat.iter().filter(|id| root[id.index()] == **id) {
        for argument in graph.arguments(id) {
            let source = root[argument.index()];
            if place[source.index()].is_none() {
                continue;
            }
            if place[source.index()] >= place[id.index()] {
                return Err(format!("%{} runs before %{}, which it reads", id.index(), source.index()));
            }
            let together = unit_of[source.index()] == unit_of[id.index()];
            if together && !within(graph, source, id) {
                return Err(format!("%{} reads %{} as a whole, in the unit that makes it", id.index(), source.index()));
            }
        }
    }
    Ok(())
}

/// Whether a member of a region can read another on the way: entry by entry, or line by line what is reduced to one number a line.
fn within(graph: &Graph, source: NodeId, id: NodeId) -> bool {
    let row = |id| matches!(graph.operation(id), Operation::Row(_));
    let reduces = is_total(graph, id) || reduction(graph, id).is_some();
    // A repeat of what is one number a line spreads it over the line; any other reads its source as a whole.
    let (all, lines) = (graph.shape(id).size(), graph.shape(source).size());
    let line = all.checked_div(lines).unwrap_or(0);
    let of_lines = line > 1 && lines * line == all && (reduction(graph, source).is_some() || row(source));
    let spreads = of_lines && repeat(graph, id) == Some(Repeat::Run { start: 0, run: line });
    !is_total(graph, source) && (row(id) || reduces || spreads)
}

/// The place of each node in `order`, which must have the nodes of `nodes`, each once.
fn places(graph: &Graph, nodes: &[NodeId], order: &[NodeId]) -> Result<Vec<Option<usize>>, String> {
    let mut place = vec![None; graph.len()];
    for (number, &id) in order.iter().enumerate() {
        if let Some(before) = place[id.index()].replace(number) {
            return Err(format!("%{} runs twice, as numbers {before} and {number}", id.index()));
        }
    }
    match nodes.iter().find(|id| place[id.index()].is_none()) {
        Some(missing) => Err(format!("%{} does not run", missing.index())),
        None if order.len() > nodes.len() => Err(format!("{} nodes run, of {}", order.len(), nodes.len())),
        None => Ok(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = "%0 = input : [40]\n%1 = sin %0 : [40]\n%2 = sum{axes=[0]} %1 : []\n%3 = broadcast{shape=[40]} %2 : [40]\n\
                         %4 = mul %1 %3 : [40]\nreturn %4";

    fn ids(graph: &Graph, numbers: &[usize]) -> Vec<NodeId> {
        let all: Vec<NodeId> = graph.ids().collect();
        numbers.iter().map(|&n| all[n]).collect()
    }

    #[test]
    fn an_order_has_every_node_once_behind_its_arguments() {
        let graph: Graph = CHAIN.parse().expect("the test's own text");
        let all: Vec<NodeId> = graph.ids().collect();
        let of = |numbers: &[usize]| verify_order(&graph, &all, &ids(&graph, numbers));
        assert_eq!(of(&[0, 1, 2, 3, 4]), Ok(()));
        assert!(of(&[0, 1, 3, 2, 4]).unwrap_err().contains("before"));
        assert!(of(&[0, 1, 2, 3]).unwrap_err().contains("does not run"));
        assert!(of(&[0, 1, 1, 2, 3, 4]).unwrap_err().contains("twice"));
    }

    #[test]
    fn a_unit_reads_no_whole_that_it_makes() {
        let graph: Graph = CHAIN.parse().expect("the test's own text");
        let all: Vec<NodeId> = graph.ids().collect();
        let of = |regions: &[&[usize]]| {
            let units: Vec<Unit> = regions.iter().map(|numbers| Unit::Region(ids(&graph, numbers))).collect();
            verify_units(&graph, &all, &all, &units)
        };
        assert_eq!(of(&[&[0], &[1, 2], &[3, 4]]), Ok(()));
        assert!(of(&[&[0], &[1, 2, 3, 4]]).unwrap_err().contains("as a whole"));
        assert!(of(&[&[0], &[3, 4], &[1, 2]]).unwrap_err().contains("before"));
        assert!(of(&[&[0], &[1, 2], &[3]]).unwrap_err().contains("does not run"));
    }

    #[test]
    fn a_slice_waits_for_its_source() {
        let text = "%0 = input : [80]\n%1 = sin %0 : [80]\n%2 = slice{axis=[0], start=[40], step=[1], count=[40]} %1 : [40]\n\
                    %3 = cos %2 : [40]\nreturn %3";
        let graph: Graph = text.parse().expect("the test's own text");
        let all: Vec<NodeId> = graph.ids().collect();
        let units = [Unit::Single(all[0]), Unit::Region(all[1..].to_vec())];
        assert!(verify_units(&graph, &all, &all, &units).unwrap_err().contains("as a whole"));
    }
}
