//! Steihaug–Toint truncated conjugate gradients: the trust-region step from products alone.
//!
//! Minimises q(s) = gᵀs + ½ sᵀHs over ‖s‖ ≤ Δ along the path of conjugate gradients from s = 0. The path ends where
//! the residual is small, where it leaves the radius, or where a direction d has dᵀHd ≤ 0, which is followed to the
//! radius. Along the path ‖s‖ grows and q falls, so the step for any smaller radius is a point of the same path.
//!
//! ```
//! use optim::{Descent, OperatorFn, Steihaug, StepEnd};
//! let mut hessian = OperatorFn::new(2, |v: &[f64], out: &mut [f64]| {
//!     out.copy_from_slice(&[v[0], 4.0 * v[1]]);
//!     Ok(())
//! });
//! let mut cg = Steihaug::new();
//! let mut s = [0.0; 2];
//! // Two distinct eigenvalues: two products find the Newton step −H⁻¹g.
//! assert_eq!(cg.prepare(&mut hessian, &[3.0, 4.0], 10.0, 1e-12)?, 2);
//! assert_eq!(cg.step(10.0, &mut s).end, StepEnd::Interior);
//! assert!((s[0] + 3.0).abs() < 1e-14 && (s[1] + 1.0).abs() < 1e-14);
//! // A smaller radius needs no product.
//! let short = cg.step(0.5, &mut s);
//! assert_eq!(short.end, StepEnd::Boundary);
//! assert!((s[0].hypot(s[1]) - 0.5).abs() < 1e-15);
//! # Ok::<(), optim::ObjectiveError>(())
//! ```

use super::{hold, hold_rows};
use crate::descent::{Descent, ModelStep, StepEnd};
use crate::objective::{ObjectiveError, check_length};
use crate::operator::LinearOperator;
use crate::scalar::Scalar;
use crate::vector::{axpy, dot, norm};

/// Truncated conjugate gradients for a trust region, with the path kept for smaller radii.
///
/// Storage, in vectors of length `n`: four (s, r, d, Hd) and one for each step of the path, up to
/// [`path_rows`](Self::path_rows). Room for the rows, up to 2²² numbers, is reserved at the first preparation and kept.
///
/// A path with more steps than rows merges its later steps into one chord. The end of the chord minimises q over a
/// space that contains the chord, so along it the model still falls and ‖s‖ still grows; only radii that end *inside*
/// the chord get another step than the truncated one. The first step is never part of a chord: every step decreases q
/// at least as the Cauchy point does, which global convergence rests on.
///
/// Sources: T. Steihaug, *The conjugate gradient method and trust regions in large scale optimization*, SIAM J. Numer.
/// Anal. 20 (1983); Ph. L. Toint, *Towards an efficient sparsity exploiting Newton method for minimization* (1981);
/// Conn, Gould, Toint, *Trust-Region Methods* (2000), algorithm 7.5.1 and theorem 7.5.1 (monotone ‖s‖).
#[derive(Clone, Debug)]
pub struct Steihaug<T> {
    max_products: Option<usize>,
    path_rows: usize,
    /// s, the end of the interior path.
    s: Vec<T>,
    /// r = −(g + H s).
    r: Vec<T>,
    /// d, the next conjugate direction; followed by the tail.
    d: Vec<T>,
    /// H d.
    hd: Vec<T>,
    /// Row i is the step pᵢ of the path; the last may be a chord.
    rows: Vec<T>,
    segments: Vec<Segment<T>>,
    tail: Option<Tail<T>>,
    end: StepEnd,
    radius: T,
    residual_norm: T,
}

/// A step p of the path from s₀ = Σ earlier steps to s₁ = s₀ + p.
#[derive(Clone, Copy, Debug)]
struct Segment<T> {
    /// ‖s₁‖.
    end_norm: T,
    /// q(s₀) − q(s₁).
    decrease: T,
    /// −∇q(s₁)ᵀp: zero for a single step, which ends where q is least along it; for a chord the rounding that
    /// conjugate gradients suffer by losing conjugacy.
    slope: T,
}

impl<T: Scalar> Segment<T> {
    /// q(s₀) − q(s₀ + τ p), for the parabola with this decrease at τ = 1 and this slope there.
    fn decrease_at(&self, tau: T) -> T {
        tau * self.slope + (self.decrease - self.slope) * tau * (T::of(2.0) - tau)
    }
}

/// The half line s + τ d on which the path leaves the radius.
#[derive(Clone, Copy, Debug)]
struct Tail<T> {
    /// rᵀd = rᵀr, by which q falls at first along d.
    slope: T,
    /// dᵀHd.
    curvature: T,
}

impl<T: Scalar> Default for Steihaug<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Steihaug<T> {
    /// The method with its defaults; it holds no storage until it is first used.
    pub fn new() -> Self {
        Self {
            max_products: None,
            path_rows: 64,
            s: Vec::new(),
            r: Vec::new(),
            d: Vec::new(),
            hd: Vec::new(),
            rows: Vec::new(),
            segments: Vec::new(),
            tail: None,
            end: StepEnd::Interior,
            radius: T::zero(),
            residual_norm: T::zero(),
        }
    }

    /// Limits the products for one path. Default: `2 n`; exact arithmetic needs at most `n`, rounding more.
    ///
    /// With no product allowed there is no step.
    pub fn max_products(mut self, limit: usize) -> Self {
        self.max_products = Some(limit);
        self
    }

    /// How many steps of the path are kept exactly, one vector each. Default: 64. At least 2 are used: one for
    /// the steepest-descent step, which no chord may replace, and one for the rest.
    pub fn path_rows(mut self, rows: usize) -> Self {
        self.path_rows = rows.max(2);
        self
    }

    /// Reserves four vectors of length `n`, and the rows of a path of so many steps.
    pub(crate) fn reserve(&mut self, n: usize, steps: usize) {
        for storage in [&mut self.s, &mut self.r, &mut self.d, &mut self.hd] {
            hold(storage, n);
        }
        let rows = self.path_rows.min(steps);
        hold(&mut self.segments, rows);
        hold_rows(&mut self.rows, rows, n);
    }

    /// ‖H s + g‖₂ at the end of the interior path.
    pub fn residual_norm(&self) -> T {
        self.residual_norm
    }

    /// Keeps the step α d of the path, whose end has norm `end_norm` and decreases q by `decrease`.
    fn keep(&mut self, alpha: T, end_norm: T, decrease: T) {
        let n = self.d.len();
        let row = self.segments.len();
        if row < self.path_rows {
            self.segments.push(Segment { end_norm, decrease, slope: T::zero() });
            if self.rows.len() < (row + 1) * n {
                self.rows.resize((row + 1) * n, T::zero());
            }
            for (p, &d) in self.rows[row * n..(row + 1) * n].iter_mut().zip(&self.d) {
                *p = alpha * d;
            }
        } else {
            let last = &mut self.segments[row - 1];
            last.end_norm = end_norm;
            last.decrease += decrease;
            axpy(alpha, &self.d, &mut self.rows[(row - 1) * n..row * n]);
        }
    }

    /// s, r and d of length `n`, to be filled before [`resume`](Self::resume).
    pub(crate) fn buffers(&mut self, n: usize) -> [&mut [T]; 3] {
        self.s.resize(n, T::zero());
        self.r.resize(n, T::zero());
        self.d.resize(n, T::zero());
        [&mut self.s, &mut self.r, &mut self.d]
    }

    /// Goes on from the s, r and d in the buffers: a point inside the radius that decreases q by `decrease`, its
    /// residual, and a direction conjugate to the steps so far. The path to s counts as one step.
    pub(crate) fn resume<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        radius: T,
        decrease: T,
        tolerance: T,
        limit: usize,
    ) -> Result<usize, ObjectiveError> {
        let n = self.s.len();
        self.tail = None;
        self.radius = radius;
        self.hd.resize(n, T::zero());
        self.segments.clear();
        self.segments.push(Segment { end_norm: norm(&self.s), decrease, slope: T::zero() });
        if self.rows.len() < n {
            self.rows.resize(n, T::zero());
        }
        self.rows[..n].copy_from_slice(&self.s);
        let products = self.walk(hessian, tolerance, limit)?;
        self.close_path();
        Ok(products)
    }

    /// The slope at the end of the last step, once the residual there is known.
    fn close_path(&mut self) {
        let n = self.d.len();
        let last = self.segments.len().saturating_sub(1);
        if let Some(segment) = self.segments.last_mut() {
            segment.slope = dot(&self.r, &self.rows[last * n..(last + 1) * n]);
        }
    }

    /// Walks the path inside `radius`; the residual, tail and end are set where it stops.
    fn walk<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        tolerance: T,
        limit: usize,
    ) -> Result<usize, ObjectiveError> {
        let half = T::of(0.5);
        let mut rr = dot(&self.r, &self.r);
        let mut products = 0;
        loop {
            self.residual_norm = rr.sqrt();
            // An rᵀr that underflowed to zero says nothing more about directions either.
            if self.residual_norm <= tolerance || rr == T::zero() {
                self.end = StepEnd::Interior;
                return Ok(products);
            }
            if products == limit {
                self.end = StepEnd::ProductLimit;
                return Ok(products);
            }
            hessian.apply(&self.d, &mut self.hd)?;
            products += 1;
            let curvature = dot(&self.d, &self.hd); // dᵀHd
            if !curvature.is_finite() || !rr.is_finite() {
                self.end = StepEnd::NonFinite;
                return Ok(products);
            }
            // A dᵀHd that does not stand out of its rounding is no curvature to divide by.
            let floor = T::epsilon() * norm(&self.d) * norm(&self.hd);
            if curvature <= floor {
                self.tail = Some(Tail { slope: rr, curvature });
                self.end = StepEnd::NegativeCurvature;
                return Ok(products);
            }
            let tau = crossing(&self.s, &self.d, self.radius);
            // α minimises q along d. A tiny dᵀHd may make it infinite; then the radius comes first.
            let alpha = rr / curvature;
            if alpha >= tau {
                self.tail = Some(Tail { slope: rr, curvature });
                self.end = StepEnd::Boundary;
                return Ok(products);
            }
            axpy(alpha, &self.d, &mut self.s);
            axpy(-alpha, &self.hd, &mut self.r);
            let end_norm = norm(&self.s);
            self.keep(alpha, end_norm, half * alpha * rr); // q(s) − q(s + α d) = ½ α rᵀr
            let rr_next = dot(&self.r, &self.r);
            let beta = rr_next / rr;
            for (d, &r) in self.d.iter_mut().zip(&self.r) {
                *d = r + beta * *d;
            }
            rr = rr_next;
        }
    }
}

impl<T: Scalar> Descent<T> for Steihaug<T> {
    fn prepare<A: LinearOperator<T>>(
        &mut self,
        hessian: &mut A,
        gradient: &[T],
        radius: T,
        relative_tolerance: T,
    ) -> Result<usize, ObjectiveError> {
        let n = hessian.dimension();
        check_length("steihaug", "gradient", n, gradient.len())?;
        let limit = self.max_products.unwrap_or(2 * n);
        self.reserve(n, limit);
        self.segments.clear();
        self.tail = None;
        self.radius = radius;
        self.s.clear();
        self.s.resize(n, T::zero());
        self.r.clear();
        self.r.extend(gradient.iter().map(|&g| -g));
        self.d.clone_from(&self.r);
        self.hd.resize(n, T::zero());
        let products = self.walk(hessian, relative_tolerance * norm(gradient), limit)?;
        self.close_path();
        Ok(products)
    }

    fn step(&mut self, radius: T, out: &mut [T]) -> ModelStep<T> {
        let radius = radius.min(self.radius);
        let n = self.d.len();
        assert_eq!(out.len(), n, "steihaug: out has the wrong length");
        out.fill(T::zero());
        let mut start_norm = T::zero();
        let mut decrease = T::zero();
        for (row, segment) in self.segments.iter().enumerate() {
            let p = &self.rows[row * n..(row + 1) * n];
            if segment.end_norm >= radius {
                let tau = crossing(out, p, radius).min(T::one());
                axpy(tau, p, out);
                decrease += segment.decrease_at(tau);
                return within(radius, decrease, StepEnd::Boundary, out);
            }
            axpy(T::one(), p, out);
            decrease += segment.decrease;
            start_norm = segment.end_norm;
        }
        let Some(Tail { slope, curvature }) = self.tail else {
            return ModelStep { norm: start_norm, decrease, end: self.end };
        };
        let tau = crossing(out, &self.d, radius);
        axpy(tau, &self.d, out);
        // q(s) − q(s + τ d) = τ rᵀr − ½ τ² dᵀHd
        decrease += tau * (slope - T::of(0.5) * tau * curvature);
        within(radius, decrease, self.end, out)
    }
}

/// The step as one of norm at most `radius`: rounding may have put it a few ulp outside.
pub(super) fn within<T: Scalar>(radius: T, decrease: T, end: StepEnd, step: &mut [T]) -> ModelStep<T> {
    let found = norm(step);
    if found > radius {
        let shrink = radius / found;
        step.iter_mut().for_each(|s| *s *= shrink);
    }
    ModelStep { norm: found.min(radius), decrease, end }
}

/// The τ ≥ 0 with ‖s + τ d‖ = Δ, for ‖s‖ ≤ Δ and d ≠ 0.
///
/// In units of Δ and ‖d‖: u = τ ‖d‖/Δ solves u² + 2 c u = (1 − σ)(1 + σ) with σ = ‖s‖/Δ and c = sᵀd/(Δ ‖d‖).
/// The root is taken in the form without cancellation, and no square leaves the range of the number type.
pub(crate) fn crossing<T: Scalar>(s: &[T], d: &[T], radius: T) -> T {
    let d_norm = norm(d);
    let sigma = (norm(s) / radius).min(T::one());
    let c = dot(s, d) / radius / d_norm;
    let room = (T::one() - sigma) * (T::one() + sigma);
    let root = (c * c + room).sqrt();
    let u = if c > T::zero() { room / (c + root) } else { root - c };
    u * radius / d_norm
}

#[cfg(test)]
mod tests {
    use super::crossing;
    use crate::vector::norm;

    /// In the plane, s = (σ, 0) and d = δ (c, √(1 − c²)): the root of τ²δ² + 2 τ δ σ c = 1 − σ².
    #[test]
    fn the_boundary_is_met_without_cancellation() {
        let ulp = f64::EPSILON;
        // Powers of two, so that σ is exact: its rounding would be a part ε/(1 − σ) of the root.
        for scale in [2.0_f64.powi(-500), 1.0, 2.0_f64.powi(500)] {
            for gap in [1.0, 0.5, 1.0 / 1024.0, 2.0_f64.powi(-26), 4.0 * ulp, ulp, 0.0] {
                for sine in [1.0, 0.5, 1e-4, 1e-8, 0.0] {
                    for sign in [1.0, -1.0] {
                        // sᵀd must not be subnormal, where it has lost its digits, nor τ above all numbers.
                        let deltas = [1e-160, 1e-8, 1.0, 1e8].into_iter();
                        for delta in deltas.filter(|delta| delta * scale > 1e-290 && scale / delta < 1e300) {
                            let (sigma, c) = (1.0 - gap, sign * (1.0_f64 - sine * sine).sqrt());
                            let s = [sigma * scale, 0.0];
                            let d = [c * delta, sine * delta];
                            let tau = crossing(&s, &d, scale);
                            // The root of u² + 2 σ c u = (1 − σ)(1 + σ), from the gap and not from σ.
                            let room = gap * (1.0 + sigma);
                            let root = (sigma * c).hypot(room.sqrt());
                            let u = if c > 0.0 { room / (sigma * c + root) } else { root - sigma * c };
                            let label = format!("σ = 1 − {gap:e}, c = {c}, δ = {delta:e}, Δ = {scale:e}: {tau:e}");
                            assert!(tau >= 0.0 && tau.is_finite(), "{label}");
                            assert!((tau * (delta / scale) - u).abs() <= 8.0 * ulp * u, "{label}, not {u:e} in units");
                            let end = [s[0] + tau * d[0], s[1] + tau * d[1]];
                            assert!((norm(&end) / scale - 1.0).abs() <= 8.0 * ulp, "{label}");
                        }
                    }
                }
            }
        }
    }
}
