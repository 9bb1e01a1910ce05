//! A part that is computed again gives what it gives when it is kept: values and products of every order, nested, inside a
//! linearisation, with what it captures and several results; and a chain of such parts needs less memory.

use autodiff_core::function::Mode;
use autodiff_core::{Function, Tree, Var, checkpoint};
use ndarray::{ArrayD, IxDyn};
use testkit::counter::{direction, symmetric};

type Point = Vec<ArrayD<f64>>;

/// A point of a few arrays.
fn point(shapes: &[&[usize]]) -> Point {
    let mut next = 0;
    let mut leaf = |shape: &&[usize]| {
        let numbers = (next..).take(shape.iter().product()).map(|i| 0.4 * symmetric(9, i)).collect();
        next += shape.iter().product::<usize>() as u64;
        ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("as many as the shape has")
    };
    shapes.iter().map(&mut leaf).collect()
}

#[track_caller]
fn close(what: &str, a: &[f64], b: &[f64]) {
    let size = b.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    assert!(size > 0.0, "{what} is zero and shows nothing");
    // What is computed again has the same bits; only the order in which cotangents add up may differ.
    let close = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-14 * size);
    assert!(close, "{what}: {a:?} and {b:?}");
}

/// Holds every operator of a function in parts against the same function without.
fn same(parts: impl Fn(&[Var]) -> Var + Send + Sync, whole: impl Fn(&[Var]) -> Var + Send + Sync, x: &Point) {
    let (f, g) = (Function::new(parts), Function::new(whole));
    let n = x.to_vec().len();
    let flat: Vec<Vec<f64>> = (0..3).map(|j| direction(n, j)).collect();
    let directions: Vec<Point> = flat.iter().map(|v| x.with_entries(v)).collect();
    assert_eq!(f.value(x).unwrap(), g.value(x).unwrap(), "value");
    close("gradient", &f.gradient(x).unwrap().to_vec(), &g.gradient(x).unwrap().to_vec());
    let (a, b) = (f.jvp(x, &directions[0]).unwrap()[[]], g.jvp(x, &directions[0]).unwrap()[[]]);
    close("jvp", &[a], &[b]);
    for mode in [Mode::ReverseOverForward, Mode::ForwardOverReverse] {
        let product = |f: &Function<'_, [Var]>| f.hvp_by(mode, x, &directions[0]).unwrap().to_vec();
        close(&format!("hvp, {mode:?}"), &product(&f), &product(&g));
        let linearised = |f: &Function<'_, [Var]>| {
            let at = f.linearize(x).unwrap().with_mode(mode);
            let (mut one, mut all) = (vec![0.0; n], vec![0.0; 3 * n]);
            at.hvp(&flat[0], &mut one).unwrap();
            at.hvps(&flat.concat(), &mut all).unwrap();
            [at.gradient().unwrap().to_vec(), one, all].concat()
        };
        close(&format!("linearised, {mode:?}"), &linearised(&f), &linearised(&g));
    }
    let products = |f: &Function<'_, [Var]>| -> Vec<f64> {
        f.hvps(x, &directions).unwrap().iter().flat_map(Tree::to_vec).collect()
    };
    close("hvps", &products(&f), &products(&g));
    let third = |f: &Function<'_, [Var]>| {
        let mut out = vec![0.0; n];
        f.linearize(x).unwrap().third(&flat[0], &flat[1], &mut out).unwrap();
        out
    };
    close("third-order product", &third(&f), &third(&g));
    let gradients = |f: &Function<'_, [Var]>| -> Vec<f64> {
        f.taylor_gradients(x, &directions[0], 3).unwrap().iter().flat_map(Tree::to_vec).collect()
    };
    close("gradients of Taylor coefficients", &gradients(&f), &gradients(&g));
}

fn step(x: Var, w: Var) -> Var {
    x.matmul(w).tanh() + 0.5 * x
}

fn chain(x: Var, w: Var, steps: usize) -> Var {
    (0..steps).fold(x, |x, _| step(x, w))
}

#[test]
fn a_chain_in_parts() {
    let x = point(&[&[6, 5], &[5, 5]]);
    let parts = |x: &[Var]| (0..3).fold(x[0], |h, _| checkpoint(|| chain(h, x[1], 3))).square().mean();
    same(parts, |x: &[Var]| chain(x[0], x[1], 9).square().mean(), &x);
}

#[test]
fn parts_within_parts() {
    let x = point(&[&[6, 5], &[5, 5]]);
    let parts = |x: &[Var]| {
        let inner = |h: Var| checkpoint(|| chain(h, x[1], 2));
        let outer = |h: Var| checkpoint(|| inner(inner(h).sin()) * 1.5);
        outer(outer(x[0])).exp().sum()
    };
    let whole = |x: &[Var]| {
        let outer = |h: Var| chain(chain(h, x[1], 2).sin(), x[1], 2) * 1.5;
        outer(outer(x[0])).exp().sum()
    };
    same(parts, whole, &x);
}

#[test]
fn parts_that_capture_and_return_several_values() {
    let x = point(&[&[6, 5], &[5, 5], &[5]]);
    let body = |x: &[Var], scale: Var| {
        let h = (x[0].matmul(x[1]) + x[2]).tanh();
        // One result rests on the other, and one is captured and handed on as it is.
        (h * scale, (h.cos().sum() * scale, vec![h.exp().mean_axes(&[0]), scale]))
    };
    let finish = |x: &[Var], (a, (b, c)): (Var, (Var, Vec<Var>))| (a * c[0] + b * c[1]).sum() * x[2].sin().sum();
    let parts = move |x: &[Var]| {
        let scale = x[2].square().sum() + 1.0;
        finish(x, checkpoint(|| body(x, scale)))
    };
    let whole = move |x: &[Var]| finish(x, body(x, x[2].square().sum() + 1.0));
    same(parts, whole, &x);
}

#[test]
fn what_leaves_a_part_by_a_side_door() {
    let x = point(&[&[6, 5], &[5, 5]]);
    let parts = |x: &[Var]| {
        let mut inside = None;
        let returned = checkpoint(|| {
            let h = x[0].matmul(x[1]).tanh();
            inside = Some(h.sin());
            h.exp()
        });
        (returned * inside.expect("the part has run")).sum()
    };
    let whole = |x: &[Var]| {
        let h = x[0].matmul(x[1]).tanh();
        (h.exp() * h.sin()).sum()
    };
    same(parts, whole, &x);
}

#[test]
fn a_derivative_inside_a_part() {
    let x = point(&[&[4], &[4, 4]]);
    let energy = |x: Var, w: Var| x.matmul(w).tanh().dot(x);
    let parts = move |x: &[Var]| {
        let g = checkpoint(|| {
            let h = x[0].sin();
            energy(h, x[1]).gradient(h)
        });
        g.square().sum() + g.dot(x[0])
    };
    let whole = move |x: &[Var]| {
        let h = x[0].sin();
        let g = energy(h, x[1]).gradient(h);
        g.square().sum() + g.dot(x[0])
    };
    same(parts, whole, &x);
}

#[test]
fn parts_of_a_long_chain_need_less_memory() {
    let x = point(&[&[400, 10], &[10, 10]]);
    let whole = Function::new(|x: &[Var]| chain(x[0], x[1], 64).sum());
    let parts = Function::new(|x: &[Var]| (0..8).fold(x[0], |h, _| checkpoint(|| chain(h, x[1], 8))).sum());
    let (whole, parts) = (whole.explain(&x).unwrap(), parts.explain(&x).unwrap());
    let of = |s: &Option<autodiff_core::execute::Statistics>| s.as_ref().expect("a scalar function").peak();
    let (kept, again) = (of(&whole.gradient), of(&parts.gradient));
    println!("gradient: {kept} entries kept, {again} in parts");
    assert!(3 * again < kept, "gradient: {again} in parts, {kept} whole");
    let (kept, again) = (of(&whole.product), of(&parts.product));
    println!("product: {kept} entries kept, {again} in parts");
    assert!(3 * again < kept, "product: {again} in parts, {kept} whole");
}
