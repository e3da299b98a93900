"""The calls that bad_input.py makes: every function and method, its arguments, and NumPy's."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import micrograd
from micrograd import Tensor, ops, tensor

from .bad_input import Draw, entry


def one(d: Draw) -> tuple[Any, ...]:
    return (d.tensor(),)


def two(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    return (x, d.operand(x)) if d.rng.random() < 0.8 else (d.operand(x), x)


# --- operators and ops --------------------------------------------------------------------------


def _numeric(f: Any) -> Any:
    """NumPy's, of truth values as the numbers 0 and 1."""

    def function(*xs: Any) -> Any:
        return f(*(_as_number(x) for x in xs))

    return function


def _as_number(x: Any) -> Any:
    if isinstance(x, (bool, np.bool_)) or (isinstance(x, np.ndarray) and x.dtype == bool):
        return np.asarray(x, np.float64)
    if isinstance(x, (list, tuple)):
        return _as_number(np.asarray(x))
    return x


for _name in ("add", "sub", "mul", "truediv"):
    entry(
        f"operator.{_name}",
        two,
        getattr(operator, _name),
        _numeric(getattr(operator, _name)),
        both=True,
    )
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    entry(f"operator.{_name}", two, getattr(operator, _name), None, both=True)
entry(
    "operator.pow",
    two,
    operator.pow,
    _numeric(lambda x, y: np.power(np.asarray(x, np.float64), y)),
    both=True,
)
entry(
    "operator.matmul",
    two,
    operator.matmul,
    lambda x, y: np.matmul(_as_number(x), _as_number(y)),
    both=True,
)
for _name in ("and_", "or_", "xor"):
    entry(f"operator.{_name}", two, getattr(operator, _name))
for _name in ("neg", "abs", "invert", "pos"):
    entry(f"operator.{_name}", one, getattr(operator, _name))
for _name in ("iadd", "imul", "floordiv", "mod", "lshift"):
    entry(f"operator.{_name}", two, getattr(operator, _name))


def _scalar(op: Any) -> Any:
    """The op's own meaning, element by element."""

    def function(*xs: Any) -> Any:
        arrays = np.broadcast_arrays(*(np.asarray(_as_number(x), np.float64) for x in xs))
        out = np.empty(arrays[0].shape)
        for place in np.ndindex(out.shape):
            out[place] = op.eval(*(float(a[place]) for a in arrays))
        return out

    return function


for _op in ops.OPS.values():
    _function = getattr(micrograd, _op.name, None) or getattr(ops, _op.name, _op)
    _arity = _op.arity
    _ours = _function if callable(_function) else _op
    if _arity == 1:
        entry(f"ops.{_op.name}", one, _ours, _scalar(_op))
    elif _arity == 2:
        entry(f"ops.{_op.name}", two, _ours, _scalar(_op), both=True)


def three(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    c = d.operand(x) if d.rng.random() < 0.3 else d.tensor(x.shape, "bool")
    return c, x, d.operand(x)


entry("where", three, micrograd.where)
entry("tensor.where", three, tensor.where)
entry("clip", lambda d: (x := d.tensor(), d.operand(x), d.operand(x)), lambda x, a, b: x.clip(a, b))

# --- reductions ---------------------------------------------------------------------------------


def reduced(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    return x, d.axis(x), d.flag()


def as_axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


for _name in ("sum", "prod", "max", "min", "mean", "any", "all", "var", "std"):
    entry(
        f"{_name}",
        reduced,
        lambda x, a, k, _n=_name: getattr(x, _n)(a, keepdims=k),
        lambda x, a, k, _n=_name: getattr(np, _n)(
            _as_number(x) if _n in ("max", "min", "var", "std") else x, as_axes(a), keepdims=k
        ),
        ties=_name in ("max", "min"),
    )
    entry(
        f"np.{_name}",
        reduced,
        lambda x, a, k, _n=_name: getattr(np, _n)(x, axis=a, keepdims=k),
        ties=_name in ("max", "min"),
    )
entry("var.ddof", lambda d: (*reduced(d), d.size()), lambda x, a, k, n: x.var(a, k, n))
for _name in ("argmax", "argmin"):
    entry(
        _name,
        reduced,
        lambda x, a, k, _n=_name: getattr(x, _n)(a, keepdims=k),
        lambda x, a, k, _n=_name: getattr(np, _n)(x, a, keepdims=k),
    )


def _logsumexp(x: Any, axis: Any, keepdims: Any) -> Any:
    return np.logaddexp.reduce(np.asarray(x, np.float64), as_axes(axis), keepdims=keepdims)


entry("logsumexp", reduced, lambda x, a, k: x.logsumexp(a, keepdims=k), _logsumexp)


def along(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    return x, d.axis(x)


def _softmax(x: Any, axis: Any) -> Any:
    return np.exp(_log_softmax(x, axis))


def _log_softmax(x: Any, axis: Any) -> Any:
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise ValueError
    return x - np.logaddexp.reduce(x, as_axes(axis), keepdims=True)


for _name in ("cumsum", "cumprod"):
    entry(
        _name,
        along,
        lambda x, a, _n=_name: getattr(x, _n)(a),
        lambda x, a, _n=_name: getattr(np, _n)(x, a),
    )
entry("softmax", along, lambda x, a: x.softmax(a), _softmax)
entry("log_softmax", along, lambda x, a: x.log_softmax(a), _log_softmax)

# --- shapes -------------------------------------------------------------------------------------


def shaped(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    return x, d.shape(x)


def axes_of(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    order = tuple(d.rng.sample(range(x.ndim), x.ndim))
    return x, order if d.rng.random() < 0.5 else d.axis(x)


def two_axes(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    return x, d.axis(x), d.axis(x)


entry("reshape", shaped, lambda x, s: x.reshape(s), lambda x, s: x.reshape(s))
entry(
    "reshape*",
    lambda d: (d.tensor(), d.size(), d.size()),
    lambda x, a, b: x.reshape(a, b),
    lambda x, a, b: x.reshape(a, b),
)
entry("np.reshape", shaped, lambda x, s: np.reshape(x, s), lambda x, s: np.reshape(x, s))
entry("broadcast_to", shaped, lambda x, s: x.broadcast_to(s), lambda x, s: np.broadcast_to(x, s))
entry("transpose", axes_of, lambda x, a: x.transpose(a), lambda x, a: np.transpose(x, a))
entry(
    "T",
    one,
    lambda x: (x.T, x.flatten(), x.mT if x.ndim > 1 else x),
    lambda x: (x.T, x.ravel(), x.swapaxes(-1, -2) if x.ndim > 1 else x),
)
entry("mT", one, lambda x: x.mT, lambda x: x.swapaxes(-1, -2))
entry("swapaxes", two_axes, lambda x, a, b: x.swapaxes(a, b), lambda x, a, b: np.swapaxes(x, a, b))
entry("moveaxis", two_axes, lambda x, a, b: x.moveaxis(a, b), lambda x, a, b: np.moveaxis(x, a, b))
entry("expand_dims", along, lambda x, a: x.expand_dims(a), lambda x, a: np.expand_dims(x, a))
entry("squeeze", along, lambda x, a: x.squeeze(a), lambda x, a: np.squeeze(x, as_axes(a)))
entry("flip", along, lambda x, a: x.flip(a), lambda x, a: np.flip(x, as_axes(a)))
entry(
    "split",
    lambda d: (x := d.tensor(), d.size() if d.rng.random() < 0.6 else d.shape(), d.axis(x)),
    lambda x, p, a: x.split(p, a),
    lambda x, p, a: np.split(x, p, a),
)
entry("diagonal", one, lambda x: x.diagonal(), lambda x: np.diagonal(x))
entry("trace", one, lambda x: x.trace(), lambda x: np.trace(x))
entry("index", lambda d: (x := d.tensor(), d.index(x)), lambda x, i: x[i], lambda x, i: x[i])
entry(
    "take",
    lambda d: (x := d.tensor(), d.part(x, 0), d.axis(x)),
    lambda x, i, a: x.take(i, a),
    lambda x, i, a: np.take(x, i, a),
)
entry(
    "take_along_axis",
    lambda d: (
        x := d.tensor(),
        d.tensor(x.shape, "int64") if d.rng.random() < 0.5 else d.part(x, 0),
        d.axis(x),
    ),
    lambda x, i, a: x.take_along_axis(i, a),
    None,
)
entry(
    "setitem",
    lambda d: (x := d.tensor(), d.index(x), d.operand()),
    lambda x, i, y: operator.setitem(x, i, y),
)
entry(
    "data",
    lambda d: (x := d.tensor(), d.operand(x)),
    lambda x, y: setattr(x, "data", y),
    compiles=False,
)
entry(
    "astype",
    lambda d: (
        d.tensor(),
        d.rng.choice(
            [
                *("f32", "f64", "float32", "int64", "bool", "int8", "complex64"),
                int,
                float,
                np.float16,
                d.junk(),
            ]
        ),
    ),
    lambda x, t: x.astype(t),
)
entry(
    "leaving",
    one,
    lambda x: len(f"{x.numpy()} {x.tolist()} {x.detach()!r} {x}"),
    compiles=False,
)
for _name, _f in {
    "item": lambda x: x.item(),
    "bool": bool,
    "len": len,
    "int": int,
    "float": float,
    "index": operator.index,
    "list": list,
    "hash": hash,
    "format": lambda x: f"{x:.2f}",
    "contains": lambda x: 1.0 in x,
    "round": round,
    "reversed": lambda x: list(reversed(x)),
    "divmod": lambda x: divmod(x, 2),
    "iter": lambda x: [y * 2 for y in x],
}.items():
    entry(f"as.{_name}", one, _f, compiles=False)

# --- several ------------------------------------------------------------------------------------


def several(d: Draw) -> tuple[Any, ...]:
    x = d.tensor()
    xs = [
        x,
        *(
            d.tensor(x.shape) if d.rng.random() < 0.8 else d.operand(x)
            for _ in range(d.rng.randint(0, 2))
        ),
    ]
    return xs if d.rng.random() < 0.9 else d.junk(), d.axis(x)


entry("concat", several, lambda xs, a: tensor.concat(xs, a), lambda xs, a: np.concatenate(xs, a))
entry("stack", several, lambda xs, a: tensor.stack(xs, a), lambda xs, a: np.stack(xs, a))
entry(
    "np.concatenate",
    several,
    lambda xs, a: np.concatenate(xs, a),
    lambda xs, a: np.concatenate(xs, a),
)
entry("np.stack", several, lambda xs, a: np.stack(xs, axis=a), lambda xs, a: np.stack(xs, a))
entry(
    "pad",
    lambda d: (
        x := d.tensor(),
        d.shape(x) if d.rng.random() < 0.5 else d.size(),
        d.rng.choice([0.0, 0.0, 1, np.nan, d.junk()]),
    ),
    lambda x, w, v: tensor.pad(x, w, v),
    None,
)
entry(
    "gradients",
    lambda d: (x := d.tensor(), d.rng.choice([None, d.operand(x)])),
    lambda x, ct: tensor.gradients(x * 2.0, [x], ct),
    compiles=False,
)
entry(
    "gradients.of",
    lambda d: (d.operand(), d.operand()),
    lambda y, x: tensor.gradients(y, x),
    compiles=False,
)
entry(
    "backward",
    lambda d: (x := d.tensor(), d.operand(x)),
    lambda x, ct: (x * 2.0).backward(ct),
    compiles=False,
)

# --- products -----------------------------------------------------------------------------------


def matrices(d: Draw) -> tuple[Any, ...]:
    k = d.rng.choice([1, 2, 3, 0])
    batch = d.rng.choice([(), (2,), (1, 2)])
    x = d.tensor((*d.rng.choice([(), batch]), *d.rng.choice([(), (2,), (3,)]), k))
    y = d.tensor((*d.rng.choice([(), batch]), k, *d.rng.choice([(), (2,), (3,)])))
    return (x, y) if d.rng.random() < 0.8 else (d.operand(x), y)


for _name in ("matmul", "dot", "outer"):
    entry(
        f"method.{_name}",
        lambda d: (
            (d.tensor(), d.operand())
            if d.rng.random() < 0.3
            else (d.tensor((2, 3)), d.operand(d.tensor((3, 2))))
        ),
        lambda x, y, _n=_name: getattr(x, _n)(y),
        both=True,
    )
entry(
    "matmul",
    matrices,
    lambda x, y: tensor.matmul(x, y),
    lambda x, y: np.matmul(_as_number(x), _as_number(y)),
    both=True,
)
entry("np.dot", two, lambda x, y: np.dot(x, y))
entry(
    "np.outer",
    two,
    lambda x, y: np.outer(x, y),
    lambda x, y: np.outer(_as_number(x), _as_number(y)),
)
SUBSCRIPTS = [
    "ij,jk->ik",
    "ij,ij->",
    "i,i",
    "i,j->ij",
    "ij->ji",
    "ii->i",
    "ii",
    "...i,...i->...",
    "ij,k",
    "bij,bjk->bik",
    "",
    "->",
    "ij",
    "i->ii",
    "a,b->c",
    "i.j",
    "IJ,JI",
    "...",
    ",",
    "ij,jk,kl->il",
    "ij ,ji",
]
entry(
    "einsum",
    lambda d: (
        d.rng.choice(SUBSCRIPTS) if d.rng.random() < 1 - d.bad / 3 else d.junk(),
        *(
            d.tensor(d.rng.choice([(3,), (3, 3), (2, 3), (3, 2), (2, 3, 3), None]))
            if d.rng.random() < 0.9
            else d.operand()
            for _ in range(d.rng.randint(0, 3))
        ),
    ),
    lambda s, *xs: tensor.einsum(s, *xs),
    lambda s, *xs: np.einsum(s, *map(_as_number, xs)),
)
entry(
    "tensordot",
    lambda d: (
        x := d.tensor(),
        d.operand(x),
        d.rng.choice([0, 1, 2, ([0], [0]), (0, 1), d.junk()]),
    ),
    lambda x, y, a: tensor.tensordot(x, y, a),
    lambda x, y, a: np.tensordot(_as_number(x), _as_number(y), a),
)


def image(d: Draw, count: int, weights: bool) -> tuple[Any, ...]:
    space = [d.rng.choice([1, 2, 4, 5]) for _ in range(count)]
    x = (
        d.tensor((*d.rng.choice([(), (1,), (2,), (0,)]), 2, *space))
        if d.rng.random() < 0.85
        else d.tensor()
    )
    options = [
        d.rng.choice([1, 1, 2, d.size()]),
        d.rng.choice([0, 1, "same", "valid", d.size()]),
        d.rng.choice([1, 1, 2, d.size()]),
    ]
    if weights:
        w = d.tensor(
            (
                d.rng.choice([1, 2, 3, 4]),
                d.rng.choice([1, 2, 2]),
                *(d.rng.choice([1, 2, 3]) for _ in space),
            )
        )
        bias = d.rng.choice([None, None, d.tensor((w.shape[0],)), d.operand()])
        return (
            x,
            w if d.rng.random() < 0.9 else d.operand(),
            bias,
            *options,
            d.rng.choice([1, 1, 2, d.size()]),
        )
    return (
        x,
        d.rng.choice([1, 2, (2,), (2, 2), d.size()]),
        d.rng.choice([None, options[0]]),
        d.rng.choice([0, options[1]]),
    )


for _count, _function in ((1, tensor.conv1d), (2, tensor.conv2d)):
    entry(_function.__name__, lambda d, _n=_count: image(d, _n, True), _function)
    for _function in (tensor.avg_pool, tensor.max_pool):
        entry(
            f"{_function.__name__} {_count}",
            lambda d, _n=_count: image(d, _n, False),
            _function,
            ties=_function is tensor.max_pool,
        )

# --- making -------------------------------------------------------------------------------------

DTYPE = [None, None, "f32", "float64", "int64", "bool", "f16", 5, np.int32]
entry(
    "Tensor",
    lambda d: (
        d.rng.choice([d.junk(), d.array(), d.array().tolist(), d.tensor()]),
        d.rng.choice(DTYPE),
        d.flag(),
    ),
    lambda x, t, g: Tensor(x, t, g),
    compiles=False,
    makes=True,
)
entry(
    "zeros",
    lambda d: (d.shape(), d.rng.choice(DTYPE), d.flag()),
    lambda s, t, g: (tensor.zeros(s, t, g), tensor.ones(s, t, g)),
    compiles=False,
    makes=True,
)
entry(
    "full",
    lambda d: (d.shape(), d.operand(), d.rng.choice(DTYPE)),
    lambda s, v, t: tensor.full(s, v, t),
    compiles=False,
    makes=True,
)
entry(
    "arange",
    lambda d: tuple(d.size() for _ in range(d.rng.randint(0, 4))),
    lambda *n: tensor.arange(*n),
    None,
    compiles=False,
    makes=True,
)
entry(
    "eye",
    lambda d: (d.size(), d.rng.choice([None, d.size()]), d.rng.choice(DTYPE)),
    lambda n, m, t: tensor.eye(n, m, t),
    compiles=False,
    makes=True,
)
entry(
    "one_hot",
    lambda d: (
        d.rng.choice([d.operand(), [0, 1], np.array([2, 1])]),
        d.size(),
        d.rng.choice(DTYPE),
    ),
    lambda i, n, t: tensor.one_hot(i, n, t),
    compiles=False,
    makes=True,
)
entry(
    "of_values",
    lambda d: (d.junk(), d.rng.choice(DTYPE)),
    lambda x, t: Tensor.of_values(x, t),
    compiles=False,
    makes=True,
)
entry("values", one, lambda x: x.values() is None, compiles=False, makes=True)
