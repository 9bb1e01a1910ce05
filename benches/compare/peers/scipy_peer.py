"""SciPy's optimizers as a server: requests and answers are lines of JSON on standard input and output.

    {"do": "hello"}                                               SciPy's version
    {"do": "minimize", "method": "trust-krylov", "x": […]}        minimises a function that the other side evaluates
    {"do": "fit", "x": […]}                                       MINPACK's lmder on residuals that the other side evaluates
    {"do": "timed", "method": "L-BFGS-B", "problem": "logistic", "gradient": 1e-8, "limit": 30}
                                                                  minimises a function in JAX, compiled, and tells the time

While it minimises it asks back, and goes on with the answers:

    {"ask": "value", "x": […]}                 {"value": 1.0}
    {"ask": "gradient", "x": […]}              {"value": 1.0, "gradient": […]}
    {"ask": "product", "x": […], "v": […]}     {"product": […]}
    {"ask": "residuals", "x": […]}             {"residuals": […]}
    {"ask": "jacobian", "x": […]}              {"jacobian": [[…], …]}
    {"ask": "reached", "x": […]}               {"reached": false}

An answer {"stop": true} ends the run. The last line of a run has "x", "iterations" and "message".
"""

import json
import os
import signal
import sys
import time
import traceback

import numpy as np
import scipy
from scipy.optimize import least_squares, minimize

ITERATIONS = 100_000
# Tolerances that no point meets: the callback ends the run.
OPTIONS = {
    "L-BFGS-B": {"gtol": 0.0, "ftol": 0.0, "maxfun": 10 * ITERATIONS},
    "BFGS": {"gtol": 0.0},
    "CG": {"gtol": 0.0},
    "Newton-CG": {"xtol": 0.0},
    "trust-ncg": {"gtol": 0.0, "max_trust_radius": 1e18},
    "trust-krylov": {"gtol": 0.0, "max_trust_radius": 1e18},
}
PRODUCTS = {"Newton-CG", "trust-ncg", "trust-krylov"}


class Stopped(Exception):
    """The other side has seen enough."""


class Counted:
    """The three functions SciPy is given, with the last point's value and gradient kept, since it asks for them apart."""

    def __init__(self, gradient, product, value=None):
        self.of_gradient, self.of_product, self.of_value = gradient, product, value
        self.known, self.result = None, None
        self.values = self.gradients = self.products = 0

    def both(self, x):
        if self.known is None or not np.array_equal(x, self.known):
            self.gradients += 1
            self.result, self.known = self.of_gradient(x), np.array(x)
        return self.result

    def value(self, x):
        if self.known is not None and np.array_equal(x, self.known):
            return self.result[0]
        self.values += 1
        return self.of_value(x)

    def gradient(self, x):
        return self.both(x)[1]

    def product(self, x, v):
        self.products += 1
        return self.of_product(x, v)


def run(method, functions, x, reached):
    """A run of `minimize` that ends where `reached(x)`, and what is known at its end."""
    best, steps = np.array(x), 0

    def callback(x):
        nonlocal best, steps
        best, steps = np.array(x), steps + 1
        if reached(x):
            raise StopIteration

    arguments = {"method": method, "callback": callback, "options": {"maxiter": ITERATIONS, **OPTIONS[method]}}
    try:
        if reached(x):
            return best, 0, "at the start"
        if method in PRODUCTS:
            result = minimize(functions.value, x, jac=functions.gradient, hessp=functions.product, **arguments)
        else:
            result = minimize(functions.both, x, jac=True, **arguments)
        return result.x, int(result.nit), str(result.message)
    except Stopped:
        return best, steps, "stopped"
    except Exception as error:
        traceback.print_exc(limit=3)
        return best, steps, f"{type(error).__name__}: {error}"[:200]


class Asking:
    """Functions that are evaluated by the other side."""

    def __init__(self, answers):
        self.answers = answers

    def ask(self, what, x, **more):
        self.answers.write(json.dumps({"ask": what, "x": list(map(float, x)), **more}) + "\n")
        self.answers.flush()
        line = sys.stdin.readline()
        answer = json.loads(line) if line else {"stop": True}
        if answer.get("stop"):
            raise Stopped
        return answer

    def number(self, entry):
        return np.nan if entry is None else float(entry)

    def array(self, entries):
        return np.array(entries, dtype=np.float64)

    def value(self, x):
        return self.number(self.ask("value", x)["value"])

    def gradient(self, x):
        answer = self.ask("gradient", x)
        return self.number(answer["value"]), self.array(answer["gradient"])

    def product(self, x, v):
        return self.array(self.ask("product", x, v=list(map(float, v)))["product"])

    def reached(self, x):
        return self.ask("reached", x)["reached"]

    def minimize(self, request):
        functions = Counted(self.gradient, self.product, self.value)
        x, steps, message = run(request["method"], functions, np.array(request["x"]), self.reached)
        return {"x": x.tolist(), "iterations": steps, "message": message}

    def fit(self, request):
        x, steps, message = np.array(request["x"]), 0, ""
        try:
            result = least_squares(
                lambda x: self.array(self.ask("residuals", x)["residuals"]),
                x,
                jac=lambda x: self.array(self.ask("jacobian", x)["jacobian"]),
                method="lm",
                ftol=1e-15,
                xtol=1e-15,
                gtol=1e-15,
                max_nfev=ITERATIONS,
            )
            x, steps, message = result.x, int(result.njev), result.message
        except Stopped:
            message = "stopped"
        except Exception as error:
            message = f"{type(error).__name__}: {error}"[:200]
        return {"x": x.tolist(), "iterations": steps, "message": message}


def in_jax(problem):
    """Value with gradient, product, and start of a problem of the suite `large`, compiled."""
    import jax
    import jax.numpy as jnp

    import problems
    from jax_peer import rosenbrock, split_losses

    jax.config.update("jax_enable_x64", True)
    name, d = {
        "logistic": ("N5", problems.logistic_regression),
        "mlp_ridge": ("N1s", problems.small_network),
        "rosenbrock": ("S1", lambda: problems.rosenbrock(1000)),
    }[problem]
    d = {key: [jnp.asarray(a) for a in v] if isinstance(v, list) else jnp.asarray(v) for key, v in d().items()}
    model, outer, beside = split_losses(name, d)
    shapes = [a.shape for a in d["point"]]

    def loss(x):
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        p = [part.reshape(shape) for part, shape in zip(jnp.split(x, ends), shapes)]
        if model is None:
            return outer(p)
        ridge = 0.0005 * (x @ x) if problem == "mlp_ridge" else 0.0
        return outer(model(p)) + beside(p) + ridge

    both = jax.jit(jax.value_and_grad(loss))
    product = jax.jit(lambda x, v: jax.jvp(jax.grad(loss), (x,), (v,))[1])
    value = jax.jit(loss)
    start = np.concatenate([np.asarray(a).ravel() for a in d["point"]])

    def of_gradient(x):
        f, g = both(x)
        return float(f), np.asarray(g)

    return of_gradient, lambda x, v: np.asarray(product(x, v)), lambda x: float(value(x)), start


def timed(request, made={}):
    problem = request["problem"]
    if problem not in made:
        made[problem] = in_jax(problem)
    gradient, product, value, start = made[problem]
    gradient(start), product(start, start), value(start)
    best = None
    # The fastest of as many runs as fit into a tenth of the limit, five at most.
    begun_all = time.perf_counter()
    for _ in range(5):
        functions = Counted(gradient, product, value)
        begun = time.perf_counter()

        def reached(x):
            if time.perf_counter() - begun > request["limit"]:
                raise Stopped
            return np.abs(functions.gradient(x)).max() < request["gradient"]

        x, steps, message = run(request["method"], functions, start, reached)
        seconds = time.perf_counter() - begun
        if best is None or seconds < best["seconds"]:
            counts = {"values": functions.values, "gradients": functions.gradients, "products": functions.products}
            best = {"x": x.tolist(), "iterations": steps, "message": message, "seconds": seconds, **counts}
        if time.perf_counter() - begun_all > 0.1 * request["limit"]:
            break
    return best


def main():
    # What libraries print must not mix with answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asking = Asking(answers)
    while line := sys.stdin.readline():
        request = json.loads(line)
        # Whatever hangs, the process ends, and the other side is told by the end of the pipe.
        signal.alarm(300)
        try:
            if request["do"] == "hello":
                answer = {"peer": "scipy", "version": scipy.__version__}
            elif request["do"] == "minimize":
                answer = asking.minimize(request)
            elif request["do"] == "fit":
                answer = asking.fit(request)
            else:
                answer = timed(request)
        except Exception as error:
            traceback.print_exc(limit=5)
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
