"""`micrograd explain`: what it finds in a script, what it says, and the page that it serves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from micrograd.cli import main

ROOT = Path(__file__).parents[2]

SCRIPT = """\
from micrograd import Value, jit, tanh
from micrograd.nn import MLP
from neighbour import factor

w, b = Value(0.5, label="w"), Value(0.1, label="b")


def line(x, y):
    return tanh(x * y) * factor


def total(numbers: list, scale=1.0):
    return sum(n * n for n in numbers) * scale


def slip(x):
    return expp(x)


def each(xs):
    return sum(x * x for x in xs)


fitted = (w * 2.0 + b) ** 2
constant = Value(2.0) * 3.0
kernel = jit(line)
model = MLP(2, [3, 1])
words = "no function"

if __name__ == "__main__":
    raise SystemExit("the script itself was run")
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A script in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "neighbour.py").write_text("factor = 3.0\n")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    before = dict(sys.modules)
    yield path
    for name in set(sys.modules) - set(before):
        if name in ("script", "neighbour"):
            del sys.modules[name]


def explain(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["explain", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (["line"], "line.value_and_grad"),
        (["line", "--value"], "line"),
        (["line", "--grad", "--wrt", "y", "--dtype", "f32"], "line.grad"),
        (["total", "--args", "[1.0, 2.0], scale=2.0", "--strict"], "total.value_and_grad"),
        (["fitted"], "value.value_and_grad"),
        (["fitted", "--value"], "value"),
        (["constant"], "value"),
        (["fitted", "--wrt", "[w, b]"], "value.value_and_grad"),
        (["fitted", "--wrt", "w", "--grad"], "value.grad"),
        (["kernel"], "line"),
        (["kernel.grad"], "line.grad"),
        (["kernel", "--value-and-grad", "--args", "1.0, 2.0"], "line.value_and_grad"),
        (["model"], "mlp.value_and_grad"),
    ],
    ids=" ".join,
)
def test_a_page_is_written(
    script: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], title: str
) -> None:
    name, *rest = arguments
    code, out, err = explain(capsys, f"script.py:{name}", *rest)
    assert (code, err) == (0, "")
    page = script.with_name(f"{name.rpartition('.')[2]}.html")
    assert out.startswith(f"{page.name} (")
    text = page.read_text(encoding="utf-8")
    found = re.search("<title>(.*)</title>", text)
    assert found is not None
    assert found[1].lower() == title


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.py:f"], "there is no file none.py"),
        (["script.py:loss"], "there is no loss in script.py. script.py has w, b, line, total, "),
        (["script.py:kernel.loss"], "kernel in script.py has no loss"),
        (
            ["script.py:words"],
            "words is str 'no function'; it should be a function, a Value, a model",
        ),
        (
            ["script.py:total", "--value"],
            "structure; call it once, then look at it; here by --args",
        ),
        (["script.py:each"], "to take an array whole, annotate its parameter"),
        (["script.py:slip"], "slip cannot be run: script.py:17: NameError: name 'expp'"),
        (["script.py:total", "--args", "[1.0, oops]"], "--args cannot be evaluated: NameError"),
        (["script.py:line", "--wrt", "z"], "--wrt cannot be evaluated: NameError"),
        (["script.py:kernel", "--dtype", "f32"], "is compiled by the script already"),
        (["script.py:line", "--serve", "--output", "k.html"], "--serve writes no file"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_what_cannot_be_shown_is_said(
    script: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, _, err = explain(capsys, *arguments)
    assert code == 1
    assert said in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = 1 // 0\n", "bad.py does not run: bad.py:2: ZeroDivisionError"),
        ("x = (\n", "bad.py does not run: bad.py:1: SyntaxError"),
        ("raise SystemExit(3)\n", "bad.py ends itself when it is run"),
    ],
)
def test_a_script_that_does_not_run_is_told_with_its_line(
    script: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    script.with_name("bad.py").write_text(text)
    code, _, err = explain(capsys, "bad.py:f")
    assert code == 1
    assert said in err


def test_a_name_without_a_script_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "script.py"])
    assert "expected a script and a name in it, as script.py:loss" in capsys.readouterr().err


# --- the server ----------------------------------------------------------------------------------


@contextmanager
def served(script: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "micrograd", "explain", "script.py:line", "--serve"],
        cwd=script.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            address = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if address:
                yield address[0], process
                break
        else:
            pytest.fail("the server said no address")
    finally:
        process.kill()
        process.communicate()


def fetched(address: str, **headers: str) -> str:
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def changed(address: str, version: str) -> str:
    """The version behind a change."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        now = fetched(f"{address}version")
        if now != version:
            return now
        time.sleep(0.1)
    pytest.fail("the page was not made anew")


@pytest.mark.usefixtures("ctrl_c")
def test_the_page_is_served_and_made_anew_on_save(script: Path) -> None:
    with served(script) as (address, process):
        page, version = fetched(address), fetched(f"{address}version")
        assert "tanh(x * y)" in page.replace("<a>", "").replace("</a>", "")
        assert "data-live" in page
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetched(address, Host="elsewhere.example")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(f"{address}script.py")
        script.write_text(SCRIPT.replace("* factor", "+ oops"))
        version = changed(address, version)
        assert "script.py:9: NameError" in fetched(address)
        script.write_text(SCRIPT.replace("tanh(x * y)", "tanh(x - y)"))
        version = changed(address, version)
        assert "tanh(x - y)" in fetched(address).replace("<a>", "").replace("</a>", "")
        script.with_name("neighbour.py").write_text("factor = 4.25\n")
        changed(address, version)
        assert "4.25" in fetched(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
