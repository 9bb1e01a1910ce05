//! Derivatives of random closures: gradients and Hessian products by every way to make them, against the interpreted transform.
//!
//! Laws: whole = linearised = interpreted; several directions = each direction; either mode; a product is symmetric.

use super::generate::{Generator, SMALL, shapes};
use super::random::Random;
use autodiff_core::execute::interpret;
use autodiff_core::function::Mode;
use autodiff_core::graph::Graph;
use autodiff_core::trace::Session;
use autodiff_core::transform::{adjoint, tangent};
use autodiff_core::{Function, Precision, Shape, Tree, Var};
use ndarray::{ArrayD, IxDyn};

type Point = Vec<ArrayD<f64>>;

const DIRECTIONS: usize = 3;

fn closure(seed: u64, x: &[Var]) -> Var {
    let mut generator = Generator::new(seed, SMALL, x, None);
    generator.grow();
    generator.scalar()
}

fn point(shapes: &[Shape], random: &mut Random) -> Point {
    let leaf = |s: &Shape| ArrayD::from_shape_vec(IxDyn(s), random.symmetric(s.size())).expect("as many as the size");
    shapes.iter().map(leaf).collect()
}

/// ∇f, then H v by both modes, each as a graph of point and direction.
fn transforms(seed: u64, shapes: &[Shape]) -> [Graph; 3] {
    let graph = |build: &dyn Fn(&[Var], &[Var], Var) -> Vec<Var>| {
        let session = Session::open(Precision::Double);
        let x: Vec<Var> = shapes.iter().map(|s| session.input(s.clone())).collect();
        let v: Vec<Var> = shapes.iter().map(|s| session.input(s.clone())).collect();
        let outputs = build(&x, &v, closure(seed, &x));
        session.close(&outputs).unwrap_or_else(|e| panic!("closure {seed}: {e}")).graph.without_dead_nodes()
    };
    let zero = |like: Var| autodiff_core::trace::constant(0.0).broadcast_to(&like.shape());
    let gradient = |x: &[Var], y: Var| -> Vec<Var> {
        let found = adjoint(&[(y, autodiff_core::trace::constant(1.0))], x);
        found.into_iter().zip(x).map(|(c, &x)| c.unwrap_or_else(|| zero(x))).collect()
    };
    let along = |y: &[Var], x: &[Var], v: &[Var]| -> Vec<Var> {
        let moves: Vec<(Var, Option<Var>)> = x.iter().zip(v).map(|(&x, &v)| (x, Some(v))).collect();
        tangent(y, &moves).into_iter().zip(y).map(|(t, &y)| t.unwrap_or_else(|| zero(y))).collect()
    };
    [
        graph(&|x, _, y| gradient(x, y)),
        graph(&|x, v, y| gradient(x, along(&[y], x, v)[0])),
        graph(&|x, v, y| along(&gradient(x, y), x, v)),
    ]
}

fn close(seed: u64, law: &str, a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len(), "closure {seed}: {law}");
    let size = a.iter().chain(b).fold(1.0, |m: f64, x| m.max(x.abs()));
    for (a, b) in a.iter().zip(b) {
        // Second derivatives grow last places by up to some hundred in each of a few compositions.
        assert!((a - b).abs() <= 1e-8 * size, "closure {seed}: {law}: {a} and {b}, of size {size:e}");
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn hold(seed: u64) {
    let shapes = shapes(seed, SMALL);
    let mut random = Random::new(seed ^ 0xD1);
    let x = point(&shapes, &mut random);
    let directions: Vec<Point> = (0..DIRECTIONS).map(|_| point(&shapes, &mut random)).collect();
    let n = x.to_vec().len();
    let interpreted = |graph: &Graph, v: &Point| {
        let inputs: Vec<&[f64]> = x.iter().chain(v).map(|leaf| leaf.as_slice().expect("row-major")).collect();
        interpret(graph, &inputs).unwrap().concat()
    };
    let f = Function::new(move |x: &[Var]| closure(seed, x));
    let [gradient, reverse, forward] = transforms(seed, &shapes);
    let expected: Vec<Vec<f64>> = directions.iter().map(|v| interpreted(&reverse, v)).collect();
    for (v, product) in directions.iter().zip(&expected) {
        close(seed, "forward over reverse = reverse over forward", &interpreted(&forward, v), product);
    }
    let (u, v) = (directions[0].to_vec(), directions[1].to_vec());
    close(seed, "uᵀ H v = vᵀ H u", &[dot(&u, &expected[1])], &[dot(&v, &expected[0])]);
    let slope = interpreted(&gradient, &directions[0]);
    close(seed, "gradient", &f.gradient(&x).unwrap().to_vec(), &slope);
    for mode in [Mode::ReverseOverForward, Mode::ForwardOverReverse] {
        let at = f.linearize(&x).unwrap().with_mode(mode);
        close(seed, "linearised gradient", &at.gradient().unwrap().to_vec(), &slope);
        assert_eq!(at.value().unwrap(), f.value(&x).unwrap(), "closure {seed}: linearised value");
        let (mut product, mut products) = (vec![f64::NAN; n], vec![f64::NAN; DIRECTIONS * n]);
        for (v, expected) in directions.iter().zip(&expected) {
            at.hvp(&v.to_vec(), &mut product).unwrap();
            close(seed, &format!("linearised, {mode:?}"), &product, expected);
            close(seed, &format!("{mode:?}"), &f.hvp_by(mode, &x, v).unwrap().to_vec(), expected);
        }
        let rows: Vec<f64> = directions.iter().flat_map(Tree::to_vec).collect();
        at.hvps(&rows, &mut products).unwrap();
        close(seed, "several directions", &products, &expected.concat());
    }
    let together = f.hvps(&x, &directions).unwrap();
    for (product, expected) in together.iter().zip(&expected) {
        close(seed, "several directions at once", &product.to_vec(), expected);
    }
}

#[test]
fn derivatives_of_random_closures() {
    (0..150).for_each(hold);
}

#[test]
fn derivatives_of_more_random_closures() {
    (150..300).for_each(hold);
}
