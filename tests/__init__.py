"""Tests of micrograd; `lowering` has its own in tests/lowering."""
