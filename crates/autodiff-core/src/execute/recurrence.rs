//! Running the recurrences of Taylor coefficients order by order, instead of as a program that has each of them as a node.
//!
//! For the series of the solution of y′ = f(y, t) every node of f is visited once for each order, and a coefficient of a product is
//! one sum of products over all lower orders, which in a program would be a node each. The rules are those of
//! [`flow`](crate::transform::flow): linear, bilinear, quotient, and smooth by the partials that the rows state, which are nodes.
//!
//! Where all that moves is elementwise and of one shape, chunks of entries run through all orders, so that their series stay in
//! the cache.

use super::interpret::fault_error;
use crate::error::{Error, Result};
use crate::graph::{Arguments, Class, Executable, Graph, NodeId, Operation, Primitive};
use crate::primitive::Broadcast;
use crate::real::{Class as RowClass, Row, Slope};
use crate::tensor::View;
use kernels::vector::{Term, chain};
use smallvec::SmallVec;
use std::any::Any;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries that run through all orders together where all are alike.
const CHUNK: usize = 128;

/// The recurrences of a graph of rates.
#[derive(Debug)]
pub(crate) struct Recurrences {
    graph: Graph,
    /// Which recurrences these are, so that memory of others is not taken for theirs.
    serial: u64,
    steps: Vec<Step>,
    /// Up to which order a node has coefficients: 0 for what does not move.
    degrees: Vec<usize>,
    /// Nodes whose coefficients j are also kept times j, as the rules of smooth rows read them.
    weighted: Vec<bool>,
    /// The number of entries, if all that moves is elementwise and has so many.
    plane: Option<usize>,
    /// Entries of each node that are in memory at once: of a plane those of a chunk.
    sizes: Vec<usize>,
    /// Which nodes are a plane.
    planes: Vec<bool>,
}

/// A node that moves, by its rule.
#[derive(Debug)]
struct Step {
    node: NodeId,
    args: Arguments,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    /// The sum of the operands; which of them are subtracted.
    Sum(SmallVec<[bool; 2]>),
    Product,
    Quotient,
    /// y′ = Σ d·x′, over operands x that move, each with its partial d.
    Smooth(SmallVec<[(NodeId, NodeId); 2]>),
    /// q·y′ = x′, of the operand x and q.
    Inverse(NodeId, NodeId),
    Select,
    /// One number for all entries.
    Spread,
    Linear(Arc<dyn Primitive>),
    Bilinear(Arc<dyn Primitive>),
}

/// The slopes of smooth nodes, by operand.
pub(crate) type Slopes = Vec<(NodeId, usize, Slope<NodeId>)>;

/// Memory of a run at one order.
#[derive(Debug)]
pub(crate) struct Coefficients<T> {
    serial: u64,
    order: usize,
    /// Where the coefficients of each node begin, and those that are weighted.
    plain: Vec<usize>,
    weighted: Vec<usize>,
    memory: Vec<T>,
    zeros: Vec<T>,
    first: Vec<T>,
    second: Vec<T>,
    scratch: Vec<T>,
}

impl Recurrences {
    /// The recurrences of `graph`, whose inputs are the states and the time and whose outputs are the rates, with the slopes of
    /// its smooth nodes; `None` if it holds an operation that has no rule here.
    pub fn new(graph: Graph, slopes: &Slopes) -> Option<Recurrences> {
        let (&time, states) = graph.inputs().split_last()?;
        let mut degrees = vec![0; graph.len()];
        let mut weighted = vec![false; graph.len()];
        let mut steps = Vec::new();
        states.iter().for_each(|x| degrees[x.index()] = usize::MAX);
        degrees[time.index()] = 1;
        for id in graph.ids() {
            let args = graph.arguments(id);
            let moves = |i: usize| degrees[args[i].index()] > 0;
            let moving: SmallVec<[usize; 3]> = (0..args.len()).filter(|&i| moves(i)).collect();
            let highest = || args.iter().map(|a| degrees[a.index()]).max().unwrap_or(0);
            let (rule, degree) = match graph.operation(id) {
                Operation::Hole => return None,
                Operation::Input(_) | Operation::Constant(_) | Operation::Tensor(_) => continue,
                _ if moving.is_empty() => continue,
                Operation::Row(row) => match row.class() {
                    RowClass::Discrete => continue,
                    RowClass::Linear => (
                        Rule::Sum((0..args.len()).map(|i| row == Row::Neg || (row == Row::Sub && i == 1)).collect()),
                        highest(),
                    ),
                    RowClass::Bilinear if row == Row::Mul => {
                        (Rule::Product, degrees[args[0].index()].saturating_add(degrees[args[1].index()]))
                    }
                    RowClass::Implicit if row == Row::Div && !moves(1) => (Rule::Quotient, highest()),
                    RowClass::Implicit if row == Row::Div => (Rule::Quotient, usize::MAX),
                    RowClass::Select if !moves(0) => (Rule::Select, highest()),
                    RowClass::Smooth => (smooth(id, &args, &moving, slopes, &mut weighted)?, usize::MAX),
                    _ => return None,
                },
                Operation::Primitive(p) => match p.class() {
                    Class::Discrete => continue,
                    Class::Linear if moving.iter().all(|&i| p.is_linear_in(i)) => {
                        let spread = (&**p as &dyn Any).is::<Broadcast>() && graph.shape(args[0]).size() == 1;
                        (if spread { Rule::Spread } else { Rule::Linear(p.clone()) }, highest())
                    }
                    Class::Bilinear => {
                        let sum = args.iter().fold(0_usize, |sum, a| sum.saturating_add(degrees[a.index()]));
                        (Rule::Bilinear(p.clone()), sum)
                    }
                    _ => return None,
                },
            };
            degrees[id.index()] = degree;
            steps.push(Step { node: id, args, rule });
        }
        let plane = plane(&graph, states, &degrees);
        let planes: Vec<bool> = graph.ids().map(|id| plane == Some(graph.shape(id).size())).collect();
        let size = |(id, &plane): (NodeId, &bool)| if plane { CHUNK } else { graph.shape(id).size() };
        let sizes = graph.ids().zip(&planes).map(size).collect();
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        Some(Recurrences {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            graph,
            steps,
            degrees,
            weighted,
            plane,
            sizes,
            planes,
        })
    }

    /// Memory for runs to this order, which is at least 1.
    pub fn memory<T: Executable>(&self, order: usize) -> Coefficients<T> {
        let mut end = 0;
        let mut place = |id: NodeId, levels: usize| {
            let start = end;
            end += levels * self.sizes[id.index()];
            start
        };
        let levels = |id: NodeId| if self.degrees[id.index()] > 0 { order + 1 } else { 1 };
        let plain = self.graph.ids().map(|id| place(id, levels(id))).collect();
        let weighted =
            self.graph.ids().map(|id| if self.weighted[id.index()] { place(id, order + 1) } else { 0 }).collect();
        let sizes = self.graph.ids().map(|id| self.sizes[id.index()]);
        let widest = sizes.max().unwrap_or(0);
        let scratch = |id: NodeId| match self.graph.operation(id) {
            Operation::Primitive(p) => {
                let args = self.graph.arguments(id);
                let shapes: SmallVec<[_; 4]> = args.iter().map(|&a| self.graph.shape(a)).collect();
                p.scratch(&shapes)
            }
            _ => 0,
        };
        let scratch = self.graph.ids().map(scratch).max().unwrap_or(0);
        let new = |n: usize| vec![T::zero(); n];
        Coefficients {
            serial: self.serial,
            order,
            plain,
            weighted,
            memory: new(end),
            zeros: new(widest),
            first: new(widest),
            second: new(widest),
            scratch: new(scratch),
        }
    }

    /// Whether memory is of these recurrences at this order.
    pub fn owns<T>(&self, memory: &Coefficients<T>, order: usize) -> bool {
        (memory.serial, memory.order) == (self.serial, order)
    }

    /// Entries of a node that are in memory at once, for chunks of this length.
    fn length(&self, id: NodeId, chunk: usize) -> usize {
        if self.planes[id.index()] { chunk } else { self.sizes[id.index()] }
    }

    /// Entries of a node in all.
    fn whole(&self, id: NodeId) -> usize {
        if self.planes[id.index()] { self.plane.unwrap_or(0) } else { self.sizes[id.index()] }
    }

    /// Coefficients 1 to the order of the solution, order by order, for the entries of the states and the time at the end;
    /// `false` if a guard of the trace does not hold there.
    ///
    /// # Errors
    /// An index outside its axis.
    pub fn run<T: Executable>(&self, now: &[T], out: &mut [T], at: &mut Coefficients<T>) -> Result<bool> {
        let Some(n) = self.plane else { return self.chunk(now, 0..0, out, at) };
        for start in (0..n).step_by(CHUNK) {
            self.chunk(now, start..(start + CHUNK).min(n), out, at)?;
        }
        Ok(true)
    }

    /// All orders of some entries, of all if there is no plane.
    fn chunk<T: Executable>(
        &self,
        now: &[T],
        entries: Range<usize>,
        out: &mut [T],
        at: &mut Coefficients<T>,
    ) -> Result<bool> {
        match self.values(now, &entries, at) {
            // Before a guard has spoken an index may lie outside its axis.
            Err(Error::Index { .. }) if !self.graph.guards().is_empty() => return Ok(false),
            other => other?,
        }
        let holds = |g: &crate::graph::Guard| (at.memory[at.plain[g.node.index()]] != T::zero()) == g.expected;
        if !self.graph.guards().iter().all(holds) {
            return Ok(false);
        }
        let width = out.len() / at.order.max(1);
        for k in 0..at.order {
            if k > 0 {
                for step in self.steps.iter().filter(|s| k <= self.degrees[s.node.index()]) {
                    match self.scalar(step, k, at) {
                        Some(y) => at.memory[at.plain[step.node.index()] + k] = y,
                        None => self.step(step, k, &entries, at)?,
                    }
                    self.weigh(step.node, k, self.length(step.node, entries.len()), at);
                }
            }
            // yₖ₊₁ = fₖ/(k + 1)
            let factor = T::from_f64(1.0 / (k + 1) as f64);
            let mut place = k * width;
            for (&state, &rate) in self.graph.inputs().iter().zip(self.graph.outputs()) {
                let length = self.length(state, entries.len());
                let to = at.plain[state.index()] + (k + 1) * self.sizes[state.index()];
                if k <= self.degrees[rate.index()] {
                    let from = at.plain[rate.index()] + k * self.sizes[rate.index()];
                    at.memory.copy_within(from..from + length, to);
                    at.memory[to..to + length].iter_mut().for_each(|y| *y *= factor);
                } else {
                    at.memory[to..to + length].fill(T::zero());
                }
                let from = place + if self.plane.is_some() { entries.start } else { 0 };
                out[from..from + length].copy_from_slice(&at.memory[to..to + length]);
                place += self.whole(state);
                self.weigh(state, k + 1, length, at);
            }
        }
        Ok(true)
    }

    /// Keeps a coefficient times its order, if that is read.
    fn weigh<T: Executable>(&self, id: NodeId, k: usize, length: usize, at: &mut Coefficients<T>) {
        if self.weighted[id.index()] {
            let stride = k * self.sizes[id.index()];
            let (from, to) = (at.plain[id.index()] + stride, at.weighted[id.index()] + stride);
            at.memory.copy_within(from..from + length, to);
            let factor = T::from_f64(k as f64);
            at.memory[to..to + length].iter_mut().for_each(|y| *y *= factor);
        }
    }

    /// Values of all nodes.
    fn values<T: Executable>(&self, now: &[T], entries: &Range<usize>, at: &mut Coefficients<T>) -> Result<()> {
        let part = |id: NodeId| if self.planes[id.index()] { entries.clone() } else { 0..0 };
        let mut given = 0;
        for id in self.graph.ids() {
            let length = self.length(id, entries.len());
            let start = at.plain[id.index()];
            // Arguments have their places before their node.
            let (before, rest) = at.memory.split_at_mut(start);
            let out = &mut rest[..length];
            let args = self.graph.arguments(id);
            let value = |a: NodeId| &before[at.plain[a.index()]..][..self.length(a, entries.len())];
            match self.graph.operation(id) {
                Operation::Input(_) => {
                    let from = given + part(id).start;
                    out.copy_from_slice(&now[from..from + length]);
                    given += self.whole(id);
                }
                Operation::Constant(c) => out[0] = T::from_f64(c),
                Operation::Tensor(t) => {
                    let from = part(id).start;
                    out.iter_mut().zip(&t.data()[from..]).for_each(|(y, &c)| *y = T::from_f64(c));
                }
                Operation::Hole => {}
                Operation::Row(row) if length == 1 => {
                    let entry = |i: usize| args.get(i).map_or_else(T::zero, |&a| value(a)[0]);
                    out[0] = row.value(&[entry(0), entry(1), entry(2)]);
                }
                Operation::Row(row) => match args[..] {
                    [a] => row.map(&[value(a)], out),
                    [a, b] => row.map(&[value(a), value(b)], out),
                    [a, b, c] => row.map(&[value(a), value(b), value(c)], out),
                    _ => unreachable!("a row has one to three inputs"),
                },
                Operation::Primitive(_) if self.plane.is_some() => out.fill(value(args[0])[0]),
                Operation::Primitive(p) => {
                    let views: SmallVec<[View<'_, T>; 4]> =
                        args.iter().map(|&a| View { shape: self.graph.shape(a), data: value(a) }).collect();
                    let done = T::evaluate(&**p, &views, out, &mut at.scratch);
                    done.map_err(|fault| fault_error(p.name(), fault))?;
                }
            }
        }
        // The time moves on by 1.
        let time = self.graph.inputs()[self.graph.inputs().len() - 1];
        let all = [Some(at.plain[time.index()]), self.weighted[time.index()].then(|| at.weighted[time.index()])];
        all.into_iter().flatten().for_each(|start| at.memory[start + 1] = T::one());
        Ok(())
    }

    /// Coefficient k ≥ 1 of a scalar; `None` if the node is none.
    fn scalar<T: Executable>(&self, step: &Step, k: usize, at: &Coefficients<T>) -> Option<T> {
        if self.sizes[step.node.index()] != 1 {
            return None;
        }
        let (args, y) = (&step.args, step.node);
        let degree = |id: NodeId| self.degrees[id.index()];
        let plain = |id: NodeId| at.plain[id.index()];
        let of = |id: NodeId, j: usize| if j <= degree(id) { at.memory[plain(id) + j] } else { T::zero() };
        // Σ xⱼ d_{k−j} for these j; `from` is where the coefficients of x begin.
        let products = |from: usize, x: NodeId, d: NodeId, orders: RangeInclusive<usize>| -> T {
            let low = (*orders.start()).max(k.saturating_sub(degree(d)));
            let high = (*orders.end()).min(degree(x));
            if low > high {
                return T::zero();
            }
            let (a, b) = (&at.memory[from + low..=from + high], &at.memory[plain(d) + k - high..=plain(d) + k - low]);
            a.iter().zip(b.iter().rev()).fold(T::zero(), |sum, (&a, &b)| sum + a * b)
        };
        let share = || T::from_f64(1.0 / k as f64);
        Some(match &step.rule {
            Rule::Sum(signs) => args
                .iter()
                .zip(signs)
                .fold(T::zero(), |sum, (&a, &negative)| if negative { sum - of(a, k) } else { sum + of(a, k) }),
            Rule::Product => products(plain(args[0]), args[0], args[1], 0..=k),
            Rule::Quotient => (of(args[0], k) - products(plain(args[1]), args[1], y, 1..=k)) / of(args[1], 0),
            Rule::Smooth(partials) => {
                let part = |&(x, d): &(NodeId, NodeId)| products(at.weighted[x.index()], x, d, 1..=k);
                partials.iter().map(part).fold(T::zero(), |sum, part| sum + part) * share()
            }
            Rule::Inverse(x, q) => {
                let known = products(at.weighted[y.index()], y, *q, 1..=k - 1) * share();
                (of(*x, k) - known) / of(*q, 0)
            }
            Rule::Select => {
                let branch = if of(args[0], 0) == T::zero() { args[2] } else { args[1] };
                of(branch, k)
            }
            Rule::Spread => of(args[0], k),
            Rule::Linear(_) | Rule::Bilinear(_) => return None,
        })
    }

    /// Coefficient k ≥ 1 of a node.
    fn step<T: Executable>(
        &self,
        step: &Step,
        k: usize,
        entries: &Range<usize>,
        at: &mut Coefficients<T>,
    ) -> Result<()> {
        let Coefficients { plain, weighted, memory, zeros, first, second, scratch, .. } = at;
        let node = step.node;
        let length = self.length(node, entries.len());
        let start = plain[node.index()] + k * self.sizes[node.index()];
        let (left, rest) = memory.split_at_mut(start);
        let (out, right) = rest.split_at_mut(length);
        let known = Known { recurrences: self, left, right, hole: start..start + length, chunk: entries.len(), k };
        let of = |places: &[usize], id: NodeId, j: usize| known.coefficient(places, id, j);
        let degree = |id: NodeId| self.degrees[id.index()];
        let nothing = &zeros[..];
        let (zeros, first, second) = (&zeros[..length], &mut first[..length], &mut second[..length]);
        let args = &step.args;
        let mut terms = Terms::new();
        match &step.rule {
            Rule::Sum(signs) => {
                let moving = args.iter().zip(signs).filter(|(a, _)| k <= degree(**a));
                terms.extend(moving.map(|(&a, &negative)| Term { negative, a: of(plain, a, k), b: None }));
                match terms[..] {
                    [Term { negative: true, a, .. }] => Row::Neg.map(&[a], out),
                    _ => total(&terms, out),
                }
            }
            Rule::Product => {
                known.products(&mut terms, (plain, args[0]), (plain, args[1]), 0..=k, false);
                total(&terms, out);
            }
            Rule::Quotient => {
                let a = if k <= degree(args[0]) { of(plain, args[0], k) } else { zeros };
                terms.push(Term { negative: false, a, b: None });
                known.products(&mut terms, (plain, args[1]), (plain, node), 1..=k, true);
                total(&terms, first);
                Row::Div.map(&[first, of(plain, args[1], 0)], out);
            }
            Rule::Smooth(partials) => {
                for &(x, d) in partials {
                    known.products(&mut terms, (weighted, x), (plain, d), 1..=k, false);
                }
                total(&terms, out);
                let factor = T::from_f64(1.0 / k as f64);
                out.iter_mut().for_each(|y| *y *= factor);
            }
            Rule::Inverse(x, q) => {
                known.products(&mut terms, (weighted, node), (plain, *q), 1..=k - 1, false);
                total(&terms, first);
                let factor = T::from_f64(1.0 / k as f64);
                first.iter_mut().for_each(|y| *y *= factor);
                let x = if k <= degree(*x) { of(plain, *x, k) } else { zeros };
                Row::Sub.map(&[x, first], second);
                Row::Div.map(&[second, of(plain, *q, 0)], out);
            }
            Rule::Select => {
                let branch = |a: NodeId| if k <= degree(a) { of(plain, a, k) } else { zeros };
                Row::Select.map(&[of(plain, args[0], 0), branch(args[1]), branch(args[2])], out);
            }
            Rule::Spread => out.fill(of(plain, args[0], k)[0]),
            Rule::Linear(p) => {
                let part = |(i, &a): (usize, &NodeId)| match p.is_linear_in(i) {
                    false => of(plain, a, 0),
                    true if k <= degree(a) => of(plain, a, k),
                    true => &nothing[..self.length(a, entries.len())],
                };
                let parts: SmallVec<[&[T]; 4]> = args.iter().enumerate().map(part).collect();
                self.evaluate(step, &**p, &parts, out, scratch)?;
            }
            Rule::Bilinear(p) => {
                let (a, b) = (args[0], args[1]);
                let low = k.saturating_sub(degree(b));
                for (number, j) in (low..=k.min(degree(a))).enumerate() {
                    let parts = [of(plain, a, j), of(plain, b, k - j)];
                    if number == 0 {
                        self.evaluate(step, &**p, &parts, out, scratch)?;
                    } else {
                        self.evaluate(step, &**p, &parts, first, scratch)?;
                        second.copy_from_slice(out);
                        Row::Add.map(&[second, first], out);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The coefficients that lie beside the one that is computed.
struct Known<'a, T> {
    recurrences: &'a Recurrences,
    left: &'a [T],
    right: &'a [T],
    /// What lies between them.
    hole: Range<usize>,
    /// Entries of a chunk.
    chunk: usize,
    /// The order that is computed.
    k: usize,
}

impl<'a, T: Executable> Known<'a, T> {
    /// Coefficient j of a node, plain or weighted, by where these begin.
    fn coefficient(&self, places: &[usize], id: NodeId, j: usize) -> &'a [T] {
        let start = places[id.index()] + j * self.recurrences.sizes[id.index()];
        let length = self.recurrences.length(id, self.chunk);
        match start.checked_sub(self.hole.end) {
            Some(after) => &self.right[after..][..length],
            None => &self.left[start..][..length],
        }
    }

    /// ± xⱼ d_{k−j} for these j, where neither is zero.
    fn products(
        &self,
        terms: &mut Terms<'a, T>,
        (x_places, x): (&[usize], NodeId),
        (d_places, d): (&[usize], NodeId),
        orders: RangeInclusive<usize>,
        negative: bool,
    ) {
        let degree = |id: NodeId| self.recurrences.degrees[id.index()];
        let low = (*orders.start()).max(self.k.saturating_sub(degree(d)));
        for j in low..=(*orders.end()).min(degree(x)) {
            let (a, b) = (self.coefficient(x_places, x, j), self.coefficient(d_places, d, self.k - j));
            terms.push(Term { negative, a, b: Some(b) });
        }
    }
}

impl Recurrences {
    /// A primitive of these numbers.
    fn evaluate<T: Executable>(
        &self,
        step: &Step,
        primitive: &dyn Primitive,
        parts: &[&[T]],
        out: &mut [T],
        scratch: &mut [T],
    ) -> Result<()> {
        let pairs = step.args.iter().zip(parts);
        let views: SmallVec<[View<'_, T>; 4]> =
            pairs.map(|(&a, &data)| View { shape: self.graph.shape(a), data }).collect();
        T::evaluate(primitive, &views, out, scratch).map_err(|fault| fault_error(primitive.name(), fault))
    }
}

/// On the stack up to order 32.
type Terms<'a, T> = SmallVec<[Term<'a, T>; 33]>;

/// The sum of terms, 0 of none.
fn total<T: Executable>(terms: &[Term<'_, T>], out: &mut [T]) {
    match (terms, &mut out[..]) {
        ([], _) => out.fill(T::zero()),
        (_, [y]) => {
            let value = |t: &Term<'_, T>| t.b.map_or(t.a[0], |b| t.a[0] * b[0]);
            let add = |sum: T, t: &Term<'_, T>| if t.negative { sum - value(t) } else { sum + value(t) };
            *y = terms[1..].iter().fold(value(&terms[0]), add);
        }
        _ => chain(terms, out),
    }
}

/// The rule of a smooth row, and what it reads weighted.
fn smooth(id: NodeId, args: &[NodeId], moving: &[usize], slopes: &Slopes, weighted: &mut [bool]) -> Option<Rule> {
    let slope = |i: usize| slopes.iter().find(|(node, at, _)| (*node, *at) == (id, i)).map(|(_, _, slope)| slope);
    if let [i] = *moving
        && let Slope::Inverse(q) = slope(i)?
    {
        weighted[id.index()] = true;
        return Some(Rule::Inverse(args[i], *q));
    }
    let mut partials = SmallVec::new();
    for &i in moving {
        let Slope::Partial(d) = slope(i)? else { return None };
        weighted[args[i].index()] = true;
        partials.push((args[i], *d));
    }
    Some(Rule::Smooth(partials))
}

/// The number of entries, if all nodes are elementwise and have so many, or are one number.
fn plane(graph: &Graph, states: &[NodeId], degrees: &[usize]) -> Option<usize> {
    let n = graph.shape(*states.first()?).size();
    let fits = |id: NodeId| {
        let size = graph.shape(id).size();
        let simple = match graph.operation(id) {
            Operation::Primitive(p) => {
                let from = graph.arguments(id)[0];
                (&**p as &dyn Any).is::<Broadcast>() && graph.shape(from).size() == 1
            }
            _ => true,
        };
        simple
            && (size == n
                || (size == 1 && (degrees[id.index()] == 0 || matches!(graph.operation(id), Operation::Input(_)))))
    };
    let all = graph.ids().all(fits) && graph.outputs().iter().chain(states).all(|&id| graph.shape(id).size() == n);
    (n > CHUNK && all && graph.guards().is_empty()).then_some(n)
}
