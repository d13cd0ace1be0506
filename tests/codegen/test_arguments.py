"""Structures of parameters, and the order of arguments that SciPy wants."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import optimize

import codegen
import derive

n, d = derive.dims("n d")
X, w, y = derive.matrix("X", n, d), derive.vector("w", d), derive.vector("y", n)
b = derive.scalar("b")
LOSS = derive.sum(derive.softplus(X @ w + b) - y * (X @ w + b)) + w @ w / 10 + b**2 / 10
GENERATOR = np.random.default_rng(0)
DATA = {"X": GENERATOR.standard_normal((40, 3)), "y": GENERATOR.integers(0, 2, 40)}


def test_a_dict_of_parameters_gives_a_dict_of_gradients() -> None:
    params = {"linear": {"w": w}, "bias": [b]}
    gradient = derive.gradient(LOSS, params)
    f = codegen.to_numpy(
        {"loss": LOSS, "gradient": gradient}, inputs={"params": params, "X": X, "y": y}
    )
    given = {"linear": {"w": np.ones(3)}, "bias": [0.5]}
    found = f(given, DATA["X"], DATA["y"])["gradient"]
    plain = codegen.to_numpy(derive.gradient(LOSS, [w, b]))(w=np.ones(3), b=0.5, **DATA)
    np.testing.assert_array_equal(found["linear"]["w"], plain[0])
    np.testing.assert_array_equal(found["bias"][0], plain[1])
    assert 'w = _checked("w", params["linear"]["w"], "(d,)", (d,))' in f.source
    assert 'params["bias"][0] : ()' in f.source


def test_the_gradients_have_the_structure_of_the_parameters() -> None:
    params = {"layers": [{"w": w}, (b,)]}
    f = codegen.to_jax(derive.gradient(LOSS, params), inputs={"params": params, "X": X, "y": y})
    given = {"layers": [{"w": np.ones(3)}, (0.5,)]}
    found = f(given, DATA["X"], DATA["y"])
    assert jax.tree.structure(found) == jax.tree.structure(given)
    assert isinstance(derive.gradient(LOSS, [w, b]).expr, tuple)


def test_a_size_is_read_off_a_multiple_of_it() -> None:
    v = derive.vector("v", 2 * d + 1)
    f = codegen.to_numpy(d * derive.sum(v**2))
    assert f.inputs == ("v",)
    assert f(v=np.ones(7)) == 21
    with pytest.raises(ValueError, match=r"v must have shape \(2\*d \+ 1,\), got \(6,\)"):
        f(v=np.ones(6))
    g = codegen.to_jax(d * derive.sum(v**2), custom_vjp=True)
    np.testing.assert_array_equal(jax.grad(g)(np.ones(7)), 6 * np.ones(7))


def test_names_in_a_structure_may_be_texts() -> None:
    f = codegen.to_numpy(LOSS, inputs={"params": ["w", "b"], "data": {"X": "X", "y": "y"}})
    g = codegen.to_numpy(LOSS)
    assert f([np.ones(3), 0.5], DATA) == g(w=np.ones(3), b=0.5, **DATA)


def test_arguments_must_be_symbols_once_each() -> None:
    with pytest.raises(derive.UnsupportedError, match="also use b"):
        codegen.to_numpy(LOSS, inputs={"params": {"w": w}, "X": X, "y": y})
    with pytest.raises(derive.UnsupportedError, match="named twice"):
        codegen.to_numpy(LOSS, inputs={"params": {"w": w, "v": w}, "b": b, "X": X, "y": y})
    with pytest.raises(derive.UnsupportedError, match="'W' is not a symbol"):
        codegen.to_numpy(LOSS, inputs={"params": {"W": "W"}})


def test_an_argument_is_called_as_asked() -> None:
    f = codegen.to_numpy(LOSS, inputs={"weights": w, "b": b, "features": X, "labels": y})
    assert f.inputs == ("weights", "b", "features", "labels")
    assert "np.asarray" in f.source
    assert f(np.ones(3), 0.5, DATA["X"], DATA["y"]) > 0


def test_hessians_over_dicts_are_dicts_of_dicts() -> None:
    hessian = derive.hessian(LOSS, {"w": w, "b": b})
    assert hessian.expr["w"]["b"].shape == (d,)
    assert codegen.check(hessian).passed
    assert [step.name for step in hessian.steps if step.kind == "result"] == [
        "hessian_w_w",
        "hessian_w_b",
        "hessian_b_w",
        "hessian_b_b",
    ]


def test_scipy_takes_the_functions_as_they_are() -> None:
    p = derive.vector("p", d)
    fun = codegen.to_numpy((LOSS, derive.gradient(LOSS, w)))
    hess = codegen.to_numpy(derive.hessian(LOSS, w))
    hessp = codegen.to_numpy(derive.hvp(LOSS, w, vector=p))
    assert fun.inputs == hess.inputs == ("w", "b", "X", "y")
    assert hessp.inputs == ("w", "p", "b", "X", "y")
    args = (0.2, DATA["X"], DATA["y"])
    dense = optimize.minimize(fun, np.zeros(3), args, jac=True, hess=hess, method="trust-exact")
    krylov = optimize.minimize(fun, np.zeros(3), args, jac=True, hessp=hessp, method="trust-ncg")
    quasi = optimize.minimize(fun, np.zeros(3), args, jac=True, method="L-BFGS-B", tol=1e-12)
    assert dense.success
    for other in (krylov, quasi):
        np.testing.assert_allclose(other.x, dense.x, atol=1e-5)
