"""Kernels of Tensors are copied and pickled by what they were made from; copies compile anew."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

from ..copyable import Remade, blank
from ..trace.pickles import FunctionOf, global_name, portable


class TensorCopyable(Remade):
    """A kernel of Tensors that `copy` and `pickle` take."""

    compiled = frozenset(
        {
            "__signature__",
            "__wrapped__",
            "_compiled",
            "_derived",
            "_families",
            "_latest",
            "_lock",
            "_quick",
            "_signature",
        }
    )
    function: Any
    _wrt: Any

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.function, FunctionOf):
            self.function = self.function.function
        if "__name__" in state:
            self.__dict__["__wrapped__"] = self.function
        self._begin()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """With a copy of a model, method or object, and of its leaves; a plain function stays, and
        what it reads.
        """
        memo[id(self)] = made = blank(type(self))
        state = self.__getstate__()
        state["function"] = deepcopy(self.function, memo)
        if state["function"] is not self.function:
            state["_wrt"] = deepcopy(self._wrt, memo)
        made.__setstate__(state)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        if name := global_name(self):
            return name
        wrt = self._wrt if isinstance(self._wrt, (list, tuple)) else [self._wrt]
        state = {**self.__getstate__(), "function": portable(self.function, wrt)}
        return blank, (type(self),), state
