//! Elementwise functions over chunks that stay in the first-level cache, against the scalar loop; sums and largest entries.
//!
//! `cargo bench -p jetgrad-kernels --bench elementwise`: throughput is in elements a second, so 1 Gelem/s is 1 ns an
//! element. Three groups: functions of one number, functions of two, and reductions, each in both precisions; the group
//! "table" prints a Markdown table of nanoseconds an element, the least of many interleaved rounds, which a busy machine
//! disturbs less.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kernels::reduce::{maximum, sum};
use kernels::vector::Function;
use std::hint::black_box;
use std::time::Instant;

/// Entries: as many as fused programs compute at once.
const CHUNK: usize = 256;

/// Numbers in the domain of a function, as programs meet them.
fn domain(name: &str) -> (f64, f64) {
    match name {
        "ln" | "sqrt" | "pow" => (0.1, 10.0),
        "acosh" => (1.0, 10.0),
        "ln_1p" => (-0.9, 5.0),
        "asin" | "acos" | "atanh" => (-1.0, 1.0),
        "sin" | "cos" | "tan" => (-20.0, 20.0),
        _ => (-5.0, 5.0),
    }
}

fn numbers(name: &str, count: usize) -> Vec<f64> {
    let (low, high) = domain(name);
    let fraction = |i: usize| (i as f64 * 0.618_033_988_749_894_8).fract();
    (0..count).map(|i| low + (high - low) * fraction(i)).collect()
}

macro_rules! precision {
    ($T:ident, $bench:ident, $table:ident) => {
        fn $bench(c: &mut Criterion) {
            let mut group = c.benchmark_group(concat!("elementwise ", stringify!($T)));
            group.throughput(Throughput::Elements(CHUNK as u64)).sample_size(20);
            for f in Function::<$T, 1>::ALL {
                let x: Vec<$T> = numbers(f.name, CHUNK).iter().map(|&x| x as $T).collect();
                let mut y = vec![0.0; CHUNK];
                group.bench_function(BenchmarkId::new("vector", f.name), |b| b.iter(|| f.map([black_box(&x)], &mut y)));
            }
            for f in Function::<$T, 2>::ALL {
                let x: Vec<$T> = numbers(f.name, CHUNK).iter().map(|&x| x as $T).collect();
                let mut y = vec![0.0; CHUNK];
                let run = |b: &mut criterion::Bencher<'_>| b.iter(|| f.map([black_box(&x), &x], &mut y));
                group.bench_function(BenchmarkId::new("vector", f.name), run);
            }
            let x: Vec<$T> = numbers("sum", CHUNK * 4).iter().map(|&x| x as $T).collect();
            let mut out = [0.0; 4];
            group.bench_function("row sums", |b| {
                b.iter(|| sum(black_box(&x), &[4, CHUNK], &[1], &mut out, &mut []));
            });
            group.bench_function("row maxima", |b| {
                b.iter(|| maximum(black_box(&x), [4, CHUNK, 1], &mut out));
            });
        }

        /// (name, least nanoseconds an element of the scalar loop, of the vectorised function).
        fn $table() -> Vec<(&'static str, f64, f64)> {
            let mut rows = Vec::new();
            for f in Function::<$T, 1>::ALL {
                let x: Vec<$T> = numbers(f.name, CHUNK).iter().map(|&x| x as $T).collect();
                let mut y = vec![0.0; CHUNK];
                let (mut scalar, mut vector) = (f64::INFINITY, f64::INFINITY);
                for _ in 0..ROUNDS {
                    scalar = scalar.min(time(|| {
                        for (y, &x) in y.iter_mut().zip(black_box(&x)) {
                            *y = (f.scalar)([x]);
                        }
                    }));
                    vector = vector.min(time(|| f.map([black_box(&x)], &mut y)));
                }
                rows.push((f.name, scalar, vector));
            }
            for f in Function::<$T, 2>::ALL {
                let x: Vec<$T> = numbers(f.name, CHUNK).iter().map(|&x| x as $T).collect();
                let z: Vec<$T> = x.iter().rev().copied().collect();
                let mut y = vec![0.0; CHUNK];
                let (mut scalar, mut vector) = (f64::INFINITY, f64::INFINITY);
                for _ in 0..ROUNDS {
                    scalar = scalar.min(time(|| {
                        for i in 0..CHUNK {
                            y[i] = (f.scalar)([black_box(&x)[i], z[i]]);
                        }
                    }));
                    vector = vector.min(time(|| f.map([black_box(&x), &z], &mut y)));
                }
                rows.push((f.name, scalar, vector));
            }
            rows
        }
    };
}

/// Rounds of which the fastest counts.
const ROUNDS: usize = 300;
/// Calls in a round.
const CALLS: usize = 10;

/// Nanoseconds an element.
fn time(mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        f();
    }
    start.elapsed().as_secs_f64() * 1e9 / (CALLS * CHUNK) as f64
}

precision!(f64, double, double_table);
precision!(f32, single, single_table);

fn table(_: &mut Criterion) {
    println!("| function | f64 scalar | f64 vector | f32 scalar | f32 vector |\n|---|---|---|---|---|");
    for ((name, scalar, vector), (_, scalar32, vector32)) in double_table().into_iter().zip(single_table()) {
        println!("| {name} | {scalar:.1} | {vector:.2} | {scalar32:.1} | {vector32:.2} |");
    }
}

criterion_group!(benches, table, double, single);
criterion_main!(benches);
