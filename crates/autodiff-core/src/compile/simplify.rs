//! Algebra on nodes: constants folded, identities removed, moves of data combined, transposes folded into products, and
//! equal nodes merged. One pass in order, for the arguments of a node are simple before it is looked at.
//!
//! A rule keeps every bit of the result, with these exceptions: an operation on repeated scalars is that of one, by the scalar
//! function; a product of repeated rows is one of fewer rows, which another kernel may compute; entries that are added into one place are summed as those of a line, and the sum of −x is −(the sum
//! of x), also where that is 0. Constants are folded in double precision, so a program in single precision may differ from the
//! unfolded one by a rounding; what branches of the trace rest on is [settled](super::settled) before.

use super::repeat::SHORTEST;
use crate::graph::{Arguments, Graph, NodeId, Operation, Structured};
use crate::primitive::{Broadcast, Matmul, Pattern, Permute, Place, Reshape, Stride, Sum};
use crate::real::Row;
use crate::shape::Shape;
use smallvec::{SmallVec, smallvec};
use std::any::Any;
use std::sync::Arc;

/// The same program with fewer or cheaper nodes.
pub fn simplify(graph: &Graph) -> Graph {
    let mut out = Builder { graph: Graph::new() };
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let args: Arguments = graph.arguments(id).iter().map(|a| moved[a.index()]).collect();
        out.graph.enter(graph.scope(id));
        let new = match graph.operation(id) {
            Operation::Input(_) => out.graph.input(graph.shape(id).clone()),
            Operation::Hole => out.graph.hole(graph.shape(id).clone()),
            Operation::Constant(c) => out.graph.constant(c),
            Operation::Tensor(t) => out.graph.tensor(t.clone()),
            Operation::Row(row) => out.row(row, &args),
            Operation::Primitive(p) => {
                let any = &**p as &dyn Any;
                if let Some(reshape) = any.downcast_ref::<Reshape>() {
                    out.reshape(args[0], &reshape.shape)
                } else if let Some(broadcast) = any.downcast_ref::<Broadcast>() {
                    out.broadcast(args[0], &broadcast.shape)
                } else if let Some(permute) = any.downcast_ref::<Permute>() {
                    out.permute(args[0], &permute.axes)
                } else if let Some(place) = any.downcast_ref::<Place>() {
                    out.place(place, args[0])
                } else if let Some(matmul) = any.downcast_ref::<Matmul>() {
                    out.matmul(matmul, args[0], args[1])
                } else {
                    out.graph.primitive(p.clone(), &args).expect("the arguments have the shapes they had")
                }
            }
        };
        if out.graph.len() == 1 {
            out.graph.share();
        }
        moved.push(new);
    }
    let mut result = out.graph;
    result.stop_sharing();
    result.end_as(graph, &moved);
    result
}

/// The graph being made, with constructors that apply the rules.
struct Builder {
    graph: Graph,
}

impl Builder {
    /// The number that every entry of a node is, if it is a constant.
    fn number(&self, id: NodeId) -> Option<f64> {
        match self.graph.operation(id) {
            Operation::Constant(c) => Some(c),
            Operation::Primitive(p) if matches!(p.name(), "broadcast" | "reshape") => {
                self.number(self.graph.arguments(id)[0])
            }
            _ => None,
        }
    }

    /// The primitive of a node, if it is a `P`, with its argument.
    fn moves<P: Structured>(&self, id: NodeId) -> Option<(&P, NodeId)> {
        match self.graph.operation(id) {
            Operation::Primitive(p) => (&**p as &dyn Any).downcast_ref::<P>().map(|p| (p, self.graph.arguments(id)[0])),
            _ => None,
        }
    }

    fn push<P: Structured>(&mut self, primitive: P, args: &[NodeId]) -> NodeId {
        self.graph.primitive(Arc::new(primitive), args).expect("a rule keeps shapes")
    }

    fn plain(&mut self, row: Row, args: &[NodeId]) -> NodeId {
        self.graph.row(row, args).expect("the arguments have one shape")
    }

    fn row(&mut self, row: Row, args: &[NodeId]) -> NodeId {
        let numbers: SmallVec<[Option<f64>; 3]> = args.iter().map(|&a| self.number(a)).collect();
        let first = args[0];
        // The sign of a zero counts.
        let is = |i: usize, c: f64| numbers.get(i).copied().flatten().is_some_and(|n| n.to_bits() == c.to_bits());
        match row {
            // −(−x) = x
            Row::Neg if self.negated(first).is_some() => return self.negated(first).expect("just found"),
            // x + (−0) = x, (−0) + x = x, x − 0 = x, but −0 + 0 = 0
            Row::Add if is(1, -0.0) => return first,
            Row::Add if is(0, -0.0) => return args[1],
            Row::Sub if is(1, 0.0) => return first,
            // −0 − x = −x, but 0 − 0 = 0
            Row::Sub if is(0, -0.0) => return self.row(Row::Neg, &args[1..]),
            // x · 1 = x, x / 1 = x, 1 · x = x
            Row::Mul | Row::Div | Row::StrongMul | Row::StrongDiv if is(1, 1.0) => return first,
            Row::Mul if is(0, 1.0) => return args[1],
            // x · (−1) = −x, (−1) · x = −x, x / (−1) = −x
            Row::Mul | Row::Div if is(1, -1.0) => return self.row(Row::Neg, &args[..1]),
            Row::Mul if is(0, -1.0) => return self.row(Row::Neg, &args[1..]),
            // (−a) · b = a · (−b) = −(a · b), and the same for quotients
            Row::Mul | Row::Div if self.negated(first).is_some() || self.negated(args[1]).is_some() => {
                let plain: Arguments = args.iter().map(|&a| self.negated(a).unwrap_or(a)).collect();
                let both = self.negated(first).is_some() && self.negated(args[1]).is_some();
                let product = self.row(row, &plain);
                return if both { product } else { self.row(Row::Neg, &[product]) };
            }
            // a + (−b) = a − b, (−a) + b = b − a, a − (−b) = a + b
            Row::Add if self.negated(args[1]).is_some() => {
                let b = self.negated(args[1]).expect("just found");
                return self.row(Row::Sub, &[first, b]);
            }
            Row::Add if self.negated(first).is_some() => {
                let a = self.negated(first).expect("just found");
                return self.row(Row::Sub, &[args[1], a]);
            }
            Row::Sub if self.negated(args[1]).is_some() => {
                let b = self.negated(args[1]).expect("just found");
                return self.row(Row::Add, &[first, b]);
            }
            // A mask that is known chooses now, and so do equal branches.
            Row::Select if numbers[0].is_some() => return if is(0, 0.0) { args[2] } else { args[1] },
            Row::Select if args[1] == args[2] => return args[1],
            _ => {}
        }
        // An operation on repeated scalars is the repeated operation.
        let scalars: Option<SmallVec<[NodeId; 3]>> = args.iter().map(|&a| self.repeated_scalar(a)).collect();
        if let Some(scalars) = scalars
            && self.graph.shape(first).rank() > 0
        {
            let shape = self.graph.shape(first).clone();
            let scalar = self.row(row, &scalars);
            return self.broadcast(scalar, &shape);
        }
        // An operation on constants is a constant.
        if let Some(numbers) = numbers.iter().copied().collect::<Option<SmallVec<[f64; 3]>>>()
            && self.graph.shape(first).rank() == 0
        {
            return self.graph.constant(row.value(&numbers));
        }
        self.plain(row, args)
    }

    /// x of a node −x.
    fn negated(&self, id: NodeId) -> Option<NodeId> {
        matches!(self.graph.operation(id), Operation::Row(Row::Neg)).then(|| self.graph.arguments(id)[0])
    }

    /// The scalar that an array repeats.
    fn repeated_scalar(&self, id: NodeId) -> Option<NodeId> {
        let (_, source) = self.moves::<Broadcast>(id)?;
        (self.graph.shape(source).rank() == 0).then_some(source)
    }

    fn reshape(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        // A reshape of a reshape is one reshape; to the same shape it is nothing.
        let x = self.moves::<Reshape>(x).map_or(x, |(_, source)| source);
        if self.graph.shape(x) == shape {
            return x;
        }
        // A repeated scalar has no layout.
        if let Some(scalar) = self.repeated_scalar(x) {
            return self.broadcast(scalar, shape);
        }
        self.push(Reshape { shape: shape.clone() }, &[x])
    }

    fn broadcast(&mut self, x: NodeId, shape: &Shape) -> NodeId {
        // A repeated repeat is one, by the rule that aligns axes at the end; to the same shape it is nothing.
        let x = self.moves::<Broadcast>(x).map_or(x, |(_, source)| source);
        if self.graph.shape(x) == shape { x } else { self.push(Broadcast { shape: shape.clone() }, &[x]) }
    }

    fn permute(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        if let Some(scalar) = self.repeated_scalar(x) {
            let shape: Shape = axes.iter().map(|&a| self.graph.shape(x)[a]).collect();
            return self.broadcast(scalar, &shape);
        }
        // Axis i of the whole is axis axes[i] of the inner one, hence axis inner[axes[i]] of its source.
        let (x, axes): (NodeId, SmallVec<[usize; 4]>) = match self.moves::<Permute>(x) {
            Some((inner, source)) => (source, axes.iter().map(|&a| inner.axes[a]).collect()),
            None => (x, SmallVec::from_slice(axes)),
        };
        if axes.iter().enumerate().all(|(i, &a)| i == a) { x } else { self.push(Permute { axes }, &[x]) }
    }

    fn place(&mut self, place: &Place, x: NodeId) -> NodeId {
        let (pattern, length) = (&place.pattern, place.length);
        // Many entries in a row that go to one place are the sum of a line, which a fused region takes on its way.
        if let Pattern::Affine { start, axes } = pattern
            && let [outer @ .., Stride { count, step: 0 }] = &axes[..]
            && !outer.is_empty()
            && *count >= SHORTEST
        {
            let (x, negative) = self.negated(x).map_or((x, false), |x| (x, true));
            let last = self.graph.shape(x).rank() - 1;
            let lead = self.graph.shape(x)[..last].iter().copied();
            let shape: Shape = lead.chain([pattern.len() / count, *count]).collect();
            let lines = self.reshape(x, &shape);
            let mut sums = self.push(Sum { axes: smallvec![last + 1] }, &[lines]);
            if negative {
                sums = self.row(Row::Neg, &[sums]);
            }
            let rest = Pattern::Affine { start: *start, axes: outer.into() };
            return self.place(&Place { pattern: rest, length }, sums);
        }
        // Each entry in its own place.
        if let Pattern::Affine { start: 0, axes } = pattern
            && let [Stride { step: 1, count }] = axes[..]
            && count == length
        {
            return x;
        }
        self.push(place.clone(), &[x])
    }

    fn matmul(&mut self, matmul: &Matmul, a: NodeId, b: NodeId) -> NodeId {
        // op(Aᵀ) reads A the other way: no transposed copy is made.
        let unfold = |id: NodeId| match self.moves::<Permute>(id) {
            Some((permute, source)) if permute.is_transpose() => (source, true),
            _ => (id, false),
        };
        let ((a, flip_a), (b, flip_b)) = (unfold(a), unfold(b));
        if matmul.trans_a == flip_a
            && let Some(product) = self.product_of_repeated_rows(a, b, matmul.trans_b != flip_b)
        {
            return product;
        }
        self.push(Matmul { trans_a: matmul.trans_a != flip_a, trans_b: matmul.trans_b != flip_b }, &[a, b])
    }
}

impl Builder {
    /// A · B where rows of A are repeated: the product of the rows that differ, repeated.
    fn product_of_repeated_rows(&mut self, a: NodeId, b: NodeId, trans_b: bool) -> Option<NodeId> {
        let rows = self.moves::<Reshape>(a).map_or(a, |(_, source)| source);
        let (repeat, source) = self.moves::<Broadcast>(rows)?;
        let (to, from) = (repeat.shape.clone(), self.graph.shape(source).clone());
        let (shape, right) = (self.graph.shape(a).clone(), self.graph.shape(b).clone());
        let (&n, heads) = to.split_last()?;
        let fits = shape.rank() == 2 && right.rank() == 2 && shape[1] == n && from.last() == Some(&n);
        let different = from.size().checked_div(n)?;
        if !fits || different >= shape[0] {
            return None;
        }
        let columns = right[usize::from(!trans_b)];
        let with = |heads: &[usize]| heads.iter().copied().chain([columns]).collect::<Shape>();
        let once = self.reshape(source, &Shape::of(&[different, n]));
        let product = self.push(Matmul { trans_a: false, trans_b }, &[once, b]);
        let apart = self.reshape(product, &with(&from[..from.rank() - 1]));
        let repeated = self.broadcast(apart, &with(heads));
        Some(self.reshape(repeated, &Shape::of(&[shape[0], columns])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::interpret;

    /// Simplifies a program in text form and drops what is dead.
    fn simple(text: &str) -> String {
        let graph: Graph = text.parse().expect("the test's own text");
        let simplified = simplify(&graph).without_dead_nodes();
        simplified.verify().expect("a pass keeps the invariants");
        simplified
            .to_string()
            .lines()
            .map(str::trim)
            .filter(|l| *l != "graph {" && *l != "}")
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn identities_vanish() {
        let x = "%0 = input : [3]; return %0";
        for body in [
            "%1 = constant -0.0 : []\n%2 = broadcast{shape=[3]} %1 : [3]\n%3 = add %0 %2 : [3]\nreturn %3",
            "%1 = constant 0.0 : []\n%2 = broadcast{shape=[3]} %1 : [3]\n%3 = sub %0 %2 : [3]\nreturn %3",
            "%1 = constant 1.0 : []\n%2 = broadcast{shape=[3]} %1 : [3]\n%3 = mul %2 %0 : [3]\nreturn %3",
            "%1 = constant 1.0 : []\n%2 = broadcast{shape=[3]} %1 : [3]\n%3 = strong_mul %0 %2 : [3]\nreturn %3",
            "%1 = neg %0 : [3]\n%2 = neg %1 : [3]\nreturn %2",
            "%1 = reshape{shape=[3, 1]} %0 : [3, 1]\n%2 = reshape{shape=[3]} %1 : [3]\nreturn %2",
            "%1 = constant 1.0 : []\n%2 = broadcast{shape=[3]} %1 : [3]\n%3 = sin %0 : [3]\n%4 = select %2 %0 %3 : [3]\nreturn %4",
        ] {
            assert_eq!(simple(&format!("%0 = input : [3]\n{body}")), x, "{body}");
        }
    }

    #[test]
    fn the_sign_of_a_zero_is_kept() {
        // −0 + 0 and 0 − 0 are 0.
        for kept in ["add %0 %1", "add %1 %0", "sub %1 %0"] {
            let text = format!("%0 = input : []; %1 = constant 0.0 : []; %2 = {kept} : []; return %2");
            assert_eq!(simple(&text.replace("; ", "\n")), text);
        }
    }

    #[test]
    fn constants_are_folded_before_they_are_repeated() {
        let text = "%0 = constant 2.0 : []\n%1 = broadcast{shape=[3]} %0 : [3]\n%2 = sin %1 : [3]\n%3 = mul %2 %1 : [3]\nreturn %3";
        let c = 2.0_f64.sin() * 2.0;
        assert_eq!(simple(text), format!("%0 = constant {c:?} : []; %1 = broadcast{{shape=[3]}} %0 : [3]; return %1"));
    }

    #[test]
    fn repeated_scalars_are_computed_once() {
        let text = "%0 = input : []\n%1 = broadcast{shape=[9]} %0 : [9]\n%2 = exp %1 : [9]\nreturn %2";
        assert_eq!(simple(text), "%0 = input : []; %1 = exp %0 : []; %2 = broadcast{shape=[9]} %1 : [9]; return %2");
    }

    #[test]
    fn transposes_fold_into_products_and_into_each_other() {
        let text = "%0 = input : [2, 3]\n%1 = input : [2, 4]\n%2 = permute{axes=[1, 0]} %0 : [3, 2]\n\
                    %3 = matmul{transposed=[0, 0]} %2 %1 : [3, 4]\n%4 = permute{axes=[1, 0]} %3 : [4, 3]\n\
                    %5 = permute{axes=[1, 0]} %4 : [3, 4]\nreturn %5";
        let folded =
            "%0 = input : [2, 3]; %1 = input : [2, 4]; %2 = matmul{transposed=[1, 0]} %0 %1 : [3, 4]; return %2";
        assert_eq!(simple(text), folded);
    }

    #[test]
    fn repeated_rows_are_multiplied_once() {
        let text = "%0 = input : [2, 1, 3]\n%1 = input : [3, 4]\n%2 = broadcast{shape=[2, 5, 3]} %0 : [2, 5, 3]\n\
                    %3 = reshape{shape=[10, 3]} %2 : [10, 3]\n%4 = matmul{transposed=[0, 0]} %3 %1 : [10, 4]\nreturn %4";
        let once = "%0 = input : [2, 1, 3]; %1 = input : [3, 4]; %2 = reshape{shape=[2, 3]} %0 : [2, 3]; \
                    %3 = matmul{transposed=[0, 0]} %2 %1 : [2, 4]; %4 = reshape{shape=[2, 1, 4]} %3 : [2, 1, 4]; \
                    %5 = broadcast{shape=[2, 5, 4]} %4 : [2, 5, 4]; %6 = reshape{shape=[10, 4]} %5 : [10, 4]; return %6";
        assert_eq!(simple(text), once);
    }

    #[test]
    fn equal_nodes_are_merged() {
        let text = "%0 = input : [2]\n%1 = sin %0 : [2]\n%2 = sin %0 : [2]\n%3 = mul %1 %2 : [2]\nreturn %3";
        assert_eq!(simple(text), "%0 = input : [2]; %1 = sin %0 : [2]; %2 = mul %1 %1 : [2]; return %2");
    }

    #[test]
    fn zero_times_infinity_is_left_alone() {
        let text = "%0 = input : []\n%1 = constant 0.0 : []\n%2 = mul %0 %1 : []\nreturn %2";
        assert!(simple(text).contains("mul"));
    }

    #[test]
    fn what_is_added_into_one_place_is_the_sum_of_a_line() {
        let place = "%1 = neg %0 : [120]\n%2 = place{loops=[1, 3, 1, 40, 0], length=[5]} %1 : [5]\nreturn %2";
        let found = simple(&format!("%0 = input : [120]\n{place}"));
        let expected = "%0 = input : [120]; %1 = reshape{shape=[3, 40]} %0 : [3, 40]; %2 = sum{axes=[1]} %1 : [3]; \
                        %3 = neg %2 : [3]; %4 = place{loops=[1, 3, 1], length=[5]} %3 : [5]; return %4";
        assert_eq!(found, expected);
        let alone = simple("%0 = input : [40]\n%1 = place{loops=[0, 40, 1], length=[40]} %0 : [40]\nreturn %1");
        assert!(!alone.contains("place"), "{alone}");
    }

    #[test]
    fn sums_of_lines_are_what_was_added_into_places() {
        // Places that overlap, of several lines each; lines of arrays; lines longer than a region takes.
        let patterns = [
            ("[240]", "loops=[1, 2, 1, 3, 1, 40, 0], length=[6]", "[6]"),
            ("[3, 64]", "loops=[0, 2, 3, 32, 0], length=[5]", "[3, 5]"),
            ("[2100]", "loops=[2, 2, -1, 1050, 0], length=[3]", "[3]"),
            ("[66]", "loops=[1, 2, 0, 33, 0], length=[3]", "[3]"),
        ];
        for (from, place, to) in patterns {
            let text = format!("%0 = input : {from}\n%1 = place{{{place}}} %0 : {to}\nreturn %1");
            let graph: Graph = text.parse().expect("the test's own text");
            let numbers: Vec<f64> = (0..graph.shape(graph.inputs()[0]).size()).map(|i| (i as f64).sin()).collect();
            let of = |graph: &Graph| interpret(graph, &[&numbers]).unwrap().concat();
            let (expected, found) = (of(&graph), of(&simplify(&graph)));
            assert!(expected.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-12), "{expected:?} {found:?}");
        }
    }
}
