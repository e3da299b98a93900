"""Random programs of tensor operations, and how each step is done by Tensors, by PyTorch, and by
scalars: Values in arrays of objects, which NumPy moves, and loops of Python, which add them up.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

import micrograd
from micrograd import Tensor, Value, ops, tensor

SMALL = 4
"""Sizes are below."""


@dataclass
class Step:
    """One operation: what it is, the numbers of its operands, and its parameters."""

    name: str
    operands: tuple[int, ...]
    how: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} {' '.join(f'%{k}' for k in self.operands)} {self.how or ''}"


@dataclass
class Program:
    """Leaves, steps, and the weights of the elements of everything that nothing uses."""

    leaves: list[np.ndarray]
    steps: list[Step]

    def __str__(self) -> str:
        n = len(self.leaves)
        lines = [f"%{k} = {x.tolist()}" for k, x in enumerate(self.leaves)]
        return "\n".join([*lines, *(f"%{n + k} = {step}" for k, step in enumerate(self.steps))])

    def run(self, leaves: Sequence[Any], kind: str) -> list[Any]:
        """What every step gives."""
        made = list(leaves)
        for step in self.steps:
            function = STEPS[step.name][kind]
            made.append(function(*(made[k] for k in step.operands), **step.how))
        return made

    def unused(self) -> list[int]:
        """The results that nothing uses."""
        used = {k for step in self.steps for k in step.operands}
        return [k for k in range(len(self.leaves) + len(self.steps)) if k not in used]


def weights(shape: tuple[int, ...], k: int) -> np.ndarray:
    """Numbers of no pattern."""
    return np.random.default_rng(k + 17).uniform(0.5, 1.5, shape)


# --- scalars --------------------------------------------------------------------------------------


def boxed(x: Any) -> np.ndarray:
    out = np.asarray(x, dtype=object)
    return out if out.shape else out.reshape(())


def each(op: Any) -> Callable[..., np.ndarray]:
    """An op on elements of broadcast arrays of objects."""

    def function(*arrays: Any) -> np.ndarray:
        found = np.broadcast_arrays(*(boxed(x) for x in arrays))
        out = np.empty(found[0].shape, dtype=object)
        for place in np.ndindex(out.shape):
            out[place] = op(*(x[place] for x in found))
        return out

    return function


def folded(function: Callable[[list[Any]], Any]) -> Callable[..., np.ndarray]:
    """A function of a list of scalars, along axes of an array of objects."""

    def reduced(x: np.ndarray, axis: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
        rest = [a for a in range(x.ndim) if a not in axis]
        moved = x.transpose([*rest, *axis]).reshape([*(x.shape[a] for a in rest), -1])
        out = np.empty(moved.shape[:-1], dtype=object)
        for place in np.ndindex(out.shape):
            out[place] = function(list(moved[place]))
        if keepdims:
            out = out.reshape([1 if a in axis else n for a, n in enumerate(x.shape)])
        return out

    return reduced


def total(xs: list[Any]) -> Any:
    return functools.reduce(ops.add, xs)


def average(xs: list[Any]) -> Any:
    return total(xs) / len(xs)


def spread(xs: list[Any]) -> Any:
    m = average(xs)
    return average([(x - m) ** 2 for x in xs])


def number(v: Any) -> float:
    return v.data if isinstance(v, Value) else float(v)


def log_of_sum(xs: list[Any]) -> Any:
    top = max(map(number, xs))
    return ops.log(total([ops.exp(x - top) for x in xs])) + top


def along(function: Callable[[list[Any]], list[Any]]) -> Callable[..., np.ndarray]:
    """A function from a list of scalars to as many, along one axis."""

    def mapped(x: np.ndarray, axis: int) -> np.ndarray:
        out = np.moveaxis(np.empty_like(x), axis, -1)
        moved = np.moveaxis(x, axis, -1)
        for place in np.ndindex(moved.shape[:-1]):
            for k, v in enumerate(function(list(moved[place]))):
                out[(*place, k)] = v
        return np.moveaxis(out, -1, axis)

    return mapped


def shares(xs: list[Any]) -> list[Any]:
    es = [ops.exp(x - max(map(number, xs))) for x in xs]
    return [e / total(es) for e in es]


def log_shares(xs: list[Any]) -> list[Any]:
    sum_ = log_of_sum(xs)
    return [x - sum_ for x in xs]


def contracted(subscripts: str, *arrays: np.ndarray) -> np.ndarray:
    """einsum by loops over all labels."""
    inputs, out = subscripts.split("->")
    terms = inputs.split(",")
    sizes = {
        s: n for t, x in zip(terms, arrays, strict=True) for s, n in zip(t, x.shape, strict=True)
    }
    made: dict[tuple[int, ...], list[Any]] = {}
    labels = sorted(sizes)
    for place in itertools.product(*(range(sizes[s]) for s in labels)):
        at = dict(zip(labels, place, strict=True))
        factors = [x[tuple(at[s] for s in t)] for t, x in zip(terms, arrays, strict=True)]
        made.setdefault(tuple(at[s] for s in out), []).append(functools.reduce(ops.mul, factors))
    found = np.empty([sizes[s] for s in out], dtype=object)
    for k, xs in made.items():
        found[k] = total(xs)
    return found


def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    y = np.broadcast_to(y, (*batch, *y.shape[-2:]))
    out = np.empty((*batch, x.shape[-2], y.shape[-1]), dtype=object)
    for place in np.ndindex(out.shape):
        *b, i, j = place
        out[place] = total([x[(*b, i, k)] * y[(*b, k, j)] for k in range(x.shape[-1])])
    return out


def convolved(x: np.ndarray, w: np.ndarray, stride: int, padding: int, dilation: int) -> np.ndarray:
    """By the definition, over any number of axes in space."""
    count = x.ndim - 2
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * count, constant_values=0.0)
    sizes = [
        (n - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    out = np.empty((x.shape[0], w.shape[0], *sizes), dtype=object)
    for place in np.ndindex(out.shape):
        b, o, *p = place
        terms = []
        for c, *k in np.ndindex(w.shape[1:]):
            at = [stride * q + dilation * j for q, j in zip(p, k, strict=True)]
            terms.append(x[(b, c, *at)] * w[(o, c, *k)])
        out[place] = total(terms)
    return out


def pooled(function: Callable[[list[Any]], Any]) -> Callable[..., np.ndarray]:
    def pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
        sizes = [(n - size) // stride + 1 for n in x.shape[2:]]
        out = np.empty((*x.shape[:2], *sizes), dtype=object)
        for place in np.ndindex(out.shape):
            b, c, *p = place
            window = x[(b, c, *(slice(stride * q, stride * q + size) for q in p))]
            out[place] = function(list(window.ravel()))
        return out

    return pool


def largest(xs: list[Any]) -> Any:
    return functools.reduce(ops.maximum, xs)


def smallest(xs: list[Any]) -> Any:
    return functools.reduce(ops.minimum, xs)


# --- the steps ------------------------------------------------------------------------------------

STEPS: dict[str, dict[str, Any]] = {}
"""What each step is for Tensors, torch's tensors and arrays of Values, and how one is drawn."""


def step(name: str, draw: Any, tensor: Any, torch: Any, values: Any) -> None:
    STEPS[name] = {"draw": draw, "tensor": tensor, "torch": torch, "values": values}


def torch_module() -> Any:
    import torch

    return torch


def by_torch(name: str) -> Any:
    return lambda *xs, **how: getattr(torch_module(), name)(*xs, **how)


def by_functional(name: str) -> Any:
    return lambda *xs, **how: getattr(torch_module().nn.functional, name)(*xs, **how)


def goes_with(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return math.prod(np.broadcast_shapes(shape, other)) <= 36
    except ValueError:
        return False


class Draw:
    """How a step is drawn: operands by their shapes, and parameters."""

    def __init__(self, rng: Random, shapes: list[tuple[int, ...]]) -> None:
        self.rng = rng
        self.shapes = shapes

    def one(self, fits: Callable[[tuple[int, ...]], bool] = lambda s: True) -> int | None:
        """Any result with such a shape, rather a late one."""
        found = [k for k, s in enumerate(self.shapes) if fits(s)]
        if not found:
            return None
        return self.rng.choice(found[-4:] if self.rng.random() < 0.6 else found)

    def axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        count = self.rng.randint(1, len(shape))
        return tuple(sorted(self.rng.sample(range(len(shape)), count)))


def unary(d: Draw) -> Any:
    return (d.one(),), {}


def pair(d: Draw) -> Any:
    x = d.one()
    assert x is not None
    return (x, d.one(lambda s: goes_with(s, d.shapes[x]))), {}


def with_axes(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0)
    return (x,), x is not None and {
        "axis": d.axes(d.shapes[x]),
        "keepdims": d.rng.random() < 0.3,
    }


def with_axis(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0)
    return (x,), x is not None and {"axis": d.rng.randrange(len(d.shapes[x]))}


BINARY = {
    "add": (lambda x, y: x + y, "add"),
    "sub": (lambda x, y: x - y, "sub"),
    "mul": (lambda x, y: x * y, "mul"),
    "maximum": (ops.maximum, "maximum"),
    "minimum": (ops.minimum, "minimum"),
    "atan2": (ops.atan2, "atan2"),
}
for _name, (_op, _torch) in BINARY.items():
    step(_name, pair, _op, by_torch(_torch), each(_op))


def quotient(x: Any, y: Any) -> Any:
    return x / (y * y + 0.5)


def choice(x: Any, y: Any) -> Any:
    return micrograd.where(x < y, x * 2.0, y - 0.25)


step("div", pair, quotient, quotient, each(quotient))
step(
    "where",
    pair,
    choice,
    lambda x, y: torch_module().where(x < y, x * 2.0, y - 0.25),
    each(choice),
)

UNARY: dict[str, tuple[Any, Any]] = {
    "tanh": (ops.tanh, by_torch("tanh")),
    "sin": (ops.sin, by_torch("sin")),
    "sigmoid": (ops.sigmoid, by_torch("sigmoid")),
    "relu": (ops.relu, by_torch("relu")),
    "softplus": (ops.softplus, by_functional("softplus")),
    "erf": (ops.erf, by_torch("erf")),
    "atan": (ops.atan, by_torch("atan")),
    "abs": (ops.absolute, by_torch("abs")),
    "neg": (ops.neg, by_torch("neg")),
    "cube": (lambda x: (x * 0.5) ** 3, lambda x: (x * 0.5) ** 3),
    "log": (lambda x: ops.log(1.0 + x * x), lambda x: torch_module().log(1.0 + x * x)),
    "sqrt": (lambda x: ops.sqrt(0.5 + x * x), lambda x: torch_module().sqrt(0.5 + x * x)),
    "exp": (lambda x: ops.exp(ops.tanh(x)), lambda x: torch_module().exp(torch_module().tanh(x))),
    "power": (
        lambda x: (1.0 + x * x) ** 0.7,
        lambda x: (1.0 + x * x) ** 0.7,
    ),
    "rest": (lambda x: 1.0 - x, lambda x: 1.0 - x),
    "inverse": (lambda x: 2.0 / (x * x + 1.0), lambda x: 2.0 / (x * x + 1.0)),
}
for _name, (_op, _by) in UNARY.items():
    step(_name, unary, _op, _by, each(_op))

REDUCED = {
    "sum": (by_torch("sum"), total),
    "mean": (by_torch("mean"), average),
    "max": (by_torch("amax"), largest),
    "min": (by_torch("amin"), smallest),
    "var": (lambda x, dim, keepdim: x.var(dim=dim, keepdim=keepdim, correction=0), spread),
    "logsumexp": (by_torch("logsumexp"), log_of_sum),
    "prod": (
        lambda x, dim, keepdim: functools.reduce(
            lambda y, a: y.prod(dim=a, keepdim=keepdim), reversed(dim), x
        ),
        lambda xs: functools.reduce(ops.mul, xs),
    ),
}


def _off_ties(x: Any, const: Callable[[Any], Any]) -> Any:
    """`x` and small numbers that differ, so that no two elements are equal."""
    return x + const(weights(tuple(x.shape), 3))


for _name, (_by, _scalars) in REDUCED.items():
    step(
        _name,
        with_axes,
        lambda x, axis, keepdims, _name=_name: getattr(_off_ties(x, lambda c: c), _name)(
            axis, keepdims=keepdims
        ),
        lambda x, axis, keepdims, _by=_by: _by(
            _off_ties(x, lambda c: torch_module().tensor(c)), dim=axis, keepdim=keepdims
        ),
        lambda x, axis, keepdims, _f=_scalars: folded(_f)(
            _off_ties(x, lambda c: c), axis, keepdims
        ),
    )
step(
    "softmax", with_axis, lambda x, axis: x.softmax(axis),
    lambda x, axis: torch_module().softmax(x, axis), along(shares),
)  # fmt: skip
step(
    "log_softmax", with_axis, lambda x, axis: x.log_softmax(axis),
    lambda x, axis: torch_module().log_softmax(x, axis), along(log_shares),
)  # fmt: skip


# --- steps that move elements


def any_shape(d: Draw) -> Any:
    x = d.one()
    assert x is not None
    n = math.prod(d.shapes[x])
    shape = []
    while n > 1 and len(shape) < 3 and d.rng.random() < 0.8:
        size = d.rng.choice([k for k in range(1, n + 1) if n % k == 0])
        shape.append(size)
        n //= size
    return (x,), {"shape": (*shape, n)}


def order(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 1)
    return (x,), x is not None and {
        "axes": tuple(d.rng.sample(range(len(d.shapes[x])), len(d.shapes[x])))
    }


def basic(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0 and 0 not in s)
    if x is None:
        return (None,), False
    index: list[Any] = []
    for n in d.shapes[x]:
        kind = d.rng.random()
        if kind < 0.3:
            index.append(d.rng.randrange(-n, n))
        elif kind < 0.8:
            a, b = sorted([d.rng.randint(0, n), d.rng.randint(0, n)])
            b = max(b, a + 1)
            index.append(slice(a if a < n else 0, b, d.rng.choice([1, 1, 2])))
        else:
            index.append(slice(None))
        if d.rng.random() < 0.1:
            index.append(None)
    if d.rng.random() < 0.2:
        index[d.rng.randrange(len(index)) :] = [...]
    return (x,), {"index": tuple(index)}


def reverse(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0)
    return (x,), x is not None and {"axis": d.axes(d.shapes[x])}


def by_arrays(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0 and 0 not in s)
    if x is None:
        return (None,), False
    shape = d.shapes[x]
    where = d.axes(shape)[:2]
    size = d.rng.choice([(2,), (3,), (2, 2)])
    index: list[Any] = []
    for a, n in enumerate(shape):
        if a in where:
            places = [d.rng.randrange(-n, n) for _ in range(math.prod(size))]
            index.append(np.array(places).reshape(size))
        else:
            index.append(slice(None))
    return (x,), {"index": tuple(index)}


def masked(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0 and math.prod(s) > 1)
    if x is None:
        return (None,), False
    mask = np.array([d.rng.random() < 0.6 for _ in range(math.prod(d.shapes[x]))])
    mask[0] = True
    return (x,), {"index": mask.reshape(d.shapes[x])}


def as_torch(index: Any) -> Any:
    """An index that torch takes."""
    if isinstance(index, tuple):
        return tuple(map(as_torch, index))
    return torch_module().tensor(index) if isinstance(index, np.ndarray) else index


def joined(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0)
    if x is None:
        return (None,), False
    axis = d.rng.randrange(len(d.shapes[x]))

    def fits(s: tuple[int, ...]) -> bool:
        t = d.shapes[x]
        return len(s) == len(t) and s[:axis] == t[:axis] and s[axis + 1 :] == t[axis + 1 :]

    return (x, d.one(fits), d.one(fits)), {"axis": axis}


def same(d: Draw) -> Any:
    x = d.one()
    assert x is not None
    return (x, d.one(lambda s: s == d.shapes[x])), {"axis": d.rng.randint(0, len(d.shapes[x]))}


def around(d: Draw) -> Any:
    x = d.one(lambda s: len(s) > 0)
    return (x,), x is not None and {
        "widths": tuple((d.rng.randint(0, 2), d.rng.randint(0, 1)) for _ in d.shapes[x])
    }


step(
    "reshape", any_shape, lambda x, shape: x.reshape(shape), lambda x, shape: x.reshape(shape),
    lambda x, shape: x.reshape(shape),
)  # fmt: skip
step(
    "transpose", order, lambda x, axes: x.transpose(axes), lambda x, axes: x.permute(axes),
    lambda x, axes: x.transpose(axes),
)  # fmt: skip
for _name, _draw in {"slice": basic, "take": by_arrays, "mask": masked}.items():
    step(
        _name, _draw, lambda x, index: x[index], lambda x, index: x[as_torch(index)],
        lambda x, index: boxed(x[index]),
    )  # fmt: skip
step(
    "flip", reverse, lambda x, axis: x.flip(axis), lambda x, axis: x.flip(axis),
    lambda x, axis: np.flip(x, axis),
)  # fmt: skip
step(
    "concat", joined, lambda *xs, axis: tensor.concat(xs, axis),
    lambda *xs, axis: torch_module().cat(xs, axis), lambda *xs, axis: np.concatenate(xs, axis),
)  # fmt: skip
step(
    "stack", same, lambda *xs, axis: tensor.stack(xs, axis),
    lambda *xs, axis: torch_module().stack(xs, axis), lambda *xs, axis: np.stack(xs, axis),
)  # fmt: skip
step(
    "pad", around, lambda x, widths: tensor.pad(x, widths),
    lambda x, widths: torch_module().nn.functional.pad(
        x, [n for pair in reversed(widths) for n in pair]
    ),
    lambda x, widths: np.pad(x, widths, constant_values=0.0),
)  # fmt: skip

# --- steps that multiply matrices


def matrices(d: Draw) -> Any:
    x = d.one(lambda s: len(s) >= 2)
    if x is None:
        return (None,), False
    t = d.shapes[x]
    return (x, d.one(lambda s: len(s) >= 2 and s[-2] == t[-1] and goes_with(s[:-2], t[:-2]))), {}


def einsums(d: Draw) -> Any:
    x = d.one(lambda s: 0 < len(s) < 4)
    if x is None:
        return (None,), False
    y = d.one(lambda s: 0 < len(s) < 4)
    assert y is not None
    names: dict[str, int] = {}
    terms = []
    for shape in (d.shapes[x], d.shapes[y]):
        term = ""
        for n in shape:
            known = [s for s, m in names.items() if m == n]
            s = d.rng.choice(known) if known and d.rng.random() < 0.6 else "abcdefgh"[len(names)]
            names[s] = n
            term += s
        terms.append(term)
    out = [s for s in names if d.rng.random() < 0.5]
    if math.prod(names.values()) > 200 or math.prod(names[s] for s in out) > 36:
        return (None,), False
    d.rng.shuffle(out)
    return (x, y), {"subscripts": f"{terms[0]},{terms[1]}->{''.join(out)}"}


def space(d: Draw) -> Any:
    """Operands of a convolution, as reshapes of anything."""
    count = d.rng.choice([1, 2])
    x = d.one(lambda s: math.prod(s) > 3)
    w = d.one(lambda s: math.prod(s) > 1)
    return (x, w), x is not None and w is not None and {
        "count": count,
        "stride": d.rng.choice([1, 2]),
        "padding": d.rng.choice([0, 1]),
        "dilation": d.rng.choice([1, 1, 2]),
    }


def as_image(x: Any, count: int, n: int) -> Any:
    """At most `n` elements as [1, 1, ...], of one or two axes in space."""
    flat = x.reshape((-1,))[:n]
    size = flat.shape[0]
    if count == 1:
        return flat.reshape((1, 1, size))
    rows = max(k for k in range(1, size + 1) if size % k == 0 and k * k <= size)
    return flat.reshape((1, 1, rows, size // rows))


def convolve(function: Any) -> Any:
    def convolve_(x: Any, w: Any, count: int, stride: int, padding: int, dilation: int) -> Any:
        x, w = as_image(x, count, 12), as_image(w, count, 2)
        x = stack_two(x)
        return function(x, stack_rows(w), stride, padding + (count == 2), dilation)

    return convolve_


def stack_two(x: Any) -> Any:
    """Two channels of one."""
    if isinstance(x, Tensor):
        return tensor.concat([x, x * 0.5], 1)
    if isinstance(x, np.ndarray):
        return np.concatenate([x, x * 0.5], 1)
    return torch_module().cat([x, x * 0.5], 1)


def stack_rows(w: Any) -> Any:
    """Weights of two channels and three outputs."""
    two = stack_two(w)
    if isinstance(w, Tensor):
        return tensor.concat([two, two * two, two - 1.0], 0)
    if isinstance(w, np.ndarray):
        return np.concatenate([two, two * two, two - 1.0], 0)
    return torch_module().cat([two, two * two, two - 1.0], 0)


step("matmul", matrices, lambda x, y: x @ y, lambda x, y: x @ y, product)
step(
    "einsum", einsums, lambda x, y, subscripts: tensor.einsum(subscripts, x, y),
    lambda x, y, subscripts: torch_module().einsum(subscripts, x, y),
    lambda x, y, subscripts: contracted(subscripts, x, y),
)  # fmt: skip
step(
    "conv", space,
    convolve(lambda x, w, *how: getattr(x, f"conv{x.ndim - 2}d")(w, None, *how)),
    convolve(
        lambda x, w, *how: by_functional(f"conv{x.ndim - 2}d")(x, w, None, *how)
    ),
    convolve(convolved),
)  # fmt: skip


def pools(d: Draw) -> Any:
    x = d.one(lambda s: math.prod(s) > 3)
    return (x,), x is not None and {
        "count": d.rng.choice([1, 2]),
        "stride": d.rng.choice([1, 2]),
        "largest": d.rng.random() < 0.5,
    }


def pool(function: Any) -> Any:
    def pool_(x: Any, count: int, stride: int, largest: bool) -> Any:
        x = as_image(x, count, 12)
        size = min(2, *x.shape[2:])
        x = stack_two(x) + (
            torch_module().tensor(weights((1, 2, *x.shape[2:]), 5))
            if not isinstance(x, (Tensor, np.ndarray))
            else weights((1, 2, *x.shape[2:]), 5)
        )
        return function(x, size, stride, "max" if largest else "avg")

    return pool_


step(
    "pool", pools,
    pool(lambda x, size, stride, kind: getattr(x, f"{kind}_pool")(size, stride)),
    pool(
        lambda x, size, stride, kind: getattr(
            torch_module().nn.functional, f"{kind}_pool{x.ndim - 2}d"
        )(x, size, stride)
    ),
    pool(
        lambda x, size, stride, kind: pooled(largest if kind == "max" else average)(x, size, stride)
    ),
)  # fmt: skip

SMOOTH = sorted(set(STEPS) - {"relu", "abs", "maximum", "minimum", "where", "max", "min", "pool"})
"""Steps with a second derivative everywhere."""


def draw(seed: int, length: int = 10, names: Sequence[str] = tuple(STEPS)) -> Program:
    """A random program: what it has is of at most 36 elements, none of them large."""
    rng = Random(seed)
    generator = np.random.default_rng(seed)
    leaves = []
    for _ in range(rng.randint(2, 4)):
        shape = tuple(rng.randint(1, SMALL - 1) for _ in range(rng.choice([0, 1, 2, 2, 2, 3])))
        leaves.append(generator.uniform(-1.5, 1.5, shape))
    made: list[Any] = [Tensor(x, dtype="f64") for x in leaves]
    steps: list[Step] = []
    while len(steps) < length:
        name = rng.choice(list(names))
        operands, how = STEPS[name]["draw"](Draw(rng, [x.shape for x in made]))
        if None in operands or how is False:
            continue
        found = STEPS[name]["tensor"](*(made[k] for k in operands), **how)
        if not 0 < found.size <= 36 or found.ndim > 4 or np.abs(found.numpy()).max() > 20.0:
            continue
        made.append(found)
        steps.append(Step(name, tuple(operands), how))
    return Program(leaves, steps)


def as_values(x: np.ndarray) -> np.ndarray:
    """An array of leaf Values."""
    out = np.empty(x.shape, dtype=object)
    for place in np.ndindex(x.shape):
        out[place] = Value(float(x[place]))
    return out


def gradients_of(x: np.ndarray) -> np.ndarray:
    """The gradients of an array of Values."""
    return np.array([v.grad for v in x.ravel()]).reshape(x.shape)


def numbers_of(x: np.ndarray) -> np.ndarray:
    """The numbers of an array of Values and floats."""
    return np.array([number(v) for v in x.ravel()]).reshape(x.shape)
