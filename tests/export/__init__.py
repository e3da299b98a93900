"""Kernels as files for other programs."""
