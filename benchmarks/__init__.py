"""The workloads that every speed claim of this project is made on, and how they are measured.

    python -m benchmarks --help            which cases there are, and how to run them
    python -m benchmarks.peers install     the environments of the projects compared with
    python -m benchmarks.report --help     JSON results -> the tables of README and docs

Every contestant, ours included, runs in a process of its own (`peers/serve.py`) and is told when to
run, so that the repetitions of all of them alternate. An answer is checked against a float64
reference before anything is timed.
"""
