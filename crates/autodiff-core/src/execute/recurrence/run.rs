//! Carrying out the instructions for a state.

use super::Recurrences;
use super::lower::{Item, Stream, lower};
use crate::error::{Error, Result};
use crate::execute::interpret::fault_error;
use crate::graph::{Executable, NodeId, Operation};
use crate::tensor::View;
use kernels::series::{enlarge, largest, run_of};
use smallvec::SmallVec;
use std::ops::Range;

/// Bytes of a line of the cache, at which memory begins.
const LINE: usize = 64;

/// Paths through the branches of the rates whose memory is kept.
const BRANCHES: usize = 4;

/// Memory of runs at one order, and what is done there.
#[derive(Debug)]
pub(crate) struct Coefficients<T> {
    serial: u64,
    order: usize,
    stream: Stream<T>,
    memory: Vec<T>,
    /// Where in the memory the first line begins.
    start: usize,
    /// A result before it goes to its place, and working memory of primitives.
    result: Vec<T>,
    scratch: Vec<T>,
}

impl<T> Coefficients<T> {
    pub(super) fn is_of(&self, serial: u64, order: usize) -> bool {
        (self.serial, self.order) == (serial, order)
    }
}

impl Recurrences {
    /// The memory for runs to this order, which is at least 1, among some; made if it is not there. Of few, the oldest goes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the series have more numbers than places.
    pub fn memory_among<'a, T: Executable>(
        &self,
        all: &'a mut Vec<Coefficients<T>>,
        order: usize,
    ) -> Result<&'a mut Coefficients<T>> {
        match all.iter().position(|memory| memory.is_of(self.serial, order)) {
            Some(at) => all[at..].rotate_left(1),
            None => {
                let made = self.memory(order).ok_or_else(|| Error::Unsupported {
                    operator: "trajectory",
                    message: format!(
                        "series to order {order} of all that the rates are made of are more than 2³² numbers (a lower order?)"
                    ),
                })?;
                if all.len() == BRANCHES {
                    all.remove(0);
                }
                all.push(made);
            }
        }
        Ok(all.last_mut().expect("it was found or made"))
    }

    /// Memory for runs to this order; `None` if the series have more numbers than places.
    pub(super) fn memory<T: Executable>(&self, order: usize) -> Option<Coefficients<T>> {
        let stream: Stream<T> = lower(self, order)?;
        let spare = LINE / size_of::<T>();
        let mut memory = vec![T::zero(); stream.size + spare];
        let start = memory.as_ptr().align_offset(LINE).min(spare);
        stream.constants.iter().for_each(|&(at, c)| memory[start + at as usize] = c);
        let scratch = |id| match self.graph.operation(id) {
            Operation::Primitive(p) => {
                let args = self.graph.arguments(id);
                let shapes: SmallVec<[_; 4]> = args.iter().map(|&a| self.graph.shape(a)).collect();
                p.scratch(&shapes, 1)
            }
            _ => 0,
        };
        let scratch = vec![T::zero(); self.graph.ids().map(scratch).max().unwrap_or(0)];
        let result = vec![T::zero(); stream.widest];
        Some(Coefficients { serial: self.serial, order, stream, memory, start, result, scratch })
    }

    /// Coefficients 1 to the order of the solution, order by order, for the entries of the states and the time at the end, and the
    /// size of the largest of each; `false` if a guard of the trace does not hold there.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run<T: Executable>(
        &self,
        now: &[T],
        series: &mut [T],
        sizes: &mut [T],
        at: &mut Coefficients<T>,
    ) -> Result<bool> {
        sizes.fill(T::zero());
        let Some(n) = self.plane else { return self.chunk(now, 0..0, series, sizes, at) };
        for start in (0..n).step_by(at.stream.chunk) {
            let entries = start..(start + at.stream.chunk).min(n);
            self.chunk(now, entries, series, sizes, at)?;
        }
        Ok(true)
    }

    /// All orders of some entries, of all if there is no plane.
    fn chunk<T: Executable>(
        &self,
        now: &[T],
        entries: Range<usize>,
        series: &mut [T],
        sizes: &mut [T],
        at: &mut Coefficients<T>,
    ) -> Result<bool> {
        let Coefficients { order, stream, memory, start, result, scratch, .. } = at;
        let memory = &mut memory[*start..];
        let part = |all: &Range<usize>, plane: bool| {
            if plane { all.start + entries.start..all.start + entries.end } else { all.clone() }
        };
        for (place, all, plane) in &stream.inputs {
            let part = part(all, *plane);
            memory[place.start as usize..][..part.len()].copy_from_slice(&now[part]);
        }
        let mut carry = |items: &[Item]| {
            items.iter().try_for_each(|item| self.carry_out(item, &entries, stream, memory, result, scratch))
        };
        match carry(&stream.values) {
            // Before a guard has spoken an index may lie outside its axis.
            Err(Error::Index { .. }) if !self.graph.guards().is_empty() => return Ok(false),
            other => other?,
        }
        let holds =
            |g: &crate::graph::Guard| (memory[stream.places[g.node.index()].start as usize] != T::zero()) == g.expected;
        if !self.graph.guards().iter().all(holds) {
            return Ok(false);
        }
        let mut carry = |items: &[Item]| {
            items.iter().try_for_each(|item| self.carry_out(item, &entries, stream, memory, result, scratch))
        };
        carry(&stream.coefficients)?;
        let width = series.len() / (*order).max(1);
        let (_, states) = stream.inputs.split_last().expect("the time is an input");
        for (place, all, plane) in states {
            let part = part(all, *plane);
            let coefficients = &memory[place.at(1) as usize..];
            // The coefficients of a single number lie side by side, as the sizes of all orders do.
            if place.stride == 1 {
                let coefficients = &coefficients[..*order];
                let rows = series.chunks_exact_mut(width);
                rows.zip(coefficients).for_each(|(row, &c)| row[part.start] = c);
                enlarge(sizes, coefficients);
                continue;
            }
            for (k, size) in sizes.iter_mut().enumerate() {
                let coefficient = &coefficients[k * place.stride as usize..][..part.len()];
                series[k * width..][part.clone()].copy_from_slice(coefficient);
                enlarge(std::slice::from_mut(size), &[largest(coefficient)]);
            }
        }
        Ok(true)
    }

    fn carry_out<T: Executable>(
        &self,
        item: &Item,
        entries: &Range<usize>,
        stream: &Stream<T>,
        memory: &mut [T],
        result: &mut [T],
        scratch: &mut [T],
    ) -> Result<()> {
        // The last chunk may have fewer entries than there is room for.
        let most = if self.plane.is_some() { entries.len() } else { usize::MAX };
        match item {
            Item::Run(range) => run_of(most, &stream.instructions[range.clone()], &stream.table, memory),
            Item::Row { row, args, out, length: 1 } => {
                let entry = |i: usize| args.get(i).map_or_else(T::zero, |&a| memory[a as usize]);
                memory[*out as usize] = row.value(&[entry(0), entry(1), entry(2)]);
            }
            Item::Row { row, args, out, length } => {
                let length = &most.min(*length);
                let parts: SmallVec<[&[T]; 3]> = args.iter().map(|&a| &memory[a as usize..][..*length]).collect();
                row.map(&parts, &mut result[..*length]);
                drop(parts);
                memory[*out as usize..][..*length].copy_from_slice(&result[..*length]);
            }
            Item::Constant { node, out } => {
                let Operation::Tensor(tensor) = self.graph.operation(*node) else { return Ok(()) };
                let part = &tensor.data()[entries.clone()];
                memory[*out as usize..].iter_mut().zip(part).for_each(|(y, &c)| *y = T::from_f64(c));
            }
            Item::Primitive { node, args, out, added } => {
                let Operation::Primitive(primitive) = self.graph.operation(*node) else { return Ok(()) };
                let view = |&(id, at): &(NodeId, u32)| {
                    let shape = self.graph.shape(id);
                    View { shape, data: &memory[at as usize..][..shape.size()] }
                };
                let views: SmallVec<[View<'_, T>; 16]> = args.iter().map(view).collect();
                let result = &mut result[..self.graph.shape(*node).size()];
                T::evaluate(&**primitive, &views, result, scratch)
                    .map_err(|fault| fault_error(primitive.name(), fault))?;
                drop(views);
                let out = &mut memory[*out as usize..][..result.len()];
                if *added {
                    out.iter_mut().zip(result).for_each(|(y, &mut part)| *y += part);
                } else {
                    out.copy_from_slice(result);
                }
            }
        }
        Ok(())
    }
}
