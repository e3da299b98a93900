"""Numbers of Tensors that a function of numbers reads while it is traced.

Those of data are constants, as numbers of NumPy's arrays are. Those of parameters change, so that a
function that reads them is one of Tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import TensorsNeeded


@contextmanager
def no_parameters_read(name: str) -> Iterator[None]:
    """Raises TensorsNeeded if numbers of Tensors that require a gradient were read inside."""
    recording = sys.modules.get("micrograd.tensor.recording")
    if recording is None:  # there are no Tensors
        yield
        return
    with recording.watching() as watched:
        yield
    if any(t._needs for t in recording.leaves_of(watched)):
        raise TensorsNeeded(
            f"{name} computes with numbers of a Tensor that requires a gradient; such a function "
            "is compiled as one of Tensors, when jit(f) is called"
        )
