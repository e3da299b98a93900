"""Kernels of Tensors: how they are called, which calls share code, and their derivatives."""
