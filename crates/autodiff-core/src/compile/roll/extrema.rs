//! Chains of `max` or `min` as reductions.
//!
//! The order of a chain decides what each of several equal extrema gets of the derivative (see
//! [`Shares`](crate::primitive::Shares)), so its terms stay in order, whatever classes they are of. With the extremum m and the
//! shares s, both constants, the reduction is
//!
//! > y = m − Σ (sᵢ ≠ 0 ? sᵢ (m − xᵢ) : 0),
//!
//! whose sum is 0 and whose derivatives are Σ sᵢ dxᵢ. Where m is not finite, 0 stands for it in the sum.

use super::emit::Emitter;
use crate::graph::NodeId;
use crate::primitive::{Broadcast, Concat, Leading, Reshape, Sense, Shares, Sum};
use crate::real::Row;
use crate::shape::Shape;

impl Emitter<'_> {
    /// The extremum of so many terms in each of several lanes; the terms of one place in the chain stand together.
    pub(super) fn extremum(&mut self, sense: Sense, terms: &[NodeId], lanes: Option<usize>) -> NodeId {
        let mut table = self.vector(terms);
        if let Some(lanes) = lanes {
            table = self.push(Reshape { shape: Shape::of(&[terms.len() / lanes, lanes]) }, &[table]);
        }
        let shape = self.shape(table).clone();
        let of_lanes = lanes.map_or(Shape::scalar(), |lanes| Shape::of(&[lanes]));
        let extremum = self.push(Leading { axis: 0, sense }, &[table]);
        let shares = self.push(Shares { axis: 0, sense }, &[table]);
        let [largest, smallest, zero] =
            [f64::INFINITY, f64::NEG_INFINITY, 0.0].map(|number| self.filled(number, &of_lanes));
        let (below, above) = (self.row(Row::Less, &[extremum, largest]), self.row(Row::Less, &[smallest, extremum]));
        let finite = self.row(Row::Mul, &[below, above]);
        let anchor = self.row(Row::Select, &[finite, extremum, zero]);
        let anchors = self.push(Broadcast { shape: shape.clone() }, &[anchor]);
        let gaps = self.row(Row::Sub, &[anchors, table]);
        let parts = self.row(Row::Mul, &[shares, gaps]);
        let zeros = self.filled(0.0, &shape);
        let kept = self.row(Row::Select, &[shares, parts, zeros]);
        let correction = self.push(Sum { axes: smallvec::smallvec![0] }, &[kept]);
        self.row(Row::Sub, &[extremum, correction])
    }

    /// A number in every entry of a shape.
    fn filled(&mut self, number: f64, shape: &Shape) -> NodeId {
        let constant = self.constant(number);
        if shape.rank() == 0 { constant } else { self.push(Broadcast { shape: shape.clone() }, &[constant]) }
    }

    /// The vector of some scalars, of whatever classes.
    pub(super) fn vector(&mut self, read: &[NodeId]) -> NodeId {
        let mut classes: Vec<u32> = read.iter().map(|&id| self.class(id)).collect();
        classes.sort_unstable();
        classes.dedup();
        if let [_] = classes[..] {
            return self.view(read);
        }
        // By class, one after the other, and picked from there.
        let (mut parts, mut places, mut start) = (Vec::new(), vec![0; read.len()], 0);
        let mut members: Vec<Vec<NodeId>> = vec![Vec::new(); classes.len()];
        let number = |emitter: &Self, id: NodeId| {
            classes.binary_search(&emitter.class(id)).expect("collected from the same list")
        };
        for (&id, place) in read.iter().zip(&mut places) {
            let class = number(self, id);
            *place = members[class].len() as u32;
            members[class].push(id);
        }
        let mut starts = Vec::with_capacity(classes.len());
        for members in &members {
            starts.push(start);
            start += members.len() as u32;
            parts.push(self.view(members));
        }
        for (&id, place) in read.iter().zip(&mut places) {
            *place += starts[number(self, id)];
        }
        let joined = self.push(Concat { axis: 0 }, &parts);
        self.pick(joined, &places)
    }
}
