//! A panic of the closure that someone catches leaves nothing behind: neither in the trace that goes on, nor in the next one.

use autodiff_core::ode::Trajectory;
use autodiff_core::{Function, Var, checkpoint, sum_over};
use ndarray::Array1;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `act`, which panics.
fn caught<R>(act: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(act)).is_err(), "it was to panic");
}

#[test]
fn a_part_that_panicked_is_over() {
    let chain = |x: Var| (0..64).fold(x, |x, _| (x * 0.9).tanh());
    let whole = Function::new(move |x: &Var| chain(*x).sum());
    let after = Function::new(move |x: &Var| {
        caught(|| checkpoint(|| -> Var { panic!("in a part, at rank {}", x.rank()) }));
        chain(*x).sum()
    });
    let x = Array1::linspace(-1.0, 1.0, 100);
    assert_eq!(after.gradient(&x).unwrap(), whole.gradient(&x).unwrap());
    // What is recorded after the part is kept, not computed again.
    let memory = |f: &Function<'_, Var>| f.explain(&x).unwrap().gradient.unwrap().peak();
    assert_eq!(memory(&after), memory(&whole));
}

#[test]
fn a_function_can_be_used_after_its_closure_panicked() {
    let angry = AtomicBool::new(true);
    let rage = |_: &Var| assert!(!angry.load(Ordering::Relaxed), "the closure is angry");
    let f = Function::new(|x: &Var| {
        let y = checkpoint(|| {
            let y = x.sin() * *x;
            rage(x);
            y
        });
        if *x > 0.0 { y } else { -y }
    });
    caught(|| f.value(&0.5));
    caught(|| f.gradient(&0.5));
    caught(|| f.hvp(&0.5, &1.0));
    caught(|| f.linearize(&0.5));
    angry.store(false, Ordering::Relaxed);
    let gradient = f.gradient(&0.5).unwrap();
    angry.store(true, Ordering::Relaxed);
    // The trace is there; on the other branch a new one is needed.
    assert_eq!(f.gradient(&0.5).unwrap(), gradient);
    caught(|| f.gradient(&-0.5));
    assert_eq!(f.gradient(&0.5).unwrap(), gradient);
    angry.store(false, Ordering::Relaxed);
    assert_eq!(f.gradient(&-0.5).unwrap(), gradient);
}

#[test]
fn a_function_inside_another_may_panic() {
    let outer = Function::new(|x: &Var| {
        let inner = Function::new(|y: &[Var]| -> Var { panic!("of {} entries", y.len()) });
        caught(|| inner.gradient(&vec![1.0, 2.0]));
        x.square()
    });
    assert_eq!(outer.gradient(&3.0).unwrap(), 6.0);
}

#[test]
fn a_trajectory_can_go_on_after_a_panic() {
    let angry = AtomicBool::new(true);
    let rates = |y: &Var, _: Var| {
        assert!(!angry.load(Ordering::Relaxed), "the rates are angry");
        *y
    };
    let mut path = Trajectory::new(rates, &1.0, 0.0);
    caught(|| path.step());
    angry.store(false, Ordering::Relaxed);
    path.advance_to(1.0).unwrap();
    assert!((path.state() - 1.0_f64.exp()).abs() < 1e-15);
}

#[test]
fn a_panic_in_a_body_of_rows_is_the_closures_own() {
    let x = Array1::linspace(1.0, 2.0, 5);
    let angry = Function::with_data(
        |w: &Var, x: &Var| {
            sum_over(&[*x], |row| -> Var {
                (*w * row[0]).prediction();
                panic!("mine");
            })
        },
        &x,
    );
    let panic = catch_unwind(AssertUnwindSafe(|| angry.value(&2.0))).expect_err("it was to panic");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"mine"));
    // Caught by the closure, it leaves no mark.
    let calm = Function::with_data(
        |w: &Var, x: &Var| {
            let marked = || {
                sum_over(&[*x], |row| -> Var {
                    (*w * row[0]).prediction();
                    panic!("mine");
                })
            };
            caught(marked);
            (*w * 3.0).prediction().square()
        },
        &x,
    );
    assert_eq!(calm.value(&2.0).unwrap(), 36.0);
    assert_eq!(calm.ggn_product(&2.0, &1.0).unwrap(), 18.0);
}
