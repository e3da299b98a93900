"""NumPy: array expressions, the gradient written by hand."""

from __future__ import annotations

import numpy as np


def versions() -> dict[str, str]:
    """Of NumPy."""
    return {"numpy": np.__version__}
