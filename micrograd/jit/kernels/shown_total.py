"""What a sum over rows shows of itself, and exports: the code of the latest call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from ...errors import SignatureError
from ...locks import importing
from ...notebook.text import Text
from ..export.exported import Exportable, model_of
from ..options import Options
from ..page.paged import Paged
from ..shown import Shown
from ..stages import Stages
from ..trace.signature import Structure
from ..trace.source import FunctionSource
from ..wanted import Wanted, structures_behind

if TYPE_CHECKING:
    from ..export.function import Exported
    from ..page.subject import Subject
    from ..target import Target
    from .kernel import Kernel


class ShownTotal(Shown, Paged, Exportable):
    """A sum over rows that can be looked at."""

    _source: FunctionSource
    _wanted: Wanted
    _kernel: Kernel | None
    _answers: bool
    _latest: Any
    _parent: Callable[[], Self | None]

    @property
    def _has_directions(self) -> bool:
        raise NotImplementedError

    def _compiled(self, structures: tuple[Structure, ...], options: Options) -> Any:
        raise NotImplementedError

    def _made_for(self, structures: tuple[Structure, ...]) -> Any:
        raise NotImplementedError

    @property
    def _own_target(self) -> Target:
        target: Target = self._options.target
        return target

    def _exported(self, target: Target, name: str, parameters: str) -> Exported:
        if self._answering is not None:
            return self._answering._exported(target, name, parameters)
        with importing:
            from .row_export import of_rows
        function = self._source.function
        code = self._compiled(self._shown.structures, Options.on(target))
        return of_rows(code, target, name, parameters=parameters, model=model_of(function))

    @property
    def _shown(self) -> Any:
        if self._answering is not None:
            return self._answering._shown
        if self._latest is None:
            called = getattr(self._parent(), "_latest", None)
            if called is None:
                raise SignatureError(
                    f"{self.name} has not been called yet; call it, then look at it"
                )
            return self._made_for((*called.structures, *self._structures_behind(called.structures)))
        return self._latest

    def _structures_behind(self, called: tuple[Structure, ...]) -> list[Structure]:
        """Those of its own parameters, where the sum was called with these."""
        if self._has_directions:
            known = zip(self._source.parameters, called, strict=True)
            structures = {p.name: structure for p, structure in known}
            return [structures[w] for w in self._source.asked or ()]
        return structures_behind(self._wanted, self._source, called)

    def stages(self) -> Stages:
        """Every stage of the compiler as text, for the latest structure of arguments."""
        code = self._shown
        return Stages(lambda: code.graph, lambda: code, code)

    def _made(self) -> Any:
        kernel = self._answering
        return self._latest if kernel is None else kernel._made()

    @property
    def _answering(self) -> Kernel | None:
        """The kernel that answers calls, if one does: uncalled, as those of the sum itself."""
        answers = self._answers
        if not answers and self._latest is None:
            answers = getattr(self._parent(), "_answers", False)
        return self._kernel if answers else None

    def _explained(self, made: Any) -> Text:
        with importing:
            from ..explain import explain
        return Text(explain(made, rows=getattr(made, "size", 0)))

    def _subject(self) -> Subject:
        with importing:
            from ..executable import Executable
            from ..page.subject import subject_of
            from .row_subject import subject_of_rows
        made = self._shown
        if isinstance(made, Executable):
            return subject_of(made)
        return subject_of_rows(made, self._explained(made).splitlines())
