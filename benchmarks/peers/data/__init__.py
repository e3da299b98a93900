"""The workloads over data: a module per project, as in the folder above."""
