//! Strong zeros: a branch that a `select` discards leaves no trace in any derivative, whatever its numbers are.

use autodiff_core::Function;
use autodiff_core::function::Mode;
use autodiff_core::graph::Var;
use autodiff_core::real::Row;

/// Where values and partials are zero, infinite or undefined.
const SPECIAL: [f64; 7] = [0.0, 1.0, -1.0, 800.0, -800.0, f64::INFINITY, f64::NAN];

/// What the discarded branch makes of a row: its value is multiplied, divided and divided by.
const FORMS: [(&str, fn(Var, Var) -> Var); 4] =
    [("r", |r, _| r), ("r·x", |r, x| r * x), ("r/x", |r, x| r / x), ("x/r", |r, x| x / r)];

/// Every list of `n` special numbers.
fn points(n: usize) -> Vec<Vec<f64>> {
    (0..SPECIAL.len().pow(n as u32))
        .map(|i| (0..n).map(|place| SPECIAL[i / SPECIAL.len().pow(place as u32) % SPECIAL.len()]).collect())
        .collect()
}

/// Derivatives of every mode at a point, by name.
fn derivatives(f: &Function<'_, [Var]>, x: &Vec<f64>) -> Vec<(&'static str, Vec<f64>)> {
    let v = vec![1.0; x.len()];
    let scalars = |list: Vec<ndarray::ArrayD<f64>>| list.iter().map(|c| c[[]]).collect::<Vec<f64>>();
    vec![
        ("tangent", scalars(vec![f.jvp(x, &v).unwrap()])),
        ("gradient", f.gradient(x).unwrap()),
        ("reverse over forward", f.hvp_by(Mode::ReverseOverForward, x, &v).unwrap()),
        ("forward over reverse", f.hvp_by(Mode::ForwardOverReverse, x, &v).unwrap()),
        ("coefficients", scalars(f.taylor(x, &v, 3).unwrap()[1..].to_vec())),
        ("gradients of coefficients", f.taylor_gradients(x, &v, 2).unwrap().concat()),
    ]
}

#[test]
fn discarded_rows_leave_no_trace() {
    let mut wrong = Vec::new();
    for &row in Row::ALL {
        for (form, build) in FORMS {
            // x[0] = 0 is the mask.
            let f = Function::new(move |x: &[Var]| x[0].select(build(row.apply(&x[1..]), x[1]), 0.0));
            for point in points(row.arity()) {
                let x = [&[0.0], point.as_slice()].concat();
                for (mode, found) in derivatives(&f, &x) {
                    if found.iter().any(|&d| d != 0.0) {
                        wrong.push(format!("{} as {form} at {point:?}, {mode}: {found:?}", row.name()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}
