"""A function of one sample, and data whose samples differ in length -> its mean, in native code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..jit.options import Options
from .ragged_data import RaggedData
from .ragged_loss import ClassCode, RaggedLoss
from .sample_loss import SampleValue


def ragged_mean(
    function: Callable[..., Any],
    data: RaggedData,
    parameters: Sequence[Value],
    options: Options,
) -> Callable[[], float]:
    """The mean of a function of one sample, which reads these live parameters, over data."""
    values = RaggedLoss(function, data, parameters, options, code=SampleValue)
    codes = [values.code(sizes) for sizes in data.sizes]

    def mean() -> float:
        found = np.zeros(len(data))
        for number, code in enumerate(codes):
            rows = np.flatnonzero(data.classes == number)
            found[rows] = _values(code, data, rows, options)
        return float(np.mean(found))

    return mean


def _values(
    code: ClassCode, data: RaggedData, rows: npt.NDArray[np.int64], options: Options
) -> list[float]:
    """Of the samples of a class."""
    columns = [
        (c.numbers.ctypes.data + c.numbers.itemsize * c.starts[rows]).tolist() for c in data.columns
    ]
    columns += [(a.ctypes.data + a.strides[0] * np.arange(len(a))).tolist() for a in code.indices]
    given = [a.ctypes.data for a in code.given]
    prototype = code.loss.interface.prototype(code.loss.program, options.dtype)
    function = prototype(code.loss.address)
    return [function(*places, *given) for places in zip(*columns, strict=True)]
