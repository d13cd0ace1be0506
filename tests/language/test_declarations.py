"""Declarations as a text, and what is wrong with one."""

import pytest

import derive
from derive.language import ParseError, declare
from derive.tensor.symbols import STRUCTURES

n, m, k, d = derive.dims("n m k d")

DECLARED = {
    "a: scalar": derive.scalar("a"),
    "a: positive": derive.scalar("a", positive=True),
    "a: positive scalar": derive.scalar("a", positive=True),
    "a: int scalar": derive.tensor("a", dtype="int"),
    "a: vector(n)": derive.vector("a", n),
    "a: vector(3)": derive.vector("a", 3),
    "a: vector(2*n + 1)": derive.vector("a", 2 * n + 1),
    "a: int vector(n)": derive.tensor("a", n, dtype="int"),
    "a: bool vector(n)": derive.tensor("a", n, dtype="bool"),
    "a: positive vector(n)": derive.vector("a", n, positive=True),
    "a: simplex(n)": derive.vector("a", n, simplex=True),
    "a: simplex vector(n)": derive.vector("a", n, simplex=True),
    "a: simplex(n, k)": derive.matrix("a", n, k, simplex=True),
    "a: matrix(n, d)": derive.matrix("a", n, d),
    "a: matrix(n, d,)": derive.matrix("a", n, d),
    "a: positive matrix(n, d)": derive.matrix("a", n, d, positive=True),
    "a: symmetric matrix(n, n)": derive.matrix("a", n, n, symmetric=True),
    "a: symmetric positive matrix(n, n)": derive.matrix("a", n, n, symmetric=True, positive=True),
    "a: tensor(n, m, k)": derive.tensor("a", n, m, k),
    "a: tensor(n, m, k, 2)": derive.tensor("a", n, m, k, 2),
}


@pytest.mark.parametrize("text", DECLARED)
def test_declaration(text):
    assert declare(text) == {"a": DECLARED[text]}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_structure(structure):
    assert declare(f"S: {structure}(n, n)")["S"] is derive.matrix("S", n, n, **{structure: True})
    assert declare(f"S: {structure} matrix(n, n)")["S"] is declare(f"S: {structure}(n, n)")["S"]


def test_a_structure_of_square_matrices_needs_one_size():
    assert declare("S: symmetric(n)")["S"] is derive.matrix("S", n, n, symmetric=True)
    assert declare("S: positive_definite(2*n)")["S"].shape == (2 * n, 2 * n)


def test_several_declarations():
    found = declare("X: matrix(n, d), x y: vector(n); S: symmetric(d),\n labels: int vector(n)\n")
    assert list(found) == ["X", "x", "y", "S", "labels"]
    assert found["y"] is derive.vector("y", n)


def test_declared_symbols_keep_their_structure():
    assert str(derive.parse("(S + S')*x", "S: symmetric(n), x: vector(n)")) == "2 * S @ x"
    assert str(derive.parse("sqrt(p.^2)", "p: positive vector(n)")) == "p"
    assert str(derive.parse("sum(p)", "p: simplex(n)")) == "1"
    assert str(derive.parse("take(x, i)", "x: vector(n), i: int vector(k)")) == "take(x, i, axis=0)"


WRONG = {
    "": "the text is empty; expected a declaration such as X: matrix(n, d)\n  \n  ^",
    "X: matrx(n, d)": (
        "unknown kind 'matrx'; did you mean 'matrix'?\n  X: matrx(n, d)\n     ^^^^^"
    ),
    "X: quux(n)": (
        "unknown kind 'quux'; known are scalar, vector, matrix, tensor, float, int, bool, "
        "symmetric, diagonal, lower_triangular, upper_triangular, positive_definite, orthogonal, "
        "positive, simplex\n  X: quux(n)\n     ^^^^"
    ),
    "X: matrix(n)": "a matrix has two sizes, and 1 are given\n  X: matrix(n)\n  ^^^^^^^^^^^^",
    "x: vector": "a vector has one size, and 0 are given\n  x: vector\n  ^^^^^^^^^",
    "x: int": "expected a kind: scalar, vector, matrix or tensor\n  x: int\n     ^^^",
    "x: vector matrix(n, n)": (
        "a declaration has one kind, the last word\n  x: vector matrix(n, n)\n            ^^^^^^"
    ),
    "x: vector int(n)": "vector is the kind, and comes last\n  x: vector int(n)\n     ^^^^^^",
    "X: matrix(n, d": "'(' is never closed\n  X: matrix(n, d\n           ^",
    "X matrix(n)": "expected a name or ':' after 'matrix'; got '('\n  X matrix(n)\n          ^",
    "X: matrix(n d)": (
        "expected an operator or ',' or ')' after 'n'; got 'd'\n  X: matrix(n d)\n              ^"
    ),
    "X:": "expected a kind such as matrix(n, d) after ':'; the text ends\n  X:\n    ^",
    "X: (n, d)": ("expected a kind such as matrix(n, d) after ':'; got '('\n  X: (n, d)\n     ^"),
    "S: symmetric": "symmetric needs a size; write symmetric(n)\n  S: symmetric\n     ^^^^^^^^^",
    "x: vector(n), x: scalar": "x is declared twice\n  x: vector(n), x: scalar\n                ^",
    "n: scalar, x: vector(n)": (
        "n is a size and also a symbol; rename one of them\n  n: scalar, x: vector(n)\n  ^"
    ),
    "pi: scalar": "pi cannot be the name of a symbol\n  pi: scalar\n  ^^",
    "__x__: scalar": "__x__ cannot be the name of a symbol\n  __x__: scalar\n  ^^^^^",
    "x: vector(exp(n))": (
        "a size is an integer, a name, or an expression in these\n  x: vector(exp(n))\n"
        "            ^^^^^^"
    ),
    "x: vector(9**9**9)": "exponents are at most 4,000\n  x: vector(9**9**9)\n            ^^^^^^^",
}


@pytest.mark.parametrize("text", WRONG)
def test_error(text):
    with pytest.raises(ParseError) as error:
        declare(text)
    assert str(error.value) == WRONG[text]


def test_shapes_that_do_not_fit_a_structure():
    with pytest.raises(derive.ShapeError) as error:
        declare("x: symmetric(n, m)")
    assert str(error.value) == (
        "x: (n, m) is not square, so it cannot be symmetric\n"
        "  x: symmetric(n, m)\n"
        "  ^^^^^^^^^^^^^^^^^^"
    )
    with pytest.raises(derive.ShapeError, match="a size must be a positive integer or a symbol"):
        declare("x: vector(0)")
    with pytest.raises(derive.UnsupportedError, match="simplex cannot be declared together with"):
        declare("P: simplex symmetric(n)")
