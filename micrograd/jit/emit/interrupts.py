"""`heard`: whether Python's main thread was interrupted, for code that may run for long.

Python notes signals, Ctrl-C above all, and its loop looks at them between two bytecodes; but a
kernel is one call. So code of loops whose length data say asks now and then. What Python's handler
raises is kept until the kernel has returned, and is raised then, as if it had come there: a call
that Python's loop makes as soon as it goes on (`Py_AddPendingCall`). Where no more such calls can
be kept, the kernel runs to its end, and Ctrl-C comes behind it.

Other threads are not interrupted, as in Python, but for those that help the main one with a call:
they end when it does (`helping`).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from math import prod
from string import Template
from typing import Any

import lowering
from lowering.bindings import ir

from ...locks import Lock
from ..ir.program import Loop, Node, asks, statements
from ..schedule.counts import operations
from ..target import Target
from .builder import Builder
from .call_memory import CallMemory
from .making import Making

HEARD = "python.heard"
"""As native.py links it."""
HELPERS = 256
"""Threads that may help at a time."""
VECTORS = 64
"""Vectors of points between two questions, each of which may ask by itself."""
OFTEN = 1 << 18
"""Operations, of vectors or numbers, between two questions: not a millisecond."""

# The C API: of these, only those that need no GIL are called without it.
_SOURCE = Template("""
declare i64 @PyThread_get_thread_ident()
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare i32 @PyErr_CheckSignals()
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyErr_Restore(ptr, ptr, ptr)
declare void @PyErr_Clear()
declare void @PyErr_SetInterrupt()
declare i32 @Py_AddPendingCall(ptr, ptr)

@kind = internal global ptr null
@error = internal global ptr null
@trace = internal global ptr null
@main.thread = global i64 0
@is.stopped = internal global i1 false
@helpers.stop = global i1 false
@helpers = global [$helpers x i64] zeroinitializer

define i32 @go_on(ptr %ignored) {
  %a = load ptr, ptr @kind
  %b = load ptr, ptr @error
  %c = load ptr, ptr @trace
  store i1 false, ptr @is.stopped
  call void @PyErr_Restore(ptr %a, ptr %b, ptr %c)
  ret i32 -1
}

define i1 @heard() {
entry:
  %self = call i64 @PyThread_get_thread_ident()
  %main.thread = load i64, ptr @main.thread
  %is.main = icmp eq i64 %self, %main.thread
  br i1 %is.main, label %main, label %other
other:
  %over = load volatile i1, ptr @helpers.stop
  br i1 %over, label %next, label %no
next:
  %k = phi i64 [ 0, %other ], [ %k.next, %unlike ]
  %at = getelementptr i64, ptr @helpers, i64 %k
  %helper = load volatile i64, ptr %at
  %is.helper = icmp eq i64 %helper, %self
  br i1 %is.helper, label %yes, label %unlike
unlike:
  %k.next = add i64 %k, 1
  %more = icmp ult i64 %k.next, $helpers
  br i1 %more, label %next, label %no
no:
  ret i1 false
main:
  %stopped = load i1, ptr @is.stopped
  br i1 %stopped, label %yes, label %ask
yes:
  ret i1 true
ask:
  %state = call i32 @PyGILState_Ensure()
  %raised = call i32 @PyErr_CheckSignals()
  %quiet = icmp eq i32 %raised, 0
  br i1 %quiet, label %let.go, label %keep
keep:
  call void @PyErr_Fetch(ptr @kind, ptr @error, ptr @trace)
  %full = call i32 @Py_AddPendingCall(ptr @go_on, ptr null)
  %is.full = icmp ne i32 %full, 0
  br i1 %is.full, label %again, label %stop
again:
  %a = load ptr, ptr @kind
  %b = load ptr, ptr @error
  %c = load ptr, ptr @trace
  call void @PyErr_Restore(ptr %a, ptr %b, ptr %c)
  call void @PyErr_Clear()
  call void @PyErr_SetInterrupt()
  call void @PyGILState_Release(i32 %state)
  ret i1 false
stop:
  store i1 true, ptr @is.stopped
  store volatile i1 true, ptr @helpers.stop
  br label %let.go
let.go:
  call void @PyGILState_Release(i32 %state)
  %answer = xor i1 %quiet, true
  ret i1 %answer
}
""")
_CALLED = ("PyThread_get_thread_ident", "PyGILState_Ensure", "PyGILState_Release",
           "PyErr_CheckSignals", "PyErr_Fetch", "PyErr_Restore", "PyErr_Clear",
           "PyErr_SetInterrupt", "Py_AddPendingCall")  # fmt: skip


def heard(b: Builder) -> Any:
    """The i1 of whether Python's main thread was interrupted."""
    b.declare(HEARD, "() -> i1")
    return b.call(HEARD, [], b.i1)


class Listening:
    """Code that asks, in one function: after so many operations, as its loops count them."""

    def __init__(self, b: Builder, memory: CallMemory) -> None:
        self.b = b
        self.done, self.stopped = memory.allocate(1, b.i64, 8), memory.allocate(1, b.i1, 1)
        b.store(b.integer(0), self.done)
        b.store(b.constant_op(ir.BoolAttr.get(False), b.i1), self.stopped)

    @property
    def goes_on(self) -> Any:
        """The i1 of whether nothing was heard."""
        return self.b.negated(self.b.load(self.stopped, self.b.i1))

    def count(self, work: int) -> None:
        """So many operations were done; ask, if it is time."""
        b = self.b
        done = b.integer_op("llvm.add", b.load(self.done, b.i64), b.integer(work))
        b.store(done, self.done)
        with b.when(b.compare_integers("sgt", done, b.integer(OFTEN))):
            b.store(b.integer(0), self.done)
            b.store(heard(b), self.stopped)


def is_long(body: Sequence[Node]) -> bool:
    """Whether the loops of a body may do more than is done between two questions."""
    work = sum(prod(map(int, s.domain)) * max(1, operations(s.expr)) for s in statements(body))
    return work > OFTEN


def work_of(loop: Loop, depth: int) -> int:
    """How many operations an iteration is, at most, but for loops in it that ask by themselves.

    depth   how many loops are around what is in it
    """
    own = [node for node in loop.body if not asks([node])]
    return 1 + sum(
        prod(map(int, s.domain[depth:])) * max(1, operations(s.expr)) for s in statements(own)
    )


def helping(job: Callable[[], None]) -> Callable[[], None]:
    """A job that another thread does for this one, and leaves when this one is interrupted."""
    code = _code
    if code is None or threading.current_thread() is not threading.main_thread():
        return job
    helpers = (ctypes.c_int64 * HELPERS).from_address(code.address("helpers"))
    ctypes.c_bool.from_address(code.address("helpers.stop")).value = False

    def done() -> None:
        with _lock:
            slot = next((k for k, ident in enumerate(helpers) if not ident), 0)
            helpers[slot] = threading.get_ident()
        try:
            job()
        finally:
            helpers[slot] = 0

    return done


def heard_address() -> int:
    """The address of `heard`."""
    global _code
    with _lock:
        if _code is None:
            _code = _made()
        return _code.address("heard")


def _made() -> lowering.NativeModule:
    symbols = {
        name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for name in _CALLED
    }
    source = _SOURCE.substitute(helpers=HELPERS)
    target, made_from = Target.host(), ("heard", source)
    code = Making(lambda: source, target, made_from, symbols=symbols, passes=False).native()
    main = ctypes.c_int64.from_address(code.address("main.thread"))
    main.value = threading.main_thread().ident or 0
    return code


_lock = Lock()
_code: lowering.NativeModule | None = None
