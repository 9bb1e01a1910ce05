//! [`ScalarFunction`]: the functions in plain loops, written once over any number. Over `f64` they are the plain functions,
//! over [`Var`](autodiff_core::Var) what our operators differentiate.

use crate::workload::Workload;
use autodiff_core::Real;
use testkit::counter::symmetrics;
use testkit::workloads::{self, GaussianMixture, HelmholtzEnergy, loops};

/// A function of a list of numbers, with its data.
pub enum ScalarFunction {
    /// S1 and S1b.
    Rosenbrock,
    /// S2.
    Mixture(GaussianMixture),
    /// S3.
    Energy(HelmholtzEnergy),
    /// S5.
    Network,
    /// S6.
    Atoms,
    /// S7.
    Branches,
    /// T3a.
    Elementary,
    /// T3b.
    Cycle,
}

/// The function of a workload and its point; `None` if it is not written in loops.
pub fn function(workload: Workload) -> Option<(ScalarFunction, Vec<f64>)> {
    Some(match workload {
        Workload::S1 => (ScalarFunction::Rosenbrock, workloads::chained_rosenbrock(1000).point),
        Workload::S1b => (ScalarFunction::Rosenbrock, workloads::chained_rosenbrock(100_000).point),
        Workload::S2 => {
            let mixture = GaussianMixture { d: 10, k: 25, x: symmetrics(1, 10_000).to_vec() };
            (ScalarFunction::Mixture(mixture), workloads::gaussian_mixture().point)
        }
        Workload::S3 => {
            let (energy, point) = workloads::mixture_of_200();
            (ScalarFunction::Energy(energy), point)
        }
        Workload::S5 => (ScalarFunction::Network, loops::network_point()),
        Workload::S6 => (ScalarFunction::Atoms, loops::grid()),
        Workload::S7 => (ScalarFunction::Branches, loops::sines(1000)),
        Workload::T3a => (ScalarFunction::Elementary, vec![0.7]),
        Workload::T3b => (ScalarFunction::Cycle, loops::sines(10)),
        _ => return None,
    })
}

impl ScalarFunction {
    /// f(x).
    pub fn at<S: Real + Copy>(&self, x: &[S]) -> S {
        match self {
            ScalarFunction::Rosenbrock => workloads::rosenbrock(x),
            ScalarFunction::Mixture(mixture) => mixture.log_likelihood(x),
            ScalarFunction::Energy(energy) => energy.energy(x),
            ScalarFunction::Network => loops::network_loss(x),
            ScalarFunction::Atoms => loops::lennard_jones(x),
            ScalarFunction::Branches => loops::branches(x),
            ScalarFunction::Elementary => workloads::elementary(x[0]),
            ScalarFunction::Cycle => loops::cycle(x),
        }
    }

    /// The direction of its Taylor coefficients, in dimension `n`.
    pub fn line(&self, n: usize) -> Vec<f64> {
        if let ScalarFunction::Elementary = self { vec![1.0] } else { loops::direction(n) }
    }
}
