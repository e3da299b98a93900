"""Every benchmark runs, small, without the other projects. Nothing here looks at times."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import batch, cases, harness, native, reference, report, rounding, workloads
from benchmarks.__main__ import main, parse, plan_of
from benchmarks.experiment import Bar, Contestant, Experiment, worst_error
from benchmarks.peers import client, install
from benchmarks.peers.batch.numpy import ARRAYS

ROOT = Path(__file__).parent.parent
STATUSES = {
    *("timed", "wrong", "failed", "not installed", "left out", "over budget", "no C compiler"),
    "not there yet",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The JSON of a small run of everything."""
    pytest.importorskip("sklearn")
    path = tmp_path_factory.mktemp("benchmarks") / "all.json"
    main(["--small", "--peers", "--json", str(path)])
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def contestants(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in results["cases"]:
        for e in case["experiments"]:
            for c in e["contestants"]:
                yield f"{case['case']}, {e['name']}, {c['name']}", c


def test_every_case_runs_and_every_answer_of_ours_is_right(results: dict[str, Any]) -> None:
    assert [c["case"] for c in results["cases"]] == list(cases.CASES)
    for where, c in contestants(results):
        if c["peer"] in ("ours", "numpy") and c["status"] != "not there yet":
            assert c["status"] == "timed", f"{where}: {c['status']}: {c['note']}"


@pytest.mark.skipif(native.compiler() is None, reason="no C compiler")
def test_the_c_by_hand_is_right(results: dict[str, Any]) -> None:
    for where, c in contestants(results):
        if c["peer"] == "c" and "Python.h" not in c["note"]:
            assert c["status"] == "timed", f"{where}: {c['status']}: {c['note']}"


def test_results_have_the_documented_form(results: dict[str, Any]) -> None:
    assert results["schema"] == 1
    record = results["environment"]
    assert {"date", "cpu", "cores", "threads", "versions", "compiler", "small"} <= set(record)
    assert {"python", "numpy", "llvmlite"} <= set(record["versions"])
    for where, c in contestants(results):
        assert c["status"] in STATUSES, where
        if c["status"] == "timed":
            e = c["evaluation"]
            assert 0 < e["min"] <= e["median"] <= e["max"], where
            assert len(e["samples"]) == record["repetitions"], where
    for case in results["cases"]:
        for e in case["experiments"]:
            form = {"name", "table", "row", "what", "dtype", "accuracy", "contestants", "bars"}
            assert form == set(e)
            for bar in e["bars"]:
                assert (bar["met"] is None) == (bar["measured"] is None)


def test_the_report_ends_with_the_training_if_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    assert report.training() == ""
    (tmp_path / "moons_sweep.md").write_text("| samples |\n")
    text = report.training()
    assert text.startswith("## training\n\nmomograd's benchmark, by `micrograd benchmark-moons")
    assert "\n\n| samples |\n\n" in text
    (tmp_path / "digits.md").write_text("| longer |\n")
    text = report.training()
    assert text.count("## training") == 1
    assert "benchmark, by `micrograd run-digits-benchmark --rounds 1 --budget 20`.\n\n" in text
    assert "\n\n| longer |\n\n![Sec" in text


def test_the_report_passes_over_results_that_have_tables_of_their_own(
    results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, other = tmp_path / "cases.json", tmp_path / "newcomer.json"
    cases.write_text(json.dumps(results))
    other.write_text(json.dumps({"bar": 120, "seconds": 1.0}))
    assert report.main([str(cases), str(other)]) == 0
    assert capsys.readouterr().out == f"{report.document([results])}\n"
    with pytest.raises(SystemExit):
        report.main([str(other)])
    assert '"cases"' in capsys.readouterr().err


def test_the_report_has_a_row_for_every_contestant(results: dict[str, Any]) -> None:
    text = report.document([results])
    for case in results["cases"]:
        assert f"## {case['case']}\n" in text
    for _, c in contestants(results):
        assert f"| {c['name']} | " in text
    assert all(len({line.count("|") for line in t}) == 1 for t in tables(text))


def tables(text: str) -> list[list[str]]:
    return [block.strip().split("\n") for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)]


def test_the_readme_table_is_put_in_its_place(results: dict[str, Any]) -> None:
    readme = f"before\n{report.BEGIN}\nold \\1 text\n{report.END}\nafter\n"
    filled = report.fill(readme, report.summary([results]))
    assert filled.startswith(f"before\n{report.BEGIN}\n| case | must reach |")
    assert filled.endswith(f"\n{report.END}\nafter\n")
    assert "old" not in filled
    assert report.fill(filled, "x") == report.fill(readme, "x")
    with pytest.raises(ValueError, match="benchmark table: begin"):
        report.fill("nothing", "x")


class Pretender:
    """A contestant's process that answers by itself; notes what it was asked to time."""

    def __init__(self, answer: list[float], order: list[str]) -> None:
        self.answer, self.order, self.alive = answer, order, True

    def ask(self, seconds: float | None = None, **request: Any) -> dict[str, Any]:
        if request["do"] == "versions":
            return {"versions": {}}
        if request["do"] == "prepare":
            return {"answer": self.answer, "phases": {"first": 0.5}, "facts": {"statements": 19}}
        self.order.append(request["key"])
        return {"seconds": request["count"] * 1e-3}

    def close(self) -> None:
        self.alive = False


def run_pretenders(
    answers: dict[str, list[float]], *bars: Bar, repetitions: int = 3
) -> tuple[dict[str, Any], list[str]]:
    """The results of an experiment whose right answer is [1, 2, 3], and the order of timing."""
    order: list[str] = []

    class Stage(harness.Harness):
        def start(self, contestant: Contestant, *, shared: bool = False) -> Any:
            return Pretender(answers[contestant.key], order)

    e = Experiment(
        *("case", "name", "what", "f64", lambda: [1.0, 2.0, 3.0]),
        tuple(Contestant(name, "ours", name) for name in answers),
        bars=bars,
    )
    stage = Stage(harness.Plan(repetitions=repetitions, sample=0.002), lambda line: None)
    return stage.case("case", [e])["experiments"][0], order


@pytest.mark.parametrize(
    "wrong",
    [[1.0, 2.0, 3.1], [1.1, 2.0, 3.0], [1.0, 2.0], [1.0, float("nan"), 3.0], [1.0, 3.0, 2.0]],
    ids=["gradient", "value", "too few", "nan", "order"],
)
def test_a_wrong_answer_is_reported_and_not_timed(wrong: list[float]) -> None:
    bar = Bar("evaluation", 9.0, "bad", "good")
    result, order = run_pretenders({"good": [1.0, 2.0, 3.0], "bad": wrong}, bar)
    good, bad = result["contestants"]
    assert (good["status"], bad["status"]) == ("timed", "wrong")
    assert "evaluation" not in bad
    assert "bad" not in order
    assert result["bars"][0]["met"] is None
    json.dumps(result, allow_nan=False)


def test_samples_are_taken_in_turn_and_bars_judged_by_medians() -> None:
    right = [1.0, 2.0, 3.0]
    bars = (
        Bar("evaluation", 1.0, "a", "b"),
        Bar("first", 0.4, "a"),
        Bar("statements", 25, "b"),
        Bar("evaluation", 1.0, "a", "nobody"),
    )
    result, order = run_pretenders({"a": right, "b": right}, *bars, repetitions=4)
    assert order[-8:] == ["a", "b"] * 4
    assert [b["met"] for b in result["bars"]] == [True, False, True, None]
    assert result["contestants"][0]["evaluation"]["median"] == pytest.approx(1e-3)


def test_a_contestant_over_its_budget_is_cut() -> None:
    e = next(iter(cases.experiments("call", small=True)))
    stage = harness.Harness(harness.Plan(budget=0.0, only=frozenset({"ours"})), lambda line: None)
    reports = stage.experiment(e)["contestants"]
    assert {c["status"] for c in reports} == {"over budget", "left out"}


def test_a_peer_that_is_not_there_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "HOMES", tmp_path)
    with pytest.raises(client.NotInstalled, match="benchmarks\\.peers install numba"):
        client.interpreter("numba", {})
    assert client.interpreter("numba", {"numba": "/a/python"}) == "/a/python"


def test_every_contestant_is_one_that_its_peer_has() -> None:
    for case in cases.CASES:
        for e in cases.experiments(case, small=False):
            for c in e.contestants:
                assert c.peer in {*client.OWN, *install.REQUIREMENTS}
                *group, key = c.key.split(".")
                place = ROOT.joinpath("benchmarks", "peers", *group, f"{c.peer}.py")
                assert f"def {key}(" in place.read_text(), f"{c.peer} has no {c.key}"
            names = {c.name for c in e.contestants}
            assert {b.contestant for b in e.bars} | {b.against or b.contestant for b in e.bars} <= (
                names
            )


def test_the_references_are_the_published_numbers() -> None:
    pytest.importorskip("sklearn")
    parameters = workloads.parameters_of(*workloads.MOONS, seed=1337)
    loss = reference.moons(*reference.moons_data(100), parameters)
    assert len(loss) == 338
    assert loss[0] == pytest.approx(0.8958441028683222, abs=1e-14)


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: workloads.pendulum_reference(*x, 50), [1.0, 0.2]),
        (lambda x: workloads.chain_reference(*x, 7), [0.7]),
        (lambda x: reference.score([*x, 0.5, 2.0, -0.1], 2, (1, 1), [0.3, 0.4])[:3], [0.5, 0.6]),
    ],
    ids=["pendulum", "chain", "mlp"],
)
def test_gradients_of_references_are_those_of_differences(f: Any, point: list[float]) -> None:
    step = 1e-6
    for k, partial in enumerate(f(point)[1:]):
        ends = [f([x + s * step * (i == k) for i, x in enumerate(point)])[0] for s in (1, -1)]
        assert partial == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("name", batch.PROGRAMS)
def test_the_batch_references_are_right(name: str) -> None:
    """Against central differences of the same program on Python's floats."""
    namespace = SimpleNamespace(
        **{f: getattr(math, f) for f in ("sqrt", "exp", "log", "sin", "tanh", "erf")},
        relu=lambda x: max(x, 0.0),
    )
    f, xs = batch.PROGRAMS[name](namespace), batch.inputs(name, 20, "f64")
    found = np.array([c.value for c in rounding.columns(name, xs)])
    for point, column in zip(np.transpose(xs), found.T, strict=True):
        assert column[0] == pytest.approx(f(*point), rel=1e-9)
        for k, partial in enumerate(column[1:]):
            step = 1e-5 * (np.arange(len(point)) == k)
            slope = (f(*(point + step)) - f(*(point - step))) / 2e-5
            assert partial == pytest.approx(slope, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", batch.BY_HAND)
@pytest.mark.parametrize(("dtype", "accuracy"), [("f64", 1e-12), ("f32", 2e-4)])
def test_what_rounding_excuses_is_little(name: str, dtype: str, accuracy: float) -> None:
    numbers, scales = rounding.reference(name, 5000, dtype, accuracy)
    right = batch.BY_HAND[name](ARRAYS)(*batch.inputs(name, 5000, dtype))
    assert worst_error(batch.digest(right), numbers, scales) < accuracy / 10
    # a digit that is wrong shows: in one place of the thousand, and in the mean if not there
    wrong = np.array(right)
    wrong[-1, batch.chosen(5000)[100]] *= 1 + 30 * accuracy
    assert worst_error(batch.digest(wrong), numbers, scales) > accuracy
    unfinished = np.array(right)
    unfinished[0, 4321] = np.nan
    assert 4321 not in batch.chosen(5000)
    assert worst_error(batch.digest(unfinished), numbers, scales) == float("inf")


def test_errors_may_be_relative_to_given_scales() -> None:
    assert worst_error([1.0, 2.5], [1.0, 2.0], [1.0, 10.0]) == pytest.approx(0.05)


def test_columns_begin_at_a_cache_line() -> None:
    columns = [*batch.inputs("bs", 100, "f32"), batch.outputs("bs", 100, "f32")]
    assert all(x.ctypes.data % 64 == 0 for x in columns)
    assert len({x.ctypes.data % 4096 for x in columns}) == len(columns)
    assert np.isnan(columns[-1]).all()


def test_a_process_is_given_its_threads() -> None:
    assert client.environment(2)["OMP_NUM_THREADS"] == "2"
    assert "multi_thread_eigen=false" in client.environment(1)["XLA_FLAGS"]


def test_errors_are_relative_to_the_number() -> None:
    assert worst_error([1.0, 0.0, 1e-9], [1.0, 0.0, 0.0]) == float("inf")
    assert worst_error([1e6 + 1, 5.0], [1e6, 5.0]) == pytest.approx(1e-6)


def test_the_command_line_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    said = capsys.readouterr().out
    assert all(case in said for case in cases.CASES)
    with pytest.raises(SystemExit):
        parse(["nonsense"])
    assert "no case nonsense" in capsys.readouterr().err
    plan = plan_of(parse(["--peers", "jax=/a/python", "numba", "--repetitions", "7"]))
    assert plan.only == {"ours", "c", "numpy", "jax", "numba"}
    assert (plan.peers, plan.repetitions) == ({"jax": "/a/python"}, 7)


def test_the_peers_command_lists_them() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", "list"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert [line.split()[0] for line in said.stdout.splitlines()] == list(install.REQUIREMENTS)
