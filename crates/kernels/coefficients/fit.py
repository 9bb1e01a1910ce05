"""Coefficients of the polynomials in `src/vector`, fitted with mpmath.

Run: `pip install mpmath==1.4.1 && python fit.py > ../src/vector/coefficients.rs`

Every polynomial interpolates its function at Chebyshev nodes of its interval, in 120 digits; its error is within a small
factor of the best possible. The coefficients are then rounded to the precision. Standard error shows the largest error of
the rounded polynomial, relative to the `size` of what it is added to.
"""
import struct
import sys
from mpmath import mp, mpf, atan, atanh, asin, cos, cosh, erf, erfc, exp, expm1, log, matrix, lu_solve, pi, sin, sinh, sqrt, tan, tanh

mp.dps = 120


def single(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def series(f):
    """f, with its removable singularity at 0 stepped over."""
    return lambda z: f(z if abs(z) > mpf(10) ** -25 else mpf(10) ** -25)


def even(f):
    """The function of z = r² of a function of r."""
    return series(lambda z: f(sqrt(z)))


TINY = mpf(2) ** -40
HALF_LN2 = log(2) / 2 * (1 + TINY)
QUARTER = (pi / 4) ** 2 * (1 + TINY)
LOG_END = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * (1 + TINY)
ATAN_END = tan(pi / 8) ** 2 * (1 + TINY)
ERFC_POLE = mpf(3)


def erfc_in_t(t):
    """(1 + 2x) e^{x²} erfc x at x = 3·(1 + t)/(1 − t)."""
    if t == 1:
        return 2 / sqrt(pi)
    x = ERFC_POLE * (1 + t) / (1 - t)
    if x > 10**20:
        # Asymptotic series, six terms.
        s, term = mpf(0), mpf(1)
        for k in range(7):
            s, term = s + term, term * -(2 * k + 1) / (2 * x * x)
        return (1 + 2 * x) * s / (x * sqrt(pi))
    with mp.workdps(160):
        return (1 + 2 * x) * exp(x * x) * erfc(x)


# name, documentation, function, interval, degree in f64 and f32, size of the polynomial's term relative to the result
TABLE = [
    ("EXP", "(eʳ − 1 − r)/r² on |r| ≤ ½ ln 2.", series(lambda r: (expm1(r) - r) / r**2), (-HALF_LN2, HALF_LN2), 10, 5,
     lambda r: r**2),
    ("SINH", "(sinh r/r − 1)/z in z = r², on |r| ≤ ½ ln 2.", even(lambda r: (sinh(r) / r - 1) / r**2), (0, HALF_LN2**2), 5, 2,
     lambda z: z),
    ("COSH", "(cosh r − 1)/z in z = r², on |r| ≤ ½ ln 2.", even(lambda r: (cosh(r) - 1) / r**2), (0, HALF_LN2**2), 6, 3,
     lambda z: z),
    ("LN", "(2 artanh s/s − 2)/z in z = s², on |s| ≤ (√2 − 1)/(√2 + 1).", even(lambda s: (2 * atanh(s) / s - 2) / s**2),
     (0, LOG_END), 7, 3, lambda z: z),
    ("LN_TAIL", "(2 artanh s/s − 2 − ⅔z)/z² in z = s², on |s| ≤ (√2 − 1)/(√2 + 1).",
     even(lambda s: (2 * atanh(s) / s - 2 - 2 * s**2 / 3) / s**4), (0, LOG_END), 6, 2, lambda z: z**2),
    ("SIN", "(sin r/r − 1)/z in z = r², on |r| ≤ π/4.", even(lambda r: (sin(r) / r - 1) / r**2), (0, QUARTER), 6, 3,
     lambda z: z),
    ("COS", "(cos r − 1 + ½z)/z² in z = r², on |r| ≤ π/4.", even(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), (0, QUARTER), 5, 2,
     lambda z: z**2),
    ("ATAN", "(arctan t/t − 1)/z in z = t², on |t| ≤ tan π/8.", even(lambda t: (atan(t) / t - 1) / t**2), (0, ATAN_END), 11, 5,
     lambda z: z),
    ("ASIN", "(arcsin s/s − 1)/z in z = s², on |s| ≤ ½.", even(lambda s: (asin(s) / s - 1) / s**2), (0, mpf(1) / 4), 13, 5,
     lambda z: z),
    ("ERF", "erf x/x − 1 in z = x², on |x| ≤ 1.", even(lambda x: erf(x) / x - 1), (0, mpf(1)), 12, 7, lambda z: 1),
    ("ERFC", "(1 + 2x) e^{x²} erfc x in t = (x − 3)/(x + 3), on x ≥ 0.", erfc_in_t, (mpf(-1), mpf(1)), 24, 11,
     lambda t: 1),
    ("CBRT", "∛m on 1 ≤ m ≤ 2.", lambda m: m ** (mpf(1) / 3), (mpf(1), mpf(2)), 5, 3, lambda m: 1),
]


def fit(f, interval, degree):
    low, high = interval
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    vandermonde = matrix(degree + 1, degree + 1)
    for i, node in enumerate(nodes):
        for j in range(degree + 1):
            vandermonde[i, j] = node**j if j else 1
    return list(lu_solve(vandermonde, matrix([f(x) for x in nodes])))


def error(f, interval, coefficients, size):
    low, high = interval
    worst = mpf(0)
    for i in range(201):
        x = low + (high - low) * i / 200
        p = mpf(0)
        for c in reversed(coefficients):
            p = p * x + c
        worst = max(worst, abs((p - f(x)) * size(x)))
    return float(log(worst, 2))


FITS = {}
for name, _, f, interval, wide, narrow, size in TABLE:
    for kind, degree, rounded in (("f64", wide, float), ("f32", narrow, single)):
        coefficients = [rounded(c) for c in fit(f, interval, degree)]
        FITS[name, kind] = coefficients
        print(f"{name} {kind}: degree {degree}, error 2^{error(f, interval, [mpf(c) for c in coefficients], size):.1f}",
              file=sys.stderr)

print("//! Coefficients of the polynomials, lowest power first: written by `coefficients/fit.py`, not by hand.\n")
print("/// Polynomials of a precision.")
print("pub trait Coefficients: Sized + 'static {")
for name, text, *_ in TABLE:
    print(f"    /// {text}\n    const {name}: &'static [Self];")
print("}")
for kind in ("f64", "f32"):
    print("\n#[rustfmt::skip]\n#[allow(clippy::excessive_precision, clippy::unreadable_literal, clippy::approx_constant)]")
    print(f"impl Coefficients for {kind} {{")
    for name, *_ in TABLE:
        print(f"    const {name}: &'static [{kind}] = &[")
        for c in FITS[name, kind]:
            print(f"        {c!r}," if kind == "f64" else f"        {c:.9g},")
        print("    ];")
    print("}")
