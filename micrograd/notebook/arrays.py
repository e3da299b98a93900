"""An array in a notebook: its shape and dtype, and the numbers in a corner of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .markup import box, element, folded, heading, number, text

MOST_ROWS, MOST_COLUMNS = 6, 8

_CELL = "text-align: right; padding: 0.1em 0.7em 0.1em 0; background: none"


def tensor_html(tensor: Any) -> str | None:
    """The HTML of a Tensor, with a corner of its gradient folded in; None of a traced one, which
    has no numbers.
    """
    if not hasattr(tensor, "_data"):
        return None
    array, grad = tensor._data, tensor.grad
    label = getattr(tensor, "label", "")
    facts = [text(label) if label else "", shape_of(array)]
    facts.append("requires a gradient" if tensor.requires_grad else "")
    parts = [heading("Tensor", *facts), corner(array)]
    if grad is not None:
        given = grad.numpy() if hasattr(grad, "numpy") else np.asarray(grad)
        parts.append(folded(f"gradient, {shape_of(given)}", corner(given)))
    return box(*parts)


def shape_of(array: npt.NDArray[Any]) -> str:
    """Its dtype and shape, as signatures write them.

    >>> shape_of(np.zeros((2, 3)))
    'float64[2, 3]'
    """
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def corner(array: npt.NDArray[Any]) -> str:
    """The first numbers of an array: of its first matrix, if it has more than two axes."""
    if not array.size:
        return element("div", "no numbers")
    outside = array.ndim - 2
    first = array[(0,) * outside] if outside > 0 else np.atleast_2d(array)
    rows = list(_rows(first))
    note = ""
    if outside > 0:
        note = element("div", f"the first of {array.size // first.size:,} such matrices")
    style = "border-collapse: collapse; font-family: monospace; margin: 0.2em 0"
    return element("table", element("tbody", *rows), style=style) + note


def _rows(matrix: npt.NDArray[Any]) -> Iterator[str]:
    rows, columns = matrix.shape
    for row in matrix[:MOST_ROWS, :MOST_COLUMNS]:
        cells = [_number(x) for x in row] + ["…"] * (columns > MOST_COLUMNS)
        yield element("tr", *(element("td", x, style=_CELL) for x in cells))
    if rows > MOST_ROWS:
        span = min(columns, MOST_COLUMNS) + (columns > MOST_COLUMNS)
        more = f"… {rows - MOST_ROWS:,} more rows"
        style = _CELL.replace("right", "left", 1)
        yield element("tr", element("td", more, colspan=span, style=style))


def _number(x: Any) -> str:
    return number(float(x)) if np.issubdtype(x.dtype, np.floating) else text(x)
