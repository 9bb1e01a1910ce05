//! A leading axis of directions: one program for k directions at once.
//!
//! Only what depends on the batched variables gets the axis; everything else is computed once. Elementwise nodes broadcast,
//! structured ones state their own rule or are applied k times.

use super::span::Span;
use super::{Step, step};
use crate::graph::{NodeId, Primitive, Var};
use crate::primitive::{pointwise::pointwise, stack};
use crate::trace::{peek, record_shared, sharing, within};
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

/// The outputs for `k` values of some variables at once: for each `(variable, values)` the values have the shape of the
/// variable with a leading axis of length k, and so have the results.
pub fn batch(outputs: &[Var], variables: &[(Var, Var)], k: usize) -> Vec<Var> {
    sharing(|| {
        let Some(order) = peek(|graph| {
            let sources: Vec<NodeId> = variables.iter().map(|(v, _)| v.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|v| v.node).collect();
            Span::new(graph, &sources, &[], &targets, |_, _| true).between().collect::<Vec<_>>()
        }) else {
            return outputs.to_vec();
        };
        let mut batched: HashMap<NodeId, Var> = variables.iter().map(|(v, values)| (v.node, *values)).collect();
        for node in order {
            if batched.contains_key(&node) {
                continue;
            }
            let (step, args) = step(Var { trace: outputs[0].trace, node });
            let has: Vec<bool> = args.iter().map(|a| batched.contains_key(&a.node)).collect();
            let moved: Vec<Var> = args.iter().map(|a| batched.get(&a.node).copied().unwrap_or(*a)).collect();
            let record = || match &step {
                Step::Row(row) => pointwise(*row, &moved, Location::caller()),
                Step::Primitive(p) => p.batch(&moved, &has, k).unwrap_or_else(|| one_by_one(p, &moved, &has, k)),
                Step::Leaf => unreachable!("a leaf depends on nothing"),
            };
            // A part that is to be computed again is so with all directions.
            let scope = peek(|graph| graph.scope(node)).flatten();
            let new = if scope.is_some() { within(scope, record) } else { record() };
            batched.insert(node, new);
        }
        outputs
            .iter()
            .map(|v| batched.get(&v.node).copied().unwrap_or_else(|| v.broadcast_to(&v.shape().with_leading(k))))
            .collect()
    })
}

/// The primitive applied to each direction.
fn one_by_one(p: &Arc<dyn Primitive>, operands: &[Var], batched: &[bool], k: usize) -> Var {
    let each: Vec<Var> = (0..k)
        .map(|direction| {
            let single: Vec<Var> =
                operands.iter().zip(batched).map(|(v, &has)| if has { v.at(direction) } else { *v }).collect();
            record_shared(p.clone(), &single, Location::caller())
        })
        .collect();
    stack(&each, 0)
}
