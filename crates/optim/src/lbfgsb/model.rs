//! The quadratic model of L-BFGS-B, its Cauchy point and its minimum over the free variables.
//!
//! m(x + z) = gᵀz + ½ zᵀB z with B = θ I − W M Wᵀ, W = [Y, θ S], M⁻¹ = [−D, Lᵀ; L, θ SᵀS], D the diagonal and L the
//! strictly lower triangle of SᵀY (Byrd, Nocedal, Schnabel, *Representations of quasi-Newton matrices and their use in
//! limited memory methods*, Math. Program. 63 (1994), eq. 3.22).

use crate::bounds::Bounds;
use crate::quasi_newton::{LbfgsInverse, Step};
use crate::scalar::Scalar;
use crate::small_matrix::SmallLu;
use crate::vector::dot;

/// B, and the room its minimisers need.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(bound = "T: Scalar"))]
pub(super) struct CompactModel<T> {
    /// B⁻¹, which holds the pairs, and 1/θ as its γ.
    hessian_inverse: LbfgsInverse<T>,
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::one"))]
    theta: T,
    /// M⁻¹ and its factors, of order 2 m.
    #[cfg_attr(feature = "serde", serde(with = "crate::bits::all"))]
    inverse: Vec<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    middle: SmallLu<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    reduced: SmallLu<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    work: Vec<T>,
    #[cfg_attr(feature = "serde", serde(skip))]
    breaks: Vec<(T, usize)>,
}

impl<T: Scalar> CompactModel<T> {
    pub(super) fn new(dimension: usize, memory: usize) -> Self {
        Self {
            hessian_inverse: LbfgsInverse::new(dimension, memory),
            theta: T::one(),
            inverse: Vec::new(),
            middle: SmallLu::default(),
            reduced: SmallLu::default(),
            work: Vec::new(),
            breaks: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hessian_inverse.pairs().is_empty()
    }

    /// Whether the model is one of `n` variables that can be gone on with.
    pub(super) fn fits(&self, n: usize) -> bool {
        self.hessian_inverse.fits(n)
    }

    pub(super) fn forget(&mut self) {
        self.hessian_inverse.forget();
        self.theta = T::one();
    }

    /// Takes a step in, unless it shows too little curvature.
    pub(super) fn learn(&mut self, step: &Step<'_, T>) {
        self.hessian_inverse.learn(step);
        self.theta = T::one() / self.hessian_inverse.gamma();
    }

    /// The minimum of the model without bounds, if it lies strictly inside them: it is then the minimum in the box, and
    /// costs 4 m n multiplications.
    pub(super) fn interior_minimum(&mut self, bounds: &Bounds<T>, x: &[T], g: &[T], out: &mut [T]) -> bool {
        for (out, &g) in out.iter_mut().zip(g) {
            *out = -g;
        }
        self.hessian_inverse.apply_in_place(out);
        for (out, &x) in out.iter_mut().zip(x) {
            *out += x;
        }
        out.iter().enumerate().all(|(i, &x)| bounds.is_free(i, x))
    }

    /// Forms and factors M⁻¹; pairs that make it singular are dropped, the oldest first.
    pub(super) fn refresh(&mut self) {
        loop {
            let m = self.hessian_inverse.pairs().len();
            let order = 2 * m;
            self.inverse.clear();
            self.inverse.resize(order * order, T::zero());
            for i in 0..m {
                let (s_i, _, sy) = self.hessian_inverse.pairs().pair(i);
                self.inverse[i * order + i] = -sy;
                for j in 0..=i {
                    let (s_j, y_j, _) = self.hessian_inverse.pairs().pair(j);
                    let ss = self.theta * dot(s_i, s_j);
                    self.inverse[(m + i) * order + m + j] = ss;
                    self.inverse[(m + j) * order + m + i] = ss;
                    if j < i {
                        let sy = dot(s_i, y_j);
                        self.inverse[(m + i) * order + j] = sy;
                        self.inverse[j * order + m + i] = sy;
                    }
                }
            }
            self.middle.reset(order).copy_from_slice(&self.inverse);
            if self.middle.factor() {
                return;
            }
            self.hessian_inverse.drop_oldest();
        }
    }

    /// Row `i` of W.
    fn row(&self, i: usize, out: &mut Vec<T>) {
        let m = self.hessian_inverse.pairs().len();
        out.clear();
        out.extend((0..m).map(|k| self.hessian_inverse.pairs().pair(k).1[i]));
        out.extend((0..m).map(|k| self.theta * self.hessian_inverse.pairs().pair(k).0[i]));
    }

    /// Wᵀ v.
    fn transposed(&self, v: &[T], out: &mut Vec<T>) {
        let m = self.hessian_inverse.pairs().len();
        out.clear();
        out.extend((0..m).map(|k| dot(self.hessian_inverse.pairs().pair(k).1, v)));
        out.extend((0..m).map(|k| self.theta * dot(self.hessian_inverse.pairs().pair(k).0, v)));
    }

    /// M v.
    fn middle_times(&mut self, v: &[T]) -> Vec<T> {
        let mut out = v.to_vec();
        self.middle.solve(&mut out, &mut self.work);
        out
    }

    /// The first local minimum of the model along the projected path P(x − t g): written into `cauchy`; returns
    /// c = Wᵀ(cauchy − x). Algorithm CP of Byrd, Lu, Nocedal, Zhu (1995). `d` is workspace.
    pub(super) fn cauchy_point(
        &mut self,
        bounds: &Bounds<T>,
        x: &[T],
        g: &[T],
        d: &mut [T],
        cauchy: &mut [T],
    ) -> Vec<T> {
        let zero = T::zero();
        let mut breaks = std::mem::take(&mut self.breaks);
        breaks.clear();
        cauchy.copy_from_slice(x);
        for i in 0..x.len() {
            let bound = if g[i] < zero { bounds.upper[i] } else { bounds.lower[i] };
            let t = if g[i] == zero { T::infinity() } else { (x[i] - bound) / g[i] };
            d[i] = if t > zero { -g[i] } else { zero };
            if t > zero && t.is_finite() {
                breaks.push((t, i));
            }
        }
        breaks.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));

        let mut p = Vec::new();
        self.transposed(d, &mut p);
        let mut c = vec![zero; p.len()];
        let mut w = Vec::new();
        // m′ and m″ along the current piece.
        let mut first = -dot(d, d);
        let mut second = -self.theta * first - dot(&p, &self.middle_times(&p));
        let least = T::epsilon() * second.abs();
        let mut t_old = zero;
        let mut minimum = if second > zero { -first / second } else { T::infinity() };
        for &(t, b) in &breaks {
            let dt = t - t_old;
            if minimum < dt || first >= zero {
                break;
            }
            let bound = if d[b] > zero { bounds.upper[b] } else { bounds.lower[b] };
            cauchy[b] = bound;
            let z = bound - x[b];
            for (c, &p) in c.iter_mut().zip(&p) {
                *c += dt * p;
            }
            self.row(b, &mut w);
            let mw = self.middle_times(&w);
            let gb = g[b];
            first += dt * second + gb * gb + self.theta * gb * z - gb * dot(&mw, &c);
            second -= gb * (self.theta * gb + T::of(2.0) * dot(&mw, &p) + gb * dot(&mw, &w));
            second = second.max(least);
            for (p, &w) in p.iter_mut().zip(&w) {
                *p += gb * w;
            }
            d[b] = zero;
            t_old = t;
            minimum = if second > zero { -first / second } else { T::infinity() };
        }
        // Where every variable has met its bound there is no piece left.
        let dt = if minimum.is_finite() { minimum.max(zero) } else { zero };
        for i in 0..x.len() {
            if d[i] != zero {
                cauchy[i] = bounds.clip(i, x[i] + (t_old + dt) * d[i]);
            }
        }
        for (c, &p) in c.iter_mut().zip(&p) {
            *c += dt * p;
        }
        self.breaks = breaks;
        c
    }

    /// Moves `point`, the Cauchy point, to the minimum of the model over the variables strictly inside their bounds,
    /// brought back into the box. False where the model has none; `point` is then the Cauchy point. `r` is workspace.
    ///
    /// By projection if the step from x then descends (Morales, Nocedal, *Remark on algorithm 778*, ACM TOMS 38 (2011)),
    /// else by shortening.
    pub(super) fn minimise_free(
        &mut self,
        bounds: &Bounds<T>,
        x: &[T],
        g: &[T],
        c: &[T],
        r: &mut [T],
        point: &mut [T],
    ) -> bool {
        let (zero, theta) = (T::zero(), self.theta);
        let order = c.len();
        let mc = self.middle_times(c);
        // r = g + θ (point − x) − W M c on the free variables, zero on the others.
        let m = self.hessian_inverse.pairs().len();
        for i in 0..x.len() {
            r[i] = g[i] + theta * (point[i] - x[i]);
        }
        for k in 0..m {
            let (s, y, _) = self.hessian_inverse.pairs().pair(k);
            for i in 0..x.len() {
                r[i] -= mc[k] * y[i] + theta * mc[m + k] * s[i];
            }
        }
        for i in 0..x.len() {
            if !bounds.is_free(i, point[i]) {
                r[i] = zero;
            }
        }
        // B̂⁻¹ = 1/θ + 1/θ² Ŵ (M⁻¹ − ŴᵀŴ/θ)⁻¹ Ŵᵀ by Sherman, Morrison and Woodbury.
        let mut v = Vec::new();
        self.transposed(r, &mut v);
        let mut gram = self.inverse.clone();
        let column = |k: usize| {
            if k < m {
                (self.hessian_inverse.pairs().pair(k).1, T::one())
            } else {
                (self.hessian_inverse.pairs().pair(k - m).0, theta)
            }
        };
        for a in 0..order {
            for b in 0..=a {
                let ((u, p), (w, q)) = (column(a), column(b));
                let free = (0..x.len()).filter(|&i| bounds.is_free(i, point[i]));
                let entry = free.map(|i| u[i] * w[i]).sum::<T>() * p * q / theta;
                gram[a * order + b] -= entry;
                if a != b {
                    gram[b * order + a] -= entry;
                }
            }
        }
        self.reduced.reset(order).copy_from_slice(&gram);
        if !self.reduced.factor() {
            return false;
        }
        self.reduced.solve(&mut v, &mut self.work);
        // r ← the step −B̂⁻¹ r.
        let entries: Vec<T> = v.iter().enumerate().map(|(k, &v)| if k < m { v } else { theta * v }).collect();
        let mut slope = zero;
        for i in 0..x.len() {
            if bounds.is_free(i, point[i]) {
                let wv = (0..m).map(|k| {
                    let (s, y, _) = self.hessian_inverse.pairs().pair(k);
                    entries[k] * y[i] + entries[m + k] * s[i]
                });
                r[i] = -(r[i] + wv.sum::<T>() / theta) / theta;
            }
            slope += g[i] * (bounds.clip(i, point[i] + r[i]) - x[i]);
        }
        if slope.is_nan() {
            return false;
        }
        let share = if slope >= zero { bounds.reach(point, r).min(T::one()) } else { T::one() };
        for i in 0..x.len() {
            if r[i] != zero {
                point[i] = bounds.clip(i, point[i] + share * r[i]);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, CompactModel};
    use crate::quasi_newton::Step;

    /// On a quadratic with as many pairs as variables B is its Hessian: the free minimum is the Newton point.
    #[test]
    fn the_model_is_the_quadratic_its_pairs_come_from() {
        let h = [[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]];
        let times = |v: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|i| (0..3).map(|j| h[i][j] * v[j]).sum()) };
        let mut model = CompactModel::new(3, 3);
        // Conjugate steps, so that BFGS ends at the Hessian itself: s₁ = e₁, then Gram–Schmidt in H.
        let mut steps: Vec<[f64; 3]> = Vec::new();
        for k in 0..3 {
            let mut s: [f64; 3] = std::array::from_fn(|i| f64::from(u8::from(i == k)));
            for t in &steps {
                let ht = times(t);
                let inner = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let c = inner(&s, &ht) / inner(t, &ht);
                s = std::array::from_fn(|i| s[i] - c * t[i]);
            }
            steps.push(s);
            model.learn(&Step { from: &[0.0; 3], to: &s, gradient_from: &[0.0; 3], gradient_to: &times(&s) });
        }
        model.refresh();
        let bounds = Bounds::new(&[f64::NEG_INFINITY; 3], &[f64::INFINITY; 3]);
        let solution = [1.0, -2.0, 0.5];
        let x = [0.3, 0.2, 0.1];
        let off: [f64; 3] = std::array::from_fn(|i| x[i] - solution[i]);
        let g = times(&off);
        let (mut d, mut point) = ([0.0; 3], [0.0; 3]);
        let c = model.cauchy_point(&bounds, &x, &g, &mut d, &mut point);
        // The Cauchy point of a quadratic without bounds is the exact step along −g.
        let gg: f64 = g.iter().map(|g| g * g).sum();
        let ghg: f64 = g.iter().zip(times(&g)).map(|(g, h)| g * h).sum();
        for i in 0..3 {
            assert!((point[i] - (x[i] - gg / ghg * g[i])).abs() < 1e-12, "{point:?}");
        }
        assert!(model.minimise_free(&bounds, &x, &g, &c, &mut d, &mut point));
        for i in 0..3 {
            assert!((point[i] - solution[i]).abs() < 1e-12, "{point:?}");
        }
    }
}
