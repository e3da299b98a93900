"""heyoka: compiled functions of symbolic expressions."""

from __future__ import annotations

import heyoka


def versions() -> dict[str, str]:
    """Of heyoka."""
    return {"heyoka": heyoka.__version__}
