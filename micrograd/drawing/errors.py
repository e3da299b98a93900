"""What drawing raises."""

from __future__ import annotations

from ..errors import MicrogradError


class DrawingError(MicrogradError, ImportError):
    """A package that drawing needs is not installed."""
