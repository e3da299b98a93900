"""The arguments of a call without their numbers: what it takes to trace that once more."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...tensor.core import Tensor
from .arguments import Leaves, built, flattened, replaced

_made: Any = Tensor._made
"""The Tensor of an array that nothing else has; of the class."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Arguments: settings, and the shapes and dtypes of Tensors.

    tree      by the name of the parameter, the argument; Tensors in it have no memory of their own
    batches   the Tensors whose first axes may have another size
    """

    signature: inspect.Signature
    tree: dict[str, Any]
    batches: frozenset[int] = frozenset()

    @staticmethod
    def of(leaves: Leaves, bound: Any, batches: frozenset[int]) -> Outline:
        """That of a call."""
        shells = iter([_shell(x.shape, x.dtype) for x in leaves.tensors])
        tree = {name: replaced(x, lambda: next(shells)) for name, x in leaves.tree.items()}
        return Outline(bound.signature, tree, batches)

    def call(self, name: str, samples: int) -> tuple[Leaves, inspect.BoundArguments]:
        """A call of a function of this name, with so many samples."""
        leaves = flattened(name, self.tree)
        if self.batches:
            shells = [
                _shell((samples, *x.shape[1:]) if k in self.batches else x.shape, x.dtype)
                for k, x in enumerate(leaves.tensors)
            ]
            leaves = flattened(name, built(leaves.tree, iter(shells)))
        return leaves, inspect.BoundArguments(self.signature, leaves.tree)


def _shell(shape: Sequence[int], dtype: Any) -> Any:
    return _made(Tensor, np.broadcast_to(np.zeros((), dtype), shape))
