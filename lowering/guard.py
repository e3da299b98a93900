"""Runs LLVM in this process for what is known to be safe, and in another for everything else.

LLVM ends the process when it meets what its authors did not expect: assembly that does not
assemble, an intrinsic that the processor does not have, an assertion. No caller should die of a
module. So IR that says anything out of the ordinary is compiled in a child process, of which only
the machine code comes back; IR that is made of ordinary words only, nearly all, is compiled here,
which takes a hundredth of the time.

In: LLVM IR text. Out: bytes: machine code or text. What is ordinary is one list below, and a fuzzer
looks for holes in it.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import re
import sys
import threading
from typing import IO, TYPE_CHECKING

from lowering.backend import Options, host_features
from lowering.errors import CompileError
from lowering.late import importing
from lowering.tasks import TASKS

if TYPE_CHECKING:
    import subprocess

_WORDS = frozenset(
    str.split(
        # Definitions.
        "define declare private internal external weak weak_odr linkonce linkonce_odr hidden "
        "protected constant global unnamed_addr local_unnamed_addr dso_local align section type "
        "opaque target datalayout triple distinct attributes "
        # Functions and arguments.
        "alwaysinline noinline inlinehint cold hot nounwind willreturn norecurse nosync nofree "
        "memory none read write readwrite argmem inaccessiblemem errnomem noalias nonnull noundef "
        "nocapture readonly readnone writeonly dereferenceable dereferenceable_or_null signext "
        "zeroext mustprogress optsize minsize tail musttail notail fastcc coldcc "
        # Types and constants.
        "void ptr float double i1 i8 i16 i32 i64 x c true false null undef poison zeroinitializer "
        "splat to "
        # Instructions and their flags.
        "ret br label switch unreachable phi call select freeze alloca load store getelementptr "
        "inbounds nusw nuw nsw exact disjoint nneg add sub mul udiv sdiv urem srem shl lshr ashr "
        "and or xor icmp eq ne slt sle sgt sge ult ule ugt uge fadd fsub fmul fdiv frem fneg fcmp "
        "oeq ogt oge olt ole one ord ueq une uno fast nnan ninf nsz arcp contract afn reassoc "
        "sext zext trunc fptosi fptoui sitofp uitofp fpext fptrunc bitcast inttoptr ptrtoint "
        "extractvalue insertvalue extractelement insertelement shufflevector volatile "
        "fence acquire release acq_rel seq_cst"
    )
)

_INTRINSICS = frozenset(
    "llvm." + name
    for name in str.split(
        "fma fmuladd sqrt floor ceil trunc rint nearbyint round roundeven fabs copysign minnum "
        "maxnum minimum maximum abs smin smax umin umax ctpop ctlz cttz bswap bitreverse "
        "masked.load masked.store masked.gather masked.scatter vector.reduce.fadd "
        "vector.reduce.fmul vector.reduce.add vector.reduce.and vector.reduce.or "
        "vector.reduce.xor vector.reduce.smin vector.reduce.smax vector.reduce.umin "
        "vector.reduce.umax vector.reduce.fmin vector.reduce.fmax memcpy memmove memset "
        "lifetime.start lifetime.end expect experimental.noalias.scope.decl"
    )
)

# Of a processor, by the feature that it needs.
_PROCESSOR = {
    "+avx512f": (
        "llvm.x86.avx512.mask.scalef.p",
        "llvm.x86.avx512.mask.getexp.p",
        "llvm.x86.avx512.mask.getmant.p",
        "llvm.x86.avx512.vpermi2var.p",
    ),
}

_KEYS = frozenset(("no-builtins", "frame-pointer", "prefer-vector-width"))

# A comment; a name; a string, with the sign of a key or a bundle; a word or a label.
_TOKEN = re.compile(
    r';[^\n]*|[@%$!#](?:"[^"]*"|[-\w.$]*)|"[^"]*"[=(]?|(?<![-\w.$])[A-Za-z_][\w.]*:?'
)
_OVERLOAD = re.compile(r"(?:\.(?:[vp]?\d*[if](?:8|16|32|64|1)|(?:v\d+)?p0))+\Z")
_WIDE = re.compile(r"<(?!(?:1|2|4|8|16|32|64) x )\d+ x ")
_FLAGGED = re.compile(
    r"select (?:(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc) )+(?:i1|<\d+ x i1>) [^,]+, "
    r"(?!float|double|<\d+ x (?:float|double))"
)

# With one argument more, LLVM takes a call for one of an older version, and does not survive when
# it is none.
_ARGUMENTS = r"(?:(?:[^,()<>]|<[^<>]*>|\([^()]*\))*,)"
_OLD = re.compile(
    rf"@llvm\.(?:masked\.[\w.]+\({_ARGUMENTS}{{3}}|mem(?:cpy|move|set)\.[\w.]+\({_ARGUMENTS}{{4}})"
)


def is_ordinary(llvm_ir: str) -> bool:
    """Whether LLVM is known to survive the IR, or to reject it with an error.

    >>> is_ordinary("define i32 @f(i32 %x) { ret i32 %x }")
    True
    >>> is_ordinary("define i37 @f(i37 %x) { ret i37 %x }")
    False
    """
    if any(pattern.search(llvm_ir) for pattern in (_WIDE, _FLAGGED, _OLD)):
        return False
    return all(
        token in _WORDS or _is_ordinary_token(token) for token in set(_TOKEN.findall(llvm_ir))
    )


def _is_ordinary_token(token: str) -> bool:
    if token.startswith("@llvm."):
        name = token[1:]
        if _OVERLOAD.sub("", name) in _INTRINSICS:
            return True
        features = host_features()
        return any(
            feature in features and name.startswith(names) for feature, names in _PROCESSOR.items()
        )
    if token[0] == '"':
        return token[-1] == '"' or (token[-1] == "=" and token[1:-2] in _KEYS)
    return token[0] in "@%!#;" or token[-1] == ":"


def perform(task: str, llvm_ir: str, options: Options) -> bytes:
    """What the task (see `tasks.TASKS`) makes of the IR.

    Raises CompileError when LLVM rejects the IR, or ends the process that works on it.
    """
    if not options.isolate or (options.cpu is None and is_ordinary(llvm_ir)):
        return TASKS[task](llvm_ir, options)
    return apart(task, llvm_ir, options)


def apart(task: str, llvm_ir: str, options: Options) -> bytes:
    """The same, in the other process."""
    return _CHILD.ask(json.dumps([task, llvm_ir, options.fields()]).encode())


class _Child:
    """The process that compiles what may end it, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] = io.BytesIO()
        self._open = contextlib.ExitStack()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def _forget(self) -> None:
        """Leaves the child to the process that started it; this one was forked from that."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            self._open.pop_all()
            process.returncode = 0  # not ours to wait for
            for stream in (process.stdin, process.stdout, self._said):
                if stream is not None:
                    stream.close()

    def close(self) -> None:
        """Ends the child: it stops when there is nothing more to read."""
        self._process = None
        self._open.close()

    def ask(self, request: bytes) -> bytes:
        """The answer to one request. Raises CompileError, also when the child dies of it."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                _send(process.stdin, request)
                answer = _receive(process.stdout)
            except BrokenPipeError:
                answer = b""
            except BaseException:  # interrupted half-way: what comes next would be the old answer
                process.kill()
                self.close()
                raise
            if not answer:
                raise CompileError(self._last_words(process))
        if answer[:1] == b"-":
            raise CompileError(answer[1:].decode())
        return answer[1:]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            with importing:
                import subprocess
                import tempfile
            home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            descriptor, path = tempfile.mkstemp()
            os.unlink(path)
            self._said = self._open.enter_context(os.fdopen(descriptor, "w+b"))
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from lowering.guard import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, *sys.path]))},
                start_new_session=True,  # Ctrl-C is for this process, which then ends the child
            )
            self._open.enter_context(self._process)
        return self._process

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        status = process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()[-2000:]
        self.close()
        return (
            f"LLVM gave up on the module and ended the process that compiled it (status {status}); "
            f"no code was made. It said:\n{said}"
        )


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "little") + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """The next message; nothing at the end of the stream."""
    size = int.from_bytes(stream.read(8), "little")
    message = stream.read(size)
    return message if len(message) == size else b""


def serve() -> None:
    """Answers requests until there are no more. Run in a process of its own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what LLVM prints is no answer
    while request := _receive(sys.stdin.buffer):
        task, llvm_ir, fields = json.loads(request)
        try:
            answer = b"+" + TASKS[task](llvm_ir, Options(**fields))
        except CompileError as error:
            answer = b"-" + str(error).encode()
        _send(answers, answer)


_CHILD = _Child()
