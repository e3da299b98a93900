"""Kernels are copied and pickled by what they were made from; each copy compiles for itself."""

from __future__ import annotations

from copy import deepcopy
from types import MethodType
from typing import Any, ClassVar, Self, TypeVar

from .trace.pickles import global_name
from .trace.source import FunctionSource, Source


class Remade:
    """What is copied by what it was made from, and compiles for itself.

    compiled   attributes that copies do not have
    """

    compiled: ClassVar[frozenset[str]]

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles have: what it was made from, and nothing that was compiled."""
        return {k: x for k, x in self.__dict__.items() if k not in self.compiled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        """Have nothing compiled yet."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        made = blank(type(self))
        made.__setstate__(self.__getstate__())
        return made


class Copyable(Remade):
    """A kernel of a source that `copy` and `pickle` take."""

    compiled = frozenset(
        {
            "__wrapped__",
            "_answered",
            "_answering",
            "_array_words",
            "_closed",
            "_derived",
            "_executables",
            "_guessed",
            "_latest",
            "_lock",
            "_made",
            "_nested",
            "_of_classes",
            "_parent",
            "_siblings",
            "_tensor_kernel",
            "_variants",
        }
    )
    _source: Source

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self._source, FunctionSource) and "__name__" in state:
            self.__dict__["__wrapped__"] = self._source.function
        self._begin()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = blank(type(self))
        made.__setstate__(deepcopy(self.__getstate__(), memo))
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        method = getattr(self._source, "function", None)
        if isinstance(method, MethodType):
            place = method.__self__, method.__name__
            if getattr(*place, None) is self:
                return getattr, place
        return global_name(self) or (blank, (type(self),), self.__getstate__())


K = TypeVar("K")


def blank(kind: type[K]) -> K:
    """A kernel that is about to get its state."""
    return kind.__new__(kind)
