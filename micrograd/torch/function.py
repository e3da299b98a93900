"""An op as a `torch.autograd.Function`, which forward mode and `torch.func` take.

PyTorch gives custom ops a gradient, but none that these can transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .registered import Registered


class Function(torch.autograd.Function):  # type: ignore[misc]
    """`Function.apply(op, cores, *x)`: what a registered op gives, with derivatives of any order in
    both modes.
    """

    @staticmethod
    def forward(op: Registered, cores: Sequence[int], *x: torch.Tensor) -> Any:
        """What it gives."""
        return op.op(*x, cores)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Remember what derivatives need."""
        ctx.op, ctx.cores, *x = inputs
        ctx.save_for_forward(*ctx.op.save(ctx, x, output))

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor | None, *_: None) -> Any:
        """The cotangents of what they are asked for."""
        op, cores, asked = ctx.op, ctx.cores, ctx.needs_input_grad[2:]
        found = op.cotangents(
            lambda pullback, *xs: Function.apply(pullback, cores, *xs),
            ctx.saved_tensors,
            cores,
            cotangent,
            asked,
        )
        return None, None, *found, *[None] * (len(asked) - op.arity)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """The tangent of the result: the pullback is linear in cotangents, so its own pullback,
        with respect to these, is the derivative along a direction.
        """
        op, cores, (*x, kept) = ctx.op, ctx.cores, ctx.saved_tensors
        function = op.function(cores)
        given = tangents[2 : 2 + op.arity]
        known = tuple([k for k, t in enumerate(given) if t is not None])
        rows = [given[k] if function.sizes[k] else given[k][..., None] for k in known]
        direction = torch.cat(rows, -1)
        weights = direction.new_zeros(()).expand(*direction.shape[:-1], function.results)
        pushed = op.pullback(known).pullback((len(x),))
        tangent = Function.apply(pushed, cores, *x, weights, direction, kept)
        return tangent if op.of else (tangent, None)

    @staticmethod
    def vmap(info: Any, places: Any, op: Registered, cores: Any, *x: torch.Tensor) -> Any:
        """For a batch, which is one axis more of the points."""
        apply = lambda *x: Function.apply(op, cores, *x)  # noqa: E731
        return op.mapped(apply, info.batch_size, places[2:], x)
