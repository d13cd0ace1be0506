"""Sizes of names that were not declared."""

import pytest

import derive
from derive.language import interpret
from derive.language.scope import default_rank

SHAPES = {
    # entry by entry
    "x + y": {"x": "n", "y": "n"},
    "x .* y ./ z": {"x": "n", "y": "n", "z": "n"},
    "A .* B + C": {"A": "n m", "B": "n m", "C": "n m"},
    "maximum(x, y)": {"x": "n", "y": "n"},
    "where(x[:] > y, A, B)": {"x": "n", "y": "n", "A": "m n", "B": "m n"},
    "a*x + b": {"a": "", "x": "n", "b": ""},
    # products
    "A*B*x": {"A": "n m", "B": "m d", "x": "d"},
    "x'*A*y": {"x": "n", "A": "n m", "y": "m"},
    "x'*A*x": {"x": "n", "A": "n n"},
    "x*y'": {"x": "n", "y": "m"},
    "norm2(A*x - B*y)^2": {"A": "n m", "x": "m", "B": "n d", "y": "d"},
    "x @ A.T @ y": {"x": "n", "A": "m n", "y": "m"},
    "x[:, None] * y": {"x": "n", "y": "m"},
    "A * x[:, None]": {"A": "n m", "x": "n"},
    # square matrices
    "det(A)": {"A": "n n"},
    "tr(A*B)": {"A": "n m", "B": "m n"},
    "logdet(X'*X)": {"X": "n m"},
    "x'*inv(A)*x": {"x": "n", "A": "n n"},
    "A^2": {"A": "n n"},
    "diag(A)'*x": {"A": "n n", "x": "n"},
    "eigh(A)[0] @ x": {"A": "n n", "x": "n"},
    # functions
    "solve(A, x) @ y": {"A": "n n", "x": "n", "y": "n"},
    "huber(A*x, y)": {"A": "n m", "x": "m", "y": "n"},
    "linear(X, W, x)": {"X": "n m", "W": "m d", "x": "d"},
    "einsum('ij,jk->ik', A, B) @ x": {"A": "n m", "B": "m d", "x": "d"},
    "concatenate([A, B]) @ x": {"A": "n m", "B": "d m", "x": "m"},
    "stack([x, y])": {"x": "n", "y": "n"},
    "softmax(A*x)'*y": {"A": "n m", "x": "m", "y": "n"},
    "sum(A, axis=0) @ x": {"A": "n m", "x": "m"},
    # constants
    "x'*(A + eye)*y": {"x": "n", "A": "n n", "y": "n"},
    "x'*vector(1)*a": {"x": "n", "a": ""},
    "ones(k) @ A": {"A": "k n"},
    # names that are taken are no names for sizes
    "n'*m": {"n": "d", "m": "d"},
    "x'*A*n": {"x": "m", "A": "m d", "n": "d"},
}  # fmt: skip


@pytest.mark.parametrize("text", SHAPES)
def test_sizes_are_inferred(text):
    shapes = {
        name: " ".join(map(str, symbol.shape)) for name, symbol in interpret(text).symbols.items()
    }
    assert shapes == SHAPES[text]


@pytest.mark.parametrize(
    ("text", "declared", "shapes"),
    [
        ("A*x - y", "A: matrix(p, q)", {"A": "p q", "x": "q", "y": "p"}),
        ("A*x - y", "x: vector(3)", {"A": "n 3", "x": "3", "y": "n"}),
        ("A*x - y", "y: vector(2*k)", {"A": "2*k n", "x": "n", "y": "2*k"}),
        ("X'*y", "X: matrix(n, d)", {"X": "n d", "y": "n"}),
        ("X*w + v", "w: vector(n)", {"X": "m n", "w": "n", "v": "m"}),
        ("x'*y", "x: vector(1)", {"x": "1", "y": "1"}),
        ("h*x", "h: scalar", {"h": "", "x": "n"}),
    ],
)
def test_declared_sizes_win(text, declared, shapes):
    reading = interpret(text, declared)
    assert {k: " ".join(map(str, s.shape)) for k, s in reading.symbols.items()} == shapes
    assert not set(reading.inferred) & set(declared.partition(":")[0].split())


def test_defaults_by_the_first_letter():
    scalars, vectors, matrices = "a", "h", "A"
    assert default_rank(scalars) == default_rank("gamma") == default_rank("σ") == 0
    assert default_rank(vectors) == default_rank("z_1") == default_rank("lambda") == 1
    assert default_rank(matrices) == default_rank("W1") == default_rank("Σ") == 2
    assert default_rank("ж") is None
    shapes = {name: s.ndim for name, s in interpret("σ*W1*x_1 + beta*y2").symbols.items()}
    assert shapes == {"σ": 0, "W1": 2, "x_1": 1, "beta": 0, "y2": 1}


def test_many_sizes_get_names_with_numbers():
    text = " + ".join(f"sum(X{k})" for k in range(8))
    shapes = [s.shape for s in interpret(text).symbols.values()]
    assert [str(d) for shape in shapes for d in shape] == [*"nmdkpqrstuvw", "n1", "n2", "n3", "n4"]


WRONG = {
    ("A*x - y", "A: matrix(3, 4), y: vector(5)"): (
        "(3,) - y: (5,): axis -1 has sizes 3 and 5, which do not broadcast; transpose an operand, "
        "or add an axis of size 1 with x[:, None]\n  A*x - y\n  ^^^^^^^"
    ),
    ("norm2(A*x)", "A: matrix(n, d), x: vector(n)"): (
        "A: (n, d) @ x: (n,): d and n differ; transpose the left operand\n  norm2(A*x)\n        ^^^"
    ),
    ("det(A)", "A: matrix(n, d)"): "det: A: (n, d) is not a square matrix\n  det(A)\n  ^^^^^^",
    ("x'*A*x", "A: matrix(n, d)"): (
        "(d,) @ x: (n,): d and n differ; declare the two axes with the same size\n"
        "  x'*A*x\n"
        "  ^^^^^^"
    ),
}


@pytest.mark.parametrize(("text", "declared"), WRONG)
def test_sizes_that_cannot_fit(text, declared):
    with pytest.raises(derive.ShapeError) as error:
        derive.parse(text, declared)
    assert str(error.value) == WRONG[text, declared]
