"""A loss of batches in which layers drop elements -> one that takes their masks as data, and the
masks, which are drawn anew for every epoch.

Compiled code draws nothing, so what each `Dropout` of a batch would draw is an array of a row for
each sample. Where samples are in order, the masks are those of the eager loop, number by number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..layers.dropout import Dropout, MasksNeeded, drawing_none, taking
from ..memory import require
from ..tensor.core import Tensor
from ..tensor.recording import no_grad

Array = npt.NDArray[Any]
Function = Callable[..., Any]

__all__ = ["Masks", "MasksNeeded", "without"]


class Masks:
    """The masks of a loss of batches: `arrays`, of a row for each sample.

    Raises TrainingError if a layer drops elements of something that has no row for each sample.
    """

    def __init__(self, function: Function, data: Sequence[Array], dtype: Any) -> None:
        self._function, self._columns = function, len(data)
        samples = len(data[0])
        self._layers = _asked(function, data, dtype, 1)
        more = _asked(function, data, dtype, 2) if samples > 1 else self._layers
        rows = min(samples, 2)
        for (layer, one), (_, two) in zip(self._layers, more, strict=True):
            if (1, *one[1:]) != one or (rows, *one[1:]) != two:
                raise TrainingError(
                    f"{layer!r} drops elements of shape {one} of a batch of one sample, and {two} "
                    f"of {rows}; in fit it should be given a row for each sample along the first "
                    "axis, or a mask: drop(x, mask)"
                )
        shapes = [(samples, *shape[1:]) for _, shape in self._layers]
        require({"masks of dropout": np.dtype(dtype).itemsize * sum(map(np.prod, shapes))})
        self.arrays = [np.zeros(shape, dtype) for shape in shapes]
        self._after: list[tuple[np.random.Generator, Any]] = []

    def draw(self) -> None:
        """Draw the masks of an epoch. The layers' generators stay where they are until it is over:
        a training that goes on in the middle of it draws the same.
        """
        generators = {id(layer._rng): layer._rng for layer, _ in self._layers}.values()
        before = [(rng, rng.bit_generator.state) for rng in generators]
        for (layer, _), array in zip(self._layers, self.arrays, strict=True):
            array[...] = layer.mask(array.shape).numpy()
        self._after = [(rng, rng.bit_generator.state) for rng in generators]
        _set(before)

    def over(self) -> None:
        """The epoch is over: the generators have drawn its masks."""
        _set(self._after)
        self._after = []

    def function(self, *rows: Any) -> Any:
        """The loss of a batch, given rows of the data and then of the masks."""
        with taking(iter(rows[self._columns :])):
            return self._function(*rows[: self._columns])


def _set(states: Sequence[tuple[np.random.Generator, Any]]) -> None:
    for generator, state in states:
        generator.bit_generator.state = state


def _asked(
    function: Function, data: Sequence[Array], dtype: Any, rows: int
) -> list[tuple[Dropout, tuple[int, ...]]]:
    """The layers that drop elements of a batch of so many samples, in order, and their shapes."""
    found: list[tuple[Dropout, tuple[int, ...]]] = []
    batch = [Tensor(a[:rows], dtype if a.dtype.kind == "f" else a.dtype) for a in data]
    with no_grad(), drawing_none(found):
        function(*batch)
    return found


def without(function: Function) -> Function:
    """The function, in which nothing is dropped."""

    def whole(*rows: Any) -> Any:
        with drawing_none([]):
            return function(*rows)

    return whole
