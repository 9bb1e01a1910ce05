//! Reverse mode: the transpose of the tangent.

use super::{tangent, transpose};
use crate::graph::{NodeId, Var};
use crate::trace::hole;
use rustc_hash::FxHashMap;

/// Cotangents of `inputs` when each output has the given cotangent: Σ (∂output/∂input)ᵀ cotangent, `None` where zero.
///
/// An input that other nodes lie before is cut there: the derivative is with respect to that node. Costs at most a small
/// constant times the operations between inputs and outputs, whatever the number of inputs.
pub fn adjoint(outputs: &[(Var, Var)], inputs: &[Var]) -> Vec<Option<Var>> {
    // A variable that is listed twice is one variable: each mention gets its whole cotangent.
    let mut placeholders: Vec<Var> = Vec::with_capacity(inputs.len());
    let mut moves: Vec<(Var, Option<Var>)> = Vec::with_capacity(inputs.len());
    let mut seen: FxHashMap<NodeId, Var> = FxHashMap::default();
    for &input in inputs {
        let placeholder = *seen.entry(input.node).or_insert_with(|| {
            let placeholder = hole(input.shape());
            moves.push((input, Some(placeholder)));
            placeholder
        });
        placeholders.push(placeholder);
    }
    let values: Vec<Var> = outputs.iter().map(|&(y, _)| y).collect();
    let tangents = tangent(&values, &moves);
    let linear: Vec<(Var, Var)> =
        tangents.into_iter().zip(outputs).filter_map(|(t, &(_, c))| t.map(|t| (t, c))).collect();
    transpose(&linear, &placeholders)
}
