//! Recording the closure at a point.

use super::Function;
use super::variant::{Point, Variant};
use crate::error::{Place, Result};
use crate::real::Float;
use crate::sweep::Spare;
use crate::trace::{Recording, Session};
use crate::tree::{Traced, Tree};
use std::borrow::Borrow;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl<'f, A: ?Sized, Out: Traced, B: ?Sized> Function<'f, A, Out, B>
where
    Out: Send + Sync,
{
    /// Traces the closure at a point. With the numbers of all nodes there, if they are scalars.
    pub(super) fn trace<P: Tree>(&self, point: &Point<'_, P>) -> Result<(Variant<Out>, Option<Spare<f64>>)>
    where
        P::Traced: Borrow<A>,
    {
        let (recording, result) = self.record(point, Places::Forgotten)?;
        Ok(Variant::new(point.leaves, &self.data.structure, P::Scalar::PRECISION, recording, result))
    }

    /// Records the closure at a point, with the numbers that branches are decided by.
    pub(super) fn record<P: Tree>(&self, point: &Point<'_, P>, places: Places) -> Result<(Recording, Out)>
    where
        P::Traced: Borrow<A>,
    {
        let session = Session::open(P::Scalar::PRECISION);
        session.lend(Spare::largest().into_inner());
        if places == Places::Kept {
            session.keep_places();
        }
        let mut rest = point.entries;
        let mut inputs = Spare::with_capacity(point.leaves.count());
        for (shape, count) in point.leaves.runs() {
            let (entries, after) = rest.split_at(shape.size() * count);
            rest = after;
            if shape.rank() == 0 {
                session.scalars_at(entries.iter().map(|x| x.to_f64()), &mut inputs);
                continue;
            }
            for i in 0..count {
                let leaf = &entries[i * shape.size()..][..shape.size()];
                inputs.push(session.input_at(shape.clone(), leaf.iter().map(|x| x.to_f64()).collect()));
            }
        }
        let mut data = Vec::with_capacity(self.data.leaves.len());
        for leaf in &self.data.leaves {
            match leaf.shape.rank() {
                0 => session.scalars_at(leaf.entries.iter().copied(), &mut data),
                _ => data.push(session.input_at(leaf.shape.clone(), leaf.entries.clone())),
            }
        }
        let (mut inputs, mut data) = (inputs.iter().copied(), data.into_iter());
        let traced = point.structure.trace(&mut || inputs.next().expect("a tree has as many leaves as shapes"));
        let mut result = None;
        let call = || {
            (self.data.give)(&mut || data.next().expect("data has as many leaves as shapes"), &mut |b| {
                result = Some((self.closure)(traced.borrow(), b));
            })
        };
        // After the first operation that does not fit, variables have no shapes, which may make the closure panic: then the
        // operation is what to report. Any other panic is the closure's own, and goes on.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            return Err(session.left_by(panic));
        }
        let result = result.expect("the data calls the closure once");
        let mut outputs = Vec::new();
        result.variables(&mut outputs);
        Ok((session.close_at(&outputs, Place(self.place))?, result))
    }
}

/// Whether a recording notes the line of every node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    Kept,
    Forgotten,
}
