//! Numbers of nodes while tracing: computed when a branch asks for them, at the precision of the point.

use crate::error::{Error, Place, Result};
use crate::graph::{Executable, Graph, NodeId, Operation};
use crate::real::Precision;
use crate::tensor::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// Known numbers of a tape, by node. Single-precision numbers are kept widened, which is exact.
pub struct Numbers {
    precision: Precision,
    known: Vec<Option<Arc<[f64]>>>,
}

impl Numbers {
    pub fn new(precision: Precision) -> Numbers {
        Numbers { precision, known: Vec::new() }
    }

    pub fn set(&mut self, id: NodeId, numbers: Arc<[f64]>) {
        if self.known.len() <= id.index() {
            self.known.resize(id.index() + 1, None);
        }
        self.known[id.index()] = Some(numbers);
    }

    /// The numbers of a node, computing what is missing; `None` if they rest on an input without numbers.
    ///
    /// Each node is computed once in the life of the tape.
    pub fn of(&mut self, graph: &Graph, id: NodeId, place: Place) -> Result<Option<Arc<[f64]>>> {
        self.known.resize(graph.len().max(self.known.len()), None);
        let mut pending = vec![id];
        while let Some(&next) = pending.last() {
            if self.known[next.index()].is_some() {
                pending.pop();
                continue;
            }
            let args = graph.arguments(next);
            let missing = pending.len();
            pending.extend(args.iter().filter(|a| self.known[a.index()].is_none()));
            if pending.len() > missing {
                continue;
            }
            let numbers = match graph.operation(next) {
                Operation::Constant(c) => Arc::from([c]),
                Operation::Tensor(t) => Arc::from(t.data()),
                Operation::Input(_) | Operation::Hole => return Ok(None),
                _ => match self.precision {
                    Precision::Single => {
                        let narrowed: SmallVec<[Vec<f32>; 3]> =
                            args.iter().map(|a| self.at(*a).iter().map(|&x| x as f32).collect()).collect();
                        let operands: SmallVec<[&[f32]; 3]> = narrowed.iter().map(Vec::as_slice).collect();
                        compute(graph, next, &operands, place)?.iter().map(|&y| f64::from(y)).collect()
                    }
                    Precision::Double => {
                        let operands: SmallVec<[&[f64]; 3]> = args.iter().map(|a| self.at(*a)).collect();
                        compute(graph, next, &operands, place)?.into()
                    }
                },
            };
            self.known[next.index()] = Some(numbers);
            pending.pop();
        }
        Ok(self.known[id.index()].clone())
    }

    fn at(&self, id: NodeId) -> &[f64] {
        self.known[id.index()].as_ref().expect("arguments are computed first")
    }
}

/// The numbers of a node from those of its arguments.
fn compute<T: Executable>(graph: &Graph, id: NodeId, operands: &[&[T]], place: Place) -> Result<Vec<T>> {
    let mut out = vec![T::zero(); graph.shape(id).size()];
    match graph.operation(id) {
        Operation::Row(row) => row.map(operands, &mut out),
        Operation::Primitive(p) => {
            let shapes: SmallVec<[_; 3]> = graph.arguments(id).iter().map(|&a| graph.shape(a)).collect();
            let views: SmallVec<[View<'_, T>; 3]> =
                shapes.iter().zip(operands).map(|(shape, data)| View { shape, data }).collect();
            let mut scratch = vec![T::zero(); p.scratch(&shapes)];
            T::evaluate(&**p, &views, &mut out, &mut scratch).map_err(|fault| Error::Operation {
                operation: p.name().into(),
                message: fault.to_string(),
                location: place,
            })?;
        }
        _ => unreachable!("constants and inputs have no arguments to compute from"),
    }
    Ok(out)
}
