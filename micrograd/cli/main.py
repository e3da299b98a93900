"""Arguments -> a command run, and the exit code: 0, 1 for an error, 2 for wrong usage, 130 for
Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ..errors import MicrogradError
from . import arguments as types
from .pictures import ENDINGS

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

DESCRIPTION = """\
Scalar autograd that compiles: micrograd's demo, trained as native code, and measured.
"""

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


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    main = argparse.ArgumentParser(prog="micrograd", description=DESCRIPTION)
    main.add_argument("--version", action="version", version=f"micrograd {_version()}")
    commands = main.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_train(commands)
    _add_benchmark(commands)
    return main


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "train-moons",
        help="train micrograd's moons demo",
        description=TRAIN,
        epilog=TRAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = command.add_argument
    option("--epochs", type=types.count, default=100, metavar="N", help="steps (default: 100)")
    option("--samples", type=types.count, default=100, metavar="N", help="points (default: 100)")
    option("--noise", type=types.amount, default=0.1, metavar="X", help="spread (default: 0.1)")
    option(
        "--hidden",
        type=types.layers,
        default=[16, 16],
        metavar="N,N,...",
        help="neurons in every hidden layer (default: 16,16)",
    )
    option("--dtype", choices=["f32", "f64"], default="f32", help="precision (default: f32)")
    option(
        "--seed",
        type=types.seed,
        default=1337,
        metavar="N",
        help="of the data and the weights (default: 1337, the demo's)",
    )
    option(
        "--every", type=types.count, metavar="N", help="report every N steps (default: 10 times)"
    )
    option(
        "--plot",
        type=types.output(*ENDINGS),
        metavar="FILE",
        help="draw the decision boundary (.png, .svg or .pdf)",
    )
    option(
        "--save",
        type=types.output(".npz", ".safetensors"),
        metavar="FILE",
        help="save the parameters (.npz or .safetensors)",
    )
    option(
        "--interpreter",
        action="store_true",
        help="build and walk the graph in every step instead of compiling it",
    )
    command.set_defaults(run=_train)


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "benchmark-moons",
        help="measure training against the interpreter and other packages",
        description=BENCHMARK,
        epilog=BENCHMARK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = command.add_argument
    option(
        "--samples",
        type=types.sizes,
        default=list(range(20, 201, 20)),
        metavar="SIZES",
        help="FIRST:LAST:STEP, both ends included, or a list N,N,... (default: 20:200:20)",
    )
    option("--epochs", type=types.count, default=100, metavar="N", help="steps (default: 100)")
    option("--rounds", type=types.count, default=5, metavar="N", help="repetitions (default: 5)")
    option("--dtype", choices=["f32", "f64"], default="f32", help="precision (default: f32)")
    option(
        "--budget",
        type=types.amount,
        default=60.0,
        metavar="SECONDS",
        help="for either kind of interpreter; it stops at the size that exceeds it (default: 60)",
    )
    option(
        "--peer",
        type=types.peer,
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="the interpreter that has torch, jax or numba, if it is not this one; repeatable",
    )
    option("--csv", type=types.output(), metavar="FILE", help="write every sample")
    option("--markdown", type=types.output(), metavar="FILE", help="write the tables")
    option(
        "--plot",
        type=types.output(*ENDINGS),
        metavar="FILE",
        help="draw times and speed-ups (.png, .svg or .pdf)",
    )
    command.set_defaults(run=_benchmark)


def _train(arguments: argparse.Namespace) -> None:
    from .train import train_moons  # the compiler takes a moment to import; help does not need it

    train_moons(arguments)


def _benchmark(arguments: argparse.Namespace) -> None:
    from .benchmark import benchmark_moons

    benchmark_moons(arguments)


def _version() -> str:
    try:
        return version("micrograd-mlir")
    except PackageNotFoundError:  # run from a source tree
        return "(not installed)"


def main(given: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    arguments = parser().parse_args(given)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print("micrograd: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (MicrogradError, OSError) as error:
        print(f"micrograd: {error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("micrograd: not enough memory for so many samples or neurons", file=sys.stderr)
        return 1
    return 0
