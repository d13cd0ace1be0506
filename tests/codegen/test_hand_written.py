"""Emitted lines as a reviewer would write them by hand: each was once longer or less clear."""

from __future__ import annotations

import numpy as np

import codegen
import derive

n, m, k = derive.dims("n m k")
x, y = derive.vector("x", n), derive.vector("y", m)
A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
S = derive.matrix("S", n, n, symmetric=True)
X, Z = derive.matrix("X", n, m), derive.matrix("Z", m, n)
T = derive.tensor("T", k, n, n)


def body(outputs: object) -> str:
    """The lines of the function, without their comments."""
    source = codegen.to_numpy(outputs).source
    lines = source[source.rindex('"""') :].splitlines()
    return "\n".join(line.split("  # ")[0].strip() for line in lines)


def test_exponent_takes_the_sign_of_a_difference() -> None:
    f = derive.logsumexp(X, axis=1)
    assert "exp = np.exp(X - largest[:, None])" in body(
        {"f": f, "gradient": derive.gradient(derive.sum(f), X)}
    )


def test_trace_and_diagonal_have_their_names() -> None:
    assert "np.trace(A)" in body(derive.trace(A))
    assert "np.trace(np.exp(A))" in body(derive.trace(derive.exp(A.T)))
    assert "np.diagonal(A @ B).copy()" in body(derive.diag(A @ B))
    assert "np.diagonal(T, axis1=1, axis2=2)" in body(derive.einsum("kii->ki", T))
    assert "np.mean(np.diagonal(A))" in body(derive.trace(A) / n)


def test_a_diagonal_is_the_callers_own() -> None:
    """NumPy's diagonal cannot be written to."""
    made = codegen.to_numpy(derive.diag(A @ B))(np.eye(3), np.eye(3))
    made[0] = 7.0
    assert made.tolist() == [7.0, 1.0, 1.0]


def test_only_a_diagonal_is_multiplied() -> None:
    assert "np.diagonal(A) / n" in body(derive.diag(A) / n)


def test_a_power_takes_squares() -> None:
    lines = body({"f": derive.sum(x**3), "gradient": derive.gradient(derive.sum(x**3), x)})
    assert "np.sum(squared * x)" in lines
    assert "gradient = 3 * squared" in lines


def test_products_stand_in_the_order_of_the_formula() -> None:
    f = derive.sum(derive.exp(A @ derive.tanh(X) @ Z))
    source = codegen.to_numpy(derive.gradient(f, X)).source
    assert "A.T @ " in source
    assert ").T" not in source


def test_a_symmetric_matrix_is_not_transposed() -> None:
    assert "Sx = S @ x" in body({"f": x @ S @ x, "gradient": derive.gradient(x @ S @ x, x)})
    assert ".T" not in body(derive.gradient(derive.trace(X.T @ S @ X), X))
    Q = derive.let("Q", A + A.T)
    assert "Q.T" not in body(derive.gradient(derive.sum((Q @ X) ** 2), X))


def test_jax_computes_what_it_scatters_once() -> None:
    i = derive.tensor("i", k, dtype="int")
    taken = derive.take(X, i, axis=0)
    source = codegen.to_jax(derive.gradient(derive.sum(derive.exp(taken)), X)).source
    assert "dtype=dtype).at[i].add(" in source
    assert source.count("jnp.exp(") == 1


def test_a_lone_derivation_has_the_name_of_its_kind() -> None:
    source = codegen.to_numpy(derive.gradient(x @ A @ x, x)).source
    assert '"""Compute the gradient with respect to x.' in source
    assert "gradient : (n,)" in source
    value = x @ A @ x
    pair = codegen.to_numpy([value, derive.gradient(value, [x, A])]).source
    assert "return (result_1, (gradient_x, gradient_A))" in pair


def test_the_forward_pass_has_no_cotangents() -> None:
    ratio = (x @ A @ x) / (x @ x)
    assert "d_ratio" not in body({"f": ratio, "gradient": derive.gradient(ratio, x)})
