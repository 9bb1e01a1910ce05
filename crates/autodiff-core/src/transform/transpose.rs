//! The transpose of a linear map: from placeholders to variables forwards, from cotangents to cotangents backwards.
//!
//! A tangent is linear in its directions, and every node on the way is one of a few kinds: linear, bilinear with one factor
//! that does not depend on the directions, or a division or solve with such a denominator. Each knows its transpose. A
//! variable used twice receives the sum of what comes back. Source: Radul et al., "You Only Linearize Once", 2023.

use super::span::Span;
use super::{Step, add, step};
use crate::graph::{NodeId, Var};
use crate::primitive::{Slice, transpose_slices};
use crate::real::Row;
use crate::trace::{constant, peek, record_row, sharing};
use std::any::Any;
use std::panic::Location;

/// For each placeholder its cotangent, when each of the linear `outputs` has the given cotangent.
///
/// `None` where nothing depends on it. Costs the same operations as the map, transposed, plus one addition for every
/// further use of a variable.
///
/// # Panics
/// If the outputs are not linear in the placeholders, which is a bug of whoever made them.
pub fn transpose(outputs: &[(Var, Var)], placeholders: &[Var]) -> Vec<Option<Var>> {
    sharing(|| {
        let Some(span) = peek(|graph| {
            let sources: Vec<NodeId> = placeholders.iter().map(|v| v.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|(y, _)| y.node).collect();
            // Any argument can carry the dependence here: the rules check that it enters linearly.
            Span::new(graph, &sources, &[], &targets, |_, _| true)
        }) else {
            return vec![None; placeholders.len()];
        };
        let mut cotangents =
            Cotangents { first: span.first(), parts: vec![Parts::default(); span.end().saturating_sub(span.first())] };
        for &(output, cotangent) in outputs {
            if span.varies(output.node) {
                cotangents.of(output.node).add(cotangent);
            }
        }
        let trace = placeholders.first().map_or(0, |v| v.trace);
        for node in span.between().rev() {
            let Some(cotangent) = cotangents.of(node).take(Var { trace, node }) else { continue };
            let (step, args) = step(Var { trace, node });
            let carriers = args.iter().filter(|a| span.varies(a.node)).count();
            let all = match &step {
                Step::Primitive(p) if carriers > 1 => p.transpose_all(cotangent, &args),
                _ => None,
            };
            for (i, arg) in args.iter().enumerate().filter(|(_, arg)| span.varies(arg.node)) {
                let parts = cotangents.of(arg.node);
                match (&step, &all) {
                    (_, Some(all)) => parts.add(all[i]),
                    (Step::Row(row), _) => parts.add(transpose_row(*row, i, cotangent, &args, carriers > 1)),
                    (Step::Primitive(p), _) => match (&**p as &dyn Any).downcast_ref::<Slice>() {
                        Some(slice) => parts.slices.push((slice.clone(), cotangent)),
                        None => {
                            assert!(p.is_linear_in(i), "{} is not linear in operand {i}", p.name());
                            parts.add(p.transpose(i, cotangent, &args));
                        }
                    },
                    (Step::Leaf, _) => unreachable!("a leaf has no arguments"),
                }
            }
            // A placeholder keeps its cotangent, whole, for the caller.
            cotangents.of(node).add(cotangent);
        }
        let mut whole = |v: &Var| if span.varies(v.node) { cotangents.of(v.node).plain } else { None };
        placeholders.iter().map(&mut whole).collect()
    })
}

/// What came back to a node so far.
#[derive(Clone, Default)]
struct Parts {
    /// The running sum.
    plain: Option<Var>,
    /// Cotangents of slices of the node, put together at once: a vector read entry by entry costs its length, not its square.
    slices: Vec<(Slice, Var)>,
}

impl Parts {
    fn add(&mut self, part: Var) {
        self.plain = Some(self.plain.map_or(part, |sum| sum + part));
    }

    /// The sum, which is then forgotten; `None` if nothing came back.
    fn take(&mut self, of: Var) -> Option<Var> {
        let parts = std::mem::take(self);
        let sliced = if parts.slices.is_empty() { None } else { Some(transpose_slices(&of.shape(), parts.slices)) };
        add(parts.plain, sliced)
    }
}

/// Parts of the nodes of a span.
struct Cotangents {
    first: usize,
    parts: Vec<Parts>,
}

impl Cotangents {
    fn of(&mut self, id: NodeId) -> &mut Parts {
        &mut self.parts[id.index() - self.first]
    }
}

/// Contribution to the cotangent of operand `i` of an elementwise node.
fn transpose_row(row: Row, i: usize, c: Var, args: &[Var], others_vary: bool) -> Var {
    let strong = |row| move |a: Var, b: Var| record_row(row, &[a, b], Location::caller());
    match (row, i) {
        (Row::Neg, _) | (Row::Sub, 1) => -c,
        (Row::Add, _) | (Row::Sub, _) => c,
        (Row::Mul, _) if !others_vary => c * args[1 - i],
        (Row::StrongMul, _) if !others_vary => strong(Row::StrongMul)(c, args[1 - i]),
        (Row::Div, 0) if !others_vary => c / args[1],
        (Row::StrongDiv, 0) if !others_vary => strong(Row::StrongDiv)(c, args[1]),
        (Row::Select, 1) => args[0].select(c, constant(0.0)),
        (Row::Select, 2) => args[0].select(constant(0.0), c),
        _ => panic!("{} does not depend linearly on operand {i}", row.name()),
    }
}
