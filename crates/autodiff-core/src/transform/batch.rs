//! A leading axis of directions: one program for k directions at once, or for the sum over them.
//!
//! Only what depends on the batched variables gets the axis; everything else is computed once. Elementwise nodes broadcast,
//! structured ones state their own rule or are applied k times.

use super::span::Span;
use super::{Step, step};
use crate::graph::{NodeId, Primitive, Var};
use crate::primitive::{pointwise::pointwise, stack};
use crate::trace::{constant, peek, record_shared, sharing, within};
use rustc_hash::{FxHashMap, FxHashSet};
use std::panic::Location;
use std::sync::Arc;

/// The outputs for `k` values of some variables at once: for each `(variable, values)` the values have the shape of the
/// variable with a leading axis of length k, and so have the results.
pub fn batch(outputs: &[Var], variables: &[(Var, Var)], k: usize) -> Vec<Var> {
    batch_marked(outputs, &[], variables, k).0
}

/// [`batch`], and the nodes on the way that `marks` become: with the leading axis where they vary with the variables, else
/// themselves.
pub fn batch_marked(outputs: &[Var], marks: &[Var], variables: &[(Var, Var)], k: usize) -> (Vec<Var>, Vec<Var>) {
    sharing(|| {
        let targets = [outputs, marks].concat();
        let Some(mut batch) = Batch::new(&targets, variables, k) else {
            return (outputs.to_vec(), Vec::new());
        };
        batch.prepare(targets.iter().map(|v| v.node));
        let moved = |v: &Var| batch.batched.get(&v.node).copied().unwrap_or(*v);
        (outputs.iter().map(|&v| batch.of(v)).collect(), marks.iter().map(moved).collect())
    })
}

/// Variables with a leading axis, made as they are asked for.
pub(super) struct Batch {
    trace: u32,
    k: usize,
    pub span: Span,
    batched: FxHashMap<NodeId, Var>,
}

impl Batch {
    /// Nothing but the given values yet; `None` on a tape that is spoilt.
    pub fn new(outputs: &[Var], variables: &[(Var, Var)], k: usize) -> Option<Batch> {
        peek(|graph| {
            let sources: Vec<NodeId> = variables.iter().map(|(v, _)| v.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|v| v.node).collect();
            Batch {
                trace: outputs.first().map_or(0, |v| v.trace),
                k,
                span: Span::new(graph, &sources, &[], &targets, |_, _| true),
                batched: variables.iter().map(|(v, values)| (v.node, *values)).collect(),
            }
        })
    }

    /// Records these nodes with their leading axis, those of them that vary, and what they need.
    pub fn prepare(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        let mut wanted: FxHashSet<NodeId> = nodes.into_iter().filter(|&id| self.span.varies(id)).collect();
        let missing: Option<Vec<NodeId>> = peek(|graph| {
            let mut missing = Vec::new();
            for id in self.span.between().rev() {
                if wanted.contains(&id) && !self.batched.contains_key(&id) {
                    wanted.extend(graph.arguments(id).iter().filter(|&&a| self.span.varies(a)));
                    missing.push(id);
                }
            }
            missing
        });
        for node in missing.into_iter().flatten().rev() {
            let new = self.record(Var { trace: self.trace, node });
            self.batched.insert(node, new);
        }
    }

    /// A prepared variable with its leading axis; one that does not vary is repeated.
    pub fn of(&self, var: Var) -> Var {
        self.batched.get(&var.node).copied().unwrap_or_else(|| var.broadcast_to(&var.shape().with_leading(self.k)))
    }

    fn record(&self, var: Var) -> Var {
        let (step, args) = step(var);
        let has: Vec<bool> = args.iter().map(|a| self.batched.contains_key(&a.node)).collect();
        let moved: Vec<Var> = args.iter().map(|a| self.batched.get(&a.node).copied().unwrap_or(*a)).collect();
        in_scope_of(var, || match &step {
            Step::Row(row) => pointwise(*row, &moved, Location::caller()),
            Step::Primitive(p) => {
                p.batch(&moved, &has, self.k).unwrap_or_else(|| self.one_by_one(p, var, &moved, &has))
            }
            Step::Leaf => unreachable!("a leaf depends on nothing"),
        })
    }
    /// The primitive of a variable applied to each direction.
    fn one_by_one(&self, p: &Arc<dyn Primitive>, var: Var, operands: &[Var], batched: &[bool]) -> Var {
        if self.k == 0 {
            return constant(0.0).broadcast_to(&var.shape().with_leading(0));
        }
        let each: Vec<Var> = (0..self.k)
            .map(|direction| {
                let single: Vec<Var> =
                    operands.iter().zip(batched).map(|(v, &has)| if has { v.at(direction) } else { *v }).collect();
                record_shared(p.clone(), &single, Location::caller())
            })
            .collect();
        stack(&each, 0)
    }
}

/// Records in the part that is to be computed again to which `var` belongs, if it belongs to one.
pub(super) fn in_scope_of(var: Var, record: impl FnOnce() -> Var) -> Var {
    let scope = peek(|graph| graph.scope(var.node)).flatten();
    if scope.is_some() { within(scope, record) } else { record() }
}
