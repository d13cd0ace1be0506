"""Every error that a text can meet, with the whole of its message."""

import re

import pytest

import derive
from derive.language import ParseError, interpret

# (text, declarations): class of the error, reason, and where the carets are
ERRORS = {
    ("x + * y", None): (
        ParseError,
        "expected a name, a number or '(' after '+'; got '*'",
        "x + * y",
        "    ^",
    ),
    ("x +", None): (
        ParseError,
        "expected a name, a number or '(' after '+'; the text ends",
        "x +",
        "   ^",
    ),
    ("", None): (ParseError, "the text is empty; expected an expression", "", "^"),
    ("x y", None): (
        ParseError,
        "expected an operator or the end after 'x'; got 'y'; a product needs an operator, as in "
        "x*y",
        "x y",
        "  ^",
    ),
    ("2x", None): (
        ParseError,
        "expected an operator or the end after '2'; got 'x'; a product needs an operator, as in "
        "2*x",
        "2x",
        " ^",
    ),
    ("2(x + 1)", None): (
        ParseError,
        "a product needs an operator, as in 2*(...)",
        "2(x + 1)",
        "^^^^^^^^",
    ),
    ("tr(X'X)", None): (
        ParseError,
        "expected an operator or ',' or ')' after \"'\"; got 'X'; a product needs an operator, as "
        "in X'*X",
        "tr(X'X)",
        "     ^",
    ),
    ("x.T A @ x", None): (
        ParseError,
        "expected an operator or the end after '.T'; got 'A'; a product needs an operator, as in "
        "x.T@A",
        "x.T A @ x",
        "    ^",
    ),
    ("(A + B) x", None): (
        ParseError,
        "expected an operator or the end after ')'; got 'x'; a product needs an operator, such as "
        "*",
        "(A + B) x",
        "        ^",
    ),
    ("x^T A x", None): (
        ParseError,
        "expected an operator or the end after 'T'; got 'A'; ^T is a power, not a transpose; write "
        "x' or x.T",
        "x^T A x",
        "    ^",
    ),
    ("x^T*A*x", None): (
        ParseError,
        "^T is a power, not a transpose; write x' or x.T",
        "x^T*A*x",
        "^^^",
    ),
    ("log det(X)", None): (
        ParseError,
        "expected an operator or the end after 'log'; got 'det'; log is a function, so write "
        "log(...)",
        "log det(X)",
        "    ^^^",
    ),
    ("sum_i x_i", None): (
        ParseError,
        "expected an operator or the end after 'sum_i'; got 'x_i'; a sum is written sum(...), "
        "without an index",
        "sum_i x_i",
        "      ^^^",
    ),
    (r"\frac{1}{2} x^\top A x", None): (
        ParseError,
        r"LaTeX is not read; write x' for x^\top, a/b for \frac{a}{b}, sum(x) for \sum x, "
        r"norm2(x) for \|x\|, and every product with *",
        r"\frac{1}{2} x^\top A x",
        "^",
    ),
    ("tr(A⁻¹)", None): (
        ParseError,
        "'⁻' is not an operator here; write 'inv(...)' for an inverse, or '^-1'",
        "tr(A⁻¹)",
        "    ^",
    ),
    ("x'*inv(A + b*I)*x", None): (
        ParseError,
        "'I' is not the identity; write eye(n), or declare a matrix of this name",
        "x'*inv(A + b*I)*x",
        "             ^",
    ),
    ("sum(σ(x))", None): (
        ParseError,
        "unknown function 'σ'; write sigmoid(...)",
        "sum(σ(x))",
        "    ^",
    ),
    ("ln(x)", None): (ParseError, "unknown function 'ln'; write log(...)", "ln(x)", "^^"),
    ("f(x", None): (ParseError, "'(' is never closed", "f(x", " ^"),
    ("x)", None): (ParseError, "')' closes a bracket that was not opened", "x)", " ^"),
    ("(x]", None): (ParseError, "expected ')' to close '(', got ']'", "(x]", "  ^"),
    ("x[1", None): (ParseError, "'[' is never closed", "x[1", " ^"),
    ("x[", None): (ParseError, "'[' is never closed", "x[", " ^"),
    ("sum(x,,y)", None): (
        ParseError,
        "expected a name, a number or '(' after ','; got ','",
        "sum(x,,y)",
        "      ^",
    ),
    ("sum(x", None): (ParseError, "'(' is never closed", "sum(x", "   ^"),
    ("sum(axis=)", None): (
        ParseError,
        "expected a name, a number or '(' after '='; got ')'",
        "sum(axis=)",
        "         ^",
    ),
    ("x = y", None): (
        ParseError,
        "expected an operator or the end after 'x'; got '='",
        "x = y",
        "  ^",
    ),
    ("x == ", None): (
        ParseError,
        "expected a name, a number or '(' after '=='; the text ends",
        "x == ",
        "    ^",
    ),
    ("@ x", None): (
        ParseError,
        "expected a name, a number or '(' at the start; got '@'",
        "@ x",
        "^",
    ),
    ("x.", None): (ParseError, "expected a name after '.'; the text ends", "x.", "  ^"),
    ("x.3", None): (ParseError, "expected a name after '.'; got '3'", "x.3", "  ^"),
    ("lambda x: x", None): (
        ParseError,
        "a lambda is an argument, no operand",
        "lambda x: x",
        "^^^^^^^^^^^",
    ),
    ("'abc'", None): (ParseError, "'abc' is no operand", "'abc'", "^^^^^"),
    ("x $ y", None): (ParseError, "'$' (U+0024) has no meaning in an expression", "x $ y", "  ^"),
    ("x × y", None): (
        ParseError,
        "'×' is not an operator here; write '*', '.*' or '@'",
        "x × y",
        "  ^",
    ),
    ("x²", None): (
        ParseError,
        "'²' is not an operator here; write '^2' or '** 2'",
        "x²",
        " ^",
    ),
    ("√x", None): (ParseError, "'√' is not an operator here; write 'sqrt(...)'", "√x", "^"),
    ("|x|", None): (
        ParseError,
        "'|' is not an operator here; write 'abs(...)' or 'norm(...)'",
        "|x|",
        "^",
    ),
    ("x’*y", None): (
        ParseError,
        "'’' is not an operator here; write a straight ' for a transpose",
        "x’*y",
        " ^",
    ),
    ("а + b", None): (
        ParseError,
        "'а' was not declared, and CYRILLIC SMALL LETTER A (U+0430) has no default",
        "а + b",
        "^",
    ),
    ("x\x00y", None): (
        ParseError,
        "a character that is not printable (U+0000) has no meaning in an expression",
        "x y",
        " ^",
    ),
    ("x\u202ey", None): (
        ParseError,
        "a character that is not printable (U+202E) has no meaning in an expression",
        "x y",
        " ^",
    ),
    ("𝐱 + y", None): (
        ParseError,
        "'𝐱' was not declared, and MATHEMATICAL BOLD SMALL X (U+1D431) has no default",
        "𝐱 + y",
        "^",
    ),
    ("{x}", None): (ParseError, "'{' is not a bracket here; write '('", "{x}", "^"),
    ("x; y", None): (
        ParseError,
        "expected an operator or the end after 'x'; got ';'",
        "x; y",
        " ^",
    ),
    ("x!y", None): (ParseError, "'!' is not an operator here; write '!='", "x!y", " ^"),
    ("x & y", None): (
        ParseError,
        "'&' is not an operator here; write '*' between conditions",
        "x & y",
        "  ^",
    ),
    ("sofmax(x)", None): (
        ParseError,
        "unknown function 'sofmax'; did you mean 'softmax'?",
        "sofmax(x)",
        "^^^^^^",
    ),
    ("los.huber(x, y)", None): (
        ParseError,
        "unknown function 'los.huber'; did you mean 'losses.huber'?",
        "los.huber(x, y)",
        "^^^^^^^^^",
    ),
    ("losses.hubr(x, y)", None): (
        ParseError,
        "unknown function 'losses.hubr'; did you mean 'losses.huber'?",
        "losses.hubr(x, y)",
        "^^^^^^^^^^^",
    ),
    ("low_rank(A, 2)", None): (
        ParseError,
        "low_rank is short for linalg.low_rank and layers.low_rank",
        "low_rank(A, 2)",
        "^^^^^^^^",
    ),
    ("asin(x)", None): (
        ParseError,
        "unknown function 'asin'; did you mean 'sin'?",
        "asin(x)",
        "^^^^",
    ),
    ("x.sum()", None): (
        ParseError,
        "a tensor has no attribute 'sum'; write sum(x)",
        "x.sum()",
        "^^^^^",
    ),
    ("x.shape", None): (
        ParseError,
        "a tensor has no attribute 'shape'; write .T for a transpose",
        "x.shape",
        "^^^^^^^",
    ),
    ("x(y)", None): (
        ParseError,
        "unknown function 'x'; a product is written with an operator",
        "x(y)",
        "^",
    ),
    ("(A*x)(y)", None): (
        ParseError,
        "only functions by name are called, as in sum(x)",
        "(A*x)(y)",
        "^^^^^^^^",
    ),
    ("sum", None): (ParseError, "sum is a function; write sum(...)", "sum", "^^^"),
    ("exp + 1", None): (ParseError, "exp is a function; write exp(...)", "exp + 1", "^^^^^^^"),
    ("eye*x + x[0]", None): (
        ParseError,
        "eye is a function; write eye(...)",
        "eye*x + x[0]",
        "^^^^^",
    ),
    ("sum()", None): (
        ParseError,
        "sum: missing a required argument: 'x'; it is sum(x, axis=None, keepdims=False)",
        "sum()",
        "^^^^^",
    ),
    ("sum(x, 1, 2, 3)", None): (
        ParseError,
        "sum: too many positional arguments; it is sum(x, axis=None, keepdims=False)",
        "sum(x, 1, 2, 3)",
        "^^^^^^^^^^^^^^^",
    ),
    ("softmax(x, axs=0)", None): (
        ParseError,
        "softmax: got an unexpected keyword argument 'axs'; it is softmax(x, axis=-1)",
        "softmax(x, axs=0)",
        "^^^^^^^^^^^^^^^^^",
    ),
    ("x*y", None): (
        ParseError,
        (
            "x: (n,) * y: (m,): both are columns, which have no matrix product; write x "
            ".* y for the entrywise product, x' * y for the inner and x * y' for the "
            "outer product (in NumPy's spelling x * y, x @ y and outer(x, y))"
        ),
        "x*y",
        "^^^",
    ),
    ("x'*y'", None): (
        ParseError,
        (
            "x: (n,) * y: (m,): both are rows, which have no matrix product; write x .* y "
            "for the entrywise product, x' * y for the inner and x * y' for the outer "
            "product (in NumPy's spelling x * y, x @ y and outer(x, y))"
        ),
        "x'*y'",
        "^^^^^",
    ),
    ("A*x'", None): (
        ParseError,
        (
            "A: (n, m) * x: (d,): a matrix times a row has no meaning as a matrix "
            "product; transpose one of them with '"
        ),
        "A*x'",
        "^^^^",
    ),
    ("x*A", None): (
        ParseError,
        (
            "x: (n,) * A: (m, d): a column times a matrix has no meaning as a matrix "
            "product; transpose one of them with '"
        ),
        "x*A",
        "^^^",
    ),
    ("A + x", None): (
        ParseError,
        (
            "A: (n, m) is a matrix and x: (d,) is a column; + is between equal shapes, so "
            "write x*vector(1)' for a matrix whose columns are x, or vector(1)*x' for one "
            "whose rows are"
        ),
        "A + x",
        "^^^^^",
    ),
    ("x + y'", None): (
        ParseError,
        (
            "x: (n,) is a column and y: (m,) is a row; + is between equal shapes, so "
            "write both as columns, x + y, or the outer sum as x*vector(1)' + "
            "vector(1)*y'"
        ),
        "x + y'",
        "^^^^^^",
    ),
    ("A/B", None): (
        ParseError,
        (
            "A: (n, m) / B: (d, k): the divisor is a matrix; write ./ for the entrywise "
            "quotient, or a product with inv(...)"
        ),
        "A/B",
        "^^^",
    ),
    ("A/x", None): (
        ParseError,
        (
            "A: (n, m) / x: (d,): the divisor is a column; write ./ for the entrywise "
            "quotient, or a product with inv(...)"
        ),
        "A/x",
        "^^^",
    ),
    ("x/y", None): (
        ParseError,
        (
            "x: (n,) / y: (m,): the divisor is a column; write ./ for the entrywise "
            "quotient, or a product with inv(...)"
        ),
        "x/y",
        "^^^",
    ),
    ("x^2", None): (
        ParseError,
        (
            "x: (n,) is a column, and ^ is a power of a scalar or a square matrix; write "
            ".^ for the entrywise power, or x'*x for the squared length"
        ),
        "x^2",
        "^^^",
    ),
    ("A^0.5", None): (
        ParseError,
        (
            "the power of a matrix is by an integer; write .^ for the entrywise power, or "
            "sqrtm, logm and expm for functions of a matrix"
        ),
        "A^0.5",
        "^^^^^",
    ),
    ("A^x", None): (
        ParseError,
        ("the exponent x: (d,) is a column; ^ takes a number, and .^ is the entrywise power"),
        "A^x",
        "^^^",
    ),
    ("a^A", None): (
        ParseError,
        ("the exponent A: (n, m) is a matrix; ^ takes a number, and .^ is the entrywise power"),
        "a^A",
        "^^^",
    ),
    ("a^b^c", None): (ParseError, "a power of a power; write (a^b)^c or a^(b^c)", "a^b^c", "^^^^^"),
    ("A^2'", None): (
        ParseError,
        "a transpose behind a power is of either; write (A^k)' or A^(k')",
        "A^2'",
        "^^^^",
    ),
    ("a/0", None): (ParseError, "a division by 0", "a/0", "^^^"),
    ("vector(x)", None): (
        ParseError,
        "vector(c) takes a number, such as vector(1); its size is inferred",
        "vector(x)",
        "^^^^^^^^^",
    ),
    ("vector(1,2)", None): (
        ParseError,
        "vector(c) takes a number, such as vector(1); its size is inferred",
        "vector(1,2)",
        "^^^^^^^^^^^",
    ),
    ("eye(3)*x", "x: vector(4)"): (
        derive.ShapeError,
        "(3, 3) @ x: (4,): 3 and 4 differ; declare the two axes with the same size",
        "eye(3)*x",
        "^^^^^^^^",
    ),
    ("x'*y @ A", None): (
        ParseError,
        (
            "\"'\" is matrixcalculus.org's and '@' is NumPy's, and * means a matrix product "
            "in the one and an entrywise product in the other; write '*' for '@', or '.T' "
            'for "\'"'
        ),
        "x'*y @ A",
        "     ^",
    ),
    ("A.T*x'", None): (
        ParseError,
        (
            "'.T' is NumPy's and \"'\" is matrixcalculus.org's, and * means a matrix "
            "product in the one and an entrywise product in the other; write '.T' for "
            "\"'\", or a transpose as ' for '.T'"
        ),
        "A.T*x'",
        "     ^",
    ),
    ("eigh(A)", None): (ParseError, "these are 2 tensors; take one by [0]", "eigh(A)", "^^^^^^^"),
    ("eigh(A) + 1", None): (
        ParseError,
        "an operand is one tensor, and these are 2; take one by [0]",
        "eigh(A) + 1",
        "^^^^^^^^^^^",
    ),
    ("[x, y]", None): (ParseError, "these are 2 tensors; take one by [0]", "[x, y]", "^^^^^^"),
    ("x, y", None): (ParseError, "expected the end after 'x'; got ','", "x, y", " ^"),
    ("None", None): (ParseError, "None is no operand", "None", "^^^^"),
    ("x[y]", None): (
        derive.UnsupportedError,
        (
            "the index y is not an integer, a slice, None or an integer vector; use "
            "derive.take or derive.where"
        ),
        "x[y]",
        "^^^^",
    ),
    ("x[1.5]", None): (
        derive.UnsupportedError,
        'take: the indices () must be integers; declare them with dtype="int"',
        "x[1.5]",
        "^^^^^^",
    ),
    ("x[0][0]", None): (derive.ShapeError, "()[...]: 1 indices for 0 axes", "x[0][0]", "^^^^^^^"),
    ("sum('x')", None): (ParseError, "sum: x is not a text", "sum('x')", "^^^^^^^^"),
    ("einsum('ij', x)", None): (
        derive.ShapeError,
        "einsum('ij'): 'ij' names 2 axes, and the operand has shape x: (n,)",
        "einsum('ij', x)",
        "^^^^^^^^^^^^^^^",
    ),
    ("sum(x, axis=3)", None): (
        derive.ShapeError,
        "sum: axis 3 is not one of the 1 axes",
        "sum(x, axis=3)",
        "^^^^^^^^^^^^^^",
    ),
    ("reshape(x, (2,))", None): (
        derive.ShapeError,
        "reshape: x: (n,) has n entries and (2,) has 2",
        "reshape(x, (2,))",
        "^^^^^^^^^^^^^^^^",
    ),
    ("det(x)", None): (
        derive.ShapeError,
        "det: x: (n,) is not a square matrix",
        "det(x)",
        "^^^^^^",
    ),
    ("__import__('os')", None): (
        ParseError,
        "unknown function '__import__'; a product is written with an operator",
        "__import__('os')",
        "^^^^^^^^^^",
    ),
    ("x.__class__", None): (
        ParseError,
        "a tensor has no attribute '__class__'; write .T for a transpose",
        "x.__class__",
        "^^^^^^^^^^^",
    ),
    ("_x", None): (ParseError, "names start with a letter, and '_x' does not", "_x", "^^"),
    ("norm(x, 'evil()')", None): (
        ParseError,
        "norm: ord is not such a text",
        "norm(x, 'evil()')",
        "^^^^^^^^^^^^^^^^^",
    ),
    ("1e999999", None): (ParseError, "numbers have at most 100 digits", "1e999999", "^^^^^^^^"),
    ("9**9**9", None): (ParseError, "exponents are at most 4,000", "9**9**9", "^^^^^^^"),
    ("x**99999", None): (ParseError, "exponents are at most 4,000", "x**99999", "^^^^^^^^"),
    ("(x > y) > z > 1", None): (
        ParseError,
        "expected an operator or the end after 'z'; got '>'",
        "(x > y) > z > 1",
        "            ^",
    ),
    ("x\nwhere y", None): (
        ParseError,
        "expected an operator or the end after 'x'; got 'where'",
        "where y",
        "^^^^^",
    ),
    ("r\nwhere r, s = x", None): (
        ParseError,
        "2 names for 1 values",
        "where r, s = x",
        "             ^",
    ),
    ("eye @ x", None): (ParseError, "eye is a function; write eye(...)", "eye @ x", "^^^^^^^"),
    ("1 // x", None): (ParseError, "// is for sizes and numbers", "1 // x", "^^^^^^"),
    ("log(-)", None): (
        ParseError,
        "expected a name, a number or '(' after '-'; got ')'",
        "log(-)",
        "     ^",
    ),
    ("assume(x, positive=1, evil=2)", None): (
        derive.ShapeError,
        "assume: x: (n,) is not a square matrix",
        "assume(x, positive=1, evil=2)",
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
    ("T*x", "T: tensor(n,m,k)"): (
        ParseError,
        (
            "T: (n, m, k) * x: (d,): * is a product of matrices and vectors here; use "
            "NumPy's spelling, with @, for tensors with more axes"
        ),
        "T*x",
        "^^^",
    ),
    ("T'*x", "T: tensor(n,m,k)"): (
        ParseError,
        "a transpose is of a matrix or a vector; use transpose(x, axes)",
        "T'*x",
        "^^",
    ),
    ("softmax(x', y)", None): (
        ParseError,
        "softmax: some arguments are rows and others columns",
        "softmax(x', y)",
        "^^^^^^^^^^^^^^",
    ),
    ("maximum(x', y)", None): (
        ParseError,
        "maximum: some arguments are rows and others columns",
        "maximum(x', y)",
        "^^^^^^^^^^^^^^",
    ),
    ("A' @ x", None): (
        ParseError,
        (
            "\"'\" is matrixcalculus.org's and '@' is NumPy's, and * means a matrix product "
            "in the one and an entrywise product in the other; write '*' for '@', or '.T' "
            'for "\'"'
        ),
        "A' @ x",
        "   ^",
    ),
    ("np.sum(x')", None): (
        ParseError,
        (
            "'np' is NumPy's and \"'\" is matrixcalculus.org's, and * means a matrix "
            "product in the one and an entrywise product in the other; write '.T' for "
            "\"'\", or the function without a prefix for 'np'"
        ),
        "np.sum(x')",
        "        ^",
    ),
    ("sum(x, axis=0) + y'*y", None): (
        ParseError,
        (
            "'axis' is NumPy's and \"'\" is matrixcalculus.org's, and * means a matrix "
            "product in the one and an entrywise product in the other; write '.T' for "
            "\"'\", or the whole in NumPy's spelling for 'axis'"
        ),
        "sum(x, axis=0) + y'*y",
        "                  ^",
    ),
    ("norm2(x @ A)", None): (
        ParseError,
        (
            "'norm2' is matrixcalculus.org's and '@' is NumPy's, and * means a matrix "
            "product in the one and an entrywise product in the other; write '*' for '@', "
            "or 'norm(...)' for 'norm2'"
        ),
        "norm2(x @ A)",
        "        ^",
    ),
    ("vector(1) @ x", None): (
        ParseError,
        (
            "'vector' is matrixcalculus.org's and '@' is NumPy's, and * means a matrix "
            "product in the one and an entrywise product in the other; write '*' for '@', "
            "or 'ones(n)' with a size for 'vector'"
        ),
        "vector(1) @ x",
        "          ^",
    ),
    ("eigh(A)[2]", None): (
        ParseError,
        "these are 2 values; take one by [0]",
        "eigh(A)[2]",
        "^^^^^^^^^^",
    ),
    ("max(x, y)", None): (
        ParseError,
        "max: axis is no tensor; it is max(x, axis=None, keepdims=False); maximum(x, y) is between "
        "two",
        "max(x, y)",
        "^^^^^^^^^",
    ),
    ("x @ y\nwhere x = 2*y", "x: vector(n)"): (
        ParseError,
        "x has a meaning already; rename one",
        "x @ y",
        "     ^",
    ),
    (
        "1e99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
        None,
    ): (
        ParseError,
        "numbers have at most 100 digits",
        "1e9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999...",
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
    ("(-8)**(1/3)", None): (
        ParseError,
        "this power is not a real number",
        "(-8)**(1/3)",
        "^^^^^^^^^^^",
    ),
    ("rnn(X, x, A, B, x, unroll=True)", None): (
        ParseError,
        "rnn: a text has loops, and writes none out",
        "rnn(X, x, A, B, x, unroll=True)",
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
    ("vech(X)", "X: matrix(1000,1000)"): (
        ParseError,
        "vech: a size is at most 100",
        "vech(X)",
        "^^^^^^^",
    ),
    ("scan(lambda a, b: scan(lambda c, d: scan(lambda e, f: e, c, A), a, A), x, A)", None): (
        ParseError,
        "a lambda is within at most 2 others",
        "scan(lambda a, b: scan(lambda c, d: scan(lambda e, f: e, c, A), a, A), x, A)",
        "                                         ^^^^^^^^^^^^^^",
    ),
    ("low_rank(A,2)", "A: matrix(n,n)"): (
        ParseError,
        "low_rank is short for linalg.low_rank and layers.low_rank",
        "low_rank(A,2)",
        "^^^^^^^^",
    ),
    ("A @ x", "A: matrix(n,d), y: vector(d"): (
        ParseError,
        "'(' is never closed",
        "A: matrix(n,d), y: vector(d",
        "                         ^",
    ),
    ("x[0, 1]", None): (
        derive.ShapeError,
        "x: (n,)[...]: 2 indices for 1 axes",
        "x[0, 1]",
        "^^^^^^^",
    ),
    ("A*x", "A: matrix(2, 3), x: vector(4)"): (
        derive.ShapeError,
        "A: (2, 3) @ x: (4,): 3 and 4 differ; declare the two axes with the same size",
        "A*x",
        "^^^",
    ),
}


@pytest.mark.parametrize(("text", "declared"), ERRORS)
def test_error(text, declared):
    kind, reason, line, carets = ERRORS[text, declared]
    with pytest.raises(kind, match=re.escape(reason)) as error:
        interpret(text, declared)
    assert type(error.value) is kind
    assert str(error.value) == f"{reason}\n  {line}\n  {carets}"
