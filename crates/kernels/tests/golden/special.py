"""Golden values of the special functions, to 60 digits by mpmath, rounded to the nearest double.

Run: `pip install mpmath==1.4.1 && python special.py > special.csv`

The arguments are exact doubles, so that the value is that of the very number the test passes in. Columns: function,
order n (0 where it has none), x, value.
"""
import random
from mpmath import mp, mpf, digamma, polygamma, gamma, log, erf, erfc, exp, fabs

mp.dps = 60
rng = random.Random(20)


def row(name, n, x, value):
    print(f"{name},{n},{float(x)!r},{float(value)!r}")


near_poles = [s + d for s in (-1.0, -2.0, -10.0, 0.0) for d in (2.0**-10, -(2.0**-10), 2.0**-30, -(2.0**-30))]
positive = [1e-300, 1e-8, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0, 7.5, 9.75, 10.0, 12.0, 25.0, 100.0,
            1e4, 1e8, 1e16, 1e100]
negative = [-0.1, -0.25, -0.5, -0.75, -1.25, -1.5, -2.5, -3.75, -7.5, -10.5, -20.25, -33.75, -100.5, -1000.25]
drawn = [rng.uniform(0.05, 15.0) for _ in range(60)] + [rng.uniform(-12.0, 0.0) for _ in range(60)]
gammas = positive + negative + near_poles + drawn
# Straddling the positive zero of digamma, and the first negative one.
zeros = [1.4616321449683622, 1.4616321449683625, 1.4616, 1.47, 1.4, -0.504083008264455, -0.504]

print("function,n,x,value")
for x in gammas + zeros:
    row("digamma", 0, x, digamma(mpf(x)))
for n in (1, 2, 3, 4, 7, 12):
    for x in gammas:
        value = polygamma(n, mpf(x))
        if 1e-290 < fabs(value) < 1e290:
            row("polygamma", n, x, value)
for x in positive + drawn + negative + near_poles:
    if x < 1e100:
        row("ln_gamma", 0, x, log(fabs(gamma(mpf(x)))) if x < 1e7 else mp.loggamma(mpf(x)))
for x in [rng.uniform(-6.0, 6.0) for _ in range(60)] + [0.0, 1e-300, 1e-9, 0.5, -0.5, 1.0, 3.0, 6.5, -6.5]:
    row("erf", 0, x, erf(mpf(x)))
for x in [rng.uniform(-6.0, 26.0) for _ in range(60)] + [0.0, 1e-9, 0.5, -0.5, 1.0, 3.0, 10.0, 26.0, -6.5]:
    row("erfc", 0, x, erfc(mpf(x)))
for x in [rng.uniform(-40.0, 40.0) for _ in range(60)] + [0.0, 1e-9, -1e-9, -700.0, -100.0, 100.0, 700.0, -36.7, 36.7]:
    row("sigmoid", 0, x, 1 / (1 + exp(-mpf(x))))
