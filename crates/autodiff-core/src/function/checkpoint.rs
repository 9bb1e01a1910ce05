//! [`checkpoint`]: memory for time.

use crate::graph::Scope;
use crate::trace::{mark_exits, new_part, within};
use crate::tree::Traced;

/// What `part` returns; inside it, nothing is kept for the reverse sweep but computed again when that arrives.
///
/// Values and derivatives of every order are unchanged. What `part` reads and what it returns is kept. A chain of n
/// steps cut into √n parts of √n steps each needs the memory of 2√n steps instead of n, for one more forward sweep; so does its
/// product with the Hessian, whose tangents are computed again beside the values. A linearised function keeps everything all the
/// same, for the products to come.
///
/// ```
/// use autodiff_core::{Function, Var, checkpoint};
///
/// let step = |x: Var, w: Var| x.matmul(w).tanh();
/// let whole = Function::new(move |(x, w): &(Var, Var)| (0..64).fold(*x, |x, _| step(x, *w)).sum());
/// let parts = Function::new(move |(x, w): &(Var, Var)| {
///     (0..8).fold(*x, |x, _| checkpoint(|| (0..8).fold(x, |x, _| step(x, *w)))).sum()
/// });
/// let point = (ndarray::Array2::from_elem((400, 10), 0.7), ndarray::Array2::from_elem((10, 10), 0.05));
/// assert_eq!(whole.gradient(&point).unwrap(), parts.gradient(&point).unwrap());
///
/// let [parts, whole] = [&parts, &whole].map(|f| f.explain(&point).unwrap());
/// assert!(3 * parts.gradient.unwrap().peak() < whole.gradient.unwrap().peak());
/// assert!(3 * parts.product.unwrap().peak() < whole.product.unwrap().peak());
/// ```
pub fn checkpoint<R: Traced>(part: impl FnOnce() -> R) -> R {
    let number = new_part();
    let result = within(Some(Scope { number, exit: false }), part);
    let mut exits = Vec::new();
    result.variables(&mut exits);
    mark_exits(&exits);
    result
}
