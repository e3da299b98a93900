"""The cases: a module each, whose `experiments(small)` are the settings, contestants and bars."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from ..experiment import Experiment

CASES = {
    "call": "one scalar expression, its value and partial derivatives, one call",
    "batch-g": "the README expression and its partial derivatives over arrays",
    "batch-h": "the three-body Hamiltonian and its partial derivatives over arrays",
    "batch-h2": "the Hamiltonian among transcendental functions, over arrays",
    "batch-bs": "the Black-Scholes price and its five first derivatives over arrays",
    "functions": "exp, log, sin, tanh alone, over an array",
    "interpreter": "build, forward and backward of Values, nothing compiled",
    "w7": "inference of one input by MLP(10, [30, 20, 10, 1])",
    "moons": "value and gradient of micrograd's demo loss, 100 samples",
    "train": "training the demo: whole loops of 100 steps, and one epoch of 100,000 samples",
    "regular": "the demo loss with 20 to 10,000 samples: how compiling scales",
    "mlp_h": "value and gradient of one sample of a larger network",
    "irregular": "value and gradient of a random DAG of 1,000 to 1,000,000 nodes",
    "deep": "value and gradient of random DAGs whose nodes read those shortly before them",
    "chain": "value and derivative of a chain of dependent ops",
    "products": "products of matrices as layers of networks have them",
    "networks": "training networks of Tensors on images of digits; first results",
    "seeds": "training as pycrograd and mocrograd did, processes whole: imports, compiling, all",
    "loops": "programs of other fields: recurrences, triangles, wavefronts, reductions",
    "data": "rows looked up by integers, their gradient, and loops until something holds",
    "scipy": "callbacks of SciPy's solvers, and sparse derivatives",
    "microgpt": "training a GPT of 4,192 parameters from its scalar code, and drawing from it",
    "eager": "single operations of eager Tensors, and backward passes",
    "gradbench": "the evals of the field's suite, small",
    "recurrence": "value and gradient of Euler steps of a pendulum",
}


def experiments(case: str, *, small: bool) -> Iterator[Experiment]:
    """The experiments of a case; `small` ones take about a second."""
    module, *part = case.split("-")
    yield from importlib.import_module(f".{module}", __name__).experiments(small, *part)
