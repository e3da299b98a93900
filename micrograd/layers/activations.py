"""Activations as modules: functions of every element, and softmax."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..checks import number
from ..errors import ShapeError
from ..nn import Module
from .linear import tensor_in


class Activation(Module):
    """A function of Tensors as a module: `Activation(f)`, or a subclass with `apply`."""

    def __init__(self, function: Any = None) -> None:
        self.function = function

    def apply(self, x: Any) -> Any:
        """The result for a Tensor of floats."""
        return self.function(x)

    def __call__(self, x: Any) -> Any:
        return self.apply(tensor_in(self, x))

    def __repr__(self) -> str:
        said = "" if self.function is None else getattr(self.function, "__name__", self.function)
        return f"{type(self).__name__}({said})"


class ReLU(Activation):
    """0 where x is negative."""

    def apply(self, x: Any) -> Any:
        """max(x, 0)."""
        return ops.relu(x)


class LeakyReLU(Activation):
    """`slope * x` where x is negative."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = number("slope", slope, ShapeError)

    def apply(self, x: Any) -> Any:
        """x, or slope * x."""
        return ops.where(x < 0.0, self.slope * x, x)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.slope})"


class Tanh(Activation):
    """The hyperbolic tangent."""

    def apply(self, x: Any) -> Any:
        """tanh(x)."""
        return ops.tanh(x)


class Sigmoid(Activation):
    """The logistic function."""

    def apply(self, x: Any) -> Any:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(x)


class Softplus(Activation):
    """A smooth ReLU."""

    def apply(self, x: Any) -> Any:
        """log(1 + exp(x))."""
        return ops.softplus(x)


class SiLU(Activation):
    """x * sigmoid(x)."""

    def apply(self, x: Any) -> Any:
        """x * sigmoid(x)."""
        return x * ops.sigmoid(x)


class GELU(Activation):
    """x times the normal distribution's share below x, exactly, as PyTorch's default."""

    def apply(self, x: Any) -> Any:
        """x * (1 + erf(x / sqrt 2)) / 2."""
        return 0.5 * x * (1.0 + ops.erf(x * 0.7071067811865476))


class Softmax(Activation):
    """Exponentials, divided by their sum along an axis."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def apply(self, x: Any) -> Any:
        """softmax(x)."""
        return x.softmax(self.axis)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(axis={self.axis})"


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    def apply(self, x: Any) -> Any:
        """log(softmax(x))."""
        return x.log_softmax(self.axis)
