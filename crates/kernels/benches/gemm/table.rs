//! The table of `docs/performance.md`: the least processor time of many rounds, in which all take turns.

use crate::ours::{Entry, numbers, ways};
use crate::shapes::{AUTOENCODER, CLASSIFIER, OTHERS, SMALL, Shape, name};
use pulp::{Arch, Simd, WithSimd};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;

/// Seconds that the processor has given to this thread.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn seconds(f: impl FnOnce()) -> f64 {
    let start = processor_time();
    f();
    processor_time() - start
}

/// Registers that are added to, each independent of the others: more than an addition takes cycles, on two ports.
const CHAINS: usize = 14;
/// Steps of each.
const STEPS: usize = 20_000;

/// Fused multiplications and additions in registers alone; returns the number of operations.
struct Peak<T>(T);

macro_rules! peak {
    ($T:ty, $lanes:ident, $splat:ident, $mul_add:ident) => {
        impl WithSimd for Peak<$T> {
            type Output = usize;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> usize {
                let (x, y) = (simd.$splat(black_box(self.0)), simd.$splat(black_box(1e-3)));
                let mut sums = [y; CHAINS];
                for _ in 0..STEPS {
                    for sum in &mut sums {
                        *sum = simd.$mul_add(*sum, x, y);
                    }
                }
                black_box(sums);
                2 * CHAINS * STEPS * S::$lanes
            }
        }
    };
}
peak!(f32, F32_LANES, splat_f32s, mul_add_f32s);
peak!(f64, F64_LANES, splat_f64s, mul_add_f64s);

/// Multiplications and additions that one time is taken of, at least: some 20 µs.
const LEAST: usize = 1 << 21;
/// Rounds, of small products and at least.
const ROUNDS: (usize, usize) = (400, 12);

/// GFLOP/s of all [`ways`], and the peak.
fn rates<T: Entry>(shape: Shape) -> ([f64; 5], f64)
where
    Peak<T>: WithSimd<Output = usize>,
{
    let (m, n, k, ..) = shape;
    let operations = 2 * m * n * k;
    let calls = LEAST.div_ceil(operations);
    let rounds = (ROUNDS.0 * LEAST / (calls * operations)).max(ROUNDS.1);
    let (a, b) = (numbers::<T>(m * k, 1), numbers::<T>(k * n, 2));
    let mut out = vec![<T as num_traits::Zero>::zero(); m * n];
    let mut ways = ways(shape, &a, &b);
    let (mut least, mut peak) = ([f64::INFINITY; 5], 0.0_f64);
    for round in 0..rounds {
        // Each follows each of the others at times.
        for i in 0..ways.len() {
            let i = (i * (1 + round % 4) + round) % ways.len();
            let time = seconds(|| (0..calls).for_each(|_| ways[i].1(black_box(&mut out))));
            least[i] = least[i].min(time);
        }
        let mut done = 0;
        let time = seconds(|| done = Arch::new().dispatch(Peak(T::round_from(0.999))));
        peak = peak.max(done as f64 / time * 1e-9);
    }
    (least.map(|time| (calls * operations) as f64 / time * 1e-9), peak)
}

/// Two digits of a rate below 10, whole numbers above.
fn digits(x: f64) -> String {
    if x < 9.95 { format!("{x:.1}") } else { format!("{x:.0}") }
}

pub fn print() {
    let head = |precision: &str| format!(" {precision}: matrixmultiply | gemm | faer | ours | packed | of peak |");
    println!("| m × k · k × n |{}{}\n|{}", head("f32"), head("f64"), "---|".repeat(13));
    let all = [CLASSIFIER, AUTOENCODER, SMALL, OTHERS].into_iter().flatten();
    for &shape in all {
        let columns = |(rates, peak): ([f64; 5], f64)| {
            let cells: String = rates.iter().map(|&x| format!(" {} |", digits(x))).collect();
            format!("{cells} {:.0} % |", 100.0 * rates[3] / peak)
        };
        println!("| {} |{}{}", name(shape), columns(rates::<f32>(shape)), columns(rates::<f64>(shape)));
    }
    for (precision, (_, peak)) in [("f32", rates::<f32>(SMALL[9])), ("f64", rates::<f64>(SMALL[9]))] {
        println!("peak in {precision}: {peak:.0}");
    }
}
