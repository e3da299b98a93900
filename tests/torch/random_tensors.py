"""Random tensors of all kinds, given to operators, and to their ops, with and without what computes
them without Python: the same numbers, or the same errors.

python -m tests.torch.random_tensors SECONDS SEED
"""

from __future__ import annotations

import functools
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from micrograd import Value, exp, jit, sin
from micrograd.torch import Operator, operator
from micrograd.torch.cores import encoded
from micrograd.torch.registered import Registered

Tensor = torch.Tensor
KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda x: x,
    "inner": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]] if x.ndim else x,
    "offset": lambda x: torch.cat([x[None], x[None]])[1],
    "strided": lambda x: torch.stack([x, x], -1)[..., 0],
    "turned": lambda x: x.mT.contiguous().mT if x.ndim > 1 else x,
    "rows first": lambda x: x.movedim(-1, 0).contiguous().movedim(0, -1) if x.ndim else x,
    "expanded": lambda x: x[:1].expand(x.shape) if x.ndim else x,
    "constant": lambda x: x.new_full((), 0.5).expand(x.shape),
    "negated": torch._neg_view,
    "needs gradient": lambda x: x.clone().requires_grad_(x.dtype.is_floating_point),
    "parameter": lambda x: torch.nn.Parameter(x, requires_grad=False),
    "subclass": lambda x: x.as_subclass(Own),
    "other type": lambda x: x.to(torch.float32 if x.dtype is torch.float64 else torch.float64),
    "half": lambda x: x.half(),
    "integers": lambda x: x.long(),
    "complex": lambda x: torch.complex(x.float(), x.float()),
    "imaginary": lambda x: torch.complex(x, x).conj().imag,
    "meta": lambda x: x.to("meta"),
    "sparse": lambda x: x.to_sparse(),
    "functional": torch._to_functional_tensor,
    "fewer points": lambda x: x[:1],
    "no points": lambda x: x[:0],
    "one dimension more": lambda x: x[None],
    "huge": lambda x: x.new_full((), 0.5).expand(2**40, *x.shape),
}
"""What becomes of a plain tensor."""


class Own(torch.Tensor):
    """What people derive."""


def simple(x: Any, y: Any) -> Any:
    return x * exp(-y) + sin(x * y)


def several(x: Any, y: Any) -> Any:
    return [x * y, x - y, sin(x)]


def of_rows(x: list[Any], y: Any) -> Any:
    return x[0] * y + sin(x[1])


W = Value(1.5)
FUNCTIONS: list[tuple[Any, list[Any]]] = [
    (simple, [None, None]),
    (several, [None, None]),
    (of_rows, [(2,), None]),
    (lambda x, y: x * W + y, [None, None]),
]
"""With the cores of their arguments."""


@functools.cache
def pair(place: int) -> tuple[Operator, Operator]:
    """An operator, and the same of which Python computes all."""
    kernel = jit(FUNCTIONS[place][0])
    ours, theirs = (operator(kernel, name=f"{name}_{place}") for name in ("ours", "python"))
    theirs._registered.native = lambda *_: None  # type: ignore[method-assign]
    return ours, theirs


@functools.cache
def pullbacks(place: int, needed: tuple[int, ...]) -> tuple[Registered, Registered]:
    """The ops of their cotangents."""
    ours, theirs = (of._registered.pullback(needed) for of in pair(place))
    theirs.native = lambda *_: None  # type: ignore[method-assign]
    return ours, theirs


def outcome(f: Callable[..., Any], given: Sequence[Any]) -> Any:
    """What comes of a call, to be compared; a text is that of an error."""
    try:
        found = f(*given)
    except Exception as error:
        text = str(error).replace("python_", "ours_").partition("\n")[0]
        return f"{type(error).__name__}: {text}"
    return found if isinstance(found, (tuple, list)) else [found]


def check(seed: int) -> str:
    """One call; what came of it."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    place, way = rng.randrange(len(FUNCTIONS)), rng.choice(["operator", "op", "pullback"])
    function, cores = FUNCTIONS[place]
    ours, theirs = pair(place)
    calls: tuple[Any, Any] = (ours, theirs)
    rows = [0 if core is None else core[0] for core in cores]
    last: list[Any] = []
    if way != "operator":
        ops, last = (ours._registered, theirs._registered), [encoded(cores)]
        if way == "pullback":
            kept = torch.from_numpy(ops[0].function(last[0]).parameters_now())
            ops, last = pullbacks(place, rng.choice([(1,), (0, 1)])), [kept, *last]
            rows.append(3 if function is several else 1)
        calls = (ops[0].op, ops[1].op)
    dtype = rng.choice([torch.float32, torch.float64])
    points = [rng.choice([1, 2, 3, 8, 17]) for _ in range(rng.randint(0, 3))]
    if rng.random() < 0.02:
        points = [1] * rng.choice([23, 24, 25, 60])
    given = [tensor(rng, [*points, n] if n else points, dtype) for n in rows]
    if way == "operator" and rng.random() < 0.3:
        given[rng.randrange(len(given))] = rng.choice([2, -0.5, True, "two", None, given[0]])
    with torch.set_grad_enabled(rng.random() < 0.7):
        a, b = (outcome(f, [*given, *last]) for f in calls)
    where = f"seed {seed}: {a} beside {b}"
    if isinstance(a, str) or isinstance(b, str):
        assert a == b, where
        return a.partition(":")[0]
    for x, y in zip(a, b, strict=True):
        assert (x.shape, x.dtype, x.device, type(x)) == (y.shape, y.dtype, y.device, type(y)), where
        assert x.requires_grad == y.requires_grad, where
        if not x.is_meta:
            torch.testing.assert_close(x, y, rtol=1e-5, atol=1e-6, msg=where)
    return way


def tensor(rng: random.Random, shape: list[int], dtype: torch.dtype) -> torch.Tensor:
    """One of any kind."""
    x = torch.randn(shape, dtype=dtype)
    kind = "plain" if rng.random() < 0.5 else rng.choice(list(KINDS))
    try:
        return KINDS[kind](x)
    except (IndexError, RuntimeError):  # there is none of this shape
        return x


def main(seconds: float, seed: int) -> None:
    """As many as there is time for."""
    end = time.monotonic() + seconds
    count: dict[str, int] = {}
    while time.monotonic() < end:
        found = check(seed)
        seed, count[found] = seed + 1, count.get(found, 0) + 1
    print(count)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
