//! Matrix products beside those of other crates: `cargo bench -p jetgrad-kernels --features rivals --bench gemm`.
//!
//! An element is one floating point operation, so criterion's `Gelem/s` reads as GFLOP/s; of products with a vector the
//! matrix is read once, so bytes per second are operations per second times half the size of an entry.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kernels::Scalar;
use kernels::gemm::{Product, Update};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Shapes m × n with inner length k, and which operands are stored transposed.
type Shape = (usize, usize, usize, bool, bool);

/// Network 784-256-128-10 with 128 samples: the layers, then their gradients by weights and by inputs.
const CLASSIFIER: &[Shape] = &[
    (128, 256, 784, false, false),
    (784, 256, 128, true, false),
    (128, 128, 256, false, false),
    (256, 128, 128, true, false),
    (128, 256, 128, false, true),
    (128, 10, 128, false, false),
    (128, 10, 128, true, false),
    (128, 128, 10, false, true),
];

/// Autoencoder 784-1000-500-250-30 and back with 200 samples: half of the layers, some gradients.
const AUTOENCODER: &[Shape] = &[
    (200, 1000, 784, false, false),
    (784, 1000, 200, true, false),
    (200, 784, 1000, false, true),
    (200, 500, 1000, false, false),
    (200, 250, 500, false, false),
    (200, 30, 250, false, false),
    (250, 30, 200, true, false),
    (200, 250, 30, false, true),
];

/// Network 2-32-32-1 with 100 samples.
const SMALL: &[Shape] = &[
    (100, 32, 2, false, false),
    (2, 32, 100, true, false),
    (100, 32, 32, false, false),
    (32, 32, 100, true, false),
    (100, 32, 32, false, true),
    (100, 1, 32, false, false),
    (32, 1, 100, true, false),
    (100, 32, 1, false, true),
    (8, 8, 8, false, false),
    (32, 32, 32, false, false),
];

/// Unfolded convolutions, products with a vector, and a square.
const OTHERS: &[Shape] = &[
    (12_544, 16, 72, false, false),
    (72, 16, 12_544, true, false),
    (50_176, 8, 9, false, false),
    (10_000, 1, 100, false, false),
    (100, 1, 10_000, true, false),
    (1024, 1024, 1024, false, false),
];

/// Numbers in [−½, ½).
fn numbers<T: Scalar>(length: usize, seed: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from(((i * 7919 + seed) % 65_537) as f64 / 65_537.0 - 0.5)).collect()
}

#[allow(unsafe_code, reason = "the interface of the crate compared with")]
fn products<T: Scalar + 'static>(c: &mut Criterion, precision: &str, name: &str, shapes: &[Shape]) {
    let mut group = c.benchmark_group(format!("{name} {precision}"));
    for &(m, n, k, trans_a, trans_b) in shapes {
        let mark = |transposed| if transposed { "ᵀ" } else { "" };
        let shape = format!("{m}x{k}{}.{k}x{n}{}", mark(trans_a), mark(trans_b));
        let (a, b, mut out) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2), vec![T::zero(); m * n]);
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));

        let product = Product::new(m, n, k).trans_a(trans_a).trans_b(trans_b);
        let mut scratch = vec![T::zero(); product.scratch::<T>()];
        group.bench_function(BenchmarkId::new("jetgrad", &shape), |bench| {
            bench.iter(|| product.run(Update::Replace, &a, &b, &mut out, &mut scratch));
        });
        let mut packed = vec![T::zero(); product.packed_len::<T>()];
        product.pack_b(&b, &mut packed);
        group.bench_function(BenchmarkId::new("jetgrad, packed", &shape), |bench| {
            bench.iter(|| product.run_packed(Update::Replace, &a, &packed, &mut out, &mut scratch));
        });
        let mut scratch = vec![T::zero(); product.scratch_parallel::<T>(rayon::current_num_threads())];
        group.bench_function(BenchmarkId::new("jetgrad, parallel", &shape), |bench| {
            bench.iter(|| product.run_parallel(Update::Replace, &a, &b, &mut out, &mut scratch));
        });

        group.bench_function(BenchmarkId::new("matrixmultiply", &shape), |bench| {
            let a = ArrayView2::from_shape((m, k).set_f(trans_a), &a).expect("m · k entries");
            let b = ArrayView2::from_shape((k, n).set_f(trans_b), &b).expect("k · n entries");
            let mut out = ArrayViewMut2::from_shape((m, n), &mut out).expect("m · n entries");
            bench.iter(|| general_mat_mul(T::one(), &a, &b, T::zero(), &mut out));
        });

        let strides = |transposed, row: usize, column: usize| {
            if transposed { (1, column as isize) } else { (row as isize, 1) }
        };
        let ((a_row, a_column), (b_row, b_column)) = (strides(trans_a, k, m), strides(trans_b, n, k));
        group.bench_function(BenchmarkId::new("gemm", &shape), |bench| {
            bench.iter(|| {
                let (out, a, b) = (out.as_mut_ptr(), a.as_ptr(), b.as_ptr());
                let (zero, one, n_row, seq) = (T::zero(), T::one(), n as isize, gemm::Parallelism::None);
                // SAFETY: the slices have the entries of matrices of these sizes and strides.
                unsafe {
                    gemm::gemm(
                        m, n, k, out, 1, n_row, false, a, a_column, a_row, b, b_column, b_row, zero, one, false, false,
                        false, seq,
                    );
                }
            });
        });
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    for (name, shapes) in [("N1", CLASSIFIER), ("N2", AUTOENCODER), ("N1s", SMALL), ("others", OTHERS)] {
        products::<f32>(c, "f32", name, shapes);
        products::<f64>(c, "f64", name, shapes);
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
