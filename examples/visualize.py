"""A neuron and its gradients as a picture, as in micrograd's trace_graph notebook.

python examples/visualize.py            writes neuron.dot, and neuron.svg where Graphviz is
python examples/visualize.py PATH       the same under another name
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from micrograd import Value, nn
from micrograd.graph import DrawingError, visualize_graph


def main(path: str = "neuron") -> Path:
    """Draw the graph; the path of the file that was written."""
    random.seed(1337)
    n = nn.Neuron(2)
    x = [Value(1.0, label="x0"), Value(-2.0, label="x1")]
    y = n(x)
    y.backward()
    drawing = visualize_graph(y, parameters=n)
    source = Path(drawing.save(f"{path}.dot"))
    try:
        source = Path(drawing.render(source.name, directory=source.parent, outfile=f"{path}.svg"))
    except DrawingError as error:
        print(f"there is no picture, but its source: {error}")
    print(source)
    return source


if __name__ == "__main__":
    main(*sys.argv[1:2])
