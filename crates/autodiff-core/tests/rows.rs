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
    let Err(Error::Operation { operation, message, .. }) = branch.value(&1.0) else { panic!("an error is expected") };
    assert!(operation == "comparison" && message.contains("select"), "{operation}: {message}");
    let read = Function::with_data(|w: &Var, x: &Var| sum_over(&[*x], |row| w * row[0].value()), &arr1(&[1.0, -2.0]));
    let Err(Error::Operation { operation, message, .. }) = read.value(&1.0) else { panic!("an error is expected") };
    assert!(operation == "value" && message.contains("stands for all rows"), "{operation}: {message}");
    let kept = Function::with_data(
        |w: &Var, x: &Var| {
            let mut outside = *w;
            sum_over(&[*x], |row| {
                outside = row[0].sin();
                w * row[0]
            }) * outside
        },
        &arr1(&[1.0, -2.0]),
    );
    let Err(Error::Operation { operation, message, .. }) = kept.value(&1.0) else { panic!("an error is expected") };
    assert!(operation == "map_rows" && message.contains("outside"), "{operation}: {message}");
    let empty = Function::with_data(|w: &Var, x: &Var| w + sum_over(&[*x], |row| w * row[0]), &arr1::<f64>(&[]));
    assert_eq!(empty.value(&1.5).unwrap(), 1.5);
}

/// Losses of rows with the output of their model marked: in the body, as an array, or not at all.
mod marked {
    use super::*;

    type Loss = Function<'static, Var, Var, (Var, Var)>;

    /// Misfits of tanh(w·x), which the loss bends, and a term that bypasses them.
    fn in_the_body() -> Loss {
        let loss = |w: &Var, (x, y): &(Var, Var)| {
            let misfits = sum_over(&[*x, *y], |row| {
                let z = w.dot(row[0]).tanh().prediction();
                (z - row[1]).square().square() + z * row[1]
            });
            misfits + 0.1 * w.square().sum().square()
        };
        Function::with_data(loss, &data())
    }

    fn as_an_array() -> Loss {
        let loss = |w: &Var, (x, y): &(Var, Var)| {
            let z = x.matmul(*w).tanh().prediction();
            ((z - *y).square().square() + z * *y).sum() + 0.1 * w.square().sum().square()
        };
        Function::with_data(loss, &data())
    }

    /// Σ zᵢ′ ℓ″(zᵢ) zᵢ′ᵀ with the Hessian of the other term, as a dense matrix.
    fn dense(w: &Array1<f64>) -> Array2<f64> {
        let (x, y) = data();
        let mut matrix = Array2::zeros((INPUTS, INPUTS));
        for (x, y) in x.rows().into_iter().zip(&y) {
            let z = x.dot(w).tanh();
            let (slope, curvature) = (1.0 - z * z, 12.0 * (z - y).powi(2));
            for i in 0..INPUTS {
                for j in 0..INPUTS {
                    matrix[[i, j]] += slope * slope * curvature * x[i] * x[j];
                }
            }
        }
        for i in 0..INPUTS {
            matrix[[i, i]] += 0.4 * w.dot(w);
            for j in 0..INPUTS {
                matrix[[i, j]] += 0.8 * w[i] * w[j];
            }
        }
        matrix
    }

    /// Sums of the same few dozen terms in another order.
    #[track_caller]
    fn close<'a>(a: impl IntoIterator<Item = &'a f64>, b: impl IntoIterator<Item = &'a f64>) {
        let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().collect(), b.into_iter().collect());
        assert_eq!(a.len(), b.len());
        a.iter().zip(&b).for_each(|(a, b)| assert!((*a - *b).abs() <= 1e-11 * (1.0 + b.abs()), "{a} {b}"));
    }

    #[test]
    fn gauss_newton_products_know_a_prediction_of_each_row() {
        let (rows, array) = (in_the_body(), as_an_array());
        let (w, v) = (symmetrics(3, INPUTS), symmetrics(4, INPUTS));
        let product = rows.ggn_product(&w, &v).unwrap();
        close(&product, &array.ggn_product(&w, &v).unwrap());
        close(&product, &dense(&w).dot(&v));
        let mut late = vec![0.0; INPUTS];
        rows.linearize(&w).unwrap().ggn(&v.to_vec(), &mut late).unwrap();
        close(&late, &product);
    }

    #[test]
    fn second_derivatives_of_rows_are_those_of_arrays() {
        let (rows, array) = (in_the_body(), as_an_array());
        let (w, u, v) = (symmetrics(3, INPUTS), symmetrics(4, INPUTS), symmetrics(5, INPUTS));
        close(&rows.gradient(&w).unwrap(), &array.gradient(&w).unwrap());
        close(&rows.hvp(&w, &v).unwrap(), &array.hvp(&w, &v).unwrap());
        close(&rows.hessian(&w).unwrap(), &array.hessian(&w).unwrap());
        let directions = [u.clone(), v.clone()];
        let (a, b) = (rows.hvps(&w, &directions).unwrap(), array.hvps(&w, &directions).unwrap());
        a.iter().zip(&b).for_each(|(a, b)| close(a, b));
        let (rows, array) = (rows.linearize(&w).unwrap(), array.linearize(&w).unwrap());
        close(&[rows.value().unwrap()], &[array.value().unwrap()]);
        let (mut a, mut b) = (vec![0.0; INPUTS], vec![0.0; INPUTS]);
        rows.hvp(&v.to_vec(), &mut a).unwrap();
        array.hvp(&v.to_vec(), &mut b).unwrap();
        close(&a, &b);
        rows.third(&u.to_vec(), &v.to_vec(), &mut a).unwrap();
        array.third(&u.to_vec(), &v.to_vec(), &mut b).unwrap();
        close(&a, &b);
    }

    #[test]
    fn a_mark_that_no_row_changes_is_one_node() {
        let f = Function::with_data(
            |w: &Var, y: &Var| {
                sum_over(&[*y], |row| {
                    let z = w.square().sum().prediction();
                    (z - row[0]).square()
                })
            },
            &data().1,
        );
        let (w, v) = (symmetrics(3, INPUTS), symmetrics(4, INPUTS));
        // z′ = 2 w and Σ ℓ″ = 2 n: what is left of the Hessian is 8 n w wᵀ.
        close(&f.ggn_product(&w, &v).unwrap(), &(&w * (8.0 * ROWS as f64 * w.dot(&v))));
        let nested = Function::with_data(
            |w: &Var, (x, y): &(Var, Var)| {
                sum_over(&[*x, *y], |row| {
                    let each = sum_over(&[row[0]], |entry| {
                        let z = (w.sum() * entry[0]).sin().prediction();
                        z.square()
                    });
                    each * row[1]
                })
            },
            &data(),
        );
        let (x, y) = data();
        // zᵢₖ = sin(s xᵢₖ) with s = Σ w, and the loss Σ yᵢ zᵢₖ².
        let s = w.sum();
        let slope = |x: f64| x * (s * x).cos();
        let total: f64 = x.indexed_iter().map(|((i, _), &x)| 2.0 * y[i] * slope(x).powi(2)).sum();
        close(&nested.ggn_product(&w, &v).unwrap(), &Array1::from_elem(INPUTS, total * v.sum()));
    }
}

/// Entries by an index of each row: of the row, of one array for all, and added into zeros.
#[test]
fn each_row_may_have_an_index_of_its_own() {
    let (x, index) = (
        Array2::from_shape_vec((ROWS, INPUTS), symmetrics(5, ROWS * INPUTS).to_vec()).unwrap(),
        Array2::from_shape_fn((ROWS, 3), |(i, j)| (i * 7 + j * 3) % INPUTS),
    );
    type Data = (Var, Var);
    let gathered = |w: &Var, row: Var, index: Var| (row.gather(0, index) * w.gather(0, index)).square().sum();
    let scattered = |w: &Var, row: Var, index: Var| {
        let part = row.slice(0, 0..3);
        ((part * part).scatter_add(0, index, INPUTS) * *w + w.slice(0, 0..3).scatter_add(0, index, INPUTS))
            .square()
            .sum()
    };
    let body = |w: &Var, row: Var, index: Var| gathered(w, row, index) + scattered(w, row, index);
    let rows = Function::with_data(
        |w: &Var, (x, i): &Data| sum_over(&[*x, *i], |r| body(w, r[0], r[1])),
        &(x.clone(), index.clone()),
    );
    let looped = Function::with_data(
        |w: &Var, (x, i): &Data| (0..ROWS).map(|k| body(w, x.at(k), i.at(k))).sum::<Var>(),
        &(x.clone(), index.clone()),
    );
    let (w, v) = (symmetrics(6, INPUTS), symmetrics(7, INPUTS));
    let close = |a: &Array1<f64>, b: &Array1<f64>| {
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{a} {b}"));
    };
    close(&arr1(&[rows.value(&w).unwrap()]), &arr1(&[looped.value(&w).unwrap()]));
    close(&rows.gradient(&w).unwrap(), &looped.gradient(&w).unwrap());
    close(&rows.hvp(&w, &v).unwrap(), &looped.hvp(&w, &v).unwrap());
    // The number of nodes does not grow with the rows.
    let nodes = rows.explain(&w).unwrap().graph.len();
    assert!(nodes < 60, "{nodes} nodes");
    // Of matrices in the rows, along their second axis.
    let cubes = x.clone().into_shape_with_order((ROWS, 2, 2)).unwrap();
    let picked = Function::with_data(
        |w: &Var, (x, i): &Data| sum_over(&[*x, *i], |r| (r[0].gather(1, r[1]) * *w).exp().sum()),
        &(cubes.clone(), index.mapv(|i| i % 2)),
    );
    let sum: f64 = (0..ROWS)
        .flat_map(|k| (0..2).flat_map(move |a| (0..3).map(move |j| (k, a, j))))
        .map(|(k, a, j)| (cubes[[k, a, index[[k, j]] % 2]] * 0.7).exp())
        .sum();
    let value: f64 = picked.value(&ndarray::arr0(0.7)).unwrap();
    assert!((value - sum).abs() < 1e-11 * sum, "{value} {sum}");
    // An index outside its own row is an error, though there is another row after it.
    let outside = rows.with(&(x, index.mapv(|i| i + 1)));
    assert!(matches!(outside.value(&w), Err(Error::Index { .. })));
}

#[test]
fn no_rows_are_an_empty_sum() {
    let none = (Array2::<f64>::zeros((0, INPUTS)), Array2::<usize>::zeros((0, 3)));
    type Data = (Var, Var);
    let f = Function::with_data(
        |w: &Var, (x, i): &Data| {
            sum_over(&[*x, *i], |r| {
                let picked = r[0].gather(0, r[1]);
                picked.scatter_add(0, r[1], INPUTS).dot(*w) + (r[0] * *w).cumsum(0).sum() + picked.max_axis(0)
            })
        },
        &none,
    );
    let w = arr1(&[1.0; INPUTS]);
    assert_eq!(f.value(&w).unwrap(), 0.0);
    assert_eq!(f.gradient(&w).unwrap(), arr1(&[0.0; INPUTS]));
    assert_eq!(f.hvp(&w, &w).unwrap(), arr1(&[0.0; INPUTS]));
}

/// A mini-batch named by an index is the loss on the rows that it names, with all its derivatives; another index needs no new trace.
#[test]
fn a_mini_batch_is_the_loss_on_its_rows() {
    let (x, y) = data();
    let by_index = |w: &[Var], (x, y, chosen): &(Var, Var, Var)| {
        let rows = [x.gather(0, *chosen), y.gather(0, *chosen)];
        sum_over(&rows, |row| misfit(w, row[0], row[1]))
    };
    let n = 2 * INPUTS + 2;
    let (w, v) = (symmetrics(3, n).to_vec(), symmetrics(4, n).to_vec());
    let close = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-13 * (1.0 + b.abs()), "{a} {b}"));
    };
    let all = Function::with_data(by_index, &(x.clone(), y.clone(), arr1(&[0_usize; 10])));
    for start in 0..3 {
        let chosen: Vec<usize> = (0..10).map(|i| (start + 5 * i) % ROWS).collect();
        let batch = all.with(&(x.clone(), y.clone(), arr1(&chosen)));
        let subset = (x.select(ndarray::Axis(0), &chosen), y.select(ndarray::Axis(0), &chosen));
        let alone = Function::with_data(
            |w: &[Var], (x, y): &(Var, Var)| sum_over(&[*x, *y], |row| misfit(w, row[0], row[1])),
            &subset,
        );
        close(&[batch.value(&w).unwrap()], &[alone.value(&w).unwrap()]);
        close(&batch.gradient(&w).unwrap(), &alone.gradient(&w).unwrap());
        close(&batch.hvp(&w, &v).unwrap(), &alone.hvp(&w, &v).unwrap());
    }
    assert_eq!(all.variant_count(), 1);
}
