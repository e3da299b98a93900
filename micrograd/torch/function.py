"""An op as a `torch.autograd.Function`: PyTorch gives custom ops a gradient, but none that forward
mode and `torch.func` can transform, and it takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .native import ordinary
from .registered import Registered


class Function(torch.autograd.Function):  # type: ignore[misc]
    """`Function.apply(op, cores, *x)`: what a registered op gives, with derivatives of any order in
    both modes.
    """

    @staticmethod
    def forward(op: Registered, cores: Sequence[int], *x: torch.Tensor) -> Any:
        """What it gives."""
        return op.alone(*x, cores)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Remember what derivatives need."""
        ctx.op, ctx.cores, *x = inputs
        ctx.save_for_forward(*ctx.op.save(ctx, x, output))

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor | None, *_: None) -> Any:
        """The cotangents of what they are asked for."""
        op, cores, asked = ctx.op, ctx.cores, ctx.needs_input_grad[2:]
        how = Outside if ordinary() else Function

        def apply(pullback: Registered, *x: torch.Tensor) -> Any:
            if how is Outside and not torch.is_grad_enabled():
                return pullback.alone(*x, cores)
            return how.apply(pullback, cores, *x)

        found = op.cotangents(apply, ctx.saved_tensors, cores, cotangent, asked)
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


class Outside(Function):
    """The same outside of `torch.func` and forward mode, where PyTorch takes less time for it."""

    setup_context = staticmethod(torch.autograd.Function.setup_context)

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, op: Registered, cores: Sequence[int], *x: torch.Tensor
    ) -> Any:
        """What it gives; what derivatives need is remembered."""
        ctx.op, ctx.cores = op, cores
        output = op.alone(*x, cores)
        op.save(ctx, x, output)
        return output
