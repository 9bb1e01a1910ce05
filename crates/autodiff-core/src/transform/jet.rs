//! Truncated Taylor series through the tape.
//!
//! With inputs x(t) = Σ xₖ tᵏ, every node y gets coefficients yₖ (divided by k!). Each class states them once:
//!
//! * linear f: yₖ = f(xₖ)
//! * bilinear f: yₖ = Σ_{j=0..k} f(aⱼ, b_{k−j})
//! * implicit, B(c, y) = r: yₖ solves B(c₀, yₖ) = rₖ − Σ_{j=1..k} B(cⱼ, y_{k−j})
//! * smooth with partial d: yₖ = 1/k Σ_{j=1..k} j xⱼ d_{k−j}; the partial is recorded as ordinary nodes, equal ones merged,
//!   and its series is asked for only as far as it is needed. So y and its partial may refer to each other (tan: 1 + y²).
//! * smooth with inverse partial q: y₀′ = x′/q, so yₖ = (xₖ − 1/k Σ_{j=1..k−1} j yⱼ q_{k−j}) / q₀
//!
//! Coefficients that are zero are never recorded. Order 1 is the tangent: there is no second forward transform.
//! Source: Griewank & Walther, Evaluating Derivatives, ch. 13; Bettencourt, Johnson & Duvenaud 2019.

use super::{Step, add, needed, passes, step, varying};
use crate::graph::{Class, NodeId, Operation, Var};
use crate::real::{Class as RowClass, Elementary, Row, Slope};
use crate::trace::{constant, peek, record_row, record_shared, sharing};
use std::collections::HashMap;
use std::panic::Location;

/// A variable whose series is given: coefficients 1, 2, … of the curve it moves on (`None` and missing ones are zero).
#[derive(Clone, Debug)]
pub struct Seed {
    /// The variable; its own dependence on others is cut.
    pub variable: Var,
    /// Coefficients from order 1 on, of the shape of the variable.
    pub coefficients: Vec<Option<Var>>,
}

/// Taylor coefficients 1 to `order` of every output, `None` where zero. Coefficient k is divided by k!.
///
/// Records O(order²) nodes for an elementwise or bilinear node and O(order) for a linear one.
pub fn jet(outputs: &[Var], seeds: &[Seed], order: usize) -> Vec<Vec<Option<Var>>> {
    sharing(|| {
        let Some(mut jets) = Jets::new(outputs, seeds) else {
            return vec![vec![None; order]; outputs.len()];
        };
        jets.sweep(order);
        outputs.iter().map(|&y| (1..=order).map(|k| jets.coefficient(y, k)).collect()).collect()
    })
}

/// Tangents of the outputs when the variables move with the given tangents: the jet of order 1.
pub fn tangent(outputs: &[Var], tangents: &[(Var, Option<Var>)]) -> Vec<Option<Var>> {
    let seeds: Vec<Seed> = tangents.iter().map(|&(variable, t)| Seed { variable, coefficients: vec![t] }).collect();
    jet(outputs, &seeds, 1).into_iter().map(|c| c[0]).collect()
}

/// A coefficient that was asked for before.
type Known = Option<Option<Var>>;

struct Jets {
    seeds: HashMap<NodeId, Vec<Option<Var>>>,
    /// For nodes of the tape at the start: whether they vary with the seeds.
    varies: Vec<bool>,
    /// The nodes between seeds and outputs, in order.
    between: Vec<Var>,
    /// Nodes whose value a `select` may discard: their products with (co)tangents are strong.
    discardable: Vec<bool>,
    /// Whether later nodes (partials) vary.
    later: HashMap<NodeId, bool>,
    coefficients: HashMap<NodeId, Vec<Known>>,
    slopes: HashMap<(NodeId, usize), Slope<Var>>,
}

impl Jets {
    fn new(outputs: &[Var], seeds: &[Seed]) -> Option<Jets> {
        if !crate::trace::all_here("derivative", outputs, Location::caller()) {
            return None;
        }
        peek(|graph| {
            let sources: Vec<NodeId> =
                seeds.iter().filter(|s| s.coefficients.iter().any(Option::is_some)).map(|s| s.variable.node).collect();
            let all: Vec<NodeId> = seeds.iter().map(|s| s.variable.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|v| v.node).collect();
            let mut varies = varying(graph, &sources, passes);
            for seed in seeds {
                varies[seed.variable.node.index()] = seed.coefficients.iter().any(Option::is_some);
            }
            let needed = needed(graph, &targets, &all);
            let trace = outputs.first().map_or(0, |v| v.trace);
            let between = graph
                .ids()
                .filter(|id| varies[id.index()] && needed[id.index()])
                .map(|node| Var { trace, node })
                .collect();
            let mut discardable = vec![false; graph.len()];
            for id in graph.ids().rev() {
                let args = graph.arguments(id);
                if matches!(graph.operation(id), Operation::Row(Row::Select)) {
                    discardable[args[1].index()] = true;
                    discardable[args[2].index()] = true;
                }
                if discardable[id.index()] {
                    for arg in args {
                        discardable[arg.index()] = true;
                    }
                }
            }
            Jets {
                seeds: seeds.iter().map(|s| (s.variable.node, s.coefficients.clone())).collect(),
                varies,
                between,
                discardable,
                later: HashMap::new(),
                coefficients: HashMap::new(),
                slopes: HashMap::new(),
            }
        })
    }

    /// Visits nodes in order, so that no coefficient is asked for deep in a recursion.
    fn sweep(&mut self, order: usize) {
        for var in std::mem::take(&mut self.between) {
            for k in 1..=order {
                self.coefficient(var, k);
            }
        }
    }

    fn varies(&mut self, var: Var) -> bool {
        if let Some(&known) = self.varies.get(var.node.index()) {
            return known;
        }
        if let Some(&known) = self.later.get(&var.node) {
            return known;
        }
        let (_, args) = step(var);
        let through: Vec<bool> =
            peek(|graph| (0..args.len()).map(|i| passes(graph, var.node, i)).collect()).unwrap_or_default();
        let varies = args.iter().zip(through).any(|(&a, passes)| passes && self.varies(a));
        self.later.insert(var.node, varies);
        varies
    }

    /// Coefficient `k` of a variable; of order 0 its value.
    fn coefficient(&mut self, var: Var, k: usize) -> Option<Var> {
        if k == 0 {
            return Some(var);
        }
        if !self.varies(var) {
            return None;
        }
        if let Some(series) = self.seeds.get(&var.node) {
            return series.get(k - 1).copied().flatten();
        }
        if let Some(Some(known)) = self.coefficients.get(&var.node).and_then(|known| known.get(k)) {
            return *known;
        }
        let found = self.compute(var, k);
        let known = self.coefficients.entry(var.node).or_default();
        if known.len() <= k {
            known.resize(k + 1, None);
        }
        known[k] = Some(found);
        found
    }

    fn compute(&mut self, var: Var, k: usize) -> Option<Var> {
        let (step, args) = step(var);
        match step {
            Step::Leaf => None,
            Step::Row(row) => match row.class() {
                RowClass::Discrete => None,
                RowClass::Linear => self.linear_row(row, &args, k),
                RowClass::Bilinear => {
                    let strong = row == Row::StrongMul || self.is_discardable(var);
                    if args[0].node == args[1].node {
                        return self.square(args[0], k, strong);
                    }
                    self.convolution(args[0], args[1], k, 0, |a, b, late| {
                        if late { times(b, a, strong) } else { times(a, b, strong) }
                    })
                }
                RowClass::Implicit => {
                    // b·y = a.
                    let strong = row == Row::StrongDiv || self.is_discardable(var);
                    let known = self.convolution(args[1], var, k, 1, |b, y, _| times(b, y, strong));
                    let rest = subtract(self.coefficient(args[0], k), known)?;
                    Some(over(rest, args[1], strong))
                }
                RowClass::Select => {
                    let (a, b) = (self.coefficient(args[1], k), self.coefficient(args[2], k));
                    if a.is_none() && b.is_none() {
                        return None;
                    }
                    let or_zero = |c: Option<Var>| c.unwrap_or_else(|| constant(0.0));
                    Some(args[0].select(or_zero(a), or_zero(b)))
                }
                RowClass::Smooth => self.smooth_row(row, var, &args, k),
            },
            Step::Primitive(p) => match p.class() {
                Class::Discrete => None,
                Class::Linear => {
                    let mut any = false;
                    let mut moved = args.clone();
                    for (i, arg) in args.iter().enumerate().filter(|(i, _)| p.is_linear_in(*i)) {
                        let coefficient = self.coefficient(*arg, k);
                        any |= coefficient.is_some();
                        moved[i] = coefficient.unwrap_or_else(|| constant(0.0).broadcast_to(&arg.shape()));
                    }
                    any.then(|| record_shared(p, &moved, Location::caller()))
                }
                Class::Bilinear => self.convolution(args[0], args[1], k, 0, |a, b, _| {
                    record_shared(p.clone(), &[a, b], Location::caller())
                }),
                Class::Implicit => {
                    let known = self.convolution(args[0], var, k, 1, |c, y, _| p.relation(c, y));
                    let rest = subtract(self.coefficient(args[1], k), known)?;
                    Some(record_shared(p, &[args[0], rest], Location::caller()))
                }
            },
        }
    }

    fn is_discardable(&self, var: Var) -> bool {
        self.discardable.get(var.node.index()).copied().unwrap_or(false)
    }

    fn linear_row(&mut self, row: Row, args: &[Var], k: usize) -> Option<Var> {
        let a = self.coefficient(args[0], k);
        match row {
            Row::Neg => a.map(|a| -a),
            Row::Add => add(a, self.coefficient(args[1], k)),
            _ => subtract(a, self.coefficient(args[1], k)),
        }
    }

    /// Σ_{j=first..k} f(aⱼ, b_{k−j}, j = 0); `f` is told where its first factor is a value and the second the direction.
    fn convolution(
        &mut self,
        a: Var,
        b: Var,
        k: usize,
        first: usize,
        f: impl Fn(Var, Var, bool) -> Var,
    ) -> Option<Var> {
        let mut sum = None;
        for j in (first..=k).rev() {
            if let (Some(aj), Some(bj)) = (self.coefficient(a, j), self.coefficient(b, k - j)) {
                sum = add(sum, Some(f(aj, bj, j == 0)));
            }
        }
        sum
    }

    /// Coefficient k of a², by the symmetric half of the convolution doubled.
    fn square(&mut self, a: Var, k: usize, strong: bool) -> Option<Var> {
        let mut half = None;
        for j in (k / 2 + 1)..=k {
            if let (Some(late), Some(early)) = (self.coefficient(a, j), self.coefficient(a, k - j)) {
                half = add(half, Some(times(late, early, strong)));
            }
        }
        let middle = if k.is_multiple_of(2) { self.coefficient(a, k / 2) } else { None };
        add(half.map(|h| scaled(h, 2.0)), middle.map(|m| times(m, m, strong)))
    }

    fn smooth_row(&mut self, row: Row, y: Var, args: &[Var], k: usize) -> Option<Var> {
        let strong = !row.is_bounded() && self.is_discardable(y);
        let mut sum = None;
        for (i, &x) in args.iter().enumerate() {
            if !self.varies(x) {
                continue;
            }
            match self.slope(row, i, args, y) {
                Slope::Partial(d) => {
                    let mut part = None;
                    for j in (1..=k).rev() {
                        let (Some(xj), Some(dj)) = (self.coefficient(x, j), self.coefficient(d, k - j)) else {
                            continue;
                        };
                        let weighted = if k == 1 { xj } else { scaled(xj, j as f64 / k as f64) };
                        part = add(part, Some(times(weighted, dj, strong)));
                    }
                    sum = add(sum, part);
                }
                Slope::Inverse(q) => {
                    let mut known = None;
                    for j in 1..k {
                        let (Some(yj), Some(qj)) = (self.coefficient(y, j), self.coefficient(q, k - j)) else {
                            continue;
                        };
                        known = add(known, Some(times(scaled(yj, j as f64 / k as f64), qj, strong)));
                    }
                    if let Some(rest) = subtract(self.coefficient(x, k), known) {
                        sum = add(sum, Some(over(rest, q, strong)));
                    }
                }
            }
        }
        sum
    }

    fn slope(&mut self, row: Row, i: usize, args: &[Var], y: Var) -> Slope<Var> {
        let slope = self.slopes.entry((y.node, i)).or_insert_with(|| row.slope(i, args, &y));
        match slope {
            Slope::Partial(d) => Slope::Partial(*d),
            Slope::Inverse(q) => Slope::Inverse(*q),
        }
    }
}

/// a · b where `a` carries the direction.
fn times(a: Var, b: Var, strong: bool) -> Var {
    if strong { record_row(Row::StrongMul, &[a, b], Location::caller()) } else { a * b }
}

/// a / b where `a` carries the direction.
fn over(a: Var, b: Var, strong: bool) -> Var {
    if strong { record_row(Row::StrongDiv, &[a, b], Location::caller()) } else { a / b }
}

fn subtract(a: Option<Var>, b: Option<Var>) -> Option<Var> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a - b),
        (a, None) => a,
        (None, Some(b)) => Some(-b),
    }
}

fn scaled(a: Var, c: f64) -> Var {
    if c == 1.0 { a } else { a.scale(c) }
}
