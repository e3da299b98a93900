"""Kernels as operators of PyTorch: docs/torch.md.

    from micrograd.torch import operator

An operator takes PyTorch's tensors and gives such, is differentiated by PyTorch as often as it is
asked, and is one node of graphs that `torch.compile` makes. It computes in the memory of the
tensors, by a compiled kernel.
"""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "micrograd.torch needs PyTorch, which is not installed; it comes with the extra 'torch': "
        "pip install 'micrograd-mlir[torch]'"
    ) from error

from .operator import Operator, operator
from .weights import load_state_dict, state_dict

__all__ = ["Operator", "load_state_dict", "operator", "state_dict"]
