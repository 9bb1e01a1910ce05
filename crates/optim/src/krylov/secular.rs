//! The secular equation: the shift λ at which the regularised Newton step has the right length.
//!
//! In the eigenbasis of T the step is hᵢ = −cᵢ/(θᵢ + λ), with λ ≥ max(0, −θ₁). A trust region asks for ‖h‖ = Δ, a cubic
//! regulariser for ‖h‖ = λ/σ. The unknown is μ = λ − max(0, −θ₁) rather than λ: near the hard case λ and −θ₁ agree to
//! all digits while μ still has its own.
//!
//! φ(μ) = 1/‖h‖ − 1/(right length) is concave and increasing, and every single component gives a lower bound of the
//! root, so Newton's iteration from the largest of them climbs monotonically and ends quadratically.
//!
//! Source: Moré, Sorensen, *Computing a trust region step*, SIAM J. Sci. Stat. Comput. 4 (1983); Conn, Gould, Toint,
//! *Trust-Region Methods* (2000), §7.3; Cartis, Gould, Toint, *Adaptive cubic regularisation methods I*, Math. Program.
//! 127 (2011), §6.1.

use crate::scalar::Scalar;
use crate::vector::norm;

/// What bounds the length of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound<T> {
    /// ‖h‖ ≤ Δ.
    Radius(T),
    /// The term ⅓ σ ‖h‖³ is added to the model, so that λ = σ ‖h‖.
    Cubic(T),
}

/// A solution in the eigenbasis.
#[derive(Clone, Debug)]
pub(crate) struct Secular<T> {
    /// hᵢ.
    pub(crate) h: Vec<T>,
    /// λ.
    pub(crate) shift: T,
    /// ‖h‖.
    pub(crate) norm: T,
    /// −q(h) = −cᵀh − ½ Σ θᵢ hᵢ² ≥ 0.
    pub(crate) decrease: T,
}

/// Newton's iteration needs 3 to 10 steps; the bracket halves where rounding defeats it.
const MAX_ITERATIONS: usize = 100;

impl<T: Scalar> Secular<T> {
    pub(crate) fn new() -> Self {
        Self { h: Vec::new(), shift: T::zero(), norm: T::zero(), decrease: T::zero() }
    }

    /// The global minimum of cᵀh + ½ Σ θᵢ hᵢ² within `bound`, for ascending θ; `c(i)` gives cᵢ.
    pub(crate) fn solve(&mut self, theta: &[T], c: impl Fn(usize) -> T, bound: Bound<T>) {
        let k = theta.len();
        self.h.clear();
        self.h.resize(k, T::zero());
        let Some(&least) = theta.first() else {
            (self.shift, self.norm, self.decrease) = (T::zero(), T::zero(), T::zero());
            return;
        };
        let zero = T::zero();
        let floor = (-least).max(zero); // λ = floor + μ
        let mut mu = zero;
        for (i, &theta) in theta.iter().enumerate() {
            mu = mu.max(lower_bound(theta, floor, c(i).abs(), bound));
        }
        let (mut too_small, mut too_large) = (zero, T::infinity());
        for _ in 0..MAX_ITERATIONS {
            let target = bound.length(floor + mu);
            // Ratios hᵢ/target, whose squares stay in range since μ is at least every lower bound.
            let (mut square, mut slope) = (zero, zero);
            for (i, &theta) in theta.iter().enumerate() {
                let c = c(i);
                if c == zero {
                    self.h[i] = zero;
                    continue;
                }
                let denominator = (theta + floor) + mu;
                self.h[i] = -c / denominator;
                let ratio = self.h[i] / target;
                square += ratio * ratio;
                slope += ratio * ratio / denominator;
            }
            let length = square.sqrt();
            let excess = length - T::one();
            if excess.abs() <= T::of(2.0) * T::epsilon() || (excess < zero && mu == zero) {
                break;
            }
            if excess > zero {
                too_small = mu;
            } else {
                too_large = mu;
            }
            // φ = 1/‖h‖ − 1/target with d‖h‖/dμ = −Σ hᵢ²/(θᵢ + λ) / ‖h‖ and, for the cubic, d target/dμ = target/λ.
            let own = match bound {
                Bound::Radius(_) => zero,
                Bound::Cubic(_) => length * square / (floor + mu),
            };
            let mut next = mu + excess * square / (slope + own);
            if !(next > too_small && next < too_large) {
                next = if next.is_nan() || too_large.is_finite() {
                    too_small + (too_large - too_small) * T::of(0.5)
                } else {
                    break; // no number lies between
                };
            }
            if next == mu || next.is_nan() {
                break;
            }
            mu = next;
        }
        self.finish(theta, c, mu, bound);
    }

    /// Norm, shift and decrease; in the hard case what the eigenvector of θ₁ adds.
    fn finish(&mut self, theta: &[T], c: impl Fn(usize) -> T, mu: T, bound: Bound<T>) {
        let (zero, half) = (T::zero(), T::of(0.5));
        let least = theta[0];
        let largest = least.abs().max(theta[theta.len() - 1].abs());
        self.shift = (-least).max(zero) + mu;
        let target = bound.length(self.shift);
        self.norm = norm(&self.h);
        // (T + λI) h = −c holds with any multiple of the first eigenvector added, up to μ times it.
        let singular = least < zero && mu <= T::epsilon() * largest;
        if singular && self.norm < target && target.is_finite() {
            let rest = norm(&self.h[1..]);
            let room = ((target - rest) * (target + rest)).max(zero).sqrt();
            let sign = if c(0) > zero { -T::one() } else { T::one() };
            if room > self.h[0].abs() {
                self.h[0] = sign * room;
            }
            self.norm = norm(&self.h);
        }
        // −q = Σ hᵢ² (½ θᵢ + λ) for the solution, each term ≥ 0 but perhaps the first, which the hard case made.
        self.decrease = zero;
        for (i, (&h, &theta)) in self.h.iter().zip(theta).enumerate() {
            self.decrease += if i == 0 { -h * (c(0) + half * theta * h) } else { h * h * (half * theta + self.shift) };
        }
        if let Bound::Radius(radius) = bound
            && self.norm > radius
        {
            // An ulp or two: the decrease does not notice.
            let shrink = radius / self.norm;
            self.h.iter_mut().for_each(|h| *h *= shrink);
            self.norm = radius;
        }
    }
}

impl<T: Scalar> Bound<T> {
    /// The right length for this λ.
    fn length(self, shift: T) -> T {
        match self {
            Self::Radius(radius) => radius,
            Self::Cubic(weight) => shift / weight,
        }
    }
}

/// The μ at which |c|/(θ + λ) alone has the right length.
fn lower_bound<T: Scalar>(theta: T, floor: T, c: T, bound: Bound<T>) -> T {
    match bound {
        Bound::Radius(radius) => c / radius - (theta + floor),
        Bound::Cubic(weight) => {
            // λ (θ + λ) = σ |c| has the root √(θ²/4 + σ|c|) − θ/2, taken in the form without cancellation; where
            // θ = −floor, μ = λ + θ is the root of the same equation with −θ.
            let half = T::of(0.5);
            let product = weight.sqrt() * c.sqrt();
            let root = (half * theta).hypot(product);
            let sum = half * theta.abs() + root;
            if sum == T::zero() {
                return T::zero();
            }
            let small = product / sum * product;
            if theta >= T::zero() {
                small - floor
            } else if theta == -floor {
                small
            } else {
                sum - floor
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Secular};

    fn cases() -> Vec<(Vec<f64>, Vec<f64>)> {
        vec![
            (vec![1.0, 2.0, 5.0], vec![1.0, -1.0, 0.5]),
            (vec![-1.0, 2.0, 5.0], vec![1.0, -1.0, 0.5]),
            (vec![-1.0, -1.0, 5.0], vec![0.0, 0.0, 0.5]),
            (vec![-1.0, 2.0, 5.0], vec![1e-17, -1.0, 0.5]),
            (vec![-3.0, -2.0, -1.0], vec![0.0, 0.0, 0.0]),
            (vec![0.0, 0.0, 0.0], vec![1.0, 2.0, 3.0]),
            (vec![1e-12, 1.0, 1e12], vec![1e-3, 1.0, 1e6]),
            (vec![-1e140, 1e-140, 1e140], vec![1e140, 1e-140, 1.0]),
        ]
    }

    #[test]
    fn solutions_satisfy_the_optimality_conditions() {
        let mut secular = Secular::new();
        for (theta, c) in cases() {
            for size in [1e-8, 1e-3, 1.0, 1e3, 1e8] {
                for bound in [Bound::Radius(size), Bound::Cubic(size)] {
                    secular.solve(&theta, |i| c[i], bound);
                    let Secular { ref h, shift, norm, decrease } = secular;
                    let label = format!("{theta:?}, {c:?}, {bound:?}: {secular:?}");
                    assert!(shift >= 0.0 && shift >= -theta[0], "{label}");
                    let scale = theta.iter().fold(shift, |a, b| a.max(b.abs())) * norm
                        + c.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
                    for i in 0..3 {
                        assert!(((theta[i] + shift) * h[i] + c[i]).abs() <= 1e-14 * scale, "{label}");
                    }
                    assert!(decrease >= 0.0, "{label}");
                    match bound {
                        Bound::Radius(radius) => {
                            assert!(norm <= radius, "{label}");
                            assert!(shift == 0.0 || norm >= radius * (1.0 - 1e-12), "{label}");
                        }
                        Bound::Cubic(weight) => {
                            assert!((weight * norm - shift).abs() <= 1e-12 * shift, "{label}");
                        }
                    }
                }
            }
        }
    }
}
