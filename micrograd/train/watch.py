"""What is done between stretches of training: validation, a metric, early stopping, a callback."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..checks import flag, function_or_none, whole
from ..errors import TrainingError
from ..jit.trace.spent import spent
from ..locks import importing
from ..optimizer import Optimizer
from .history import Column, History, nothing


class Watch:
    """Looks at a training loop now and then.

    validation  the loss of other data, if there is one
    metric      a number of interest, if there is one
    every       steps between looks; None: an epoch
    progress    whether a bar is shown
    seconds     how long looking has taken
    tracing, compiling   seconds that were waited for code, see History
    """

    def __init__(
        self,
        optimizer: Optimizer,
        patience: int | None,
        restore: bool,
        callback: Callable[[History], Any] | None,
        every: int | None,
        progress: bool,
    ) -> None:
        self.optimizer = optimizer
        self.every = None if every is None else whole("every", every, TrainingError)
        self.progress = flag("progress", progress, TrainingError)
        self.patience = None if patience is None else whole("patience", patience, TrainingError)
        self.restore = flag("restore", restore, TrainingError)
        self.callback = function_or_none("callback", callback, TrainingError)
        self.validation: Callable[[], float] | None = None
        self.metric: Callable[[], float] | None = None
        self.seconds = self.tracing = self.compiling = 0.0
        self.bar: Bar | None = None
        self._lowest = np.inf
        self._waited = 0
        self._kept: list[Any] | None = None

    def begin(self) -> History:
        """An empty history. The bar is shown from now on, if there is one."""
        self.bar = Bar() if self.progress else None
        self._looks, self._losses, self._metrics = Column(np.int64), Column(), Column()
        return nothing()

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Inside, training waits for code: the bar says what for, and the time is noted."""
        if self.bar is not None:
            self.bar.say(what)
        began, traced = time.perf_counter(), spent()
        try:
            yield
        finally:
            tracing = spent() - traced
            self.tracing += tracing
            self.compiling += time.perf_counter() - began - tracing
        if self.bar is not None:
            self.bar.say("")

    @property
    def looks(self) -> bool:
        """Whether there is anything to look at."""
        asked = (self.validation, self.metric, self.patience, self.callback)
        return any(x is not None for x in asked)

    def look(self, history: History, since: int) -> str | None:
        """Note validation and metric; why to stop, if so. `since`: the step of the last look."""
        began = time.perf_counter()
        try:
            history.looks = self._looks.with_one_more(history.steps)
            for number, column, name in (
                (self.validation, self._losses, "validation_losses"),
                (self.metric, self._metrics, "metrics"),
            ):
                if number is not None:
                    setattr(history, name, column.with_one_more(number()))
            tired = self.patience is not None and self._is_tired(history, since)
            if self.callback is not None and self.callback(history):
                return "callback"
            return "patience" if tired else None
        finally:
            self.seconds += time.perf_counter() - began

    def _is_tired(self, history: History, since: int) -> bool:
        if self.validation is not None:
            loss = float(history.validation_losses[-1])
        else:
            loss = float(np.mean(history.losses[since:]))
        if loss < self._lowest:
            self._lowest, self._waited = loss, 0
            history.best = history.steps
            if self.restore:
                self._kept = [p.data for p in self.optimizer.parameters]
        else:
            self._waited += 1
        return self._waited >= (self.patience or 0)

    def finish(self, history: History) -> None:
        """Go back to the best parameters, if training came to its end and that is wanted."""
        if self._kept is not None and history.stopped in ("done", "patience"):
            for p, number in zip(self.optimizer.parameters, self._kept, strict=True):
                p.data = number


class Bar:
    """A progress bar of tqdm."""

    def __init__(self) -> None:
        try:
            with importing:
                if "IPython" in sys.modules:  # a bar of a notebook, which takes longer to import
                    from tqdm.auto import tqdm
                else:
                    from tqdm import tqdm
        except ImportError:
            raise TrainingError(
                "progress=True needs tqdm, which is not installed; install it with\n"
                "    pip install 'micrograd-mlir[progress]'"
            ) from None
        self._shown = tqdm(total=None, unit="step")

    def start(self, steps: int) -> None:
        """There will be so many steps, from now on."""
        self._shown.reset(steps)

    def say(self, what: str) -> None:
        """Show what is done before the next step."""
        self._shown.set_description_str(what)

    def show(self, step: int, loss: float) -> None:
        """So many steps are done, the last one with this loss."""
        self._shown.set_postfix(loss=f"{loss:.4g}", refresh=False)
        self._shown.update(step - self._shown.n)

    def close(self) -> None:
        """Leave it as it is."""
        self._shown.close()
