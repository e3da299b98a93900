"""The sum over rows that are known, as a function of what they share: what a kernel is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ...errors import SignatureError, kind
from ...nn import Module
from ..trace.signature import structure_of
from ..trace.source import FunctionSource
from ..wanted import Wanted
from .kernel import Kernel
from .rows import Rows, sum_over


def is_chosen(source: FunctionSource, rows: Collection[str]) -> bool:
    """Whether integers of a row may choose rows of a table."""
    return any(p.integer for p in source.parameters if p.name in rows)


class KnownSum:
    """The sum over rows that are known, as a function of what they share, to be compiled."""

    def __init__(self, source: FunctionSource, data: Rows) -> None:
        self.name = f"total_{source.name}"
        self._source, self._data = source, data
        own = [p for p in source.parameters if p.name not in data.arrays]
        self._parameters = [p._replace(array="whole", structure=None) for p in own]

    def __call__(self, *shared: Any) -> Any:
        given = dict(zip([p.name for p in self._parameters], shared, strict=True))
        for name, x in given.items():
            structure_of(x, name, array=True)  # raises an error that says so if it is a Tensor
        names = [p.name for p in self._source.parameters]
        function = self._source.function

        def term(row: dict[str, Any]) -> Any:
            return function(*(row.get(n, given.get(n)) for n in names))

        return sum_over(self.name, term, self._data, one_by_one=False)


def function_of(function: Any) -> Callable[..., Any]:
    """What is traced: of a kernel, what it was made from."""
    while isinstance(function, Kernel) and isinstance(function._source, FunctionSource):
        if function._wanted is not Wanted.VALUE or function._source.freeze:
            break
        function = function._source.function
    if not callable(function) or isinstance(function, Module):
        raise SignatureError(
            "total takes a function of what all rows share, and of a row: def loss(w, x, y); "
            f"got {kind(function)}"
        )
    found: Callable[..., Any] = function
    return found
