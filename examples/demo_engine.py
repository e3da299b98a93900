"""momograd's demo of the engine: labelled Values, their gradients, the graph, and the kernel.

python examples/demo_engine.py
"""

from __future__ import annotations

from typing import Any

from micrograd import Value, jit


def main() -> None:
    """The expression of micrograd's README, each variable with its name."""
    a: Any = Value(-4.0, "a")
    b: Any = Value(2.0, "b")

    c = a + b
    c.label = "c"
    d = a * b + b**3
    d.label = "d"

    c += c + 1  # a variable keeps its label
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()

    e = c - d
    e.label = "e"
    f = e**2
    f.label = "f"
    g = f / 2.0
    g.label = "g"
    g += 10.0 / f

    g.backward()
    print(g)
    print(a)
    print(b)

    print("\nThe graph:")
    g.print_branch()

    print("\nCompiled:")
    value, (da, db) = jit(g, wrt=[a, b], dtype="f64").value_and_grad(-4.0, 2.0)
    print(f"g = {value:.4f}  dg/da = {da:.4f}  dg/db = {db:.4f}")


if __name__ == "__main__":
    main()
