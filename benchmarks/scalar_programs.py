"""Programs of other fields as scalar Python, and numbers to run them on.

Each maker returns a function of one flat list of numbers, which are floats, Values, or symbols of
CasADi; `m` has the functions of such a number: exp, log, sqrt, sin, cos, tanh, maximum, minimum,
where. Nothing but the standard library, as every contestant's interpreter imports it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Numbers = Sequence[Any]
Program = Callable[[Numbers], Any]


@dataclass(frozen=True)
class Work:
    """A program, the numbers that it is given and differentiated by, and the data within it.

    sizes   what C is compiled for
    """

    program: Callable[[Any], Program]
    numbers: list[float]
    data: list[float] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


def uniform(n: int, low: float, high: float, seed: int) -> list[float]:
    """So many numbers from between two."""
    r = random.Random(seed)
    return [r.uniform(low, high) for _ in range(n)]


# -- recurrences ----------------------------------------------------------------------------------


def lstm(m: Any, layers: int, width: int, data: Numbers) -> Program:
    """The loss of a diagonal LSTM that predicts a sequence of vectors (after ADBench).

    data   the first state: of each layer h, then the cell; then the sequence
    """
    b = width
    state, sequence = data[: 2 * b * layers], data[2 * b * layers :]
    steps = len(sequence) // b

    def sigmoid(a: Any) -> Any:
        return 1.0 / (1.0 + m.exp(-a))

    def loss(p: Numbers) -> Any:
        extra = p[8 * b * layers :]
        kept: list[Any] = list(state)
        total: Any = 0.0
        given = sequence[:b]
        for t in range(steps - 1):
            x = [given[i] * extra[i] for i in range(b)]
            for layer in range(layers):
                w = p[8 * b * layer : 8 * b * layer + 4 * b]
                bias = p[8 * b * layer + 4 * b : 8 * b * layer + 8 * b]
                h = kept[2 * b * layer : 2 * b * layer + b]
                cell = kept[2 * b * layer + b : 2 * b * layer + 2 * b]
                forget = [sigmoid(x[i] * w[i] + bias[i]) for i in range(b)]
                ingate = [sigmoid(h[i] * w[b + i] + bias[b + i]) for i in range(b)]
                outgate = [sigmoid(x[i] * w[2 * b + i] + bias[2 * b + i]) for i in range(b)]
                change = [m.tanh(h[i] * w[3 * b + i] + bias[3 * b + i]) for i in range(b)]
                cell = [cell[i] * forget[i] + ingate[i] * change[i] for i in range(b)]
                x = [outgate[i] * m.tanh(cell[i]) for i in range(b)]
                kept[2 * b * layer : 2 * b * layer + 2 * b] = x + cell
            y = [x[i] * extra[b + i] + extra[2 * b + i] for i in range(b)]
            norm = m.log(sum(m.exp(a) for a in y) + 2.0)
            gold = sequence[(t + 1) * b : (t + 2) * b]
            for i in range(b):
                total = total + gold[i] * (y[i] - norm)
            given = gold
        return -total / ((steps - 1) * b)

    return loss


def lorenz(m: Any, steps: int, h: float = 0.001) -> Program:
    """The sum of the state after Runge-Kutta steps of the Lorenz system."""

    def slope(p: Numbers, u: Numbers) -> list[Any]:
        return [p[0] * (u[1] - u[0]), u[0] * (p[1] - u[2]) - u[1], u[0] * u[1] - p[2] * u[2]]

    def final(p: Numbers) -> Any:
        u = list(p[3:])
        for _ in range(steps):
            k1 = slope(p, u)
            k2 = slope(p, [a + 0.5 * h * k for a, k in zip(u, k1, strict=True)])
            k3 = slope(p, [a + 0.5 * h * k for a, k in zip(u, k2, strict=True)])
            k4 = slope(p, [a + h * k for a, k in zip(u, k3, strict=True)])
            u = [
                a + h / 6.0 * (b + 2.0 * c + 2.0 * d + e)
                for a, b, c, d, e in zip(u, k1, k2, k3, k4, strict=True)
            ]
        return u[0] + u[1] + u[2]

    return final


RATES, MATURITIES = 80, 40
SWAPTIONS = (4, 4, 4, 8, 8, 8, 20, 20, 20, 28, 28, 28, 40, 40, 40)
STRIKES = (0.045, 0.05, 0.055) * 5


def libor(m: Any, delta: float = 0.25, volatility: float = 0.2) -> Callable[..., Any]:
    """Swaptions on one path of the LIBOR market model (after Giles and Glasserman), of the initial
    rates and of the path's normal numbers: a triangle with a running sum, inside a loop in time.
    """

    def payoff(initial: Any, normal: Any) -> Any:
        rate = list(initial)
        for n in range(MATURITIES):
            shock = math.sqrt(delta) * normal[n]
            drift: Any = 0.0
            for i in range(n + 1, RATES):
                drift = drift + delta * volatility * rate[i] / (1.0 + delta * rate[i])
                growth = delta * volatility * drift
                growth = growth + volatility * (shock - 0.5 * delta * volatility)
                rate[i] = rate[i] * m.exp(growth)
        bond: Any = 1.0
        swap: Any = 0.0
        bonds, swaps = [], []
        for n in range(MATURITIES, RATES):
            bond = bond / (1.0 + delta * rate[n])
            swap = swap + delta * bond
            bonds.append(bond)
            swaps.append(swap)
        value: Any = 0.0
        for length, strike in zip(SWAPTIONS, STRIKES, strict=True):
            gain = bonds[length - 1] + strike * swaps[length - 1] - 1.0
            value = value + m.where(gain < 0.0, -100.0 * gain, 0.0)
        for n in range(MATURITIES):
            value = value / (1.0 + delta * rate[n])
        return value

    return payoff


def soft_dtw(m: Any, n: int) -> Program:
    """Soft dynamic time warping of two series (after Cuturi and Blondel)."""

    def softmin(a: Any, b: Any, c: Any) -> Any:
        low = m.minimum(a, m.minimum(b, c))
        return low - m.log(m.exp(low - a) + m.exp(low - b) + m.exp(low - c))

    def distance(p: Numbers) -> Any:
        x, y = p[:n], p[n:]
        d: list[list[Any]] = [[None] * n for _ in range(n)]
        for i in range(n):
            for j in range(n):
                cost = (x[i] - y[j]) ** 2
                if i and j:
                    cost = cost + softmin(d[i - 1][j - 1], d[i - 1][j], d[i][j - 1])
                elif i or j:
                    cost = cost + (d[i - 1][j] if i else d[i][j - 1])
                d[i][j] = cost
        return d[n - 1][n - 1]

    return distance


# -- triangles ------------------------------------------------------------------------------------


def cholesky_logdet(m: Any, n: int) -> Program:
    """The log-determinant of a positive definite matrix through its Cholesky factor."""

    def logdet(a: Numbers) -> Any:
        low: list[list[Any]] = [[None] * n for _ in range(n)]
        total: Any = 0.0
        for i in range(n):
            for j in range(i + 1):
                t = a[i * n + j]
                for k in range(j):
                    t = t - low[i][k] * low[j][k]
                if i == j:
                    low[i][i] = m.sqrt(t)
                    total = total + m.log(low[i][i])
                else:
                    low[i][j] = t / low[j][j]
        return 2.0 * total

    return logdet


def positive_definite(n: int) -> list[float]:
    """A well-conditioned positive definite matrix, flat."""
    b = uniform(n * n, -1.7, 1.7, 0)
    rows = [b[i * n : (i + 1) * n] for i in range(n)]
    return [math.fsum(x * y for x, y in zip(u, v, strict=True)) / n + (u is v)
            for u in rows for v in rows]  # fmt: skip


def causal_attention(m: Any, length: int, width: int, heads: int) -> Program:
    """One layer of causal self-attention on a sequence, its squares summed."""
    size = width // heads

    def linear(w: Numbers, x: Numbers) -> list[Any]:
        n = len(x)
        return [sum(w[i * n + j] * x[j] for j in range(n)) for i in range(len(w) // n)]

    def softmax(v: Numbers) -> list[Any]:
        top = v[0]
        for a in v[1:]:
            top = m.maximum(top, a)
        e = [m.exp(a - top) for a in v]
        norm = sum(e)
        return [a / norm for a in e]

    def total(p: Numbers) -> Any:
        square = width * width
        x, rest = p[: length * width], p[length * width :]
        wq, wk, wv, wo = (rest[k * square : (k + 1) * square] for k in range(4))
        keys: list[list[Any]] = []
        values: list[list[Any]] = []
        out: Any = 0.0
        for t in range(length):
            here = x[t * width : (t + 1) * width]
            q = linear(wq, here)
            keys.append(linear(wk, here))
            values.append(linear(wv, here))
            mixed: list[Any] = []
            for at in range(0, width, size):
                scores = [sum(q[at + j] * key[at + j] for j in range(size)) for key in keys]
                weights = softmax([score / size**0.5 for score in scores])
                mixed += [
                    sum(w * value[at + j] for w, value in zip(weights, values, strict=True))
                    for j in range(size)
                ]
            out = out + sum(a * a for a in linear(wo, mixed))
        return out

    return total


# -- sums and maxima ------------------------------------------------------------------------------


def log_sum_exp(m: Any, v: Numbers) -> Any:
    """The log of a sum of exponentials; the largest is found by a chain of `maximum`."""
    top = v[0]
    for a in v[1:]:
        top = m.maximum(top, a)
    return top + m.log(sum(m.exp(a - top) for a in v))


def gmm(m: Any, d: int, k: int, x: Numbers) -> Program:
    """The log-likelihood of a Gaussian mixture with triangular precision factors (after ADBench).

    x   the points, flat
    """
    n, s = len(x) // d, d * (d + 1) // 2

    def objective(p: Numbers) -> Any:
        alphas, means, icf = p[:k], p[k : k + k * d], p[k + k * d :]
        diagonal = [[m.exp(icf[c * s + i]) for i in range(d)] for c in range(k)]
        logdet = [sum(icf[c * s + i] for i in range(d)) for c in range(k)]
        total: Any = 0.0
        for r in range(n):
            terms = []
            for c in range(k):
                centred = [x[r * d + i] - means[c * d + i] for i in range(d)]
                q = [diagonal[c][i] * centred[i] for i in range(d)]
                at = c * s + d
                for i in range(d):
                    for j in range(i + 1, d):
                        q[j] = q[j] + icf[at] * centred[i]
                        at += 1
                terms.append(alphas[c] + logdet[c] - 0.5 * sum(a * a for a in q))
            total = total + log_sum_exp(m, terms)
        prior: Any = 0.0
        for c in range(k):
            square = sum(a * a for a in diagonal[c])
            prior = prior + 0.5 * (square + sum(icf[c * s + i] ** 2 for i in range(d, s)))
        return total - n * log_sum_exp(m, alphas) + prior

    return objective


def bundle(m: Any, cameras: int, points: int, data: Numbers) -> Program:
    """Residuals of reprojection, two an observation (after ADBench's bundle adjustment).

    data   the camera of each observation, its point, and the two numbers that were seen
    """
    n = len(data) // 4
    seen_by, seen = [int(c) for c in data[:n]], [int(c) for c in data[n : 2 * n]]
    features = data[2 * n :]

    def residuals(p: Numbers) -> list[Any]:
        c, w = p[: 11 * cameras], p[11 * cameras + 3 * points :]
        places = p[11 * cameras : 11 * cameras + 3 * points]
        out = []
        for o, (at, of) in enumerate(zip(seen_by, seen, strict=True)):
            cam, point = c[11 * at : 11 * at + 11], places[3 * of : 3 * of + 3]
            shifted = [point[i] - cam[3 + i] for i in range(3)]
            angle = m.sqrt(cam[0] * cam[0] + cam[1] * cam[1] + cam[2] * cam[2])
            cosine, sine = m.cos(angle), m.sin(angle)
            axis = [cam[i] / angle for i in range(3)]
            cross = [
                axis[(i + 1) % 3] * shifted[(i + 2) % 3] - axis[(i + 2) % 3] * shifted[(i + 1) % 3]
                for i in range(3)
            ]
            along = sum(axis[i] * shifted[i] for i in range(3)) * (1.0 - cosine)
            view = [shifted[i] * cosine + cross[i] * sine + axis[i] * along for i in range(3)]
            u, v = view[0] / view[2], view[1] / view[2]
            square = u * u + v * v
            lens = 1.0 + cam[9] * square + cam[10] * square * square
            out.append(w[o] * (u * lens * cam[6] + cam[7] - features[2 * o]))
            out.append(w[o] * (v * lens * cam[6] + cam[8] - features[2 * o + 1]))
        return out

    return residuals


# -- what they are run on -------------------------------------------------------------------------


def work(name: str, *sizes: int) -> Work:
    """A program by its name and sizes, with its numbers."""
    return WORKS[name](*sizes)


def _lstm(steps: int) -> Work:
    b, layers = 14, 2
    data = [*uniform(2 * b * layers, -1, 1, 1), *uniform(steps * b, 0, 1, 2)]
    numbers = uniform(8 * b * layers + 3 * b, -0.5, 0.5, 3)
    return Work(lambda m: lstm(m, layers, b, data), numbers, data, {"STEPS": steps})


def _libor() -> Work:
    def flat(m: Any) -> Program:
        payoff = libor(m)
        return lambda p: payoff(p[:RATES], p[RATES:])

    r = random.Random(5)
    return Work(flat, [0.05] * RATES + [r.gauss(0.0, 1.0) for _ in range(MATURITIES)])


def _gmm(d: int, k: int, n: int) -> Work:
    data = uniform(n * d, -2, 2, 1)
    numbers = uniform(k + k * d + k * d * (d + 1) // 2, -1, 1, 2)
    return Work(lambda m: gmm(m, d, k, data), numbers, data, {"D": d, "K": k, "N": n})


def _bundle(cameras: int, points: int, n: int) -> Work:
    r = random.Random(1)
    data = [float(r.randrange(cameras)) for _ in range(n)]
    data += [float(r.randrange(points)) for _ in range(n)]
    data += uniform(2 * n, -1, 1, 2)
    numbers = uniform(11 * cameras, 0.1, 0.5, 3) + uniform(3 * points, 1, 2, 4)
    numbers += uniform(n, 0.5, 1.5, 5)
    sizes = {"CAMERAS": cameras, "POINTS": points, "OBSERVATIONS": n}
    return Work(lambda m: bundle(m, cameras, points, data), numbers, data, sizes)


def _attention(length: int, width: int, heads: int) -> Work:
    numbers = uniform(length * width, -1, 1, 1) + uniform(4 * width * width, -0.3, 0.3, 2)
    sizes = {"LENGTH": length, "WIDTH": width, "HEADS": heads}
    return Work(lambda m: causal_attention(m, length, width, heads), numbers, sizes=sizes)


WORKS: dict[str, Callable[..., Work]] = {
    "lstm": _lstm,
    "libor": _libor,
    "soft_dtw": lambda n: Work(lambda m: soft_dtw(m, n), uniform(2 * n, -1, 1, 1), sizes={"N": n}),
    "cholesky": lambda n: Work(
        lambda m: cholesky_logdet(m, n), positive_definite(n), sizes={"N": n}
    ),
    "lorenz": lambda steps: Work(
        lambda m: lorenz(m, steps), [10.0, 28.0, 8.0 / 3.0, 1.0, 1.0, 1.0], sizes={"STEPS": steps}
    ),
    "gmm": _gmm,
    "bundle": _bundle,
    "attention": _attention,
    "log_sum_exp": lambda n: Work(
        lambda m: lambda v: log_sum_exp(m, v), uniform(n, -3, 3, 1), sizes={"N": n}
    ),
}
