"""The batch programs: a module per project, as in the folder above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import batch
from benchmarks.peers import Prepared

__all__ = ["columns_of", "prepared", "statement"]


def columns_of(setting: dict[str, Any]) -> list[batch.Array]:
    """The columns that go in."""
    return batch.inputs(setting["program"], setting["n"], setting["dtype"])


def prepared(
    setting: dict[str, Any],
    columns: Sequence[Any],
    run: Callable[[int], float],
    phases: dict[str, float] | None = None,
) -> Prepared:
    """A contestant that has answered with these columns: the value, then the partials."""
    return Prepared(batch.digest(columns), run, phases or {}, {"points": setting["n"]})


def statement(columns: Sequence[Any], **more: str) -> tuple[str, dict[str, Any]]:
    """The text of a call of `f` with these columns, and the names that it uses.

    >>> statement([1, 2], out="rows")
    ('f(x0, x1, out=rows)', {'x0': 1, 'x1': 2})
    """
    names = {f"x{k}": column for k, column in enumerate(columns)}
    passed = [*names, *(f"{key}={value}" for key, value in more.items())]
    return f"f({', '.join(passed)})", names
