//! Packing once: the right operand of several products, or of a product that is run again and again while the operand stays, is
//! put in the order in which the kernel reads it by a node of its own.
//!
//! A product of matrices copies its right operand into strips before it multiplies, at up to a tenth of its time. The copy of a
//! layer's weights serves the value and its tangent, and at a linearised point it is kept for all products.

use super::accumulate::onto;
use super::product::AnyProduct;
use crate::graph::{Arguments, Attributes, Class, Fault, Graph, NodeId, Operation, Structured, Var};
use crate::primitive::Matmul;
use crate::real::Float;
use crate::shape::Shape;
use crate::tensor::View;
use kernels::gemm::{Product, Update};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A matrix of shape [k, n], or [n, k] if transposed, in the order of the kernel: an array of one axis that only [`Packed`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pack {
    /// Whether it is stored transposed.
    pub trans_b: bool,
}

/// op(A) · op(B) with B [packed](Pack); of operands A and B, or `ONTO` a first operand c, from which it is subtracted or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packed<const ONTO: bool> {
    /// The product.
    pub product: Matmul,
    /// Terms of each sum: rows of op(B).
    pub k: usize,
    /// Columns of op(B).
    pub n: usize,
    /// Whether it is subtracted.
    pub subtract: bool,
}

/// A product of m × k and k × n as the kernels know it.
fn product(matmul: &Matmul, m: usize, k: usize, n: usize) -> Product {
    Product::new(m, n, k).trans_a(matmul.trans_a).trans_b(matmul.trans_b)
}

/// Entries of a packed matrix at either precision.
fn packed_len(trans_b: bool, k: usize, n: usize) -> usize {
    // Any number of rows but one.
    let product = Product::new(2, n, k).trans_b(trans_b);
    product.packed_len::<f32>().max(product.packed_len::<f64>())
}

impl Pack {
    /// (k, n) of op(B).
    fn sizes(&self, b: &Shape) -> (usize, usize) {
        if self.trans_b { (b[1], b[0]) } else { (b[0], b[1]) }
    }
}

impl Structured for Pack {
    const NAME: &'static str = "pack";
    const CLASS: Class = Class::Discrete;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let [b] = operands else { return Err(format!("expected 1 operand, found {}", operands.len())) };
        if b.rank() != 2 || b.iter().any(|&n| n < 2) {
            return Err(format!("{b} is no matrix of several rows and columns"));
        }
        let (k, n) = self.sizes(b);
        Ok(Shape::of(&[packed_len(self.trans_b, k, n)]))
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], _: &mut [T]) -> Result<(), Fault> {
        let (k, n) = self.sizes(operands[0].shape);
        let product = Product::new(2, n, k).trans_b(self.trans_b);
        let (packed, rest) = out.split_at_mut(product.packed_len::<T>());
        product.pack_b(operands[0].data, packed);
        // Read by nothing; written so that memory is the same after every run.
        rest.fill(T::zero());
        Ok(())
    }

    fn flops(&self, _: &[&Shape], _: &Shape) -> u64 {
        0
    }

    fn attributes(&self) -> Attributes {
        vec![("transposed", vec![i64::from(self.trans_b)])]
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        Some(Pack { trans_b: *get("transposed")?.first()? != 0 })
    }

    compiled_only!();
}

impl<const ONTO: bool> Packed<ONTO> {
    /// Operands without c.
    fn factors<X>(operands: &[X]) -> &[X] {
        &operands[usize::from(ONTO)..]
    }

    fn rows(&self, a: &Shape) -> usize {
        a[usize::from(self.product.trans_a)]
    }
}

impl<const ONTO: bool> Structured for Packed<ONTO> {
    const NAME: &'static str = if ONTO { "matmul_packed_onto" } else { "matmul_packed" };
    const CLASS: Class = Class::Discrete;
    const UPDATES: bool = ONTO;

    fn infer(&self, operands: &[&Shape]) -> Result<Shape, String> {
        let expected = 2 + usize::from(ONTO);
        if operands.len() != expected {
            return Err(format!("expected {expected} operands, found {}", operands.len()));
        }
        let (a, b) = (Self::factors(operands)[0], Self::factors(operands)[1]);
        let length = packed_len(self.product.trans_b, self.k, self.n);
        if a.rank() != 2 || a[usize::from(!self.product.trans_a)] != self.k || **b != *Shape::of(&[length]) {
            return Err(format!("{a} and {b} packed do not fit {} × {}", self.k, self.n));
        }
        let shape = Shape::of(&[self.rows(a), self.n]);
        if ONTO && *operands[0] != shape {
            return Err(format!("shapes differ: {} and the product's {shape}", operands[0]));
        }
        Ok(shape)
    }

    fn evaluate<T: Float>(&self, operands: &[View<'_, T>], out: &mut [T], scratch: &mut [T]) -> Result<(), Fault> {
        if ONTO && !operands[0].data.is_empty() {
            out.copy_from_slice(operands[0].data);
        }
        let update = if ONTO { onto(self.subtract) } else { Update::Replace };
        let [a, b] = Self::factors(operands) else { unreachable!("operands were counted") };
        let product = product(&self.product, self.rows(a.shape), self.k, self.n);
        product.run_packed_parallel(update, a.data, &b.data[..product.packed_len::<T>()], out, scratch);
        Ok(())
    }

    fn scratch(&self, operands: &[&Shape], threads: usize) -> usize {
        let product = product(&self.product, self.rows(Self::factors(operands)[0]), self.k, self.n);
        product.scratch_parallel::<f32>(threads).max(product.scratch_parallel::<f64>(threads))
    }

    fn flops(&self, operands: &[&Shape], out: &Shape) -> u64 {
        let product = 2 * (self.rows(Self::factors(operands)[0]) * self.k * self.n) as u64;
        product + if ONTO { out.size() as u64 } else { 0 }
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Structured::attributes(&self.product);
        attributes.push(("inner", vec![self.k as i64, self.n as i64]));
        attributes.push(("subtract", vec![i64::from(self.subtract)]));
        attributes
    }

    fn from_attributes(get: &dyn Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        let &[k, n] = get("inner")?.as_slice() else { return None };
        let subtract = get("subtract")?.first().is_some_and(|&s| s != 0);
        let (k, n) = (usize::try_from(k).ok()?, usize::try_from(n).ok()?);
        Matmul::from_attributes(get).map(|product| Packed { product, k, n, subtract })
    }

    compiled_only!();
}

/// A product whose right operand the kernel would pack.
struct Use {
    product: Matmul,
    update: Update,
    k: usize,
    n: usize,
    b: NodeId,
}

impl Use {
    fn of(graph: &Graph, id: NodeId) -> Option<Use> {
        let Operation::Primitive(p) = graph.operation(id) else { return None };
        let (product, args) = (AnyProduct::of(&**p).filter(|product| product.packed.is_none())?, graph.arguments(id));
        let [a, b] = args[product.before()..] else { unreachable!("a product has two factors") };
        let (product, update) = (product.matmul, product.update);
        let (shape_a, shape_b) = (graph.shape(a), graph.shape(b));
        if shape_a.rank() != 2 || shape_b.rank() != 2 {
            return None;
        }
        let (k, n) = Pack { trans_b: product.trans_b }.sizes(shape_b);
        let kernel = self::product(product, shape_a[usize::from(product.trans_a)], k, n);
        let packs = kernel.packs_b::<f32>() && kernel.packs_b::<f64>();
        packs.then(|| Use { product: product.clone(), update, k, n, b })
    }
}

/// The same program with right operands packed once; `late` tells what runs again while the rest stays. `None` if there is
/// nothing to pack.
pub fn pack(graph: &Graph, late: &[bool]) -> Option<Graph> {
    let uses: Vec<Option<Use>> = graph.ids().map(|id| Use::of(graph, id)).collect();
    let mut count: FxHashMap<(NodeId, bool), usize> = FxHashMap::default();
    for (id, one) in graph.ids().zip(&uses) {
        if let Some(one) = one {
            // What stays serves as many products as there will be runs.
            let again = late[id.index()] && !late[one.b.index()];
            *count.entry((one.b, one.product.trans_b)).or_default() += if again { 2 } else { 1 };
        }
    }
    if count.values().all(|&n| n < 2) {
        return None;
    }
    let (mut out, mut moved) = (Graph::new(), Vec::<NodeId>::with_capacity(graph.len()));
    let mut packed: FxHashMap<(NodeId, bool), NodeId> = FxHashMap::default();
    for (id, one) in graph.ids().zip(uses) {
        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        let new = match one.filter(|one| count[&(one.b, one.product.trans_b)] >= 2) {
            None => {
                out.enter(graph.scope(id));
                out.carry(graph, id, &args)
            }
            Some(Use { product, update, k, n, b }) => {
                out.enter(graph.scope(b));
                let trans_b = product.trans_b;
                let right = *packed.entry((b, trans_b)).or_insert_with(|| {
                    out.primitive(Arc::new(Pack { trans_b }), &[moved[b.index()]]).expect("a matrix can be packed")
                });
                out.enter(graph.scope(id));
                let subtract = update == Update::Subtract;
                if update == Update::Replace {
                    out.primitive(Arc::new(Packed::<false> { product, k, n, subtract }), &[args[0], right])
                } else {
                    out.primitive(Arc::new(Packed::<true> { product, k, n, subtract }), &[args[0], args[1], right])
                }
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

    const PRODUCTS: &str = "%0 = input : [64, 40]\n%1 = input : [40, 33]\n%2 = input : [64, 33]\n%3 = input : [64, 40]\n\
        %4 = matmul{transposed=[0,0]} %0 %1 : [64, 33]\n";

    fn packed(text: &str, first: Option<usize>) -> Option<Graph> {
        let graph: Graph = text.parse().expect("the test's own text");
        let packed = pack(&graph, &late(&graph, first))?.without_dead_nodes();
        packed.verify().unwrap();
        same_bits::<f64>(&graph, &packed);
        same_bits::<f32>(&graph, &packed);
        Some(packed)
    }

    #[test]
    fn what_two_products_read_is_packed_once() {
        let text = format!("{PRODUCTS}%5 = matmul{{transposed=[0,0]}} %3 %1 : [64, 33]\nreturn %4, %5");
        let graph = packed(&text, None).expect("one matrix serves two products");
        assert_eq!((count(&graph, "= pack{"), count(&graph, "= matmul_packed{")), (1, 2), "{graph}");
    }

    #[test]
    fn a_sum_of_products_takes_it_as_well() {
        let text =
            format!("{PRODUCTS}%5 = matmul{{transposed=[0,0]}} %3 %1 : [64, 33]\n%6 = sub %4 %5 : [64, 33]\nreturn %6");
        let graph: Graph = text.parse().expect("the test's own text");
        let graph = super::super::accumulate(&graph).without_dead_nodes();
        let packed = pack(&graph, &late(&graph, None)).expect("one matrix serves two products").without_dead_nodes();
        packed.verify().unwrap();
        same_bits::<f64>(&graph, &packed);
        assert_eq!(count(&packed, "= matmul_packed_onto{"), 1, "{packed}");
    }

    #[test]
    fn what_stays_is_packed_for_what_runs_again() {
        // Of the inputs only the first changes between runs.
        let graph = packed(&format!("{PRODUCTS}return %4"), None);
        assert!(graph.is_none(), "a product that runs once packs as it needs");
        let later =
            "%0 = input : [40, 33]\n%1 = input : [64, 40]\n%2 = matmul{transposed=[0,0]} %1 %0 : [64, 33]\nreturn %2";
        let graph = packed(later, Some(1)).expect("the matrix stays");
        assert_eq!((count(&graph, "= pack{"), count(&graph, "= matmul_packed{")), (1, 1), "{graph}");
        let reversed =
            "%0 = input : [64, 40]\n%1 = input : [40, 33]\n%2 = matmul{transposed=[0,0]} %0 %1 : [64, 33]\nreturn %2";
        assert!(packed(reversed, Some(1)).is_none(), "the matrix changes with every run");
    }

    #[test]
    fn transposed_ones_are_packed_in_their_own_order() {
        let text = "%0 = input : [64, 40]\n%1 = input : [40, 40]\n%2 = matmul{transposed=[0,0]} %0 %1 : [64, 40]\n\
            %3 = matmul{transposed=[0,1]} %0 %1 : [64, 40]\n%4 = matmul{transposed=[0,1]} %2 %1 : [64, 40]\n\
            %5 = matmul{transposed=[0,0]} %3 %1 : [64, 40]\nreturn %4, %5";
        let graph = packed(text, None).expect("each order serves two products");
        assert_eq!((count(&graph, "= pack{"), count(&graph, "= matmul_packed{")), (2, 4), "{graph}");
    }
}
