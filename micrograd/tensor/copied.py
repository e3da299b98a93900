"""Copies and pickles of Tensors: a leaf's numbers, gradient and label.

The result of a computation that is recorded is no object of its own: a copy of it would be cut off
from what it is of, so that is an error. Values' graphs are copied whole (copies.py).
"""

from __future__ import annotations

from typing import Any

from ..errors import GraphError, user_location


class CopiedTensor:
    """What `copy`, `deepcopy` and `pickle` do."""

    __slots__ = ()

    def __copy__(self: Any) -> Any:
        return _copy(*self.__reduce__()[1])

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        memo[id(self)] = made = self.__copy__()
        return made

    def __reduce__(self: Any) -> Any:
        if self._primitive is not None:
            raise GraphError(
                f"{user_location()}: a Tensor of {self._op!r} that requires a gradient is not "
                "copied or pickled without what it was computed from; copy its leaves, or "
                "detach() it"
            )
        return _copy, (type(self), self._data, self.grad, self._needs, self.label)


def _copy(kind: Any, data: Any, grad: Any, needs: bool, label: str) -> Any:
    made = kind(data, data.dtype, label=label)
    made._needs = needs
    made.grad = grad if grad is None else grad.detach()
    return made
