//! Reverse mode: the transpose of the tangent.

use super::{tangent, transpose};
use crate::graph::Var;
use crate::trace::hole;

/// Cotangents of `inputs` when each output has the given cotangent: Σ (∂output/∂input)ᵀ cotangent, `None` where zero.
///
/// An input that other nodes lie before is cut there: the derivative is with respect to that node. Costs at most a small
/// constant times the operations between inputs and outputs, whatever the number of inputs.
pub fn adjoint(outputs: &[(Var, Var)], inputs: &[Var]) -> Vec<Option<Var>> {
    let placeholders: Vec<Var> = inputs.iter().map(|v| hole(v.shape())).collect();
    let moves: Vec<(Var, Option<Var>)> = inputs.iter().copied().zip(placeholders.iter().copied().map(Some)).collect();
    let values: Vec<Var> = outputs.iter().map(|&(y, _)| y).collect();
    let tangents = tangent(&values, &moves);
    let linear: Vec<(Var, Var)> =
        tangents.into_iter().zip(outputs).filter_map(|(t, &(_, c))| t.map(|t| (t, c))).collect();
    transpose(&linear, &placeholders)
}
