"""heyoka on series and on steps of Taylor's method, compiled by LLVM.

A time is that of one step: coefficients, choice of its length, new state. Steps are made a thousand and more at a time inside of
heyoka, so that no Python runs between them. T3 is the differential equation that the function solves, eight points at a time, at
the cost of a step of eight points for every eight of the 100 000.
"""

import math
import time

import heyoka as hy
import numpy as np

import problems
from serve import Server, Way, check_of_array

LANES = 8
# Steps from one beginning.
STEPS = 1000
# No step ends there.
FAR = 1e9


def tolerance(order):
    """The one at which heyoka takes series of this order."""
    return math.exp(-2.0 * (order - 1) + 1e-9)


def integrator(equations, state, order):
    """For a state of shape [n], or [n, lanes]."""
    make = hy.taylor_adaptive if state.ndim == 1 else hy.taylor_adaptive_batch
    made = make(equations, state.copy(), tol=tolerance(order))
    assert made.order == order, f"order {made.order} instead of {order}"
    return made


def begin(made, state):
    if state.ndim == 1:
        made.time = 0.0
    else:
        made.set_time(0.0)
    made.state[:] = state


def to(made, end, state, **options):
    made.propagate_until(end if state.ndim == 1 else [end] * state.shape[1], **options)


def stepping(made, state, share):
    """Seconds of one of so many steps, times `share`."""

    def seconds(calls):
        rounds = -(-calls // STEPS)
        spent = 0.0
        for _ in range(rounds):
            begin(made, state)
            start = time.perf_counter()
            to(made, FAR, state, max_steps=STEPS)
            spent += time.perf_counter() - start
        return spent / (rounds * STEPS) * share

    return seconds


def motion(name, equations, state, end):
    made = integrator(equations, state, 20)

    def call():
        begin(made, state)
        to(made, end, state)
        return made.state.copy()

    lanes = 1 if state.ndim == 1 else state.shape[1]
    return Way(name, call, lambda r: check_of_array("state", r), stepping(made, state, 1.0 / lanes))


def van_der_pol(lanes):
    x, v = hy.make_vars("x", "v")
    state = np.stack([2.0 * problems.symmetric(1, lanes), 2.0 * problems.symmetric(2, lanes)])
    return [(x, v), (v, (1.0 - x * x) * v - x)], state[:, 0] if lanes == 1 else state


def six_body():
    masses = [1.0] + [1e-3 * (1.0 + 0.1 * i) for i in range(1, 6)]
    state = [0.0] * 6
    for i in range(1, 6):
        r, a = 1.0 + 0.7 * i, 1.3 * i
        state += [r * math.cos(a), r * math.sin(a), 0.01 * i, -math.sin(a) / math.sqrt(r), math.cos(a) / math.sqrt(r), 0.0]
    return hy.model.nbody(6, masses=masses), np.array(state)


def motions(op):
    make = {
        "van_der_pol": lambda: motion("one lane", *van_der_pol(1), 1.0),
        "van_der_pol_lanes": lambda: motion("8 lanes", *van_der_pol(LANES), 1.0),
        "six_body": lambda: motion("one lane", *six_body(), 10.0),
    }.get(op)
    return [make] if make else None


def elementary(op):
    """y = exp(sin x)/(1 + x²) solves y′ = y (cos x − 2x/(1 + x²))."""
    if not op.startswith("taylor"):
        return None
    order = int(op.removeprefix("taylor"))
    points = problems.MAKE["T3"]()["x"].reshape(-1, LANES)

    def at(x):
        return np.stack([x, np.exp(np.sin(x)) / (1.0 + x * x)])

    def make():
        x, y = hy.make_vars("x", "y")
        made = integrator([(x, hy.expression(1.0)), (y, y * (hy.cos(x) - 2.0 * x / (1.0 + x * x)))], at(points[0]), order)

        def call():
            found = np.empty_like(points)
            for row, x in zip(found, points):
                begin(made, at(x))
                made.step(write_tc=True)
                row[:] = made.tc[1, order]
            return found

        return Way("8 lanes, as an equation", call, lambda r: check_of_array("coefficient", r), stepping(made, at(points[0]), len(points)))

    return [make]


def load(workload, dtype):
    return {"T3": elementary, "T4": motions}.get(workload) if dtype == "f64" else None


Server("heyoka", hy.__version__, load).run()
