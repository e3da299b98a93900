"""The expression of micrograd's README: interpreted, then compiled.

python examples/readme.py
"""

from __future__ import annotations

from typing import Any

from micrograd import Value, jit


def g(a: Any, b: Any) -> Any:
    """What micrograd's README computes."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def main() -> None:
    """Print the value and the two derivatives, from the interpreter and from native code."""
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    out = g(a, b)
    out.backward()
    print(f"interpreted  g = {out.data:.4f}  dg/da = {a.grad:.4f}  dg/db = {b.grad:.4f}")

    kernel = jit(g)
    value, (da, db) = kernel.value_and_grad(-4.0, 2.0)
    print(f"compiled     g = {value:.4f}  dg/da = {da:.4f}  dg/db = {db:.4f}")


if __name__ == "__main__":
    main()
