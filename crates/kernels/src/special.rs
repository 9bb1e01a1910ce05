//! Special functions at floats: those the standard library lacks.
//!
//! Each is compared with golden values of 60 digits (`tests/golden/special.py`, mpmath). Largest errors measured over
//! them, in units in the last place of the exact value:
//!
//! | function | arguments | ulp |
//! |---|---|---|
//! | erf, erfc | −6.5 to 26 | 1 |
//! | ln Γ | 1e-300 to 1e16, and negative | 2 |
//! | ψ | 1e-300 to 1e100; negative to −1000 | 5 |
//! | ψ⁽ⁿ⁾, n ≤ 12 | the same | 7 |
//! | sigmoid | −700 to 700 | 2 |
//!
//! Where a function has a zero (ψ once in every interval between poles and at 1.4616…; ln Γ at negative arguments; ψ⁽ⁿ⁾
//! for even n at negative arguments) the error is bounded in units of its largest term instead; the table leaves such
//! neighbourhoods out. `f32` is computed in `f64` and rounded once.

/// Special functions that the standard library lacks.
pub trait Special: Sized {
    /// Error function 2/√π ∫₀ˣ e^{−t²} dt.
    fn special_erf(self) -> Self;

    /// Complementary error function 1 − erf x, with full relative accuracy in the right tail.
    fn special_erfc(self) -> Self;

    /// ln |Γ(x)|; +∞ at the poles 0, −1, −2, …
    fn special_ln_gamma(self) -> Self;

    /// Digamma ψ(x) = d/dx ln Γ(x); NaN at the poles −1, −2, …, and ∓∞ at ±0.
    fn special_digamma(self) -> Self;

    /// Polygamma ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹ n! ζ(n + 1, x), the n-th derivative of digamma, of whole order n ≥ 0; NaN of any other.
    /// It is 0 where ζ is below the smallest number.
    ///
    /// At the poles 0, −1, −2, … it is +∞ for odd n, and NaN for even n ≥ 2, where the two sides differ.
    fn special_polygamma(self, n: Self) -> Self;

    /// Hurwitz's zeta function ζ(s, x) = Σ_{k≥0} (x + k)^{−s}, of whole s ≥ 2; NaN of any other.
    ///
    /// At the poles 0, −1, −2, … it is +∞ for even s, and NaN for odd s, where the two sides differ.
    fn special_hurwitz_zeta(self, s: Self) -> Self;

    /// Logistic sigmoid 1/(1 + e^{−x}), without overflow and with full relative accuracy in both tails.
    fn special_sigmoid(self) -> Self;
}

impl Special for f64 {
    #[inline]
    fn special_erf(self) -> f64 {
        libm::erf(self)
    }
    #[inline]
    fn special_erfc(self) -> f64 {
        libm::erfc(self)
    }
    #[inline]
    fn special_ln_gamma(self) -> f64 {
        libm::lgamma(self)
    }
    fn special_digamma(self) -> f64 {
        digamma(self)
    }
    fn special_polygamma(self, n: f64) -> f64 {
        polygamma(n, self)
    }
    fn special_hurwitz_zeta(self, s: f64) -> f64 {
        hurwitz_zeta(s, self)
    }
    #[inline]
    fn special_sigmoid(self) -> f64 {
        // e ≤ 1, so nothing overflows; for x < 0 the small number e itself is the leading factor.
        let e = (-self.abs()).exp();
        let upper = 1.0 / (1.0 + e);
        if self < 0.0 { e * upper } else { upper }
    }
}

impl Special for f32 {
    #[inline]
    fn special_erf(self) -> f32 {
        f64::from(self).special_erf() as f32
    }
    #[inline]
    fn special_erfc(self) -> f32 {
        f64::from(self).special_erfc() as f32
    }
    #[inline]
    fn special_ln_gamma(self) -> f32 {
        f64::from(self).special_ln_gamma() as f32
    }
    fn special_digamma(self) -> f32 {
        f64::from(self).special_digamma() as f32
    }
    fn special_polygamma(self, n: f32) -> f32 {
        f64::from(self).special_polygamma(f64::from(n)) as f32
    }
    fn special_hurwitz_zeta(self, s: f32) -> f32 {
        f64::from(self).special_hurwitz_zeta(f64::from(s)) as f32
    }
    #[inline]
    fn special_sigmoid(self) -> f32 {
        f64::from(self).special_sigmoid() as f32
    }
}

/// B_{2k}/(2k)! for k = 1, …, 10: coefficients of the Euler–Maclaurin formula.
const BERNOULLI: [f64; 10] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30_240.0,
    -1.0 / 1_209_600.0,
    1.0 / 47_900_160.0,
    -691.0 / 1_307_674_368_000.0,
    1.0 / 74_724_249_600.0,
    -3617.0 / 10_670_622_842_880_000.0,
    43_867.0 / 5_109_094_217_170_944_000.0,
    -174_611.0 / 802_857_662_698_291_200_000.0,
];

fn digamma(x: f64) -> f64 {
    if x < 0.0 {
        // Reflection ψ(x) = ψ(1 − x) − π cot πx. The distance r to the nearest pole is exact, and so keeps the
        // cotangent accurate near it.
        let r = x - x.round();
        return match r == 0.0 || x.is_infinite() {
            true => f64::NAN,
            false => digamma(1.0 - x) - std::f64::consts::PI / (std::f64::consts::PI * r).tan(),
        };
    }
    // Recurrence ψ(x) = ψ(x + 1) − 1/x up to where the asymptotic series has converged.
    let mut far = x;
    let mut steps = 0.0;
    while far < 12.0 {
        steps += 1.0 / far;
        far += 1.0;
    }
    // ψ(z) ~ ln z − 1/(2z) − Σ B_{2k}/(2k z^{2k}), DLMF 5.11.2. The first term left out, B₁₈/(18 z¹⁸), is below
    // 2e-19 at z = 12.
    let inverse_square = 1.0 / (far * far);
    let mut factorial = 40_320.0 * 9.0 * 10.0 * 11.0 * 12.0 * 13.0 * 14.0 * 15.0; // 15! = 16!/16
    let mut tail = 0.0;
    for k in (1..=8_u32).rev() {
        // B_{2k}/(2k) = (B_{2k}/(2k)!)·(2k − 1)!
        tail = (tail + BERNOULLI[k as usize - 1] * factorial) * inverse_square;
        factorial /= f64::from((2 * k - 1) * (2 * k - 2).max(1));
    }
    far.ln() - 0.5 / far - tail - steps
}

fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    let zeta = hurwitz_zeta(n + 1.0, x);
    if zeta == 0.0 || !zeta.is_finite() {
        return if n % 2.0 == 1.0 { zeta } else { -zeta };
    }
    // Of 171! on, n! is beyond the numbers, its product with ζ need not be.
    let factors = (2..=n as u32).map(f64::from);
    let size = match n <= 170.0 {
        true => zeta * factors.product::<f64>(),
        false => factors.fold(zeta, |size, factor| size * factor),
    };
    if n % 2.0 == 1.0 { size } else { -size }
}

fn hurwitz_zeta(s: f64, x: f64) -> f64 {
    if !((2.0..=MOST).contains(&s) && s.fract() == 0.0) || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let s = s as i32;
    if x > 0.0 { hurwitz(s, x) } else { hurwitz_left(s, x) }
}

/// The largest s of ζ(s, x): beyond, no power is neither 0 nor ∞ but those of 1 and its closest neighbours.
const MOST: f64 = 1e9;

/// Hurwitz's ζ(s, x) = Σ_{k≥0} (x + k)^{−s} for x > 0 and whole s ≥ 2, by Euler–Maclaurin summation.
///
/// All terms but the last few are positive: relative accuracy is that of the largest.
fn hurwitz(s: i32, x: f64) -> f64 {
    let power = |z: f64| z.powi(-s);
    // z^{1−s}, which is a number where z^{−s} vanishes.
    let integral = |z: f64| z.powi(1 - s) / f64::from(s - 1);
    let s = f64::from(s);
    // From z = 10 + s on, term k of the correction is below (s + 2k)²/(2πz)² < ⅙ of the one before, for k ≤ 10.
    let start = 10.0 + s;
    let mut sum = 0.0;
    let mut z = x;
    while z < start {
        let term = power(z);
        sum += term;
        z += 1.0;
        // All further terms together are below term · z/(s − 1).
        if term == 0.0 || term * z < sum * 1e-20 {
            return sum;
        }
    }
    // ∫_z^∞ t^{−s} dt + ½z^{−s} + Σ_k B_{2k}/(2k)! · s(s+1)…(s+2k−2) · z^{−s−2k+1}
    let inverse_square = 1.0 / (z * z);
    let mut correction = 0.0;
    for k in (1..BERNOULLI.len()).rev() {
        let (a, b) = (s + 2.0 * k as f64 - 1.0, s + 2.0 * k as f64);
        correction = (correction + BERNOULLI[k]) * a * b * inverse_square;
    }
    correction = (correction + BERNOULLI[0]) * s / z;
    sum + (integral(z) + power(z) * (0.5 + correction))
}

/// The same sum for x ≤ 0: Σ_{k≥0} (x + k)^{−s}.
///
/// With r the offset of x from the nearest whole number, the sum over all integers is, up to the sign of r for odd s,
/// |r|^{−s} ± (1 − |r|)^{−s} + ζ(s, 1 + |r|) ± ζ(s, 2 − |r|), with + for even s and − for odd s, where it vanishes
/// exactly at |r| = ½. What it has too much is (−1)ˢ ζ(s, 1 − x).
fn hurwitz_left(s: i32, x: f64) -> f64 {
    let r = x - x.round();
    let even = s % 2 == 0;
    if r == 0.0 {
        return if even { f64::INFINITY } else { f64::NAN };
    }
    let near = r.abs();
    let pair = [near.powi(-s), (1.0 - near).powi(-s)];
    let far = [hurwitz(s, 1.0 + near), hurwitz(s, 2.0 - near)];
    if even {
        pair[0] + pair[1] + far[0] + (far[1] - hurwitz(s, 1.0 - x))
    } else {
        ((pair[0] - pair[1]) + (far[0] - far[1])) * r.signum() + hurwitz(s, 1.0 - x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::thinned;

    /// One golden value: a function of order `n` at `x`.
    struct Golden {
        function: &'static str,
        n: f64,
        x: f64,
        value: f64,
    }

    impl Golden {
        fn all() -> impl Iterator<Item = Golden> {
            thinned(include_str!("../tests/golden/special.csv").lines().skip(1), 31).map(|line| {
                let fields: Vec<&str> = line.split(',').collect();
                let number = |i: usize| fields[i].parse().expect("the file holds numbers");
                Golden { function: fields[0], n: number(1), x: number(2), value: number(3) }
            })
        }

        fn computed(&self) -> f64 {
            match self.function {
                "erf" => self.x.special_erf(),
                "erfc" => self.x.special_erfc(),
                "ln_gamma" => self.x.special_ln_gamma(),
                "digamma" => self.x.special_digamma(),
                "polygamma" => self.x.special_polygamma(self.n),
                "sigmoid" => self.x.special_sigmoid(),
                other => panic!("no function {other}"),
            }
        }

        /// Unit in the last place of the exact value.
        fn ulp(&self) -> f64 {
            let size = self.value.abs();
            f64::from_bits(size.to_bits() + 1) - size
        }
    }

    /// Largest error in ulp over the golden values of a function of absolute value at least `smallest`.
    fn worst(function: &str, smallest: f64) -> f64 {
        let of_function = Golden::all().filter(|g| g.function == function && g.value.abs() >= smallest);
        let worst = of_function
            .map(|g| ((g.computed() - g.value).abs() / g.ulp(), g))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .expect("the file has values of every function");
        println!("{function}: {} ulp, of order {} at {}", worst.0, worst.1.n, worst.1.x);
        worst.0
    }

    // Bounds are what was measured and one ulp more for another platform's exp, ln and tan.

    #[test]
    fn error_functions_match_golden_values() {
        assert!(worst("erf", 0.0) <= 2.0);
        assert!(worst("erfc", 0.0) <= 2.0);
    }

    #[test]
    fn ln_gamma_matches_golden_values() {
        // Below ½ are neighbourhoods of the zeros at 1, at 2 (where libm is relatively exact) and at negative numbers.
        assert!(worst("ln_gamma", 0.5) <= 3.0);
        assert!(worst("ln_gamma", 0.0) <= 11.0);
    }

    #[test]
    fn digamma_matches_golden_values() {
        assert!(worst("digamma", 0.5) <= 6.0);
        // About its zeros: an ulp of the terms of its sum, which are below 5.
        for g in Golden::all().filter(|g| g.function == "digamma" && g.value.abs() < 0.5) {
            let error = (g.computed() - g.value).abs();
            assert!(error <= 5.0 * f64::EPSILON, "ψ({}) off by {error:e}", g.x);
        }
    }

    #[test]
    fn polygamma_matches_golden_values() {
        // Zeros of even orders at negative arguments are not among the points.
        assert!(worst("polygamma", 0.0) <= 8.0);
    }

    #[test]
    fn sigmoid_matches_golden_values() {
        assert!(worst("sigmoid", 0.0) <= 3.0);
    }

    #[test]
    fn single_precision_is_double_precision_rounded() {
        for g in Golden::all() {
            let (x, n) = (g.x as f32, g.n as f32);
            let wide = Golden { x: f64::from(x), ..g };
            let narrow = match wide.function {
                "erf" => x.special_erf(),
                "erfc" => x.special_erfc(),
                "ln_gamma" => x.special_ln_gamma(),
                "digamma" => x.special_digamma(),
                "polygamma" => x.special_polygamma(n),
                _ => x.special_sigmoid(),
            };
            assert!(narrow.to_bits() == (wide.computed() as f32).to_bits() || narrow.is_nan(), "{} at {x}", g.function);
        }
    }

    #[test]
    fn poles_and_ends_have_their_limits() {
        assert_eq!(0.0.special_digamma(), f64::NEG_INFINITY);
        assert_eq!((-0.0).special_digamma(), f64::INFINITY);
        assert!((-3.0_f64).special_digamma().is_nan());
        assert_eq!(f64::INFINITY.special_digamma(), f64::INFINITY);
        assert_eq!((-3.0).special_polygamma(1.0), f64::INFINITY);
        assert!((-3.0_f64).special_polygamma(2.0).is_nan());
        assert_eq!(f64::INFINITY.special_polygamma(1.0), 0.0);
        assert!(1.0_f64.special_polygamma(1.5).is_nan() && 1.0_f64.special_polygamma(-1.0).is_nan());
        assert!(1.0_f64.special_hurwitz_zeta(1.0).is_nan() && 1.0_f64.special_hurwitz_zeta(2.5).is_nan());
        assert_eq!(2.5.special_polygamma(0.0), 2.5.special_digamma());
        // ζ(200, 1) = 1 + 2⁻²⁰⁰ + …; 199! of them is beyond the numbers.
        assert_eq!((1.0.special_hurwitz_zeta(200.0), 1.0.special_polygamma(199.0)), (1.0, f64::INFINITY));
        // 175! is beyond the numbers, ψ⁽¹⁷⁵⁾(20) is not: mpmath 1.4.1 with 60 digits. Some 175 roundings.
        assert!((20.0_f64.special_polygamma(175.0) / 1.1741990565911033e89 - 1.0).abs() < 4e-14);
        assert_eq!((-2.0).special_ln_gamma(), f64::INFINITY);
        for x in [f64::NAN, f64::NEG_INFINITY] {
            assert!(x.special_digamma().is_nan() && x.special_polygamma(1.0).is_nan());
        }
    }

    #[test]
    fn sigmoid_never_overflows() {
        assert_eq!(f64::NEG_INFINITY.special_sigmoid(), 0.0);
        assert_eq!(f64::INFINITY.special_sigmoid(), 1.0);
        assert_eq!((-740.0).special_sigmoid(), (-740.0_f64).exp());
        assert_eq!(0.0.special_sigmoid(), 0.5);
        assert!(f64::NAN.special_sigmoid().is_nan());
        assert_eq!((-100.0_f32).special_sigmoid(), (-100.0_f64).exp() as f32);
    }

    quickcheck::quickcheck! {
        // ψ⁽ⁿ⁾(x + 1) = ψ⁽ⁿ⁾(x) + (−1)ⁿ n!/xⁿ⁺¹, on both sides of 0.
        fn recurrence_holds(x: i16, n: u8) -> bool {
            let (x, n) = (f64::from(x) / 1024.0, i32::from(n % 6));
            if x.fract() == 0.0 {
                return true;
            }
            let factorial: f64 = (1..=n).map(f64::from).product();
            let step = f64::from(1 - 2 * (n % 2)) * factorial / x.powi(n + 1);
            let (here, there) = (x.special_polygamma(n.into()), (x + 1.0).special_polygamma(n.into()));
            // Errors of at most 8 ulp of each term; for even orders right of a pole, of a cotangent up to there.
            let size = step.abs() + here.abs() + there.abs() + factorial * 2.0_f64.powi(n + 2);
            (there - here - step).abs() <= 16.0 * f64::EPSILON * size
        }
    }
}
