//! [`Certificate`]: tests of a user's own function against itself, at a point of their choice.

use super::Function;
use super::operator::Mode;
use crate::error::Result;
use crate::graph::Executable;
use crate::real::{Elementary, Float};
use crate::tree::{Traced, Tree};
use std::borrow::Borrow;
use std::fmt;

/// One test: the relative error found, and the error up to which it passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// What was compared.
    pub name: &'static str,
    /// Relative difference of the two sides.
    pub error: f64,
    /// Largest difference that rounding (or, against differences, truncation) explains.
    pub bound: f64,
}

impl Check {
    /// Whether the error is within the bound; NaN is not.
    pub fn passed(&self) -> bool {
        self.error <= self.bound
    }
}

/// The tests of [`Function::check`]; prints as a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The tests in order.
    pub checks: Vec<Check>,
}

impl Certificate {
    /// Whether all tests passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(Check::passed)
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let verdict = if check.passed() { "ok" } else { "FAILED" };
            writeln!(f, "{:<52} error {:9.2e}  bound {:9.2e}  {verdict}", check.name, check.error, check.bound)?;
        }
        Ok(())
    }
}

impl<'f, A: ?Sized, Out: Traced + Send + Sync, B: ?Sized> Function<'f, A, Out, B> {
    /// Tests the derivatives of a scalar function at `x` in fixed pseudo-random directions: slope and curvature against
    /// central differences of value and gradient (the best of several steps), H symmetric, both modes of the product equal,
    /// Taylor coefficients equal to slope and half curvature.
    ///
    /// Differences fail at a kink, where no derivative exists, and lose digits where the function is rough.
    ///
    /// # Errors
    /// [`Error::NotScalar`](crate::Error::NotScalar); those of every operator.
    pub fn check<P: Tree + Clone>(&self, x: &P) -> Result<Certificate>
    where
        P::Traced: Borrow<A>,
    {
        let entries = x.to_vec();
        let (u, v) = (directions::<P::Scalar>(entries.len(), 1), directions::<P::Scalar>(entries.len(), 2));
        let (tree_u, tree_v) = (x.with_entries(&u), x.with_entries(&v));
        // Unit roundoff, and the accuracy that central differences reach with the best step: ε^{2/3}.
        let rounding = P::Scalar::PRECISION.epsilon();
        let (exact, differences) = (1e4 * rounding, 1e3 * rounding.powf(2.0 / 3.0));

        let gradient = self.gradient(x)?.to_vec();
        let product = self.hvp(x, &tree_v)?.to_vec();
        let forward = self.hvp_by(Mode::ForwardOverReverse, x, &tree_v)?.to_vec();
        let product_u = self.hvp(x, &tree_u)?.to_vec();
        let series = self.taylor(x, &tree_v, 2)?;
        let mut coefficients = Vec::new();
        for c in &series {
            Out::flatten(c, &mut |leaf| coefficients.extend(leaf.iter().map(|c| c.to_f64())));
        }

        let (mut slope_error, mut curvature_error) = (f64::INFINITY, f64::INFINITY);
        for exponent in 1..10 {
            let h = 10_f64.powi(-exponent) * (1.0 + norm(&entries)) / norm(&v).max(f64::MIN_POSITIVE);
            let moved = |h: f64| {
                let at: Vec<P::Scalar> =
                    entries.iter().zip(&v).map(|(&x, &v)| x + v * P::Scalar::from_f64(h)).collect();
                x.with_entries(&at)
            };
            let (fp, gp) = self.value_and_gradient(&moved(h))?;
            let (fm, gm) = self.value_and_gradient(&moved(-h))?;
            let difference = (fp.to_f64() - fm.to_f64()) / (2.0 * h);
            slope_error = slope_error.min(relative(difference, dot(&gradient, &v), norm(&gradient) * norm(&v)));
            let (gp, gm) = (gp.to_vec(), gm.to_vec());
            let error: f64 = gp
                .iter()
                .zip(&gm)
                .zip(&product)
                .map(|((p, m), hv)| ((p.to_f64() - m.to_f64()) / (2.0 * h) - hv.to_f64()).powi(2))
                .sum();
            // The scale of ∇f is there for functions that are linear, whose product is zero.
            curvature_error =
                curvature_error.min(error.sqrt() / (norm(&product) + norm(&gradient)).max(f64::MIN_POSITIVE));
        }
        let apart: Vec<P::Scalar> = product.iter().zip(&forward).map(|(&a, &b)| a - b).collect();
        let size = norm(&product).max(f64::MIN_POSITIVE);
        let checks = vec![
            Check { name: "slope = central difference of the value", error: slope_error, bound: differences },
            Check { name: "H v = central difference of the gradient", error: curvature_error, bound: differences },
            Check {
                name: "uᵀ H v = vᵀ H u",
                error: relative(dot(&u, &product), dot(&v, &product_u), norm(&u) * size),
                bound: exact,
            },
            Check { name: "reverse over forward = forward over reverse", error: norm(&apart) / size, bound: exact },
            Check {
                name: "first Taylor coefficient = slope",
                error: relative(coefficients[1], dot(&gradient, &v), norm(&gradient) * norm(&v)),
                bound: exact,
            },
            Check {
                name: "second Taylor coefficient = half the curvature",
                error: relative(coefficients[2], 0.5 * dot(&product, &v), size * norm(&v)),
                bound: exact,
            },
        ];
        Ok(Certificate { checks })
    }
}

/// Pseudo-random numbers in [−1, 1), the same at every call.
fn directions<T: Executable>(n: usize, stream: u64) -> Vec<T> {
    let mut state = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
        })
        .collect()
}

fn dot<T: Executable>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

fn norm<T: Executable>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

/// |a − b| relative to the size of the terms that they are sums of.
fn relative(a: f64, b: f64, scale: f64) -> f64 {
    (a - b).abs() / scale.max(a.abs()).max(b.abs()).max(f64::MIN_POSITIVE)
}
