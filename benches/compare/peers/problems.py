"""Data of the workloads, from a counter: the same bits as in `testkit`, whose documentation defines everything here.

A workload is a dict of float64 (or int32) arrays. `point` is a list of arrays; the flat vector that directions
and norms belong to is their concatenation.
"""

import math

import numpy as np

MASK = (1 << 64) - 1
DENSE = {
    "N1": [784, 256, 128, 10],
    "N1s": [2, 32, 32, 1],
    "N2": [784, 1000, 500, 250, 30, 250, 500, 1000, 784],
    "T1": [10, 64, 64, 1],
    "T2a": [10, 128, 128, 128, 128, 1],
    "T2b": [100, 128, 128, 128, 128, 1],
}


def mix(z):
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def uniform(stream, *shape, start=0):
    """U(stream, start), U(stream, start + 1), … in an array of this shape; in [0, 1)."""
    counter = np.arange(start + 1, start + 1 + math.prod(shape), dtype=np.uint64)
    offset = np.uint64((stream + 1) * 0xD1B54A32D192ED03 & MASK)
    with np.errstate(over="ignore"):
        z = mix(counter * np.uint64(0x9E3779B97F4A7C15) + offset)
    return np.ldexp((z >> np.uint64(11)).astype(np.float64), -53).reshape(shape)


def symmetric(stream, *shape, start=0):
    """S = 2 U − 1, in [−1, 1)."""
    return 2.0 * uniform(stream, *shape, start=start) - 1.0


def direction(size, j):
    return symmetric(99 + j, size)


def split(flat, shapes):
    """The arrays of these shapes that a flat vector holds one after the other."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes)]


def drawn(layout):
    """Parameters: one stream over all arrays, scaled by what each is."""
    arrays, start = [], 0
    for kind, shape in layout:
        s = symmetric(2, *shape, start=start)
        start += s.size
        if kind == "weight":
            s *= math.sqrt(6.0 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        elif kind == "offset":
            s *= 0.1
        elif kind == "gain":
            s = 1.0 + 0.1 * s
        arrays.append(s)
    return arrays


def dense(sizes):
    layers = zip(sizes[:-1], sizes[1:])
    return drawn([entry for a, b in layers for entry in (("weight", (a, b)), ("offset", (b,)))])


def labels(count):
    return ((7 * np.arange(count) + 3) % 10).astype(np.int32)


def classifier():
    return dict(point=dense(DENSE["N1"]), x=uniform(1, 128, 784), y=labels(128))


def small_network():
    x = symmetric(1, 100, 2)
    target = np.sin(3.0 * x[:, :1]) + 0.5 * np.cos(2.0 * x[:, 1:])
    return dict(point=dense(DENSE["N1s"]), x=x, target=target)


def autoencoder():
    return dict(point=dense(DENSE["N2"]), x=uniform(1, 200, 784))


def convolutional_network():
    layout = [("weight", (3, 3, 1, 8)), ("offset", (8,)), ("weight", (3, 3, 8, 16)), ("offset", (16,))]
    layout += [("weight", (3136, 10)), ("offset", (10,))]
    return dict(point=drawn(layout), x=uniform(1, 64, 28, 28, 1), y=labels(64))


def transformer_block():
    square, norm = [("weight", (64, 64)), ("offset", (64,))], [("gain", (64,)), ("offset", (64,))]
    wide = [("weight", (64, 256)), ("offset", (256,)), ("weight", (256, 64)), ("offset", (64,))]
    return dict(point=drawn(norm + 4 * square + norm + wide), x=symmetric(1, 8, 32, 64), target=symmetric(3, 8, 32, 64))


def logistic_regression():
    x = symmetric(1, 10_000, 100)
    noisy = x @ symmetric(5, 100) + 2.0 * symmetric(6, 10_000)
    return dict(point=[0.1 * symmetric(2, 100)], x=x, target=(noisy > 0.0).astype(np.float64))


def rosenbrock(n):
    point = np.empty(n)
    point[0::2], point[1::2] = -1.2, 1.0
    return dict(point=[point])


def helmholtz_energy():
    n = 200
    i, j = np.indices((n, n))
    attraction = uniform(4, n * n)[np.minimum(i, j) * n + np.maximum(i, j)]
    return dict(point=[0.1 + 0.5 * uniform(2, n)], b=0.5 * (1.0 + uniform(3, n)) / n, a=attraction)


def along_lines():
    return dict(point=dense(DENSE["T1"]), x=symmetric(1, 256, 10), v=symmetric(7, 256, 10))


def laplacian(name):
    return dict(point=dense(DENSE[name]), x=symmetric(1, 128, DENSE[name][0]))


def elementary():
    return dict(point=[], x=2.0 * uniform(1, 100_000) - 1.0)


MAKE = {
    "N1": classifier,
    "N1s": small_network,
    "N2": autoencoder,
    "N3": convolutional_network,
    "N4": transformer_block,
    "N5": logistic_regression,
    "S1": lambda: rosenbrock(1000),
    "S1b": lambda: rosenbrock(100_000),
    "S3": helmholtz_energy,
    "T1": along_lines,
    "T2a": lambda: laplacian("T2a"),
    "T2b": lambda: laplacian("T2b"),
    "T3": elementary,
}
