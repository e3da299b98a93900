"""`vmap`: a function of one sample as a function of many, with one more axis.

Of Tensors, the sample's program gets one more loop around what depends on a sample, and all else is
computed once (tensor_mapped.py). Of numbers, a kernel maps over arrays by itself; so axes are moved
to where it has its points, and what it would take as a whole is called sample by sample.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import SignatureError, TensorsNeeded, kind, user_location
from ...locks import importing
from ...named import is_tensor
from ...nn import Module
from ..axes import CONTAINERS, Axes, bind, leaves, signature_of, spread, taken
from ..options import Options
from ..tensors.calls import of_floats, takes_tensors
from ..trace.source import FunctionSource
from ..wanted import Wanted
from .kernel import Kernel
from .totals import Total


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Any:
    """A function of one sample as a function of many: arguments and results have one more axis.

    in_axes     which axis of the arguments samples lie along: a number, or None for what is the
                same for all; or a tuple with one for each parameter, nested where these are
    out_axes    which axis of the results; None for a result that is the same for all

    >>> from micrograd import Tensor, grad
    >>> def energy(w: Tensor, x: Tensor) -> Tensor:
    ...     return ((w * x).sum() - 1.0) ** 2
    >>> w, rows = Tensor([1.0, 2.0]), Tensor([[1.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    >>> vmap(energy, in_axes=(None, 0))(w, rows)
    Tensor([4., 1., 1.])
    >>> vmap(grad(energy), in_axes=(None, 0))(w, rows)[0]
    Tensor([[4., 4.],
            [0., 2.],
            [4., 0.]])

    It is compiled when it is called, and can be compiled, differentiated and mapped again. Of a
    function of numbers it takes arrays, as kernels do. Raises SignatureError for axes that do not
    fit the arguments; ShapeError for different numbers of samples.
    """
    if not callable(function):
        raise SignatureError(f"function should be a function of one sample, got {kind(function)}")
    return Mapped(function, in_axes, out_axes)


def _without_numbers(x: Any) -> Any:
    """Arguments with arrays of zeros, which take no memory, for numbers and arrays of them."""
    if isinstance(x, (int, float, np.ndarray, np.number, np.bool_)):
        return np.broadcast_to(np.float64(0.0), np.shape(x))
    if type(x) in CONTAINERS:
        return type(x)(map(_without_numbers, x))
    return {k: _without_numbers(v) for k, v in x.items()} if type(x) is dict else x


class Mapped:
    """What `vmap` gives."""

    def __init__(self, function: Callable[..., Any], in_axes: Any, out_axes: Any) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.__signature__ = signature_of(function)
        name = getattr(function, "name", None) or getattr(function, "__name__", "function")
        self.__name__ = f"vmap_{name}".replace(".", "_")
        self.axes = Axes(self.__name__, in_axes, out_axes)
        self.is_of_tensors = takes_tensors(function, None)
        self._kernels: dict[str, Any] = {}
        self._latest: Any = None  # the arguments of the latest call, if they were numbers

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The results of all samples."""
        if not self.is_of_tensors and not any(map(is_tensor, leaves([*args, *kwargs.values()]))):
            try:
                result = self._on_numbers(args, kwargs)
                self._latest = _without_numbers((list(args), kwargs))
                return result
            except TensorsNeeded:
                args, kwargs = tuple(of_floats(list(args))), of_floats(kwargs)
        self._latest = None
        with importing:
            from ..tensors.mapped import mapped
        return mapped(self, self.axes, args, kwargs)

    def __repr__(self) -> str:
        return f"<vmap of {self.function!r}>"

    def __getattr__(self, name: str) -> Any:
        """Derivatives, stages and the like are those of the kernel of Tensors."""
        if name.startswith("_") or name in ("function", "axes", "is_of_tensors"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        with importing:
            from ..tensors.mapped import kernel_of
        return getattr(kernel_of(self), name)

    def export(self, directory: Any, **how: Any) -> list[Path]:
        """Write it as files for C, for as many samples as the latest call had: as kernels do. Of a
        function of numbers it is the kernel of Tensors that it is, too.
        """
        with importing:
            from ..tensors.mapped import kernel_of, with_tensors
        made = kernel_of(self)
        if self._latest is not None:
            args, kwargs = with_tensors(self._latest, self.options.dtype)
            made(*args, **kwargs)
        exported: list[Path] = made.export(directory, **how)
        return exported

    def of(self, function: Callable[..., Any]) -> Mapped:
        """The same map of another function."""
        return Mapped(function, self.axes.in_axes, self.axes.out_axes)

    @property
    def options(self) -> Options:
        """How to compile it: as its function."""
        found = getattr(self.function, "_options", None)
        return found or Options.given(np.dtype(np.float64), False, None, None)

    def kernel(self, what: str, make: Callable[[], Any]) -> Any:
        """The kernel for Tensors or for numbers, which is made once."""
        if what not in self._kernels:
            self._kernels[what] = make()
        return self._kernels[what]

    # -- functions of numbers ------------------------------------------------------------------

    def _on_numbers(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        function = self.function
        if isinstance(function, Module):
            bound = bind(self.__name__, lambda x: x, args, kwargs)
        else:
            bound = bind(self.__name__, function, args, kwargs)
        made: Any = function
        if not isinstance(function, (Kernel, Mapped, Total)):
            made = self.kernel(
                "numbers",
                lambda: Kernel(
                    FunctionSource(function, None, freeze=False), self.options, Wanted.VALUE
                ),
            )
        known = isinstance(made, Kernel)
        parameters = {p.name: p.array for p in made._parameters} if known else {}
        specs = self.axes.of(bound)
        names, arrays, axes = [], [], []
        plain = known
        for (name, x), axis in zip(bound.arguments.items(), specs, strict=True):
            found = [np.asarray(x)] if not isinstance(x, (*CONTAINERS, dict)) else []
            plain = plain and bool(found) and parameters.get(name, "rows") != "whole"
            for leaf, a in spread(x, axis, self.__name__, name):
                names.append(name)
                arrays.append(np.asarray(leaf))
                axes.append(a)
        n = self.axes.samples(names, [x.shape for x in arrays], axes)
        ways = [parameters.get(name, "rows") for name in names]
        flat = all(x.ndim < 2 + (way == "rows") for x, way in zip(arrays, ways, strict=True))
        if plain and (flat or set(ways) == {"map"}):
            return self._at_points(made, arrays, axes, ways)
        results = []
        for k in range(n):
            pairs = zip(bound.arguments.values(), specs, strict=True)
            sample = [taken(x, axis, k) for x, axis in pairs]
            results.append(made(*sample))
        return self._stacked(results)

    def _at_points(
        self, made: Any, arrays: Sequence[Any], axes: Sequence[Any], ways: Sequence[str]
    ) -> Any:
        """One call, in which samples are the first axis of the points."""
        moved = [
            x if a is None else np.moveaxis(x, a, 0) for x, a in zip(arrays, axes, strict=True)
        ]
        rest = [
            x.ndim - (a is not None) - (w == "rows")
            for x, a, w in zip(moved, axes, ways, strict=True)
        ]
        most = max(rest)
        given = []
        for x, axis, r, way in zip(moved, axes, rest, ways, strict=True):
            if axis is not None and r < most and way == "map":
                x = x.reshape(x.shape[0], *(1,) * (most - r), *x.shape[1:])
            given.append(x if x.ndim else x.item())
        return self._out(made.at_points(given))

    def _stacked(self, results: Sequence[Any]) -> Any:
        """The results of samples, one after the other, as arrays."""
        first = results[0]
        if isinstance(first, dict):
            return {k: self._stacked([r[k] for r in results]) for k in first}
        if type(first) in CONTAINERS:
            return type(first)([self._stacked(list(r)) for r in zip(*results, strict=True)])
        return self._out(np.stack([np.asarray(r) for r in results]))

    def _out(self, result: Any) -> Any:
        """Results with samples along the axis that is asked for."""
        if isinstance(result, dict):
            return {k: self._out(x) for k, x in result.items()}
        if type(result) in CONTAINERS:
            return type(result)([self._out(x) for x in result])
        axis = self.axes.out_axes
        rank = np.ndim(result)
        if axis.__class__ is not int or not -rank <= axis < rank:
            raise SignatureError(
                f"{user_location()}: {self.__name__}: out_axes of a function of numbers should be "
                f"one of the {rank} axes of its results, got {axis!r}"
            )
        return np.moveaxis(result, 0, axis) if axis else result
