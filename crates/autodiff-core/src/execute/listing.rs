//! Programs as text for people: a line for each instruction, and the flow of values between them in the DOT language.

use super::memory::Space;
use super::program::{Instruction, Kind, Program};
use super::region::Compute;
use super::touched::{Place, Touched, overlap};
use crate::compile::Reduction;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Instructions that are shown at most.
const SHOWN: usize = 400;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, instruction) in self.instructions.iter().enumerate().take(SHOWN) {
            if number == self.split && number > 0 {
                writeln!(f, "for every direction:")?;
            }
            write!(f, "{number:4}  {}", self.name(instruction))?;
            match &instruction.kind {
                Kind::Region(region) => {
                    write!(f, ", {} read, {} written", region.arrays.len(), region.stores.len())?;
                }
                _ => {
                    for operand in &instruction.operands {
                        write!(f, " {}", self.shapes[operand.shape])?;
                    }
                }
            }
            writeln!(f)?;
        }
        match self.instructions.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "      and {more} more"),
        }
    }
}

impl Program {
    /// What an instruction does, in few words.
    fn name(&self, instruction: &Instruction) -> String {
        match &instruction.kind {
            Kind::Row(row) => row.name().into(),
            Kind::Primitive(p) => p.name().into(),
            Kind::Guard(expected) => format!("guard {expected}"),
            Kind::Entry => "entry".into(),
            Kind::Scalars(scalars) => format!("{} operations on single numbers", scalars.len()),
            Kind::Tiled(tiled) => {
                let names: Vec<String> = tiled.instructions.iter().map(|one| self.name(one)).collect();
                format!("by {} of {} rows: {}", tiled.block, tiled.rows, names.join("; "))
            }
            Kind::Pair(pair) => {
                let [first, second] = &pair.instructions;
                format!("at once: {}; {}", self.name(first), self.name(second))
            }
            Kind::Region(region) => {
                let steps: Vec<&str> = region.steps.iter().map(|step| step_name(&step.compute)).collect();
                let lines = if region.line > 1 { format!(", lines of {}", region.line) } else { String::new() };
                format!("region of {}{lines}: {}", region.length, steps.join(" "))
            }
        }
    }

    /// The instructions in the DOT language of Graphviz: boxes are regions, ellipses single operations, filled ones depend on
    /// the direction; arrows carry what one writes and another reads.
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph program {\n  rankdir=TB;\n  node [fontname=\"monospace\"];\n");
        // Who wrote a place last; a place in the arena of the early phase is what the late phase keeps.
        let mut writers: Vec<(Place, usize)> = Vec::new();
        for (number, instruction) in self.instructions.iter().enumerate().take(SHOWN) {
            if number == self.split {
                writers.iter_mut().for_each(|((space, _), _)| *space = Space::Kept);
            }
            let form = if matches!(instruction.kind, Kind::Region(_) | Kind::Tiled(_) | Kind::Scalars(_)) {
                "box"
            } else {
                "ellipse"
            };
            let late = if number >= self.split && self.split > 0 { ", style=filled" } else { "" };
            let _ = writeln!(text, "  i{number} [label=\"{}\", shape={form}{late}];", self.name(instruction));
            let Touched { reads, writes } = Touched::by(instruction);
            let last = |place: &Place| writers.iter().rev().find(|(written, _)| overlap(written, place));
            let from: BTreeSet<usize> = reads.iter().filter_map(last).map(|(_, by)| *by).collect();
            for by in from {
                let _ = writeln!(text, "  i{by} -> i{number};");
            }
            writers.extend(writes.into_iter().map(|place| (place, number)));
        }
        text.push_str("}\n");
        text
    }
}

fn step_name(compute: &Compute) -> &'static str {
    match compute {
        Compute::Row(row, _) => row.name(),
        Compute::Chain(..) => "chain",
        Compute::Repeat(..) => "repeat",
        Compute::Total(..) | Compute::Reduce(Reduction::Sum, _) => "sum",
        Compute::Reduce(Reduction::Maximum, _) => "maximum",
        Compute::Spread(_) => "spread",
    }
}

#[cfg(test)]
mod tests {
    use crate::{Function, Var};
    use ndarray::Array2;

    #[test]
    fn an_arrow_leads_from_what_a_product_is_added_to() {
        let square = |scale: f64| Array2::from_shape_fn((40, 40), |(i, j)| scale * (i as f64 - j as f64));
        let product = |x: &Var, (a, b): &(Var, Var)| (a.matmul(*x) + x.matmul(*b)).sin().sum();
        let f = Function::with_data(product, &(square(0.01), square(0.02)));
        let dot = f.explain(&square(0.03)).unwrap().plan_dot;
        let number = |name: &str| {
            let label = format!("[label=\"{name}\"");
            let line = dot.lines().find(|line| line.contains(&label)).unwrap_or_else(|| panic!("{name} in\n{dot}"));
            line.split_whitespace().next().unwrap().to_string()
        };
        let (plain, onto) = (number("matmul"), number("matmul_onto"));
        assert!(dot.contains(&format!("{plain} -> {onto};")), "{dot}");
        let reads = dot.lines().filter(|line| line.trim_end().ends_with(&format!("-> {onto};"))).count();
        assert_eq!(reads, 1, "{dot}");
    }

    #[test]
    fn an_arrow_leads_to_single_numbers_from_what_they_read() {
        // Entries of an array, single numbers of these, an array with one of them, and single numbers again.
        let f = Function::new(|x: &Var| {
            let wave = (*x * 3.0).sin();
            let scale = (wave.at(7) * wave.at(8) + 1.0).exp();
            let total = (wave * scale).cos().sum();
            (total * scale + 2.0).sin() * total
        });
        f.prepare(&ndarray::Array1::from_elem(100, 0.3)).unwrap();
        let dot = f.explain(&ndarray::Array1::from_elem(100, 0.3)).unwrap().plan_dot;
        let blocks: Vec<&str> = dot
            .lines()
            .filter(|line| line.contains("on single numbers"))
            .map(|line| line.split_whitespace().next().expect("a number"))
            .collect();
        assert!(blocks.len() >= 2, "{dot}");
        for block in blocks {
            assert!(dot.contains(&format!("-> {block};")), "{block} reads nothing\n{dot}");
            assert!(!dot.contains(&format!("{block} -> {block};")), "{dot}");
        }
    }
}
