//! Factoring once: a matrix of several linear systems, or of one that is solved again and again while the matrix stays, becomes its
//! factors by a node of its own.
//!
//! Elimination takes n³ operations, a solution from the factors n² a right-hand side. A Taylor series to order K solves K + 1 systems
//! with one matrix, a gradient one more with its transpose, and at a linearised point the factors are kept for all products.

use crate::graph::{Arguments, Attributes, Class, Fault, Graph, NodeId, Operation, Structured, Var};
use crate::primitive::Solve;
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use kernels::lu;
use rustc_hash::FxHashMap;
use std::any::Any;
use std::sync::Arc;

/// The factors of each matrix of [..., n, n]: an array [..., n + 1, n] that only [`SolveWith`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Factor;

/// The solution of op(A) · X = B from the [factors](Factor) of A and from B.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SolveWith {
    /// Whether the matrices are transposed first.
    pub transposed: bool,
}

/// (number of matrices, rows, columns).
fn sizes(shape: &Shape) -> (usize, usize, usize) {
    let rank = shape.rank();
    (shape[..rank - 2].iter().product(), shape[rank - 2], shape[rank - 1])
}

impl Structured for Factor {
    const NAME: &'static str = "factor";
    const CLASS: Class = Class::Discrete;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [a] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        match a.split_last_chunk() {
            Some((lead, [rows, columns])) if rows == columns => {
                Ok(lead.iter().copied().chain([rows + 1, *columns]).collect())
            }
            _ => Err(format!("expected square matrices [..., n, n], found {a}")),
        }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let (count, n, _) = sizes(operands[0].shape);
        for i in 0..count {
            let (matrix, length) = (&operands[0].data[i * n * n..(i + 1) * n * n], lu::factors_len(n));
            lu::factor(matrix, &mut out[i * length..(i + 1) * length], n, scratch);
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], _: usize) -> usize {
        let (_, n, _) = sizes(operands[0]);
        lu::factor_scratch_len::<f32>(n).max(lu::factor_scratch_len::<f64>(n))
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let (count, n, _) = sizes(operands[0]);
        (count * (2 * n * n * n / 3)) as u64
    }

    fn attributes(&self) -> Attributes {
        Attributes::new()
    }

    fn from_attributes(_: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Factor)
    }

    compiled_only!();
}

impl Structured for SolveWith {
    const NAME: &'static str = "solve_with";
    const CLASS: Class = Class::Discrete;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [factors, b] = operands else { return Err(format!("expected 2 operands, found {}", operands.len())) };
        let fits = match (factors.split_last_chunk(), b.split_last_chunk()) {
            (Some((lead, [rows, n])), Some((others, [m, _]))) => lead == others && *rows == n + 1 && m == n,
            _ => false,
        };
        if fits { Ok((*b).clone()) } else { Err(format!("factors {factors} do not fit right-hand sides {b}")) }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let (factors, b) = (&operands[0], &operands[1]);
        let (count, n, m) = sizes(b.shape);
        let length = lu::factors_len(n);
        out.copy_from_slice(b.data);
        for i in 0..count {
            let (factors, right) = (&factors.data[i * length..(i + 1) * length], &mut out[i * n * m..(i + 1) * n * m]);
            lu::solve_with(factors, right, n, m, self.transposed, scratch);
        }
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], _: usize) -> usize {
        let (_, n, m) = sizes(operands[1]);
        lu::solve_with_scratch_len::<f32>(n, m).max(lu::solve_with_scratch_len::<f64>(n, m))
    }

    fn flops(&self, operands: &[&Shape], _: &Shape) -> u64 {
        let (count, n, m) = sizes(operands[1]);
        (count * 2 * n * n * m) as u64
    }

    fn attributes(&self) -> Attributes {
        vec![("transposed", vec![i64::from(self.transposed)])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(SolveWith { transposed: *get("transposed")?.first()? != 0 })
    }

    compiled_only!();
}

/// The matrix of a system, if the node is one, and whether it is transposed.
fn system(graph: &Graph, id: NodeId) -> Option<(NodeId, bool)> {
    let Operation::Primitive(p) = graph.operation(id) else { return None };
    let solve = (&**p as &dyn Any).downcast_ref::<Solve>()?;
    Some((graph.arguments(id)[0], solve.transposed))
}

/// The same program with matrices factored once; `late` tells what runs again while the rest stays. `None` if no matrix has
/// several systems.
pub fn factor(graph: &Graph, late: &[bool]) -> Option<Graph> {
    let systems: Vec<Option<(NodeId, bool)>> = graph.ids().map(|id| system(graph, id)).collect();
    let mut count: FxHashMap<NodeId, usize> = FxHashMap::default();
    for (id, one) in graph.ids().zip(&systems) {
        if let Some((a, _)) = one {
            // What stays serves as many systems as there will be runs.
            let again = late[id.index()] && !late[a.index()];
            *count.entry(*a).or_default() += if again { 2 } else { 1 };
        }
    }
    if count.values().all(|&n| n < 2) {
        return None;
    }
    let (mut out, mut moved) = (Graph::new(), Vec::<NodeId>::with_capacity(graph.len()));
    let mut factored: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    for (id, one) in graph.ids().zip(systems) {
        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        let new = match one.filter(|(a, _)| count[a] >= 2) {
            None => {
                out.enter(graph.scope(id));
                out.carry(graph, id, &args)
            }
            Some((a, transposed)) => {
                out.enter(graph.scope(a));
                let factors = *factored
                    .entry(a)
                    .or_insert_with(|| out.primitive(Arc::new(Factor), &[args[0]]).expect("a matrix can be factored"));
                out.enter(graph.scope(id));
                out.primitive(Arc::new(SolveWith { transposed }), &[factors, args[1]])
                    .expect("shapes as in the original")
            }
        };
        moved.push(new);
    }
    out.end_as(graph, &moved);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::late;
    use super::*;
    use crate::compile::testing::{count, same_bits};

    const INPUTS: &str = "%0 = input : [2, 3, 3]\n%1 = input : [2, 3, 2]\n%2 = input : [2, 3, 1]\n";

    fn factored(text: &str, first: Option<usize>) -> Option<Graph> {
        let graph: Graph = text.parse().expect("the test's own text");
        let factored = factor(&graph, &late(&graph, first))?.without_dead_nodes();
        factored.verify().unwrap();
        same_bits::<f64>(&graph, &factored);
        same_bits::<f32>(&graph, &factored);
        Some(factored)
    }

    #[test]
    fn a_matrix_of_several_systems_is_factored_once() {
        let text = format!(
            "{INPUTS}%3 = solve{{transposed=[0]}} %0 %1 : [2, 3, 2]\n%4 = solve{{transposed=[1]}} %0 %2 : [2, 3, 1]\n\
             %5 = solve{{transposed=[1]}} %0 %4 : [2, 3, 1]\nreturn %3, %5"
        );
        let graph = factored(&text, None).expect("one matrix serves three systems");
        assert_eq!((count(&graph, "= factor"), count(&graph, "= solve_with{"), count(&graph, "= solve{")), (1, 3, 0));
    }

    #[test]
    fn a_matrix_of_one_system_is_left_alone() {
        let one = format!("{INPUTS}%3 = solve{{transposed=[0]}} %0 %1 : [2, 3, 2]\nreturn %3");
        assert!(factored(&one, None).is_none());
        assert!(factored(&one, Some(0)).is_none(), "the matrix changes with every run");
        let graph = factored(&one, Some(1)).expect("the matrix stays");
        assert_eq!((count(&graph, "= factor"), count(&graph, "= solve_with{")), (1, 1), "{graph}");
    }
}
