"""What plain Python means where an index, or a number to be compared, is traced.

`table[i]` of a list and an `i` that is given when compiled code runs is `take(table, i)`, and `max`
of numbers that were taken from Values by `.data` is their `maximum`. Python asks neither a list nor
`max` of a traced Value, it asks the Value for a number. So where one refuses, its code is written
anew with calls of what is here in place (jit/trace/rewritten.py).
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from threading import get_ident
from typing import Any

from . import ops
from .engine import Value
from .errors import TraceError, user_location
from .lookups import Lookup
from .opdef import Op
from .tables import take
from .traced import Traced
from .tracing import ATTEMPTS, Handed


def item(container: Any, index: Any) -> Any:
    """`container[index]`, where the index may be a traced integer, and the container then is a list
    or tuple of numbers and Values, or of lists and tuples of them.
    """
    if isinstance(index, Traced) and container.__class__ in (list, tuple):
        attempt = ATTEMPTS.get(get_ident())
        if attempt is not None and _is_plain(container):
            found = take(container, index)
            for row in (found, *container):
                for x in _lists(row):
                    if id(x) not in attempt.handed:
                        is_copy = row is found
                        attempt.handed[id(x)] = Handed(x, tuple(x), user_location(), is_copy)
            return found
    return container[index]


def chosen(function: Any) -> Any:
    """What to call for what `max` or `min` is here."""
    if function is builtins.max:
        return _largest
    return _smallest if function is builtins.min else function


def is_same(x: Any, y: Any) -> bool:
    """`x is y`; an error for what was looked up, which is no item of its table here."""
    attempt = ATTEMPTS.get(get_ident())
    for one in (x, y):
        handed = attempt.handed.get(id(one)) if attempt is not None else None
        is_taken = isinstance(one, Traced) and isinstance(one._entry, Lookup)
        if is_taken or (handed is not None and handed.row is one and handed.is_copy):
            raise TraceError(
                f"{user_location()}: `is` asks which row it was that an integer chose, which is "
                "known only when the compiled code runs; compare numbers with micrograd.eq"
            )
    return x is y


def check(handed: Sequence[Handed]) -> None:
    """Raise TraceError if lists have changed that were looked up, or looked up in: in Python, a row
    is one of the table, and here a copy.
    """
    for one in handed:
        if len(one.row) != len(one.items) or any(map(_differ, one.row, one.items)):
            raise TraceError(
                f"{one.place}: a row was looked up here by an integer that is given when the "
                "compiled code runs, and a row has changed since then, which would change the "
                "table; make a new list, or write micrograd.take(table, i), which copies the row"
            )


def _differ(x: Any, y: Any) -> bool:
    return x is not y


def _largest(*args: Any, **options: Any) -> Any:
    return _extreme(builtins.max, ops.maximum, args, options)


def _smallest(*args: Any, **options: Any) -> Any:
    return _extreme(builtins.min, ops.minimum, args, options)


def _extreme(
    function: Callable[..., Any], op: Op, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """`max` or `min` of arguments; by the op, if some are traced, all others numbers, and gradient
    flows to none.
    """
    if options or not args:
        return function(*args, **options)
    numbers = args if len(args) > 1 else tuple(args[0])
    if any(map(_is_bare, numbers)) and all(_is_bare(x) or _is_known(x) for x in numbers):
        return reduce(op, [_inside(x) for x in numbers]).data
    return function(*args) if len(args) > 1 else function(numbers)


MOST_OPERATIONS = 16
"""That a number is computed by of those that were taken by `.data`."""


def _is_bare(x: Any) -> bool:
    """Whether it is traced, and computed of numbers that were taken by `.data`."""
    stack = [x]
    for _ in range(MOST_OPERATIONS):
        if not stack:
            return True
        y = stack.pop()
        if not isinstance(y, Traced) or y._entry is None:
            return False
        if not y._entry.bare:
            stack += [z for z in y._operands if z.__class__ is not float]
    return False


def _inside(x: Any) -> Any:
    """The Value that a number was taken from, if it was and is nothing more."""
    return x._operands[0] if isinstance(x, Traced) and x._entry.bare else x  # type: ignore[union-attr]


def _is_known(x: Any) -> bool:
    return isinstance(x, (int, float))


def _is_plain(x: Any) -> bool:
    """Whether a table, or a row, is of numbers and Values, or of lists and tuples of them."""
    return all(_is_plain(y) if y.__class__ in (list, tuple) else _is_number(y) for y in x)


def _is_number(x: Any) -> bool:
    return isinstance(x, (Value, int, float)) and x.__class__ is not bool


def _lists(x: Any) -> Iterator[list[Any]]:
    """A list or tuple, and those in it, as far as they are lists."""
    if x.__class__ is list:
        yield x
    if x.__class__ in (list, tuple):
        for y in x:
            yield from _lists(y)
