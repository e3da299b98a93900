"""Functions as solvers call them: of one array of float64, which stands for numbers in a structure.

A plain function is traced anew for every solver that is called, with the arguments that come behind
x as they are; so it may read what has changed. A kernel is traced once for each structure, and the
arguments behind x are arguments of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import SignatureError, counted, kind
from ..jit import Kernel, jit
from ..jit.trace.signature import (
    SCALAR,
    Container,
    Structure,
    build,
    count,
    leaves,
    result_structure,
    structure_of,
)
from ..value_arrays import value_array

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unknowns:
    """What is solved for: numbers in a structure, which are one array for the solver.

    structure   as a function gets them
    """

    structure: Structure

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return count(self.structure)

    def made(self, x: Sequence[Any]) -> Any:
        """What a function gets for these numbers, or Values, in a row."""
        return build(self.structure, iter(x), exact=True)

    def structured(self, x: Numbers) -> Any:
        """The structure with these numbers in it; for rows of numbers, with arrays of them."""
        return build(self.structure, iter(x if x.ndim > 1 else x.tolist()))


def unknowns(x0: Any, name: str, *, as_array: bool) -> tuple[Unknowns, Numbers]:
    """What an initial guess says, and its numbers in a row.

    as_array   numbers in a row are an array for the function, as SciPy has it, whatever they are
               here

    Raises SignatureError for what is no number, array, list, tuple or dict of numbers.
    """
    structure = structure_of(x0, name, array=True)
    is_row = not isinstance(structure, Container) or (
        structure.is_flat and structure.type in (list, tuple)
    )
    numbers = np.fromiter(map(float, leaves(x0, structure, name)), dtype=np.float64)
    if as_array and is_row:
        structure = Container(np.ndarray, (len(numbers),), (SCALAR,) * len(numbers))
    return Unknowns(structure), numbers


def flat(
    function: Callable[..., Any],
    x: Unknowns,
    args: tuple[Any, ...] = (),
    *,
    time: bool = False,
    scalar: bool = False,
) -> Any:
    """The kernel of a function of numbers in a row, and of the arguments behind them if the
    function is a kernel, differentiated with respect to the numbers. Its results are one array.

    time     whether a number comes before them, as time
    scalar   whether it gives one number, which comes without an array

    Raises SignatureError for results that are no numbers, or more than one where one is expected,
    and with `time`, of which it is a derivative, for a dict with other keys than x has.
    """
    if not callable(function):
        raise SignatureError(f"expected a function or a kernel, got {kind(function)}")
    name = getattr(function, "name", None) or getattr(function, "__name__", None) or "f"
    if not isinstance(function, Kernel):
        return _compiled(name, function, x, args, 0, time=time, scalar=scalar)
    structures = tuple(structure_of(a, f"args[{k}]", array=True) for k, a in enumerate(args))
    key = x.structure, structures, time, scalar
    made = function.made_of_it
    if key not in made:
        made[key] = _compiled(name, function, x, (), len(args), time=time, scalar=scalar)
    return made[key]


def _compiled(
    name: str,
    function: Callable[..., Any],
    x: Unknowns,
    fixed: tuple[Any, ...],
    more: int,
    *,
    time: bool,
    scalar: bool,
) -> Kernel:
    """The kernel, which knows the `fixed` arguments behind x, and takes so many `more`."""

    spread = isinstance(function, Kernel) and function._is_value  # it takes its leaves one by one

    def call(*given: Any) -> Any:
        before, (numbers, *behind) = given[:time], given[time:]
        taken = numbers.tolist() if spread else [x.made(numbers.tolist())]
        result = function(*before, *taken, *behind, *fixed)
        if time and not scalar:
            result = _in_order(result, x.structure, name)
        return results_of(name, result, 1 if scalar else None)

    parameters: dict[str, Any] = {"t": float} if time else {}
    parameters |= {"x": np.ndarray, **{f"args_{k}": list for k in range(more)}}
    return kernel_of(call, name, parameters, function)


def _in_order(result: Any, structure: Structure, where: str) -> Any:
    """A derivative by time, with dicts in the order of those that it is the derivative of.

    Raises SignatureError for other keys.
    """
    if not isinstance(structure, Container) or structure.type is np.ndarray:
        return result
    if issubclass(structure.type, dict) and isinstance(result, dict):
        if result.keys() != set(structure.keys):
            raise SignatureError(
                f"{where} should return a dict with the keys of y0, "
                f"{', '.join(map(repr, structure.keys))}; it returned one with "
                f"{', '.join(map(repr, result)) or 'none'}"
            )
        parts = [(k, result[k]) for k in structure.keys]
    elif isinstance(result, (list, tuple)) and len(result) == len(structure.items):
        parts = list(enumerate(result))
    else:
        return result
    pairs = zip(parts, structure.items, strict=True)
    return [_in_order(x, s, f"{where}[{k!r}]") for (k, x), s in pairs]


def is_sparse(given: Any) -> bool:
    """Whether a derivative is asked for as a sparse matrix."""
    return isinstance(given, str) and given == "sparse"


def results_of(name: str, result: Any, count: int | None) -> Any:
    """What a function returned, as one array, or as one number if that is the `count`.

    Raises SignatureError for another number of numbers, if it is given.
    """
    found: list[Value | float] = []
    result_structure(result, found.append, name)
    if count not in (None, len(found)):
        several = "; least_squares and root take functions that return several" * (count == 1)
        raise SignatureError(
            f"{name} should return {counted(count or 0, 'number')}, it returned "
            f"{len(found)}{several}"
        )
    return found[0] if count == 1 else value_array(found, (len(found),))


def kernel_of(
    call: Callable[..., Any], name: str, parameters: dict[str, Any], function: Any
) -> Kernel:
    """The kernel of a function with these parameters, by their types, differentiated with respect
    to x, which stands for another one.
    """
    kind = inspect.Parameter.POSITIONAL_ONLY
    signature = [inspect.Parameter(n, kind, annotation=type) for n, type in parameters.items()]
    call.__name__ = call.__qualname__ = name.replace(".", "_")
    call.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    call.__annotations__ = parameters
    strict = isinstance(function, Kernel) and function._options.strict
    return jit(call, wrt="x", strict=strict)  # type: ignore[no-any-return]
