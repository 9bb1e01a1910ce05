//! Dividing: regions that would read or write more arrays than a run has short lists for become several.

use super::fuse::{Unit, is_total, unit};
use super::lines::reduction;
use super::repeat::repeat;
use crate::graph::{Graph, NodeId};
use rustc_hash::FxHashSet;

/// Arrays that a region reads at most.
pub const READ: usize = 256;
/// Arrays that it writes at most.
pub const WRITTEN: usize = 128;
/// Small arrays that it repeats at most.
pub const REPEATED: usize = 128;
/// Sums over all entries that it takes at most.
pub const SUMMED: usize = 64;

/// The same units, with regions beyond these bounds in halves until none is. Regions of lines stay whole, for what is one number
/// a line runs beside the lines.
pub fn divide(graph: &Graph, root: &[NodeId], floating: &[Option<NodeId>], units: Vec<Unit>) -> Vec<Unit> {
    // No region of fewer nodes is beyond a bound.
    let large =
        |unit: &Unit| unit.nodes().len() > SUMMED && !unit.nodes().iter().any(|&id| reduction(graph, id).is_some());
    if !units.iter().any(large) {
        return units;
    }
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); graph.len()];
    for id in graph.ids().filter(|id| root[id.index()] == *id) {
        graph.arguments(id).iter().for_each(|a| readers[root[a.index()].index()].push(id));
    }
    let mut required: FxHashSet<NodeId> = graph.outputs().iter().map(|id| root[id.index()]).collect();
    required.extend(graph.guards().iter().map(|g| root[g.node.index()]));
    let division = Division { graph, root, floating, readers, required };
    let mut divided = Vec::with_capacity(units.len());
    for unit in units {
        match &unit {
            Unit::Region(nodes) if large(&unit) => division.halve(nodes, &mut divided),
            _ => divided.push(unit),
        }
    }
    divided
}

struct Division<'g> {
    graph: &'g Graph,
    root: &'g [NodeId],
    floating: &'g [Option<NodeId>],
    /// Who reads each node.
    readers: Vec<Vec<NodeId>>,
    /// Outputs and guards.
    required: FxHashSet<NodeId>,
}

impl Division<'_> {
    fn halve(&self, nodes: &[NodeId], units: &mut Vec<Unit>) {
        // What floats stays before its reader.
        let middle = (nodes.len() / 2..nodes.len()).find(|&i| i > 0 && self.floating[nodes[i - 1].index()].is_none());
        match middle {
            Some(middle) if !self.fits(nodes) => {
                let (first, second) = nodes.split_at(middle);
                self.halve(first, units);
                self.halve(second, units);
            }
            _ => units.push(unit(self.graph, nodes.to_vec())),
        }
    }

    fn fits(&self, nodes: &[NodeId]) -> bool {
        let members: FxHashSet<NodeId> = nodes.iter().copied().collect();
        let count = |of: &dyn Fn(&NodeId) -> bool| nodes.iter().filter(|id| of(id)).count();
        let read: FxHashSet<NodeId> = nodes
            .iter()
            .flat_map(|&id| self.graph.arguments(id))
            .map(|a| self.root[a.index()])
            .filter(|source| !members.contains(source))
            .collect();
        let leaves = |id: &NodeId| {
            self.required.contains(id) || self.readers[id.index()].iter().any(|reader| !members.contains(reader))
        };
        read.len() <= READ
            && count(&|id| !is_total(self.graph, *id) && leaves(id)) <= WRITTEN
            && count(&|id| repeat(self.graph, *id).is_some_and(|way| way.long_run().is_none())) <= REPEATED
            && count(&|id| is_total(self.graph, *id)) <= SUMMED
    }
}

#[cfg(test)]
mod tests {
    use super::super::verify::verify_units;
    use super::*;

    #[test]
    fn a_region_that_writes_too_much_is_divided() {
        let mut text = String::from("%0 = input : [40]\n");
        for i in 1..=300 {
            text.push_str(&format!("%{i} = sin %{} : [40]\n", i - 1));
        }
        let outputs: Vec<String> = (1..=300).map(|i| format!("%{i}")).collect();
        let graph: Graph = format!("{text}return {}", outputs.join(", ")).parse().expect("the test's own text");
        let ids: Vec<NodeId> = graph.ids().collect();
        let whole = vec![Unit::Single(ids[0]), Unit::Region(ids[1..].to_vec())];
        let divided = divide(&graph, &ids, &vec![None; graph.len()], whole);
        assert_eq!(divided.iter().map(|unit| unit.nodes().len()).collect::<Vec<_>>(), [1, 75, 75, 75, 75]);
        assert_eq!(verify_units(&graph, &ids, &ids, &divided), Ok(()));
    }
}
