"""`jit`, and the functions that give a kernel's derivatives at once: how users make kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...checks import flag
from ...engine import Value
from ...errors import SignatureError, kind
from ...locks import importing
from ...nn import Module
from ...ops import BY_UFUNC, OPS, Op
from ...real_types import TENSORS, WIDE
from ..call.arguments import dtype_of
from ..options import Options
from ..tensors.calls import takes_tensors, tensor_kernel
from ..trace.recoded import CHECKS
from ..trace.source import FunctionSource, Source, ValueSource
from ..wanted import Wanted
from .any_number import AnyNumber, takes_any_number
from .kernel import Kernel
from .mapped import Mapped


def jit(
    target: Any = None,
    *,
    wrt: Any = None,
    dtype: Any = None,
    strict: bool = False,
    freeze: bool = False,
    threads: int | None = None,
    check: bool | None = None,
) -> Any:
    """Compile a Value, a function of numbers, or a Neuron, Layer or MLP. Also a decorator.

    target   a Value: its leaves are constants, but for those in `wrt`, which become arguments;
             called without arguments, the kernel reads their present numbers instead.
             A function: traced when first called, on the structure of its arguments. Leaves and
             models that it closes over are live. Parameters whose default is no number, such as
             True, None or a string, configure it: it is traced anew for each value. Derivatives
             are with respect to keyword-only parameters only if `wrt` says so. Methods bind.
             A model: a kernel of its input.
             A function of Tensors, told by an annotation (x: Tensor) or by a call with Tensors: a
             kernel of whole arrays, compiled for their shapes (docs/tensor.md).
    wrt      what `.grad` is with respect to: a list of leaves or of names of parameters, for a
             tuple of partials; or one of them, for its partial. That of a leaf which the result
             does not use is 0. By default a function's arguments, and a model's parameters.
    dtype    float32 or float64, as the kernel computes. By default float64 for a function, as
             Python's numbers are, and float32 for a Value or a model.
    strict   neither sums are reassociated nor products fused: with float64, the results are those
             of the interpreter, bit for bit.
    freeze   bake closed-over leaves in as constants.
    threads  how many threads a call with arrays may use; by default those of `set_threads`.
    check    compare the first call, and then one in a thousand, with the interpreter, and raise
             CheckError if the compiled code is wrong (docs/checking.md). By default whether the
             environment has MICROGRAD_CHECK=1.

    Raises SignatureError, GraphError or TraceError, each saying what to do.

    >>> a, b = Value(4.0), Value(2.0)
    >>> jit(a + (a + b))()
    10.0
    """
    default = (TENSORS if isinstance(target, (Value, Module)) else WIDE).dtype
    if isinstance(target, Kernel):
        default = target._options.dtype
    elif isinstance(target, np.ufunc):
        target = _op_of(target)
    computed = dtype_of(default if dtype is None else dtype)
    options = replace(Options.given(computed, strict, threads, check), fixed=dtype is not None)
    freeze = flag("freeze", freeze, SignatureError)
    if isinstance(target, Mapped) and not target.is_of_tensors and wrt is None:
        return _compiled(target, options, freeze)
    if takes_tensors(target, wrt):
        return tensor_kernel(target, options, wrt, wanted=Wanted.VALUE, freeze=freeze)
    if takes_any_number(target):
        return AnyNumber(target, options, freeze, wrt)
    if target is None:
        rest: Any = {"freeze": freeze, "threads": threads, "check": check}
        return functools.partial(jit, wrt=wrt, dtype=dtype, strict=strict, **rest)
    return _compiled(target, options, freeze, wrt)


def _compiled(target: Any, options: Options, freeze: bool, wrt: Any = None) -> Any:
    """The kernel of numbers; of a map of them, a map of kernels."""
    if isinstance(target, Mapped):
        return target.of(_compiled(target.function, options, freeze))
    kernel = Kernel(_source_of(target, wrt, freeze), options, Wanted.VALUE)
    if callable(target) and not isinstance(target, Value):
        functools.update_wrapper(kernel, target, updated=())
    return kernel


def _source_of(target: Any, wrt: Any, freeze: bool) -> Source:
    """What is compiled."""
    if isinstance(target, Value):
        return ValueSource(target, wrt)
    if callable(target):
        return FunctionSource(target, wrt, freeze=freeze)
    raise SignatureError(f"jit compiles a Value, a function or a model, got {kind(target)}")


def _op_of(ufunc: np.ufunc) -> Op:
    """The op that a function of NumPy is."""
    op = BY_UFUNC.get(ufunc.__name__)
    if op is None:
        raise SignatureError(
            f"np.{ufunc.__name__} has no derivative here, as it is no op of micrograd; write it "
            f"with these: {', '.join(OPS)}"
        )
    return op


def grad(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled gradient of a function: `jit(function, ...).grad`."""
    return jit(function, **options).grad  # type: ignore[no-any-return]


def value_and_grad(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled value and gradient of a function: `jit(function, ...).value_and_grad`."""
    return jit(function, **options).value_and_grad  # type: ignore[no-any-return]


def jacobian(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled Jacobian of a function: `jit(function, ...).jacobian`."""
    return jit(function, **options).jacobian  # type: ignore[no-any-return]


def hessian(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled Hessian of a function: `jit(function, ...).hessian`."""
    return jit(function, **options).hessian  # type: ignore[no-any-return]


def jvp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled derivative of a function along a direction: `jit(function, ...).jvp`."""
    return jit(function, **options).jvp  # type: ignore[no-any-return]


def vjp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled gradient of a function's weighted results: `jit(function, ...).vjp`."""
    return jit(function, **options).vjp  # type: ignore[no-any-return]


def hvp(function: Callable[..., Any], **options: Any) -> Kernel:
    """The compiled product of a function's Hessian with a direction: `jit(function, ...).hvp`."""
    return jit(function, **options).hvp  # type: ignore[no-any-return]


def _checked(*given: Any) -> None:
    """Compare what was recorded with its function."""
    with importing:
        from .plain_check import check_recording

    check_recording(*given)


CHECKS.append(_checked)
