"""Builds what operations stand in: functions and their calls, globals, branches, loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from lowering.bindings import ir
from lowering.optimizer import EXPLICIT

from ..target import Target
from .operations import Operations

Row = npt.NDArray[Any]
"""Numbers of a table."""


@contextmanager
def new_module() -> Iterator[ir.Module]:
    """A module of the current MLIR context, to be built inside, and verified then."""
    with ir.Location.unknown():
        module = ir.Module.create()
        yield module
    module.operation.verify()


class Blocks(Operations):
    """Appends functions and globals to a module, and blocks to its functions."""

    def __init__(self, module: ir.Module, target: Target) -> None:
        super().__init__(module, target)
        self._declared: set[str] = set()
        self._tables: dict[tuple[str, ...], str] = {}
        self.shared: dict[Any, str] = {}  # functions of the module by what they do

    def is_new(self, name: str) -> bool:
        """Whether a symbol is not declared in the module; from now on it is."""
        if name in self._declared:
            return False
        self._declared.add(name)
        return True

    # -- functions -----------------------------------------------------------------------------

    def function(
        self,
        name: str,
        types: Sequence[ir.Type],
        result: ir.Type | None = None,
        *,
        internal: bool = False,
        attributes: dict[str, ir.Attribute] | None = None,
    ) -> ir.Block:
        """Begin a function at the end of the module; its entry block, where building goes on.

        internal   only this module calls it
        """
        self._declared.add(name)
        text = f"!llvm.func<{result or 'void'} ({', '.join(map(str, types))})>"
        linkage = "internal" if internal else "external"
        given = {
            "sym_name": ir.StringAttr.get(name),
            "function_type": ir.TypeAttr.get(ir.Type.parse(text)),
            "CConv": ir.Attribute.parse("#llvm.cconv<ccc>"),
            "linkage": ir.Attribute.parse(f"#llvm.linkage<{linkage}>"),
            "unnamed_addr": ir.Attribute.parse("0 : i64"),
            "visibility_": ir.Attribute.parse("0 : i64"),
        }
        self.enter(self.module.body)
        function = self.build("llvm.func", [], [], given | (attributes or {}), regions=1)
        entry: ir.Block = function.regions[0].blocks.append(*types)
        self.begin(entry)
        return entry

    @property
    def as_written(self) -> dict[str, ir.Attribute]:
        """The attribute of functions in which LLVM takes no call for that of a C function it knows:
        it would take libm's pow(x, 2) for x*x, which rounds differently. Only if strict.
        """
        return {"passthrough": ir.Attribute.parse('["no-builtins"]')} if self.target.strict else {}

    @property
    def explicit(self) -> dict[str, ir.Attribute]:
        """The attributes of functions that stay as they are written: they are not inlined, and LLVM
        does not optimise them, which takes longer than to make their code.
        """
        marked = {"passthrough": ir.Attribute.parse(f'["{EXPLICIT}"]')}
        return {"no_inline": ir.UnitAttr.get(), **marked}

    def declare(self, name: str, signature: str) -> None:
        """Declare an external function, unless the module has it: what follows its name."""
        if self.is_new(name):
            self.module.body.append(ir.Operation.parse(f"llvm.func @{name}{signature}"))

    def call(
        self,
        callee: str | ir.Value,
        operands: Sequence[ir.Value],
        result: ir.Type | None = None,
        *,
        tail: str = "",
    ) -> Any:
        """Call the function of that name, or at that address; `tail`: as LLVM calls such calls."""
        attributes: dict[str, ir.Attribute] = {"op_bundle_sizes": ir.DenseI32ArrayAttr.get([])}
        if isinstance(callee, str):
            attributes["callee"] = ir.FlatSymbolRefAttr.get(callee)
        else:
            operands = [callee, *operands]
        attributes["operandSegmentSizes"] = ir.DenseI32ArrayAttr.get([len(operands), 0])
        if tail:
            attributes["TailCallKind"] = ir.Attribute.parse(f"#llvm.tailcallkind<{tail}>")
        return self.build("llvm.call", [] if result is None else [result], operands, attributes)

    def leave(self, *results: ir.Value) -> None:
        """Return."""
        self.build("llvm.return", [], results)

    # -- globals -------------------------------------------------------------------------------

    def pointer_variable(self, name: str) -> None:
        """A global variable: a pointer, null until somebody sets it after linking."""
        space = "".join(f"{{{k} = {x}}} " for k, x in self.in_space.items())
        self.module.body.append(
            ir.Operation.parse(
                f"llvm.mlir.global external @{name}() {space}: !llvm.ptr {{\n"
                "  %0 = llvm.mlir.zero : !llvm.ptr\n  llvm.return %0 : !llvm.ptr\n}"
            )
        )

    def data(
        self, name: str, numbers: Row, type: ir.Type, *, first: bool = False, **more: ir.Attribute
    ) -> None:
        """A global constant: numbers of a type in a row; `first`: at the start of the module."""
        row = ir.Type.parse(f"!llvm.array<{len(numbers)} x {type}>")
        attributes = {
            "sym_name": ir.StringAttr.get(name),
            "global_type": ir.TypeAttr.get(row),
            "value": ir.DenseElementsAttr.get(np.ascontiguousarray(numbers), type=type),
            "linkage": ir.Attribute.parse("#llvm.linkage<internal>"),
            "constant": ir.UnitAttr.get(),
            **self.in_space,
            **more,
        }
        body = self.module.body
        point = ir.InsertionPoint.at_block_begin(body) if first else ir.InsertionPoint(body)
        ir.Operation.create("llvm.mlir.global", attributes=attributes, regions=1, ip=point)

    def table(self, numbers: Sequence[float], type: ir.Type, **more: ir.Attribute) -> ir.Value:
        """The address of a table of constants in the module; equal tables are one."""
        key = (str(type), *more, *(x.hex() for x in numbers))
        if key not in self._tables:
            name = self._tables[key] = f"table.{len(self._tables)}"
            row = np.array(numbers, dtype=f"f{type.width // 8}")
            self.data(name, row, type, first=True, **more)
        return self.numbered(("table", key), lambda: self.address(self._tables[key]))

    # -- control -------------------------------------------------------------------------------

    def branch(self, block: ir.Block, operands: Sequence[ir.Value] = ()) -> None:
        """End the present block in another, which takes the operands."""
        self.build("llvm.br", [], operands, successors=[block])

    def branch_if(
        self,
        condition: ir.Value,
        then: ir.Block,
        otherwise: ir.Block,
        passed: Sequence[ir.Value] = (),
        passed_otherwise: Sequence[ir.Value] = (),
        weights: Sequence[int] = (),
    ) -> None:
        """End the present block in one of two others; `weights`: how often in either."""
        sizes = [1, len(passed), len(passed_otherwise)]
        attributes = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get(sizes)}
        if weights:
            attributes["branch_weights"] = ir.DenseI32ArrayAttr.get(weights)
        operands = [condition, *passed, *passed_otherwise]
        self.build("llvm.cond_br", [], operands, attributes, successors=[then, otherwise])

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """What is built inside runs only if the i1 holds."""
        then = self.block.create_after()
        leave = then.create_after()
        self.branch_if(condition, then, leave)
        self.enter(then)
        with self.scope():
            yield
        self.branch(leave)
        self.enter(leave)

    def either(
        self,
        condition: ir.Value,
        then: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """What `then` builds runs if the i1 holds; else what `otherwise` builds, if anything."""
        first = self.block.create_after()
        second = first.create_after()
        leave = second if otherwise is None else second.create_after()
        self.branch_if(condition, first, second)
        for block, build in ((first, then), (second, otherwise)):
            if build is not None:
                self.enter(block)
                with self.scope(), self.repeated(None):
                    build()
                self.branch(leave)
        self.enter(leave)

    @contextmanager
    def as_long_as(self, condition: Callable[[], ir.Value]) -> Iterator[None]:
        """A loop that tests the i1 of `condition`, which it builds, before each round."""
        head = self.block.create_after()
        self.branch(head)
        self.enter(head)
        with self.scope():
            holds = condition()
            body = head.create_after()
            leave = body.create_after()
            self.branch_if(holds, body, leave)
            self.enter(body)
            with self.repeated(None):
                yield
            self.branch(head)
        self.enter(leave)

    @contextmanager
    def each(self, count: int | ir.Value) -> Iterator[ir.Value]:
        """A loop from 0 to `count`, perhaps not once."""
        if isinstance(count, int):
            count = self.integer(count)
        with self.when(self.compare_integers("slt", self.integer(0), count)), self.loop(count) as k:
            yield k

    @contextmanager
    def loop(self, count: ir.Value) -> Iterator[ir.Value]:
        """A loop from 0 to `count`, at least 1; inside, the insertion point is its body."""
        with self._loop(count, []) as (index, _, _):
            yield index

    def loop_carried(
        self,
        count: ir.Value,
        initial: Sequence[ir.Value],
        body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
    ) -> list[ir.Value]:
        """A loop that carries values: `body` gets the index and them, and gives the next ones."""
        with self._loop(count, initial) as (index, carried, following):
            following += body(index, carried)
        return following

    def repeat(
        self,
        count: int | ir.Value,
        body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
        initial: Sequence[ir.Value] = (),
        before: Callable[[], None] | None = None,
        *,
        most: int = 2,
    ) -> list[ir.Value]:
        """A loop that carries values and runs perhaps not at all: what they are behind it.

        before   builds what is needed once, if there is an iteration
        most     how many iterations there are at most: of one, there is no way back
        """
        before = before or (lambda: None)
        if isinstance(count, int):
            if count < 1:
                return list(initial)
            before()
            if count == 1:
                return body(self.integer(0), list(initial))
            return self.loop_carried(self.integer(count), initial, body)
        some = self.block.create_after()
        leave = some.create_after(*(x.type for x in initial))
        any = self.compare_integers("slt", self.integer(0), count)
        self.branch_if(any, some, leave, [], initial)
        self.enter(some)
        with self.scope():
            before()
            if most > 1:
                results = self.loop_carried(count, initial, body)
            else:
                results = body(self.integer(0), list(initial))
            self.branch(leave, results)
        self.enter(leave)
        return list(leave.arguments)

    @contextmanager
    def _loop(
        self, count: ir.Value, initial: Sequence[ir.Value]
    ) -> Iterator[tuple[ir.Value, list[ir.Value], list[ir.Value]]]:
        """The current block branches to the body, which branches to itself or to the exit."""
        types = [self.i64, *(x.type for x in initial)]
        body = self.block.create_after(*types)
        self.branch(body, [self.integer(0), *initial])
        index, *carried = list(body.arguments)
        following: list[ir.Value] = []
        self.enter(body)
        often = None if self.origins is None else _known(count)
        with self.scope(), self.repeated(often):
            yield index, carried, following
            number = self.build("llvm.add", [self.i64], [index, self.integer(1)])
            again = self.compare_integers("slt", number, count)
        leave = self.block.create_after()
        self.branch_if(again, body, leave, [number, *following])
        self.enter(leave)


def _known(count: ir.Value) -> int | None:
    """The number that a value is, if it is a constant."""
    made: Any = count.owner
    if isinstance(made, ir.Block) or made.name != "llvm.mlir.constant":
        return None
    return int(made.attributes["value"].value)
