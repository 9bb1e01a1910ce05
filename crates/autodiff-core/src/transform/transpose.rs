//! The transpose of a linear map: from placeholders to variables forwards, from cotangents to cotangents backwards.
//!
//! A tangent is linear in its directions, and every node on the way is one of a few kinds: linear, bilinear with one factor
//! that does not depend on the directions, or a division or solve with such a denominator. Each knows its transpose. A
//! variable used twice receives the sum of what comes back. Source: Radul et al., "You Only Linearize Once", 2023.

use super::{Step, add, needed, step, varying};
use crate::graph::{NodeId, Var};
use crate::real::Row;
use crate::trace::{constant, peek, record_row, sharing};
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
        let Some((order, depends)) = peek(|graph| {
            let sources: Vec<NodeId> = placeholders.iter().map(|v| v.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|(y, _)| y.node).collect();
            // Any argument can carry the dependence here: the rules check that it enters linearly.
            let depends = varying(graph, &sources, |_, _, _| true);
            let needed = needed(graph, &targets, &sources);
            let order: Vec<NodeId> = graph.ids().rev().filter(|id| depends[id.index()] && needed[id.index()]).collect();
            (order, depends)
        }) else {
            return vec![None; placeholders.len()];
        };
        let mut cotangents: Vec<Option<Var>> = vec![None; depends.len()];
        for &(output, cotangent) in outputs {
            if depends[output.node.index()] {
                let sum = &mut cotangents[output.node.index()];
                *sum = add(*sum, Some(cotangent));
            }
        }
        let trace = placeholders.first().map_or(0, |v| v.trace);
        for node in order {
            let Some(cotangent) = cotangents[node.index()] else {
                continue;
            };
            let (step, args) = step(Var { trace, node });
            for (i, arg) in args.iter().enumerate() {
                if depends[arg.node.index()] {
                    let others_vary = args.iter().enumerate().any(|(j, a)| j != i && depends[a.node.index()]);
                    let part = match &step {
                        Step::Row(row) => transpose_row(*row, i, cotangent, &args, others_vary),
                        Step::Primitive(p) => {
                            assert!(p.is_linear_in(i), "{} is not linear in operand {i}", p.name());
                            p.transpose(i, cotangent, &args)
                        }
                        Step::Leaf => unreachable!("a leaf has no arguments"),
                    };
                    let sum = &mut cotangents[arg.node.index()];
                    *sum = add(*sum, Some(part));
                }
            }
        }
        placeholders.iter().map(|v| cotangents.get(v.node.index()).copied().flatten()).collect()
    })
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
