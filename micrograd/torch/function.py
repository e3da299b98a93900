"""An op as a `torch.autograd.Function`, which forward mode and `torch.func` take.

PyTorch gives custom ops a gradient, but none that these can transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .registered import Registered, batched


class Function(torch.autograd.Function):  # type: ignore[misc]
    """`Function.apply(op, cores, *x)`: the result of a registered op, with derivatives of any order
    in both modes.
    """

    @staticmethod
    def forward(op: Registered, cores: Sequence[int], *x: torch.Tensor) -> torch.Tensor:
        """The result."""
        return op.op(*x, cores)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        """Remember what derivatives need."""
        ctx.op, ctx.cores, *x = inputs
        ctx.before = ctx.op.kept.now(ctx.cores)
        ctx.save_for_backward(*x)
        ctx.save_for_forward(*x)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> Any:
        """The cotangents of what they are asked for."""
        op, cores = ctx.op, ctx.cores
        saved, asked = (*ctx.saved_tensors, *ctx.before), ctx.needs_input_grad[2:]
        found = op.cotangents(
            lambda pullback, *xs: Function.apply(pullback, cores, *xs),
            saved,
            cores,
            cotangent,
            asked,
        )
        return None, None, *found

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """The tangent of the result: the pullback is linear in cotangents, so its own pullback,
        with respect to these, is the derivative along a direction.
        """
        op, cores, x = ctx.op, ctx.cores, ctx.saved_tensors
        function = op.function(cores)
        known = tuple([k for k, t in enumerate(tangents[2:]) if t is not None])
        rows = [tangents[2 + k] for k in known]
        rows = [t if function.sizes[k] else t[..., None] for k, t in zip(known, rows, strict=True)]
        direction = torch.cat(rows, -1)
        weights = direction.new_zeros(()).expand(*direction.shape[:-1], function.results)
        pushed = op.pullback(known).pullback((len(x),))
        return Function.apply(pushed, cores, *x, weights, direction)

    @staticmethod
    def vmap(info: Any, places: Any, op: Registered, cores: Any, *x: torch.Tensor) -> Any:
        """For a batch, which is one axis more of the points."""
        return Function.apply(op, cores, *batched(info.batch_size, places[2:], x)), 1
