//! The Rayleigh–Ritz problem of a small space: all eigenpairs of a small dense symmetric matrix, by Jacobi's rotations.

use crate::scalar::Scalar;

/// Eigenpairs of a dense symmetric matrix of order k. Reused storage.
#[derive(Clone, Debug)]
pub(crate) struct Rayleigh<T> {
    order: usize,
    a: Vec<T>,
    /// Row i is the eigenvector of `values[i]`.
    vectors: Vec<T>,
    places: Vec<usize>,
}

/// Jacobi converges quadratically; ten sweeps do for any order that occurs, and only NaN reaches the limit.
const MAX_SWEEPS: usize = 40;

impl<T: Scalar> Rayleigh<T> {
    pub(crate) fn new() -> Self {
        Self { order: 0, a: Vec::new(), vectors: Vec::new(), places: Vec::new() }
    }

    /// Solves for the matrix with entries `entry(i, j)`, i ≥ j. Time about 10 sweeps of 6 k³.
    ///
    /// Source: Golub, Van Loan, *Matrix Computations* (2013), §8.5.
    pub(crate) fn solve(&mut self, order: usize, entry: impl Fn(usize, usize) -> T) {
        self.order = order;
        let k = order;
        self.a.clear();
        self.a.resize(k * k, T::zero());
        self.vectors.clear();
        self.vectors.resize(k * k, T::zero());
        for i in 0..k {
            self.vectors[i * k + i] = T::one();
            for j in 0..=i {
                let a = entry(i, j);
                self.a[i * k + j] = a;
                self.a[j * k + i] = a;
            }
        }
        for _ in 0..MAX_SWEEPS {
            let mut rotated = false;
            for p in 0..k {
                for q in p + 1..k {
                    rotated |= self.rotate(p, q);
                }
            }
            if !rotated {
                break;
            }
        }
        self.places.clear();
        self.places.extend(0..k);
        let a = &self.a;
        self.places.sort_unstable_by(|&i, &j| {
            a[i * k + i].partial_cmp(&a[j * k + j]).unwrap_or(std::cmp::Ordering::Equal).then(i.cmp(&j))
        });
    }

    /// Zeroes entry (p, q); false if it is zero up to rounding already.
    fn rotate(&mut self, p: usize, q: usize) -> bool {
        let k = self.order;
        let (app, aqq, apq) = (self.a[p * k + p], self.a[q * k + q], self.a[p * k + q]);
        let negligible = T::epsilon() * (app.abs() * aqq.abs()).sqrt();
        // Not `<=`: a NaN is left alone.
        if !(apq.abs() > negligible && apq.abs() > T::min_positive_value()) {
            return false;
        }
        // t = tan of the smaller angle that solves t² + 2 θ t = 1
        let theta = (aqq - app) / (apq + apq);
        let t = T::one() / (theta.abs() + theta.hypot(T::one())) * theta.signum();
        let c = T::one() / t.hypot(T::one());
        let s = t * c;
        for i in 0..k {
            let (aip, aiq) = (self.a[i * k + p], self.a[i * k + q]);
            self.a[i * k + p] = c * aip - s * aiq;
            self.a[i * k + q] = s * aip + c * aiq;
        }
        for i in 0..k {
            let (api, aqi) = (self.a[p * k + i], self.a[q * k + i]);
            self.a[p * k + i] = c * api - s * aqi;
            self.a[q * k + i] = s * api + c * aqi;
            let (vp, vq) = (self.vectors[p * k + i], self.vectors[q * k + i]);
            self.vectors[p * k + i] = c * vp - s * vq;
            self.vectors[q * k + i] = s * vp + c * vq;
        }
        self.a[p * k + q] = T::zero();
        self.a[q * k + p] = T::zero();
        true
    }

    /// Eigenvalue number `i`, from the lowest.
    pub(crate) fn value(&self, i: usize) -> T {
        let place = self.places[i];
        self.a[place * self.order + place]
    }

    /// The eigenvector of eigenvalue number `i`, of length 1.
    pub(crate) fn vector(&self, i: usize) -> &[T] {
        let place = self.places[i];
        &self.vectors[place * self.order..(place + 1) * self.order]
    }
}

#[cfg(test)]
mod tests {
    use super::Rayleigh;

    #[test]
    fn eigenpairs_satisfy_their_equation() {
        let mut rayleigh = Rayleigh::new();
        for k in 1..20 {
            let entry = |i: usize, j: usize| ((i * 7 + j * 13) as f64).sin() + if i == j { i as f64 } else { 0.0 };
            let symmetric = |i: usize, j: usize| entry(i.max(j), i.min(j));
            rayleigh.solve(k, entry);
            for pair in 0..k {
                let (value, z) = (rayleigh.value(pair), rayleigh.vector(pair));
                assert!(pair == 0 || rayleigh.value(pair - 1) <= value);
                assert!((z.iter().map(|z| z * z).sum::<f64>() - 1.0).abs() < 1e-13);
                for i in 0..k {
                    let az: f64 = (0..k).map(|j| symmetric(i, j) * z[j]).sum();
                    // A modest multiple of ε ‖A‖, ‖A‖ ≤ 40.
                    assert!((az - value * z[i]).abs() < 1e-13, "order {k}, pair {pair}");
                }
            }
        }
    }
}
