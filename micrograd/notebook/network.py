"""A model -> its network as a picture: a column for each layer, and dots for neurons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .markup import box, element, folded, frame, heading, svg, table, text

MOST_DOTS, MOST_COLUMNS = 8, 12
"""Neurons of a layer, and layers, that are drawn."""
MOST_ROWS = 60
"""Layers that are listed."""

COLUMN, STEP, RADIUS, TOP = 92.0, 20.0, 6.0, 12.0
HEIGHT = TOP + STEP * (MOST_DOTS + 1)
LONGEST = 26


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer is, how many numbers come out of it if that is known, its parameters."""

    kind: str
    size: int | None
    parameters: int


def model_html(model: Any) -> str:
    """The HTML of a model: the picture, and folded in, the list of its layers."""
    layers = list(layers_of(model))
    rows = [
        (text(layer.kind), f"{layer.parameters:,} parameters" if layer.parameters else "")
        for layer in layers[:MOST_ROWS]
    ]
    if len(layers) > MOST_ROWS:
        rows.append((f"… {len(layers) - MOST_ROWS:,} more", ""))
    return box(
        heading(type(model).__name__, _total(model)),
        network_svg(model),
        folded(f"{len(layers)} layers", table(rows)) if len(layers) > 1 else "",
    )


def network_svg(model: Any, *, alone: bool = False) -> str:
    """The picture."""
    layers = list(layers_of(model))
    inputs = _inputs(model)
    columns = [Layer("inputs", inputs, 0)] if inputs else []
    if len(layers) > MOST_COLUMNS:
        half = MOST_COLUMNS // 2
        left = layers[half:-half]
        columns += layers[:half]
        columns.append(Layer(f"… {len(left):,} more layers", None, sum(x.parameters for x in left)))
        columns += layers[-half:]
    else:
        columns += layers
    parts: list[str] = []
    for k, (before, layer) in enumerate(zip([None, *columns], columns, strict=False)):
        if before is not None:
            parts += _links(k, _ends(before), _ends(layer))
        parts += _column(k, layer)
    title = f"{type(model).__name__}, {_total(model)}"
    return svg(COLUMN * max(1, len(columns)), HEIGHT + 40, title, *parts, alone=alone)


def _total(model: Any) -> str:
    n = _count(model)
    return f"{n:,} parameter{'s' * (n != 1)}"


def _count(model: Any) -> int:
    """How many numbers are trained."""
    return sum(int(getattr(p, "size", 1)) for p in model.parameters())


# -- what is in it ---------------------------------------------------------------------------


def layers_of(model: Any) -> Iterator[Layer]:
    """The layers of a model in the order in which it has them; of what has no models in it, itself.

    A row of neurons is one layer.
    """
    inside = _inside(model)
    neurons = [m for m in inside if hasattr(m, "nonlin")]
    if neurons and len(neurons) == len(inside):
        kinds = {"ReLU" if m.nonlin else "linear" for m in neurons}
        kind = kinds.pop() if len(kinds) == 1 else "neurons"
        yield Layer(f"{len(neurons)} {kind}", len(neurons), _count(model))
    elif inside:
        for m in inside:
            yield from layers_of(m)
    elif hasattr(model, "nonlin"):
        yield Layer("1 ReLU" if model.nonlin else "1 linear", 1, _count(model))
    else:
        size = getattr(model, "outputs", None)
        parameters = _count(model) if hasattr(model, "parameters") else 0
        flat = isinstance(size, int) and not hasattr(model, "stride")
        yield Layer(_kind(model), size if flat else None, parameters)


def _kind(model: Any) -> str:
    """Its printed form, if that is a line."""
    shown = repr(model)
    return shown if "\n" not in shown and " at 0x" not in shown else type(model).__name__


def _inside(model: Any) -> list[Any]:
    """The models that are its attributes, or in lists there."""
    found = []
    for x in vars(model).values() if hasattr(model, "__dict__") else ():
        for m in x if isinstance(x, (list, tuple)) else [x]:
            if hasattr(m, "named_parameters"):
                found.append(m)
    return found


def _inputs(model: Any) -> int | None:
    """How many numbers it takes, if its first layer says that."""
    for name in ("nin", "inputs"):
        n = getattr(model, name, None)
        if isinstance(n, int) and not hasattr(model, "stride"):
            return n
    inside = _inside(model)
    return _inputs(inside[0]) if inside else None


# -- how it is drawn -------------------------------------------------------------------------


def _ends(layer: Layer) -> list[float]:
    """Where the links of a column begin and end: its dots, or the middle of its box."""
    middle = TOP + STEP * (MOST_DOTS - 1) / 2
    if layer.size is None:
        return [middle]
    n = min(layer.size, MOST_DOTS)
    return [middle + STEP * (k - (n - 1) / 2) for k in range(n)]


def _links(k: int, before: Sequence[float], after: Sequence[float]) -> Iterator[str]:
    x = COLUMN * (k - 0.5) + RADIUS
    d = "".join(
        f"M{x:.1f} {a:.1f}L{x + COLUMN - 2 * RADIUS:.1f} {b:.1f}" for a in before for b in after
    )
    yield element("path", d=d, fill="none", stroke="currentColor", stroke_opacity=0.25)


def _column(k: int, layer: Layer) -> Iterator[str]:
    x = COLUMN * (k + 0.5)
    if layer.size is None:
        yield from _upright(x, layer.kind)
    else:
        for y in _ends(layer):
            yield element("circle", cx=x, cy=y, r=RADIUS, fill="currentColor", fill_opacity=0.75)
    under = [layer.kind if layer.size is not None else ""]
    if layer.size is not None and layer.kind in ("inputs",):
        under = [f"{layer.size:,} input{'s' * (layer.size != 1)}"]
    elif layer.size is not None and layer.size > MOST_DOTS:
        yield element("text", "⋮", x=x, y=TOP + STEP * MOST_DOTS, text_anchor="middle")
    under.append(f"{layer.parameters:,} param." if layer.parameters else "")
    for line, said in enumerate(filter(None, under)):
        y = HEIGHT + 14 * (line + 1)
        yield element("text", text(said, LONGEST), x=x, y=y, text_anchor="middle", font_size=10)


def _upright(x: float, kind: str) -> Iterator[str]:
    """A box with its text from bottom to top, for what has no neurons to be drawn."""
    height, width = STEP * MOST_DOTS, 24.0
    middle = TOP + STEP * (MOST_DOTS - 1) / 2
    yield frame((x, middle), (width, height))
    turn = f"rotate(-90 {x:.1f} {middle:.1f})"
    said = text(kind, LONGEST)
    yield element("text", said, x=x, y=middle + 4, text_anchor="middle", transform=turn)
