"""What is run: the arguments of each eval, how many seconds it may take, what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """An eval started once: with which arguments, and for how many seconds at most."""

    arguments: str
    limit: float = 120.0
    note: str = ""

    def split(self) -> list[str]:
        """The arguments as a list."""
        return self.arguments.split()


@dataclass(frozen=True)
class Bar:
    """What the derivative of an eval must reach: how many times as fast as `manual`.

    rows      the descriptions that it is for, by what they begin with
    compiled  seconds of tracing and compiling
    """

    rows: tuple[str, ...]
    ratio: float
    compiled: float


SIZES: dict[str, tuple[Size, ...]] = {
    "hello": (Size(""),),
    "llsq": (Size("-m 128 -n 16 64 256 1024 4096"),),
    "lse": (Size("-n 2500 10000 40000 160000 640000"),),
    "det": (Size("-l 5 6 7 8 9 10", 300),),
    "ode": (Size("-n 1000 10000 -s 10"),),
    "gmm": (Size("-d 2 -k 5"), Size("-d 10 -k 10"), Size("-d 20 -k 25")),
    "ba": (Size("--min 1 --max 4"),),
    "lstm": (Size("-l 2 -c 64 256 1024"),),
    "ht": tuple(
        Size(f"--model {model} --variant {variant} --min 1 --max 3", note=f"{variant} {model}, ")
        for model in ("small", "big")
        for variant in ("simple", "complicated")
    ),
    "kmeans": (Size("-k 10 -n 1000 10000 -d 8"),),
    "particle": (Size(""),),
    "saddle": (Size(""),),
}

SMALL: dict[str, tuple[Size, ...]] = {
    "hello": (Size(""),),
    "llsq": (Size("-m 8 -n 16"),),
    "lse": (Size("-n 100"),),
    "det": (Size("-l 4"),),
    "ode": (Size("-n 50 -s 2"),),
    "gmm": (Size("-d 2 -k 3 -n 20"),),
    "ba": (Size("--min 1 --max 1"),),
    "lstm": (Size("-l 1 -c 5"),),
    "ht": (
        Size("--model small --variant simple --min 1 --max 1", note="simple small, "),
        Size("--model small --variant complicated --min 1 --max 1", note="complicated small, "),
    ),
    "kmeans": (Size("-k 3 -n 50 -d 2"),),
    "particle": (Size(""),),
    "saddle": (Size(""),),
}

BARS: dict[str, tuple[Bar, ...]] = {
    "llsq": (Bar(("",), 5.0, 1.0),),
    "lse": (Bar(("",), 4.0, 1.0),),
    "det": (Bar(("5", "6", "7", "8", "9", "10"), 7.0, 10.0),),
    "ode": (Bar(("",), 2.0, 3.0),),
    "gmm": (
        Bar(("2_5_",), 10.0, 3.0),
        Bar(("10_10_",), 4.0, 3.0),
        Bar(("20_25_",), 3.0, 3.0),
    ),
    "ba": (Bar(("",), 2.0, 3.0),),
    "lstm": (
        Bar(("l=2,c=64",), 20.0, 5.0),
        Bar(("l=2,c=256",), 15.0, 5.0),
        Bar(("l=2,c=1024",), 10.0, 5.0),
    ),
    "ht": (Bar(("",), 2.0, 5.0),),
    "kmeans": (Bar(("",), 3.0, 2.0),),
}
"""Of derivatives. Those of `saddle` and `particle` must be faster than differences in C++."""
