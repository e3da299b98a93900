"""What a user holds: `jit`, `vmap` and `total`, and the kernels of numbers that they make."""
