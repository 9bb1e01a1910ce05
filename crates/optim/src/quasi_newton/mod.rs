//! Curvature learnt from the gradients of a run: pairs s = x₊ − x, y = g₊ − g with B s = y, and the operators they make.
//!
//! No matrix of order n is formed: [`LbfgsInverse`] and [`Lsr1Operator`] hold the pairs and answer products from them.

mod inverse;
mod pairs;
mod symmetric_rank_one;

pub(crate) use inverse::default_threshold;
pub use inverse::{InitialScale, LbfgsInverse, PairFate, PairUpdate};
pub use pairs::{PairMemory, Step};
pub use symmetric_rank_one::Lsr1Operator;
