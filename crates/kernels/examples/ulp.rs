//! Largest measured errors of the vectorised functions, in units in the last place, at every level this machine has.
//!
//! `cargo run --release -p jetgrad-kernels --example ulp`, with `--write` to write `docs/accuracy.md`. In single precision
//! every 509th bit pattern is compared with the scalar function in double precision. In double precision the comparison is
//! with values of 400 digits by mpmath: those of `tests/golden/vector.csv`, or of a denser file named after `--golden`
//! (`python crates/kernels/tests/golden/vector.py 40 > dense.csv`).

use kernels::vector::{Function, Level};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Step through the bit patterns of single precision; a prime.
const STRIDE: usize = 509;
/// Pairs of numbers that functions of two are swept over in single precision.
const PAIRS: u32 = 4_000_000;

/// An exact value: the nearest double and what it was rounded by.
struct Golden {
    x: f64,
    y: f64,
    value: f64,
    rest: f64,
}

fn golden(text: &str) -> BTreeMap<&str, Vec<Golden>> {
    let mut all: BTreeMap<&str, Vec<Golden>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse().expect("the file holds numbers");
        all.entry(fields[0]).or_default().push(Golden {
            x: number(1),
            y: number(2),
            value: number(3),
            rest: number(4),
        });
    }
    all
}

/// An error and where it was found.
#[derive(Clone, Copy, Default)]
struct Worst {
    ulp: f64,
    at: f64,
}

impl Worst {
    fn see(&mut self, ulp: f64, at: f64) {
        if ulp > self.ulp || ulp.is_nan() {
            *self = Worst { ulp, at };
        }
    }
}

fn double(points: &[Golden], mut map: impl FnMut([&[f64]; 2], &mut [f64])) -> Worst {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
    let mut out = vec![0.0; x.len()];
    map([&x, &y], &mut out);
    let mut worst = Worst::default();
    for (p, y) in points.iter().zip(out) {
        let size = p.value.abs();
        let unit = if size >= f64::MAX { size - size.next_down() } else { size.next_up() - size };
        worst.see(((y - p.value) - p.rest).abs() / unit, p.x);
    }
    worst
}

fn single(x: &[f32], y: &[f32], twin: impl Fn(f64, f64) -> f64, mut map: impl FnMut([&[f32]; 2], &mut [f32])) -> Worst {
    let mut out = vec![0.0; x.len()];
    map([x, y], &mut out);
    let mut worst = Worst::default();
    for ((&x, &y), &result) in x.iter().zip(y).zip(&out) {
        let exact = twin(x.into(), y.into());
        let rounded = exact as f32;
        if rounded == result || (rounded.is_nan() && result.is_nan()) {
            if rounded.is_finite() {
                let size = rounded.abs();
                let unit = f64::from(size.next_up().min(f32::MAX)) - f64::from(size);
                worst.see((f64::from(result) - exact).abs() / unit.max(f64::from(f32::from_bits(1))), x.into());
            }
            continue;
        }
        let size = (exact.abs() as f32).min(f32::MAX);
        let unit = f64::from(size) - f64::from(size.next_down());
        worst.see((f64::from(result) - exact).abs() / unit.max(f64::from(f32::from_bits(1))), x.into());
    }
    worst
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let file = arguments.iter().position(|a| a == "--golden").map(|i| arguments[i + 1].clone());
    let text = match file {
        Some(path) => std::fs::read_to_string(path).expect("a readable file of golden values"),
        None => include_str!("../tests/golden/vector.csv").to_string(),
    };
    let golden = golden(&text);
    let levels: Vec<Level> = Level::available().into_iter().rev().collect();
    let mut table = String::from("| function | points |");
    for level in &levels {
        let _ = write!(table, " f64 {level:?} | f32 {level:?} |");
    }
    table += "\n|---|---|";
    table += &"---|---|".repeat(levels.len());
    table += "\n";
    let sweep: Vec<f32> = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits).filter(|x| x.is_finite()).collect();
    let none = vec![0.0; sweep.len()];
    for f in Function::<f64, 1>::ALL {
        let g = Function::<f32, 1>::named(f.name).expect("both precisions have the same functions");
        // The scalar function of the library cancels on the left.
        let odd = f.name == "atanh";
        let twin = |x: f64, _: f64| if odd { (f.scalar)([x.abs()]).copysign(x) } else { (f.scalar)([x]) };
        row(&mut table, f.name, &golden, &levels, |level, points| {
            let wide = double(points, |[x, _], out| f.map_at(level, [x], out));
            (wide, single(&sweep, &none, twin, |[x, _], out| g.map_at(level, [x], out)))
        });
    }
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(0x3000_0000 + (state >> 3)) * if state & 4 == 0 { 1.0 } else { -1.0 }
    };
    let (x, y): (Vec<f32>, Vec<f32>) = (0..PAIRS).map(|_| (uniform(), uniform())).unzip();
    for f in Function::<f64, 2>::ALL {
        let g = Function::<f32, 2>::named(f.name).expect("both precisions have the same functions");
        row(&mut table, f.name, &golden, &levels, |level, points| {
            let wide = double(points, |inputs, out| f.map_at(level, inputs, out));
            (wide, single(&x, &y, |x, y| (f.scalar)([x, y]), |inputs, out| g.map_at(level, inputs, out)))
        });
    }
    print!("{table}");
    if arguments.iter().any(|a| a == "--write") {
        let page = format!("{HEAD}\n{table}{TAIL}");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/accuracy.md");
        std::fs::write(path, page).expect("the folder of documents is writable");
    }
}

fn row(
    table: &mut String,
    name: &str,
    golden: &BTreeMap<&str, Vec<Golden>>,
    levels: &[Level],
    measure: impl Fn(Level, &[Golden]) -> (Worst, Worst),
) {
    let points = golden.get(name).map_or(&[][..], Vec::as_slice);
    let _ = write!(table, "| {name} | {} |", points.len());
    for &level in levels {
        let (wide, narrow) = measure(level, points);
        eprintln!("{name} {level:?}: f64 at {:e}, f32 at {:e}", wide.at, narrow.at);
        let _ = write!(table, " {:.2} | {:.2} |", wide.ulp, narrow.ulp);
    }
    *table += "\n";
}

const HEAD: &str = "# Accuracy of vectorised functions

Written by `cargo run --release -p jetgrad-kernels --example ulp -- --write --golden dense.csv`, not by hand; `dense.csv` is
what `python crates/kernels/tests/golden/vector.py 40` prints.

Largest measured error in units in the last place (ulp); ½ is correct rounding. In double precision against values of 400
digits by mpmath, at numbers of all sizes and densely where the function changes. In single precision against the scalar
function in double precision, at every 509th bit pattern; functions of two numbers at four million pairs.

Single numbers are computed by the standard library, programs over arrays by these functions. Angles above 10⁶ (`f32`: 10⁵)
are the standard library's in both.
";

const TAIL: &str = "
## What derivatives lose

Derivatives of a row are computed from its output where that is faster, and mostly exact. Two are not: the slope of tanh is 1 − y², and 1 − |y| has
few digits where |y| is nearly 1. Its relative error is up to about ε e^{2|x|}/2: 2e-12 at |x| = 5, 5e-8 at 10; from |x| = 19.1 on (`f32`: 9.1) it is 0
instead of 4e^{−2|x|}. Absolutely it is off by a few ε. A slope that is exact there, σ(2x)·4σ(−2x), costs two more exponentials in every layer of a network
and its derivatives, and is no square, of which series take half the products. Where the tails matter, write 2·sigmoid(2x) − 1: its slope is exact there,
its value near 0 is not.

The curvature of hypot(x, y) along x is y²/h³, computed as (1 − (x/h)²)/h: where |y| is small beside |x| it is exact to ε/h absolutely, and relatively to ε (x/y)². Coefficients of
higher order are made of it. √(x² + y²) written out loses as much. At the origin side, |x| ≪ |y|, nothing is lost.
";
