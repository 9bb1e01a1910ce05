//! Sweeps: values and derivatives straight over a recorded graph of scalars, without a program.
//!
//! Making a program of a trace costs hundreds of evaluations. What is evaluated once, or recorded anew at every point, is
//! swept instead: forward, node by node, in any [`Algebra`] (floats; dual numbers for tangents; series), and backward with
//! the partials of the same rows:
//!
//! > for y = φ(a, b) with cotangent ȳ:  ā += ȳ ∂φ/∂a,  b̄ += ȳ ∂φ/∂b.
//!
//! Backward over dual numbers, which carry tangents along v, the cotangents of the inputs are ∇f and ∇²f v. There is no
//! second set of rules: values and partials are those that the [table](crate::real) states, at another number type. A sweep
//! costs a few nanoseconds a node and a value and a cotangent of memory for each, which the thread keeps for the next one.
//!
//! It takes scalar nodes only: rows, constants, inputs; a closure that reads arrays entry by entry is made one of scalars
//! first ([`by_entries`]). Source: Griewank & Walther, Evaluating Derivatives, ch. 3 and 4.

mod algebra;
mod entries;
mod memory;

use crate::execute::Guards;
use crate::graph::{Graph, NodeId, Step};
use crate::real::{Class, Elementary, Row, Slope};

pub use algebra::Algebra;
pub use entries::by_entries;
pub use memory::Spare;

/// Values of all nodes, where input i is `input(i)`; `false` as soon as a guard that is checked comes out otherwise.
pub fn forward<R: Algebra>(graph: &Graph, input: impl Fn(usize) -> R, guards: Guards, values: &mut Vec<R>) -> bool {
    values.clear();
    values.reserve(graph.len());
    if guards == Guards::Check {
        for guard in graph.guards() {
            extend(graph, &input, guard.node.index() + 1, values);
            if values[guard.node.index()].holds() != guard.expected {
                return false;
            }
        }
    }
    extend(graph, &input, graph.len(), values);
    true
}

/// Values of the nodes before `end` that are missing.
fn extend<R: Algebra>(graph: &Graph, input: &impl Fn(usize) -> R, end: usize, values: &mut Vec<R>) {
    let steps = graph.steps(end);
    for i in values.len()..end {
        let value = match steps.read(i) {
            Step::Other => value_of(graph, graph.step(NodeId::from_index(i)), input, values),
            step => value_of(graph, step, input, values),
        };
        values.push(value);
    }
}

/// The value of a node for those before it.
#[inline(always)]
fn value_of<R: Algebra>(graph: &Graph, step: Step, input: &impl Fn(usize) -> R, values: &[R]) -> R {
    match step {
        Step::Input(i) => input(i),
        Step::Constant(c) => R::from_f64(c),
        Step::ByConstant(row, [a, b]) => values[a.index()].by_constant(row, values[b.index()]),
        Step::Row(row, args @ [a, b]) => {
            let value = row.apply(&[values[a.index()], values[b.index()]]);
            if matches!(row, Row::Mul | Row::Div) && value.may_have_lost() {
                scaled(graph, row, args, values)
            } else {
                value
            }
        }
        Step::Select(mask, a, b) => values[mask.index()].select(values[a.index()], values[b.index()]),
        Step::Hole | Step::Other => R::from_f64(f64::NAN),
    }
}

/// Whether a node is a constant.
fn is_constant(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.step(id), Step::Constant(_))
}

/// A product or quotient that is not finite. The derivatives of a constant are no factors there: 0 times an infinite value is
/// nobody's.
#[cold]
#[inline(never)]
fn scaled<R: Algebra>(graph: &Graph, row: Row, [a, b]: [NodeId; 2], values: &[R]) -> R {
    let [x, y] = [a, b].map(|id| values[id.index()]);
    if is_constant(graph, b) {
        x.by_constant(row, y)
    } else if row == Row::Mul && is_constant(graph, a) {
        y.by_constant(row, x)
    } else {
        row.apply(&[x, y])
    }
}

/// Adds to the cotangent of every node what comes back from the nodes after it, for the given values of all nodes.
///
/// Cotangents start [absent](Algebra::absent) but for those of the outputs. What is absent in the end depends on no output.
pub fn reverse<R: Algebra>(graph: &Graph, values: &[R], cotangents: &mut [R]) {
    let (steps, cotangents) = (graph.steps(values.len()), &mut cotangents[..values.len()]);
    for i in (0..values.len()).rev() {
        let c = cotangents[i];
        if c.is_absent() {
            continue;
        }
        match steps.read(i) {
            Step::Other => reverse_listed(graph, values, cotangents, i),
            step => reverse_step(graph, step, values, cotangents, i),
        }
    }
}

/// What comes back from node `i`, whose arguments have no short numbers.
#[cold]
#[inline(never)]
fn reverse_listed<R: Algebra>(graph: &Graph, values: &[R], cotangents: &mut [R], i: usize) {
    reverse_step(graph, graph.step(NodeId::from_index(i)), values, cotangents, i);
}

/// What comes back from node `i`.
#[inline(always)]
fn reverse_step<R: Algebra>(graph: &Graph, step: Step, values: &[R], cotangents: &mut [R], i: usize) {
    let c = cotangents[i];
    match step {
        Step::Row(Row::Neg, [a, _]) => add_present(cotangents, a, negative(c)),
        Step::Row(Row::Add, [a, b]) => {
            add_present(cotangents, a, c);
            add_present(cotangents, b, c);
        }
        Step::Row(Row::Sub, [a, b]) => {
            add_present(cotangents, a, c);
            add_present(cotangents, b, negative(c));
        }
        Step::Row(Row::Mul, [a, b]) => {
            let (x, y) = (values[a.index()], values[b.index()]);
            let parts = [c * y, c * x];
            if parts.iter().any(R::may_have_lost) {
                return reverse_scaled(graph, Row::Mul, [a, b], values, cotangents, i);
            }
            add(cotangents, a, parts[0]);
            add(cotangents, b, parts[1]);
        }
        Step::Row(Row::Div, [a, b]) => {
            // b y = a  ⇒  ā = c/b, b̄ = −ā y
            let part = c / values[b.index()];
            if part.may_have_lost() {
                return reverse_scaled(graph, Row::Div, [a, b], values, cotangents, i);
            }
            add(cotangents, a, part);
            add(cotangents, b, -(part * values[i]));
        }
        // What would come back to the constant is for nobody.
        Step::ByConstant(Row::Add | Row::Sub, [a, _]) => add_present(cotangents, a, c),
        Step::ByConstant(Row::Mul, [a, b]) => add(cotangents, a, c.by_constant(Row::Mul, values[b.index()])),
        Step::ByConstant(Row::Div, [a, b]) => add(cotangents, a, c.by_constant(Row::Div, values[b.index()])),
        Step::Row(row, [a, b]) | Step::ByConstant(row, [a, b]) => {
            reverse_row(graph, (row, a, b), values, cotangents, i)
        }
        Step::Select(mask, a, b) => add_present(cotangents, if values[mask.index()].holds() { a } else { b }, c),
        Step::Input(_) | Step::Constant(_) | Step::Hole | Step::Other => {}
    }
}

/// What comes back from a product or quotient where something is not finite, as [`scaled`] has it forward.
#[cold]
#[inline(never)]
fn reverse_scaled<R: Algebra>(
    graph: &Graph,
    row: Row,
    [a, b]: [NodeId; 2],
    values: &[R],
    cotangents: &mut [R],
    i: usize,
) {
    let c = cotangents[i];
    let part = |id: NodeId| {
        let factor = values[id.index()];
        if is_constant(graph, id) { c.by_constant(row, factor) } else { row.apply(&[c, factor]) }
    };
    if !is_constant(graph, a) {
        add(cotangents, a, part(b));
    }
    if !is_constant(graph, b) {
        add(cotangents, b, if row == Row::Mul { part(a) } else { -(part(b) * values[i]) });
    }
}

/// What comes back from node `i`, a row that is rarer than arithmetic. Apart from the loop, whose registers it would take.
#[inline(never)]
fn reverse_row<R: Algebra>(
    graph: &Graph,
    (row, a, b): (Row, NodeId, NodeId),
    values: &[R],
    cotangents: &mut [R],
    i: usize,
) {
    let (c, y) = (cotangents[i], values[i]);
    match row {
        Row::StrongMul => {
            add(cotangents, a, c.strong_mul(values[b.index()]));
            add(cotangents, b, c.strong_mul(values[a.index()]));
        }
        Row::StrongDiv => {
            let part = c.strong_div(values[b.index()]);
            add(cotangents, a, part);
            add(cotangents, b, -part.strong_mul(y));
        }
        _ if row.class() == Class::Smooth && row.arity() == 1 => {
            let x = values[a.index()];
            add(cotangents, a, times(c, row.slope(0, &[x, x], &y)));
        }
        _ if row.class() == Class::Smooth => {
            let inputs = [values[a.index()], values[b.index()]];
            for (input, to) in [a, b].into_iter().enumerate().take(row.arity()) {
                // The partial in a constant, such as an exponent, is for nobody.
                if !is_constant(graph, to) {
                    add(cotangents, to, times(c, row.slope(input, &inputs, &y)));
                }
            }
        }
        _ => {}
    }
}

/// Adds a part to the cotangent of a node. A part of −0 leaves 0, lest it pass for nothing.
#[inline(always)]
fn add<R: Algebra>(cotangents: &mut [R], to: NodeId, part: R) {
    // −0 + 0 is 0, and what else the sum may be stays as it is. The sum is there before the part, which the next step waits for.
    let sum = &mut cotangents[to.index()];
    *sum = (*sum + R::from_f64(0.0)) + part;
}

/// Adds a part that is not −0, as no cotangent is that is present, to the cotangent of a node.
#[inline(always)]
fn add_present<R: Algebra>(cotangents: &mut [R], to: NodeId, part: R) {
    let sum = &mut cotangents[to.index()];
    *sum = *sum + part;
}

/// −c as a part that is not −0, for a cotangent that is present.
#[inline(always)]
fn negative<R: Algebra>(c: R) -> R {
    R::from_f64(0.0) - c
}

/// A cotangent times a partial.
#[inline]
fn times<R: Elementary>(cotangent: R, slope: Slope<R>) -> R {
    match slope {
        Slope::Partial(d) => cotangent * d,
        Slope::Inverse(q) => cotangent / q,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_without_short_numbers_are_swept_alike() {
        let text = "%0 = input : []\n%1 = input : []\n%2 = constant 1.5 : []\n%3 = mul %0 %2 : []\n%4 = sub %3 %1 : []\n\
                    %5 = sin %4 : []\n%6 = less %0 %1 : []\n%7 = select %6 %5 %4 : []\n%8 = div %7 %1 : []\n\
                    %9 = neg %8 : []\n%10 = add %9 %5 : []\nreturn %10";
        let short: Graph = text.parse().expect("the test's own text");
        let mut listed = short.clone();
        listed.list_all();
        let of = |graph: &Graph, x: [f64; 2]| -> Vec<u64> {
            let mut values = Vec::new();
            assert!(forward(graph, |i| x[i], Guards::Trust, &mut values));
            let mut cotangents = vec![f64::absent(); graph.len()];
            cotangents[10] = 1.0;
            reverse(graph, &values, &mut cotangents);
            values.into_iter().chain(cotangents).map(f64::to_bits).collect()
        };
        for x in [[0.3, 0.7], [0.9, -0.4]] {
            assert_eq!(of(&short, x), of(&listed, x));
        }
        assert!(short.ids().all(|id| short.step(id) == listed.step(id)));
    }
}
