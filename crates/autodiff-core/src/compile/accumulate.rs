//! Sums of products in one place: a product of matrices that is only added to another, or taken from it, is computed onto it.
//!
//! The tangent and the gradient of a product are such sums, in arrays as large as a layer's parameters: computed apart they are
//! written twice, read twice and written once more.

use crate::graph::{Arguments, Attributes, Class, Fault, Graph, NodeId, Operation, Structured, Var};
use crate::primitive::Matmul;
use crate::real::{Float, Row};
use crate::shape::Shape;
use crate::tensor::View;
use kernels::gemm::Update;
use std::any::Any;
use std::sync::Arc;

/// c ± op(A) · op(B). Made after all derivatives are taken, so it has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatmulOnto {
    /// The product.
    pub product: Matmul,
    /// Whether it is subtracted.
    pub subtract: bool,
}

impl Structured for MatmulOnto {
    const NAME: &'static str = "matmul_onto";
    const CLASS: Class = Class::Discrete;
    const UPDATES: bool = true;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [c, product @ ..] = operands else { return Err("expected 3 operands, found 0".into()) };
        let shape = self.product.infer(product)?;
        if shape == **c { Ok(shape) } else { Err(format!("shapes differ: {c} and the product's {shape}")) }
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        let c = operands[0].data;
        if !c.is_empty() {
            out.copy_from_slice(c);
        }
        self.product.update(onto(self.subtract), &operands[1..], out, scratch);
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize {
        self.product.scratch(&operands[1..], threads)
    }

    fn flops(&self, operands: &[&Shape], out: &Shape) -> u64 {
        self.product.flops(&operands[1..], out) + out.size() as u64
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = self.product.attributes();
        attributes.push(("subtract", vec![i64::from(self.subtract)]));
        attributes
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let subtract = get("subtract")?.first().is_some_and(|&s| s != 0);
        Matmul::from_attributes(get).map(|product| MatmulOnto { product, subtract })
    }

    compiled_only!();
}

/// How a product changes what it is computed onto.
pub(super) fn onto(subtract: bool) -> Update {
    if subtract { Update::Subtract } else { Update::Add }
}

/// The same program with sums of products in one place.
pub fn accumulate(graph: &Graph) -> Graph {
    let mut readers = vec![0_u32; graph.len()];
    for id in graph.ids() {
        graph.arguments(id).iter().for_each(|a| readers[a.index()] += 1);
    }
    for id in graph.outputs().iter().copied().chain(graph.guards().iter().map(|g| g.node)) {
        readers[id.index()] += 1;
    }
    let (mut out, mut moved) = (Graph::new(), Vec::<NodeId>::with_capacity(graph.len()));
    for id in graph.ids() {
        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        out.enter(graph.scope(id));
        // Read by this node alone.
        let product = |i: usize| {
            let a = graph.arguments(id)[i];
            if readers[a.index()] != 1 || graph.scope(a) != graph.scope(id) {
                return None;
            }
            let Operation::Primitive(p) = out.operation(args[i]) else { return None };
            let p = &**p as &dyn Any;
            Some((p.downcast_ref::<Matmul>().cloned(), p.is::<MatmulOnto>()))
        };
        let onto = match graph.operation(id) {
            Operation::Row(row @ (Row::Add | Row::Sub)) => match (product(0), product(1)) {
                // c ± A·B, where c is a product, or a sum of products
                (Some(c), Some((Some(b), _))) if c.0.is_some() || c.1 => Some((0, 1, b, row == Row::Sub)),
                // A·B + c
                (Some((Some(a), _)), Some((None, true))) if row == Row::Add => Some((1, 0, a, false)),
                _ => None,
            },
            _ => None,
        };
        moved.push(match onto {
            Some((c, p, product, subtract)) => {
                let factors = out.arguments(args[p]);
                let operands = [args[c], factors[0], factors[1]];
                out.primitive(Arc::new(MatmulOnto { product, subtract }), &operands).expect("a sum has one shape")
            }
            None => out.carry(graph, id, &args),
        });
    }
    out.end_as(graph, &moved);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accumulated(text: &str) -> String {
        let graph: Graph = text.parse().expect("the test's own text");
        let accumulated = accumulate(&graph).without_dead_nodes();
        accumulated.verify().unwrap();
        accumulated.to_string()
    }

    const PRODUCTS: &str = "%0 = input : [2, 3]\n%1 = input : [3, 4]\n%2 = input : [2, 4]\n\
        %3 = matmul{transposed=[0,0]} %0 %1 : [2, 4]\n%4 = matmul{transposed=[0,0]} %0 %1 : [2, 4]\n";

    #[test]
    fn products_join_a_sum_one_after_the_other() {
        let text = accumulated(&format!(
            "{PRODUCTS}%5 = matmul{{transposed=[0,0]}} %0 %1 : [2, 4]\n%6 = sub %4 %5 : [2, 4]\n%7 = add %3 %6 : [2, 4]\nreturn %7"
        ));
        assert_eq!(text.matches("matmul_onto").count(), 2, "{text}");
        assert_eq!(text.matches("= matmul{").count(), 1, "{text}");
        assert!(!text.contains("add ") && !text.contains("sub "), "{text}");
    }

    #[test]
    fn a_product_that_something_else_reads_stays() {
        let text = accumulated(&format!("{PRODUCTS}%5 = add %3 %4 : [2, 4]\n%6 = mul %4 %3 : [2, 4]\nreturn %5, %6"));
        assert!(!text.contains("matmul_onto"), "{text}");
    }

    #[test]
    fn what_is_no_product_is_added_elsewhere() {
        let text = accumulated(&format!("{PRODUCTS}%5 = add %3 %2 : [2, 4]\n%6 = sub %2 %4 : [2, 4]\nreturn %5, %6"));
        assert!(!text.contains("matmul_onto"), "{text}");
    }
}
