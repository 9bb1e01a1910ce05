//! The law that all searches along a line share: where a point is refused, half the way to it is tried next.

use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// What `attempt` breaks with at `first`, or at half of the α that it refused last, at most `limit` times; `None` if it
/// refused all.
pub(crate) fn halve<T: Scalar, B, E>(
    first: T,
    limit: usize,
    mut attempt: impl FnMut(T) -> Result<ControlFlow<B, T>, E>,
) -> Result<Option<B>, E> {
    let mut alpha = first;
    for _ in 0..limit {
        match attempt(alpha)? {
            ControlFlow::Break(found) => return Ok(Some(found)),
            ControlFlow::Continue(refused) => alpha = T::of(0.5) * refused,
        }
    }
    Ok(None)
}
