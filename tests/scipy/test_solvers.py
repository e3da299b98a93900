"""SciPy's solvers with compiled functions and derivatives give what SciPy gives with derivatives
that are written out by hand: the same steps, the same answers.
"""

from __future__ import annotations

import importlib
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, jit
from micrograd.errors import SignatureError

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

from micrograd.scipy import (  # noqa: E402
    curve_fit,
    least_squares,
    minimize,
    root,
    root_scalar,
    solve_ivp,
)

METHODS = {
    None: ("jac",),
    "Nelder-Mead": (),
    "Powell": (),
    "CG": ("jac",),
    "BFGS": ("jac",),
    "L-BFGS-B": ("jac",),
    "TNC": ("jac",),
    "SLSQP": ("jac",),
    "COBYLA": (),
    "COBYQA": (),
    "Newton-CG": ("jac", "hessp"),
    "trust-ncg": ("jac", "hessp"),
    "trust-krylov": ("jac", "hessp"),
    "trust-constr": ("jac", "hess"),
    "dogleg": ("jac", "hess"),
    "trust-exact": ("jac", "hess"),
}
BY_HAND = {
    "jac": optimize.rosen_der,
    "hess": optimize.rosen_hess,
    "hessp": optimize.rosen_hess_prod,
}


NEAR = np.array([0.9, 0.8, 0.7])
"""Where the Hessian is positive, as dogleg needs it."""


def rosen(x: np.ndarray) -> Any:
    return sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


ROSEN = jit(rosen)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_method_takes_the_steps_that_it_takes_with_derivatives_by_hand(method: Any) -> None:
    if method == "COBYQA" and not hasattr(optimize, "_cobyqa_py"):
        pytest.skip("this SciPy has no COBYQA")
    by_hand = {name: BY_HAND[name] for name in METHODS[method]}
    how: Any = {"method": method}
    if method in ("COBYLA", "COBYQA"):  # which go other ways for a difference in the last bit
        how["options"] = {"maxiter": 20}
    expected = optimize.minimize(optimize.rosen, NEAR, **how, **by_hand)
    found = minimize(ROSEN, NEAR, **how)
    close = 0.1 if method == "COBYLA" else 1e-7
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-5, atol=close)
    assert method == "Powell" or found.nfev == expected.nfev
    assert found.structured.tolist() == found.x.tolist()


def test_arguments_are_those_of_the_call() -> None:
    def shifted(x: Any, by: float, how: str) -> Any:
        return sum((x - by) ** 2) if how == "square" else 0.0

    for by in (1.0, 2.0):
        assert minimize(shifted, [0.0, 5.0], (by, "square")).x == pytest.approx([by, by])
    assert minimize(lambda x, by: (x[0] - by) ** 2, 0.0, 3.0).x == pytest.approx([3.0])


def test_a_kernel_is_traced_once_for_all_arguments() -> None:
    traced = []

    @jit
    def distance(x: np.ndarray, to: np.ndarray, scale: float) -> Any:
        traced.append(1)
        return scale * sum((x - to) ** 2)

    for to in ([1.0, 2.0], [3.0, -1.0], [0.0, 0.5]):
        found = minimize(distance, np.zeros(2), (np.array(to), 2.0), method="Newton-CG")
        assert found.x == pytest.approx(to)
    assert len(traced) == 1


def test_a_value_is_minimised_over_its_leaves() -> None:
    a, b = Value(3.0), Value(-1.0)
    kernel = jit((a - 1.0) ** 2 + (a * b - 2.0) ** 2, wrt=[a, b], dtype="f64")
    found = minimize(kernel, [leaf.data for leaf in (a, b)], method="Newton-CG")
    assert found.x == pytest.approx([1.0, 2.0], abs=1e-4)
    assert a.data == 3.0


@pytest.mark.parametrize("method", ["BFGS", "trust-constr"])
def test_the_guess_may_have_a_structure(method: str) -> None:
    def energy(p: Any) -> Any:
        return (p["a"] - 1.0) ** 2 + sum((p["b"][k] - k) ** 2 for k in range(2)) + p["c"][1][0] ** 2

    start = {"a": 3.0, "b": [5.0, 5.0], "c": (2.0, np.array([4.0]))}
    found = minimize(lambda p: energy(p) + (p["c"][0] - 7.0) ** 2, start, method=method, tol=1e-9)
    assert found.structured["a"] == pytest.approx(1.0, abs=1e-3)
    assert found.structured["b"] == pytest.approx([0.0, 1.0], abs=1e-3)
    assert isinstance(found.structured["c"], tuple)
    assert found.structured["c"][0] == pytest.approx(7.0, abs=1e-3)
    assert found.structured["c"][1] == pytest.approx([0.0], abs=1e-3)
    assert found.x.shape == (5,)


def test_what_is_given_is_passed_on() -> None:
    asked: list[str] = []

    def jac(x: Any) -> Any:
        asked.append("jac")
        return optimize.rosen_der(x)

    found = minimize(ROSEN, NEAR, method="BFGS", jac=jac, callback=lambda xk: asked.append("step"))
    assert {*asked} == {"jac", "step"}
    assert found.success
    assert minimize(ROSEN, NEAR, method="BFGS", jac="2-point").nfev > 2 * found.nfev
    both = minimize(lambda x: (x[0] ** 2, [2.0 * x[0]]), [3.0], jac=True)
    assert both.x == pytest.approx([0.0], abs=1e-6)
    limits = optimize.Bounds([1.1] * 3, [3.0] * 3)
    assert minimize(ROSEN, NEAR, bounds=limits).x.min() >= 1.1


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA"])
@pytest.mark.parametrize("new", [False, True])
def test_constraints_are_compiled(method: str, new: bool) -> None:
    def circle(x: Any) -> Any:
        return 1.0 - x[0] ** 2 - x[1] ** 2

    constraint: Any = {"type": "ineq", "fun": circle}
    if new:
        constraint = optimize.NonlinearConstraint(circle, 0.0, np.inf)
    found = minimize(
        lambda x: (x[0] - 2.0) ** 2 + x[1] ** 2,
        [0.1, 0.2],
        method=method,
        constraints=[constraint],
    )
    assert found.x == pytest.approx([1.0, 0.0], abs=2e-3)


def test_constraints_have_sparse_derivatives_where_they_are_asked_for() -> None:
    def pairs(x: Any) -> Any:
        return [x[k] ** 2 + x[k + 1] ** 2 * x[k] for k in range(11)]

    def loss(x: Any) -> Any:
        return sum((x[k] - 2.0) ** 2 for k in range(12))

    found = []
    for given in ({}, {"jac": "sparse"}, {"jac": "sparse", "hess": "sparse"}):
        limits = optimize.NonlinearConstraint(pairs, -np.inf, 1.0, **given)
        taken = minimize(loss, [0.1] * 12, method="trust-constr", constraints=limits, tol=1e-9)
        assert hasattr(taken.jac[0], "tocsr") == bool(given)
        found.append(taken.x)
    np.testing.assert_allclose(found[1:], [found[0]] * 2, atol=1e-6)
    with pytest.raises(SignatureError, match=r"is for a scipy.optimize.NonlinearConstraint"):
        minimize(
            loss,
            [0.1] * 12,
            method="SLSQP",
            constraints={"type": "ineq", "fun": pairs, "jac": "sparse"},
        )


def test_least_squares_and_root_take_the_steps_that_they_take_by_hand() -> None:
    def residuals(x: Any) -> Any:
        return [10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]

    def jacobian(x: Any) -> Any:
        return np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])

    for method in ("trf", "dogbox", "lm"):
        expected = optimize.least_squares(residuals, [-1.2, 1.0], jacobian, method=method)
        found = least_squares(residuals, [-1.2, 1.0], method=method)
        assert found.x == pytest.approx(expected.x, rel=1e-7)
        assert (found.nfev, found.njev) == (expected.nfev, expected.njev)
    for method in ("hybr", "lm"):
        given = optimize.root(residuals, [-1.2, 1.0], method=method, jac=jacobian)
        mine = root(residuals, [-1.2, 1.0], method=method)
        assert mine.x == pytest.approx(given.x)
        assert mine.nfev == given.nfev
    for method in ("broyden1", "krylov", "df-sane"):
        loose = root(lambda x: [x[0] - 1.0 + 0.1 * x[1], x[1] + 2.0], [0.0, 0.0], method=method)
        assert loose.x == pytest.approx([1.2, -2.0], abs=1e-4)


def test_sparse_matrices_go_where_solvers_take_them() -> None:
    x = np.linspace(0.5, 1.5, 12)
    for sparse in (None, "sparse"):
        found = minimize(ROSEN, x, method="trust-constr", hess=sparse, tol=1e-10)
        assert found.x == pytest.approx(np.ones(12), abs=1e-5)

    def chain(x: Any) -> Any:
        return [*(a - 0.5 * b * b + 0.1 for a, b in pairwise(x)), x[0] * x[-1]]

    fitted = [least_squares(chain, np.full(20, 0.3), jac) for jac in (None, "sparse")]
    assert fitted[0].cost == pytest.approx(fitted[1].cost, abs=1e-6)
    assert fitted[1].jac.nnz == 40

    def diffusion(t: Any, y: Any) -> Any:
        inside = [a - 2.0 * b + c for a, b, c in zip(y, y[1:], y[2:], strict=False)]
        return [0.0, *(50.0 * v for v in inside), 0.0]

    start = np.sin(np.linspace(0.0, np.pi, 12))
    for method in ("BDF", "Radau"):
        dense, thin = (
            solve_ivp(diffusion, (0.0, 1.0), start, method=method, jac=jac)
            for jac in (None, "sparse")
        )
        assert thin.y[:, -1] == pytest.approx(dense.y[:, -1], abs=1e-9)
        assert thin.njev == dense.njev


def test_root_scalar_takes_newtons_and_halleys_steps() -> None:
    def f(x: Any, a: float = 8.0) -> Any:
        return x**3 - a

    for method in ("newton", "halley"):
        slopes = {"fprime": lambda x: 3.0 * x * x, "fprime2": lambda x: 6.0 * x}
        if method == "newton":
            del slopes["fprime2"]
        expected = optimize.root_scalar(f, x0=1.0, method=method, **slopes)
        assert root_scalar(f, x0=1.0, method=method).root == pytest.approx(expected.root)
    assert root_scalar(f, x0=1.0).root == pytest.approx(2.0)
    assert root_scalar(f, bracket=(0.0, 5.0)).root == pytest.approx(2.0)
    assert root_scalar(lambda x, a: x**3 - a, (27.0,), x0=1.0).root == pytest.approx(3.0)
    power = jit(lambda x, a: x**3 - a)
    assert [root_scalar(power, (a,), x0=1.0).root for a in (27.0, 8.0)] == pytest.approx([3, 2])


X = np.linspace(0.0, 4.0, 50)
Y = 2.5 * np.exp(-1.3 * X) + 0.5 + 0.01 * np.cos(37.0 * X)


def test_curves_are_fitted_as_scipy_fits_them() -> None:
    def model(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * np.exp(-b * x) + c

    expected, spread = optimize.curve_fit(model, X, Y)
    compiled = jit(lambda x, a, b, c: a * micrograd.exp(-b * x) + c)
    for f in (model, compiled, compiled):
        found, covariance = curve_fit(f, X, Y)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_allclose(covariance, spread, rtol=1e-4)
    bounds = ([0.0, 0.0, 0.6], [9.0, 9.0, 9.0])
    found, _ = curve_fit(model, X, Y, [1.0, 1.0, 1.0], bounds=bounds)
    np.testing.assert_allclose(
        found, optimize.curve_fit(model, X, Y, [1.0, 1.0, 1.0], bounds=bounds)[0], rtol=1e-5
    )
    whole, _ = curve_fit(lambda x, a: a * (x - x.mean()), X, 3.0 * (X - X.mean()))
    assert whole == pytest.approx([3.0])
    any_number, _ = curve_fit(lambda x, *p: p[0] + p[1] * x, X, 1.0 + 2.0 * X, p0=[0.0, 0.0])
    assert any_number == pytest.approx([1.0, 2.0])


def oscillator(t: Any, y: Any, mu: float) -> Any:
    return [y[1], mu * (1.0 - y[0] ** 2) * y[1] - y[0] + 0.1 * t]


def by_hand(t: Any, y: Any, mu: float) -> Any:
    return np.array([[0.0, 1.0], [-2.0 * mu * y[0] * y[1] - 1.0, mu * (1.0 - y[0] ** 2)]])


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("of_kernel", [False, True])
def test_initial_value_problems_are_solved_in_the_same_steps(method: str, of_kernel: bool) -> None:
    how: dict[str, Any] = {"method": method, "args": (5.0,), "rtol": 1e-6}
    jac = {"jac": by_hand} if method in ("Radau", "BDF", "LSODA") else {}
    expected = integrate.solve_ivp(oscillator, (0.0, 3.0), [2.0, 0.0], **how, **jac)
    f = jit(oscillator) if of_kernel else oscillator
    found = solve_ivp(f, (0.0, 3.0), [2.0, 0.0], **how)
    np.testing.assert_allclose(found.t, expected.t, rtol=1e-6)
    np.testing.assert_allclose(found.y, expected.y, rtol=1e-6, atol=1e-9)
    assert (found.nfev, found.njev) == (expected.nfev, expected.njev)


def test_events_end_it_and_states_may_have_a_structure() -> None:
    def fall(t: Any, s: Any, g: float) -> Any:
        return {"height": s["speed"], "speed": -g}

    def ground(t: Any, s: Any, g: float) -> Any:
        return s["height"]

    ground.terminal = True  # type: ignore[attr-defined]
    ground.direction = -1  # type: ignore[attr-defined]
    start = {"height": 0.0, "speed": 10.0}
    found = solve_ivp(fall, (0.0, 100.0), start, events=ground, args=(10.0,), dense_output=True)
    assert found.t_events[0] == pytest.approx([2.0])
    assert found.structured["speed"][-1] == pytest.approx(-10.0)
    assert found.structured["height"].shape == found.t.shape
    assert found.sol(1.0) == pytest.approx([5.0, 0.0])


@pytest.mark.parametrize("method", ["RK45", "BDF"])
def test_derivatives_by_time_may_be_in_another_order(method: str) -> None:
    def slopes(t: Any, y: Any) -> Any:
        return {"b": [0.0 * y["a"] + 1.0, -y["b"][1]], "a": -y["a"]}

    def in_order(t: Any, y: Any) -> Any:
        return [-y[0], 1.0, -y[2]]

    found = solve_ivp(slopes, (0.0, 1.0), {"a": 1.0, "b": [0.0, 2.0]}, method)
    expected = solve_ivp(in_order, (0.0, 1.0), [1.0, 0.0, 2.0], method)
    np.testing.assert_allclose(found.y, expected.y, rtol=1e-12)
    with pytest.raises(SignatureError, match="the keys of y0, 'a', 'b'; it returned one with 'c'"):
        solve_ivp(lambda t, y: {"c": y["a"]}, (0.0, 1.0), {"a": 1.0, "b": 0.0}, method)


def test_curves_of_lists_and_of_what_nan_leave() -> None:
    def model(x: Any, a: Any, b: Any) -> Any:
        return a * np.exp(-b * x)

    x = np.linspace(0.0, 4.0, 30)
    y = 2.5 * np.exp(-1.3 * x)
    some = np.where(np.arange(30) % 2, y, np.nan)
    for given in (curve_fit(model, x.tolist(), y), curve_fit(model, x, some, nan_policy="omit")):
        np.testing.assert_allclose(given[0], [2.5, 1.3], rtol=1e-6)


def test_bad_cases_say_what_to_do() -> None:
    with pytest.raises(SignatureError, match="never sparse"):
        minimize(lambda x: x[0] ** 2, [1.0, 2.0], jac="sparse")
    with pytest.raises(SignatureError, match="trust-exact takes no sparse Hessian"):
        minimize(lambda x: x[0] ** 2, [1.0, 2.0], method="trust-exact", hess="sparse")
    with pytest.raises(SignatureError, match="should return 1 number, it returned 2; least_sq"):
        minimize(lambda x: [x[0], x[1]], [1.0, 2.0])
    with pytest.raises(SignatureError, match="expected a function or a kernel, got float"):
        minimize(3.0, [1.0])  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="x0 should be a number, an array"):
        minimize(rosen, "abc")
    with pytest.raises(SignatureError, match="x0 should hold real numbers"):
        minimize(rosen, np.array([1j, 2.0]))
    with pytest.raises(SignatureError, match="give p0"):
        curve_fit(lambda x, *p: p[0] * x, X, Y)
    with pytest.raises(ValueError, match="Unknown solver bogus"):
        minimize(ROSEN, NEAR, method="bogus")
    with pytest.raises(ValueError, match="bounds"):  # of SciPy, as it says it
        minimize(ROSEN, NEAR, bounds=[(0, 1)] * 4, method="L-BFGS-B")


def test_a_missing_scipy_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.delitem(sys.modules, "micrograd.scipy")
    with pytest.raises(ImportError, match=r"pip install 'micrograd-mlir\[scipy\]'"):
        importlib.import_module("micrograd.scipy")
