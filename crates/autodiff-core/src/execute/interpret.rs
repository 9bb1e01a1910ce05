//! The obvious evaluator: every node in order, each into memory of its own. Slow, and the oracle of the tests.

use crate::error::{Error, Result};
use crate::graph::{Executable, Fault, Graph, NodeId, Operation};
use crate::tensor::View;

/// Numbers of the outputs for the given numbers of the inputs; guards are not looked at.
///
/// # Errors
/// An input of the wrong length, or an index outside its axis.
pub fn interpret<T: Executable>(graph: &Graph, inputs: &[&[T]]) -> Result<Vec<Vec<T>>> {
    let mut values: Vec<Vec<T>> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let shape = graph.shape(id);
        let mut out = vec![T::zero(); shape.size()];
        let args = graph.arguments(id);
        match graph.operation(id) {
            Operation::Input(i) => {
                let given = inputs.get(i).copied().unwrap_or(&[]);
                if given.len() != out.len() {
                    let (expected, found) = (out.len(), given.len());
                    return Err(Error::Length { operator: "interpret", argument: "an input", expected, found });
                }
                out.copy_from_slice(given);
            }
            Operation::Constant(c) => out[0] = T::from_f64(c),
            Operation::Tensor(t) => {
                for (y, &c) in out.iter_mut().zip(t.data()) {
                    *y = T::from_f64(c);
                }
            }
            Operation::Hole => {}
            Operation::Row(row) => {
                let operands: Vec<&[T]> = args.iter().map(|a| values[a.index()].as_slice()).collect();
                // One entry is computed as a program computes it; vectorised functions differ from it in last places.
                if let [y] = &mut out[..] {
                    let entry = |i: usize| operands.get(i).map_or_else(T::zero, |x| x[0]);
                    *y = row.value(&[entry(0), entry(1), entry(2)]);
                } else {
                    row.map(&operands, &mut out);
                }
            }
            Operation::Primitive(p) => {
                let view = |a: &NodeId| View { shape: graph.shape(*a), data: &values[a.index()] };
                let operands: Vec<View<'_, T>> = args.iter().map(view).collect();
                let shapes: Vec<_> = operands.iter().map(|v| v.shape).collect();
                let mut scratch = vec![T::zero(); p.scratch(&shapes, 1)];
                T::evaluate(&**p, &operands, &mut out, &mut scratch).map_err(|fault| fault_error(p.name(), fault))?;
            }
        }
        values.push(out);
    }
    Ok(graph.outputs().iter().map(|id| values[id.index()].clone()).collect())
}

/// The error of an index outside its axis.
pub(super) fn fault_error(operation: &'static str, fault: Fault) -> Error {
    Error::Index { operation, index: fault.index, position: fault.position, length: fault.length }
}
