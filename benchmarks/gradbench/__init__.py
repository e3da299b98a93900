"""GradBench, the field's suite of differentiation benchmarks, run beside other tools.

    python -m benchmarks.gradbench --suite PATH --tools ours manual tapenade --json out.json

PATH is a checkout of the suite. It is copied before anything is built in it, and nothing is
fetched. An eval and a tool are two processes that speak JSON lines; here they are joined by pipes
(`connection.py`) instead of by containers. Our side is `tool.py`, which calls what stands in
`objectives/`; `sizes.py` says what is run, for how long at most, and what is to be reached.

What the suite's own parts need: NumPy, SciPy and Pydantic in the Python that runs its evals; g++,
make and the header `nlohmann/json.hpp` for its tools in C++.
"""
