//! Bad input gets a clear error, and what comes after works.

use autodiff_core::trace::Session;
use autodiff_core::{Error, Function, Precision, Shape, Var, gradient, sum_over};
use ndarray::{Array1, Array2, arr1, arr2};

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("an error is expected").to_string()
}

#[test]
fn a_shape_error_names_operation_shapes_and_line() {
    let f = Function::new(|(a, b): &(Var, Var)| a.matmul(*b).sum());
    let x = (Array2::<f64>::zeros((3, 4)), Array2::zeros((5, 4)));
    let line = line!() - 2;
    let text = message(f.value(&x));
    assert!(
        text.starts_with("matmul: inner axes differ: [3, 4] · [5, 4] (transpose the second operand?) at "),
        "{text}"
    );
    assert!(text.contains(&format!("errors.rs:{line}:")), "{text}");
    // The same function works on arguments that fit.
    assert_eq!(f.value(&(Array2::<f64>::ones((3, 4)), Array2::ones((4, 2)))).unwrap(), 24.0);
}

#[test]
fn operators_name_their_shapes() {
    let two = || (arr1(&[1.0, 2.0]), arr1(&[1.0, 2.0, 3.0]));
    let text = message(Function::new(|(a, b): &(Var, Var)| (a + b).sum()).value(&two()));
    assert!(text.starts_with("add: shapes [[2], [3]] do not broadcast"), "{text}");
    let text = message(Function::new(|(a, _): &(Var, Var)| a.sum_axes(&[1])).evaluate(&two()));
    assert!(text.contains("axis 1 is out of range for shape [2]"), "{text}");
    let text = message(Function::new(|(a, _): &(Var, Var)| a.reshape(&[3])).evaluate(&two()));
    assert!(text.contains("shape [2] has 2 entries, [3] has 3"), "{text}");
    let text = message(Function::new(|(a, _): &(Var, Var)| a.at(5)).evaluate(&two()));
    assert!(text.contains("index 5 is outside"), "{text}");
    let text = message(Function::new(|(a, _): &(Var, Var)| if a > a { *a } else { a * 2.0 }).evaluate(&two()));
    assert!(text.contains("a branch needs scalars, found an array of shape [2]"), "{text}");
}

#[test]
fn only_the_first_error_is_reported_and_nothing_panics_after_it() {
    let f = Function::new(|x: &Var| {
        let bad = x.matmul(*x); // [2, 3] · [2, 3]
        let more = bad.t().softmax(1).slice(0, 1..2).at(0).conv2d(bad, Default::default()).solve(bad);
        (more.max_axis(0) + bad.variance_axes(&[0]).norm()).gradient(bad).laplacian(*x).sum()
    });
    assert!(message(f.value(&Array2::<f64>::zeros((2, 3)))).starts_with("matmul: inner axes differ"));
}

#[test]
fn a_closure_that_trips_over_a_missing_shape_reports_the_operation() {
    let f = Function::new(|x: &Var| {
        let bad = x.reshape(&[7]);
        let length = bad.shape()[0]; // a variable that went wrong has no axes: this panics
        bad.sum() / length as f64
    });
    assert!(message(f.value(&arr1(&[1.0, 2.0]))).starts_with("reshape: "));
}

#[test]
fn scalar_operators_need_one_scalar() {
    let f = Function::new(|x: &Var| x * 2.0);
    let text = message(f.gradient(&arr1(&[1.0, 2.0])));
    assert_eq!(text, "gradient needs a closure that returns one scalar, found outputs of shapes [[2]]");
    assert!(matches!(f.hvp(&arr1(&[1.0]), &arr1(&[1.0])), Err(Error::NotScalar { operator: "hvp", .. })));
    assert!(matches!(f.value(&arr1(&[1.0])), Err(Error::NotScalar { operator: "value", .. })));
    let pair = Function::new(|x: &Var| (*x, *x));
    assert!(matches!(pair.laplacian(&1.0), Err(Error::NotScalar { .. })));
}

#[test]
fn directions_must_have_the_structure_of_the_point() {
    let f = Function::new(|x: &[Var]| x[0] * x[1]);
    let text = message(f.hvp(&vec![1.0, 2.0], &vec![1.0]));
    assert_eq!(text, "hvp: v has leaves of shapes [[]], expected [[], []]");
    assert!(matches!(f.taylor(&vec![1.0, 2.0], &vec![1.0], 3), Err(Error::Structure { .. })));
    let g = Function::new(|x: &Var| x.sum());
    assert!(matches!(g.vjp(&arr1(&[1.0, 2.0]), &arr1(&[1.0]).into_dyn()), Err(Error::Structure { argument: "w", .. })));
    let flat = f.flat(&vec![1.0, 2.0]);
    assert_eq!(message(flat.value(&[1.0])), "value: x has length 1, expected 2");
    let at = f.linearize(&vec![1.0, 2.0]).unwrap();
    assert!(matches!(at.hvp(&[1.0], &mut [0.0, 0.0]), Err(Error::Length { expected: 2, found: 1, .. })));
    assert!(matches!(at.hvps(&[1.0, 2.0, 3.0], &mut [0.0; 3]), Err(Error::Length { .. })));
}

#[test]
fn gauss_newton_needs_a_marked_prediction() {
    let f = Function::new(|x: &[Var]| x[0].square());
    assert!(message(f.ggn_product(&vec![1.0], &vec![1.0])).contains("prediction()"));
}

#[test]
fn an_index_outside_its_axis_is_an_error_at_run_time() {
    let f = Function::with_data(|z: &Var, y: &Var| z.softmax_cross_entropy(*y).mean(), &arr1(&[0_usize, 2]));
    let z = arr2(&[[1.0, 2.0], [3.0, 4.0]]);
    let text = message(f.gradient(&z));
    assert_eq!(text, "take_along: index 2 at position 1 is not below the length 2 of the axis");
    assert!(f.with(&arr1(&[0_usize, 1])).gradient(&z).is_ok());
    // Not a whole number.
    let g = Function::with_data(|x: &Var, i: &Var| x.gather(0, *i).sum(), &arr1(&[0.5]));
    assert!(matches!(g.value(&arr1(&[1.0, 2.0])), Err(Error::Index { index: 0.5, .. })));
}

#[test]
fn large_indices_need_double_precision() {
    let f = Function::with_data(|x: &Var, i: &Var| x * i, &((1_usize << 24) + 1));
    assert_eq!(f.value(&2.0_f64).unwrap(), 2.0 * f64::from((1 << 24) + 1));
    assert!(matches!(f.value(&2.0_f32), Err(Error::InexactIndex { index: 16_777_217 })));
}

#[test]
fn variables_of_another_trace_are_refused() {
    let outer = Function::new(|x: &Var| {
        let x = *x;
        // A one-off gradient inside the closure has its own trace, in which x means nothing.
        let inner = gradient(move |y: &Var| y * x, &1.0);
        assert!(matches!(inner, Err(Error::ForeignVariable { .. })), "{inner:?}");
        // What is meant is the derivative on the same tape.
        (x * x).gradient(x)
    });
    assert_eq!(outer.value(&3.0).unwrap(), 6.0);

    let leaked = std::sync::Mutex::new(None);
    let f = Function::new(|x: &Var| {
        *leaked.lock().unwrap() = Some(*x);
        x * 2.0
    });
    f.value(&1.0).unwrap();
    let stale = leaked.lock().unwrap().unwrap();
    for ask in [|x: Var| x.value(), |x: Var| f64::from(x > 0.0)] {
        let asked = std::panic::catch_unwind(|| ask(stale)).expect_err("outside its closure a variable has no number");
        assert!(asked.downcast_ref::<String>().unwrap().contains("outside of its closure"));
    }
    assert_eq!((stale + 1.0).shape(), Shape::scalar());
    let g = Function::new(move |x: &Var| x * stale);
    assert!(message(g.value(&1.0)).contains("belongs to another trace"));
}

#[test]
fn traces_nest() {
    // A function called with numbers inside another one's closure, and itself recursively.
    let inner = Function::new(|x: &Var| x.powi(3));
    let outer = Function::new(|x: &Var| x * inner.gradient(&2.0).unwrap());
    assert_eq!(outer.gradient(&1.0).unwrap(), 12.0);
    fn factorial(n: usize) -> f64 {
        Function::new(move |x: &Var| if n == 0 { *x } else { x * (n as f64) * factorial(n - 1) }).value(&1.0).unwrap()
    }
    assert_eq!(factorial(5), 120.0);
}

#[test]
fn a_closure_that_panics_leaves_the_next_trace_unharmed() {
    let f = Function::new(|x: &Var| {
        let y = x.sin();
        assert!(x.rank() != 1, "not for vectors");
        y
    });
    let vector: Array1<f64> = arr1(&[1.0]);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.evaluate(&vector)));
    assert!(caught.is_err());
    assert_eq!(f.gradient(&0.0).unwrap(), 1.0);
    // A session that is forgotten by a panic inside another takes nothing along.
    let session = Session::open(Precision::Double);
    let x = session.input(Shape::scalar());
    let _ = std::panic::catch_unwind(|| {
        let _inner = Session::open(Precision::Double);
        panic!("midway");
    });
    let y = x.sin();
    assert!(session.close(&[y]).is_ok());
}

#[test]
fn threads_trace_at_the_same_time() {
    let f = Function::new(|x: &[Var]| x.iter().map(|x| x.sin() * x.square()).sum::<Var>());
    let expected = f.gradient(&vec![0.3; 50]).unwrap();
    let fresh = Function::new(|x: &[Var]| x.iter().map(|x| x.sin() * x.square()).sum::<Var>());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(fresh.gradient(&vec![0.3; 50]).unwrap(), expected);
                        assert_eq!(gradient(|x: &Var| x.exp(), &0.0).unwrap(), 1.0);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
    });
}

#[test]
fn empty_inputs_work() {
    let f = Function::new(|x: &[Var]| x.iter().map(|x| x.square()).sum::<Var>());
    let none: Vec<f64> = Vec::new();
    assert_eq!(f.value(&none).unwrap(), 0.0);
    assert!(f.gradient(&none).unwrap().is_empty());
    assert_eq!(f.hessian(&none).unwrap().dim(), (0, 0));
    assert_eq!(f.laplacian(&none).unwrap(), 0.0);
    let g = Function::new(|x: &Var| x.sum());
    assert_eq!(g.gradient(&Array1::<f64>::zeros(0)).unwrap().len(), 0);
    assert!(message(Function::new(|x: &Var| x.max_axis(0)).evaluate(&Array1::<f64>::zeros(0))).contains("is empty"));
    let m = Function::new(|(a, b): &(Var, Var)| a.matmul(*b).sum());
    assert_eq!(m.value(&(Array2::<f64>::zeros((2, 0)), Array2::zeros((0, 3)))).unwrap(), 0.0);
}

#[test]
fn nan_is_data_and_can_be_traced_to_its_line() {
    let f = Function::new(|x: &[Var]| {
        let y = x[0] - 2.0;
        let z = y.ln();
        z * x[1]
    });
    let line = line!() - 3;
    let x = vec![1.0_f64, 3.0];
    assert!(f.value(&x).unwrap().is_nan());
    let found = f.find_non_finite(&x).unwrap().unwrap();
    assert_eq!(found.operation, "ln");
    assert!(found.to_string().contains(&format!("errors.rs:{line}:")), "{found}");
    assert_eq!(f.find_non_finite(&vec![3.0, 3.0]).unwrap(), None);
    // A NaN of the input is the input's.
    let found = f.find_non_finite(&vec![f64::NAN, 1.0]).unwrap().unwrap();
    assert_eq!((found.operation, found.place), ("input", None));
    assert!(f.gradient(&vec![f64::NAN, 1.0]).unwrap()[0].is_nan());
}

#[test]
fn graph_text_errors_name_their_line() {
    use autodiff_core::graph::Graph;
    let parse = |text: &str| text.parse::<Graph>().expect_err("not a graph").to_string();
    assert_eq!(parse("graph {\n  %0 = frobnicate : []\n}"), "graph text, line 2: unknown operation `frobnicate`");
    assert!(parse("%0 = sin %3 : []").contains("%3 is not defined before its use"));
    assert!(parse("%0 = input : [2]\n%1 = sin %0 : [3]").contains("gives shape [2], the text says [3]"));
    assert!(parse("%5 = input : []").contains("expected %0"));
    assert!(parse("%0 = input : [2]\nguard %0 = 1").contains("a guard is a scalar"));
}

#[test]
fn sizes_beyond_memory_are_refused() {
    let x = arr1(&[1.0, 2.0]);
    assert!(message(Function::new(|x: &Var| x.reshape(&[usize::MAX, 2])).evaluate(&x)).contains("reshape"));
    assert!(message(Function::new(|x: &Var| x.broadcast_to(&[usize::MAX, 2])).evaluate(&x)).contains("memory"));
    assert_eq!(Function::new(|x: &Var| x.slice(0, 1..=1)).evaluate(&x).unwrap().len(), 1);
    assert!(message(Function::new(|x: &Var| x.slice(0, 0..=usize::MAX)).evaluate(&x)).contains("does not fit"));
    let text =
        format!("%0 = input : [3]\n%1 = slice{{axis=[0], start=[{0}], step=[{0}], count=[3]}} %0 : [3]", i64::MAX);
    assert!(text.parse::<autodiff_core::graph::Graph>().is_err());
    assert!("%0 = hole : []".parse::<autodiff_core::graph::Graph>().is_err());
}

#[test]
fn composed_functions_name_themselves_and_the_users_line() {
    let x = (arr1(&[1.0, 2.0]), arr1(&[1.0, 2.0, 3.0]));
    let text = message(Function::new(|(a, b): &(Var, Var)| a.max(*b)).evaluate(&x));
    assert!(text.starts_with("max: shapes [2] and [3]") && text.contains("errors.rs:"), "{text}");
    let text = message(Function::new(|(a, b): &(Var, Var)| [*a, *b].iter().sum::<Var>()).evaluate(&x));
    // The line is that of the standard library's loop, which does not pass its caller on.
    assert!(text.starts_with("add: shapes [[2], [3]]"), "{text}");
    let text = message(Function::new(|(a, _): &(Var, Var)| a.reshape(&[2, 2]).powi(3)).evaluate(&x));
    assert!(text.starts_with("reshape: ") && text.contains("errors.rs:"), "{text}");
}

/// A loop that ends when a comparison holds.
fn root(a: Var) -> Var {
    let mut y = a;
    for _ in 0..100_000 {
        let next = (y + a / y) * 0.5;
        if (next - y).abs() < 1e-12 {
            return next;
        }
        y = next;
    }
    panic!("the loop does not end");
}

#[test]
fn a_loop_that_waits_for_a_refused_branch_ends() {
    let f = Function::with_data(|w: &Var, x: &Var| sum_over(&[*x], |row| *w * root(row[0])), &arr1(&[4.0, 9.0]));
    assert!(message(f.value(&2.0)).contains("has no number of its own while tracing"));
    assert!(message(f.gradient(&2.0_f32)).contains("has no number of its own while tracing"));
    // Also after any other error, which is the one to report.
    let g = Function::new(|x: &Var| {
        let wrong = x.reshape(&[7]).sum();
        root(wrong)
    });
    assert!(message(g.value(&arr1(&[1.0, 2.0]))).starts_with("reshape: "));
    // A number that is read out is not waited for either.
    let h = Function::new(|x: &Var| {
        let wrong = x.reshape(&[7]).sum();
        for i in 0.. {
            assert!(i < 100_000, "the loop does not end");
            if wrong.value() > 0.0 {
                break;
            }
        }
        *x
    });
    assert!(message(h.evaluate(&arr1(&[1.0, 2.0]))).starts_with("reshape: "));
    // The thread traces as before.
    assert_eq!(gradient(|x: &Var| root(*x), &4.0).unwrap(), 0.25);
}

#[test]
fn variables_are_not_compared_on_other_threads() {
    use rayon::prelude::*;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let f = Function::new(|x: &[Var]| {
        let count = pool.install(|| x.par_iter().filter(|x| **x > 0.0).count());
        x[0] * count as f64
    });
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.value(&[1.0, 2.0, 3.0])));
    let panic = caught.expect_err("the comparison has no outcome");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("on another thread") && text.contains("errors.rs:"), "{text}");
    // A worker that traces a closure of its own is not to blame.
    let stolen = Function::new(|x: &[Var]| {
        let outer = x[0];
        let inner = pool.install(|| {
            let compared = Function::new(move |y: &Var| if outer > 0.0 { *y } else { -*y }).value(&1.0);
            let after = Function::new(|y: &Var| {
                let caught = std::panic::catch_unwind(|| outer > 0.0);
                assert!(caught.is_err());
                y * 2.0
            });
            (compared, after.value(&1.0))
        });
        assert!(matches!(inner.0, Err(Error::ForeignVariable { .. })), "{:?}", inner.0);
        assert_eq!(inner.1.unwrap(), 2.0);
        x[1]
    });
    assert_eq!(stolen.value(&[1.0, 2.0]).unwrap(), 2.0);
}
