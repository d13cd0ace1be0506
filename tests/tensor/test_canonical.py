"""Equal expressions are one object, however they were written."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sympy as sp

import derive
from derive.simplify import flatten
from derive.tensor import construct
from derive.tensor.node import View
from derive.tensor.rebuild import factors_of

n, m = derive.dims("n m")
A, B, C = (derive.matrix(name, n, n) for name in "ABC")
S = derive.matrix("S", n, n, symmetric=True)
x, y = derive.vector("x", n), derive.vector("y", n)
t = derive.scalar("t")

SAME = {
    "transpose of product": ((A @ B).T, B.T @ A.T),
    "double transpose": (A.T.T, A),
    "sum commutes": (x + y, y + x),
    "product commutes": (x * y, y * x),
    "difference": ((x - y) + (y - x), derive.zeros(n)),
    "collect": (x + x + x, 3 * x),
    "float": (0.5 * x, x / 2),
    "inverse": (derive.inv(A) @ A, derive.eye(n)),
    "inverse twice": (derive.inv(derive.inv(A.T)), A.T),
    "inverse of scaled": (derive.inv(2 * A.T), derive.inv(A).T / 2),
    "identity": (derive.eye(n) @ A @ derive.eye(n), A),
    "trace of identity": (derive.trace(derive.eye(n)), derive.as_tensor(n)),
    "sum of ones": (derive.sum(derive.ones(n, m)), derive.as_tensor(n * m)),
    "diagonal of diagonal": (derive.diag(derive.diag(x)), x),
    "square": (x * x, x**2),
    "exp log": (derive.log(derive.exp(x)), x),
    "softplus": (derive.log(1 + derive.exp(x)), derive.softplus(x)),
    "sigmoid": (1 / (1 + derive.exp(-x)), derive.sigmoid(x)),
    "sigmoid quotient": (derive.exp(x) / (1 + derive.exp(x)), derive.sigmoid(x)),
    "logsumexp": (derive.log(derive.sum(derive.exp(x))), derive.logsumexp(x)),
    "determinant": (derive.det(A) / derive.det(A), derive.as_tensor(1)),
    "log determinant": (derive.log(derive.det(A)), derive.logdet(A)),
    "map sum": (1 - derive.tanh(x) ** 2, derive.map(lambda u: 1 - sp.tanh(u) ** 2, x)),
    "slice of pad": (derive.pad(x, [(1, 2)])[1 : n + 1], x),
    "reshape twice": (derive.reshape(derive.reshape(A, (-1,)), (n, n)), A),
    "broadcast": (derive.broadcast_to(x, (m, n)) + 0, x[None, :] + derive.zeros(m, n)),
    "mean": (derive.mean(x), derive.sum(x) / n),
}


@pytest.mark.parametrize("name", SAME)
def test_same_object(name):
    a, b = SAME[name]
    assert a is b


FLAT = {
    "cancel": (x * y / y, x),
    "trace is cyclic": (derive.trace(A @ B), derive.trace(B @ A)),
    "symmetric quadratic": (x @ S @ y, y @ S @ x),
    "association": ((A @ B) @ C, A @ (B @ C)),
    "cyclic trace": (derive.trace(A @ B @ C), derive.trace(C @ A @ B)),
    "power": (derive.trace((A @ A) @ (A @ A)), derive.trace(A @ (A @ (A @ A)))),
    "scalar factor": ((t * A) @ x, t * (A @ x)),
    "nested sums": ((x + y) + 2 * x, 3 * x + y),
    "square of product": (derive.sum((A @ x) ** 2), (A @ x) @ (A @ x)),
    "delta distributes": (
        x * (derive.eye(n) - y),
        derive.diag(x) - x * derive.broadcast_to(y, (n, n)),
    ),
    "square inverse": (B @ derive.inv(A @ B), derive.inv(A)),
}


@pytest.mark.parametrize("name", FLAT)
def test_same_when_flat(name):
    a, b = flatten(list(FLAT[name]))
    assert a is b


def test_order_is_the_same_in_every_process():
    program = (
        "import derive; n = derive.dims('n');"
        "A, x = derive.matrix('A', n, n), derive.vector('x', n);"
        "f = derive.sum(derive.tanh(A @ x) * x) + derive.logdet(A @ A.T);"
        "print(derive.gradient(f, A).expr.digest.hex())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(runs) == 1


def test_sum_over_a_broadcast_axis_beside_zeros_counts():
    padded = derive.pad(x, [(1, 0)])
    total = derive.sum(padded * derive.broadcast_to(t, (m, 1)), axis=0)
    assert flatten([total]) == flatten([m * t * padded])


def test_contraction_of_equal_operands_is_stable():
    for subscripts in ("ij,kl->ijkl", "ij,kj->ik", "ij,kl->ikjl"):
        product = derive.einsum(subscripts, A, A)
        core = product.operand if isinstance(product, View) else product
        assert construct.contract(factors_of(core), tuple(range(core.ndim))) is core


def test_view_of_zeros_is_one_node():
    padded = derive.pad(A, [(0, 2), (0, 0)])
    assert derive.einsum("ij->ji", padded) is padded.T


def test_deep_networks_neither_overflow_nor_explode():
    h = x
    for k in range(1500):
        h = derive.tanh(derive.matrix(f"W{k}", n, n) @ h) + h
    g = derive.gradient(derive.sum(h), x)
    assert g.expr.shape == (n,)


def test_float_constants_are_exact():
    assert 0.1 * (10 * x) is x
