//! Programs as text for people: a line for each instruction, and the flow of values between them in the DOT language.

use super::memory::Space;
use super::program::{Instruction, Kind, Program};
use super::region::Compute;
use super::touched::{Place, Touched};
use crate::compile::Reduction;
use std::collections::{BTreeMap, BTreeSet};
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
        let mut writers = Writers::default();
        for (number, instruction) in self.instructions.iter().enumerate().take(SHOWN) {
            if number == self.split {
                writers.keep();
            }
            let form = if matches!(instruction.kind, Kind::Region(_) | Kind::Tiled(_) | Kind::Scalars(_)) {
                "box"
            } else {
                "ellipse"
            };
            let late = if number >= self.split && self.split > 0 { ", style=filled" } else { "" };
            let _ = writeln!(text, "  i{number} [label=\"{}\", shape={form}{late}];", self.name(instruction));
            let Touched { reads, writes } = Touched::by(instruction);
            let from: BTreeSet<usize> = reads.iter().filter_map(|place| writers.last(place)).collect();
            for by in from {
                let _ = writeln!(text, "  i{by} -> i{number};");
            }
            writes.into_iter().for_each(|place| writers.write(place, number));
        }
        text.push_str("}\n");
        text
    }
}

/// Which instruction wrote each place last: stretches that do not overlap, by where they start, each with its end.
#[derive(Default)]
struct Writers(BTreeMap<(Space, usize), (usize, usize)>);

impl Writers {
    /// The stretches that have an entry in common with a place, the last one first.
    fn within<'a>(&'a self, (space, range): &'a Place) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
        let until = self.0.range((*space, 0)..(*space, range.end)).rev();
        until.map(|(&(_, start), &(end, number))| (start, end, number)).take_while(|&(_, end, _)| end > range.start)
    }

    /// The instruction that wrote a place last.
    fn last(&self, place: &Place) -> Option<usize> {
        self.within(place).map(|(.., number)| number).max().filter(|_| !place.1.is_empty())
    }

    /// Notes who writes a place; of what lay across it, the rest stays.
    fn write(&mut self, place: Place, number: usize) {
        let over: Vec<_> = self.within(&place).collect();
        let (space, range) = place;
        for (start, end, by) in over {
            self.0.remove(&(space, start));
            if start < range.start {
                self.0.insert((space, start), (range.start, by));
            }
            if end > range.end {
                self.0.insert((space, range.end), (end, by));
            }
        }
        if !range.is_empty() {
            self.0.insert((space, range.start), (range.end, number));
        }
    }

    /// The arena so far is what a later phase finds kept.
    fn keep(&mut self) {
        let kept = std::mem::take(&mut self.0).into_iter().filter(|((space, _), _)| *space == Space::Arena);
        self.0 = kept.map(|((_, start), end)| ((Space::Kept, start), end)).collect();
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
    use super::{Space, Writers};
    use crate::{Function, Var};
    use ndarray::Array2;

    #[test]
    fn the_last_writer_of_a_place_is_found_entry_by_entry() {
        let (mut writers, mut plain) = (Writers::default(), [None; 40]);
        let mut random = 1_u32;
        let mut next = |below: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) as usize % below
        };
        for number in 0..500 {
            let start = next(40);
            let range = start..start + next(41 - start);
            plain[range.clone()].fill(Some(number));
            writers.write((Space::Arena, range), number);
            let start = next(40);
            let range = start..start + next(41 - start);
            let last = plain[range.clone()].iter().copied().max().flatten();
            assert_eq!(writers.last(&(Space::Arena, range.clone())), last, "{range:?} after {number}");
            assert_eq!(writers.last(&(Space::Kept, range)), None);
        }
        writers.keep();
        assert_eq!(writers.last(&(Space::Kept, 0..40)), plain.iter().copied().max().flatten());
        assert_eq!(writers.last(&(Space::Arena, 0..40)), None);
    }

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
