"""JAX on the workloads: compiled by jit, arguments on the device, waited for."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.jet import jet

import problems
from serve import Server, Way, check_of_array, check_of_gradient, check_of_products


def layers(h, p, activation):
    last = len(p) // 2 - 1
    for i in range(last + 1):
        h = h @ p[2 * i] + p[2 * i + 1]
        if i < last:
            h = activation(h, i)
    return h


def tanh_network(p, x):
    return layers(x, p, lambda h, _: jnp.tanh(h))


def cross_entropy(z, y):
    chosen = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(z, axis=1) - chosen).mean()


def convolved(x, kernel, stride):
    border = ((1, 1), (1, 1))
    return lax.conv_general_dilated(x, kernel, (stride, stride), border, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def block(p, x):
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p

    def normed(x, gain, offset):
        c = x - x.mean(-1, keepdims=True)
        return c * lax.rsqrt((c * c).mean(-1, keepdims=True) + 1e-5) * gain + offset

    h = normed(x, g1, b1)
    q, k, v = ((h @ w + b).reshape(8, 32, 4, 16).transpose(0, 2, 1, 3) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / 4.0)
    x = x + (weights @ v).transpose(0, 2, 1, 3).reshape(8, 32, 64) @ wo + bo
    return x + jax.nn.gelu(normed(x, g2, b2) @ w1 + c1, approximate=True) @ w2 + c2


def convolutional(p, x):
    h = jax.nn.softplus(convolved(x, p[0], 1) + p[1])
    h = jax.nn.softplus(convolved(h, p[2], 2) + p[3])
    return h.reshape(64, -1) @ p[4] + p[5]


def rosenbrock(p):
    head, tail = p[0][:-1], p[0][1:]
    return (100.0 * (tail - head**2) ** 2 + (1.0 - head) ** 2).sum()


def helmholtz(p, d):
    x = p[0]
    volume = d["b"] @ x
    entropy = (x * jnp.log(x / (1.0 - volume))).sum()
    root = math.sqrt(2.0)
    ratio = (1.0 + (1.0 + root) * volume) / (1.0 + (1.0 - root) * volume)
    return entropy - x @ (d["a"] @ x) / (math.sqrt(8.0) * volume) * jnp.log(ratio)


def split_losses(name, d):
    """(model, loss of its output, what bypasses the model) where a model is marked, else (None, loss, None)."""
    x, y, target = d.get("x"), d.get("y"), d.get("target")
    nothing = lambda p: 0.0
    squares = lambda z: ((z - target) ** 2).mean()
    if name == "N1":
        return lambda p: tanh_network(p, x), lambda z: cross_entropy(z, y), nothing
    if name == "N1s":
        return lambda p: tanh_network(p, x), squares, nothing
    if name == "N2":
        model = lambda p: layers(x, p, lambda h, i: h if i == 3 else jax.nn.sigmoid(h))
        return model, lambda z: (jax.nn.softplus(z) - x * z).sum() / 200.0, nothing
    if name == "N3":
        return lambda p: convolutional(p, x), lambda z: cross_entropy(z, y), nothing
    if name == "N4":
        return lambda p: block(p, x), squares, nothing
    if name == "N5":
        bernoulli = lambda z: (jax.nn.softplus(z) - target * z).mean()
        return lambda p: x @ p[0], bernoulli, lambda p: 0.0005 * (p[0] @ p[0])
    return None, {"S1": rosenbrock, "S1b": rosenbrock, "S3": lambda p: helmholtz(p, d)}[name], None


def flat(tree):
    return np.concatenate([np.asarray(leaf, dtype=np.float64).ravel() for leaf in jax.tree_util.tree_leaves(tree)])


def waited(function, *arguments):
    return lambda: jax.block_until_ready(function(*arguments))


def standard(name, d):
    model, outer, beside = split_losses(name, d)
    loss = outer if model is None else lambda p: outer(model(p)) + beside(p)
    point = d["point"]
    gradient = jax.grad(loss)
    product = lambda p, u: jax.jvp(gradient, (p,), (u,))[1]
    size, shapes = sum(a.size for a in point), [a.shape for a in point]
    numbers = [problems.direction(size, j) for j in range(16)]
    directions = [[jnp.asarray(a, point[0].dtype) for a in problems.split(v, shapes)] for v in numbers]
    stacked = [jnp.stack(arrays) for arrays in zip(*directions)]
    v = directions[0]
    of_product = lambda result: check_of_products(numbers[0], flat(result))

    def of_block(result):
        rows = [np.asarray(leaf, dtype=np.float64).reshape(16, -1) for leaf in result]
        return check_of_products(np.stack(numbers), np.concatenate(rows, axis=1))

    @functools.cache
    def linearized():
        return jax.jit(lambda p: jax.linearize(gradient, p)[1])(point)

    apply = jax.jit(lambda lin, u: lin(u))
    of_rows = lambda results: of_block([jnp.stack(arrays) for arrays in zip(*results)])

    def ggn():
        def at(lin, z, u):
            curved = jax.jvp(jax.grad(outer), (z,), (lin(u),))[1]
            return jax.linear_transpose(lin, u)(curved)[0]

        def full(lin, z, p, u):
            return jax.tree_util.tree_map(jnp.add, at(lin, z, u), jax.jvp(jax.grad(beside), (p,), (u,))[1])

        z, lin = jax.jit(lambda p: jax.linearize(model, p))(point)
        return Way("linearize, transpose", waited(jax.jit(full), lin, z, point, v), of_product)

    def ggn_anew():
        def full(p, u):
            z, tangent = jax.jvp(model, (p,), (u,))
            curved = jax.jvp(jax.grad(outer), (z,), (tangent,))[1]
            pulled = jax.vjp(model, p)[1](curved)[0]
            return jax.tree_util.tree_map(jnp.add, pulled, jax.jvp(jax.grad(beside), (p,), (u,))[1])

        return Way("jvp, vjp", waited(jax.jit(full), point, v), of_product)

    ways = {
        "value": [lambda: Way("jit", waited(jax.jit(loss), point), lambda r: {"loss": float(r)})],
        "gradient": [
            lambda: Way(
                "value_and_grad", waited(jax.jit(jax.value_and_grad(loss)), point), lambda r: check_of_gradient(r[0], flat(r[1]))
            )
        ],
        "hvp": [lambda: Way("jvp of grad", waited(jax.jit(product), point, v), of_product)],
        "linearize": [
            lambda: Way(
                "linearize of grad",
                waited(jax.jit(lambda p: jax.linearize(gradient, p)), point),
                lambda r: {"gradient_norm": float(np.linalg.norm(flat(r[0])))},
            )
        ],
        "hvp_linearized": [lambda: Way("linearize of grad", waited(apply, linearized(), v), of_product)],
        "hvps16": [
            lambda: Way("linearize, vmap", waited(jax.jit(lambda lin, u: jax.vmap(lin)(u)), linearized(), stacked), of_block),
            lambda: Way("linearize, 16 calls", lambda: jax.block_until_ready([apply(linearized(), u) for u in directions]), of_rows),
            lambda: Way("linearize, map", waited(jax.jit(lambda lin, u: lax.map(lin, u)), linearized(), stacked), of_block),
            lambda: Way("vmap of jvp of grad", waited(jax.jit(jax.vmap(product, (None, 0))), point, stacked), of_block),
        ],
        "ggn": [ggn, ggn_anew] if model else [],
    }
    return lambda op: ways.get(op)


def of_coefficient(result, order):
    return check_of_array("coefficient", np.asarray(result[order]) / math.factorial(order))


def along_line(f, x, v, order):
    """Derivatives 0 to `order` of f(x + t v) at t = 0, by jet."""
    first, rest = jet(f, (x,), ([v] + [jnp.zeros_like(v)] * (order - 1),))
    return [first, *rest]


def along_line_nested(f, x, v, order):
    """The same by nested jvp, every lower order kept."""

    def lift(h):
        def higher(t):
            results, tangents = jax.jvp(h, (t,), (jnp.ones_like(t),))
            return [*results, tangents[-1]]

        return higher

    h = lambda t: [f(x + t * v)]
    for _ in range(order):
        h = lift(h)
    return h(jnp.zeros((), x.dtype))


def lines(d):
    network = lambda p: lambda x: tanh_network(p, x)
    modes = {"jet": along_line, "nested jvp": along_line_nested}

    def taylor(order, mode):
        function = jax.jit(lambda p, x, v: modes[mode](network(p), x, v, order))
        return Way(mode, waited(function, d["point"], d["x"], d["v"]), lambda r: of_coefficient(r, order))

    def gradient(order, mode):
        loss = lambda p, x, v: (modes[mode](network(p), x, v, order)[order] ** 2).sum()
        function = jax.jit(jax.value_and_grad(loss))
        return Way(
            "grad of " + mode, waited(function, d["point"], d["x"], d["v"]), lambda r: check_of_gradient(r[0], flat(r[1]))
        )

    def ways(op):
        for prefix, make in (("taylor_gradient", gradient), ("taylor", taylor)):
            if op.startswith(prefix):
                order = int(op.removeprefix(prefix))
                # Nesting doubles with every order.
                return [functools.partial(make, order, mode) for mode in modes if mode == "jet" or order <= 6]

    return ways


def elementary(d):
    f = lambda x: jnp.exp(jnp.sin(x)) / (1.0 + x * x)

    def ways(op):
        if not op.startswith("taylor"):
            return None
        order = int(op.removeprefix("taylor"))
        function = jax.jit(lambda x: along_line(f, x, jnp.ones_like(x), order))
        return [lambda: Way("jet", waited(function, d["x"]), lambda r: of_coefficient(r, order))]

    return ways


def collapsed(p, x):
    """Value, Jacobian and Laplacian pushed through the layers by hand."""
    last = len(p) // 2 - 1
    h, jacobian, laplacian = x @ p[0] + p[1], jnp.broadcast_to(p[0], (x.shape[0], *p[0].shape)), 0.0
    for i in range(last):
        y = jnp.tanh(h)
        slope = 1.0 - y * y
        laplacian = slope * (laplacian - 2.0 * y * (jacobian * jacobian).sum(1))
        w = p[2 * i + 2]
        h, jacobian, laplacian = y @ w + p[2 * i + 3], (slope[:, None] * jacobian) @ w, laplacian @ w
    return laplacian[:, 0]


def by_folx(p, x):
    import folx

    one = lambda row: tanh_network(p, row[None])[0, 0]
    return jax.vmap(lambda row: folx.forward_laplacian(one)(row).laplacian)(x)


def by_hessian(p, x):
    one = lambda row: tanh_network(p, row[None])[0, 0]
    return jax.vmap(lambda row: jnp.trace(jax.hessian(one)(row)))(x)


def laplacian(d):
    modes = {"folx": by_folx, "collapsed by hand": collapsed, "trace of hessian": by_hessian}

    def value(mode):
        function = jax.jit(modes[mode])
        return Way(mode, waited(function, d["point"], d["x"]), lambda r: check_of_array("laplacian", r))

    def gradient(mode):
        function = jax.jit(jax.value_and_grad(lambda p, x: (modes[mode](p, x) ** 2).mean()))
        return Way(mode, waited(function, d["point"], d["x"]), lambda r: check_of_gradient(r[0], flat(r[1])))

    makers = {"laplacian": value, "laplacian_gradient": gradient}
    return lambda op: [functools.partial(makers[op], mode) for mode in modes] if op in makers else None


def product_of_matrices(dtype):
    def ways(op):
        n = int(op)
        a, b = (jnp.asarray(problems.symmetric(k, n, n), dtype) for k in (1, 2))
        return [lambda: Way("matmul", waited(jax.jit(jnp.matmul), a, b), lambda r: check_of_array("product", r))]

    return ways


def load(workload, dtype):
    jax.clear_caches()
    jax.config.update("jax_enable_x64", dtype == "f64")
    real = jnp.float64 if dtype == "f64" else jnp.float32
    if workload == "gemm":
        return product_of_matrices(real)
    if workload not in problems.MAKE:
        return None
    convert = lambda a: jnp.asarray(a, real if a.dtype.kind == "f" else jnp.int32)
    d = jax.tree_util.tree_map(convert, problems.MAKE[workload]())
    if workload.startswith("T"):
        return {"T1": lines, "T3": elementary}.get(workload, laplacian)(d)
    return standard(workload, d)


if __name__ == "__main__":
    Server("jax", jax.__version__, load).run()
