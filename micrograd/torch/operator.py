"""`operator`: a kernel as a function of PyTorch's tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from ..bridge.cores import Core, Items, core_of, is_rows
from ..bridge.points import Points, kernel_of
from ..errors import IndexRangeError, SignatureError, counted, kind
from ..jit import Kernel
from ..jit.trace.signature import Container, Structure
from .cores import FACTS, encoded
from .dtypes import NUMBERS
from .function import Function, Outside
from .native import PLAIN, ordinary
from .registered import Registered

_MOST = 2**63 - 1
"""The largest integer of int64."""


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
        device = next((x.device for x in _leaves(args) if isinstance(x, torch.Tensor)), None)
        tensors: list[torch.Tensor] = []
        cores: list[Core] = []
        points = []
        for x, (name, array, integer, _) in zip(args, self._parameters, strict=True):
            wanted = torch.int64 if integer else dtype
            core: Core = None
            if isinstance(x, (list, tuple)):
                self._refuse_several(name, integer)
                x, core = self._listed(name, array, x, wanted, device)
            else:
                x = self._tensor(name, x, wanted, device)
                if array == "whole" and x.ndim:
                    self._refuse_several(name, integer)
                    core = tuple(x.shape)
                    x = x.reshape(-1)
            if core is None and array == "rows":
                if not x.ndim:
                    raise SignatureError(
                        f"{self.name} takes as {name} rows of numbers along the last axis, got one "
                        "number"
                    )
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

    def _listed(
        self, name: str, array: str, x: Any, dtype: torch.dtype, device: Any
    ) -> tuple[torch.Tensor, Core]:
        """A list as a tensor with its numbers along the last axis, and its core."""
        if array == "rows" and is_rows(x):
            return self._rows(name, x, dtype, device), None
        found: list[torch.Tensor] = []

        def shape_of(x: Any) -> tuple[int, ...]:
            found.append(self._tensor(name, x, dtype, device))
            return tuple(found[-1].shape) if array == "whole" else ()

        core = core_of(self.name, x, shape_of)
        if array == "whole":
            return torch.cat([t.reshape(-1) for t in found]), core
        if array == "rows" and len(found) != len(x):
            raise SignatureError(
                f"{self.name}: {name} should be a list of numbers or tensors, or of such lists of "
                f"equal length, got {kind(x)}"
            )
        is_row = array == "rows" or core == Items(list, (None,) * len(found))
        stacked = torch.stack(torch.broadcast_tensors(*found), -1)
        return stacked, (len(found),) if is_row else core

    def _rows(self, name: str, x: Any, dtype: torch.dtype, device: Any) -> torch.Tensor:
        """Lists of rows as a tensor, as NumPy makes an array of them."""
        if not isinstance(x, (list, tuple)):
            return self._tensor(name, x, dtype, device)
        rows = [self._rows(name, row, dtype, device) for row in x]
        if not rows or any(row.shape != rows[0].shape for row in rows):
            raise SignatureError(f"{self.name}: {name} has rows of unequal length, or of none")
        return torch.stack(rows)

    def _tensor(self, name: str, x: Any, dtype: torch.dtype, device: Any) -> torch.Tensor:
        """A tensor or number as a tensor of this dtype, integers if that is."""
        integers = dtype is torch.int64
        if isinstance(x, torch.Tensor):
            if x.dtype is dtype:
                return x
            if x.dtype.is_complex or (integers and x.dtype.is_floating_point):
                expected = "integers" if integers else "real numbers"
                raise SignatureError(f"{self.name}: {name} should hold {expected}, got {x.dtype}")
            if integers and x.dtype is torch.uint64:
                x = x.to(dtype)  # what is more than it has becomes negative
                return torch.where(x < 0, _MOST, x)
            return x.to(dtype)
        if isinstance(x, (np.integer, np.floating)):
            x = x.item()
        if integers and isinstance(x, float):
            raise SignatureError(f"{self.name}: {name} should be an integer, got {kind(x)}")
        if integers and isinstance(x, int) and not -_MOST <= x <= _MOST:
            raise IndexRangeError(f"{self.name}: {name} is {x}, which is beyond all indices")
        if isinstance(x, (int, float)):
            return torch.full((), x if integers else float(x), dtype=dtype, device=device)
        raise SignatureError(
            f"{self.name}: {name} should be a tensor, a number or a list of them, got {kind(x)}"
        )

    def _refuse_several(self, name: str, integer: bool) -> None:
        """SignatureError if this is of an argument that is an integer."""
        if integer:
            raise SignatureError(
                f"{self.name}: {name} takes several integers, which operators do not; give each a "
                "parameter of its own, which takes a tensor with an index for every point"
            )

    def _common(self, args: Sequence[Any]) -> torch.dtype:
        """In which dtype to compute: that which PyTorch would promote the arguments to, where
        tensors without dimensions yield to others.
        """
        given = [x for x in _leaves(args) if isinstance(x, torch.Tensor)]
        floats = [x for x in given if x.dtype.is_floating_point]
        dtypes = [x.dtype for x in floats if x.ndim] or [x.dtype for x in floats]
        found = functools.reduce(torch.promote_types, dtypes or [torch.get_default_dtype()])
        if found not in NUMBERS:
            raise SignatureError(
                f"{self.name} computes in float32 or float64, got {found}; convert it, as by "
                "x.float()"
            )
        return found


def _leaves(x: Any) -> list[Any]:
    """What is in lists and tuples, in order."""
    if isinstance(x, (list, tuple)):
        return [leaf for item in x for leaf in _leaves(item)]
    return [x]


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
