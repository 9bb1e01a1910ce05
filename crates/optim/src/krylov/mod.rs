//! Krylov methods: what can be learned of a matrix from a few products. One file a method.

mod steihaug;

pub use steihaug::Steihaug;
