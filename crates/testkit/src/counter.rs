//! Random-looking numbers from a counter, by integer arithmetic alone: the same bits in every language.
//!
//! Stream `k` = 0, 1, 2, … at counter `i` = 0, 1, 2, … is, with all operations modulo 2⁶⁴,
//!
//! ```text
//! z = (i + 1) · 0x9E3779B97F4A7C15 + (k + 1) · 0xD1B54A32D192ED03
//! z = (z xor (z >> 30)) · 0xBF58476D1CE4E5B9
//! z = (z xor (z >> 27)) · 0x94D049BB133111EB
//! z =  z xor (z >> 31)
//! U(k, i) = (z >> 11) · 2⁻⁵³      in [0, 1)
//! S(k, i) = 2 U(k, i) − 1         in [−1, 1)
//! ```
//!
//! which is the finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) over a
//! counter. An array of stream `k` is filled row-major: entry number `i` of its flattened form is that of counter `i`.

use ndarray::{Array, Dimension, IntoDimension};

/// U(k, i) of stream `k` at counter `i`, in [0, 1); see the [module](self) for the formula.
pub fn uniform(k: u64, i: u64) -> f64 {
    let stream = (k + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    let z = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(stream);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let z = z ^ (z >> 31);
    // 53 bits and a power of two: exact.
    (z >> 11) as f64 * (-53_f64).exp2()
}

/// S(k, i) = 2 U(k, i) − 1, in [−1, 1).
pub fn symmetric(k: u64, i: u64) -> f64 {
    2.0 * uniform(k, i) - 1.0
}

/// The array of this shape with entries U(k, 0), U(k, 1), …, row-major.
pub fn uniforms<D: Dimension>(k: u64, shape: impl IntoDimension<Dim = D>) -> Array<f64, D> {
    filled(shape, |i| uniform(k, i))
}

/// The array of this shape with entries S(k, 0), S(k, 1), …, row-major.
pub fn symmetrics<D: Dimension>(k: u64, shape: impl IntoDimension<Dim = D>) -> Array<f64, D> {
    filled(shape, |i| symmetric(k, i))
}

/// Direction number `j` in dimension `n`: entry `i` is S(99 + j, i). Number 0 is the one that reference numbers belong to.
pub fn direction(n: usize, j: u64) -> Vec<f64> {
    (0..n as u64).map(|i| symmetric(99 + j, i)).collect()
}

fn filled<D: Dimension>(shape: impl IntoDimension<Dim = D>, entry: impl Fn(u64) -> f64) -> Array<f64, D> {
    let shape = shape.into_dimension();
    let entries = (0..shape.size() as u64).map(entry).collect();
    Array::from_shape_vec(shape, entries).expect("as many entries as the shape has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_numbers_of_two_streams() {
        // Written down to eight digits when the generator was defined.
        for (i, expected) in [(0, 0.23576966), (1, 0.35202513), (2, 0.10207165)] {
            let found = uniform(1, i);
            assert!((found - expected).abs() < 5e-9, "U(1, {i}) = {found}");
        }
        assert_eq!(uniform(99, 0), 0.29382597499428054);
        assert_eq!(symmetric(99, 0), 2.0 * 0.29382597499428054 - 1.0);
    }

    #[test]
    fn arrays_are_row_major_and_directions_are_streams() {
        let array = uniforms(1, (4, 3, 5));
        assert_eq!(array[[2, 1, 4]], uniform(1, (2 * 3 + 1) * 5 + 4));
        assert_eq!(symmetrics(101, 7).to_vec(), direction(7, 2));
    }

    #[test]
    fn streams_have_the_mean_and_variance_of_the_uniform_distribution() {
        let n = 100_000;
        for k in [0, 1, 99] {
            let numbers = uniforms(k, n);
            let (mean, variance) = (numbers.mean().unwrap(), numbers.var(0.0));
            // Five standard deviations: of the mean 1/√(12n) each, of the variance 1/√(180n).
            assert!((mean - 0.5).abs() < 5.0 / (12.0 * n as f64).sqrt());
            assert!((variance - 1.0 / 12.0).abs() < 5.0 / (180.0 * n as f64).sqrt());
        }
    }
}
