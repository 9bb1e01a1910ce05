//! Numbers of nodes while tracing, at the precision of the point.
//!
//! As long as every node is a scalar with a number, its number is computed as it is recorded: branches look it up, and a
//! sweep starts from there. From the first array or input without numbers on, numbers are computed when a branch asks for
//! them.

use crate::error::{Error, Place, Result};
use crate::graph::{Executable, Graph, NodeId, Operation, Step};
use crate::real::{Precision, Row};
use crate::tensor::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// Known numbers of a tape, by node. Single-precision numbers are kept widened, which is exact.
pub struct Numbers {
    precision: Precision,
    /// Numbers of the first nodes, which are scalars.
    scalars: Vec<f64>,
    /// Those of later nodes, as far as they were asked for.
    known: Vec<Option<Arc<[f64]>>>,
}

impl Numbers {
    pub fn new(precision: Precision) -> Numbers {
        Numbers { precision, scalars: Vec::new(), known: Vec::new() }
    }

    /// Memory for the numbers of scalars.
    pub fn lend(&mut self, mut memory: Vec<f64>) {
        debug_assert!(self.scalars.is_empty(), "lent before anything is recorded");
        memory.clear();
        self.scalars = memory;
    }

    /// The numbers of an input that was just recorded.
    pub fn set(&mut self, id: NodeId, numbers: Arc<[f64]>) {
        if self.known.len() <= id.index() {
            self.known.resize(id.index() + 1, None);
        }
        self.known[id.index()] = Some(numbers);
    }

    /// The number of a scalar input that was just recorded.
    pub fn set_scalar(&mut self, id: NodeId, number: f64) {
        if id.index() == self.scalars.len() {
            self.scalars.push(self.rounded(number));
        } else {
            self.set(id, Arc::from([number]));
        }
    }

    fn rounded(&self, number: f64) -> f64 {
        match self.precision {
            Precision::Single => f64::from(number as f32),
            Precision::Double => number,
        }
    }

    /// Computes the number of a row that was just recorded, if those of all nodes before it are known.
    #[inline(always)]
    pub fn compute<const N: usize>(&mut self, id: NodeId, row: Row, args: [NodeId; N]) {
        if id.index() == self.scalars.len() {
            let mut operands = [0.0; N];
            for i in 0..N {
                operands[i] = self.scalars[args[i].index()];
            }
            let number = match self.precision {
                Precision::Double => row.value(&operands),
                Precision::Single => single(row, &operands),
            };
            self.scalars.push(number);
        }
    }

    /// The same of the last node of a graph, whatever it is.
    pub fn follow(&mut self, graph: &Graph) {
        if graph.len() != self.scalars.len() + 1 {
            return;
        }
        let id = NodeId::from_index(self.scalars.len());
        match graph.step(id) {
            Step::One(row, a) => self.compute(id, row, [a]),
            Step::Two(row, a, b) => self.compute(id, row, [a, b]),
            Step::Select(mask, a, b) => self.compute(id, Row::Select, [mask, a, b]),
            Step::Constant(c) => self.scalars.push(self.rounded(c)),
            // Nothing live depends on it.
            Step::Hole => self.scalars.push(f64::NAN),
            Step::Input(_) | Step::Other => {}
        }
    }

    /// The number of a node that was computed when it was recorded.
    #[inline]
    pub fn scalar(&self, id: NodeId) -> Option<f64> {
        self.scalars.get(id.index()).copied()
    }

    /// Whether all nodes of the graph are scalars whose numbers were computed when they were recorded.
    #[inline]
    pub fn are_complete(&self, graph: &Graph) -> bool {
        self.scalars.len() == graph.len()
    }

    /// The numbers of all nodes in order, if [complete](Numbers::are_complete).
    pub fn take_scalars(&mut self, graph: &Graph) -> Option<Vec<f64>> {
        self.are_complete(graph).then(|| std::mem::take(&mut self.scalars))
    }

    /// The first number of a node, computing what is missing; `None` if it rests on an input without numbers.
    ///
    /// Each node is computed once in the life of the tape.
    pub fn of(&mut self, graph: &Graph, id: NodeId, place: Place) -> Result<Option<f64>> {
        if let Some(number) = self.scalar(id) {
            return Ok(Some(number));
        }
        self.known.resize(graph.len().max(self.known.len()), None);
        let mut pending = vec![id];
        while let Some(&next) = pending.last() {
            if self.is_known(next) {
                pending.pop();
                continue;
            }
            let args = graph.arguments(next);
            let missing = pending.len();
            pending.extend(args.iter().filter(|a| !self.is_known(**a)));
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
        Ok(self.at(id).first().copied())
    }

    fn is_known(&self, id: NodeId) -> bool {
        id.index() < self.scalars.len() || self.known[id.index()].is_some()
    }

    fn at(&self, id: NodeId) -> &[f64] {
        match self.scalars.get(id.index()) {
            Some(number) => std::slice::from_ref(number),
            None => self.known[id.index()].as_ref().expect("arguments are computed first"),
        }
    }
}

/// The value of a row in single precision.
#[inline(never)]
fn single(row: Row, args: &[f64]) -> f64 {
    let args: SmallVec<[f32; 3]> = args.iter().map(|&a| a as f32).collect();
    f64::from(row.value(&args))
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
