//! Numbers of nodes while tracing, at the precision of the point.
//!
//! As long as every node is a scalar with a number, its number is computed as it is recorded: branches look it up, and a
//! sweep starts from there. From the first array or input without numbers on, numbers are computed when a branch asks for
//! them.

use crate::error::{Error, Place, Result};
use crate::graph::{Executable, Graph, NodeId, Operation, SHORT_IDS, Step};
use crate::real::{Class, Precision, Row};
use crate::tensor::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// Places for numbers that are made at once: so few that they are in the cache when they are used.
const PLACES: usize = 1024;

/// No places are made ahead from here on: the argument of a node that is recorded in a hurry has a short number.
const END: usize = SHORT_IDS;

/// Known numbers of a tape, by node. Single-precision numbers are kept widened, which is exact.
pub struct Numbers {
    precision: Precision,
    /// Numbers of the first nodes, which are scalars; places for more of them follow.
    scalars: Vec<f64>,
    /// How many nodes those are, but for those whose numbers were [put](Numbers::put) since they were counted.
    count: usize,
    /// Those of later nodes, as far as they were asked for.
    known: Vec<Option<Arc<[f64]>>>,
}

impl Numbers {
    pub fn new(precision: Precision) -> Numbers {
        Numbers { precision, scalars: Vec::new(), count: 0, known: Vec::new() }
    }

    /// Memory for the numbers of scalars.
    pub fn lend(&mut self, mut memory: Vec<f64>) {
        debug_assert_eq!(self.count, 0, "lent before anything is recorded");
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

    /// Numbers of scalar inputs, the first of which is `first`, that were just recorded.
    pub fn set_scalars(&mut self, first: usize, numbers: impl Iterator<Item = f64>) {
        let precision = self.precision;
        let numbers = numbers.map(|number| rounded(number, precision));
        if first == self.count {
            self.scalars.truncate(first);
            self.scalars.extend(numbers);
            self.count = self.scalars.len();
        } else {
            numbers.enumerate().for_each(|(i, number)| self.set(NodeId::from_index(first + i), Arc::from([number])));
        }
    }

    /// The number of the next node.
    #[inline]
    fn push(&mut self, number: f64) {
        if self.count == self.scalars.len() {
            let places = END.saturating_sub(self.count).clamp(1, PLACES);
            // The vector sees to it that it is rarely moved.
            self.scalars.resize(self.count + places, 0.0);
        }
        self.scalars[self.count] = number;
        self.count += 1;
    }

    /// A number as the precision has it.
    #[inline(always)]
    pub fn rounded(&self, number: f64) -> f64 {
        rounded(number, self.precision)
    }

    /// The value of a row that node `id` is to be; `None` if there is no place for it, or if it is a smooth function in single
    /// precision. Only where the numbers of all nodes before it are known.
    #[inline(always)]
    pub fn value_of<const N: usize>(&self, id: usize, row: Row, args: [NodeId; N]) -> Option<f64> {
        let mut operands = [0.0; N];
        for i in 0..N {
            operands[i] = *self.scalars.get(args[i].index())?;
        }
        self.value_at(id, row, operands)
    }

    /// [`value_of`](Numbers::value_of) with a constant as second operand.
    #[inline(always)]
    pub fn value_by(&self, id: usize, row: Row, a: NodeId, c: f64) -> Option<f64> {
        let operands = [*self.scalars.get(a.index())?, self.rounded(c)];
        self.value_at(id, row, operands)
    }

    #[inline(always)]
    fn value_at<const N: usize>(&self, id: usize, row: Row, operands: [f64; N]) -> Option<f64> {
        if !self.has_place(id) {
            return None;
        }
        match self.precision {
            Precision::Double => Some(row.value(&operands)),
            // Rounded twice is as rounded once: 53 bits are more than twice 24 and one (Figueroa 1995). What has no derivative
            // is exact, as is what a `select` chooses.
            Precision::Single if row.class() != Class::Smooth => Some(f64::from(row.value(&operands) as f32)),
            Precision::Single => None,
        }
    }

    /// Whether there is a place for the number of node `id`.
    #[inline(always)]
    pub fn has_place(&self, id: usize) -> bool {
        id < self.scalars.len()
    }

    /// Puts the number of node `id` in its place, without counting it: where every node gets one, [`catch_up`](Numbers::catch_up)
    /// counts them together.
    #[inline(always)]
    pub fn put(&mut self, id: usize, number: f64) {
        if let Some(place) = self.scalars.get_mut(id) {
            *place = number;
        }
    }

    /// Counts the numbers of all nodes, which were put in their places.
    #[inline]
    pub fn catch_up(&mut self, graph: &Graph) {
        self.count = graph.len();
    }

    /// Computes the number of the next node, a row.
    fn compute<const N: usize>(&mut self, row: Row, args: [NodeId; N]) {
        let operands = args.map(|a| self.scalars[a.index()]);
        self.push(match self.precision {
            Precision::Double => row.value(&operands),
            Precision::Single => single(row, &operands),
        });
    }

    /// Computes the number of the last node of a graph, if those of all nodes before it are known.
    pub fn follow(&mut self, graph: &Graph) {
        if graph.len() != self.count + 1 {
            return;
        }
        match graph.step(NodeId::from_index(self.count)) {
            Step::Row(row, args) | Step::ByConstant(row, args) => self.compute(row, args),
            Step::Select(mask, a, b) => self.compute(Row::Select, [mask, a, b]),
            Step::Constant(c) => self.push(self.rounded(c)),
            // Nothing live depends on it.
            Step::Hole => self.push(f64::NAN),
            Step::Input(_) | Step::Other => {}
        }
    }

    /// The number of a node that was computed when it was recorded.
    #[inline]
    pub fn scalar(&self, id: NodeId) -> Option<f64> {
        self.scalars[..self.count].get(id.index()).copied()
    }

    /// Whether all nodes of the graph are scalars whose numbers were computed when they were recorded.
    #[inline]
    pub fn are_complete(&self, graph: &Graph) -> bool {
        self.count == graph.len()
    }

    /// The numbers of all nodes in order, if [complete](Numbers::are_complete).
    pub fn take_scalars(&mut self, graph: &Graph) -> Option<Vec<f64>> {
        self.are_complete(graph).then(|| {
            self.scalars.truncate(self.count);
            std::mem::take(&mut self.scalars)
        })
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
        id.index() < self.count || self.known[id.index()].is_some()
    }

    fn at(&self, id: NodeId) -> &[f64] {
        match self.scalars[..self.count].get(id.index()) {
            Some(number) => std::slice::from_ref(number),
            None => self.known[id.index()].as_ref().expect("arguments are computed first"),
        }
    }
}

/// A number as the precision has it.
#[inline(always)]
fn rounded(number: f64, precision: Precision) -> f64 {
    match precision {
        Precision::Single => f64::from(number as f32),
        Precision::Double => number,
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
            let mut scratch = vec![T::zero(); p.scratch(&shapes, 1)];
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
