"""The command line: what it prints and writes, exit codes, and every message."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd.checkpoint import load
from micrograd.cli import contestants, main, peers, report, sweep
from micrograd.cli.contestants import Contestant
from micrograd.cli.main import INTERRUPTED
from micrograd.cli.progress import Progress
from micrograd.datasets import moons, yin_yang
from micrograd.nn import MLP

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "train-moons",
    "benchmark-moons",
    "train-mlp",
    "train-digits",
    "train-mnist",
    "run-digits-training",
    "run-digits-benchmark",
    "recommended-workers",
)
LINE = re.compile(r"step (\d+) loss (\S+), accuracy (\S+)%")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, run as a user runs it."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "micrograd", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], ["train-moons", "benchmark-moons", "--version"]),
        (["train-moons", "--help"], ["--hidden", "--interpreter", "examples:", "1337"]),
        (["train-digits", "--help"], ["--network", "bigger 64-8192", "examples:", "--lr"]),
        (["train_mnist", "--help"], ["data/MNIST/raw", "examples:"]),
        (["run_digits_benchmark", "--help"], ["--pycrograd", "examples:", "1,2,all,dynamic"]),
        (["benchmark-moons", "--help"], ["--budget", "20:200:20", "examples:", "momograd"]),
    ],
)
def test_help(arguments: list[str], said: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for word in said:
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = capsys.readouterr().out
        options = text[text.index("options:") : text.index("examples:")]
        for entry in re.split(r"\n  (?=-)", options)[1:]:
            assert re.search(r"(\s{2,}|\n)\s*[a-zA-Z].*", entry), entry


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"micrograd (\d+\.\d+\.\d+|\(not installed\))\n", capsys.readouterr().out)


def test_no_command_is_wrong_usage_and_shows_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "invalid choice: 'train'"),
        (["train-moons", "--epochs", "0"], "a whole number from 1 to 1000000000, got '0'"),
        (
            ["train-moons", "--samples", "many"],
            "from 1 to 1000000000, got 'many'",
        ),
        (["train-moons", "--noise", "-1"], "expected a number, 0 or more, got '-1'"),
        (["train-moons", "--noise", "nan"], "expected a number, 0 or more, got 'nan'"),
        (
            ["train-moons", "--hidden", "16,"],
            "from 1 to 1000000000, got ''",
        ),
        (
            ["train-moons", "--hidden", "16,x"],
            "from 1 to 1000000000, got 'x'",
        ),
        (["train-moons", "--dtype", "f16"], "invalid choice: 'f16'"),
        (["train-moons", "--seed", "-1"], "a whole number from 0 to 4294967295, got '-1'"),
        (["train-moons", "--seed", "4294967296"], "a whole number from 0 to 4294967295"),
        (["train-moons", "--plot", "a.txt"], "ends with .png or .svg or .pdf, got 'a.txt'"),
        (["train-moons", "--plot", "no/such/a.png"], "in a directory that exists, got 'no/such"),
        (["train-moons", "--save", "model.pkl"], "ends with .npz or .safetensors, got 'model.pkl'"),
        (["train_digits", "--network", "large"], "invalid choice: 'large' (choose from"),
        (["run_digits_training", "10"], "the following arguments are required: LENGTH"),
        (["run_digits_training", "0", "100"], "argument EPOCHS: expected a whole number from 1"),
        (["run_digits_training", "1", "x"], "argument LENGTH: expected a whole number from 1"),
        (["benchmark-moons", "--samples", "20:10"], "FIRST:LAST:STEP or a list like 20,50,100"),
        (["benchmark-moons", "--samples", "1:2:3:4"], "FIRST:LAST:STEP or a list"),
        (["benchmark-moons", "--budget", "inf"], "expected a number, 0 or more, got 'inf'"),
        (["benchmark-moons", "--peer", "torch"], "expected NAME=PATH with the path of a Python"),
        (["benchmark-moons", "--peer", "torch=no/python"], "expected NAME=PATH"),
        (["benchmark-moons", "--csv", "."], "expected the name of a file in a directory"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20:200:20", list(range(20, 201, 20))),
        ("3:5", [3, 4, 5]),
        ("2:7:3", [2, 5]),
        ("100,20,20", [20, 100]),
        ("7", [7]),
    ],
)
def test_sizes(text: str, expected: list[int]) -> None:
    from micrograd.cli.arguments import sizes

    assert sizes(text) == expected


# --- train-moons ----------------------------------------------------------------------------------


def steps(out: str) -> dict[int, tuple[float, float]]:
    """Losses and accuracies by step."""
    return {int(k): (float(loss), float(share)) for k, loss, share in LINE.findall(out)}


def test_the_demo_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-moons", "--dtype", "f64", "--every", "1"]) == 0
    out = capsys.readouterr().out
    found = steps(out)
    assert list(found) == list(range(100))
    assert found[0] == (pytest.approx(0.8958441028683222, rel=1e-12), 50.0)
    assert found[1][0] == pytest.approx(1.7235905336972022, rel=1e-12)
    assert found[99] == (pytest.approx(0.0109783701354927, rel=1e-9), 100.0)
    assert re.search(r"^100 steps in \S+ \ws, after \S+ \w+ of tracing and compiling$", out, re.M)
    assert out.endswith("accuracy 100.0%\n")


def test_float32_reaches_all_points(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-moons"]) == 0
    out = capsys.readouterr().out
    found = steps(out)
    assert list(found) == list(range(0, 100, 10))
    assert found[0] == (pytest.approx(0.8958441, rel=1e-6), 50.0)
    assert out.endswith("accuracy 100.0%\n")


def test_interpreted_and_native_take_the_same_steps(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--samples", "12", "--epochs", "7", "--hidden", "5", "--seed", "3", "--every", "2"]
    assert main(["train-moons", *options, "--interpreter"]) == 0
    slow = capsys.readouterr().out
    assert main(["train-moons", *options, "--dtype", "f64"]) == 0
    fast = capsys.readouterr().out
    assert list(steps(slow)) == [0, 2, 4, 6]
    for k, (loss, share) in steps(slow).items():
        assert steps(fast)[k] == (pytest.approx(loss, rel=1e-9), share)
    assert "compiling" not in slow
    assert slow.splitlines()[-1] == fast.splitlines()[-1]


@pytest.mark.parametrize("how", [[], ["--interpreter"]])
def test_pictures_and_parameters_are_written_and_named(
    tmp_path: Path, how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    picture, saved = tmp_path / "boundary.png", tmp_path / "model.npz"
    options = ["--samples", "10", "--epochs", "2", "--hidden", "3", "--dtype", "f64"]
    files = ["--plot", str(picture), "--save", str(saved)]
    assert main(["train-moons", *options, *files, *how]) == 0
    out = capsys.readouterr().out
    assert f"the decision boundary is in {picture}\n" in out
    assert f"the parameters are in {saved}\n" in out
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert load(MLP(2, [3, 1]), saved) == {"epochs": "2"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["boundary.png", "model.npz"]


def test_the_boundary_lies_where_the_score_changes_its_sign(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from micrograd.cli import pictures

    points = np.array([[0.0, 0.0], [1.0, 2.0]])
    asked: list[Any] = []

    def score(grid: Any) -> Any:
        asked.append(grid)
        return grid[:, 0] - grid[:, 1]

    pictures.decision_boundary(tmp_path / "a.svg", points, [-1, 1], score, step=0.5)
    (grid,) = asked
    assert grid.min(axis=0).tolist() == [-1.0, -1.0]
    assert grid.max(axis=0).tolist() == [1.5, 2.5]
    assert len(grid) == 6 * 8
    assert "<svg" in (tmp_path / "a.svg").read_text()

    def drawn(scale: float, shift: float) -> bytes:
        path = tmp_path / "b.png"
        pictures.decision_boundary(
            path, points, [-1, 1], lambda grid: scale * (score(grid) + shift), step=0.5
        )
        return path.read_bytes()

    assert drawn(1.0, 0.1) == drawn(9.0, 0.1)
    assert drawn(1.0, 0.1) != drawn(1.0, 0.6)


@pytest.mark.parametrize(
    "options",
    [["--samples", "1000000000"], ["--hidden", "100000,100000"], ["--hidden", "999999999"]],
)
def test_more_than_fits_into_memory_is_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--interpreter"]):
        assert main(["train-moons", *options, *more]) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("micrograd: ")
        assert "are more scalars than fit into memory; give fewer --samples or smaller" in error


@pytest.mark.parametrize(
    ("module", "arguments", "what"),
    [
        ("matplotlib.figure", ["train-moons", "--plot", "a.png"], "pictures are drawn by matplotl"),
        ("matplotlib.figure", ["benchmark-moons", "--plot", "a.png"], "pictures are drawn by"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(
    module: str,
    arguments: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert what in captured.err
    assert "pip install 'micrograd-mlir[demo]'" in captured.err


class Terminal(io.StringIO):
    """What somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_to_who_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress(4, "steps") as progress:
        progress.advance(2)
        progress.say("half")
    assert "steps:" in screen.getvalue()
    assert "/4 [" in screen.getvalue()
    assert capsys.readouterr().out == "half\n"


def test_long_work_is_told_of_and_short_work_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress(1, "steps") as progress:
        with progress.busy("training"):
            pass
        assert screen.getvalue() == ""
        monkeypatch.setattr("micrograd.cli.progress.FIRST", 1e-3)
        with progress.busy("training"):
            for _ in range(10_000):
                if screen.getvalue():
                    break
                time.sleep(1e-3)
    assert re.match(r"training, \S+ m?s so far\n", screen.getvalue())


@pytest.mark.parametrize("screen", [Terminal(), io.StringIO()])
def test_without_tqdm_or_a_terminal_there_are_lines_only(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", screen)
    if screen.isatty():
        monkeypatch.setitem(sys.modules, "tqdm", None)
    with Progress(4, "steps") as progress:
        progress.advance(2)
        progress.say("half")
    assert screen.getvalue() == ""
    assert capsys.readouterr().out == "half\n"


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_training_with_130() -> None:
    command = ["train-moons", "--interpreter", "--samples", "10", "--epochs", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "micrograd", *command, "--every", "1"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("step 0 ")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED == 130
    assert err.splitlines()[-1] == "micrograd: interrupted"
    assert "Traceback" not in err


# --- benchmark-moons ------------------------------------------------------------------------------


def test_the_benchmark_writes_tables_samples_and_charts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    table, samples, charts = tmp_path / "a.md", tmp_path / "a.csv", tmp_path / "a.svg"
    arguments = ["--samples", "6,10", "--epochs", "3", "--rounds", "2"]
    files = ["--markdown", str(table), "--csv", str(samples), "--plot", str(charts)]
    assert main(["benchmark-moons", *arguments, *files]) == 0
    out = capsys.readouterr().out
    for path in (table, samples, charts):
        assert f"in {path}\n" in out
    assert table.read_text().strip() in out
    rows = list(csv.DictReader(samples.read_text().splitlines()))
    for name in ("interpreter", "interpreter, gc off", "NumPy", "this project"):
        mine = [(r["samples"], r["round"]) for r in rows if r["contestant"] == name]
        assert mine == [("6", "0"), ("6", "1"), ("10", "0"), ("10", "1")]
    by_size = {r["samples"]: float(r["last_loss_f64"]) for r in rows}
    for r in rows:
        assert float(r["last_loss_f64"]) == pytest.approx(by_size[r["samples"]], rel=1e-9)
        assert float(r["seconds"]) > 0.0
    text = charts.read_text()
    assert "<svg" in text


def test_the_budget_limits_the_interpreter_and_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--samples", "6,10", "--epochs", "2", "--rounds", "1", "--budget", "0"]
    assert main(["benchmark-moons", *arguments]) == 0
    out = capsys.readouterr().out
    for name in ("interpreter", "interpreter, gc off"):
        assert f"- {name}: not measured at 6, 10 samples, because of its budget of 0 s" in out
    assert "Times as fast" not in out


def test_a_size_is_left_out_when_it_would_exceed_the_budget() -> None:
    given = Namespace(samples=[20, 40, 100], epochs=1, rounds=2, dtype="f32", budget=5.0, peer=[])
    swept = sweep.Sweep(given, Progress(1, ""))
    c = swept.all[0]
    assert swept._affordable(c, 20, 0)  # nothing is known yet
    c.samples, c.spent = {20: [1.0]}, 1.0
    assert swept._affordable(c, 40, 0)  # 1 + 2 seconds
    assert not swept._affordable(c, 100, 0)  # 1 + 5
    assert not swept._affordable(c, 40, 1)  # it was left out in the first round
    assert next(iter(swept.notes())) == (
        "interpreter: not measured at 40, 100 samples and in fewer rounds at 20 (1) samples, "
        "because of its budget of 5 s (--budget)"
    )
    c.samples = {size: [1.0, 1.0] for size in given.samples}
    assert not [note for note in swept.notes() if note.startswith("interpreter:")]


@pytest.mark.parametrize(
    ("samples", "loss"),
    [(20, 0.011157265534910477), (100, 0.010844917131807), (200, 0.0105952776712746)],
)
def test_the_reference_has_the_known_last_losses(samples: int, loss: float) -> None:
    train = peers.numpy({**sweep.setting(samples, 100), "dtype": "f64"})
    assert train()[0] == pytest.approx(loss, rel=1e-11)
    assert train()[0] == pytest.approx(loss, rel=1e-11)  # from the same weights again


@pytest.mark.parametrize("name", ["PyTorch", "JAX", "numba", "this project"])
def test_peers_answer_as_the_reference_does(name: str) -> None:
    package = {"PyTorch": "torch", "JAX": "jax"}.get(name, name)
    if name != "this project":
        pytest.importorskip(package)
    given = {**sweep.setting(20, 30), "dtype": "f64"}
    expected, _ = peers.numpy(given)()
    train = peers.PEERS[name](given)
    for _ in range(2):
        loss, seconds = train()
        assert loss == pytest.approx(expected, rel=1e-9)
        assert seconds > 0.0


def wrong(setting: dict[str, Any]) -> Any:
    """A peer that is off by a little."""
    train = peers.numpy(setting)
    return lambda: (train()[0] * 1.0001, 1e-3)


PEER = """
import sys
sys.path.insert(0, {root!r})
from micrograd.cli import serve
from tests.cli import test_cli
serve.serve({{"numba": test_cli.{function}}}, "numba")
"""


def crash(setting: dict[str, Any]) -> Any:
    """A peer that fails."""
    raise RuntimeError("no such processor")


def leave(setting: dict[str, Any]) -> Any:
    """A peer whose process ends."""
    raise SystemExit


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("wrong", r"numba: wrong: last loss \S+ for 6 samples, should be \S+"),
        ("crash", "numba: failed: RuntimeError: no such processor"),
        ("leave", "numba: failed: its process ended"),
    ],
)
def test_a_wrong_or_failing_peer_is_not_timed(
    function: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = tmp_path / "serve.py"
    script.write_text(PEER.format(root=str(ROOT), function=function))
    start = Contestant.start

    def start_numba(c: Contestant, python: str | None) -> bool:
        with monkeypatch.context() as patched:
            if c.name == "numba":
                patched.setattr(contestants, "SERVE", script)
                python = sys.executable
            return start(c, python)

    monkeypatch.setattr(Contestant, "start", start_numba)
    arguments = ["--samples", "6", "--epochs", "2", "--rounds", "1", "--budget", "0"]
    assert main(["benchmark-moons", *arguments]) == 1
    captured = capsys.readouterr()
    assert re.search(said, captured.err)
    assert re.search(f"- {said}", captured.out)
    header = next(line for line in captured.out.splitlines() if line.startswith("| samples"))
    assert "numba" not in header
    assert "this project" in header


def test_a_peer_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: None)
    c = Contestant("PyTorch", "torch")
    assert not c.start(None)
    assert c.status == "not installed"


def test_an_unknown_peer_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark-moons", "--peer", f"theano={sys.executable}"]) == 1
    assert "--peer takes torch, jax, numba, not theano" in capsys.readouterr().err


def test_speedups_are_of_sizes_that_both_have() -> None:
    times = {"slow": {10: 2.0, 20: 4.0}, "fast": {10: 0.5, 30: 0.5}}
    assert report.speedups(times, "slow") == {"fast": {10: 4.0}}
    assert report.speedups({"fast": {10: 0.5}}, "slow") == {"fast": {}}
    assert report.table("n", [10, 20], {"fast": {10: 0.5}}, report.duration) == (
        "| n | fast |\n| ---: | ---: |\n| 10 | 500 ms |\n| 20 |  |"
    )


# --- data sets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 2, 7, 100])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_moons_are_scikit_learns_bit_for_bit(samples: int, noise: float) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    expected, classes = datasets.make_moons(samples, noise=noise or None, random_state=1337)
    points, labels = moons(samples, noise)
    assert points.tolist() == expected.tolist()
    assert labels.tolist() == (2 * classes - 1).tolist()


def test_moons_are_half_circles_and_change_no_global_generator() -> None:
    state = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    points, labels = moons(101, noise=0.0, seed=4)
    assert np.random.get_state()[1].tolist() == state  # type: ignore[index, union-attr]
    upper, lower = points[labels == -1], points[labels == 1]
    assert (len(upper), len(lower)) == (50, 51)
    assert np.hypot(*upper.T) == pytest.approx(np.ones(50))
    assert np.hypot(*(lower - [1.0, 0.5]).T) == pytest.approx(np.ones(51))
    assert moons(10, seed=4)[0].tolist() != moons(10, seed=5)[0].tolist()


def test_yin_yang_is_symmetric_about_its_centre_but_for_the_names() -> None:
    points, classes = yin_yang(3000, seed=5)
    assert (np.hypot(*points.T) <= 2.0).all()
    assert np.bincount(classes) == pytest.approx([1000] * 3, abs=120)
    # turned by half a circle, yin becomes yang, and the dots each other
    from micrograd.datasets import _yin_yang_class

    assert _yin_yang_class(-points).tolist() == np.array([1, 0, 2])[classes].tolist()
    assert yin_yang(50, seed=5)[0].tolist() == yin_yang(50, seed=5)[0].tolist()
    assert yin_yang(50, seed=5)[0].tolist() != yin_yang(50, seed=6)[0].tolist()


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((-1.0, 0.0), 2),
        ((1.0, 0.39), 2),
        ((-1.0, 0.7), 0),
        ((-1.0, -0.7), 0),
        ((1.0, 0.7), 1),
        ((1.0, -0.7), 1),
        ((0.0, 1.5), 0),
        ((0.0, -1.5), 1),
        ((2.0, 0.1), -1),
    ],
)
def test_yin_and_yang(point: tuple[float, float], expected: int) -> None:
    from micrograd.datasets import _yin_yang_class

    assert _yin_yang_class(np.array([point])).tolist() == [expected]
