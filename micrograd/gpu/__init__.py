"""Kernels that threads of GPUs run: docs/gpu.md.

from micrograd.gpu import on_gpu
"""

from __future__ import annotations

from .calls import OnGpu, on_gpu

__all__ = ["OnGpu", "on_gpu"]
