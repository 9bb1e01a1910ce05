//! Throughput of Hessian-vector products beside value, gradient and the other products: `cargo bench --bench hvp`.
//!
//! `linearize` is what a point costs before its products come cheap; `jvp`, `vjp` and `ggn` are products at a linearised point, as
//! `hvp_linearized` is; `ggn` is there for problems that mark their predictions.
//!
//! An element is one evaluation, gradient or product, so criterion's `elem/s` reads as products per second. After criterion's
//! own output comes a table of products per second, ratios to the gradient, and the part of the peak of matrix products, which
//! is measured in the same run. `cargo bench --bench hvp -- N1` takes what contains N1 alone.

use criterion::{BenchmarkId, Criterion, Throughput};
use jetgrad::function::Flat;
use jetgrad::{Elementary, Traced, Tree};
use kernels::gemm::{Product, Update};
use std::borrow::Borrow;
use std::hint::black_box;
use std::time::{Duration, Instant};
use testkit::counter::{direction, symmetrics};
use testkit::flops;
use testkit::workloads::{
    self, Entry, Problem, Rounded, autoencoder, chained_rosenbrock, classifier, convolutional_network,
    logistic_regression, small_network,
};

/// Number of directions of a block.
const BLOCK: usize = 16;

/// Time for one line of the table.
const SUMMARY: Duration = Duration::from_millis(500);

/// How much of a problem is measured.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// Everything.
    Whole,
    /// No blocks of directions, which take seconds.
    SingleDirections,
}

fn main() {
    let config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    let mut bench = Bench { criterion: config.configure_from_args(), table: Vec::new(), timed: is_timed() };
    use Extent::{SingleDirections, Whole};
    bench.problem("N1s MLP 2-32-32-1, f64", &small_network(), Whole);
    bench.problem("N5 logistic regression, f64", &logistic_regression(), Whole);
    bench.problem("S1 Rosenbrock 1000, loop, f64", &chained_rosenbrock(1000), Whole);
    bench.problem("S1 Rosenbrock 1000, arrays, f64", &workloads::chained_rosenbrock_of_arrays(1000), Whole);
    bench.both("N1 MLP 784-256-128-10", classifier, Whole);
    bench.both("N3 convolutions", convolutional_network, Whole);
    bench.both("N2 autoencoder", autoencoder, SingleDirections);
    bench.criterion.final_summary();
    bench.print();
}

/// Whether this is a run that measures, not one that tests or lists the benchmarks.
fn is_timed() -> bool {
    std::env::args().any(|a| a == "--bench") && !std::env::args().any(|a| a == "--test" || a == "--list")
}

/// Whether the command line asks for the problem of this name.
fn is_wanted(name: &str) -> bool {
    // Criterion's own options take values, which are no filters.
    let arguments: Vec<String> = std::env::args().collect();
    let is_value = |before: &str| before.starts_with("--") && before != "--bench" && before != "--test";
    let pairs = arguments.windows(2).filter(|pair| !pair[1].starts_with('-') && !is_value(&pair[0]));
    let filters: Vec<&String> = pairs.map(|pair| &pair[1]).collect();
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

struct Bench {
    criterion: Criterion,
    table: Vec<Line>,
    timed: bool,
}

/// One operator of one problem, for the table.
struct Line {
    problem: String,
    operator: &'static str,
    precision: &'static str,
    seconds: f64,
    /// Seconds of the gradient of the same problem.
    gradient: f64,
    flops: Option<f64>,
    /// Evaluations, gradients or products in one call.
    count: usize,
}

impl Bench {
    /// A problem at single and at double precision.
    fn both<A: ?Sized + 'static, P: Rounded, Out, B: ?Sized + 'static>(
        &mut self,
        name: &str,
        make: impl Fn() -> Problem<A, P, B, Out>,
        extent: Extent,
    ) where
        <P::At<f32> as Tree>::Traced: Borrow<A>,
        <P::At<f64> as Tree>::Traced: Borrow<A>,
        Out: Traced + Send + Sync + 'static,
    {
        self.problem(&format!("{name}, f32"), &make().rounded::<f32>(), extent);
        self.problem(&format!("{name}, f64"), &make().rounded::<f64>(), extent);
    }

    fn problem<A: ?Sized + 'static, P, Out, B: ?Sized + 'static>(
        &mut self,
        name: &str,
        problem: &Problem<A, P, B, Out>,
        extent: Extent,
    ) where
        P: Tree + Clone,
        P::Scalar: Entry,
        P::Traced: Borrow<A>,
        Out: Traced + Send + Sync + 'static,
    {
        if !is_wanted(name) {
            return;
        }
        let f = problem.function.flat(&problem.point);
        let x = problem.point.to_vec();
        criterion_group(&mut self.criterion, name, &f, &x, extent);
        if self.timed {
            let precision = if size_of::<P::Scalar>() == 4 { "f32" } else { "f64" };
            let all = lines(name, precision, flops::of(problem.name), &f, &x, extent);
            self.table.extend(all);
        }
    }

    fn print(&self) {
        if self.table.is_empty() {
            return;
        }
        let peaks = [("f32", peak::<f32>()), ("f64", peak::<f64>())];
        println!("\n{:<34} {:<15} {:>11} {:>10} {:>9} {:>8}", "", "", "a second", "÷ gradient", "GFLOP/s", "of peak");
        for line in &self.table {
            let Line { problem, operator, seconds, gradient, count, .. } = line;
            let rate = *count as f64 / seconds;
            let ratio = seconds / gradient;
            let speed = line.flops.map(|flops| flops / seconds);
            let peak = peaks.iter().find(|(precision, _)| *precision == line.precision).map_or(f64::NAN, |(_, p)| *p);
            let [speed, part] = [speed.map(|s| s / 1e9), speed.map(|s| s / peak)]
                .map(|x| x.map_or_else(String::new, |x| format!("{x:.2}")));
            println!("{problem:<34} {operator:<15} {rate:>11.1} {ratio:>10.2} {speed:>9} {part:>8}");
        }
        for (precision, peak) in peaks {
            println!("products of square matrices, {precision}: {:.1} GFLOP/s", peak / 1e9);
        }
    }
}

fn criterion_group<A: ?Sized, P, Out, B: ?Sized>(
    c: &mut Criterion,
    name: &str,
    f: &Flat<'_, A, P, Out, B>,
    x: &[P::Scalar],
    extent: Extent,
) where
    P: Tree + Clone,
    P::Scalar: Entry,
    P::Traced: Borrow<A>,
    Out: Traced + Send + Sync,
{
    let n = x.len();
    let v: Vec<P::Scalar> = direction(n, 0).rounded();
    let mut out = v.clone();
    let at = f.linearize(x).expect("the problem is well formed");
    let (mut pushed, one) = ([P::Scalar::from_f64(0.0)], [P::Scalar::from_f64(1.0)]);
    let is_split = at.ggn(&v, &mut out).is_ok();
    let mut group = c.benchmark_group(name);
    if extent == Extent::SingleDirections {
        group.sample_size(10);
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter("value"), |b| b.iter(|| f.value(black_box(x))));
    group.bench_function(BenchmarkId::from_parameter("gradient"), |b| {
        b.iter(|| f.value_and_gradient(black_box(x), &mut out))
    });
    group.bench_function(BenchmarkId::from_parameter("hvp"), |b| b.iter(|| f.hvp(black_box(x), &v, &mut out)));
    group.bench_function(BenchmarkId::from_parameter("linearize"), |b| b.iter(|| prepared(f, black_box(x))));
    group.bench_function(BenchmarkId::from_parameter("hvp_linearized"), |b| b.iter(|| at.hvp(black_box(&v), &mut out)));
    group.bench_function(BenchmarkId::from_parameter("jvp"), |b| b.iter(|| at.jvp(black_box(&v), &mut pushed)));
    group.bench_function(BenchmarkId::from_parameter("vjp"), |b| b.iter(|| at.vjp(black_box(&one), &mut out)));
    group.bench_function(BenchmarkId::from_parameter("third"), |b| b.iter(|| at.third(black_box(&v), &v, &mut out)));
    if is_split {
        group.bench_function(BenchmarkId::from_parameter("ggn"), |b| b.iter(|| at.ggn(black_box(&v), &mut out)));
    }
    if extent == Extent::Whole {
        let block = block::<P::Scalar>(n);
        let mut rows = block.clone();
        group.throughput(Throughput::Elements(BLOCK as u64));
        group.bench_function(BenchmarkId::from_parameter("hvps_16"), |b| {
            b.iter(|| at.hvps(black_box(&block), &mut rows))
        });
    }
    group.finish();
}

/// The lines of a problem, each the median of calls during half a second.
fn lines<A: ?Sized, P, Out, B: ?Sized>(
    name: &str,
    precision: &'static str,
    flops: Option<flops::Flops>,
    f: &Flat<'_, A, P, Out, B>,
    x: &[P::Scalar],
    extent: Extent,
) -> Vec<Line>
where
    P: Tree + Clone,
    P::Scalar: Entry,
    P::Traced: Borrow<A>,
    Out: Traced + Send + Sync,
{
    let n = x.len();
    let v: Vec<P::Scalar> = direction(n, 0).rounded();
    let mut out = v.clone();
    let at = f.linearize(x).expect("the problem is well formed");
    let value = median(|| drop(black_box(f.value(black_box(x)))));
    let gradient = median(|| drop(black_box(f.value_and_gradient(black_box(x), &mut out))));
    let hvp = median(|| drop(black_box(f.hvp(black_box(x), &v, &mut out))));
    let point = median(|| _ = black_box(prepared(f, black_box(x))));
    let product = median(|| drop(black_box(at.hvp(black_box(&v), &mut out))));
    let (mut pushed, one) = ([P::Scalar::from_f64(0.0)], [P::Scalar::from_f64(1.0)]);
    let jvp = median(|| drop(black_box(at.jvp(black_box(&v), &mut pushed))));
    let vjp = median(|| drop(black_box(at.vjp(black_box(&one), &mut out))));
    let third = median(|| drop(black_box(at.third(black_box(&v), &v, &mut out))));
    let ggn = at.ggn(&v, &mut out).is_ok().then(|| median(|| drop(black_box(at.ggn(black_box(&v), &mut out)))));
    let line = |operator, seconds, flops, count| Line {
        problem: name.into(),
        operator,
        precision,
        seconds,
        gradient,
        flops,
        count,
    };
    let mut lines = vec![
        line("value", value, flops.map(|f| f.value), 1),
        line("gradient", gradient, flops.map(|f| f.gradient), 1),
        line("hvp", hvp, flops.map(|f| f.hvp), 1),
        line("linearize", point, None, 1),
        line("hvp_linearized", product, flops.map(|f| f.hvp_linearized), 1),
        line("jvp", jvp, None, 1),
        line("vjp", vjp, None, 1),
        line("third", third, None, 1),
    ];
    lines.extend(ggn.map(|seconds| line("ggn", seconds, None, 1)));
    if extent == Extent::Whole {
        let block = block::<P::Scalar>(n);
        let mut rows = block.clone();
        let seconds = median(|| drop(black_box(at.hvps(black_box(&block), &mut rows))));
        lines.push(line("hvps_16", seconds, flops.map(|f| BLOCK as f64 * f.hvp_linearized), BLOCK));
    }
    lines
}

fn block<T: Entry>(n: usize) -> Vec<T> {
    (0..BLOCK as u64).flat_map(|j| direction(n, j)).collect::<Vec<f64>>().rounded()
}

/// What depends on the point alone: f and what its Hessian products read.
fn prepared<A: ?Sized, P, Out, B: ?Sized>(f: &Flat<'_, A, P, Out, B>, x: &[P::Scalar]) -> P::Scalar
where
    P: Tree + Clone,
    P::Traced: Borrow<A>,
    Out: Traced + Send + Sync,
{
    f.linearize(x).and_then(|at| at.value()).expect("the problem is well formed")
}

/// Median time of a call, of at least three and at most 400.
fn median(mut call: impl FnMut()) -> f64 {
    call();
    let (mut times, start) = (Vec::new(), Instant::now());
    while times.len() < 3 || (times.len() < 400 && start.elapsed() < SUMMARY) {
        let before = Instant::now();
        call();
        times.push(before.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The largest number of operations a second that products of square matrices reach.
fn peak<T: Entry>() -> f64 {
    let reached = [256_usize, 512, 1024].map(|n| {
        let [a, b] = [1, 2].map(|stream| symmetrics(stream, n * n).mapv(T::from_f64).to_vec());
        let mut c = a.clone();
        let product = Product::new(n, n, n);
        let mut scratch = vec![T::from_f64(0.0); product.scratch_parallel::<T>(rayon::current_num_threads())];
        let time = median(|| product.run_parallel(Update::Replace, black_box(&a), &b, &mut c, &mut scratch));
        2.0 * (n as f64).powi(3) / time
    });
    reached.into_iter().fold(0.0, f64::max)
}
