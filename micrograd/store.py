"""Live parameters: leaves whose numbers sit in one contiguous float64 buffer.

Input: leaf Values. Afterwards each is a `Live` Value whose `data` reads and writes an element of
a `Store`, which compiled kernels read in place. Python and every kernel thus see one number,
with no copying and no recompiling.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from types import new_class
from typing import Any

import numpy as np
import numpy.typing as npt

from .copies import serial
from .engine import Value

_home, _start, _store = attrgetter("_home"), attrgetter("address"), itemgetter(0)
_number = attrgetter("_data")


class Store:
    """A float64 buffer that never moves; element i is the number of one live Value."""

    __slots__ = ("__weakref__", "_data", "address", "array")

    def __init__(self, numbers: Iterable[float]) -> None:
        self._data = array("d", numbers)
        self.address: int = self._data.buffer_info()[0]
        self.array: npt.NDArray[np.float64] = np.frombuffer(self._data)
        """The buffer as `f64[n]`; writing to it writes to the Values. The view also pins it."""

    def __len__(self) -> int:
        return len(self._data)

    def __reduce__(self) -> Any:
        return Store, (self._data,)  # the numbers, at another address


class Live(Value):
    """A leaf whose number lives in a Store.

    >>> w = Value(2.0)
    >>> store, = adopt([w])
    >>> store.array[0] = 5.0
    >>> w
    Value(data=5.0, grad=0)
    """

    __slots__ = ()
    _plain = Value

    @property
    def _data(self) -> float:
        store, index = self._home
        number: float = store._data[index]
        return number

    @_data.setter
    def _data(self, number: float) -> None:
        store, index = self._home
        store._data[index] = number


Value._live = Live


def _live_class(plain: type[Value]) -> type[Value]:
    """The class of live parameters that were of class `plain`: a subclass that looks the same."""
    found: type[Value] | None = plain.__dict__.get("_live")
    if found is None:
        names = {
            "__slots__": (),
            "__module__": plain.__module__,
            "__qualname__": plain.__qualname__,
            "__doc__": plain.__doc__,
            "_data": Live.__dict__["_data"],
            "_plain": plain,
        }
        found = new_class(plain.__name__, (plain,), exec_body=lambda body: body.update(names))
        plain._live = found
    return found


def adopt(leaves: Iterable[Value]) -> list[Store]:
    """The stores of `leaves`, in order of first use.

    Leaves that have none yet are moved, oldest first, into one new store: the parameters of a
    model are created in the order of `parameters()`, so they lie in that order.
    """
    leaves = list(leaves)
    fresh = sorted({v for v in leaves if v.__class__._plain is None}, key=serial)
    if fresh:
        store = Store(list(map(_number, fresh)))
        classes = {kind: _live_class(kind) for kind in set(map(type, fresh))}
        for index, v in enumerate(fresh):
            v.__class__ = classes[v.__class__]
            v._home = (store, index)
    return list(dict.fromkeys(map(_store, map(_home, leaves))))


def living(store: Store, index: int) -> Value:
    """A new leaf whose number is that element of a store."""
    leaf = Value(0.0)
    leaf.__class__ = Live
    leaf._home = (store, index)
    return leaf


def addresses(leaves: Sequence[Value]) -> npt.NDArray[np.int64]:
    """Where the number of each live leaf is in memory: i64[leaves]."""
    homes = list(map(_home, leaves))
    starts = np.fromiter(map(_start, map(_store, homes)), np.int64, len(homes))
    index = np.fromiter(map(itemgetter(1), homes), np.int64, len(homes))
    return starts + 8 * index
