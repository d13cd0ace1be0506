"""The Matrix Cookbook, section 2.3: derivatives of eigenvalues."""

from __future__ import annotations

import numpy as np

import codegen
import derive
from derive.linalg import eigh, eigvals, eigvalsh

n = derive.dims("n")
X = derive.matrix("X", n, n)
A, dA = (derive.matrix(name, n, n, symmetric=True) for name in ("A", "dA"))
w, V = eigh(A)


def with_real_spectrum():
    change = np.array([[1.0, 0.2, -0.3], [0.1, 1.0, 0.4], [0.0, -0.2, 1.0]])
    return change @ np.diag([0.5, 2.0, 3.0]) @ np.linalg.inv(change)


def drawn(seed):
    x = np.random.default_rng(seed).standard_normal((4, 4))
    return x + x.T


def test_equation_65():
    """d/dX of the sum of the eigenvalues is I."""
    x = with_real_spectrum()
    gradient = codegen.to_numpy(derive.gradient(derive.sum(eigvals(X)), X))
    np.testing.assert_allclose(gradient(X=x), np.eye(3), atol=1e-14)
    assert derive.gradient(derive.sum(eigvalsh(A)), A).expr is derive.eye(n)


def test_equation_66():
    """d/dX of the product of the eigenvalues is det(X) inv(X).T."""
    x = with_real_spectrum()
    gradient = codegen.to_numpy(derive.gradient(derive.prod(eigvals(X)), X))
    np.testing.assert_allclose(gradient(X=x), np.linalg.det(x) * np.linalg.inv(x).T, rtol=1e-12)


def test_equation_67():
    """dλ_i = v_iᵀ dA v_i."""
    moved = derive.jvp(w, A, tangent=dA)
    ours, book = codegen.to_numpy(moved), codegen.to_numpy(derive.diag(V.T @ dA @ V))
    a, da = drawn(0), drawn(1)
    np.testing.assert_allclose(ours(A=a, dA=da), book(A=a, dA=da), rtol=1e-12)


def test_equation_68():
    """dv_i = (λ_i I - A)⁺ dA v_i."""
    moved = codegen.to_numpy([w, V, derive.jvp(V, A, tangent=dA)])
    a, da = drawn(2), drawn(3)
    values, vectors, slopes = moved(A=a, dA=da)
    for k in range(4):
        inverse = np.linalg.pinv(values[k] * np.eye(4) - a, rcond=1e-10)
        np.testing.assert_allclose(slopes[:, k], inverse @ da @ vectors[:, k], atol=1e-11)
