//! The recurrences of a trace of rates, made from its graph and the slopes that the rows state.

use super::body::Body;
use crate::compile::simplify;
use crate::execute::{Recurrences, Slopes};
use crate::graph::{NodeId, Operation, Var};
use crate::real::{Class, Precision, Row, Slope};
use crate::trace::{Session, peek};
use crate::transform::repeated_number;

/// Nodes, as a multiple of those of the rates, beyond which slopes are not followed: a rule whose partial is a new function each time
/// never ends.
const GROWTH: usize = 16;

/// The recurrences of the rates; `None` if an operation has no rule for them.
pub(super) fn recurrences(body: &Body) -> Option<Recurrences> {
    let rates = simplify(&body.graph).without_dead_nodes();
    let session = Session::open(Precision::Double);
    session.share();
    let inputs: Vec<Var> = body.point.iter().map(|shape| session.input(shape.clone())).collect();
    let outputs = session.inline(&rates, &inputs);
    let trace = inputs.first()?.trace;
    let mut slopes: Slopes = Vec::new();
    let limit = GROWTH * (rates.len() + 16);
    // Slopes are nodes that have slopes.
    let mut varies: Vec<bool> = Vec::new();
    while let Some(Node { row, args, input }) = node(varies.len())? {
        let moves: Vec<bool> = args.iter().map(|a| varies[a.index()]).collect();
        let discrete = row.is_some_and(|row| row.class() == Class::Discrete);
        // A square root has its rule from y² = x.
        if let Some(row) = row.filter(|&row| row.class() == Class::Smooth && row != Row::Sqrt) {
            let var = |node: NodeId| Var { trace, node };
            let (args, y) = (args.iter().map(|&a| var(a)).collect::<Vec<Var>>(), var(NodeId::from_index(varies.len())));
            for i in (0..args.len()).filter(|&i| moves[i]) {
                let slope = match (row, i) {
                    (Row::Pow, 0) => Slope::Partial(slope_of_power(args[0], args[1], y)),
                    _ => row.slope(i, &args, &y),
                };
                let slope = match slope {
                    Slope::Partial(d) => Slope::Partial(d.node),
                    Slope::Inverse(q) => Slope::Inverse(q.node),
                };
                slopes.push((y.node, i, slope));
            }
        }
        varies.push(input || (!discrete && moves.contains(&true)));
        if varies.len() > limit {
            return None;
        }
    }
    Recurrences::new(session.close(&outputs).ok()?.graph, &slopes)
}

/// The partial of a power y = xᵖ in x. That of the table is a new power each time; this one is not finite where the base is 0, or
/// where the power has lost digits or vanished, though the powers below may not have.
fn slope_of_power(x: Var, p: Var, y: Var) -> Var {
    let exponent = match peek(|graph| repeated_number(graph, p.node)).flatten() {
        // What is small then is the power of something large, and so are the powers below.
        Some(number) if number < 0.0 => p,
        // In either precision.
        _ => y.abs().less_equal(f64::from(f32::MIN_POSITIVE)).select(f64::NAN, p),
    };
    exponent * (y / x)
}

/// A node of the tape.
struct Node {
    row: Option<Row>,
    args: Vec<NodeId>,
    input: bool,
}

/// The node of this number; `Some(None)` after the last, and `None` if there is no tape.
fn node(index: usize) -> Option<Option<Node>> {
    peek(|graph| {
        (index < graph.len()).then(|| {
            let id = NodeId::from_index(index);
            let operation = graph.operation(id);
            let row = if let Operation::Row(row) = operation { Some(row) } else { None };
            Node { row, args: graph.arguments(id).to_vec(), input: matches!(operation, Operation::Input(_)) }
        })
    })
}
