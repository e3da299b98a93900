"""The dtypes of PyTorch that are computed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

NUMBERS: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
"""As NumPy has them."""
WIDE = torch.float64
"""That of parameters."""
