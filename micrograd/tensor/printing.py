"""How a Tensor is shown: as NumPy shows arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .casting import DEFAULT


def shown(tensor: Any) -> str:
    """The text of `repr`: the numbers, and what is not as usual about them."""
    array = tensor.numpy()
    numbers = np.array2string(array, separator=", ", prefix="Tensor(")
    notes = []
    if not array.size and array.shape != (0,):
        notes.append(f"shape={array.shape}")
    if array.dtype != DEFAULT:
        notes.append(f"dtype={array.dtype}")
    if tensor.requires_grad:
        notes.append("requires_grad=True")
    return f"Tensor({', '.join([numbers, *notes])})"
