//! The laws on composed functions, on nested derivatives and on random programs.

use super::case::{Case, uniform};
use super::hold;
use autodiff_core::graph::Var;
use autodiff_core::real::{Class, Row};
use autodiff_core::transform::{Seed, jet};
use autodiff_core::{Function, Shape, concat, stack};
use quickcheck::{Arbitrary, Gen, QuickCheck};

fn function(name: &str, shapes: &[&[usize]], apply: impl Fn(&[Var]) -> Var + 'static) -> Case {
    let shapes: Vec<Shape> = shapes.iter().map(|s| Shape::of(s)).collect();
    let point = shapes
        .iter()
        .enumerate()
        .map(|(i, s)| (0..s.size()).map(|j| 2.0 * uniform(200 + i as u64, j) - 1.0).collect())
        .collect();
    Case {
        name: name.into(),
        differentiable: vec![true; shapes.len()],
        shapes,
        point,
        discrete: false,
        apply: Box::new(apply),
    }
}

#[test]
fn composed_functions_keep_every_law() {
    let cases = [
        function("logsumexp", &[&[2, 3]], |x| x[0].logsumexp(1)),
        function("softmax", &[&[2, 3]], |x| x[0].softmax(-1)),
        function("log_softmax", &[&[3, 2]], |x| x[0].log_softmax(0)),
        function("sigmoid_cross_entropy", &[&[4], &[4]], |x| x[0].sigmoid_cross_entropy(x[1].sigmoid())),
        function("norm", &[&[2, 3]], |x| x[0].norm()),
        function("norm_axes", &[&[2, 3]], |x| x[0].norm_axes(&[1])),
        function("variance", &[&[2, 3]], |x| x[0].variance()),
        function("variance_axes", &[&[2, 3]], |x| x[0].variance_axes(&[0])),
        function("mean_axes", &[&[2, 3]], |x| x[0].mean_axes(&[-1])),
        function("max_axis", &[&[2, 3]], |x| x[0].max_axis(1)),
        function("abs, max, min, clamp, relu", &[&[3], &[3]], |x| {
            x[0].abs() * x[1].max(x[0]) + x[0].min(x[1]) * x[1].clamp(-0.9, 0.9) + x[0].relu()
        }),
        function("powi", &[&[4]], |x| x[0].powi(5) + (x[0].square() + 0.5).powi(-3) + x[0].powi(0)),
        function("powf", &[&[4]], |x| (x[0].square() + 0.5).powf(1.7)),
        function("broadcasting", &[&[2, 1], &[3], &[]], |x| (x[0] * x[1] + x[2]).sin() / (x[1].square() + 1.0)),
        function("dot and outer", &[&[3], &[3]], |x| x[0].outer(x[1]).sum() * x[0].dot(x[1])),
        function("matmul, vectors and leading axes", &[&[2, 2, 3], &[3], &[3, 2]], |x| {
            x[0].matmul(x[1]).tanh().sum() + x[0].matmul(x[2]).square().sum() + x[1].matmul(x[2]).sum()
        }),
        function("concat and stack", &[&[2], &[2]], |x| {
            concat(&[x[0].sin(), x[1]], 0) * stack(&[x[0], x[1]], 1).flatten()
        }),
        function("solve", &[&[3, 3], &[3]], |x| {
            let eye = autodiff_core::constant(&ndarray::Array2::<f64>::eye(3));
            (x[0] + 4.0 * eye).solve(x[1])
        }),
        function("nested gradient", &[&[3]], |x| (x[0].powi(3).sum() * x[0].sum()).gradient(x[0]).sin()),
        function("nested laplacian", &[&[2]], |x| (x[0].sin() * x[0].at(0)).sum().laplacian(x[0])),
    ];
    for case in &cases {
        hold(case);
    }
}

#[test]
fn gathered_entries_are_differentiated_and_indices_are_not() {
    let index = ndarray::arr1(&[2.0, 0.0, 2.0]);
    let f = Function::with_data(|x: &Var, i: &Var| x.gather(0, *i).powi(2).sum(), &index);
    assert_eq!(f.gradient(&ndarray::arr1(&[1.0, 5.0, 3.0])).unwrap(), ndarray::arr1(&[2.0, 0.0, 12.0]));
}

/// A jet through g ∘ f is the jet through g of the jet through f.
#[test]
fn jet_of_a_composition_is_the_composition_of_jets() {
    let inner = |x: Var| (x * 0.7).sin() + x.square() * 0.3;
    let outer = |y: Var| (y.exp() + y.tanh()).sqrt() * (y.square() + 1.0).ln();
    const ORDER: usize = 6;
    let f = Function::new(move |x: &[Var]| {
        let (x, v) = (x[0], x[1]);
        let y = inner(x);
        let z = outer(y);
        let seed = |variable, coefficients| [Seed { variable, coefficients }];
        let whole = jet(&[z], &seed(x, vec![Some(v)]), ORDER).remove(0);
        let part = jet(&[y], &seed(x, vec![Some(v)]), ORDER).remove(0);
        let composed = jet(&[z], &seed(y, part), ORDER).remove(0);
        whole.into_iter().chain(composed).map(|c| c.expect("none of them vanishes")).collect::<Vec<Var>>()
    });
    let out = f.evaluate(&vec![0.4, 1.3]).unwrap();
    for k in 0..ORDER {
        let (a, b): (f64, f64) = (out[k][[]], out[ORDER + k][[]]);
        // Two orders of the same sums of at most some hundred terms.
        assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "order {}: {a} {b}", k + 1);
    }
}

/// A variable whose series is given is independent of what it was computed from, also where the series is zero.
#[test]
fn a_seed_cuts_what_lies_before_it() {
    let f = Function::new(|x: &[Var]| {
        let y = x[0].sin();
        let z = y * x[1];
        let of = |coefficient| {
            let seeds =
                [(x[0], Some(x[1])), (y, coefficient)].map(|(variable, c)| Seed { variable, coefficients: vec![c] });
            jet(&[z], &seeds, 1)[0][0].unwrap_or(x[1] * 0.0)
        };
        vec![of(None), of(Some(x[1]))]
    });
    let out = f.evaluate(&vec![0.5, 3.0]).unwrap();
    assert_eq!([out[0][[]], out[1][[]]], [0.0, 9.0]);
}

#[test]
fn an_output_listed_twice_counts_twice() {
    let f = Function::new(|x: &Var| {
        let y = x.square();
        vec![y, y]
    });
    let cotangents = vec![ndarray::arr0(1.0).into_dyn(), ndarray::arr0(10.0).into_dyn()];
    assert_eq!(f.vjp(&3.0, &cotangents).unwrap(), 66.0);
}

#[test]
fn laplacian_is_the_trace_of_the_hessian() {
    let f = |x: Var| (x.square().sum() * x.at(0)).sin();
    let traced = Function::new(move |x: &Var| f(*x).laplacian(*x));
    let x = ndarray::arr1(&[0.3, -0.7, 1.1]);
    let hessian = Function::new(move |x: &Var| f(*x)).hessian(&x).unwrap();
    let (a, b): (f64, f64) = (traced.value(&x).unwrap(), hessian.diag().sum());
    // Three sums of some ten terms.
    assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} {b}");
}

/// A program over a few arrays of one shape: each step applies a row to earlier values.
#[derive(Clone, Debug)]
struct Steps(Vec<(usize, usize, usize, usize)>);

impl Arbitrary for Steps {
    fn arbitrary(g: &mut Gen) -> Steps {
        let count = 1 + usize::arbitrary(g) % 12;
        Steps((0..count).map(|_| <(usize, usize, usize, usize)>::arbitrary(g)).collect())
    }
    fn shrink(&self) -> Box<dyn Iterator<Item = Steps>> {
        Box::new(self.0.shrink().filter(|s| !s.is_empty()).map(Steps))
    }
}

impl Steps {
    /// Runs the steps; results are pushed through `tanh` so that no composition leaves the domain of the next row.
    fn apply(&self, x: &[Var]) -> Var {
        let rows: Vec<Row> = Row::ALL.iter().copied().filter(|r| !matches!(r.class(), Class::Discrete)).collect();
        let mut values = x.to_vec();
        for &(row, a, b, c) in &self.0 {
            let row = rows[row % rows.len()];
            let pick = |i: usize| values[i % values.len()];
            let operands: Vec<Var> = [a, b, c][..row.arity()]
                .iter()
                .zip(row.samples())
                .enumerate()
                .map(|(i, (&at, [low, high]))| {
                    if row == Row::Select && i == 0 {
                        return pick(at).less(0.05);
                    }
                    if low == high {
                        return autodiff_core::trace::constant(*low).broadcast_to(&pick(at).shape());
                    }
                    // Into the inner half of the interval on which the row is smooth.
                    pick(at).tanh() * (0.25 * (high - low)) + 0.5 * (low + high)
                })
                .collect();
            values.push(row.apply(&operands).tanh() * 0.9);
        }
        values.into_iter().reduce(|a, b| a + b * 0.5).expect("there are operands")
    }
}

/// Longer than the chunks that fused regions run in, with every kind of repeat.
#[test]
fn random_programs_longer_than_a_chunk_equal_the_interpreter() {
    fn holds(steps: Steps) -> bool {
        let copy = steps.clone();
        let shapes: [&[usize]; 4] = [&[3, 200], &[200], &[3, 1], &[]];
        function(&format!("{steps:?}"), &shapes, move |x| copy.apply(x)).program_equals_interpreter();
        true
    }
    QuickCheck::new().tests(100).quickcheck(holds as fn(Steps) -> bool);
}

#[test]
fn random_programs_keep_every_law() {
    fn holds(steps: Steps) -> bool {
        let shape: &[usize] = if steps.0.len().is_multiple_of(2) { &[3] } else { &[] };
        let copy = steps.clone();
        let case = function(&format!("{steps:?}"), &[shape, shape], move |x| copy.apply(x));
        case.program_equals_interpreter();
        case.adjoint_is_the_transpose();
        case.products_agree_and_are_symmetric();
        case.jets_are_nested_tangents();
        case.batches_are_single_directions();
        case.text_parses_back();
        true
    }
    QuickCheck::new().tests(150).quickcheck(holds as fn(Steps) -> bool);
}
