"""The tensor-train layer: against the whole matrix, which its code never forms."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import codegen
import derive
from derive import layers
from tests.closed_forms import assert_equal, pulled
from tests.twins import assert_agrees, draw

n, t, r, s = derive.dims("n t r s")
ROWS, COLUMNS = (2, 3, 2), (3, 1, 4)


def symbols(rows: Any = ROWS, columns: Any = COLUMNS, ranks: Any = (1, r, s, 1)) -> list[Any]:
    return [
        derive.tensor(name, ranks[k], rows[k], columns[k], ranks[k + 1])
        for k, name in enumerate("FGH"[: len(rows)])
    ]


def whole(F: Any, G: Any, H: Any) -> Any:
    """The matrix entry by entry: W[(i1, i2, i3), (j1, j2, j3)]."""
    matrix = jnp.einsum("aijb,bklc,cmnd->ikmjln", F, G, H)
    return matrix.reshape(matrix.shape[0] * matrix.shape[1] * matrix.shape[2], -1)


def point(seed: int, *batch: int, ranks: tuple[int, int] = (2, 3)) -> dict[str, Any]:
    first, second = ranks
    return draw(
        seed,
        x=(*batch, 12),
        F=(1, 2, 3, first),
        G=(first, 3, 1, second),
        H=(second, 2, 4, 1),
        b=(12,),
    )


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_against_the_whole_matrix(batch: tuple[int, ...]) -> None:
    x = derive.tensor("x", *(n, t)[: len(batch)], 12)
    assert_agrees(
        layers.tensor_train_linear(x, symbols(), derive.vector("b", 12)),
        lambda x, F, G, H, b: x @ whole(F, G, H) + b,
        point(0, *batch),
    )


def test_symbolic_modes_of_two_cores() -> None:
    m1, m2, n1, n2 = derive.dims("m1 m2 n1 n2")
    F, G = symbols((m1, m2), (n1, n2), (1, r, 1))
    x = derive.matrix("x", n, m1 * m2)

    def twin(x: Any, F: Any, G: Any) -> Any:
        matrix = jnp.einsum("aijb,bklc->ikjl", F, G)
        return x @ matrix.reshape(x.shape[1], -1)

    assert_agrees(
        layers.tensor_train_linear(x, [F, G]),
        twin,
        draw(2, x=(3, 6), F=(1, 2, 3, 2), G=(2, 3, 2, 1)),
        draw(3, x=(1, 4), F=(1, 4, 2, 1), G=(1, 1, 3, 1)),
    )


def test_one_core_is_a_linear_layer() -> None:
    x, F = derive.matrix("x", n, 3), derive.tensor("F", 1, 3, 2, 1)
    assert_agrees(
        layers.tensor_train_linear(x, [F]),
        lambda x, F: x @ F[0, :, :, 0],
        draw(4, x=(4, 3), F=(1, 3, 2, 1)),
    )


def test_matrix() -> None:
    assert_agrees(layers.tensor_train_matrix(symbols()), whole, draw(5, **shapes(point(5))))


def shapes(values: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: values[name].shape for name in "FGH"}


def test_train_of_rank_one_is_a_kronecker_product() -> None:
    A, B = derive.matrix("A", 2, 3), derive.matrix("B", n, t)
    train = [A[None, :, :, None], B[None, :, :, None]]
    assert layers.tensor_train_matrix(train) is derive.kron(A, B)


def test_rule() -> None:
    """x̄ = ȳ Wᵀ, and the cotangent of a core is that of W, met with the cores beside it."""
    F, G, H = cores = symbols()
    x, dy = derive.matrix("x", n, 12), derive.matrix("dy", n, 12)
    W = layers.tensor_train_matrix(cores)
    dx, dG = pulled(layers.tensor_train_linear(x, cores), [x, G], dy)
    assert_equal(dy @ W.T, dx, {n: 2, r: 2, s: 1})
    dW = derive.reshape(x.T @ dy, (*ROWS, *COLUMNS))
    claim = derive.einsum("ijb,ckl,imkjnl->bmnc", F[0], H[..., 0], dW)
    assert_equal(claim, dG, {n: 2, r: 2, s: 1})


def test_code_meets_the_cores_one_by_one() -> None:
    """No value holds, for each example, or for none, as much as the matrix; also with the rank
    unknown, and backwards."""
    m1, m2, n1, n2 = derive.dims("m1 m2 n1 n2")
    F, G = symbols((m1, m2), (n1, n2), (1, r, 1))
    x, dy = derive.matrix("x", n, m1 * m2), derive.matrix("dy", n, n1 * n2)
    y = layers.tensor_train_linear(x, [F, G])
    for wrt in ([F, G], [F, G, x]):
        outputs = {"y": y, "g": derive.vjp(y, wrt, cotangent=dy)}
        for f in (codegen.to_numpy(y), codegen.to_numpy(outputs)):
            for term in sp.Add.make_args(f.cost.flops):
                assert not {m1, m2, n1, n2} <= term.free_symbols, f.source


def test_a_train_costs_less_than_the_matrix() -> None:
    cores = symbols((8, 8, 8), (8, 8, 8), (1, 4, 4, 1))
    f = codegen.to_numpy(layers.tensor_train_linear(derive.matrix("x", n, 512), cores))
    dense = codegen.to_numpy(derive.matrix("x", n, 512) @ derive.matrix("W", 512, 512))
    # Two products with a core on the outside, of 4096 x 4, and one inside, of 4096 x 16.
    assert f.cost.flops == 2 * n * 4096 * (4 + 16 + 4)
    assert f.cost.flops / dense.cost.flops < sp.Rational(4, 10)


def test_emitted_code_is_right_where_sizes_are_one() -> None:
    F, G = symbols((1, 4), (3, 1), (1, r, 1))
    f = codegen.to_numpy(layers.tensor_train_linear(derive.matrix("x", n, 4), [F, G]))
    values = draw(6, x=(2, 4), F=(1, 1, 3, 2), G=(2, 4, 1, 1))
    matrix = np.einsum("aijb,bklc->ikjl", values["F"], values["G"]).reshape(4, 3)
    np.testing.assert_allclose(f(**values), values["x"] @ matrix, rtol=1e-13)


@pytest.mark.parametrize(
    ("cores", "message"),
    [
        ([], "give at least one core"),
        ([(2, 3, 4)], r"core 0 is F: \(2, 3, 4\) and must have the axes \(rank before, rows,"),
        (
            [(1, 2, 3, 4), (3, 6, 3, 1)],
            r"core 1 is G: \(3, 6, 3, 1\) and must begin with an axis of size 4, the last size",
        ),
        (
            [(1, 12, 3, 4)],
            r"the last core is F: \(1, 12, 3, 4\) and must end with an axis of size 1",
        ),
        ([(2, 12, 3, 1)], r"core 0 is F: \(2, 12, 3, 1\) and must begin with an axis of size 1"),
        (
            [(1, 2, 3, 4), (4, 5, 3, 1)],
            r"x: \(n, 12\) must have 2 \* 5 = 10 features",
        ),
    ],
)
def test_errors_name_the_core(cores: list[tuple[int, ...]], message: str) -> None:
    given = [derive.tensor(name, *shape) for name, shape in zip("FGH", cores, strict=False)]
    with pytest.raises(derive.ShapeError, match=message):
        layers.tensor_train_linear(derive.matrix("x", n, 12), given)
