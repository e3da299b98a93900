"""What `fit` gives back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ..locks import importing

Numbers = npt.NDArray[np.float64]


@dataclass(slots=True, repr=False)
class History:
    """What happened in training, step by step.

    losses             the loss of every step, before its update: f64[steps]
    rates              the learning rate of every step: f64[steps]
    epoch_losses       the mean over the samples of every whole epoch: f64[epochs]
    looks              how many steps had been taken at each look at validation, metric, callback:
                       i64[looks]
    validation_losses  the loss of the validation data at each look: f64[looks], or none
    metrics            the metric at each look: f64[looks], or none
    best               how many steps had been taken at the look with the lowest loss, of those
                       that `patience` compares
    stopped            why training ended: 'done', 'patience', 'callback', 'interrupt' or 'error'
    not_finite         the first step whose loss was nan or infinite; None: there was none
    seconds            how long the loop ran, without waiting for code
    tracing            seconds in which functions were called to write down what they compute
    compiling          seconds that everything else took until there was code, before the loop and
                       where it waited for more
    """

    losses: Numbers
    rates: Numbers
    epoch_losses: Numbers
    looks: npt.NDArray[np.int64]
    validation_losses: Numbers
    metrics: Numbers
    best: int | None = None
    stopped: str = "error"
    not_finite: int | None = None
    seconds: float = 0.0
    tracing: float = 0.0
    compiling: float = 0.0

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.losses)

    def __reduce__(self) -> Any:
        return History, tuple(getattr(self, field.name) for field in fields(self))

    def __repr__(self) -> str:
        n = self.steps
        text = f"{n} step{'s' * (n != 1)}, {self.stopped}"
        if n:
            text += f", loss {self.losses[0]:.4g} -> {self.losses[-1]:.4g}"
        return f"<History: {text}>"

    def _repr_html_(self) -> str:
        with importing:
            from ..notebook.training import history_html
        return history_html(self)

    def _repr_svg_(self) -> str | None:
        with importing:
            from ..notebook.training import loss_chart
        return loss_chart(self, alone=True) or None


def nothing() -> History:
    """The history of a training that has not begun."""
    none = np.zeros(0)
    return History(none, none, none, np.zeros(0, dtype=np.int64), none, none)


class Column:
    """Numbers that come one by one.

    >>> column = Column()
    >>> column.with_one_more(1.5), column.with_one_more(2.5)
    (array([1.5]), array([1.5, 2.5]))
    """

    def __init__(self, dtype: npt.DTypeLike = np.float64) -> None:
        self._room = np.zeros(16, dtype)
        self._count = 0

    def with_one_more(self, number: float) -> npt.NDArray[Any]:
        """All of them, with this one at the end; a view, which later numbers leave as it is."""
        if self._count == len(self._room):
            self._room = np.concatenate([self._room, np.zeros_like(self._room)])
        self._room[self._count] = number
        self._count += 1
        return self._room[: self._count]
