//! Where rates jump or bend: the step that leads over such a place ends there instead.
//!
//! Rates are smooth as long as every comparison, sign and whole number in them stays what it is. These are compared, at the
//! beginning of a step and along its series, and the first place where one differs is bisected down to the resolution of the time.
//! The step ends just behind it, or a rounding of the time before, so that the next begins with what the rates are there. Both
//! series agree at the place itself: what the step does wrong behind it is of the order of one rounding.
//!
//! Source: Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I* (1993), section II.6, "Discontinuities" and dense
//! output.

use super::trajectory::{Trajectory, stuck};
use crate::error::Result;
use crate::function::Path;
use crate::real::{Elementary, Float, Precision};
use crate::tree::{Traced, Tree};
use kernels::series::{largest, polynomial};
use num_traits::Zero;

/// Places of a step that are looked at, of which the last is its end.
const PLACES: usize = 4;

/// Shortest steps in a row after which a solution is taken to slide. Some places may lie together by chance.
const PATIENCE: usize = 16;

/// Steps are short up to this many roundings of the time: a solution that slides goes back over the jump in steps as long as the
/// ratio of its slopes on both sides.
const NEAR: f64 = (1 << 20) as f64;

/// Nor are they short beyond this part of the step that the series would allow: in single precision, or late, that many roundings
/// are a time in which rates may well jump again.
const PART: f64 = 1e-3;

/// What the rates jump or bend with.
#[derive(Default)]
pub(super) struct Watch<T> {
    /// At the beginning of the step, and at another time.
    first: Vec<T>,
    there: Vec<T>,
    /// State and time there.
    point: Vec<T>,
    /// Which of them are left out of account: those that differ by rounding alone.
    tied: Vec<bool>,
    /// Shortest steps in a row.
    short: usize,
}

impl<T> Watch<T> {
    /// Whether the step is one of the shortest, just over a place where the rates jump or bend.
    pub(super) fn is_beside(&self) -> bool {
        self.short > 0
    }

    /// Memory for a point and what is found there.
    pub(super) fn memory(&mut self) -> (&mut Vec<T>, &mut Vec<T>) {
        (&mut self.point, &mut self.there)
    }
}

impl<P: Tree, Out: Traced + Send + Sync> Trajectory<'_, P, Out> {
    /// The length of a step along the series that is being made to just behind the first place within `length` where the rates jump
    /// or bend; `None` if there is none.
    pub(super) fn until_switch(&mut self, path: &Path<Out>, length: P::Scalar) -> Result<Option<P::Scalar>> {
        let number = <P::Scalar as Elementary>::from_f64;
        let magnitude = |step: P::Scalar| step.to_f64().abs();
        self.rates.switches(path, &self.now, &mut self.watch.first)?;
        self.watch.tied.clear();
        self.watch.tied.resize(self.watch.first.len(), false);
        // Beyond a rounding of the time, or of the length of the step, there is nothing to tell.
        let least = P::Scalar::PRECISION.epsilon() * magnitude(self.now[self.now.len() - 1]).max(magnitude(length));
        loop {
            let Some(behind) = self.first_switch(path, length, least)? else {
                self.watch.short = 0;
                return Ok(None);
            };
            let is_short = magnitude(behind) <= (NEAR * least).min((PART * magnitude(length)).max(4.0 * least));
            self.watch.short = if is_short { self.watch.short + 1 } else { 0 };
            if self.watch.short <= PATIENCE {
                // The state may be beside such a place already: over it.
                let over = number((4.0 * least).min(magnitude(length)).copysign(length.to_f64()));
                return Ok(Some(if magnitude(behind) > 4.0 * least { behind } else { over }));
            }
            if self.has_jumped() {
                let time = self.now[self.now.len() - 1];
                return Err(stuck(format!(
                    "at time {time} the rates jump back and forth: the solution slides along the jump"
                )));
            }
            // Two states that are equal but for rounding, as in max(x, y): either branch is right. Others may be met later.
            self.watch.short = 0;
            if !self.tie(path, behind)? {
                return Ok(None);
            }
        }
    }

    /// How far it is to just behind the first place within `length` where the rates jump or bend, to a precision of `least`.
    fn first_switch(&mut self, path: &Path<Out>, length: P::Scalar, least: f64) -> Result<Option<P::Scalar>> {
        let number = <P::Scalar as Elementary>::from_f64;
        let (mut before, mut behind) = (P::Scalar::zero(), length);
        let mut found = false;
        for place in 1..=PLACES {
            behind = if place == PLACES { length } else { length * number(place as f64 / PLACES as f64) };
            found = self.differs(path, behind)?;
            if found {
                break;
            }
            before = behind;
        }
        while found && (behind - before).to_f64().abs() > least {
            let middle = before + (behind - before) * number(0.5);
            // Neighbours among the smallest numbers of all.
            if middle == before || middle == behind {
                break;
            }
            *(if self.differs(path, middle)? { &mut behind } else { &mut before }) = middle;
        }
        Ok(found.then_some(behind))
    }

    /// Leaves out of account what is another after a time than at the beginning of the step; whether there is any.
    fn tie(&mut self, path: &Path<Out>, after: P::Scalar) -> Result<bool> {
        self.differs(path, after)?;
        let Watch { first, there, tied, .. } = &mut self.watch;
        let mut any = false;
        for ((tied, a), b) in tied.iter_mut().zip(first.iter()).zip(there.iter()) {
            let differs = !*tied && !same(a, b);
            *tied |= differs;
            any |= differs;
        }
        Ok(any)
    }

    /// Whether the rates are others than those where the last step began, which was one of the shortest.
    fn has_jumped(&self) -> bool {
        let n = self.now.len() - 1;
        let (rates, before) = (&self.next[..n], self.series.get(..n).unwrap_or(&self.next[..n]));
        let largest = largest(rates).to_f64().max(largest(before).to_f64());
        // Rounding stays below these parts of the largest rate, whose sums it comes from, even after steps of `NEAR` roundings of
        // the time; a jump that would matter is a part of the rate itself.
        let rounding = match P::Scalar::PRECISION {
            Precision::Single => 3e-4,
            Precision::Double => 1e-6,
        };
        rates.iter().zip(before).any(|(&a, &b)| {
            let (jump, own) = ((a - b).to_f64().abs(), a.to_f64().abs().max(b.to_f64().abs()));
            jump > rounding * largest && jump > 1e-3 * own
        })
    }

    /// Whether anything that the rates jump or bend with is another after a time than at the beginning of the step.
    fn differs(&mut self, path: &Path<Out>, after: P::Scalar) -> Result<bool> {
        let Watch { first, there, point, tied, .. } = &mut self.watch;
        let n = self.now.len() - 1;
        point.resize(n + 1, P::Scalar::zero());
        polynomial(&self.next, after, &mut point[..n]);
        point[n] = after;
        point.iter_mut().zip(&self.now).for_each(|(change, &now)| *change = now + *change);
        let unchanged = |((tied, a), b): ((&bool, &P::Scalar), &P::Scalar)| *tied || same(a, b);
        Ok(!self.rates.switches(path, point, there)? || !tied.iter().zip(first.iter()).zip(there.iter()).all(unchanged))
    }
}

/// Whether two numbers are one, NaN included.
fn same<T: Float>(a: &T, b: &T) -> bool {
    a == b || (a.is_not_a_number() && b.is_not_a_number())
}
