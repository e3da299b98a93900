"""A history in a notebook: what happened, and the losses as a chart."""

from __future__ import annotations

from typing import Any

import numpy as np

from .markup import box, folded, heading, number, text
from .plot import Numbers, Series, line_chart


def history_html(history: Any) -> str:
    """The HTML of a History: its losses, and folded in its learning rates and its metric."""
    n = history.steps
    facts = [f"{n:,} step{'s' * (n != 1)}", text(history.stopped)]
    if n:
        facts.append(f"loss {number(history.losses[0])} → {number(history.losses[-1])}")
        facts.append(f"{number(round(history.seconds, 4))} s")
    if history.not_finite is not None:
        facts.append(f"not finite from step {history.not_finite:,} on")
    parts = [heading("History", *facts), loss_chart(history)]
    rates = Series("learning rate", _numbered(n), history.rates)
    if n and np.ptp(history.rates) > 0:
        parts.append(folded("learning rate", line_chart([rates], "step", "", "learning rates")))
    if len(history.metrics):
        metric = Series("metric", history.looks.astype(float), history.metrics)
        parts.append(folded("metric", line_chart([metric], "step", "", "metric")))
    return box(*parts)


def loss_chart(history: Any, *, alone: bool = False) -> str:
    """The losses of all steps, of epochs and of validation data; '' where there are none."""
    n = history.steps
    lines = [Series("every step", _numbered(n), history.losses)]
    epochs = len(history.epoch_losses)
    if 1 < epochs < n:
        ends = np.arange(1, epochs + 1) * (n / epochs)
        lines.append(Series("mean of an epoch", ends, history.epoch_losses))
    if len(history.validation_losses):
        lines.append(Series("validation", history.looks.astype(float), history.validation_losses))
    return line_chart(lines, "step", "loss", f"losses of {n:,} steps", alone=alone)


def _numbered(n: int) -> Numbers:
    return np.arange(1, n + 1, dtype=np.float64)
