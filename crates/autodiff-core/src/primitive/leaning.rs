//! The extremum of a line as a chain of pairwise `max` or `min` finds it, and what each entry gets of its derivative.
//!
//! In the chain m ← max(m, xᵢ) a tie gives half of the derivative to each side, so what comes first is halved at every later tie:
//! of r equal largest entries the first gets 2^(1−r), the second 2^(1−r), the third 2^(2−r), …, the last ½. These are the
//! derivatives of the loop as it was written, which [`max_axis`](crate::Var::max_axis) does not have: there all get 1/r.

use crate::graph::{Attributes, Class, Fault, Structured, Var};
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use crate::trace::record;
use std::panic::Location;

/// Which of two is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sense {
    /// The larger.
    Largest,
    /// The smaller.
    Smallest,
}

impl Sense {
    #[inline(always)]
    fn beats<T: Float>(self, a: T, b: T) -> bool {
        match self {
            Sense::Largest => a > b,
            Sense::Smallest => a < b,
        }
    }
}

/// What a chain of pairwise extrema along an axis, which vanishes, comes to; taken as constant. NaN if an entry is, and +0 of zeros
/// of both signs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leading {
    /// The axis.
    pub axis: usize,
    /// Which extremum.
    pub sense: Sense,
}

/// The derivative of such a chain in each of its entries: powers of ½ where an entry is the extremum, 0 elsewhere. From the first
/// NaN on, every step is a tie, as it is for `max` of two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shares {
    /// The axis.
    pub axis: usize,
    /// Which extremum.
    pub sense: Sense,
}

/// The extremum of a line that is not empty.
fn leading<T: Float>(line: impl Iterator<Item = T>, sense: Sense) -> T {
    let combine = |a: T, b: T| match () {
        // Zeros: −0 if both are.
        () if a == b => if a == T::zero() { a + b } else { a },
        () if a.is_not_a_number() || sense.beats(a, b) => a,
        () => b,
    };
    line.reduce(combine).expect("a shape rule refuses empty lines")
}

/// The shares of the entries `x(i)` of a line, into `put`.
fn shares<T: Float>(length: usize, x: impl Fn(usize) -> T, sense: Sense, mut put: impl FnMut(usize, T)) {
    let half = |share: T| share.scale(0.5);
    let mut rest = T::one();
    let numbers = (0..length).find(|&i| x(i).is_not_a_number()).unwrap_or(length);
    for i in (numbers..length).rev() {
        if i > 0 {
            rest = half(rest);
        }
        put(i, rest);
    }
    if numbers == 0 {
        return;
    }
    let most = leading((0..numbers).map(&x), sense);
    let first = (0..numbers).find(|&i| x(i) == most).expect("the extremum is one of the entries");
    for i in (0..numbers).rev() {
        if x(i) != most {
            put(i, T::zero());
            continue;
        }
        if i > first {
            rest = half(rest);
        }
        put(i, rest);
    }
}

fn check(axis: usize, operands: &[&Shape]) -> Result<(), String> {
    let [x] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
    if axis >= x.rank() {
        return Err(format!("axis {axis} is out of range for shape {x}"));
    }
    if x[axis] == 0 {
        return Err(format!("axis {axis} of shape {x} is empty and has no extremum"));
    }
    Ok(())
}

macro_rules! leaning {
    ($Type:ident, $name:literal, |$shape:ident, $along:ident| $result:expr,
     |$x:ident, $axis:ident, $sense:ident, $out:ident| $compute:expr) => {
        impl Structured for $Type {
            const NAME: &'static str = $name;
            const CLASS: Class = Class::Discrete;

            fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
                check(self.axis, operands)?;
                let ($shape, $along) = (operands[0], self.axis);
                Ok($result)
            }

            fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
                let ($x, $axis, $sense, $out) = (&operands[0], self.axis, self.sense, out);
                $compute;
                Ok(())
            }

            fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
                operands[0].size() as u64
            }

            fn attributes(&self) -> Attributes {
                vec![("axis", vec![self.axis as i64]), ("smallest", vec![i64::from(self.sense == Sense::Smallest)])]
            }

            fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
                let sense = match get("smallest")?[..] {
                    [0] => Sense::Largest,
                    [1] => Sense::Smallest,
                    _ => return None,
                };
                Some($Type { axis: super::index(&get("axis")?)?, sense })
            }

            fn transpose(&self, _: usize, _: Var, _: &[Var]) -> Var {
                unreachable!("a constant has no cotangent")
            }

            fn batch(&self, operands: &[Var], _: &[bool], _: usize) -> Option<Var> {
                Some(record($Type { axis: self.axis + 1, sense: self.sense }, operands, Location::caller()))
            }

            fn samples() -> Vec<(Self, Vec<Shape>)> {
                vec![
                    ($Type { axis: 0, sense: Sense::Largest }, vec![Shape::of(&[4])]),
                    ($Type { axis: 1, sense: Sense::Smallest }, vec![Shape::of(&[2, 3])]),
                    ($Type { axis: 0, sense: Sense::Largest }, vec![Shape::of(&[3, 2])]),
                ]
            }
        }
    };
}

leaning!(Leading, "leading", |shape, axis| shape.without(axis), |x, axis, sense, out| {
    let (_, length, after) = x.shape.around(axis);
    for (l, out) in out.iter_mut().enumerate() {
        let start = l / after * length * after + l % after;
        *out = leading(x.data[start..].iter().step_by(after).take(length).copied(), sense);
    }
});
leaning!(Shares, "shares", |shape, axis| { let _ = axis; shape.clone() }, |x, axis, sense, out| {
    let (before, length, after) = x.shape.around(axis);
    for l in 0..before * after {
        let at = |i: usize| (l / after * length + i) * after + l % after;
        shares(length, |i| x.data[at(i)], sense, |i, share| out[at(i)] = share);
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dual, Elementary};

    /// The chain over dual numbers, one entry at a time the variable.
    fn chain(x: &[f64], sense: Sense) -> (f64, Vec<f64>) {
        let at = |variable: usize| {
            let entries = x.iter().enumerate().map(|(i, &x)| Dual::new(x, if i == variable { 1.0 } else { 0.0 }));
            let pair = |a: Dual<f64>, b: Dual<f64>| match sense {
                Sense::Largest => Elementary::max(a, b),
                Sense::Smallest => Elementary::min(a, b),
            };
            entries.reduce(pair).unwrap()
        };
        (at(0).value, (0..x.len()).map(|i| at(i).tangent).collect())
    }

    #[test]
    fn a_line_is_what_the_chain_is() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        // Every line of up to five of these entries: ties, zeros of both signs, infinities and NaN at every place.
        let entries = [-inf, -1.0, -0.0, 0.0, 2.0, inf, nan];
        for length in 1..=5 {
            for number in 0..entries.len().pow(length) {
                let x: Vec<f64> =
                    (0..length).map(|i| entries[number / entries.len().pow(i) % entries.len()]).collect();
                for sense in [Sense::Largest, Sense::Smallest] {
                    let (value, derivatives) = chain(&x, sense);
                    let found = leading(x.iter().copied(), sense);
                    assert!(found.to_bits() == value.to_bits() || found.is_nan() && value.is_nan(), "{x:?} {sense:?}");
                    let mut parts = vec![nan; x.len()];
                    shares(x.len(), |i| x[i], sense, |i, share| parts[i] = share);
                    assert_eq!(parts, derivatives, "{x:?} {sense:?}");
                }
            }
        }
    }
}
