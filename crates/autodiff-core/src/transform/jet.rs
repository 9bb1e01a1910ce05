//! Truncated Taylor series through the tape.
//!
//! With inputs x(t) = Σ xₖ tᵏ, every node y gets coefficients yₖ (divided by k!). Each class states them once:
//!
//! * linear f: yₖ = f(xₖ)
//! * bilinear f: yₖ = Σ_{j=0..k} f(aⱼ, b_{k−j})
//! * implicit, B(c, y) = r: yₖ solves B(c₀, yₖ) = rₖ − Σ_{j=1..k} B(cⱼ, y_{k−j})
//! * products of the form c ± x², as of 1 − y and 1 + y: the symmetric half of that of x²
//! * smooth with partial d: yₖ = 1/k Σ_{j=1..k} j xⱼ d_{k−j}; the partial is recorded as ordinary nodes, equal ones merged,
//!   and its series is asked for only as far as it is needed. So y and its partial may refer to each other (tan: 1 + y²).
//! * smooth with inverse partial q: y₀′ = x′/q, so yₖ = (xₖ − 1/k Σ_{j=1..k−1} j yⱼ q_{k−j}) / q₀
//!
//! * xᵖ with an exponent that does not vary, from order 2 on: yₖ = 1/(k x₀) Σ_{j=1..k} (p j − (k − j)) xⱼ y_{k−j}
//!
//! Coefficients that are zero are never recorded. Order 1 is the tangent: there is no second forward transform.
//! Source: Griewank & Walther, Evaluating Derivatives, ch. 13; Bettencourt, Johnson & Duvenaud 2019.

use super::span::Span;
use super::{Step, add, passes, step};
use crate::graph::{Class, Graph, NodeId, Operation, Scope, Var};
use crate::real::{Class as RowClass, Elementary, Row, Slope};
use crate::trace::{constant, mark_exits, peek, record_row, record_shared, sharing, within};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::ops::RangeInclusive;
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
/// Records O(order²) nodes for an elementwise or bilinear node and O(order) for a linear one; O(order³) for `ln_gamma`, `digamma`,
/// and for `pow` with an exponent that is no number in the text of the closure.
pub fn jet(outputs: &[Var], seeds: &[Seed], order: usize) -> Vec<Vec<Option<Var>>> {
    sharing(|| {
        let Some(mut jets) = Jets::new(outputs, seeds) else {
            return vec![vec![None; order]; outputs.len()];
        };
        jets.sweep(1..=order);
        outputs.iter().map(|&y| (1..=order).map(|k| jets.coefficient(y, k)).collect()).collect()
    })
}

/// The solution of y′ = f(y, t) as a series in t: for each state y its coefficients 1 to `order`, `None` where zero.
///
/// `rates` are the values f of the states, in their order. Coefficient k + 1 of a state is that of its rate of order k over
/// k + 1, so orders are computed one after the other, each from those below: as many nodes as for one jet of this order.
pub fn flow(rates: &[Var], states: &[Var], time: Var, order: usize) -> Vec<Vec<Option<Var>>> {
    sharing(|| {
        let moves = |variable, first| Seed { variable, coefficients: vec![Some(first)] };
        let mut seeds: Vec<Seed> = rates.iter().zip(states).map(|(&rate, &state)| moves(state, rate)).collect();
        seeds.push(moves(time, constant(1.0)));
        let mut series: Vec<Vec<Option<Var>>> = rates.iter().map(|&rate| vec![Some(rate)]).collect();
        let Some(mut jets) = Jets::new(rates, &seeds) else {
            return series;
        };
        for k in 1..order {
            jets.sweep(k..=k);
            for ((&rate, &state), known) in rates.iter().zip(states).zip(&mut series) {
                let next = jets.coefficient(rate, k).map(|c| scaled(c, 1.0 / (k + 1) as f64));
                known.push(next);
                jets.seeds.entry(state.node).or_default().push(next);
            }
        }
        series
    })
}

/// Tangents of the outputs when the variables move with the given tangents: the jet of order 1.
pub fn tangent(outputs: &[Var], tangents: &[(Var, Option<Var>)]) -> Vec<Option<Var>> {
    let seeds: Vec<Seed> = tangents.iter().map(|&(variable, t)| Seed { variable, coefficients: vec![t] }).collect();
    jet(outputs, &seeds, 1).into_iter().map(|c| c[0]).collect()
}

/// A coefficient that was asked for before.
type Known = Option<Option<NodeId>>;

struct Jets {
    trace: u32,
    seeds: FxHashMap<NodeId, Vec<Option<Var>>>,
    /// The part of the tape between seeds and outputs.
    span: Span,
    /// Nodes of the span whose value a `select` may discard: their products with (co)tangents are strong.
    discardable: Vec<bool>,
    /// Whether later nodes (partials) vary.
    later: FxHashMap<NodeId, bool>,
    /// By position after the first node of the span, then by order.
    coefficients: Vec<SmallVec<[Known; 2]>>,
    slopes: FxHashMap<(NodeId, usize), Slope<Var>>,
    /// Of powers with an exponent that does not vary.
    powers: FxHashMap<NodeId, Power>,
}

/// What the coefficients of a power y = xᵖ are made of, beside those of x and y.
#[derive(Clone, Copy)]
struct Power {
    exponent: Var,
    /// The exponent, where it is one number.
    number: Option<f64>,
    /// x₀, or 1 where the recurrence does not hold.
    divisor: Var,
    /// Where it does not hold, and the power below, xᵖ⁻¹, of which coefficients are made there.
    singular: Option<(Var, Var)>,
}

impl Jets {
    fn new(outputs: &[Var], seeds: &[Seed]) -> Option<Jets> {
        if !crate::trace::all_here("derivative", outputs, Location::caller()) {
            return None;
        }
        peek(|graph| {
            let moves = |s: &&Seed| s.coefficients.iter().any(Option::is_some);
            let sources: Vec<NodeId> = seeds.iter().filter(moves).map(|s| s.variable.node).collect();
            let fixed: Vec<NodeId> = seeds.iter().filter(|s| !moves(s)).map(|s| s.variable.node).collect();
            let targets: Vec<NodeId> = outputs.iter().map(|v| v.node).collect();
            let span = Span::new(graph, &sources, &fixed, &targets, |id, i| passes(graph, id, i));
            Jets {
                trace: outputs.first().map_or(0, |v| v.trace),
                seeds: seeds.iter().map(|s| (s.variable.node, s.coefficients.clone())).collect(),
                discardable: discardable(graph, &span),
                span,
                later: FxHashMap::default(),
                coefficients: Vec::new(),
                slopes: FxHashMap::default(),
                powers: FxHashMap::default(),
            }
        })
    }

    /// Visits nodes in order, so that no coefficient is asked for deep in a recursion.
    fn sweep(&mut self, orders: RangeInclusive<usize>) {
        let between: Vec<NodeId> = self.span.between().collect();
        for node in between {
            let var = Var { trace: self.trace, node };
            // The series of a part that is to be computed again is part of it.
            let scope = peek(|graph| graph.scope(node)).flatten();
            for k in orders.clone() {
                let coefficient = if scope.is_some() {
                    within(scope.map(|s| Scope { exit: false, ..s }), || self.coefficient(var, k))
                } else {
                    self.coefficient(var, k)
                };
                if scope.is_some_and(|s| s.exit) {
                    coefficient.iter().for_each(|&c| mark_exits(&[c]));
                }
            }
        }
    }

    fn varies(&mut self, var: Var) -> bool {
        if var.node.index() < self.span.end() {
            return self.span.varies(var.node);
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
        // What varies stands at or after the first node of the span.
        let at = var.node.index() - self.span.first();
        if let Some(Some(known)) = self.coefficients.get(at).and_then(|known| known.get(k - 1)) {
            return known.map(|node| Var { trace: self.trace, node });
        }
        let found = match self.seeds.get(&var.node) {
            Some(series) => series.get(k - 1).copied().flatten(),
            None => self.compute(var, k),
        };
        if self.coefficients.len() <= at {
            self.coefficients.resize(at + 1, SmallVec::new());
        }
        let known = &mut self.coefficients[at];
        if known.len() < k {
            known.resize(k, None);
        }
        known[k - 1] = Some(found.map(|v| v.node));
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
                    // A strong product is 0 where its first factor is, whatever the second and its series are.
                    let guarded = row == Row::StrongMul;
                    let strong = guarded || self.is_discardable(var);
                    if let Some((x, sign)) = self.square_up_to_constant(&args).filter(|_| !guarded) {
                        return self.square(x, sign, k, strong);
                    }
                    self.convolution(args[0], args[1], k, 0, |a, b, late| {
                        if late && !guarded { times(b, a, strong) } else { times(a, b, strong) }
                    })
                }
                RowClass::Implicit => {
                    // b·y = a.
                    let guarded = row == Row::StrongDiv;
                    let strong = guarded || self.is_discardable(var);
                    let known = self.convolution(args[1], var, k, 1, |b, y, _| {
                        if guarded { times(y, b, strong) } else { times(b, y, strong) }
                    });
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
        var.node.index().checked_sub(self.span.first()).is_some_and(|i| self.discardable.get(i) == Some(&true))
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

    /// (x, ±1) if a product is c ± x² for a number c: x · x, (c − x)(c + x) and their like, from order 1 on.
    fn square_up_to_constant(&self, factors: &[Var]) -> Option<(Var, f64)> {
        let (a, b) = (self.affine(factors[0]), self.affine(factors[1]));
        // (α + s x)(β + t x) = αβ + (αt + βs) x + st x².
        let slope = a.constant * b.sign + b.constant * a.sign;
        (a.of.node == b.of.node && slope == 0.0).then_some((a.of, a.sign * b.sign))
    }

    /// A variable as a number and another variable, as far as a few operations tell.
    fn affine(&self, var: Var) -> Affine {
        let mut affine = Affine { constant: 0.0, sign: 1.0, of: var };
        peek(|graph| {
            for _ in 0..LINKS {
                if self.seeds.contains_key(&affine.of.node) {
                    break;
                }
                let args = graph.arguments(affine.of.node);
                let number = |i: usize| repeated_number(graph, args[i]);
                let (node, sign, number) = match graph.operation(affine.of.node) {
                    Operation::Row(Row::Neg) => (args[0], -1.0, 0.0),
                    Operation::Row(Row::Add) => match (number(0), number(1)) {
                        (None, Some(c)) => (args[0], 1.0, c),
                        (Some(c), None) => (args[1], 1.0, c),
                        _ => break,
                    },
                    Operation::Row(Row::Sub) => match (number(0), number(1)) {
                        (None, Some(c)) => (args[0], 1.0, -c),
                        (Some(c), None) => (args[1], -1.0, c),
                        _ => break,
                    },
                    _ => break,
                };
                affine.constant += affine.sign * number;
                affine.sign *= sign;
                affine.of.node = node;
            }
        });
        affine
    }

    /// Coefficient k of ±x², by the symmetric half of the convolution with its early factors doubled.
    fn square(&mut self, x: Var, sign: f64, k: usize, strong: bool) -> Option<Var> {
        let mut sum = None;
        for j in (k / 2 + 1)..=k {
            if let (Some(late), Some(early)) = (self.coefficient(x, j), self.coefficient(x, k - j)) {
                sum = add(sum, Some(times(late, scaled(early, 2.0 * sign), strong)));
            }
        }
        let middle = if k.is_multiple_of(2) { self.coefficient(x, k / 2) } else { None };
        let middle = middle.map(|m| times(m, m, strong));
        if sign < 0.0 { subtract(sum, middle) } else { add(sum, middle) }
    }

    fn smooth_row(&mut self, row: Row, y: Var, args: &[Var], k: usize) -> Option<Var> {
        // Also where partials are finite at every number: at NaN, which a discarded branch may hold, they are not.
        let strong = self.is_discardable(y);
        let mut sum = None;
        for (i, &x) in args.iter().enumerate() {
            if !self.varies(x) {
                continue;
            }
            if row == Row::Pow && k > 1 && !args.iter().skip(1).any(|&p| self.varies(p)) {
                return self.power(y, x, args[1], k, strong);
            }
            match self.slope(row, i, args, y) {
                Slope::Partial(d) => {
                    let mut part = None;
                    for j in (1..=k).rev() {
                        let (Some(xj), Some(dj)) = (self.coefficient(x, j), self.coefficient(d, k - j)) else {
                            continue;
                        };
                        part = add(part, Some(times(scaled(xj, j as f64), dj, strong)));
                    }
                    sum = add(sum, part.map(|p| scaled(p, 1.0 / k as f64)));
                }
                Slope::Inverse(q) => {
                    let mut known = None;
                    for j in 1..k {
                        let (Some(yj), Some(qj)) = (self.coefficient(y, j), self.coefficient(q, k - j)) else {
                            continue;
                        };
                        known = add(known, Some(times(scaled(yj, j as f64), qj, strong)));
                    }
                    let known = known.map(|sum| scaled(sum, 1.0 / k as f64));
                    if let Some(rest) = subtract(self.coefficient(x, k), known) {
                        sum = add(sum, Some(over(rest, q, strong)));
                    }
                }
            }
        }
        sum
    }

    /// Coefficient `k` ≥ 2 of y = xᵖ for an exponent that does not vary: from x·y′ = p·y·x′,
    ///
    /// > k x₀ yₖ = Σ_{j=1..k} (p j − (k − j)) xⱼ y_{k−j}.
    ///
    /// Where x·y vanishes, and where p turns out to be whole, it comes from the power below: k yₖ = p Σ_{j=1..k} j xⱼ (xᵖ⁻¹)_{k−j}.
    fn power(&mut self, y: Var, x: Var, p: Var, k: usize, strong: bool) -> Option<Var> {
        let power = *self.powers.entry(y.node).or_insert_with(|| Power::new(y, x, p));
        let (mut by_order, mut plain) = (None, None);
        for j in (1..=k).rev() {
            let (Some(xj), Some(yj)) = (self.coefficient(x, j), self.coefficient(y, k - j)) else { continue };
            let (part, rest) = (j as f64 / k as f64, (k - j) as f64 / k as f64);
            match power.number {
                Some(p) => by_order = add(by_order, Some(times(scaled(xj, p * part - rest), yj, strong))),
                None => {
                    by_order = add(by_order, Some(times(scaled(xj, part), yj, strong)));
                    plain = add(plain, (j < k).then(|| times(scaled(xj, rest), yj, strong)));
                }
            }
        }
        if power.number.is_none() {
            by_order = subtract(by_order.map(|sum| times(sum, power.exponent, strong)), plain);
        }
        let direct = by_order.map(|sum| over(sum, power.divisor, strong));
        let Some((singular, below)) = power.singular else { return direct };
        let mut sum = None;
        for j in (1..=k).rev() {
            if let (Some(xj), Some(zj)) = (self.coefficient(x, j), self.coefficient(below, k - j)) {
                sum = add(sum, Some(times(scaled(xj, j as f64 / k as f64), zj, strong)));
            }
        }
        // Of x⁰ there is no power below, whatever it is at 0.
        let from_below = sum.map(|sum| times(power.exponent, sum, true));
        let or_zero = |c: Option<Var>| c.unwrap_or_else(|| constant(0.0));
        Some(singular.select(or_zero(from_below), or_zero(direct)))
    }

    fn slope(&mut self, row: Row, i: usize, args: &[Var], y: Var) -> Slope<Var> {
        let slope = self.slopes.entry((y.node, i)).or_insert_with(|| row.slope(i, args, &y));
        match slope {
            Slope::Partial(d) => Slope::Partial(*d),
            Slope::Inverse(q) => Slope::Inverse(*q),
        }
    }
}

impl Power {
    fn new(y: Var, x: Var, p: Var) -> Power {
        let number = peek(|graph| repeated_number(graph, p.node)).flatten();
        let vanishes = || (x * y).equals(0.0);
        let singular = match number {
            // At 0 it is infinite, and so is every coefficient.
            Some(p) if p < 0.0 => None,
            Some(p) => Some((vanishes(), x.powf(p - 1.0))),
            None => Some((vanishes().select(1.0, p.abs().floor().equals(p)), x.pow(p - 1.0))),
        };
        let divisor = singular.map_or(x, |(singular, _)| singular.select(1.0, x));
        Power { exponent: p, number, divisor, singular }
    }
}

/// Sums with numbers, and negations, that are looked through.
const LINKS: usize = 4;

/// constant + sign · of, where the sign is 1 or −1.
struct Affine {
    constant: f64,
    sign: f64,
    of: Var,
}

/// The number that every entry of a node is, if it is a constant.
pub(crate) fn repeated_number(graph: &Graph, id: NodeId) -> Option<f64> {
    match graph.operation(id) {
        Operation::Constant(c) => Some(c),
        Operation::Primitive(p) if p.name() == "broadcast" => repeated_number(graph, graph.arguments(id)[0]),
        _ => None,
    }
}

/// For the nodes of a span whether a `select` further on in it may discard their value.
fn discardable(graph: &Graph, span: &Span) -> Vec<bool> {
    let mut marks = vec![false; span.end().saturating_sub(span.first())];
    let mark = |marks: &mut [bool], id: NodeId| {
        if let Some(i) = id.index().checked_sub(span.first()) {
            marks[i] = true;
        }
    };
    for id in span.between().rev() {
        let args = graph.arguments(id);
        let from = match graph.operation(id) {
            _ if marks[id.index() - span.first()] => 0,
            Operation::Row(Row::Select) => 1,
            _ => args.len(),
        };
        for (_, &arg) in args.iter().enumerate().skip(from).filter(|(i, _)| passes(graph, id, *i)) {
            mark(&mut marks, arg);
        }
    }
    marks
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
