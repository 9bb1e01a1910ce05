//! The sum over directions, taken as early as it can be.
//!
//! The highest Taylor coefficient enters everything after it linearly: y_K = f′(x₀) x_K + (lower coefficients). So a sum over
//! k directions of highest coefficients, which a Laplacian is, can be carried through the program as one variable instead of
//! k, and only the lower coefficients need the axis of directions. Nothing here is about Taylor series, though: S(y) = Σᵢ yᵢ
//! passes every node that is linear in what varies,
//!
//! * S(f(a)) = f(S(a)) for linear f, bilinear f with one factor that varies, and quotients and solves whose denominator does not;
//! * S(a·b) = Σᵢ aᵢ bᵢ for a product of two that vary, with the axis of directions. Factors that do not vary stand before the sum,
//!   and a few summands are multiplied out for that: Σᵢ (u·pᵢ)(v·pᵢ + w·pᵢ) = (uv + uw) Σᵢ pᵢ²;
//! * everything else is computed with the axis and summed.
//!
//! Source: Dangel, Siebert, Zeinhofer, Walther, *Collapsing Taylor Mode Automatic Differentiation*, 2025; for the Laplacian alone
//! Li et al., *A computational framework for neural network-based variational Monte Carlo with Forward Laplacian*, 2024.

use super::batch::{Batch, in_scope_of};
use super::{Step, step};
use crate::graph::{Class, NodeId, Var};
use crate::primitive::pointwise::pointwise;
use crate::real::{Class as RowClass, Elementary, Row};
use crate::trace::{record_shared, sharing};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::{SmallVec, smallvec};
use std::panic::Location;

/// Summands into which the factors of one product are multiplied out at most.
const TERMS: usize = 8;

/// For each output the sum over `k` values of some variables, of the shape of the output: for each `(variable, values)` the
/// values have the shape of the variable with a leading axis of length k.
pub fn batch_sum(outputs: &[Var], variables: &[(Var, Var)], k: usize) -> Vec<Var> {
    sharing(|| {
        let Some(batch) = Batch::new(outputs, variables, k) else {
            return outputs.to_vec();
        };
        let trace = outputs.first().map_or(0, |v| v.trace);
        let given = variables.iter().map(|(v, _)| v.node).collect();
        let mut collapse =
            Collapse { trace, k, batch, given, sums: FxHashMap::default(), products: FxHashMap::default() };
        collapse.run(outputs);
        outputs.iter().map(|&y| collapse.sum(y)).collect()
    })
}

/// How the sum passes a node.
enum Way {
    /// Through these of its operands; the others are fixed.
    Linear,
    /// Σ over pairs of what varies, each with the factors before the sum.
    Products(Vec<Term>),
    /// Computed with the axis, then summed.
    Whole,
}

/// ± factors · Σᵢ aᵢ bᵢ.
#[derive(Clone)]
struct Term {
    scaled: Scaled,
    pair: (NodeId, NodeId),
}

/// What stands before a sum: a sign, factors and divisors that do not vary.
#[derive(Clone, Default)]
struct Scaled {
    negative: bool,
    factors: SmallVec<[Var; 4]>,
    divisors: SmallVec<[Var; 1]>,
}

impl Scaled {
    fn times(&self, other: &Scaled) -> Scaled {
        let mut both = self.clone();
        both.negative ^= other.negative;
        both.factors.extend(other.factors.iter().copied());
        both.divisors.extend(other.divisors.iter().copied());
        both
    }

    /// The factors applied, without the sign.
    fn apply(&self, sum: Var) -> Var {
        // Factors first: they are shared between the terms of a product and between its readers.
        let factor = self.factors.iter().copied().reduce(|a, b| a * b);
        let scaled = factor.map_or(sum, |f| sum * f);
        self.divisors.iter().fold(scaled, |y, &d| y / d)
    }
}

struct Collapse {
    trace: u32,
    k: usize,
    batch: Batch,
    /// The variables whose values are given.
    given: FxHashSet<NodeId>,
    sums: FxHashMap<NodeId, Var>,
    products: FxHashMap<(NodeId, NodeId), Var>,
}

impl Collapse {
    fn varies(&self, var: Var) -> bool {
        self.batch.span.varies(var.node)
    }

    /// Σᵢ of a variable, known or fixed.
    fn sum(&self, var: Var) -> Var {
        self.sums.get(&var.node).copied().unwrap_or_else(|| var.scale(self.k as f64))
    }

    fn run(&mut self, outputs: &[Var]) {
        let mut wanted: FxHashSet<NodeId> = outputs.iter().filter(|v| self.varies(**v)).map(|v| v.node).collect();
        // Backwards: through which nodes the sum passes, and what it needs with the axis.
        let (mut ways, mut with_axis) = (Vec::new(), Vec::new());
        let between: Vec<NodeId> = self.batch.span.between().collect();
        for &node in between.iter().rev() {
            if !wanted.contains(&node) {
                continue;
            }
            let var = Var { trace: self.trace, node };
            let (step, args) = step(var);
            let way = if self.given.contains(&node) { Way::Whole } else { self.way(&step, &args) };
            match &way {
                Way::Linear => wanted.extend(args.iter().filter(|a| self.varies(**a)).map(|a| a.node)),
                Way::Products(terms) => with_axis.extend(terms.iter().flat_map(|t| [t.pair.0, t.pair.1])),
                Way::Whole => with_axis.push(node),
            }
            ways.push((var, step, args, way));
        }
        self.batch.prepare(with_axis);
        for (var, step, args, way) in ways.into_iter().rev() {
            let sum = in_scope_of(var, || match way {
                Way::Linear => self.linear(&step, &args),
                Way::Products(terms) => self.total(&terms),
                Way::Whole => self.batch.of(var).sum_axes(&[0]),
            });
            self.sums.insert(var.node, sum);
        }
    }

    fn way(&self, step: &Step, args: &[Var]) -> Way {
        let varying: SmallVec<[usize; 4]> = (0..args.len()).filter(|&i| self.varies(args[i])).collect();
        let linear = |holds: bool| if holds { Way::Linear } else { Way::Whole };
        match step {
            Step::Leaf => Way::Whole,
            Step::Row(row) => match row.class() {
                RowClass::Linear => Way::Linear,
                RowClass::Bilinear if varying.len() == 1 => Way::Linear,
                RowClass::Bilinear if *row == Row::Mul => Way::Products(self.multiplied_out(args[0], args[1])),
                RowClass::Implicit => linear(varying[..] == [0]),
                RowClass::Select => linear(!varying.contains(&0)),
                _ => Way::Whole,
            },
            Step::Primitive(p) => match p.class() {
                Class::Linear => linear(varying.iter().all(|&i| p.is_linear_in(i))),
                Class::Bilinear => linear(varying.len() == 1 && p.is_linear_in(varying[0])),
                Class::Implicit => linear(varying[..] == [1]),
                Class::Discrete => Way::Whole,
            },
        }
    }

    fn linear(&self, step: &Step, args: &[Var]) -> Var {
        let place = Location::caller();
        match step {
            Step::Row(Row::Add | Row::Sub | Row::Neg) => {
                let sums: SmallVec<[Var; 2]> = args.iter().map(|&a| self.sum(a)).collect();
                let Step::Row(row) = step else { unreachable!("a row, by the pattern above") };
                pointwise(*row, &sums, place)
            }
            // The branch that does not vary counts k times, the mask once.
            Step::Row(Row::Select) => args[0].select(self.sum(args[1]), self.sum(args[2])),
            Step::Row(row) => {
                let moved: SmallVec<[Var; 3]> =
                    args.iter().map(|&a| if self.varies(a) { self.sum(a) } else { a }).collect();
                pointwise(*row, &moved, place)
            }
            Step::Primitive(p) => {
                let counts = |i: usize| p.class() == Class::Linear && p.is_linear_in(i);
                let moved: Vec<Var> = args
                    .iter()
                    .enumerate()
                    .map(|(i, &a)| if self.varies(a) || counts(i) { self.sum(a) } else { a })
                    .collect();
                record_shared(p.clone(), &moved, place)
            }
            Step::Leaf => unreachable!("a leaf depends on nothing"),
        }
    }

    /// A product of two that vary as a sum of products of as little as possible.
    fn multiplied_out(&self, a: Var, b: Var) -> Vec<Term> {
        let (left, right) = (self.taken_apart(a), self.taken_apart(b));
        if left.len() * right.len() > TERMS {
            let pair = (a.node.min(b.node), a.node.max(b.node));
            return vec![Term { scaled: Scaled::default(), pair }];
        }
        let mut terms = Vec::new();
        for (s, p) in &left {
            for (t, q) in &right {
                terms.push(Term { scaled: s.times(t), pair: (*p.min(q), *p.max(q)) });
            }
        }
        terms
    }

    /// A variable as a sum of scaled nodes that vary.
    fn taken_apart(&self, var: Var) -> SmallVec<[(Scaled, NodeId); 2]> {
        let whole = || smallvec![(Scaled::default(), var.node)];
        if self.given.contains(&var.node) {
            return whole();
        }
        let (step, args) = step(var);
        let Step::Row(row) = step else { return whole() };
        let vary: SmallVec<[bool; 3]> = args.iter().map(|&a| self.varies(a)).collect();
        let mut parts = match (row, &vary[..]) {
            (Row::Neg, _) | (Row::Mul, [true, false]) | (Row::Div, [true, false]) => self.taken_apart(args[0]),
            (Row::Mul, [false, true]) => self.taken_apart(args[1]),
            (Row::Add | Row::Sub, [true, true]) => {
                let mut parts = self.taken_apart(args[0]);
                let mut others = self.taken_apart(args[1]);
                others.iter_mut().for_each(|(scaled, _)| scaled.negative ^= row == Row::Sub);
                parts.extend(others);
                if parts.len() > TERMS {
                    return whole();
                }
                parts
            }
            _ => return whole(),
        };
        for (scaled, _) in &mut parts {
            match (row, &vary[..]) {
                (Row::Neg, _) => scaled.negative ^= true,
                (Row::Mul, [true, false]) => scaled.factors.push(args[1]),
                (Row::Mul, [false, true]) => scaled.factors.push(args[0]),
                (Row::Div, _) => scaled.divisors.push(args[1]),
                _ => {}
            }
        }
        parts
    }

    /// Σ of terms.
    fn total(&mut self, terms: &[Term]) -> Var {
        let mut total: Option<Var> = None;
        for term in terms {
            let (a, b) = term.pair;
            let of = |node| self.batch.of(Var { trace: self.trace, node });
            let sum = *self.products.entry(term.pair).or_insert_with(|| (of(a) * of(b)).sum_axes(&[0]));
            let part = term.scaled.apply(sum);
            total = Some(match (total, term.scaled.negative) {
                (None, false) => part,
                (None, true) => -part,
                (Some(sum), false) => sum + part,
                (Some(sum), true) => sum - part,
            });
        }
        total.expect("a product has a term")
    }
}
