//! The operators as graphs: what each appends to the trace of the closure.

use super::body::Body;
use super::variant::{Compiled, Variant};
use crate::error::{Error, Result};
use crate::execute::{Group, Interface, Program, Role};
use crate::graph::{Graph, NodeId, Operation, Var};
use crate::primitive::{Argmax, concat};
use crate::real::{Class as RowClass, Precision, Row};
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::trace::{Session, constant, tensor};
use crate::transform::{Seed, adjoint, batch, flow, interleave, jet, or_zeros, second_sum, tangent, transpose};
use crate::tree::Traced;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

/// How a Hessian-vector product is composed. The modes give the same numbers up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Gradient of the directional derivative: adjoint ∘ tangent.
    #[default]
    ReverseOverForward,
    /// Directional derivative of the gradient: tangent ∘ adjoint.
    ForwardOverReverse,
    /// Whichever program counts fewer floating-point operations.
    Auto,
}

/// A program that can be made from a trace. Inputs are the point, the data, then what each says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    /// Nothing but the guards.
    Guards,
    /// The results.
    Value,
    /// f, then ∇f for every leaf of the point.
    Gradient,
    /// + direction → tangents of the results.
    Jvp,
    /// + k directions as rows → tangents of the results, rows.
    Jvps(usize),
    /// + cotangents of the results → cotangents of the point.
    Vjp,
    /// + k cotangents as rows → cotangents of the point, rows.
    Vjps(usize),
    /// + direction → H·direction.
    Hvp(Mode),
    /// + direction → f, ∇f, H·direction. With f and ∇f early when linearised.
    Point(Mode),
    /// + k directions as rows → products, rows.
    Hvps(Mode, usize),
    /// + direction → Gauss–Newton product.
    Ggn,
    /// + direction → coefficients 0 to k of the results.
    Taylor(usize),
    /// The same, written into the caller's memory.
    TaylorInto(usize),
    /// + coefficients 1 to k of the point → coefficients 0 to k of the results.
    TaylorSeries(usize),
    /// + direction → gradients of coefficients 0 to k of f, in one sweep.
    TaylorGradients(usize),
    /// + rows of directions → coefficients of one order of f along each.
    Coefficients {
        /// The order.
        order: usize,
        /// How many directions.
        rows: usize,
    },
    /// + k directions as rows → the sum of second derivatives of f along them.
    SecondSum(usize),
    /// + k directions as rows, k more → Σᵢ D²f[vᵢ, wᵢ].
    MixedSum(usize),
    /// + k directions as rows, k more → D²f[vᵢ, wᵢ] for each.
    MixedEach(usize),
    /// The Laplacian of the Laplacian of f.
    Biharmonic,
    /// + k directions, one after the other → D^k of the results.
    Mixed(usize),
    /// + direction u, direction v → ∇(∂³f along u, v): third-order product.
    Third,
    /// Of rates f(y, t) at a point that ends with the time t: coefficients 1 to k of the solution of y′ = f(y, t).
    Flow(usize),
    /// What the results jump or bend with: all comparisons, signs and whole numbers that depend on the point, in one row.
    Switches,
}

impl Operator {
    /// The name of the public method, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Operator::Guards | Operator::Value => "value",
            Operator::Gradient => "gradient",
            Operator::Jvp => "jvp",
            Operator::Vjp => "vjp",
            Operator::Jvps(_) | Operator::Vjps(_) => "jacobian",
            Operator::Hvp(_) | Operator::Point(_) => "hvp",
            Operator::Hvps(..) => "hvps",
            Operator::Ggn => "ggn_product",
            Operator::Taylor(_) | Operator::TaylorInto(_) => "taylor",
            Operator::TaylorSeries(_) => "taylor_series",
            Operator::TaylorGradients(_) => "taylor_gradients",
            Operator::Coefficients { order: 2, .. } => "hessian_diagonal",
            Operator::Coefficients { .. } => "derivative_tensor",
            Operator::SecondSum(_) => "laplacian",
            Operator::MixedSum(_) | Operator::MixedEach(_) => "weighted_second_derivatives",
            Operator::Biharmonic => "biharmonic",
            Operator::Mixed(_) => "mixed_derivative",
            Operator::Third => "third",
            Operator::Flow(_) | Operator::Switches => "taylor_step",
        }
    }

    /// Which outputs are results, written one after the other into the caller's slice, for a point of so many leaves and a
    /// function of so many results.
    fn results(&self, leaves: usize, results: usize) -> Range<usize> {
        match self {
            Operator::Guards
            | Operator::Value
            | Operator::Taylor(_)
            | Operator::TaylorSeries(_)
            | Operator::TaylorGradients(_)
            | Operator::Mixed(_) => 0..0,
            Operator::Gradient => 1..1 + leaves,
            Operator::Point(_) => 1 + leaves..1 + 2 * leaves,
            Operator::Jvp => 0..results,
            Operator::Vjp | Operator::Hvp(_) | Operator::Ggn | Operator::Third => 0..leaves,
            Operator::Jvps(_)
            | Operator::Vjps(_)
            | Operator::Hvps(..)
            | Operator::Coefficients { .. }
            | Operator::SecondSum(_)
            | Operator::MixedSum(_)
            | Operator::MixedEach(_)
            | Operator::Switches
            | Operator::Biharmonic => 0..1,
            Operator::TaylorInto(order) => 0..(order + 1) * results,
            Operator::Flow(order) => 0..order * results,
        }
    }

    fn needs_scalar(&self) -> bool {
        !matches!(
            self,
            Operator::Guards
                | Operator::Value
                | Operator::Jvp
                | Operator::Jvps(_)
                | Operator::Vjp
                | Operator::Vjps(_)
                | Operator::Taylor(_)
                | Operator::TaylorInto(_)
                | Operator::TaylorSeries(_)
                | Operator::Mixed(_)
                | Operator::Flow(_)
                | Operator::Switches
        )
    }
}

/// Whether a program runs whole, or is split by what depends on the point alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// All at once.
    Whole,
    /// Point and data early, what comes after them late.
    Split,
}

/// Whether the closure returns what an operator needs.
pub(super) fn check<Out>(variant: &Variant<Out>, operator: &Operator) -> Result<()> {
    if operator.needs_scalar() && (variant.results.len() != 1 || variant.results[0].rank() != 0) {
        return Err(Error::NotScalar { operator: operator.name(), found: variant.results.clone() });
    }
    if let Operator::Flow(_) = operator {
        // All but the time, which comes last.
        let mut states = variant.point.iter();
        let same = variant.results.iter().all(|result| states.next() == Some(result));
        if !(same && states.count() == 1) {
            let mut expected = variant.point.to_shapes();
            expected.pop();
            let (argument, found) = ("what the closure returns", variant.results.clone());
            return Err(Error::Structure { operator: operator.name(), argument, expected, found });
        }
    }
    if *operator == Operator::Ggn && variant.predictions == 0 {
        return Err(Error::Unsupported {
            operator: "ggn_product",
            message: "the closure marks no output of a model: call prediction() on it, or use a loss of nn".into(),
        });
    }
    Ok(())
}

/// Makes the program of an operator from a trace.
pub(super) fn build<Out: Traced>(variant: &Variant<Out>, operator: &Operator, form: Form) -> Result<Compiled> {
    check(variant, operator)?;
    let compile = |operator: &Operator| -> Result<Program> {
        let (graph, extras) = graph_of(variant, operator)?;
        let group = |count, role| Group { count, role };
        let body = variant.body_of(operator);
        let mut groups = vec![group(body.point.len(), Role::Borrowed), group(body.data.len(), Role::Held)];
        groups.extend(extras.into_iter().map(|count| group(count, Role::Borrowed)));
        let late = (form == Form::Split).then_some(2);
        let results = operator.results(body.point.len(), body.results.len());
        Ok(Program::new(&graph, &Interface { groups, late, results }))
    };
    let with_mode = |mode: Mode| match operator {
        Operator::Hvp(_) => Operator::Hvp(mode),
        Operator::Point(_) => Operator::Point(mode),
        Operator::Hvps(_, k) => Operator::Hvps(mode, *k),
        other => other.clone(),
    };
    let (Operator::Hvp(Mode::Auto) | Operator::Point(Mode::Auto) | Operator::Hvps(Mode::Auto, _)) = operator else {
        return Ok(Compiled::new(compile(operator)?, None));
    };
    let reverse_over_forward = compile(&with_mode(Mode::ReverseOverForward))?;
    let forward_over_reverse = compile(&with_mode(Mode::ForwardOverReverse))?;
    let (a, b) = (reverse_over_forward.statistics().flops, forward_over_reverse.statistics().flops);
    Ok(if b < a {
        Compiled::new(forward_over_reverse, Some(format!("forward over reverse: {b} flops against {a}")))
    } else {
        Compiled::new(reverse_over_forward, Some(format!("reverse over forward: {a} flops against {b}")))
    })
}

/// The graph of an operator, and how many inputs it has after point and data, in groups of one slice each.
pub(super) fn graph_of<Out: Traced>(variant: &Variant<Out>, operator: &Operator) -> Result<(Graph, Vec<usize>)> {
    graph_by(variant, operator, |parts| parts.append(operator))
}

/// The same with what `append` makes.
fn graph_by<Out: Traced>(
    variant: &Variant<Out>,
    operator: &Operator,
    append: impl FnOnce(&Parts<'_>) -> Vec<Var>,
) -> Result<(Graph, Vec<usize>)> {
    let session = Session::open(Precision::Double);
    session.share();
    let body = variant.body_of(operator);
    let point: Vec<Var> = body.point.iter().map(|shape| session.input(shape.clone())).collect();
    let data: Vec<Var> = body.data.iter().map(|shape| session.input(shape.clone())).collect();
    let extras = RefCell::default();
    let parts =
        Parts { session: &session, point: &point, results: &[], predictions: &[], extras: &extras, pushed: None };
    let mut inputs = [&point[..], &data].concat();
    let direction = match operator {
        Operator::Hvp(mode) | Operator::Point(mode) if *mode != Mode::ForwardOverReverse => Some(parts.direction()),
        Operator::Hvps(mode, _) if *mode != Mode::ForwardOverReverse => Some(parts.direction_holes()),
        _ => None,
    };
    inputs.extend(direction.iter().flatten());
    let graph = if direction.is_some() { &with_slope(body)? } else { &body.graph };
    let mut all = session.inline(graph, &inputs);
    let pushed = direction.map(|direction| (direction, all.pop().expect("the slope is the last output")));
    let predictions = all.split_off(body.results.len());
    let outputs = append(&Parts { results: &all, predictions: &predictions, pushed, ..parts });
    let mut recording = session.close(&outputs)?;
    if *operator == Operator::Guards {
        recording.graph.set_outputs(Vec::new());
    }
    Ok((recording.graph, extras.into_inner()))
}

/// The trace with a direction for each leaf of the point as further inputs, and the slope of its result along them as further
/// output: tangents beside values, for the sweep that runs both backwards.
fn with_slope(body: &Body) -> Result<Graph> {
    let session = Session::open(Precision::Double);
    session.share();
    let inputs = |shapes: &[Shape]| -> Vec<Var> { shapes.iter().map(|shape| session.input(shape.clone())).collect() };
    let (point, data, direction) = (inputs(&body.point), inputs(&body.data), inputs(&body.point));
    let mut outputs = session.inline(&body.graph, &[&point[..], &data].concat());
    let appended = crate::trace::peek(Graph::len).unwrap_or_default();
    let moves: Vec<(Var, Option<Var>)> = point.iter().zip(direction).map(|(&x, v)| (x, Some(v))).collect();
    outputs.push(or_zeros(tangent(&outputs[..1], &moves)[0], outputs[0]));
    Ok(interleave(&session.close(&outputs)?.graph, appended))
}

/// The nodes that depend on an input and step from number to number: where one does, what is made of it jumps or bends.
pub(super) fn switches(graph: &Graph) -> Vec<NodeId> {
    let mut varies = vec![false; graph.len()];
    let mut found = Vec::new();
    for id in graph.ids() {
        let moves = graph.arguments(id).iter().any(|a| varies[a.index()]);
        varies[id.index()] = moves || matches!(graph.operation(id), Operation::Input(_));
        // Other primitives without a derivative are values taken as constant.
        let steps = match graph.operation(id) {
            Operation::Row(row) => row.class() == RowClass::Discrete && row != Row::Detach,
            Operation::Primitive(p) => (&**p as &dyn Any).is::<Argmax>(),
            _ => false,
        };
        if moves && steps {
            found.push(id);
        }
    }
    found
}

/// A trace inlined on a tape, to which an operator is appended.
struct Parts<'a> {
    session: &'a Session,
    point: &'a [Var],
    results: &'a [Var],
    predictions: &'a [Var],
    /// How many inputs each further slice of the caller's fills.
    extras: &'a RefCell<Vec<usize>>,
    /// Of a product in reverse over forward, the direction and the slope along it.
    pushed: Option<(Vec<Var>, Var)>,
}

impl Parts<'_> {
    fn append(&self, operator: &Operator) -> Vec<Var> {
        match operator {
            Operator::Guards => Vec::new(),
            Operator::Value => self.results.to_vec(),
            Operator::Gradient => [self.results, &self.gradient()].concat(),
            Operator::Jvp => self.push(&self.direction()),
            Operator::Jvps(k) => {
                let direction = self.direction_holes();
                let tangents = self.push(&direction);
                rows_of(&batch(&tangents, &self.rows(&direction, *k), *k), *k)
            }
            Operator::Vjp => {
                self.extras.borrow_mut().push(self.results.len());
                let cotangents = self.results.iter().map(|y| self.session.input(y.shape())).collect();
                self.pull(cotangents)
            }
            Operator::Vjps(k) => {
                let cotangents: Vec<Var> = self.results.iter().map(|y| crate::trace::hole(y.shape())).collect();
                let pulled = self.pull(cotangents.clone());
                rows_of(&batch(&pulled, &self.rows(&cotangents, *k), *k), *k)
            }
            Operator::Hvp(_) => self.hvp(|| self.direction()).1,
            Operator::Point(_) => {
                let gradient = self.gradient();
                let (_, products) = self.hvp(|| self.direction());
                [self.results, &gradient, &products].concat()
            }
            Operator::Hvps(_, k) => {
                let (direction, products) = self.hvp(|| self.direction_holes());
                rows_of(&batch(&products, &self.rows(&direction, *k), *k), *k)
            }
            Operator::Ggn => self.ggn(),
            Operator::Taylor(order) | Operator::TaylorInto(order) => {
                let direction = self.direction();
                let seeds: Vec<Seed> = self.seeds(direction.iter().map(|&v| vec![Some(v)]));
                self.coefficients(&seeds, *order)
            }
            Operator::TaylorSeries(order) => {
                let coefficients: Vec<Vec<Var>> = (0..*order).map(|_| self.direction()).collect();
                let of = |leaf: usize| coefficients.iter().map(|c| Some(c[leaf])).collect();
                let seeds = self.seeds((0..self.point.len()).map(of));
                self.coefficients(&seeds, *order)
            }
            Operator::TaylorGradients(order) => {
                let direction = self.direction();
                let seeds = self.seeds(direction.iter().map(|&v| vec![Some(v)]));
                self.gradients_of_series(seeds, *order)
            }
            Operator::Coefficients { order, rows } => {
                let direction = self.direction_holes();
                let seeds = self.seeds(direction.iter().map(|&v| vec![Some(v)]));
                let last = self.coefficients(&seeds, *order).pop().expect("coefficients from order 0 on");
                batch(&[last], &self.rows(&direction, *rows), *rows)
            }
            Operator::SecondSum(k) => {
                let rows = self.rows(self.point, *k);
                vec![second_sum(self.results[0], &rows, None, *k)]
            }
            Operator::MixedSum(k) => {
                let (v, w) = (self.rows(self.point, *k), self.rows(self.point, *k));
                vec![second_sum(self.results[0], &v, Some(&w), *k)]
            }
            Operator::MixedEach(k) => {
                let (v, w) = (self.direction_holes(), self.direction_holes());
                let slope = tangent(self.results, &self.moves(&v))[0];
                let bend = slope.and_then(|slope| tangent(&[slope], &self.moves(&w))[0]);
                let both = [self.rows(&v, *k), self.rows(&w, *k)].concat();
                batch(&[or_zeros(bend, self.results[0])], &both, *k)
            }
            Operator::Biharmonic => {
                let n = self.point.iter().map(|x| x.size()).sum();
                let unit = cut(tensor(Tensor::identity(n)), self.point, n);
                let laplacian = second_sum(self.results[0], &unit, None, n);
                vec![second_sum(laplacian, &unit, None, n)]
            }
            Operator::Mixed(k) => {
                let along = |y: Vec<Var>, v: Vec<Var>| -> Vec<Var> {
                    tangent(&y, &self.moves(&v)).into_iter().zip(&y).map(|(t, &y)| or_zeros(t, y)).collect()
                };
                (0..*k).map(|_| self.direction()).collect::<Vec<_>>().into_iter().fold(self.results.to_vec(), along)
            }
            Operator::Flow(order) => {
                let (time, states) = self.point.split_last().expect("the time is the last leaf");
                let series = flow(self.results, states, *time, *order);
                let of =
                    |k: usize| series.iter().zip(states).map(move |(s, &y)| or_zeros(s.get(k).copied().flatten(), y));
                (0..*order).flat_map(of).collect()
            }
            Operator::Switches => {
                let found = crate::trace::peek(switches).unwrap_or_default();
                let row = |node| {
                    let var = Var { trace: self.point[0].trace, node };
                    var.reshape(&[var.size()])
                };
                vec![concat(&found.into_iter().map(row).collect::<Vec<_>>(), 0)]
            }
            Operator::Third => {
                let (u, v) = (self.direction(), self.direction());
                let first = or_zeros(tangent(self.results, &self.moves(&u))[0], self.results[0]);
                let second = or_zeros(tangent(&[first], &self.moves(&v))[0], first);
                self.gradient_of(second)
            }
        }
    }

    /// A direction as inputs, one for each leaf of the point.
    fn direction(&self) -> Vec<Var> {
        self.extras.borrow_mut().push(self.point.len());
        self.point.iter().map(|x| self.session.input(x.shape())).collect()
    }

    /// A direction as placeholders, which a batch of rows replaces.
    fn direction_holes(&self) -> Vec<Var> {
        self.point.iter().map(|x| crate::trace::hole(x.shape())).collect()
    }

    /// One input of `k` flat rows, cut into a batch for every variable.
    fn rows(&self, variables: &[Var], k: usize) -> Vec<(Var, Var)> {
        let size = variables.iter().map(|v| v.size()).sum();
        self.extras.borrow_mut().push(1);
        cut(self.session.input(Shape::of(&[k, size])), variables, k)
    }

    fn moves(&self, direction: &[Var]) -> Vec<(Var, Option<Var>)> {
        self.point.iter().zip(direction).map(|(&x, &v)| (x, Some(v))).collect()
    }

    fn seeds(&self, coefficients: impl Iterator<Item = Vec<Option<Var>>>) -> Vec<Seed> {
        self.point.iter().zip(coefficients).map(|(&variable, coefficients)| Seed { variable, coefficients }).collect()
    }

    /// Coefficients of the results: all of order 0, then all of order 1, ….
    fn coefficients(&self, seeds: &[Seed], order: usize) -> Vec<Var> {
        let series = jet(self.results, seeds, order);
        let higher = (0..order).flat_map(|k| self.results.iter().zip(&series).map(move |(&y, s)| or_zeros(s[k], y)));
        self.results.iter().copied().chain(higher).collect()
    }

    fn push(&self, direction: &[Var]) -> Vec<Var> {
        let tangents = tangent(self.results, &self.moves(direction));
        tangents.into_iter().zip(self.results).map(|(t, &y)| or_zeros(t, y)).collect()
    }

    fn pull(&self, cotangents: Vec<Var>) -> Vec<Var> {
        let seeds: Vec<(Var, Var)> = self.results.iter().copied().zip(cotangents).collect();
        adjoint(&seeds, self.point).into_iter().zip(self.point).map(|(c, &x)| or_zeros(c, x)).collect()
    }

    fn gradient(&self) -> Vec<Var> {
        self.gradient_of(self.results[0])
    }

    fn gradient_of(&self, y: Var) -> Vec<Var> {
        let cotangents = adjoint(&[(y, constant(1.0))], self.point);
        cotangents.into_iter().zip(self.point).map(|(c, &x)| or_zeros(c, x)).collect()
    }

    /// Gradients of the coefficients 0 to `order` of f in the point, in one sweep back from the last of them.
    ///
    /// c_k enters no further than the shift of all that made it: with the point on the curve x(t) = Σ xⱼ tʲ, ∂c_order/∂xⱼ =
    /// ∂c_{order − j}/∂x₀. So the tangent of f moves along a series of directions of its own, one for each order, and its last
    /// coefficient is transposed. The curve itself stays the line that it is.
    fn gradients_of_series(&self, line: Vec<Seed>, order: usize) -> Vec<Var> {
        let moves: Vec<Vec<Var>> = (0..=order).map(|_| self.direction_holes()).collect();
        let slope = or_zeros(tangent(self.results, &self.moves(&moves[0]))[0], self.results[0]);
        let higher = |leaf: usize| moves[1..].iter().map(|v| Some(v[leaf])).collect();
        let moving = (0..self.point.len()).map(|leaf| Seed { variable: moves[0][leaf], coefficients: higher(leaf) });
        let seeds: Vec<Seed> = line.into_iter().chain(moving).collect();
        let last = match order {
            0 => slope,
            _ => or_zeros(jet(&[slope], &seeds, order)[0][order - 1], slope),
        };
        let holes: Vec<Var> = moves.iter().rev().flatten().copied().collect();
        let cotangents = transpose(&[(last, constant(1.0))], &holes);
        cotangents.into_iter().zip(self.point.iter().cycle()).map(|(c, &x)| or_zeros(c, x)).collect()
    }

    /// A direction, `made` where none was pushed forward, and the product with it: reverse over forward where one was, else
    /// forward over reverse.
    fn hvp(&self, made: impl FnOnce() -> Vec<Var>) -> (Vec<Var>, Vec<Var>) {
        if let Some((direction, slope)) = &self.pushed {
            return (direction.clone(), self.gradient_of(*slope));
        }
        let direction = made();
        let products = tangent(&self.gradient(), &self.moves(&direction));
        let products = products.into_iter().zip(self.point).map(|(p, &x)| or_zeros(p, x)).collect();
        (direction, products)
    }

    /// With z the marked predictions and f = h(z, x), the product of [Jᵀ I] ∇²h [J I]ᵀ with the direction, J = ∂z/∂x: the
    /// Gauss–Newton product, in which what bypasses z enters with its full Hessian. Source: Schraudolph 2002.
    fn ggn(&self) -> Vec<Var> {
        let direction = self.direction();
        // Each node once, and none that is the point itself: adjoints are with respect to nodes.
        let mut met: HashSet<NodeId> = self.point.iter().map(|x| x.node).collect();
        let z: Vec<Var> = self.predictions.iter().copied().filter(|z| met.insert(z.node)).collect();
        let pushed = tangent(&z, &self.moves(&direction));
        // h as a function of (z, x): both are cut from what lies before them.
        let both: Vec<Var> = z.iter().chain(self.point).copied().collect();
        let gradient = adjoint(&[(self.results[0], constant(1.0))], &both);
        let moves: Vec<(Var, Option<Var>)> = z.iter().copied().zip(pushed).chain(self.moves(&direction)).collect();
        let found: Vec<(usize, Var)> =
            gradient.into_iter().enumerate().filter_map(|(i, g)| g.map(|g| (i, g))).collect();
        let gradients: Vec<Var> = found.iter().map(|&(_, g)| g).collect();
        let curved = tangent(&gradients, &moves);
        let mut product: Vec<Option<Var>> = vec![None; self.point.len()];
        let mut cotangents = Vec::new();
        for ((i, _), c) in found.into_iter().zip(curved) {
            let Some(c) = c else { continue };
            match i.checked_sub(z.len()) {
                None => cotangents.push((z[i], c)),
                Some(leaf) => product[leaf] = Some(c),
            }
        }
        let pulled = adjoint(&cotangents, self.point);
        product
            .into_iter()
            .zip(pulled)
            .zip(self.point)
            .map(|((a, b), &x)| or_zeros(crate::transform::add(a, b), x))
            .collect()
    }
}

/// `k` flat rows, cut into a batch for every variable.
fn cut(rows: Var, variables: &[Var], k: usize) -> Vec<(Var, Var)> {
    let mut start = 0;
    let part = |&v: &Var| {
        let part = rows.slice(1, start..start + v.size()).reshape(&v.shape().with_leading(k));
        start += v.size();
        (v, part)
    };
    variables.iter().map(part).collect()
}

/// Batched leaves as one array of `k` rows: for each direction the entries of all leaves.
fn rows_of(batched: &[Var], k: usize) -> Vec<Var> {
    let flat: Vec<Var> = batched.iter().map(|t| t.reshape(&[k, t.size() / k.max(1)])).collect();
    match flat[..] {
        [] => vec![constant(0.0).broadcast_to(&Shape::of(&[k, 0]))],
        [one] => vec![one],
        _ => vec![concat(&flat, 1)],
    }
}

#[cfg(test)]
mod tests {
    use super::super::variant::Point;
    use super::*;
    use crate::Function;
    use crate::execute::Statistics;
    use crate::tree::Tree;
    use ndarray::Array2;

    fn statistics(graph: &Graph) -> Statistics {
        Program::new(graph, &Interface::plain(graph)).statistics().clone()
    }

    #[test]
    fn gradients_of_all_coefficients_cost_less_than_those_of_each() {
        let matrix = |n, m| Array2::from_shape_fn((n, m), |(i, j)| ((i * 7 + j * 3) % 11) as f64 / 40.0 - 0.1);
        let (first, second) = (matrix(6, 30), matrix(30, 30));
        let network = move |x: Var| {
            let hidden = x.matmul(crate::constant(&first)).tanh().matmul(crate::constant(&second)).tanh();
            hidden.square().mean()
        };
        let function = Function::new(move |x: &Var| network(*x));
        let x = matrix(40, 6);
        let (leaves, entries) = (x.leaves(), x.to_vec());
        let variant = function.trace_if_new(&Point { structure: &x, leaves: &leaves, entries: &entries }).unwrap();
        let products = statistics(&graph_of(&variant, &Operator::Gradient).unwrap().0).contracted / 2;
        for order in [1, 2, 4] {
            let together = statistics(&graph_of(&variant, &Operator::TaylorGradients(order)).unwrap().0);
            let each = graph_by(&variant, &Operator::TaylorGradients(order), |parts| {
                let direction = parts.direction();
                let seeds = parts.seeds(direction.iter().map(|&v| vec![Some(v)]));
                parts.coefficients(&seeds, order).iter().flat_map(|&c| parts.gradient_of(c)).collect()
            });
            let each = statistics(&each.unwrap().0);
            assert!(
                together.flops <= each.flops,
                "order {order}: {} operations, {} one by one",
                together.flops,
                each.flops
            );
            // The weights do not move: one product a layer for each order on the way there, but of order K, and on the way back.
            let (least, most) = (2 * order as u64 * products, (2 * order as u64 + 2) * products);
            let found = together.contracted;
            assert!(
                (least..=most + most / 20).contains(&found),
                "order {order}: {found} operations, expected {least} to {most}"
            );
        }
    }
}
