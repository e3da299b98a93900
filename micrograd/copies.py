"""Copies and pickles of Values: new leaves, new nodes, nothing that belongs to another object.

A copy has numbers, gradients, labels, ops and operands, but neither the store nor the serial number
of its original: a live parameter becomes a leaf that no kernel reads yet. What one `deepcopy` or
one pickle takes along stays together: a Value that is reached twice is copied once, and all copies
are in the order in which their originals were made, which is the order of sums and of parameters.
A pickle names ops, and holds neither addresses nor serial numbers.

Nothing here recurses over operands, so a graph may be of any depth.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Callable
from itertools import count
from operator import attrgetter, itemgetter
from typing import Any

next_serial = count().__next__
"""The serial number of the next Value: creation order is the order of everything."""
serial: Callable[[Any], int] = attrgetter("_serial")


class Order:
    """The Values that one copy makes, each with a key that says where it belongs among them.

    When it is dropped, at the end of the copy, it deals out their serial numbers by these keys.
    """

    def __init__(self) -> None:
        self._made: list[tuple[int, Any]] = []
        self._sorted = True

    def add(self, key: int, made: Any) -> None:
        """Take a new Value."""
        if self._made and key < self._made[-1][0]:
            self._sorted = False
        self._made.append((key, made))

    def __del__(self) -> None:
        if not self._sorted:
            serials = sorted(made._serial for _, made in self._made)
            self._made.sort(key=itemgetter(0))
            for (_, made), number in zip(self._made, serials, strict=True):
                made._serial = number


class Copied:
    """What `copy`, `deepcopy` and `pickle` do with Values and their subclasses."""

    __slots__ = ()

    # live parameters have a class of their own, see store.py:
    _plain: Any = None  # in it, the class that they had before
    _live: Any = None  # in that, the other
    _entry: Any
    _operands: tuple[Any, ...]
    _serial: int
    data: Any

    def __copy__(self) -> Any:
        if self._number_comes_later():
            return self if self._operands else self.data
        made = _made_like(self, self._operands)
        _restore(made, _extras(self))
        return made

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        if self._number_comes_later():
            return self.data
        order = memo.get("micrograd.order") or memo.setdefault("micrograd.order", Order())
        nodes = _unknown(self, lambda v: id(v) in memo)
        for v in nodes:
            if type(v).__deepcopy__ is not Copied.__deepcopy__:
                copy.deepcopy(v, memo)
                continue
            operands = tuple(x if x.__class__ is float else memo[id(x)] for x in v._operands)
            memo[id(v)] = made = _made_like(v, operands)
            order.add(v._serial, made)
        for v in nodes:
            extras = _extras(v)
            if extras is not None:
                _restore(memo[id(v)], copy.deepcopy(extras, memo))
        return memo[id(self)]

    def _number_comes_later(self) -> bool:
        """Whether a function is being compiled: then a copy is what will be copied when it runs."""
        return self.data.__class__ is not float

    def __reduce_ex__(self, protocol: Any) -> Any:
        if type(self).__reduce__ is not object.__reduce__:
            return self.__reduce__()
        session = _session(self)
        operands = self._operands
        if self not in session.listed and not all(
            x.__class__ is float or x in session.saved or not x._operands for x in operands
        ):
            return _last, (session, _Unsaved(self, session))
        session.listed.discard(self)
        session.saved.add(self)
        kind = type(self)._plain or type(self)
        key = self._serial - session.base
        v: Any = self
        fields = (session, key, kind, self._entry, operands, v._data, v.grad, v.label)
        return _made, fields, _extras(self)


def _made_like(v: Any, operands: tuple[Any, ...]) -> Any:
    kind = type(v)._plain or type(v)
    return _filled(kind, v._entry, operands, v._data, v.grad, v.label)


def _filled(
    kind: type, op: Any, operands: tuple[Any, ...], data: float, grad: Any, label: Any
) -> Any:
    """A new Value with these fields."""
    made: Any = object.__new__(kind)
    made._data = data
    made.grad = grad
    made.label = label
    made._entry = op
    made._operands = operands
    made._serial = next_serial()
    return made


def _unknown(root: Any, is_known: Callable[[Any], bool]) -> list[Any]:
    """The Values under `root`, itself included, oldest first; what is under known ones is known."""
    found = {root}
    stack = [root]
    while stack:
        for x in stack.pop()._operands:
            if x.__class__ is not float and x not in found and not is_known(x):
                found.add(x)
                stack.append(x)
    return sorted(found, key=serial)


# -- what subclasses add -----------------------------------------------------------------------


def _extras(v: Any) -> Any:
    """What a subclass keeps in its objects, as `__getstate__` would give it; None: nothing."""
    kind: Any = type(v)
    if kind.__getstate__ is not object.__getstate__:
        return v.__getstate__()
    attributes = getattr(v, "__dict__", None)
    slots = {
        name: getattr(v, name)
        for each in kind.__mro__
        if Copied not in each.__bases__  # the slots of Value
        for name in _slots_of(each)
        if hasattr(v, name)
    }
    if slots:
        return attributes, slots
    return attributes or None


def _slots_of(kind: type) -> list[str]:
    """The names of a class's own slots, those with two underscores as Python mangles them."""
    given = kind.__dict__.get("__slots__", ())
    names = (given,) if isinstance(given, str) else tuple(given)
    prefix = f"_{kind.__name__.lstrip('_')}"
    return [
        prefix + name if name.startswith("__") and not name.endswith("__") else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    ]


def _restore(made: Any, extras: Any) -> None:
    """Give a copy what `_extras` found, as pickle does."""
    if extras is None:
        return
    if hasattr(made, "__setstate__"):
        made.__setstate__(extras)
        return
    attributes, slots = extras if isinstance(extras, tuple) else (extras, {})
    if attributes:
        made.__dict__.update(attributes)
    for name, x in slots.items():
        setattr(made, name, x)


# -- pickles -----------------------------------------------------------------------------------


class _Session:
    """What one pickler has been given; its memo keeps it alive as long as it works.

    base     the serial number that keys count from
    saved    Values that the pickler knows
    listed   those that it is about to save, operands first
    """

    __slots__ = ("__weakref__", "_taken", "base", "listed", "saved")

    def __init__(self, base: int) -> None:
        self.base = base
        self.saved: set[Any] = set()
        self.listed: set[Any] = set()
        self._taken = False

    def __reduce_ex__(self, protocol: Any) -> Any:
        """An Order to the unpickler. Saved once by each pickler, so a second time by a second."""
        if self._taken:
            self.saved.clear()
            self.listed.clear()
            _latest.session = None
        self._taken = True
        return Order, ()


class _Unsaved:
    """The Values under one that a pickler does not know, looked for when they are saved."""

    __slots__ = ("_root", "_session")

    def __init__(self, root: Any, session: _Session) -> None:
        self._root = root
        self._session = session

    def __reduce_ex__(self, protocol: Any) -> Any:
        nodes = _unknown(self._root, self._session.saved.__contains__)
        self._session.listed.update(nodes)
        return list, (nodes,)


_latest = threading.local()  # session: a weak reference to this thread's latest one


def _session(v: Any) -> _Session:
    """What this thread's pickler has been given, if it is known; else a new one that begins at `v`.

    A session that belongs to another pickler only costs time: it begins anew when it is saved.
    """
    known = getattr(_latest, "session", None)
    session = known() if known is not None else None
    if session is None:
        session = _Session(v._serial)
        _latest.session = weakref.ref(session)
    return session


def _made(order: Order, key: int, kind: type, *fields: Any) -> Any:
    """A Value out of a pickle."""
    made = _filled(kind, *fields)
    order.add(key, made)
    return made


def _last(order: Order, nodes: list[Any]) -> Any:
    return nodes[-1]
