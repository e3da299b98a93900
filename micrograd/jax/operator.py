"""`operator`: a kernel as a function of JAX's arrays."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..bridge.cores import Core, Items, core_of, is_rows
from ..bridge.points import Points, kernel_of
from ..errors import SignatureError, kind
from ..jit import Kernel
from ..jit.trace.parameters import Parameter
from ..jit.trace.signature import Container, Structure
from .primitive import points_p, tell_rules


def operator(function: Callable[..., Any]) -> Operator:
    """A kernel, or a function that is compiled for it, as a function of JAX's arrays.

    function   of numbers: what it is called with broadcasts, and it is computed at every point, as
               kernels do with arrays. A model takes a row of numbers along the last axis, and a
               parameter that is annotated as an array or a list takes an array whole.

    It computes in the dtype of the arrays, float32 or, where JAX has it, float64, or in that which
    `jit` of micrograd was told. Derivatives of any order are with respect to its arguments; Values
    and models that it closes over are live.

    Raises SignatureError for what is no function of numbers.

    >>> import jax
    >>> from micrograd import exp
    >>> from micrograd.jax import operator
    >>> f = operator(lambda x, y: x * exp(-y))
    >>> jax.grad(f)(2.0, 0.0).item()
    1.0
    """
    kernel = kernel_of(function)
    integers = [p.name for p in kernel._parameters if p.integer]
    if integers:
        raise SignatureError(
            f"{kernel.name} takes integers, as {', '.join(integers)}, which operators of JAX do "
            "not; make an operator for each integer, of a function that has it as a constant"
        )
    made = kernel.made_of_it
    if "jax" not in made:
        made["jax"] = Operator(kernel)
    found: Operator = made["jax"]
    return found


class Operator:
    """What `operator` gives."""

    def __init__(self, kernel: Kernel) -> None:
        tell_rules()
        self.kernel = kernel
        self.name = kernel.name
        self._points = Points(kernel)
        options = kernel._options
        self._dtype = options.dtype if options.fixed else None
        self._parameters: Sequence[Parameter] = kernel._parameters
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(
                    p.name,
                    positional,
                    default=inspect.Parameter.empty if p.default is None else p.default,
                )
                for p in sorted(self._parameters, key=lambda p: p.default is not None)
            ]
        )
        functools.update_wrapper(self, kernel, updated=())

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The results for arrays and numbers, in the structure that the function gives."""
        arrays, cores = self._arrays(self._bound(args, kwargs))
        function = self._points.at(cores)
        out = points_p.bind(*arrays, function=function, transposed=None)
        return _built(function.structure, iter([out[k] for k in range(function.results)]))

    def __repr__(self) -> str:
        return f"<operator {self.name} of JAX>"

    def _bound(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
        """The arguments in order, with defaults."""
        try:
            bound = self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise SignatureError(f"{self.name}: {error}") from None
        bound.apply_defaults()
        return [bound.arguments[p.name] for p in self._parameters]

    def _arrays(self, args: Sequence[Any]) -> tuple[list[Any], tuple[Core, ...]]:
        """Arrays of the same points, with rows along the first axis; and the cores."""
        given = [_array(self.name, p.name, x) for x, p in zip(args, self._parameters, strict=True)]
        dtype = self._common(given) if self._dtype is None else self._dtype
        if dtype == np.float64 and not jax.config.jax_enable_x64:
            raise SignatureError(
                f"{self.name} computes in float64, which JAX has not, unless it is told to: "
                "jax.config.update('jax_enable_x64', True)"
            )
        arrays, cores, points = [], [], []
        for x, p in zip(given, self._parameters, strict=True):
            core: Core = None
            if isinstance(x, (list, tuple)):
                x, core = self._listed(p, x, dtype)
            else:
                x = jnp.asarray(x, dtype)
                if p.array == "whole" and x.ndim:
                    core, x = x.shape, x.reshape(-1)
            if core is None and p.array == "rows":
                if not x.ndim:
                    raise SignatureError(
                        f"{self.name} takes as {p.name} rows of numbers along the last axis, got "
                        "one number"
                    )
                core, x = x.shape[-1:], jnp.moveaxis(x, -1, 0)
            arrays.append(x)
            cores.append(core)
            points.append(x.shape if core is None else x.shape[1:])
        if not points:
            raise SignatureError(f"{self.name} takes no arguments, so it is no function of arrays")
        try:
            shape = np.broadcast_shapes(*points)
        except ValueError:
            text = ", ".join(map(str, points))
            raise SignatureError(
                f"{self.name}: the shapes of the arguments, {text}, do not broadcast"
            ) from None
        spread = [
            jnp.broadcast_to(x, shape)
            if core is None
            else jnp.broadcast_to(
                x.reshape(x.shape[0], *(1,) * (len(shape) - x.ndim + 1), *x.shape[1:]),
                (x.shape[0], *shape),
            )
            for x, core in zip(arrays, cores, strict=True)
        ]
        return spread, tuple(cores)

    def _listed(self, p: Parameter, x: Any, dtype: Any) -> tuple[Any, Core]:
        """A list as an array with its numbers along the first axis, and its core."""
        if p.array == "rows" and is_rows(x):
            return self._rows(p, x, dtype), None
        found: list[Any] = []

        def shape_of(x: Any) -> tuple[int, ...]:
            found.append(jnp.asarray(x, dtype))
            return found[-1].shape if p.array == "whole" else ()

        core = core_of(self.name, x, shape_of)
        if p.array == "whole":
            return jnp.concatenate([v.reshape(-1) for v in found]), core
        if p.array == "rows" and len(found) != len(x):
            raise SignatureError(
                f"{self.name}: {p.name} should be a list of numbers or arrays, or of such lists of "
                f"equal length, got {kind(x)}"
            )
        is_row = p.array == "rows" or core == Items(list, (None,) * len(found))
        stacked = jnp.stack(jnp.broadcast_arrays(*found))
        return stacked, (len(found),) if is_row else core

    def _rows(self, p: Parameter, x: Any, dtype: Any) -> Any:
        """Lists of rows as an array, as NumPy makes one of them."""
        if not isinstance(x, (list, tuple)):
            return jnp.asarray(x, dtype)
        rows = [self._rows(p, row, dtype) for row in x]
        if not rows or any(row.shape != rows[0].shape for row in rows):
            raise SignatureError(f"{self.name}: {p.name} has rows of unequal length, or of none")
        return jnp.stack(rows)

    def _common(self, arrays: Sequence[Any]) -> Any:
        """In which dtype to compute: that which JAX would promote the arguments to."""
        found = jnp.result_type(*jax.tree.leaves(arrays), float)
        if found not in (np.float32, np.float64):
            raise SignatureError(
                f"{self.name} computes in float32 or float64, got {found}; convert it, as by "
                "x.astype('float32')"
            )
        return found


def _array(name: str, parameter: str, x: Any) -> Any:
    """An argument as an array, or a list or tuple of arrays."""
    if isinstance(x, (list, tuple)):
        found = [_array(name, parameter, v) for v in x]
        return tuple(found) if isinstance(x, tuple) else found
    try:
        return x if isinstance(x, (int, float)) else jnp.asarray(x)
    except (TypeError, ValueError):
        raise SignatureError(
            f"{name}: {parameter} should be an array, a number or a list of them, got {kind(x)}"
        ) from None


def _built(structure: Structure, numbers: Any) -> Any:
    """The results in a structure."""
    if not isinstance(structure, Container):
        return next(numbers)
    found = [_built(s, numbers) for s in structure.items]
    if issubclass(structure.type, np.ndarray):
        return jnp.stack(found, -1).reshape(*found[0].shape, *structure.keys)
    if issubclass(structure.type, dict):
        return dict(zip(structure.keys, found, strict=True))
    return found if issubclass(structure.type, list) else tuple(found)
