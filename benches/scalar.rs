//! Closures of scalars, once: what recording, a gradient and a Hessian-vector product cost at a point that is seen for the
//! first time, beside the same generic function on plain `f64`: `cargo bench --bench scalar`.
//!
//! Each figure is the smallest of the repetitions that fit into half a second, the kinds interleaved. A name on the command
//! line chooses the problems that contain it.

use jetgrad::{Function, Var};
use std::hint::black_box;
use std::time::{Duration, Instant};
use testkit::workloads::{loops, rosenbrock};

/// Time for each kind of a problem.
const SPAN: Duration = Duration::from_millis(500);

fn main() {
    let timed = std::env::args().any(|a| a == "--bench") && !std::env::args().any(|a| a == "--test" || a == "--list");
    if !timed {
        return;
    }
    println!("{:<24}{:>8}{:>12}   ratio to native: {}", "", "nodes", "native", KINDS[1..].join("  "));
    for n in [1000, 100_000] {
        let x = loops::sines(n);
        problem(&format!("S1 Rosenbrock {n}"), &x, rosenbrock, rosenbrock);
    }
    let (energy, x) = loops::helmholtz_energy(200);
    problem("S3 Helmholtz 200", &x, |x| energy.energy(x), |x| energy.energy(x));
    problem("S6 Lennard-Jones 100", &loops::grid(), loops::lennard_jones, loops::lennard_jones);
    problem("S7 branches 1000", &loops::sines(1000), loops::branches, loops::branches);
}

const KINDS: [&str; 8] =
    ["native", "record + value", "gradient once", "hvp once", "gradient swept", "hvp swept", "gradient", "hvp"];

/// Prints a line of ratios to the native function.
fn problem(
    name: &str,
    x: &Vec<f64>,
    native: impl Fn(&[f64]) -> f64,
    traced: impl Fn(&[Var]) -> Var + Copy + Send + Sync,
) {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
        return;
    }
    let v = loops::direction(x.len());
    let once = |run: &dyn Fn(&Function<'_, [Var]>)| run(&Function::new(traced));
    let programs = Function::new(traced);
    programs.prepare(x).expect("a program");
    let explained = programs.explain(x).expect("a trace");
    let nodes = explained.rolling.map_or(explained.graph.len(), |rolling| rolling.scalars);
    let flat = programs.flat(x);
    let (mut out, mut product) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let mut fresh = Function::new(traced);
    let mut sweeps = 0;
    let mut swept = |hvp: bool| {
        // A new function before the count of sweeps makes a program.
        if sweeps % 20 == 0 {
            fresh = Function::new(traced);
            fresh.value(x).expect("a value");
        }
        sweeps += 1;
        let flat = fresh.flat(x);
        let start = Instant::now();
        if hvp {
            flat.hvp(x, &v, &mut product).expect("a product");
        } else {
            flat.value_and_gradient(x, &mut product).expect("a gradient");
        }
        start.elapsed()
    };
    let mut best = [Duration::MAX; KINDS.len()];
    let begin = Instant::now();
    while begin.elapsed() < SPAN * KINDS.len() as u32 {
        for (kind, best) in best.iter_mut().enumerate() {
            let start = Instant::now();
            let mut elapsed = None;
            match kind {
                0 => {
                    black_box(native(black_box(x)));
                }
                1 => once(&|f| assert!(black_box(f.value(x).expect("a value")).is_finite())),
                2 => once(&|f| assert!(!black_box(f.gradient(x).expect("a gradient")).is_empty())),
                3 => once(&|f| assert!(!black_box(f.hvp(x, &v).expect("a product")).is_empty())),
                4 => elapsed = Some(swept(false)),
                5 => elapsed = Some(swept(true)),
                6 => assert!(flat.value_and_gradient(x, &mut out).expect("a gradient").is_finite()),
                _ => flat.hvp(x, &v, &mut out).expect("a product"),
            }
            *best = elapsed.unwrap_or(start.elapsed()).min(*best);
        }
    }
    let native = best[0].as_secs_f64();
    print!("{name:<24}{nodes:>8}{:>10.2}µs  ", 1e6 * native);
    for (kind, best) in KINDS.iter().zip(best).skip(1) {
        let per_node = 1e9 * best.as_secs_f64() / nodes as f64;
        print!(" {kind} {:.1}× ({per_node:.1} ns/node)", best.as_secs_f64() / native);
    }
    println!();
}
