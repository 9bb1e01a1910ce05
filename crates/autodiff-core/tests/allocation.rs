//! A replay allocates nothing: values, gradients and products of a function that ran before, into the caller's memory.
//!
//! One test in a file of its own, for the allocator counts the whole process.

#![allow(unsafe_code, reason = "a counting allocator is an unsafe trait; it only forwards to the system's")]

use autodiff_core::{Function, Var};
use ndarray::arr1;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

fn allocations(mut run: impl FnMut()) -> usize {
    run(); // the first run makes the program and its workspace
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn replays_do_not_allocate() {
    let data = (ndarray::Array2::<f64>::from_elem((7, 5), 0.3), arr1(&[0_usize, 2, 1, 0, 2, 1, 1]));
    let loss = Function::with_data(
        |(w, b): &(Var, Var), (x, y): &(Var, Var)| {
            let z = (x.matmul(*w) + b).tanh();
            let branch = if z.sum() > 1e9 { z * 2.0 } else { z };
            branch.softmax_cross_entropy(*y).mean() + 0.01 * w.t().square().sum_axes(&[0]).cumsum(0).sum()
        },
        &data,
    );
    let flat = loss.flat(&(ndarray::Array2::<f64>::from_elem((5, 3), 0.2), arr1(&[0.1, 0.2, 0.3])));
    let n = flat.dimension();
    let (x, v) = (vec![0.1; n], vec![0.5; n]);
    let mut out = vec![0.0; n];
    assert_eq!(allocations(|| assert!(flat.value(&x).unwrap().is_finite())), 0, "value");
    assert_eq!(allocations(|| assert!(flat.value_and_gradient(&x, &mut out).unwrap().is_finite())), 0, "gradient");
    assert_eq!(allocations(|| flat.hvp(&x, &v, &mut out).unwrap()), 0, "hvp");
    let at = flat.linearize(&x).unwrap();
    assert_eq!(allocations(|| at.hvp(&v, &mut out).unwrap()), 0, "linearized hvp");
    assert_eq!(allocations(|| at.third(&v, &v, &mut out).unwrap()), 0, "third-order product");
    let (rows, mut products) = (vec![0.5; 4 * n], vec![0.0; 4 * n]);
    assert_eq!(allocations(|| at.hvps(&rows, &mut products).unwrap()), 0, "four directions");
}
