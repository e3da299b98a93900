"""Compiled functions as `scipy.LowLevelCallable`: SciPy calls them without Python in between."""

from __future__ import annotations

import ctypes
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import LowLevelCallable, integrate

from ..errors import SignatureError
from ..jit import Kernel
from ..jit.call.callbacks import CALLBACK, SIGNATURES, Callback, emit_callback
from ..jit.code import compile_program
from ..jit.trace.signature import array_of
from .flat import kernel_of, results_of

SCALAR = ("double (double)", "double (double, void *)")
COUNTED = ("double (int, double *)", "double (int, double *, void *)")
"""Signatures whose numbers are those that a function takes one by one."""


def low_level_callable(
    function: Callable[..., Any],
    signature: str = "double (double)",
    *,
    size: int | tuple[int, int] | None = None,
    user_data: Any = None,
) -> LowLevelCallable:
    """A `scipy.LowLevelCallable` of a function that is compiled; it keeps the machine code.

    function    double (double), double (double, void *): of a number, as quad calls it.
                double (int, double *), double (int, double *, void *): of so many numbers, one by
                one, f(x, y, z), as quad with `args` and nquad call it.
                int (double *, npy_intp, double *, void *): of a list of `size` numbers, gives one:
                ndimage.generic_filter.
                int (double *, npy_intp, double *, npy_intp, void *): of a list of size[0] numbers,
                gives size[1]: ndimage.generic_filter1d.
                int (npy_intp *, double *, int, int, void *): of the `size` coordinates of a place,
                as a list, gives those to read at: ndimage.geometric_transform.
    signature   one of these; SciPy's other names of npy_intp will do
    user_data   numbers, which the function gets as a list behind all else. They stay where they
                lie, if they are an array of float64: what is written there later, it reads

    A count, length or rank that is not what it was compiled for gives nan, or an error of SciPy.

    Raises SignatureError for another signature, and where `size` is missing or superfluous.

    >>> import numpy as np
    >>> from scipy.integrate import quad
    >>> from micrograd import exp
    >>> from micrograd.scipy import low_level_callable
    >>> round(quad(low_level_callable(lambda x: exp(-x * x)), -np.inf, np.inf)[0] ** 2, 9)
    3.141592654
    """
    known = re.sub(r"\b(intptr_t|long long|long)\b", "npy_intp", signature)
    if known not in SIGNATURES:
        raise SignatureError(
            f"low_level_callable: signature should be one of {', '.join(map(repr, SIGNATURES))}; "
            f"got {signature!r}"
        )
    if user_data is not None and "void *" not in known:
        raise SignatureError(f"low_level_callable: {signature} takes no user_data")
    data = None
    if user_data is not None:
        data = np.ascontiguousarray(user_data, dtype=np.float64).reshape(-1)
    count, results = _counts(function, known, size, behind=data is not None)
    one_by_one = known in SCALAR + COUNTED
    taken = 0 if data is None else len(data)
    pointer = _compiled(function, known, count, results, data=taken, one_by_one=one_by_one)
    context = None if data is None else data.ctypes.data_as(ctypes.c_void_p)
    return LowLevelCallable(pointer, context, signature)


def _counts(
    function: Callable[..., Any], signature: str, size: Any, *, behind: bool
) -> tuple[int, int | None]:
    """How many numbers a function takes, and gives; None: as many as it does."""
    if signature in SCALAR + COUNTED:
        if size is not None:
            raise SignatureError(
                f"low_level_callable: {signature} takes as many numbers as the function has "
                "parameters, and no size"
            )
        return (1 if signature in SCALAR else _parameters(function) - behind), 1
    if "npy_intp, void" in signature:
        if not (isinstance(size, tuple) and len(size) == 2):
            raise SignatureError(
                f"low_level_callable: {signature} needs size=(input, output), the lengths of both "
                f"lines; got {size!r}"
            )
        return int(size[0]), int(size[1])
    if not isinstance(size, int):
        raise SignatureError(
            f"low_level_callable: {signature} needs size=, how many numbers the function takes; "
            f"got {size!r}"
        )
    return size, 1 if signature.startswith("int (double") else None


def _parameters(function: Callable[..., Any]) -> int:
    return len(inspect.signature(function).parameters)


def _compiled(
    function: Callable[..., Any],
    signature: str,
    count: int,
    results: int | None,
    *,
    data: int,
    one_by_one: bool,
) -> Any:
    """The function pointer of a callback, which keeps the code that it points to."""
    name = str(getattr(function, "name", None) or getattr(function, "__name__", "f"))

    def call(x: np.ndarray, *more: Any) -> Any:
        numbers = x.tolist()
        found = function(*(numbers if one_by_one else [numbers]), *(d.tolist() for d in more))
        return results_of(name, found, results)

    parameters: dict[str, Any] = {"x": np.ndarray, **({"data": np.ndarray} if data else {})}
    kernel = kernel_of(call, name, parameters, function)
    executable = kernel._compile((array_of((count,)), array_of((data,)))[: 1 + bool(data)])
    returned = executable.interface.returned is not None
    written = None if returned else sum(executable.pointer_outputs)
    target = executable.options.target
    code = compile_program(
        executable.transformed, target, executable.interface, stores=executable.stores
    )
    callback = Callback(count, data, written)
    code.extend(
        lambda module: emit_callback(module, signature, callback, target),
        ("callback", signature, callback),
    )
    pointer = ctypes.CFUNCTYPE(None)(code.native.address(CALLBACK))
    pointer.code = code  # type: ignore[attr-defined]
    return pointer


def quad(
    func: Callable[..., Any], a: float, b: float, args: tuple[Any, ...] = (), *rest: Any, **how: Any
) -> Any:
    """`scipy.integrate.quad` of a function that is compiled: f(x), or f(x, *args) of numbers.

    >>> from micrograd import sin
    >>> from micrograd.scipy import quad
    >>> round(quad(lambda x, a: a * sin(x), 0.0, 3.141592653589793, (3.0,))[0], 12)
    6.0
    """
    args = args if isinstance(args, tuple) else (args,)
    return integrate.quad(_integrand(func, 1 + len(args)), a, b, args, *rest, **how)


def nquad(func: Callable[..., Any], ranges: Any, args: Any = None, *rest: Any, **how: Any) -> Any:
    """`scipy.integrate.nquad` of a compiled function of numbers, one for each range, and `args`.

    >>> from micrograd.scipy import nquad
    >>> round(nquad(lambda x, y: x * y * y, [(0.0, 2.0), (0.0, 3.0)])[0], 12)
    18.0
    """
    if args is not None and not isinstance(args, (tuple, list)):
        args = (args,)
    count = len(ranges) + len(args or ())
    return integrate.nquad(_integrand(func, count), ranges, args, *rest, **how)


def _integrand(func: Callable[..., Any], count: int) -> LowLevelCallable:
    """A function of so many numbers, one by one, that SciPy integrates."""
    if not isinstance(func, Kernel):
        return _of_numbers(func, count)
    made = func.made_of_it
    if ("integrand", count) not in made:
        made["integrand", count] = _of_numbers(func, count)
    found: LowLevelCallable = made["integrand", count]
    return found


def _of_numbers(func: Callable[..., Any], count: int) -> LowLevelCallable:
    signature = COUNTED[0]
    return LowLevelCallable(
        _compiled(func, signature, count, 1, data=0, one_by_one=True), None, signature
    )
