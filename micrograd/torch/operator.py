"""`operator`: a kernel as a function of PyTorch's tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from ..bridge.points import Core, Points, kernel_of
from ..errors import SignatureError, counted, kind
from ..jit import Kernel
from ..jit.trace.signature import Container, Structure
from .cores import FACTS, encoded
from .dtypes import NUMBERS
from .function import Function, Outside
from .native import PLAIN, ordinary
from .registered import Registered


def operator(function: Callable[..., Any], *, name: str | None = None) -> Operator:
    """A kernel, or a function that is compiled for it, as a function of PyTorch's tensors.

    function   of numbers: what it is called with broadcasts, and it is computed at every point, as
               kernels do with arrays. A model takes a row of numbers along the last axis, and a
               parameter that is annotated as an array or a list takes a tensor whole.
    name       of the op, `torch.ops.micrograd.name`; by default the function's own

    It computes in the dtype of the tensors, float32 or float64, or in that which `jit` was told.
    Gradients of any order flow to its arguments; Values and models that it closes over are live.

    Raises SignatureError for what is no function of numbers.

    >>> import torch
    >>> from micrograd import exp
    >>> from micrograd.torch import operator
    >>> f = operator(lambda x, y: x * exp(-y))
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> f(x, 0.0).sum().backward()
    >>> x.grad
    tensor([1., 1.])
    """
    kernel = kernel_of(function)
    if name is not None and not isinstance(name, str):
        raise SignatureError(f"name should be a text, got {kind(name)}")
    if not kernel._parameters:
        raise SignatureError(
            f"{kernel.name} takes no arguments, so it is no function of PyTorch's tensors"
        )
    made = kernel.made_of_it
    if ("torch", name) not in made:
        made["torch", name] = Operator(kernel, name)
    found: Operator = made["torch", name]
    return found


class Operator:
    """What `operator` gives."""

    def __init__(self, kernel: Kernel, name: str | None) -> None:
        self.kernel = kernel
        self.name = kernel.name
        options = kernel._options
        self._dtype = getattr(torch, options.dtype.name) if options.fixed else None
        self._parameters = [(p.name, p.array, p.integer, p.default) for p in kernel._parameters]
        self._asked = name
        self._registered = Registered(
            name or kernel.name, Points(kernel).at, len(kernel._parameters), self._dtype
        )
        self._op = self._registered.op
        numbers = all(array == "map" and not integer for _, array, integer, _ in self._parameters)
        self._numbers = tuple(encoded([None] * len(self._parameters))) if numbers else None
        functools.update_wrapper(self, kernel, updated=())

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The results for tensors and numbers, in the structure that the function gives."""
        if kwargs or len(args) != len(self._parameters):
            args = self._bound(args, kwargs)
        if self._numbers and ordinary():
            out = self._alone(self._numbers, args)
            if out is not None:
                return built(structure_of(self, self._numbers), [out[k] for k in range(len(out))])
        tensors, cores = self._tensors(args)
        key = told(self, encoded(cores))
        if ordinary() and all(type(x) in PLAIN for x in tensors):
            out, _ = Outside.apply(self._registered, key, *tensors)
        elif not torch.compiler.is_compiling() and transformed(tensors):
            out, _ = Function.apply(self._registered, key, *tensors)
        else:
            out, _ = self._op(*tensors, key)
        # views by `unbind` could not be changed in place
        return built(structure_of(self, key), [out[k] for k in range(len(out))])

    def __repr__(self) -> str:
        return f"<operator {self.name} of torch.ops.micrograd.{self._registered.name}>"

    def __reduce__(self) -> Any:
        return functools.partial(operator, name=self._asked), (self.kernel,)

    def _alone(self, key: tuple[int, ...], args: Sequence[Any]) -> torch.Tensor | None:
        """The results for tensors of numbers of which no gradient is asked, as the machine code has
        them; None if it does not take them.
        """
        dtype = next((x.dtype for x in args if isinstance(x, torch.Tensor)), None)
        if dtype not in NUMBERS or (self._dtype or dtype) is not dtype:
            return None
        tensors = []
        for x in args:
            if type(x) is float or type(x) is int:
                x = torch.full((), x, dtype=dtype)
            elif type(x) not in PLAIN or (x.requires_grad and torch.is_grad_enabled()):
                return None
            tensors.append(x)
        native = self._registered.native(key, dtype)
        found = native and native(*tensors, 0)
        return found[0] if isinstance(found, tuple) else found

    def _bound(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in order, with defaults."""
        names = [name for name, *_ in self._parameters]
        given = dict(zip(names, args, strict=False))
        fault = f"got {len(args)} of them" if len(args) > len(names) else ""
        for name, x in kwargs.items():
            if name in given or name not in names:
                fault = f"{name} is {'given twice' if name in given else 'none of them'}"
            given[name] = x
        for name, _, _, default in self._parameters:
            if name not in given and default is None:
                fault = fault or f"{name} is missing"
        if fault:
            raise SignatureError(
                f"{self.name} takes {counted(len(names), 'argument')}, {', '.join(names)}; {fault}"
            )
        return tuple([given.get(n, default) for n, _, _, default in self._parameters])

    def _tensors(self, args: Sequence[Any]) -> tuple[list[torch.Tensor], list[Core]]:
        """Tensors of the same points, rows along the last axis; and the cores."""
        dtype = self._dtype or self._common(args)
        device = next((x.device for x in args if isinstance(x, torch.Tensor)), None)
        tensors: list[torch.Tensor] = []
        cores: list[Core] = []
        points = []
        for x, (name, array, integer, _) in zip(args, self._parameters, strict=True):
            wanted = torch.int64 if integer else dtype
            if isinstance(x, (list, tuple)):
                x = torch.stack(
                    torch.broadcast_tensors(*[torch.as_tensor(v, device=device) for v in x]), -1
                )
                if array == "map":
                    array = "rows"
            elif not isinstance(x, torch.Tensor):
                x = self._number(name, x, wanted, device)
            if x.dtype is not wanted:
                if x.dtype.is_complex or (integer and x.dtype.is_floating_point):
                    expected = "integers" if integer else "real numbers"
                    raise SignatureError(
                        f"{self.name}: {name} should hold {expected}, got {x.dtype}"
                    )
                x = x.to(wanted)
            core: Core = None
            if array == "whole" and x.ndim:
                core = tuple(x.shape)
                x = x.reshape(-1)
            elif array == "rows":
                core = (x.shape[-1],)
            tensors.append(x)
            cores.append(core)
            points.append(x.shape if core is None else x.shape[:-1])
        first = points[0]
        if any(shape != first for shape in points):
            shape = torch.broadcast_shapes(*points)
            tensors = [
                t.expand(shape if core is None else (*shape, t.shape[-1]))
                for t, core in zip(tensors, cores, strict=True)
            ]
        return tensors, cores

    def _number(self, name: str, x: Any, dtype: torch.dtype, device: Any) -> torch.Tensor:
        if isinstance(x, (int, float)):
            return torch.full((), x, dtype=dtype, device=device)
        raise SignatureError(
            f"{self.name}: {name} should be a tensor, a number or a list of them, got {kind(x)}"
        )

    def _common(self, args: Sequence[Any]) -> torch.dtype:
        """In which dtype to compute: that which PyTorch would promote the arguments to, where
        tensors without dimensions yield to others.
        """
        parts = [x if isinstance(x, (list, tuple)) else [x] for x in args]
        given = [x for part in parts for x in part if isinstance(x, torch.Tensor)]
        floats = [x for x in given if x.dtype.is_floating_point]
        dtypes = [x.dtype for x in floats if x.ndim] or [x.dtype for x in floats]
        found = functools.reduce(torch.promote_types, dtypes or [torch.get_default_dtype()])
        if found not in NUMBERS:
            raise SignatureError(
                f"{self.name} computes in float32 or float64, got {found}; convert it, as by "
                "x.float()"
            )
        return found


def transformed(x: Sequence[torch.Tensor]) -> bool:
    """Whether a transformation of `torch.func` is under way, or forward mode."""
    return peek_interpreter_stack() is not None or (
        forward_ad._current_level >= 0
        and any(forward_ad.unpack_dual(t).tangent is not None for t in x)
    )


@torch._dynamo.assume_constant_result  # type: ignore[untyped-decorator]
def told(of: Operator, key: list[int]) -> list[int]:
    """What the cores encode, and how many numbers the op gives: a graph that PyTorch has kept from
    another process is of no use where these are others.
    """
    function = of._registered.function(key)
    return [*key, FACTS, function.results, function.live]


@torch._dynamo.assume_constant_result  # type: ignore[untyped-decorator]
def structure_of(of: Operator, key: Sequence[int]) -> Any:
    """The structure of the results, for what the cores encode: None for a number, or (type, keys,
    items).
    """
    return _plain(of._registered.function(key).structure)


def _plain(structure: Structure) -> Any:
    if not isinstance(structure, Container):
        return None
    kind = "list" if issubclass(structure.type, list) else "tuple"
    for name, made in (("dict", dict), ("array", np.ndarray)):
        if issubclass(structure.type, made):
            kind = name
    return kind, structure.keys, tuple(map(_plain, structure.items))


def built(structure: Any, numbers: list[torch.Tensor]) -> Any:
    """The results in a structure, taken off a list of numbers."""
    if structure is None:
        return numbers.pop(0)
    kind, keys, items = structure
    found = [built(s, numbers) for s in items]
    if kind == "array":
        return torch.stack(found, -1).reshape(*found[0].shape, *keys)
    if kind == "dict":
        return dict(zip(keys, found, strict=True))
    return found if kind == "list" else tuple(found)
