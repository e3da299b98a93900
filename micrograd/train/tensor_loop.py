"""A loss of Tensors, data and an optimiser -> a native training loop."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError, kind
from ..jit.call.team import Team
from ..jit.options import Options
from ..jit.trace.batches import NAME
from ..memory import require, require_now
from ..optimizer import Optimizer
from ..tensor.steps import parts
from ..tensor.storage import TensorStores
from .check_step import check_step
from .data import ColumnLabels
from .gather_code import Column
from .loop import _NO_SETTINGS, FIRST_STRETCH, Loop, _compiled, _same, seconds_of
from .masks import Masks
from .rules import Takes
from .step_code import RUN
from .tensor_data import prepared
from .tensor_loop_code import FIELDS, Form
from .tensor_step import TEAM, TensorStep, number_dtype_of
from .tensor_steps import TensorSteps

Array = npt.NDArray[Any]


class TensorLoop(Loop):
    """A loop around one compiled step: forward, backward and update.

    function  the loss of a batch, given rows of each data array
    data      arrays of as many rows; without any, the loss is a whole
    batch     samples in a step; the last of an epoch may have fewer
    ahead     how many steps of such epochs were taken before
    seed      of the order of the samples, another one in every epoch; None: as they lie
    threads   that share the large products of a step
    masks     of layers that drop elements, which are drawn before every epoch
    """

    fields = FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        function: Callable[..., Any],
        data: Sequence[Array],
        options: Options,
        *,
        batch: int = 1,
        ahead: int = 0,
        seed: int | None = None,
        threads: int = 1,
        masks: Masks | None = None,
    ) -> None:
        self.optimizer, self._options = optimizer, _in_dtype(optimizer, options)
        self._masks, self._drawn = masks, -1
        self._threads = threads
        self._first = optimizer.steps
        self._losses, self._rates = np.zeros(0), np.zeros(0)
        self._store = TensorStores(optimizer.parameters)
        samples = len(data[0]) if data else 1
        self._ahead, self._in_epoch = ahead, -(-samples // batch)
        sizes = [n for n in (batch, samples % batch) if n]
        rows = [(a.shape[1:], _traced_dtype(a, options)) for a in data]
        self._made = TensorSteps(function, rows, sizes, optimizer, options)
        steps = self._made.made()
        self._prepared = prepared(self._made.losses[0], data, options.dtype)
        shuffled = seed is not None and batch < samples
        self._shuffled = shuffled
        self._order = np.arange(samples if shuffled else 0)
        self._buffers = [
            np.zeros(batch * p.size if shuffled or p.array.dtype != p.dtype else 0, p.dtype)
            for p in self._prepared
        ]
        self._tables = [
            np.array([a.ctypes.data for a in arrays] + [0], dtype=np.int64)
            for arrays in ([p.array for p in self._prepared], self._buffers)
        ]
        self._state = (ctypes.c_int64 * len(self.fields))()
        self._address = ctypes.addressof(self._state)
        self._set(
            data=self._tables[0].ctypes.data,
            buffers=self._tables[1].ctypes.data,
            samples=samples,
            batch=batch,
            steps=-(-samples // batch),
            order=self._order.ctypes.data,
            seed=_signed(seed or 0),
            epoch=-1,
            ahead=ahead,
        )
        self._ready = False
        self._settings: dict[str, Any] = {}
        self._steps: list[TensorStep] = []
        self._use(steps)
        self._place()
        if options.check:
            self._draw()
            for step, size in zip(self._steps, self._made.sizes, strict=False):
                self._check(step, size)
        self._calls = max(1, int(FIRST_STRETCH / seconds_of(self._steps[0].program)))

    @property
    def expected(self) -> list[ColumnLabels]:
        """What labels should be."""
        return self._made.losses[0].expected

    def _take_up(self) -> None:
        self._first = self.optimizer.steps - self.step
        self._set(until=self.step)
        if not _same(self._settings_now(), self._settings):
            self._use(self._made.made())
        self._place()

    def _settings_now(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self.optimizer).items() if k not in _NO_SETTINGS}

    def _use(self, steps: list[TensorStep]) -> None:
        self._settings = self._settings_now()
        self._ask_for_memory(steps)
        self._link(steps)

    def _ask_for_memory(self, steps: list[TensorStep]) -> None:
        """Raise MemoryError where there is too little, before anything is trained."""
        size = self._options.dtype.itemsize
        require(
            {
                "parameters": self._store.missing,
                "numbers between layers": size * max(s.code.workspace_size for s in steps),
            }
        )

    def _link(self, steps: list[TensorStep]) -> None:  # type: ignore[override]
        """Let native code call the steps, which take the same arguments."""
        self._steps = steps
        shared = any(s.code.shared_work for s in steps)
        self._team = Team(self._threads if shared else 1)
        names = steps[0].arguments
        counts = steps[0].loss.counts
        self._counts = np.zeros(len(counts), self._options.dtype)
        self._table = np.zeros(len(names) + 1, dtype=np.int64)
        used = [(k, p) for k, p in enumerate(self._prepared) if p.name in names]
        assert [k for k, _ in used] == list(range(len(self._prepared)))
        self._form = Form(
            columns=tuple(Column(p.size, p.array.itemsize * 8, p.is_index) for p in self._prepared),
            places=tuple(names.index(p.name) for p in self._prepared),
            counts=tuple((names.index(name), times) for name, times in counts.items()),
            rates=names.index(steps[0].rates) if steps[0].rates in names else -1,
            count=len(names),
            shuffled=self._shuffled,
        )
        takes = Takes(steps[0].width, 0, 0)
        self._native = _compiled(self._form, takes, self._options.target)
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._native.address(RUN))
        addresses = [s.code.address for s in steps]
        self._set(kernel=addresses[0], rest=addresses[-1], arguments=self._table.ctypes.data)

    def _place(self) -> None:
        """Find parameters and state in memory, where nothing else may hold them."""
        step = self._steps[0]
        found = dict(zip(step.parameters, self._store.own(), strict=True))
        found[NAME] = self._address + 8 * self.fields.index("taken")
        counts, size = self._counts.ctypes.data, self._counts.itemsize
        found |= {name: counts + k * size for k, name in enumerate(step.loss.counts)}
        parameters = self.optimizer.parameters
        found[TEAM] = self._team.address
        self._held = []
        for name, arrays in zip(self.optimizer.slots, step.state, strict=True):
            column = self._column(name)
            self._held.append(column)
            each = [a.ctypes.data for a in parts(column, parameters)]
            found |= dict(zip(arrays, each, strict=True))
        for k, name in enumerate(step.arguments):
            self._table[k] = found.get(name, 0)

    def _check(self, step: TensorStep, samples: int) -> None:
        """Compare a step of the first samples with the interpreter."""
        optimizer, names = self.optimizer, step.program.arrays
        given: dict[str, Any] = {}
        for p in self._prepared:
            if p.name in names:
                room = np.zeros((names[p.name].size // max(1, p.size), *p.array.shape[1:]), p.dtype)
                room[:samples] = p.array[:samples]
                given[p.name] = room
        given |= {name: samples * times for name, times in step.loss.counts.items()}
        given |= {n: p._data for n, p in zip(step.parameters, optimizer.parameters, strict=True)}
        for slot, arrays in zip(optimizer.slots, step.state, strict=True):
            columns = parts(optimizer.state[slot], optimizer.parameters)
            given |= dict(zip(arrays, columns, strict=True))
        if step.rates in names:
            given[step.rates] = np.array(optimizer.per_step(optimizer.steps), np.float64)
        extents = {NAME: samples} if NAME in names else {}
        check_step(step, given, extents, self._options)

    def _column(self, name: str) -> Array:
        """The state of that name, as native code reads and writes it."""
        column: Any = self.optimizer.state[name]
        n, dtype = sum(p.size for p in self.optimizer.parameters), self._options.dtype
        if not (
            isinstance(column, np.ndarray)
            and column.dtype == dtype
            and column.shape == (n,)
            and column.flags.carray
        ):
            raise TrainingError(
                f"state[{name!r}] of the optimizer should be an array of {n} {dtype} numbers, got "
                f"{kind(column)}; change its elements: optimizer.state[{name!r}][:] = ..."
            )
        return column

    def advance(self, until: int, show: Callable[[int, float], Any] | None = None) -> None:
        """Train until so many steps are done in all, as of Loop."""
        try:
            super().advance(until, show)
        finally:
            self._store.written()
            if self._masks is not None and not (self.step + self._ahead) % self._in_epoch:
                self._masks.over()

    def _draw(self) -> None:
        """Draw the masks of the present epoch, unless they are drawn."""
        epoch = (self.step + self._ahead) // self._in_epoch
        if self._masks is not None and epoch != self._drawn:
            self._masks.over()
            self._masks.draw()
            self._drawn = epoch

    def _stretch(self, calls: int) -> None:
        require_now(max(s.code.heap for s in self._steps))
        with self._team.helped():
            super()._stretch(calls)

    def _open(self, until: int) -> None:
        if self._masks is not None:
            self._draw()
            until = min(until, (self._drawn + 1) * self._in_epoch - self._ahead)
        super()._open(until)
        self._rows = np.ascontiguousarray(self._rows, self._options.dtype)
        width, size = self._rows.shape[1], self._rows.itemsize
        self._set(rates=self._rows.ctypes.data - size * width * self.step)


def _in_dtype(optimizer: Optimizer, options: Options) -> Options:
    """The options; TrainingError for a dtype that native code would not find in memory."""
    expected = number_dtype_of(optimizer.parameters)
    if options.dtype != expected:
        raise TrainingError(
            f"a step of these parameters computes in {expected}, their own dtype, got options for "
            f"{options.dtype}; give options.with_dtype({str(expected)!r}), or make the parameters "
            f"{options.dtype}"
        )
    return options


def _traced_dtype(a: Array, options: Options) -> Any:
    """What a batch of an array is for the function: floats are numbers of the parameters' dtype."""
    return options.dtype if a.dtype.kind == "f" else a.dtype


def _signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x
