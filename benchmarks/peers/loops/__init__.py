"""The programs of `benchmarks/scalar_programs.py`: a module per project, as in the folder above."""

from __future__ import annotations

from typing import Any

from benchmarks import scalar_programs
from benchmarks.scalar_programs import Work

__all__ = ["normals", "sampled", "work_of"]

SAMPLED = 16
"""Paths whose results are compared."""


def work_of(setting: dict[str, Any]) -> Work:
    """The program that a setting names."""
    return scalar_programs.work(setting["program"], *setting["sizes"])


def normals(paths: int) -> list[float]:
    """The normal numbers of so many paths, path by path."""
    import random

    r = random.Random(7)
    return [r.gauss(0.0, 1.0) for _ in range(paths * scalar_programs.MATURITIES)]


def sampled(paths: int) -> list[int]:
    """The paths that are compared."""
    return [k * (paths - 1) // (SAMPLED - 1) for k in range(SAMPLED)]
