//! The sum over directions, taken as early as it can be.
//!
//! The highest Taylor coefficient enters everything after it linearly: y_K = f′(x₀) x_K + (lower coefficients). So a sum over
//! k directions of highest coefficients, which a Laplacian is, can be carried through the program as one variable instead of
//! k, and only the lower coefficients need the axis of directions. Nothing here is about Taylor series, though: S(y) = Σᵢ yᵢ
//! passes every node that is linear in what varies,
//!
//! * S(f(a)) = f(S(a)) for linear f, bilinear f with one factor that varies, and quotients and solves whose denominator does not;
//! * S(a·b) = Σᵢ aᵢ bᵢ for a product of two that vary, with the axis of directions. Factors that do not vary stand before the sum:
//!   Σᵢ (u·pᵢ)(v·pᵢ + w·pᵢ) = u (v + w) Σᵢ pᵢ²;
//! * everything else is computed with the axis and summed.
//!
//! Source: Dangel, Siebert, Zeinhofer, Walther, *Collapsing Taylor Mode Automatic Differentiation*, 2025; for the Laplacian alone
//! Li et al., *A computational framework for neural network-based variational Monte Carlo with Forward Laplacian*, 2024.

use super::batch::{Batch, in_scope_of};
use super::{Step, step};
use crate::graph::{Class, NodeId, Var};
use crate::primitive::pointwise::pointwise;
use crate::real::{Class as RowClass, Elementary, Row};
use crate::shape::Shape;
use crate::trace::{constant, record_shared, sharing};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::panic::Location;

/// Nodes that factors are looked for through, one below the other.
const DEPTH: usize = 8;

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
    /// Σ over products of what varies, with the factors that do not before the sum.
    Product(Scaled, Scaled),
    /// Computed with the axis, then summed.
    Whole,
}

/// A variable as a node that varies, times a factor that does not.
#[derive(Clone, Copy)]
struct Scaled {
    negative: bool,
    factor: Option<Var>,
    node: NodeId,
}

impl Scaled {
    fn times(self, factor: Var) -> Scaled {
        Scaled { factor: Some(self.factor.map_or(factor, |f| f * factor)), ..self }
    }

    /// The factor without the sign, of a shape.
    fn factor_of(self, shape: &Shape) -> Var {
        self.factor.unwrap_or_else(|| constant(1.0).broadcast_to(shape))
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
                Way::Product(a, b) => with_axis.extend([a.node, b.node]),
                Way::Whole => with_axis.push(node),
            }
            ways.push((var, step, args, way));
        }
        self.batch.prepare(with_axis);
        for (var, step, args, way) in ways.into_iter().rev() {
            let sum = in_scope_of(var, || match way {
                Way::Linear => self.linear(&step, &args),
                Way::Product(a, b) => self.product(a, b),
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
                RowClass::Bilinear if *row == Row::Mul => {
                    Way::Product(self.taken_apart(args[0], 0), self.taken_apart(args[1], 0))
                }
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

    /// A variable as a node that varies and a factor before it. Summands with the same node are one, by the sum of their factors;
    /// others stay together: multiplied out, differences would cancel.
    fn taken_apart(&self, var: Var, depth: usize) -> Scaled {
        let whole = Scaled { negative: false, factor: None, node: var.node };
        if depth == DEPTH || self.given.contains(&var.node) {
            return whole;
        }
        let (step, args) = step(var);
        let Step::Row(row) = step else { return whole };
        let vary: SmallVec<[bool; 3]> = args.iter().map(|&a| self.varies(a)).collect();
        let inner = |i: usize| self.taken_apart(args[i], depth + 1);
        match (row, &vary[..]) {
            (Row::Neg, _) => {
                let a = inner(0);
                Scaled { negative: !a.negative, ..a }
            }
            (Row::Mul, [true, false]) => inner(0).times(args[1]),
            (Row::Mul, [false, true]) => inner(1).times(args[0]),
            (Row::Div, [true, false]) => inner(0).times(1.0 / args[1]),
            (Row::Add | Row::Sub, [true, true]) => {
                let (a, b) = (inner(0), inner(1));
                if a.node != b.node {
                    return whole;
                }
                let (f, g) = (a.factor_of(&var.shape()), b.factor_of(&var.shape()));
                let apart = (a.negative != b.negative) != (row == Row::Sub);
                Scaled { factor: Some(if apart { f - g } else { f + g }), ..a }
            }
            _ => whole,
        }
    }

    /// Σ of the products of two.
    fn product(&mut self, a: Scaled, b: Scaled) -> Var {
        let of = |node| self.batch.of(Var { trace: self.trace, node });
        let pair = (a.node.min(b.node), a.node.max(b.node));
        let sum = *self.products.entry(pair).or_insert_with(|| (of(pair.0) * of(pair.1)).sum_axes(&[0]));
        let scaled = [a.factor, b.factor].into_iter().flatten().fold(sum, |sum, factor| sum * factor);
        if a.negative != b.negative { -scaled } else { scaled }
    }
}
