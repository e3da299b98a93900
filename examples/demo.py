"""What this project does, shown: `make demo`.

First the expression of micrograd's README through every stage of the compiler. Then micrograd's
moons demo, its loss written scalar by scalar: trained once by the interpreter, once with the
compiled gradient, side by side.

    python examples/demo.py              100 training steps
    DEMO_STEPS=5 DEMO_SAMPLES=20 python examples/demo.py
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import moons
import readme

from micrograd import Value, jit

LINES = {"mlir": 24, "llvm_ir": 18, "assembly": 18}
"""How much of a stage is shown; the others up to OTHER_LINES."""
OTHER_LINES = 40
WIDTH = 160


def heading(text: str) -> None:
    """A line that the eye finds."""
    print(f"\n== {text} {'=' * max(0, 88 - len(text))}\n", flush=True)


def trimmed(text: str, lines: int) -> str:
    """The first lines of a text, and how many were left out."""
    shown = [line.expandtabs(8) for line in text.strip("\n").splitlines()]
    shown = [line if len(line) <= WIDTH else line[: WIDTH - 4] + " ..." for line in shown]
    left = len(shown) - lines
    if left > 1:
        shown[lines:] = [f"... {left} more lines"]
    return "\n".join(shown)


# --- the README expression ------------------------------------------------------------------


def show_stages() -> None:
    """The README expression through every stage."""
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    out = readme.g(a, b)
    out.backward()
    heading("the README expression, interpreted")
    print(f"g = {out.data:.4f}   dg/da = {a.grad:.4f}   dg/db = {b.grad:.4f}")

    kernel = jit(out, wrt=[a, b]).value_and_grad
    for name, text in kernel.stages().items():
        heading(f"{name} ({len(text.splitlines())} lines)")
        if name == "assembly":
            text = text[text.index("main:") :]
        print(trimmed(text, LINES.get(name, OTHER_LINES)))

    heading("the same, as native code")
    value, (da, db) = kernel(-4.0, 2.0)
    print(f"{kernel.signature}   at address {kernel.address:#x}")
    print(f"g = {value:.4f}   dg/da = {da:.4f}   dg/db = {db:.4f}")


# --- the moons ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One training: the loss before each step and the seconds of each step.

    preparing   seconds before the first step
    kernel      seconds of one value and gradient, if compiled
    """

    losses: list[float]
    seconds: list[float]
    accuracy: float
    preparing: float = 0.0
    kernel: float = 0.0

    @property
    def step(self) -> float:
        """Seconds of a typical step."""
        return median(self.seconds)


def progress(k: int, steps: int, loss: float) -> None:
    """Tell now and then how far a training is."""
    if k % max(1, steps // 5) == 0 or k == steps - 1:
        print(f"  step {k:3}  loss {loss:.6f}", flush=True)


def descend(parameters: list[Value], gradient: Any, k: int) -> None:
    """One step down, as micrograd's notebook takes it."""
    rate = moons.learning_rate(k)
    for p, dp in zip(parameters, gradient, strict=True):
        p.data -= rate * dp


def train(steps: int, step: Callable[[int], float], *, show: bool = True) -> Any:
    """The losses and the seconds of `steps` calls of `step`."""
    losses, seconds = [], []
    for k in range(steps):
        start = time.perf_counter()
        losses.append(step(k))
        seconds.append(time.perf_counter() - start)
        if show:
            progress(k, steps, losses[-1])
    return losses, seconds


def interpret(steps: int, samples: int, *, collect: bool, show: bool = True) -> Run:
    """Train with the interpreter, the loss built anew at each step; `collect`: gc stays on."""
    X, y = moons.make_data(samples)
    model = moons.make_model()
    parameters = model.parameters()

    def step(k: int) -> float:
        loss, _ = moons.total_loss(model, X, y)
        model.zero_grad()
        loss.backward()
        descend(parameters, [p.grad for p in parameters], k)
        return loss.data

    if not collect:
        gc.disable()
    try:
        losses, seconds = train(steps, step, show=show)
    finally:
        gc.enable()
    return Run(losses, seconds, moons.accuracy(moons.total_loss(model, X, y)[1], y))


def compiled(steps: int, samples: int, dtype: str) -> Run:
    """Train with the compiled gradient of the loss, built once."""
    X, y = moons.make_data(samples)
    model = moons.make_model()
    parameters = model.parameters()
    start = time.perf_counter()
    loss, _ = moons.total_loss(model, X, y)
    kernel = jit(loss, wrt=parameters, dtype=dtype).value_and_grad
    kernel()
    preparing = time.perf_counter() - start

    def step(k: int) -> float:
        value, gradient = kernel()  # without arguments it reads the parameters as they are
        descend(parameters, gradient, k)
        return float(value)

    losses, seconds = train(steps, step, show=True)
    _, calls = train(20, lambda _: float(kernel()[0]), show=False)
    accuracy = moons.accuracy(jit(model, dtype=dtype)(X), y)
    return Run(losses, seconds, accuracy, preparing, median(calls))


def table(runs: dict[str, Run], base: Run) -> None:
    """The runs, one line each."""
    columns = (
        ("prepare", 10),
        ("a step", 13),
        ("gradient", 13),
        ("speed-up", 11),
        ("pays after", 13),
    )
    print(" " * 31 + "".join(f"{title:>{width}}" for title, width in columns))
    for name, run in runs.items():
        prepare, gradient, pays = "-", "-", "-"
        if run.kernel:
            prepare = f"{run.preparing:.2f} s"
            gradient = f"{run.kernel * 1e3:.4f} ms"
            gain = base.step - run.step
            pays = f"{int(run.preparing / gain) + 1} steps" if gain > 0.0 else "never"
        step = f"{run.step * 1e3:.3f} ms"
        faster = f"{base.step / run.step:.1f}x"
        print(f"{name:31}{prepare:>10}{step:>13}{gradient:>13}{faster:>11}{pays:>13}")


def show_moons(steps: int, samples: int) -> None:
    """The moons demo, interpreted and compiled."""
    heading(f"moons, {samples} samples, {steps} steps: the interpreter")
    slow = interpret(steps, samples, collect=True)
    few = min(steps, 10)
    without = interpret(few, samples, collect=False, show=False)

    heading("moons: the compiled gradient, float64")
    print("compiling the loss ...", flush=True)
    double = compiled(steps, samples, "f64")
    heading("moons: the compiled gradient, float32")
    print("compiling the loss ...", flush=True)
    single = compiled(steps, samples, "f32")

    heading("the same training")
    columns = {"interpreted": slow, "compiled, float64": double, "compiled, float32": single}
    print(" " * 10 + "".join(f"{name:>22}" for name in columns))
    for k in sorted({0, 1, steps // 2, steps - 1} & set(range(steps))):
        print(f"loss {k:<5}" + "".join(f"{run.losses[k]:22.12f}" for run in columns.values()))
    print("accuracy  " + "".join(f"{run.accuracy:22.0%}" for run in columns.values()))
    apart = max(abs(a - b) / abs(a) for a, b in zip(slow.losses, double.losses, strict=True))
    print(f"\nlargest relative difference of interpreter and float64 kernel: {apart:.1e}")

    heading("times")
    names = {
        "interpreter": slow,
        f"interpreter, gc off ({few} steps)": without,
        "compiled, float64": double,
        "compiled, float32": single,
    }
    table(names, slow)
    print(
        "\nprepare: build the loss, compile it with its gradient, call it once; a step: the median,"
        "\nwith the 337 updates in Python; gradient: the kernel call in it; pays after: steps until"
        "\ncompiling has paid for itself"
    )


def main() -> None:
    """Both parts; the sizes come from the environment."""
    steps = int(os.environ.get("DEMO_STEPS", "100"))
    samples = int(os.environ.get("DEMO_SAMPLES", "100"))
    show_stages()
    show_moons(steps, samples)


if __name__ == "__main__":
    main()
