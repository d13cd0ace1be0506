from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.combinatorics import Permutation
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.permutation import PermutationMatrix
from sympy.tensor.array.expressions.array_expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElement,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
    ZeroArray,
)

import derive
from derive.interop import from_sympy
from derive.tensor import construct, scalar
from derive.tensor.dims import as_shape
from derive.tensor.node import Add, Contraction, Map, symbols_of, topological
from tests.interop.explicit import value_of
from tests.notation.interpreter import interpret

n, m = sp.symbols("n m", integer=True, positive=True)
p = sp.Symbol("p")  # a size without assumptions
X, Y = sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("Y", n, m)
A, B = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, n)
P = sp.MatrixSymbol("P", p, p)
x, y = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1)
r = sp.MatrixSymbol("r", 1, n)
a, b = sp.symbols("a b")
t = sp.Symbol("t", positive=True)
v = ArraySymbol("v", (n,))
T = ArraySymbol("T", (n, m, n))
i, j = sp.Symbol("i", integer=True), sp.Symbol("j", integer=True)

random = np.random.default_rng(0)
VALUES: dict[str, Any] = {"n": 3, "m": 2, "p": 3, "a": 0.7, "b": -0.4, "t": 1.3}
VALUES |= {name: random.standard_normal((3, 2)) for name in "XY"}
VALUES |= {name: 2 * np.eye(3) + random.uniform(0, 1, (3, 3)) for name in "ABP"}
VALUES |= {name: random.uniform(0.5, 1, (3, 1)) for name in "xy"}
VALUES |= {"r": random.uniform(0.5, 1, (1, 3)), "v": random.standard_normal(3)}
VALUES |= {"T": random.standard_normal((3, 2, 3))}

MATRICES = [
    A,
    A * B,
    2 * A * X - X,
    A**2,
    A**7,
    A**-1,
    A**-3,
    sp.MatPow(A, 0),
    X.T,
    sp.Adjoint(X),
    (A + B).T * X,
    sp.Inverse(A + B),
    sp.Inverse(x.T * A * x),
    sp.HadamardProduct(X, Y, 2 * X),
    sp.HadamardPower(x, 3),
    sp.HadamardPower(x, a),
    sp.HadamardPower(2, x),
    sp.HadamardPower(x, y),
    A.applyfunc(sp.sin),
    X.applyfunc(lambda u: u**2 + a * u),
    A.applyfunc(scalar.sigmoid),
    sp.KroneckerProduct(X, A),
    sp.DiagMatrix(x),
    sp.DiagMatrix(r),
    DiagonalMatrix(A),
    DiagonalOf(A),
    sp.Identity(n) + A,
    sp.OneMatrix(n, m) - X,
    sp.ZeroMatrix(n, m) + X,
    sp.BlockMatrix([[A, X], [X.T, sp.Identity(m)]]),
    sp.BlockDiagMatrix(A, X, B),
    A[:2, 1:3],
    X[1:, :],
    x.T * A * x,
    x.T * y,
    sp.sqrt(x.T * x),
    sp.Trace(A) * X + sp.Determinant(A) * Y,
    sp.MatMul(a * sp.Trace(A), sp.exp(b), X),
    sp.FunctionMatrix(n, n, sp.Lambda((i, j), 1 / (i + j + 1))),
    sp.Matrix([[a, b, a * b], [0, sp.exp(a), 1]]),
    sp.Matrix([sp.Trace(A), a, 3]),
    sp.Matrix(2, 2, [1, 2, 3, 4]) * sp.Matrix([a, b]),
    sp.Matrix(3, 3, list(range(9))) * sp.MatrixSymbol("x", 3, 1),
    P * P.T,
]

SCALARS = [
    sp.Trace(A * B),
    sp.Trace(X * X.T) ** 2,
    sp.Trace(A) * sp.Trace(B) - sp.Trace(A * B),
    sp.log(sp.Determinant(X.T * X)) / 2 + a,
    sp.log(sp.det(A)),
    sp.exp(-(x.T * x)[0]),
    (x.T * A * x)[0, 0],
    MatrixElement(x.T * A * x, 0, 0),
    sp.log(x.T * A * x),
    sp.Add(1, x.T * x),
    2 * sp.sqrt(sp.Trace(A.T * A)) + b,
    sp.DotProduct(x, y),
    sp.DotProduct(r, x),
    X[0, 1] * X[2, 0],
    A[0, 0] ** 2 + sp.sin(A[1, 1]),
    A[n - 1, 0],
    sp.Sum(A[i, i], (i, 0, n - 1)),
    sp.Sum(A[i, i], (i, 1, n - 1)),
    sp.Sum(A[i, j] * x[j, 0], (i, 0, n - 1), (j, 0, n - 1)),
    sp.Sum(sp.exp(A[i, j]) * x[j, 0] + a, (i, 0, n - 1), (j, 0, n - 1)),
    sp.Sum((i + 1) * x[i, 0], (i, 0, n - 1)),
    sp.Sum(A[i, i + 1], (i, 0, n - 2)),
    sp.Sum(a * i, (i, 1, n)),
    sp.Sum(v[i] ** 2, (i, 0, n - 1)),
    a * b + sp.sin(a),
    sp.Max(a, b, 0) + sp.Min(a, 2) + sp.Abs(b) + sp.Heaviside(a),
    sp.Piecewise((sp.Trace(A), a > 0), (b, True)),
    sp.Piecewise((a, sp.Trace(A) > 100), (b, sp.And(a > 0, b < 0)), (0, True)),
    sp.Trace(A) / n + n,
    sp.Trace(P) / p,
    sp.UnevaluatedExpr(a + b) * sp.Trace(A),
    sp.Float(0.1) * a,
    sp.sqrt(t**2) + t,
    sp.Determinant(2 * A),
]

ARRAYS = [
    v,
    T,
    ZeroArray(n, m, 2),
    OneArray(n, m, 2),
    ArrayTensorProduct(v, X),
    ArrayContraction(ArrayTensorProduct(A, X, v), (1, 2), (0, 4)),
    ArrayContraction(T, (0, 2)),
    ArrayContraction(X, (1,)),
    ArrayDiagonal(ArrayTensorProduct(v, A), (0, 1)),
    ArrayDiagonal(T, (0, 2)),
    PermuteDims(T, [2, 0, 1]),
    PermuteDims(ArrayTensorProduct(X, v), [1, 2, 0]),
    ArrayAdd(T, ArrayTensorProduct(a, T)),
    ArrayAdd(X, ArrayTensorProduct(v, ArraySymbol("w", (m,)))),
    ArrayElementwiseApplyFunc(sp.exp, T),
    ArrayElementwiseApplyFunc(sp.Lambda(sp.Symbol("e"), sp.Symbol("e") ** 2 + b), v),
    Reshape(X, (n * m,)),
    Reshape(T, (n * m, n)),
    sp.Array([[a, b], [a * b, 1]]),
    sp.Array([[[a, 1], [2, b]], [[0, 0], [a, a]]]),
    ArrayElement(T, (1, 0, 2)),
    ArrayElement(ArrayContraction(ArrayTensorProduct(v, v), (0, 1)), ()),
]
VALUES["w"] = random.standard_normal(2)


@pytest.mark.parametrize("expr", [*MATRICES, *SCALARS, *ARRAYS], ids=lambda e: str(e)[:60])
def test_a_reading_has_sympys_value(expr: Any) -> None:
    expected = value_of(expr.as_immutable() if isinstance(expr, sp.MatrixBase) else expr, VALUES)
    tensor = from_sympy(expr)
    actual = interpret(tensor, VALUES)
    np.testing.assert_allclose(actual, expected.reshape(actual.shape), rtol=1e-9, atol=1e-12)
    shape = tuple(getattr(expr, "shape", ()) or ())
    assert construct.same_shape(tensor.shape, as_shape(shape))


def test_a_symbol_keeps_name_shape_and_sign() -> None:
    assert from_sympy(X) is derive.matrix("X", n, m)
    assert from_sympy(x) is derive.matrix("x", n, 1)
    assert from_sympy(v) is derive.vector("v", n)
    assert from_sympy(a) is derive.scalar("a")
    assert from_sympy(t) is derive.scalar("t", positive=True)


def test_a_size_is_a_constant_and_an_index_an_integer_input() -> None:
    assert from_sympy(n) is construct.constant(n)
    assert {s.name for s in symbols_of(from_sympy(sp.Trace(P) / p))} == {"P"}
    entry = from_sympy(A[i, j] + a)
    assert {s.name: s.dtype for s in symbols_of(entry)} == {
        "A": "float",
        "a": "float",
        "i": "int",
        "j": "int",
    }
    assert entry.shape == ()


def test_a_product_is_one_contraction() -> None:
    for expr, factors in [(A * B * X, 3), (sp.Trace(A * B), 2), (x.T * A * x, 3)]:
        tensor = from_sympy(expr)
        (node,) = [c for c in topological([tensor]) if isinstance(c, Contraction)]
        assert len(node.operands) == factors


def test_a_scalar_in_symbols_alone_is_one_map() -> None:
    tensor = from_sympy(a * sp.sin(a * b) + b**2 / (1 + a**2))
    assert isinstance(tensor, Map)
    assert {s.name for s in tensor.operands} == {"a", "b"}  # type: ignore[attr-defined]


def test_equal_entries_of_a_matrix_are_read_once() -> None:
    entry = sp.exp(a * b) + b
    tensor = from_sympy(sp.Matrix(4, 4, lambda k, l: entry if k != l else a))
    assert sum(isinstance(node, Map) for node in topological([tensor])) == 1


def test_a_huge_power_is_a_product_of_squares() -> None:
    power = from_sympy(sp.MatrixSymbol("M", 3, 3) ** (10**30))
    assert len(topological([power])) < 400
    small = sp.MatrixSymbol("M", 2, 2) ** 13
    M = np.array([[0.5, 0.2], [-0.1, 0.9]])
    np.testing.assert_allclose(
        interpret(from_sympy(small), {"M": M}), np.linalg.matrix_power(M, 13), rtol=1e-12
    )


def test_deep_and_long_expressions() -> None:
    deep: Any = A
    for k in range(150):
        deep = (A * deep).applyfunc(sp.tanh) if k % 2 else deep + B
    assert from_sympy(deep).shape == (n, n)
    factors = [sp.MatrixSymbol(f"M{k}", n, n) for k in range(1000)]
    assert len(symbols_of(from_sympy(sp.MatMul(*factors)))) == 1000
    assert from_sympy(sp.MatMul(*factors[:2] * 500)).shape == (n, n)


def test_mutable_matrices_and_tuples() -> None:
    assert from_sympy(sp.Matrix([a, b])) is from_sympy(sp.ImmutableMatrix([a, b]))
    assert from_sympy(sp.SparseMatrix([a, b])) is from_sympy(sp.Matrix([a, b]))
    assert from_sympy(sp.Tuple(a, b)) is derive.stack([derive.scalar("a"), derive.scalar("b")])
    assert isinstance(from_sympy(sp.Matrix([a, b])).operands[0], Add)


def test_a_comparison_is_one_or_zero() -> None:
    assert from_sympy(sp.true) is derive.as_tensor(1)
    assert interpret(from_sympy(sp.Trace(A) > a), VALUES) == 1
    assert interpret(from_sympy(sp.And(a < b, a > 0)), VALUES) == 0


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (sp.Permanent(A), "Permanent"),
        (A**n, "MatPow.*exponent n of a matrix must be an integer"),
        (A ** sp.Rational(1, 2), "MatPow.*exponent 1/2"),
        (sp.exp(A), r"exp of a matrix as a whole.*X\.applyfunc\(exp\)"),
        (sp.I * a, "ImaginaryUnit.*real=True"),
        (sp.conjugate(a), "conjugate.*real=True"),
        (sp.re(a) + sp.Trace(A), "re has no meaning.*real=True"),
        (sp.Symbol("z", imaginary=True), r"z: a symbol that is not real.*real=True"),
        (sp.Function("f")(a), "undefined function"),
        (sp.Integral(sp.sin(a) / a, a), r"Integral.*\.doit\(\)"),
        (sp.Derivative(sp.Function("f")(a), a), "Derivative"),
        (sp.Subs(sp.Function("f")(a), a, 0), "Subs"),
        (PermutationMatrix(Permutation([1, 0])), r"PermutationMatrix.*\.as_explicit\(\)"),
        (sp.Piecewise((a, a > 0)), "needs a last branch"),
        (sp.Sum(A[i**2, 0], (i, 0, n - 1)), "not a shifted summation index"),
        (sp.zoo, "ComplexInfinity"),
        (sp.S.Naturals, "Naturals"),
    ],
    ids=lambda e: str(e)[:40],
)
def test_what_has_no_meaning_is_refused_by_name(expr: Any, message: str) -> None:
    with pytest.raises(derive.errors.UnsupportedError, match=message):
        from_sympy(expr)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (
            sp.MatMul(A, sp.MatrixSymbol("C", m, m)),
            r"A\*C: A of shape \(n, n\) and C of shape \(m, m\) do not fit: n and m differ",
        ),
        (
            sp.MatAdd(A, sp.MatrixSymbol("C", m, m)),
            r"A of shape \(n, n\) and C of shape \(m, m\) have no sum",
        ),
        (sp.Trace(X), r"X of shape \(n, m\) do not fit: n and m differ"),
        (sp.Determinant(X), r"X: \(n, m\) is not a square matrix"),
        (sp.Inverse(X), r"not a square matrix"),
        (sp.Matrix(0, 2, []), "empty"),
        (sp.Trace(A) + sp.UnevaluatedExpr(X), r"of shape \(n, m\)"),
    ],
    ids=lambda e: str(e)[:40],
)
def test_shapes_that_do_not_fit_are_named(expr: Any, message: str) -> None:
    with pytest.raises(derive.ShapeError, match=message):
        from_sympy(expr)


@pytest.mark.parametrize(
    ("function", "wrt"),
    [
        (sp.Trace(A * X * X.T), X),
        (sp.Trace(A * X * X.T), A),
        (sp.Trace(A.T * B * A), A),
        ((x.T * A * x), x),
    ],
    ids=str,
)
def test_gradients_agree_with_sympys_where_it_is_right(function: Any, wrt: Any) -> None:
    mine = interpret(derive.gradient(function, wrt).expr, VALUES)
    np.testing.assert_allclose(mine, value_of(function.diff(wrt), VALUES), rtol=1e-9)


def test_the_gradient_of_explicit_entries_is_sympys() -> None:
    u, w = sp.symbols("u w", real=True)
    entries = sp.Matrix([u * w, sp.sin(u) + w**2, sp.exp(u * w)])
    jacobian = derive.jacobian(entries, (u, w)).expr
    values = {"u": 0.3, "w": -0.8}
    for column, symbol in zip(jacobian, (u, w), strict=True):
        expected = value_of(sp.ImmutableMatrix(entries.diff(symbol)), values)
        np.testing.assert_allclose(interpret(column, values), expected, rtol=1e-12)
