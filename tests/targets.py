"""Other processors than this machine, of which it has all that they have, so that code for them
runs here.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import lowering
from micrograd.jit import target as targets

TARGETS: dict[str, tuple[str | None, str | None]] = {
    "sse2": ("x86-64", None),
    "avx": ("x86-64", "+avx"),
    "avx2": ("haswell", None),
    "this": (None, None),
}
"""Processors by LLVM's names, and what is changed of them: vectors of 128 bits and 256, with and
without fused arithmetic."""


@functools.cache
def processor(target: str) -> lowering.Processor | None:
    """The processor; None if this machine does not run code for it."""
    if target != "this" and platform.machine() not in ("x86_64", "AMD64"):
        return None
    found, here = lowering.processor(*TARGETS[target]), lowering.processor()
    runs = found.vector_bits <= here.vector_bits and found.has_fma <= here.has_fma
    return found if runs else None


@contextmanager
def assumed(**facts: Any) -> Iterator[None]:
    """What is compiled inside is for a machine like this one, but for these facts of Target."""
    found = replace(targets.machine(), **facts)
    with mock.patch.object(targets, "machine", return_value=found):
        yield
