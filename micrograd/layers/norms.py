"""Layers that scale what they are given to one size: LayerNorm, RMSNorm."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..checks import amount, flag, whole
from ..errors import ShapeError, user_location
from ..nn import Module
from ..tensor.making import ones, zeros
from .linear import tensor_in


class _Norm(Module):
    """What both have: the shape of the last axes, a weight, a small number."""

    def __init__(self, shape: Any, eps: float, affine: bool, dtype: Any) -> None:
        sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
        self.shape = tuple(whole("shape", n, ShapeError) for n in sizes)
        self.eps = amount("eps", eps, ShapeError)
        has_weight = flag("affine", affine, ShapeError)
        self.weight = ones(self.shape, dtype, requires_grad=True) if has_weight else None

    def _given(self, x: Any) -> tuple[Any, tuple[int, ...]]:
        """A Tensor, and the axes that it is scaled over."""
        x = tensor_in(self, x)
        count = len(self.shape)
        if x.shape[len(x.shape) - count :] != self.shape or len(x.shape) < count:
            raise ShapeError(
                f"{user_location()}: {self!r} takes Tensors whose last axes are {self.shape}, got "
                f"shape {x.shape}"
            )
        return x, tuple(range(len(x.shape) - count, len(x.shape)))

    def __repr__(self) -> str:
        shape = self.shape[0] if len(self.shape) == 1 else self.shape
        return f"{type(self).__name__}({shape}{', affine=False' * (self.weight is None)})"


class LayerNorm(_Norm):
    """`(x - mean) / sqrt(var + eps) * weight + bias` over the last axes, as PyTorch's.

    >>> from micrograd import Tensor
    >>> LayerNorm(2, eps=0.0)(Tensor([[1.0, 3.0]]))
    Tensor([[-1.,  1.]], requires_grad=True)
    """

    def __init__(
        self, shape: Any, eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ) -> None:
        super().__init__(shape, eps, affine, dtype)
        self.bias = None if self.weight is None else zeros(self.shape, dtype, requires_grad=True)

    def __call__(self, x: Any) -> Any:
        x, axes = self._given(x)
        off = x - x.mean(axes, keepdims=True)
        out = off / ops.sqrt((off * off).mean(axes, keepdims=True) + self.eps)
        return out if self.weight is None else out * self.weight + self.bias


class RMSNorm(_Norm):
    """`x / sqrt(mean(x^2) + eps) * weight` over the last axes."""

    def __init__(
        self, shape: Any, eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ) -> None:
        super().__init__(shape, eps, affine, dtype)

    def __call__(self, x: Any) -> Any:
        x, axes = self._given(x)
        out = x / ops.sqrt((x * x).mean(axes, keepdims=True) + self.eps)
        return out if self.weight is None else out * self.weight
