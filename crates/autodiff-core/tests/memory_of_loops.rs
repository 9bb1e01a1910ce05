//! The memory of a loop of scalars, by operation: what is kept after recording, and the most that a single gradient takes.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use autodiff_core::{Function, Var};
use testkit::allocation::{self, Counting};
use testkit::workloads::{loops, rosenbrock};

#[global_allocator]
static GLOBAL: Counting = Counting;

/// On a thread of its own, for a thread keeps the memory of its traces for the next one.
fn alone<R: Send>(measure: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(measure).join().expect("no panic"))
}

#[test]
fn a_loop_takes_some_dozens_of_bytes_an_operation() {
    let n = 100_000;
    let x = loops::sines(n);
    let new = || Function::new(|x: &[Var]| rosenbrock(x));
    let operations = alone(|| new().explain(&x).unwrap().rolling.expect("a loop").scalars);
    let per_operation = |bytes: usize| bytes as f64 / operations as f64;

    let (before, f) = (allocation::bytes(), new());
    alone(|| f.value(&x).unwrap());
    let kept = per_operation(allocation::bytes() - before);
    let gradient = alone(|| per_operation(allocation::peak(|| new().gradient(&x).unwrap()).0));
    println!("{operations} operations, bytes for each: {kept:.1} kept, {gradient:.1} at the peak of a gradient");
    // A node is 8 bytes, and so are a number and a cotangent; there are 9 nodes for 8 operations, inputs among them. Lists that grow by
    // doubling from 100 000 have room for 1.6 million: 1.78 times what they hold.
    assert!((16.0..17.5).contains(&kept), "{kept:.1} bytes an operation are kept");
    assert!((43.0..48.0).contains(&gradient), "{gradient:.1} bytes an operation at the peak");
}
