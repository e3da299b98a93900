"""The parameters that an op reads, at its call: gradients shall be those of the same numbers.

They are no operands, so that PyTorch does not see when they are changed in between. Nor is it seen
in graphs that PyTorch traces, whose partitioner moves what only a gradient needs behind the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..bridge.points import Pointwise
from ..errors import GraphError


class Kept:
    """The parameters of an op.

    name       in `torch.ops.micrograd`
    function   what it computes, by its encoded cores
    """

    def __init__(self, name: str, function: Callable[[Sequence[int]], Pointwise]) -> None:
        self._name, self._function = name, function

    def now(self, cores: Sequence[int]) -> list[torch.Tensor]:
        """Their numbers, in one tensor; no tensor if there are none, or in a graph."""
        function = self._function(cores)
        if not function.is_live or torch._C._len_torch_dispatch_stack():
            return []
        return [torch.from_numpy(function.parameters_now())]

    def require(
        self, before: Sequence[torch.Tensor], cores: Sequence[int], needed: tuple[int, ...]
    ) -> None:
        """GraphError if what the pullback reads is not as it was before."""
        function = self._function(cores)
        if before and function.pullback(needed).changed(function, before[0].numpy()):
            raise GraphError(
                f"parameters that torch.ops.micrograd.{self._name} reads have changed since it was "
                "called, so its gradient cannot be computed any more: call backward() before they "
                "are changed, as by an optimiser's step"
            )
