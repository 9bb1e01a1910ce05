//! Entries of a vector in a fixed pattern, and their transpose: what loops over scalars become.

use super::pattern::{Pattern, Run, Stride, read_piece};
use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use std::panic::Location;

/// `out[…, i] = x[…, pattern[i]]` along the last axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Which entries.
    pub pattern: Pattern,
    /// Length of the axis that is picked from.
    pub length: usize,
}

/// The transpose of [`Pick`]: entries added into an axis of zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where the entries go.
    pub pattern: Pattern,
    /// Length of the axis of the result.
    pub length: usize,
}

impl Structured for Pick {
    const NAME: &'static str = "pick";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        changed(operands, self.length, self.pattern.len(), &self.pattern, self.length)
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let count = self.pattern.len();
        if count == 0 || self.length == 0 {
            return Ok(());
        }
        for (x, out) in operands[0].data.chunks_exact(self.length).zip(out.chunks_exact_mut(count)) {
            if let Pattern::List(list) = &self.pattern {
                list.iter().zip(out).for_each(|(&from, y)| *y = x[from as usize]);
                continue;
            }
            self.pattern.pieces(|at, from, count, step| read_piece(x, from, step, &mut out[at..at + count]));
        }
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        attributes(&self.pattern, self.length)
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let (pattern, length) = from_attributes(get)?;
        Some(Pick { pattern, length })
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        record(Place { pattern: self.pattern.clone(), length: self.length }, &[cotangent], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(self.clone(), operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |(pattern, length): (Pattern, usize)| (Pick { pattern, length }, vec![Shape::of(&[length])]);
        let mut all: Vec<_> = patterns().into_iter().map(of).collect();
        all.push((Pick { pattern: Pattern::of(&[2, 0, 1, 1]), length: 3 }, vec![Shape::of(&[2, 3])]));
        all
    }
}

impl Structured for Place {
    const NAME: &'static str = "place";
    const CLASS: Class = Class::Linear;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        changed(operands, self.pattern.len(), self.length, &self.pattern, self.length)
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        out.fill(T::zero());
        let count = self.pattern.len();
        if count == 0 || self.length == 0 {
            return Ok(());
        }
        // One piece has its place to itself: copied, as a fused region does, it keeps the sign of zeros.
        if let Pattern::Affine { start, axes } = &self.pattern
            && let [Stride { step: 1, .. }] = axes[..]
        {
            for (x, out) in operands[0].data.chunks_exact(count).zip(out.chunks_exact_mut(self.length)) {
                out[*start..*start + count].copy_from_slice(x);
            }
            return Ok(());
        }
        for (x, out) in operands[0].data.chunks_exact(count).zip(out.chunks_exact_mut(self.length)) {
            if let Pattern::List(list) = &self.pattern {
                list.iter().zip(x).for_each(|(&to, &x)| out[to as usize] += x);
                continue;
            }
            self.pattern.pieces(|at, to, count, step| {
                let x = &x[at..at + count];
                match step {
                    1 => out[to..to + count].iter_mut().zip(x).for_each(|(y, &x)| *y += x),
                    0 => out[to] += kernels::reduce::total(x),
                    _ if step > 0 => {
                        out[to..].iter_mut().step_by(step as usize).zip(x).for_each(|(y, &x)| *y += x);
                    }
                    _ => x.iter().enumerate().for_each(|(i, &x)| out[to.wrapping_add_signed(i as isize * step)] += x),
                }
            });
        }
        Ok(())
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        operands[0].size() as u64
    }

    fn attributes(&self) -> Attributes {
        attributes(&self.pattern, self.length)
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let (pattern, length) = from_attributes(get)?;
        Some(Place { pattern, length })
    }

    fn transpose(&self, _: usize, cotangent: Var, _: &[Var]) -> Var {
        record(Pick { pattern: self.pattern.clone(), length: self.length }, &[cotangent], Location::caller())
    }

    fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
        Some(record(self.clone(), operands, Location::caller()))
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let of = |(pattern, length): (Pattern, usize)| {
            let shape = Shape::of(&[pattern.len()]);
            (Place { pattern, length }, vec![shape])
        };
        let mut all: Vec<_> = patterns().into_iter().map(of).collect();
        all.push((Place { pattern: Pattern::of(&[2, 0, 1, 1]), length: 3 }, vec![Shape::of(&[2, 4])]));
        all
    }
}

/// The shape with another length of the last axis, if that has the expected one.
fn changed(operands: &[&Shape], from: usize, to: usize, pattern: &Pattern, length: usize) -> Result<Shape, String> {
    let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
    if pattern.end() > length {
        return Err(format!("the pattern names entry {} of {length}", pattern.end() - 1));
    }
    match x.last() {
        Some(&last) if last == from => Ok(x.with_axis(x.rank() - 1, to)),
        _ => Err(format!("expected a last axis of length {from}, found shape {x}")),
    }
}

fn attributes(pattern: &Pattern, length: usize) -> Attributes {
    let list = match pattern {
        Pattern::Affine { start, axes } => {
            let axes = axes.iter().flat_map(|a| [a.count as i64, a.step as i64]);
            ("loops", std::iter::once(*start as i64).chain(axes).collect())
        }
        Pattern::Runs(runs) => {
            ("runs", runs.iter().flat_map(|r| [r.start, r.count, r.step].map(i64::from)).collect())
        }
        Pattern::List(list) => ("list", list.iter().map(|&i| i64::from(i)).collect()),
    };
    vec![list, ("length", vec![length as i64])]
}

fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<(Pattern, usize)> {
    let length = super::index(&get("length")?)?;
    let natural = |i: &i64| u32::try_from(*i).ok();
    let pattern = if let Some(loops) = get("loops") {
        let (start, axes) = loops.split_first()?;
        let axis = |pair: &[i64]| Some(Stride { count: usize::try_from(*pair.first()?).ok()?, step: *pair.get(1)? as isize });
        Pattern::Affine { start: usize::try_from(*start).ok()?, axes: axes.chunks(2).map(axis).collect::<Option<_>>()? }
    } else if let Some(runs) = get("runs") {
        let run = |r: &[i64]| Some(Run { start: natural(r.first()?)?, count: natural(r.get(1)?)?, step: natural(r.get(2)?)? });
        Pattern::Runs(runs.chunks(3).map(run).collect::<Option<Vec<_>>>()?.into())
    } else {
        Pattern::List(get("list")?.iter().map(natural).collect::<Option<Vec<_>>>()?.into())
    };
    Some((pattern, length))
}

/// Patterns of every kind, and the length of what they are picked from.
fn patterns() -> Vec<(Pattern, usize)> {
    let lists: [&[u32]; 8] = [
        &[1, 2, 3],
        &[0, 2, 4],
        &[4, 3, 2, 1],
        &[0, 1, 2, 0, 1, 2],
        &[0, 0, 1, 1, 2, 2],
        &[3, 3, 4, 4, 0, 0, 1, 1],
        &[0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4],
        &[4, 0, 3, 3, 1],
    ];
    lists.iter().map(|list| (Pattern::of(list), 5)).collect()
}
