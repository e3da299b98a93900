"""The commands that train networks of Tensors, and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as types
from . import shared_options as shared

SHARED = """\
Every layer is trained, by gradient descent on mini-batches in the order of the data; forward pass,
gradients and updates are one program, compiled, and all steps run native.
"""
MLP = f"""\
Train a network on the moons: 2-16-16-1, with max-margin loss. The last fifth is held out.
{SHARED}"""
MLP_EXAMPLES = """\
examples:
  micrograd train-mlp                                  100 epochs of 80 samples
  micrograd train-mlp --lr 0.1 --plot curves.png       and a picture of losses and accuracy
"""
DIGITS = f"""\
Train a network on the 8 x 8 digits of scikit-learn, with cross-entropy: normal is 64-64-32-10,
longer 64-(256 x 29)-10, bigger 64-8192-4096-2048-10. The last fifth of the digits is held out.
{SHARED}"""
DIGITS_EXAMPLES = """\
examples:
  micrograd train-digits --epochs 50 --lr 0.1
  micrograd train-digits --epochs 10 --length 100 --network longer
  micrograd train-digits --epochs 20 --dtype f64 --plot curves.png --save model.npz
"""
MNIST = f"""\
Train a network on MNIST's files, with cross-entropy: normal is 784-64-32-10. Held out are test
images, a twentieth of --length, or all.
{SHARED}"""
MNIST_EXAMPLES = """\
examples:
  micrograd train-mnist --epochs 10 --length 100       files are in data/MNIST/raw
  micrograd train-mnist --data ~/mnist --lr 0.1 --shuffle
"""
DIGITS_TRAINING = f"""\
Train the networks of mocrograd's benchmark on digits, one after the other, as train-digits does.
{SHARED}"""
DIGITS_TRAINING_EXAMPLES = """\
examples:
  micrograd run-digits-training 10 100      10 epochs of 100, 10 and 1 samples
  micrograd run-digits-training 10 1000 --threads all
"""
BENCHMARK = """\
Run pycrograd's and mocrograd's benchmark: 10 epochs of gradient descent on digits, by the networks
normal (1000 samples), longer (100) and bigger (10), and on the moons by the MLP that pycrograd is
compared with micrograd on (100). NumPy, those of PyTorch and JAX that are installed, this project,
and, like for like, micrograd and pycrograd train from the same weights on the same batches: first
their losses are compared, then every training is a new process, timed whole and its loop alone.
Ctrl-C ends it, and shows what was measured until then.
"""
BENCHMARK_EXAMPLES = """\
examples:
  micrograd run-digits-benchmark
  micrograd run-digits-benchmark --network normal,longer --rounds 5 --csv times.csv --plot chart.png
  micrograd run-digits-benchmark --peer torch=venv/bin/python --peer jax=venv/bin/python
  micrograd run-digits-benchmark --pycrograd ~/pycrograd --peer pycrograd=python3.12 --budget 600
"""
WORKERS = """\
Measure with how many threads networks train fastest on this machine: the quickest epoch of
half a second each, twice in turn. More threads are recommended where they save a tenth.
"""
WORKERS_EXAMPLES = """\
examples:
  micrograd recommended-workers
  micrograd recommended-workers --network longer --batch-size 100
"""


def add(commands: shared.Commands) -> None:
    """Add the commands."""
    command = shared.add_command(
        commands, "train-mlp", "train a network on the moons", MLP, MLP_EXAMPLES
    )
    _add_training(command, "mlp", epochs=100, length=100, batch=10)
    command.set_defaults(run=_train_mlp)
    command = shared.add_command(
        commands,
        "train-digits",
        "train a network on scikit-learn's digits",
        DIGITS,
        DIGITS_EXAMPLES,
    )
    _add_training(command, "normal", epochs=5, length=None, batch=32)
    command.set_defaults(run=_train_digits)
    command = shared.add_command(
        commands, "train-mnist", "train a network on MNIST", MNIST, MNIST_EXAMPLES
    )
    _add_training(command, "normal", epochs=5, length=None, batch=32)
    command.add_argument(
        "--data",
        type=types.folder,
        default=Path("data/MNIST/raw"),
        metavar="FOLDER",
        help="with the four IDX files, gzipped or not, or mnist.npz (default: data/MNIST/raw)",
    )
    command.set_defaults(run=_train_mnist)
    _add_digits_training(commands)
    _add_benchmark(commands)
    _add_workers(commands)


def _add_benchmark(commands: shared.Commands) -> None:
    command = shared.add_command(
        commands,
        "run-digits-benchmark",
        "measure training of networks against other packages",
        BENCHMARK,
        BENCHMARK_EXAMPLES,
    )
    option = command.add_argument
    shared.add_epochs(command, 10, "how often all samples are trained on")
    _add_shares(command, "mlp and ")
    _add_names(command, "mlp", "normal", "longer", "bigger")
    option(
        "--threads",
        type=types.workers,
        default=["1", "2", "all", "dynamic"],
        metavar="WORKERS",
        help="how many threads at most: numbers, all, and dynamic, by the size of the work, as "
        "all of these packages go: as many as all (default: 1,2,all,dynamic)",
    )
    shared.add_dtype(command)
    option(
        "--budget",
        type=types.amount,
        default=60.0,
        metavar="SECONDS",
        help="for micrograd and pycrograd, each on each network: so many epochs are measured as it "
        "is enough for, the others reckoned (default: 60)",
    )
    option(
        "--pycrograd",
        type=types.folder,
        metavar="FOLDER",
        help="with pycrograd's sources, which need Python 3.12",
    )
    shared.add_benchmark(command, 3, "torch, jax, pycrograd or micrograd")
    shared.add_plot(command, "the times")
    command.set_defaults(run=_run_digits_benchmark)


def _add_training(
    command: argparse.ArgumentParser, network: str, *, epochs: int, length: int | None, batch: int
) -> None:
    option = command.add_argument
    shared.add_epochs(command, epochs, "how often all samples are trained on")
    option(
        "--length",
        type=types.count,
        default=length,
        metavar="N",
        help=f"samples, from the first on (default: {length or 'all'})",
    )
    option(
        "--network",
        choices=dict.fromkeys([network, "normal", "longer", "bigger"]),
        default=network,
        help=f"its layers (default: {network})",
    )
    _add_steps(command, batch)
    shared.add_plot(command, "losses and accuracy over the epochs")
    shared.add_save(command)


def _add_steps(command: argparse.ArgumentParser, batch: int) -> None:
    option = command.add_argument
    _add_batch(command, batch)
    option(
        "--lr", type=types.amount, default=0.01, metavar="X", help="learning rate (default: 0.01)"
    )
    option(
        "--threads",
        type=types.threads,
        default=1,
        metavar="N",
        help="that share a step where it is large, or all (default: 1)",
    )
    shared.add_dtype(command)
    option("--shuffle", action="store_true", help="take another order in every epoch")
    shared.add_seed(command, "of the first weights, the order, and the moons")
    shared.add_every(command, "epochs")


def _add_batch(command: argparse.ArgumentParser, batch: int) -> None:
    command.add_argument(
        "--batch-size",
        type=types.count,
        default=batch,
        metavar="N",
        help=f"samples in a step, if there are as many (default: {batch})",
    )


def _add_shares(command: argparse.ArgumentParser, also: str = "") -> None:
    command.add_argument(
        "--length",
        type=types.count,
        default=1000,
        metavar="N",
        help=f"samples for normal; a tenth for {also}longer, a hundredth for bigger "
        "(default: 1000)",
    )


def _add_names(command: argparse.ArgumentParser, *names: str) -> None:
    command.add_argument(
        "--network",
        type=types.names(*names),
        default=list(names),
        metavar="NAMES",
        help=f"some of {','.join(names)} (default: all)",
    )


def _add_digits_training(commands: shared.Commands) -> None:
    command = shared.add_command(
        commands,
        "run-digits-training",
        "train normal, longer and bigger on digits, one after the other",
        DIGITS_TRAINING,
        DIGITS_TRAINING_EXAMPLES,
    )
    option = command.add_argument
    option("epochs", type=types.count, metavar="EPOCHS", help="how often all are trained on")
    option(
        "length",
        type=types.count,
        metavar="LENGTH",
        help="samples for normal; a tenth for longer, a hundredth for bigger",
    )
    _add_steps(command, 32)
    command.set_defaults(run=_run_digits_training)


def _add_workers(commands: shared.Commands) -> None:
    command = shared.add_command(
        commands,
        "recommended-workers",
        "measure with how many threads networks train fastest",
        WORKERS,
        WORKERS_EXAMPLES,
        aliases=["get-recommended-num-workers"],
    )
    _add_names(command, "normal", "longer", "bigger")
    _add_shares(command)
    _add_batch(command, 32)
    shared.add_dtype(command)
    command.set_defaults(run=_recommended_workers)


def _train_mlp(arguments: argparse.Namespace) -> None:
    from .training import train_mlp  # the compiler takes a moment to import; help does not need it

    train_mlp(arguments)


def _train_digits(arguments: argparse.Namespace) -> None:
    from .training import train_digits

    train_digits(arguments)


def _train_mnist(arguments: argparse.Namespace) -> None:
    from .training import train_mnist

    train_mnist(arguments)


def _run_digits_benchmark(arguments: argparse.Namespace) -> None:
    from .network_benchmark import run_digits_benchmark

    run_digits_benchmark(arguments)


def _run_digits_training(arguments: argparse.Namespace) -> None:
    from .training import run_digits_training

    run_digits_training(arguments)


def _recommended_workers(arguments: argparse.Namespace) -> None:
    from .workers import recommended_workers

    recommended_workers(arguments)
