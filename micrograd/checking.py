"""Whether the compiler is to check itself."""

from __future__ import annotations

import os


def is_checking() -> bool:
    """Whether the environment asks for it, by MICROGRAD_CHECK=1."""
    return os.environ.get("MICROGRAD_CHECK", "") not in ("", "0")
