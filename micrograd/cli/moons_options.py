"""The commands of the moons, and their options: `train-moons`, `benchmark-moons`."""

from __future__ import annotations

import argparse

from . import arguments as types
from . import shared_options as shared

TRAIN = """\
Train micrograd's moons demo: MLP(2, [HIDDEN..., 1]), max-margin loss with L2 penalty, full-batch
gradient descent with a learning rate from 1.0 down to 0.1. The loss is written scalar by scalar;
it is traced, compiled with its gradient, and all steps run native.
"""
TRAIN_EXAMPLES = """\
examples:
  micrograd train-moons                              the demo, as it is known
  micrograd train-moons --plot boundary.png          and a picture of what was learnt
  micrograd train-moons --interpreter --epochs 10    without compiling, to see the difference
  micrograd train-moons --samples 1000 --hidden 32,32 --dtype f64 --save model.npz
"""
BENCHMARK = """\
Run momograd's benchmark: the demo without noise, trained with a growing number of samples by the
interpreter (Python's garbage collector on and off), by this project, by NumPy, and by those of
PyTorch, JAX and numba that are installed. The last losses are compared before anybody is timed.
"""
BENCHMARK_EXAMPLES = """\
examples:
  micrograd benchmark-moons --samples 20:200:20 --epochs 100 --rounds 5
  micrograd benchmark-moons --samples 20,100 --budget 0 --csv times.csv --plot charts.png
  micrograd benchmark-moons --peer torch=/path/to/venv/bin/python
"""


def add(commands: shared.Commands) -> None:
    """Add the commands."""
    _add_train(commands)
    _add_benchmark(commands)


def _add_train(commands: shared.Commands) -> None:
    command = shared.add_command(
        commands, "train-moons", "train micrograd's moons demo", TRAIN, TRAIN_EXAMPLES
    )
    option = command.add_argument
    shared.add_epochs(command, 100, "steps")
    option("--samples", type=types.count, default=100, metavar="N", help="points (default: 100)")
    option("--noise", type=types.amount, default=0.1, metavar="X", help="spread (default: 0.1)")
    option(
        "--hidden",
        type=types.layers,
        default=[16, 16],
        metavar="N,N,...",
        help="neurons in every hidden layer (default: 16,16)",
    )
    shared.add_dtype(command)
    shared.add_seed(command, "of the data and the weights, by default the demo's")
    shared.add_every(command, "steps")
    shared.add_plot(command, "the decision boundary")
    shared.add_save(command)
    option(
        "--interpreter",
        action="store_true",
        help="build and walk the graph in every step instead of compiling it",
    )
    command.set_defaults(run=_train)


def _add_benchmark(commands: shared.Commands) -> None:
    command = shared.add_command(
        commands,
        "benchmark-moons",
        "measure training against the interpreter and other packages",
        BENCHMARK,
        BENCHMARK_EXAMPLES,
    )
    option = command.add_argument
    option(
        "--samples",
        type=types.sizes,
        default=list(range(20, 201, 20)),
        metavar="SIZES",
        help="FIRST:LAST:STEP, both ends included, or a list N,N,... (default: 20:200:20)",
    )
    shared.add_epochs(command, 100, "steps")
    shared.add_dtype(command)
    option(
        "--budget",
        type=types.amount,
        default=60.0,
        metavar="SECONDS",
        help="for either kind of interpreter; it stops at the size that exceeds it (default: 60)",
    )
    shared.add_benchmark(command, 5, "torch, jax or numba")
    shared.add_plot(command, "times and speed-ups")
    command.set_defaults(run=_benchmark)


def _train(arguments: argparse.Namespace) -> None:
    from .train import train_moons  # the compiler takes a moment to import; help does not need it

    train_moons(arguments)


def _benchmark(arguments: argparse.Namespace) -> None:
    from .benchmark import benchmark_moons

    benchmark_moons(arguments)
