//! What each layer costs: `cargo bench --bench layers`.
//!
//! *trace*: a fresh function's first value, which records the closure, makes a program and runs it. *compile*: making the program of
//! a trace. *compile derivatives*: making the programs of value and gradient and of a product. *first product* and *linearize*: what
//! a fresh function does before its first product, and what a linearisation at a new point does. *replay*: what every later call
//! costs.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jetgrad::execute::{Interface, Program};
use jetgrad::{Traced, Tree};
use std::borrow::Borrow;
use std::hint::black_box;
use testkit::counter::direction;
use testkit::workloads::{Problem, chained_rosenbrock, classifier, small_network};

fn layers<A, P, B, Out>(c: &mut Criterion, name: &str, make: impl Fn() -> Problem<A, P, B, Out>)
where
    A: ?Sized + 'static,
    B: ?Sized + 'static,
    P: Tree<Scalar = f64> + Clone,
    P::Traced: Borrow<A>,
    Out: Traced + Send + Sync + 'static,
{
    let problem = make();
    let (x, v) = (problem.point.to_vec(), direction(problem.point.to_vec().len(), 0));
    let mut out = vec![0.0; x.len()];
    let graph = problem.function.explain(&problem.point).expect("the problem is well formed").graph;
    let mut group = c.benchmark_group(name);
    group.bench_function("trace", |b| {
        b.iter_batched(&make, |p| p.function.evaluate(black_box(&p.point)).map(drop), BatchSize::PerIteration)
    });
    group.bench_function("compile", |b| b.iter(|| Program::new(black_box(&graph), &Interface::plain(&graph))));
    group.bench_function("compile derivatives", |b| {
        let traced = || {
            let problem = make();
            problem.function.evaluate(&problem.point).expect("the problem is well formed");
            problem
        };
        b.iter_batched(traced, |p| p.function.prepare(black_box(&p.point)), BatchSize::PerIteration)
    });
    group.bench_function("first product", |b| {
        b.iter_batched(&make, |p| p.function.flat(&p.point).hvp(&x, &v, &mut out), BatchSize::PerIteration)
    });
    let flat = problem.function.flat(&problem.point);
    group.bench_function("linearize", |b| b.iter(|| flat.linearize(black_box(&x)).and_then(|at| at.hvp(&v, &mut out))));
    group.bench_function("replay", |b| b.iter(|| flat.hvp(black_box(&x), &v, &mut out)));
    group.finish();
}

fn all(c: &mut Criterion) {
    layers(c, "N1s MLP 2-32-32-1", small_network);
    layers(c, "N1 MLP 784-256-128-10", classifier);
    layers(c, "S1 Rosenbrock 1000, loop", || chained_rosenbrock(1000));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = all
}
criterion_main!(benches);
