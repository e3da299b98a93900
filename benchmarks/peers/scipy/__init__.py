"""Callbacks of SciPy, and sparse derivatives: a module per contestant."""
