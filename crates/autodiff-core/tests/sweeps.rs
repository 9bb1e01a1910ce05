//! Laws of sweeps: what is computed straight over a trace is what the programs and the interpreter compute, for every operator
//! that is swept, in both precisions, along branches and at points where a kept trace no longer holds.
//!
//! A function is swept at its first calls; its programs are those of a second one after `prepare`.

use autodiff_core::execute::interpret;
use autodiff_core::{Dual, Elementary, Executable, Function, Real, Tree, Var};
use quickcheck::quickcheck;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::workloads::{loops, rosenbrock};

/// Largest difference relative to the largest entry, or to a hundredth where all are smaller: what terms of a unit leave of each
/// other holds no digits of its own. NaN agrees with NaN.
fn difference<T: Executable>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    let size = a.iter().map(|x| x.to_f64().abs()).filter(|x| x.is_finite()).fold(1e-2, f64::max);
    let off = |(a, b): (&T, &T)| match (a.to_f64(), b.to_f64()) {
        (a, b) if a == b || a.is_nan() && b.is_nan() => 0.0,
        (a, b) if a.is_finite() && b.is_finite() => (a - b).abs() / size,
        _ => f64::INFINITY,
    };
    a.iter().zip(b).map(off).fold(0.0, f64::max)
}

/// Every operator that is swept, at `x`, against programs and, for the value, the interpreter. `rounding` bounds differences.
#[track_caller]
fn check<T>(f: impl Fn(&[Var]) -> Var + Copy + Send + Sync, x: &Vec<T>, rounding: f64)
where
    T: Executable + Tree<Scalar = T, Traced = Var>,
{
    let (swept, program) = (Function::new(f), Function::new(f));
    program.prepare(x).unwrap();
    let v: Vec<T> = loops::direction(x.len()).into_iter().map(T::from_f64).collect();
    let w: Vec<T> = loops::sines(x.len()).into_iter().map(T::from_f64).collect();
    let close = |what: &str, a: &[T], b: &[T]| {
        let off = difference(a, b);
        assert!(off <= rounding, "{what}: {off:.1e} in {:?}", T::PRECISION);
    };
    // Each operator twice: with the numbers of tracing there, and forward over a kept trace.
    for round in 0..2 {
        let fresh = Function::new(f);
        let swept = if round == 0 { &fresh } else { &swept };
        close("value", &[swept.value(x).unwrap()], &[program.value(x).unwrap()]);
    }
    let graph = program.explain(x).unwrap().graph;
    // A rolled graph has all scalars in one input.
    let rolled = graph.inputs().len() == 1;
    let inputs: Vec<&[T]> = if rolled { vec![x] } else { x.iter().map(std::slice::from_ref).collect() };
    close("interpreted value", &[swept.value(x).unwrap()], &interpret(&graph, &inputs).unwrap()[0]);
    for swept in [&Function::new(f), &swept] {
        let ((a, g), (b, h)) = (swept.value_and_gradient(x).unwrap(), program.value_and_gradient(x).unwrap());
        close("value beside the gradient", &[a], &[b]);
        close("gradient", &g, &h);
    }
    for swept in [&Function::new(f), &swept] {
        close("product", &swept.hvp(x, &v).unwrap(), &program.hvp(x, &v).unwrap());
    }
    let tangent = |f: &Function<'_, [Var]>| f.jvp(x, &v).unwrap()[[]];
    close("tangent", &[tangent(&swept)], &[tangent(&program)]);
    let seed = ndarray::arr0(T::from_f64(-1.5)).into_dyn();
    close("cotangent", &swept.vjp(x, &seed).unwrap(), &program.vjp(x, &seed).unwrap());
    // More directions than are swept side by side, and no multiple of that.
    let directions: Vec<Vec<T>> = [&v, &w, &v, &v, &w, &w].into_iter().cloned().collect();
    let (a, b) = (swept.hvps(x, &directions).unwrap(), program.hvps(x, &directions).unwrap());
    close("products", &a.concat(), &b.concat());
    for order in 1..=4 {
        let series = |f: &Function<'_, [Var]>| -> Vec<T> {
            f.taylor(x, &v, order).unwrap().into_iter().map(|c| c[[]]).collect()
        };
        close("Taylor coefficients", &series(&swept), &series(&program));
        let curve = [v.clone(), w.clone(), v.clone(), w.clone()];
        let series = |f: &Function<'_, [Var]>| -> Vec<T> {
            f.taylor_series(x, &curve[..order]).unwrap().into_iter().map(|c| c[[]]).collect()
        };
        close("coefficients along a curve", &series(&swept), &series(&program));
    }
    if x.len() <= 10 {
        let entries = |m: ndarray::Array2<T>| m.into_iter().collect::<Vec<T>>();
        close("Hessian", &entries(swept.hessian(x).unwrap()), &entries(program.hessian(x).unwrap()));
        close("Jacobian", &entries(swept.jacobian(x).unwrap()), &entries(program.jacobian(x).unwrap()));
        close("Laplacian", &[swept.laplacian(x).unwrap()], &[program.laplacian(x).unwrap()]);
    }
    let swept = swept.explain(x).unwrap().swept.expect("scalars are swept");
    assert!(!swept.contains("gradient 0 of"), "the gradient was not swept: {swept}");
}

/// In double and in single precision. Rounding: terms of a few hundred entries in another order, and powers of them.
macro_rules! both {
    ($f:expr, $x:expr) => {{
        let x = $x;
        check($f, &x, 1e-10);
        check($f, &x.iter().map(|&x| x as f32).collect::<Vec<f32>>(), 2e-3);
    }};
}

#[test]
fn rosenbrock_swept() {
    both!(|x: &[Var]| rosenbrock(x), loops::sines(50));
    both!(|x: &[Var]| rosenbrock(x), loops::sines(7));
}

#[test]
fn helmholtz_energy_swept() {
    let (energy, x) = loops::helmholtz_energy(20);
    both!(|x: &[Var]| energy.energy(x), x);
}

#[test]
fn lennard_jones_swept() {
    both!(|x: &[Var]| loops::lennard_jones(x), loops::grid()[..36].to_vec());
}

#[test]
fn branches_swept() {
    both!(|x: &[Var]| loops::branches(x), loops::sines(40));
}

#[test]
fn rows_of_every_kind_swept() {
    let f = |x: &[Var]| {
        let (a, b, c) = (x[0], x[1], x[2]);
        let one = a.max(b) + a.min(c) * c.abs() + b.clamp(-0.4, 0.9).relu() + (a * 3.0).floor() * b + c.softplus();
        let two = (a + 2.0).pow(b) + b.atan2(a + 3.0) + b.hypot(c) + (2.0 - a).sqrt().recip() - (c / (b + 4.0)).tanh();
        let three = a.less(b).select(a.sin(), (b - 5.0).ln()) + (a + 3.0).powi(-3) + (b * 0.3).asin() + c.erf();
        one * two - three.sigmoid() / (a.square() + 1.0) + (c.exp() * a).gradient(a) * b
    };
    both!(f, vec![0.3, 0.7, -0.6]);
}

#[test]
fn arithmetic_with_numbers_on_either_side_swept() {
    let f = |x: &[Var]| {
        let mut sum = x[0] * x[1];
        for c in [0.5, -1.25, 3.0] {
            sum += (x[0] + c) * (c + x[1]) + (x[1] - c) * (c - x[2]) + (x[2] * c) * (c * x[0]);
            sum += (x[0] / c).sin() + c / (x[1] + 5.0);
        }
        sum
    };
    both!(f, vec![0.3, 0.7, -0.6]);
}

/// An expression of random rows and branches over the point.
fn random<S: Real + Copy>(program: &[(u8, u8, u8)], x: &[S]) -> S {
    let mut values: Vec<S> = x.to_vec();
    for &(op, i, j) in program {
        let (a, b) = (values[i as usize % values.len()], values[j as usize % values.len()]);
        // Every value stays within a few units, so that rounding does.
        let next = match op % 12 {
            0 => a + b,
            1 => a - b,
            2 => (a * b).tanh(),
            3 => a.sin() * 0.5,
            4 => (a - b) / (b * b + 1.0),
            5 => (a * a + 1.0).sqrt(),
            6 => {
                if a < b {
                    a.cos()
                } else {
                    b * 0.5
                }
            }
            7 => {
                if a * b >= 0.1 {
                    a - 1.0
                } else {
                    b + 0.25
                }
            }
            8 => (a * a + 0.5).ln(),
            9 => -a,
            10 => a.less(b).select(a * 0.3, b),
            _ => (a * 0.25).exp() - 1.0,
        };
        values.push(if op % 2 == 0 { next.tanh() } else { next.sin() });
    }
    values.iter().copied().reduce(|a, b| a + b * 0.7).expect("the point has entries")
}

quickcheck! {
    fn random_closures_swept(program: Vec<(u8, u8, u8)>, seed: u8) -> bool {
        let program = &program[..program.len().min(40)];
        let x: Vec<f64> = (0..4).map(|i| 0.9 * (0.7 * f64::from(i) + f64::from(seed)).sin()).collect();
        let f = |x: &[Var]| random(program, x);
        // Forty functions of functions may each stretch differences of the last place a little.
        check(f, &x, 1e-8);
        check(f, &x.iter().map(|&x| x as f32).collect::<Vec<f32>>(), 5e-2);
        true
    }

    fn kept_traces_follow_the_branches(program: Vec<(u8, u8, u8)>, seeds: Vec<u8>) -> bool {
        let program = &program[..program.len().min(30)];
        let swept = Function::new(|x: &[Var]| random(program, x));
        seeds.iter().take(12).all(|&seed| {
            let x: Vec<f64> = (0..4).map(|i| (0.7 * f64::from(i) + 0.4 * f64::from(seed)).sin()).collect();
            let expected = random(program, &x);
            (swept.value(&x).unwrap() - expected).abs() <= 1e-12 * expected.abs().max(1.0)
        })
    }
}

#[test]
fn a_flipped_branch_is_traced_again_and_both_traces_are_kept() {
    let traced = AtomicUsize::new(0);
    let f = Function::new(|x: &[Var]| {
        traced.fetch_add(1, Ordering::Relaxed);
        if x[0] < x[1] { x[0].exp() * x[1] } else { x[1].sin() - x[0] }
    });
    let points = [vec![0.1, 0.5], vec![0.7, 0.2]];
    for _ in 0..3 {
        for (x, expected) in points.iter().zip([[0.1_f64.exp() * 0.5, 0.1_f64.exp()], [-1.0, 0.2_f64.cos()]]) {
            assert_eq!(f.gradient(x).unwrap(), expected);
        }
    }
    assert_eq!(traced.load(Ordering::Relaxed), 2);
    assert_eq!(f.variant_count(), 2);
}

#[test]
fn a_point_specific_trace_is_swept_always() {
    let f = Function::new(|x: &[Var]| x[0] * x[0].value() + x[1].square());
    for i in 0..2000 {
        let x = vec![f64::from(i), 1.0];
        assert_eq!(f.gradient(&x).unwrap(), [f64::from(i), 2.0]);
    }
    assert_eq!(f.variant_count(), 0);
    let swept = f.explain(&vec![1.0, 2.0]).unwrap().swept.expect("scalars are swept");
    assert!(swept.contains("every call"), "{swept}");
}

#[test]
fn a_program_takes_over_after_many_sweeps() {
    let f = Function::new(|x: &[Var]| rosenbrock(x));
    let x = loops::sines(20);
    let first = f.gradient(&x).unwrap();
    let due = |f: &Function<'_, [Var]>| -> usize {
        let swept = f.explain(&x).unwrap().swept.unwrap();
        let (_, rest) = swept.split_once("gradient 1 of ").expect("swept once");
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let due = due(&f);
    let g = Function::new(|x: &[Var]| rosenbrock(x));
    for _ in 0..due + 5 {
        assert!(difference(&g.gradient(&x).unwrap(), &first) < 1e-13);
    }
    let swept = g.explain(&x).unwrap().swept.unwrap();
    assert!(swept.contains(&format!("gradient {due} of {due}")), "{swept}");
}

#[test]
fn a_prepared_function_is_not_swept() {
    let f = Function::new(|x: &[Var]| rosenbrock(x));
    let x = loops::sines(5);
    f.prepare(&x).unwrap();
    f.gradient(&x).unwrap();
    f.hvp(&x, &x).unwrap();
    let swept = f.explain(&x).unwrap().swept.unwrap();
    assert!(swept.contains("gradient 0 of") && swept.contains("product 0 of"), "{swept}");
}

#[test]
fn closures_of_arrays_are_not_swept() {
    let f = Function::new(|x: &Var| x.square().sum());
    assert_eq!(f.explain(&ndarray::arr1(&[1.0, 2.0])).unwrap().swept, None);
}

/// Entries of a matrix and of data, read one by one, with a branch on each row.
fn by_entries(x: Var, data: &(Var, Var), rows: usize) -> Var {
    let mut sum = data.1 * 0.5;
    for i in 0..rows {
        let row = x.at(i);
        let product = row.at(0) * row.at(1) - data.0.at(i);
        sum += if product > 0.0 { product.sin() } else { product.square() * row.at(2) };
    }
    sum
}

#[test]
fn entries_of_arrays_are_swept() {
    for rows in [4, 40] {
        let x = ndarray::Array2::from_shape_fn((rows, 3), |(i, j)| (1.3 * (3 * i + j) as f64 + 0.4).sin());
        let v = ndarray::Array2::from_shape_fn((rows, 3), |(i, j)| (0.7 * (3 * i + j) as f64).cos());
        let data = (ndarray::Array1::from_shape_fn(rows, |i| 0.3 * (i as f64).cos()), 0.25);
        let make = || Function::with_data(move |x: &Var, data: &(Var, Var)| by_entries(*x, data, rows), &data);
        let (swept, program) = (make(), make());
        program.prepare(&x).unwrap();
        let expected: f64 = (0..rows)
            .map(|i| {
                let product = x[[i, 0]] * x[[i, 1]] - data.0[i];
                if product > 0.0 { product.sin() } else { product * product * x[[i, 2]] }
            })
            .sum::<f64>()
            + 0.125;
        assert!((swept.value(&x).unwrap() - expected).abs() < 1e-13);
        for _ in 0..2 {
            let flat = |m: ndarray::Array2<f64>| m.into_iter().collect::<Vec<f64>>();
            let close = |a: Vec<f64>, b: Vec<f64>| assert!(difference(&a, &b) < 1e-13, "{a:?} {b:?}");
            close(flat(swept.gradient(&x).unwrap()), flat(program.gradient(&x).unwrap()));
            close(flat(swept.hvp(&x, &v).unwrap()), flat(program.hvp(&x, &v).unwrap()));
            close(vec![swept.jvp(&x, &v).unwrap()[[]]], vec![program.jvp(&x, &v).unwrap()[[]]]);
            let series = |f: &Function<'_, Var, Var, (Var, Var)>| -> Vec<f64> {
                f.taylor(&x, &v, 3).unwrap().into_iter().map(|c| c[[]]).collect()
            };
            close(series(&swept), series(&program));
        }
        let told = swept.explain(&x).unwrap().swept.expect("entries are scalars");
        assert!(told.contains("gradient 2 of") && told.contains("product 2 of"), "{told}");
    }
}

#[test]
fn few_entries_of_large_arrays_are_not_swept() {
    let f = Function::new(|x: &Var| x.at(3) * x.at(5));
    assert_eq!(f.explain(&ndarray::Array1::<f64>::ones(1000)).unwrap().swept, None);
    assert!(f.explain(&ndarray::Array1::<f64>::ones(6)).unwrap().swept.is_some());
    // What reads whole rows too is a program.
    let g = Function::new(|x: &Var| x.at(0) * x.at(1) + x.sum());
    assert_eq!(g.explain(&ndarray::Array1::<f64>::ones(4)).unwrap().swept, None);
}

#[test]
fn literals_are_shared_but_named_constants_are_not() {
    // Each constant that the closure names is a variable of its own, which it may differentiate by.
    let f = Function::new(|x: &Var| {
        let (a, b) = (Var::from(2.0), Var::from(2.0));
        (a * b * *x + 2.0 * *x).gradient(a)
    });
    assert_eq!(f.value(&3.0).unwrap(), 6.0);
    let g = Function::new(|x: &[Var]| x.iter().map(|x| 100.0 * (x * 100.0 - 1.0)).sum::<Var>() - 1.0);
    let constants = g.explain(&vec![0.5; 10]).unwrap().graph;
    let literal = |id: &autodiff_core::graph::NodeId| {
        matches!(constants.operation(*id), autodiff_core::graph::Operation::Constant(_))
    };
    assert_eq!(constants.ids().filter(literal).count(), 2);
}

#[test]
fn numbers_in_assignments_and_methods_are_one_constant() {
    let f = Function::new(|x: &[Var]| {
        let mut sum = x[0];
        for &x in x {
            let mut y = x.max(2.0);
            y *= 2.0;
            y += 2.0;
            y -= 2.0;
            y /= 2.0;
            sum += y.pow(2.0) * x.less(2.0).select(2.0, x);
        }
        sum
    });
    let graph = f.explain(&vec![0.5; 3]).unwrap().graph;
    assert_eq!(graph.to_string().matches("= constant").count(), 2, "{graph}");
}

#[test]
fn singular_points_agree_with_programs() {
    // √x at 0 has slope ∞, and 0·∞ is NaN where no select discards it; a dead node is not looked at.
    let f = |x: &[Var]| {
        let _dead = x[1].sqrt();
        x[0].sqrt() * 0.0 + x[1]
    };
    let (swept, program) = (Function::new(f), Function::new(f));
    program.prepare(&vec![0.0, 0.0]).unwrap();
    let (a, b) = (swept.gradient(&vec![0.0, 0.0]).unwrap(), program.gradient(&vec![0.0, 0.0]).unwrap());
    assert_eq!(difference(&a, &b), 0.0, "{a:?} {b:?}");
    let g = |x: &[Var]| x[0].greater(0.0).select(x[0].ln(), x[0] * 2.0);
    assert_eq!(Function::new(g).gradient(&vec![-1.0]).unwrap(), [2.0]);
    assert_eq!(Function::new(g).hvp(&vec![0.0], &vec![1.0]).unwrap(), [0.0]);
}

#[test]
fn a_cotangent_of_minus_zero_is_no_absent_one() {
    // 0 times an infinite slope is NaN, whatever the sign of the zero.
    let f = |x: &[Var]| -(x[0] * x[1].sqrt());
    let program = Function::new(f);
    program.prepare(&vec![0.0_f64, 0.0]).unwrap();
    let (a, b) =
        (Function::new(f).gradient(&vec![0.0_f64, 0.0]).unwrap(), program.gradient(&vec![0.0_f64, 0.0]).unwrap());
    assert!(a[1].is_nan() && b[1].is_nan(), "{a:?} {b:?}");
}

#[test]
fn explaining_changes_neither_later_calls_nor_what_is_told() {
    let rolled = |x: &[Var]| rosenbrock(x);
    let alone = |x: &[Var]| (0..40).fold(x[0], |y, i| if i % 2 == 0 { y.sin() } else { y.exp() * x[1] });
    for (f, n) in [(&rolled as &(dyn Fn(&[Var]) -> Var + Sync), 60), (&alone, 2)] {
        let (explained, other) = (Function::new(f), Function::new(f));
        let x = loops::sines(n);
        let told = |f: &Function<'_, [Var]>| f.explain(&x).unwrap().swept.unwrap();
        for call in 0..120 {
            let before = told(&explained);
            assert_eq!(before, told(&explained), "call {call}");
            assert!(n == 2 || call > 30 || before.contains(&format!("gradient {call} of")), "{before}");
            let bits = |f: &Function<'_, [Var]>| -> Vec<u64> {
                let (value, gradient) = f.value_and_gradient(&x).unwrap();
                let product = f.hvp(&x, &x).unwrap();
                [vec![value], gradient, product].concat().into_iter().map(f64::to_bits).collect()
            };
            assert_eq!(bits(&explained), bits(&other), "call {call}");
        }
        assert_eq!(told(&explained), told(&other));
    }
}

#[test]
fn a_direction_that_is_zero_where_a_partial_is_infinite() {
    // √x₀ + x₁ at (0, 1), where x₀ does not move: sweeps take the zero as strong, as dual numbers do, programs by IEEE arithmetic.
    let f = |x: &[Var]| x[0].sqrt() + x[1];
    let (x, v) = (vec![0.0_f64, 1.0], vec![0.0, 1.0]);
    let (swept, program) = (Function::new(f), Function::new(f));
    program.prepare(&x).unwrap();
    let dual = Dual::new(0.0_f64, 0.0).sqrt() + Dual::new(1.0, 1.0);
    assert_eq!((swept.jvp(&x, &v).unwrap()[[]], dual.tangent), (1.0, 1.0));
    assert_eq!(swept.taylor(&x, &v, 1).unwrap()[1][[]], 1.0);
    assert!(program.jvp(&x, &v).unwrap()[[]].is_nan());
    assert!(program.taylor(&x, &v, 1).unwrap()[1][[]].is_nan());
    // Products and quotients are by IEEE arithmetic in both.
    let g = |x: &[Var]| (x[0] * 1e308) * (x[1] * 1e308) + x[0] / x[2];
    let (x, v) = (vec![1.0, 10.0, 0.0], vec![0.0, 0.0, 1.0]);
    let (swept, program) = (Function::new(g), Function::new(g));
    program.prepare(&x).unwrap();
    assert_eq!(difference(&[swept.jvp(&x, &v).unwrap()[[]]], &[program.jvp(&x, &v).unwrap()[[]]]), 0.0);
    // A Jacobian by columns is of tangents, one by rows of cotangents, where the two agree.
    let tall = |x: &[Var]| (x[0].sqrt(), x[1] * 2.0, x[0] + x[1]);
    let wide = |x: &[Var]| (x[0].sqrt() + x[1], x[1] * 2.0);
    let x = vec![0.0_f64, 1.0];
    let (swept, program) = (Function::new(tall), Function::new(tall));
    program.prepare(&x).unwrap();
    let inf = f64::INFINITY;
    assert_eq!(swept.jacobian(&x).unwrap().into_raw_vec_and_offset().0, [inf, 0.0, 0.0, 2.0, 1.0, 1.0]);
    assert!(program.jacobian(&x).unwrap()[[0, 1]].is_nan());
    let (swept, program) = (Function::new(wide), Function::new(wide));
    program.prepare(&x).unwrap();
    let entries = |f: &Function<'_, [Var], (Var, Var)>| f.jacobian(&x).unwrap().into_raw_vec_and_offset().0;
    assert_eq!(difference(&entries(&swept), &entries(&program)), 0.0, "{:?}", entries(&swept));
    // So they do for cotangents of 0 of either sign.
    for w in [0.0, -0.0] {
        let w = (ndarray::arr0(w).into_dyn(), ndarray::arr0(1.0).into_dyn());
        let (a, b) = (swept.vjp(&x, &w).unwrap(), program.vjp(&x, &w).unwrap());
        assert!(a[0].is_nan() && b[0].is_nan() && a[1] == 2.0 && b[1] == 2.0, "{a:?} {b:?}");
    }
}

/// A constant factor or divisor has no derivative that could meet an infinite value.
#[test]
fn constant_factors_keep_slopes_at_infinity() {
    for (g, slope) in [(|x: &[Var]| x[0] * 4.0) as fn(&[Var]) -> Var, |x| 4.0 * x[0], |x| x[0] / 0.25, |x| x[0] - 1.0]
        .into_iter()
        .zip([4.0, 4.0, 4.0, 1.0])
    {
        for x in [f64::INFINITY, f64::NAN] {
            let (swept, program) = (Function::new(g), Function::new(g));
            program.prepare(&vec![x]).unwrap();
            for f in [&swept, &program] {
                assert_eq!(f.jvp(&vec![x], &vec![0.5]).unwrap()[[]], 0.5 * slope);
                assert_eq!(f.taylor(&vec![x], &vec![0.5], 2).unwrap()[1][[]], 0.5 * slope);
                assert_eq!(f.gradient(&vec![x]).unwrap(), [slope]);
            }
        }
    }
}

/// Nor one that could meet an infinite slope.
#[test]
fn constant_factors_keep_infinite_slopes() {
    let inf = f64::INFINITY;
    for (name, g) in [
        ("behind", (|x: &[Var]| x[0].sqrt() * 4.0) as fn(&[Var]) -> Var),
        ("in front", |x| 4.0 * x[0].sqrt()),
        ("below the root", |x| (x[0] * 4.0).sqrt()),
        ("in front below the root", |x| (4.0 * x[0]).sqrt()),
        ("divisor", |x| (x[0] / 4.0).sqrt() / 0.25),
        ("not known to be a number", |x| (x[0] / Var::from(4.0)).sqrt() / Var::from(0.25)),
    ] {
        let (x, v) = (vec![0.0], vec![1.0]);
        let (swept, program) = (Function::new(g), Function::new(g));
        program.prepare(&x).unwrap();
        for f in [&swept, &program] {
            let series: Vec<f64> = f.taylor(&x, &v, 3).unwrap().iter().map(|c| c[[]]).collect();
            assert_eq!(series, [0.0, inf, -inf, inf], "{name}");
            assert_eq!(f.hvp(&x, &v).unwrap(), [-inf], "{name}");
        }
    }
}

/// The sign of a zero is the same one, swept or compiled: `atan2` and 1/x tell the two apart.
#[test]
fn zeros_keep_their_signs() {
    for (name, g, value) in [
        ("0 - x", (|x: &[Var]| (0.0 - x[0]).recip()) as fn(&[Var]) -> Var, f64::INFINITY),
        ("-x + 0", |x| (-x[0] + 0.0).recip(), f64::INFINITY),
        ("0 + -x", |x| (0.0 + -x[0]).recip(), f64::INFINITY),
        ("-x - 0", |x| (-x[0] - 0.0).recip(), f64::NEG_INFINITY),
        ("-0 - x", |x| (-0.0 - x[0]).recip(), f64::NEG_INFINITY),
        ("angle", |x| x[0].atan2(0.0 - x[0]), 0.0),
    ] {
        let (swept, program) = (Function::new(g), Function::new(g));
        program.prepare(&vec![0.0]).unwrap();
        assert_eq!((swept.value(&vec![0.0]).unwrap(), program.value(&vec![0.0]).unwrap()), (value, value), "{name}");
    }
    // So many that they are rolled.
    let angles = |x: &[Var]| x.iter().map(|&x| x.atan2(0.0 - x)).sum::<Var>();
    let program = Function::new(angles);
    program.prepare(&vec![0.0; 30]).unwrap();
    assert_eq!(program.value(&vec![0.0; 30]).unwrap(), 0.0);
}

/// A number that is detached keeps a loop of scalars one: it is swept, rolled, and has no derivative in either.
#[test]
fn detached_scalars_are_swept_and_rolled() {
    let g = |x: &[Var]| x.iter().map(|&x| x.sin().detach() * x.square()).sum::<Var>();
    let x: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.1 - 2.0).collect();
    let expected: Vec<f64> = x.iter().map(|x| 2.0 * x * x.sin()).collect();
    let (swept, program) = (Function::new(g), Function::new(g));
    program.prepare(&x).unwrap();
    for f in [&swept, &program] {
        assert!(difference(&f.gradient(&x).unwrap(), &expected) < 1e-15);
        let curved: Vec<f64> = x.iter().map(|x| 2.0 * x.sin()).collect();
        assert!(difference(&f.hvp(&x, &vec![1.0; 50]).unwrap(), &curved) < 1e-15);
    }
    let explained = program.explain(&x).unwrap();
    assert!(explained.swept.is_some() && explained.unrolled.is_none(), "{explained}");
    assert_eq!(explained.value.instructions, 1, "{explained}");
}
