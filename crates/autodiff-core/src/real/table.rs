//! The table of elementwise primitives: everything the library knows about `exp`, `tanh`, `atan2` and the rest.
//!
//! A row states a function once: its value at a plain float, its derivative as an expression in the inputs *and the
//! output*, and where to sample it in tests. Graph nodes, tangents, cotangents, Taylor coefficients of every order, the
//! number types and the law suite are generated from these rows; there is no second list.
//!
//! Three forms of derivative, of a row `y = f(x)`:
//! * `partial(x, y) { d }`: y′ = d;
//! * `inverse(x, y) { q }`: y′ = 1/q, which saves the Taylor recurrence one convolution;
//! * `partials(a, b, y) { da, db }` for two inputs.

/// Hands the table of smooth rows to the macro `$callback`.
///
/// Inside a value block the inputs are plain floats (`f32` or `f64`, instantiated for each), inside a derivative block
/// they are any [`Elementary`](crate::real::Elementary) and are consumed: clone what is used twice.
#[macro_export]
#[doc(hidden)]
macro_rules! for_each_row {
    ($callback:path) => {
        $callback! {
            unary {
                /// 1/x.
                Recip recip value(x) { 1.0 / x } partial(_x, y) { -y.square() } sample [0.3, 3.0];
                /// eˣ.
                Exp exp value(x) { x.exp() } partial(_x, y) { y } sample [-2.0, 2.0];
                /// eˣ − 1, exact near 0.
                ///
                /// Its slope is eˣ anew: y + 1 has no digits where y rounds to −1.
                ExpM1 exp_m1 value(x) { x.exp_m1() } partial(x, _y) { x.exp() } sample [-2.0, 2.0];
                /// Natural logarithm.
                Ln ln value(x) { x.ln() } inverse(x, _y) { x } sample [0.2, 4.0];
                /// ln(1 + x), exact near 0.
                Ln1p ln_1p value(x) { x.ln_1p() } inverse(x, _y) { x.offset(1.0) } sample [-0.7, 3.0];
                /// Sine of an angle in radians.
                Sin sin value(x) { x.sin() } partial(x, _y) { x.cos() } sample [-3.0, 3.0];
                /// Cosine of an angle in radians.
                Cos cos value(x) { x.cos() } partial(x, _y) { -x.sin() } sample [-3.0, 3.0];
                /// Tangent of an angle in radians.
                Tan tan value(x) { x.tan() } partial(_x, y) { y.square().offset(1.0) } sample [-1.2, 1.2];
                /// Inverse sine, in [−π/2, π/2].
                Asin asin value(x) { x.asin() }
                    inverse(x, _y) { ((-x.clone()).offset(1.0) * x.offset(1.0)).sqrt() } sample [-0.9, 0.9];
                /// Inverse cosine, in [0, π].
                Acos acos value(x) { x.acos() }
                    inverse(x, _y) { -((-x.clone()).offset(1.0) * x.offset(1.0)).sqrt() } sample [-0.9, 0.9];
                /// Inverse tangent, in (−π/2, π/2).
                Atan atan value(x) { x.atan() } inverse(x, _y) { x.square().offset(1.0) } sample [-3.0, 3.0];
                /// Hyperbolic sine.
                Sinh sinh value(x) { x.sinh() } partial(x, _y) { x.cosh() } sample [-2.0, 2.0];
                /// Hyperbolic cosine.
                Cosh cosh value(x) { x.cosh() } partial(x, _y) { x.sinh() } sample [-2.0, 2.0];
                /// Hyperbolic tangent.
                ///
                /// Its slope 1 − y² has the digits of 1 − |y| only, from |x| ≈ 5 on fewer and from |x| ≈ 19 on none: it is then 0
                /// instead of 4e^{−2|x|}. The exact form σ(2x)·4σ(−2x) takes two more exponentials in every derivative of every
                /// layer, and is no square, of which series take half the products.
                Tanh tanh value(x) { x.tanh() }
                    partial(_x, y) { (-y.clone()).offset(1.0) * y.offset(1.0) } sample [-2.0, 2.0];
                /// Inverse hyperbolic sine.
                Asinh asinh value(x) { x.asinh() } inverse(x, _y) { x.hypot(Elementary::from_f64(1.0)) } sample [-3.0, 3.0];
                /// Inverse hyperbolic cosine, of x ≥ 1.
                Acosh acosh value(x) { let d = x - 1.0; (d + d.sqrt() * (d + 2.0).sqrt()).ln_1p() }
                    inverse(x, _y) { x.clone().offset(-1.0).sqrt() * x.offset(1.0).sqrt() } sample [1.3, 4.0];
                /// Inverse hyperbolic tangent, of |x| < 1.
                Atanh atanh value(x) { x.abs().atanh().copysign(x) }
                    inverse(x, _y) { (-x.clone()).offset(1.0) * x.offset(1.0) } sample [-0.8, 0.8];
                /// Square root.
                Sqrt sqrt value(x) { x.sqrt() } inverse(_x, y) { y.scale(2.0) } sample [0.2, 4.0];
                /// Real cube root, of any sign.
                Cbrt cbrt value(x) { x.cbrt() } inverse(_x, y) { y.square().scale(3.0) } sample [0.2, 4.0];
                /// Error function, 2/√π ∫₀ˣ e^{−t²} dt.
                Erf erf value(x) { x.special_erf() }
                    partial(x, _y) { (-x.square()).exp().scale(std::f64::consts::FRAC_2_SQRT_PI) } sample [-2.0, 2.0];
                /// Complementary error function 1 − erf x, exact in the right tail.
                Erfc erfc value(x) { x.special_erfc() }
                    partial(x, _y) { (-x.square()).exp().scale(-std::f64::consts::FRAC_2_SQRT_PI) } sample [-2.0, 2.0];
                /// ln |Γ(x)|.
                LnGamma ln_gamma value(x) { x.special_ln_gamma() } partial(x, _y) { x.digamma() } sample [0.3, 5.0];
                /// Digamma ψ(x) = d/dx ln Γ(x).
                Digamma digamma value(x) { x.special_digamma() } partial(x, _y) { x.hurwitz_zeta(Elementary::from_f64(2.0)) }
                    sample [0.3, 5.0];
                /// Logistic sigmoid σ(x) = 1/(1 + e^{−x}).
                ///
                /// Its slope is σ(x) σ(−x), exact in both tails: 1 − σ(x) has no digits left where σ(x) is nearly 1. The slope of
                /// σ(−x) is made of the same two, so that series need one more product, not one more at each order.
                Sigmoid sigmoid value(x) { x.special_sigmoid() }
                    partial(x, y) { y * (-x).sigmoid() } sample [-3.0, 3.0];
                /// ln(1 + eˣ), without overflow.
                Softplus softplus value(x) { x.max(0.0) + (-x.abs()).exp().ln_1p() }
                    partial(x, _y) { x.sigmoid() } sample [-3.0, 3.0];
            }
            binary {
                /// `self` raised to a real power.
                ///
                /// Where `self` is 0, its partial is taken from the power below, and the partial in the exponent is 0. So it is where
                /// the power is so small that it may have lost digits or vanished though the power below has not: where xy vanishes.
                Pow pow value(x, p) { x.powf(p) }
                    partials(x, p, y) {
                        x.clone().strong_mul(y.clone()).equals(Elementary::from_f64(0.0)).select(
                            p.clone().strong_mul(x.clone().pow(p.clone().offset(-1.0))),
                            p * (y.clone() / x.clone()),
                        ),
                        x.clone().equals(Elementary::from_f64(0.0)).select(Elementary::from_f64(0.0), x.ln() * y)
                    } sample [0.3, 2.5] [-2.0, 2.0];
                /// Angle in radians of the point (x, y), for `y.atan2(x)`, in (−π, π].
                Atan2 atan2 value(y, x) { y.atan2(x) }
                    partials(y, x, _out) {
                        x.clone() / x.clone().hypot(y.clone()) / x.hypot(y),
                        -y.clone() / x.clone().hypot(y.clone()) / x.hypot(y)
                    } sample [0.2, 2.0] [-2.0, 2.0];
                /// √(x² + y²) without overflow; its partials at the origin are 0.
                Hypot hypot value(x, y) { x.hypot(y) }
                    partials(x, y, h) {
                        h.clone().equals(Elementary::from_f64(0.0)).select(Elementary::from_f64(0.0), x / h.clone()),
                        h.clone().equals(Elementary::from_f64(0.0)).select(Elementary::from_f64(0.0), y / h)
                    } sample [0.2, 2.0] [-2.0, 2.0];
                /// Hurwitz's zeta function ζ(s, x) = Σ_{k≥0} (x + k)⁻ˢ, for x.hurwitz_zeta(s) and whole s ≥ 2; constant in `s`.
                ///
                /// ψ⁽ⁿ⁾/n! is ±ζ(n + 1, x): series of digamma are made of these, which do not grow with n!.
                HurwitzZeta hurwitz_zeta value(x, s) { x.special_hurwitz_zeta(s) }
                    partials(x, s, _y) { -(s.clone() * x.hurwitz_zeta(s.offset(1.0))), Elementary::from_f64(0.0) }
                    sample [0.4, 4.0] [3.0, 3.0];
            }
            discrete {
                /// Largest integer not above the number.
                Floor floor value(x) { x.floor() };
                /// Smallest integer not below the number.
                Ceil ceil value(x) { x.ceil() };
                /// Nearest integer, halves away from zero.
                Round round value(x) { x.round() };
                /// Integer part.
                Trunc trunc value(x) { x.trunc() };
                /// −1, 0 or 1; sign(0) = 0, and NaN of NaN.
                Sign sign value(x) { if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x * 0.0 } };
                /// The number itself, taken as constant by every derivative.
                Detach detach value(x) { x };
            }
            comparison {
                /// 1 where `self < other`, else 0.
                Less less value(a, b) { a < b };
                /// 1 where `self ≤ other`, else 0.
                LessEqual less_equal value(a, b) { a <= b };
                /// 1 where `self = other`, else 0.
                Equal equals value(a, b) { a == b };
            }
        }
    };
}
