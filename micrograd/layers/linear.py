"""Layers with weights: Linear, Conv1d, Conv2d, Embedding."""

from __future__ import annotations

from typing import Any

from ..checks import flag, whole
from ..errors import DataError, ShapeError, kind, user_location
from ..nn import Module
from ..tensor.casting import is_float
from ..tensor.core import Tensor
from ..tensor.making import zeros
from ..tensor.sliding import each, paddings
from .initial import generator, weights


def tensor_in(layer: Any, x: Any) -> Any:
    """What a layer is given, as a Tensor of floats."""
    if not hasattr(type(x), "__primitive__"):
        x = Tensor(x)
    if not is_float(x.dtype):
        raise DataError(
            f"{user_location()}: {layer!r} takes floats, got a Tensor of {x.dtype}; use "
            'astype("float32")'
        )
    return x


class _Weighted(Module):
    """A layer of weights, and of a bias for each output."""

    def _begin(
        self,
        shape: tuple[int, ...],
        fans: tuple[int, int],
        bias: Any,
        init: Any,
        rng: Any,
        dtype: Any,
    ) -> None:
        """Draw the weights, for so many inputs and outputs of a number; a bias begins with 0."""
        self.weight = weights(shape, *fans, init, generator(rng), dtype)
        has_bias = flag("bias", bias, ShapeError)
        self.bias = zeros(shape[self._outputs_at], dtype, requires_grad=True) if has_bias else None

    _outputs_at = 0
    """The axis of the weights that outputs are along."""


class Linear(_Weighted):
    """`x @ weight + bias`.

    x       [..., inputs]
    weight  [inputs, outputs], the transpose of PyTorch's
    bias    [outputs], 0 at first; None without one
    init    "kaiming" (normal with variance 2 / inputs), "normal" (2 / outputs, as pycrograd has
            it), "xavier", "uniform", "zeros", or a function of a generator and a shape
    rng     a seed or a generator of NumPy

    Raises ShapeError if the last axis of `x` is not of `inputs`.

    >>> Linear(2, 3, rng=0)(Tensor([[1.0, 2.0]])).shape
    (1, 3)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bias: bool = True,
        *,
        init: Any = "kaiming",
        rng: Any = None,
        dtype: Any = None,
    ) -> None:
        self.inputs = whole("inputs", inputs, ShapeError)
        self.outputs = whole("outputs", outputs, ShapeError)
        shape = (self.inputs, self.outputs)
        self._begin(shape, shape, bias, init, rng, dtype)

    _outputs_at = 1

    def __call__(self, x: Any) -> Any:
        x = tensor_in(self, x)
        if not x.shape or x.shape[-1] != self.inputs:
            raise ShapeError(
                f"{user_location()}: {self!r} takes {self.inputs} inputs along the last axis, got "
                f"shape {x.shape}"
            )
        out = x @ self.weight
        return out if self.bias is None else out + self.bias

    def __repr__(self) -> str:
        return f"Linear({self.inputs}, {self.outputs}{', bias=False' * (self.bias is None)})"


class _Conv(_Weighted):
    """A convolution over `axes` axes."""

    axes = 0

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        init: Any = "kaiming",
        rng: Any = None,
        dtype: Any = None,
    ) -> None:
        self.inputs = whole("inputs", inputs, ShapeError)
        self.outputs = whole("outputs", outputs, ShapeError)
        self.groups = whole("groups", groups, ShapeError)
        if self.inputs % self.groups or self.outputs % self.groups:
            raise ShapeError(
                f"inputs and outputs should be multiples of groups={groups}, got {inputs} and "
                f"{outputs}"
            )
        self.size = each("size", size, self.axes)
        strides = each("stride", stride, self.axes)
        dilations = each("dilation", dilation, self.axes)
        paddings(padding, self.size, strides, dilations)  # which raises for what is none
        self.stride, self.padding, self.dilation = stride, padding, dilation
        shape = (self.outputs, self.inputs // self.groups, *self.size)
        fan_in, fan_out = shape[1], self.outputs // self.groups
        for n in self.size:
            fan_in, fan_out = fan_in * n, fan_out * n
        self._begin(shape, (fan_in, fan_out), bias, init, rng, dtype)

    def __call__(self, x: Any) -> Any:
        convolution = getattr(tensor_in(self, x), f"conv{self.axes}d")
        return convolution(
            self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def __repr__(self) -> str:
        options = [("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)]
        said = [f", {n}={getattr(self, n)!r}" for n, usual in options if getattr(self, n) != usual]
        size = self.size if self.axes > 1 else self.size[0]
        bias = ", bias=False" * (self.bias is None)
        name = type(self).__name__
        return f"{name}({self.inputs}, {self.outputs}, {size}{''.join(said)}{bias})"


class Conv1d(_Conv):
    """A convolution, as PyTorch's: x [batch, inputs, length], weight [outputs, inputs / groups,
    size]. Options are `Linear`'s, and those of `Tensor.conv1d`.
    """

    axes = 1


class Conv2d(_Conv):
    """A convolution, as PyTorch's: x [batch, inputs, height, width].

    >>> Conv2d(1, 4, 3, padding="same", rng=0)(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).shape
    (1, 4, 2, 2)
    """

    axes = 2


class Embedding(Module):
    """Rows of `weight` [count, size], by their numbers: whole numbers [...] to [..., size].

    >>> Embedding(10, 4, rng=0)([[1, 2, 3]]).shape
    (1, 3, 4)
    """

    def __init__(self, count: int, size: int, *, rng: Any = None, dtype: Any = None) -> None:
        self.count = whole("count", count, ShapeError)
        self.size = whole("size", size, ShapeError)
        shape = (self.count, self.size)
        self.weight = weights(
            shape, *shape, lambda rng, shape: rng.standard_normal(shape), generator(rng), dtype
        )

    def __call__(self, index: Any) -> Any:
        if isinstance(index, (list, tuple)):
            index = Tensor(index, "int64")
        if not hasattr(index, "dtype") or index.dtype.kind not in "iu":
            raise DataError(f"{user_location()}: {self!r} takes whole numbers, got {kind(index)}")
        return self.weight[index]

    def __repr__(self) -> str:
        return f"Embedding({self.count}, {self.size})"
