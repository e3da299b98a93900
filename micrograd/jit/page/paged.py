"""`page`: the method of kernels that writes a page about them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ...files import atomic
from ...locks import importing

if TYPE_CHECKING:
    from .subject import Subject


class Paged:
    """A kernel about which a page can be written."""

    def _subject(self) -> Subject:
        """What the page is about: the code of the latest call."""
        raise NotImplementedError

    def page(self, path: str | PathLike[str]) -> Path:
        """Write a page about this kernel, as one HTML file; its path.

        The page shows, side by side, your source, the program that was found in it, its MLIR, and
        its LLVM IR and assembly; what a line became is marked in all of them. It says what was
        decided about each loop and why, what each pass changed, and estimates where the time goes.
        It needs no network, and opens in any browser. As for `stages()`, it is about the arguments
        of the latest call. Cost: the kernel is compiled once more, and called for
        half a second, on random numbers, to be measured.

        Raises MicrogradError if Jinja2 and Pygments, the extra `page`, are not installed;
        SignatureError if it has not been called, and could be called with anything; OSError if the
        file cannot be written.

        >>> from micrograd import jit
        >>> jit(lambda x, y: x * y + x).value_and_grad.page("k.html")  # doctest: +SKIP
        PosixPath('k.html')
        """
        text = self._html()
        with atomic(path) as file:
            file.write(text.encode())
        return Path(path)

    def _html(self, *, live: bool = False) -> str:
        """The page; if live, it asks its server for newer ones."""
        with importing:
            from .build import page_of
            from .clock import clock_of
            from .render import environment, rendered
        environment()  # what is missing is better said before than after compiling
        subject = self._subject()
        return rendered(page_of(subject, clock_of(subject.code)), live=live)
