//! An iteration of L-BFGS allocates nothing once the first has been made.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use optim::{FromParts, Lbfgs, NonlinearCg, Objective, Solver};
use testkit::allocation::{self, Counting};

#[global_allocator]
static GLOBAL: Counting = Counting;

/// The chained function of Rosenbrock, n = 50: no method is done with it in 40 iterations.
fn rosenbrock() -> impl Objective<f64> {
    FromParts::first_order(
        50,
        |x: &[f64]| x.windows(2).map(|p| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2)).sum(),
        |x: &[f64], g: &mut [f64]| {
            for i in 0..x.len() - 1 {
                let b = x[i + 1] - x[i] * x[i];
                g[i] += -400.0 * x[i] * b - 2.0 * (1.0 - x[i]);
                g[i + 1] += 200.0 * b;
            }
        },
    )
}

/// Allocations of 40 iterations after the first.
fn allocations(mut solver: impl Solver<f64>) -> usize {
    assert!(solver.step().unwrap().is_continue());
    let before = allocation::allocations();
    for _ in 0..40 {
        assert!(solver.step().unwrap().is_continue());
    }
    allocation::allocations() - before
}

#[test]
fn iterations_after_the_first_do_not_allocate() {
    let f = rosenbrock();
    let start = [-1.0; 50];
    assert_eq!(allocations(Lbfgs::new().start(&f, &start).unwrap()), 0, "lbfgs");
    assert_eq!(allocations(NonlinearCg::hager_zhang().start(&f, &start).unwrap()), 0, "conjugate gradients");
}
