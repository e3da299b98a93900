"""Functions of points as custom ops of PyTorch, which know their gradients, themselves such ops."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

import numpy as np
import torch
from torch import library

from ..bridge.points import Block, Core, Pointwise
from ..locks import Lock
from .kept import Kept

NAMESPACE = "micrograd"
NUMBERS: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
"""The dtypes that are computed in, as NumPy has them."""
_taken: set[str] = set()
_lock = Lock()


class Registered:
    """The custom op `micrograd::name(Tensor x0, ..., int[] cores) -> Tensor`.

    Its tensors have the points as their first axes, the same for all, and behind them one axis with
    the row of numbers, if an argument is a row; the result is (results, *points). What the cores
    are, `encoded` says.

    at      the function for arguments of these cores
    arity   how many tensors it takes
    dtype   of results, if no argument says it, as all are integers; None: PyTorch's default
    """

    def __init__(
        self,
        name: str,
        at: Callable[[tuple[Core, ...]], Pointwise],
        arity: int,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.arity = arity
        self._dtype = dtype
        self.name = _free(name)
        self._at = at
        self._pullbacks: dict[tuple[int, ...], Registered] = {}
        self._functions: dict[tuple[int, ...], Pointwise] = {}
        self._blocks: dict[tuple[tuple[int, ...], torch.dtype], Block | None] = {}
        self._lock = Lock()
        tensors = ", ".join(f"Tensor x{k}" for k in range(arity))
        schema = f"({tensors}, int[] cores) -> Tensor"
        op = library.custom_op(
            f"{NAMESPACE}::{self.name}", self._compute, mutates_args=(), schema=schema
        )
        op.register_fake(self._shaped)
        op.register_autograd(self._backward, setup_context=self._remember)
        op.register_vmap(self._mapped)
        self.kept = Kept(self.name, self.function)
        self.op = op
        """What PyTorch calls."""

    def function(self, cores: Sequence[int]) -> Pointwise:
        """What is computed for arguments of these encoded cores."""
        key = tuple(cores)
        found = self._functions.get(key)
        if found is None:
            found = self._functions[key] = self._at(decoded(key))
        return found

    def pullback(self, needed: tuple[int, ...]) -> Registered:
        """The op of the cotangents of the `needed` arguments."""
        with self._lock:
            if needed not in self._pullbacks:

                def at(cores: tuple[Core, ...]) -> Pointwise:
                    return self._at(cores).pullback(needed)

                name = "_".join([self.name, "vjp", *map(str, needed)])
                self._pullbacks[needed] = Registered(name, at, self.arity + 1)
            return self._pullbacks[needed]

    # -- what PyTorch calls --------------------------------------------------------------------

    def _compute(self, *given: Any) -> torch.Tensor:
        *x, cores = given
        first = x[0]
        key = tuple(cores), first.dtype
        block = self._blocks[key] if key in self._blocks else self._block(key)
        if block is not None and 0 < first.numel() < block.most and alike(x):
            return computed(block, x, self._functions[key[0]].results)
        function = self.function(cores)
        out = self._empty(function, x)
        function([t.numpy() for t in x], out.numpy())
        return out

    def _block(self, key: tuple[tuple[int, ...], torch.dtype]) -> Block | None:
        cores, dtype = key
        function = self.function(cores)
        number = NUMBERS.get(dtype)
        found = None if number is None else function.block(number)
        self._blocks[key] = found
        return found

    def _shaped(self, *given: Any) -> torch.Tensor:
        *x, cores = given
        return self._empty(self.function(cores), x)

    def _empty(self, function: Pointwise, x: Sequence[torch.Tensor]) -> torch.Tensor:
        """Room for the results."""
        integers = function.integers
        k = integers.index(False) if False in integers else 0
        t = x[k]
        points = t.shape[:-1] if function.sizes[k] else t.shape
        dtype = (self._dtype or torch.get_default_dtype()) if integers[k] else t.dtype
        return t.new_empty((function.results, *points), dtype=dtype)

    def _remember(self, ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        *x, ctx.cores = inputs
        ctx.save_for_backward(*x, *self.kept.now(ctx.cores))

    def _backward(self, ctx: Any, cotangent: torch.Tensor) -> Any:
        saved, cores, asked = ctx.saved_tensors, ctx.cores, ctx.needs_input_grad[:-1]
        apply = lambda op, *xs: op.op(*xs, cores)  # noqa: E731
        return *self.cotangents(apply, saved, cores, cotangent, asked), None

    def cotangents(
        self,
        apply: Callable[..., torch.Tensor],
        saved: Sequence[torch.Tensor],
        cores: Sequence[int],
        cotangent: torch.Tensor,
        asked: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """Those of the arguments that are asked for, by applying another op.

        saved   the arguments, and behind them what `kept` had
        """
        x, before = saved[: self.arity], saved[self.arity :]
        partials: list[torch.Tensor | None] = [None] * len(x)
        needed = tuple([k for k, is_asked in enumerate(asked) if is_asked])
        if needed:
            self.kept.require(before, cores, needed)
            rows = apply(self.pullback(needed), *x, cotangent.movedim(0, -1))
            at = 0
            for k in needed:
                n = self.function(cores).sizes[k]
                partials[k] = rows[at : at + n].movedim(0, -1) if n else rows[at]
                at += n or 1
        return partials

    def _mapped(self, info: Any, places: Any, *given: Any) -> Any:
        """For a batch, which is one axis more of the points."""
        *x, cores = given
        return self.op(*batched(info.batch_size, places[:-1], x), cores), 1


def alike(x: Sequence[torch.Tensor]) -> bool:
    """Whether all are dense in this process's memory, of the same shape and dtype."""
    shape, dtype = x[0].shape, x[0].dtype
    for t in x:
        if t.shape != shape or t.dtype is not dtype or not t.is_contiguous():
            return False
        if not t.is_cpu or t.is_neg():
            return False
    return True


def computed(block: Block, x: Sequence[torch.Tensor], results: int) -> torch.Tensor:
    """The results for tensors that are alike."""
    first = x[0]
    out = first.new_empty((results, *first.shape))
    points, at = first.numel(), out.data_ptr()
    pitch = points * first.element_size()
    columns = [t.data_ptr() for t in x]
    columns += range(at, at + results * pitch, pitch)
    block.run(block.columns(*columns), points)
    return out


def batched(
    size: int, places: Sequence[int | None], x: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Tensors with a batch of this size as their first axis, from where it is; None: nowhere."""
    return [
        t.expand(size, *t.shape) if axis is None else t.movedim(axis, 0)
        for t, axis in zip(x, places, strict=True)
    ]


def _free(name: str) -> str:
    """A name that no op has yet."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")  # PyTorch takes no others
    if not name.isidentifier() or iskeyword(name):  # it stands in the code of graphs
        name = f"kernel_{name}".removesuffix("_lambda").rstrip("_")
    with _lock:
        found, n = name, 1
        while found in _taken:
            n += 1
            found = f"{name}_{n}"
        _taken.add(found)
    return found


def encoded(cores: Sequence[Core]) -> list[int]:
    """Cores in a row: -1 for a number, else how many dimensions there are, and these.

    >>> encoded([None, (2, 3)])
    [-1, 2, 2, 3]
    """
    found: list[int] = []
    for core in cores:
        found += [-1] if core is None else [len(core), *core]
    return found


def decoded(numbers: Sequence[int]) -> tuple[Core, ...]:
    """The cores that were encoded.

    >>> decoded([-1, 2, 2, 3])
    (None, (2, 3))
    """
    found: list[Core] = []
    k = 0
    while k < len(numbers):
        n = numbers[k]
        found.append(None if n < 0 else tuple(numbers[k + 1 : k + 1 + n]))
        k += 1 + max(0, n)
    return tuple(found)
