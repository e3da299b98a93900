"""GradBench."""
