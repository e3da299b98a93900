"""A loss of one sample, as Python code -> its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine import Value
from ..errors import MicrogradError, TraceError, TrainingError, kind
from ..jit.ir import graph as graphs
from ..jit.kernels.rows import row_structure
from ..jit.trace.compiling import compiling
from ..jit.trace.recoded import recoded
from ..jit.trace.signature import build, count
from ..jit.trace.trace import Trace, trace
from ..lookups import Lookups
from ..store import adopt
from ..traced import Scope, Traced

NUMBERS = (int, float, np.integer, np.floating)


def trace_sample(
    function: Callable[..., Any],
    shapes: Sequence[Sequence[int]],
    parameters: Sequence[Value],
    penalty: Value | None = None,
    integers: Sequence[bool] = (),
    one_of: Sequence[str] = (),
) -> Trace:
    """The graph of the function on one sample, and of the penalty, with the parameters live. Where
    samples differ in length, its nodes are unread.

    shapes     of a row of each data array
    integers   whether its numbers are integers, by which rows can be looked up
    one_of     what the rows are called, in errors, if others have other lengths: of these alone the
               function may be a plain number, or depend on no parameter

    Raises TrainingError if the function fails on such a sample, or gives no number; TraceError if
    it does what cannot be traced.
    """

    def found() -> Trace:
        return _traced(function, shapes, parameters, penalty, integers, one_of)

    made, is_plain = recoded(found, function, integers=any(integers))
    made.is_plain = is_plain
    return made


def _traced(
    function: Callable[..., Any],
    shapes: Sequence[Sequence[int]],
    parameters: Sequence[Value],
    penalty: Value | None,
    integers: Sequence[bool],
    one_of: Sequence[str],
) -> Trace:
    """The same, by calling the function once."""
    scope = Scope("the loss of one sample")
    scope.lookups = lookups = Lookups()
    inputs: dict[str, list[Value]] = {}
    arguments = []
    for k, shape in enumerate(shapes):
        structure, called = row_structure(shape), one_of[k] if one_of else f"data[{k}]"
        leaves: list[Value] = [
            Traced(f"{called}[{i}]" if shape else called, scope=scope)
            for i in range(count(structure))
        ]
        inputs[f"x{k}"] = leaves
        if any(integers[k : k + 1]):
            lookups.note(f"x{k}", leaves)
        arguments.append(build(structure, iter(leaves)))
    rows = one_of or [f"data[{k}][i]" for k in range(len(shapes))]
    taken = " and ".join(f"{row}, {_shown(x)}" for row, x in zip(rows, shapes, strict=True))
    try:
        with compiling(scope):
            value = function(*arguments)
    except TraceError:
        raise
    except (TypeError, ValueError, IndexError, MicrogradError) as error:
        raise TrainingError(
            f"the loss of one sample could not be computed from {taken}: {error}; "
            f"{_advice(shapes, one_of)}"
        ) from error
    except Exception as error:  # a ZeroDivisionError stays one
        error.add_note(
            f"the loss of one sample was computed from {taken}; {_advice(shapes, one_of)}"
        )
        raise
    if one_of and isinstance(value, NUMBERS) and not isinstance(value, bool):
        value = Value(value)
    if not isinstance(value, Value):
        raise TrainingError(
            f"the loss of one sample should be one Value, computed from {taken}; got {kind(value)}"
        )
    adopt(parameters)
    outputs = [value] if penalty is None else [value, penalty]
    given = inputs | lookups.inputs
    lazily = bool(one_of)
    found = trace(outputs, given, set(parameters), lookups=lookups, scope=scope, lazily=lazily)
    if not lazily:
        if not depends(found, parameters):
            raise no_parameters()
        graphs.verify(found.graph)
    return found


def depends(found: Trace, parameters: Sequence[Value]) -> bool:
    """Whether a loss depends on any of the parameters."""
    return any(p in found.elements for p in parameters)


def no_parameters() -> TrainingError:
    """What is wrong with a loss that depends on none."""
    return TrainingError(
        "the loss does not depend on any parameter of the optimizer; compute it with the model "
        "whose parameters() the optimizer has"
    )


def _advice(shapes: Sequence[Sequence[int]], one_of: Sequence[str]) -> str:
    """What to do where a loss cannot be computed."""
    if one_of:
        return "samples differ in length, so it may be too short or too long: leave it out then"
    columns = [k for k, shape in enumerate(shapes) if tuple(shape) == (1,)]
    hint = f"; data[{columns[0]}][:, 0] would give it a number" if columns else ""
    return f"it is called with a row of each data array, so check their shapes{hint}"


def _shown(shape: Sequence[int]) -> str:
    """What a row of this shape is for the function."""
    if len(shape) > 1:
        return f"an array of shape {tuple(shape)}"
    return f"a list of {shape[0]}" if shape else "a number"
