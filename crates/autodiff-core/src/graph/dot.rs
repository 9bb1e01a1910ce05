//! Export to Graphviz.

use super::{Graph, Operation};
use std::fmt::Write;

impl Graph {
    /// The live part of the graph in the DOT language of Graphviz: boxes are inputs, ellipses operations, arrows the flow of
    /// numbers; outputs have a double border, guards a dashed one.
    pub fn to_dot(&self) -> String {
        let live = self.live();
        let mut text = String::from("digraph jetgrad {\n  rankdir=TB;\n  node [fontname=\"monospace\"];\n");
        for id in self.ids().filter(|id| live[id.index()]) {
            let operation = self.operation(id);
            let label = match &operation {
                Operation::Input(i) => format!("input {i}"),
                Operation::Constant(c) => format!("{c:?}"),
                other => other.name().to_string(),
            };
            let form = match operation {
                Operation::Input(_) => "box",
                Operation::Constant(_) | Operation::Tensor(_) => "plaintext",
                _ => "ellipse",
            };
            let border = if self.outputs.contains(&id) { ", peripheries=2" } else { "" };
            let guard = if self.guards.iter().any(|g| g.node == id) { ", style=dashed" } else { "" };
            let _ = writeln!(
                text,
                "  n{0} [label=\"%{0} {label}\\n{1}\", shape={form}{border}{guard}];",
                id.index(),
                self.shape(id)
            );
            for arg in self.arguments(id) {
                let _ = writeln!(text, "  n{} -> n{};", arg.index(), id.index());
            }
        }
        text.push_str("}\n");
        text
    }
}
