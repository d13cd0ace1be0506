"""Windows and their transpose: against NumPy, against their definition, and as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import sympy as sp
from numpy.lib.stride_tricks import sliding_window_view

import codegen
import derive
from codegen.checking import evaluate
from derive.interop import from_sympy, to_sympy
from derive.tensor.node import symbols_of
from derive.tensor.windows import overlap_add, quotient, windows
from tests.notation.interpreter import interpret
from tests.support import evaluate as evaluate_text

n, m, c = derive.dims("n m c")
x, y = derive.vector("x", n + 2), derive.vector("y", n)
X, P = derive.matrix("X", n + 4, m + 3), derive.tensor("P", n + 4, m + 3, c)
U = derive.tensor("U", n + 4, 1, m + 3)
F = derive.tensor("F", n, c, 3)
Z = derive.tensor("Z", n + 2, c, m, 3, 2)
SIZES = {n: 3, m: 4, c: 2}

# Every kind of view that windows can be taken of, and every kind of axis.
EXPRESSIONS: dict[str, derive.Tensor] = {
    "one axis": windows(x, 3),
    "strides": windows(X, 3, axis=0, stride=2),
    "dilation": windows(X, 2, axis=1, dilation=3),
    "two axes": windows(P, (3, 2), axis=(0, 1), stride=(2, 1), dilation=(1, 2)),
    "axes out of order": windows(P, (2, 3), axis=(1, 0), stride=(2, 1)),
    "transposed": windows(X.T, 3, axis=1),
    "scaled": windows(-2 * X, 3, axis=0),
    "axis of size 1": windows(U, 2, axis=0),
    "window of size 1": windows(P, (3, 1), axis=(0, 1), stride=2),
    "windows as large as the axis": windows(derive.vector("p", 4), 4),
    "dilated and as large as the axis": windows(derive.vector("q", 5), 3, dilation=2),
    "broadcast": windows(derive.broadcast_to(y, (m + 3, n)), 2, axis=0),
    "broadcast elsewhere": windows(derive.broadcast_to(x, (m, n + 2)), 3, axis=1),
    "delta": windows(derive.diag(x), 3, axis=1),
    "delta elsewhere": windows(derive.einsum("ij->jij", X), 2, axis=1),
    "identity elsewhere": windows(derive.einsum("ij,k->ikkj", X, derive.ones(c)), 2, axis=0),
    "windows of windows": windows(windows(X, 2, axis=0), 3, axis=1),
    "truth values": windows(X > 0, 2, axis=0) * 1,
    "overlap": overlap_add(F, n + 2),
    "overlap with strides": overlap_add(F, 2 * n + 1, stride=2),
    "overlap with a rest": overlap_add(F, 3 * n + 2, stride=3),
    "overlap with gaps": overlap_add(F, 5 * n, stride=5),
    "overlap with dilation": overlap_add(F, n + 4, dilation=2),
    "overlap of the second axis": overlap_add(F, c + 2, axis=1),
    "overlap of two axes": overlap_add(Z, (n + 4, m + 1), axis=(0, 2)),
    "overlap of axes out of order": overlap_add(Z, (m + 2, n + 3), axis=(2, 0)),
    "overlap of a transposed": overlap_add(derive.transpose(F, (1, 0, 2)), n + 2, axis=1),
    "overlap of one window": overlap_add(derive.matrix("r", 1, 4), 7, dilation=2),
    "overlap of windows of size 1": overlap_add(derive.matrix("s", n, 1), 2 * n, stride=2),
    "overlap of a broadcast": overlap_add(derive.broadcast_to(y[:, None], (n, 3)), n + 2),
    "overlap of a delta": overlap_add(derive.eye(3), 5),
}


def draw(*exprs: derive.Tensor) -> dict[str, Any]:
    """An array for every symbol, and the size of every dim."""
    generator = np.random.default_rng(0)
    shapes = {s.name: [int(d.subs(SIZES)) for d in s.shape] for s in symbols_of(*exprs)}
    values: dict[str, Any] = {
        name: generator.standard_normal(shape) for name, shape in sorted(shapes.items())
    }
    return values | {dim.name: size for dim, size in SIZES.items()}


def call(function: codegen.GeneratedFunction, values: dict[str, Any]) -> Any:
    return function(**{name: values[name] for name in function.inputs})


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_code_text_and_sympy_form_against_the_definition(name: str) -> None:
    expr = EXPRESSIONS[name]
    values = draw(expr)
    expected = evaluate(expr, values, SIZES)
    np.testing.assert_allclose(
        call(codegen.to_numpy(expr), values), expected, rtol=1e-14, atol=1e-14
    )
    np.testing.assert_allclose(interpret(expr, values), expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(evaluate_text(str(expr), values), expected, rtol=1e-14, atol=1e-14)
    assert from_sympy(to_sympy(expr)) is expr


def test_jax_against_numpy() -> None:
    values = draw(*EXPRESSIONS.values())
    expected = call(codegen.to_numpy(EXPRESSIONS), values)
    with jax.enable_x64(True):
        found = jax.jit(lambda: call(codegen.to_jax(EXPRESSIONS), values))()
    for name, right in expected.items():
        np.testing.assert_allclose(found[name], right, rtol=1e-14, atol=1e-14, err_msg=name)


def test_windows_are_those_of_numpy() -> None:
    array = np.random.default_rng(1).standard_normal((9, 4, 7))
    A = derive.tensor("A", 9, 4, 7)
    for size, stride, dilation in [((3, 2), (1, 1), 1), ((3, 2), (2, 3), 1), ((4, 3), 1, (2, 3))]:
        around = windows(A, size, axis=(0, 2), stride=stride, dilation=dilation)
        steps = np.broadcast_to(stride, 2), np.broadcast_to(dilation, 2)
        spans = tuple((k - 1) * d + 1 for k, d in zip(size, steps[1], strict=True))
        view = sliding_window_view(array, spans, axis=(0, 2))
        (s, t), (d, e) = steps
        expected = view[::s, :, ::t, ::d, ::e]
        assert around.shape == expected.shape
        np.testing.assert_array_equal(codegen.to_numpy(around)(A=array), expected)


LINEAR = [name for name in EXPRESSIONS if name not in ("truth values", "overlap of a delta")]


@pytest.mark.parametrize("name", LINEAR)
def test_jvp_and_vjp_are_transposes(name: str) -> None:
    expr = EXPRESSIONS[name]
    (symbol,) = symbols_of(expr)
    u, v = derive.tensor("u", *expr.shape), derive.tensor("v", *symbol.shape)
    left = derive.sum(derive.jvp(expr, symbol, tangent=v).expr * u)
    right = derive.sum(derive.vjp(expr, symbol, cotangent=u).expr * v)
    values = draw(left, right)
    a, b = (float(evaluate(side, values, SIZES)) for side in (left, right))
    assert abs(a - b) < 1e-12 * max(1, abs(a))


def test_quotient_keeps_multiples_outside_the_floor() -> None:
    assert quotient(2 * n + 3, 2) == n + 1
    assert quotient(n - 3, 2) == sp.floor((n + 1) / 2) - 2
    assert quotient(6 * n + 4 * m - 1, 4) == n + m + sp.floor((2 * n + 3) / 4) - 1
    for dividend, divisor in [(2 * n + 3, 2), (n - 3, 2), (7 * n - m, 3), (5 - n * m, 4)]:
        for sizes in [{n: 3, m: 4}, {n: 8, m: 5}, {n: 1, m: 1}]:
            value = quotient(dividend, divisor).subs(sizes)
            assert value == dividend.subs(sizes) // divisor


def test_the_derivative_with_a_kernel_reads_as_a_matrix_product() -> None:
    k, delta = derive.vector("k", 3), derive.vector("delta", n)
    z = windows(x, 3) @ k
    assert str(z) == "windows(x, 3) @ k"
    pulled = derive.vjp(z, [x, k], cotangent=delta)
    assert str(pulled) == "(overlap_add(outer(delta, k), n + 2), windows(x, 3).T @ delta)"
    assert str(derive.hessian(derive.sum(z**2), k)) == ("2 * R.T @ R\nwhere R = windows(x, 3)")
    assert derive.jvp(z, k).expr == windows(x, 3) @ derive.vector("dk", 3)


def test_steps_are_told_in_text_and_latex() -> None:
    expr = windows(x, 2, stride=3, dilation=2)
    assert str(expr) == "windows(x, 2, stride=3, dilation=2)"
    assert expr.latex() == (
        r"\operatorname{windows}\left(\mathbf{x}, 2,\; \text{stride }3,\; \text{dilation }2\right)"
    )
    both = windows(P, (3, 2), axis=(0, 1), stride=(2, 1))
    assert str(both) == "windows(P, (3, 2), axis=(0, 1), stride=(2, 1))"
    assert "P}_{2i+l-2,\\, j+p-1,\\, k}" in both.latex()


ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "too large": (
        lambda: windows(derive.vector("v", 4), 5),
        derive.ShapeError,
        r"windows: a window that spans 5 entries is larger than axis 0 of v: \(4,\); pad it",
    ),
    "too large when dilated": (
        lambda: windows(derive.matrix("v", n, 4), 3, dilation=2),
        derive.ShapeError,
        r"spans 5 entries is larger than axis 1 of v: \(n, 4\)",
    ),
    "axes": (lambda: windows(X, (2, 2), axis=0), derive.ShapeError, "2 sizes are given for"),
    "axis twice": (
        lambda: windows(X, (2, 2), axis=(0, -2)),
        derive.ShapeError,
        "2 sizes are given for",
    ),
    "axis": (lambda: windows(X, 2, axis=2), derive.ShapeError, "axis 2 is not one of the 2 axes"),
    "stride": (
        lambda: windows(X, 2, stride=0),
        derive.UnsupportedError,
        "the stride must be a positive integer",
    ),
    "dilations": (
        lambda: windows(X, 2, dilation=(1, 2)),
        derive.UnsupportedError,
        "the dilation must be a positive integer, or 1 of them",
    ),
    "no room": (
        lambda: overlap_add(F, n),
        derive.ShapeError,
        r"has n windows of size 3 on axis 0, and an axis of size n has n - 2; .* n \+ 2",
    ),
    "too much room": (lambda: overlap_add(F, n + 3), derive.ShapeError, "has n windows of size 3"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_and_why(name: str) -> None:
    build, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        build()


def test_the_check_chooses_sizes_that_leave_room() -> None:
    v = derive.vector("v", n)
    codegen.check(windows(windows(v, 4, stride=2), 3, axis=0)).raise_if_failed()


def test_sizes_that_are_too_small_are_refused_at_run_time() -> None:
    v = derive.vector("v", n)
    for outputs in (windows(v, 3), derive.gradient(derive.sum(windows(v, 3) ** 2), v)):
        for emit in (codegen.to_numpy, codegen.to_jax):
            with pytest.raises(ValueError, match="the sizes must satisfy n - 3 >= 0"):
                emit(outputs)(v=np.ones(2))
