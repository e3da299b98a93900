"""The primitive of JAX that calls a kernel at points, and what JAX's transformations make of it.

Numbers have the shape (*points), rows of n numbers (n, *points), the result (results, *points). The
derivative along a direction is an operation of the same primitive, linear in its last operand, and
its transpose is the pullback.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ..bridge.points import Pointwise
from ..jit.call.xla import HANDLER, Columns, emit_handler
from ..locks import Lock

points_p = Primitive("micrograd_points")
"""bind(*operands, function=, transposed=): the function at the points of its operands.

transposed   None; or the pullback with respect to what the last operand is a direction of, for a
             function that is linear in that
"""
_numbers = itertools.count(1)
_targets: dict[tuple[Pointwise, Any], tuple[str, Any]] = {}
"""By what name XLA knows a function in a dtype, and its machine code: that is kept as long as the
process lives, for XLA may call it.
"""
_lock = Lock()


@functools.cache
def _compiled(function: Pointwise, transposed: Pointwise | None) -> Any:
    """A call outside of all transformations."""
    return jax.jit(functools.partial(points_p.bind, function=function, transposed=transposed))


@points_p.def_impl  # type: ignore[untyped-decorator]
def _run(*operands: Any, function: Pointwise, transposed: Pointwise | None) -> Any:
    return _compiled(function, transposed)(*operands)


@points_p.def_abstract_eval  # type: ignore[untyped-decorator]
def _shaped(*operands: Any, function: Pointwise, transposed: Pointwise | None) -> Any:
    first = operands[0]
    points = first.shape[1:] if function.sizes[0] else first.shape
    return jax.core.ShapedArray((function.results, *points), first.dtype)


def _lowered(context: Any, *operands: Any, function: Pointwise, transposed: Any) -> Any:
    target = _registered(function, np.dtype(context.avals_in[0].dtype))
    return jax.ffi.ffi_lowering(target)(context, *operands)


def _registered(function: Pointwise, dtype: np.dtype[Any]) -> str:
    """The name by which XLA knows the machine code, which is compiled now."""
    with _lock:
        if (function, dtype) not in _targets:
            executable = function.executable(dtype)
            columns, target = Columns(function.sizes, function.results), executable.points.target
            executable.points.extend(
                lambda module: emit_handler(module, columns, target), ("xla", columns)
            )
            native = executable.points.native
            name = re.sub(r"\W", "_", function.kernel.name)
            name = f"micrograd_{name}_{dtype}_{next(_numbers)}"
            handler = jax.ffi.pycapsule(ctypes.c_void_p(native.address(HANDLER)))
            jax.ffi.register_ffi_target(name, handler, platform="cpu")
            _targets[function, dtype] = name, executable
        return _targets[function, dtype][0]


def _pushed(
    primals: Sequence[Any], tangents: Sequence[Any], *, function: Pointwise, transposed: Any
) -> tuple[Any, Any]:
    """The result, and its derivative along a direction."""
    result = points_p.bind(*primals, function=function, transposed=transposed)
    known = tuple([k for k, t in enumerate(tangents) if type(t) is not ad.Zero])
    last = len(primals) - 1
    if transposed is not None and known == (last,):
        given = (*primals[:-1], tangents[last])
        return result, points_p.bind(*given, function=function, transposed=transposed)
    rows = [tangents[k] if function.sizes[k] else tangents[k][None] for k in known]
    pullback = function.pullback(known)
    along = pullback.pullback((last + 1,))
    direction = rows[0] if len(rows) == 1 else jnp.concatenate(rows)
    weights = jnp.zeros_like(result)  # the pullback is linear in them, so any will do
    given = (*primals, weights, direction)
    return result, points_p.bind(*given, function=along, transposed=pullback)


def _pulled(cotangent: Any, *operands: Any, function: Pointwise, transposed: Any) -> list[Any]:
    """The cotangent of the direction."""
    found: list[Any] = [None] * len(operands)
    if type(cotangent) is not ad.Zero:
        given = (*operands[:-2], cotangent)
        found[-1] = points_p.bind(*given, function=transposed, transposed=None)
    return found


def _mapped(
    operands: Sequence[Any], places: Sequence[Any], *, function: Pointwise, **how: Any
) -> Any:
    """For a batch, which is one axis more of the points."""
    pairs = list(zip(operands, places, strict=True))
    (size,) = {x.shape[axis] for x, axis in pairs if axis is not None}
    given = []
    for (x, axis), row in zip(pairs, function.sizes, strict=True):
        to = 1 if row else 0
        if axis is None:
            x = jnp.broadcast_to(jnp.expand_dims(x, to), (*x.shape[:to], size, *x.shape[to:]))
        else:
            x = jnp.moveaxis(x, axis, to)
        given.append(x)
    return points_p.bind(*given, function=function, **how), 1


@functools.cache
def tell_rules() -> None:
    """Tell JAX what its transformations make of the primitive; before it is first used."""
    mlir.register_lowering(points_p, _lowered, platform="cpu")
    ad.primitive_jvps[points_p] = _pushed
    ad.primitive_transposes[points_p] = _pulled
    batching.primitive_batchers[points_p] = _mapped
