//! The suite `large`: functions whose wall time is compared.

use super::suite::{Case, unlisted};
use autodiff_core::Tree;
use testkit::workloads;

/// ‖g‖∞ that they are minimised to.
pub const TOLERANCE: f64 = 1e-8;

/// Logistic regression, the small network with a ridge, and a chain of a thousand variables.
pub fn cases() -> Vec<Case> {
    let logistic = workloads::logistic_regression();
    let ridge = workloads::small_network_with_ridge();
    let chain = workloads::chained_rosenbrock(1000);
    let (x, y) = (logistic.point.to_vec(), ridge.point.to_vec());
    vec![
        unlisted("logistic", logistic.function.flat(&logistic.point), x, TOLERANCE),
        unlisted("mlp_ridge", ridge.function.flat(&ridge.point), y, TOLERANCE),
        unlisted("rosenbrock", chain.function.flat(&chain.point), chain.point.clone(), TOLERANCE),
    ]
}
