//! A body run over rows of data computes what a loop over the rows computes.

use autodiff_core::{Error, Function, Var, map_rows, sum_over};
use ndarray::{Array1, Array2, arr1};
use testkit::counter::symmetrics;

const ROWS: usize = 37;
const INPUTS: usize = 4;

fn data() -> (Array2<f64>, Array1<f64>) {
    let x = symmetrics(1, ROWS * INPUTS).to_vec();
    (Array2::from_shape_vec((ROWS, INPUTS), x).unwrap(), symmetrics(2, ROWS))
}

/// The misfit of one sample, in scalar code: parameters first as a matrix of two rows, then two weights.
fn misfit(w: &[Var], x: Var, y: Var) -> Var {
    let mut sum = w[2 * INPUTS] * 0.5;
    for unit in 0..2 {
        let mut z = w[unit * INPUTS] * 0.1;
        for k in 0..INPUTS {
            z += w[unit * INPUTS + k] * x.at(k);
        }
        sum += w[2 * INPUTS + unit] * z.tanh();
    }
    (sum - y).square()
}

#[test]
fn a_sum_over_rows_is_the_loop_over_them_in_every_mode() {
    let data = data();
    let rows = Function::with_data(
        |w: &[Var], (x, y): &(Var, Var)| sum_over(&[*x, *y], |row| misfit(w, row[0], row[1])),
        &data,
    );
    let looped = Function::with_data(
        |w: &[Var], (x, y): &(Var, Var)| (0..ROWS).map(|i| misfit(w, x.at(i), y.at(i))).sum::<Var>(),
        &data,
    );
    let n = 2 * INPUTS + 2;
    let (w, v) = (symmetrics(3, n).to_vec(), symmetrics(4, n).to_vec());
    let close = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{a} {b}"));
    };
    close(&[rows.value(&w).unwrap()], &[looped.value(&w).unwrap()]);
    close(&rows.gradient(&w).unwrap(), &looped.gradient(&w).unwrap());
    close(&rows.hvp(&w, &v).unwrap(), &looped.hvp(&w, &v).unwrap());
    let third = |f: &Function<'_, [Var], Var, (Var, Var)>| f.taylor(&w, &v, 5).unwrap()[5].sum();
    close(&[third(&rows)], &[third(&looped)]);
}

#[test]
fn gradients_of_single_samples_add_up_to_that_of_the_sum() {
    let data = data();
    let each = Function::with_data(
        |w: &Var, (x, y): &(Var, Var)| map_rows(&[*x, *y], |row| (w.dot(row[0]).tanh() - row[1]).square().gradient(*w)),
        &data,
    );
    let sum = Function::with_data(
        |w: &Var, (x, y): &(Var, Var)| sum_over(&[*x, *y], |row| (w.dot(row[0]).tanh() - row[1]).square()),
        &data,
    );
    let w = symmetrics(3, INPUTS);
    let each = each.evaluate(&w).unwrap();
    assert_eq!(each.shape(), [ROWS, INPUTS]);
    let (added, whole) = (each.sum_axis(ndarray::Axis(0)), sum.gradient(&w).unwrap());
    added.iter().zip(&whole).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let f = Function::with_data(
        |w: &Var, (x, y): &(Var, Var)| sum_over(&[*x, *y], |row| w * row[0] * row[1]),
        &(arr1(&[1.0, 2.0]), arr1(&[1.0, 2.0, 3.0])),
    );
    let Err(Error::Operation { operation, message, .. }) = f.value(&1.0) else { panic!("an error is expected") };
    assert_eq!(operation, "map_rows");
    assert!(message.contains("found [[2], [3]]"), "{message}");
    let branch = Function::with_data(
        |w: &Var, x: &Var| sum_over(&[*x], |row| if row[0] > 0.0 { w * row[0] } else { *w }),
        &arr1(&[1.0, -2.0]),
    );
    assert!(branch.value(&1.0).unwrap_err().to_string().contains("has no number while tracing"));
    let empty = Function::with_data(|w: &Var, x: &Var| w + sum_over(&[*x], |row| w * row[0]), &arr1::<f64>(&[]));
    assert_eq!(empty.value(&1.5).unwrap(), 1.5);
}
