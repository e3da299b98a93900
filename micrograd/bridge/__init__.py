"""Kernels as functions of arrays that other frameworks hold, with their derivatives: those too."""
