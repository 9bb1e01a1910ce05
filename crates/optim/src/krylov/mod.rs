//! Krylov methods: what can be learned of a matrix from a few products. One file a method.
//!
//! | solver | for | vectors held |
//! |---|---|---|
//! | [`ConjugateGradients`] | A x = b, A positive definite; with a preconditioner | 3 (4) |
//! | [`Minres`] | A x = b, A symmetric | 6 |
//! | [`ShiftedLanczos`] | (A + λᵢ I) xᵢ = b for k shifts | 3 + 2 k |
//! | [`Lsmr`] | min ‖A x − b‖² + λ² ‖x‖² | 4 of length n, 2 of length m |
//! | [`Bidiagonal`] | the same for many λ and right-hand sides | 2 and the basis, of each length |
//! | [`Lanczos`] | Ritz values and vectors of A | 1 and the basis |
//! | [`Lobpcg`] | the k lowest eigenpairs of A | 6 k + 1 |
//! | [`Gltr`] | the trust-region subproblem, exactly | 2 and the basis |
//! | [`CubicModel`] | the cubic subproblem, exactly | 1 and the basis |
//! | [`SaddleFree`] | the same with the absolute value of A | 2 and the basis |
//! | [`Steihaug`] | the trust-region subproblem, truncated | 4 and the path |
//!
//! Each works in place, reuses its storage, and allocates only when it meets a longer vector than before. The room for a
//! whole basis is reserved when the solver is first used, so that a larger Krylov space allocates nothing; where pages are given
//! when they are first written, as by Linux, what is reserved and not yet written takes none of the machine's memory. Two exceptions:
//! a basis of more than 2²² numbers (32 MiB of `f64`) grows by doubling, and [`CubicModel`] allocates what it needs beyond its
//! basis when it first gets there.

mod bidiagonal;
mod cg;
mod cubic;
mod gltr;
mod lanczos;
mod lobpcg;
mod lsmr;
mod minres;
mod rayleigh;
mod saddle_free;
mod secular;
mod shifted;
mod solution;
mod steihaug;
mod tridiagonal;

pub use bidiagonal::Bidiagonal;
pub use cg::ConjugateGradients;
pub use cubic::CubicModel;
pub use gltr::Gltr;
pub use lanczos::{Expansion, Lanczos};
pub use lobpcg::Lobpcg;
pub use lsmr::Lsmr;
pub use minres::Minres;
pub use saddle_free::SaddleFree;
pub use shifted::ShiftedLanczos;
pub use solution::{KrylovEnd, Solution};
pub use steihaug::Steihaug;
pub(crate) use steihaug::crossing;

/// The most numbers of a basis that are reserved at once.
const MOST_RESERVED: usize = 1 << 22;

/// Room for `length` entries.
fn hold<T>(storage: &mut Vec<T>, length: usize) {
    storage.reserve_exact(length.saturating_sub(storage.len()));
}

/// Room for so many rows of `width` entries, unless they are too many to be reserved at once.
fn hold_rows<T>(storage: &mut Vec<T>, rows: usize, width: usize) {
    if let Some(length) = rows.checked_mul(width).filter(|&length| length <= MOST_RESERVED) {
        hold(storage, length);
    }
}

/// How many basis vectors are kept for `n` variables: a whole basis up to 512 (2 MiB of `f64`), else 64.
pub(crate) fn default_basis(n: usize) -> usize {
    if n <= 512 { n.max(1) } else { 64 }
}
