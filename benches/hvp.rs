//! Throughput of Hessian-vector products beside value and gradient: `cargo bench --bench hvp`.
//!
//! An element is one evaluation, gradient or product, so criterion's `elem/s` reads as products per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jetgrad::function::Flat;
use jetgrad::{Traced, Tree};
use std::borrow::Borrow;
use std::hint::black_box;
use testkit::counter::direction;
use testkit::workloads::{chained_rosenbrock, classifier, logistic_regression, small_network};

/// Number of directions of a block.
const BLOCK: usize = 16;

fn operators<A: ?Sized, P, Out, B: ?Sized>(c: &mut Criterion, name: &str, f: &Flat<'_, A, P, Out, B>, x: &[f64])
where
    P: Tree<Scalar = f64> + Clone,
    P::Traced: Borrow<A>,
    Out: Traced + Send + Sync,
{
    let n = x.len();
    let v = direction(n, 0);
    let block: Vec<f64> = (0..BLOCK as u64).flat_map(|j| direction(n, j)).collect();
    let (mut out, mut rows) = (vec![0.0; n], vec![0.0; BLOCK * n]);
    let at = f.linearize(x).expect("the problem is well formed");
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter("value"), |b| b.iter(|| f.value(black_box(x))));
    group.bench_function(BenchmarkId::from_parameter("gradient"), |b| {
        b.iter(|| f.value_and_gradient(black_box(x), &mut out))
    });
    group.bench_function(BenchmarkId::from_parameter("hvp"), |b| b.iter(|| f.hvp(black_box(x), &v, &mut out)));
    group.bench_function(BenchmarkId::from_parameter("hvp_linearized"), |b| b.iter(|| at.hvp(black_box(&v), &mut out)));
    group.throughput(Throughput::Elements(BLOCK as u64));
    group.bench_function(BenchmarkId::from_parameter("hvps_16"), |b| b.iter(|| at.hvps(black_box(&block), &mut rows)));
    group.finish();
}

fn products(c: &mut Criterion) {
    let small = small_network();
    operators(c, "N1s MLP 2-32-32-1", &small.function.flat(&small.point), &small.point.to_vec());
    let regression = logistic_regression();
    operators(c, "N5 logistic regression", &regression.function.flat(&regression.point), &regression.point.to_vec());
    let classifier = classifier();
    operators(c, "N1 MLP 784-256-128-10", &classifier.function.flat(&classifier.point), &classifier.point.to_vec());
    let rosenbrock = chained_rosenbrock(1000);
    operators(c, "S1 Rosenbrock 1000, loop", &rosenbrock.function.flat(&rosenbrock.point), &rosenbrock.point.to_vec());
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = products
}
criterion_main!(benches);
