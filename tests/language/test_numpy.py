"""NumPy's spelling: what Python's operators and functions mean, read from a text."""

import pytest
import sympy as sp

import derive
from derive import layers, linalg, losses
from derive.language import functions, interpret

n, m = derive.dims("n m")
x, y = derive.vector("x", n), derive.vector("y", n)
A, B = derive.matrix("A", n, n), derive.matrix("B", n, n)
X, W, b = derive.matrix("X", m, n), derive.matrix("W", n, m), derive.vector("b", m)
T = derive.tensor("T", m, n, n)
i = derive.tensor("i", m, dtype="int")
s, t = derive.scalar("s"), derive.scalar("t")
SYMBOLS = {symbol.name: symbol for symbol in (x, y, A, B, X, W, b, T, i, s, t)}
w, V = linalg.eigh(A + A.T)

EXPRESSIONS = {
    "x * y": x * y,
    "A * B": A * B,
    "A * x": A * x,
    "A @ x": A @ x,
    "x @ A @ x": x @ A @ x,
    "A.T @ B.T": A.T @ B.T,
    "T.T": T.T,
    "-x ** 2": -(x**2),
    "2 ** -s": 2**-s,
    "s ** t ** 2": s ** (t**2),
    "(s ** t) ** 2": (s**t) ** 2,
    "1 / x": 1 / x,
    "x / y / 2": x / y / 2,
    "1 / 3 * x": x / 3,
    "0.1 * x": 0.1 * x,
    "1e-3 * x": 1e-3 * x,
    "x - y - 1": x - y - 1,
    "x > y": x > y,
    "x <= 1": x <= 1,
    "x == y": derive.equal(x, y),
    "x != 0": derive.not_equal(x, 0),
    "where(x > 0, x, -x)": derive.where(x > 0, x, -x),
    "x[0]": x[0],
    "x[-1]": x[-1],
    "x[1:]": x[1:],
    "x[:-1]": x[:-1],
    "x[::-1]": x[::-1],
    "x[::2]": x[::2],
    "A[0]": A[0],
    "A[:, 0]": A[:, 0],
    "A[1:, :-1]": A[1:, :-1],
    "A[..., 0]": A[..., 0],
    "x[:, None] - y[None]": x[:, None] - y[None],
    "T[0, ..., None]": T[0, ..., None],
    "X[i]": None,
    "x[n - 1]": x[n - 1],
    "sum(A, axis=0)": derive.sum(A, axis=0),
    "sum(T, axis=(0, -1))": derive.sum(T, axis=(0, -1)),
    "mean(A, axis=1, keepdims=True)": derive.mean(A, axis=1, keepdims=True),
    "np.sum(np.exp(x))": derive.sum(derive.exp(x)),
    "jnp.tanh(x)": derive.tanh(x),
    "derive.softmax(A, axis=0)": derive.softmax(A, axis=0),
    "np.linalg.inv(A)": derive.inv(A),
    "np.linalg.norm(x)": derive.norm(x),
    "norm(x, 1)": derive.norm(x, 1),
    'norm(A, "nuc")': derive.norm(A, "nuc"),
    'einsum("ij,jk->ik", A, B)': derive.einsum("ij,jk->ik", A, B),
    "einsum('ii', A)": derive.einsum("ii", A),
    "reshape(A, (n * n,))": derive.reshape(A, (n * n,)),
    "reshape(T, (-1,))": derive.reshape(T, (-1,)),
    "transpose(T, (0, 2, 1))": derive.transpose(T, (0, 2, 1)),
    "concatenate([x, y])": derive.concatenate([x, y]),
    "stack((x, y), axis=1)": derive.stack((x, y), axis=1),
    "pad(x, ((1, 2),))": derive.pad(x, [(1, 2)]),
    "ones(n, m)": derive.ones(n, m),
    "zeros((n, 3))": derive.zeros(n, 3),
    "eye(n) @ x": x,
    "n * x": n * x,
    "x / sqrt(n)": x / derive.sqrt(n),
    "tril(A, -1)": derive.tril(A, -1),
    "take(X, i, axis=0)": None,
    "logsumexp(A, axis=-1)": derive.logsumexp(A, axis=-1),
    "kron(A, B)": derive.kron(A, B),
    "solve(A, x)": derive.solve(A, x),
    "eigh(A + A.T)[0]": w,
    "(V * w) @ V.T\nwhere w, V = eigh(A + A.T)": (V * w) @ V.T,
    "r @ r\nwhere r = A @ x - z\nwhere z = y / 2": (A @ x - y / 2) @ (A @ x - y / 2),
    "p[0] @ p[1]\nwhere p = (x, y)": x @ y,
    "scan(lambda h, e: tanh(A @ h) + e, x, X)": derive.scan(
        lambda h, e: derive.tanh(A @ h) + e, x, X
    ),
    "scan(lambda h, _: A @ h, x, length=5)": derive.scan(lambda h, _: A @ h, x, length=5),
    "solve(lambda v: A.T @ A @ v + s * v, x, method='cg')": derive.solve(
        lambda v: A.T @ A @ v + s * v, x, method="cg"
    ),
    "losses.huber(A @ x, y)": losses.huber(A @ x, y),
    "huber(A @ x, y, delta=2)": losses.huber(A @ x, y, delta=2),
    "losses.ridge(x)": losses.ridge(x),
    "linalg.expm(A)": linalg.expm(A),
    "layers.gelu(x)": layers.gelu(x),
    "linear(X, W, b)": None,
    "matrix_power(A, 3)": linalg.matrix_power(A, 3),
    "x ≤ y": x <= y,
    "sum([x, y][0])": None,
}
for refused in ("X[i]", "take(X, i, axis=0)", "linear(X, W, b)", "sum([x, y][0])"):
    del EXPRESSIONS[refused]
rows = derive.tensor("rows", n, dtype="int")
EXPRESSIONS["A[rows]"] = A[rows]
EXPRESSIONS["take(A, rows, axis=1)"] = derive.take(A, rows, axis=1)
SYMBOLS["rows"] = rows


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text):
    assert derive.parse(text, SYMBOLS, spelling="numpy") is EXPRESSIONS[text]


@pytest.mark.parametrize(
    "text",
    ["A @ x", "A.T", "x ** 2", "sum(A, axis=0)", "x[1:]", "np.sum(x)", 'einsum("i->", x)',
     "mean(A, keepdims=True)", "x\nwhere z = y"],
)  # fmt: skip
def test_marks_of_numpy(text):
    reading = interpret(text, SYMBOLS)
    assert (reading.spelling, reading.marked) == ("numpy", True)


def test_symbols_may_be_sympy():
    M, z = sp.MatrixSymbol("M", n, n), sp.Symbol("z")
    assert derive.parse("z * M @ M.T", {"M": M, "z": z}) is (
        derive.as_tensor(z) * derive.as_tensor(M) @ derive.as_tensor(M).T
    )


def test_symbols_may_be_expressions_and_sizes():
    assert derive.parse("g @ g / k", {"g": A @ x, "k": n}) is (A @ x) @ (A @ x) / n


def test_a_name_may_be_any_that_was_declared():
    assert derive.parse("ж @ ж", {"ж": x}) is x @ x
    assert derive.parse("sum @ sum", {"sum": x}) is x @ x
    assert derive.parse("lambda * where", {"lambda": s, "where": x}) is s * x


def test_functions_are_listed_with_their_signatures():
    table = functions()
    assert table["softmax"].signature == "softmax(x, axis=-1)"
    assert table["losses.huber"].signature == (
        "losses.huber(predictions, targets, delta=1, *, reduction='mean')"
    )
    assert table["huber"].call is losses.huber
    assert table["tr"].spelling == "matrixcalculus"
    assert table["exp"].spelling is None
    assert all(function.summary for function in table.values())
    assert not {"eval", "let", "gradient", "map"} & set(table)


def test_infinity_is_a_number_unless_it_is_declared() -> None:
    x = derive.vector("x", 3)
    assert derive.parse("maximum(x, -inf)", {"x": x}) is derive.maximum(x, -sp.oo)
    inf = derive.scalar("inf")
    assert derive.parse("x * inf", {"x": x, "inf": inf}, spelling="numpy") is x * inf
