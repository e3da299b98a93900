"""Dropout: in training, elements are dropped at random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..checks import amount
from ..errors import ShapeError, TraceError, user_location
from ..nn import Module
from ..tensor.core import Tensor
from .initial import generator
from .linear import tensor_in

_MASKS: ContextVar[Any] = ContextVar("masks", default=None)
"""What layers are given instead of drawing: an iterator of masks, or a list in which they write
that they would draw, and drop nothing.
"""


@contextmanager
def taking(masks: Iterator[Any]) -> Iterator[None]:
    """Layers take these masks, one after the other."""
    token = _MASKS.set(masks)
    try:
        yield
    finally:
        _MASKS.reset(token)


@contextmanager
def drawing_none(asked: list[Any]) -> Iterator[None]:
    """Layers drop nothing, and write themselves and the shape down."""
    with taking(asked):  # type: ignore[arg-type]
        yield


class MasksNeeded(TraceError):
    """A layer would draw a mask in compiled code."""


class Dropout(Module):
    """In training, each element is 0 with probability `p`, and the others are divided by 1 - p;
    after `eval()`, nothing happens.

    Compiled code draws nothing: there, the mask is data of the step, which `fit` draws for every
    epoch. For other compiled functions, draw one with `mask(shape)`, give it to the function as an
    argument, and to the layer behind `x`.

    >>> drop = Dropout(0.5, rng=0)
    >>> x = Tensor([1.0, 2.0, 3.0, 4.0])
    >>> drop(x)
    Tensor([2., 0., 0., 0.])
    >>> drop(x, [1.0, 1.0, 0.0, 0.0])
    Tensor([2., 4., 0., 0.])
    >>> drop.eval()(x)
    Tensor([1., 2., 3., 4.])
    """

    def __init__(self, p: float = 0.5, *, rng: Any = None) -> None:
        self.p = amount("p", p, ShapeError)
        if self.p > 1.0:
            raise ShapeError(f"p should be a probability, 0 to 1, got {p!r}")
        self._rng = generator(rng)

    def mask(self, shape: Any) -> Tensor:
        """A new mask: 1.0 where an element stays, 0.0 where it is dropped."""
        return Tensor((self._rng.random(shape) >= self.p).astype(np.float32))

    def __call__(self, x: Any, mask: Any = None) -> Any:
        x = tensor_in(self, x)
        if x._scope is not None:
            x._scope.modes.append((self, self.training))
        if not self.training or self.p == 0.0:
            return x
        if mask is None:
            given = _MASKS.get()
            if isinstance(given, list):
                given.append((self, x.shape))
                return x
            mask = None if given is None else next(given)
        if mask is None:
            if x._scope is not None:
                raise MasksNeeded(
                    f"{user_location()}: {self!r} draws no mask in compiled code; make the mask an "
                    "argument of the function, drop(x, mask), and give it drop.mask(shape) at "
                    "every call; or call model.eval(), to use the model"
                )
            mask = self.mask(x.shape)
        elif not hasattr(type(mask), "__primitive__"):
            mask = Tensor(mask, x.dtype)
        if mask.shape != x.shape:
            raise ShapeError(
                f"{user_location()}: {self!r} of shape {x.shape} with a mask of shape "
                f"{mask.shape}, which should be equal"
            )
        kept = 1.0 - self.p
        return x * mask * (1.0 / kept if kept else 0.0)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
