"""Golden values of the vectorised elementary functions, to 60 digits by mpmath, rounded to the nearest double.

Run: `pip install mpmath==1.4.1 && python vector.py > vector.csv`, or with a number for so many times the points.

The arguments are exact doubles. Columns: function, x, y (0 where it has one argument), the value, and what it was rounded
by.
"""
import random
import sys
from mpmath import (mp, mpf, acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cos, cosh, erf, erfc, exp, expm1, fabs, hypot,
                    log, log1p, sin, sinh, sqrt, tan, tanh)

# Angles up to 10⁶, powers of e up to 745 in the tail of erfc.
mp.dps = 400
rng = random.Random(7)
TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 1


def spread(low, high, count, smallest=-40):
    """Numbers of all sizes below `high`, and of `low` to `high`."""
    count *= TIMES
    sizes = [rng.choice([-1, 1]) * rng.uniform(1, 2) * 2.0 ** rng.randint(smallest, 0) for _ in range(count // 3)]
    return [x for x in sizes if low <= x <= high] + [rng.uniform(low, high) for _ in range(count)]


def magnitudes(count):
    return [rng.uniform(1, 2) * 2.0 ** rng.randint(-1060, 1020) for _ in range(count * TIMES)]


either = lambda xs: [rng.choice([-1, 1]) * x for x in xs]
# Doubles next to multiples of π/2, where sines and tangents lose most.
near_zeros = [float(k * mp.pi / 2) for k in (1, 2, 3, 11, 101, 573204, 2**19, 600001)]
angles = spread(-1.0, 1.0, 20) + spread(-1e6, 1e6, 30) + spread(-20.0, 20.0, 30) + near_zeros
ONE = {
    "exp": (exp, spread(-745.0, 709.7, 60) + spread(-1.0, 1.0, 20)),
    "exp_m1": (expm1, spread(-40.0, 709.7, 30) + spread(-2.0, 2.0, 50)),
    "ln": (log, magnitudes(30) + spread(0.0, 3.0, 40) + [0.999999999, 1.0000000001, 5e-324]),
    "ln_1p": (log1p, magnitudes(20) + spread(-0.9999, 3.0, 50) + [1e-300, -1e-20, -0.999999999999]),
    "sin": (sin, angles),
    "cos": (cos, angles),
    "tan": (tan, angles),
    "tanh": (tanh, spread(-20.0, 20.0, 40) + spread(-1.0, 1.0, 40)),
    "sinh": (sinh, spread(-710.4, 710.4, 30) + spread(-2.0, 2.0, 50)),
    "cosh": (cosh, spread(-710.4, 710.4, 30) + spread(-2.0, 2.0, 50)),
    "sigmoid": (lambda x: 1 / (1 + exp(-x)), spread(-740.0, 40.0, 40) + spread(-5.0, 5.0, 40)),
    "softplus": (lambda x: log1p(exp(x)), spread(-740.0, 40.0, 40) + spread(-5.0, 5.0, 40)),
    "erf": (erf, spread(-6.5, 6.5, 50) + spread(-1.0, 1.0, 30)),
    "erfc": (erfc, spread(-6.0, 26.5, 60) + spread(-1.0, 1.0, 30)),
    "sqrt": (sqrt, magnitudes(20)),
    "recip": (lambda x: 1 / x, magnitudes(20)),
    "atan": (atan, either(magnitudes(20)) + spread(-4.0, 4.0, 60)),
    "asin": (asin, spread(-1.0, 1.0, 80) + [1.0, -1.0, 0.5]),
    "acos": (acos, spread(-1.0, 1.0, 80) + [1.0, -1.0, 0.5]),
    "cbrt": (lambda x: cbrt(fabs(x)) * (-1 if x < 0 else 1), either(magnitudes(40)) + spread(-8.0, 8.0, 20)),
    "asinh": (asinh, either(magnitudes(20)) + spread(-4.0, 4.0, 60)),
    "acosh": (acosh, [1 + x for x in magnitudes(20)] + spread(1.0, 4.0, 60)),
    "atanh": (atanh, spread(-1.0, 1.0, 80) + [0.99999999999, -0.99999999999]),
}
TWO = {
    "pow": (lambda x, y: x**y, lambda: [(rng.uniform(0, 4), rng.uniform(-300, 300)) for _ in range(30 * TIMES)]
            + [(x, rng.uniform(-0.9, 0.9)) for x in magnitudes(30)]
            + [(-rng.uniform(0, 4), float(rng.randint(-40, 40))) for _ in range(10 * TIMES)]),
    "atan2": (atan2, lambda: [(rng.uniform(-2, 2), rng.uniform(-2, 2)) for _ in range(40 * TIMES)]
              + list(zip(either(magnitudes(20)), either(magnitudes(20))))),
    "hypot": (hypot, lambda: [(rng.uniform(-2, 2), rng.uniform(-2, 2)) for _ in range(20 * TIMES)]
              + [(x, x * rng.uniform(0, 1)) for x in magnitudes(30)]),
}


def row(name, x, y, value):
    # Subnormal results are rounded coarsely: the test measures them in their own last place.
    if value != 0 and float(value) != 0.0 and fabs(value) < mpf(2) ** 1024:
        print(f"{name},{x!r},{y!r},{float(value)!r},{float(value - float(value))!r}")


print("function,x,y,value,rest")
for name, (f, points) in ONE.items():
    for x in points:
        row(name, x, 0.0, f(mpf(x)))
for name, (f, points) in TWO.items():
    for x, y in points():
        if x != 0.0:
            row(name, x, y, mp.re(f(mpf(x), mpf(y))))
