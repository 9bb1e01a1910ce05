//! [`map_rows`] and [`sum_over`]: a body recorded for one sample, and run for all.

use crate::graph::Var;
use crate::trace::{refuse, row, with_marks};
use crate::transform::batch_marked;
use crate::tree::Traced;
use std::panic::Location;

/// What `body` returns for every row of `data`, stacked along a new first axis.
///
/// `data` are arrays with one length n of their first axis; `body` receives one row of each, [..] of an array [n, ..], and is
/// recorded once. Whatever it does with them runs for all rows at once: additions as arrays, products with one matrix as one
/// product, scalar code in lanes. What does not depend on the rows is computed once. A branch on a row is an error, since rows
/// may differ in it: use [`select`](Var::select).
///
/// A derivative taken in the body is taken for every row: gradients of single samples cost what one gradient of their sum
/// costs, times the size of the gradient in memory. What the body [marks](Var::prediction) as output of a model is marked for every
/// row.
///
/// Memory: what varies with the rows gets a leading axis of n, so that a program holds n numbers for each such scalar of the body
/// that it keeps for its derivatives; the nodes are as many as for one row. The lanes are the rows: loops of scalars within the
/// body, over features or units, are not rolled into arrays besides, and are one operation on n rows for each pass. With many
/// passes, write them as arrays.
///
/// # Errors
/// The call of the function fails if the arrays differ in the length of their first axis, if the body branches on a row or reads a
/// number out of it, which it leaves there, and if a variable of the body is used outside of it.
///
/// ```
/// use autodiff_core::{Function, Var, map_rows};
/// use ndarray::{arr1, arr2};
/// // Gradients of the single samples of a linear model: (w·x − y) x.
/// let each = Function::with_data(
///     |w: &Var, (x, y): &(Var, Var)| {
///         map_rows(&[*x, *y], |row| {
///             let misfit = 0.5 * (w.dot(row[0]) - row[1]).square();
///             misfit.gradient(*w)
///         })
///     },
///     &(arr2(&[[1.0, 0.0], [2.0, 1.0]]), arr1(&[1.0, 0.0])),
/// );
/// assert_eq!(each.evaluate(&arr1(&[2.0, 1.0])).unwrap(), arr2(&[[1.0, 0.0], [10.0, 5.0]]).into_dyn());
/// ```
#[track_caller]
pub fn map_rows<R: Traced>(data: &[Var], body: impl FnOnce(&[Var]) -> R) -> R {
    let shapes: Vec<_> = data.iter().map(|x| x.shape()).collect();
    let count = shapes.first().and_then(|s| s.first().copied());
    let rows: Vec<Var> = match count {
        Some(n) if shapes.iter().all(|s| s.first() == Some(&n)) => shapes.iter().map(|s| row(s.without(0))).collect(),
        _ => {
            let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
            let message = format!("expected arrays with one length of their first axis, found [{}]", shapes.join(", "));
            let refused = refuse("map_rows", message, Location::caller());
            vec![refused; data.len()]
        }
    };
    let (result, marked) = with_marks(|| body(&rows));
    let Some(n) = count else { return result };
    let variables: Vec<(Var, Var)> = rows.into_iter().zip(data.iter().copied()).collect();
    let mut outputs = Vec::new();
    result.variables(&mut outputs);
    // A mark in the body is one on what the node becomes for all rows.
    let (batched, predictions) = batch_marked(&outputs, &marked, &variables, n);
    for z in predictions {
        z.prediction();
    }
    let mut batched = batched.into_iter();
    result.map(&mut |_| batched.next().expect("a result for every output"))
}

/// The sum of what `body` returns over all rows of `data`: a loss that is a sum over samples; 0 of no rows. See [`map_rows`], also for
/// memory and errors.
///
/// ```
/// use autodiff_core::{Function, Var, sum_over};
/// use ndarray::{arr1, arr2};
/// let (x, y) = (arr2(&[[1.0, 0.0], [2.0, 1.0], [0.0, 3.0]]), arr1(&[1.0, 0.0, 2.0]));
/// let loss = Function::with_data(
///     |w: &[Var], (x, y, chosen): &(Var, Var, Var)| {
///         // A mini-batch: the rows named by an index.
///         let (x, y) = (x.gather(0, *chosen), y.gather(0, *chosen));
///         sum_over(&[x, y], |row| (w[0] * row[0].at(0) + w[1] * row[0].at(1) - row[1]).square())
///     },
///     &(x, y, arr1(&[0_usize, 2])),
/// );
/// assert_eq!(loss.gradient(&[2.0, 1.0]).unwrap(), [2.0, 6.0]);
/// ```
#[track_caller]
pub fn sum_over(data: &[Var], body: impl FnOnce(&[Var]) -> Var) -> Var {
    let each = map_rows(data, body);
    if each.rank() == 0 { each } else { each.sum_axes(&[0]) }
}
