"""The examples run, and print what they promise."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lowering.bindings import package
from micrograd import fit
from micrograd.optim import Adam, linear

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str, **environment: str) -> str:
    """What an example prints, run as a user runs it, warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)} | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_gives_the_numbers_of_micrograds_readme() -> None:
    out = run("readme.py").splitlines()
    assert [line.split(None, 1)[0] for line in out] == ["interpreted", "compiled"]
    for line in out:
        assert "g = 24.7041  dg/da = 138.8338  dg/db = 645.5773" in line


def test_other_dialects_compile_where_the_bindings_have_the_passes() -> None:
    out = run("dialects.py").splitlines()
    if package() == "mlir":
        assert out[-1] == "8 steps: 1.414213562373095, off by 2.2e-16"
    else:
        assert out == [
            "jaxlib.mlir does not have the passes: pip install 'xtc-mlir-python-bindings'"
        ]


def test_demo_shows_every_stage_and_equal_losses(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    picture = tmp_path / "boundary.png"
    out = run("demo.py", DEMO_STEPS="3", DEMO_SAMPLES="20", DEMO_PICTURE=str(picture))
    for stage in ("graph", "program", "schedule", "mlir", "llvm_ir", "assembly"):
        assert f"== {stage} (" in out
    assert "llvm.func @main" in out
    assert out.count("24.7041") == 2
    assert out.count("645.5773") == 2
    step0 = next(line for line in out.splitlines() if line.startswith("loss 0"))
    interpreted, double, single = map(float, step0.split()[2:])
    assert interpreted == pytest.approx(double, rel=1e-10)
    assert interpreted == pytest.approx(single, rel=1e-5)
    assert "values became 12 statements forward" in out
    assert "did not reroll: nothing" in out
    page = picture.with_suffix(".html")
    assert f"the decision boundary is in {picture}\n" in out
    assert out.endswith(f"which line became what, and which lines take the time, is in {page}\n")
    assert picture.stat().st_size > 5000
    assert 100_000 < page.stat().st_size < 1_000_000
    assert "scores = list(map(model, inputs))" in page.read_text(encoding="utf-8")


def test_moons_are_micrograds(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import moons

    X, y = moons.make_data()
    model = moons.make_model()
    loss, scores = moons.total_loss(model, X, y)
    assert len(model.parameters()) == 337
    assert loss.data == pytest.approx(0.8958441028683222, rel=1e-13)
    assert moons.accuracy(scores, y) == 0.5


def test_moons_train_to_micrograds_last_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import demo

    run = demo.compiled(100, 100, "f64")
    assert run.losses[99] == pytest.approx(0.0109783701354927, rel=1e-9)
    assert run.accuracy == 1.0


def test_moons_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    import moons

    with pytest.raises(SystemExit, match=r"pip install 'micrograd-mlir\[demo\]'"):
        moons.make_data()


def test_demo_without_matplotlib_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    import demo
    import moons

    moons.make_data(10)
    untrained = demo.Run([0.0], 1.0, 0.5, model=moons.make_model())
    demo.picture(untrained, 10, tmp_path / "none.png")
    assert "no picture: pictures are drawn by matplotlib" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_tiny_regression_learns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import tiny_regression

    losses = tiny_regression.main(60)
    assert losses[-1] < 0.01 * losses[0]
    assert "step   0" in capsys.readouterr().out


def test_yin_yang_trains_the_same_both_ways(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import yin_yang

    assert yin_yang.main(3) > 0.85
    apart = float(capsys.readouterr().out.split("relative difference ")[1].split()[0])
    assert apart < 1e-12


def test_visualize_writes_a_drawing(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    written = run("visualize.py", str(tmp_path / "neuron")).splitlines()[-1]
    assert Path(written).stat().st_size > 500
    assert "ReLU" in Path(written).read_text()


def test_demo_engine_prints_the_graph_and_the_compiled_gradient() -> None:
    out = run("demo_engine.py").splitlines()
    assert out[0] == "Value(data=24.70408163265306, grad=1, label='g')"
    assert out[1].startswith("Value(data=-4.0, grad=138.8338")
    assert "g +                data=24.70408163265306    grad=  1" in out
    assert "              b    data= 2.0                 grad=645.5772594752186" in out
    assert out[-1] == "g = 24.7041  dg/da = 138.8338  dg/db = 645.5773"


def test_demo_nn_trains_the_same_both_ways(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import demo_nn

    eager, native = demo_nn.main(epochs=30)
    assert eager[-1] < 0.02 * eager[0]
    assert native == pytest.approx(eager, rel=1e-12)
    out = capsys.readouterr().out
    assert out.startswith("A neuron: Value(data=0.9389081509371364, grad=0)\n")
    assert out.count("wanted: ") == 4


MICROGPT = [
    *(3.3659669475848504, 3.4242727838717717, 3.177802125458052),
    *(3.066355684224198, 3.220883089750623, 2.945159723009943),
]
"""The losses of its first steps, on 32,033 names; these are the first of them, shuffled."""
NAMES = ["yuheng", "diondre", "xavien", "jori", "juanluis", "erandi"]


def microgpt_and_documents(
    monkeypatch: pytest.MonkeyPatch, *, plain: bool = False
) -> tuple[Any, list[list[int]]]:
    """The model, and NAMES as tokens."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import microgpt
    import microgpt_plain

    random.seed(42)
    random.shuffle(list(range(32_033)))
    documents = [[26, *(ord(c) - ord("a") for c in name), 26] for name in NAMES]
    return (microgpt_plain.PlainGPT if plain else microgpt.GPT)(26), documents


def adam(model: Any) -> Adam:
    return Adam(model.parameters(), lr=linear(0.01, 0.0, 1000), betas=(0.85, 0.99))


def test_microgpt_has_the_known_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    model, documents = microgpt_and_documents(monkeypatch)
    optimizer = adam(model)
    assert len(model.parameters()) == 4192
    for document, known in zip(documents[:2], MICROGPT, strict=False):
        optimizer.zero_grad()
        loss = model.loss(document)
        assert loss.data == pytest.approx(known, rel=1e-12)
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("plain", [False, True])
def test_compiled_microgpt_has_the_known_losses(
    plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, documents = microgpt_and_documents(monkeypatch, plain=plain)
    history = fit(
        *(model.loss, adam(model)),
        data=documents,
        steps=6,
        batch_size=1,
        shuffle=False,
        dtype="f64",
    )
    assert history.losses == pytest.approx(MICROGPT, rel=1e-12)


def test_microgpt_trains_and_makes_up_words(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("eighteen\nnineteen\nseventy\n")
    data, out = str(tmp_path / "words"), tmp_path / "out.json"
    shown = run("microgpt.py", "--data", data, "--steps=20", "--samples=2", "--json", str(out))
    assert shown.startswith("3 words, 10 tokens, 3648 parameters\n")
    found = json.loads(out.read_text())
    assert found["losses"][-1] < found["losses"][0] < 2.6
    assert len(found["samples"]) == 2
    assert set("".join(found["samples"])) <= set("eighteennineteenseventy")
    assert all(seconds > 0.0 for seconds in found["seconds"].values())
