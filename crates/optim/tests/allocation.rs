//! An iteration of L-BFGS allocates nothing once the first has been made, one of a trust region nothing once a point has
//! taken as many products.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use optim::{FromParts, Lbfgs, LocalModel, NonlinearCg, Objective, ObjectiveError, Solver, TrustRegion};
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

/// The same with products, and models that hold no vector of their own.
struct Chain;

#[derive(Clone, Copy)]
struct ChainModel {
    x: [f64; 50],
    gradient: [f64; 50],
}

impl Objective<f64> for Chain {
    type Model<'a> = ChainModel;

    fn dimension(&self) -> usize {
        50
    }

    fn value(&self, x: &[f64]) -> Result<f64, ObjectiveError> {
        Ok(x.windows(2).map(|p| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2)).sum())
    }

    fn at(&self, at: &[f64]) -> Result<ChainModel, ObjectiveError> {
        let (mut x, mut gradient) = ([0.0; 50], [0.0; 50]);
        x.copy_from_slice(at);
        for i in 0..49 {
            let b = x[i + 1] - x[i] * x[i];
            gradient[i] += -400.0 * x[i] * b - 2.0 * (1.0 - x[i]);
            gradient[i + 1] += 200.0 * b;
        }
        Ok(ChainModel { x, gradient })
    }
}

impl LocalModel<f64> for ChainModel {
    fn value(&self) -> f64 {
        self.x.windows(2).map(|p| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2)).sum()
    }

    fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    fn hvp(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.fill(0.0);
        for i in 0..49 {
            let (a, b) = (self.x[i], self.x[i + 1]);
            out[i] += (1200.0 * a * a - 400.0 * b + 2.0) * v[i] - 400.0 * a * v[i + 1];
            out[i + 1] += -400.0 * a * v[i] + 200.0 * v[i + 1];
        }
        Ok(())
    }
}

/// Iterations of a trust region that allocated nothing: all whose Krylov space was no larger than one from which a shorter
/// step was taken before, after a rejection, for which all eigenvectors of T are needed.
fn quiet_iterations() -> usize {
    let mut solver = TrustRegion::new().start(&Chain, &[-1.0; 50]).unwrap();
    let (mut space, mut known, mut quiet, mut spent) = (0, 0, 0, 0);
    loop {
        let before = allocation::allocations();
        let outcome = solver.step().unwrap();
        let allocated = allocation::allocations() - before;
        let counts = solver.progress().counts;
        let products = counts.products - spent;
        spent = counts.products;
        let again = products == 0;
        space = if again { space } else { products };
        if space <= known {
            assert_eq!(allocated, 0, "iteration {}, {space} products after {known}", counts.iterations);
            quiet += 1;
        }
        known = if again { known.max(space) } else { known };
        if outcome.is_break() {
            return quiet;
        }
    }
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
    let quiet = quiet_iterations();
    assert!(quiet > 30, "{quiet} iterations");
}
