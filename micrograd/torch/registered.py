"""Functions of points as custom ops of PyTorch, which know their gradients, themselves such ops."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

import torch
from torch import library

from ..bridge.cores import Core
from ..bridge.points import Pointwise
from ..errors import GraphError, SignatureError
from ..locks import Lock
from .cores import decoded
from .dtypes import WIDE
from .native import PLAIN, Native, native, ordinary

NAMESPACE = "micrograd"
_PULLBACK = re.compile(r"(.+)_vjp_(\d+(?:_\d+)*)")
_made: dict[str, Registered | None] = {}
"""By its name; None: it is being made."""
_lock = Lock()


class Registered:
    """The custom op `micrograd::name(Tensor x0, ..., int[] cores) -> (Tensor, Tensor kept)`.

    Its tensors have the points as their first axes, the same for all, and behind them one axis with
    the row of numbers, if an argument is a row; the result is (results, *points). What the cores
    are, `encoded` says. `kept` has the numbers of the parameters that it has read: an op of
    cotangents takes it behind the other tensors, `(Tensor x0, ..., Tensor kept, int[] cores) ->
    Tensor`, and refuses to compute with others. So a graph has to keep it from the call on.

    at      the function for arguments of these cores
    arity   how many tensors that takes
    dtype   of results, if no argument says it, as all are integers; None: PyTorch's default
    of      the op whose cotangents it gives, or those of its cotangents
    """

    def __init__(
        self,
        name: str,
        at: Callable[[tuple[Core, ...]], Pointwise],
        arity: int,
        dtype: torch.dtype | None = None,
        of: Registered | None = None,
    ) -> None:
        self.arity, self.of = arity, of
        self._dtype = dtype
        self.name = _free(name)
        self._at = at
        self._pullbacks: dict[tuple[int, ...], Registered] = {}
        self._functions: dict[tuple[int, ...], Pointwise] = {}
        self._natives: dict[tuple[tuple[int, ...], torch.dtype], Native | None] = {}
        self._lock = Lock()
        tensors = [f"Tensor x{k}" for k in range(arity)] + ["Tensor kept"] * (of is not None)
        schema = f"({', '.join(tensors)}, int[] cores) -> {'Tensor' if of else '(Tensor, Tensor)'}"
        op = library.custom_op(
            f"{NAMESPACE}::{self.name}", self._compute, mutates_args=(), schema=schema
        )
        op.register_fake(self._shaped)
        op.register_autograd(self._backward, setup_context=self._remember)
        op.register_vmap(self._mapped)
        self.op = op
        """What PyTorch calls."""
        _made[self.name] = self

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
                of = self.of or self
                self._pullbacks[needed] = Registered(name, at, self.arity + 1, of=of)
            return self._pullbacks[needed]

    # -- what PyTorch calls --------------------------------------------------------------------

    def native(self, cores: tuple[int, ...], dtype: torch.dtype) -> Native | None:
        """What computes it without Python, for most tensors; it gives None for others, and is None
        where PyTorch or the kernel have none. Its second result is `kept`, if this gives that and
        no parameters are read.
        """
        key = cores, dtype
        if key in self._natives:
            return self._natives[key]
        function = self.function(cores)
        with self._lock:
            if key not in self._natives:
                kept = self.of is None and not function.live
                self._natives[key] = native(function, dtype, self.name, kept=kept)
            return self._natives[key]

    def _compute(self, *given: Any) -> Any:
        *x, cores = given
        key = tuple(cores)
        found = self._computed(key, x)
        if found is not None:
            return found
        function = self.function(key)
        if self.of is not None:
            return self._general(function, x[:-1])
        kept = torch.from_numpy(function.parameters_now())
        return self._general(function, x), kept

    def _computed(self, key: tuple[int, ...], x: Sequence[torch.Tensor]) -> Any:
        """What it gives, computed without Python; None where that is not to be had."""
        if self.of is not None:
            *x, kept = x
            self._require_unchanged(self.of, kept, key)
        native = self.native(key, x[0].dtype)
        if native is None:
            return None
        if self.of is None and self.function(key).live:
            kept = torch.from_numpy(self.function(key).parameters_now())
            out = native(*x, 1)
            return None if out is None else (out, kept)
        found = native(*x, 1)
        return None if self.of is None and found[0] is None else found

    def alone(self, *given: Any) -> Any:
        """What the op gives, without its layers where nothing looks on and no gradient is asked."""
        *x, cores = given
        found = None
        if not torch.is_grad_enabled() and ordinary() and all(type(t) in PLAIN for t in x):
            found = self._computed(tuple(cores), x)
        return self.op(*given) if found is None else found

    def _require_unchanged(self, of: Registered, kept: torch.Tensor, cores: Sequence[int]) -> None:
        """GraphError if parameters that this reads are not as they were."""
        function = self.function(cores)
        if function.live and function.changed(of.function(cores), kept.numpy()):
            raise GraphError(
                f"parameters that torch.ops.micrograd.{of.name} reads have changed since it was "
                "called, so its gradient cannot be computed any more: call backward() before they "
                "are changed, as by an optimiser's step"
            )

    def _general(self, function: Pointwise, x: Sequence[torch.Tensor]) -> torch.Tensor:
        """The results for tensors of any kind."""
        out = self._empty(function, x)
        function([t.numpy() for t in x], out.numpy())
        return out

    def _shaped(self, *given: Any) -> Any:
        *x, cores = given
        function = self.function(cores)
        devices = {str(t.device) for t in x[: self.arity]}
        if len(devices) > 1:  # of which one has no numbers, so that this is asked for no graph
            raise SignatureError(
                f"torch.ops.micrograd.{self.name} takes tensors of one device, got some of "
                f"{' and '.join(sorted(devices))}"
            )
        if self.of is not None:
            return self._empty(function, x[:-1])
        return self._empty(function, x), x[0].new_empty(function.live, dtype=WIDE)

    def _empty(self, function: Pointwise, x: Sequence[torch.Tensor]) -> torch.Tensor:
        """Room for the results."""
        integers = function.integers
        k = integers.index(False) if False in integers else 0
        t = x[k]
        points = t.shape[:-1] if function.sizes[k] else t.shape
        dtype = (self._dtype or torch.get_default_dtype()) if integers[k] else t.dtype
        return t.new_empty((function.results, *points), dtype=dtype)

    def _remember(self, ctx: Any, inputs: Any, output: Any) -> None:
        *x, ctx.cores = inputs
        self.save(ctx, x, output)

    def save(self, ctx: Any, x: Sequence[torch.Tensor], output: Any) -> Sequence[torch.Tensor]:
        """Save the tensors that derivatives are computed with, `kept` last."""
        ctx.set_materialize_grads(False)
        if self.of is None:
            _, kept = output
            ctx.mark_non_differentiable(kept)
            x = [*x, kept]
        ctx.save_for_backward(*x)
        return x

    def _backward(self, ctx: Any, cotangent: torch.Tensor | None, *_: None) -> Any:
        cores = ctx.cores
        apply = lambda op, *xs: op.alone(*xs, cores)  # noqa: E731
        partials = self.cotangents(apply, ctx.saved_tensors, cores, cotangent, ctx.needs_input_grad)
        return *partials, *[None] * (len(ctx.needs_input_grad) - self.arity)

    def cotangents(
        self,
        apply: Callable[..., torch.Tensor],
        saved: Sequence[torch.Tensor],
        cores: Sequence[int],
        cotangent: torch.Tensor | None,
        asked: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """Those of the arguments that are asked for, by applying another op.

        saved   what `save` did
        """
        *x, kept = saved
        partials: list[torch.Tensor | None] = [None] * self.arity
        needed = tuple([k for k in range(self.arity) if asked[k]])
        if needed and cotangent is not None:
            rows = apply(self.pullback(needed), *x, cotangent.movedim(0, -1), kept)
            at = 0
            for k in needed:
                n = self.function(cores).sizes[k]
                partials[k] = rows[at : at + n].movedim(0, -1) if n else rows[at]
                at += n or 1
        return partials

    def _mapped(self, info: Any, places: Any, *given: Any) -> Any:
        *x, cores = given
        return self.mapped(lambda *x: self.op(*x, cores), info.batch_size, places[:-1], x)

    def mapped(
        self,
        apply: Callable[..., Any],
        size: int,
        places: Sequence[int | None],
        given: Sequence[torch.Tensor],
    ) -> Any:
        """What applying this op gives for a batch, which is one axis more of the points, and where
        that is.
        """
        x = batched(size, places[: self.arity], given[: self.arity])
        if self.of is None:
            return apply(*x), (1, None)
        kept, axis = given[-1], places[-1]
        return apply(*x, kept if axis is None else kept.movedim(axis, 0)), 1


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
        while found in _made or _is_of_namespace(found):
            n += 1
            found = f"{name}_{n}"
        _made[found] = None
    return found


def _is_of_namespace(name: str) -> bool:
    """Whether `torch.ops.micrograd` has an attribute of this name that is no op."""
    namespace = getattr(torch.ops, NAMESPACE)
    return hasattr(type(namespace), name) or name in vars(namespace)


def provided(name: str) -> Registered | None:
    """The op of this name, which may be the pullback of another that nothing has asked for yet."""
    if name not in _made and (parts := _PULLBACK.fullmatch(name)):
        of = provided(parts[1])
        if of is not None:
            of.pullback(tuple(map(int, parts[2].split("_"))))
    return _made.get(name)


class _Ops(type(getattr(torch.ops, NAMESPACE))):  # type: ignore[misc]
    """`torch.ops.micrograd`. A graph that PyTorch has kept from another process may name pullbacks
    which are no ops yet in this one.
    """

    __module__ = type(getattr(torch.ops, NAMESPACE)).__module__  # by which ops are pickled

    def __getattr__(self, name: str) -> Any:
        provided(name)
        return vars(self)[name] if name in vars(self) else super().__getattr__(name)


getattr(torch.ops, NAMESPACE).__class__ = _Ops
