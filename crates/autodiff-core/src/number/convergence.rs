//! How far a truncated series reaches: its radius of convergence and the size of what is left out, from its coefficients.

use super::{Series, Taylor};
use crate::real::Float;

/// |c_k| ≈ e^a kᵖ ρ⁻ᵏ: the size of the coefficients of a function whose nearest singularity lies at distance ρ and is a pole or
/// a branch point of some order.
struct Envelope {
    scale: f64,
    power: f64,
    radius: f64,
}

impl<T: Float> Series<T> {
    /// An estimate of the radius of convergence: the distance of the nearest singularity in the complex plane.
    ///
    /// Within some per cent at order 40. A straight line is fitted to ln|c_k| over k and ln k, for the higher half of the coefficients that are not 0; the more of
    /// them, the better. Infinite for a polynomial of less than half the order; of a function without singularities it is a number that grows with the order.
    /// `None` if there are fewer than four coefficients to go by or one is not finite. Source of the model: Darboux's theorem;
    /// Corliss and Chang, *Solving ordinary differential equations using Taylor series*, ACM TOMS 8 (1982).
    ///
    /// ```
    /// use autodiff_core::{Elementary, Series};
    /// // 1/(1 + x²) is smooth on the whole line, but has poles at ±i.
    /// let y = Series::variable(1.0, 30).square().offset(1.0).recip();
    /// let radius = y.radius_of_convergence().unwrap();
    /// assert!((radius - 2.0_f64.sqrt()).abs() < 0.05);
    /// ```
    pub fn radius_of_convergence(&self) -> Option<f64> {
        radius(self.coefficients())
    }

    /// An estimate of |f(h) − Σ c_k hᵏ|, the sum of the terms that are left out, by the fit of
    /// [`radius_of_convergence`](Series::radius_of_convergence). Infinite where the series does not converge, 0 for a polynomial
    /// of less than half the order.
    /// `None` as there. An estimate, no bound: a singularity that the coefficients do not show yet is not seen.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Series};
    /// let y = Series::variable(0.0, 20).ln_1p();
    /// let error = (y.eval(0.5) - 1.5_f64.ln()).abs();
    /// let estimate = y.remainder_estimate(0.5).unwrap();
    /// assert!(error < 2.0 * estimate && estimate < 4.0 * error);
    /// ```
    pub fn remainder_estimate(&self, h: f64) -> Option<f64> {
        remainder(self.coefficients(), h)
    }
}

impl<T: Float, const K: usize> Taylor<T, K> {
    /// An estimate of the radius of convergence, as [`Series::radius_of_convergence`]; `None` for K below 4.
    ///
    /// ```
    /// use autodiff_core::{Elementary, Taylor};
    /// let y = Taylor::<f64, 30>::variable(3.0).ln();
    /// assert!((y.radius_of_convergence().unwrap() - 3.0).abs() < 0.05);
    /// ```
    pub fn radius_of_convergence(&self) -> Option<f64> {
        radius(&self.coefficients().copied().collect::<Vec<T>>())
    }

    /// An estimate of |f(h) − Σ c_k hᵏ|, the sum of the terms that are left out, as [`Series::remainder_estimate`].
    pub fn remainder_estimate(&self, h: f64) -> Option<f64> {
        remainder(&self.coefficients().copied().collect::<Vec<T>>(), h)
    }
}

fn radius<T: Float>(coefficients: &[T]) -> Option<f64> {
    Some(Envelope::of(coefficients)?.map_or(f64::INFINITY, |e| e.radius))
}

fn remainder<T: Float>(coefficients: &[T], h: f64) -> Option<f64> {
    let Some(Envelope { scale, power, radius }) = Envelope::of(coefficients)? else { return Some(0.0) };
    let ratio = h.abs() / radius;
    if ratio.is_nan() || ratio >= 1.0 {
        return Some(f64::INFINITY);
    }
    let next = coefficients.len() as f64;
    Some((scale + power * next.ln() + next * ratio.ln()).exp() / (1.0 - ratio))
}

impl Envelope {
    /// The fit; `Some(None)` if the higher half of the coefficients vanishes. Where these have underflowed, that of the ones before.
    fn of<T: Float>(coefficients: &[T]) -> Option<Option<Envelope>> {
        let n = coefficients.len() - 1;
        let size = |k: usize| coefficients[k].to_f64().abs();
        if n < 4 || !(0..=n).all(|k| size(k).is_finite()) {
            return None;
        }
        let least = T::PRECISION.least_normal();
        let mut normal = (1..=n).rev().filter(|&k| size(k) >= least);
        let end = match (normal.next(), normal.next()) {
            (Some(end), Some(before)) if end < n => {
                let fall = (size(end) / size(before)).ln() / (end - before) as f64;
                if size(end).ln() + fall < least.ln() { end } else { n }
            }
            _ => n,
        };
        let points: Vec<(f64, f64)> =
            (end / 2..=end).filter(|&k| size(k) > 0.0 && k > 0).map(|k| (k as f64, size(k).ln())).collect();
        match points.len() {
            0 => return Some(None),
            1..=3 => return None,
            _ => {}
        }
        let mut fit = least_squares(&points, points.len() >= 10);
        let off = |&(k, y): &(f64, f64)| (y - fit[0] - fit[1] * k - fit[2] * k.ln()).abs();
        if points.iter().map(off).fold(0.0, f64::max) > SMOOTH {
            // Coefficients of conjugate singularities swing: those that pass near 0 say nothing about the size.
            let mut highest = upper_hull(&points);
            if highest.len() > 3 {
                // The ends of a hull are there whether they are high or not.
                highest = highest[1..highest.len() - 1].to_vec();
            }
            fit = least_squares(&highest, false);
        }
        let [scale, slope, power] = fit;
        Some(Some(Envelope { scale, power, radius: (-slope).exp() }))
    }
}

/// How far ln|c_k| may lie off the fit for it to be one.
const SMOOTH: f64 = 0.1;

/// The points on the upper side of the convex hull, for points in order.
fn upper_hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for &point in points {
        while let [.., a, b] = hull[..]
            && (b.1 - a.1) * (point.0 - a.0) <= (point.1 - a.1) * (b.0 - a.0)
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// a, b and p that fit y ≈ a + b k + p ln k; p is 0 if it is not asked for.
fn least_squares(points: &[(f64, f64)], with_power: bool) -> [f64; 3] {
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (k0, l0, y0) = (mean(&|p| p.0), mean(&|p| p.0.ln()), mean(&|p| p.1));
    let sum = |of: &dyn Fn(f64, f64, f64) -> f64| -> f64 {
        points.iter().map(|&(k, y)| of(k - k0, k.ln() - l0, y - y0)).sum()
    };
    let (kk, kl, ll) = (sum(&|k, _, _| k * k), sum(&|k, l, _| k * l), sum(&|_, l, _| l * l));
    let (ky, ly) = (sum(&|k, _, y| k * y), sum(&|_, l, y| l * y));
    let determinant = kk * ll - kl * kl;
    let (slope, power) = if with_power {
        ((ky * ll - ly * kl) / determinant, (ly * kk - ky * kl) / determinant)
    } else {
        (ky / kk, 0.0)
    };
    [y0 - slope * k0 - power * l0, slope, power]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Elementary;
    use std::f64::consts::{FRAC_PI_2, SQRT_2};

    #[test]
    fn the_nearest_singularity_is_found() {
        let x = |at: f64| Series::variable(at, 40);
        let known = [
            (x(0.0).square().offset(1.0).recip(), 1.0),
            (x(0.0).tan(), FRAC_PI_2),
            (x(3.0).ln(), 3.0),
            (x(0.25).sqrt(), 0.25),
            (x(0.5).atan(), 1.25_f64.sqrt()),
            (x(-1.0).sin().exp() / x(-1.0).square().offset(1.0), SQRT_2),
            (x(0.0).offset(-2.0).recip() + x(0.0).offset(5.0).recip(), 2.0),
        ];
        for (series, radius) in known {
            let found = series.radius_of_convergence().unwrap();
            assert!((found / radius - 1.0).abs() < 0.06, "{found} against {radius} of {series}");
        }
    }

    #[test]
    fn polynomials_reach_everywhere_and_entire_functions_far() {
        let t = Series::variable(1.0, 20);
        assert_eq!(t.clone().powi(3).radius_of_convergence(), Some(f64::INFINITY));
        assert_eq!(t.clone().powi(3).remainder_estimate(10.0), Some(0.0));
        assert!(t.clone().exp().radius_of_convergence().unwrap() > 5.0);
        assert_eq!(Series::variable(1.0, 3).exp().radius_of_convergence(), None);
        assert_eq!(Series::variable(0.0, 20).ln().radius_of_convergence(), None);
    }

    #[test]
    fn coefficients_that_underflow_are_no_polynomial() {
        for (series, radius) in [
            (Series::variable(1e20, 40).ln(), 1e20),
            (Series::variable(1e8, 60).recip(), 1e8),
            (Series::variable(-1e12, 40).square().offset(1e24).recip(), 2.0_f64.sqrt() * 1e12),
        ] {
            let found = series.radius_of_convergence().unwrap();
            assert!((found / radius - 1.0).abs() < 0.2, "{found} against {radius}");
            assert_eq!(series.remainder_estimate(2.0 * radius), Some(f64::INFINITY));
        }
        let single = Series::variable(1000.0_f32, 40).ln();
        assert!((single.radius_of_convergence().unwrap() / 1000.0 - 1.0).abs() < 0.2);
        // Too few to go by.
        assert_eq!(Series::variable(1e100, 40).ln().radius_of_convergence(), None);
    }

    #[test]
    fn the_remainder_is_estimated_within_a_factor_of_ten() {
        for h in [0.1_f64, 0.4, -0.7] {
            let y = Series::variable(0.0, 24).square().offset(1.0).recip();
            let error = (y.eval(h) - 1.0 / (1.0 + h * h)).abs().max(1e-17);
            let estimate = y.remainder_estimate(h).unwrap().max(1e-17);
            assert!(error < 10.0 * estimate && estimate < 10.0 * error, "{h}: {error:e} {estimate:e}");
        }
        let y = Series::variable(0.0, 24).square().offset(1.0).recip();
        assert_eq!(y.remainder_estimate(1.2), Some(f64::INFINITY));
    }
}
