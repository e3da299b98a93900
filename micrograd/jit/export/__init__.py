"""Kernels as files for other programs: headers, objects, libraries, and what uses them."""
