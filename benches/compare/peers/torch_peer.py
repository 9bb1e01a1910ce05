"""PyTorch on the workloads: eager, by autograd with a retained graph and by torch.func."""

import functools
import math
import os
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import grad, hessian, jvp, linearize, vjp, vmap

import problems
from serve import Server, Way, check_of_array, check_of_gradient, check_of_products

warnings.filterwarnings("ignore")
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_num_interop_threads(1)


def layers(h, p, activation):
    last = len(p) // 2 - 1
    for i in range(last + 1):
        h = torch.addmm(p[2 * i + 1], h, p[2 * i])
        if i < last:
            h = activation(h, i)
    return h


def tanh_network(p, x):
    return layers(x, p, lambda h, _: torch.tanh(h))


def convolutional(p, x):
    # Its own layout inside; parameters keep theirs.
    h = F.softplus(F.conv2d(x, p[0].permute(3, 2, 0, 1), p[1], padding=1))
    h = F.softplus(F.conv2d(h, p[2].permute(3, 2, 0, 1), p[3], stride=2, padding=1))
    return h.permute(0, 2, 3, 1).reshape(64, -1) @ p[4] + p[5]


def block(p, x):
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p
    h = F.layer_norm(x, (64,), g1, b1, 1e-5)
    q, k, v = ((h @ w + b).reshape(8, 32, 4, 16).transpose(1, 2) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    weights = torch.softmax(q @ k.transpose(-1, -2) / 4.0, -1)
    x = x + (weights @ v).transpose(1, 2).reshape(8, 32, 64) @ wo + bo
    return x + F.gelu(F.layer_norm(x, (64,), g2, b2, 1e-5) @ w1 + c1, approximate="tanh") @ w2 + c2


def rosenbrock(p):
    head, tail = p[0][:-1], p[0][1:]
    return (100.0 * (tail - head**2) ** 2 + (1.0 - head) ** 2).sum()


def helmholtz(p, d):
    x = p[0]
    volume = torch.dot(d["b"], x)
    entropy = (x * torch.log(x / (1.0 - volume))).sum()
    root = math.sqrt(2.0)
    ratio = (1.0 + (1.0 + root) * volume) / (1.0 + (1.0 - root) * volume)
    return entropy - torch.dot(x, d["a"] @ x) / (math.sqrt(8.0) * volume) * torch.log(ratio)


def split_losses(name, d):
    """(model, loss of its output, what bypasses the model) where a model is marked, else (None, loss, None)."""
    x, y, target = d.get("x"), d.get("y"), d.get("target")
    nothing = lambda p: 0.0
    # mse_loss has no second derivative in forward mode.
    squares = lambda z: ((z - target) ** 2).mean()
    if name == "N1":
        return lambda p: tanh_network(p, x), lambda z: F.cross_entropy(z, y), nothing
    if name == "N1s":
        return lambda p: tanh_network(p, x), squares, nothing
    if name == "N2":
        model = lambda p: layers(x, p, lambda h, i: h if i == 3 else torch.sigmoid(h))
        return model, lambda z: F.binary_cross_entropy_with_logits(z, x, reduction="sum") / 200.0, nothing
    if name == "N3":
        images = x.permute(0, 3, 1, 2).contiguous()
        return lambda p: convolutional(p, images), lambda z: F.cross_entropy(z, y), nothing
    if name == "N4":
        return lambda p: block(p, x), squares, nothing
    if name == "N5":
        bernoulli = lambda z: (F.softplus(z) - target * z).mean()
        return lambda p: x @ p[0], bernoulli, lambda p: 0.0005 * torch.dot(p[0], p[0])
    return None, {"S1": rosenbrock, "S1b": rosenbrock, "S3": lambda p: helmholtz(p, d)}[name], None


def flat(arrays):
    return np.concatenate([a.detach().numpy().astype(np.float64).ravel() for a in arrays])


def standard(name, d):
    model, outer, beside = split_losses(name, d)
    loss = outer if model is None else lambda p: outer(model(p)) + beside(p)
    point = tuple(d["point"])
    free = tuple(a.clone().requires_grad_(True) for a in point)
    size, shapes = sum(a.numel() for a in point), [tuple(a.shape) for a in point]
    numbers = [problems.direction(size, j) for j in range(16)]
    directions = [tuple(torch.tensor(a, dtype=point[0].dtype) for a in problems.split(v, shapes)) for v in numbers]
    stacked = tuple(torch.stack(arrays) for arrays in zip(*directions))
    v = directions[0]
    gradient = grad(loss)
    of_product = lambda result: check_of_products(numbers[0], flat(result))
    of_gradient = lambda result: check_of_gradient(result[0].detach(), flat(result[1]))

    def of_block(result):
        rows = [a.detach().numpy().astype(np.float64).reshape(16, -1) for a in result]
        return check_of_products(np.stack(numbers), np.concatenate(rows, axis=1))

    of_rows = lambda results: of_block([torch.stack(arrays) for arrays in zip(*results)])

    def value():
        with torch.no_grad():
            return loss(point)

    def value_and_gradient(create_graph=False):
        y = loss(free)
        return y, torch.autograd.grad(y, free, create_graph=create_graph)

    def double_backward():
        return torch.autograd.grad(value_and_gradient(create_graph=True)[1], free, grad_outputs=v)

    def retained():
        g = value_and_gradient(create_graph=True)[1]
        again = lambda u, **options: torch.autograd.grad(g, free, grad_outputs=u, retain_graph=True, **options)
        return again

    def hvp_retained():
        again = retained()
        return Way("retained graph", lambda: again(v), of_product)

    def hvp_linearized():
        apply = linearize(gradient, point)[1]
        return Way("func.linearize of grad", lambda: apply(v), of_product)

    def hvps_retained():
        again = retained()
        return Way("retained graph, 16 calls", lambda: [again(u) for u in directions], of_rows)

    def hvps_batched():
        again = retained()
        return Way("retained graph, batched", lambda: again(stacked, is_grads_batched=True), of_block)

    def hvps_vmap():
        products = vmap(lambda u: jvp(gradient, (point,), (u,))[1])
        return Way("vmap of jvp of grad", lambda: products(stacked), of_block)

    def ggn():
        z, pull = vjp(model, point)
        push = linearize(model, point)[1]

        def product():
            curved = jvp(grad(outer), (z,), (push(v),))[1]
            pulled = pull(curved)[0]
            return pulled if name != "N5" else tuple(a + 0.001 * u for a, u in zip(pulled, v))

        return Way("func.linearize, vjp", product, of_product)

    def ggn_forward():
        z, pull = vjp(model, point)

        def product():
            curved = jvp(grad(outer), (z,), (jvp(model, (point,), (v,))[1],))[1]
            pulled = pull(curved)[0]
            return pulled if name != "N5" else tuple(a + 0.001 * u for a, u in zip(pulled, v))

        return Way("func.jvp, vjp", product, of_product)

    ways = {
        "value": [lambda: Way("eager", value, lambda r: {"loss": float(r)})],
        "gradient": [lambda: Way("autograd", value_and_gradient, of_gradient)],
        "hvp": [
            lambda: Way("double backward", double_backward, of_product),
            lambda: Way("func.jvp of grad", lambda: jvp(gradient, (point,), (v,))[1], of_product),
        ],
        "linearize": [lambda: Way("retained graph", lambda: value_and_gradient(create_graph=True), of_gradient)],
        "hvp_linearized": [hvp_retained, hvp_linearized],
        "hvps16": [hvps_retained, hvps_batched, hvps_vmap],
        "ggn": [ggn, ggn_forward] if model else [],
    }
    return lambda op: ways.get(op)


def lines(d):
    def along(p, order):
        def lift(h):
            def higher(t):
                results, tangents = jvp(h, (t,), (torch.ones_like(t),))
                return (*results, tangents[-1])

            return higher

        h = lambda t: (tanh_network(p, d["x"] + t * d["v"]),)
        for _ in range(order):
            h = lift(h)
        return h(torch.zeros((), dtype=d["x"].dtype))

    def of_coefficient(result, order):
        return check_of_array("coefficient", result[order].detach().numpy().astype(np.float64) / math.factorial(order))

    def taylor(order):
        return Way("nested func.jvp", lambda: along(d["point"], order), lambda r: of_coefficient(r, order))

    def gradient(order):
        free = tuple(a.clone().requires_grad_(True) for a in d["point"])

        def both():
            y = (along(free, order)[order] ** 2).sum()
            return y, torch.autograd.grad(y, free, allow_unused=True)

        used = lambda gradients: [g for g in gradients if g is not None]
        return Way("autograd of nested jvp", both, lambda r: check_of_gradient(r[0].detach(), flat(used(r[1]))))

    def ways(op):
        for prefix, make in (("taylor_gradient", gradient), ("taylor", taylor)):
            if op.startswith(prefix):
                order = int(op.removeprefix(prefix))
                # Nesting doubles with every order.
                return [functools.partial(make, order)] if order <= 4 else None

    return ways


def collapsed(p, x):
    """Value, Jacobian and Laplacian pushed through the layers by hand."""
    last = len(p) // 2 - 1
    h, jacobian, laplacian = torch.addmm(p[1], x, p[0]), p[0].expand(x.shape[0], *p[0].shape), 0.0
    for i in range(last):
        y = torch.tanh(h)
        slope = 1.0 - y * y
        laplacian = slope * (laplacian - 2.0 * y * (jacobian * jacobian).sum(1))
        w = p[2 * i + 2]
        h, jacobian, laplacian = torch.addmm(p[2 * i + 3], y, w), (slope[:, None] * jacobian) @ w, laplacian @ w
    return laplacian[:, 0]


def by_hessian(p, x):
    one = lambda row: tanh_network(p, row[None])[0, 0]
    return vmap(lambda row: torch.diagonal(hessian(one)(row)).sum())(x)


def laplacian(d):
    modes = {"collapsed by hand": collapsed, "trace of func.hessian": by_hessian}
    free = tuple(a.clone().requires_grad_(True) for a in d["point"])

    def value(mode):
        def call():
            with torch.no_grad():
                return modes[mode](d["point"], d["x"])

        return Way(mode, call, lambda r: check_of_array("laplacian", r.numpy()))

    def gradient(mode):
        def both():
            y = (modes[mode](free, d["x"]) ** 2).mean()
            return y, torch.autograd.grad(y, free, allow_unused=True)

        used = lambda gradients: [g for g in gradients if g is not None]
        return Way("autograd, " + mode, both, lambda r: check_of_gradient(r[0].detach(), flat(used(r[1]))))

    makers = {"laplacian": value, "laplacian_gradient": gradient}
    return lambda op: [functools.partial(makers[op], mode) for mode in modes] if op in makers else None


def product_of_matrices(dtype):
    def ways(op):
        n = int(op)
        a, b = (torch.tensor(problems.symmetric(k, n, n), dtype=dtype) for k in (1, 2))
        out = torch.empty_like(a)
        return [lambda: Way("mm", lambda: torch.mm(a, b, out=out), lambda r: check_of_array("product", r.numpy()))]

    return ways


def load(workload, dtype):
    real = torch.float64 if dtype == "f64" else torch.float32
    if workload == "gemm":
        return product_of_matrices(real)
    if workload not in problems.MAKE or workload == "T3":
        return None
    convert = lambda a: torch.tensor(a, dtype=real if a.dtype.kind == "f" else torch.int64)
    d = problems.MAKE[workload]()
    d = {key: [convert(a) for a in entry] if isinstance(entry, list) else convert(entry) for key, entry in d.items()}
    if workload.startswith("T"):
        return lines(d) if workload == "T1" else laplacian(d)
    return standard(workload, d)


Server("torch", torch.__version__.split("+")[0], load).run()
