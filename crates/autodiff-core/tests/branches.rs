//! Guarded traces: a closure with branches gives the right value and derivatives at every point.
//!
//! The reference is the same generic function on dual and hyper-dual numbers, which take the branch that holds at each point.

use autodiff_core::{Dual, Function, HyperDual, Real, Var};
use quickcheck::quickcheck;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Branches on one value and on two, with a nested one.
fn branchy<S: Real + Copy>(x: &[S]) -> S {
    let (a, b) = (x[0], x[1]);
    if a > b {
        if a * b > 0.5 { a.sin() * b } else { a.exp() - b.square() }
    } else if a >= 0.0 {
        a.square() * b + b
    } else {
        (b - a).square() * 3.0
    }
}

/// Newton's iteration for √a, as long as it takes: a loop that depends on the data.
fn newton_root<S: Real + Copy>(x: &[S]) -> S {
    let a = x[0].square() + x[1].square() + 0.1;
    let mut y = a;
    for _ in 0..100 {
        let next = (y + a / y) * 0.5;
        let change = next - y;
        y = next;
        if change.square() < 1e-28 {
            break;
        }
    }
    y
}

/// Value, gradient and Hessian-vector product by hyper-dual numbers, without a tape.
fn reference(f: fn(&[HyperDual<f64>]) -> HyperDual<f64>, x: &[f64], v: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let along = |i: usize| {
        let point: Vec<HyperDual<f64>> = (0..x.len())
            .map(|j| HyperDual { value: x[j], first: if i == j { 1.0 } else { 0.0 }, second: v[j], cross: 0.0 })
            .collect();
        f(&point)
    };
    let each: Vec<HyperDual<f64>> = (0..x.len()).map(along).collect();
    (each[0].value, each.iter().map(|d| d.first).collect(), each.iter().map(|d| d.cross).collect())
}

fn close(a: &[f64], b: &[f64]) -> bool {
    // Two orders of the same few operations, Newton's iteration amplifying them a little.
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-11 * a.abs().max(b.abs()).max(1.0))
}

fn agrees(f: &Function<'_, [Var]>, by_hand: fn(&[HyperDual<f64>]) -> HyperDual<f64>, x: Vec<f64>) -> bool {
    let v = vec![0.3, -0.7];
    let (value, gradient, product) = reference(by_hand, &x, &v);
    close(&[f.value(&x).unwrap()], &[value])
        && close(&f.gradient(&x).unwrap(), &gradient)
        && close(&f.hvp(&x, &v).unwrap(), &product)
        && close(&f.taylor_gradients(&x, &v, 1).unwrap()[1], &product)
}

quickcheck! {
    fn replay_never_returns_the_numbers_of_another_branch(points: Vec<(i8, i8)>) -> bool {
        let f = Function::new(branchy::<Var>);
        points.into_iter().all(|(a, b)| agrees(&f, branchy, vec![f64::from(a) / 32.0, f64::from(b) / 32.0]))
    }

    fn loops_that_depend_on_data_are_followed(points: Vec<(i8, i8)>) -> bool {
        let f = Function::new(newton_root::<Var>);
        points.into_iter().all(|(a, b)| agrees(&f, newton_root, vec![f64::from(a) / 8.0, f64::from(b) / 8.0]))
    }
}

#[test]
fn every_path_is_traced_once_and_kept() {
    let calls = AtomicUsize::new(0);
    let f = Function::new(|x: &[Var]| {
        calls.fetch_add(1, Ordering::Relaxed);
        branchy(x)
    });
    let points = [[1.0, 0.9], [1.0, -1.0], [0.5, 2.0], [-1.0, 0.0]];
    for _ in 0..3 {
        for p in points {
            f.hvp(&p, &[1.0, 0.0]).unwrap();
            f.gradient(&p).unwrap();
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 4, "one trace for each of the four paths");
    assert_eq!(f.variant_count(), 4);
}

#[test]
fn a_linearisation_keeps_the_branch_of_its_point() {
    let f = Function::new(branchy::<Var>);
    f.value(&[-1.0, 0.0]).unwrap();
    let at = f.linearize(&[1.0, -1.0]).unwrap();
    let (_, gradient, product) = reference(branchy, &[1.0, -1.0], &[0.3, -0.7]);
    let mut out = [0.0; 2];
    at.hvp(&[0.3, -0.7], &mut out).unwrap();
    assert!(close(&out, &product));
    at.gradient_into(&mut out).unwrap();
    assert!(close(&out, &gradient));
}

#[test]
fn match_on_an_order_is_guarded() {
    let f = Function::new(|x: &[Var]| match x[0].partial_cmp(&x[1]) {
        Some(std::cmp::Ordering::Less) => x[0] * 2.0,
        Some(std::cmp::Ordering::Equal) => x[0] * 3.0,
        Some(std::cmp::Ordering::Greater) => x[0] * 5.0,
        None => x[0] * 7.0,
    });
    for (point, slope) in
        [([1.0, 2.0], 2.0), ([2.0, 2.0], 3.0), ([3.0, 2.0], 5.0), ([1.0, f64::NAN], 7.0), ([1.0, 2.0], 2.0)]
    {
        assert_eq!(f.gradient(&point).unwrap(), [slope, 0.0], "{point:?}");
    }
}

#[test]
fn a_number_read_out_makes_the_trace_hold_at_its_point_only() {
    let f = Function::new(|x: &Var| *x * x.value().round());
    assert_eq!(f.gradient(&2.2).unwrap(), 2.0);
    assert_eq!(f.gradient(&4.9).unwrap(), 5.0);
    assert_eq!(f.variant_count(), 0, "nothing is kept");
}

#[test]
fn branches_on_data_are_guarded() {
    let f = Function::with_data(|x: &Var, d: &Var| if *d > 0.0 { *x * *d } else { x.square() }, &1.0);
    assert_eq!(f.gradient(&3.0).unwrap(), 1.0);
    assert_eq!(f.with(&-1.0).gradient(&3.0).unwrap(), 6.0);
    assert_eq!(f.with(&2.0).gradient(&3.0).unwrap(), 2.0);
}

#[test]
fn branches_in_single_precision_follow_single_precision() {
    // 1 + 1e-9 is 1 in f32: the branch must be the one that f32 arithmetic takes.
    let f = Function::new(|x: &Var| if *x + 1e-9 > 1.0 { x * 2.0 } else { x * 3.0 });
    assert_eq!(f.gradient(&1.0_f64).unwrap(), 2.0);
    assert_eq!(f.gradient(&1.0_f32).unwrap(), 3.0);
    assert_eq!(f.gradient(&1.0_f64).unwrap(), 2.0);
}

#[test]
fn branches_of_a_derivative_are_guarded() {
    // |f′| by a branch on the derivative inside the closure.
    let f = Function::new(|x: &Var| {
        let slope = x.powi(3).gradient(*x) - 3.0;
        if slope < 0.0 { -slope } else { slope }
    });
    for x in [0.5, 2.0, -0.5, -2.0] {
        let inside = Dual::variable(x);
        let slope = inside * inside * 3.0 - 3.0;
        let expected = if slope < 0.0 { -slope } else { slope };
        assert_eq!(f.value(&x).unwrap(), expected.value);
        assert_eq!(f.gradient(&x).unwrap(), expected.tangent);
    }
}

/// A loop of `n` operations, and another for each of the numbers that the first entry may be next to.
fn paths(n: usize, calls: &AtomicUsize) -> impl Fn(&[Var]) -> Var + Send + Sync {
    move |x: &[Var]| {
        calls.fetch_add(1, Ordering::Relaxed);
        let path = (0..).take_while(|&i| x[0] > f64::from(i)).count();
        let mut sum = x[0] * path as f64;
        for i in 0..n {
            sum += x[1] * i as f64;
        }
        sum
    }
}

#[test]
fn traces_are_kept_as_far_as_memory_goes() {
    let calls = AtomicUsize::new(0);
    let f = Function::new(paths(1 << 19, &calls));
    for path in 0..12 {
        assert_eq!(f.gradient(&[f64::from(path) - 0.5, 0.0]).unwrap()[0], f64::from(path));
    }
    // Of two million nodes each, constants among them, and eight million in all.
    let kept = f.variant_count();
    assert!((3..=8).contains(&kept), "{kept} traces kept");
    // One that is larger than that is kept alone.
    let g = Function::new(paths(3 << 20, &calls));
    for path in 0..2 {
        g.value(&[f64::from(path) - 0.5, 0.0]).unwrap();
    }
    assert_eq!(g.variant_count(), 1);
}

#[test]
fn a_kept_trace_is_not_searched_for_longer_than_recording_takes() {
    let calls = AtomicUsize::new(0);
    let f = Function::new(paths(5_000, &calls));
    let at = |path: usize| [path as f64 - 0.5, 0.25];
    let all = 20;
    for path in 0..all {
        f.value(&at(path)).unwrap();
    }
    assert_eq!((calls.load(Ordering::Relaxed), f.variant_count()), (all, all));
    // The one before the last is asked soon; the first would be asked last, so the closure is recorded, and found by its guards.
    let slope = (0..5_000).sum::<usize>() as f64;
    assert_eq!(f.gradient(&at(all - 2)).unwrap(), [(all - 2) as f64, slope]);
    assert_eq!(calls.load(Ordering::Relaxed), all);
    assert_eq!(f.gradient(&at(0)).unwrap(), [0.0, slope]);
    assert_eq!((calls.load(Ordering::Relaxed), f.variant_count()), (all + 1, all));
    // From there on it is the latest.
    assert_eq!(f.gradient(&at(0)).unwrap(), [0.0, slope]);
    assert_eq!(calls.load(Ordering::Relaxed), all + 1);
}

/// A loop that counts in steps of 0.1, which are 10 to 1 in single precision and 11 in double.
fn steps(x: &[Var]) -> Var {
    let (mut t, mut count) = (Var::from(0.0), 0);
    while t < 1.0 {
        t += 0.1;
        count += 1;
    }
    x.iter().map(|x| x.square()).sum::<Var>() * f64::from(count)
}

#[test]
fn a_branch_on_constants_is_taken_at_the_precision_of_the_point() {
    let (single, double) = (vec![1.0_f32; 100], vec![1.0_f64; 100]);
    for prepared in [false, true] {
        let f = Function::new(steps);
        if prepared {
            f.prepare(&single).unwrap();
        }
        for _ in 0..3 {
            assert_eq!((f.value(&single).unwrap(), f.value(&double).unwrap()), (1000.0, 1100.0));
        }
        assert_eq!((f.gradient(&single).unwrap()[7], f.gradient(&double).unwrap()[7]), (20.0, 22.0));
        let at = f.linearize(&single).unwrap();
        let mut product = vec![0.0_f32; 100];
        at.hvp(&single, &mut product).unwrap();
        assert_eq!(product[99], 20.0);
        assert_eq!(f.variant_count(), 2);
    }
}

#[test]
fn a_branch_on_constants_is_recorded_once() {
    let recordings = AtomicUsize::new(0);
    let counted = |x: &[Var]| {
        recordings.fetch_add(1, Ordering::Relaxed);
        steps(x)
    };
    let f = Function::new(counted);
    // Also where too little is there to be rolled.
    for n in [3, 100] {
        let x = vec![1.0_f32; n];
        f.prepare(&x).unwrap();
        recordings.store(0, Ordering::Relaxed);
        (0..5).for_each(|_| assert_eq!(f.value(&x).unwrap(), 10.0 * n as f32));
        assert_eq!(recordings.load(Ordering::Relaxed), 0, "{n}");
    }
    // Comparisons that come out alike serve both precisions.
    let g = Function::new(|x: &[Var]| {
        recordings.fetch_add(1, Ordering::Relaxed);
        if Var::from(0.1) + 0.2 < 1.0 { x[0] * 2.0 } else { x[0] }
    });
    recordings.store(0, Ordering::Relaxed);
    g.prepare(&[1.0_f32]).unwrap();
    assert_eq!((g.value(&[1.0_f32]).unwrap(), g.value(&[1.0_f64]).unwrap()), (2.0, 2.0));
    assert_eq!((recordings.load(Ordering::Relaxed), g.variant_count()), (1, 1));
}

/// The bound is met by the constants of the loop in the other precision alone.
#[test]
fn a_bound_that_constants_come_to_is_that_of_the_precision() {
    let recordings = AtomicUsize::new(0);
    let f = Function::new(|x: &[Var]| {
        recordings.fetch_add(1, Ordering::Relaxed);
        let bound = (0..10).fold(Var::from(0.0), |sum, _| sum + 0.1);
        if x[0] < bound { x[0] * 2.0 } else { x[0] * 3.0 }
    });
    let sum = (0..10).fold(0.0_f32, |sum, _| sum + 0.1);
    assert_ne!(sum, (0..10).fold(0.0_f64, |sum, _| sum + 0.1) as f32, "the two differ");
    for x in [sum, f32::from_bits(sum.to_bits() - 1)] {
        f.prepare(&[x]).unwrap();
        recordings.store(0, Ordering::Relaxed);
        let expected = if x < sum { 2.0 * x } else { 3.0 * x };
        (0..5).for_each(|_| assert_eq!(f.value(&[x]).unwrap(), expected));
        assert_eq!(recordings.load(Ordering::Relaxed), 0, "{x}");
    }
}

#[test]
fn a_hessian_after_a_flipped_branch_records_once() {
    let recordings = AtomicUsize::new(0);
    let f = Function::new(|x: &[Var]| {
        recordings.fetch_add(1, Ordering::Relaxed);
        let squares = x.iter().map(|x| x.square()).sum::<Var>();
        if x[0] > 0.0 { squares } else { squares * 3.0 }
    });
    let (x, mut flipped) = (vec![1.0; 200], vec![1.0; 200]);
    flipped[0] = -1.0;
    f.value(&x).unwrap();
    recordings.store(0, Ordering::Relaxed);
    let hessian = f.hessian(&flipped).unwrap();
    assert_eq!((hessian[[0, 0]], hessian[[199, 199]], hessian[[0, 1]]), (6.0, 6.0, 0.0));
    assert_eq!(recordings.load(Ordering::Relaxed), 1);
    // Counted where they were swept.
    let rows = |x: &Vec<f64>| f.explain(x).unwrap().swept.unwrap();
    assert!(rows(&flipped).contains("rows of a matrix 200 of"), "{}", rows(&flipped));
    assert!(rows(&x).contains("rows of a matrix 0 of"), "{}", rows(&x));
    assert_eq!(f.hessian(&x).unwrap()[[150, 150]], 2.0);
    assert_eq!(recordings.load(Ordering::Relaxed), 1);
}
