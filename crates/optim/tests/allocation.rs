//! An iteration of L-BFGS, of a trust region and of cubic regularisation allocates nothing once the first has been made.
//!
//! One test in a file of its own, for the allocator counts the whole process.

use autodiff_core::{Function, Var};
use optim::{
    CubicRegularization, FromParts, Gltr, Lbfgs, LocalModel, NonlinearCg, Objective, ObjectiveError, SaddleFree,
    Solver, Steihaug, TrustRegion,
};
use std::ops::ControlFlow;
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

/// Allocations after the first iteration of a run, to its end.
fn later_allocations(mut solver: impl Solver<f64>) -> usize {
    assert!(solver.step().unwrap().is_continue());
    let before = allocation::allocations();
    for _ in 0..10_000 {
        if let ControlFlow::Break(status) = solver.step().unwrap() {
            let allocated = allocation::allocations() - before;
            assert!(status.is_converged() && solver.progress().counts.iterations > 20, "{status}");
            return allocated;
        }
    }
    panic!("the run does not end");
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

/// Of a traced function whose programs are made nothing allocates but the preparation of a point, as much as by itself.
fn traced() {
    let f = Function::new(|x: &[Var]| {
        (0..x.len() - 1).map(|i| 100.0 * (x[i + 1] - x[i].square()).square() + (1.0 - x[i]).square()).sum::<Var>()
    });
    let start = vec![-1.0; 50];
    f.prepare(&start).unwrap();
    let flat = f.flat(&start);
    let mut warm = Lbfgs::new().start(&flat, &start).unwrap();
    for _ in 0..3 {
        assert!(warm.step().unwrap().is_continue());
    }
    assert_eq!(allocations(Lbfgs::new().start(&flat, &start).unwrap()), 0, "lbfgs on a traced function");

    let prepare = || {
        let before = allocation::allocations();
        let mut model = flat.at(&start).unwrap();
        model.hvp(&start, &mut vec![0.0; 50]).unwrap();
        allocation::allocations() - before
    };
    prepare();
    // One of them is that of the vector for the product.
    let of_a_point = prepare() - 1;
    let mut solver = TrustRegion::new().start(&flat, &start).unwrap();
    assert!(solver.step().unwrap().is_continue());
    loop {
        let (before, gradients) = (allocation::allocations(), solver.progress().counts.gradients);
        let ended = solver.step().unwrap().is_break();
        let (allocated, points) = (allocation::allocations() - before, solver.progress().counts.gradients - gradients);
        assert!(allocated <= points * of_a_point, "{allocated} for {points} points, each {of_a_point}");
        if ended {
            break;
        }
    }
}

#[test]
fn iterations_after_the_first_do_not_allocate() {
    let f = rosenbrock();
    let start = [-1.0; 50];
    assert_eq!(allocations(Lbfgs::new().start(&f, &start).unwrap()), 0, "lbfgs");
    assert_eq!(allocations(NonlinearCg::hager_zhang().start(&f, &start).unwrap()), 0, "conjugate gradients");

    assert_eq!(later_allocations(TrustRegion::new().start(&Chain, &start).unwrap()), 0, "gltr");
    // A basis that the steps outgrow.
    let small = TrustRegion::with_descent(Gltr::new().basis_vectors(3));
    assert_eq!(later_allocations(small.start(&Chain, &start).unwrap()), 0, "gltr beyond its basis");
    let steihaug = TrustRegion::with_descent(Steihaug::new());
    assert_eq!(later_allocations(steihaug.start(&Chain, &start).unwrap()), 0, "steihaug");
    let saddle_free = TrustRegion::with_descent(SaddleFree::new(64));
    assert_eq!(later_allocations(saddle_free.start(&Chain, &start).unwrap()), 0, "saddle-free");
    assert_eq!(later_allocations(CubicRegularization::new().start(&Chain, &start).unwrap()), 0, "cubic");
    traced();
}
