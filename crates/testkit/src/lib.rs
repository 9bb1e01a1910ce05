//! Reproducible data, problems with known answers, and the reference numbers of those answers.
//!
//! ```
//! use testkit::golden;
//! use testkit::workloads::small_network;
//!
//! let problem = small_network();
//! let loss = problem.function.value(&problem.point).unwrap();
//! let expected = golden::number("N1s", "loss");
//! assert!((loss - expected).abs() < 1e-9 * expected);
//! ```
//!
//! * [`counter`]: numbers from a counter, the same bits in every language;
//! * [`workloads`]: networks, scalar functions written as loops, and Taylor and Laplacian problems, each fully defined;
//! * [`problems`]: functions to minimise whose minima are known;
//! * [`motion`]: a star and five planets, for differential equations;
//! * [`golden`]: what other systems for automatic differentiation compute for them;
//! * [`flops`]: what the matrix products of a network cost;
//! * [`allocation`]: an allocator that counts.

#![deny(unsafe_code)]

pub mod allocation;
pub mod counter;
pub mod flops;
pub mod golden;
pub mod motion;
pub mod problems;
pub mod workloads;
