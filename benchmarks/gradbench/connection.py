"""An eval and a tool, joined by pipes -> what was asked, how long it took, whether it was right.

The eval speaks first: a line of JSON with an `id` and a `kind` (start, define, evaluate, analysis).
Every line gets one back from the tool, with the same `id`. An `analysis` is the eval's judgement of
the answer to an earlier line, its `of`.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Command:
    """How a process is started: its arguments, its folder, variables beside those of this one."""

    arguments: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Evaluation:
    """One evaluation: what was evaluated, and in seconds how long a run took, in order.

    prepare   before the first run, by the tool's own account
    first_cpu what the processor worked for the first run, if the tool says it
    valid     the eval's judgement, None where it made none, and whether all numbers are finite:
              what differs from nan is above no tolerance, so evals may take it for right
    error     why there is no answer, or why it is wrong
    """

    function: str
    description: str
    runs: list[float] = field(default_factory=list)
    prepare: float = 0.0
    first_cpu: float | None = None
    valid: bool | None = None
    error: str = ""


@dataclass
class Record:
    """All evaluations of one eval by one tool.

    define   seconds that the tool took to make the eval's module ready, such as to compile C++
    error    why it ended before its end
    """

    define: float = 0.0
    evaluations: list[Evaluation] = field(default_factory=list)
    error: str = ""


class _Process:
    """A child in a group of its own, which ends as a group; what it says as errors is kept."""

    def __init__(self, command: Command) -> None:
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._child = subprocess.Popen(
            list(command.arguments),
            cwd=command.folder,
            env=os.environ | dict(command.variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self.to: BinaryIO = self._child.stdin
        self.lines: BinaryIO = self._child.stdout

    def say(self, line: bytes) -> None:
        self.to.write(line)
        self.to.flush()

    def kill(self) -> None:
        """End it and all that it has started."""
        if self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        self._child.wait()
        for stream in (self.to, self.lines, self.said):
            with suppress(BrokenPipeError):  # what it was told and did not read
                stream.close()

    def last_words(self) -> str:
        """The end of what it said as errors."""
        self.said.seek(0)
        return self.said.read().decode(errors="replace").strip()[-1000:]


def connect(judge: Command, tool: Command, limit: float) -> Record:
    """What happens between an eval, `judge`, and a tool, until the eval ends or `limit` seconds."""
    record, asked, late = Record(), dict[int, Evaluation](), threading.Event()
    ends = [_Process(judge), _Process(tool)]

    def cut() -> None:
        late.set()
        for process in ends:
            process.kill()

    timer = threading.Timer(limit, cut)
    timer.start()
    try:
        _converse(record, asked, *ends)
    except (OSError, ValueError) as error:
        record.error = str(error)
    finally:
        timer.cancel()
        if late.is_set():
            record.error = f"over the limit of {limit:g} s"
        for process in ends:
            process.close()
    return record


def _converse(
    record: Record, asked: dict[int, Evaluation], judge: _Process, tool: _Process
) -> None:
    """Carry lines there and back until the eval has no more."""
    for line in judge.lines:
        message = json.loads(line)
        started = time.perf_counter()
        tool.say(line)
        answer = tool.lines.readline()
        if not answer:
            raise OSError(tool.last_words() or "the tool ended without an answer")
        seconds = time.perf_counter() - started
        _note(record, asked, message, json.loads(answer), seconds)
        judge.say(answer)
    if not asked and not record.error:
        raise OSError(judge.last_words() or "the eval asked for nothing")


def _note(
    record: Record,
    asked: dict[int, Evaluation],
    message: dict[str, Any],
    answer: dict[str, Any],
    seconds: float,
) -> None:
    """Put a line and its answer into the record."""
    match message["kind"]:
        case "define":
            record.define = seconds
            if not answer["success"]:
                record.error = answer.get("error", "the tool does not have this eval")
        case "evaluate":
            new = Evaluation(message["function"], message.get("description", ""))
            times = [(t["name"], t["nanoseconds"] / 1e9) for t in answer.get("timings") or []]
            new.runs = [t for name, t in times if name == "evaluate"]
            new.prepare = sum(t for name, t in times if name == "prepare")
            new.first_cpu = next((t for name, t in times if name == "first, CPU"), None)
            if not answer["success"]:
                new.error = answer.get("error", "the tool gave no reason")
            elif not _is_finite(answer.get("output")):
                new.error = "the answer is not finite"
            asked[message["id"]] = new
            record.evaluations.append(new)
        case "analysis":
            judged = asked[message["of"]]
            judged.valid = message["valid"] and not judged.error
            judged.error = judged.error or message.get("error", "")


def _is_finite(x: Any) -> bool:
    """Whether all numbers in what JSON has are."""
    if isinstance(x, dict):
        return all(map(_is_finite, x.values()))
    if isinstance(x, list):
        return all(map(_is_finite, x))
    return not isinstance(x, float) or math.isfinite(x)
