"""A traced source, and all of them by the structures of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...engine import Value
from ...errors import TensorsNeeded
from ...once import Once
from .signature import Container, Structure
from .trace import Element, Trace


@dataclass(slots=True)
class Recording:
    """A traced source.

    result     the structure of what it returns
    wrt        the elements that gradients are taken with respect to; None: not in the graph
    gradient   a tuple of the structures of what they are taken with respect to
    alone      whether that is one thing, whose partials have no tuple around them
    captured   values of functions around, which are being compiled, by the array that they are
    sparse     which entries of sparse derivatives there are, by what these are called
    """

    trace: Trace
    result: Structure
    wrt: list[Element | None]
    gradient: Container
    alone: bool = False
    captured: dict[str, list[Value]] = field(default_factory=dict)
    sparse: dict[str, Any] = field(default_factory=dict)

    @property
    def partials(self) -> Structure:
        """The structure that a gradient is given back in."""
        return self.gradient.items[0] if self.alone else self.gradient


class _Needed(str):
    """The message of TensorsNeeded."""


class Recordings:
    """Recordings by the structures of arguments, each made once; copies of it are empty. One that
    captures values is made for each use: there may be others by then.

    numbers   of the leaves that are constants, as all recordings have them
    latest    the key of what was made last, if anything was
    """

    def __init__(self) -> None:
        self.numbers: dict[Value, float] = {}
        self.latest: Any = None
        self._made: dict[Any, Any] = {}
        self._once = Once()  # what is traced may call kernels

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made for the key, now or before; so is TensorsNeeded raised."""
        found = self._once.make(key, lambda: self._made.get(key), lambda: self._kept(key, make))
        if isinstance(found, _Needed):
            raise TensorsNeeded(found)
        return found

    def _kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is made now; what another thread has made meanwhile, if one has."""
        try:
            made = make()
        except TensorsNeeded as needed:
            self._made[key] = _Needed(str(needed))
            raise
        self.latest = key
        if isinstance(made, Recording) and made.captured:
            return made
        return self._made.setdefault(key, made)

    def __reduce__(self) -> Any:
        return Recordings, ()
