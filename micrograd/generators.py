"""The states of NumPy's random generators as arrays, which states of models have beside numbers.

>>> import numpy as np
>>> one, other = np.random.default_rng(1), np.random.default_rng(2)
>>> resume(other, state_of(one), "rng")
>>> other.random() == one.random()
True
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import CheckpointError


def state_of(generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Where a generator is: the bytes of a text in JSON."""
    text = json.dumps(generator.bit_generator.state, default=lambda array: array.tolist())
    return np.frombuffer(text.encode(), np.uint8).copy()


def read(generator: np.random.Generator, state: Any, name: str) -> Any:
    """What `state_of` has written, for a generator of the same kind.

    Raises CheckpointError for anything else.
    """
    kind = type(generator.bit_generator).__name__
    try:
        found = json.loads(np.asarray(state, np.uint8).tobytes())
        type(generator.bit_generator)().state = found
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise CheckpointError(
            f"{name} should be the state of a random generator {kind}, as state_dict() gives it: "
            f"{error}"
        ) from error
    return found


def resume(generator: np.random.Generator, state: Any, name: str) -> None:
    """Set a generator to where another one was."""
    generator.bit_generator.state = read(generator, state, name)
