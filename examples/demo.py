"""What this project does, shown: `make demo`.

First the expression of micrograd's README through every stage of the compiler. Then micrograd's
moons demo, its loss written scalar by scalar and untouched: what the compiler finds in it, the
training by the interpreter and as one native loop, side by side, the boundary that was learnt, and
a page that shows what each line became.

    python examples/demo.py              100 training steps, moons.png and moons.html
    DEMO_STEPS=5 DEMO_SAMPLES=20 DEMO_PICTURE=boundary.svg python examples/demo.py
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import moons
import readme

from micrograd import Value, fit, jit, keep_lines
from micrograd.cli.pictures import decision_boundary
from micrograd.cli.report import duration
from micrograd.errors import MicrogradError
from micrograd.optim import SGD

LINES = {"mlir": 24, "llvm_ir": 18, "assembly": 18}
"""How much of a stage is shown; the others up to OTHER_LINES."""
OTHER_LINES = 40
WIDTH = 160
TRAININGS = 5
"""How often the native loop is run from the start, for its median time."""


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
    """One training: the loss before each step, and what it took.

    seconds     of all steps
    preparing   seconds before the first step
    model       as it was trained
    """

    losses: Sequence[float]
    seconds: float
    accuracy: float
    preparing: float = 0.0
    model: Any = None

    @property
    def step(self) -> float:
        """Seconds of a step, on average."""
        return self.seconds / len(self.losses)


def progress(k: int, steps: int, loss: float) -> None:
    """Tell now and then how far a training is."""
    if k % max(1, steps // 5) == 0 or k == steps - 1:
        print(f"  step {k:3}  loss {loss:.6f}", flush=True)


def interpret(steps: int, samples: int, *, collect: bool, show: bool = True) -> Run:
    """Train with the interpreter, the loss built anew at each step; `collect`: gc stays on."""
    X, y = moons.make_data(samples)
    model = moons.make_model()
    optimizer = SGD(model.parameters(), lr=moons.learning_rate)
    losses = []
    if not collect:
        gc.disable()
    try:
        start = time.perf_counter()
        for k in range(steps):
            loss, _ = moons.total_loss(model, X, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
            if show:
                progress(k, steps, loss.data)
        seconds = time.perf_counter() - start
    finally:
        gc.enable()
    return Run(losses, seconds, moons.accuracy(moons.total_loss(model, X, y)[1], y))


def compiled(steps: int, samples: int, dtype: str, *, explain: bool = False) -> Run:
    """Train in a native loop, the loss built and compiled once."""
    X, y = moons.make_data(samples)
    model = moons.make_model()
    parameters = model.parameters()
    start = time.perf_counter()
    loss, _ = moons.total_loss(model, X, y)
    kernel = jit(loss, wrt=parameters, dtype=dtype)
    kernel.value_and_grad()
    preparing = time.perf_counter() - start
    if explain:
        print(kernel.value_and_grad.explain())

    initial = [p.data for p in parameters]
    seconds = []
    for _ in range(TRAININGS):
        for p, number in zip(parameters, initial, strict=True):
            p.data = number
        history = fit(kernel, SGD(parameters, lr=moons.learning_rate), steps=steps)
        seconds.append(history.seconds)
    for k, number in enumerate(history.losses.tolist()):
        progress(k, steps, number)
    accuracy = moons.accuracy(jit(model, dtype=dtype)(X), y)
    return Run(history.losses.tolist(), median(seconds), accuracy, preparing, model)


def table(runs: dict[str, Run], base: Run) -> None:
    """The runs, one line each."""
    titles = ("prepare", "a step", "100 steps", "speed-up", "pays after")
    print(" " * 31 + "".join(f"{title:>12}" for title in titles))
    for name, run in runs.items():
        prepare, pays = "-", "-"
        if run.preparing:
            gain = base.step - run.step
            prepare = duration(run.preparing)
            most = int(run.preparing / gain) + 1 if gain > 0.0 else 0
            pays = f"{most} step{'s' * (most > 1)}" if most else "never"
        ratio = base.step / run.step
        faster = f"{ratio:.1f}x" if ratio < 100.0 else f"{float(f'{ratio:.2g}'):,.0f}x"
        cells = (prepare, duration(run.step), duration(100 * run.step), faster, pays)
        print(f"{name:31}" + "".join(f"{cell:>12}" for cell in cells))


def picture(run: Run, samples: int, path: Path) -> None:
    """The points and where the score changes its sign, as a file."""
    X, y = moons.make_data(samples)
    try:
        decision_boundary(path, X, y, jit(run.model), title=f"accuracy {run.accuracy:.0%}")
    except MicrogradError as error:  # matplotlib is not installed
        print(f"no picture: {error}")
    else:
        print(f"the decision boundary is in {path}")


def page(samples: int, path: Path) -> None:
    """What the loss and its gradient became, line by line, as a file; computed at the end, since
    Values that keep their lines are slower.
    """
    with keep_lines():
        X, y = moons.make_data(samples)
        model = moons.make_model()
        loss, _ = moons.total_loss(model, X, y)
    kernel = jit(loss, wrt=model.parameters()).value_and_grad
    kernel()
    try:
        kernel.page(path)
    except MicrogradError as error:  # what makes pages is not installed
        print(f"no page: {error}")
    else:
        print(f"which line became what, and which lines take the time, is in {path}")


def show_moons(steps: int, samples: int, path: Path) -> None:
    """The moons demo, interpreted and compiled."""
    heading(f"moons, {samples} samples, {steps} steps: the interpreter")
    if steps * samples >= 5000:
        print("a minute or two, most of it garbage collection; DEMO_STEPS=10 makes it short")
    slow = interpret(steps, samples, collect=True)
    few = min(steps, 10)
    without = interpret(few, samples, collect=False, show=False)

    heading("moons: what the compiler finds in the loss, and the native loop, float64")
    double = compiled(steps, samples, "f64", explain=True)
    heading("moons: the native loop, float32")
    single = compiled(steps, samples, "f32")

    heading("the same training")
    columns = {"interpreted": slow, "native, float64": double, "native, float32": single}
    print(" " * 10 + "".join(f"{name:>22}" for name in columns))
    for k in sorted({0, 1, steps // 2, steps - 1} & set(range(steps))):
        print(f"loss {k:<5}" + "".join(f"{run.losses[k]:22.12f}" for run in columns.values()))
    print("accuracy  " + "".join(f"{run.accuracy:22.0%}" for run in columns.values()))
    apart = max(abs(a - b) / abs(a) for a, b in zip(slow.losses, double.losses, strict=True))
    print(f"\nlargest relative difference of interpreter and float64 loop: {apart:.1e}")

    heading("times")
    names = {
        "interpreter": slow,
        f"interpreter, gc off ({few} steps)": without,
        "native, float64": double,
        "native, float32": single,
    }
    table(names, slow)
    print(
        "\nprepare: build the loss, compile it with its gradient (or find it in the cache, if"
        "\nit was done before), call it once; a step: on average, the median of "
        f"{TRAININGS} native trainings;\npays after: steps until compiling has paid for itself"
    )

    heading("what was learnt")
    picture(single, samples, path)
    page(samples, path.with_suffix(".html"))


def main() -> None:
    """Both parts; the sizes come from the environment."""
    steps = int(os.environ.get("DEMO_STEPS", "100"))
    samples = int(os.environ.get("DEMO_SAMPLES", "100"))
    show_stages()
    show_moons(steps, samples, Path(os.environ.get("DEMO_PICTURE", "moons.png")))


if __name__ == "__main__":
    main()
