"""Symbolic tensor calculus: expressions, their derivatives as formulas, and notation.

Importing this package loads SymPy alone; ``codegen`` turns the results into NumPy and JAX code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from derive.calculus import gradient, hessian, hvp, jacobian, jvp, tie_entries, vjp
from derive.derivation import Derivation
from derive.errors import ShapeError, UnsupportedError
from derive.tensor.assumptions import assume
from derive.tensor.construct import arange
from derive.tensor.dims import dims
from derive.tensor.elementwise import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctanh,
    ceil,
    cos,
    cosh,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    floor,
    log,
    log1p,
    log_sigmoid,
    map,
    maximum,
    minimum,
    not_equal,
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    sinh,
    softplus,
    sqrt,
    square,
    tan,
    tanh,
    where,
)
from derive.tensor.linear import (
    det,
    diag,
    dot,
    eye,
    inv,
    kron,
    logdet,
    ones,
    outer,
    solve,
    trace,
    tril,
    triu,
    zeros,
)
from derive.tensor.names import let
from derive.tensor.node import Tensor
from derive.tensor.operators import abs, as_tensor, broadcast_to, einsum, power, transpose
from derive.tensor.reductions import (
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    softmax,
    standardize,
    sum,
    var,
)
from derive.tensor.scan import scan
from derive.tensor.structural import concatenate, pad, reshape, stack, take, take_along_axis
from derive.tensor.symbols import matrix, scalar, tensor, vector
from derive.tensor.windows import overlap_add, windows

if TYPE_CHECKING:
    from derive import layers, linalg, losses
    from derive.backpropagation import backprop
    from derive.language import ParseError, parse
    from derive.structures import structured
    from derive.verification.verify import verify

_LATE = {
    "backprop": "derive.backpropagation",
    "layers": "derive.layers",
    "linalg": "derive.linalg",
    "losses": "derive.losses",
    "ParseError": "derive.language",
    "parse": "derive.language",
    "structured": "derive.structures",
    "verify": "derive.verification",
}
"""What is imported when it is first asked for, since most programs never do."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        from difflib import get_close_matches

        near = [] if name.startswith("_") else get_close_matches(name, __all__, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module 'derive' has no attribute {name!r}{hint}")
    module = import_module(_LATE[name])
    value = module if module.__name__ == f"derive.{name}" else getattr(module, name)
    globals()[name] = value
    return value


__all__ = [
    "Derivation",
    "ParseError",
    "ShapeError",
    "Tensor",
    "UnsupportedError",
    "abs",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "assume",
    "as_tensor",
    "backprop",
    "broadcast_to",
    "ceil",
    "concatenate",
    "cos",
    "cosh",
    "det",
    "diag",
    "dot",
    "einsum",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "eye",
    "floor",
    "gradient",
    "hessian",
    "hvp",
    "inv",
    "jacobian",
    "jvp",
    "kron",
    "layers",
    "let",
    "linalg",
    "dims",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logdet",
    "logsumexp",
    "losses",
    "map",
    "matrix",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "norm",
    "not_equal",
    "ones",
    "outer",
    "overlap_add",
    "pad",
    "parse",
    "power",
    "prod",
    "reciprocal",
    "relu",
    "reshape",
    "scalar",
    "scan",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "solve",
    "sqrt",
    "square",
    "stack",
    "standardize",
    "structured",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensor",
    "tie_entries",
    "trace",
    "transpose",
    "tril",
    "triu",
    "var",
    "vector",
    "verify",
    "vjp",
    "where",
    "windows",
    "zeros",
]
