"""Entrywise functions: SymPy's elementary functions by their NumPy names, and the field's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from derive.errors import UnsupportedError
from derive.tensor import construct, scalar
from derive.tensor.node import Tensor
from derive.tensor.operators import TensorLike, apply, as_tensor, binary

_u = scalar.placeholder(0)

_BODIES: dict[str, tuple[sp.Expr, str]] = {
    "exp": (sp.exp(_u), "the exponential"),
    "expm1": (sp.exp(_u) - 1, "exp(x) - 1"),
    "log": (sp.log(_u), "the natural logarithm"),
    "log1p": (sp.log(1 + _u), "log(1 + x)"),
    "sqrt": (sp.sqrt(_u), "the square root"),
    "square": (_u**2, "the square"),
    "reciprocal": (1 / _u, "the reciprocal"),
    "sin": (sp.sin(_u), "the sine"),
    "cos": (sp.cos(_u), "the cosine"),
    "tan": (sp.tan(_u), "the tangent"),
    "arcsin": (sp.asin(_u), "the inverse sine"),
    "arccos": (sp.acos(_u), "the inverse cosine"),
    "arctan": (sp.atan(_u), "the inverse tangent"),
    "sinh": (sp.sinh(_u), "the hyperbolic sine"),
    "cosh": (sp.cosh(_u), "the hyperbolic cosine"),
    "tanh": (sp.tanh(_u), "the hyperbolic tangent"),
    "arcsinh": (sp.asinh(_u), "the inverse hyperbolic sine"),
    "arccosh": (sp.acosh(_u), "the inverse hyperbolic cosine"),
    "arctanh": (sp.atanh(_u), "the inverse hyperbolic tangent"),
    "erf": (sp.erf(_u), "the error function"),
    "erfc": (sp.erfc(_u), "1 - erf(x)"),
    "sigmoid": (scalar.sigmoid(_u), "the logistic function 1 / (1 + exp(-x))"),
    "softplus": (scalar.softplus(_u), "log(1 + exp(x))"),
    "log_sigmoid": (-scalar.softplus(-_u), "log(sigmoid(x))"),
    "relu": (scalar.relu(_u), "max(x, 0); its derivative at 0 is 0"),
    "sign": (sp.sign(_u), "-1, 0 or 1; its derivative is 0"),
    "floor": (sp.floor(_u), "the largest integer below; its derivative is 0"),
    "ceil": (sp.ceiling(_u), "the smallest integer above; its derivative is 0"),
}


def _unary(name: str, body: sp.Expr, meaning: str) -> Callable[[TensorLike], Tensor]:
    def function(x: TensorLike) -> Tensor:
        return apply(body, x, operation=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Give {meaning} of every entry.

    Parameters
    ----------
    x : tensor of any shape

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.{name}(x).shape
    (n,)
    """
    return function


exp = _unary("exp", *_BODIES["exp"])
expm1 = _unary("expm1", *_BODIES["expm1"])
log = _unary("log", *_BODIES["log"])
log1p = _unary("log1p", *_BODIES["log1p"])
sqrt = _unary("sqrt", *_BODIES["sqrt"])
square = _unary("square", *_BODIES["square"])
reciprocal = _unary("reciprocal", *_BODIES["reciprocal"])
sin = _unary("sin", *_BODIES["sin"])
cos = _unary("cos", *_BODIES["cos"])
tan = _unary("tan", *_BODIES["tan"])
arcsin = _unary("arcsin", *_BODIES["arcsin"])
arccos = _unary("arccos", *_BODIES["arccos"])
arctan = _unary("arctan", *_BODIES["arctan"])
sinh = _unary("sinh", *_BODIES["sinh"])
cosh = _unary("cosh", *_BODIES["cosh"])
tanh = _unary("tanh", *_BODIES["tanh"])
arcsinh = _unary("arcsinh", *_BODIES["arcsinh"])
arccosh = _unary("arccosh", *_BODIES["arccosh"])
arctanh = _unary("arctanh", *_BODIES["arctanh"])
erf = _unary("erf", *_BODIES["erf"])
erfc = _unary("erfc", *_BODIES["erfc"])
sigmoid = _unary("sigmoid", *_BODIES["sigmoid"])
softplus = _unary("softplus", *_BODIES["softplus"])
log_sigmoid = _unary("log_sigmoid", *_BODIES["log_sigmoid"])
relu = _unary("relu", *_BODIES["relu"])
sign = _unary("sign", *_BODIES["sign"])
floor = _unary("floor", *_BODIES["floor"])
ceil = _unary("ceil", *_BODIES["ceil"])


def maximum(x: TensorLike, y: TensorLike) -> Tensor:
    """Give the larger of two entries; at a tie each side takes half of the gradient.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.maximum(x, 0).shape
    (n,)
    """
    return binary("maximum", x, y)


def minimum(x: TensorLike, y: TensorLike) -> Tensor:
    """Give the smaller of two entries; at a tie each side takes half of the gradient.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.minimum(x, 1).shape
    (n,)
    """
    return binary("minimum", x, y)


def equal(x: TensorLike, y: TensorLike) -> Tensor:
    """Give 1 where two entries are equal and 0 elsewhere.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.equal(x, 0).shape
    (n,)
    """
    return binary("equal", x, y)


def not_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """Give 1 where two entries differ and 0 elsewhere.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.not_equal(x, 0).shape
    (n,)
    """
    return binary("not_equal", x, y)


def where(condition: TensorLike, x: TensorLike, y: TensorLike) -> Tensor:
    """Select entries of x where the condition holds (is not 0), and of y elsewhere.

    Parameters
    ----------
    condition, x, y : tensors
        They broadcast; a comparison such as ``x > 0`` gives a condition.

    Examples
    --------
    >>> import derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.where(x > 0, x, 0.1 * x).shape
    (n,)
    """
    u = [scalar.placeholder(k) for k in range(3)]
    return apply(scalar.where(*u), condition, x, y, operation="where")


def map(function: Any, x: TensorLike) -> Tensor:
    """Apply a SymPy function of one variable to every entry.

    Parameters
    ----------
    function : sympy.Lambda, sympy function class, or callable on a SymPy symbol
    x : tensor of any shape

    Raises
    ------
    UnsupportedError
        When the function does not give a SymPy expression in its argument alone.

    Examples
    --------
    >>> import sympy as sp, derive
    >>> x = derive.vector("x", derive.dims("n"))
    >>> derive.map(lambda t: t * sp.exp(-(t**2)), x).shape
    (n,)
    """
    return apply_body(scalar_body("map", function, _u), {_u: as_tensor(x)})


def scalar_body(operation: str, function: Any, *variables: sp.Symbol) -> sp.Expr:
    """Give a function of numbers as a SymPy expression in its variables.

    Raises
    ------
    UnsupportedError
        When it is no function, or does not give a SymPy expression.
    """
    if not callable(function):
        raise UnsupportedError(f"{operation}: {function!r} is not a function, such as sympy.exp")
    body = function(*variables)
    if isinstance(body, Tensor):
        raise UnsupportedError(
            f"{operation}: the function must be written with SymPy's functions, "
            "as sympy.exp instead of derive.exp"
        )
    body = sp.sympify(body)
    if not isinstance(body, sp.Expr):
        raise UnsupportedError(f"{operation}: {function!r} gives {body!r}, no scalar expression")
    return body


def apply_body(body: sp.Expr, values: dict[sp.Symbol, Tensor]) -> Tensor:
    """Evaluate a SymPy scalar expression in which symbols stand for tensors.

    Symbols that stand for no tensor are scalar inputs; positive integers are sizes.
    """
    body = scalar.adopt(body)
    tensors = dict(values)
    for symbol in sorted(body.free_symbols, key=str):
        if symbol not in tensors and not is_size(symbol):
            from derive.tensor.symbols import from_sympy_symbol

            tensors[symbol] = from_sympy_symbol(symbol)
    order = list(tensors)
    renamed = body.xreplace({s: scalar.placeholder(k) for k, s in enumerate(order)})
    return apply(construct.as_coefficient(renamed), *(tensors[s] for s in order))


def is_size(symbol: sp.Basic) -> bool:
    """Tell whether a symbol is a size, as ``derive.dims`` makes them."""
    return bool(symbol.is_integer and symbol.is_positive)
