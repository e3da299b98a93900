"""GradBench's evals, tiny, and the runner that joins an eval and a tool by pipes."""

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from benchmarks.environment import environment
from benchmarks.experiment import worst_error
from benchmarks.gradbench import report, sizes, small
from benchmarks.gradbench.__main__ import parse, rows
from benchmarks.gradbench.connection import Command, connect
from benchmarks.gradbench.suite import NoSuite, Suite, own_text
from benchmarks.gradbench.tool import answers, evaluate

REFERENCES = small.references()


@pytest.mark.parametrize(("eval_", "function"), REFERENCES)
def test_every_function_of_every_eval_is_what_values_say(eval_: str, function: str) -> None:
    given = small.inputs()[eval_]
    found = evaluate(eval_, function, given)
    json.dumps(found)  # as it is sent
    answer = small.numbers(eval_, found["output"])
    assert worst_error(answer, REFERENCES[eval_, function]) < 1e-9


def test_runs_are_as_many_and_as_long_as_is_asked_for() -> None:
    given = small.inputs()["lse"] | {"min_runs": 7, "min_seconds": 0.0}
    names = [t["name"] for t in evaluate("lse", "primal", given)["timings"]]
    assert names.count("evaluate") == 7
    assert names[0] == "prepare"


def lines(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What our tool answers."""
    return [json.loads(line) for line in answers(map(json.dumps, messages))]


def test_the_tool_answers_every_kind_of_line() -> None:
    start, known, unknown, bad, judged = lines(
        {"id": 0, "kind": "start", "eval": "hello"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "define", "module": "nonesuch"},
        {"id": 3, "kind": "evaluate", "module": "hello", "function": "double", "input": {}},
        {"id": 4, "kind": "analysis", "of": 3, "valid": False},
    )
    assert start == {"id": 0, "tool": "micrograd-mlir"}
    assert known == {"id": 1, "success": True}
    assert not unknown["success"]
    assert "nonesuch" in unknown["error"]
    assert not bad["success"]
    assert "Error" in bad["error"]
    assert judged == {"id": 4}


JUDGE = """
    import json, sys
    def ask(**message):
        print(json.dumps(message), flush=True)
        answer = json.loads(sys.stdin.readline())
        assert answer["id"] == message["id"]
        return answer
    ask(id=0, kind="start", eval="tiny")
    if ask(id=1, kind="define", module="tiny")["success"]:
        for k, x in enumerate((2.0, 3.0)):
            of, asked = 2 + 2 * k, {"module": "tiny", "function": "f", "description": str(x)}
            y = ask(id=of, kind="evaluate", input=x, **asked)
            if y["success"]:
                right = y["output"] == 2 * x
                error = "" if right else "no"
                ask(id=of + 1, kind="analysis", of=of, valid=right, error=error)
"""
TOOL = """
    import json, sys, time
    for line in sys.stdin:
        message = json.loads(line)
        answer = {"id": message["id"]}
        if message["kind"] == "define":
            answer["success"] = True
        if message["kind"] == "evaluate":
            %s
            timing = {"name": "evaluate", "nanoseconds": 2000}
            answer |= {"success": True, "output": 4.0, "timings": [timing, timing]}
        print(json.dumps(answer), flush=True)
"""


def program(text: str, *words: str) -> Command:
    """A process of Python."""
    text = textwrap.dedent(text) % words if words else textwrap.dedent(text)
    return Command([sys.executable, "-c", text], Path.cwd())


def test_an_eval_and_a_tool_are_joined_by_pipes() -> None:
    record = connect(program(JUDGE), program(TOOL, "pass"), 60.0)
    assert record.error == ""
    assert record.define > 0.0
    first, second = record.evaluations
    assert (first.function, first.description, first.valid, first.runs) == (
        "f",
        "2.0",
        True,
        [2e-6] * 2,
    )
    assert (second.valid, second.error) == (False, "no")


@pytest.mark.parametrize("answer", ["nan", "[1.0, {'a': [nan]}]", "-inf"])
def test_an_answer_that_is_not_finite_is_wrong_whatever_an_eval_says(answer: str) -> None:
    judge = JUDGE.replace('right = y["output"] == 2 * x', "right = True")
    tool = TOOL.replace('"output": 4.0', f'"output": {answer}')
    setting = "from math import inf, nan"
    for evaluation in connect(program(judge), program(tool, setting), 60.0).evaluations:
        assert (evaluation.valid, evaluation.error) == (False, "the answer is not finite")


def test_what_takes_too_long_is_cut() -> None:
    record = connect(program(JUDGE), program(TOOL, "time.sleep(60)"), 1.0)
    assert record.error == "over the limit of 1 s"
    assert record.evaluations == []


def test_a_tool_that_ends_says_why() -> None:
    record = connect(program(JUDGE), program(TOOL, "raise KeyError('here')"), 60.0)
    assert "KeyError: 'here'" in record.error


def test_an_eval_that_ends_says_why() -> None:
    record = connect(program("raise KeyError('there')"), program(TOOL, "pass"), 60.0)
    assert "KeyError: 'there'" in record.error


def checkout(folder: Path, wrap: str) -> Path:
    """What the runner looks for in a checkout of the suite."""
    for part in (
        "python/gradbench/gradbench/tools/other",
        "cpp",
        "evals",
        "tools/manual",
        "tools/other",
    ):
        (folder / part).mkdir(parents=True)
    (folder / "python/gradbench/gradbench/wrap.py").write_text(wrap)
    (folder / "python/gradbench/gradbench/tools/other/run.py").write_text("")
    (folder / "tools/other/evals.txt").write_text("gmm\nht timeout\n")
    return folder


RUN = "def f():\n    output = function(input)\n\n\ndef g():\n    output = function(input)\n"


def test_the_suite_is_copied_and_waits_for_results(tmp_path: Path) -> None:
    given = checkout(tmp_path / "suite", RUN)
    suite = Suite(given, tmp_path / "work", {"ours": "p", "other": "q"}, "python")
    copied = suite.folder / "python/gradbench/gradbench/wrap.py"
    assert copied.read_text().count("_ready(function(input))") == 2
    compile(copied.read_text(), "wrap.py", "exec")
    assert (given / "python/gradbench/gradbench/wrap.py").read_text() == RUN
    assert suite.has("other", "gmm")
    assert not suite.has("other", "lstm")
    assert suite.tool("other").arguments[0] == "q"
    assert suite.tool("manual").arguments[-1] == "manual"
    assert suite.judge("gmm", ["-d", "2"]).arguments[-2:] == ["-d", "2"]
    Suite(given, tmp_path / "work", {"ours": "p", "other": "q"}, "python")  # once more, over it


def test_what_is_no_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuite, match="no checkout of GradBench with python/gradbench"):
        Suite(tmp_path, tmp_path / "work", {"ours": ""}, "python")
    with pytest.raises(NoSuite, match="in another way"):
        Suite(checkout(tmp_path / "new", "output = 1"), tmp_path / "work", {"ours": ""}, "python")


def test_our_text_has_characters_of_14_bits() -> None:
    text = own_text()
    assert len(text) > 8192
    assert 1 << 13 < max(map(ord, text[:64])) < 1 << 14


def test_the_table_has_ratios_and_says_what_failed() -> None:
    command = parse(["--suite", "there"])
    assert command.tools == ["ours", "manual"]
    assert set(sizes.SIZES) == set(sizes.SMALL) >= set(sizes.BARS)
    record = connect(program(JUDGE), program(TOOL, "pass"), 60.0)
    found = rows(record, sizes.Size("", note="big, "))
    found[0] |= {"first_cpu": 0.5}
    manual = [found[0] | {"runs": [6e-6]}, found[1]]
    text = report.eval_section("llsq", {"ours": found, "manual": manual})
    assert " | 500 ms | 2 us | 6 us | 3.00 | 5, 1 s | ours |" in text
    assert "| f big, 3.0 |  |  | wrong | wrong |  | 5, 1 s |  |" in text
    assert report.target("lstm", "jacobian", "l=2,c=1024") == "10, 5 s"
    assert report.target("det", "gradient", "10") == "7, 10 s"
    assert report.target("det", "gradient", "11") == ""


def test_the_report_has_a_section_if_the_suite_was_measured(tmp_path: Path) -> None:
    assert report.section(tmp_path) == ""
    run = tmp_path / report.RUN
    run.parent.mkdir()
    run.write_text(json.dumps({"environment": environment(), "evals": {"llsq": {"ours": []}}}))
    assert report.section(tmp_path).startswith("## GradBench\n")
    assert "### llsq" in report.section(tmp_path)
