"""Code that is written to a file runs by itself: with NumPy alone, without this project."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

Answer = Callable[..., str]

USE = """
import json, sys

class OnlyNumpy:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("derive", "codegen", "sympy", "jax"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, OnlyNumpy())
import numpy as np
import gradient, least_squares, several

rng = np.random.default_rng(0)
A, x, y = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
print(json.dumps({
    "inputs": [A.tolist(), x.tolist(), y.tolist()],
    "gradient": gradient.gradient(x, A, y).tolist(),
    "several": {k: v.tolist() for k, v in several.f(x=x, A=A, y=y).items()},
    "least_squares": least_squares.least_squares(A, x, y).tolist(),
}))
"""


def test_files_of_code_run_with_numpy_alone(answer: Answer, tmp_path: Path) -> None:
    squares = ("norm2(A*x - y)^2", "--let", "A: matrix(m, n)", "-o")
    answer("gradient", *squares, str(tmp_path / "gradient.py"), "--wrt", "x")
    several = ("--of", "value,gradient,hessian", "--wrt", "x")
    answer("emit", *squares, str(tmp_path / "several.py"), *several)
    answer("emit", *squares, str(tmp_path / "least_squares.py"), "--name", "least_squares")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    A, x, y = (np.array(value) for value in found["inputs"])
    slope = 2 * A.T @ (A @ x - y)
    np.testing.assert_allclose(found["gradient"], slope)
    np.testing.assert_allclose(found["least_squares"], np.sum((A @ x - y) ** 2))
    np.testing.assert_allclose(found["several"]["value"], found["least_squares"])
    np.testing.assert_allclose(found["several"]["gradient"], slope)
    np.testing.assert_allclose(found["several"]["hessian"], 2 * A.T @ A)


def test_emit_without_a_symbol_is_the_value(answer: Answer) -> None:
    source = answer("emit", "sum(exp(x))")
    assert "def f(x):" in source
    assert "return np.sum(np.exp(x))" in source


def test_emit_with_a_symbol_is_value_and_gradient(answer: Answer) -> None:
    source = answer("emit", "sum(exp(x))", "--wrt", "x")
    assert 'return {"value": value, "gradient": gradient}' in source


def test_emit_of_what_is_no_scalar_is_value_and_jacobian(answer: Answer) -> None:
    source = answer("emit", "A*exp(x)", "--wrt", "x")
    assert 'return {"value": value, "jacobian": jacobian}' in source


def test_emit_in_several_symbols(answer: Answer) -> None:
    source = answer("emit", "x'*y", "--wrt", "x,y", "--of", "gradient")
    assert "def gradient(x, y):" in source
    assert "return (gradient_x, gradient_y)" in source


def test_emit_of_one_kind_is_named_after_it(answer: Answer) -> None:
    assert "def hessian(x):" in answer("emit", "sum(exp(x))", "--of", "hessian")


def test_emit_for_jax_with_the_derived_gradient_under_jax_grad(answer: Answer) -> None:
    source = answer("emit", "norm2(A*x)^2", "--emit", "jax", "--custom-vjp")
    assert "@jax.custom_vjp" in source


def test_sizes_choose_the_order_of_multiplication(answer: Answer) -> None:
    declared = ("--let", "A: matrix(m, n), B: matrix(n, m), C: matrix(m, k)")
    command = ("emit", "A*B*C", *declared)
    assert "A @ (B @ C)" in answer(*command, "--sizes", "m=1000,n=1000,k=1")
    assert "return A @ B @ C" in answer(*command, "--sizes", "m=10,n=10,k=1000")
