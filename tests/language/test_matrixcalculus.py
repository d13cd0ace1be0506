"""matrixcalculus.org's spelling: every example that the site documents, verbatim."""

import pytest

import derive
from derive.language import interpret

n, m, k = derive.dims("n m k")
x, y, v, h = (derive.vector(name, n) for name in "xyvh")
w = derive.vector("w", m)
u = derive.vector("u", m)
A, B, X = derive.matrix("A", n, n), derive.matrix("B", n, n), derive.matrix("X", n, m)
a, b = derive.scalar("a"), derive.scalar("b")

# As on http://www.matrixcalculus.org/documentation, with the sizes that are inferred.
DOCUMENTED = {
    "0.5*x'*A*x": (0.5 * x @ A @ x, {"x": (n,), "A": (n, n)}),
    "A*exp(x)": (
        derive.matrix("A", n, m) @ derive.exp(derive.vector("x", m)),
        {"A": (n, m), "x": (m,)},
    ),
    "(y.*v)'*x": ((y * v) @ x, {"y": (n,), "v": (n,), "x": (n,)}),
    "a^b": (a**b, {"a": (), "b": ()}),
    "norm1(A*x-y)": (
        derive.sum(derive.abs(derive.matrix("A", n, m) @ derive.vector("x", m) - y)),
        {"A": (n, m), "x": (m,), "y": (n,)},
    ),
    "norm2(A*x-y)^2": (
        derive.norm(derive.matrix("A", n, m) @ derive.vector("x", m) - y) ** 2,
        {"A": (n, m), "x": (m,), "y": (n,)},
    ),
    "sum(log(exp(-y.*(X*w)) + vector(1)))": (
        derive.sum(derive.log(derive.exp(-y * (X @ w)) + derive.ones(n))),
        {"y": (n,), "X": (n, m), "w": (m,)},
    ),
    "tr(A*X'*B*X*C)": None,
    "log(det(inv(X)))": (
        derive.log(derive.det(derive.inv(derive.matrix("X", n, n)))),
        {"X": (n, n)},
    ),
    "sin(x)'*y": (derive.sin(x) @ y, {"x": (n,), "y": (n,)}),
    "v'*x": (v @ x, {"v": (n,), "x": (n,)}),
    "A*x": (
        derive.matrix("A", n, m) @ derive.vector("x", m),
        {"A": (n, m), "x": (m,)},
    ),
    "tr(A*X)": (
        derive.trace(derive.matrix("A", n, m) @ derive.matrix("X", m, n)),
        {"A": (n, m), "X": (m, n)},
    ),
    "x'": (x, {"x": (n,)}),
}
d = derive.dims("d")
trace_of = [derive.matrix(*s) for s in [("A", n, m), ("X", d, m), ("B", d, d), ("C", m, n)]]
DOCUMENTED["tr(A*X'*B*X*C)"] = (
    derive.trace(trace_of[0] @ trace_of[1].T @ trace_of[2] @ trace_of[1] @ trace_of[3]),
    {"A": (n, m), "X": (d, m), "B": (d, d), "C": (m, n)},
)


@pytest.mark.parametrize("text", DOCUMENTED)
def test_documented_example(text):
    expr, shapes = DOCUMENTED[text]
    reading = interpret(text)
    assert reading.expr is expr
    assert {name: symbol.shape for name, symbol in reading.symbols.items()} == shapes
    assert reading.spelling == "matrixcalculus"
    assert set(reading.inferred) == set(shapes)


SYMBOLS = {s.name: s for s in (x, y, v, h, w, u, A, B, X, a, b)}
EXPRESSIONS = {
    "x'*y": x @ y,
    "x*w'": derive.outer(x, w),
    "x*x'*y": derive.outer(x, x) @ y,
    "x'*A*y": x @ A @ y,
    "(A*x)'*B": (A @ x) @ B,
    "X'*X*w": X.T @ X @ w,
    "A'": A.T,
    "A''": A,
    "x''": x,
    "a*x'*y*b": (a * x) @ y * b,
    "x*a": x * a,
    "a'*b'": a * b,
    "-A^2": -(A @ A),
    "A^3*x": A @ A @ A @ x,
    "A^-1*x": derive.inv(A) @ x,
    "A^-2": derive.inv(A) @ derive.inv(A),
    "A^0": derive.eye(n),
    "A'^2": A.T @ A.T,
    "a^2": a**2,
    "a^-b": a**-b,
    "a^(1/2)": a ** derive.as_tensor(derive.parse("1/2")),
    "(a^b)^2": (a**b) ** 2,
    "x.^2": x**2,
    "2.^x": 2**x,
    "x.^y": x**y,
    "x./y": x / y,
    "1./x": 1 / x,
    "1/x": 1 / x,
    "2.*x": 2 * x,
    "A./B": A / B,
    "A.*B": A * B,
    "A*B": A @ B,
    "A/a": A / a,
    "x'/norm2(x)": x / derive.norm(x),
    "x' + y'": x + y,
    "(x' + y')*A": (x + y) @ A,
    "exp(x')*y": derive.exp(x) @ y,
    "softmax(x')*A": derive.softmax(x) @ A,
    "norm2(A)": derive.norm(A),
    "norm1(A)": derive.sum(derive.abs(A)),
    "sum(A)": derive.sum(A),
    "logdet(A)": derive.logdet(A),
    "diag(x)*y": x * y,
    "diag(A)": derive.diag(A),
    "relu(x) + abs(x) + sign(x)": derive.relu(x) + derive.abs(x) + derive.sign(x),
    "arcsin(a) + arccos(a) + arctan(a) + tanh(a)": derive.arcsin(a)
    + derive.arccos(a)
    + derive.arctan(a)
    + derive.tanh(a),
    "x + vector(1)": x + derive.ones(n),
    "x + vector(0)": x,
    "vector(1)'*A*vector(1)": derive.ones(n) @ A @ derive.ones(n),
    "X + matrix(1)": X + derive.ones(n, m),
    "x*vector(2)' + A": derive.outer(x, 2 * derive.ones(n)) + A,
    "A + a*eye": A + a * derive.eye(n),
    "X*eye*w": X @ w,
    "tr(eye*A)": derive.trace(A),
    "exp(x) + 1": derive.exp(x) + 1,
    "x + a": x + a,
    "pi*a": derive.parse("pi") * a,
    "x⊤*y": x @ y,
    "xᵀ*A − y'": x @ A - y,
    "x ⊙ y + x ⊘ y": x * y + x / y,
    "x'·y": x @ y,
    "[x'*y\r\n]"[1:-1]: x @ y,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text):
    assert derive.parse(text, SYMBOLS) is EXPRESSIONS[text]


def test_a_text_without_marks_is_read_as_the_site_reads_it():
    reading = interpret("A*x", SYMBOLS)
    assert (reading.expr, reading.spelling, reading.marked) == (A @ x, "matrixcalculus", False)
    entrywise = interpret("A*x", SYMBOLS, spelling="numpy")
    assert (entrywise.expr, entrywise.spelling, entrywise.marked) == (A * x, "numpy", False)


def test_results_are_vectors_with_one_axis():
    assert derive.parse("x'*A", SYMBOLS).shape == (n,)
    assert derive.gradient(derive.parse("x'*A*x", SYMBOLS), x).expr is A @ x + A.T @ x


@pytest.mark.parametrize(
    "text", ["x'*A*x", "x' * A * x", " x '*\tA*x\n", "((x)'*(A))*x", "+x'*A*x"]
)
def test_blanks_and_brackets_mean_nothing(text):
    assert derive.parse(text, SYMBOLS) is x @ A @ x


@pytest.mark.parametrize(
    ("text", "symbol", "gradient"),
    [
        ("0.5*x'*A*x", "x", "(A + A.T) @ x / 2"),
        ("norm2(A*x-y)^2", "x", "2 * A.T @ (A @ x - y)"),
        ("sum(log(exp(-y.*(X*w)) + vector(1)))", "w", "-X.T @ (y * sigmoid(-y * (X @ w)))"),
        ("log(det(inv(X)))", "X", "-inv(X).T"),
    ],
)
def test_gradient_of_a_documented_example(text, symbol, gradient):
    reading = interpret(text)
    assert str(derive.gradient(reading.expr, reading.symbols[symbol])) == gradient
