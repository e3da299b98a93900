"""Kernels in notebooks: what there is already, as HTML. Nothing is compiled to show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import counted
from ..locks import importing
from ..notebook.text import Text

MOST_STATEMENTS = 500
"""So many statements are explained and scheduled in a notebook; of more there is a count."""


class Shown:
    """What a notebook shows of a kernel."""

    name: str
    _parameters: Any
    _options: Any

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self._parameters)
        return f"<kernel {self.name}({names}) -> {self._options.dtype}>"

    @property
    def _shown(self) -> Any:
        """The executable, or what has programs and code like one, that is looked at; compiled, if
        need be.
        """
        raise NotImplementedError

    def _made(self) -> Any:
        """The one that there is; None: there is none yet."""
        raise NotImplementedError

    def _explained(self, made: Any) -> Text:
        """What `explain` says of one."""
        raise NotImplementedError

    def explain(self) -> Text:
        """What the compiler found, in words, for the structure or shapes of the latest call."""
        return self._explained(self._shown)

    def _repr_html_(self) -> str:
        """Its signature, what was found, and the stages that there are, folded."""
        with importing:
            from ..notebook.markup import box, element, folded, heading, preformatted
        made = self._made()
        title = heading(repr(self).strip("<>"))
        if made is None:
            return box(title, element("div", "not compiled yet: it will be when it is called"))
        statements = len(made.transformed.body)
        small = statements <= MOST_STATEMENTS
        if small and _is_scheduled(made) and _is_rerolled(made):
            found: str = self._explained(made)
        else:
            found = f"{counted(statements, 'statement')}; explain() says more"
        stages = [folded(name, preformatted(lines)) for name, lines in _stages(made, small)]
        rest = element("div", "all stages, made when looked at: ", element("code", "stages()"))
        return box(title, preformatted(found), *stages, rest)


def _is_scheduled(made: Any) -> bool:
    return "schedule" in vars(made.code)


def _is_rerolled(made: Any) -> bool:
    """Whether the first program is there: what is kept between processes is the last one."""
    programs = getattr(made, "_programs", None)
    return programs is None or "rerolled" in vars(programs)


def _stages(made: Any, small: bool) -> Iterator[tuple[str, str | Iterable[str]]]:
    """The stages that there are, and their lines."""
    rerolled = _is_rerolled(made)
    if rerolled:
        yield "program: what was found", made.program.lines()
    if not rerolled or made.transformed is not made.program:
        yield "simplified: with derivatives, after all passes", made.transformed.lines()
    if small and _is_scheduled(made):
        yield "schedule: where everything lies, in which loops it runs", str(made.code.schedule)
    native = made.code._native
    if native is not None and native.is_compiled:
        yield "llvm_ir: as it was given to LLVM", native.llvm_ir
