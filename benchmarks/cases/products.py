"""Products of matrices as layers have them, beside the BLAS in NumPy's wheel, and the micro-kernel
that they are made of, beside what the processor could do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..experiment import F32, Bar, Contestant, Experiment
from ..peers.products import reference

SIZES = (
    *((100, 64, 64), (32, 64, 64), (100, 256, 256), (32, 256, 256), (512, 512, 512)),
    *((37, 53, 61), (100, 10, 256), (32, 10, 32)),
    *((2048, 2048, 2048), (100, 4096, 8192), (8, 4096, 8192), (1, 4096, 8192)),
)
"""Samples, outputs, inputs."""


DEPTH = 64
"""Numbers in a sum of a micro-kernel: what it reads fits the first cache."""


def kernel(dtype: str, cpu: str | None) -> Experiment:
    """A tile of a result in registers, beside as many multiplications and additions of vectors that
    read no memory.
    """
    columns = {("f32", None): 64, ("f64", None): 32}.get((dtype, cpu), 16)
    setting = {"rows": 6, "outputs": columns, "inputs": DEPTH, "dtype": dtype, "what": "forward"}
    more = {"cpu": cpu} if cpu else {}
    return Experiment(
        "products",
        f"kernel 6 x {columns} x {DEPTH}{', AVX2' if cpu else ''}, {dtype}",
        "one tile, from the first cache",
        dtype,
        partial(reference, setting),
        (
            Contestant("ours", "ours", "products.kernel", more),
            Contestant("FMA peak", "ours", "products.peak", more, yardstick=True),
        ),
        partial(dict, setting),
        accuracy=F32 if dtype == "f32" else 1e-9,
        bars=(Bar("evaluation", 1 / 0.88, "ours", "FMA peak"),),
    )


def throughput(rows: int, outputs: int, what: str) -> float:
    """How much of the BLAS's is asked for."""
    if outputs == 53:
        return 1.7
    if rows <= 8:
        return 1.5 if what != "update" else 0.9
    if outputs <= 16 or outputs > 512:
        return 0.9
    return {"forward": 1.2, "back": 1.0, "update": 0.9}[what]


def experiments(small: bool) -> Iterator[Experiment]:
    """Each product of a layer; float64, and code for AVX2, at some sizes."""
    kinds = [("f32", None), ("f64", None), ("f32", "haswell")]
    for dtype, cpu in kinds[:1] if small else kinds:
        yield kernel(dtype, cpu)
        sizes = ((5, 17, 6),) if small else SIZES if dtype == "f32" and not cpu else SIZES[2:4]
        for b, n, k in sizes:
            for what in ("forward", "back", "update"):
                setting = {"rows": b, "outputs": n, "inputs": k, "dtype": dtype, "what": what}
                more = {"cpu": cpu} if cpu else {}
                least = throughput(b, n, what) * (0.9 if cpu or dtype == "f64" else 1.0)
                yield Experiment(
                    "products",
                    f"{what} {b} x {n} x {k}{', AVX2' if cpu else ''}, {dtype}",
                    "one product, from native code",
                    dtype,
                    partial(reference, setting),
                    (
                        Contestant("ours", "ours", "products.product", more),
                        Contestant("NumPy's BLAS, from C", "numpy", "products.blas"),
                        Contestant("NumPy", "numpy", "products.product"),
                    ),
                    partial(dict, setting),
                    accuracy=F32 if dtype == "f32" else 1e-9,
                    bars=(Bar("evaluation", 1 / least, "ours", "NumPy's BLAS, from C"),),
                )
