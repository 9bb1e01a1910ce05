//! Matrix products: `cargo bench -p jetgrad-kernels --bench gemm`, with `--features rivals` beside those of other crates.
//!
//! With the rivals the group "table", alone with `-- table`, prints a Markdown table of GFLOP/s. In the others an element is one floating point
//! operation, so criterion's `Gelem/s` reads as GFLOP/s; of products with a vector the matrix is read once, so bytes per second
//! are operations per second times half the size of an entry.

mod ours;
#[cfg(feature = "rivals")]
mod rivals;
mod shapes;
#[cfg(feature = "rivals")]
mod table;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kernels::gemm::{Product, Update};
use ours::{Entry, numbers, ways};
use shapes::{AUTOENCODER, CLASSIFIER, OTHERS, SMALL, Shape};

fn products<T: Entry>(c: &mut Criterion, name: &str, shapes: &[Shape]) {
    let mut group = c.benchmark_group(format!("{name} {}", T::NAME));
    for &shape in shapes {
        let (m, n, k, trans_a, trans_b) = shape;
        let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
        let mut out = vec![<T as num_traits::Zero>::zero(); m * n];
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        for (way, mut run) in ways(shape, &a, &b) {
            group.bench_function(BenchmarkId::new(way, shapes::name(shape)), |bench| bench.iter(|| run(&mut out)));
        }
        let product = Product::new(m, n, k).trans_a(trans_a).trans_b(trans_b);
        let mut scratch =
            vec![<T as num_traits::Zero>::zero(); product.scratch_parallel::<T>(rayon::current_num_threads())];
        group.bench_function(BenchmarkId::new("parallel", shapes::name(shape)), |bench| {
            bench.iter(|| product.run_parallel(Update::Replace, &a, &b, &mut out, &mut scratch));
        });
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    // Criterion knows nothing of a table, nor of its name as a filter.
    #[cfg(feature = "rivals")]
    if std::env::args().any(|argument| argument == "table") {
        return table::print();
    }
    for (name, shapes) in [("N1", CLASSIFIER), ("N2", AUTOENCODER), ("N1s", SMALL), ("others", OTHERS)] {
        products::<f32>(c, name, shapes);
        products::<f64>(c, name, shapes);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = all
}
criterion_main!(benches);
