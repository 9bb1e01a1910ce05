//! Speed of the convolutions in GFLOP/s: all three contractions, at the shapes of small networks and of layers of large ones, by
//! the definition, by unfolding and as shipped.
//!
//! `cargo bench -p jetgrad-kernels --bench convolution`, with the name of a shape or contraction to run only those. The
//! candidates take turns in one process and the fastest of the rounds counts, because other work on the machine only ever
//! slows down. Counted are the multiplications with padding too, as in all tables of this kind.

use kernels::Scalar;
use kernels::convolution::{Geometry, forward, input, kernel, naive, scratch_len, unfold};
use std::time::{Duration, Instant};

const fn shape(images: usize, size: usize, channels: [usize; 2], k: usize, stride: usize, padding: usize) -> Geometry {
    Geometry {
        images,
        size: [size; 2],
        channels_in: channels[0],
        channels_out: channels[1],
        kernel: [k; 2],
        stride: [stride; 2],
        padding: [(padding, padding); 2],
        dilation: [1; 2],
        groups: 1,
    }
}

const SHAPES: &[(&str, Geometry)] = &[
    ("64 x 28x28, 1-8, 3x3", shape(64, 28, [1, 8], 3, 1, 1)),
    ("64 x 28x28, 8-16, 3x3 / 2", shape(64, 28, [8, 16], 3, 2, 1)),
    ("64 x 14x14, 16-32, 3x3", shape(64, 14, [16, 32], 3, 1, 1)),
    ("64 x 14x14, 32-64, 3x3", shape(64, 14, [32, 64], 3, 1, 1)),
    ("16 x 28x28, 64-64, 1x1", shape(16, 28, [64, 64], 1, 1, 0)),
    ("64 x 28x28, 1-6, 5x5", shape(64, 28, [1, 6], 5, 1, 2)),
    ("64 x 14x14, 6-16, 5x5", shape(64, 14, [6, 16], 5, 1, 0)),
    ("8 x 32x32, 3-16, 3x3", shape(8, 32, [3, 16], 3, 1, 1)),
    ("4 x 7x7, 256-256, 3x3", shape(4, 7, [256, 256], 3, 1, 1)),
    ("8 x 28x28, 64-64, 3x3", shape(8, 28, [64, 64], 3, 1, 1)),
    ("32 x 14x14, 128-128, 3x3", shape(32, 14, [128, 128], 3, 1, 1)),
    ("16 x 14x14, 256-256, 1x1", shape(16, 14, [256, 256], 1, 1, 0)),
    ("16 x 14x14, 256-256, 3x3", shape(16, 14, [256, 256], 3, 1, 1)),
    ("16 x 7x7, 512-512, 3x3", shape(16, 7, [512, 512], 3, 1, 1)),
    ("1 x 4x4, 512-512, 3x3", shape(1, 4, [512, 512], 3, 1, 1)),
];

/// Time spent on each candidate.
const BUDGET: Duration = Duration::from_millis(150);

/// Least time of each candidate over rounds in which they take turns.
fn race(candidates: &mut [&mut dyn FnMut()]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; candidates.len()];
    let mut spent = vec![Duration::ZERO; candidates.len()];
    while spent.iter().any(|&t| t < BUDGET) {
        for (i, candidate) in candidates.iter_mut().enumerate() {
            if spent[i] < BUDGET {
                let start = Instant::now();
                candidate();
                let time = start.elapsed();
                best[i] = best[i].min(time);
                spent[i] += time;
            }
        }
    }
    best
}

fn numbers<T: Scalar>(length: usize) -> Vec<T> {
    (0..length).map(|i| T::round_from((i as f64 * 0.7).sin())).collect()
}

fn table<T: Scalar>(name: &str, g: &Geometry, filter: &str) {
    let (x, w, y) = (numbers::<T>(g.image_len()), numbers::<T>(g.kernel_len()), numbers::<T>(g.output_len()));
    let mut scratch = vec![T::zero(); scratch_len::<T>(g, rayon::current_num_threads())];
    let mut rows = vec![T::zero(); unfold::scratch_len::<T>(g, rayon::current_num_threads())];
    let outs = || (vec![T::zero(); x.len()], vec![T::zero(); w.len()], vec![T::zero(); y.len()]);
    let (mut a, mut b, mut c) = (outs(), outs(), outs());
    let precision = if size_of::<T>() == 4 { "f32" } else { "f64" };
    for role in ["result", "images", "kernel"] {
        let label = format!("{precision} {name} {role}");
        if !label.contains(filter) {
            continue;
        }
        let times = match role {
            "result" => race(&mut [
                &mut || naive::forward(g, &x, &w, &mut a.2),
                &mut || unfold::forward(g, &x, &w, &mut b.2, &mut rows),
                &mut || forward(g, &x, &w, &mut c.2, &mut scratch),
            ]),
            "images" => race(&mut [
                &mut || naive::input(g, &y, &w, &mut a.0),
                &mut || unfold::input(g, &y, &w, &mut b.0, &mut rows),
                &mut || input(g, &y, &w, &mut c.0, &mut scratch),
            ]),
            _ => race(&mut [
                &mut || naive::kernel(g, &x, &y, &mut a.1),
                &mut || unfold::kernel(g, &x, &y, &mut b.1, &mut rows),
                &mut || kernel(g, &x, &y, &mut c.1, &mut scratch),
            ]),
        };
        let speed = |t: Duration| 2.0 * g.multiplications() as f64 / t.as_secs_f64() / 1e9;
        println!(
            "| {precision} | {name} | {role} | {:.1} | {:.1} | {:.1} | {:.0} µs |",
            speed(times[0]),
            speed(times[1]),
            speed(times[2]),
            times[2].as_secs_f64() * 1e6
        );
    }
}

fn main() {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with("--")).unwrap_or_default();
    let threads = std::env::var("THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    println!("| | images, channels, kernel | contraction | naive | unfolded | shipped | time |");
    println!("|---|---|---|---|---|---|---|");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
    pool.install(|| {
        for (name, geometry) in SHAPES {
            table::<f32>(name, geometry, &filter);
        }
        for (name, geometry) in SHAPES {
            table::<f64>(name, geometry, &filter);
        }
    });
}
